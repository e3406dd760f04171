"""The tables of a dataset as frames: what is read of names, tables and labels, and how it becomes typed columns."""
