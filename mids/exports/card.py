"""A data card to publish beside a dataset, and the paragraph on it for the methods of a paper: facts, no praise."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from mids.analysis import statistics
from mids.dataset import Dataset
from mids.exports.description import Described, read_description
from mids.records import Json

_TERMS = {"CommercialUse": "commercial use", "Redistribution": "redistribution", "Attribution": "attribution",
          "Agreement": "agreement"}  # fmt: skip
_MOST = 12
"""Labels in the card, the most frequent first."""


def write_card(dataset: Dataset, folder: Path) -> list[Path]:
    """Writes ``README.md``, a data card with the header that Hugging Face reads, and ``methods.md``; gives their paths.

    Every number is counted in the dataset, every other statement is that of dataset_description.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"README.md": card(dataset), "methods.md": methods(dataset)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def card(dataset: Dataset) -> str:
    """The data card, in Markdown."""
    said = read_description(dataset)
    parts = [
        (f"# {said.name}", said.description),
        ("## What it holds", _table(statistics.summary(dataset))),
        ("## Labels", _labels(dataset)),
        ("## How it was made", " ".join(_made(dataset))),
        ("## Licence and terms", "\n".join(_terms(dataset, said))),
        ("## Known limitations", "\n".join(f"- {text}" for text in said.limitations)),
        ("## How to cite", said.citation or _cite(said)),
        ("## How to load it", _LOADING),
    ]
    head = yaml.safe_dump(_header(said, dataset), sort_keys=False, allow_unicode=True)
    body = "\n\n".join(f"{title}\n\n{text}" for title, text in parts if text)
    return f"---\n{head}---\n\n{body}\n"


_LOADING = """\
```python
import mids

dataset = mids.Dataset("dataset")
image = dataset.load(dataset.images.iloc[0])
```"""


def methods(dataset: Dataset) -> str:
    """One paragraph for the methods of a paper."""
    said = read_description(dataset)
    size = statistics.summary(dataset)["size"]
    name = f"{said.name} ({', '.join(filter(None, (said.version and f'version {said.version}', said.url)))})"
    sentences = [
        f"We used {name.replace(' ()', '')}, with {_number(size.get('images', 0), 'image')} of "
        f"{_number(size.get('patients', 0), 'participant')} in {_number(size.get('studies', 0), 'study', 'studies')}.",
        *_made(dataset),
        f"The licence is {said.licence}." if said.licence else "",
        *(said.limitations[:1]),
    ]
    return " ".join(filter(None, sentences)) + "\n"


def _header(said: Described, dataset: Dataset) -> dict[str, object]:
    """What Hugging Face reads of a card: https://huggingface.co/docs/hub/datasets-cards."""
    count = len(dataset.images)
    size = next((name for most, name in _SIZES if count < most), "n>1M")
    licence = said.licence.lower() if said.licence_url and said.licence != said.licence_url else "other"
    tags = ["medical", "radiology", *said.modalities]
    return {"pretty_name": said.name, "license": licence, "size_categories": [size], "tags": tags}


_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def _table(counts: Mapping[str, Mapping[str, int]]) -> str:
    rows = [
        f"| {what} | {', '.join(f'{name} {n:,}' for name, n in found.items())} |"
        for what, found in counts.items()
        if found
    ]
    return "\n".join(["| counted | |", "|---|---|", *rows])


def _labels(dataset: Dataset) -> str:
    found = statistics.label_counts(dataset)
    return "\n".join(f"- {name}: {count:,}" for name, count in found.sort_values(ascending=False).head(_MOST).items())


def _made(dataset: Dataset) -> Iterator[str]:
    """How the images came to be, sentence by sentence."""
    makers = dataset.description.get("GeneratedBy")
    names = [_joined(each, "Name", "Version") for each in makers] if isinstance(makers, list) else []
    if names:
        yield f"Images were converted with {' and '.join(filter(None, names))}."
    images = dataset.images
    if "view_source" in images and len(views := images["view_source"].dropna().astype(str).value_counts()):
        yield "View positions come from " + ", ".join(f"{source} ({count:,})" for source, count in views.items()) + "."
    codes = sorted(_deidentified(dataset))
    if codes:
        yield f"De-identification: {'; '.join(codes)} (codes of DICOM PS3.16 CID 7050)."


def _joined(value: Json, *keys: str) -> str:
    """The values of these keys, in one line."""
    return " ".join(str(value[key]) for key in keys if value.get(key)) if isinstance(value, dict) else ""


def _deidentified(dataset: Dataset) -> set[str]:
    """The methods of de-identification that the first image of each suffix states."""
    found: set[str] = set()
    for _, rows in dataset.images.groupby("suffix"):
        stated = dataset.sidecar(rows.iloc[0]).get("DeidentificationMethodCodeSequence")
        found |= {_joined(entry, "CodeValue", "CodeMeaning") for entry in stated} if isinstance(stated, list) else set()
    return found - {""}


def _terms(dataset: Dataset, said: Described) -> Iterator[str]:
    yield f"- licence: {said.licence}" if said.licence else "- licence: not stated"
    terms = dataset.description.get("UsageTerms")
    if isinstance(terms, dict):
        yield from (f"- {name}: {terms[key]}" for key, name in _TERMS.items() if terms.get(key))


def _cite(said: Described) -> str:
    return ". ".join(filter(None, ("; ".join(said.authors), said.name, said.publisher, said.published, said.url)))


def _number(count: int, word: str, words: str = "") -> str:
    return f"{count:,} {word if count == 1 else words or word + 's'}"
