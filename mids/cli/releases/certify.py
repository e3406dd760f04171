"""The command ``mids certify``: its arguments; the work is done in `mids.certify`."""

import argparse
from pathlib import Path

from mids.cli.shared import former_flag, parse_count, say, show

TEXT = "look at a finished dataset again, and certify what was found"
EXAMPLES = (
    ("mids certify ~/dataset", "write ~/dataset.certificate.json and .html"),
    ("mids certify ~/dataset --sample 200", "search 200 images for text instead of all"),
    ("mids certify ~/dataset --detect learned", "search them with a trained network"),
    ("mids certify ~/dataset --check", "say which file has changed since"),
)
NOTES = """\
The certificate says what was checked by which rule, what was withheld, and who released what. It does not say that
nobody can be recognised. docs/certify.md explains each part.
"""
CODES = {
    0: "nothing was found, or nothing changed", 1: "something was found, or a file changed",
    2: "wrong usage or environment",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("dataset", type=Path, metavar="DATASET", help="folder made by mids convert or mids deidentify")
    add("--sample", type=parse_count, default=0, metavar="N", help="search so many images for text (default: all)")
    add(
        "--detect",
        choices=["glyphs", "ocr", "learned"],
        default="glyphs",
        help="how text in images is found (default: glyphs)",
    )
    add("--check", action="store_true", help="compare the dataset with its certificate")
    former_flag(add, "--verify", "--check", dest="check", switch=True)
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Makes or verifies a certificate; returns the exit code."""
    from mids.certify.certificate import certify, place, verify
    from mids.cli.releases.selftest import try_installation

    dataset = namespace.dataset.resolve()
    if namespace.check:
        changed = verify(dataset)
        say("".join(f"error: {line}\n" for line in changed))
        show("the certificate is void\n" if changed else "the dataset is as it was certified\n")
        return int(bool(changed))
    made = certify(dataset, try_installation(namespace.detect), sample=namespace.sample)
    for form in made["SelfTest"]["Pixels"]["Missed"]:
        say(f"found: self-test: {namespace.detect} misses a name drawn {form}\n")
    for part in ("Headers", "Texts", "Pixels"):
        say("".join(f"found: {line}\n" for line in made[part]["Findings"]))
    show(f"{made['Findings']} findings, {len(made['Files'])} files: {place(dataset)}\n")
    return int(made["Findings"] > 0)
