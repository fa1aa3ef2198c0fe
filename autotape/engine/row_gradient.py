"""The gradient of a table of which few rows were looked up: those rows, until somebody wants the whole.

An optimizer that needs no more reads the rows; whoever else looks finds an ordinary gradient. So nobody can
change the one and miss the other: the whole is made, and the rows are forgotten, by the first look.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor, new_tensor

__all__ = ["RowGradient", "Rows", "row_gradient", "set_rows"]

Array = np.ndarray[Any, Any]

_lock = threading.Lock()


class Rows:
    """An array of two dimensions that is zero but for ``rows``, each named once: there it is ``values``."""

    __slots__ = ("dtype", "rows", "shape", "values")

    def __init__(self, rows: Array, values: Array, count: int) -> None:
        self.rows = rows
        self.values = values
        self.shape = (count, values.shape[1])
        self.dtype = values.dtype

    def whole(self) -> Array:
        """The array, in memory of its own."""
        out = np.zeros(self.shape, self.dtype)
        set_rows(out, self.rows, self.values)
        return out


def set_rows(table: Array, rows: Array, values: Array) -> None:
    """``table[rows] = values``, both C-contiguous; to copy a row as one element takes a third of the time."""
    row = np.dtype((np.void, table.strides[0]))
    table.view(row)[:, 0][rows] = values.view(row)[:, 0]


class RowGradient(Tensor):
    """A gradient that is still its :class:`Rows`; an ordinary Tensor as soon as its array is asked for."""

    parts: Rows

    def __getattr__(self, name: str) -> Any:
        if name != "_array":
            raise AttributeError(f"'Tensor' object has no attribute {name!r}")
        with _lock:
            if "_array" not in self.__dict__:
                self._array = self.parts.whole()
                del self.parts
                self.__class__ = Tensor  # type: ignore[assignment]
        return self.__dict__["_array"]


def row_gradient(parts: Rows) -> RowGradient:
    """The gradient of a leaf, from its rows."""
    out = new_tensor(RowGradient)
    out.parts = parts
    out._node = None
    return out
