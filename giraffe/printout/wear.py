"""What happens to paper: ink fades, paper yellows, is folded, soaked, stained, written on and torn.

Slowly varying effects are computed once on a coarse lattice of `LATTICE` points and stretched over
the page, so a page has the same stains at every resolution, and they cost little. Every range is
a pair (low, high) from which a value is drawn evenly; lengths are in mm, shares in [0, 1].
"""

from dataclasses import dataclass

import cv2
import numpy as np

from giraffe.printout.chance import LATTICE, count, drawn, even, several, smooth_noise, stretch
from giraffe.printout.marks import write_on


@dataclass(frozen=True)
class Wear:
    """How much a page has suffered.

    Attributes
    ----------
    yellowing, fading : (float, float)
        Share of the way to yellow paper; largest local loss of ink.
    creases : (int, int)
        Number of folds.
    crease_strength, wrinkles : (float, float)
        Shading of folds; of crumpled paper.
    stains : (int, int)
    stain_strength, soaking : (float, float)
        Darkness of stains; of a wet corner with its tide line.
    torn : (float, float)
        Depth of torn edges in mm.
    words, pen_marks, stamps : (int, int)
    highlights, arrows, rings, notes : float
        Mean number of translucent coloured marks over waves; of arrows to them; of coloured rings
        and underlines; of words by hand anywhere.
    patches, redactions, watermarks : float
        Mean number of stickers beside the chart; of black bars there; of large or small names
        across the page.
    folds : float
        Mean number of strong folds at halves, thirds and quarters of the page.
    fold_strength : (float, float)
        Shading of those.
    """

    yellowing: tuple[float, float] = (0.0, 0.0)
    fading: tuple[float, float] = (0.0, 0.0)
    creases: tuple[int, int] = (0, 0)
    crease_strength: tuple[float, float] = (0.08, 0.2)
    wrinkles: tuple[float, float] = (0.0, 0.0)
    stains: tuple[int, int] = (0, 0)
    stain_strength: tuple[float, float] = (0.2, 0.5)
    soaking: tuple[float, float] = (0.0, 0.0)
    torn: tuple[float, float] = (0.0, 0.0)
    words: tuple[int, int] = (0, 0)
    pen_marks: tuple[int, int] = (0, 0)
    stamps: tuple[int, int] = (0, 0)
    highlights: float = 0.0
    arrows: float = 0.0
    rings: float = 0.0
    notes: float = 0.0
    patches: float = 0.0
    redactions: float = 0.0
    watermarks: float = 0.0
    folds: float = 0.0
    fold_strength: tuple[float, float] = (0.1, 0.35)


def wear_paper(pixels, page, wear: Wear, rng) -> tuple[np.ndarray, np.ndarray | None]:
    """Age a page.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The printed page; changed in place where it is written on.
    page : giraffe.printout.layout.Page
        For its size in mm.
    wear : Wear
    rng : numpy.random.Generator

    Returns
    -------
    pixels : ndarray of uint8, shape (height, width, 3)
    mask : ndarray of uint8, shape (height, width), or None
        255 where there is paper; None for a whole page.
    """
    height, width = pixels.shape[:2]
    write_on(pixels, page, wear, rng)
    fading = even(rng, wear.fading)
    if fading > 0:
        share = np.clip(0.55 + 0.35 * smooth_noise(rng, 3, 4), 0, 1) * fading
        keep = np.rint(255 * (1 - stretch(share, height, width))).astype(np.uint8)
        lost = cv2.multiply(255 - pixels, cv2.merge([keep] * 3), scale=1 / 255)
        pixels = 255 - lost
    shade = _shading(page, wear, rng)
    if shade is not None:
        table = np.rint(255 * np.clip(stretch(shade, height, width), 0, 1)).astype(np.uint8)
        pixels = cv2.multiply(pixels, table, scale=1 / 255)
    return pixels, _torn_mask(page, even(rng, wear.torn), height, width, rng)


def lattice(page) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in mm of the lattice points."""
    y = (np.arange(LATTICE[0], dtype=np.float32) + 0.5) / LATTICE[0] * page.height
    x = (np.arange(LATTICE[1], dtype=np.float32) + 0.5) / LATTICE[1] * page.width
    return np.meshgrid(x, y)


def _shading(page, wear: Wear, rng) -> np.ndarray | None:
    """Share of the light that the worn paper returns, on the lattice, shape (..., 3)."""
    yellowing, wrinkles, soaking = (
        even(rng, bounds) for bounds in (wear.yellowing, wear.wrinkles, wear.soaking)
    )
    num_creases, num_stains = count(rng, wear.creases), count(rng, wear.stains)
    num_folds = several(rng, wear.folds)
    if not (yellowing or wrinkles or soaking or num_creases or num_stains or num_folds):
        return None
    x, y = lattice(page)
    grey = np.ones(LATTICE, np.float32)
    for _ in range(num_creases):
        grey *= _crease(x, y, page, even(rng, wear.crease_strength), rng)
    for _ in range(num_folds):
        grey *= _fold(x, y, page, drawn(rng, wear.fold_strength), rng)
    if wrinkles:
        grey *= 1 - wrinkles * crumpled(x, y, page, rng)
    shade = np.repeat(grey[:, :, None], 3, axis=2)
    brown = np.array([0.25, 0.5, 0.85], np.float32)
    for _ in range(num_stains):
        dark = _stain(x, y, page, even(rng, wear.stain_strength), rng)
        shade *= 1 - dark[:, :, None] * brown
    if soaking:
        shade *= 1 - _soaked(x, y, page, soaking, rng)[:, :, None] * brown
    if yellowing:
        patchy = 0.8 + 0.2 * smooth_noise(rng, 2, 3)
        yellow = np.array([0.04, 0.10, 0.38], np.float32)
        shade *= 1 - yellowing * patchy[:, :, None] * yellow
    return shade


def _line_distance(x, y, page, rng, upright: float):
    """Signed distance in mm from a random line; `upright` is the chance of a steep one."""
    angle = rng.normal(0, 0.08) + (np.pi / 2 if rng.random() < upright else 0)
    share = rng.choice([1 / 3, 1 / 2, 2 / 3]) + rng.normal(0, 0.05)
    cx, cy = page.width * share, page.height * share
    return (x - cx) * -np.sin(angle) + (y - cy) * np.cos(angle)


def _crease(x, y, page, strength: float, rng):
    """A fold: one side a little darker, a bright and a dark edge along the line."""
    d = _line_distance(x, y, page, rng, upright=0.6)
    edge = np.exp(-0.5 * ((d - 0.6) / 0.9) ** 2) - 0.7 * np.exp(-0.5 * ((d + 0.9) / 1.1) ** 2)
    side = 0.25 * strength * np.exp(-np.abs(d) / 45) * np.sign(d)
    return np.clip(1 - strength * 0.8 * -edge * rng.choice([-1, 1]) - np.abs(side), 0, 1.02)


def _fold(x, y, page, strength: float, rng):
    """A strong fold across the whole page: the light changes there, and fibres are broken."""
    upright = rng.random() < 0.6
    across, along, size = (x, y, page.width) if upright else (y, x, page.height)
    share = rng.choice([1 / 4, 1 / 3, 1 / 2, 1 / 2, 2 / 3, 3 / 4]) + rng.normal(0, 0.008)
    d = across - share * size - rng.normal(0, 0.02) * (along - along.mean())
    d = d * rng.choice([-1, 1])
    side = 0.6 * strength * np.where(d > 0, np.exp(-np.abs(d) / rng.uniform(15, 90)), 0)
    edge = strength * np.exp(-0.5 * (d / rng.uniform(0.5, 1.3)) ** 2)
    ridge = 0.5 * strength * np.exp(-0.5 * ((d + 2) / 1.2) ** 2)
    return np.clip(1 - side - edge + ridge, 0, 1.05).astype(np.float32)


def crumpled(x, y, page, rng) -> np.ndarray:
    """Facets of crumpled paper: each random line tilts what lies behind it.

    Parameters
    ----------
    x, y : ndarray
        Coordinates in mm; see `lattice`.

    Returns
    -------
    ndarray of float32
        How dark each point is, from 0 to 1.4, about 0.5.
    """
    light = np.zeros(LATTICE, np.float32)
    for _ in range(10):
        angle, phase = rng.uniform(0, np.pi), rng.uniform(0, 1, 2)
        d = (x - page.width * phase[0]) * np.cos(angle) + (y - page.height * phase[1]) * np.sin(
            angle
        )
        reach, edge = rng.uniform(15, 60), rng.uniform(0.8, 5)
        light += rng.normal(0, 1) * d / ((np.abs(d) + edge) * (1 + (d / reach) ** 2))
    light += 0.5 * smooth_noise(rng, 6, 9)
    light = cv2.GaussianBlur(light, (0, 0), 1.2)
    return np.clip(0.5 - 0.28 * light, 0, 1.4)


def _stain(x, y, page, strength: float, rng):
    """A dried blot: a faint inside and a darker rim of uneven outline."""
    cx, cy = rng.uniform(0, page.width), rng.uniform(0, page.height)
    radius = rng.uniform(8, 38)
    outline = 1 + 0.10 * smooth_noise(rng, 5, 7)
    r = np.hypot(x - cx, (y - cy) * rng.uniform(0.8, 1.25)) / (radius * outline)
    inside = 0.35 * np.clip((1.05 - r) / 0.1, 0, 1)
    rim = np.exp(-0.5 * ((r - 0.97) / rng.uniform(0.02, 0.07)) ** 2)
    return strength * np.clip(inside + rng.uniform(0.3, 0.9) * rim, 0, 1)


def _soaked(x, y, page, strength: float, rng):
    """A corner or side that was wet: darker, with a tide line."""
    angle = rng.uniform(0, 2 * np.pi)
    d = (x - page.width / 2) * np.cos(angle) + (y - page.height / 2) * np.sin(angle)
    d += 9 * smooth_noise(rng, 4, 6) - rng.uniform(0.05, 0.3) * page.width
    wet = 0.45 / (1 + np.exp(np.clip(-d / 2, -30, 30)))
    tide = 0.55 * np.exp(-0.5 * (d / 2.2) ** 2)
    return strength * (wet + tide)


def _torn_mask(page, depth: float, height: int, width: int, rng) -> np.ndarray | None:
    """Paper that is left inside ragged edges."""
    if depth <= 0:
        return None
    points = []
    for corner, (dx, dy), inward in (
        ((0, 0), (1, 0), (0, 1)),
        ((1, 0), (0, 1), (-1, 0)),
        ((1, 1), (-1, 0), (0, -1)),
        ((0, 1), (0, -1), (1, 0)),
    ):
        steps = 40
        rough = np.abs(np.cumsum(rng.normal(0, 0.25, steps)) + rng.normal(0, 0.3, steps))
        rough *= depth * rng.random() / max(rough.max(), 1e-6)
        for i in range(steps):
            u = corner[0] + dx * i / steps + inward[0] * rough[i] / page.width
            v = corner[1] + dy * i / steps + inward[1] * rough[i] / page.height
            points.append((u * width, v * height))
    mask = np.zeros((height, width), np.uint8)
    fixed = np.rint(np.array(points) * 16).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, 4)
    return mask
