"""What docs/privacy.md and docs/deidentify.md say and no other test shows."""

import csv
from pathlib import Path

import pytest
from trees import fill_folder, radiographs

from mids.conversion import convert
from mids.deid.policy import chosen
from mids.deidentification import deidentify
from mids.errors import MidsError


def test_another_key_other_ids_and_a_converted_dest_are_refused(source: Path, dest: Path, key: Path) -> None:
    deidentify(source, dest, key=key)
    other = dest.with_name("other.key")
    other.write_text("7a" * 32 + "\n", encoding="ascii")
    other.chmod(0o600)
    with pytest.raises(MidsError):
        deidentify(source, dest, key=other)
    with pytest.raises(MidsError):
        deidentify(source, dest, key=key, policy=chosen("mids", ids="keep"))
    convert("dicom", source, dest.with_name("converted"), key=key)
    with pytest.raises(MidsError, match="made by mids convert"):
        deidentify(source, dest.with_name("converted"), key=key)


@pytest.mark.parametrize(("sexes", "expected"), [("MM", "M"), ("FM", "n/a"), ("OO", "O"), ("XX", "n/a")])
def test_the_sex_is_told_where_all_headers_of_a_person_agree(
    tmp_path: Path, key: Path, sexes: str, expected: str
) -> None:
    images = list(radiographs().values())[:2]
    for image, sex in zip(images, sexes, strict=True):
        image.PatientID, image.PatientSex, image.StudyInstanceUID = "P1", sex, "1.2.3"
    source = fill_folder(tmp_path / "s", {str(number): image for number, image in enumerate(images)})
    done = convert("dicom", source, tmp_path / "d", key=key)
    with (done.dataset / "participants.tsv").open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream, delimiter="\t")
    assert row.get("sex", "n/a") == expected
