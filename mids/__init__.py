"""MIDS datasets: convert medical imaging collections into them, validate and load them.

>>> import mids
>>> done = mids.convert("dicom", "studies", "dataset", jobs=2)
>>> report = mids.validate("dataset")
>>> dataset = mids.Dataset("dataset")
"""

from importlib import import_module

from mids import _renamed
from mids._version import __version__

TYPE_CHECKING = False  # typing takes longer to load than all of this

if TYPE_CHECKING:
    from mids.analysis.evaluation import Evaluation, evaluate
    from mids.analysis.frames import issues_frame
    from mids.conversion import Conversion, convert
    from mids.dataset import Dataset
    from mids.dataset.joined import Joined, concat
    from mids.dataset.layout import bids_layout
    from mids.deidentification import Deidentification, deidentify
    from mids.errors import MidsError
    from mids.exports import export_schema
    from mids.issues import Issue, Level
    from mids.validation.runner import Report, validate

_renamed.install()

__all__ = [
    "Conversion", "Dataset", "Deidentification", "Evaluation", "Issue", "Joined", "Level", "MidsError", "Report",
    "__version__", "bids_layout", "concat", "convert", "deidentify", "evaluate", "export_schema", "issues_frame",
    "validate",
]  # fmt: skip

_HOMES = {
    "MidsError": "errors", "Issue": "issues", "Level": "issues",
    "Conversion": "conversion", "convert": "conversion", "Dataset": "dataset", "bids_layout": "dataset.layout",
    "Report": "validation", "validate": "validation", "export_schema": "exports",
    "issues_frame": "analysis.frames",
    "Deidentification": "deidentification", "deidentify": "deidentification",
    "Joined": "dataset.joined", "concat": "dataset.joined",
    "Evaluation": "analysis.evaluation", "evaluate": "analysis.evaluation",
}  # fmt: skip
"""Public names that are loaded when first used, so that importing the package is quick."""


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"mids.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mids' has no attribute {name!r}")
