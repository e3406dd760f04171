"""Checks of labels: their cells, the label tree, and the texts that they come from."""

from mids.checks.labels import cells, exchanged, tree

__all__ = ["cells", "exchanged", "tree"]
