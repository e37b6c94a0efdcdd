"""What a network is taught beside the labels while it is pretrained.

Eleven bits say little about a picture. A page that we printed ourselves is known in every point:
which lead is drawn there, how high its trace runs, how large its waves are. A map of these numbers,
one set for each cell of the features that InceptionV3's module ``Mixed_6e`` computes, teaches the
network to find and to read the leads wherever they lie; the numbers that belong to the whole ECG
(rate, intervals, axes, sub-diagnoses) are told from the pooled features.
"""

import math
from collections.abc import Sequence

import numpy as np

from giraffe.ecg.findings import FINDINGS
from giraffe.ecg.measure import Measurements
from giraffe.ecg.records import LEADS, Waveform
from giraffe.ecg.simulate import simulate
from giraffe.printout.capture import Placement

EXAMPLES = 400  # simulated patients over whose measurements the numbers are standardised
EXAMPLES_SEED = 10_000  # added to a run's seed
LARGEST = 3.0  # standard deviations; what lies beyond says no more
LEAD_SPREAD = math.sqrt(11) / 12  # of "is it this lead", one in twelve
VOLTAGE_SPREAD = 0.4  # mV, of the highest and the lowest point of the trace in a cell
STRIDE, FIRST = 16, 21.5  # px between the centres of cells, and to the first one
LOCAL = ("q_depth", "q_duration", "r", "s", "st_j", "st_60", "p", "t", "late")
CELL_NUMBERS = len(LEADS) + 2 + len(LOCAL)


def grid(pixels: int) -> int:
    """Cells along a side of so many px: four strides of 2 and two frames of convolutions."""
    for shrink in (2, 1, 2, 1, 2, 2):
        pixels = (pixels - 3) // shrink + 1
    return max(pixels, 0)


class Numbers:
    """Measurements and sub-diagnoses as comparable numbers.

    Parameters
    ----------
    examples : sequence of Measurements
        Give each measurement its mean and spread.
    """

    def __init__(self, examples: Sequence[Measurements]):
        raw = np.stack([self._raw(one) for one in examples])
        self.mean = np.nanmean(raw, axis=0)
        self.spread = np.maximum(np.nanstd(raw, axis=0), 1e-2)
        local = np.stack([self._local(one) for one in examples])
        self.local_mean = np.nanmean(local, axis=(0, 2))[:, None]
        self.local_spread = np.maximum(np.nanstd(local, axis=(0, 2)), 1e-2)[:, None]

    @classmethod
    def of_seed(cls, seed: int) -> "Numbers":
        """Numbers standardised over simulated patients of a seed."""
        patients = (simulate(seed + EXAMPLES_SEED, k) for k in range(EXAMPLES))
        return cls([patient.truth() for patient in patients])

    @staticmethod
    def _raw(measured: Measurements) -> np.ndarray:
        numbers = measured.as_dict()
        for name in ("axis", "t_axis"):
            angle = math.radians(numbers.pop(name))
            numbers |= {f"{name} cos": math.cos(angle), f"{name} sin": math.sin(angle)}
        return np.array(list(numbers.values()), dtype=float)

    @staticmethod
    def _local(measured: Measurements) -> np.ndarray:
        return np.stack([getattr(measured, name) for name in LOCAL])

    def vector(
        self, measured: Measurements | None, findings: Sequence[str] | None = None
    ) -> np.ndarray:
        """Standardised numbers, then 1 for each sub-diagnosis; NaN where nothing is known.

        Returns
        -------
        ndarray of float32, shape (numbers,)
        """
        numbers = np.full(len(self.mean), np.nan)
        if measured is not None:
            numbers = (self._raw(measured) - self.mean) / self.spread
        names = np.full(len(FINDINGS), np.nan)
        if findings is not None:
            names = np.array([finding.name in findings for finding in FINDINGS], dtype=float)
        whole = np.concatenate([np.clip(numbers, -LARGEST, LARGEST), names])
        return whole.astype(np.float32)

    def per_lead(self, measured: Measurements | None) -> np.ndarray:
        """Standardised waves of each lead.

        Returns
        -------
        ndarray of float32, shape (numbers, 12)
        """
        if measured is None:
            return np.full((len(LOCAL), len(LEADS)), np.nan, np.float32)
        numbers = (self._local(measured) - self.local_mean) / self.local_spread
        return np.clip(numbers, -LARGEST, LARGEST).astype(np.float32)


def cell_targets(
    placement: Placement | None,
    waveform: Waveform | None,
    waves: np.ndarray | None,
    height: int,
    width: int,
) -> np.ndarray:
    """What is to be read in each cell of a picture.

    Parameters
    ----------
    placement : Placement or None
        Where the page lies; None: unknown.
    waveform : Waveform or None
        What was printed.
    waves : ndarray, shape (numbers, 12), or None
        `Numbers.per_lead`.
    height, width : int
        Of the picture in px.

    Returns
    -------
    ndarray of float32, shape (CELL_NUMBERS, rows, columns)
        Which lead it is (each of the twelve, standardised), the highest and the lowest voltage of
        the trace within the cell's width, the waves of the lead; NaN where unknown.
    """
    rows, columns = grid(height), grid(width)
    targets = np.full((CELL_NUMBERS, rows, columns), np.nan, np.float32)
    if placement is None or waveform is None or waves is None or not targets.size:
        return targets
    page = placement.page
    v = ((FIRST + STRIDE * np.arange(rows)) / height)[:, None]
    u = ((FIRST + STRIDE * np.arange(columns)) / width)[None, :]
    half = STRIDE / width / 2
    x, y = (np.broadcast_to(part, (rows, columns)) for part in placement.to_page(u, v))
    left, right = (placement.to_page(u + side, v)[0] for side in (-half, half))

    strips = page.strips
    baselines = np.array([strip.baseline for strip in strips])
    begins = np.array([strip.x for strip in strips])
    ends = begins + [(strip.stop - strip.start) * page.speed for strip in strips]
    away = np.abs(y[..., None] - baselines)
    away[(x[..., None] < begins) | (x[..., None] > ends) | (away > page.reach)] = np.inf
    nearest = np.where(np.isfinite(away.min(axis=-1)), away.argmin(axis=-1), -1)

    targets[: len(LEADS)] = -1 / 12 / LEAD_SPREAD
    for k, strip in enumerate(strips):
        here = nearest == k
        if not here.any() or strip.lead not in LEADS:
            continue
        lead = LEADS.index(strip.lead)
        targets[lead, here] = (1 - 1 / 12) / LEAD_SPREAD
        signal = strip.sign * waveform.signal[waveform.leads.index(strip.lead)]
        times = [strip.start + (side[here] - strip.x) / page.speed for side in (left, right)]
        first, last = (np.rint(np.array(one) * waveform.fs).astype(int) for one in times)
        first = np.clip(first, 0, len(signal) - 2)
        last = np.clip(np.maximum(last, first + 1), 1, len(signal) - 1)
        bounds = np.stack([first, last], axis=1).ravel()
        extremes = [ufunc.reduceat(signal, bounds)[::2] for ufunc in (np.fmax, np.fmin)]
        levels_here = np.clip(np.stack(extremes) / VOLTAGE_SPREAD, -LARGEST, LARGEST)
        targets[len(LEADS) : len(LEADS) + 2, here] = levels_here
        targets[len(LEADS) + 2 :, here] = waves[:, lead, None]
    return targets
