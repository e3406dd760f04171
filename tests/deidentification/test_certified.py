"""Who may say that pixels name nobody: a person or a complete rule for the device, never a detector."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from image2d import image
from lettering import NAME, lettered, radiograph
from pydicom.dataset import Dataset
from trees import fill_folder

from mids.conversion import convert
from mids.deid.describe import describe
from mids.deid.policy import BurnedIn, Detect, chosen, preset
from mids.deidentification import FACTS, Deidentification, deidentify

CR, DX = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"
SEARCHED = "pixels searched by glyphs: "


def picture(number: int, pixels: np.ndarray, **more: Any) -> Dataset:
    uid = f"1.2.826.0.1.{number}"
    header = {
        "Modality": "DX", "PatientID": "X1", "StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": f"{uid}.1",
        "SOPInstanceUID": uid, "SOPClassUID": DX, "BodyPartExamined": "CHEST", "StudyDate": "20200101", **more,
    }  # fmt: skip
    dataset = image(pixels, header)
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    return dataset


def vertical() -> np.ndarray:
    """A name along the edge, which the glyph detector does not see."""
    turned = lettered(np.rot90(radiograph(1)), NAME, (200, 12), 12, fill=130)[0]
    return np.ascontiguousarray(np.rot90(turned, -1))


def run(tmp_path: Path, key: Path, burned_in: BurnedIn, detect: Detect, **more: Any) -> Deidentification:
    policy = chosen("mids", burned_in=burned_in, detect=detect)
    return deidentify(tmp_path / "s", tmp_path / "out", policy=policy, key=key, **more)


def delivered(tmp_path: Path) -> list[Dataset]:
    return [pydicom.dcmread(path) for path in sorted((tmp_path / "out").rglob("*.dcm"))]


def claims(dataset: Dataset) -> tuple[str, bool]:
    """BurnedInAnnotation, and whether Clean Pixel Data is among the codes."""
    codes = {item.CodeValue for item in dataset.DeidentificationMethodCodeSequence}
    return dataset.get("BurnedInAnnotation", ""), "113101" in codes


def test_a_search_that_found_nothing_certifies_nothing(tmp_path: Path, key: Path) -> None:
    fill_folder(tmp_path / "s", {"1": picture(1, radiograph(2))})
    run(tmp_path, key, "blank", "glyphs")
    (clean,) = delivered(tmp_path)
    assert claims(clean) == ("", False)
    assert f"{SEARCHED}nothing found" in clean.DeidentificationMethod
    done = json.loads((tmp_path / "out" / FACTS).read_text())
    assert [*done["BurnedInTextSearch"].values()] == ["glyphs: nothing found"]


def test_what_was_redacted_by_a_detector_is_not_certified_either(tmp_path: Path, key: Path) -> None:
    named = lettered(radiograph(2), NAME, (30, 20), 20)[0]
    fill_folder(tmp_path / "s", {"1": picture(1, named, BurnedInAnnotation="YES"), "2": picture(2, named)})
    run(tmp_path, key, "blank", "glyphs")
    assert sorted(map(claims, delivered(tmp_path))) == [("", False), ("YES", False)]


@pytest.mark.parametrize(("burned_in", "told"), [("report", "1 region kept"), ("blank", "1 region redacted")])
def test_no_of_the_source_does_not_stay_where_text_was_found(
    tmp_path: Path, key: Path, burned_in: BurnedIn, told: str
) -> None:
    named = lettered(radiograph(2), NAME, (30, 20), 20)[0]
    fill_folder(tmp_path / "s", {"1": picture(1, named, SOPClassUID=CR, Modality="CR", BurnedInAnnotation="NO")})
    run(tmp_path, key, burned_in, "glyphs")
    (one,) = delivered(tmp_path)
    assert claims(one) == ("", False)
    assert f"{SEARCHED}{told}" in one.DeidentificationMethod
    done = convert(
        "dicom", tmp_path / "s", tmp_path / "d", policy=chosen("mids", burned_in=burned_in, detect="glyphs"), key=key
    )
    (sidecar,) = (json.loads(path.read_text()) for path in done.dataset.glob("sub-*/**/*.json"))
    assert sidecar["BurnedInTextSearch"] == f"glyphs: {told}"
    assert "BurnedInAnnotation" not in sidecar


def test_no_becomes_yes_where_the_kind_of_image_must_say_one_of_them(tmp_path: Path, key: Path) -> None:
    named = lettered(radiograph(2), NAME, (30, 20), 20)[0]
    fill_folder(tmp_path / "s", {"1": picture(1, named, BurnedInAnnotation="NO")})
    run(tmp_path, key, "blank", "glyphs")
    (one,) = delivered(tmp_path)
    assert claims(one) == ("YES", False)


def test_no_of_the_source_stays_as_its_word_where_nothing_is_found(tmp_path: Path, key: Path) -> None:
    fill_folder(tmp_path / "s", {"1": picture(1, radiograph(2), BurnedInAnnotation="NO")})
    run(tmp_path, key, "blank", "glyphs")
    (one,) = delivered(tmp_path)
    assert claims(one) == ("NO", False)


def test_a_person_certifies_one_image_and_new_ones_are_withheld_again(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "s", {str(n): picture(n, radiograph(n), Modality="US") for n in (1, 2)})
    table = tmp_path / "curation.tsv"
    table.write_text("file\tfield\told\tnew\twho\twhy\n1.2.826.0.1.1\trelease\t\t\tA. Reader\tno text, Dra. Izco\n")
    done = run(tmp_path, key, "hold", "none", curation=table)
    assert [claims(one) for one in delivered(tmp_path)] == [("NO", True)]
    assert [found.code for found in done.issues] == ["PRIVACY_HELD_BACK"]
    told = json.loads((tmp_path / "out" / FACTS).read_text())["Curation"]
    (path,) = (path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.dcm"))
    assert [(row["Decision"], row["Who"], row["Why"]) for row in told] == [
        ("release", "[NAME]", "no text, Dra. [NAME]")
    ]
    assert told[0]["Image"].startswith("source:") or told[0]["Image"] == path
    fill_folder(source, {"3": picture(3, radiograph(3), Modality="US")})
    again = run(tmp_path, key, "hold", "none")
    assert len(delivered(tmp_path)) == 1
    assert sum(item.status == "withheld" for subject in again.plan.subjects for item in subject.skipped) == 2


def test_reasons_are_told_without_what_only_the_header_knows(tmp_path: Path, key: Path) -> None:
    header = {
        "PatientName": "ZUTANEZ^NADIA",
        "ReferringPhysicianName": "QUELOQUE^X",
        "InstitutionName": "Hospital Vall Fosca",
    }
    images = {number: picture(number, radiograph(number), Modality="US", **header) for number in (1, 2)}
    row = "1.2.826.0.1.{}\trelease\t\t\tqueloque\tasked queloque of Fosca, as zutanez nadia wished\n".format
    table = tmp_path / "curation.tsv"
    told = {}
    for number, rows in ((1, [row(1)]), (2, [row(1), row(2)])):  # the second source, then, without the first one
        table.write_text("file\tfield\told\tnew\twho\twhy\n" + "".join(rows))
        fill_folder(tmp_path / str(number), {"a": images[number]})
        policy = chosen("mids", burned_in="hold", detect="none")
        deidentify(tmp_path / str(number), tmp_path / "out", policy=policy, key=key, curation=table)
        told[number] = json.loads((tmp_path / "out" / FACTS).read_text())["Curation"]
    assert [row["Who"] for row in (*told[1], *told[2])] == ["[NAME]", "n/a", "[NAME]"]
    whys = [row["Why"] for row in (*told[1], *told[2])]
    assert whys[1] == "n/a"
    assert all(why.startswith("asked [NAME] of [INST], as [NAME]") for why in (whys[0], whys[2]))


def test_boxes_of_a_person_are_redacted_and_files_excluded(tmp_path: Path, key: Path) -> None:
    fill_folder(tmp_path / "s", {"1": picture(1, radiograph(1)), "2": picture(2, radiograph(2))})
    table = tmp_path / "curation.tsv"
    rows = ["file\tfield\told\tnew\twho\twhy", "1\tredact\t\t0,0,50,700\tA\tb", "2\texclude\t\t\tA\tb"]
    table.write_text("\n".join(rows) + "\n")
    run(tmp_path, key, "hold", "none", curation=table)
    (left,) = delivered(tmp_path)
    assert len(np.unique(left.pixel_array[:50, :700])) == 1
    assert claims(left) == ("", False)


def test_a_complete_rule_for_the_device_certifies_its_page(tmp_path: Path, key: Path) -> None:
    page = picture(
        1, np.full((512, 512), 90, np.uint8), Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2",
        Manufacturer="TOSHIBA", ManufacturerModelName="Aquilion ONE", ImageType=["DERIVED", "SECONDARY"], WindowWidth=1,
        WindowCenter=1,
    )  # fmt: skip
    canon = picture(2, radiograph(2, 2592, 300), Modality="CR", Manufacturer="CANON", ManufacturerModelName="CXDI")
    fill_folder(tmp_path / "s", {"1": page, "2": canon})
    run(tmp_path, key, "blank", "none")
    by_modality = {one.Modality: claims(one) for one in delivered(tmp_path)}
    assert by_modality == {"CT": ("NO", True), "CR": ("", False)}


def test_sidecars_say_who_looked_and_who_certified(tmp_path: Path, key: Path) -> None:
    fill_folder(tmp_path / "s", {str(n): picture(n, radiograph(n)) for n in (1, 2)})
    table = tmp_path / "curation.tsv"
    table.write_text("file\tfield\told\tnew\twho\twhy\n1\trelease\t\t\tA. Reader\tno text\n")
    policy = chosen("mids", burned_in="blank", detect="glyphs")
    done = convert("dicom", tmp_path / "s", tmp_path / "d", policy=policy, key=key, curation=table)
    sidecars = [json.loads(path.read_text()) for path in sorted(done.dataset.glob("sub-*/**/*_dx.json"))]
    said = [(one.get("BurnedInAnnotation"), one.get("BurnedInTextSearch")) for one in sidecars]
    assert sorted(said, key=str) == [("NO", None), (None, "glyphs: nothing found")]


def test_a_policy_that_does_not_look_does_not_list_clean_pixel_data() -> None:
    assert "Clean Pixel Data" not in describe(preset("bimcv"))
    assert "Clean Pixel Data" not in describe(chosen("bimcv", ["clean_pixel_data"]))
    assert "Clean Pixel Data" in describe(chosen("bimcv", ["clean_pixel_data"], detect="glyphs"))
