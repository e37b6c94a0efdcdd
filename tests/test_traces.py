"""From what a network thinks of a row to its trace: which ways it may go, and where it is none."""

import numpy as np

from giraffe.chart.trace import find_traces, likeliest


def test_the_strokes_of_a_name_are_no_way_for_a_trace():
    likely = np.full((1, 100, 60), 1e-6)
    likely[0, 30] = 0.9
    likely[0, 30, 28:33], likely[0, 70:80, 28:33] = 0.02, 0.09
    assert (likeliest(likely)[0] == 30).all()
    changes = np.zeros((1, 60), bool)
    changes[0, 27:34] = True
    likely[0, 30, 31:], likely[0, 75, 31:] = 1e-6, 0.9
    assert set(likeliest(likely, changes)[0][[0, -1]]) == {30, 75}


def test_where_nothing_is_printed_there_is_no_trace():
    found = np.zeros((1, 41, 200), np.float32)
    found[0, 20, 60:140], found[0, 40, :60], found[0, 40, 140:] = 1, 1, 1
    heights = find_traces(found).heights[0]
    assert np.isfinite(heights[60:140]).all()
    assert np.isnan(heights[:60]).all() and np.isnan(heights[140:]).all()


def test_a_row_in_which_the_network_is_much_less_sure_is_none():
    rng = np.random.default_rng(3)
    found = np.full((4, 61, 300), 1e-6, np.float32)
    for row in range(4):
        found[row, 28:33] = np.array([0.06, 0.18, 0.5, 0.18, 0.06])[:, None]
    for point, height in enumerate(rng.integers(2, 57, 300)):
        found[2, :60, point] = 1e-6
        found[2, height : height + 5, point] = [0.12, 0.2, 0.3, 0.2, 0.12]
    assert np.isfinite(find_traces(found).heights).mean(axis=1).round(2).tolist() == [1, 1, 0, 1]
    found[[0, 1, 3]] = found[2]  # a coarse picture, on which it is nowhere surer
    assert np.isfinite(find_traces(found).heights).mean() > 0.9
