"""The grid of a chart laid flat: how many px a millimetre has across and down.

Lines of a grid return at equal distances, so the brightness along an axis has a line spectrum: at
1/mm and 2/mm, and, where every fifth line is stronger, at all multiples of 0.2/mm. A length in mm
is the better the more of these lines stand out of the spectrum at their places. Traces and letters
do not repeat over a whole chart and make no lines; what is far darker than the grid is cut off.
Spectra are taken of bands across the axis and averaged, so that a page that is bent a little does
not blur them, and noise, which differs from band to band, does not pass for lines.
"""

import cv2
import numpy as np
from scipy.ndimage import percentile_filter

BANDS = 16  # across the other axis
QUANTILES, QUANTILE_ROWS = (0.35, 0.65), 40  # of a band, and rows of it that are looked at
CLIP = 2.5  # medians of the profile's size beyond which it is cut off
SLOW = 0.02  # share of the length over which brightness may change slowly
WIDTHS_MM = (250.0, 240.0, 225.0, 200.0, 150.0, 300.0, 500.0)
"""Usual lengths of a row; the first is by far the commonest."""
SHORTEST, LONGEST = 120.0, 520.0  # mm that rows may be long
STRETCH = 1.7  # by which a picture may be squeezed more one way than the other
HARMONICS = np.arange(1, 11) / 5  # lines per mm
WEIGHTS = np.array([0.8, 0.6, 0.5, 0.5, 2.0, 0.4, 0.4, 0.4, 0.4, 1.0])
MOST = 2.5  # what a line counts at most, in units of the logarithm of its height
LEAST = 3.4  # of all lines together; less is no grid
PADDING = 4  # of the transform, for a finer spectrum
USUAL, COMMONEST = 0.5, 1.0  # added for usual lengths, and for the commonest
SQUEEZED = 8.0  # taken away for a squared logarithm of the ratio of scales


def profiles(pixels: np.ndarray, axis: int) -> np.ndarray:
    """Brightness along an axis in bands across the other, without slow changes and dark ink.

    Returns
    -------
    ndarray, shape (BANDS * 2, length)
    """
    grey = cv2.min(cv2.min(pixels[:, :, 0], pixels[:, :, 1]), pixels[:, :, 2])
    grey = np.ascontiguousarray(grey if axis == 1 else grey.T)
    found = []
    for part in np.array_split(grey, BANDS):
        rows = part[:: max(len(part) // QUANTILE_ROWS, 1)]
        positions = [int(quantile * (len(rows) - 1)) for quantile in QUANTILES]
        found += list(np.partition(rows, positions, axis=0)[positions])
    lines = np.stack(found).astype(np.float32)
    window = 2 * max(int(lines.shape[1] * SLOW / 2), 2) + 1
    lines -= cv2.blur(lines, (window, 1), borderType=cv2.BORDER_REPLICATE)
    size = np.median(np.abs(lines), axis=1, keepdims=True) + 0.05
    lines = np.clip(lines, -CLIP * size, CLIP * size)
    return lines * np.hanning(lines.shape[1])


def length_in_mm(pixels: np.ndarray, axis: int, around: float | None = None) -> float | None:
    """Length of a picture along an axis in mm, by its grid.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The chart alone, laid flat.
    axis : int
        0 for its height, 1 for its width.
    around : float, optional
        A length in mm that the answer has if the picture is not squeezed.

    Returns
    -------
    float or None
        None where no grid is seen.
    """
    lines = profiles(pixels, axis)
    power = np.abs(np.fft.rfft(lines, PADDING * lines.shape[1], axis=1)) ** 2
    power /= power.mean(axis=1, keepdims=True) + 1e-9
    spectrum = np.log(power.mean(axis=0) + 1e-9) / 2
    # Waves along the picture at each place of the spectrum: mm, where one wave is 1 mm.
    waves = np.arange(len(spectrum)) / PADDING
    clear = spectrum - percentile_filter(spectrum, 60, size=PADDING * 24 + 1, mode="nearest")
    low, high = (around / STRETCH, around * STRETCH) if around else (SHORTEST, LONGEST)
    candidates = np.arange(low, high, 0.2)
    # Lines that the picture has not px enough for say nothing.
    seen = np.interp(candidates[:, None] * HARMONICS, waves, np.clip(clear, -0.5, MOST), right=0.0)
    score = seen @ WEIGHTS
    prior = -SQUEEZED * np.log(candidates / around) ** 2 if around else _usual(candidates)
    best = int(np.argmax(score + prior))
    if score[best] < LEAST:
        return None
    return float(_refined(candidates[best], waves, clear))


def _usual(length: np.ndarray) -> np.ndarray:
    near = np.abs(length[:, None] / np.array(WIDTHS_MM) - 1) < 0.04
    return USUAL * near.any(axis=1) + COMMONEST * near[:, 0]


def _refined(length: float, waves, clear) -> float:
    """The length at which the clearest line near a first one has its maximum."""
    heights = np.interp(length * HARMONICS, waves, clear, right=0.0)
    order = HARMONICS[int(np.argmax(heights * np.sqrt(HARMONICS)))]
    near = length + np.linspace(-0.7, 0.7, 57) / order
    return near[int(np.argmax(np.interp(order * near, waves, clear)))]
