"""Pages as the world prints them: what a page says of itself is where its ink is."""

from collections import Counter
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giraffe.ecg.filters import disturbed, high_pass, low_pass
from giraffe.ecg.records import LEADS, Header, Waveform
from giraffe.printout.formats import FREQUENCIES, LAYOUTS
from giraffe.printout.layout import Format, Grid, Page, arrange
from giraffe.printout.paper import INVENTED, NAME_FONTS, WorldInk
from giraffe.printout.presets import SCENES, draw_scene, print_in_memory
from giraffe.printout.render import Colours, draw, ink_coverage, text_box

HEADER = Header("x", 500.0, 5000, LEADS, ("x.dat",), (), ("NORM",), True, (), {"Age": "61"})
FLAT = Waveform(np.zeros((12, 5000), np.float32), 500.0, LEADS)
SCALE = 4.0  # px/mm


def choose(name, seed, waveform):
    return WorldInk(name).choose(waveform, HEADER, np.random.default_rng(seed))


@lru_cache(maxsize=64)
def chosen(name, seed):
    return choose(name, seed, FLAT)


def each_page(seeds=4):
    return pytest.mark.parametrize(
        "name, seed", [(name, seed) for name in LAYOUTS for seed in range(seeds)]
    )


def levels_of(page):
    return sorted({strip.baseline for strip in page.strips})


@each_page()
def test_strips_stand_in_the_rows_and_columns_of_their_layout(name, seed):
    waveform, page, _ = chosen(name, seed)
    assert name == "8x1" or page.layout == name
    assert len(levels_of(page)) == len({strip.row for strip in page.strips})
    for strip in page.strips:
        assert strip.lead in waveform.leads
        assert (strip.row, strip.baseline) in {
            (row, level) for row, level in enumerate(levels_of(page))
        }
        assert strip.lead.upper() in (strip.label.upper(), strip.label[1:].upper()) or (
            strip.rhythm and strip.label.startswith("Rhythm")
        )
        assert (strip.sign < 0) == strip.label.startswith("-")
        assert 0 <= strip.start < strip.stop <= 10.0
    for a in page.strips:  # columns do not overlap
        for b in page.strips:
            if a.row == b.row and a.column < b.column:
                assert page.strip_end(a) <= b.x + 1e-6


@each_page()
def test_the_chart_spans_all_rows_and_lies_on_the_page(name, seed):
    _, page, _ = chosen(name, seed)
    left, top, right, bottom = page.chart
    assert left == min(strip.x for strip in page.strips)
    assert right == pytest.approx(max(page.strip_end(strip) for strip in page.strips))
    levels = levels_of(page)
    if len(levels) > 1:
        reach = np.diff(levels).min() / 2
        assert top == pytest.approx(levels[0] - 1.6 * reach)
        assert bottom == pytest.approx(levels[-1] + 1.1 * reach)
        assert top >= 0 and bottom <= page.height
        assert 2 * reach >= 8.0
    assert left >= 0 and right <= page.width


@each_page()
def test_names_belong_to_their_strips_and_lie_beside_them(name, seed):
    _, page, _ = chosen(name, seed)
    names = [text for text in page.texts if text.kind == "lead"]
    assert page.names_printed == bool(names)
    assert all(text.strip is None for text in page.texts if text.kind != "lead")
    if names:
        assert {text.strip for text in names} == set(range(len(page.strips)))
    for text in names:
        strip = page.strips[text.strip]
        assert text.content == strip.label
        left, top, right, bottom = text_box(text, text.font or page.font)
        assert left >= -0.5 and right <= page.width
        middle = (top + bottom) / 2
        assert abs(middle - strip.baseline) <= min(15.0, 1.4 * page.reach + 3)
        assert left < page.strip_end(strip) and (strip.rhythm or left < strip.x + 4)


@each_page()
def test_pulses_stand_beside_the_rows_and_are_drawn_where_they_are_said_to_be(name, seed):
    waveform, page, _ = chosen(name, seed)
    left, _, right, _ = page.chart
    bare = replace(page, strips=(), texts=())
    height, width = round(page.height * SCALE), round(page.width * SCALE)
    ink, _ = ink_coverage(bare, waveform, height, width)
    for pulse in page.pulses:
        assert pulse.baseline in levels_of(page)
        assert pulse.height == page.gain
        assert pulse.x + pulse.width <= left + 1e-6 or pulse.x >= right - 1e-6
        assert pulse.x >= 0 and pulse.x + pulse.width <= page.width
        row, column = pulse.baseline - pulse.height, pulse.x + pulse.width / 2
        if row > 0:
            around = ink[max(int(row * SCALE) - 1, 0) :][:3, int(column * SCALE)]
            assert around.max() > 0.1


def test_the_most_common_layout_is_three_rows_of_four_and_a_strip_and_all_are_drawn():
    pages = [chosen(None, seed)[1] for seed in range(400)]
    counts = Counter(page.layout for page in pages)
    assert 0.36 < counts["3x4+1"] / len(pages) < 0.55
    assert set(FREQUENCIES) - {"8x1"} <= set(counts)
    assert 0.02 < np.mean([page.speed == 50 for page in pages]) < 0.12
    assert 0.02 < np.mean([page.gain != 10 for page in pages]) < 0.12
    assert 0.02 < np.mean([not page.grid_mm for page in pages]) < 0.15
    assert 0.02 < np.mean([not page.names_printed for page in pages]) < 0.15
    fonts = Counter(page.font for page in pages)
    assert set(fonts) == set(NAME_FONTS)
    starts = [sorted({strip.start for strip in p.strips}) for p in pages if p.layout == "3x4+1"]
    assert 0.1 < np.mean([len(times) == 1 for times in starts]) < 0.45


def test_one_seed_decides_everything():
    pairs = [
        print_in_memory(FLAT, HEADER, "giraffe", np.random.default_rng(seed), 96, 192)
        for seed in (5, 5, 6)
    ]
    assert np.array_equal(pairs[0][0], pairs[1][0])
    assert pairs[0][1].page == pairs[1][1].page
    assert not np.array_equal(pairs[0][0], pairs[2][0])
    scene = draw_scene(FLAT, HEADER, SCENES["giraffe"], np.random.default_rng(5))
    assert scene.page == pairs[0][1].page


def test_leads_that_nobody_records_are_invented_from_their_neighbours():
    ramp = Waveform(np.tile(np.linspace(0.1, 1, 5000, dtype=np.float32), (12, 1)), 500.0, LEADS)
    for seed in range(6):
        waveform, page, _ = choose("3x5", seed, ramp)
        extra = {strip.lead for strip in page.strips} - set(LEADS)
        assert len(extra) == 3 and extra <= set(INVENTED)
        assert waveform.signal.shape == (15, 5000) and np.isfinite(waveform.signal).all()


@pytest.mark.parametrize("leads", [("II",), ("I", "II", "V1"), ("X", "Y")])
def test_records_with_few_leads_are_printed_with_what_they_have(leads):
    record = Waveform(np.zeros((len(leads), 2000), np.float32), 500.0, leads)
    for seed in range(30):
        _, page, _ = choose(None, seed, record)
        assert page.strips and {strip.lead for strip in page.strips} <= set(leads)
        assert all(strip.stop <= 4.0 for strip in page.strips)


def test_the_generators_pages_say_the_same_of_themselves():
    page = arrange(Format(), LEADS, 10.0)
    assert page.layout == "3x4+1" and page.names_printed and page.grid_mm
    assert len(page.pulses) == 4 and {pulse.height for pulse in page.pulses} == {10.0}
    names = {text.strip: text.content for text in page.texts if text.kind == "lead"}
    assert names == {k: strip.label for k, strip in enumerate(page.strips)}
    assert page.chart[2] == max(page.strip_end(strip) for strip in page.strips)


RED = Colours((255, 255, 255), (255, 0, 0), (255, 0, 0))


@pytest.mark.parametrize("minor", ["lines", "dots", "dashes", "none"])
@pytest.mark.parametrize("major", ["lines", "dashes", "none"])
def test_a_grids_lines_are_where_it_says(minor, major):
    grid = Grid(minor, major, 0.4, 0.6, x=2.0, y=3.0, area=(12.0, 13.0, 62.0, 43.0))
    page = Page(100.0, 60.0, 25.0, 10.0, (), grid=grid)
    picture = draw(page, FLAT, replace(RED, outside=(255, 255, 250)), 1200, 2000)
    assert (picture[:250] == (255, 255, 250)).all() and (picture[:, 1250:, 2] == 250).all()
    inside = 255 - picture[264:856, 244:1236, 1].astype(int)
    columns = inside.max(axis=0) > 60
    if not grid.drawn:
        assert not columns.any()
        return
    places = (np.flatnonzero(columns) + 244.5) / 20  # mm
    spacing = 1.0 if minor != "none" else 5.0
    if minor == "lines" or (minor, major) == ("none", "lines"):
        away = np.abs((places - 2.0 + spacing / 2) % spacing - spacing / 2)
        across = inside[np.arange(len(inside)) % 20 == 5][:, columns]
        assert away.max() < 0.2 or across.size
    assert columns.mean() > (0.02 if spacing == 5 else 0.1)


def test_filters_are_of_the_order_and_frequency_that_they_say():
    time = np.arange(20000) / 500
    for cutoff in (0.05, 0.67):
        wave = np.sin(2 * np.pi * cutoff * time)[None]
        late = high_pass(wave, 500.0, cutoff)[:, -10000:]
        assert np.ptp(late) / 2 == pytest.approx(np.sqrt(0.5), abs=0.03)
    wave = np.sin(2 * np.pi * 40 * time)[None]
    assert np.ptp(low_pass(wave, 500.0, 40.0)[:, 1000:]) / 2 == pytest.approx(0.707, abs=0.02)
    assert low_pass(wave, 100.0, 150.0) is wave


def test_a_filter_that_has_run_for_long_does_not_start_with_a_step():
    level = np.full((2, 5000), 0.8)
    assert np.abs(high_pass(level, 500.0, 0.5)).max() < 1e-9
    assert np.abs(low_pass(level, 500.0, 25.0) - 0.8).max() < 1e-9


@given(seed=st.integers(0, 2**32 - 1), begin=st.integers(0, 900), length=st.integers(1, 99))
@settings(max_examples=40, deadline=None)
def test_missing_samples_stay_missing_and_others_stay_near(seed, begin, length):
    rng = np.random.default_rng(seed)
    signal = np.zeros((3, 1000), np.float32)
    signal[1, begin : begin + length] = np.nan
    out = disturbed(signal, 500.0, rng)
    assert out.dtype == np.float32
    assert np.array_equal(np.isnan(out), np.isnan(signal))
    assert np.nanmax(np.abs(out)) < 1.5
