"""Signals of a record: whatever hand wrote the header, the usual leads in mV.

Headers of several databases hold what WFDB does not take: a date such as ``05-Feb-2020``, the
name of a file as that of the record, µV. Their signals are read all the same.
"""

import contextlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from giraffe.errors import RecordError

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The 12 leads in PTB-XL's order and the usual spelling."""

INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
DERIVED = {"III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}
"""Shares of I and II in the other leads of the limbs (Einthoven, Goldberger)."""

_SPELLINGS = {name.upper(): name for name in LEADS}
_MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "v": 1e3}
_OTHER_MATLAB = {b"MATL": "5", b"\x89HDF": "7.3"}
_SIGNAL_FORMAT = re.compile(r"(\d+)(?:x(\d+))?(?::\d+)?(?:\+(\d+))?")
_SAMPLE_BYTES = {"80": 1, "16": 2, "61": 2, "160": 2, "24": 3, "32": 4}


@dataclass(frozen=True)
class Waveform:
    """Signals of a record.

    Attributes
    ----------
    signal : ndarray of float32, shape (leads, samples)
        In mV; NaN where a sample is missing.
    fs : float
        Sampling frequency in Hz.
    leads : tuple of str
        Lead names in the usual spelling.
    """

    signal: np.ndarray
    fs: float
    leads: tuple[str, ...]


def lead_name(written: str) -> str:
    """A lead's name in the usual spelling: ``AVR`` and ``avr`` are aVR; others stay."""
    return _SPELLINGS.get(written.upper(), written)


def is_bare(name: str) -> bool:
    """Whether a file name stays in its folder; judged by the name alone, nothing is opened."""
    return "/" not in name and "\\" not in name and name not in (".", "..") and "\0" not in name


def usual_leads(signal: np.ndarray, leads: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The 12 leads in their order, where they are there or can be computed.

    Parameters
    ----------
    signal : ndarray, shape (leads, samples)
    leads : tuple of str
        In the usual spelling.

    Returns
    -------
    signal : ndarray, shape (12, samples), or as given
        Without the eight independent leads everything stays as it is.
    leads : tuple of str
    """
    if leads == LEADS or not set(INDEPENDENT) <= set(leads):
        return signal, leads
    rows = {name: signal[leads.index(name)] for name in LEADS if name in leads}
    for name, (of_i, of_ii) in DERIVED.items():
        if name not in rows:
            rows[name] = (of_i * rows["I"] + of_ii * rows["II"]).astype(signal.dtype)
    return np.stack([rows[name] for name in LEADS]), LEADS


def read_signals(path: Path, text: str) -> Waveform:
    """Signals of a record that is whole.

    Parameters
    ----------
    path : Path
        The record, without extension.
    text : str
        Its header.

    Returns
    -------
    Waveform
        See `usual_leads`.

    Raises
    ------
    RecordError
        If a signal file is broken, units are unknown, or no sample is finite.
    """
    check_files(path, text)
    try:
        read = _rdrecord(path, text)
        signal = read.p_signal.T.astype(np.float32)
        leads = tuple(lead_name(name) for name in read.sig_name)
    except Exception as error:  # WFDB raises, or returns, whatever a broken file leads it to
        raise RecordError(f"{path}: signals cannot be read ({error})") from error
    for i, unit in enumerate(read.units):
        if unit.lower() not in _MILLIVOLTS:
            raise RecordError(f"{path}: unit {unit!r} of lead {read.sig_name[i]} is unknown")
        signal[i] *= _MILLIVOLTS[unit.lower()]
    if not np.isfinite(signal).any():
        raise RecordError(f"{path}: no sample has a value")
    signal, leads = usual_leads(signal, leads)
    return Waveform(signal, float(read.fs), leads)


def check_files(path: Path, text: str) -> None:
    """Whether the signal files are what the header says, as far as that is known without reading.

    Raises
    ------
    RecordError
        If a file is missing or too short, or one of MATLAB's that WFDB would read as noise.
    """
    record, *signals = _body(text)
    fields = record.split()
    num_samples = int(float(fields[3])) if len(fields) > 3 else 0
    needed: dict[str, int] = {}
    for line in signals[: int(fields[1])]:
        name, kind = [*line.split(), ""][:2]
        if not is_bare(name):
            raise RecordError(f"{path}: signal file {name!r} is not beside the header")
        match = _SIGNAL_FORMAT.fullmatch(kind)
        code, frame, offset = match.groups() if match else ("", None, None)
        size = _SAMPLE_BYTES.get(code, 0) * int(frame or 1) * num_samples
        needed[name] = needed.get(name, int(offset or 0)) + size
    for name, size in needed.items():
        file = path.parent / name
        try:
            found = file.stat().st_size
            with open(file, "rb") as content:
                version = _OTHER_MATLAB.get(content.read(4))
        except OSError as error:
            raise RecordError(f"{path}: signal file {name} missing ({error.strerror})") from error
        if version and file.suffix == ".mat":
            raise RecordError(
                f"{path}: signal file {name} is written for MATLAB {version}; WFDB reads version 4 "
                "(save it with -v4)"
            )
        if found < size:
            raise RecordError(
                f"{path}: signal file {name} has {found} bytes where the header needs {size}"
            )


def _body(text: str) -> list[str]:
    lines = [line.strip() for line in text.split("\n")]
    return [line for line in lines if line and not line.startswith("#")]


def plain_header(text: str, name: str) -> str:
    """What of a header leads to its signals, in words that every reader of WFDB understands.

    Parameters
    ----------
    text : str
        The header.
    name : str
        The record's name.
    """
    record, *signals = _body(text)
    plain = [" ".join([name, *record.split()[1:4]])]
    plain += [re.sub("[\u00b5\u03bc]", "u", line) for line in signals]
    return "\n".join(plain) + "\n"


def _rdrecord(path: Path, text: str):
    import wfdb  # imports pandas and an HTTP client; reading images needs none of that

    # WFDB drops what is not ASCII: µV would become V.
    if "".join(_body(text)).isascii():
        with contextlib.suppress(Exception):  # of a date, or a name; a broken file raises again
            return wfdb.rdrecord(str(path))
    with tempfile.TemporaryDirectory() as folder:
        plain = plain_header(text, "record").encode("ascii", "replace").decode()
        Path(folder, "record.hea").write_text(plain)
        for name in {line.split()[0] for line in plain.split("\n")[1:] if line}:
            source, target = os.path.abspath(path.parent / name), os.path.join(folder, name)
            try:
                os.symlink(source, target)
            except OSError:  # not every system lets everybody
                shutil.copyfile(source, target)
        return wfdb.rdrecord(os.path.join(folder, "record"))
