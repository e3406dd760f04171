"""The version, read by the build; a fallback where git tags are absent."""

__version__ = "0.1.0"
