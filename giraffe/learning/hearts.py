"""Hearts for the network that reads signals: real and simulated ones, and how they are varied.

Which records train, choose and judge: PTB-XL's folds 1-6 and fold 10 less the choosing records
train, the choosing records choose, folds 7 and 8 judge (`divide`). Simulated patients join them in
training: real records know nothing of Acute MI, and have few of some rhythms.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from giraffe.classes import CLASSES, encode
from giraffe.ecg.ptbxl import CHOOSING_FOLD
from giraffe.ecg.records import LEADS, Record, Waveform
from giraffe.ecg.rhythm import FS as SIMULATED_FS
from giraffe.ecg.simulate import simulate
from giraffe.network.signalnet import FS, NUM_SAMPLES, as_signal, read_signals

TRAINING_FOLDS, JUDGING_FOLDS = (1, 2, 3, 4, 5, 6), (7, 8)

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

    Cheaper and wilder than `giraffe.ecg.variation`, and for nothing that is drawn: leads lose
    their laws and are lost, and beyond the record's ends nothing is known.

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
