"""The page of datasets: what it shows is what the dataset holds, rightly turned, and nothing else."""

import json
import re
import shutil
from base64 import b64decode
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mids.cli import main
from mids.conversion import Conversion
from mids.dataset import Dataset
from mids.errors import MidsError
from mids.gallery import Wanted, write_page
from mids.gallery.facts import FIELDS, counted
from mids.gallery.facts import read as facts_of
from mids.gallery.masks import COLOURS
from mids.gallery.people import people
from mids.gallery.planes import planes
from mids.gallery.plots import plots
from mids.gallery.thumbnails import Task, thumbnail

SOURCES = Path(__file__).parents[2] / "example_datasets" / "sources"
LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "xlink:href"}
"""Attributes through which a page loads or sends something."""


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the texts of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and self.scripts and data.strip():
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data

    def json(self, name: str) -> Any:
        return json.loads(next(text for attributes, text in self.scripts if attributes.get("id") == name))


@pytest.fixture(scope="module")
def page(phantom: Conversion, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the converted phantom."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_page([phantom.dataset], path)
    return path.read_text(encoding="utf-8")


def _dataset(root: Path, texts: dict[str, str]) -> Path:
    """A dataset of one radiograph with these files more."""
    image = root / "sub-01" / "ses-01" / "mim-rx" / "sub-01_ses-01_run-1_bp-chest_vp-pa_dx.png"
    image.parent.mkdir(parents=True)
    Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)).save(image)
    image.with_suffix(".json").write_text('{"Modality": "DX"}', encoding="utf-8")
    files = {"dataset_description.json": '{"Name": "One", "BIDSVersion": "1.10.1"}', "participants.tsv": ""} | texts
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


# --- planes ----------------------------------------------------------------------------------------------

SHAPE = (9, 7, 5)
SPACING = (2.0, 3.0, 4.0)
VALUES = np.arange(9 * 7 * 5, dtype=np.int16).reshape(SHAPE)
"""A volume whose axes go right, anterior and superior."""


@settings(max_examples=24, deadline=None)
@given(
    order=st.permutations([0, 1, 2]), flips=st.tuples(*[st.sampled_from([1, -1])] * 3),
    dtype=st.sampled_from(["<i2", ">i2", "<f4"]), extension=st.sampled_from([".nii", ".nii.gz"]),
)  # fmt: skip
def test_planes_do_not_depend_on_how_a_volume_is_stored(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], flips: tuple[int, ...], dtype: str, extension: str
) -> None:
    affine = np.diag([*SPACING, 1.0])
    stored = nib.Nifti1Image(VALUES, affine).as_reoriented(np.array(list(zip(order, flips, strict=True)), dtype=float))
    path = tmp_path_factory.mktemp("volume") / f"volume{extension}"
    header = nib.Nifti1Header(endianness=dtype[0])
    nib.Nifti1Image(np.asarray(stored.dataobj).astype(dtype[1:]), stored.affine, header, dtype=dtype[1:]).to_filename(
        path
    )
    found = {plane.name: plane for plane in planes(path)}
    i, j, k = 4, 3, 2
    # Seen from the feet, from the front, and from the left: right, or anterior, on the left side; the top on top.
    assert found["axial"].pixels.tolist() == VALUES[::-1, ::-1, k].T.tolist()
    assert found["coronal"].pixels.tolist() == VALUES[::-1, j, ::-1].T.tolist()
    assert found["sagittal"].pixels.tolist() == VALUES[i, ::-1, ::-1].T.tolist()
    assert found["axial"].size == pytest.approx((7 * 3.0, 9 * 2.0))
    assert found["coronal"].size == pytest.approx((5 * 4.0, 9 * 2.0))
    assert found["sagittal"].size == pytest.approx((5 * 4.0, 7 * 3.0))
    assert [found[name].letters[:3:2] for name in ("axial", "coronal", "sagittal")] == ["RA", "RS", "AS"]


def _panes(found: Any) -> dict[str, np.ndarray[Any, Any]]:
    return {pane.plane: np.asarray(Image.open(BytesIO(b64decode(pane.image.split(",")[1])))) for pane in found.panes}


def test_a_volume_keeps_its_proportions_and_its_mask_lies_where_it_was_drawn(tmp_path: Path) -> None:
    values = np.full((40, 20, 10), -1000, np.int16)
    values[30:, 10:, 5:] = 400
    affine = np.diag([1.0, 2.0, 6.0, 1.0])
    mask = np.zeros(values.shape, np.uint8)
    mask[30:, 10:, 5:] = 1
    root = _dataset(tmp_path / "set", {"derivatives/rois/dataset_description.json": "{}"})
    name = "sub-01_ses-01_run-1_bp-chest_vp-ax"
    (root / "sub-01/ses-01/mim-ct").mkdir()
    nib.Nifti1Image(values, affine).to_filename(root / f"sub-01/ses-01/mim-ct/{name}_ct.nii.gz")
    drawn = root / f"derivatives/rois/sub-01/ses-01/mim-ct/{name}_desc-reader1_dseg.nii.gz"
    drawn.parent.mkdir(parents=True)
    nib.Nifti1Image(mask, affine).to_filename(drawn)
    drawn.with_name(f"{name}_desc-reader1_dseg.tsv").write_text("index\tname\n1\tnodule\n", encoding="utf-8")
    [found] = write_page([root], tmp_path / "page.html")
    row = int(found.images.index[found.images["filename"].str.endswith("_ct.nii.gz")][0])
    shown = found.thumbnails[row]
    assert [(entry.label, entry.colour) for entry in shown.legend] == [("nodule", COLOURS[0])]
    sizes = {pane.plane: (pane.width, pane.height) for pane in shown.panes}
    assert sizes == {"axial": (100, 100), "coronal": (100, 150), "sagittal": (100, 150)}
    for pane in shown.panes:
        over = np.asarray(Image.open(BytesIO(b64decode(pane.mask.split(",")[1]))).convert("RGBA"))
        grey = _panes(shown)[pane.plane]
        grey = grey if grey.ndim == 2 else grey[..., 0]
        is_drawn, is_bright = over[..., 3] > 0, grey > 128
        assert np.mean(is_drawn == is_bright) > 0.97, pane.plane
        # Right, anterior and superior is upper left in all three planes; in the sagittal plane anterior is left.
        assert is_drawn[5, 5]
        assert not is_drawn[-5, -5]


def test_pictures_have_the_shape_of_their_pixels_in_mm(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((100, 100), np.uint8)).save(tmp_path / "a.png")
    [pane] = thumbnail(Task(tmp_path, "a.png", spacing=(0.5, 0.25))).panes
    assert (pane.width, pane.height) == (112, 224)


@pytest.mark.parametrize(
    ("name", "content"), [("a.nii.gz", b"\x1f\x8b broken"), ("a.nii", b"no"), ("a.png", b"no"), ("a.tif", b"")]
)
def test_what_can_not_be_shown_says_why(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    found = thumbnail(Task(tmp_path, name))
    assert not found.panes
    assert found.problem
    assert str(tmp_path) not in found.problem


def test_a_volume_that_ends_early_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    nib.Nifti1Image(VALUES, np.eye(4)).to_filename(path)
    path.write_bytes(path.read_bytes()[:-10])
    assert thumbnail(Task(tmp_path, "a.nii")).problem.startswith("NIFTI_TRUNCATED")


# --- what is counted -------------------------------------------------------------------------------------


def _counted(name: str) -> tuple[Dataset, Any]:
    dataset = Dataset(SOURCES / name / "mids", fields=FIELDS)
    return dataset, counted(dataset, facts_of(dataset, map))


def test_plots_show_what_the_tables_say() -> None:
    dataset, tables = _counted("bimcv-covid19")
    found = {plot.key: plot for plot in plots(tables, dataset.images)}
    assert [row for row in found["age"].rows if row[2]] == [("50-59", "female", 1.0), ("60-69", "male", 1.0)]
    assert [row for row in found["studies"].rows if row[2]] == [("1", "", 1.0), ("3", "", 1.0)]
    # The laboratory table has one PCR of each result and a positive IGG; ACT has no result.
    assert sorted(row for row in found["tests"].rows if row[2]) == [
        ("IGG", "positive", 1.0), ("PCR", "indeterminate", 1.0), ("PCR", "negative", 1.0),
    ]  # fmt: skip
    # Images of days 0, 4, 4 and 9 with tests of days 1 and 3; an image of day 0 with a test of the day before.
    delays = {name: number for name, _, number in found["delays"].rows if number}
    assert delays == {"1–7 after": 1.0, "1–7 before": 4.0}


def test_a_timeline_counts_days_from_the_first_study() -> None:
    dataset, tables = _counted("bimcv-covid19")
    person = next(found for found in people(dataset, tables) if found.name == "sub-S90001")
    assert person.zero == "first study"
    days = [(event.day, event.kind) for event in person.events if event.kind != "finding"]
    assert days == [(0, "study"), (1, "test"), (3, "test"), (4, "study"), (9, "study")]
    assert {event.day for event in person.events if event.kind == "finding"} == {0, 4, 9}


def test_days_from_onset_stand_where_no_date_is_known() -> None:
    dataset, tables = _counted("covid-chestxray")
    person = next(found for found in people(dataset, tables) if found.name == "sub-19")
    assert person.zero == "onset"
    assert [event.day for event in person.events if event.kind == "study"] == [-5, 5]


def test_datasets_stand_side_by_side(tmp_path: Path) -> None:
    names = ["covid-chestxray", "bimcv-covid19"]
    first, second = write_page([SOURCES / name / "mids" for name in names], tmp_path / "page.html")
    assert (first.lines["patients"], second.lines["patients"]) == ("5", "2")
    assert second.lines["known: age"] == "2 of 2 (100 %)"  # one by a range
    assert second.lines["known: view"] == "4 of 5 (80 %)"
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    head = re.search(r"<section id=\"counts\">.*?</thead>", text, re.DOTALL)
    assert head
    assert head[0].index("COVID-19 image data collection") < head[0].index("BIMCV-COVID19+")


def test_small_pictures_are_shared_out_among_kinds(phantom: Conversion, tmp_path: Path) -> None:
    [found] = write_page([phantom.dataset], tmp_path / "page.html", Wanted(thumbnails=9))
    kinds = found.images.loc[list(found.thumbnails), ["suffix", "vp"]].fillna("").drop_duplicates()
    assert len(found.thumbnails) == len(kinds) == 9


# --- the page --------------------------------------------------------------------------------------------


def test_the_page_loads_nothing(page: str) -> None:
    elements = Elements(page).found
    assert not [tag for tag, attributes in elements if LOADING & set(attributes)]
    assert not {tag for tag, _ in elements} & {"link", "iframe", "object", "embed", "base", "img", "video", "audio"}
    [policy] = [a["content"] for tag, a in elements if tag == "meta" and a.get("http-equiv")]
    assert policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "connect-src 'none'" in policy
    assert "http" not in policy
    assert "url(" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_two_pages_of_one_dataset_are_equal(phantom: Conversion, page: str, tmp_path: Path) -> None:
    write_page([phantom.dataset], tmp_path / "page.html", jobs=2)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page


def test_every_image_stands_in_the_page(phantom: Conversion, page: str) -> None:
    [data] = Elements(page).json("data")["datasets"]
    column = next(each for each in data["columns"] if each["name"] == "filename")
    files = {path.relative_to(phantom.dataset).as_posix() for path in phantom.dataset.glob("sub-*/**/*.*")}
    assert set(column["values"]) == {name for name in files if name.endswith((".png", ".nii.gz"))}
    assert len(column["codes"]) == 18


def test_what_was_left_out_is_told_without_paths(phantom: Conversion, page: str) -> None:
    table = (phantom.dataset.with_name(phantom.dataset.name + ".mids") / "sources.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines()[1:]]
    left = [row for row in rows if row[2] in ("skipped", "lost")]
    assert left
    text = unescape(re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))
    for reference, _, _, _, reason in left[:10]:
        assert reference in text
        assert reason.partition(": ")[0] in text
    for _, source, *_ in rows:
        assert source not in page
    for word in ("ROE_RICHARD", "DOE JANE", "defectuosos", str(phantom.dataset), str(phantom.dataset.parent)):
        assert word not in page


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


def test_values_are_shown_and_never_become_elements(tmp_path: Path) -> None:
    texts = {
        "dataset_description.json": json.dumps(
            {
                "Name": EVIL,
                "License": EVIL,
                "BIDSVersion": EVIL,
                "Authors": [EVIL],
                "ReferencesAndLinks": ["javascript:alert(1)"],
            }
        ),
        "participants.tsv": f"participant_id\tsex\tregion\nsub-01\t{EVIL}\t{EVIL}\n",
        "derivatives/labels/labels.tsv": "participant_id\tsession_id\tlabels\nsub-01\tses-01\t"
        + json.dumps([EVIL])
        + "\n",
    }
    root = _dataset(tmp_path / "set", texts)
    features = [
        {"type": "Feature", "properties": {"a": EVIL}, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}}
    ]
    shapes = _geojson(tmp_path, features)
    write_page([root], tmp_path / "page.html", Wanted(title=EVIL, geojson=shapes))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    elements = Elements(text)
    assert len(elements.scripts) == 4  # the data, the small pictures, the plots and the page's own
    assert not [tag for tag, attributes in elements.found if tag == "img" or "onerror" in attributes]
    assert not [a for tag, a in elements.found if tag == "a" and str(a.get("href")).startswith("javascript")]
    assert "alert(1)" in text


BROKEN = (
    "FOLDER_WITHOUT_PARTICIPANT", "GZIP_INVALID", "NIFTI_TRUNCATED", "MASK_GRID", "MASK_WITHOUT_IMAGE", "PNG_INVALID",
    "SUBJECTS_MISSING", "SUFFIX_UNKNOWN", "TABLE_ENCODING", "TABLE_RAGGED",
)  # fmt: skip


@pytest.mark.parametrize("code", BROKEN)
def test_a_broken_dataset_is_shown_with_what_is_wrong(code: str, tmp_path: Path) -> None:
    write_page([SOURCES.parent / "broken" / code], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f'id="issue-0-{code}"' in text


def test_only_a_page_of_ours_is_written_over(tmp_path: Path) -> None:
    root, target = _dataset(tmp_path / "set", {}), tmp_path / "page.html"
    write_page([root], target)
    write_page([root], target)
    target.write_text("<p>mine</p>", encoding="utf-8")
    with pytest.raises(MidsError, match="not a page of mids report"):
        write_page([root], target)
    assert target.read_text(encoding="utf-8") == "<p>mine</p>"


# --- maps ------------------------------------------------------------------------------------------------

SQUARE = [[0, 40], [10, 40], [10, 50], [0, 50], [0, 40]]


def _geojson(folder: Path, features: Any) -> Path:
    path = folder / "map.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def test_a_map_counts_patients_by_region(tmp_path: Path) -> None:
    other = [[x + 10, y] for x, y in SQUARE]
    features = [
        {"type": "Feature", "properties": {"nom": name}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for name, ring in (("Île-de-France", SQUARE), ("Bretagne", other))
    ]
    rows = "\n".join(f"sub-0{n}\t{region}" for n, region in enumerate(("ile_de_france", "ile_de_france", "Corse"), 1))
    root = _dataset(tmp_path / "set", {"participants.tsv": f"participant_id\tregion\n{rows}\n"})
    [found] = write_page([root], tmp_path / "page.html", Wanted(geojson=_geojson(tmp_path, features)))
    assert found.map
    assert [(place.name, place.number) for place in found.map.places] == [("ile_de_france", 2), ("Bretagne", 0)]
    assert found.map.elsewhere == (("Corse", 1),)
    x, y = found.map.places[0].at
    assert (x, y) == pytest.approx((160.0, 160 / np.cos(np.radians(45))), abs=0.1)  # north is up, a degree is narrower


@pytest.mark.parametrize(
    "content", ["no json", "[]", '{"features": []}', '{"features": [{"geometry": {"type": "Point"}}]}']
)
def test_a_map_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "map.geojson").write_text(content, encoding="utf-8")
    with pytest.raises(MidsError, match=r"map\.geojson"):
        write_page([_dataset(tmp_path / "set", {})], tmp_path / "page.html", Wanted(geojson=tmp_path / "map.geojson"))


# --- the command -----------------------------------------------------------------------------------------


def test_the_page_lies_beside_its_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = shutil.copytree(SOURCES / "fidac" / "mids", tmp_path / "fidac")
    assert main(["report", str(root), "--title", "Ours"]) == 0
    assert capsys.readouterr().out == f"wrote {tmp_path / 'fidac.html'}\n"
    assert "<title>Ours</title>" in (tmp_path / "fidac.html").read_text(encoding="utf-8")


def test_a_viewer_comes_with_its_licence_and_only_where_it_is_asked_for(page: str, tmp_path: Path) -> None:
    root = shutil.copytree(SOURCES / "covid19-ct" / "mids", tmp_path / "set")
    assert "niivue" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert main(["report", str(root), "--viewer", "embed", "-q"]) == 0
    text = (tmp_path / "set.html").read_text(encoding="utf-8")
    [data] = Elements(text).json("data")["datasets"]
    assert len(data["volumes"]) == 6
    for name, volume in data["volumes"].items():
        assert b64decode(volume) == (root / name).read_bytes()
    assert "BSD-2-Clause" in text
    assert main(["report", str(root), "--viewer", "link", "-q"]) == 0
    [data] = Elements((tmp_path / "set.html").read_text(encoding="utf-8")).json("data")["datasets"]
    assert (data["folder"], data["volumes"]) == ("set/", {})
    (tmp_path / "elsewhere").mkdir()
    assert main(["report", str(root), "--viewer", "-o", str(tmp_path / "elsewhere" / "page.html")]) == 2


@pytest.mark.parametrize(
    "arguments", [["absent"], ["set", "--jobs", "0"], ["set", "--thumbnails", "-1"], ["set", "-o", "."]]
)
def test_wrong_use_is_one_line(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _dataset(tmp_path / "set", {})
    monkeypatch.chdir(tmp_path)
    assert main(["report", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_conversion_makes_the_page_too(tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = SOURCES / "fidac" / "input"
    assert main(["convert", "fidac", str(source), str(tmp_path / "out"), "--key", str(key), "--html"]) in (0, 1)
    assert f"page: {tmp_path / 'out.html'}" in capsys.readouterr().out
    assert "FIDAC" in (tmp_path / "out.html").read_text(encoding="utf-8")
