"""Names of leads and calibration pulses on a chart laid flat: a small network that marks them.

It sees the chart `WIDTH` px wide, in which letters are some ten px high, and says for every 8 px
which lead's name stands there, if any, and whether the plateau of a pulse does.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from giraffe.chart.evidence import CPU, as_batch, layer, ready
from giraffe.chart.fit import Rows
from giraffe.chart.geometry import (
    WHOLE,
    apart,
    between,
    sides_in_px,
    straighten,
    transform,
)
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
CHANNELS = (16, 40, 96)


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
            layer(b, b),
            layer(b, c, 2),
            layer(c, c),
            layer(c, c),
            layer(c, c, spacing=2),
            layer(c, c, spacing=2),
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

    Errors are those of `giraffe.chart.evidence.load_weights`.
    """
    return ready(LettersNetwork(), WEIGHTS)


class Written:
    """What stands on a chart, to be asked for at its own points.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The picture, upright.
    rows : Rows
        The chart's, in shares of the picture.
    network : LettersNetwork, optional
        In evaluation mode; the package's own by default.
    """

    def __init__(self, pixels: np.ndarray, rows: Rows, network: LettersNetwork | None = None):
        sides = sides_in_px(rows.corners, pixels.shape)
        height = int(np.clip(STEP * round(WIDTH * sides[1] / sides[0] / STEP), 20 * STEP, HIGHEST))
        window = transform(between(WHOLE, rows.corners), apart(WHOLE, SIDE))
        self._found = read_letters([straighten(pixels, window, height, WIDTH)], network)[0]
        self._to_window, self._rows = between(window, WHOLE), rows

    def names(self, u, v) -> np.ndarray:
        """Probabilities of no name and of `NAMES` at points, shape (19, n)."""
        return self._at(self._found.names, u, v)

    def pulses(self, u, v) -> np.ndarray:
        """Probability of a pulse's plateau at points, shape (n,)."""
        return self._at(self._found.pulses[None], u, v)[0]

    def _at(self, maps: np.ndarray, u, v) -> np.ndarray:
        size = maps.shape[2], maps.shape[1]
        where = transform(self._to_window, self._rows.to_view(u, v)) * size - 0.5
        x, y = where.astype(np.float32).T.reshape(2, -1, 1)
        return np.stack([cv2.remap(field, x, y, cv2.INTER_LINEAR).ravel() for field in maps])
