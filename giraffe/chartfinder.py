"""Where the chart lies in a picture: a small network that sees the picture at 128 x 256 px.

It names the four corners of the chart (`giraffe.printout.layout.Page.chart`). What it names is cut
out, with some room around it, and looked at again: the second look is upright and close, and so
more exact than the first. Its weights belong to the package; `giraffe.finderschool` makes them.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torchvision.models.inception import BasicConv2d

from giraffe.checkpoint import load_tensors
from giraffe.printout.capture import WHOLE_FRAME
from giraffe.straighten import apart, back, straighten

WEIGHTS = Path(__file__).with_name("chartfinder.pt")
HEIGHT, WIDTH = 128, 256  # px of what the network sees
PICTURE = (256, 512)  # px of the picture that is looked at
LOOKS = 3
ROOM = 0.12  # kept around the corners of the look before, as a share of the chart's sides
CHANNELS = (16, 32, 32, 64, 64, 96, 96, 96)
STRIDES = (2, 2, 1, 2, 1, 2, 1, 2)
LAST, HIDDEN = 32, 192
FARTHEST = 0.6  # shares of the frame by which a corner may lie outside
SMALLEST = 0.03  # share of the frame that a chart covers at least


class ChartFinder(nn.Module):
    """Pictures to the corners of their charts."""

    def __init__(self):
        super().__init__()
        layers, before = [], 3
        for channels, stride in zip(CHANNELS, STRIDES, strict=True):
            layers.append(BasicConv2d(before, channels, kernel_size=3, stride=stride, padding=1))
            before = channels
        layers.append(BasicConv2d(before, LAST, kernel_size=1))
        cells = (HEIGHT // 32) * (WIDTH // 32)
        self.layers = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(LAST * cells, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, 8),
        )
        self.register_buffer("usual", torch.tensor(WHOLE_FRAME, dtype=torch.float32))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Corners in shares of the picture, shape (batch, 4, 2).

        Parameters
        ----------
        pictures : Tensor of uint8, shape (batch, 3, HEIGHT, WIDTH)
        """
        found = self.layers((pictures.float() - 127.5) / 127.5)
        return self.usual + found.float().reshape(-1, 4, 2)


def as_batch(pictures: Sequence[np.ndarray]) -> torch.Tensor:
    """Pictures of one size, uint8 of shape (height, width, 3), as the network takes them."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def view(picture: np.ndarray, cut) -> np.ndarray:
    """What lies between four corners of a picture, as the network sees it.

    Parameters
    ----------
    picture : ndarray of uint8, shape (*PICTURE, 3)
    cut : array_like, shape (4, 2)
        In shares of the picture.
    """
    return _shrunk(straighten(picture, cut, *PICTURE), HEIGHT, WIDTH)


def _shrunk(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def plausible(corners: np.ndarray) -> bool:
    """Whether corners, shape (4, 2), are those of something that may be an upright chart."""
    if not np.isfinite(corners).all() or np.abs(corners - 0.5).max() > 0.5 + FARTHEST:
        return False
    sides = np.roll(corners, -1, axis=0) - corners
    after = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * after[:, 1] - sides[:, 1] * after[:, 0]
    (a, b), (c, d) = corners[2] - corners[0], corners[3] - corners[1]
    area = (a * d - b * c) / 2
    return bool((turns > 0).all() and sides[0, 0] > 0 and area > SMALLEST)


@torch.inference_mode()
def find_charts(
    pictures: Sequence[np.ndarray], finder: ChartFinder | None = None
) -> list[np.ndarray]:
    """Corners of the chart in each picture.

    The first of `LOOKS` sees the whole picture, each later one what the one before found.

    Parameters
    ----------
    pictures : sequence of ndarray of uint8, shape (height, width, 3)
    finder : ChartFinder, optional
        In evaluation mode; the package's own by default.

    Returns
    -------
    list of ndarray, shape (4, 2)
        Upper left, upper right, lower right and lower left corner in shares of the picture; those
        of the picture where nothing like a chart is found.
    """
    if not len(pictures):
        return []
    finder = finder or package_finder()
    whole = np.array(WHOLE_FRAME, float)
    device = finder.usual.device
    pictures = [_shrunk(picture, *PICTURE) for picture in pictures]
    found = cuts = [whole] * len(pictures)
    for look in range(LOOKS):
        cuts = [apart(corners, ROOM) for corners in found] if look else cuts
        views = [view(picture, cut) for picture, cut in zip(pictures, cuts, strict=True)]
        named = finder(as_batch(views).to(device)).float().cpu().numpy()
        found = [back(corners, cut) for corners, cut in zip(named, cuts, strict=True)]
        found = [corners if plausible(corners) else whole for corners in found]
    return found


@functools.cache
def package_finder() -> ChartFinder:
    """The finder that the package brings, on the CPU.

    Raises
    ------
    giraffe.errors.ModelError
        If its weights are missing or broken.
    """
    finder = ChartFinder()
    finder.load_state_dict(load_tensors(WEIGHTS))
    return finder.float().eval()
