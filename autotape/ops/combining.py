"""Tensors brought to one shape, and the combinations of their elements."""

from __future__ import annotations

from itertools import combinations as choices
from itertools import combinations_with_replacement as choices_with_replacement
from typing import Any

import numpy as np

from autotape.engine.basics import Size
from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.ops.indexing import take_along
from autotape.ops.joining import stack
from autotape.ops.shape import broadcast_to, ravel, reshape

__all__ = ["broadcast_shapes", "broadcast_tensors", "cartesian_prod", "combinations", "meshgrid"]

methods: list[str] = []
in_place: list[str] = []


# --- broadcasting -------------------------------------------------------------------------------------------


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of the given shapes (tuples or ints) are broadcast to.

    Errors: RuntimeError where two sizes differ and neither is 1.

    >>> import autotape as at
    >>> at.broadcast_shapes((2, 1), (3,), 1)
    autotape.Size([2, 3])
    """
    given = [tuple(s) if isinstance(s, (tuple, list)) else (s,) for s in shapes]
    for i, shape in enumerate(given):
        if any(n < 0 for n in shape):
            raise RuntimeError(f"Attempting to broadcast a negative dimension: shape {i} is {list(shape)}")
    try:
        return Size(np.broadcast_shapes(*given))
    except ValueError:
        raise RuntimeError(
            f"the shapes {', '.join([str(list(s)) for s in given])} can't be broadcast together: sizes, "
            "counted from the last dimension, must be equal or 1"
        ) from None


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors broadcast to their common shape: views, several of whose elements are one place in memory.

    The derivative sums over the repeats. Errors: RuntimeError if the shapes do not fit together.

    >>> import autotape as at
    >>> a, b = at.broadcast_tensors(at.zeros(3, 1), at.ones(2))
    >>> a.shape, b.shape
    (autotape.Size([3, 2]), autotape.Size([3, 2]))
    """
    found = [tensor_input(t, f"tensors[{i}]", "broadcast_tensors") for i, t in enumerate(_unpacked(tensors))]
    shape = broadcast_shapes(*[t._array.shape for t in found])
    return tuple([broadcast_to(t, shape) for t in found])


def _unpacked(tensors: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors


# --- grids and combinations ---------------------------------------------------------------------------------


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: for 1-D tensors of lengths n1, n2, ... as many views of shape (n1, n2, ...).

    ``indexing="xy"`` swaps the first two dimensions, as NumPy's default does.

    >>> import autotape as at
    >>> x, y = at.meshgrid(at.arange(2), at.arange(3))
    >>> x, y
    (tensor([[0, 0, 0],
            [1, 1, 1]]), tensor([[0, 1, 2],
            [0, 1, 2]]))
    """
    tensors = _unpacked(tensors)
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    found = [tensor_input(t, f"tensors[{i}]", "meshgrid") for i, t in enumerate(tensors)]
    if not found:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for i, t in enumerate(found):
        if t._array.ndim > 1:
            raise RuntimeError(
                f"Expected 0D or 1D tensor in the tensor list but got shape {list(t._array.shape)} (number "
                f"{i})"
            )
        if t._array.dtype != found[0]._array.dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    order = list(range(len(found)))
    if indexing == "xy" and len(found) > 1:
        order[:2] = [1, 0]
    shape = tuple([found[i]._array.size for i in order])
    grids = []
    for i, t in enumerate(found):
        d = order.index(i)
        grids.append(broadcast_to(reshape(t, (1,) * d + (-1,) + (1,) * (len(found) - d - 1)), shape))
    return tuple(grids)


def cartesian_prod(*tensors: Any) -> Tensor:
    """All combinations of one element from each 1-D tensor, as the rows of a matrix, the last varying first.

    One tensor alone comes back as it is. The gradient of an element sums over the rows that it is in.

    >>> import autotape as at
    >>> at.cartesian_prod(at.tensor([1, 2]), at.tensor([5, 6]))
    tensor([[1, 5],
            [1, 6],
            [2, 5],
            [2, 6]])
    """
    found = [tensor_input(t, f"tensors[{i}]", "cartesian_prod") for i, t in enumerate(_unpacked(tensors))]
    for t in found:
        if t._array.ndim != 1:
            raise RuntimeError(
                f"cartesian_prod(): expected 1-D tensors, got one of shape {list(t._array.shape)}"
            )
    if len(found) == 1:
        return found[0]
    return stack([ravel(grid) for grid in meshgrid(*found)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """The ``r``-element subsets of a 1-D tensor, in order, as the rows of a matrix.

    ``with_replacement``: an element may come more than once. The gradient of an element sums over its rows.

    Errors: RuntimeError for another number of dimensions or a negative ``r``.

    >>> import autotape as at
    >>> at.combinations(at.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    input = tensor_input(input, "input", "combinations")
    if input._array.ndim != 1:
        raise RuntimeError(f"combinations(): expected a 1-D tensor, got shape {list(input._array.shape)}")
    if r < 0:
        raise RuntimeError(f"combinations(): expected a non-negative number of elements r, got {r}")
    if r == 0:
        return Tensor._wrap(np.empty(0, input._array.dtype))
    numbers = range(input._array.size)
    rows = list(choices_with_replacement(numbers, r) if with_replacement else choices(numbers, r))
    return take_along(input, np.array(rows, np.intp).reshape(len(rows), r), 0)
