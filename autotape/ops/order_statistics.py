"""Order statistics: medians, the k-th smallest element, the most frequent one."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from autotape.engine.batched import somewhere
from autotape.engine.dtypes import from_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops._reduce import Array, Shape, ValuesIndices, refuse_complex, take_along
from autotape.ops.extrema import along_dim, chosen_rule, shared_rule

__all__ = ["kthvalue", "median", "mode", "nanmedian"]

methods = __all__
in_place: list[str] = []


def _taken(x: Array, dim: int, keepdim: bool, index: Array, _shape: Shape) -> Any:
    y = take_along(x, index, dim)
    return y if keepdim else y.squeeze(dim)


_MEDIAN_ALONG = Operation("median", _taken, chosen_rule)
_NANMEDIAN_ALONG = Operation("nanmedian", _taken, chosen_rule)
_KTHVALUE = Operation("kthvalue", _taken, chosen_rule)
_MODE = Operation("mode", _taken, chosen_rule)


_SHORT = 32  # up to which a line is sorted: beyond, a partition and three passes are faster


def _has_nan(x: Array) -> bool:
    return x.dtype.kind == "f" and somewhere(np.isnan(np.maximum.reduce(x, axis=None, initial=-np.inf)))


def _ranked(x: Array, k: int, dim: int) -> Array:
    """The index of the element of rank k (from 0) in the stable order, the dimension kept; NaN ranks last."""
    kept = (*(slice(None),) * dim, slice(k, k + 1))
    if x.shape[dim] <= _SHORT or _has_nan(x):
        order: Array = x.argsort(dim, kind="stable")[kept]
        return order
    value = np.partition(x, k, dim)[kept]
    nth = k - np.count_nonzero(x < value, axis=dim, keepdims=True)  # among its equals
    index: Array = (np.cumsum(x == value, dim) > nth).argmax(dim, keepdims=True)
    return index


# --- median -------------------------------------------------------------------------------------------------


def _median_forward(x: Array, _dims: Shape, _keepdim: bool) -> Any:
    if not x.size:
        return np.full((), np.nan, x.dtype)
    middle = (x.size - 1) // 2
    ordered = np.partition(x.ravel(), (middle, x.size - 1))  # NaN sorts last
    if x.dtype.kind != "f":
        return ordered[middle]
    return np.where(np.isnan(ordered[-1]), ordered[-1], ordered[middle])


def _nanmedian_forward(x: Array, _dims: Shape, _keepdim: bool) -> Any:
    if x.dtype.kind != "f" or not x.size:
        return _median_forward(x, _dims, _keepdim)
    numbers = np.count_nonzero(~np.isnan(x))
    return np.sort(x, axis=None)[np.maximum(numbers - 1, 0) // 2]


_MEDIAN = Operation("median", _median_forward, shared_rule)
_NANMEDIAN = Operation("nanmedian", _nanmedian_forward, shared_rule)


def _argmedian(x: Array, dim: int, keepdims: bool) -> Array:
    index = _ranked(x, (x.shape[dim] - 1) // 2, dim)
    if _has_nan(x):
        nan = np.isnan(x)
        index = np.where(nan.any(dim, keepdims=True), nan.argmax(dim, keepdims=True), index)
    return index


def _argnanmedian(x: Array, dim: int, keepdims: bool) -> Array:
    if x.dtype.kind != "f":
        return _argmedian(x, dim, keepdims)
    numbers = np.count_nonzero(~np.isnan(x), axis=dim, keepdims=True)
    return take_along(x.argsort(dim, kind="stable"), np.maximum(numbers - 1, 0) // 2, dim)


def _middle(
    name: str, input: Any, dim: Any, keepdim: bool, whole: Operation, along: Operation, arg: Any
) -> Any:
    input = tensor_input(input, "input", name)
    x = input._array
    if x.dtype.kind == "b":
        raise NotImplementedError(f"{name}() is not implemented for {from_numpy_dtype(x.dtype)}")
    if dim is not None:
        return along_dim(along, arg, input, dim, keepdim)
    refuse_complex(name, x)
    if not x.size and x.dtype.kind != "f":
        raise RuntimeError(f"{name}(): no elements, and NaN is not a number of {from_numpy_dtype(x.dtype)}")
    return apply(whole, (input,), tuple(range(x.ndim)), False)


@overload
def median(input: Tensor) -> Tensor: ...
@overload
def median(
    input: Tensor, dim: int, keepdim: bool = False, *, out: tuple[Tensor, Tensor] | None = None
) -> ValuesIndices: ...
@dim_names
def median(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """The median: of an even number of elements the lower of the two middle ones; NaN if there is one.

    ``median(input)``: of all elements, a 0-d tensor; equal elements share the gradient. ``median(input,
    dim, keepdim)``: along one dimension, a named tuple ``(values, indices)``; the gradient goes to the
    element at the index. Errors: IndexError for a dimension of size 0; the median of no elements at all is
    NaN.

    >>> import autotape as at
    >>> at.tensor([4.0, 1.0, 3.0, 2.0]).median()
    tensor(2.)
    """
    return _middle("median", input, dim, keepdim, _MEDIAN, _MEDIAN_ALONG, _argmedian)


@overload
def nanmedian(input: Tensor) -> Tensor: ...
@overload
def nanmedian(
    input: Tensor, dim: int, keepdim: bool = False, *, out: tuple[Tensor, Tensor] | None = None
) -> ValuesIndices: ...
@dim_names
def nanmedian(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """The :func:`median` of the elements that are not NaN, in the same two forms; NaN where there is none.

    >>> import autotape as at
    >>> at.nanmedian(at.tensor([4.0, float("nan"), 3.0]))
    tensor(3.)
    """
    return _middle("nanmedian", input, dim, keepdim, _NANMEDIAN, _NANMEDIAN_ALONG, _argnanmedian)


# --- kthvalue and mode --------------------------------------------------------------------------------------


@dim_names
def kthvalue(
    input: Tensor,
    k: int,
    dim: int = -1,
    keepdim: bool = False,
    *,
    out: tuple[Tensor, Tensor] | None = None,
) -> ValuesIndices:
    """The ``k``-th smallest element (from 1) along ``dim``: a named tuple ``(values, indices)``.

    NaN counts as the largest. The gradient goes to the element at the index. Errors: RuntimeError for k out
    of range.

    >>> import autotape as at
    >>> at.kthvalue(at.tensor([3.0, 1.0, 2.0]), 2)
    ValuesIndices(values=tensor(2.), indices=tensor(2))
    """
    input = tensor_input(input, "input", "kthvalue")
    x = input._array
    if x.dtype.kind == "b":
        raise NotImplementedError(f"kthvalue() is not implemented for {from_numpy_dtype(x.dtype)}")
    size = x.shape[normalize_dim(dim, x.ndim)] if x.ndim else 1
    if not 1 <= k <= size and size:
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {dim}: k={k}, but its size is {size}"
        )

    def arg(x: Array, dim: int, keepdims: bool) -> Array:
        return _ranked(x, k - 1, dim)

    return along_dim(_KTHVALUE, arg, input, dim, keepdim)


def _argmode(x: Array, dim: int, keepdims: bool) -> Array:
    order = x.argsort(dim, kind="stable")
    ordered = take_along(x, order, dim)
    before = (slice(None),) * dim
    steps = np.arange(x.shape[dim]).reshape([-1 if d == dim else 1 for d in range(x.ndim)])
    first = ordered[(*before, slice(0, 1))]
    changes = ordered[(*before, slice(1, None))] != ordered[(*before, slice(0, x.shape[dim] - 1))]
    fresh = np.concatenate((np.ones_like(first, dtype=bool), changes), dim)
    start = np.maximum.accumulate(np.where(fresh, steps, 0), dim)
    return take_along(
        order, (steps - start).argmax(dim, keepdims=True), dim
    )  # the end of the first longest run


@dim_names
def mode(
    input: Tensor, dim: int = -1, keepdim: bool = False, *, out: tuple[Tensor, Tensor] | None = None
) -> ValuesIndices:
    """The most frequent element along ``dim``, the smallest of those: a named tuple ``(values, indices)``.

    The index is that of its last occurrence; the gradient goes there. Every NaN counts alone.
    Errors: IndexError for a dimension of size 0.

    >>> import autotape as at
    >>> at.mode(at.tensor([3, 1, 3, 2]))
    ValuesIndices(values=tensor(3), indices=tensor(2))
    """
    return along_dim(_MODE, _argmode, tensor_input(input, "input", "mode"), dim, keepdim)
