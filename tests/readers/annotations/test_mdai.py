"""MD.ai exports: every annotation of every mode is read, or told of."""

import json
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.actions.mask import inside
from mids.errors import DataError
from mids.readers.annotations.mdai import Export, contains, joined, read_export

STUDY, OTHER = "2.25.1", "2.25.2"


def label(key: str, name: str, mode: str | None = None, **more: object) -> dict[str, Any]:
    return {"id": key, "name": name, "annotationMode": mode, "parentId": None, **more}


GROUPS = [
    {"id": "G_1", "name": "Tiger", "labels": [
        label("L_1", "Typical"), label("L_2", "Nodule", "freeform"), label("L_3", "Fissure", "line"),
        label("L_same", "Effusion"), label("L_other", "Cavity", "polygon"), label("L_4", "Small", parentId="L_2"),
    ]},
    {"id": "G_2", "name": "Bear", "labels": [
        label("L_9", "Typical"), label("L_same", "Effusion"), label("L_other", "Opacity", "polygon"),
    ]},
]  # fmt: skip


def annotation(key: str = "L_1", user: str = "U_a", data: object = None, **more: object) -> dict[str, Any]:
    return {"id": "A_1", "labelId": key, "createdById": user, "StudyInstanceUID": STUDY, "data": data, **more}


def export(*annotations: object, studies: object = ({"StudyInstanceUID": STUDY, "number": 1},)) -> Export:
    content = {
        "name": "test",
        "labelGroups": GROUPS,
        "datasets": [{"id": "D_1", "studies": list(studies), "annotations": list(annotations)}],  # type: ignore[call-overload]
    }
    return read_export(BytesIO(json.dumps(content).encode()), "export.json")


def codes(found: Export) -> list[str]:
    return [issue.code for issue in found.issues]


@pytest.mark.parametrize(
    ("key", "data", "shape", "points"),
    [
        ("L_1", None, "", []),
        ("L_2", {"vertices": [[1, 2], [3, 2.5], [3, 4]]}, "polygon", [[[(1, 2), (3, 2.5), (3, 4)]]]),
        ("L_3", {"vertices": [[1, 2], [3, 4]]}, "line", [[[(1, 2), (3, 4)]]]),
        ("L_1", {"x": 1, "y": 2, "width": 3, "height": 4}, "box", [[[(1, 2), (4, 2), (4, 6), (1, 6)]]]),
        ("L_1", {"x": 1.5, "y": 2}, "point", [[[(1.5, 2)]]]),
        ("L_1", {"foreground": [[[0, 0], [4, 0], [0, 4]]]}, "mask", [[[(0, 0), (4, 0), (0, 4)]]]),
        ("L_1", {"foreground": [], "background": []}, "mask", []),
    ],
)
def test_each_mode_gives_its_points(key: str, data: object, shape: str, points: list[Any]) -> None:
    (found,) = export(annotation(key, data=data)).annotations
    assert found.shape == shape
    assert [[[tuple(map(float, p)) for p in ring] for ring in part] for part in points] == [
        [list(ring) for ring in part] for part in found.shapes
    ]


def test_keys_that_a_scope_lacks_are_absent() -> None:
    series, image = {"SeriesInstanceUID": "2.25.7"}, {"SeriesInstanceUID": "2.25.7", "SOPInstanceUID": "2.25.8"}
    found = export(annotation(), annotation(**series), annotation(**image, height=12, width=9, frameNumber=2))
    assert [a.scope for a in found.annotations] == ["STUDY", "SERIES", "INSTANCE"]
    assert [a.size for a in found.annotations] == [None, None, (12, 9)]
    assert [a.frame for a in found.annotations] == [None, None, 2]


def test_the_group_of_a_repeated_id_is_the_one_that_its_user_works_with() -> None:
    found = export(annotation("L_1", "U_a"), annotation("L_9", "U_b"), annotation("L_same", "U_a"),
                   annotation("L_same", "U_b"), annotation("L_other", "U_a"), annotation("L_other", "U_b"))  # fmt: skip
    said = [(a.label.group, a.label.name) for a in found.annotations]
    assert said[2:] == [("Tiger", "Effusion"), ("Bear", "Effusion"), ("Tiger", "Cavity"), ("Bear", "Opacity")]


def test_an_id_that_stays_open_is_kept_by_its_name_or_told_of() -> None:
    found = export(annotation("L_same", "U_new"), annotation("L_other", "U_new"))
    assert [(a.label.group, a.label.name) for a in found.annotations] == [("", "Effusion")]
    assert codes(found) == ["ANNOTATION_INVALID"]
    assert found.issues[0].where == "$.datasets[0].annotations[1]"


def test_orphans_and_repetitions_are_told_and_kept() -> None:
    again = annotation(id="A_2")
    found = export(annotation(), again, annotation(StudyInstanceUID=OTHER), annotation(user="U_b"))
    assert len(found.annotations) == 4
    assert codes(found) == ["ANNOTATION_ORPHAN", "ANNOTATION_REPEATED"]


@pytest.mark.parametrize(
    "wrong",
    [
        "text", annotation("L_gone"), annotation(StudyInstanceUID=None), annotation(data=[1]), annotation(data={}),
        annotation(data={"vertices": [[1, "a"]]}), annotation(data={"vertices": [[1, 2, 3]]}),
        annotation(data={"vertices": [[1, float("nan")]]}), annotation(data={"x": None, "y": 1}),
        annotation(data={"vertices": 4}), annotation(data={"foreground": [3]}),
    ],
)  # fmt: skip
def test_an_annotation_that_makes_no_sense_is_an_issue_and_the_rest_is_read(wrong: object) -> None:
    found = export(annotation(), wrong, annotation("L_2"))
    assert len(found.annotations) == 2
    assert codes(found) == ["ANNOTATION_INVALID"]
    assert found.count == 3


@pytest.mark.parametrize(
    "data",
    [b"", b"[1]", b"{}", b"{\"labelGroups\": [], \"datasets\": [", b"\xff\xfe{", b"[" * 100_000, b'{"labelGroups": 1}'],
)  # fmt: skip
def test_a_file_that_is_no_export_is_one_error(data: bytes) -> None:
    with pytest.raises(DataError) as caught:
        read_export(BytesIO(data), "export.json")
    assert caught.value.code == "ANNOTATIONS_INVALID"


def test_an_export_of_wrong_kinds_of_values_is_read_as_empty() -> None:
    data = {"labelGroups": None, "datasets": [3, {"annotations": None, "studies": [None, {}]}]}
    found = read_export(BytesIO(json.dumps(data).encode()), "x")
    assert (found.count, found.annotations, found.issues) == (0, (), ())


@given(st.integers(3, 8), st.integers(3, 8), st.floats(1, 4), st.floats(-1.5, 1.5))
def test_a_part_with_holes_is_one_outline(corners: int, hole_corners: int, radius: float, off: float) -> None:
    """By the even-odd rule the bridges cancel out: what is inside is the ring less its holes."""

    def ring(count: int, size: float, x: float) -> tuple[tuple[float, float], ...]:
        angles = [2 * np.pi * k / count + 0.1234 for k in range(count)]
        return tuple((float(20.03 + x + size * np.cos(a)), float(20.07 + size * np.sin(a))) for a in angles)

    outer, first, second = ring(corners, 17, 0), ring(hole_corners, radius, off - 3), ring(5, 0.9, off + 3.5)
    expected = inside(outer, 40, 40)
    for hole in (first, second):
        if contains(outer, hole[0]):
            expected &= ~inside(hole, 40, 40)
    holes = [hole for hole in (first, second) if contains(outer, hole[0])]
    if all(all(contains(outer, point) for point in hole) for hole in holes):
        whole = inside(joined((outer, *holes)), 40, 40)
        overlap = inside(first, 40, 40) & inside(second, 40, 40)
        assert np.array_equal(whole & ~overlap, expected & ~overlap)


@pytest.mark.shared
def test_the_real_export_is_read_with_none_lost(shared: Path) -> None:
    (path,) = (shared / "ricord").glob("1c_mdai*.json")
    with path.open("rb") as stream:
        found = read_export(stream, path.name)
    assert found.count == len(found.annotations) == 5440
    assert Counter(codes(found)) == {"ANNOTATION_ORPHAN": 10, "ANNOTATION_REPEATED": 12}
    assert len(found.studies) == 1000
    assert Counter(a.reader.split(" U_")[0] for a in found.annotations) == {
        "Tiger": 1802, "Bear": 1742, "Dragon": 1595, "Adjudication": 249, "Default group": 44, "Lion": 8,
    }  # fmt: skip
    assert len({a.reader for a in found.annotations}) == 7  # two people share the default group
    assert sum(bool(a.note) for a in found.annotations) == 19


@pytest.mark.shared
def test_the_synthetic_export_over_real_ct_is_read(shared: Path) -> None:
    with (shared / "ricord" / "SYNTHETIC_ricord1a_like_annotations.json").open("rb") as stream:
        found = read_export(stream, "x")
    assert Counter((a.scope, a.shape) for a in found.annotations) == {
        ("INSTANCE", "polygon"): 22, ("STUDY", ""): 6, ("INSTANCE", ""): 1,
    }  # fmt: skip
    assert codes(found) == ["ANNOTATION_REPEATED"]
