"""What each finding does to the heart: the sub-diagnoses behind the 11 classes.

A finding changes a healthy beat, by a severity from borderline to obvious, and has the published
criterion by which a reader recognises it; `simulate` draws a patient again whose beat does not meet
it. Weights are relative frequencies in PTB-XL (statement counts of Wagner et al., Scientific Data
7:154, 2020, rounded).

Criteria follow, where nothing else is said, the AHA/ACCF/HRS recommendations (Surawicz et al.,
Circulation 119:e235, 2009, conduction; Rautaharju et al., 119:e241, ST, T and QT; Hancock et al.,
119:e251, hypertrophy) and the universal definition of infarction (Thygesen et al., Circulation
138:e618, 2018).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from giraffe.ecg.heart import QRS_LEAD, Beat, Shape, twelve_leads, wave
from giraffe.ecg.measure import Measurements

CONTIGUOUS = (
    ("I", "AVL"),
    ("II", "AVF"),
    ("III", "AVF"),
    ("V1", "V2"),
    ("V2", "V3"),
    ("V3", "V4"),
    ("V4", "V5"),
    ("V5", "V6"),
    ("I", "V6"),
)
LATERAL = ("I", "II", "V4", "V5", "V6")  # where a healthy T is clearly upright


@dataclass(frozen=True)
class Finding:
    """A sub-diagnosis.

    Attributes
    ----------
    name : str
    label : str
        The class that it belongs to; NORM for the variants of the healthy.
    weight : float
        Relative frequency within its class.
    apply : callable
        ``apply(beat, matrix, severity, rng)`` changes a beat in place; severity in [0, 1].
    holds : callable
        ``holds(measurements)``: whether the criterion is met.
    criterion : str
        The criterion in words.
    conduction : bool
        Whether it shapes the whole QRS, so that only one such finding fits in a patient.
    """

    name: str
    label: str
    weight: float
    apply: Callable[[Beat, np.ndarray, float, np.random.Generator], None]
    holds: Callable[[Measurements], bool]
    criterion: str
    conduction: bool = False


# Operations on a beat


def _shares(beat: Beat) -> np.ndarray:
    """Where each QRS wave lies, from 0 at the onset of QRS to 1 at its end."""
    return np.array([w.centre / beat.qrs_duration + QRS_LEAD for w in beat.qrs])


def _stretch_qrs(beat: Beat, duration: float) -> None:
    k = duration / beat.qrs_duration
    beat.qrs = [replace(w, centre=w.centre * k).stretched(k, k) for w in beat.qrs]
    beat.qrs_duration = duration


def _turn_frontal(beat: Beat, degrees: float, first_share: float = 0.0) -> None:
    """Turn the dipoles of QRS from a share of its duration on, clockwise in the frontal plane."""
    angle = np.deg2rad(degrees)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    beat.qrs = [
        replace(w, dipole=turn @ w.dipole, near=0.6 * w.near) if share >= first_share else w
        for w, share in zip(beat.qrs, _shares(beat), strict=True)
    ]


def _frontal_axis(beat: Beat) -> float:
    """Direction of the sum of all QRS dipoles in degrees."""
    x, y, _ = sum(w.dipole * (w.rise + w.fall) for w in beat.qrs)
    return float(np.rad2deg(np.arctan2(y, x)))


def _main_direction(beat: Beat) -> np.ndarray:
    main = sum(w.dipole * (w.rise + w.fall) for w in beat.qrs)
    return main / (np.linalg.norm(main) + 1e-9)


def _size(beat: Beat) -> float:
    """Largest dipole of QRS in mV."""
    return max(float(np.linalg.norm(w.dipole)) for w in beat.qrs)


def _extremes(beat: Beat, matrix) -> tuple[np.ndarray, np.ndarray]:
    """Highest and lowest QRS value of the 12 leads in mV."""
    leads = twelve_leads(Shape(replace(beat, p=[], st=[], t=[]), matrix, 500.0).qrs)
    return leads.max(axis=1), leads.min(axis=1)


def _discordant_t(beat: Beat, qrs_dipole, size: float, rng) -> None:
    """Repolarisation against the main QRS force, secondary to abnormal conduction."""
    main = np.asarray(qrs_dipole, dtype=float)
    dipole = -main / np.linalg.norm(main) * size * rng.lognormal(0, 0.2)
    beat.t = [wave(0.0, 0.065, dipole, fall=0.042)]
    beat.st = [wave(0.0, 0.03, dipole * rng.uniform(0.2, 0.4), fall=0.10)]


def _scale_to_sokolow(beat: Beat, matrix, target: float) -> None:
    high, low = _extremes(beat, matrix)
    index = max(-low[6], 0.0) + max(high[10], high[11])
    factor = float(np.clip(target / max(index, 0.3), 0.4, 4.0))
    beat.qrs = [w.scaled(factor) for w in beat.qrs]


# Conduction disturbances


def _lbbb(beat, matrix, severity, rng):
    beat.qrs_duration = 0.124 + 0.045 * severity
    d = beat.qrs_duration
    size = _size(beat) * rng.uniform(0.75, 1.15)
    first = size * np.array([0.45, 0.25, 0.42]) * rng.lognormal(0, 0.2, 3)
    late = size * np.array([0.85, rng.normal(0.10, 0.3), 0.68])
    beat.qrs = [
        wave((0.16 - QRS_LEAD) * d, 0.10 * d, first),
        wave((0.45 - QRS_LEAD) * d, 0.13 * d, late, **_scatter(rng, 0.05 * size)),
        wave((0.74 - QRS_LEAD) * d, 0.11 * d, late * rng.uniform(0.6, 0.9), fall=0.10 * d),
    ]
    _discordant_t(beat, late, 0.38 * size, rng)


def _rbbb(beat, matrix, severity, rng):
    own = beat.qrs_duration
    beat.qrs = [
        w.scaled(1.0 if share < 0.6 else 0.35)
        for w, share in zip(beat.qrs, _shares(beat), strict=True)
    ]
    beat.qrs = [replace(w, centre=w.centre - QRS_LEAD * (own * 0.45)) for w in beat.qrs]
    beat.qrs_duration = d = 0.124 + 0.04 * severity
    late = np.array([-0.50, rng.normal(0.0, 0.12), -0.60]) * rng.lognormal(0, 0.25)
    beat.qrs.append(wave((0.74 - QRS_LEAD) * d, 0.13 * d, late, fall=0.11 * d))
    beat.t = [
        replace(w, dipole=w.dipole + np.array([0, 0, rng.uniform(0.12, 0.3)])) for w in beat.t[:1]
    ]


def _incomplete_rbbb(beat, matrix, severity, rng):
    _stretch_qrs(beat, 0.100 + 0.014 * severity)
    beat.qrs = [
        w.scaled(1.0 if share < 0.65 else 0.4)
        for w, share in zip(beat.qrs, _shares(beat), strict=True)
    ]
    d = beat.qrs_duration
    late = np.array([-0.20, -0.05, -0.30]) * rng.lognormal(0.1 + 0.4 * severity, 0.15)
    beat.qrs.append(wave((0.84 - QRS_LEAD) * d, 0.075 * d, late, **_scatter(rng, 0.03)))


def _incomplete_lbbb(beat, matrix, severity, rng):
    _lbbb(beat, matrix, 0.0, rng)
    _stretch_qrs(beat, 0.104 + 0.014 * severity)


def _left_anterior_block(beat, matrix, severity, rng):
    target = -48 - 27 * severity
    _turn_frontal(beat, target - _frontal_axis(beat), first_share=0.3)
    early = np.array([-0.10, 0.26, -0.12]) * rng.lognormal(0, 0.3)
    beat.qrs = [
        replace(w, dipole=0.4 * w.dipole + early) if 0.0 < share < 0.3 else w
        for w, share in zip(beat.qrs, _shares(beat), strict=True)
    ]
    _turn_frontal(beat, target - _frontal_axis(beat), first_share=0.3)
    _stretch_qrs(beat, max(beat.qrs_duration, rng.uniform(0.09, 0.115)))


def _left_posterior_block(beat, matrix, severity, rng):
    target = 105 + 25 * severity
    early = np.array([0.18, -0.24, -0.12]) * rng.lognormal(0, 0.3)
    for _ in range(2):
        _turn_frontal(beat, target - _frontal_axis(beat), first_share=0.3)
        beat.qrs = [
            replace(w, dipole=early) if 0.0 < share < 0.3 else w
            for w, share in zip(beat.qrs, _shares(beat), strict=True)
        ]
    _stretch_qrs(beat, max(beat.qrs_duration, rng.uniform(0.09, 0.112)))


def _first_degree_block(beat, matrix, severity, rng):
    beat.pr = 0.21 + 0.11 * severity


def _intraventricular_delay(beat, matrix, severity, rng):
    _stretch_qrs(beat, 0.118 + 0.03 * severity)
    d = beat.qrs_duration
    for _ in range(3):
        centre = rng.uniform(0.1, 0.9) - QRS_LEAD
        beat.qrs.append(wave(centre * d, 0.06 * d, rng.normal(0, 0.14, 3), **_scatter(rng, 0.04)))


def _pre_excitation(beat, matrix, severity, rng):
    beat.pr = rng.uniform(0.08, 0.108)
    d = 0.118 + 0.03 * severity
    late = beat.qrs_duration
    direction = rng.normal([0.5, 0.4, -0.2], 0.35)
    delta = direction / np.linalg.norm(direction) * (0.32 + 0.35 * severity)
    # The delta wave comes first, the usual activation ends when it would have.
    shift = (1 - QRS_LEAD) * (d - late)
    beat.qrs = [replace(w, centre=w.centre + shift) for w in beat.qrs]
    beat.qrs.append(wave((0.28 - QRS_LEAD) * d, 0.11 * d, delta))
    beat.qrs_duration = d
    _discordant_t(beat, delta + 0.5 * _main_direction(beat), 0.2, rng)


def _scatter(rng, size: float) -> dict[str, float]:
    """What single electrodes see besides the dipole."""
    leads = ("V1", "V2", "V3", "V4", "V5", "V6")
    return dict(zip(leads, rng.normal(0, size, 6), strict=True))


# Hypertrophy


def _lvh(beat, matrix, severity, rng):
    beat.qrs = [replace(w, dipole=w.dipole * [1.1, 0.85, 1.2]) for w in beat.qrs]
    _stretch_qrs(beat, max(beat.qrs_duration, rng.uniform(0.086, 0.108)))
    _scale_to_sokolow(beat, matrix, 3.65 + 1.9 * severity)
    if rng.random() < 0.5:  # repolarisation begins to turn
        beat.t = [w.scaled(rng.uniform(0.2, 0.9)) for w in beat.t]


def _lvh_strain(beat, matrix, severity, rng):
    _lvh(beat, matrix, severity, rng)
    main = _main_direction(beat)
    beat.st = [wave(0.0, 0.03, -main * (0.08 + 0.14 * severity), fall=0.09)]
    size = 0.22 + 0.3 * severity
    beat.t = [wave(0.0, 0.075, -main * size, fall=0.034, **_scatter(rng, 0.04))]


def _rvh(beat, matrix, severity, rng):
    target = rng.uniform(98, 135)
    _turn_frontal(beat, target - _frontal_axis(beat))
    size = _size(beat)
    push = np.array([-0.15, 0.0, -0.75 - 0.5 * severity]) * size
    beat.qrs = [
        replace(w, dipole=w.dipole * [1, 1, 0.3] + push * weight)
        for w, weight in zip(beat.qrs, _bump(_shares(beat), 0.5, 0.2), strict=True)
    ]
    shift = np.array([0.03, -0.05, 0.35 * size])
    beat.t = [replace(w, dipole=w.dipole + shift) for w in beat.t[:1]]
    beat.p = [w.scaled(1.4) for w in beat.p]


def _left_atrial_enlargement(beat, matrix, severity, rng):
    size = 0.8 + 0.7 * severity
    beat.p = [
        beat.p[0].moved(-0.022),
        replace(beat.p[1], dipole=beat.p[1].dipole + size * np.array([0.03, 0.02, 0.085])).moved(
            0.036 + 0.016 * severity
        ),
    ]
    beat.pr = max(beat.pr, 0.17)


def _right_atrial_enlargement(beat, matrix, severity, rng):
    height = (0.28 + 0.12 * severity) / max(matrix[1] @ np.array([0.1, 1.0, -0.3]), 0.2)
    beat.p = [wave(0.0, 0.022, height * np.array([0.1, 1.0, -0.3]))]


# ST and T changes


def _nonspecific_st_t(beat, matrix, severity, rng):
    flat = rng.uniform(-0.15, 0.25) * (1 - severity) - 0.25 * severity
    beat.t = [replace(w.scaled(flat), near=0.5 * w.near) for w in beat.t[:2]]
    sag = -(0.02 + 0.07 * severity)
    beat.st = [wave(0.0, 0.03, sag * np.array([0.8, 0.6, -0.1]), fall=0.10)]


def _ischaemic_depression(beat, matrix, severity, rng):
    depth = 0.085 + 0.2 * severity
    direction = rng.normal([-0.75, -0.45, 0.35], 0.15)
    beat.st = [wave(0.045, 0.045, direction * depth * 1.4, fall=0.09)]
    beat.t = [
        replace(w.scaled(rng.uniform(0.0, 0.8)), dipole=w.dipole * 0.5 + direction * t)
        for w, t in zip(beat.t[:1], [rng.uniform(-0.1, 0.5) * (0.3 + depth)], strict=True)
    ]


_INVERSIONS = (
    (0.5, np.array([-0.60, 0.05, 0.50])),  # anterior and lateral
    (0.2, np.array([-0.15, -0.75, 0.10])),  # inferior
    (0.3, np.array([-0.75, -0.15, 0.10])),  # lateral
)


def _t_inversion(beat, matrix, severity, rng):
    direction = _INVERSIONS[rng.choice(3, p=[share for share, _ in _INVERSIONS])][1]
    size = 0.27 + 0.5 * severity
    beat.t = [
        replace(w, dipole=w.dipole * 0.3 + direction * size, near=0.4 * w.near) for w in beat.t[:1]
    ]
    beat.st = [w.scaled(0.5) for w in beat.st]


def _long_qt(beat, matrix, severity, rng):
    beat.qt = 0.478 + 0.06 * severity
    beat.t = [w.stretched(1.15, 1.15) for w in beat.t]


def _digitalis(beat, matrix, severity, rng):
    main = _main_direction(beat)
    beat.st = [wave(0.05, 0.06, -main * (0.12 + 0.12 * severity), fall=0.05)]
    beat.t = [w.scaled(0.45) for w in beat.t[:1]]
    beat.qt = rng.uniform(0.33, 0.37)


# Infarctions: vectors from each wall to its electrodes

_WALLS = {
    "anterior": (np.array([0.25, -0.05, -0.75]), {"V2": 0.3, "V3": 0.5, "V4": 0.35}),
    "septal": (np.array([-0.20, -0.10, -0.75]), {"V1": 0.3, "V2": 0.45}),
    "anterolateral": (np.array([0.55, -0.30, -0.45]), {"V3": 0.2, "V4": 0.35, "V5": 0.3}),
    "lateral": (np.array([0.70, -0.45, 0.05]), {"V5": 0.25, "V6": 0.3}),
    "inferior": (np.array([-0.20, 0.80, 0.10]), {}),
    "inferolateral": (np.array([0.30, 0.75, 0.15]), {"V5": 0.2, "V6": 0.3}),
    "posterior": (np.array([0.05, 0.10, 0.80]), {}),
}
_TERRITORY = {
    "anterior": ("V2", "V3", "V4"),
    "septal": ("V1", "V2", "V3"),
    "anterolateral": ("V3", "V4", "V5", "V6", "I", "AVL"),
    "lateral": ("I", "AVL", "V5", "V6"),
    "inferior": ("II", "III", "AVF"),
    "inferolateral": ("II", "III", "AVF", "V5", "V6"),
}


def _near(wall: str, size: float) -> dict[str, float]:
    return {lead: value * size for lead, value in _WALLS[wall][1].items()}


def _bump(shares, centre, width):
    return np.exp(-0.5 * ((shares - centre) / width) ** 2)


def _stemi(wall):
    def apply(beat, matrix, severity, rng):
        direction = _WALLS[wall][0]
        elevation = (0.22 + 0.30 * severity) * rng.lognormal(0, 0.1)
        if wall == "posterior":
            elevation *= 0.8
        st = wave(0.03, 0.055, direction * elevation, fall=0.10, **_near(wall, elevation * 0.5))
        peak = elevation * rng.uniform(0.7, 1.9)
        hyperacute = wave(0.0, 0.075, direction * peak, fall=0.045, **_near(wall, peak * 0.5))
        beat.st = [st]
        beat.t = [hyperacute, *(w.scaled(0.5) for w in beat.t[:1])]
        if rng.random() < 0.5:
            _necrosis(beat, wall, 0.35, rng)

    return apply


def _necrosis(beat, wall, size, rng):
    """Early forces away from a dead wall: pathological Q waves or lost R waves."""
    direction = _WALLS[wall][0] / np.linalg.norm(_WALLS[wall][0])
    force = size * max(_size(beat), 0.7)
    waves = []
    for w, share in zip(beat.qrs, _shares(beat), strict=True):
        early = float(_bump(share, 0.2, 0.22)) if share > 0.2 else 1.0
        along = float(w.dipole @ direction)
        lost = max(along, 0) * min(0.3 + 0.7 * early, 1.0) * min(0.5 + size, 1.0)
        profile = force * early * (0.45 + 0.55 * min(share / 0.2, 1.0))
        near = w.near * (1 - 0.7 * early)
        extra = wave(0, 1, [0, 0, 0], **_near(wall, -profile * 0.5)).near
        waves.append(
            replace(w, dipole=w.dipole - (lost + 0.55 * profile) * direction, near=near + extra)
        )
    beat.qrs = waves


def _old_infarction(wall):
    def apply(beat, matrix, severity, rng):
        _necrosis(beat, wall, 0.30 + 0.5 * severity, rng)
        if rng.random() < 0.55:
            direction = -_WALLS[wall][0] * rng.uniform(0.15, 0.45)
            beat.t = [wave(0.0, 0.055, direction + beat.t[0].dipole * 0.5, fall=0.038)]

    return apply


# Variants of the healthy


def _early_repolarisation(beat, matrix, severity, rng):
    height = 0.11 + 0.10 * severity
    direction = [np.array([0.45, 0.15, -0.35]), np.array([0.35, 0.6, -0.05])][rng.integers(2)]
    beat.st = [wave(0.02, 0.035, direction * height * 1.6, fall=0.11)]
    beat.t = [w.scaled(1.25) for w in beat.t]
    d = beat.qrs_duration  # a notch or slur at J
    beat.qrs.append(wave((1.02 - QRS_LEAD) * d, 0.008, direction * 0.22))


def _low_voltage(beat, matrix, severity, rng):
    high, low = _extremes(beat, matrix)
    factor = min(0.48 / max((high - low)[:6].max(), 0.1), 1.0)
    beat.qrs = [w.scaled(factor * rng.uniform(1.0, 1.25)) for w in beat.qrs]


def _left_axis(beat, matrix, severity, rng):
    _turn_frontal(beat, -8 - 20 * severity - _frontal_axis(beat))


def _vertical_axis(beat, matrix, severity, rng):
    _turn_frontal(beat, 86 + 9 * severity - _frontal_axis(beat))


def _juvenile_t(beat, matrix, severity, rng):
    shift = np.array([-0.05, 0.0, 0.22 + 0.12 * severity])
    beat.t = [replace(w, dipole=w.dipole + shift) for w in beat.t[:1]]


def _rsr(beat, matrix, severity, rng):
    d = beat.qrs_duration
    beat.qrs.append(wave((0.86 - QRS_LEAD) * d, 0.009, np.array([-0.05, 0.0, -0.16]), V1=0.08))


# Criteria


def _pairs(m: Measurements, test) -> bool:
    """Whether a test of one lead holds in two contiguous ones."""
    return any(test(a) and test(b) for a, b in CONTIGUOUS)


def _st_elevation(m: Measurements, leads) -> bool:
    """At J in two leads: 0.2 mV in V2 and V3 (0.15 for women), 0.1 mV elsewhere."""
    return sum(m.lead("st_j", x) >= (0.2 if x in ("V2", "V3") else 0.1) for x in leads) >= 2


def _pathological_q(m: Measurements, leads) -> bool:
    """Q of 40 ms and 0.1 mV, or no R, in two leads; 20 ms or no R in V2 and V3."""

    def holds(lead):
        if lead in ("V1", "V2", "V3"):
            least = 0.02 if lead != "V1" else np.inf
            lost = m.lead("r", lead) < 0.03
            return lost or (
                m.lead("q_duration", lead) >= 1000 * least and m.lead("q_depth", lead) >= 0.05
            )
        return m.lead("q_duration", lead) >= 40 and m.lead("q_depth", lead) >= 0.1

    return sum(holds(lead) for lead in leads) >= 2


def _low_t(m: Measurements) -> bool:
    low = [m.lead("t", x) < 0.1 * m.lead("r", x) and m.lead("r", x) >= 0.3 for x in LATERAL]
    sagging = [m.lead("st_60", x) <= -0.05 for x in LATERAL]
    return sum(low) >= 2 or sum(sagging) >= 2


def _st_depression(m: Measurements) -> bool:
    return _pairs(m, lambda x: m.lead("st_60", x) <= -0.05)


def _inverted(m: Measurements) -> bool:
    return _pairs(m, lambda x: x not in ("III", "V1") and m.lead("t", x) <= -0.1)


def _lvh_voltage(m: Measurements) -> bool:
    return m.sokolow >= 3.5 or m.cornell >= 2.8


def _infarcted(wall):
    return lambda m: _pathological_q(m, _TERRITORY[wall])


def _elevated(wall):
    return lambda m: _st_elevation(m, _TERRITORY[wall])


FINDINGS = (
    Finding(
        "LBBB",
        "CD",
        0.12,
        _lbbb,
        lambda m: m.qrs >= 120 and m.lead("late", "V1") < 0 < m.lead("late", "V6"),
        "QRS >= 120 ms, late forces to the left and back",
        True,
    ),
    Finding(
        "RBBB",
        "CD",
        0.12,
        _rbbb,
        lambda m: m.qrs >= 120 and m.lead("late", "V1") > 0 > m.lead("late", "I"),
        "QRS >= 120 ms, R' in V1, broad S in I",
        True,
    ),
    Finding(
        "IRBBB",
        "CD",
        0.22,
        _incomplete_rbbb,
        lambda m: 96 <= m.qrs < 122 and m.lead("late", "V1") > 0.04,
        "QRS 100-119 ms, R' in V1",
        True,
    ),
    Finding(
        "ILBBB",
        "CD",
        0.02,
        _incomplete_lbbb,
        lambda m: (
            102 <= m.qrs < 124
            and m.lead("q_depth", "V6") < 0.05
            and m.lead("late", "V1") < -0.1
            and m.lead("late", "V6") > 0.1
        ),
        "QRS 100-119 ms, no Q in V6, late forces to the left",
        True,
    ),
    Finding(
        "LAFB",
        "CD",
        0.27,
        _left_anterior_block,
        lambda m: -100 < m.axis <= -40,
        "axis -45 degrees or less",
        True,
    ),
    Finding(
        "LPFB",
        "CD",
        0.03,
        _left_posterior_block,
        lambda m: 98 <= m.axis <= 180,
        "axis 100 degrees or more",
        True,
    ),
    Finding("1AVB", "CD", 0.14, _first_degree_block, lambda m: m.pr > 200, "PR > 200 ms"),
    Finding(
        "IVCD", "CD", 0.07, _intraventricular_delay, lambda m: m.qrs > 110, "QRS > 110 ms", True
    ),
    Finding(
        "WPW",
        "CD",
        0.01,
        _pre_excitation,
        lambda m: m.pr <= 122 and m.qrs >= 108,
        "PR < 120 ms, delta wave, QRS > 110 ms",
        True,
    ),
    Finding(
        "LVH",
        "HYP",
        0.50,
        _lvh,
        _lvh_voltage,
        "S V1 + R V5 or V6 >= 3.5 mV (Sokolow-Lyon) or R aVL + S V3 >= 2.8 mV (Cornell)",
    ),
    Finding(
        "LVH with strain",
        "HYP",
        0.25,
        _lvh_strain,
        lambda m: _lvh_voltage(m) and (m.lead("t", "V6") < 0 or m.lead("t", "I") < 0),
        "voltage and T against QRS in I or V6",
    ),
    Finding(
        "RVH",
        "HYP",
        0.05,
        _rvh,
        lambda m: 90 <= m.axis <= 180 and m.lead("r", "V1") >= 0.5 * m.lead("s", "V1"),
        "axis > 90 degrees, tall R in V1",
        True,
    ),
    Finding(
        "LAE",
        "HYP",
        0.13,
        _left_atrial_enlargement,
        lambda m: m.p_duration >= 120,
        "P >= 120 ms, terminal force in V1",
    ),
    Finding(
        "RAE",
        "HYP",
        0.07,
        _right_atrial_enlargement,
        lambda m: m.lead("p", "II") >= 0.25,
        "P in II >= 0.25 mV",
    ),
    Finding(
        "NST",
        "STTC",
        0.50,
        _nonspecific_st_t,
        _low_t,
        "T below a tenth of R, or ST at or below -0.05 mV, in two of I, II, V4-V6",
    ),
    Finding(
        "ST depression",
        "STTC",
        0.18,
        _ischaemic_depression,
        _st_depression,
        "ST <= -0.05 mV 60 ms after J in two contiguous leads",
    ),
    Finding(
        "T inversion",
        "STTC",
        0.24,
        _t_inversion,
        _inverted,
        "T <= -0.1 mV in two contiguous leads",
    ),
    Finding("long QT", "STTC", 0.04, _long_qt, lambda m: m.qtc >= 460, "QTc >= 460 ms"),
    Finding(
        "digitalis",
        "STTC",
        0.04,
        _digitalis,
        lambda m: _low_t(m) or _st_depression(m),
        "sagging ST, short QT",
    ),
    Finding(
        "STEMI anterior",
        "Acute MI",
        0.30,
        _stemi("anterior"),
        _elevated("anterior"),
        "ST >= 0.2 mV in V2 and V3, 0.1 mV in V4; two of V2-V4",
    ),
    Finding(
        "STEMI septal",
        "Acute MI",
        0.12,
        _stemi("septal"),
        _elevated("septal"),
        "ST elevation in two of V1-V3",
    ),
    Finding(
        "STEMI lateral",
        "Acute MI",
        0.10,
        _stemi("lateral"),
        _elevated("lateral"),
        "ST >= 0.1 mV in two of I, aVL, V5, V6",
    ),
    Finding(
        "STEMI inferior",
        "Acute MI",
        0.38,
        _stemi("inferior"),
        _elevated("inferior"),
        "ST >= 0.1 mV in two of II, III, aVF",
    ),
    Finding(
        "STEMI posterior",
        "Acute MI",
        0.10,
        _stemi("posterior"),
        lambda m: sum(m.lead("st_60", x) <= -0.05 for x in ("V1", "V2", "V3")) >= 2,
        "ST <= -0.05 mV in two of V1-V3",
    ),
    *(
        Finding(
            f"old {wall} MI",
            "Old MI",
            weight,
            _old_infarction(wall),
            _infarcted(wall),
            "Q >= 40 ms and 0.1 mV (V2, V3: 20 ms), or no R, in two of "
            + ", ".join(_TERRITORY[wall]),
        )
        for wall, weight in (
            ("anterior", 0.12),
            ("septal", 0.30),
            ("anterolateral", 0.06),
            ("inferior", 0.44),
            ("inferolateral", 0.06),
            ("lateral", 0.02),
        )
    ),
)

SHAPE_CLASSES = ("CD", "HYP", "STTC", "Acute MI", "Old MI")
"""Classes that the shape of a beat decides, not the rhythm."""

CRITERIA: dict[str, Callable[[Measurements], bool]] = {
    label: (
        lambda m, own=tuple(f for f in FINDINGS if f.label == label): any(f.holds(m) for f in own)
    )
    for label in SHAPE_CLASSES
} | {
    "TACHY": lambda m: m.rate > 100,
    "BRADY": lambda m: m.rate < 60,
    "PAC": lambda m: len(m.premature_atrial) > 0,
    "PVC": lambda m: len(m.ventricular) > 0,
    # Irregular without P, or a saw-tooth.
    "AFIB/AFL": lambda m: (
        (m.rr_variation >= 0.10 and m.p_likeness < 0.6) or 220 <= m.atrial_rate <= 360
    ),
}
"""Whether measurements meet the criterion of any finding of a class."""


def _healthy_but(*imitated: str) -> Callable[[Measurements], bool]:
    """Criterion of a variant: none of another class, but for those that it imitates."""
    others = [label for label in SHAPE_CLASSES if label not in imitated]
    return lambda m: not any(CRITERIA[label](m) for label in others)


VARIANTS = (
    Finding(
        "early repolarisation",
        "NORM",
        0.20,
        _early_repolarisation,
        _healthy_but("Acute MI"),
        "J >= 0.1 mV",
    ),
    Finding("low voltage", "NORM", 0.10, _low_voltage, _healthy_but(), "limb leads below 0.5 mV"),
    Finding("left axis", "NORM", 0.25, _left_axis, _healthy_but(), "axis -30 to 0 degrees"),
    Finding("vertical axis", "NORM", 0.20, _vertical_axis, _healthy_but(), "axis 85 to 95 degrees"),
    Finding("juvenile T", "NORM", 0.10, _juvenile_t, _healthy_but("STTC"), "negative T in V1-V3"),
    Finding("rSr'", "NORM", 0.15, _rsr, _healthy_but(), "second R in V1, QRS < 100 ms"),
)
VARIANT_SHARE = 0.25  # of the healthy


def draw_findings(labels, rng: np.random.Generator) -> list[Finding]:
    """Sub-diagnoses for a set of labels: one per class, sometimes two conduction disturbances.

    The order is that in which they act on a beat: conduction first, infarctions last.
    """
    chosen: list[Finding] = []
    for label in ("CD", "HYP", "STTC", "Old MI", "Acute MI"):
        if label not in labels:
            continue
        pool = [
            f
            for f in FINDINGS
            if f.label == label
            and not (f.conduction and any(c.conduction for c in chosen))
            and not (f.name == "1AVB" and "AFIB/AFL" in labels)
            and not (f.name in ("LAE", "RAE") and "AFIB/AFL" in labels)
        ]
        weights = np.array([f.weight for f in pool])
        chosen.append(pool[rng.choice(len(pool), p=weights / weights.sum())])
    if not chosen and rng.random() < VARIANT_SHARE:
        weights = np.array([f.weight for f in VARIANTS])
        chosen.append(VARIANTS[rng.choice(len(VARIANTS), p=weights / weights.sum())])
    return chosen
