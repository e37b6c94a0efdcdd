"""The ink network: for every moment of a row, where its trace passes.

It sees a row laid flat (`giraffe.chart.flat`) and says for every point along it, ten to the mm, a
distribution over all heights and over there being no trace at all. So a steep flank, on which a
column of pixels holds a whole stroke, is no special case: each moment has its own height. Crossing
neighbours, names, pulses, grids and handwriting are told apart by what surrounds them; the network
is told how far from the row's zero line it looks and how far from the ends of the row and the
changes of leads, as the chart has them.
"""

import functools
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from giraffe.chart.chart import Cell
from giraffe.chart.evidence import CPU, ready
from giraffe.chart.flat import PX_PER_MM, SIDE_MM, FlatRows
from giraffe.device import autocast, choose_precision

WEIGHTS = Path(__file__).with_name("ink.pt")
CHANNELS = (16, 24, 40, 64, 64)  # after 2, 4, 8, 16, 32 px
SUB = (2, 3)  # heights and points that one place of the finest map, 2 x 2 px, decides on
PLACES = 3  # maps that say where in the row a place lies
HEIGHT_MM, EDGE_MM = 15.0, 6.0  # distances that these maps show as 1


def _layer(before: int, after: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class InkNetwork(nn.Module):
    """Rows laid flat to distributions over the heights of their traces."""

    def __init__(self):
        super().__init__()
        a, b, c, d, e = CHANNELS
        self.down2 = nn.Sequential(_layer(12 + PLACES, a), _layer(a, a))
        self.down4 = nn.Sequential(_layer(a, b, 2), _layer(b, b))
        self.down8 = nn.Sequential(_layer(b, c, 2), _layer(c, c))
        self.down16 = nn.Sequential(_layer(c, d, 2), _layer(d, d))
        self.down32 = nn.Sequential(_layer(d, e, 2), _layer(e, e), _layer(e, e))
        self.narrow32 = _layer(e, d, kernel=1)
        self.up16 = _layer(d, d)
        self.narrow16 = _layer(d, c, kernel=1)
        self.up8 = _layer(c, c)
        self.narrow8 = _layer(c, b, kernel=1)
        self.up4 = _layer(b, b)
        self.narrow4 = _layer(b, a, kernel=1)
        self.up2 = _layer(a, a)
        self.heights = nn.Conv2d(a, SUB[0] * SUB[1], 3, padding=1)
        self.nothing = nn.Sequential(
            nn.Conv1d(2 * c, c, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.Conv1d(c, 4 * SUB[1], 3, padding=1),
        )

    def forward(self, rows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Logits of every height and of no trace.

        Parameters
        ----------
        rows : Tensor of uint8, shape (batch, 3, height, width)
            Sides are multiples of 32.
        places : Tensor, shape (batch, 3, height / 2, width / 2)
            See `places_of`.

        Returns
        -------
        Tensor, shape (batch, height + 1, 1.5 * width)
            The last of the heights is: no trace.
        """
        pixels = functional.pixel_unshuffle((rows.float() - 127.5) / 127.5, 2)
        at2 = self.down2(torch.cat([pixels, places.to(pixels.dtype)], dim=1))
        at4 = self.down4(at2)
        at8 = self.down8(at4)
        at16 = self.down16(at8)
        at32 = self.narrow32(self.down32(at16))
        at16 = self.up16(at16 + functional.interpolate(at32, scale_factor=2.0))
        at8 = self.up8(at8 + functional.interpolate(self.narrow16(at16), scale_factor=2.0))
        at4 = self.up4(at4 + functional.interpolate(self.narrow8(at8), scale_factor=2.0))
        at2 = self.up2(at2 + functional.interpolate(self.narrow4(at4), scale_factor=2.0))
        found = self.heights(at2)
        batch, _, height, width = found.shape
        found = found.reshape(batch, *SUB, height, width).permute(0, 3, 1, 4, 2)
        found = found.reshape(batch, height * SUB[0], width * SUB[1])
        column = torch.cat([at8.mean(dim=2), at8.amax(dim=2)], dim=1)
        nothing = self.nothing(column)
        nothing = nothing.permute(0, 2, 1).reshape(batch, 1, width * SUB[1])
        return torch.cat([found, nothing], dim=1)


def places_of(flat: FlatRows, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the places of a row's maps lie.

    Returns
    -------
    down : ndarray of float32, shape (height / 2,)
        Height above the row's zero line, in 15 mm.
    along : ndarray of float32, shape (2, width / 2)
        Distance from the nearest end of the row, negative outside of it, and from the nearest
        change of leads; in 6 mm, at most 1.
    """
    height, width = flat.pixels.shape[1:3]
    down = (flat.zero - 2 * np.arange(height // 2) - 1) / (PX_PER_MM * HEIGHT_MM)
    x = (2 * np.arange(width // 2) + 1) / PX_PER_MM - SIDE_MM
    cells = [cell for cell in flat.chart.cells if cell.row == row]
    begin, end = ends_of(cells)
    inside = np.minimum(x - begin * flat.width_mm, end * flat.width_mm - x)
    changes = [cell.start * flat.width_mm for cell in cells[1:]]
    away = np.min([np.abs(x - change) for change in changes], axis=0) if changes else x * 0 + 1e3
    along = np.clip(np.stack([inside, away]) / EDGE_MM, -1, 1)
    return down.astype(np.float32), along.astype(np.float32)


def ends_of(cells: list[Cell]) -> tuple[float, float]:
    """Where a row of cells begins and ends, in shares of the chart's width; all of it for none."""
    if not cells:
        return 0.0, 1.0
    return min(cell.start for cell in cells), max(cell.stop for cell in cells)


def place_maps(down: np.ndarray, along: np.ndarray) -> np.ndarray:
    """The network's maps of `places_of`, shape (3, height / 2, width / 2)."""
    maps = np.empty((PLACES, len(down), along.shape[1]), np.float32)
    maps[0], maps[1:] = down[:, None], along[:, None, :]
    return maps


@torch.inference_mode()
def look_at_rows(flat: FlatRows, network: InkNetwork | None = None) -> np.ndarray:
    """Probabilities of the heights of all rows' traces.

    Parameters
    ----------
    flat : FlatRows
    network : InkNetwork, optional
        In evaluation mode; the package's own by default.

    Returns
    -------
    ndarray of float32, shape (rows, height + 1, points)
        The last of the heights is: no trace.
    """
    network = network or package_ink()
    found = []
    for row, pixels in enumerate(flat.pixels):
        image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        places = torch.from_numpy(place_maps(*places_of(flat, row)))[None]
        image, places = (
            part.contiguous(memory_format=torch.channels_last) for part in (image, places)
        )
        with autocast(CPU, choose_precision(CPU)):
            heights = network(image, places)
        found.append(torch.softmax(heights.float(), dim=1)[0])
    return torch.stack(found).numpy()


@functools.cache
def package_ink() -> InkNetwork:
    """The network that the package brings, ready to look.

    Errors are those of `giraffe.chart.evidence.load_weights`.
    """
    return ready(InkNetwork(), WEIGHTS)
