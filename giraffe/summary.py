"""What a data set holds: counts per class in the layout of the paper's Table 2."""

from pathlib import Path

import numpy as np

from giraffe.classes import CLASSES, encode
from giraffe.records import count_unknown_labels, scan, summarise_problems, usable_for_training
from giraffe.settings import Settings
from giraffe.split import split_records

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
