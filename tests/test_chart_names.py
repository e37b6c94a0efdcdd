"""What stands on a chart: the lead in each cell, the size of a millimetre; what is learned."""

import numpy as np
import pytest
from chart_pages import HEADER, TURNS, placed, wave
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from giraffe.chart import pages
from giraffe.chart.chart import turn_points
from giraffe.chart.evidence import FINE, KINDS
from giraffe.chart.geometry import WHOLE, apart, between, sides_in_px, straighten, transform
from giraffe.chart.grid import blanked, size_in_mm
from giraffe.chart.letters import NAMES, SIDE, STEP
from giraffe.chart.names import ORDERS, READ, assign, division, evidence_of
from giraffe.chart.truth import UNTAUGHT, canonical, letters_truth
from giraffe.chart.views import Views, near_view, whole_view
from giraffe.printout.formats import CHEST_6X1, RIGHT_3X5
from giraffe.printout.grid import draw_grid
from giraffe.printout.layout import CABRERA_3X4, STANDARD_3X4, STANDARD_12X1, Grid, Page
from giraffe.printout.presets import print_in_memory
from giraffe.printout.render import Colours

# Names


def seen(labels, likely: float = 0.9) -> np.ndarray:
    """Evidence of names; nothing is read where the label is empty."""
    found = np.full((len(labels), len(NAMES)), 0.01)
    for row, label in zip(found, labels, strict=True):
        if label:
            row[NAMES.index(label)] = likely
    return found


def flat(order) -> list[str]:
    return [label for row in order for label in row]


def same_shape(order, other) -> bool:
    return (len(order), len(order[0])) == (len(other), len(other[0]))


def printed(cells) -> list[str]:
    """Names of cells as a page shows them."""
    return [("-" if cell.inverted else "") + cell.lead for cell in cells]


@given(
    order=st.sampled_from(ORDERS),
    unread=st.lists(st.integers(0, 14), max_size=4),
    likely=st.floats(READ + 0.05, 0.99),
)
@settings(max_examples=150)
def test_a_known_order_is_read_though_several_letters_are_not(order, unread, likely):
    labels = flat(order)
    hidden = {k % len(labels) for k in unread[: len(labels) // 3]}
    others = [flat(other) for other in ORDERS if other != order and same_shape(order, other)]
    told = [k for k in range(len(labels)) if k not in hidden]
    assume(all(any(other[k] != labels[k] for k in told) for other in others))
    found = seen(["" if k in hidden else label for k, label in enumerate(labels)], likely)
    cells, layout, usual = assign(found, [len(row) for row in order])
    assert printed(cells) == labels and usual
    assert layout == f"{len(order)}x{len(order[0])}"
    assert [cell.named for cell in cells] == [k not in hidden for k in range(len(labels))]
    assert [(cell.row, cell.column) for cell in cells] == [
        (i, k) for i, row in enumerate(order) for k in range(len(row))
    ]


def test_cells_share_their_row_evenly():
    cells, _, _ = assign(seen(flat(STANDARD_3X4)), (4, 4, 4))
    assert [(cell.start, cell.stop) for cell in cells[:4]] == [
        (0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)
    ]  # fmt: skip


def test_one_misread_letter_is_outvoted_by_the_order():
    labels = flat(STANDARD_3X4)
    found = seen(labels)
    found[3] = seen(["V7"], 0.6)[0]  # where V4 stands
    cells, _, usual = assign(found, (4, 4, 4))
    assert printed(cells) == labels and usual
    assert not cells[3].named and cells[2].named


def test_an_inverted_lead_is_said_to_be_so():
    cells, _, usual = assign(seen(flat(CABRERA_3X4)), (4, 4, 4))
    assert usual and [cell.lead for cell in cells if cell.inverted] == ["aVR"]


def test_without_any_name_the_usual_order_is_taken_and_nothing_is_said_to_be_read():
    for columns, order in (((4, 4, 4, 1), [*flat(STANDARD_3X4), "II"]),
                           ((1,) * 12, flat(STANDARD_12X1))):  # fmt: skip
        cells, _, usual = assign(seen([""] * len(order)), columns)
        assert printed(cells) == order and usual
        assert not any(cell.named for cell in cells)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40)
def test_leads_in_no_known_order_stay_where_they_were_read(seed):
    rng = np.random.default_rng(seed)
    labels = [str(name) for name in rng.permutation(flat(STANDARD_3X4))]
    known = [flat(order) for order in ORDERS if len(order) == 3]
    cells, layout, usual = assign(seen(labels), (4, 4, 4))
    agreeing = max(sum(a == b for a, b in zip(labels, o, strict=False)) for o in known)
    if agreeing < 8:
        assert printed(cells) == labels and not usual and layout == "3x4"


def test_rows_that_a_page_leaves_away_are_read_and_no_lead_stands_twice():
    labels = [label for (label,) in STANDARD_12X1 if label not in ("III", "aVR", "V2", "V6")]
    cells, layout, usual = assign(seen(labels), (1,) * 8)
    assert printed(cells) == labels and layout == "8x1" and not usual
    found = seen(labels)
    found[3] = found[4]  # the same name with the same evidence in two cells
    cells, _, _ = assign(found, (1,) * 8)
    names = [name for name in printed(cells) if name]
    assert len(names) == len(set(names)) == 7


@pytest.mark.parametrize(
    ("columns", "strips", "expected"),
    [
        ((4, 4, 4, 1), ("V1",), ("V1",)),
        ((4, 4, 4, 1), ("",), ("II",)),
        ((4, 4, 4, 1, 1, 1), ("II", "V1", "V5"), ("II", "V1", "V5")),
        ((4, 4, 4, 1, 1, 1), ("", "", ""), ("V1", "II", "V5")),
        ((4, 4, 4, 1, 1), ("III", ""), ("III", "II")),
        ((1, 4, 4, 4), ("V1",), ("V1",)),  # above the leads' own rows
    ],
)
def test_strips_have_the_lead_that_was_read_or_else_the_usual_one(columns, strips, expected):
    own = flat(STANDARD_3X4)
    first = columns[0] == 1
    labels = [*strips, *own] if first else [*own, *strips]
    cells, layout, usual = assign(seen(labels), columns)
    found = printed(cells)
    assert (found[: len(strips)] if first else found[12:]) == list(expected)
    assert (found[len(strips) :] if first else found[:12]) == own and usual
    assert layout == f"3x4+{len(strips)}"
    of_strips = cells[: len(strips)] if first else cells[12:]
    assert [cell.named for cell in of_strips] == [bool(strip) for strip in strips]


def test_rows_are_divided_into_the_leads_own_and_strips():
    assert division((4, 4, 4, 1)) == ((0, 3), 1)
    assert division((1, 2, 2, 2, 1, 1)) == ((1, 4), 3)
    assert division((1,) * 6) == ((0, 6), 0)


@pytest.mark.parametrize("above", [0.35, -0.35])  # distances of two rows
@pytest.mark.parametrize("order", [STANDARD_3X4, RIGHT_3X5, CHEST_6X1])
def test_names_are_read_at_the_height_where_most_of_them_stand(order, above):
    rows, columns = len(order), len(order[0])
    levels = (np.arange(rows) + 1.0) / (rows + 1)
    places = [
        (k / columns + 0.01, levels[i] - above * (levels[1] - levels[0]), NAMES.index(label))
        for i, row in enumerate(order)
        for k, label in enumerate(row)
    ]

    def sample(u, v):
        maps = np.full((1 + len(NAMES), len(u)), 0.02)
        for x, y, name in places:
            near = np.exp(-(((u - x) / 0.02) ** 2) - ((v - y) / 0.01) ** 2)
            maps[1 + name] = np.maximum(maps[1 + name], 0.9 * near)
        return maps

    found = evidence_of(sample, levels, (columns,) * rows)
    assert found.shape == (rows * columns, len(NAMES))
    cells, _, usual = assign(found, (columns,) * rows)
    assert printed(cells) == flat(order) and usual and all(cell.named for cell in cells)


# Grid


def drawn(width_mm, height_mm, px_per_mm, grid=None, **inks):
    page = Page(width_mm, height_mm, 25, 10, (), grid=grid)
    size = round(height_mm * px_per_mm), round(width_mm * px_per_mm)
    return draw_grid(page, Colours(**inks), *size)


GRIDS = {
    "lines": None,
    "lines without squares of 5 mm": Grid(major="none", grain=3.0),
    "squares of 5 mm alone": Grid(minor="none", grain=3.0),
    "dots": Grid(minor="dots", grain=3.0),
    "dashes": Grid(minor="dashes", grain=3.0),
    "shifted lines": Grid(x=2.3, y=1.1),
}


@pytest.mark.parametrize("kind", GRIDS)
@pytest.mark.parametrize("px_per_mm", [3.6, 6.9])
def test_a_drawn_grid_tells_how_long_the_chart_is(kind, px_per_mm):
    pixels = drawn(250.0, 130.0, px_per_mm, GRIDS[kind])
    assert size_in_mm(blanked(pixels)) == pytest.approx((250, 130), rel=0.01)


@pytest.mark.parametrize("length", [150.0, 200.0, 225.0, 240.0, 250.0, 300.0, 500.0])
def test_charts_of_every_usual_length_are_measured(length):
    pixels = drawn(length, 120.0, 1600 / length)
    assert size_in_mm(blanked(pixels)) == pytest.approx((length, 120), rel=0.01)


def test_a_pale_grid_of_any_colour_is_seen():
    for major, minor in (((205, 215, 240), (235, 240, 250)), ((225, 240, 225), (240, 248, 240)),
                         ((225, 225, 225), (243, 243, 243))):  # fmt: skip
        pixels = drawn(250.0, 130.0, 5.0, Grid(grain=2.0), major=major, minor=minor)
        assert size_in_mm(blanked(pixels)) == pytest.approx((250, 130), rel=0.01)


@pytest.mark.parametrize("squeeze", [0.75, 1.0, 1.3])
def test_the_grid_of_a_printed_page_is_measured_under_its_traces(squeeze):
    pixels, placement = print_in_memory(wave(1), HEADER, "D1", np.random.default_rng(2), None, 1500)
    left, top, right, bottom = placement.page.chart
    width, height = sides_in_px(placement.chart_corners(), pixels.shape)
    laid = straighten(pixels, placement.chart_corners(), round(height * squeeze), round(width))
    assert size_in_mm(blanked(laid)) == pytest.approx((right - left, bottom - top), rel=0.01)


def test_where_there_is_no_grid_none_is_measured():
    rng = np.random.default_rng(0)
    blank = np.full((500, 900, 3), 250, np.uint8)
    noisy = rng.normal(200, 20, (500, 900, 3)).clip(0, 255).astype(np.uint8)
    assert size_in_mm(blanked(blank)) is None
    assert size_in_mm(blanked(noisy)) is None
    pixels, placement = print_in_memory(wave(1), HEADER, "D1", np.random.default_rng(2), None, 1200)
    # Traces alone: whatever is paler than ink becomes paper.
    pixels = np.where(pixels.max(axis=2, keepdims=True) < 120, 20, 255).astype(np.uint8)
    pixels = np.repeat(pixels, 3, axis=2)
    laid = straighten(pixels, placement.chart_corners(), 500, 1000)
    assert size_in_mm(blanked(laid)) is None


# What the networks learn from


@pytest.mark.parametrize("seed", range(8))
def test_the_letters_truth_marks_every_name_of_a_page_and_nothing_else(seed):
    placement = placed("giraffe", seed)
    page = placement.page
    window = transform(between(WHOLE, placement.chart_corners()), apart(WHOLE, SIDE))
    view = placement.seen_through(window)
    height, width = 960, 1280
    names, pulses = letters_truth(view, height, width)
    assert names.shape == pulses.shape == (height // STEP, width // STEP)
    wanted = [text for text in page.texts if text.kind == "lead" and canonical(text.content)]
    expected = {1 + NAMES.index(canonical(text.content)) for text in wanted}
    inside = []
    for text in wanted:
        x, y = view.to_frame([(text.x, text.y)])[0]
        inside.append(0.03 < x < 0.97 and 0.03 < y < 0.97)
    marked = {int(name) for name in np.unique(names[names > 0])}
    assert marked <= expected
    if all(inside):
        assert marked == expected
    assert (names == 0).mean() > 0.8
    for pulse in page.pulses:
        x, y = view.to_frame([(pulse.x + pulse.width / 2, pulse.baseline - pulse.height)])[0]
        if 0 < x < 1 and 0 < y < 1:
            row, column = int(y * pulses.shape[0]), int(x * pulses.shape[1])
            assert pulses[row, column] == 1
    if not page.pulses:
        assert (pulses == 0).all()
    assert ((pulses == 0) | (pulses == 1) | np.isnan(pulses)).all()
    assert set(np.unique(names[names < 0])) <= {UNTAUGHT}


def test_names_are_known_however_makers_write_them():
    assert [canonical(name) for name in ("AVR", "aVr", " v1", "-AVR", "V3r")] == [
        "aVR", "aVR", "V1", "-aVR", "V3R",
    ]  # fmt: skip
    assert canonical("Rhythm 1") == canonical("") == ""


@pytest.fixture(scope="module")
def small_page():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "LONGEST", (500, 600))
        return pages.printed_page(5, 1, "D1")


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_view_knows_where_its_chart_lies_and_whether_its_rows_are_level(small_page, turn):
    pixels = np.ascontiguousarray(small_page.pixels(reduced=True))
    shape = (320, 480) if turn % 180 == 0 else (480, 320)
    view, placement, kind = whole_view(small_page, pixels, shape, turn, np.random.default_rng(turn))
    assert view.shape == (*shape, 3)
    assert kind == ("level" if turn % 180 == 0 else "sideways")
    corners = turn_points(placement.chart_corners(), -turn)
    along, down = corners[1] - corners[0], corners[3] - corners[0]
    assert along[0] > 0.5 > 0.1 > abs(along[1]) and down[1] > 0.3 > 0.1 > abs(down[0])


@pytest.mark.parametrize("turn", [0, 180])
def test_evidence_is_taught_in_the_directions_of_the_view(small_page, turn):
    whole, near = Views([small_page], 1)[0, 0, (320, 480), turn]
    for _, coarse, fine, kind, _ in (whole, near):
        assert KINDS[kind] == "level"
        u, v, taught, inside = coarse.numpy()
        own = taught > 0
        assert inside.any() and np.diff(u, axis=1)[own[:, 1:]].min() > 0
        assert np.diff(v, axis=0)[own[1:]].min() > 0
        begin, end = (np.argwhere(fine.numpy()[FINE.index(k)] > 0.7) for k in ("begin", "end"))
        assert len(begin) and begin[:, 1].max() < end[:, 1].min()


def test_a_chart_on_its_side_is_taught_to_show_no_evidence(small_page):
    _, coarse, fine, kind, _ = Views([small_page], 1)[0, 0, (480, 320), 90][0]
    assert KINDS[kind] == "sideways" and not coarse.any() and not fine.any()


def test_a_close_view_shows_the_whole_chart_and_a_picture_without_one_a_part(small_page):
    pixels = np.ascontiguousarray(small_page.pixels(reduced=True))
    for seed in range(6):
        view, placement, kind = near_view(small_page, pixels, np.random.default_rng(seed))
        corners = placement.chart_corners()
        assert corners.min() > -0.1 and corners.max() < 1.1 and view.ndim == 3
        assert kind in KINDS and kind not in ("none", "strip")
    other = pages.other_page(5, 2)
    reduced = np.ascontiguousarray(other.pixels(reduced=True))
    view, placement, kind = near_view(other, reduced, np.random.default_rng(0))
    assert placement is None and kind in ("none", "strip")


def test_training_pages_depend_on_seed_and_number_alone(monkeypatch):
    monkeypatch.setattr(pages, "LONGEST", (300, 320))
    first, again, other = (pages.printed_page(2, k) for k in (3, 3, 4))
    assert first.encoded == again.encoded != other.encoded
    assert pages.other_page(2, 3).encoded == pages.other_page(2, 3).encoded
    assert first.kind == "chart" and pages.other_page(2, 3).kind in ("none", "strip")
    shape = first.pixels(reduced=False).shape
    assert max(shape) in range(300, 320) and shape[1] / shape[0] == first.aspect
