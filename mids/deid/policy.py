"""The policy of de-identification: the Basic Profile of DICOM PS3.15 Annex E, options, and choices for IDs and text.

Presets are data (`schemas/deid/presets.yaml`); a user's own file has the same form (`schemas/deid/policy.json`).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from mids.deid.pseudonyms import SHIFTS
from mids.errors import MidsError, advise
from mids.records import Json
from mids.resources import read_yaml, schemas

Option = Literal[
    "clean_pixel_data", "clean_recognizable_visual_features", "clean_graphics", "clean_structured_content",
    "clean_descriptors", "retain_full_dates", "retain_modified_dates", "retain_patient_characteristics",
    "retain_device_identity", "retain_institution_identity", "retain_uids", "retain_safe_private",
]  # fmt: skip
"""The options of PS3.15 E.3, by their names in the standard; the two of longitudinal dates without 'longitudinal'."""

OPTIONS: tuple[Option, ...] = get_args(Option)

Ids = Literal["keyed", "random", "table", "keep"]
Ages = Literal["cap", "bands", "keep"]
Times = Literal["keep", "hour", "remove"]
Texts = Literal["tags", "surrogates", "remove", "keep"]
Reports = Literal["hold", "clean"]
BurnedIn = Literal["hold", "blank", "report", "release"]
Detect = Literal["none", "glyphs", "ocr", "learned"]
Faces = Literal["keep", "warn", "withhold", "deface"]
Code = Literal["D", "Z", "X", "K", "C", "U"]
"""An action of PS3.15 Table E.1-1a."""


@dataclass(frozen=True, slots=True, order=True)
class Override:
    """Another action for one attribute (`attribute` is its keyword, or its tag as ``gggg,eeee``), and why."""

    attribute: str
    action: Code
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class SafePrivate:
    """A private element that may stay besides those of Table E.3.10-1, named by its creator (PS3.5 7.8.1)."""

    creator: str
    group: int
    element: int
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices of de-identification; the field names are the keys of a policy file.

    `ages` counts if patient characteristics are retained: ``cap`` turns higher ages into 89, ``bands`` into ten years.
    `times` of day are kept, become whole hours, or are removed; `shifts` is how many different date shifts there are.
    A region keeps its name only with more than
    `region_minimum` patients (0: always). `texts` says what becomes of names, places, numbers and dates in free text,
    `reports` whether reports that nobody has de-identified yet are withheld or cleaned in that way; `lists` is a folder
    with names and places to look for, `model` a model that also checks texts (docs/deidentify-text.md). `burned_in`
    says what happens to images that may show a name, `detect` how text in other images is looked for, `faces` what
    happens to images that may show a face.
    """

    name: str = "mids"
    options: frozenset[Option] = frozenset()
    ids: Ids = "keyed"
    ages: Ages = "cap"
    times: Times = "keep"
    shifts: int = SHIFTS
    region_minimum: int = 0
    texts: Texts = "tags"
    reports: Reports = "hold"
    lists: str = ""
    model: str = ""
    burned_in: BurnedIn = "hold"
    detect: Detect = "none"
    faces: Faces = "warn"
    overrides: tuple[Override, ...] = ()
    safe_private: tuple[SafePrivate, ...] = ()

    @property
    def dates(self) -> Literal["keep", "shift", "remove"]:
        """What happens to dates: the two options of longitudinal dates exclude each other."""
        if "retain_full_dates" in self.options:
            return "keep"
        return "shift" if "retain_modified_dates" in self.options else "remove"

    @property
    def looks(self) -> bool:
        """Whether pixels are searched for text."""
        return self.detect != "none" and self.burned_in != "release"

    @property
    def face_rule(self) -> Faces:
        """What happens to images that may show a face: the option of PS3.15 E.3.2 does not let them out as they are."""
        is_clean = "clean_recognizable_visual_features" in self.options and self.faces != "deface"
        return "withhold" if is_clean else self.faces

    @property
    def stated(self) -> frozenset[Option]:
        """The options that may be stated as applied: clean pixel data only where pixels are searched."""
        return self.options if self.looks else self.options - {"clean_pixel_data"}


def presets() -> tuple[str, ...]:
    """The names of the presets, the default ``mids`` among them."""
    return tuple(_presets())


def preset(name: str) -> Policy:
    """A preset by its name; raises `MidsError` with the advise names where there is none."""
    known = _presets()
    if name not in known:
        raise MidsError(f"unknown policy {name!r}: {advise(name, known)}")
    return _policy(name, known[name])


def load(path: Path) -> Policy:
    """A user's policy file: YAML with the keys of `Policy`, and `profile`, the preset that it changes.

    `options` are all options, in place of the preset's. Raises `MidsError` with the file and the key where it can't
    be read, holds what no policy has, or contradicts itself.
    """
    try:
        content = read_yaml(path)
    except OSError as error:
        raise MidsError(f"can't read the policy {path} ({error.strerror}): check its path and permissions") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MidsError(f"the policy {path} is not YAML: correct it") from error
    return _policy(path.name, _merge_policy(content, str(path)))


def to_json(policy: Policy) -> dict[str, Json]:
    """A policy as JSON, with all that it says."""
    content = asdict(policy)
    return {**content, "options": sorted(policy.options), "overrides": list(content["overrides"]),
            "safe_private": list(content["safe_private"])}  # fmt: skip


def from_json(content: Mapping[str, Any]) -> Policy:
    """The policy that `to_json` gave."""
    return _policy(content["name"], {key: value for key, value in content.items() if key != "name"})


def chosen(
    name: str, options: Iterable[str] = (), *, without: Iterable[str] = (), ids: Ids | None = None,
    burned_in: BurnedIn | None = None, detect: Detect | None = None, faces: Faces | None = None,
    texts: Texts | None = None, reports: Reports | None = None, lists: str = "", model: str = "",
    base: Policy | None = None,
) -> Policy:  # fmt: skip
    """The policy that flags ask for: a preset, or a file by its name, with changes; `base` where no name is given.

    Raises `MidsError` for an unknown name or option, and for options that exclude or contradict each other.
    """
    if name or base is None:
        base = load(Path(name)) if name.endswith((".yaml", ".yml")) else preset(name or "mids")
    policy = base
    wanted, unwanted = {_option(option) for option in options}, {_option(option) for option in without}
    if both := sorted(wanted & unwanted):
        raise MidsError(f"--option and --without both name {both[0]}: remove one of them")
    kept = policy.options - _find_excluded_option(wanted) - unwanted
    return check_policy(
        replace(
            policy,
            options=kept | wanted,
            ids=ids or policy.ids,
            burned_in=burned_in or policy.burned_in,
            detect=detect or policy.detect,
            faces=faces or policy.faces,
            texts=texts or policy.texts,
            reports=reports or policy.reports,
            lists=lists or policy.lists,
            model=model or policy.model,
        )
    )


def check_policy(policy: Policy) -> Policy:
    """The policy itself; raises `MidsError` where options exclude each other (PS3.15 E.3.6)."""
    if {"retain_full_dates", "retain_modified_dates"} <= policy.options:
        raise MidsError(
            "the options retain_full_dates and retain_modified_dates exclude each other (PS3.15 E.3.6): choose one"
        )
    return policy


def _option(text: str) -> Option:
    """An option by its name, ``-`` for ``_`` and any case allowed."""
    name = text.strip().lower().replace("-", "_").replace(" ", "_").removesuffix("_option")
    name = name.replace("retain_longitudinal_", "retain_")
    for option in OPTIONS:
        if option == name:
            return option
    raise MidsError(f"unknown option {text!r}: {advise(name, OPTIONS)}")


def _find_excluded_option(options: set[Option]) -> set[Option]:
    """The option of a preset that one of the command line replaces: dates are either modified or full."""
    dates: set[Option] = {"retain_full_dates", "retain_modified_dates"}
    return dates - options if len(dates & options) == 1 else set()


def _presets() -> Mapping[str, Mapping[str, Any]]:
    content: Mapping[str, Mapping[str, Any]] = read_yaml(schemas() / "deid" / "presets.yaml")
    return content


def _merge_policy(content: object, place: str) -> Mapping[str, Any]:
    """What a user's file says on top of the preset that it names."""
    import jsonschema  # heavy, and only policies of users are checked

    rules = json.loads((schemas() / "deid" / "policy.json").read_bytes())
    for error in sorted(jsonschema.Draft202012Validator(rules).iter_errors(content), key=lambda e: e.json_path):
        raise MidsError(f"the policy {place}, {error.json_path}: {error.message}")
    assert isinstance(content, dict)
    base = _presets().get(content.get("profile", "basic"))
    if base is None:
        raise MidsError(
            f"the policy {place}: unknown profile {content['profile']!r}: choose from {', '.join(_presets())}"
        )
    return {**base, **{key: value for key, value in content.items() if key != "profile"}}


def _policy(name: str, content: Mapping[str, Any]) -> Policy:
    values = {key: value for key, value in content.items() if key not in ("description", "options")}
    values["overrides"] = tuple(Override(**entry) for entry in content.get("overrides", ()))
    values["safe_private"] = tuple(SafePrivate(**entry) for entry in content.get("safe_private", ()))
    return check_policy(Policy(name, frozenset(_option(text) for text in content.get("options", ())), **values))
