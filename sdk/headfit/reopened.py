"""Reopened: what a pickle opens again where it arrives, and what becomes of it if it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headfit.errors import HeadfitError


class Reopened:
    """Base of what holds a file or a process open, and is opened again in another process.

    A worker that cannot read its task is lost to `multiprocessing.Pool`, which starts another one
    and waits for ever. So what cannot be opened says why when it is used, not when it arrives.
    """

    def reopen(self, open_again: Callable[[], object]) -> None:
        """Become what is opened, or what raises, whenever it is used, why it was not."""
        try:
            found = open_again()
        except (HeadfitError, OSError) as error:
            vars(self)["_not_opened"] = error
        else:
            vars(self).update(vars(found))

    if not TYPE_CHECKING:  # it is asked for what is not there

        def __getattr__(self, name: str) -> Any:
            if "_not_opened" not in vars(self) or name.startswith("__"):
                kind = type(self).__name__
                raise AttributeError(f"{kind} has no attribute {name!r}", name=name, obj=self)
            raise vars(self)["_not_opened"]
