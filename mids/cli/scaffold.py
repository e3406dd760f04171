"""The command ``mids scaffold``: its arguments; the work is done in `mids.scaffold`."""

import argparse
from pathlib import Path

TEXT = "write the skeleton of a new collection"
EXAMPLES = (
    ("mids scaffold our-hospital ~/mids-our-hospital", "write a package with reader, example and test"),
    ("pip install -e ~/mids-our-hospital", "install it: mids-convert --list then names it"),
    ("pytest ~/mids-our-hospital", "run its golden test, which passes"),
)
NOTES = "Then adapt its reader, vocabulary and example to your collection: README.md in the folder says how."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    parser.add_argument("name", metavar="NEWNAME", help="name of the collection: lower-case letters, digits, hyphens")
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the package: absent or empty")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Writes the skeleton and says what to do next."""
    from mids.scaffold import write

    folder: Path = namespace.folder
    for path in write(namespace.name, folder):
        print(path)
    print(f"next: pip install -e {folder} && pytest {folder}")
    return 0
