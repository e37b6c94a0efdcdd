"""Networks that read signals become part of a model: real hearts, and many simulated ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from giraffe.ecg.ptbxl import patients_and_folds
from giraffe.judging.conditions import printed_records
from giraffe.learning.hearts import Hearts, divide, real_hearts, shown, simulated_hearts
from giraffe.learning.signalschool import EPOCHS, SIMULATED, SIMULATED_SEED, learn
from giraffe.learning.soft_labels import ceiling_table, soften
from giraffe.network.checkpoint import add_signals
from giraffe.network.signalnet import SignalNet, probabilities
from giraffe.randomness import random_stream

SHARE = 0.5  # of the networks that read signals in what a model says


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
    _, fold = patients_and_folds(*databases)
    records = [record for folder in folders for record in printed_records(folder)]
    training, *others = divide(records, fold, choosing)
    if not training:
        raise ValueError(f"{folders[0]}: no record of the training folds, so nothing to learn from")
    hearts = softened(real_hearts(training), [record.path.name for record in training], soft)
    patients = simulated_hearts(seed + SIMULATED_SEED, simulated) if simulated else None
    networks = [learn(hearts, epochs, seed + k, patients) for k in range(number)]
    add_signals(model, networks, SHARE)
    return unseen_table(networks, others, seed)


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
