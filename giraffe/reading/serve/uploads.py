"""What a browser sends: a form with a picture, kept in memory and never longer than allowed."""

from collections.abc import AsyncGenerator
from pathlib import PurePath

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from giraffe.reading.serve.refusals import no_form, no_picture, too_large

MB = 1_000_000
MOST_FIELDS = 10
LONGEST_NAME = 120


async def picture_of(request: Request, limit: int) -> tuple[bytes, str]:
    """Content and name of the file in the field ``picture`` of a form.

    Parameters
    ----------
    request : Request
    limit : int
        Bytes that the body may have; no more are taken from the network.

    Raises
    ------
    giraffe.reading.serve.refusals.Refusal
        If the body is longer, is no form, or holds no picture.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise no_form()

    class InMemory(MultiPartParser):
        spool_max_size = limit  # a temporary file would be a copy on the disk

    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told) > limit:
        raise _too_long(limit)
    parser = InMemory(
        request.headers, _bounded(request, limit), max_files=MOST_FIELDS, max_fields=MOST_FIELDS
    )
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError) as error:
        raise no_picture("The form is broken: it cannot be taken apart.") from error
    sent = form.get("picture")
    if not isinstance(sent, UploadFile):
        raise no_picture("The form has no file in its field `picture`.")
    content = await sent.read()
    await form.close()
    if not content:
        raise no_picture("The file is empty.")
    return content, _plain(sent.filename)


async def _bounded(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > limit:
            raise _too_long(limit)
        yield chunk


def _too_long(limit: int):
    return too_large(
        f"This is more than the {limit / MB:g} MB that are taken at once. Send a smaller picture, "
        "or start giraffe serve with a larger --limit."
    )


def _plain(name: str | None) -> str:
    """A file's name in one line of printable letters, without folders."""
    name = PurePath((name or "").replace("\\", "/")).name
    return "".join(c for c in name if c.isprintable())[:LONGEST_NAME].strip() or "picture"
