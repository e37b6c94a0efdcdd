"""Whether the columns of a chart follow each other in time, or all begin at once.

Both are printed, and nothing on the paper says which. But the heart beats in all leads at once:
under a strip, a page whose columns follow each other has its complexes at the same places as the
strip; one whose columns begin at once has those of the strip's first part in every column. Without
a strip, columns that are alike to the moment began at once, unless the beats also go on evenly from
one column to the next.
"""

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from giraffe.chart.chart import Cell
from giraffe.chart.flat import POINTS_PER_MM

SMOOTH_MM = 2.0  # over which steepness is averaged: the length of a QRS complex
CLEARLY = 0.2  # by which one answer's correlation must exceed the other's
ALIKE = 0.6  # correlation of columns that began at once
UNEVEN = 0.15  # share by which an interval across a change of leads must differ from the others
LEAST_BEAT_MM = 7.0  # between two complexes


def activity(heights: np.ndarray) -> np.ndarray:
    """Steepness of traces, smoothed; 0 where there is none, shape (rows, points)."""
    steep = np.abs(np.diff(heights, axis=1, prepend=np.nan))
    steep = np.minimum(np.nan_to_num(steep), 20.0)
    return uniform_filter1d(steep, round(SMOOTH_MM * POINTS_PER_MM), axis=1)


def begin_at_once(heights: np.ndarray, along_mm: np.ndarray, cells: list[Cell], width_mm: float):
    """Whether all columns begin at the same time.

    Parameters
    ----------
    heights : ndarray, shape (rows, points)
        Traces in mm; NaN where there is none.
    along_mm : ndarray, shape (points,)
        Lengths along the rows from the chart's beginning.
    cells : list of Cell
    width_mm : float
        Of the chart.

    Returns
    -------
    bool
        False where nothing speaks for it, as columns nearly always follow each other.
    """
    counts = {cell.row: sum(other.row == cell.row for other in cells) for cell in cells}
    number = max(counts.values(), default=1)
    if number < 2:
        return False
    steep = activity(heights)
    wide = [row for row, n in counts.items() if n == number]
    strips = [row for row, n in counts.items() if n == 1]
    starts = sorted({cell.start for cell in cells if cell.row == wide[0]})
    length = min(np.diff([*starts, max(cell.stop for cell in cells)]))
    points = int(length * width_mm * POINTS_PER_MM)
    first = [int(np.searchsorted(along_mm, start * width_mm)) for start in starts]
    own = [_scaled(steep[wide, k : k + points]) for k in first]
    if any(part.shape[-1] < points for part in own):
        return False
    if strips:
        strip = [_scaled(steep[strips, k : k + points]) for k in first]
        follow = np.mean([_correlation(a, b) for a, b in zip(own[1:], strip[1:], strict=True)])
        at_once = np.mean([_correlation(a, strip[0]) for a in own[1:]])
        return bool(at_once > follow + CLEARLY)
    alike = np.mean([_correlation(own[0], part) for part in own[1:]])
    return bool(alike > ALIKE) and _uneven(own)


def _scaled(steep: np.ndarray) -> np.ndarray:
    """Activity of several rows together, each counted alike."""
    return (steep / (steep.std(axis=1, keepdims=True) + 1e-9)).sum(axis=0)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9))


def _uneven(columns: list[np.ndarray]) -> bool:
    """Whether beats do not go on evenly from one column to the next."""
    whole = np.concatenate(columns)
    beats, _ = find_peaks(
        whole, prominence=0.4 * np.ptp(whole), distance=LEAST_BEAT_MM * POINTS_PER_MM
    )
    column = beats // len(columns[0])
    intervals = np.diff(beats)
    across = np.diff(column) > 0
    if not across.any() or across.all():
        return False
    usual = np.median(intervals[~across])
    off = np.abs(intervals[across] / usual - 1)
    return bool(np.median(off) > UNEVEN)
