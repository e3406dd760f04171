"""From the header of an MR series to its suffix: usual descriptions of vendors, and sequence times."""

import re
from typing import Any

import pydicom.datadict
import pytest

from mids.vocabulary.schema import load

SCHEMA = load()
SE, GR, EP = {"ScanningSequence": ["SE"]}, {"ScanningSequence": ["GR"]}, {"ScanningSequence": ["EP"]}


@pytest.mark.parametrize(
    ("header", "suffix"),
    [
        ({"SeriesDescription": "t1_mprage_sag_p2_iso"}, "T1w"),
        ({"SeriesDescription": "T2_TSE_SAG"}, "T2w"),
        ({"SeriesDescription": "t2_tirm_tra_dark-fluid"}, "FLAIR"),
        ({"SeriesDescription": "Ax T1 FLAIR"}, "T1w"),
        ({"SeriesDescription": "SAG STIR"}, "STIR"),
        ({"SeriesDescription": "ep2d_diff_3scan_trace_ADC"}, "ADC"),
        ({"SeriesDescription": "ep2d_diff_b1000"}, "dwi"),
        ({"SeriesDescription": "Difusión axial"}, "dwi"),
        ({"SeriesDescription": "ep2d_diff", "ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"]}, "trace"),
        ({"SeriesDescription": "rsfMRI_BOLD"}, "bold"),
        ({"SeriesDescription": "TOF_3D_multi-slab"}, "angio"),
        ({"SeriesDescription": "t2*_fl2d_tra"}, "T2starw"),
        ({"SeriesDescription": "SWI_Images"}, "T2starw"),
        ({"SeriesDescription": "gre_field_mapping", "ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, "phasediff"),
        ({"SeriesDescription": "gre_field_mapping", "EchoNumbers": 2}, "magnitude2"),
        ({"SeriesDescription": "PD_T2_TSE"}, "PDT2"),
        ({"SeriesDescription": "DP FAT SAT"}, "PDw"),
        ({"SeriesDescription": "T1 LOCALIZER"}, "mr"),
        ({"ProtocolName": "T2 sag"}, "T2w"),
        # Silent descriptions: what the times mean.
        ({**SE, "EchoTime": 12.0, "RepetitionTime": 550.0}, "T1w"),
        ({**SE, "EchoTime": 95.0, "RepetitionTime": 4500.0}, "T2w"),
        ({**SE, "EchoTime": 20.0, "RepetitionTime": 3000.0}, "PDw"),
        (
            {"ScanningSequence": ["SE", "IR"], "EchoTime": 110.0, "RepetitionTime": 9000.0, "InversionTime": 2500.0},
            "FLAIR",
        ),
        (
            {"ScanningSequence": ["SE", "IR"], "EchoTime": 60.0, "RepetitionTime": 4000.0, "InversionTime": 160.0},
            "STIR",
        ),
        (
            {"ScanningSequence": ["GR", "IR"], "EchoTime": 2.98, "RepetitionTime": 2300.0, "InversionTime": 900.0},
            "T1w",
        ),
        ({**GR, "EchoTime": 25.0, "RepetitionTime": 800.0}, "T2starw"),
        ({**GR, "EchoTime": 4.0, "RepetitionTime": 9.0, "SequenceVariant": ["SP", "OSP"]}, "T1w"),
        ({**GR, "EchoTime": 2.0, "RepetitionTime": 4.0, "SequenceVariant": ["SS"]}, "mr"),
        ({**EP, "EchoTime": 30.0, "NumberOfTemporalPositions": 200}, "bold"),
        ({**EP, "DiffusionBValue": 1000.0}, "dwi"),
        ({"EchoTime": "n/a", "RepetitionTime": None}, "mr"),
        ({}, "mr"),
    ],
)
def test_mr_rules(header: dict[str, Any], suffix: str) -> None:
    rule = next(rule for rule in SCHEMA.mr_rules if rule.matches(header))
    assert rule.suffix == suffix
    assert rule.datatype in ("", SCHEMA.suffixes[suffix].datatype, *SCHEMA.suffixes[suffix].other_datatypes)


def test_mr_rules_use_dicom_keywords_and_folders_of_their_suffix() -> None:
    for rule in SCHEMA.mr_rules:
        suffix = SCHEMA.suffixes[rule.suffix]
        assert rule.datatype in (suffix.datatype, *suffix.other_datatypes)
        for condition in rule.when:
            for keyword in condition.keyword.split("|"):
                assert pydicom.datadict.tag_for_keyword(keyword) is not None, keyword
            if condition.test == "matches":
                re.compile(condition.operand)
