"""What a cardiologist measures on a 12-lead ECG: rate, intervals, axis, and voltages per lead.

Measured on the noise-free signal of a simulated patient this is the record's truth; the same code
measures real records, once their beats are found.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from giraffe.ecg.beats import ECTOPIC, LEADS, MeanBeat, mean_beat

SMALLEST_Q = 0.02  # mV; less is no wave


@dataclass(frozen=True)
class Measurements:
    """The numbers of one record; intervals in ms, voltages in mV, NaN where there is no such wave.

    Attributes
    ----------
    rate : float
        Ventricular rate per minute.
    rr_variation : float
        Root mean square of successive differences of the RR intervals between beats that are not
        ectopic, as a share of the mean interval.
    p_height : float
        Largest P deflection in any lead.
    p_likeness : float
        Median correlation of what precedes each QRS with the mean P wave: near 1 in sinus rhythm,
        near 0 where the atria do not beat with the ventricles.
    atrial_rate : float
        Per minute, where it is known; of a simulated patient only.
    p_duration, pr, qrs, qt : float
    axis, t_axis : float
        Frontal axes of QRS and T in degrees.
    q_depth, q_duration : ndarray, shape (12,)
        Of the first downward wave of QRS (as a positive depth); 0 where there is none. A complex
        without R counts as Q throughout.
    r, s : ndarray, shape (12,)
        Height of the tallest R, depth of the deepest S (positive).
    st_j, st_60 : ndarray, shape (12,)
        Mean level over the 20 ms after the end of QRS, and level 60 ms after it.
    p, t : ndarray, shape (12,)
        Voltage at the peak of P and of T.
    late : ndarray, shape (12,)
        Mean voltage over the last third of QRS.
    premature_atrial, ventricular : tuple of float
        Times of premature atrial and of ventricular beats in s.
    """

    rate: float
    rr_variation: float
    p_height: float
    p_likeness: float
    p_duration: float
    pr: float
    qrs: float
    qt: float
    axis: float
    t_axis: float
    q_depth: np.ndarray
    q_duration: np.ndarray
    r: np.ndarray
    s: np.ndarray
    st_j: np.ndarray
    st_60: np.ndarray
    p: np.ndarray
    t: np.ndarray
    late: np.ndarray
    premature_atrial: tuple[float, ...]
    ventricular: tuple[float, ...]
    atrial_rate: float = np.nan

    @property
    def qtc(self) -> float:
        """QT at 60/min by Fridericia's formula (Acta Med. Scand. 53, 1920), in ms."""
        return self.qt * (self.rate / 60) ** (1 / 3)

    @property
    def sokolow(self) -> float:
        """Sokolow-Lyon index, S in V1 + R in V5 or V6, in mV (Am. Heart J. 37, 1949)."""
        return self.lead("s", "V1") + max(self.lead("r", "V5"), self.lead("r", "V6"))

    @property
    def cornell(self) -> float:
        """Cornell voltage, R in aVL + S in V3, in mV (Casale et al., JACC 6, 1985)."""
        return self.lead("r", "AVL") + self.lead("s", "V3")

    def lead(self, name: str, lead: str) -> float:
        """One lead of an array, such as ``lead("st_j", "V2")``."""
        return float(getattr(self, name)[LEADS.index(lead)])

    def as_dict(self) -> dict[str, float]:
        """Flat numbers by name; arrays as ``st_j V2``, ectopic beats as their count."""
        numbers: dict[str, float] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                numbers |= {
                    f"{field.name} {lead}": float(v) for lead, v in zip(LEADS, value, strict=True)
                }
            elif isinstance(value, tuple):
                numbers[field.name] = float(len(value))
            else:
                numbers[field.name] = float(value)
        return numbers | {"qtc": self.qtc}


def measure(signal, r_times, kinds=None, fs: float = 500.0) -> Measurements:
    """Measure a record.

    Parameters
    ----------
    signal : array_like, shape (12, samples)
        In mV, leads in the order of `LEADS`.
    r_times : array_like, shape (beats,)
        Time of each R in s, in order.
    kinds : sequence of str, optional
        What each beat is: ``pac`` and ``pvc`` are ectopic. Told from prematurity and shape by
        default.
    fs : float
        Sampling rate in Hz.

    Returns
    -------
    Measurements

    Raises
    ------
    ValueError
        If fewer than three beats lie within the signal.
    """
    return measure_beat(mean_beat(signal, r_times, kinds, fs), fs)


def measure_beat(beat: MeanBeat, fs: float = 500.0) -> Measurements:
    """Measure a mean beat."""
    mean, onset, end = beat.mean, beat.onset, beat.end
    q_depth, q_duration, r, s = _qrs_waves(mean[:, onset : end + 1], fs)
    around = round(0.06 * fs)
    t = _largest(mean[:, max(beat.t_peak - around, end + 1) : beat.t_peak + around])
    third = max((end - onset) // 3, 1)
    p, p_height, p_duration, pr = np.zeros(12), 0.0, np.nan, np.nan
    if beat.p_peak is not None and beat.p_onset is not None and beat.p_end is not None:
        p = mean[:, beat.p_peak]
        p_height = float(np.abs(p).max())
        p_duration = (beat.p_end - beat.p_onset) / fs * 1000
        pr = (onset - beat.p_onset) / fs * 1000
    return Measurements(
        rate=60 * (len(beat.r_times) - 1) / (beat.r_times[-1] - beat.r_times[0]),
        rr_variation=_rr_variation(beat.r_times, np.isin(beat.kinds, ECTOPIC)),
        p_height=p_height,
        p_likeness=beat.p_likeness,
        p_duration=p_duration,
        pr=pr,
        qrs=(end - onset) / fs * 1000,
        qt=(beat.t_end - onset) / fs * 1000,
        axis=_frontal_axis(mean[:, onset : end + 1].sum(axis=1)),
        t_axis=_frontal_axis(t),
        q_depth=q_depth,
        q_duration=q_duration,
        r=r,
        s=s,
        st_j=mean[:, end : end + round(0.02 * fs)].mean(axis=1),
        st_60=mean[:, min(end + round(0.06 * fs), mean.shape[1] - 1)],
        p=p,
        t=t,
        late=mean[:, end - third : end + 1].mean(axis=1),
        premature_atrial=tuple(beat.r_times[beat.kinds == "pac"].tolist()),
        ventricular=tuple(beat.r_times[beat.kinds == "pvc"].tolist()),
    )


def _rr_variation(r_times, ectopic):
    clean = ~(ectopic[1:] | ectopic[:-1])
    steps = np.diff(np.diff(r_times))[clean[1:] & clean[:-1]]
    if len(steps) == 0:
        return 0.0
    return float(np.sqrt(np.mean(steps**2)) / np.median(np.diff(r_times)))


def _qrs_waves(qrs, fs):
    """Depth and duration of Q, height of R, depth of S per lead; qrs has shape (12, samples)."""
    q_depth, q_duration = np.zeros(12), np.zeros(12)
    tallest, deepest = np.zeros(12), np.zeros(12)
    for lead, row in enumerate(qrs):
        tallest[lead] = max(row.max(), 0.0)
        # The first excursion of at least SMALLEST_Q decides: down is a Q wave.
        large = np.flatnonzero(np.abs(row) >= SMALLEST_Q)
        after = 0
        if len(large) and row[large[0]] < 0:
            back = np.flatnonzero(row[large[0] :] >= 0)
            after = large[0] + (int(back[0]) if len(back) else len(row) - large[0])
            q_depth[lead] = -row[:after].min()
            q_duration[lead] = after / fs * 1000
        if after < len(row):
            deepest[lead] = max(-row[after:].min(), 0.0)
    return q_depth, q_duration, tallest, deepest


def _largest(piece):
    """Value of largest magnitude in each row."""
    if piece.shape[1] == 0:
        return np.zeros(len(piece))
    return piece[np.arange(len(piece)), np.abs(piece).argmax(axis=1)]


def _frontal_axis(values):
    """Angle in degrees of the frontal vector whose projections on the 12 leads are given."""
    x, y = values[LEADS.index("I")], values[LEADS.index("AVF")] * 2 / np.sqrt(3)
    return float(np.rad2deg(np.arctan2(y, x)))
