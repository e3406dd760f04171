"""The one object through which a dataset is loaded; what it gives is made by the modules beside it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from mids.dataset import files, masks, splits, terms
from mids.dataset.disk.door import Door
from mids.dataset.disk.folder import DESCRIPTION
from mids.dataset.frames import harmonised, labels, laboratory
from mids.dataset.frames.images import assemble_images, gather_images, participants, scans, sessions
from mids.dataset.frames.timeline import timeline
from mids.dataset.frames.typed import read_numbers, strip_prefix, typed
from mids.dataset.imageset import ImageSet, Ref, read_name
from mids.dataset.index import read_indexed_images
from mids.dataset.pixels import Part, Picture, Volume, load_part, load_pixels
from mids.dataset.selection import Choice, Criteria, check_known, given, meet_age, meet_names, meet_sex
from mids.dataset.tables import add_id_prefixes, frame, map_rows_by_key, read_table
from mids.errors import DataError, MidsError
from mids.issues import Issue
from mids.records import Json
from mids.vocabulary.clinical import read_collection_name
from mids.vocabulary.schema import load


class Dataset(ImageSet):
    """A MIDS dataset, or one of its `derivatives/` folders, on disk.

    `fields` are keys of sidecars that become columns of `images`. `index` is a Parquet file, outside of the dataset,
    that keeps what names, tables and sidecars say (needs the extra `parquet`). Opening the dataset makes it if absent,
    and updates it for subjects whose files changed in size or time.

    Columns of tables are numbers (`Float64`, `Int64`), times (`datetime64`), categories or strings, by the vocabulary
    and by what their values are; a value that is not of its column's kind is missing, which `issues` tells. With
    `text` every column is strings as the files have them.

    Tables are kept after their first use: take a copy before you change one. Files added later are not seen.

    Raises `MidsError` if `path` is not a folder or holds no dataset_description.json.
    """

    def __init__(
        self, path: str | Path, *, fields: Sequence[str] = (), index: str | Path | None = None, text: bool = False
    ) -> None:
        self._given_path = str(Path(path))
        self.door = Door(Path(path))
        self.path = self.door.root
        self._schema = load()
        self._fields = (fields,) if isinstance(fields, str) else tuple(dict.fromkeys(fields))
        self._index = Path(index) if index is not None else None
        self._is_text = text
        self._lost: set[str] = set()

    def __repr__(self) -> str:
        return self._say(self._given_path)

    @cached_property
    def text(self) -> "Dataset":
        """This dataset with every column of every table as strings: `007` is not 7."""
        if self._is_text:
            return self
        found = Dataset(self.path, fields=self._fields, index=self._index, text=True)
        found.door = self.door
        return found

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
        return self._given("participants.tsv", participants(self.door))

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """All sub-*_sessions.tsv, one below the other, each row with its `participant_id`."""
        return self._given("*_sessions.tsv", sessions(self.door, self._files))

    @cached_property
    def scans(self) -> pd.DataFrame:
        """All *_scans.tsv, one below the other, with `filename` relative to the dataset.

        A `filename` without its folder, as in BIMCV-COVID19+, is completed where the file is in that session.
        """
        return self._given("*_scans.tsv", scans(self.door, self._files))

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row for each image of the subjects' folders, ordered by `filename`, with all that is known about it.

        Columns: those of `FRAME` in `mids.dataset.frames.harmonised`, which every dataset has, with the words of the
        vocabulary; then the entities of the name by their short keys (those that any image has, and always
        sub ses run bp lat vp), legacy spellings in modern terms; `datatype` (the BIDS folder, or NA); `extension`;
        then the other columns of the scans, sessions and participants tables, and the `fields` of sidecars, lists as
        JSON. A column whose name is taken gets a prefix: `scan_`, `session_`, `participant_`, `sidecar_`. So `age` is
        that at the session where sessions.tsv has it. An image whose name can't be parsed has nothing but its place,
        and a table or sidecar that can't be read is left out, which `issues` tells. Columns of tables that have no
        value are left out too. Of a dataset opened with `text` the columns are those of the files alone, without
        `FRAME`.
        """
        if self._is_text:
            return self._read_images()
        return self._given("images", self.harmonised)

    @cached_property
    def harmonised(self) -> pd.DataFrame:
        """`images` with every column, those of `FRAME` too, as strings."""
        licence = str(self.description.get("License") or "")
        return harmonised.harmonise(self.short_name, self.text.images, self.text.labels, licence)

    @property
    def short_name(self) -> str:
        """The name of the collection that the dataset was converted from, else of its folder: `dataset` of `images`."""
        return read_collection_name(self.description) or self.path.resolve().name

    def _read_images(self) -> pd.DataFrame:
        """The table of images as strings, by the files or by the index."""
        if self._index is None:
            found = gather_images(self.door, self._files, self._fields, self._schema)
        else:
            found = read_indexed_images(self.door, self._files, self._fields, self._schema, self._index)
        return assemble_images(found, participants(self.door), self._schema)

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
        found = frame(map(add_id_prefixes, self._rows(laboratory.TESTS)), laboratory.COLUMNS)
        return self._given(laboratory.TESTS, found)

    @cached_property
    def rois(self) -> pd.DataFrame:
        """One row for each segmentation of derivatives/rois, ordered by `filename`, which `load` takes.

        Columns: filename; `image` (that of the image, NA where there is none); participant_id; session_id; `reader`
        (the entity desc); `lookup` (the table that names its values, NA where there is none beside it); entities;
        suffix; group; datatype; extension.
        """
        return masks.masks(self.door, self.text.images, self._schema)

    def structures(self, roi: Ref) -> dict[int, str]:
        """What the values of a segmentation mean, by the table beside it; empty where there is none."""
        path = self._named(roi)
        lookup = files.IMAGE.sub(".tsv", path)
        return masks.structures(self.path / lookup, lookup) if self.door.holds(lookup) else {}

    @cached_property
    def partitions(self) -> pd.DataFrame:
        """The `split` of each image by derivatives/partitions.tsv, NA where it says none."""
        return splits.read(self.door, self.text.images, self._schema)

    @property
    def terms(self) -> Mapping[str, str]:
        """The terms of use: CommercialUse, Redistribution, Attribution, Agreement, unknown where nothing is said."""
        return terms.read_terms(self.description)

    # --- choices ---

    def _meet(self, criteria: Criteria) -> "pd.Series[Any]":
        rows = self.text.images
        met = meet_names(rows, criteria, self._schema)
        if criteria.sex is not None:
            met &= meet_sex(self.harmonised, criteria.sex, self._schema)
        if criteria.age is not None:
            limits = {name: read_numbers(name, self.harmonised[name]) for name in ("age_min", "age_max", "age")}
            limits["age_max"] = limits["age_max"].fillna(limits["age"])  # 89 and more counts as 89
            met &= meet_age(pd.DataFrame(limits), criteria.age)
        if criteria.label is not None:
            met &= self.has_label(criteria.label).fillna(False).astype(bool)
        if criteria.without_label is not None:
            met &= ~self.has_label(criteria.without_label).fillna(True).astype(bool)
        if criteria.split is not None:
            codes = self._schema.code_lists["split"]
            wanted = [codes.find(value) or value for value in given("split", criteria.split)]
            known = self.text.partitions
            check_known("split", wanted, [*codes.codes, *known["split"].dropna()])
            if not known["split"].notna().any():
                raise MidsError(f"no image of {self.name} has a part: write one with mids splits DATASET --write")
            met &= rows["filename"].isin(known.loc[known["split"].isin(wanted), "filename"])
        if criteria.commercial is not None:
            is_allowed = terms.commercial_use(rows, self.description).eq("allowed")
            met &= is_allowed if criteria.commercial else ~is_allowed
        return met

    def has_label(self, label: Choice) -> "pd.Series[Any]":
        """Whether each image has a label; NA where nobody looked for labels. See `ImageSet.has_label`."""
        rows, known = self.text.images, self.text.labels
        has = labels.find_labelled_images(rows, self._labelled(label)).astype("boolean")
        return has.where(labels.find_labelled_images(rows, known)).rename("label")

    def _labelled(self, label: Choice) -> pd.DataFrame:
        """The rows of `labels` that some labels, or what the tree has below them, stand in."""
        known = self.text.labels
        pairs = [(str(word), str(cui)) for word, cui in known[["label", "cui"]].fillna("").values]
        meant = [labels.concept(value, self._tree, set(pairs)) for value in given("label", label)]
        met = {pair for pair in set(pairs) if any(each.meets(*pair) for each in meant)}
        return known[[pair in met for pair in pairs]]

    @cached_property
    def _tree(self) -> Sequence[Mapping[str, str]]:
        return self._rows(labels.TREE, "label")

    def nearest_tests(self, *, test: Choice = None, result: Choice = None) -> pd.DataFrame:
        """For each image its subject's laboratory test of the nearest day, of some kinds and results only, if given.

        Columns: filename, participant_id, session_id, date, test, result, and `days` (Int64) from the image to the
        test, negative where the test came first. NA where no dated test, or no day of the image, is known.
        """
        tests = self.text.tests
        for column, choice, listed in (("test", test, "covid_tests"), ("result", result, "results")):
            if choice is not None:
                codes = self._schema.code_lists[listed]
                wanted = [codes.find(value) or value for value in given(column, choice)]
                check_known(column, wanted, [*codes.codes, *tests[column].dropna()])
                tests = tests[tests[column].isin(wanted)]
        return self._given("nearest_tests", laboratory.nearest(self.text.images, tests))

    def timeline(self, participant: str) -> pd.DataFrame:
        """Studies, findings and tests of a subject by day; the columns are those of `mids.dataset.frames.timeline`.

        Columns: `day` (Int64) from the first dated study; `date`; `kind` (study, finding, test); `session_id`;
        `name` and `value`. Undated rows come last. Raises `MidsError` for a subject that the dataset does not have.
        """
        subject = f"sub-{participant.removeprefix('sub-')}"
        tables = (self.text.images, self.text.tests, self.text.labels)
        own = [table[table["participant_id"] == subject] for table in tables]
        if not len(own[0]) and subject not in set(self.participants["participant_id"]):
            raise MidsError(f"unknown participant {participant}: choose one of participants.tsv")
        return timeline(*own)

    def splits(
        self, *, fractions: Mapping[str, float] = splits.DEFAULT, seed: int = 0, by: str = "participant",
        stratify: str | Sequence[str] = (), together: Iterable[Iterable[str]] = (), write: bool = False,
        overwrite: bool = False,
    ) -> pd.DataFrame:  # fmt: skip
        """All images with the part (train, validation, test) that their subject goes to; a subject is never split.

        The same dataset, fractions and seed give the same parts everywhere. Subjects are counted: each part has its
        fraction of them within one, and within two in each stratum of `stratify`, columns of `images` (of several
        values the first that is known counts). With `by`, a column of participants.tsv such as site, subjects of one
        value stay together, and fractions are met as well as that allows. `together` are groups of subjects that
        are one person, or have the same image: a group goes to one part, as one subject. `write` puts the table
        and its dictionary at derivatives/partitions.tsv, where one exists with `overwrite` only.

        Columns: participant_id, session_id, filename, split. Raises `MidsError` for fractions that do not sum to 1,
        an unknown part or column, or a table that may not be written.
        """
        shares = splits.name_fractions(fractions, self._schema)
        columns = [stratify] if isinstance(stratify, str) else list(stratify)
        images = self.text.images if self._is_text else self.images
        groups = splits.check_groups(together, self.images["participant_id"].dropna())
        people = splits.group_people(images["participant_id"], groups)
        found = splits.deal_images(images.assign(participant_id=people), shares, seed, by, columns)
        table = self.images[["participant_id", "session_id", "filename"]].copy()
        table["split"] = people.map(found).astype("string").to_numpy()
        if write:
            how = splits.describe_split(shares, seed, by, columns)
            if groups:
                how += f"; {len(groups)} groups of subjects, who are one person or have the same image, kept together"
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

    def load(self, image: Ref, part: Part | None = None) -> Volume | Picture:
        """The pixels of an image, or of a segmentation: a `Volume` for NIfTI, a `Picture` for PNG.

        `part` (columns, rows, slices) is what is read of a volume of three axes, such as
        `(slice(0, 64), slice(0, 64), slice(9, 10))`. Raises `MidsError` where there is no such image or part or its
        format is neither, `DataError` (NIFTI_INVALID, PNG_INVALID) where the file is broken.
        """
        path, name = self.locate(image)
        try:
            return load_pixels(path, name) if part is None else load_part(path, name, part)
        except DataError as error:
            self.door.keep(error, name)
            raise

    def locate(self, image: Ref) -> tuple[Path, str]:
        """Where an image or a segmentation lies on disk, and its dataset-relative path.

        Raises `MidsError` where the dataset has no such file.
        """
        path = self._named(image)
        return self.path / path, path

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
        path = read_name(image)
        # A row of several joined datasets says of which it is; a table's own column of that name means something else.
        if not isinstance(image, str) and not self._is_text and set(harmonised.FRAME) <= set(image.index):
            of = str(image["dataset"])
            if of != self.short_name:
                raise MidsError(f"the row is of the dataset {of}, this one is {self.short_name}: load it there")
        self.door.place(path)
        return path

    def _given(self, path: str, table: pd.DataFrame) -> pd.DataFrame:
        """A table of strings as this dataset shows it; `path` is what issues call it."""
        if self._is_text:
            return table

        def tell(column: str, count: int) -> None:
            if path == "images":  # its columns come from these tables, which tell by their own names
                _ = self.participants, self.sessions, self.scans
                if strip_prefix(column) in self._lost:
                    return
            self._lost.add(column)
            self._keep_lost(column, count, path)

        return typed(table, tell, harmonised.FRAME if path == "images" else None)

    def _keep_lost(self, column: str, count: int, path: str = "images") -> None:
        """Keeps that values of a column are not of its kind."""
        values = "1 value is" if count == 1 else f"{count} values are"
        message = f"column {column}: {values} not of its kind, or out of its range, and left out: see Dataset.text"
        self.door.keep(DataError("TABLE_INVALID", message), f"{path}, {column}")

    def _tell_lost(self, column: str, rows: pd.DataFrame) -> None:
        self._keep_lost(column, len(rows))

    def _rows(self, path: str, key: str = "participant_id") -> Sequence[Mapping[str, str]]:
        """The rows of a table that may be absent."""
        return map_rows_by_key(self.door, path, key)
