"""The Challenge's helper functions, written from its contract.

The organisers put their own file of this name in place of ours, so `team_code.py` and the package
use nothing from here; `run_model.py` and `evaluate_model.py` do. Headers are WFDB text headers:
line 0 is ``NAME n_signals fs n_samples [time date]``, one line per signal follows, then comments.
A *record* below is a path without extension.
"""

import os
import sys  # noqa: F401  (visible through this module, as the contract expects)

import numpy as np
import PIL.Image
import wfdb

from giraffe.ecg.scoring import (  # noqa: F401  (part of this module's contract)
    align_signals,
    compute_asci_metric,
    compute_ks_metric,
    compute_snr,
    compute_weighted_absolute_difference,
    convert_signal,
    fft_correlate,
)

substring_labels = "# Labels:"
substring_images = "# Image:"

# Records


def find_records(folder):
    """Sorted names of the records in a folder tree, relative to the folder."""
    records = []
    for root, _, files in os.walk(folder):
        for name in files:
            stem, extension = os.path.splitext(name)
            if extension == ".hea":
                records.append(os.path.normpath(os.path.relpath(os.path.join(root, stem), folder)))
    return sorted(records)


def get_header_file(record):
    """Path of a record's header; the extension may already be there."""
    return record if record.endswith(".hea") else record + ".hea"


def load_header(record):
    """Text of a record's header."""
    return load_text(get_header_file(record))


def save_header(record, header):
    """Write a record's header."""
    save_text(get_header_file(record), header)


def load_signals(record):
    """Signals of a record in physical units, shape (samples, channels), and WFDB's fields.

    Returns
    -------
    (ndarray, dict) or (None, None)
        None where a signal file is missing or the header names none.
    """
    folder = os.path.dirname(record)
    files = get_signal_files(record)
    if files and all(os.path.isfile(os.path.join(folder, name)) for name in files):
        return wfdb.rdsamp(record)
    return None, None


def load_images(record):
    """The record's images as PIL images, those whose files exist."""
    folder = os.path.dirname(record)
    paths = [os.path.join(folder, name) for name in get_image_files(record)]
    return [PIL.Image.open(path) for path in paths if os.path.isfile(path)]


def load_labels(record):
    """The record's labels, a list of strings."""
    return get_labels_from_header(load_header(record))


def save_signals(record, signal, comments=()):
    """Write signals beside a header that is already there, in that header's formats.

    Parameters
    ----------
    signal : array_like, shape (samples, channels)
        In physical units; NaN is stored as WFDB's invalid sample.
    comments : sequence of str
        Comment lines of the header, which WFDB writes anew.

    Raises
    ------
    ValueError
        If the number of channels is not the header's.
    """
    header = load_header(record)
    signal = np.asarray(signal, dtype=float)
    names = get_signal_names(header)
    if signal.ndim != 2 or signal.shape[1] != len(names):
        raise ValueError(
            f"{record}: the signal has shape {signal.shape}, the header names {len(names)} channels"
        )
    folder, name = os.path.split(record)
    wfdb.wrsamp(
        name,
        fs=get_sampling_frequency(header),
        units=get_signal_units(header),
        sig_name=names,
        p_signal=signal,
        fmt=get_signal_formats(header),
        adc_gain=get_adc_gains(header),
        baseline=get_baselines(header),
        comments=[line.lstrip("#").strip() for line in comments],
        write_dir=folder,
    )


def save_labels(record, labels):
    """Append the line of labels to the record's header and return the header."""
    header = load_header(record)
    if not header.endswith("\n"):
        header += "\n"
    header += f"{substring_labels} {', '.join(labels)}\n"
    save_header(record, header)
    return header


# Text


def load_text(filename):
    """A file's text: UTF-8, or Latin-1 where it is not valid UTF-8."""
    with open(filename, "rb") as file:
        content = file.read()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n")


def save_text(filename, string):
    """Write a text file."""
    with open(filename, "w", encoding="utf-8", newline="\n") as file:
        file.write(string)


def get_variable(string, variable_name):
    """The rest of the last line that starts with a name, and whether there is such a line."""
    variable, found = "", False
    for line in string.split("\n"):
        if line.startswith(variable_name):
            variable, found = line[len(variable_name) :].strip(), True
    return variable, found


def get_variables(string, variable_name, sep=","):
    """All values of all lines that start with a name, and whether there is such a line."""
    variables, found = [], False
    for line in string.split("\n"):
        if line.startswith(variable_name):
            variables += [value.strip() for value in line[len(variable_name) :].split(sep)]
            found = True
    return variables, found


# Parts of a header


def _record_line(header):
    return header.split("\n")[0].split(" ")


def _signal_fields(header, position):
    """Field `position` of every signal line; ours to fail as TypeError without a signal count."""
    num_signals = get_num_signals(header)
    return [line.split(" ")[position] for line in header.split("\n")[1 : 1 + int(num_signals)]]


def get_record_name(header):
    """Name of the record, without the segment count that may follow a slash."""
    return _record_line(header)[0].split("/")[0].strip()


def get_num_signals(header):
    """Number of signals, or None if the field is not a number."""
    value = _record_line(header)[1].strip()
    return int(value) if is_integer(value) else None


def get_sampling_frequency(header):
    """Sampling frequency in Hz, or None if the field is not a number."""
    value = _record_line(header)[2].split("/")[0].strip()
    return float(value) if is_number(value) else None


def get_num_samples(header):
    """Number of samples per signal, or None if the field is not a number."""
    value = _record_line(header)[3].strip()
    return int(value) if is_integer(value) else None


def get_signal_files_from_header(header):
    """Names of the signal files, each once, in the order of the header."""
    lines = header.split("\n")
    num_signals = int(_record_line(header)[1])
    return list(dict.fromkeys(line.split(" ")[0] for line in lines[1 : 1 + num_signals]))


def get_signal_files(record):
    """Names of the record's signal files."""
    return get_signal_files_from_header(load_header(record))


def get_image_files_from_header(header):
    """Names of the image files.

    Raises
    ------
    Exception
        If the header has no line for images.
    """
    images, found = get_variables(header, substring_images)
    if not found:
        raise Exception(
            "No images in the header: add them with `python -m giraffe prepare-images`, or print "
            "the record with `python -m giraffe print`."
        )
    return images


def get_image_files(record):
    """Names of the record's image files."""
    return get_image_files_from_header(load_header(record))


def get_labels_from_header(header):
    """Labels of all label lines.

    Raises
    ------
    Exception
        If the header has no line for labels.
    """
    labels, found = get_variables(header, substring_labels)
    if not found:
        raise Exception(
            "No labels in the header: is this hidden data? PTB-XL's labels are added by "
            "`python -m giraffe prepare-ptbxl`."
        )
    return labels


def get_signal_formats(header):
    """WFDB formats without samples per frame (x), skew (:) and byte offset (+)."""
    formats = []
    for field in _signal_fields(header, 1):
        for mark in "x:+":
            field = field.split(mark)[0]
        formats.append(field)
    return formats


def get_adc_gains(header):
    """ADC units per physical unit."""
    return [float(field.split("/")[0].split("(")[0]) for field in _signal_fields(header, 2)]


def get_baselines(header):
    """ADC value of 0 physical units: in parentheses, else the ADC zero."""
    baselines = []
    gains, zeros = _signal_fields(header, 2), get_adc_zeros(header)
    for field, zero in zip(gains, zeros, strict=True):
        gain = field.split("/")[0]
        baselines.append(int(gain.split("(")[1].split(")")[0]) if "(" in gain else zero)
    return baselines


def get_signal_units(header):
    """Physical units; mV where the header names none."""
    return [field.split("/")[1] if "/" in field else "mV" for field in _signal_fields(header, 2)]


def get_adc_resolutions(header):
    """ADC resolutions in bits."""
    return [int(field) for field in _signal_fields(header, 3)]


def get_adc_zeros(header):
    """ADC values in the middle of the range."""
    return [int(field) for field in _signal_fields(header, 4)]


def get_initial_values(header):
    """ADC values of the first samples."""
    return [int(field) for field in _signal_fields(header, 5)]


def get_checksums(header):
    """Checksums of the signals."""
    return [int(field) for field in _signal_fields(header, 6)]


def get_block_sizes(header):
    """Block sizes of the signals."""
    return [int(field) for field in _signal_fields(header, 7)]


def get_signal_names(header):
    """Names of the leads."""
    return _signal_fields(header, 8)


# Numbers


def is_number(x):
    """Whether x can be read as a number, NaN and infinity included."""
    try:
        float(x)
    except (ValueError, TypeError):
        return False
    return True


def is_integer(x):
    """Whether x can be read as a whole number."""
    return is_number(x) and float(x).is_integer()


def is_finite_number(x):
    """Whether x can be read as a finite number."""
    return is_number(x) and bool(np.isfinite(float(x)))


def is_nan(x):
    """Whether x can be read as NaN."""
    return is_number(x) and bool(np.isnan(float(x)))


def cast_int_float_unknown(x):
    """Integer, float, or 'Unknown' for a number that is not finite."""
    if is_integer(x):
        return int(x)
    if is_finite_number(x):
        return float(x)
    if is_number(x):
        return "Unknown"
    raise NotImplementedError(f"Unable to cast {x}.")


# Labels and their score


def compute_one_hot_encoding(data, classes):
    """Lists of labels as a boolean array of shape (instances, classes)."""
    return np.array([[name in labels for name in classes] for labels in data], dtype=bool).reshape(
        len(data), len(classes)
    )


def compute_one_vs_rest_confusion_matrix(labels, outputs, classes):
    """Confusion matrices, shape (classes, 2, 2): TP at (0, 0), FP (0, 1), FN (1, 0), TN (1, 1)."""
    labels, outputs = np.asarray(labels, dtype=bool), np.asarray(outputs, dtype=bool)
    matrices = np.zeros((len(classes), 2, 2))
    matrices[:, 0, 0] = np.sum(labels & outputs, axis=0)
    matrices[:, 0, 1] = np.sum(~labels & outputs, axis=0)
    matrices[:, 1, 0] = np.sum(labels & ~outputs, axis=0)
    matrices[:, 1, 1] = np.sum(~labels & ~outputs, axis=0)
    return matrices


def compute_f_measure(labels, outputs):
    """Macro F-measure over the classes that occur in the reference labels.

    Parameters
    ----------
    labels, outputs : sequence of lists of str
        Reference labels and outputs of each record.

    Returns
    -------
    (float, ndarray, list of str)
        Macro F, F per class and the sorted classes. A class without true positives, false
        positives and false negatives is NaN and left out of the mean.
    """
    classes = sorted(set().union(*labels)) if len(labels) else []
    matrices = compute_one_vs_rest_confusion_matrix(
        compute_one_hot_encoding(labels, classes),
        compute_one_hot_encoding(outputs, classes),
        classes,
    )
    tp, fp, fn = matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 0]
    with np.errstate(invalid="ignore"):
        per_class = 2 * tp / (2 * tp + fp + fn)
    macro = float(np.nanmean(per_class)) if np.any(np.isfinite(per_class)) else float("nan")
    return macro, per_class, classes


# Channels


def normalize_names(names_ref, names_est):
    """For each estimated name the first reference name equal to it without case."""
    matches = (
        next((ref for ref in names_ref if ref.casefold() == est.casefold()), None)
        for est in names_est
    )
    return [name for name in matches if name is not None]


def reorder_signal(input_signal, input_channels, output_channels):
    """Columns of a signal, shape (samples, channels), in the order of other channel names.

    Raises
    ------
    AssertionError
        If a name is repeated.
    """
    assert len(set(input_channels)) == len(input_channels), "repeated input channels"
    assert len(set(output_channels)) == len(output_channels), "repeated output channels"
    if list(input_channels) == list(output_channels):
        return input_signal
    columns = [
        list(input_channels).index(name) for name in output_channels if name in input_channels
    ]
    return np.asarray(input_signal)[:, columns]
