"""Checks for what was left of patients: in fields of their own, inside texts and images, in files nobody looks into."""

from mids.checks.privacy import fields, files, images, people, texts

__all__ = ["fields", "files", "images", "people", "texts"]
