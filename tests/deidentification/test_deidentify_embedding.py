"""``mids deidentify --embed``: values of a table in a private block."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from deidentified import headers

from mids.cli import main
from mids.deidentification import FACTS, deidentify
from mids.errors import MidsError
from mids.readers.given.embedding import generalise_regions
from mids.readers.given.embedding import read as read_embedding


def test_values_of_a_table_go_into_a_private_block(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(
        "PatientID,Region,Indication,Report\n"
        f"000123,Île-de-France,low symptoms,{'word ' * 20}\n"
        "999,Other,none,none\n", encoding="utf-8",
    )  # fmt: skip
    embed = read_embedding(table, group=0x0C19, creator="HOSPITAL TRIAL")
    done = deidentify(source, dest, key=key, embed=embed)
    assert done.exit_code == 0
    found = {path: header for path, header in headers(dest).items() if (0x0C19, 0x0010) in header}
    assert len(found) == 2
    for header in found.values():
        block = header.private_block(0x0C19, "HOSPITAL TRIAL")
        assert [block[element].value for element in (0x10, 0x11)] == ["Île-de-France", "low symptoms"]
        assert block[0x12].value.split() == ["word"] * 20
        assert [block[element].VR for element in (0x10, 0x11, 0x12)] == ["LO", "LO", "UT"]
    said = json.loads((dest / FACTS).read_text(encoding="utf-8"))["PrivateBlock"]
    assert said["PrivateCreator"] == "HOSPITAL TRIAL"
    assert {place: entry["Name"] for place, entry in said["Elements"].items()} == {
        "(0C19,1010)": "Region", "(0C19,1011)": "Indication", "(0C19,1012)": "Report",
    }  # fmt: skip


def test_a_header_can_name_the_elements(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("PatientID,10:indication,01: region,fe:note\n000123,other,Bretagne,7\n", encoding="utf-8")
    deidentify(source, dest, key=key, embed=read_embedding(table, group=0x0C19, creator="NEHS-COVID 19"))
    found = [header for header in headers(dest).values() if (0x0C19, 0x0010) in header]
    assert len(found) == 2
    for header in found:
        values = [header[0x0C19, element].value for element in (0x1001, 0x1010, 0x10FE)]
        assert values == ["Bretagne", "other", "7"]
    said = json.loads((dest / FACTS).read_text(encoding="utf-8"))["PrivateBlock"]["Elements"]
    assert {place: entry["Name"] for place, entry in said.items()} == {
        "(0C19,1010)": "indication", "(0C19,1001)": "region", "(0C19,10FE)": "note",
    }  # fmt: skip


def test_a_range_of_ages_goes_into_the_header(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("PatientID,PatientAge,01:region\n000123,60-70,Bretagne\n123,>90,Occitanie\n", encoding="utf-8")
    deidentify(source, dest, key=key, embed=read_embedding(table, group=0x0C19, creator="NEHS-COVID 19"))
    found = {(str(h.PatientAge), h[0x0C19, 0x1001].value) for h in headers(dest).values() if (0x0C19, 0x0010) in h}
    assert found == {("60-70", "Bretagne"), (">90", "Occitanie")}
    said = json.loads((dest / FACTS).read_text(encoding="utf-8"))["PrivateBlock"]["Elements"]
    assert list(said) == ["(0C19,1001)"]


def test_an_age_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("PatientID,PatientAge\nA,sixty\n", encoding="utf-8")
    with pytest.raises(MidsError, match="line 2: PatientAge must be like 60-70") as told:
        read_embedding(table, group=0x0C19, creator="X")
    assert "sixty" not in str(told.value)


REGIONS = "PatientID,01:region\nA,Grand Est\nB,Île-de-France\nC,Bretagne\nD,Corse\nE,\n"


@pytest.mark.parametrize(
    "counts",
    [
        "region\tpatients\ngrand_est\t60\nIle de France\t101\nBretagne\t100\nregion\tpatients\nGrand Est\t41\n",
        "dataset\ttable\trow\tpaper\tpaper_of\there\there_of\tdifference\n"
        "N\tfidac-regions\tgrand_est\t1577\t5944\t101\t3\t-9\nN\tfidac-regions\tile_de_france\t900\t5944\t900\t3\t0\n",
    ],
)
def test_regions_of_few_patients_in_all_centres_become_other(counts: str, tmp_path: Path) -> None:
    """A region keeps its name with more than 100 patients, whoever has them; one that nobody counted is rare."""
    (tmp_path / "values.csv").write_text(REGIONS, encoding="utf-8")
    (tmp_path / "counts.tsv").write_text(counts, encoding="utf-8")
    found = read_embedding(tmp_path / "values.csv", group=0x0C19, creator="NEHS-COVID 19")
    general = generalise_regions(found, tmp_path / "counts.tsv", 100)
    assert {patient: row[0] for patient, row in general.rows.items()} == {
        "A": "Grand Est", "B": "Île-de-France", "C": "other", "D": "other", "E": "",
    }  # fmt: skip


def test_spellings_of_one_region_are_counted_and_kept_together(tmp_path: Path) -> None:
    """Spreadsheets of French hospitals write semicolons, and people write PACA."""
    (tmp_path / "values.csv").write_text("\ufeffPatientID;01:region\nA;PACA\nB;HDF\nC;Normandie\n", encoding="utf-8")
    (tmp_path / "counts.csv").write_text(
        "region,patients\nprovence_alpes_cote_d_azur,90\nProvence-Alpes-Côte d'Azur,11\nHauts-de-France,100\n", "utf-8"
    )
    found = read_embedding(tmp_path / "values.csv", group=0x0C19, creator="NEHS-COVID 19")
    general = generalise_regions(found, tmp_path / "counts.csv", 100)
    assert general.rows == {"A": ("PACA",), "B": ("other",), "C": ("other",)}


def test_region_counts_ask_for_what_they_need(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "values.csv").write_text(REGIONS, encoding="utf-8")
    (tmp_path / "counts.tsv").write_text("what\never\n", encoding="utf-8")
    words = ["deidentify", str(tmp_path), str(tmp_path / "out"), "--region-counts", str(tmp_path / "counts.tsv")]
    told = []
    for more in ([], ["--embed", str(tmp_path / "values.csv")]):
        assert main([*words, *more]) == 2
        told.append(capsys.readouterr().err)
    assert main([*words, "--embed", str(tmp_path / "values.csv"), "--policy", "fidac-cnil"]) == 2
    told.append(capsys.readouterr().err)
    for text, expected in zip(told, ("needs --embed", "needs a policy", "no columns region"), strict=True):
        assert expected in text


def test_a_value_that_looks_like_an_identifier_is_not_embedded(
    source: Path, dest: Path, key: Path, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("id,mail,copy,code\n000123,ana.perez@example.org,see 000123,7\n", encoding="utf-8")
    done = deidentify(source, dest, key=key, embed=read_embedding(table, group=0x0C19, creator="X"))
    told = [(found.code, found.where) for found in done.issues if found.code != "PRIVACY_UNSEEN"]
    assert told == [
        ("EMBED_REFUSED", "line 2, column 2"), ("EMBED_REFUSED", "line 2, column 3"),
    ]  # fmt: skip
    assert done.exit_code == 1
    block = next(h for h in headers(dest).values() if (0x0C19, 0x0010) in h).private_block(0x0C19, "X")
    assert 0x10 not in block
    assert 0x11 not in block
    assert block[0x12].value == "7"


@pytest.mark.parametrize("title", ["Jane Doe", "seen 000123", "12 de marzo de 1961"])
def test_a_column_that_is_titled_like_a_person_is_refused_without_its_title(
    source: Path, dest: Path, key: Path, tmp_path: Path, title: str
) -> None:
    (tmp_path / "labels.csv").write_text(f"id,region,{title}\n000123,PACA,yes\n", encoding="utf-8")
    embed = read_embedding(tmp_path / "labels.csv", group=0x0C19, creator="X")
    with pytest.raises(MidsError, match=r"^column 3 of the table to embed is titled like") as told:
        deidentify(source, dest, key=key, embed=embed)
    assert title not in str(told.value)
    assert not headers(dest)
    assert deidentify(source, dest, key=key, embed=replace(embed, columns=("region", "seen"))).exit_code == 0


def test_days_in_words_and_bare_numbers_are_not_embedded(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    refused = [
        "09.03.57", "nueve de marzo de 1957", "neuf mars mille neuf cent cinquante-sept", "ninth of March 1957",
        "19570309", "964451122", "DNI 18934567-X", "NHC 4711", "2020-03-17T10:00", "3 Feb", "Feb 3rd",
    ]  # fmt: skip
    kept = ["March 2020", "no sign of pneumonia", "60-70", "37.5", "SARS-CoV-2", "12345", "GE Revolution CT", "set 2"]
    table = tmp_path / "labels.csv"
    cells = [*refused, *kept]
    table.write_text(
        f"id,{','.join(f'c{at}' for at in range(len(cells)))}\n000123,{','.join(cells)}\n", encoding="utf-8"
    )
    done = deidentify(source, dest, key=key, embed=read_embedding(table, group=0x0C19, creator="X"))
    told = [found.where for found in done.issues if found.code == "EMBED_REFUSED"]
    assert told == [f"line 2, column {at + 2}" for at in range(len(refused))]


@pytest.mark.parametrize(
    ("group", "content", "said"),
    [
        (0x0C18, "id,a\n1,2\n", "odd"), (0x0007, "id,a\n1,2\n", "odd"), (0x0C19, "id\n1\n", "first line"),
        (0x0C19, "id,a,a\n1,2,3\n", "first line"), (0x0C19, "id,a\n1\n", "line 2"),
        (0x0C19, "id,01:a,b\n1,2,3\n", "some columns only"), (0x0C19, "id,0A:a,0a:b\n1,2,3\n", "the same element"),
        (0x0C19, "id,01:a,02:a\n1,2,3\n", "first line"),
        (0x0C19, "id,a\n1,2\n1,3\n", "line 3"), (0x0C19, "id," + ",".join(f"c{n}" for n in range(241)) + "\n", "240"),
    ],
)  # fmt: skip
def test_a_table_to_embed_is_checked(tmp_path: Path, group: int, content: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(MidsError, match=said):
        read_embedding(tmp_path / "t.csv", group=group, creator="X")
