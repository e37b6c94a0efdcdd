"""What is known of a chart: where it lies in its picture, and what stands where in it."""

from dataclasses import dataclass

import numpy as np

from giraffe.chart.fit import Rows


@dataclass(frozen=True)
class Cell:
    """One lead's stretch of a row.

    Attributes
    ----------
    lead : str
        In the usual spelling; empty where neither a name nor the layout tells.
    row, column : int
        From the top and from the left.
    start, stop : float
        Where it begins and ends, in shares of the chart's width.
    named : bool
        Whether its name was read; else the lead is the usual one at this place of the layout.
    inverted : bool
        Whether it is printed with its sign changed, as -aVR is.
    """

    lead: str
    row: int
    column: int
    start: float
    stop: float
    named: bool = False
    inverted: bool = False


@dataclass(frozen=True)
class Pulse:
    """A calibration pulse of 1 mV.

    Attributes
    ----------
    row : int
    side : str
        ``left`` or ``right`` of its row.
    height : float or None
        In mm, where there is a grid.
    share : float
        Its height as a share of the chart's.
    """

    row: int
    side: str
    height: float | None
    share: float


@dataclass(frozen=True)
class Chart:
    """A chart of twelve leads, or of as many as there are, in a picture.

    Attributes
    ----------
    corners : ndarray, shape (4, 2)
        Upper left, upper right, lower right and lower left corner of the chart, as somebody sees
        it who reads it upright, in shares of the picture as it was given.
    turned : int
        Degrees by which the picture must be turned clockwise to stand upright.
    certainty : float
        From 0 to 1; see `giraffe.chart.reader.certainty_of`.
    rows : Rows
        The rows and their geometry in the picture turned upright.
    fast : float
        Probability that the paper ran at 50 mm/s instead of 25, by the shape of the beats.
    cells : tuple of Cell
    layout : str
        Such as ``3x4+1``: rows and columns of leads, and strips; empty where unknown.
    size_mm : (float, float) or None
        Width and height of the chart in mm, where there is a grid.
    px_per_mm : (float, float) or None
        Across and down the chart, in the picture's own pixels; means over the chart.
    pulses : tuple of Pulse
    speed, gain : float or None
        mm/s and mm/mV, where a grid, pulses or the layout tell.
    notes : tuple of str
        What was assumed and not seen, in words.
    upright : float
        How certain it is which side of the chart is up; a part of ``certainty``.
    """

    corners: np.ndarray
    turned: int
    certainty: float
    rows: Rows
    fast: float = 0.0
    cells: tuple[Cell, ...] = ()
    layout: str = ""
    size_mm: tuple[float, float] | None = None
    px_per_mm: tuple[float, float] | None = None
    pulses: tuple[Pulse, ...] = ()
    speed: float | None = None
    gain: float | None = None
    notes: tuple[str, ...] = ()
    upright: float = 1.0

    def turned_corners(self) -> np.ndarray:
        """The corners in shares of the picture turned upright, shape (4, 2)."""
        return turn_points(self.corners, self.turned)

    def to_picture(self, u, v) -> np.ndarray:
        """Points of the chart in shares of the picture as it was given, shape (n, 2).

        Parameters
        ----------
        u, v : array_like, shape (n,)
            From 0 to 1 across and down the chart; the page's bend is taken into account.
        """
        u, v = np.broadcast_arrays(np.asarray(u, float), np.asarray(v, float))
        return turn_points(self.rows.to_view(u, v), -self.turned)


def turn_points(points: np.ndarray, degrees: int) -> np.ndarray:
    """Points in shares of a picture, in shares of the picture turned clockwise."""
    x, y = points[..., 0], points[..., 1]
    turned = {0: (x, y), 90: (1 - y, x), 180: (1 - x, 1 - y), 270: (y, 1 - x)}[degrees % 360]
    return np.stack(turned, axis=-1)


def turn_pixels(pixels: np.ndarray, degrees: int) -> np.ndarray:
    """A picture turned clockwise by a multiple of 90 degrees."""
    return np.ascontiguousarray(np.rot90(pixels, -(degrees // 90) % 4))
