"""The table of labels that reports have, by the rules or by a model.

A model of your own takes the place of the rules as an entry point of the group ``mids.labellers``: a function of a
list of report texts that returns, for each, its `Sentence` s.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeAlias

from mids.analysis.cells import LOCALIZATION
from mids.analysis.tree import LabelTree
from mids.dataset.disk.progress import watched
from mids.errors import MidsError
from mids.labelling.lexicon import Lexicon, lexicon
from mids.labelling.model import read_label_model
from mids.labelling.plain import sentences
from mids.labelling.rules import label
from mids.labelling.sentence import Sentence, Why, close_sentence

__all__ = ["GROUP", "KEYS", "Model", "Sentence", "Why", "label", "label_rows", "lexicon", "sentences"]

GROUP = "mids.labellers"
Model: TypeAlias = Callable[[Sequence[str]], Iterable[Sequence[Sentence]]]

# --- tables ----------------------------------------------------------------------------------------------

KEYS = ("participant_id", "session_id", "report_id")


def label_rows(
    reports: Sequence[Mapping[str, str]], words: Lexicon, *, column: str = "report", model: str = "",
    tree: LabelTree | None = None,
) -> list[dict[str, str]]:  # fmt: skip
    """A row of the label table for each report: its ids, and its labels as labels.tsv has them.

    `column` holds the text; `model` is a file that `mids train labels` wrote, or the name of an entry point of
    `mids.labellers`, to use instead of the rules; with a `tree` the terms above those that are found are given too.
    Raises `MidsError` where the model is not there or does not do what it must.
    """
    texts = [report.get(column, "") for report in reports]
    said, source = _run_labeller(model, texts, words)
    if tree:
        said = [[close_sentence(one, tree) for one in found] for found in said]
    return [
        {**{key: report[key] for key in KEYS if key in report}, "source": source, **_cells(found, words)}
        for report, found in zip(reports, said, strict=True)
    ]


def _cells(found: Sequence[Sentence], words: Lexicon) -> dict[str, str]:
    labels = list(dict.fromkeys(name for said in found for name in said.labels))
    places = list(dict.fromkeys(name for said in found for name in said.localizations))
    grouped = [
        [word for name, places in said.ordered() for word in (name, *(LOCALIZATION + place for place in places))]
        for said in found
    ]
    lists = {
        "labels": labels, "localizations": places, "labels_localizations_by_sentence": grouped,
        "label_evidence": _evidence(found, labels),
        "label_cuis": [words.cui(name) for name in labels], "localization_cuis": [words.cui(name) for name in places],
    }  # fmt: skip
    return {name: json.dumps(items, ensure_ascii=False) for name, items in lists.items()}


def _evidence(found: Sequence[Sentence], labels: Sequence[str]) -> list[str]:
    """Why each label is given: the characters of the report (from 0, end excluded) and the rule or the model.

    It is the first reason, or the first that is not doubted: what is sure once is sure.
    """
    given = [one for said in found for one in said.why]
    given.sort(key=lambda one: one.reason.endswith(", doubted"))
    why = {one.label: one for one in reversed(given)}
    return [f"{why[name].start}-{why[name].end} {why[name].reason}" if name in why else "" for name in labels]


def _run_labeller(model: str, texts: Sequence[str], words: Lexicon) -> tuple[Sequence[Sequence[Sentence]], str]:
    """What the reports say, and who says so."""
    if not model:
        reports = watched(texts, "reports labelled", len(texts))
        return [label(text, words) for text in reports], f"rules {words.language}"
    if Path(model).is_file():
        trained = read_label_model(Path(model))
        return trained.label(watched(texts, "reports labelled", len(texts))), f"model {trained.digest[:12]}"
    return _run_model(model, texts), f"model {model}"


def _run_model(name: str, texts: Sequence[str]) -> list[Sequence[Sentence]]:
    """What a user's own model says."""
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        installed = ", ".join(known) or "none"
        raise MidsError(f"unknown labeller {name}: no such file, and installed are {installed}")
    try:
        model: Model = known[name].load()
    except (ImportError, AttributeError) as error:
        raise MidsError(f"can't load the labeller {name} ({type(error).__name__}): install it again") from error
    said = [list(found) for found in model(texts)]
    if len(said) != len(texts) or not all(isinstance(one, Sentence) for found in said for one in found):
        raise MidsError(f"the labeller {name} must return a list of mids.labelling.labeller.Sentence for each report")
    return list(said)
