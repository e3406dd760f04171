"""FIDAC: private data elements in every encoding, ranges that stay ranges, disagreement and absence that are told."""

import json
import struct
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import SOURCES
from pydicom import config, dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from trees import codes, images, put, radiographs, source_status, table

from example_datasets.generate import sources
from example_datasets.generators import anatomy, fidac
from example_datasets.generators.chest import Scan, slices
from example_datasets.generators.dicomfile import encode, fill, uid
from mids.collections.fidac import private_tags
from mids.conversion import Conversion, convert
from mids.dataset.layout import bids_layout
from mids.deid.policy import preset
from mids.errors import MidsError
from mids.readers.dicom.headers import PrivateTag, private_creators, read_instance
from mids.records import Source
from mids.vocabulary import clinical
from mids.vocabulary.schema import load

GOLDEN = SOURCES / "fidac" / "mids"
TAG = PrivateTag("region", 0x0C19, "NEHS-COVID 19", 0x01)


def _slice(values: Mapping[int, str], *, name: str = "x", study: int = 1, **extra: object) -> Dataset:
    """One slice of a study, with private data elements."""
    scan = Scan(name, {"PatientID": "P1"}, {"StudyInstanceUID": uid("study", study)}, extra, slices=1)
    (dataset,) = slices(scan)
    fidac._add_private(dataset, values, shifted=False)
    return dataset


def _convert_files(tmp_path: Path, key: Path, files: Mapping[str, Dataset | bytes]) -> Conversion:
    with config.disable_value_validation():
        for path, content in files.items():
            put(tmp_path / "source", path, content)
    return convert("fidac", tmp_path / "source", tmp_path / "dest", key=key)


def _session(done: Conversion) -> dict[str, str]:
    (path,) = done.dataset.glob("sub-*/*_sessions.tsv")
    return table(path)[0]


# Private data elements


def _file(elements: Mapping[int, bytes], charset: str, *, implicit: bool, vr: bytes = b"LO") -> bytes:
    """A DICOM file of group 0C19 whose bytes are exactly `elements` (by element number), written by hand."""
    meta = Dataset()
    meta.SpecificCharacterSet = charset or None
    meta.PatientID = "P"
    buffer = BytesIO()
    head = {"TransferSyntaxUID": ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian}
    meta.file_meta = fill(Dataset(), {**head, "MediaStorageSOPClassUID": "1.2", "MediaStorageSOPInstanceUID": "1.3"})
    dcmwrite(buffer, meta, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    written = buffer.getvalue()
    at = written.index(b"\x10\x00\x20\x00")
    extra = b""
    for element, value in sorted(elements.items()):
        tag = struct.pack("<HH", 0x0C19, element)
        if implicit:
            extra += tag + struct.pack("<I", len(value)) + value
        elif vr == b"UN":
            extra += tag + b"UN\0\0" + struct.pack("<I", len(value)) + value
        else:
            extra += tag + vr + struct.pack("<H", len(value)) + value
    prefix = b"" if written[128:132] == b"DICM" else bytes(128) + b"DICM"
    return prefix + written[:at] + extra + written[at:]


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("vr", [b"LO", b"UN"])
@pytest.mark.parametrize(
    ("elements", "charset", "expected"),
    [
        ({0x10: b"NEHS-COVID 19 ", 0x1001: b"Bretagne"}, "", "Bretagne"),
        ({0x10: b"NEHS-COVID 19\0", 0x1001: b"Bretagne \0"}, "", "Bretagne"),
        ({0x10: b"nehs-covid  19", 0x1001: b"Bretagne"}, "", "Bretagne"),
        ({0x10: b"OTHER ", 0x11: b"NEHS-COVID 19 ", 0x1001: b"wrong ", 0x1101: b"Bretagne"}, "", "Bretagne"),
        ({0xFF: b"NEHS-COVID 19 ", 0xFF01: b"Bretagne"}, "", "Bretagne"),
        ({0x10: b"NEHS-COVID 19 ", 0x1001: "Île-de-France ".encode("latin-1")}, "ISO_IR 100", "Île-de-France"),
        ({0x10: b"NEHS-COVID 19 ", 0x1001: "Île-de-France".encode()}, "ISO_IR 192", "Île-de-France"),
        ({0x10: b"NEHS-COVID 19 ", 0x1001: b"a\\b "}, "", "a\\b"),
        ({0x10: b"NEHS-COVID 19 ", 0x1001: b""}, "", ""),
        ({0x10: b"NEHS-COVID 19 ", 0x1101: b"Bretagne"}, "", ""),
        ({0x10: b"NEHS-COVID 20 ", 0x1001: b"Bretagne"}, "", ""),
        ({0x1001: b"Bretagne"}, "", ""),
    ],
)
def test_a_private_element_is_found_through_its_creator(
    elements: dict[int, bytes], charset: str, expected: str, implicit: bool, vr: bytes
) -> None:
    stream = BytesIO(_file(elements, charset, implicit=implicit, vr=vr))
    instance = read_instance(Source("x", size=len(stream.getvalue())), stream, ("PatientID",), (TAG,))
    assert instance is not None
    assert instance.text("PatientID") == "P"
    assert instance.text("region") == expected


def test_creators_are_listed_in_the_order_of_their_blocks() -> None:
    content = _file({0x11: b"SECOND", 0x10: b"FIRST ", 0x1001: b"x "}, "", implicit=True)
    assert private_creators(BytesIO(content), 0x0C19) == ["FIRST", "SECOND"]


# Values


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("region", "ile de france", "ile_de_france"),
        ("region", "Provence Alpes Côtes d'Azur", "provence_alpes_cote_d_azur"),
        ("region", "AUTRES RÉGIONS", "other"),
        ("indication", "Low Symptoms COVID-19", "low_symptoms"),
        ("indication", "suspicion of COVID-19 in a oxygen dependent patient", "oxygen_dependent"),
        ("indication", "oxygeno-dependant", "oxygen_dependent"),
        ("indication", "Suivi", "follow_up"),
        ("report", "classic/probable COVID-19", "classic_probable"),
        ("report", "Classique / probable", "classic_probable"),
        ("report", "INTERMEDIAIRE", "intermediate"),
        ("report", "non COVID", "non_covid"),
        ("report", "Normal ", "normal"),
        ("rt_pcr", "Positif", "positive"),
        ("rt_pcr", "négative", "negative"),
        ("rt_pcr", "not performed", "not_performed"),
        ("rt_pcr", "Non réalisé", "not_performed"),
    ],
)
def test_spellings_of_both_languages(name: str, text: str, expected: str) -> None:
    vocabulary = clinical.load("fidac")
    found = [vocabulary.values(name_of_table, {name: text}) for name_of_table in ("participants", "sessions")]
    assert [list(values.values()) for values, _ in found if values] == [[expected]]
    assert all(not problems for _, problems in found)


@pytest.mark.parametrize("name", ["french_regions", "fidac_indications", "fidac_ct_classes"])
def test_no_spelling_has_two_meanings(name: str) -> None:
    words = load().code_lists[name]
    for code, entry in words.codes.items():
        assert {words.find(spelling) for spelling in (*entry.synonyms, code)} == {code}


@given(text=st.text(min_size=1))
def test_a_value_is_understood_or_kept_and_told(text: str) -> None:
    values, problems = clinical.load("fidac").values("participants", {"region": text})
    if " ".join(text.split()).lower() in clinical.load("fidac").missing:
        assert (values, problems) == ({}, [])
    elif "region" in values:
        assert not problems
    else:
        assert values == {"region_raw": " ".join(text.split())}
        assert [problem.code for problem in problems] == ["VALUE_UNKNOWN"]


@pytest.mark.parametrize(
    ("text", "low", "high", "age"),
    [
        ("60-70", "60", "70", "n/a"),
        ("18-20 ans", "18", "20", "n/a"),
        ("80-90", "80", "n/a", "n/a"),
        (">90", "89", "n/a", "n/a"),
        ("065Y", None, None, "65"),
        ("", None, None, "n/a"),
    ],
)
def test_a_range_of_ages_is_never_an_age(
    tmp_path: Path, key: Path, text: str, low: str | None, high: str | None, age: str
) -> None:
    with config.disable_value_validation():
        dataset = _slice({fidac.REGION: "Bretagne"}, PatientAge=text, PatientBirthDate="")
    done = _convert_files(tmp_path, key, {"1": dataset})
    (row,) = table(done.dataset / "participants.tsv")
    assert (row.get("age_min"), row.get("age_max", "n/a" if low else None)) == (low, high)
    assert (row["age"], _session(done)["age"]) == (age, age)
    assert "60-70" not in "".join(path.read_text() for path in done.dataset.rglob("*.json"))


def test_a_birth_date_beside_a_range_makes_no_age(tmp_path: Path, key: Path) -> None:
    with config.disable_value_validation():
        dataset = _slice(
            {fidac.REGION: "Bretagne"}, PatientAge="60-70", PatientBirthDate="19550101", StudyDate="20200505"
        )
    (row,) = table(_convert_files(tmp_path, key, {"1": dataset}).dataset / "participants.tsv")
    assert (row["age"], row["age_min"], row["age_max"]) == ("n/a", "60", "70")


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("<3 days", "0", "2"), ("3-7", "3", "7"), ("entre 8 et 21 jours", "8", "21"), ("Plus de 21 jours", "22", "n/a")],
)
def test_time_from_onset(tmp_path: Path, key: Path, text: str, low: str, high: str) -> None:
    done = _convert_files(tmp_path, key, {"1": _slice({fidac.ONSET: text})})
    row = _session(done)
    assert (row["days_from_onset_min"], row.get("days_from_onset_max", "n/a")) == (low, high)
    assert (row["onset_reference"], row["onset_imputed"]) == ("symptoms", "no")


# Disagreement and absence


def _stack(*said: Mapping[int, str]) -> dict[str, Dataset | bytes]:
    """The slices of one series, each with what it says."""
    scan = Scan("stack", {"PatientID": "P1"}, {"StudyInstanceUID": uid("study", 1)}, {}, slices=len(said))
    found = list(slices(scan))
    for dataset, values in zip(found, said, strict=True):
        fidac._add_private(dataset, values, shifted=False)
    return {str(number): dataset for number, dataset in enumerate(found)}


FULL = {fidac.REGION: "Bretagne", fidac.INDICATION: "other", fidac.REPORT: "normal", fidac.RT_PCR: "negative"}


@pytest.mark.parametrize(
    ("element", "text", "column"),
    [
        (fidac.REPORT, "intermediate", "ct_class"),
        (fidac.INDICATION, "follow-up", "indication"),
        (fidac.RT_PCR, "positive", "covid_test"),
        (fidac.REGION, "Occitanie", "region"),
    ],
)
def test_slices_that_disagree_give_no_value(tmp_path: Path, key: Path, element: int, text: str, column: str) -> None:
    done = _convert_files(tmp_path, key, _stack(FULL, FULL, {**FULL, element: text}))
    assert codes(done.issues) == ["VALUE_CONTRADICTED"]
    assert column in done.issues[0].message
    (person,) = table(done.dataset / "participants.tsv")
    said = {**person, **_session(done)}
    assert column not in said
    assert {"ct_class", "indication", "covid_test", "region"} - said.keys() == {column}
    assert (done.dataset / "derivatives/ehr/laboratory_tests.tsv").is_file() == (column != "covid_test")


def test_two_spellings_of_one_value_and_silence_are_no_disagreement(tmp_path: Path, key: Path) -> None:
    done = _convert_files(tmp_path, key, _stack(FULL, {**FULL, fidac.RT_PCR: "Négatif"}, {fidac.REGION: "BRETAGNE"}))
    assert done.issues == ()
    (row,) = table(done.dataset / "participants.tsv")
    assert (row["covid_test"], row["region"]) == ("negative", "bretagne")


def test_what_is_promised_and_absent_is_told(tmp_path: Path, key: Path) -> None:
    done = _convert_files(tmp_path, key, _stack({fidac.RT_PCR: "positive"}, {}))
    assert codes(done.issues) == ["VALUE_MISSING"]
    assert "region, indication, report" in done.issues[0].message


def test_a_source_without_the_creator_is_refused_with_the_nearest_name(tmp_path: Path, key: Path) -> None:
    with pytest.raises(MidsError, match=r"'NEHS-COVID 19' in group 0C19 \(nearest: 'none'\)"):
        _convert_files(tmp_path, key, radiographs())
    dataset = _slice({})
    del dataset[0x0C19, 0x0010]
    dataset.private_block(0x0C19, "NEHS COVID-2019", create=True).add_new(0x01, "LO", "Bretagne")
    with pytest.raises(MidsError, match="nearest: 'NEHS COVID-2019'"):
        convert("fidac", put(tmp_path, "other/1", dataset).parent, tmp_path / "dest", key=key)


def test_bad_files_are_told_and_the_rest_is_converted(tmp_path: Path, key: Path) -> None:
    whole = encode(_slice(FULL))
    other = encode(_slice(FULL, name="y"))
    files = {"1": whole, "2.dcm": b"", "3": other[:-500], "4.rar": b"no archive", "5.txt": "éà".encode("latin-1")}
    done = _convert_files(tmp_path, key, files)
    assert codes(done.issues) == ["ARCHIVE_UNREADABLE", "FILE_EMPTY", "FILE_TRUNCATED"]
    assert len(images(done.dataset)) == 1
    status = source_status(tmp_path / "dest")
    assert status == {"1": "converted", "2.dcm": "lost", "3": "lost", "4.rar": "lost", "5.txt": "skipped"}


# The example


def test_the_example_source_is_what_its_generator_writes() -> None:
    root = SOURCES / "fidac" / "input"
    written = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert written == dict(sources()["fidac"]())
    assert sum(map(len, written.values())) < 300 * 1024


def test_the_example_says_what_its_generator_put_in() -> None:
    people = {row["source_id"]: row for row in table(GOLDEN / "participants.tsv")}
    expected = {
        "4F1C90A2": ("60", "70", "F", "grand_est", "positive"),
        "B7720D35": ("89", "n/a", "M", "ile_de_france", "negative"),
        "0C55E81B": ("80", "n/a", "n/a", "provence_alpes_cote_d_azur", "not_performed"),
        "E903AA67": ("18", "20", "F", "bretagne", "negative"),
        "9D2B4470": ("n/a", "n/a", "M", "n/a", "n/a"),
    }
    wanted = ("age_min", "age_max", "sex", "region", "covid_test")
    assert {name: tuple(row[column] for column in wanted) for name, row in people.items()} == expected
    assert people["9D2B4470"]["region_raw"] == "Île de la Réunion"
    sessions = table(GOLDEN / "sub-4F1C90A2/sub-4F1C90A2_sessions.tsv")
    assert [(row["indication"], row["ct_class"]) for row in sessions] == [
        ("low_symptoms", "classic_probable"),
        ("follow_up", "intermediate"),
    ]
    labels = table(GOLDEN / "derivatives/labels/labels.tsv")
    near = {json.loads(row["labels"])[0]: json.loads(row["crosswalk"]) for row in labels}
    assert near["classic_probable"] == [["MIDRC-RICORD-1A", "Typical", "near"]]
    assert near["non_covid"] == [["MIDRC-RICORD-1A", "Atypical", "near"]]


def test_the_example_images_hold_the_anatomy_where_it_is() -> None:
    paths = sorted(GOLDEN.rglob("*.nii.gz"))
    assert len(paths) == 6
    for path in paths:
        image = nib.load(path)
        values = np.asarray(image.dataobj)
        x, y, z = nib.affines.apply_affine(image.affine, np.argwhere(np.ones(values.shape))).T
        fits = [
            np.mean(anatomy.hu(-x, -y, z - study.shift).round() == values.ravel())
            for study in map(fidac._scan, fidac.STUDIES)
        ]
        assert sorted(fits)[-1] == 1.0


def test_no_id_of_the_source_but_the_public_one_is_in_the_example() -> None:
    said = "".join(p.read_text(encoding="utf-8") for p in GOLDEN.rglob("*") if p.suffix in (".tsv", ".json", ".md"))
    assert "2.25." not in said
    assert "202005" not in said
    assert not any(uid("study", "fidac", study.number).split(".")[2] in said for study in fidac.STUDIES)


def test_pybids_finds_every_image_of_the_example() -> None:
    found = {file.relpath for file in bids_layout(GOLDEN).get(suffix="ct", extension=".nii.gz")}
    assert found == {path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*_ct.nii.gz")}


@pytest.mark.shared
def test_synthetic_headers_on_real_pixels(shared: Path, tmp_path: Path, key: Path) -> None:
    for encoding in ("synthetic_explicit", "synthetic_implicit"):
        done = convert("fidac", shared / "fidac" / encoding, tmp_path / encoding, key=key)
        assert done.issues == ()
        (row,) = table(done.dataset / "participants.tsv")
        assert (row["age"], row["age_min"], row["age_max"], row["region"]) == ("n/a", "60", "70", "grand_est")
        said = _session(done)
        assert (said["days_from_onset_min"], said["days_from_onset_max"]) == ("3", "7")
        assert (said["indication"], said["ct_class"]) == ("low_symptoms", "classic_probable")
        assert table(done.dataset / "derivatives/ehr/laboratory_tests.tsv")[0]["result"] == "positive"


def test_every_private_element_of_the_paper_is_read() -> None:
    assert {(tag.group, tag.creator, tag.element) for tag in private_tags()} == {
        (0x0C19, "NEHS-COVID 19", element) for element in (0x01, 0x10, 0x11, 0x12, 0x13)
    }


def test_bands_of_the_source_keep_their_limits_under_its_own_policy(tmp_path: Path, key: Path) -> None:
    """18-20, 60-70, 80-90 and >90 are the paper's bands; years that are none of them become ten of the policy."""
    ages = {"P1": "18-20", "P2": "60-70", "P3": "80-90", "P4": ">90", "P5": "33-34", "P6": "065Y"}
    files = {}
    with config.disable_value_validation():
        for number, (name, age) in enumerate(ages.items()):
            one = _slice({0x01: "Bretagne"}, name=name, study=number)
            files[name] = fill(one, {"PatientID": name, "PatientAge": age})
    source = tmp_path / "in"
    for name, dataset in files.items():
        put(source, name, dataset)
    done = convert("fidac", source, tmp_path / "out", key=key, policy=replace(preset("fidac-cnil"), ids="keep"))
    rows = table(done.dataset / "participants.tsv")
    assert {row["participant_id"]: (row["age_min"], row["age_max"]) for row in rows} == {
        "sub-P1": ("18", "20"), "sub-P2": ("60", "70"), "sub-P3": ("80", "n/a"), "sub-P4": ("89", "n/a"),
        "sub-P5": ("30", "39"), "sub-P6": ("60", "69"),
    }  # fmt: skip
