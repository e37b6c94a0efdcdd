"""One picture, read for a person: labels in words, the chart behind them, and what is uncertain."""

import textwrap
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from giraffe.chart.chart import Chart
from giraffe.chart.digitize import Digitized
from giraffe.chart.digitizer import Digitizer, PictureSignals
from giraffe.chart.reader import Finding
from giraffe.chart.reading import read_chart
from giraffe.chart.sheet import overlay
from giraffe.classes import CLASSES, MEANINGS, exclude
from giraffe.ecg.intervals import measure_parts
from giraffe.network.classifier import Classifier
from giraffe.pictures import read_files
from giraffe.reading.prediction import NO_CHART

DOUBTFUL = 0.5  # certainty of a chart below which it is worth a look whether it is one
CLOSE = 1.25  # a probability nearer to its threshold than by this factor is a close call
RATES = {"TACHY": (95, 400), "BRADY": (0, 65)}  # per minute; 100 and 60, with room for errors
MENTIONED = 3  # labels not given that are named all the same, with their probabilities
LYING = {90: "on its side", 180: "upside down", 270: "on its side"}
ANNOTATED = (1000, 1400)  # px at most of a picture with its chart drawn on it: height, width
LINE_PX, LETTER_PX, TEXT_PX = 24, 9, 400  # of text above it: line, letter, second column
INK = (0, 0, 0)
LABEL_WIDTH, KEY_WIDTH = 43, 15  # letters of what stands in front, on a terminal
UNITS = {"rate": "/min", "pr": "ms", "qrs": "ms", "qt": "ms", "qtc": "ms", "axis": "degrees"}
NAMES = {"rate": "rate", "pr": "PR", "qrs": "QRS", "qt": "QT", "qtc": "QTc", "axis": "axis"}
"""Of what is measured on the signals; see `giraffe.ecg.intervals.Intervals`."""


@dataclass(frozen=True)
class Label:
    """One of the 11 classes in one picture.

    Attributes
    ----------
    name, meaning : str
        Of `giraffe.classes`: ``Old MI`` and what it means.
    probability, threshold : float
    given : bool
        Whether the picture gets it.
    excluded_by : str
        The likelier label because of which this one is not given although it passes its threshold;
        else empty. See `giraffe.classes.EXCLUSIVE`.
    """

    name: str
    meaning: str
    probability: float
    threshold: float
    given: bool
    excluded_by: str = ""

    @property
    def ratio(self) -> float:
        """Probability over threshold; at least 1 where it passes."""
        return self.probability / self.threshold

    @property
    def close(self) -> bool:
        """Whether a little would have decided otherwise."""
        return 1 / CLOSE < self.ratio < CLOSE


@dataclass(frozen=True)
class Reading:
    """What a picture shows, as far as it could be read.

    Attributes
    ----------
    name : str
        Of the picture; a page of a PDF has its number after a ``#``.
    finding : Finding
        Its chart with all that is printed on it, or that there is none.
    labels : tuple of Label
        All 11, those that were given first and then by how far they pass; empty where nothing was
        classified, because there is no chart.
    signals : Digitized or None
        The traces in mV, where there are any.
    measurements : dict of str to float
        Rate, intervals and axis in the units of `UNITS`; what could not be measured is missing.
    uncertain : tuple of str
        What was assumed, missing or doubtful, in words.
    """

    name: str
    finding: Finding
    labels: tuple[Label, ...]
    signals: Digitized | None
    measurements: dict[str, float]
    uncertain: tuple[str, ...]

    @property
    def given(self) -> tuple[Label, ...]:
        """The labels that the picture gets."""
        return tuple(label for label in self.labels if label.given)

    @property
    def left_out(self) -> tuple[Label, ...]:
        """Labels that pass their thresholds and are not given, because a likelier one is."""
        return tuple(label for label in self.labels if label.excluded_by)

    def facts(self) -> list[tuple[str, str]]:
        """The reading for a person: what is known, and of what it is known; empty: as before."""
        facts = [
            (f"{label.meaning} ({label.name})",
             f"{label.probability:.2f}, threshold {label.threshold:.2f}")
            for label in self.given
        ]  # fmt: skip
        facts += [
            (f"left out: {label.name} excludes {label.excluded_by}",
             f"{label.probability:.2f}, threshold {label.threshold:.2f}")
            for label in self.left_out
        ]  # fmt: skip
        others = [one for one in self.labels if not one.given and not one.excluded_by]
        if others:
            named = max(MENTIONED, sum(label.close for label in others))
            said = [f"{label.name} {label.probability:.2f}" for label in others[:named]]
            facts.append(("below threshold", ", ".join([*said, "..."][: len(others)])))
        if self.finding.chart is not None:
            facts.append(("chart", describe_chart(self.finding.chart)))
        found = [
            f"{NAMES[key]} {value:.0f} {UNITS[key]}" for key, value in self.measurements.items()
        ]
        if found:
            facts.append(("measured", ", ".join(found)))
        for k, doubt in enumerate(self.uncertain):
            facts.append(("uncertain" if k == 0 else "", doubt))
        return facts

    def lines(self) -> list[str]:
        """The same for a terminal."""
        return [
            f"{key:{KEY_WIDTH if len(key) <= KEY_WIDTH else LABEL_WIDTH}} {text}"
            for key, text in self.facts()
        ]

    def as_dict(self) -> dict:
        """The reading in plain values, for JSON."""
        chart = self.finding.chart
        return {
            "picture": self.name,
            "labels": [label.name for label in self.given],
            "left_out": {label.name: label.excluded_by for label in self.left_out},
            "probabilities": {one.name: round(one.probability, 4) for one in self._in_order()},
            "thresholds": {one.name: round(one.threshold, 4) for one in self._in_order()},
            "kind": self.finding.kind,
            "certainty": round(self.finding.certainty, 3),
            "chart": None if chart is None else chart_as_dict(chart),
            "measurements": {key: round(value, 1) for key, value in self.measurements.items()},
            "uncertain": list(self.uncertain),
        }

    def row(self) -> tuple:
        """The reading in the order of `COLUMNS`, for a table."""
        chart = self.finding.chart
        values = {one.name: f"{one.probability:.4f}" for one in self.labels}
        return (
            self.name, ", ".join(label.name for label in self.given),
            f"{self.finding.certainty:.3f}", "" if chart is None else chart.layout,
            *(values.get(name, "") for name in CLASSES),
            *(f"{self.measurements[k]:.1f}" if k in self.measurements else "" for k in UNITS),
            "; ".join(self.uncertain),
        )  # fmt: skip

    def _in_order(self) -> list[Label]:
        return sorted(self.labels, key=lambda label: CLASSES.index(label.name))


COLUMNS = ("picture", "labels", "certainty", "layout", *CLASSES, *UNITS, "uncertain")
"""Of the table of readings."""


def read_picture(
    pixels: np.ndarray, classifier: Classifier, name: str = "", whole: bool = False
) -> Reading:
    """Read one picture.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        As `giraffe.pictures.read_files` gives it.
    classifier : Classifier
    name : str
        What to call it.
    whole : bool
        Whether a picture in which no chart is found is classified as a whole.

    Returns
    -------
    Reading
    """
    finding = read_chart(pixels)
    traces = Digitizer().read(pixels, finding=finding)  # of its own: nothing of it is remembered
    labels: tuple[Label, ...] = ()
    if whole or finding.chart is not None or not classifier.straightened:
        p = classifier.probabilities([pixels], [finding], traces=[traces])
        labels = _labels(classifier, p)
    signals = traces.digitized
    measurements = {} if signals is None else measured(signals)
    doubts = _doubts(finding, labels, traces, measurements.get("rate"))
    return Reading(name, finding, labels, signals, measurements, doubts)


def read_pictures(
    paths: Sequence[Path], classifier: Classifier, problems: dict[str, str], whole: bool = False
) -> Iterator[tuple[Path, np.ndarray, Reading]]:
    """Read every picture of some files, in order.

    Parameters
    ----------
    paths : sequence of Path
        See `giraffe.reading.prediction.image_files`.
    classifier : Classifier
    problems : dict of str to str
        Gets the reason of every file that cannot be read, by its path.
    whole : bool
        See `read_picture`.

    Yields
    ------
    Path, ndarray of uint8, Reading
        The file, the picture's pixels, and what was read.
    """
    for path, name, pixels in read_files(paths, problems):
        yield path, pixels, read_picture(pixels, classifier, name, whole)


def annotated(pixels: np.ndarray, reading: Reading) -> np.ndarray:
    """A picture with its chart drawn on it, below what was read.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    shown = overlay(pixels, reading.finding, *ANNOTATED)
    width = shown.shape[1]
    lines = []
    for key, text in reading.facts():
        parts = textwrap.wrap(text, max((width - TEXT_PX) // LETTER_PX, 20)) or [""]
        lines += [(key, parts[0]), *(("", part) for part in parts[1:])]
    above = np.full((LINE_PX * len(lines) + LINE_PX // 2, width, 3), 255, np.uint8)
    for k, words in enumerate(lines, start=1):
        for x, word in zip((LETTER_PX, TEXT_PX), words, strict=True):
            place = (x, LINE_PX * k - 4)
            cv2.putText(above, word, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, INK, 1, cv2.LINE_AA)
    return np.vstack([above, shown])


def measured(signals: Digitized) -> dict[str, float]:
    """Rate, intervals and axis of signals, by the names of `UNITS`; what cannot be is missing."""
    leads = {name: signals.lead(name) for name in signals.leads}
    found = measure_parts(leads, signals.fs)
    values = {name: float(getattr(found, name)) for name in UNITS}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def describe_chart(chart: Chart) -> str:
    """Layout, scales and certainty of a chart in a line; what was assumed is among the notes."""
    parts = [chart.layout or "unusual layout"]
    if chart.speed is not None:
        parts.append(f"{chart.speed:g} mm/s")
    if chart.gain is not None:
        parts.append(f"{chart.gain:g} mm/mV")
    if chart.turned:
        parts.append(f"the picture lies {LYING[chart.turned]}")
    return ", ".join([*parts, f"certainty {chart.certainty:.2f}"])


def chart_as_dict(chart: Chart) -> dict:
    """A chart in plain values: corners and cells in shares of picture and chart, mm and mV."""
    return {
        "corners": chart.corners.round(5).tolist(),
        "turned": chart.turned,
        "layout": chart.layout,
        "leads": [
            {"lead": cell.lead, "row": cell.row,
             "start": round(cell.start, 4), "stop": round(cell.stop, 4),
             "named": bool(cell.named), "inverted": bool(cell.inverted)}
            for cell in chart.cells
        ],
        "speed_mm_s": chart.speed,
        "gain_mm_mv": chart.gain,
        "px_per_mm": None if chart.px_per_mm is None else [round(v, 3) for v in chart.px_per_mm],
    }  # fmt: skip


def label_of(name: str, probability: float, threshold: float, given: Collection[str]) -> Label:
    """One class, as the labels that a picture gets leave it."""
    left_out = name not in given and probability >= threshold
    likelier = next((other for other in given if left_out and exclude(name, other)), "")
    return Label(name, MEANINGS[name], probability, threshold, name in given, likelier)


def _labels(classifier: Classifier, probabilities: np.ndarray) -> tuple[Label, ...]:
    """The 11 labels of one picture's probabilities, shape (1, 11)."""
    given = classifier.labels(probabilities)[0]
    labels = (
        label_of(name, float(p), float(threshold), given)
        for name, p, threshold in zip(CLASSES, probabilities[0], classifier.thresholds, strict=True)
    )
    return tuple(sorted(labels, key=lambda label: (not label.given, -label.ratio)))


def _doubts(
    finding: Finding, labels: tuple[Label, ...], traces: PictureSignals, rate: float | None
) -> tuple[str, ...]:
    """What was assumed, missing or doubtful, in words."""
    said, chart = [], finding.chart
    if chart is None:
        reason, _, remedy = NO_CHART[finding.kind].partition("; ")
        said.append(f"{reason}; the whole picture was read" if labels else f"{reason}; {remedy}")
    else:
        if chart.certainty < DOUBTFUL:
            said.append(f"whether the chart was found right (certainty {chart.certainty:.2f})")
        if chart.turned == 180:
            said.append("the picture seems to lie upside down")
        assumed = dict.fromkeys(cell.lead for cell in chart.cells if not cell.named and cell.lead)
        if assumed and any(cell.named for cell in chart.cells):
            said.append(f"names not read, taken from the layout: {', '.join(assumed)}")
        said += [traces.reason, *chart.notes] if traces.digitized is None else traces.doubts
    if labels and not any(label.ratio >= 1 for label in labels):
        said.append("no finding reaches its threshold: the nearest is named")
    given = {label.name for label in labels if label.given}
    for name, (low, high) in RATES.items():
        if rate is not None and name in given and not low <= rate <= high:
            said.append(f"{name} does not agree with the measured rate of {rate:.0f} /min")
    close = [label.name for label in labels if label.close]
    if close:
        said.append(f"close to the threshold: {', '.join(close)}")
    return tuple(said)
