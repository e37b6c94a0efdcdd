"""AUROC and F-measure, per class and as the mean over the classes where they are defined."""

import numpy as np
from scipy.special import expit, logit
from scipy.stats import rankdata


def auroc_per_class(targets, scores) -> np.ndarray:
    """Area under the ROC curve of each class, ties counting half (Mann-Whitney statistic).

    Parameters
    ----------
    targets : array_like, shape (records, classes)
        1 present, 0 absent, NaN unknown.
    scores : array_like, shape (records, classes)

    Returns
    -------
    ndarray, shape (classes,)
        NaN for a class without a positive or without a negative.
    """
    targets, scores = np.asarray(targets, dtype=float), np.asarray(scores, dtype=float)
    areas = np.full(targets.shape[1], np.nan)
    for k in range(targets.shape[1]):
        known = np.isfinite(targets[:, k])
        positive = targets[known, k] > 0.5
        num_positive, num_negative = positive.sum(), (~positive).sum()
        if num_positive and num_negative:
            ranks = rankdata(scores[known, k])
            excess = ranks[positive].sum() - num_positive * (num_positive + 1) / 2
            areas[k] = excess / (num_positive * num_negative)
    return areas


def f_per_class(targets, decisions) -> np.ndarray:
    """F-measure of each class, 2 TP / (2 TP + FP + FN).

    Parameters
    ----------
    targets : array_like, shape (records, classes)
        1 present, 0 absent, NaN unknown.
    decisions : array_like of bool, shape (records, classes)

    Returns
    -------
    ndarray, shape (classes,)
        NaN for a class that no target has, as the Challenge scores.
    """
    targets, decisions = np.asarray(targets, dtype=float), np.asarray(decisions, dtype=bool)
    known, present = np.isfinite(targets), targets > 0.5
    hits = (present & decisions).sum(axis=0)
    errors = (known & (present != decisions)).sum(axis=0)
    occurs = present.any(axis=0)
    return np.where(occurs, 2 * hits / np.maximum(2 * hits + errors, 1), np.nan)


def micro_f(targets, decisions) -> float:
    """F-measure over all entries of all classes together; NaN without a positive target.

    Parameters are those of `f_per_class`.
    """
    targets, decisions = np.asarray(targets, dtype=float), np.asarray(decisions, dtype=bool)
    known = np.isfinite(targets)
    return float(f_per_class(targets[known][:, None], decisions[known][:, None])[0])


def chance(targets, scores, seed: int = 0, samples: int = 999) -> float:
    """Chance that records with each other's targets score as well (permutation test).

    What counts is the number of pairs of a positive and a negative record that lie in the right
    order, over all classes: a mean over classes would drown in the noise of the rare ones.

    Parameters
    ----------
    targets, scores : array_like, shape (records, classes)
        As of `auroc_per_class`.
    seed, samples : int

    Returns
    -------
    float
        In (0, 1]; NaN where no class has a positive and a negative.
    """
    targets, scores = np.asarray(targets, dtype=float), np.asarray(scores, dtype=float)
    pairs = (targets > 0.5).sum(axis=0) * (targets <= 0.5).sum(axis=0)
    if not pairs.any():
        return float("nan")

    def right(order):
        return np.nansum(pairs * auroc_per_class(targets[order], scores))

    rng = np.random.default_rng(seed)
    own = right(np.arange(len(targets)))
    others = (right(rng.permutation(len(targets))) for _ in range(samples))
    return (1 + sum(other >= own for other in others)) / (1 + samples)


def bootstrap_interval(score, records: int, seed: int = 0, samples: int = 1000, level=0.95):
    """Percentile interval of a score over records drawn with replacement (Efron, 1979).

    Parameters
    ----------
    score : callable
        ``score(positions)`` of some records, each perhaps several times; NaN is left out.
    records : int
    seed, samples : int
    level : float

    Returns
    -------
    (float, float)
    """
    rng = np.random.default_rng(seed)
    values = [score(rng.integers(0, records, records)) for _ in range(samples)]
    values = [value for value in values if np.isfinite(value)]
    if not values:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def macro(values) -> float:
    """Mean of the defined values; NaN if there are none."""
    values = np.asarray(values, dtype=float)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def tune_thresholds(targets, probabilities, prior: float = 10.0, usual=0.5) -> np.ndarray:
    """Threshold of each class with the best F-measure, drawn towards a usual one.

    The best threshold of a few positives is mostly chance, so on the logit's scale only the share
    n / (n + prior) of the way from the usual one to it is gone, for n positives.

    Parameters
    ----------
    targets : array_like, shape (records, classes)
        1 present, 0 absent, NaN unknown.
    probabilities : array_like, shape (records, classes)
    prior : float
        Positives at which a class's own best threshold counts half.
    usual : float or array_like, shape (classes,)

    Returns
    -------
    ndarray, shape (classes,)
        The usual one for a class without positives.
    """
    targets = np.asarray(targets, dtype=float)
    probabilities = np.asarray(probabilities, dtype=float)
    thresholds = np.broadcast_to(np.asarray(usual, dtype=float), targets.shape[1]).copy()
    for k in range(targets.shape[1]):
        known = np.isfinite(targets[:, k])
        truth, p = targets[known, k] > 0.5, probabilities[known, k]
        positives = truth.sum()
        if not positives:
            continue
        order = np.argsort(-p, kind="stable")
        hits = np.cumsum(truth[order])
        f = 2 * hits / (np.arange(1, len(p) + 1) + positives)
        ranked = p[order]
        # A threshold lies between two different probabilities, or below the smallest.
        cuts = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))
        best = cuts[np.argmax(f[cuts])]
        below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
        middle = np.clip((ranked[best] + below) / 2, 1e-4, 1 - 1e-4)
        share = positives / (positives + prior)
        thresholds[k] = expit(share * logit(middle) + (1 - share) * logit(thresholds[k]))
    return thresholds
