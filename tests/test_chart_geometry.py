"""Charts in pictures: turned, cut out, laid flat, evenly lit; geometry fitted to evidence."""

import cv2
import numpy as np
import pytest
from chart_pages import (
    HEADER,
    TURNS,
    certain,
    columns_of,
    corner_error,
    disturbed,
    nearby,
    perfect,
    placed,
    wave,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from giraffe.chart.chart import Chart, turn_pixels, turn_points
from giraffe.chart.evidence import FINE, Evidence
from giraffe.chart.fit import Rows, fit_rows
from giraffe.chart.geometry import (
    WHOLE,
    apart,
    between,
    loosen,
    sides_in_px,
    straighten,
    transform,
)
from giraffe.chart.lighting import MARGIN, cut_out, even_light, lay_flat
from giraffe.chart.plane import Plane, fit_plane, places
from giraffe.chart.reader import NEAR_SIZE, plausible
from giraffe.chart.truth import coarse_truth, fine_truth, row_ends
from giraffe.ecg.records import LEADS
from giraffe.printout.layout import STANDARD_6X2, STANDARD_12X1, Format, arrange
from giraffe.printout.placement import Placement
from giraffe.printout.presets import PRESETS, print_in_memory

corner_shares = st.lists(st.floats(-0.15, 0.15), min_size=8, max_size=8).map(
    lambda moves: WHOLE + np.reshape(moves, (4, 2))
)
PAGES = {
    "3x4+1": arrange(Format(top_mm=38), LEADS, 10.0),
    "3x4+3": arrange(Format(rhythm=("II", "V1", "V5"), top_mm=30), LEADS, 10.0),
    "6x2": arrange(Format(STANDARD_6X2, rhythm=(), top_mm=40), LEADS, 10.0),
    "12x1": arrange(Format(STANDARD_12X1, rhythm=(), top_mm=30), LEADS, 10.0),
}


# Cut out and turned


@given(corners=corner_shares)
@settings(max_examples=30)
def test_what_lies_between_the_corners_fills_the_picture(corners):
    # Red and green grow with x and y of the original: each pixel says where it comes from.
    y, x = np.mgrid[0:300, 0:400]
    pixels = np.dstack([x * 255 / 400, y * 255 / 300, np.zeros_like(x)]).astype(np.uint8)
    inner = 0.5 + (corners - 0.5) * 0.6
    laid = straighten(pixels, inner, 100, 200)
    assert laid.shape == (100, 200, 3)
    named = laid[[0, 0, -1, -1], [0, -1, -1, 0], :2] / 255
    assert np.allclose(named, inner, atol=0.02)


@given(corners=corner_shares, seed=st.integers(0, 10**6))
@settings(max_examples=50)
def test_points_go_into_a_quadrangle_and_back(corners, seed):
    points = np.random.default_rng(seed).uniform(0, 1, (20, 2))
    there = transform(between(corners, WHOLE), points)
    assert np.allclose(transform(between(WHOLE, corners), there), points, atol=1e-4)
    assert np.allclose(transform(between(WHOLE, corners), WHOLE), corners, atol=1e-5)


def test_corners_move_apart_by_shares_of_the_sides():
    corners = np.array([[0.2, 0.3], [0.6, 0.3], [0.6, 0.8], [0.2, 0.8]])
    wide = apart(corners, 0.1)
    assert np.allclose(wide[0], [0.16, 0.25]) and np.allclose(wide[2], [0.64, 0.85])
    assert np.allclose(sides_in_px(corners, (100, 200)), (80, 50))


def test_loosened_corners_stay_near():
    rng = np.random.default_rng(0)
    moves = np.array([loosen(WHOLE, rng) - WHOLE for _ in range(500)])
    assert 0.003 < moves.std() < 0.03 and np.abs(moves.mean()) < 0.003


@given(
    degrees=st.sampled_from(TURNS), rows=st.integers(1, 40), columns=st.integers(1, 40),
    place=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
)  # fmt: skip
def test_points_turn_as_their_picture_does(degrees, rows, columns, place):
    y, x = int(place[0] * rows), int(place[1] * columns)
    pixels = np.zeros((rows, columns, 3), np.uint8)
    pixels[y, x] = 200
    turned = turn_pixels(pixels, degrees)
    point = turn_points(np.array([(x + 0.5) / columns, (y + 0.5) / rows]), degrees)
    column, row = (point * turned.shape[1::-1]).astype(int)
    assert turned[row, column, 0] == 200
    assert (turn_pixels(turned, -degrees) == pixels).all()
    assert np.allclose(turn_points(turn_points(point, 90), -90), point)


@pytest.mark.parametrize("turned", TURNS)
def test_a_chart_of_a_turned_picture_knows_where_its_points_lie_in_it(turned):
    rows = Rows(
        Plane(between(WHOLE * 0.5 + 0.2, WHOLE), 1.0), np.array([0.3, 0.7]), (4, 4),
        np.zeros(4), 0.0, 1.0, 1.0,
    )  # fmt: skip
    chart = Chart(turn_points(rows.plane.to_view(WHOLE), -turned), turned, 1.0, rows)
    assert np.allclose(chart.turned_corners(), WHOLE * 0.5 + 0.2)
    assert np.allclose(chart.to_picture(*WHOLE.T), chart.corners)
    along = turn_points(chart.to_picture([0.0, 1.0], 0.3), turned)
    assert np.allclose(along, [[0.2, 0.35], [0.7, 0.35]])


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


# Laid flat and evenly lit


@pytest.mark.parametrize("preset", PRESETS)
def test_a_straightened_page_begins_and_ends_with_its_chart(preset):
    pixels, placement = print_in_memory(wave(1), HEADER, preset, np.random.default_rng(4), 160, 320)
    laid = placement.seen_through(placement.chart_corners())
    left, top, right, bottom = placement.page.chart
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    assert np.allclose(laid.to_frame(corners), WHOLE, atol=1e-5)
    x, y = placement.to_page(*placement.chart_corners().T)
    assert np.allclose(np.c_[x, y], corners, atol=1e-3)  # mm
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


def test_what_is_cut_out_has_a_margin_and_without_corners_it_is_the_whole_picture():
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[50:150, 60:240] = 255
    corners = np.array([[0.2, 0.25], [0.8, 0.25], [0.8, 0.75], [0.2, 0.75]])
    inside = cut_out(pixels, corners, 210, 420)[:, :, 0] > 127
    edge = MARGIN / (1 + 2 * MARGIN)
    assert abs(inside[105].mean() - (1 - 2 * edge)) < 0.01
    assert abs(inside[:, 210].mean() - (1 - 2 * edge)) < 0.01
    whole = cut_out(pixels, None, 20, 30)
    assert (whole == cv2.resize(pixels, (30, 20), interpolation=cv2.INTER_AREA)).all()
    assert cut_out(pixels, None, 400, 100).shape == (400, 100, 3)


def test_thin_lines_of_a_large_picture_do_not_fall_between_the_pixels():
    pixels = np.full((1600, 2400, 3), 255, np.uint8)
    pixels[::16] = 0  # lines of 1 px
    laid = cut_out(pixels, WHOLE, 160, 240)
    dark = (255 - laid[10:-10, 10:-10].astype(float)).mean()
    assert dark == pytest.approx(255 / 16, rel=0.1)


@given(
    gains=st.tuples(*[st.floats(0.45, 1.0)] * 3),
    slope=st.floats(-0.3, 0.3),
    fading=st.floats(0.0, 0.5),
)
@settings(max_examples=30)
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


# Evidence and what is fitted to it


@pytest.mark.parametrize("seed", range(6))
def test_the_coarse_truth_names_the_coordinates_of_every_place(seed):
    placement = placed("giraffe", seed)
    u, v, taught, inside = coarse_truth(placement, 320, 480)
    left, top, right, bottom = placement.page.chart
    points = np.stack([left + u * (right - left), top + v * (bottom - top)], axis=-1)
    own = inside > 0
    assert own.any() and (taught[own] == 1).all() and taught.sum() > own.sum()
    there = placement.to_frame(points[own])
    assert np.abs(there - places(u.shape)[own.ravel()]).max() < 1e-3
    assert u[own].min() >= 0 and u[own].max() <= 1 and v[own].min() >= 0 and v[own].max() <= 1


@pytest.mark.parametrize("name", PAGES)
def test_the_fine_truth_marks_rows_and_where_they_begin_change_and_end(name):
    page = PAGES[name]
    maps = fine_truth(Placement(page, WHOLE), 640, 800)
    rows = row_ends(page)
    marked = {kind: np.argwhere(field > 0.8) for kind, field in zip(FINE, maps, strict=True)}
    size = np.array([page.height, page.width]) / maps.shape[1:]
    near = np.hypot(*(1.0 * size))  # mm of a place of the maps

    def distance(points, places_mm):
        return np.abs(places_mm - points[:, None]).sum(axis=2).min(axis=0).max(initial=0)

    for kind, wanted in (
        ("begin", [(level, begin) for level, begin, _, _ in rows]),
        ("end", [(level, end) for level, _, end, _ in rows]),
        ("change", [(level, x) for level, _, _, changes in rows for x in changes]),
    ):
        found = (marked[kind] + 0.5) * size
        assert (len(found) > 0) == (len(wanted) > 0)
        if wanted:
            wanted = np.array(wanted)
            assert distance(found, wanted) < near and distance(wanted, found) < 2 * near
    levels = np.array([level for level, *_ in rows])
    y, x = ((marked["row"] + 0.5) * size).T
    assert np.abs(y[:, None] - levels).min(axis=1).max() < near
    assert x.min() == pytest.approx(rows[0][1], abs=2) and x.max() == pytest.approx(
        rows[0][2], abs=2
    )


def _plane_evidence(corners, seed=None, false=0.0, noise=0.0) -> Evidence:
    """Votes for a chart at some corners; so large a share of them is false."""
    shape = 22, 36
    u, v = transform(between(corners, WHOLE), places(shape)).T.reshape(2, *shape)
    inside = ((u > 0) & (u < 1) & (v > 0) & (v < 1)).astype(float)
    rng = np.random.default_rng(seed)
    wrong = rng.random(shape) < false
    u, v = (np.where(wrong, rng.uniform(0, 1, shape), c + rng.normal(0, noise, shape))
            for c in (u, v))  # fmt: skip
    spread = np.full(shape, 0.01)
    return Evidence(certain(), 0.0, u, v, spread, spread, inside, None)


@given(corners=corner_shares)
@settings(max_examples=50)
def test_votes_that_agree_give_their_plane(corners):
    corners = 0.5 + (corners - 0.5) * 0.8
    plane = fit_plane(_plane_evidence(corners))
    assert np.abs(plane.to_view(WHOLE) - corners).max() < 1e-3
    assert plane.agreement > 0.999
    assert np.allclose(plane.to_chart(plane.to_view(WHOLE)), WHOLE)


@given(corners=corner_shares, seed=st.integers(0, 10**6))
@settings(max_examples=50)
def test_one_false_vote_in_five_hardly_moves_the_plane(corners, seed):
    corners = 0.5 + (corners - 0.5) * 0.8
    plane = fit_plane(_plane_evidence(corners, seed, 0.2, 0.005))
    assert corner_error(plane.to_view(WHOLE), corners) < 0.005
    assert 0.65 < plane.agreement < 0.95


def test_too_few_votes_are_no_plane_and_an_empty_map_has_no_rows():
    evidence = _plane_evidence(0.5 + (WHOLE - 0.5) * 0.08)
    assert fit_plane(evidence) is None
    nothing = np.zeros((4, 88, 144), np.float32)
    seen = _plane_evidence(WHOLE)
    empty = Evidence(*(getattr(seen, name) for name in seen.__annotations__ if name != "fine"),
                     nothing)  # fmt: skip
    assert fit_rows(empty, fit_plane(seen)) is None


def _fitted(evidence):
    plane = fit_plane(evidence)
    return fit_rows(evidence, plane)


@pytest.mark.parametrize("disturb", [False, True])
def test_the_fit_finds_charts_of_printed_pages_in_what_a_perfect_network_sees(disturb):
    errors, wrong, number = [], [], 48
    for seed in range(number):
        seen = nearby(placed("giraffe", seed), seed)
        evidence = perfect(seen)
        rows = _fitted(disturbed(evidence, seed) if disturb else evidence)
        errors.append(corner_error(rows.plane.to_view(WHOLE), seen.chart_corners()))
        wrong += [seed] if list(rows.columns) != columns_of(seen.page) else []
    assert np.median(errors) < 0.003 and max(errors) < 0.015
    assert len(wrong) <= int(disturb)


@given(corners=corner_shares, name=st.sampled_from(sorted(PAGES)), seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_rows_are_found_however_the_page_lies(corners, name, seed):
    placement = Placement(PAGES[name], corners)
    seen = nearby(placement, seed, 0.01)
    rows = _fitted(perfect(seen))
    assert list(rows.columns) == columns_of(placement.page)
    assert corner_error(rows.plane.to_view(WHOLE), seen.chart_corners()) < 0.015
    assert _rows_off(rows, seen) < 0.016


def _rows_off(rows: Rows, seen: Placement) -> float:
    """Greatest distance of points of the rows from the true ones in shares of the chart."""
    flat = between(seen.chart_corners(), WHOLE)
    u = np.linspace(0, 1, 21)
    off = []
    for (level, begin, end, _), v in zip(row_ends(seen.page), rows.levels, strict=True):
        true = seen.to_frame(np.stack([begin + u * (end - begin), np.full(21, level)], axis=1))
        found = rows.to_view(u, np.full(21, v))
        off.append(np.abs(transform(flat, found) - transform(flat, true)).max())
    return max(off)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("bend", [-10.0, 10.0])
@pytest.mark.parametrize("phase", [0.0, 1.2])
def test_rows_of_a_strongly_bent_page_are_followed(name, bend, phase):
    page = PAGES[name]
    seen = nearby(Placement(page, WHOLE, bend, phase), 3, 0.005)
    rows = _fitted(perfect(seen))
    assert list(rows.columns) == columns_of(page)
    assert corner_error(rows.plane.to_view(WHOLE), seen.chart_corners()) < 0.015
    assert _rows_off(rows, seen) < 0.016


def test_rows_seen_through_another_view_are_the_same_rows():
    seen = nearby(placed("giraffe", 1), 1)
    rows = _fitted(perfect(seen))
    other = between(WHOLE * 0.5 + 0.1, WHOLE)  # from a picture to the view within it
    moved = rows.seen_through(other)
    u, v = np.linspace(0, 1, 9), np.full(9, rows.levels[0])
    assert np.allclose(transform(other, moved.to_view(u, v)), rows.to_view(u, v))
    assert np.allclose(transform(other, moved.plane.to_view(WHOLE)), rows.plane.to_view(WHOLE))


@given(seed=st.integers(0, 10**6), share=st.floats(0, 1), high=st.booleans())
@settings(max_examples=60)
def test_the_fit_answers_to_any_evidence(seed, share, high):
    rng = np.random.default_rng(seed)
    coarse, fine = (h // 16 for h in NEAR_SIZE), (h // 4 for h in NEAR_SIZE)
    coarse, fine = tuple(coarse), tuple(fine)
    u, v = rng.normal(0.5, 10.0 ** rng.uniform(-6, 2), (2, *coarse))
    spread = np.maximum(10.0 ** rng.uniform(-4, 1, (2, *coarse)), 0.004)
    marks = rng.random((4, *fine)).astype(np.float32) ** (1 if high else 20)
    inside = (rng.random(coarse) < share).astype(float)
    evidence = Evidence(certain(), 0.5, u, v, *spread, inside, marks)
    plane = fit_plane(evidence)
    if plane is not None:
        rows = fit_rows(evidence, plane)
        assert rows is None or len(rows.levels) == len(rows.columns)
