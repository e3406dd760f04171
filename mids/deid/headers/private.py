"""Private attributes by their creators (PS3.5 7.8.1): a block of 256 elements belongs to whoever reserved it."""

from collections.abc import Callable, Iterator

from pydicom import Dataset

from mids.deid.headers import elements

IsSafe = Callable[[str, int, int], bool]
"""Whether an attribute may stay, by creator, group and element within the creator's block."""


class Blocks:
    """The private blocks of one dataset or item, and which of them hold something that stayed."""

    def __init__(self, source: Dataset, is_safe: IsSafe) -> None:
        self._is_safe = is_safe
        self._creators = {
            (tag.group, tag.element): elements.text(source.get_item(tag))
            for tag in list(source.keys())
            if tag.group & 1 and 0x10 <= tag.element <= 0xFF
        }
        self._used: set[tuple[int, int]] = set()

    def creator_if_safe(self, tag: int) -> str:
        """The creator of an attribute that may stay, empty for all others."""
        group, element = tag >> 16, tag & 0xFFFF
        creator = self._creators.get((group, element >> 8), "")
        return creator if creator and self._is_safe(creator, group, element & 0xFF) else ""

    def use(self, tag: int) -> None:
        """Notes that an attribute stayed, so that its creator has to stay."""
        self._used.add((tag >> 16, (tag & 0xFFFF) >> 8))

    def creators_in_use(self) -> Iterator[tuple[int, str]]:
        """The tags and names of the creators that have to stay."""
        return ((group << 16 | block, self._creators[group, block]) for group, block in sorted(self._used))
