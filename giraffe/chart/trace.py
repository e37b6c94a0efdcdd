"""From distributions over heights to a row's trace, to a fraction of a pixel.

The likeliest way through the network's distributions (dynamic programming) tells which ink is the
trace's own. Where a distribution is narrow, its mean is the height. On a steep flank it is wide,
as a hair's breadth along the row decides on all of a stroke: there a mean would cut every QRS
complex down to half its size. But how long a trace is above a level does not depend on when
exactly it rises; so the time that the distributions expect above each level is kept, and given to
the moments that are likeliest to be above it.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from giraffe.chart.flat import POINTS_PER_MM

CLIMB = 0.05  # cost of a px up or down against the logarithm of a probability
JUMP = 0.4  # the same where there is no ink on the way
LEAST = 1e-4  # no probability is believed to be less
OWN = 1.5e-3  # probability of a px from which on it belongs to the ink around it
OWN_GAP = 4  # px without probability, over which it is followed from the trace's way
OWN_MASS = 1e-3  # of a moment's distribution that must lie there, or all of it counts
SURE = 0.03  # probability of being above a level, or below, up to which there is no doubt
NARROW_PX, WIDE_PX = 3.0, 6.0  # standard deviation up to, and from which, mean and levels count
PRESENT = 0.5  # probability from which on a trace is there
LONGEST_GAP_MM = 0.8  # bridged by a straight line
SHORTEST_MM = 2.0  # of a trace between two gaps; shorter ones are specks
UNSURE = 0.72  # of a page's rows' usual certainty, below which a row holds nothing but noise
LEAST_ROWS = 3  # that tell what is usual


@dataclass(frozen=True)
class Traces:
    """Traces of the rows of a chart.

    Attributes
    ----------
    heights : ndarray, shape (rows, points)
        In px from the upper border of the row's picture; NaN where there is no trace.
    present : ndarray, shape (rows, points)
        Probability that there is one.
    """

    heights: np.ndarray
    present: np.ndarray


def find_traces(found: np.ndarray, changes=None, hidden=None) -> Traces:
    """Traces in the network's distributions.

    Parameters
    ----------
    found : ndarray, shape (rows, height + 1, points)
        Of `giraffe.chart.ink.look_at_rows`.
    changes, hidden : ndarray of bool, shape (rows, points), optional
        Of `giraffe.chart.separators`: where a trace may jump without ink, and where it cannot be
        seen, so that its neighbours' heights go on to the middle of the place.
    """
    present = 1 - found[:, -1]
    likely = found[:, :-1]
    if hidden is not None:
        likely = np.where(hidden[:, None], 1 / likely.shape[1], likely).astype(found.dtype)
        present = np.where(hidden, PRESENT, present)
    path = likeliest(likely, changes)
    heights = np.stack([_heights(own_ink(*pair)) for pair in zip(likely, path, strict=True)])
    if hidden is not None:
        heights = continued(heights, hidden)
    heights = cleaned(heights, present)
    heights[_without_trace(likely, heights)] = np.nan
    return Traces(heights, present)


def _without_trace(likely: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Which rows are none: there the network follows now this speck and now that, shape (rows,).

    How sure it is of a height is half as much on a coarse photograph as on a scan, but in all rows
    of a page alike.
    """
    sure = np.full(len(heights), np.nan)
    for row, seen in enumerate(np.isfinite(heights)):
        if seen.any():
            sure[row] = np.median(likely[row].max(axis=0)[seen])
    if np.isfinite(sure).sum() < LEAST_ROWS:
        return np.zeros(len(heights), bool)
    return sure < UNSURE * np.nanmedian(sure)


def continued(heights: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Heights, shape (rows, points), in which hidden ones are as the nearest that are seen."""
    result = heights.copy()
    for row in range(len(heights)):
        seen = np.flatnonzero(~hidden[row])
        lost = np.flatnonzero(hidden[row])
        if len(seen) and len(lost):
            after = np.clip(np.searchsorted(seen, lost), 0, len(seen) - 1)
            before = np.maximum(after - 1, 0)
            nearer = np.where(lost - seen[before] < np.abs(seen[after] - lost), before, after)
            result[row, lost] = heights[row, seen[nearer]]
    return result


def likeliest(likely: np.ndarray, changes=None) -> np.ndarray:
    """The likeliest way through all moments.

    Every px up or down costs `CLIMB`, and `JUMP` where no ink joins the heights: a pen draws all
    that it passes, while the strokes of a name stand apart from the trace.

    Parameters
    ----------
    likely : ndarray, shape (rows, height, points)
        Probabilities.
    changes : ndarray of bool, shape (rows, points), optional
        Where the trace may jump without ink.

    Returns
    -------
    ndarray of int, shape (rows, points)
    """
    rows, height, points = likely.shape
    log = np.log(np.maximum(likely, LEAST))
    inked = likely > OWN
    if changes is not None:
        inked |= changes[:, None]
    best = np.empty((points, rows, height), np.float32)
    climbs = np.empty((points, rows, height), np.float32)
    best[0] = log[:, :, 0]
    for k in range(1, points):
        before = best[k - 1]
        joined = inked[:, :, k - 1] | inked[:, :, k]
        climb = np.cumsum(np.where(joined, CLIMB, JUMP), axis=1, dtype=np.float32)
        up = np.maximum.accumulate(before + climb, axis=1) - climb
        down = np.maximum.accumulate((before - climb)[:, ::-1], axis=1)[:, ::-1] + climb
        best[k] = np.maximum(up, down) + log[:, :, k]
        climbs[k] = climb
    path = np.empty((rows, points), int)
    path[:, -1] = best[-1].argmax(axis=1)
    row = np.arange(rows)
    for k in range(points - 2, -1, -1):
        climb = climbs[k + 1]
        away = np.abs(climb - climb[row, path[:, k + 1], None])
        path[:, k] = (best[k] - away).argmax(axis=1)
    return path


def own_ink(likely: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Distributions without what lies apart from the trace's way, such as a neighbour's ink.

    Parameters
    ----------
    likely : ndarray, shape (height, points)
    path : ndarray of int, shape (points,)

    Returns
    -------
    ndarray, shape (height, points)
        Of a sum of 1 at each moment.
    """
    height, points = likely.shape
    lane = np.arange(height)[:, None]
    inked = likely > OWN
    # Distance from each px to the next ink on its way to the path decides whether it is followed.
    last = np.maximum.accumulate(np.where(inked | (lane == path), lane, -1), axis=0)
    gap_above = np.where(inked, lane - np.vstack([np.full((1, points), -1), last[:-1]]), 0)
    following = np.where(inked | (lane == path), lane, height)
    following = np.minimum.accumulate(following[::-1], axis=0)[::-1]
    gap_below = np.where(inked, np.vstack([following[1:], np.full((1, points), height)]) - lane, 0)
    broken_below = (gap_above > OWN_GAP) & (lane > path)
    broken_above = (gap_below > OWN_GAP) & (lane < path)
    cut_below = np.maximum.accumulate(broken_below, axis=0)
    cut_above = np.maximum.accumulate(broken_above[::-1], axis=0)[::-1]
    own = np.where(cut_below | cut_above, 0.0, likely)
    own = np.where(own.sum(axis=0) < OWN_MASS * likely.sum(axis=0), likely, own)
    return own / np.maximum(own.sum(axis=0), 1e-12)


def _heights(own: np.ndarray) -> np.ndarray:
    """Heights of one row, shape (points,), of distributions of shape (height, points)."""
    lane = np.arange(len(own))[:, None] + 0.5
    mean = (own * lane).sum(axis=0)
    spread = np.sqrt((own * (lane - mean) ** 2).sum(axis=0))
    wide = np.clip((spread - NARROW_PX) / (WIDE_PX - NARROW_PX), 0, 1)
    return (1 - wide) * mean + wide * by_levels(own)


def by_levels(own: np.ndarray) -> np.ndarray:
    """Heights that keep the time which distributions expect above each level.

    At each level, moments that may be above it and may not lie in runs. Of such a run, as many
    moments are above as the probabilities add up to: the likeliest ones.

    Parameters
    ----------
    own : ndarray, shape (height, points)

    Returns
    -------
    ndarray, shape (points,)
    """
    above = np.cumsum(own, axis=0)
    open_ = (above > SURE) & (above < 1 - SURE)
    level, moment = np.nonzero(open_)
    held = (above >= 1 - SURE).astype(np.float32)
    if len(level):
        begins = np.ones(len(level), bool)
        begins[1:] = (np.diff(level) > 0) | (np.diff(moment) > 1)
        run = np.cumsum(begins) - 1
        value = above[level, moment]
        order = np.lexsort((-value, run))
        first = np.flatnonzero(begins)
        rank = np.empty(len(level))
        # Runs keep their places in the order, which changes inside of them only.
        rank[order] = np.arange(len(level)) - first[run]
        expected = np.bincount(run, value)
        held[level, moment] = np.clip(expected[run] - rank, 0, 1)
    return len(own) - held.sum(axis=0) + 0.5


def cleaned(heights: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Heights where there is a trace: short gaps are bridged, specks and the rest are NaN."""
    result = np.full(heights.shape, np.nan)
    gap, shortest = LONGEST_GAP_MM * POINTS_PER_MM, SHORTEST_MM * POINTS_PER_MM
    for row in range(len(heights)):
        there = present[row] >= PRESENT
        there = _without_runs(there, False, gap)
        there = _without_runs(there, True, shortest)
        good = there & (present[row] >= PRESENT)
        if good.any():
            at = np.flatnonzero(there)
            result[row, at] = np.interp(at, np.flatnonzero(good), heights[row, good])
    return result


def _without_runs(mask: np.ndarray, value: bool, longest: float) -> np.ndarray:
    """A mask in which runs of a value that are so short, and not at its ends, are turned over."""
    mask = mask.copy()
    edges = np.flatnonzero(np.diff(mask.astype(int))) + 1
    bounds = np.concatenate([[0], edges, [len(mask)]])
    for first, last in itertools.pairwise(bounds):
        inner = first > 0 and last < len(mask)
        if mask[first] == value and last - first <= longest and (inner or value):
            mask[first:last] = not value
    return mask
