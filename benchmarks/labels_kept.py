"""Whether reports say the same after their texts are cleaned: `mids label` with and without identifiers in them.

    python -m benchmarks.labels_kept            2,000 generated reports (`example_datasets.generators.reports`)

Sentences that identify somebody (`example_datasets.layouts_corpus`) are planted in each report; after cleaning it must
have the labels and localizations that it had without them.
"""

import argparse
import random
import re
from collections.abc import Iterator

from example_datasets.generators.reports import report
from example_datasets.layouts_corpus import plant
from example_datasets.reports_corpus import load
from mids.deid.text.redact import Redactor
from mids.labelling.labeller import Sentence, label, lexicon


def compare(count: int, seed: int = 14) -> Iterator[tuple[str, str, list[Sentence], list[Sentence]]]:
    """Reports whose labels changed: with identifiers, after cleaning, the labels before and after."""
    draw, words, redactor = random.Random(seed), lexicon(), Redactor()
    templates = [text for text in load("layouts")["es"]["sentences"] if not label(re.sub(r"\{\w+\}", "X", text), words)]
    for _ in range(count):
        said = [sentence.text for sentence in report(draw)]
        planted = plant(draw, said, templates)
        cleaned = redactor.clean(planted).text
        before, after = (list(label(text, words)) for text in (" ".join(f"{text}." for text in said), cleaned))
        if before != after:
            yield planted, cleaned, before, after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="how many reports")
    parser.add_argument("--show", type=int, default=0, help="how many mistakes to print")
    args = parser.parse_args()
    changed = list(compare(args.count))
    print(f"{args.count} reports, {len(changed)} with other labels")
    for planted, cleaned, before, after in changed[: args.show]:
        print("---", planted, "--->", cleaned, *before, "--->", *after, sep="\n")


if __name__ == "__main__":
    main()
