"""Tolerant input: files and archives, DICOM series, tables."""
