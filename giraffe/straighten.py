"""The chart of a picture, laid flat: upright, without what lies around it, always as large.

A page in a phone's photo fills half of the frame and stands askew. The network would have to learn
every lead at every place, size and slant; a picture in which the rows always begin and end at the
same places is learned from far fewer examples. (Spatial transformers: Jaderberg et al., NeurIPS
2015; here the place is learned from pages of which it is known, see `giraffe.chartfinder`.)
"""

import cv2
import numpy as np

from giraffe.printout.capture import WHOLE_FRAME

MARGIN = 0.025
"""Kept around the chart, as a share of its width and height."""
FRAME_SCALE = 1.25
"""A chart fills a part of its frame, so the frame is taken this much larger than the chart."""

WHITE, BLACK = 235, 25  # grey levels that paper and ink get
LATTICE = (48, 24)  # columns and rows at which the paper's brightness is known
PAPER_PX = 5  # wider than the lines of a grid
INK_SHARE = 0.004  # of the picture is as dark as ink
LEAST_CONTRAST = 40  # grey levels; less is noise and is not made more of


def frame_size(height: int, width: int) -> tuple[int, int]:
    """Height and width in px of a picture from which a chart of the given size is cut."""
    return round(FRAME_SCALE * height), round(FRAME_SCALE * width)


def apart(corners: np.ndarray, share: float) -> np.ndarray:
    """Corners, shape (..., 4, 2), moved outwards by a share of the sides on each side."""
    centre = corners.mean(axis=-2, keepdims=True)
    return centre + (corners - centre) * (1 + 2 * share)


def side_lengths(corners: np.ndarray) -> np.ndarray:
    """Width and height of quadrangles, shape (..., 4, 2), in shares of the picture, (..., 2)."""
    sides = np.abs(np.roll(corners, -1, axis=-2) - corners)
    return np.stack([sides[..., ::2, 0].mean(-1), sides[..., 1::2, 1].mean(-1)], axis=-1)


def inside(corners: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Corners in shares of the whole picture, in shares of what is cut out at other corners."""
    return _mapped(corners, cut, WHOLE_FRAME)


def back(corners: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Corners in shares of what was cut out at other corners, in shares of the whole picture."""
    return _mapped(corners, WHOLE_FRAME, cut)


def _mapped(corners, source, target) -> np.ndarray:
    """Corners after the perspective map that brings one quadrangle to another."""
    matrix = cv2.getPerspectiveTransform(*(np.asarray(q, np.float32) for q in (source, target)))
    return cv2.perspectiveTransform(corners[None].astype(np.float64), matrix)[0]


def straighten(pixels: np.ndarray, corners, height: int, width: int) -> np.ndarray:
    """Cut a quadrangle out of a picture and make it a rectangle.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (rows, columns, 3)
    corners : array_like, shape (4, 2)
        Upper left, upper right, lower right and lower left corner in shares of the picture.
    height, width : int
        In px.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        What lies outside of the picture repeats its border.
    """
    source = np.asarray(corners, np.float32) * np.array(pixels.shape[1::-1], np.float32) - 0.5
    target = np.array(WHOLE_FRAME, np.float32) * np.array([width, height], np.float32) - 0.5
    return cv2.warpPerspective(
        pixels,
        cv2.getPerspectiveTransform(source, target),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def lay_flat(pixels: np.ndarray, chart: np.ndarray, height: int, width: int) -> np.ndarray:
    """What the network sees of a picture: its chart and `MARGIN` around it, evenly lit."""
    return even_light(straighten(pixels, apart(chart, MARGIN), height, width))


def loosen(corners: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Corners as somebody might find them who is not quite exact.

    Parameters
    ----------
    corners : ndarray, shape (4, 2)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (4, 2)
    """
    span = side_lengths(corners)
    error = 4.0 if rng.random() < 0.05 else 1.0
    centre = corners.mean(axis=0)
    moved = centre + (corners - centre) * (1 + rng.normal(0, 0.008 * error, 2))
    return moved + span * (rng.normal(0, 0.006 * error, 2) + rng.normal(0, 0.004 * error, (4, 2)))


def even_light(pixels: np.ndarray) -> np.ndarray:
    """Paper becomes white and ink black, whatever the light, the camera and the paper's colour.

    Each channel is divided by the paper's brightness around it, which takes shadows, stains and
    casts of colour away; then the darkest ink is brought to the same level everywhere.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    height, width = pixels.shape[:2]
    # The brightest of a neighbourhood is paper, not grid or trace.
    brightest = cv2.dilate(pixels, np.ones((PAPER_PX, PAPER_PX), np.uint8))
    coarse = cv2.resize(brightest, LATTICE, interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(cv2.medianBlur(coarse, 3), (0, 0), 1.0)
    paper = cv2.resize(cv2.max(coarse, 16), (width, height), interpolation=cv2.INTER_LINEAR)
    flat = cv2.divide(pixels, paper, scale=WHITE)
    counts = np.bincount(cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY).ravel(), minlength=256)
    ink = int(np.searchsorted(np.cumsum(counts), INK_SHARE * height * width))
    slope = (WHITE - BLACK) / max(WHITE - ink, LEAST_CONTRAST)
    table = np.clip(np.rint(WHITE + slope * (np.arange(256) - WHITE)), 0, 255)
    return cv2.LUT(flat, table.astype(np.uint8))
