"""A property that is computed once: `functools.cached_property` without its lock.

Python 3.11 takes a lock for every first use; a view is used by one thread, and a dataset has millions of uses.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class once(Generic[Value]):  # noqa: N801 - it is used as a decorator
    """Decorates a method without arguments: its value is computed at the first use and kept in the object."""

    def __init__(self, function: Callable[[Any], Value]) -> None:
        self._function = function
        self._name = function.__name__
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> "once[Value]": ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object | None, owner: type) -> "once[Value] | Value":
        if instance is None:
            return self
        # An attribute of the object itself is found before this descriptor the next time.
        value = instance.__dict__[self._name] = self._function(instance)
        return value
