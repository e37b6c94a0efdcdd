"""Pictures become signals: one picture for people, all pictures of a record for the Challenge."""

import logging
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from giraffe.chart.agreement import MOST, einthoven, twice
from giraffe.chart.digitize import FS, Digitized, digitize, joined
from giraffe.chart.ink import package_ink
from giraffe.chart.reader import Finding
from giraffe.chart.reading import described, read_chart
from giraffe.ecg.records import Record, open_record
from giraffe.errors import ImageError, RecordError
from giraffe.pictures import read_file
from giraffe.printout.layout import ROW_SECONDS_AT_25

log = logging.getLogger(__name__)

NOT_READ = {
    "none": "no chart found",
    "strip": "a strip of one lead, no chart of several",
    "chart": "a chart, but no trace could be followed",
}
REMEMBERED = 4  # pictures
LITTLE = 0.7  # share of a lead that was read, below which somebody is told
COARSE = 2.5  # px/mm below which a picture is said to be coarse
NO_LEAD = "a chart, but it is not known which leads it shows"


@dataclass(frozen=True)
class PictureSignals:
    """What was read of a picture.

    Attributes
    ----------
    finding : Finding
    digitized : Digitized or None
        None where there is no chart or no trace in it.
    reason : str
        Why there are no signals; empty where there are.
    doubts : tuple of str
        What was assumed, and what does not agree.
    """

    finding: Finding
    digitized: Digitized | None
    reason: str
    doubts: tuple[str, ...] = ()


class Digitizer:
    """Reads the signals of pictures with the networks that the package brings.

    Raises
    ------
    giraffe.errors.ModelError
        If the weights are missing or broken.

    Examples
    --------
    >>> digitizer = Digitizer()                                          # doctest: +SKIP
    >>> reading = digitizer.read(giraffe.pictures.read_file(path)[0])    # doctest: +SKIP
    >>> reading.digitized.lead("II")                                     # doctest: +SKIP
    """

    def __init__(self):
        self.network = package_ink()
        self._remembered: dict[tuple, PictureSignals] = {}

    def read(
        self, pixels: np.ndarray, fs: float = FS, finding: Finding | None = None
    ) -> PictureSignals:
        """Signals of a picture.

        Parameters
        ----------
        pixels : ndarray of uint8, shape (height, width, 3)
        fs : float
            Sampling frequency in Hz of the signals.
        finding : Finding, optional
            Where its chart was found; looked for by default.

        Returns
        -------
        PictureSignals
            The last few pictures are remembered: labels and signals of a record need it both.
        """
        key = (blake2b(np.ascontiguousarray(pixels).data).digest(), pixels.shape, fs)
        reading = self._remembered.get(key)
        if reading is None:
            reading = self._read(pixels, fs, finding)
            kept = list(self._remembered.items())[1 - REMEMBERED :]
            self._remembered = {**dict(kept), key: reading}
        return reading

    def _read(self, pixels: np.ndarray, fs: float, finding: Finding | None) -> PictureSignals:
        if finding is None:
            finding = read_chart(pixels)
        elif finding.chart is not None and not finding.chart.cells:
            chart = described(pixels, finding.chart)
            finding = Finding(chart, finding.kind, finding.certainty)
        if finding.chart is None:
            return PictureSignals(finding, None, NOT_READ[finding.kind])
        digitized = digitize(pixels, finding.chart, fs, self.network)
        if not any(np.isfinite(part.signal).any() for part in digitized.parts):
            return PictureSignals(finding, None, NOT_READ["chart"])
        if not digitized.leads:
            return PictureSignals(finding, None, NO_LEAD)
        return PictureSignals(finding, digitized, "", doubts_of(digitized))

    def record_signals(self, path: str | Path, delay: float = 0.0) -> np.ndarray | None:
        """Signals of all pictures of a record, as its header describes them.

        Pictures that the record is long enough for follow each other; others show the same time,
        and what they agree on is averaged.

        Parameters
        ----------
        path : path
            Record without extension.
        delay : float
            In s by which all signals come later, in whole samples, rounded down.

        Returns
        -------
        ndarray of float32, shape (samples, leads), or None
            In mV, leads in the header's order, NaN where nothing is printed or was read; None,
            with a warning, where no picture gave a signal.
        """
        try:
            record = open_record(path)
            pages = self._read_pages(record)
        except (RecordError, ImageError) as error:
            log.warning("%s; no signals for this record.", error)
            return None
        header = record.header
        found = {k: reading.digitized for k, reading in pages.items() if reading.digitized}
        if not found:
            reasons = "; ".join(dict.fromkeys(reading.reason for reading in pages.values()))
            log.warning("%s: %s; no signals for this record.", path, reasons)
            return None
        starts = page_starts(max(pages) + 1, header.num_samples / header.fs)
        first = {k: round(starts[k] * header.fs) for k in found}
        samples = header.num_samples or max(first[k] + page.samples for k, page in found.items())
        late = int(delay * header.fs + 1e-6)
        signals = np.full((samples, len(header.leads)), np.nan, np.float32)
        for column, lead in enumerate(header.leads):
            moved = [
                np.concatenate([np.full(first[k] + late, np.nan), page.lead(lead)])
                for k, page in found.items()
            ]
            signals[:, column] = joined(moved, samples, header.fs)
        return signals if np.isfinite(signals).any() else None

    def _read_pages(self, record: Record) -> dict[int, PictureSignals]:
        """What was read of a record's pages, by their number; missing files count as pages."""
        present = {file.name: file for file in record.images()}
        if not present:
            named = ", ".join(record.header.image_files) or "none"
            raise RecordError(f"{record.path}: no image file (the header names {named})")
        readings, problems, number = {}, [], 0
        for name in record.header.image_files:
            try:
                pages = read_file(present[name]) if name in present else [None]
            except ImageError as error:
                problems.append(str(error))
                pages = [None]
            for page in pages:
                if page is not None:
                    readings[number] = self.read(page, record.header.fs)
                number += 1
        if not readings:
            raise ImageError("; ".join(problems))
        return readings


def page_starts(pages: int, duration: float) -> list[float]:
    """When in a record of `duration` s each of its pages begins, in s.

    A page is 10 s long. Where there are more pages than the record has room for, all show its
    beginning.
    """
    follow = pages * ROW_SECONDS_AT_25 <= duration + 1e-6
    return [k * ROW_SECONDS_AT_25 * follow for k in range(pages)]


def doubts_of(digitized: Digitized) -> tuple[str, ...]:
    """What was assumed of a picture, and what does not agree in it, in words."""
    found = list(digitized.notes)
    chart = digitized.chart
    if chart.px_per_mm is not None and min(chart.px_per_mm) < COARSE:
        found.append(f"the picture is coarse ({min(chart.px_per_mm):.1f} px/mm)")
    little = [name for name in digitized.leads if digitized.share_read(name) < LITTLE]
    if little:
        found.append(f"less than {100 * LITTLE:.0f} % was read of {', '.join(little)}")
    residual = einthoven({name: digitized.lead(name) for name in digitized.leads}, digitized.fs)
    if residual > MOST:
        found.append(f"the limb leads do not agree (I + III - II is {100 * residual:.0f} %)")
    for name, difference in strip_differences(digitized).items():
        if difference > MOST:
            found.append(
                f"the strip of {name} does not agree with its column ({100 * difference:.0f} %)"
            )
    return tuple(found)


def strip_differences(digitized: Digitized) -> dict[str, float]:
    """How far leads that are printed twice differ: shares of power, by lead; see `twice`."""
    found = {}
    for name in digitized.leads:
        parts = [part for part in digitized.parts if part.cell.lead == name]
        if len(parts) == 2:
            found[name] = twice(parts[0].signal, parts[1].signal, digitized.fs)
    return found
