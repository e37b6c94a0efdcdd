"""Is the simulator right, like real patients, and fast?

    python -m benchmarks.simulator criteria            each class's criterion, on the truth
    python -m benchmarks.simulator delineator          the same, by NeuroKit2 on the noisy signal
    python -m benchmarks.simulator realism REAL -d ptbxl_database.csv [--folds 7 8]
    python -m benchmarks.simulator ceiling --held_out 777 --cases 300
    python -m benchmarks.simulator speed

REAL is the folder that prepare-ptbxl wrote. NeuroKit2 and scikit-learn come with the development
requirements.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from giraffe.classes import CLASSES, encode
from giraffe.ecg import measure
from giraffe.ecg.beats import BEFORE, INDEPENDENT, MeanBeat, find_beats, mean_beat
from giraffe.ecg.findings import CRITERIA, FINDINGS, VARIANTS
from giraffe.ecg.records import read_waveform, scan
from giraffe.ecg.simulate import FS, simulate, write_record

VARIANT_NAMES = {f.name for f in VARIANTS} | {"sinus arrhythmia"}
BY_NAME = {f.name: f for f in FINDINGS}


def _held(measured) -> dict[str, bool]:
    return {label: bool(holds(measured)) for label, holds in CRITERIA.items()}


def _truth(seed: int, k: int, classes=CLASSES):
    record = simulate(seed, k, classes)
    truth = record.truth()
    return record.labels, record.findings, _held(truth)


def _delineated(seed: int, k: int, classes=CLASSES):
    record = simulate(seed, k, classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            measured = measure.measure_beat(delineate(record.signal))
        except ValueError:
            return record.labels, record.findings, dict.fromkeys(CRITERIA, False)
    return record.labels, record.findings, _held(measured)


def delineate(signal: np.ndarray) -> MeanBeat:
    """Mean beat with the landmarks that NeuroKit2 finds (method "prominence"), lead by lead.

    QRS and P begin with the third earliest onset of the eight independent leads and end with the
    third latest end (QRS between it and the second latest), so that one odd lead decides nothing.
    """
    import neurokit2

    beat = mean_beat(signal, find_beats(signal))
    peaks = np.rint(beat.r_times * FS).astype(int)
    places = defaultdict(list)
    for row in np.asarray(signal, dtype=float)[INDEPENDENT]:
        cleaned = neurokit2.ecg_clean(row, sampling_rate=FS)
        # Each lead has its R elsewhere; the method starts from the lead's own.
        reach = np.arange(-20, 21)
        around = np.clip(peaks[:, None] + reach, 0, len(row) - 1)
        own = peaks + reach[np.argmax(cleaned[around], axis=1)]
        try:
            _, waves = neurokit2.ecg_delineate(cleaned, own, sampling_rate=FS, method="prominence")
        except (IndexError, ValueError):
            continue  # NeuroKit2 gives up on this lead
        for name in (
            "P_Onsets",
            "P_Peaks",
            "P_Offsets",
            "R_Onsets",
            "R_Offsets",
            "T_Peaks",
            "T_Offsets",
        ):
            found = np.asarray(waves[f"ECG_{name}"], dtype=float)
            if len(found) == len(peaks) and np.isfinite(found).any():
                places[name].append(float(np.nanmedian(found - peaks)))
    centre = round(BEFORE * FS)

    def place(name, rank):
        """Landmark of that rank from the earliest (negative: from the latest) lead."""
        values = sorted(places[name])
        if len(values) < 4:
            raise ValueError(f"NeuroKit2 found {name} in {len(values)} leads only")
        return max(centre + round(values[rank]), 0)

    try:
        p_peak, p_onset, p_end = place("P_Peaks", 4), place("P_Onsets", 2), place("P_Offsets", -3)
    except (ValueError, IndexError):
        p_peak = p_onset = p_end = None
    try:
        middle = len(places["T_Peaks"]) // 2, len(places["T_Offsets"]) // 2
        t_wave = {"t_peak": place("T_Peaks", middle[0]), "t_end": place("T_Offsets", middle[1])}
    except ValueError:
        t_wave = {}  # at fast rates NeuroKit2 finds no T
    return replace(
        beat,
        onset=place("R_Onsets", 2),
        end=(place("R_Offsets", -2) + place("R_Offsets", -3)) // 2,
        p_peak=p_peak,
        p_onset=p_onset,
        p_end=p_end,
        **t_wave,
    )


def criteria(one, records: int, seed: int, jobs: int) -> None:
    """Print how often each criterion holds where its class is present, and in plain NORM."""
    results = Parallel(jobs)(delayed(one)(seed, k) for k in range(records))
    results += Parallel(jobs)(delayed(one)(seed, k, ("NORM",)) for k in range(records // 4))
    carried, plain, by_finding = defaultdict(list), defaultdict(list), defaultdict(list)
    for labels, findings, held in results:
        for label in labels:
            if label in held:
                carried[label].append(held[label])
        if labels == ("NORM",) and not VARIANT_NAMES & {*findings}:
            for label, value in held.items():
                plain[label].append(value)
        for name in findings:
            label = "AFIB/AFL" if "AFIB/AFL" in labels else None
            label = BY_NAME[name].label if name in BY_NAME else label
            if label in held:
                by_finding[name].append(held[label])
    print(f"{'class':10}{'records':>9}{'criterion holds':>17}{'in plain NORM':>15}")
    for label in CRITERIA:
        print(
            f"{label:10}{len(carried[label]):9}{np.mean(carried[label]):17.3f}"
            f"{np.mean(plain[label]):15.3f}"
        )
    print(f"plain NORM: {len(plain['CD'])} records")
    print("by finding:")
    for name, values in sorted(by_finding.items()):
        print(f"  {name:24}{len(values):5}{np.mean(values):8.2f}")


def _features(signal, fs=FS) -> dict[str, float] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signal = np.nan_to_num(np.asarray(signal, dtype=float))
        try:
            numbers = measure.measure(signal, find_beats(signal, fs), fs=fs).as_dict()
        except ValueError:
            return None
    del numbers["atrial_rate"]
    return numbers


def _real_features(record):
    return _features(read_waveform(record).signal, record.header.fs)


def _simulated_features(seed, k, prevalence):
    record = simulate(seed, k, prevalence=prevalence)
    return record.labels, _features(record.signal)


def realism(folder: str, database: str, folds: list[int], records: int, seed: int, jobs: int):
    """Print how classifiers trained on simulated records read real ones, and tell them apart."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer

    warnings.simplefilter("ignore")
    table = pd.read_csv(database)
    chosen = {f"{n:05d}_hr" for n in table.ecg_id[table.strat_fold.isin(folds)]}
    real = [r for r in scan(folder)[0] if Path(r.name).name in chosen]
    numbers = Parallel(jobs)(delayed(_real_features)(r) for r in real)
    targets = np.stack([encode(r.header.labels) for r in real])
    keep = [i for i, row in enumerate(numbers) if row is not None]
    x_real, y_real = pd.DataFrame([numbers[i] for i in keep]), targets[keep] > 0.5

    def made(prevalence, count):
        rows = Parallel(jobs)(
            delayed(_simulated_features)(seed, k, prevalence) for k in range(count)
        )
        rows = [row for row in rows if row[1] is not None]
        return pd.DataFrame([row[1] for row in rows]), np.stack(
            [encode(row[0]) for row in rows]
        ) > 0.5

    models = {
        "logistic": lambda: make_pipeline(
            SimpleImputer(),
            QuantileTransformer(n_quantiles=100, output_distribution="normal"),
            LogisticRegression(C=0.02, max_iter=2000),
        ),
        "boosting": lambda: HistGradientBoostingClassifier(
            max_iter=120,
            learning_rate=0.06,
            max_leaf_nodes=12,
            l2_regularization=1.0,
            random_state=0,
        ),
    }
    x_sim, y_sim = made("balanced", records)
    print(f"{len(x_real)} real records of folds {folds}, {len(x_sim)} simulated ones to train on")
    print(f"{'class':10}{'positives':>10}" + "".join(f"{name:>10}" for name in models))
    scores = []
    for c, label in enumerate(CLASSES):
        if y_real[:, c].sum() < 5 or not y_sim[:, c].any():
            continue
        row = [
            roc_auc_score(y_real[:, c], make().fit(x_sim, y_sim[:, c]).predict_proba(x_real)[:, 1])
            for make in models.values()
        ]
        scores.append(row)
        print(f"{label:10}{y_real[:, c].sum():10}" + "".join(f"{v:10.3f}" for v in row))
    print(f"{'macro':20}" + "".join(f"{v:10.3f}" for v in np.mean(scores, axis=0)))

    x_alike, y_alike = made("ptbxl", records)
    for name, a, b in (
        ("NORM alone", x_real[_alone(y_real)], x_alike[_alone(y_alike)]),
        ("all", x_real, x_alike),
    ):
        both = pd.concat([a, b[: 2 * len(a)]], ignore_index=True)
        is_real = np.arange(len(both)) < len(a)
        areas = {}
        for kind, make in models.items():
            guess = cross_val_predict(make(), both, is_real, cv=5, method="predict_proba")
            areas[kind] = roc_auc_score(is_real, guess[:, 1])
        print(
            f"real against simulated, {name}: "
            + ", ".join(f"{k} {v:.3f}" for k, v in areas.items())
        )
        single = {f: roc_auc_score(is_real, both[f].fillna(0)) for f in both}
        telling = sorted(single, key=lambda f: -abs(single[f] - 0.5))[:6]
        print("  single numbers: " + ", ".join(f"{f} {single[f]:.2f}" for f in telling))


def _clean_features(seed, k):
    record = simulate(seed, k)
    try:
        return record.labels, record.truth().as_dict()
    except ValueError:
        return record.labels, {}


def ceiling(records: int, seed: int, held_out: int, cases: int, jobs: int) -> None:
    """Print F and AUROC of a classifier that measures the signals without noise and paper."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    from giraffe.judging.metrics import f_per_class, macro, tune_thresholds

    def made(own, count):
        rows = Parallel(jobs)(delayed(_clean_features)(own, k) for k in range(count))
        return pd.DataFrame([row[1] for row in rows]), np.stack([encode(row[0]) for row in rows])

    (x, y), (x_test, y_test) = made(seed, records), made(held_out, cases)
    x_test = x_test[x.columns]
    tuning = slice(int(0.8 * records), None)
    p_tuning, p_test = [], []
    for c in range(len(CLASSES)):
        model = HistGradientBoostingClassifier(
            max_iter=200, learning_rate=0.06, max_leaf_nodes=16, l2_regularization=1, random_state=0
        ).fit(x[: tuning.start], y[: tuning.start, c])
        p_tuning.append(model.predict_proba(x[tuning])[:, 1])
        p_test.append(model.predict_proba(x_test)[:, 1])
    p_tuning, p_test = np.stack(p_tuning, 1), np.stack(p_test, 1)
    decisions = p_test >= tune_thresholds(y[tuning], p_tuning)
    f = f_per_class(y_test, decisions)
    area = [roc_auc_score(y_test[:, c], p_test[:, c]) for c in range(len(CLASSES))]
    for label, one, other in zip(CLASSES, f, area, strict=True):
        print(f"{label:10} F {one:.3f}  AUROC {other:.3f}")
    print(f"macro      F {macro(f):.3f}  AUROC {np.mean(area):.3f}")


def _alone(targets: np.ndarray) -> np.ndarray:
    return (targets.sum(axis=1) == 1) & targets[:, 0]


def speed(records: int, repeats: int) -> None:
    """Print records per second in memory and with files, one process."""
    simulate(0, 0)
    in_memory, with_files = [], []
    for repeat in range(repeats):
        start = time.perf_counter()
        for k in range(records):
            simulate(repeat, k)
        in_memory.append(records / (time.perf_counter() - start))
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            for k in range(records):
                write_record(folder, repeat, k)
            with_files.append(records / (time.perf_counter() - start))
    print(f"in memory {statistics.median(in_memory):.0f} records/s")
    print(f"with files {statistics.median(with_files):.0f} records/s")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["criteria", "delineator", "realism", "ceiling", "speed"])
    parser.add_argument("real", nargs="?", help="prepared PTB-XL records, for realism")
    parser.add_argument("-d", "--database", help="ptbxl_database.csv, for realism")
    parser.add_argument("--folds", type=int, nargs="+", default=[1, 2, 3, 4, 5, 6])
    parser.add_argument("-n", "--number", type=int, default=2000, help="simulated records")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--held_out", type=int, default=777, help="seed of cases, for ceiling")
    parser.add_argument("--cases", type=int, default=300, help="held-out cases, for ceiling")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    n, seed, jobs = arguments.number, arguments.seed, arguments.jobs
    if arguments.what == "realism":
        if not (arguments.real and arguments.database):
            parser.error("realism needs REAL and -d DATABASE")
        realism(arguments.real, arguments.database, arguments.folds, n, seed, jobs)
    elif arguments.what == "ceiling":
        ceiling(n, seed, arguments.held_out, arguments.cases, jobs)
    elif arguments.what == "speed":
        speed(min(n, 200), 5)
    else:
        criteria(_truth if arguments.what == "criteria" else _delineated, n, seed, jobs)


if __name__ == "__main__":
    main()
