"""The network that reads signals: what it is given, how it learns, what it says."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from giraffe.classes import CLASSES
from giraffe.ecg import variation
from giraffe.ecg.records import LEADS, Waveform
from giraffe.ecg.simulate import simulate, write_record
from giraffe.learning.hearts import Hearts, divide, shown, simulated_hearts, vary
from giraffe.learning.signalschool import learn, learn_by_folds, loss_of
from giraffe.learning.soft_labels import (
    ceiling_table,
    make_soft_labels,
    read_soft_labels,
    soften,
    write_soft_labels,
)
from giraffe.network import signalnet
from giraffe.network.signalnet import (
    FS,
    SignalNet,
    as_signal,
    load_networks,
    probabilities,
    save_networks,
)


@pytest.fixture(scope="module")
def hearts() -> Hearts:
    return simulated_hearts(11, 64)


@pytest.mark.parametrize("fs", [100.0, 250.0, 500.0, 1000.0])
def test_any_sampling_frequency_and_order_of_leads_gives_the_same_signal(fs):
    t = np.arange(int(10 * fs)) / fs
    lead = {name: (0.1 + 0.05 * k) * np.sin(2 * np.pi * 2 * t) for k, name in enumerate(LEADS)}
    order = LEADS[::-1]
    signal = as_signal(Waveform(np.stack([lead[name] for name in order]), fs, order))
    assert signal.shape == (12, 1000) and signal.dtype == np.float32
    at_100_hz = np.sin(2 * np.pi * 2 * np.arange(1000) / FS)
    for k in range(12):
        inner = slice(50, -50)  # at its ends the filter sees nothing
        np.testing.assert_allclose(signal[k, inner], (0.1 + 0.05 * k) * at_100_hz[inner], atol=0.02)


def test_of_short_records_absent_leads_and_gaps_nothing_is_known():
    samples = np.full((2, 1500), 3.0)
    samples[0, 200:400] = np.nan
    samples[1] = np.nan
    signal = as_signal(Waveform(samples, 500.0, ("V2", "I")))
    known = np.zeros((12, 1000), bool)
    known[LEADS.index("V2"), :300] = True
    known[:, 40:80] = False
    np.testing.assert_array_equal(np.isfinite(signal), known)
    assert np.abs(signal[known] - 3).max() < 0.02


def test_offsets_and_what_is_unknown_do_not_matter(hearts):
    network = SignalNet().eval()
    signals = hearts.signals[:4].copy()
    signals[:, 3:, 250:] = np.nan
    offset = signals + np.arange(12, dtype=np.float32)[:, None] / 8
    with torch.inference_mode():
        found = network(torch.from_numpy(signals))
        moved = network(torch.from_numpy(offset))
        whole = network(torch.from_numpy(hearts.signals[:4]))
        nothing = network(torch.full((1, 12, 1000), torch.nan))
    torch.testing.assert_close(found, moved, atol=1e-4, rtol=1e-4)
    assert (found - whole).abs().max() > 1e-3
    assert nothing.isfinite().all()


def test_varied_hearts_are_other_ones_of_the_same_kind(hearts):
    signals = torch.from_numpy(hearts.signals)
    varied = vary(signals, np.random.default_rng(1))
    assert varied.shape == signals.shape and varied.dtype == torch.float32
    again = vary(signals, np.random.default_rng(1))
    torch.testing.assert_close(varied, again, equal_nan=True, rtol=0, atol=0)
    other = vary(signals, np.random.default_rng(2))
    assert all((a.nan_to_num() != b.nan_to_num()).any() for a, b in zip(varied, other, strict=True))
    known = varied.isfinite()
    assert 0.5 < varied[known].std() / signals.std() < 1.6


def test_hearts_are_varied_as_printouts_show_them():
    seen = shown(400, np.random.default_rng(3))
    whole = seen.sum(axis=2)
    columns = seen.any(axis=2).sum(axis=1)
    assert (columns == 12).mean() > 0.7 and columns.min() >= 8
    # Most have columns of 2.5 s and a strip, most often of II.
    short = (whole > 150) & (whole <= 250)
    assert 0.4 < (short.sum(axis=1) >= 9).mean() < 0.95
    strips = (whole > 600) & (short.sum(axis=1) >= 8)[:, None]
    assert strips.sum(axis=0).argmax() == LEADS.index("II")
    follows = seen[:, LEADS.index("V6"), 800] & ~seen[:, LEADS.index("V6"), 100]
    assert follows.mean() > 0.4


def test_what_is_unknown_teaches_nothing():
    logits = torch.zeros(2, 11, requires_grad=True)
    targets = torch.zeros(2, 11)
    targets[:, 1] = float("nan")
    loss = loss_of(logits, targets)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(np.log(2))
    assert (logits.grad[:, 1] == 0).all() and (logits.grad[:, 0] > 0).all()
    assert float(loss_of(logits, torch.full((2, 11), float("nan"))).detach()) == 0


@pytest.fixture
def narrow(monkeypatch):
    """Networks of few channels: whether they learn is asked, not how much."""
    monkeypatch.setattr(signalnet, "CHANNELS", (8, 12, 16, 16))


def test_it_learns_alike_from_the_same_seed_and_better_with_time(hearts, tmp_path, narrow):
    def error(networks):
        found = np.clip(probabilities(networks, hearts.signals), 1e-6, 1 - 1e-6)
        truth = hearts.targets
        return -(truth * np.log(found) + (1 - truth) * np.log(1 - found)).mean()

    first, again = (learn(hearts, 1, seed=4, batch=16) for _ in range(2))
    found = probabilities([first], hearts.signals)
    np.testing.assert_array_equal(found, probabilities([again], hearts.signals))
    assert found.shape == (64, 11) and (found >= 0).all() and (found <= 1).all()
    longer = learn(hearts, 12, seed=4, batch=16)
    assert error([longer]) < error([first]) < error([SignalNet()])

    save_networks(tmp_path / "nets.pt", [first, longer])
    both = probabilities(load_networks(tmp_path / "nets.pt"), hearts.signals)
    np.testing.assert_allclose(both, probabilities([first, longer], hearts.signals), atol=0.02)


def test_a_soft_label_comes_from_a_network_that_did_not_see_the_patient(hearts, monkeypatch):
    seen = []

    def learn_nothing(part, epochs, seed, simulated):
        seen.append({row.tobytes() for row in part.signals})
        return SignalNet().eval()

    monkeypatch.setattr("giraffe.learning.signalschool.learn", learn_nothing)
    groups = np.arange(64) // 2
    networks, soft = learn_by_folds(hearts, groups, 1, folds=4)
    assert len(networks) == 4 and soft.shape == (64, 11)
    for k in range(64):
        left_out = [n for n, part in enumerate(seen) if hearts.signals[k].tobytes() not in part]
        twin = [n for n, part in enumerate(seen) if hearts.signals[k ^ 1].tobytes() not in part]
        assert len(left_out) == 1 and twin == left_out
        expected = probabilities([networks[left_out[0]]], hearts.signals[k : k + 1])
        np.testing.assert_allclose(soft[k], expected[0], rtol=1e-4)


def test_too_few_hearts_are_refused(hearts):
    with pytest.raises(ValueError, match="at least 32 hearts"):
        learn(hearts[:8], 1)


def test_soft_labels_mix_what_is_known_and_leave_acute_mi_alone():
    targets, soft = np.zeros((2, 11)), np.full((2, 11), 0.4)
    acute = CLASSES.index("Acute MI")
    targets[0, 0], targets[1, 2], targets[:, acute] = 1, np.nan, np.nan
    mixed = soften(targets, soft, trust=0.25)
    assert mixed[0, 0] == pytest.approx(0.85) and mixed[0, 3] == pytest.approx(0.1)
    assert mixed[1, 2] == pytest.approx(0.4) and np.isnan(mixed[:, acute]).all()


def test_soft_labels_are_kept_as_a_table(tmp_path):
    soft = np.random.default_rng(0).random((3, len(CLASSES)))
    write_soft_labels(tmp_path / "soft.csv", ["a", "b_hr", "c"], soft)
    found = read_soft_labels(tmp_path / "soft.csv")
    assert list(found) == ["a", "b_hr", "c"]
    np.testing.assert_allclose(np.stack(list(found.values())), soft, atol=1e-4)
    for text, fault in (("", "table of soft labels"), ("name,NORM\n", "table of soft labels"),
                        ((tmp_path / "soft.csv").read_text() + "d,1,2\n", "line 5: 2 numbers"),
                        ((tmp_path / "soft.csv").read_text() + "d,x\n", "line 5")):  # fmt: skip
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(ValueError, match=fault) as error:
            read_soft_labels(tmp_path / "bad.csv")
        assert "bad.csv" in str(error.value)


def test_networks_on_signals_say_what_they_think_of_training_records_alone(tmp_path, narrow):
    folder = tmp_path / "records"
    folder.mkdir()
    names, rows = [], ["ecg_id,scp_codes,patient_id,filename_lr,filename_hr,strat_fold"]
    for k in range(60):
        made, name = write_record(folder, 5, k), f"{k:05d}_hr"
        header = (folder / f"{made}.hea").read_text().replace(made, name)
        (folder / f"{made}.hea").unlink()
        (folder / f"{name}.hea").write_text(header)
        (folder / f"{made}.dat").rename(folder / f"{name}.dat")
        names.append(name)
        rows.append(f"{k},{{}},{k},records100/{k:05d}_lr,records500/{name},{1 + k % 7}")
    (tmp_path / "database.csv").write_text("\n".join(rows) + "\n")
    table = make_soft_labels(
        [folder], [tmp_path / "database.csv"], names[:6], tmp_path / "soft.csv", 1, 40, 3
    )
    assert "training, left out" in table and "choosing" in table and "both" in table
    said = set(read_soft_labels(tmp_path / "soft.csv"))
    judging = {name for k, name in enumerate(names) if 1 + k % 7 == 7}
    assert said == {*names} - judging - {*names[:6]}
    with pytest.raises(ValueError, match="nothing to learn"):
        make_soft_labels([folder], [tmp_path / "database.csv"], names, tmp_path / "none.csv", 1)


def test_a_recorded_heart_varies_and_keeps_the_laws_of_its_limb_leads():
    wave = Waveform(simulate(3, 0).signal.astype(float), 500.0, LEADS)
    other = variation.vary(wave, np.random.default_rng(1))
    assert other.signal.shape == wave.signal.shape and other.fs == wave.fs
    first, second, third, right, left, leg = other.signal[:6]
    scale = np.abs(second).max()
    before = wave.signal
    assert np.abs(before[0] + before[2] - before[1]).max() < 1e-5 * scale
    np.testing.assert_allclose(first + third, second, atol=1e-4 * scale)
    np.testing.assert_allclose(right + left + leg, 0, atol=1e-4 * scale)
    np.testing.assert_array_equal(
        other.signal, variation.vary(wave, np.random.default_rng(1)).signal
    )
    assert (other.signal != variation.vary(wave, np.random.default_rng(2)).signal).any()
    gaps = wave.signal.copy()
    gaps[3] = np.nan
    known = np.isfinite(
        variation.vary(Waveform(gaps, 500.0, LEADS), np.random.default_rng(1)).signal
    )
    assert not known[3].any() and known[[0, 5]].all()


def test_records_train_choose_or_judge_and_never_two_of_them():
    def record(name, labels=("NORM",)):
        return SimpleNamespace(path=SimpleNamespace(name=name), labels=labels)

    fold = {"a": 1, "b": 6, "c": 7, "d": 8, "e": 9, "f": 10, "g": 10, "h": 0, "i": 10}
    records = [*map(record, fold), record("stranger")]
    records[8] = record("i", ())
    training, chosen, judging = divide(records, fold, ["g"])
    names = [[r.path.name for r in part] for part in (training, chosen, judging)]
    assert names == [["a", "b", "f"], ["g"], ["c", "d"]]


def test_the_ceiling_leaves_out_classes_with_few_positives():
    targets = np.zeros((40, 11))
    targets[:20, 0], targets[:3, 4] = 1, 1
    text = ceiling_table({"judging": (targets, targets)})
    assert text.splitlines()[1].split() == ["judging", "1.000", "1.000"]
    assert "CD" in text
