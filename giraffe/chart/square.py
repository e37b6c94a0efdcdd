"""How the grid's vertical lines lean in a chart that was laid flat, and the chart set right by it.

Where rows begin and end is known to some mm, each row by itself: names, pulses and bars between
leads stand there too. The grid runs through all rows. So its lines tell the direction of the
chart's sides far better, on a scan as well as under a slanted camera.

In bands down the chart the lines' waves, of 5 mm and of its parts down to 1 mm, are the same but
for a phase that grows from band to band as the lines lean. The leans at the left and at the right
end for which all bands agree best are taken.
"""

from dataclasses import replace

import cv2
import numpy as np

from giraffe.chart.fit import Rows
from giraffe.chart.geometry import WHOLE, between, sides_in_px, straighten
from giraffe.chart.grid import blanked, size_in_mm

GRID_PX = 1800  # width of the chart on which the grid is measured, at most
HARMONICS = np.array([1, 2, 3, 4, 5, 10])  # of a wave of 5 mm; lines of 1 mm are the fifth
SQUARE_MM = 5.0
BANDS = 14  # down the chart
WINDOWS, WINDOW = 5, 0.4  # along the chart, and the share of it that each sees
STEEPEST = 0.05  # mm across for every mm down
LEANS = np.arange(-STEEPEST, STEEPEST + 1e-9, 0.001)
SLOW_MM = 3.0  # changes of brightness over more than this are no lines
CLIP = 4.0  # in units of a band's usual brightness
LEAST = 0.15  # coherence of the bands, of 1, that the best lean must have beyond chance
ALIKE = 0.02  # mm a mm by which the ends' leans usually differ at most


def set_right(pixels: np.ndarray, rows: Rows) -> tuple[Rows, tuple[float, float] | None]:
    """Rows whose ends stand over each other as the grid has it, and the chart's size by the grid.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    rows : Rows
        In shares of the picture.

    Returns
    -------
    rows : Rows
    size_mm : (float, float) or None
        None where no grid is seen; then the rows are as they were.
    """
    sides = sides_in_px(rows.corners, pixels.shape)
    factor = min(GRID_PX / sides[0], 1.0)
    width, height = (max(round(side * factor), 16) for side in sides)
    grey = blanked(straighten(pixels, rows.corners, height, width))
    size_mm = size_in_mm(grey)
    if size_mm is None:
        return rows, None
    leans = lean(grey, size_mm)
    return (rows if leans is None else squared(rows, leans, size_mm)), size_mm


def lean(grey: np.ndarray, size_mm: tuple[float, float]) -> tuple[float, float] | None:
    """How far vertical lines of the grid move to the right on their way down.

    Parameters
    ----------
    grey : ndarray of uint8, shape (height, width)
        Brightness of the chart alone, laid flat, without ink; see `giraffe.chart.grid.blanked`.
    size_mm : (float, float)
        Its width and height.

    Returns
    -------
    (float, float) or None
        At the chart's left and right end, in mm for every mm down; None where lines do not tell.
    """
    height, width = grey.shape
    per_mm = width / size_mm[0]
    if per_mm * SQUARE_MM < 2 * 2:
        return None
    bands = np.array_split(np.arange(height), BANDS)
    lines = np.stack([grey[band].mean(axis=0) for band in bands]).astype(np.float32)
    slow = 2 * round(SLOW_MM * per_mm / 2) + 1
    lines -= cv2.blur(lines, (slow, 1), borderType=cv2.BORDER_REPLICATE)
    lines = np.clip(lines / (np.median(np.abs(lines), axis=1, keepdims=True) + 0.05), -CLIP, CLIP)
    down = np.array([band.mean() + 0.5 for band in bands]) / height - 0.5
    down = down * size_mm[1]
    waves = HARMONICS / SQUARE_MM
    waves = waves[waves < per_mm / 2]
    x = (np.arange(width) + 0.5) / per_mm
    carrier = np.exp(-2j * np.pi * waves[:, None] * x)
    middles = np.linspace(WINDOW / 2, 1 - WINDOW / 2, WINDOWS)
    seen = np.clip(np.abs(x / size_mm[0] - middles[:, None]) / WINDOW, 0, 0.5)
    found = np.einsum("bx,wx,fx->wbf", lines, np.cos(np.pi * seen) ** 2, carrier, optimize=True)
    turn = np.exp(2j * np.pi * LEANS[:, None, None] * down[:, None] * waves)
    power = (np.abs(found) ** 2).sum(axis=(1, 2)) * BANDS + 1e-9
    together = np.abs(np.einsum("wbf,sbf->wsf", found, turn, optimize=True)) ** 2
    coherence = together.sum(axis=2) / power[:, None]
    # Every pair of leans at the two ends; between them a lean changes evenly.
    left, right = np.meshgrid(LEANS, LEANS, indexing="ij")
    total = np.zeros(left.shape)
    for middle, row in zip(middles, coherence, strict=True):
        total += np.interp(left + (right - left) * middle, LEANS, row)
    total = total / WINDOWS - ((left - right) / ALIKE) ** 2 * 0.01
    best = np.unravel_index(int(total.argmax()), total.shape)
    if total[best] < LEAST + 1 / BANDS:
        return None
    return float(left[best]), float(right[best])


def squared(rows: Rows, leans: tuple[float, float], size_mm: tuple[float, float]) -> Rows:
    """Rows of a chart whose sides lean as the grid does; where they begin at mid-height stays."""
    reach = np.array(leans) * size_mm[1] / size_mm[0] / 2
    corners = WHOLE.copy()
    corners[[0, 1], 0] -= reach
    corners[[3, 2], 0] += reach
    matrix = between(rows.plane.to_view(corners), WHOLE)
    return replace(rows, plane=replace(rows.plane, matrix=matrix))
