"""COVID19-CT-dataset: archives of every kind become patients, one at a time; facts of the paper are marked as such."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import nibabel as nib
import numpy as np
import pytest
from places import SOURCES
from pydicom.dataset import Dataset
from trees import codes, images, put, source_status, table, tree

from example_datasets.generate import sources
from example_datasets.generators import anatomy, covid19_ct
from example_datasets.generators.chest import slices
from example_datasets.generators.dicomfile import encode, fill
from example_datasets.generators.rar5 import Member, archive
from mids.collections import covid19_ct as collection
from mids.collections.covid19_ct import patients
from mids.conversion import Conversion, convert
from mids.dataset.layout import bids_layout
from mids.errors import MidsError
from mids.readers.archives.volumes import first_volume
from mids.readers.dicom.scan import Scanner
from mids.records import Person, Source
from mids.vocabulary import clinical

GOLDEN = SOURCES / "covid19-ct" / "mids"
ONE = covid19_ct.members("1")
T = TypeVar("T")
R = TypeVar("R")


def _pack_patient(number: str, **values: object) -> bytes:
    """A RAR of one patient's series, attributes set as given."""
    found = []
    for path, content in covid19_ct.members(number):
        found.append(Member(path, content))
    if values:
        values = {"Manufacturer": "NMS", **values}
        datasets = [fill(dataset, values) for dataset in slices(covid19_ct.SCANS[number][0])]
        found = [Member(str(index), encode(dataset)) for index, dataset in enumerate(datasets)]
    return archive(found)


def _convert_files(tmp_path: Path, key: Path, files: Mapping[str, Dataset | bytes]) -> Conversion:
    for path, content in files.items():
        put(tmp_path / "source", path, content)
    return convert("covid19-ct", tmp_path / "source", tmp_path / "dest", key=key)


def _ids(done: Conversion) -> list[str]:
    return [row["source_id"] for row in table(done.dataset / "participants.tsv")]


# Who is a patient


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a.rar", "b.RAR", "c.7z", "d.zip", "e.tar.gz"], {"a", "b", "c", "d", "e"}),
        (["x/y/a.rar", "x/b.rar"], {"a", "b"}),
        (["a.part1.rar", "a.part2.rar", "a.part3.rar"], {"a"}),
        (["a.rar", "a.r00", "a.r01"], {"a"}),
        (["a.7z.001", "a.7z.002"], {"a"}),
        (["p1/s/1", "p1/t/2", "p2/1"], {"p1", "p2"}),
        (["part/a.rar", "part/p1/s/1", "part/p2/1", "p3/1"], {"a", "p1", "p2", "p3"}),
        (["x/a.rar", "y/a.rar", "b.rar"], {"x/a", "y/a", "b"}),
        (["x/a.rar", "y/A.rar"], {"x/a", "y/A"}),
        (["1.dcm", "2.dcm"], {"ROOT"}),
        (["1.dcm", "p1/2.dcm"], {"ROOT", "p1"}),
        (["1.dcm", "a.rar"], {"", "a"}),
    ],
)
def test_a_patient_is_an_archive_or_a_folder(paths: list[str], expected: set[str]) -> None:
    archives = {path for path in paths if re.search(r"(rar|7z|zip|gz|001)$", path, re.I) and not first_volume(path)}
    found = patients(Path("/somewhere/ROOT"), [Source(path) for path in paths], archives)
    assert {name for name, _ in found} == expected
    assert sorted(source.path for _, group in found for source in group) == sorted(paths)


def test_two_archives_of_one_name_stay_two_patients(tmp_path: Path, key: Path) -> None:
    done = _convert_files(tmp_path, key, {"a/P.rar": _pack_patient("1"), "b/P.rar": _pack_patient("2")})
    assert done.issues == ()
    assert _ids(done) == ["a/P", "b/P"]


def test_names_that_give_one_label_stay_two_patients(tmp_path: Path, key: Path) -> None:
    done = _convert_files(tmp_path, key, {"P (1).rar": _pack_patient("1"), "P_1.rar": _pack_patient("2")})
    assert done.issues == ()
    assert sorted(_ids(done)) == ["P (1)", "P_1"]
    assert len({row["participant_id"] for row in table(done.dataset / "participants.tsv")}) == 2


def test_of_a_bundle_each_archive_is_a_patient(tmp_path: Path, key: Path) -> None:
    bundle = archive(
        [Member("all/A.rar", _pack_patient("1")), Member("all/B.rar", _pack_patient("2")), Member("x.txt", b"note")]
    )
    put(tmp_path, "dataverse_files.rar", bundle)
    done = convert("covid19-ct", tmp_path / "dataverse_files.rar", tmp_path / "dest", key=key)
    assert done.issues == ()
    assert _ids(done) == ["A", "B"]


def test_a_bundle_is_read_as_the_folder_that_it_was(tmp_path: Path, key: Path) -> None:
    files = {"a/P.rar": _pack_patient("1"), "b/P.rar": _pack_patient("2"), "Q.rar": _pack_patient("3")}
    loose = {f"c/F/{n}": content for n, (path, content) in enumerate(ONE) if path.endswith(".DCM")}
    bundle = archive([Member(path, content) for path, content in {**files, **loose}.items()])
    done = _convert_files(tmp_path, key, {"all.rar": bundle, "q.rar": _pack_patient("4")})
    assert _ids(done) == ["all.rar/Q", "all.rar/a/P", "all.rar/b/P", "c", "q"]


def test_one_archive_is_one_patient(tmp_path: Path, key: Path) -> None:
    put(tmp_path, "P7.rar", _pack_patient("1"))
    assert _ids(convert("covid19-ct", tmp_path / "P7.rar", tmp_path / "dest", key=key)) == ["P7"]


def test_loose_files_beside_archives_are_not_merged_into_a_patient(tmp_path: Path, key: Path) -> None:
    files = {f"x{path.rsplit('/', 1)[-1]}": content for path, content in ONE if path.endswith(".DCM")}
    done = _convert_files(tmp_path, key, {**files, "P2.rar": _pack_patient("2")})
    assert sorted(_ids(done)) == ["P2", "n/a"]  # no header has a PatientID, and the study's UID is not published


def test_several_ids_in_one_archive_are_told(tmp_path: Path, key: Path) -> None:
    found = list(slices(covid19_ct.SCANS["1"][0]))
    for dataset, name in zip(found, "AABBBBBB", strict=True):
        dataset.PatientID, dataset.Manufacturer = name, "Neusoft"
    content = archive([Member(str(index), encode(dataset)) for index, dataset in enumerate(found)])
    done = _convert_files(tmp_path, key, {"P.rar": content})
    assert codes(done.issues) == ["PATIENT_AMBIGUOUS"]
    assert _ids(done) == ["P"]


# What proves the collection


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"PatientName": "ROE^JANE"}, "name patients"),
        ({"PatientBirthDate": "19310102"}, "name patients"),
        ({"Manufacturer": "ACME"}, "other than the collection's Neusoft"),
        ({"Manufacturer": ""}, "no header names the collection's scanner"),
    ],
)
def test_another_source_is_refused_before_anything_is_written(
    tmp_path: Path, key: Path, values: dict[str, str], missing: str
) -> None:
    """Facts of the paper and the folder's name would be published of somebody else's patient."""
    with pytest.raises(MidsError, match=missing) as refused:
        _convert_files(tmp_path, key, {"ROE JANE.rar": _pack_patient("1", **values)})
    assert "dicom, which takes any DICOM" in str(refused.value)
    assert not any((tmp_path / "dest").iterdir())


# One at a time


def test_patients_come_one_by_one_and_nothing_is_unpacked_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    for number in "12345":
        put(tmp_path / "source", f"P{number}.rar", _pack_patient(number))
    found: list[list[str]] = []
    for batch in collection.read(tmp_path / "source"):
        found.append([item.subject for item in batch if isinstance(item, Person)])
        assert list((tmp_path / "scratch").iterdir()) == []
    assert [names for names in found if names] == [["P1"], ["P2"], ["P3"], ["P4"], ["P5"]]


def test_a_second_run_makes_nothing_again(tmp_path: Path, key: Path) -> None:
    files = {"P1.rar": _pack_patient("1"), "P2.rar": _pack_patient("2")}
    first = _convert_files(tmp_path, key, files)
    before = tree(first.dataset)
    again = convert("covid19-ct", tmp_path / "source", tmp_path / "dest", key=key)
    assert again.outcome is not None
    assert (again.outcome.made, len(again.outcome.kept)) == ((), 2)
    assert tree(again.dataset) == before


# Facts of the paper


def test_facts_of_the_paper_are_marked() -> None:
    for row in table(GOLDEN / "participants.tsv"):
        assert (row["age"], row["sex"]) == ("n/a", "n/a")
        assert (row["covid_test"], row["country"], row["region"]) == ("positive", "Iran", "Mashhad")
        assert row["collection_facts"] == "country;covid_test;region"
    for row in table(GOLDEN / "phenotype/collection_facts.tsv"):
        assert row["source"] == "paper"
        assert (row["contrast"], row["patient_position"], row["scan_mode"]) == ("no", "supine", "helical")
    for row in table(GOLDEN / "derivatives/ehr/laboratory_tests.tsv"):
        assert (row["date"], row["test"], row["result"], row["source"]) == ("n/a", "PCR", "positive", "paper")
    for path in GOLDEN.rglob("*_scans.tsv"):
        assert {(row["contrast"], row["collection_facts"]) for row in table(path)} == {("no", "contrast")}


def test_tables_to_be_filled_have_a_row_for_each_patient_and_the_nine_groups() -> None:
    people = [row["participant_id"] for row in table(GOLDEN / "participants.tsv")]
    patterns = table(GOLDEN / "phenotype/ct_patterns.tsv")
    assert [row["participant_id"] for row in patterns] == people
    assert len(patterns[0]) - 1 == 9
    comorbidities = table(GOLDEN / "phenotype/comorbidities.tsv")
    assert [row["participant_id"] for row in comorbidities] == people
    assert {value for row in (*patterns, *comorbidities) for key, value in row.items() if key != "participant_id"} == {
        "n/a"
    }
    schema = clinical.load("covid19-ct").schema
    lists = [schema.tables["ct_patterns"].columns[name].code_list for name in patterns[0]]
    assert {"ct_opacities", "ct_associated_signs", "underlying_lung_diseases", "opacity_distributions"} < set(lists)


def test_a_table_that_was_filled_is_kept_by_later_runs(tmp_path: Path, key: Path) -> None:
    done = _convert_files(tmp_path, key, {"P.rar": _pack_patient("1")})
    path = done.dataset / "phenotype/comorbidities.tsv"
    path.write_text(path.read_text(encoding="utf-8").replace("n/a", "diabetes;other"), encoding="utf-8")
    again = convert("covid19-ct", tmp_path / "source", tmp_path / "dest", key=key)
    assert codes(again.issues) == ["FILE_MERGED"]
    assert table(path) == [{"participant_id": "sub-P", "comorbidities": "diabetes;other"}]


@pytest.mark.parametrize(
    ("values", "contradicted", "contrast"),
    [
        ({"ContrastBolusAgent": "Omnipaque 350"}, "contrast", "n/a"),
        ({"ContrastBolusAgent": "NONE"}, "", "no"),
        ({"PatientPosition": "HFP"}, "patient_position", "no"),
        ({"PatientPosition": "FFS"}, "", "no"),
    ],
)
def test_headers_that_contradict_the_paper_are_told(
    tmp_path: Path, key: Path, values: dict[str, str], contradicted: str, contrast: str
) -> None:
    done = _convert_files(tmp_path, key, {"P.rar": _pack_patient("1", **values)})
    assert codes(done.issues) == (["VALUE_CONTRADICTED"] if contradicted else [])
    assert all(contradicted in found.message for found in done.issues)
    (path,) = done.dataset.rglob("*_scans.tsv")
    assert table(path)[0].get("contrast", "n/a") == contrast


# Bad input


def test_bad_archives_are_one_issue_each_and_the_rest_is_converted(tmp_path: Path, key: Path) -> None:
    whole = _pack_patient("1")
    files: dict[str, Dataset | bytes] = {
        "good.rar": whole,
        "cut.rar": _pack_patient("2")[: len(whole) // 2],
        "empty.rar": b"",
        "html.rar": b"<html>please log in</html>",
        "lonely.part2.rar": whole,
        "nothing.rar": archive([Member("readme.txt", b"no image")]),
        "bad.zip": b"PK",
    }
    done = _convert_files(tmp_path, key, files)
    assert codes(done.issues) == ["ARCHIVE_UNREADABLE"] * 5
    assert {found.path for found in done.issues} == {"cut.rar", "empty.rar", "html.rar", "lonely.part2.rar", "bad.zip"}
    assert "good" in _ids(done)
    assert source_status(done.dataset)["nothing.rar!readme.txt"] == "skipped"
    assert {name for name, said in source_status(done.dataset).items() if said == "lost"} == {
        found.path for found in done.issues
    }


def test_no_path_leads_out_of_the_scratch_folder(tmp_path: Path, key: Path) -> None:
    found = [content for path, content in ONE if path.endswith(".DCM")]
    names = ["../../../1", "/tmp/mids-2", "..\\..\\3", "link/4", *map(str, range(5, 9))]
    members = [Member("link", link="/tmp"), *(Member(*file) for file in zip(names, found, strict=True))]
    put(tmp_path, "deep/source/P.rar", archive(members))
    done = convert("covid19-ct", tmp_path / "deep/source", tmp_path / "deep/dest", key=key)
    assert done.exit_code == 0
    assert len(images(done.dataset)) == 1
    assert not Path("/tmp/mids-2").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"source", "dest", "dest.mids"}


@pytest.mark.shared
def test_every_rar_of_the_real_programs_is_a_patient(shared: Path, tmp_path: Path, key: Path) -> None:
    shutil.copytree(shared / "covid19-ct/rar", tmp_path / "source")
    done = convert("covid19-ct", tmp_path / "source", tmp_path / "dest", key=key, jobs=2)
    lost = {found.path for found in done.issues if found.code == "ARCHIVE_UNREADABLE"}
    assert lost == {"rar5_corrupt.rar", "rar5_password_secret.rar"}
    whole = {"rar4", "rar4_solid", "rar5", "rar5_solid", "rar5_store_purepython", "rar5_vol"}
    assert whole <= set(_ids(done)) <= {*whole, "rar5_corrupt"}
    assert source_status(done.dataset)["rar5_vol.part2.rar"] == "skipped"
    shown = {row["source_id"]: row["participant_id"] for row in table(done.dataset / "participants.tsv")}
    voxels = [np.asarray(nib.load(next((done.dataset / shown[name]).rglob("*.nii.gz"))).dataobj) for name in whole]
    assert all(np.array_equal(volume, voxels[0]) for volume in voxels)


# The example


def test_the_example_source_is_what_its_generator_writes() -> None:
    root = SOURCES / "covid19-ct" / "input"
    written = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert written == dict(sources()["covid19-ct"]())
    assert sum(map(len, written.values())) < 300 * 1024


def test_the_example_images_hold_the_anatomy_of_their_patient() -> None:
    for number, scans in covid19_ct.SCANS.items():
        paths = sorted((GOLDEN / f"sub-Patient{number}").rglob("*.nii.gz"))
        assert len(paths) == len(scans)
        for path, scan in zip(paths, scans, strict=True):
            image = nib.load(path)
            values = np.asarray(image.dataobj)
            assert values.shape == (32, 24, scan.slices)
            x, y, z = nib.affines.apply_affine(image.affine, np.argwhere(np.ones(values.shape))).T
            assert np.array_equal(anatomy.hu(-x, -y, z - scan.shift).round(), values.ravel())


def test_pybids_finds_every_image_of_the_example() -> None:
    found = {file.relpath for file in bids_layout(GOLDEN).get(suffix="ct", extension=".nii.gz")}
    assert found == {path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*_ct.nii.gz")}


def test_one_scan_in_two_archives_is_told(tmp_path: Path, key: Path) -> None:
    done = _convert_files(tmp_path, key, {"7.rar": _pack_patient("1"), "9.rar": _pack_patient("1")})
    assert codes(done.issues) == ["IMAGE_OF_TWO_PATIENTS"]
    assert _ids(done) == ["7", "9"]


def test_scans_of_two_archives_with_one_series_uid_are_told(tmp_path: Path, key: Path) -> None:
    files = {}
    for name in ("7", "9"):
        members = []
        for k, dataset in enumerate(slices(covid19_ct.SCANS["1"][0])):
            fill(
                dataset,
                {"Manufacturer": "NMS", "SOPInstanceUID": f"2.25.{name}{k}", "StudyInstanceUID": f"2.25.{name}"},
            )
            members.append(Member(str(k), encode(dataset)))
        files[f"{name}.rar"] = archive(members)
    done = _convert_files(tmp_path, key, files)
    assert codes(done.issues) == ["SERIES_OF_TWO_PATIENTS"]
    assert _ids(done) == ["7", "9"]


# Interruption


def test_reading_goes_on_with_the_archives_that_were_not_read_yet(tmp_path: Path) -> None:
    """Each archive is kept as soon as it is read: after an interruption no other one is read again."""
    for number in range(4):
        put(tmp_path / "source", f"P{number}.rar", _pack_patient("1", PatientID=f"P{number}"))
    read: list[str] = []

    def mapped(function: Callable[[T], R], batches: Iterable[T]) -> Iterator[R]:
        for batch in batches:
            read.extend(source.path for source in batch)  # type: ignore[attr-defined]
            if len(read) == 3:
                raise KeyboardInterrupt
            yield function(batch)

    with pytest.raises(KeyboardInterrupt):
        list(collection.read(tmp_path / "source", Scanner(mapped, tmp_path)))
    assert read == ["P0.rar", "P1.rar", "P2.rar"]
    items = [item for found in collection.read(tmp_path / "source", Scanner(mapped, tmp_path)) for item in found]
    assert read[3:] == ["P2.rar", "P3.rar"]
    assert len([item for item in items if isinstance(item, Person)]) == 4
