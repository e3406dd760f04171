"""Small sources of invented DICOM, and datasets as the bytes that they are."""

import csv
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

from pydicom.dataset import Dataset

from example_datasets.generators import ct, patients, radiograph
from example_datasets.generators.dicomfile import Values, encode, fill
from mids.issues import Issue, Level

COMMANDS = Path(sys.executable).parent
"""Where the console scripts are installed."""


def put(root: Path, path: str, content: Dataset | bytes) -> Path:
    """A file of a source."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content if isinstance(content, bytes) else encode(content))
    return target


def fill_folder(root: Path, files: Mapping[str, Dataset | bytes]) -> Path:
    """A source of several files; returns `root`."""
    for path, content in files.items():
        put(root, path, content)
    return root


def radiographs() -> dict[str, Dataset | bytes]:
    """Two patients, three radiographs: 000123 has a CR and a DX in one study, 123 has one DX."""
    return {"a/1": radiograph.cr_pa(), "a/2": radiograph.dx_lateral(), "b/1": radiograph.dx_pa()}


def chest() -> dict[str, Dataset | bytes]:
    """A CT series of patient 000123."""
    return {f"ct/{number}": dataset for number, dataset in enumerate(ct.slices(ct.SOFT))}


def another(name: str, **values: object) -> Dataset:
    """A CR of patient 000123 in a series of its own, with other attributes as given."""
    return fill(radiograph.cr_pa(name), values)


def person(patient_id: str, **values: object) -> Values:
    """The patient level of somebody else."""
    return {**patients.PATIENT_B, "PatientID": patient_id, **values}


def tree(dataset: Path) -> dict[str, bytes]:
    """Every file of a dataset, byte for byte; symbolic links by what they point at."""
    return {
        path.relative_to(dataset).as_posix(): bytes(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(dataset.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def stamps(dataset: Path) -> dict[str, int]:
    """When every file was written, in ns."""
    return {p.relative_to(dataset).as_posix(): p.stat().st_mtime_ns for p in sorted(dataset.rglob("*")) if p.is_file()}


def images(dataset: Path) -> list[str]:
    """The images of a dataset."""
    return [path for path in tree(dataset) if path.endswith((".png", ".nii.gz"))]


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a TSV table."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def source_rows(dest: Path) -> list[dict[str, str]]:
    """What became of each source file, as the table beside a destination says."""
    return table(Path(f"{dest}.mids/sources.tsv"))


def source_status(dest: Path) -> dict[str, str]:
    """Whether each source file was converted, skipped or lost."""
    return {row["source"]: row["status"] for row in source_rows(dest)}


def scans(dataset: Path) -> list[str]:
    """The images that the tables name, relative to the dataset."""
    return sorted(
        f"{path.parent.relative_to(dataset).as_posix()}/{row['filename']}"
        for path in dataset.rglob("*_scans.tsv")
        for row in table(path)
    )


UNSEEN = ("PRIVACY_UNSEEN", "PRIVACY_FACE_KEPT")


def codes(found: Iterable[Issue]) -> list[str]:
    """The codes of issues, sorted, but for the counts of what nobody looked at (`test_unseen.py`)."""
    return sorted(issue.code for issue in found if issue.code not in UNSEEN)


def error_codes(found: Iterable[Issue]) -> list[str]:
    """The codes of issues that are errors, sorted."""
    return codes(issue for issue in found if issue.level is Level.ERROR)


def count_codes(found: Iterable[Issue]) -> Counter[str]:
    """How often each code was raised, but for the counts of what nobody looked at."""
    return Counter(issue.code for issue in found if issue.code not in UNSEEN)


def issues_by_code(batches: Iterable[Iterable[object]]) -> dict[str, list[Issue]]:
    """What reading a source finds wrong, by code."""
    found: dict[str, list[Issue]] = {}
    for item in chain.from_iterable(batches):
        if isinstance(item, Issue):
            found.setdefault(item.code, []).append(item)
    return found


def command(
    name: str, *arguments: str | Path, home: Path | None = None, **options: object
) -> subprocess.CompletedProcess[str]:
    """A real command, run to its end; `home` is the user's home folder."""
    environment = {**os.environ, **({"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")} if home else {})}
    return subprocess.run(
        [COMMANDS / name, *map(str, arguments)],
        capture_output=True, text=True, check=False, env=environment, timeout=120, **options,
    )  # type: ignore[call-overload, no-any-return]  # fmt: skip


def expect_refusal(*arguments: str | Path, **options: object) -> str:
    """What the command says, in one line, when it refuses with exit code 2."""
    done = command("mids-convert", *arguments, **options)
    assert done.returncode == 2, done.stderr
    said = [line for line in done.stderr.splitlines() if not line[0].isdigit()]
    assert len(said) == 1
    return said[0]
