"""Printouts: the traces are where the signal says, at any size, in files and in memory."""

import hashlib
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from giraffe.__main__ import main
from giraffe.ecg.records import LEADS, Header, Waveform
from giraffe.ecg.simulate import simulate
from giraffe.printout.layout import Format, arrange, patient_header
from giraffe.printout.render import Colours, draw, ink_coverage, strip_pixels, trace_coverage


def waveform(k=0, seconds=10.0):
    signal = simulate(11, k).signal[:, : int(seconds * 500)]
    return Waveform(signal, 500.0, LEADS)


HEADER = Header("x", 500.0, 5000, LEADS, ("x.dat",), (), ("NORM",), True, (), {"Age": "300"})
PAGE = (1700, 2200)


def _columns_right(page, strip, record):
    """For columns of a strip: whether the ink is where the signal says."""
    scale = PAGE[1] / page.width
    x, y = strip_pixels(page, strip, record, scale, scale)
    radius = page.trace_points * 25.4 / 72 / 2 * scale
    top, left, ink = trace_coverage(x, y, radius, radius, *PAGE)
    fine = np.linspace(x[0], x[-1], 40 * len(x))
    height = np.interp(fine, x, y)
    rows = np.arange(len(ink)) + top + 0.5
    right = []
    for column in range(int(x[0]) + 3, int(x[-1]) - 3, 7):
        share = ink[:, column - left]
        inked = rows[share > 0.05]
        line = height[(fine >= column) & (fine <= column + 1)]
        # The pen's radius of 1 px also brings ink from beside the column.
        near = height[(fine >= column - 1) & (fine <= column + 2)]
        # Beyond the page's edge there is no ink.
        line, near = np.clip(line, 0, PAGE[0]), np.clip(near, 0, PAGE[0])
        right.append(
            near.min() - 0.5 <= np.average(rows, weights=share) <= near.max() + 0.5
            and inked.min() - 0.5 <= line.min() + 0.5
            and inked.max() + 0.5 >= line.max() - 0.5
        )
    return right


PLAIN = Format(pulse=False, lead_names=False, separators=False)


def test_the_ink_of_every_column_lies_on_the_signal():
    page, record = arrange(PLAIN, LEADS, 10.0), waveform()
    for strip in page.strips:
        right = _columns_right(page, strip, record)
        assert len(right) > 60 and np.mean(right) >= 0.99, strip


def test_the_ink_lies_on_the_signal_of_fifty_real_records(shared):
    from giraffe.ecg.records import open_record, read_waveform

    folder = shared / "data" / "ptbxl_folds1-8" / "records500" / "00000"
    right = []
    for header in sorted(folder.glob("*.hea"))[:50]:
        record = read_waveform(open_record(header.with_suffix("")))
        page = arrange(PLAIN, record.leads, 10.0)
        assert len(page.strips) == 13
        for strip in page.strips:
            right += _columns_right(page, strip, record)
    assert np.mean(right) >= 0.99


def test_scales_measured_in_the_picture_are_those_of_the_header():
    # A record of one pulse: 1.5 mV high, from 1.0 s to 1.4 s.
    signal = np.zeros((12, 5000), np.float32)
    signal[:, 500:700] = 1.5
    fmt = Format(pulse=False, lead_names=False, separators=False)
    page = arrange(fmt, LEADS, 10.0)
    page = type(page)(page.width, page.height, 25, 10, page.strips[:1])
    ink, _ = ink_coverage(page, Waveform(signal, 500.0, LEADS), *PAGE)
    rows, columns = np.nonzero(ink > 0.5)
    px_per_mm = 200 / 25.4
    assert (rows.max() - rows.min()) / px_per_mm == pytest.approx(15 + 0.26, abs=0.2)
    top = columns[rows == rows.min()]
    assert (top.max() - top.min()) / px_per_mm == pytest.approx(10, abs=0.4)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-20, 60), min_size=2, max_size=30),
    st.floats(0.3, 2.0),
    st.integers(4, 12),
)
def test_coverage_is_a_share_and_covers_the_line(heights, radius, sub):
    x = np.linspace(3, 35, len(heights))
    y = np.array(heights)
    top, left, coverage = trace_coverage(x, y, radius, radius, 40, 40, sub)
    if coverage.size:
        assert coverage.min() >= 0 and coverage.max() <= 1
    canvas = np.zeros((40, 40))
    canvas[top : top + coverage.shape[0], left : left + coverage.shape[1]] = coverage
    for column in range(5, 33):
        height = np.interp(column + 0.5, x, y)
        if 2 <= height < 38:
            near = canvas[int(height) - 1 : int(height) + 2, column]
            assert near.sum() > 0.2 * min(2 * radius, 1)


def test_missing_samples_lift_the_pen():
    y = np.full(100, 20.0)
    y[40:60] = np.nan
    _, left, coverage = trace_coverage(np.arange(100.0), y, 1.0, 1.0, 40, 100)
    inked = np.flatnonzero(coverage.sum(axis=0) > 0) + left
    assert not set(range(43, 58)) & set(inked)


def test_an_age_of_300_is_printed_as_over_89():
    texts = [text.content for text in patient_header({"Age": "300", "Sex": "Unknown"}, "r")]
    assert "Age: > 89 yrs" in texts
    assert not any("Sex" in text for text in texts)


def test_absent_leads_stay_absent_and_short_records_end_early():
    short = Waveform(waveform().signal[:2, :1000], 500.0, ("II", "V1"))
    page = arrange(Format(), short.leads, 2.0)
    assert {strip.lead for strip in page.strips} == {"II"}  # V1 would begin at 5 s
    picture = draw(page, short, Colours(), 170, 220)
    assert picture.shape == (170, 220, 3) and picture.dtype == np.uint8


@pytest.fixture
def few(records_folder, tmp_path):
    folder = tmp_path / "few"
    folder.mkdir()
    for k in range(3):
        for suffix in (".hea", ".dat"):
            shutil.copy(records_folder / f"sim0005_{k:06d}{suffix}", folder)
    return folder


def _pixels(folder):
    return {
        path.name: hashlib.sha256(np.asarray(Image.open(path)).tobytes()).hexdigest()
        for path in folder.glob("*.png")
    }


def test_print_writes_image_header_and_signal_to_another_folder(few, tmp_path, capsys):
    assert main(["print", "-i", str(few), "-o", str(tmp_path / "out"), "-r", "60"]) == 0
    assert "3 records printed" in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"sim0005_00000{k}{s}" for k in range(3) for s in (".hea", ".dat", "-0.png")}
    header = (tmp_path / "out" / "sim0005_000000.hea").read_text()
    assert header.endswith("# Image: sim0005_000000-0.png\n")
    with Image.open(tmp_path / "out" / "sim0005_000000-0.png") as image:
        assert image.size == (660, 510)


def test_print_works_in_place_and_names_what_it_cannot_print(few, capsys):
    (few / "sim0005_000001.dat").unlink()
    assert main(["print", "-i", str(few), "-o", str(few), "-r", "50"]) == 0
    assert "signal file missing (sim0005_000001)" in capsys.readouterr().err
    assert set(_pixels(few)) == {"sim0005_000000-0.png", "sim0005_000002-0.png"}


def test_pictures_depend_on_neither_processes_nor_company(few, tmp_path):
    args = ["print", "-i", str(few), "-r", "50", "-se", "1", "-o"]
    for out, jobs in (("one", "1"), ("two", "2")):
        main([*args, str(tmp_path / out), "--jobs", jobs])
    (few / "sim0005_000000.hea").unlink()
    main([*args, str(tmp_path / "subset")])
    one, two, subset = (_pixels(tmp_path / out) for out in ("one", "two", "subset"))
    assert one == two
    assert subset.items() <= one.items() and len(subset) == 2


def test_an_image_that_is_there_is_kept(few, tmp_path):
    main(["print", "-i", str(few), "-o", str(tmp_path / "out"), "-r", "50"])
    image = tmp_path / "out" / "sim0005_000000-0.png"
    image.write_bytes(b"mine")
    main(["print", "-i", str(few), "-o", str(tmp_path / "out"), "-r", "50"])
    assert image.read_bytes() == b"mine"
