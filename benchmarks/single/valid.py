"""Unusual but valid: changes of a drawn dataset of which nothing may be said."""

import numpy as np

from benchmarks.single.dataset import Drawn, as_json, chunk, gz, member, nifti, png, table


def _save(d: Drawn, stem: str, *arguments: object, **more: object) -> None:
    d.files[f"{stem}.nii.gz"] = gz(nifti(d.arrays[stem], d.affines[stem], *arguments, **more))  # type: ignore[arg-type]


def other_type(d: Drawn) -> None:
    """A CT of floating point or of 32 bits; one of which the stored values are halved by a slope."""
    stem = d.dice.choice(d.ct)
    kind = d.dice.choice("fdi")
    _save(d, stem, kind)


def slope(d: Drawn) -> None:
    """Stored values that a slope halves."""
    stem = d.dice.choice(d.ct)
    d.files[f"{stem}.nii.gz"] = gz(nifti(d.arrays[stem] * 2, d.affines[stem], slope=0.5))


def upright(d: Drawn) -> None:
    """A CT stored from the patient's right to the left, its segmentations too."""
    stem = d.ct[0]
    affine = d.affines[stem].copy()
    affine[:, 0] = -affine[:, 0]
    affine[0, 3] = d.affines[stem][0, 3] + d.affines[stem][0, 0] * (d.arrays[stem].shape[0] - 1)
    for path, kind in ((stem, "h"), (d.dseg, "B"), (d.mask, "B")):
        d.files[f"{path}.nii.gz"] = gz(nifti(d.arrays[path][::-1], affine, kind))


def several_streams(d: Drawn) -> None:
    """A volume packed in blocks, as bgzip does; zeros at the end of the file, as a tape leaves them."""
    stem = d.dice.choice(d.ct)
    data = nifti(d.arrays[stem], d.affines[stem])
    if d.dice.random() < 0.5:
        parts = [data[at : at + 4000] for at in range(0, len(data), 4000)]
        d.files[f"{stem}.nii.gz"] = b"".join(member(part, extra=b"BC\2\0\0\0") for part in [*parts, b""])
    else:
        d.files[f"{stem}.nii.gz"] += bytes(512)


def header_words(d: Drawn) -> None:
    """Words that programs write into NIfTI headers."""
    stem = d.dice.choice([*d.ct, d.mr])
    descrip = d.dice.choice(
        (b"FSL5.0", b"spm - realigned", b"FreeSurfer May 8 2023", b"TE=2.3;sec=21.4", b"6.0.5:9e026117", b"dcm2niix")
    )
    fields = d.dice.choice(({}, {4: b"dsr"}, {228: b"none"}, {328: b"Estimate"}, {228: b"cool.lut"}))
    _save(d, stem, descrip=descrip, fields=fields)


def plain_chunks(d: Drawn) -> None:
    """Chunks of numbers: resolution, gamma, significant bits."""
    stem = d.dice.choice(d.rx)
    before = d.dice.choice(
        (chunk(b"pHYs", bytes(9)), chunk(b"gAMA", bytes(4)), chunk(b"sBIT", b"\x0c"), chunk(b"sRGB", b"\0"))
    )
    d.files[f"{stem}.png"] = png(d.arrays[stem], before=before, filtered=d.dice.random() < 0.5, level=9)


def eight_bits(d: Drawn) -> None:
    """A radiograph that its device gave in eight bits, as PNG of 8 or of 16."""
    stem = d.dice.choice(d.rx)
    pixels = (d.arrays[stem] >> 8).astype(np.uint8)
    d.files[f"{stem}.png"] = png(pixels if d.dice.random() < 0.5 else pixels.astype(np.uint16) * 257)
    d.keys(f"{stem}.json", BitsStored=8)


def windowed(d: Drawn) -> None:
    """A radiograph with a narrow window: few levels, unequal steps, black and white ends."""
    stem = d.dice.choice(d.rx)
    low, width = d.dice.randint(1500, 2600), d.dice.choice((150, 220, 900))
    shown = np.clip((d.arrays[stem] / 16 - low) / width, 0, 1)
    d.files[f"{stem}.png"] = png(np.round(shown * 65535).astype(np.uint16))


def fading(d: Drawn) -> None:
    """A skull-stripped volume: slices fill up from nothing and fade out."""
    voxels = d.arrays[d.mr].copy()
    count = voxels.shape[2]
    for at in range(count):
        rows = int(voxels.shape[1] * max(0.0, np.sin(np.pi * at / (count - 1)) ** 2 - 0.01))
        voxels[:, rows:, at] = 0
    d.files[f"{d.mr}.nii.gz"] = gz(nifti(voxels, d.affines[d.mr]))


def resampled(d: Drawn) -> None:
    """A volume that was resampled, as its sidecar says: padding at its ends, another matrix and spacing."""
    stem = d.ct[1]
    voxels = d.arrays[stem].copy()
    voxels[:, :, -1] = -1024
    d.files[f"{stem}.nii.gz"] = gz(nifti(voxels, d.affines[stem]))
    d.keys(f"{stem}.json", Resampled=True, Rows=512, Columns=512)


def rounded_grid(d: Drawn) -> None:
    """A segmentation whose affine was rounded to float32 and three decimals."""
    affine = np.round(d.affines[d.ct[0]].astype(np.float32), 3)
    affine[0, 0] += 0.0004
    d.files[f"{d.mask}.nii.gz"] = gz(nifti(d.arrays[d.mask], affine, d.dice.choice("Bhf")))


def other_masks(d: Drawn) -> None:
    """A mask of 0 and 255, one whose slope makes it 0 and 1, a lookup of all structures at the top."""
    d.files[f"{d.picture_mask}.png"] = png(d.arrays[d.picture_mask] * 255)
    d.files[f"{d.mask}.nii.gz"] = gz(nifti(d.arrays[d.mask] * 255, d.affines[d.ct[0]], "B", slope=1 / 255))
    for stem in (d.dseg, d.picture_dseg):
        del d.files[f"{stem}.tsv"]
    d.files["derivatives/rois/dseg.tsv"] = table(
        "index|name|color", "0|background|#000000", "1|lung|#ff0000", "2|other|#00ff00"
    )


def kernels(d: Drawn) -> None:
    """Names of reconstructions that are no kernels, or kernels with a method behind."""
    stem = d.ct[0]
    d.keys(f"{stem}.json", ConvolutionKernel=d.dice.choice((["B40f", "3"], ["b40f"])))


def contrast(d: Drawn) -> None:
    """A contrast agent in the sidecar alone."""
    d.keys(f"{d.ct[0]}.json", ContrastBolusAgent=d.dice.choice(("Iohexol 350", "NONE", "", "Ultravist")))


def links(d: Drawn) -> None:
    """References that lead somewhere, in every form that BIDS allows."""
    name = d.bold.split("/", 1)[1]
    d.keys(
        f"{d.mr}.json",
        **d.dice.choice(
            (
                {"IntendedFor": f"bids::{d.bold}.nii.gz"},
                {"IntendedFor": [f"{name}.nii.gz"]},
                {"B0FieldIdentifier": "pepolar0", "B0FieldSource": "pepolar0"},
                {"Sources": [f"bids::{d.bold}.nii.gz"]},
                {"Sources": ["https://example.org/template.nii.gz"]},
            )
        ),
    )
    d.keys("derivatives/rois/dataset_description.json", DatasetLinks={"raw": "../.."})
    d.keys(f"{d.mask}.json", Sources=[f"bids:raw:{d.ct[0]}.nii.gz"])


def visits(d: Drawn) -> None:
    """Dates that differ as they may: midnight, a second appointment, an unknown time, an age rounded down."""
    path = "sub-A1/ses-E1/sub-A1_ses-E1_scans.tsv"
    old, new = d.dice.choice(
        (("1920-01-02T10", "1920-01-03T00"), ("1920-01-02T10:00:00", "n/a"), ("1920-01-02T10", "1920-01-20T10"))
    )
    d.swap(path, old, new)
    d.swap("sub-A1/sub-A1_sessions.tsv", "\t41\n", f"\t{d.dice.choice((41, 42))}\n")
    d.swap("derivatives/ehr/laboratory_tests.tsv", "1920-01-05", d.dice.choice(("n/a", "1920-03-01", "1919-12-01")))


def dois(d: Drawn) -> None:
    """DOIs in the forms that are written."""
    doi = d.dice.choice(
        (
            "doi:10.18112/openneuro.ds000001.v1.0.0",
            "10.5281/zenodo.1234567",
            "https://doi.org/10.7937/VTW4-X588",
            "doi:10.7910/DVN/6ACUZI",
        )
    )
    d.keys("dataset_description.json", DatasetDOI=doi, SourceDatasets=[{"URL": "https://example.org"}, {"DOI": doi}])


def keys(d: Drawn) -> None:
    """Keys and columns that look like those of people and are none."""
    stem = d.dice.choice([*d.ct, *d.rx])
    d.keys(
        f"{stem}.json",
        **d.dice.choice(
            (
                {"ProtocolName": "Chest routine"},
                {"StationaryGrid": True},
                {"PatientPosition": "HFS"},
                {"PatientSize": 1.7},
                {"SubjectAgeGroup": "adult"},
                {"NameOfFilter": "none"},
                {"ReaderID": "r1"},
                {"DatasetName": "x"},
                {"FilterMaterial": ["ALUMINUM"]},
                {"AddressedBy": "MIDS"},
            )
        ),
    )
    name = d.dice.choice(
        ("site", "scanner", "arm", "handedness", "nominal_dose", "smoker", "onset_day", "study_id", "participant_code")
    )
    lines = d.files["participants.tsv"].decode().splitlines()
    d.files["participants.tsv"] = "".join(
        f"{line}\t{cell}\n" for line, cell in zip(lines, (name, "a", "b"), strict=True)
    ).encode()
    d.files["participants.json"] = as_json({name: {"Description": "made up"}})


def words(d: Drawn) -> None:
    """Texts with capitals that name nobody: devices, findings, eponyms."""
    text = d.dice.choice(
        (
            "Siemens Healthineers",
            "Chronic Obstructive Pulmonary Disease",
            "Kerley B",
            "Right Upper Lobe",
            "SOMATOM Force",
            "Signa Premier",
        )
    )
    lines = d.files["participants.tsv"].decode().splitlines()
    d.files["participants.tsv"] = "".join(
        f"{line}\t{cell}\n" for line, cell in zip(lines, ("note", text, "n/a"), strict=True)
    ).encode()
    d.files["participants.json"] = as_json({"note": {"Description": "made up"}})
    d.keys(f"{d.ct[0]}.json", Manufacturer=text)


def labels(d: Drawn) -> None:
    """Labels of patients and visits that are no names."""
    old = d.dice.choice(("A1", "E1"))
    new = d.dice.choice(
        (
            "Control01",
            "S03047",
            "Patient7",
            "NDARINV12",
            "PhantomA",
            "baseline",
            "month12",
            "Caltech0051456",
            "emptyroom",
            "OAS30001",
            "pilot",
        )
    )
    prefix = "sub-" if old == "A1" else "ses-"
    d.files = {
        path.replace(prefix + old, prefix + new): data.replace((prefix + old).encode(), (prefix + new).encode())
        if path.endswith((".tsv", ".json"))
        else data
        for path, data in d.files.items()
    }


def files(d: Drawn) -> None:
    """Files that may lie in a dataset."""
    path, data = d.dice.choice(
        (
            ("code/convert.py", b"print(1)\n"),
            ("code/look.ipynb", as_json({"cells": [{"cell_type": "code", "outputs": []}]})),
            ("derivatives/extra/stats.txt", b"mean 3.1\n"),
            ("derivatives/extra/page.html", b"<html></html>"),
            ("sourcedata/a.dcm", bytes(200)),
            ("derivatives/extra/surface.gii", b"<?xml version='1.0'?>"),
            (".gitattributes", b"* annex\n"),
            ("derivatives/extra/a.csv", b"a,b\n1,2\n"),
            ("code/environment.txt", b"numpy==2.0\nHello World\n"),
        )
    )
    d.files[path] = data
    if "/extra/" in path:
        d.files["derivatives/extra/dataset_description.json"] = d.files["derivatives/rois/dataset_description.json"]


def edge_marks(d: Drawn) -> None:
    """Marks and boxes at the very edge of their image."""
    columns, rows, slices = d.arrays[d.ct[0]].shape
    d.swap("derivatives/rois/marks.tsv", "\t2\tpoint\t[[3.5,4.5]]", f"\t{slices - 1}\tpoint\t[[{columns}.0,{rows}.0]]")
    height, width = d.arrays[d.rx[0]].shape
    d.swap("derivatives/rois/lung_boxes.tsv", "\t2\t3\t10\t8", f"\t0\t0\t{width}\t{height}")


def alike(d: Drawn) -> None:
    """Images that are alike and not the same: a second run, noise of one grey value, another window, another factor."""
    stem = d.rx[1]
    pixels = d.arrays[d.rx[0]].astype(np.int64)
    other = d.dice.choice(
        (pixels + d.random().integers(0, 2, pixels.shape) * 16, np.roll(pixels, 2, axis=1), (pixels * 0.73).astype(int))
    )
    d.files[f"{stem}.png"] = png(np.clip(other, 0, 65535).astype(np.uint16))
    d.keys(f"{stem}.json", Rows=pixels.shape[0], Columns=pixels.shape[1], BitsStored=16)
    path = "sub-A2/ses-E3/sub-A2_ses-E3_scans.tsv"
    lines = [line.split("\t") for line in d.files[path].decode().splitlines()]
    lines = [[*line[:-2], *map(str, pixels.shape)] if line[0].endswith("_dx.png") else line for line in lines]
    d.files[path] = ("\n".join("\t".join(line) for line in lines) + "\n").encode()
    d.files["derivatives/rois/lung_boxes.tsv"] = d.files["derivatives/rois/lung_boxes.tsv"].replace(
        b"\t1\t2\t12\t9", b"\t1\t2\t9\t9"
    )


KINDS = (
    other_type,
    slope,
    upright,
    several_streams,
    header_words,
    plain_chunks,
    eight_bits,
    windowed,
    fading,
    resampled,
    rounded_grid,
    other_masks,
    kernels,
    contrast,
    links,
    visits,
    dois,
    keys,
    words,
    labels,
    files,
    edge_marks,
    alike,
)
