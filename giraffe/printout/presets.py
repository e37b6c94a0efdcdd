"""Presets: everything that makes one kind of printout, by name.

`D1`, `D2` and `D3` are the paper's sets (see `kit`). `giraffe` is ours for training: a page is
printed, worn, put down and captured, in the order of the physical world. The eight capture
conditions are those that the organisers scored; they are for measuring and were fixed before any
model was trained, and `giraffe` covers their causes with other parameters, wider and mixed.
"""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from giraffe.ecg.records import Waveform
from giraffe.printout import layout
from giraffe.printout.capture import (
    WHOLE_FRAME,
    Capture,
    Placement,
    frame_aspect,
    place,
    take,
)
from giraffe.printout.formats import pick
from giraffe.printout.kit import D1, D2, D3, kit_colours, kit_image, kit_page
from giraffe.printout.layout import MM_PER_INCH, Format, Text, arrange, patient_header
from giraffe.printout.paper import WorldInk
from giraffe.printout.render import Colours, draw, rgb
from giraffe.printout.wear import Wear, even, wear_paper
from giraffe.printout.world import WORLD_CAPTURES, WORLD_WEARS

KITS = {"D1": D1, "D2": D2, "D3": D3}
PAPER_SEED = 42  # of the three; the paper's table of the generator's options has it

# Ordinary ECG paper: red, orange, pink, green, blue, brown and grey grids, faint to strong.
GRIDS = (
    ((230, 90, 90), (247, 205, 200)),
    ((240, 140, 120), (250, 218, 205)),
    ((235, 120, 150), (250, 215, 225)),
    ((150, 195, 150), (215, 235, 215)),
    ((140, 160, 215), (212, 220, 242)),
    ((190, 150, 110), (232, 215, 195)),
    ((150, 150, 150), (212, 212, 212)),
)


@dataclass(frozen=True)
class Ink:
    """How a page is printed.

    Attributes
    ----------
    formats : tuple of (Format, float)
        Layouts and how often each occurs.
    pen : (float, float)
        Width of the trace in points.
    grey : (int, int)
        Grey level of the ink.
    no_grid : float
        How often there is no grid.
    papers : tuple of str
    fonts : tuple of str
    """

    formats: tuple[tuple[Format, float], ...] = ((Format(), 1.0),)
    pen: tuple[float, float] = (0.6, 1.0)
    grey: tuple[int, int] = (0, 40)
    no_grid: float = 0.0
    papers: tuple[str, ...] = ("letter", "a4")
    fonts: tuple[str, ...] = ("DejaVuSans",)

    def choose(self, waveform, header, rng, start: float = 0.0):
        """Draw a page of a record; see `WorldInk.choose`."""
        fmt = replace(pick(rng, self.formats), paper=str(rng.choice(self.papers)))
        fmt = replace(fmt, pulse=bool(rng.random() < 0.7), separators=bool(rng.random() < 0.5))
        page_width = layout.PAPERS[fmt.paper][0]
        texts = _maker_header(header, fmt, page_width, rng)
        if rng.random() < 0.6:
            texts += layout.scale_texts(fmt)
        duration = waveform.signal.shape[1] / waveform.fs
        page = arrange(fmt, waveform.leads, duration, texts, start)
        page = replace(page, trace_points=even(rng, self.pen), font=str(rng.choice(self.fonts)))
        major, minor = GRIDS[rng.integers(len(GRIDS))]
        paleness = rng.uniform(0, 0.5)
        major, minor = (
            rgb(round(c + (255 - c) * paleness) for c in colour) for colour in (major, minor)
        )
        grey = int(rng.integers(self.grey[0], self.grey[1] + 1))
        paper = rgb(rng.integers([246, 244, 236], [256, 254, 250]))
        grid = bool(rng.random() >= self.no_grid)
        colours = Colours(paper, major, minor, (grey,) * 3, (grey,) * 3, grid)
        return waveform, replace(page, grid_mm=grid), colours


@dataclass(frozen=True)
class Preset:
    """A kind of printout: ways of printing, wearing and capturing, each with its frequency."""

    ink: Ink | WorldInk = field(default_factory=Ink)
    wears: tuple[tuple[Wear, float], ...] = ((Wear(), 1.0),)
    captures: tuple[tuple[Capture, float], ...] = ()


_COMMON_FORMATS = (
    (Format(top_mm=38), 0.5),
    (Format(), 0.3),
    (Format(rhythm=("II", "V1", "V5"), top_mm=30), 0.2),
)
# The eight conditions. Deteriorated paper was soaked, stained and torn; phones are tilted by
# 5-20 degrees, under uneven light, in soft focus.
_CLEAN_INK = Ink(_COMMON_FORMATS)
_STAINED = Wear(
    stains=(2, 5),
    stain_strength=(0.3, 0.6),
    soaking=(0.0, 0.35),
    creases=(0, 2),
    yellowing=(0.05, 0.2),
)
_DETERIORATED = Wear(
    yellowing=(0.25, 0.6),
    fading=(0.15, 0.45),
    creases=(2, 5),
    crease_strength=(0.12, 0.3),
    wrinkles=(0.12, 0.3),
    stains=(1, 4),
    soaking=(0.25, 0.6),
    torn=(1.0, 6.0),
    words=(0, 2),
)
_COLOUR_SCAN = Capture(
    "scanner", turn=(0.0, 1.2), margin=(0.0, 0.02), blur=(0.05, 0.10), balance=(0.0, 0.02),
    contrast=(1.0, 1.1), noise=(0.5, 2.0), quality=(80, 95),
)  # fmt: skip
_BW_SCAN = replace(_COLOUR_SCAN, colour="bw", contrast=(1.0, 1.6), exposure=(0.95, 1.05))
_PHONE = Capture(
    "phone", turn=(0.0, 6.0), tilt=(5.0, 20.0), margin=(0.01, 0.08), bend=(0.0, 3.0),
    shadow=(0.15, 0.5), vignette=(0.05, 0.3), blur=(0.12, 0.35), balance=(0.02, 0.1),
    exposure=(0.85, 1.1), contrast=(0.8, 1.05), noise=(2.0, 6.0), quality=(45, 80),
)  # fmt: skip
_MONITOR = Capture(
    "monitor", turn=(0.0, 2.0), tilt=(0.0, 6.0), margin=(0.05, 0.09), vignette=(0.0, 0.2),
    blur=(0.12, 0.3), balance=(0.05, 0.15), exposure=(0.8, 1.0), contrast=(0.9, 1.15),
    noise=(1.5, 5.0), quality=(55, 85), moire=(0.04, 0.14), glare=(0.0, 0.25),
)  # fmt: skip

CONDITIONS = {
    "color-scan-clean": Preset(_CLEAN_INK, captures=((_COLOUR_SCAN, 1.0),)),
    "bw-scan-clean": Preset(_CLEAN_INK, captures=((_BW_SCAN, 1.0),)),
    "phone-clean": Preset(_CLEAN_INK, captures=((_PHONE, 1.0),)),
    "phone-stained": Preset(_CLEAN_INK, ((_STAINED, 1.0),), ((_PHONE, 1.0),)),
    "phone-deteriorated": Preset(_CLEAN_INK, ((_DETERIORATED, 1.0),), ((_PHONE, 1.0),)),
    "color-scan-deteriorated": Preset(_CLEAN_INK, ((_DETERIORATED, 1.0),), ((_COLOUR_SCAN, 1.0),)),
    "bw-scan-deteriorated": Preset(_CLEAN_INK, ((_DETERIORATED, 1.0),), ((_BW_SCAN, 1.0),)),
    "screenshot": Preset(_CLEAN_INK, captures=((_MONITOR, 1.0),)),
}
"""For measuring only: never train on these, and do not change them once models are compared."""

GIRAFFE = Preset(WorldInk(), WORLD_WEARS, WORLD_CAPTURES)

SCENES = {"giraffe": GIRAFFE, **CONDITIONS}
PRESETS = (*KITS, *SCENES)
FRAME_MM = 300.0  # width that a captured frame stands for when its size is given in dpi


def _maker_header(header, fmt: Format, page_width: float, rng) -> tuple[Text, ...]:
    """A header block in the manner of different makers."""
    style = rng.integers(4)
    comments = header.comments
    if style == 0:
        return patient_header(comments, header.name, header.date, header.time)
    age, sex = comments.get("Age", ""), comments.get("Sex", "")
    scale = f"{fmt.speed:g} mm/s   {fmt.gain:g} mm/mV   0.05-150 Hz"
    person = "  ".join(part for part in (f"{age} y" if age else "", sex) if part)
    if style == 1:
        lines = [(6, 7, f"{header.name}   {person}"), (6, 12, f"{header.date} {header.time}"),
                 (page_width - 95, 7, scale)]  # fmt: skip
    elif style == 2:
        lines = [(6, 6, "12-LEAD ECG"), (6, 11, f"Patient {header.name}"), (6, 16, person),
                 (page_width / 2 - 20, 6, "Unconfirmed report"), (page_width - 70, 6, header.date),
                 (page_width - 70, 11, header.time)]  # fmt: skip
    else:
        lines = [(page_width / 2 - 30, 7, f"{header.date}  {header.time}"), (6, 7, header.name),
                 (6, 12, scale)]  # fmt: skip
    size = rng.uniform(8, 11)
    return tuple(Text(text, x, y, size) for x, y, text in lines if text.strip())


@dataclass(frozen=True)
class Scene:
    """Every choice that makes one captured page, but for its size in px.

    Attributes
    ----------
    page : Page
    colours : Colours
    wear : Wear
    capture : Capture
    placement : Placement
    seeds : tuple of int
        Of the paper's and the camera's chance, so that these do not depend on each other.
    waveform : Waveform
        What is drawn: the record as the device filtered and disturbed it.
    """

    page: layout.Page
    colours: Colours
    wear: Wear
    capture: Capture
    placement: Placement
    seeds: tuple[int, int]
    waveform: Waveform


def draw_scene(waveform, header, preset: Preset, rng, start: float = 0.0) -> Scene:
    """Make the choices of one captured page."""
    waveform, page, colours = preset.ink.choose(waveform, header, rng, start)
    wear, capture = pick(rng, preset.wears), pick(rng, preset.captures)
    placement = place(page, capture, frame_aspect(page, capture), rng)
    seeds = tuple(rng.integers(2**63, size=2))
    return Scene(page, colours, wear, capture, placement, seeds, waveform)


def capture_scene(scene: Scene, height: int, width: int) -> np.ndarray:
    """Print, wear and capture a page at a size in px."""
    # The network's input is 3.7 px/mm wide but 2.4 px/mm high: too coarse for a grid of 1 mm to be
    # moved without loss, so such pages are drawn with square pixels first.
    page = scene.page
    rows, columns = scene.placement.page_size(height, width)
    pixels = draw(page, scene.waveform, scene.colours, rows, columns)
    paper_rng, camera_rng = (np.random.default_rng(int(seed)) for seed in scene.seeds)
    pixels, mask = wear_paper(pixels, page, scene.wear, paper_rng)
    return take(pixels, mask, page, scene.capture, scene.placement, camera_rng, height, width)


def print_in_memory(
    waveform, header, preset: str, rng: np.random.Generator, height: int | None, width: int
) -> tuple[np.ndarray, Placement]:
    """A printout at the size at which a network needs it.

    Parameters
    ----------
    waveform : object with ``signal`` (leads, samples) in mV, ``fs`` in Hz and ``leads``
    header : object with ``name``, ``comments``, ``date`` and ``time``
    preset : str
        One of `PRESETS`.
    rng : numpy.random.Generator
        For the preset's random choices.
    height, width : int
        Size of the picture in px. Without a height it has its own proportions, and a longer side
        of `width` px.

    Returns
    -------
    pixels : ndarray of uint8, shape (height, width, 3)
    placement : Placement
        Where the page lies in the picture.
    """

    def size(aspect: float) -> tuple[int, int]:
        if height is not None:
            return height, width
        return round(width / max(1.0, aspect)), round(width * min(1.0, aspect))

    if preset == "D1":  # no distortion: drawn as small as it is needed
        colours, _ = kit_colours(D1, rng)
        page = kit_page(waveform, header, D1, rng)
        rows, columns = size(page.width / page.height)
        return draw(page, waveform, colours, rows, columns), Placement(page, WHOLE_FRAME)
    if preset in KITS:
        image = kit_image(waveform, header, KITS[preset], rng)
        pixels, page = image.pixels, image.page
        corners = image.to_pixels([(x * page.width, y * page.height) for x, y in WHOLE_FRAME])
        placement = Placement(page, corners / pixels.shape[1::-1])
        rows, columns = size(pixels.shape[1] / pixels.shape[0])
        method = cv2.INTER_AREA if pixels.shape[0] > rows else cv2.INTER_LINEAR
        return cv2.resize(pixels, (columns, rows), interpolation=method), placement
    scene = draw_scene(waveform, header, SCENES[preset], rng)
    return capture_scene(scene, *size(scene.placement.frame.aspect)), scene.placement


@dataclass
class SceneImage:
    """A captured page and where everything lies on it.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    scene : Scene
    dpi : int
    """

    pixels: np.ndarray
    scene: Scene
    dpi: int
    pad_inches: int = 0

    @property
    def page(self) -> layout.Page:
        """The page before it was captured."""
        return self.scene.page

    @property
    def facts(self) -> dict:
        """How it was captured."""
        capture = self.scene.capture
        return {"capture": capture.kind, "colour": capture.colour}

    def to_pixels(self, points) -> np.ndarray:
        """Points of the page in mm, shape (n, 2), as px (x, y) of the image."""
        return self.scene.placement.to_frame(points) * self.pixels.shape[1::-1]


def scene_image(waveform, header, preset: str, rng, dpi: int, start: float = 0.0) -> SceneImage:
    """A captured page at a resolution in dpi of a frame of `FRAME_MM`, from `start` s on."""
    scene = draw_scene(waveform, header, SCENES[preset], rng, start)
    width = round(FRAME_MM / MM_PER_INCH * dpi)
    height = round(width / scene.placement.frame.aspect)
    return SceneImage(capture_scene(scene, height, width), scene, dpi)
