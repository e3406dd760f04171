"""The part of isal that the package uses, from the standard library: isal itself is compiled."""

import gzip as igzip
import zlib as isal_zlib

__all__ = ["igzip", "isal_zlib"]

isal_zlib.IsalError = isal_zlib.error  # type: ignore[attr-defined]
