"""Which elements an index tensor names: checked, and as positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.batched import somewhere
from autotape.engine.operands import tensor_input

__all__ = ["flat_places", "vector_index"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def flat_places(function: str, shape: Shape, dim: int, index: Any, source: Shape | None = None) -> Array:
    """The flat positions that ``index`` means along ``dim`` of a tensor; RuntimeError for a wrong one."""
    a = tensor_input(index, "index", function)._array
    if a.dtype.kind not in "iu":
        raise RuntimeError(f"{function}(): Expected dtype int32/int64 for index, got {a.dtype.name}")
    if a.size == 0:
        return np.empty(a.shape, np.intp)
    if max(a.ndim, 1) != max(len(shape), 1):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as input tensor: {function}() got an "
            f"index of shape {list(a.shape)} for an input of shape {list(shape)}"
        )
    full = shape or (1,)
    own = a.shape or (1,)
    if any(n > m for d, (n, m) in enumerate(zip(own, full)) if d != dim):
        raise RuntimeError(
            f"{function}(): Expected index {list(a.shape)} to be no larger than self {list(shape)} apart "
            f"from dimension {dim}"
        )
    if source is not None and (
        len(source or (1,)) != len(own) or any(n > m for n, m in zip(own, source or (1,)))
    ):
        raise RuntimeError(
            f"{function}(): Expected index {list(a.shape)} to be no larger size than src {list(source)}"
        )
    places = a.astype(np.intp).reshape(own)
    if somewhere(
        np.maximum.reduce(places.view(np.uintp), axis=None) >= full[dim]
    ):  # of negative ones too, as unsigned
        wrong = places[(places < 0) | (places >= full[dim])][0]
        raise RuntimeError(
            f"index {wrong} is out of bounds for dimension {dim} with size {full[dim]} ({function}() of an "
            f"input of shape {list(shape)})"
        )
    step = 1
    for d in range(len(full) - 1, -1, -1):
        if d == dim:
            if step > 1:
                places *= step
            break
        step *= full[d]
    step = 1
    for d in range(len(full) - 1, -1, -1):
        if d != dim and own[d] > 1:
            places += np.arange(0, own[d] * step, step).reshape((-1,) + (1,) * (len(full) - 1 - d))
        step *= full[d]
    return places.reshape(a.shape)


def vector_index(function: str, index: Any, size: int, error: type[Exception]) -> Array:
    """A 1-D index of integers from 0 to ``size`` - 1; ``error`` for one out of range."""
    a = tensor_input(index, "index", function)._array
    if a.ndim > 1:
        raise IndexError(f"{function}(): Index is supposed to be a vector, got shape {list(a.shape)}")
    if a.dtype.kind not in "iu":
        raise RuntimeError(f"{function}(): Expected dtype int32/int64 for index, got {a.dtype.name}")
    if a.size and somewhere((a.min() < 0) | (a.max() >= size)):
        wrong = int(a.min() if a.min() < 0 else a.max())
        raise error(
            f"index out of range in self: {function}() got index {wrong} for a dimension of size {size}"
        )
    return a.reshape(-1)
