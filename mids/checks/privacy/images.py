"""Privacy: what images carry besides their pixels. No message shows what was found."""

import re

from mids.dataset.disk.contents import SurplusError, Whole
from mids.dataset.disk.heads import NiftiHead, PngHead
from mids.inspection.guards import has_a_tail, is_nifti, is_odd_png, is_png, says_more
from mids.inspection.people import looks_like_person
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import FileView
from mids.issues import Level

CLOCK = re.compile(r"\b(19|20)\d\d[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])\b|\bTime=\d")
"""A day, or dcm2niix's note of the time of acquisition."""


PLAIN: dict[str, re.Pattern[str]] = {
    "aux_file": re.compile(r"(none|n/?a|null|magnitude|phase|real|imaginary|[\w.-]{1,20}\.lut)?", re.IGNORECASE),
    "data_type": re.compile("(dsr|none)?", re.IGNORECASE),
    "db_name": re.compile("(none)?", re.IGNORECASE),
    "unused_str": re.compile(""),
}
"""What programs write into fields without another use: SPM `dsr`, dcm2niix parts of complex images, viewers colours."""
TELLING = re.compile(
    r"(?<![0-9a-f.:])\d{6,}(?![0-9a-f])|@|\^|\b(patient|pt|name|born|birth|dob|mrn|nhc|hospital|clinic|paciente|nombre|historia|nacido|dni|sip|nom|naiss)\b",
    re.IGNORECASE,
)
"""Words and numbers that no description of a volume needs."""
NUMBERS = re.compile(r"[\s\d_/;:=+]+")
"""What may stand beside a name, such as a year or a number."""


@check("PRIVACY_NIFTI_TEXT", per="image", level=Level.WARNING, when=says_more)
def privacy_nifti_text(image: FileView) -> Found:
    """A text field in the header of a volume holds a date, a time, a number of a person or what may be a name, or a
    text where programs write none (aux_file, db_name, data_type).

    Why: dcm2niix writes the time of acquisition and the comments of the image there, other programs the patient's name.

    Fix: Clear the field, or convert again; conversion by this program leaves it empty.
    """
    if isinstance(image.head, NiftiHead):
        for name, text in image.head.texts:
            plain = PLAIN.get(name)
            if plain and not plain.fullmatch(text):
                yield Finding("this field holds a text", where=name)
            elif CLOCK.search(text) or TELLING.search(text) or looks_like_person(" ".join(NUMBERS.split(text))):
                yield Finding("this field holds a date, a time, or what may be a name or a number", where=name)


@check("PRIVACY_PNG_TEXT", per="image", when=is_odd_png)
def privacy_png_text(image: FileView) -> Found:
    """A PNG holds text, camera notes or a time besides its pixels.

    Why: Viewers do not show them, and they may name the patient, the place or the day.

    Fix: Write the PNG again without ancillary chunks.
    """
    if isinstance(image.head, PngHead):
        for name in dict.fromkeys(image.head.texts):
            yield Finding("this chunk must not be in an image", where=name)


@check("PRIVACY_PNG_TEXT_AFTER", per="image", deep=True, when=is_png)
def privacy_png_text_after(image: FileView) -> Found:
    """A PNG holds text, camera notes or a time after its pixels, or bytes after the end of the packed pixels.

    Why: Viewers do not show them, and they may name the patient, the place or the day.

    Fix: Write the PNG again without ancillary chunks.
    """
    whole = image.whole
    if isinstance(image.head, PngHead) and isinstance(whole, Whole):
        for name in dict.fromkeys(whole.texts[len(image.head.texts) :]):
            yield Finding("this chunk must not be in an image", where=name)
        if whole.tail.trailing:
            yield Finding(f"{whole.tail.trailing} bytes follow the end of the packed pixels", where="IDAT")


@check("PRIVACY_NIFTI_GAP", per="image", when=says_more)
def privacy_nifti_gap(image: FileView) -> Found:
    """Bytes that belong to no extension stand between the header and the voxels of a volume.

    Why: No program shows them; they may be what is left of a DICOM header, or of the memory of a program.

    Fix: Write the volume again.
    """
    if isinstance(image.head, NiftiHead) and image.head.hidden:
        yield Finding("the bytes before the voxels are not empty", where=f"before byte {image.head.offset}")


@check("PRIVACY_NIFTI_EXTENSION", per="image", level=Level.WARNING, when=says_more)
def privacy_nifti_extension(image: FileView) -> Found:
    """The header of a volume has an extension, such as a DICOM header, a history or a comment.

    Why: Viewers do not show it, and it may hold everything that was removed elsewhere.

    Fix: Write the volume again without extensions; conversion by this program writes none.
    """
    if isinstance(image.head, NiftiHead):
        for code in dict.fromkeys(image.head.extensions):
            name = EXTENSIONS.get(code, "unknown")
            yield Finding("this extension must not be in an image", where=f"extension {code} ({name})")


EXTENSIONS = {
    0: "unspecified", 2: "DICOM", 4: "AFNI XML", 6: "comment", 8: "XCEDE", 10: "JIMDIMINFO", 12: "workflow",
    14: "FreeSurfer", 16: "pickle", 18: "MiND", 30: "variable frame timing", 32: "CIFTI", 34: "eval", 38: "Matlab",
    40: "Quantiphyse", 42: "MRS", 44: "JSON",
}  # fmt: skip
"""Registered codes of NIfTI extensions (nifti1.h and the registry at nifti.nimh.nih.gov)."""


@check("PRIVACY_GZIP_NAME", per="image", level=Level.WARNING, when=says_more)
def privacy_gzip_name(image: FileView) -> Found:
    """The gzip header of a volume holds another file name than the volume's own, a comment or an extra field.

    Why: It is the former name of the file, and often names a patient.

    Fix: Compress the volume again with `gzip -n`, or let `mids-validate --fix` clear the field.
    """
    gzip = image.head.gzip if isinstance(image.head, NiftiHead) else None
    if gzip and gzip.extra not in ("", "BC", "RA"):
        yield Finding("the gzip header holds an extra field", where="FEXTRA")
    if gzip and gzip.comment:
        yield Finding("the gzip header holds a comment", where="FCOMMENT")
    if gzip and gzip.name and gzip.name not in (own := image.path.rpartition("/")[2], own.removesuffix(".gz")):
        yield Finding("the gzip header holds another file name", where="FNAME")


def _is_followed(image: FileView) -> bool:
    return has_a_tail(image) or (isinstance(image.head, PngHead) and image.head.trailing > 0)


@check("PRIVACY_TRAILING_BYTES", per="image", level=Level.WARNING, when=_is_followed)
def privacy_trailing_bytes(image: FileView) -> Found:
    """A PNG continues after its end chunk, or a gzip file after its last stream.

    Why: Viewers do not show the rest; it can be another image, a text or a whole DICOM file.

    Fix: Write the image again.
    """
    if isinstance(image.head, PngHead):
        yield f"{image.head.trailing} bytes follow the end chunk"
    else:
        yield f"{getattr(image.length, 'trailing', 0)} bytes follow the last gzip stream"


@check("PRIVACY_GZIP_MEMBERS", per="image", level=Level.WARNING, deep=True, when=is_nifti)
def privacy_gzip_members(image: FileView) -> Found:
    """A gzip file holds streams after its first one with a name, a comment or an extra field, or bytes after its last
    one that look like the end of a volume.

    Why: No program shows them, and a name there is often that of a patient.

    Fix: Unpack the volume, and compress it again with `gzip -n`.
    """
    tail = image.whole.tail if isinstance(image.whole, Whole) else None
    if tail and tail.hidden:
        yield Finding("a later gzip stream holds a name, a comment or an extra field", value=str(tail.hidden))
    if isinstance(image.length, SurplusError):
        yield "streams hold more than the volume"
    if tail and tail.trailing and not has_a_tail(image):
        yield f"{tail.trailing} bytes follow the last gzip stream"
