"""The page of ``mids report OLD NEW --compare``: what changed between two releases, to look at."""

from mids.gallery.compared.page import PAIRS, write_comparison

__all__ = ["PAIRS", "write_comparison"]
