"""Unused bits of pixels: a text there goes, the picture and its padding stay."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from example_datasets.generators.dicomfile import instance
from mids.deid.headers.engine import Cleaned, Replacements, deidentify
from mids.deid.headers.rules import resolve
from mids.deid.policy import preset

CT = "1.2.840.10008.5.1.4.1.1.2"


def image(raw: NDArray[np.uint16], stored: int, high: int, signed: int, padding: int | None = None) -> Dataset:
    values = {
        "Rows": raw.shape[0], "Columns": raw.shape[1], "SamplesPerPixel": 1, "BitsAllocated": 16, "BitsStored": stored,
        "HighBit": high, "PixelRepresentation": signed, "PhotometricInterpretation": "MONOCHROME2",
        "PatientID": "1", "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.4", "Modality": "CT",
    }  # fmt: skip
    dataset = instance(CT, "bits", values)
    dataset.PixelData = raw.astype("<u2").tobytes()
    if padding is not None:
        dataset.add_new("PixelPaddingValue", "SS" if signed else "US", padding)
    return dataset


def clean_dataset(dataset: Dataset) -> Cleaned:
    return deidentify(dataset, resolve(preset("mids")), Replacements("S1", timedelta(0), str, str))


def raw(done: Cleaned) -> NDArray[np.uint16]:
    return np.frombuffer(done.dataset.PixelData, "<u2")


@given(st.integers(1, 15), st.integers(0, 15), st.sampled_from([0, 1]), st.randoms(use_true_random=False))
def test_only_stored_bits_stay(stored: int, shift: int, signed: int, chance: object) -> None:
    high = min(stored - 1 + shift, 15)
    low = high - stored + 1
    picture = np.random.default_rng(chance.randrange(10**6)).integers(0, 1 << stored, (6, 7))  # type: ignore[attr-defined]
    noise = np.random.default_rng(3).integers(0, 1 << 16, (6, 7)) & ~(((1 << stored) - 1) << low)
    done = clean_dataset(image(((picture << low) | noise).astype(np.uint16), stored, high, signed))
    wanted = picture << low
    if signed:
        wanted = np.where(picture >> (stored - 1), wanted | ((1 << 16) - (1 << high + 1)), wanted)
    assert raw(done).tolist() == wanted.astype(np.uint16).ravel().tolist()


@pytest.mark.parametrize(("signed", "value"), [(0, 0xF830), (1, -2000)])
def test_padding_beyond_the_stored_bits_stays(signed: int, value: int) -> None:
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    pixels[0] = value & 0xFFFF
    done = clean_dataset(image(pixels, 12, 11, signed, value))
    assert raw(done).tolist() == pixels.ravel().tolist()
    assert done.issues == ()


def test_a_text_in_the_bits_above_is_told_and_gone() -> None:
    pixels = np.full((4, 8), 100, np.uint16)
    pixels.ravel()[:10] |= np.frombuffer(b"\4\1\4\15\4\5\5\3\4\5", np.uint8).astype(np.uint16) << 12
    done = clean_dataset(image(pixels, 12, 11, 0))
    assert set(raw(done).tolist()) == {100}
    assert [(found.code, found.where) for found in done.issues] == [("DEID_VALUE_REMOVED", "PixelData")]


def test_a_clean_picture_says_nothing() -> None:
    pixels = (np.arange(12) - 6).astype(np.int16).view(np.uint16).reshape(3, 4)
    done = clean_dataset(image(pixels, 12, 11, 1))
    assert raw(done).tolist() == pixels.ravel().tolist()
    assert done.issues == ()
