"""The version: a build writes here what git tags say (docs/releasing.md); a checkout names the release it grew from."""

__version__ = "0.1.0+checkout"
