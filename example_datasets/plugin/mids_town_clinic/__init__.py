"""The radiographs of an invented town clinic: DICOM files of any name, and a table of its patients."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mids.errors import MidsError
from mids.issues import issue
from mids.readers.dicom import Instance
from mids.readers.scan import PLAIN, Scanner, left_out
from mids.readers.series import records, subject_key
from mids.readers.table import Table, read_csv
from mids.records import About, Entry, Item
from mids.schema import load

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
)
TABLE = "patients.csv"


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """First what belongs to no patient, then the items patient by patient; raises `MidsError` without the table."""
    if not (root / TABLE).is_file():
        raise MidsError(f"the source holds no {TABLE}: give the folder that the clinic delivered")
    table = read_csv(root, TABLE)
    lines = {row["patient"]: line for line, row in table.numbered()}
    rows = {row["patient"]: row for row in table.rows}
    with scanner.scan(root) as found:
        others = [source for source in found.others() if source.path != TABLE]
        yield [*table.issues, *found.issues(), *left_out(others)]
        for instances in found.by_subject():
            patient = instances[0].text("PatientID")
            yield [*records(root, instances), *_said(rows.pop(patient, {}), instances[0], table, lines.get(patient, 0))]
    message = "a patient of the table has no image"
    yield [issue("IMAGE_MISSING", message, TABLE, where=table.where(lines[name]), origin="read") for name in rows]


def _said(row: Mapping[str, str], instance: Instance, table: Table, line: int) -> Iterator[Item]:
    """What the table says of one patient: a test and a finding."""
    subject = subject_key(instance)
    result = load().code_lists["results"].find(row.get("pcr", ""))
    if result:
        yield Entry("laboratory_tests", subject, {"date": row["pcr_date"], "test": "PCR", "result": result})
    elif row.get("pcr"):
        where = table.where(line, "pcr")
        yield issue("VALUE_UNKNOWN", "an unknown result", TABLE, where=where, value=row["pcr"], origin="read")
    if row.get("finding"):
        values = {"reader": "clinic", "source": TABLE, "labels": json.dumps([row["finding"]])}
        yield Entry("labels", subject, values)
