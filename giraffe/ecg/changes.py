"""What illness does to a beat: blocks, hypertrophy, ischaemia, infarction, and healthy variants.

Each change takes a beat, the torso's matrix, a severity in [0, 1] from borderline to obvious, and a
generator, and changes the beat in place. `findings` says how often each occurs and by which
criterion a reader recognises it.
"""

from dataclasses import replace

import numpy as np

from giraffe.ecg.heart import QRS_LEAD, Beat, Shape, twelve_leads, wave

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
    x, y, _ = _sum_of_dipoles(beat)
    return float(np.rad2deg(np.arctan2(y, x)))


def _sum_of_dipoles(beat: Beat) -> np.ndarray:
    return sum((w.dipole * (w.rise + w.fall) for w in beat.qrs), start=np.zeros(3))


def _main_direction(beat: Beat) -> np.ndarray:
    main = _sum_of_dipoles(beat)
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


def lbbb(beat, matrix, severity, rng):
    """Left bundle: a wide, slurred QRS to the left and back, T against it."""
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


def rbbb(beat, matrix, severity, rng):
    """Right bundle: a late dipole to the right and forward, T in V1 against it."""
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


def incomplete_rbbb(beat, matrix, severity, rng):
    """The same, shorter than 120 ms."""
    _stretch_qrs(beat, 0.100 + 0.014 * severity)
    beat.qrs = [
        w.scaled(1.0 if share < 0.65 else 0.4)
        for w, share in zip(beat.qrs, _shares(beat), strict=True)
    ]
    d = beat.qrs_duration
    late = np.array([-0.20, -0.05, -0.30]) * rng.lognormal(0.1 + 0.4 * severity, 0.15)
    beat.qrs.append(wave((0.84 - QRS_LEAD) * d, 0.075 * d, late, **_scatter(rng, 0.03)))


def incomplete_lbbb(beat, matrix, severity, rng):
    """A left bundle branch block shorter than 120 ms."""
    lbbb(beat, matrix, 0.0, rng)
    _stretch_qrs(beat, 0.104 + 0.014 * severity)


def left_anterior_block(beat, matrix, severity, rng):
    """Left anterior fascicle: the axis turns up and left after a small early q."""
    target = -48 - 27 * severity
    _turn_frontal(beat, target - _frontal_axis(beat), first_share=0.3)
    early = np.array([-0.10, 0.26, -0.12]) * rng.lognormal(0, 0.3)
    beat.qrs = [
        replace(w, dipole=0.4 * w.dipole + early) if 0.0 < share < 0.3 else w
        for w, share in zip(beat.qrs, _shares(beat), strict=True)
    ]
    _turn_frontal(beat, target - _frontal_axis(beat), first_share=0.3)
    _stretch_qrs(beat, max(beat.qrs_duration, rng.uniform(0.09, 0.115)))


def left_posterior_block(beat, matrix, severity, rng):
    """Left posterior fascicle: the axis turns down and right."""
    target = 105 + 25 * severity
    early = np.array([0.18, -0.24, -0.12]) * rng.lognormal(0, 0.3)
    for _ in range(2):
        _turn_frontal(beat, target - _frontal_axis(beat), first_share=0.3)
        beat.qrs = [
            replace(w, dipole=early) if 0.0 < share < 0.3 else w
            for w, share in zip(beat.qrs, _shares(beat), strict=True)
        ]
    _stretch_qrs(beat, max(beat.qrs_duration, rng.uniform(0.09, 0.112)))


def first_degree_block(beat, matrix, severity, rng):
    """A long PR interval."""
    beat.pr = 0.21 + 0.11 * severity


def intraventricular_delay(beat, matrix, severity, rng):
    """A wide, notched QRS of neither bundle."""
    _stretch_qrs(beat, 0.118 + 0.03 * severity)
    d = beat.qrs_duration
    for _ in range(3):
        centre = rng.uniform(0.1, 0.9) - QRS_LEAD
        beat.qrs.append(wave(centre * d, 0.06 * d, rng.normal(0, 0.14, 3), **_scatter(rng, 0.04)))


def pre_excitation(beat, matrix, severity, rng):
    """Wolff-Parkinson-White: a short PR interval and a delta wave."""
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


def lvh(beat, matrix, severity, rng):
    """Left ventricular hypertrophy: high voltages to the left and back."""
    beat.qrs = [replace(w, dipole=w.dipole * [1.1, 0.85, 1.2]) for w in beat.qrs]
    _stretch_qrs(beat, max(beat.qrs_duration, rng.uniform(0.086, 0.108)))
    _scale_to_sokolow(beat, matrix, 3.65 + 1.9 * severity)
    if rng.random() < 0.5:  # repolarisation begins to turn
        beat.t = [w.scaled(rng.uniform(0.2, 0.9)) for w in beat.t]


def lvh_strain(beat, matrix, severity, rng):
    """The same with ST depression and T inversion against QRS."""
    lvh(beat, matrix, severity, rng)
    main = _main_direction(beat)
    beat.st = [wave(0.0, 0.03, -main * (0.08 + 0.14 * severity), fall=0.09)]
    size = 0.22 + 0.3 * severity
    beat.t = [wave(0.0, 0.075, -main * size, fall=0.034, **_scatter(rng, 0.04))]


def rvh(beat, matrix, severity, rng):
    """Right ventricular hypertrophy: right axis, high R in V1."""
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


def left_atrial_enlargement(beat, matrix, severity, rng):
    """A long P with a second half to the left and back."""
    size = 0.8 + 0.7 * severity
    beat.p = [
        beat.p[0].moved(-0.022),
        replace(beat.p[1], dipole=beat.p[1].dipole + size * np.array([0.03, 0.02, 0.085])).moved(
            0.036 + 0.016 * severity
        ),
    ]
    beat.pr = max(beat.pr, 0.17)


def right_atrial_enlargement(beat, matrix, severity, rng):
    """A tall, narrow P in the inferior leads."""
    height = (0.28 + 0.12 * severity) / max(matrix[1] @ np.array([0.1, 1.0, -0.3]), 0.2)
    beat.p = [wave(0.0, 0.022, height * np.array([0.1, 1.0, -0.3]))]


# ST and T changes


def nonspecific_st_t(beat, matrix, severity, rng):
    """Flat T waves and a sagging ST segment."""
    flat = rng.uniform(-0.15, 0.25) * (1 - severity) - 0.25 * severity
    beat.t = [replace(w.scaled(flat), near=0.5 * w.near) for w in beat.t[:2]]
    sag = -(0.02 + 0.07 * severity)
    beat.st = [wave(0.0, 0.03, sag * np.array([0.8, 0.6, -0.1]), fall=0.10)]


def ischaemic_depression(beat, matrix, severity, rng):
    """Horizontal ST depression away from the left ventricle."""
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


def t_inversion(beat, matrix, severity, rng):
    """T waves turned over in a territory."""
    direction = _INVERSIONS[rng.choice(3, p=[share for share, _ in _INVERSIONS])][1]
    size = 0.27 + 0.5 * severity
    beat.t = [
        replace(w, dipole=w.dipole * 0.3 + direction * size, near=0.4 * w.near) for w in beat.t[:1]
    ]
    beat.st = [w.scaled(0.5) for w in beat.st]


def long_qt(beat, matrix, severity, rng):
    """A long QT interval with a broad T."""
    beat.qt = 0.478 + 0.06 * severity
    beat.t = [w.stretched(1.15, 1.15) for w in beat.t]


def digitalis(beat, matrix, severity, rng):
    """Scooped ST segments, low T, short QT."""
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
TERRITORY = {
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


def stemi(wall):
    """Acute infarction of a wall: its ST segment rises, with its reciprocal depression."""

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


def old_infarction(wall):
    """Old infarction of a wall: the early dipole points away from it."""

    def apply(beat, matrix, severity, rng):
        _necrosis(beat, wall, 0.30 + 0.5 * severity, rng)
        if rng.random() < 0.55:
            direction = -_WALLS[wall][0] * rng.uniform(0.15, 0.45)
            beat.t = [wave(0.0, 0.055, direction + beat.t[0].dipole * 0.5, fall=0.038)]

    return apply


# Variants of the healthy


def early_repolarisation(beat, matrix, severity, rng):
    """J points and ST segments raised without illness."""
    height = 0.11 + 0.10 * severity
    direction = [np.array([0.45, 0.15, -0.35]), np.array([0.35, 0.6, -0.05])][rng.integers(2)]
    beat.st = [wave(0.02, 0.035, direction * height * 1.6, fall=0.11)]
    beat.t = [w.scaled(1.25) for w in beat.t]
    d = beat.qrs_duration  # a notch or slur at J
    beat.qrs.append(wave((1.02 - QRS_LEAD) * d, 0.008, direction * 0.22))


def low_voltage(beat, matrix, severity, rng):
    """Small QRS in the limb leads."""
    high, low = _extremes(beat, matrix)
    factor = min(0.48 / max((high - low)[:6].max(), 0.1), 1.0)
    beat.qrs = [w.scaled(factor * rng.uniform(1.0, 1.25)) for w in beat.qrs]


def left_axis(beat, matrix, severity, rng):
    """An axis on the left border of normal."""
    _turn_frontal(beat, -8 - 20 * severity - _frontal_axis(beat))


def vertical_axis(beat, matrix, severity, rng):
    """An axis on the right border of normal."""
    _turn_frontal(beat, 86 + 9 * severity - _frontal_axis(beat))


def juvenile_t(beat, matrix, severity, rng):
    """T waves inverted in V1 and V2, as in the young."""
    shift = np.array([-0.05, 0.0, 0.22 + 0.12 * severity])
    beat.t = [replace(w, dipole=w.dipole + shift) for w in beat.t[:1]]


def rsr(beat, matrix, severity, rng):
    """A small second R in V1 in a narrow QRS."""
    d = beat.qrs_duration
    beat.qrs.append(wave((0.86 - QRS_LEAD) * d, 0.009, np.array([-0.05, 0.0, -0.16]), V1=0.08))
