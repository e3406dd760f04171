"""A whole conversion of pictures with text in them, and the sheet that shows their borders."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from image2d import image, write_dataset
from lettering import NAME, lettered, radiograph
from PIL import Image
from trees import source_rows

from mids.conversion import Conversion, convert
from mids.deid import keys
from mids.deid.burned.glyphs import text_boxes
from mids.deid.burned.sheet import contact_sheet
from mids.deid.policy import BurnedIn, Detect, chosen
from mids.report.plan import summary

# --- a whole conversion ------------------------------------------------------------------------------------


def source(root: Path) -> Path:
    """Two radiographs of one patient, one with the name in its pixels, and an ultrasound with the name in it."""
    root.mkdir()
    named = lettered(radiograph(1), NAME, (30, 20), 20)[0]
    for number, (modality, picture) in enumerate([("CR", radiograph(2)), ("CR", named), ("US", named)]):
        uid = f"1.2.826.0.1.{number + 1}"
        header = {
            "Modality": modality, "PatientID": "X1", "StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": f"{uid}.1",
            "SOPInstanceUID": uid, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "BodyPartExamined": "CHEST",
            "StudyDate": "20200101", "InstanceNumber": 1, "SeriesNumber": number,
        }  # fmt: skip
        dataset = image(picture, header)
        dataset.file_meta.MediaStorageSOPInstanceUID = uid
        (root / f"{number}.dcm").write_bytes(write_dataset(dataset))
    return root


def converted(tmp_path: Path, name: str, burned_in: BurnedIn, detect: Detect) -> Conversion:
    folder = tmp_path / "source"
    policy = chosen("mids", burned_in=burned_in, detect=detect)
    key = tmp_path / "study.key"
    if not key.exists():
        keys.create(key)
    return convert("dicom", folder if folder.exists() else source(folder), tmp_path / name, policy=policy, key=key)


def made_as(done: Conversion, suffix: str) -> list[Path]:
    assert done.outcome is not None
    return [done.dataset / path for path in done.outcome.made if path.endswith(suffix)]


@pytest.mark.slow
def test_a_conversion_holds_blanks_reports_or_releases(tmp_path: Path) -> None:
    held = converted(tmp_path, "held", "hold", "glyphs")
    assert (len(made_as(held, "_cr.png")), len(made_as(held, "_us.png"))) == (1, 0)
    assert sorted(found.code for found in held.issues) == ["PRIVACY_HELD_BACK", "PRIVACY_TEXT_FOUND"]
    assert held.exit_code == 0
    first, second = summary(held.plan, held.outcome, held.issues, "x").splitlines()[:2]
    assert first.startswith("needs you  1 file withheld")
    assert second.strip().startswith("1 image withheld")
    assert "--burned-in release" in first
    assert "--burned-in blank or release" in second
    assert "1 image made, 0 kept, 0 lost, 1 withheld" in summary(held.plan, held.outcome, held.issues, "x")
    rows = [row for row in source_rows(held.dataset) if row["reason"].startswith("withheld: ")]
    assert [row["status"] for row in rows] == ["skipped", "skipped"]

    blanked = converted(tmp_path, "blanked", "blank", "glyphs")
    pictures = made_as(blanked, ".png")
    assert len(pictures) == 3
    assert all(text_boxes((np.asarray(Image.open(path)) // 257).astype(np.uint8)) == () for path in pictures)
    listed = ["BlankedRegions" in json.loads(path.with_suffix(".json").read_text("utf-8")) for path in pictures]
    assert sorted(listed) == [False, True, True]

    reported = converted(tmp_path, "reported", "report", "none")
    assert sorted(found.code for found in reported.issues) == ["PRIVACY_TEXT_KEPT", "PRIVACY_UNSEEN"]  # not looked at
    assert len(made_as(reported, ".png")) == 3
    released = converted(tmp_path, "released", "release", "glyphs")
    assert [found.code for found in released.issues] == ["PRIVACY_UNSEEN"]  # released without a look
    assert len(made_as(released, ".png")) == 3


# --- contact sheet -----------------------------------------------------------------------------------------


def test_a_contact_sheet_shows_the_four_borders() -> None:
    picture = np.zeros((400, 600), np.uint8)
    picture[:40], picture[-40:], picture[:, :40], picture[:, -40:] = 60, 120, 180, 240
    picture[150:250, 200:400] = 33
    sheet = np.asarray(Image.open(BytesIO(contact_sheet([("p1", picture), ("p2", picture)]))))
    shown = {int(value) for value in np.unique(sheet[..., 0])}
    assert {60, 120, 180, 240} <= shown
    assert 33 not in shown, "the middle is not shown"
    with pytest.raises(ValueError, match="at least one image"):
        contact_sheet([])
