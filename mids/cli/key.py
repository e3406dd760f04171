"""The command ``mids key``: makes the key of pseudonyms."""

import argparse
from pathlib import Path

TEXT = "make the key of pseudonyms"
EXAMPLES = "examples:\n  mids key new ~/keys/study.key\n"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    parser.add_argument("action", choices=["new"], help="make a new key")
    parser.add_argument("file", type=Path, metavar="FILE", help="where to; must not exist")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Makes the key and says what it is for."""
    from mids.deid import keys

    keys.create(namespace.file)
    print(f"made {namespace.file}: keep it outside the dataset; without it a later run gives other ids")
    return 0
