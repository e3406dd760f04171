"""A dataset as DataCite metadata, schema 4.5 (https://schema.datacite.org), in the JSON of DataCite's REST API."""

import re
from collections.abc import Iterator
from typing import Any

from mids.dataset import Dataset
from mids.exports.description import Described, find_doi, is_organisation, read_description, require_keys

SCHEMA = "http://datacite.org/schema/kernel-4"


def datacite(dataset: Dataset) -> dict[str, Any]:
    """The attributes of a DOI; without `doi` where the dataset has none yet, as for a draft.

    Raises `MidsError` where dataset_description.json lacks what DataCite requires: Authors, Publisher, DatePublished.
    """
    said = read_description(dataset)
    require_keys(said, {"authors": "Authors", "publisher": "Publisher", "published": "DatePublished"}, "DataCite")
    content: dict[str, Any] = {
        "doi": said.doi,
        "creators": [_creator(author) for author in said.authors],
        "titles": [{"title": said.name}],
        "publisher": {"name": said.publisher},
        "publicationYear": said.published[:4],
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Medical images"},
        "subjects": [{"subject": word} for word in dict.fromkeys((*said.keywords, *said.modalities))],
        "dates": [{"date": said.published, "dateType": "Issued"}],
        "relatedIdentifiers": list(_build_related_identifiers(said)),
        "sizes": [f"{len(dataset.images)} images", f"{dataset.images['participant_id'].nunique()} subjects"],
        "formats": sorted(set(map(str, dataset.images["extension"].dropna().str.lower()))),
        "version": said.version,
        "rightsList": [_rights(said)] if said.licence else [],
        "descriptions": list(_descriptions(said)),
        "fundingReferences": [{"funderName": text} for text in dict.fromkeys(said.funding)],
        "schemaVersion": SCHEMA,
    }
    return {key: value for key, value in content.items() if value}


def _creator(author: str) -> dict[str, Any]:
    """A person as "family, given" where the parts can be told, else by the name as it stands."""
    if is_organisation(author):
        return {"name": author, "nameType": "Organizational"}
    family, comma, given = (part.strip() for part in author.partition(","))
    if comma and given:
        return {"name": f"{family}, {given}", "nameType": "Personal", "familyName": family, "givenName": given}
    return {"name": author, "nameType": "Personal"}


def _build_related_identifiers(said: Described) -> Iterator[dict[str, str]]:
    """What the dataset was made of, and what it refers to, each once."""
    seen = {said.doi}
    entries = [*((text, "IsDerivedFrom") for text in said.sources), *((text, "References") for text in said.references)]
    for text, relation in entries:
        url = re.search(r"https?://[^\s)]+", text)
        doi = find_doi(text)
        name = doi or (url[0] if url else "")
        if name and name not in seen:
            seen.add(name)
            kind = "DOI" if doi else "URL"
            yield {"relatedIdentifier": name, "relatedIdentifierType": kind, "relationType": relation}


def _rights(said: Described) -> dict[str, str]:
    """The licence, by its SPDX name where it is one that we know."""
    if not said.licence_url:
        return {"rights": said.licence}
    known = {"rights": said.licence, "rightsUri": said.licence_url}
    if said.licence == said.licence_url:
        return known
    spdx = {"rightsIdentifierScheme": "SPDX", "schemeUri": "https://spdx.org/licenses/"}
    return {**known, "rightsIdentifier": said.licence.lower(), **spdx}


def _descriptions(said: Described) -> Iterator[dict[str, str]]:
    if said.description:
        yield {"description": said.description, "descriptionType": "Abstract"}
    if said.limitations:
        yield {"description": "Known limitations: " + " ".join(said.limitations), "descriptionType": "Other"}
