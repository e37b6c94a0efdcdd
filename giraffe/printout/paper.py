"""Pages as the world prints them: paper, grid, inks, where the chart lies and what is around it.

`WorldInk` draws all of that by chance, independently of each other; nothing looks at the signal.
"""

from dataclasses import dataclass, replace

import numpy as np

from giraffe.ecg.filters import disturbed
from giraffe.printout import wording
from giraffe.printout.formats import Chart, draw_chart, pick
from giraffe.printout.layout import MAJOR_MM, Grid, Page, Text
from giraffe.printout.render import Colours, rgb, text_box
from giraffe.printout.typeset import lay_out

FONTS = (
    ("Sans", 0.18), ("SansBold", 0.06), ("Serif", 0.08), ("SerifBold", 0.04), ("Mono", 0.08),
    ("MonoBold", 0.03), ("SlabMono", 0.06), ("Typewriter", 0.06), ("TypewriterBold", 0.03),
    ("Machine", 0.05), ("Condensed", 0.06), ("CondensedBold", 0.03), ("Humanist", 0.05),
    ("DotMatrix", 0.07), ("DejaVuSans", 0.06), ("DejaVuSansMono", 0.03), ("STIXGeneral", 0.03),
)  # fmt: skip
NAME_FONTS = tuple(name for name, _ in FONTS)

PAPERS = ((297.0, 210.0), (279.4, 215.9), (300.0, 215.0), (305.0, 210.0), (330.0, 216.0))
"""Widths and heights in mm of sheets; charts that are larger get larger ones."""

INKS = (
    ((225, 80, 85), 0.30), ((240, 130, 95), 0.10), ((235, 110, 150), 0.12), ((130, 185, 135), 0.11),
    ((120, 145, 210), 0.10), ((140, 140, 140), 0.11), ((40, 40, 45), 0.05), ((175, 130, 85), 0.08),
    ((165, 120, 190), 0.03),
)  # fmt: skip
"""Colours of major lines with their frequencies, varied when drawn."""

PENS = (
    ((15, 15, 18), 0.78), ((25, 35, 110), 0.07), ((95, 95, 100), 0.08), ((90, 25, 30), 0.03),
    ((20, 75, 60), 0.02), ((50, 45, 120), 0.02),
)  # fmt: skip
NAME_INKS = ((20, 40, 170), (190, 30, 40), (90, 90, 90), (10, 100, 60), (0, 0, 0))

GRIDS = (
    (("lines", "lines"), 0.60), (("dots", "lines"), 0.12), (("none", "lines"), 0.09),
    (("none", "none"), 0.08), (("dashes", "lines"), 0.04), (("dots", "dashes"), 0.02),
    (("none", "dashes"), 0.02), (("lines", "none"), 0.02), (("dots", "none"), 0.01),
)  # fmt: skip
"""Kinds of minor and major lines with their frequencies."""

NARROWEST = 18.0  # mm of a column of text beside the chart
INVENTED = {"V3R": ("V1", 0.6), "V4R": ("V1", 0.45), "V7": ("V6", 0.8), "V8": ("V6", 0.65),
            "V9": ("V6", 0.5)}  # fmt: skip
"""Leads that no record has: like their neighbours, and lower the farther away."""


@dataclass(frozen=True)
class WorldInk:
    """How the world prints.

    Attributes
    ----------
    layout : str, or None
        A key of `formats.LAYOUTS`; None: any that is a chart.
    """

    layout: str | None = None

    def choose(self, waveform, header, rng, start: float = 0.0):
        """Draw a page of a record.

        Parameters
        ----------
        waveform : Waveform
        header : object with ``name``, ``comments``, ``date`` and ``time``
        rng : numpy.random.Generator
        start : float
            Where in the record the page begins, in s.

        Returns
        -------
        waveform : Waveform
            As the device recorded it.
        page : Page
        colours : Colours
        """
        chart = draw_chart(rng, waveform.leads, NAME_FONTS, self.layout)
        font = str(pick(rng, FONTS))
        waveform = _with_invented_leads(waveform, chart, rng)
        waveform = replace(waveform, signal=disturbed(waveform.signal, waveform.fs, rng))
        left, first, size = _place(chart, font, rng)
        duration = waveform.signal.shape[1] / waveform.fs
        page = lay_out(
            chart, waveform.leads, duration, left, first, size, start,
            lambda name, points, own: _width(name, points, own or font),
        )  # fmt: skip
        page = replace(page, font=font, trace_points=float(np.exp(rng.normal(-0.22, 0.33))))
        page = replace(page, trace_points=float(np.clip(page.trace_points, 0.4, 1.8)))
        if rng.random() < 0.04:
            column, pen = int(rng.integers(4)), rng.uniform(1.5, 2.2)
            thick = (replace(s, pen=pen) if s.column == column else s for s in page.strips)
            page = replace(page, strips=tuple(thick))
        page = replace(page, texts=page.texts + tuple(_words(page, header, rng)))
        grid = choose_grid(page, rng)
        page = replace(page, grid=grid, grid_mm=grid.drawn)
        return waveform, page, choose_colours(grid, rng)


def _with_invented_leads(waveform, chart: Chart, rng):
    """A record with the leads of a chart that nobody records."""
    wanted = {label for row in chart.rows for label in row} - set(waveform.leads)
    signal, leads = [waveform.signal], list(waveform.leads)
    for name in sorted(wanted & set(INVENTED)):
        source, share = INVENTED[name]
        if source in waveform.leads:
            factor = np.float32(share * rng.uniform(0.85, 1.15))
            signal.append(factor * waveform.signal[waveform.leads.index(source)][None])
            leads.append(name)
    if len(signal) == 1:
        return waveform
    return replace(waveform, signal=np.concatenate(signal), leads=tuple(leads))


def _width(name: str, points: float, font: str) -> float:
    left, _, right, _ = text_box(Text(name, 0.0, 0.0, points), font)
    return right - left


def _place(chart: Chart, font: str, rng):
    """Where the rows begin, the first baseline, and the size of the page, in mm."""
    style = chart.style
    before, after = style.before, style.after
    if style.names == "before":
        widest = max((_width(n, style.name_points, style.name_font or font)
                      for n in ("aVR", "V5")), default=0.0)  # fmt: skip
        before += widest + 2.0
    elif style.name_x < 0:
        before = max(before, -style.name_x)
    above, below = 1.6 * chart.reach, chart.levels[-1] + 1.1 * chart.reach
    wide, high = before + chart.span + after, above + below

    def margin(most: float) -> float:
        return rng.uniform(0, 2.5) if rng.random() < 0.45 else rng.uniform(0, most)

    kind = pick(rng, (("sheet", 0.42), ("tight", 0.42), ("tall", 0.16)))
    if kind == "sheet":
        width, height = PAPERS[rng.integers(len(PAPERS))]
        width, height = max(width, wide + 3), max(height, high + 3)
        left = rng.beta(2, 3) * (width - wide)
        top = rng.beta(3, 2) * (height - high)
        return left + before, top + above, (width, height)
    if kind == "tight":
        left, right, top, bottom = margin(30), margin(30), margin(25), margin(25)
        if rng.random() < 0.4:
            top += rng.uniform(8, 35)
        if rng.random() < 0.3:
            bottom += rng.uniform(5, 12)
    else:
        left, right, top, bottom = margin(20), margin(20), rng.uniform(45, 120), margin(15)
        if rng.random() < 0.25:
            top, bottom = bottom, top
    return left + before, top + above, (left + wide + right, top + high + bottom)


def _words(page: Page, header, rng) -> list[Text]:
    """Blocks of text wherever there is room around the chart."""
    left, top, right, bottom = page.chart
    points = float(np.round(2 * rng.uniform(6, 11)) / 2)
    texts, margin = [], rng.uniform(2, 8)
    blocks = [wording.patient_lines(header, rng)]
    if rng.random() < 0.7:
        blocks.append(wording.measurement_lines(rng))
    if rng.random() < 0.6:
        blocks.append(wording.statement_lines(rng))
    if rng.random() < 0.25:
        blocks = blocks[::-1]
    scale = wording.scale_line(page.speed, page.gain, rng)
    wears_text, at_foot, beside = rng.random(3) < (0.8, 0.75, 0.5)
    above, below = top > 6, page.height - bottom > 5
    # Makers whose rows leave no room write into the first one.
    y = rng.uniform(1, max(1.0, top - 30)) if rng.random() < 0.3 else 1.5
    if wears_text and above:
        box = (margin, y, page.width - margin, top + 0.3 * page.reach)
        texts += wording.fill(blocks, box, points)
    elif wears_text and page.height - bottom > 25:
        texts += wording.fill(
            blocks, (margin, bottom + 2, page.width - margin, page.height), points
        )
    if at_foot and below:
        y = rng.uniform(max(bottom + 3, page.height - 8), page.height - 1.0)
        texts.append(Text(scale, rng.uniform(margin, 40), y, points, "scale"))
    elif at_foot and above and not texts:
        texts.append(Text(scale, margin, rng.uniform(4, top), points, "scale"))
    if beside:
        first = min([left, *(pulse.x for pulse in page.pulses)])
        last = max([right, *(pulse.x + pulse.width for pulse in page.pulses)])
        for box in ((margin, top, first - 12, bottom), (last + 4, top, page.width - 1, bottom)):
            if box[2] - box[0] > NARROWEST:
                texts += wording.fill([wording.measurement_lines(rng)], box, min(points, 7.0))
    return texts


def choose_grid(page: Page, rng) -> Grid:
    """Draw the lines of a page's paper."""
    minor, major = pick(rng, GRIDS)
    left, top, right, bottom = page.chart
    if rng.random() < 0.5:  # printed by the device, with the chart
        x, y = left, min((strip.baseline for strip in page.strips), default=0.0)
    else:
        x, y = rng.uniform(0, MAJOR_MM, 2)
    area = None
    if rng.random() < 0.36:
        pulses = [pulse.x - 2 for pulse in page.pulses] + [p.x + p.width + 2 for p in page.pulses]
        room = rng.uniform(0, 10, 4)
        borders = (
            min([left, *pulses]) - room[0], top - room[1], max([right, *pulses]) + room[2],
            bottom + room[3],
        )  # fmt: skip
        # Such a grid begins and ends with a major line.
        first = [origin + MAJOR_MM * np.floor((at - origin) / MAJOR_MM)
                 for at, origin in zip(borders[:2], (x, y), strict=True)]  # fmt: skip
        last = [origin + MAJOR_MM * np.ceil((at - origin) / MAJOR_MM)
                for at, origin in zip(borders[2:], (x, y), strict=True)]  # fmt: skip
        area = (
            max(first[0], 0.0), max(first[1], 0.0),
            min(last[0], page.width), min(last[1], page.height),
        )  # fmt: skip
    thin = rng.uniform(0.2, 0.5)
    return Grid(
        minor, major, thin, rng.uniform(max(0.3, thin), 0.8), float(x), float(y), area,
        rng.uniform(0.5, 1.5) if area is not None and rng.random() < 0.5 else 0.0,
        rng.uniform(4, 22) if rng.random() < 0.05 else 0.0,
    )  # fmt: skip


def _mixed(colour, other, share: float) -> tuple[int, int, int]:
    """A colour with a share of another."""
    return rgb(round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))


def _varied(colour, rng, spread: float = 14.0) -> tuple[int, int, int]:
    return rgb(np.clip(rng.normal(colour, spread), 0, 255))


def choose_colours(grid: Grid, rng) -> Colours:
    """Draw the colours of a page."""
    major = _varied(pick(rng, INKS), rng)
    white = rgb(rng.integers([246, 244, 236], [256, 254, 250]))
    tint = pick(rng, (("white", 0.55), ("grid", 0.28), ("any", 0.12), ("dark", 0.05)))
    paper = white
    if tint == "grid":  # pink paper with darker pink lines, and likewise in other colours
        paper = _mixed(white, major, rng.uniform(0.08, 0.32))
    elif tint == "any":
        paper = rgb(rng.integers([225, 220, 200], 256))
    elif tint == "dark":
        paper = rgb(rng.integers([150, 140, 120], [215, 205, 195]))
        major = _mixed(major, (0, 0, 0), rng.uniform(0.2, 0.5))
    major = _mixed(
        major, paper, rng.uniform(0, 0.8) if rng.random() < 0.25 else rng.uniform(0, 0.4)
    )
    minor = _mixed(major, paper, rng.uniform(0.1, 0.7))
    trace = _varied(pick(rng, PENS), rng, 8.0)
    if rng.random() < 0.3:
        trace = _mixed(trace, paper, rng.uniform(0, 0.35))
    text = trace if rng.random() < 0.75 else _varied((30, 30, 35), rng)
    names = NAME_INKS[rng.integers(len(NAME_INKS))] if rng.random() < 0.12 else None
    outside = white if grid.area is not None and rng.random() < 0.75 else None
    return Colours(paper, minor=minor, major=major, trace=trace, text=text, grid=grid.drawn,
                   names=names, outside=outside)  # fmt: skip
