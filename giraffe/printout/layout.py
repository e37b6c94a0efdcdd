"""Where things stand on an ECG page: geometry in mm, from the upper left corner.

The standard page is the public generator's (ECG-Image-Kit): 11 x 8.5 in, 25 mm/s, 10 mm/mV, three
rows of four leads and a rhythm strip. Measurements: the specification of that generator.
"""

from dataclasses import dataclass

import numpy as np

MM_PER_INCH = 25.4
MM_PER_POINT = MM_PER_INCH / 72
PAPERS = {"letter": (11 * MM_PER_INCH, 8.5 * MM_PER_INCH), "a4": (297.0, 210.0)}
"""Width and height in mm."""

MAJOR_MM = 5.0  # 0.2 s and 0.5 mV at 25 mm/s and 10 mm/mV
MINOR_MM = 1.0
ROW_SECONDS_AT_25 = 10.0  # a row is 250 mm long: 10 s at 25 mm/s, 5 s at 50 mm/s

TRACE_POINTS = 0.75
PULSE_POINTS = 1.125
SEPARATOR_POINTS = 2.25
GRID_POINTS = 0.5
TEXT_POINTS = 11

LEFT_MM = 10.0  # 0.4 s
PULSE_MM = 5.0  # 0.2 s
STRIP_LIFT_MM = 3.0
NAME_BELOW_MM, STRIP_NAME_BELOW_MM = 7.0, 8.0
SEPARATOR_HALF_MM = 3.5

STANDARD_3X4 = (
    ("I", "aVR", "V1", "V4"),
    ("II", "aVL", "V2", "V5"),
    ("III", "aVF", "V3", "V6"),
)
CABRERA_3X4 = (
    ("aVL", "II", "V1", "V4"),
    ("I", "aVF", "V2", "V5"),
    ("-aVR", "III", "V3", "V6"),
)
STANDARD_6X2 = (
    ("I", "V1"),
    ("II", "V2"),
    ("III", "V3"),
    ("aVR", "V4"),
    ("aVL", "V5"),
    ("aVF", "V6"),
)
CABRERA_6X2 = (
    ("aVL", "V1"),
    ("I", "V2"),
    ("-aVR", "V3"),
    ("II", "V4"),
    ("aVF", "V5"),
    ("III", "V6"),
)
STANDARD_12X1 = tuple(
    (name,) for name in ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
)


@dataclass(frozen=True)
class Format:
    """How a page is laid out.

    Attributes
    ----------
    rows : tuple of tuples of str
        Lead names by row and column; a name with a minus sign is printed inverted.
    rhythm : tuple of str
        Leads of the rhythm strips, from top to bottom.
    paper : str
        A key of `PAPERS`.
    speed : float
        mm/s.
    gain : float
        mm/mV.
    pulse : bool
        Whether a calibration pulse of 1 mV stands before every row.
    lead_names : bool
    separators : bool
        Whether thick strokes part the columns.
    top_mm : float
        Height kept free for the header; by default the generator's rule, a page divided into
        two more rows than there are.
    """

    rows: tuple[tuple[str, ...], ...] = STANDARD_3X4
    rhythm: tuple[str, ...] = ("II",)
    paper: str = "letter"
    speed: float = 25.0
    gain: float = 10.0
    pulse: bool = True
    lead_names: bool = True
    separators: bool = True
    top_mm: float | None = None

    @property
    def seconds(self) -> float:
        """Length of a row in s."""
        return ROW_SECONDS_AT_25 * 25.0 / self.speed


@dataclass(frozen=True)
class Strip:
    """One stretch of one lead.

    Attributes
    ----------
    lead : str
        Name in the record.
    label : str
        Name on the page.
    sign : float
        -1 for a lead printed inverted.
    start, stop : float
        Part of the record in s, from its first sample.
    x, baseline : float
        Where the start and 0 mV lie, in mm.
    rhythm : bool
    row, column : int
        From the top and from the left, rhythm strips counted as rows.
    pen : float
        Width of its trace as a factor on the page's.
    """

    lead: str
    label: str
    sign: float
    start: float
    stop: float
    x: float
    baseline: float
    rhythm: bool = False
    row: int = 0
    column: int = 0
    pen: float = 1.0


@dataclass(frozen=True)
class Text:
    """A line of text; x and y are the left end of its baseline in mm, the size is in points.

    `strip` is the place among the page's strips of the one whose name this is; `font` is the page's
    where it is None.
    """

    content: str
    x: float
    y: float
    points: float = TEXT_POINTS
    kind: str = "header"  # header, lead or scale
    strip: int | None = None
    font: str | None = None


@dataclass(frozen=True)
class Bar:
    """A filled rectangle in mm: parts of pulses and separators."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Pulse:
    """A calibration pulse of 1 mV in mm: foot of its left edge, width of its plateau, height."""

    x: float
    width: float
    baseline: float
    height: float


@dataclass(frozen=True)
class Grid:
    """Lines of the paper; lengths in mm, widths of lines in points.

    Attributes
    ----------
    minor, major : str
        ``lines``, ``dots`` where lines would cross, ``dashes`` or ``none``: every 1 mm and every
        5 mm.
    minor_points, major_points : float
    x, y : float
        Where lines of 5 mm cross.
    area : tuple of float, or None
        Left, upper, right and lower border of the part of the page that has a grid; None: all.
    border_points : float
        Width of a frame around that part; 0: none.
    grain : float
        Standard deviation of the paper's grey levels.
    """

    minor: str = "lines"
    major: str = "lines"
    minor_points: float = GRID_POINTS
    major_points: float = GRID_POINTS
    x: float = 0.0
    y: float = 0.0
    area: tuple[float, float, float, float] | None = None
    border_points: float = 0.0
    grain: float = 0.0

    @property
    def drawn(self) -> bool:
        """Whether there are any lines at all."""
        return self.minor != "none" or self.major != "none"


@dataclass(frozen=True)
class Page:
    """Everything that is printed on a page, in mm.

    Attributes
    ----------
    width, height : float
    speed, gain : float
        mm/s and mm/mV.
    strips : tuple of Strip
    texts : tuple of Text
    bars : tuple of Bar
        Everything straight in the trace's ink: separators and the strokes of pulses.
    trace_points, grid_points : float
    font : str
    pulses : tuple of Pulse
        What the strokes of the pulses among the bars mean.
    row_end : float, or None
        Where the rows end as laid out, also if the record ends earlier; None: 250 mm after their
        beginning.
    layout : str
        Rows x columns + rhythm strips.
    grid : Grid, or None
        None: the generator's, lines of `grid_points` at every mm from the upper left corner.
    grid_mm : bool
        Whether a grid is drawn, whose squares then are 1 or 5 mm.
    """

    width: float
    height: float
    speed: float
    gain: float
    strips: tuple[Strip, ...]
    texts: tuple[Text, ...] = ()
    bars: tuple[Bar, ...] = ()
    trace_points: float = TRACE_POINTS
    grid_points: float = GRID_POINTS
    font: str = "DejaVuSans"
    pulses: tuple[Pulse, ...] = ()
    row_end: float | None = None
    layout: str = ""
    grid: Grid | None = None
    grid_mm: bool = True

    @property
    def names_printed(self) -> bool:
        """Whether any lead has its name on the page."""
        return any(text.kind == "lead" for text in self.texts)

    def strip_end(self, strip: Strip) -> float:
        """Where a strip ends, in mm."""
        return strip.x + (strip.stop - strip.start) * self.speed

    @property
    def reach(self) -> float:
        """Half the distance of neighbouring rows in mm: so far a row's own space reaches."""
        levels = np.unique([strip.baseline for strip in self.strips])
        return float(np.diff(levels).min() / 2) if len(levels) > 1 else self.height / 4

    @property
    def chart(self) -> tuple[float, float, float, float]:
        """Left, upper, right and lower border in mm of the rows, each at its full length.

        The first row has more room above it, where its tallest waves would be cut off. The whole
        page if nothing is drawn on it.
        """
        if not self.strips:
            return 0.0, 0.0, self.width, self.height
        left = min(strip.x for strip in self.strips)
        levels = [strip.baseline for strip in self.strips]
        right = left + 25.0 * ROW_SECONDS_AT_25 if self.row_end is None else self.row_end
        return left, min(levels) - 1.6 * self.reach, right, max(levels) + 1.1 * self.reach


def arrange(
    fmt: Format, leads, duration: float, header: tuple[Text, ...] = (), start: float = 0.0
) -> Page:
    """Lay out a page.

    Parameters
    ----------
    fmt : Format
    leads : collection of str
        Leads that the record has; the others are absent from the page.
    duration : float
        Length of the record in s; a row ends where it ends.
    header : tuple of Text
    start : float
        Where in the record the page begins, in s.

    Returns
    -------
    Page
    """
    width, height = PAPERS[fmt.paper]
    num_rows = len(fmt.rows) + len(fmt.rhythm)
    if fmt.top_mm is None:
        spacing = height / (num_rows + 2)
    else:
        spacing = (height - fmt.top_mm) / (num_rows + 0.3)
    left = LEFT_MM + (PULSE_MM if fmt.pulse else 0.0)
    stop = min(start + fmt.seconds, duration)

    strips, texts, bars, pulses = [], list(header), [], []
    lines = [(row, False) for row in fmt.rows] + [((lead,), True) for lead in fmt.rhythm]
    for index, (row, rhythm) in enumerate(lines):
        from_bottom = (num_rows - 1 - index + 0.5) * spacing
        if rhythm:
            from_bottom += STRIP_LIFT_MM
        baseline = height - from_bottom
        share = fmt.seconds / len(row)
        drawn = 0
        for column, label in enumerate(row):
            lead, sign = label.removeprefix("-"), (-1.0 if label.startswith("-") else 1.0)
            begin = start + column * share
            if lead not in leads or begin >= stop:
                continue
            x = left + column * share * fmt.speed
            end = min(begin + share, stop)
            strips.append(Strip(lead, label, sign, begin, end, x, baseline, rhythm, index, column))
            drawn += 1
            if fmt.lead_names:
                below = STRIP_NAME_BELOW_MM if rhythm else NAME_BELOW_MM
                texts.append(Text(label, x, baseline + below, kind="lead", strip=len(strips) - 1))
            if fmt.separators and column > 0:
                half = SEPARATOR_POINTS * MM_PER_POINT / 2
                bars.append(
                    Bar(
                        x - half,
                        baseline - SEPARATOR_HALF_MM,
                        x + half,
                        baseline + SEPARATOR_HALF_MM,
                    )
                )
        if fmt.pulse and drawn:
            pulses.append(Pulse(LEFT_MM, PULSE_MM, baseline, fmt.gain))
            bars += pulse_strokes(pulses[-1])
    return Page(
        width, height, fmt.speed, fmt.gain, tuple(strips), tuple(texts), tuple(bars),
        pulses=tuple(pulses), layout=layout_name(fmt.rows, fmt.rhythm),
    )  # fmt: skip


def layout_name(rows, rhythm) -> str:
    """Rows x columns of a layout, and its rhythm strips, such as ``3x4+1``."""
    columns = max((len(row) for row in rows), default=0)
    strips = f"+{len(rhythm)}" if rhythm else ""
    return f"{len(rows)}x{columns}{strips}"


def pulse_strokes(pulse: Pulse, points: float = PULSE_POINTS) -> list[Bar]:
    """Three strokes of a width in points that draw a calibration pulse."""
    half = points * MM_PER_POINT / 2
    left, right, top = pulse.x, pulse.x + pulse.width, pulse.baseline - pulse.height
    return [
        Bar(left - half, top - half, left + half, pulse.baseline + half),
        Bar(left - half, top - half, right + half, top + half),
        Bar(right - half, top - half, right + half, pulse.baseline + half),
    ]


def scale_texts(fmt: Format) -> tuple[Text, ...]:
    """Paper speed and gain near the bottom, as the generator always prints them."""
    height = PAPERS[fmt.paper][1]
    return (
        Text(f"{fmt.speed:g}mm/s", 50.0, height - 5.0, kind="scale"),
        Text(f"{fmt.gain:g}mm/mV", 100.0, height - 5.0, kind="scale"),
    )


def patient_header(comments: dict[str, str], name: str, date: str = "", time: str = ""):
    """The generator's header of three columns: what the record's header knows of the patient.

    Unknown values are left out; an age over 89, which PTB-XL writes as 300, is printed ``> 89``.

    Returns
    -------
    tuple of Text
    """
    columns = ([f"ID: {name}"], ["Name:"], [f"Date: {', '.join(filter(None, (date, time)))}"])
    age, sex = comments.get("Age", ""), comments.get("Sex", "")
    if _is_known(age):
        columns[0].append(f"Age: {'> 89' if float(age) > 89 else age} yrs")
    for key, unit, column in (("Height", "cm", 1), ("Weight", "kg", 2)):
        if _is_known(comments.get(key, "")):
            columns[column].append(f"{key}: {comments[key]} {unit}")
    if sex and sex.lower() != "unknown":
        columns[0].append(f"Sex: {sex}")
    return tuple(
        Text(line, 1.25 + 75.0 * i, 5.9 + 5.0 * k)
        for i, column in enumerate(columns)
        for k, line in enumerate(column)
    )


def _is_known(value: str) -> bool:
    try:
        return 0 <= float(value) < 1000
    except ValueError:
        return False
