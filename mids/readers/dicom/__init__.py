"""DICOM: headers, pixels, geometry, and which instances are one image."""
