"""Images that show the same: found under other windows, borders, crops, flips, rotations and compressions."""

from mids.analysis.duplicates.pairs import COLUMNS, find_duplicates, list_groups, read_pairs

__all__ = ["COLUMNS", "find_duplicates", "list_groups", "read_pairs"]
