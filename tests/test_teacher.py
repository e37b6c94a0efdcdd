"""The denser teacher: what is to be read in each cell of a printed picture."""

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st

from giraffe.ecg.records import LEADS, Header, Waveform
from giraffe.ecg.simulate import simulate
from giraffe.learning import teacher
from giraffe.learning.teacher import CELL_NUMBERS, FIRST, STRIDE, Numbers, cell_targets, grid
from giraffe.printout.presets import SCENES, draw_scene, print_in_memory

HEADER = Header("one", 500.0, 5000, LEADS, (), (), (), True, (), {})
HEIGHT, WIDTH = 512, 1024
# Each lead is a straight line at a height of its own.
LEVELS = np.linspace(-0.6, 0.6, 12, dtype=np.float32)
LINES = Waveform(np.repeat(LEVELS[:, None], 5000, axis=1), 500.0, LEADS)
WAVES = np.arange(12) + 100 * np.arange(len(teacher.LOCAL))[:, None]


@pytest.fixture(scope="module")
def stem():
    """The way from a picture to the features of Mixed_6e, as far as it changes their size."""
    with torch.device("meta"):
        body = torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False)
    first = [body.Conv2d_1a_3x3.conv, body.Conv2d_2a_3x3.conv, body.Conv2d_2b_3x3.conv]
    second = [body.maxpool1, body.Conv2d_3b_1x1.conv, body.Conv2d_4a_3x3.conv, body.maxpool2]
    return [*first, *second, body.Mixed_6a.branch3x3.conv]


def _of(value):
    return value if isinstance(value, int) else value[0]


@given(pixels=st.integers(75, 2000))
@settings(max_examples=50, deadline=None)
def test_the_cells_are_those_of_the_network(stem, pixels):
    size, centre, stride = pixels, 0.5, 1
    for layer in stem:
        kernel, step, padding = (
            _of(getattr(layer, name)) for name in ("kernel_size", "stride", "padding")
        )
        size = (size + 2 * padding - kernel) // step + 1
        centre += stride * ((kernel - 1) / 2 - padding)
        stride *= step
    assert (size, centre, stride) == (grid(pixels), FIRST, STRIDE)


def _cell(point):
    x, y = (round((share - FIRST) / STRIDE) for share in point * (WIDTH, HEIGHT))
    return (y, x) if 0 <= y < grid(HEIGHT) and 0 <= x < grid(WIDTH) else None


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("preset", ["giraffe", "color-scan-clean"])
def test_every_strip_is_found_where_it_lies(preset, seed):
    scene = draw_scene(LINES, HEADER, SCENES[preset], np.random.default_rng(seed))
    targets = cell_targets(scene.placement, LINES, WAVES, HEIGHT, WIDTH)
    assert targets.shape == (CELL_NUMBERS, grid(HEIGHT), grid(WIDTH))
    page, met = scene.page, 0
    for strip in page.strips:
        middle = strip.x + (strip.stop - strip.start) * page.speed / 2
        cell = _cell(scene.placement.to_frame([[middle, strip.baseline]])[0])
        if cell is None:
            continue
        met += 1
        here, lead = targets[:, *cell], LEADS.index(strip.lead)
        assert here[:12].argmax() == lead and (np.delete(here[:12], lead) < 0).all()
        np.testing.assert_allclose(here[12:14] * teacher.VOLTAGE_SPREAD, strip.sign * LEVELS[lead])
        np.testing.assert_array_equal(here[14:], WAVES[:, lead])
    assert met > len(page.strips) / 2


def test_the_highest_voltage_in_a_cell_is_where_the_ink_is():
    spike = np.zeros((12, 5000), np.float32)
    spike[LEADS.index("V1"), 5 * 500 + 700] = 1.0  # 1.4 s after the third column begins
    wave = Waveform(spike, 500.0, LEADS)
    pixels, placement = print_in_memory(wave, HEADER, "D1", np.random.default_rng(1), 256, 512)
    highest = cell_targets(placement, wave, WAVES, 256, 512)[12]
    cells = np.argwhere(highest > 2)
    assert len(cells) >= 1 and len(set(cells[:, 1])) == 1
    strip = next(s for s in placement.page.strips if s.lead == "V1")
    x = (strip.x + (6.4 - strip.start) * placement.page.speed) / placement.page.width * 512
    assert abs(FIRST + STRIDE * cells[0, 1] - x) <= STRIDE / 2 + 0.5
    top = (strip.baseline - 0.7 * placement.page.gain) / placement.page.height * 256
    column = pixels[int(top), int(x) - 2 : int(x) + 3].min()
    assert column < pixels[int(top)].min(axis=1).mean() - 40


def test_what_is_unknown_is_nan():
    nothing = cell_targets(None, LINES, WAVES, HEIGHT, WIDTH)
    assert nothing.shape == (CELL_NUMBERS, grid(HEIGHT), grid(WIDTH)) and np.isnan(nothing).all()
    assert cell_targets(None, LINES, WAVES, 40, 80).size == 0
    numbers = Numbers([simulate(99, k).truth() for k in range(12)])
    assert np.isnan(numbers.per_lead(None)).all()
    known = numbers.per_lead(simulate(98, 1).truth())
    assert known.shape == (len(teacher.LOCAL), 12) and np.nanmax(np.abs(known)) <= teacher.LARGEST
