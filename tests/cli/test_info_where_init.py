"""What is kept of a dataset: what it is, which source became what, and the files of a first conversion."""

import shutil
import stat
from pathlib import Path

import pytest
from trees import source_rows

from mids import cli
from mids.conversion import Conversion, convert
from mids.readers.given import about, curation
from mids.run.decided.choices import load_choices

ANSWERS = {
    "en": ["Chests of a hospital", "", "A. Reader; B. Writer", "CC-BY-4.0", "CEIm 12/2026", "maybe", "allowed"],
    "es": ["Tórax de un hospital", "Radiografías", "", "", "", ""],
    "fr": ["Thorax d'un hôpital", "", "", "", "", "unknown"],
}


@pytest.mark.parametrize("language", ANSWERS)
def test_the_answers_make_the_files_of_a_conversion(
    language: str, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = tmp_path / "typed"
    typed.write_text("\n".join(ANSWERS[language]) + "\n", encoding="utf-8")
    folder = tmp_path / "project"
    with typed.open(encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert cli.main(["init", str(folder), "--language", language]) == 0
    out = capsys.readouterr().out
    assert ("allowed, forbidden, unknown" in out) == (language == "en")  # asked again after "maybe"
    said = about.read(folder / "about.yaml")
    assert said["title"] == ANSWERS[language][0]
    assert said.get("authors", []) == (["A. Reader", "B. Writer"] if language == "en" else [])
    assert curation.read(folder / "curation.tsv") == ()
    assert stat.S_IMODE((folder / "study.key").stat().st_mode) == 0o600
    done = convert(
        "dicom", source, tmp_path / "dest", about=folder / "about.yaml", key=folder / "study.key",
        curation=folder / "curation.tsv", dry_run=True,
    )  # fmt: skip
    assert done.exit_code == 0


def test_nothing_is_asked_where_files_are_and_nothing_written_where_answers_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "study.key").write_text("mine")
    assert cli.main(["init", str(tmp_path)]) == 2
    assert "already holds study.key" in capsys.readouterr().err
    typed = tmp_path / "typed"
    for answers, said in (b"one answer\n", "answers ended"), (b"Colecci\xf3n\n" * 9, "not UTF-8"):
        typed.write_bytes(answers)
        with typed.open(encoding="utf-8", errors="surrogateescape") as stream:
            monkeypatch.setattr("sys.stdin", stream)
            assert cli.main(["init", str(tmp_path / "other")]) == 2
        assert said in capsys.readouterr().err
        assert not (tmp_path / "other").exists()


def test_a_reference_a_source_and_an_image_find_each_other(
    phantom: Conversion, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row for row in source_rows(phantom.dataset) if row["status"] == "converted"]
    row = rows[0]
    (root,) = load_choices(phantom.dataset).sources
    typed = Path(root, row["source"]), phantom.dataset / row["filename"]  # as a shell completes them
    names = (row["reference"], row["reference"].removeprefix("source:"), row["source"], row["filename"])
    for what in (*names, *map(str, typed)):
        assert cli.main(["where", what, str(phantom.dataset)]) == 0
        header, *found = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
        assert header == list(row)
        assert list(row.values()) in found
    volume = next(row["filename"] for row in rows if row["filename"].endswith("_ct.nii.gz"))
    assert cli.main(["where", volume, str(phantom.dataset)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + sum(row["filename"] == volume for row in rows)
    assert cli.main(["where", "source:NONE", str(phantom.dataset)]) == 2
    assert cli.main(["where", row["reference"], str(phantom.dataset.parent)]) == 2


def test_info_says_what_a_dataset_is_and_what_the_last_run_left(
    phantom: Conversion, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["info", str(phantom.dataset)]) == 0
    said = capsys.readouterr().out
    assert "title     A DICOM collection" in said
    assert "patients 3" in said
    for word in ("withheld", "lost"):
        number = sum((row["status"] == word or row["reason"].startswith(word)) for row in source_rows(phantom.dataset))
        assert f"{number} file" in said.split(word, 1)[0].rpartition("\n")[2] or f"{number} {word}" in said
    assert "mids-convert --again" in said
    assert f"release those that name nobody (mids review {phantom.dataset})" in said
    assert "searched for text" in said
    assert "run again with --detect glyphs --change detect" in said
    copied = tmp_path / "copied"  # without its state: a download
    shutil.copytree(phantom.dataset, copied)
    assert cli.main(["info", str(copied)]) == 0
    said = capsys.readouterr().out
    assert "source files" not in said
    assert "--again" not in said
    assert cli.main(["info", str(tmp_path / "absent")]) == 2
