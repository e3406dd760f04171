"""The commands as a user meets them: help, messages, exit codes, and what they never print."""

import json
import re
import stat
import subprocess
import zipfile
from pathlib import Path

import nibabel as nib
import pytest
from trees import (
    COMMANDS,
    another,
    command,
    expect_refusal,
    fill_folder,
    images,
    put,
    source_rows,
    stamps,
    table,
    tree,
)

from example_datasets.generate import INPUT
from example_datasets.generators import patients, radiograph
from example_datasets.generators.dicomfile import encode
from mids import cli
from mids._version import __version__

MAINS = {"mids": cli.main, "mids-convert": cli.convert_main, "mids-validate": cli.validate_main}


def _read_output(capsys: pytest.CaptureFixture[str], name: str, *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    try:
        code = MAINS[name]([str(argument) for argument in arguments])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    out, err = capsys.readouterr()
    return code, out, err


# Asking


@pytest.mark.parametrize("line", ["mids-convert", "mids-validate", "mids convert", "mids validate", "mids key"])
def test_help_has_examples(capsys: pytest.CaptureFixture[str], line: str) -> None:
    name, *arguments = line.split()
    code, out, err = _read_output(capsys, name, *arguments, "--help")
    assert (code, err) == (0, "")
    examples = re.findall(
        r"^  (mids(?:-convert|-validate)? .+?)(?:\s{3,}.*)?$", out.split("examples:")[1], re.MULTILINE
    )
    assert examples
    assert "exit codes" in out or arguments == ["key"]


def test_mids_alone_names_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _read_output(capsys, "mids", "--help")
    assert code == 0
    assert all(name in out for name in ("convert", "validate", "key"))


@pytest.mark.parametrize("name", sorted(MAINS))
def test_version(name: str) -> None:
    done = command(name, "--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"{name} {__version__}")


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _read_output(capsys, "mids-convert", "--list")
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()].count("dicom") == 1
    assert all(line.split("\t")[1] for line in out.splitlines())


@pytest.mark.slow
def test_codes_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _read_output(capsys, "mids-validate", "--list-codes")
    assert code == 0
    codes = [line.split("\t")[0] for line in out.splitlines()]
    assert codes == sorted(set(codes))
    assert {"FILE_TRUNCATED", "CURATION_UNMATCHED"} < set(codes)
    for name in codes:
        code, out, _ = _read_output(capsys, "mids-validate", "--explain", name)
        assert code == 0
        assert out.startswith(name)
        assert "why: " in out.lower()
        assert "fix: " in out.lower()


# Wrong use


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("mids-convert", "--help"),
        ("mids-convert dicom", "--help"),
        ("mids-convert dicm SOURCE DEST", "did you mean dicom"),
        ("mids-convert dicom ABSENT DEST", "does not exist"),
        ("mids-convert dicom SOURCE DEST --jobs 0", "--jobs"),
        ("mids-convert dicom SOURCE DEST --limit 0", "--limit"),
        ("mids-convert dicom SOURCE DEST --curation ABSENT", "curation"),
        ("mids-convert dicom SOURCE DEST --log ABSENT/log", "log"),
        ("mids-validate", "--help"),
        ("mids-validate ABSENT", ""),
        ("mids-validate --explain FILE_TRUNCATD", "FILE_TRUNCATED"),
        ("mids-convert dicom SOURCE DEST --nonsense", "--nonsense"),
        ("mids-convert dicom SOURCE DEST --jobs many", "--jobs"),
        ("mids-convert dicom SOURCE DEST --pixels wide", "window"),
        ("mids dance", "convert"),
        ("mids key new", "FILE"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path, key: Path, line: str, hint: str
) -> None:
    places = {"SOURCE": source, "DEST": tmp_path / "dest", "ABSENT": tmp_path / "absent"}
    name, *arguments = line.split()
    filled = [re.sub("SOURCE|DEST|ABSENT", lambda found: str(places[found[0]]), argument) for argument in arguments]
    more = ["--key", str(key)] if "DEST" in line else []
    code, out, err = _read_output(capsys, name, *filled, *more)
    assert (code, out) == (2, "")
    assert hint in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "dest").exists()


def test_a_reader_that_stops_reading_is_no_fault() -> None:
    with subprocess.Popen([COMMANDS / "mids-validate", "--list-codes"], stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert "Traceback" not in said
    assert "Error" not in said


# Converting


def test_a_dry_run_writes_nothing_and_says_what_would_be(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path, key: Path
) -> None:
    arguments = ("dicom", source, tmp_path / "dest", "--key", key)
    code, out, _ = _read_output(capsys, "mids-convert", *arguments, "--dry-run", "--show-paths")
    assert code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"source"}
    planned = {cells[2]: cells[3] for line in out.splitlines() if len(cells := line.split("\t")) == 4}
    assert _read_output(capsys, "mids-convert", *arguments)[0] == 0
    made = {row["source"]: row["filename"] for row in source_rows(tmp_path / "dest")}
    assert made.items() <= planned.items()
    assert sorted(made.values()) == images(tmp_path / "dest")


def test_a_dry_run_leaves_an_earlier_run_as_it_is(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path, key: Path
) -> None:
    arguments = ("dicom", source, tmp_path / "dest", "--key", key)
    _read_output(capsys, "mids-convert", *arguments)
    put(source, "c/1", another("new", PatientID="C"))
    before = tree(tmp_path), stamps(tmp_path / "dest")
    code, out, _ = _read_output(capsys, "mids-convert", *arguments, "--dry-run", "--pixels", "raw")
    assert code == 0
    lines = [line.split("\t") for line in out.splitlines()[1:-1]]
    assert sorted(line[0] for line in lines if line[1] != "0") == ["new", "stale", "stale", "stale"]
    assert (tree(tmp_path), stamps(tmp_path / "dest")) == before


@pytest.mark.parametrize(
    ("options", "subjects"),
    [
        (["--include", "000123"], {"a"}),
        (["--include", "123"], {"b"}),
        (["--include", "0*"], {"a"}),
        (["--include", "LABEL"], {"b"}),
        (["--include", "000123", "--include", "123"], {"a", "b"}),
        (["--exclude", "123"], {"a"}),
        (["--include", "*", "--exclude", "0?0123"], {"b"}),
    ],
)
def test_subjects_are_chosen_by_id_label_or_glob(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path, key: Path, options: list[str], subjects: set[str]
) -> None:
    _read_output(capsys, "mids-convert", "dicom", source / "b", tmp_path / "b", "--key", key)
    label = images(tmp_path / "b")[0].split("/")[0].removeprefix("sub-")
    filled = [option.replace("LABEL", label) for option in options]
    _read_output(capsys, "mids-convert", "dicom", source, tmp_path / "dest", "--key", key, *filled)
    made = {row["source"][0] for row in source_rows(tmp_path / "dest")}
    assert made == subjects
    assert len(images(tmp_path / "dest")) == sum({"a": 2, "b": 1}[name] for name in subjects)


@pytest.mark.slow
def test_quiet_says_only_errors_and_verbose_everything(
    capsys: pytest.CaptureFixture[str], phantom: object, tmp_path: Path, key: Path
) -> None:
    levels = {}
    for number, option in enumerate(("-q", "", "-v")):
        options = [option] if option else []
        code, out, err = _read_output(
            capsys, "mids-convert", "dicom", INPUT, tmp_path / str(number), "--key", key, *options
        )
        assert code == 1
        assert bool(out) == (option != "-q")
        levels[option] = {line.split()[0] for line in err.splitlines() if not line[0].isdigit()}
    assert levels == {"-q": {"error"}, "": {"error", "warning"}, "-v": {"error", "warning", "info"}}


def test_a_clean_conversion_is_exit_code_0(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path, key: Path
) -> None:
    code, out, _ = _read_output(capsys, "mids-convert", "dicom", source, tmp_path / "dest", "--key", key)
    assert code == 0
    assert "3 images made" in out
    assert str(tmp_path / "dest.mids/sources.tsv") in out
    code, out, _ = _read_output(capsys, "mids", "convert", "dicom", source, tmp_path / "dest", "--key", key)
    assert code == 0
    assert "0 images made, 3 kept" in out


# Keys


def test_a_new_key_is_the_owners_alone_and_is_never_overwritten(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    path = tmp_path / "keys/study.key"
    assert _read_output(capsys, "mids", "key", "new", path)[0] == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_text()
    assert re.fullmatch(r"[0-9a-f]{64}\n", content)
    code, out, err = _read_output(capsys, "mids", "key", "new", path)
    assert (code, out, path.read_text()) == (2, "", content)
    assert content.strip() not in err
    assert _read_output(capsys, "mids-convert", "dicom", source, tmp_path / "dest", "--key", path)[0] == 0


@pytest.mark.slow
def test_the_first_run_makes_a_key_and_says_so_once(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = command("mids-convert", "dicom", source, tmp_path / "1", home=home)
    second = command("mids-convert", "dicom", source, tmp_path / "2", home=home)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "made a pseudonym key" in first.stderr
    assert "made a pseudonym key" not in second.stderr
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    [key] = [path for path in home.rglob("*") if path.is_file()]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text().strip() not in first.stderr + first.stdout


# What is never said


KEYED = re.compile(r"\b[SE][A-Z2-7]{10}(?![A-Z2-7])|source:[A-Z2-7]{10}")
"""Labels and references: random letters, in which a short name may stand by chance."""


def _secrets() -> set[str]:
    """Identifiers of the phantom's patients, and names of its files and folders."""
    paths = [path.relative_to(INPUT) for path in INPUT.rglob("*")]
    with zipfile.ZipFile(INPUT / "entrega 1/reformateos.zip") as archive:
        paths += [Path(name) for name in archive.namelist()]
    names = {part for path in paths for part in path.parts if len(part) > 4} - {"IMAGES", "DICOMDIR"}
    return {text.casefold() for text in (*patients.CANARIES, *names, str(INPUT))}


def _find_secrets(text: str) -> set[str]:
    plain = KEYED.sub("", text).casefold()
    return {secret for secret in _secrets() if secret in plain}


def _text_of(path: Path) -> str:
    """What of a file can hold words: all of a text, the header of a NIfTI, the chunks of a PNG but for its pixels."""
    if path.name.endswith(".nii.gz"):
        image = nib.load(path)
        extensions = [extension.get_content() for extension in image.header.extensions]
        return bytes(image.header.binaryblock).decode("latin-1") + repr(extensions)
    content = path.read_bytes()
    if path.suffix == ".png":
        assert re.findall(rb"(?:IHDR|PLTE|IDAT|IEND|tEXt|iTXt|zTXt|eXIf|tIME)", content[:60])
        return "".join(kind for kind, _ in _chunks(content) if kind != "IDAT")
    return content.decode("utf-8")


def _chunks(content: bytes) -> list[tuple[str, bytes]]:
    found, place = [], 8
    while place < len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        found.append((content[place + 4 : place + 8].decode(), content[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


@pytest.mark.slow
def test_no_identifier_leaves_the_program(tmp_path: Path, key: Path) -> None:
    log, dest = tmp_path / "log", tmp_path / "dest"
    arguments = ("dicom", INPUT, dest, "--key", key, "-v", "--log", log, "--publish-sources", "--burned-in", "release")
    done = command("mids-convert", *arguments)
    assert done.returncode == 1
    assert len(images(dest)) > 15
    for path in sorted(dest.rglob("*")):
        assert _find_secrets(path.relative_to(dest).as_posix()) == set()
        if path.is_file():
            assert _find_secrets(_text_of(path)) == set(), path.name
    for said in (done.stdout, done.stderr, log.read_text(encoding="utf-8")):
        assert said
        assert _find_secrets(said) == set()
    dry = command("mids-convert", "dicom", INPUT, tmp_path / "dry", "--key", key, "--dry-run")
    assert _find_secrets(dry.stdout + dry.stderr) == set()


@pytest.mark.slow
def test_pictures_carry_pixels_and_nothing_else(phantom: object, tmp_path: Path, key: Path) -> None:
    command("mids-convert", "dicom", INPUT / "123", tmp_path / "dest", "--key", key)
    for path in images(tmp_path / "dest"):
        assert {kind for kind, _ in _chunks((tmp_path / "dest" / path).read_bytes())} == {"IHDR", "IDAT", "IEND"}


@pytest.mark.slow
def test_paths_are_shown_on_request_only(tmp_path: Path, key: Path) -> None:
    whole = encode(radiograph.cr_pa())
    source = fill_folder(tmp_path / "source", {"DOE JANE/1": whole[: len(whole) // 2], "2": radiograph.dx_pa()})
    hidden = command("mids-convert", "dicom", source, tmp_path / "1", "--key", key)
    shown = command("mids-convert", "dicom", source, tmp_path / "2", "--key", key, "--show-paths")
    assert "DOE JANE" not in hidden.stdout + hidden.stderr
    assert "DOE JANE/1" in shown.stderr
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    [reference] = re.findall("source:[A-Z2-7]{10}", hidden.stderr)
    rows = {row["reference"]: row["source"] for row in source_rows(tmp_path / "1")}
    assert rows[reference] == "DOE JANE/1"


@pytest.mark.slow
def test_published_sources_say_what_became_of_each_without_its_path(tmp_path: Path, key: Path) -> None:
    broken = another("broken", PatientID="X")
    broken.Rows = 9999
    source = fill_folder(tmp_path / "source", {"DOE/bad": broken, "DOE/good": radiograph.dx_pa()})
    done = command("mids-convert", "dicom", source, tmp_path / "dest", "--key", key, "--publish-sources")
    assert done.returncode == 1
    rows = table(tmp_path / "dest/derivatives/provenance/sources.tsv")
    private = {row["reference"]: row for row in source_rows(tmp_path / "dest")}
    assert {row["reference"] for row in rows} == set(private)
    assert {private[row["reference"]]["source"]: row["status"] for row in rows} == {
        "DOE/bad": "lost",
        "DOE/good": "converted",
    }
    assert all("source" not in row and row["filename"] == private[row["reference"]]["filename"] for row in rows)


def test_a_fault_of_ours_shows_no_text_of_its_exception(tmp_path: Path, key: Path) -> None:
    """A collection of somebody else that raises: exit code 3, where it happened, and nothing that it says."""
    package = tmp_path / "site/faulty-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[mids.collections]\nfaulty = faulty\n")
    (tmp_path / "site/faulty.py").write_text(
        "from mids.collections.dicom import ABOUT\n\n\n"
        "def read(root, mapped=map):\n    raise ValueError('JANE ' + 'DOE')\n"
    )
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); from mids.cli import main; sys.exit(main())"
    arguments = ["convert", "faulty", tmp_path / "site", tmp_path / "dest", "--key", key]
    done = command("python", "-c", program, *map(str, arguments))
    assert done.returncode == 3
    assert "ValueError" in done.stderr
    assert "faulty.py" in done.stderr
    assert "JANE DOE" not in done.stderr
    assert json.dumps(done.stdout) == '""'


def test_a_line_of_refusal_names_the_command(tmp_path: Path, key: Path) -> None:
    assert expect_refusal("dicom", tmp_path / "absent", tmp_path / "dest", "--key", key).startswith("mids-convert: ")
