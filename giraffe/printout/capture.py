"""How a page becomes an image: put into a scanner, photographed on a table, or shown on a screen.

A capture draws where the page lies, bends it, lights it, and passes it through optics, sensor and
file. Positions in the captured frame are shares of its width and height, so the same capture can
be made at any size. Every range is a pair (low, high) from which a value is drawn evenly.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from giraffe.printout import optics, surroundings
from giraffe.printout.chance import drawn, even, happens, stretch
from giraffe.printout.placement import WHOLE_FRAME, Frame, Placement, draw_relief


@dataclass(frozen=True)
class Capture:
    """A way of capturing a page.

    Attributes
    ----------
    kind : str
        ``scanner``, ``phone``, ``monitor`` (a camera before it) or ``screen`` (a screenshot: the
        page in a program's window).
    colour : str
        ``colour``, ``grey`` or ``bw`` (a scanner's text mode: a steep tone curve).
    turn : (float, float)
        Rotation in the image plane in degrees.
    tilt : (float, float)
        Angle between camera axis and the page's normal in degrees.
    margin : (float, float)
        Space around the page as a share of the frame.
    bend : (float, float)
        Height of the page's curve in mm.
    shadow, vignette : (float, float)
        Depth of uneven light; of the corners' darkness.
    blur : (float, float)
        Standard deviation of the focus's blur in mm on the page.
    balance : (float, float)
        Largest deviation of a colour's gain.
    exposure, contrast : (float, float)
        Factor on the light; slope of the tone curve.
    noise : (float, float)
        Standard deviation in grey levels.
    quality : (int, int)
        Of the JPEG; a file of 95 or more is taken as lossless.
    moire : (float, float)
        Strength of a monitor's stripes.
    glare : (float, float)
        Strength of a reflected lamp.
    close, into, second : float
        Share of frames that end close to the chart on all sides; that cut into the chart on one
        side or more; that show a part of another page. The others show the whole page.
    stretch : (float, float)
        Factor on the frame's width / height, evenly in its logarithm.
    relief : (float, float)
        Largest shift of points of curled, wavy or folded paper in mm.
    cast : (float, float)
        Depth of a shadow with an outline: of a hand, of a phone, over half of the page.
    warmth : (float, float)
        Of the lamp: 1 is deep orange.
    motion : (float, float)
        Way of a moving camera in mm on the page.
    gamma : (float, float)
        Exponent of the tone curve.
    tones : str
        ``all``, ``binary``, ``fax``, ``inked`` or ``posterised``; see `optics.few_tones`.
    file_width : (float, float), optional
        Width of the file in px, evenly in its logarithm; by default as much as a scan of 200 dpi.
    halo : (float, float)
        Strength of sharpening.
    recompressed : float
        Share of files that are compressed twice.
    around : tuple of str
        What the page lies on: ``table``, ``desk``, ``cloth``, ``papers``, ``board``; by default a
        table of any colour.
    hand : float
        Share of pictures with fingers at an edge.
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
    close: float = 0.0
    into: float = 0.0
    second: float = 0.0
    stretch: tuple[float, float] = (1.0, 1.0)
    relief: tuple[float, float] = (0.0, 0.0)
    cast: tuple[float, float] = (0.0, 0.0)
    warmth: tuple[float, float] = (0.0, 0.0)
    motion: tuple[float, float] = (0.0, 0.0)
    gamma: tuple[float, float] = (1.0, 1.0)
    tones: str = "all"
    file_width: tuple[float, float] | None = None
    halo: tuple[float, float] = (0.0, 0.0)
    recompressed: float = 0.0
    around: tuple[str, ...] = ()
    hand: float = 0.0


# Shares of the chart's or the page's size that a frame shows beyond it, or less of it.
CLOSE = (0.0, 0.05)
WIDE = (0.05, 0.25)
CUT = (0.02, 0.10)
SECOND = (0.12, 0.45)  # how much of another page is seen, in shares of this one
SECOND_GAP_MM = (0.0, 12.0)


def frame_aspect(page, capture: Capture) -> float:
    """Width / height of the frame of a scanner, camera or screen; `Frame` has the picture's."""
    if capture.kind == "scanner":
        return page.width / page.height
    return {"phone": 4 / 3, "monitor": 16 / 10, "screen": 16 / 10}[capture.kind]


def place(page, capture: Capture, aspect: float, rng) -> Placement:
    """Put a page into a frame.

    Parameters
    ----------
    page : giraffe.printout.layout.Page
    capture : Capture
    aspect : float
        Width / height of the frame, if it shows the whole page; a frame that is cut to something
        gets its aspect from that.
    rng : numpy.random.Generator

    Returns
    -------
    Placement
        Its `frame` has the picture's aspect. The whole page lies inside the frame unless the
        capture asks for frames that do not show it.
    """
    corners = _held(page, capture, rng)
    bend = even(rng, capture.bend)
    relief = ()
    if capture.relief[1]:
        relief = draw_relief(page, even(rng, capture.relief), rng)
    factor = np.exp(drawn(rng, np.log(capture.stretch)))
    shown = _what_is_shown(capture, rng)
    if shown != "page" or capture.kind == "screen":
        paper = Placement(page, corners, bend, rng.uniform(-0.6, 0.6), relief)
        return _cut_out(paper, corners, capture, shown, factor, rng)
    height = sum(np.hypot(*ridge.push) for ridge in relief)
    room = np.array([height, abs(bend) + height])
    low, high = corners.min(axis=0) - room, corners.max(axis=0) + room
    margin = even(rng, capture.margin)
    frame = np.array([aspect, 1.0])
    scale = ((1 - 2 * margin) * frame / (high - low)).min()
    slack = frame - scale * (high - low)
    shift = slack * (0.5 + rng.uniform(-0.5, 0.5, 2) * min(1.0, 4 * margin + 0.2))
    corners = ((corners - low) * scale + shift) / frame
    phase = rng.uniform(-0.6, 0.6)
    return Placement(page, corners, bend, phase, relief, Frame(float(aspect * factor)))


def _held(page, capture: Capture, rng) -> np.ndarray:
    """Corners of a page that is turned and tilted, in mm about the middle of the view."""
    turn = np.deg2rad(even(rng, capture.turn)) * rng.choice([-1, 1])
    tilt = np.deg2rad(even(rng, capture.tilt))
    toward = rng.uniform(0, 2 * np.pi)
    half = np.array([page.width, page.height]) / 2
    corners = (2 * np.array(WHOLE_FRAME) - 1) * half
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
    return corners


def _what_is_shown(capture: Capture, rng) -> str:
    """Whether a frame is ``close`` to the chart, cut ``into`` it, or shows a ``second`` page."""
    kinds = ("close", "into", "second")
    bounds = np.cumsum([getattr(capture, kind) for kind in kinds])
    if not bounds[-1]:
        return "page"
    return (*kinds, "page")[np.searchsorted(bounds, rng.random(), side="right")]


def _cut_out(paper: Placement, corners, capture: Capture, shown: str, factor: float, rng):
    """A frame around a part of what is seen.

    Parameters
    ----------
    paper : Placement
        Of the page in mm of the view, with its corners there.
    shown : str
        As of `_what_is_shown`.
    factor : float
        On the frame's aspect.
    """
    page = paper.page
    whole = (0.0, 0.0, page.width, page.height)
    left, top, right, bottom = page.chart if shown in ("close", "into") else whole
    share = np.linspace(0, 1, 13)
    x, y = left + share * (right - left), top + share * (bottom - top)
    sides = [(x, 0 * x + top), (x, 0 * x + bottom), (0 * y + left, y), (0 * y + right, y)]
    outline = paper.to_frame(np.concatenate([np.stack(side, axis=1) for side in sides]))
    low, high = outline.min(axis=0), outline.max(axis=0)
    size = high - low
    room = rng.uniform(*CLOSE, 4)  # left, top, right, bottom
    second = None
    if shown == "into":
        wide, cut = rng.random(4) < 0.4, rng.random(4) < 0.25
        cut[rng.integers(4)] = True
        room = np.where(wide, rng.uniform(*WIDE, 4), room)
        room = np.where(cut, -rng.uniform(*CUT, 4), room)
    elif shown == "second":
        side = (0, 2, 3)[rng.integers(3)]
        room[side] = even(rng, SECOND)
        gap, along = even(rng, SECOND_GAP_MM), rng.uniform(-0.25, 0.25)
        second = {
            0: (-page.width - gap, along * page.height),
            2: (page.width + gap, along * page.height),
            3: (along * page.width, page.height + gap),
        }[side]
    low, high = low - room[:2] * size, high + room[2:] * size
    view = surroundings.draw_view(rng) if capture.kind == "screen" else (0.0, 0.0, 1.0, 1.0)
    begin, extent = np.array(view[:2]), np.array(view[2:]) - view[:2]
    aspect = float(np.divide(*((high - low) / extent)) * factor)
    frame = Frame(aspect, view if capture.kind == "screen" else None, second)
    corners = begin + (corners - low) / (high - low) * extent
    return Placement(page, corners, paper.bend, paper.phase, paper.relief, frame)


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
    picture = _laid_down(pixels, mask, capture, placement, rng, height, width)
    if capture.kind == "monitor":
        picture = surroundings.draw_window(picture, rng)
        moire = even(rng, capture.moire)
        if moire:
            picture = optics.add_moire(picture, moire, rng)
    if happens(rng, capture.hand):
        surroundings.draw_fingers(picture, rng)
    light = optics.lighting(capture, placement, rng)
    gains = optics.gains_of(capture, rng)
    if light is not None or gains.min() < 1:
        light = np.ones((2, 2), np.float32) if light is None else light
        field = stretch(light[:, :, None] * gains, height, width)
        picture = cv2.multiply(picture, np.rint(255 * field).astype(np.uint8), scale=1 / 255)
    glare = even(rng, capture.glare)
    if glare:
        picture = optics.add_glare(picture, glare, rng)
    blur = even(rng, capture.blur)
    if blur:
        # The page fills most of the frame, so its scale is the frame's.
        sigma = blur * width / page.width * 0.9, blur * height / page.height * 0.9
        picture = cv2.GaussianBlur(picture, (0, 0), sigmaX=sigma[0], sigmaY=max(sigma[1], 0.05))
    motion = drawn(rng, capture.motion)
    if motion:
        picture = optics.smear(picture, motion * width / page.width, rng)
    if capture.colour != "colour":
        picture = optics.grey(picture)
    picture = cv2.LUT(picture, optics.tone_table(capture, rng))
    noise = even(rng, capture.noise)
    if noise:
        picture = optics.add_noise(picture, noise, rng)
        if capture.colour != "colour":
            picture = optics.grey(picture)
    return optics.as_file(picture, capture, placement.frame.aspect, rng)


def _laid_down(pixels, mask, capture: Capture, placement: Placement, rng, height: int, width: int):
    """The frame's picture of the page on what it lies on or is shown in, in even light."""
    page = placement.page
    map_x, map_y = placement.maps(height, width, *pixels.shape[:2])
    if capture.around:  # with chance of its own, as a hidden table needs none
        table_rng = np.random.default_rng(int(rng.integers(2**63)))
        picture = np.zeros((height, width, 3), np.uint8)
        if mask is not None or not _covers(map_x, map_y, pixels):
            picture = surroundings.background(capture, table_rng, height, width)
    else:
        picture = surroundings.background(capture, rng, height, width)
    if placement.frame.second is not None:
        dx, dy = placement.frame.second
        other_x = map_x - np.float32(dx * pixels.shape[1] / page.width)
        other_y = map_y - np.float32(dy * pixels.shape[0] / page.height)
        cv2.remap(pixels, other_x, other_y, cv2.INTER_LINEAR, picture, cv2.BORDER_TRANSPARENT)
    if mask is None:
        cv2.remap(pixels, map_x, map_y, cv2.INTER_LINEAR, picture, cv2.BORDER_TRANSPARENT)
    else:
        warped = cv2.remap(pixels, map_x, map_y, cv2.INTER_LINEAR)
        paper = cv2.merge([cv2.remap(mask, map_x, map_y, cv2.INTER_LINEAR)] * 3)
        picture = cv2.add(
            cv2.multiply(warped, paper, scale=1 / 255),
            cv2.multiply(picture, 255 - paper, scale=1 / 255),
        )
    if placement.frame.view is not None:
        surroundings.draw_program(picture, placement.frame.view, placement.frame.aspect, rng)
    return picture


def _covers(map_x, map_y, pixels) -> bool:
    """Whether every pixel of a frame looks onto the page."""
    rows, columns = pixels.shape[:2]
    return (
        map_x.min() >= 0
        and map_y.min() >= 0
        and map_x.max() <= columns - 1
        and map_y.max() <= rows - 1
    )
