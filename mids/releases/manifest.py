"""The manifest of a release: size and SHA-256 of every file, and whether a copy is complete.

A manifest is a table (`filename`, `size` in bytes, `sha256`), sorted by path, and a JSON file of the same name beside
it that says of what release it is and what the table's own SHA-256 is. Both lie in the dataset, and not in the table.
"""

import hashlib
import json
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from mids.dataset.disk.folder import DESCRIPTION
from mids.dataset.disk.progress import watched
from mids.errors import MidsError
from mids.records import Json

NAME = "derivatives/provenance/manifest.tsv"
"""Where the manifest of a dataset lies."""
HEADER = "filename\tsize\tsha256"
LEFT_OUT = frozenset({".git", ".datalad", ".svn", ".hg", "__pycache__", ".DS_Store"})
"""Folders and files of systems, which are of a copy, not of a release."""
BLOCK = 1 << 18
"""Bytes that are read at a time: what was read is still in the cache of the processor when it is hashed."""
BATCH, BATCH_BYTES = 64, 1 << 24
"""Files that a thread takes at a time, and bytes after which it takes no more: small ones cost less than handing them
over, large ones are shared out one by one.
"""
WAITING = 4
"""Batches under way for each thread: memory does not grow with the dataset."""


T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a release: POSIX path from its root, size in bytes, SHA-256 as hexadecimal digits."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """What a manifest says of its release: name, version and DOI where known, and how many files of how many bytes."""

    name: str
    version: str
    doi: str
    files: int
    bytes: int


# --- files -----------------------------------------------------------------------------------------------


def walk_files(root: Path, shut: Callable[[str, OSError], None], *, leave: Iterable[str] = ()) -> Iterator[str]:
    """Every file below `root` by its POSIX path, in the order of folders; links to folders are not followed.

    `leave` are paths that are left out, as what `LEFT_OUT` names is; `shut` is told of folders that can't be listed.
    """
    left = set(leave)
    stack = [""]
    while stack:
        folder = stack.pop()
        try:
            with os.scandir(root / folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            shut(folder or ".", error)
            continue
        for entry in found:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name in LEFT_OUT or path in left:
                continue
            if entry.is_dir(follow_symlinks=False):
                stack.append(path)
            else:
                yield path


def digest_file(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file, read once from its begin to its end. Raises `OSError`."""
    digest, size = hashlib.sha256(), 0
    block = memoryview(bytearray(BLOCK))
    with path.open("rb", buffering=0) as stream:
        while count := stream.readinto(block):
            digest.update(block[:count])
            size += count
    return size, digest.hexdigest()


def entries(root: Path, paths: Iterable[str], *, threads: int) -> Iterator[Entry | tuple[str, OSError]]:
    """The entries of files in the order of `paths`, read by some threads; of one that can't be read its error."""

    def look(path: str) -> Entry | tuple[str, OSError]:
        try:
            return Entry(path, *digest_file(root / path))
        except OSError as error:
            return path, error

    def weigh(path: str) -> int:
        try:
            return os.stat(root / path).st_size  # noqa: PTH116 - text is faster than Path
        except OSError:  # reading it will say so
            return 0

    yield from in_threads(look, paths, threads, weigh)


def in_threads(look: Callable[[T], R], items: Iterable[T], threads: int, weigh: Callable[[T], int]) -> Iterator[R]:
    """`look` over items in their order, in batches on some threads; few are under way at a time.

    `weigh` gives the bytes that looking at an item reads.
    """
    running: deque[Future[list[R]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for batch in _batches(items, weigh):
                running.append(pool.submit(lambda batch: [look(item) for item in batch], batch))
                if len(running) >= WAITING * threads:
                    yield from running.popleft().result()
            while running:
                yield from running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def _batches(items: Iterable[T], weigh: Callable[[T], int]) -> Iterator[list[T]]:
    batch: list[T] = []
    weight = 0
    for item in items:
        batch.append(item)
        weight += weigh(item)
        if len(batch) >= BATCH or weight >= BATCH_BYTES:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


# --- writing ---------------------------------------------------------------------------------------------


def write(root: Path, *, version: str = "", doi: str = "", threads: int = 2) -> Release:
    """Writes the manifest of a dataset into it, and returns what it says of the release.

    `version` and `doi` are by default the newest of CHANGES and the description's. Raises `MidsError` where a file
    can't be read, or its name can't stand in a table.
    """
    about = _description(root)
    table = root / NAME
    paths = sorted(walk_files(root, _refuse, leave=(NAME, _beside(NAME))))
    if odd := next((path for path in paths if re.search(r"[\t\r\n]", path) or not _is_utf8(path)), ""):
        raise MidsError(f"{odd!a}: this name can't stand in a table: rename the file")
    provenance = table.parent / DESCRIPTION
    try:
        if not provenance.exists():
            table.parent.mkdir(parents=True, exist_ok=True)
            content = {
                "Name": f"{about['name']}: provenance", "BIDSVersion": about["bids"], "DatasetType": "derivative",
                "GeneratedBy": [{"Name": "mids", "Description": "mids release"}],
            }  # fmt: skip
            provenance.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
            paths = sorted({*paths, provenance.relative_to(root).as_posix()})
        half = table.with_name(f".{table.name}.half")
        with half.open("w", encoding="utf-8", newline="\n") as stream:
            count, size = _write_rows(root, paths, stream.write, threads)
        half.replace(table)
        release = Release(about["name"], version or _newest(root), doi or about["doi"], count, size)
        _write_head(table, release)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MidsError(f"can't write {table} ({reason}): check permissions and free space") from error
    return release


def _refuse(path: str, error: OSError) -> NoReturn:
    raise MidsError(f"can't read {path} ({error.strerror}): a release holds every file; restore or remove it")


def _write_rows(root: Path, paths: list[str], put: Callable[[str], object], threads: int) -> tuple[int, int]:
    """Writes the rows of the table; returns how many there are, and the sum of their bytes."""
    size = 0
    put(f"{HEADER}\n")
    for entry in watched(entries(root, paths, threads=threads), "files digested", len(paths)):
        if isinstance(entry, tuple):
            _refuse(*entry)
        put(f"{entry.path}\t{entry.size}\t{entry.sha256}\n")
        size += entry.size
    return len(paths), size


def _write_head(table: Path, release: Release) -> None:
    """Writes the JSON file beside the table."""
    content = {
        "Name": release.name, "Version": release.version, "DatasetDOI": release.doi, "Files": release.files,
        "Bytes": release.bytes, "SHA256": digest_file(table)[1],
        "filename": {"Description": "A file of the release; relative to the dataset"},
        "size": {"Description": "Its size", "Units": "By"},
        "sha256": {"Description": "SHA-256 of its bytes"},
    }  # fmt: skip
    kept = {key: value for key, value in content.items() if value != ""}
    path = table.with_suffix(".json")
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def _beside(path: str) -> str:
    return path.removesuffix(".tsv") + ".json"


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _description(root: Path) -> dict[str, str]:
    """Name, BIDS version and DOI of a dataset, "" where unknown. Raises `MidsError` where it is none."""
    path = root / DESCRIPTION
    if not path.is_file():
        raise MidsError(f"{root} has no {DESCRIPTION}: give the folder of a dataset")
    try:
        content: Json = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MidsError(f"can't read {path}: run mids-validate first") from error
    said = content if isinstance(content, dict) else {}
    return {
        key: str(said.get(name) or "")
        for key, name in (("name", "Name"), ("bids", "BIDSVersion"), ("doi", "DatasetDOI"))
    }


def _newest(root: Path) -> str:
    """The version of the newest entry of CHANGES (BIDS: the first one), "" where there is none."""
    path = root / "CHANGES"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return next((line.split()[0] for line in lines if line[:1].strip() and line[:1].isalnum()), "")


# --- reading ---------------------------------------------------------------------------------------------


def read(table: Path) -> tuple[Release, Iterator[Entry]]:
    """What a manifest says of its release, and its entries.

    Raises `MidsError` where there is none, or it is damaged: its own SHA-256 differs, or a row is none.
    """
    head = table.with_suffix(".json")
    try:
        said: Json = json.loads(head.read_text(encoding="utf-8")) if head.is_file() else {}
        if isinstance(said, dict) and said.get("SHA256", found := digest_file(table)[1]) != found:
            raise MidsError(f"{table} differs from what {head.name} says of it: download both again")
    except FileNotFoundError as error:
        raise MidsError(f"there is no manifest {table}: make it (mids release), or give --manifest") from error
    except OSError as error:
        raise MidsError(f"can't read the manifest {table} ({error.strerror}): give another with --manifest") from error
    except ValueError as error:
        raise MidsError(f"can't read {head}: download it again") from error
    about = said if isinstance(said, dict) else {}
    files, size = (about.get(key) for key in ("Files", "Bytes"))
    name, version, doi = (str(about.get(key) or "") for key in ("Name", "Version", "DatasetDOI"))
    release = Release(
        name,
        version,
        doi,
        files=files if isinstance(files, int) else 0,
        bytes=size if isinstance(size, int) else 0,
    )
    return release, _rows(table)


def _rows(table: Path) -> Iterator[Entry]:
    with table.open(encoding="utf-8", newline="\n") as stream:
        if stream.readline().rstrip("\r\n") != HEADER:
            raise MidsError(f"{table} is not a manifest: its first line must be {HEADER.replace(chr(9), ', ')}")
        for number, line in enumerate(stream, start=2):
            cells = line.rstrip("\r\n").split("\t")
            if len(cells) != 3 or not cells[1].isdecimal() or not re.fullmatch("[0-9a-f]{64}", cells[2]):
                raise MidsError(f"{table}, line {number}: this is not a row of a manifest")
            if cells[0].startswith("/") or ".." in cells[0].split("/"):
                raise MidsError(f"{table}, line {number}: the path leads out of the dataset")
            yield Entry(cells[0], int(cells[1]), cells[2])
