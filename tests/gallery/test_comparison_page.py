"""The page of two releases: what `mids diff` counts, to look at, with images before and after."""

import json
import re
import shutil
from base64 import b64decode
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from browsing import Seen
from edited_releases import Release
from one_radiograph import one_radiograph
from PIL import Image
from places import SOURCES

from mids.cli import main
from mids.gallery.compared import write_comparison
from mids.gallery.compared.pairs import Pair, Places, compare_pair


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A collection, and the same with a box over one image, one image gone, another new, and a label more."""
    root = tmp_path_factory.mktemp("releases")
    old = shutil.copytree(SOURCES / "covid-chestxray" / "mids", root / "old")
    new = shutil.copytree(old, root / "new")
    images = sorted(new.glob("sub-*/**/*_dx.png"))
    pixels = np.array(Image.open(images[0]))
    pixels[: pixels.shape[0] // 4] = 0
    Image.fromarray(pixels).save(images[0])
    images[1].unlink()
    shutil.copy(images[2], images[2].with_name(images[2].name.replace("_run-1_", "_run-7_")))
    labels = new / "derivatives/labels/labels.tsv"
    labels.write_text(labels.read_text().replace('["No Finding"]', '["No Finding", "ARDS"]'))
    return old, new


@pytest.fixture(scope="module")
def page(releases: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_comparison(*releases, path)
    return path


def test_the_page_counts_what_diff_counts(page: Path, capsys: pytest.CaptureFixture[str], releases: Any) -> None:
    assert main(["diff", *map(str, releases), "--max", "0"]) == 0
    said = capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    for line in said.splitlines():
        assert line.replace(">", "&gt;") in text
    assert [int(n) for n in re.findall(r"<h2>Images [^<]*\((\d+)\)", text)] == [1, 1, 1, 1]
    assert "<ins>+ ARDS</ins>" in text


def test_the_page_loads_nothing(page: Path) -> None:
    text = unescape(page.read_text(encoding="utf-8"))
    assert all(source.startswith("data:") for source in re.findall(r'src="([^"]*)"', text))
    assert "default-src 'none'; script-src 'sha256-" in text
    assert "url(" not in text
    assert "href=" not in text


def test_the_command_writes_the_page_beside_the_new_release(releases: tuple[Path, Path]) -> None:
    old, new = releases
    assert main(["report", str(old), str(new), "--compare", "-q"]) == 0
    place = new.with_name("new.compared.html")
    assert place.is_file()
    assert main(["report", str(old), "--compare"]) == 2
    for more in (["--private"], ["--large", "3"]):
        assert main(["report", str(old), str(new), "--compare", *more]) == 2
    with pytest.raises(SystemExit, match="2"):
        main(["report", str(old), str(new), "--thumbnails", "-1"])
    place.write_text("mine")
    assert main(["report", str(old), str(new), "--compare"]) == 2
    assert place.read_text() == "mine"


def test_two_equal_releases_say_so(tmp_path: Path) -> None:
    root = one_radiograph(tmp_path / "set", {})
    write_comparison(root, root, tmp_path / "page.html")
    assert "nothing changed" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_releases_of_every_kind_of_edit_have_a_page(tmp_path: Path) -> None:
    before, after = Release(3), Release(3)
    for release, name in ((before, "old"), (after, "new")):
        release.add("sub-S9", 90)
        if name == "new":
            release.files = {path: data for path, data in release.files.items() if "sub-S1" not in path}
        for path, data in release.files.items():
            place = tmp_path / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    changes = write_comparison(tmp_path / "old", tmp_path / "new", tmp_path / "page.html")
    assert len(changes.images.removed) == 2


# --- one image ---------------------------------------------------------------------------------------------


def _picture(uri: str) -> Any:
    return np.asarray(Image.open(BytesIO(b64decode(uri.partition(",")[2]))).convert("RGBA"))


def test_changed_pixels_are_marked_where_they_are(tmp_path: Path) -> None:
    values = np.tile(np.linspace(0, 250, 80).astype(np.uint8), (60, 1))
    Image.fromarray(values).save(tmp_path / "a.png")
    values[:30, :40] = 255
    Image.fromarray(values).save(tmp_path / "b.png")
    found = compare_pair(Places("sub-01_dx.png", tmp_path / "a.png", tmp_path / "b.png"))
    assert found.share == pytest.approx(0.25)
    [view] = found.views
    marked = _picture(view.changed)[..., 3] > 0
    rows, columns = marked.shape
    assert marked[: rows // 2 - 2, : columns // 2 - 2].all()
    assert not marked[rows // 2 + 2 :].any()
    assert not marked[:, columns // 2 + 2 :].any()
    assert found.histogram
    assert sum(found.histogram.before) == pytest.approx(1, abs=1e-3)
    assert found.histogram.after[-1] > found.histogram.before[-1]


def test_a_volume_is_shown_where_it_changed_most(tmp_path: Path) -> None:
    values = np.full((20, 24, 30), -1000, np.int16)
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    nib.Nifti1Image(values, affine).to_filename(tmp_path / "a.nii.gz")
    values[3:6, 10:12, 25] = 400
    nib.Nifti1Image(values, affine).to_filename(tmp_path / "b.nii.gz")
    found = compare_pair(Places("x_bp-chest_ct.nii.gz", tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"))
    assert found.views[0].plane == "axial, 26 of 30"
    assert all(view.changed for view in found.views)


def test_a_volume_that_is_scaled_otherwise_looks_as_before(tmp_path: Path) -> None:
    values = np.add.outer(np.arange(0, 400, 20), np.arange(0, 480, 20))[..., None] + np.zeros(6, int)
    nib.Nifti1Image(values.astype(np.int16), np.eye(4)).to_filename(tmp_path / "a.nii.gz")
    values[3:6, 10:12, 2] += 90
    other = nib.Nifti1Image(((values + 1024) / 2).astype(np.int16), np.eye(4))
    other.header.set_slope_inter(2, -1024)
    other.to_filename(tmp_path / "b.nii.gz")
    found = compare_pair(Places("x_T1w.nii.gz", tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"))
    assert found.share == pytest.approx(3 * 2 / values.size)
    before, after, changed = (_picture(getattr(found.views[0], key)) for key in ("before", "after", "changed"))
    assert np.abs(before[..., 0] - after[..., 0].astype(int))[changed[..., 3] == 0].mean() < 1


def test_three_slices_are_no_colours(tmp_path: Path) -> None:
    values = np.zeros((8, 8, 3), np.int16)
    values[..., 2] = 300
    for name in ("a", "b"):
        nib.Nifti1Image(values, np.eye(4)).to_filename(tmp_path / f"{name}.nii.gz")
        values[0, 0, 0] = 5
    found = compare_pair(Places("x_T1w.nii.gz", tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"))
    assert found.histogram
    assert (found.histogram.low, found.histogram.high, found.histogram.means[0]) == (0, 300, 100)


def test_complex_numbers_are_not_shown(tmp_path: Path) -> None:
    for name, value in (("a", 1j), ("b", 2j)):
        nib.Nifti1Image(np.full((8, 8, 4), value, np.complex64), np.eye(4)).to_filename(tmp_path / f"{name}.nii.gz")
    found = compare_pair(Places("x_T1w.nii.gz", tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"))
    assert found.problem == "can't be read (DataError)"
    assert found.views == ()


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_what_can_not_be_read_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    found = compare_pair(Places("a.png", tmp_path / "a.png", tmp_path / "a.png"))
    assert isinstance(found, Pair)
    assert found.problem
    assert str(tmp_path) not in found.problem


def test_images_of_another_size_stand_beside_each_other(tmp_path: Path) -> None:
    for name, rows in (("a", 40), ("b", 30)):
        Image.fromarray(np.arange(rows * 50, dtype=np.uint16).reshape(rows, 50)).save(tmp_path / f"{name}.png")
    found = compare_pair(Places("a.png", tmp_path / "a.png", tmp_path / "b.png"))
    assert (found.share, found.views[0].changed, found.problem) == (None, "", "")


# --- in a browser ------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_before_and_after_change_by_hand_and_by_themselves(browser: Any, page: Path, width: int, scheme: str) -> None:
    found = Seen(browser, page.as_uri(), viewport={"width": width, "height": 800}, color_scheme=scheme)
    shown = found.page
    after = shown.locator(".pair img.after >> nth=0")
    assert after.is_visible()
    shown.click(".pair .turn >> nth=0")
    assert not after.is_visible()
    shown.click("h1")
    shown.keyboard.press(" ")
    assert after.is_visible()
    shown.keyboard.press("f")
    shown.wait_for_selector(".pair.is-before")
    shown.wait_for_selector(".pair:not(.is-before)")
    shown.click("#flicker")
    assert shown.get_attribute("#flicker", "aria-pressed") == "false"
    shown.uncheck("#marks")
    assert not shown.locator("img.changed >> nth=0").is_visible()
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found.check()
    found.context.close()


def test_values_are_shown_and_never_become_elements(tmp_path: Path) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    texts = {"derivatives/labels/labels.tsv": "participant_id\tsession_id\tlabels\nsub-01\tses-01\t[]\n"}
    old = one_radiograph(tmp_path / "old", texts)
    texts["derivatives/labels/labels.tsv"] = (
        f"participant_id\tsession_id\tlabels\nsub-01\tses-01\t{json.dumps([evil])}\n"
    )
    texts["dataset_description.json"] = json.dumps({"Name": evil, "BIDSVersion": "1.10.1"})
    new = one_radiograph(tmp_path / "new", texts)
    write_comparison(old, new, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text
