"""DICOM: headers, pixels, geometry, and which instances are one image."""

from mids.readers.dicom.headers import Instance

__all__ = ["Instance"]
