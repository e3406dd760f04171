"""What a review has in its lists, and how boxes are moved, accepted and typed."""

import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from reviewing import Review, choose, draw, press
from trees import another, command, fill_folder, source_rows, table

from example_datasets.generators import hospital_day as day
from example_datasets.generators.dicomfile import fill, uid
from mids.conversion import convert
from mids.review.shelves import collect_items

pytestmark = pytest.mark.slow
pytest.importorskip("starlette", reason="the extra `review` is not installed")


@pytest.fixture
def dest(tmp_path: Path, key: Path) -> Path:
    """A CT that lacks slices, a radiograph with a name, one that came twice, and one on its head."""
    again = fill(day.chest(2), {"SOPInstanceUID": uid("again"), "SeriesInstanceUID": uid("anew")})
    again.file_meta.MediaStorageSOPInstanceUID = again.SOPInstanceUID
    gap = {f"gap/{at}": one for at, one in enumerate(day.chest_ct(1)) if at not in (11, 12)}
    files = {
        **gap, "2/1": day.chest(2), "2/2": again, "3/1": day.chest(3, change=day.with_text("HAYES DELIA")),
        "4/1": day.chest(4, change=np.flipud), "5/1": day.chest(5), "6/1": another("form"),
    }  # fmt: skip
    convert("dicom", fill_folder(tmp_path / "source", files), tmp_path / "dest", key=key)
    return tmp_path / "dest"


def test_what_is_doubtful_and_what_a_search_finds_comes_first(dest: Path) -> None:
    plain = {item.file: item for item in collect_items(dest).items}
    assert {file.split("/")[0] for file, item in plain.items() if item.kind == "doubtful"} == {"gap"}
    found = {item.file: item for item in collect_items(dest, ["unlikely", "text"]).items}
    kinds = {file: item.kind for file, item in found.items()}
    assert kinds["3/1"] == "text"
    assert kinds["5/1"] == "image"  # one letter is no text
    most = next(item for item in collect_items(dest, ["duplicates"]).items if item.kind == "duplicate")
    assert most.file in {"2/1", "2/2"}  # phantoms are alike: the most alike come first
    assert most.twin.split("/")[0] == most.image.split("/")[0]
    assert found["4/1"].unlikely > found["5/1"].unlikely


def drag(page: Any, start: tuple[int, int], end: tuple[int, int]) -> None:
    """From a row and column of the image to another."""
    edge = page.locator("#canvas").bounding_box()
    columns, rows = page.evaluate("[document.querySelector('#canvas').width, document.querySelector('#canvas').height]")
    places = [(edge["x"] + x * edge["width"] / columns, edge["y"] + y * edge["height"] / rows) for y, x in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1])
    with page.expect_response(re.compile("api/decide")):
        page.mouse.up()
    page.wait_for_timeout(200)


def boxes(page: Any) -> list[str]:
    return list(page.evaluate("[...document.querySelectorAll('#boxes input')].map(input => input.value)"))


LATE = """() => {
  const real = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await real(...asked);
    if (asked[0].includes("decide")) await new Promise(come => setTimeout(come, 300));
    return answer;
  };
}"""
"""Answers to decisions come late, as over a slow line."""


def work_on_boxes(page: Any) -> None:
    page.keyboard.press("t")
    page.locator("#message", has_text="like text").wait_for()
    drag(page, (12, 60), (12, 60))  # a click accepts one place
    assert len(boxes(page)) == 1
    press(page, "u")
    draw(page, (100, 100, 110, 120))
    drag(page, (105, 110), (125, 90))
    assert boxes(page) == ["120,80,130,100"]
    page.evaluate(LATE)
    page.fill("#boxes input", "4,38,22,176")
    page.locator("#boxes input").press("Enter")
    page.fill("#box", "0,0,3,3")  # before the answer to the first has come
    page.locator("#box").press("Enter")
    page.locator("#boxes li >> nth=1").wait_for()
    assert boxes(page) == ["4,38,22,176", "0,0,3,3"]
    page.fill("#box", "0,0,3")
    page.locator("#box").press("Enter")
    page.wait_for_timeout(200)
    assert "a box is top,left,bottom,right" in page.inner_text("#message")


def pixel(page: Any, row: int, column: int) -> int:
    url = str(page.evaluate("document.querySelector('#canvas').toDataURL()"))
    return int(np.asarray(Image.open(BytesIO(b64decode(url.partition(",")[2]))))[row, column, 0])


def wait_for_pixel(page: Any, row: int, column: int, value: int) -> None:
    for _ in range(100):
        if pixel(page, row, column) == value:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the pixel stayed {pixel(page, row, column)}")


def test_boxes_are_accepted_moved_and_typed_and_seen_before_the_run(browser: Any, dest: Path) -> None:
    names = {row["source"]: row["filename"].rpartition("/")[2] for row in source_rows(dest)}
    review = Review(dest, "--search", "duplicates")
    page = review.open(browser, "A")
    try:
        choose(page, names["3/1"])
        work_on_boxes(page)
        page.locator("#canvas").focus()
        page.keyboard.press("2")
        while page.inner_text("#side") != "delivered":
            page.keyboard.press("s")
            page.wait_for_timeout(300)
        wait_for_pixel(page, 12, 100, 0)  # covered, as it will be
        before = pixel(page, 150, 100)
        page.keyboard.press("i")
        assert abs(pixel(page, 150, 100) - (255 - before)) <= 1
        page.keyboard.press("i")
        twin = next(name for name in (names["2/1"], names["2/2"]) if "run-2" in name)
        choose(page, twin)
        with page.expect_response(re.compile("side=twin")):
            page.keyboard.press("d")
        assert page.complaints == []
    finally:
        review.kill()
    rows = {(row["file"], row["new"]) for row in table(Path(f"{dest}.mids/curation.tsv"))}
    assert rows == {("3/1", "4,38,22,176"), ("3/1", "0,0,3,3")}


def look_at_lists(page: Any, names: dict[str, str]) -> None:
    """A key decides on what the list shows; a drag from outside is a box inside; a reason stays after a reload."""
    choose(page, names["5/1"])
    page.locator("#kinds button", has_text="doubtful").click()
    page.wait_for_timeout(300)
    assert page.inner_text("#progress").startswith("1 of 1")
    page.fill("#why", "half of it is lacking")
    press(page, "3")
    page.locator("#kinds button", has_text="all").click()
    choose(page, names["5/1"])
    draw(page, (10, 10, 20, 20))
    edge = page.locator("#canvas").bounding_box()
    page.mouse.move(edge["x"] - 12, edge["y"] + 40)
    page.mouse.down()
    page.mouse.move(edge["x"] + 60, edge["y"] + 80)
    with page.expect_response(re.compile("api/decide")):
        page.mouse.up()
    page.wait_for_timeout(200)
    assert boxes(page)[1].split(",")[1] == "0"
    choose(page, names["gap/0"])
    page.evaluate("localStorage.clear()")
    page.reload()
    page.wait_for_selector("#items [aria-current=true]")
    page.fill("#who", "A")
    assert page.input_value("#why") == "half of it is lacking"


def test_what_is_excluded_is_decided(browser: Any, tmp_path: Path, key: Path) -> None:
    """A volume comes back as one item that is decided, and what would be withheld wants nobody any more."""
    dest = tmp_path / "dest"
    gap = {f"gap/{at}": one for at, one in enumerate(day.chest_ct(1)) if at not in (11, 12)}
    files = {**gap, "5/1": day.chest(5), "us/1": day.echo(6)}
    convert("dicom", fill_folder(tmp_path / "source", files), dest, key=key)
    names = {row["source"]: row["filename"].rpartition("/")[2] for row in source_rows(dest)}
    review = Review(dest)
    page = review.open(browser, "A")
    try:
        look_at_lists(page, names)
        choose(page, "withheld")
        press(page, "3")
    finally:
        review.kill()
    done = command("mids-convert", "--again", dest, "--key", key)
    assert done.returncode == 0, done.stderr
    assert "withheld" not in done.stdout + done.stderr
    after = {row["source"]: row for row in source_rows(dest)}
    assert {after[file]["reason"] for file in ("us/1", "gap/0", "gap/5")} == {"excluded by curation.tsv"}
    out = [item for item in collect_items(dest).items if item.kind == "left out"]
    assert sorted(item.file for item in out) == ["gap/0", "us/1"]
    assert next(item.files for item in out if item.file == "gap/0") == 22
