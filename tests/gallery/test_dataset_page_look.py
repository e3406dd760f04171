"""How a page of datasets is looked through: first screen, facets, plots, address, lightbox, marks."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from browsing import Seen
from one_radiograph import one_radiograph
from PIL import Image
from places import SOURCES

import mids
from mids.conversion import Conversion
from mids.dataset import Dataset
from mids.gallery import Wanted, write_page

pytestmark = pytest.mark.slow

GREY = """([row, column, rows, columns]) => {
    const stage = document.getElementById("stage"), scale = Math.min(stage.width / columns, stage.height / rows);
    const [left, top] = [(stage.width - columns * scale) / 2, (stage.height - rows * scale) / 2];
    const copy = new OffscreenCanvas(stage.width, stage.height).getContext("2d");
    copy.drawImage(stage, 0, 0);
    return copy.getImageData(left + column * scale, top + row * scale, 1, 1).data[0];
}"""
"""The grey on the stage at a place of a plane of square pixels."""
OUTLINE = """(() => {
    const [rows, columns, stage] = [64, 48, document.getElementById("stage")];
    const scale = Math.min(stage.width / columns, stage.height / rows);
    const [left, top] = [(stage.width - columns * scale) / 2, (stage.height - rows * scale) / 2];
    const copy = new OffscreenCanvas(stage.width, stage.height).getContext("2d");
    copy.drawImage(stage, 0, 0);
    const { data, width } = copy.getImageData(0, 0, stage.width, stage.height);
    const found = Array.from({ length: data.length / 4 }, (_, at) => at).filter(
        (at) => data[4 * at] > 200 && data[4 * at + 1] > 200 && data[4 * at + 2] < 130);
    const down = found.map((at) => (Math.floor(at / width) - top) / scale);
    const across = found.map((at) => ((at % width) - left) / scale);
    const least = (each) => each.reduce((one, other) => Math.min(one, other));
    const most = (each) => each.reduce((one, other) => Math.max(one, other));
    return found.length ? [least(down), least(across), most(down), most(across)] : null;
})()"""
"""Top, left, bottom and right of what is yellow on the stage, in pixels of a radiograph of 64 × 48."""
FACETS = "JSON.parse(document.getElementById('data').textContent).datasets[0].facets"


# --- the first screen ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_first_images_stand_in_the_first_screen(browser: Any, shown: str, width: int, height: int) -> None:
    found = Seen(browser, shown, viewport={"width": width, "height": height})
    box = found.page.locator("#wall .tile >> nth=0").bounding_box()
    assert box["y"] + box["height"] <= height
    numbers = found.page.inner_text(".hero .numbers").split()
    assert numbers[:2] + numbers[4:6] == ["patients", "3", "images", "18"]
    assert "error" in found.page.inner_text(".hero .verdict")
    found.check()
    found.context.close()


def test_the_mosaic_has_no_gaps(seen: Seen) -> None:
    boxes = [each.bounding_box() for each in seen.page.locator("#wall .tile").all()]
    wall = seen.page.locator("#wall").bounding_box()
    rows = sorted({box["y"] for box in boxes})
    for row in rows:
        own = sorted((box["x"], box["width"]) for box in boxes if box["y"] == row)
        assert own[0][0] == pytest.approx(wall["x"], abs=1)
        assert sum(own[-1]) == pytest.approx(wall["x"] + wall["width"], abs=1.5)
        gaps = [after[0] - sum(before) for before, after in pairwise(own)]
        assert all(gap <= 4 for gap in gaps)


# --- facets, plots and the address -----------------------------------------------------------------------


def test_facets_count_what_a_choice_would_show(seen: Seen, phantom: Conversion) -> None:
    page, images = seen.page, Dataset(phantom.dataset).images
    line = page.locator("[data-facet=modality] label", has=page.locator("input[value=ct]"))
    assert int(line.inner_text().split()[-1]) == (images["modality"] == "ct").sum()
    page.check("[data-facet=sex] input[value=female]")
    women = images[images["sex"] == "F"]
    assert page.inner_text("#found") == f"{len(women)} of {len(images)} images"
    assert int(line.inner_text().split()[-1]) == (women["modality"] == "ct").sum()
    male = page.locator("[data-facet=sex] label", has=page.locator("input[value=male]"))
    assert int(male.inner_text().split()[-1]) == (images["sex"] == "M").sum()  # of what it would add, nothing is taken
    page.click("#clear")
    assert page.inner_text("#found") == f"{len(images)} of {len(images)} images"


def test_the_address_keeps_filters_and_the_opened_image(seen: Seen, browser: Any) -> None:
    page = seen.page
    page.check("[data-facet=modality] input[value=mg]")
    page.click("#wall .tile >> nth=1")
    title = page.inner_text("#card-title")
    address = page.url
    other = Seen(browser, address)
    assert other.page.inner_text("#card-title") == title
    other.page.keyboard.press("Escape")
    assert other.page.inner_text("#found") == "2 of 18 images"
    assert other.page.is_checked("[data-facet=modality] input[value=mg]")
    other.page.wait_for_url("**#modality=mg")
    other.page.goto(address.split("#")[0] + "#modality=nonsense&image=none&%zz=1")
    assert other.page.inner_text("#found") == "18 of 18 images"
    other.context.close()


def test_a_bar_of_a_plot_chooses_its_images(seen: Seen) -> None:
    page = seen.page
    page.locator("#plots").scroll_into_view_if_needed()
    page.wait_for_selector("#plot-modalities rect")
    page.locator("#plot-modalities [aria-label=bar] rect").first.click()
    facets = {facet["name"]: facet["values"] for facet in page.evaluate(FACETS)}
    chosen = [box for box in facets["modality"] if page.is_checked(f"[data-facet=modality] input[value={box}]")]
    assert len(chosen) == 1
    assert not page.inner_text("#found").startswith("18 ")
    page.click("#plot-modalities summary")  # and by the keyboard: the names among the numbers are buttons
    page.focus("#plot-modalities button[aria-pressed=true]")
    page.keyboard.press("Enter")
    assert page.inner_text("#found") == "18 of 18 images"


def test_every_dataset_is_a_facet_of_a_page_of_several(browser: Any, tmp_path: Path) -> None:
    names = ["covid-chestxray", "bimcv-covid19"]
    write_page([SOURCES / name / "mids" for name in names], tmp_path / "page.html")
    found = Seen(browser, (tmp_path / "page.html").as_uri())
    counts = [text.split()[-1] for text in found.page.locator("[data-facet=dataset] label").all_inner_texts()]
    assert counts == [str(len(Dataset(SOURCES / name / "mids").images)) for name in names]
    found.page.check("[data-facet=dataset] input >> nth=1")
    assert found.page.inner_text("#found").endswith(f"of {counts[1]} images")
    again = Seen(browser, found.page.url)
    assert again.page.input_value("#dataset") == "1"
    for each in (found, again):
        each.check()
        each.context.close()


def test_splits_and_findings_are_facets(browser: Any, tmp_path: Path) -> None:
    texts = {"derivatives/partitions.tsv": "participant_id\tsplit\nsub-01\ttrain\nsub-02\ttest\n"}
    texts["derivatives/labels/labels.tsv"] = (
        'participant_id\tsession_id\tlabels\tfinding\nsub-01\tses-01\t["a", "b"]\tnodule\nsub-02\tses-01\t["b"]\tn/a\n'
    )
    root = one_radiograph(tmp_path / "set", texts)
    _second_subject(root)
    write_page([root], tmp_path / "page.html")
    found = Seen(browser, (tmp_path / "page.html").as_uri())
    facets = {facet["name"]: facet for facet in found.page.evaluate(FACETS)}
    assert set(facets) == {"labels", "split"}  # the finding divides the images as the labels do
    assert facets["labels"]["values"] == ["b", "a"]
    assert facets["labels"]["parts"] == [[0, 1], [0]]
    found.page.goto((tmp_path / "page.html").as_uri() + "#labels=b")
    assert found.page.inner_text("#found") == "2 of 2 images"
    found.context.close()


def _second_subject(root: Path) -> None:
    """Makes of the one subject another."""
    for path in sorted(root.rglob("sub-01*")):
        if path.is_file():
            place = Path(str(path).replace("sub-01", "sub-02"))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes().replace(b"sub-01", b"sub-02"))


# --- the lightbox ----------------------------------------------------------------------------------------


def test_window_zoom_and_neighbours_by_the_keyboard(seen: Seen) -> None:
    page = seen.page
    page.fill("#search", "bp-chest ct.nii")
    page.click("#wall .tile >> nth=0")
    page.wait_for_selector("#stage-words:has-text('HU')")
    for key, words in (("1", "W 1,500 L -600"), ("3", "W 400 L 40"), ("2", "W 1,800 L 400")):
        page.keyboard.press(key)
        assert words in page.inner_text("#stage-words")
    assert "beyond is in the original only" in page.inner_text("#stage-words")  # an 8-bit preview is no CT
    page.keyboard.press("+")
    assert "1.4 ×" in page.inner_text("#stage-words")
    page.keyboard.press("0")
    assert "×" not in page.inner_text("#stage-words").split("·")[-1]
    canvas = page.locator("#stage").bounding_box()
    page.mouse.move(canvas["x"] + 100, canvas["y"] + 100)
    page.mouse.down()
    page.mouse.move(canvas["x"] + 220, canvas["y"] + 160, steps=4)
    page.mouse.up()
    assert "W 1,500 L -600" not in page.inner_text("#stage-words")
    page.keyboard.press("Escape")
    page.fill("#search", "")
    page.click("#wall .tile >> nth=0")
    first = page.inner_text("#card-title")
    assert page.inner_text("#card-place") == "1 of 18"
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#card-title") != first
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#card-title") == first


def test_id_path_and_python_are_copied(seen: Seen, phantom: Conversion, monkeypatch: pytest.MonkeyPatch) -> None:
    page = seen.page
    seen.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#wall .tile >> nth=0")
    texts = {}
    for what in ("subject ID", "path", "Python"):
        page.click(f"[data-copy='{what}']")
        page.wait_for_selector(f"#copied:has-text('{what} copied')")
        texts[what] = page.evaluate("navigator.clipboard.readText()")
    assert texts["path"].startswith(texts["subject ID"] + "/")
    monkeypatch.chdir(phantom.dataset.parent)
    loaded = eval(texts["Python"], {"mids": mids})  # the line that a user would paste
    assert loaded.shape == mids.Dataset(phantom.dataset).load(texts["path"]).shape


def test_sixteen_bits_are_windowed_from_the_original(browser: Any, tmp_path: Path) -> None:
    root = one_radiograph(tmp_path / "set", {})
    [path] = root.rglob("*.png")
    values = np.zeros((40, 60), np.uint16)
    values[10:20, 10:30], values[20:30, 30:50] = 1000, 1003  # one grey of an 8-bit preview
    values[0, 0] = 60000
    Image.fromarray(values).save(path)
    write_page([root], tmp_path / "page.html", Wanted(viewer="embed"))
    found = Seen(browser, (tmp_path / "page.html").as_uri())
    found.page.click("#wall .tile >> nth=0")
    found.page.click("#view")
    found.page.wait_for_selector("#stage[data-shown]")
    assert found.page.inner_text("#stage-words") == "original, 60 × 40 · W 1,003 L 502"
    greys = [found.page.evaluate(GREY, [row, column, 40, 60]) for row, column in ((5, 20), (15, 20), (25, 40))]
    assert greys == [0, round(255 * 1000 / 1003), 255]
    found.check()
    found.context.close()


def test_slices_of_a_volume_are_a_strip_and_the_original_has_all(browser: Any, tmp_path: Path) -> None:
    root = one_radiograph(tmp_path / "set", {})
    (root / "sub-01/ses-01/mim-ct").mkdir()
    values = np.full((32, 24, 20), -1000, np.int16) + np.arange(20, dtype=np.int16) * 60
    place = root / "sub-01/ses-01/mim-ct/sub-01_ses-01_run-1_bp-chest_ct.nii.gz"
    nib.Nifti1Image(values, np.diag([1.0, 1.0, 3.0, 1.0])).to_filename(place)
    write_page([root], tmp_path / "page.html", Wanted(viewer="embed"))
    found = Seen(browser, (tmp_path / "page.html").as_uri())
    page = found.page
    page.click("#wall .tile[data-row] >> nth=0")
    if "ct.nii" not in page.inner_text("#card-title"):
        page.keyboard.press("ArrowRight")
    assert page.locator("#views .slice").count() == 7
    page.click("#view")
    page.wait_for_selector("#stage[data-shown]")
    assert "axial 11 of 20" in page.inner_text("#stage-words")
    page.keyboard.press("ArrowDown")
    assert "axial 12 of 20" in page.inner_text("#stage-words")
    found.check()
    found.context.close()


def test_redacted_areas_are_outlined(browser: Any, tmp_path: Path) -> None:
    scans = "filename\trows\tcolumns\nmim-rx/sub-01_ses-01_run-1_bp-chest_vp-pa_dx.png\t64\t48\n"
    root = one_radiograph(tmp_path / "set", {"sub-01/ses-01/sub-01_ses-01_scans.tsv": scans})
    [path] = root.rglob("*.png")
    path.with_suffix(".json").write_text(json.dumps({"BlankedRegions": [[8, 12, 32, 30]]}))
    write_page([root], tmp_path / "page.html")
    found = Seen(browser, (tmp_path / "page.html").as_uri())
    found.page.click("#wall .tile >> nth=0")
    found.page.wait_for_function(f"{OUTLINE} !== null")
    assert found.page.evaluate(OUTLINE) == pytest.approx([8, 12, 32, 30], abs=1)
    found.page.uncheck("#areas")
    found.page.wait_for_function(f"{OUTLINE} === null")
    found.check()
    found.context.close()


REACHABLE = """[...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].filter(
    (each) => each.checkVisibility() && !each.disabled && each.tabIndex >= 0).length"""
FOCUSED = """(() => { const each = document.activeElement; each.dataset.reached = "yes";
    return document.querySelectorAll("[data-reached]").length; })()"""


def test_every_control_is_reached_by_the_keyboard(seen: Seen) -> None:
    page = seen.page
    page.locator("#plots").scroll_into_view_if_needed()
    page.wait_for_selector("#plot-modalities rect")
    page.locator("#people").scroll_into_view_if_needed()
    page.wait_for_selector("#people-list article")
    wanted = page.evaluate(REACHABLE)
    page.evaluate("window.scrollTo(0, 0)")
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        reached = page.evaluate(FOCUSED)
    assert wanted > 100
    assert reached >= wanted
    # What can only be clicked: bars of plots, for which the names among the numbers are buttons.
    page.click("#plot-modalities summary")
    names = page.locator("#plot-modalities button").all_inner_texts()
    assert len(names) == page.locator("#plot-modalities [aria-label=bar] rect[style*=pointer]").count()


# --- marks -----------------------------------------------------------------------------------------------


def test_marks_survive_closing(browser: Any, shown: str) -> None:
    found = Seen(browser, shown)
    found.page.click("#wall .tile >> nth=0")
    found.page.click("#mark-add")
    found.page.keyboard.press("Escape")
    found.page.fill("#who", "A. Reader")
    found.page.keyboard.press("Tab")
    found.page.close()
    again = found.context.new_page()
    again.goto(shown)
    assert again.locator("#wall .tile.marked").count() == 1
    assert again.is_enabled("#download")
    assert again.input_value("#who") == "A. Reader"
    again.click("#forget")
    again.reload()
    assert again.locator("#wall .tile.marked").count() == 0
    found.check()
    found.context.close()
