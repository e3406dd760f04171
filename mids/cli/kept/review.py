"""The command ``mids review``: a local page on which people decide; the work is done in `mids.review`."""

import argparse
import socket
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from mids.cli.shared import say
from mids.errors import MidsError

TEXT = "open a local page to release, redact, correct and exclude images"
EXAMPLES = (
    ("mids review ~/dataset", "print the address of the page, and serve it until Ctrl-C"),
    ("mids review ~/dataset --browser", "open the page in the browser too"),
    ("mids-convert --again ~/dataset", "afterwards: make the dataset as it was decided"),
)
NOTES = """\
The page is served to this machine only, under an address with a secret. Every decision is written to DEST.mids at once:
nothing is lost when the browser or the program is killed. Needs the extra: pip install 'mids[review]'.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    parser.add_argument("dataset", type=Path, metavar="DEST", help="folder of a dataset that mids convert made here")
    add = parser.add_argument_group("page").add_argument
    add("--port", type=int, default=0, metavar="N", help="port on 127.0.0.1 (default: any free one)")
    add(
        "--unlikely-first", action="store_true",
        help="show first the radiographs of the chest that look otherwise than their names say (50 ms an image)",
    )  # fmt: skip
    add("--browser", action="store_true", help="open the page in the browser")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Serves the page until it is stopped."""
    for package in ("starlette", "uvicorn"):
        if find_spec(package) is None:
            raise MidsError(f"mids review needs {package}: pip install 'mids[review]'")
    import uvicorn

    from mids.review.server import Desk

    desk = Desk(namespace.dataset, unlikely_first=namespace.unlikely_first)
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", namespace.port))
        except (OSError, OverflowError) as error:
            raise MidsError(f"port {namespace.port} can't be used: give another --port, or leave it away") from error
        door.listen()
        address = f"http://127.0.0.1:{door.getsockname()[1]}/?token={desk.token}"
        print(f"{len(desk.shelf.items)} items to look at: open\n  {address}", flush=True)
        if namespace.browser:
            import webbrowser

            webbrowser.open(address)
        say("stop with Ctrl-C; what is decided is kept\n")
        server = uvicorn.Server(uvicorn.Config(desk.app(), log_level="error", access_log=False))
        with suppress(KeyboardInterrupt):  # the way to end it
            server.run(sockets=[door])
    print(f"then: mids-convert --again {namespace.dataset}")
    return 0
