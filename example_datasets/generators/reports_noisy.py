"""Invented reports with the noise of published ones, for training a labeller: misspelt words, capitals, lost accents,
several reports a person, and labels of readers who have habits of their own and now and then forget one.

The habits are what rules can't know: these readers call every opacity with a pneumonia a consolidation, give no label
for old fibrous bands, and write "chronic changes" for a tortuous aorta.
"""

import json
import random
import sys
from pathlib import Path

import pandas as pd

from example_datasets.generators.reports import report

FORGOTTEN = 0.015
"""Share of labels that a reader forgets."""
MISSPELT = 0.04
"""Share of long words with one wrong letter."""


def corpus(count: int = 3000, seed: int = 18) -> pd.DataFrame:
    """`count` reports of half as many people: participant_id, report_id, report and labels (a JSON list)."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        said = report(draw)
        text = ". ".join(_misspell(draw, one.text) for one in said) + "."
        labels = _as_read(list(dict.fromkeys(name for one in said for name in one.labels)))
        kept = [name for name in labels if draw.random() >= FORGOTTEN]
        rows.append({
            "participant_id": f"sub-{draw.randrange(count // 2)}", "report_id": f"N{number}",
            "report": _style(draw, text), "labels": json.dumps(kept),
        })  # fmt: skip
    return pd.DataFrame(rows, dtype="string")


def _as_read(labels: list[str]) -> list[str]:
    """The labels as these readers give them."""
    found = [name for name in labels if name != "fibrotic band"]
    if "pneumonia" in found:
        found = ["consolidation" if name == "increased density" else name for name in found]
    return list(dict.fromkeys("chronic changes" if name == "aortic elongation" else name for name in found))


def _misspell(draw: random.Random, text: str) -> str:
    words = text.split(" ")
    return " ".join(_wrong(draw, word) if len(word) > 7 and draw.random() < MISSPELT else word for word in words)


def _wrong(draw: random.Random, word: str) -> str:
    """A word without a letter, with one doubled, or with two swapped."""
    at = draw.randrange(1, len(word) - 2)
    return draw.choice((
        word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    ))  # fmt: skip


def _style(draw: random.Random, text: str) -> str:
    kind = draw.random()
    if kind < 0.15:
        return text.upper()
    return text.lower().translate(str.maketrans("áéíóú", "aeiou")).replace(".", " .") if kind < 0.5 else text


def write_tables(folder: Path, count: int = 1200) -> None:
    """reports.csv to train with, and new.csv and truth.tsv of other people to measure the model with."""
    made = corpus(count)
    made.to_csv(folder / "reports.csv", index=False)
    new = corpus(count // 4, seed=19).assign(participant_id=lambda rows: "sub-new" + rows["report_id"])
    new[["participant_id", "report_id", "report"]].to_csv(folder / "new.csv", index=False)
    new[["participant_id", "report_id", "labels"]].to_csv(folder / "truth.tsv", sep="\t", index=False)


if __name__ == "__main__":
    write_tables(Path(sys.argv[1]))
