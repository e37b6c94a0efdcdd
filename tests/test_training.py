"""Training learns from the data it is given, and survives interruptions and bad data."""

import csv
import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from conftest import ROOT

from giraffe import training
from giraffe.checkpoint import load_model, save_model
from giraffe.classes import CLASSES, encode
from giraffe.classifier import Classifier, decide
from giraffe.errors import ModelError, RecordError
from giraffe.initial import load_initial
from giraffe.learner import Learner
from giraffe.metrics import f_per_class, macro
from giraffe.network import Network
from giraffe.pretrain import half_precision
from giraffe.recipe import DEFAULT_RECIPE, PROFILES, RECIPES
from giraffe.records import scan
from giraffe.settings import Settings
from giraffe.split import split_records
from giraffe.trained import describe_model, write_model

LABEL_LINE = "# Labels: "


def _copy(folder, target, number=None):
    target.mkdir()
    for i, header in enumerate(sorted(folder.glob("*.hea"))):
        if number is None or i < number:
            for path in folder.glob(f"{header.stem}*"):
                shutil.copy(path, target)
    return target


def _fit(folder, model, recipe, epochs, seed):
    """Train on all records, without validation, and score the same records."""
    recipe = dataclasses.replace(recipe, epochs=epochs, patience=0)
    # All records in one step, at the smallest size that InceptionV3 takes.
    profile = dataclasses.replace(PROFILES["smoke"], epochs=None, batch=8, scale=0.15)
    settings = Settings(recipe, profile, seed)
    records, _ = scan(folder)
    model.mkdir(parents=True)
    run = training.TrainingRun(records, [], settings, model, verbose=False)
    run.begin()
    run.fit(time.monotonic() + 3600)
    trained = [run.finish()]
    write_model(model, trained, describe_model(settings, trained))
    return Classifier(model)


def _f_of_true_and_shuffled(records_folder, tmp_path, recipe, epochs, seed, number=8):
    folder = _copy(records_folder, tmp_path / "true", number)
    records, _ = scan(folder)
    truth = np.stack([encode(record.labels) for record in records])
    scores = {}
    for kind in ("true", "shuffled"):
        if kind == "shuffled":
            order = np.random.default_rng(seed).permutation(len(records))
            headers = [folder / f"{record.name}.hea" for record in records]
            lines = [f"{LABEL_LINE}{', '.join(record.labels)}" for record in records]
            for i, header in enumerate(headers):
                header.write_text(header.read_text().replace(lines[i], lines[order[i]]))
        classifier = _fit(folder, tmp_path / kind / "model", recipe, epochs, seed)
        p = np.stack([classifier.record_probabilities(folder / r.name) for r in records])
        chosen = decide(p, classifier.thresholds, recipe.labels)
        scores[kind] = macro(f_per_class(truth, chosen))
    return scores


def _gap(records_folder, tmp_path, recipe, epochs):
    gaps = []
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        scores = _f_of_true_and_shuffled(records_folder, folder, recipe, epochs, seed)
        gaps.append(scores["true"] - scores["shuffled"])
    return float(np.mean(gaps))


def test_true_labels_are_learnt_and_shuffled_ones_score_worse(records_folder, tmp_path):
    assert _gap(records_folder, tmp_path, RECIPES["2322"], epochs=18) >= 0.3


def test_training_keeps_the_best_epoch_and_writes_its_history(
    records_folder, tmp_path, smoke_settings
):
    settings = dataclasses.replace(
        smoke_settings, recipe=dataclasses.replace(smoke_settings.recipe, epochs=6, patience=2)
    )
    description = training.train(records_folder, tmp_path / "m", settings, verbose=False)
    with open(tmp_path / "m" / "history.csv") as file:
        rows = list(csv.DictReader(file))
    areas = [float(row["auroc"]) for row in rows]
    # The first of the highest; among equal ones that of the smallest loss.
    ranks = [(area, -float(row["validation_loss"])) for area, row in zip(areas, rows, strict=True)]
    best = ranks.index(max(ranks)) + 1
    assert description["weights_of_epochs"] == [best]
    assert len(rows) == min(6, best + 2)
    assert json.loads((tmp_path / "m/model.json").read_text())["validation"]["auroc"] == max(areas)


def test_a_record_whose_image_cannot_be_read_is_skipped_and_named(
    records_folder, tmp_path, smoke_settings, caplog
):
    folder = _copy(records_folder, tmp_path / "data", 8)
    broken = sorted(folder.glob("*.hea"))[0].stem
    (folder / f"{broken}-0.png").write_bytes(b"broken")
    (folder / f"{broken}.dat").unlink()
    training.train(folder, tmp_path / "m", smoke_settings, verbose=False)
    assert f"{broken}-0.png: not a readable image" in caplog.text
    assert "1 records had no readable image" in caplog.text


def test_without_images_the_waveform_is_printed(records_folder, tmp_path, smoke_settings):
    folder = _copy(records_folder, tmp_path / "data", 8)
    for path in folder.glob("*.png"):
        path.unlink()
    training.train(folder, tmp_path / "m", smoke_settings, verbose=False)
    assert (tmp_path / "m" / "model.json").exists()


def test_nothing_to_train_on_is_an_error_that_says_why(tmp_path, smoke_settings):
    with pytest.raises(RecordError, match="no records"):
        training.train(tmp_path, tmp_path / "m", smoke_settings)
    (tmp_path / "a.hea").write_text("a 0 100 10\n")
    with pytest.raises(RecordError, match=r"none of its 1 records.*\n1 records: no label \(a\)"):
        training.train(tmp_path, tmp_path / "m", smoke_settings)


def test_identical_records_stay_on_one_side_of_the_split(records_folder, tmp_path):
    folder = _copy(records_folder, tmp_path / "data")
    for header in list(folder.glob("*.hea")):
        for path in list(folder.glob(f"{header.stem}*")):
            shutil.copy(path, folder / path.name.replace(header.stem, header.stem + "copy"))
    records, _ = scan(folder)
    for seed in range(3):
        parts = split_records(records, Settings(seed=seed))
        names = [{record.name.removesuffix("copy") for record in part} for part in parts]
        assert not names[0] & names[1]


def test_the_vanilla_recipe_is_the_papers():
    recipe = RECIPES["2324"]
    network = Network(recipe, PROFILES["scoring"].input_size(recipe))
    sizes = [tuple(p.shape) for n, p in network.named_parameters() if n.endswith("weight")]
    assert sizes == [
        (16, 3, 3, 3), (32, 16, 3, 3), (64, 32, 3, 3), (512, 64 * 53 * 68), (11, 512),
    ]  # fmt: skip
    assert (recipe.optimizer, recipe.learning_rate, recipe.batch) == ("adam", 1e-3, 4)
    p = np.zeros((2, 11))
    p[0, :3] = 0.45, 0.36, 0.2
    p[1, 4:6] = 0.6, 0.55
    chosen = decide(p, [0.5] * 11, recipe.labels)
    assert np.flatnonzero(chosen[0]).tolist() == [0, 1]
    assert np.flatnonzero(chosen[1]).tolist() == [4, 5]


def test_if_no_class_passes_the_nearest_to_passing_is_given():
    p = np.full((1, 11), 0.1)
    p[0, 3] = 0.3
    assert np.flatnonzero(decide(p, [0.5] * 11)[0]).tolist() == [3]
    thresholds = [0.5] * 11
    thresholds[7] = 0.12
    assert np.flatnonzero(decide(p, thresholds)[0]).tolist() == [7]


def test_imagenet_weights_are_used_where_they_lie_on_disk(tmp_path, monkeypatch):
    import torchvision

    torch.manual_seed(1)
    stand_in = torchvision.models.inception_v3(init_weights=False)
    path = tmp_path / "checkpoints" / "inception_v3_google-0cc3c7bd.pth"
    path.parent.mkdir()
    torch.save(stand_in.state_dict(), path)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    network = Network(RECIPES["2322"], (96, 192))
    assert path.name in load_initial(network, RECIPES["2322"]).said
    name = "Mixed_7c.branch_pool.conv.weight"
    assert torch.equal(network.body.state_dict()[name], stand_in.state_dict()[name])
    assert network.body.transform_input is False
    path.unlink()
    said = load_initial(network, RECIPES["2322"]).said
    assert "random weights (ImageNet weights not on disk" in said


class Killed(BaseException):
    """The process ends here, whatever the code would catch."""


def dying_at(number):
    """`Learner.step` that dies in its step of this number."""
    step, steps = Learner.step, []

    def dying_step(self, batch, lone=False):
        steps.append(1)
        if len(steps) == number:
            raise Killed
        return step(self, batch, lone)

    return dying_step


def test_a_killed_run_continues_to_exactly_the_same_weights(
    records_folder, tmp_path, smoke_settings, monkeypatch
):
    settings = dataclasses.replace(
        smoke_settings, recipe=dataclasses.replace(smoke_settings.recipe, epochs=3)
    )
    training.train(records_folder, tmp_path / "whole", settings, verbose=False)

    # Checkpoints after every step, and death in the middle of the second epoch.
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0)
    monkeypatch.setattr(training, "EPOCH_CHECKPOINT_SECONDS", 0)
    step = Learner.step
    monkeypatch.setattr(Learner, "step", dying_at(8))
    with pytest.raises(Killed):
        training.train(records_folder, tmp_path / "killed", settings, verbose=False)
    assert not (tmp_path / "killed" / "model.json").exists()
    left = []
    monkeypatch.setattr(Learner, "step", lambda *a, **k: left.append(1) or step(*a, **k))
    training.train(records_folder, tmp_path / "killed", settings, verbose=False)
    assert len(left) == 3 * 4 - 7  # it went on where it was; starting afresh would hide a loss

    states = [torch.load(tmp_path / name / "weights-0.pt") for name in ("whole", "killed")]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert not (tmp_path / "killed" / "resume").exists()


def test_a_model_is_replaced_by_one_trained_from_it_only_when_that_is_finished(
    records_folder, tmp_path, smoke_settings, monkeypatch
):
    model = tmp_path / "model"
    training.train(records_folder, model, smoke_settings, verbose=False)
    (model / "README.md").write_text("its card")
    shipped = (model / "model.json").read_bytes(), (model / "weights-0.pt").read_bytes()
    recipe = dataclasses.replace(smoke_settings.recipe, initial=str(model))
    settings = dataclasses.replace(smoke_settings, recipe=recipe, seed=9)
    step = Learner.step
    monkeypatch.setattr(Learner, "step", dying_at(3))
    with pytest.raises(Killed):
        training.train(records_folder, model, settings, verbose=False)
    assert shipped == ((model / "model.json").read_bytes(), (model / "weights-0.pt").read_bytes())
    load_model(model)
    monkeypatch.setattr(Learner, "step", step)
    description = training.train(records_folder, model, settings, verbose=False)
    assert "weights of model" in description["networks"][0]["initial"]
    assert (model / "weights-0.pt").read_bytes() != shipped[1]
    assert (model / "README.md").read_text() == "its card" and not (model / "resume").exists()


def test_a_changed_recipe_starts_afresh(records_folder, tmp_path, smoke_settings, caplog):
    run = tmp_path / "m" / "resume"
    run.mkdir(parents=True)
    records, _ = scan(records_folder)
    first = training.TrainingRun(records, [], smoke_settings, run, verbose=False)
    first.begin()
    first._save()
    changed = dataclasses.replace(smoke_settings, seed=4)
    second = training.TrainingRun(records, [], changed, run, verbose=False)
    second.begin()
    assert "starting afresh" in caplog.text


def test_sigterm_ends_training_with_a_usable_model(records_folder, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "giraffe", "train", str(records_folder), "-m", str(tmp_path / "m"),
         "--profile", "smoke"],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stderr:
        if "per epoch" in line:
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    load_model(tmp_path / "m")


def test_a_time_limit_ends_training_with_a_usable_model(records_folder, tmp_path, smoke_settings):
    settings = dataclasses.replace(smoke_settings, time_limit_hours=1e-6)
    training.train(records_folder, tmp_path / "m", settings, verbose=False)
    load_model(tmp_path / "m")


def test_no_more_epochs_are_planned_than_end_in_time(records_folder, tmp_path, smoke_settings):
    recipe = dataclasses.replace(smoke_settings.recipe, epochs=10)
    settings = dataclasses.replace(smoke_settings, recipe=recipe)
    records, _ = scan(records_folder)
    run = training.TrainingRun(records, [], settings, tmp_path / "run", verbose=False)
    run.begin()
    assert run.progress.planned == 10
    run.progress.epoch = 2
    run.progress.history = [{"seconds": 50.0}, {"seconds": 100.0}]  # the second was slower
    run._plan(time.monotonic() + 1000)
    assert run.progress.planned == 10
    run._plan(time.monotonic() + 350)
    assert run.progress.planned == 5  # three more of 1.1 * 100 s
    run._plan(time.monotonic() + 1000)
    assert run.progress.planned == 5  # never more again
    run._save()
    again = training.TrainingRun(records, [], settings, tmp_path / "run", verbose=False)
    again.begin()
    assert again.progress.planned == 5


def test_a_finished_model_is_replaced_only_by_a_finished_one(
    records_folder, tmp_path, smoke_settings, monkeypatch
):
    training.train(records_folder, tmp_path / "m", smoke_settings, verbose=False)
    before = (tmp_path / "m" / "weights-0.pt").read_bytes()

    def broken(self, **kwargs):
        raise RuntimeError("boom")

    monkeypatch.setattr(training.TrainingRun, "finish", broken)
    with pytest.raises(RuntimeError):
        training.train(records_folder, tmp_path / "m", smoke_settings, verbose=False)
    assert (tmp_path / "m" / "weights-0.pt").read_bytes() == before
    load_model(tmp_path / "m")


def test_folded_batch_norm_gives_the_same_probabilities(tmp_path):
    from giraffe.checkpoint import save_model

    torch.manual_seed(0)
    recipe = RECIPES["2322"]
    network = Network(recipe, (96, 192))
    network.train()
    images = torch.randint(0, 256, (4, 3, 96, 192), dtype=torch.uint8)
    network(images)
    network.eval()
    with torch.inference_mode():
        expected = network.probabilities(images).numpy()
    save_model(
        tmp_path, [network.state_dict()],
        {"recipe": recipe.as_dict(), "size": [96, 192], "thresholds": [0.5] * 11},
    )  # fmt: skip
    classifier = Classifier(tmp_path)
    ours = classifier.probabilities(list(images.permute(0, 2, 3, 1).numpy()))
    np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_weights_of_a_file_are_used_with_a_fresh_last_layer(tmp_path):
    trained = Network(RECIPES["2324"], (80, 103))
    torch.save(trained.state_dict(), tmp_path / "w.pt")
    recipe = dataclasses.replace(RECIPES["2324"], initial=str(tmp_path / "w.pt"))
    network = Network(recipe, (80, 103))
    assert "weights of w.pt" in load_initial(network, recipe).said
    assert torch.equal(network.body[0].weight, trained.body[0].weight)
    assert not torch.equal(network.last.weight, trained.last.weight)
    (tmp_path / "model").mkdir()
    torch.save(half_precision(trained.state_dict()), tmp_path / "model" / "weights-0.pt")
    recipe = dataclasses.replace(recipe, initial=str(tmp_path / "model"))
    assert "weights of weights-0.pt" in load_initial(network, recipe).said
    assert torch.equal(network.body[0].weight, trained.body[0].weight.half().float())
    absent = dataclasses.replace(recipe, initial=str(tmp_path / "none.pt"))
    assert "random weights (no such file" in load_initial(network, absent).said


def test_where_the_auroc_is_undefined_the_validation_loss_decides(
    records_folder, tmp_path, smoke_settings, caplog
):
    records, _ = scan(records_folder)
    norm = [r for r in records if r.labels == ("NORM",)][:2]
    recipe = dataclasses.replace(smoke_settings.recipe, epochs=3, patience=5)
    settings = dataclasses.replace(smoke_settings, recipe=recipe)
    run = training.TrainingRun(records[:8], norm, settings, tmp_path, verbose=False)
    run.begin()
    run.fit(time.monotonic() + 600)
    assert caplog.text.count("the validation loss decides") == 1
    losses = [row["validation_loss"] for row in run.progress.history]
    assert run.progress.best_epoch == int(np.argmin(losses)) + 1


def test_without_validation_records_the_last_epoch_is_kept(
    records_folder, tmp_path, smoke_settings, caplog
):
    records, _ = scan(records_folder)
    recipe = dataclasses.replace(smoke_settings.recipe, epochs=2, patience=5)
    settings = dataclasses.replace(smoke_settings, recipe=recipe)
    run = training.TrainingRun(records[:8], [], settings, tmp_path, verbose=False)
    run.begin()
    run.fit(time.monotonic() + 600)
    assert caplog.text.count("the last epoch is kept") == 1
    assert run.progress.best_epoch == 2


def test_the_scoring_profile_on_a_cpu_names_demo(records_folder, tmp_path, smoke_settings, caplog):
    profile = dataclasses.replace(PROFILES["scoring"], scale=0.1875, workers=0)
    settings = dataclasses.replace(smoke_settings, profile=profile)
    records, _ = scan(records_folder)
    run = training.TrainingRun(
        records[:4], [], settings, tmp_path, verbose=False, device=torch.device("cpu")
    )
    run.begin()
    assert "GIRAFFE_PROFILE=demo" in caplog.text


def test_several_images_of_a_record_are_averaged(records_folder, tmp_path, smoke_settings):
    recipe = dataclasses.replace(smoke_settings.recipe, all_images=True)
    settings = dataclasses.replace(smoke_settings, recipe=recipe)
    training.train(records_folder, tmp_path / "m", settings, verbose=False)
    classifier = Classifier(tmp_path / "m")
    names = ["sim0005_000000", "sim0005_000001"]
    single = [classifier.record_probabilities(records_folder / name) for name in names]
    (tmp_path / "both.hea").write_text(
        f"both 0 500 5000\n# Image: {names[0]}-0.png, {names[1]}-0.png\n"
    )
    for name in names:
        shutil.copy(records_folder / f"{name}-0.png", tmp_path)
    both = classifier.record_probabilities(tmp_path / "both")
    np.testing.assert_allclose(both, np.mean(single, axis=0), atol=1e-6)


class Executes:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_model_folders_that_cannot_be_used_say_what_to_do(records_folder, tmp_path, smoke_settings):
    import pickle

    with pytest.raises(ModelError, match="train one with"):
        load_model(tmp_path)
    model = tmp_path / "m"
    training.train(records_folder, model, smoke_settings, verbose=False)
    good = (model / "weights-0.pt").read_bytes()

    (model / "weights-0.pt").write_bytes(good[: len(good) // 2])
    with pytest.raises(ModelError, match="train the model again"):
        load_model(model)
    trap = tmp_path / "trap"
    (model / "weights-0.pt").write_bytes(pickle.dumps(Executes(str(trap))))
    with pytest.raises(ModelError, match="read safely"):
        load_model(model)
    assert not trap.exists()

    (model / "weights-0.pt").write_bytes(good)
    description = json.loads((model / "model.json").read_text())
    for change, words in (
        ({"format": 99}, "format 99"),
        ({"classes": ["NORM"]}, "made for the classes NORM"),
        ({"thresholds": [2.0] * 11}, "not a model's description"),
        ({"weights": ["0" * 64]}, "does not belong"),
    ):
        (model / "model.json").write_text(json.dumps({**description, **change}))
        with pytest.raises(ModelError, match=words):
            load_model(model)


def test_weights_that_are_not_finite_are_refused(tmp_path, smoke_settings):
    recipe = smoke_settings.recipe
    network = Network(recipe, (16, 16))
    with torch.no_grad():
        network.last.bias[3] = torch.nan
    description = {"recipe": recipe.as_dict(), "size": [16, 16], "thresholds": [0.5] * 11}
    save_model(tmp_path, [network.state_dict()], description)
    with pytest.raises(ModelError, match=r"last\.bias holds values that are not finite"):
        load_model(tmp_path)


def test_environment_variables_are_checked():
    assert Settings.from_environment({}).recipe.name == DEFAULT_RECIPE
    started = Settings.from_environment({"GIRAFFE_INITIAL": "model"}).recipe
    assert (started.name, started.initial) == (DEFAULT_RECIPE, "model")
    chosen = Settings.from_environment({"GIRAFFE_RECIPE": "2324", "GIRAFFE_SEED": "7"})
    assert chosen.recipe.architecture == "vanilla" and chosen.seed == 7
    for name in ("RECIPE", "PROFILE", "SEED", "TIME_LIMIT_HOURS"):
        with pytest.raises(ValueError, match=f"GIRAFFE_{name}"):
            Settings.from_environment({f"GIRAFFE_{name}": "x"})


def test_the_time_limit_follows_the_number_of_records():
    assert Settings().limit_seconds(5000) == 20 * 3600
    assert Settings().limit_seconds(5001) == 150 * 3600


def test_the_order_of_classes_is_the_challenges():
    assert CLASSES[:3] == ("NORM", "Acute MI", "Old MI") and len(CLASSES) == 11
