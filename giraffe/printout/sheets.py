"""Sheets of printouts for people: a record in every preset, real beside simulated ones."""

import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from giraffe.ecg.records import LEADS, Waveform, open_record, read_waveform, scan
from giraffe.errors import RecordError


def printouts_sheet(record: Path, seed: int = 1) -> np.ndarray:
    """One record in every preset, side by side.

    Parameters
    ----------
    record : Path
        Record with a waveform, without extension.
    seed : int

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    from giraffe.printout.kit import kit_image
    from giraffe.printout.presets import KITS, PRESETS, scene_image
    from giraffe.randomness import random_stream

    opened = open_record(record)
    waveform = read_waveform(opened)
    tiles = []
    for name in PRESETS:
        rng = random_stream(seed, opened.header.name, name)
        if name in KITS:
            pixels = kit_image(waveform, opened.header, KITS[name], rng).pixels
        else:
            pixels = scene_image(waveform, opened.header, name, rng, 150).pixels
        scale = min(620 / pixels.shape[1], 480 / pixels.shape[0])
        size = [round(n * scale) for n in pixels.shape[1::-1]]
        tile = np.full((520, 640, 3), 255, np.uint8)
        tile[34 : 34 + size[1], 10 : 10 + size[0]] = cv2.resize(
            pixels, size, interpolation=cv2.INTER_AREA
        )
        cv2.putText(tile, name, (10, 24), 0, 0.65, (0, 0, 0), 1, cv2.LINE_AA)
        tiles.append(tile)
    return np.vstack([np.hstack(tiles[i : i + 3]) for i in range(0, len(tiles), 3)])


def pairs_sheet(folder: Path, seed: int = 1, pairs: int = 10) -> np.ndarray:
    """Real records beside simulated ones with the same labels, as D1 pages.

    Parameters
    ----------
    folder : Path
        Records with waveforms and labels; one of each label set is shown, the commonest first.
    seed : int
        Of the simulated records.
    pairs : int

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    from giraffe.ecg.simulate import FS, simulate
    from giraffe.printout.kit import D1, kit_image
    from giraffe.randomness import random_stream

    by_labels: dict[tuple[str, ...], list] = {}
    for record in scan(folder)[0]:
        if record.header.labels and record.signals():
            by_labels.setdefault(record.header.labels, []).append(record)
    by_labels = dict(sorted(by_labels.items(), key=lambda item: -len(item[1])))
    rows = []
    for labels, records in list(by_labels.items())[:pairs]:
        rng = random_stream(seed, *labels)
        real = records[rng.integers(len(records))]
        drawn = (simulate(seed, k) for k in itertools.count())
        own = next(record for record in drawn if record.labels == labels)
        made = Waveform(own.signal, float(FS), LEADS)
        tiles = []
        for title, waveform in (("real", read_waveform(real)), ("simulated", made)):
            page = kit_image(waveform, real.header, D1, random_stream(seed, title)).pixels
            page = page[round(0.22 * page.shape[0]) :]  # without the header's block
            height = round(620 * page.shape[0] / page.shape[1])
            tile = np.full((height + 30, 630, 3), 255, np.uint8)
            tile[30:, 5:625] = cv2.resize(page, (620, height), interpolation=cv2.INTER_AREA)
            text = f"{title}: {', '.join(labels)}" + (f" ({real.name})" if title == "real" else "")
            cv2.putText(tile, text, (8, 22), 0, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
            tiles.append(tile)
        rows.append(np.hstack(tiles))
    if not rows:
        raise RecordError(f"{folder}: no record with labels and a waveform")
    return np.vstack(rows)


def ranges_table() -> str:
    """The numeric ranges of the eight capture conditions as a Markdown table."""
    import dataclasses

    from giraffe.printout.presets import CONDITIONS

    lines = ["| condition | paper | capture |", "|---|---|---|"]
    for name, preset in CONDITIONS.items():
        cells = []
        for part in (preset.wears[0][0], preset.captures[0][0]):
            given: dict[str, Any] = {"kind": part.kind} if hasattr(part, "kind") else {}
            default = type(part)(**given)
            changed = [
                f"{f.name} {_range(getattr(part, f.name))}"
                for f in dataclasses.fields(part)
                if f.name == "kind" or getattr(part, f.name) != getattr(default, f.name)
            ]
            cells.append(", ".join(changed) or "as printed")
        lines.append(f"| `{name}` | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


def _range(value) -> str:
    return value if isinstance(value, str) else f"{value[0]:g}-{value[1]:g}"
