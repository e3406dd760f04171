"""The masks of a dataset as DICOM objects, each beside the images that it lies on."""
