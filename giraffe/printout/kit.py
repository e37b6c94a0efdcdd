"""The public generator's printouts (ECG-Image-Kit): its options, its order of operations.

The order is the generator's, unlike that of the physical world: page, white padding, handwriting,
creases, wrinkles, then rotation with black corners, noise, crop and white balance, then a QR code.
So D1-D3 reproduce the paper's images. What was a fault there is mended here: positions follow every
geometric step, every option has an effect, and one seed decides everything.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.special import ndtri

from giraffe.printout.chance import smooth_noise
from giraffe.printout.layout import (
    MAJOR_MM,
    MINOR_MM,
    MM_PER_INCH,
    STANDARD_3X4,
    STANDARD_12X1,
    Format,
    Page,
    arrange,
    patient_header,
    scale_texts,
)
from giraffe.printout.marks import WORDS, write_word
from giraffe.printout.render import Colours, draw, sample_range, strip_pixels, text_box
from giraffe.printout.wear import crumpled, lattice

GRID_COLOURS = {
    1: ((109, 50, 47), (150, 107, 101)),
    2: ((255, 203, 221), (254, 237, 248)),
    3: ((0, 0, 102), (0, 0, 178)),
    4: ((0, 76, 0), (0, 204, 76)),
    5: ((255, 0, 0), (254, 223, 219)),
}
"""Major and minor colour by the generator's number: brown, pink, blue, green, red."""

BLACK_AND_WHITE = ((102, 102, 102), (191, 191, 191))
WARM, COOL = (2000, 3999), (10000, 19999)  # white balance in K


@dataclass(frozen=True)
class KitOptions:
    """The generator's options under its names, with its defaults.

    Attributes
    ----------
    resolution : int
        dpi; with `random_resolution` the largest, drawn from 50 up.
    pad_inches : int
        White border; with `random_padding` the widest, drawn from 0 up.
    print_header : bool
    num_columns : int
        -1: four for 12 leads, one for two.
    full_mode : str
        Lead of the rhythm strip, or ``None``.
    mask_unplotted_samples : bool
        In the record beside the image, samples that are not on it become NaN.
    max_num_images : int
        -1: one for every full 10 s.
    calibration_pulse, random_grid_present, random_print_header, random_bw : float
        Probabilities per image.
    random_grid_color : bool
        Also the effect of any `random_bw` above 0.
    standard_grid_color : int
        Key of `GRID_COLOURS`.
    remove_lead_names, lead_bbox, lead_name_bbox : bool
    store_config : int
        1: a JSON beside the image; 2: with colours and what was applied.
    add_qr_code : bool
    hw_text, wrinkles, augment, fully_random : bool
        The distortions; `fully_random` tosses a fair coin for each instead.
    num_words, x_offset, y_offset : int
        Handwriting: most words; px from the border.
    crease_angle, num_creases_vertically, num_creases_horizontally : int
    rotate, noise : int
        Degrees; grey levels.
    crop : float
        Largest share cut from each side.
    temperature : int
        Highest white balance in K.
    """

    resolution: int = 200
    pad_inches: int = 0
    print_header: bool = False
    num_columns: int = -1
    full_mode: str = "II"
    mask_unplotted_samples: bool = False
    max_num_images: int = -1
    random_resolution: bool = False
    random_padding: bool = False
    calibration_pulse: float = 1.0
    random_grid_present: float = 1.0
    random_print_header: float = 0.0
    random_bw: float = 0.0
    random_grid_color: bool = False
    standard_grid_color: int = 5
    remove_lead_names: bool = False
    lead_bbox: bool = False
    lead_name_bbox: bool = False
    store_config: int = 0
    add_qr_code: bool = False
    hw_text: bool = False
    num_words: int = 5
    x_offset: int = 30
    y_offset: int = 30
    wrinkles: bool = False
    crease_angle: int = 90
    num_creases_vertically: int = 10
    num_creases_horizontally: int = 10
    augment: bool = False
    rotate: int = 0
    noise: int = 50
    crop: float = 0.01
    temperature: int = 40000
    fully_random: bool = False


D1 = KitOptions(print_header=True)
D2 = KitOptions(
    pad_inches=1,
    print_header=True,
    random_resolution=True,
    random_padding=True,
    calibration_pulse=0.8,
    random_grid_present=0.95,
    random_bw=0.4,
    random_grid_color=True,
    rotate=25,
    fully_random=True,
)
D3 = replace(
    D2, pad_inches=0, random_padding=False, random_bw=0.1, random_grid_color=False, rotate=7
)


@dataclass
class KitImage:
    """An image and where everything lies on it.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    page : Page
    matrix : ndarray, shape (3, 3)
        From mm on the page to px of the image, through every geometric step.
    dpi, pad_inches : int
    facts : dict
        Colours and what was applied.
    """

    pixels: np.ndarray
    page: Page
    matrix: np.ndarray
    dpi: int
    pad_inches: int
    facts: dict

    def to_pixels(self, points) -> np.ndarray:
        """Points of the page in mm, shape (n, 2), as px (x, y) of the image."""
        points = np.asarray(points, dtype=float)
        return points @ self.matrix[:2, :2].T + self.matrix[:2, 2]


def kit_format(options: KitOptions, leads, pulse: bool) -> Format:
    """Rows and columns for the leads of a record."""
    present = [row[0] for row in STANDARD_12X1 if row[0] in leads]
    columns = options.num_columns
    if columns <= 0:
        columns = 1 if len(present) <= 2 else 4
    if columns == 4 and len(present) == 12:
        rows = STANDARD_3X4
    else:
        height = -(-len(present) // columns)
        rows = tuple(tuple(present[i::height]) for i in range(height))
    rhythm = (options.full_mode,) if options.full_mode in leads else ()
    return Format(rows, rhythm, pulse=pulse, lead_names=not options.remove_lead_names)


def kit_page(waveform, header, options: KitOptions, rng, start: float = 0.0) -> Page:
    """Lay out the generator's page of a record, beginning `start` s into it."""
    has_header = options.print_header or rng.random() < options.random_print_header
    fmt = kit_format(options, waveform.leads, rng.random() < options.calibration_pulse)
    texts = scale_texts(fmt)
    if has_header:
        texts += patient_header(header.comments, header.name, header.date, header.time)
    return arrange(fmt, waveform.leads, waveform.signal.shape[1] / waveform.fs, texts, start)


def kit_colours(options: KitOptions, rng) -> tuple[Colours, bool]:
    """Colours of an image, and whether it is black and white."""
    grid, bw = rng.random() < options.random_grid_present, rng.random() < options.random_bw
    major = rng.uniform([0, 0, 0], [0.8, 0.5, 0.5])
    minor = rng.uniform([0, 0, 0], [0.8, 0.5, 0.5]) + rng.uniform(0, 0.2)
    grey = round(255 * rng.uniform(0, 0.2))
    if bw:
        inks, grey = BLACK_AND_WHITE, 0
    elif options.random_grid_color or options.random_bw > 0:
        inks = tuple(tuple(round(255 * c) for c in ink) for ink in (major, minor))
    else:
        inks = GRID_COLOURS[options.standard_grid_color]
    return Colours(major=inks[0], minor=inks[1], trace=(grey,) * 3, grid=grid), bw


def kit_image(waveform, header, options: KitOptions, rng, start: float = 0.0) -> KitImage:
    """Make one image of a record.

    Parameters
    ----------
    waveform : object with ``signal``, ``fs`` and ``leads``
    header : object with ``name``, ``comments``, ``date`` and ``time``
    options : KitOptions
    rng : numpy.random.Generator
        The only source of chance.
    start : float
        Where in the record the image begins, in s.

    Returns
    -------
    KitImage
    """
    dpi = options.resolution
    if options.random_resolution:
        dpi = int(rng.integers(min(50, dpi), dpi + 1))
    pad = options.pad_inches
    if options.random_padding:
        pad = int(rng.integers(0, pad + 1))
    colours, bw = kit_colours(options, rng)
    page = kit_page(waveform, header, options, rng, start)
    width, height = (round(mm / MM_PER_INCH * dpi) for mm in (page.width, page.height))
    pixels = draw(page, waveform, colours, height, width)
    matrix = np.diag([width / page.width, height / page.height, 1.0])
    facts = {"black_and_white": bw, "grid": colours.grid, "grid_major": list(colours.major),
             "grid_minor": list(colours.minor), "trace": list(colours.trace)}  # fmt: skip

    border = pad * dpi
    if border:
        white = (255, 255, 255)
        pixels = cv2.copyMakeBorder(
            pixels, border, border, border, border, cv2.BORDER_CONSTANT, value=white
        )
        matrix = _shift(border, border) @ matrix
    coins = rng.random(3) < 0.5
    if not options.fully_random:
        coins = (options.hw_text, options.wrinkles, options.augment)
    facts |= {"handwriting": bool(coins[0]), "wrinkles": bool(coins[1]), "augment": bool(coins[2])}
    if coins[0]:
        _handwriting(pixels, options, dpi, rng)
    if coins[1]:
        pixels = _crease_and_wrinkle(pixels, options, dpi, rng)
    if coins[2]:
        pixels, matrix, more = _augment(pixels, matrix, options, rng)
        facts |= more
    if options.add_qr_code:
        _qr_code(pixels, header.name)
    return KitImage(pixels, page, matrix, dpi, pad, facts)


def _shift(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=float)


class _Sheet:
    """A picture in the terms of `wear`: its size in mm."""

    def __init__(self, pixels, dpi):
        self.height, self.width = (n / dpi * MM_PER_INCH for n in pixels.shape[:2])


def _handwriting(pixels, options: KitOptions, dpi: int, rng) -> None:
    """Two or more medical words in handwriting near the border."""
    sheet = _Sheet(pixels, dpi)
    x0, y0 = (offset / dpi * MM_PER_INCH for offset in (options.x_offset, options.y_offset))
    for _ in range(rng.integers(min(2, options.num_words), options.num_words + 1)):
        x = x0 + rng.uniform(0, 0.7) * sheet.width
        y = rng.choice([y0 + rng.uniform(3, 25), sheet.height - y0 - rng.uniform(0, 8)])
        write_word(pixels, sheet, str(rng.choice(WORDS)), x, y, rng)


def _crease_and_wrinkle(pixels, options: KitOptions, dpi: int, rng) -> np.ndarray:
    """Evenly spaced brighter bands, and a texture of crumpled paper in hard light."""
    height, width = pixels.shape[:2]
    angle = np.deg2rad(rng.integers(0, options.crease_angle + 1))
    # Both vary slowly: they are computed on a picture a quarter as large and stretched.
    rows, columns = -(-height // 4), -(-width // 4)
    layer = np.ones((rows, columns), np.float32)
    reach = np.hypot(rows, columns)
    for turn, most in (
        (angle, options.num_creases_vertically),
        (angle + np.pi / 2, options.num_creases_horizontally),
    ):
        lines = int(rng.integers(1, max(most, 1) + 1))
        direction = np.array([np.cos(turn), np.sin(turn)])
        normal = np.array([-direction[1], direction[0]])
        for k in range(lines):
            centre = np.array([columns, rows]) * (k + 1) / (lines + 1)
            for offset, factor in ((-2.5, 1.05), (2.5, 1.05), (0, 1.25)):
                a = centre + offset * normal - reach * direction
                b = a + 2 * reach * direction
                begin, end = ([int(v) for v in np.rint(p)] for p in (a, b))
                cv2.line(layer, begin, end, (factor,), 1, cv2.LINE_AA)
    layer = cv2.GaussianBlur(layer, (0, 0), 0.6)
    # Hard light with a texture t about 1/2: 2 p t where t < 1/2, else 1 - 2 (1 - p)(1 - t); either
    # is a factor on the page's p, and something added.
    sheet = _Sheet(pixels, dpi)
    folds = cv2.resize(crumpled(*lattice(sheet), sheet, rng), (columns, rows))
    t = 0.62 - 0.27 * folds + 0.015 * smooth_noise(rng, 14, 18, layer.shape)
    t = np.clip(t, 0.05, 0.95)
    factor = np.minimum(2 * t, 2 - 2 * t) * layer
    added = np.maximum(2 * t - 1, 0)
    factor, added = (
        cv2.merge([cv2.resize(np.rint(f * 200).astype(np.uint8), (width, height))] * 3)
        for f in (factor, added * 255 / 200)
    )
    return cv2.add(cv2.multiply(pixels, factor, scale=1 / 200), added)


_QUANTILES = ndtri((np.arange(65536) + 0.5) / 65536)  # of the standard normal distribution


def _augment(pixels, matrix, options: KitOptions, rng):
    """Rotation, noise, crop and white balance."""
    height, width = pixels.shape[:2]
    degrees = int(rng.integers(-options.rotate, options.rotate + 1))
    if degrees:
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
        pixels = cv2.warpAffine(pixels, turn, (width, height), flags=cv2.INTER_LINEAR)
        # OpenCV's matrix speaks of pixel centres, ours of pixel edges.
        full = np.vstack([turn, [0, 0, 1]])
        matrix = _shift(0.5, 0.5) @ full @ _shift(-0.5, -0.5) @ matrix
    deviation = int(rng.integers(1, max(options.noise, 1) + 1))
    # Normal numbers by their quantiles: three times as fast as drawing them.
    levels = np.rint(_QUANTILES * deviation).astype(np.int16)
    grain = levels[rng.integers(0, len(levels), (height, width), dtype=np.uint16)]
    pixels = cv2.add(pixels, cv2.merge([grain] * 3), dtype=cv2.CV_8U)
    left, top, right, bottom = np.rint(
        rng.uniform(0, options.crop, 4) * [width, height, width, height]
    ).astype(int)
    if left + top + right + bottom:
        kept = pixels[top : height - bottom, left : width - right]
        fx, fy = width / kept.shape[1], height / kept.shape[0]
        pixels = cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR)
        matrix = np.diag([fx, fy, 1.0]) @ _shift(-left, -top) @ matrix
    low, high = (WARM, COOL)[rng.integers(2)]
    kelvin = int(min(rng.integers(low, high + 1), options.temperature))
    gains = kelvin_to_rgb(kelvin)
    table = np.clip(np.rint(np.arange(256)[:, None] * gains), 0, 255).astype(np.uint8)
    pixels = cv2.LUT(pixels, table.reshape(1, 256, 3))
    crop = [int(v) for v in (left, top, right, bottom)]
    return pixels, matrix, {"rotate": degrees, "noise": deviation, "crop": crop, "kelvin": kelvin}


def kelvin_to_rgb(kelvin: float) -> np.ndarray:
    """Colour of a black body, RGB with the largest channel near 1.

    T. Helland's fit (2012) to M. Charity's table of black-body colours.
    """
    t = kelvin / 100
    if t <= 66:
        red, green = 255.0, 99.4708 * np.log(t) - 161.1196
        blue = 0.0 if t <= 19 else 138.5177 * np.log(t - 10) - 305.0448
    else:
        red = 329.6987 * (t - 60) ** -0.1332047592
        green = 288.1222 * (t - 60) ** -0.0755148492
        blue = 255.0
    return np.clip([red, green, blue], 0, 255) / 255


def _qr_code(pixels, text: str) -> None:
    """A QR code with the record's name in the upper right corner, in place."""
    code = cv2.QRCodeEncoder.create().encode(text)
    side = max(min(pixels.shape[:2]) // 8, code.shape[0])
    code = cv2.resize(code, (side, side), interpolation=cv2.INTER_NEAREST)
    gap = side // 6
    pixels[gap : gap + side, -gap - side : -gap] = code[:, :, None]


def image_config(image, waveform, options: KitOptions) -> dict:
    """What `store_config` writes: where every sample and every grid line lies.

    Parameters
    ----------
    image : KitImage, or anything else with its attributes but for the matrix
    waveform : object with ``signal``, ``fs`` and ``leads``
    options : KitOptions

    Returns
    -------
    dict
        Pixels are (y, x); a pixel's centre lies at its index.
    """
    height, width = image.pixels.shape[:2]
    x, y = image.page.width / 2, image.page.height / 2
    here, right, below = image.to_pixels([(x, y), (x + 1, y), (x, y + 1)])
    step_x, step_y = (float(np.linalg.norm(there - here)) for there in (right, below))
    leads = []
    for number, strip in enumerate(image.page.strips):
        first, last = sample_range(strip, waveform)
        x, y = strip_pixels(image.page, strip, waveform, 1.0, 1.0)  # mm
        points = image.to_pixels(np.c_[x, y]) - 0.5
        entry = {
            "lead_name": strip.label,
            "rhythm_strip": strip.rhythm,
            "start_sample": first,
            "end_sample": last,
            "plotted_pixels": [
                [None, None] if np.isnan(p[1]) else [round(float(p[1]), 2), round(float(p[0]), 2)]
                for p in points
            ],
        }
        if options.lead_bbox and np.isfinite(y).any():
            corners = _box(np.nanmin(x), np.nanmin(y), np.nanmax(x), np.nanmax(y))
            entry["lead_bounding_box"] = _corners(image, corners)
        if options.lead_name_bbox and not options.remove_lead_names:
            page = image.page
            for name in (text for text in page.texts if text.strip == number):
                box = _box(*text_box(name, name.font or page.font))
                entry.setdefault("text_bounding_box", _corners(image, box))
        leads.append(entry)
    config = {
        "sampling_frequency": waveform.fs,
        "width": width,
        "height": height,
        "resolution": image.dpi,
        "pad_inches": image.pad_inches,
        "x_grid_major": MAJOR_MM * step_x,
        "y_grid_major": MAJOR_MM * step_y,
        "x_grid_minor": MINOR_MM * step_x,
        "y_grid_minor": MINOR_MM * step_y,
        "leads": leads,
    }
    if options.store_config >= 2:
        config["applied"] = image.facts
    return config


def _box(left, top, right, bottom):
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _corners(image: KitImage, corners) -> list[list[float]]:
    """Corners of a box in mm as (y, x) px, clockwise from the upper left."""
    points = image.to_pixels(corners) - 0.5
    return [[round(float(y), 2), round(float(x), 2)] for x, y in points]
