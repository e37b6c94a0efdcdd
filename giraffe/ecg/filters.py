"""What an electrocardiograph does to a signal before it prints it, and what disturbs it.

Digital electrocardiographs take the wandering of the baseline out with a high pass of the first
order (0.05 Hz diagnostic, up to 0.67 Hz monitoring) and tremor with a low pass (25 to 150 Hz).
"""

from functools import lru_cache

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

HIGH_PASSES = ((0.05, 0.35), (0.15, 0.2), (0.32, 0.1), (0.5, 0.25), (0.67, 0.1))
LOW_PASSES = ((25.0, 0.1), (35.0, 0.15), (40.0, 0.3), (100.0, 0.2), (150.0, 0.25))
"""Cut-off frequencies in Hz with their frequencies among devices."""
OFF_MV = 1.0  # of a lead's median that is off its baseline; the most of 5304 of PTB-XL is 0.43


@lru_cache(maxsize=64)
def _sections(kind: str, cutoff: float, fs: float):
    sections = butter(1 if kind == "highpass" else 2, cutoff, kind, fs=fs, output="sos")
    return sections, sosfilt_zi(sections)


def _filtered(signal, kind: str, cutoff: float, fs: float) -> np.ndarray:
    """Filter once forwards, as a device does while it records; missing samples stay missing."""
    sections, settled = _sections(kind, cutoff, fs)
    missing = np.isnan(signal)
    held = np.where(missing, 0.0, signal) if missing.any() else signal
    # The device has run for long when the record begins: no step from 0 mV.
    begin = held[:, : round(fs / 2)].mean(axis=1) if kind == "highpass" else held[:, 0]
    state = settled[:, None, :] * begin[None, :, None]
    out, _ = sosfilt(sections, held, axis=1, zi=state)
    return np.where(missing, np.nan, out) if missing.any() else out


def high_pass(signal: np.ndarray, fs: float, cutoff: float) -> np.ndarray:
    """Take slow changes out, as a capacitor would.

    Parameters
    ----------
    signal : ndarray, shape (leads, samples)
        In mV; NaN where a sample is missing.
    fs, cutoff : float
        Sampling and cut-off frequency in Hz.

    Returns
    -------
    ndarray, shape (leads, samples)
    """
    return _filtered(signal, "highpass", cutoff, fs)


def low_pass(signal: np.ndarray, fs: float, cutoff: float) -> np.ndarray:
    """Take fast changes out; parameters and result as of `high_pass`.

    A cut-off at or above half the sampling frequency changes nothing.
    """
    return signal if cutoff >= fs / 2 else _filtered(signal, "lowpass", cutoff, fs)


def wander(rng, shape: tuple[int, int], fs: float, height: float) -> np.ndarray:
    """Slow drift of the baseline by breathing and moving electrodes.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int)
        Leads and samples.
    fs : float
        Sampling frequency in Hz.
    height : float
        Largest drift in mV.

    Returns
    -------
    ndarray of float32, shape (leads, samples)
    """
    leads, samples = shape
    time = np.arange(samples, dtype=np.float32) / fs
    rates = rng.uniform([0.03, 0.12, 0.2], [0.1, 0.25, 0.4])
    waves = np.sin(2 * np.pi * (rates[:, None] * time + rng.uniform(size=(3, 1))))
    parts = rng.normal(0, height / 2, (leads, 3)) * [1.0, 0.6, 0.4]
    return np.clip(parts @ waves, -height, height).astype(np.float32)


def centred(signal: np.ndarray) -> np.ndarray:
    """A signal whose leads far off 0 mV are brought back to it.

    Electrodes stand at hundreds of mV of direct voltage, and every electrocardiograph's high pass
    blocks it; records that were taken without one have leads some mV off, whose traces would be
    printed rows away from their own. Leads no more than `OFF_MV` off stay as they are.

    Parameters
    ----------
    signal : ndarray, shape (leads, samples)
        In mV; NaN where a sample is missing.

    Returns
    -------
    ndarray, shape (leads, samples)
    """
    levels = np.array([np.median(lead[known]) if (known := np.isfinite(lead)).any() else 0.0
                       for lead in signal], dtype=signal.dtype)  # fmt: skip
    return signal - np.where(np.abs(levels) > OFF_MV, levels, 0)[:, None].astype(signal.dtype)


def disturbed(signal: np.ndarray, fs: float, rng) -> np.ndarray:
    """A signal as some device would print it.

    Parameters
    ----------
    signal : ndarray, shape (leads, samples)
        In mV; NaN where a sample is missing.
    fs : float
        Sampling frequency in Hz.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (leads, samples)
    """
    leads, samples = signal.shape
    signal = centred(signal.astype(np.float32))
    if rng.random() < 0.35:
        signal = signal + wander(rng, signal.shape, fs, rng.uniform(0.05, 0.5))
    if rng.random() < 0.08:  # tremor
        signal = signal + rng.standard_normal(signal.shape, dtype=np.float32) * np.float32(
            rng.uniform(0.01, 0.05)
        )
    if rng.random() < 0.08:  # mains
        time = np.arange(samples) / fs
        hum = np.sin(2 * np.pi * rng.choice([50.0, 60.0]) * time)
        signal = signal + rng.uniform(0, rng.uniform(0.02, 0.08), (leads, 1)) * hum
    if rng.random() < 0.5:
        signal = high_pass(signal, fs, _one(rng, HIGH_PASSES))
    if rng.random() < 0.5:
        signal = low_pass(signal, fs, _one(rng, LOW_PASSES))
    if rng.random() < 0.15:  # columns that do not begin at the same level
        signal = signal + rng.normal(0, rng.uniform(0.02, 0.15), (leads, 1))
    return signal.astype(np.float32)


def _one(rng, choices) -> float:
    values, shares = zip(*choices, strict=True)
    return float(rng.choice(values, p=shares))
