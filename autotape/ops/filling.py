"""A tensor with a part of it replaced: where a mask says, at an index, in the place of a view."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.out import takes_out
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.engine.views import VIEW_SCATTER
from autotape.ops import arithmetic
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops._rules import masked
from autotape.ops.assigning import SETITEM
from autotape.ops.indexing import (
    GETITEM,
    INDEX_ADJOINT,
    explained,
    normalise,
    take_copy,
    take_view,
)
from autotape.ops.selecting import mask_array
from autotape.ops.shape import broadcast_to, ravel

__all__ = [
    "index_put",
    "masked_fill",
    "masked_scatter",
    "select_scatter",
    "slice_scatter",
]

methods = __all__
in_place = ["index_put", "masked_fill", "masked_scatter"]

Array = np.ndarray[Any, Any]

_FULL = slice(None)


# --- masks --------------------------------------------------------------------------------------------------


def _fill_input_rule(g: Any, _y: Any, _x: Any, _value: Any, mask: Array) -> Any:
    return masked(g, ~mask)


def _fill_value_rule(g: Any, _y: Any, _x: Any, _value: Any, mask: Array) -> Any:
    return masked(g, mask)


_MASKED_FILL = Operation(
    "masked_fill",
    lambda x, value, mask: np.where(mask, value, x),
    _fill_input_rule,
    _fill_value_rule,
    elementwise=True,
    masks=True,
)


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """``value`` where ``mask`` is True, ``input`` elsewhere, in input's dtype; the mask is broadcast.

    ``value`` is a number or a 0-d tensor. Where the mask is True the gradient of ``input`` is exactly 0.

    Errors: RuntimeError unless the mask is boolean, and for a value that input's dtype can't hold.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0]).masked_fill(at.tensor([True, False]), -at.inf)
    tensor([-inf,  2.])
    """
    input = tensor_input(input, "input", "masked_fill")
    a = mask_array("masked_fill", mask)
    dtype = input._array.dtype
    number = filler("masked_fill_", value, dtype)
    try:
        return apply(_MASKED_FILL, (input, number), a)  # type: ignore[no-any-return]
    except ValueError:
        raise RuntimeError(
            f"masked_fill: the mask of shape {list(a.shape)} can't be broadcast with the input of shape "
            f"{list(input._array.shape)}"
        ) from None


def filler(function: str, value: Any, dtype: np.dtype[Any]) -> Tensor:
    """A number or a 0-d tensor as a tensor of that dtype."""
    if not isinstance(value, Tensor):
        return number_as(value, dtype)
    if value._array.ndim:
        raise RuntimeError(
            f"{function} only supports a 0-dimensional value tensor, but got tensor with "
            f"{value._array.ndim} dimension(s)."
        )
    if value._array.dtype.kind == "c" and dtype.kind != "c":
        raise RuntimeError(f"{function}: value cannot be converted to type {dtype.name} without overflow")
    return value if value._array.dtype == dtype else value.to(dtype)


def number_as(value: Any, dtype: np.dtype[Any]) -> Tensor:
    """A number as a 0-d tensor; RuntimeError if it is finite and the dtype's would not be."""
    if isinstance(value, complex) and dtype.kind != "c":
        raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow: {value}")
    try:
        out = quietly(np.array(value).astype, dtype) if dtype.kind in "fcb" else np.array(int(value), dtype)
    except (OverflowError, ValueError):
        out = None
    if out is None or (np.isfinite(value) and not np.isfinite(out)):
        raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow: {value}")
    return Tensor._wrap(out)


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """The first elements of ``source``, in order, in the places where ``mask`` is True; ``input`` elsewhere.

    The mask and ``input`` are broadcast against each other. An element of ``source`` gets the gradient of its
    place; ``input`` gets 0 where the mask is True.

    Errors: RuntimeError unless the mask is boolean, ``source`` has input's dtype, and enough elements.

    >>> import autotape as at
    >>> at.zeros(3).masked_scatter(at.tensor([True, False, True]), at.tensor([1.0, 2.0, 3.0]))
    tensor([1., 0., 2.])
    """
    input = tensor_input(input, "input", "masked_scatter")
    source = tensor_input(source, "source", "masked_scatter")
    a = mask_array("masked_scatter_", mask)
    if source._array.dtype != input._array.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {input.dtype} and "
            f"{source.dtype}"
        )
    try:
        shape = np.broadcast_shapes(input._array.shape, a.shape)
    except ValueError:
        raise RuntimeError(
            f"masked_scatter: the mask of shape {list(a.shape)} can't be broadcast with the input of shape "
            f"{list(input._array.shape)}"
        ) from None
    a = np.broadcast_to(a, shape)
    if input._array.shape != shape:
        input = broadcast_to(input, shape)
    count = int(np.count_nonzero(a))
    if count > source._array.size:
        raise RuntimeError(
            f"Number of elements of source ({source._array.size}) < number of ones in mask ({count})"
        )
    how = (None, (a,), None, True)
    return apply(SETITEM, (input, ravel(source)[:count]), None, how)  # type: ignore[no-any-return]


# --- the place of an index or of a view ---------------------------------------------------------------------


def index_put(input: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """A copy of ``input`` with ``out[indices] = values``; with ``accumulate`` added, repeats add up.

    ``indices`` is a tuple with an integer tensor, a mask or None for each dimension; ``values`` is broadcast
    to the shape of ``input[indices]`` and has input's dtype. Its derivative is the gradient at its place.

    Errors: IndexError for an index out of range, RuntimeError if ``values`` does not fit.

    >>> import autotape as at
    >>> at.zeros(3).index_put((at.tensor([0, 0]),), at.tensor([1.0, 2.0]), accumulate=True)
    tensor([3., 0., 0.])
    """
    input = tensor_input(input, "input", "index_put")
    values = tensor_input(values, "values", "index_put")
    if values._array.dtype != input._array.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {input.dtype} for the "
            f"destination and {values.dtype} for the source."
        )
    shape = input._array.shape
    index = tuple([_FULL if i is None else i for i in indices])
    basic, how = normalise(index, shape)
    try:
        if how is None:
            found = take_view(input._array, basic, shape).shape
        else:
            found = take_copy(input._array, how, shape).shape
        if not accumulate:
            return apply(SETITEM, (input, broadcast_to(values, found)), basic, how)  # type: ignore[no-any-return]
        values = broadcast_to(values, found)
        if how is None:
            return put_into_view(
                "index_put_", input, arithmetic.add(input[basic], values), GETITEM, (basic, shape)
            )
        return arithmetic.add(input, apply(INDEX_ADJOINT, (values,), how, shape))
    except IndexError as error:
        raise explained(error, index, shape) from None


def put_into_view(
    name: str, input: Tensor, src: Tensor, view: Operation, constants: tuple[Any, ...]
) -> Tensor:
    """A copy of ``input`` with ``src`` in the place that the operation ``view`` takes a view of."""
    place = quietly(view.forward, input._array, *constants).shape
    if src._array.shape != place:
        raise RuntimeError(
            f"{name}: expected src to have a size equal to the slice of self. src size = "
            f"{list(src._array.shape)}, slice size = {list(place)}"
        )
    if src._array.dtype != input._array.dtype:
        src = src.to(input._array.dtype)
    return apply(VIEW_SCATTER, (input, src), view, constants)  # type: ignore[no-any-return]


@takes_out
@dim_names
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int, *, out: Tensor | None = None) -> Tensor:
    """A copy of ``input`` with ``src`` in place of ``input.select(dim, index)``.

    The gradient of ``src`` is that of its place; the gradient of ``input`` is zero there. Errors:
    RuntimeError for another shape than the slice's, IndexError for an index out of range.

    >>> import autotape as at
    >>> at.zeros(2, 2).select_scatter(at.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    input = tensor_input(input, "input", "select_scatter")
    shape = input._array.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = normalize_dim(dim, len(shape))
    index = operator.index(index)
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(
            f"select_scatter(): index {index} out of range for tensor of size {list(shape)} at dimension "
            f"{dim}"
        )
    src = tensor_input(src, "src", "select_scatter")
    return put_into_view("select_scatter", input, src, GETITEM, ((_FULL,) * dim + (index,), shape))


@takes_out
@dim_names
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """A copy of ``input`` with ``src`` in place of its slice ``start:end:step`` along ``dim``.

    The gradient of ``src`` is that of its place; the gradient of ``input`` is zero there. Errors:
    RuntimeError for another shape than the slice's, or a step that is not positive.

    >>> import autotape as at
    >>> at.zeros(4).slice_scatter(at.ones(2), start=1, end=3)
    tensor([0., 1., 1., 0.])
    """
    input = tensor_input(input, "input", "slice_scatter")
    shape = input._array.shape
    dim = normalize_dim(dim, len(shape))
    if step <= 0:
        raise RuntimeError(f"slice_scatter(): step must be positive, got {step}")
    src = tensor_input(src, "src", "slice_scatter")
    place = (_FULL,) * dim + (slice(start, end, step),)
    return put_into_view("slice_scatter", input, src, GETITEM, (place, shape))
