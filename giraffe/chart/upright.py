"""Whether a chart stands on its head: names and pulses stand where rows begin, and pulses go up.

Rows look alike upside down, so what finds them need not know which side is up. A chart is looked at
both ways, and where its rows then begin is read: the right way round the names of the leads stand
there (some of which, such as I and II, read the same upside down, but stand at this end alone), and
pulses.
"""

import numpy as np

from giraffe.chart.fit import Rows, spacing
from giraffe.chart.geometry import sides_in_px, straighten
from giraffe.chart.letters import (
    HIGHEST,
    SCALE,
    STEP,
    LettersNetwork,
    Written,
    places_of,
    read_letters,
)
from giraffe.chart.names import begins

BEFORE, AFTER = 0.08, 0.14  # shares of the rows around their beginnings that are read
ABOVE = 0.06  # shares of the chart above and below it
NAME_NEAR, PULSE_NEAR = 0.7, (0.1, 0.9)  # of a row, in distances of two rows
PULSES = 0.5  # weight of pulses beside names
MOST = 12.0  # log-odds
NAME_AT = np.linspace(-0.01, 0.05, 13)  # of a lead's stretch, in shares of the rows


def beginnings(pixels: np.ndarray, rows: Rows) -> np.ndarray:
    """The part of a picture where rows begin.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        At the scale of `giraffe.chart.letters`.
    """
    part = np.array([[-BEFORE, -ABOVE], [AFTER, -ABOVE], [AFTER, 1 + ABOVE], [-BEFORE, 1 + ABOVE]])
    sides = sides_in_px(rows.corners, pixels.shape)
    height = SCALE * (1 + 2 * ABOVE) * sides[1] / sides[0]
    size = [STEP * max(round(side / STEP), 8) for side in (height, SCALE * (BEFORE + AFTER))]
    return straighten(pixels, rows.plane.to_view(part), min(size[0], HIGHEST), size[1])


def evidence_of_beginnings(
    pixels: np.ndarray, rows: Rows, network: LettersNetwork | None = None
) -> float:
    """Mean over the rows of the log-odds that a name and a pulse stand at their beginning.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    rows : Rows
        In shares of the picture.
    network : LettersNetwork, optional
        In evaluation mode; the package's own by default.
    """
    found = read_letters([beginnings(pixels, rows)], network)[0]
    names, pulses = _log_odds(1 - found.names[0]), _log_odds(found.pulses)
    v = places_of(len(names)) * (1 + 2 * ABOVE) - ABOVE
    distance = spacing(rows.levels)
    total = 0.0
    for level in rows.levels:
        total += names[np.abs(v - level) < NAME_NEAR * distance].max(initial=-MOST)
        over = (v > level - PULSE_NEAR[1] * distance) & (v < level - PULSE_NEAR[0] * distance)
        total += PULSES * pulses[over].max(initial=-MOST)
    return total / len(rows.levels)


def evidence_of_all_names(
    pixels: np.ndarray, rows: Rows, network: LettersNetwork | None = None
) -> float:
    """Mean over all leads of the log-odds that a name stands where their stretch begins.

    For charts whose rows' beginnings do not tell, because they are cut off or bare. Parameters are
    those of `evidence_of_beginnings`.
    """
    distance = spacing(rows.levels)
    u, v = np.meshgrid(NAME_AT, np.linspace(-NAME_NEAR, NAME_NEAR, 29) * distance)
    cells = begins(rows.columns)
    starts = np.array([start for _, _, start, _ in cells])[:, None]
    levels = np.array([rows.levels[row] for row, *_ in cells])[:, None]
    where = (starts + u.ravel()).ravel(), (levels + v.ravel()).ravel()
    # Beside the view nothing is likely: neither a name nor that there is none.
    names = Written(pixels, rows, network).names(*where)[1:].sum(axis=0).reshape(len(cells), -1)
    return float(_log_odds(names).max(axis=1).mean())


def _log_odds(p: np.ndarray) -> np.ndarray:
    return np.clip(np.log((p + 1e-6) / (1 - p + 1e-6)), -MOST, MOST)
