"""Which lead stands in which cell: names that were read, put into the layouts that are printed.

Every cell has its own evidence, but a page's names are set by one rule: they all stand as high
above or below their rows, and nearly always in one of a few orders. So the distance is chosen at
which most of them are read, and the whole order is read at once: a letter that is hard to read is
decided by the others. Where the names contradict every known order, each cell keeps what was read.
"""

from collections.abc import Sequence

import numpy as np

from giraffe.chart.chart import Cell
from giraffe.chart.fit import spacing
from giraffe.chart.letters import NAMES, SIDE
from giraffe.printout.formats import (
    BACK_3X5,
    CABRERA_12X1,
    CHEST_6X1,
    LIMB_6X1,
    RIGHT_3X5,
)
from giraffe.printout.layout import (
    CABRERA_3X4,
    CABRERA_6X2,
    STANDARD_3X4,
    STANDARD_6X2,
    STANDARD_12X1,
)

ORDERS = (
    STANDARD_3X4, STANDARD_6X2, STANDARD_12X1, LIMB_6X1, RIGHT_3X5, BACK_3X5, CHEST_6X1,
    CABRERA_3X4, CABRERA_6X2, CABRERA_12X1,
)  # fmt: skip
"""Known orders of leads; of those that fit a chart's rows, the first is the usual one."""

BEFORE, AFTER = 0.03, 0.05  # shares of the width around a cell's beginning that are searched
FARTHEST = 0.8  # distances of two rows that a name may stand above or below its row
OFFSETS = 33
NEARER = 0.3  # share of the names that a distance of one row must bring to be believed
BAND = 0.16  # distances of two rows by which the names' height may vary
LEAST = 0.02  # a name is never less likely than this, whatever was seen
READ = 0.35  # probability from which on a name counts as read
STRIP_READ = 0.6  # of a strip, of which nothing else tells which lead it is
UNUSUAL = 2.75  # log of how much rarer another order is, 6 to 94 as in `formats.LAYOUTS`
AGAINST = 0.9  # mean log likelihood per cell by which free reading must beat every order
USUAL_STRIPS = {1: ("II",), 2: ("V1", "II"), 3: ("V1", "II", "V5")}


def begins(columns: Sequence[int]) -> list[tuple[int, int, float, float]]:
    """Row, column, start and stop, in shares of the width, of every cell."""
    return [(i, k, k / n, (k + 1) / n) for i, n in enumerate(columns) for k in range(n)]


def evidence_of(sample, levels: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """Probabilities of names for every cell, at the height where most names are read.

    Parameters
    ----------
    sample : function of u and v, arrays of shape (n,)
        Probabilities of shape (1 + names, n) at points of the chart; see `Letters`.
    levels : ndarray, shape (rows,)
        v of the rows.
    columns : sequence of int
        Leads in each row.

    Returns
    -------
    ndarray, shape (cells, names)
    """
    cells = begins(columns)
    distance = spacing(levels)
    offsets = np.linspace(-FARTHEST, FARTHEST, OFFSETS) * distance
    u = np.linspace(-BEFORE, AFTER, 17)
    # Before a row a pulse may stand between its name and its trace; all that is seen is searched.
    first = np.linspace(-SIDE, AFTER, 17)
    uu, dd, vv = [], [], []
    for row, _, start, _ in cells:
        grid_u, grid_d = np.meshgrid(start + (u if start else first), offsets)
        uu.append(grid_u.ravel())
        dd.append(grid_d.ravel())
        vv.append(np.full(grid_u.size, levels[row]))
    seen = sample(np.concatenate(uu), np.concatenate(vv) + np.concatenate(dd))[1:]
    seen = seen.reshape(len(NAMES), len(cells), OFFSETS, len(u)).max(axis=3).transpose(1, 2, 0)
    width = max(round(BAND * (OFFSETS - 1) / (2 * FARTHEST)), 1)
    banded = np.stack([
        seen[:, max(k - width, 0) : k + width + 1].max(axis=1) for k in range(OFFSETS)
    ])  # fmt: skip
    # A name belongs to one row: at each height the cells' best names, each counted once a row.
    clear = banded.max(axis=2).mean(axis=1) - NEARER * np.abs(offsets) / distance
    return banded[int(np.argmax(clear))]


def assign(found: np.ndarray, columns: Sequence[int]) -> tuple[tuple[Cell, ...], str, bool]:
    """Leads of the cells.

    Parameters
    ----------
    found : ndarray, shape (cells, names)
        Of `evidence_of`.
    columns : sequence of int

    Returns
    -------
    cells : tuple of Cell
    layout : str
        Such as ``3x4+1``; ``6+2x1`` and the like for other divisions.
    usual : bool
        Whether the leads are in an order that is known.
    """
    cells = begins(columns)
    log = np.log(np.maximum(found, LEAST))
    rows, strips = division(columns)
    main = [k for k, cell in enumerate(cells) if rows[0] <= cell[0] < rows[1]]
    shape = rows[1] - rows[0], columns[rows[0]]
    free = _without_repeats(log[main])
    free_score = sum(log[k, name] for k, name in zip(main, free, strict=True) if name is not None)
    free_score += sum(np.log(LEAST) for name in free if name is None)
    best, names = -np.inf, None
    even = len(main) == shape[0] * shape[1]
    fitting = [order for order in ORDERS if even and (len(order), len(order[0])) == shape]
    for number, order in enumerate(fitting):
        labels = [label for row in order for label in row]
        score = sum(log[k, NAMES.index(label)] for k, label in zip(main, labels, strict=True))
        score -= UNUSUAL * (number > 0)
        if score > best:
            best, names = score, labels
    usual = bool(best > free_score - AGAINST * len(main))
    if names is None or not usual:
        names = ["" if name is None else NAMES[name] for name in free]
    labels = dict(zip(main, names, strict=True))
    others = [k for k in range(len(cells)) if k not in labels]
    guess = dict(zip(others, USUAL_STRIPS.get(len(others), ()), strict=False))
    for k in others:
        name = int(found[k].argmax())
        labels[k] = NAMES[name] if found[k, name] > STRIP_READ else guess.get(k, "")
    made = []
    for k, (row, column, start, stop) in enumerate(cells):
        label = labels[k]
        read = bool(label) and found[k, NAMES.index(label)] > READ
        lead = label.removeprefix("-")
        made.append(Cell(lead, row, column, start, stop, read, label.startswith("-")))
    name = f"{shape[0]}x{shape[1]}" + (f"+{strips}" if strips else "")
    return tuple(made), name, usual


def division(columns: Sequence[int]) -> tuple[tuple[int, int], int]:
    """First and last row (exclusive) of the leads' own rows, and the number of strips around."""
    most = max(columns)
    if most == 1:
        return (0, len(columns)), 0
    own = [i for i, n in enumerate(columns) if n == most]
    return (own[0], own[-1] + 1), len(columns) - (own[-1] + 1 - own[0])


def _without_repeats(log: np.ndarray) -> list[int | None]:
    """The most likely names, none twice; None where nothing was read."""
    chosen: list[int | None] = [None] * len(log)
    taken: set[int] = set()
    for flat in np.argsort(-log, axis=None):
        cell, name = np.unravel_index(flat, log.shape)
        if log[cell, name] <= np.log(READ):
            break
        if chosen[cell] is None and int(name) not in taken:
            chosen[cell] = int(name)
            taken.add(int(name))
    return chosen
