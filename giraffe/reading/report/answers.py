"""What a model says of records: their pictures are read, or printed ones where there are none."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from giraffe.classes import CLASSES
from giraffe.ecg.records import Record, read_waveform
from giraffe.errors import RecordError
from giraffe.judging.conditions import SEED
from giraffe.network.classifier import Classifier, decide
from giraffe.printout.presets import print_in_memory
from giraffe.progress import progress_bar
from giraffe.randomness import random_stream


@dataclass(frozen=True)
class Answers:
    """What the model says of records, in their order.

    Attributes
    ----------
    records : list of Record
    targets, raw, probabilities, decisions : ndarray, shape (records, 11)
        The truth with NaN where it is unknown, probabilities before and after calibration, labels.
    printed : ndarray of bool, shape (records,)
        Which of them had no readable picture, and were printed.
    without_chart : int
        Records without a chart in any picture, which were read as whole pictures.
    """

    records: list[Record]
    targets: np.ndarray
    raw: np.ndarray
    probabilities: np.ndarray
    decisions: np.ndarray
    printed: np.ndarray
    without_chart: int


def read_records(
    records: Collection[Record],
    classifier: Classifier,
    preset: str,
    problems: dict[str, str],
    notes: dict[str, str],
    verbose: bool = True,
) -> Answers:
    """Let the model read records: their pictures, or printed ones where there are none.

    Parameters
    ----------
    records : collection of Record
    classifier : Classifier
    preset : str
        Of the printed ones.
    problems, notes : dict of str to str
        Get the reason of each record that cannot be read, and of each picture that cannot.
    verbose : bool
    """
    read: list[tuple[Record, bool]] = []
    sums: list[np.ndarray] = []
    pages: list[int] = []
    charts: list[int] = []
    pending: list[tuple[int, np.ndarray]] = []

    def flush() -> None:
        if not pending:
            return
        owners, pictures = zip(*pending, strict=True)
        findings = classifier.find(pictures)
        both = np.stack(classifier.answers(pictures, findings), axis=1)
        for owner, finding, p in zip(owners, findings, both, strict=True):
            # Every picture is calibrated before the mean over a record's, as everywhere else.
            sums[owner] += p
            pages[owner] += 1
            charts[owner] += finding is None or finding.chart is not None
        pending.clear()

    for record in progress_bar(records, desc="reading", unit="record", shown=verbose):
        try:
            pictures, printed = pictures_of(record, classifier, preset, notes)
        except (ValueError, OSError) as error:
            problems[record.name] = str(error)
            continue
        owner = len(read)
        read.append((record, printed))
        sums.append(np.zeros((2, len(CLASSES))))
        pages.append(0)
        charts.append(0)
        for picture in pictures:
            pending.append((owner, picture))
            if len(pending) == classifier.batch:
                flush()
    flush()
    done = [record for record, _ in read]
    empty = np.empty((0, len(CLASSES)))
    means = [total / n for total, n in zip(sums, pages, strict=True)]
    raw, p = (np.stack([mean[k] for mean in means]) if means else empty for k in range(2))
    return Answers(
        done, np.stack([record.targets() for record in done]) if done else empty, raw, p,
        decide(p, classifier.thresholds, classifier.description["recipe"].labels),
        np.array([printed for _, printed in read], dtype=bool),
        sum(n == 0 for n in charts),
    )  # fmt: skip


def pictures_of(
    record: Record, classifier: Classifier, preset: str, notes: dict[str, str]
) -> tuple[list[np.ndarray], bool]:
    """The pictures of a record that its model reads, and whether they were printed here.

    Raises
    ------
    ValueError, OSError
        If there is nothing to be read.
    """
    pictures, reasons = [], []
    files = record.images()
    for path in files if classifier.description["recipe"].all_images else files[:1]:
        try:
            pictures += classifier.read(path)
        except ValueError as error:
            reasons.append(str(error))
    if not pictures and not record.has_waveform():
        raise RecordError("; ".join(reasons) or "neither an image file nor a signal file")
    if reasons:
        notes[record.name] = "; ".join(reasons)
    if pictures:
        return pictures, False
    return [printed_page(record, classifier, preset)], True


def printed_page(record: Record, classifier: Classifier, preset: str) -> np.ndarray:
    """A record's page, the same as `giraffe.judging.conditions.classify_printed` prints."""
    rng = random_stream(SEED, record.header.name, preset)
    waveform = read_waveform(record)
    return print_in_memory(waveform, record.header, preset, rng, *classifier.frame)[0]
