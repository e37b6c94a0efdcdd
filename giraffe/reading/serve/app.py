"""The page and its API: what comes in at which address, and what goes out."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import giraffe
from giraffe.reading.digitizing import signals_csv
from giraffe.reading.serve.description import describe, described_in_html
from giraffe.reading.serve.guard import Guard
from giraffe.reading.serve.refusals import (
    NOTICE,
    Refusal,
    busy,
    no_chart,
    no_signals,
    wrong_query,
)
from giraffe.reading.serve.turns import FullError, GoneError, Turns
from giraffe.reading.serve.uploads import MB, picture_of
from giraffe.reading.serve.view import record_name, view_of, wfdb_zip
from giraffe.reading.serve.work import Page, Reader

STATIC = Path(__file__).parent / "static"
FORMATS = ("json", "csv", "wfdb", "page")
MOST_IN_LINE = 8  # pictures, each of them in memory
MOST_DIGITS = 4  # of a page's number
LONGEST_TICKET = 64
CLIENT_GONE = 499  # nobody sees it: whoever asked has gone away


@dataclass(frozen=True)
class _Wish:
    """What an address asks for."""

    format: str
    whole: bool
    page: int
    ticket: str


def create_app(reader: Reader, limit_mb: float, hosts: frozenset[str] | None = None) -> Starlette:
    """The page as an ASGI application.

    Parameters
    ----------
    reader : Reader
    limit_mb : float
        Million bytes that may be sent at once.
    hosts : frozenset of str, optional
        Names by which the page may be called; by default any.

    Returns
    -------
    Starlette
    """
    turns = Turns(MOST_IN_LINE)
    limit = round(limit_mb * MB)
    description = describe(limit_mb, giraffe.__version__)

    async def read(request: Request) -> Response:
        wish = _wish_of(request)
        if len(turns) >= turns.most:  # before a picture is taken in for nothing
            raise busy(turns.most)
        content, name = await picture_of(request, limit)
        try:
            async with turns.turn(wish.ticket, request.is_disconnected):
                return await run_in_threadpool(_answer, reader, content, name, wish)
        except FullError:
            raise busy(turns.most) from None
        except GoneError:
            return Response(status_code=CLIENT_GONE)

    async def turn(request: Request) -> Response:
        ahead = turns.ahead(_ticket(request.path_params["ticket"]))
        return JSONResponse({"ahead": ahead, "in_line": len(turns)})

    async def page(request: Request) -> Response:
        return FileResponse(STATIC / "page.html")

    async def api(request: Request) -> Response:
        return HTMLResponse(described_in_html(description))

    async def openapi(request: Request) -> Response:
        return JSONResponse(description)

    refusals: dict[Any, Callable[..., Awaitable[Response]]] = {
        Refusal: _refuse,
        HTTPException: _refuse_http,
        500: _fail,
    }
    return Starlette(
        routes=[
            Route("/", page),
            Route("/read", read, methods=["POST"]),
            Route("/turn/{ticket}", turn),
            Route("/api", api),
            Route("/openapi.json", openapi),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers=refusals,
    )


def _answer(reader: Reader, content: bytes, name: str, wish: _Wish) -> Response:
    """Read a file and say what was wished for."""
    for_people = wish.format == "page"
    only = wish.page if wish.format in ("csv", "wfdb") else None
    pages = reader.read(content, name, wish.whole, only, heat=for_people)
    if not wish.whole and all(page.reading.finding.chart is None for page in pages):
        raise no_chart(all(page.reading.finding.kind == "strip" for page in pages))
    if only is not None:
        return _signals(pages[0], wish.format)
    readings = [view_of(page) if for_people else page.reading.as_dict() for page in pages]
    return JSONResponse({"notice": NOTICE, "readings": readings})


def _signals(page: Page, kind: str) -> Response:
    """The signals of a picture as a file."""
    signals = page.reading.signals
    if signals is None:
        raise no_signals("; ".join(page.reading.uncertain) or "no trace could be followed")
    stem = record_name(page.reading.name)
    content: str | bytes
    if kind == "csv":
        content, media, file = signals_csv(signals), "text/csv", f"{stem}.csv"
    else:
        content, media, file = (
            wfdb_zip(page.reading.name, signals),
            "application/zip",
            f"{stem}.zip",
        )
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return Response(content, media_type=media, headers=headers)


def _wish_of(request: Request) -> _Wish:
    query = request.query_params
    unknown = sorted(set(query) - {"format", "whole", "page", "ticket"})
    if unknown:
        raise wrong_query(f"{unknown[0]!r} is no parameter; format, whole, page and ticket are.")
    wanted, whole = query.get("format", "json"), query.get("whole", "false")
    number = query.get("page", "1")
    if wanted not in FORMATS:
        raise wrong_query(f"format {wanted!r} is none of {', '.join(FORMATS)}.")
    if whole not in ("true", "false"):
        raise wrong_query(f"whole {whole!r} is neither true nor false.")
    digits = number.isascii() and number.isdecimal() and len(number) <= MOST_DIGITS
    if not digits or int(number) < 1:
        raise wrong_query(f"page {number!r} is no number from 1 to {10**MOST_DIGITS - 1}.")
    ticket = query.get("ticket") or secrets.token_hex(8)
    return _Wish(wanted, whole == "true", int(number), _ticket(ticket))


def _ticket(text: str) -> str:
    if len(text) > LONGEST_TICKET or not text.isascii() or not text.replace("-", "").isalnum():
        raise wrong_query(f"A ticket has up to {LONGEST_TICKET} letters, digits and hyphens.")
    return text


async def _refuse(request: Request, refusal: Refusal) -> Response:
    return refusal.response()


async def _refuse_http(request: Request, error: HTTPException) -> Response:
    words = {404: "There is nothing at this address.", 405: "This address takes another method."}
    message = words.get(error.status_code, str(error.detail))
    response = Refusal(error.status_code, "wrong_address", message).response()
    response.headers.update(error.headers or {})
    return response


async def _fail(request: Request, error: Exception) -> Response:
    message = "Reading failed for a reason that is a fault of this program; its log has it."
    return Refusal(500, "failed", message).response()
