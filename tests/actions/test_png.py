"""PNG files decode to what went in, hold nothing else, and are made from files and archive members alike."""

import pickle
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from image2d import CANARY, image, pad_data, ramp, write_dataset
from PIL import ExifTags, Image, ImageOps

from mids.actions.picture import Picture
from mids.actions.png import Png, encode
from mids.errors import DataError
from mids.readers.images.pictures import size
from mids.records import Compression, Source

IMAGES = st.one_of(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)),
    hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)),
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))),
)


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG by ISO/IEC 15948 clause 5, after comparing their checksums."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        found.append((kind, body))
        at += 12 + length
    return found


def decode_png(data: bytes) -> npt.NDArray[np.generic]:
    with Image.open(BytesIO(data)) as picture:
        return np.array(picture)


@pytest.mark.parametrize("compression", ["fast", "small"])
@given(pixels=IMAGES)
def test_a_png_decodes_to_what_went_in(compression: Compression, pixels: npt.NDArray[np.uint16]) -> None:
    data = encode(pixels, compression=compression)
    found = decode_png(data)
    assert found.dtype == pixels.dtype
    assert np.array_equal(found, pixels)
    kinds = [kind for kind, _ in chunks(data)]
    assert [kinds[0], *set(kinds[1:-1]), kinds[-1]] == [b"IHDR", b"IDAT", b"IEND"]


@pytest.mark.parametrize("compression", ["fast", "small"])
def test_a_large_picture_in_several_chunks(compression: Compression) -> None:
    noise = np.random.default_rng(0).integers(0, 65536, (900, 1000), np.uint16)
    data = encode(noise[:, ::2], compression=compression)
    assert np.array_equal(decode_png(data), noise[:, ::2])
    data = encode(noise, compression=compression)
    assert [kind for kind, _ in chunks(data)] == [b"IHDR", b"IDAT", b"IDAT", b"IEND"]
    assert data == encode(noise, compression=compression)


def smooth() -> npt.NDArray[np.uint16]:
    """Rows for which different filters are best: slow changes in both directions, noise, and bare rows."""
    rows, columns = np.mgrid[:300, :400]
    noise = np.random.default_rng(0).normal(0, np.where(rows < 150, 15, 900), rows.shape)
    picture = (20000 + 9000 * np.sin(columns / 90) * np.cos(rows / 70) + noise).astype(np.uint16)
    picture[::10] = columns[0] % 7 == 3
    return picture


def test_small_is_smaller_and_uses_all_filters() -> None:
    data = encode(smooth(), compression="small")
    assert np.array_equal(decode_png(data), smooth())
    assert len(data) < len(encode(smooth(), compression="fast"))
    body = zlib.decompress(b"".join(body for kind, body in chunks(data) if kind == b"IDAT"))
    assert set(body[:: 1 + 2 * 400]) == {0, 1, 2, 3, 4}


def expected(kind: int, left: int, above: int, corner: int) -> int:
    """What a filter takes a byte to be (ISO/IEC 15948, clause 9)."""
    if kind < 4:
        return (100, left, above, (left + above) // 2)[kind]
    return min((left, above, corner), key=lambda value: abs(left + above - corner - value))


def draw_drifting(kind: int) -> npt.NDArray[np.uint8]:
    """A picture (120, 150) that begins anywhere, and in which each value is nearly what filter `kind` expects."""
    random = np.random.default_rng(kind)
    values = random.integers(0, 256, (121, 151)).tolist()
    steps = random.integers(-1, 2, (121, 151)).tolist()
    for row in range(1, 121):
        for column in range(1, 151):
            guess = expected(kind, values[row][column - 1], values[row - 1][column], values[row - 1][column - 1])
            values[row][column] = (guess + steps[row][column]) % 256
    return np.array(values, np.uint8)[1:, 1:]


@pytest.mark.parametrize("compression", ["fast", "small"])
@pytest.mark.parametrize("kind", range(5))
def test_the_filter_that_fits_a_picture_is_chosen(kind: int, compression: Compression) -> None:
    data = encode(draw_drifting(kind), compression=compression)
    assert np.array_equal(decode_png(data), draw_drifting(kind))
    body = zlib.decompress(b"".join(body for name, body in chunks(data) if name == b"IDAT"))
    filters = list(body[::151])
    assert max(filters, key=filters.count) == kind


@pytest.mark.parametrize("deviation", [15, 60, 400])
def test_fast_is_about_as_small_as_pillow(deviation: float) -> None:
    rows, columns = np.mgrid[:600, :500]
    grain = np.random.default_rng(0).normal(0, deviation, rows.shape)
    pixels = (30000 + 9000 * np.sin(columns / 190) * np.cos(rows / 170) + grain).astype(np.uint16)
    theirs = BytesIO()
    Image.fromarray(pixels).save(theirs, "png")
    assert len(encode(pixels, compression="fast")) < 1.03 * len(theirs.getvalue())


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((2, 2), np.int16), np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 3), np.uint16),
     np.zeros((0, 2), np.uint8), np.zeros(4, np.uint8), np.zeros((1, 2, 2), np.uint16)],
)  # fmt: skip
def test_other_arrays_are_refused(pixels: npt.NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="no PNG holds"):
        encode(pixels, compression="fast")


def test_an_image_becomes_a_png_beside_its_facts(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(write_dataset(image(ramp(), {"BitsStored": 12})))
    action = Png(Source("a.dcm"), blank=((0, 0, 1, 2),))
    made = action.make(tmp_path, tmp_path)
    expected = np.rint(ramp() / 4095 * 65535)
    expected[0, :2] = 0
    data = (tmp_path / "image.png").read_bytes()
    assert made.files == ("image.png",)
    assert np.array_equal(decode_png(data), expected)
    assert made.facts["Rows"] == made.facts["Columns"] == 64
    assert made.facts["BlankedRegions"] == [[0, 0, 1, 2]]
    assert CANARY not in str(made)
    assert CANARY.encode() not in data
    assert action.sources == (Source("a.dcm"),)
    assert pickle.loads(pickle.dumps(action)) == action


def test_eight_bits_become_a_16_bit_png(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(write_dataset(image(ramp(8).astype(np.uint8))))
    Png(Source("a.dcm")).make(tmp_path, tmp_path)
    assert np.array_equal(decode_png((tmp_path / "image.png").read_bytes()), ramp(8) * 257)


def test_a_member_of_an_archive_gives_the_same_png(tmp_path: Path) -> None:
    content = write_dataset(image(ramp(), {"BitsStored": 12}))
    (tmp_path / "a.dcm").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("deep/a.dcm", content)
    found = []
    for source in (Source("a.dcm"), Source("a.zip", "deep/a.dcm")):
        Png(source, "raw").make(tmp_path, tmp_path)
        found.append((tmp_path / "image.png").read_bytes())
    assert found[0] == found[1]


def test_one_png_holds_one_frame(tmp_path: Path) -> None:
    frames = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    cine = image(frames, {"NumberOfFrames": 3, "PixelData": pad_data(frames.tobytes())})
    (tmp_path / "a.dcm").write_bytes(write_dataset(cine))
    Png(Source("a.dcm"), "raw", frame=2).make(tmp_path, tmp_path)
    assert np.array_equal(decode_png((tmp_path / "image.png").read_bytes()), frames[2])
    with pytest.raises(DataError, match="several frames"):
        Png(Source("a.dcm")).make(tmp_path, tmp_path)
    with pytest.raises(DataError):
        Png(Source("a.dcm"), frame=3).make(tmp_path, tmp_path)


PHOTOGRAPH = np.add.outer(5 * np.arange(24), 3 * np.arange(32)).astype(np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_exif_data_say(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(PHOTOGRAPH).save(tmp_path / "a.jpg", exif=exif, quality=95)
    with Image.open(tmp_path / "a.jpg") as image:
        seen = np.asarray(ImageOps.exif_transpose(image))
    Picture(Source("a.jpg")).make(tmp_path, tmp_path)
    assert np.array_equal(decode_png((tmp_path / "image.png").read_bytes()), seen)
    assert size(tmp_path, Source("a.jpg")) == seen.shape


def test_exif_data_that_nobody_can_read_turn_nothing(tmp_path: Path) -> None:
    Image.fromarray(PHOTOGRAPH).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    Picture(Source("a.jpg")).make(tmp_path, tmp_path)
    assert decode_png((tmp_path / "image.png").read_bytes()).shape == (24, 32)
