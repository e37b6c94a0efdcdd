"""The sub-diagnoses behind the 11 classes: how often they occur, and how a reader recognises them.

A finding changes a healthy beat (see `changes`) and has the published criterion by which a reader
recognises it; `simulate` draws a patient again whose beat does not meet it. Weights are relative
frequencies in PTB-XL (statement counts of Wagner et al., Scientific Data 7:154, 2020, rounded).

Criteria follow, where nothing else is said, the AHA/ACCF/HRS recommendations (Surawicz et al.,
Circulation 119:e235, 2009, conduction; Rautaharju et al., 119:e241, ST, T and QT; Hancock et al.,
119:e251, hypertrophy) and the universal definition of infarction (Thygesen et al., Circulation
138:e618, 2018).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from giraffe.ecg import changes
from giraffe.ecg.heart import Beat
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
    return lambda m: _pathological_q(m, changes.TERRITORY[wall])


def _elevated(wall):
    return lambda m: _st_elevation(m, changes.TERRITORY[wall])


FINDINGS = (
    Finding(
        "LBBB",
        "CD",
        0.12,
        changes.lbbb,
        lambda m: m.qrs >= 120 and m.lead("late", "V1") < 0 < m.lead("late", "V6"),
        "QRS >= 120 ms, late forces to the left and back",
        True,
    ),
    Finding(
        "RBBB",
        "CD",
        0.12,
        changes.rbbb,
        lambda m: m.qrs >= 120 and m.lead("late", "V1") > 0 > m.lead("late", "I"),
        "QRS >= 120 ms, R' in V1, broad S in I",
        True,
    ),
    Finding(
        "IRBBB",
        "CD",
        0.22,
        changes.incomplete_rbbb,
        lambda m: 96 <= m.qrs < 122 and m.lead("late", "V1") > 0.04,
        "QRS 100-119 ms, R' in V1",
        True,
    ),
    Finding(
        "ILBBB",
        "CD",
        0.02,
        changes.incomplete_lbbb,
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
        changes.left_anterior_block,
        lambda m: -100 < m.axis <= -40,
        "axis -45 degrees or less",
        True,
    ),
    Finding(
        "LPFB",
        "CD",
        0.03,
        changes.left_posterior_block,
        lambda m: 98 <= m.axis <= 180,
        "axis 100 degrees or more",
        True,
    ),
    Finding("1AVB", "CD", 0.14, changes.first_degree_block, lambda m: m.pr > 200, "PR > 200 ms"),
    Finding(
        "IVCD",
        "CD",
        0.07,
        changes.intraventricular_delay,
        lambda m: m.qrs > 110,
        "QRS > 110 ms",
        True,
    ),
    Finding(
        "WPW",
        "CD",
        0.01,
        changes.pre_excitation,
        lambda m: m.pr <= 122 and m.qrs >= 108,
        "PR < 120 ms, delta wave, QRS > 110 ms",
        True,
    ),
    Finding(
        "LVH",
        "HYP",
        0.50,
        changes.lvh,
        _lvh_voltage,
        "S V1 + R V5 or V6 >= 3.5 mV (Sokolow-Lyon) or R aVL + S V3 >= 2.8 mV (Cornell)",
    ),
    Finding(
        "LVH with strain",
        "HYP",
        0.25,
        changes.lvh_strain,
        lambda m: _lvh_voltage(m) and (m.lead("t", "V6") < 0 or m.lead("t", "I") < 0),
        "voltage and T against QRS in I or V6",
    ),
    Finding(
        "RVH",
        "HYP",
        0.05,
        changes.rvh,
        lambda m: 90 <= m.axis <= 180 and m.lead("r", "V1") >= 0.5 * m.lead("s", "V1"),
        "axis > 90 degrees, tall R in V1",
        True,
    ),
    Finding(
        "LAE",
        "HYP",
        0.13,
        changes.left_atrial_enlargement,
        lambda m: m.p_duration >= 120,
        "P >= 120 ms, terminal force in V1",
    ),
    Finding(
        "RAE",
        "HYP",
        0.07,
        changes.right_atrial_enlargement,
        lambda m: m.lead("p", "II") >= 0.25,
        "P in II >= 0.25 mV",
    ),
    Finding(
        "NST",
        "STTC",
        0.50,
        changes.nonspecific_st_t,
        _low_t,
        "T below a tenth of R, or ST at or below -0.05 mV, in two of I, II, V4-V6",
    ),
    Finding(
        "ST depression",
        "STTC",
        0.18,
        changes.ischaemic_depression,
        _st_depression,
        "ST <= -0.05 mV 60 ms after J in two contiguous leads",
    ),
    Finding(
        "T inversion",
        "STTC",
        0.24,
        changes.t_inversion,
        _inverted,
        "T <= -0.1 mV in two contiguous leads",
    ),
    Finding("long QT", "STTC", 0.04, changes.long_qt, lambda m: m.qtc >= 460, "QTc >= 460 ms"),
    Finding(
        "digitalis",
        "STTC",
        0.04,
        changes.digitalis,
        lambda m: _low_t(m) or _st_depression(m),
        "sagging ST, short QT",
    ),
    Finding(
        "STEMI anterior",
        "Acute MI",
        0.30,
        changes.stemi("anterior"),
        _elevated("anterior"),
        "ST >= 0.2 mV in V2 and V3, 0.1 mV in V4; two of V2-V4",
    ),
    Finding(
        "STEMI septal",
        "Acute MI",
        0.12,
        changes.stemi("septal"),
        _elevated("septal"),
        "ST elevation in two of V1-V3",
    ),
    Finding(
        "STEMI lateral",
        "Acute MI",
        0.10,
        changes.stemi("lateral"),
        _elevated("lateral"),
        "ST >= 0.1 mV in two of I, aVL, V5, V6",
    ),
    Finding(
        "STEMI inferior",
        "Acute MI",
        0.38,
        changes.stemi("inferior"),
        _elevated("inferior"),
        "ST >= 0.1 mV in two of II, III, aVF",
    ),
    Finding(
        "STEMI posterior",
        "Acute MI",
        0.10,
        changes.stemi("posterior"),
        lambda m: sum(m.lead("st_60", x) <= -0.05 for x in ("V1", "V2", "V3")) >= 2,
        "ST <= -0.05 mV in two of V1-V3",
    ),
    *(
        Finding(
            f"old {wall} MI",
            "Old MI",
            weight,
            changes.old_infarction(wall),
            _infarcted(wall),
            "Q >= 40 ms and 0.1 mV (V2, V3: 20 ms), or no R, in two of "
            + ", ".join(changes.TERRITORY[wall]),
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
        changes.early_repolarisation,
        _healthy_but("Acute MI"),
        "J >= 0.1 mV",
    ),
    Finding(
        "low voltage", "NORM", 0.10, changes.low_voltage, _healthy_but(), "limb leads below 0.5 mV"
    ),
    Finding("left axis", "NORM", 0.25, changes.left_axis, _healthy_but(), "axis -30 to 0 degrees"),
    Finding(
        "vertical axis",
        "NORM",
        0.20,
        changes.vertical_axis,
        _healthy_but(),
        "axis 85 to 95 degrees",
    ),
    Finding(
        "juvenile T", "NORM", 0.10, changes.juvenile_t, _healthy_but("STTC"), "negative T in V1-V3"
    ),
    Finding("rSr'", "NORM", 0.15, changes.rsr, _healthy_but(), "second R in V1, QRS < 100 ms"),
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
