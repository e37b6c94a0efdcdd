"""Probabilities that mean what they say: each class's own map from the network's to honest ones.

A class-weighted loss and a test set of another prevalence both shift probabilities. The map of a
class is one of a few families, all monotonic, so no ranking changes; the family is chosen by its
log loss on records that it was not fitted to. (Platt, 1999; beta calibration: Kull, Silva Filho &
Flach, AISTATS 2017.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from giraffe.randomness import random_stream

EDGE = 1e-4  # probabilities are taken no nearer to 0 and 1
PARTS = 5  # of the records, each of which judges maps fitted to the others
RIDGE = 0.02  # draws parameters towards changing nothing, in units of log loss per record
BETTER = 0.002  # mean log loss by which a map must beat changing nothing
LEAST_POSITIVES = 5  # below, a class keeps its probabilities

FAMILIES = {"none": 0, "shift": 1, "platt": 2, "beta": 3}
"""Families of maps and how many numbers are fitted. With log-odds
a · log p - b · log(1 - p) + c, ``shift`` fits c alone, ``platt`` c and one slope a = b, ``beta``
all three."""


@dataclass(frozen=True)
class Calibration:
    """A class's map.

    Attributes
    ----------
    family : str
        A key of `FAMILIES`.
    parameters : tuple of float
        a, b and c.
    """

    family: str = "none"
    parameters: tuple[float, float, float] = (1.0, 1.0, 0.0)

    def apply(self, probabilities) -> np.ndarray:
        """Calibrated probabilities, of the same shape."""
        if self.family == "none":
            return np.asarray(probabilities)
        return _map(np.asarray(probabilities, dtype=float), np.array(self.parameters))

    def as_list(self) -> list:
        """As a model's description has it."""
        return [self.family, list(self.parameters)]


def _map(p: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    p = np.clip(p, EDGE, 1 - EDGE)
    a, b, c = parameters
    return expit(a * np.log(p) - b * np.log1p(-p) + c)


def uncalibrated(probabilities, calibrations: Sequence[Calibration]) -> np.ndarray:
    """What a network says where the calibrated answer is this, shape (classes,).

    Parameters
    ----------
    probabilities : array_like, shape (classes,)
    calibrations : sequence of Calibration
        All of which rise.
    """
    said = expit(np.linspace(-np.log(1 / EDGE), np.log(1 / EDGE), 2001))
    return np.array([
        np.interp(p, one.apply(said), said)
        for p, one in zip(np.asarray(probabilities, float), calibrations, strict=True)
    ])  # fmt: skip


def log_loss(targets, probabilities) -> float:
    """Mean log loss over the known targets; NaN if there are none."""
    targets, p = (
        np.asarray(targets, float),
        np.clip(np.asarray(probabilities, float), EDGE, 1 - EDGE),
    )
    known = np.isfinite(targets)
    if not known.any():
        return float("nan")
    losses = -np.log(np.where(targets[known] > 0.5, p[known], 1 - p[known]))
    return float(losses.mean())


def calibration_error(targets, probabilities, bins: int = 10) -> float:
    """Expected calibration error over bins of equally many probabilities (Naeini et al., 2015).

    Parameters
    ----------
    targets, probabilities : array_like, shape (records,)
        Targets may be NaN where unknown.
    bins : int
    """
    targets, p = np.asarray(targets, dtype=float), np.asarray(probabilities, dtype=float)
    known = np.isfinite(targets)
    order = np.argsort(p[known], kind="stable")
    truth, p = targets[known][order], p[known][order]
    parts = zip(np.array_split(truth, bins), np.array_split(p, bins), strict=True)
    gaps = [len(y) * abs(y.mean() - q.mean()) for y, q in parts if len(y)]
    return float(np.sum(gaps) / max(len(p), 1))


def fit_map(targets, probabilities, family: str) -> Calibration:
    """The map of a family with the least log loss.

    Parameters
    ----------
    targets, probabilities : array_like, shape (records,)
        Targets may be NaN where unknown.
    family : str
        A key of `FAMILIES`.
    """
    if family == "none":
        return Calibration()
    targets, p = np.asarray(targets, dtype=float), np.asarray(probabilities, dtype=float)
    known = np.isfinite(targets)
    targets, p = targets[known], np.clip(p[known], EDGE, 1 - EDGE)

    def parameters(free: np.ndarray) -> np.ndarray:
        if family == "shift":
            return np.array([1.0, 1.0, free[0]])
        if family == "platt":
            return np.array([np.exp(free[0]), np.exp(free[0]), free[1]])
        return np.array([np.exp(free[0]), np.exp(free[1]), free[2]])

    def loss(free: np.ndarray) -> float:
        return log_loss(targets, _map(p, parameters(free))) + RIDGE / len(p) * np.sum(free**2)

    start = np.zeros(FAMILIES[family])
    best = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 2000, "xatol": 1e-4})
    a, b, c = (float(value) for value in parameters(best.x))
    return Calibration(family, (a, b, c))


def choose_map(targets, probabilities, groups, seed: int = 0) -> Calibration:
    """The map of the family that is best on records to which it was not fitted.

    Parameters
    ----------
    targets, probabilities : array_like, shape (n,)
    groups : array_like, shape (n,)
        Equal for what must not be parted, such as several printouts of one record.
    seed : int
    """
    targets, probabilities = np.asarray(targets, float), np.asarray(probabilities, float)
    if np.nansum(targets) < LEAST_POSITIVES:
        return Calibration()
    part = parts_of(groups, seed)
    losses = {}
    for family in FAMILIES:
        calibrated = np.empty(len(targets))
        for k in range(PARTS):
            fitted = fit_map(targets[part != k], probabilities[part != k], family)
            calibrated[part == k] = fitted.apply(probabilities[part == k])
        losses[family] = log_loss(targets, calibrated)
    best = min(losses, key=losses.__getitem__)
    if losses[best] > losses["none"] - BETTER:
        return Calibration()
    return fit_map(targets, probabilities, best)


def parts_of(groups, seed: int = 0) -> np.ndarray:
    """Which of `PARTS` each entry belongs to, shape (n,); a group stays together."""
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    order = random_stream(seed, "calibration").permutation(group.max(initial=-1) + 1)
    return (order % PARTS)[group]


def calibrate(probabilities, calibrations: Sequence[Calibration]) -> np.ndarray:
    """Calibrated probabilities of all classes, shape (records, classes)."""
    columns = zip(np.asarray(probabilities).T, calibrations, strict=True)
    return np.stack([one.apply(column) for column, one in columns], axis=1)
