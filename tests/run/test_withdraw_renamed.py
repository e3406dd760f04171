"""A patient who was called otherwise, listed in a table, or withdrawn after another, is gone as everybody is."""

import shutil
from pathlib import Path

import chestxray
import pytest
from trees import codes, fill_folder, images, put, radiographs, source_rows

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


def call_otherwise(collection: str, names: str, folder: Path, key: Path) -> tuple[Path, dict[str, str], list[str]]:
    """A dataset of two who swap their names, or of whom one gets the other's former one.

    Also the subject's folder of each source file, and the two subject IDs as they are without corrections.
    """
    source, dest, plain = folder / "source", folder / "dest", folder / "plain"
    if collection == "dicom":
        fill_folder(source, radiographs())
    else:
        chestxray.source(source, [chestxray.row(1), chestxray.row(2)])
    convert(collection, source, plain, key=key)
    paths = {found.split("/")[0].removeprefix("sub-"): found for found in images(plain)}
    one, other = sorted(paths)
    pairs = ((one, other), (other, one if names == "swapped" else "P003"))
    rows = "".join(f"{paths[old]}\tsubject\t{old}\t{new}\tA\tseen\n" for old, new in pairs)
    fix = put(folder, "fix.tsv", f"{HEAD}{rows}".encode())
    assert convert(collection, source, dest, key=key, curation=fix).exit_code == 0
    found = {row["source"]: row["filename"].split("/")[0] for row in read_sources(dest) if row["filename"]}
    return dest, found, [one, other]


@pytest.mark.parametrize("collection", ["dicom", "covid-chestxray"])
@pytest.mark.parametrize("names", ["swapped", "passed on"])
@pytest.mark.parametrize("who", [0, 1])
def test_who_has_the_name_now_is_withdrawn(names: str, collection: str, who: int, tmp_path: Path, key: Path) -> None:
    """The other one, who had it before, stays as a person called them.

    The withdrawal is stopped, goes on, and is asked for once more.
    """
    dest, before, ids = call_otherwise(collection, names, tmp_path, key)
    name = [ids[1], ids[0] if names == "swapped" else "P003"][who]
    theirs = {source for source, folder in before.items() if folder == f"sub-{name}"}
    assert 0 < len(theirs) < len(before)
    left = [path for path in images(dest) if not path.startswith(f"sub-{name}/")]
    line = ["withdraw", f"sub-{name}", str(dest), "--key", str(key)]
    page = Path(f"{dest}.html")
    page.mkdir()  # it can't be removed: the withdrawal stops
    assert cli.main(line) == 2
    page.rmdir()
    for _ in range(2):
        assert cli.main(line) == 0
        assert images(dest) == left
        assert codes(convert(collection, tmp_path / "source", dest).issues) == []
        assert images(dest) == left
        rows = list(read_sources(dest))
        assert {row["source"] for row in rows if row["filename"]} == before.keys() - theirs
        assert {row["reason"] for row in rows if row["source"] in theirs} == {WITHDRAWN}


def test_the_number_of_who_is_withdrawn_takes_nobody_else_out(tmp_path: Path, key: Path) -> None:
    """Without corrections, the withdrawn patient had the subject ID that the other one has now."""
    dest, before, _ = call_otherwise("dicom", "swapped", tmp_path, key)
    line = ["withdraw", "123", str(dest), "--key", str(key)]
    assert cli.main(line) == 0
    left = images(dest)
    assert {path.split("/")[0] for path in left} == {before["a/1"]} != {before["b/1"]}
    assert cli.main(line) == 2  # nothing is left to take out
    assert images(dest) == left
