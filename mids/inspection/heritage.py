"""Which files apply to a file: BIDS's inheritance principle, for sidecars, gradients and every other companion."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mids.vocabulary.bids.names import split_name


@dataclass(frozen=True, slots=True)
class Level:
    """The files of one folder that apply to a file: `path` is the one that counts, "" where BIDS can't tell which."""

    path: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    folder: str
    pairs: frozenset[tuple[str, str]]
    extension: str
    path: str


def _entry(path: str, suffix: str) -> _Entry | None:
    folder, _, name = path.rpartition("/")
    parts = split_name(name)
    if not suffix or parts.suffix != suffix:
        return None
    return _Entry(folder, frozenset(parts.pairs), parts.extension, path)


class Heritage:
    """The files of a dataset, or of one subject and of all, by suffix: which of them apply to another file."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths: dict[str, list[str]] = {}
        for path in paths:
            name = path[path.rfind("/") + 1 :].partition(".")[0]
            self._paths.setdefault(name[name.rfind("_") + 1 :], []).append(path)
        self._found: dict[str, Sequence[_Entry]] = {}

    def _of(self, suffix: str) -> Sequence[_Entry]:
        """The files with a suffix; few suffixes of a large dataset are asked for at its top."""
        if suffix not in self._found:
            self._found[suffix] = [entry for path in self._paths.get(suffix, ()) if (entry := _entry(path, suffix))]
        return self._found[suffix]

    def above(
        self,
        path: str,
        extensions: Iterable[str],
        *,
        suffix: str = "",
        inherit: bool = True,
        also: frozenset[str] = frozenset(),
    ) -> Iterator[Level]:
        """The files with an extension that apply to `path`, from its own folder to the top.

        `suffix` is by default that of `path`; `also` are keys that an applying file may have although `path` has not.
        Without `inherit` only its own folder counts.
        """
        folder, _, name = path.rpartition("/")
        parts = split_name(name)
        own = frozenset(parts.pairs)
        levels: dict[str, list[_Entry]] = {}
        for entry in self._of(suffix or parts.suffix):
            if (
                entry.extension in extensions
                and (entry.folder == folder or (inherit and _is_above(entry.folder, folder)))
                and all(pair in own or pair[0] in also for pair in entry.pairs)
                and entry.path != path
            ):
                levels.setdefault(entry.folder, []).append(entry)
        for _, entries in sorted(levels.items(), key=lambda level: -len(level[0])):
            exact = entries if len(entries) == 1 else [entry for entry in entries if entry.pairs == own]
            yield Level(exact[0].path if exact else "", tuple(entry.path for entry in entries))

    def below(self, path: str, *, also: frozenset[str] = frozenset()) -> bool:
        """Whether a file applies to any other that is no JSON file: one with its suffix and all of its pairs."""
        folder, _, name = path.rpartition("/")
        parts = split_name(name)
        own = frozenset(pair for pair in parts.pairs if pair[0] not in also)
        return any(
            own <= entry.pairs and entry.extension not in _COMPANIONS and _is_above(folder, entry.folder)
            for entry in self._of(parts.suffix)
        )


_COMPANIONS = (".json", ".bval", ".bvec")


def _is_above(folder: str, other: str) -> bool:
    """Whether a folder is another one, or lies above it."""
    return not folder or folder == other or other.startswith(f"{folder}/")
