"""Single defects of images: each changes a drawn dataset and returns where an issue must be (a part of its path)."""

import hashlib
import struct
import zlib

import numpy as np

from benchmarks.single.dataset import Array, Drawn, chunk, gz, member, nifti, png


def _save(d: Drawn, stem: str, voxels: Array, kind: str = "h", **more: object) -> str:
    d.files[f"{stem}.nii.gz"] = gz(nifti(voxels, d.affines[stem], kind, **more))  # type: ignore[arg-type]
    return stem


def _one(d: Drawn) -> str:
    return d.dice.choice(d.ct)


# --- values ----------------------------------------------------------------------------------------------


def nan_share(d: Drawn) -> str:
    """NaN in some voxels, from one of them to half."""
    stem = d.dice.choice([*d.ct, d.mr])
    voxels = d.arrays[stem].astype(np.float64)
    voxels[d.random().random(voxels.shape) < d.dice.choice((0.001, 0.05, 0.5))] = np.nan
    voxels.flat[d.dice.randrange(voxels.size)] = np.nan
    return _save(d, stem, voxels, d.dice.choice("fd"))


def infinite(d: Drawn) -> str:
    """A voxel, or a few, that are infinite."""
    stem = d.dice.choice([*d.ct, d.mr])
    voxels = d.arrays[stem].astype(np.float64)
    voxels.flat[d.dice.sample(range(voxels.size), d.dice.randint(1, 4))] = d.dice.choice((np.inf, -np.inf))
    return _save(d, stem, voxels, d.dice.choice("fd"))


def complex_type(d: Drawn) -> str:
    """Voxels that are complex numbers."""
    return _save(d, d.mr, d.arrays[d.mr].astype(np.complex128) * (1 + 0.5j), d.dice.choice("FD"))


def lost_end(d: Drawn) -> str:
    """The last, first or some middle slices were never received."""
    stem = d.dice.choice([*d.ct, d.mr])
    voxels, count = d.arrays[stem].copy(), d.dice.randint(1, 2)
    at = d.dice.choice((slice(-count, None), slice(0, count), slice(3, 3 + count)))
    voxels[:, :, at] = d.dice.choice((0, -1024, 7))
    return _save(d, stem, voxels)


def lost_volume(d: Drawn) -> str:
    """A point of time of a bold series is blank."""
    voxels = d.arrays[d.bold].copy()
    voxels[..., d.dice.randrange(4)] = 0
    return _save(d, d.bold, voxels, time=2.0)


def narrow_picture(d: Drawn) -> str:
    """A radiograph of 12 bits as a PNG of 8."""
    stem = d.dice.choice(d.rx)
    d.files[f"{stem}.png"] = png((d.arrays[stem] >> 8).astype(np.uint8))
    return stem


def narrow_volume(d: Drawn) -> str:
    """A CT of 12 bits in 8, with a slope."""
    stem = _one(d)
    return _save(d, stem, ((d.arrays[stem] + 1024) // 8).clip(0, 255), "B", slope=8.0)


def widened_picture(d: Drawn) -> str:
    """A radiograph that went through eight bits and came back."""
    stem = d.dice.choice(d.rx)
    d.files[f"{stem}.png"] = png((d.arrays[stem] >> 8).astype(np.uint16) * d.dice.choice((256, 257)))
    return stem


def stepped_volume(d: Drawn) -> str:
    """A CT whose values are multiples of 16 or 32."""
    stem, step = _one(d), d.dice.choice((16, 32))
    return _save(d, stem, d.arrays[stem] // step * step)


# --- PNG and gzip ----------------------------------------------------------------------------------------


def transparent(d: Drawn) -> str:
    """A grey value that is transparent."""
    stem = d.dice.choice(d.rx)
    d.files[f"{stem}.png"] = png(d.arrays[stem], before=chunk(b"tRNS", struct.pack(">H", int(d.arrays[stem].flat[0]))))
    return stem


def animated(d: Drawn) -> str:
    """A second frame that only browsers show."""
    stem = d.dice.choice(d.rx)
    pixels = d.arrays[stem]
    control = struct.pack(">IIIIIHHBB", 0, pixels.shape[1], pixels.shape[0], 0, 0, 1, 1, 0, 0)
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels[::-1])
    before = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", control)
    after = chunk(b"fcTL", struct.pack(">I", 1) + control[4:]) + chunk(
        b"fdAT", struct.pack(">I", 2) + zlib.compress(lines)
    )
    d.files[f"{stem}.png"] = png(pixels, before=before, after=after)
    return stem


def odd_chunk(d: Drawn) -> str:
    """A chunk that is not plain, before or after the pixels."""
    stem = d.dice.choice(d.rx)
    name = d.dice.choice((b"iCCP", b"prIv", b"sPLT", b"pCAL", b"zTXt", b"iTXt", b"eXIf", b"dcMt", b"tIME"))
    odd = chunk(name, b"Doe Mary\0\0" + zlib.compress(b"made up"))
    where = d.dice.choice(("before", "after"))
    d.files[f"{stem}.png"] = png(d.arrays[stem], **{where: odd})  # type: ignore[arg-type]
    return stem


def bytes_after_png(d: Drawn) -> str:
    """Something follows the end chunk."""
    stem = d.dice.choice(d.rx)
    d.files[f"{stem}.png"] += d.dice.choice((b"GARCIA^MARIA", bytes(128) + b"DICM", b"PK\3\4made up"))
    return stem


def bytes_after_gzip(d: Drawn) -> str:
    """Something that is no gzip stream follows the last one; once it ends like the volume itself."""
    stem = d.dice.choice([*d.ct, d.mr])
    path = f"{stem}.nii.gz"
    rest = d.dice.choice(
        (b"noise" * 9, bytes(128) + b"DICM\x10\0\x10\0PN\4\0A^B ", b"x", b"hidden" + d.files[path][-4:])
    )
    d.files[path] += rest
    return stem


def later_stream(d: Drawn) -> str:
    """A later gzip stream with a name, a comment, an extra field or more voxels."""
    stem = d.dice.choice([*d.ct, d.mr])
    d.files[f"{stem}.nii.gz"] += d.dice.choice(
        (
            member(b"", name=b"garcia_maria.nii"),
            member(b"", comment=b"born 1950"),
            member(b"", extra=b"PN\4\0DOE^"),
            member(b"DICM" * 5),
        )
    )
    return stem


def extra_field(d: Drawn) -> str:
    """An extra field in the header of the only gzip stream."""
    stem = _one(d)
    data = nifti(d.arrays[stem], d.affines[stem])
    d.files[f"{stem}.nii.gz"] = member(data, extra=b"PN\x0c\0GARCIA^MARIA")
    return stem


# --- NIfTI headers ---------------------------------------------------------------------------------------

NAMES = (b"GARCIA^MARIA", b"Maria Garcia", b"DOE^JOHN", b"Pedro Lopez", b"john smith mrn 123")


def header_text(d: Drawn) -> str:
    """A name, a number or a comment in a text field of the header."""
    stem = d.dice.choice([*d.ct, d.mr])
    at, size = d.dice.choice(((4, 10), (14, 18), (228, 24), (328, 16), (148, 80)))
    text = b"PATNR 1234567" if at == 148 else d.dice.choice(NAMES)
    return _save(d, stem, d.arrays[stem], fields={at: text[: size - 1]})


def text_behind_its_end(d: Drawn) -> str:
    """A name behind the NUL that ends a text."""
    stem = _one(d)
    at, size = d.dice.choice(((228, 24), (148, 80)))
    return _save(d, stem, d.arrays[stem], fields={at: (b"none\0" + b"GARCIA^MARIA")[:size]})


def bytes_before_voxels(d: Drawn) -> str:
    """Bytes between header and voxels that are of no extension."""
    stem = d.dice.choice([*d.ct, d.mr])
    gap = (b"PatientName GARCIA^MARIA" + bytes(8)).ljust(d.dice.choice((32, 4096)), b"\0")
    return _save(d, stem, d.arrays[stem], gap=gap)


# --- the same pixels -------------------------------------------------------------------------------------


def copied_volume(d: Drawn) -> str:
    """The CT of one patient is that of the other, in another encoding or stored the other way round."""
    voxels, affine = d.arrays[d.ct[0]], d.affines[d.ct[0]].copy()
    target, how = d.ct[1], d.dice.randrange(6)
    kind, slope, values = "h", 1.0, voxels.astype(float)
    if how == 0:
        kind = d.dice.choice("fdi")
    elif how == 1:
        values, slope = values * 2, 0.5
    elif how == 2:
        kind, values = "H", values + 1024
    elif how == 3:
        values, affine[:, 0], affine[0, 3] = values[::-1], -affine[:, 0], 3.0
    elif how == 4:
        values, affine = values.transpose(1, 0, 2), affine[:, [1, 0, 2, 3]]
    data = nifti(values, affine, kind, slope=slope, descrip=b"other tool")
    d.files[f"{target}.nii.gz"] = gz(data, 1)
    rows, columns = voxels.shape[1], voxels.shape[0]
    size = abs(d.affines[d.ct[0]][1, 1])
    step = float(affine[2, 2])
    d.keys(
        f"{target}.json",
        Rows=rows,
        Columns=columns,
        PixelSpacing=[size, size],
        SliceThickness=step,
        SpacingBetweenSlices=step,
        Resampled=how == 4,
    )
    _resize(d, target, ".nii.gz", (rows, columns))
    return "_ct.nii.gz"


def copied_picture(d: Drawn) -> str:
    """The radiograph of one patient is that of the other, in another encoding, mirrored or turned."""
    pixels, target = d.arrays[d.rx[0]], d.rx[1]
    how = d.dice.randrange(4)
    other = (pixels, pixels >> 4, pixels[:, ::-1], pixels.T)[how]
    d.files[f"{target}.png"] = png(np.ascontiguousarray(other), filtered=how == 0, level=1)
    d.keys(f"{target}.json", Rows=other.shape[0], Columns=other.shape[1])
    _resize(d, target, ".png", (other.shape[0], other.shape[1]))
    d.files["derivatives/rois/lung_boxes.tsv"] = d.files["derivatives/rois/lung_boxes.tsv"].replace(
        b"\t1\t2\t12\t9", b"\t1\t2\t9\t9"
    )
    return "_dx.png"


def _resize(d: Drawn, stem: str, extension: str, shape: tuple[int, int]) -> None:
    """Has the scans table say the new size of an image."""
    folder = "/".join(stem.split("/")[:2])
    path = f"{folder}/{folder.replace('/', '_')}_scans.tsv"
    lines = d.files[path].decode().splitlines()
    name = stem.split("/", 2)[2] + extension
    lines = ["\t".join([*line.split("\t")[:-2], *map(str, shape)]) if line.startswith(name) else line for line in lines]
    d.files[path] = ("\n".join(lines) + "\n").encode()


def recorded(d: Drawn) -> str:
    """An image was flipped, cut off at a window, shifted or smoothed after its digest was written."""
    stem = d.dice.choice([*d.ct, d.mr])
    wanted = _digests(d)
    voxels = d.arrays[stem].astype(float)
    voxels = (
        voxels[::-1],
        np.clip(voxels, 0, 200),
        np.roll(voxels, 1, axis=1),
        (voxels + np.roll(voxels, 1, 0)) / 2,
        voxels + 1,
    )[d.dice.randrange(5)]
    _save(d, stem, voxels)
    d.files["derivatives/provenance/conversions.tsv"] = wanted
    return stem


def exchanged(d: Drawn) -> str:
    """Two radiographs or two CTs of one size were exchanged after their digests were written."""
    one, other = d.dice.choice((d.ct, d.rx))
    extension = ".png" if one in d.rx else ".nii.gz"
    wanted = _digests(d)
    a, b = d.files[f"{one}{extension}"], d.files[f"{other}{extension}"]
    d.files[f"{one}{extension}"], d.files[f"{other}{extension}"] = b, a
    d.files["derivatives/provenance/conversions.tsv"] = wanted
    return one


def _digests(d: Drawn) -> bytes:
    """The table of conversions, made as the documentation says, not by the program."""
    rows = []
    for stem in (*d.ct, d.mr):
        voxels = d.arrays[stem][::-1].astype("<f4")  # all affines here run to the left along their first axis
        head = f"volume {' '.join(map(str, voxels.shape))}\n".encode()
        rows.append(f"{stem}.nii.gz\t{hashlib.sha256(head + voxels.tobytes(order='F')).hexdigest()}")
    for stem in d.rx:
        pixels = d.arrays[stem].astype("<u2")
        head = f"picture {pixels.shape[0]} {pixels.shape[1]}\n".encode()
        rows.append(f"{stem}.png\t{hashlib.sha256(head + pixels.tobytes()).hexdigest()}")
    about = d.files["derivatives/rois/dataset_description.json"]
    d.files["derivatives/provenance/dataset_description.json"] = about
    return ("filename\tpixels_sha256\n" + "\n".join(rows) + "\n").encode()


# --- names, planes, sizes --------------------------------------------------------------------------------


def other_view(d: Drawn) -> str:
    """The name says coronal or sagittal, the volume is axial; or the affine says so, and the name is right."""
    stem = _one(d)
    if d.dice.random() < 0.5:
        new = stem.replace("vp-ax", f"vp-{d.dice.choice(('cor', 'sag'))}")
        _rename(d, stem, new)
        return new
    d.affines[stem] = d.affines[stem][[0, 2, 1, 3]] if d.dice.random() < 0.5 else d.affines[stem][[2, 1, 0, 3]]
    d.keys(f"{stem}.json", ImageOrientationPatientDICOM=None)
    return _save(d, stem, d.arrays[stem])


def _rename(d: Drawn, old: str, new: str) -> None:
    bare = (old.rpartition("_")[0], new.rpartition("_")[0])
    for path in list(d.files):
        if bare[0] in path:
            d.files[path.replace(*bare)] = d.files.pop(path)
    for path, data in d.files.items():
        if path.endswith((".tsv", ".json")):
            text = data.decode()
            for a, b in (bare, (bare[0].split("/", 2)[2], bare[1].split("/", 2)[2])):
                text = text.replace(a, b)
            if "_scans.tsv" in path and "vp-" in old:
                was, now = (name.split("vp-")[1].split("_")[0] for name in (old, new))
                name = bare[1].split("/", 2)[2]
                lines = (
                    line.replace(f"\t{was}\t", f"\t{now}\t") if name in line else line for line in text.split("\n")
                )
                text = "\n".join(lines)
            d.files[path] = text.encode()


def other_kernel(d: Drawn) -> str:
    """ConvolutionKernel is another one's."""
    stem = _one(d)
    d.keys(f"{stem}.json", ConvolutionKernel=[d.dice.choice(("B30f", "I50f", "Br36d", "B80s", "FC52"))])
    return stem


def other_contrast(d: Drawn) -> str:
    """The name has a contrast agent, the sidecar none or one of another kind."""
    stem = _one(d)
    new = stem.replace("_rec-", f"_ce-{d.dice.choice(('iodine', 'iohexol'))}_rec-")
    _rename(d, stem, new)
    agent = d.dice.choice(("NONE", "no", "Gadovist 1.0", "GADOTERATE", "Sin contraste"))
    d.keys(f"{new}.json", ContrastBolusAgent=agent)
    return new


def exchanged_lengths(d: Drawn) -> str:
    """Rows and Columns are exchanged in a sidecar."""
    stem = d.dice.choice([*d.ct, *d.rx])
    first, second = d.arrays[stem].shape[:2]
    if first == second:
        second += 1
    rows, columns = (first, second) if stem in d.ct else (second, first)
    d.keys(f"{stem}.json", Rows=rows, Columns=columns)
    return stem


KINDS = (
    nan_share,
    infinite,
    complex_type,
    lost_end,
    lost_volume,
    narrow_picture,
    narrow_volume,
    widened_picture,
    stepped_volume,
    transparent,
    animated,
    odd_chunk,
    bytes_after_png,
    bytes_after_gzip,
    later_stream,
    extra_field,
    header_text,
    text_behind_its_end,
    bytes_before_voxels,
    copied_volume,
    copied_picture,
    recorded,
    exchanged,
    other_view,
    other_kernel,
    other_contrast,
    exchanged_lengths,
)
