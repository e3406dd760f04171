"""Checks of sidecars: their keys and their values."""

from mids.checks.sidecars import keys, values

__all__ = ["keys", "values"]
