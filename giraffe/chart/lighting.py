"""A chart laid flat and evenly lit: what the classifier sees of a picture.

A page in a phone's photo fills half of the frame and stands askew. The network would have to learn
every lead at every place, size and slant; a picture in which the rows always begin and end at the
same places is learned from far fewer examples. (Spatial transformers: Jaderberg et al., NeurIPS
2015; here the place is learned from pages of which it is known, see `giraffe.chart.evidence`.)
"""

import cv2
import numpy as np

from giraffe.chart.geometry import apart, straighten
from giraffe.pictures import resize

MARGIN = 0.025
"""Kept around the chart, as a share of its width and height."""

WHITE, BLACK = 235, 25  # grey levels that paper and ink get
LATTICE = (48, 24)  # columns and rows at which the paper's brightness is known
PAPER_PX = 5  # wider than the lines of a grid
DARKEST_PAPER = np.array([16, 0, 0], np.uint8)  # of red alone: so all networks have learnt it
INK_SHARE = 0.004  # of the picture is as dark as ink
LEAST_CONTRAST = 40  # grey levels; less is noise and is not made more of
FRAME_SCALE = 1.25
"""A chart fills a part of its picture, so that is printed so much larger than the chart."""


def lay_flat(pixels: np.ndarray, corners, height: int, width: int) -> np.ndarray:
    """What the classifier sees of a picture: its chart and `MARGIN` around it, evenly lit.

    Parameters and errors are those of `cut_out`.
    """
    return even_light(cut_out(pixels, corners, height, width))


def cut_out(pixels: np.ndarray, corners, height: int, width: int) -> np.ndarray:
    """The chart of a picture and `MARGIN` around it as a rectangle.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (rows, columns, 3)
    corners : array_like, shape (4, 2), or None
        Of the chart, in shares of the picture; None for the whole picture.
    height, width : int
        In px.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    if corners is None:
        return resize(pixels, height, width)
    return straighten(pixels, apart(np.asarray(corners), MARGIN), height, width)


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
    paper = cv2.resize(
        np.maximum(coarse, DARKEST_PAPER), (width, height), interpolation=cv2.INTER_LINEAR
    )
    flat = cv2.divide(pixels, paper, scale=WHITE)
    counts = np.bincount(cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY).ravel(), minlength=256)
    ink = int(np.searchsorted(np.cumsum(counts), INK_SHARE * height * width))
    slope = (WHITE - BLACK) / max(WHITE - ink, LEAST_CONTRAST)
    table = np.clip(np.rint(WHITE + slope * (np.arange(256) - WHITE)), 0, 255)
    return cv2.LUT(flat, table.astype(np.uint8))


def frame_size(height: int, width: int, straightened: bool) -> tuple[int | None, int]:
    """Height and width in px at which pictures are printed for a network's input.

    Where the chart is cut out of them they have their own proportions, so the height is None.
    """
    return (None, round(FRAME_SCALE * width)) if straightened else (height, width)
