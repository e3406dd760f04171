"""What a look at all of an image tells of it."""

from array import array
from dataclasses import dataclass, field
from typing import Any

from mids.errors import DataError


class SurplusError(DataError):
    """A volume holds more than its header says (NIFTI_SIZE), in more than one gzip stream."""


@dataclass(slots=True)
class Tail:
    """What a gzip file holds besides its first stream (RFC 1952, 2.2).

    `trailing`: bytes that belong to no stream, where any of them is not 0 (tapes and disks pad with zeros); `hidden`:
    later streams with a name, a comment or an extra field but that of bgzip; `streams`: how many there are.
    """

    trailing: int = 0
    hidden: int = 0
    streams: int = 0


@dataclass(frozen=True, slots=True)
class Whole:
    """Facts about all pixels of an image.

    `blank`: all have one value. `sample`: some of a volume's values, evenly spread, unscaled. `values`: the different
    values, scaled, at most about 4096 of them (`many`: there are more). `nan`, `infinite`: the shares of voxels that
    are not a number or infinite. `filled`: for each slice of a volume, those of all points of time, the share of its
    voxels that are not at the lowest value of the slice. `brightest`: the share of a picture's samples that have the
    largest value possible; `below`: the share of its rows that have one value alone, from its lower edge, where neither
    its upper edge nor both of its sides have it. `texts`: the names of all chunks of a PNG that are not plain. `tail`:
    what follows in a gzip file, or in the chunks of a PNG's pixels.
    """

    blank: bool = False
    sample: "array[Any] | None" = None
    values: frozenset[float] = frozenset()
    many: bool = False
    nan: float = 0.0
    infinite: float = 0.0
    filled: tuple[float, ...] = ()
    brightest: float = 0.0
    below: float = 0.0
    texts: tuple[str, ...] = ()
    tail: Tail = field(default_factory=Tail)
