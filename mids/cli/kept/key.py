"""The command ``mids key``: makes a pseudonym key, and shows its fingerprint."""

import argparse
from pathlib import Path

TEXT = "make a pseudonym key, or show the fingerprint of one"
EXAMPLES = (
    ("mids key new ~/keys/study.key", "make a key for mids convert and mids deidentify --key"),
    ("mids key show ~/keys/study.key", "print its fingerprint, to compare it with another"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    parser.add_argument("action", choices=["new", "show"], help="make a new key, or show the fingerprint of one")
    parser.add_argument("file", type=Path, metavar="FILE", help="file of the key; a new one must not exist")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Makes the key and says what it is for, or prints a fingerprint."""
    from mids.deid import keys

    if namespace.action == "show":
        print(keys.load(namespace.file).fingerprint)
        return 0
    keys.create(namespace.file)
    print(f"made {namespace.file}: keep it outside the dataset; without it a later run assigns other IDs")
    return 0
