"""The one object through which a dataset is loaded; what it gives is made by the modules beside it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from mids.dataset import files, labels, laboratory, masks, selection, splits, terms
from mids.dataset.disk.door import DESCRIPTION, Door
from mids.dataset.images import assemble_images, gather_images, participants, scans, sessions
from mids.dataset.index import read_indexed_images
from mids.dataset.pixels import Picture, Volume, load_pixels
from mids.dataset.selection import Choice
from mids.dataset.tables import add_id_prefixes, frame, map_rows_by_key, read_table
from mids.dataset.timeline import timeline
from mids.errors import MidsError
from mids.issues import Issue
from mids.records import Json
from mids.vocabulary.schema import load

Ref: TypeAlias = "str | pd.Series[Any]"
"""One image: its `filename` (relative to the dataset, POSIX), or its row of `Dataset.images` or `Dataset.rois`."""


class Dataset:
    """A MIDS dataset, or one of its `derivatives/` folders, on disk.

    `fields` are keys of sidecars that become columns of `images`. `index` is a Parquet file, outside of the dataset,
    that keeps what names, tables and sidecars say (needs the extra `parquet`). Opening the dataset makes it if absent,
    and updates it for subjects whose files changed in size or time.

    Tables are kept after their first use: take a copy before you change one. Files added later are not seen.

    Raises `MidsError` if `path` is not a folder or holds no dataset_description.json.
    """

    def __init__(self, path: str | Path, *, fields: Sequence[str] = (), index: str | Path | None = None) -> None:
        self.path = Path(path)
        self.door = Door(self.path)
        self._schema = load()
        self._fields = (fields,) if isinstance(fields, str) else tuple(dict.fromkeys(fields))
        self._index = Path(index) if index is not None else None

    def __repr__(self) -> str:
        return f"Dataset({str(self.path)!r})"

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What of the dataset can't be read: folders and links, and of all that was asked for so far broken files."""
        _ = self.door.tree
        return self.door.issues

    @cached_property
    def description(self) -> Mapping[str, Json]:
        """The content of dataset_description.json; `DataError` (JSON_INVALID) where it is no JSON object."""
        return files.read_json(self.door, DESCRIPTION)

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
        return read_table(self.door.place(path), path)

    @cached_property
    def participants(self) -> pd.DataFrame:
        """participants.tsv; empty where it is absent."""
        return participants(self.door)

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """All sub-*_sessions.tsv, one below the other, each row with its `participant_id`."""
        return sessions(self.door, self._files)

    @cached_property
    def scans(self) -> pd.DataFrame:
        """All *_scans.tsv, one below the other, with `filename` relative to the dataset.

        A `filename` without its folder, as in BIMCV-COVID19+, is completed where the file is in that session.
        """
        return scans(self.door, self._files)

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row for each image of the subjects' folders, ordered by `filename`, with all that is known about it.

        Columns: `filename` (relative to the dataset, POSIX); `participant_id` and `session_id` as in all
        tables; the entities of the vocabulary by their short keys (those that any image has, and always
        sub ses run bp lat vp), legacy spellings in modern terms; `suffix`; `group` (rx, ct, …; NA in plain BIDS
        folders); `datatype` (the BIDS folder, or NA); `extension`; then the columns of the scans, sessions and
        participants tables, and the `fields` of sidecars, lists and numbers as JSON. A column whose name is taken
        gets a prefix: `scan_`, `session_`, `participant_`, `sidecar_`. So `age` is that at the session where
        sessions.tsv has it. An image whose name can't be parsed has nothing but its place, and a table or sidecar
        that can't be read is left out, which `issues` tells.
        """
        if self._index is None:
            found = gather_images(self.door, self._files, self._fields, self._schema)
        else:
            found = read_indexed_images(self.door, self._files, self._fields, self._schema, self._index)
        return assemble_images(found, self.participants, self._schema)

    @cached_property
    def labels(self) -> pd.DataFrame:
        """One row for each label of derivatives/labels/labels.tsv; empty where it is absent.

        Columns: participant_id, session_id, filename (NA where a whole session is meant), report_id, reader, source,
        label, and its UMLS `cui`. A cell that is no JSON list is left out, which `issues` tells.
        """
        return labels.expand_labels(self.door, self._rows(labels.LABELS))

    @cached_property
    def tests(self) -> pd.DataFrame:
        """derivatives/ehr/laboratory_tests.tsv: participant_id, date, test, result and more; empty where absent."""
        return frame(map(add_id_prefixes, self._rows(laboratory.TESTS)), laboratory.COLUMNS)

    @cached_property
    def rois(self) -> pd.DataFrame:
        """One row for each segmentation of derivatives/rois, ordered by `filename`, which `load` takes.

        Columns: filename; `image` (that of the image, NA where there is none); participant_id; session_id; `reader`
        (the entity desc); `lookup` (the table that names its values, NA where there is none beside it); entities;
        suffix; group; datatype; extension.
        """
        return masks.masks(self.door, self.images, self._schema)

    def structures(self, roi: Ref) -> dict[int, str]:
        """What the values of a segmentation mean, by the table beside it; empty where there is none."""
        path = self._named(roi)
        lookup = files.IMAGE.sub(".tsv", path)
        return masks.structures(self.path / lookup, lookup) if self.door.holds(lookup) else {}

    @cached_property
    def partitions(self) -> pd.DataFrame:
        """The `split` of each image by derivatives/partitions.tsv, NA where it says none."""
        return splits.read(self.door, self.images, self._schema)

    # --- choices ---

    def select(
        self, *, modality: Choice = None, suffix: Choice = None, bp: Choice = None, vp: Choice = None,
        subject: Choice = None, session: Choice = None, label: Choice = None, split: Choice = None,
        commercial: bool | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """The rows of `images` that meet every criterion; several values for a criterion mean any of them.

        `modality` is a group (rx, ct, mr, us, nm, op, light) or a DICOM Modality (CR, DX, PT, …), and is
        decided by the suffix. `bp` and `vp` may be spelled in any way that the code lists know (TÓRAX, PA);
        `subject` and `session` may have their sub- and ses-. `label` is a word or a CUI of the labels, and stands for
        all that the label tree has below it; an image has the labels of its own rows, and of those of its session
        that name no image. `split` is a part of partitions.tsv. `commercial` keeps images whose licence, or that of
        the dataset where they have none, allows commercial use, or with False all others.

        Raises `MidsError` for an unknown modality, or for a label that the dataset does not have.
        """
        criteria: Sequence[tuple[str, Choice, Callable[[str], Collection[str]]]] = (
            ("suffix", modality, lambda value: selection.suffixes(value, self._schema)),
            ("suffix", suffix, lambda value: [value]),
            ("bp", bp, lambda value: [selection.code("bp", value, self._schema)]),
            ("vp", vp, lambda value: [selection.code("vp", value, self._schema)]),
            ("sub", subject, lambda value: [value.removeprefix("sub-")]),
            ("ses", session, lambda value: [value.removeprefix("ses-")]),
        )
        rows = self.images
        for column, choice, meant in criteria:
            if choice is not None:
                values = [word for value in selection.given(choice) for word in meant(value)]
                rows = rows[rows[column].isin(values)]
        if label is not None:
            rows = rows[labels.find_labelled_images(rows, self._labelled(label))]
        if split is not None:
            codes = self._schema.code_lists["split"]
            wanted = [codes.find(value) or value for value in selection.given(split)]
            known = self.partitions
            rows = rows[rows["filename"].isin(known.loc[known["split"].isin(wanted), "filename"])]
        if commercial is not None:
            is_allowed = terms.commercial_use(rows, self.description).eq("allowed")
            rows = rows[is_allowed if commercial else ~is_allowed]
        return rows.reset_index(drop=True)

    def _labelled(self, label: Choice) -> pd.DataFrame:
        """The rows of `labels` that some labels, or what the tree has below them, stand in."""
        pairs = [(str(word), str(cui)) for word, cui in self.labels[["label", "cui"]].fillna("").values]
        known = set(pairs)
        meant = [labels.concept(value, self._tree, known) for value in selection.given(label)]
        met = {pair for pair in known if any(each.meets(*pair) for each in meant)}
        return self.labels[[pair in met for pair in pairs]]

    @cached_property
    def _tree(self) -> Sequence[Mapping[str, str]]:
        return self._rows(labels.TREE, "label")

    def nearest_tests(self, *, test: Choice = None, result: Choice = None) -> pd.DataFrame:
        """For each image its subject's laboratory test of the nearest day, of some kinds and results only, if given.

        Columns: filename, participant_id, session_id, date, test, result, and `days` (Int64) from the image to the
        test, negative where the test came first. NA where no dated test, or no day of the image, is known.
        """
        tests = self.tests
        for column, choice, listed in (("test", test, "covid_tests"), ("result", result, "results")):
            if choice is not None:
                codes = self._schema.code_lists[listed]
                tests = tests[tests[column].isin([codes.find(value) or value for value in selection.given(choice)])]
        return laboratory.nearest(self.images, tests)

    def timeline(self, participant: str) -> pd.DataFrame:
        """Studies, findings and tests of a subject by day; the columns are those of `mids.dataset.timeline`.

        Columns: `day` (Int64) from the first dated study; `date`; `kind` (study, finding, test); `session_id`;
        `name` and `value`. Undated rows come last. Raises `MidsError` for a subject that the dataset does not have.
        """
        subject = f"sub-{participant.removeprefix('sub-')}"
        own = [table[table["participant_id"] == subject] for table in (self.images, self.tests, self.labels)]
        if not len(own[0]) and subject not in set(self.participants["participant_id"]):
            raise MidsError(f"unknown participant {participant}: choose one of participants.tsv")
        return timeline(*own)

    def splits(
        self, *, fractions: Mapping[str, float] = splits.DEFAULT, seed: int = 0, by: str = "participant",
        stratify: str | Sequence[str] = (), write: bool = False, overwrite: bool = False,
    ) -> pd.DataFrame:  # fmt: skip
        """All images with the part (train, validation, test) that their subject goes to; a subject is never split.

        The same dataset, fractions and seed give the same parts everywhere. Subjects are counted: each part has its
        fraction of them within one, and within two in each stratum of `stratify`, columns of `images` (of several
        values the first that is known counts). With `by`, a column of participants.tsv such as site, subjects of one
        value stay together, and fractions are met as well as that allows. `write` puts the table and its dictionary
        at derivatives/partitions.tsv, where one exists with `overwrite` only.

        Columns: participant_id, session_id, filename, split. Raises `MidsError` for fractions that do not sum to 1,
        an unknown part or column, or a table that may not be written.
        """
        shares = splits.name_fractions(fractions, self._schema)
        columns = [stratify] if isinstance(stratify, str) else list(stratify)
        found = splits.deal_images(self.images, shares, seed, by, columns)
        table = self.images[["participant_id", "session_id", "filename"]].copy()
        table["split"] = table["participant_id"].map(found).astype("string")
        if write:
            how = splits.describe_split(shares, seed, by, columns)
            splits.write(self.path, table, self._schema, how, overwrite=overwrite)
            self.__dict__.pop("partitions", None)
        return table

    # --- one image ---

    def sidecar(self, image: Ref) -> dict[str, Json]:
        """The metadata of an image: its JSON file, laid over the less specific ones in the folders above.

        A JSON file applies where its suffix is the image's and the image has all its entities (BIDS inheritance
        principle). Empty where no file applies. Raises `MidsError` where there is no such image, `DataError`
        (JSON_INVALID) where a file that applies is no JSON object.
        """
        path = self._named(image)
        content: dict[str, Json] = {}
        for name in files.find_applying_sidecars(path, self._sidecars(path)):
            content.update(files.read_json(self.door, name))
        return content

    def load(self, image: Ref) -> Volume | Picture:
        """The pixels of an image, or of a segmentation: a `Volume` for NIfTI, a `Picture` for PNG.

        Raises `MidsError` where there is no such image or its format is neither, `DataError` (NIFTI_INVALID,
        PNG_INVALID) where the file is broken.
        """
        path = self._named(image)
        return load_pixels(self.path / path, path)

    def bids_layout(self) -> Any:
        """The `bids.BIDSLayout` of this dataset, with MIDS's entities; see `mids.bids_layout`."""
        # Loaded here because pybids alone takes half a second.
        return import_module("mids.dataset.layout").bids_layout(self.path)

    # --- files ---

    @cached_property
    def _files(self) -> Sequence[str]:
        """The files below the subjects' folders, dataset-relative and sorted, without hidden ones."""
        return self.door.below_subjects()

    def _sidecars(self, path: str) -> files.Sidecars:
        """The JSON files in the folders of an image, looked at now."""
        folders = Path(path).parents
        found = [each for folder in folders for each in sorted((self.path / folder).glob("*.json")) if folder.name]
        return files.find_sidecars(self.door, [each.relative_to(self.path).as_posix() for each in found])

    def _named(self, image: Ref) -> str:
        path = image if isinstance(image, str) else str(image["filename"])
        self.door.place(path)
        return path

    def _rows(self, path: str, key: str = "participant_id") -> Sequence[Mapping[str, str]]:
        """The rows of a table that may be absent."""
        return map_rows_by_key(self.door, path, key)
