"""Known issues: fingerprints that survive edits elsewhere in a file, and files of them.

An issue is known by its code, path, place and value. Numbers of rows and lines do not count, so that a new row
does not make all rows below it new; that many issues of one fingerprint are known, though, and no more.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from mids.errors import MidsError
from mids.issues import Issue

VERSION = 1
"""Increases when fingerprints are made differently."""

Baseline = Counter[str]
"""How many issues of each fingerprint are known."""


def fingerprint(issue: Issue) -> str:
    """16 hexadecimal digits that are the same for the same issue in another run."""
    text = "\0".join((issue.code, issue.path, _place(issue), issue.value))
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def numbered(issues: Iterable[Issue]) -> Iterator[tuple[Issue, str]]:
    """Each issue with a fingerprint of its own: those that are the same are counted."""
    seen: Baseline = Counter()
    for issue in issues:
        digest = fingerprint(issue)
        seen[digest] += 1
        yield issue, f"{digest}{seen[digest]:06x}"


def render(issues: Iterable[Issue]) -> str:
    """A baseline of these issues as JSON, one line for each fingerprint; it holds no values."""
    counts: Baseline = Counter()
    entries: dict[str, tuple[str, str, str]] = {}
    for issue in issues:
        digest = fingerprint(issue)
        counts[digest] += 1
        entries[digest] = issue.code, issue.path, _place(issue)
    lines = [
        json.dumps({"code": code, "path": path, "where": where, "count": counts[digest], "fingerprint": digest})
        for (code, path, where), digest in sorted((entry, digest) for digest, entry in entries.items())
    ]
    return f'{{"version": {VERSION}, "issues": [\n' + ",\n".join(lines) + "\n]}\n"


def read(path: Path) -> Baseline:
    """The baseline in `path`. Raises `MidsError` where it can't be read or is none."""
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["version"] != VERSION:
            raise MidsError(
                f"{path}: another version of mids wrote this baseline: write it again with --write-baseline"
            )
        return Counter({str(entry["fingerprint"]): int(entry["count"]) for entry in content["issues"]})
    except OSError as error:
        raise MidsError(f"can't read the baseline {path} ({error.strerror}): check its path and permissions") from error
    except (ValueError, KeyError, TypeError) as error:
        raise MidsError(f"{path}: not a baseline: write one with --write-baseline") from error


def _place(issue: Issue) -> str:
    return re.sub(r"\b(row|line) \d+", r"\1", issue.where)
