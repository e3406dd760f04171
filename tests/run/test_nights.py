"""Ten nights on a hospital's share end in the tree of one clean run."""

import shutil
from pathlib import Path

import pytest
from trees import another, images, person, put, tree

from mids import cli
from mids.conversion import convert
from mids.deid.policy import chosen

pytestmark = pytest.mark.slow


def deliver(share: Path, number: int) -> Path:
    """A folder of a patient's radiographs, as many as the remainder of the number."""
    for image in range(1 + number % 3):
        values = person(f"P{number}", IssuerOfPatientID="", StudyInstanceUID=f"1.2.826.0.1.3680043.8.498.{number}")
        put(share, f"{number}/{image}", another(f"night {number} {image}", **values))
    return share / str(number)


def test_ten_nights_end_as_one_clean_run(tmp_path: Path, key: Path) -> None:
    """Deliveries come, a mount is away, a file is half written, a patient withdraws, the policy is tightened."""
    share, dest = tmp_path / "share", tmp_path / "dest"
    deliver(share, 1)
    deliver(share, 2)
    codes = [convert("dicom", share, dest, key=key).exit_code]  # 1: the first delivery
    deliver(share, 3)
    codes.append(convert("dicom", share, dest).exit_code)  # 2: it grows
    (share / "2").rename(tmp_path / "away")
    (share / "2").mkdir()
    before = images(dest)
    codes.append(convert("dicom", share, dest).exit_code)  # 3: a mount is empty
    assert images(dest) == before
    (share / "2").rmdir()
    (tmp_path / "away").rename(share / "2")
    codes.append(convert("dicom", share, dest).exit_code)  # 4: and is back
    half = deliver(share, 4) / "0"
    content = half.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    codes.append(convert("dicom", share, dest).exit_code)  # 5: a file is half written
    half.write_bytes(content)
    codes.append(convert("dicom", share, dest).exit_code)  # 6: and is whole
    assert cli.main(["withdraw", "P3", str(dest)]) == 0
    codes.append(convert("dicom", share, dest).exit_code)  # 7: a patient has withdrawn
    codes.append(convert("dicom", share, dest, policy=chosen("basic"), change=["policy"]).exit_code)  # 8: tightened
    deliver(share, 5)
    codes.append(convert("dicom", share, dest).exit_code)  # 9: it grows once more
    codes.append(convert("dicom", share, dest).exit_code)  # 10: nothing is new
    assert codes == [0, 0, 1, 0, 1, 0, 0, 0, 0, 0]
    shutil.rmtree(share / "3")
    convert("dicom", share, tmp_path / "clean", key=key, policy=chosen("basic"))
    assert tree(dest) == tree(tmp_path / "clean")
    assert len({path.split("/")[0] for path in images(dest)}) == 4
