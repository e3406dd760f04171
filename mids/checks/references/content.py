"""Tables against what the files themselves say, and rows that contradict each other."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise

from mids.dataset.disk.heads import NiftiHead, PngHead
from mids.inspection.registry import Finding, Found, check, of_name
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level
from mids.readers.tables.tsv import NA
from mids.vocabulary.schema import Schema

PARTICIPANTS = "participants.tsv"
PARTITIONS = "derivatives/partitions.tsv"
LABELS = "derivatives/labels/labels.tsv"
REPORTS = "derivatives/ehr/reports.tsv"
_EMPTY = ("", NA)


Records = Iterable[tuple[int, Mapping[str, str]]]
"""The line and the filled cells of each row of a table."""


def _records(table: FileView) -> Records:
    """The records of a table; those of a subject's table are kept, for several checks look at them."""
    if not table.subject:
        return _iterate_records(table)
    if "records" not in table.notes:
        table.notes["records"] = tuple(_iterate_records(table))
    found: Records = table.notes["records"]
    return found


def _iterate_records(table: FileView) -> Records:
    header = table.rows.header
    for line, row in zip(table.rows.lines, table.rows.rows, strict=True):
        yield line, {name: value for name, value in zip(header, row, strict=True) if value.strip() not in _EMPTY}


# --- scans -----------------------------------------------------------------------------------------------


@check("SCAN_CONTRADICTED", per="subject", level=Level.WARNING)
def scan_contradicted(subject: DatasetView) -> Found:
    """A row of a scans table gives another modality, body part, view, side or size than the image's name and
    header.

    Why: Selecting images by the table and by their names gives different results.

    Fix: Correct the wrong one.
    """
    for table in subject.find("table"):
        if table.path.endswith("_scans.tsv"):
            for line, row in _records(table):
                path = f"{table.folder}/{row.get('filename', '')}"
                if subject.has(path) and (image := subject.view(path)).kind == "image":
                    for column, expected in _differences(image, row):
                        where = f"row {line}, column {column}"
                        message = f"the image has another {column.replace('_', ' ')}"
                        yield Finding(message, where, row[column][:40], expected, table.path)


def _differences(image: FileView, row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The columns of a row that contradict the image, each with what the image says."""
    if image.name is None or image.suffix is None:
        return
    modalities = image.suffix.modalities
    if "modality" in row and modalities and row["modality"].upper() not in modalities:
        yield "modality", " ".join(modalities)
    for column, entity in (("body_part", "bp"), ("view_position", "vp"), ("laterality", "lat")):
        said = image.entities.get(entity)
        codes = image.dataset.schema.code_lists[image.dataset.schema.entities[entity].code_list].codes
        if column in row and said in codes and said != row[column]:
            yield column, str(said)
    head = image.head
    if isinstance(head, PngHead):
        sizes: dict[str, tuple[int, ...]] = {"rows": (head.rows,), "columns": (head.columns,)}
    else:
        # A reformatted volume may have its image plane along any two axes.
        shape = head.shape[:3] if isinstance(head, NiftiHead) else ()
        sizes = {"rows": shape, "columns": shape}
    for column, lengths in sizes.items():
        if lengths and row.get(column, "").isdecimal() and int(row[column]) not in lengths:
            yield column, " or ".join(map(str, lengths))


# --- participants ----------------------------------------------------------------------------------------


@check("PARTICIPANT_CONTRADICTED", per="subject", level=Level.WARNING)
def participant_contradicted(subject: DatasetView) -> Found:
    """A row of participants.tsv gives other modalities or body parts than the subject's images have.

    Why: A search in the table for one modality misses the subject, or finds it without an image.

    Fix: Correct the row, or restore the missing image.
    """
    images = [image for image in subject.find("image") if image.name and not image.is_mask]
    for label in subject.subjects if images and subject.has(PARTICIPANTS) else ():
        if any(path.startswith(f"{label}/") for path in subject.facts.hidden):
            continue  # which images it has can't be told
        row = subject.view(PARTICIPANTS).by_key.get(label, {})
        said = {word.upper() for word in _split_list(row, "modalities")}
        allowed = [_modalities(image) for image in images]
        # What no suffix stands for is another way of counting, or of recordings that are no images, such as EEG.
        codes = said & _every_modality(subject.schema)
        missing = {min(each) for each in allowed if codes and each and not each & said}
        surplus = codes - frozenset().union(*allowed) if all(allowed) else set()
        yield from _participant(label, "modalities", said, missing, surplus)
        said, parts = _split_list(row, "body_parts"), [_body_part(image) for image in images]
        surplus = said - set(parts) if all(parts) else set()
        yield from _participant(label, "body_parts", said, {part for part in parts if part} - said, surplus)


def _split_list(row: Mapping[str, str], column: str) -> set[str]:
    return {word.strip() for word in row.get(column, NA).split(";")} - {"", NA}


MRI = frozenset({"MR"})


def _modalities(image: FileView) -> frozenset[str]:
    """The modalities that an image can be of; none where nobody can tell."""
    if image.suffix and (image.suffix.modalities or image.suffix.group == "mr"):
        return frozenset(image.suffix.modalities) or MRI
    return MRI if image.dataset.facts.bids.modalities.get(image.shape.datatype) == "mri" else frozenset()


@cache
def _every_modality(schema: Schema) -> frozenset[str]:
    return MRI.union(*(suffix.modalities for suffix in schema.suffixes.values()))


def _body_part(image: FileView) -> str:
    """The code of the body part in an image's name, else in its sidecar; "" for none."""
    if part := image.entities.get("bp"):
        return part
    said = image.metadata.get("BodyPartExamined")
    return image.dataset.schema.code_lists["body_parts"].find(said) or "" if isinstance(said, str) else ""


def _participant(label: str, column: str, said: set[str], missing: set[str], surplus: set[str]) -> Iterator[Finding]:
    """What is wrong with a cell, where it says anything."""
    difference = " ".join([f"+{word}" for word in sorted(missing)] + [f"-{word}" for word in sorted(surplus)])
    if said and difference:
        message = f"the images of {label} differ (+ missing here, - surplus)"
        yield Finding(message, f"row of {label}, column {column}", difference, path=PARTICIPANTS)


@check("AGE_CONTRADICTED", per="subject", level=Level.WARNING)
def age_contradicted(subject: DatasetView) -> Found:
    """The age in participants.tsv differs from that at the subject's first session, or ages fall between
    sessions.

    Why: One of the rows is about another person, or in another unit.

    Fix: Correct the wrong row.
    """
    for label in subject.subjects:
        path = f"{label}/{label}_sessions.tsv"
        if subject.has(path) and subject.has(PARTICIPANTS):
            known = (
                row
                for _, row in _records(subject.view(path))
                if "acq_time" in row and _age(row.get("age", "")) is not None
            )
            ages = [_age(row["age"]) for row in sorted(known, key=lambda row: row["acq_time"])]
            said = _age(subject.view(PARTICIPANTS).by_key.get(label, {}).get("age", ""))
            numbers = [age for age in ages if age is not None]
            if any(later < earlier for earlier, later in pairwise(numbers)):
                yield Finding("the age falls from one session to a later one", where="column age", path=path)
            if numbers and said is not None and abs(numbers[0] - said) > 1:
                message = "participants.tsv has another age at the first session"
                yield Finding(message, "column age", f"{numbers[0]:g}", f"{said:g}", path)


LASTING = ("sex", "handedness", "species", "strain")
"""Columns of a person that no visit changes."""


@check("PERSON_CONTRADICTED", per="subject", level=Level.WARNING)
def person_contradicted(subject: DatasetView) -> Found:
    """A sessions table gives another sex, handedness or species than participants.tsv, or than another of its rows.

    Why: One of the rows is about another person; groups differ by the table that they are made from.

    Fix: Correct the wrong row; where it did change, name the column after what it says, such as gender.
    """
    for label in subject.subjects:
        path = f"{label}/{label}_sessions.tsv"
        if subject.has(path) and not set(LASTING).isdisjoint(subject.view(path).rows.header):
            own = subject.view(PARTICIPANTS).by_key.get(label, {}) if subject.has(PARTICIPANTS) else {}
            first = {name: _spelled(name, own.get(name, NA)) for name in LASTING}
            for line, row in _records(subject.view(path)):
                for name in LASTING:
                    said = _spelled(name, row.get(name, NA))
                    first[name] = first[name] or said
                    if said and said != first[name]:
                        where = f"row {line}, column {name}"
                        yield Finding(
                            "another row about the person gives another value", where, said, first[name], path
                        )


def _spelled(column: str, word: str) -> str:
    """A word as it is spelled in the code list, by its first letter where BIDS has it so; "" where nothing is known."""
    word = word.strip().casefold()
    if word in ("", NA, "unknown", "u"):
        return ""
    return word[:1] if column in ("sex", "handedness") else word


def _age(text: str) -> float | None:
    """An age in years; everyone of 89 and more is 89 (see PRIVACY_AGE)."""
    try:
        return min(89.0, float(text))
    except ValueError:
        return None


# --- rows of derivatives ---------------------------------------------------------------------------------


@of_name
def _is_of_all(table: FileView) -> bool:
    """Whether a table is about many people, and says who they are."""
    return not table.subject and table.path != REPORTS


@check("REFERENCE_CONTRADICTED", per="table", when=_is_of_all, keys=("report_id", "filename"))
def reference_contradicted(table: FileView) -> Found:
    """A row names an image or a report of another participant or session than its own.

    Why: The wrong person gets the label or the split.

    Fix: Correct the id, or what the row names.
    """
    if "report_id" in table.rows.header and table.dataset.has(REPORTS):
        yield from _reports_of_others(table)
    for line, row in _records(table):
        parts = row.get("filename", "").split("/")
        for column, prefix, at in (("participant_id", "sub-", 0), ("session_id", "ses-", 1)):
            said = row.get(column, "")
            own = parts[at] if len(parts) > at + 1 else ""
            if said and own.startswith(prefix) and own.removeprefix(prefix) != said.removeprefix(prefix):
                yield Finding("the image belongs to another", f"row {line}, column {column}", said[:40], own)


def _reports_of_others(table: FileView) -> Iterator[Finding]:
    """The rows of a table that name a report of somebody else."""
    owners = {row.get("report_id", ""): row for _, row in _records(table.dataset.view(REPORTS))}
    for line, row in _records(table):
        owner = owners.get(row.get("report_id", NA), {})
        for column, prefix in (("participant_id", "sub-"), ("session_id", "ses-")):
            said, own = row.get(column, ""), owner.get(column, "")
            if said and own and said.removeprefix(prefix) != own.removeprefix(prefix):
                yield Finding("the report belongs to another", f"row {line}, column {column}", said[:40], own[:40])


@check("REPORT_UNKNOWN", per="dataset")
def report_unknown(dataset: DatasetView) -> Found:
    """A row of the label table names a report that is not in the table of reports.

    Why: The text behind the labels can't be looked up.

    Fix: Add the report, or correct report_id.
    """
    if dataset.has(REPORTS) and dataset.has(LABELS):
        reports = set(dataset.view(REPORTS).rows.column("report_id"))
        for line, row in _records(dataset.view(LABELS)):
            if row.get("report_id", NA) not in {*reports, NA}:
                yield Finding(
                    "the table of reports does not hold this report",
                    f"row {line}, column report_id",
                    row["report_id"][:40],
                    path=LABELS,
                )


@check("IMAGE_WITHOUT_SPLIT", per="dataset", level=Level.WARNING)
def image_without_split(dataset: DatasetView) -> Found:
    """The table of partitions assigns an image to no part of the split.

    Why: Results on the split can't be compared, because everybody treats the image differently.

    Fix: Add a row for the image, or for its session or subject with filename n/a.
    """
    if not dataset.has(PARTITIONS):
        return
    listed = {_find_row_unit(row) for _, row in _records(dataset.view(PARTITIONS))}
    for path in dataset.images:
        subject, session, *_ = path.split("/")
        if not {path, f"{subject}/{session}", subject} & listed:
            yield Finding("the table of partitions has no row for this image", path=path, expected=PARTITIONS)


def _find_row_unit(row: Mapping[str, str]) -> str:
    """What a row of the partitions is about: an image, else a session, else a subject."""
    if "filename" in row:
        return row["filename"]
    subject = "sub-" + row.get("participant_id", "").removeprefix("sub-")
    return f"{subject}/ses-{row['session_id'].removeprefix('ses-')}" if "session_id" in row else subject


@check("LABELS_INCOMPLETE", per="dataset", level=Level.INFO)
def labels_incomplete(dataset: DatasetView) -> Found:
    """A subject has images but no row in the label table.

    Why: It is unknown whether nothing was found or nobody looked.

    Fix: Add a row with an empty list if nothing was found; leave it if nobody looked.
    """
    if dataset.has(LABELS):
        labelled = {
            "sub-" + row.get("participant_id", "").removeprefix("sub-") for _, row in _records(dataset.view(LABELS))
        }
        seen = {path.partition("/")[0] for path in dataset.images}
        for subject in sorted(seen - labelled):
            yield Finding("the label table has no row for this subject", path=subject, expected=LABELS)


@of_name
def _is_split(table: FileView) -> bool:
    return table.path == PARTITIONS


@check("SPLIT_LEAK", per="table", when=_is_split)
def split_leak(table: FileView) -> Found:
    """A participant is in two parts of the split.

    Why: A model trained on a person is tested on the same person, so the results are too good.

    Fix: Put all images of a participant into one part.
    """
    first: dict[str, tuple[str, int]] = {}
    for line, row in _records(table):
        subject, split = row.get("participant_id", ""), row.get("split", "")
        if subject and split:
            other, before = first.setdefault(subject, (split, line))
            if other != split:
                where = f"row {line}, column split"
                yield Finding(f"row {before} has the same participant in another part", where, split[:40], other)
