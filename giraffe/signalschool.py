"""Training of the network that reads signals, its soft labels and its ceiling.

Which records train, choose and judge: PTB-XL's folds 1-6 and fold 10 less the choosing records
train, the choosing records choose, folds 7 and 8 judge (`divide`). Simulated patients join them in
training: real records know nothing of Acute MI, and have few of some rhythms.
"""

import copy
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from giraffe.classes import CLASSES, encode
from giraffe.conditions import printed_records
from giraffe.device import autocast, choose_precision
from giraffe.ecg.ptbxl import CHOOSING_FOLD, patients_and_folds
from giraffe.ecg.rhythm import FS as SIMULATED_FS
from giraffe.ecg.simulate import simulate
from giraffe.files import write_atomically
from giraffe.metrics import auroc_per_class, macro
from giraffe.randomness import random_stream
from giraffe.records import LEADS, Record, Waveform
from giraffe.signalnet import (
    FS,
    NUM_SAMPLES,
    SignalNet,
    as_signal,
    probabilities,
    read_signals,
)
from giraffe.split import patient_groups, stratified_folds

log = logging.getLogger(__name__)

TRAINING_FOLDS, JUDGING_FOLDS = (1, 2, 3, 4, 5, 6), (7, 8)
BATCH, LEARNING_RATE, WEIGHT_DECAY = 32, 2e-3, 2e-2
EPOCHS, SIMULATED, SIMULATED_SEED = 14, 3000, 90210
MEMORY = 0.998  # of the running mean of the weights, per step

# How hearts are varied: what another electrocardiograph, day or position would change.
GAIN, LEAD_GAIN = 0.12, 0.06  # standard deviations of the logarithm
STRETCH = 0.03  # of time; more would make a bradycardia of a normal rate
SHIFT = 1.0  # s
LOST_LEADS, LOST_SECONDS = 3, 1.5  # at most
NOISE_MV, WANDER_MV = 0.03, 0.12  # standard deviation and amplitude, at most
WANDER_HZ = (0.05, 0.5)


@dataclass(frozen=True)
class Hearts:
    """Signals with labels.

    Attributes
    ----------
    signals : ndarray of float32, shape (records, 12, 1000)
        In mV at 100 Hz.
    targets : ndarray of float32, shape (records, 11)
        1 present, 0 absent, NaN unknown; soft labels may lie between.
    """

    signals: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.signals)

    def __getitem__(self, positions) -> "Hearts":
        return Hearts(self.signals[positions], self.targets[positions])

    def with_others(self, others: "Hearts") -> "Hearts":
        """Both together."""
        return Hearts(
            np.concatenate([self.signals, others.signals]),
            np.concatenate([self.targets, others.targets]),
        )


def real_hearts(records: Sequence[Record]) -> Hearts:
    """Signals and labels of records.

    Raises
    ------
    RecordError
        If a signal cannot be read.
    """
    targets = [record.targets() for record in records]
    shape = (len(records), len(CLASSES))
    return Hearts(read_signals(records), np.array(targets, np.float32).reshape(shape))


def simulated_hearts(seed: int, number: int) -> Hearts:
    """So many simulated patients, balanced over the classes; 12 ms each."""
    signals = np.zeros((number, len(LEADS), NUM_SAMPLES), np.float32)
    targets = np.zeros((number, len(CLASSES)), np.float32)
    for k in range(number):
        patient = simulate(seed, k)
        signals[k] = as_signal(Waveform(patient.signal, float(SIMULATED_FS), LEADS))
        targets[k] = encode(patient.labels)
    return Hearts(signals, targets)


def divide(records: Sequence[Record], fold: dict[str, int], choosing: Sequence[str]):
    """Which of PTB-XL's records train, choose and judge.

    Parameters
    ----------
    records : sequence of Record
        Those without a label are left out.
    fold : dict of str to int
        Of `giraffe.ecg.ptbxl.patients_and_folds`.
    choosing : sequence of str
        Names of `giraffe.ecg.ptbxl.choosing_records`.

    Returns
    -------
    training, chosen, judging : list of Record
    """
    names = {*choosing}
    parts: tuple[list, list, list] = ([], [], [])
    for record in records:
        name = record.path.name
        number = fold.get(name)
        if not record.labels:
            continue
        if name in names:
            parts[1].append(record)
        elif number in TRAINING_FOLDS or number == CHOOSING_FOLD:
            parts[0].append(record)
        elif number in JUDGING_FOLDS:
            parts[2].append(record)
    return parts


def vary(signals: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hearts as another machine, another day or a worse contact would have recorded them.

    Parameters
    ----------
    signals : ndarray of float32, shape (records, 12, 1000)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (records, 12, 1000)
    """
    number, leads, samples = signals.shape
    # Another stretch of time, a little faster or slower; nothing is known outside the record.
    start = rng.uniform(-SHIFT, SHIFT, (number, 1)) * FS
    pace = np.exp(rng.normal(0, STRETCH, (number, 1)))
    at = (start + pace * np.arange(samples)).astype(np.float32)
    before = np.clip(np.floor(at).astype(int), 0, samples - 2)
    share = np.clip(at - before, 0, 1)[:, None]
    known = ((at >= 0) & (at <= samples - 1))[:, None]
    rows = np.arange(number)[:, None]
    held = signals.transpose(0, 2, 1)
    first, second = (held[rows, before + k].transpose(0, 2, 1) for k in (0, 1))
    varied = (first * (1 - share) + second * share) * known

    gain = rng.normal(0, GAIN, (number, 1, 1)) + rng.normal(0, LEAD_GAIN, (number, leads, 1))
    varied *= np.exp(gain)
    t = np.arange(samples) / FS
    hertz = rng.uniform(*WANDER_HZ, (number, 1, 1))
    phase = rng.uniform(0, 2 * np.pi, (number, leads, 1))
    size = WANDER_MV * rng.uniform(0, 1, (number, 1, 1)) * rng.uniform(0, 1, (number, leads, 1))
    varied += size * np.sin(2 * np.pi * hertz * t + phase)
    level = NOISE_MV * rng.uniform(0, 1, (number, 1, 1)) ** 2
    varied += level * rng.standard_normal(varied.shape, dtype=np.float32)
    for k in range(number):
        if rng.random() < 0.4:
            varied[k, rng.choice(leads, rng.integers(1, LOST_LEADS + 1), replace=False)] = 0
        if rng.random() < 0.4:
            long = int(rng.uniform(0.1, LOST_SECONDS) * FS)
            begin = int(rng.integers(0, samples - long))
            varied[k, :, begin : begin + long] = 0
    return varied.astype(np.float32)


def loss_of(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over all known entries; 0 if none is known."""
    known = torch.isfinite(targets)
    each = functional.binary_cross_entropy_with_logits(
        logits.float(), targets.nan_to_num(), reduction="none"
    )
    return (each * known).sum() / known.sum().clamp(min=1)


def learn(hearts: Hearts, epochs: int, seed: int = 0, simulated: Hearts | None = None, share=0.25):
    """Train a network.

    Parameters
    ----------
    hearts : Hearts
        Real ones; an epoch shows each once.
    epochs : int
    seed : int
    simulated : Hearts, optional
        A pool of simulated patients, from which each epoch draws.
    share : float
        Of simulated patients among all that an epoch shows.

    Returns
    -------
    SignalNet
        With the running mean of its weights: the last steps' chance is averaged out, so no epoch
        has to be chosen.

    Raises
    ------
    ValueError
        If there are too few hearts for one batch, or no epoch.
    """
    drawn = 0 if not simulated else round(len(hearts) * share / (1 - share))
    steps = (len(hearts) + drawn) // BATCH
    if steps < 1 or epochs < 1:
        raise ValueError(f"at least {BATCH} hearts and one epoch are needed")
    torch.manual_seed(seed)
    network = SignalNet()
    mean = copy.deepcopy(network)
    device = torch.device("cpu")
    precision = choose_precision(device)
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=epochs * steps
    )
    pool = hearts if not simulated else hearts.with_others(simulated)
    started = time.monotonic()
    step = 0
    for epoch in range(1, epochs + 1):
        rng = random_stream(seed, "hearts", epoch)
        others = len(hearts) + rng.integers(0, max(len(pool) - len(hearts), 1), drawn)
        order = rng.permutation(np.concatenate([np.arange(len(hearts)), others]))
        network.train()
        losses = []
        for positions in np.split(order[: steps * BATCH], steps):
            part = pool[positions]
            with autocast(device, precision):
                logits = network(torch.from_numpy(vary(part.signals, rng)))
            loss = loss_of(logits, torch.from_numpy(part.targets))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
            step += 1
            _follow(mean, network, min(MEMORY, step / (step + 10)))
            losses.append(float(loss.detach()))
        log.info(
            "Epoch %d of %d: loss %.4f, %.0f s.",
            epoch, epochs, np.mean(losses), time.monotonic() - started,
        )  # fmt: skip
    return mean.eval()


@torch.no_grad()
def _follow(mean: SignalNet, network: SignalNet, memory: float) -> None:
    """Draw the mean towards the network, BatchNorm's statistics as well."""
    for old, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - memory)
        else:
            old.copy_(new)


def learn_by_folds(
    hearts: Hearts,
    groups,
    epochs: int,
    folds: int = 3,
    seed: int = 0,
    simulated: Hearts | None = None,
) -> tuple[list[SignalNet], np.ndarray]:
    """Networks that each left out a part of the hearts, and what they say of the parts left out.

    A network knows by heart what it trained on, so a record's soft label comes from the network
    that has not seen its patient.

    Parameters
    ----------
    hearts : Hearts
    groups : array_like, shape (records,)
        Equal numbers for records of one patient: `giraffe.split.patient_groups`.
    epochs, folds, seed : int
    simulated : Hearts, optional
        See `learn`.

    Returns
    -------
    networks : list of SignalNet
        For records that none of them trained on; see `giraffe.signalnet.probabilities`.
    soft : ndarray of float, shape (records, 11)
    """
    known = np.nan_to_num(hearts.targets)
    fold = stratified_folds(known, groups, seed, folds)
    networks, soft = [], np.zeros(hearts.targets.shape)
    for k in range(folds):
        log.info("Network %d of %d.", k + 1, folds)
        networks.append(learn(hearts[fold != k], epochs, seed + k, simulated))
        soft[fold == k] = probabilities(networks[-1:], hearts.signals[fold == k])
    return networks, soft


def soften(targets, soft, trust: float = 0.5) -> np.ndarray:
    """Labels mixed with what a network says; what nobody knows becomes what it says.

    Parameters
    ----------
    targets : array_like, shape (records, 11)
        1 present, 0 absent, NaN unknown.
    soft : array_like, shape (records, 11)
        Probabilities.
    trust : float
        Share of the network's word.

    Returns
    -------
    ndarray of float32, shape (records, 11)
        NaN stays for Acute MI: of it no network of ours has seen a real case.
    """
    targets, soft = np.asarray(targets, float), np.asarray(soft, float)
    mixed = np.where(np.isnan(targets), soft, (1 - trust) * targets + trust * soft)
    unseen = CLASSES.index("Acute MI")
    mixed[..., unseen] = targets[..., unseen]
    return mixed.astype(np.float32)


def make_soft_labels(
    folders: Sequence[str | Path],
    databases: Sequence[str | Path],
    choosing: Sequence[str],
    output: str | Path,
    epochs: int = EPOCHS,
    simulated: int = SIMULATED,
    seed: int = 0,
) -> str:
    """Train networks that read signals, and let them say what they think of the training records.

    Parameters
    ----------
    folders : sequence of path
        PTB-XL's records with labels and waveforms.
    databases : sequence of path
        PTB-XL's ``ptbxl_database.csv``, or its parts.
    choosing : sequence of str
        Names of `giraffe.ecg.ptbxl.choosing_records`.
    output : path
        Table to write; see `write_soft_labels`.
    epochs, simulated, seed : int
        See `learn` and `simulated_hearts`.

    Returns
    -------
    str
        The ceiling: AUROC by class on the training records, each judged by the network that left
        it out, and by all networks on the others.
    """
    patient: dict[str, float] = {}
    fold: dict[str, int] = {}
    for database in databases:
        of_patient, of_fold = patients_and_folds(database)
        patient |= of_patient
        fold |= of_fold
    records = [record for folder in folders for record in printed_records(folder)]
    training, *others = divide(records, fold, choosing)
    if not training:
        raise ValueError(f"{folders[0]}: no record of the training folds, so nothing to learn from")
    hearts = real_hearts(training)
    networks, soft = learn_by_folds(
        hearts,
        patient_groups(training, patient),
        epochs,
        seed=seed,
        simulated=simulated_hearts(seed + SIMULATED_SEED, simulated),
    )
    write_soft_labels(output, [record.path.name for record in training], soft)
    parts = {"training, left out": (hearts.targets, soft)}
    for name, judged in zip(("choosing", "folds 7 and 8"), others, strict=True):
        if judged:
            unseen = real_hearts(judged)
            parts[name] = unseen.targets, probabilities(networks, unseen.signals)
    if len(parts) == 3:
        both = list(zip(*list(parts.values())[1:], strict=True))
        parts["both"] = tuple(np.concatenate(part) for part in both)
    return ceiling_table(parts)


def write_soft_labels(path: str | Path, names: Sequence[str], soft) -> None:
    """What the networks say of records, shape (records, 11), as a table by the records' names."""
    rows = [",".join(("name", *CLASSES))]
    for name, numbers in zip(names, soft, strict=True):
        rows.append(",".join((name, *(f"{number:.4f}" for number in numbers))))
    write_atomically(Path(path), "\n".join(rows) + "\n")


def read_soft_labels(path: str | Path) -> dict[str, np.ndarray]:
    """What `write_soft_labels` wrote: probabilities of shape (11,) by name.

    Raises
    ------
    ValueError
        If the file is not such a table.
    """
    rows = Path(path).read_text().splitlines()
    if not rows or rows[0] != ",".join(("name", *CLASSES)):
        raise ValueError(
            f"{path}: not a table of soft labels; its columns are name and the classes"
        )
    found = {}
    for number, row in enumerate(rows[1:], start=2):
        name, *numbers = row.split(",")
        try:
            found[name] = np.array([float(text) for text in numbers], np.float32)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        if len(numbers) != len(CLASSES):
            raise ValueError(f"{path}, line {number}: {len(numbers)} numbers, not {len(CLASSES)}")
    return found


def ceiling_table(parts: dict[str, tuple[np.ndarray, np.ndarray]], least: int = 10) -> str:
    """AUROC of each class on each part of the data, for people.

    Parameters
    ----------
    parts : dict of str to (targets, probabilities)
        Each of shape (records, 11).
    least : int
        Positives that a class needs to be shown and to count in the mean.
    """
    rows = [("", "macro", *CLASSES)]
    for name, (targets, found) in parts.items():
        areas = auroc_per_class(targets, found)
        areas[np.nansum(np.asarray(targets) > 0.5, axis=0) < least] = np.nan
        shown = ["" if np.isnan(area) else f"{area:.3f}" for area in areas]
        rows.append((name, f"{macro(areas):.3f}", *shown))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join(lines) + "\n"
