"""Ink: a page and a waveform become a picture, at any resolution, without a plotting library.

A pixel's value is the exact share of its area that ink covers. Traces are drawn as a round pen
would: in each sub-column of a pixel the pen covers one interval of heights, and the intervals of
all sub-columns are summed into pixels by one cumulative sum. So a page drawn small nearly equals
a page drawn as a file and shrunk, and takes only as long as its own pixels.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from giraffe.printout.grid import FILE_PX_PER_MM, draw_grid
from giraffe.printout.layout import MM_PER_POINT, Page, Text

SUB_COLUMNS = 4  # per px of a file; smaller pictures get more, up to 12


@dataclass(frozen=True)
class Colours:
    """Colours of a printout, RGB in 0..255.

    Attributes
    ----------
    paper, major, minor, trace, text : tuple of int
    grid : bool
        Whether there is a grid at all.
    names : tuple of int, or None
        Of the leads' names; None: as other text.
    outside : tuple of int, or None
        Of the page outside the grid's area; None: as the paper.
    """

    paper: tuple[int, int, int] = (255, 255, 255)
    major: tuple[int, int, int] = (255, 0, 0)
    minor: tuple[int, int, int] = (254, 223, 219)
    trace: tuple[int, int, int] = (0, 0, 0)
    text: tuple[int, int, int] = (0, 0, 0)
    grid: bool = True
    names: tuple[int, int, int] | None = None
    outside: tuple[int, int, int] | None = None


def rgb(values) -> tuple[int, int, int]:
    """Three numbers as a colour; a fraction is cut off."""
    red, green, blue = (int(value) for value in values)
    return red, green, blue


def draw(page: Page, waveform, colours: Colours, height: int, width: int) -> np.ndarray:
    """Draw a page.

    Parameters
    ----------
    page : Page
    waveform : object with ``signal`` (leads, samples) in mV, ``fs`` in Hz and ``leads``
    colours : Colours
    height, width : int
        Size of the picture in px; the page is stretched to it.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    picture = draw_grid(page, colours, height, width)
    if colours.names is not None:
        names = tuple(line for line in page.texts if line.kind == "lead")
        lay_ink(picture, text_ink(page, names, height, width), colours.names)
        page = replace(page, texts=tuple(line for line in page.texts if line.kind != "lead"))
    trace, text = ink_coverage(page, waveform, height, width)
    if colours.text == colours.trace:
        lay_ink(picture, np.maximum(trace, text, out=trace), colours.trace)
    else:
        lay_ink(picture, text, colours.text)
        lay_ink(picture, trace, colours.trace)
    return picture


def text_ink(page: Page, texts, height: int, width: int) -> np.ndarray:
    """Share of each pixel that some of a page's lines of text cover."""
    ink = np.zeros((height, width), np.float32)
    sx, sy = width / page.width, height / page.height
    for line in texts:
        _add(ink, *text_coverage(line, line.font or page.font, sx, sy, height, width))
    return ink


def ink_coverage(page: Page, waveform, height: int, width: int):
    """Share of each pixel that ink covers.

    Parameters
    ----------
    page, waveform, height, width
        As for `draw`.

    Returns
    -------
    trace, text : ndarray of float32, shape (height, width)
        Ink of traces, pulses and separators, and ink of letters; in [0, 1].
    """
    sx, sy = width / page.width, height / page.height
    trace = np.zeros((height, width), np.float32)
    sub = int(np.clip(np.ceil(SUB_COLUMNS * FILE_PX_PER_MM / sx), SUB_COLUMNS, 12))
    for pen, x, y in _rows(page, waveform, sx, sy):
        radius = pen * page.trace_points * MM_PER_POINT / 2
        _add(trace, *trace_coverage(x, y, radius * sx, radius * sy, height, width, sub))
    for bar in page.bars:
        _add(trace, *_bar_coverage(bar, sx, sy, height, width))
    return trace, text_ink(page, page.texts, height, width)


def _rows(page: Page, waveform, sx: float, sy: float):
    """Pens and lines in px, one for all strips of a row; a NaN between two lifts the pen."""
    rows: dict[tuple[float, float], list] = {}
    for strip in page.strips:
        rows.setdefault((strip.baseline, strip.pen), []).append(strip)
    for (_, pen), strips in rows.items():
        xs: list[np.ndarray] = []
        ys: list[np.ndarray] = []
        for strip in sorted(strips, key=lambda s: s.x):
            x, y = strip_pixels(page, strip, waveform, sx, sy)
            if xs and len(x):
                xs.append(np.array([(xs[-1][-1] + x[0]) / 2]))
                ys.append(np.array([np.nan]))
            if len(x):
                xs.append(x)
                ys.append(y)
        if xs:
            yield pen, np.concatenate(xs), np.concatenate(ys)


def _add(ink, top: int, left: int, coverage) -> None:
    part = ink[top : top + coverage.shape[0], left : left + coverage.shape[1]]
    np.maximum(part, coverage[: part.shape[0], : part.shape[1]], out=part)


def strip_pixels(page: Page, strip, waveform, sx: float, sy: float):
    """Pixel coordinates of a strip's samples.

    Parameters
    ----------
    sx, sy : float
        px/mm.

    Returns
    -------
    x, y : ndarray, shape (samples,)
        In px, a pixel's centre at its index + 0.5; y is NaN where a sample is missing.
    """
    first, last = sample_range(strip, waveform)
    samples = waveform.signal[waveform.leads.index(strip.lead), first:last]
    times = np.arange(first, last) / waveform.fs - strip.start
    x = (strip.x + times * page.speed) * sx
    y = (strip.baseline - strip.sign * samples * page.gain) * sy
    return x, y


def sample_range(strip, waveform) -> tuple[int, int]:
    """First sample of a strip and the one after its last."""
    first = int(np.ceil(strip.start * waveform.fs - 1e-6))
    last = int(np.ceil(strip.stop * waveform.fs - 1e-6))
    return first, min(last, waveform.signal.shape[1])


def trace_coverage(
    x, y, radius_x: float, radius_y: float, height: int, width: int, sub: int = SUB_COLUMNS
):
    """Share of each pixel that a round pen covers on its way along a line.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        The line in px, x increasing; NaN in y lifts the pen.
    radius_x, radius_y : float
        Half the pen's width in px.
    height, width : int
        Size of the picture.
    sub : int
        Sub-columns per px.

    Returns
    -------
    top, left : int
        Where the covered part of the picture begins.
    coverage : ndarray of float32
        In [0, 1]; may be empty.
    """
    nothing = (0, 0, np.zeros((0, 0), np.float32))
    if not np.isfinite(y).any():
        return nothing
    first = max(int(np.floor(x[0] - radius_x)), 0)
    last = min(int(np.ceil(x[-1] + radius_x)), width)
    if last <= first:
        return nothing

    # Lowest and highest point of the line in each sub-column.
    num = (last - first) * sub
    edges = first + np.arange(num + 1) / sub
    at_edges = np.interp(edges, x, y, left=np.nan, right=np.nan)
    low, high = np.fmin(at_edges[:-1], at_edges[1:]), np.fmax(at_edges[:-1], at_edges[1:])
    low = np.where(np.isnan(low), np.inf, low)
    high = np.where(np.isnan(high), -np.inf, high)
    inside = np.isfinite(y)
    cell = np.floor((x[inside] - first) * sub).astype(int)
    keep = (cell >= 0) & (cell < num)
    samples, cell = y[inside][keep], cell[keep]
    if len(cell):
        starts = np.flatnonzero(np.diff(cell, prepend=-1))
        filled = cell[starts]
        low[filled] = np.minimum(low[filled], np.minimum.reduceat(samples, starts))
        high[filled] = np.maximum(high[filled], np.maximum.reduceat(samples, starts))

    # The pen widens that: a disc moved along the line.
    reach = int(radius_x * sub)
    top_edge, bottom_edge = low - radius_y, high + radius_y
    for shift in range(1, reach + 1):
        rise = radius_y * np.sqrt(1 - (shift / (radius_x * sub)) ** 2)
        for here, there in (
            (slice(shift, None), slice(None, -shift)),
            (slice(None, -shift), slice(shift, None)),
        ):
            np.minimum(top_edge[here], low[there] - rise, out=top_edge[here])
            np.maximum(bottom_edge[here], high[there] + rise, out=bottom_edge[here])

    drawn = bottom_edge > top_edge
    top_edge = np.clip(top_edge[drawn], 0, height)
    bottom_edge = np.clip(bottom_edge[drawn], 0, height)
    if not len(top_edge) or bottom_edge.max() <= top_edge.min():
        return nothing
    top = int(top_edge.min())
    rows = int(np.ceil(bottom_edge.max())) - top + 2
    columns = np.flatnonzero(drawn) // sub
    coverage = _fill(top_edge - top, bottom_edge - top, columns, rows, last - first, sub)
    return top, first, coverage[: height - top]


def _fill(begin, end, columns, rows: int, width: int, sub: int) -> np.ndarray:
    """Coverage of vertical intervals: differences along y are set, then summed once."""
    positions, weights = [], []
    for edge, sign in ((begin, 1.0), (end, -1.0)):
        row = edge.astype(int)
        part = edge - row
        positions += [row * width + columns, (row + 1) * width + columns]
        weights += [sign * (1 - part), sign * part]
    flat = np.bincount(
        np.concatenate(positions),
        np.concatenate(weights) / sub,
        minlength=(rows + 1) * width,
    )
    changes = flat[: (rows + 1) * width].reshape(rows + 1, width).astype(np.float32)
    return np.clip(np.cumsum(changes, axis=0, out=changes), 0, 1, out=changes)


def _line_coverage(begin, end, size: int) -> np.ndarray:
    """Share of each pixel of a row that lies in [begin, end]."""
    pixels = np.arange(size)
    return np.clip(np.minimum(end, pixels + 1) - np.maximum(begin, pixels), 0, 1)


def _bar_coverage(bar, sx: float, sy: float, height: int, width: int):
    top, left = max(int(bar.top * sy), 0), max(int(bar.left * sx), 0)
    bottom = min(int(np.ceil(bar.bottom * sy)), height)
    right = min(int(np.ceil(bar.right * sx)), width)
    along_y = _line_coverage(bar.top * sy - top, bar.bottom * sy - top, max(bottom - top, 0))
    along_x = _line_coverage(bar.left * sx - left, bar.right * sx - left, max(right - left, 0))
    return top, left, np.outer(along_y, along_x).astype(np.float32)


def lay_ink(picture, coverage, colour) -> None:
    """Blend a colour into a picture by the share of each pixel that it covers, in place."""
    # Most of a page is bare paper; only touched pixels are computed.
    touched = np.flatnonzero(coverage > 1 / 512)
    pixels = picture.reshape(-1, 3)
    share = coverage.reshape(-1)[touched, None]
    old = pixels[touched].astype(np.float32)
    pixels[touched] = (old + (np.array(colour, np.float32) - old) * share + 0.5).astype(np.uint8)


@lru_cache(maxsize=256)
def _font(name: str, size_px: float) -> ImageFont.FreeTypeFont:
    """A font of ours (`fonts/`), or one that comes with matplotlib."""
    ours = files("giraffe.printout") / f"fonts/{name}.ttf"
    theirs = files("matplotlib") / f"mpl-data/fonts/ttf/{name}.ttf"
    return ImageFont.truetype(str(ours if ours.is_file() else theirs), size_px)


@lru_cache(maxsize=1024)
def _text_mask(content: str, font: str, points: float, px_per_mm: float):
    """Text as a mask, and the offset of its upper left corner from the baseline's left end."""
    face = _font(font, points * MM_PER_POINT * px_per_mm)
    left, top, right, bottom = face.getbbox(content, anchor="ls")
    mask = Image.new("L", (max(int(right - left), 1), max(int(bottom - top), 1)))
    ImageDraw.Draw(mask).text((-left, -top), content, fill=255, font=face, anchor="ls")
    return np.asarray(mask), float(left), float(top)


def text_coverage(text: Text, font: str, sx: float, sy: float, height: int, width: int):
    """Share of each pixel that a line of text covers.

    Parameters
    ----------
    sx, sy : float
        px/mm.
    height, width : int
        Size of the picture.

    Returns
    -------
    top, left : int
    coverage : ndarray of float32
        In [0, 1]; may be empty.
    """
    scale = max(FILE_PX_PER_MM, min(sx, sy))
    mask, dx, dy = _text_mask(text.content, font, text.points, scale)
    # Place the mask on a canvas that covers whole pixels of the picture, then shrink that.
    fx, fy = sx / scale, sy / scale
    x, y = text.x * sx + dx * fx, text.y * sy + dy * fy
    left, top = max(int(x), 0), max(int(y), 0)
    right = min(int(np.ceil(x + mask.shape[1] * fx)) + 1, width)
    bottom = min(int(np.ceil(y + mask.shape[0] * fy)) + 1, height)
    if right <= left or bottom <= top:
        return 0, 0, np.zeros((0, 0), np.float32)
    if fx == fy == 1:
        coverage = np.zeros((bottom - top, right - left), np.float32)
        tile = mask[: bottom - top, : right - left]
        coverage[: tile.shape[0], : tile.shape[1]] = tile
    else:
        size = (round((right - left) / fx), round((bottom - top) / fy))
        canvas = np.zeros(size[::-1], np.uint8)
        ox, oy = max(round((x - left) / fx), 0), max(round((y - top) / fy), 0)
        tile = mask[: size[1] - oy, : size[0] - ox]
        canvas[oy : oy + tile.shape[0], ox : ox + tile.shape[1]] = tile
        coverage = cv2.resize(
            canvas, (right - left, bottom - top), interpolation=cv2.INTER_AREA
        ).astype(np.float32)
    return top, left, coverage / 255


def text_box(text: Text, font: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a line of text in mm."""
    mask, left, top = _text_mask(text.content, font, text.points, FILE_PX_PER_MM)
    x, y = text.x + left / FILE_PX_PER_MM, text.y + top / FILE_PX_PER_MM
    return x, y, x + mask.shape[1] / FILE_PX_PER_MM, y + mask.shape[0] / FILE_PX_PER_MM
