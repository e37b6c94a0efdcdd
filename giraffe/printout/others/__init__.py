"""Pictures without a chart of twelve leads, by which a reader learns and is tested to say so.

`other_picture` draws one of a kind and captures it. The kinds of `TRAINING_KINDS` are for
training; those of `UNSEEN_KINDS` no training may ever show. Every kind says ``none`` but
``one_strip``, which says ``strip``: a single row of ECG.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from giraffe.printout.others import curves, papers, unseen, views
from giraffe.printout.others.snapshot import snapshot

_TRAINING = (
    papers.blank_paper, papers.letter, papers.form, papers.table, papers.report, papers.grid_paper,
    papers.written_grid, papers.codes, curves.line_plot, curves.trend_chart, curves.wiggles,
    curves.waveform, curves.one_strip, views.photograph, views.texture, views.screenshot,
)  # fmt: skip
_UNSEEN = (
    unseen.sheet_music, unseen.street_map, unseen.bar_chart, unseen.crossword, unseen.chessboard,
    unseen.sketch, unseen.other_photograph,
)  # fmt: skip
_DRAW = {draw.__name__: draw for draw in (*_TRAINING, *_UNSEEN)}

TRAINING_KINDS = tuple(draw.__name__ for draw in _TRAINING)
UNSEEN_KINDS = tuple(draw.__name__ for draw in _UNSEEN)
STRIP_KINDS = ("one_strip",)
"""Kinds that show a single row of ECG."""

SIDES = (300, 2400)
"""Shortest and longest longer side of a picture in px."""


def label_of(kind: str) -> str:
    """What a reader should say of a kind: ``none``, or ``strip`` for a single row of ECG."""
    return "strip" if kind in STRIP_KINDS else "none"


def other_picture(kind: str, rng: np.random.Generator, largest: int = SIDES[1]) -> np.ndarray:
    """A picture without a chart of twelve leads.

    Parameters
    ----------
    kind : str
        One of `TRAINING_KINDS` or `UNSEEN_KINDS`.
    rng : numpy.random.Generator
    largest : int
        Of the longer side, in px; at least 300.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        The longer side is 300 px to `largest`, small ones as often as large ones.

    Raises
    ------
    ValueError
        For a kind that does not exist.
    """
    if kind not in _DRAW:
        raise ValueError(f"unknown kind {kind!r}; there are: {', '.join(_DRAW)}")
    long = int(np.exp(rng.uniform(*np.log([SIDES[0], largest]))))
    if kind in STRIP_KINDS:
        height, width = int(long * rng.uniform(0.14, 0.75)), long
    else:
        height, width = int(long * rng.uniform(0.56, 1.0)), long
        if rng.random() < 0.45:
            height, width = width, height
    return snapshot(_DRAW[kind](rng, height, width), rng)


KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    kind: partial(other_picture, kind) for kind in TRAINING_KINDS
}
"""Kinds for training, each a function of a random generator."""

UNSEEN: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    kind: partial(other_picture, kind) for kind in UNSEEN_KINDS
}
"""Kinds for tests alone."""
