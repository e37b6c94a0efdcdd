"""What the organisers try on an entry: training data that is changed on purpose.

Each trial changes a copy of a data set, trains on it, classifies the unchanged records, and is
judged: a model that answers every record, or, where nothing can be learned, an error that says why.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from giraffe.classes import CLASSES
from giraffe.ecg.hide import hide
from giraffe.ecg.records import Record, scan
from giraffe.ecg.simulate import write_record
from giraffe.errors import RecordError
from giraffe.files import markdown_table, write_atomically
from giraffe.judging.metrics import f_per_class, macro
from giraffe.learning.training import train
from giraffe.network.classifier import Classifier, decide
from giraffe.pictures import decode
from giraffe.printout.kit import KitOptions
from giraffe.printout.printing import PrintJob, print_folder
from giraffe.settings import Settings

log = logging.getLogger(__name__)

OWN_RECORDS = 44  # simulated where no data are given
OWN_DPI = 50
LIKE_NOBODY = ("300", "-5", "1e9", "NaN", "abc", "Unknown", "")


@dataclass(frozen=True)
class Trial:
    """A change of a data set.

    Attributes
    ----------
    name : str
    change : callable
        ``change(records, rng)`` edits the files of a copy.
    error : str
        Words of the error that must come; empty: training must succeed.
    """

    name: str
    change: Callable[[list[Record], np.random.Generator], None]
    error: str = ""


# Changes of files


def _header(record: Record) -> Path:
    return record.path.with_name(f"{record.path.name}.hea")


def _set_comment(record: Record, key: str, value: str | None) -> None:
    """Replace a header's comment, or remove it."""
    lines = [
        line
        for line in _header(record).read_text(encoding="utf-8").splitlines()
        if not line.startswith(f"# {key}:")
    ]
    if value is not None:
        lines.append(f"# {key}: {value}")
    _header(record).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _remove(record: Record) -> None:
    for path in [_header(record), *record.signals(), *record.images()]:
        path.unlink(missing_ok=True)


def _copy(record: Record, k: int) -> None:
    """The record once more under another name, files and all."""
    name = f"{record.path.name}x{k}"
    text = _header(record).read_text(encoding="utf-8")
    for path in [*record.signals(), *record.images()]:
        shutil.copy(path, path.with_name(path.name.replace(record.path.name, name)))
    text = text.replace(record.path.name, name)
    record.path.with_name(f"{name}.hea").write_text(text, encoding="utf-8")


def _keep(records: list[Record], kept: Sequence[Record]) -> None:
    names = {record.name for record in kept}
    for record in records:
        if record.name not in names:
            _remove(record)


def _set_samples(record: Record, samples: Callable[[int], np.ndarray]) -> None:
    """Replace the signal file by as many 16-bit samples."""
    for path in record.signals():
        number = path.stat().st_size // 2
        path.write_bytes(np.asarray(samples(number)).astype("<i2").tobytes())


def missing_values(records, rng) -> None:
    """Demographics, samples, signals and images are missing, never all of a record."""
    for k, record in enumerate(records):
        for key in ("Age", "Sex", "Height", "Weight"):
            _set_comment(record, key, (None, "Unknown", "")[k % 3])
        if k % 4 == 0:
            for path in record.signals():
                path.unlink()
        elif k % 4 == 1:
            for path in record.images():
                path.unlink()
        elif k % 4 == 2:
            _set_samples(
                record, lambda n: np.where(rng.random(n) < 0.5, -32768, rng.integers(-999, 999, n))
            )


def unphysiological_values(records, rng) -> None:
    """Ages of 300, flat lines, saturated and random signals, black and random images."""
    for k, record in enumerate(records):
        for key in ("Age", "Height", "Weight"):
            _set_comment(record, key, LIKE_NOBODY[k % len(LIKE_NOBODY)])
        kind = k % 4
        if kind < 3:
            _set_samples(
                record,
                (
                    np.zeros,
                    lambda n: np.full(n, 32767),
                    lambda n: rng.integers(-32767, 32768, n),
                )[kind],
            )
        for path in record.images() if kind == 3 else ():
            shape = decode(path.read_bytes()).shape
            noise = rng.integers(0, 256, shape, dtype=np.uint8) * (k % 8 == 3)
            cv2.imwrite(str(path), noise)


def inverted_prevalence(records, rng) -> None:
    """Every record with a rare class five times more."""
    counts = {c: sum(c in record.labels for record in records) for c in CLASSES}
    median = np.median([n for n in counts.values() if n])
    for record in records:
        if any(counts[label] < median for label in record.labels):
            for k in range(5):
                _copy(record, k)


def without(label: str):
    """A change that removes all records of a class."""
    return lambda records, rng: _keep(records, [r for r in records if label not in r.labels])


def only(label: str):
    """A change that leaves a single class."""

    def change(records, rng):
        kept = [r for r in records if label in r.labels]
        _keep(records, kept)
        for record in kept:
            _set_comment(record, "Labels", label)

    return change


def a_part(records, rng) -> None:
    """15 % of the records."""
    _keep(
        records, [records[i] for i in rng.permutation(len(records))[: round(0.15 * len(records))]]
    )


def duplicates(records, rng) -> None:
    """Half of the records once more: 150 %."""
    for i in rng.permutation(len(records))[: len(records) // 2]:
        _copy(records[i], 0)


def unlabeled(records, rng) -> None:
    """A third without a line of labels, a third with an empty one or an unknown label."""
    for k, record in enumerate(records):
        if k % 3 < 2:
            _set_comment(record, "Labels", None if k % 3 else ("", "Lyme")[k % 2])


def shuffled_labels(records, rng) -> None:
    """Each record has another one's labels."""
    for record, i in zip(records, rng.permutation(len(records)), strict=True):
        _set_comment(record, "Labels", ", ".join(records[i].labels))


def first(number: int):
    """A change that leaves so many records."""
    return lambda records, rng: _keep(records, records[:number])


def all_unusable(records, rng) -> None:
    """No labels, no files, or no header that can be read."""
    for k, record in enumerate(records):
        if k % 3 == 0:
            _set_comment(record, "Labels", None)
        elif k % 3 == 1:
            for path in [*record.signals(), *record.images()]:
                path.unlink()
        else:
            _header(record).write_bytes(b"\x00\xff broken")


def trials(labels: Sequence[str]) -> Iterator[Trial]:
    """All trials for a data set in which these classes occur."""
    yield Trial("as it is", lambda records, rng: None)
    yield Trial("missing values", missing_values)
    yield Trial("unphysiological values", unphysiological_values)
    yield Trial("rare classes six times", inverted_prevalence)
    for label in labels:
        yield Trial(f"without {label}", without(label))
    yield Trial(f"only {labels[0]}", only(labels[0]))
    yield Trial("15 % of the records", a_part)
    yield Trial("150 %, with duplicates", duplicates)
    yield Trial("two thirds unlabeled", unlabeled)
    yield Trial("shuffled labels", shuffled_labels)
    yield Trial("one record", first(1))
    yield Trial("two records", first(2))
    yield Trial("an empty folder", first(0), error="no records")
    yield Trial("all records unusable", all_unusable, error="can be trained on")


# The run


def make_records(folder: Path, number: int = OWN_RECORDS, seed: int = 7) -> None:
    """Simulated records with small images."""
    for k in range(number):
        write_record(folder, seed, k)
    options = KitOptions(resolution=OWN_DPI)
    print_folder(folder, folder, PrintJob(options=options, seed=seed), verbose=False)


def judge(trial: Trial, base: Path, folder: Path, settings: Settings) -> tuple[bool, str]:
    """Whether a trial ended as it must, and how, in words."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder / "data")
    trial.change(scan(folder / "data")[0], np.random.default_rng(settings.seed))
    try:
        train(folder / "data", folder / "model", settings, verbose=False)
    except RecordError as error:
        reason = str(error).replace(str(folder / "data"), "DATA").replace("\n", "; ")
        return bool(trial.error) and trial.error in reason, f"refused: {reason}"
    if trial.error:
        return False, "trained, but should have been refused"
    hide(base, folder / "hidden", include_images=True)
    classifier, records = Classifier(folder / "model"), scan(base)[0]
    p = np.stack([classifier.record_probabilities(folder / "hidden" / r.name) for r in records])
    if not (np.isfinite(p).all() and (p >= 0).all() and (p <= 1).all()):
        return False, "probabilities outside [0, 1]"
    targets = np.stack([record.targets() for record in records])
    chosen = decide(p, classifier.thresholds, settings.recipe.labels)
    shutil.rmtree(folder)
    return bool(chosen.any(axis=1).all()), f"macro F {macro(f_per_class(targets, chosen)):.3f}"


def stress(data: str | Path | None, output: str | Path, settings: Settings) -> tuple[str, bool]:
    """Run all trials.

    Parameters
    ----------
    data : path or None
        Records with labels, waveforms and images; None: some are simulated and printed.
    output : path
        Gets ``stress.md``, and the data of trials that failed.
    settings : Settings

    Returns
    -------
    (str, bool)
        The table, and whether all trials ended as they must.
    """
    output = Path(output)
    if data is None:
        data = output / "records"
        make_records(data)
    records = scan(data)[0]
    occurring = [c for c in CLASSES if any(c in record.labels for record in records)]
    rows, good = [], True
    for k, trial in enumerate(trials(occurring)):
        start = time.monotonic()
        try:
            passed, how = judge(trial, Path(data), output / f"trial-{k}", settings)
        except Exception as error:  # whatever it is, it is what the trial is looking for
            passed, how = False, f"{type(error).__name__}: {error}"
        good &= passed
        verdict = "yes" if passed else "**NO**"
        rows.append((trial.name, verdict, how, f"{time.monotonic() - start:.0f} s"))
        log.info("%s: %s, %s", *rows[-1][:3])
    text = markdown_table(("training data", "as it must", "outcome", "time"), rows)
    write_atomically(output / "stress.md", text)
    return text, good
