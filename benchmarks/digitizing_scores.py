"""How far signals are from those that were printed: what the tables of `digitizing` are made of."""

from dataclasses import dataclass

import numpy as np

from giraffe.ecg.scoring import align_signals, compute_snr

LEVELS = 256  # of amplitude, as evaluate_model aligns
FARTHEST_S, FARTHEST_MV = 0.5, 1.0  # by which evaluate_model moves a channel at most
ROUNDS = 3  # of least squares


@dataclass(frozen=True)
class ChannelScore:
    """One channel against its reference.

    Attributes
    ----------
    snr : float
        In dB, aligned in both directions, times the share that was read.
    official : float
        The same as `evaluate_model.py` has it.
    shift : float
        By how many ms the estimate comes late; NaN where nothing can be compared.
    gain : float
        Estimate over reference.
    level : float
        How many mV the estimate lies too high.
    read : float
        Share of the printed samples that are finite.
    invented : int
        Finite samples where nothing is printed.
    unprinted : int
        Samples where nothing is printed.
    """

    snr: float
    official: float
    shift: float
    gain: float
    level: float
    read: float
    invented: int
    unprinted: int


def score_channel(reference: np.ndarray, estimate: np.ndarray, fs: float) -> ChannelScore:
    """Compare two signals in mV, shape (samples,); NaN where nothing is printed or was read."""
    size = max(len(reference), len(estimate))
    reference, estimate = (
        np.pad(np.asarray(x, float), (0, size - len(x)), constant_values=np.nan)
        for x in (reference, estimate)
    )
    printed, read = np.isfinite(reference), np.isfinite(estimate)
    shifted, late, high = align_signals(reference, estimate, LEVELS)
    official = best = estimate
    if abs(late) <= FARTHEST_S * fs and abs(high) <= FARTHEST_MV:
        official, best = shifted, moved(estimate, late) - high
    shift, gain, level = least_squares(reference, estimate, fs)
    return ChannelScore(
        compute_snr(reference, best)[0],
        compute_snr(reference, official)[0],
        shift, gain, level,
        float((printed & read).sum() / printed.sum()) if printed.any() else np.nan,
        int((read & ~printed).sum()),
        int((~printed).sum()),
    )  # fmt: skip


def moved(signal: np.ndarray, late: int) -> np.ndarray:
    """A signal that comes so many samples earlier; the organisers' own lacks all but a few."""
    result = np.full(len(signal), np.nan)
    if late >= 0:
        result[: len(signal) - late] = signal[late:]
    else:
        result[-late:] = signal[:late]
    return result


def least_squares(reference, estimate, fs: float) -> tuple[float, float, float]:
    """Shift in ms, gain and level in mV that bring a reference nearest to its estimate."""
    shift, gain, level = 0.0, np.nan, np.nan
    times = np.arange(len(reference)) / fs
    known = np.isfinite(reference)
    if known.sum() < 0.2 * fs or (np.isfinite(estimate) & known).sum() < 0.2 * fs:
        return np.nan, np.nan, np.nan
    slope = np.gradient(reference) * fs
    for _ in range(ROUNDS):
        # np.interp spreads NaN over its neighbours, which is what is wanted.
        there, steep = (np.interp(times - shift, times, x) for x in (reference, slope))
        good = np.isfinite(there) & np.isfinite(steep) & np.isfinite(estimate)
        if good.sum() < 0.2 * fs:
            return np.nan, np.nan, np.nan
        design = np.stack([there[good], -steep[good], np.ones(good.sum())], axis=1)
        found = np.linalg.lstsq(design, estimate[good], rcond=None)[0]
        gain, level = found[0], found[2]
        if abs(gain) < 0.2:
            return np.nan, np.nan, np.nan
        shift = float(np.clip(shift + found[1] / gain, -0.05, 0.05))
    return 1000 * shift, float(gain), float(level)
