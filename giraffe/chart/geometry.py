"""Quadrangles in pictures: moved, mapped, cut out and made rectangles.

Corners stand in the order upper left, upper right, lower right, lower left of what they bound, in
shares of the picture's width and height, as arrays of shape (4, 2).
"""

import cv2
import numpy as np

from giraffe.pictures import resize
from giraffe.printout.capture import WHOLE_FRAME

WHOLE = np.array(WHOLE_FRAME, float)
MUCH = 1.5


def apart(corners: np.ndarray, share: float) -> np.ndarray:
    """Corners, shape (..., 4, 2), moved outwards by a share of the sides on each side."""
    centre = corners.mean(axis=-2, keepdims=True)
    return centre + (corners - centre) * (1 + 2 * share)


def sides_in_px(corners: np.ndarray, shape) -> np.ndarray:
    """Mean width and height in px of a quadrangle given in shares of a picture."""
    points = corners * (shape[1], shape[0])
    sides = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    return np.array([sides[::2].mean(), sides[1::2].mean()])


def transform(matrix: np.ndarray, points) -> np.ndarray:
    """Points, shape (n, 2), after a homography."""
    points = np.asarray(points, dtype=float)
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return moved[:, :2] / moved[:, 2:]


def between(source, target) -> np.ndarray:
    """The homography that brings one quadrangle to another, shape (3, 3)."""
    return cv2.getPerspectiveTransform(
        np.asarray(source, np.float32), np.asarray(target, np.float32)
    ).astype(float)


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
    # What would shrink by much is shrunk by areas first, or thin lines fall between the px.
    factor = (sides_in_px(np.asarray(corners), pixels.shape) / (width, height)).min()
    if factor > MUCH:
        pixels = resize(pixels, *(max(round(side / factor), 1) for side in pixels.shape[:2]))
    source = np.asarray(corners, np.float32) * np.array(pixels.shape[1::-1], np.float32) - 0.5
    target = np.array(WHOLE_FRAME, np.float32) * np.array([width, height], np.float32) - 0.5
    return cv2.warpPerspective(
        pixels,
        between(source, target),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


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
    error = 4.0 if rng.random() < 0.05 else 1.0
    moved = 0.5 + (WHOLE - 0.5) * (1 + rng.normal(0, 0.006 * error, 2))
    moved = moved + rng.normal(0, 0.004 * error, 2) + rng.normal(0, 0.003 * error, (4, 2))
    return transform(between(WHOLE, corners), moved)
