"""What a policy makes of each attribute."""

import pytest
from pydicom.uid import CTImageStorage

from mids.deid.headers.rules import resolve, types
from mids.deid.policy import Code, Option, Override, Policy, preset
from mids.errors import MidsError

CR = "1.2.840.10008.5.1.4.1.1.1"


def action(keyword: str, *options: Option) -> Code:
    return resolve(Policy("test", frozenset(options))).of(keyword)


@pytest.mark.parametrize(
    ("keyword", "options", "code"),
    [
        ("PatientName", (), "Z"),
        ("StudyDate", (), "Z"),
        ("StudyDate", ("retain_modified_dates",), "C"),
        ("StudyDate", ("retain_full_dates",), "K"),
        ("DateOfManufacture", ("retain_device_identity",), "K"),
        ("DateOfManufacture", ("retain_device_identity", "retain_modified_dates"), "C"),
        ("SOPInstanceUID", (), "U"),
        ("SOPInstanceUID", ("retain_uids",), "K"),
        ("SOPClassUID", (), "K"),
        ("TargetFrameOfReferenceUID", (), "U"),
        ("ExpiryDate", (), "X"),
        ("ExpiryDate", ("retain_modified_dates",), "C"),
        ("EvaluatorName", ("retain_full_dates",), "X"),
        ("RetrieveURL", (), "X"),
        ("EncryptedAttributesSequence", (), "X"),
        ("Rows", (), "K"),
        ("NoSuchAttribute", (), "X"),
    ],
)
def test_actions_are_those_of_the_table_or_the_vr(keyword: str, options: tuple[Option, ...], code: Code) -> None:
    assert action(keyword, *options) == code


def test_compound_codes_go_by_the_type_in_the_iod() -> None:
    rules, ct, cr = resolve(preset("basic")), types(CTImageStorage), types(CR)
    assert ct is not None
    assert cr is not None
    contrast, device = 0x00180010, 0x00181000  # Z/D and X/Z/D
    assert (ct[contrast], rules.action(contrast, ct[contrast])) == ("2", "Z")
    assert [rules.action(device, kind) for kind in ("3", "2", "2C", "1", "1C", "")] == ["X", "Z", "Z", "D", "D", "D"]
    assert rules.action(0x00081140, "") == "U"  # ReferencedImageSequence X/Z/U*
    assert types("1.2.3") is None


def test_overrides_win_by_keyword_or_tag() -> None:
    overrides = (Override("PatientSex", "K", "needed"), Override("0018,1000", "K", "needed"))
    rules = resolve(Policy("test", overrides=overrides))
    assert (rules.of("PatientSex"), rules.of("DeviceSerialNumber")) == ("K", "K")


@pytest.mark.parametrize(
    ("attribute", "advice"),
    [
        ("PatientNam", "PatientName"),
        ("0018,9998", "gggg,eeee"),
        ("0019,1001", "safe_private"),
        ("6000,3000", "overlays"),
    ],
)
def test_an_override_of_nothing_is_refused(attribute: str, advice: str) -> None:
    with pytest.raises(MidsError, match=advice):
        resolve(Policy("test", overrides=(Override(attribute, "K", "x"),)))
