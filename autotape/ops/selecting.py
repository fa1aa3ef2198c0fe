"""Taking elements by index tensors and masks: gather, take, index_select, masked_select, nonzero, ..."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autotape.engine.batched import fresh, somewhere
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.ops._accumulate import add_elements
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops._places import Shape, flat_places, vector_index
from autotape.ops.indexing import getitem, take_along
from autotape.ops.shape import broadcast_to, ravel, sizes

__all__ = [
    "argwhere",
    "gather",
    "index_select",
    "masked_select",
    "nonzero",
    "take",
    "take_along_dim",
    "unravel_index",
]

methods = ["argwhere", "gather", "index_select", "masked_select", "nonzero", "take", "take_along_dim"]
in_place: list[str] = []

Array = np.ndarray[Any, Any]


# --- one place per element ----------------------------------------------------------------------------------
#
# ``places`` holds, for each element of the result, its position in the flattened tensor.


def _gather_rule(g: Any, _y: Any, _x: Any, places: Array, unique: bool, shape: Shape) -> Any:
    if isinstance(g, Tensor):
        return apply(GATHER_ADJOINT, (g,), places, unique, shape)
    return _put_into_zeros(g, places, unique, shape)


def _put_into_zeros(g: Array, places: Array, unique: bool, shape: Shape) -> Array:
    out: Array = fresh(shape, g)
    if unique:
        out.reshape(-1)[places] = g
    else:
        add_elements(out, places, g)
    return out


def _gather_adjoint_rule(g: Any, _y: Any, _x: Any, places: Array, unique: bool, shape: Shape) -> Any:
    return apply(GATHER, (g,), places, unique, shape) if isinstance(g, Tensor) else g.take(places)


GATHER = Operation("gather", lambda x, places, _unique, _shape: x.take(places), _gather_rule)
GATHER_ADJOINT = Operation("gather_adjoint", _put_into_zeros, _gather_adjoint_rule)


@takes_out
@dim_names
def gather(
    input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False, out: Tensor | None = None
) -> Tensor:
    """An element of ``input`` per one of ``index``: ``out[i][j][k] = input[i][index[i][j][k]][k]`` for dim=1.

    ``index`` has as many dimensions as ``input`` and, except along ``dim``, at most its sizes; the result has
    its shape. The derivative adds the gradient up in the elements' places. ``sparse_grad`` is accepted and
    ignored.

    Errors: RuntimeError for an index out of range (negative ones too) or of a wrong shape or dtype.

    >>> import autotape as at
    >>> at.tensor([[1.0, 2.0], [3.0, 4.0]]).gather(1, at.tensor([[1], [0]]))
    tensor([[2.],
            [3.]])
    """
    input = tensor_input(input, "input", "gather")
    shape = input._array.shape
    dim = normalize_dim(dim, len(shape))
    places = flat_places("gather", shape, dim, index)
    unique = places.ndim == 0 or places.shape[dim if places.ndim == len(shape) else 0] <= 1
    return apply(GATHER, (input,), places, unique, shape)  # type: ignore[no-any-return]


@takes_out
@dim_names
def take_along_dim(
    input: Tensor, indices: Tensor, dim: int | None = None, *, out: Tensor | None = None
) -> Tensor:
    """:func:`gather` with broadcasting of ``input`` and ``indices``; negative indices count from the end.

    Without ``dim`` both are flattened. It takes the results of argmax and argsort.

    >>> import autotape as at
    >>> at.tensor([[3.0, 1.0, 2.0]]).take_along_dim(at.tensor([[1, 2, 0]]), dim=1)
    tensor([[1., 2., 3.]])
    """
    input = tensor_input(input, "input", "take_along_dim")
    indices = tensor_input(indices, "indices", "take_along_dim")
    if dim is None:
        input, indices, dim = ravel(input), ravel(indices), 0
    if input._array.ndim != indices._array.ndim:
        raise RuntimeError(
            f"take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input._array.ndim} dimensions for input, and {indices._array.ndim} dimensions for indices"
        )
    dim = normalize_dim(dim, input._array.ndim)
    a, i = input._array.shape, indices._array
    if i.dtype.kind not in "iu":
        raise RuntimeError(f"take_along_dim(): dtype of indices should be Long but got {i.dtype.name}")
    both = list(np.broadcast_shapes(*[(*s[:dim], 1, *s[dim + 1 :]) for s in (a, i.shape)])) if a else []
    if a:
        both[dim] = a[dim]
        input = broadcast_to(input, both) if tuple(both) != a else input
        i = np.broadcast_to(i, [*both[:dim], i.shape[dim], *both[dim + 1 :]])
        i = np.where(i < 0, i + a[dim], i)
    return gather(input, dim, Tensor._wrap(i))


@takes_out
def take(input: Tensor, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements of the flattened tensor that ``index`` names, in the shape of ``index``; a copy.

    Negative indices count from the end. The derivative adds the gradient up in the elements' places.

    Errors: IndexError for an index out of range, RuntimeError for one that is not int64.

    >>> import autotape as at
    >>> at.tensor([[4, 3], [5, 6]]).take(at.tensor([0, -1]))
    tensor([4, 6])
    """
    input = tensor_input(input, "input", "take")
    places = wrapped_places("take", input, index)
    return apply(GATHER, (input,), places, False, input._array.shape)  # type: ignore[no-any-return]


def wrapped_places(function: str, input: Tensor, index: Any) -> Array:
    """The positions in the flattened tensor, negative ones counted from the end; IndexError out of range."""
    a = tensor_input(index, "index", function)._array
    if a.dtype != np.int64:
        raise RuntimeError(f"{function}(): Expected a long tensor for index, but got {a.dtype.name}")
    size = input._array.size
    if a.size and not size:
        raise IndexError(f"{function}(): tried to take from an empty tensor")
    if a.size and somewhere((a.min() < -size) | (a.max() >= size)):
        wrong = a.min() if a.min() < -size else a.max()
        raise IndexError(f"out of range: {function}() got index {wrong} for a tensor of {size} elements")
    return np.where(a < 0, a + size, a)


# --- whole slices, masks ------------------------------------------------------------------------------------


@takes_out
@dim_names
def index_select(input: Tensor, dim: int, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The slices of ``input`` along ``dim`` that a 1-D integer tensor names; a copy.

    Errors: IndexError for an index out of range (negative ones too).

    >>> import autotape as at
    >>> at.tensor([[1, 2], [3, 4]]).index_select(1, at.tensor([1, 1, 0]))
    tensor([[2, 2, 1],
            [4, 4, 3]])
    """
    input = tensor_input(input, "input", "index_select")
    shape = input._array.shape
    dim = normalize_dim(dim, len(shape))
    a = vector_index("index_select", index, shape[dim] if shape else 1, IndexError)
    if not shape:
        if a.size != 1:
            raise RuntimeError(
                f"index_select(): Index to scalar can have only 1 value, got {a.size} value(s)"
            )
        return take_along(input.reshape(1), a, 0).reshape(())
    return take_along(input, a, dim)


def mask_array(function: str, mask: Any) -> Array:
    """The array of a boolean mask; RuntimeError for another dtype."""
    a = tensor_input(mask, "mask", function)._array
    if a.dtype.kind != "b":
        raise RuntimeError(
            f"{function}: only boolean masks are supported, but got mask with dtype {a.dtype.name}"
        )
    return a


@takes_out
def masked_select(input: Tensor, mask: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements where ``mask`` is True, as a 1-D tensor; both are broadcast against each other.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0, 3.0]).masked_select(at.tensor([True, False, True]))
    tensor([1., 3.])
    """
    input = tensor_input(input, "input", "masked_select")
    a = mask_array("masked_select", mask)
    try:
        shape = np.broadcast_shapes(input._array.shape, a.shape)
    except ValueError:
        raise RuntimeError(
            f"masked_select: the mask of shape {list(a.shape)} can't be broadcast with the input of shape "
            f"{list(input._array.shape)}"
        ) from None
    if input._array.shape != shape:
        input = broadcast_to(input, shape)
    return getitem(input, Tensor._wrap(np.broadcast_to(a, shape)))


# --- positions ----------------------------------------------------------------------------------------------


@takes_out
def nonzero(input: Tensor, *, out: Tensor | None = None, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not 0: a row for each, or a 1-D tensor for each dimension.

    >>> import autotape as at
    >>> at.tensor([[1, 0], [0, 2]]).nonzero()
    tensor([[0, 0],
            [1, 1]])
    >>> at.tensor([0, 3]).nonzero(as_tuple=True)
    (tensor([1]),)
    """
    x = tensor_input(input, "input", "nonzero")._array
    if as_tuple:
        return tuple([Tensor._wrap(i.copy()) for i in np.atleast_1d(x).nonzero()])  # not parts of one array
    return Tensor._wrap(np.argwhere(x))


def argwhere(input: Tensor) -> Tensor:
    """The indices of the elements that are not 0, a row for each: an int64 tensor.

    >>> import autotape as at
    >>> at.argwhere(at.tensor([[1, 0], [0, 2]]))
    tensor([[0, 0],
            [1, 1]])
    """
    return nonzero(input)  # type: ignore[no-any-return]


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The index along each dimension of elements that are named by their position in the flattened tensor.

    Errors: TypeError unless ``indices`` are integers, ValueError for a position outside of the shape.

    >>> import autotape as at
    >>> at.unravel_index(at.tensor([1, 5]), (2, 3))
    (tensor([0, 1]), tensor([1, 2]))
    """
    a = tensor_input(indices, "indices", "unravel_index")._array
    if a.dtype.kind not in "iu":
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    a = a.astype(np.int64)
    if not isinstance(shape, (int, tuple, list, Tensor)):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape).__name__}")
    if isinstance(shape, Tensor):
        shape = shape.tolist()
    full = (
        sizes((shape,), "unravel_index", "shape") if not isinstance(shape, int) else (operator.index(shape),)
    )
    if min(full, default=0) < 0:
        raise ValueError(f"'shape' cannot have negative values, but got {full}")
    size = int(np.prod(full))
    if a.size and somewhere((a.min() < -size) | (a.max() >= size)):
        raise ValueError(f"unravel_index: an index is out of bounds for shape {list(full)}")
    return tuple([Tensor._wrap(np.asarray(i)) for i in np.unravel_index(a % max(size, 1), full)])
