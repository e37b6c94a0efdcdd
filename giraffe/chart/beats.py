"""Beats fall at one moment in all leads: a check of the ruler, and a ruler where there is no grid.

On coarse photographs of bent paper the grid is a blur, and parts of a row may lie some mm off, a
tenth of a second, and the ruler does not notice. Complexes are seen all the same. Each lead has its
own shape of them, so they tell time to half a mm at best: they are believed where they contradict
the ruler by more than that.
"""

import itertools
from dataclasses import replace

import numpy as np

from giraffe.chart.columns import activity
from giraffe.chart.flat import POINTS_PER_MM, FlatRows
from giraffe.chart.ruler import Ruler
from giraffe.chart.trace import Traces

WINDOWS, WINDOW = 6, 0.28  # along the rows, and the share of them that each sees
FARTHEST_MM = 4.0  # by which the beats of two neighbours are looked for apart
COST = 0.01  # of a correlation for a shift; per mm^2
ALIKE, GAIN = 0.4, 0.15  # correlation of two rows that counts, and what a shift must win
LEAST_MM = 0.8  # shift from which on beats are believed


def set_by_beats(ruler: Ruler, flat: FlatRows, traces: Traces) -> Ruler:
    """The ruler, with parts of rows shifted whose beats stand far beside those of the others.

    Parameters
    ----------
    ruler : Ruler
        By the grid, or of a chart without one.
    flat : FlatRows
    traces : Traces
    """
    along = flat.along_mm()
    steep = activity(flat.heights_mm(traces.heights))
    steep = np.stack(
        [np.interp(along, ruler.true_mm(k, along), row) for k, row in enumerate(steep)]
    )
    middles = np.linspace(WINDOW / 2, 1 - WINDOW / 2, WINDOWS) * flat.width_mm
    width = round(WINDOW * flat.width_mm * POINTS_PER_MM)
    off = np.zeros((len(steep), WINDOWS))
    for k, middle in enumerate(middles):
        first = int(np.searchsorted(along, middle - WINDOW * flat.width_mm / 2))
        part = slice(first, first + width)
        steps = [_shift(*pair) for pair in itertools.pairwise(steep[:, part])]
        off[1:, k] = np.cumsum(steps)
    off -= np.median(off, axis=0)
    off[np.abs(off) < LEAST_MM] = 0.0
    if not off.any():
        return ruler
    moved = np.stack([np.interp(ruler.places, middles, row) for row in off])
    return replace(ruler, across=ruler.across - moved)


def _shift(above: np.ndarray, below: np.ndarray) -> float:
    """How many mm further along the beats of the row below stand; 0 where it is not clear."""
    reach = round(FARTHEST_MM * POINTS_PER_MM)
    own = above[reach:-reach] - above[reach:-reach].mean()
    windows = np.lib.stride_tricks.sliding_window_view(below, len(own))
    spread = windows.std(axis=1) * np.sqrt(len(own))
    alike = (windows @ own) / (np.linalg.norm(own) * spread + 1e-6)
    mm = np.arange(-reach, reach + 1) / POINTS_PER_MM
    worth = alike - COST * mm**2
    best = int(worth.argmax())
    clear = alike[best] > ALIKE and worth[best] > worth[reach] + GAIN
    return float(mm[best]) if clear else 0.0
