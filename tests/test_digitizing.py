"""Signals out of pictures: traces, the grid as a ruler, time, records, and the command."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import wfdb
from chart_pages import HEADER, wave
from PIL import Image

from giraffe.__main__ import main
from giraffe.chart import digitize as reading_room
from giraffe.chart import digitizer as room
from giraffe.chart import timing
from giraffe.chart.agreement import einthoven, lead_of_strip, twice
from giraffe.chart.chart import Cell
from giraffe.chart.columns import begin_at_once
from giraffe.chart.digitize import Digitized, Part, digitize, joined, sampled
from giraffe.chart.digitizer import Digitizer, page_starts
from giraffe.chart.flat import PX_PER_MM, SIDE_MM, lay_rows
from giraffe.chart.ink_pages import row_truth
from giraffe.chart.known import known_chart
from giraffe.chart.reader import Finding
from giraffe.chart.ruler import measure
from giraffe.chart.separators import hidden_by_bars
from giraffe.chart.stroke import learn_pen, settle
from giraffe.chart.trace import by_levels, continued, own_ink
from giraffe.chart.truth import row_ends
from giraffe.ecg.intervals import measure_parts
from giraffe.ecg.records import LEADS, Waveform
from giraffe.printout.presets import CONDITIONS, capture_scene, draw_scene
from giraffe.printout.render import sample_range
from giraffe.reading import digitizing

FS = 500.0


@dataclasses.dataclass(frozen=True)
class Printed:
    """A page with everything that is drawn on it."""

    pixels: np.ndarray
    placement: object
    waveform: Waveform

    def reference(self, lead: str) -> np.ndarray:
        """A lead as it is printed, NaN elsewhere."""
        signal = np.full(self.waveform.signal.shape[1], np.nan)
        for strip in self.placement.page.strips:
            if strip.lead == lead:
                first, last = sample_range(strip, self.waveform)
                signal[first:last] = self.waveform.signal[self.waveform.leads.index(lead)][
                    first:last
                ]
        return signal

    def snr(self, lead: str, found: np.ndarray) -> float:
        """In dB, over what is printed; samples that are missing count as 0 mV."""
        truth = self.reference(lead)
        there = np.isfinite(truth)
        found = np.pad(found, (0, max(len(truth) - len(found), 0)), constant_values=np.nan)
        error = truth[there] - np.nan_to_num(found[: len(truth)][there])
        return 10 * np.log10((truth[there] ** 2).sum() / (error**2).sum())


@pytest.fixture(scope="module")
def page() -> Printed:
    """A clean colour scan at 150 dpi."""
    rng = np.random.default_rng(4)
    scene = draw_scene(wave(3), HEADER, CONDITIONS["color-scan-clean"], rng)
    pixels = capture_scene(scene, round(1700 / scene.placement.frame.aspect), 1700)
    return Printed(pixels, scene.placement, scene.waveform)


@pytest.fixture(scope="module")
def chart(page):
    return known_chart(page.placement, page.pixels.shape[:2])


def perfect_network(page):
    """In place of the network: distributions that leave no doubt about the heights."""

    def look(flat, network=None):
        height = flat.pixels.shape[1]
        found = np.zeros((len(flat.pixels), height + 1, flat.points), np.float32)
        for row in range(len(flat.pixels)):
            truth = row_truth(page, flat, row)
            there = truth > 0
            moments = np.flatnonzero(there)
            below = np.floor(truth[there] - 0.5).astype(int)
            share = truth[there] - 0.5 - below
            found[row, below, moments] = 1 - share
            found[row, np.minimum(below + 1, height - 1), moments] += share
            found[row, -1, ~there] = 1
        return found

    return look


def test_a_spike_of_which_only_the_moment_is_unsure_keeps_its_height():
    moments, lane = np.arange(120), np.arange(160)[:, None]
    true = 120 - 100 * np.clip(1 - np.abs(moments - 60) / 4, 0, 1)
    likely = np.zeros((160, 120))
    for late in np.arange(-2, 2.01, 0.1):
        height = np.interp(moments + late, moments, true)
        likely += np.exp(-0.5 * late**2) * (np.abs(lane + 0.5 - height) < 1.5)
    likely /= likely.sum(axis=0)
    mean = (likely * (lane + 0.5)).sum(axis=0)
    assert mean.min() > 36  # the mean cuts a sixth off
    assert by_levels(likely).min() < 33
    assert abs(by_levels(likely).sum() - mean.sum()) < 0.02 * np.abs(mean - 120).sum() + 5


def test_a_neighbours_ink_is_left_out_where_it_stands_apart():
    likely = np.zeros((100, 10))
    likely[50:53], likely[80:83] = 0.2, 0.13
    own = own_ink(likely, np.full(10, 51))
    assert own[80:83].sum() == 0
    assert np.allclose(own.sum(axis=0), 1)


def drawn_by_a_pen(way, height=120, width=200, radius=0.9):
    """A grey picture of a round pen's way, and the way with its peaks cut off as a network does."""
    fine = 8
    lane, column = np.mgrid[: height * fine, : width * fine]
    lane, column = (lane + 0.5) / fine, (column + 0.5) / fine
    place = (np.arange(len(way)) + 0.5) / 1.5
    covered = np.zeros(lane.shape, bool)
    for x in np.arange(place[0], place[-1], 0.05):
        left, right = (max(int((x + side) * fine), 0) for side in (-1, 1))
        y = np.interp(x, place, way)
        top, bottom = (max(int((y + side) * fine), 0) for side in (-1, 1))
        part = np.s_[top : bottom + 1, left : right + 1]
        covered[part] |= np.hypot(column[part] - x, lane[part] - y) < radius
    ink = covered.reshape(height, fine, width, fine).mean(axis=(1, 3))
    grey = np.round(235 - 200 * ink).astype(np.uint8)
    return np.repeat(grey[None, :, :, None], 3, axis=3)


def test_a_trace_is_laid_into_the_middle_of_its_ink():
    points = np.arange(300)
    true = 90 - 60 * np.clip(1 - np.abs(points - 150) / 7, 0, 1)
    seen = 90 - 54 * np.clip(1 - np.abs(points - 150.7) / 7, 0, 1)
    pixels, hidden = drawn_by_a_pen(true), np.zeros((1, 300), bool)
    found = settle(seen[None], learn_pen(pixels, seen[None]), hidden)[0]
    assert np.abs(found - true)[10:-10].mean() < 0.5 * np.abs(seen - true)[10:-10].mean()
    assert found.min() < seen.min() - 3
    hidden[0, 130:170] = True
    kept = settle(seen[None], learn_pen(pixels, seen[None]), hidden)[0]
    assert np.array_equal(kept[130:170], seen[130:170])


def test_a_bar_between_leads_hides_the_trace_and_a_beat_does_not(page, chart):
    flat = lay_rows(page.pixels, chart)
    pixels = np.full_like(flat.pixels, 235)
    middle = round((0.5 * flat.width_mm + SIDE_MM) * PX_PER_MM)
    zero = round(flat.zero)
    pixels[:, zero - 24 : zero + 24, middle - 2 : middle + 3] = 20
    pixels[:, zero - 60 : zero + 60, round(middle / 2)] = 20
    hidden = hidden_by_bars(dataclasses.replace(flat, pixels=pixels))
    at = flat.along_mm()[hidden.any(axis=0)]
    assert len(at) and np.abs(at - 0.5 * flat.width_mm).max() < 1.0
    heights = continued(np.arange(8.0)[None], np.array([[0, 0, 1, 1, 1, 1, 0, 0]], bool))
    assert heights.tolist() == [[0, 1, 1, 1, 6, 6, 6, 7]]


def test_heights_are_measured_by_the_distances_of_the_grids_lines(page, chart):
    left, right = chart.size_mm[0], chart.size_mm[1] * 1.02
    flat = lay_rows(page.pixels, dataclasses.replace(chart, size_mm=(left, right)))
    assert np.allclose(measure(flat).scale, 1 / 1.02, atol=0.004)


def test_a_strip_has_the_lead_of_the_column_that_it_repeats():
    one, two, three = np.random.default_rng(0).normal(size=(3, 1000))
    columns = {"I": one, "II": two, "III": three}
    assert lead_of_strip(two + 0.05 * three, columns, "I", FS) == "II"
    assert lead_of_strip(two, columns, "II", FS) == "II"
    assert lead_of_strip(one + two, columns, "V1", FS) == "V1"


def test_the_grid_corrects_what_the_geometry_has_wrong(page):
    loose = known_chart(page.placement, page.pixels.shape[:2], np.random.default_rng(1), 0.003)
    flat = lay_rows(page.pixels, loose)
    ruler = measure(flat)
    before, after = [], []
    for row, (level, begin, end, _) in enumerate(row_ends(page.placement.page)):
        x = np.linspace(begin + 1, end - 1, 40)
        seen = page.placement.to_frame(np.stack([x, np.full_like(x, level)], axis=1))
        along, down = flat.from_picture(row, seen).T
        along, up = along / PX_PER_MM - SIDE_MM, flat.heights_mm(down)
        before += [np.std(along - x), np.std(up)]
        after += [np.std(ruler.true_mm(row, along) - x), np.std(ruler.true_height(row, along, up))]
    assert np.median(after) < 0.05
    assert np.median(before) > 3 * np.median(after)


def test_a_perfect_network_gives_the_signals_that_were_printed(page, chart, sharp):
    digitized = digitize(page.pixels, chart, FS, network=object())
    assert digitized.leads == LEADS
    assert min(page.snr(lead, digitized.lead(lead)) for lead in LEADS) > 12
    unprinted = np.stack([np.isnan(page.reference(lead)) for lead in LEADS])
    read = np.stack([np.isfinite(digitized.lead(lead)[:5000]) for lead in LEADS])
    assert read[unprinted].mean() < 0.005


def test_the_packages_network_reads_a_clean_scan(page, chart):
    digitized = digitize(page.pixels, chart)
    assert np.mean([page.snr(lead, digitized.lead(lead)) for lead in LEADS]) > 10
    assert min(digitized.share_read(lead) for lead in LEADS) > 0.97


def test_columns_that_begin_at_once_are_told_from_columns_that_follow():
    along = np.arange(1000) / 10.0
    beats = np.zeros(1000)
    for place in (130, 290, 430, 620, 760, 930):
        beats[place : place + 6] = (0, 4, 9, -4, 1, 0)
    cells = [Cell("I", 0, 0, 0, 0.5), Cell("V1", 0, 1, 0.5, 1), Cell("II", 1, 0, 0, 1)]
    follow = np.stack([beats * 0.7, beats])
    at_once = np.stack([np.concatenate([beats[:500]] * 2), beats])
    assert not begin_at_once(follow, along, cells, 100.0)
    assert begin_at_once(at_once, along, cells, 100.0)


def test_rows_of_which_no_two_agree_begin_where_the_chart_does():  # found by damaged pictures
    assert timing._most(np.array([3.0, 40.0]), 5.0) == 5.0
    assert timing._most(np.array([3.0, 3.2, 40.0]), 5.0) == pytest.approx(3.1)


def test_samples_exist_only_where_the_curve_does():
    times = np.arange(0, 1, 0.004)
    values = np.sin(6 * times)
    values[100:150] = np.nan
    signal = sampled(times, values, 0.0, 1.0, FS)
    moments = np.arange(500) / FS
    assert np.isnan(signal[202:298]).all()
    assert np.nanmax(np.abs(signal - np.sin(6 * moments))) < 0.02
    assert np.isnan(sampled(times, values, 0.5, 1.0, FS)[:250]).all()


def test_readings_of_one_lead_are_averaged_where_they_overlap():
    first, second = np.array([1.0, 2.0, np.nan]), np.array([3.0, np.nan])
    assert joined([first, second], 4).tolist()[:2] == [2.0, 2.0]
    assert np.isnan(joined([first, second], 4)[2:]).all()


def test_pages_follow_each_other_where_the_record_is_long_enough():
    assert page_starts(3, 30.0) == [0, 10, 20]
    assert page_starts(2, 10.0) == [0, 0]
    assert page_starts(1, 10.0) == [0]


def test_rate_and_intervals_are_measured_in_parts():
    signal = wave(1).signal
    whole = measure_parts(dict(zip(LEADS, signal, strict=True)), FS)
    parts = {}
    for k, lead in enumerate(LEADS):
        parts[lead] = np.full(5000, np.nan)
        column = slice(1250 * (k // 3), 1250 * (k // 3 + 1))
        parts[lead][column] = signal[k, column]
    found = measure_parts(parts, FS)
    assert abs(found.rate - whole.rate) < 2
    assert abs(found.qrs - whole.qrs) < 30
    assert abs(found.qt - whole.qt) < 50


def test_nothing_is_measured_in_nothing():
    found = measure_parts({"I": np.full(5000, np.nan)}, FS)
    assert np.isnan([found.rate, found.pr, found.qt]).all()
    assert np.isnan(measure_parts({}, FS).rate)


def test_limb_leads_that_disagree_are_noticed():
    rng = np.random.default_rng(0)
    one, three = rng.normal(size=(2, 1000))
    leads = {"I": one, "II": one + three, "III": three}
    assert einthoven(leads, FS) < 1e-6
    assert einthoven(leads | {"II": -one}, FS) > 0.5
    assert np.isnan(einthoven({"I": one}, FS))
    assert twice(one, np.roll(one, 4), FS) < 0.02 < 0.5 < twice(one, three, FS)


@pytest.fixture
def sharp(page, monkeypatch):
    """A perfect network, which sees no ink before the first sample as a real one does."""
    monkeypatch.setattr(reading_room, "look_at_rows", perfect_network(page))
    monkeypatch.setattr(timing, "PEN_MM", 0.0)
    monkeypatch.setattr(timing, "BLURRED_PEN_MM", 0.0)


@pytest.fixture
def seeing(page, chart, sharp, monkeypatch):
    """In place of the reader: knows the page, and no other picture."""
    calls = []

    def read(pixels):
        calls.append(pixels.shape)
        known = pixels.shape == page.pixels.shape
        return Finding(chart if known else None, "chart" if known else "none", 0.9 if known else 0)

    monkeypatch.setattr(room, "read_chart", read)
    return calls


def write_hidden_record(folder, images, samples=5000, leads=LEADS):
    lines = [f"r {len(leads)} 500 {samples}"]
    lines += [f"r.dat 16 1000/mV 16 0    {lead}" for lead in leads]
    (folder / "r.hea").write_text("\n".join([*lines, f"# Image: {', '.join(images)}"]) + "\n")
    return folder / "r"


def test_a_records_signals_stand_in_its_headers_order(page, seeing, tmp_path):
    Image.fromarray(page.pixels).save(tmp_path / "r-0.png")
    leads = ("V6", "aVR", "II")
    path = write_hidden_record(tmp_path, ["r-0.png"], leads=leads)
    signals = Digitizer().record_signals(path)
    assert signals.shape == (5000, 3)
    assert min(page.snr(lead, signals[:, k]) for k, lead in enumerate(leads)) > 12
    late = Digitizer().record_signals(path, delay=0.004)
    assert np.array_equal(late[2:, 2], signals[:-2, 2], equal_nan=True)


def test_pages_of_a_long_record_follow_each_other_and_a_missing_one_leaves_a_gap(
    page, seeing, tmp_path
):
    Image.fromarray(page.pixels).save(tmp_path / "r-1.png")
    path = write_hidden_record(tmp_path, ["r-0.png", "r-1.png"], samples=10000, leads=("II",))
    signals = Digitizer().record_signals(path)[:, 0]
    assert np.isnan(signals[:5000]).all()
    assert page.snr("II", signals[5000:]) > 15


def test_a_record_without_a_readable_chart_has_no_signals(seeing, tmp_path, caplog):
    Image.new("RGB", (300, 200), "white").save(tmp_path / "r-0.png")
    path = write_hidden_record(tmp_path, ["r-0.png"])
    assert Digitizer().record_signals(path) is None
    assert "no chart found" in caplog.text
    (tmp_path / "r-0.png").write_bytes(b"no picture")
    assert Digitizer().record_signals(path) is None


def test_the_entry_hands_over_signals_and_labels():
    import team_code

    digitizer = SimpleNamespace(record_signals=lambda record, delay: ("signals", delay))
    classifier = SimpleNamespace(classify_record=lambda record: ["NORM"])
    signals, labels = team_code.run_models("r", digitizer, classifier, False)
    assert signals == ("signals", team_code.DELAY_S) and labels == ["NORM"]
    assert team_code.run_models("r", None, None, False) == (None, None)


@pytest.fixture
def photos(page, tmp_path):
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    Image.fromarray(page.pixels).save(folder / "first page.png")
    Image.new("RGB", (300, 200), "white").save(folder / "more" / "blank.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_digitize_writes_records_a_table_and_overlays(page, seeing, photos, tmp_path, capsys):
    output = tmp_path / "out"
    command = ["digitize", str(photos), "-o", str(output), "--csv", "--overlay"]
    assert run(command) == 0
    record = wfdb.rdrecord(str(output / "first_page"))
    assert record.sig_name == list(LEADS) and record.fs == 500
    assert record.comments == ["Image: first page.png"]
    assert page.snr("II", record.p_signal[:, 1]) > 15
    lines = (output / "digitized.csv").read_text().splitlines()
    assert len(lines) == 3
    assert [line.split(",")[0] for line in lines[1:]] == ["first page.png", "blank.png"]
    assert "no chart found" in lines[2] and not (output / "more" / "blank.hea").exists()
    with Image.open(output / "first_page-overlay.jpg") as shown:
        assert max(shown.size) == 1700
    assert (output / "first_page.csv").read_text().startswith("time_s,I_mV")
    said = capsys.readouterr().err
    assert "no chart found" in said and "broken.jpg" in said


def test_digitize_goes_on_where_it_was(seeing, photos, tmp_path):
    output = tmp_path / "out"
    assert run(["digitize", str(photos), "-o", str(output)]) == 0
    table, before = (output / "digitized.csv").read_text(), len(seeing)
    with (output / digitizing.JOURNAL).open("a") as journal:
        journal.write('{"name": "cut off')
    assert run(["digitize", str(photos), "-o", str(output)]) == 0
    assert len(seeing) == before and (output / "digitized.csv").read_text() == table
    for line in (output / digitizing.JOURNAL).read_text().splitlines():
        json.loads(line)


def test_digitize_says_that_nothing_was_digitized(seeing, tmp_path, capsys):
    Image.new("RGB", (300, 200), "white").save(tmp_path / "blank.png")
    assert run(["digitize", str(tmp_path / "blank.png"), "-o", str(tmp_path / "out")]) == 1
    assert "no chart found" in capsys.readouterr().err


def run(arguments) -> int:
    return main(arguments)


def test_pages_of_scenes_have_references_of_what_is_printed(tmp_path):
    from giraffe.ecg.simulate import write_record

    write_record(tmp_path / "in", 5, 0, ("NORM",))
    arguments = ["print", "-i", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-r", "40"]
    assert main([*arguments, "--preset", "color-scan-clean", "--mask_unplotted_samples"]) == 0
    header = next((tmp_path / "out").rglob("*.hea"))
    record = wfdb.rdrecord(str(header.with_suffix("")))
    shares = np.isfinite(record.p_signal).mean(axis=0)
    assert (shares > 0.2).all() and np.median(shares) < 0.3


def test_a_chart_of_which_no_lead_is_known_gives_no_signals(monkeypatch):
    part = Part(Cell("", 0, 0, 0.0, 1.0), 0.0, 1.0, np.ones(500))
    chart = SimpleNamespace(cells=(part.cell,))
    monkeypatch.setattr(room, "digitize", lambda *_: Digitized((part,), 500.0, chart, False))
    found = Digitizer().read(np.zeros((8, 8, 3), np.uint8), 500.0, Finding(chart, "chart", 1.0))
    assert found.digitized is None and "which leads" in found.reason
