"""Rows of a chart: a plane in perspective, gently bent, fitted to the marks in a view.

The votes for coordinates give a first plane (`giraffe.chart.plane`). The rows, their ends and the
changes of leads refine it: all rows are level in the chart, begin at u = 0 and end at u = 1, and
leads change at whole shares of the width; a bent page adds a smooth displacement that vanishes at
both ends.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from giraffe.chart.evidence import FINE, Evidence
from giraffe.chart.geometry import WHOLE, transform
from giraffe.chart.plane import Plane, places

STEPS = 4  # of the refinement
LATTICE = (256, 64)  # rows and columns on which the row map is seen
BANDS = 16  # across the chart, whose rows are brought to one height
FARTHEST_SHIFT = 4  # places of the lattice between neighbouring bands
BEYOND = 0.06  # shares of the chart around it in which rows are looked for
ROW_LEVEL, ROW_PEAK, POINT_PEAK = 0.3, 0.12, 0.2
"""Least evidence of a row over its whole length, of one in a part of it, of a point."""
LONE_ROW = 0.3  # shares of the chart's height around a single row in which it is followed
CLOSEST_ROWS = 0.045  # shares of the chart's height between two rows, at least
SEGMENTS = 12  # of a row, each of which says how high it lies
ROWS_OF_COLUMNS = {2: 6, 4: 3, 5: 3}  # of leads: 6x2, 3x4 and 3x5 pages
NEAR_COLUMN = 0.03  # shares of the width by which a change may be off its place
COLUMN_COST = 0.8  # in units of log likelihood: a change of leads more
STRIP_ABOVE = 4.0  # in units of log likelihood: a rhythm strip above the rows of leads
CHANGE_EVEN, CHANGE_SLOPE, CHANGE_MOST = 0.25, 10.0, (-3.0, 2.5)
"""Evidence of a change that speaks neither for nor against one, units of log likelihood for each
more, and their bounds: on printed pages 91 % of changes and 9 % of other places have over 0.3."""
ROW_ABOVE, ROW_BELOW = 1.6, 1.1
"""What belongs to a chart above its first and below its last row, in halves of the least distance
of two rows; see `giraffe.printout.layout.Page.chart`."""


@dataclass(frozen=True)
class Rows:
    """What the fine fit knows.

    Attributes
    ----------
    plane : Plane
        Refined; its v is 0 at the chart's upper and 1 at its lower border.
    levels : ndarray, shape (rows,)
        v of the rows from top to bottom.
    columns : tuple of int
        Leads in each row.
    bend : ndarray, shape (4,)
        How far the rows leave their levels between their ends; see `displacement`.
    residual : float
        Median distance of the points from the model, in shares of the chart's sides.
    support : float
        Mean evidence of the rows' beginnings and ends, in [0, 1].
    row_support : float
        Mean evidence along the rows.
    """

    plane: Plane
    levels: np.ndarray
    columns: tuple[int, ...]
    bend: np.ndarray
    residual: float
    support: float
    row_support: float

    @property
    def corners(self) -> np.ndarray:
        """Corners of the chart in shares of the view, shape (4, 2)."""
        return self.plane.to_view(WHOLE)

    def to_view(self, u, v) -> np.ndarray:
        """Points of the bent chart in shares of the view, shape (n, 2)."""
        return bent(self.plane.matrix, self.bend, u, v)

    def seen_through(self, matrix: np.ndarray) -> "Rows":
        """The same rows in shares of another view, from which a homography leads to this one."""
        moved = replace(self.plane, matrix=self.plane.matrix @ matrix)
        return replace(self, plane=moved)


def spacing(levels: np.ndarray, alone: float = 0.4) -> float:
    """Least distance of two rows; a usual one, `alone`, where there is but one row."""
    return float(np.diff(levels).min()) if len(levels) > 1 else alone


def bent(matrix: np.ndarray, bend: np.ndarray, u, v) -> np.ndarray:
    """Points of a bent chart in shares of a view, shape (n, 2)."""
    lifted = v + np.tensordot(bend, displacement(u, v), axes=1)
    return transform(np.linalg.inv(matrix), np.stack([u, lifted], axis=1))


def displacement(u, v) -> np.ndarray:
    """Shapes of a bent page: what is added to v, shape (4, ...); all vanish at u = 0 and u = 1."""
    arch, swing = u * (u - 1), u * (u - 1) * (2 * u - 1)
    return np.stack([arch, arch * v, swing, swing * v])


def _peaks(profile: np.ndarray, least: float, apart: int) -> list[int]:
    """Positions of local maxima, the highest first, no two nearer than `apart`."""
    padded = np.pad(profile, 1, constant_values=-np.inf)
    top = (profile >= padded[:-2]) & (profile > padded[2:]) & (profile >= least)
    chosen: list[int] = []
    for k in sorted(np.flatnonzero(top), key=lambda k: -profile[k]):
        if all(abs(k - other) >= apart for other in chosen):
            chosen.append(int(k))
    return chosen


def _sampled(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values of a map at points in shares of the view; 0 outside."""
    rows, columns = field.shape
    x = (points[:, 0] * columns - 0.5).astype(np.float32).reshape(-1, 1)
    y = (points[:, 1] * rows - 0.5).astype(np.float32).reshape(-1, 1)
    return cv2.remap(field, x, y, cv2.INTER_LINEAR).ravel()


def _points(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of a map of points: where, in shares of the view, shape (n, 2), and how likely."""
    highest = cv2.dilate(field, np.ones((5, 5), np.uint8))
    y, x = np.nonzero((field >= highest) & (field > POINT_PEAK))
    padded = np.pad(field, 1)
    dy, dx = np.mgrid[-1:2, -1:2]
    patches = np.stack(
        [padded[y + 1 + j, x + 1 + i] for j, i in zip(dy.flat, dx.flat, strict=True)]
    )
    total = patches.sum(axis=0)
    shift_x = (patches * dx.reshape(-1, 1)).sum(axis=0) / np.maximum(total, 1e-9)
    shift_y = (patches * dy.reshape(-1, 1)).sum(axis=0) / np.maximum(total, 1e-9)
    rows, columns = field.shape
    where = np.stack([(x + shift_x + 0.5) / columns, (y + shift_y + 0.5) / rows], axis=1)
    return where.reshape(-1, 2), field[y, x]


U, V, ROW = range(3)  # what a point says: its u, its v, or that a row passes


class _Marks:
    """Points of a view and what each says of the model."""

    def __init__(self):
        self._parts: list[list] = [[] for _ in range(5)]

    def add(self, where, kind: int, wanted, spread, row: int = -1) -> None:
        """Add points, shape (n, 2), with the u or v that is wanted of them, or the row."""
        for part, value in zip(self._parts[1:], (kind, wanted, row, spread), strict=True):
            part.append(np.broadcast_to(value, len(where)))
        self._parts[0].append(where)

    @property
    def number(self) -> int:
        """Points so far."""
        return sum(map(len, self._parts[0]))

    def arrays(self) -> list[np.ndarray]:
        """Points, kinds, wanted values, rows and spreads."""
        return [np.concatenate(part) for part in self._parts]


class _Model:
    """A small homography, row levels and bend on top of a first plane.

    Parameters are the eight changes of the homography, the rows' levels, then the four numbers of
    the bend.
    """

    def __init__(self, plane: Plane, levels: np.ndarray, bend: np.ndarray):
        self.first = plane
        self.levels = levels.copy()
        self.change = np.zeros(8)
        self.bend = bend.copy()

    @property
    def matrix(self) -> np.ndarray:
        a = self.change
        small = np.array([[1 + a[0], a[1], a[2]], [a[3], 1 + a[4], a[5]], [a[6], a[7], 1.0]])
        return small @ self.first.matrix

    def to_chart(self, points) -> np.ndarray:
        return transform(self.matrix, points)

    def to_view(self, u, v) -> np.ndarray:
        """Points of the bent chart in shares of the view, shape (n, 2)."""
        return bent(self.matrix, self.bend, u, v)

    def step(self, points, kind, wanted, row, spread) -> np.ndarray:
        """One Gauss-Newton step; the distances in u or v before it."""
        start = self.first.to_chart(points)
        x, y = start.T
        a = self.change
        depth = 1 + a[6] * x + a[7] * y
        u = ((1 + a[0]) * x + a[1] * y + a[2]) / depth
        v = (a[3] * x + (1 + a[4]) * y + a[5]) / depth
        n, rows = len(x), len(self.levels)
        jacobian = np.zeros((n, 12 + rows))
        is_u = kind == U
        value = np.where(is_u, u, v)
        columns = np.where(is_u[:, None], (0, 1, 2), (3, 4, 5))
        for c, factor in enumerate((x, y, np.ones(n))):
            jacobian[np.arange(n), columns[:, c]] = factor / depth
        jacobian[:, 6], jacobian[:, 7] = -value * x / depth, -value * y / depth
        is_row = kind == ROW
        shapes = displacement(u, v)
        jacobian[is_row, 8 + row[is_row]] = -1
        jacobian[is_row, 8 + rows :] = -shapes.T[is_row]
        level = np.where(is_row, self.levels[np.maximum(row, 0)], wanted)
        target = level + np.where(is_row, np.tensordot(self.bend, shapes, axes=1), 0)
        error = (value - target) / spread
        robust = 1 / (1 + (error / 2) ** 2)
        weight = robust / spread**2
        prior = np.concatenate([np.full(6, 1e-2), np.full(2, 1 / 0.05**2), np.full(rows, 1e-2),
                                np.full(4, 1 / 0.08**2)])  # fmt: skip
        now = np.concatenate([self.change, np.zeros(rows), self.bend])
        normal = (jacobian * weight[:, None]).T @ jacobian + np.diag(prior)
        gradient = (jacobian * weight[:, None]).T @ (value - target) + prior * now
        move = np.linalg.solve(normal, -gradient)
        self.change = self.change + move[:8]
        self.levels = self.levels + move[8 : 8 + rows]
        self.bend = self.bend + move[8 + rows :]
        return np.abs(error * spread)


def fit_rows(evidence: Evidence, plane: Plane) -> Rows | None:
    """Rows, their ends and their leads, from the fine maps around a first plane.

    Returns
    -------
    Rows or None
        None where no row is seen.
    """
    levelled, levels, bend = find_levels(evidence, plane)
    if not len(levels):
        return None
    model = _Model(levelled, levels, bend)
    cells = evidence.inside.ravel() > 0.5
    cell_points = places(evidence.u.shape)[cells]
    cell_u, cell_v = evidence.u.ravel()[cells], evidence.v.ravel()[cells]
    cell_spread = evidence.u_spread.ravel()[cells], evidence.v_spread.ravel()[cells]
    begins, ends, changes = (_points(evidence.fine[k]) for k in (1, 2, 3))
    columns = (1,) * len(levels)
    for _ in range(2):
        columns = _columns(evidence.fine[3], model)
        marks = _Marks()
        for i, (where, likely) in enumerate(_row_points(evidence.fine[0], model)):
            marks.add(where, ROW, 0.0, 0.003 / np.sqrt(likely), i)
        for (where, likely), u in ((begins, 0.0), (ends, 1.0)):
            where, likely, _ = _on_rows(where, likely, model, u)
            marks.add(where, U, u, 0.003 / likely)
        where, likely, of = _on_rows(*changes, model, None)
        if len(where):
            per_row = np.array(columns)[of]
            u = model.to_chart(where)[:, 0]
            nearest = np.rint(u * per_row) / per_row
            near = (np.abs(u - nearest) < NEAR_COLUMN) & (nearest > 0.01) & (nearest < 0.99)
            marks.add(where[near], U, nearest[near], 0.006 / likely[near])
        of_marks = marks.number
        marks.add(cell_points, U, cell_u, 0.02 + 8 * cell_spread[0])
        marks.add(cell_points, V, cell_v, 0.02 + 8 * cell_spread[1])
        for _ in range(STEPS):
            distance = model.step(*marks.arrays())
    distance = distance[:of_marks] if of_marks else np.ones(1)
    support = [_best(evidence.fine[k], model, u) for k, u in ((1, 0.0), (2, 1.0))]
    along = _row_support(evidence.fine[0], model)
    return _finished(model, columns, float(np.median(distance)), support, along, plane)


def _finished(model, columns, residual, support, along, plane) -> Rows:
    """The model in coordinates of the chart as `Page.chart` bounds it."""
    levels = model.levels
    reach = spacing(levels, 0.5) / 2
    top, bottom = levels[0] - ROW_ABOVE * reach, levels[-1] + ROW_BELOW * reach
    scale = 1 / (bottom - top)
    upright = np.array([[1, 0, 0], [0, scale, -top * scale], [0, 0, 1]])
    return Rows(
        Plane(upright @ model.matrix, plane.agreement),
        (levels - top) * scale,
        tuple(columns),
        # Of `displacement`, the parts with v take what v's change of origin brings.
        np.array([
            (model.bend[0] + model.bend[1] * top) * scale, model.bend[1],
            (model.bend[2] + model.bend[3] * top) * scale, model.bend[3],
        ]),
        residual,
        float(np.mean(support)),
        along,
    )  # fmt: skip


def find_levels(evidence: Evidence, plane: Plane) -> tuple[Plane, np.ndarray, np.ndarray]:
    """Rows that the row map shows through a plane.

    The map is seen in upright bands. Neighbouring bands are shifted against each other until
    their rows meet, so rows are found on a page that is bent by more than they lie apart.

    Returns
    -------
    plane : Plane
        Levelled as the bands say.
    levels : ndarray, shape (rows,)
        v of the rows from top to bottom.
    bend : ndarray, shape (4,)
    """
    v = np.linspace(-BEYOND, 1 + BEYOND, LATTICE[0])
    u = (np.arange(LATTICE[1]) + 0.5) / LATTICE[1]
    grid = np.stack([g.ravel() for g in np.meshgrid(u, v)], axis=1)
    seen = _sampled(evidence.fine[FINE.index("row")], plane.to_view(grid)).reshape(LATTICE)
    bands = seen.reshape(LATTICE[0], BANDS, -1).mean(axis=2).T
    bands = np.stack([np.convolve(band, (0.25, 0.5, 0.25), "same") for band in bands])
    shifts = _shifts(bands)
    profile = np.mean([np.roll(band, -k) for band, k in zip(bands, shifts, strict=True)], axis=0)
    step = v[1] - v[0]
    levels = v[sorted(_peaks(profile, ROW_LEVEL, max(round(CLOSEST_ROWS / step), 1)))]
    middle = u.reshape(BANDS, -1).mean(axis=1)
    arch, _, swing, _ = displacement(middle, np.zeros(BANDS))
    shapes = np.stack([np.ones(BANDS), middle, arch, swing], axis=1)
    start, slope, arched, swung = np.linalg.lstsq(shapes, shifts * step, rcond=None)[0]
    levelled = np.array([[1, 0, 0], [-slope, 1, -start], [0, 0, 1]]) @ plane.matrix
    return replace(plane, matrix=levelled), levels, np.array([arched, 0, swung, 0])


def _shifts(bands: np.ndarray) -> np.ndarray:
    """By how many places each band must be moved up to meet the ones beside it, from the middle."""
    shifts = np.zeros(len(bands), int)
    places_along = np.arange(bands.shape[1])
    middle = len(bands) // 2
    for order in (range(middle + 1, len(bands)), range(middle - 1, -1, -1)):
        known, last = bands[middle].copy(), 0
        for k in order:
            tried = np.arange(last - FARTHEST_SHIFT, last + FARTHEST_SHIFT + 1)
            rolled = bands[k][(places_along + tried[:, None]) % bands.shape[1]]
            # Where nothing tells them apart, the band stays where its neighbour is.
            best = int(np.argmax(rolled @ known - 1e-3 * np.abs(tried - last)))
            last = int(tried[best])
            shifts[k] = last
            known = 0.6 * known + 0.4 * rolled[best]
    return shifts


def _row_points(field: np.ndarray, model: _Model):
    """Where each row passes in each of its segments, and how likely: one pair for each row."""
    half = 0.4 * spacing(model.levels, LONE_ROW)
    offsets = np.linspace(-half, half, 25)
    u = (np.arange(SEGMENTS * 4) + 0.5) / (SEGMENTS * 4)
    height = model.levels[:, None] + offsets
    uu, vv = (part.ravel() for part in np.broadcast_arrays(u, height[:, :, None]))
    seen = _sampled(field, model.to_view(uu, vv))
    seen = seen.reshape(len(model.levels), len(offsets), SEGMENTS, 4).mean(axis=3)
    best = seen.argmax(axis=1)
    near = np.abs(offsets[:, None] - offsets[best][:, None, :]) < half / 3
    mass = np.where(near, seen, 0) + 1e-9
    centre = (mass * offsets[:, None]).sum(axis=1) / mass.sum(axis=1)
    middle = np.broadcast_to(u.reshape(SEGMENTS, 4).mean(axis=1), centre.shape)
    where = model.to_view(middle.ravel(), (model.levels[:, None] + centre).ravel())
    where, highest = where.reshape(*centre.shape, 2), seen.max(axis=1)
    good = highest > ROW_PEAK
    return [(where[i][good[i]], highest[i][good[i]]) for i in range(len(model.levels))]


def _on_rows(where, likely, model: _Model, u: float | None):
    """Points that lie on a row (and, if u is given, near it), with their rows."""
    if not len(where):
        return where, likely, np.zeros(0, int)
    chart = model.to_chart(where)
    lift = np.tensordot(model.bend, displacement(*chart.T), axes=1)
    away = np.abs(chart[:, 1:] - lift[:, None] - model.levels)
    of = away.argmin(axis=1)
    good = away.min(axis=1) < 0.35 * spacing(model.levels, LONE_ROW)
    if u is not None:
        good &= np.abs(chart[:, 0] - u) < 0.1
    return where[good], likely[good], of[good]


def _best(field: np.ndarray, model: _Model, u: float) -> float:
    """Mean over the rows of the highest evidence near a point of each."""
    offsets = np.linspace(-0.015, 0.015, 7)
    uu, vv = np.meshgrid(u + offsets, model.levels)
    seen = _sampled(field, model.to_view(uu.ravel(), vv.ravel())).reshape(uu.shape)
    return float(seen.max(axis=1).mean())


def _row_support(field: np.ndarray, model: _Model) -> float:
    u = (np.arange(48) + 0.5) / 48
    uu, vv = np.meshgrid(u, model.levels)
    return float(_sampled(field, model.to_view(uu.ravel(), vv.ravel())).mean())


def _columns(field: np.ndarray, model: _Model) -> tuple[int, ...]:
    """Leads in each row: as many as the changes of leads agree with.

    Rows of several leads lie together and show twelve leads in all, or fifteen; the others are
    rhythm strips, most often below.
    """
    offsets = np.linspace(-NEAR_COLUMN / 2, NEAR_COLUMN / 2, 7)
    rows = len(model.levels)
    best, chosen = 0.0, (1,) * rows
    for n, usual in ROWS_OF_COLUMNS.items():
        u = (np.arange(1, n)[:, None] / n + offsets).ravel()
        uu, vv = np.meshgrid(u, model.levels)
        seen = _sampled(field, model.to_view(uu.ravel(), vv.ravel()))
        seen = seen.reshape(rows, n - 1, len(offsets)).max(axis=2)
        speaks = np.clip(CHANGE_SLOPE * (seen - CHANGE_EVEN), *CHANGE_MOST).sum(axis=1)
        block = min(usual, rows)
        for first in range(rows - block + 1):
            total = (speaks[first : first + block] - COLUMN_COST * (n - 1)).sum()
            total -= STRIP_ABOVE * first
            if total > best:
                inside = (np.arange(rows) >= first) & (np.arange(rows) < first + block)
                best, chosen = total, tuple(int(k) for k in np.where(inside, n, 1))
    return chosen
