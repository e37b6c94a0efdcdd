"""SNOMED CT codes of the PhysioNet Challenges 2020 and 2021 into the labels of that of 2024.

The headers of CPSC, CPSC-Extra, Georgia, Chapman-Shaoxing, Ningbo, PTB, PTB-XL and INCART name
diagnoses in a line ``# Dx: 426783006,164889003`` (Alday et al., Physiological Measurement
41:124003, 2020; Reyna et al., Computing in Cardiology 2021). ``snomed.csv`` beside this file says
what each code means for the 11 classes: which are present by it and which it leaves open. The
reasons are in docs/databases.md.
"""

import csv
import functools
import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from giraffe.classes import CLASSES
from giraffe.ecg.ptbxl import make_header
from giraffe.ecg.records import Header, find_headers, open_record, read_text
from giraffe.ecg.waveform import LEADS, check_files, plain_header
from giraffe.errors import RecordError
from giraffe.files import copy_with_times, markdown_table, write_atomically
from giraffe.progress import progress_bar

log = logging.getLogger(__name__)

TABLE = Path(__file__).with_name("snomed.csv")
SINUS_RHYTHM = "426783006"

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DIAGNOSES = re.compile(r"^\s*#\s*Dx\s*:(.*)$", re.IGNORECASE | re.MULTILINE)
_NOTHING = {"", "unknown", "nan", "none", "null", "n/a", "?"}
_SEXES = {"m": 0, "male": 0, "f": 1, "female": 1}  # PTB-XL's numbers


@dataclass(frozen=True)
class Meaning:
    """What a code says of the classes.

    Attributes
    ----------
    name : str
    present : frozenset of str
        Classes that a record with this code has.
    open : frozenset of str
        Classes that it may have or not; NORM is absent where it is not among them.
    """

    name: str
    present: frozenset[str] = frozenset()
    open: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Database:
    """A database, and what its codes cannot tell.

    Attributes
    ----------
    records : str
        Regular expression of its records' names.
    silent : tuple of str
        Classes for which it has no code, or hardly ever used it: unknown wherever they are not
        coded, but for records that are normal.
    otherwise : dict of str to Meaning
        Codes that stand for something else here.
    """

    records: str
    silent: tuple[str, ...] = ()
    otherwise: dict[str, Meaning] = field(default_factory=dict)


def _meaning(name: str, present: str, left_open: str) -> Meaning:
    return Meaning(name, *(frozenset(filter(None, t.split("; "))) for t in (present, left_open)))


_INFARCTION = _meaning("SCP codes of infarctions: old ones by prepare-ptbxl's rule", "Old MI", "")
DATABASES = {
    "CPSC": Database(r"A\d{4}", ("Acute MI", "Old MI", "HYP", "TACHY", "BRADY")),
    "CPSC-Extra": Database(r"Q\d{4}"),
    "INCART": Database(r"I\d{4}|I\d{2}"),
    "PTB": Database(r"S\d{4}|s\d{4}(?:lre|_re)", ("STTC", "PAC", "PVC", "BRADY")),
    "PTB-XL": Database(
        r"HR\d{5}",
        ("Acute MI",),
        {
            "164865005": _INFARCTION,
            "54329005": _INFARCTION,
            "429622005": _meaning("SCP code STD_, a form", "", "NORM; STTC"),
            "164931005": _meaning("SCP code STE_, a form", "", "NORM; STTC"),
            "59931005": _meaning("SCP code INVT, a form", "", "NORM; STTC"),
            "164934002": _meaning("SCP codes NDT (STTC), and NT_, TAB_, LOWT", "", "NORM; STTC"),
            "63593006": _meaning("SCP code SVARR, any arrhythmia", "", "NORM; PAC"),
            "11157007": _meaning("SCP code BIGU, of either kind", "", "NORM; PAC; PVC"),
            "251180001": _meaning("SCP code TRIGU, of either kind", "", "NORM; PAC; PVC"),
        },
    ),
    "Georgia": Database(r"E\d{5}", ("Acute MI", "Old MI")),
    "Chapman-Shaoxing": Database(r"JS0\d{4}|JS10[0-5]\d\d|JS106[0-3]\d|JS1064[0-6]"),
    "Ningbo": Database(r"JS\d{5}"),
}
"""By name; a record belongs to the first whose records' names are like its own."""

OTHER = Database(r".*")


@functools.cache
def read_table() -> dict[str, Meaning]:
    """Meaning of each code."""
    with open(TABLE, newline="", encoding="utf-8") as file:
        return {
            row["code"]: _meaning(row["name"], row["present"], row["open"])
            for row in csv.DictReader(file)
        }


def database_of(name: str) -> str:
    """Name of the database that a record comes from, by the record's; ``other`` if by none."""
    for database, facts in DATABASES.items():
        if re.fullmatch(facts.records, name):
            return database
    return "other"


def codes_in(text: str) -> list[str]:
    """Codes of a header's lines of diagnoses, each once, and words that stand there instead."""
    words = (w for line in _DIAGNOSES.findall(text) for w in re.split(r"[,;\s]+", line))
    codes = (word.removesuffix(".0") for word in words if word.lower() not in _NOTHING)
    return list(dict.fromkeys(codes))


def labels_from_codes(codes: Iterable[str], database: str = "other") -> tuple[list[str], list[str]]:
    """Labels of a record, and the classes about which its codes say nothing.

    Parameters
    ----------
    codes : iterable of str
        SNOMED CT codes. One that the table does not know rules out that the ECG is known to be
        normal, and nothing else.
    database : str
        A key of `DATABASES`, or ``other``.

    Returns
    -------
    labels, unknown : list of str
        In the order of `CLASSES`; without any code everything is unknown.
    """
    codes = set(codes)
    if not codes:
        return [], list(CLASSES)
    if codes == {SINUS_RHYTHM}:
        return ["NORM"], []
    facts = DATABASES.get(database, OTHER)
    table = read_table() | facts.otherwise
    meanings = [table.get(code, Meaning(code, open=frozenset({"NORM"}))) for code in codes]
    present = frozenset().union(*(meaning.present for meaning in meanings))
    unknown = frozenset(facts.silent).union(*(meaning.open for meaning in meanings))
    if not all("NORM" in meaning.open for meaning in meanings):
        unknown -= {"NORM"}
    unknown -= present
    return [c for c in CLASSES if c in present], [c for c in CLASSES if c in unknown]


def moment_of(header: Header) -> str:
    """Date and time of a header as ISO 8601, or nothing if not both are understood."""
    parts = re.split(r"[-/]", header.date)
    if len(parts) != 3:
        return ""
    day, month, year = parts if len(parts[0]) < 3 else reversed(parts)
    if month[:3].lower() in MONTHS:
        month = str(1 + MONTHS.index(month[:3].lower()))
    hour, minute, second = [*header.time.split(".")[0].split(":"), "0", "0"][:3]
    numbers = [year.zfill(4), *(part.zfill(2) for part in (month, day, hour, minute, second))]
    return "{}-{}-{} {}:{}:{}".format(*numbers)


def labelled_header(
    text: str, header: Header, labels: Sequence[str], unknown: Sequence[str]
) -> str:
    """A header with labels, in words that every reader of WFDB headers understands.

    Parameters
    ----------
    text : str
        The header as its database ships it.
    header : Header
        What it says.
    labels, unknown : sequence of str
        See `labels_from_codes`.
    """
    lines = [line.strip() for line in text.split("\n")]
    comments = "\n".join(line for line in lines if line.startswith("#"))
    said = {key.strip().lower(): value for key, value in header.comments.items()}
    row: dict[str, object] = {name: said.get(name) for name in ("age", "height", "weight")}
    row["sex"] = _SEXES.get(said.get("sex", "").lower())
    row |= {"recording_date": moment_of(header), "labels": labels}
    return make_header(plain_header(text, header.name) + comments, row, unknown)


@dataclass
class Prepared:
    """What became of a folder of records.

    Attributes
    ----------
    databases : Counter
        Records by database.
    labels, unknown : Counter
        Records by class: present, and not known.
    unmapped : Counter
        Records by code that the table does not know.
    labelled, undiagnosed : int
        Records with a label, and without any code.
    problems : dict of str to str
        Why a record could not be prepared, by name.
    """

    databases: Counter = field(default_factory=Counter)
    labels: Counter = field(default_factory=Counter)
    unknown: Counter = field(default_factory=Counter)
    unmapped: Counter = field(default_factory=Counter)
    labelled: int = 0
    undiagnosed: int = 0
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def written(self) -> int:
        """Records that were prepared."""
        return sum(self.databases.values())

    def __str__(self) -> str:
        origins = ", ".join(f"{name} {number}" for name, number in self.databases.most_common())
        nothing = self.written - self.labelled - self.undiagnosed
        lines = [
            f"{self.written} records prepared{f' ({origins})' if origins else ''}: "
            f"{self.labelled} with a label, {nothing} whose codes give none, "
            f"{self.undiagnosed} without a diagnosis.",
            f"{'class':10}{'present':>9}{'unknown':>9}",
        ]
        lines += [f"{name:10}{self.labels[name]:9}{self.unknown[name]:9}" for name in CLASSES]
        if self.unmapped:
            codes = ", ".join(f"{code} ({n})" for code, n in self.unmapped.most_common())
            lines.append(f"Codes that the table does not know, with their records: {codes}")
        return "\n".join(lines)


def prepare(
    input_folder: str | Path, output_folder: str | Path, database: str | None = None
) -> Prepared:
    """Write labelled headers for a folder of records with SNOMED CT codes and copy their signals.

    A record that cannot be used is left out and the others go on. A header is written after its
    signals and whole, so that a header means that its record is there.

    Parameters
    ----------
    input_folder, output_folder : path
        The input is only read, so that the output must lie elsewhere.
    database : str, optional
        Where all records come from: a key of `DATABASES`, or ``other``; by default each is told
        by its name.

    Returns
    -------
    Prepared

    Raises
    ------
    RecordError
        If the output would change the input, or there is no such folder.
    """
    source, target = Path(input_folder), Path(output_folder)
    if not source.is_dir():
        raise RecordError(f"{source}: no such folder")
    if source.resolve() in (target.resolve(), *target.resolve().parents):
        raise RecordError(f"{target}: lies in the input, which stays as it is; write elsewhere")
    done = Prepared()
    names = find_headers(source)
    for name in progress_bar(names, total=len(names), desc="preparing", unit="record"):
        try:
            _prepare_record(source, target, name, database, done)
        except RecordError as error:
            done.problems[name] = str(error)
    return done


def _prepare_record(source: Path, target: Path, name: str, database, done: Prepared) -> None:
    record = open_record(source / name, name)
    text = read_text(source / f"{name}.hea")
    if not set(record.header.leads) & set(LEADS):
        raise RecordError(f"{record.path}.hea: none of its leads is known")
    check_files(record.path, text)
    origin = database or database_of(record.header.name)
    codes = codes_in(text)
    labels, unknown = labels_from_codes(codes, origin)
    for file in record.signals():
        copy_with_times(file, (target / name).parent / file.name)
    header = labelled_header(text, record.header, labels, unknown)
    write_atomically(target / f"{name}.hea", header)
    done.databases[origin] += 1
    done.labels.update(labels)
    done.unknown.update(unknown)
    done.unmapped.update(code for code in codes if code not in read_table())
    done.labelled += bool(labels)
    done.undiagnosed += not codes


def mapping_tables() -> str:
    """The mapping as Markdown: codes and what they mean, and databases where they mean other."""

    def listed(classes: Iterable[str]) -> str:
        return ", ".join(name for name in CLASSES if name in classes)

    def cells(code: str, meaning: Meaning) -> tuple[str, ...]:
        present = "NORM if alone" if code == SINUS_RHYTHM else listed(meaning.present)
        return code, meaning.name, present, listed(meaning.open)

    codes = [cells(*item) for item in read_table().items()]
    others = [
        (database, *cells(*item))
        for database, facts in DATABASES.items()
        for item in facts.otherwise.items()
    ]
    names = [
        (database, f"`{facts.records.replace('|', ' or ')}`", listed(facts.silent))
        for database, facts in DATABASES.items()
    ]
    tables = (
        markdown_table(("code", "name", "present", "unknown"), codes),
        markdown_table(("database", "code", "stands for", "present", "unknown"), others),
        markdown_table(("database", "names of its records", "unknown where not coded"), names),
    )
    return "\n".join(tables)
