"""Analytic phantoms and the DICOM files made of them."""
