"""The three immutable collections of rpds that jsonschema and referencing use, in Python: rpds itself is compiled."""

from collections.abc import Iterator
from typing import Any, Self


class HashTrieMap(dict[Any, Any]):
    """A mapping whose changes are other mappings."""

    @classmethod
    def convert(cls, value: Any) -> Self:
        """The mapping as one of this kind."""
        return value if isinstance(value, cls) else cls(value)

    def insert(self, key: Any, value: Any) -> Self:
        """With one more."""
        return type(self)({**self, key: value})

    def remove(self, key: Any) -> Self:
        """Without one."""
        return type(self)({other: value for other, value in self.items() if other != key})

    def update(self, *more: Any, **others: Any) -> Self:  # type: ignore[override]
        """With others."""
        return type(self)(dict(self, **dict(*more, **others)) if others else {**self, **dict(*more)})

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self))


class HashTrieSet(frozenset[Any]):
    """A set whose changes are other sets."""

    def insert(self, value: Any) -> Self:
        """With one more."""
        return type(self)(self | {value})

    def remove(self, value: Any) -> Self:
        """Without one."""
        return type(self)(self - {value})

    def update(self, *more: Any) -> Self:
        """With others."""
        return type(self)(self.union(*more))


class List:
    """A list that grows at its front; what it was before stays."""

    def __init__(self, *values: Any) -> None:
        self._values = tuple(values[0] if len(values) == 1 and not isinstance(values[0], str) else values)

    def push_front(self, value: Any) -> "List":
        """With one more at the front."""
        return List((value, *self._values))

    def drop_first(self) -> "List":
        """Without the first."""
        return List(self._values[1:])

    @property
    def first(self) -> Any:
        """The first."""
        return self._values[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, List) and self._values == other._values

    def __hash__(self) -> int:
        return hash(self._values)
