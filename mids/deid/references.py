"""How a source file is called outside the state folder: its path may hold the name of a patient."""

from dataclasses import dataclass, replace

from mids.deid.pseudonyms import Pseudonyms
from mids.issues import Issue


@dataclass(frozen=True, slots=True)
class References:
    """How a source file is called outside the state folder: by a keyed reference, or by its path if asked for."""

    pseudonyms: Pseudonyms
    show_paths: bool = False

    def of(self, name: str) -> str:
        """The reference of a source file."""
        return f"source:{self.pseudonyms.item('source', name)}"

    def shown(self, name: str) -> str:
        """What a message may say."""
        return name if self.show_paths else self.of(name)

    def masked(self, found: Issue) -> Issue:
        """The Issue with the path of a source file replaced; paths in the dataset stay."""
        if found.origin != "read" or not found.path:
            return found
        return replace(found, path=self.shown(found.path))
