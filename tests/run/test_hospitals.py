"""Two hospitals in one dataset: who has the same number is not the same person, and keys are told apart."""

from pathlib import Path

import pytest
from trees import codes, fill_folder, images, table, tree

from example_datasets.generators import radiograph
from mids import cli
from mids.conversion import convert
from mids.deid import keys
from mids.deidentification import deidentify
from mids.errors import MidsError


def delivery(folder: Path, *, born: str = "19310102", sex: str = "F", **others: str) -> Path:
    """A radiograph of patient 4711; UIDs are the hospital's own."""
    image = radiograph.dx_pa()
    image.PatientID, image.PatientBirthDate, image.PatientSex = "4711", born, sex
    image.IssuerOfPatientID = ""
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(image, keyword, f"2.25.{abs(hash((folder.name, keyword)))}")
    for keyword, value in others.items():
        setattr(image, keyword, value)
    return fill_folder(folder, {"a.dcm": image})


@pytest.mark.parametrize("other", [{"born": "19900102", "sex": "M"}, {"born": "19900102"}, {"sex": "M"}])
def test_another_person_of_the_same_number_is_not_merged(other: dict[str, str], tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "out"
    convert("dicom", delivery(tmp_path / "one"), dest, key=key)
    before = tree(dest)
    done = convert("dicom", delivery(tmp_path / "two", **other), dest, key=key)
    assert (done.exit_code, codes(done.issues).count("PATIENT_CONTRADICTED")) == (1, 1)
    after = tree(dest)
    assert {path: after.get(path) for path in before if path.endswith((".png", ".tsv"))} == {
        path: content for path, content in before.items() if path.endswith((".png", ".tsv"))
    }
    assert convert("dicom", tmp_path / "one", dest, key=key).exit_code == 0


@pytest.mark.parametrize("other", [{"born": "19900102", "sex": "M"}, {"born": "19900102"}, {"sex": "M"}])
def test_dicom_of_another_person_of_the_same_number_is_not_merged(
    other: dict[str, str], tmp_path: Path, key: Path
) -> None:
    dest = tmp_path / "out"
    deidentify(delivery(tmp_path / "one"), dest, key=key)
    before = tree(dest)
    done = deidentify(delivery(tmp_path / "two", **other), dest, key=key)
    assert (done.exit_code, codes(done.issues).count("PATIENT_CONTRADICTED")) == (1, 1)
    assert {path for path in tree(dest) if path.endswith(".dcm")} == {path for path in before if path.endswith(".dcm")}
    assert deidentify(delivery(tmp_path / "three"), dest, key=key).exit_code == 0
    assert len([path for path in tree(dest) if path.endswith(".dcm")]) == 2


@pytest.mark.parametrize("flag", ["issuer", "site"])
def test_an_issuer_makes_two_patients_of_one_number(flag: str, tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "out"
    for name, born in (("one", "19310102"), ("two", "19900102")):
        done = convert("dicom", delivery(tmp_path / name, born=born), dest, key=key, **{flag: name})  # type: ignore[arg-type]
        assert done.exit_code == 0
    people = table(dest / "participants.tsv")
    assert len(people) == len(images(dest)) == 2
    assert sorted(row.get("site", "") for row in people) == (["one", "two"] if flag == "site" else ["", ""])
    before = tree(dest)
    assert convert("dicom", tmp_path / "one", dest).exit_code == 0  # the issuer holds without being said again
    assert tree(dest) == before
    with pytest.raises(MidsError, match=f"--change {flag}"):
        convert("dicom", tmp_path / "one", dest, **{flag: "three"})  # type: ignore[arg-type]


def test_the_same_person_of_two_deliveries_is_one(tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "out"
    convert("dicom", delivery(tmp_path / "one"), dest, key=key)
    assert convert("dicom", delivery(tmp_path / "two", born="", sex=""), dest, key=key).exit_code == 0
    assert len(table(dest / "participants.tsv")) == 1
    assert len(images(dest)) == 2


def test_a_hospital_may_correct_a_header(tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "out"
    convert("dicom", delivery(tmp_path / "one"), dest, key=key)
    (tmp_path / "one" / "a.dcm").unlink()
    assert convert("dicom", delivery(tmp_path / "one", born="19310201"), dest, key=key).exit_code == 0
    assert len(images(dest)) == 1


def test_an_issuer_of_the_header_counts_more(tmp_path: Path, key: Path) -> None:
    one = delivery(tmp_path / "one", IssuerOfPatientID="OWN")
    plain = convert("dicom", one, tmp_path / "plain", key=key)
    given = convert("dicom", one, tmp_path / "given", key=key, issuer="OTHER")
    assert images(plain.dataset) == images(given.dataset)


def test_dicom_of_two_issuers_is_of_two_patients(tmp_path: Path, key: Path) -> None:
    found = [
        deidentify(delivery(tmp_path / "one"), tmp_path / issuer, key=key, issuer=issuer).dataset
        for issuer in ("A", "B")
    ]
    assert len({path.split("/")[0] for dataset in found for path in tree(dataset) if path.endswith(".dcm")}) == 2


# Keys


def test_a_fingerprint_tells_keys_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for name in ("a", "b"):
        made = keys.create(tmp_path / name)
        assert cli.main(["key", "show", str(tmp_path / name)]) == 0
        shown.append(capsys.readouterr().out.strip())
        assert shown[-1].replace("-", "") not in made.secret.hex()
    assert shown[0] != shown[1]
    source = delivery(tmp_path / "one")
    convert("dicom", source, tmp_path / "out", key=tmp_path / "a")
    with pytest.raises(MidsError) as refused:
        convert("dicom", source, tmp_path / "out", key=tmp_path / "b")
    assert all(fingerprint in str(refused.value) for fingerprint in shown)


@pytest.mark.parametrize("mode", [0o666, 0o644, 0o640, 0o604])
def test_a_key_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    keys.create(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(MidsError, match="chmod 600"):
        convert("dicom", delivery(tmp_path / "one"), tmp_path / "out", key=tmp_path / "key")
    assert not (tmp_path / "out").exists()
