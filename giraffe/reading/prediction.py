"""Labels and probabilities for whatever lies in folders: records, or images without any header."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from giraffe.chart.reader import Finding
from giraffe.classes import CLASSES
from giraffe.ecg.records import find_headers, open_record
from giraffe.errors import ImageError, RecordError
from giraffe.files import csv_text, write_atomically
from giraffe.network.classifier import Classifier
from giraffe.progress import progress_bar

log = logging.getLogger(__name__)

IMAGE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".heic", ".heif", ".pdf",
)  # fmt: skip
READERS = 2  # threads that decode while the network computes
SHOWN_AT_MOST = 30  # items; more are in the files alone
NO_CHART = {
    "none": "no chart found; --whole reads the whole picture",
    "strip": "a strip of one lead, no chart of twelve; --whole reads the whole picture",
}


@dataclass(frozen=True)
class Item:
    """Something to classify: a name and the images whose probabilities are averaged."""

    name: str
    images: tuple[Path, ...]


@dataclass(frozen=True)
class Prediction:
    """Labels of an item, and the probabilities behind them, shape (11,)."""

    labels: tuple[str, ...]
    probabilities: np.ndarray


def find_items(paths: Iterable[str | Path]) -> tuple[list[Item], dict[str, str]]:
    """What there is to classify.

    Parameters
    ----------
    paths : iterable of path
        Image files, and folders of records or of images; an image that a header names belongs
        to that record.

    Returns
    -------
    items : list of Item
    problems : dict of str to str
        Why something cannot be classified, by name.

    Raises
    ------
    FileNotFoundError
        For a path that does not exist.
    """
    items, problems = [], {}
    for path in map(Path, paths):
        if path.is_file():
            items.append(Item(path.name, (path,)))
            continue
        if not path.is_dir():
            raise FileNotFoundError(f"{path}: no such file or folder")
        taken = set()
        for name in find_headers(path):
            try:
                images = open_record(path / name).images()
                if not images:
                    raise RecordError(f"{path / name}: no image file")
            except RecordError as error:
                problems[name] = str(error)
                continue
            taken.update(images)
            items.append(Item(name, tuple(images)))
        loose = (file for file in path.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES)
        items += [
            Item(str(file.relative_to(path)), (file,))
            for file in sorted(loose)
            if file not in taken
        ]
    return items, problems


def image_files(paths: Iterable[str | Path]) -> list[Path]:
    """Image files among some paths and below the folders among them, in order.

    Raises
    ------
    FileNotFoundError
        For a path that does not exist.
    """
    files = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = path.rglob("*")
            files += sorted(file for file in inside if file.suffix.lower() in IMAGE_SUFFIXES)
        elif path.is_file():
            files.append(path)
        else:
            raise FileNotFoundError(f"{path}: no such file or folder")
    return files


def classify_items(
    items: list[Item],
    classifier: Classifier,
    problems: dict[str, str],
    verbose: bool = True,
    whole: bool = False,
) -> dict[str, np.ndarray]:
    """Probabilities of items, computed in batches of images.

    Parameters
    ----------
    items : list of Item
    classifier : Classifier
    problems : dict of str to str
        Gets the reason of every item without a readable image, or without a chart in any.
    verbose : bool
        Whether to show a progress bar.
    whole : bool
        Whether pictures in which no chart is found are read as a whole.

    Returns
    -------
    dict of str to ndarray of float32, shape (11,)
    """
    wanted = classifier.description["recipe"].all_images
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    pending: list[tuple[str, np.ndarray, Finding | None]] = []

    def flush() -> None:
        if pending:
            _, pages, findings = zip(*pending, strict=True)
            found = classifier.probabilities(pages, findings)
            for (name, _, _), p in zip(pending, found, strict=True):
                sums[name] = sums.get(name, 0) + p
                counts[name] = counts.get(name, 0) + 1
            pending.clear()

    def read(item: Item) -> tuple[list[np.ndarray], list[str]]:
        pages, reasons = [], []
        for path in item.images if wanted else item.images[:1]:
            try:
                pages += classifier.read(path)
            except ImageError as error:
                reasons.append(str(error))
        return pages, reasons

    bar = progress_bar(items, desc="classifying", unit="record", shown=verbose)
    with ThreadPoolExecutor(READERS) as readers:
        known = _ahead(readers, read, items, classifier.batch)
        for item, (pages, reasons) in zip(bar, known, strict=True):
            if not pages:
                problems[item.name] = "; ".join(reasons) or "no page"
                continue
            for reason in reasons:
                log.warning("%s; the record's other images are used.", reason)
            findings = classifier.find(pages)
            shown = [
                (item.name, pixels, finding)
                for pixels, finding in zip(pages, findings, strict=True)
                if whole or finding is None or finding.chart is not None
            ]
            if not shown and findings[0] is not None:
                problems[item.name] = NO_CHART[findings[0].kind]
            for one in shown:
                pending.append(one)
                if len(pending) == classifier.batch:
                    flush()
        flush()
    return {name: total / counts[name] for name, total in sums.items()}


def _ahead(pool: ThreadPoolExecutor, function, items: list, batch: int) -> Iterator:
    """Results in order, computed so far ahead that a batch is ready, no further."""
    waiting: deque = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > batch + READERS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def predict(
    paths: Iterable[str | Path],
    model: str | Path,
    output: str | Path,
    verbose: bool = True,
    whole: bool = False,
    scale: float = 1.0,
    signals: bool = True,
) -> tuple[dict[str, Prediction], dict[str, str]]:
    """Write ``labels.csv`` and ``probabilities.csv`` for everything in some paths.

    Pictures in which no chart is found get no labels, unless they are read as a whole; `scale` and
    `signals` are those of `Classifier`.

    Returns
    -------
    found : dict of str to Prediction
    problems : dict of str to str
        Why the other items could not be classified, by name.
    """
    items, problems = find_items(paths)
    classifier = Classifier(model, scale=scale, signals=signals)
    found = classify_items(items, classifier, problems, verbose, whole)
    names = list(found)
    labels = classifier.labels(np.stack([found[name] for name in names])) if names else []
    guesses = [name for name in names if not (found[name] >= classifier.thresholds).any()]
    if guesses:
        log.warning(
            "Low confidence in %d of %d: no class reaches its threshold. Are these ECGs, upright "
            "and legible? %s%s",
            len(guesses),
            len(names),
            ", ".join(guesses[:5]),
            ", ..." if len(guesses) > 5 else "",
        )
    probabilities = ((name, *(f"{p:.6f}" for p in found[name])) for name in names)
    output = Path(output)
    write_atomically(
        output / "labels.csv",
        csv_text(
            ("record", "labels"),
            ((name, ", ".join(each)) for name, each in zip(names, labels, strict=True)),
        ),
    )
    write_atomically(output / "probabilities.csv", csv_text(("record", *CLASSES), probabilities))
    return {
        name: Prediction(tuple(each), found[name]) for name, each in zip(names, labels, strict=True)
    }, problems


def predictions_table(found: dict[str, Prediction], most: int = 3) -> str:
    """Labels and the highest probabilities of a few items, for people."""
    rows = []
    for name, one in found.items():
        order = np.argsort(-one.probabilities)[:most]
        leading = ", ".join(f"{CLASSES[i]} {one.probabilities[i]:.2f}" for i in order)
        rows.append((name, ", ".join(one.labels), leading))
    rows = [("record", "labels", "highest probabilities"), *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return "".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c}\n" for a, b, c in rows)
