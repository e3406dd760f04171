"""The helpers for tests of checks, the checks of other packages, and issues as a table of pandas."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from places import ROOT

import mids
from mids import testing
from mids.validation.runner import validate

# --- the dataset -----------------------------------------------------------------------------------------


def test_the_dataset_is_valid(tmp_path: Path) -> None:
    assert testing.expect(tmp_path, {}) == ()
    counts = validate(tmp_path / "dataset").counts
    assert (counts.subjects, counts.sessions, counts.images, counts.tables) == (2, 2, 2, 5)


def test_its_images_are_what_others_read(tmp_path: Path) -> None:
    root = testing.dataset(tmp_path)
    with Image.open(root / f"{testing.PICTURE}.png") as picture:
        assert (picture.size, picture.mode) == ((8, 6), "I;16")
    volume = nib.load(root / f"{testing.VOLUME}.nii.gz")
    assert volume.shape == (4, 4, 3)
    assert volume.header.get_zooms() == (0.5, 0.5, 2.0)
    assert volume.header.get_xyzt_units() == ("mm", "sec")
    assert np.asarray(volume.dataobj).min() == -1000


def test_three_lines(tmp_path: Path) -> None:
    found = testing.expect(tmp_path, {testing.PARTICIPANTS: testing.cells({"age": "forty"})}, "CELL_TYPE")
    assert [(issue.path, issue.where, issue.value) for issue in found] == [
        ("participants.tsv", "row 2, column age", "forty")
    ]


def test_changes(tmp_path: Path) -> None:
    root = testing.dataset(
        tmp_path,
        {
            "README.md": None,
            "CHANGES": "1.0.0\n",
            "notes.json": {"a": [1]},
            testing.DESCRIPTION: testing.keys({"Name": "Other", "Authors": None}),
            testing.PARTICIPANTS: testing.cells({"sex": "O", "site": "A"}, row=3),
            testing.SESSIONS: testing.replaced(b"\t40", b"\tn/a"),
        },
    )
    assert not (root / "README.md").exists()
    assert (root / "CHANGES").read_text() == "1.0.0\n"
    assert json.loads((root / "notes.json").read_bytes()) == {"a": [1]}
    about = json.loads((root / testing.DESCRIPTION).read_bytes())
    assert about["Name"] == "Other"
    assert "Authors" not in about
    assert (root / testing.PARTICIPANTS).read_text().splitlines()[1:] == [
        "sub-S1\t40\tF\tdx\tchest\tn/a",
        "sub-S2\t71\tO\tct\tchest\tA",
    ]
    assert (root / testing.SESSIONS).read_text().endswith("\tn/a\n")


def test_changes_of_what_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        testing.dataset(tmp_path, {"nothing.tsv": None})
    with pytest.raises(ValueError, match="is not in the file"):
        testing.dataset(tmp_path, {"README.md": testing.replaced(b"Zanzibar", b"")})


def test_another_code_than_the_expected_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"expected CELL_TYPE, found\n  README_MISSING"):
        testing.expect(tmp_path, {"README.md": None}, "CELL_TYPE")
    with pytest.raises(AssertionError, match="expected CELL_TYPE, found none"):
        testing.expect(tmp_path, {"CHANGES": "1.0.0\n", "README.md": "# A dataset\n"}, "CELL_TYPE")


# --- checks of other packages ----------------------------------------------------------------------------

CHECK = '''
from mids.checks import Finding, check

@check("SITE_MISSING", per="dataset")
def site_missing(dataset):
    """participants.tsv has no column site.

    Why: The split is by site.

    Fix: Add the column.
    """
    if "site" not in dataset.view("participants.tsv").rows.header:
        yield Finding("there is no column site", path="participants.tsv")
'''
RUN = """
import sys
from mids.validation import plugins
from mids.validation import validate
print(plugins.load(), [issue.code for issue in validate(sys.argv[1])])
"""


def install_module(folder: Path, module: str, text: str) -> Path:
    """A package as pip leaves it, with an entry point for checks."""
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / f"{module}.py").write_text(text, encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[mids.checks]\n{module} = {module}\n", encoding="utf-8")
    return folder


def run(folder: Path, dataset: Path) -> subprocess.CompletedProcess[str]:
    """The validator in a process of its own, which finds the package in `folder`."""
    path = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    return subprocess.run([sys.executable, "-c", path + RUN, str(dataset)], capture_output=True, text=True, check=False)


def test_a_check_of_another_package_runs(tmp_path: Path) -> None:
    done = run(install_module(tmp_path / "site", "by_site", CHECK), testing.dataset(tmp_path))
    assert done.stdout.strip() == "('by_site',) ['SITE_MISSING']", done.stderr


WITH_KEYS = "".join(
    f'''
from mids.checks import check

@check("{code}", per="{per}", keys={keys})
def {code.lower()}(file):
    """The file was looked at.

    Why: Every file with a key is looked at, and no other.

    Fix: Nothing.
    """
    yield "looked at"
'''
    for code, per, keys in [
        ("SEX_SEEN", "table", ("sex", "no_such_column")),
        ("COLUMN_SEEN", "table", ("no_such_column",)),
        ("ROWS_SEEN", "image", ("Rows",)),
        ("KEY_SEEN", "image", ("NoSuchKey",)),
        ("JSON_SEEN", "sidecar", ("Rows",)),
    ]
)


def test_a_check_runs_where_a_file_says_something_of_its_keys(tmp_path: Path) -> None:
    dataset = testing.dataset(tmp_path)
    images = len(list(dataset.rglob("*.nii.gz")) + list(dataset.rglob("*.png")))
    done = run(install_module(tmp_path / "site", "by_key", WITH_KEYS), dataset)
    found = Counter(ast.literal_eval(done.stdout.partition(") ")[2]))
    assert found == {"SEX_SEEN": 1, "ROWS_SEEN": images, "JSON_SEEN": images}, done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        (CHECK.replace("SITE_MISSING", "README_MISSING"), "ValueError: two checks have the name README_MISSING"),
        (CHECK.replace("Why: ", ""), "ValueError: SITE_MISSING: the docstring needs what, Why: and Fix:"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_named(text: str, says: str, tmp_path: Path) -> None:
    done = run(install_module(tmp_path / "site", "by_site", text), testing.dataset(tmp_path))
    last = done.stderr.strip().splitlines()[-1]
    assert last == (
        f"mids.errors.MidsError: can't load the checks of by_site (by_site): {says}: install "
        "the package again, or remove it"
    )


# --- pandas ----------------------------------------------------------------------------------------------


def test_issues_as_a_frame(tmp_path: Path) -> None:
    report = validate(testing.dataset(tmp_path, {"README.md": None, testing.PARTICIPANTS: testing.cells({"sex": "x"})}))
    frame = mids.issues_frame(report)
    assert frame[["code", "level", "path", "value"]].to_numpy().tolist() == [
        ["README_MISSING", "warning", "", ""],
        ["CELL_CODE", "error", "participants.tsv", "x"],
    ]
    assert all(isinstance(kind, pd.StringDtype) for kind in frame.dtypes)
    assert list(mids.issues_frame([]).columns) == list(frame.columns)


# --- the documentation -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "add-a-check.md").read_text(encoding="utf-8")
    check, test, _ = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "by_site.py").write_text(check, encoding="utf-8")
    (tmp_path / "test_by_site.py").write_text(test, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "test_by_site.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout


# --- the example of a collection -------------------------------------------------------------------------


def test_two_datasets_are_compared_by_what_they_hold(tmp_path: Path) -> None:
    one, other = testing.dataset(tmp_path / "one"), testing.dataset(tmp_path / "other")
    made = '{"GeneratedBy": [{"Name": "mids", "Version": "%s"}]}\n'
    (one / testing.DESCRIPTION).write_text(made % "1.0")
    (other / testing.DESCRIPTION).write_text(made % "2.0.dev3")
    (other / f"{testing.VOLUME}.nii.gz").write_bytes(testing.gz(testing.nifti((4, 4, 3)), time=7))
    assert testing.differences(one, other) == []
    (other / f"{testing.VOLUME}.nii.gz").write_bytes(testing.gz(testing.nifti((4, 4, 3), spacing=(0.5, 0.5, 3.0))))
    (other / f"{testing.PICTURE}.png").write_bytes(testing.png(8, 6, bits=8))
    (other / "more.txt").touch()
    (other / "README.md").unlink()
    (other / "CHANGES").write_text("2.0.0\n")
    (one / "CHANGES").write_text("1.0.0\n")
    assert testing.differences(one, other) == [
        "CHANGES", "README.md", "more.txt", f"{testing.PICTURE}.png", f"{testing.VOLUME}.nii.gz",
    ]  # fmt: skip


def test_a_golden_dataset_is_what_the_example_becomes(tmp_path: Path) -> None:
    (tmp_path / "example" / "input").mkdir(parents=True)
    source = Path(__file__).parents[2] / "example_datasets" / "plugin" / "example" / "input" / "images" / "0001"
    shutil.copy(source, tmp_path / "example" / "input")
    testing.write_golden("dicom", tmp_path / "example")
    done = testing.converted("dicom", tmp_path / "example", tmp_path)
    assert done.exit_code == 0
    assert testing.differences(done.dataset, tmp_path / "example" / "mids") == []
