"""Simulated 12-lead records: rhythm, heart, torso and noise become a signal with labels.

Record k of a seed depends on nothing else, so a set can be made in any order and continued. The
heart is described in `heart`, the findings in `findings`.
"""

import dataclasses
import datetime
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import signal as dsp

from giraffe.classes import CLASSES
from giraffe.ecg.beats import AFTER, BEFORE, LEADS, find_landmarks
from giraffe.ecg.findings import CRITERIA, SHAPE_CLASSES, Finding, draw_findings
from giraffe.ecg.heart import Beat, Shape, normal_beat, torso, twelve_leads
from giraffe.ecg.measure import Measurements, measure, measure_beat
from giraffe.ecg.rhythm import (
    FS,
    NUM_SAMPLES,
    atrial_ectopic,
    draw_rhythm,
    insert_ectopics,
    ventricular_ectopic,
)
from giraffe.files import write_atomically

GAIN = 1000  # ADC units per mV
ATTEMPTS = 8  # at a patient who meets the criteria of his findings

# How often the label sets of folds 1-6 of the 353 PTB-XL records in our reach occur (265 records,
# one of them without a label); counted with `python -m giraffe prepare-ptbxl`.
PTBXL_LABEL_SETS = {
    ("NORM",): 159,
    ("STTC",): 20,
    ("CD",): 17,
    ("Old MI",): 17,
    ("Old MI", "CD"): 5,
    ("CD", "HYP"): 4,
    ("Old MI", "STTC"): 4,
    ("NORM", "CD"): 4,
    ("HYP",): 3,
    ("STTC", "CD"): 3,
    ("STTC", "HYP"): 3,
    ("NORM", "BRADY"): 2,
    ("Old MI", "HYP"): 2,
    ("Old MI", "STTC", "HYP"): 2,
    ("Old MI", "CD", "TACHY"): 1,
    ("NORM", "CD", "BRADY"): 1,
    ("CD", "PVC"): 1,
    ("Old MI", "PAC"): 1,
    ("Old MI", "STTC", "TACHY"): 1,
    ("Old MI", "TACHY"): 1,
    ("CD", "TACHY"): 1,
    ("Old MI", "STTC", "CD", "HYP", "PVC", "AFIB/AFL"): 1,
    ("STTC", "HYP", "BRADY"): 1,
    ("Old MI", "STTC", "HYP", "AFIB/AFL"): 1,
    ("STTC", "HYP", "PAC", "PVC"): 1,
    ("NORM", "AFIB/AFL"): 1,
    ("STTC", "CD", "HYP", "PVC"): 1,
    ("STTC", "AFIB/AFL"): 1,
    ("STTC", "CD", "PVC"): 1,
    ("NORM", "PAC"): 1,
    ("CD", "AFIB/AFL"): 1,
    ("NORM", "PVC"): 1,
    ("Old MI", "STTC", "CD", "AFIB/AFL"): 1,
}
ACUTE_SHARE_OF_MI = 209 / (209 + 5310)  # paper, Table 2: Acute MI and Old MI of all records


@dataclass(frozen=True)
class Simulated:
    """A simulated record.

    Attributes
    ----------
    signal : ndarray of float32, shape (12, 5000)
        In mV, with noise.
    clean : ndarray of float32, shape (12, 5000)
        The same without noise.
    labels : tuple of str
    findings : tuple of str
        Sub-diagnoses and rhythm.
    r_times : ndarray, shape (beats,)
        Time of each R in s, also of beats just outside the record.
    kinds : tuple of str
        What each beat is: ``sinus``, ``junctional``, ``pac`` or ``pvc``.
    atrial_rate : float
        Per minute; NaN where the atria fibrillate.
    age : int
    sex : str
    height, weight : int
        cm and kg.
    """

    signal: np.ndarray
    clean: np.ndarray
    labels: tuple[str, ...]
    findings: tuple[str, ...]
    r_times: np.ndarray
    kinds: tuple[str, ...]
    atrial_rate: float
    age: int
    sex: str
    height: int
    weight: int

    def truth(self) -> Measurements:
        """What there is to be measured, taken from the signal without noise."""
        measured = measure(self.clean, self.r_times, self.kinds, FS)
        return dataclasses.replace(measured, atrial_rate=self.atrial_rate)


def draw_labels(rng, classes=CLASSES, prevalence: str = "balanced") -> tuple[str, ...]:
    """A set of labels that occurs in patients.

    Parameters
    ----------
    rng : numpy.random.Generator
    classes : sequence of str
        Classes that may occur.
    prevalence : str
        ``balanced``: a class is drawn first, all alike, then one of the real label sets with it;
        ``ptbxl``: a label set as often as in PTB-XL.

    Returns
    -------
    tuple of str
        In the order of `CLASSES`.
    """
    if prevalence not in ("balanced", "ptbxl"):
        raise ValueError(f"prevalence is {prevalence!r}; it must be balanced or ptbxl")
    sets = [labels for labels in PTBXL_LABEL_SETS if set(labels) <= {*classes, "Old MI"}]
    wanted = None
    if prevalence == "balanced":
        wanted = classes[rng.integers(len(classes))]
        stand_in = "Old MI" if wanted == "Acute MI" else wanted
        sets = [labels for labels in sets if stand_in in labels]
    if wanted in ("PAC", "PVC", "TACHY", "BRADY", "AFIB/AFL") and rng.random() < 0.35:
        labels = {wanted}  # a rhythm alone; few of the 265 records show it, the full set does
    elif not sets:
        labels = {wanted} if wanted else {classes[rng.integers(len(classes))]}
    else:
        weights = np.array([PTBXL_LABEL_SETS[labels] for labels in sets], dtype=float)
        if prevalence == "balanced":
            weights = np.sqrt(weights)  # so that combinations are seen often enough
        labels = set(sets[rng.choice(len(sets), p=weights / weights.sum())])
    if "Old MI" in labels and (
        wanted == "Acute MI"
        or "Old MI" not in classes
        or (wanted is None and "Acute MI" in classes and rng.random() < ACUTE_SHARE_OF_MI)
    ):
        labels = labels - {"Old MI"} | ({"Acute MI"} if "Acute MI" in classes else set())
    return tuple(name for name in CLASSES if name in labels)


# Noise


def _noise(rng) -> np.ndarray:
    """Baseline wander, mains, muscle and electrode motion in eight leads, shape (8, samples)."""
    t = np.arange(NUM_SAMPLES) / FS
    noise = np.zeros((8, NUM_SAMPLES))
    for _ in range(3):
        frequency = rng.uniform(0.05, 0.45)
        size = rng.normal(0, 1, 8) * 0.028 * rng.lognormal(0, 0.7)
        noise += np.outer(size, np.sin(2 * np.pi * frequency * t + rng.uniform(0, 2 * np.pi)))
    if rng.random() < 0.4:
        hum = rng.normal(0, 1, 8) * 0.006 * rng.lognormal(0, 0.6)
        noise += np.outer(hum, np.sin(2 * np.pi * 50 * t + rng.uniform(0, 2 * np.pi)))
    # Muscle; the recorder's low-pass takes its highest frequencies.
    white = rng.standard_normal((8, NUM_SAMPLES + 2), dtype=np.float32)
    muscle = 0.5 * white[:, :-2] + white[:, 1:-1] + 0.5 * white[:, 2:]
    level = 0.0022 * rng.lognormal(0, 0.8) * rng.lognormal(0, 0.3, 8)
    noise += level[:, None] * muscle
    # Skin and electrodes: a random walk that is drawn back, slower than muscle.
    drift = dsp.lfilter(
        [1.0], [1.0, -0.97], rng.standard_normal((8, NUM_SAMPLES), dtype=np.float32)
    )
    noise += (0.0025 * rng.lognormal(0, 0.5) * rng.lognormal(0, 0.3, 8))[:, None] * drift
    if rng.random() < 0.12:
        lead, centre = rng.integers(8), rng.uniform(1, 9)
        step = rng.normal(0, 0.25) * np.exp(-np.clip(t - centre, 0, None) / rng.uniform(0.3, 1.5))
        noise[lead] += np.where(t > centre, step, 0)
    return noise


def simulate(seed: int, k: int, classes=CLASSES, prevalence: str = "balanced") -> Simulated:
    """Record k of a seed.

    Parameters
    ----------
    seed, k : int
        The record depends on these two alone.
    classes, prevalence
        See `draw_labels`.

    Returns
    -------
    Simulated
    """
    rng = np.random.default_rng([seed, k])
    labels = draw_labels(rng, classes, prevalence)
    matrix = torso(rng)
    beats, atrial, atrial_rate, rhythm = draw_rhythm(rng, labels)
    has_p = atrial is None and rhythm != "supraventricular tachycardia"
    interval = float(np.median([beat.rr for beat in beats]))
    beat, findings = _draw_beat(rng, labels, matrix, interval)
    kinds = {"sinus": beat, "junctional": beat}
    if "PAC" in labels:
        beats = insert_ectopics(rng, beats, "pac")
        kinds["pac"] = atrial_ectopic(rng, beat)
    if "PVC" in labels:
        beats = insert_ectopics(rng, beats, "pvc")
        kinds["pvc"] = ventricular_ectopic(rng)
    shapes = {kind: Shape(own, matrix, FS) for kind, own in kinds.items()}

    leads = np.zeros((8, NUM_SAMPLES))
    breath = rng.uniform(0.18, 0.32)
    depth, phase = rng.uniform(0.01, 0.06), rng.uniform(0, 2 * np.pi)
    for event in beats:
        factor = 1 + depth * np.sin(2 * np.pi * breath * event.time + phase)
        with_p = has_p and event.kind in ("sinus", "pac")
        shapes[event.kind].add(leads, event.time, event.rr, with_p, factor)
    if atrial is not None:
        leads += matrix @ atrial
    clean = twelve_leads(leads)
    signal = twelve_leads(leads + _noise(rng))
    return Simulated(
        signal.astype(np.float32),
        clean.astype(np.float32),
        labels,
        (*(f.name for f in findings), rhythm),
        np.array([event.time for event in beats]),
        tuple(event.kind for event in beats),
        60 / interval if atrial_rate is None else atrial_rate,
        *_person(rng, labels),
    )


def _draw_beat(rng, labels, matrix, interval) -> tuple[Beat, list[Finding]]:
    """A beat that meets the criteria of its findings, and no other class's where it is healthy."""
    findings = draw_findings(labels, rng)
    for attempt in range(ATTEMPTS):
        if attempt == ATTEMPTS // 2:
            findings = draw_findings(labels, rng)  # these may not go together
        beat = normal_beat(rng)
        for finding in findings:
            finding.apply(beat, matrix, max(rng.beta(1.2, 1.8), 0.08 * attempt), rng)
        seen = _measure_shape(Shape(beat, matrix, FS), interval)
        if not all(finding.holds(seen) for finding in findings):
            continue
        ill = {*SHAPE_CLASSES} & {*labels}
        if ill or findings or not any(CRITERIA[label](seen) for label in SHAPE_CLASSES):
            break
    return beat, findings


def _measure_shape(shape: Shape, interval: float) -> Measurements:
    """Measure one beat without its neighbours."""
    leads = np.zeros((8, round((BEFORE + AFTER) * FS) + 1))
    shape.add(leads, BEFORE, interval)
    times = np.array([0.0, interval, 2 * interval])
    return measure_beat(find_landmarks(twelve_leads(leads), times, np.full(3, "sinus"), FS), FS)


def _person(rng, labels):
    """Age, sex, height and weight in keeping with the labels."""
    mean = 47 if "NORM" in labels else 66
    if "AFIB/AFL" in labels:
        mean = 72
    age = int(np.clip(rng.normal(mean, 15), 18, 95))
    male = rng.random() < (0.46 if "NORM" in labels else 0.58)
    height = int(rng.normal(176 if male else 163, 7))
    weight = int(np.clip(rng.normal(82 if male else 69, 14), 42, 160))
    return age, "Male" if male else "Female", height, weight


# Files


def wfdb_files(record: Simulated, name: str, when: datetime.datetime) -> tuple[str, bytes]:
    """Header and signal file (format 16) of a record, as WFDB reads them.

    Written here because WFDB's own writer takes 34 ms per record.
    """
    samples = np.clip(np.rint(record.signal * GAIN), -32767, 32767).astype("<i2")
    lines = [f"{name} {len(LEADS)} {FS} {NUM_SAMPLES} {when:%H:%M:%S} {when:%d/%m/%Y}"]
    for lead, row in zip(LEADS, samples, strict=True):
        checksum = int(row.astype(np.int64).sum()) % 65536
        lines.append(f"{name}.dat 16 {GAIN}.0(0)/mV 16 0 {row[0]} {checksum} 0 {lead}")
    lines += [
        f"# Age: {record.age}",
        f"# Sex: {record.sex}",
        f"# Height: {record.height}",
        f"# Weight: {record.weight}",
        f"# Labels: {', '.join(record.labels)}",
    ]
    return "\n".join(lines) + "\n", np.ascontiguousarray(samples.T).tobytes()


def write_record(
    folder: str | Path, seed: int, k: int, classes=CLASSES, prevalence: str = "balanced"
) -> str:
    """Make record k of a seed as files, unless they are there already.

    Returns
    -------
    str
        The record's name.
    """
    name = f"sim{seed:04d}_{k:06d}"
    header_path = Path(folder) / f"{name}.hea"
    if header_path.exists():
        return name
    record = simulate(seed, k, classes, prevalence)
    moment = np.random.default_rng([seed, k, 1]).integers(0, 10 * 365 * 24 * 3600)
    when = datetime.datetime(2010, 1, 1) + datetime.timedelta(seconds=int(moment))
    header, samples = wfdb_files(record, name, when)
    write_atomically(header_path.with_suffix(".dat"), samples)
    write_atomically(header_path, header)  # last: a header means that the record is whole
    return name
