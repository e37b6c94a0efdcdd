"""How far a command is: a bar on a terminal, now and then a line elsewhere, nothing when quiet."""

import io
import logging
import sys

from tqdm import tqdm

LINE_SECONDS = 30  # between lines where there is no terminal
LINE = "{desc}: {n_fmt} of {total_fmt} {unit}s in {elapsed}, {remaining} left{postfix}"

log = logging.getLogger("giraffe")


class _Lines(io.TextIOBase):
    """Takes what a bar would draw over and over, and says every new state on a line of its own."""

    said = ""

    def write(self, text: str) -> int:
        line = text.strip()
        if line and line != self.said:
            self.said = line
            print(line, file=sys.stderr, flush=True)
        return len(text)


def progress_bar(items=None, *, shown: bool = True, unit: str = "item", **options) -> tqdm:
    """A bar of tqdm's that suits where standard error goes.

    Parameters
    ----------
    items : iterable, optional
        What is worked on.
    shown : bool
        Whether there is a bar at all; there is none either where the logger ``giraffe`` is
        above INFO, as with ``--quiet``.
    unit : str
        What an item is, in the singular.
    **options
        Of `tqdm.tqdm`: ``total``, ``initial``, ``desc``, ``leave``.
    """
    shown = shown and log.isEnabledFor(logging.INFO)
    if shown and not sys.stderr.isatty():
        options |= {
            "file": _Lines(), "bar_format": LINE, "mininterval": LINE_SECONDS,
            "maxinterval": LINE_SECONDS, "delay": LINE_SECONDS,
        }  # fmt: skip
    return tqdm(items, unit=unit, disable=not shown, **options)


def say(text: str) -> None:
    """Print a remark that nobody needs who asked for quiet, such as where something was written."""
    if log.isEnabledFor(logging.INFO):
        print(text)
