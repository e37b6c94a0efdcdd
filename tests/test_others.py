"""Pictures without a chart of twelve leads, for training and for tests."""

import numpy as np
import pytest

from giraffe.printout import others

EVERY_KIND = (*others.TRAINING_KINDS, *others.UNSEEN_KINDS)


def _rng(seed: int, kind: str) -> np.random.Generator:
    return np.random.default_rng([seed, EVERY_KIND.index(kind)])


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_is_drawn_over_and_over(kind):
    for seed in range(20):
        picture = others.other_picture(kind, _rng(seed, kind), largest=500)
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
        assert 300 <= max(picture.shape) <= 500 and min(picture.shape[:2]) >= 40
        assert picture.flags.c_contiguous


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_picture_depends_on_its_random_numbers_alone(kind):
    first, again = (others.other_picture(kind, _rng(3, kind), 400) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = others.other_picture(kind, _rng(4, kind), 400)
    assert first.shape != other.shape or (first != other).any()


def test_sizes_go_from_a_stamp_to_a_scan_upright_and_lying():
    shapes = np.array(
        [others.KINDS["blank_paper"](_rng(k, "blank_paper")).shape for k in range(60)]
    )
    longer = shapes[:, :2].max(axis=1)
    assert longer.min() < 400 and longer.max() > 1800 and longer.max() <= 2400
    assert 0.2 < (shapes[:, 0] > shapes[:, 1]).mean() < 0.8


def test_no_unseen_kind_and_no_unseen_photograph_is_for_training():
    assert not {*others.TRAINING_KINDS} & {*others.UNSEEN_KINDS}
    assert set(others.KINDS) == {*others.TRAINING_KINDS} and len(others.KINDS) >= 8
    assert set(others.UNSEEN) == {*others.UNSEEN_KINDS} and len(others.UNSEEN) >= 4
    assert not {*others.views.PHOTOGRAPHS} & {*others.unseen.PHOTOGRAPHS}


def test_only_a_single_row_of_ecg_is_called_a_strip():
    assert [kind for kind in EVERY_KIND if others.label_of(kind) == "strip"] == ["one_strip"]
    assert {others.label_of(kind) for kind in EVERY_KIND} == {"strip", "none"}


def test_a_kind_that_does_not_exist_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown kind 'chart'"):
        others.other_picture("chart", np.random.default_rng(0))
