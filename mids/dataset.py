"""A MIDS dataset on disk as tables and arrays: read-only, nothing is read before it is asked for.

Every value of every table is a string ("01" stays "01"), as the dtype `string` of pandas; what a table leaves
empty or calls `n/a` is `pandas.NA`, and so is what a name does not say.
"""

import json
import logging
import os
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pandas as pd
from nibabel.filebasedimages import ImageFileError
from PIL import Image, UnidentifiedImageError

from mids.errors import DataError, MidsError
from mids.names import parse
from mids.records import Json
from mids.schema import Schema, load

_log = logging.getLogger(__name__)

DESCRIPTION = "dataset_description.json"

Ref: TypeAlias = "str | pd.Series[Any]"
"""One image: its `filename` (relative to the dataset, POSIX), or its row of `Dataset.images`."""

Choice: TypeAlias = "str | Collection[str] | None"
"""One value, several of which any will do, or None for all."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A NIfTI image.

    `data` is (columns, rows, slices) or (columns, rows, slices, volumes) in the order of the file, scaled as its
    header says (CT: Hounsfield units). `affine` (4, 4) takes voxel indices to millimetres, +x right, +y
    anterior, +z superior (NIfTI-1 standard).
    """

    data: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A PNG image: `data` is (rows, columns), uint8 or uint16, or (rows, columns, 3), uint8, red green blue."""

    data: npt.NDArray[np.uint8 | np.uint16]


class Dataset:
    """A MIDS dataset, or one of its `derivatives/` folders, on disk.

    Tables are kept after their first use: take a copy before you change one. Files added later are not seen.

    Raises `MidsError` where `path` is no folder or holds no dataset_description.json.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise MidsError(f"{self.path} is no folder: give the folder of a dataset")
        if not (self.path / DESCRIPTION).is_file():
            raise MidsError(f"{self.path} holds no {DESCRIPTION}: give the top folder of a dataset")
        self._schema = load()

    def __repr__(self) -> str:
        return f"Dataset({str(self.path)!r})"

    @cached_property
    def description(self) -> Mapping[str, Json]:
        """The content of dataset_description.json; `DataError` (JSON_INVALID) where it is no JSON object."""
        return self._json(DESCRIPTION)

    @property
    def name(self) -> str:
        """The dataset's Name, or its folder's where it has none."""
        return str(self.description.get("Name") or self.path.resolve().name)

    # --- tables ---

    def table(self, path: str) -> pd.DataFrame:
        """Any TSV file of the dataset, by its dataset-relative POSIX path.

        Quotation marks are characters like any other (BIDS); a column's second name gets a number ("age.1").
        Raises `MidsError` where there is no such file, `DataError` (TABLE_ENCODING, TABLE_RAGGED) for its text.
        """
        return read_table(self._file(path), path)

    @cached_property
    def participants(self) -> pd.DataFrame:
        """participants.tsv; empty where it is absent."""
        rows = self._rows("participants.tsv", "participant_id") if self._has("participants.tsv") else ()
        named = ({**row, "participant_id": _prefixed("sub-", row["participant_id"])} for row in rows)
        return _frame(named, ["participant_id"])

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """All sub-*_sessions.tsv, one below the other, each row with its `participant_id`."""
        rows = (
            {**row, "participant_id": path.split("/")[0], "session_id": _prefixed("ses-", row["session_id"])}
            for path in self._ending("_sessions.tsv")
            for row in self._rows(path, "session_id")
        )
        return _frame(rows, ["participant_id", "session_id"])

    @cached_property
    def scans(self) -> pd.DataFrame:
        """All *_scans.tsv, one below the other, with `filename` relative to the dataset.

        A `filename` without its folder, as in BIMCV-COVID19+, is completed where the file is in that session.
        """
        rows = (
            {**row, "filename": self._scan(path.rpartition("/")[0], row["filename"])}
            for path in self._ending("_scans.tsv")
            for row in self._rows(path, "filename")
            if row["filename"]
        )
        return _frame(rows, ["filename"])

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row for each image of the subjects' folders, ordered by `filename`, with all that is known of it.

        Columns: `filename` (relative to the dataset, POSIX); `participant_id` and `session_id` as in all
        tables; the entities of the vocabulary by their short keys (those that any image has, and always
        sub ses run bp lat vp), legacy spellings in modern terms; `suffix`; `group` (rx, ct, …; NA in plain BIDS
        folders); `datatype` (the BIDS folder, or NA); `extension`; then the columns of the scans, sessions and
        participants tables. A column whose name is taken gets a prefix: `scan_`, `session_`, `participant_`.
        So `age` is that at the session where sessions.tsv has it. An image whose name can't be parsed has
        nothing but its place, and a table that can't be read is left out with a logged warning.
        """
        found = [_described(path, extension, self._schema) for path, extension in self._image_files]
        used = {"sub", "ses", "run", "bp", "lat", "vp"}.union(*found)
        entities = [key for key in self._schema.entities if key in used]
        columns = ["filename", "participant_id", "session_id", *entities, *_PLACE]
        images = _frame(found, columns)
        images = _joined(images, self.scans, ["filename"], "scan")
        images = _joined(images, self.sessions, ["participant_id", "session_id"], "session")
        return _joined(images, self.participants, ["participant_id"], "participant")

    def select(
        self, *, modality: Choice = None, suffix: Choice = None, bp: Choice = None, vp: Choice = None,
        subject: Choice = None, session: Choice = None,
    ) -> pd.DataFrame:  # fmt: skip
        """The rows of `images` that meet every criterion; of several values for one, any will do.

        `modality` is a group (rx, ct, mr, us, nm, op, light) or a DICOM Modality (CR, DX, PT, …), and is
        decided by the suffix. `bp` and `vp` may be spelled in any way that the code lists know (TÓRAX, PA);
        `subject` and `session` may have their sub- and ses-. Raises `MidsError` for an unknown modality.
        """
        criteria: Sequence[tuple[str, Choice, Callable[[str], Collection[str]]]] = (
            ("suffix", modality, self._suffixes),
            ("suffix", suffix, lambda value: [value]),
            ("bp", bp, lambda value: [self._code("bp", value)]),
            ("vp", vp, lambda value: [self._code("vp", value)]),
            ("sub", subject, lambda value: [value.removeprefix("sub-")]),
            ("ses", session, lambda value: [value.removeprefix("ses-")]),
        )
        rows = self.images
        for column, choice, meant in criteria:
            if choice is not None:
                values = (choice,) if isinstance(choice, str) else choice
                rows = rows[rows[column].isin([word for value in values for word in meant(value)])]
        return rows.reset_index(drop=True)

    # --- one image ---

    def sidecar(self, image: Ref) -> dict[str, Json]:
        """What is known of an image: its JSON, laid over the less specific ones in the folders above.

        A JSON file applies where its suffix is the image's and the image has all its entities (BIDS inheritance
        principle). Empty where no file applies. Raises `MidsError` where there is no such image, `DataError`
        (JSON_INVALID) where a file that applies is no JSON object.
        """
        path = self._image(image)
        entities, suffix = _tokens(path)
        content: dict[str, Json] = {}
        for folder in reversed(PurePosixPath(path).parents):
            names = [(*_tokens(file.name), file.name) for file in (self.path / folder).glob("*.json")]
            applying = [(len(said), name) for said, last, name in names if last == suffix and said <= entities]
            for _, name in sorted(applying):
                content.update(self._json((folder / name).as_posix()))
        return content

    def load(self, image: Ref) -> Volume | Picture:
        """The pixels of an image: a `Volume` for NIfTI, a `Picture` for PNG.

        Raises `MidsError` where there is no such image or its format is neither, `DataError` (NIFTI_INVALID,
        PNG_INVALID) where the file is broken.
        """
        path = self._image(image)
        if path.endswith((".nii.gz", ".nii")):
            return _volume(self.path / path, path)
        if path.casefold().endswith(".png"):
            return _picture(self.path / path, path)
        raise MidsError(f"{path} is neither NIfTI nor PNG: open it with a library for its format")

    # --- files ---

    @cached_property
    def _files(self) -> Sequence[str]:
        """The files below the subjects' folders, dataset-relative and sorted, without hidden ones."""
        found = []
        for top in sorted(self.path.glob("sub-*")):
            for folder, folders, files in os.walk(top):
                folders[:] = [name for name in folders if not name.startswith(".")]
                place = Path(folder).relative_to(self.path).as_posix()
                found += [f"{place}/{name}" for name in files if not name.startswith(".")]
        return sorted(found)

    @cached_property
    def _image_files(self) -> Sequence[tuple[str, str]]:
        """Path and extension of every image."""
        found = [(path, _IMAGE.search(path)) for path in self._files]
        return [(path, match[0]) for path, match in found if match]

    @cached_property
    def _by_basename(self) -> Mapping[str, Sequence[str]]:
        """The images of each file name."""
        found: dict[str, list[str]] = {}
        for path, _ in self._image_files:
            found.setdefault(path.rpartition("/")[2], []).append(path)
        return found

    def _ending(self, end: str) -> Iterator[str]:
        return (path for path in self._files if path.endswith(end))

    def _has(self, path: str) -> bool:
        return (self.path / path).is_file()

    def _file(self, path: str) -> Path:
        """The file at a dataset-relative path; `MidsError` where there is none."""
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or not self._has(path):
            raise MidsError(f"{path} is no file of the dataset: give a path relative to its top folder")
        return self.path / path

    def _image(self, image: Ref) -> str:
        path = image if isinstance(image, str) else str(image["filename"])
        self._file(path)
        return path

    def _json(self, path: str) -> dict[str, Json]:
        try:
            content = json.loads((self.path / path).read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise DataError("JSON_INVALID", f"{path} is no JSON object")
        return content

    def _rows(self, path: str, key: str) -> Sequence[Mapping[str, str]]:
        """The rows of a table whose first column is `key`, whatever it is called; none where it is broken."""
        try:
            header, rows = _read_table(self.path / path, path)
        except DataError as error:
            _log.warning("left out: %s", error)
            return []
        if header and key not in header:
            return [{**row, key: row[header[0]]} for row in rows]
        return rows

    def _scan(self, folder: str, filename: str) -> str:
        """The dataset-relative path that a scans.tsv in `folder` means."""
        path = (PurePosixPath(folder) / filename).as_posix()
        places = self._by_basename.get(path.rpartition("/")[2], ())
        here = [place for place in places if place.startswith(folder + "/")]
        return here[0] if path not in here and len(here) == 1 else path

    # --- criteria ---

    def _suffixes(self, modality: str) -> set[str]:
        """The suffixes of a group or a DICOM Modality."""
        known = self._schema.suffixes.values()
        found = {s.suffix for s in known if s.group == modality.lower() or modality.upper() in s.modalities}
        if not found:
            groups = " ".join(self._schema.groups)
            raise MidsError(f"modality {modality}: give a DICOM Modality or one of {groups}")
        return found

    def _code(self, key: str, value: str) -> str:
        return self._schema.code_lists[self._schema.entities[key].code_list].find(value) or value


_PLACE = ("suffix", "group", "datatype", "extension")
_IMAGE = re.compile(r"\.(nii\.gz|nii|png|ome\.tif|ome\.btf|tif)$", re.IGNORECASE)


def _described(path: str, extension: str, schema: Schema) -> dict[str, str]:
    """What the path of an image says, by the columns of `Dataset.images`."""
    name = parse(path, schema).name
    if name is None:
        folders = [folder.partition("-") for folder in path.split("/")[:2]]
        values = {key: value for key, _, value in folders if key in ("sub", "ses")}
    else:
        values = dict(name.entities) | {"suffix": name.suffix, "group": name.group, "datatype": name.datatype}
    ids = {"participant_id": f"sub-{values['sub']}"}
    if "ses" in values:
        ids["session_id"] = f"ses-{values['ses']}"
    return {"filename": path, **ids, **values, "extension": extension}


def _prefixed(prefix: str, label: str) -> str:
    """An id with the prefix that BIDS wants and published tables leave out at times."""
    return label if label.startswith(prefix) or not label else prefix + label


def _tokens(path: str) -> tuple[frozenset[str], str]:
    """The entities of a file name as they stand there, and the suffix."""
    *entities, suffix = path.rpartition("/")[2].partition(".")[0].split("_")
    return frozenset(entities), suffix


# --- tables ----------------------------------------------------------------------------------------------


def read_table(path: Path, shown: str = "") -> pd.DataFrame:
    """A TSV file as `Dataset.table` reads it; `shown` is what errors call it."""
    header, rows = _read_table(path, shown or path.name)
    return _frame(rows, header)


def _read_table(path: Path, shown: str) -> tuple[list[str], list[dict[str, str]]]:
    """Header and rows of a TSV file; a missing value is "", a short row ends in missing values."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise DataError("TABLE_ENCODING", f"{shown} is not UTF-8") from None
    header = _unique(lines[0].split("\t")) if lines[0] else []
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        cells = ["" if cell == "n/a" else cell for cell in line.split("\t")]
        if len(cells) > len(header):
            if line.strip():
                raise DataError("TABLE_RAGGED", f"{shown}, line {number}: more cells than the header has")
            continue
        if line:
            rows.append(dict.fromkeys(header, "") | dict(zip(header, cells, strict=False)))
    return header, rows


def _unique(names: Iterable[str]) -> list[str]:
    """The names, each later one of several equal ones with a number behind it."""
    found: list[str] = []
    for name in names:
        free, count = name, 0
        while free in found:
            count += 1
            free = f"{name}.{count}"
        found.append(free)
    return found


def _frame(rows: Iterable[Mapping[str, str]], first: Sequence[str]) -> pd.DataFrame:
    """Rows as a table of strings with `first` as its first columns; "" and what a row has not is NA."""
    kept = [{key: value for key, value in row.items() if value} for row in rows]
    names = dict.fromkeys([*first, *(key for row in kept for key in row)])
    return pd.DataFrame({name: pd.array([row.get(name) for row in kept], dtype="string") for name in names})


def _joined(images: pd.DataFrame, table: pd.DataFrame, keys: list[str], prefix: str) -> pd.DataFrame:
    """`images` with the other columns of a table, the first row of each key; no image is lost or doubled."""
    names: dict[str, str] = {}
    for column in table.columns.difference(keys, sort=False):
        name = column
        while name in images.columns or name in names.values():
            name = f"{prefix}_{name}"
        names[column] = name
    once = table.dropna(subset=keys).drop_duplicates(keys).rename(columns=names)
    return images.merge(once, how="left", on=keys)


# --- pixels ----------------------------------------------------------------------------------------------


def _volume(path: Path, shown: str) -> Volume:
    try:
        image: Any = nib.load(path)
        return Volume(np.asanyarray(image.dataobj), np.asarray(image.affine, dtype=np.float64))
    except (ImageFileError, OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError("NIFTI_INVALID", f"{shown} can't be read as NIfTI") from error


def _picture(path: Path, shown: str) -> Picture:
    """Grey stays grey with its 8 or 16 bits; palettes are resolved and transparency is dropped."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return Picture(np.array(image.convert(_MODES.get(image.mode, "RGB"))))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, zlib.error) as error:
        raise DataError("PNG_INVALID", f"{shown} can't be read as PNG") from error


_MODES = {"1": "L", "L": "L", "LA": "L", "I;16": "I;16"}
"""What a PNG of each of Pillow's modes is read as; everything else is colour."""
