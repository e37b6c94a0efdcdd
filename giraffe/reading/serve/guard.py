"""Who may ask, and what a browser may do with the answer."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from giraffe.reading.serve.refusals import Refusal

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
HEADERS = {
    # The page loads nothing from elsewhere, and sends nothing elsewhere.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def hosts_of(address: str) -> frozenset[str] | None:
    """Names by which a page at an address may be called; None, any, unless it is this machine's."""
    return LOCAL if address in LOCAL else None


class Guard:
    """Turns away other sites' pages, and adds `HEADERS` to every answer.

    A browser on this machine can reach the page from any site that its user visits: under the
    site's own name, if that is made to lead here, or by a form that is sent here. The first names
    another host than ours, the second another origin than the host.

    Parameters
    ----------
    app : ASGI application
    hosts : frozenset of str or None
        Names by which the page may be called; None: any.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None = None):
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        app = self.app if refusal is None else refusal.response()
        return await app(scope, receive, send_guarded)

    def _refusal(self, headers: Headers) -> Refusal | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.hosts is not None and _name(f"//{host}") not in self.hosts:
            message = "This page is not called by this name; see `giraffe serve --help`."
            return Refusal(403, "wrong_host", message)
        if origin is not None and origin.partition("://")[2] != host:
            return Refusal(403, "wrong_origin", "Another site's page may not read pictures here.")
        return None


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
