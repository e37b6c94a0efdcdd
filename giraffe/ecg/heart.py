"""The electrical heart as a moving dipole: waves of one beat, seen by eight leads.

A beat is a sum of asymmetric Gaussian waves (McSharry et al., IEEE TBME 50(3), 2003), each with an
amplitude vector of the dipole (Sameni et al., EURASIP J. Adv. Signal Process., 2007). The vector
has x to the patient's left, y to the feet and z to the back, in mV. Dower's matrix (Dower et al.,
Clin. Cardiol. 3, 1980) projects it to I, II and V1-V6; III and the augmented leads follow from
Einthoven's law and Goldberger's definitions.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial.transform import Rotation

from giraffe.ecg.population import (
    P_CENTRES,
    P_WIDTHS,
    QRS_CENTRES,
    QRS_WIDTH,
    RATE_EXPONENT,
    ST_CENTRE,
    ST_FALL,
    ST_RISE,
    T_END,
    draw_heart,
    early_t,
)

INDEPENDENT_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")

DOWER = np.array(
    [
        [0.632, -0.235, 0.059],  # I
        [0.235, 1.066, -0.132],  # II
        [-0.515, 0.157, -0.917],  # V1
        [0.044, 0.164, -1.387],  # V2
        [0.882, 0.098, -1.277],  # V3
        [1.213, 0.127, -0.601],  # V4
        [1.125, 0.127, -0.086],  # V5
        [0.831, 0.076, 0.230],  # V6
    ]
)

LIMB_FROM_I_II = np.array(
    [[1, 0], [0, 1], [-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]], dtype=float
)
"""I, II, III = II - I, aVR = -(I + II)/2, aVL = I - II/2, aVF = II - I/2."""


@dataclass
class Wave:
    """One Gaussian wave.

    Attributes
    ----------
    centre : float
        Peak in s, relative to the beat's R.
    rise, fall : float
        Standard deviations before and after the peak in s.
    dipole : ndarray, shape (3,)
        Amplitude in mV along x, y, z.
    near : ndarray, shape (8,)
        What single electrodes see besides the dipole, in mV per independent lead.
    """

    centre: float
    rise: float
    fall: float
    dipole: np.ndarray
    near: np.ndarray = field(default_factory=lambda: np.zeros(8))

    def __post_init__(self):
        self.dipole = np.asarray(self.dipole, dtype=float)

    def scaled(self, factor: float) -> "Wave":
        """The same wave with other amplitude."""
        return replace(self, dipole=self.dipole * factor, near=self.near * factor)

    def moved(self, delay: float, width: float | None = None) -> "Wave":
        """The same wave later, and with another width if one is given."""
        if width is None:
            return replace(self, centre=self.centre + delay)
        return replace(self, centre=self.centre + delay, rise=width, fall=width)

    def stretched(self, rise: float, fall: float) -> "Wave":
        """The same wave with other widths."""
        return replace(self, rise=self.rise * rise, fall=self.fall * fall)


def wave(centre, width, dipole, fall=None, **near) -> Wave:
    """A wave from plain numbers; `near` names leads, such as ``V2=-0.4``."""
    extra = np.zeros(8)
    for lead, value in near.items():
        extra[INDEPENDENT_LEADS.index(lead)] = value
    return Wave(
        centre, width, width if fall is None else fall, np.array(dipole, dtype=float), extra
    )


@dataclass
class Beat:
    """Waves of one kind of beat.

    Attributes
    ----------
    p, qrs, st, t : list of Wave
        P waves are relative to R at the PR interval that `pr` gives; T waves move with QT.
    pr : float
        Onset of P to onset of QRS in s.
    qrs_duration : float
        In s.
    qt : float
        At a heart rate of 60/min, in s.
    """

    p: list[Wave]
    qrs: list[Wave]
    st: list[Wave]
    t: list[Wave]
    pr: float
    qrs_duration: float
    qt: float

    def copy(self) -> "Beat":
        """A beat whose lists may be changed."""
        return Beat(
            list(self.p),
            list(self.qrs),
            list(self.st),
            list(self.t),
            self.pr,
            self.qrs_duration,
            self.qt,
        )


P_TO_ONSET = 0.055  # onset to centre of P in s
QRS_LEAD = 0.4  # share of the QRS duration that lies before R
_DIPOLE_FROM_LEADS = np.linalg.pinv(DOWER)


def wave_from_leads(centre: float, rise: float, fall: float, amplitudes) -> Wave:
    """A wave with given amplitudes in the eight leads: its dipole, and what that leaves over."""
    dipole = _DIPOLE_FROM_LEADS @ amplitudes
    return Wave(centre, rise, fall, dipole, amplitudes - DOWER @ dipole)


def normal_beat(rng: np.random.Generator) -> Beat:
    """A healthy beat of the population that `population` describes."""
    heart = draw_heart(rng)
    width = QRS_WIDTH * heart.qrs
    qrs = [
        wave_from_leads((share - QRS_LEAD) * heart.qrs, width, width, amplitudes)
        for share, amplitudes in zip(QRS_CENTRES, heart.waves, strict=True)
    ]
    p = [
        wave_from_leads(c * heart.p_stretch, w * heart.p_stretch, w * heart.p_stretch, amplitudes)
        for c, w, amplitudes in zip(P_CENTRES, P_WIDTHS, heart.p, strict=True)
    ]
    st, early, late = heart.repolarisation
    fall = heart.fall
    t = [wave_from_leads(0.0, 1.5 * fall, fall, late), wave_from_leads(*early_t(0.0, fall), early)]
    if rng.random() < 0.4:
        t.append(t[0].scaled(rng.uniform(0.03, 0.12)).moved(0.17, 0.035))  # U wave
    return Beat(
        p,
        qrs,
        [wave_from_leads(ST_CENTRE, ST_RISE, ST_FALL, st)],
        t,
        heart.pr,
        heart.qrs,
        heart.qt,
    )


def torso(rng: np.random.Generator) -> np.ndarray:
    """Dower's matrix for one torso: heart turned, electrodes displaced, walls thick or thin.

    Healthy hearts differ by their population already; this spreads what findings add.

    Returns
    -------
    ndarray, shape (8, 3)
    """
    turn = Rotation.from_euler("xyz", rng.normal(0, [4, 4, 6]), degrees=True).as_matrix()
    strength = rng.lognormal(0, 0.08, 8) * rng.lognormal(0, 0.08)
    strength[:2] = strength[:2].mean()
    return (DOWER + rng.normal(0, 0.03, (8, 3))) @ turn * strength[:, None]


def render(waves: list[Wave], matrix: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Sum of waves in the eight leads at times t in s, shape (8, len(t))."""
    if not waves:
        return np.zeros((8, len(t)))
    x = t - np.array([[w.centre] for w in waves])
    width = np.where(x < 0, [[w.rise] for w in waves], [[w.fall] for w in waves])
    shapes = np.exp(-0.5 * (x / width) ** 2)
    amplitudes = matrix @ np.stack([w.dipole for w in waves], axis=1)
    amplitudes += np.stack([w.near for w in waves], axis=1)
    return amplitudes @ shapes


class Shape:
    """A beat as seen by the eight leads, ready to be added to a record many times.

    Parameters
    ----------
    beat : Beat
    matrix : ndarray, shape (8, 3)
    fs : float
    """

    BEFORE, AFTER, TAIL = 0.62, 0.30, 0.90  # s around R, and of repolarisation after J

    def __init__(self, beat: Beat, matrix: np.ndarray, fs: float):
        self.beat, self.matrix, self.fs = beat, matrix, fs
        self.onset = -QRS_LEAD * beat.qrs_duration
        t = np.arange(-round(self.BEFORE * fs), round(self.AFTER * fs)) / fs
        self.first = -round(self.BEFORE * fs)
        self.qrs = render(beat.qrs, matrix, t)
        p_centre = self.onset - beat.pr + P_TO_ONSET
        self.p = render([w.moved(p_centre) for w in beat.p], matrix, t)
        self._repolarisation: dict[int, np.ndarray] = {}

    def repolarisation(self, rr: float) -> np.ndarray:
        """ST and T after an interval in s, from R on; they shorten with the interval."""
        beat = self.beat
        qt = beat.qt * np.clip(rr, 0.35, 1.6) ** RATE_EXPONENT
        qt = max(qt, beat.qrs_duration + 0.14)
        step = round(qt / 0.004)
        if step not in self._repolarisation:
            qt = 0.004 * step
            squeeze = np.clip((qt - beat.qrs_duration) / 0.30, 0.55, 1.4)
            j_point = self.onset + beat.qrs_duration
            waves = [w.stretched(1.0, squeeze).moved(j_point) for w in beat.st]
            if beat.t:
                end = self.onset + qt - T_END * beat.t[0].fall * squeeze
                waves += [
                    replace(w.stretched(squeeze, squeeze), centre=end + w.centre * squeeze)
                    for w in beat.t
                ]
            t = np.arange(round(self.TAIL * self.fs)) / self.fs
            self._repolarisation[step] = render(waves, self.matrix, t)
        return self._repolarisation[step]

    def add(self, leads: np.ndarray, r_time: float, rr: float, with_p=True, factor=1.0) -> None:
        """Add a beat to the eight leads, shape (8, samples), in place.

        Parameters
        ----------
        r_time : float
            Time of R in s.
        rr : float
            Interval to the previous beat in s.
        with_p : bool
            Whether an atrial wave precedes.
        factor : float
            Amplitude of QRS and T, for the respiration.
        """
        r = round(r_time * self.fs)
        depolarisation = factor * self.qrs + self.p if with_p else factor * self.qrs
        _add(leads, r + self.first, depolarisation)
        _add(leads, r, factor * self.repolarisation(rr))


def _add(leads, first, piece):
    """Add a piece that begins at a sample, as far as it lies within the record."""
    start, stop = max(first, 0), min(first + piece.shape[1], leads.shape[1])
    if stop > start:
        leads[:, start:stop] += piece[:, start - first : stop - first]


def twelve_leads(leads: np.ndarray) -> np.ndarray:
    """The 12 leads, shape (12, samples), from I, II, V1-V6."""
    return np.concatenate([LIMB_FROM_I_II @ leads[:2], leads[2:]])
