"""What each finding does to the heart: the sub-diagnoses behind the 11 classes.

Every finding has the criterion by which a reader recognises it, and a severity from borderline to
obvious. Weights are relative frequencies in PTB-XL (statement counts of Wagner et al., Scientific
Data 7:154, 2020, rounded).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from giraffe.ecg.heart import Beat, Wave, sokolow, wave


@dataclass(frozen=True)
class Finding:
    """A sub-diagnosis.

    Attributes
    ----------
    name : str
    label : str
        The class that it belongs to.
    weight : float
        Relative frequency within its class.
    apply : callable
        ``apply(beat, matrix, severity, rng)`` changes a beat in place; severity in [0, 1].
    criterion : str
    conduction : bool
        Whether it shapes the whole QRS, so that only one such finding fits in a patient.
    """

    name: str
    label: str
    weight: float
    apply: Callable[[Beat, np.ndarray, float, np.random.Generator], None]
    criterion: str
    conduction: bool = False


def _discordant_t(beat: Beat, qrs_dipole, size: float, rng) -> None:
    """Repolarisation against the main QRS force, secondary to abnormal conduction."""
    main = np.asarray(qrs_dipole, dtype=float)
    direction = -main / np.linalg.norm(main)
    dipole = direction * size * rng.lognormal(0, 0.2)
    beat.t = [Wave(0.0, 0.065, 0.042, dipole)]
    beat.st = [Wave(0.0, 0.03, 0.10, dipole * rng.uniform(0.2, 0.4))]


# Conduction disturbances


def _lbbb(beat, matrix, severity, rng):
    beat.qrs_duration = 0.122 + 0.045 * severity
    k = beat.qrs_duration / 0.14
    size = rng.lognormal(0, 0.2)
    first, late = np.array([0.62, 0.30, 0.62]), np.array([1.0, rng.normal(0.15, 0.3), 0.72])
    beat.qrs = [
        Wave(-0.028 * k, 0.013 * k, 0.017 * k, first * size),
        Wave(0.010 * k, 0.017 * k, 0.020 * k, late * size),
        Wave(0.048 * k, 0.016 * k, 0.013 * k, late * 0.75 * size),
    ]
    _discordant_t(beat, late, 0.45 * size, rng)


def _rbbb(beat, matrix, severity, rng):
    beat.qrs_duration = 0.121 + 0.04 * severity
    late = np.array([-0.55, rng.normal(0.0, 0.10), -0.62]) * rng.lognormal(0, 0.2)
    centre = 0.6 * beat.qrs_duration - 0.020
    beat.qrs = [*beat.qrs[:2], beat.qrs[2].scaled(0.45), *beat.qrs[3:]]
    beat.qrs.append(wave(centre, 0.016 + 0.004 * severity, late))
    beat.t = [Wave(w.centre, w.rise, w.fall, w.dipole + np.array([0, 0, 0.28])) for w in beat.t]


def _incomplete_rbbb(beat, matrix, severity, rng):
    beat.qrs_duration = 0.100 + 0.016 * severity
    late = np.array([-0.24, -0.05, -0.34]) * rng.lognormal(0.1 + 0.3 * severity, 0.15)
    beat.qrs = [*beat.qrs[:2], beat.qrs[2].scaled(0.5), *beat.qrs[3:]]
    beat.qrs.append(wave(0.6 * beat.qrs_duration - 0.018, 0.010, late))


def _left_anterior_block(beat, matrix, severity, rng):
    axis = np.deg2rad(-47 - 30 * severity)
    size = rng.lognormal(0, 0.2)
    main = size * np.array([np.cos(axis), np.sin(axis) * 0.95, 0.35])
    beat.qrs[0] = wave(-0.026, 0.008, size * np.array([-0.12, 0.30, -0.22]))
    beat.qrs[1] = wave(0.004, 0.013, main)
    beat.qrs[2] = wave(0.028, 0.012, size * np.array([0.05, -0.35, 0.45]))
    beat.qrs_duration = max(beat.qrs_duration, rng.uniform(0.095, 0.115))


def _left_posterior_block(beat, matrix, severity, rng):
    axis = np.deg2rad(105 + 25 * severity)
    size = rng.lognormal(0, 0.2)
    beat.qrs[0] = wave(-0.026, 0.008, size * np.array([0.22, -0.28, -0.22]))
    beat.qrs[1] = wave(0.002, 0.012, size * np.array([np.cos(axis), np.sin(axis), 0.25]))
    beat.qrs[2] = wave(0.026, 0.012, size * np.array([-0.15, 0.15, 0.5]))
    beat.qrs_duration = max(beat.qrs_duration, rng.uniform(0.095, 0.115))


def _first_degree_block(beat, matrix, severity, rng):
    beat.pr = 0.206 + 0.11 * severity


def _intraventricular_delay(beat, matrix, severity, rng):
    duration = 0.114 + 0.03 * severity
    k = duration / beat.qrs_duration
    beat.qrs = [Wave(w.centre * k, w.rise * k, w.fall * k, w.dipole, w.near) for w in beat.qrs]
    for _ in range(3):
        beat.qrs.append(wave(rng.uniform(-0.04, 0.05), 0.006, rng.normal(0, 0.15, 3)))
    beat.qrs_duration = duration


def _pre_excitation(beat, matrix, severity, rng):
    beat.pr = rng.uniform(0.08, 0.112)
    beat.qrs_duration = 0.114 + 0.03 * severity
    direction = rng.normal([0.5, 0.4, -0.2], 0.35)
    delta = direction / np.linalg.norm(direction) * (0.35 + 0.35 * severity)
    beat.qrs.append(wave(-0.034 - 0.008 * severity, 0.014, delta))
    _discordant_t(beat, delta, 0.22, rng)


# Hypertrophy


def _scale_to_sokolow(beat, matrix, target):
    factor = np.clip(target / max(sokolow(beat, matrix), 0.3), 0.4, 4.0)
    beat.qrs = [w.scaled(factor) for w in beat.qrs]


def _lvh(beat, matrix, severity, rng):
    beat.qrs[1] = wave(0.002, 0.013, beat.qrs[1].dipole * [1.2, 0.85, 1.2])
    beat.qrs_duration = max(beat.qrs_duration, rng.uniform(0.092, 0.112))
    _scale_to_sokolow(beat, matrix, 3.6 + 2.4 * severity)


def _lvh_strain(beat, matrix, severity, rng):
    _lvh(beat, matrix, severity, rng)
    depth = 0.08 + 0.16 * severity
    main = beat.qrs[1].dipole / np.linalg.norm(beat.qrs[1].dipole)
    beat.st = [Wave(0.0, 0.03, 0.09, -main * depth)]
    beat.t = [Wave(0.0, 0.075, 0.032, -main * (0.16 + 0.3 * severity))]


def _rvh(beat, matrix, severity, rng):
    size = 0.75 + 0.6 * severity
    axis = np.deg2rad(rng.uniform(100, 140))
    beat.qrs[1] = wave(0.0, 0.012, size * np.array([np.cos(axis), np.sin(axis), -0.85]))
    beat.qrs[2] = wave(0.026, 0.012, size * np.array([-0.55, 0.0, 0.10]))
    shift = np.array([0.05, -0.05, 0.35 * size])
    beat.t = [Wave(w.centre, w.rise, w.fall, w.dipole + shift) for w in beat.t]
    beat.p[0] = beat.p[0].scaled(1.6)


def _left_atrial_enlargement(beat, matrix, severity, rng):
    size = 1.3 + 0.6 * severity
    beat.p = [
        wave(-0.026, 0.018, [0.02, 0.07, -0.03]),
        wave(0.030, 0.020, [0.06 * size, 0.06 * size, 0.075 * size]),
    ]
    beat.pr = max(beat.pr, 0.15)


def _right_atrial_enlargement(beat, matrix, severity, rng):
    beat.p = [wave(0.0, 0.019, np.array([0.03, 0.20, -0.07]) * (1.3 + 0.7 * severity))]


# ST and T changes


def _set_repolarisation(beat, st, t, st_share=1.0):
    beat.st = [Wave(0.0, 0.03, 0.09, np.array(st, dtype=float) * st_share)]
    old = beat.t[0]
    beat.t = [Wave(0.0, old.rise, old.fall, np.array(t, dtype=float))]


def _nonspecific_st_t(beat, matrix, severity, rng):
    flat = rng.uniform(-0.12, 0.22) * (1 - severity) - 0.15 * severity
    beat.t = [w.scaled(flat) for w in beat.t[:1]]
    sag = -(0.03 + 0.07 * severity)
    beat.st = [Wave(0.0, 0.03, 0.10, sag * np.array([0.8, 0.6, -0.1]))]


def _ischaemic_depression(beat, matrix, severity, rng):
    depth = 0.08 + 0.22 * severity
    direction = rng.normal([-0.75, -0.45, 0.35], 0.15)
    _set_repolarisation(
        beat, direction * depth * 1.5, direction * rng.uniform(-0.15, 0.6) * (0.3 + depth)
    )


def _t_inversion(beat, matrix, severity, rng):
    direction = [
        np.array([-0.55, 0.05, 0.45]),  # anterior and lateral
        np.array([-0.1, -0.6, 0.1]),  # inferior
        np.array([-0.7, -0.1, 0.1]),  # lateral
    ][rng.choice(3, p=[0.5, 0.2, 0.3])]
    size = 0.28 + 0.5 * severity
    _set_repolarisation(beat, rng.normal(0, 0.02, 3), direction * size)


def _long_qt(beat, matrix, severity, rng):
    beat.qt = 0.475 + 0.07 * severity


def _digitalis(beat, matrix, severity, rng):
    depth = 0.10 + 0.12 * severity
    main = beat.qrs[1].dipole / np.linalg.norm(beat.qrs[1].dipole)
    beat.st = [Wave(0.04, 0.07, 0.05, -main * depth)]
    beat.t = [w.scaled(0.45) for w in beat.t[:1]]
    beat.qt = rng.uniform(0.34, 0.375)


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


def _near(wall: str, size: float) -> dict[str, float]:
    return {lead: value * size for lead, value in _WALLS[wall][1].items()}


def _stemi(wall):
    def apply(beat, matrix, severity, rng):
        direction = _WALLS[wall][0]
        elevation = (0.19 + 0.30 * severity) * rng.lognormal(0, 0.1)
        st = wave(0.03, 0.045, direction * elevation, fall=0.10, **_near(wall, elevation * 0.5))
        peak = elevation * rng.uniform(0.9, 1.9)
        hyperacute = wave(0.0, 0.075, direction * peak, fall=0.045, **_near(wall, peak * 0.5))
        beat.st = [st]
        beat.t = [beat.t[0].scaled(0.5), hyperacute]
        if rng.random() < 0.5:
            _necrosis(beat, wall, 0.35, rng)

    return apply


def _necrosis(beat, wall, size, rng):
    """Early forces away from a dead wall: pathological Q waves or lost R waves."""
    away = -_WALLS[wall][0] * size
    beat.qrs[0] = wave(
        -0.023, 0.0135, away + beat.qrs[0].dipole * 0.15, fall=0.012, **_near(wall, -size)
    )
    wall_direction = _WALLS[wall][0] / np.linalg.norm(_WALLS[wall][0])
    main = beat.qrs[1].dipole
    lost = max(main @ wall_direction, 0) * min(0.25 + 0.4 * size, 0.75)
    beat.qrs[1] = Wave(
        0.006, beat.qrs[1].rise, beat.qrs[1].fall, main - lost * wall_direction, beat.qrs[1].near
    )


def _old_infarction(wall):
    def apply(beat, matrix, severity, rng):
        _necrosis(beat, wall, 0.55 + 0.6 * severity, rng)
        if rng.random() < 0.6:
            direction = -_WALLS[wall][0] * rng.uniform(0.15, 0.45)
            beat.t = [Wave(0.0, 0.055, 0.036, direction + beat.t[0].dipole * 0.4)]

    return apply


FINDINGS = (
    Finding("LBBB", "CD", 0.13, _lbbb, "QRS >= 120 ms, broad R in V6, QS or rS in V1", True),
    Finding("RBBB", "CD", 0.12, _rbbb, "QRS >= 120 ms, R' in V1, broad S in I and V6", True),
    Finding("IRBBB", "CD", 0.22, _incomplete_rbbb, "QRS 100-119 ms, R' in V1", True),
    Finding("LAFB", "CD", 0.26, _left_anterior_block, "axis below -45 degrees, qR in aVL", True),
    Finding("LPFB", "CD", 0.04, _left_posterior_block, "axis 100-140 degrees, rS in I", True),
    Finding("1AVB", "CD", 0.13, _first_degree_block, "PR > 200 ms"),
    Finding("IVCD", "CD", 0.08, _intraventricular_delay, "QRS > 110 ms", True),
    Finding("WPW", "CD", 0.02, _pre_excitation, "PR < 120 ms, delta wave, QRS > 110 ms", True),
    Finding("LVH", "HYP", 0.50, _lvh, "Sokolow-Lyon >= 3.5 mV"),
    Finding("LVH with strain", "HYP", 0.25, _lvh_strain, "Sokolow-Lyon >= 3.5 mV, ST down, T neg."),
    Finding("RVH", "HYP", 0.05, _rvh, "R > S in V1, axis > 90 degrees", True),
    Finding("LAE", "HYP", 0.13, _left_atrial_enlargement, "P >= 120 ms, P terminal force in V1"),
    Finding("RAE", "HYP", 0.07, _right_atrial_enlargement, "P in II >= 0.25 mV"),
    Finding("NST", "STTC", 0.50, _nonspecific_st_t, "flat or low T, ST sagging below 0.1 mV"),
    Finding("ST depression", "STTC", 0.18, _ischaemic_depression, "ST <= -0.05 mV in two leads"),
    Finding("T inversion", "STTC", 0.22, _t_inversion, "T <= -0.1 mV in two adjacent leads"),
    Finding("long QT", "STTC", 0.03, _long_qt, "QTc >= 470 ms"),
    Finding("digitalis", "STTC", 0.05, _digitalis, "sagging ST, short QT"),
    Finding("STEMI anterior", "Acute MI", 0.30, _stemi("anterior"), "ST >= 0.2 mV in V2-V4"),
    Finding("STEMI septal", "Acute MI", 0.12, _stemi("septal"), "ST >= 0.2 mV in V1-V2"),
    Finding("STEMI lateral", "Acute MI", 0.10, _stemi("lateral"), "ST >= 0.1 mV in I, aVL, V5-V6"),
    Finding("STEMI inferior", "Acute MI", 0.38, _stemi("inferior"), "ST >= 0.1 mV in II, III, aVF"),
    Finding("STEMI posterior", "Acute MI", 0.10, _stemi("posterior"), "ST <= -0.1 mV in V1-V3"),
    Finding("old anterior MI", "Old MI", 0.15, _old_infarction("anterior"), "Q or no R in V2-V4"),
    Finding("old septal MI", "Old MI", 0.27, _old_infarction("septal"), "Q or no R in V1-V3"),
    Finding("old anterolateral MI", "Old MI", 0.06, _old_infarction("anterolateral"), "Q in V3-V6"),
    Finding("old inferior MI", "Old MI", 0.44, _old_infarction("inferior"), "Q in II, III, aVF"),
    Finding("old inferolateral MI", "Old MI", 0.06, _old_infarction("inferolateral"), "Q in II"),
    Finding("old lateral MI", "Old MI", 0.02, _old_infarction("lateral"), "Q in I, aVL"),
)


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
            if f.label == label and not (f.conduction and any(c.conduction for c in chosen))
        ]
        weights = np.array([f.weight for f in pool])
        chosen.append(pool[rng.choice(len(pool), p=weights / weights.sum())])
    return chosen
