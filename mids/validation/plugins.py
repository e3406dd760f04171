"""Checks of other packages, found by the entry point group `mids.checks`.

An entry point names a module with functions under `@check`; importing it is what registers them::

    [project.entry-points."mids.checks"]
    mine = "my_package.my_checks"
"""

from functools import cache
from importlib.metadata import entry_points

from mids.errors import MidsError

GROUP = "mids.checks"


@cache
def load() -> tuple[str, ...]:
    """Registers the checks of all installed packages, once in a process; returns the names of the entry points.

    Raises `MidsError` where one can't be imported, or defines a code that there is already.
    """
    found = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    for point in found:
        try:
            point.load()
        except Exception as error:  # a module of others may raise anything
            reason = f"{type(error).__name__}: {error}"
            raise MidsError(
                f"can't load the checks of {point.name} ({point.value}): {reason}: install the package "
                "again, or remove it"
            ) from error
    return tuple(point.name for point in found)
