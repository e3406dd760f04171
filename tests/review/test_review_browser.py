"""The page of a review in a real browser, with a real program behind it: what is decided there is what is delivered."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from reviewing import Review, choose, draw, press
from trees import another, chest, command, fill_folder, images, put, source_rows, table

from example_datasets.generators import radiograph, us
from example_datasets.generators.dicomfile import encode, fill
from mids.conversion import convert

pytestmark = pytest.mark.slow

pytest.importorskip("starlette", reason="the extra `review` is not installed")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    files = {"a/1": radiograph.cr_pa(), "a/2": radiograph.dx_lateral(), "b/1": radiograph.dx_pa(), "c/1": another("c")}
    return fill_folder(tmp_path / "source", {**files, "us/1": us.make_lettered()})


def read(page: Any, names: dict[str, str]) -> None:
    """The first reader: an ultrasound with a name is redacted and released, a view is wrong, a corner is covered."""
    choose(page, "withheld")
    draw(page, (0, 0, 14, 112))  # the name in the ultrasound
    press(page, "1")  # and nothing else shows who it is
    choose(page, names["a/2"])
    with page.expect_response(re.compile("api/decide")):
        page.select_option("#view", "pa")
    page.wait_for_timeout(200)
    choose(page, names["a/1"])
    draw(page, (2, 3, 12, 20))


def read_again(page: Any, names: dict[str, str]) -> None:
    """The same reader after a crash: nothing is lost; one exclusion is taken back, one stays."""
    assert "3 decided" in page.inner_text("#progress")
    choose(page, names["b/1"])
    press(page, "3")
    press(page, "u")
    assert "3 decided" in page.inner_text("#progress")
    choose(page, names["c/1"])
    press(page, "3")


def contradict(page: Any, names: dict[str, str]) -> None:
    """Another reader, who can't see before what the first one said: keeps what is excluded, agrees on the view."""
    choose(page, names["c/1"])
    assert "Reader A" not in page.inner_text("#said")
    press(page, "1")
    assert "Reader A: exclude" in page.inner_text("#said")
    choose(page, names["a/2"])
    with page.expect_response(re.compile("api/decide")):
        page.select_option("#view", "pa")
    page.wait_for_timeout(200)
    assert page.locator("#kinds button", has_text="differ 1").count() == 1
    assert "kappa" in page.inner_text("#agreement")


def review_dataset(browser: Any, dest: Path, names: dict[str, str]) -> None:
    """Two readers and a third who decides; the program is killed in the middle, and its page with it."""
    review = Review(dest)
    page = review.open(browser, "Reader A")
    read(page, names)
    review.kill()
    page.context.close()
    review = Review(dest)
    first, second = review.open(browser, "Reader A"), review.open(browser, "Reader B")
    read_again(first, names)
    contradict(second, names)
    assert "exclude" not in Path(f"{dest}.mids/curation.tsv").read_text("utf-8")
    judge = review.open(browser, "Reader C", judge=True)
    choose(judge, "withheld")
    assert judge.locator("#boxes li input").input_value() == "0,0,14,112"  # who decides sees what readers covered
    choose(judge, names["c/1"])
    press(judge, "3")
    assert judge.locator("#kinds button", has_text="differ").count() == 0
    assert first.complaints == second.complaints == judge.complaints == []
    assert review.kill(signal.SIGINT) == 0


def test_the_page_decides_what_is_delivered(browser: Any, source: Path, tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "dest"
    first = convert("dicom", source, dest, key=key)
    assert not any(path.endswith("_us.png") for path in images(dest))
    review_dataset(browser, dest, {row["source"]: row["filename"].rpartition("/")[2] for row in source_rows(dest)})
    decided = Path(f"{dest}.mids/curation.tsv")
    assert decided.stat().st_mode & 0o077 == 0
    rows = {(row["file"], row["field"]): row for row in table(decided)}
    assert set(rows) == {
        ("us/1", "redact"), ("us/1", "release"), ("a/2", "view"), ("a/1", "redact"), ("c/1", "exclude"),
    }  # fmt: skip
    assert rows["c/1", "exclude"]["who"] == "Reader C"
    assert set(rows["a/2", "view"]["who"].split("; ")) == {"Reader A", "Reader B"}
    assert rows["a/1", "redact"]["new"] == "2,3,12,20"

    done = command("mids-convert", "--again", str(dest))
    assert done.returncode == first.exit_code == 0, done.stderr
    (ultrasound,) = (path for path in images(dest) if path.endswith("_us.png"))
    assert not np.asarray(Image.open(dest / ultrasound))[:14].any()
    after = {row["source"]: row for row in source_rows(dest)}
    assert after["c/1"]["reason"].startswith("excluded")
    assert after["b/1"]["status"] == "converted"
    assert "vp-pa" in after["a/2"]["filename"]
    redacted = np.asarray(Image.open(dest / after["a/1"]["filename"]))
    assert not redacted[2:12, 3:20].any()
    assert redacted[14:].any()

    put(source, "us/2", fill(us.make_lettered(), {"SOPInstanceUID": "1.2.826.0.1.9", "InstanceNumber": 9}))
    before = images(dest)
    again = command("mids-convert", "--again", str(dest))
    assert images(dest) == before
    assert {row["source"]: row["reason"] for row in source_rows(dest)}["us/2"].startswith("withheld"), again.stderr


def picture(page: Any) -> str:
    return str(page.evaluate("document.querySelector('#canvas').toDataURL()"))


def turn(page: Any, key: str) -> None:
    with page.expect_response(re.compile("api/mask")):
        page.keyboard.press(key)
    page.wait_for_timeout(300)


def work_without_mouse(page: Any, names: dict[str, str], decided: Path) -> None:
    page.keyboard.press("Enter")  # from the name to the image
    assert page.evaluate("document.activeElement.id") == "canvas"
    choose(page, "FILE_TRUNCATED")
    assert "no picture" in page.inner_text("#message")
    page.keyboard.press("t")
    page.wait_for_timeout(500)
    press(page, "1")
    press(page, "1")
    assert page.inner_text("#message") == "taken back"
    assert "0 decided" in page.inner_text("#progress")
    choose(page, names["a/1"])
    press(page, "3")
    page.keyboard.press("w")
    with page.expect_response(re.compile("api/decide")):
        page.keyboard.type("a form")
        page.keyboard.press("Enter")
    choose(page, names["b/1"])
    page.keyboard.press("v")
    page.keyboard.press("ArrowDown")  # the list keeps the keyboard until Enter, and walking it decides nothing
    page.wait_for_timeout(700)
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    assert ("b/1", "view") not in {(row["file"], row["field"]) for row in table(decided)}
    page.keyboard.press("v")
    with page.expect_response(re.compile("api/decide")):
        page.keyboard.type("ml")
        page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    rows = {(row["file"], row["field"]): row for row in table(decided)}
    assert rows["a/1", "exclude"]["why"] == "a form"
    assert rows["b/1", "view"]["new"] == "ml"
    choose(page, names["a/1"])
    assert page.input_value("#why") == "a form"
    press(page, "3")  # taken back long after
    assert {row["field"] for row in table(decided)} == {"view"}


def test_the_page_is_worked_by_keys(browser: Any, source: Path, tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "dest"
    put(source, "d/1", encode(another("d"))[:-20_000])
    fill_folder(source, chest())
    convert("dicom", source, dest, key=key)
    names = {row["source"]: row["filename"].rpartition("/")[2] for row in source_rows(dest)}
    review = Review(dest)
    try:
        page = review.open(browser, "Reader A")
        work_without_mouse(page, names, Path(f"{dest}.mids/curation.tsv"))
        look_at_slices(page, names["ct/0"])
        assert page.complaints == []
    finally:
        review.kill()
    page.keyboard.press("3")
    page.wait_for_timeout(500)
    assert "start mids review again" in page.inner_text("#message")


def look_at_slices(page: Any, name: str) -> None:
    """Window and level are those that the person chose, on every slice."""
    choose(page, name)
    page.select_option("#preset", "40,80")
    page.locator("#canvas").focus()
    page.wait_for_timeout(200)
    before = picture(page)
    turn(page, "ArrowUp")
    assert picture(page) != before
    turn(page, "ArrowDown")
    assert picture(page) == before


def test_the_page_opens_with_its_secret_on_this_machine_only(source: Path, tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "dest"
    convert("dicom", source, dest, key=key)
    review = Review(dest)
    try:
        base = review.address.partition("?")[0]
        for address, headers in [
            (base, {}), (f"{base}?token=wrong", {}), (f"{base}api/items", {}),
            (review.address, {"Host": "attacker.example"}), (f"{base}../review.jsonl", {}),
            (f"{base}api/pixels/0", {"X-Token": "x"}),
        ]:  # fmt: skip
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=30)
            assert refused.value.code in (400, 403, 404)
            refused.value.close()
        token = review.address.partition("token=")[2]
        for body in (b"nonsense", b"[]"):
            asked = urllib.request.Request(f"{base}api/decide", body, {"X-Token": token})
            with pytest.raises(urllib.error.HTTPError, match="400"):
                urllib.request.urlopen(asked, timeout=30)
        with urllib.request.urlopen(review.address, timeout=30) as answer:
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    finally:
        review.kill()


def test_what_the_page_never_sends_is_refused_in_one_line(tmp_path: Path, key: Path) -> None:
    """It changes nothing, and is no fault of the program."""
    convert("dicom", fill_folder(tmp_path / "source", {"a/1": radiograph.cr_pa()}), tmp_path / "dest", key=key)
    review = Review(tmp_path / "dest")
    base, _, token = review.address.partition("?token=")
    act = {"who": "A", "file": "a/1", "field": "redact", "why": ""}
    acts = [{**act, "new": new} for new in ("0,0,5,5", [[0, 0, 5]], [["a", 0, 5, 5]], [[0.5, 0, 5, 5]], 7, {"a": 1})]
    acts += [{**act, "field": "view", "new": ["pa"]}, {**act, "who": 7}, {**act, "who": "\ud800"}, [act], "nonsense"]
    sent = [json.dumps(each).encode() for each in acts]
    sent += [b"", b"{", b"\xff\xfe", b'{"who": "\xe9"}', b"[" * 100_000, b'{"new": ' + b"9" * 5000 + b"}"]
    try:
        for content in sent:
            asked = urllib.request.Request(f"{base}api/decide", data=content, headers={"X-Token": token})
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(asked, timeout=30)
            said = refused.value.read().decode()
            assert (refused.value.code, said.count("\n"), bool(said)) == (400, 0, True), content[:60]
        for address, secret in ((f"{base}api/items", "\xe9"), (f"{base}?token=%C3%A9", "")):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(address, headers={"X-Token": secret}), timeout=30)
            assert refused.value.code == 403
            refused.value.close()
    finally:
        review.kill()
    assert not (tmp_path / "dest.mids/review.jsonl").exists()


def test_a_dataset_that_was_not_made_here_is_refused(source: Path, tmp_path: Path, key: Path) -> None:
    convert("dicom", source, tmp_path / "dest", key=key)
    shutil.copytree(tmp_path / "dest", tmp_path / "download")
    done = command("mids", "review", str(tmp_path / "download"))
    assert done.returncode == 2
    assert "was not made by mids convert here" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_folder_that_can_not_be_written_is_refused_before_the_page_opens(
    source: Path, tmp_path: Path, key: Path
) -> None:
    convert("dicom", source, tmp_path / "dest", key=key)
    # The superuser writes everywhere, unless it gives that up.
    able = "dac_override"
    less = ["setpriv", f"--bounding-set=-{able}", f"--inh-caps=-{able}"] if os.geteuid() == 0 else []
    if less and shutil.which("setpriv") is None:
        pytest.skip("run by the superuser, and setpriv is not installed")
    (tmp_path / "dest.mids").chmod(0o500)
    try:
        words = [*less, sys.executable, "-m", "mids", "review", str(tmp_path / "dest")]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    finally:
        (tmp_path / "dest.mids").chmod(0o700)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("where decisions are kept: check the permissions of its folder")
    assert "token" not in done.stdout
