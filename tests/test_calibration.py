"""Calibration: each class's map, chosen on records that it was not fitted to."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giraffe.classes import CLASSES
from giraffe.judging.calibrating import Judged, cross_fitted, fit, positives, table
from giraffe.network.calibration import (
    FAMILIES,
    Calibration,
    calibrate,
    calibration_error,
    choose_map,
    fit_map,
    log_loss,
    parts_of,
    uncalibrated,
)


def drawn(seed: int, n: int = 3000, shift: float = 1.5, slope: float = 0.5):
    """Targets drawn by honest probabilities, and what an overweighted network says instead."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1.5, 1.5, n)
    targets = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    return targets, 1 / (1 + np.exp(-(slope * logit + shift)))


@pytest.mark.parametrize("family", FAMILIES)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=5, deadline=None)
def test_a_map_never_changes_the_order_of_records(family, seed):
    targets, p = drawn(seed, 300)
    mapped = fit_map(targets, p, family).apply(p)
    assert ((mapped >= 0) & (mapped <= 1)).all()
    assert (np.diff(mapped[np.argsort(p)]) >= -1e-12).all()


def test_the_chosen_map_mends_what_weights_and_prevalence_shifted():
    targets, p = drawn(1)
    chosen = choose_map(targets, p, np.arange(len(p)))
    assert chosen.family in ("platt", "beta")
    fresh, q = drawn(2)
    honest = chosen.apply(q)
    assert log_loss(fresh, honest) < log_loss(fresh, q) - 0.2
    assert calibration_error(fresh, honest) < 0.03 < calibration_error(fresh, q)


def test_honest_probabilities_and_rare_classes_keep_theirs():
    targets, p = drawn(3, shift=0.0, slope=1.0)
    assert choose_map(targets, p, np.arange(len(p))).family == "none"
    assert choose_map(np.zeros(50), np.full(50, 0.9), np.arange(50)) == Calibration()


def test_unknown_targets_count_nowhere():
    targets, p = drawn(4, 500)
    hidden = np.where(np.arange(500) % 2, np.nan, targets)
    known = np.isfinite(hidden)
    assert log_loss(hidden, p) == log_loss(targets[known], p[known])
    assert fit_map(hidden, p, "platt") == fit_map(targets[known], p[known], "platt")
    assert np.isnan(log_loss(np.full(3, np.nan), np.full(3, 0.5)))


def test_printouts_of_a_record_stay_together():
    names = np.repeat([f"r{k}" for k in range(40)], 3)
    parts = parts_of(names)
    assert len(set(parts)) > 2
    assert all(len(set(parts[names == name])) == 1 for name in set(names))


def judged(seed: int, records: int = 400) -> Judged:
    columns = [drawn([seed, k], records) for k in range(len(CLASSES))]
    targets, p = (np.stack(part, axis=1) for part in zip(*columns, strict=True))
    targets[:, CLASSES.index("Acute MI")] = np.nan
    targets[:, CLASSES.index("PAC")] = 0
    targets[:4, CLASSES.index("PAC")] = 1
    return Judged(targets, p, np.array([f"{seed} {k}" for k in range(records)]))


def test_what_a_network_says_is_found_from_the_calibrated_answer():
    maps = [Calibration("platt", (2.0, 2.0, 1.0)), Calibration(), Calibration("shift", (1, 1, -2))]
    raw = np.array([0.2, 0.6, 0.9])
    honest = np.array([one.apply(p) for one, p in zip(maps, raw, strict=True)])
    np.testing.assert_allclose(uncalibrated(honest, maps), raw, atol=1e-4)


def test_rare_and_unknown_classes_are_judged_by_simulated_patients():
    real, simulated = judged(1), judged(2)
    simulated.targets[:, CLASSES.index("Acute MI")] = simulated.targets[:, 0]
    simulated.probabilities[:, CLASSES.index("Acute MI")] = simulated.probabilities[:, 0]
    alone, _ = fit(real, None)
    together, thresholds = fit(real, simulated)
    acute = CLASSES.index("Acute MI")
    assert alone[acute].family == "none" and together[acute].family != "none"
    assert ((thresholds > 0) & (thresholds < 1)).all()
    assert positives(real)[CLASSES.index("PAC")] == 4


def test_cross_fitted_figures_are_better_than_uncalibrated_ones_and_are_said():
    real = judged(3)
    after, ratios = cross_fitted(real, None)
    assert log_loss(real.targets, after) < log_loss(real.targets, real.probabilities) - 0.1
    calibrations, thresholds = fit(real, None)
    text = table(real, after, ratios >= 1, calibrations, thresholds)
    assert all(name in text for name in CLASSES) and "macro F" in text
    assert calibrate(real.probabilities, calibrations).shape == real.probabilities.shape


def test_a_calibrated_model_says_calibrated_probabilities(tmp_path):
    from giraffe.network.architectures import Network
    from giraffe.network.checkpoint import save_model
    from giraffe.network.classifier import Classifier
    from giraffe.recipe import RECIPES

    recipe = RECIPES["2324"]
    state = Network(recipe, (16, 32)).state_dict()
    description = {
        "recipe": recipe.as_dict(), "size": [16, 32], "thresholds": [0.5] * len(CLASSES),
    }  # fmt: skip
    save_model(tmp_path, [state], description)
    picture = [np.full((20, 40, 3), 200, np.uint8)]
    plain = Classifier(tmp_path).probabilities(picture)
    path = tmp_path / "model.json"
    content = json.loads(path.read_text())
    content["calibration"] = [["shift", [1.0, 1.0, 2.0]]] * len(CLASSES)
    path.write_text(json.dumps(content))
    model = Classifier(tmp_path)
    assert (model.probabilities(picture) > plain).all()
    assert np.array_equal(model.probabilities(picture, calibrated=False), plain)
