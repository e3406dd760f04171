"""Checks of what refers to something else: tables to folders, tables to contents, masks to images."""

from mids.checks.references import content, folders, masks

__all__ = ["content", "folders", "masks"]
