"""Paper and its grid, at any resolution: a pixel's value is the exact share of what covers it.

A grid is separable: every kind of it is a sum of few products of a column and a row of numbers, so
a picture of any size is one small product of matrices.
"""

from functools import lru_cache

import cv2
import numpy as np

from giraffe.printout.layout import MAJOR_MM, MINOR_MM, MM_PER_INCH, MM_PER_POINT, Grid, Page

FILE_PX_PER_MM = 200 / MM_PER_INCH
"""Resolution of an ordinary file; text and grid of smaller pictures are drawn so and shrunk."""

DASH_MM = 0.5  # half of a dash's period of 1 mm
DOT = 1.6  # a dot is so much wider than a line
GRAIN_PX = 512  # side of the tile of noise


def _grid_profile(
    spacing: float, extent: float, points: float, size: int, origin: float = 0.0
) -> np.ndarray:
    """Coverage of the `size` pixels along `extent` mm by grid lines `spacing` mm apart."""
    scale = max(size / extent, FILE_PX_PER_MM)
    fine = round(extent * scale)
    half = points * MM_PER_POINT / 2 * scale
    first = origin % spacing - spacing if origin else 0.0
    centres = np.arange(first, extent + spacing, spacing) * scale
    # The covered length up to each pixel edge, differenced: lines never overlap.
    edges = np.arange(fine + 1, dtype=float)
    before = np.searchsorted(centres - half, edges, side="right")
    last = np.minimum(edges - (centres[before - 1] - half), 2 * half)
    covered = np.where(before > 0, (before - 1) * 2 * half + last, 0.0)
    profile = np.clip(np.diff(covered), 0, 1)
    return cv2.resize(profile[None], (size, 1), interpolation=cv2.INTER_AREA)[0]


def draw_grid(page: Page, colours, height: int, width: int) -> np.ndarray:
    """Paper with its grid.

    Ink covers the share 1 - (1 - a)(1 - b) of a pixel that horizontal lines cover by a and
    vertical ones by b. Minor lines first, major ones on top: each channel is then a sum of three
    products of a column and a row, one small matrix product.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    if page.grid is not None:
        return _draw_paper(page, page.grid, colours, height, width)
    if not colours.grid:
        return np.full((height, width, 3), colours.paper, dtype=np.uint8)
    bare = {
        (axis, spacing): 1 - _grid_profile(spacing, extent, page.grid_points, size)
        for axis, size, extent in (("y", height, page.height), ("x", width, page.width))
        for spacing in (MINOR_MM, MAJOR_MM)
    }
    y_major, x_major = bare["y", MAJOR_MM], bare["x", MAJOR_MM]
    y_both, x_both = y_major * bare["y", MINOR_MM], x_major * bare["x", MINOR_MM]
    paper, minor, major = (
        np.array(colour, dtype=np.float32)
        for colour in (colours.paper, colours.minor, colours.major)
    )
    columns = np.stack([np.ones(height), y_major, y_both], axis=1).astype(np.float32)
    rows = np.stack(
        [
            np.tile(major, (width, 1)),
            np.outer(x_major, minor - major),
            np.outer(x_both, paper - minor),
        ]
    ).reshape(3, -1)
    return cv2.convertScaleAbs(columns @ rows.astype(np.float32)).reshape(height, width, 3)


def _bare(
    kind: str, spacing: float, points: float, page: Page, grid: Grid, height: int, width: int
):
    """Share of each pixel that lines of a kind leave bare: terms (factor, column, row)."""
    nothing = [(1.0, np.ones(height), np.ones(width))]
    if kind == "none":
        return nothing
    wide = points * (DOT if kind == "dots" else 1.0)
    y = _grid_profile(spacing, page.height, wide, height, grid.y)
    x = _grid_profile(spacing, page.width, wide, width, grid.x)
    if kind == "lines":
        return [(1.0, 1 - y, 1 - x)]
    if kind == "dots":
        return [*nothing, (-1.0, y, x)]
    # Dashes of each line lie about its crossings.
    along = DASH_MM / MM_PER_POINT
    dash_y = _grid_profile(MINOR_MM, page.height, along, height, grid.y)
    dash_x = _grid_profile(MINOR_MM, page.width, along, width, grid.x)
    return [*nothing, (-1.0, y, dash_x), (-1.0, dash_y, x), (1.0, y * dash_y, x * dash_x)]


def _inside(begin: float, end: float, extent: float, size: int) -> np.ndarray:
    """Share of each of `size` pixels along `extent` mm that lies between two places."""
    pixels, scale = np.arange(size), size / extent
    return np.clip(np.minimum(end * scale, pixels + 1) - np.maximum(begin * scale, pixels), 0, 1)


def _draw_paper(page: Page, grid: Grid, colours, height: int, width: int) -> np.ndarray:
    """Paper with a grid of any kind, on the whole of it or within a rectangle."""
    minor = _bare(grid.minor, MINOR_MM, grid.minor_points, page, grid, height, width)
    major = _bare(grid.major, MAJOR_MM, grid.major_points, page, grid, height, width)
    inks = (colours.paper, colours.minor, colours.major, colours.outside or colours.paper)
    paper, minor_ink, major_ink, outside = (np.array(ink, np.float32) for ink in inks)
    # Major ink, where that is bare minor ink, where that is bare too paper.
    terms = [(np.ones(height), np.ones(width), major_ink)]
    terms += [(share * y, x, minor_ink - major_ink) for share, y, x in major]
    terms += [(a * b * y * v, x * u, paper - minor_ink) for a, y, x in major for b, v, u in minor]
    if grid.area is not None:
        left, top, right, bottom = grid.area
        edge = grid.border_points * MM_PER_POINT
        ends = ((top, bottom, page.height, height), (left, right, page.width, width))
        y, x = (_inside(*end) for end in ends)
        terms = [(column * y, row * x, ink) for column, row, ink in terms]
        terms.append((np.ones(height), np.ones(width), outside))
        if edge:
            v, u = (_inside(a - edge, b + edge, extent, size) for a, b, extent, size in ends)
            terms += [(v, u, major_ink - outside), (y, x, -major_ink)]
        else:
            terms.append((y, x, -outside))
    columns = np.stack([column for column, _, _ in terms], axis=1).astype(np.float32)
    rows = np.stack([np.outer(row, ink) for _, row, ink in terms]).reshape(len(terms), -1)
    picture = cv2.convertScaleAbs(columns @ rows.astype(np.float32)).reshape(height, width, 3)
    if grid.grain:
        _add_grain(picture, grid.grain)
    return picture


@lru_cache(maxsize=1)
def _noise_tile() -> np.ndarray:
    return np.random.default_rng(2025).standard_normal((GRAIN_PX, GRAIN_PX), np.float32)


def _add_grain(picture: np.ndarray, deviation: float) -> None:
    """Uneven paper, in place."""
    height, width = picture.shape[:2]
    times = (-(-height // GRAIN_PX), -(-width // GRAIN_PX))
    grain = np.tile(np.rint(_noise_tile() * deviation).astype(np.int16), times)[:height, :width]
    cv2.add(picture, cv2.merge([np.ascontiguousarray(grain)] * 3), picture, dtype=cv2.CV_8U)
