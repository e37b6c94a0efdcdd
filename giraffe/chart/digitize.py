"""Signals out of a picture: the traces of a chart in mV over time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import binary_erosion

from giraffe.chart.agreement import lead_of_strip
from giraffe.chart.beats import set_by_beats
from giraffe.chart.chart import Cell, Chart
from giraffe.chart.columns import begin_at_once
from giraffe.chart.flat import POINTS_PER_MM, SIDE_MM, FlatRows, lay_rows
from giraffe.chart.ink import InkNetwork, look_at_rows
from giraffe.chart.ruler import Ruler, measure
from giraffe.chart.separators import changes_of, hidden_by_bars
from giraffe.chart.stroke import learn_pen, settle
from giraffe.chart.timing import Clock, set_clock
from giraffe.chart.trace import Traces, find_traces
from giraffe.ecg.intervals import EDGE_S
from giraffe.ecg.records import LEADS

USUAL_GAIN = 10.0  # mm/mV
FS = 500.0
SHORTEST_RUN = 4  # points of a trace that are interpolated by a curve, not by lines
TICK = 1e-9  # s by which two points differ at least
SELDOM = 1e-3  # weight of what is read within `EDGE_S` of a reading's ends
GREATEST_MV = 15.0  # no heart has more, and every usual format holds it


@dataclass(frozen=True)
class Part:
    """One lead's stretch of a row, read.

    Attributes
    ----------
    cell : Cell
    start : float
        When it begins, in s from the beginning of the picture's recording.
    stop : float
    signal : ndarray, shape (samples,)
        In mV from the recording's first sample on; NaN where nothing is printed or was read.
    """

    cell: Cell
    start: float
    stop: float
    signal: np.ndarray


@dataclass(frozen=True)
class Digitized:
    """Signals of one picture.

    Attributes
    ----------
    parts : tuple of Part
    fs : float
        Sampling frequency in Hz.
    chart : Chart
    at_once : bool
        Whether all columns begin at the same time.
    notes : tuple of str
        What was assumed or is doubtful, in words.
    lines : tuple of ndarray, shape (points, 2)
        The traces in shares of the picture as it was given, NaN where there is none; one a row.
    """

    parts: tuple[Part, ...]
    fs: float
    chart: Chart
    at_once: bool
    notes: tuple[str, ...] = ()
    lines: tuple[np.ndarray, ...] = field(default=(), repr=False)

    @property
    def leads(self) -> tuple[str, ...]:
        """Leads that were read, in the usual order."""
        names = {part.cell.lead for part in self.parts if part.cell.lead}
        return (*(n for n in LEADS if n in names), *sorted(names - set(LEADS)))

    @property
    def samples(self) -> int:
        """Samples from the first to the last that is printed."""
        return max((len(part.signal) for part in self.parts), default=0)

    def lead(self, name: str) -> np.ndarray:
        """A lead's signal in mV, shape (samples,), of all its parts together; NaN elsewhere."""
        parts = [part for part in self.parts if part.cell.lead == name]
        return joined([part.signal for part in parts], self.samples, self.fs)

    def share_read(self, name: str) -> float:
        """How much of what is printed of a lead was read."""
        parts = [part for part in self.parts if part.cell.lead == name]
        printed = sum(part.stop - part.start for part in parts) * self.fs
        read = sum(np.isfinite(part.signal).sum() for part in parts)
        return float(min(read / max(printed, 1), 1.0))


def joined(signals: Sequence[np.ndarray], samples: int, fs: float = FS) -> np.ndarray:
    """One signal of several readings of it: their mean where they overlap.

    At the ends of a reading names and bars stand: there it counts where there is no other.
    """
    total, weight = np.zeros(samples), np.zeros(samples)
    edge = max(round(EDGE_S * fs), 1)
    for signal in signals:
        part = signal[:samples]
        good = np.isfinite(part)
        inner = binary_erosion(good, iterations=edge)
        own = np.where(inner, 1.0, SELDOM) * good
        total[: len(part)][good] += (own * part)[good]
        weight[: len(part)][good] += own[good]
    return np.where(weight > 0, total / np.maximum(weight, SELDOM), np.nan)


def digitize(
    pixels: np.ndarray,
    chart: Chart,
    fs: float = FS,
    network: InkNetwork | None = None,
) -> Digitized:
    """Read the traces of a chart.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The picture, as `giraffe.chart.reading.read_chart` had it.
    chart : Chart
        Of `read_chart`.
    fs : float
        Sampling frequency in Hz of the signals.
    network : InkNetwork, optional
        In evaluation mode; the package's own by default.

    Returns
    -------
    Digitized
    """
    flat = lay_rows(pixels, chart)
    hidden = hidden_by_bars(flat)
    traces = find_traces(look_at_rows(flat, network), changes_of(flat), hidden)
    pen = learn_pen(flat.pixels, traces.heights)
    if pen is not None:
        traces = replace(traces, heights=settle(traces.heights, pen, hidden))
    ruler = set_by_beats(measure(flat), flat, traces)
    clock = set_clock(flat, traces, ruler, sharp=pen is not None)
    return _as_signals(flat, traces, ruler, clock, fs)


def _as_signals(flat: FlatRows, traces: Traces, ruler: Ruler, clock: Clock, fs: float):
    chart, along = flat.chart, flat.along_mm()
    gain = chart.gain or USUAL_GAIN
    heights = flat.heights_mm(traces.heights)
    at_once = begin_at_once(heights, along, list(chart.cells), flat.width_mm)
    parts, lines = [], []
    for row in range(len(heights)):
        cells = [cell for cell in chart.cells if cell.row == row]
        lines.append(_line(flat, row, heights[row]))
        true = ruler.true_mm(row, along, np.nan_to_num(heights[row]))
        # Time does not run backwards, however far the lines lean.
        times = np.maximum.accumulate(clock.times(row, true)) + TICK * np.arange(len(true))
        voltage = ruler.true_height(row, along, heights[row]) / gain
        for cell, (start, stop) in zip(cells, _bounds(cells, clock), strict=True):
            begin = 0.0 if at_once else start
            sign = -1.0 if cell.inverted else 1.0
            own = np.where((times > start - 1 / fs) & (times < stop + 1 / fs), voltage, np.nan)
            signal = sampled(times - start + begin, sign * own, begin, begin + stop - start, fs)
            parts.append(Part(cell, begin, begin + stop - start, signal))
    parts, notes = _named_by_columns(parts, fs)
    return Digitized(parts, fs, chart, at_once, (*chart.notes, *notes), tuple(lines))


def _named_by_columns(parts: list[Part], fs: float) -> tuple[tuple[Part, ...], list[str]]:
    """Parts in which a strip whose name was misread has that of the column it repeats."""
    numbers = Counter(part.cell.row for part in parts)
    columns = {p.cell.lead: p.signal for p in parts if numbers[p.cell.row] > 1 and p.cell.lead}
    named, notes = [], []
    for part in parts:
        if numbers[part.cell.row] == 1 and columns:
            lead = lead_of_strip(part.signal, columns, part.cell.lead, fs)
            if lead != part.cell.lead:
                before = part.cell.lead or "no lead"
                notes.append(f"a strip was taken for {before} and repeats the column of {lead}")
                part = replace(part, cell=replace(part.cell, lead=lead, inverted=False))
        named.append(part)
    return tuple(named), notes


def _bounds(cells: list[Cell], clock: Clock) -> list[tuple[float, float]]:
    """When the cells of a row begin and end if they follow each other."""
    total = sum(cell.stop - cell.start for cell in cells)
    bounds, at = [], 0.0
    for cell in cells:
        length = clock.seconds * (cell.stop - cell.start) / total
        bounds.append((at, at + length))
        at += length
    return bounds


def sampled(times, values, start: float, stop: float, fs: float) -> np.ndarray:
    """Samples of a curve at k / fs, from the first one on; NaN where the curve has a gap.

    Parameters
    ----------
    times, values : ndarray, shape (points,)
        In s, increasing; values are NaN where there is none.
    start, stop : float
        Samples in [start, stop) are wanted.
    fs : float
        In Hz.

    Returns
    -------
    ndarray of float32, shape (samples,)
        Up to the last sample that is wanted.
    """
    first, last = (int(np.ceil(moment * fs - 1e-6)) for moment in (start, stop))
    result = np.full(max(last, 0), np.nan, np.float32)
    good = np.isfinite(values)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        t, v = times[begin:end], values[begin:end]
        # A curve's ends reach as far as half a point beyond them.
        reach = (t[-1] - t[0]) / max(len(t) - 1, 1) * 0.75
        low = max(int(np.ceil((t[0] - reach) * fs)), first)
        high = min(int(np.floor((t[-1] + reach) * fs)) + 1, last)
        if high <= low or len(t) < 2:
            continue
        moments = np.clip(np.arange(low, high) / fs, t[0], t[-1])
        if len(t) >= SHORTEST_RUN:
            result[low:high] = PchipInterpolator(t, v)(moments)
        else:
            result[low:high] = np.interp(moments, t, v)
    return np.clip(result, -GREATEST_MV, GREATEST_MV)


def _line(flat: FlatRows, row: int, heights: np.ndarray) -> np.ndarray:
    """A row's trace in shares of the picture as it was given, shape (points, 2)."""
    along = (np.arange(len(heights)) + 0.5) / POINTS_PER_MM - SIDE_MM
    where = flat.to_picture(row, along, np.nan_to_num(heights))
    where[~np.isfinite(heights)] = np.nan
    return where.astype(np.float32)
