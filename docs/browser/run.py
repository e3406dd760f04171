"""What the page's worker runs: the validator of the command line, on a folder that is mounted read-only."""

import sys

sys.path.insert(0, "/packages")

import json

from mids.report.json import line
from mids.validation import control
from mids.validation.runner import validate


def run(folder: str, name: str, profile: str) -> str:
    """The issues of a dataset as JSON: what `mids-validate` finds there without `--deep`."""
    rules = control.merge_decisions(control.Control(), profile=profile)
    report = validate(folder, plain=rules.plain, through=control.Judge(rules, rules.codes(deep=False)))
    issues = [json.loads(line(issue)) for issue in report]
    return json.dumps({"dataset": name, "files": report.counts.files, "issues": issues})
