"""Names of leads and calibration pulses on a chart laid flat: a small network that marks them.

It sees the chart `WIDTH` px wide, in which letters are some ten px high, and says for every 8 px
which lead's name stands there, if any, and whether the plateau of a pulse does.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from giraffe.chart.evidence import CPU, as_batch, fold_batch_norm, layer
from giraffe.checkpoint import load_tensors
from giraffe.device import autocast, choose_precision

WEIGHTS = Path(__file__).with_name("letters.pt")
NAMES = (
    "I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6",
    "V3R", "V4R", "V7", "V8", "V9", "-aVR",
)  # fmt: skip
"""Names of leads that are told apart, in the usual spelling."""
WIDTH = 1280  # px of the view
HIGHEST = 1280
SIDE = 0.06  # of the chart's width and height that is seen around it
SCALE = WIDTH / (1 + 2 * SIDE)  # px of the chart's width
STEP = 8  # px between the places of the maps
CHANNELS = (16, 32, 64)


@dataclass(frozen=True)
class Letters:
    """What stands on a chart.

    Attributes
    ----------
    names : ndarray, shape (19, rows, columns)
        Probabilities of no name and of `NAMES` at every `STEP` px of the view.
    pulses : ndarray, shape (rows, columns)
        Probability of a pulse's plateau.
    """

    names: np.ndarray
    pulses: np.ndarray


class LettersNetwork(nn.Module):
    """Charts to names and pulses: convolutions with a view of some 150 px around each place."""

    def __init__(self):
        super().__init__()
        a, b, c = CHANNELS
        self.layers = nn.Sequential(
            layer(3, a, 2),
            layer(a, b, 2),
            layer(b, c, 2),
            layer(c, c),
            layer(c, c, spacing=2),
            layer(c, c, spacing=3),
            nn.Conv2d(c, 2 + len(NAMES), 1),
        )

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Logits of no name and of `NAMES`, then of pulses.

        Parameters
        ----------
        views : Tensor of uint8, shape (batch, 3, height, width)

        Returns
        -------
        Tensor, shape (batch, 20, height / 8, width / 8)
        """
        return self.layers((views.float() - 127.5) / 127.5)


def places_of(number: int) -> np.ndarray:
    """Middles of so many places in shares of the view, shape (number,)."""
    return (np.arange(number) + 0.5) / number


@torch.inference_mode()
def read_letters(
    views: Sequence[np.ndarray], network: LettersNetwork | None = None
) -> list[Letters]:
    """Names and pulses in views of one size, whose sides are multiples of `STEP`."""
    network = network or package_letters()
    with autocast(CPU, choose_precision(CPU)):
        found = network(as_batch(views)).float()
    names = torch.softmax(found[:, :-1], dim=1).numpy()
    pulses = torch.sigmoid(found[:, -1]).numpy()
    return [Letters(*pair) for pair in zip(names, pulses, strict=True)]


@functools.cache
def package_letters() -> LettersNetwork:
    """The network that the package brings, ready to read.

    Raises
    ------
    giraffe.errors.ModelError
        If its weights are missing or broken.
    """
    network = LettersNetwork()
    network.load_state_dict(load_tensors(WEIGHTS))
    network = network.float().eval().to(memory_format=torch.channels_last)
    fold_batch_norm(network)
    return network
