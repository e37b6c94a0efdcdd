"""Draws that the rooms of wear, placement and capture share.

Effects that a preset does not ask for draw nothing, so that a preset's pictures stay the same when
the printer learns something new: see `happens`, `several` and `drawn`.
"""

import cv2
import numpy as np

LATTICE = (128, 256)  # rows and columns of the fields that vary slowly over a page


def even(rng: np.random.Generator, bounds) -> float:
    """A value drawn evenly between two bounds."""
    return float(rng.uniform(*bounds))


def count(rng: np.random.Generator, bounds) -> int:
    """A whole number drawn evenly between two bounds, both included."""
    return int(rng.integers(bounds[0], bounds[1] + 1))


def drawn(rng: np.random.Generator, bounds) -> float:
    """As `even`, but nothing is drawn where both bounds are the same."""
    return even(rng, bounds) if bounds[0] != bounds[1] else float(bounds[0])


def happens(rng: np.random.Generator, share: float) -> bool:
    """Whether something of which this is the share of cases happens; 0 draws nothing."""
    return share > 0 and bool(rng.random() < share)


def several(rng: np.random.Generator, mean: float) -> int:
    """How many there are of what has this mean (Poisson); nothing is drawn for a mean of 0."""
    return int(rng.poisson(mean)) if mean > 0 else 0


def smooth_noise(rng, rows: int, columns: int, shape=LATTICE) -> np.ndarray:
    """Noise of mean 0 and deviation about 1 with `rows` x `columns` waves, float32."""
    coarse = rng.standard_normal((rows + 1, columns + 1), dtype=np.float32)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def stretch(field: np.ndarray, height: int, width: int) -> np.ndarray:
    """A field of the lattice over a picture of another size."""
    return cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR)
