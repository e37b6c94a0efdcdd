"""The rows of a chart laid flat at full resolution, each with the room that its trace may need.

Every row becomes a picture of its own of `PX_PER_MM`, with its zero line at the same height and
its beginning at the same place, evenly lit. Whatever the page, a millivolt and a second are then
always as large.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from giraffe.chart.chart import Chart, turn_pixels
from giraffe.chart.fit import displacement
from giraffe.chart.geometry import sides_in_px, transform
from giraffe.chart.lighting import even_light
from giraffe.pictures import shrunk
from giraffe.printout.layout import ROW_SECONDS_AT_25

USUAL_MM = 25.0 * ROW_SECONDS_AT_25  # length of a row
PX_PER_MM = 20 / 3
POINTS_PER_PX = 1.5
POINTS_PER_MM = PX_PER_MM * POINTS_PER_PX  # 10: a point every 4 ms at 25 mm/s
SIDE_MM = 9.6  # shown before and behind a row
MULTIPLE = 32  # sides of a row's picture in px are multiples of this
ABOVE_MM, BELOW_MM = (18.0, 30.0), (16.0, 24.0)  # shown of a row, at least and at most
ABOVE, BELOW = 1.3, 1.2  # the same in distances of two rows
MAP_STEP = 16  # px between the points at which the geometry is computed
FINEST = 1.6  # px of the picture per px of a row, at most; larger pictures are shrunk before


@dataclass(frozen=True)
class FlatRows:
    """Rows laid flat.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (rows, height, width, 3)
    zero : float
        Where the rows' zero lines lie, in px from the upper border.
    chart : Chart
    width_mm, height_mm : float
        Of the chart; assumed where it has no grid.
    """

    pixels: np.ndarray
    zero: float
    chart: Chart
    width_mm: float
    height_mm: float

    @property
    def points(self) -> int:
        """Places along a row at which its trace is looked for."""
        return round(self.pixels.shape[2] * POINTS_PER_PX)

    def along_mm(self) -> np.ndarray:
        """Where the points lie, in mm from the beginning of the rows, shape (points,)."""
        return (np.arange(self.points) + 0.5) / POINTS_PER_MM - SIDE_MM

    def heights_mm(self, y) -> np.ndarray:
        """Heights in px from the upper border as mm above the zero line."""
        return (self.zero - np.asarray(y)) / PX_PER_MM

    def from_picture(self, row: int, points) -> np.ndarray:
        """Points of the upright picture in shares, shape (n, 2), in px (x, y) of a row."""
        rows = self.chart.rows
        u, lifted = transform(rows.plane.matrix, points).T
        v = lifted
        for _ in range(4):
            v = lifted - np.tensordot(rows.bend, displacement(u, v), axes=1)
        x = (u * self.width_mm + SIDE_MM) * PX_PER_MM
        y = self.zero + (v - rows.levels[row]) * self.height_mm * PX_PER_MM
        return np.stack([x, y], axis=1)

    def to_picture(self, row: int, along, height) -> np.ndarray:
        """Points in mm along and above a row, in shares of the picture as given, shape (n, 2)."""
        u = np.asarray(along) / self.width_mm
        v = self.chart.rows.levels[row] - np.asarray(height) / self.height_mm
        return self.chart.to_picture(u, v)


def lengths_mm(chart: Chart, shape) -> tuple[float, float]:
    """Width and height of a chart in mm; of one without a grid, for rows of the usual length.

    Parameters
    ----------
    chart : Chart
    shape : (int, int)
        Height and width in px of the picture as it was given.
    """
    if chart.size_mm is not None:
        return chart.size_mm
    width, height = sides_in_px(chart.corners, shape)
    return USUAL_MM, USUAL_MM * float(height / width)


def lay_rows(pixels: np.ndarray, chart: Chart, alter=None) -> FlatRows:
    """Cut the rows of a chart out of a picture.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    chart : Chart
    alter : function of an ndarray of uint8, optional
        Changes a row's pixels before they are evenly lit; for training.

    Returns
    -------
    FlatRows
    """
    width_mm, height_mm = lengths_mm(chart, pixels.shape)
    levels = chart.rows.levels
    spacing = float(np.diff(levels).min()) * height_mm if len(levels) > 1 else 100.0
    above = np.clip(ABOVE * spacing, *ABOVE_MM)
    below = np.clip(BELOW * spacing, *BELOW_MM)
    width = _multiple((width_mm + 2 * SIDE_MM) * PX_PER_MM)
    height = _multiple((above + below) * PX_PER_MM)
    zero = height * above / (above + below)
    upright = turn_pixels(pixels, chart.turned)
    finer = sides_in_px(chart.turned_corners(), upright.shape)[0] / (width_mm * PX_PER_MM)
    if finer > FINEST:
        upright = shrunk(upright, round(max(upright.shape[:2]) / finer))
    rows = []
    for level in levels:
        x, y = _maps(chart, level, width_mm, height_mm, zero, height, width, upright.shape)
        row = cv2.remap(upright, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        rows.append(even_light(row if alter is None else alter(row)))
    return FlatRows(np.stack(rows), float(zero), chart, width_mm, height_mm)


def _multiple(px: float) -> int:
    return MULTIPLE * int(np.ceil(px / MULTIPLE))


def _maps(chart, level, width_mm, height_mm, zero, height, width, shape):
    """For `cv2.remap`: where in the picture each pixel of a row looks."""
    rows, columns = height // MAP_STEP + 2, width // MAP_STEP + 2
    # Node k holds the value at the middle of its px; one more node on each side.
    x = (np.arange(columns) - 0.5) * MAP_STEP / PX_PER_MM - SIDE_MM
    y = ((np.arange(rows) - 0.5) * MAP_STEP - zero) / PX_PER_MM
    u, v = np.meshgrid(x / width_mm, level + y / height_mm)
    where = chart.rows.to_view(u.ravel(), v.ravel()) * (shape[1], shape[0]) - 0.5
    size = (columns * MAP_STEP, rows * MAP_STEP)
    return [
        cv2.resize(part.reshape(rows, columns).astype(np.float32), size)[
            MAP_STEP : MAP_STEP + height, MAP_STEP : MAP_STEP + width
        ]
        for part in where.T
    ]
