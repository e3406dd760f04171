"""The command ``mids scaffold``: its arguments; the work is done in `mids.scaffold`."""

import argparse
from pathlib import Path

TEXT = "write the skeleton of a new collection"
EXAMPLES = """\
examples:
  mids scaffold our-hospital ~/mids-our-hospital      a package with the collection our-hospital, its example and test
  pip install -e ~/mids-our-hospital                  now  mids-convert --list  names it
  pytest ~/mids-our-hospital                          and its golden test passes

Then change its reader, its vocabulary and its example to what your collection is: README.md in the folder says how.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    parser.add_argument("name", metavar="NEWNAME", help="the collection's name: lower case letters, digits, hyphens")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to; must not exist or be empty")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Writes the skeleton and says what to do next."""
    from mids.scaffold import write

    folder: Path = namespace.folder
    for path in write(namespace.name, folder):
        print(path)
    print(f"next: pip install -e {folder} && pytest {folder}")
    return 0
