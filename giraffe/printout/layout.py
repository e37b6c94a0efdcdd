"""Where things stand on an ECG page: geometry in mm, from the upper left corner.

The standard page is the public generator's (ECG-Image-Kit): 11 x 8.5 in, 25 mm/s, 10 mm/mV, three
rows of four leads and a rhythm strip. Measurements: the specification of that generator.
"""

from dataclasses import dataclass, field

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
    """

    lead: str
    label: str
    sign: float
    start: float
    stop: float
    x: float
    baseline: float
    rhythm: bool = False


@dataclass(frozen=True)
class Text:
    """A line of text; x and y are the left end of its baseline in mm, the size is in points."""

    content: str
    x: float
    y: float
    points: float = TEXT_POINTS
    kind: str = "header"  # header, lead or scale


@dataclass(frozen=True)
class Bar:
    """A filled rectangle in mm: parts of pulses and separators."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Page:
    """Everything that is printed on a page, in mm."""

    width: float
    height: float
    speed: float
    gain: float
    strips: tuple[Strip, ...]
    texts: tuple[Text, ...] = ()
    bars: tuple[Bar, ...] = ()
    trace_points: float = TRACE_POINTS
    grid_points: float = GRID_POINTS
    font: str = field(default="DejaVuSans")

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
        right = left + 25.0 * ROW_SECONDS_AT_25
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

    strips, texts, bars = [], list(header), []
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
            strips.append(
                Strip(lead, label, sign, begin, min(begin + share, stop), x, baseline, rhythm)
            )
            drawn += 1
            if fmt.lead_names:
                below = STRIP_NAME_BELOW_MM if rhythm else NAME_BELOW_MM
                texts.append(Text(label, x, baseline + below, kind="lead"))
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
            bars += _pulse(baseline, fmt.gain)
    return Page(width, height, fmt.speed, fmt.gain, tuple(strips), tuple(texts), tuple(bars))


def _pulse(baseline: float, gain: float) -> list[Bar]:
    """Calibration pulse of 1 mV and 5 mm before a row."""
    half = PULSE_POINTS * MM_PER_POINT / 2
    right, top = LEFT_MM + PULSE_MM, baseline - gain
    return [
        Bar(LEFT_MM - half, top - half, LEFT_MM + half, baseline + half),
        Bar(LEFT_MM - half, top - half, right + half, top + half),
        Bar(right - half, top - half, right + half, baseline + half),
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
