"""What is around a page in a picture: what it lies on, fingers that hold it, a program's window."""

import cv2
import numpy as np

from giraffe.printout.chance import even, smooth_noise, stretch
from giraffe.printout.layout import Text
from giraffe.printout.marks import lay_text

TABLES = ((122, 84, 56), (70, 70, 75), (190, 185, 178), (95, 110, 125), (150, 120, 90))
CLOTHS = ((170, 60, 60), (60, 90, 140), (200, 200, 205), (70, 120, 100), (215, 200, 170))
SKINS = ((224, 172, 140), (198, 134, 98), (141, 85, 60), (92, 58, 44), (236, 194, 170))
SCREEN_MM = 300.0  # width of a screen, in which its text is measured
SCREEN_WORDS = (
    "File", "Edit", "View", "Patient", "Orders", "Results", "Notes", "Imaging", "Search", "Help",
    "Worklist", "Compare", "Previous", "Next", "Print", "Zoom 100 %", "Cardiology", "Ward 3",
    "12-lead ECG", "Case 14", "Reply", "Share", "Comments (8)", "Answer", "What do you see?",
    "A 64 year old with chest pain", "Read more", "Sign in", "Home", "Library", "Quiz",
    "Heart rate", "PR interval", "QRS duration", "Axis", "Confirmed", "Pending review", "Login",
)  # fmt: skip


def background(capture, rng, height: int, width: int) -> np.ndarray:
    """What lies around the page: a scanner's lid, a table, or a desktop."""
    if capture.kind == "scanner":
        level = rng.choice([250, 245, 238])
        return np.full((height, width, 3), level, np.uint8)
    if capture.kind in ("monitor", "screen"):
        level = rng.integers(35, 235) + rng.integers(-12, 13, 3)
        return np.full((height, width, 3), np.clip(level, 0, 255), np.uint8)
    if not capture.around:
        return _table(rng, height, width)
    kind = str(rng.choice(capture.around))
    if kind == "table":
        return _table(rng, height, width)
    if kind == "cloth":
        return _cloth(rng, height, width)
    if kind == "papers":
        return _papers(rng, height, width)
    if kind == "board":
        colour = np.array([(150, 105, 65), (35, 38, 45), (205, 205, 205)][rng.integers(3)])
    else:
        colour = rng.uniform(8, 55) + rng.uniform(0, 10, 3)
    field = colour * (1 + 0.06 * smooth_noise(rng, 40, 60)[:, :, None])
    return _stretched(field, height, width)


def _stretched(field, height: int, width: int) -> np.ndarray:
    return stretch(np.clip(field, 0, 255).astype(np.float32), height, width).astype(np.uint8)


def _table(rng, height: int, width: int) -> np.ndarray:
    colour = np.array(TABLES[rng.integers(5)], np.float32) * rng.uniform(0.6, 1.15)
    grain = smooth_noise(rng, int(rng.integers(3, 60)), int(rng.integers(2, 12)))
    grain = 1 + 0.08 * grain + 0.05 * smooth_noise(rng, 60, 60)
    return _stretched(grain[:, :, None] * colour, height, width)


def _cloth(rng, height: int, width: int) -> np.ndarray:
    """A woven cloth with soft folds."""
    colour = np.array(CLOTHS[rng.integers(len(CLOTHS))], np.float32) * rng.uniform(0.6, 1.1)
    folds = 1 + 0.14 * smooth_noise(rng, 2, int(rng.integers(4, 9)))
    cloth = _stretched(folds[:, :, None] * colour, height, width)
    thread = max(2, round(width / rng.uniform(150, 350)))
    tile = 255 - np.rint(rng.uniform(15, 60) * rng.random((2 * thread, 2 * thread)))
    repeats = height // len(tile) + 1, width // len(tile) + 1
    weave = np.tile(tile.astype(np.uint8), repeats)[:height, :width]
    return cv2.multiply(cloth, cv2.merge([weave] * 3), scale=1 / 255)


def _papers(rng, height: int, width: int) -> np.ndarray:
    """A table with other sheets on it."""
    picture = _table(rng, height, width)
    size = np.array([width, height])
    for _ in range(rng.integers(1, 4)):
        centre, angle = rng.uniform(-0.1, 1.1, 2) * size, rng.uniform(-40, 40)
        extent = rng.uniform(0.4, 1.1, 2) * height
        box = cv2.boxPoints((tuple(centre), tuple(extent), angle))
        shade = int(rng.integers(190, 250))
        cv2.fillConvexPoly(picture, np.rint(box).astype(np.int32), (shade, shade, shade - 6))
        for share in np.arange(0.1, 0.9, 0.06):
            ends = [box[0] + (box[1] - box[0]) * share, box[3] + (box[2] - box[3]) * share]
            begin, end = np.array([[0.9, 0.1], [0.1 + 0.5 * rng.random(), 0.9]]) @ np.array(ends)
            line = np.rint([begin, end]).astype(int).tolist()
            cv2.line(picture, line[0], line[1], (shade - 70,) * 3, max(1, height // 250))
    return picture


def draw_fingers(picture: np.ndarray, rng) -> None:
    """Draw fingers or a thumb that hold the page at an edge of the frame, in place."""
    height, width = picture.shape[:2]
    skin = np.array(SKINS[rng.integers(len(SKINS))]) * rng.uniform(0.8, 1.05)
    side = rng.integers(3)  # left, right, bottom
    thick = rng.uniform(0.05, 0.08) * height
    start = rng.uniform(0.15, 0.8)
    for k in range(rng.choice([1, 1, 3, 4])):
        along, reach = start + k * 1.15 * thick / height, rng.uniform(0.02, 0.06)
        lean = rng.uniform(-0.05, 0.05)
        if side == 2:
            begin, end = (along, 1.1), (along + lean / 2, 1 - reach * 1.2)
        else:
            edge = (-0.1, reach) if side == 0 else (1.1, 1 - reach)
            begin, end = (edge[0], along + lean), (edge[1], along)
        line = np.rint(np.array([begin, end]) * (width, height)).astype(int)
        for shrink, light in ((1.0, 0.72), (0.86, 0.88), (0.6, 1.0)):
            colour = np.clip(skin * light, 0, 255).tolist()
            thickness = max(1, round(thick * shrink))
            cv2.line(picture, line[0].tolist(), line[1].tolist(), colour, thickness, cv2.LINE_AA)


def draw_window(pixels: np.ndarray, rng) -> np.ndarray:
    """Draw a program's bars above and below the page into the frame's picture, in place."""
    height, width = pixels.shape[:2]
    bar = max(int(height * rng.uniform(0.03, 0.05)), 2)
    level = int(rng.integers(200, 245))
    pixels[:bar] = level
    for i, colour in enumerate(((230, 90, 80), (235, 190, 70), (90, 190, 90))):
        centre = (int(width * 0.015 * (i + 1)), bar // 2)
        cv2.circle(pixels, centre, max(bar // 4, 1), colour, -1, cv2.LINE_AA)
    pixels[-max(bar // 2, 1) :] = level - 25
    pixels[bar : bar + max(bar // 8, 1)] = level - 60
    return pixels


def draw_view(rng) -> tuple[float, float, float, float]:
    """Draw how much of a screen a program leaves to the page: its borders in shares."""
    left = rng.uniform(0.03, 0.22) if rng.random() < 0.5 else rng.uniform(0, 0.02)
    right = rng.uniform(0.03, 0.22) if rng.random() < 0.35 else rng.uniform(0, 0.02)
    bottom = rng.uniform(0.02, 0.14) if rng.random() < 0.6 else 0.0
    return left, rng.uniform(0.04, 0.2), 1 - right, 1 - bottom


def draw_program(picture: np.ndarray, view, aspect: float, rng) -> None:
    """Draw a program or a web page over everything outside the part that shows the page, in place.

    Parameters
    ----------
    view : (float, float, float, float)
        Left, upper, right and lower border of that part in shares of the picture.
    aspect : float
        Width / height of the screen's part, by which its text is measured.
    """
    height, width = picture.shape[:2]
    left, top, right, bottom = (
        round(share * size) for share, size in zip(view, (width, height) * 2, strict=True)
    )
    dark = rng.random() < 0.35
    base = rng.uniform(18, 50) if dark else rng.uniform(225, 255)
    tint = rng.uniform(-6, 6, 3)
    panel = np.clip(base + tint, 0, 255).astype(np.uint8)
    ink = (205, 208, 212) if dark else (45, 45, 50)
    picture[:top], picture[bottom:] = panel, panel
    picture[top:bottom, :left], picture[top:bottom, right:] = panel, panel
    edge = int(np.clip(base + (40 if dark else -45), 0, 255))
    cv2.rectangle(picture, (left - 1, top - 1), (right, bottom), (edge,) * 3, 1)
    sx, sy = width / SCREEN_MM, height * aspect / SCREEN_MM
    accent = rng.uniform(30, 200, 3).tolist()
    bar = min(top, round(rng.uniform(5, 9) * sy))
    if rng.random() < 0.6:
        picture[:bar] = accent if rng.random() < 0.5 else edge
    points = even(rng, (7, 11))
    _screen_line(picture, 3, 0.7 * bar / sy, 0.75 * SCREEN_MM, points, ink, (sx, sy), rng)
    step = 0.55 * points
    _text_block(
        picture, (4, (bar / sy) + step, 0.8 * SCREEN_MM, top / sy), points, ink, sx, sy, rng
    )
    below = (4, bottom / sy + step, 0.8 * SCREEN_MM, height / sy)
    _text_block(picture, below, points, ink, sx, sy, rng)
    for begin, end in ((0, left), (right, width)):
        if end - begin > 0.03 * width:
            panel_box = (begin / sx + 2, top / sy + 6, end / sx - 2, bottom / sy)
            _text_block(picture, panel_box, points, ink, sx, sy, rng)
            if rng.random() < 0.4:  # a chosen line of a list, or a button
                row = int(rng.uniform(top, bottom - 5 * sy))
                part = picture[row : row + round(5 * sy), begin:end]
                part[:] = cv2.addWeighted(part, 0.6, np.full_like(part, accent), 0.4, 0)


def _text_block(picture, box, points: float, ink, sx: float, sy: float, rng) -> None:
    """Lines of words in a box of left, top, right and bottom in mm, from its top on."""
    left, y, right, bottom = box
    spacing = points * rng.uniform(0.5, 0.9)
    for _ in range(rng.integers(1, 13)):
        if y > bottom - 1.5:
            return
        _screen_line(picture, left, y, right, points, ink, (sx, sy), rng)
        y += spacing


def _screen_line(picture, x: float, y: float, right: float, points: float, ink, scale, rng):
    """A few words from x on that end before the right border, in mm; y is their baseline."""
    for word in rng.choice(SCREEN_WORDS, rng.integers(1, 7)):
        width = 0.22 * points * len(word)
        if x + width > right:
            return
        lay_text(
            picture,
            Text(str(word), x, y, round(points)),
            "DejaVuSans",
            scale[0],
            scale[1],
            ink,
            0.95,
        )
        x += width + rng.uniform(2, 8)
