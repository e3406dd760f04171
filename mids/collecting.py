"""What a package that adds a collection needs: what it is, what it yields, and how sources are read.

A collection is a module with `ABOUT` (an `About`) and ``read(root, scanner)``, which yields sequences of items, one for
each patient and one for what belongs to none. docs/add-a-collection.md shows two of them whole.

What is not in this module, in `mids` or in `mids.testing` may change from one version to the next.
"""

from collections.abc import Mapping

from mids.errors import DataError, MidsError
from mids.issues import Issue
from mids.issues import issue as make_issue
from mids.readers.archives.files import open_source, walk
from mids.readers.dicom.grouping.series import records, study_key, subject_key
from mids.readers.dicom.headers import Instance, PrivateTag
from mids.readers.dicom.scan import PLAIN, Scanner, left_out
from mids.readers.images.pictures import size as picture_size
from mids.readers.tables.table import Table, check_columns, find_file, read_csv
from mids.readers.tables.workbook import read_table
from mids.records import (
    ORIGINAL_REPORT,
    About,
    Entry,
    Geometry,
    Item,
    Json,
    Kind,
    MaskFile,
    Outline,
    PatientKey,
    Person,
    Record,
    Regions,
    Skipped,
    Source,
    Visit,
)
from mids.vocabulary import clinical
from mids.vocabulary.schema import CodeList, load

__all__ = [
    "ORIGINAL_REPORT", "PLAIN", "About", "DataError", "Entry", "Geometry", "Instance", "Issue", "Item", "Json", "Kind",
    "MaskFile", "MidsError", "Outline", "PatientKey", "Person", "PrivateTag", "Record", "Regions", "Scanner", "Skipped",
    "Source",
    "Table", "Visit", "check_columns", "code_list", "find_file", "issue", "left_out", "open_source", "picture_size",
    "read_csv", "read_table", "records", "study_key", "subject_key", "translate_row", "walk",
]  # fmt: skip


def code_list(name: str) -> CodeList:
    """A code list of the vocabulary (`schemas/code_lists`); raises `KeyError` where there is none of that name."""
    return load().code_lists[name]


def issue(code: str, message: str, path: str = "", *, where: str = "", value: str = "", expected: str = "") -> Issue:
    """What is wrong with the source, at one place; docs/codes.md has the codes.

    `path` is relative to the source (`Source.name`) and `where` the place in it. Neither `message` nor `where` may tell
    anything of a patient; `value` may be a cell. Raises `KeyError` for a code that does not exist.
    """
    return make_issue(code, message, path, where=where, value=value, expected=expected, origin="read")


def translate_row(
    collection: str, table: str, row: Mapping[str, str], source: Table, line: int
) -> tuple[dict[str, str], list[Issue]]:
    """The columns of `table` that a row of a source table gives, and an Issue for each value that is not understood.

    Which columns these are, and what the source's spellings mean, is in the collection's vocabulary.yaml. A value that
    is in no code list goes into ``<column>_raw``.
    """
    values, problems = clinical.load(collection).values(table, row)
    messages = {
        "VALUE_UNKNOWN": "the vocabulary does not know this value: add its spelling to vocabulary.yaml",
        "VALUE_IMPLAUSIBLE": "the value is outside the limits of its column",
    }
    return values, [
        issue(one.code, messages[one.code], source.path, where=source.where(line, one.column), value=one.value)
        for one in problems
    ]
