"""Random streams that depend on names, not on who draws first."""

import hashlib

import numpy as np


def random_stream(seed: int, *parts) -> np.random.Generator:
    """Random numbers that depend on a seed and on names alone, the same on every machine.

    Parameters
    ----------
    seed : int
    parts : str or int
        Such as a record's name and the epoch.

    Returns
    -------
    numpy.random.Generator
    """
    text = "\0".join(str(part) for part in (seed, *parts))
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))
