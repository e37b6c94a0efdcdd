"""When the heart beats: sinus rhythm and its disorders, and the beats that come too early."""

from dataclasses import dataclass

import numpy as np
from scipy import signal as dsp

from giraffe.ecg.heart import Beat, Wave, wave

FS = 500  # Hz
SECONDS = 10
NUM_SAMPLES = FS * SECONDS  # 5000 samples in a record


@dataclass(frozen=True)
class Event:
    """A heart beat: time of R in s, interval before it in s, and what kind it is."""

    time: float
    rr: float
    kind: str  # sinus, junctional, pac or pvc


def _sinus_intervals(rng, rate: float, variability: float):
    """RR intervals in s: respiratory and slow modulation of the sinus rate."""
    breath, slow = rng.uniform(0.18, 0.32), rng.uniform(0.06, 0.12)
    phase_breath, phase_slow = rng.uniform(0, 2 * np.pi, 2)
    t = 0.0
    while True:
        swing = 0.75 * np.sin(2 * np.pi * breath * t + phase_breath)
        swing += 0.45 * np.sin(2 * np.pi * slow * t + phase_slow)
        rr = 60 / rate * (1 + variability * (swing + rng.normal(0, 0.3)))
        t += rr
        yield max(rr, 0.25)


def _regular_beats(rng, rate: float, variability: float, kind: str = "sinus") -> list[Event]:
    intervals = _sinus_intervals(rng, rate, variability)
    time = -rng.uniform(0, 60 / rate)
    beats = []
    while time < SECONDS + 1:
        rr = next(intervals)
        time += rr
        beats.append(Event(time, rr, kind))
    return beats


def _fibrillation_beats(rng, rate: float) -> list[Event]:
    """Irregularly irregular: gamma-distributed intervals above the node's refractory time."""
    mean = 60 / rate
    floor = min(0.28, 0.55 * mean)
    shape = rng.uniform(2.5, 6)
    time, beats = -rng.uniform(0, mean), []
    while time < SECONDS + 1:
        rr = floor + rng.gamma(shape, (mean - floor) / shape)
        time += rr
        beats.append(Event(time, rr, "junctional"))
    return beats


def insert_ectopics(rng, beats: list[Event], kind: str) -> list[Event]:
    """Premature beats: single, in couplets or as bigeminy, at least one inside the record."""
    inside = [
        i
        for i, beat in enumerate(beats)
        if 0.8 < beat.time < SECONDS - 0.8 and i > 0 and beat.kind != "pac"
    ]
    if not inside:
        return beats
    pattern = rng.choice(["single", "couplet", "bigeminy"], p=[0.72, 0.12, 0.16])
    if pattern == "bigeminy" and any(beat.kind in ("pac", "junctional") for beat in beats):
        pattern = "single"  # every other beat would hide the other rhythm
    if pattern == "bigeminy":
        chosen = set(inside[rng.integers(0, 2) :: 2])
    else:
        most = max(1, min(4, len(inside) // 3))
        chosen = set(rng.choice(inside, size=rng.integers(1, most + 1), replace=False).tolist())
    coupling = rng.uniform(0.52, 0.72) if kind == "pvc" else rng.uniform(0.55, 0.78)
    result: list[Event] = []
    delay = 0.0
    skip = False
    for i, beat in enumerate(beats):
        if skip:
            skip = False
            continue
        time = beat.time + delay
        if i in chosen and beat.kind != "pvc":
            rr = beat.rr * coupling * rng.uniform(0.96, 1.04)
            result.append(Event(time - beat.rr + rr, rr, kind))
            if pattern == "couplet":
                time = result[-1].time + beat.rr * rng.uniform(0.5, 0.65)
                result.append(Event(time, time - result[-1].time, kind))
                skip = i + 1 < len(beats) and beats[i + 1].kind != "pac"
                if i + 1 < len(beats):
                    delay += 0.3 * beat.rr
            elif kind == "pac":
                # The sinus node is reset: the pause is less than compensatory.
                delay -= (beat.rr - rr) * rng.uniform(0.3, 0.9)
        else:
            rr = time - result[-1].time if result else beat.rr
            result.append(Event(time, max(rr, 0.25), beat.kind))
    return result


def _flutter_wave(rng, rate: float) -> np.ndarray:
    """Saw-tooth of atrial flutter in the eight leads' dipole, shape (3, samples)."""
    t = np.arange(NUM_SAMPLES) / FS
    phase = 2 * np.pi * rate / 60 * t + rng.uniform(0, 2 * np.pi)
    saw = dsp.sawtooth(phase, width=rng.uniform(0.65, 0.85))
    saw = saw - 0.25 * np.sin(2 * phase)
    dipole = np.array([0.02, -0.14, rng.choice([-0.06, 0.05])]) * rng.lognormal(0, 0.3)
    return np.outer(dipole, saw)


def _fibrillation_wave(rng) -> np.ndarray:
    """Fine to coarse f waves of 5-8 Hz, strongest in V1, shape (3, samples)."""
    t = np.arange(NUM_SAMPLES) / FS
    wandering = np.cumsum(rng.normal(0, 1, NUM_SAMPLES)) / np.sqrt(FS)
    phase = 2 * np.pi * rng.uniform(5.0, 7.8) * t + 0.9 * wandering
    envelope = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.2, 0.7) * t + rng.uniform(0, 6))
    size = rng.uniform(0.015, 0.09)
    direction = np.array([-0.3, 0.55, -0.8]) + rng.normal(0, 0.2, 3)
    second = np.sin(1.37 * phase + 1.0) * 0.5
    return np.outer(direction * size, envelope * np.sin(phase)) + np.outer(
        rng.normal(0, 0.5, 3) * size, envelope * second
    )


def draw_rhythm(rng, labels):
    """Beats of a record with these labels.

    Returns
    -------
    beats : list of Event
    atrial : ndarray, shape (3, samples), or None
        Dipole of fibrillating or fluttering atria.
    atrial_rate : float or None
        Per minute; NaN where they fibrillate, None where they beat with the ventricles.
    name : str
    """
    has = set(labels).__contains__
    if has("AFIB/AFL"):
        if rng.random() < 0.15:
            atrial_rate = rng.uniform(250, 330)
            ratio = int(rng.choice([2, 3, 4], p=[0.4, 0.2, 0.4]))
            if has("TACHY"):
                ratio = 2
            elif has("BRADY"):
                ratio = 6
            if rng.random() < 0.25:
                beats = _fibrillation_beats(rng, atrial_rate / ratio)
            else:
                beats = _regular_beats(rng, atrial_rate / ratio, 0.004, "junctional")
            return beats, _flutter_wave(rng, atrial_rate), atrial_rate, f"flutter {ratio}:1"
        low, high = (108, 150) if has("TACHY") else (38, 52) if has("BRADY") else (58, 112)
        rate = rng.uniform(low, high)
        beats, atrial = _fibrillation_beats(rng, rate), _fibrillation_wave(rng)
        return beats, atrial, np.nan, "atrial fibrillation"
    if has("TACHY"):
        if rng.random() < 0.12:
            rate = rng.uniform(150, 210)
            beats = _regular_beats(rng, rate, 0.002, "junctional")
            return beats, None, None, "supraventricular tachycardia"
        return _regular_beats(rng, rng.gamma(2, 8) + 102, 0.008), None, None, "sinus tachycardia"
    if has("BRADY"):
        rate = 58.5 - min(rng.gamma(2, 3.5), 22)
        return _regular_beats(rng, rate, rng.uniform(0.01, 0.06)), None, None, "sinus bradycardia"
    rate = np.clip(rng.normal(69, 10), 60.5, 98)
    arrhythmia = rng.random() < 0.08
    variability = (
        rng.uniform(0.09, 0.14) if arrhythmia else np.clip(rng.lognormal(-3.5, 0.5), 0.006, 0.07)
    )
    name = "sinus arrhythmia" if arrhythmia else "sinus rhythm"
    return _regular_beats(rng, rate, variability), None, None, name


def ventricular_ectopic(rng) -> Beat:
    """A beat from the ventricles: wide, no P wave, T against QRS."""
    duration = rng.uniform(0.125, 0.175)
    k = duration / 0.14
    axis = rng.uniform(0, 2 * np.pi)
    back = rng.choice([-0.9, 0.9])
    main = np.array([np.cos(axis), np.sin(axis), back]) * rng.lognormal(0.25, 0.25)
    bend = main + rng.normal(0, 0.35, 3)
    qrs = [
        Wave(-0.022 * k, 0.017 * k, 0.02 * k, main * 0.75, np.zeros(8)),
        Wave(0.022 * k, 0.021 * k, 0.020 * k, bend, np.zeros(8)),
    ]
    t_dipole = -0.42 * main * rng.lognormal(0, 0.2)
    t = [Wave(0.0, 0.075, 0.05, t_dipole, np.zeros(8))]
    st = [Wave(0.0, 0.03, 0.10, t_dipole * 0.3, np.zeros(8))]
    return Beat([], qrs, st, t, 0.15, duration, 0.43)


def atrial_ectopic(rng, beat: Beat) -> Beat:
    """An early beat from the atria: another P wave, the patient's own QRS, sometimes aberrant."""
    early = beat.copy()
    dipole = np.array([0.06, 0.1, -0.03]) * rng.choice([-1.0, 1.0], 3) * rng.uniform(0.7, 1.3)
    early.p = [wave(0.0, 0.019, dipole)]
    early.pr = beat.pr * rng.uniform(0.8, 1.15)
    if rng.random() < 0.1:
        late = np.array([-0.4, 0.0, -0.5])
        early.qrs = [*early.qrs, wave(0.6 * beat.qrs_duration - 0.01, 0.017, late)]
    return early
