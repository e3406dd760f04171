"""The small files of a dataset, as text: sidecars, tables and their rows, descriptions."""
