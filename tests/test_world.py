"""Pages of the world: positions stay true however paper is bent and frames are cut."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giraffe.ecg.records import LEADS
from giraffe.printout.capture import CLOSE, WHOLE_FRAME, Capture, frame_aspect, place, take
from giraffe.printout.layout import Format, Text, arrange
from giraffe.printout.presets import CONDITIONS
from giraffe.printout.wear import Wear, wear_paper
from giraffe.printout.world import WORLD_CAPTURES, WORLD_WEARS

HEADER = tuple(Text(f"ID: 12345{k}", 6 + 75 * k, 7) for k in range(3))
PAGE = arrange(Format(top_mm=35), LEADS, 10.0, HEADER)
SIZE = (160, 288)


def paper(height=200, width=260):
    """A page with a pattern of lines."""
    picture = np.full((height, width, 3), (250, 246, 240), np.uint8)
    picture[::12], picture[:, ::12] = (240, 150, 150), (240, 150, 150)
    picture[6::40, 20:-20] = 20
    return picture


def laid(capture, seed, page=PAGE):
    return place(page, capture, frame_aspect(page, capture), np.random.default_rng(seed))


def outline(page=PAGE):
    """Points on the borders of the page's chart."""
    left, top, right, bottom = page.chart
    u = np.linspace(0, 1, 21)
    shares = np.r_[np.c_[u, 0 * u], np.c_[u, 0 * u + 1], np.c_[0 * u, u], np.c_[0 * u + 1, u]]
    return np.array([left, top]) + shares * [right - left, bottom - top]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, len(WORLD_CAPTURES) - 1))
def test_where_a_point_of_the_page_is_seen_that_point_is(seed, number):
    placement = laid(WORLD_CAPTURES[number][0], seed)
    points = np.random.default_rng(seed).uniform([0, 0], [PAGE.width, PAGE.height], (40, 2))
    frame = placement.to_frame(points)
    back = np.stack(placement.to_page(frame[:, 0], frame[:, 1]), axis=1)
    assert np.abs(back - points).max() < 0.01  # mm


@pytest.mark.parametrize("seed", range(6))
def test_the_map_of_a_bent_page_is_the_inverse_of_the_positions(seed):
    placement = laid(Capture("phone", tilt=(20.0, 35.0), relief=(8.0, 8.0)), seed)
    assert placement.relief
    map_x, map_y = placement.maps(600, 800, 1000, 1300)
    rows, columns = np.mgrid[5:595:37, 5:795:41]
    x, y = placement.to_page((columns + 0.5) / 800, (rows + 0.5) / 600)
    on_page = (x > 0) & (x < PAGE.width) & (y > 0) & (y < PAGE.height)
    for found, exact in (
        (map_x, x * 1300 / PAGE.width - 0.5),
        (map_y, y * 1000 / PAGE.height - 0.5),
    ):
        assert np.abs(found[rows, columns] - exact)[on_page].max() < 0.5  # px of the page


def test_a_bent_page_is_bent_by_a_few_mm():
    moved = []
    for seed in range(30):
        bent = laid(Capture("phone", relief=(8.0, 8.0)), seed)
        flat = bent.seen_through(WHOLE_FRAME)
        flat.relief = ()
        points = outline()
        back = np.stack(bent.to_page(*flat.to_frame(points).T), axis=1)
        moved.append(np.abs(back - points).max())
    assert 2 < np.median(moved) < 8 and max(moved) < 10


@pytest.mark.parametrize("seed", range(12))
def test_frames_are_cut_into_the_chart_or_close_to_it(seed):
    base = Capture("phone", turn=(0.0, 8.0), tilt=(0.0, 25.0), relief=(0.0, 5.0))
    seen = laid(replace(base, into=1.0), seed).to_frame(outline())
    beyond = max(-seen.min(), seen.max() - 1)
    assert 0.01 < beyond < 0.13
    seen = laid(replace(base, close=1.0), seed).to_frame(outline())
    room = np.r_[seen.min(axis=0), 1 - seen.max(axis=0)]
    assert room.min() > -1e-3 and room.max() < CLOSE[1] + 1e-3


def test_frames_are_cut_as_often_as_asked_for():
    shares = np.array([share for _, share in WORLD_CAPTURES])
    assert shares.sum() == pytest.approx(1) == sum(share for _, share in WORLD_WEARS)
    rng, cut, close = np.random.default_rng(0), 0, 0
    for seed in range(600):
        capture = WORLD_CAPTURES[rng.choice(len(shares), p=shares)][0]
        placement = laid(capture, seed)
        view = placement.frame.view or (0, 0, 1, 1)
        seen = placement.to_frame(outline())
        room = np.r_[seen.min(axis=0) - view[:2], view[2:] - seen.max(axis=0)]
        cut += room.min() < -0.005
        close += room.min() > -0.005 and room.max() < 0.06
    assert 0.2 < cut / 600 < 0.3 and 0.28 < close / 600 < 0.48


def test_frames_are_stretched_and_keep_their_aspect_without_it():
    capture = WORLD_CAPTURES[0][0]
    plain = replace(capture, stretch=(1.0, 1.0))
    page_aspects = [laid(Capture("phone"), seed).frame.aspect for seed in range(3)]
    assert page_aspects == [4 / 3] * 3
    stretched = [laid(capture, seed).frame.aspect for seed in range(80)]
    natural = [laid(plain, seed).frame.aspect for seed in range(80)]
    assert np.std(np.log(stretched)) > np.std(np.log(natural)) > 0


STATES = {
    "color-scan-clean": 629226254,
    "bw-scan-clean": 629226254,
    "phone-clean": 244606213,
    "phone-stained": 922880490,
    "phone-deteriorated": 810654057,
    "color-scan-deteriorated": 582951507,
    "bw-scan-deteriorated": 582951507,
    "screenshot": 541143821,
}
"""The number that is drawn after a page was made: as the first published conditions drew it."""


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_conditions_draw_what_they_always_drew(name):
    page = arrange(Format(), LEADS, 10.0)
    rng = np.random.default_rng(7)
    wear, capture = CONDITIONS[name].wears[0][0], CONDITIONS[name].captures[0][0]
    placement = place(page, capture, frame_aspect(page, capture), rng)
    pixels, mask = wear_paper(np.full((96, 128, 3), 250, np.uint8), page, wear, rng)
    take(pixels, mask, page, capture, placement, rng, 64, 96)
    assert int(rng.integers(10**9)) == STATES[name]
    assert placement.frame.aspect == frame_aspect(page, capture)
    # The page's picture has the size that it always had.
    assert placement.page_size(512, 1024) == (round(1024 * page.height / page.width), 1024)


WEARS = {
    "highlights": 4.0, "arrows": 4.0, "rings": 4.0, "notes": 4.0, "patches": 4.0,
    "redactions": 4.0, "watermarks": 3.0, "folds": 3.0,
}  # fmt: skip


@pytest.mark.parametrize("effect", WEARS)
def test_every_mark_is_seen_and_leaves_the_traces_visible(effect):
    height, width = 425, 550
    sx, sy = width / PAGE.width, height / PAGE.height
    left, top, right, bottom = (
        int(v * s) for v, s in zip(PAGE.chart, (sx, sy) * 2, strict=True)
    )  # fmt: skip
    for seed in range(4):
        clean = paper(height, width)
        traces = clean.max(axis=2) < 60
        worn, mask = wear_paper(
            clean.copy(), PAGE, Wear(**{effect: WEARS[effect]}), np.random.default_rng(seed)
        )
        assert mask is None and (worn != clean).any()
        chart = np.s_[top + 2 : bottom - 2, left + 2 : right - 2]
        if effect in ("redactions", "patches"):
            assert (worn[chart] == clean[chart]).all()
        contrast = (worn.max(axis=2).astype(int) < 150)[chart]
        assert contrast[traces[chart]].mean() > 0.95  # what was dark is
        assert contrast[~traces[chart]].mean() < 0.15  # and what was light is


CAPTURES = {
    "close": 1.0, "into": 1.0, "second": 1.0, "relief": (8.0, 8.0), "cast": (0.4, 0.4),
    "warmth": (0.8, 0.8), "motion": (3.0, 3.0), "gamma": (1.5, 1.5), "tones": "binary",
    "file_width": (100.0, 100.1), "halo": (1.0, 1.0), "recompressed": 1.0, "around": ("cloth",),
    "hand": 1.0, "kind": "screen",
}  # fmt: skip


@pytest.mark.parametrize("effect", CAPTURES)
def test_every_effect_of_a_capture_is_seen(effect):
    base = Capture("phone", quality=(50, 50), margin=(0.05, 0.05))
    pictures = []
    for capture in (base, replace(base, **{effect: CAPTURES[effect]})):
        rng = np.random.default_rng(1)
        placement = laid(capture, 1)
        pictures.append(take(paper(), None, PAGE, capture, placement, rng, *SIZE).astype(int))
    assert pictures[0].shape == pictures[1].shape == (*SIZE, 3)
    assert np.abs(pictures[0] - pictures[1]).mean() > 0.3


@pytest.mark.parametrize("tones", ["binary", "fax", "inked", "posterised"])
def test_scans_of_few_tones_keep_what_is_dark(tones):
    capture = Capture("scanner", tones=tones, quality=(96, 96))
    placement = laid(capture, 3)
    picture = take(paper(), None, PAGE, capture, placement, np.random.default_rng(3), *SIZE)
    assert np.ptp(picture.mean(axis=2)) > 100
    if tones == "binary":
        assert set(np.unique(picture)) == {0, 255}
    if tones == "posterised":
        assert len(np.unique(picture)) <= 8


def test_a_second_page_is_beside_the_first_and_smaller():
    capture = Capture("phone", second=1.0)
    for seed in range(20):
        placement = laid(capture, seed)
        assert np.hypot(*placement.frame.second) > 0.7 * PAGE.height
        corners = np.array([(0, 0), (1, 1)]) * (PAGE.width, PAGE.height)
        seen = placement.to_frame(corners)
        assert seen.min() > -1e-3 and seen.max() < 1 + 1e-3
        assert np.prod(seen[1] - seen[0]) > 0.5  # of the frame's area


def test_a_screen_shows_the_page_inside_a_program_of_flat_colours():
    capture = Capture("screen", quality=(96, 96))
    placement = laid(capture, 2)
    left, top, right, bottom = placement.frame.view
    assert 0 <= left < right <= 1 and 0.04 <= top < bottom <= 1
    blank = np.full((200, 260, 3), 77, np.uint8)
    picture = take(blank, None, PAGE, capture, placement, np.random.default_rng(2), 400, 640)
    middle = picture[int(400 * (top + bottom) / 2), int(640 * (left + right) / 2)]
    assert (middle == 77).all()
    above = picture[: int(400 * top) - 2].reshape(-1, 3)
    colours, number = np.unique(above, axis=0, return_counts=True)
    assert number.max() > 0.5 * len(above)
    assert not (colours[number.argmax()] == 77).all()
