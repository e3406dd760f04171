"""Checks of what the paper of a collection promises. They run with ``--select claims`` only."""

from mids.checks.claims import promises

__all__ = ["promises"]
