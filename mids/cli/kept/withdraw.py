"""The command ``mids withdraw``: its arguments; the work is done in `mids.run.decided.withdraw`."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mids.deid.policy import Policy
    from mids.plan.texts.files import Inventory, Text
    from mids.records import About
    from mids.run.decided.choices import Choices

TEXT = "take a patient out of a dataset, for good"
EXAMPLES = (
    ("mids withdraw 4711 ~/dataset", "take out the patient with this PatientID"),
    ("mids withdraw sub-SABCDEFGHIJ ~/dataset", "take out a subject"),
    ("mids withdraw 4711 ~/dataset --issuer NORTH", "take out the patient to whom NORTH gave this number"),
)
NOTES = """\
Images, sidecars, rows of tables, labels, reports, masks and splits go, and all that DEST.mids says of the patient. The
pages DEST.html, DEST.compared.html and DEST.mids/report.html and the certificate of DEST go as a whole. A keyed digest
stays in DEST.mids: a later delivery of the patient is left out.

Not touched are the source, copies that were published, and files of other names and places, such as a table of
corrections, a plan and the log of its review.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    parser.add_argument("patient", metavar="ID", help="who it is: PatientID, or subject ID")
    parser.add_argument("dataset", type=Path, metavar="DEST", help="folder of the dataset")
    add = parser.add_argument_group("input and output").add_argument
    add("--issuer", metavar="NAME", help="who gave out the PatientID")
    add("--key", type=Path, metavar="FILE", help="key of the pseudonyms (default: the one of the last run)")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Takes the patient out; exit code 1 where a file still names the subject, or may."""
    from mids.cli.shared import refuse_exchange
    from mids.run.decided.withdraw import withdraw

    a = namespace
    refuse_exchange(a.patient, a.dataset, "mids withdraw")
    done = withdraw(a.dataset, a.patient, _about, _texts, key=a.key, issuer=a.issuer)
    print(f"{done.label} was withdrawn: {done.removed} files removed")
    for path in done.left:
        print(f"error: {path} still names the subject: remove or correct it", file=sys.stderr)
    for path in done.unread:
        print(f"error: {path} can't be searched, and may name the subject: look into it", file=sys.stderr)
    return int(bool(done.left or done.unread))


def _about(collection: str) -> "About":
    from mids import collections, deidentification

    return deidentification.ABOUT if collection == deidentification.ABOUT.name else collections.find(collection).ABOUT


def _texts(inventory: "Inventory", policy: "Policy", choices: "Choices") -> "Iterator[Text]":
    """The small files of a dataset; those of de-identified DICOM say nothing of patients, and stay."""
    from mids import collections, conversion
    from mids.plan.texts.files import Words
    from mids.readers.given.about import lay_over
    from mids.vocabulary import clinical

    if choices.collection:
        values: Any = choices.values.get("about", {})
        described = lay_over(collections.find(choices.collection).ABOUT, values)
        words = Words(described, clinical.load(choices.collection).schema, policy)
        yield from conversion.write_texts(inventory, words)
