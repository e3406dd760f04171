"""De-identification of DICOM headers by the rules of DICOM PS3.15 Annex E."""
