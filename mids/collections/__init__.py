"""One file for each source collection."""
