"""Tables as pandas has them, without pandas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class Table:
    """What pandas' tables have of numpy's arrays."""

    def __init__(self, values: np.ndarray) -> None:
        self._values, self.ndim = values, values.ndim

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        return self._values


class NamedTable(Table):
    """One whose columns have names, of which it can be asked for some."""

    def __init__(self, values: np.ndarray, columns: Sequence[object]) -> None:
        super().__init__(values)
        self.columns = list(columns)

    def __getitem__(self, names: list[object]) -> NamedTable:
        return NamedTable(self._values[:, [self.columns.index(name) for name in names]], names)
