"""Checks of tables: their columns and keys, and each of their cells."""

from mids.checks.tables import cells, columns

__all__ = ["cells", "columns"]
