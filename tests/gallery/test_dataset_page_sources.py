"""What a page says of sources: the flow of all to public readers, images of those left out to their owner alone."""

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from browsing import Seen
from image2d import image, write_dataset
from lettering import NAME, lettered, radiograph
from one_radiograph import one_radiograph
from places import SOURCES

from mids.cli import main
from mids.conversion import Conversion, convert
from mids.deid import keys
from mids.deid.policy import chosen
from mids.gallery import Wanted, write_page
from mids.gallery.flow import draw_flow


@pytest.fixture(scope="module")
def redacted(tmp_path_factory: pytest.TempPathFactory) -> Conversion:
    """A dataset of a radiograph whose name was redacted, and of the same file once more, which was left out."""
    root = tmp_path_factory.mktemp("redacted")
    named = lettered(radiograph(1), NAME, (30, 20), 20)[0]
    (root / "source").mkdir()
    header = {
        "Modality": "CR", "PatientID": "X1", "StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": "1.2.3.4.1",
        "SOPInstanceUID": "1.2.3.4.1.1", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "BodyPartExamined": "CHEST",
        "StudyDate": "20200101", "InstanceNumber": 1, "SeriesNumber": 1,
    }  # fmt: skip
    dataset = image(named, header)
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.1.1"
    for number in range(2):
        (root / "source" / f"DOE_{number}.dcm").write_bytes(write_dataset(dataset))
    keys.create(root / "study.key")
    policy = chosen("mids", burned_in="blank", detect="glyphs")
    return convert("dicom", root / "source", root / "set", policy=policy, key=root / "study.key")


def _data(page: Path) -> Any:
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])["datasets"][0]  # type: ignore[index]


# --- the flow --------------------------------------------------------------------------------------------


def test_the_flow_accounts_for_every_source(phantom: Conversion, tmp_path: Path) -> None:
    [found] = write_page([phantom.dataset], tmp_path / "page.html", Wanted(thumbnails=0))
    table = (phantom.dataset.with_name(phantom.dataset.name + ".mids") / "sources.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines()[1:]]
    assert found.flow
    assert found.flow.total == len(rows)
    ends: dict[float, int] = {}
    for node in found.flow.nodes:
        ends[node.x] = ends.get(node.x, 0) + int(node.text.rpartition(": ")[2].replace(",", ""))
    assert set(ends.values()) == {len(rows)}
    lost = sum(row[2] == "lost" for row in rows)
    assert f"lost: {lost}" in [node.text for node in found.flow.nodes]
    assert "FILE_EMPTY: 1" in [node.text for node in found.flow.nodes]


def test_the_bands_of_a_flow_fill_their_nodes() -> None:
    ways = [("files", "converted", "ct")] * 60 + [("files", "lost", f"A{number}") for number in range(9)]
    found = draw_flow(ways)
    assert found
    texts = [node.text for node in found.nodes]
    assert {"files: 69", "converted: 60", "lost: 9", "ct: 60", "other: 2"} <= set(texts)
    labels = [(node.x, node.y + node.height / 2) for node in found.nodes]
    for x, y in labels:
        others = [other for column, other in labels if column == x and other != y]
        assert all(abs(other - y) > 14 for other in others)  # no label lies on another
        assert 0 <= y <= found.height


def test_a_dataset_without_sources_has_no_flow(tmp_path: Path) -> None:
    [found] = write_page([SOURCES / "fidac" / "mids"], tmp_path / "page.html", Wanted(thumbnails=0))
    assert found.flow is None
    assert draw_flow([]) is None


# --- the private page ------------------------------------------------------------------------------------


def test_a_private_page_shows_what_was_left_out_and_what_was_redacted(redacted: Conversion) -> None:
    assert main(["report", str(redacted.dataset), "--private", "-q"]) == 0
    page = redacted.dataset.with_name("set.mids") / "report.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    data = _data(page)
    [left] = data["left"]
    assert left[1:3] == ["DOE_1.dcm", "left out"]
    assert left[6].startswith("data:image/webp;base64,")
    [name] = data["before"]
    assert name.endswith("_cr.png")


def test_the_public_page_has_nothing_of_it(redacted: Conversion, tmp_path: Path) -> None:
    write_page([redacted.dataset], tmp_path / "page.html")
    data = _data(tmp_path / "page.html")
    assert (data["left"], data["before"]) == ([], {})
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "DOE_1" not in text
    assert "Private." not in text


def test_a_private_page_is_not_written_where_others_look(redacted: Conversion, tmp_path: Path) -> None:
    dataset = str(redacted.dataset)
    assert main(["report", dataset, "--private", "-o", str(redacted.dataset / "report.html")]) == 2
    assert main(["report", dataset, dataset, "--private"]) == 2
    assert main(["report", str(one_radiograph(tmp_path / "set", {})), "--private", "-o", str(tmp_path / "a.html")]) == 2


@pytest.mark.slow
def test_the_owner_looks_at_both(browser: Any, redacted: Conversion, tmp_path: Path) -> None:
    write_page([redacted.dataset], tmp_path / "page.html", Wanted(private=True))
    found = Seen(browser, (tmp_path / "page.html").as_uri())
    page = found.page
    page.click("#wall .tile >> nth=0")
    assert page.is_checked("#areas")
    page.wait_for_selector("#stage-words:has-text('preview')")
    page.keyboard.press("b")
    page.wait_for_selector("#stage-words:has-text('source, as it lies there')")
    assert page.get_attribute("#before", "aria-pressed") == "true"
    page.keyboard.press("b")
    page.wait_for_selector("#stage-words:has-text('preview')")
    page.keyboard.press("Escape")
    page.click("#left button")
    page.wait_for_selector("#stage-words:has-text('source, as it lies there')")
    assert "DOE_1.dcm" in page.inner_text("#card-content")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.left") == "0"
    found.check()
    found.context.close()
