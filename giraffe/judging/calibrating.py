"""A trained model's calibration and thresholds, from records that did not train it.

Each record is printed in several ways and stays on one side of every division. Classes with few
positives among the real records are judged with simulated patients added, of which all is known.
"""

import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from giraffe.classes import CLASSES
from giraffe.files import json_text, write_atomically
from giraffe.judging.conditions import classify_printed, printed_records
from giraffe.judging.metrics import auroc_per_class, f_per_class, macro, tune_thresholds
from giraffe.network.calibration import (
    PARTS,
    Calibration,
    calibrate,
    calibration_error,
    choose_map,
    log_loss,
    parts_of,
)
from giraffe.network.checkpoint import DESCRIPTION
from giraffe.network.classifier import Classifier, decide

log = logging.getLogger(__name__)

PRESETS = ("color-scan-clean", "phone-clean", "giraffe")
"""Ways in which each record is printed: two of the conditions, and as the world does it."""
FEW = 10  # positives of a class below which simulated patients are added


@dataclass(frozen=True)
class Judged:
    """Probabilities of printed records before any calibration, and the truth.

    Attributes
    ----------
    targets, probabilities : ndarray, shape (n, 11)
    names : ndarray of str, shape (n,)
        Of the records; each occurs once for every printout.
    """

    targets: np.ndarray
    probabilities: np.ndarray
    names: np.ndarray

    def __add__(self, other: "Judged") -> "Judged":
        pairs = zip(self._parts(), other._parts(), strict=True)
        return Judged(*(np.concatenate(pair) for pair in pairs))

    def _parts(self):
        return self.targets, self.probabilities, self.names


def judge(
    records, classifier: Classifier, presets: Sequence[str] = PRESETS, verbose=True
) -> Judged:
    """Print records in several ways and let a model read them."""
    targets, probabilities, names = [], [], []
    for preset in presets:
        done, found = classify_printed(
            records, classifier, preset, verbose=verbose, calibrated=False
        )
        targets += [record.targets() for record in done]
        names += [record.header.name for record in done]
        probabilities.append(found)
    return Judged(np.stack(targets), np.concatenate(probabilities), np.array(names))


def fit(real: Judged, simulated: Judged | None) -> tuple[list[Calibration], np.ndarray]:
    """Calibration and threshold of every class.

    Parameters
    ----------
    real : Judged
    simulated : Judged or None
        Added for the classes with few positives among the real ones.

    Returns
    -------
    calibrations : list of Calibration
    thresholds : ndarray, shape (11,)
    """
    calibrations, thresholds = [], np.full(len(CLASSES), 0.5)
    for k in range(len(CLASSES)):
        judged = real
        if simulated is not None and positives(real)[k] < FEW:
            judged = real + simulated
        targets, p = judged.targets[:, k], judged.probabilities[:, k]
        one = choose_map(targets, p, judged.names)
        calibrations.append(one)
        thresholds[k] = tune_thresholds(targets[:, None], one.apply(p)[:, None])[0]
    return calibrations, thresholds


def positives(judged: Judged) -> np.ndarray:
    """Records with each class, printouts not counted, shape (11,)."""
    _, first = np.unique(judged.names, return_index=True)
    return np.nansum(judged.targets[first], axis=0)


def cross_fitted(real: Judged, simulated: Judged | None) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities and passed thresholds, each fitted to the other records.

    Returns
    -------
    probabilities : ndarray, shape (n, 11)
    ratios : ndarray, shape (n, 11)
        Of probabilities to thresholds.
    """
    part = parts_of(real.names)
    probabilities, ratios = np.empty_like(real.probabilities), np.empty_like(real.probabilities)
    for k in range(PARTS):
        here = part == k
        others = Judged(*(values[~here] for values in real._parts()))
        calibrations, thresholds = fit(others, simulated)
        probabilities[here] = calibrate(real.probabilities[here], calibrations)
        ratios[here] = probabilities[here] / thresholds
    return probabilities, ratios


def calibrate_model(
    model: str | Path,
    folder: str | Path,
    names: Collection[str],
    simulated: str | Path | None = None,
    presets: Sequence[str] = PRESETS,
    signals: bool = True,
    verbose: bool = True,
) -> str:
    """Give a model its calibration and thresholds, and say what they bring.

    Parameters
    ----------
    model : path
        Model folder; its `model.json` is written anew.
    folder : path
        Real records with labels and waveforms.
    names : collection of str
        Those of them that choose; none of them may have trained the model.
    simulated : path, optional
        Simulated records for rare classes.
    presets : sequence of str
        Ways in which each real record is printed; simulated ones are printed in the first.
    signals : bool
        Whether to calibrate what it says with its networks that read signals, where it has any;
        what the pictures alone say has a calibration of its own.
    verbose : bool

    Returns
    -------
    str
        A table.

    Raises
    ------
    giraffe.errors.RecordError
        If there is no record to choose by.
    """
    classifier = Classifier(model, signals=signals)
    real = judge(printed_records(folder, names or None), classifier, presets, verbose)
    added = None
    if simulated is not None:
        added = judge(printed_records(simulated), classifier, presets[:1], verbose)
    calibrations, thresholds = fit(real, added)
    after, ratios = cross_fitted(real, added)
    rule = classifier.description["recipe"].labels
    decisions = decide(ratios / 2, np.full(len(CLASSES), 0.5), rule)
    path = Path(model) / DESCRIPTION
    content = json.loads(path.read_text(encoding="utf-8"))
    part = content if classifier.digitizer is None else content["signals"]
    part["calibration"] = [one.as_list() for one in calibrations]
    part["thresholds"] = thresholds.tolist()
    write_atomically(path, json_text(content, indent=2), durable=True)
    return table(real, after, decisions, calibrations, thresholds)


def table(real: Judged, after, decisions, calibrations, thresholds) -> str:
    """Log loss and calibration error of each class before and after, cross-fitted; its AUROC."""
    lines = [
        f"{'class':10}{'n':>5}{'AUROC':>8}  {'map':6}{'threshold':>10}"
        f"{'log loss':>10}{'after':>8}{'constant':>10}{'ECE':>8}{'after':>8}{'F':>7}"
    ]
    f = f_per_class(real.targets, decisions)
    area = auroc_per_class(real.targets, real.probabilities)
    for k, name in enumerate(CLASSES):
        truth = real.targets[:, k]
        if not np.isfinite(truth).any():
            lines.append(f"{name:10}{'':13}  {calibrations[k].family:6}{thresholds[k]:10.3f}")
            continue
        before = real.probabilities[:, k]
        constant = np.full(len(truth), np.nanmean(truth))
        lines.append(
            f"{name:10}{positives(real)[k]:5.0f}{area[k]:8.3f}  "
            f"{calibrations[k].family:6}{thresholds[k]:10.3f}"
            f"{log_loss(truth, before):10.3f}{log_loss(truth, after[:, k]):8.3f}"
            f"{log_loss(truth, constant):10.3f}{calibration_error(truth, before):8.3f}"
            f"{calibration_error(truth, after[:, k]):8.3f}{f[k]:7.3f}"
        )
    often = positives(real) >= FEW
    lines.append(
        f"classes with at least {FEW}: macro AUROC {macro(area[often]):.3f}, "
        f"macro F, cross-fitted, {macro(f[often]):.3f}"
    )
    return "\n".join(lines) + "\n"
