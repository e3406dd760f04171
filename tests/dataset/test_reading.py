"""Files are read as they are, whatever was listed of them."""

from pathlib import Path

import pytest

from mids.dataset.disk.reading import read_whole


@pytest.mark.parametrize("listed", [0, 3, 10, 11, 1 << 20])
def test_a_file_that_changed_since_it_was_listed_is_read_to_its_end(listed: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"0123456789")
    assert read_whole(tmp_path / "x", listed) == b"0123456789"


def test_an_error_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - a folder is opened and can't be read
        read_whole(str(tmp_path), 3)
    assert caught.value.filename == str(tmp_path)
