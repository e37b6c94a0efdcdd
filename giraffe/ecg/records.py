"""A folder of records: what their headers say, which images they have, and what is usable.

A record is a WFDB header (``.hea``), the signal file that it names (training data only) and the
image files named in its ``# Image:`` line. Headers come from many hands, so reading one never
trusts it: what cannot be understood is reported with the record's name.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from giraffe.classes import CLASSES, canonical_label, encode
from giraffe.ecg.waveform import LEADS as LEADS
from giraffe.ecg.waveform import Waveform, is_bare, lead_name, read_signals
from giraffe.errors import RecordError

_HEAD_BYTES = 4096


@dataclass(frozen=True)
class Header:
    """What this project needs from a WFDB header.

    Attributes
    ----------
    name : str
        Record name as the header gives it.
    fs : float
        Sampling frequency in Hz.
    num_samples : int
        Samples per signal.
    leads : tuple of str
        Lead names in the usual spelling.
    signal_files, image_files : tuple of str
        Bare file names beside the header.
    labels : tuple of str
        Known classes, each once.
    has_labels : bool
        Whether there is a line of labels at all.
    unknown_labels : tuple of str
        Labels that are no class of the Challenge; they are ignored.
    comments : dict of str to str
        The other comments, such as ``Age`` and ``Sex``.
    date, time : str
        Recording date and time as written, in either order, or empty.
    written_leads : tuple of str
        Lead names in the header's spelling.
    """

    name: str
    fs: float
    num_samples: int
    leads: tuple[str, ...]
    signal_files: tuple[str, ...]
    image_files: tuple[str, ...]
    labels: tuple[str, ...]
    has_labels: bool
    unknown_labels: tuple[str, ...]
    comments: dict[str, str] = field(default_factory=dict)
    date: str = ""
    time: str = ""
    written_leads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """A record of a folder.

    Attributes
    ----------
    name : str
        Path without ``.hea``, relative to the folder.
    path : Path
        Path without extension.
    header : Header
    """

    name: str
    path: Path
    header: Header

    def at(self, epoch: int | None) -> "Record":
        """The record itself; other kinds may stand for another patient in each epoch."""
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """Known classes of the record."""
        return self.header.labels

    def targets(self) -> np.ndarray:
        """Labels as numbers, shape (11,): 1 present, 0 absent, NaN unknown.

        A line ``# Unknown: Acute MI`` in the header names classes about which its labels say
        nothing; see `giraffe.ecg.ptbxl.prepare`.
        """
        targets = encode(self.labels)
        for text in self.header.comments.get("Unknown", "").split(","):
            label = canonical_label(text.strip())
            if label is not None:
                targets[CLASSES.index(label)] = np.nan
        return targets

    def images(self) -> list[Path]:
        """Image files of the header that exist."""
        return self._existing(self.header.image_files)

    def signals(self) -> list[Path]:
        """Signal files of the header that exist."""
        return self._existing(self.header.signal_files)

    def _existing(self, names: Iterable[str]) -> list[Path]:
        # os.path, because pathlib raises an error for a name that is too long to exist.
        paths = (self.path.parent / name for name in names)
        return [path for path in paths if os.path.isfile(path)]

    def waveform(self) -> "Waveform":
        """Signals in mV; see `read_waveform`."""
        return read_waveform(self)

    def measured(self) -> np.ndarray:
        """What is measured on the ECG, for training that predicts it; nothing here."""
        return np.empty(0, dtype=np.float32)

    def cells(self, placement, height: int, width: int) -> np.ndarray:
        """What is to be read where on a picture, for training that predicts it; nothing here."""
        return np.empty((0, 0, 0), dtype=np.float32)

    def has_waveform(self) -> bool:
        """Whether every signal file of the header exists."""
        return bool(self.header.signal_files) and len(self.signals()) == len(
            self.header.signal_files
        )


def read_text(path: Path) -> str:
    """Text of a header: UTF-8 with or without byte-order mark, else Latin-1; any line ends."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse_header(text: str, source: str = "header") -> Header:
    """Read a WFDB header.

    Parameters
    ----------
    text : str
        The header.
    source : str
        Name for error messages.

    Returns
    -------
    Header

    Raises
    ------
    RecordError
        If the record line or a signal line cannot be understood.
    """
    lines = [line.strip() for line in text.split("\n")]
    body = [line for line in lines if line and not line.startswith("#")]
    if not body:
        raise RecordError(f"{source}: no record line")
    fields = body[0].split()
    try:
        num_signals = int(fields[1])
        fs = float(fields[2].split("/")[0].split("(")[0]) if len(fields) > 2 else 250.0
        num_samples = int(float(fields[3])) if len(fields) > 3 else 0
    except (IndexError, ValueError, OverflowError) as error:
        raise RecordError(f"{source}: record line {body[0][:80]!r} is not a WFDB one") from error
    if not (np.isfinite(fs) and fs > 0 and num_signals >= 0 and num_samples >= 0):
        raise RecordError(f"{source}: record line {body[0][:80]!r} has impossible numbers")
    signal_lines = body[1 : 1 + num_signals]
    if len(signal_lines) < num_signals:
        raise RecordError(
            f"{source}: {num_signals} signals announced, {len(signal_lines)} described"
        )
    # A hidden header leaves fields empty, so the name is what follows the last space.
    leads = [line.split()[-1] for line in signal_lines]
    files = dict.fromkeys(line.split()[0] for line in signal_lines)

    raw_labels, has_labels, images, comments = [], False, [], {}
    for line in lines:
        key, colon, value = line.lstrip("#").strip().partition(":")
        if not line.startswith("#") or not colon:
            continue
        if key == "Labels":
            has_labels = True
            raw_labels += [part.strip() for part in value.split(",") if part.strip()]
        elif key == "Image":
            images += [part.strip() for part in value.split(",") if part.strip()]
        else:
            comments[key] = value.strip()
    known = [canonical_label(label) for label in raw_labels]
    time, date = _time_and_date(fields[4:6])
    return Header(
        name=_record_name(fields[0]),
        fs=fs,
        num_samples=num_samples,
        leads=tuple(lead_name(lead) for lead in leads),
        signal_files=tuple(name for name in files if is_bare(name)),
        image_files=tuple(name for name in dict.fromkeys(images) if is_bare(name)),
        labels=tuple(dict.fromkeys(label for label in known if label)),
        has_labels=has_labels,
        unknown_labels=tuple(
            raw for raw, label in zip(raw_labels, known, strict=True) if label is None
        ),
        comments=comments,
        time=time,
        date=date,
        written_leads=tuple(leads),
    )


def _record_name(field: str) -> str:
    """A record's name; some databases write that of its file, such as ``A0001.mat``."""
    name = field.split("/")[0]
    stem, extension = os.path.splitext(name)
    return stem if extension.lower() in (".mat", ".dat", ".hea") else name


def _time_and_date(fields: Sequence[str]) -> tuple[str, str]:
    """Time and date of a record line, in whichever order, as written."""
    times = [field for field in fields if set(field) <= set("0123456789:.")]
    dates = [field for field in fields if field not in times]
    return (times or [""])[0], (dates or [""])[0]


def open_record(path: str | Path, name: str | None = None) -> Record:
    """The record at a path without extension.

    Raises
    ------
    RecordError
        If there is no header or it cannot be understood.
    """
    path = Path(path)
    header_path = path.with_name(path.name + ".hea")
    header = parse_header(read_text(header_path), str(header_path))
    return Record(name or path.name, path, header)


def find_headers(folder: str | Path) -> list[str]:
    """Sorted names of the records below a folder: paths without ``.hea``, relative to it."""
    names = []
    for root, _, files in os.walk(folder):
        inside = os.path.relpath(root, folder)
        for file in files:
            stem, extension = os.path.splitext(file)
            if extension == ".hea":
                names.append(stem if inside == "." else os.path.join(inside, stem))
    return sorted(names)


def scan(folder: str | Path) -> tuple[list[Record], dict[str, str]]:
    """Records of a folder tree, and why the others cannot be read.

    Parameters
    ----------
    folder : path
        Folder to search.

    Returns
    -------
    records : list of Record
        Sorted by name.
    problems : dict of str to str
        Reason by record name.

    Raises
    ------
    RecordError
        If the folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise RecordError(f"{folder}: no such folder")
    records, problems = [], {}
    for name in find_headers(folder):
        try:
            records.append(open_record(folder / name, name))
        except RecordError as error:
            problems[name] = str(error)
    return records, problems


def usable_for_training(records: Iterable[Record]) -> tuple[list[Record], dict[str, str]]:
    """Records with a label and with an image file or a waveform, and why the others are not."""
    usable, problems = [], {}
    for record in records:
        if not record.labels:
            unknown = ", ".join(record.header.unknown_labels)
            problems[record.name] = f"no known label ({unknown} ignored)" if unknown else "no label"
        elif not record.images() and not record.has_waveform():
            problems[record.name] = "neither an image file nor a signal file"
        else:
            usable.append(record)
    return usable, problems


def summarise_problems(problems: dict[str, str], most: int = 5, unit: str = "record") -> str:
    """One line per kind of problem: how many records, or other things, and the first names."""
    kinds: dict[str, list[str]] = {}
    for name, reason in problems.items():
        # Reasons may start with the file's path; the kind is what follows it.
        kinds.setdefault(reason.rpartition(": ")[2], []).append(name)
    return "\n".join(
        f"{len(names)} {unit}{'s' * (len(names) != 1)}: {kind} ({', '.join(names[:most])}"
        + (", …)" if len(names) > most else ")")
        for kind, names in kinds.items()
    )


def count_unknown_labels(records: Iterable[Record]) -> Counter:
    """How often each label occurs that is no class of the Challenge."""
    return Counter(label for record in records for label in record.header.unknown_labels)


def read_waveform(record: Record) -> Waveform:
    """Signals of a record in mV, its leads in the usual order.

    Raises
    ------
    RecordError
        If a signal file is missing; for other reasons see `giraffe.ecg.waveform.read_signals`.
    """
    if not record.has_waveform():
        raise RecordError(f"{record.path}: signal file missing")
    return read_signals(record.path, read_text(record.path.with_name(record.path.name + ".hea")))


def group_identical(records: Sequence[Record]) -> np.ndarray:
    """Number the groups of records that share a signal file or an image, byte for byte.

    Files are compared by size, then by their first 4 KiB, then whole, so that large folders of
    different files cost little.

    Returns
    -------
    ndarray of int, shape (records,)
        Equal numbers for records that belong together.
    """
    parent = list(range(len(records)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    owners = [(path, i) for i, record in enumerate(records) for path in _content_files(record)]
    for same_size in _partition(owners, _file_size):
        for same_head in _partition(same_size, lambda path: _digest(path, _HEAD_BYTES)):
            for same in _partition(same_head, _digest):
                for _, i in same[1:]:
                    parent[root(i)] = root(same[0][1])
    return np.array([root(i) for i in range(len(records))], dtype=int)


def _content_files(record: Record) -> list[Path]:
    return record.signals() + record.images()


def _partition(items, key):
    """Groups of at least two (path, owner) pairs whose paths have the same key."""
    groups: dict = {}
    for path, owner in items:
        value = key(path)
        if value is not None:
            groups.setdefault(value, []).append((path, owner))
    return [group for group in groups.values() if len(group) > 1]


def _file_size(path: Path) -> int | None:
    try:
        return path.stat().st_size or None  # empty files are broken, not alike
    except OSError:
        return None


def _digest(path: Path, limit: int = -1) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return hashlib.blake2b(file.read(limit), digest_size=16).digest()
    except OSError:
        return None
