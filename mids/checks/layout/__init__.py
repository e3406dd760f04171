"""Checks of what lies where in a dataset, and of its descriptions."""

from mids.checks.layout import description, places

__all__ = ["description", "places"]
