"""The page of datasets: it loads nothing, holds every image, and shows values without ever running them."""

import json
import re
import shutil
from base64 import b64decode
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from one_radiograph import one_radiograph
from places import SOURCES

from mids.cli import main
from mids.conversion import Conversion
from mids.errors import MidsError
from mids.gallery import Wanted, write_page

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
    root = one_radiograph(tmp_path / "set", texts)
    features = [
        {"type": "Feature", "properties": {"a": EVIL}, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}}
    ]
    shapes = _geojson(tmp_path, features)
    write_page([root], tmp_path / "page.html", Wanted(title=EVIL, geojson=shapes))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    elements = Elements(text)
    assert len(elements.scripts) == 5  # the data, the small and large pictures, the plots and the page's own
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
    root, target = one_radiograph(tmp_path / "set", {}), tmp_path / "page.html"
    write_page([root], target)
    write_page([root], target)
    target.write_text("<p>mine</p>", encoding="utf-8")
    with pytest.raises(MidsError, match="not a page of mids report"):
        write_page([root], target)
    assert target.read_text(encoding="utf-8") == "<p>mine</p>"


def test_a_page_is_not_written_into_a_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = one_radiograph(tmp_path / "set", {})
    inside = root / "sub-S01" / "page.html"
    assert main(["report", str(root), "--output", str(inside)]) == 2
    assert "lies in the dataset" in capsys.readouterr().err
    assert main(["report", str(root), str(root), "--compare", "--output", str(inside)]) == 2
    assert not inside.exists()


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
    root = one_radiograph(tmp_path / "set", {"participants.tsv": f"participant_id\tregion\n{rows}\n"})
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
        write_page(
            [one_radiograph(tmp_path / "set", {})], tmp_path / "page.html", Wanted(geojson=tmp_path / "map.geojson")
        )


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
    assert len(data["originals"]) == 6
    for name, volume in data["originals"].items():
        assert b64decode(volume) == (root / name).read_bytes()
    assert "BSD-2-Clause" in text
    assert main(["report", str(root), "--viewer", "link", "-q"]) == 0
    [data] = Elements((tmp_path / "set.html").read_text(encoding="utf-8")).json("data")["datasets"]
    assert (data["folder"], data["originals"]) == ("set/", {})
    (tmp_path / "elsewhere").mkdir()
    assert main(["report", str(root), "--viewer", "-o", str(tmp_path / "elsewhere" / "page.html")]) == 2


@pytest.mark.parametrize("arguments", [["absent"], ["set", "-o", "."]])
def test_wrong_use_is_one_line(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one_radiograph(tmp_path / "set", {})
    monkeypatch.chdir(tmp_path)
    assert main(["report", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_conversion_makes_the_page_too(tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = SOURCES / "fidac" / "input"
    assert main(["convert", "fidac", str(source), str(tmp_path / "out"), "--key", str(key), "--html"]) in (0, 1)
    assert f"page: {tmp_path / 'out.html'}" in capsys.readouterr().out
    assert "FIDAC" in (tmp_path / "out.html").read_text(encoding="utf-8")
