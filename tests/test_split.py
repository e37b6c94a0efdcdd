"""The split keeps proportions and keeps identical records together; the scores are right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from giraffe.judging.metrics import auroc_per_class, f_per_class, macro
from giraffe.learning.learner import class_weights
from giraffe.learning.split import random_split, stratified_split

LABELS = st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=60)


@given(LABELS, st.integers(0, 99), st.data())
def test_every_record_is_on_one_side_with_its_group(labels, seed, data):
    groups = data.draw(st.lists(st.integers(0, 30), min_size=len(labels), max_size=len(labels)))
    for split in (
        lambda: stratified_split(labels, groups, seed),
        lambda: random_split(groups, seed),
    ):
        training, validation = split()
        assert sorted([*training, *validation]) == list(range(len(labels)))
        sides = np.isin(np.arange(len(labels)), validation)
        for group in set(groups):
            assert len(set(sides[np.array(groups) == group])) == 1
        again = split()
        assert np.array_equal(again[0], training) and np.array_equal(again[1], validation)


def test_label_combinations_keep_their_proportions_and_rare_ones_train():
    labels = np.array([[1, 0]] * 100 + [[1, 1]] * 20 + [[0, 1]] * 2)
    training, validation = stratified_split(labels, np.arange(122), seed=1)
    held = labels[validation]
    assert len(validation) == 24
    assert (held[:, 1] == 1).sum() == 4 and (held[:, 0] == 0).sum() == 0
    assert len(np.intersect1d(training, validation)) == 0


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30).filter(
        lambda rows: len({y for y, _ in rows}) == 2
    )
)
def test_the_auroc_is_the_share_of_ordered_pairs(rows):
    y, s = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], dtype=float)
    differences = s[y][:, None] - s[~y][None, :]
    expected = np.mean((differences > 0) + 0.5 * (differences == 0))
    assert auroc_per_class(y[:, None], s[:, None])[0] == pytest.approx(expected)


def test_undefined_classes_are_left_out():
    targets = np.array([[1, 0, np.nan], [0, 0, np.nan]])
    areas = auroc_per_class(targets, np.array([[0.9, 0.5, 0.5], [0.1, 0.5, 0.5]]))
    assert areas[0] == 1 and np.isnan(areas[1:]).all()
    assert macro(areas) == 1 and np.isnan(macro([np.nan]))


def test_f_agrees_with_the_challenges_scorer():
    from giraffe.classes import CLASSES, decode
    from helper_code import compute_f_measure

    rng = np.random.default_rng(0)
    truth, guess = rng.random((2, 40, 11)) < 0.2
    truth[0, 0] = True
    labelled = truth.any(axis=1)
    macro_f, per_class, classes = compute_f_measure(
        [decode(row) for row in truth[labelled]], [decode(row) for row in guess[labelled]]
    )
    ours = f_per_class(truth[labelled], guess[labelled])
    assert macro(ours) == pytest.approx(macro_f)
    for name, value in zip(classes, per_class, strict=True):
        assert ours[CLASSES.index(name)] == pytest.approx(value)


def test_class_weights_are_the_papers():
    targets = np.zeros((10, 11))
    targets[:5, 0] = 1
    targets[:1, 1] = 1
    weights = class_weights(targets)
    assert weights[0] == pytest.approx(10 / (11 * 5))
    assert weights[1] == pytest.approx(10 / 11)
    assert weights[2] == 0
