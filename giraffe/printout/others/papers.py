"""Papers without any curve: letters, forms, tables, reports, empty graph paper, codes."""

from itertools import pairwise

import cv2
import numpy as np

from giraffe.printout.others import drawing as d

STATEMENTS = (
    "Sinus rhythm", "Normal ECG", "Sinus bradycardia", "Left axis deviation", "Abnormal ECG",
    "Nonspecific T wave abnormality", "Possible inferior infarct, age undetermined",
    "Left ventricular hypertrophy", "Incomplete right bundle branch block", "Unconfirmed report",
    "Atrial fibrillation", "Borderline ECG", "ST depression in lateral leads", "PVC's",
)  # fmt: skip
MEASUREMENTS = (
    ("Vent. rate", "bpm"), ("PR interval", "ms"), ("QRS duration", "ms"), ("QT/QTc", "ms"),
    ("P-R-T axes", "deg"), ("RV5/SV1", "mV"), ("P duration", "ms"), ("RR interval", "ms"),
)  # fmt: skip


def _type(rng, width: int) -> dict:
    return {
        "font": d.FONTS[rng.integers(len(d.FONTS))],
        "colour": d.INKS[rng.integers(3)],
    }


def _size(rng, height: int, width: int, low: float = 0.011, high: float = 0.024) -> float:
    """Of letters in px, as a share of the longer side."""
    return max(max(height, width) * rng.uniform(low, high), 6)


def blank_paper(rng, height: int, width: int) -> np.ndarray:
    """Nothing, or a spot, a fold, a punched hole."""
    picture = d.sheet(rng, height, width)
    if rng.random() < 0.3:
        x = width * rng.uniform(0.1, 0.9)
        d.line(
            picture, x, 0, x + rng.normal(0, 4), height, (205, 205, 205), int(rng.integers(1, 4))
        )
    for _ in range(rng.integers(0, 4)):
        centre = int(rng.integers(width)), int(rng.integers(height))
        grey = int(rng.integers(20, 235))
        cv2.circle(picture, centre, int(rng.integers(1, 10)), (grey,) * 3, -1, cv2.LINE_AA)
    return picture


def letter(rng, height: int, width: int) -> np.ndarray:
    """A typed letter or a page of a book, in one or two columns."""
    picture = d.sheet(rng, height, width)
    size, ink = _size(rng, height, width), _type(rng, width)
    margin = width * rng.uniform(0.04, 0.12)
    y = height * rng.uniform(0.04, 0.12)
    if rng.random() < 0.7:
        y = d.paragraph(picture, rng, margin, y, width * 0.4, rng.integers(1, 5), size, **ink)
        d.write(picture, "12/05/2018", width * 0.7, y, size, **ink)
        d.write(picture, d.sentence(rng, 4), margin, y + 3 * size, size * 1.4, **ink)
        y += 6 * size
    columns = int(rng.choice([1, 1, 2]))
    step = (width - 2 * margin) / columns
    for k in range(columns):
        below = y
        while below < height * 0.92:
            lines = int(rng.integers(2, 9))
            left = margin + k * step
            below = d.paragraph(picture, rng, left, below, left + step * 0.94, lines, size, **ink)
            below += size * rng.uniform(0.4, 3)
    if rng.random() < 0.5:
        d.scribble(picture, rng, margin, height * 0.95, width * 0.25, 2.5 * size)
    return picture


def form(rng, height: int, width: int) -> np.ndarray:
    """Fields in boxes, some filled in by hand, and little boxes to tick."""
    picture = d.sheet(rng, height, width)
    size, ink = _size(rng, height, width, 0.010, 0.018), _type(rng, width)
    rule = d.GRID_COLOURS[rng.integers(len(d.GRID_COLOURS))][0] if rng.random() < 0.5 else (0, 0, 0)
    margin, y = width * 0.05, height * 0.05
    d.write(picture, d.sentence(rng, 4), margin, y + size, size * 1.7, **ink)
    y += 3 * size
    while y < height * 0.93:
        tall = size * rng.uniform(2, 4)
        edges = np.sort(rng.uniform(margin, width - margin, rng.integers(0, 4)))
        edges = [margin, *edges, width - margin]
        for left, right in pairwise(edges):
            d.box(picture, left, y, right, y + tall, rule)
            d.write(picture, d.sentence(rng, 1), left + 3, y + size, size * 0.8, **ink)
            chance = rng.random()
            if chance < 0.35 and right - left > 6 * size:
                length = (right - left) * rng.uniform(0.3, 0.8)
                d.scribble(picture, rng, left + size, y + tall * 0.85, length, size * 1.2)
            elif chance < 0.6:
                x = left + 0.5 * (right - left)
                d.box(picture, x, y + tall * 0.4, x + size, y + tall * 0.4 + size, rule)
                if rng.random() < 0.5:
                    d.write(picture, "x", x + 2, y + tall * 0.4 + size * 0.9, size * 1.2, **ink)
        y += tall if rng.random() < 0.75 else tall + 2 * size
    return picture


def table(rng, height: int, width: int) -> np.ndarray:
    """Numbers in rows and columns, ruled or not."""
    picture = d.sheet(rng, height, width)
    columns, rows = int(rng.integers(3, 15)), int(rng.integers(6, 40))
    left, top = width * rng.uniform(0, 0.1), height * rng.uniform(0.01, 0.15)
    across, down = (width - 2 * left) / columns, (height - top * 1.3) / (rows + 1)
    size = float(np.clip(min(down * 0.7, across / 4.5), 5, 40))
    ink = _type(rng, width)
    rules = rng.random(2) < (0.6, 0.7)
    colour = (int(rng.integers(0, 200)),) * 3
    shaded = rng.random() < 0.3
    # Lead names head the measurement tables of ECG reports.
    heads = d.LEAD_NAMES if rng.random() < 0.35 else d.WORDS
    digits = int(rng.integers(0, 3))
    values = rng.normal(0, 10 ** rng.uniform(0, 3), (rows + 1, columns))
    for r in range(rows + 1):
        y = top + r * down
        if shaded and r % 2:
            d.box(picture, left, y, width - left, y + down, (232, 236, 240), -1)
        if rules[0]:
            d.line(picture, left, y, width - left, y, colour)
        for c in range(columns):
            if r == 0 or c == 0:
                text = heads[(r + c) % len(heads)] if len(heads) == 12 else str(rng.choice(heads))
            else:
                text = f"{values[r, c]:.{digits}f}"
            d.write(picture, text[:9], left + c * across + 3, y + down * 0.75, size, **ink)
    if rules[1]:
        for c in range(columns + 1):
            d.line(
                picture, left + c * across, top, left + c * across, top + (rows + 1) * down, colour
            )
    if top > 3 * size:
        d.write(picture, d.sentence(rng, 4), left + 3, top * 0.6, size * 1.3, **ink)
    return picture


def report(rng, height: int, width: int) -> np.ndarray:
    """The words of an ECG report without its curves, on white or on its empty grid."""
    spacing = max(height, width) / rng.uniform(180, 320)
    on_grid = rng.random() < 0.4
    picture = d.graph_paper(rng, height, width, spacing) if on_grid else d.sheet(rng, height, width)
    size, ink = _size(rng, height, width), _type(rng, width)
    x, y = width * rng.uniform(0.02, 0.1), height * 0.03 + size
    d.write(picture, f"ID: {rng.integers(10**8)}", x, y, size, **ink)
    d.write(picture, f"{rng.integers(18, 95)} years   Male", x, y + 1.5 * size, size, **ink)
    d.write(picture, "12-LEAD ECG", width * 0.5, y, size * 1.4, **ink)
    d.write(picture, "25 mm/s 10 mm/mV 0.05-150 Hz", width * 0.5, y + 2 * size, size, **ink)
    y += 5 * size
    aside = width * rng.uniform(0.35, 0.6)
    lines = max(len(MEASUREMENTS), 1)
    for k, (name, unit) in enumerate(MEASUREMENTS):
        here = y + 1.5 * size * k
        d.write(picture, name, x, here, size, **ink)
        d.write(picture, f"{rng.integers(30, 460)} {unit}", x + 9 * size, here, size, **ink)
    for k in range(rng.integers(2, lines)):
        text = STATEMENTS[rng.integers(len(STATEMENTS))]
        d.write(picture, text, aside, y + 1.5 * size * k, size, **ink)
    y += 1.5 * size * (lines + 2)
    if rng.random() < 0.6:
        heads = ("lead", "P", "Q", "R", "S", "ST", "T")
        step = min((width - 2 * x) / len(heads), 6 * size)
        values = rng.normal(0, 0.6, (13, len(heads)))
        for r in range(13):
            for c, head in enumerate(heads):
                text = head if r == 0 else d.LEAD_NAMES[r - 1] if c == 0 else f"{values[r, c]:.2f}"
                d.write(picture, text, x + c * step, y + 1.4 * size * r, size, **ink)
        y += 20 * size
    if rng.random() < 0.5:
        d.scribble(picture, rng, aside, min(y, height * 0.9), width * 0.3, 2 * size)
    return picture


def grid_paper(rng, height: int, width: int) -> np.ndarray:
    """Graph paper with nothing on it but, perhaps, a frame and words at its border."""
    spacing = max(height, width) / rng.uniform(60, 320)
    picture = d.graph_paper(rng, height, width, spacing)
    if rng.random() < 0.4:
        edge = int(min(height, width) * rng.uniform(0.03, 0.15))
        whole = d.sheet(rng, height, width)
        whole[edge : height - edge, edge : width - edge] = picture[edge:-edge, edge:-edge]
        picture = whole
        if rng.random() < 0.6:
            size = min(_size(rng, height, width), edge * 0.7)
            d.write(picture, d.sentence(rng, 5), edge, edge * 0.7, size)
            d.write(picture, "25 mm/s  10 mm/mV", edge, height - edge * 0.3, size)
    return picture


def written_grid(rng, height: int, width: int) -> np.ndarray:
    """Squared paper that was written and drawn on: notes, sums, a sketched curve, a circle."""
    picture = d.graph_paper(rng, height, width, max(height, width) / rng.uniform(40, 250))
    size = _size(rng, height, width, 0.015, 0.05)
    y = height * rng.uniform(0.05, 0.3)
    colour = d.INKS[rng.integers(len(d.INKS))]
    for _ in range(rng.integers(2, 14)):
        if y > height:
            break
        x = width * rng.uniform(0.03, 0.4)
        d.scribble(picture, rng, x, y, (width - x) * rng.uniform(0.2, 0.95), size, colour)
        y += size * rng.uniform(1.4, 3.5)
    for _ in range(rng.integers(0, 3)):
        centre = rng.uniform(0.2, 0.8, 2) * (width, height)
        across = size * rng.uniform(1, 6)
        turn = np.linspace(0, 2 * np.pi * rng.uniform(0.5, 1.1), 40)
        x = centre[0] + across * np.cos(turn) * rng.uniform(0.5, 2)
        d.curve(picture, x, centre[1] + across * np.sin(turn), colour, size * 0.08)
    if rng.random() < 0.4:  # a curve sketched between two axes
        left, right = np.sort(rng.uniform(0.05, 0.95, 2)) * width
        x = np.linspace(left, right, 120)
        level = height * rng.uniform(0.4, 0.9)
        y = level - np.abs(d.smooth(rng, 120, rng.integers(1, 6))) * height * 0.1
        d.curve(picture, x, y, colour, size * 0.08)
        d.line(picture, left, level, right, level, colour, 2)
        d.line(picture, left, level, left, level - height * 0.25, colour, 2)
    return picture


def codes(rng, height: int, width: int) -> np.ndarray:
    """Bar codes and square codes, on labels and parcels."""
    picture = d.sheet(rng, height, width)
    size, ink = _size(rng, height, width), _type(rng, width)
    for _ in range(rng.integers(1, 6)):
        side = int(min(height, width) * rng.uniform(0.15, 0.7))
        left, top = int(rng.uniform(0, width - side)), int(rng.uniform(0, height - side))
        if rng.random() < 0.5:
            modules = int(rng.integers(21, 45))
            cells = (rng.random((modules, modules)) < 0.5).astype(np.uint8) * 255
            for r, c in ((0, 0), (0, modules - 7), (modules - 7, 0)):
                cells[r : r + 7, c : c + 7] = 255
                cells[r + 1 : r + 6, c + 1 : c + 6] = 0
                cells[r + 2 : r + 5, c + 2 : c + 5] = 255
            mask = cv2.resize(cells, (side, side), interpolation=cv2.INTER_NEAREST)
        else:
            bars = np.repeat(rng.integers(0, 2, 70) * 255, rng.integers(1, 4, 70)).astype(np.uint8)
            tall = max(int(side * rng.uniform(0.25, 0.7)), 2)
            mask = cv2.resize(bars[None], (side, tall), interpolation=cv2.INTER_NEAREST)
        room = max(side // 20, 2)
        d.box(picture, left - room, top - room, left + side + room, top + side + room,
              (255, 255, 255), -1)  # fmt: skip
        d.lay(picture, mask, left, top, ink["colour"])
        number = str(rng.integers(10**11, 10**12))
        d.write(picture, number, left, top + mask.shape[0] + size, size, **ink)
    return picture
