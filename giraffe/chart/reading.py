"""Everything that stands on a chart: names, grid, pulses, paper speed and gain."""

from dataclasses import replace

import numpy as np
from scipy.ndimage import maximum_filter1d

from giraffe.chart.chart import Chart, Pulse, turn_pixels, turn_points
from giraffe.chart.evidence import EvidenceNetwork
from giraffe.chart.fit import Rows, spacing
from giraffe.chart.geometry import sides_in_px
from giraffe.chart.letters import LettersNetwork, Written
from giraffe.chart.names import assign, evidence_of
from giraffe.chart.reader import Finding, find_chart
from giraffe.chart.square import set_right
from giraffe.pictures import LONGEST, shrunk

GAINS = (5.0, 10.0, 20.0)  # mm/mV
FEW_NAMES = 0.2  # share of the leads below which names that were read decide nothing
LEAST_PULSE = 0.35  # evidence of a pulse
PULSE_SIDE = 0.075  # shares of the width beside the rows where a pulse may stand
PULSE_MM = (3.5, 26.0)  # heights of pulses that are looked for, where there is a grid
PULSE_NEAR = 3  # of 80 steps between these, by which pulses of one page may differ


def read_chart(
    pixels: np.ndarray,
    network: EvidenceNetwork | None = None,
    letters: LettersNetwork | None = None,
) -> Finding:
    """The chart of a picture with all that is printed on it.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    network, letters : optional
        In evaluation mode; the package's own by default.

    Returns
    -------
    Finding
    """
    finding = find_chart(pixels, network, letters)
    if finding.chart is None:
        return finding
    return replace(finding, chart=described(pixels, finding.chart, letters))


def described(pixels: np.ndarray, chart: Chart, network: LettersNetwork | None = None) -> Chart:
    """A chart with its names, grid, pulses, speed and gain."""
    upright = turn_pixels(shrunk(pixels, LONGEST), chart.turned)
    rows, size_mm = set_right(upright, chart.rows)
    corners = rows.corners
    sides = sides_in_px(corners, upright.shape)
    notes = []

    written = Written(upright, rows, network)
    named = evidence_of(written.names, rows.levels, rows.columns)
    cells, layout, usual = assign(named, rows.columns)
    if sum(cell.named for cell in cells) < FEW_NAMES * len(cells):
        notes.append("hardly any lead name could be read: the usual order is assumed")
    elif not usual:
        notes.append("the leads are in no usual order")

    px_per_mm = None
    if size_mm is not None:
        factor = max(pixels.shape[:2]) / max(upright.shape[:2])
        across, down = factor * sides / size_mm
        px_per_mm = float(across), float(down)
    else:
        notes.append("no grid was seen: 25 mm/s are assumed")
    pulses = _pulses(written.pulses, rows, size_mm)
    heights = [pulse.height for pulse in pulses if pulse.height is not None]
    gain = speed = None
    if heights:
        gain = min(GAINS, key=lambda g: abs(np.log(g / np.median(heights))))
    else:
        notes.append("no pulse was measured: 10 mm/mV are assumed")
    if size_mm is not None:
        speed = 50.0 if chart.fast > 0.5 else 25.0
    corners = turn_points(corners, -chart.turned)
    return replace(
        chart, corners=corners, rows=rows, cells=cells, layout=layout, px_per_mm=px_per_mm,
        size_mm=size_mm, pulses=pulses, speed=speed, gain=gain, notes=tuple(notes),
    )  # fmt: skip


def _pulses(sample, rows: Rows, size_mm) -> tuple[Pulse, ...]:
    """Pulses beside the rows, at most one at each end of each.

    Where rows stand close together the plateaus of neighbours are seen too, but no height other
    than the pulses' own has one over every row.
    """
    distance = spacing(rows.levels)
    lifts = np.linspace(0.12, 1.3, 80) * distance
    if size_mm is not None:
        lifts = np.linspace(*PULSE_MM, 80) / size_mm[1]
    sides = {"left": (-PULSE_SIDE, 0.0), "right": (1.0, 1 + PULSE_SIDE)}
    found = []
    for side, (low, high) in sides.items():
        uu, ll, levels = np.meshgrid(np.linspace(low, high, 16), lifts, rows.levels)
        seen = sample(uu.ravel(), (levels - ll).ravel()).reshape(uu.shape).max(axis=1).T
        common = int(maximum_filter1d(seen, 2 * PULSE_NEAR + 1, axis=1).sum(axis=0).argmax())
        near = slice(max(common - 2 * PULSE_NEAR, 0), common + 2 * PULSE_NEAR + 1)
        for row, heights in enumerate(seen[:, near]):
            if heights.max() < LEAST_PULSE:
                continue
            lift = float((heights * lifts[near]).sum() / heights.sum())
            height = lift * size_mm[1] if size_mm is not None else None
            found.append(Pulse(row, side, height, lift))
    return tuple(found)
