"""What a data set holds: counts per class in the layout of the paper's Table 2."""

from pathlib import Path

import numpy as np

from giraffe.classes import CLASSES, encode
from giraffe.ecg.ptbxl import read_labels
from giraffe.ecg.records import count_unknown_labels, scan, summarise_problems, usable_for_training
from giraffe.learning.split import split_records, stratified_split
from giraffe.settings import Settings

TABLE_ORDER = tuple(sorted(CLASSES))  # the order of the paper's table


def label_table(rows: dict[str, list]) -> str:
    """Counts per class as text; a record counts once for each of its labels.

    Parameters
    ----------
    rows : dict of str to list of label collections
        One row per part of the data.
    """
    columns = [*TABLE_ORDER, "Total"]
    table = [["", *columns]]
    for name, labels in rows.items():
        hot = np.array([encode(each) for each in labels]).reshape(-1, len(CLASSES))
        counts = dict(zip(CLASSES, hot.sum(axis=0).astype(int), strict=True))
        table.append([name, *(str(counts[c]) for c in TABLE_ORDER), str(len(labels))])
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def summarise_ptbxl(
    database: str | Path,
    mapping: str | Path,
    twelve_sl: str | Path | None,
    twelve_sl_mapping: str | Path | None,
    settings: Settings,
) -> str:
    """Class counts of PTB-XL by its tables alone, split as records would be.

    Parameters
    ----------
    database, mapping, twelve_sl, twelve_sl_mapping : path
        See `giraffe.ecg.ptbxl.read_labels`.
    settings : Settings
        Its seed decides the split.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If a table is not given, or not PTB-XL's.
    """
    if mapping is None:
        raise ValueError("--database needs --mapping scp_statements.csv")
    try:
        labels = read_labels(database, mapping, twelve_sl, twelve_sl_mapping)["labels"].tolist()
    except KeyError as error:
        raise ValueError(f"{database}, {mapping}: not PTB-XL's tables, {error} missing") from error
    labelled = [each for each in labels if each]
    targets = np.stack([encode(each) for each in labelled])
    training, validation = stratified_split(targets, np.arange(len(targets)), settings.seed)
    parts = {
        "training": [labelled[i] for i in training],
        "validation": [labelled[i] for i in validation],
    }
    without = len(labels) - len(labelled)
    return f"{label_table(parts)}\n\n{len(labels)} records, {without} of them without a label."


def summarise(folder: str | Path, settings: Settings) -> str:
    """Summary of a folder of records for people.

    Parameters
    ----------
    folder : path
    settings : Settings
        Recipe and seed decide the split.

    Returns
    -------
    str
    """
    records, unreadable = scan(folder)
    usable, unusable = usable_for_training(records)
    if usable:
        training, validation = split_records(usable, settings)
    else:
        training, validation = [], []
    lines = [
        label_table(
            {
                "training": [record.labels for record in training],
                "validation": [record.labels for record in validation],
            }
        ),
        "",
        f"{len(records) + len(unreadable)} records, {len(usable)} usable for training: "
        f"{sum(bool(r.images()) for r in usable)} with image files, "
        f"{sum(r.has_waveform() for r in usable)} with a waveform.",
    ]
    problems = unreadable | unusable
    if problems:
        lines += ["", "Unusable:", summarise_problems(problems)]
    unknown = count_unknown_labels(records)
    if unknown:
        listed = ", ".join(f"{name} ({count})" for name, count in unknown.most_common(10))
        lines += ["", f"Unknown labels, ignored: {listed}"]
    return "\n".join(lines)
