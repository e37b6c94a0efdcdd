"""Pretraining: patients that are new in every epoch, a second teacher, stages, resumption."""

import dataclasses
import logging

import numpy as np
import pytest
import torch

from giraffe.classes import CLASSES
from giraffe.ecg.findings import FINDINGS
from giraffe.ecg.simulate import simulate
from giraffe.errors import ModelError
from giraffe.judging.conditions import printed_records
from giraffe.learning import pretrain as room
from giraffe.learning import teacher
from giraffe.learning.data import PrintoutDataset, Source
from giraffe.learning.distributed import Group
from giraffe.learning.feed import EpochBatches, make_loader
from giraffe.learning.learner import Learner
from giraffe.learning.measured import Patients, with_numbers
from giraffe.learning.pretrain import Stage, half_precision, parse_stages
from giraffe.learning.teacher import Numbers
from giraffe.network.classifier import Classifier
from giraffe.recipe import RECIPES
from giraffe.settings import Settings

# A vanilla network of the recipe's proportions, because it takes milliseconds per step.
RECIPE = dataclasses.replace(
    RECIPES["giraffe"], architecture="vanilla", initial="random", measurements=0.5
)
STAGES = (Stage("D1", 64, 128, 16), Stage("giraffe", 64, 128, 16))


@pytest.fixture(scope="module")
def source():
    return Numbers([simulate(99, k).truth() for k in range(12)])


@pytest.fixture
def small(monkeypatch):
    """Few patients where many only give better statistics."""
    monkeypatch.setattr(room, "VALIDATION_PATIENTS", 4)
    monkeypatch.setattr(room, "LAST_PATIENTS", 2)
    monkeypatch.setattr(teacher, "EXAMPLES", 10)
    profile = dataclasses.replace(Settings().profile, batch=4, workers=0)
    return Settings(recipe=RECIPE, profile=profile, seed=3)


def test_stages_are_read_and_checked():
    stages = parse_stages("D1:192x384:100,giraffe:512x1024:20")
    assert stages == (Stage("D1", 192, 384, 100), Stage("giraffe", 512, 1024, 20))
    for text in ("D1:192:100", "D1:192x384", "", "D1:axb:1"):
        with pytest.raises(ValueError, match="PRESET:HEIGHTxWIDTH:IMAGES"):
            parse_stages(text)
    with pytest.raises(ValueError, match="unknown preset"):
        parse_stages("D9:192x384:100")


def test_numbers_are_comparable_and_unknown_ones_are_nan(source):
    patients = [simulate(98, k) for k in range(12)]
    vectors = np.stack([source.vector(p.truth(), p.findings) for p in patients])
    measured, findings = vectors[:, : -len(FINDINGS)], vectors[:, -len(FINDINGS) :]
    assert np.nanmax(np.abs(measured)) <= teacher.LARGEST and 0.2 < np.nanstd(measured) < 2
    for patient, row in zip(patients, findings, strict=True):
        named = {f.name for f, yes in zip(FINDINGS, row, strict=True) if yes}
        assert named == set(patient.findings) & {f.name for f in FINDINGS}
    assert np.isnan(source.vector(None)).all() and source.vector(None).shape == vectors[0].shape


def test_every_epoch_has_other_patients_and_validation_the_same(source):
    places = Patients.of(source, 5, 3)
    seen = {}
    for epoch in (1, 2, 3):
        for k, place in enumerate(places):
            record = place.at(epoch)
            patient = simulate(5, k + 3 * epoch)
            assert record.labels == patient.labels
            np.testing.assert_array_equal(record.waveform().signal, patient.signal)
            np.testing.assert_array_equal(
                record.targets(), [float(c in patient.labels) for c in CLASSES]
            )
            seen[record.waveform().signal.tobytes()] = True
    assert len(seen) == 9
    assert all(place.at(None).labels == place.labels for place in places)


def test_measurements_reach_the_loss_and_unknown_ones_do_not(source):
    places = Patients.of(source, 5, 4)
    dataset = PrintoutDataset(places, Source(64, 128, images="printed", preset="D1"))
    batch = next(iter(make_loader(dataset, EpochBatches(4, 4, seed=1), workers=0)))
    assert batch.measured.shape == (4, len(source.vector(None)))
    made = Learner(
        RECIPE, (64, 128), np.ones(11), 0, torch.device("cpu"), Group(), batch.measured.shape[1]
    )
    made.network.train()
    loss, _ = made.loss(batch.images, batch.targets, batch.measured)
    blank = torch.full_like(batch.measured, torch.nan)
    without, _ = made.loss(batch.images, batch.targets, blank)
    assert float(loss.detach()) > float(without.detach())
    without.backward()
    assert not made.network.measured.weight.grad.any()


def test_all_stages_make_a_small_model_that_runs(records_folder, tmp_path, small):
    model = tmp_path / "m"
    description = room.pretrain(
        [records_folder], model, small, STAGES, simulated=8, repeats=1, verbose=False
    )
    assert description["size"] == [64, 128] and not (model / "resume").exists()
    stored = torch.load(model / "weights-0.pt", weights_only=True)
    assert not any(name.startswith("measured.") for name in stored)
    assert stored["last.weight"].dtype == torch.float16
    assert stored["last.bias"].dtype == torch.float32
    history = (model / "history.csv").read_text().splitlines()
    assert len(history) == 3 and "preset" in history[0]
    p = Classifier(model).record_probabilities(records_folder / "sim0005_000003")
    assert p.shape == (11,) and np.isfinite(p).all()
    # Another run can start from them.
    again = room.pretrain(
        [], tmp_path / "n", small, STAGES[1:], simulated=8, initial=model, verbose=False
    )
    assert model.name in again["networks"][0]["initial"]


def test_killed_in_its_second_stage_it_goes_on_there(tmp_path, small, monkeypatch, caplog):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    room.pretrain([], whole, small, STAGES, simulated=8, verbose=False)

    class Killed(BaseException):
        pass

    steps, step = [], Learner.step

    def dying(self, *args, **kwargs):
        steps.append(1)
        if len(steps) == 7:
            raise Killed
        return step(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "step", dying)
        patch.setattr("giraffe.learning.training_loop.EPOCH_CHECKPOINT_SECONDS", 0)
        with pytest.raises(Killed):
            room.pretrain([], broken, small, STAGES, simulated=8, verbose=False)
    assert len(steps) == 7
    count, real = [], Learner.step
    monkeypatch.setattr(Learner, "step", lambda *a, **k: count.append(1) or real(*a, **k))
    with caplog.at_level(logging.INFO):
        room.pretrain([], broken, small, STAGES, simulated=8, verbose=False)
    assert len(count) == 2  # of 8: the first stage and one epoch of the second were done
    one, other = (torch.load(m / "weights-0.pt", weights_only=True) for m in (whole, broken))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_real_records_vary_in_training_alone_and_take_soft_labels(records_folder, source):
    records = printed_records(records_folder)[:2]
    soft = {records[0].path.name: np.full(len(CLASSES), 0.4, np.float32)}
    first, second = with_numbers(records, source, soft, varied=7)
    np.testing.assert_array_equal(second.targets(), records[1].targets())
    hard = records[0].targets()
    known = np.isfinite(hard) & (np.arange(len(CLASSES)) != CLASSES.index("Acute MI"))
    np.testing.assert_allclose(first.targets()[known], 0.5 * hard[known] + 0.2, atol=1e-6)
    as_is = records[0].waveform().signal
    np.testing.assert_array_equal(first.at(None).waveform().signal, as_is)
    epochs = [first.at(epoch).waveform().signal for epoch in (1, 1, 2)]
    np.testing.assert_array_equal(epochs[0], epochs[1])
    assert (epochs[0] != epochs[2]).any() and (epochs[0] != as_is).any()
    steady = with_numbers(records, source)[0]
    np.testing.assert_array_equal(steady.at(1).waveform().signal, as_is)


def test_weights_of_another_network_are_refused(tmp_path):
    made = Learner(RECIPE, (64, 128), np.ones(11), 0, torch.device("cpu"), Group(), 5)
    state = made.network.state_dict()
    made.load_weights(half_precision(state))
    with pytest.raises(ModelError, match="another network"):
        made.load_weights({"last.weight": state["last.weight"]})
