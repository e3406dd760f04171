"""The page of datasets in a real browser: it runs without a complaint, and what can be done with it can be done.

Needs the extra `browser` (playwright) and a Chromium or Chrome of the system; skipped where one is absent.
"""

import http.server
import shutil
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from browsing import Seen
from places import SOURCES

from example_datasets.generate import INPUT
from mids.conversion import convert
from mids.dataset import Dataset
from mids.gallery import Wanted, write_page

pytestmark = pytest.mark.slow

COLLECTIONS = sorted(path.parent.name for path in SOURCES.glob("*/mids"))


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of one page with all golden datasets."""
    path = tmp_path_factory.mktemp("golden") / "all.html"
    write_page([SOURCES / name / "mids" for name in COLLECTIONS], path)
    return path.as_uri()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_the_golden_collections_fit_a_phone_and_a_desk(browser: Any, golden: str, width: int, scheme: str) -> None:
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    found = Seen(browser, golden, **options)
    for number, name in enumerate(COLLECTIONS):
        found.page.select_option("#dataset", str(number))
        found.page.locator("#plots").scroll_into_view_if_needed()
        found.page.wait_for_selector("#plot-list svg")
        assert found.page.locator("#plot-list svg").count() >= 4
        images = len(Dataset(SOURCES / name / "mids").select())
        assert found.page.locator("#wall .tile img").count() >= images > 0
        assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    back = found.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in back[4:-1].split(",")) < 384) == (scheme == "dark")
    found.check()
    found.context.close()


def test_filters_and_sorting_work(seen: Seen) -> None:
    page = seen.page
    assert page.inner_text("#found") == "18 of 18 images"
    page.check("[data-facet=modality] input[value=mg]")
    assert page.inner_text("#found") == "2 of 18 images"
    assert page.locator("#wall .tile").count() == page.locator("#table tbody tr").count() == 2
    page.uncheck("[data-facet=modality] input[value=mg]")
    page.fill("#search", "chest PA")
    rows = [row.split("\t") for row in page.locator("#table tbody tr").all_inner_texts()]
    assert rows
    assert all("vp-pa" in row[0] for row in rows)
    page.fill("#search", "")
    page.click("#table thead button:has-text('slices')")
    slices = [row.split("\t")[-1] for row in page.locator("#table tbody tr").all_inner_texts()]
    known = [int(text) for text in slices if text.strip()]
    assert known == sorted(known)
    assert slices[: len(known)] == [str(number) for number in known]  # what is not known comes last
    page.click("#table thead button:has-text('slices')")
    assert page.get_attribute("#table th[aria-sort]", "aria-sort") == "descending"
    assert int(page.locator("#table tbody tr").first.inner_text().split("\t")[-1]) == max(known)


def test_the_keyboard_is_enough(seen: Seen) -> None:
    page = seen.page
    page.focus("#wall .tile >> nth=0")
    page.keyboard.press("Enter")
    assert page.is_visible("#card")
    assert page.inner_text("#card-title").startswith("sub-")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert not page.is_visible("#card")
    focused = "document.activeElement.className"
    assert page.evaluate(focused).startswith("tile")
    assert page.evaluate("[...document.querySelectorAll('img')].every((image) => image.hasAttribute('alt'))")
    labelled = "[...document.querySelectorAll('input, select')].every((each) => each.labels.length)"
    assert page.evaluate(labelled)


def test_marks_become_corrections_that_a_conversion_applies(seen: Seen, tmp_path: Path, key: Path) -> None:
    page = seen.page
    columns = page.evaluate("JSON.parse(document.getElementById('data').textContent).datasets[0].columns")
    files = next(column["values"] for column in columns if column["name"] == "filename")
    wrong = next(name for name in files if name.endswith("vp-pa_cr.png"))
    bad = next(name for name in files if name.endswith("vp-cc_mg.png"))
    page.fill("#who", "A.\tReader")
    _open(page, wrong)
    page.select_option("#mark-field", "view")
    page.select_option("#mark-new", "ap")
    page.fill("#mark-why", "scapulae\u2028are turned out")
    page.click("#mark-add")
    page.keyboard.press("Escape")
    _open(page, bad)
    page.select_option("#mark-field", "exclude")
    page.click("#mark-add")
    page.keyboard.press("Escape")
    page.fill("#search", "")
    page.check("#marked")
    assert page.inner_text("#found") == "2 of 18 images"
    with page.expect_download() as loaded:
        page.click("#download")
    assert loaded.value.suggested_filename == "curation.tsv"
    table = tmp_path / "curation.tsv"
    loaded.value.save_as(table)
    done = convert("dicom", INPUT, tmp_path / "out", key=key, curation=table, jobs=2)
    assert not [found for found in done.issues if found.code.startswith("CURATION")]
    assert not (done.dataset / wrong).exists()
    assert (done.dataset / wrong.replace("vp-pa", "vp-ap")).exists()
    assert not (done.dataset / bad).exists()
    assert "A. Reader\tscapulae are turned out" in table.read_text(encoding="utf-8")


def _open(page: Any, name: str) -> None:
    page.fill("#search", name.rpartition("/")[2])
    page.click("#table tbody button")


def test_a_mark_can_be_taken_back(seen: Seen) -> None:
    page = seen.page
    page.click("#wall .tile >> nth=0")
    page.click("#mark-add")
    assert page.is_enabled("#download")
    page.click("#card-content button:has-text('Remove')")
    page.keyboard.press("Escape")
    assert page.is_disabled("#download")
    assert page.locator("#wall .tile.marked").count() == 0


def test_patients_are_found_and_lead_to_their_images(seen: Seen) -> None:
    page = seen.page
    page.locator("#people").scroll_into_view_if_needed()
    page.wait_for_selector("#people-list article")
    assert page.inner_text("#people-found") == "3 of 3 patients"
    page.fill("#people-search", "lspine")
    assert page.inner_text("#people-found") == "1 of 3 patients"
    page.click("#people-list button:has-text('image 1') >> nth=0")
    assert page.inner_text("#card-title").startswith(page.inner_text("#people-list h3"))
    page.keyboard.press("Escape")


def test_masks_can_be_hidden(browser: Any, tmp_path: Path) -> None:
    write_page([SOURCES / "covid-chestxray" / "mids"], tmp_path / "page.html")
    found = Seen(browser, (tmp_path / "page.html").as_uri())
    assert found.page.is_visible("#wall img.mask >> nth=0")
    found.page.uncheck("#masks")
    assert not found.page.is_visible("#wall img.mask >> nth=0")
    found.check()
    found.context.close()


def test_values_of_a_dataset_run_nothing(browser: Any, tmp_path: Path) -> None:
    evil = "</script><img src=x onerror=alert(1)><script>alert(1)</script>"
    root = shutil.copytree(SOURCES / "fidac" / "mids", tmp_path / "set")
    people = root / "participants.tsv"
    people.write_text(people.read_text(encoding="utf-8").replace("\tF\t", f"\t{evil}\t"), encoding="utf-8")
    write_page([root], tmp_path / "page.html")
    found = Seen(browser, (tmp_path / "page.html").as_uri())
    found.page.locator("#people").scroll_into_view_if_needed()
    found.page.wait_for_selector("#people-list article")
    assert evil in found.page.inner_text("#people-list")
    found.page.fill("#search", "onerror")
    found.page.click("#table tbody button >> nth=0")
    assert evil in found.page.inner_text("#card-content")
    found.check()
    found.context.close()


@pytest.mark.parametrize("code", ["SUBJECTS_MISSING", "FOLDER_WITHOUT_PARTICIPANT", "NIFTI_TRUNCATED"])
def test_a_broken_dataset_has_a_page_too(browser: Any, tmp_path: Path, code: str) -> None:
    write_page([SOURCES.parent / "broken" / code], tmp_path / "page.html")
    found = Seen(browser, (tmp_path / "page.html").as_uri())
    found.page.click(f"#issue-0-{code} summary")
    assert found.page.is_visible(f"#issue-0-{code} li")
    found.check()
    found.context.close()


def test_a_page_of_many_images_shows_them_page_by_page(browser: Any, tmp_path: Path) -> None:
    root = shutil.copytree(SOURCES / "covid-chestxray" / "mids", tmp_path / "set")
    [folder] = root.glob("sub-285/ses-day120/mim-rx")
    for number in range(2, 122):
        for path in folder.glob("*_run-1_*"):
            shutil.copy(path, folder / path.name.replace("_run-1_", f"_run-{number}_"))
    write_page([root], tmp_path / "page.html", Wanted(thumbnails=100))
    found = Seen(browser, (tmp_path / "page.html").as_uri())
    assert found.page.inner_text("#found") == "130 of 130 images"
    assert found.page.locator("#table tbody tr").count() == 50
    assert found.page.locator("#wall .tile").count() == 60
    found.page.click("#table-pages button:has-text('Next')")
    found.page.click("#table-pages button:has-text('Next')")
    assert found.page.inner_text("#table-pages span") == "Images 101 to 130 of 130"
    assert found.page.locator("#table tbody tr").count() == 30
    found.check()
    found.context.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the library
        """Says nothing."""


def _open_volume(page: Any) -> None:
    page.click("#wall .tile >> nth=0")
    page.click("#view")
    page.wait_for_selector("#stage[data-shown]", timeout=60_000)
    assert page.inner_text("#stage-words").startswith("original")


def test_volumes_are_shown_from_the_page_itself(browser: Any, tmp_path: Path) -> None:
    write_page([SOURCES / "covid19-ct" / "mids"], tmp_path / "page.html", Wanted(viewer="embed"))
    found = Seen(browser, (tmp_path / "page.html").as_uri())
    _open_volume(found.page)
    found.check()
    found.context.close()


def test_volumes_are_shown_from_beside_the_page(browser: Any, tmp_path: Path) -> None:
    shutil.copytree(SOURCES / "covid19-ct" / "mids", tmp_path / "set")
    write_page([tmp_path / "set"], tmp_path / "page.html", Wanted(viewer="link"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            found = Seen(browser, f"http://127.0.0.1:{server.server_port}/page.html")
            _open_volume(found.page)
            assert any(url.endswith("_ct.nii.gz") for url in found.asked)
            found.context.close()
        finally:
            server.shutdown()
            thread.join()
