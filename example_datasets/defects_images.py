"""Single defects of images and segmentations (see `mutations`)."""

import math

from example_datasets.invented import gz, nifti, png
from example_datasets.mutations import (
    BOLD,
    BOLDZ,
    CT,
    CTZ,
    DSEG,
    DWI,
    LONG,
    MASK,
    PICTURE,
    RX,
    RX2,
    T1W,
    VOLUME,
    Defect,
    damage_data,
    drop,
    image,
    keys,
    put,
    rename,
    swap,
)

IMAGES = [
    Defect("a gz that ends after the header", "NIFTI_TRUNCATED", CTZ, "", image(CTZ, LONG[:600])),
    Defect("a gz without its last block", "NIFTI_TRUNCATED", CTZ, "", image(CTZ, VOLUME[:-60])),
    Defect("a wrong CRC of a gz", "IMAGE_CORRUPT", CTZ, "", image(CTZ, damage_data(VOLUME, len(VOLUME) - 8))),
    Defect(
        "a flipped bit among the voxels", "IMAGE_CORRUPT", CTZ, "", image(CTZ, damage_data(VOLUME, len(VOLUME) - 30))
    ),
    Defect("fewer voxels than the header says", "NIFTI_SIZE", CTZ, "", image(CTZ, gz(nifti((4, 4, 3), missing=8)))),
    Defect("a plain file named gz", "GZIP_INVALID", CTZ, "", image(CTZ, nifti((4, 4, 3)))),
    Defect("noise in a gz", "NIFTI_INVALID", CTZ, "", image(CTZ, gz(b"made up " * 90))),
    Defect("an empty image", "ZERO_BYTES", CTZ, "", image(CTZ, b"")),
    Defect("an affine of zeros", "NIFTI_AFFINE", CTZ, "", image(CTZ, gz(nifti((4, 4, 3), affine=(0.0,) * 12)))),
    Defect(
        "no orientation",
        "NIFTI_ORIENTATION_UNKNOWN",
        f"{T1W}.nii.gz",
        "",
        image(f"{T1W}.nii.gz", gz(nifti((4, 4, 3), sform=0))),
    ),
    Defect("a voxel size of zero", "NIFTI_SPACING", CTZ, "", image(CTZ, gz(nifti((4, 4, 3), spacing=(0.5, 0.5, 0.0))))),
    Defect("sizes in metres", "NIFTI_UNITS", CTZ, "", image(CTZ, gz(nifti((4, 4, 3), units=1)))),
    Defect(
        "an infinite slope", "NIFTI_SCALING", CTZ, "scl_slope", image(CTZ, gz(nifti((4, 4, 3), scaling=(math.inf, 0))))
    ),
    Defect(
        "sform against pixdim",
        "NIFTI_FORMS_DISAGREE",
        CTZ,
        "",
        image(CTZ, gz(nifti((4, 4, 3), spacing=(0.5, 0.5, 3.0)))),
    ),
    Defect(
        "a gantry tilt left in",
        "NIFTI_SHEARED",
        CTZ,
        "",
        image(
            CTZ, gz(nifti((4, 4, 3), spacing=(0.5, 0.5, 2.0616), affine=(-0.5, 0, 0, 1, 0, 0.5, 0.5, 2, 0, 0, 2.0, 3)))
        ),
    ),
    Defect(
        "another pixel size in the sidecar",
        "IMAGE_SPACING_CONTRADICTED",
        CTZ,
        "",
        keys(f"{CT}.json", {"PixelSpacing": [0.7, 0.7]}),
    ),
    Defect(
        "another slice distance in the sidecar",
        "IMAGE_SLICES_CONTRADICTED",
        CTZ,
        "",
        keys(f"{CT}.json", {"SpacingBetweenSlices": 5.0}),
    ),
    Defect(
        "another orientation in the sidecar",
        "IMAGE_ORIENTATION_CONTRADICTED",
        CTZ,
        "",
        keys(f"{CT}.json", {"ImageOrientationPatientDICOM": [0.8, 0.6, 0, -0.6, 0.8, 0]}),
    ),
    Defect("another matrix in the sidecar", "IMAGE_SHAPE_CONTRADICTED", CTZ, "", keys(f"{CT}.json", {"Rows": 512})),
    Defect(
        "another time between volumes",
        "REPETITION_TIME_CONTRADICTED",
        BOLDZ,
        "",
        keys(f"{BOLD}.json", {"RepetitionTime": 3.0}),
    ),
    Defect("no gradient directions", "GRADIENTS_MISSING", f"{DWI}.nii.gz", "", drop(f"{DWI}.bvec")),
    Defect("a gradient too many", "GRADIENTS_CONTRADICTED", f"{DWI}.bval", "", put(f"{DWI}.bval", b"0 1000 1000\n")),
    Defect("nii beside nii.gz", "IMAGE_TWICE", f"{T1W}.nii.gz", "", put(f"{T1W}.nii", nifti((4, 4, 3)))),
    Defect("a time in the gz header", "GZIP_TIME", CTZ, "MTIME", image(CTZ, gz(nifti((4, 4, 3)), time=1600000000))),
    Defect(
        "a CT shifted by 1024", "CT_NOT_HU", CTZ, "", image(CTZ, gz(nifti((4, 4, 3), values=(24, 24, 174, 1064, 1424))))
    ),
    Defect("a blank volume", "IMAGE_BLANK", CTZ, "", image(CTZ, gz(nifti((4, 4, 3), values=(0,))))),
    Defect("a JPEG named png", "PNG_INVALID", f"{RX}.png", "", image(f"{RX}.png", b"\xff\xd8\xff\xe0" + bytes(99))),
    Defect("a png without its end", "PNG_TRUNCATED", f"{RX}.png", "", image(f"{RX}.png", PICTURE[:-20])),
    Defect("a flipped bit in a png", "IMAGE_CORRUPT", f"{RX}.png", "", image(f"{RX}.png", damage_data(PICTURE, 60))),
    Defect("a png with transparency", "PNG_FORMAT", f"{RX}.png", "", image(f"{RX}.png", png(8, 6, bits=8, colour=4))),
    Defect(
        "a png in colour", "PNG_COLOUR_CONTRADICTED", f"{RX}.png", "", image(f"{RX}.png", png(8, 6, bits=8, colour=2))
    ),
    Defect("a cropped png", "IMAGE_SHAPE_CONTRADICTED", f"{RX}.png", "", image(f"{RX}.png", png(8, 5))),
    Defect("a blank png", "IMAGE_BLANK", f"{RX}.png", "", image(f"{RX}.png", png(8, 6, value=9))),
    Defect(
        "MONOCHROME1 beside a png",
        "PNG_MONOCHROME1",
        f"{RX}.png",
        "",
        keys(f"{RX}.json", {"PhotometricInterpretation": "MONOCHROME1"}),
    ),
    Defect("the same pixels twice", "IMAGE_DUPLICATED", f"{RX2}.png", "", put(f"{RX2}.png", PICTURE)),
    Defect(
        "a mask of another grid",
        "MASK_GRID",
        f"{MASK}.nii.gz",
        "",
        image(f"{MASK}.nii.gz", gz(nifti((4, 4, 2), values=(0, 1)))),
    ),
    Defect(
        "a mask at another place",
        "MASK_GRID",
        f"{MASK}.nii.gz",
        "",
        image(
            f"{MASK}.nii.gz", gz(nifti((4, 4, 3), values=(0, 1), affine=(-0.5, 0, 0, 9, 0, 0.5, 0, 2, 0, 0, 2.0, 3)))
        ),
    ),
    Defect(
        "a mask without image",
        "MASK_WITHOUT_IMAGE",
        f"{MASK.replace('run-1', 'run-7')}.nii.gz",
        "",
        rename(MASK, MASK.replace("run-1", "run-7")),
    ),
    Defect(
        "an empty mask", "MASK_EMPTY", f"{MASK}.nii.gz", "", image(f"{MASK}.nii.gz", gz(nifti((4, 4, 3), values=(0,))))
    ),
    Defect(
        "a mask of 0 and 7",
        "MASK_VALUES",
        f"{MASK}.nii.gz",
        "",
        image(f"{MASK}.nii.gz", gz(nifti((4, 4, 3), values=(0, 7)))),
    ),
    Defect(
        "a structure without a name",
        "DSEG_VALUE_UNKNOWN",
        f"{DSEG}.nii.gz",
        "",
        swap(f"{DSEG}.tsv", b"2\tnodule\n", b""),
    ),
    Defect("no names of structures", "DSEG_LOOKUP_MISSING", f"{DSEG}.nii.gz", "", drop(f"{DSEG}.tsv")),
    Defect(
        "rows and columns that are not perpendicular",
        "IMAGE_ORIENTATION_CONTRADICTED",
        CTZ,
        "$.ImageOrientationPatientDICOM",
        keys(f"{CT}.json", {"ImageOrientationPatientDICOM": [1, 0, 0, 1, 0, 0]}),
    ),
    Defect("a negative b-value", "GRADIENTS_CONTRADICTED", f"{DWI}.bval", "", put(f"{DWI}.bval", b"0 -1000\n")),
    Defect(
        "times of more slices than there are",
        "BIDS_ADVICE",
        BOLDZ,
        "",
        keys(f"{BOLD}.json", {"SliceTiming": [0, 0.5, 1.0, 1.5]}),
    ),
]
