"""Labels of reports: how well a model does beside the rules, and how long it takes to train."""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from example_datasets.generators import reports_noisy
from mids.labelling.training import Example, train_labels


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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["train"])
    parser.add_argument("count", type=int, nargs="?", default=8300)
    train(parser.parse_args().count)
