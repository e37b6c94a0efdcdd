"""Where one lead's trace changes to the next: where it may jump, and bars that hide it there."""

import numpy as np

from giraffe.chart.flat import POINTS_PER_MM, PX_PER_MM, SIDE_MM, FlatRows
from giraffe.chart.lighting import WHITE

CHANGE_MM = 1.0  # on both sides of where a change should be in which a trace may jump
NEAR_MM = 2.5  # from there in which its bar is looked for
HALF_MM = 2.6  # above and below the zero line that a bar covers without a gap
NARROWEST_MM, WIDEST_MM = 0.45, 1.6  # of a bar; flanks of beats, which all rows share, are thinner
BESIDE_PX = 2  # beside a bar in which its ink's edge still is
DARKEST = 99.5  # percentile of a row's darkness that ink reaches
MOST = 0.85  # share of that part of a column that must be dark
ROWS = 0.6  # share of the rows with a change at a place that must have a bar there


def changes_of(flat: FlatRows) -> np.ndarray:
    """Points at which a row's trace may jump from one lead to the next, shape (rows, points)."""
    along = flat.along_mm()
    changes = np.zeros((len(flat.pixels), flat.points), bool)
    for cell in flat.chart.cells:
        if cell.column:
            changes[cell.row] |= np.abs(along - cell.start * flat.width_mm) < CHANGE_MM
    return changes


def hidden_by_bars(flat: FlatRows) -> np.ndarray:
    """Points at which a bar between two leads covers their traces, shape (rows, points).

    A bar is as high in every row and stands in all rows that change there, which no steep part of
    a trace does.
    """
    hidden = np.zeros((len(flat.pixels), flat.points), bool)
    places: dict[float, list[int]] = {}
    for cell in flat.chart.cells:
        if cell.column:
            places.setdefault(round(cell.start, 3), []).append(cell.row)
    if not places:
        return hidden
    reach = round(HALF_MM * PX_PER_MM)
    top = max(round(flat.zero) - reach, 0)
    dark = WHITE - flat.pixels[:, top : top + 2 * reach].max(axis=3).astype(np.float32)
    ink = np.percentile(dark, DARKEST, axis=(1, 2), keepdims=True)
    full = (dark > ink / 2).mean(axis=1) > MOST
    for start, own in places.items():
        if len(own) < 2:
            continue
        middle = (start * flat.width_mm + SIDE_MM) * PX_PER_MM
        near = slice(max(int(middle - NEAR_MM * PX_PER_MM), 0), int(middle + NEAR_MM * PX_PER_MM))
        bar = _bar(full[own, near].mean(axis=0) >= ROWS)
        if bar is None:
            continue
        first, last = near.start + bar[0] - BESIDE_PX, near.start + bar[1] + BESIDE_PX
        points = np.arange(
            *np.round(np.array([first, last]) / PX_PER_MM * POINTS_PER_MM).astype(int)
        )
        for row in own:
            hidden[row, points[(points >= 0) & (points < flat.points)]] = True
    return hidden


def _bar(dark: np.ndarray) -> tuple[int, int] | None:
    """First column of a bar and the one after its last: the run of a bar's width that is nearest
    to the middle."""
    dark = dark.copy()
    dark[1:-1] |= dark[:-2] & dark[2:]  # a line of the grid may shine through
    edges = np.flatnonzero(np.diff(np.concatenate([[False], dark, [False]]).astype(int)))
    runs = [
        (int(first), int(last))
        for first, last in zip(edges[::2], edges[1::2], strict=True)
        if NARROWEST_MM <= (last - first) / PX_PER_MM <= WIDEST_MM
    ]
    return min(runs, key=lambda run: abs(sum(run) - len(dark)), default=None)
