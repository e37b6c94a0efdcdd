"""The electrical heart as a moving dipole: waves of one beat, seen by eight leads.

A beat is a sum of asymmetric Gaussian waves (McSharry et al., IEEE TBME 50(3), 2003), each with an
amplitude vector of the dipole (Sameni et al., EURASIP J. Adv. Signal Process., 2007). The vector
has x to the patient's left, y to the feet and z to the back, in mV. Dower's matrix (Dower et al.,
Clin. Cardiol. 3, 1980) projects it to I, II and V1-V6; III and the augmented leads follow from
Einthoven's law and Goldberger's definitions.
"""

from dataclasses import dataclass, field

import numpy as np

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
        return Wave(self.centre, self.rise, self.fall, self.dipole * factor, self.near * factor)


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


def normal_beat(rng: np.random.Generator) -> Beat:
    """A healthy beat, different for every patient.

    Septal activation runs to the right and the front, the free walls to the left, down and
    slightly back, the base last and backwards; repolarisation follows the main vector.
    """
    duration = rng.uniform(0.078, 0.100)
    k = duration / 0.088
    axis = np.deg2rad(np.clip(rng.normal(48, 20), -15, 88))
    frontal = rng.lognormal(0.05, 0.22)
    main = np.array([1.25 * np.cos(axis), 1.25 * np.sin(axis), rng.normal(0.25, 0.16)]) * frontal
    septal = np.array([-0.16, rng.normal(-0.05, 0.10), -0.33]) * rng.lognormal(0, 0.35)
    basal = np.array([rng.normal(-0.12, 0.12), rng.normal(-0.10, 0.14), 0.62])
    basal *= rng.lognormal(0, 0.25)
    qrs = [
        Wave(-0.024 * k, 0.0085 * k, 0.0085 * k, septal, np.zeros(8)),
        Wave(0.0, 0.0115 * k, 0.0105 * k, main, np.zeros(8)),
        Wave(0.024 * k, 0.0105 * k, 0.0105 * k, basal, np.zeros(8)),
    ]
    for _ in range(rng.integers(0, 4)):  # slurs and notches
        qrs.append(
            Wave(
                rng.uniform(-0.03, 0.035) * k,
                rng.uniform(0.004, 0.007),
                rng.uniform(0.004, 0.007),
                rng.normal(0, 0.07, 3),
                rng.normal(0, 0.03, 8),
            )
        )
    t_size = rng.lognormal(-0.05, 0.3)
    t_axis = np.clip(axis + np.deg2rad(rng.normal(-8, 14)), np.deg2rad(5), np.deg2rad(70))
    t_dipole = t_size * np.array(
        [0.36 * np.cos(t_axis), 0.36 * np.sin(t_axis), rng.normal(-0.15, 0.07)]
    )
    fall = rng.uniform(0.030, 0.042)
    t = [Wave(0.0, fall * rng.uniform(1.4, 1.9), fall, t_dipole, rng.normal(0, 0.02, 8))]
    st = [Wave(0.0, 0.020, 0.10, t_dipole * rng.uniform(0.02, 0.14), rng.normal(0, 0.008, 8))]
    p_size = rng.lognormal(0, 0.25)
    p = [
        wave(-0.016, 0.016, p_size * np.array([0.02, 0.065, -0.030])),
        wave(0.016, 0.019, p_size * np.array([0.055, 0.055, 0.025])),
    ]
    if rng.random() < 0.25:  # U wave
        t.append(Wave(0.17, 0.035, 0.035, t_dipole * rng.uniform(0.04, 0.12), np.zeros(8)))
    return Beat(p, qrs, st, t, rng.uniform(0.125, 0.19), duration, rng.uniform(0.375, 0.43))


def torso(rng: np.random.Generator) -> np.ndarray:
    """Dower's matrix for one torso: heart turned, electrodes displaced, walls thick or thin.

    Returns
    -------
    ndarray, shape (8, 3)
    """
    a, b, c = np.deg2rad(rng.normal(0, [7, 7, 10]))
    rotate_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    rotate_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rotate_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    strength = rng.lognormal(0, 0.15, 8) * rng.lognormal(0, 0.12)
    strength[:2] = strength[:2].mean()
    matrix = (DOWER + rng.normal(0, 0.05, (8, 3))) @ rotate_x @ rotate_y @ rotate_z
    return matrix * strength[:, None]


def add_wave(leads, time_zero: float, w: Wave, matrix, fs: float, factor: float = 1.0) -> None:
    """Add a wave to the eight leads, shape (8, samples), in place."""
    centre = time_zero + w.centre
    first = max(int((centre - 4 * w.rise) * fs), 0)
    last = min(int((centre + 4 * w.fall) * fs) + 2, leads.shape[1])
    if last <= first:
        return
    t = np.arange(first, last) / fs - centre
    shape = np.exp(-0.5 * (t / np.where(t < 0, w.rise, w.fall)) ** 2)
    leads[:, first:last] += np.outer(factor * (matrix @ w.dipole + w.near), shape)


def add_beat(
    leads, r_time: float, beat: Beat, matrix, fs: float, rr: float, with_p=True, factor=1.0
) -> None:
    """Add a beat to the eight leads, shape (8, samples), in place.

    Parameters
    ----------
    r_time : float
        Time of R in s.
    rr : float
        Interval to the previous beat in s; repolarisation shortens with it.
    with_p : bool
        Whether an atrial wave precedes.
    factor : float
        Amplitude of QRS and T, for the respiration.
    """
    onset = r_time - QRS_LEAD * beat.qrs_duration
    j_point = onset + beat.qrs_duration
    qt = max(beat.qt * np.clip(rr, 0.35, 1.6) ** 0.42, beat.qrs_duration + 0.14)
    if with_p:
        p_centre = onset - beat.pr + P_TO_ONSET
        for w in beat.p:
            add_wave(leads, p_centre, w, matrix, fs)
    for w in beat.qrs:
        add_wave(leads, r_time, w, matrix, fs, factor)
    squeeze = np.clip((qt - beat.qrs_duration) / 0.30, 0.55, 1.4)
    for w in beat.st:
        squeezed = Wave(w.centre, w.rise, w.fall * squeeze, w.dipole, w.near)
        add_wave(leads, j_point + 0.045, squeezed, matrix, fs, factor)
    for w in beat.t:
        squeezed = Wave(w.centre, w.rise * squeeze, w.fall * squeeze, w.dipole, w.near)
        add_wave(leads, onset + qt - 2.1 * w.fall * squeeze, squeezed, matrix, fs, factor)


def qrs_extremes(beat: Beat, matrix, fs: float = 1000.0):
    """Highest and lowest QRS value of each independent lead in mV.

    Returns
    -------
    highest, lowest : ndarray, shape (8,)
    """
    leads = np.zeros((8, int(0.5 * fs)))
    for w in beat.qrs:
        add_wave(leads, 0.25, w, matrix, fs)
    return leads.max(axis=1), leads.min(axis=1)


def sokolow(beat: Beat, matrix) -> float:
    """Sokolow-Lyon index, S in V1 + the larger R of V5 and V6, in mV (Am. Heart J. 37, 1949)."""
    highest, lowest = qrs_extremes(beat, matrix)
    index = {name: i for i, name in enumerate(INDEPENDENT_LEADS)}
    return max(-lowest[index["V1"]], 0) + max(highest[index["V5"]], highest[index["V6"]], 0)


def twelve_leads(leads: np.ndarray) -> np.ndarray:
    """The 12 leads, shape (12, samples), from I, II, V1-V6."""
    return np.concatenate([LIMB_FROM_I_II @ leads[:2], leads[2:]])
