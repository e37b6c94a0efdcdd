"""The grid of a chart laid flat: how many mm it measures across and down.

Lines of a grid return at equal distances, so the brightness along an axis has a line spectrum: at
1/mm and 2/mm, and, where every fifth line is stronger, at all multiples of 0.2/mm. A length in mm
is the better the more of these lines stand out of the spectrum at their places. Traces and letters
do not repeat over a whole chart and make no lines, but rows do: ink that is far darker than the
grid is blanked. Spectra are taken of bands across the axis and averaged, so that a page that is
bent a little does not blur them, and noise, which differs from band to band, does not pass for
lines.

Both axes are judged together, because most pictures are not squeezed one way. On bent paper and
under a slanted camera lines stand closer at one end: the lengths are refined in windows along the
axis, whose distances may rise or fall.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.fft import next_fast_len, rfft
from scipy.ndimage import maximum_filter1d, percentile_filter

BANDS = 16  # across the other axis
QUANTILES, QUANTILE_ROWS = (0.35, 0.65), 40  # of a band, and rows of it that are looked at
INK, INK_LEAST = 5.0, 8  # darker than the paper by so many medians and grey levels: blanked
PAPER_PX = 41  # around a place that tell the paper's brightness
CLIP = 2.5  # medians of the profile's size beyond which it is cut off
SLOW = 0.02  # share of the length over which brightness may change slowly
SMOOTH = 24  # waves over which the spectrum's floor is taken
WIDTHS_MM = (250.0, 240.0, 225.0, 200.0, 150.0, 300.0, 500.0)
"""Usual lengths of a row; the first is by far the commonest."""
SHORTEST, LONGEST = 120.0, 520.0  # mm that rows may be long
STRETCH = 1.7  # by which a picture may be squeezed more one way than the other
FINENESS = 1e-3  # steps of the logarithms of lengths
HARMONICS = np.arange(1, 11) / 5  # lines per mm
WEIGHTS = np.array([0.8, 0.6, 0.5, 0.5, 2.0, 0.4, 0.4, 0.4, 0.4, 1.0])
MOST = 2.5  # what a line counts at most, in units of the logarithm of its height
LEAST = 4.3  # of all lines of both axes together; less is no grid
PADDING = 4  # of the transform, for a finer spectrum
USUAL, COMMONEST = 0.5, 1.0  # added for usual lengths, and for the commonest
SQUARE, SQUARE_WITHIN = 2.0, 0.012  # added where both axes have one scale; spread of its logarithm
SQUEEZED = 0.3  # spread of the logarithm of the scales' ratio otherwise
TRIED = 24  # lengths across for which lengths down are tried
REFINED = np.exp(np.arange(-0.06, 0.0601, FINENESS))  # factors on a length in its windows
SLOPES = np.arange(-0.03, 0.0301, 0.003)  # of the logarithm of the distance, to either end
BENDS = (-0.02, -0.01, 0.0, 0.01, 0.02)
ACROSS = (5, 0.3, BENDS)  # windows, their share of the axis, bends that are tried
DOWN = (3, 0.5, (0.0,))  # a chart has fewer lines down than across
UNEVEN, SLOPE_COST = 0.3, 20.0  # taken away for a slope or half a bend, and for each unit of slope


@dataclass(frozen=True)
class Spectrum:
    """Waves of a picture along one axis.

    Attributes
    ----------
    lines : ndarray, shape (bands * 2, length)
        Brightness along the axis.
    clear : ndarray
        Logarithm of the height over the floor.
    step : float
        Waves along the axis from each entry of ``clear`` to the next.
    """

    lines: np.ndarray
    clear: np.ndarray
    step: float

    def score(self, lengths: np.ndarray, weights=WEIGHTS) -> np.ndarray:
        """How clearly lines stand where an axis of so many mm would have them."""
        # Lines that the picture has not px enough for say nothing.
        waves = self.step * np.arange(len(self.clear))
        seen = np.interp(
            lengths[:, None] * HARMONICS, waves, np.clip(self.clear, -0.5, MOST), right=0.0
        )
        return seen @ weights


def size_in_mm(grey: np.ndarray) -> tuple[float, float] | None:
    """Width and height of a chart in mm, by its grid.

    Parameters
    ----------
    grey : ndarray of uint8, shape (height, width)
        The chart alone, laid flat, without ink; see `blanked`.

    Returns
    -------
    (float, float) or None
        None where no grid is seen.
    """
    height, width = grey.shape
    # Halves of the longer axis, whose lines may change their distance on the way.
    lines, columns = profiles(grey), profiles(grey.T)
    half = width // 2
    across = spectrum(lines, [0, half // 2, width - half], half, SMOOTH)
    down = spectrum(columns, [0], height, SMOOTH)
    widths = np.exp(np.arange(np.log(SHORTEST), np.log(LONGEST), FINENESS))
    scores = across.score(widths) + _usual(widths)
    tops = np.flatnonzero(scores == maximum_filter1d(scores, 9))
    tops = tops[np.argsort(-scores[tops])[:TRIED]]
    squeeze = np.arange(-np.log(STRETCH), np.log(STRETCH), FINENESS)
    prior = SQUARE * np.exp(-((squeeze / SQUARE_WITHIN) ** 2) / 2) - (squeeze / SQUEEZED) ** 2 / 2
    heights = widths[tops, None] * height / width * np.exp(squeeze)
    both = scores[tops, None] + down.score(heights.ravel()).reshape(heights.shape) + prior
    best, at = np.unravel_index(int(both.argmax()), both.shape)
    length = widths[tops[best]]
    if both[best, at] - _usual(widths[tops[best : best + 1]])[0] < LEAST:
        return None
    return refined(across, length, *ACROSS), refined(down, heights[best, at], *DOWN)


def blanked(pixels: np.ndarray) -> np.ndarray:
    """Brightness, with the paper's where there is ink that is far darker than the grid."""
    grey = cv2.min(cv2.min(pixels[:, :, 0], pixels[:, :, 1]), pixels[:, :, 2])
    paper = cv2.blur(grey, (PAPER_PX, PAPER_PX))
    darker = cv2.subtract(paper, grey)
    least = INK * float(np.median(darker[::3, ::3])) + INK_LEAST
    ink = cv2.dilate((darker > least).astype(np.uint8), np.ones((3, 3), np.uint8))
    cv2.copyTo(paper, ink, grey)
    return grey


def profiles(grey: np.ndarray) -> np.ndarray:
    """Brightness along the width in bands across it, without slow changes.

    Returns
    -------
    ndarray of float32, shape (BANDS * 2, width)
    """
    found = []
    for part in np.array_split(np.ascontiguousarray(grey), BANDS):
        rows = part[:: max(len(part) // QUANTILE_ROWS, 1)]
        positions = [int(quantile * (len(rows) - 1)) for quantile in QUANTILES]
        found += list(np.partition(rows, positions, axis=0)[positions])
    lines = np.stack(found).astype(np.float32)
    window = 2 * max(int(lines.shape[1] * SLOW / 2), 2) + 1
    lines -= cv2.blur(lines, (window, 1), borderType=cv2.BORDER_REPLICATE)
    size = np.median(np.abs(lines), axis=1, keepdims=True) + 0.05
    return np.clip(lines / size, -CLIP, CLIP)


def spectrum(lines: np.ndarray, starts, long: int, smooth: float) -> Spectrum:
    """Waves along an axis, seen in windows of it.

    Parameters
    ----------
    lines : ndarray, shape (bands, length)
        Of `profiles`.
    starts : sequence of int
        Of the windows, in px.
    long : int
        Their length.
    smooth : float
        Waves of a window over which the floor is taken.
    """
    hann = np.hanning(long).astype(np.float32)
    parts = np.concatenate([lines[:, a : a + long] * hann for a in starts])
    padded = next_fast_len(PADDING * long, real=True)
    power = np.abs(rfft(parts, padded, axis=1)) ** 2
    power /= power.mean(axis=1, keepdims=True) + 1e-9
    height = np.log(power.mean(axis=0) + 1e-9) / 2
    window = int(PADDING * smooth) // 2 * 2 + 1
    clear = height - percentile_filter(height, 60, size=window, mode="nearest")
    return Spectrum(lines, clear, lines.shape[1] / padded)


def refined(
    seen: Spectrum, length: float, windows: int, share: float, bends: Sequence[float]
) -> float:
    """A length whose lines stand at the clearest places in windows along the axis.

    Parameters
    ----------
    seen : Spectrum
    length : float
        In mm, about.
    windows : int
    share : float
        Of the axis that each window sees.
    bends : sequence of float
        Curvatures of the logarithm of the lines' distance that are tried.
    """
    lines = seen.lines
    long = int(lines.shape[1] * share)
    lengths, weights = length * REFINED, WEIGHTS * np.sqrt(HARMONICS)
    starts = np.linspace(0, lines.shape[1] - long, windows).astype(int)
    scores = [spectrum(lines, [a], long, SMOOTH).score(lengths, weights) for a in starts]
    place = np.linspace(-1, 1, windows)
    slope, bend = (part.ravel() for part in np.meshgrid(SLOPES, bends))
    shift = slope[:, None] * place + bend[:, None] * (place**2 - 0.5)
    steps = np.rint(shift / FINENESS).astype(int)
    number = len(REFINED)
    at = np.arange(number) + steps[:, :, None]
    inside = (at >= 0) & (at < number)
    each = np.stack(scores)[np.arange(windows)[None, :, None], np.clip(at, 0, number - 1)]
    total = (each * inside).sum(axis=1)
    uneven = UNEVEN * ((np.abs(slope) > 1e-9) + 2 * (bend != 0)) + SLOPE_COST * np.abs(slope)
    total -= uneven[:, None]
    best, k = np.unravel_index(int(total.argmax()), total.shape)
    # The mean of the bend along the axis is a sixth of it below the middle of the windows.
    return float(length * REFINED[k] * np.exp(-bend[best] / 6))


def _usual(length: np.ndarray) -> np.ndarray:
    near = np.abs(length[:, None] / np.array(WIDTHS_MM) - 1) < 0.04
    return USUAL * near.any(axis=1) + COMMONEST * near[:, 0]
