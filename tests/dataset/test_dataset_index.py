"""The kept index gives what reading gives, whatever changed since, and reads no more than that."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from places import SOURCES

from mids.dataset import Dataset
from mids.dataset.frames import images
from mids.errors import MidsError

FIELDS = ("KVP", "Manufacturer", "ImageType")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(SOURCES / "midrc-ricord-1a" / "mids", tmp_path / "dataset")


def are_same(one: Dataset, other: Dataset) -> None:
    assert_frame_equal(one.images, other.images, check_like=True)


@pytest.mark.parametrize("name", sorted(path.name for path in SOURCES.iterdir()))
def test_an_index_gives_what_reading_gives(name: str, tmp_path: Path) -> None:
    path, index = SOURCES / name / "mids", tmp_path / "index.parquet"
    for _ in range(2):
        are_same(Dataset(path, fields=FIELDS, index=index), Dataset(path, fields=FIELDS))
    are_same(Dataset(path, index=index), Dataset(path))  # other fields: made anew


def test_only_subjects_that_changed_are_read_again(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path / "index.parquet"
    _ = Dataset(copy, fields=FIELDS, index=index).images
    read: list[str] = []
    real = images.read_json
    monkeypatch.setattr(images, "read_json", lambda root, path: read.append(path) or real(root, path))
    _ = Dataset(copy, fields=FIELDS, index=index).images
    assert read == []
    sidecar = next(copy.glob("sub-*/**/*_ct.json"))
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text("utf-8")), "KVP": 77}), encoding="utf-8")
    again = Dataset(copy, fields=FIELDS, index=index)
    assert 77 in again.images["KVP"].tolist()
    subject = sidecar.relative_to(copy).parts[0]
    assert {path.split("/")[0] for path in read} == {subject}


def steps(root: Path) -> Iterator[str]:
    yield from sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


@pytest.mark.slow
@settings(max_examples=8, phases=[Phase.generate])
@given(st.data())
def test_after_any_changes_the_index_is_fresh(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = shutil.copytree(SOURCES / "covid-chestxray" / "mids", Path(folder) / "dataset")
        index = Path(folder) / "index.parquet"
        _ = Dataset(root, fields=FIELDS, index=index).images
        for _ in range(data.draw(st.integers(1, 3))):
            path = root / data.draw(st.sampled_from([p for p in steps(root) if p.startswith("sub-")]))
            kind = data.draw(st.sampled_from(["remove", "rewrite", "row", "top"]))
            if kind == "remove":
                path.unlink()
            elif kind == "top":
                (root / "dx.json").write_text('{"KVP": 60}')
            elif path.suffix == ".tsv" and kind == "row":
                header = path.read_text("utf-8").split("\n")[0]
                path.write_text(header + "\tnew\n" + "\t".join(["x"] * (header.count("\t") + 2)) + "\n", "utf-8")
            else:
                path.write_text('{"KVP": 50}' if path.suffix == ".json" else "other")
        are_same(Dataset(root, fields=FIELDS, index=index), Dataset(root, fields=FIELDS))


def test_values_stay_texts(copy: Path, tmp_path: Path) -> None:
    people = copy / "participants.tsv"
    people.write_text("participant_id\tcode\n" + f"{next(copy.glob('sub-*')).name}\t007\n", encoding="utf-8")
    for _ in range(2):
        table = Dataset(copy, index=tmp_path / "i.parquet").text.images
        assert set(table["code"].dropna()) == {"007"}
        assert {str(kind) for kind in table.dtypes} == {"string"}


def test_the_index_names_no_place_of_the_machine(copy: Path, tmp_path: Path) -> None:
    index = tmp_path / "i.parquet"
    _ = Dataset(copy, index=index).images
    content = pd.read_parquet(index).to_csv() + str(index.read_bytes())
    assert str(tmp_path) not in content
    before = index.read_bytes()
    index.unlink()
    _ = Dataset(copy, index=index).images
    assert index.read_bytes() == before


def test_wrong_use_of_an_index(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(MidsError, match="give a path outside"):
        _ = Dataset(copy, index=copy / "index.parquet").images
    assert not (copy / "index.parquet").exists()
    other = tmp_path / "other.parquet"
    pd.DataFrame({"a": ["1"]}).to_parquet(other)
    text = tmp_path / "text.parquet"
    text.write_text("no Parquet")
    for path, message in ((other, "is not an index"), (text, "is not a Parquet file")):
        before = path.read_bytes()
        with pytest.raises(MidsError, match=message):
            _ = Dataset(copy, index=path).images
        assert path.read_bytes() == before
    with pytest.raises(MidsError, match="can't write"):
        _ = Dataset(copy, index=tmp_path / "absent" / "i.parquet").images


@pytest.mark.slow
def test_without_pyarrow_it_is_said_what_to_install(copy: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfor name in ('pyarrow', 'pyarrow.parquet'): sys.modules[name] = None\n"
        "from mids.dataset import Dataset\nfrom mids.errors import MidsError\n"
        "assert len(Dataset(sys.argv[1]).images) == 5\n"
        "try:\n    Dataset(sys.argv[1], index=sys.argv[2]).images\n"
        "except MidsError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(copy), str(tmp_path / "i.parquet")], capture_output=True, text=True,
        check=True, env={**os.environ},
    )  # fmt: skip
    assert done.stdout == "Parquet needs pyarrow: pip install 'mids[parquet]'\n"
