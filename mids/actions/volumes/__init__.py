"""A series as one NIfTI volume: converted by dcm2niix, compared slice by slice with its files, or put together here."""
