"""How healthy hearts differ: a statistical model of normal beats, fitted to real ECGs.

The mean beat of each normal record is written as a sum of Gaussian waves with one amplitude per
lead (two for P, eight for QRS, one for ST, two for T) and a few times. Mean and principal
components of these numbers are stored in population.json, no record; a new heart is drawn from
them. The file is made by

    python -m giraffe.ecg.population RECORDS ptbxl_database.csv -o giraffe/ecg/population.json

from PTB-XL (Wagner et al., Scientific Data 7:154, 2020, CC BY 4.0), folds 1-6 of our 353 records.
"""

import argparse
import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from giraffe.ecg.beats import ECTOPIC, INDEPENDENT, MeanBeat, find_beats, mean_beat
from giraffe.files import json_text, write_atomically

QRS_WAVES = 8
QRS_WIDTH = 0.075  # standard deviation of each QRS wave, as a share of the QRS duration
GAUSSIAN_TAILS = 0.96  # the waves of a QRS reach a little beyond its ends
QRS_CENTRES = tuple(np.linspace(0.07, 0.93, QRS_WAVES))  # as shares of the QRS duration
P_CENTRES, P_WIDTHS = (-0.018, 0.018), (0.016, 0.018)  # in s
ST_CENTRE, ST_RISE, ST_FALL = 0.05, 0.025, 0.10  # in s; the fall for an ST-T of 0.3 s
RATE_EXPONENT = 0.42  # QT = QT at 60/min * RR ** 0.42
T_END = 2.1  # falls after its peak T ends
NUM_WAVES = 2 + QRS_WAVES + 1 + 2
TIMES = ("log_qrs", "pr", "qt", "log_fall", "log_p", "log_p_size", "log_qrs_size", "log_t_size")
COMPONENTS = 36


@dataclass(frozen=True)
class Heart:
    """One healthy heart.

    Attributes
    ----------
    qrs, pr, qt : float
        Durations in s; QT at 60/min.
    fall : float
        Standard deviation of T's descent in s.
    p_stretch : float
        Duration of P over the usual one.
    p, repolarisation : ndarray, shapes (2, 8) and (3, 8)
        Amplitudes in mV in I, II, V1-V6; repolarisation is ST, early T, T.
    waves : ndarray, shape (8, 8)
        Of QRS.
    """

    qrs: float
    pr: float
    qt: float
    fall: float
    p_stretch: float
    p: np.ndarray
    waves: np.ndarray
    repolarisation: np.ndarray


@functools.cache
def _model():
    numbers = json.loads((Path(__file__).parent / "population.json").read_text())
    return {name: np.array(value) for name, value in numbers.items()}


def draw_heart(rng: np.random.Generator) -> Heart:
    """A heart of the population."""
    model = _model()
    z = np.clip(rng.standard_normal(len(model["deviations"])), -2.5, 2.5)
    v = model["mean"] + model["scale"] * ((z * model["deviations"]) @ model["components"])
    times = dict(zip(TIMES, v[: len(TIMES)], strict=True))
    amplitudes = v[len(TIMES) :].reshape(NUM_WAVES, 8)
    p, waves, repolarisation = (
        part / np.linalg.norm(part) for part in np.split(amplitudes, (2, 2 + QRS_WAVES))
    )
    return Heart(
        qrs=float(np.clip(GAUSSIAN_TAILS * np.exp(times["log_qrs"]), 0.066, 0.108)),
        pr=float(np.clip(times["pr"], 0.115, 0.2)),
        qt=float(np.clip(times["qt"], 0.33, 0.43)),
        fall=float(np.exp(times["log_fall"])),
        p_stretch=float(np.clip(np.exp(times["log_p"]) / 0.1, 0.8, 1.2)),
        p=p * np.exp(times["log_p_size"]),
        waves=waves * np.exp(times["log_qrs_size"]),
        repolarisation=repolarisation * np.exp(times["log_t_size"]),
    )


def gaussian(t, centre, rise, fall):
    """Gaussian with different widths before and after its peak."""
    x = t - centre
    return np.exp(-0.5 * (x / np.where(x < 0, rise, fall)) ** 2)


def decompose(beat: MeanBeat, fs: float = 500.0) -> np.ndarray | None:
    """The model's numbers for a mean beat, or None where P or T cannot be told."""
    if beat.p_onset is None or beat.p_end is None:
        return None
    if beat.t_end <= beat.t_peak or np.isin(beat.kinds, ECTOPIC).any():
        return None
    interval = float(np.median(np.diff(beat.r_times)))
    qrs = (beat.end - beat.onset) / fs
    p_centre = ((beat.p_onset + beat.p_end) / 2 - beat.onset) / fs
    t_peak, t_end = (beat.t_peak - beat.onset) / fs, (beat.t_end - beat.onset) / fs
    fall = max((t_end - t_peak) / T_END, 0.02)
    squeeze = np.clip((t_end - qrs) / 0.30, 0.55, 1.4)

    first, last = max(beat.p_onset - 10, 0), min(beat.t_end + 20, beat.mean.shape[1])
    t = (np.arange(first, last) - beat.onset) / fs
    shapes = [gaussian(t, p_centre + c, w, w) for c, w in zip(P_CENTRES, P_WIDTHS, strict=True)]
    shapes += [gaussian(t, qrs * c, QRS_WIDTH * qrs, QRS_WIDTH * qrs) for c in QRS_CENTRES]
    shapes.append(gaussian(t, qrs + ST_CENTRE, ST_RISE, ST_FALL * squeeze))
    shapes += [gaussian(t, *early_t(t_peak, fall)), gaussian(t, t_peak, 1.5 * fall, fall)]
    basis = np.stack(shapes)
    leads = beat.mean[INDEPENDENT, first:last]
    ridge = 1e-3 * np.eye(len(basis))
    amplitudes = np.linalg.solve(basis @ basis.T + ridge, basis @ leads.T)  # (waves, 8)
    sizes = [np.linalg.norm(part) for part in np.split(amplitudes, (2, 2 + QRS_WAVES))]
    if min(sizes) <= 0:
        return None
    for part, size in zip(np.split(amplitudes, (2, 2 + QRS_WAVES)), sizes, strict=True):
        part /= size
    times = [
        np.log(qrs),
        -(p_centre - 0.055),
        t_end / interval**RATE_EXPONENT,
        np.log(fall),
        np.log((beat.p_end - beat.p_onset) / fs),
        *np.log(sizes),
    ]
    return np.concatenate([times, amplitudes.ravel()])


def early_t(t_peak: float, fall: float) -> tuple[float, float, float]:
    """Centre, rise and fall of the wave before T's peak."""
    return t_peak - 1.95 * fall, 1.5 * fall, 1.2 * fall


def fit(beats: list[MeanBeat]) -> dict[str, list]:
    """Mean and principal components of normal beats."""
    rows = [row for row in map(decompose, beats) if row is not None]
    values = np.stack(rows)
    # A few records are noise: far from everyone in any number.
    centre = np.median(values, axis=0)
    spread = 1.4826 * np.median(np.abs(values - centre), axis=0) + 1e-9
    values = values[(np.abs(values - centre) / spread).max(axis=1) < 8]
    mean, scale = values.mean(axis=0), values.std(axis=0)
    # Amplitudes of one wave share a scale, so that small leads stay small.
    for first in range(len(TIMES), len(scale), 8):
        scale[first : first + 8] = np.sqrt((scale[first : first + 8] ** 2).mean())
    _, singular, components = np.linalg.svd((values - mean) / scale, full_matrices=False)
    keep = min(COMPONENTS, len(singular))
    return {
        "records": len(values),
        "mean": np.round(mean, 4).tolist(),
        "scale": np.round(scale, 4).tolist(),
        "deviations": np.round(singular[:keep] / np.sqrt(len(values) - 1), 4).tolist(),
        "components": np.round(components[:keep], 3).tolist(),
        "explained": round(float((singular[:keep] ** 2).sum() / (singular**2).sum()), 3),
    }


def main() -> None:
    """Fit the model to the records of folds 1-6 that are labelled NORM alone."""
    from giraffe.ecg.ptbxl import patients_and_folds
    from giraffe.ecg.records import read_waveform, scan

    parser = argparse.ArgumentParser(description="Fit the variety of normal hearts.")
    parser.add_argument("records", help="folder that prepare-ptbxl wrote")
    parser.add_argument("database", help="ptbxl_database.csv")
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args()
    folds = patients_and_folds(arguments.database)[1]
    tuning = {name for name, fold in folds.items() if 1 <= fold <= 6}
    beats = []
    for record in scan(arguments.records)[0]:
        if record.header.labels == ("NORM",) and Path(record.name).name in tuning:
            waveform = read_waveform(record)
            signal = np.nan_to_num(waveform.signal)
            r_times = find_beats(signal, waveform.fs)
            beats.append(mean_beat(signal, r_times, fs=waveform.fs))
    write_atomically(Path(arguments.output), json_text(fit(beats), separators=(",", ":")))


if __name__ == "__main__":
    main()
