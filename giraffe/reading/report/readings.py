"""The best and the worst readings of records, and where in the picture a label came from."""

from dataclasses import dataclass

import numpy as np

from giraffe.classes import CLASSES
from giraffe.network.classifier import Classifier
from giraffe.progress import progress_bar
from giraffe.reading.explaining import heat, overlay
from giraffe.reading.read import Label, label_of
from giraffe.reading.report.answers import Answers, pictures_of
from giraffe.reading.report.judging import losses_of_truth

SHOWN = 4  # best readings, and worst ones
READING_PX = 1000  # of the longer side of a picture


@dataclass(frozen=True)
class Reading:
    """One record's reading, for the best and the worst.

    Attributes
    ----------
    name : str
    likelihood : float
        Product of the probabilities that all answers had.
    true, given : list of str
    probabilities : ndarray, shape (11,)
    explained : Label
        The label whose heat is shown.
    picture : ndarray of uint8
        With its heat.
    empty : bool
        Whether there is no heat.
    """

    name: str
    likelihood: float
    true: list[str]
    given: list[str]
    probabilities: np.ndarray
    explained: Label
    picture: np.ndarray
    empty: bool


def extremes(
    answers: Answers, classifier: Classifier, preset: str, verbose: bool
) -> tuple[list[Reading], list[Reading]]:
    """Readings with the most and with the least likely truth; best ones of different labels."""
    losses = losses_of_truth(answers.targets, answers.probabilities)
    order = np.argsort(losses.sum(axis=1), kind="stable")
    best: dict[tuple[str, ...], int] = {}
    for i in order:
        if len(best) < SHOWN:
            best.setdefault(answers.records[i].labels, i)
    worst = [i for i in order[::-1] if i not in best.values()][:SHOWN]
    # Of a good reading the most probable of the true labels. Of a bad one the label that is given
    # most wrongly, because heat is what speaks for a label; else the answer that is most wrong.
    true = np.where(answers.targets > 0.5, answers.probabilities, -1)
    wanted = [(i, true[i].argmax()) for i in best.values()]
    given = losses * answers.decisions * (answers.targets < 0.5)
    wanted += [(i, (given[i] if given[i].any() else losses[i]).argmax()) for i in worst]
    found = []
    for i, k in progress_bar(wanted, desc="explaining", unit="record", shown=verbose):
        found.append(_reading(answers, i, k, classifier, preset, losses[i].sum()))
    return found[: len(best)], found[len(best) :]


def _reading(
    answers: Answers, i: int, k: int, classifier: Classifier, preset: str, loss: float
) -> Reading:
    """The reading of record i, with the heat of class k."""
    record, name = answers.records[i], CLASSES[k]
    picture = pictures_of(record, classifier, preset, {})[0][0]
    values = heat(picture, classifier.find([picture])[0], classifier, [name])[name]
    true, given = (
        [c for c, yes in zip(CLASSES, hot, strict=True) if yes]
        for hot in (answers.targets[i] > 0.5, answers.decisions[i])
    )
    p, threshold = answers.probabilities[i, k], classifier.thresholds[k]
    label = label_of(name, float(p), float(threshold), given)
    shown = overlay(picture, values, READING_PX)
    return Reading(
        record.name, float(np.exp(-loss)), true, given, answers.probabilities[i], label, shown,
        not values.any(),
    )  # fmt: skip
