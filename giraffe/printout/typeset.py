"""Puts a chart onto a page: its strips, names, pulses and dividers, in mm."""

import numpy as np

from giraffe.printout.formats import Chart, Style, spelt
from giraffe.printout.layout import (
    MM_PER_POINT,
    Bar,
    Page,
    Pulse,
    Strip,
    Text,
    layout_name,
    pulse_strokes,
)

CAPITAL = 0.72  # height of a capital letter as a share of the size


def lay_out(
    chart: Chart,
    leads,
    duration: float,
    left: float,
    first: float,
    size: tuple[float, float],
    start: float = 0.0,
    measure=lambda name, points, font: 0.0,
) -> Page:
    """Put a chart onto a page.

    Parameters
    ----------
    chart : Chart
    leads : collection of str
        Leads that the record has; the others are absent from the page.
    duration : float
        Length of the record in s; a row ends where it ends.
    left : float
        Where the rows begin.
    first : float
        The first row's baseline.
    size : tuple of float
        Width and height of the page.
    start : float
        Where in the record the page begins, in s.
    measure : function of name, size in points and font
        How wide a name is.

    Returns
    -------
    Page
        Without grid, header and footer.
    """
    style, strips, texts, bars, pulses = chart.style, [], [], [], []
    lines = [(row, False) for row in chart.rows] + [((lead,), True) for lead in chart.rhythm]
    end = left + chart.span
    for index, (row, rhythm) in enumerate(lines):
        baseline = first + chart.levels[index]
        share = chart.length / len(row)  # mm
        for column, label in enumerate(row):
            lead, sign = label.removeprefix("-"), (-1.0 if label.startswith("-") else 1.0)
            x = left + column * (share + (0.0 if style.cut else style.gap))
            begin = start + (0.0 if chart.simultaneous else column * share / chart.speed)
            length = chart.span if rhythm else share
            if style.cut and column < len(row) - 1:
                length -= style.gap
            stop = min(begin + length / chart.speed, duration)
            if lead not in leads or stop <= begin:
                continue
            printed = spelt(label, style.spelling)
            if rhythm and style.strip_names == "number":
                printed = f"Rhythm {index - len(chart.rows) + 1}"
            strips.append(
                Strip(lead, printed, sign, begin, stop, x, baseline, rhythm, index, column)
            )
            texts += _names(strips[-1], len(strips) - 1, chart, left, measure)
    for baseline in _rows_with_pulse(strips, style.pulse_rows):
        pulses += _pulses(style, chart.gain, left, end, baseline)
    for pulse in pulses:
        bars += pulse_strokes(pulse, style.pulse_points)
        bars += _feet(pulse, style)
    bars += _dividers(chart, strips, left, end)
    return Page(
        *size, chart.speed, chart.gain, tuple(strips), tuple(texts), tuple(bars),
        pulses=tuple(pulses), row_end=end, layout=layout_name(chart.rows, chart.rhythm),
        grid_mm=False,
    )  # fmt: skip


def _names(strip: Strip, number: int, chart: Chart, left: float, measure) -> list[Text]:
    """Names of one strip: most have one."""
    style = chart.style
    if style.names == "none":
        return []
    letters = CAPITAL * style.name_points * MM_PER_POINT
    x, y = strip.x + style.name_x, strip.baseline
    if style.names == "above":
        y -= style.name_y
    elif style.names == "below":
        y += style.name_y + letters
    elif style.names == "over" or strip.column:  # no room before a strip between two others
        y += letters / 2
    else:
        y += letters / 2
        room = measure(strip.label, style.name_points, style.name_font)
        x = max(left - chart.style.before - room - 1.5, 0.3)
    places = [x]
    if strip.rhythm and style.strip_names == "often":
        places += [x + k * chart.span / 4 for k in (1, 2, 3)]
    return [
        Text(strip.label, place, y, style.name_points, "lead", number, style.name_font)
        for place in places
    ]


def _rows_with_pulse(strips: list[Strip], which: str) -> list[float]:
    """Baselines of the rows beside which pulses stand."""
    rhythm = {strip.baseline: strip.rhythm for strip in strips}
    levels = sorted(rhythm)
    if which in ("first", "last"):
        return levels[:1] if which == "first" else levels[-1:]
    if which == "all":
        return levels
    return [level for level in levels if rhythm[level] == (which == "rhythm")]


def _pulses(style: Style, gain: float, left: float, end: float, baseline: float) -> list[Pulse]:
    """Pulses beside one row."""
    width, room = style.pulse_width, style.pulse_foot + style.pulse_away
    places = []
    if style.pulses in ("left", "both"):
        places.append(left - room - width)
    if style.pulses in ("right", "both"):
        places.append(end + room)
    return [Pulse(x, width, baseline, gain) for x in places]


def _feet(pulse: Pulse, style: Style) -> list[Bar]:
    """Short lines at the level of the baseline on both sides of a pulse."""
    half = style.pulse_points * MM_PER_POINT / 2
    top, bottom = pulse.baseline - half, pulse.baseline + half
    if not style.pulse_foot:
        return []
    right = pulse.x + pulse.width
    return [
        Bar(pulse.x - style.pulse_foot, top, pulse.x, bottom),
        Bar(right, top, right + style.pulse_foot, bottom),
    ]


def _dividers(chart: Chart, strips: list[Strip], left: float, end: float) -> list[Bar]:
    """What parts the columns of the rows."""
    style = chart.style
    if style.divider == "none" or not strips:
        return []
    width = style.divider_points * MM_PER_POINT
    columns = {strip.x for strip in strips if strip.column and not strip.rhythm}
    ends = {left, end} if style.divider_ends else set()
    levels = sorted({strip.baseline for strip in strips if not strip.rhythm})
    bars = []
    if style.divider == "long" and levels:
        top, bottom = levels[0] - 1.3 * chart.reach, levels[-1] + chart.reach
        return [Bar(x - width / 2, top, x + width / 2, bottom) for x in columns | ends]
    for x in sorted(columns | ends):
        for level in levels:
            top, bottom = level - style.divider_half, level + style.divider_half
            if style.divider in ("dashed", "dotted"):
                length, step = (1.5, 2.5) if style.divider == "dashed" else (0.4, 1.2)
                tops = np.arange(top, bottom, step)
                bars += [Bar(x - width / 2, t, x + width / 2, t + length) for t in tops]
            elif style.divider == "double":
                for there in (top, bottom - style.divider_half):
                    bars.append(Bar(x - width / 2, there - 1, x + width / 2, there + 1))
            else:
                bars.append(Bar(x - width / 2, top, x + width / 2, bottom))
    return bars
