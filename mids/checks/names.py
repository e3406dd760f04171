"""Names and places: what the grammar of `mids.vocabulary.names` says of every file below a subject."""

from collections.abc import Iterator, Mapping

from mids.inspection.guards import has_name_problems
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level


def _problems(file: FileView, code: str) -> Iterator[Finding]:
    """The problems of one kind that parsing the name found."""
    return (Finding(p.message, expected=p.expected) for p in file.name_problems if p.code == code)


@check("NAME_UNPARSEABLE", per="file", when=has_name_problems)
def name_unparseable(file: FileView) -> Found:
    """The name of a file below a subject does not consist of `key-value` pairs, a suffix and an extension.

    Why: Programs find images by their names, and can't find this one.

    Fix: Rename the file to the form `sub-<label>_ses-<label>_run-<index>_<suffix>.<extension>`, or move it to
    `sourcedata/`.
    """
    return _problems(file, "NAME_UNPARSEABLE")


@check("ENTITY_UNKNOWN", per="file", when=has_name_problems)
def entity_unknown(file: FileView) -> Found:
    """A name holds a key that the vocabulary does not define.

    Why: The meaning of the value is unknown, and indexers drop the key or the file.

    Fix: Use a key of the vocabulary (see docs/vocabulary.md), or put the fact into the sidecar.
    """
    return _problems(file, "ENTITY_UNKNOWN")


@check("ENTITY_FORBIDDEN", per="file", when=has_name_problems)
def entity_forbidden(file: FileView) -> Found:
    """A name holds an entity that BIDS does not allow for its suffix.

    Why: BIDS tools refuse the file, or drop the entity and mix it up with another one.

    Fix: Remove the entity, and put what it says into the sidecar.
    """
    return _problems(file, "ENTITY_FORBIDDEN")


@check("ENTITY_MISSING", per="file", when=has_name_problems)
def entity_missing(file: FileView) -> Found:
    """A name lacks an entity that its suffix or its place requires.

    Why: Without it, files of different subjects, sessions or repetitions can't be told apart.

    Fix: Add the entity that the message names.
    """
    return _problems(file, "ENTITY_MISSING")


@check("ENTITY_DUPLICATED", per="file", when=has_name_problems)
def entity_duplicated(file: FileView) -> Found:
    """A name holds the same key twice.

    Why: Programs differ in which of the two values they keep.

    Fix: Keep the right one; the other is often a misspelt key, such as `bp-ap` for `vp-ap`.
    """
    return _problems(file, "ENTITY_DUPLICATED")


@check("ENTITY_EMPTY", per="file", when=has_name_problems)
def entity_empty(file: FileView) -> Found:
    """A name holds a key without a value, or two underscores in a row.

    Why: Some programs read an empty value as a missing entity, others as an error.

    Fix: Add the value, or remove the entity.
    """
    return _problems(file, "ENTITY_EMPTY")


@check("ENTITY_MISORDERED", per="file", level=Level.WARNING, when=has_name_problems)
def entity_misordered(file: FileView) -> Found:
    """The entities of a name are not in the order of the vocabulary.

    Why: Tools that build names in the order of the standard do not find the file.

    Fix: Rename the file as shown under expected, and its sidecar and table rows with it.
    """
    return _problems(file, "ENTITY_MISORDERED")


@check("ENTITY_VALUE", per="file", level=Level.WARNING, when=has_name_problems)
def entity_value(file: FileView) -> Found:
    """The vocabulary does not allow this value of an entity.

    Why: Searches for a body part or a view find only the words of the code list.

    Fix: Use the word of the code list that the message names; keep the raw value in the sidecar.
    """
    return _problems(file, "ENTITY_VALUE")


@check("SUFFIX_UNKNOWN", per="file", when=has_name_problems)
def suffix_unknown(file: FileView) -> Found:
    """The last word of a name is not a suffix of the vocabulary.

    Why: The suffix decides the modality; without it nothing else can be checked.

    Fix: Use the lower-case DICOM modality (cr, dx, ct …) or the BIDS suffix (T1w, bold …).
    """
    return _problems(file, "SUFFIX_UNKNOWN")


@check("EXTENSION_WRONG", per="file", when=has_name_problems)
def extension_wrong(file: FileView) -> Found:
    """An image or its companion has an extension that its suffix does not allow.

    Why: 2D images are PNG and volumes are `.nii.gz`, so that every program opens them.

    Fix: Convert the file to the format that the message names.
    """
    return _problems(file, "EXTENSION_WRONG")


@check("FOLDER_UNKNOWN", per="file", when=has_name_problems)
def folder_unknown(file: FileView) -> Found:
    """A file lies in a folder that neither BIDS nor MIDS defines.

    Why: Programs do not look there.

    Fix: Move the file to the folder of its modality, such as `mim-rx` or `anat`.
    """
    return _problems(file, "FOLDER_UNKNOWN")


@check("FOLDER_WRONG", per="file", level=Level.WARNING, when=has_name_problems)
def folder_wrong(file: FileView) -> Found:
    """A file lies in the folder of another modality than its suffix says.

    Why: Searches for a modality miss it. This validator trusts the suffix, not the folder.

    Fix: Move the file to the path shown under expected.
    """
    return _problems(file, "FOLDER_WRONG")


@check("FOLDER_MISMATCH", per="file", when=has_name_problems)
def folder_mismatch(file: FileView) -> Found:
    """The subject or session in a name differs from that of its folder.

    Why: Half of all programs assign the image to the wrong person or visit.

    Fix: Find out which of the two is right, and correct the other.
    """
    return _problems(file, "FOLDER_MISMATCH")


@check("LEGACY_NAME", per="file", level=Level.WARNING, when=has_name_problems)
def legacy_name(file: FileView) -> Found:
    """A name has a form of published datasets that is no longer written.

    Why: This validator understands it, but other tools do not.

    Fix: Rename the file to the modern name shown under expected.
    """
    return _problems(file, "LEGACY_NAME")


@check("LEGACY_FOLDER", per="file", level=Level.WARNING, when=has_name_problems)
def legacy_folder(file: FileView) -> Found:
    """A folder has a name of published datasets that is no longer written, such as `mod-rx`.

    Why: This validator understands it, but other tools do not.

    Fix: Move the file to the modern path shown under expected.
    """
    return _problems(file, "LEGACY_FOLDER")


@check("RUN_GAP", per="subject", level=Level.INFO, mids=True)
def run_gap(subject: DatasetView) -> Found:
    """The run numbers of otherwise identical image names do not count from 1 without a gap.

    Why: An image may be missing. The gap is right if images were removed on purpose.

    Fix: Restore the missing image, or leave the gap.
    """
    runs: dict[tuple[object, ...], dict[int, str]] = {}
    for image in subject.find("image"):
        name = image.name
        if name and not name.root and not image.legacy and (run := name.get("run")) and run.isdecimal():
            others = tuple(entity for entity in name.entities if entity[0] != "run")
            runs.setdefault((image.folder, others, name.suffix), {})[int(run)] = image.path
    for found in runs.values():
        yield from _gaps(found)


def _gaps(found: Mapping[int, str]) -> Iterator[Finding]:
    """The first number of a series of runs that its predecessor does not announce."""
    for expected, run in enumerate(sorted(found), start=1):
        if run != expected:
            message = "the run numbers have a gap before this one"
            yield Finding(message, value=str(run), expected=str(expected), path=found[run])
            return
