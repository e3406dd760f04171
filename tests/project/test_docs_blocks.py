"""Every shell and Python block of the README and of `docs/` runs, and prints what the page shows."""

import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from doc_blocks import Block, blocks, matches, quotes, reasons, run
from PIL import Image
from places import ROOT, SOURCES

from mids.conversion import convert

pytestmark = pytest.mark.slow

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "example_datasets/plugin/README.md"])
}
FOLLOWED = "docs/add-a-collection.md"
"""The page that makes a package: `test_add_a_collection.py` follows it in an empty folder."""
RUNNABLE = [
    name for name, text in PAGES.items() if name != FOLLOWED and any(not block.not_run for block in blocks(text))
]
PROGRAMS = Path(sys.executable).parent

INPUT = SOURCES / "dicom" / "input"
FOLDERS: Mapping[str, Path] = {
    "dataset": SOURCES / "covid-chestxray" / "mids", "release1": SOURCES / "dicom" / "mids",
    "ricord": SOURCES / "midrc-ricord-1a" / "input",
}  # fmt: skip
"""Example data under the names that the pages use, beside `studies` and `my_dataset` (see `conversion`)."""
COLLECTIONS: Mapping[str, Path | None] = {
    "ricord": SOURCES / "midrc-ricord-1a" / "mids", "fidac": SOURCES / "fidac" / "mids",
    "bimcv": SOURCES / "bimcv-covid19" / "mids",
}  # fmt: skip
OTHERS: Mapping[str, Mapping[str, Path | None]] = {
    "README.md": {"my_dataset": None},
    "docs/commands.md": {"my_dataset": None},
    "docs/tutorial.md": {"my_dataset": None, "studies": None},
    "docs/collections/covid-chestxray.md": {"my_dataset": SOURCES / "covid-chestxray" / "mids"},
    "docs/collections/midrc-ricord-1a.md": {"dataset": None},
    "docs/risk.md": {"dataset": SOURCES / "fidac" / "mids"},
    "docs/report.md": COLLECTIONS,
    "docs/statistics.md": COLLECTIONS,
    "docs/collections/bimcv-covid19-raw.md": {"hospital": SOURCES / "bimcv-covid19-raw" / "input"},
    "docs/collections/fidac.md": {
        name: SOURCES / "fidac" / "input" / patient for name, patient in (("north", "B7720D35"), ("south", "E903AA67"))
    },
    "docs/exports.md": {"ricord": SOURCES / "midrc-ricord-1a" / "mids"},
}  # fmt: skip
"""What single pages find under these names instead: other data, or nothing where they make it themselves."""
BRITTANY = {
    "type": "Feature", "properties": {"name": "Bretagne"},
    "geometry": {"type": "Polygon", "coordinates": [[[-5, 47], [-1, 47], [-1, 49], [-5, 49], [-5, 47]]]},
}  # fmt: skip
ELEMENTS = "PatientID,PatientAge,01:region,10:indication,11:delay,12:report,13:rt_pcr\n"
"""The columns of a FIDAC centre's table of values."""
FILES: Mapping[str, str] = {
    "north.csv": f"{ELEMENTS}B7720D35,60-70,Grand Est,other,<3 days,normal,negative\n",
    "south.csv": f"{ELEMENTS}E903AA67,>90,Bretagne,follow-up,8-21 days,intermediate,positive\n",
    "curation.tsv": "file\tfield\told\tnew\twho\twhy\n123/20200117/IM00002\tview\tap\tpa\tA. Reader\ta test\n",
    "reports.tsv": "participant_id\treport\nsub-1\tInfiltrado basal derecho.\nsub-2\tSin hallazgos.\n",
    "mine.tsv": 'participant_id\tlabels\nsub-1\t["infiltrates"]\nsub-2\t["normal"]\n',
    "regions.geojson": json.dumps({"type": "FeatureCollection", "features": [BRITTANY]}),
    "my_words/groups.yaml": "dental: {folder: mim-dental, description: Images of teeth}\n",
}


@pytest.fixture(scope="module")
def conversion(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Path:
    """A home with `studies`, of which none is broken, `my_dataset` as converted from them, and the key of that."""
    folder = tmp_path_factory.mktemp("conversion")
    for part in ("123", "entrega 2"):
        shutil.copytree(INPUT / part, folder / "studies" / part)
    (folder / ".config" / "mids").mkdir(parents=True)
    shutil.copy(key, folder / ".config" / "mids" / "key")
    convert("dicom", folder / "studies", folder / "my_dataset", key=folder / ".config" / "mids" / "key")
    return folder


def prepare_folder(page: str, folder: Path, conversion: Path) -> None:
    """Puts the example data into a folder."""
    others = OTHERS.get(page, {})
    (folder / "example_datasets").symlink_to(ROOT / "example_datasets")
    made = {path.name: path for path in conversion.iterdir() if path.name.split(".")[0] not in others}
    for name, source in {**FOLDERS, **made, **others}.items():
        if source is not None:
            shutil.copytree(source, folder / name)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


LONG = {
    "docs/review.md", "docs/risk.md", "docs/statistics.md", "docs/report.md", "docs/exports.md",
    "docs/collections/fidac.md", "docs/collections/bimcv-covid19-raw.md",
}  # fmt: skip
OFTEN = [pytest.param(name, marks=pytest.mark.nightly if name in LONG else ()) for name in RUNNABLE]


@pytest.mark.parametrize("page", OFTEN)
def test_the_blocks_of_a_page_run(page: str, tmp_path: Path, conversion: Path) -> None:
    prepare_folder(page, tmp_path, conversion)
    wrong = [
        problem for block in blocks(PAGES[page]) if not block.not_run for problem in run(block, tmp_path, PROGRAMS)
    ]
    assert wrong == [], "\n".join(wrong)
    for picture in (ROOT / "docs" / "pictures").glob("*.png"):
        if (tmp_path / picture.name).exists():
            assert _difference(tmp_path / picture.name, picture) <= 2


def _difference(made: Path, shown: Path) -> int:
    """The largest difference of two pictures of one size, in grey levels."""
    with Image.open(made) as one, Image.open(shown) as other:
        return int(np.abs(np.asarray(one, int) - np.asarray(other, int)).max())


def test_what_is_not_run_says_why() -> None:
    found = reasons(PAGES)
    assert all(len(reason) > 10 for texts in found.values() for reason in texts)
    left_out = {name: len(texts) for name, texts in found.items()}
    assert left_out == {
        "README.md": 3, "docs/ci.md": 1, "docs/curation.md": 1,
        "docs/dataset.md": 1, "docs/in-the-browser.md": 1, "docs/labeller.md": 2,
        "docs/models.md": 1, "docs/review.md": 2,
        "docs/peers.md": 2, "docs/scaling.md": 2, "docs/several-hospitals.md": 1,
        "docs/tutorial.md": 1, "example_datasets/plugin/README.md": 1,
    }  # fmt: skip


@pytest.mark.parametrize("page", RUNNABLE)
def test_nothing_that_runs_installs(page: str) -> None:
    code = "\n".join(block.code for block in blocks(PAGES[page]) if not block.not_run)
    assert re.findall(r"^.*(?:pip install|-m venv|apt).*$", code, re.MULTILINE) == []


def test_blocks_are_read_as_they_stand() -> None:
    text = "<!-- exits 1: it is broken -->\n```sh\nfalse\n```\n\n<!-- output -->\n```text\nno\n…\n```\n\n"
    text += "<!-- file b/c.toml -->\n```toml\nd = 2\n```\n"
    text += "```yaml\na: 1\n```\n<!-- not run: no network -->\n<!-- a mark -->\n```python\nimport mids\n```\n"
    assert blocks(text) == [
        Block(2, "sh", "false\n", exits=1, output="no\n…\n"),
        Block(13, "toml", "d = 2\n", file="b/c.toml"),
        Block(21, "python", "import mids\n", not_run="no network"),
    ]


@pytest.mark.parametrize(
    ("code", "exits", "output", "told"),
    [
        ("true", 0, "", []),
        ("false\ntrue", 0, "", ["exit code 1"]),
        ("false\ntrue", 1, "", []),
        ("true", 1, "", ["nothing ended with exit code 1"]),
        ("exit 3", 0, "", ["exit code 3"]),
        ("echo a; echo b >&2", 0, "a\nb\n", []),
        ("echo a; echo b", 0, "b\n", ["the output is another one than the page shows"]),
        ("sleep 60 &", 0, "", []),
    ],
)
def test_a_block_that_fails_is_told(code: str, exits: int, output: str, told: list[str], tmp_path: Path) -> None:
    found = run(Block(1, "sh", code + "\n", exits=exits, output=output), tmp_path, PROGRAMS)
    assert [text.splitlines()[0].removeprefix("line 1: ") for text in found] == told


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\n…\nd", "a\nb\nc\nd\n", True),
        ("a\n…\nd", "a\nd\n", True),
        ("a\n…", "b\na\n", False),
        ("made by mids 0.1.0", "made by mids 2.3.4.dev5+g1\n", True),
        ("in … files", "in 56 files\n", True),
        ("in … files", "in 56\nfiles\n", False),
        ("a.c", "abc\n", False),
    ],
)
def test_what_a_page_shows_is_compared_line_by_line(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same


def test_files_that_pages_quote_hold_what_they_quote() -> None:
    found = [quote for text in PAGES.values() for quote in quotes(text)]
    assert found
    for path, code in found:
        assert code in (ROOT / path).read_text(encoding="utf-8"), path
