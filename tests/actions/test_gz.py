"""Gzip: any chunks come back as they went in, and nothing of the place or time is written."""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.actions import gz
from mids.records import Compression


@pytest.mark.parametrize("compression", ["fast", "small"])
@given(chunks=st.lists(st.binary(max_size=300), max_size=5))
def test_chunks_come_back(compression: Compression, chunks: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.gz"
        gz.write(path, chunks, compression)
        assert gzip.decompress(path.read_bytes()) == b"".join(chunks)


@pytest.mark.parametrize("compression", ["fast", "small"])
def test_arrays_larger_than_one_piece(tmp_path: Path, compression: Compression) -> None:
    volume = np.tile(np.arange(1000, dtype="<i2"), (12, 1000, 1))
    gz.write(tmp_path / "x.gz", [b"header", volume.data, volume[:0].data], compression)
    assert gzip.decompress((tmp_path / "x.gz").read_bytes()) == b"header" + volume.tobytes()


@pytest.mark.parametrize("compression", ["fast", "small"])
def test_repeated_runs_are_byte_identical(tmp_path: Path, compression: Compression) -> None:
    noise = np.random.default_rng(0).integers(0, 4096, 500_000, dtype="<u2")
    for name in ("first.gz", "second.gz"):
        gz.write(tmp_path / name, [noise.data], compression)
    first = (tmp_path / "first.gz").read_bytes()
    assert first == (tmp_path / "second.gz").read_bytes()
    assert first[:8] == b"\x1f\x8b\x08\x00" + bytes(4), "no flags, hence no name; mtime 0"
