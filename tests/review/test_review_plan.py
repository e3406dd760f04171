"""The plan of a source on the page: what is decided there before the first run is what the first run makes."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest
from reviewing import Review, choose, draw, press
from trees import another, chest, command, fill_folder, images, put, source_rows, table

from example_datasets.generators import radiograph, us
from example_datasets.generators.dicomfile import encode
from mids.readers.given import planned

pytestmark = pytest.mark.slow
pytest.importorskip("starlette", reason="the extra `review` is not installed")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two patients with three radiographs, a CT, and an ultrasound that is withheld."""
    files = {"a/1": radiograph.cr_pa(), "a/2": radiograph.dx_lateral(), "b/1": radiograph.dx_pa(), **chest()}
    folder = fill_folder(tmp_path / "source", {**files, "c/1": another("c"), "us/1": us.make_lettered()})
    return put(folder, "d/1", encode(another("d"))[:-20_000]).parent.parent


def rename(page: Any, field: str, new: str) -> None:
    page.fill(f"#{field}", new)
    with page.expect_response(re.compile("api/decide")):
        page.locator(f"#{field}").press("Enter")
    page.wait_for_timeout(200)


def decide(browser: Any, source: Path, plan: Path) -> None:
    """One reader; the program is killed in the middle."""
    names = {row["file"]: row["name"].rpartition("/")[2] for row in table(plan)}
    review = Review(source, "--plan", plan)
    page = review.open(browser, "Reader A")
    choose(page, names["a/1"])
    rename(page, "subject", "P001")
    rename(page, "session", "first")
    choose(page, names["a/2"])
    assert page.input_value("#subject") == "P001"  # of the same patient
    with page.expect_response(re.compile("api/decide")):
        page.select_option("#view", "pa")
    choose(page, "withheld")
    draw(page, (0, 0, 14, 112))
    review.kill()
    page.context.close()
    review = Review(source, "--plan", plan)
    page = review.open(browser, "Reader A")
    choose(page, "withheld")
    press(page, "1")
    choose(page, names["ct/0"])
    assert re.fullmatch(r"\d+ of 22", page.inner_text("#at"))  # the whole series, of which a file is a slice
    choose(page, names["c/1"])
    press(page, "3")
    choose(page, "FILE_TRUNCATED")
    press(page, "1")
    choose(page, names["b/1"])
    page.fill("#subject", "P001")
    page.locator("#subject").press("Enter")
    page.wait_for_timeout(500)
    assert "another subject is called P001" in page.inner_text("#message")
    assert [text for text in page.complaints if "409" not in text] == []  # browsers tell of every refusal
    review.kill()


def test_the_plan_is_what_was_decided_on_the_page(browser: Any, source: Path, tmp_path: Path, key: Path) -> None:
    dest, plan = tmp_path / "dest", tmp_path / "plan.tsv"
    places = ("dicom", source, dest, "--key", key, "--plan", plan)
    assert command("mids-convert", *places).returncode == 1  # a file is cut off
    wanted, other = "\tconvert\tview by dicom\t\t\t", "\texclude\tview by dicom\tB\tby hand\t"
    plan.write_text(plan.read_text("utf-8").replace(wanted, other, 1), "utf-8")
    by_hand = next(row["file"] for row in table(plan) if row["decision"] == "exclude")
    decide(browser, source, plan)
    for path in (plan, plan.with_name("plan.tsv.review.jsonl")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    fields = {(row.file, row.field) for row in planned.read(plan)}
    assert (by_hand, "exclude") in fields
    assert {
        ("us/1", "redact"),
        ("us/1", "release"),
        ("a/2", "view"),
        ("c/1", "exclude"),
        ("d/1", "acknowledge"),
    } <= fields
    done = command("mids-convert", *places)
    assert done.returncode == 0, done.stderr
    made = images(dest)
    after = {row["source"]: row for row in source_rows(dest)}
    assert all(name.startswith(("sub-P001/", "sub-S")) for name in made)
    assert after["a/2"]["filename"].startswith("sub-P001/ses-first/")
    assert "vp-pa" in after["a/2"]["filename"]
    assert after["us/1"]["status"] == "converted"
    assert after["c/1"]["reason"].startswith("excluded")
    assert command("mids-convert", "--again", dest, "--key", key).returncode == 0
    assert images(dest) == made
    assert command("mids-validate", dest, "--select", "names").returncode in (0, 1)


def test_a_source_alone_has_its_plan_written(source: Path, tmp_path: Path, browser: Any) -> None:
    plan = tmp_path / "new.tsv"
    review = Review(source, "--plan", plan)
    page = review.open(browser, "A")
    assert len(table(plan)) == page.locator("#items button").count()
    choose(page, "_ct.nii.gz")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        edges = (
            "[...document.querySelectorAll('button, input, select')].map(each => each.getBoundingClientRect().right)"
        )
        assert max(page.evaluate(edges)) <= width
        assert page.evaluate("document.querySelectorAll('[tabindex=\"-1\"]').length") == 0
    review.kill()
    assert page.complaints == []
    done = command("mids", "review", tmp_path, "--plan", plan)
    assert done.returncode == 2
    assert "names no file" in done.stderr
