"""A patient who was called otherwise, listed in a table, or withdrawn after another, is gone as everybody is."""

import shutil
from pathlib import Path

import chestxray
import pytest
from trees import fill_folder, images, put, radiographs, source_rows

from example_datasets.generators import radiograph
from mids import cli
from mids.conversion import convert
from mids.records import WITHDRAWN
from mids.run.sources import read_sources

HEAD = "file\tfield\told\tnew\twho\twhy\n"


@pytest.mark.parametrize("name", ["P001", "before"])
@pytest.mark.parametrize("collection", ["dicom", "covid-chestxray"])
def test_a_renamed_patient_stays_away(collection: str, name: str, tmp_path: Path, key: Path) -> None:
    """Also where ids are public, and where the row names the file in another way than the table of sources does."""
    dest, source = tmp_path / "dest", tmp_path / "source"
    if collection == "dicom":
        fill_folder(source, radiographs())
    else:
        chestxray.source(source, [chestxray.row(1), chestxray.row(2)])
    convert(collection, source, tmp_path / "plain", key=key)
    row = next(each for each in reversed(source_rows(tmp_path / "plain")) if each["filename"] != "n/a")
    old, place = row["filename"].split("/")[0].removeprefix("sub-"), row["source"]
    rows = f"./{place}\tsubject\t{old}\tP001\tA\tRENAMED-BECAUSE\n{row['filename']}\tredact\t\t0,0,9,9\tA\tseen\n"
    fix = put(tmp_path, "fix.tsv", f"{HEAD}{rows}".encode())
    convert(collection, source, dest, key=key, curation=fix)
    assert {path.split("/")[0] for path in images(dest)} > {"sub-P001"}
    assert cli.main(["withdraw", old if name == "before" else name, str(dest), "--key", str(key)]) == 0
    left = Path(f"{dest}.mids/choices.json").read_text("utf-8")
    assert not [text for text in ("RENAMED-BECAUSE", row["filename"]) if text in left]
    again = convert(collection, source, dest)
    assert [each["reason"] for each in source_rows(dest) if each["source"] == place] == [WITHDRAWN]
    assert again.exit_code == 0
    assert {path.split("/")[0] for path in images(dest)} & {"sub-P001", f"sub-{old}"} == set()


@pytest.mark.parametrize("by", ["123", "B2"])
def test_a_table_of_ids_says_nothing_of_who_was_withdrawn(by: str, tmp_path: Path, key: Path) -> None:
    source, dest = fill_folder(tmp_path / "source", radiographs()), tmp_path / "dest"
    ids = put(tmp_path, "ids.csv", b"id_old,id_new\n000123,A1\n123,B2\n")
    line = [
        "convert",
        "dicom",
        str(source),
        str(dest),
        "--key",
        str(key),
        "-q",
        "--ids",
        "table",
        "--id-table",
        str(ids),
    ]
    assert cli.main(line) == 0
    assert cli.main(["withdraw", by, str(dest), "--key", str(key)]) == 0
    assert '"123"' not in Path(f"{dest}.mids/choices.json").read_text("utf-8")
    assert cli.main(["convert", "--again", str(dest), "--key", str(key), "-q"]) == 0
    assert [row["reason"] for row in source_rows(dest) if row["source"] == "b/1"] == [WITHDRAWN]
    assert cli.main(line) == 0
    assert {path.split("/")[0] for path in images(dest)} == {"sub-A1"}


@pytest.mark.parametrize("is_packed", [False, True])
def test_two_are_withdrawn_one_after_the_other(is_packed: bool, tmp_path: Path, key: Path) -> None:
    """Their headers name an issuer, and their files have characters at which Python parts lines, but no table does."""
    files = dict(zip(("a\x0cb\x85", "c\u2028d", "e\tf"), radiographs().values(), strict=True))
    source, dest = fill_folder(tmp_path / "source", files), tmp_path / "dest"
    stays = radiograph.dx_ap()
    stays.PatientID = "stays"
    put(source, "g", stays)
    if is_packed:
        shutil.make_archive(str(tmp_path / "packed/all"), "zip", source)
        source = tmp_path / "packed"
    convert("dicom", source, dest, key=key)
    for number in ("123", "000123"):
        assert cli.main(["withdraw", number, str(dest), "--key", str(key)]) == 0
    left = images(dest)
    assert len(left) == len(list(read_sources(dest))) == 1
    index = b"".join(path.read_bytes() for path in Path(f"{dest}.mids").glob("index-*"))
    assert b"000123" not in index
    assert b"stays" in index
    assert convert("dicom", source, dest).exit_code == 0
    assert images(dest) == left
    assert [row["reason"] for row in read_sources(dest) if row["status"] == "skipped"] == [WITHDRAWN] * 3
