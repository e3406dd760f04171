"""Checks for what was left of patients: in fields of their own, and inside texts."""

from mids.checks.privacy import fields, texts

__all__ = ["fields", "texts"]
