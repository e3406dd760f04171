"""Checks of labels: their cells, and the label tree."""

from mids.checks.labels import cells, tree

__all__ = ["cells", "tree"]
