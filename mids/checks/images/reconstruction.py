"""Reconstruction and contrast: `rec-` and `ce-` of the name against kernel and agent of the sidecar."""

import re
from collections.abc import Iterator

from mids.inspection.guards import has_sidecar
from mids.inspection.registry import Finding, Found, check, of_name
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level
from mids.records import Json

METHODS = re.compile(
    "(fbp|ir|asir|veo|mbir|admire|safire|iris|idose|imr|aidr|first|aice|osem|psf|tof|ac|nac|mpr|mip|minip|sr|ai|dl)[a-z0-9]*",
    re.IGNORECASE,
)
"""Methods of reconstruction and of reformatting, which are no kernels."""
SIZE = re.compile(r"\d.*|[a-z]{0,5}\d+(p\d+)?(mm|um|cm)", re.IGNORECASE)
"""A thickness or a number, which are no kernels."""
AGENTS = "contrast_agents"


def _label(value: Json) -> str:
    """The text of a value, or of several joined, as labels of names are written."""
    text = "".join(map(str, value)) if isinstance(value, list) else str(value or "")
    return re.sub("[^0-9a-zA-Z]", "", text)


def _form(label: str) -> str:
    """The form of a kernel's name: runs of capitals, of small letters and of digits."""
    return re.sub("[a-z]+", "a", re.sub("[A-Z]+", "A", re.sub("[0-9]+", "9", label)))


@of_name
def _has_kernel(image: FileView) -> bool:
    return "rec" in image.entities


@check("KERNEL_CONTRADICTED", per="image", level=Level.WARNING, when=_has_kernel, keys=("ConvolutionKernel",))
def kernel_contradicted(image: FileView) -> Found:
    """The reconstruction in the name differs from ConvolutionKernel of the sidecar.

    Why: Texture, nodules and emphysema are measured on one kernel; the sidecar may be that of another image.

    Fix: Look at the image, and correct the wrong one.
    """
    said, kernel = image.entities.get("rec", ""), _label(image.metadata.get("ConvolutionKernel"))
    one, other = said.casefold(), kernel.casefold()
    if not kernel or one.startswith(other) or other.startswith(one) or one.endswith(other):
        return
    if METHODS.fullmatch(said) or SIZE.fullmatch(said):
        return
    have_digits = all(re.search(r"[a-z]", text, re.I) and re.search(r"\d", text) for text in (said, kernel))
    if have_digits or _form(said) == _form(kernel):
        yield Finding("the kernel differs from the name's", "$.ConvolutionKernel", kernel[:40], said)


# --- contrast --------------------------------------------------------------------------------------------


def _agent(image: FileView) -> tuple[str, str]:
    """(key, kind of agent) of a sidecar: "none" where it says that there was none, "other" for one that is unknown."""
    for key in ("ContrastBolusAgent", "ContrastBolusIngredient"):
        value = image.metadata.get(key)
        text = value[0] if isinstance(value, list) and value else value
        if isinstance(text, str) and text.strip():
            return key, _kind(image.dataset, text) or "other"
    return "", ""


def _kind(dataset: DatasetView, text: str) -> str:
    """The kind of agent that a text names anywhere in it; "" for none that is known."""
    words = dataset.schema.code_lists[AGENTS]
    if kind := words.find(text):
        return kind
    parts = (part for part in re.split(r"[^\w]+|(?<=[a-z])(?=[A-Z\d])", text) if len(part) > 4)
    return next((kind for part in parts if (kind := words.find(part)) and kind != "none"), "")


@check("CONTRAST_CONTRADICTED", per="image", level=Level.WARNING, when=has_sidecar)
def contrast_contradicted(image: FileView) -> Found:
    """The contrast agent in the name differs from ContrastBolusAgent of the sidecar, or only one of them has any where
    other images of the subject have that one as well.

    Why: Images with and without contrast are compared as if they were the same; or the sidecar is another image's.

    Fix: Look at the image, and correct the wrong one.
    """
    said, (key, kind) = image.entities.get("ce", ""), _agent(image)
    if image.is_mask or not (said or kind):
        return
    for message in _differences(image, said, kind):
        yield Finding(message, f"$.{key}" if key else "", kind, said or "none")


def _differences(image: FileView, said: str, kind: str) -> Iterator[str]:
    if not said:
        if kind not in ("", "none") and any("ce" in other.entities for other in _siblings(image)):
            yield "the sidecar names a contrast agent; the name has none, although those of other images do"
        return
    meant = _kind(image.dataset, said)
    if kind == "none" and meant != "none":
        yield "the name has a contrast agent, but the sidecar says that none was given"
    elif kind and meant and "other" not in (kind, meant) and kind != meant:
        yield "the sidecar names another kind of agent than the name"
    elif not kind and any(_agent(other)[1] not in ("", "none") for other in _siblings(image)):
        yield "the name has a contrast agent; the sidecar names none, although those of other images do"


def _siblings(image: FileView) -> Iterator[FileView]:
    """The other images of the same subject and suffix."""
    if image.name is None:
        return
    for other in image.dataset.find("image"):
        if other is not image and other.name and other.name.suffix == image.name.suffix and not other.is_mask:
            yield other
