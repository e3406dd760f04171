"""Where devices write text into their images (`schemas/deid/devices.yaml`)."""

import re
from dataclasses import dataclass
from functools import cache

from mids.deid.burned.rules import Header, patterns, text
from mids.records import Box
from mids.resources import read_yaml, schemas


@dataclass(frozen=True, slots=True)
class Device:
    """Images of one device or workstation, and the boxes in which they show text.

    `boxes` are (top, left, bottom, right) in pixels, bottom and right exclusive; a negative number counts from the
    bottom or right edge, None is the edge itself. `complete` says that the device writes nowhere else.
    """

    name: str
    when: tuple[tuple[str, re.Pattern[str]], ...]
    boxes: tuple[tuple[int, int, int | None, int | None], ...]
    complete: bool = False

    def matches(self, header: Header) -> bool:
        """Whether the header is that of such an image."""
        return all(pattern.search(text(header.get(keyword))) for keyword, pattern in self.when)


@cache
def devices() -> tuple[Device, ...]:
    """All known devices."""
    entries = read_yaml(schemas() / "deid" / "devices.yaml")
    return tuple(
        Device(
            name,
            patterns(entry["when"]),
            tuple((t, le, b, r) for t, le, b, r in entry["boxes"]),
            entry.get("complete", False),
        )
        for name, entry in entries.items()
    )


def find_regions(header: Header) -> tuple[tuple[Box, ...], bool]:
    """The boxes of all devices that a header matches, inside its Rows and Columns; none where it has no size.

    Says too whether one of the devices is known to write nowhere else.
    """
    rows, columns = header.get("Rows"), header.get("Columns")
    if not isinstance(rows, int) or not isinstance(columns, int):
        return (), False
    matched = [device for device in devices() if device.matches(header)]
    found = [box for device in matched for box in device.boxes]
    placed = (
        (
            _resolve_coordinate(t, rows),
            _resolve_coordinate(left, columns),
            _resolve_coordinate(b, rows),
            _resolve_coordinate(r, columns),
        )
        for t, left, b, r in found
    )
    inside = tuple(dict.fromkeys(box for box in placed if box[0] < box[2] and box[1] < box[3]))
    return inside, bool(inside) and any(device.complete for device in matched)


def _resolve_coordinate(place: int | None, length: int) -> int:
    """A place of a rule as a whole number of pixels from the start, at most `length`."""
    if place is None:
        return length
    return max(0, min(length, place + length if place < 0 else place))
