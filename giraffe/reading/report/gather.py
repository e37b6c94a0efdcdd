"""All that the page says of a model: its records read, printed in the conditions, and scored."""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from giraffe.classes import CLASSES
from giraffe.ecg.records import Record, count_unknown_labels, scan
from giraffe.errors import ModelError, RecordError
from giraffe.judging.comparing import records_of_part
from giraffe.judging.conditions import SEED, classify_printed, scores
from giraffe.learning.curves import read_history
from giraffe.network.classifier import Classifier
from giraffe.pictures import shrunk
from giraffe.randomness import random_stream
from giraffe.reading.report.answers import Answers, printed_page, read_records
from giraffe.reading.report.judging import ClassScores, class_scores
from giraffe.reading.report.readings import Reading, extremes

EXAMPLE_PX = 800  # of the longer side of a page in a condition
SAMPLES = 1000  # of the bootstrap
PARTS = ("training", "validation", "unseen")
"""What a model's ``split.csv`` says of a record."""


@dataclass(frozen=True)
class Wanted:
    """What is to be reported.

    Attributes
    ----------
    model, data : Path
        Model folder, and folder of records with labels and pictures, waveforms or both.
    part : str
        One of `PARTS`, or ``all``.
    records, printed : int
        At most so many records are read, and so many printed in each condition.
    preset : str
        How a record without a picture is printed.
    conditions : tuple of str
        Some of `giraffe.printout.presets.CONDITIONS`, or none.
    """

    model: Path
    data: Path
    part: str = "all"
    records: int = 300
    printed: int = 40
    preset: str = "color-scan-clean"
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counts:
    """How many records there are, and of what kind.

    Attributes
    ----------
    by_label : dict of str to Counter
        For each part of the data, records by class, and all of them as ``Total``.
    found, labelled, chosen : int
        Records of the folder, those with a label that were asked for, those that were drawn.
    unknown_labels : Counter
    problems : dict of str to str
        Why a record could not be read, by name.
    notes : dict of str to str
        What else went wrong with a record that was read.
    parts : Counter
        What the model's split says of the records that were read.
    split_problem : str
        Why that is not known; empty if it is.
    """

    by_label: dict[str, Counter]
    found: int
    labelled: int
    chosen: int
    unknown_labels: Counter
    problems: dict[str, str]
    notes: dict[str, str]
    parts: Counter
    split_problem: str


@dataclass(frozen=True)
class ConditionScores:
    """A condition: `giraffe.judging.conditions.scores`, and a page with what was read on it."""

    name: str
    scores: dict
    left_out: int
    example: np.ndarray
    record: str
    labels: list[str]


@dataclass(frozen=True)
class Gathered:
    """All that the page says; see the parts."""

    wanted: Wanted
    description: dict
    machine: str
    history: list[dict]
    history_problem: str
    counts: Counts
    answers: Answers
    classes: list[ClassScores]
    overall: dict
    conditions: list[ConditionScores]
    conditions_problem: str
    best: list[Reading] = field(default_factory=list)
    worst: list[Reading] = field(default_factory=list)
    seconds: float = 0.0


def gather(wanted: Wanted, verbose: bool = True) -> Gathered:
    """Read, print and score.

    Raises
    ------
    giraffe.errors.ModelError
        If the model cannot be used.
    giraffe.errors.RecordError
        If no record with a label can be read.
    """
    began = time.monotonic()
    classifier = Classifier(wanted.model)
    try:
        history, history_problem = read_history(wanted.model), ""
    except ModelError as error:
        history, history_problem = [], str(error)
    split, split_problem = _split(wanted.model)
    records, problems = scan(wanted.data)
    found = len(records) + len(problems)
    labelled = [record for record in records if record.labels]
    if wanted.part != "all":
        if split_problem:
            raise ModelError(f"which records are {wanted.part} is not known: {split_problem}")
        labelled = [record for record in labelled if _part(record, split) == wanted.part]
    chosen = _drawn(labelled, wanted.records)
    notes: dict[str, str] = {}
    answers = read_records(chosen, classifier, wanted.preset, problems, notes, verbose)
    if not answers.records:
        kind = "" if wanted.part == "all" else f" of the part {wanted.part}"
        raise RecordError(f"{wanted.data}: no record{kind} with a label that can be read")
    counts = Counts(
        _by_label(classifier.description, labelled, answers.records), found, len(labelled),
        len(chosen), count_unknown_labels(records), problems, notes,
        Counter(_part(record, split) for record in answers.records), split_problem,
    )  # fmt: skip
    conditions, problem = in_conditions(answers, classifier, wanted, verbose)
    best, worst = extremes(answers, classifier, wanted.preset, verbose)
    return Gathered(
        wanted, classifier.description, f"{classifier.device}, {classifier.precision}",
        history, history_problem, counts, answers,
        class_scores(answers.targets, answers.probabilities, answers.raw, answers.decisions),
        scores(answers.records, answers.probabilities, classifier, samples=SAMPLES),
        conditions, problem, best, worst, time.monotonic() - began,
    )  # fmt: skip


def in_conditions(
    answers: Answers, classifier: Classifier, wanted: Wanted, verbose: bool
) -> tuple[list[ConditionScores], str]:
    """Scores of records that were read in the conditions that are wanted, or why there are none."""
    if not wanted.conditions:
        return [], "No condition was asked for."
    chosen = _drawn([one for one in answers.records if one.has_waveform()], wanted.printed)
    if not chosen:
        return [], "None of the records has a waveform that could be printed."
    known = {
        record.name: p
        for record, p, printed in zip(
            answers.records, answers.probabilities, answers.printed, strict=True
        )
        if printed
    }
    found = []
    for name in wanted.conditions:
        seen = known if name == wanted.preset else {}
        others = [record for record in chosen if record.name not in seen]
        done, p = classify_printed(others, classifier, name, verbose=verbose)
        all_known = seen | {record.name: row for record, row in zip(done, p, strict=True)}
        done = [record for record in chosen if record.name in all_known]
        if not done:
            return [], "None of the records could be printed."
        p = np.stack([all_known[record.name] for record in done])
        found.append(
            ConditionScores(
                name, scores(done, p, classifier, samples=SAMPLES), len(chosen) - len(done),
                shrunk(printed_page(done[0], classifier, name), EXAMPLE_PX), done[0].name,
                classifier.labels(p[:1])[0],
            )
        )  # fmt: skip
    return found, ""


def _drawn(records: list[Record], most: int) -> list[Record]:
    """At most so many of some records, drawn by chance but the same each time, in their order."""
    if len(records) <= most:
        return records
    order = random_stream(SEED, "report").permutation(len(records))[:most]
    return [records[i] for i in sorted(order)]


def _split(model: Path) -> tuple[dict[str, str], str]:
    """What a model's ``split.csv`` says, by the last part of a record's name; or why nothing."""
    try:
        return {
            Path(name).name: part for part in PARTS[:2] for name in records_of_part(model, part)
        }, ""
    except ModelError as error:
        return {}, str(error)


def _part(record: Record, split: dict[str, str]) -> str:
    return split.get(record.path.name, "unseen")


def _by_label(description: dict, labelled: list[Record], read: list[Record]) -> dict:
    """Records by class, of the training as the model tells, of the folder, and those read."""
    found, networks = {}, description.get("networks", ())
    for k, facts in enumerate(networks):
        title = "training" if len(networks) == 1 else f"training, network {k}"
        try:
            counts = Counter(
                {label: int(facts["training_labels"].get(label, 0)) for label in CLASSES}
            )
            found[title] = counts | Counter(Total=int(facts["records"]["training"]))
        except (KeyError, TypeError, ValueError, AttributeError):  # of another version, or by hand
            continue
    for title, records in (("folder", labelled), ("read here", read)):
        counts = Counter(label for record in records for label in record.labels)
        found[title] = counts | Counter(Total=len(records))
    return found
