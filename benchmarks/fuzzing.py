"""Damages what users and programs hand over, and counts what ends in anything but a value or one clear line.

    python -m benchmarks.fuzzing --count 2000

Tables of corrections (text and workbook), policies, exports of MD.ai, outlines of AIM, RAR archives and the journal
beside a dataset. Bytes are changed, cut, repeated and exchanged for ones that mean something; in JSON and YAML also
single values. `DataError` and `MidsError` are clear lines; everything else is a fault of the program (exit code 3).
"""

import argparse
import json
import random
import shutil
import sqlite3
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import yaml

from example_datasets.generators import radiograph
from example_datasets.generators.dicomfile import encode
from example_datasets.generators.rar5 import Member, archive
from mids.conversion import convert
from mids.deid import keys, policy
from mids.errors import DataError, MidsError
from mids.readers.annotations import aim, mdai
from mids.readers.archives.files import contents
from mids.readers.given import curation
from mids.records import Source

_ROOT = Path(__file__).resolve().parent.parent / "example_datasets/sources"
_ROWS = "file\tfield\told\tnew\twho\twhy\na/1\tredact\t\t0,0,9,9\tR\tseen\nb/1\tbody_part\tchest\tabdomen\tR\tx\n"
_POLICY = """profile: basic
times: remove
options: [clean_graphics]
ids: keyed
overrides: [{attribute: StationName, action: K, reason: needed}]
"""
_PIECES = (
    b"", b"\0", b"\xff\xfe", b"\t", b"\n", b'"', b"'", b"{", b"[", b"]", b"-1", b"1e999", b"NaN", b"null", b"true",
    b"&a;", b"<", b">", b"999999999999999999999", b"\xc3\xa9", b"\xf0\x9f\x98\x80", b": ", b"- ", b"!!python/x ",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    float("inf"),
    float("nan"),
    "",
    "x",
    "\0",
    [],
    [[]],
    {},
    {"a": [1]},
    [None],
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of input: whole examples, how one is damaged besides byte by byte, and the door that reads it."""

    examples: tuple[bytes, ...]
    read: Callable[[bytes, Path], object]
    parse: Callable[[bytes], Any] | None = None
    dump: Callable[[Any], bytes] | None = None


def _workbook() -> bytes:
    book = openpyxl.Workbook()
    for line in _ROWS.splitlines():
        book.active.append(line.split("\t"))
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def _read_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    def door(data: bytes, folder: Path) -> object:
        (folder / name).write_bytes(data)
        return read(folder / name)

    return door


def _read_archive(data: bytes, folder: Path) -> object:
    (folder / "a.rar").write_bytes(data)
    return [len(stream.read()) for _, stream in contents(folder, Source("a.rar", "", len(data), 1))]


def kinds() -> Mapping[str, Kind]:
    """What is damaged, by its name."""
    export = (_ROOT / "midrc-ricord-1c/input/1c_mdai_annotations_labelgroup_all.json").read_bytes()
    outlines = (_ROOT / "bimcv-covid19/input/derivatives/rois/roi_1.xml").read_bytes()
    files = [Member("a", encode(radiograph.cr_pa())), Member("b/c", b"text" * 100)]
    texts = (_ROWS.encode(), _ROWS.encode("utf-16"), _ROWS.replace("\t", ";").encode())
    return {
        "curation": Kind(texts, _read_file("c.tsv", curation.read)),
        "xlsx": Kind((_workbook(),), _read_file("c.xlsx", curation.read)),
        "policy": Kind((_POLICY.encode(),), _read_file("p.yaml", policy.load), yaml.safe_load, _as_yaml),
        "mdai": Kind((export,), lambda data, _: mdai.read_export(BytesIO(data), "x"), json.loads, _as_json),
        "aim": Kind((outlines,), lambda data, _: aim.read(data)),
        "rar": Kind((archive(files),), _read_archive),
    }


def _as_yaml(value: Any) -> bytes:
    return yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "replace")


def _as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def damage(kind: Kind, chance: random.Random) -> bytes:
    """An example with one to five faults."""
    data = chance.choice(kind.examples)
    if kind.parse and kind.dump and chance.random() < 0.6:
        value = kind.parse(data)
        for _ in range(chance.randint(1, 3)):
            value = _with_other_value(value, chance)
        return kind.dump(value)
    found = bytearray(data)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(found) + 1)
        end = min(len(found), at + chance.choice((0, 1, 1, 4, 40)))
        how = chance.randrange(4)
        found[at:end] = (
            chance.choice(_PIECES) if how < 2 else bytes(chance.randrange(256) for _ in range(end - at)) if how == 2
            else found[at:end] * 2
        )  # fmt: skip
        if chance.random() < 0.05:
            del found[chance.randrange(len(found) + 1) :]
    return bytes(found)


def _with_other_value(value: Any, chance: random.Random) -> Any:
    """The value with another one at a place anywhere in it."""
    if not value or not isinstance(value, dict | list) or chance.random() < 0.1:
        return chance.choice(_VALUES)
    if isinstance(value, dict):
        key = chance.choice([*value])
        if chance.random() < 0.1:
            return {name: inner for name, inner in value.items() if name != key}
        return {**value, key: _with_other_value(value[key], chance)}
    at = chance.randrange(len(value))
    return [*value[:at], _with_other_value(value[at], chance), *value[at + 1 :]]


def fuzz(name: str, count: int, seed: int, folder: Path) -> Iterator[str]:
    """Where the program was wrong, as the last frames and the kind of the exception."""
    kind = kinds()[name]
    for number in range(count):
        data = damage(kind, random.Random(f"{name} {seed + number}"))
        try:
            kind.read(data, folder)
        except (DataError, MidsError):
            continue
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            yield f"{name} {seed + number}: {type(error).__name__} in {Path(last.filename).name}:{last.lineno}"


def fuzz_journal(count: int, seed: int, folder: Path) -> Iterator[str]:
    """The same for the journal: values of its rows, and bytes of its file, before a run goes on."""
    source, dest = folder / "source", folder / "dest"
    source.mkdir()
    (source / "a").write_bytes(encode(radiograph.cr_pa()))
    keys.create(folder / "key")
    convert("dicom", source, dest, key=folder / "key")
    state = Path(f"{dest}.mids")
    shutil.copytree(dest, folder / "whole")
    shutil.copytree(state, folder / "state")
    for number in range(count):
        for place, whole in ((dest, folder / "whole"), (state, folder / "state")):
            shutil.rmtree(place)
            shutil.copytree(whole, place)
        _damage_journal(state / "journal.sqlite", random.Random(f"journal {seed + number}"))
        try:
            done = convert("dicom", source, dest)
            wrong = "exit code 3" if done.exit_code == 3 else ""
        except (DataError, MidsError):
            continue
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            wrong = f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
        if wrong:
            yield f"journal {seed + number}: {wrong}"


def _damage_journal(path: Path, chance: random.Random) -> None:
    if chance.random() < 0.4:
        found = bytearray(path.read_bytes())
        for _ in range(chance.randint(1, 40)):
            found[chance.randrange(len(found))] = chance.randrange(256)
        path.write_bytes(found[: len(found) if chance.random() < 0.8 else chance.randrange(len(found))])
        return
    with closing(sqlite3.connect(path, isolation_level=None)) as journal:
        tables = [name for (name,) in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for _ in range(chance.randint(1, 3)):
            table = chance.choice(tables)
            columns = [row[1] for row in journal.execute(f"PRAGMA table_info({table})")]
            value = chance.choice(
                [b"\xff\xfe", "", "x", "[]", "{}", "[[1]]", '{"a": 1}', -1, 2**62, 1.5, "../x", "nul\0l"]
            )
            try:
                journal.execute(f"UPDATE {table} SET {chance.choice(columns)} = ?", (value,))
            except sqlite3.Error:
                continue


def main() -> None:
    """Damages each kind, and prints how many examples it met and where the program was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=[*kinds(), "journal"])
    given = parser.parse_args()
    for name in given.kinds:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            few = max(1, given.count // 20)
            wrong = [*fuzz_journal(few, given.seed, Path(folder))] if name == "journal" else [
                *fuzz(name, given.count, given.seed, Path(folder))
            ]  # fmt: skip
        places = Counter(line.split(": ", 1)[1] for line in wrong)
        count = few if name == "journal" else given.count
        print(f"{name}: {count} examples, {len(wrong)} faults, {time.monotonic() - began:.0f} s", flush=True)
        for place, number in places.most_common():
            print(f"  {number} × {place}, such as {next(line for line in wrong if line.endswith(place))}")


if __name__ == "__main__":
    main()
