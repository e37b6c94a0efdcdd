"""How well probabilities and decisions agree with the truth, by class and by record."""

from dataclasses import dataclass

import numpy as np

from giraffe.classes import CLASSES
from giraffe.judging.metrics import auroc_per_class, f_per_class
from giraffe.network.calibration import EDGE, calibration_error, log_loss

Z95 = 1.96  # standard deviations of a 95 % interval


@dataclass(frozen=True)
class ClassScores:
    """One class's scores; NaN where a score is not defined.

    Attributes
    ----------
    name : str
    known, positives, given, hits : int
        Records of which the class is known, that have it, that get it, and both.
    precision, recall, f, auroc, average_precision : float
    share, mean : float
        Of records with the class, and mean probability.
    log_loss, constant : float
        Of the probabilities, and of answering with the share always.
    error : float
        Expected calibration error.
    raw_log_loss, raw_error : float
        The same before calibration.
    """

    name: str
    known: int
    positives: int
    given: int
    hits: int
    precision: float
    recall: float
    f: float
    auroc: float
    average_precision: float
    share: float
    mean: float
    log_loss: float
    constant: float
    error: float
    raw_log_loss: float
    raw_error: float


def class_scores(targets, probabilities, raw, decisions) -> list[ClassScores]:
    """Scores of every class.

    Parameters
    ----------
    targets : ndarray, shape (records, 11)
        1 present, 0 absent, NaN unknown.
    probabilities, raw : ndarray, shape (records, 11)
        After and before calibration.
    decisions : ndarray of bool, shape (records, 11)
    """
    f, auroc = f_per_class(targets, decisions), auroc_per_class(targets, probabilities)
    found = []
    for k, name in enumerate(CLASSES):
        known = np.isfinite(targets[:, k])
        truth, given = targets[known, k] > 0.5, decisions[known, k]
        p, before = probabilities[known, k], raw[known, k]
        hits, positives = int((truth & given).sum()), int(truth.sum())
        share = positives / len(truth) if len(truth) else np.nan
        found.append(
            ClassScores(
                name, len(truth), positives, int(given.sum()), hits,
                precision=hits / given.sum() if given.any() else np.nan,
                recall=hits / positives if positives else np.nan,
                f=float(f[k]),
                auroc=float(auroc[k]),
                average_precision=average_precision(truth, p),
                share=share,
                mean=float(p.mean()) if len(p) else np.nan,
                log_loss=log_loss(truth, p),
                constant=log_loss(truth, np.full(len(truth), share)),
                error=calibration_error(truth, p) if len(p) else np.nan,
                raw_log_loss=log_loss(truth, before),
                raw_error=calibration_error(truth, before) if len(p) else np.nan,
            )
        )  # fmt: skip
    return found


def _counts(truth, p) -> tuple[np.ndarray, np.ndarray]:
    """Hits and false alarms above each different probability, from the strictest on."""
    order = np.argsort(-p, kind="stable")
    last = np.flatnonzero(np.append(np.diff(p[order]) != 0, True))
    hits = np.cumsum(truth[order])[last]
    return hits, last + 1 - hits


def roc(truth, p) -> tuple[np.ndarray, np.ndarray]:
    """False positive rate and recall at every threshold, from (0, 0) to (1, 1).

    Parameters
    ----------
    truth : array_like of bool, shape (records,)
        With a positive and a negative.
    p : array_like, shape (records,)
    """
    truth, p = np.asarray(truth, bool), np.asarray(p, float)
    hits, alarms = _counts(truth, p)
    return np.append(0, alarms / (~truth).sum()), np.append(0, hits / truth.sum())


def precision_recall(truth, p) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision at every threshold, from the strictest on; parameters as of `roc`."""
    truth, p = np.asarray(truth, bool), np.asarray(p, float)
    hits, alarms = _counts(truth, p)
    return hits / truth.sum(), hits / (hits + alarms)


def average_precision(truth, p) -> float:
    """Area of the steps below the precision-recall curve; NaN without a positive."""
    if not np.any(truth):
        return float("nan")
    recall, precision = precision_recall(truth, p)
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def reliability(truth, p, bins: int) -> list[tuple[float, float, float, float, int]]:
    """How often what gets a probability is true.

    Parameters
    ----------
    truth : array_like of bool, shape (records,)
    p : array_like, shape (records,)
    bins : int
        Of equally many records.

    Returns
    -------
    list of (float, float, float, float, int)
        Of each bin: mean probability, share that is true, ends of its 95 % interval (Wilson, 1927),
        records.
    """
    truth, p = np.asarray(truth, float), np.asarray(p, float)
    order = np.argsort(p, kind="stable")
    found = []
    for part in np.array_split(order, bins):
        if not len(part):
            continue
        n, share = len(part), float(truth[part].mean())
        middle = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
        half = Z95 / (1 + Z95**2 / n) * np.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
        found.append((float(p[part].mean()), share, middle - half, middle + half, n))
    return found


def losses_of_truth(targets, probabilities) -> np.ndarray:
    """Log loss of every known answer, shape (records, 11); 0 where the truth is unknown."""
    targets = np.asarray(targets, float)
    p = np.clip(np.asarray(probabilities, float), EDGE, 1 - EDGE)
    losses = -np.log(np.where(targets > 0.5, p, 1 - p))
    return np.where(np.isfinite(targets), losses, 0.0)
