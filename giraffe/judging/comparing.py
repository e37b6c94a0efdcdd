"""What models said of records beside the truth: scores, examples."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from giraffe.classes import CLASSES, encode
from giraffe.ecg.records import open_record, scan
from giraffe.errors import ImageError, ModelError, RecordError
from giraffe.files import write_atomically
from giraffe.judging.metrics import f_per_class, macro
from giraffe.pictures import read_image


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
    reference : Path
        Records with labels.
    outputs : Path
        What `run_model.py` or `giraffe predict` wrote.
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
        If no reference record has a label, or there is no folder of outputs.
    """
    if not outputs.is_dir():
        raise RecordError(f"{outputs}: no such folder")
    records = [
        record
        for record in scan(reference)[0]
        if record.labels and (names is None or record.name in names)
    ]
    if not records:
        raise RecordError(f"{reference}: no record with a label to compare")
    said = _table(outputs / "labels.csv")
    predicted = []
    for record in records:
        if said is not None:
            labels = said.get(record.name, ())
        else:
            try:
                labels = open_record(outputs / record.name).labels
            except RecordError:
                labels = ()
        predicted.append(encode(labels))
    truth = np.stack([encode(record.labels) for record in records])
    return [record.name for record in records], truth, np.stack(predicted)


def _table(path: Path) -> dict[str, list[str]] | None:
    """Labels by record in the table that `giraffe predict` writes; None where there is none."""
    if not path.is_file():
        return None
    with open(path, newline="", encoding="utf-8") as file:
        rows = [(row["record"], row["labels"].split(", ")) for row in csv.DictReader(file)]
    return {name: [label for label in labels if label in CLASSES] for name, labels in rows}


def score_table(truth: np.ndarray, answers: Mapping[str, np.ndarray]) -> str:
    """F per class and macro of some answers, beside those of answering NORM always.

    Parameters
    ----------
    truth : ndarray, shape (records, 11)
    answers : mapping of str to ndarray, shape (records, 11)
        By what stands above their column.

    Returns
    -------
    str
        A line for each class that occurs.
    """
    norm = np.zeros_like(truth)
    norm[:, CLASSES.index("NORM")] = 1
    columns = {f"F, {name}": f_per_class(truth, given) for name, given in answers.items()}
    columns["F, NORM always"] = f_per_class(truth, norm)
    counts = truth.sum(axis=0).astype(int)
    rows = [
        (name, counts[k], [f[k] for f in columns.values()])
        for k, name in enumerate(CLASSES)
        if counts[k]
    ]
    rows.append(("macro", len(truth), [macro(f) for f in columns.values()]))
    lines = [f"{'class':10} {'records':>8}" + "".join(f"  {name}" for name in columns)]
    for name, count, values in rows:
        cells = (f"  {f:{len(head)}.3f}" for head, f in zip(columns, values, strict=True))
        lines.append(f"{name:10} {count:8}" + "".join(cells))
    return "\n".join(lines) + "\n"


def examples_sheet(data: Path, names, truth, predicted, most: int = 6) -> np.ndarray:
    """The first images of some records, with true and predicted labels above them.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    tiles: list[np.ndarray] = []
    for name, true, guess in zip(names, truth, predicted, strict=True):
        images = open_record(data / name).images()
        if not images or len(tiles) == most:
            continue
        try:
            page = read_image(images[0], 540, 700)
        except ImageError:
            continue
        head = np.full((64, 700, 3), 255, np.uint8)
        for row, (title, hot) in enumerate((("true", true), ("model", guess))):
            labels = ", ".join(c for c, yes in zip(CLASSES, hot, strict=True) if yes) or "none"
            right = row == 0 or bool((true * guess).any())
            colour = (20, 90, 20) if right else (170, 30, 30)
            text = f"{title}: {labels}"
            cv2.putText(head, text, (8, 24 + 30 * row), 0, 0.7, colour, 1, cv2.LINE_AA)
        tiles.append(np.vstack([head, page]))
    if not tiles:
        raise RecordError(f"{data}: no record with an image that can be read")
    while len(tiles) % 2:
        tiles.append(np.full_like(tiles[0], 255))
    pairs = zip(tiles[::2], tiles[1::2], strict=True)
    return np.vstack([np.hstack(pair) for pair in pairs])


def write_comparison(
    reference: Path, outputs: Sequence[Path], folder: Path, names: set[str] | None = None
) -> str:
    """Compare models' outputs with the truth and write ``scores.txt`` and ``examples.png``.

    Parameters
    ----------
    reference : Path
        Records with labels and images.
    outputs : sequence of Path
        Each model's outputs; examples are the last one's.
    folder : Path
        Where to write.
    names : set of str, optional
        The records to compare; all that have labels by default.

    Returns
    -------
    str
        The table of scores.
    """
    answers = {}
    for one in outputs:
        found, truth, answers[one.name] = compare(reference, one, names)
    table = score_table(truth, answers)
    write_atomically(folder / "scores.txt", table)
    sheet = examples_sheet(reference, found, truth, answers[outputs[-1].name])
    encoded = cv2.imencode(".png", sheet[:, :, ::-1])[1].tobytes()
    write_atomically(folder / "examples.png", encoded)
    return table
