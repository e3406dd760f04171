"""What datasets can be exported to: one table, which the command line reads too, and how each target is written.

The table names functions and does not import them, so that ``mids --help`` is quick.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mids.errors import MidsError
from mids.exports.writing import clear, write_json

if TYPE_CHECKING:
    from mids.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Target:
    """A form for a dataset: `function` of `module` makes it.

    `text` says what it is. The function gets the dataset, and gives a document; of many files (`is_folder`) it gets the
    folder too, and gives their paths. `choices` are the keyword arguments that it takes besides; `recommended` are keys
    that readers of a document ask for, and the key of dataset_description.json that each comes from. `has_fields`
    says that it writes the columns of images, thus `fields` of sidecars too. `extra` is the extra of this package that
    it needs.
    """

    module: str
    function: str
    text: str
    is_folder: bool = False
    choices: frozenset[str] = frozenset()
    recommended: Mapping[str, str] = field(default_factory=dict)
    has_fields: bool = False
    extra: str = ""

    def load(self) -> Callable[..., Any]:
        """The function, with what it needs; raises `MidsError` where its extra is not installed."""
        try:
            found: Callable[..., Any] = getattr(import_module(self.module), self.function)
        except ModuleNotFoundError as error:
            if not self.extra or (error.name or "").startswith("mids"):
                raise
            raise MidsError(f"this target needs {error.name}: pip install 'mids[{self.extra}]'") from error
        return found


_CROISSANT = {
    "description": "Description", "license": "License", "creator": "Authors", "citeAs": "HowToAcknowledge",
    "datePublished": "DatePublished", "url": "DatasetDOI or SourceDatasets",
}  # fmt: skip

TARGETS: Mapping[str, Target] = {
    "croissant": Target(
        "mids.exports.croissant",
        "croissant",
        "Croissant, JSON-LD for search engines and loaders",
        choices=frozenset({"beside"}),
        recommended=_CROISSANT,
    ),
    "monai": Target(
        "mids.exports.monai",
        "datalist",
        "a data list for MONAI",
        choices=frozenset({"task", "modality", "readers", "labels"}),
    ),
    "nnunet": Target(
        "mids.exports.training.nnunet",
        "write_nnunet",
        "volumes and masks for nnU-Net version 2",
        is_folder=True,
        choices=frozenset({"modality", "readers"}),
    ),
    "webdataset": Target(
        "mids.exports.training.webdataset",
        "write_shards",
        "images and their facts as WebDataset shards",
        is_folder=True,
        has_fields=True,
        choices=frozenset({"modality"}),
    ),
    "parquet": Target(
        "mids.exports.parquet", "write_tables", "all tables, for pandas and databases", is_folder=True, has_fields=True
    ),
    "dicom-json-sidecars": Target(
        "mids.exports.dicomjson", "write_sidecars", "sidecars in the DICOM JSON model", is_folder=True
    ),
    "dicom-seg": Target(
        "mids.exports.masks.segments",
        "write_seg",
        "masks of volumes as DICOM SEG, with their images",
        is_folder=True,
        choices=frozenset({"kind"}),
        extra="seg",
    ),
    "rtstruct": Target(
        "mids.exports.masks.structures",
        "write_rtstruct",
        "masks of volumes as RT Structure Sets, with their images",
        is_folder=True,
    ),
    "card": Target(
        "mids.exports.card", "write_card", "a data card and a paragraph for the methods of a paper", is_folder=True
    ),
    "datacite": Target("mids.exports.datacite", "datacite", "metadata for registering a DOI"),
}


def document(dataset: "Dataset", to: str, **choices: Any) -> dict[str, Any]:
    """A dataset as one JSON document; of `choices` a target takes those that it knows (see `Target`).

    Raises `MidsError` for a target that is many files or none, and where something that it needs is lacking.
    """
    target = find_target(to)
    if target.is_folder:
        single = ", ".join(name for name, other in TARGETS.items() if not other.is_folder)
        raise MidsError(f"{to} writes many files, not one document: choose {single}")
    content: dict[str, Any] = target.load()(dataset.text, **{k: v for k, v in choices.items() if k in target.choices})
    return content


def write(
    dataset: "Dataset", to: str, output: Path, content: Mapping[str, Any] | None = None, **choices: Any
) -> list[Path]:
    """Writes a target: a `document` to a file, or the many files of others into a folder that is new or empty.

    Of `choices` a target takes those that it knows.

    Raises `MidsError` where `output` exists, or can't be written. What fails half-way or is interrupted leaves nothing.
    """
    target = find_target(to)
    if output.exists() and (not target.is_folder or not output.is_dir() or any(output.iterdir())):
        raise MidsError(f"{output} already exists: give another name, or remove it")
    was_there = output.exists()
    try:
        if target.is_folder:
            known = {key: value for key, value in choices.items() if key in target.choices}
            written: list[Path] = target.load()(dataset.text, output, **known)
            return written
        made = document(dataset, to, beside=output.parent) if content is None else content
        return [write_json(output, made)]
    except BaseException as error:
        clear(output, keep=was_there)
        if isinstance(error, OSError):
            raise MidsError(f"can't write {output} ({error.strerror}): give another name") from error
        raise


def find_target(to: str) -> Target:
    """The target of a name; raises `MidsError` where there is none."""
    if to not in TARGETS:
        raise MidsError(f"unknown export {to}: choose from {', '.join(TARGETS)}")
    return TARGETS[to]
