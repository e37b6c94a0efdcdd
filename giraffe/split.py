"""The split into training and validation records."""

import numpy as np

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
    targets, groups = np.asarray(targets) > 0.5, np.asarray(groups)
    numbers, members = np.unique(groups, return_inverse=True)
    unions = np.zeros((len(numbers), targets.shape[1]), dtype=bool)
    np.logical_or.at(unions, members, targets)
    combinations, category = np.unique(unions, axis=0, return_inverse=True)
    category = category.reshape(-1)

    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(numbers), dtype=bool)
    for k in range(len(combinations)):
        candidates = rng.permutation(np.flatnonzero(category == k))
        held_out[candidates[: int(share * len(candidates) + 0.5)]] = True
    return np.flatnonzero(~held_out[members]), np.flatnonzero(held_out[members])


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
