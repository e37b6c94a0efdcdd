"""A small network that reads signals instead of pictures: what is in a record at all.

It serves two ends. Its scores are a ceiling to print beside those of the networks that see a
picture of the same record; and its probabilities are soft labels for them: it is so small that it
can see two thousand real hearts hundreds of times on a CPU. `giraffe.learning.signalschool` trains
it.
"""

from collections.abc import Sequence
from math import gcd
from pathlib import Path

import numpy as np
import torch
from scipy.signal import resample_poly
from torch import nn

from giraffe.classes import CLASSES
from giraffe.ecg.records import LEADS, Record, Waveform, read_waveform
from giraffe.tensors import load_tensors, save_tensors

FS = 100  # Hz: PTB-XL's own smaller size, in which networks lose nothing (Strodthoff et al., 2021)
NUM_SAMPLES = 10 * FS
CHANNELS = (48, 64, 96, 128)
KERNEL, FIRST_KERNEL = 9, 15
DROPOUT = 0.3
FARTHEST_MV = 5.0  # what is farther from 0 is an artefact


def as_signal(waveform: Waveform) -> np.ndarray:
    """A record's first 10 s as the network takes them.

    Parameters
    ----------
    waveform : Waveform
        In mV; leads in any order, any of them absent.

    Returns
    -------
    ndarray of float32, shape (12, 1000)
        In mV at 100 Hz, each lead about its median; 0 where nothing is known.
    """
    fs = round(waveform.fs)
    common = gcd(fs, FS)
    out = np.zeros((len(LEADS), NUM_SAMPLES), np.float32)
    for k, lead in enumerate(LEADS):
        if lead not in waveform.leads:
            continue
        samples = waveform.signal[waveform.leads.index(lead)].astype(np.float32)
        known = np.isfinite(samples)
        if not known.any():
            continue
        samples = np.where(known, samples - np.median(samples[known]), 0)
        part = resample_poly(samples, FS // common, fs // common)[:NUM_SAMPLES]
        out[k, : len(part)] = np.clip(part, -FARTHEST_MV, FARTHEST_MV)
    return out


def read_signals(records: Sequence[Record]) -> np.ndarray:
    """Signals of records, float32 of shape (records, 12, 1000); see `as_signal`.

    Raises
    ------
    RecordError
        If a signal cannot be read.
    """
    signals = [as_signal(read_waveform(record)) for record in records]
    return np.stack(signals) if signals else np.zeros((0, len(LEADS), NUM_SAMPLES), np.float32)


class _Block(nn.Module):
    """Two convolutions around which the signal also passes unchanged (He et al., 2016)."""

    def __init__(self, before: int, channels: int, stride: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(before, channels, KERNEL, stride, KERNEL // 2, bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Dropout(DROPOUT / 2),
            nn.Conv1d(channels, channels, KERNEL, 1, KERNEL // 2, bias=False),
            nn.BatchNorm1d(channels),
        )
        self.past = nn.Sequential(
            nn.AvgPool1d(stride, ceil_mode=True) if stride > 1 else nn.Identity(),
            nn.Conv1d(before, channels, 1, bias=False) if before != channels else nn.Identity(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.layers(x) + self.past(x))


class SignalNet(nn.Module):
    """Signals to logits of the 11 classes: a residual network along time.

    A beat out of time is seen once in ten seconds, a rhythm all along: so the largest value of
    each feature goes to the last layer beside its mean.
    """

    def __init__(self):
        super().__init__()
        self.begin = nn.Sequential(
            nn.Conv1d(len(LEADS), CHANNELS[0], FIRST_KERNEL, 2, FIRST_KERNEL // 2, bias=False),
            nn.BatchNorm1d(CHANNELS[0]),
            nn.ReLU(),
        )
        before = CHANNELS[0]
        blocks = []
        for channels in CHANNELS:
            blocks += [_Block(before, channels, 2), _Block(channels, channels, 1)]
            before = channels
        self.blocks = nn.Sequential(*blocks)
        self.end = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(2 * before, len(CLASSES)))

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Logits, shape (batch, 11).

        Parameters
        ----------
        signals : Tensor of float32, shape (batch, 12, 1000)
            In mV at 100 Hz.
        """
        features = self.blocks(self.begin(signals))
        return self.end(torch.cat([features.mean(dim=2), features.amax(dim=2)], dim=1))


def probabilities(networks: Sequence[SignalNet], signals: np.ndarray, batch: int = 64):
    """Probabilities of the 11 classes, the mean over networks.

    Parameters
    ----------
    networks : sequence of SignalNet
    signals : ndarray, shape (records, 12, 1000)
        Of `read_signals`.
    batch : int
        Records at a time.

    Returns
    -------
    ndarray of float, shape (records, 11)
    """
    total = np.zeros((len(signals), len(CLASSES)))
    for network in networks:
        network.eval()
        with torch.inference_mode():
            for k in range(0, len(signals), batch):
                logits = network(torch.from_numpy(signals[k : k + batch]))
                total[k : k + batch] += torch.sigmoid(logits).numpy()
    return total / len(networks)


def save_networks(path: str | Path, networks: Sequence[SignalNet]) -> None:
    """Write networks to one file."""
    save_tensors(Path(path), {str(k): net.state_dict() for k, net in enumerate(networks)})


def load_networks(path: str | Path) -> list[SignalNet]:
    """Read what `save_networks` wrote.

    Raises
    ------
    ModelError
        If the file is missing or broken; see `giraffe.tensors.load_tensors`.
    """
    networks = []
    for state in load_tensors(Path(path)).values():
        network = SignalNet()
        network.load_state_dict(state)
        networks.append(network.eval())
    return networks
