"""The command ``mids review``: a local page on which people decide; the work is done in `mids.review`."""

import argparse
import socket
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mids.cli.shared import plan_argument, say
from mids.errors import MidsError

if TYPE_CHECKING:
    from mids.review.items import Shelf
    from mids.review.server import Desk

TEXT = "open a local page to release, redact, correct and exclude images"
EXAMPLES = (
    ("mids review ~/dataset", "print the address of the page, and serve it until Ctrl-C"),
    ("mids review ~/dataset --search text --search duplicates", "search all images first"),
    ("mids-convert --again ~/dataset", "afterwards: make the dataset as it was decided"),
    ("mids review ~/studies --plan plan.tsv", "before the first run: look at the plan of a source, and change it"),
    ("mids-convert dicom ~/studies ~/dataset --plan plan.tsv", "afterwards: convert as it was decided"),
)
NOTES = """\
The page is served to this machine only, under an address with a secret. Every decision is written to DATASET.mids, or
beside the plan, at once: nothing is lost when the browser or the program is killed. Needs the extra:
pip install 'mids[review]'.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    parser.add_argument(
        "dataset", type=Path, metavar="DATASET|SOURCE",
        help="folder of a dataset that mids convert made here, or a source before its first run",
    )  # fmt: skip
    add = parser.add_argument_group("page").add_argument
    plan_argument(add)
    add(
        "--search", action="append", choices=["unlikely", "text", "duplicates"], default=[],
        help="look at all images first, and show those first whose view, side or labels are unlikely, that hold "
        "what looks like text, or that show the same as another (repeatable)",
    )  # fmt: skip
    add("--unlikely-first", action="append_const", const="unlikely", dest="search", help=argparse.SUPPRESS)
    add("--port", type=int, default=0, metavar="N", help="port on 127.0.0.1 (default: any free one)")
    add("--browser", action="store_true", help="open the page in the browser")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Serves the page until it is stopped."""
    for package in ("starlette", "uvicorn"):
        if find_spec(package) is None:
            raise MidsError(f"mids review needs {package}: pip install 'mids[review]'")
    from mids.review.server import Desk

    shelf, after = _open_plan(namespace) if _is_source(namespace) else _open_dataset(namespace)
    _serve(Desk(shelf), namespace)
    print(f"then: {after}")
    return 0


def _is_source(namespace: argparse.Namespace) -> bool:
    """Whether a plan is to be looked at: one was given, or nothing says that a dataset is there."""
    from mids.run.decided.choices import load_choices

    place = namespace.dataset
    if not place.exists():
        raise MidsError(f"{place} does not exist: give the folder of a dataset, or of a source")
    if namespace.plan is not None:
        return True
    is_dataset = place.is_dir() and (place / "dataset_description.json").exists()
    return not is_dataset and not load_choices(place.resolve()).collection


def _open_dataset(namespace: argparse.Namespace) -> "tuple[Shelf, str]":
    from mids.review.shelves import collect_items

    return collect_items(namespace.dataset, namespace.search), f"mids-convert --again {namespace.dataset}"


def _open_plan(namespace: argparse.Namespace) -> "tuple[Shelf, str]":
    """The plan of a source, which is written first where it is not there."""
    from mids.review.planned import collect_planned

    if namespace.search:
        raise MidsError("--search looks at the images of a dataset: omit it before the first run")
    plan = namespace.plan or Path("plan.tsv")
    if not plan.exists():
        _write_plan(namespace.dataset, plan)
    shelf = collect_planned(plan, namespace.dataset)
    return shelf, f"mids-convert auto {namespace.dataset} DEST --plan {plan}, with the flags of the plan"


def _write_plan(source: Path, plan: Path) -> None:
    from mids.conversion import convert
    from mids.run.decided.planned import write_plan
    from mids.run.sources import fates

    with TemporaryDirectory() as folder:
        done = convert("auto", source, Path(folder) / "dataset", dry_run=True)
    if all(status == "skipped" for _, status, _, _ in fates(done.plan, None)):
        raise MidsError(f"{source} holds no image that can be converted: see mids-convert auto {source} DEST --dry-run")
    rows = write_plan(done.plan, plan)
    say(f"{plan}: {rows} rows, by default choices; for others, write it with mids-convert … --plan {plan} first\n")


def _serve(desk: "Desk", namespace: argparse.Namespace) -> None:
    """Serves the page until Ctrl-C."""
    import uvicorn

    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", namespace.port))
        except (OSError, OverflowError) as error:
            raise MidsError(f"port {namespace.port} can't be used: give another --port, or omit it") from error
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
