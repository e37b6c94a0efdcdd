"""Beats fall at one moment in all leads: rows are moved by them, and rates come of them."""

import numpy as np
import pytest

from giraffe.chart.beats import set_by_beats
from giraffe.chart.digitize import joined
from giraffe.chart.flat import FlatRows
from giraffe.chart.ruler import Ruler
from giraffe.chart.trace import Traces
from giraffe.ecg.intervals import measure_parts, rate_of
from giraffe.ecg.records import LEADS

FLAT = FlatRows(np.zeros((4, 96, 1792, 3), np.uint8), 60.0, None, 250.0, 120.0)
PLACES = np.arange(0, 253, 6.0)
RULER = Ruler(PLACES, np.zeros((4, 43)), np.zeros((4, 43)), (0.0, 0.0), np.zeros(43), np.ones(4))
BEATS = np.arange(8, 250, 21.0)  # mm
FS = 500.0


def traces_with(shift) -> Traces:
    """Rows of beats, each of its own height; `shift` moves the third row's, mm for mm."""
    along = FLAT.along_mm()
    rows = []
    for row, height in enumerate((30.0, -20.0, 25.0, 12.0)):
        at = BEATS + (shift(BEATS) if row == 2 else 0.0)
        rows.append(60 - height * np.exp(-((along[:, None] - at) ** 2) / (2 * 0.3**2)).sum(axis=1))
    return Traces(np.array(rows), np.ones((4, len(along))))


def test_rows_whose_beats_stand_together_stay_as_they_are():
    assert set_by_beats(RULER, FLAT, traces_with(lambda x: 0 * x)) is RULER
    assert set_by_beats(RULER, FLAT, traces_with(lambda x: 0 * x + 0.5)) is RULER


def test_a_part_of_a_row_whose_beats_stand_apart_is_moved_to_the_others():
    def bent(x):
        return 2.5 * np.clip(1 - x / 100, 0, 1)

    found = set_by_beats(RULER, FLAT, traces_with(bent))
    first, last = BEATS[1], BEATS[-2]
    assert found.true_mm(2, first + bent(first)) == pytest.approx(first, abs=0.8)
    assert found.true_mm(2, last) == pytest.approx(last, abs=0.1)
    for row in (0, 1, 3):
        assert found.true_mm(row, BEATS) == pytest.approx(BEATS, abs=0.1)


def test_a_name_at_the_end_of_one_reading_does_not_spoil_another():
    column, strip = np.zeros(1000), np.zeros(2000)
    column[-5:] = 3.0
    both = joined([column, strip], 2500)
    assert np.abs(both[:2000]).max() < 0.01 and np.isnan(both[2000:]).all()
    alone = joined([column], 1000)
    assert alone[-5:] == pytest.approx(3.0) and np.isfinite(alone).all()


def test_tall_t_waves_and_what_stands_between_leads_are_no_beats():
    t = np.arange(5000) / FS
    moments = np.arange(0.4, 10, 1.0)
    leads = {}
    for k, lead in enumerate(LEADS):
        qrs = np.exp(-((t[:, None] - moments) ** 2) / (2 * 0.011**2)).sum(axis=1)
        wave = np.exp(-((t[:, None] - moments - 0.3) ** 2) / (2 * 0.05**2)).sum(axis=1)
        signal = 0.3 * qrs + 0.5 * wave
        if lead != "II":
            first = 1250 * (k // 3)
            signal[: first + 3] = signal[first + 1247 :] = 0.8  # strokes of names and bars
            signal[:first] = signal[first + 1250 :] = np.nan
        leads[lead] = signal
    found = measure_parts(leads, FS)
    assert found.beats == len(moments) and found.rate == pytest.approx(60, abs=0.5)


def test_one_beat_too_many_or_too_few_changes_the_rate_of_no_regular_rhythm():
    times = np.arange(13) * 0.8
    assert rate_of(times) == pytest.approx(75)
    assert rate_of(np.delete(times, 6)) == pytest.approx(75)
    assert rate_of(np.sort(np.append(times, 2.1))) == pytest.approx(75)


def test_the_rate_of_early_beats_and_of_fibrillation_is_the_mean():
    bigeminy, pauses = np.tile([0.5, 1.1], 6), np.tile([0.8, 0.8, 1.6], 4)
    for intervals in (bigeminy, pauses, np.array([1.1, 0.5, 1.1])):
        times = np.concatenate([[0], np.cumsum(intervals)])
        assert rate_of(times) == pytest.approx(60 / intervals.mean())
    wild = np.cumsum(np.random.default_rng(0).uniform(0.4, 1.2, 15))
    assert rate_of(wild) == pytest.approx(60 * 14 / (wild[-1] - wild[0]))
