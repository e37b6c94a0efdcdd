"""Pictures whose charts are known to the pixel, and how well a reader's answer fits them.

For `benchmarks.charts`: our own printed pages, which no training shows, and the EDAN pages, whose
chart always lies at the same place.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from giraffe.chart.chart import Chart, turn_points
from giraffe.chart.geometry import WHOLE, between, sides_in_px, straighten, transform
from giraffe.chart.reader import Finding
from giraffe.chart.truth import canonical
from giraffe.ecg.records import LEADS, Header, Waveform
from giraffe.ecg.simulate import simulate
from giraffe.pictures import read_picture, shrunk
from giraffe.printout.formats import FREQUENCIES
from giraffe.printout.kit import kit_image
from giraffe.printout.layout import MM_PER_INCH, STANDARD_3X4, Page, Pulse, Strip, Text
from giraffe.printout.paper import WorldInk
from giraffe.printout.placement import Placement
from giraffe.printout.presets import CONDITIONS, KITS, SCENES, capture_scene, draw_scene
from giraffe.printout.render import text_box
from giraffe.randomness import random_stream

SEED = 900_001  # of everything drawn here; no training uses it
KINDS = ("giraffe",) * 4 + (*CONDITIONS, *KITS)
"""Of own pages, in turn: 15, so that 300 pages are 80 of `giraffe` and 20 of each other."""
LAYOUT_NAMES = tuple(FREQUENCIES)
DPI = (100, 200)
LONGEST = 4000  # px of an own page's longer side, at most
COMMENTS = {"Age": "54", "Sex": "Male", "Height": "175", "Weight": "80"}

# The mark of the EDAN pages, in px of their 2213 x 1572: the feet of the four pulses and the middle
# of the traces give the levels, the dividers at 644, 1136 and 1627.5 and the first and last inked
# column of the traces (152 and 2120 on all 469 pages) give the columns. Every fifth line of the
# grid is 39.72 px from the one before (50 of them between 145 and 2131).
EDAN_SIZE = 2213, 1572
EDAN_LEVELS = (463.0, 764.0, 1066.0, 1367.0)
EDAN_COLUMNS = (152.0, 644.0, 1136.0, 1627.5, 2120.5)
EDAN_PULSES = (105.0, 17.0)  # beginning and width
EDAN_PX_PER_MM = 39.72 / 5

INTO = 0.3  # share of the sides of a changed page that are cut into the chart
DEEPEST = 0.05  # of such a cut, in shares of the chart's side
STRETCH, WIDE = (0.75, 1.33), (700, 2600)  # of changed pages: anisotropy, px of the width
TILT, KEYSTONE = 2.0, 0.008  # standard deviations: degrees; corners in shares of the frame


@dataclass(frozen=True)
class Known:
    """A picture and where everything on its page lies.

    Attributes
    ----------
    name, kind : str
    pixels : ndarray of uint8, shape (height, width, 3)
        Upright.
    placement : Placement
    grid : bool
        Whether one is drawn.
    kept : float
        Of the resolution: less than 1 where the picture was once a smaller file.
    """

    name: str
    kind: str
    pixels: np.ndarray
    placement: Placement
    grid: bool = True
    kept: float = 1.0

    @property
    def size_mm(self) -> np.ndarray:
        """Width and height of the chart."""
        left, top, right, bottom = self.placement.page.chart
        return np.array([right - left, bottom - top])

    @property
    def px_per_mm(self) -> np.ndarray:
        """Across and down the chart: mean sides of the true corners over their size in mm."""
        return sides_in_px(self.placement.chart_corners(), self.pixels.shape) / self.size_mm

    @property
    def dpi(self) -> float:
        """Of what is left of the chart, both ways' mean."""
        return float(MM_PER_INCH * np.sqrt(self.px_per_mm.prod()) * self.kept)

    def names_seen(self) -> set[int]:
        """Places among the page's strips of those whose own name lies in the picture."""
        page = self.placement.page
        found = set()
        for text in page.texts:
            if text.kind != "lead" or text.strip is None or not canonical(text.content):
                continue
            left, top, right, bottom = text_box(text, text.font or page.font)
            if self._shows([(left, top), (right, top), (right, bottom), (left, bottom)]):
                found.add(text.strip)
        return found

    def pulse_seen(self) -> bool:
        """Whether a whole pulse lies in the picture."""
        return any(
            self._shows([(x, pulse.baseline - y) for x in (pulse.x, pulse.x + pulse.width)
                         for y in (0, pulse.height)])
            for pulse in self.placement.page.pulses
        )  # fmt: skip

    def _shows(self, points) -> bool:
        where = self.placement.to_frame(points)
        return bool(((where > 0) & (where < 1)).all())

    def row_ends(self) -> list[np.ndarray]:
        """Both ends of each row in shares of the picture, shape (2, 2), cut at its border."""
        page, rows = self.placement.page, {}
        for strip in page.strips:
            rows.setdefault(strip.baseline, []).append(strip)
        found = []
        for level, strips in sorted(rows.items()):
            begin, end = min(s.x for s in strips), max(page.strip_end(s) for s in strips)
            ends = self.placement.to_frame([(begin, level), (end, level)])
            way = ends[1] - ends[0]
            at = (np.clip(ends[:, 0], 0, 1) - ends[0, 0]) / way[0]
            found.append(ends[0] + at[:, None] * way)
        return found

    def mark(self, name: str) -> dict:
        """The chart's mark as ``marks.jsonl`` of the real pictures has them."""
        rows = [
            {"left": (100 * left).tolist(), "right": (100 * right).tolist()}
            for left, right in self.row_ends()
        ]
        return {"name": name, "usable": True, "rows": rows, "layout": self.placement.page.layout}


def own_page(k: int) -> Known:
    """A page of a simulated patient whom no training shows.

    The first 15 of 30 pages are as their presets print them. In the others, but for the kits, the
    layouts take turns, and `giraffe` saves its files in full resolution.
    """
    kind, in_turn = KINDS[k % len(KINDS)], bool(k // len(KINDS) % 2)
    rng = random_stream(SEED, "chart benchmark", k)
    wave = Waveform(simulate(SEED, k).signal, 500.0, LEADS)
    header = Header(f"{k}", 500.0, wave.signal.shape[1], LEADS, (), (), (), True, (), COMMENTS)
    dpi = rng.uniform(*DPI)
    if kind in KITS:
        options = replace(KITS[kind], resolution=round(dpi), random_resolution=False)
        image = kit_image(wave, header, options, rng)
        page, pixels = image.page, image.pixels
        corners = image.to_pixels(WHOLE * (page.width, page.height)) / pixels.shape[1::-1]
        return Known(f"{k}", kind, pixels, Placement(page, corners), image.facts["grid"])
    preset = SCENES[kind]
    if in_turn:
        turn = (k // (2 * len(KINDS)) + k % len(KINDS)) % len(LAYOUT_NAMES)
        preset = replace(preset, ink=WorldInk(LAYOUT_NAMES[turn]))
    scene = draw_scene(wave, header, preset, rng)
    height, width = _size_at(dpi, scene.placement)
    file_width, kept = scene.capture.file_width, 1.0
    if file_width is not None:  # drawn here, as it must be known
        drawn = width if in_turn else np.exp(rng.uniform(*np.log(file_width)))
        scene = replace(scene, capture=replace(scene.capture, file_width=(drawn, drawn)))
        kept = min(float(drawn / width), 1.0)
    pixels = capture_scene(scene, height, width)
    kind = f"{kind}, layouts" if in_turn else kind
    return Known(f"{k}", kind, pixels, scene.placement, scene.page.grid_mm, kept)


def _size_at(dpi: float, placement) -> tuple[int, int]:
    """Height and width in px of a frame in which the chart has so many dpi, both ways' mean."""
    aspect = placement.frame.aspect
    sides = sides_in_px(placement.chart_corners(), (1 / aspect, 1.0))
    left, top, right, bottom = placement.page.chart
    width = dpi / MM_PER_INCH * np.sqrt((right - left) * (bottom - top) / sides.prod())
    width *= min(LONGEST / (width * max(1.0, 1 / aspect)), 1.0)
    return round(width / aspect), round(width)


def _edan() -> Page:
    """What stands on every EDAN page; of the last row's lead the pages differ."""
    scale = EDAN_PX_PER_MM
    levels = [level / scale for level in EDAN_LEVELS]
    columns = [x / scale for x in EDAN_COLUMNS]
    strips, texts = [], []
    for row, leads in enumerate(STANDARD_3X4):
        for column, lead in enumerate(leads):
            x, end = columns[column : column + 2]
            texts.append(Text(lead, x, levels[row] - 1, kind="lead", strip=len(strips)))
            strips.append(
                Strip(lead, lead, 1.0, 0.0, (end - x) / 25, x, levels[row], False, row, column)
            )
    seconds = (columns[-1] - columns[0]) / 25
    strips.append(Strip("", "", 1.0, 0.0, seconds, columns[0], levels[3], True, 3))
    left, width = (x / scale for x in EDAN_PULSES)
    pulses = tuple(Pulse(left, width, level, 10.0) for level in levels)
    size = [side / scale for side in EDAN_SIZE]
    return Page(
        *size, 25.0, 10.0, tuple(strips), tuple(texts), pulses=pulses, row_end=columns[-1],
        layout="3x4+1",
    )  # fmt: skip


def edan_page(path: Path) -> Known:
    """A page of the hospital's electrocardiograph as it is."""
    pixels = read_picture(path)
    if pixels.shape[1::-1] != EDAN_SIZE:
        raise ValueError(f"{path}: {pixels.shape[1::-1]} px instead of {EDAN_SIZE}")
    return Known(path.name, path.parent.name, pixels, Placement(_edan(), WHOLE))


def changed(known: Known, rng: np.random.Generator) -> Known:
    """The page cropped, also into its chart, stretched, tilted and a little in perspective."""
    low, high = (known.placement.chart_corners()[k] for k in (0, 2))
    size = high - low
    room = rng.uniform(0, 1, 4) * np.concatenate([low, 1 - high])
    cut = rng.random(4) < INTO
    room[cut] = -DEEPEST * rng.uniform(0, 1, cut.sum()) * np.tile(size, 2)[cut]
    low, high = low - room[:2], high + room[2:]
    shape = np.array(known.pixels.shape[1::-1])
    frame = (WHOLE - 0.5) * (high - low) * shape
    angle = np.deg2rad(rng.normal(0, TILT))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    window = frame @ turn / shape + (low + high) / 2
    window = window + rng.normal(0, KEYSTONE, (4, 2)) * (high - low)
    aspect = np.divide(*((high - low) * shape)) * np.exp(rng.uniform(*np.log(STRETCH)))
    width = round(np.exp(rng.uniform(*np.log(WIDE))))
    height = max(round(width / aspect), 300)
    # Lines would fall between the pixels that a far smaller picture looks at.
    factor = max(width, height) / np.abs(frame * 2).max()
    source = shrunk(known.pixels, round(max(shape) * min(factor, 1.0)))
    pixels = straighten(source, window, height, width)
    return replace(known, pixels=pixels, placement=known.placement.seen_through(window))


def corner_error(chart: Chart, turn: int, truth: np.ndarray) -> float:
    """Mean absolute distance of found corners in the coordinates of the true chart."""
    corners = turn_points(chart.corners, -turn)
    return float(np.abs(transform(between(truth, WHOLE), corners) - WHOLE).mean())


def leads_right(known: Known, turn: int, chart: Chart | None) -> tuple[int, int]:
    """Of the cells whose names are printed, how many have their lead; and how many there are.

    A cell has its lead if it alone, of those found, has its middle there, and says so.
    """
    page, seen = known.placement.page, known.names_seen()
    said: dict[int, list] = {}
    for cell in chart.cells if chart is not None else ():
        level = chart.rows.levels[cell.row]
        point = chart.to_picture([(cell.start + cell.stop) / 2], [level])
        x, y = (float(part[0]) for part in known.placement.to_page(*turn_points(point, -turn).T))
        off = [abs(strip.baseline - y) for strip in page.strips]
        for number in np.argsort(off, kind="stable"):
            strip = page.strips[number]
            if off[number] < page.reach and strip.x <= x < page.strip_end(strip):
                said.setdefault(int(number), []).append((cell.lead, -1 if cell.inverted else 1))
                break
    right = sum(
        said.get(number) == [(page.strips[number].lead, round(page.strips[number].sign))]
        for number in seen
    )
    return right, len(seen)


def marked_cells(mark: dict, chart: Chart, turn: int) -> tuple[int, int]:
    """Cells of a real picture whose lead was found in its row and column, and all of them.

    Parameters
    ----------
    mark : dict
        A line of ``marks.jsonl``, of the upright picture.
    chart : Chart
        Found in the picture turned clockwise by `turn`.
    turn : int
    """
    rows = [[lead.upper() for lead in row["leads"]] for row in mark["rows"]]
    ends = np.array([[row["left"], row["right"]] for row in mark["rows"]]) / 100
    upright = chart.rows.plane.to_chart(ends.mean(axis=1))
    found: dict[int, list[str]] = {}
    for cell in chart.cells:
        label = f"-{cell.lead}" if cell.inverted else cell.lead
        found.setdefault(cell.row, []).append(label.upper())
    stands = (chart.turned + turn) % 360 == 0
    right = 0
    for leads, (_, v) in zip(rows, upright, strict=True):
        nearest = int(np.abs(chart.rows.levels - v).argmin())
        said = found.get(nearest, [])
        if stands and len(said) == len(leads):
            right += sum(a == b for a, b in zip(said, leads, strict=True))
    return right, sum(map(len, rows))


def judged(known: Known, turn: int, finding: Finding) -> dict:
    """How a reader's answer fits a picture that was given to it turned clockwise by `turn`."""
    page, chart = known.placement.page, finding.chart
    right, cells = leads_right(known, turn, chart)
    off = np.nan
    if chart is not None and chart.px_per_mm is not None:
        off = float(np.abs(np.array(chart.px_per_mm) / known.px_per_mm - 1).max())
    truth = known.placement.chart_corners()
    return {
        "picture": known.name, "kind": known.kind, "turn": turn, "dpi": round(known.dpi),
        "layout": page.layout, "said": finding.kind, "certainty": finding.certainty,
        "error": np.inf if chart is None else corner_error(chart, turn, truth),
        "upright": chart is not None and (chart.turned + turn) % 360 == 0,
        "layout found": "" if chart is None else chart.layout,
        "names": cells, "names right": right, "grid": known.grid, "px/mm off": off,
        "scaled": known.grid and known.pulse_seen(), "speed": page.speed,
        "speed found": None if chart is None else chart.speed,
        "gain": page.gain, "gain found": None if chart is None else chart.gain,
    }  # fmt: skip
