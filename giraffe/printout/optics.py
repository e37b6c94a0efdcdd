"""Light, lens, sensor and file: what a camera or a scanner does to a picture of a page."""

import cv2
import numpy as np

from giraffe.pictures import decode
from giraffe.printout.chance import drawn, even, happens, smooth_noise, stretch

LIGHT = (64, 128)  # rows and columns of the fields of light over a frame
NOISE_SHAPE = (640, 1280)
NOISE_DEVIATION = 32  # grey levels of the stored noise
FILE_WIDTH = 2362  # px of a frame of 300 mm at 200 dpi
STEEP = 3.0  # darkening of paper per slope of its relief

_noise_bank: list[np.ndarray] = []


def _noise(rng, height: int, width: int) -> np.ndarray:
    """A random window of stored noise, uint8 about 128; on the network's lattice of pixels."""
    if not _noise_bank:
        fixed = np.random.default_rng(2024)
        field = fixed.standard_normal((*NOISE_SHAPE, 3), dtype=np.float32)
        grey = field.mean(axis=2, keepdims=True) * np.sqrt(3)
        mixed = 0.8 * grey + 0.6 * field  # sensors' noise is mostly the same in all channels
        _noise_bank.append(np.clip(128 + NOISE_DEVIATION * mixed, 0, 255).astype(np.uint8))
    bank = _noise_bank[0]
    rows, columns = min(height, 512), min(width, 1024)
    top, left = rng.integers(NOISE_SHAPE[0] - rows), rng.integers(NOISE_SHAPE[1] - columns)
    window = bank[top : top + rows, left : left + columns]
    if rng.random() < 0.5:
        window = window[:, ::-1]
    if (rows, columns) != (height, width):
        window = cv2.resize(window, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(window)


def add_noise(picture: np.ndarray, deviation: float, rng) -> np.ndarray:
    """A picture with a sensor's noise of a standard deviation in grey levels."""
    share = deviation / NOISE_DEVIATION
    window = _noise(rng, *picture.shape[:2])
    return cv2.addWeighted(picture, 1.0, window, share, -128 * share)


def grey(picture: np.ndarray) -> np.ndarray:
    """A picture without colours, still of three channels."""
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


# Light


def lighting(capture, placement, rng) -> np.ndarray | None:
    """Share of the full light on the frame, on the lattice `LIGHT`; None for even light."""
    shadow, vignette = even(rng, capture.shadow), even(rng, capture.vignette)
    light = None
    if shadow or vignette:
        light = _uneven(shadow, vignette, rng)
    cast = drawn(rng, capture.cast)
    if cast:
        light = (1.0 if light is None else light) * (1 - cast * _cast(rng))
    if placement.relief:
        light = (1.0 if light is None else light) * _on_relief(placement, rng)
    return None if light is None else light.astype(np.float32)


def _axes():
    rows, columns = LIGHT
    return np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")


def _uneven(shadow: float, vignette: float, rng) -> np.ndarray:
    v, u = _axes()
    angle = rng.uniform(0, 2 * np.pi)
    along = u * np.cos(angle) + v * np.sin(angle)
    light = 1 - 0.5 * shadow * (along + 1.4) / 2.8
    if rng.random() < 0.6:  # the shadow of a hand, a phone or a head
        turn = rng.uniform(0, 2 * np.pi)
        d = u * np.cos(turn) + v * np.sin(turn) - rng.uniform(0.1, 0.9)
        d = d + 0.15 * smooth_noise(rng, 2, 3, LIGHT)
        light *= 1 - shadow / (1 + np.exp(-d / rng.uniform(0.03, 0.2)))
    return light * (1 - vignette * (u**2 + v**2) / 2)


def _cast(rng) -> np.ndarray:
    """A shadow with an outline, 0 to 1: of a hand, of a phone, or over half of the page."""
    mask = np.zeros(LIGHT, np.uint8)
    rows, columns = LIGHT
    kind = rng.integers(3)
    centre = np.array([rng.uniform(0.1, 0.9) * columns, rng.uniform(0.1, 0.9) * rows])
    if kind == 0:
        cv2.ellipse(mask, (tuple(centre), (rng.uniform(20, 45), rng.uniform(14, 28)),
                           rng.uniform(0, 180)), 255, -1)  # fmt: skip
        for angle in np.linspace(-0.5, 0.5, 4) + rng.uniform(0, 2 * np.pi):
            tip = centre + rng.uniform(25, 40) * np.array([np.cos(angle), np.sin(angle)])
            line = np.rint(np.stack([centre, tip])).astype(int).tolist()
            cv2.line(mask, line[0], line[1], 255, int(rng.integers(5, 9)))
    elif kind == 1:
        size = (rng.uniform(25, 70), rng.uniform(18, 34))
        box = cv2.boxPoints((tuple(centre), size, rng.uniform(-40, 40)))
        cv2.fillConvexPoly(mask, np.rint(box).astype(np.int32), 255)
    else:
        v, u = _axes()
        angle = rng.integers(4) * np.pi / 2 + rng.normal(0, 0.2)
        mask[u * np.cos(angle) + v * np.sin(angle) > rng.uniform(-0.3, 0.5)] = 255
    return cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.7, 6)) / 255


def _on_relief(placement, rng) -> np.ndarray:
    """Light on bent paper: a side that is turned away from the lamp is darker."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = LIGHT
    v = ((np.arange(rows) + 0.5) / rows)[:, None]
    u = ((np.arange(columns) + 0.5) / columns)[None, :]
    light = 1 + STEEP * placement.slopes(u, v, (np.cos(angle), np.sin(angle)))
    return np.clip(light / max(light.max(), 1.0), 0.4, 1)


def gains_of(capture, rng) -> np.ndarray:
    """Gain of each channel: the balance of the camera and the warmth of the lamp."""
    gains = 1 + rng.uniform(-1, 1, 3) * even(rng, capture.balance)
    gains = gains / gains.max()
    warmth = drawn(rng, capture.warmth)
    if warmth:
        gains = gains * (1 - warmth * np.array([0.08, 0.32, 0.68]))
    return gains.astype(np.float32)


def add_glare(picture: np.ndarray, strength: float, rng) -> np.ndarray:
    """A picture with the reflection of a lamp."""
    u, v = rng.uniform(0.1, 0.9, 2)
    y, x = np.mgrid[0:64, 0:128].astype(np.float32)
    spot = np.exp(-(((x / 128 - u) / 0.12) ** 2) - ((y / 64 - v) / 0.18) ** 2)
    bright = np.rint(255 * strength * stretch(spot, *picture.shape[:2])).astype(np.uint8)
    return cv2.add(picture, cv2.merge([bright] * 3))


def add_moire(pixels, strength: float, rng) -> np.ndarray:
    """Stripes that arise where a camera's pixels meet a monitor's."""
    height, width = pixels.shape[:2]
    v = np.arange(height, dtype=np.float32)[:, None] / height
    u = np.arange(width, dtype=np.float32)[None, :] / width
    angle, waves = rng.uniform(0, np.pi), rng.uniform(18, 60)
    bend = rng.uniform(-0.2, 0.2)
    # The phase in 1/256 of a turn; the sine of each channel comes from a table.
    turns = waves * (u * np.float32(np.cos(angle)) + v * (np.sin(angle) + bend * u))
    phase = (turns.astype(np.float32) * 256).astype(np.int32).astype(np.uint8)
    table = 2 * np.pi * np.arange(256)[:, None] / 256 + np.array([0.0, 1.2, 2.4])
    light = np.rint(255 * (1 - strength * (0.5 + 0.5 * np.sin(table)))).astype(np.uint8)
    stripes = cv2.LUT(cv2.merge([phase] * 3), light.reshape(1, 256, 3))
    return cv2.multiply(pixels, stripes, scale=1 / 255)


def smear(picture: np.ndarray, length: float, rng) -> np.ndarray:
    """A picture whose camera moved by a length in px."""
    angle = rng.uniform(0, np.pi)
    reach = int(np.ceil(length / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for step in np.linspace(-length / 2, length / 2, 4 * reach + 1):
        row, column = reach + step * np.sin(angle), reach + step * np.cos(angle)
        kernel[round(row), round(column)] += 1
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


# Tones


def tone_table(capture, rng) -> np.ndarray:
    """Table from light to grey level."""
    exposure, contrast = even(rng, capture.exposure), even(rng, capture.contrast)
    level = np.arange(256) / 255
    if capture.colour == "bw":
        curve = 1 / (1 + np.exp(-contrast * 9 * (level * exposure - 0.62)))
    else:
        curve = (level * exposure - 0.5) * contrast + 0.5
    gamma = drawn(rng, capture.gamma)
    if gamma != 1:
        curve = np.clip(curve, 0, 1) ** gamma
    return np.clip(np.rint(255 * curve), 0, 255).astype(np.uint8)


def few_tones(picture: np.ndarray, tones: str, rng) -> np.ndarray:
    """A picture of few tones, as scanners for text and copies of copies make them.

    Parameters
    ----------
    tones : str
        ``binary``: black and white; ``fax``: a dark, noisy copy; ``inked``: a colour scan whose
        dark lines were made black; ``posterised``: a few levels.
    """
    if tones == "posterised":
        levels = int(rng.integers(3, 8))
        table = np.rint(np.rint(np.arange(256) / 255 * (levels - 1)) * 255 / (levels - 1))
        return cv2.LUT(picture, table.astype(np.uint8))
    level = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    near = max(3, picture.shape[1] // 24) | 1
    paper = cv2.blur(level, (near, near))
    level = cv2.divide(level, np.maximum(paper, 1), scale=200)
    sample = level[::4, ::4]
    if tones == "fax":
        dark, light = np.percentile(sample, (0.5, 90))
        share = np.clip((np.arange(256) - dark) / max(light - dark, 1), 0, 1)
        table = np.rint(rng.uniform(180, 235) * share ** rng.uniform(1.5, 3)).astype(np.uint8)
        return grey(add_noise(cv2.LUT(cv2.merge([level] * 3), table), even(rng, (12, 30)), rng))
    # Traces and letters are a few per cent of a page, and paper has a level of 200; what is between
    # is left to chance.
    least, most = np.percentile(sample, (4, even(rng, (5, 20))))
    bound = min(max(even(rng, (110, 190)), least), most, 188)
    black = cv2.threshold(level, bound, 255, cv2.THRESH_BINARY_INV)[1]
    if tones == "binary":
        return cv2.merge([255 - black] * 3)
    return cv2.subtract(picture, cv2.merge([black] * 3))


# Files


def _compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return decode(encoded)


def as_file(picture: np.ndarray, capture, aspect: float, rng) -> np.ndarray:
    """What is left of a picture after it was a file.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
    capture : giraffe.printout.capture.Capture
    aspect : float
        Width / height of the file.
    rng : numpy.random.Generator
    """
    height, width = picture.shape[:2]
    quality = int(rng.integers(capture.quality[0], capture.quality[1] + 1))
    columns = FILE_WIDTH
    if capture.file_width is not None:
        columns = round(np.exp(even(rng, np.log(capture.file_width))))
    small = columns < width
    if small:
        rows = min(height, round(columns / aspect))
        picture = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    # What is lost in a larger file is seen from as far as a smaller picture is.
    scale = min(1.0, width / columns)
    halo = drawn(rng, capture.halo) * scale
    if halo:
        reach = 5 if scale > 0.8 else 3
        picture = cv2.addWeighted(picture, 1 + halo, cv2.blur(picture, (reach, reach)), -halo, 0)
    if capture.tones != "all":
        picture = few_tones(picture, capture.tones, rng)
    quality = round(100 - (100 - quality) * scale)
    if quality < 95:
        picture = _compressed(picture, quality)
    if happens(rng, capture.recompressed):
        # Cut by a few px, so that the blocks of both files lie differently.
        later = min(quality + int(rng.integers(0, 15)), 95)
        picture[3:, 5:] = _compressed(picture[3:, 5:], later)
    if small:
        method = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
        picture = cv2.resize(picture, (width, height), interpolation=method)
    return picture
