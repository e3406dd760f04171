"""What one dataset and several joined ones have in common: images that are counted, chosen, split and loaded."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, overload

import pandas as pd

from mids.dataset.disk.grids import check_grid
from mids.dataset.frames.typed import read_mixed, read_numbers
from mids.dataset.loaders.masks import choose_mask, reconcile
from mids.dataset.loaders.samples import Item, Samples, make_samples
from mids.dataset.loaders.tools import make_hugging_face, make_subject
from mids.dataset.pixels import Part, Picture, Volume
from mids.dataset.selection import Ages, Choice, Criteria
from mids.errors import MidsError
from mids.records import Json

Ref: TypeAlias = "str | pd.Series[Any]"
"""One image: its `filename` (relative to the dataset, POSIX), or its row of `images` or `rois`."""

_log = logging.getLogger("mids.dataset")


class ImageSet(ABC):
    """Images with all that is known about them; see `Dataset` and `Joined`."""

    @property
    @abstractmethod
    def images(self) -> pd.DataFrame:
        """One row for each image."""

    @property
    @abstractmethod
    def rois(self) -> pd.DataFrame:
        """One row for each segmentation."""

    @abstractmethod
    def load(self, image: Ref, part: Part | None = None) -> Volume | Picture:
        """The pixels of an image or a segmentation, or a part of a volume."""

    @abstractmethod
    def sidecar(self, image: Ref) -> dict[str, Json]:
        """The metadata of an image."""

    @abstractmethod
    def structures(self, roi: Ref) -> dict[int, str]:
        """What the values of a segmentation mean."""

    @abstractmethod
    def has_label(self, label: Choice) -> "pd.Series[Any]":
        """Whether each image has a label; NA where nobody looked for labels.

        The values are of the dtype `boolean`, in the order of `images`. `label` is a word or a CUI, or several of which
        any will do; each stands for all that the label tree has below it. An image has the labels of its own rows, and
        those of its session, or subject, that name no image. Nobody looked where none of these has any label.
        Raises `MidsError` for a label that the dataset does not have, and names the nearest.
        """

    @abstractmethod
    def _meet(self, criteria: Criteria) -> "pd.Series[Any]":
        """Whether each of `images` meets the criteria."""

    @abstractmethod
    def _tell_lost(self, column: str, rows: pd.DataFrame) -> None:
        """Tells that rows have values in a column that are not of its kind."""

    def __len__(self) -> int:
        return len(self.images)

    @overload
    def __getitem__(self, number: int) -> "pd.Series[Any]": ...
    @overload
    def __getitem__(self, number: slice) -> pd.DataFrame: ...
    def __getitem__(self, number: int | slice) -> "pd.Series[Any] | pd.DataFrame":
        """The image at a place, a row of `images`; of a slice several."""
        found: pd.Series[Any] | pd.DataFrame = self.images.iloc[number]
        return found

    def __iter__(self) -> "Iterator[pd.Series[Any]]":
        return (self.images.iloc[number] for number in range(len(self)))

    def _say(self, name: str) -> str:
        """What is inside, on one line."""
        counts = self.images["suffix"].value_counts()
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in counts.items() if count)
        keys = [key for key in ("dataset", "participant_id") if key in self.images]
        people = len(self.images[keys].drop_duplicates())
        return f"<{type(self).__name__} {name}: {len(self)} images ({kinds or 'none'}) of {people} subjects>"

    def select(
        self, *, modality: Choice = None, suffix: Choice = None, bp: Choice = None, vp: Choice = None,
        subject: Choice = None, session: Choice = None, sex: Choice = None, age: Ages = None, label: Choice = None,
        without_label: Choice = None, split: Choice = None, commercial: bool | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """The rows of `images` that meet every criterion; several values for a criterion mean any of them.

        `modality` is a group (rx, ct, mr, us, nm, op, light) or a DICOM Modality (CR, DX, PT, …), and is
        decided by the suffix. `bp`, `vp` and `sex` may be spelled in any way that the code lists know (TÓRAX, PA);
        `subject` and `session` may have their sub- and ses-. `age` is one age in years, or the lowest and highest
        (`(60, None)`); images without a known age meet none. `label` is a word or a CUI, as in `has_label`;
        `without_label` keeps images for which somebody looked and did not find it. `split` is a part of partitions.tsv.
        `commercial` keeps images whose licence, or that of the dataset where they have none, allows commercial use, or
        with False all others.

        Raises `MidsError` for a value that neither the vocabulary nor the dataset has, and names the nearest. Where all
        values are known and no image meets them, a warning is logged.
        """
        if not isinstance(commercial, bool | None):
            raise MidsError(f"commercial {commercial}: give True, or False for all others")
        criteria = Criteria(
            modality=modality, suffix=suffix, bp=bp, vp=vp, subject=subject, session=session, sex=sex, age=age,
            label=label, without_label=without_label, split=split, commercial=commercial,
        )  # fmt: skip
        rows = self.images[self._meet(criteria).to_numpy()].reset_index(drop=True)
        if len(self.images) and not len(rows):
            _log.warning("no image meets all conditions")
        return rows

    def mask(self, image: Ref, reader: str | None = None) -> Volume | Picture | None:
        """The segmentation of an image on the image's own grid, or None where it has none.

        `reader` chooses among those of several annotators. Raises `MidsError` where there are several and none is
        chosen, `DataError` (MASK_GRID) where it lies on another grid.
        """
        row = self._row(image)
        found = self._find_mask(row, reader)
        return None if found is None else self.load(found)

    def _find_mask(self, row: "pd.Series[Any]", reader: str | None) -> "pd.Series[Any] | None":
        """The row of an image's segmentation, if it has one; raises what `mask` does."""
        found = choose_mask(self.rois, row, reader)
        if found is not None:
            check_grid(self.locate(row), self.locate(found))
        return found

    def _row(self, image: Ref) -> "pd.Series[Any]":
        """The row of an image."""
        if not isinstance(image, str):
            return image
        found = self.images[self.images["filename"] == image]
        return pd.Series({"filename": image}) if found.empty else found.iloc[0]

    def targets(self, rows: pd.DataFrame, target: str | Sequence[str]) -> list[Any]:
        """The target of each row of `images`, for training; None where it is unknown.

        Of a column of numbers it is that, as float, and so of one of text most of whose values are numbers: the others
        are unknown, which `issues` tells. Of a column of text the number of the value in the order of the
        alphabet of all values; of one label 1 or 0; of several labels a list of 1 and 0, and unknown where one is.
        Raises `MidsError` for what is neither a column of numbers or text nor a label.
        """
        if not isinstance(target, str):
            if not target:
                raise MidsError("target: give a column, a label, or several labels")
            several = [self.targets(rows, one) for one in target]
            return [None if None in values else list(map(float, values)) for values in zip(*several, strict=True)]
        if target not in rows.columns:
            said = dict(zip(_keys(self.images), self.has_label(target), strict=True))
            found = (said[key] for key in _keys(rows))
            return [None if pd.isna(value) else int(value) for value in found]
        if pd.api.types.is_numeric_dtype(rows[target].dtype):
            return [None if pd.isna(value) else float(value) for value in rows[target]]
        column = self.images if target in self.images else rows
        numbers = read_mixed(target, column[target])
        if numbers is not None:
            self._tell_lost(target, column[(numbers.isna() & column[target].notna()).to_numpy()])
            return [None if pd.isna(value) else float(value) for value in read_numbers(target, rows[target])]
        classes = self._number_classes(rows, target)
        return [None if pd.isna(value) else classes[value] for value in rows[target]]

    def _number_classes(self, rows: pd.DataFrame, target: str) -> Mapping[Any, int]:
        """The number of each value of a column: of all images, so that parts agree; else of the rows."""
        column = self.images[target] if target in self.images else rows[target]
        kinds = set(map(type, column.dropna()))
        if kinds - {str}:
            held = "dates or times" if column.dtype.kind == "M" else ", ".join(sorted(kind.__name__ for kind in kinds))
            raise MidsError(f"target {target} is a column of {held}: give one of numbers or of text, or a label")
        classes = {value: number for number, value in enumerate(sorted(column.dropna().unique()))}
        if not set(rows[target].dropna()) <= set(classes):
            raise MidsError(f"column {target} of these rows has values that images has not: give rows of images")
        return classes

    def torch(
        self, rows: pd.DataFrame | None = None, *, split: Choice = None, size: Sequence[int] | None = None,
        target: str | Sequence[str] | None = None, window: str | tuple[float, float] | None = None,
        channels: int = 1, mask: bool | str = False, cache: str | None = None, unpack: bool = False,
    ) -> Samples:  # fmt: skip
        """Images as a map-style dataset for PyTorch's `DataLoader`, with worker processes of any kind.

        `rows` are rows of `images` (all of them by default), `split` keeps those of a part. Each item is a dict of
        `image`, float32 (channels, rows, columns), of a volume (channels, columns, rows, slices); `target` (see
        `targets`), if one is given; `mask`, int64, if asked for; and `filename`. `size` of two numbers resizes
        pictures, and makes an item of each slice of a volume; of three numbers it makes an item of a patch at a random
        place. Items whose target is unknown are left out, which is logged. `window` is (center, width) or "lung",
        "bone", "soft tissue", "brain": grey values become 0 to 1; without one, pictures become 0 to 1 and volumes keep
        their units. Images have one channel of grey, or three with `channels`. Complex volumes are complex64, and take
        no window. `cache` is a folder outside of the dataset for what finds slices and patches without unpacking a
        volume from its start: points of its gzip stream, or, with `unpack`, unpacked copies, which are quicker and
        larger. `mask` may name a reader, where several drew; where the tables of masks contradict each other, they
        get the values 1, 2 … by their names, "ignore" the last (`structures` of the result).

        Raises `MidsError` without PyTorch, and for a size, window or target that can't be; `DataError` for a mask on
        another grid than its image (MASK_GRID), and an item for one whose values can't be (MASK_VALUES).
        """
        chosen = self._choose(rows)
        if split is not None:
            wanted = set(_keys(self.select(split=split)))
            chosen = chosen[[key in wanted for key in _keys(chosen)]]
        tables = self._read_structures(mask=mask) if mask else []
        numbers = reconcile(tables)
        items = self._known_items(chosen, target, mask=mask, numbers=numbers)
        named = {value: name for name, value in numbers.items()} or {k: v for table in tables for k, v in table.items()}
        if numbers:
            given = ", ".join(f"{value} {name}" for value, name in named.items())
            _log.warning("masks number their structures differently; here their values are: %s", given)
        if bare := mask and sum(not item.mask for item in items):
            _log.warning("%d of %d images have no segmentation: their masks are zeros", bare, len(items))
        if len(items) < len(chosen):
            _log.warning("%d of %d images have no known target and are left out", len(chosen) - len(items), len(chosen))
        return make_samples(
            items,
            size=size,
            window=window,
            channels=channels,
            with_target=target is not None,
            with_mask=bool(mask),
            cache=cache,
            unpack=unpack,
            structures=named,
        )

    def _choose(self, rows: pd.DataFrame | None) -> pd.DataFrame:
        """The rows that are meant: all without any; raises `MidsError` for what are no rows of `images`."""
        if rows is None:
            return self.images
        if not isinstance(rows, pd.DataFrame) or "filename" not in rows:
            raise MidsError("rows: give rows of images, as select gives them")
        return rows

    def _known_items(
        self, rows: pd.DataFrame, target: str | Sequence[str] | None, *, mask: bool | str, numbers: Mapping[str, int]
    ) -> list[Item]:
        """The images whose target is known, with their masks, if asked for, which get `numbers`, if there are some."""
        reader = mask if isinstance(mask, str) else None
        goals = [None] * len(rows) if target is None else self.targets(rows, target)
        found = []
        for (_, row), goal in zip(rows.iterrows(), goals, strict=True):
            if goal is None and target is not None:
                continue
            drawn = self._find_mask(row, reader) if mask else None
            item = Item(*self._place(row), target=goal)
            if drawn is not None:
                path, name = self._place(drawn)
                own = self.structures(drawn) if numbers else {}
                pairs = tuple((value, numbers[known]) for value, known in own.items() if known in numbers)
                item = replace(item, mask=path, mask_name=name, values=pairs if numbers else None)
            found.append(item)
        return found

    def _read_structures(self, *, mask: bool | str) -> list[Mapping[int, str]]:
        """The tables of all segmentations, or of those of a reader: of all, so that parts of a dataset agree."""
        own = self.rois[self.rois["image"].notna() & self.rois["lookup"].notna()]
        if isinstance(mask, str):
            own = own[own["reader"] == mask]
        return [self.structures(row) for _, row in own.iterrows()]

    def _place(self, row: "pd.Series[Any]") -> tuple[str, str]:
        path, name = self.locate(row)
        return str(path), name

    def subject(self, image: Ref, reader: str | None = None) -> Any:
        """An image as a `torchio.Subject`: `image`, its `mask` by a reader, if it has one, and the known columns.

        Raises `MidsError` without TorchIO, and where `mask` does.
        """
        row = self._row(image)
        drawn = self._find_mask(row, reader)
        mask = "" if drawn is None else str(self.locate(drawn)[0])
        return make_subject(str(self.locate(row)[0]), mask, row.to_dict())

    def monai(
        self, rows: pd.DataFrame | None = None, *, target: str | Sequence[str] | None = None, mask: bool | str = False
    ) -> list[dict[str, Any]]:
        """Images as a list of dicts for MONAI's datasets and dictionary transforms.

        Each has `image`, the path; `label`, the path of the segmentation, if `mask` is set, or names a reader (images
        without one are left out); and `target` (see `targets`), if one is given (images whose target is unknown are
        left out). What is left out is logged. Raises `MidsError` where masks number their structures differently.
        """
        chosen = self._choose(rows)
        if mask and reconcile(self._read_structures(mask=mask)):
            raise MidsError(
                "masks number their structures differently: use torch, or mids export --to nnunet, which renumber them"
            )
        found = []
        for item in self._known_items(chosen, target, mask=mask, numbers={}):
            if item.mask or not mask:
                extra = ({"label": item.mask} if mask else {}) | ({} if target is None else {"target": item.target})
                found.append({"image": item.path, **extra})
        if len(found) < len(chosen):
            _log.warning(
                "%d of %d images are left out: no target or mask is known", len(chosen) - len(found), len(chosen)
            )
        return found

    def to_hf(self, rows: pd.DataFrame | None = None, *, embed: bool = False) -> Any:
        """Images as a `datasets.Dataset` of Hugging Face: `image` (Image or Nifti), and all columns that are known.

        Its `info` has the licences. Images are paths of this machine; with `embed` they are the content of the files,
        in memory, so that `to_parquet` and `save_to_disk` write a dataset that needs no other file. `push_to_hub` does
        that by itself. Raises `MidsError` without that package, and for volumes and pictures at once.
        """
        chosen = self._choose(rows)
        paths = [str(self.locate(row)[0]) for _, row in chosen.iterrows()]
        stated = chosen["usage_terms"].dropna() if "usage_terms" in chosen else ()
        licences = ", ".join(sorted(set(map(str, stated))))
        names = " + ".join(sorted(set(map(str, self.images["dataset"])))) if "dataset" in self.images else ""
        return make_hugging_face(paths, chosen, self._say(names), licences, embed=embed)

    @abstractmethod
    def locate(self, image: Ref) -> tuple[Path, str]:
        """Where an image or a segmentation lies on disk, and what errors call it."""

    @property
    @abstractmethod
    def terms(self) -> Mapping[str, str]:
        """The terms of use."""


def read_name(image: Ref) -> str:
    """The file name that is meant; raises `MidsError` for what is neither a name nor a row."""
    if isinstance(image, str):
        return image
    if not isinstance(image, pd.Series) or "filename" not in image:
        raise MidsError("give an image by its filename or by its row of images, such as dataset[0] for the first")
    return str(image["filename"])


def _keys(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    """What each image is known by."""
    return list(rows[[key for key in ("dataset", "filename") if key in rows]].itertuples(index=False, name=None))
