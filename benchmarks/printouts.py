"""Printing against the same page drawn with matplotlib, the public generator's way.

    python benchmarks/printouts.py [-n RUNS]

Both sides run in this process on one core, in turn; figures are medians. The page of the other side
is an honest one: Agg, one line collection per grid, one plot call per lead, saved as PNG with the
same compression level.
"""

import argparse
import io
import statistics
import time

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from giraffe.ecg.records import LEADS, Header, Waveform
from giraffe.ecg.simulate import simulate
from giraffe.printout.kit import D1, D3, kit_colours, kit_image, kit_page
from giraffe.printout.layout import MAJOR_MM, MINOR_MM
from giraffe.printout.presets import print_in_memory
from giraffe.printout.printing import encode_png
from giraffe.printout.render import draw, sample_range

HEADER = Header(
    "bench", 500.0, 5000, LEADS, (), (), ("NORM",), True, (),
    {"Age": "61", "Sex": "Male", "Height": "170", "Weight": "70"}, "01/02/2003", "10:11:12",
)  # fmt: skip


def records(number):
    return [Waveform(simulate(77, k).signal, 500.0, LEADS) for k in range(number)]


def matplotlib_page(waveform, dpi) -> Figure:
    """The default page, in mm, by matplotlib."""
    page = kit_page(waveform, HEADER, D1, np.random.default_rng(0))
    figure = Figure(figsize=(page.width / 25.4, page.height / 25.4), dpi=dpi)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, page.width)
    axes.set_ylim(page.height, 0)
    axes.axis("off")
    for step, colour in ((MINOR_MM, "#fedfdb"), (MAJOR_MM, "#ff0000")):
        xs, ys = np.arange(0, page.width, step), np.arange(0, page.height, step)
        lines = [((x, 0), (x, page.height)) for x in xs] + [((0, y), (page.width, y)) for y in ys]
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.5))
    for strip in page.strips:
        first, last = sample_range(strip, waveform)
        t = np.arange(first, last) / waveform.fs - strip.start
        y = waveform.signal[waveform.leads.index(strip.lead), first:last]
        x = strip.x + t * page.speed
        axes.plot(x, strip.baseline - y * page.gain, color="black", linewidth=0.75)
    for bar in page.bars:
        axes.fill_between([bar.left, bar.right], bar.top, bar.bottom, color="black", linewidth=0)
    for text in page.texts:
        axes.text(text.x, text.y, text.content, fontsize=text.points)
    return figure


def timed(function, *args):
    start = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - start, result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", "--runs", type=int, default=15)
    runs = parser.parse_args().runs
    cv2.setNumThreads(1)
    rows: dict[str, list[float]] = {}
    sizes: dict[str, list[int]] = {}

    def note(name, seconds, size=None):
        rows.setdefault(name, []).append(seconds)
        if size is not None:
            sizes.setdefault(name, []).append(size)

    def matplotlib_file(waveform, dpi):
        buffer = io.BytesIO()
        matplotlib_page(waveform, dpi).savefig(
            buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 1}
        )
        return buffer.getvalue()

    def matplotlib_drawing(waveform):
        matplotlib_page(waveform, 200).canvas.draw()

    def our_drawing(waveform):
        rng = np.random.default_rng(0)
        colours, _ = kit_colours(D1, rng)
        return draw(kit_page(waveform, HEADER, D1, rng), waveform, colours, 1700, 2200)

    for i, waveform in enumerate([*records(1), *records(runs)]):
        warm_up = i == 0
        rng = np.random.default_rng(i)
        dpi = int(rng.integers(50, 201))
        results = [
            ("matplotlib, D1 file at 200 dpi", *timed(matplotlib_file, waveform, 200)),
            ("ours, D1 file at 200 dpi", *timed(lambda w=waveform: encode_png(our_drawing(w)))),
            ("matplotlib, drawing alone", timed(matplotlib_drawing, waveform)[0], None),
            ("ours, drawing alone", timed(our_drawing, waveform)[0], None),
            ("matplotlib, D1 file at 50-200 dpi", *timed(matplotlib_file, waveform, dpi)),
            ("ours, D3 file at 50-200 dpi",
             *timed(lambda w=waveform, r=rng: encode_png(kit_image(w, HEADER, D3, r).pixels))),
        ]  # fmt: skip
        results += [
            (f"ours, {name} in memory, 512 x 1024",
             timed(print_in_memory, waveform, HEADER, name, rng, 512, 1024)[0], None)
            for name in ("D1", "D3", "giraffe")
        ]  # fmt: skip
        if not warm_up:
            for name, seconds, encoded in results:
                note(name, seconds, None if encoded is None else len(encoded))

    for name, values in rows.items():
        size = f"{statistics.median(sizes[name]) / 1e6:6.2f} MB" if name in sizes else ""
        print(f"{name:42} {1000 * statistics.median(values):8.1f} ms {size}")
    print()
    for ours, theirs in (
        ("ours, D1 file at 200 dpi", "matplotlib, D1 file at 200 dpi"),
        ("ours, drawing alone", "matplotlib, drawing alone"),
        ("ours, D3 file at 50-200 dpi", "matplotlib, D1 file at 50-200 dpi"),
        ("ours, D1 in memory, 512 x 1024", "matplotlib, D1 file at 200 dpi"),
        ("ours, giraffe in memory, 512 x 1024", "matplotlib, D1 file at 200 dpi"),
    ):
        ratios = [b / a for a, b in zip(rows[ours], rows[theirs], strict=True)]
        print(f"{theirs} / {ours}: {statistics.median(ratios):.1f} x")


if __name__ == "__main__":
    main()
