"""A trace laid into the middle of its ink, to a small part of a pixel.

The ink network says where a trace is to about a pixel, and lowers sharp peaks, as it cannot be
sure of their moment. The ink itself is more exact: across a stroke it has the same profile wherever
the pen went, so that the page shows how dark it is at each distance from the pen's way. The way is
moved until every pixel beside it is as dark as its distance says (Gauss-Newton on the heights of
the trace). Steep flanks are moved by the pixels at their sides, peaks by those at their tips.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.linalg import solveh_banded

from giraffe.chart.flat import POINTS_PER_PX

BAND_PX = 3.5  # on both sides of the way in which pixels are looked at
PROFILE_STEP = 0.25  # px between the distances at which the pen's profile is known
BESIDE_PX = (3.5, 8.0)  # distances above and below the way at which paper and grid are seen
LEVEL = 0.5  # px of height per point up to which a trace is level
SIGHT = 6  # points on each side of a pixel among which its nearest place on the way is looked for
ROUNDS = 6
FARTHEST_PX = 0.6  # by which the way is moved across itself in a round, at most
TRUST_PX = 1.0  # by which the network's way may be wrong across itself
HOLD = 0.03  # against moving away from the network's way; squares of ink per px^2
BEND = 0.02  # against corrections that bend; the same
NOISE = 5.0  # grey levels that colours of the paper spread at least
LEAST_POINTS = 200  # level points of a page on which the pen's profile can be learned
SHARP_PX, FAINT = 2.5, 0.1  # where a sharp pen's profile has fallen to how much, at most


@dataclass(frozen=True)
class Pen:
    """What the ink of a page looks like.

    Attributes
    ----------
    ink : ndarray of float32, shape (rows, height, width)
        0 on paper and grid, 1 in the middle of the traces.
    profile : ndarray, shape (distances,)
        Ink at distances of `PROFILE_STEP` px from the pen's way.
    """

    ink: np.ndarray
    profile: np.ndarray


def learn_pen(pixels: np.ndarray, heights: np.ndarray) -> Pen | None:
    """The ink of a page's traces, told from its paper and grid by colour.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (rows, height, width, 3)
    heights : ndarray, shape (rows, points)
        Traces in px from the upper border; NaN where there is none.

    Returns
    -------
    Pen or None
        None where too little of the traces is level, nothing sets them apart, or the page is
        blurred: peaks of blurred ink are fainter than its profile, and would be cut off.
    """
    row, point = np.nonzero(_level(heights))
    if len(row) < LEAST_POINTS:
        return None
    x, y = (point + 0.5) / POINTS_PER_PX - 0.5, heights[row, point] - 0.5
    column = np.clip(np.round(x).astype(int), 0, pixels.shape[2] - 1)

    def at(away):
        lines = np.clip(np.round(y + away).astype(int), 0, pixels.shape[1] - 1)
        return pixels[row, lines, column].astype(np.float32)

    trace = at(0.0)
    near, far = BESIDE_PX
    beside = np.concatenate([at(side * away) for away in np.arange(near, far) for side in (-1, 1)])
    # Fisher's discriminant: the mixture of colours in which grid and paper differ least.
    spread = np.cov(beside.T) + NOISE**2 * np.eye(3)
    towards = np.linalg.solve(spread, np.median(trace, axis=0) - np.median(beside, axis=0))
    zero = np.median(beside, axis=0) @ towards
    full = np.median(trace, axis=0) @ towards - zero
    if full <= 0:
        return None
    ink = pixels.astype(np.float32) @ (towards / full).astype(np.float32) - zero / full
    np.clip(ink, -0.5, 1.5, out=ink)
    profile = _profile(ink, row, column, heights)
    if profile[round(SHARP_PX / PROFILE_STEP)] > FAINT:
        return None
    return Pen(ink, profile)


def _level(heights: np.ndarray) -> np.ndarray:
    """Points of traces whose neighbours on both sides are about as high."""
    step = np.abs(np.diff(heights, axis=1))
    level = np.zeros(heights.shape, bool)
    with np.errstate(invalid="ignore"):
        level[:, 2:-2] = (
            np.stack([step[:, k : k - 3 or None] for k in range(4)]).max(axis=0) < LEVEL
        )
    return level


def _profile(ink, row, column, heights) -> np.ndarray:
    """Ink by distance from level traces; it never rises with the distance."""
    points = (column + 0.5) * POINTS_PER_PX - 0.5
    left = np.clip(points.astype(int), 0, heights.shape[1] - 2)
    share = points - left
    y = (1 - share) * heights[row, left] + share * heights[row, left + 1]
    reach = np.arange(-int(BAND_PX) - 1, int(BAND_PX) + 2)
    lines = np.floor(y).astype(int)[:, None] + reach
    distance = np.abs(lines + 0.5 - y[:, None])
    good = (lines >= 0) & (lines < ink.shape[1])
    value = ink[row[:, None], np.clip(lines, 0, ink.shape[1] - 1), column[:, None]]
    bins = np.round(distance / PROFILE_STEP).astype(int)
    number = int(BAND_PX / PROFILE_STEP) + 1
    groups = [value[good & (bins == k)] for k in range(number)]
    known = [k for k in range(number) if len(groups[k])]
    profile = np.interp(np.arange(number), known, [np.median(groups[k]) for k in known])
    return np.minimum.accumulate(np.maximum(profile, 0.0))


def settle(heights: np.ndarray, pen: Pen, hidden: np.ndarray) -> np.ndarray:
    """Traces moved into the middle of their ink.

    Parameters
    ----------
    heights : ndarray, shape (rows, points)
        In px from the upper border; NaN where there is none.
    pen : Pen
    hidden : ndarray of bool, shape (rows, points)
        Where the ink is not the trace's; heights stay as they are there.

    Returns
    -------
    ndarray, shape (rows, points)
    """
    return np.stack(
        [_settle_row(*parts, pen.profile) for parts in zip(heights, pen.ink, hidden, strict=True)]
    )


def _settle_row(heights, ink, hidden, profile) -> np.ndarray:
    there = np.isfinite(heights) & ~hidden
    if there.sum() < 2 * SIGHT:
        return heights
    points = len(heights)
    place = (np.arange(points) + 0.5) / POINTS_PER_PX
    begun = np.interp(np.arange(points), np.flatnonzero(there), heights[there])
    line, column = _band(begun, there, ink.shape)
    x, y, seen = column + 0.5, line + 0.5, ink[line, column]
    # Gradual where the profile's steps are not.
    slope = np.gradient(profile, PROFILE_STEP)
    grid = np.arange(len(profile)) * PROFILE_STEP
    way = begun.copy()
    step = np.abs(np.diff(begun))
    steep = np.maximum(np.append(step, 0), np.append(0, step)) * POINTS_PER_PX
    ease = 1 / (1 + steep**2)
    for _ in range(ROUNDS):
        first, share, away, up = _nearest(x, y, place, way)
        # A pixel beyond the band has nothing to say.
        residual = np.interp(away, grid, profile) - seen
        turn = np.interp(away, grid, slope, right=0.0) * up
        low, high = turn * (1 - share), turn * share
        band = np.zeros((3, points))
        band[2] = np.bincount(first, low**2, points) + np.bincount(first + 1, high**2, points)
        band[1, 1:] = np.bincount(first + 1, low * high, points)[1:]
        pull = np.bincount(first, low * residual, points)
        pull += np.bincount(first + 1, high * residual, points)
        moved = way - begun
        band, pull = _held(band, pull, moved, ease)
        change = -solveh_banded(band, pull, overwrite_ab=True)
        most = FARTHEST_PX / np.sqrt(ease)
        way = way + np.clip(change, -most, most)
        way = np.clip(way, begun - TRUST_PX / np.sqrt(ease), begun + TRUST_PX / np.sqrt(ease))
    return np.where(there, way, heights)


def _held(band, pull, moved, ease):
    """The normal equations with what holds corrections small and smooth, which is gentler where the
    trace is steep: there a height changes much if it is moved across the flank by little."""
    band[2] += HOLD * ease + 1e-9
    pull = pull + HOLD * ease * moved
    weight = BEND * ease[1:-1]
    bend = moved[:-2] - 2 * moved[1:-1] + moved[2:]
    for k, factor in enumerate((1.0, -2.0, 1.0)):
        pull[k : k + len(weight)] += factor * weight * bend
    band[2, :-2] += weight
    band[2, 1:-1] += 4 * weight
    band[2, 2:] += weight
    band[1, 1:-1] -= 2 * weight
    band[1, 2:] -= 2 * weight
    band[0, 2:] += weight
    return band, pull


def _band(heights, there, shape) -> tuple[np.ndarray, np.ndarray]:
    """Lines and columns of the pixels near a trace."""
    height, width = shape
    mask = np.zeros(shape, np.uint8)
    x = (np.arange(len(heights)) + 0.5) / POINTS_PER_PX - 0.5
    line = np.stack([x, heights - 0.5], axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(int)))
    parts = [line[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    sixteenths = [np.round(part * 16).astype(np.int32)[:, None] for part in parts]
    cv2.polylines(mask, sixteenths, False, 1, 2 * int(BAND_PX) + 1, shift=4)
    mask = mask[:height, :width]
    y, x = np.nonzero(mask)
    return y, x


def _nearest(x, y, place, way):
    """For pixels, the nearest place on a way: its segment, the share of it, the distance, and how
    the distance grows as the way sinks."""
    middle = np.floor(x * POINTS_PER_PX - 0.5).astype(int)
    best = np.full(len(x), np.inf)
    first, share = np.zeros(len(x), int), np.zeros(len(x))
    width = 1 / POINTS_PER_PX
    rise = np.diff(way)
    length = width**2 + rise**2
    for shift in range(-SIGHT, SIGHT + 1):
        k = np.clip(middle + shift, 0, len(way) - 2)
        right, down = x - place[k], y - way[k]
        part = np.clip((right * width + down * rise[k]) / length[k], 0, 1)
        square = (right - part * width) ** 2 + (down - part * rise[k]) ** 2
        nearer = square < best
        best[nearer], first[nearer], share[nearer] = square[nearer], k[nearer], part[nearer]
    away = np.sqrt(best) + 1e-9
    up = (way[first] + share * rise[first] - y) / away
    return first, share, away, up
