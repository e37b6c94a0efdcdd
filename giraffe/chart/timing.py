"""When each point of a row was drawn: where rows begin and end, and how long a mm takes."""

from dataclasses import dataclass

import numpy as np

from giraffe.chart.flat import POINTS_PER_MM, SIDE_MM, USUAL_MM, FlatRows
from giraffe.chart.ink import ends_of
from giraffe.chart.ruler import Ruler
from giraffe.chart.trace import PRESENT, Traces

USUAL_SPEED = 25.0  # mm/s
NEAR_USUAL = 0.02  # share by which a row of the usual length may seem longer or shorter
PEN_MM = 0.10  # by which ink begins before its first sample and ends behind its last
BLURRED_PEN_MM = 0.19  # the same where the picture is blurred
FEWEST_FOR_SLOPE, APART = 4, 0.3  # rows, and shares of the height between two, that tell a slope
FARTHEST_MM = 3.0  # of a row's first or last ink from where the chart has it
AGREE_MM = 0.8  # of the ends of rows that begin or end together
LAST_MM = 0.05  # a row's last sample is drawn so long before its end: 2 ms at 25 mm/s


@dataclass(frozen=True)
class Clock:
    """Time along the rows of a chart.

    Attributes
    ----------
    begin : ndarray, shape (rows,)
        Where the rows begin, in true mm along them.
    speed : float
        mm/s along the rows, by their ends or by the grid.
    seconds : float
        Length of a whole row.
    """

    begin: np.ndarray
    speed: float
    seconds: float

    def times(self, row: int, true_mm) -> np.ndarray:
        """Time in s from the beginning of the row, at true lengths along it in mm."""
        return (np.asarray(true_mm) - self.begin[row]) / self.speed


def set_clock(flat: FlatRows, traces: Traces, ruler: Ruler, sharp: bool) -> Clock:
    """When the rows of a chart were drawn.

    Rows begin and end together. Where there is a grid, it has their scale, and all that is left
    to find is where they begin: where most of them have their first ink. Without a grid, both ends
    count, and a row that is about as long as rows usually are lasts exactly as long as those.

    Parameters
    ----------
    flat : FlatRows
    traces : Traces
    ruler : Ruler
    sharp : bool
        Whether the ink was sharp enough to be followed (`giraffe.chart.stroke`); else it reaches
        farther beyond its ends.
    """
    pen = PEN_MM if sharp else BLURRED_PEN_MM
    rows = len(flat.pixels)
    begins, ends = (
        np.array([_edge(flat, traces, ruler, row, k) for row in range(rows)]) for k in (0, 1)
    )
    row_begin, row_end = _nominal_ends(flat)
    paper_speed = flat.chart.speed or USUAL_SPEED
    if ruler.agreement[0] > 0:
        begin = _most(begins + pen, row_begin)
        length = row_end - row_begin
        if abs(length / USUAL_MM - 1) < NEAR_USUAL:
            length = USUAL_MM
        else:
            length = _most(ends - pen, row_end) + LAST_MM - begin
        return Clock(np.full(rows, begin), paper_speed, length / paper_speed)
    begin = _together(begins + pen, flat.chart.rows.levels, row_begin)
    end = _together(ends - pen + LAST_MM, flat.chart.rows.levels, row_end)
    length = float(np.median(end - begin))
    if abs(length / USUAL_MM - 1) < NEAR_USUAL:
        # Errors of both ends are shared.
        return Clock((begin + end - length) / 2, length * paper_speed / USUAL_MM,
                     USUAL_MM / paper_speed)  # fmt: skip
    return Clock(begin, paper_speed, length / paper_speed)


def _most(edges: np.ndarray, nominal: float) -> float:
    """Where most rows begin or end; where the chart has it, if none says so or no two agree."""
    edges = edges[np.isfinite(edges)]
    if not len(edges):
        return nominal
    near = np.abs(edges - np.median(edges)) < AGREE_MM
    return float(edges[near].mean()) if near.any() else nominal  # two that differ agree on nothing


def _nominal_ends(flat: FlatRows) -> tuple[float, float]:
    begin, end = ends_of(list(flat.chart.cells))
    return begin * flat.width_mm, end * flat.width_mm


def _edge(flat: FlatRows, traces: Traces, ruler: Ruler, row: int, which: int) -> float:
    """True mm of the first or last ink of a row; NaN where that is not near its nominal end."""
    finite = np.flatnonzero(np.isfinite(traces.heights[row]))
    if not len(finite):
        return np.nan
    cells = [cell for cell in flat.chart.cells if cell.row == row]
    nominal = ends_of(cells)[which] * flat.width_mm
    k = finite[0] if which == 0 else finite[-1]
    beside = k - 1 if which == 0 else k + 1
    along = (k + 0.5) / POINTS_PER_MM - SIDE_MM
    if 0 <= beside < flat.points:
        here, there = traces.present[row, k], traces.present[row, beside]
        if here >= PRESENT > there:
            share = (here - PRESENT) / (here - there)
            along += (share if which else -share) / POINTS_PER_MM
    if abs(along - nominal) > FARTHEST_MM:
        return np.nan
    return float(ruler.true_mm(row, along))


def _together(edges: np.ndarray, levels: np.ndarray, nominal: float) -> np.ndarray:
    """Where all rows begin or end: on one line down the page, as most of them have it."""
    good = np.isfinite(edges)
    slope = 0.0
    if good.sum() >= FEWEST_FOR_SLOPE:
        i, j = np.nonzero(np.subtract.outer(levels, levels) > APART)
        slopes = ((edges[i] - edges[j]) / (levels[i] - levels[j]))[good[i] & good[j]]
        slope = float(np.median(slopes)) if len(slopes) else 0.0
    return slope * levels + _most(edges - slope * levels, nominal)
