"""Records that know what is measured on them: real ones, and patients simulated anew each epoch.

Only simulated patients and records that NeuroKit2 can delineate know the measurements.
"""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from giraffe.ecg.beats import find_beats
from giraffe.ecg.measure import measure
from giraffe.ecg.records import LEADS, Header, Record, Waveform
from giraffe.ecg.rhythm import FS, NUM_SAMPLES
from giraffe.ecg.simulate import draw_labels, simulate
from giraffe.ecg.variation import vary
from giraffe.errors import RecordError
from giraffe.learning.soft_labels import soften
from giraffe.learning.teacher import Numbers, cell_targets
from giraffe.randomness import random_stream

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MeasuredRecord(Record):
    """A record with the numbers that are predicted.

    Attributes
    ----------
    numbers, waves : ndarray
        Of the whole ECG and of each lead; see `giraffe.learning.teacher.Numbers`.
    signal : Waveform or None
        In memory instead of the record's file.
    soft : ndarray of float32, shape (11,), or None
        Labels that it has instead of its header's.
    varied : int or None
        Seed of the variation that each epoch draws; None: its signal stays as it is.
    """

    numbers: np.ndarray
    waves: np.ndarray
    signal: Waveform | None = None
    soft: np.ndarray | None = None
    varied: int | None = None

    def targets(self) -> np.ndarray:  # noqa: D102
        return super().targets() if self.soft is None else self.soft

    def at(self, epoch: int | None) -> "MeasuredRecord":  # noqa: D102
        if self.varied is None or epoch is None:
            return self
        rng = random_stream(self.varied, self.header.name, epoch, "heart")
        return dataclasses.replace(self, signal=vary(self.waveform(), rng), varied=None)

    def has_waveform(self) -> bool:  # noqa: D102
        return self.signal is not None or super().has_waveform()

    def waveform(self) -> Waveform:  # noqa: D102
        return super().waveform() if self.signal is None else self.signal

    def measured(self) -> np.ndarray:  # noqa: D102
        return self.numbers

    def cells(self, placement, height: int, width: int) -> np.ndarray:  # noqa: D102
        return cell_targets(placement, self.waveform(), self.waves, height, width)


@dataclass(frozen=True)
class Patients(Record):
    """A place in an epoch that another simulated patient takes each time.

    Attributes
    ----------
    source : Numbers
    seed, first, step : int
        In epoch e the patient is number first + e · step of the seed.
    """

    source: Numbers
    seed: int
    first: int
    step: int

    @classmethod
    def of(cls, source: Numbers, seed: int, number: int) -> list["Patients"]:
        """So many places that never share a patient."""
        places = []
        for k in range(number):
            labels = draw_labels(np.random.default_rng([seed, k]))
            header = _header(f"simulated {seed} {k}", labels)
            places.append(cls(header.name, Path(header.name), header, source, seed, k, number))
        return places

    def has_waveform(self) -> bool:  # noqa: D102
        return True

    def measured(self) -> np.ndarray:  # noqa: D102
        return self.source.vector(None)

    def cells(self, placement, height: int, width: int) -> np.ndarray:  # noqa: D102
        return cell_targets(None, None, None, height, width)

    def at(self, epoch: int | None) -> MeasuredRecord:
        """The patient of an epoch; the first one in validation."""
        patient = simulate(self.seed, self.first + (epoch or 0) * self.step)
        comments = {
            "Age": str(patient.age),
            "Sex": patient.sex,
            "Height": str(patient.height),
            "Weight": str(patient.weight),
        }
        header = _header(self.header.name, patient.labels, comments)
        try:
            measured = patient.truth()
        except ValueError:  # too few beats
            measured = None
        numbers = self.source.vector(measured, patient.findings)
        waves = self.source.per_lead(measured)
        wave = Waveform(patient.signal, float(FS), LEADS)
        return MeasuredRecord(self.name, self.path, header, numbers, waves, wave)


def _header(name: str, labels, comments=None) -> Header:
    return Header(
        name, float(FS), NUM_SAMPLES, LEADS, (), (), tuple(labels), True, (), comments or {}
    )


def with_numbers(
    records: Sequence[Record],
    source: Numbers,
    soft: Mapping[str, np.ndarray] | None = None,
    varied: int | None = None,
) -> list[MeasuredRecord]:
    """Real records with what NeuroKit2 lets us measure; without it, with nothing but NaN.

    Parameters
    ----------
    records : sequence of Record
    source : Numbers
    soft : mapping of str to ndarray of float, shape (11,), optional
        What another network says of records, with which their labels are mixed.
    varied : int, optional
        Seed by which signals vary from epoch to epoch.
    """
    found, problem = [], ""
    for record in records:
        measured, usual = None, False
        try:
            wave = record.waveform()
            usual = wave.leads == LEADS
            if not usual:
                raise ValueError("other leads than the usual twelve")
            signal = np.nan_to_num(wave.signal)
            measured = measure(signal, find_beats(signal, wave.fs), fs=wave.fs)
        except ModuleNotFoundError:
            problem = "NeuroKit2 is not installed"
        except (RecordError, ValueError, IndexError) as error:
            log.warning("%s: not measured (%s).", record.path, error)
        numbers, waves = source.vector(measured), source.per_lead(measured)
        said = (soft or {}).get(record.path.name)
        found.append(
            MeasuredRecord(
                record.name,
                record.path,
                record.header,
                numbers,
                waves,
                soft=None if said is None else soften(record.targets(), said),
                varied=varied if usual else None,
            )
        )
    if problem:
        log.warning("Real records teach their labels alone: %s.", problem)
    return found
