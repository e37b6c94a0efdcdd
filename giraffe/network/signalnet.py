"""A small network that reads signals instead of pictures.

It serves three ends. Signals that were read out of a picture tell it what the network that sees the
picture may have missed: a model can have both (`giraffe.network.classifier`). Its scores on the
signals themselves are a ceiling to print beside those of networks that see a picture of the same
record. And its probabilities are soft labels for them: it is so small that it can see two thousand
real hearts hundreds of times on a CPU. `giraffe.learning.signalschool` trains it.
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
from giraffe.errors import ModelError
from giraffe.network.compact import compact, expand
from giraffe.tensors import first_line, load_tensors, save_tensors

FS = 100  # Hz: PTB-XL's own smaller size, in which networks lose nothing (Strodthoff et al., 2021)
NUM_SAMPLES = 10 * FS
CHANNELS = (64, 96, 128, 160)
KERNEL, FIRST_KERNEL = 9, 15
DROPOUT = 0.3
FARTHEST_MV = 5.0  # what is farther from 0 is an artefact


def as_signal(waveform: Waveform) -> np.ndarray:
    """A record's first 10 s as the network takes them.

    Parameters
    ----------
    waveform : Waveform
        In mV; leads in any order, any of them absent; NaN where nothing is known.

    Returns
    -------
    ndarray of float32, shape (12, 1000)
        In mV at 100 Hz; NaN where nothing is known.
    """
    fs = round(waveform.fs)
    common = gcd(fs, FS)
    out = np.full((len(LEADS), NUM_SAMPLES), np.nan, np.float32)
    for k, lead in enumerate(LEADS):
        if lead not in waveform.leads:
            continue
        samples = waveform.signal[waveform.leads.index(lead)].astype(np.float32)
        known = np.isfinite(samples)
        if not known.any():
            continue
        # What is unknown is bridged, so that the filter has no steps to ring at.
        at = np.arange(len(samples))
        bridged = np.interp(at, at[known], samples[known])
        part = resample_poly(bridged, FS // common, fs // common, padtype="edge")[:NUM_SAMPLES]
        nearest = np.minimum(np.rint(np.arange(len(part)) * fs / FS), len(samples) - 1)
        out[k, : len(part)] = np.where(known[nearest.astype(int)], part, np.nan)
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
            nn.Conv1d(2 * len(LEADS), CHANNELS[0], FIRST_KERNEL, 2, FIRST_KERNEL // 2, bias=False),
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
            In mV at 100 Hz; NaN where nothing is known, which the network is told beside the
            voltages about each lead's median.
        """
        known = signals.isfinite()
        middle = signals.nanmedian(dim=2, keepdim=True).values
        level = (signals - middle).nan_to_num().clamp(-FARTHEST_MV, FARTHEST_MV)
        features = self.blocks(self.begin(torch.cat([level, known.to(level.dtype)], dim=1)))
        return self.end(torch.cat([features.mean(dim=2), features.amax(dim=2)], dim=1))


@torch.inference_mode()
def logits(networks: Sequence[SignalNet], signals: np.ndarray, batch: int = 64) -> np.ndarray:
    """Logits of the 11 classes, the mean over networks.

    Parameters
    ----------
    networks : sequence of SignalNet
    signals : ndarray, shape (records, 12, 1000)
        Of `as_signal`.
    batch : int
        Records at a time.

    Returns
    -------
    ndarray of float, shape (records, 11)
    """
    total = np.zeros((len(signals), len(CLASSES)))
    for network in networks:
        network.eval()
        device = next(network.parameters()).device
        for k in range(0, len(signals), batch):
            part = torch.from_numpy(signals[k : k + batch]).to(device)
            total[k : k + batch] += network(part).float().cpu().numpy()
    return total / len(networks)


def probabilities(networks: Sequence[SignalNet], signals: np.ndarray) -> np.ndarray:
    """The same as probabilities: the mean over networks is that of their log-odds."""
    return 1 / (1 + np.exp(-logits(networks, signals)))


def save_networks(path: str | Path, networks: Sequence[SignalNet]) -> None:
    """Write networks to one file, in little room."""
    save_tensors(Path(path), {str(k): compact(net.state_dict()) for k, net in enumerate(networks)})


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
        try:
            network.load_state_dict(expand(state))
        except (RuntimeError, TypeError, LookupError, AttributeError) as error:
            raise ModelError(f"{path}: weights of another network ({first_line(error)})") from error
        networks.append(network.float().eval())
    return networks
