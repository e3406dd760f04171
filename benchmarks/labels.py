"""Labels of reports: how well a model does beside the rules, how long it takes to train, scopes on NUBes, and the
English rules on reports of Indiana University."""

import argparse
import csv
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from example_datasets.generators import reports_noisy
from mids.labelling.lexicon import Lexicon, lexicon
from mids.labelling.rules import read_report
from mids.labelling.training import Example, train_labels

KINDS = ("denied", "doubted")
CUES = {
    "denied": "no|sin|ni|niega|tampoco|ausencia de|descarta|descartado|nunca|ningún|ninguna",
    "doubted": "posible|probable|posiblemente|probablemente|sospecha de|sugestivo de|compatible con|parece|impresiona",
}
"""The cues of the baseline."""
FINDINGS = {
    "Atelectasis": r".*atelectasis.*", "Cardiomegaly": "cardiomegaly", "Effusion": r".*pleural effusion",
    "Infiltration": "infiltrates", "Mass": "(pulmonary |mediastinal )?mass", "Nodule": r"(multiple )?nodules?",
    "Pneumonia": r".*pneumonia", "Pneumothorax": "(hydro)?pneumothorax", "Consolidation": "consolidation",
    "Edema": "pulmonary edema", "Emphysema": r".*emphysema", "Fibrosis": "pulmonary fibrosis",
    "Pleural_Thickening": r".*pleural thickening", "Hernia": r".*hernia",
}  # fmt: skip
"""Columns of the gold table of the English reports, and the labels that mean them."""
Scopes = dict[str, list[tuple[int, int]]]


def train(count: int) -> None:
    """Trains on `count` invented reports with noise and prints the figures of participants that it had not seen."""
    rows = reports_noisy.corpus(count).to_dict("records")
    examples = [
        Example(row["participant_id"], row["report"], frozenset(json.loads(row["labels"]))) for row in rows
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        metrics: Any = train_labels(examples, Path(folder) / "labels.model")["metrics"]
    print(f"{count} reports, {time.perf_counter() - start:.0f} s")
    for kind in ("rules", "model", "hybrid"):
        print(f"{kind}: micro F1 {metrics[kind]['micro_f1']:.3f}")


def measure_scopes(folder: Path) -> None:
    """Prints how well words in the scope of negation and of doubt are told on brat files of NUBes.

    Each word of a sentence counts as in a scope or not; the baseline takes the cues of a short list to the end of their
    sentence (Chapman et al. 2001 without a window).
    """
    words = lexicon("es")
    sums: dict[tuple[str, str], list[int]] = {}
    for path in sorted(folder.glob("*/*.txt")):
        text = path.read_text(encoding="utf-8")
        right = _annotated(path.with_suffix(".ann"))
        for system, said in (("rules", _by_rules(text, words)), ("cue list", _by_cues(text))):
            for kind in KINDS:
                counts = sums.setdefault((system, kind), [0, 0, 0])
                for match in re.finditer(r"\w+", text):
                    found, truth = (any(a <= match.start() < b for a, b in one[kind]) for one in (said, right))
                    counts[0] += found and truth
                    counts[1] += found
                    counts[2] += truth
    for (system, kind), (both, found, truth) in sums.items():
        precision, recall = both / max(found, 1), both / max(truth, 1)
        score = 2 * both / max(found + truth, 1)
        print(f"{system}, {kind}: precision {precision:.3f}, recall {recall:.3f}, F1 {score:.3f}")


def measure_english(folder: Path, *, tuning: bool = False) -> None:
    """Prints how well the English rules tell the 14 findings of NegBio's gold table (`openi_gld_std14.csv`) in reports
    of Indiana University (`indiana_reports.csv`): those of `openi-testset.txt`, or with `tuning` the others.

    What a report only doubts is not in that table, so doubted labels do not count.
    """
    words = lexicon("en")
    test = set((folder / "openi-testset.txt").read_text(encoding="utf-8").split())
    with (folder / "indiana_reports.csv").open(encoding="utf-8", newline="") as stream:
        texts = {f"CXR{row['uid']}": f"{row['findings']}\n{row['impression']}" for row in csv.DictReader(stream)}
    with (folder / "openi_gld_std14.csv").open(encoding="utf-8", newline="") as stream:
        gold = {row["filename"]: row for row in csv.DictReader(stream)}
    sums = {column: [0, 0, 0] for column in FINDINGS}
    for name in sorted(gold.keys() & texts.keys()):
        if (name in test) == tuning:
            continue
        verdicts = [one for reading in read_report(texts[name], words) for one in reading.verdicts]
        said = {one.label for one in verdicts if one.status == "found"}
        for column, pattern in FINDINGS.items():
            found, truth = any(re.fullmatch(pattern, one) for one in said), gold[name][column] == "1"
            for at, value in enumerate((found and truth, found, truth)):
                sums[column][at] += value
    for column, counts in {**sums, "all": [sum(own) for own in zip(*sums.values(), strict=True)]}.items():
        both, found_count, count = counts
        scores = both / max(found_count, 1), both / max(count, 1), 2 * both / max(found_count + count, 1)
        print(f"{column} ({count}): precision {scores[0]:.3f}, recall {scores[1]:.3f}, F1 {scores[2]:.3f}")


def _annotated(path: Path) -> Scopes:
    """The scopes of a brat file: the words that a marker of negation or uncertainty is tied to."""
    spans: dict[str, tuple[str, int, int]] = {}
    found: Scopes = {kind: [] for kind in KINDS}
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines:
        if match := re.match(r"(T\d+)\t(\w+) (\d+) (?:[\d;]+ )*(\d+)\t", line):
            spans[match[1]] = (match[2], int(match[3]), int(match[4]))
    for line in lines:
        if match := re.match(r"R\d+\tScope Arg1:(T\d+) Arg2:(T\d+)", line):
            kind = "doubted" if spans[match[1]][0].startswith("Uncert") else "denied"
            found[kind].append(spans[match[2]][1:])
    return found


def _by_rules(text: str, words: Lexicon) -> Scopes:
    found: Scopes = {kind: [] for kind in KINDS}
    for reading in read_report(text, words):
        for kind, start, end in reading.scopes:
            if start < end and kind != "aside":
                found["denied" if kind == "denied" else "doubted"].append(reading.part.span(start, end))
    return found


def _by_cues(text: str) -> Scopes:
    return {
        kind: [
            (match.end(), match.end() + len(re.split(r"[.;\n]", text[match.end() :])[0]))
            for match in re.finditer(rf"\b(?:{cues})\b", text, re.I)
        ]
        for kind, cues in CUES.items()
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["train", "scopes", "english", "english-tuning"])
    parser.add_argument(
        "of", nargs="?", default="8300", help="number of reports, or the folder of NUBes or of the English reports"
    )
    arguments = parser.parse_args()
    if arguments.what == "train":
        train(int(arguments.of))
    elif arguments.what == "scopes":
        measure_scopes(Path(arguments.of))
    else:
        measure_english(Path(arguments.of), tuning=arguments.what == "english-tuning")
