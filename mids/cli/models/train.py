"""The command ``mids train``: its arguments; the work is done in `mids.learned` and `mids.labelling`."""

import argparse
import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mids.dataset.disk.progress import watched_steps
from mids.errors import DataError, MidsError

TEXT = "train a model of views or labels from your own table"
EXAMPLES = (
    (
        "mids train labels reports.csv -o labels.model",
        "learn labels of reports from a table",
    ),
    ("mids train views views.csv --images images -o views.model", "learn views from a table and a folder of PNG"),
    ("mids train views views.tsv --images ~/dataset -o views.model", "learn from a MIDS dataset"),
    ("mids-convert dicom ~/studies ~/out --view-model views.model", "use the model where headers state no view"),
)
NOTES = "What models are, how they are measured, what they can't do: docs/models.md, docs/labeller.md."
SHOWN = 8
"""Labels of one's own that are printed at most."""
CODES = {0: "trained", 1: "trained, but images could not be read", 2: "wrong usage or environment"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("kind", choices=["views", "labels"], help="what is learned: views from pixels, or labels from reports")
    add(
        "table",
        type=Path,
        metavar="TABLE",
        help="CSV, TSV or XLSX: participant_id, with image and view, or report and labels",
    )
    add("--images", type=Path, metavar="DIR", help="folder that the paths of images are relative to (default: TABLE's)")
    add("-o", "--output", type=Path, required=True, metavar="MODEL", help="new file for the model")
    add = parser.add_argument_group("labels").add_argument
    add("--text", default="report", metavar="COLUMN", help="column with the texts (default: report)")
    add("--column", default="labels", metavar="COLUMN", help="column with the labels (default: labels)")
    add("--labels", type=Path, metavar="FILE", help="table with the labels, joined by ids (default: TABLE has them)")
    add(
        "--lexicon",
        default="es",
        metavar="NAME",
        help="words of the rules: es, en, ca or fr, or a YAML file (default: es)",
    )
    add = parser.add_argument_group("the model's description of itself").add_argument
    add("--data", default="", metavar="TEXT", help="what it was trained on, for the model's head")
    add("--licence", default="", metavar="NAME", help="licence of the model (SPDX), for the model's head")
    add(
        "--threshold", type=float, metavar="P",
        help="probability below which a view stays unknown (default: 0.9)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Trains, prints how well the model does on participants that it did not see, and returns the exit code."""
    a = namespace
    if a.output.exists():
        raise MidsError(f"{a.output} already exists: give another name, or remove it")
    return _train_labels(a) if a.kind == "labels" else _train_views(a)


def _train_labels(a: argparse.Namespace) -> int:
    from mids.labelling.lexicon import lexicon
    from mids.labelling.tables import read_examples
    from mids.labelling.training import train_labels

    examples, said = read_examples(
        a.table, text=a.text.strip().lower(), column=a.column.strip().lower(), labels=a.labels
    )  # fmt: skip
    with watched_steps("steps of training") as tell:
        head = train_labels(
            examples, a.output, language=a.lexicon, data=a.data, licence=a.licence, progress=tell
        )  # fmt: skip
    known = {name for term in lexicon(a.lexicon).findings for name in (term.name, term.doubted)}
    if new := sorted({name for one in examples for name in one.labels} - known):
        said.append(f"labels that the rules don't know: {', '.join(new[:SHOWN])}{' …' if len(new) > SHOWN else ''}")
    for line in said:
        print(line, file=sys.stderr)
    metrics: Any = head["metrics"]
    print(f"{head['reports']} reports of {head['participants']} participants, {len(head['labels'])} labels learned")  # type: ignore[arg-type]
    print(f"{metrics['reports']} reports of participants that the model had not seen:")
    for kind, name in (("rules", "rules alone"), ("model", "model alone"), ("hybrid", "model with the rules")):
        scores = ", ".join(f"{key.replace('_f1', ' F1')} {metrics[kind][key]:.3f}" for key in metrics[kind])
        print(f"  {name}: {scores}")
    return 0


def _train_views(a: argparse.Namespace) -> int:
    from mids.learned.views import THRESHOLD, train_views
    from mids.readers.tables.workbook import read_table
    from mids.records import Source

    if not a.table.is_file():
        raise MidsError(f"{a.table}: no such file: give a table with the columns image, view and participant_id")
    threshold = THRESHOLD if a.threshold is None else a.threshold
    if not 0 <= threshold < 1:
        raise MidsError(f"--threshold {threshold}: give a probability from 0 to below 1")
    try:
        rows = read_table(a.table.parent, Source(a.table.name)).rows
    except DataError as error:
        raise MidsError(f"{a.table}: {error}") from error
    for column in ("image", "view", "participant_id"):
        if rows and column not in rows[0]:
            raise MidsError(f"{a.table} lacks the column {column}: it has {', '.join(rows[0])}")
    unread: set[str] = set()
    with watched_steps("images read") as tell:
        head = train_views(
            rows, functools.partial(_load, a.images or a.table.parent, unread), a.output, data=a.data,
            licence=a.licence, threshold=threshold, progress=tell,
        )  # fmt: skip
    for number, row in enumerate(rows, start=1):
        if row["image"].strip() in unread:
            print(f"the image of row {number} can't be read as a picture", file=sys.stderr)
    print(_describe(head))
    return 1 if unread else 0


def _load(folder: Path, unread: set[str], image: str) -> Any:
    """The pixels of a picture; an image that is none is also kept in `unread`."""
    from mids.dataset.pixels import Picture, load_pixels

    try:
        found = load_pixels(folder / image, image)
        if not isinstance(found, Picture):
            raise DataError("PNG_INVALID", f"{image} is a volume, not a radiograph")
    except (OSError, MidsError, DataError) as error:
        unread.add(image)
        raise DataError("PNG_INVALID", f"{image} can't be read") from error
    return found.data


def _describe(head: Mapping[str, Any]) -> str:
    metrics = head["metrics"]
    lines = [
        f"{head['images']} images of {head['participants']} participants; {head['images_unread']} could not be read",
        f"views: {', '.join(map(str, head['labels']))}",
        f"right for participants that the model had not seen: {metrics['accuracy']:.1%} of images",
        f"of these it is sure of {metrics['known']:.1%}; the others stay unknown",
        *(f"  {pair}: {count}" for pair, count in metrics["confusions"].items()),
    ]
    return "\n".join(lines)
