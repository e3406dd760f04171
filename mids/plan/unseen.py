"""Counts what is delivered though nobody has looked at it: pixels that may show text, heads that may show a face."""

from collections import Counter
from collections.abc import Iterator

from mids.deid.burned.evidence import Decision, Screen
from mids.issues import Issue, issue
from mids.plan.job import Outcome, Plan

FACE = "face"

DEFINED = frozenset(
    "ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC "
    "HD IO IOL IVOCT IVUS "
    "KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG RTDOSE "
    "RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA XA "
    "XAPROTOCOL XC".split()
)
"""The defined terms of Modality: DICOM PS3.3 C.7.3.1.1.1. Messages say no other: that may be anything, even a name."""


def list_unseen(decision: Decision, looked: Screen, modality: str, *, has_picture: bool) -> Iterator[str]:
    """What nobody looks at of one image: its modality where it is 2D (`has_picture`; ? where DICOM defines none such),
    and `FACE`.

    A header that says BurnedInAnnotation NO is no look: devices write it without one.
    """
    if has_picture and looked.detect == "none" and not decision.certified:
        yield modality if modality in DEFINED else "?"
    if decision.face:
        yield FACE


def tell_unseen(plan: Plan, outcome: Outcome | None) -> Iterator[Issue]:
    """An Issue for what nobody looked at, and one for what may show a face.

    Counted is what is delivered: an image that was refused when it was made is not; without an outcome all are.
    """
    lost = frozenset(outcome.lost if outcome else ())
    total = Counter(kind for job in plan.jobs if job.unseen and job.path not in lost for kind in job.unseen)
    what = plan.what
    faces = total.pop(FACE, 0)
    if number := sum(total.values()):
        kinds = ", ".join(f"{kind} {total[kind]}" for kind in sorted(total))
        message = f"{_number(number, what)} delivered whose pixels nobody searched for text ({kinds})"
        yield issue("PRIVACY_UNSEEN", message, origin="run")
    if faces:
        yield issue("PRIVACY_FACE_KEPT", f"{_number(faces, what)} delivered that may show a face", origin="run")


def _number(number: int, what: str) -> str:
    return f"1 {what.removesuffix('s')} is" if number == 1 else f"{number} {what} are"
