"""Pillow decodes whole pictures, which the page does not do: only its names are imported."""


class Image:
    """Stands for the module `PIL.Image`."""

    class Image:
        """Never made."""


class UnidentifiedImageError(Exception):
    """Never raised."""
