"""Several datasets as one: the same columns and words for all images, and the strictest terms of use."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from mids.dataset import splits
from mids.dataset.frames.harmonised import FRAME
from mids.dataset.frames.typed import typed
from mids.dataset.imageset import ImageSet, Ref, read_name
from mids.dataset.pixels import Part, Picture, Volume
from mids.dataset.selection import Choice, Criteria, check_known
from mids.dataset.terms import STRICT, derive_terms, read_terms
from mids.dataset.view import Dataset
from mids.errors import MidsError, UnknownValueError
from mids.issues import Issue
from mids.records import Json
from mids.vocabulary.schema import load

Given: TypeAlias = "Dataset | str | Path"


class Joined(ImageSet):
    """Several datasets as one; each row of each table says its `dataset`.

    Everything is as in `Dataset`, but that IDs and file names are those of one dataset: two people of different
    datasets may have the same `participant_id`. An image is named by its row, or as ``dataset/filename``.
    `datasets` are the datasets by their names.
    """

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        self.datasets = datasets

    def __repr__(self) -> str:
        return self._say(" + ".join(self.datasets))

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What of the datasets can't be read (`Dataset.issues`); paths begin with the dataset's name."""
        _ = self.images
        every = ((name, found) for name, dataset in self.datasets.items() for found in dataset.issues)
        return tuple(replace(found, path=f"{name}/{found.path}") for name, found in every)

    # --- tables ---

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row for each image: the columns `FRAME` of all datasets, then those that only some have."""
        images = self._stack_texts(lambda dataset: dataset.harmonised)
        images = images[[*FRAME, *(column for column in images.columns if column not in FRAME)]]
        return self._type(images, lambda dataset: dataset.images, FRAME)

    @cached_property
    def participants(self) -> pd.DataFrame:
        """The participants.tsv of all."""
        return self._stack(lambda dataset: dataset.participants)

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """The sessions of all."""
        return self._stack(lambda dataset: dataset.sessions)

    @cached_property
    def scans(self) -> pd.DataFrame:
        """The scans of all."""
        return self._stack(lambda dataset: dataset.scans)

    @cached_property
    def tests(self) -> pd.DataFrame:
        """The laboratory tests of all."""
        return self._stack(lambda dataset: dataset.tests)

    @cached_property
    def labels(self) -> pd.DataFrame:
        """The labels of all."""
        return self._stack(lambda dataset: dataset.labels)

    @cached_property
    def rois(self) -> pd.DataFrame:
        """The segmentations of all."""
        return self._stack(lambda dataset: dataset.rois)

    @cached_property
    def partitions(self) -> pd.DataFrame:
        """The part of each image by the partitions.tsv of its dataset."""
        return self._stack(lambda dataset: dataset.partitions)

    def table(self, path: str) -> pd.DataFrame:
        """A TSV file of the datasets that have it; see `Dataset.table`. Raises `MidsError` where none has."""
        having = {name: dataset for name, dataset in self.datasets.items() if dataset.door.holds(path)}
        if not having:
            raise MidsError(f"{path} is a file of none of the datasets: give a path relative to their top folders")
        return Joined(having)._stack_texts(lambda dataset: dataset.table(path))

    def _stack(self, table: Callable[[Dataset], pd.DataFrame]) -> pd.DataFrame:
        """A table of all datasets, one below the other, with the dataset of each row."""
        return self._type(self._stack_texts(lambda dataset: table(dataset.text)), table)

    def _stack_texts(self, table: Callable[[Dataset], pd.DataFrame]) -> pd.DataFrame:
        """The rows of all datasets as strings."""
        found = []
        for name, dataset in self.datasets.items():
            rows = table(dataset)
            found.append(rows.assign(dataset=pd.array([name] * len(rows), dtype="string")))
        stacked = pd.concat(found, ignore_index=True)
        return stacked[["dataset", *(column for column in stacked.columns if column != "dataset")]]

    def _type(
        self, texts: pd.DataFrame, table: Callable[[Dataset], pd.DataFrame], known: Mapping[str, str] | None = None
    ) -> pd.DataFrame:
        """A table of strings with each column in its kind; what values are wrong, each dataset tells of its own."""
        lost: list[str] = []
        found = typed(texts, lambda column, _: lost.append(column), known)
        if lost:
            for dataset in self.datasets.values():
                table(dataset)
        return found

    # --- choices ---

    def _meet(self, criteria: Criteria) -> "pd.Series[Any]":
        return self._each(lambda dataset: dataset._meet(criteria), False, bool)

    def has_label(self, label: Choice) -> "pd.Series[Any]":
        """Whether each image has a label; NA where nobody looked for labels. See `ImageSet.has_label`."""
        return self._each(lambda dataset: dataset.has_label(label), pd.NA, "boolean").rename("label")

    def _each(self, answer: Callable[[Dataset], "pd.Series[Any]"], otherwise: Any, dtype: Any) -> "pd.Series[Any]":
        """What each dataset answers of its images; `otherwise` for one that does not know a value that others know."""
        found, unknown = [], []
        for dataset in self.datasets.values():
            try:
                found.append(answer(dataset).reset_index(drop=True).astype(dtype))
            except UnknownValueError as error:
                unknown.append(error)
                found.append(pd.Series(otherwise, index=range(len(dataset.text.images)), dtype=dtype))
        if len(unknown) == len(self.datasets):
            raise unknown[0]
        return pd.concat(found, ignore_index=True)

    def nearest_tests(self, *, test: Choice = None, result: Choice = None) -> pd.DataFrame:
        """For each image its subject's laboratory test of the nearest day; see `Dataset.nearest_tests`."""
        return self._stack(lambda dataset: dataset.nearest_tests(test=test, result=result))

    def splits(
        self, *, fractions: Mapping[str, float] = splits.DEFAULT, seed: int = 0, by: str = "participant",
        stratify: str | Sequence[str] = (), together: Iterable[Iterable[tuple[str, str]]] = (),
    ) -> pd.DataFrame:  # fmt: skip
        """All images with the part that their subject goes to; a subject is never split. See `Dataset.splits`.

        `together` are groups of subjects, each (dataset, participant_id), that are the same person, or have the same
        image: a group goes to one part. Columns: dataset, participant_id, session_id, filename, split.
        """
        shares = splits.name_fractions(fractions, load())
        columns = [stratify] if isinstance(stratify, str) else list(stratify)
        keys = self.images["dataset"].astype("string") + "\t" + self.images["participant_id"]
        people = splits.group_people(keys, [["\t".join(self._person(each)) for each in group] for group in together])
        found = splits.deal_images(self.images.assign(participant_id=people), shares, seed, by, columns)
        table = self.images[["dataset", "participant_id", "session_id", "filename"]].copy()
        table["split"] = people.map(found).astype("string").to_numpy()
        return table

    def _person(self, person: object) -> tuple[str, str]:
        """A subject as (dataset, participant_id); raises `MidsError` for one that no image has."""
        if not isinstance(person, tuple | list) or len(person) != 2:
            raise MidsError("together: give groups of subjects, each (dataset, participant_id)")
        dataset, subject = str(person[0]), f"sub-{str(person[1]).removeprefix('sub-')}"
        check_known("dataset", [dataset], self.datasets)
        check_known(f"subject of {dataset}", [subject], self.datasets[dataset].images["participant_id"].dropna())
        return dataset, subject

    def _tell_lost(self, column: str, rows: pd.DataFrame) -> None:
        for name, own in rows.groupby(rows["dataset"].astype("string")) if "dataset" in rows else ():
            if name in self.datasets:
                self.datasets[name]._tell_lost(column, own)

    # --- one image ---

    def locate(self, image: Ref) -> tuple[Path, str]:
        """Where an image lies on disk, and its name with that of its dataset."""
        dataset, name = self._find(image)
        path, shown = dataset.locate(name)
        return path, f"{next(key for key, each in self.datasets.items() if each is dataset)}/{shown}"

    def load(self, image: Ref, part: Part | None = None) -> Volume | Picture:
        """The pixels of a row of `images` or `rois`, or a part of them; raises what `Dataset.load` raises."""
        dataset, name = self._find(image)
        return dataset.load(name, part)

    def sidecar(self, image: Ref) -> dict[str, Json]:
        """The metadata of an image; see `Dataset.sidecar`."""
        dataset, name = self._find(image)
        return dataset.sidecar(name)

    def structures(self, roi: Ref) -> dict[int, str]:
        """What the values of a segmentation mean; see `Dataset.structures`."""
        dataset, name = self._find(roi)
        return dataset.structures(name)

    def _find(self, image: Ref) -> tuple[Dataset, str]:
        """The dataset of an image, and its name there."""
        name = read_name(image)
        if isinstance(image, str):
            named = [each for each in self.datasets if name.startswith(f"{each}/")]  # a name may hold slashes too
            dataset = max(named, key=len, default=name.partition("/")[0])
            name = name.removeprefix(f"{dataset}/")
        else:
            dataset = str(image.get("dataset", "(none)"))
        if dataset not in self.datasets:
            raise MidsError(f"unknown dataset {dataset}: choose one of {', '.join(self.datasets)}")
        return self.datasets[dataset], name

    # --- terms ---

    @cached_property
    def licences(self) -> tuple[str, ...]:
        """The licences of the datasets and their images, sorted."""
        stated = {
            str(each.description["License"]) for each in self.datasets.values() if each.description.get("License")
        }
        return tuple(sorted({*stated, *map(str, self.images["usage_terms"].dropna())}))

    @cached_property
    def terms(self) -> Mapping[str, str]:
        """The strictest terms of use of all."""
        every = [read_terms(each.description) for each in self.datasets.values()]
        every += map(derive_terms, self.licences)
        return {
            key: next(word for word in order if word in {t.get(key) for t in every}) for key, order in STRICT.items()
        }


def concat(datasets: Iterable[Given] | Mapping[str, Given]) -> Joined:
    """Datasets, or the folders of some, as one; a mapping gives them their names.

    Without a mapping a dataset is called by the collection that it was converted from, else by its folder. Raises
    `MidsError` for no dataset, two of one name, or a folder that is none.
    """
    if isinstance(datasets, str | Path | Dataset):
        raise MidsError("mids.concat joins several datasets: give a list of them")
    if isinstance(datasets, Mapping):
        if not all(isinstance(name, str) and name for name in datasets):
            raise MidsError("the names of datasets are texts, and not empty: give a mapping such as {'a': dataset}")
        found = {name: _open_dataset(given) for name, given in datasets.items()}
    else:
        found = {}
        for dataset in map(_open_dataset, datasets):
            if dataset.short_name in found:
                raise MidsError(
                    f"two datasets have the name {dataset.short_name}: give a mapping from your own names to datasets"
                )
            found[dataset.short_name] = dataset
    if not found:
        raise MidsError("there is no dataset to join: give one or more")
    return Joined(found)


def _open_dataset(given: Given) -> Dataset:
    if isinstance(given, Joined):
        raise MidsError("joined datasets can't be joined again: give all datasets at once")
    return given if isinstance(given, Dataset) else Dataset(given)
