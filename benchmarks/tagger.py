"""Trains the recogniser of names, places, numbers and dates that ships with the package.

    python -m benchmarks.tagger --meddocan FOLDER --out schemas/deid/tagger/weights.npz
    python -m benchmarks.tagger --meddocan FOLDER --part 0.8 --out FILE     to tune, on a fifth that it never saw

FOLDER holds the brat files of MEDDOCAN's training set; `example_datasets.layouts_corpus` generates the other reports.
Needs python-crfsuite (``pip install 'mids[test]'``); the program itself does not.
"""

import argparse
import re
import tempfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pycrfsuite

from benchmarks.texts import brat
from example_datasets.layouts_corpus import layouts
from example_datasets.reports_corpus import Report
from mids.deid.tagger.features import Sheet, list_attributes, read_list, read_sheet
from mids.deid.tagger.weights import write_weights
from mids.deid.text.rules import Rules
from mids.deid.text.words import compose_text, fold_text

HIDDEN = 0.3
"""The share of listed names that training takes for unlisted."""

PARAMETERS = {"c1": 0.0, "c2": 0.5, "max_iterations": 80, "feature.minfreq": 2}


def _draw(text: str) -> float:
    """A number below 1 that is always the same for a text."""
    return int(sha256(text.encode("utf-8")).hexdigest()[:8], 16) / 2**32


def part_of(reports: Iterable[Report], share: float, *, first: bool = True) -> Iterator[Report]:
    """A share of reports, always the same; those that are not in it with `first` false."""
    return (report for report in reports if (_draw(report.text) < share) == first)


def _is_sound(text: str, kind: str) -> bool:
    """Whether a mark of MEDDOCAN can be what it says: ages that are marked as dates or places teach nothing."""
    return kind not in ("FECHA", "LOC") or re.search(r"\banos\b", fold_text(text)) is None


def label_tokens(sheet: Sheet, report: Report) -> list[str]:
    """The label of each token: ``B-`` and ``I-`` of the kinds, headings and the rest ``O``."""
    labels = ["O"] * len(sheet.starts)
    for truth in report.truth:
        if truth.kind != "CAB" and _is_sound(report.text[truth.start : truth.end], truth.kind):
            inside = [at for at, start in enumerate(sheet.starts) if truth.start <= start < truth.end]
            for at in inside:
                labels[at] = ("I-" if at > inside[0] else "B-") + truth.kind
    return labels


def train(reports: Iterable[Report], out: Path, parameters: dict[str, float | int | bool], *, verbose: bool) -> None:
    """Trains on reports and writes the weights."""
    hidden = frozenset(
        name for key in ("given", "surnames", "towns") for name in read_list(key) if _draw(name) < HIDDEN
    )
    trainer = pycrfsuite.Trainer(verbose=verbose)
    for report in reports:
        if report.text != compose_text(report.text):
            continue
        sheet = read_sheet(report.text, Rules().find(report.text))
        attributes, labels = list_attributes(sheet, hidden), label_tokens(sheet, report)
        for start, end in pairwise((0, *sheet.cuts)):
            trainer.append(attributes[start:end], labels[start:end])
    trainer.set_params(parameters)
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "model")
        trainer.train(model)
        tagger = pycrfsuite.Tagger()
        tagger.open(model)
        found = tagger.info()
        order = tuple(sorted(tagger.labels(), key=lambda label: (label != "O", label[2:], label)))
    write_weights(out, order, found.state_features, found.transitions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meddocan", type=Path, required=True, help="brat files of MEDDOCAN's training set")
    parser.add_argument("--part", type=float, default=1.0, help="the share of them to train on")
    parser.add_argument("--each", type=int, default=500, help="generated reports of each language")
    parser.add_argument("--out", type=Path, required=True, help="the file of weights")
    args = parser.parse_args()
    reports = [*part_of(brat(args.meddocan), args.part), *layouts(args.each)]
    train(reports, args.out, dict(PARAMETERS), verbose=True)
    print(f"{len(reports)} reports, {args.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
