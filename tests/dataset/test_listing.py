"""Files of derivatives lie packed: they are listed, found, counted and told of as all others are."""

from pathlib import Path

from example_datasets.small import radiograph, write
from mids.dataset.disk.listing import Files
from mids.dataset.disk.tree import walk
from mids.issues import Level
from mids.validation.runner import validate

PIPELINE = "derivatives/pipeline"
ABOUT = (
    b'{"Name": "made up", "BIDSVersion": "1.11.1", "DatasetType": "derivative", "GeneratedBy": [{"Name": "nobody"}]}'
)


def derived(root: Path, *names: str) -> Path:
    """A valid dataset with files of a pipeline, each of four bytes."""
    more = {f"{PIPELINE}/{name}": b"1234" for name in names}
    write({**radiograph(), f"{PIPELINE}/dataset_description.json": ABOUT, **more}, root)
    return root


def test_all_files_are_there_each_once(tmp_path: Path) -> None:
    names = (
        "sub-1/a.nii.gz",
        "sub-1/b c.txt",
        "sub-1/func/é.x",
        "sub-2/a.nii.gz",
        "top.txt",
        "sub-1/README",
        "sub-1/new\nline",
    )
    root = derived(tmp_path / "d", *names)
    files = walk(root).files
    wanted = {path.relative_to(root).as_posix(): path.stat().st_size for path in root.rglob("*") if path.is_file()}
    wanted = {path: size for path, size in wanted.items() if not path.startswith(".")}
    assert isinstance(files, Files)
    assert dict(files.items()) == dict(files) == {path: files[path] for path in files} == wanted
    assert len(files) == len(wanted)
    assert all(path in files for path in wanted)
    absent = ("sub-1/c", f"{PIPELINE}/sub-1/c", f"{PIPELINE}/sub-1", f"{PIPELINE}/sub-3/a.nii.gz")
    assert not any(path in files for path in absent)
    assert [path for path in files if path not in files] == []


def test_what_is_wrong_with_them_is_told(tmp_path: Path) -> None:
    names = (
        "sub-1/a.nii.gz",
        "sub-1/A.nii.gz",
        "sub-1/old.zip",
        "sub-1/func/Thumbs.db",
        "Sub-1/A.nii.gz",
        "x/y/b",
        "X/y/B",
    )
    report = validate(derived(tmp_path / "d", *names))
    told = {(issue.code, issue.path.removeprefix(f"{PIPELINE}/")) for issue in report if issue.level is not Level.INFO}
    collide = {path for code, path in told if code == "NAMES_COLLIDE"}
    assert {path.casefold() for path in collide} == {"sub-1/a.nii.gz", "x/y/b"}
    assert len(collide) == 3  # of each group all but the first
    assert ("PRIVACY_FILE", "sub-1/old.zip") in told
    assert ("FILE_STRAY", "sub-1/func/Thumbs.db") in told
    assert report.counts.files == len(walk(tmp_path / "d").files)


def test_names_that_differ_in_case_collide_wherever_they_lie(tmp_path: Path) -> None:
    write({**radiograph(), "readme.md": b"# x\n", "README.MD": b"# x\n"}, tmp_path / "d")
    names = {"README.md", "readme.md", "README.MD"} & {path.name for path in (tmp_path / "d").iterdir()}
    told = [issue.path for issue in validate(tmp_path / "d") if issue.code == "NAMES_COLLIDE"]
    assert told == sorted(names)[1:]
