"""Files written whole or not at all, and copied with their times; JSON, CSV and Markdown."""

import contextlib
import csv
import io
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path


def write_atomically(
    path: str | Path, content: str | bytes | Callable, durable: bool = False
) -> None:
    """Write a file so that nobody ever sees a part of it.

    Parameters
    ----------
    path : path
        The file; folders above it are made.
    content : str, bytes or callable
        What to write; a callable gets the open binary file.
    durable : bool
        Wait until the disk has it, so that it also survives a power failure.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content.encode("utf-8") if isinstance(content, str) else content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def json_text(value, **options) -> str:
    """A value as JSON on lines of its own: what is no finite number is null, for JSON has no other.

    Parameters
    ----------
    value : dict, list, tuple, str, float, int, bool or None
    options
        Of `json.dumps`.
    """
    return json.dumps(_finite(value), allow_nan=False, **options) + "\n"


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def numbers(value):
    """Scores read from JSON with NaN where `json_text` wrote null, however deep they lie."""
    if isinstance(value, dict):
        return {key: numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers(item) for item in value]
    return math.nan if value is None else value


def csv_text(header: Iterable[str], rows: Iterable[Iterable]) -> str:
    """A table as CSV, lines ending in ``\\n``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def markdown_table(header: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table as Markdown."""
    lines = (header, ["---"] * len(header), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def copy_with_times(source: str | Path, target: str | Path) -> None:
    """Copy a file with its times, whole or not at all; nothing happens onto itself."""
    source, target = Path(source), Path(target)
    if target.exists() and source.samefile(target):
        return
    with open(source, "rb") as file:
        write_atomically(target, lambda out: shutil.copyfileobj(file, out))
    shutil.copystat(source, target)
