"""One thing at a time: others wait in a line, and are told how many are before them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

LOOK_S = 0.1  # between looks whether it is somebody's turn


class FullError(RuntimeError):
    """The line is as long as it may be."""


class GoneError(RuntimeError):
    """Whoever waited went away."""


class Turns:
    """A line of which the first is served.

    Parameters
    ----------
    most : int
        How long the line may become, whoever is served included.
    """

    def __init__(self, most: int):
        self.most = most
        self._line: list[list[str]] = []

    def ahead(self, ticket: str) -> int | None:
        """How many come before a ticket; 0 while it is served, None where it is not in line."""
        places = [k for k, entry in enumerate(self._line) if entry == [ticket]]
        return places[0] if places else None

    def __len__(self) -> int:
        return len(self._line)

    @asynccontextmanager
    async def turn(self, ticket: str, gone: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
        """Wait for one's turn, and keep it.

        Parameters
        ----------
        ticket : str
            By which `ahead` knows it; two may have the same.
        gone : callable
            Whether whoever waits has gone away.

        Raises
        ------
        FullError, GoneError
        """
        if len(self._line) >= self.most:
            raise FullError
        entry = [ticket]
        self._line.append(entry)
        try:
            while self._line[0] is not entry:
                if await gone():
                    raise GoneError
                await asyncio.sleep(LOOK_S)
            yield
        finally:
            # By identity: lists of the same ticket are equal.
            self._line[:] = [other for other in self._line if other is not entry]
