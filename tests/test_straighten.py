"""The chart of a picture: found, cut out, laid flat, evenly lit."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from giraffe import chartfinder, finderschool
from giraffe.__main__ import main
from giraffe.chartfinder import ChartFinder, find_charts, package_finder, plausible
from giraffe.checkpoint import load_tensors
from giraffe.ecg.simulate import simulate
from giraffe.errors import ModelError
from giraffe.finderschool import error, learn
from giraffe.printout.capture import WHOLE_FRAME
from giraffe.printout.layout import Format, arrange
from giraffe.printout.presets import CONDITIONS, PRESETS, print_in_memory
from giraffe.records import LEADS, Header, Waveform
from giraffe.straighten import (
    apart,
    back,
    even_light,
    frame_size,
    inside,
    lay_flat,
    loosen,
    straighten,
)

HEADER = Header("one", 500.0, 5000, LEADS, (), (), (), True, (), {})
WHOLE = np.array(WHOLE_FRAME, float)
corner_shares = st.lists(st.floats(-0.15, 0.15), min_size=8, max_size=8).map(
    lambda moves: WHOLE + np.reshape(moves, (4, 2))
)


def wave(k):
    return Waveform(simulate(31, k).signal, 500.0, LEADS)


@given(corners=corner_shares)
@settings(max_examples=30, deadline=None)
def test_what_lies_between_the_corners_fills_the_picture(corners):
    # Red and green grow with x and y of the original: each pixel says where it comes from.
    y, x = np.mgrid[0:300, 0:400]
    pixels = np.dstack([x * 255 / 400, y * 255 / 300, np.zeros_like(x)]).astype(np.uint8)
    inner = 0.5 + (corners - 0.5) * 0.6
    laid = straighten(pixels, inner, 100, 200)
    assert laid.shape == (100, 200, 3)
    named = laid[[0, 0, -1, -1], [0, -1, -1, 0], :2] / 255
    assert np.allclose(named, inner, atol=0.02)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_straightened_page_begins_and_ends_with_its_chart(preset):
    pixels, placement = print_in_memory(wave(1), HEADER, preset, np.random.default_rng(4), 160, 320)
    laid = placement.seen_through(placement.chart_corners())
    left, top, right, bottom = placement.page.chart
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    assert np.allclose(laid.to_frame(corners), WHOLE, atol=1e-6)
    x, y = placement.to_page(*placement.chart_corners().T)
    assert np.allclose(np.c_[x, y], corners, atol=1e-6)
    assert lay_flat(pixels, placement.chart_corners(), 96, 192).shape == (96, 192, 3)


def test_every_lead_stands_at_the_same_place_on_every_paper():
    charts = [
        arrange(Format(paper=paper, top_mm=top), LEADS, 10.0) for paper in ("a4", "letter")
        for top in (None, 30.0)
    ]  # fmt: skip
    shares = []
    for page in charts:
        left, top, right, bottom = page.chart
        shares.append(
            [((s.x - left) / (right - left), (s.baseline - top) / (bottom - top))
             for s in page.strips]
        )  # fmt: skip
    assert np.ptp(shares, axis=0).max() < 0.02


def test_a_short_record_keeps_its_scale_of_time_and_an_empty_page_is_seen_whole():
    left, _, right, _ = arrange(Format(), LEADS, 4.0).chart
    assert right - left == pytest.approx(250)
    page = arrange(Format(), ("X",), 10.0)
    assert page.chart == (0, 0, page.width, page.height)


@given(
    gains=st.tuples(*[st.floats(0.45, 1.0)] * 3),
    slope=st.floats(-0.3, 0.3),
    fading=st.floats(0.0, 0.5),
)
@settings(max_examples=30, deadline=None)
def test_even_light_takes_away_light_paper_and_fading(gains, slope, fading):
    pixels = print_in_memory(wave(2), HEADER, "D1", np.random.default_rng(1), 192, 384)[0]
    light = np.linspace(1 - abs(slope), 1, 384)[:: 1 if slope > 0 else -1]
    dim = 255 - (255.0 - pixels) * (1 - fading)
    dim = np.rint(dim * light[None, :, None] * gains).astype(np.uint8)
    plain, evened = even_light(pixels).astype(int), even_light(dim).astype(int)
    before = np.abs(pixels.astype(int) - dim).mean()
    after = np.abs(plain - evened).mean()
    assert after < 6 and (before < 10 or after < before / 3)


def test_a_blank_picture_stays_blank():
    for level in (0, 90, 255):
        evened = even_light(np.full((64, 128, 3), level, np.uint8))
        assert np.ptp(evened) == 0


@given(corners=corner_shares, seed=st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_corners_inside_a_cut_and_back(corners, seed):
    cut = apart(loosen(WHOLE, np.random.default_rng(seed)), 0.1)
    assert np.allclose(back(inside(corners, cut), cut), corners, atol=1e-5)


def test_loosened_corners_stay_near():
    rng = np.random.default_rng(0)
    moves = np.array([loosen(WHOLE, rng) - WHOLE for _ in range(500)])
    assert 0.003 < moves.std() < 0.03 and np.abs(moves.mean()) < 0.003


@pytest.mark.parametrize(
    "corners",
    [
        WHOLE[::-1],  # mirrored
        WHOLE[[2, 3, 0, 1]],  # upside down
        0.5 + 0.01 * (WHOLE - 0.5),  # a point
        WHOLE - np.array([[0, 0], [0, 0], [1.2, 1.2], [0, 0]]),  # not convex
        WHOLE + 3,
        np.full((4, 2), np.nan),
    ],
)
def test_what_cannot_be_a_chart_is_not_believed(corners):
    assert not plausible(np.array(corners))
    assert plausible(WHOLE)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_package_s_finder_finds_charts_in_every_condition(condition):
    pictures, truths = [], []
    for k in range(6):
        rng = np.random.default_rng([k, 9])
        pixels, placement = print_in_memory(wave(k), HEADER, condition, rng, *frame_size(256, 512))
        pictures.append(pixels)
        truths.append(placement.chart_corners())
    errors = error(np.stack(find_charts(pictures)), np.stack(truths))
    assert np.median(errors) < 0.03 and errors.max() < 0.12


def test_the_finder_takes_pictures_of_any_size_and_kind():
    rng = np.random.default_rng(0)
    sizes = [(30, 40), (700, 500), (1, 1), (64, 2000)]
    pictures = [rng.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    found = find_charts(pictures)
    assert all(plausible(corners) for corners in found)
    together, alone = found[1], find_charts(pictures[1:2])[0]
    assert np.allclose(together, alone, atol=0.01)  # noise has no chart: rounding decides
    assert find_charts([]) == []


def test_charts_shows_each_image_beside_what_is_seen_of_it(tmp_path, capsys):
    pixels = print_in_memory(wave(3), HEADER, "phone-clean", np.random.default_rng(2), 600, 800)[0]
    image, sheet = tmp_path / "photo.jpg", tmp_path / "sheet.png"
    cv2.imwrite(str(image), pixels[:, :, ::-1])
    assert main(["charts", str(image), str(image), "-o", str(sheet)]) == 0
    shown = cv2.imread(str(sheet))
    assert shown.shape[1] > shown.shape[0] > 600
    image.write_bytes(b"no picture")
    assert main(["charts", str(image), "-o", str(sheet)]) == 1
    assert "photo.jpg" in capsys.readouterr().err


def test_a_finder_is_trained_from_a_seed(tmp_path):
    file = tmp_path / "finder.pt"
    first = learn(file, 32, 1, seed=3, jobs=1, verbose=False)
    assert np.isfinite(first)
    state = load_tensors(file)
    finder = ChartFinder()
    finder.load_state_dict(state)
    assert learn(tmp_path / "again.pt", 32, 1, seed=3, jobs=1, verbose=False) == first
    again = load_tensors(tmp_path / "again.pt")
    assert all(torch.equal(value, again[name]) for name, value in state.items())


def test_a_missing_finder_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(chartfinder, "WEIGHTS", tmp_path / "none.pt")
    package_finder.cache_clear()
    try:
        with pytest.raises(ModelError, match=r"none\.pt"):
            find_charts([np.zeros((10, 10, 3), np.uint8)])
    finally:
        monkeypatch.undo()
        package_finder.cache_clear()


def test_training_pages_know_where_their_charts_lie():
    for k in range(8):
        pixels, corners = finderschool.printed_page(1, k)
        assert pixels.shape == (*chartfinder.PICTURE, 3)
        rng = np.random.default_rng(k)
        near, inner = finderschool.seen(pixels, corners, finderschool.nearby, rng)
        assert near.shape == (chartfinder.HEIGHT, chartfinder.WIDTH, 3)
        assert (
            np.abs(inner - apart(WHOLE, -chartfinder.ROOM / (1 + 2 * chartfinder.ROOM))).max() < 0.3
        )
    assert cv2.isContourConvex(corners.astype(np.float32))
