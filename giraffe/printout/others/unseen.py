"""Kinds of pictures without a chart that no training shows: for tests alone."""

import cv2
import numpy as np

from giraffe.printout.others import drawing as d
from giraffe.printout.others.views import crop_of

PHOTOGRAPHS = ("chelsea.png", "coffee.png", "gravel.png", "horse.png", "rocket.jpg")
"""Of the pictures inside scikit-image's wheel, those that `views.photograph` does not show."""


def other_photograph(rng, height: int, width: int) -> np.ndarray:
    """A part of a photograph from which no training picture was cut."""
    return crop_of(PHOTOGRAPHS, rng, height, width)


def sheet_music(rng, height: int, width: int) -> np.ndarray:
    """Staves with notes, bars and beams."""
    picture = d.sheet(rng, height, width)
    space = max(width / rng.uniform(70, 150), 3)
    margin, y = width * 0.06, height * 0.08
    pen = max(round(space / 8), 1)
    while y + 4 * space < height:
        for k in range(5):
            d.line(picture, margin, y + k * space, width - margin, y + k * space, (0, 0, 0), pen)
        for x in np.linspace(margin, width - margin, rng.integers(3, 7)):
            d.line(picture, x, y, x, y + 4 * space, (0, 0, 0), pen)
        x, before = margin + 4 * space, None
        while x < width - margin - 2 * space:
            level = y + space * rng.integers(-1, 10) / 2
            centre = int(x), int(level)
            filled = -1 if rng.random() < 0.8 else pen
            across = max(int(space * 0.6), 1), max(int(space * 0.42), 1)
            cv2.ellipse(picture, centre, across, -20, 0, 360, (0, 0, 0), filled, cv2.LINE_AA)
            stem = x + 0.55 * space, level - 3.2 * space
            d.line(picture, stem[0], level, *stem, (0, 0, 0), pen)
            if before and rng.random() < 0.4:
                d.line(picture, *before, *stem, (0, 0, 0), max(int(space * 0.4), 1))
            before = stem
            x += space * rng.uniform(1.8, 4)
        y += space * rng.uniform(8, 12)
    return picture


def street_map(rng, height: int, width: int) -> np.ndarray:
    """Streets, blocks, a river, names."""
    picture = d.sheet(rng, height, width, (238, 234, 226))
    reach = max(height, width)
    for _ in range(rng.integers(2, 7)):
        points = rng.uniform(-0.1, 1.1, 2) * (width, height) + rng.normal(0, reach / 9, (6, 2))
        colour = ((200, 224, 190), (170, 205, 228), (224, 216, 204))[rng.integers(3)]
        cv2.fillPoly(picture, [cv2.convexHull(points.astype(np.int32))], colour, cv2.LINE_AA)
    turn = rng.uniform(0, np.pi)
    for k in range(rng.integers(14, 50)):
        angle = turn + (np.pi / 2) * (k % 2) + rng.normal(0, 0.15)
        centre = rng.random(2) * (width, height)
        along = np.linspace(-reach, reach, 30)
        bend = d.smooth(rng, 30, 3) * reach * rng.choice([0.005, 0.02, 0.06])
        x = centre[0] + along * np.cos(angle) - bend * np.sin(angle)
        y = centre[1] + along * np.sin(angle) + bend * np.cos(angle)
        pen = reach / 1000 * rng.choice([3, 5, 9, 14])
        d.curve(picture, x, y, (190, 186, 180), pen + 2)
        d.curve(picture, x, y, (255, 255, 255) if k % 5 else (250, 215, 130), pen)
    for _ in range(rng.integers(5, 25)):
        x, y = rng.uniform(0, width * 0.9), rng.uniform(0, height)
        d.write(picture, d.sentence(rng, 1).title(), x, y, reach * 0.013, (70, 70, 80))
    return picture


def bar_chart(rng, height: int, width: int) -> np.ndarray:
    """Bars or a pie, with a key."""
    picture = d.sheet(rng, height, width)
    size = max(height, width) * 0.016
    colours = rng.integers(40, 235, (12, 3))
    if rng.random() < 0.6:
        bars = int(rng.integers(3, 12))
        left, bottom = width * 0.1, height * 0.9
        step = (width * 0.85) / bars
        for y in np.linspace(height * 0.1, bottom, 6):
            d.line(picture, left, y, width * 0.95, y, (205, 205, 205))
        for k in range(bars):
            tall = height * 0.78 * rng.random()
            x = left + k * step
            d.box(picture, x + 0.1 * step, bottom - tall, x + 0.9 * step, bottom, colours[k], -1)
            d.write(picture, d.sentence(rng, 1)[:7], x, bottom + 1.5 * size, size)
    else:
        radius = int(min(height, width) * rng.uniform(0.25, 0.42))
        centre = int(width * 0.42), int(height * 0.52)
        ends = np.cumsum(rng.dirichlet(np.ones(int(rng.integers(3, 9))))) * 360
        for k, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            colour = tuple(int(v) for v in colours[k])
            cv2.ellipse(picture, centre, (radius, radius), 0, begin, end, colour, -1, cv2.LINE_AA)
            y = height * 0.1 + 2 * size * k
            d.box(picture, width * 0.8, y - size, width * 0.8 + size, y, colour, -1)
            d.write(picture, d.sentence(rng, 1), width * 0.8 + 1.5 * size, y, size)
    d.write(picture, d.sentence(rng, 4), width * 0.2, height * 0.06, 1.5 * size)
    return picture


def crossword(rng, height: int, width: int) -> np.ndarray:
    """Black and white squares with letters, or a calendar's days."""
    picture = d.sheet(rng, height, width)
    calendar = rng.random() < 0.4
    columns, rows = (7, 6) if calendar else rng.integers(9, 20, 2)
    step = min(width * 0.9 / columns, height * 0.85 / rows)
    left, top = (width - columns * step) / 2, height * 0.97 - rows * step
    for r in range(rows):
        for c in range(columns):
            x, y = left + c * step, top + r * step
            black = not calendar and rng.random() < 0.2
            d.box(picture, x, y, x + step, y + step, (0, 0, 0), -1 if black else 1)
            if calendar:
                day = str(r * 7 + c + 1)
                d.write(picture, day, x + 0.1 * step, y + 0.35 * step, 0.28 * step)
            elif not black and rng.random() < 0.6:
                letter = chr(65 + rng.integers(26))
                d.write(picture, letter, x + 0.25 * step, y + 0.8 * step, 0.65 * step)
    d.write(picture, d.sentence(rng, 2).upper(), left, top - 0.3 * step, 0.5 * step)
    return picture


def chessboard(rng, height: int, width: int) -> np.ndarray:
    """A chess board, with a few men on it."""
    table, dark, light = rng.integers((20, 20, 90), (160, 120, 220), (3, 3)).T
    picture = d.sheet(rng, height, width, table)
    step = min(height, width) * rng.uniform(0.08, 0.12)
    left, top = (width - 8 * step) * rng.random(), (height - 8 * step) * rng.random()
    for r in range(8):
        for c in range(8):
            x, y = left + c * step, top + r * step
            d.box(picture, x, y, x + step, y + step, (dark, light)[(r + c) % 2], -1)
            if rng.random() < 0.3:
                man = chr(0x2654 + rng.integers(12))
                d.write(picture, man, x + 0.1 * step, y + 0.8 * step, 0.8 * step)
    return picture


def sketch(rng, height: int, width: int) -> np.ndarray:
    """A house, trees and the sun, drawn by hand."""
    picture = d.sheet(rng, height, width)
    reach, ink = min(height, width), d.INKS[rng.integers(len(d.INKS))]
    pen = max(reach / 1000 * rng.uniform(2, 6), 1)

    def stroke(points):
        """Lines through points in shares of the picture, with an unsteady hand."""
        points = np.array(points, float) * (width, height)
        t = np.linspace(0, len(points) - 1, 25 * len(points))
        x, y = (np.interp(t, np.arange(len(points)), points[:, k]) for k in range(2))
        shake = reach * 0.004
        x, y = (v + shake * d.smooth(rng, len(t), 3 * len(points)) for v in (x, y))
        d.curve(picture, x, y, ink, pen)

    x, y, w, h = rng.uniform((0.1, 0.5, 0.2, 0.2), (0.4, 0.65, 0.35, 0.3))
    stroke([(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)])
    stroke([(x, y), (x + w / 2, y - h * 0.7), (x + w, y)])
    stroke([(x + w * 0.4, y + h), (x + w * 0.4, y + h * 0.5), (x + w * 0.6, y + h * 0.5),
            (x + w * 0.6, y + h)])  # fmt: skip
    for _ in range(rng.integers(1, 5)):
        tx, ty = rng.uniform((0.05, 0.55), (0.95, 0.75))
        stroke([(tx, ty + 0.2), (tx, ty)])
        turn = np.linspace(0, 2 * np.pi, 12)
        wide = rng.uniform(0.03, 0.09)
        stroke(np.stack([tx + wide * np.cos(turn), ty - wide + wide * np.sin(turn)], axis=1))
    sun = rng.uniform((0.1, 0.1), (0.9, 0.25))
    for angle in np.linspace(0, 2 * np.pi, 10):
        ray = np.array([np.cos(angle), np.sin(angle)])
        stroke([sun + 0.03 * ray, sun + 0.09 * ray])
    stroke([(0.0, y + h), (1.0, y + h + rng.normal(0, 0.02))])
    return picture
