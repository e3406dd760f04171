"""A small BIMCV-COVID19 dataset as it was published, with the traps of the real one. Ids and texts are invented."""

import gzip
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from example_datasets.generators import radiograph
from example_datasets.generators.anatomy import hu
from example_datasets.generators.dicomfile import axis, uid

ARCHIVE = "covid19_posi_subjects_1.tar.gz"

A, B = "sub-S90001", "sub-S90002"
PLATE, SERIES, SCAN, NIGHT = "ses-E900011", "ses-E900012", "ses-E900013", "ses-E900021"
PA = f"{A}/{PLATE}/mod-rx/{A}_{PLATE}_run-1_bp-chest_vp-pa_cr"
TWO = tuple(f"{A}/{SERIES}/mod-rx/{A}_{SERIES}_acq-{n}_run-1_bp-chest_vp-ap_dx" for n in (1, 2))
"""Two files of one series: a frontal and a lateral image below one published view, one sidecar for both."""
CT = f"{A}/{SCAN}/mod-rx/{A}_{SCAN}_run-1_bp-chest_ct"
BED = f"{B}/{NIGHT}/mod-rx/{B}_{NIGHT}_run-1_bp-chest_vp-ap_cr"

SQUARE = ((20.0, 30.0), (28.0, 30.0), (28.0, 42.0), (20.0, 42.0))
"""(column, row) of the corners of a region as the viewer counts: pixels 20 to 27 and 30 to 41."""
SPHERE = (6, 14, 22)
"""i, j, k of the voxel around which the mask of the CT lies, 4 voxels each way in the plane, in slices 4 to 8."""

TREE = r"""normal [CUI:C0205307, counts:1, 1]\\
exclude [counts:0, 0]\\
suboptimal study [CUI:C2828075, counts:1, 1]\\
radiological finding [CUI:C0436485, counts:0, 5]\\
├── unchanged [counts:1, 1]\\
├── increased density [CUI:C1443940, counts:1, 3]\\
│   ├── infiltrates [CUI:C0277877, counts:1, 2]\\
│   │   └── interstitial pattern [CUI:C2073538, counts:0, 1]\\
│   │       └── ground glass pattern [CUI:C3544344, counts:1, 1]\\
│   └── consolidation [CUI:C0521530, counts:0, 0]\\
├── adenopathy [CUI:C0478664, counts:1, 1]\\
└── pleural effusion [CUI:C2073625, counts:1, 1]\\
differential diagnosis [counts:0, 3]\\
├── pneumonia [CUI:C0032285, counts:1, 2]\\
│   └── COVID 19 [CUI:C5203670, counts:1, 1]\\
└── adenopathy [CUI:C0149711, counts:1, 1]\\
localization [counts:0, 3]\\
├── bilateral [CUI:C0238767, counts:1, 2]\\
│   └── basal bilateral [counts:1, 1]\\
└── lobar [CUI:C0225752, counts:1, 1]\\
"""

LABELS = (
    "\tPatientID\tReportID\tReport\tLabels\tLocalizations\tLabelsLocalizationsBySentence\tlabelCUIS\tLocalizationsCUIS",
    # Python's repr, with leading blanks and empty items, of the labels without its outer brackets and quotes; the CUIs
    # are not in the labels' order.
    f"0\t{A}\t{PLATE}\topac vidrio deslustr bilat . derram pleural .\t"
    "\"ground glass pattern', ' increased density', 'pleural effusion', '\"\t\"['loc bilateral']\"\t"
    "\"['ground glass pattern', ' increased density', ' loc bilateral', 'pleural effusion', '']\"\t"
    "[C2073625,C3544344]\t[C0238767]",
    # A second report of the same session; numpy's repr.
    f"1\t{A}\t{PLATE}\tneumon covid adenopat .\t"
    "\"['pneumonia' ' COVID 19' 'adenopathy']\"\t\"['loc basal bilateral']\"\t"
    "\"[list(['pneumonia', 'COVID 19', 'loc basal bilateral']) list(['adenopathy'])]\"\t[C0032285,C5203670]\t[]",
    # Joined by tabs inside a quoted cell.
    f"2\t{A}\t{SERIES}\testudi suboptim sin cambi .\t\"suboptimal study\t unchanged\"\t\"\"\t"
    "\"suboptimal study\t unchanged\"\tC2828075\t",
    # Broken off in the middle of a text.
    f"3\t{A}\t{SCAN}\tinfiltr lob .\t\"['infiltrates', 'consolidation']\"\t\"['loc lobar']\"\t"
    "\"['infiltrates', 'loc lobar', 'conso\"\t[C0277877]\t[C0225752]",
    f"4\t{B}\t{NIGHT}\tnormal .\t\"['normal']\"\t[]\t\"[['normal']]\"\t[C0205307]\t[]",
    # A session and a subject without images.
    f"5\t{B}\tses-E900029\tnormal .\t\"['normal']\"\t[]\t\"['normal']\"\t[C0205307]\t[]",
    "6\tsub-S90009\tses-E900091\tnormal .\t\"['normal']\"\t[]\t\"['normal']\"\t[C0205307]\t[]",
)  # fmt: skip

TESTS = tuple(
    f"{line}\t{'' if number == 0 else number}"  # the table of iterations 1+2 has a last column without a name
    for number, line in enumerate((
        "participant\tSubject\tfecha\tprueba\tresultado",
        f"{A}\tS90001\t17.03.2020\tPCR\tNEGATIVO",
        f"{A}\tS90001\t19.03.2020\tIGG\tPOSITIVO",
        f"{A}\tS90001\t19.03.2020\tIGG\tPOSITIVO",
        f"{B}\tS90002\t01.04.2020\tPCR\tINDETERMINADO",
        f"{B}\tS90002\t31.02.2020\tACT\tdudosillo",
        "sub-S90009\tS90009\t02.04.2020\tPCR\tPOSITIVO",
    ))
)  # fmt: skip

PARTICIPANTS = (
    "participant\tmodality_dicom\tbody_parts\tage\tgender",
    f"{A}\t['CR', 'DX', 'CT']\t[['chest']]\t['57', '57', '58']\tF",
    f"{B}\t['CR']\t[['chest']]\t[]\tNone",
    "derivatives\t[]\t[]\t[]\tNone",
)

SESSIONS_A = f"""session\tmedical_evaluation
{PLATE}\tOpacidades en vidrio deslustrado bilaterales.
Derrame pleural "escaso"\tizquierdo.

{SERIES}\tEstudio subóptimo, sin cambios.
{SCAN}\tInfiltrado lobar.
"""
SESSIONS_B = f"session_id\tstudy_date\tmedical_evaluation\n{NIGHT}\t20200402\t\"['Sin hallazgos.']\"\n"

PARTITIONS = (
    "participant session filename partition",
    f"{A}\t{PLATE}\t{PA.rpartition('/')[2]}.png\ttr",
    *(f"{A}\t{SERIES}\t{name.rpartition('/')[2]}.png\ttr" for name in TWO),
    f"{A}\t{SCAN}\t{CT.rpartition('/')[2]}.nii.gz\ttr",
    f"{B}\t{NIGHT}\t{BED.rpartition('/')[2]}.png\ttest",
)


def files() -> Iterator[tuple[str, bytes]]:
    """Every file of the source, sorted by path."""
    inside = dict(_make_plain_files())
    packed = {path: inside.pop(path) for path in list(inside) if path.startswith(f"{B}/")}
    yield from sorted([*inside.items(), (ARCHIVE, _tar({f"covid19_posi/{k}": v for k, v in packed.items()}))])


def _make_plain_files() -> Iterator[tuple[str, bytes]]:
    for path, lines in (
        ("participants.tsv", PARTICIPANTS),
        ("derivatives/EHR/sil_reg_covid_posi.tsv", TESTS),
        ("derivatives/labels/labels_covid19_posi.tsv", LABELS),
        ("derivatives/partitions.tsv", PARTITIONS),
    ):
        yield path, ("\n".join(lines) + "\n").encode()
    yield "derivatives/labels/tree_term_CUI_counts_image_covid_posi.csv", TREE.encode()
    yield "derivatives/rois/roi_1.xml", aim(uid("instance", "pa"), "Ground glass", SQUARE).encode()
    yield f"derivatives/rois/{CT.rpartition('/')[2]}_dseg.nii.gz", nifti(_mask(), np.uint8)
    yield f"{A}/{A}_sessions.tsv", SESSIONS_A.encode()
    yield f"{B}/{B}_sessions.tsv", SESSIONS_B.encode()
    scans = f"filename\tModality (00080060)\tRows (00280010)\nmod-rx/{PA.rpartition('/')[2]}.png\tCR\t108\n"
    yield f"{A}/{PLATE}/{A}_{PLATE}_scans.tsv", (scans + "mod-rx/lost_run-9_cr.png\tCR\t1\n").encode()
    yield f"{PA}.png", png(frontal())
    yield f"{PA}.json", json.dumps({"ResultSet": {"Result": _rows(_pa())}}).encode()
    yield f"{TWO[0]}.png", png(frontal()[:, ::2])
    yield f"{TWO[1]}.png", png(lateral())
    yield f"{TWO[1]}.json", json.dumps(_rows(_dx())).encode()
    yield f"{CT}.nii.gz", nifti(volume(), np.int16)
    yield f"{CT}.json", json.dumps({key: _text(value) for key, value in _ct().items()}).encode()
    yield f"{BED}.png", png(65535 - frontal())
    yield f"{BED}.json", json.dumps(_model(_bed())).encode()


def frontal() -> NDArray[np.uint16]:
    """A frontal radiograph of 16 bits, white on black: (108, 100)."""
    return _scale_water(radiograph.frontal())


def lateral() -> NDArray[np.uint16]:
    """A lateral radiograph of 16 bits, white on black: (108, 100)."""
    return _scale_water(radiograph.lateral())


def _scale_water(water: NDArray[Any]) -> NDArray[np.uint16]:
    values = water[::2, ::2]
    return np.round(values / values.max() * 65535).astype(np.uint16)


AFFINE = np.array([[-12.0, 0, 0, 186.0], [0, -12.0, 0, 138.0], [0, 0, 20.0, -110.0], [0, 0, 0, 1.0]])
"""mm, RAS; the rows of the array run as in DICOM, not as dcm2niix writes them."""


def volume() -> NDArray[np.int16]:
    """A chest CT in HU: (32, 24, 12), i to the patient's left, j to the back, k to the head."""
    x, y, z = axis(32, 12.0), axis(24, 12.0), axis(12, 20.0)
    return hu(x[:, None, None], y[None, :, None], z[None, None, :]).astype(np.int16)


def _mask() -> NDArray[np.uint8]:
    values = np.zeros((32, 24, 12), np.uint8)
    i, j, _ = SPHERE
    values[i - 4 : i + 5, j - 4 : j + 5, 4:9] = 5  # ground glass on CT
    return values


def nifti(voxels: NDArray[Any], kind: type) -> bytes:
    """A gzipped NIfTI, its header's free text like a real one's."""
    image: Any = nib.Nifti1Image(voxels.astype(kind), AFFINE)
    image.header["descrip"] = b"Time=101500"
    return gzip.compress(image.to_bytes(), 6, mtime=0)


def png(pixels: NDArray[Any]) -> bytes:
    """A grey PNG of 16 bits (ISO/IEC 15948), with a text chunk that must not survive."""
    rows, columns = pixels.shape
    lines = b"".join(b"\x00" + line.astype(">u2").tobytes() for line in pixels)
    head = struct.pack(">IIBBBBB", columns, rows, 16, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"tEXt", b"Comment\x00SCANNER 7"), (b"IDAT", zlib.compress(lines, 6)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _tar(members: dict[str, bytes]) -> bytes:
    """An archive without clock time or owner."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in sorted(members.items()):
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), 6, mtime=0)


# --- sidecars --------------------------------------------------------------------------------------------

_TAGS = {
    "SOPInstanceUID": ("00080018", "UI"), "StudyDate": ("00080020", "DA"), "StudyTime": ("00080030", "TM"),
    "Modality": ("00080060", "CS"), "Manufacturer": ("00080070", "LO"), "SeriesDescription": ("0008103E", "LO"),
    "PatientName": ("00100010", "PN"), "PatientBirthDate": ("00100030", "DA"), "PatientSex": ("00100040", "CS"),
    "PatientAge": ("00101010", "AS"), "BodyPartExamined": ("00180015", "CS"), "KVP": ("00180060", "DS"),
    "ViewPosition": ("00185101", "CS"), "SeriesNumber": ("00200011", "IS"), "InstanceNumber": ("00200013", "IS"),
    "PhotometricInterpretation": ("00280004", "CS"), "Rows": ("00280010", "US"), "Columns": ("00280011", "US"),
    "WindowCenter": ("00281050", "DS"), "ImageOrientationPatient": ("00200037", "DS"),
    "SliceThickness": ("00180050", "DS"), "ConvolutionKernel": ("00181210", "SH"),
}  # fmt: skip


def _common(modality: str, day: str, **own: Any) -> dict[str, Any]:
    """What the sidecars share; a name that BIMCV's own tools left in some."""
    return {
        "StudyDate": day, "StudyTime": "101500", "Modality": modality, "Manufacturer": "CALCULATED PHANTOMS",
        "PatientName": "CANARY^PRIVATE", "PatientSex": "F", "BodyPartExamined": "TORAX", "SeriesNumber": 1,
        "PhotometricInterpretation": "MONOCHROME2", **own,
    }  # fmt: skip


def _pa() -> dict[str, Any]:
    return _common(
        "CR", "20200316", SOPInstanceUID=uid("instance", "pa"), SeriesDescription="TORAX PA", KVP=110.5,
        ViewPosition="AP", Rows=108, Columns=100, InstanceNumber=1, PatientAge="057Y", WindowCenter=2000,
    )  # fmt: skip


def _dx() -> dict[str, Any]:
    return _common(
        "DX", "20200320", SeriesDescription="TORAX PA Y LAT", ViewPosition="LL", InstanceNumber=2, Rows=108,
        Columns=100, PatientAge="057Y",
    )  # fmt: skip


def _ct() -> dict[str, Any]:
    return _common(
        "CT", "20200325", SeriesDescription="TC TORAX", ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        SliceThickness=20, PatientAge="058Y", ConvolutionKernel="B40f",
    )  # fmt: skip


def _bed() -> dict[str, Any]:
    own = {"PhotometricInterpretation": "MONOCHROME1", "PatientSex": "M", "PatientBirthDate": "1950"}
    return {**_common("CR", "", SeriesDescription="TORAX"), **own}


def _rows(header: dict[str, Any]) -> list[dict[str, str]]:
    """XNAT's dump."""
    tags = {key: f"({_TAGS[key][0][:4]},{_TAGS[key][0][4:]})" for key in header}
    return [
        {"tag1": tags[key], "vr": _TAGS[key][1], "value": _text(value), "tag2": "", "desc": key}
        for key, value in header.items()
    ]


def _model(header: dict[str, Any]) -> dict[str, Any]:
    """DICOM's JSON model."""
    model: dict[str, Any] = {}
    for key, value in header.items():
        tag, vr = _TAGS[key]
        listed = value if isinstance(value, list) else [{"Alphabetic": value} if vr == "PN" else value]
        model[tag] = {"vr": vr, "Value": listed} if value != "" else {"vr": vr}
    return model


def _text(value: Any) -> str:
    return "\\".join(map(str, value)) if isinstance(value, list) else str(value)


def aim(instance: str, label: str, points: tuple[tuple[float, float], ...], name: str = "CANARY PRIVATE") -> str:
    """An AIM 4 file of one outline, the person's and the patient's names in it."""
    coordinates = "".join(
        f'<TwoDimensionSpatialCoordinate><coordinateIndex value="{n}"/><x value="{x}"/><y value="{y}"/>'
        "</TwoDimensionSpatialCoordinate>"
        for n, (x, y) in enumerate(points)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ImageAnnotationCollection xmlns="gme://caCORE.caCORE/4.4/edu.northwestern.radiology.AIM"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" aimVersion="AIMv4_0">
  <user><name value="{name}"/><loginName value="{name}"/></user>
  <equipment><deviceSerialNumber value="{name}"/></equipment>
  <person><name value="{name}"/><id value="{name}"/><birthDate value="19500101"/><sex value="F"/></person>
  <imageAnnotations><ImageAnnotation>
    <name value="{label}"/>
    <markupEntityCollection><MarkupEntity xsi:type="TwoDimensionPolyline">
      <includeFlag value="true"/>
      <imageReferenceUid root="{instance}"/><referencedFrameNumber value="1"/>
      <twoDimensionSpatialCoordinateCollection>{coordinates}</twoDimensionSpatialCoordinateCollection>
    </MarkupEntity></markupEntityCollection>
  </ImageAnnotation></imageAnnotations>
</ImageAnnotationCollection>
"""
