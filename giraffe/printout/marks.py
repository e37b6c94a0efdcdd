"""What people and programs put onto a printed page: writing, marks, stamps, patches, watermarks.

Positions are in mm; everything is drawn into the page's picture in place. Marks leave the traces
readable: what is opaque stays off the chart, what lies on the chart is thin or translucent.
"""

import cv2
import numpy as np

from giraffe.printout.chance import count, even, several, smooth_noise
from giraffe.printout.layout import Text
from giraffe.printout.render import text_box, text_coverage

WORDS = (
    "sinus", "normal", "chest pain", "dyspnoea", "syncope", "follow up", "ECG", "cardiology",
    "review", "BP normal", "no change", "see notes", "palpitations", "ward", "troponin",
    "repeat", "copy", "HR", "aspirin", "echo",
)  # fmt: skip
NOTES = (
    "ST?",
    "!",
    "P",
    "QT",
    "old?",
    "here",
    "MI?",
    "Q",
    "cf. prior",
    "LBBB?",
    "1",
    "2",
    "3",
    "A",
)
WATERMARKS = ("SAMPLE", "COPY", "CONFIDENTIAL", "PREVIEW", "TEACHING", "DRAFT", "ECG CASES")
SITES = ("www.ecg-cases.example", "(c) heart rounds", "ecg of the week", "@rhythmstrips",
         "Case 27 - heartbook.example", "Figure 3")  # fmt: skip
# An italic whose letters lean and swing, free and shipped with matplotlib; it has letters only.
HAND_FONT = "cmmi10"
PENS = ((20, 30, 120), (15, 15, 20), (150, 25, 30), (30, 50, 160))
MARKERS = ((255, 165, 60), (90, 190, 235), (250, 235, 70), (150, 230, 110), (250, 140, 190))
ARROWS = ((215, 30, 35), (25, 80, 215), (240, 130, 20), (20, 150, 60), (15, 15, 15))


def write_on(pixels, page, wear, rng) -> None:
    """Write on a page whatever its wear asks for.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Changed in place.
    page : giraffe.printout.layout.Page
    wear : giraffe.printout.wear.Wear
    rng : numpy.random.Generator
    """
    for _ in range(count(rng, wear.words)):
        x = rng.uniform(0.04, 0.72) * page.width
        y = rng.choice([rng.uniform(0.03, 0.22), rng.uniform(0.93, 0.98)]) * page.height
        write_word(pixels, page, str(rng.choice(WORDS)), x, y, rng)
    for _ in range(count(rng, wear.pen_marks)):
        _pen_mark(pixels, page, rng)
    for _ in range(count(rng, wear.stamps)):
        _stamp(pixels, page, rng)
    for mean, draw in (
        (wear.highlights, _highlight),
        (wear.arrows, _arrow),
        (wear.rings, _ring),
        (wear.notes, _note),
        (wear.patches, _patch),
        (wear.redactions, _redaction),
        (wear.watermarks, _watermark),
    ):
        for _ in range(several(rng, mean)):
            draw(pixels, page, rng)


def _scale(pixels, page) -> tuple[float, float]:
    """px/mm along x and y."""
    return pixels.shape[1] / page.width, pixels.shape[0] / page.height


def _fixed(x, y) -> np.ndarray:
    """Points in px as OpenCV draws them with four bits after the point."""
    return np.rint(np.stack([x, y], axis=1) * 16).astype(np.int32)


# Writing


def _ink_colour(rng):
    return PENS[rng.integers(4)]


def write_word(pixels, page, word: str, x: float, y: float, rng, points: float | None = None):
    """Write a word by hand: leaning letters on an uneven line, in place.

    Parameters
    ----------
    x, y : float
        Left end of the baseline in mm.
    points : float, optional
        Size of the letters.
    """
    sx, sy = _scale(pixels, page)
    # Whole points, so that letters are drawn once and kept.
    colour, size = _ink_colour(rng), points or int(rng.integers(13, 21))
    strength = rng.uniform(0.75, 0.95)
    slope = rng.normal(0, 0.05)
    for letter in word:
        wobble = rng.normal(0, 0.35)
        if letter != " ":
            text = Text(letter, x, y + wobble, size)
            lay_text(pixels, text, HAND_FONT, sx, sy, colour, strength)
        step = 0.19 * size * (0.55 if letter in "iltj 1" else 1.0)
        x, y = x + step, y + slope * step


def lay_text(pixels, text: Text, font: str, sx: float, sy: float, colour, strength: float) -> None:
    """Print a text onto a picture, in place, with ink that lets some paper through."""
    top, left, coverage = text_coverage(text, font, sx, sy, *pixels.shape[:2])
    part = pixels[top : top + coverage.shape[0], left : left + coverage.shape[1]]
    share = strength * coverage[:, :, None]
    ink = np.array(colour, np.float32)
    part[:] = (part * (1 - share) + ink * share + 0.5).astype(np.uint8)


def _pen_mark(pixels, page, rng) -> None:
    """A ring around a beat, or a line under it."""
    height, width = pixels.shape[:2]
    cx, cy = rng.uniform(0.1, 0.9) * width, rng.uniform(0.35, 0.95) * height
    sx, sy = _scale(pixels, page)
    if rng.random() < 0.5:
        t = np.linspace(0, 2 * np.pi * rng.uniform(0.95, 1.1), 40)
        rx, ry = rng.uniform(6, 16), rng.uniform(6, 14)
        x = cx + rx * sx * np.cos(t) * (1 + 0.03 * t)
        y = cy + ry * sy * np.sin(t)
    else:
        x = cx + np.linspace(0, rng.uniform(10, 50), 30) * sx
        y = cy + (np.cumsum(rng.normal(0, 0.15, 30))) * sy
    thickness = max(1, round(0.45 * sx))
    cv2.polylines(pixels, [_fixed(x, y)], False, _ink_colour(rng), thickness, cv2.LINE_AA, 4)


def _stamp(pixels, page, rng) -> None:
    """A framed stamp of a department, turned a little, with ink that did not take everywhere."""
    sx, sy = _scale(pixels, page)
    x, y = rng.uniform(0.5, 0.85) * page.width, rng.uniform(0.04, 0.2) * page.height
    w, h = rng.uniform(30, 46), rng.uniform(10, 15)
    layer = np.full((round(h * sy) + 2, round(w * sx) + 2, 3), 255, np.uint8)
    colour = [(60, 60, 170), (170, 40, 60), (40, 120, 80)][rng.integers(3)]
    thickness = max(1, round(0.5 * sx))
    corner = (layer.shape[1] - 2, layer.shape[0] - 2)
    cv2.rectangle(layer, (1, 1), corner, colour, thickness, cv2.LINE_AA)
    word = str(rng.choice(["CARDIOLOGY", "RECEIVED", "COPY", "WARD 7", "SEEN"]))
    lay_text(layer, Text(word, 4, 0.7 * h, 13), "DejaVuSans-Bold", sx, sy, colour, 0.9)
    centre = (layer.shape[1] / 2, layer.shape[0] / 2)
    turn = cv2.getRotationMatrix2D(centre, rng.uniform(-8, 8), 1.0)
    layer = cv2.warpAffine(layer, turn, layer.shape[1::-1], borderValue=(255, 255, 255))
    blotchy = 0.75 + 0.25 * smooth_noise(rng, 6, 12, layer.shape[:2])
    faded = 255 - (255 - layer) * np.clip(blotchy, 0.2, 1)[:, :, None]
    top, left = int(y * sy), int(x * sx)
    part = pixels[top : top + layer.shape[0], left : left + layer.shape[1]]
    faded = faded[: part.shape[0], : part.shape[1]].astype(np.uint8)
    part[:] = cv2.multiply(part, faded, scale=1 / 255)


# Marks on the chart


def _wave(page, rng) -> tuple[float, float]:
    """A place on a trace's baseline, in mm."""
    if not page.strips:
        return rng.uniform(0.1, 0.9) * page.width, rng.uniform(0.3, 0.9) * page.height
    strip = page.strips[rng.integers(len(page.strips))]
    length = (strip.stop - strip.start) * page.speed
    return strip.x + rng.uniform(0.05, 0.95) * length, strip.baseline


def _highlight(pixels, page, rng) -> None:
    """One or more waves of a lead under a translucent marker: a hump, or a rectangle."""
    sx, sy = _scale(pixels, page)
    colour = np.array(MARKERS[rng.integers(len(MARKERS))]) / 255
    hump = rng.random() < 0.5
    x, y = _wave(page, rng)
    w, h = (rng.uniform(3, 9), rng.uniform(3, 11)) if hump else (rng.uniform(3, 30), 0.0)
    t = np.linspace(0, np.pi, 12)
    if hump:
        outline = x + w / 2 * np.cos(t), y + rng.choice([-1, 1]) * h * np.sin(t)
    else:
        above, below = rng.uniform(1, 12), rng.uniform(1, 9)
        outline = np.array([x, x + w, x + w, x]), np.array([y - above, y - above, y + below,
                                                            y + below])  # fmt: skip
    outline = outline[0] * sx, outline[1] * sy
    left, top = max(int(outline[0].min()) - 1, 0), max(int(outline[1].min()) - 1, 0)
    part = pixels[top : int(outline[1].max()) + 2, left : int(outline[0].max()) + 2]
    if not part.size:
        return
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(mask, [_fixed(outline[0] - left, outline[1] - top)], 255, cv2.LINE_AA, 4)
    depth = (mask / 255 * rng.uniform(0.5, 1))[:, :, None]
    part[:] = (part * (1 - depth * (1 - colour))).astype(np.uint8)


def _arrow(pixels, page, rng) -> None:
    """An arrow that points to a wave."""
    sx, sy = _scale(pixels, page)
    x, y = _wave(page, rng)
    tip = np.array([x, y + rng.choice([-1, 1]) * rng.uniform(2, 6)])
    length = rng.uniform(4, 14)
    angle = (np.pi / 2 if tip[1] > y else -np.pi / 2) + rng.normal(0, 0.4)
    tail = tip + length * np.array([np.cos(angle), np.sin(angle)])
    ends = np.rint(np.stack([tail, tip]) * (sx, sy)).astype(int).tolist()
    colour = ARROWS[rng.integers(len(ARROWS))]
    thickness = max(1, round(rng.uniform(0.4, 1.0) * sx))
    head = rng.uniform(1.5, 3) / length
    cv2.arrowedLine(pixels, ends[0], ends[1], colour, thickness, cv2.LINE_AA, 0, head)


def _ring(pixels, page, rng) -> None:
    """A coloured ellipse around a beat, or a line under a few of them."""
    sx, sy = _scale(pixels, page)
    x, y = _wave(page, rng)
    colour = ARROWS[rng.integers(len(ARROWS))]
    thickness = max(1, round(rng.uniform(0.3, 0.8) * sx))
    if rng.random() < 0.6:
        t = np.linspace(0, 2 * np.pi, 40)
        outline = _fixed((x + rng.uniform(3, 14) * np.cos(t)) * sx,
                         (y - 2 + rng.uniform(4, 13) * np.sin(t)) * sy)  # fmt: skip
    else:
        along = np.array([0, rng.uniform(6, 40)])
        outline = _fixed((x + along) * sx, np.full(2, y + rng.uniform(3, 9)) * sy)
    cv2.polylines(pixels, [outline], False, colour, thickness, cv2.LINE_AA, 4)


def _note(pixels, page, rng) -> None:
    """A word or a sign by hand anywhere on the page."""
    x, y = rng.uniform(0.03, 0.9) * page.width, rng.uniform(0.06, 0.97) * page.height
    word = str(rng.choice(NOTES if rng.random() < 0.6 else WORDS))
    write_word(pixels, page, word, x, y, rng, int(rng.integers(10, 24)))


# What covers


def _off_chart(page, rng) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom of something outside the chart: a text, or a place without."""
    left, top, right, bottom = page.chart
    texts = [text_box(t, t.font or page.font) for t in page.texts if t.kind != "lead"]
    texts = [box for box in texts if box[3] < top or box[1] > bottom]
    if texts and rng.random() < 0.7:
        box = texts[rng.integers(len(texts))]
        share = rng.uniform(0, 0.4) * (box[2] - box[0])
        return box[0] + share, box[1] - 0.7, box[2] + rng.uniform(-1, 6), box[3] + 0.7
    width, height = rng.uniform(8, 70), rng.uniform(3, 9)
    if rng.random() < 0.3:  # beside the chart
        x = rng.choice([-width / 2, page.width - width / 3])
        width = min(width, max(2.0, 2 * min(left, page.width - right)))
        y = rng.uniform(0, page.height)
        x = left - width if x < 0 else right
        return x, y, x + width, y + height
    above, below = top, page.height - bottom
    if max(above, below) < 3:
        return None
    x = rng.uniform(0, max(page.width - width, 1))
    if rng.random() < above / (above + max(below, 0)):
        y = rng.uniform(0, max(above - height, 0.1))
        return x, y, x + width, min(y + height, top)
    y = rng.uniform(bottom, max(page.height - height, bottom + 0.1))
    return x, y, x + width, y + height


def _cover(pixels, page, box, colour, rim=None) -> None:
    sx, sy = _scale(pixels, page)
    begin = (round(box[0] * sx), round(box[1] * sy))
    end = (round(box[2] * sx), round(box[3] * sy))
    cv2.rectangle(pixels, begin, end, colour, -1)
    if rim is not None:
        cv2.rectangle(pixels, begin, end, rim, 1)


def _redaction(pixels, page, rng) -> None:
    """A bar, mostly black, over what names the patient, or a stripe along a border."""
    level = int(rng.choice([0, 0, 0, 12, 128, 255]))
    if rng.random() < 0.15:
        left, top, _, bottom = page.chart
        depth = rng.uniform(2, 6)
        box = (
            (0, 0, page.width, min(depth, max(top, 0))),
            (0, max(page.height - depth, bottom), page.width, page.height),
            (0, 0, min(depth, left), page.height),
        )[rng.integers(3)]
    else:
        box = _off_chart(page, rng)
    if box is not None:
        _cover(pixels, page, box, (level,) * 3)


def _patch(pixels, page, rng) -> None:
    """A sticker or a piece of paper over a text, white or pale, sometimes with print on it."""
    box = _off_chart(page, rng)
    if box is None:
        return
    base = np.array([(255, 255, 255), (252, 252, 248), (255, 250, 200), (225, 238, 250)])
    colour = base[rng.choice(4, p=[0.45, 0.3, 0.15, 0.1])]
    _cover(pixels, page, box, colour.tolist(), (colour - 45).tolist())
    sx, sy = _scale(pixels, page)
    if rng.random() < 0.5 and box[2] - box[0] > 20:
        number = Text(str(rng.integers(10**6, 10**8)), box[0] + 2, box[3] - 1, 8)
        lay_text(pixels, number, "DejaVuSansMono", sx, sy, (30, 30, 35), 0.9)


def _watermark(pixels, page, rng) -> None:
    """Large pale letters across the page, or a small name of a site anywhere."""
    sx, sy = _scale(pixels, page)
    tone = [(90, 90, 95), (200, 60, 60), (60, 90, 190)][rng.integers(3)]
    if rng.random() < 0.55:
        x, y = rng.uniform(0.02, 0.75) * page.width, rng.uniform(0.05, 0.98) * page.height
        points, strength = int(rng.integers(8, 15)), even(rng, (0.4, 0.9))
        text = Text(str(rng.choice(SITES)), x, y, points)
        lay_text(pixels, text, "DejaVuSans", sx, sy, tone, strength)
        return
    height, width = pixels.shape[:2]
    word, points = str(rng.choice(WATERMARKS)), int(rng.integers(60, 120))
    small = 256 / page.height  # px/mm of the layer, which is pale and large
    size = round(page.width * small), 256
    extent = 0.25 * points * len(word)
    text = Text(word, (page.width - extent) / 2, page.height / 2 + points / 8, points)
    layer = np.zeros((size[1], size[0]), np.float32)
    top, left, coverage = text_coverage(text, "DejaVuSans-Bold", small, small, *layer.shape)
    layer[top : top + coverage.shape[0], left : left + coverage.shape[1]] = coverage
    turn = cv2.getRotationMatrix2D((size[0] / 2, 128), rng.uniform(-5, 40), 1.0)
    turn[:, 2] += rng.normal(0, 20, 2)
    depth = cv2.warpAffine(layer, turn, size) * even(rng, (0.08, 0.3))
    field = 255 - depth[:, :, None] * (255 - np.array(tone, np.float32))
    table = cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR)
    cv2.multiply(pixels, table.astype(np.uint8), dst=pixels, scale=1 / 255)
