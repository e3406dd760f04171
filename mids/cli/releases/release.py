"""The command ``mids release``: its arguments; the work is done in `mids.releases.manifest`."""

import argparse
from pathlib import Path

from mids.cli.shared import jobs_argument, show

TEXT = "write the manifest of a release: size and SHA-256 of every file"
EXAMPLES = (
    ("mids release ~/dataset", "write derivatives/provenance/manifest.tsv and manifest.json"),
    ("mids release ~/dataset --as 1.1.0 --doi 10.5281/zenodo.1234567", "state its version and its DOI"),
)
NOTES = "Whoever downloads the dataset checks the copy with mids verify (docs/verify.md)."
CODES = {0: "written", 2: "wrong usage or environment"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("dataset", type=Path, metavar="DATASET", help="folder of the dataset")
    add = parser.add_argument_group("release").add_argument
    add(
        "--as",
        dest="version",
        default="",
        metavar="VERSION",
        help="version of the release (default: the newest of CHANGES)",
    )
    add("--doi", default="", metavar="DOI", help="DOI (default: DatasetDOI of dataset_description.json)")
    jobs_argument(parser, default=2)
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Writes the manifest and says what it holds."""
    from mids.releases import manifest

    a = namespace
    release = manifest.write(a.dataset, version=a.version, doi=a.doi, threads=a.jobs)
    said = " ".join(word for word in (release.version and f"version {release.version}", release.doi) if word)
    show(f"{manifest.NAME}: {release.files} files, {release.bytes} bytes{f' of {said}' if said else ''}\n")
    return 0
