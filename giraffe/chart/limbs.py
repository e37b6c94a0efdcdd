"""Which side of a chart is up, by a law of the heart: I + III = II, and aVR + aVL + aVF = 0.

The law holds at every moment between leads that are printed over each other (Einthoven, Pflügers
Arch. 150, 1913; Goldberger, Am. Heart J. 23, 1942), but hardly ever between those that stand in
their places when a chart is seen upside down. So where neither names nor pulses tell, traces do.
"""

from dataclasses import replace

import numpy as np

from giraffe.chart.chart import Cell, Chart
from giraffe.chart.fit import Rows
from giraffe.chart.flat import lay_rows
from giraffe.chart.ink import InkNetwork, look_at_rows
from giraffe.chart.names import begins
from giraffe.chart.square import set_right
from giraffe.chart.trace import find_traces

LAWS = ((1.0, -1.0, 1.0), (1.0, 1.0, 1.0))  # of I, II, III, and of aVR, aVL, aVF
INSIDE = (0.12, 0.9)  # share of a lead's stretch without its name and the bar behind it
FEWEST = 0.3  # share of that in which all three leads must be read
LEAST, MOST = 0.02, 0.7  # shares of power; more is as much as no law at all


def limb_residual(pixels: np.ndarray, rows: Rows, network: InkNetwork | None = None) -> float:
    """What the laws leave of the leads in the limb leads' places, as a share of their power.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The picture, turned so that the rows are level.
    rows : Rows
        In shares of the picture.
    network : InkNetwork, optional
        In evaluation mode; the package's own by default.

    Returns
    -------
    float
        Geometric mean over the laws, each between 0.02 and 0.7; NaN where too little was read.
    """
    most = max(rows.columns)
    with_leads = [row for row, number in enumerate(rows.columns) if number == most]
    triples = _triples(with_leads, most)
    if not triples:
        return np.nan
    rows, _ = set_right(pixels, rows)
    used = sorted({row for three, _ in triples for row in three})
    # Rows between these may hold a strip; they stay, as their distance is the rows' room.
    part = slice(used[0], used[-1] + 1)
    rows = replace(rows, levels=rows.levels[part], columns=rows.columns[part])
    cells = tuple(Cell("", *place) for place in begins(rows.columns))
    flat = lay_rows(pixels, Chart(rows.corners, 0, 1.0, rows, cells=cells))
    heights = find_traces(look_at_rows(flat, network)).heights
    u = flat.along_mm() / flat.width_mm * most
    left = []
    for (three, column), law in zip(triples, LAWS, strict=False):
        inside = (u > column + INSIDE[0]) & (u < column + INSIDE[1])
        signals = heights[np.array(three) - used[0]][:, inside]
        good = np.isfinite(signals).all(axis=0)
        if good.mean() < FEWEST:
            continue
        power = np.var(signals[:, good], axis=1).mean() + 1e-9
        left.append(np.clip(np.var(np.array(law) @ signals[:, good]) / power, LEAST, MOST))
    return float(np.exp(np.mean(np.log(left)))) if left else np.nan


def _triples(rows: list[int], columns: int) -> list[tuple[list[int], int]]:
    """Rows and column of the first two times three leads, down the first column and on."""
    cells = [(row, column) for column in range(columns) for row in rows]
    found = []
    for k in (0, 3):
        three = cells[k : k + 3]
        if len(three) == 3 and len({column for _, column in three}) == 1:
            found.append(([row for row, _ in three], three[0][1]))
    return found
