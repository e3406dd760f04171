"""Values that can't be: of tables in another unit than is said, of directions."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from example_datasets.invented import as_json, as_tsv
from example_datasets.small import PARTICIPANTS, RX, RX_KEYS, radiograph, set_keys, write
from mids.validation.runner import validate

Said = set[tuple[str, str, str]]


def told(folder: Path, changed: Mapping[str, bytes]) -> Said:
    """Code, path and place of everything that is said of a valid dataset with these files."""
    write({**radiograph(), **changed}, folder / "dataset")
    return {(issue.code, issue.path, issue.where) for issue in validate(folder / "dataset")}


def people(column: str, value: str, units: str) -> dict[str, bytes]:
    """A participant with one more value, in a column of some units."""
    return {
        "participants.tsv": as_tsv(f"{PARTICIPANTS} {column}", f"sub-S01 40 F DX chest {value}"),
        "participants.json": as_json({column: {"Description": "As it was measured", "Units": units}}),
    }


@pytest.mark.parametrize(
    ("column", "value", "units"),
    [
        ("weight", "72000", "kg"),
        ("body_weight", "72000", "kilograms"),
        ("height", "172", "m"),
        ("height", "1720", "cm"),
        ("height", "1.72", "cm"),
        ("birth_weight", "3400", "kg"),
    ],
)
def test_a_value_that_is_hardly_in_its_unit_is_told(column: str, value: str, units: str, tmp_path: Path) -> None:
    found = told(tmp_path, people(column, value, units))
    assert found == {("COLUMN_UNIT", "participants.tsv", f"row 2, column {column}")}


@pytest.mark.parametrize(
    ("column", "value", "units"),
    [
        ("weight", "72", "kg"),
        ("weight", "0.021", "kg"),  # a mouse
        ("weight", "72000", "g"),
        ("weight", "n/a", "kg"),
        ("height", "172", "cm"),
        ("height", "1.72", "m"),
        ("height", "9", "cm"),  # a mouse
        ("lesion_height", "300", "cm"),
        ("weight", "72000", "stones"),
    ],
)
def test_values_of_people_and_animals_are_silent(column: str, value: str, units: str, tmp_path: Path) -> None:
    assert told(tmp_path, people(column, value, units)) == set()


@pytest.mark.parametrize("value", [["L", "L"], ["L", "R"], ["P", "A"], ["F", "H"]])
def test_rows_and_columns_along_one_axis_are_told(value: list[str], tmp_path: Path) -> None:
    found = told(tmp_path, {f"{RX}.json": set_keys(RX_KEYS, PatientOrientation=value)})
    assert ("PATIENT_ORIENTATION_CONTRADICTED", f"{RX}.png", "$.PatientOrientation") in found


@pytest.mark.parametrize("value", [["L", "F"], ["LF", "FR"], ["L"], [], ["", ""]])
def test_other_directions_are_silent(value: list[str], tmp_path: Path) -> None:
    found = told(tmp_path, {f"{RX}.json": set_keys(RX_KEYS, PatientOrientation=value)})
    assert not [issue for issue in found if issue[0] == "PATIENT_ORIENTATION_CONTRADICTED"]
