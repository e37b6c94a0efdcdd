"""Hearts for the network that reads signals: real and simulated ones, and how they are varied.

Which records train, choose and judge: PTB-XL's folds 1-6 and fold 10 less the choosing records
train, the choosing records choose, folds 7 and 8 judge (`divide`). Simulated patients join them in
training: real records know nothing of Acute MI, and have few of some rhythms.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from giraffe.classes import CLASSES, encode
from giraffe.ecg.ptbxl import CHOOSING_FOLD
from giraffe.ecg.records import LEADS, Record, Waveform
from giraffe.ecg.rhythm import FS as SIMULATED_FS
from giraffe.ecg.simulate import simulate
from giraffe.network.signalnet import FS, NUM_SAMPLES, as_signal, read_signals

TRAINING_FOLDS, JUDGING_FOLDS = (1, 2, 3, 4, 5, 6), (7, 8)

# How hearts are varied: what another electrocardiograph, day or position would change.
GAIN, LEAD_GAIN = 0.12, 0.05  # standard deviations of the logarithm
STRETCH = 0.03  # of time; more would make a bradycardia of a normal rate
SHIFT = 1.0  # s
NOISE_MV, WANDER_MV = 0.03, 0.1  # largest standard deviations, largest amplitude
WANDER_HZ = (0.05, 0.5)
LOW_PASS_HZ, HIGH_PASS_HZ = (8.0, 45.0), (0.05, 0.67)  # of devices, cameras and of reading
FILTERED = 0.5  # share of hearts that either filter has passed

# And what a printout shows of them.
COLUMNS = {4: 0.77, 2: 0.13, 1: 0.1}
"""Columns of leads, and how often printouts have so many."""
AT_ONCE = {4: 0.13, 2: 0.4, 1: 0.0}  # share of them whose columns all begin at time 0
STRIPS = {0: 0.2, 1: 0.73, 3: 0.07}
"""Leads that are printed once more along the whole row, and how often."""
STRIP_LEADS = np.array([3, 55, 3, 1, 1, 2, 17, 3, 1, 1, 12, 1]) / 100
SHORT, SHORTEST = 0.2, 7.0  # share of rows of less than 10 s, and the shortest in s
READ_LATE = 0.008  # s: standard deviation of the time at which leads are read
LOST_LEADS, LOST_SECONDS = 3, 1.5  # at most
LOST = 0.1  # share of printouts of which leads cannot be read, or a stretch of all of them


@dataclass(frozen=True)
class Hearts:
    """Signals with labels.

    Attributes
    ----------
    signals : ndarray of float32, shape (records, 12, 1000)
        In mV at 100 Hz; NaN where nothing is known.
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


def shown(number: int, rng: np.random.Generator) -> np.ndarray:
    """What printouts of several layouts show of the leads.

    Returns
    -------
    ndarray of bool, shape (number, 12, 1000)
    """
    seen = np.zeros((number, len(LEADS), NUM_SAMPLES), bool)
    layouts = rng.choice([*COLUMNS], number, p=[*COLUMNS.values()])
    strips = rng.choice([*STRIPS], number, p=[*STRIPS.values()])
    for page, columns, again in zip(seen, layouts, strips, strict=True):
        seconds = NUM_SAMPLES / FS
        if rng.random() < SHORT:
            seconds = rng.uniform(SHORTEST, seconds)
        length, rows = seconds / columns, len(LEADS) // columns
        at_once = rng.random() < AT_ONCE[int(columns)]
        for k in range(columns):
            start = 0.0 if at_once else k * length
            leads = slice(k * rows, (k + 1) * rows)
            page[leads, int(start * FS) : int((start + length) * FS)] = True
        if columns > 1:
            leads = rng.choice(len(LEADS), again, replace=False, p=STRIP_LEADS)
            page[leads, : int(seconds * FS)] = True
        if rng.random() < LOST:
            page[rng.choice(len(LEADS), rng.integers(1, LOST_LEADS + 1), replace=False)] = False
        if rng.random() < LOST:
            long = int(rng.uniform(0.1, LOST_SECONDS) * FS)
            begin = int(rng.integers(0, NUM_SAMPLES - long))
            page[:, begin : begin + long] = False
    return seen


def vary(signals: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Hearts as another machine, another day or a worse contact would have recorded them.

    And as a digitizer reads them off a printout: each lead for the time that is printed. Cheaper
    and wilder than `giraffe.ecg.variation`, and for nothing that is drawn: leads lose their laws.

    Parameters
    ----------
    signals : Tensor of float32, shape (records, 12, 1000)
        NaN where nothing is known; on any device.
    rng : numpy.random.Generator

    Returns
    -------
    Tensor of float32, shape (records, 12, 1000)
        NaN where nothing is known or shown.
    """
    (number, leads, samples), device = signals.shape, signals.device
    chance = torch.Generator(device).manual_seed(int(rng.integers(2**62)))

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(*shape, generator=chance, device=device)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=chance, device=device)

    # Another stretch of time, a little faster or slower; nothing is known outside the record.
    t = torch.arange(samples, device=device) / FS
    start = uniform(-SHIFT, SHIFT, number, 1, 1) + READ_LATE * normal(number, leads, 1)
    at = (start + torch.exp(STRETCH * normal(number, 1, 1)) * t) * FS
    before = at.floor().clamp(0, samples - 2).long()
    known = signals.isfinite()
    held = signals.nan_to_num()
    varied = torch.lerp(
        held.gather(2, before), held.gather(2, before + 1), (at - before).clamp(0, 1)
    )
    known = known.gather(2, before) & (at >= 0) & (at <= samples - 1)

    varied *= torch.exp(GAIN * normal(number, 1, 1) + LEAD_GAIN * normal(number, leads, 1))
    varied = _filtered(varied, uniform)
    hertz, phase = uniform(*WANDER_HZ, number, 1, 1), uniform(0, 2 * np.pi, number, leads, 1)
    size = WANDER_MV * uniform(0, 1, number, 1, 1) * uniform(0, 1, number, leads, 1)
    varied += size * torch.sin(2 * np.pi * hertz * t + phase)
    rough = normal(number, leads, samples)
    smooth = 2 * functional.avg_pool1d(rough, 5, 1, 2)
    for noise in (rough, smooth):
        varied += NOISE_MV * uniform(0, 1, number, 1, 1) ** 2 * noise
    known &= torch.from_numpy(shown(number, rng)).to(device)
    return torch.where(known, varied, torch.nan)


def _filtered(signals: torch.Tensor, uniform) -> torch.Tensor:
    """Some of the signals without their highest frequencies, some without their lowest."""
    number, _, samples = signals.shape
    hertz = torch.fft.rfftfreq(samples, 1 / FS, device=signals.device)

    def cut_off(bounds: tuple[float, float], none: float) -> torch.Tensor:
        wanted = uniform(0, 1, number, 1, 1) < FILTERED
        return torch.where(wanted, uniform(*bounds, number, 1, 1), none)

    # Butterworth's of the second order without its delay; a capacitor's with it.
    passed = 1 / torch.sqrt(1 + (hertz / cut_off(LOW_PASS_HZ, 2.0 * FS)) ** 4)
    s = 1j * hertz / cut_off(HIGH_PASS_HZ, 1e-4)
    return torch.fft.irfft(torch.fft.rfft(signals) * passed * s / (1 + s), n=samples)
