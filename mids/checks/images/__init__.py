"""Checks of images: their headers, their volumes, their pixels."""

from mids.checks.images import headers, pixels, volumes

__all__ = ["headers", "pixels", "volumes"]
