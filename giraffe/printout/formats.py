"""Layouts as electrocardiographs of the world print them, and how one of them is drawn by chance.

`layout.arrange` lays out the few pages that the generator knows. Here a chart is put together from
parts that vary on their own: rows and columns, where the names stand, pulses, what parts the
columns, distances. `typeset` puts it onto a page. All lengths are in mm.
"""

from dataclasses import dataclass

import numpy as np

from giraffe.printout.layout import (
    CABRERA_3X4,
    CABRERA_6X2,
    STANDARD_3X4,
    STANDARD_6X2,
    STANDARD_12X1,
)

LIMB_6X1 = tuple((row[0],) for row in STANDARD_6X2)
CHEST_6X1 = tuple((row[1],) for row in STANDARD_6X2)
CABRERA_12X1 = tuple((row[k],) for k in (0, 1) for row in CABRERA_6X2)
RIGHT_3X5 = tuple(
    (*row, name) for row, name in zip(STANDARD_3X4, ("V3R", "V4R", "V7"), strict=True)
)
BACK_3X5 = tuple((*row, name) for row, name in zip(STANDARD_3X4, ("V7", "V8", "V9"), strict=True))

LAYOUTS = {
    "3x4": (((STANDARD_3X4, 0.94), (CABRERA_3X4, 0.06)), 0),
    "3x4+1": (((STANDARD_3X4, 0.94), (CABRERA_3X4, 0.06)), 1),
    "3x4+2": (((STANDARD_3X4, 0.94), (CABRERA_3X4, 0.06)), 2),
    "3x4+3": (((STANDARD_3X4, 0.96), (CABRERA_3X4, 0.04)), 3),
    "6x2": (((STANDARD_6X2, 0.85), (CABRERA_6X2, 0.15)), 0),
    "6x2+1": (((STANDARD_6X2, 0.85), (CABRERA_6X2, 0.15)), 1),
    "12x1": (((STANDARD_12X1, 0.9), (CABRERA_12X1, 0.1)), 0),
    "6x1": (((LIMB_6X1, 0.5), (CHEST_6X1, 0.5)), 0),
    "3x5": (((RIGHT_3X5, 0.5), (BACK_3X5, 0.5)), 0),
    "8x1": (((STANDARD_12X1, 1.0),), 0),
    "1x1": ((((("II",),), 0.6), ((("V1",),), 0.2), ((("I",),), 0.2)), 0),
}
"""By name: tables of leads with their frequencies, and the number of rhythm strips.

``8x1`` is a page on which four to six of twelve rows are missing; ``1x1`` is one strip, no chart.
"""

FREQUENCIES = {
    "3x4": 0.12, "3x4+1": 0.45, "3x4+2": 0.05, "3x4+3": 0.09, "6x2": 0.06, "6x2+1": 0.06,
    "12x1": 0.07, "6x1": 0.05, "3x5": 0.03, "8x1": 0.02,
}  # fmt: skip
"""How often each layout is drawn; single strips only when they are asked for."""

RHYTHMS = {
    1: ((("II",), 0.62), (("V1",), 0.13), (("V5",), 0.05), (("III",), 0.04), (None, 0.16)),
    2: ((("II", "V1"), 0.3), (("V1", "II"), 0.3), (("II", "V5"), 0.2), (None, 0.2)),
    3: ((("II", "V1", "V5"), 0.35), (("V1", "II", "V5"), 0.4), (None, 0.25)),
}
"""Leads of rhythm strips by their number; None: any of the record's."""

SPELLINGS = (("aVR", 0.74), ("AVR", 0.17), ("aVr", 0.09))
"""How makers write the augmented leads."""

ROW_MM = ((250.0, 0.86), (240.0, 0.03), (225.0, 0.03), (200.0, 0.04), (150.0, 0.04))
DIVIDERS = (
    ("bars", 0.22), ("long", 0.10), ("dashed", 0.06), ("dotted", 0.05), ("ticks", 0.16),
    ("double", 0.07), ("none", 0.34),
)  # fmt: skip
PULSES = (("left", 0.56), ("right", 0.16), ("both", 0.04), ("none", 0.24))
PULSE_ROWS = (("all", 0.86), ("last", 0.07), ("first", 0.03), ("rows", 0.02), ("rhythm", 0.02))
NAMES = (("above", 0.38), ("below", 0.34), ("before", 0.10), ("over", 0.10), ("none", 0.08))
LEAST_STEP = 9.0  # between neighbouring rows
MOST_HEIGHT = 250.0  # of all rows together; charts are wider than high


def pick(rng, choices):
    """One of several things, each given with its frequency."""
    weights = np.array([weight for _, weight in choices], dtype=float)
    return choices[rng.choice(len(choices), p=weights / weights.sum())][0]


def spelt(name: str, spelling: str) -> str:
    """The name of a lead in one of `SPELLINGS`."""
    if "aV" not in name or spelling == "aVR":
        return name
    return name.upper() if spelling == "AVR" else name[:-1] + name[-1].lower()


@dataclass(frozen=True)
class Style:
    """How the parts of a chart are drawn; lengths in mm, widths of lines in points.

    Attributes
    ----------
    names : str
        ``above`` or ``below`` the trace, ``before`` it, ``over`` it, or ``none``.
    name_x, name_y : float
        Of the name: to the right of the strip's beginning; from the baseline.
    name_points : float
    name_font : str, or None
        None: the page's.
    spelling : str
        Of `SPELLINGS`.
    strip_names : str
        Name of the rhythm strips: ``lead``, ``number`` or ``often`` (several times in the row).
    pulses : str
        ``left``, ``right``, ``both`` or ``none``.
    pulse_rows : str
        ``all``, ``first``, ``last``, ``rows`` (all but the strips) or ``rhythm`` (the strips).
    pulse_width, pulse_foot, pulse_away : float
        Of the plateau; of the feet on both sides; free room between pulse and trace.
    pulse_points : float
    divider : str
        What parts the columns: ``bars``, ``long``, ``dashed``, ``dotted``, ``ticks``, ``double``
        or ``none``.
    divider_half, divider_points : float
        Half its height; its width.
    divider_ends : bool
        Whether dividers also stand where rows begin and end.
    gap : float
        Between columns.
    cut : bool
        Whether the gap is cut out of the traces; else the columns stand farther apart.
    """

    names: str = "above"
    name_x: float = 1.0
    name_y: float = 6.0
    name_points: float = 10.0
    name_font: str | None = None
    spelling: str = "aVR"
    strip_names: str = "lead"
    pulses: str = "left"
    pulse_rows: str = "all"
    pulse_width: float = 5.0
    pulse_foot: float = 0.0
    pulse_away: float = 0.0
    pulse_points: float = 1.0
    divider: str = "none"
    divider_half: float = 3.5
    divider_points: float = 1.0
    divider_ends: bool = False
    gap: float = 0.0
    cut: bool = False

    @property
    def before(self) -> float:
        """Room that stands before the rows."""
        room = self.pulse_width + 2 * self.pulse_foot + self.pulse_away
        return room if self.pulses in ("left", "both") else 0.0

    @property
    def after(self) -> float:
        """Room that stands behind the rows."""
        room = self.pulse_width + 2 * self.pulse_foot + self.pulse_away
        return room if self.pulses in ("right", "both") else 0.0


@dataclass(frozen=True)
class Chart:
    """Rows of leads with their distances; the first row's baseline and the rows' beginning at 0.

    Attributes
    ----------
    name : str
        A key of `LAYOUTS`.
    rows : tuple of tuples of str
    rhythm : tuple of str
    levels : tuple of float
        Of the baselines, from the first row's down.
    length : float
        Of a row.
    speed, gain : float
        mm/s and mm/mV.
    simultaneous : bool
        Whether every column begins at the same time.
    style : Style
    """

    name: str
    rows: tuple[tuple[str, ...], ...]
    rhythm: tuple[str, ...]
    levels: tuple[float, ...]
    length: float
    speed: float
    gain: float
    simultaneous: bool
    style: Style

    @property
    def reach(self) -> float:
        """As `Page.reach`."""
        return float(np.diff(self.levels).min() / 2) if len(self.levels) > 1 else 15.0

    @property
    def span(self) -> float:
        """From where the rows begin to where they end."""
        gaps = 0.0 if self.style.cut else (max(map(len, self.rows)) - 1) * self.style.gap
        return self.length + gaps


def draw_style(rng, spacing: float, fonts: tuple[str, ...]) -> Style:
    """Draw how the parts of a chart look; `spacing` of the closest rows in mm."""
    names = pick(rng, NAMES)
    farthest = min(12.0, 0.42 * spacing)
    nearest = min(4.0, farthest)
    divider = pick(rng, DIVIDERS)
    half = {"bars": 3.5, "ticks": rng.uniform(1, 3)}.get(divider, rng.uniform(4, 12))
    gapped = rng.random() < 0.12
    narrow = rng.random() < 0.25
    return Style(
        names=names,
        name_x=rng.uniform(-4.0, 0.0) if rng.random() < 0.15 else rng.uniform(0.0, 3.0),
        name_y=rng.uniform(nearest, farthest),
        name_points=float(np.round(2 * min(rng.uniform(6, 14), 0.9 * spacing)) / 2),
        name_font=str(rng.choice(fonts)) if rng.random() < 0.3 else None,
        spelling=pick(rng, SPELLINGS),
        strip_names=pick(rng, (("lead", 0.88), ("number", 0.06), ("often", 0.06))),
        pulses=pick(rng, PULSES),
        pulse_rows=pick(rng, PULSE_ROWS),
        pulse_width=rng.uniform(2.0, 3.0) if narrow else 5.0,
        pulse_foot=0.0 if rng.random() < 0.5 else rng.uniform(0.5, 2.0),
        pulse_away=0.0 if rng.random() < 0.4 else rng.uniform(0.0, 4.0),
        pulse_points=rng.uniform(0.5, 1.5),
        divider=divider,
        divider_half=min(half, 0.45 * spacing),
        divider_points=rng.uniform(1.5, 3.0) if divider == "bars" else rng.uniform(0.4, 1.2),
        divider_ends=bool(rng.random() < 0.2),
        gap=rng.uniform(1.0, 3.0) if gapped else 0.0,
        cut=bool(rng.random() < 0.5),
    )


def draw_chart(rng, leads, fonts: tuple[str, ...], name: str | None = None) -> Chart:
    """Draw a chart for the leads of a record.

    Parameters
    ----------
    rng : numpy.random.Generator
    leads : collection of str
        Leads that can be drawn.
    fonts : tuple of str
        For the names of the leads.
    name : str, or None
        A key of `LAYOUTS`; None: drawn by `FREQUENCIES`.

    Returns
    -------
    Chart
    """
    name = pick(rng, tuple(FREQUENCIES.items())) if name is None else name
    tables, number = LAYOUTS[name]
    rows = pick(rng, tables)
    if name == "8x1":
        kept = np.sort(rng.choice(len(rows), rng.integers(6, 9), replace=False))
        rows = tuple(rows[k] for k in kept)
    rows = tuple(row for row in rows if any(label.removeprefix("-") in leads for label in row))
    rows = rows or tuple((lead,) for lead in tuple(leads)[:12])  # a record of other leads
    rhythm = ()
    if number:
        rhythm = pick(rng, RHYTHMS[number])
        if rhythm is None or not set(rhythm) <= set(leads):
            count = min(number, len(leads))
            rhythm = tuple(str(lead) for lead in rng.choice(tuple(leads), count, replace=False))
    total = len(rows) + len(rhythm)
    closest, widest = (
        (LEAST_STEP, 19.0) if total > 7 else (11.0, 32.0) if total > 5 else (17.0, 45.0)
    )
    spacing = rng.uniform(closest, widest) * rng.uniform(0.75, 1.0)
    spacing = min(max(spacing, closest), MOST_HEIGHT / max(total, 1))
    steps = np.full(max(total - 1, 0), spacing)
    if rhythm and rng.random() < 0.3:
        steps[len(rows) - 1 :] *= rng.uniform(0.65, 1.35)
    if rng.random() < 0.12:
        steps *= rng.uniform(0.88, 1.12, len(steps))
    steps = np.maximum(steps, LEAST_STEP)
    speed = 50.0 if rng.random() < 0.06 else 25.0
    gain = pick(rng, ((10.0, 0.94), (5.0, 0.03), (20.0, 0.03)))
    return Chart(
        name, rows, rhythm, (0.0, *np.cumsum(steps)), pick(rng, ROW_MM), speed, gain,
        bool(rng.random() < 0.25), draw_style(rng, float(steps.min(initial=spacing)), fonts),
    )  # fmt: skip
