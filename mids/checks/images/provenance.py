"""Pixels against the digests that were written when the images were made. Deep."""

from collections.abc import Mapping
from pathlib import Path

from mids.dataset.disk.tree import CONVERSIONS
from mids.errors import DataError
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import DatasetView, FileView
from mids.records import PIXELS


def _is_recorded(image: FileView) -> bool:
    return image.dataset.has(CONVERSIONS)


def _digests(dataset: DatasetView) -> Mapping[str, Mapping[str, str]]:
    table = dataset.view(CONVERSIONS)
    return table.by_key if PIXELS in table.rows.header and table.rows.header[0] == "filename" else {}


@check("PIXELS_CHANGED", per="image", deep=True, when=_is_recorded)
def pixels_changed(image: FileView) -> Found:
    """The pixels of an image are not those that were written when it was made.

    Why: It was flipped, windowed, resampled, cut or exchanged with another since, by whatever program; what was
    measured on it, and the regions drawn on it, no longer fit.

    Fix: Restore the image, or convert it again. If the change is right, publish it as a derivative.
    """
    from mids.dataset.disk.fingerprint import pixel_digest  # numpy, which the quick checks do without

    rows = _digests(image.dataset)
    said = rows.get(image.path, {}).get(PIXELS, "")
    if len(said) != 64:
        return
    try:
        found = pixel_digest(Path(image.dataset.place(image.path)))
    except DataError:
        return  # the file is damaged, or too large: other checks say so
    if found != said:
        other = next((path for path, row in rows.items() if row.get(PIXELS) == found), "")
        message = f"the pixels are {'those of another image' if other else 'others than those that were made'}"
        yield Finding(message, where=PIXELS, value=f"{found[:12]}…", expected=other or f"{said[:12]}…")
