"""Makes `docs/pictures/page-*.png`: every page that mids writes, as a desk and a phone show it, light and dark.

``python docs/make_report_pictures.py`` converts the example source, and needs Chromium and the extra `browser`.
"""

import contextlib
import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.browser import chromium
from example_datasets.generate import INPUT
from mids.cli import main as mids
from mids.deid import keys

TARGET = Path(__file__).parent / "pictures"

DESK, PHONE, HALF, GAP = (1280, 800), (390, 844), 0.6, 10
"""Sizes of the browser's window, by how much a picture is made smaller, and the room between pictures."""

LIGHTBOX = ("#wall .tile:has(img[alt*='_ct.nii']) >> nth=0", "3")
"""What is clicked before a picture of the lightbox is taken, and the key that is pressed then."""


def make_pages(folder: Path) -> Mapping[str, tuple[Path, tuple[str, ...]]]:
    """The pages by the name of their picture, and what is clicked and pressed on them."""
    keys.create(folder / "key")
    for name in ("before", "after"):
        run("convert", "dicom", str(INPUT), str(folder / name), "--key", str(folder / "key"))
    for number, path in enumerate(sorted((folder / "after").rglob("*_bp-chest_*.png"))):
        pixels = np.array(Image.open(path))
        pixels[: pixels.shape[0] // 6, : pixels.shape[1] // 3] = 0 if number else pixels.max()
        Image.fromarray(pixels).save(path)
    report, private = folder / "report.html", folder / "before.mids" / "report.html"
    run("report", str(folder / "before"), "-o", str(report), "--viewer", "embed")
    run("report", str(folder / "before"), "--private")
    run("report", str(folder / "before"), str(folder / "after"), "--compare", "-o", str(folder / "compared.html"))
    run(
        "validate", str(INPUT.parents[1] / "covid-chestxray" / "mids"), "--format", f"html={folder / 'validation.html'}"
    )
    (folder / "risk.html").write_text(run("risk", str(folder / "before"), "--format", "html"), encoding="utf-8")
    run("certify", str(folder / "before"))
    return {
        "report": (report, ()), "lightbox": (report, LIGHTBOX), "sources": (report, ("nav a[href='#flow']",)),
        "private": (private, ("nav a[href='#skipped']",)), "compared": (folder / "compared.html", ()),
        "validation": (folder / "validation.html", ()), "risk": (folder / "risk.html", ()),
        "certificate": (folder / "before.certificate.html", ()),
    }  # fmt: skip


def run(*words: str) -> str:
    """What a command prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        mids(list(words))
    return said.getvalue()


def shoot(browser: Any, page: Path, acts: tuple[str, ...], size: tuple[int, int], scheme: str) -> Image.Image:
    """The first screen of a page after these acts: a selector is clicked, a single letter pressed."""
    window = {"width": size[0], "height": size[1]}
    shown = browser.new_page(viewport=window, color_scheme=scheme)
    shown.goto(page.as_uri())
    for act in acts:
        shown.keyboard.press(act) if len(act) == 1 else shown.click(act)
        shown.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(shown.screenshot())).convert("RGB")
    shown.close()
    return picture.resize((round(size[0] * HALF), round(size[1] * HALF)), Image.Resampling.LANCZOS)


def sheet(browser: Any, page: Path, acts: tuple[str, ...]) -> Image.Image:
    """Light above dark, the desk beside the phone."""
    rows = []
    for scheme in ("light", "dark"):
        desk, phone = (shoot(browser, page, acts, size, scheme) for size in (DESK, PHONE))
        row = Image.new("RGB", (desk.width + GAP + phone.width, max(desk.height, phone.height)), "#8a9199")
        row.paste(desk, (0, 0))
        row.paste(phone, (desk.width + GAP, 0))
        rows.append(row)
    whole = Image.new("RGB", (rows[0].width, 2 * rows[0].height + GAP), "#8a9199")
    for number, row in enumerate(rows):
        whole.paste(row, (0, number * (row.height + GAP)))
    return whole.quantize(128, dither=Image.Dither.NONE)


def main() -> None:
    """Writes all pictures."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for name, (page, acts) in make_pages(Path(folder)).items():
            sheet(browser, page, acts).save(TARGET / f"page-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
