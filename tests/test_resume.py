"""A training that is killed loses nothing, and a model is whole at any moment."""

import dataclasses

import pytest
import torch

from giraffe.ecg.records import scan
from giraffe.learning import training, training_loop
from giraffe.learning.learner import Learner
from giraffe.learning.training_loop import TrainingRun
from giraffe.network.checkpoint import load_model

LABEL_LINE = "# Labels: "


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
    monkeypatch.setattr(training_loop, "CHECKPOINT_SECONDS", 0)
    monkeypatch.setattr(training_loop, "EPOCH_CHECKPOINT_SECONDS", 0)
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


def test_a_finished_model_is_replaced_only_by_a_finished_one(
    records_folder, tmp_path, smoke_settings, monkeypatch
):
    training.train(records_folder, tmp_path / "m", smoke_settings, verbose=False)
    before = (tmp_path / "m" / "weights-0.pt").read_bytes()

    def broken(self, **kwargs):
        raise RuntimeError("boom")

    monkeypatch.setattr(TrainingRun, "finish", broken)
    with pytest.raises(RuntimeError):
        training.train(records_folder, tmp_path / "m", smoke_settings, verbose=False)
    assert (tmp_path / "m" / "weights-0.pt").read_bytes() == before
    load_model(tmp_path / "m")


def test_a_changed_recipe_starts_afresh(records_folder, tmp_path, smoke_settings, caplog):
    run = tmp_path / "m" / "resume"
    run.mkdir(parents=True)
    records, _ = scan(records_folder)
    first = TrainingRun(records, [], smoke_settings, run, verbose=False)
    first.begin()
    first._save()
    changed = dataclasses.replace(smoke_settings, seed=4)
    second = TrainingRun(records, [], changed, run, verbose=False)
    second.begin()
    assert "starting afresh" in caplog.text
