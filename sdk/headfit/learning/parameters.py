"""Parameters: what an estimator was made with, by name, as scikit-learn asks for it."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from headfit.errors import InputError

_Same = TypeVar("_Same", bound="Parameters")


class Parameters:
    """An object whose parameters are its attributes of the same names."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; none holds an estimator, so ``deep`` changes nothing."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self: _Same, **parameters: Any) -> _Same:
        """Change parameters and return the object itself; they count from the next `fit` on.

        Raises
        ------
        InputError
            If there is no such parameter; none is changed.
        """
        known = self.get_params()
        unknown = sorted(parameters.keys() - known.keys())
        if unknown:
            raise InputError(
                f"expected parameters out of {', '.join(known)}, found {', '.join(unknown)}; "
                "see get_params"
            )
        for name, value in parameters.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = (
            f"{name}={getattr(self, name)!r}"
            for name, parameter in inspect.signature(type(self)).parameters.items()
            if getattr(self, name) != parameter.default
        )
        return f"{type(self).__name__}({', '.join(changed)})"
