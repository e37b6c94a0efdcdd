"""The chart that a perfect reader would find in a picture of a page that we printed."""

import cv2
import numpy as np
from scipy.optimize import least_squares

from giraffe.chart.chart import Cell, Chart
from giraffe.chart.chart import Pulse as SeenPulse
from giraffe.chart.fit import Rows, displacement
from giraffe.chart.geometry import WHOLE, sides_in_px, transform
from giraffe.chart.plane import Plane
from giraffe.chart.truth import canonical, row_ends

POINTS = 33  # along each row, on which the geometry is fitted
STIFFNESS = 1e-3  # against bends that hardly any point asks for


def known_chart(placement, shape: tuple[int, int], rng=None, wrong: float = 0.0) -> Chart:
    """The chart of a printed page as a reader would describe it.

    Parameters
    ----------
    placement : giraffe.printout.placement.Placement
        Where the page lies in its picture, which stands upright.
    shape : (int, int)
        Height and width of the picture in px.
    rng : numpy.random.Generator, optional
        Where the geometry is to be wrong.
    wrong : float
        Standard deviation of the corners' error, in shares of the chart's sides.

    Returns
    -------
    Chart
        Its geometry is a plane and a bend, as the reader's is, fitted to the page's rows: paper
        that is folded or curled is met as nearly as those allow.
    """
    page = placement.page
    left, top, right, bottom = page.chart
    rows = row_ends(page)
    levels = np.array([(level - top) / (bottom - top) for level, *_ in rows])
    u = np.linspace(0, 1, POINTS)
    uu, vv = (part.ravel() for part in np.meshgrid(u, levels))
    seen = placement.to_frame(np.stack([left + uu * (right - left), top + vv * (bottom - top)], 1))
    plane, bend = _fitted(uu, vv, seen)
    if rng is not None and wrong > 0:
        loose = WHOLE + rng.normal(0, wrong, (4, 2)) + rng.normal(0, wrong, 2)
        moved = cv2.getPerspectiveTransform(WHOLE.astype(np.float32), loose.astype(np.float32))
        plane = moved.astype(float) @ plane
        bend = bend + rng.normal(0, wrong, 4)
    columns = tuple(1 + len(changes) for *_, changes in rows)
    geometry = Rows(Plane(plane, 1.0), levels, columns, bend, 0.0, 1.0, 1.0)
    corners = geometry.plane.to_view(WHOLE)
    size_mm = (right - left, bottom - top) if page.grid_mm else None
    px_per_mm = None
    if size_mm is not None:
        across, down = sides_in_px(corners, shape) / size_mm
        px_per_mm = float(across), float(down)
    return Chart(
        corners, 0, 1.0, geometry, float(page.speed > 25), _cells(page, rows), page.layout,
        size_mm, px_per_mm, _pulses(page, rows), page.speed if page.grid_mm else None,
        page.gain if page.pulses and page.grid_mm else None,
    )  # fmt: skip


def _fitted(u, v, seen) -> tuple[np.ndarray, np.ndarray]:
    """Homography from shares of the picture to the chart, and the bend, of points of rows."""
    shapes = displacement(u, v)
    if np.ptp(v) == 0:  # a single row says nothing of heights
        matrix = _of_one_row(u, v, seen)
        off = transform(matrix, seen)[:, 1] - v
        normal = shapes @ shapes.T + STIFFNESS * np.eye(4)
        return matrix, np.linalg.solve(normal, shapes @ off)
    first = cv2.findHomography(seen, np.stack([u, v], axis=1))[0]

    def away(parameters):
        change, bend = np.append(parameters[:8], 0).reshape(3, 3), parameters[8:]
        chart = transform((np.eye(3) + change) @ first, seen)
        off = chart - np.stack([u, v + bend @ shapes], axis=1)
        return np.concatenate([off.ravel(), np.sqrt(STIFFNESS) * bend])

    best = least_squares(away, np.zeros(12), method="lm").x
    return (np.eye(3) + np.append(best[:8], 0).reshape(3, 3)) @ first, best[8:]


def _of_one_row(u, v, seen) -> np.ndarray:
    """Affine map to the chart of which only one row is known; upright, and as high as wide."""
    along, start = np.polyfit(u, seen, 1)
    down = np.array([-along[1], along[0]])
    matrix = np.eye(3)
    matrix[:2, :2] = np.stack([along, down], axis=1)
    matrix[:2, 2] = start - v[0] * down
    return np.linalg.inv(matrix)


def _cells(page, rows) -> tuple[Cell, ...]:
    left, _, right, _ = page.chart
    level_of = {level: i for i, (level, *_) in enumerate(rows)}
    by_row: dict[int, list] = {}
    for strip in page.strips:
        by_row.setdefault(level_of[strip.baseline], []).append(strip)
    cells = []
    for row, strips in sorted(by_row.items()):
        strips = sorted(strips, key=lambda strip: strip.x)
        ends = [strip.x for strip in strips[1:]] + [page.strip_end(strips[-1])]
        for column, (strip, end) in enumerate(zip(strips, ends, strict=True)):
            start, stop = ((x - left) / (right - left) for x in (strip.x, end))
            named = bool(canonical(strip.label)) and page.names_printed
            cells.append(Cell(strip.lead, row, column, start, stop, named, strip.sign < 0))
    return tuple(cells)


def _pulses(page, rows) -> tuple[SeenPulse, ...]:
    left, top, _, bottom = page.chart
    level_of = {level: i for i, (level, *_) in enumerate(rows)}
    return tuple(
        SeenPulse(
            level_of[pulse.baseline],
            "left" if pulse.x < left else "right",
            pulse.height if page.grid_mm else None,
            pulse.height / (bottom - top),
        )
        for pulse in page.pulses
        if pulse.baseline in level_of
    )
