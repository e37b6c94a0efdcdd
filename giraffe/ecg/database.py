"""PTB-XL's table of records, ``ptbxl_database.csv``, whatever its cells hold.

Tables come with gaps: a cell that is blank or cannot be understood is read as follows, whatever
stands in the others. Columns that are not named here do not matter.

=============================== ================================================================
Column                          Default
=============================== ================================================================
``ecg_id``                      the row is left out: its record is not in the database
``patient_id``                  a patient of its own
``age``, ``height``, ``weight`` ``Unknown``
``sex``                         ``Unknown``
``recording_date``              date and time are left out of the header
``scp_codes``                   no code, so no label
``strat_fold``                  0: in no fold
=============================== ================================================================
"""

import ast
import csv
import datetime
import logging
import math
from pathlib import Path

import pandas as pd

log = logging.getLogger(__name__)


def cell_number(cell) -> float | None:
    """A number that is not negative, or None for a cell that holds none."""
    try:
        value = float(str(cell))
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def cell_whole(cell) -> int | None:
    """A whole number, also if written as 17.0, or None for a cell that holds none."""
    value = cell_number(cell)
    if value is None or not value.is_integer() or value >= 2**53:
        return None
    return int(value)


def cell_moment(cell) -> datetime.datetime | None:
    """Date and time as PTB-XL writes them (ISO 8601), or None for a cell that holds none."""
    try:
        return datetime.datetime.fromisoformat(str(cell).strip())
    except ValueError:
        return None


def cell_codes(cell) -> list[str]:
    """SCP codes of a cell such as ``{'NORM': 100.0, 'SR': 0.0}``; none if it is malformed."""
    try:
        codes = ast.literal_eval(str(cell).strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return []
    return [str(code) for code in codes] if isinstance(codes, dict | list | tuple | set) else []


def read_database(database_csv: str | Path) -> pd.DataFrame:
    """PTB-XL's ``ptbxl_database.csv`` as it is written, with the cells that we need understood.

    Parameters
    ----------
    database_csv : path

    Returns
    -------
    DataFrame
        Indexed by ``ecg_id`` (int), each once: of several rows with one id the first counts. Its
        cells are text as written; the columns ``patient`` (float, NaN for an unknown one),
        ``fold`` (int, 0 for an unknown one) and ``codes`` (lists of str) are understood.

    Raises
    ------
    ValueError
        If the file is no table, or one without a column ``ecg_id`` or ``scp_codes``.
    """
    try:
        with open(database_csv, newline="", encoding="utf-8-sig", errors="replace") as file:
            reader = csv.DictReader(file, restval="")
            columns, rows = list(reader.fieldnames or ()), list(reader)
    except csv.Error as error:
        raise ValueError(
            f"{database_csv}: not a table of comma-separated values ({error})"
        ) from None
    for name in ("ecg_id", "scp_codes"):
        if name not in columns:
            raise ValueError(f"{database_csv}: no column {name}")
    first = {}
    for row in rows:
        ecg_id = cell_whole(row["ecg_id"])
        if ecg_id is None or ecg_id in first:
            why = "no number" if ecg_id is None else "not the first row of that number"
            log.warning("%s: row with ecg_id %r left out, %s.", database_csv, row["ecg_id"], why)
        else:
            first[ecg_id] = row
    table = pd.DataFrame(
        list(first.values()), index=pd.Index(list(first), dtype=int, name="ecg_id"), columns=columns
    ).drop(columns="ecg_id")

    def understood(column: str, read, default) -> list:
        cells = table[column] if column in table else [""] * len(table)
        values = map(read, cells)
        return [default if value is None else value for value in values]

    patients = understood("patient_id", cell_number, math.nan)
    folds = understood("strat_fold", cell_whole, 0)
    codes = understood("scp_codes", cell_codes, None)
    # Set at once: a list per cell is no column of a scalar type.
    return table.assign(patient=patients, fold=folds, codes=pd.Series(codes, table.index, object))


def record_name(ecg_id: int, suffix: str = "hr") -> str:
    """Name of a record of PTB-XL: ``hr`` at 500 Hz, ``lr`` at 100 Hz."""
    return f"{ecg_id:05d}_{suffix}"
