"""Checks of images: their heads, volumes and pixels."""

from mids.checks.images import (
    duplicates,
    headers,
    pixels,
    planes,
    provenance,
    radiographs,
    reconstruction,
    values,
    volumes,
)

__all__ = [
    "duplicates", "headers", "pixels", "planes", "provenance", "radiographs", "reconstruction", "values", "volumes",
]  # fmt: skip
