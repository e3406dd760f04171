"""Which images a choice means."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from mids.errors import MidsError, UnknownValueError
from mids.vocabulary.schema import Schema

Choice: TypeAlias = "str | Collection[str] | None"
"""One value, several of which any will do, or None for all."""

Ages: TypeAlias = "float | tuple[float | None, float | None] | None"
"""One age, or the lowest and the highest (None: no limit), in years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What `Dataset.select` was asked for; see there."""

    modality: Choice = None
    suffix: Choice = None
    bp: Choice = None
    vp: Choice = None
    subject: Choice = None
    session: Choice = None
    sex: Choice = None
    age: Ages = None
    label: Choice = None
    without_label: Choice = None
    split: Choice = None
    commercial: bool | None = None


def given(what: str, choice: Choice) -> Collection[str]:
    """The values of a choice, none for None; raises `MidsError` for what is neither a text nor one or more of them."""
    if choice is None or isinstance(choice, str):
        return () if choice is None else (choice,)
    values = list(choice) if isinstance(choice, Iterable) else [choice]
    if not values:
        raise MidsError(f"{what}: the list is empty: give at least one value, or leave it out for all")
    if not all(isinstance(value, str) for value in values):
        raise MidsError(f"{what} {values[0] if len(values) == 1 else values}: give a text, or a list of texts")
    return values


def meet_names(images: pd.DataFrame, criteria: Criteria, schema: Schema) -> "pd.Series[Any]":
    """Whether each image, a row of strings, has a name that meets the criteria; raises `UnknownValueError`."""
    codes: Callable[[str], Callable[[str], Iterable[str]]] = lambda key: lambda value: [_code(key, value, schema)]  # noqa: E731
    wanted: Sequence[tuple[str, str, Choice, Callable[[str], Iterable[str]], Iterable[str]]] = (
        ("modality", "suffix", criteria.modality, lambda value: _suffixes(value, schema), ()),
        ("suffix", "suffix", criteria.suffix, lambda value: [value], schema.suffixes),
        ("body part", "bp", criteria.bp, codes("bp"), schema.code_lists["body_parts"].codes),
        ("view", "vp", criteria.vp, codes("vp"), schema.code_lists["view_positions"].codes),
        ("subject", "sub", criteria.subject, lambda value: [value.removeprefix("sub-")], ()),
        ("session", "ses", criteria.session, lambda value: [value.removeprefix("ses-")], ()),
    )
    met = pd.Series(True, index=images.index)
    for what, column, choice, meant, vocabulary in wanted:
        if choice is not None:
            values = {word: value for value in given(what, choice) for word in meant(value)}
            if what != "modality":
                check_known(what, values, [*vocabulary, *images[column].dropna()])
            met &= images[column].isin(list(values))
    return met


def check_known(what: str, values: Iterable[str], known: Iterable[str]) -> None:
    """Raises `UnknownValueError`, with the nearest, for a value that is none of the known ones."""
    words = list(dict.fromkeys(known))
    for value in values:
        if value not in words:
            near = get_close_matches(value, words, 3, 0.4) or sorted(words)[:3]
            hint = f"did you mean {', '.join(near)}?" if near else "the dataset has none"
            raise UnknownValueError(f"unknown {what} {value or '(empty)'}: {hint}")


def meet_sex(images: pd.DataFrame, choice: Choice, schema: Schema) -> "pd.Series[Any]":
    """Whether each image, a row with the columns of all datasets, is of a subject of one of these sexes."""
    codes = schema.code_lists["sex"]
    values = [codes.find(value) or value for value in given("sex", choice)]
    check_known("sex", values, codes.codes)
    return images["sex"].isin(values)


def meet_age(images: pd.DataFrame, ages: Ages) -> "pd.Series[Any]":
    """Whether the age of each image's subject is known and lies within the limits, both included."""
    low, high = _limits(ages)
    if low is not None and high is not None and low > high:
        raise MidsError(f"age {low} to {high}: give the lower age first")
    met = images["age_min"].notna() | images["age_max"].notna()
    if low is not None:
        met &= images["age_min"].ge(low).fillna(False).astype(bool)
    if high is not None:
        met &= images["age_max"].le(high).fillna(False).astype(bool)
    return met.astype(bool)


def _limits(ages: object) -> "tuple[float | None, float | None]":
    """The lowest and the highest age of a choice; raises `MidsError` for what is neither one age nor two."""
    limits = tuple(ages) if isinstance(ages, tuple | list) else (ages, ages)
    if len(limits) == 2 and all(each is None or _is_number(each) for each in limits):
        return limits[0], limits[1]
    raise MidsError(f"age {ages!r}: give one age in years, or the lowest and the highest: (60, None)")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and not np.isnan(value)


def _suffixes(modality: str, schema: Schema) -> set[str]:
    """The suffixes of a group or a DICOM Modality; `UnknownValueError` for neither."""
    known = schema.suffixes.values()
    found = {s.suffix for s in known if s.group == modality.lower() or modality.upper() in s.modalities}
    if not found or not modality:
        near = get_close_matches(modality.casefold(), schema.groups, 3, 0.4)
        hint = f"did you mean {', '.join(near)}? Give" if near else "give"
        groups = ", ".join(schema.groups)
        raise UnknownValueError(
            f"unknown modality {modality or '(empty)'}: {hint} one of {groups}, or a DICOM Modality"
        )
    return found


def _code(key: str, value: str, schema: Schema) -> str:
    """The code of an entity that a spelling means, else the spelling."""
    return schema.code_lists[schema.entities[key].code_list].find(value) or value
