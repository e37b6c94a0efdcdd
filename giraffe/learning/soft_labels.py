"""Soft labels: what networks that read signals say of training records, mixed with their labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from giraffe.classes import CLASSES
from giraffe.ecg.ptbxl import patients_and_folds
from giraffe.files import csv_text, write_atomically
from giraffe.judging.conditions import printed_records
from giraffe.judging.metrics import auroc_per_class, macro
from giraffe.learning.hearts import divide, real_hearts, simulated_hearts
from giraffe.learning.signalschool import EPOCHS, SIMULATED, SIMULATED_SEED, learn_by_folds
from giraffe.learning.split import patient_groups
from giraffe.network.signalnet import probabilities


def soften(targets, soft, trust: float = 0.5) -> np.ndarray:
    """Labels mixed with what a network says; what nobody knows becomes what it says.

    Parameters
    ----------
    targets : array_like, shape (records, 11)
        1 present, 0 absent, NaN unknown.
    soft : array_like, shape (records, 11)
        Probabilities.
    trust : float
        Share of the network's word.

    Returns
    -------
    ndarray of float32, shape (records, 11)
        NaN stays for Acute MI: of it no network of ours has seen a real case.
    """
    targets, soft = np.asarray(targets, float), np.asarray(soft, float)
    mixed = np.where(np.isnan(targets), soft, (1 - trust) * targets + trust * soft)
    unseen = CLASSES.index("Acute MI")
    mixed[..., unseen] = targets[..., unseen]
    return mixed.astype(np.float32)


def parts_of_ptbxl(folders, fold, choosing) -> tuple[list, list, list]:
    """What `divide` gives of the records in some folders.

    Raises
    ------
    ValueError
        If none of them trains.
    """
    records = [record for folder in folders for record in printed_records(folder)]
    parts = divide(records, fold, choosing)
    if not parts[0]:
        raise ValueError(f"{folders[0]}: no record of the training folds, so nothing to learn from")
    return parts


def make_soft_labels(
    folders: Sequence[str | Path],
    databases: Sequence[str | Path],
    choosing: Sequence[str],
    output: str | Path,
    epochs: int = EPOCHS,
    simulated: int = SIMULATED,
    seed: int = 0,
) -> str:
    """Train networks that read signals, and let them say what they think of the training records.

    Parameters
    ----------
    folders : sequence of path
        PTB-XL's records with labels and waveforms.
    databases : sequence of path
        PTB-XL's ``ptbxl_database.csv``, or its parts.
    choosing : sequence of str
        Names of `giraffe.ecg.ptbxl.choosing_records`.
    output : path
        Table to write; see `write_soft_labels`.
    epochs, simulated, seed : int
        See `learn` and `simulated_hearts`.

    Returns
    -------
    str
        The ceiling: AUROC by class on the training records, each judged by the network that left
        it out, and by all networks on the others.
    """
    patient, fold = patients_and_folds(*databases)
    training, *others = parts_of_ptbxl(folders, fold, choosing)
    hearts = real_hearts(training)
    networks, soft = learn_by_folds(
        hearts,
        patient_groups(training, patient),
        epochs,
        seed=seed,
        simulated=simulated_hearts(seed + SIMULATED_SEED, simulated),
    )
    write_soft_labels(output, [record.path.name for record in training], soft)
    parts = {"training, left out": (hearts.targets, soft)}
    for name, judged in zip(("choosing", "folds 7 and 8"), others, strict=True):
        if judged:
            unseen = real_hearts(judged)
            parts[name] = unseen.targets, probabilities(networks, unseen.signals)
    if len(parts) == 3:
        both = zip(*list(parts.values())[1:], strict=True)
        targets, found = (np.concatenate(part) for part in both)
        parts["both"] = targets, found
    return ceiling_table(parts)


def write_soft_labels(path: str | Path, names: Sequence[str], soft) -> None:
    """What the networks say of records, shape (records, 11), as a table by the records' names."""
    rows = (
        (name, *(f"{number:.4f}" for number in numbers))
        for name, numbers in zip(names, soft, strict=True)
    )
    write_atomically(path, csv_text(("name", *CLASSES), rows))


def read_soft_labels(path: str | Path) -> dict[str, np.ndarray]:
    """What `write_soft_labels` wrote: probabilities of shape (11,) by name.

    Raises
    ------
    ValueError
        If the file is not such a table.
    """
    rows = Path(path).read_text().splitlines()
    if not rows or rows[0] != ",".join(("name", *CLASSES)):
        raise ValueError(
            f"{path}: not a table of soft labels; its columns are name and the classes"
        )
    found = {}
    for number, row in enumerate(rows[1:], start=2):
        name, *numbers = row.split(",")
        try:
            found[name] = np.array([float(text) for text in numbers], np.float32)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        if len(numbers) != len(CLASSES):
            raise ValueError(f"{path}, line {number}: {len(numbers)} numbers, not {len(CLASSES)}")
    return found


def ceiling_table(parts: dict[str, tuple[np.ndarray, np.ndarray]], least: int = 10) -> str:
    """AUROC of each class on each part of the data, for people.

    Parameters
    ----------
    parts : dict of str to (targets, probabilities)
        Each of shape (records, 11).
    least : int
        Positives that a class needs to be shown and to count in the mean.
    """
    rows: list[tuple[str, ...]] = [("", "macro", *CLASSES)]
    for name, (targets, found) in parts.items():
        areas = auroc_per_class(targets, found)
        areas[np.nansum(np.asarray(targets) > 0.5, axis=0) < least] = np.nan
        shown = ["" if np.isnan(area) else f"{area:.3f}" for area in areas]
        rows.append((name, f"{macro(areas):.3f}", *shown))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join(lines) + "\n"
