"""Curves that are no chart of twelve leads: plots, trends, EEGs, sounds, a strip of one lead."""

import numpy as np
from scipy.signal import lfilter

from giraffe.ecg.simulate import simulate
from giraffe.printout.others import drawing as d

SIGNAL_HZ = 500.0  # of simulated ECGs
LEADS = d.LEAD_NAMES
EEG_CHANNELS = (
    "Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2", "Fp1-F3", "F3-C3",
    "C3-P3", "P3-O1", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Fz-Cz", "Cz-Pz", "A1", "A2", "EOG",
)  # fmt: skip
PLOT_COLOURS = (
    (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (0, 0, 0), (148, 103, 189),
)  # fmt: skip


def _pen(height: int, width: int, rng) -> float:
    return max(max(height, width) / 1000 * rng.uniform(0.7, 2.2), 1)


def _background(rng, height: int, width: int, grid: float) -> np.ndarray:
    """White, grey, or with the probability `grid` the paper of an ECG."""
    if rng.random() < grid:
        return d.graph_paper(rng, height, width, max(height, width) / rng.uniform(120, 320))
    if rng.random() < 0.25:
        return d.sheet(rng, height, width, (int(rng.integers(195, 240)),) * 3)
    return d.sheet(rng, height, width)


def _series(rng, samples: int) -> np.ndarray:
    """One of the lines that people plot, about 0 with a reach of about 1."""
    t = np.linspace(0, 1, samples)
    kind = rng.integers(6)
    if kind == 0:
        return d.smooth(rng, samples, rng.integers(2, 12)) / 2
    if kind == 1:
        walk = np.cumsum(rng.standard_normal(samples))
        walk -= np.linspace(walk[0], walk[-1], samples) * rng.uniform(0, 1)
        return walk / (np.abs(walk).max() + 1e-6)
    if kind == 2:
        return np.sin(2 * np.pi * rng.uniform(1, 25) * t + rng.uniform(0, 6)) * rng.uniform(0.3, 1)
    if kind == 3:
        return 1 - 2 * np.exp(-rng.uniform(1, 8) * t) + 0.03 * rng.standard_normal(samples)
    if kind == 4:  # a spectrum: peaks on a floor
        line = 0.02 * rng.standard_normal(samples) - 0.9
        for centre in rng.random(rng.integers(3, 20)):
            width = rng.uniform(0.001, 0.01)
            line += rng.uniform(0.1, 1.8) * np.exp(-(((t - centre) / width) ** 2))
        return line
    steps = np.repeat(rng.uniform(-1, 1, 20), -(-samples // 20))[:samples]
    return steps + 0.05 * rng.standard_normal(samples)


def _axes(picture, rng, left, top, right, bottom, size, font) -> None:
    """A frame with ticks, numbers and perhaps a grid."""
    grey, open_frame = (int(rng.integers(0, 90)),) * 3, rng.random() < 0.4
    grid = (int(rng.integers(190, 235)),) * 3 if rng.random() < 0.5 else None
    for k, x in enumerate(np.linspace(left, right, rng.integers(4, 12))):
        if grid:
            d.line(picture, x, top, x, bottom, grid)
        d.line(picture, x, bottom, x, bottom + 0.4 * size, grey)
        d.write(picture, f"{k * 5}", x - size / 2, bottom + 1.5 * size, size, font=font)
    for k, y in enumerate(np.linspace(bottom, top, rng.integers(3, 9))):
        if grid:
            d.line(picture, left, y, right, y, grid)
        d.line(picture, left - 0.4 * size, y, left, y, grey)
        d.write(picture, f"{k * 0.2:.1f}", left - 2.4 * size, y + size / 3, size, font=font)
    if open_frame:
        d.line(picture, left, top, left, bottom, grey)
        d.line(picture, left, bottom, right, bottom, grey)
    else:
        d.box(picture, left, top, right, bottom, grey)


def line_plot(rng, height: int, width: int) -> np.ndarray:
    """Lines between axes; now and then several panels one above the other or side by side."""
    picture = _background(rng, height, width, 0.1)
    size = max(max(height, width) * rng.uniform(0.010, 0.022), 6)
    font = str(rng.choice(d.FONTS[:12]))
    rows = int(rng.choice([1, 1, 2, 3, 4]))
    columns = int(rng.choice([1, 1, 1, 2, 3]))
    for r in range(rows):
        for c in range(columns):
            left, right = (c + 0.02) * width / columns + 3 * size, (c + 0.97) * width / columns
            top, bottom = r * height / rows + 2 * size, (r + 1) * height / rows - 2.5 * size
            if right - left < 4 * size or bottom - top < 3 * size:
                continue
            _axes(picture, rng, left, top, right, bottom, size, font)
            x = np.linspace(left, right, int(np.clip(right - left, 50, 500)))
            for k in range(rng.integers(1, 5)):
                y = np.clip(_series(rng, len(x)), -1.1, 1.1)
                colour = PLOT_COLOURS[(k + rng.integers(2)) % len(PLOT_COLOURS)]
                middle, reach = (top + bottom) / 2, (bottom - top) * 0.43
                d.curve(picture, x, middle - reach * y, colour, _pen(height, width, rng))
            if rng.random() < 0.6:
                title = d.sentence(rng, int(rng.integers(1, 5)))
                d.write(picture, title, left, top - 0.5 * size, size * 1.2, font=font)
    return picture


def trend_chart(rng, height: int, width: int) -> np.ndarray:
    """Curves on medical graph paper that are no leads: fetal heart, temperature, vital signs."""
    spacing = max(height, width) / rng.uniform(80, 300)
    picture = d.graph_paper(rng, height, width, spacing)
    size = max(height, width) * rng.uniform(0.012, 0.022)
    font = str(rng.choice(d.FONTS))
    panels = int(rng.integers(1, 4))
    ink = d.INKS[rng.integers(len(d.INKS))]
    for k in range(panels):
        top, bottom = height * (k + 0.1) / panels, height * (k + 0.9) / panels
        for value, y in zip(range(60, 210, 30), np.linspace(bottom, top, 5), strict=True):
            for x in (2.0, width * 0.55):
                d.write(picture, str(value), x, y, size, ink, font)
        samples = int(rng.choice([30, 400, 800]))
        x = np.linspace(0, width, samples)
        for _ in range(rng.integers(1, 4)):
            wave = 0.12 * d.smooth(rng, samples, rng.integers(3, 30))
            wave += rng.uniform(0.01, 0.05) * rng.standard_normal(samples)
            y = top + (bottom - top) * (rng.uniform(0.2, 0.8) + wave)
            d.curve(picture, x, y, ink, _pen(height, width, rng))
            if samples == 30:  # entered by hand, point by point
                for px, py in zip(x, y, strict=True):
                    d.box(picture, px - 2, py - 2, px + 2, py + 2, ink, -1)
    d.write(picture, d.sentence(rng, 6), width * 0.05, 1.2 * size, size, ink, font)
    return picture


def wiggles(rng, height: int, width: int) -> np.ndarray:
    """An EEG: ten or more channels of smooth noise, with their names, time lines or a grid."""
    picture = _background(rng, height, width, 0.15)
    channels = int(rng.integers(10, 25))
    size = float(np.clip(height / channels * 0.35, 6, 30))
    left = rng.choice([0.0, 0.03, 0.08]) * width
    ink = d.INKS[rng.integers(len(d.INKS))]
    if rng.random() < 0.6:
        light = (int(rng.integers(150, 220)),) * 3
        for x in np.linspace(left, width, rng.integers(6, 22)):
            d.line(picture, x, 0, x, height, light)
    samples = int(np.clip(width, 300, 1400))
    x = np.linspace(left, width * rng.uniform(0.94, 1.0), samples)
    alpha, level = rng.integers(60, 160), rng.uniform(0.15, 0.6)
    burst = np.clip(d.smooth(rng, samples, 5), 0, None)
    pen = _pen(height, width, rng) * 0.8
    named = rng.random() < 0.7
    first = int(rng.integers(len(EEG_CHANNELS)))
    for k in range(channels):
        wave = 0.5 * d.smooth(rng, samples, rng.integers(15, 60))
        wave += (0.3 + burst) * d.smooth(rng, samples, alpha) * rng.uniform(0.3, 1.0)
        wave += 0.1 * rng.standard_normal(samples)
        baseline = height * (k + 0.7) / (channels + 0.4)
        y = baseline + level * height / channels * wave
        d.curve(picture, x, y, ink, pen)
        if named:
            name = EEG_CHANNELS[(first + k) % len(EEG_CHANNELS)]
            d.write(picture, name, 3, baseline, size, ink)
    if rng.random() < 0.5:
        d.write(picture, "30 mm/s  7 uV/mm  70 Hz", left + 3, height - 4, size, ink)
    return picture


def waveform(rng, height: int, width: int) -> np.ndarray:
    """A sound or an earthquake: one to four rows of fast oscillation that swells and fades."""
    dark = rng.random() < 0.3
    if dark:
        picture = d.sheet(rng, height, width, (int(rng.integers(10, 50)),) * 3)
        ink = (90, int(rng.integers(150, 255)), int(rng.integers(90, 255)))
    else:
        picture, ink = _background(rng, height, width, 0.15), d.INKS[rng.integers(len(d.INKS))]
    rows = int(rng.integers(1, 9))
    samples = int(np.clip(width * 2, 600, 3000))
    x = np.linspace(0.02 * width, 0.98 * width, samples)
    t = np.linspace(0, 1, samples)
    for k in range(rows):
        noise = lfilter([1.0], [1.0, -rng.uniform(0.2, 0.9)], rng.standard_normal(samples))
        envelope = np.zeros(samples)
        for start in rng.uniform(0, 0.9, rng.integers(1, 9)):
            after = np.clip(t - start, 0, None)
            envelope += np.exp(-after * rng.uniform(4, 40)) * (t > start) * rng.uniform(0.2, 1)
        wave = noise * (0.03 + envelope)
        wave /= np.abs(wave).max()
        middle = height * (k + 0.5) / rows
        y = middle + wave * height / rows * rng.uniform(0.25, 0.48)
        d.curve(picture, x, y, ink, 1)
        if rng.random() < 0.5:
            d.line(picture, 0, middle, width, middle, ink)
    return picture


def one_strip(rng, height: int, width: int) -> np.ndarray:
    """A single row of ECG on a grid: a rhythm strip of 2 to 11 s, with or without pulse and name.

    Now and then it stands on a page with words above and below, or on a monitor.
    """
    speed = float(rng.choice([25, 25, 25, 25, 50]))  # mm/s
    gain = float(rng.choice([10, 10, 10, 20, 5]))  # mm/mV
    monitor = rng.random() < 0.15
    # The strip's own height is 15 to 60 mm; the row is as long as its picture is wide.
    tall = rng.uniform(15, 60)
    px_per_mm = max(height / tall, width / (11 * speed))
    on_page = not monitor and px_per_mm > width / 80
    if on_page:
        px_per_mm = width / rng.uniform(80, 270)
    if monitor:
        picture = d.sheet(rng, height, width, (int(rng.integers(0, 40)),) * 3)
        ink = ((60, 255, 90), (90, 220, 255), (255, 240, 90), (255, 255, 255))[rng.integers(4)]
    else:
        picture = d.graph_paper(rng, height, width, px_per_mm)
        ink = d.INKS[rng.integers(len(d.INKS))]
    size = float(np.clip(3.2 * px_per_mm * rng.uniform(0.8, 1.6), 6, height * 0.12))
    font = str(rng.choice(d.FONTS))
    middle = height * rng.uniform(0.45, 0.65)
    if on_page:
        half = min(tall * px_per_mm / 2, height * 0.4)
        middle = rng.uniform(half * 1.05, height - half * 1.05)
        blank = d.paper(rng)
        top, bottom = int(middle - half), int(middle + half)
        picture[:top] = blank
        picture[bottom:] = blank
        if rng.random() < 0.7:
            d.paragraph(picture, rng, size, 1.6 * size, width * 0.8,
                        min(int(top / (1.5 * size)) - 1, 12), size, font=font)  # fmt: skip
            d.paragraph(picture, rng, size, bottom + 2 * size, width * 0.8,
                        int(rng.integers(0, 20)), size, font=font)  # fmt: skip

    record = simulate(int(rng.integers(2**31)), 0)
    lead = int(rng.integers(len(LEADS)))
    left = px_per_mm * rng.choice([0.0, rng.uniform(0, 10)])
    x = left
    pen = max(px_per_mm * rng.uniform(0.2, 0.6), 1)
    if rng.random() < 0.45:
        pulse = np.array([0, 0, gain, gain, 0, 0])
        at = np.array([0, 1, 1, 6, 6, 7.0]) * px_per_mm
        d.curve(picture, left + at, middle - pulse * px_per_mm, ink, pen)
        x += 7 * px_per_mm
    signal = record.signal[lead]
    start = int(rng.integers(0, 1500))
    seconds = (width * rng.uniform(0.85, 1.0) - x) / (px_per_mm * speed)
    signal = signal[start : start + int(seconds * SIGNAL_HZ)]
    along = x + np.arange(len(signal)) / SIGNAL_HZ * speed * px_per_mm
    y = middle - (signal - np.median(signal)) * gain * px_per_mm
    d.curve(picture, along, y, ink, pen)
    if rng.random() < 0.6:
        name = str(rng.choice([LEADS[lead], f"Lead {LEADS[lead]}", "ML" + LEADS[lead]]))
        offset = rng.choice([-12.0, 9.0]) * px_per_mm
        d.write(picture, name, x + size * 0.3, middle + offset, size, ink, font)
    if rng.random() < 0.4:
        scale = f"{speed:g} mm/s  {gain:g} mm/mV"
        d.write(picture, scale, width * rng.uniform(0, 0.5), height - 0.5 * size, size, ink, font)
    return picture
