"""Table 4 by name, the conditions table, the ensemble and its thresholds."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giraffe.__main__ import main
from giraffe.classes import CLASSES
from giraffe.ecg.records import scan
from giraffe.judging.conditions import PUBLISHED, score_conditions
from giraffe.judging.metrics import (
    bootstrap_interval,
    f_per_class,
    macro,
    micro_f,
    tune_thresholds,
)
from giraffe.learning import reproduce as room
from giraffe.learning import training, training_loop
from giraffe.learning.split import stratified_folds
from giraffe.network.checkpoint import load_model
from giraffe.network.classifier import Classifier, decide
from giraffe.printout.presets import CONDITIONS
from giraffe.recipe import RECIPES, learning_rate


@pytest.fixture(scope="module")
def waveforms(tmp_path_factory):
    """Sixteen simulated records without images."""
    folder = tmp_path_factory.mktemp("waveforms")
    main(["simulate", "-o", str(folder), "-n", "16", "--classes", "NORM", "TACHY"])
    return folder


def test_the_papers_configurations_run_and_an_interrupted_call_continues(
    waveforms, tmp_path, smoke_settings, monkeypatch
):
    monkeypatch.setattr(room, "SCANS", ("color-scan-clean",))
    out = tmp_path / "out"
    names = ["2324", "2323"]

    class Killed(BaseException):
        pass

    def die(*args):
        raise Killed

    real = room.train
    with monkeypatch.context() as patch:
        trained = []

        def dying(*args, **kwargs):
            if trained:
                raise Killed
            trained.append(1)
            return real(*args, **kwargs)

        patch.setattr(room, "train", dying)
        with pytest.raises(Killed):
            room.reproduce([waveforms], out, smoke_settings, names, verbose=False, jobs=1)
    with monkeypatch.context() as patch:  # the first is not trained again
        calls = []
        patch.setattr(room, "train", lambda *a, **k: (calls.append(1), real(*a, **k)))
        text = room.reproduce([waveforms], out, smoke_settings, names, verbose=False, jobs=1)
    assert len(calls) == 1
    assert "0.471" in text and "0.227" in text  # the paper's two columns
    results = json.loads((out / "table.json").read_text())
    assert [result["name"] for result in results] == names
    held_out = {r.name for r in scan(out / "records" / "held_out")[0]}
    seen = {r.name for r in scan(out / "records" / "training")[0]}
    assert held_out and not held_out & seen and len(held_out | seen) == 16
    for name in names:
        with open(out / "models" / name / "split.csv") as file:
            assert {row["record"] for row in csv.DictReader(file)} <= seen
    page = (out / "table.html").read_text()
    assert page.count("<table>") == 2 and "<h1>Table 4</h1>" in page

    again = room.reproduce(
        [waveforms], tmp_path / "again", smoke_settings, names, verbose=False, jobs=1
    )
    assert _without_minutes(again) == _without_minutes(text)


def _without_minutes(text):
    return [line.rsplit("|", 2)[0] for line in text.splitlines() if line.startswith("| 23")]


def test_patients_of_ptbxl_are_held_out_whole_and_folds_9_and_10_if_there(waveforms, tmp_path):
    records = scan(waveforms)[0]
    # Four "PTB-XL" records of two patients, the others simulated.
    renamed = []
    for k, record in enumerate(records[:4]):
        renamed.append(dataclasses.replace(record, path=record.path.with_name(f"{k + 1:05d}_hr")))
    mixed = renamed + list(records[4:])

    def table(folds):
        path = tmp_path / "db.csv"
        rows = [f"{k + 1},{100 + k // 2},{fold},{{}}" for k, fold in enumerate(folds)]
        path.write_text("\n".join(["ecg_id,patient_id,strat_fold,scp_codes", *rows]) + "\n")
        return path

    training_part, held_out, how = room.hold_out(mixed, table([1, 2, 9, 10]), (), 0)
    assert [r.path.name for r in held_out] == ["00003_hr", "00004_hr"] and "9 and 10" in how
    assert len(training_part) == 14
    for seed in range(5):
        _, held_out, how = room.hold_out(mixed, table([1, 1, 2, 2]), (), seed)
        names = {r.path.name for r in held_out}
        for pair in ({"00001_hr", "00002_hr"}, {"00003_hr", "00004_hr"}):
            assert len(pair & names) in (0, 2)
        assert held_out
        assert "patient" in how


def test_the_ablation_changes_one_thing_at_a_time(waveforms, tmp_path, smoke_settings, monkeypatch):
    base = RECIPES[room.ABLATION_BASE].as_dict()
    for recipe in room.ablation_recipes():
        changed = {key for key, value in recipe.as_dict().items() if value != base[key]} - {"name"}
        assert recipe.name in ("base", "giraffe") or changed == set(room.ABLATION[recipe.name])
    small = [recipe.name for recipe in room.ablation_recipes(size=128)]
    assert "auxiliary head" not in small and "base" in small
    with pytest.raises(ValueError, match="label smoothing"):
        room.ablation_recipes(["lable smoothing"])
    # The mechanics, with a network that costs nothing.
    monkeypatch.setattr(room, "ABLATION_BASE", "2324")
    monkeypatch.setattr(room, "SCANS", ("color-scan-clean",))
    out = tmp_path / "out"
    names = ["label smoothing", "tuned thresholds"]
    text = room.reproduce(
        [waveforms], out, smoke_settings, names, ablation=True, verbose=False, jobs=1
    )
    assert "label smoothing" in text and (out / "ablation.html").exists()
    thresholds = load_model(out / "models" / "tuned-thresholds")[1]["thresholds"]
    assert set(thresholds) != {0.5}


def test_intervals_cover_and_shrink_with_the_records():
    rng = np.random.default_rng(0)
    truth = 0.7
    covered, widths = [], []
    for records in (30, 120):
        inside = []
        for k in range(60):
            values = rng.random(records) < truth
            low, high = bootstrap_interval(
                lambda rows, values=values: values[rows].mean(), records, seed=k, samples=200
            )
            inside.append(low <= truth <= high)
            widths.append(high - low)
        covered.append(np.mean(inside))
    assert min(covered) > 0.85 and np.mean(widths[60:]) < 0.6 * np.mean(widths[:60])
    assert all(np.isnan(bootstrap_interval(lambda rows: np.nan, 5, samples=10)))


def test_micro_f_counts_entries_and_ignores_unknown_ones():
    targets = np.array([[1, 0, np.nan], [0, 1, 1]])
    decisions = np.array([[1, 1, 1], [0, 0, 1]], dtype=bool)
    assert micro_f(targets, decisions) == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))


def test_rare_classes_and_other_folds_can_be_left_out(waveforms, tmp_path, smoke_model, capsys):
    lines = ["ecg_id,patient_id,strat_fold,scp_codes", "1,1,7,{}", "2,2,8,{}", "3,3,1,{}"]
    (tmp_path / "db.csv").write_text("\n".join(lines) + "\n")
    data = tmp_path / "data"
    data.mkdir()
    for k, record in enumerate(scan(waveforms)[0][:3], start=1):
        text = (waveforms / f"{record.name}.hea").read_text().replace(record.name, f"{k:05d}_hr")
        (data / f"{k:05d}_hr.hea").write_text(text)
        (data / f"{k:05d}_hr.dat").write_bytes((waveforms / f"{record.name}.dat").read_bytes())
    command = ["conditions", str(data), "-m", str(smoke_model), "-o", str(tmp_path / "out"),
               "--database", str(tmp_path / "db.csv"), "--folds", "7", "8"]  # fmt: skip
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "2 records printed" in text and "95 % interval" in text
    assert main([*command, "--least", "5"]) == 0
    text = (tmp_path / "out" / "screenshot.json").read_text()
    assert "NaN" not in text and json.loads(text)["classes"] == []  # no class, so no mean: null
    assert json.loads(text)["f"] is None
    kept = capsys.readouterr().out
    assert main([*command, "--least", "5"]) == 0 and capsys.readouterr().out == kept


def test_conditions_are_scored_and_kept(waveforms, tmp_path, smoke_model):
    out = tmp_path / "out"
    table = score_conditions(waveforms, smoke_model, out, verbose=False)
    assert all(name in table for name in CONDITIONS) and "worst / best" in table
    assert f"{PUBLISHED['AIMED'][0]:.3f}" in table and "NORM" in table
    kept = (out / "screenshot.json").stat().st_mtime_ns
    assert score_conditions(waveforms, smoke_model, out, verbose=False) == table
    assert (out / "screenshot.json").stat().st_mtime_ns == kept
    rows = list(csv.DictReader((out / "conditions.csv").open()))
    assert len(rows) == 8 * 12
    several = score_conditions(waveforms, smoke_model, tmp_path / "p", jobs=2, verbose=False)
    assert several == table


def test_an_ensemble_trains_validates_on_all_records_and_runs_one_at_a_time(
    records_folder, tmp_path, smoke_settings
):
    recipe = dataclasses.replace(smoke_settings.recipe, ensemble=3, thresholds="tuned", epochs=1)
    settings_3 = dataclasses.replace(smoke_settings, recipe=recipe)
    training.train(records_folder, tmp_path / "m", settings_3, verbose=False)
    networks, description = load_model(tmp_path / "m")
    assert len(networks) == 3 and description["validation"]["records"] == 24
    with open(tmp_path / "m" / "split.csv") as file:
        rows = list(csv.DictReader(file))
    validated = [row["record"] for row in rows if row["part"] == "validation"]
    assert sorted(validated) == sorted(r.name for r in scan(records_folder)[0])
    classifier = Classifier(tmp_path / "m")
    record = records_folder / "sim0005_000003"
    p = classifier.record_probabilities(record)
    alone = []
    for network in classifier.networks:
        classifier.networks, kept = [network], classifier.networks
        alone.append(classifier.record_probabilities(record))
        classifier.networks = kept
    np.testing.assert_allclose(p, np.mean(alone, axis=0), atol=1e-5)
    assert classifier.classify_record(record)


def test_an_ensemble_killed_in_its_second_network_goes_on_there(
    records_folder, tmp_path, smoke_settings, monkeypatch
):
    recipe = dataclasses.replace(smoke_settings.recipe, ensemble=2, epochs=1)
    settings_2 = dataclasses.replace(smoke_settings, recipe=recipe)
    training.train(records_folder, tmp_path / "whole", settings_2, verbose=False)

    class Killed(BaseException):
        pass

    fit, fits = training_loop.TrainingRun.fit, []

    def dying(self, deadline):
        fits.append(1)
        if len(fits) == 2:
            raise Killed
        fit(self, deadline)

    monkeypatch.setattr(training_loop.TrainingRun, "fit", dying)
    with pytest.raises(Killed):
        training.train(records_folder, tmp_path / "m", settings_2, verbose=False)
    monkeypatch.setattr(training_loop.TrainingRun, "fit", fit)
    training.train(records_folder, tmp_path / "m", settings_2, verbose=False)
    digests = [load_model(tmp_path / name)[1]["weights"] for name in ("whole", "m")]
    assert digests[0] == digests[1]


def test_the_recipes_mechanics_train_and_resume(records_folder, tmp_path, smoke_settings):
    profile = dataclasses.replace(smoke_settings.profile, scale=0.15, batch=8)
    recipe = dataclasses.replace(
        RECIPES["giraffe"],
        initial="random",
        mixup=0.2,
        label_smoothing=0.05,
        views=2,
        epochs=1,
    )
    own = dataclasses.replace(smoke_settings, recipe=recipe, profile=profile)
    description = training.train(records_folder, tmp_path / "m", own, verbose=False)
    assert description["recipe"]["average"] == 0.99
    p = Classifier(tmp_path / "m").record_probabilities(records_folder / "sim0005_000003")
    assert p.shape == (11,) and np.isfinite(p).all()


def test_the_weight_average_follows_the_weights():
    import torch

    from giraffe.learning.distributed import Group
    from giraffe.learning.learner import Learner

    recipe = dataclasses.replace(RECIPES["2324"], average=0.9)
    made = Learner(recipe, (32, 32), np.ones(11), 0, torch.device("cpu"), Group())
    first = [p.detach().clone() for p in made.network.parameters()]
    with torch.no_grad():
        for p in made.network.parameters():
            p += 1
    for _ in range(3):
        made._average()
    with made.final_weights():
        now = [p.detach().clone() for p in made.network.parameters()]
    for a, b, raw in zip(first, now, made.network.parameters(), strict=True):
        # decays 2/11, 3/12, 4/13 while it is young
        expected = 1 - (2 / 11) * (3 / 12) * (4 / 13)
        torch.testing.assert_close(b - a, torch.full_like(a, expected), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(raw.detach() - a, torch.ones_like(a), rtol=1e-3, atol=1e-4)


@given(share=st.floats(0, 1))
def test_schedules_stay_below_the_recipes_rate_and_end_low(share):
    for schedule in ("cosine", "onecycle"):
        recipe = dataclasses.replace(RECIPES["2322"], schedule=schedule)
        rate = learning_rate(recipe, 1, share)
        assert 0 < rate <= recipe.learning_rate * (1 + 1e-9)
        assert learning_rate(recipe, 1, 1.0) < 0.01 * recipe.learning_rate
    assert learning_rate(RECIPES["2324"], 8, share) == pytest.approx(1e-4)


def test_tuned_thresholds_raise_the_f_and_few_positives_hardly_move_one():
    rng = np.random.default_rng(0)
    targets = (rng.random((400, 3)) < [0.3, 0.05, 0.0075]).astype(float)
    # A model that says too little: its probabilities are right in order only.
    p = np.clip(0.25 * targets + rng.uniform(0, 0.2, targets.shape), 0, 1)
    thresholds = tune_thresholds(targets, p)
    plain, tuned = (macro(f_per_class(targets, p >= t)) for t in (np.full(3, 0.5), thresholds))
    assert tuned > plain + 0.2
    few = int(targets[:, 2].sum())
    assert 0 < few < 6 and thresholds[2] > thresholds[0]  # stays nearer to one half


@settings(max_examples=40)
@given(st.integers(2, 5), st.integers(5, 60), st.integers(0, 1000))
def test_folds_spread_the_combinations_evenly(folds, number, seed):
    rng = np.random.default_rng(seed)
    targets = rng.random((number, 3)) < 0.3
    fold = stratified_folds(targets, np.arange(number), seed, folds)
    sizes = np.bincount(fold, minlength=folds)
    assert sizes.max() - sizes.min() <= 1
    for row in np.unique(targets, axis=0):
        own = np.bincount(fold[(targets == row).all(axis=1)], minlength=folds)
        assert own.max() - own.min() <= 1


def test_labels_pass_their_own_thresholds():
    chosen = decide([[0.3] * len(CLASSES)], [0.2, *[0.5] * 10])
    assert chosen.tolist() == [[True] + [False] * 10]
