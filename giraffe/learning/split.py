"""Which records of a folder train and which validate."""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from giraffe.ecg.records import (
    Record,
    count_unknown_labels,
    group_identical,
    scan,
    summarise_problems,
    usable_for_training,
)
from giraffe.errors import RecordError
from giraffe.settings import Settings

log = logging.getLogger(__name__)

VALIDATION_SHARE = 0.2


def stratified_split(targets, groups, seed: int, share: float = VALIDATION_SHARE):
    """Random split that keeps the proportions of the label combinations (paper, "Split").

    Parameters
    ----------
    targets : array_like, shape (records, classes)
        Multi-hot labels.
    groups : array_like of int, shape (records,)
        Records of one group (identical ones) stay on one side; a group's combination is the
        union of its labels.
    seed : int
    share : float
        Share of each combination that goes to validation, rounded to whole groups; combinations
        too rare to split go to training.

    Returns
    -------
    training, validation : ndarray of int
        Sorted positions of the records.
    """
    members, category = _combinations(targets, groups)

    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(category), dtype=bool)
    for k in range(category.max(initial=-1) + 1):
        candidates = rng.permutation(np.flatnonzero(category == k))
        held_out[candidates[: int(share * len(candidates) + 0.5)]] = True
    return np.flatnonzero(~held_out[members]), np.flatnonzero(held_out[members])


def _combinations(targets, groups) -> tuple[np.ndarray, np.ndarray]:
    """Position of each record's group, and number of each group's combination of labels."""
    targets = np.asarray(targets) > 0.5
    numbers, members = np.unique(np.asarray(groups), return_inverse=True)
    unions = np.zeros((len(numbers), targets.shape[1]), dtype=bool)
    np.logical_or.at(unions, members, targets)
    return members, np.unique(unions, axis=0, return_inverse=True)[1].reshape(-1)


def stratified_folds(targets, groups, seed: int, folds: int) -> np.ndarray:
    """Number of the fold of each record, with the label combinations spread evenly.

    Parameters are those of `stratified_split`.

    Returns
    -------
    ndarray of int, shape (records,)
        In [0, folds).
    """
    members, category = _combinations(targets, groups)
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(category))
    # Dealt out like cards, combination after combination.
    order = shuffled[np.argsort(category[shuffled], kind="stable")]
    fold = np.empty(len(category), dtype=int)
    fold[order] = np.arange(len(category)) % folds
    return fold[members]


def patient_groups(records: Sequence[Record], patient: Mapping[str, float]) -> list[float]:
    """Equal numbers for records of one patient, whose number stands in a table by file name.

    A record whose patient is not known is a patient of its own, with its identical twins; a twin's
    patient is its own.
    """
    known = {name: number for name, number in patient.items() if math.isfinite(number)}
    twins = group_identical(records)
    names = [record.path.name for record in records]
    of_twins = {k: known[name] for name, k in zip(names, twins, strict=True) if name in known}
    return [
        known.get(name, of_twins.get(k, -1 - int(k))) for name, k in zip(names, twins, strict=True)
    ]


def random_split(groups, seed: int, share: float = VALIDATION_SHARE):
    """Random split without regard to labels, as the organisers' example made it.

    Parameters and returns are those of `stratified_split`.
    """
    groups = np.asarray(groups)
    numbers, members = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(numbers))
    held_out = np.zeros(len(numbers), dtype=bool)
    held_out[order[: int(share * len(numbers) + 0.5)]] = True
    return np.flatnonzero(~held_out[members]), np.flatnonzero(held_out[members])


def find_training_records(data_folder: str | Path) -> list[Record]:
    """Records that can be trained on; the others are counted and named in the log.

    Raises
    ------
    RecordError
        If there is none, with the reasons.
    """
    records, problems = scan(data_folder)
    if not records and not problems:
        raise RecordError(f"{data_folder}: no records (.hea files) in this folder")
    usable, unusable = usable_for_training(records)
    problems |= unusable
    if not usable:
        raise RecordError(
            f"{data_folder}: none of its {len(problems)} records can be trained on:\n"
            + summarise_problems(problems)
        )
    if problems:
        log.warning("Left out of training:\n%s", summarise_problems(problems))
    unknown = count_unknown_labels(records)
    if unknown:
        log.warning("Unknown labels are ignored: %s", dict(unknown.most_common(10)))
    return usable


def split_records(records: list[Record], settings: Settings, network: int = 0):
    """Training and validation records of a run; identical records stay on one side.

    Parameters
    ----------
    records : list of Record
    settings : Settings
    network : int
        Which network of an ensemble; each is validated on a fold of its own.

    Returns
    -------
    training, validation : list of Record
    """
    targets = np.stack([record.targets() for record in records])
    groups = group_identical(records)
    if settings.recipe.ensemble > 1:
        fold = stratified_folds(targets, groups, settings.seed, settings.recipe.ensemble)
        training, validation = np.flatnonzero(fold != network), np.flatnonzero(fold == network)
    elif settings.recipe.stratified:
        training, validation = stratified_split(targets, groups, settings.seed)
    else:
        training, validation = random_split(groups, settings.seed)
    if len(training) == 0:
        training, validation = validation, training
    return [records[i] for i in training], [records[i] for i in validation]
