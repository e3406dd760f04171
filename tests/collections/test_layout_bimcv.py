"""--layout bimcv-covid19: the published names and folders, from the same records; all else stays as it is."""

import json
import re
import shutil
import sqlite3
import subprocess
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import SOURCES
from trees import COMMANDS, chest, fill_folder, put, radiographs, table, tree

from example_datasets.generate import INPUT
from example_datasets.generators import ct, radiograph
from example_datasets.generators.dicomfile import fill, uid
from mids import cli
from mids.conversion import Conversion, convert
from mids.dataset import Dataset
from mids.errors import MidsError
from mids.plan.layouts import parts
from mids.run import Journal
from mids.vocabulary import names

EXAMPLES = {"dicom": INPUT, **{n: SOURCES / n / "input" for n in ("bimcv-covid19", "bimcv-covid19-raw")}}
NAME = re.compile(
    r"sub-[0-9a-zA-Z]+/ses-[0-9a-zA-Z]+/mod-rx/"
    r"sub-[0-9a-zA-Z]+_ses-[0-9a-zA-Z]+(_acq-\d+)?_run-[1-9]\d*(_bp-[a-z]+)?(_vp-[a-z]+)?_((cr|dx)\.png|ct\.nii\.gz)"
)


@pytest.fixture(scope="module", params=sorted(EXAMPLES))
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, key: Path) -> tuple[Conversion, ...]:
    """An example in both layouts: the published one first."""
    name, place = request.param, tmp_path_factory.mktemp("layouts")
    return (
        convert(name, EXAMPLES[name], place / name, key=key, layout="bimcv-covid19"),
        convert(name, EXAMPLES[name], place / "mids", key=key),
    )


def paths(done: Conversion) -> dict[str, str]:
    """The path of every item by its key, for good or not: parts of the examples can't be read."""
    journal = Journal(Path(f"{done.dataset}.mids/journal.sqlite"))
    try:
        return journal.given() | journal.names()
    finally:
        journal.close()


def list_made(done: Conversion) -> list[str]:
    """The file names of a session's images, without subject and session."""
    return sorted(path.split("/")[-1].split("_", 2)[2] for path in paths(done).values())


def plates(tmp_path: Path, *numbers: int, **values: object) -> Path:
    """A source with a CR series of one PA image for each InstanceNumber."""
    for number in numbers:
        named = {"InstanceNumber": number, "SeriesInstanceUID": uid("series", "plates"), **values}
        put(tmp_path / "source", f"plate{number}", fill(radiograph.cr_pa(f"plate{number}"), named))
    return tmp_path / "source"


def test_radiographs_and_ct_have_published_names_and_the_rest_has_ours(both: tuple[Conversion, ...]) -> None:
    published, ours = (paths(done) for done in both)
    assert published
    assert published.keys() == ours.keys()
    for key, path in published.items():
        name = names.parse(ours[key]).name
        assert name is not None
        if name.root:
            assert path.startswith("derivatives/rois/sub-")
            assert "/mod-rx/" in path
        elif name.suffix in ("cr", "dx", "ct"):
            assert NAME.fullmatch(path)
        else:
            assert path == ours[key]


def test_names_are_read_back_to_modern_ones(both: tuple[Conversion, ...]) -> None:
    for path in paths(both[0]).values():
        found = names.parse(path)
        assert {problem.code for problem in found.problems} == ({"LEGACY_FOLDER"} if "/mod-rx/" in path else set())
        assert found.name is not None
        assert found.name.path.split("/")[-1] == path.split("/")[-1]
        assert names.parse(found.name.path) == names.Parsed(found.name, ())
        if found.name.suffix in ("cr", "dx", "ct"):
            assert found.name.group == ("ct" if found.name.suffix == "ct" else "rx")


def test_runs_count_without_gaps_by_session_view_and_suffix(both: tuple[Conversion, ...]) -> None:
    runs: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for path in paths(both[0]).values():
        name = names.parse(path).name
        if name and not name.root and "/mod-rx/" in path:
            runs[name.get("ses") or "", name.get("vp") or "", name.suffix].add(int(name.get("run") or 0))
    assert runs
    assert all(found == set(range(1, len(found) + 1)) for found in runs.values())


def test_images_sidecars_and_tables_are_the_same(both: tuple[Conversion, ...]) -> None:
    published, ours = (paths(done) for done in both)
    stems = {_stem(path): _stem(ours[key]) for key, path in published.items()}
    pattern = re.compile("|".join(map(re.escape, sorted(stems, key=len, reverse=True))))

    def modern(path: str, content: bytes) -> tuple[str, object]:
        """The names in our layout; lines are sorted, because rows stand in the order of paths."""
        named = pattern.sub(lambda found: stems[found[0]], path)
        if not path.endswith((".tsv", ".json")):
            return named, content
        return named, sorted(pattern.sub(lambda found: stems[found[0]], content.decode()).splitlines())

    # A column may hold the name in the published source: it is put in our words on both sides.
    found, expected = (dict(modern(path, content) for path, content in tree(done.dataset).items()) for done in both)
    assert (found.pop(".bidsignore"), expected.pop(".bidsignore")) == (b"**/mim-*\n**/mod-*\n", b"**/mim-*\n")
    assert found == expected


def _stem(path: str) -> str:
    """The last folder and the file's name without its extension."""
    return "/".join(path.split("/")[-2:]).split(".")[0]


def test_validators_find_nothing_but_the_folder(
    both: tuple[Conversion, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = str(both[0].dataset)
    assert cli.validate_main([dataset, "--deep", "--profile", "bimcv-covid19", "--fail-on", "info"]) == 0
    assert cli.validate_main([dataset, "--fail-on", "warning", "--format", "json"]) == 1
    text = capsys.readouterr().out
    codes = {issue["code"] for issue in json.loads(text[text.index("{") :])["issues"] if issue["level"] != "info"}
    published = {"SCAN_CONTRADICTED"} if both[0].dataset.name == "bimcv-covid19" else set()
    assert codes == {"LEGACY_FOLDER"} | published
    done = subprocess.run(
        [COMMANDS / "bids-validator-deno", dataset, "--json"], capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)["issues"]["issues"]
    assert [issue["code"] for issue in found if issue["severity"] == "error"] == []


def test_a_second_run_makes_nothing(both: tuple[Conversion, ...], key: Path) -> None:
    before, collection = tree(both[0].dataset), both[0].dataset.name
    again = convert(collection, EXAMPLES[collection], both[0].dataset, key=key, layout="bimcv-covid19")
    assert again.outcome is not None
    assert (again.outcome.made, again.outcome.removed) == ((), ())
    assert tree(both[0].dataset) == before


def test_the_published_set_gets_its_names_back(tmp_path: Path, key: Path) -> None:
    done = convert("bimcv-covid19", EXAMPLES["bimcv-covid19"], tmp_path / "out", key=key, layout="bimcv-covid19")
    rows = [(scans.parent, row) for scans in done.dataset.glob("sub-*/ses-*/*_scans.tsv") for row in table(scans)]
    assert len(rows) == 5
    for folder, row in rows:  # one view for both files of a series too; the columns have each image's own
        assert (folder / row["filename"]).relative_to(done.dataset).as_posix() == row["source_file"]
    views = [row["view_position"] for _, row in rows if "_acq-" in row["filename"]]
    assert views == ["n/a", "ll"]


def test_the_names_that_bimcv_published_come_back(tmp_path: Path, key: Path) -> None:
    """Gaps in runs, a skull that is called a chest, a CR whose sidecar says DX, a series of two views."""
    source = tmp_path / "source"
    shutil.copytree(EXAMPLES["bimcv-covid19"], source)
    folder = source / "sub-S90001/ses-E900011/mod-rx"
    (picture,) = folder.glob("*.png")
    sidecar = {"Modality": "DX", "BodyPartExamined": "SKULL", "ViewPosition": "PA"}
    for part in (
        "run-3_bp-chest_vp-ap_cr",
        "acq-1_run-7_bp-chest_vp-ll_dx",
        "acq-3_run-7_bp-chest_vp-ll_dx",
        "run-2_cr",
    ):
        shutil.copy(picture, folder / f"sub-S90001_ses-E900011_{part}.png")
        (folder / f"sub-S90001_ses-E900011_{part}.json").write_text(json.dumps(sidecar))
    published = {path.relative_to(source).as_posix() for path in folder.glob("*.png")}
    done = convert("bimcv-covid19", source, tmp_path / "out", key=key, layout="bimcv-covid19")
    written = {
        path.relative_to(done.dataset).as_posix() for path in done.dataset.glob("sub-S90001/ses-E900011/*/*.png")
    }
    assert written == published
    assert len(written) == 5


def test_files_of_a_series_are_counted_and_keep_their_numbers(tmp_path: Path, key: Path) -> None:
    source, dest = plates(tmp_path, 5), tmp_path / "dest"
    assert list_made(convert("dicom", source, dest, key=key, layout="bimcv-covid19")) == ["run-1_bp-chest_vp-pa_cr.png"]
    plates(tmp_path, 7)
    convert("dicom", source, dest, key=key, layout="bimcv-covid19")
    plates(tmp_path, 8)
    put(source, "other", radiograph.cr_pa("another series"))
    done = convert("dicom", source, dest, key=key, layout="bimcv-covid19")
    assert list_made(done) == [
        *(f"acq-{number}_run-1_bp-chest_vp-pa_cr.png" for number in (1, 2, 3)), "run-2_bp-chest_vp-pa_cr.png",
    ]  # fmt: skip
    assert done.outcome is not None
    assert len(done.outcome.made) == 2
    assert sorted(path.name for path in dest.rglob("*.png")) == sorted(Path(p).name for p in paths(done).values())
    assert {row["filename"] for scans in dest.rglob("*_scans.tsv") for row in table(scans)} == {
        "/".join(path.split("/")[2:]) for path in paths(done).values()
    }


def test_a_series_of_two_views_has_one_count_of_files_and_a_run_for_each_view(tmp_path: Path, key: Path) -> None:
    source = plates(tmp_path, 1, 3)
    plates(tmp_path, 2, SeriesDescription="TORAX LAT", ViewPosition="LL")
    done = convert("dicom", source, tmp_path / "dest", key=key, layout="bimcv-covid19")
    assert list_made(done) == [
        "acq-1_run-1_bp-chest_vp-pa_cr.png", "acq-2_run-1_bp-chest_vp-ll_cr.png", "acq-3_run-1_bp-chest_vp-pa_cr.png",
    ]  # fmt: skip


def test_the_volumes_of_a_ct_series_are_counted(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", chest())
    for number, dataset in enumerate(ct.slices(ct.SOFT)):  # one grid more in the same series
        again = {"SOPInstanceUID": uid("instance", f"again {number}"), "PixelSpacing": [9.0, 9.0]}
        put(source, f"again/{number}", fill(dataset, again))
    done = convert("dicom", source, tmp_path / "dest", key=key, layout="bimcv-covid19")
    assert list_made(done) == [f"acq-{number}_run-1_bp-chest_vp-ax_ct.nii.gz" for number in (1, 2)]


@pytest.mark.parametrize(("part", "written"), [("SKULL", "_bp-skull"), ("", ""), ("TORAX", "_bp-chest")])
def test_the_body_part_is_the_images_own(tmp_path: Path, key: Path, part: str, written: str) -> None:
    source = plates(tmp_path, 1, BodyPartExamined=part, Laterality="L")
    done = convert("dicom", source, tmp_path / "dest", key=key, layout="bimcv-covid19")
    (name,) = list_made(done)
    assert name == f"run-1{written}_vp-pa_cr.png"


@pytest.mark.parametrize(("first", "second"), [("mids", "bimcv-covid19"), ("bimcv-covid19", "mids")])
def test_a_destination_keeps_its_layout(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str], first: str, second: str
) -> None:
    source, dest = fill_folder(tmp_path / "source", radiographs()), tmp_path / "dest"
    words = ["dicom", str(source), str(dest), "--key", str(key), "--quiet", "--layout"]
    assert cli.convert_main([*words, first]) == 0
    before = tree(dest)
    capsys.readouterr()
    assert cli.convert_main([*words, second]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"(layout: {first} → {second})" in told
    assert tree(dest) == before
    with pytest.raises(MidsError, match="layout: "):
        convert("dicom", source, dest, key=key, layout=second)  # type: ignore[arg-type]


def test_a_destination_from_before_there_were_layouts_is_ours(tmp_path: Path, key: Path) -> None:
    source, dest = fill_folder(tmp_path / "source", radiographs()), tmp_path / "dest"
    convert("dicom", source, dest, key=key)
    with closing(sqlite3.connect(f"{dest}.mids/journal.sqlite")) as journal, journal:
        journal.execute("DELETE FROM meta WHERE name = 'layout'")
    with pytest.raises(MidsError, match="another layout"):
        convert("dicom", source, dest, key=key, layout="bimcv-covid19")
    again = convert("dicom", source, dest, key=key)
    assert again.outcome is not None
    assert again.outcome.made == ()


def test_the_dataset_is_loaded_as_any_other(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", radiographs())
    done = convert("dicom", source, tmp_path / "dest", key=key, layout="bimcv-covid19")
    images = Dataset(done.dataset).images
    assert sorted(images["suffix"]) == ["cr", "dx", "dx"]
    assert set(images["group"]) == {"rx"}


@given(st.lists(st.text("abcdef", min_size=1), min_size=1, unique=True), st.data())
def test_numbers_inside_a_series_are_unique_kept_and_absent_for_one(keys: list[str], data: st.DataObject) -> None:
    old = data.draw(st.dictionaries(st.sampled_from(keys), st.integers(1, 9)))
    known = {key: f"sub-1/ses-1/mod-rx/sub-1_ses-1_acq-{number}_run-1_cr.png" for key, number in old.items()}
    found = parts(keys, known, "bimcv-covid19")
    assert found.keys() == set(keys)
    if len(keys) == 1:
        assert found == {keys[0]: 0}
        return
    assert len(set(found.values())) == len(keys)
    assert all(found[key] == number for key, number in old.items() if list(old.values()).count(number) == 1)
    new = [found[key] for key in keys if key not in old]
    assert new == sorted(new)
    assert not new or min(new) > max(old.values(), default=0)
