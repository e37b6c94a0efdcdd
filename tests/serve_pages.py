"""A reader without networks, and pictures for it: what the page does with readings, fast."""

import functools
import io
import threading

import numpy as np
from chart_pages import placed, wave
from PIL import Image

from giraffe.chart.digitize import Digitized, Part
from giraffe.chart.known import known_chart
from giraffe.chart.reader import Finding
from giraffe.classes import CLASSES, MEANINGS
from giraffe.ecg.records import LEADS
from giraffe.reading.read import Label, Reading
from giraffe.reading.serve.work import Page, Reader, coloured

SIZE = 300, 400  # px of a picture that is given: height, width
PALE, DARK = 245, 20  # grey of a picture with a chart, and of one without
FS = 500.0


def picture(kind: str = "PNG", grey: int = PALE, size: tuple[int, int] = SIZE) -> bytes:
    """An image file of one grey."""
    made = io.BytesIO()
    Image.new("RGB", size[::-1], (grey,) * 3).save(made, kind)
    return made.getvalue()


def pdf(greys: list[int]) -> bytes:
    """A PDF with a page of each grey."""
    pages = [Image.new("RGB", (200, 150), (grey,) * 3) for grey in greys]
    made = io.BytesIO()
    pages[0].save(made, "PDF", save_all=True, append_images=pages[1:])
    return made.getvalue()


def labels(given: tuple[str, ...] = ("PVC", "Old MI")) -> tuple[Label, ...]:
    """All labels, those that are given first."""
    others = (name for name in CLASSES if name not in given)
    return tuple(
        Label(name, MEANINGS[name], 0.8 if name in given else 0.1, 0.4, name in given)
        for name in (*given, *others)
    )


def signals(chart) -> Digitized:
    """What a perfect digitizer would read of a chart of `wave`; the first 0.1 s is unknown."""
    parts, lines = [], []
    along = np.linspace(0, 1, 200)
    for row, level in enumerate(chart.rows.levels):
        lines.append(chart.to_picture(along, level - 0.02 * np.sin(60 * along)).astype(np.float32))
        for cell in (cell for cell in chart.cells if cell.row == row):
            first, last = round(10 * FS * cell.start), round(10 * FS * cell.stop)
            signal = np.full(last, np.nan)
            signal[first:] = wave(0).signal[LEADS.index(cell.lead), first:last]
            signal[:50] = np.nan
            parts.append(Part(cell, first / FS, last / FS, signal))
    return Digitized(tuple(parts), FS, chart, False, (), tuple(lines))


@functools.cache
def chart(shape: tuple[int, int]):
    """A chart of twelve leads and a strip, somewhere in a picture of a shape."""
    return known_chart(placed("color-scan-clean", 1), shape)


class FakeReader(Reader):
    """Finds the same in every picture that is not dark; `open` is clear while it shall wait."""

    def __init__(self):
        self.open = threading.Event()
        self.open.set()
        self.at_work = self.most_at_work = 0

    def _page(self, pixels, name, whole, heat) -> Page:
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        self.open.wait(30)
        self.at_work -= 1
        if pixels.mean() < 100:
            finding = Finding(None, "none", 0.1)
            said = "no chart found"
            return Page(
                pixels, Reading(name, finding, labels() if whole else (), None, {}, (said,))
            )
        found = chart(pixels.shape[:2])
        reading = Reading(
            name, Finding(found, "chart", 0.9), labels(), signals(found),
            {"rate": 71.6, "qrs": 92.0, "axis": -12.0}, ("the limb leads do not agree",),
        )  # fmt: skip
        spread = np.linspace(0, 1, 120, dtype=np.float32) * np.ones((90, 1), np.float32)
        shown = {label.name: coloured(spread) for label in reading.labels} if heat else {}
        return Page(pixels, reading, shown)
