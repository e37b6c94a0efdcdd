"""Rate, intervals and axis of leads of which only some seconds are known.

On paper a lead is usually printed for 2.5 s, one column after the other. The heart beats in all
leads at once, so beats are looked for in whatever is known at each moment; each lead's mean beat is
then made of the beats that lie in its own stretch, and all of them together are measured as a
record's are (`giraffe.ecg.measure`).
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion, gaussian_filter1d
from scipy.signal import find_peaks

from giraffe.ecg.beats import AFTER, BEFORE, INDEPENDENT, LEADS, find_landmarks
from giraffe.ecg.measure import measure_beat

SMOOTH_S = 0.004  # standard deviation over which leads are smoothed before they are measured
SHARP_S = (0.006, 0.016)  # the same, whose difference shows what is as short as a QRS complex
COMPLEX_S = 0.030  # the same for that difference, so that a QRS complex is one hill
EDGE_S = 0.06  # at both ends of a lead's stretch, where its name and bars between leads stand
SHORTEST_RR = 0.24  # s between two beats
POWER = 2.0  # of sharpness, in which short waves stand out from long ones
TALL = 0.30  # of a usual beat's sharpness is a beat's at least
SHARPEST = 98  # percentile of a lead's sharpness that is its usual beat's
FEWEST_BEATS = 3
ALIKE, MOSTLY = 0.10, 0.8  # intervals within that share of the median, and so many: regular rhythm
LEAST_INTERVALS = 6  # that tell a regular rhythm
LEAST_LEADS = 5  # of the eight independent ones, for intervals
WHOLE = 0.8  # share of a beat that must be known of a lead at least
ALL = 0.999  # share from which on a beat is whole
LATEST_T = 0.64  # share of a short interval between beats, by which T is over
PR_MS, QRS_MS, QT_MS = (80.0, 400.0), (40.0, 240.0), (200.0, 700.0)  # what is believed
AXIS_LEADS = ("I", "AVF")


@dataclass(frozen=True)
class Intervals:
    """What could be measured; NaN where it could not.

    Attributes
    ----------
    rate : float
        Beats per minute.
    pr, qrs, qt, qtc : float
        In ms; QTc by Fridericia's formula.
    axis : float
        Frontal axis of QRS in degrees.
    beats : int
    """

    rate: float = np.nan
    pr: float = np.nan
    qrs: float = np.nan
    qt: float = np.nan
    qtc: float = np.nan
    axis: float = np.nan
    beats: int = 0


def find_beats_in_parts(signal: np.ndarray, fs: float) -> np.ndarray:
    """Times of the beats in s, shape (beats,).

    Parameters
    ----------
    signal : ndarray, shape (leads, samples)
        In mV; NaN where nothing is known.
    fs : float
        Sampling frequency in Hz.
    """
    total, count = np.zeros(signal.shape[1]), np.zeros(signal.shape[1])
    for lead in signal:
        known = np.isfinite(lead)
        if known.sum() < fs:
            continue
        # T waves may be taller and nearly as steep, but they are long.
        sharp = np.abs(_smooth(lead, SHARP_S[0] * fs) - _smooth(lead, SHARP_S[1] * fs))
        good = binary_erosion(known, iterations=max(round(EDGE_S * fs), 1), border_value=0)
        sharp[good] /= np.percentile(sharp[good], SHARPEST) + 1e-9
        total[good] += np.minimum(sharp[good], 2.0) ** POWER
        count[good] += 1
    if not count.any():
        return np.empty(0)
    hills = np.where(count > 0, total / np.maximum(count, 1), 0.0)
    hills = gaussian_filter1d(hills, COMPLEX_S * fs)
    peaks, found = find_peaks(hills, height=1e-9, distance=max(round(SHORTEST_RR * fs), 1))
    if not len(peaks):
        return np.empty(0)
    usual = np.percentile(found["peak_heights"], 85)
    first = peaks[found["peak_heights"] > TALL * usual]
    return first[_as_tall(hills, first)] / fs


def _as_tall(hills: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Which hills are beats, now that it is known how tall those are."""
    return hills[peaks] > TALL * np.median(hills[peaks])


def _smooth(lead: np.ndarray, spread: float) -> np.ndarray:
    """A Gaussian mean over the samples that are known; NaN where none is."""
    known = np.isfinite(lead)
    weight = gaussian_filter1d(known.astype(float), spread)
    mean = gaussian_filter1d(np.where(known, lead, 0.0), spread)
    return np.where(known, mean / np.maximum(weight, 1e-9), np.nan)


def measure_parts(signals: dict[str, np.ndarray], fs: float) -> Intervals:
    """Measure leads that are known in parts.

    Parameters
    ----------
    signals : dict of str to ndarray, shape (samples,)
        In mV over the same time, by lead; NaN where nothing is known.
    fs : float
        Sampling frequency in Hz.

    Returns
    -------
    Intervals
    """
    known = {name.upper(): signal for name, signal in signals.items()}
    size = max((len(signal) for signal in known.values()), default=0)
    leads = np.full((len(LEADS), size), np.nan)
    for k, name in enumerate(LEADS):
        if name in known:
            leads[k, : len(known[name])] = known[name]
    times = find_beats_in_parts(leads, fs)
    if len(times) < FEWEST_BEATS:
        return Intervals(beats=len(times))
    rate = rate_of(times)
    mean = _mean_beats(np.stack([_smooth(lead, SMOOTH_S * fs) for lead in leads]), times, fs)
    whole = np.isfinite(mean).all(axis=1)
    if whole[INDEPENDENT].sum() < LEAST_LEADS:
        return Intervals(rate, beats=len(times))
    # Of two or three beats the mean still shows the next one's P, which is no T wave.
    last = round((BEFORE + LATEST_T * np.percentile(np.diff(times), 15)) * fs)
    mean[:, last:] = mean[:, [min(last, mean.shape[1] - 1)]]
    beat = find_landmarks(np.nan_to_num(mean), times, np.full(len(times), "sinus"), fs)
    found = measure_beat(beat, fs)
    axis = all(whole[LEADS.index(name)] for name in AXIS_LEADS)
    qt = _believed(found.qt, QT_MS)
    return Intervals(
        rate,
        _believed(found.pr, PR_MS),
        _believed(found.qrs, QRS_MS),
        qt,
        qt * (rate / 60) ** (1 / 3),
        found.axis if axis else np.nan,
        len(times),
    )


def rate_of(times: np.ndarray) -> float:
    """Beats per minute: of a regular rhythm by the median interval, else by the mean.

    A beat too many or too few among regular ones changes the mean of ten seconds by a tenth, and
    their median not at all; where beats come early or fibrillation drives them, the mean is meant.

    Parameters
    ----------
    times : ndarray, shape (beats,)
        In s; at least two.
    """
    intervals = np.diff(times)
    usual = np.median(intervals)
    alike = np.mean(np.abs(intervals / usual - 1) < ALIKE)
    regular = len(intervals) >= LEAST_INTERVALS and alike >= MOSTLY
    return float(60 / (usual if regular else intervals.mean()))


def _believed(value: float, limits: tuple[float, float]) -> float:
    return float(value) if limits[0] <= value <= limits[1] else np.nan


def _mean_beats(leads: np.ndarray, times: np.ndarray, fs: float) -> np.ndarray:
    """Median beat of each lead over the beats in its own stretch, shape (leads, samples)."""
    offsets = np.arange(-round(BEFORE * fs), round(AFTER * fs) + 1)
    places = np.rint(times * fs).astype(int)[:, None] + offsets
    inside = (places >= 0) & (places < leads.shape[1])
    beats = np.where(inside, leads[:, np.clip(places, 0, leads.shape[1] - 1)], np.nan)
    share = np.isfinite(beats).mean(axis=2)
    mean = np.full((len(leads), len(offsets)), np.nan)
    for lead, own in enumerate(beats):
        # Of beats that are cut off, the level is not known: they count where there is no other.
        best = share[lead].max()
        if best < WHOLE:
            continue
        chosen = own[share[lead] >= min(best, ALL)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # moments of which nothing is known
            chosen = chosen - np.nanmedian(chosen, axis=1, keepdims=True)
            row = np.nanmedian(chosen, axis=0)
        known = np.flatnonzero(np.isfinite(row))
        mean[lead] = np.interp(np.arange(len(row)), known, row[known])
    return mean
