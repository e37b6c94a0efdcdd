"""The command that opens a page on which pictures are read."""

import socket
from importlib.util import find_spec
from pathlib import Path

from giraffe.commands.commandline import add_command, add_model
from giraffe.progress import say

NEEDED = ("starlette", "uvicorn", "python_multipart")  # the extra `serve`
HOST, PORT = "127.0.0.1", 8765
LIMIT_MB = 30.0  # of a picture: a photograph of 50 million px has about 15


def serve(args) -> int:
    """Open a page on which pictures are read, for a browser.

    The page is for this computer alone, unless --host says otherwise, which has neither passwords
    nor encryption. Pictures are read one at a time and not stored. Beside the page there is an API,
    described at /api.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ValueError(f"{', '.join(missing)} not installed: pip install 'giraffe[serve]'")
    if not 0 < args.limit <= 1000:
        raise ValueError(f"--limit {args.limit:g}: give a number of MB from 0 to 1000")
    with _door(args.host, args.port) as door:  # first, because what follows takes seconds
        import uvicorn

        from giraffe.network.classifier import Classifier
        from giraffe.reading.serve.app import create_app
        from giraffe.reading.serve.guard import hosts_of
        from giraffe.reading.serve.work import Reader

        app = create_app(Reader(Classifier(Path(args.model))), args.limit, hosts_of(args.host))
        port = door.getsockname()[1]
        name = f"[{args.host}]" if ":" in args.host else args.host
        say(f"Open http://{name}:{port}/ in a browser; Ctrl-C ends.")
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False,
            timeout_graceful_shutdown=3,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[door])
    return 0


def _door(host: str, port: int) -> socket.socket:
    """Where the page is answered."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"{host}, port {port}, cannot be used ({error}); --port 0 takes a free one"
        ) from error


def add(subparsers) -> None:
    """Add the command's parser."""
    p = add_command(subparsers, "serve", serve, "--port 8765 --limit 30")
    p.add_argument("--host", default=HOST, help=f"address that is answered ({HOST})")
    p.add_argument("--port", type=int, default=PORT, help=f"({PORT}); 0: one that is free")
    p.add_argument("--limit", type=float, default=LIMIT_MB, metavar="MB",
                   help=f"of what is sent at once ({LIMIT_MB:g})")  # fmt: skip
    add_model(p)
