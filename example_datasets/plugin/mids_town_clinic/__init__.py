"""The radiographs of an invented town clinic: DICOM files of any name, and a table of its patients."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mids.collecting import (
    PLAIN,
    About,
    Entry,
    Item,
    Person,
    Scanner,
    Table,
    code_list,
    find_file,
    issue,
    left_out,
    read_csv,
    records,
    subject_key,
    translate_row,
)

ABOUT = About(
    name="town-clinic",
    title="Chest radiographs of a town clinic",
    description="Radiographs of patients with a suspicion of COVID-19, with their tests and findings. All invented.",
    licence="CC0-1.0",
    authors=("Ada Example", "Ben Example"),
    how_to_cite="Example A, Example B. Chest radiographs of a town clinic. 2026.",
    limitations=("One clinic, three patients.",),
    commercial_use="allowed",
    redistribution="allowed",
    ids="real",
    dates="real",
    access="It lies in example/input.",
    expected="A folder with patients.csv; DICOM files of any name anywhere below it.",
)
TABLE = "patients.csv"


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """First what belongs to no patient, then the items patient by patient; raises `MidsError` without the table."""
    table = read_csv(root, find_file(root, [TABLE]))
    rows = {row["patient"]: (line, row) for line, row in table.numbered()}
    with scanner.scan(root) as found:
        others = [source for source in found.others() if source.path != TABLE]
        yield [*table.issues, *found.issues(), *left_out(others)]
        for instances in found.by_subject():
            line, row = rows.pop(instances[0].text("PatientID"), (0, {}))
            yield [*records(root, instances), *_said(subject_key(instances[0]), row, table, line)]
    message = "a patient of the table has no image"
    yield [issue("IMAGE_MISSING", message, TABLE, where=table.where(line)) for line, _ in rows.values()]


def _said(subject: str, row: Mapping[str, str], table: Table, line: int) -> Iterator[Item]:
    """What the table says of one patient: columns by the names of vocabulary.yaml, a test, and a finding."""
    values, problems = translate_row(ABOUT.name, "participants", row, table, line)
    yield Person(subject, values)
    yield from problems
    result = code_list("results").find(row.get("pcr", ""))
    if result:
        yield Entry("laboratory_tests", subject, {"date": row["pcr_date"], "test": "PCR", "result": result})
    elif row.get("pcr"):
        where = table.where(line, "pcr")
        yield issue("VALUE_UNKNOWN", "this is no result of a test", TABLE, where=where, value=row["pcr"])
    if row.get("finding"):
        yield Entry("labels", subject, {"reader": "clinic", "source": TABLE, "labels": json.dumps([row["finding"]])})
