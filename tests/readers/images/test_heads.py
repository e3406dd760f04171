"""The heads of images, against nibabel and against damage."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from example_datasets.invented import gz, nifti, png
from mids.errors import DataError
from mids.readers.images.heads import nifti_head, png_head
from mids.readers.images.whole import check_length, read_nifti
from mids.validation.runner import definitions


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("extension", [".nii", ".nii.gz"])
def test_nifti_head_is_what_nibabel_reads(tmp_path: Path, kind: type, order: str, extension: str) -> None:
    affine = np.array([[-0.5, 0.1, 0, 7], [0.1, 0.5, 0, -8], [0, 0, 3, 9], [0, 0, 0, 1.0]])
    header = kind.header_class(endianness=order)
    image = kind(np.zeros((4, 5, 6, 2), np.int16), affine, header)
    image.header["descrip"] = b"made up"
    path = tmp_path / f"x{extension}"
    image.to_filename(path)
    head = nifti_head(path)
    read = nib.load(path)
    assert head.shape == read.shape
    assert head.spacing == pytest.approx([float(zoom) for zoom in read.header.get_zooms()])
    assert np.allclose(head.affine, read.affine[:3])
    assert head.texts == (("descrip", "made up"),)
    check_length(path, head)
    assert read_nifti(path, head).blank


@given(st.tuples(*[st.floats(-1, 1)] * 3), st.tuples(*[st.floats(0.1, 9)] * 3), st.sampled_from([-1, 1]))
def test_qform_is_what_nibabel_computes(
    tmp_path_factory: pytest.TempPathFactory,
    quaternion: tuple[float, ...],
    spacing: tuple[float, ...],
    handed: int,
) -> None:
    norm = max(1.0, sum(value * value for value in quaternion)) * 1.001
    header = nib.Nifti1Header()
    header.set_data_shape((2, 2, 2))
    header["pixdim"][:4] = (handed, *spacing)
    header["quatern_b"], header["quatern_c"], header["quatern_d"] = (v / norm for v in quaternion)
    header["qform_code"] = 1
    header["magic"], header["vox_offset"] = b"n+1", 352
    path = tmp_path_factory.mktemp("q") / "x.nii"
    path.write_bytes(header.binaryblock)
    assert np.allclose(nifti_head(path).affine, header.get_qform()[:3], atol=1e-4)


@pytest.mark.parametrize("length", [0, 3, 100, 347])
def test_cut_headers_are_data_errors(tmp_path: Path, length: int) -> None:
    whole = nifti((4, 4, 3))
    (tmp_path / "x.nii").write_bytes(whole[:length])
    (tmp_path / "x.nii.gz").write_bytes(gz(whole[:length]))
    (tmp_path / "x.png").write_bytes(png(8, 6)[: length // 12])
    for name, read in (("x.nii", nifti_head), ("x.nii.gz", nifti_head), ("x.png", png_head)):
        with pytest.raises(DataError):
            read(tmp_path / name)


@given(st.binary(max_size=600))
def test_any_bytes_give_a_head_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("heads")
    for name, read in (("x.nii", nifti_head), ("x.nii.gz", nifti_head), ("x.png", png_head)):
        (folder / name).write_bytes(data)
        with pytest.raises(DataError) as caught:
            read(folder / name)
        assert caught.value.code in definitions()
