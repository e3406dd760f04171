"""The command ``mids key``: makes a pseudonym key."""

import argparse
from pathlib import Path

TEXT = "make a pseudonym key"
EXAMPLES = (("mids key new ~/keys/study.key", "make a key for mids convert and mids deidentify --key"),)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    parser.add_argument("action", choices=["new"], help="make a new key")
    parser.add_argument("file", type=Path, metavar="FILE", help="file of the key; must not exist")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Makes the key and says what it is for."""
    from mids.deid import keys

    keys.create(namespace.file)
    print(f"made {namespace.file}: keep it outside the dataset; without it a later run assigns other IDs")
    return 0
