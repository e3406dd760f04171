"""The commands: one file each, and the parsers that bring them together."""

from mids.cli.commands import convert_main, main, parsers, validate_main

__all__ = ["convert_main", "main", "parsers", "validate_main"]
