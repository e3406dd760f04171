"""Checks of what BIDS's schema asks of its own parts of a dataset."""

from mids.checks.bids import rules

__all__ = ["rules"]
