"""Pen and type on a picture in px: what the pictures without a chart are drawn with.

Everything is chosen for speed: letters are drawn once per font and size and then pasted, grids
come from two profiles and a table of colours, curves from OpenCV.
"""

from functools import lru_cache
from importlib.resources import files

import cv2
import numpy as np
from PIL import ImageFont

FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSansMono-Bold",
    "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol",
    "STIXGeneralItalic", "cmss10", "cmtt10", "cmr10",
)  # fmt: skip
"""Of matplotlib's fonts, those with all letters of ASCII."""

GRID_COLOURS = (
    ((235, 120, 120), (250, 215, 212)),
    ((240, 150, 120), (252, 222, 208)),
    ((225, 110, 150), (250, 215, 228)),
    ((140, 190, 140), (214, 236, 214)),
    ((120, 150, 215), (208, 220, 243)),
    ((190, 150, 110), (232, 215, 195)),
    ((140, 140, 140), (214, 214, 214)),
    ((215, 60, 60), (240, 150, 150)),
)
"""Major and minor lines, RGB."""

INKS = ((0, 0, 0), (25, 25, 30), (60, 60, 60), (20, 30, 120), (30, 50, 160), (150, 25, 30))

_TEXT = (
    "the patient was seen in our clinic with and for of history no chest pain at rest on exertion "
    "report date name address number page total please sign here department hospital ward room "
    "sinus rhythm normal ECG abnormal left axis deviation possible infarct age undetermined ST "
    "elevation T wave inversion consider ischemia QRS duration PR interval QT QTc ms bpm mm/s mV "
    "confirmed by physician technician referred test indication comments lead electrode filter "
    "dear sir we thank you letter invoice order item quantity price amount account balance due "
    "model figure result method value time signal frequency Hz channel speed energy water mean "
    "Monday June 2019 14:32 Befund Herr Frau links rechts Praxis nom date de naissance fecha "
    "temperature pressure weight height blood glucose sodium potassium oxygen rate dose tablet"
)
WORDS = tuple(_TEXT.split())

LEAD_NAMES = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

_SHIFT = 4  # bits behind the point of OpenCV's coordinates


@lru_cache(maxsize=256)
def _face(font: str, size: int) -> ImageFont.FreeTypeFont:
    path = files("matplotlib") / f"mpl-data/fonts/ttf/{font}.ttf"
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=8192)
def _glyph(font: str, size: int, letter: str):
    """Mask, its offset from the baseline's left end, and how far the pen moves."""
    face = _face(font, size)
    mask, (dx, dy) = face.getmask2(letter, mode="L", anchor="ls")
    columns, rows = mask.size
    return np.array(mask, np.uint8).reshape(rows, columns), dx, dy, face.getlength(letter)


def write(picture, text: str, x: float, y: float, size: float, colour=(0, 0, 0), font=FONTS[0]):
    """Print a line of text, in place.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
    text : str
    x, y : float
        Left end of the baseline in px; what leaves the picture is cut off.
    size : float
        Of the letters in px.
    colour : tuple of int
        RGB.
    font : str
        One of `FONTS`.

    Returns
    -------
    float
        Where the line ends, in px.
    """
    size = max(round(size), 5)
    glyphs = [_glyph(font, size, letter) for letter in text]
    length = sum(glyph[3] for glyph in glyphs)
    line = np.zeros((2 * size + 2, int(length) + 2 * size), np.uint8)
    pen = size / 2
    for mask, dx, dy, step in glyphs:
        left, top = max(int(pen + dx), 0), max(int(1.4 * size) + dy, 0)
        part = line[top : top + mask.shape[0], left : left + mask.shape[1]]
        np.maximum(part, mask[: part.shape[0], : part.shape[1]], out=part)
        pen += step
    lay(picture, line, int(x) - size // 2, int(y) - int(1.4 * size), colour)
    return x + length


def lay(picture, mask, left: int, top: int, colour) -> None:
    """Blend a colour into a picture where a mask of 0..255 says so, in place."""
    height, width = picture.shape[:2]
    rows = slice(max(top, 0), min(top + mask.shape[0], height))
    columns = slice(max(left, 0), min(left + mask.shape[1], width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    share = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    touched = np.nonzero(share)  # few: letters are mostly paper
    part = picture[rows, columns]
    share = share[touched][:, None].astype(np.uint16)
    inked = part[touched] * (255 - share) + np.array(colour, np.uint16) * share
    part[touched] = (inked // 255).astype(np.uint8)


def sentence(rng, words: int) -> str:
    """So many words without a sense."""
    chosen = [WORDS[k] for k in rng.integers(len(WORDS), size=max(words, 1))]
    return " ".join(chosen)


def paragraph(picture, rng, x: float, y: float, right: float, lines: int, size: float, **ink):
    """Lines of words from x to about `right` px, in place; the baseline after the last, in px."""
    # 0.55 of the size is a letter's usual width; a word and its space have 6 letters.
    words = max(int((right - x) / (0.55 * size * 6)), 1)
    for _ in range(lines):
        if y > picture.shape[0]:
            break
        write(picture, sentence(rng, words), x, y, size, **ink)
        y += 1.45 * size
    return y


def paper(rng) -> tuple[int, int, int]:
    """Colour of a sheet: white mostly, else tinted or grey."""
    if rng.random() < 0.55:
        return (int(rng.integers(246, 256)),) * 3
    tints = ((250, 244, 228), (252, 236, 232), (236, 244, 234), (234, 240, 250), (228, 228, 226))
    tint = np.array(tints[rng.integers(len(tints))]) + rng.integers(-6, 6)
    red, green, blue = (int(v) for v in np.clip(tint, 0, 255))
    return red, green, blue


def sheet(rng, height: int, width: int, colour=None) -> np.ndarray:
    """An empty sheet of one colour."""
    row = np.empty((1, width, 3), np.uint8)
    row[:] = paper(rng) if colour is None else colour
    return np.repeat(row, height, axis=0)


def ruled(
    height: int,
    width: int,
    spacing: float,
    colours,
    every: int = 5,
    pen: float = 1.0,
    dots: bool = False,
) -> np.ndarray:
    """A sheet of graph paper.

    Parameters
    ----------
    height, width : int
        In px.
    spacing : float
        Distance of lines in px.
    colours : (paper, major, minor)
        RGB each; minor None: the major lines alone.
    every : int
        Each so-many-th line is a major one.
    pen : float
        Width of the lines in px.
    dots : bool
        Draw where lines cross only.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    blank, major, minor = (np.array(c if c is not None else colours[0]) for c in colours)
    # Codes 1..127 are shares of minor lines, 128..255 of major ones, so the larger code is on top.
    share = np.linspace(0, 1, 128)[:, None]
    table = np.concatenate([blank + (minor - blank) * share, blank + (major - blank) * share])
    codes = []
    for size in (height, width):
        position = np.arange(size) + 0.5
        code = np.zeros(size, np.uint8)
        for step, base in ((spacing, 0), (spacing * every, 128)):
            distance = np.abs((position + step / 2) % step - step / 2)
            covered = np.clip((pen + 1) / 2 - distance, 0, min(pen, 1.0))
            code = np.where(covered > 0, base + np.rint(127 * covered), code).astype(np.uint8)
        codes.append(code)
    join = np.minimum if dots else np.maximum
    code = join(codes[0][:, None], codes[1][None, :])
    return cv2.LUT(cv2.merge([code] * 3), np.rint(table).astype(np.uint8).reshape(1, 256, 3))


def graph_paper(rng, height: int, width: int, spacing: float) -> np.ndarray:
    """Graph paper in random colours, as strong as on ECG paper or not; see `ruled`."""
    major, minor = GRID_COLOURS[rng.integers(len(GRID_COLOURS))]
    blank = np.array(paper(rng))
    fade = rng.uniform(0, 0.5)
    major, minor = (np.array(c) * (1 - fade) + blank * fade for c in (major, minor))
    if rng.random() < 0.15:
        minor = None
    pen = max(spacing * rng.uniform(0.08, 0.25), 0.5)
    every = int(rng.choice([5, 5, 5, 10, 4]))
    return ruled(height, width, spacing, (blank, major, minor), every, pen, rng.random() < 0.12)


def curve(picture, x, y, colour=(0, 0, 0), pen: float = 1.0, closed: bool = False) -> None:
    """Draw a line through points in px, in place; NaN in y lifts the pen."""
    points = np.stack([x, y], axis=-1)
    breaks = np.flatnonzero(~np.isfinite(points).all(axis=1))
    pieces = [piece[np.isfinite(piece).all(axis=1)] for piece in np.split(points, breaks)]
    scaled = [np.rint(p * 2**_SHIFT).astype(np.int32) for p in pieces if len(p) > 1]
    thickness = max(round(pen), 1)
    cv2.polylines(picture, scaled, closed, colour, thickness, cv2.LINE_AA, _SHIFT)


def scribble(picture, rng, x: float, y: float, length: float, size: float, colour=None) -> None:
    """Write a line by hand that nobody can read, in place.

    Parameters
    ----------
    x, y : float
        Where it begins, in px.
    length, size : float
        Of the line and of its letters, in px.
    """
    colour = INKS[rng.integers(len(INKS))] if colour is None else colour
    letters = max(int(length / (0.6 * size)), 3)
    t = np.arange(letters * 12) / 12
    tall = np.interp(t, np.arange(letters), rng.choice([0.4, 0.45, 0.5, 1.0], letters))
    turn = 2 * np.pi * t + np.interp(t, np.arange(letters), rng.normal(0, 0.9, letters))
    loops = np.interp(t, np.arange(letters), rng.uniform(0.1, 0.35, letters))
    slope = rng.normal(0, 0.05)
    along = 0.6 * size * t + size * loops * np.sin(turn + 1)
    height = size * tall * (0.5 - 0.5 * np.cos(turn)) + slope * along
    gaps = rng.random(letters) < 0.16
    height[gaps[t.astype(int)]] = np.nan
    # Letters lean.
    curve(picture, x + along + 0.25 * height, y - height, colour, max(0.07 * size, 1))


def smooth(rng, samples: int, waves: float) -> np.ndarray:
    """A smooth random line of deviation about 1 with so many waves, shape (samples,)."""
    knots = rng.standard_normal(max(int(waves), 1) + 3).astype(np.float32)
    line = cv2.resize(knots[None], (samples, 1), interpolation=cv2.INTER_CUBIC)
    return line[0]


def smooth_field(rng, rows: int, columns: int, height: int, width: int) -> np.ndarray:
    """Smooth noise with rows x columns waves, float32 of deviation about 1, shape (h, w)."""
    coarse = rng.standard_normal((rows + 1, columns + 1), dtype=np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def box(picture, left: float, top: float, right: float, bottom: float, colour, pen: int = 1):
    """A rectangle in px, in place; pen -1 fills it."""
    corners = (round(left), round(top)), (round(right), round(bottom))
    cv2.rectangle(picture, *corners, tuple(int(v) for v in colour), pen)


def line(picture, x0: float, y0: float, x1: float, y1: float, colour, pen: int = 1):
    """A straight line in px, in place."""
    ends = (round(x0), round(y0)), (round(x1), round(y1))
    cv2.line(picture, *ends, tuple(int(v) for v in colour), pen, cv2.LINE_AA)
