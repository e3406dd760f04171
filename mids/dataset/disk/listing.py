"""Millions of files in little memory: those of derivatives, which are counted and seldom asked for, lie packed."""

import zlib
from bisect import bisect_left
from collections.abc import Collection, ItemsView, Iterable, Iterator, Mapping

OPEN = ("derivatives/rois/", "derivatives/labels/", "derivatives/ehr/", "derivatives/provenance/")
"""Folders of derivatives whose files are looked into."""


def is_packed(folder: str) -> bool:
    """Whether the files of a folder are packed: it lies below that of a pipeline, `derivatives/<pipeline>/…`."""
    return folder.startswith("derivatives/") and folder.count("/") > 1 and not f"{folder}/".startswith(OPEN)


class Files(Mapping[str, int]):
    """The size in bytes of each file by its path: `unpacked` ones first, sorted, then folder by folder."""

    def __init__(self, unpacked: Mapping[str, int], packed: Mapping[str, bytes], count: int) -> None:
        self.unpacked, self._packed, self._count = unpacked, packed, count
        self._last: tuple[str, Mapping[str, int]] = ("", {})

    def __getitem__(self, path: str) -> int:
        size = self._find(path)
        if size is None:
            raise KeyError(path)
        return size

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._find(path) is not None

    def __iter__(self) -> Iterator[str]:
        for path, _ in self.pairs():
            yield path

    def __len__(self) -> int:
        return len(self.unpacked) + self._count

    def items(self) -> ItemsView[str, int]:
        """Paths with their sizes."""
        return _Items(self)

    def pairs(self) -> Iterator[tuple[str, int]]:
        """Paths with their sizes, each folder unpacked once."""
        yield from self.unpacked.items()
        for folder in sorted(self._packed):
            for name, size in self._folder(folder).items():
                yield f"{folder}/{name}", size

    def of(self, folders: Iterable[str]) -> Mapping[str, int]:
        """Paths with their sizes of some packed folders."""
        return {f"{folder}/{name}": size for folder in sorted(folders) for name, size in self._folder(folder).items()}

    @property
    def packed(self) -> Collection[str]:
        """The packed folders."""
        return self._packed.keys()

    def _find(self, path: str) -> int | None:
        size = self.unpacked.get(path)
        if size is None and self._packed:
            folder, _, name = path.rpartition("/")
            size = self._folder(folder).get(name) if folder in self._packed else None
        return size

    def _folder(self, folder: str) -> Mapping[str, int]:
        """The files of a packed folder; those of the last one are kept, for they are asked for one after the other."""
        if self._last[0] != folder:
            words = zlib.decompress(self._packed[folder]).decode("utf-8", "surrogateescape").split("\0")
            self._last = folder, dict(zip(words[::2], map(int, words[1::2]), strict=True))
        return self._last[1]


class _Items(ItemsView[str, int]):
    def __init__(self, files: Files) -> None:
        super().__init__(files)
        self._files = files

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return self._files.pairs()


def pack(files: Mapping[str, int]) -> bytes:
    """The names and sizes of the files of a folder as few bytes."""
    text = "\0".join(f"{name}\0{size}" for name, size in sorted(files.items()))
    return zlib.compress(text.encode("utf-8", "surrogateescape"), 1)


class Stems:
    """The extensions of the files that share a path up to the first dot of their name."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = sorted(paths)
        self._last: tuple[str, frozenset[str]] = ("", frozenset())

    def __getitem__(self, stem: str) -> frozenset[str]:
        # Files of one stem come one after the other, and are asked for several times.
        if stem != self._last[0]:
            self._last = stem, frozenset(self._find(stem))
        return self._last[1]

    def _find(self, stem: str) -> Iterator[str]:
        paths, start = self._paths, f"{stem}."
        at = bisect_left(paths, stem)
        if at < len(paths) and paths[at] == stem:
            yield ""
        at = bisect_left(paths, start, at)
        while at < len(paths) and paths[at].startswith(start):
            if "/" not in (extension := paths[at][len(stem) :]):
                yield extension
            at += 1
