"""A third way in: its reader, its plan and its texts are all that it needs to write."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trees import codes, tree

from mids.actions.picture import Picture
from mids.errors import MidsError
from mids.plan import Job, Outcome, Plan, Subject
from mids.plan.texts.files import Inventory, Text
from mids.records import About, Map, PatientKey, Source
from mids.run.done import Done
from mids.run.request import make_request
from mids.run.road import Fact, Stage, travel

ABOUT = About("pictures", "Pictures", "Pictures of a folder.")


def size_of(path: Path) -> int:
    return path.stat().st_size


@dataclass(frozen=True, slots=True)
class Pictures:
    """A folder of pictures, each of a patient who is called like it."""

    target: Path
    about: About = ABOUT
    emptiness: str = "there is no picture"

    @property
    def facts(self) -> tuple[Fact, ...]:
        return (Fact("collection", "pictures", f"{self.target} holds no pictures: give another DEST"),)

    def plan(self, stage: Stage, mapped: Map) -> Plan:
        paths = sorted(stage.request.source.glob("*.png"))
        subjects = []
        for path, size in zip(paths, mapped(size_of, paths), strict=True):
            label = stage.labels.subject(PatientKey(None, path.stem))
            action = Picture(Source(path.name, size=size, mtime_ns=path.stat().st_mtime_ns))
            job = Job(stage.labels.item(path.name), label, "", None, (f"sub-{label}/image.png",), action)
            subjects.append(Subject(label, jobs=(job,)))
        return Plan(tuple(subjects))

    def write(self, stage: Stage, plan: Plan, inventory: Inventory, outcome: Outcome) -> Iterator[Text]:
        yield "list.txt", "".join(f"{image.path}\n" for image in inventory.images())

    def finish(self, stage: Stage, plan: Plan, outcome: Outcome | None) -> None:
        stage.request.dataset.with_suffix(".done").touch()


def go(root: Path, key: Path, **others: object) -> Done:
    request = make_request(root / "in", root / "out", policy=None, key=key, id_table=None, **others)
    return travel(Pictures(request.dataset), request, Done)


def picture(path: Path, value: int) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((4, 5), value, np.uint8)).save(path)


def test_a_third_way_in_has_all_of_a_run(tmp_path: Path, key: Path) -> None:
    picture(tmp_path / "in" / "ROE.png", 3)
    assert go(tmp_path, key, dry_run=True).outcome is None
    assert not (tmp_path / "out").exists()
    first = go(tmp_path, key)
    (path,) = (name for name in tree(first.dataset) if name.endswith(".png"))
    assert "ROE" not in path
    assert tree(first.dataset)["list.txt"].decode() == f"{path}\n"
    assert (tmp_path / "out.done").exists()
    picture(tmp_path / "in" / "DOE.png", 5)
    second = go(tmp_path, key, jobs=2)
    assert second.outcome is not None
    assert (len(second.outcome.made), second.outcome.kept) == (1, (path,))
    (tmp_path / "in" / "ROE.png").unlink()
    kept = go(tmp_path, key)
    assert (codes(kept.issues), kept.exit_code, kept.comparison.vanished) == (["SOURCE_VANISHED"], 1, (path,))
    assert path in tree(kept.dataset)
    third = go(tmp_path, key, removes=1)
    assert third.outcome is not None
    assert path in third.outcome.removed


def test_no_more_is_removed_than_was_said(tmp_path: Path, key: Path) -> None:
    for value, name in enumerate(("ROE", "DOE", "POE")):
        picture(tmp_path / "in" / f"{name}.png", value)
    whole = tree(go(tmp_path, key).dataset)
    for name in ("ROE", "DOE"):
        (tmp_path / "in" / f"{name}.png").unlink()
    assert go(tmp_path, key, removes=1).exit_code == 1
    assert tree(tmp_path / "out") == whole
    assert go(tmp_path, key, removes=None).exit_code == 0
    assert len(tree(tmp_path / "out")) == 2


def test_an_empty_source_is_an_issue_in_its_words(tmp_path: Path, key: Path) -> None:
    (tmp_path / "in").mkdir()
    done = go(tmp_path, key)
    assert [(found.code, found.message) for found in done.issues] == [
        ("SOURCE_EMPTY", "there is no picture; it holds no files to read")
    ]


def test_a_source_that_adds_nothing_to_another_is_told_too(tmp_path: Path, key: Path) -> None:
    picture(tmp_path / "in" / "ROE.png", 3)
    go(tmp_path, key)
    (tmp_path / "in").rename(tmp_path / "before")
    (tmp_path / "in").mkdir()
    (tmp_path / "other").mkdir()
    request = make_request(tmp_path / "other", tmp_path / "out", policy=None, key=key, id_table=None)
    done = travel(Pictures(request.dataset), request, Done)
    assert codes(done.issues) == ["SOURCE_ADDED", "SOURCE_EMPTY"]
    assert any(name.endswith(".png") for name in tree(done.dataset))


def test_what_runs_must_share_is_asked_of_each(tmp_path: Path, key: Path) -> None:
    picture(tmp_path / "in" / "ROE.png", 3)
    go(tmp_path, key)
    other = tmp_path / "key"
    other.write_text("6e" * 32 + "\n")
    other.chmod(0o600)
    with pytest.raises(MidsError, match="another key"):
        go(tmp_path, other)
