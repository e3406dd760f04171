"""Typical mistakes on the command line: each is answered by one line that says what to type instead."""

import shutil
from pathlib import Path

import pytest
from trees import command

from mids import cli
from mids.conversion import Conversion

MAINS = {"mids": cli.main, "mids-convert": cli.convert_main, "mids-validate": cli.validate_main}
MISTAKES = [
    ("mids conver dicom SOURCE DEST", "did you mean convert?"),
    ("mids valdate MADE", "did you mean validate"),
    ("mids anonymize SOURCE DEST", "did you mean deidentify?"),
    ("mids split MADE", "did you mean splits?"),
    ("mids-validate --verison", "unknown flag --verison: did you mean --version"),
    ("mids-convert SOURCE DEST", "COLLECTION is missing: type mids-convert auto"),
    ("mids-convert dicom SOURCE", "DEST is missing: type mids-convert dicom"),
    ("mids-convert dicm SOURCE DEST", "did you mean dicom?"),
    ("mids-convert dicom MADE SOURCE", "SOURCE comes before DEST"),
    ("mids-convert dicom MADE DEST", "is a dataset that mids made, not a source"),
    ("mids-convert dicom SOURCE SOURCE", "give another DEST"),
    ("mids-convert dicom SOURCE PICTURES", "is not empty"),
    ("mids-convert dicom SOURCE MADE/derivatives/more", "DEST lies inside another dataset"),
    ("mids-convert dicom ABSENT DEST", "does not exist"),
    ("mids-convert dicom two words DEST", "quote a path that holds spaces"),
    ("mids-convert dicom SOURCE DEST --dryrun", "did you mean --dry-run?"),
    ("mids-convert dicom SOURCE DEST --threads 4", "did you mean --jobs?"),
    ("mids-convert dicom SOURCE DEST --jobs all", "a whole number from 1 to"),
    ("mids report MADE --jobs 0", "a whole number from 1 to"),
    ("mids diff MADE MADE --jobs 0", "a whole number from 1 to"),
    ("mids-convert dicom SOURCE DEST --faces wihhold", "did you mean withhold?"),
    ("mids-convert dicom SOURCE DEST --policy mdis", "did you mean mids?"),
    ("mids-convert dicom SOURCE DEST --option retain-uid", "did you mean retain_uids"),
    ("mids-convert dicom SOURCE DEST --curation ABSENT", "there is no curation table"),
    ("mids-convert dicom SOURCE DEST --layout bimcv-covid", "did you mean bimcv-covid19?"),
    ("mids-convert --again ABSENT", "give COLLECTION, SOURCE and DEST once"),
    ("mids-validate SOURCE", "it holds DICOM files: convert them first: mids-convert dicom"),
    ("mids-validate ABOVE", "did you mean "),
    ("mids-validate MADE/participants.tsv", "is a file: give the folder of the dataset: did you mean "),
    ("mids-validate ABSENT", "no such folder"),
    ("mids-validate MADE --format htm", "did you mean html?"),
    ("mids-validate --explain SIDECAR_MISING", "did you mean SIDECAR_MISSING"),
    ("mids report SOURCE", "it holds DICOM files: convert them first"),
    ("mids stats MADE --table bimcv5", "bimcv-5"),
    ("mids export MADE --to nnUNet", "did you mean nnunet?"),
    ("mids splits MADE --fractions train=0.8", "did you mean --fraction?"),
    ("mids verify MADE", "mids release"),
    ("mids diff MADE", "NEW"),
    ("mids completion bsh", "did you mean bash"),
    ("mids MADE", "is not a command: type mids info"),
    ("mids dicom SOURCE DEST", "dicom is a collection: type mids convert dicom"),
    ("mids-convert list", "list is a flag: type mids-convert --list"),
    ("mids-convert dicom SOURCE -o DEST", "type mids-convert COLLECTION SOURCE DEST, without a flag"),
    ("mids convert --source SOURCE --dest DEST", "type mids convert COLLECTION SOURCE DEST, without a flag"),
    ("mids-convert dicom DEST SOURCE", "SOURCE comes before DEST"),
    ("mids-convert dicom SOURCE DEST --limit two", "give a whole number, not 'two'"),
    ("mids-convert dicom SOURCE DEST --plan PICTURES", "is a folder: give a file"),
    ("mids-convert dicom SOURCE DEST --curation PICTURES", "is a folder: give a file"),
    ("mids-convert dicom SOURCE DEST --about ABSENT", "there is no file"),
    ("mids withdraw MADE P1", "the folder of the dataset comes last: type mids withdraw P1"),
    ("mids where MADE source:ABCDEFGHIJ", "the folder of the dataset comes last: type mids where source:ABCDEFGHIJ"),
    ("mids where MADE", "DEST is missing: type mids where REFERENCE|PATH DEST"),
    ("mids evaluate ABSENT", "TRUTH is missing: type mids evaluate FOUND TRUTH"),
    ("mids train views ABSENT", "--output is missing: type mids train {views,labels} TABLE"),
    ("mids key make ABSENT", "choose from new, show"),
    ("mids review ABSENT", "give the folder of a dataset, or of a source"),
    ("mids review MADE --port 80000", "give another --port"),
    ("mids stats MADE --format csv", "did you mean tsv?"),
    ("mids splits MADE --fraction train:0.8", "write it like train=0.8"),
    ("mids export MADE --to nnunet", "give a folder with --output"),
    ("mids label MADE", "give a table of reports"),
    ("mids --versoin", "unknown flag --versoin: did you mean --version?"),
    ("mids-convert SOURCE DEST dicom", "COLLECTION comes first: type mids-convert dicom "),
    ("mids-convert dicom MADE MADE", "is a dataset that mids made, not a source"),
    ("mids-validate STATE", "above/made?"),
    ("mids report MADE/derivatives", "above/made?"),
    ("mids certify MADE --check", "make one with mids certify"),
]
"""What is typed, and a part of the answer."""


@pytest.fixture(scope="module")
def places(phantom: Conversion, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("mistakes")
    made = folder / "above" / "made"
    shutil.copytree(phantom.dataset, made)
    shutil.copytree(phantom.dataset.with_name(phantom.dataset.name + ".mids"), made.with_name("made.mids"))
    (folder / "pictures").mkdir()
    (folder / "pictures" / "one.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    source = folder / "source"
    source.mkdir()
    (source / "IM1").write_bytes(bytes(128) + b"DICM")
    return {
        "SOURCE": source, "DEST": folder / "dest", "ABSENT": folder / "absent", "MADE": made,
        "ABOVE": made.parent, "PICTURES": folder / "pictures",
        "STATE": made.with_name("made.mids"),
    }  # fmt: skip


@pytest.mark.parametrize(("line", "answer"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_is_answered_by_what_to_type_instead(
    places: dict[str, Path], line: str, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *words = line.split()
    for place, path in places.items():
        words = [word.replace(place, str(path)) if word.split("/")[0] == place else word for word in words]
    try:
        code: object = MAINS[name](words)
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr().err
    assert code == 2
    assert answer in said
    assert len(said.splitlines()) == 1
    assert not places["DEST"].exists()


def test_pictures_given_as_dicom_are_named(places: dict[str, Path], tmp_path: Path) -> None:
    done = command("mids-convert", "dicom", str(places["PICTURES"]), str(tmp_path / "out"))
    assert done.returncode == 1
    assert "SOURCE_EMPTY : the source holds nothing that this collection can convert; it holds 1 .png" in done.stderr
    assert "mids-validate" not in done.stdout  # nothing was made that could be looked at
    done = command("mids", "deidentify", str(places["PICTURES"]), str(tmp_path / "clean"))
    assert done.returncode == 1
    assert "the source holds no DICOM file; it holds 1 .png: convert with a collection" in done.stderr


@pytest.mark.parametrize(("typed", "said"), [((), "commands:"), (("help",), "commands:"), (("help", "diff"), "NEW")])
def test_asking_for_help_is_no_mistake(typed: tuple[str, ...], said: str) -> None:
    done = command("mids", *typed)
    assert done.returncode == 0
    assert said in done.stdout
