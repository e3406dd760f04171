"""Checks of what refers to something else: tables to folders, tables to contents, masks to images, and so on."""

from mids.checks.references import content, dates, folders, links, marks, masks, recordings

__all__ = ["content", "dates", "folders", "links", "marks", "masks", "recordings"]
