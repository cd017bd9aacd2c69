"""Values of an object that are computed when first asked for.

`functools.cached_property` holds one lock for all objects of a class while it computes, before
Python 3.12: two threads fitted one after the other, and a child forked meanwhile waited for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801  used like property
    """A property that is computed once; two threads may both compute it, and get the same."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> once[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> once[T] | T:
        if instance is None:
            return self
        computed: T = vars(instance).setdefault(self._name, self._compute(instance))
        return computed  # from now on found in the object, before this
