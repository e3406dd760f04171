"""A table that lost rows takes no image away whose file is still there."""

from pathlib import Path

import chestxray
from trees import codes, images

from mids.conversion import convert


def test_images_without_their_rows_stay_until_somebody_removes_them(tmp_path: Path, key: Path) -> None:
    source = chestxray.source(tmp_path / "source", [chestxray.row(number) for number in (1, 2, 3)])
    dest, table = tmp_path / "dest", source / "metadata.csv"
    convert(chestxray.NAME, source, dest, key=key)
    whole = images(dest)
    assert len(whole) == 3
    table.write_text("\n".join(table.read_text("utf-8").splitlines()[:2]) + "\n", "utf-8")
    done = convert(chestxray.NAME, source, dest, key=key)
    assert (done.exit_code, images(dest)) == (1, whole)
    assert "SOURCE_VANISHED" in codes(done.issues)
    assert {path.split("/")[0] for path in whole} == {
        line.split("\t")[0] for line in (dest / "participants.tsv").read_text("utf-8").splitlines()[1:]
    }
    assert convert(chestxray.NAME, source, dest, key=key, remove=2).exit_code == 0
    assert images(dest) == whole[:1]
