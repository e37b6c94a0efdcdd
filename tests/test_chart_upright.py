"""The grid sets a chart's sides right, and the limb leads tell which of them is up."""

import functools

import cv2
import numpy as np
import pytest
from chart_pages import HEADER, wave

from giraffe.chart import reader
from giraffe.chart.chart import turn_pixels
from giraffe.chart.fit import Rows
from giraffe.chart.geometry import WHOLE, between, transform
from giraffe.chart.limbs import limb_residual
from giraffe.chart.plane import Plane
from giraffe.chart.reader import find_chart
from giraffe.chart.square import lean, set_right, squared
from giraffe.printout.kit import D1, kit_image

MM = (250, 120)  # a chart's width and height
PX = 6  # a mm
LEVELS = np.array([0.2, 0.4, 0.6, 0.8])


def grid(left: float, right: float, lines=(1, 5)) -> np.ndarray:
    """A grid whose vertical lines lean from the left's lean to the right's."""
    height, width = MM[1] * PX, MM[0] * PX
    picture = np.full((height, width), 230, np.uint8)
    down = np.array([-MM[1] / 2, MM[1] / 2])
    for apart, dark in zip(lines, (200, 150), strict=False):
        for x in np.arange(0, MM[0] + 1, apart):
            ends = x + (left + (right - left) * x / MM[0]) * down
            points = np.round(ends * PX * 16).astype(int)
            cv2.line(picture, (int(points[0]), 0), (int(points[1]), height * 16), dark, 1, 16, 4)
    rng = np.random.default_rng(3)
    return np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("ends", [(0, 0), (0.02, 0.03), (-0.03, -0.01), (0.01, -0.01)])
def test_the_lean_of_a_grid_is_measured_at_both_ends(ends):
    assert lean(grid(*ends), MM) == pytest.approx(ends, abs=0.0025)


def test_paper_without_vertical_lines_tells_no_lean():
    assert lean(grid(0, 0, lines=()), MM) is None


def rows_of(corners) -> Rows:
    plane = Plane(between(corners, WHOLE), 1.0)
    return Rows(plane, LEVELS, (4, 4, 4, 1), np.zeros(4), 0.0, 1.0, 1.0)


def test_a_leaning_chart_is_set_right_about_the_middle_of_its_sides():
    found = squared(rows_of(WHOLE), (0.05, 0.05), MM)
    reach = 0.025 * MM[1] / MM[0]
    assert found.corners[:, 0] == pytest.approx([-reach, 1 - reach, 1 + reach, reach])
    assert found.corners[:, 1] == pytest.approx([0, 0, 1, 1])
    middle = transform(found.plane.matrix, [[0.0, 0.5], [1.0, 0.5]])
    assert middle == pytest.approx(np.array([[0, 0.5], [1, 0.5]]), abs=1e-6)


@functools.cache
def page() -> np.ndarray:
    return kit_image(wave(0), HEADER, D1, np.random.default_rng(2)).pixels


@pytest.fixture(scope="module")
def chart():
    return find_chart(page()).chart


def test_a_slanted_chart_on_an_upright_page_is_mended_by_its_grid(chart):
    true = set_right(page(), chart.rows)[0].corners
    slanted = true + np.array([[-0.01, 0], [0.005, 0], [-0.005, 0], [0.01, 0]])
    rows, size_mm = set_right(page(), rows_of(slanted))
    assert np.abs(rows.corners - true).max() < 0.0025
    assert size_mm[0] == pytest.approx(250, rel=0.02)


def test_limb_leads_obey_their_law_the_right_way_round_alone(chart):
    upside_down = turn_pixels(page(), 180)
    turned = rows_of((1 - chart.rows.corners)[[2, 3, 0, 1]])
    assert limb_residual(page(), chart.rows) < 0.15
    assert limb_residual(upside_down, turned) > 0.4


@pytest.mark.parametrize("turn", [0, 180])
def test_a_chart_whose_names_tell_nothing_is_turned_by_its_limb_leads(turn, monkeypatch):
    for evidence in ("evidence_of_beginnings", "evidence_of_all_names"):
        monkeypatch.setattr(reader, evidence, lambda *_: 0.0)
    found = find_chart(turn_pixels(page(), turn)).chart
    assert (found.turned + turn) % 360 == 0 and found.upright > 0.8
