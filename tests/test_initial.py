"""Where training starts, and that tuning a model destroys neither it nor what shuffling tells."""

import csv
import dataclasses
import json
import time

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from giraffe.classes import CLASSES
from giraffe.ecg.records import scan
from giraffe.errors import ModelError
from giraffe.learning import training, training_loop
from giraffe.learning.distributed import Group
from giraffe.learning.learner import Learner
from giraffe.learning.trained import Trained, describe_model
from giraffe.network import initial as room
from giraffe.network.architectures import Network
from giraffe.network.calibration import Calibration
from giraffe.network.checkpoint import load_model, save_model
from giraffe.recipe import RECIPES, SHIPPED
from giraffe.settings import Settings

RECIPE = RECIPES["2324"]
SIZE = (80, 103)


def save(folder, network, recipe=RECIPE, size=SIZE, **more):
    content = {"recipe": recipe.as_dict(), "size": list(size), "thresholds": [0.4] * len(CLASSES)}
    save_model(folder, [network.state_dict()], {**content, **more})
    return folder


def start_from(folder, recipe=RECIPE, size=SIZE):
    recipe = dataclasses.replace(recipe, initial=str(folder))
    network = Network(recipe, size)
    return network, room.load_initial(network, recipe)


def test_a_model_of_the_same_question_gives_its_last_layer_too(tmp_path):
    recipe = dataclasses.replace(RECIPE, activation="gev")
    theirs = Network(recipe, SIZE)
    torch.nn.init.normal_(theirs.head.mu)
    network, start = start_from(save(tmp_path / "m", theirs, recipe), recipe)
    assert start.said == "weights of m (8 of 8 layers and the last)"
    assert start.model["thresholds"] == [0.4] * len(CLASSES)
    ours, state = network.state_dict(), theirs.state_dict()
    assert all(torch.equal(ours[name], state[name]) for name in state)


def test_a_model_of_another_head_or_architecture_gives_what_sees_pictures(tmp_path):
    theirs = Network(RECIPE, SIZE)
    folder = save(tmp_path / "m", theirs)
    network, start = start_from(folder, dataclasses.replace(RECIPE, activation="gev"))
    assert start.model is None and "a fresh last layer" in start.said
    assert torch.equal(network.body[0].weight, theirs.body[0].weight)
    assert not torch.equal(network.last.weight, theirs.last.weight)
    _, start = start_from(folder, RECIPES["2322"], (96, 192))
    assert start.model is None and "random weights" in start.said


def test_the_shipped_model_is_meant_by_name_and_can_be_absent(tmp_path, monkeypatch):
    assert room.model_folder("shipped") == SHIPPED
    folder = save(tmp_path / "own", Network(RECIPE, SIZE))
    monkeypatch.setattr(room, "SHIPPED", folder)
    _, start = start_from("shipped")
    assert start.said.startswith("weights of the shipped model")
    monkeypatch.setattr(room, "SHIPPED", tmp_path / "none")
    _, start = start_from("shipped")
    assert start.said.startswith("random weights (no such file")
    (folder / "weights-0.pt").write_bytes(b"broken")
    monkeypatch.setattr(room, "SHIPPED", folder)
    with pytest.raises(ModelError, match=r"weights-0\.pt"):
        start_from("shipped")


def test_ours_starts_from_the_shipped_model_and_can_be_told_not_to():
    assert RECIPES["giraffe"].initial == "shipped"
    told = {"GIRAFFE_RECIPE": "giraffe", "GIRAFFE_INITIAL": "random"}
    assert Settings.from_environment(told).recipe.initial == "random"
    assert Settings.from_environment({"GIRAFFE_INITIAL": "shipped"}).recipe.initial == "shipped"


def test_tuning_learns_slowly_and_forgotten_labels_are_learnt_at_full_speed(tmp_path):
    recipe = dataclasses.replace(RECIPE, average=0.9, tuning=0.25)
    theirs = Network(recipe, SIZE)
    recipe = dataclasses.replace(recipe, initial=str(save(tmp_path / "m", theirs, recipe)))
    learner = Learner(recipe, SIZE, np.ones(11), 0, torch.device("cpu"), Group())
    learner.set_learning_rate(1e-3)
    assert learner.optimizer.param_groups[0]["lr"] == pytest.approx(0.25e-3)
    assert torch.equal(learner.network.last.weight, theirs.last.weight)
    learner.forget_labels()
    learner.set_learning_rate(1e-3)
    assert learner.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3)
    assert learner.start is None and "made afresh" in learner.initial
    assert torch.equal(learner.network.body[0].weight, theirs.body[0].weight)
    with learner.final_weights():
        assert not torch.equal(learner.network.last.weight, theirs.last.weight)


@pytest.fixture(scope="module")
def good(records_folder, tmp_path_factory):
    """A model that tells the three classes of the records apart, and the settings that made it."""
    recipe = dataclasses.replace(RECIPE, epochs=25, patience=0, thresholds="tuned", batch=8)
    profile = dataclasses.replace(Settings().profile, workers=0, scale=0.1875, name="tiny")
    settings = Settings(recipe=recipe, profile=profile, seed=3)
    model = tmp_path_factory.mktemp("good") / "m"
    training.train(records_folder, model, settings, verbose=False)
    return model, settings


def tuned(settings, model, **changes):
    changes = {"initial": str(model), "patience": 5, "epochs": 2, "tuning": 1.0, **changes}
    return dataclasses.replace(settings, recipe=dataclasses.replace(settings.recipe, **changes))


def rows_of(model):
    with open(model / "history.csv") as file:
        return list(csv.DictReader(file))


def test_a_model_that_training_only_spoils_stays_as_it_is(good, records_folder, tmp_path, caplog):
    model, settings = good
    ruinous = tuned(settings, model, learning_rate=3.0)
    told = training.train(records_folder, tmp_path / "m", ruinous, verbose=False)
    assert told["weights_of_epochs"] == [0]
    assert [row["epoch"] for row in rows_of(tmp_path / "m")] == ["0", "1", "2"]
    before, after = (load_model(m)[0][0].state_dict() for m in (model, tmp_path / "m"))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert "no better than chance" not in caplog.text


def test_stopped_at_once_it_still_has_what_it_started_from(good, records_folder, tmp_path):
    model, settings = good
    hurried = dataclasses.replace(tuned(settings, model), time_limit_hours=1e-6)
    told = training.train(records_folder, tmp_path / "m", hurried, verbose=False)
    assert told["weights_of_epochs"] == [0]
    load_model(tmp_path / "m")


def test_labels_that_the_weights_do_not_know_are_learnt_afresh(
    good, records_folder, tmp_path, caplog
):
    model, settings = good
    data = tmp_path / "data"
    data.mkdir()
    for path in records_folder.iterdir():
        (data / path.name).write_bytes(path.read_bytes())
    headers = sorted(data.glob("*.hea"))
    texts = [header.read_text() for header in headers]
    lines = [next(x for x in text.splitlines() if x.startswith("# Labels")) for text in texts]
    order = np.random.default_rng(1).permutation(len(lines))
    for header, text, own, k in zip(headers, texts, lines, order, strict=True):
        header.write_text(text.replace(own, lines[k]))
    told = training.train(data, tmp_path / "m", tuned(settings, model), verbose=False)
    assert "no better than chance: the last layer is made afresh" in caplog.text
    assert told["weights_of_epochs"] != [0]
    assert "the last made afresh" in told["networks"][0]["initial"]
    assert [row["epoch"] for row in rows_of(tmp_path / "m")] == ["1", "2"]


def test_a_few_records_are_no_evidence_against_a_model(good, records_folder, tmp_path, caplog):
    model, settings = good
    records = scan(records_folder)[0][:4]
    run = training_loop.TrainingRun(records, [], tuned(settings, model), tmp_path, verbose=False)
    run.begin()
    run.fit(time.monotonic() + 600)
    assert run.learner.start is not None and run.progress.history[0]["epoch"] == 1
    assert "no better than chance" not in caplog.text


def test_a_killed_tuning_goes_on_from_the_same_start(good, records_folder, tmp_path, monkeypatch):
    model, settings = good
    settings = tuned(settings, model, learning_rate=3.0)
    monkeypatch.setattr(training_loop, "CHECKPOINT_SECONDS", 0)
    step, steps = Learner.step, []

    class Killed(BaseException):
        pass

    def dying(self, *args, **kwargs):
        steps.append(1)
        if len(steps) == 2:
            raise Killed
        return step(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "step", dying)
        with pytest.raises(Killed):
            training.train(records_folder, tmp_path / "m", settings, verbose=False)
    judged = []
    monkeypatch.setattr(
        training_loop.TrainingRun, "_judge_start", lambda self: judged.append(self)
    )  # fmt: skip
    told = training.train(records_folder, tmp_path / "m", settings, verbose=False)
    assert not judged and told["weights_of_epochs"] == [0]
    assert [row["epoch"] for row in rows_of(tmp_path / "m")] == ["0", "1", "2"]


def test_a_model_that_stays_keeps_its_calibration_and_a_tuned_one_its_thresholds_at_first():
    recipe = dataclasses.replace(RECIPE, thresholds="tuned")
    start = {"thresholds": [0.3] * 11, "calibration": [Calibration("shift", (1.0, 1.0, 0.7))] * 11}
    facts = {"training_seconds": 1.0, "device": "CPU"}
    nothing = np.empty((0, len(CLASSES)))
    for epoch in (0, 2):
        one = Trained({}, epoch, [], nothing, nothing, {}, facts, start)
        told = describe_model(Settings(recipe=recipe), [one])
        # What it says is calibrated no more, so its thresholds move as its answers do.
        usual = 0.3 if epoch == 0 else expit(logit(0.3) - 0.7)
        np.testing.assert_allclose(told["thresholds"], usual, atol=1e-4)
        kept = [["shift", [1.0, 1.0, 0.7]]] * 11 if epoch == 0 else None
        assert told.get("calibration") == kept
        json.dumps(told["thresholds"])


def test_chance_is_small_for_scores_that_know_and_large_for_those_that_do_not():
    from giraffe.judging.metrics import chance

    rng = np.random.default_rng(0)
    targets = (rng.random((60, 11)) < 0.3).astype(float)
    targets[:, 1] = np.nan
    assert chance(targets, np.nan_to_num(targets) + rng.normal(0, 0.5, targets.shape)) == 0.001
    assert chance(targets, rng.random(targets.shape)) > 0.05
    assert np.isnan(chance(np.ones((5, 11)), rng.random((5, 11))))
