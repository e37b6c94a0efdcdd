"""Digitizing in bulk: every picture becomes a WFDB record, a picture of what was read, a table row.

A line of `digitized.jsonl` is written as each file is done, so an interrupted run goes on where it
was; the table is made of these lines.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from giraffe.chart.digitize import Digitized
from giraffe.chart.digitizer import Digitizer, PictureSignals
from giraffe.chart.reader import reader_version
from giraffe.ecg.intervals import measure_parts
from giraffe.errors import ImageError
from giraffe.files import csv_text, json_text, write_atomically
from giraffe.pictures import read_file, shrunk, write_picture
from giraffe.progress import progress_bar
from giraffe.reading.prediction import image_files

JOURNAL, TABLE = "digitized.jsonl", "digitized.csv"
ADC_GAIN = 1000.0  # per mV
INVALID = -32768  # of format 16
LEAST_FS, MOST_FS = 50, 5000  # Hz
OVERLAY_PIXELS = 1800  # of the longer side of an overlay
COLOURS = ((214, 39, 40), (31, 119, 180), (44, 160, 44), (148, 103, 189))  # of rows, in turn
INK_PALE = 0.55  # share of the paper's colour that the photograph under the traces gets
COLUMNS = (
    "picture", "record", "kind", "certainty", "layout", "speed_mm_s", "gain_mm_mv", "leads",
    "read", "rate", "pr_ms", "qrs_ms", "qt_ms", "qtc_ms", "axis", "notes",
)  # fmt: skip


def find_pictures(paths: Sequence[str | Path]) -> list[tuple[str, Path]]:
    """Names for records and the picture files that they are made of.

    Names are those of the files below the folders that were given, with nothing that WFDB does not
    allow; files that differ by their suffix or by such signs alone get a number.

    Raises
    ------
    FileNotFoundError
        For a path that does not exist.
    """
    found, taken = [], set()
    for path in map(Path, paths):
        for file in image_files([path]):
            inside = file.relative_to(path) if path.is_dir() else Path(file.name)
            parts = [re.sub(r"[^0-9A-Za-z_-]+", "_", part) for part in inside.with_suffix("").parts]
            name, number = "/".join(parts), 1
            while name.lower() in taken:
                number += 1
                name = f"{'/'.join(parts)}_{number}"
            taken.add(name.lower())
            found.append((name, file))
    return found


def digitize_pictures(
    paths: Sequence[str | Path],
    output: str | Path,
    fs: float = 500.0,
    as_csv: bool = False,
    overlays: bool = False,
) -> tuple[list[dict], dict[str, str]]:
    """Digitize picture files and folders of them into a folder.

    Parameters
    ----------
    paths : sequence of path
    output : path
        Gets a record beside each other's, `digitized.csv` and `digitized.jsonl`; what is there
        already is kept.
    fs : float
        Sampling frequency in Hz of the records.
    as_csv, overlays : bool
        Whether each record's signals are written as CSV too, and laid over its picture.

    Returns
    -------
    rows : list of dict
        One for each page of each file, with the keys `COLUMNS`.
    problems : dict of str to str
        Why files could not be read, and pages not digitized, by picture.

    Raises
    ------
    FileNotFoundError
        For a path that does not exist.
    ValueError
        For a sampling frequency that is none, or if there is no picture.
    """
    if not LEAST_FS <= fs <= MOST_FS:
        raise ValueError(f"{fs:g} Hz: frequencies from {LEAST_FS} to {MOST_FS} Hz can be written")
    output = Path(output)
    # Overlays of an earlier run are no pictures.
    inside = output.resolve()
    pictures = [
        (name, file) for name, file in find_pictures(paths) if inside not in file.resolve().parents
    ]
    if not pictures:
        raise ValueError(f"no picture in {', '.join(map(str, paths))}")
    output.mkdir(parents=True, exist_ok=True)
    how = [reader_version(), fs, as_csv, overlays]
    done = _journal(output / JOURNAL)
    digitizer = Digitizer()
    rows, problems = [], {}
    with (output / JOURNAL).open("a", encoding="utf-8") as journal:
        for name, file in progress_bar(pictures, desc="digitizing", unit="picture"):
            state = [str(file.resolve()), *_state(file), *how]
            kept = done.get(name)
            if kept is None or kept["state"] != state:
                kept = {"name": name, "state": state}
                try:
                    kept["rows"] = list(
                        _digitize_file(digitizer, name, file, output, fs, as_csv, overlays)
                    )
                except ImageError as error:
                    kept["problem"] = str(error)
                journal.write(json_text(kept))
                journal.flush()
            if "problem" in kept:
                problems[str(file)] = kept["problem"]
            for row in kept.get("rows", ()):
                rows.append(row)
                if not row["record"]:
                    problems[row["picture"]] = row["notes"]
    table = ([row[column] for column in COLUMNS] for row in rows)
    write_atomically(output / TABLE, csv_text(COLUMNS, table))
    return rows, problems


def _journal(path: Path) -> dict[str, dict]:
    """Lines of earlier runs by name; one that was cut off while it was written counts as none."""
    found: dict[str, dict] = {}
    if not path.exists():
        return found
    content = path.read_bytes()
    whole, _, half = content.rpartition(b"\n")
    for line in whole.decode("utf-8", errors="replace").split("\n"):
        try:
            entry = json.loads(line)
            found[entry["name"]] = entry
        except (ValueError, KeyError, TypeError):
            continue
    if half:  # cut off in place: on a full disk nothing can be written anew
        os.truncate(path, len(content) - len(half))
    return found


def _state(file: Path) -> tuple[int, int]:
    """Size and time of a file, by which it is known again; reading tells what is wrong with it."""
    try:
        status = os.stat(file)
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _digitize_file(
    digitizer: Digitizer, name: str, file: Path, output: Path, fs, as_csv: bool, overlays: bool
) -> Iterator[dict]:
    """Write what one file's pages give, and return their rows."""
    pages = read_file(file)
    for k, pixels in enumerate(pages, start=1):
        shown = file.name if len(pages) == 1 else f"{file.name}#{k}"
        record = name if len(pages) == 1 else f"{name}-{k}"
        reading = digitizer.read(pixels, fs)
        if reading.digitized is not None:
            write_record(output / record, reading.digitized, shown)
            if as_csv:
                write_atomically(output / f"{record}.csv", signals_csv(reading.digitized))
            if overlays:
                picture = overlay(pixels, reading.digitized)
                write_picture(output / f"{record}-overlay.jpg", picture)
        yield row_of(shown, record, reading)


def write_record(path: Path, digitized: Digitized, picture: str) -> None:
    """Write signals as a WFDB record; see `record_files`.

    Parameters
    ----------
    path : Path
        Without extension.
    digitized : Digitized
    picture : str
    """
    for name, content in record_files(path.name, digitized, picture).items():
        write_atomically(path.with_name(name), content)  # the header last: then all is there


def record_files(name: str, digitized: Digitized, picture: str) -> dict[str, bytes]:
    """Signals as the files of a WFDB record of format 16, NaN as its invalid sample.

    What is beyond the format's 32.767 mV, far more than any page shows, is missing too.

    Parameters
    ----------
    name : str
        Of the record: letters, digits, ``-`` and ``_``.
    digitized : Digitized
    picture : str
        Named in the header's line ``# Image:``.

    Returns
    -------
    dict of str to bytes
        Signal file and header by their names.
    """
    leads = digitized.leads
    signals = np.stack([digitized.lead(lead) for lead in leads])
    samples = np.rint(signals * ADC_GAIN)
    samples = np.where(np.abs(samples) <= -1 - INVALID, samples, INVALID).astype("<i2")
    lines = [f"{name} {len(leads)} {digitized.fs:g} {samples.shape[1]}"]
    for lead, row in zip(leads, samples, strict=True):
        checksum = int(row.astype(np.int64).sum()) % 65536
        lines.append(f"{name}.dat 16 {ADC_GAIN}(0)/mV 16 0 {row[0]} {checksum} 0 {lead}")
    lines.append(f"# Image: {picture}")
    header = "\n".join(lines) + "\n"
    return {f"{name}.dat": samples.T.tobytes(), f"{name}.hea": header.encode()}


def signals_csv(digitized: Digitized) -> str:
    """Times in s and every lead in mV as CSV; nothing where nothing is known."""
    leads = digitized.leads
    signals = np.stack([digitized.lead(name) for name in leads], axis=1)
    rows = (
        [f"{k / digitized.fs:.4f}", *("" if np.isnan(v) else f"{v:.4f}" for v in moment)]
        for k, moment in enumerate(signals)
    )
    return csv_text(("time_s", *(f"{name}_mV" for name in leads)), rows)


def row_of(picture: str, record: str, reading: PictureSignals) -> dict:
    """What the table says of a page, with the keys `COLUMNS`; empty where nothing is known."""
    row: dict[str, object] = dict.fromkeys(COLUMNS, "")
    row |= {"picture": picture, "kind": reading.finding.kind, "notes": reading.reason}
    row["certainty"] = round(reading.finding.certainty, 3)
    digitized = reading.digitized
    if digitized is None:
        return row
    chart, leads = digitized.chart, digitized.leads
    shares = {name: digitized.share_read(name) for name in leads}
    measured = asdict(measure_parts({name: digitized.lead(name) for name in leads}, digitized.fs))
    numbers = {
        key: "" if np.isnan(measured[key.removesuffix("_ms")])
        else round(measured[key.removesuffix("_ms")])
        for key in ("rate", "pr_ms", "qrs_ms", "qt_ms", "qtc_ms", "axis")
    }  # fmt: skip
    return row | numbers | {
        "record": record, "layout": chart.layout, "speed_mm_s": chart.speed or "",
        "gain_mm_mv": chart.gain or "",
        "leads": " ".join(leads),
        "read": " ".join(f"{100 * share:.0f}" for share in shares.values()),
        "notes": "; ".join(reading.doubts),
    }  # fmt: skip


def overlay(pixels: np.ndarray, digitized: Digitized) -> np.ndarray:
    """The traces as they were read, laid over their picture.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    digitized : Digitized

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        The picture, no larger than `OVERLAY_PIXELS`, pale, under traces in four colours.
    """
    shown = shrunk(pixels, OVERLAY_PIXELS)
    shown = cv2.addWeighted(shown, 1 - INK_PALE, np.full_like(shown, 255), INK_PALE, 0)
    size = np.array(shown.shape[1::-1])
    for row, line in enumerate(digitized.lines):
        colour = COLOURS[row % len(COLOURS)]
        known = np.isfinite(line).all(axis=1)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            points = np.rint(line[first:last] * size * 16).astype(np.int32)
            cv2.polylines(shown, [points], False, colour, 1, cv2.LINE_AA, 4)
    chart = digitized.chart
    for cell in chart.cells:
        x, y = chart.to_picture([cell.start], [chart.rows.levels[cell.row]])[0] * size
        name = ("-" if cell.inverted else "") + (cell.lead or "?")
        cv2.putText(shown, name if cell.named else f"({name})", (int(x) + 3, int(y) + 16),
                    cv2.FONT_HERSHEY_SIMPLEX, 0.5, COLOURS[cell.row % len(COLOURS)], 1,
                    cv2.LINE_AA)  # fmt: skip
    return shown
