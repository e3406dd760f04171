"""The projection of radiographs: words of four languages, what the source says, and a user's model."""

import sys
from pathlib import Path

import pytest

from example_datasets.generators import radiograph
from example_datasets.generators.dicomfile import encode
from mids.conversion import convert
from mids.errors import MidsError
from mids.plan.naming import describe
from mids.records import Json, Record, Source
from mids.resources import read_yaml, schemas
from mids.vocabulary.schema import load


def record(view: str = "", **header: Json) -> Record:
    return Record("p", "s", "r", "image", "DX", (Source("x"),), header, view=view, view_source="source" if view else "")


def list_seen(view: str = "", **header: Json) -> tuple[str, str, str]:
    found = describe(record(view, **header), load())
    assert found is not None
    return found.view, found.view_source, found.patient_position


@pytest.mark.parametrize(
    ("text", "view", "position"),
    [
        ("TORAX PA", "pa", ""),
        ("Tórax posteroanterior en bipedestación", "pa", "erect"),
        ("TORAX LAT", "lateral", ""),
        ("TORAX PA Y LAT", "lateral", ""),
        ("Torax AP horizontal", "ap", "supine"),
        ("RX TORAX PORTATIL", "ap", "supine"),
        ("TORAX_SUPINO", "ap", "supine"),
        ("Torax encamado", "ap", "supine"),
        ("TORAX DECUBITO LATERAL IZQUIERDO", "lld", ""),
        ("Tòrax frontal dempeus", "frontal", "erect"),
        ("Tòrax portàtil al llit", "ap", "supine"),
        ("Tòrax perfil", "lateral", ""),
        ("Thorax de face debout", "frontal", "erect"),
        ("Thorax profil", "lateral", ""),
        ("Thorax antéro-postérieur au lit", "ap", "supine"),
        ("Chest portable", "ap", "supine"),
        ("CHEST PA UPRIGHT", "pa", "erect"),
        ("Chest, right lateral decubitus", "rld", ""),
        ("Plate of the chest", "", ""),
        ("PADDLE APLICADO LLANO", "", ""),
    ],
)
def test_words_of_four_languages_tell_the_view(text: str, view: str, position: str) -> None:
    assert list_seen(SeriesDescription=text) == (view, "description" if view else "", position)


def test_every_code_of_the_words_is_one_of_its_list() -> None:
    lists = {"view": "view_positions", "patient_position": "patient_position", "respiration": "respiration"}
    for part, codes in read_yaml(schemas() / "view_words.yaml").items():
        assert set(codes) <= set(load().code_lists[lists[part]].codes)
        assert all(set(words) == {"spanish", "catalan", "french", "english"} for words in codes.values())


def test_the_order_of_what_decides() -> None:
    code: Json = [{"CodeValue": "R-10214", "CodeMeaning": "postero-anterior", "CodingSchemeDesignator": "SRT"}]
    everything: dict[str, Json] = {
        "ViewCodeSequence": code, "SeriesDescription": "TORAX LAT", "ViewPosition": "AP",
        "PatientOrientation": ["A", "F"],
    }  # fmt: skip
    order = [("pa", "dicom"), ("lateral", "description"), ("ap", "dicom"), ("lateral", "dicom"), ("ll", "source")]
    for expected in order:
        assert list_seen("ll", **everything)[:2] == expected
        everything.pop(next(iter(everything), ""), None)


def test_view_position_refines_what_a_description_leaves_open() -> None:
    assert list_seen(SeriesDescription="TORAX LAT", ViewPosition="LL")[0] == "ll"
    assert list_seen(SeriesDescription="TORAX FRONTAL", ViewPosition="PA")[0] == "pa"
    assert list_seen(SeriesDescription="TORAX LAT", ViewPosition="AP")[0] == "lateral"  # the default of some consoles


MODEL = """
def view(record, opened):
    with opened(record.sources[0]) as stream:
        assert stream.read(132)[128:] == b"DICM"
    return {answer!r}
"""


def install_model(folder: Path, answer: str) -> None:
    """A package with a model of views, as pip would leave it."""
    (folder / "my_views.py").write_text(MODEL.format(answer=answer), encoding="utf-8")
    info = folder / "my_views-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-views\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[mids.views]\nmine = my_views:view\n", encoding="utf-8")


@pytest.fixture
def silent(tmp_path: Path) -> Path:
    """Two radiographs: one that says nothing of its view, one that does."""
    source = tmp_path / "source"
    source.mkdir()
    said = radiograph.cr_pa()
    (source / "a.dcm").write_bytes(encode(said))
    mute = radiograph.cr_pa("cr-mute", 2)
    mute.SeriesDescription = "TORAX"
    for keyword in ("ViewPosition", "PatientOrientation"):
        delattr(mute, keyword)
    (source / "b.dcm").write_bytes(encode(mute))
    return source


def test_a_users_model_is_asked_only_where_headers_are_silent(
    silent: Path, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_model(tmp_path, "ap")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_views", raising=False)
    done = convert("dicom", silent, tmp_path / "out", key=key)
    rows = {job.row["view_position"]: job.row["view_source"] for job in done.plan.jobs}
    assert rows == {"pa": "description", "ap": "model"}


def test_a_models_word_that_is_no_view_ends_the_run(
    silent: Path, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_model(tmp_path, "front")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_views", raising=False)
    with pytest.raises(MidsError, match="mine returned 'front'"):
        convert("dicom", silent, tmp_path / "out", key=key)


@pytest.mark.parametrize("line", ["    raise KeyError('x')\n", "import nowhere_at_all\n", "1 / 0\n"])
def test_a_model_that_fails_is_named(
    silent: Path, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    install_model(tmp_path, "ap")
    broken = f"def view(record, opened):\n{line}" if line.startswith(" ") else line
    (tmp_path / "my_views.py").write_text(broken, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_views", raising=False)
    with pytest.raises(MidsError, match="the view model mine"):
        convert("dicom", silent, tmp_path / "out", key=key)
