"""What goes into a sidecar: the allow-list of `schemas/fields.yaml`, typed and in the units it states."""

from collections.abc import Mapping

from pydicom.uid import ParametricMapStorage

from mids.plan.naming import Described
from mids.readers.dicom.geometry import nearest
from mids.records import Geometry, Json, Record
from mids.vocabulary.schema import PICTURES, Field, Schema

_CODE = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")

_OF_VOLUMES = frozenset({"Rows", "Columns", "PhotometricInterpretation", "NumberOfFrames"})
"""Fields that are not copied from a volume's header: its geometry states them, or they make no sense there."""

_OF_MAPS = frozenset({"RealWorldValueSlope", "RealWorldValueIntercept", "MeasurementUnitsCodeSequence"})
"""Fields that map stored values (PS3.3 C.7.6.16.2.11), which voxels are of parametric maps alone."""

_OF_PICTURES = _OF_VOLUMES | {
    "SourcePhotometricInterpretation", "PresentationLUTShape", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "RescaleSlope", "RescaleIntercept", "BitsStored", "PixelPaddingValue", "LossyImageCompression", "FrameTime",
}  # fmt: skip
"""Fields that the action of an image states once it has made it; the header's would contradict it."""

_DURATIONS = ("ActualFrameDuration", "FrameAcquisitionDuration")
"""How long a frame of PET took: of classic and of enhanced images (PS3.3 C.8.9.4, C.7.6.16.2.2)."""


def sidecar(record: Record, described: Described, schema: Schema, *, frame: int | None = None) -> dict[str, Json]:
    """The sidecar's keys that the headers give, in the order of the vocabulary; missing ones are left out.

    An array of one value for each slice follows the slices that are delivered: of a volume that is put on a regular
    grid each slice has the value of the source's slice nearest to it.
    """
    group = described.group or "mr"
    stated = _stated(record)
    found: dict[str, Json] = {}
    for key, field in schema.fields.items():
        if not field.dicom or key in stated or (field.groups and group not in field.groups):
            continue
        value = _value(field, record)
        if value is not None:
            found[key] = value
    if record.kind == "volume" and record.geometry is not None:
        found |= (
            _geometry(record.geometry) | _polarity(record, group) | _timing(record, record.geometry, described.group)
        )
    if described.view_source not in ("", "dicom"):
        found["ViewSource"] = described.view_source
    for keys, code_list, said in (
        (("ImageLaterality", "Laterality"), "laterality", described.laterality),
        (("BodyPartExamined",), "body_parts", described.body_part),
    ):
        for key in keys:  # a person's correction would stand beside the header's mistake
            if said and key in found and schema.code_lists[code_list].find(str(found[key])) not in (said, None):
                del found[key]
    if described.task:
        found["TaskName"] = described.task
    if frame is not None:
        found["FrameNumber"] = frame + 1
    return found


def _stated(record: Record) -> frozenset[str]:
    """The fields that are not copied from the header of a record."""
    stated = _OF_VOLUMES if record.kind == "volume" else _OF_PICTURES
    if record.kind == "picture":  # its pixels were made elsewhere: the header alone knows what they were made of
        stated = stated - {"SourcePhotometricInterpretation"}
    return stated if record.header.get("SOPClassUID") == ParametricMapStorage else stated | _OF_MAPS


def _geometry(shape: Geometry) -> dict[str, Json]:
    facts: dict[str, Json] = {"Rows": shape.rows, "Columns": shape.columns}
    if shape.tilt > 0 and "tilt" in shape.problem:
        facts["GantryDetectorTilt"] = round(shape.tilt, 2)
    return facts


def _polarity(record: Record, group: str) -> dict[str, Json]:
    """What groups of pictures must say of their pixels; values of a volume are never inverted."""
    is_stated = group in PICTURES and record.header.get("PhotometricInterpretation") == "MONOCHROME2"
    return {"PhotometricInterpretation": "MONOCHROME2"} if is_stated else {}


def _timing(record: Record, shape: Geometry, group: str) -> dict[str, Json]:
    """When the volumes of a series over time began, in s, under BIDS's key for PET or for all others.

    Not where BIDS itself rules: there RepetitionTime says it. Gates of PET are parts of a heartbeat or a breath, each
    gathered over the whole scan: they do not begin one after the other.
    """
    if not shape.times or not group:
        return {}
    is_nuclear = group == "nm"
    kinds = record.header.get("SeriesType")
    is_gated = is_nuclear and isinstance(kinds, list) and "GATED" in kinds
    facts: dict[str, Json] = {}
    if not is_gated:
        facts["FrameTimesStart" if is_nuclear else "VolumeTiming"] = list[Json](shape.times)
    lasted = next(
        (said for key in _DURATIONS if (said := record.per_slice.get(key) or (record.header.get(key),))[0]), ()
    )
    durations = [value / 1000 for value in lasted if isinstance(value, int | float)]  # milliseconds
    if is_nuclear and len(durations) in (1, shape.slices * shape.volumes):
        every = durations * shape.volumes if len(durations) == 1 else durations[:: shape.slices]
        facts["FrameDuration"] = list[Json](every)
    return facts


def _value(field: Field, record: Record) -> Json:
    if field.dicom == "Modality":  # what the record is named by, whoever said it
        return record.modality or None
    if field.dicom in record.header:
        return _typed(record.header[field.dicom], field)
    values = record.per_slice.get(field.dicom)
    if values is None or not field.per_slice or not all(isinstance(value, int | float) for value in values):
        return None
    scaled = [_scaled(value, field) for value in values]
    if any(value is None for value in scaled):
        return None
    shape = record.geometry
    if shape is None or "uneven" not in shape.problem:
        return scaled
    return [scaled[volume * shape.slices + k] for volume in range(shape.volumes) for k in nearest(shape)]


def _typed(value: Json, field: Field) -> Json:
    """The value in the field's type, None where it can't be (a text in a number's place is not passed on)."""
    if field.type.endswith("code"):
        return _codes(value)
    is_array = field.type.startswith("array")
    if isinstance(value, Mapping):
        return None
    if isinstance(value, list):
        items = [_scaled(item, field) for item in value]
        if not is_array:
            return items[0] if items else None
        is_wrong = any(item is None for item in items) or len(items) != (field.length or len(items))
        return None if is_wrong else items
    single = _scaled(value, field)
    return [single] if is_array and single is not None else single


def _codes(value: Json) -> Json:
    """The items of a code sequence; the meaning only of DICOM's own codes, for that of others is free text."""
    found: list[Json] = []
    for item in value if isinstance(value, list) else []:
        code = {key: str(text) for key in _CODE if isinstance(item, dict) and (text := item.get(key))}
        if code.get("CodingSchemeDesignator") != "DCM":
            code.pop("CodeMeaning", None)
        if "CodeValue" in code and "CodingSchemeDesignator" in code:
            found.append({**code})
    return found or None


def _scaled(value: Json, field: Field) -> Json:
    if "string" in field.type:
        text = None if value is None else str(value)
        return text if not field.enum or text in field.enum else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    number = value if field.scale == 1 else round(value * field.scale, 12)
    if (field.minimum is not None and number < field.minimum) or (field.maximum is not None and number > field.maximum):
        return None  # a tube voltage of 0 is no tube voltage
    return int(number) if "integer" in field.type else number
