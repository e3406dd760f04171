"""What datasets can be exported to: one table, which the command line reads too, and how each target is written.

The table names functions and does not import them, so that ``mids --help`` is quick.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mids.errors import MidsError
from mids.exports.writing import write_json

if TYPE_CHECKING:
    from mids.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Target:
    """A form for a dataset: `function` of `module` makes it.

    It gets the dataset, and gives a document; of many files (`is_folder`) it gets the folder too, and gives their
    paths. `choices` are the keyword arguments that it takes besides; `recommended` are keys that readers of a document
    ask for, and the key of dataset_description.json that each comes from.
    """

    module: str
    function: str
    is_folder: bool = False
    choices: frozenset[str] = frozenset()
    recommended: Mapping[str, str] = field(default_factory=dict)

    def load(self) -> Callable[..., Any]:
        """The function, with what it needs."""
        found: Callable[..., Any] = getattr(import_module(self.module), self.function)
        return found


_CROISSANT = {
    "description": "Description", "license": "License", "creator": "Authors", "citeAs": "HowToAcknowledge",
    "datePublished": "DatePublished", "url": "DatasetDOI or SourceDatasets",
}  # fmt: skip

TARGETS: Mapping[str, Target] = {
    "croissant": Target("mids.exports.croissant", "croissant", recommended=_CROISSANT),
    "monai": Target("mids.exports.monai", "datalist", choices=frozenset({"task", "modality", "readers", "labels"})),
    "parquet": Target("mids.exports.parquet", "write_tables", is_folder=True),
    "dicom-json-sidecars": Target("mids.exports.dicomjson", "write_sidecars", is_folder=True),
    "datacite": Target("mids.exports.datacite", "datacite"),
}


def document(dataset: "Dataset", to: str, **choices: Any) -> dict[str, Any]:
    """A dataset as one JSON document; of `choices` a target takes those that it knows (see `Target`).

    Raises `MidsError` for a target that is many files or none, and where something that it needs is lacking.
    """
    target = find_target(to)
    if target.is_folder:
        single = ", ".join(name for name, other in TARGETS.items() if not other.is_folder)
        raise MidsError(f"{to} writes many files, not one document: choose {single}")
    content: dict[str, Any] = target.load()(dataset, **{k: v for k, v in choices.items() if k in target.choices})
    return content


def write(dataset: "Dataset", to: str, output: Path, content: Mapping[str, Any] | None = None) -> list[Path]:
    """Writes a target: a `document` to a file, or the many files of others into a folder that is new or empty.

    Raises `MidsError` where `output` exists, or can't be written.
    """
    target = find_target(to)
    if output.exists() and (not target.is_folder or not output.is_dir() or any(output.iterdir())):
        raise MidsError(f"{output} already exists: give another name, or remove it")
    try:
        if target.is_folder:
            written: list[Path] = target.load()(dataset, output)
            return written
        return [write_json(output, document(dataset, to) if content is None else content)]
    except OSError as error:
        raise MidsError(f"can't write {output} ({error.strerror}): give another name") from error


def find_target(to: str) -> Target:
    """The target of a name; raises `MidsError` where there is none."""
    if to not in TARGETS:
        raise MidsError(f"unknown export {to}: choose from {', '.join(TARGETS)}")
    return TARGETS[to]
