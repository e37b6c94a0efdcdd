"""What a camera or a screen shows that is no paper: photographs, textures, programs."""

from functools import lru_cache
from importlib.resources import files

import cv2
import numpy as np
from PIL import Image

from giraffe.printout.others import drawing as d

PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "coins.png", "grass.png",
    "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "page.png", "retina.jpg",
)  # fmt: skip
"""Of the pictures inside scikit-image's wheel, those for training; see also `unseen`."""


@lru_cache(maxsize=24)
def _load(name: str) -> np.ndarray:
    with (files("skimage") / "data" / name).open("rb") as file:
        return np.asarray(Image.open(file).convert("RGB"))


def crop_of(names, rng, height: int, width: int) -> np.ndarray:
    """A part of one of scikit-image's pictures, perhaps mirrored or in other colours.

    Parameters
    ----------
    names : sequence of str
        Files of ``skimage/data``.
    height, width : int
        In px.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    whole = _load(str(rng.choice(names)))
    largest = min(whole.shape[0] / height, whole.shape[1] / width)
    share = rng.uniform(0.35, 1.0) * largest
    rows, columns = max(int(height * share), 8), max(int(width * share), 8)
    top = int(rng.integers(0, max(whole.shape[0] - rows, 0) + 1))
    left = int(rng.integers(0, max(whole.shape[1] - columns, 0) + 1))
    part = whole[top : top + rows, left : left + columns]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    if rng.random() < 0.3:
        part = part[:, :, rng.permutation(3)]
    method = cv2.INTER_AREA if share > 1 else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(part), (width, height), interpolation=method)


def photograph(rng, height: int, width: int) -> np.ndarray:
    """A part of a photograph."""
    return crop_of(PHOTOGRAPHS, rng, height, width)


def texture(rng, height: int, width: int) -> np.ndarray:
    """Clouds, gradients, cloth, stripes and shapes: colours without a meaning."""
    low, high = rng.integers(0, 256, (2, 3)).astype(np.float32)
    rows, columns = (int(2 ** rng.uniform(0.5, 6)) for _ in range(2))
    # Drawn small: nothing in it is fine.
    field = d.smooth_field(rng, rows, columns, 128, 128)
    if rng.random() < 0.5:
        field += 0.5 * d.smooth_field(rng, 3 * rows, 3 * columns, 128, 128)
    if rng.random() < 0.3:
        field = np.sin(field * rng.uniform(2, 8))
    share = np.clip(0.5 + 0.35 * field, 0, 1)[:, :, None]
    small = (low * (1 - share) + high * share).astype(np.uint8)
    picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.3:  # threads or planks
        step = max(height, width) / rng.uniform(15, 120)
        colour = tuple(int(v) for v in low)
        for x in np.arange(0, width, step):
            d.line(picture, x, 0, x, height, colour)
        if rng.random() < 0.5:
            for y in np.arange(0, height, step):
                d.line(picture, 0, y, width, y, colour)
    if rng.random() < 0.5:
        for _ in range(rng.integers(1, 25)):
            colour = tuple(int(v) for v in rng.integers(0, 256, 3))
            centre = int(rng.integers(width)), int(rng.integers(height))
            reach = int(max(height, width) * rng.uniform(0.01, 0.15))
            kind = rng.integers(3)
            if kind == 0:
                cv2.circle(picture, centre, reach, colour, -1, cv2.LINE_AA)
            elif kind == 1:
                across = reach, max(int(reach * rng.uniform(0.2, 1)), 1)
                cv2.ellipse(picture, centre, across, float(rng.uniform(0, 180)), 0, 360, colour, -1)
            else:
                points = np.array(centre) + rng.integers(-reach, reach + 1, (rng.integers(3, 7), 2))
                cv2.fillPoly(picture, [points.astype(np.int32)], colour, cv2.LINE_AA)
    return picture


def screenshot(rng, height: int, width: int) -> np.ndarray:
    """A program or a web page: bars, menus, panes with words, lists, pictures and diagrams."""
    dark = rng.random() < 0.3
    base, ink = ((35, 37, 42), (220, 222, 225)) if dark else ((250, 250, 252), (30, 32, 36))
    picture = d.sheet(rng, height, width, base)
    accent = tuple(int(v) for v in rng.integers(30, 220, 3))
    font = str(rng.choice(d.FONTS[:5]))
    size = max(max(height, width) * rng.uniform(0.009, 0.018), 6)
    bar = int(size * 2.4)
    d.box(picture, 0, 0, width, bar, accent, -1)
    d.write(picture, d.sentence(rng, 8), size, 1.6 * size, size, (255, 255, 255), font)
    side = int(width * rng.choice([0.0, 0.18, 0.28]))
    pane = tuple(int(np.clip(v + (18 if dark else -14), 0, 255)) for v in base)
    d.box(picture, 0, bar, side, height, pane, -1)
    if side:
        for y in np.arange(bar + 2 * size, height, 2.2 * size):
            words = d.sentence(rng, int(rng.integers(1, 4)))[: int(side / (0.62 * size))]
            d.write(picture, words, size, y, size, ink, font)
    y = bar + size
    while y < height - 4 * size:
        tall = height * rng.uniform(0.08, 0.4)
        edges = np.linspace(side, width, int(rng.integers(1, 5)) + 1)
        for left, right in zip(edges[:-1] + size, edges[1:] - size, strict=True):
            if right - left < 4 * size:
                continue
            _pane(picture, rng, left, y, right, min(y + tall, height), size, (ink, accent), font)
        y += tall + 1.5 * size
    return picture


def _pane(picture, rng, left, top, right, bottom, size, colours, font) -> None:
    ink, accent = colours
    kind = rng.integers(5)
    if kind == 0:
        lines = int((bottom - top) / (1.45 * size))
        d.paragraph(picture, rng, left, top + size, right, lines, size, colour=ink, font=font)
    elif kind == 1:
        part = picture[int(top) : int(bottom), int(left) : int(right)]
        if min(part.shape[:2]) > 8:
            part[:] = photograph(rng, *part.shape[:2])
    elif kind == 2:
        d.box(picture, left, top, right, bottom, accent)
        for y in np.arange(top + 1.6 * size, bottom, 1.6 * size):
            d.line(picture, left, y, right, y, (128, 128, 128))
            for x in np.linspace(left, right, 5)[:-1]:
                d.write(picture, str(rng.integers(10000)), x + 4, y - 3, size, ink, font)
    elif kind == 3:  # a sparkline or a monitor's trend
        d.box(picture, left, top, right, bottom, (128, 128, 128))
        x = np.linspace(left, right, 200)
        y = (top + bottom) / 2 + (bottom - top) * 0.2 * d.smooth(rng, 200, rng.integers(4, 90))
        d.curve(picture, x, np.clip(y, top, bottom), accent, 1)
    else:
        for k, x in enumerate(np.arange(left, right - 3 * size, 5 * size)):
            filled = -1 if (k + rng.integers(2)) % 2 else 1
            d.box(picture, x, top, x + 4 * size, top + 1.8 * size, accent, filled)
            d.write(picture, d.sentence(rng, 1)[:6], x + 4, top + 1.3 * size, size, ink, font)
