"""The page of ``mids report``: datasets to look at, in one HTML file that asks nothing of a network."""

from mids.gallery.page import Wanted, write_page

__all__ = ["Wanted", "write_page"]
