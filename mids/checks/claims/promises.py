"""What the paper of a collection promises, against the dataset converted from it. Runs with ``--select claims`` only.

The promises stand in `schemas/collections/<name>.yaml` under ``paper: promises``; the collection is the one that
dataset_description.json says the dataset was converted from.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from mids.checks.claims.evidence import Evidence
from mids.checks.claims.rules import Judged, Verdict, judge
from mids.dataset.disk.folder import DESCRIPTION
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import DatasetView
from mids.issues import Level
from mids.vocabulary.clinical import promises, read_collection_name


def collection(dataset: DatasetView) -> str:
    """The name of the collection that the dataset was converted from, "" where it does not say."""
    return read_collection_name(dataset.view(DESCRIPTION).document.content) if dataset.has(DESCRIPTION) else ""


@lru_cache(maxsize=1)
def _judge_promises(dataset: DatasetView) -> Mapping[str, tuple[object, Judged]]:
    evidence = Evidence(dataset)
    known = promises(collection(dataset))
    return {key: (promised, judge(evidence, key, promised)) for key, promised in known.items()}


def _report_verdict(verdict: Verdict, dataset: DatasetView) -> Iterator[Finding]:
    for key, (promised, judged) in _judge_promises(dataset).items():
        if judged.verdict == verdict:
            yield Finding(judged.message, f"promise {key}", expected=_shorten_promise(promised))


def _shorten_promise(promised: object) -> str:
    text = str(promised)
    return text if len(text) <= 120 else text[:119] + "…"


@check("CLAIM_MET", per="dataset", level=Level.INFO)
def claim_met(dataset: DatasetView) -> Found:
    """The dataset keeps one promise of the paper of its collection.

    Why: Whoever cites the paper may rely on it here.

    Fix: Nothing.
    """
    yield from _report_verdict("met", dataset)


@check("CLAIM_NOT_MET", per="dataset", level=Level.WARNING)
def claim_not_met(dataset: DatasetView) -> Found:
    """The dataset does not keep one promise of the paper of its collection.

    Why: A part may be missing, or the paper is wrong; results can't be compared with those of others.

    Fix: Check that the source was complete, then see docs/errata.md. If you use a part of the collection, say
    so.
    """
    yield from _report_verdict("not met", dataset)


@check("CLAIM_NOT_CHECKABLE", per="dataset", level=Level.INFO)
def claim_not_checkable(dataset: DatasetView) -> Found:
    """The dataset does not show whether it keeps one promise of the paper of its collection.

    Why: Only the paper vouches for the promise.

    Fix: Rely on the paper, or ask the authors.
    """
    if not promises(collection(dataset)):
        yield Finding("no paper of the collection is known", path=DESCRIPTION if dataset.has(DESCRIPTION) else "")
    yield from _report_verdict("not checkable", dataset)
