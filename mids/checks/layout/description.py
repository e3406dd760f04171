"""dataset_description.json: of the dataset and of each of its derivatives."""

import re

from mids.dataset.disk.folder import DESCRIPTION
from mids.inspection.registry import Finding, Found, check, of_name
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level
from mids.records import Json


@check("DESCRIPTION_MISSING", per="dataset")
def description_missing(dataset: DatasetView) -> Found:
    """The dataset has no dataset_description.json.

    Why: Its name, licence and version of the standard are unknown, and BIDS tools refuse it.

    Fix: Write one with at least Name and BIDSVersion.
    """
    if not dataset.has(DESCRIPTION):
        yield "there is no dataset_description.json"


@check("DERIVATIVE_DESCRIPTION_MISSING", per="dataset", level=Level.WARNING)
def derivative_description_missing(dataset: DatasetView) -> Found:
    """A folder of derivatives has no dataset_description.json of its own.

    Why: BIDS requires one; without it nobody knows which program made the files.

    Fix: Write one with Name, BIDSVersion, DatasetType derivative and GeneratedBy.
    """
    for folder in sorted(dataset.tree.folders):
        if dataset.facts.hides(folder):
            continue
        if re.fullmatch("derivatives/[^/]+", folder) and not dataset.has(f"{folder}/{DESCRIPTION}"):
            yield Finding("there is no dataset_description.json", path=folder)


@of_name
def _is_description(file: FileView) -> bool:
    return file.kind == "description"


@check("DESCRIPTION_INVALID", per="json", when=_is_description)
def description_invalid(file: FileView) -> Found:
    """A dataset_description.json lacks a required key, or a key has a value of the wrong type.

    Why: Programs can't read the licence, the authors or the version of the standard.

    Fix: Correct the key that the message names.
    """
    if file.size and not file.document.error and not isinstance(file.document.content, dict):
        yield "the content is not a JSON object"
    for _, where, message in file.schema_errors:
        yield Finding(message, where=where)


def _content(file: FileView) -> dict[str, Json]:
    """The keys of a description; empty where it is no object."""
    content = file.document.content
    return content if isinstance(content, dict) else {}


PLACEHOLDER = re.compile(
    r"\W*(todo|tbd|fixme|xxx+|untitled|dataset|name|title|none|n/?a|change ?me|[<\[{].*[>\]}])\W*", re.I
)


@check("DESCRIPTION_INCOMPLETE", per="json", level=Level.WARNING, when=_is_description)
def description_incomplete(file: FileView) -> Found:
    """A dataset_description.json lacks DatasetType, names neither Authors nor GeneratedBy, or has a placeholder
    or nothing as Name.

    Why: Nobody can tell what the dataset is, who or what made it, and whom to cite or to ask.

    Fix: Fill in the key that the message names.
    """
    content = _content(file)
    if not content:
        return
    name = str(content.get("Name", "x"))
    if PLACEHOLDER.fullmatch(name) or not name.strip():
        yield Finding("Name is a placeholder", where="$.Name", value=str(content["Name"]))
    if "DatasetType" not in content:
        yield Finding("DatasetType is missing", where="$", expected="raw or derivative")
    if not content.get("Authors") and not content.get("GeneratedBy"):
        yield Finding("Authors and GeneratedBy are both missing", where="$")


@check("LICENSE_MISSING", per="dataset", level=Level.WARNING)
def license_missing(dataset: DatasetView) -> Found:
    """The dataset states no terms of use: no License, no UsageTerms, no LICENSE file, no licence in CITATION.cff.

    Why: Without a licence nobody may use it.

    Fix: Write License into dataset_description.json, as an SPDX identifier such as CC-BY-4.0.
    """
    if dataset.has(DESCRIPTION) and (content := _content(dataset.view(DESCRIPTION))):
        has_file = any(path.upper().startswith(("LICENSE", "LICENCE")) for path in dataset.tree.files)
        if not has_file and not content.get("License") and not content.get("UsageTerms") and not _is_cited(dataset):
            yield Finding("neither a licence nor terms of use are given", where="$.License", path=DESCRIPTION)


def _is_cited(dataset: DatasetView) -> bool:
    """Whether CITATION.cff names a licence: BIDS wants it there alone, where there is that file."""
    cited = dataset.view("CITATION.cff").read() if dataset.has("CITATION.cff") else b""
    return re.search(rb"^license(-url)?:\s*\S", cited, re.MULTILINE) is not None


@check("DESCRIPTION_TYPE", per="json", level=Level.WARNING, when=_is_description, mids=True)
def description_type(file: FileView) -> Found:
    """A folder of derivatives calls itself raw, or the dataset with the images calls itself a derivative.

    Why: BIDS tools decide by DatasetType which rules apply and which folders they index.

    Fix: Write DatasetType raw at the top and derivative below `derivatives/`.
    """
    said = _content(file).get("DatasetType")
    below = file.path.startswith("derivatives/")
    if said == ("raw" if below else "derivative") and (below or file.dataset.subjects):
        expected = "derivative" if below else "raw"
        yield Finding("DatasetType does not match the place of the file", "$.DatasetType", str(said), expected)


@check("GENERATED_BY_MISSING", per="json", level=Level.INFO, when=_is_description, mids=True)
def generated_by_missing(file: FileView) -> Found:
    """A dataset with `mim-` folders does not name the program that made its images.

    Why: A fault of a converter can be traced only to datasets that name it.

    Fix: Write GeneratedBy with the name and version of the program.
    """
    content = _content(file)
    made = any("/mim-" in folder for folder in file.dataset.tree.folders)
    if content and file.path == DESCRIPTION and made and not content.get("GeneratedBy"):
        yield Finding("GeneratedBy is missing", where="$")
