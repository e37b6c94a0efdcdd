"""Pictures and pages for people: training curves, examples and scores."""

import csv
import itertools
import math
from pathlib import Path

import cv2
import numpy as np

from giraffe.classes import CLASSES, encode
from giraffe.errors import ModelError, RecordError
from giraffe.files import write_atomically
from giraffe.metrics import f_per_class, macro
from giraffe.records import LEADS, Waveform, open_record, read_waveform, scan


def plot_history(history: list[dict], path: Path) -> None:
    """Loss, AUROC and F over the epochs, as a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    for axes, columns in (
        (left, ("training_loss", "validation_loss")),
        (right, ("auroc", "f")),
    ):
        for column in columns:
            values = [row[column] if row[column] is not None else math.nan for row in history]
            axes.plot(epochs, values, marker=".", label=column.replace("_", " "))
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
        axes.grid(alpha=0.3)
    left.set_yscale("log")  # the GEV's validation loss can leap over many decades
    right.set_ylim(0, 1)
    right.set_title("validation", fontsize="medium")
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=110))


def records_of_part(model: Path, part: str) -> set[str]:
    """Names of the records that a model was trained or validated on, from its ``split.csv``.

    Raises
    ------
    ModelError
        If the model folder does not say.
    """
    path = model / "split.csv"
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return {row["record"] for row in csv.DictReader(file) if row["part"] == part}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: does not say which records were used ({error})") from error


def compare(reference: Path, outputs: Path, names: set[str] | None = None):
    """True and predicted labels of the records of two folders.

    Parameters
    ----------
    reference, outputs : Path
    names : set of str, optional
        The records to compare; all that have labels by default.

    Returns
    -------
    names : list of str
    truth, predicted : ndarray of float32, shape (records, 11)
        A record without an output counts as one without labels.

    Raises
    ------
    RecordError
        If no reference record has a label.
    """
    records = [
        record
        for record in scan(reference)[0]
        if record.labels and (names is None or record.name in names)
    ]
    if not records:
        raise RecordError(f"{reference}: no record with a label to compare")
    predicted = []
    for record in records:
        try:
            labels = open_record(outputs / record.name).labels
        except RecordError:
            labels = ()
        predicted.append(encode(labels))
    truth = np.stack([encode(record.labels) for record in records])
    return [record.name for record in records], truth, np.stack(predicted)


def score_table(truth, predicted) -> str:
    """F per class and macro, beside those of answering NORM always."""
    norm = np.zeros_like(predicted)
    norm[:, CLASSES.index("NORM")] = 1
    columns = [f_per_class(truth, predicted), f_per_class(truth, norm)]
    lines = [f"{'class':10} {'records':>8} {'F':>7} {'F, NORM always':>15}"]
    for k, name in enumerate(CLASSES):
        if truth[:, k].any():
            lines.append(
                f"{name:10} {int(truth[:, k].sum()):8} {columns[0][k]:7.3f} {columns[1][k]:15.3f}"
            )
    lines.append(f"{'macro':10} {len(truth):8} {macro(columns[0]):7.3f} {macro(columns[1]):15.3f}")
    return "\n".join(lines) + "\n"


def examples_sheet(data: Path, names, truth, predicted, most: int = 6) -> np.ndarray:
    """The first images of some records, with true and predicted labels above them.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    tiles = []
    for name, true, guess in zip(names, truth, predicted, strict=True):
        images = open_record(data / name).images()
        if not images or len(tiles) == most:
            continue
        page = cv2.cvtColor(cv2.imread(str(images[0])), cv2.COLOR_BGR2RGB)
        page = cv2.resize(page, (700, 540), interpolation=cv2.INTER_AREA)
        head = np.full((64, 700, 3), 255, np.uint8)
        for row, (title, hot) in enumerate((("true", true), ("model", guess))):
            labels = ", ".join(c for c, yes in zip(CLASSES, hot, strict=True) if yes) or "none"
            right = row == 0 or bool((true * guess).any())
            colour = (20, 90, 20) if right else (170, 30, 30)
            text = f"{title}: {labels}"
            cv2.putText(head, text, (8, 24 + 30 * row), 0, 0.7, colour, 1, cv2.LINE_AA)
        tiles.append(np.vstack([head, page]))
    if not tiles:
        raise RecordError(f"{data}: no record with an image")
    while len(tiles) % 2:
        tiles.append(np.full_like(tiles[0], 255))
    pairs = zip(tiles[::2], tiles[1::2], strict=True)
    return np.vstack([np.hstack(pair) for pair in pairs])


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
            default = type(part)(**({"kind": part.kind} if hasattr(part, "kind") else {}))
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


def write_report(
    reference: Path, outputs: Path, folder: Path, names: set[str] | None = None
) -> str:
    """Compare a model's outputs with the truth and write ``scores.txt`` and ``examples.png``.

    Parameters
    ----------
    reference : Path
        Records with labels and images.
    outputs : Path
        The model's outputs.
    folder : Path
        Where to write.
    names : set of str, optional
        The records to compare; all that have labels by default.

    Returns
    -------
    str
        The table of scores.
    """
    names, truth, predicted = compare(reference, outputs, names)
    table = score_table(truth, predicted)
    write_atomically(folder / "scores.txt", table)
    sheet = examples_sheet(reference, names, truth, predicted)
    encoded = cv2.imencode(".png", sheet[:, :, ::-1])[1].tobytes()
    write_atomically(folder / "examples.png", encoded)
    return table
