"""PTB-XL's metadata into the Challenge's labels.

Rules: the Challenge's contract, "Data preparation commands". PTB-XL: Wagner et al., Scientific
Data 7:154, 2020; its 12SL statements come with PTB-XL+ (Strodthoff et al., Scientific Data
10:279, 2023).
"""

import ast
import hashlib
import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from giraffe.classes import CLASSES
from giraffe.ecg.database import cell_moment, cell_number, cell_whole, read_database, record_name
from giraffe.ecg.records import find_headers, read_text
from giraffe.files import copy_with_times, write_atomically

log = logging.getLogger(__name__)

ACUTE_MI_STATEMENTS = (821, 822, 823, 827, 829, 902, 903, 904, 963, 964, 965, 966, 967, 968)
"""Statement numbers of the 12SL program that make an infarction acute."""

_RHYTHM_CODES = {
    "PAC": {"PAC"},
    "PVC": {"PVC"},
    "AFIB/AFL": {"AFIB", "AFLT"},
    "TACHY": {"STACH", "SVTAC", "PSVT"},
    "BRADY": {"SBRAD"},
}
_OWN_COMMENTS = re.compile(r"#\s*(Age|Sex|Height|Weight|Labels|Unknown):")


def labels_from_codes(scp_codes, superclass_of: dict[str, str], acute: bool) -> list[str]:
    """Challenge labels of a record.

    Parameters
    ----------
    scp_codes : iterable of str
        The record's SCP codes, whatever their likelihood.
    superclass_of : dict of str to str
        Diagnostic superclass of each diagnostic code.
    acute : bool
        Whether the record's 12SL statements name an acute infarction.

    Returns
    -------
    list of str
        In the order of `CLASSES`.
    """
    codes = set(scp_codes)
    superclasses = {superclass_of[code] for code in codes if code in superclass_of}
    labels: set[str] = {name for name in ("NORM", "STTC", "CD", "HYP") if name in superclasses}
    if acute:
        labels.add("Acute MI")
    elif "MI" in superclasses:
        labels.add("Old MI")
    labels |= {name for name, own in _RHYTHM_CODES.items() if codes & own}
    return [name for name in CLASSES if name in labels]


def read_superclasses(statements_csv: str | Path) -> dict[str, str]:
    """Diagnostic superclass of each diagnostic SCP code, from ``scp_statements.csv``."""
    table = pd.read_csv(statements_csv, index_col=0)
    diagnostic = table[table["diagnostic"] == 1]
    return diagnostic["diagnostic_class"].dropna().to_dict()


def read_acute_records(statements_csv: str | Path, mapping_csv: str | Path) -> set[int]:
    """Ids of the records whose 12SL statements name an acute infarction."""
    mapping = pd.read_csv(mapping_csv, encoding="utf-8-sig")
    chosen = mapping["StatementNumber"].isin(ACUTE_MI_STATEMENTS)
    acronyms = set(mapping.loc[chosen, "Acronym"].dropna())
    table = pd.read_csv(statements_csv)
    named = {
        cell_whole(ecg_id)
        for ecg_id, text in zip(table["ecg_id"], table["statements"], strict=True)
        if acronyms & set(_parse_list(text))
    }
    return {ecg_id for ecg_id in named if ecg_id is not None}


def _parse_list(text) -> list[str]:
    try:
        return [str(item) for item in ast.literal_eval(str(text))]
    except (ValueError, SyntaxError):
        return re.findall(r"[A-Z0-9][A-Z0-9-]*", str(text))


def read_labels(
    database_csv: str | Path,
    statements_csv: str | Path,
    twelve_sl_csv: str | Path | None = None,
    mapping_csv: str | Path | None = None,
) -> pd.DataFrame:
    """Rows of PTB-XL's database with a column of Challenge labels.

    Parameters
    ----------
    database_csv, statements_csv : path
        ``ptbxl_database.csv`` and ``scp_statements.csv``.
    twelve_sl_csv, mapping_csv : path, optional
        ``12sl_statements.csv`` and ``12slv23ToSNOMED.csv`` of PTB-XL+; without them every
        infarction is an old one.

    Returns
    -------
    DataFrame
        As of `read_database`, with the column ``labels`` (lists of str).

    Raises
    ------
    KeyError, ValueError
        See `read_database`.
    """
    acute: set[int] = set()
    if twelve_sl_csv and mapping_csv:
        acute = read_acute_records(twelve_sl_csv, mapping_csv)
    else:
        log.warning("Without the 12SL statements of PTB-XL+ every infarction becomes Old MI.")
    return _with_labels(database_csv, statements_csv, acute)


def _with_labels(database_csv, statements_csv, acute: Iterable[int] = ()) -> pd.DataFrame:
    database = read_database(database_csv)
    superclass_of = read_superclasses(statements_csv)
    labels = [
        labels_from_codes(codes, superclass_of, ecg_id in acute)
        for ecg_id, codes in database["codes"].items()
    ]
    return database.assign(labels=pd.Series(labels, database.index, object))


def patients_and_folds(*databases: str | Path) -> tuple[dict[str, float], dict[str, int]]:
    """Patient and fold of PTB-XL's records by file name.

    Parameters
    ----------
    *databases : path
        ``ptbxl_database.csv``, or its parts; none: nothing is known.

    Returns
    -------
    patient : dict of str to float
        Without the records whose patient is not known; each of them is a patient of its own.
    fold : dict of str to int
        0 where the table does not tell: in no fold.
    """
    patient, fold = {}, {}
    for database in databases:
        table = read_database(database)
        for ecg_id, of_patient, of_fold in zip(
            table.index, table["patient"], table["fold"], strict=True
        ):
            for suffix in ("hr", "lr"):
                name = record_name(ecg_id, suffix)
                fold[name] = of_fold
                if not math.isnan(of_patient):
                    patient[name] = of_patient
    return patient, fold


CHOOSING_FOLD, CHOOSING_NUMBER = 10, 300


def choosing_records(
    database_csv: str | Path, statements_csv: str | Path, number: int = CHOOSING_NUMBER
) -> list[str]:
    """Records that choose between models and calibrate them, and are never trained on.

    The records of fold 10 with a label, in the order of the SHA-256 of their names
    (``00504_hr``). A known patient's records stand together, where the first of them stands. A
    patient whose records are not all among the first `number` is passed over for the next ones.

    Parameters
    ----------
    database_csv, statements_csv : path
        See `read_labels`.
    number : int
        How many; all if there are fewer.

    Returns
    -------
    list of str
        Names of records at 500 Hz.
    """
    table = _with_labels(database_csv, statements_csv)
    patients = {
        record_name(row.Index): row.patient
        for row in table.itertuples()
        if row.fold == CHOOSING_FOLD and row.labels
    }
    together: dict = {}
    for name in sorted(patients, key=lambda name: hashlib.sha256(name.encode()).digest()):
        own = name if math.isnan(patients[name]) else patients[name]
        together.setdefault(own, []).append(name)
    chosen: list[str] = []
    for names in together.values():
        if len(chosen) + len(names) <= number:
            chosen += names
    return chosen


def make_header(text: str, row: pd.Series | Mapping, unknown: Sequence[str] = ()) -> str:
    """Header of a record with PTB-XL's date, demographics and labels.

    Parameters
    ----------
    text : str
        The header as PTB-XL ships it.
    row : Series or mapping
        The record's row of `read_labels`; a cell that says nothing gets its default.
    unknown : sequence of str
        Classes about which the labels say nothing.

    Returns
    -------
    str
    """
    lines = [line.strip() for line in text.strip().split("\n")]
    signals = [line for line in lines[1:] if not line.startswith("#")]
    kept = [line for line in lines[1:] if line.startswith("#") and not _OWN_COMMENTS.match(line)]
    sexes: dict[int | None, str] = {0: "Male", 1: "Female"}
    sex = sexes.get(cell_whole(row.get("sex")), "Unknown")
    comments = [
        f"# Age: {_written(row.get('age'))}",
        f"# Sex: {sex}",
        f"# Height: {_written(row.get('height'))}",
        f"# Weight: {_written(row.get('weight'))}",
        f"# Labels: {', '.join(row['labels'])}",
    ]
    if unknown:
        comments.append(f"# Unknown: {', '.join(unknown)}")
    record_line = " ".join(lines[0].split(" ")[:4])
    recorded = cell_moment(row.get("recording_date"))
    if recorded is not None:
        # The space at the end is the organisers'. Not strftime: it writes the year 999 as 999.
        time = f"{recorded.hour:02d}:{recorded.minute:02d}:{recorded.second:02d}"
        record_line += f" {time} {recorded.day:02d}/{recorded.month:02d}/{recorded.year:04d} "
    return "\n".join([record_line, *signals, *kept, *comments]) + "\n"


def _written(cell) -> str:
    """Integer, float or Unknown, as the organisers' headers write numbers."""
    value = cell_number(cell)
    if value is None:
        return "Unknown"
    return str(int(value)) if value.is_integer() else str(value)


def prepare(
    input_folder: str | Path,
    output_folder: str | Path,
    database_csv: str | Path,
    statements_csv: str | Path,
    twelve_sl_csv: str | Path | None = None,
    mapping_csv: str | Path | None = None,
    mark_unknown: bool = False,
) -> tuple[int, list[str]]:
    """Write labelled headers for a folder of PTB-XL records and copy their signals.

    Parameters
    ----------
    input_folder, output_folder : path
    database_csv, statements_csv, twelve_sl_csv, mapping_csv : path
        See `read_labels`.
    mark_unknown : bool
        Without 12SL statements nobody knows which infarctions are acute. Whether the headers then
        say so (``# Unknown: Acute MI``); the class is left out of losses and scores.

    Returns
    -------
    (int, list of str)
        Number of records written, and the names of those that the database lacks.
    """
    table = read_labels(database_csv, statements_csv, twelve_sl_csv, mapping_csv)
    input_folder, output_folder = Path(input_folder), Path(output_folder)
    marked = ("Acute MI",) if mark_unknown and not twelve_sl_csv else ()
    headers, unknown = {}, []
    for name in find_headers(input_folder):
        identifier = Path(name).name.split("_")[0]
        if not identifier.isdecimal() or int(identifier) not in table.index:
            log.warning("%s is not in the database; skipped.", name)
            unknown.append(name)
            continue
        text = read_text(input_folder / f"{name}.hea")
        headers[name] = make_header(text, table.loc[int(identifier)], marked)
    # Nothing is written before everything is understood; a header means that its record is whole.
    for name, header in headers.items():
        signals = {line.split(" ")[0] for line in header.split("\n")[1:] if line[:1] not in "#"}
        for file in sorted(signals):
            source = (input_folder / name).parent / file
            if source.is_file():
                copy_with_times(source, (output_folder / name).parent / file)
        write_atomically(output_folder / f"{name}.hea", header)
    return len(headers), unknown
