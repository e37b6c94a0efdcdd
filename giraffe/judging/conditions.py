"""The organisers' second table: one model on eight ways of capturing the same records."""

import json
import logging
from collections.abc import Collection
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from giraffe.classes import CLASSES
from giraffe.ecg.records import Record, read_waveform, scan
from giraffe.errors import RecordError
from giraffe.files import csv_text, json_text, markdown_table, numbers, write_atomically
from giraffe.judging.metrics import auroc_per_class, bootstrap_interval, f_per_class, macro, micro_f
from giraffe.network.classifier import Classifier, decide
from giraffe.printout.presets import CONDITIONS, print_in_memory
from giraffe.progress import progress_bar
from giraffe.randomness import random_stream

log = logging.getLogger(__name__)

SEED = 42

# Macro F of the entries that the organisers scored, in the order of CONDITIONS.
PUBLISHED = {
    "GIRAFFE (the paper's)": (0.587, 0.136, 0.092, 0.072, 0.087, 0.578, 0.103, 0.171),
    "AIMED": (0.833, 0.796, 0.644, 0.636, 0.711, 0.830, 0.775, 0.636),
    "Inventec AIC": (0.779, 0.628, 0.697, 0.694, 0.739, 0.777, 0.582, 0.726),
    "BAPORLab": (0.716, 0.696, 0.609, 0.634, 0.644, 0.720, 0.664, 0.604),
    "CeZIS": (0.691, 0.586, 0.648, 0.659, 0.700, 0.700, 0.576, 0.691),
}


def printed_records(folder: str | Path, names: Collection[str] | None = None) -> list[Record]:
    """Records of a folder that have labels and a waveform.

    Raises
    ------
    RecordError
        If there is none.
    """
    records = [
        record
        for record in scan(folder)[0]
        if record.labels and record.has_waveform() and (names is None or record.path.name in names)
    ]
    if not records:
        raise RecordError(f"{folder}: no record with labels and a waveform")
    return records


def classify_printed(
    records: list[Record],
    classifier: Classifier,
    preset: str,
    seed: int = SEED,
    verbose: bool = True,
    calibrated: bool = True,
) -> tuple[list[Record], np.ndarray]:
    """Probabilities of records printed in memory.

    Parameters
    ----------
    records : list of Record
    classifier : Classifier
    preset : str
        Any of `giraffe.printout.presets.PRESETS`.
    seed : int
        Each image depends on (seed, record, preset) alone.
    verbose, calibrated : bool

    Returns
    -------
    records : list of Record
        Those that could be printed; the others are said.
    ndarray of float32, shape (records, 11)
    """
    done, rows, pending = [], [], []
    for record in progress_bar(records, desc=preset, unit="record", shown=verbose, leave=False):
        rng = random_stream(seed, record.header.name, preset)
        try:
            waveform = read_waveform(record)
            page = print_in_memory(waveform, record.header, preset, rng, *classifier.frame)
            pending.append(page[0])
        except (RecordError, ValueError) as error:
            log.warning("%s: cannot be printed (%s); left out.", record.path, error)
            continue
        done.append(record)
        if len(pending) == classifier.batch:
            rows.append(classifier.probabilities(pending, calibrated=calibrated))
            pending = []
    if pending:
        rows.append(classifier.probabilities(pending, calibrated=calibrated))
    return done, np.concatenate(rows) if rows else np.empty((0, len(CLASSES)))


def scores(
    records: list[Record],
    probabilities: np.ndarray,
    classifier: Classifier,
    least: int = 1,
    samples: int = 0,
) -> dict:
    """F and AUROC, macro and per class, over the classes that occur often enough.

    Parameters
    ----------
    records : list of Record
    probabilities : ndarray, shape (records, 11)
    classifier : Classifier
        Its thresholds decide.
    least : int
        Positive records that a class needs to count in the macro scores.
    samples : int
        Of the bootstrap, for 95 % intervals; 0: none.
    """
    targets = np.stack([record.targets() for record in records])
    rule = classifier.description["recipe"].labels
    chosen = decide(probabilities, classifier.thresholds, rule)
    counted = np.nansum(targets, axis=0) >= least

    def macro_f(rows):
        return macro(f_per_class(targets[rows], chosen[rows])[counted])

    def macro_auroc(rows):
        return macro(auroc_per_class(targets[rows], probabilities[rows])[counted])

    whole = np.arange(len(records))
    found = {
        "records": len(records),
        "classes": [c for c, yes in zip(CLASSES, counted, strict=True) if yes],
        "f": macro_f(whole),
        "auroc": macro_auroc(whole),
        "micro f": micro_f(targets, chosen),
        "f per class": dict(zip(CLASSES, f_per_class(targets, chosen).tolist(), strict=True)),
        "auroc per class": dict(
            zip(CLASSES, auroc_per_class(targets, probabilities).tolist(), strict=True)
        ),
    }
    if samples:
        for name, score in (
            ("f", macro_f),
            ("auroc", macro_auroc),
            ("micro f", lambda rows: micro_f(targets[rows], chosen[rows])),
        ):
            found[f"{name} interval"] = bootstrap_interval(score, len(records), samples=samples)
    return found


def score_conditions(
    folder: str | Path,
    model: str | Path,
    output: str | Path,
    names: Collection[str] | None = None,
    least: int = 1,
    samples: int = 1000,
    signals: bool = True,
    jobs: int = 1,
    verbose: bool = True,
) -> str:
    """Score a model in all conditions; finished ones are kept, so an interrupted call continues.

    Parameters
    ----------
    folder : path
        Records with labels and waveforms.
    model : path
    output : path
        Gets ``CONDITION.json`` for each condition, ``conditions.csv`` and ``conditions.md``.
    names : collection of str, optional
        The records to use.
    least, samples : int
        See `scores`.
    signals : bool
        Whether a model's networks that read signals take part.
    jobs : int
        Processes, each of which judges a condition.
    verbose : bool

    Returns
    -------
    str
        The table.
    """
    output = Path(output)
    records = printed_records(folder, names)
    classifier = Classifier(model, signals=signals)
    marks = [[record.name, record.header.comments.get("Unknown")] for record in records]
    part = classifier.description["signals"] if signals else None
    maps = [one.as_list() for one in classifier.description["calibration"]]
    with_signals = None if part is None else part.as_dict()
    weights, own = classifier.description["weights"], classifier.description["thresholds"]
    key = json.loads(json_text([weights, own, maps, with_signals, marks, least, samples]))
    found, missing = {}, []
    for condition in CONDITIONS:
        try:
            kept = json.loads((output / f"{condition}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            kept = {}
        if kept.get("key") == key:
            found[condition] = kept
        else:
            missing.append(condition)

    def judge(condition: str, own: Classifier | None = None, shown: bool = False) -> dict:
        own = own or Classifier(model, signals=signals)
        printed, p = classify_printed(records, own, condition, verbose=shown)
        judged = {"key": key, **scores(printed, p, own, least, samples)}
        write_atomically(output / f"{condition}.json", json_text(judged, indent=1))
        return judged

    if jobs == 1:
        found |= {one: judge(one, classifier, verbose) for one in missing}
    else:
        work = Parallel(jobs, return_as="generator")(delayed(judge)(one) for one in missing)
        bar = progress_bar(work, desc="conditions", total=len(missing), shown=verbose)
        found |= dict(zip(missing, bar, strict=True))
    found = {
        condition: {name: numbers(found[condition][name]) for name in found[condition]
                    if name != "key"}
        for condition in CONDITIONS
    }  # fmt: skip
    head = ("condition", "class", "f", "auroc")
    write_atomically(output / "conditions.csv", csv_text(head, _rows(found)))
    table = conditions_table(found)
    write_atomically(output / "conditions.md", table)
    return table


def conditions_table(found: dict[str, dict]) -> str:
    """Scores by condition as Markdown, with the published rows below."""
    first = next(iter(found.values()))
    head = ["", *found, "worst / best"]

    def row(title, values):
        cells = [f"{value:.3f}" for value in values]
        return [title, *cells, f"{min(values) / max(max(values), 1e-9):.2f}"]

    rows = [
        row("**this model, macro F**", [one["f"] for one in found.values()]),
        row("**this model, macro AUROC**", [one["auroc"] for one in found.values()]),
        row("this model, micro F", [one["micro f"] for one in found.values()]),
        *(row(f"{title}, macro F, published", list(v)) for title, v in PUBLISHED.items()),
    ]
    if "f interval" in first:
        for k, name in ((3, "micro f"), (2, "auroc"), (1, "f")):
            cells = ["{:.3f} to {:.3f}".format(*one[f"{name} interval"]) for one in found.values()]
            rows.insert(k, ["95 % interval", *cells, ""])
    note = (
        f"This model: {first['records']} records printed by this project, macro over "
        f"{', '.join(first['classes'])}. The published rows are other records, really printed and "
        "captured by the organisers."
    )
    return markdown_table(head, rows) + "\n" + note + "\n"


def _rows(found: dict[str, dict]):
    for condition, one in found.items():
        yield condition, "macro", one["f"], one["auroc"]
        for label in CLASSES:
            yield condition, label, one["f per class"][label], one["auroc per class"][label]
