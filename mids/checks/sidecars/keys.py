"""Sidecars: JSON that can be read, one for each image, as its JSON Schema says, agreeing with the name."""

from collections.abc import Iterator
from functools import lru_cache

from mids.dataset.disk.tree import TOPS
from mids.inspection.bids.rules import missing_keys
from mids.inspection.guards import has_schema_errors, is_odd_json, is_of_bids, lacks_sidecar
from mids.inspection.paths import are_companions, split
from mids.inspection.registry import Finding, Found, check, only_if
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level
from mids.records import Json
from mids.vocabulary.bids.names import split_name
from mids.vocabulary.schema import Schema


@check("JSON_INVALID", per="json", when=is_odd_json)
def json_invalid(file: FileView) -> Found:
    """A JSON file is not valid JSON: a syntax error, NaN, or text that is not UTF-8.

    Why: No program can read it; pybids can't even open the rest of the dataset.

    Fix: Correct the place that the message names; often a comma is missing or superfluous.
    """
    if file.size and file.document.error:
        yield Finding(file.document.error, where=file.document.where)


@check("JSON_KEY_DUPLICATED", per="json", when=is_odd_json)
def json_key_duplicated(file: FileView) -> Found:
    """A JSON object holds the same key twice.

    Why: Programs keep one of the two values silently.

    Fix: Keep the right one.
    """
    for key in file.document.twice:
        yield Finding("the object holds the key twice", where=key)


@check("SIDECAR_MISSING", per="image", when=lacks_sidecar)
def sidecar_missing(image: FileView) -> Found:
    """An image has no sidecar.

    Why: Nobody knows how it was acquired, and what was done to its pixels.

    Fix: Convert the image again, or restore the JSON file with the same stem.
    """
    if not _has_any_sidecar(image) and not _find_shared_sidecar(image):
        yield Finding("there is no JSON file with the same stem", expected=f"{image.stem}.json")


@check("SIDECAR_SHARED", per="image", level=Level.WARNING, when=lacks_sidecar)
def sidecar_shared(image: FileView) -> Found:
    """An image of a published layout has no sidecar of its own; another file of its series has one.

    Why: The sidecar describes one file of the series; which facts apply to the others is unknown.

    Fix: Convert the series again, or compare the files and copy the sidecar for each of them.
    """
    if not _has_any_sidecar(image) and (other := _find_shared_sidecar(image)):
        yield Finding("only another file of the series has a sidecar", expected=other)


def _has_any_sidecar(image: FileView) -> bool:
    """Whether an image has a sidecar, its own or one that it inherits, or is one of BIDS that needs none."""
    return bool(image.sidecars) or (image.is_bids and not any(missing_keys(image.context)))


def _find_shared_sidecar(image: FileView) -> str:
    """In a published layout: the sidecar of a file that differs only in `acq`, else ""."""
    if not image.legacy:
        return ""
    own = _drop_acq(image.stem)
    for path in image.dataset.sidecars:
        stem, _ = split(path)
        if stem.rpartition("/")[0] == image.folder and _drop_acq(stem) == own:
            return path
    return ""


def _drop_acq(stem: str) -> list[str]:
    return [part for part in stem.rpartition("/")[2].split("_") if part and not part.startswith("acq-")]


@only_if(lambda file: file.kind in ("sidecar", "gradient"))
def _may_be_orphan(file: FileView) -> bool:
    return file.kind in ("sidecar", "gradient") and not file.is_companion and not file.is_ignored


@check("SIDECAR_ORPHAN", per="file", when=_may_be_orphan)
def sidecar_orphan(file: FileView) -> Found:
    """A sidecar or gradient file applies to no file: neither to an image or table of its stem, nor to one below it.

    Why: An image is missing, or the two names do not match.

    Fix: Restore the image, or correct the name: suffix and entities must be those of the files that it is for.
    """
    hidden = file.dataset.facts.hidden
    if any(path.startswith(f"{file.stem}.") for path in hidden):
        return
    if not _is_alone(file) and not file.dataset.heritage.below(file.path):
        yield "there is no image with the same stem"


def _is_alone(file: FileView) -> bool:
    """Whether files of this suffix are JSON alone, such as coordsystem.json."""
    rules = file.dataset.facts.bids.file_rules.get(file.context.suffix, ())
    return bool(rules) and all(rule.extensions <= {".json"} for rule in rules)


@check("SIDECAR_ORPHAN_ABOVE", per="dataset")
def sidecar_orphan_above(dataset: DatasetView) -> Found:
    """A sidecar or gradient file at the top of the dataset, or a JSON file of `phenotype/`, applies to no file.

    Why: Nobody reads it; a word in its name is misspelt, or what it was for was removed.

    Fix: Correct its suffix or its entities, or remove it.
    """
    if any(odd.path.startswith(TOPS) and "/" not in odd.path for odd in dataset.tree.odd):
        return  # a whole subject was not seen
    for path in dataset.tree.near:
        if "/" not in path and path.endswith((".json", ".bval", ".bvec")):
            file = dataset.view(path)
            known = file.kind != "description" and path not in BY_THEMSELVES and not _is_alone(file)
            if known and are_companions(dataset.stems[file.stem]) and not _is_used(path, dataset):
                yield Finding("it applies to no file of the dataset", path=path)
        elif path.startswith("phenotype/") and path.endswith(".json") and are_companions(dataset.stems[path[:-5]]):
            yield Finding("there is no table of its name", path=path, expected=f"{path[:-5]}.tsv")


BY_THEMSELVES = frozenset({"genetic_info.json"})
"""JSON files that describe the dataset, not other files."""


def _is_used(path: str, dataset: DatasetView) -> bool:
    """Whether any file below has the suffix and all entities of a file at the top."""
    parts = split_name(path)
    end = f"_{parts.suffix}."
    for other in dataset.tree.near:
        if end in other and "/" in other and not other.endswith((".json", ".bval", ".bvec")):
            found = split_name(other.rpartition("/")[2])
            if found.suffix == parts.suffix and set(parts.pairs) <= set(found.pairs):
                return True
    folder = f"_{parts.suffix}"  # a recording that is a folder without an extension
    return any(other.endswith(folder) for other in dataset.tree.recordings)


@check("SIDECAR_LEGACY", per="sidecar", level=Level.WARNING, when=is_odd_json)
def sidecar_legacy(file: FileView) -> Found:
    """A sidecar has a layout of published datasets: XNAT rows, the DICOM JSON model, or numbers as text.

    Why: BIDS tools can't query it.

    Fix: Convert the image again; new sidecars hold DICOM keywords with typed values.
    """
    names = {"xnat": "rows of an XNAT dump", "dicom": "the DICOM JSON model", "text": "numbers written as text"}
    if file.layout in names:
        bare = ", not wrapped in a ResultSet" if isinstance(file.document.content, list) else ""
        yield f"the layout is {names[file.layout]}{bare}"


@check("SIDECAR_NOT_AN_OBJECT", per="sidecar", when=is_odd_json)
def sidecar_not_an_object(file: FileView) -> Found:
    """A sidecar is JSON, but neither an object nor one of the published layouts.

    Why: It has no keys to look up.

    Fix: Write an object of keywords and values.
    """
    if file.size and not file.document.error and file.layout == "unknown":
        yield "the content is not a JSON object"


def _lacks_keys(image: FileView) -> bool:
    """Whether the sidecars of an image of MIDS lack a key."""
    return bool(image.missing_keys)


@check("SIDECAR_KEY_MISSING", per="image", when=_lacks_keys)
def sidecar_key_missing(image: FileView) -> Found:
    """The sidecars of an image lack a key that an image of its kind must have.

    Why: The pixels can't be understood without it.

    Fix: Add the key with the value from the DICOM header.
    """
    path = image.sidecars[0].path
    return (Finding(f"'{key}' is a required property", where="$", path=path) for key in image.missing_keys)


@check("SIDECAR_VALUE", per="json", when=lambda file: file.kind != "description" and has_schema_errors(file))
def sidecar_value(file: FileView) -> Found:
    """A key of a sidecar, beside its image or above it, has a value of the wrong type, not in its list, or impossible.

    Why: Programs that compute with it fail, or give wrong results.

    Fix: Write the value as docs/vocabulary.md says: numbers as numbers, in the unit given there.
    """
    inverted = "$.PhotometricInterpretation" if file.keys.get("PhotometricInterpretation") == "MONOCHROME1" else ""
    for kind, where, message in file.schema_errors:
        if kind != "required" and where != inverted:  # see PNG_MONOCHROME1
            yield Finding(message, where=where)


def _is_bids_data(file: FileView) -> bool:
    """Whether a file is one of BIDS whose own keys, or those of its sidecars, can be asked for.

    Of files that are one recording together (`.vhdr`, `.vmrk`, `.eeg`) the first is asked.
    """
    if not file.is_bids or file.is_companion or file.is_ignored:
        return False
    if file.kind == "image":
        return True
    parts = [ext for ext in file.dataset.stems[file.stem] if not are_companions((ext,))]
    return not parts or file.extension == min(parts, key=lambda ext: (ext != ".vhdr", ext))


@only_if(is_of_bids)
def _lacks_bids_keys(file: FileView) -> bool:
    return _is_bids_data(file) and bool(_missing(file))


@check("BIDS_KEY_MISSING", per="bids", when=_lacks_bids_keys)
def bids_key_missing(file: FileView) -> Found:
    """A file of a BIDS dataset, or an image in a BIDS folder, lacks a key that BIDS requires, in all its sidecars.

    Why: BIDS tools refuse it; an image that lacks such keys belongs below `mim-…`.

    Fix: Add the key to its sidecar or to one above it, or move an image to the `mim-` folder of its modality.
    """
    return _missing(file) if file.kind == "image" or not file.dataset.facts.mids else ()


@check("BIDS_KEY_ABSENT", per="bids", level=Level.WARNING, when=_lacks_bids_keys)
def bids_key_absent(file: FileView) -> Found:
    """A recording that is no image, such as an EEG, lacks a key that BIDS requires, in a dataset that follows MIDS.

    Why: BIDS tools refuse it; MIDS asks nothing of such recordings.

    Fix: Add the key to its sidecar or to one above it.
    """
    return _missing(file) if file.kind != "image" and file.dataset.facts.mids else ()


def _missing(file: FileView) -> tuple[Finding, ...]:
    """What `_find_missing` finds, once for a file."""
    if "missing keys" not in file.notes:
        file.notes["missing keys"] = tuple(_find_missing(file))
    found: tuple[Finding, ...] = file.notes["missing keys"]
    return found


def _find_missing(file: FileView) -> Iterator[Finding]:
    if file.kind == "image" and not file.sidecars:
        return  # see SIDECAR_MISSING
    if file.kind == "description" or _is_unread(file) or any(map(_is_unread, file.sidecars)):
        return
    for key in missing_keys(file.context):
        yield Finding(f"{key} is missing", path=file.sidecars[0].path if file.sidecars else "")


def _is_unread(file: FileView) -> bool:
    """Whether what a JSON file holds is not known: it was not fetched, or has another layout."""
    return file.extension == ".json" and (file.is_absent or file.layout not in ("mids", "text"))


# --- name against sidecar --------------------------------------------------------------------------------


def _has_sidecar(image: FileView) -> bool:
    return bool(image.sidecars) and image.name is not None


def _text(value: Json) -> str:
    """The text of a value that is alone, or the first of several."""
    value = value[0] if isinstance(value, list) and value else value
    return value.strip() if isinstance(value, str) else ""


def _contradiction(image: FileView, entity: str, code_list: str, keys: tuple[str, ...]) -> Iterator[Finding]:
    """Where a name's entity is another word of its code list than the sidecar's value means."""
    said = image.entities.get(entity)
    words = image.dataset.schema.code_lists.get(code_list)
    for key in keys if said else ():
        raw = _text(image.metadata.get(key))
        meant = _find_code(image.dataset.schema, code_list, raw) if words and raw else None
        if words and said in words.codes and meant and meant != said:
            yield Finding(
                f"the name says {entity}-{said}, {key} means {meant}",
                where=f"$.{key}",
                value=raw,
                expected=meant,
            )


@lru_cache(maxsize=4096)
def _find_code(schema: Schema, code_list: str, raw: str) -> str | None:
    return schema.code_lists[code_list].find(raw)


@check("VIEW_CONTRADICTED", per="image", level=Level.WARNING, when=_has_sidecar, keys=("ViewPosition",))
def view_contradicted(image: FileView) -> Found:
    """The view in the name differs from ViewPosition of the sidecar.

    Why: One of the two is wrong. Some devices write AP on every image, so it may be the header.

    Fix: Look at the image; say in scans.tsv (view_source) what the view was taken from.
    """
    decided_otherwise = image.metadata.get("ViewSource") not in (None, "dicom")
    return () if decided_otherwise else _contradiction(image, "vp", "view_positions", ("ViewPosition",))


@check("BODY_PART_CONTRADICTED", per="image", level=Level.WARNING, when=_has_sidecar, keys=("BodyPartExamined",))
def body_part_contradicted(image: FileView) -> Found:
    """The body part in the name differs from BodyPartExamined of the sidecar.

    Why: One of the two is wrong, and searches find the image under the wrong part or not at all.

    Fix: Look at the image and correct the name.
    """
    return _contradiction(image, "bp", "body_parts", ("BodyPartExamined",))


SIDES = ("ImageLaterality", "Laterality")


@check("LATERALITY_CONTRADICTED", per="image", level=Level.WARNING, when=_has_sidecar, keys=SIDES)
def laterality_contradicted(image: FileView) -> Found:
    """The side in the name differs from ImageLaterality or Laterality of the sidecar.

    Why: Confusing left and right can harm patients.

    Fix: Look at the image and correct the name.
    """
    present = next(((key,) for key in SIDES if image.metadata.get(key)), ())
    return _contradiction(image, "lat", "laterality", present)


@check("MODALITY_CONTRADICTED", per="image", level=Level.WARNING, when=_has_sidecar, keys=("Modality",))
def modality_contradicted(image: FileView) -> Found:
    """The suffix of the name belongs to another modality than Modality of the sidecar.

    Why: One of the two is wrong; the suffix decides how programs read the image.

    Fix: Correct the suffix, or the sidecar.
    """
    modality = _text(image.metadata.get("Modality"))
    suffix = image.suffix
    if modality and suffix and suffix.modalities and modality not in suffix.modalities:
        meant = image.dataset.schema.suffix_of(modality)
        expected = meant.suffix if meant else ""
        yield Finding("the suffix contradicts Modality", where="$.Modality", value=modality, expected=expected)


@only_if(lambda file: "task" in file.shape.parts.entities)
def _says_task(file: FileView) -> bool:
    is_recording = file.kind in ("image", "other")
    return is_recording and "task" in file.shape.parts.entities and "TaskName" in file.metadata


@check("TASK_CONTRADICTED", per="file", level=Level.WARNING, when=_says_task)
def task_contradicted(file: FileView) -> Found:
    """The task in the name differs from TaskName of the sidecar.

    Why: Analyses select runs by their task.

    Fix: Make both say the same; the name keeps only letters and digits of TaskName.
    """
    said = file.shape.parts.entities["task"]
    task = _text(file.metadata["TaskName"])
    plain = "".join(c for c in task if c.isascii() and c.isalnum())
    if plain and plain.casefold() != said.casefold():
        above = next(view.path for view in file.sidecars if "TaskName" in view.keys)
        own = file.kind == "image" and bool(file.sidecar)
        yield Finding("the task in the name differs from TaskName", "$.TaskName", task, said, "" if own else above)
