"""How a page becomes an image: put into a scanner, photographed on a table, or shown on a screen.

A capture draws where the page lies, bends it, lights it, and passes it through optics, sensor and
file. Positions in the captured frame are shares of its width and height, so the same capture can
be made at any size. Every range is a pair (low, high) from which a value is drawn evenly.
"""

import copy
from dataclasses import dataclass

import cv2
import numpy as np

from giraffe.printout.wear import even, smooth_noise, stretch

NOISE_SHAPE = (640, 1280)
NOISE_DEVIATION = 32  # grey levels of the stored noise
FILE_WIDTH = 2362  # px of a frame of 300 mm at 200 dpi
MAP_STEP = 8  # the map from frame to page is computed at every eighth pixel


@dataclass(frozen=True)
class Capture:
    """A way of capturing a page.

    Attributes
    ----------
    kind : str
        ``scanner``, ``phone`` or ``monitor``.
    colour : str
        ``colour``, ``grey`` or ``bw`` (a scanner's text mode: a steep tone curve).
    turn : (float, float)
        Rotation in the image plane in degrees.
    tilt : (float, float)
        Angle between camera axis and the page's normal in degrees.
    margin : (float, float)
        Share of the frame left free around the page.
    bend : (float, float)
        Height of the page's curve in mm.
    shadow, vignette : (float, float)
        Loss of light in a shadow and across the page; in the corners.
    blur : (float, float)
        Standard deviation of the focus's blur in mm on the page.
    balance : (float, float)
        Largest deviation of a colour's gain.
    exposure, contrast : (float, float)
        Factor on the light; slope of the tone curve.
    noise : (float, float)
        Standard deviation in grey levels.
    quality : (int, int)
        Of the JPEG.
    moire : (float, float)
        Strength of a monitor's stripes.
    glare : (float, float)
        Strength of a reflected lamp.
    """

    kind: str
    colour: str = "colour"
    turn: tuple[float, float] = (0.0, 0.0)
    tilt: tuple[float, float] = (0.0, 0.0)
    margin: tuple[float, float] = (0.0, 0.0)
    bend: tuple[float, float] = (0.0, 0.0)
    shadow: tuple[float, float] = (0.0, 0.0)
    vignette: tuple[float, float] = (0.0, 0.0)
    blur: tuple[float, float] = (0.0, 0.0)
    balance: tuple[float, float] = (0.0, 0.0)
    exposure: tuple[float, float] = (1.0, 1.0)
    contrast: tuple[float, float] = (1.0, 1.0)
    noise: tuple[float, float] = (0.0, 0.0)
    quality: tuple[int, int] = (90, 95)
    moire: tuple[float, float] = (0.0, 0.0)
    glare: tuple[float, float] = (0.0, 0.0)


WHOLE_FRAME = ((0, 0), (1, 0), (1, 1), (0, 1))


class Placement:
    """Where the points of a page lie in the frame.

    Parameters
    ----------
    page : giraffe.printout.layout.Page
    corners : array_like, shape (4, 2)
        Upper left, upper right, lower right and lower left corner in shares of the frame.
    bend : float
        Height of the page's curve in mm; it shifts points along y.
    phase : float
        Where along x the curve is highest, in radians.
    """

    def __init__(self, page, corners, bend: float = 0.0, phase: float = 0.0):
        self.page, self.bend, self.phase = page, bend, phase
        flat = np.array(WHOLE_FRAME, np.float32)
        flat *= np.array([page.width, page.height], np.float32)
        corners = np.asarray(corners, np.float32)
        self.matrix = cv2.getPerspectiveTransform(flat, corners).astype(float)
        self.inverse = np.linalg.inv(self.matrix)

    def _rise(self, x):
        return self.bend * np.sin(np.pi * x / self.page.width + self.phase)

    def to_frame(self, points) -> np.ndarray:
        """Points of the page in mm, shape (n, 2), in shares of the frame."""
        points = np.array(points, dtype=float)
        points[:, 1] += self._rise(points[:, 0])
        moved = np.c_[points, np.ones(len(points))] @ self.matrix.T
        return moved[:, :2] / moved[:, 2:]

    def chart_corners(self) -> np.ndarray:
        """Where the page's chart lies.

        Returns
        -------
        ndarray, shape (4, 2)
            Upper left, upper right, lower right and lower left corner in shares of the frame.
        """
        left, top, right, bottom = self.page.chart
        return self.to_frame([(left, top), (right, top), (right, bottom), (left, bottom)])

    def seen_through(self, corners) -> "Placement":
        """Where the page lies once the part of the frame between four corners is cut out.

        Parameters
        ----------
        corners : array_like, shape (4, 2)
            In shares of the frame; they become the corners of the new one.
        """
        cut = cv2.getPerspectiveTransform(
            np.asarray(corners, np.float32), np.array(WHOLE_FRAME, np.float32)
        )
        moved = copy.copy(self)
        moved.matrix = cut @ self.matrix
        moved.inverse = np.linalg.inv(moved.matrix)
        return moved

    def to_page(self, u, v) -> tuple[np.ndarray, np.ndarray]:
        """Points of the frame in shares, in mm of the page."""
        m = self.inverse
        w = m[2, 0] * u + m[2, 1] * v + m[2, 2]
        x = (m[0, 0] * u + m[0, 1] * v + m[0, 2]) / w
        y = (m[1, 0] * u + m[1, 1] * v + m[1, 2]) / w
        return x, y - self._rise(x)

    def maps(self, height: int, width: int, page_height: int, page_width: int):
        """For `cv2.remap`: where in the page's picture each pixel of the frame looks."""
        rows, columns = -(-height // MAP_STEP) + 2, -(-width // MAP_STEP) + 2
        # Node k holds the value at the centre of its 8 px; one more node on each side.
        v = ((np.arange(rows) - 0.5) * MAP_STEP / height)[:, None]
        u = ((np.arange(columns) - 0.5) * MAP_STEP / width)[None, :]
        x, y = self.to_page(u, v)
        fields = (
            x * page_width / self.page.width - 0.5,
            y * page_height / self.page.height - 0.5,
        )
        size = (columns * MAP_STEP, rows * MAP_STEP)
        return [
            cv2.resize(field.astype(np.float32), size)[
                MAP_STEP : MAP_STEP + height, MAP_STEP : MAP_STEP + width
            ]
            for field in fields
        ]


def place(page, capture: Capture, aspect: float, rng) -> Placement:
    """Put a page into a frame.

    Parameters
    ----------
    page : giraffe.printout.layout.Page
    capture : Capture
    aspect : float
        Width / height of the frame.
    rng : numpy.random.Generator

    Returns
    -------
    Placement
        The whole page lies inside the frame.
    """
    turn = np.deg2rad(even(rng, capture.turn)) * rng.choice([-1, 1])
    tilt = np.deg2rad(even(rng, capture.tilt))
    toward = rng.uniform(0, 2 * np.pi)
    half = np.array([page.width, page.height]) / 2
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    cos, sin = np.cos(turn), np.sin(turn)
    corners = corners @ np.array([[cos, sin], [-sin, cos]])
    if tilt:
        # Tilting about an axis in the page brings one side nearer to the camera.
        axis = np.array([np.cos(toward), np.sin(toward)])
        across = corners @ np.array([-axis[1], axis[0]])
        distance = 1.7 * page.width
        depth = distance + across * np.sin(tilt)
        shrunk = corners - np.outer(across * (1 - np.cos(tilt)), [-axis[1], axis[0]])
        corners = shrunk * (distance / depth)[:, None]
    bend = even(rng, capture.bend)
    room = np.array([0, abs(bend)])
    low, high = corners.min(axis=0) - room, corners.max(axis=0) + room
    margin = even(rng, capture.margin)
    frame = np.array([aspect, 1.0])
    scale = ((1 - 2 * margin) * frame / (high - low)).min()
    slack = frame - scale * (high - low)
    shift = slack * (0.5 + rng.uniform(-0.5, 0.5, 2) * min(1.0, 4 * margin + 0.2))
    corners = ((corners - low) * scale + shift) / frame
    return Placement(page, corners, bend, rng.uniform(-0.6, 0.6))


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


def _background(capture: Capture, rng, height: int, width: int) -> np.ndarray:
    """What lies around the page: a scanner's lid, a table, or a desktop."""
    if capture.kind == "scanner":
        level = rng.choice([250, 245, 238])
        return np.full((height, width, 3), level, np.uint8)
    if capture.kind == "monitor":
        level = rng.integers(35, 235) + rng.integers(-12, 13, 3)
        return np.full((height, width, 3), np.clip(level, 0, 255), np.uint8)
    colour = np.array(
        [(122, 84, 56), (70, 70, 75), (190, 185, 178), (95, 110, 125), (150, 120, 90)][
            rng.integers(5)
        ],
        np.float32,
    ) * rng.uniform(0.6, 1.15)
    grain = smooth_noise(rng, int(rng.integers(3, 60)), int(rng.integers(2, 12)))
    grain = 1 + 0.08 * grain + 0.05 * smooth_noise(rng, 60, 60)
    field = np.clip(grain[:, :, None] * colour, 0, 255)
    return stretch(field.astype(np.float32), height, width).astype(np.uint8)


def _lighting(capture: Capture, rng) -> np.ndarray | None:
    """Share of the full light on the frame, on the lattice; None for even light."""
    shadow, vignette = even(rng, capture.shadow), even(rng, capture.vignette)
    if not shadow and not vignette:
        return None
    rows, columns = 64, 128
    v, u = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    angle = rng.uniform(0, 2 * np.pi)
    along = u * np.cos(angle) + v * np.sin(angle)
    light = 1 - 0.5 * shadow * (along + 1.4) / 2.8
    if rng.random() < 0.6:  # the shadow of a hand, a phone or a head
        turn = rng.uniform(0, 2 * np.pi)
        d = u * np.cos(turn) + v * np.sin(turn) - rng.uniform(0.1, 0.9)
        d = d + 0.15 * smooth_noise(rng, 2, 3, (rows, columns))
        light *= 1 - shadow / (1 + np.exp(-d / rng.uniform(0.03, 0.2)))
    light *= 1 - vignette * (u**2 + v**2) / 2
    return light.astype(np.float32)


def _window(pixels: np.ndarray, rng) -> np.ndarray:
    """A program's window around the page, drawn into the frame's picture, in place."""
    height, width = pixels.shape[:2]
    bar = max(int(height * rng.uniform(0.03, 0.05)), 2)
    grey = int(rng.integers(200, 245))
    pixels[:bar] = grey
    for i, colour in enumerate(((230, 90, 80), (235, 190, 70), (90, 190, 90))):
        centre = (int(width * 0.015 * (i + 1)), bar // 2)
        cv2.circle(pixels, centre, max(bar // 4, 1), colour, -1, cv2.LINE_AA)
    pixels[-max(bar // 2, 1) :] = grey - 25
    pixels[bar : bar + max(bar // 8, 1)] = grey - 60
    return pixels


def _moire(pixels, strength: float, rng) -> np.ndarray:
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


def _tone(capture: Capture, exposure: float, contrast: float) -> np.ndarray:
    """Table from light to grey level."""
    level = np.arange(256) / 255
    if capture.colour == "bw":
        curve = 1 / (1 + np.exp(-contrast * 9 * (level * exposure - 0.62)))
    else:
        curve = (level * exposure - 0.5) * contrast + 0.5
    return np.clip(np.rint(255 * curve), 0, 255).astype(np.uint8)


def frame_aspect(page, capture: Capture) -> float:
    """Width / height of the captured frame."""
    return {"scanner": page.width / page.height, "phone": 4 / 3, "monitor": 16 / 10}[capture.kind]


def take(pixels, mask, page, capture: Capture, placement: Placement, rng, height, width):
    """Capture a page.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (rows, columns, 3)
        The page.
    mask : ndarray of uint8, shape (rows, columns), or None
        Where there is paper.
    page : giraffe.printout.layout.Page
    capture : Capture
    placement : Placement
        Of `place`.
    rng : numpy.random.Generator
    height, width : int
        Size of the image in px.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    background = _background(capture, rng, height, width)
    map_x, map_y = placement.maps(height, width, *pixels.shape[:2])
    if mask is None:
        picture = background
        cv2.remap(pixels, map_x, map_y, cv2.INTER_LINEAR, picture, cv2.BORDER_TRANSPARENT)
    else:
        warped = cv2.remap(pixels, map_x, map_y, cv2.INTER_LINEAR)
        paper = cv2.merge([cv2.remap(mask, map_x, map_y, cv2.INTER_LINEAR)] * 3)
        picture = cv2.add(
            cv2.multiply(warped, paper, scale=1 / 255),
            cv2.multiply(background, 255 - paper, scale=1 / 255),
        )
    if capture.kind == "monitor":
        picture = _window(picture, rng)
        moire = even(rng, capture.moire)
        if moire:
            picture = _moire(picture, moire, rng)
    light = _lighting(capture, rng)
    gains = 1 + rng.uniform(-1, 1, 3) * even(rng, capture.balance)
    gains = (gains / gains.max()).astype(np.float32)
    if light is not None or gains.min() < 1:
        light = np.ones((2, 2), np.float32) if light is None else light
        field = stretch(light[:, :, None] * gains, height, width)
        picture = cv2.multiply(picture, np.rint(255 * field).astype(np.uint8), scale=1 / 255)
    glare = even(rng, capture.glare)
    if glare:
        u, v = rng.uniform(0.1, 0.9, 2)
        y, x = np.mgrid[0:64, 0:128].astype(np.float32)
        spot = np.exp(-(((x / 128 - u) / 0.12) ** 2) - ((y / 64 - v) / 0.18) ** 2)
        bright = np.rint(255 * glare * stretch(spot, height, width)).astype(np.uint8)
        picture = cv2.add(picture, cv2.merge([bright] * 3))
    blur = even(rng, capture.blur)
    if blur:
        # The page fills most of the frame, so its scale is the frame's.
        sigma = blur * width / page.width * 0.9, blur * height / page.height * 0.9
        picture = cv2.GaussianBlur(picture, (0, 0), sigmaX=sigma[0], sigmaY=max(sigma[1], 0.05))
    if capture.colour != "colour":
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    table = _tone(capture, even(rng, capture.exposure), even(rng, capture.contrast))
    picture = cv2.LUT(picture, table)
    noise = even(rng, capture.noise) / NOISE_DEVIATION
    if noise:
        window = _noise(rng, height, width)
        picture = cv2.addWeighted(picture, 1.0, window, noise, -128 * noise)
        if capture.colour != "colour":
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    quality = int(rng.integers(capture.quality[0], capture.quality[1] + 1))
    # The loss of a file of ordinary size, seen from as far as a smaller picture is.
    quality = round(100 - (100 - quality) * min(1.0, width / FILE_WIDTH))
    if quality < 95:
        encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    return picture
