"""Long work tells how far it is, to whoever watches: a command with a terminal, or nobody."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

from mids.records import Map

T = TypeVar("T")
R = TypeVar("R")


class Watcher(Protocol):
    """Who hears how far long work is."""

    def tell(self, done: int, total: int, what: str, problems: int = 0) -> None:
        """So many of so many (0: nobody knows) are done, so many problems were found; `what` says what they are."""

    def clear(self) -> None:
        """A piece of work has ended."""


_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Has `watcher` hear of all long work until the end."""
    before = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(before)


def is_watched() -> bool:
    """Whether somebody hears how far long work is."""
    return _WATCHER.get() is not None


def watched(
    items: Iterable[T], what: str, total: int = 0, *, problems: Callable[[T], int] = lambda _: 0
) -> Iterator[T]:
    """The items; that one is done is told when the next is asked for. `problems` counts what is wrong with an item."""
    watcher = _WATCHER.get()
    if watcher is None:
        yield from items
        return
    wrong = 0
    try:
        for number, item in enumerate(items, start=1):
            yield item
            wrong += problems(item)
            watcher.tell(number, total, what, wrong)
    finally:
        watcher.clear()


@contextmanager
def watched_steps(what: str) -> Iterator[Callable[..., None]]:
    """A function that tells how many steps of how many are done (and problems), for work that is no loop over items."""
    watcher = _WATCHER.get()

    def tell(done: int, total: int, problems: int = 0) -> None:
        if watcher is not None:
            watcher.tell(done, total, what, problems)

    try:
        yield tell
    finally:
        if watcher is not None:
            watcher.clear()


def watched_map(mapped: Map, what: str) -> Map:
    """A `map` that tells how many results have come."""

    def told(function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        return watched(mapped(function, items), what)

    return told
