"""NIfTI, PNG and JPEG: headers, whole images, and text that is read in them."""
