"""Presets: everything that makes one kind of printout, by name."""

import numpy as np

from giraffe.printout.layout import Format, arrange, patient_header, scale_texts
from giraffe.printout.render import Colours, draw

PRESETS = ("D1",)


def standard_page(waveform, header, start: float = 0.0):
    """The public generator's default page of a record; see `giraffe.printout.layout`.

    Parameters
    ----------
    waveform : object with ``signal``, ``fs`` and ``leads``
    header : object with ``name``, ``comments``, ``date`` and ``time``
    start : float
        Where in the record the page begins, in s.

    Returns
    -------
    Page
    """
    fmt = Format()
    texts = patient_header(header.comments, header.name, header.date, header.time)
    duration = waveform.signal.shape[1] / waveform.fs
    return arrange(fmt, waveform.leads, duration, texts + scale_texts(fmt), start)


def print_in_memory(
    waveform, header, preset: str, rng: np.random.Generator, height: int, width: int
) -> np.ndarray:
    """A printout drawn at the size at which it is needed.

    Parameters
    ----------
    waveform, header
        As for `standard_page`.
    preset : str
    rng : numpy.random.Generator
        For the preset's random choices.
    height, width : int
        Size of the picture in px.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    return draw(standard_page(waveform, header), waveform, Colours(), height, width)
