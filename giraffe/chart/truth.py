"""What the evidence network should have seen: the truth of a page that we printed ourselves."""

import numpy as np

from giraffe.chart.evidence import COARSE, FINE, STEP
from giraffe.chart.letters import NAMES
from giraffe.chart.letters import STEP as LETTER_STEP
from giraffe.chart.plane import places
from giraffe.printout.layout import Page, Text
from giraffe.printout.render import text_box

BESIDE = 0.15  # shares of the chart around it in which its coordinates are taught
SPREAD = 0.9  # places of the fine maps: how wide a mark is
POINT_SPREAD = 1.1
NAME_CORE = 0.5, 0.5  # of a name's width and height, where its name is taught
UNTAUGHT = -100  # where a name begins or ends, and beside a pulse's plateau
PULSE_CORE = 1.0  # places of the letters' maps


def row_ends(page) -> list[tuple[float, float, float, list[float]]]:
    """Rows of a page in mm, from top to bottom: zero line, beginning, end, changes of leads."""
    rows: dict[float, list] = {}
    for strip in page.strips:
        rows.setdefault(strip.baseline, []).append(strip)
    found = []
    for level, strips in sorted(rows.items()):
        strips = sorted(strips, key=lambda strip: strip.x)
        end = max(page.strip_end(strip) for strip in strips)
        found.append((level, strips[0].x, end, [strip.x for strip in strips[1:]]))
    return found


def coarse_truth(placement, height: int, width: int) -> np.ndarray:
    """Coordinates in the chart at the places of the coarse maps.

    Returns
    -------
    ndarray of float32, shape (4, height / COARSE, width / COARSE)
        u, v, 1 where they are taught, and 1 inside the chart.
    """
    shape = height // COARSE, width // COARSE
    points = places(shape)
    left, top, right, bottom = placement.page.chart
    x, y = placement.to_page(*points.T)
    u, v = (x - left) / (right - left), (y - top) / (bottom - top)
    away = np.maximum(np.abs(u - 0.5), np.abs(v - 0.5))
    truth = np.stack([u, v, away < 0.5 + BESIDE, away < 0.5])
    return np.where(np.isfinite(truth), truth, 0).reshape(4, *shape).astype(np.float32)


def fine_truth(placement, height: int, width: int) -> np.ndarray:
    """Marks on the fine maps, 1 at their middle.

    Returns
    -------
    ndarray of float32, shape (4, height / STEP, width / STEP)
        In the order of `FINE`.
    """
    rows, columns = height // STEP, width // STEP
    maps = np.zeros((len(FINE), rows, columns), np.float32)
    size = np.array([columns, rows])
    for level, begin, end, changes in row_ends(placement.page):
        x = np.linspace(begin, end, 2 * columns)
        where = placement.to_frame(np.stack([x, np.full_like(x, level)], axis=1)) * size - 0.5
        _line(maps[0], where)
        for field, marks in zip(maps[1:], ([begin], [end], changes), strict=True):
            if marks:
                points = placement.to_frame([(mark, level) for mark in marks]) * size - 0.5
                for point in points:
                    _dot(field, point)
    return maps


def _line(field: np.ndarray, where: np.ndarray) -> None:
    """Mark the places that a nearly level line passes, in place."""
    rows, columns = field.shape
    order = np.argsort(where[:, 0])
    x, y = where[order].T
    first, last = max(int(np.ceil(x[0])), 0), min(int(np.floor(x[-1])), columns - 1)
    if last < first:
        return
    at = np.arange(first, last + 1)
    height = np.interp(at, x, y)
    middle = np.rint(height).astype(int)
    for shift in range(-3, 4):
        row = middle + shift
        good = (row >= 0) & (row < rows)
        value = np.exp(-0.5 * ((row - height) / SPREAD) ** 2)
        place = row[good], at[good]
        field[place] = np.maximum(field[place], value[good])


def _dot(field: np.ndarray, point: np.ndarray) -> None:
    rows, columns = field.shape
    x, y = point
    if not (-3 < x < columns + 2 and -3 < y < rows + 2):
        return
    left, top = max(int(x) - 3, 0), max(int(y) - 3, 0)
    i, j = np.arange(left, min(int(x) + 5, columns)), np.arange(top, min(int(y) + 5, rows))
    near = (i - x) ** 2 + (j[:, None] - y) ** 2
    part = field[top : top + len(j), left : left + len(i)]
    np.maximum(part, np.exp(-0.5 * near / POINT_SPREAD**2), out=part)


def canonical(text: str) -> str:
    """A printed name in the usual spelling; empty if it is none of `NAMES`."""
    by_upper = {name.upper(): name for name in NAMES}
    return by_upper.get(text.strip().upper(), "")


def letters_truth(placement, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """What stands at the places of the letters' maps.

    Returns
    -------
    names : ndarray of int64, shape (height / 8, width / 8)
        0: no name; else 1 + the position in `NAMES`; `UNTAUGHT` where neither is taught.
    pulses : ndarray of float32, shape (height / 8, width / 8)
        1 at the middle of a pulse's plateau; NaN beside it.
    """
    page: Page = placement.page
    shape = height // LETTER_STEP, width // LETTER_STEP
    size = np.array([shape[1], shape[0]])
    names = np.zeros(shape, np.int64)
    x, y = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    for text in page.texts:
        if text.kind != "lead":
            continue
        centre, half = _box(placement, page, text, size)
        away_x, away_y = np.abs(x - centre[0]), np.abs(y - centre[1])
        label = canonical(text.content)
        around = (away_x < half[0] + 1.0) & (away_y < half[1] + 0.8)
        names[around & (names == 0)] = UNTAUGHT
        if label:
            core = np.maximum(half * NAME_CORE, 0.75)
            names[(away_x < core[0]) & (away_y < core[1])] = 1 + NAMES.index(label)
    pulses = np.zeros(shape, np.float32)
    for pulse in page.pulses:
        top = pulse.baseline - pulse.height
        place = placement.to_frame([(pulse.x + pulse.width / 2, top)])[0] * size - 0.5
        near = np.hypot(x - place[0], y - place[1])
        pulses[(near < PULSE_CORE + 1.2) & (pulses != 1)] = np.nan
        pulses[near < PULSE_CORE] = 1
    return names, pulses


def _box(placement, page: Page, text: Text, size) -> tuple[np.ndarray, np.ndarray]:
    """Centre and half sides of a text in places of a map."""
    left, top, right, bottom = text_box(text, text.font or page.font)
    corners = placement.to_frame([(left, top), (right, top), (right, bottom), (left, bottom)])
    corners = corners * size - 0.5
    half = (np.abs(corners[1] - corners[3]) + np.abs(corners[2] - corners[0])) / 4
    return corners.mean(axis=0), half
