"""The grid as a ruler: how far a chart's geometry is off, mm for mm along every row.

A reader knows a chart as a plane with a gentle bend, to some tenths of a mm; paper is never quite
that. Lines of the grid return every 5 mm, most of them every mm, so the darkness of each stretch of
a row, folded to 5 mm, is the same pattern, shifted by as much as the geometry is off there. A
pattern's shift is where its correlation with the mean pattern is greatest; it changes slowly along
the row, so that the best course of shifts is looked for (dynamic programming).
"""

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from giraffe.chart.flat import PX_PER_MM, SIDE_MM, FlatRows
from giraffe.chart.lighting import WHITE

PERIOD_MM = 5.0
WAVES = np.array([1, 2, 3, 4, 5, 10])  # in 5 mm; 5 and 10 are the lines of 1 mm
STEP_MM = 6.0  # between the places along a row at which the shift is measured
REACH_MM = 12.0  # of a row on both sides of a place, and above and below its zero line
LINES_MM = 20.0  # above and below the zero line in which vertical lines are seen
FARTHEST_MM = 1.6  # greatest shift that is looked for
SHIFTS = np.arange(-FARTHEST_MM, FARTHEST_MM + 0.01, 0.05)
PART_MM = 8.0  # above and below the zero lines, the middles and reaches of what tells the scale
MOST_SCALE = 0.04  # by which heights may be held too large or too small
ROUNDS = 4  # in which the mean pattern and the trend are made anew
TREND = 4  # coefficients of a row's trend
NEIGHBOUR = 0.1  # against a shift between two rows; per mm^2
STIFFNESS = 60.0  # against shifts that change from place to place; per mm^2
DARKEST = 96  # percentile of darkness that lines of a grid reach; ink of traces is cut off there
LEAST = 0.35  # mean correlation with the pattern, below which there is no grid to hold on to


@dataclass(frozen=True)
class Ruler:
    """True places of a chart's points, as its grid has them.

    Attributes
    ----------
    places : ndarray, shape (places,)
        mm along the rows.
    across, down : ndarray, shape (rows, places)
        What must be added to a length along the row, and to a height above its zero line, in mm.
    agreement : (float, float)
        Mean correlation with the grid's pattern, across and down; 0 without a grid.
    scale : ndarray, shape (rows,)
        True mm of height per mm of the chart, by the distances of horizontal lines; 1 without.
    lean : ndarray, shape (places,)
        How many mm more must be added to a length for every mm further down: where vertical lines
        lean, the peak of a tall complex would else come as much as 10 ms before its foot.
    """

    places: np.ndarray
    across: np.ndarray
    down: np.ndarray
    agreement: tuple[float, float]
    lean: np.ndarray
    scale: np.ndarray

    def true_mm(self, row: int, along, height=0.0) -> np.ndarray:
        """Lengths along a row in mm, corrected, of points at heights in mm above its zero line."""
        across = np.interp(along, self.places, self.across[row])
        return along + across - height * np.interp(along, self.places, self.lean)

    def true_height(self, row: int, along, height) -> np.ndarray:
        """Heights in mm above the zero line of a row, corrected, at lengths along it in mm."""
        return self.scale[row] * height + np.interp(along, self.places, self.down[row])


def measure(flat: FlatRows) -> Ruler:
    """Hold the grid against a chart's geometry."""
    places = np.arange(0, flat.width_mm + STEP_MM / 2, STEP_MM)
    lines = np.stack([_lines(row) for row in flat.pixels])
    across, agree_across, patterns = _shifts(_waves_across(lines, flat, places))
    if agree_across:
        across = across + _between_rows(patterns)[:, None]
    down, agree_down, _ = _shifts(_waves_down(lines, flat, places))
    lean = _lean(-across, flat) if agree_across else np.zeros(len(places))
    scale = _scales(lines, flat, places) if agree_down else np.ones(len(lines))
    return Ruler(places, -across, -down, (agree_across, agree_down), lean, scale)


def _lines(pixels: np.ndarray) -> np.ndarray:
    """Darkness of the grid's lines, without what is far darker."""
    dark = np.clip(WHITE - pixels.min(axis=2).astype(np.float32), 0, None)
    return np.minimum(dark, np.percentile(dark[::2, ::2], DARKEST))


def _waves_across(lines: np.ndarray, flat: FlatRows, places) -> np.ndarray:
    """Waves of vertical lines around the places, shape (rows, places, waves)."""
    reach = round(LINES_MM * PX_PER_MM)
    middle = round(flat.zero)
    profile = lines[:, max(middle - reach, 0) : middle + reach].mean(axis=1)
    x = (np.arange(profile.shape[1]) + 0.5) / PX_PER_MM - SIDE_MM
    window = _window(x[None] - places[:, None])
    return _transform(profile[:, None, :], window[None], x)


def _scales(lines: np.ndarray, flat: FlatRows, places) -> np.ndarray:
    """True mm per mm of height of each row: how much further lines above the zero lines are off
    than those below, over the distance of the middles of the two parts."""
    above, below = (_waves_down(lines, flat, places, side * PART_MM, PART_MM) for side in (1, -1))
    shifts = SHIFTS[np.abs(SHIFTS) <= 2 * PART_MM * MOST_SCALE]
    fits = ((above * below.conj()).sum(axis=1) @ _turn(shifts).T).real
    off = [shifts[fit.argmax()] + _peak(fit, int(fit.argmax())) for fit in fits]
    scales = 1 - np.array(off) / (2 * PART_MM)
    if len(scales) < 3:
        return np.full(len(scales), np.median(scales))
    # Down a page that is seen aslant the scale changes evenly.
    return np.polyval(np.polyfit(flat.chart.rows.levels, scales, 1), flat.chart.rows.levels)


def _waves_down(lines, flat: FlatRows, places, middle=0.0, reach=REACH_MM) -> np.ndarray:
    """Waves of horizontal lines at the places, around a height, shape (rows, places, waves)."""
    rows, height, _ = lines.shape
    step = round(STEP_MM * PX_PER_MM)
    smooth = cv2.blur(lines.reshape(rows * height, -1), (step, 1)).reshape(lines.shape)
    columns = np.round((places + SIDE_MM) * PX_PER_MM).astype(int)
    profile = smooth[:, :, np.clip(columns, 0, lines.shape[2] - 1)].transpose(0, 2, 1)
    y = (flat.zero - np.arange(height) - 0.5) / PX_PER_MM
    return _transform(profile, _window(y - middle, reach)[None, None], y)


def _window(distance: np.ndarray, reach: float = REACH_MM) -> np.ndarray:
    """Weight of a distance in mm, of a sum of 1 over the last axis (a Hann window)."""
    weight = np.where(np.abs(distance) < reach, 1 + np.cos(np.pi * distance / reach), 0)
    return weight / weight.sum(axis=-1, keepdims=True)


def _transform(profile, window, at) -> np.ndarray:
    profile = profile - (profile * window).sum(axis=-1, keepdims=True)
    carrier = np.exp(2j * np.pi / PERIOD_MM * WAVES[:, None] * at)
    return (profile * window) @ carrier.T


def _shifts(waves: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Shift of the pattern at every place, shape (rows, places), how well it agrees, and it."""
    power = np.sqrt((np.abs(waves) ** 2).sum(axis=2)) + 1e-9
    shift = np.zeros(waves.shape[:2])
    for _ in range(ROUNDS):
        back = waves * _turn(shift)
        # Each row has a pattern of its own, as it begins anywhere between two lines.
        pattern = back.mean(axis=1)
        pattern = pattern / (np.linalg.norm(pattern, axis=1, keepdims=True) + 1e-9)
        # The course changes slowly beside a trend that is as steep as it likes.
        trend = _trend(shift)
        matched = waves * _turn(trend) * pattern[:, None].conj()
        fits = (matched @ _turn(SHIFTS).T).real / power[:, :, None]
        course = np.stack([_course(fit) for fit in fits])
        shift = trend + course
        shift -= shift.mean(axis=1, keepdims=True)
    near = np.abs(SHIFTS - course[:, :, None]).argmin(axis=2)
    agreement = float(np.take_along_axis(fits, near[:, :, None], axis=2).mean())
    if agreement < LEAST:
        return np.zeros(shift.shape), 0.0, pattern
    return shift, agreement, pattern


def _between_rows(patterns: np.ndarray) -> np.ndarray:
    """Shift of each row's pattern against the mean of all, as vertical lines cross all rows."""
    steps = [0.0]
    for above, below in itertools.pairwise(patterns):
        fit = ((below * above.conj()) @ _turn(SHIFTS).T).real - NEIGHBOUR * SHIFTS**2
        steps.append(float(SHIFTS[fit.argmax()]) + _peak(fit, int(fit.argmax())))
    shift = np.cumsum(steps)
    return shift - shift.mean()


def _lean(across: np.ndarray, flat: FlatRows) -> np.ndarray:
    """Slope of a correction over the rows of a chart at each place, shape (places,)."""
    down = flat.chart.rows.levels * flat.height_mm
    down = down - down.mean()
    if len(down) < 2:
        return np.zeros(across.shape[1])
    slope = down @ across / (down**2).sum()
    # Leaning lines are all but parallel, and go on from place to place.
    shapes = np.vander(np.linspace(-1, 1, len(slope)), 3)
    return shapes @ np.linalg.lstsq(shapes, slope, rcond=None)[0]


def _peak(fit: np.ndarray, at: int) -> float:
    """How far from a step of `SHIFTS` a maximum lies, in mm."""
    low, mid, high = fit[np.clip([at - 1, at, at + 1], 0, len(fit) - 1)]
    curve = low - 2 * mid + high
    return float(0.5 * (low - high) / curve * (SHIFTS[1] - SHIFTS[0])) if curve < -1e-9 else 0.0


def _turn(shift: np.ndarray) -> np.ndarray:
    """What takes a shift in mm out of waves, shape (..., waves)."""
    return np.exp(-2j * np.pi / PERIOD_MM * WAVES * np.asarray(shift)[..., None])


def _trend(shift: np.ndarray) -> np.ndarray:
    """Each row's course as a polynomial, shape (rows, places)."""
    along = np.linspace(-1, 1, shift.shape[1])
    shapes = np.vander(along, min(TREND, shift.shape[1]))
    return (shapes @ np.linalg.lstsq(shapes, shift.T, rcond=None)[0]).T


def _course(fit: np.ndarray) -> np.ndarray:
    """The course of shifts that fits best and changes slowly, refined between the steps."""
    cost = STIFFNESS * (SHIFTS[:, None] - SHIFTS) ** 2
    best = [fit[0]]
    for k in range(1, len(fit)):
        best.append((best[-1][None, :] - cost).max(axis=1) + fit[k])
    at = np.empty(len(fit), int)
    at[-1] = best[-1].argmax()
    for k in range(len(fit) - 2, -1, -1):
        at[k] = (best[k] - cost[at[k + 1]]).argmax()
    inner = np.clip(at, 1, len(SHIFTS) - 2)
    place = np.arange(len(fit))
    low, mid, high = (fit[place, inner + k] for k in (-1, 0, 1))
    curve = low - 2 * mid + high
    part = np.where(curve < -1e-6, 0.5 * (low - high) / np.where(curve < -1e-6, curve, 1), 0)
    part = np.clip(part, -1, 1) * (inner == at)
    shift = SHIFTS[at] + part * (SHIFTS[1] - SHIFTS[0])
    kernel = np.array([0.25, 0.5, 0.25])
    # Beyond its ends the course goes on as it comes.
    padded = np.pad(shift, 1, mode="reflect", reflect_type="odd")
    return np.convolve(padded, kernel, "valid")
