"""Results that are kept: a report with them is the report without them, whatever was changed between two runs."""

import json
import os
import random
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from example_datasets.defects import BASES, FAMILIES
from example_datasets.mutations import Files, dataset
from example_datasets.recordings import recordings
from example_datasets.small import write
from mids.cli import validate_main
from mids.validation.kept import folder
from mids.validation.runner import Report, validate

STEPS = 40


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder of the test's own; files count as unchanged however new they are."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("mids.validation.marks.SETTLED", 0)


def same(root: Path, **options: bool) -> Report:
    """The report with results that were kept, which is that without."""
    found = validate(root, cache="times", **options)
    assert found == validate(root, **options)
    return found


def rewrite(files: Files, root: Path, before: Files) -> None:
    """Changes what differs, and nothing else."""
    for name in before.keys() - files.keys():
        (root / name).unlink()
    for name, content in files.items():
        if before.get(name) != content:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
    for place in sorted(root.rglob("*"), reverse=True):
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "base"), sorted({(family, defect.base) for family, defects in FAMILIES.items() for defect in defects})
)
def test_every_defect_is_found_and_gone_again(family: str, base: str, tmp_path: Path) -> None:
    root, files = tmp_path / "dataset", BASES[base]()
    write(files, root)
    clean = same(root, deep=True)
    for defect in (defect for defect in FAMILIES[family] if defect.base == base):
        changed = defect.change(dict(files))
        rewrite(changed, root, files)
        assert defect.code in {issue.code for issue in same(root, deep=True)}
        rewrite(files, root, changed)
    assert same(root, deep=True) == clean


# --- random changes --------------------------------------------------------------------------------------

Edit = Callable[[random.Random, Path, list[Path]], object]


def pick(chance: random.Random, places: list[Path], *ends: str) -> Path:
    return chance.choice([place for place in places if str(place).endswith(ends)] or places)


def delete(chance: random.Random, _: Path, places: list[Path]) -> None:
    chance.choice(places).unlink()


def rename(chance: random.Random, _: Path, places: list[Path]) -> None:
    place = chance.choice(places)
    new = place.name.replace("run-1", "run-2").replace("chest", "head")
    place.rename(place.with_name(new if new != place.name else f"x{place.name}"))


def copy(chance: random.Random, _: Path, places: list[Path]) -> None:
    one, other = chance.choice(places), chance.choice(places)
    other.write_bytes(one.read_bytes())


def flip(chance: random.Random, _: Path, places: list[Path]) -> None:
    """Another byte in a file of the same size and time."""
    place = chance.choice(places)
    data, state = bytearray(place.read_bytes()), place.stat()
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(7)
        place.write_bytes(data)
        os.utime(place, ns=(state.st_atime_ns, state.st_mtime_ns))


def sidecar(chance: random.Random, _: Path, places: list[Path]) -> None:
    place = pick(chance, places, ".json")
    try:
        content = json.loads(place.read_bytes())
    except ValueError:
        return
    if isinstance(content, dict) and content:
        key = chance.choice(list(content))
        content[key] = chance.choice(["", 1e9, None, "X", ["bids::participants.tsv"]])
        place.write_text(json.dumps(content))


def above(chance: random.Random, root: Path, _: list[Path]) -> None:
    """A sidecar at the top, from which images inherit."""
    suffix = chance.choice(["dx", "T1w", "task-rest_bold", "ct"])
    (root / f"{suffix}.json").write_text(json.dumps({"EchoTime": chance.choice([0.01, "x"])}))


def row(chance: random.Random, _: Path, places: list[Path]) -> None:
    place = pick(chance, places, ".tsv")
    lines = place.read_bytes().split(b"\n")
    at = chance.randrange(len(lines))
    change = chance.choice(["drop", "twice", "cell"])
    if change == "cell":
        cells = lines[at].split(b"\t")
        cells[chance.randrange(len(cells))] = chance.choice([b"n/a", b"5", b"sub-S02", b"ses-E02", b"1990-01-01"])
        lines[at] = b"\t".join(cells)
    else:
        lines[at : at + 1] = [] if change == "drop" else [lines[at], lines[at]]
    place.write_bytes(b"\n".join(lines))


def link(chance: random.Random, root: Path, places: list[Path]) -> None:
    """IntendedFor leads to a file that is not looked into, which comes and goes."""
    place = pick(chance, places, "bold.json")
    target = root / "sourcedata" / "scan.nii"
    if target.exists():
        target.unlink()
        return
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(b"x")
    place.write_text(json.dumps({"IntendedFor": ["bids::sourcedata/scan.nii"]}))


def touch(chance: random.Random, _: Path, places: list[Path]) -> None:
    os.utime(chance.choice(places))


def subject(chance: random.Random, root: Path, _: list[Path]) -> None:
    """A new subject with a copy of another's images, and perhaps its row."""
    label = f"sub-N{chance.randrange(3)}"
    for place in sorted((root / "sub-S01").rglob("*")):
        if place.is_file():
            new = root / str(place.relative_to(root)).replace("sub-S01", label)
            new.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(place.read_bytes())
    people = root / "participants.tsv"
    if people.exists() and chance.random() < 0.5:
        people.write_bytes(people.read_bytes() + f"{label}\t40\tF\tDX\tchest\ta\n".encode())


def folders(chance: random.Random, root: Path, _: list[Path]) -> None:
    (root / chance.choice(["code", "sub-S01/ses-E07", "sub-E/ses-E01/anat", "odd", ".git"])).mkdir(
        parents=True, exist_ok=True
    )
    (root / "code").mkdir(exist_ok=True)
    (root / "code" / "notes.txt").write_text(chance.choice(["Patient: Juan García López\n", "nothing\n"]))


def ignore(chance: random.Random, root: Path, _: list[Path]) -> None:
    (root / chance.choice([".bidsignore", ".midsignore"])).write_text(chance.choice(["**/mim-*\n", "sub-S02\n", ""]))


EDITS: tuple[Edit, ...] = (
    delete, rename, copy, flip, sidecar, above, row, link, touch, subject, folders, ignore,
)  # fmt: skip


def sources() -> Iterator[Files]:
    yield dataset()
    yield {path: content.encode() if isinstance(content, str) else content for path, content in recordings().items()}


@pytest.mark.parametrize(
    "seed", [1, 2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)]
)
def test_random_changes(seed: int, tmp_path: Path) -> None:
    chance, root = random.Random(seed), tmp_path / "dataset"
    write(list(sources())[seed % 2], root)
    seen = set()
    for step in range(STEPS):
        places = [place for place in sorted(root.rglob("*")) if place.is_file()]
        if len(places) < 10:
            break
        for edit in chance.sample(EDITS, chance.choice([0, 1, 1, 2])):
            edit(chance, root, [place for place in places if place.is_file()])
        seen |= {issue.code for issue in same(root, deep=step % 3 == 0)}
    assert len(seen) > 10


# --- what a run costs ------------------------------------------------------------------------------------

COUNT = """
import sys
from pathlib import Path
from mids.validation import marks
from mids.validation.runner import validate
marks.SETTLED = 0
root, opened = sys.argv[1], []
sys.addaudithook(lambda event, what: opened.append(str(what[0])) if event == "open" else None)
for _ in range(2):
    opened.clear()
    validate(root, cache=sys.argv[2])
    if len(sys.argv) > 3:
        (Path(root) / sys.argv.pop(3)).touch()
        opened.clear()
        validate(root, cache=sys.argv[2])
        break
print(*sorted({path[len(root) + 1:] for path in opened if path.startswith(root)}), sep="\\n")
"""


def opened(root: Path, *words: str) -> set[str]:
    """The files of a dataset that a second run opens."""
    done = subprocess.run([sys.executable, "-c", COUNT, str(root), *words], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_an_unchanged_dataset_is_not_read_again(tmp_path: Path) -> None:
    write(dataset(), tmp_path / "d")
    # What the dataset says of itself, whether its dates are shifted, and tables of which each subject has its rows.
    assert opened(tmp_path / "d", "times") == {
        ".bidsignore", "dataset_description.json", "participants.tsv", "sub-S01/sub-S01_sessions.tsv",
        "derivatives/provenance/conversions.tsv",
    }  # fmt: skip


def test_a_changed_file_costs_its_subject(tmp_path: Path) -> None:
    write(dataset(), tmp_path / "d")
    image = "sub-S02/ses-E02/mim-ct/sub-S02_ses-E02_run-1_bp-chest_ct.nii.gz"
    found = opened(tmp_path / "d", "times", image)
    assert image in found
    own = {path for path in found if path.startswith("sub-S01/")}
    assert own == {"sub-S01/sub-S01_sessions.tsv"}


def test_a_checkout_whose_times_are_new_is_known_by_its_contents(tmp_path: Path) -> None:
    write(dataset(), tmp_path / "d")
    first = validate(tmp_path / "d", cache="contents")
    kept = next(folder().glob("*.tsv"))
    before = kept.stat()
    for place in (tmp_path / "d").rglob("*"):
        os.utime(place, ns=(1, 1))
    assert validate(tmp_path / "d", cache="contents") == first
    assert kept.stat().st_ino == before.st_ino  # nothing was written anew
    (tmp_path / "d" / "README.md").write_bytes(b"")
    assert validate(tmp_path / "d", cache="contents") == validate(tmp_path / "d") != first


# --- the file of results ---------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["cut", "flip", "nothing", "swap", "twice", "noise"])
def test_damaged_results_are_made_again(damage: str, tmp_path: Path) -> None:
    write(dataset(), tmp_path / "d")
    first = same(tmp_path / "d")
    kept = next(folder().glob("*.tsv"))
    data = kept.read_bytes()
    lines = data.splitlines(keepends=True)
    assert len(lines) == 3
    changed = {
        "cut": data[: len(data) // 2], "flip": data.replace(b"S02", b"S03"), "nothing": b"",
        "swap": b"".join(reversed(lines)), "twice": data + data, "noise": bytes(range(256)) * 50,
    }  # fmt: skip
    kept.write_bytes(changed[damage])
    assert same(tmp_path / "d") == first
    assert kept.read_bytes()[: len(data)] == data


def test_files_that_just_changed_are_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mids.validation.marks.SETTLED", 3600 * 10**9)
    write(dataset(), tmp_path / "d")
    same(tmp_path / "d")
    assert [len(kept.read_bytes()) for kept in folder().glob("*.tsv")] == [0]


def test_nobody_else_reads_the_results_and_a_flag_removes_them(tmp_path: Path) -> None:
    write(dataset(), tmp_path / "d")
    assert validate_main([str(tmp_path / "d"), "--no-cache"]) == 0
    assert not folder().exists()
    assert validate_main([str(tmp_path / "d"), "--cache-by", "times"]) == 0
    kept = next(folder().iterdir())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder().stat().st_mode) == 0o700
    assert str(tmp_path).encode() not in kept.read_bytes()
    assert validate_main(["--clear-cache"]) == 0
    assert not folder().exists()


def test_a_folder_that_can_not_be_written_costs_time_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(dataset(), tmp_path / "d")
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    same(tmp_path / "d")


def test_runs_at_the_same_time_do_no_harm(tmp_path: Path) -> None:
    write(dataset(), tmp_path / "d")
    words = [sys.executable, "-m", "mids", "validate", str(tmp_path / "d"), "--cache-by", "times", "--format", "json"]
    runs = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(3)]
    assert len({run.communicate()[0] for run in runs}) == 1
    assert [kept.suffix for kept in folder().iterdir()] == [".tsv"]
    same(tmp_path / "d")


def test_a_run_that_is_stopped_loses_nothing(tmp_path: Path) -> None:
    write(dataset(), tmp_path / "d")
    same(tmp_path / "d")
    kept = next(folder().glob("*.tsv"))
    lines = kept.read_bytes().splitlines()
    (tmp_path / "d" / "CHANGES").write_bytes(b"")  # the dataset as a whole must be checked, no subject

    def stop(_: object) -> Iterator[object]:
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        validate(tmp_path / "d", cache="times", through=stop)  # type: ignore[arg-type]
    assert kept.read_bytes().splitlines() in (lines, lines[1:])
