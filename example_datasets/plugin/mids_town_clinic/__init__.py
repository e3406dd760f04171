"""The radiographs of an invented town clinic: DICOM files of any name, and a table of its patients."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mids.errors import MidsError
from mids.issues import issue
from mids.readers.dicom.scan import PLAIN, Scanner, left_out
from mids.readers.dicom.series import records, subject_key
from mids.readers.tables.table import Table, read_csv
from mids.records import About, Entry, Item, Person
from mids.vocabulary import clinical
from mids.vocabulary.schema import load

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
    if not (root / TABLE).is_file():
        raise MidsError(f"the source holds no {TABLE}: see mids-convert --about {ABOUT.name}")
    table = read_csv(root, TABLE)
    rows = {row["patient"]: (line, row) for line, row in table.numbered()}
    with scanner.scan(root) as found:
        others = [source for source in found.others() if source.path != TABLE]
        yield [*table.issues, *found.issues(), *left_out(others)]
        for instances in found.by_subject():
            line, row = rows.pop(instances[0].text("PatientID"), (0, {}))
            yield [*records(root, instances), *_said(subject_key(instances[0]), row, table, line)]
    message = "a patient of the table has no image"
    yield [issue("IMAGE_MISSING", message, TABLE, where=table.where(line), origin="read") for line, _ in rows.values()]


def _said(subject: str, row: Mapping[str, str], table: Table, line: int) -> Iterator[Item]:
    """What the table says of one patient: columns by the names of vocabulary.yaml, a test, and a finding."""
    values, problems = clinical.load(ABOUT.name).values("participants", row)
    yield Person(subject, values)
    unknown = [(problem.column, problem.value) for problem in problems]
    result = load().code_lists["results"].find(row.get("pcr", ""))
    if result:
        yield Entry("laboratory_tests", subject, {"date": row["pcr_date"], "test": "PCR", "result": result})
    elif row.get("pcr"):
        unknown.append(("pcr", row["pcr"]))
    for column, value in unknown:
        where = table.where(line, column)
        yield issue("VALUE_UNKNOWN", "not in the vocabulary", TABLE, where=where, value=value, origin="read")
    if row.get("finding"):
        yield Entry("labels", subject, {"reader": "clinic", "source": TABLE, "labels": json.dumps([row["finding"]])})
