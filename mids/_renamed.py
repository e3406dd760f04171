"""Modules that version 0.1 documented and that have moved: the old name still imports, with a warning.

Packages made by ``mids scaffold`` of version 0.1 use these names.
"""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # importlib.abc takes longer to load than the whole package

MOVED = {
    "mids.clinical": "mids.vocabulary.clinical",
    "mids.labeller": "mids.labelling.labeller",
    "mids.readers.scan": "mids.readers.dicom.scan",
    "mids.readers.series": "mids.readers.dicom.grouping.series",
    "mids.readers.table": "mids.readers.tables.table",
    "mids.schema": "mids.vocabulary.schema",
    "mids.statistics": "mids.analysis.statistics",
}
"""The old names with the new."""


class _Finder(Loader):
    """Finds a module by its old name, after all other finders have failed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's specification where the name is an old one."""
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The moved module itself, kept under its old name too."""
        new = MOVED[spec.name]
        warnings.warn(f"{spec.name} is now {new}: change the import", DeprecationWarning, stacklevel=2)
        module = import_module(new)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run twice: the module keeps the specification of its new name."""
        spec = module.__spec__
        if spec is not None and spec.loader is self:
            module.__spec__ = spec.loader_state


def install() -> None:
    """Lets the old names be imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
