"""A heart recorded again: what another day, position or electrocardiograph would have changed.

A real record is printed many times in training. Its paper and its capture differ each time; its
signal would not, and a network learns two thousand signals by heart.
"""

import dataclasses

import numpy as np

from giraffe.ecg.records import Waveform

GAIN = 0.10  # standard deviation of the logarithm, of all leads together
CHEST_GAIN = 0.06  # of each chest lead: electrodes a rib higher or lower
SLOWEST = 0.95  # factor on the heart's rate; a faster heart would leave the page's end empty
NOISE_MV = 0.02  # largest standard deviation
WANDER_MV = 0.06  # largest amplitude
WANDER_HZ = (0.1, 0.4)


def vary(waveform: Waveform, rng: np.random.Generator) -> Waveform:
    """The record with other gains, a slightly slower pace, noise and a wandering baseline.

    The limb leads keep what Einthoven's and Goldberger's laws say of them: they share one gain, and
    noise and wander come through three electrodes.

    Parameters
    ----------
    waveform : Waveform
        Twelve leads in the usual order, in mV.
    rng : numpy.random.Generator

    Returns
    -------
    Waveform
        Of the same length; NaN stays where nothing is known.
    """
    leads, samples = waveform.signal.shape
    pace = rng.uniform(SLOWEST, 1)
    at = (samples - 1) * (1 - pace) * rng.uniform() + pace * np.arange(samples)
    before = np.minimum(at.astype(int), samples - 2)
    share = at - before
    signal = waveform.signal[:, before] * (1 - share) + waveform.signal[:, before + 1] * share

    gain = np.full((leads, 1), rng.normal(0, GAIN))
    gain[6:] += rng.normal(0, CHEST_GAIN, (leads - 6, 1))
    t = np.arange(samples) / waveform.fs
    electrodes = rng.uniform(0, NOISE_MV) * rng.standard_normal((9, samples))
    phases = 2 * np.pi * (rng.uniform(*WANDER_HZ) * t + rng.uniform(size=(9, 1)))
    electrodes += WANDER_MV * rng.uniform(0, 1, (9, 1)) * np.sin(phases)
    return dataclasses.replace(waveform, signal=np.exp(gain) * signal + _leads_of(electrodes))


def _leads_of(electrodes: np.ndarray) -> np.ndarray:
    """Twelve leads of the potentials of right arm, left arm, left leg and V1 to V6."""
    right, left, leg = electrodes[:3]
    limbs = [left - right, leg - right, leg - left]
    limbs += [right - (left + leg) / 2, left - (right + leg) / 2, leg - (right + left) / 2]
    return np.concatenate([limbs, electrodes[3:] - electrodes[:3].mean(axis=0)])
