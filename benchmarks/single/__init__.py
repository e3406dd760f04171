"""Single defects, drawn by a seed: a valid dataset of random images, and one thing in it that is wrong or unusual."""

import shutil
from pathlib import Path

from benchmarks.single import images, people, texts, valid
from benchmarks.single.dataset import Drawn, draw
from mids.issues import Level
from mids.validation.runner import validate

KINDS = (*images.KINDS, *texts.KINDS, *people.KINDS)


def defects(seed: int, number: int) -> tuple[str, str, Drawn]:
    """The name of the defect of a number, a part of the path at which it must be reported, and the dataset."""
    drawn = draw(seed * 1_000_003 + number)
    kind = KINDS[number % len(KINDS)]
    return kind.__name__, kind(drawn), drawn


def variations(seed: int, number: int) -> tuple[str, Drawn]:
    """The name of the valid variation of a number, and the dataset."""
    drawn = draw(seed * 1_000_003 + 500_000 + number)
    kind = valid.KINDS[number % len(valid.KINDS)]
    kind(drawn)
    return kind.__name__, drawn


def found(drawn: Drawn, place: str, root: Path) -> list[str]:
    """The errors and warnings at paths that hold `place`, as code, path and message."""
    shutil.rmtree(root, ignore_errors=True)
    for path, data in drawn.files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    issues = [issue for issue in validate(root, deep=True) if issue.level is not Level.INFO and place in issue.path]
    return [f"{issue.code} {issue.path} {issue.where} {issue.message}" for issue in issues]
