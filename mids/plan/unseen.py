"""Counts what is delivered though nobody has looked at it: pixels that may show text, heads that may show a face."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from mids.deid.burned.evidence import Decision, Screen
from mids.issues import Issue, issue

FACE = "face"


def count_unseen(decision: Decision, looked: Screen, modality: str, *, has_picture: bool) -> Iterator[str]:
    """What nobody looks at of one delivered image: its modality where it is 2D (`has_picture`), and `FACE`.

    A header that says BurnedInAnnotation NO is no look: devices write it without one.
    """
    if has_picture and looked.detect == "none" and not decision.certified:
        yield modality or "?"
    if decision.face:
        yield FACE


def tell_unseen(counts: Iterable[Mapping[str, int]], what: str) -> Iterator[Issue]:
    """An Issue for what nobody looked at, and one for what may show a face; `counts` are of subjects, of `what`."""
    total = Counter[str]()
    for each in counts:
        total.update(each)
    faces = total.pop(FACE, 0)
    if number := sum(total.values()):
        kinds = ", ".join(f"{kind} {total[kind]}" for kind in sorted(total))
        message = f"{_number(number, what)} delivered whose pixels nobody searched for text ({kinds})"
        yield issue("PRIVACY_UNSEEN", message, origin="plan")
    if faces:
        yield issue("PRIVACY_FACE_KEPT", f"{_number(faces, what)} delivered that may show a face", origin="plan")


def _number(number: int, what: str) -> str:
    return f"1 {what.removesuffix('s')} is" if number == 1 else f"{number} {what} are"
