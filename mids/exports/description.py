"""What dataset_description.json says of a dataset, in the forms that catalogues of data ask for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mids.dataset import Dataset
from mids.errors import MidsError
from mids.records import Json

_DOI = re.compile(r"10\.\d{4,9}/[^\s]+")
_SPDX = re.compile(r"CC-(BY(?:-NC)?(?:-SA|-ND)?)-(\d\.\d)|(CC0)-1\.0")
_ORGANISATION = re.compile(
    r"\b(society|college|university|universit\w+|institut\w*|hospital\w*|foundation|centre|center|ministry|agency|"
    r"consortium|group|team|collaboration|gmbh|inc|ltd)\b|^[^a-z]+$|^\S+$|\(",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Described:
    """The description of a dataset; "" and () stand for what it does not say.

    `doi` is bare (10.…/…), `published` ISO 8601, `sources` are addresses or DOIs of what the dataset was made of,
    `licence` is as it was given and `licence_url` its text where that is known by its SPDX name.
    """

    name: str
    description: str
    version: str
    licence: str
    licence_url: str
    authors: tuple[str, ...]
    publisher: str
    published: str
    doi: str
    citation: str
    keywords: tuple[str, ...]
    funding: tuple[str, ...]
    references: tuple[str, ...]
    sources: tuple[str, ...]
    limitations: tuple[str, ...]
    modalities: tuple[str, ...]

    @property
    def url(self) -> str:
        """Where the dataset is found: its DOI, else the page of its source."""
        return f"https://doi.org/{self.doi}" if self.doi else next((s for s in self.sources if "://" in s), "")


def read_description(dataset: Dataset) -> Described:
    """The description of a dataset, with the version of its CHANGES and the modalities of its images.

    Raises `DataError` (JSON_INVALID) where dataset_description.json is no JSON object.
    """
    said = dataset.description
    licence = _text(said, "License")
    sources = said.get("SourceDatasets")
    listed = [entry for entry in sources if isinstance(entry, dict)] if isinstance(sources, list) else []
    return Described(
        name=dataset.name,
        description=_text(said, "Description"),
        version=read_changes_version(dataset.path),
        licence=licence,
        licence_url=licence_url(licence),
        authors=_texts(said, "Authors"),
        publisher=_text(said, "Publisher"),
        published=_text(said, "DatePublished"),
        doi=find_doi(_text(said, "DatasetDOI")),
        citation=_text(said, "HowToAcknowledge"),
        keywords=_texts(said, "Keywords"),
        funding=_texts(said, "Funding"),
        references=_texts(said, "ReferencesAndLinks"),
        sources=tuple(str(entry[key]) for entry in listed for key in ("DOI", "URL") if entry.get(key)),
        limitations=_texts(said, "KnownLimitations"),
        modalities=tuple(sorted(map(str, dataset.images["group"].dropna().unique()))),
    )


def require_keys(said: Described, wanted: Mapping[str, str], what: str) -> None:
    """Raises `MidsError` where one of `wanted` (key of dataset_description.json by attribute) is not said."""
    lacking = [key for name, key in wanted.items() if not getattr(said, name)]
    if lacking:
        raise MidsError(
            f"{what} needs {', '.join(lacking)} in dataset_description.json: add them there, or convert with --about"
        )


def read_changes_version(root: Path) -> str:
    """The newest version of a dataset by its CHANGES (CPAN changelog, BIDS); "" where there is none."""
    path = root / "CHANGES"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return next((line.split()[0] for line in lines if re.match(r"\d+(\.\d+)+\b", line)), "")


def licence_url(licence: str) -> str:
    """The text of a Creative Commons licence by its SPDX name; "" for any other."""
    match = _SPDX.fullmatch(licence)
    if not match:
        return licence if licence.startswith(("https://", "http://")) else ""
    if match[3]:
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    return f"https://creativecommons.org/licenses/{match[1].lower()}/{match[2]}/"


def find_doi(text: str) -> str:
    """The bare DOI in a text, "" where it holds none."""
    match = _DOI.search(text)
    return match[0] if match else ""


def is_organisation(author: str) -> bool:
    """Whether an author is no person, as far as the words say."""
    return bool(_ORGANISATION.search(author))


def _text(said: Mapping[str, Json], key: str) -> str:
    value = said.get(key)
    return value.strip() if isinstance(value, str) else ""


def _texts(said: Mapping[str, Json], key: str) -> tuple[str, ...]:
    value = said.get(key)
    return tuple(str(item) for item in value if item) if isinstance(value, list) else ()
