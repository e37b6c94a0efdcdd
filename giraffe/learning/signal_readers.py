"""Networks that read signals become part of a model: new ones, or those that it began with."""

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from giraffe.ecg.ptbxl import patients_and_folds
from giraffe.ecg.records import Record
from giraffe.errors import ModelError
from giraffe.judging.calibrating import judge
from giraffe.judging.metrics import auroc_per_class, macro, tune_thresholds
from giraffe.learning.hearts import Hearts, real_hearts, shown, simulated_hearts
from giraffe.learning.signalschool import EPOCHS, SIMULATED, SIMULATED_SEED, learn
from giraffe.learning.soft_labels import ceiling_table, parts_of_ptbxl, soften
from giraffe.network.calibration import calibrate
from giraffe.network.checkpoint import (
    SignalPart,
    add_signals,
    adopt_signals,
    load_description,
)
from giraffe.network.classifier import Classifier
from giraffe.network.signalnet import SignalNet, probabilities
from giraffe.randomness import random_stream

log = logging.getLogger(__name__)

SHARE = 0.5  # of the networks that read signals in what a model says
VALIDATING = 40  # records at most that tell whether a tuned model is better with them
LEAST_VALIDATING = 8
PRESET = "color-scan-clean"  # as which they are printed
SECONDS_EACH = 10.0  # that must be left of the time for each, four times what it takes on a CPU


def softened(hearts: Hearts, names: Sequence[str], soft: Mapping[str, np.ndarray]) -> Hearts:
    """Hearts whose labels are mixed with what other networks say of them, where they do."""
    mixed = [
        soften(targets, soft[name]) if name in soft else targets
        for name, targets in zip(names, hearts.targets, strict=True)
    ]
    return Hearts(hearts.signals, np.array(mixed, np.float32))


def add_signal_readers(
    model: str | Path,
    folders: Sequence[str | Path],
    databases: Sequence[str | Path],
    choosing: Sequence[str],
    soft: Mapping[str, np.ndarray],
    number: int = 2,
    epochs: int = EPOCHS,
    simulated: int = SIMULATED,
    seed: int = 0,
) -> str:
    """Train networks that read signals as printouts show them, and give them to a model.

    Afterwards the model has to be calibrated (`giraffe.judging.calibrating`).

    Parameters
    ----------
    model : path
        Model folder; gets ``signals.pt``.
    folders : sequence of path
        PTB-XL's records with labels and waveforms.
    databases : sequence of path
        PTB-XL's ``ptbxl_database.csv``, or its parts.
    choosing : sequence of str
        Names of `giraffe.ecg.ptbxl.choosing_records`.
    soft : mapping of str to ndarray of float, shape (11,)
        Of `giraffe.learning.soft_labels`; may be empty.
    number : int
        Networks, whose log-odds are averaged.
    epochs, simulated, seed : int
        See `giraffe.learning.signalschool.learn` and `simulated_hearts`.

    Returns
    -------
    str
        AUROC by class on the records that did not train, whole and as printouts show them.
    """
    if number < 1:
        raise ValueError("at least one network is needed")
    load_description(model)
    _, fold = patients_and_folds(*databases)
    training, *others = parts_of_ptbxl(folders, fold, choosing)
    hearts = softened(real_hearts(training), [record.path.name for record in training], soft)
    patients = simulated_hearts(seed + SIMULATED_SEED, simulated) if simulated else None
    networks = [learn(hearts, epochs, seed + k, patients) for k in range(number)]
    add_signals(model, networks, SHARE)
    return unseen_table(networks, others, seed)


def keep_signal_readers(
    model: str | Path, part: SignalPart, validation: Sequence[Record], deadline: float
) -> SignalPart | None:
    """Let a tuned model keep the networks that read signals for the model that it began as.

    If it reads the validation records no worse with them: these are printed in memory, and their
    traces digitized. Thresholds of both together are set there too, drawn towards those that they
    had.

    Parameters
    ----------
    model : path
        A finished model's folder, which stays one at any moment.
    part : SignalPart
        Of the model that it began as.
    validation : sequence of Record
    deadline : float
        On `time.monotonic`'s clock.

    Returns
    -------
    SignalPart or None
        What it has now.
    """
    possible = min(VALIDATING, int((deadline - time.monotonic()) / SECONDS_EACH))
    records = [record for record in validation if record.has_waveform()][: max(possible, 0)]
    if len(records) < LEAST_VALIDATING:
        log.info("Too little time or too few validation records: pictures alone are read.")
        return None
    try:
        classifier = Classifier(model, signals=False)
        if not classifier.straightened:  # it never looks for the chart that signals come from
            return None
        alone = judge(records, classifier, [PRESET], verbose=False)
        classifier.use_signals(part)
        both = judge(records, classifier, [PRESET], verbose=False)
        areas = [macro(auroc_per_class(one.targets, one.probabilities)) for one in (alone, both)]
        log.info(
            "On %d validation records pictures alone have AUROC %.3f, with their signals %.3f.",
            len(records),
            *areas,
        )
        if not areas[1] >= areas[0]:
            return None
        # Its calibration is the start's, which moves with the weights less than thresholds do.
        honest = calibrate(both.probabilities, part.calibration)
        thresholds = tune_thresholds(both.targets, honest, usual=part.thresholds)
        part = dataclasses.replace(part, thresholds=thresholds.tolist())
        adopt_signals(model, part)
    except (ModelError, OSError, RuntimeError, ValueError) as error:  # the model is whole without
        log.warning("What signals add cannot be judged (%s): pictures alone are read.", error)
        return None
    return part


def unseen_table(networks: Sequence[SignalNet], parts: Sequence, seed: int) -> str:
    """How well networks read the choosing and the judging records."""
    found = {}
    for name, records in zip(("choosing", "folds 7 and 8"), parts, strict=True):
        if records:
            unseen = real_hearts(records)
            seen = shown(len(unseen), random_stream(seed, "shown", name))
            printed = np.where(seen, unseen.signals, np.nan)
            found[f"{name}, whole"] = unseen.targets, probabilities(networks, unseen.signals)
            found[f"{name}, as printed"] = unseen.targets, probabilities(networks, printed)
    return ceiling_table(found) if found else ""
