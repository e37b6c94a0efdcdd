"""The beat that stands for a record: found, averaged, and its waves marked.

One mean beat stands for the record: the median over the beats of its dominant rhythm, in which
noise and ectopic beats vanish. Intervals are global, from the first onset to the last end in any
lead (Willems et al., Eur. Heart J. 6, 1985).
"""

import dataclasses
import warnings
from dataclasses import dataclass

import numpy as np

LEADS = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""In PTB-XL's order and spelling."""
INDEPENDENT = [LEADS.index(name) for name in ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")]

BEFORE, AFTER = 0.40, 0.60  # of R in the mean beat, in s
EDGE = 0.035  # of the largest QRS velocity: where QRS begins and ends
EDGE_SECONDS = 0.1  # a beat nearer to the record's ends is cut and left out
QUIET = 0.012  # s without QRS velocity that end the complex
WAVE_EDGE = 0.15  # of a P wave's height: where it begins and ends
P_WINDOW = 0.30  # s before QRS in which P is looked for
SMALLEST_P = 0.04  # mV, over all leads
ECTOPIC = ("pac", "pvc")


@dataclass(frozen=True)
class MeanBeat:
    """The beat that stands for a record, with its landmarks in samples.

    Attributes
    ----------
    mean : ndarray, shape (12, samples)
        In mV over the level before QRS; `BEFORE` seconds lie before R.
    onset, end : int
        Of QRS.
    p_peak, p_onset, p_end : int or None
        None without a P wave.
    t_peak, t_end : int
    r_times : ndarray, shape (beats,)
        Of all beats inside the signal, in s.
    kinds : ndarray of str, shape (beats,)
    p_likeness : float
        See `giraffe.ecg.measure.Measurements`.
    """

    mean: np.ndarray
    onset: int
    end: int
    p_peak: int | None
    p_onset: int | None
    p_end: int | None
    t_peak: int
    t_end: int
    r_times: np.ndarray
    kinds: np.ndarray
    p_likeness: float = 1.0


def mean_beat(signal, r_times, kinds=None, fs: float = 500.0) -> MeanBeat:
    """Median over the beats that are not ectopic, and where its waves begin and end.

    Parameters and errors are explained at `giraffe.ecg.measure.measure`.
    """
    signal = np.asarray(signal, dtype=float)
    r_times = np.asarray(r_times, dtype=float)
    inside = (r_times > EDGE_SECONDS) & (r_times < signal.shape[1] / fs - EDGE_SECONDS)
    r_times = r_times[inside]
    if len(r_times) < 3:
        raise ValueError(f"{len(r_times)} heart beats in the signal; at least 3 are needed")
    beats = _windows(signal, r_times, fs)
    kinds = classify_beats(beats, r_times, fs) if kinds is None else np.asarray(kinds)[inside]
    ectopic = np.isin(kinds, ECTOPIC)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # samples beyond both ends of the record
        mean = np.nanmedian(beats if ectopic.all() else beats[~ectopic], axis=0)
    beat = find_landmarks(np.nan_to_num(mean), r_times, kinds, fs)
    return dataclasses.replace(beat, p_likeness=_p_likeness(beats[~ectopic], beat))


def find_landmarks(mean, r_times, kinds, fs: float = 500.0) -> MeanBeat:
    """Where the waves of a mean beat, shape (12, samples) with R after `BEFORE`, begin and end."""
    onset, end = qrs_limits(mean, round(BEFORE * fs), fs)
    level = slice(max(onset - round(0.014 * fs), 0), max(onset - round(0.002 * fs), 1))
    mean = mean - mean[:, level].mean(axis=1, keepdims=True)
    interval = float(np.median(np.diff(r_times)))
    p_peak, p_onset, p_end = _p_wave(mean, onset, interval, fs)
    t_peak, t_end = _t_wave(mean, end, interval, fs)
    return MeanBeat(mean, onset, end, p_peak, p_onset, p_end, t_peak, t_end, r_times, kinds)


def find_beats(signal, fs: float = 500.0) -> np.ndarray:
    """Times of R in s, shape (beats,), found by NeuroKit2 in the length of the lead vector.

    Raises
    ------
    ModuleNotFoundError
        NeuroKit2 is needed only here; it is no requirement of the entry.
    """
    import neurokit2  # seconds to import

    signal = np.asarray(signal, dtype=float)[INDEPENDENT]
    cleaned = np.stack([neurokit2.ecg_clean(row, sampling_rate=fs) for row in signal])
    # Mirrored at both ends, because the detector's averages miss a beat at the edge.
    margin = min(round(1.5 * fs), signal.shape[1] - 1)
    # Peaks where the potential changes fastest over all leads, whatever the axis.
    length = np.pad(np.sqrt((cleaned**2).sum(axis=0)), margin, mode="reflect")
    found = np.asarray(neurokit2.ecg_findpeaks(length, sampling_rate=fs)["ECG_R_Peaks"]) - margin
    found = found[(found >= 0) & (found < signal.shape[1])].astype(int)
    return _align(cleaned, found, fs) / fs


def _align(leads, peaks, fs):
    """Shift each beat to where it fits the median beat best, so that R is never S."""
    half, reach = round(0.06 * fs), round(0.05 * fs)
    offsets = np.arange(-half - reach, half + reach + 1)
    whole = (peaks + offsets[0] >= 0) & (peaks + offsets[-1] < leads.shape[1])
    if whole.sum() < 3:
        return peaks.astype(float)
    aligned = peaks.copy()
    for _ in range(2):
        wide = leads[:, aligned[whole][:, None] + offsets]  # (leads, beats, samples)
        template = np.median(wide[:, :, reach:-reach], axis=1)
        template = template - template.mean(axis=1, keepdims=True)
        shifts = np.lib.stride_tricks.sliding_window_view(wide, 2 * half + 1, axis=2)
        fit = np.einsum("lbsk,lk->bs", shifts, template)
        moved = aligned[whole] + fit.argmax(axis=1) - reach
        aligned[whole] = np.clip(moved, -offsets[0], leads.shape[1] - 1 - offsets[-1])
    return np.unique(aligned).astype(float)


def classify_beats(beats: np.ndarray, r_times: np.ndarray, fs: float) -> np.ndarray:
    """Kind of each beat, from how early it comes and how unlike the others it looks.

    Parameters
    ----------
    beats : ndarray, shape (beats, 12, samples)
        NaN outside the record.
    r_times : ndarray, shape (beats,)

    Returns
    -------
    ndarray of str, shape (beats,)
        ``sinus``, ``pac`` or ``pvc``.
    """
    centre = round(BEFORE * fs)
    near = beats[:, :, centre - round(0.08 * fs) : centre + round(0.12 * fs)]
    # A beat at the record's edge is compared as far as it is seen.
    seen = ~np.isnan(near)
    near = np.nan_to_num(near)
    template = np.median(near, axis=0) * seen

    def centred(x):
        mean = x.sum(axis=2, keepdims=True) / np.maximum(seen.sum(axis=2, keepdims=True), 1)
        return ((x - mean) * seen).reshape(len(x), -1)

    near, template = centred(near), centred(template)
    lengths = np.linalg.norm(near, axis=1) * np.linalg.norm(template, axis=1)
    likeness = (near * template).sum(axis=1) / np.maximum(lengths, 1e-9)
    intervals = np.diff(r_times)
    steps = np.sign(np.diff(intervals))
    alternating = len(steps) > 3 and np.mean(steps[1:] != steps[:-1]) > 0.85
    # In bigeminy every other interval is short and the pause is long.
    typical = intervals.mean() if alternating else np.median(intervals)
    irregular = np.mean(np.abs(intervals - typical) > 0.12 * typical) > 0.5 and not alternating
    early = np.concatenate([[False], intervals < 0.87 * typical]) & ~irregular
    kinds = np.full(len(beats), "sinus", dtype="<U5")
    kinds[early & (likeness >= 0.7)] = "pac"
    kinds[likeness < 0.7] = "pvc"
    return kinds


def qrs_limits(mean: np.ndarray, centre: int, fs: float) -> tuple[int, int]:
    """First and last sample of QRS in a mean beat, shape (12, samples), by its spatial velocity."""
    slope = np.gradient(mean[INDEPENDENT], axis=1)
    velocity = np.sqrt((slope**2).sum(axis=0))
    velocity = np.convolve(velocity, np.ones(3) / 3, mode="same")
    near = slice(max(centre - round(0.07 * fs), 0), centre + round(0.09 * fs))
    threshold = EDGE * velocity[near].max()
    quiet = round(QUIET * fs)

    def walk(start: int, step: int) -> int:
        last, position = start, start
        limit = round(0.14 * fs)
        while 0 < position < len(velocity) - 1 and abs(position - centre) < limit:
            if velocity[position] > threshold:
                last = position
            elif abs(position - last) > quiet:
                break
            position += step
        return last

    start = near.start + int(np.argmax(velocity[near]))
    return walk(start, -1), walk(start, +1)


def _windows(signal, r_times, fs):
    """Beats around R, shape (beats, 12, samples), NaN outside the record."""
    offsets = np.arange(-round(BEFORE * fs), round(AFTER * fs) + 1)
    positions = np.rint(r_times * fs).astype(int)[:, None] + offsets
    valid = (positions >= 0) & (positions < signal.shape[1])
    beats = signal[:, np.clip(positions, 0, signal.shape[1] - 1)].swapaxes(0, 1)
    return np.where(valid[:, None, :], beats, np.nan)


def _p_likeness(beats, mean):
    """Median correlation of the beats' P windows with the mean beat's."""
    if mean.p_peak is None:
        return 0.0
    window = slice(mean.p_onset, max(mean.p_end, mean.p_onset + 2))
    own = beats[:, INDEPENDENT, window]
    own = own[~np.isnan(own).any(axis=(1, 2))]
    if len(own) < 2:
        return 1.0

    def flat(x):
        return (x - x.mean(axis=-1, keepdims=True)).reshape(*x.shape[:-2], -1)

    own, template = flat(own), flat(mean.mean[INDEPENDENT, window])
    lengths = np.linalg.norm(own, axis=1) * np.linalg.norm(template)
    return float(np.median(own @ template / np.maximum(lengths, 1e-9)))


def _length(mean):
    return np.sqrt((mean[INDEPENDENT] ** 2).sum(axis=0))


def _p_wave(mean, onset, interval, fs):
    """Peak, onset and end of P in samples, or three times None."""
    first = max(onset - round(min(P_WINDOW, 0.5 * interval) * fs), 0)
    last = onset - round(0.012 * fs)
    if last - first < round(0.06 * fs):
        return None, None, None
    smooth = np.ones(7) / 7
    piece = np.stack([np.convolve(row, smooth, mode="same") for row in mean[INDEPENDENT]])
    piece = piece[:, first:last]
    # A line under the window takes away what T leaves of its slope.
    line = np.linspace(0, 1, last - first)
    begin = piece[:, : round(0.016 * fs)].mean(axis=1)
    height = np.sqrt(((piece - np.outer(begin, 1 - line)) ** 2).sum(axis=0))
    peak = int(np.argmax(height))
    if height[peak] < SMALLEST_P or peak in (0, len(height) - 1):
        return None, None, None
    reach = round(0.10 * fs)

    def foot(side):
        """Samples from the peak to where the wave ends on one side."""
        floor = side.min()
        below = np.flatnonzero(side <= floor + WAVE_EDGE * (side[0] - floor))
        return int(below[0])

    start = first + peak - foot(height[max(peak - reach, 0) : peak + 1][::-1])
    stop = first + peak + foot(height[peak : peak + reach + 1])
    return first + peak, start, stop


def _t_wave(mean, end, interval, fs):
    """Peak and end of T in samples, the end where the steepest descent meets the baseline."""
    first = end + round(0.08 * fs)
    last = min(end + round(min(0.46, 0.72 * interval) * fs), mean.shape[1] - 2)
    if last <= first + 4:
        return first, last
    height = _length(mean)
    height = np.convolve(height, np.ones(5) / 5, mode="same")
    peak = first + int(np.argmax(height[first:last]))
    after = height[peak:last]
    if len(after) < 4:
        return peak, last
    floor = float(after.min())
    slope = np.diff(after)
    steepest = int(np.argmin(slope))
    if slope[steepest] >= 0:
        return peak, last
    reach = (after[steepest] - floor) / -slope[steepest]
    return peak, min(peak + steepest + round(reach), mean.shape[1] - 1)
