#!/usr/bin/env python
"""Score the Challenge entry: `python evaluate_model.py -d LABELS -o OUTPUTS [-s SCORES] [-x]`.

The scores are the Challenge's: SNR of the digitized signals and macro F-measure of the labels.
"""

import argparse
import os
import warnings

from joblib import Parallel, delayed

from giraffe.commands.commandline import parse_folders
from helper_code import (
    align_signals,
    compute_asci_metric,
    compute_f_measure,
    compute_ks_metric,
    compute_snr,
    compute_weighted_absolute_difference,
    find_records,
    get_header_file,
    load_labels,
    load_signals,
    normalize_names,
    np,
    reorder_signal,
    save_text,
)

NUM_QUANT_LEVELS = 256
MANY_RECORDS = 50
MAX_SHIFT_SECONDS = 0.5
MAX_SHIFT_MV = 1.0
# Columns of a channel's scores. The organisers' "SNR median" is one NaN-ignoring mean over three
# numbers of every channel: the SNR from the noise's median square, and the two powers that it came
# from. The published figures contain that, so ours do.
COLUMNS = {
    "SNR": [0],
    "SNR median": [1, 2, 3],
    "KS metric": [4],
    "ASCI metric": [5],
    "Weighted absolute difference metric": [6],
}
NUM_COLUMNS = 7


def get_parser():
    parser = argparse.ArgumentParser(description="Score the outputs of the Challenge models.")
    parser.add_argument("-d", "--folder_ref", help="folder with the reference records")
    parser.add_argument("-o", "--folder_est", help="folder with the model's outputs")
    parser.add_argument("-n", "--no_shift", action="store_true", help="do not align the signals")
    parser.add_argument("-x", "--extra_scores", action="store_true", help="more signal scores")
    parser.add_argument("-s", "--summary_score_file", help="write the scores here, not to stdout")
    parser.add_argument("-ta", "--total_snr_file", help="table of the SNR per record and channel")
    parser.add_argument("-j", "--jobs", type=int, default=-1, help="processes; -1: one per core")
    parser.add_argument("-tb", "--total_f_measure_file", help="table of the F-measure per class")
    return parser


def score_channel(x_ref, x_est, fs, no_shift, extra):
    """Scores of one channel, shape (7,), in the order of `COLUMNS`."""
    if not no_shift:
        shifted, offset_hz, offset_vt = align_signals(x_ref, x_est, NUM_QUANT_LEVELS)
        if abs(offset_hz) <= MAX_SHIFT_SECONDS * fs and abs(offset_vt) <= MAX_SHIFT_MV:
            x_est = shifted
    scores = np.full(NUM_COLUMNS, np.nan)
    scores[0] = compute_snr(x_ref, x_est)[0]
    if extra:
        scores[1:4] = compute_snr(x_ref, x_est, noise_median=True)
        scores[4] = compute_ks_metric(x_ref, x_est)
        scores[5] = compute_asci_metric(x_ref, x_est)
        scores[6] = compute_weighted_absolute_difference(x_ref, x_est, fs)
    return scores


def score_record(path_ref, path_est, no_shift, extra):
    """Scores of each channel of a record.

    Returns
    -------
    (dict of str to ndarray, bool) or None
        Scores by channel, and whether there was an estimate; None without a reference signal.
    """
    signal_ref, fields_ref = load_signals(path_ref)
    if signal_ref is None:
        return None
    channels, fs = fields_ref["sig_name"], fields_ref["fs"]
    signal_est, fields_est = (
        load_signals(path_est) if os.path.isfile(get_header_file(path_est)) else (None, None)
    )
    estimates = {}
    if signal_est is not None:
        assert fields_est["fs"] == fs, (
            f"{path_est}: {fields_est['fs']} Hz, but the reference has {fs} Hz"
        )
        units = set(fields_ref["units"]) | set(fields_est["units"])
        assert units == {"mV"}, f"{path_est}: units are {sorted(units)}, expected mV in both"
        names = normalize_names(channels, fields_est["sig_name"])
        known = [
            i for i, name in enumerate(fields_est["sig_name"]) if normalize_names(channels, [name])
        ]
        ordered = reorder_signal(signal_est[:, known], names, channels)
        present = [name for name in channels if name in names]
        estimates = {name: ordered[:, i] for i, name in enumerate(present)}
    missing = np.full(len(signal_ref), np.nan)
    scores = {
        name: score_channel(signal_ref[:, i], estimates.get(name, missing), fs, no_shift, extra)
        for i, name in enumerate(channels)
    }
    return scores, signal_est is not None


def evaluate_signals(folder_ref, folder_est, records, no_shift, extra, jobs=1):
    """Mean of each score of `COLUMNS` over all channels of all records, and the scores of each."""
    per_record, any_estimate = {}, False
    # Starting processes takes longer than scoring a few records.
    results = Parallel(jobs if len(records) >= MANY_RECORDS else 1)(
        delayed(score_record)(
            os.path.join(folder_ref, record), os.path.join(folder_est, record), no_shift, extra
        )
        for record in records
    )
    for record, scored in zip(records, results, strict=True):
        if scored is not None:
            per_record[record] = scored[0]
            any_estimate |= scored[1]
    rows = [scores for channels in per_record.values() for scores in channels.values()]
    if not any_estimate or not rows:
        return dict.fromkeys(COLUMNS, np.nan), per_record
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, as meant
        table = np.array(rows)
        means = {name: np.nanmean(table[:, columns]) for name, columns in COLUMNS.items()}
    return means, per_record


def evaluate_labels(folder_ref, folder_est, records):
    """Macro F, F per class and classes of the records whose reference has a non-empty label."""
    labels_ref, labels_est = [], []
    for record in records:
        labels = _labels_or_none(os.path.join(folder_ref, record))
        if any(labels):
            labels_ref.append(labels)
            labels_est.append(_labels_or_none(os.path.join(folder_est, record)))
    macro, per_class, classes = compute_f_measure(labels_ref, labels_est)
    if not any(any(labels) for labels in labels_est):
        macro = float("nan")
    return macro, per_class, classes


def _labels_or_none(record):
    """A record's labels; an empty list where the header or its line of labels is missing."""
    try:
        return load_labels(record)
    except Exception:
        return []


def run(args):
    records = find_records(args.folder_ref)
    if not records:
        raise FileNotFoundError("No records found.")
    means, per_record = evaluate_signals(
        args.folder_ref, args.folder_est, records, args.no_shift, args.extra_scores, args.jobs
    )
    macro, per_class, classes = evaluate_labels(args.folder_ref, args.folder_est, records)

    shown = list(COLUMNS) if args.extra_scores else ["SNR"]
    lines = [f"{name}: {means[name]:.3f}" for name in shown]
    text = "\n".join([*lines, f"F-measure: {macro:.3f}"]) + "\n"
    if args.summary_score_file:
        save_text(args.summary_score_file, text)
    else:
        print(text)

    if args.total_snr_file:
        channels = sorted({name for scores in per_record.values() for name in scores})
        table = ["\t".join(["Record", *channels])]
        for record, scores in per_record.items():
            cells = [str(float(scores[c][0])) if c in scores else "None" for c in channels]
            table.append("\t".join([record, *cells]))
        save_text(args.total_snr_file, "\n".join(table) + "\n")
    if args.total_f_measure_file:
        rows = [f"{name}\t{float(f)}" for name, f in zip(classes, per_class, strict=True)]
        save_text(args.total_f_measure_file, "\n".join(rows) + "\n")


if __name__ == "__main__":
    run(parse_folders(get_parser(), ("folder_ref", "folder_est"), ("summary_score_file",)))
