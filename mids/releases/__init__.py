"""What changed between two releases of a dataset: names, pixels, tables, sidecars, labels. Nothing is written."""
