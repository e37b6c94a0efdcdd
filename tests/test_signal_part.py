"""A model that also reads the signals in a picture: what they add, and its files."""

import dataclasses
import json
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from giraffe.chart import digitizer as digitizer_room
from giraffe.chart.chart import Chart
from giraffe.chart.digitizer import Digitizer, PictureSignals
from giraffe.chart.reader import Finding
from giraffe.classes import CLASSES
from giraffe.ecg.records import LEADS
from giraffe.errors import ModelError
from giraffe.judging.calibrating import Judged
from giraffe.learning import signal_readers as readers_room
from giraffe.learning.signal_readers import keep_signal_readers
from giraffe.learning.trained import Trained, describe_model, move_into_place, write_model
from giraffe.network import classifier as classifier_room
from giraffe.network import signalnet
from giraffe.network.architectures import Network
from giraffe.network.checkpoint import SIGNALS, add_signals, load_description, save_model
from giraffe.network.classifier import Classifier
from giraffe.network.shipping import ship
from giraffe.network.signalnet import SignalNet, as_signal, logits
from giraffe.recipe import RECIPES
from giraffe.settings import Settings

RECIPE = dataclasses.replace(RECIPES["2324"], straightened=True, labels="most_probable")
SIZE = (16, 32)
CORNERS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
FOUND = Finding(Chart(CORNERS, 0, 0.9, None), "chart", 0.9)
NOTHING = Finding(None, "none", 0.1)
SHIFTS = [["shift", [1.0, 1.0, 1.0]]] * len(CLASSES)


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model with two networks that read signals, none of them trained."""
    monkeypatch.setattr(signalnet, "CHANNELS", (4, 6, 8, 8))
    monkeypatch.setattr(classifier_room, "Digitizer", lambda: SimpleNamespace(read=None))
    description = {
        "recipe": RECIPE.as_dict(), "size": SIZE, "thresholds": [0.4] * len(CLASSES), "seed": 1,
    }  # fmt: skip
    torch.manual_seed(0)
    save_model(tmp_path / "m", [Network(RECIPE, SIZE).state_dict()], description)
    add_signals(tmp_path / "m", [SignalNet().eval(), SignalNet().eval()], 0.25)
    return tmp_path / "m"


def pictures(number: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return list(rng.integers(0, 256, (number, 40, 80, 3), dtype=np.uint8))


def traces(seed: int, leads: tuple[str, ...] = LEADS[3:]) -> PictureSignals:
    """What a digitizer would say: 2.5 s of some leads."""
    signals = np.random.default_rng(seed).normal(size=(len(leads), 1250)).astype(np.float32)
    rows = dict(zip(leads, signals, strict=True))
    digitized = SimpleNamespace(leads=leads, fs=500.0, lead=rows.get)
    return PictureSignals(FOUND, digitized, "")


def change(model, **part) -> None:
    content = json.loads((model / "model.json").read_text())
    content["signals"] |= part
    (model / "model.json").write_text(json.dumps(content))


def test_what_pictures_and_signals_say_is_the_mean_of_their_log_odds(model):
    both, alone = Classifier(model), Classifier(model, signals=False)
    nothing = PictureSignals(NOTHING, None, "no chart found")
    seen = [traces(1), traces(2), nothing, traces(3, ("II", "V1", "V5"))]
    findings = [FOUND, FOUND, NOTHING, FOUND]
    p = alone.probabilities(pictures(4), findings)
    q = both.probabilities(pictures(4), findings, traces=seen)
    leads = np.stack([[one.digitized.lead(name) for name in LEADS[3:]] for one in seen[:2]])
    signals = np.stack([as_signal(signalnet.Waveform(s, 500.0, LEADS[3:])) for s in leads])
    assert np.isfinite(signals[:, 3:, :250]).all() and np.isnan(signals[:, :3]).all()
    expected = 0.75 * np.log(p[:2] / (1 - p[:2])) + 0.25 * logits(both._readers, signals)
    np.testing.assert_allclose(np.log(q[:2] / (1 - q[:2])), expected, atol=1e-3)
    # Without a chart, or with few leads, the picture alone says it.
    np.testing.assert_allclose(q[2:], p[2:], atol=1e-6)
    assert np.abs(q[:2] - p[:2]).max() > 1e-3


def test_pictures_are_digitized_where_nobody_did_so_before(model, monkeypatch):
    asked = []

    def read(pixels, finding):
        asked.append(finding)
        return traces(1)

    monkeypatch.setattr(classifier_room, "Digitizer", lambda: SimpleNamespace(read=read))
    classifier = Classifier(model)
    given = classifier.probabilities(pictures(2), [FOUND, NOTHING], traces=[traces(1), traces(1)])
    assert asked == []
    found = classifier.probabilities(pictures(2), [FOUND, NOTHING])
    assert asked == [FOUND]
    np.testing.assert_array_equal(found, given)


def test_both_together_have_a_calibration_and_thresholds_of_their_own(model):
    change(model, calibration=SHIFTS, thresholds=[0.2] * len(CLASSES))
    both, alone = Classifier(model), Classifier(model, signals=False)
    assert (both.thresholds == 0.2).all() and (alone.thresholds == 0.4).all()
    raw, honest = both.answers(pictures(1), [FOUND], [traces(1)])
    assert (honest > raw).all()
    raw, honest = alone.answers(pictures(1), [NOTHING])
    np.testing.assert_allclose(honest, raw, atol=1e-6)
    # A picture without a chart is judged by its own thresholds all the same.
    raw, moved = both.answers(pictures(1), [NOTHING], [traces(1)])
    np.testing.assert_allclose(raw, honest, atol=1e-6)
    assert (moved < honest).all()
    np.testing.assert_array_equal(moved >= 0.2, honest >= 0.4)


def test_pages_to_read_signals_of_are_printed_as_large_as_a_scan(model):
    assert max(filter(None, Classifier(model).frame)) > 2000
    assert max(filter(None, Classifier(model, signals=False).frame)) < 100


@pytest.mark.parametrize("fault", ["missing", "another", "broken", "thresholds"])
def test_files_that_do_not_belong_together_are_named(model, fault):
    path = model / SIGNALS
    if fault == "missing":
        path.unlink()
    elif fault == "another":
        signalnet.save_networks(path, [SignalNet()])
    elif fault == "broken":
        path.write_bytes(b"no tensors")
    else:
        change(model, thresholds=[0.5])
    with pytest.raises(ModelError, match=r"signals\.pt|model\.json"):
        Classifier(model)
    if fault != "thresholds":
        Classifier(model, signals=False)


def test_a_model_is_shipped_with_its_signals(model, tmp_path):
    ship(model, tmp_path / "s")
    assert load_description(tmp_path / "s")["signals"].share == 0.25
    p, q = (
        Classifier(folder).probabilities(pictures(1), [FOUND], traces=[traces(1)])
        for folder in (model, tmp_path / "s")
    )
    np.testing.assert_allclose(p, q, atol=0.02)
    (model / SIGNALS).unlink()
    content = json.loads((model / "model.json").read_text())
    del content["signals"]
    (model / "model.json").write_text(json.dumps(content))
    ship(model, tmp_path / "s")
    assert not (tmp_path / "s" / SIGNALS).exists()
    assert Classifier(tmp_path / "s").digitizer is None


@pytest.mark.parametrize("epoch", [0, 3])
def test_what_training_leaves_as_it_was_keeps_its_signals(model, tmp_path, epoch):
    """And what it changed has none: their calibration together would be another one."""
    start = load_description(model)
    targets, p = np.eye(11)[:5], np.full((5, 11), 0.3)
    facts = {"training_seconds": 1.0, "device": "a CPU"}
    state = Network(RECIPE, SIZE).state_dict()
    one = Trained(state, epoch, [], targets, p, {"training": []}, facts, start)
    settings = Settings(recipe=RECIPE)
    work, out = tmp_path / "work", tmp_path / "out"
    out.mkdir()
    (out / SIGNALS).write_bytes(b"of a model before")
    (work / "resume").mkdir(parents=True)
    description = describe_model(settings, [one]) | {"size": list(SIZE)}
    write_model(work, [one], description)
    (work / "train.log").write_text("")
    move_into_place(work, out, 1)
    assert ("signals" in json.loads((out / "model.json").read_text())) == (epoch == 0)
    assert (Classifier(out).digitizer is not None) == (epoch == 0)


def judgement(how_well: float) -> Judged:
    targets = np.tile(np.eye(11), (2, 1))
    noise = np.random.default_rng(0).random(targets.shape)
    p = np.clip(how_well * targets + (1 - how_well) * noise, 0.01, 0.99)
    return Judged(targets, p, np.arange(22).astype(str))


@pytest.mark.parametrize(
    ("alone", "both", "records", "seconds"),
    [(0.3, 0.6, 9, 1e4), (0.6, 0.3, 9, 1e4), (0.3, 0.6, 7, 1e4), (0.3, 0.6, 9, 60.0)],
)
def test_a_tuned_model_keeps_them_where_it_reads_validation_records_no_worse_and_can_tell(
    model, tmp_path, monkeypatch, alone, both, records, seconds
):
    part = load_description(model)["signals"]
    tuned = tmp_path / "tuned"
    description = {
        "recipe": RECIPE.as_dict(), "size": SIZE, "thresholds": [0.5] * len(CLASSES), "seed": 1,
    }  # fmt: skip
    save_model(tuned, [Network(RECIPE, SIZE).state_dict()], description)

    def judge(records, classifier, presets, verbose):
        return judgement(alone if classifier.digitizer is None else both)

    monkeypatch.setattr(readers_room, "judge", judge)
    validation = [SimpleNamespace(has_waveform=lambda: True)] * records
    kept = keep_signal_readers(tuned, part, validation, time.monotonic() + seconds)
    wanted = (alone, both, records, seconds) == (0.3, 0.6, 9, 1e4)
    assert (kept is not None) == wanted == (Classifier(tuned).digitizer is not None)
    if wanted:
        assert (Classifier(tuned).thresholds != part.thresholds).any()
        assert load_description(tuned)["signals"].calibration == part.calibration


def test_a_disk_that_is_full_at_the_end_costs_the_signals_alone(model, tmp_path, monkeypatch):
    def full(folder, part):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(readers_room, "adopt_signals", full)
    monkeypatch.setattr(readers_room, "judge", lambda *_, **__: judgement(0.5))
    part = load_description(model)["signals"]
    validation = [SimpleNamespace(has_waveform=lambda: True)] * 9
    assert keep_signal_readers(model, part, validation, time.monotonic() + 1e4) is None


def test_the_last_pictures_are_remembered(monkeypatch):
    asked = []

    def read(pixels):
        asked.append(pixels.shape)
        return NOTHING

    monkeypatch.setattr(digitizer_room, "read_chart", read)
    monkeypatch.setattr(digitizer_room, "package_ink", lambda: None)
    digitizer = Digitizer()
    one, *others = pictures(digitizer_room.REMEMBERED + 1)
    first = digitizer.read(one)
    assert digitizer.read(one.copy()) is first and len(asked) == 1
    digitizer.read(one, fs=100.0)
    assert len(asked) == 2
    for other in others:
        digitizer.read(other)
    digitizer.read(one)
    assert len(asked) == 3 + len(others)


def test_calibration_is_written_where_it_belongs(model, monkeypatch):
    from giraffe.judging import calibrating

    rng = np.random.default_rng(0)
    targets = (rng.random((60, 11)) < 0.4).astype(float)
    p = np.clip(0.8 * targets + 0.1, 0, 1)
    targets[:, 1:] = np.nan  # one class is enough
    judged = Judged(targets, p, np.arange(60).astype(str))
    monkeypatch.setattr(calibrating, "judge", lambda *_: judged)
    monkeypatch.setattr(calibrating, "printed_records", lambda *_: [])
    before = json.loads((model / "model.json").read_text())
    calibrating.calibrate_model(model, "records", [])
    after = json.loads((model / "model.json").read_text())
    assert after["signals"]["calibration"] != before["signals"]["calibration"]
    assert after["thresholds"] == before["thresholds"] and "calibration" not in after
    calibrating.calibrate_model(model, "records", [], signals=False)
    alone = json.loads((model / "model.json").read_text())
    assert alone["signals"] == after["signals"] and "calibration" in alone
