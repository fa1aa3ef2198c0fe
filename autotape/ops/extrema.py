"""Extrema: the largest, smallest and middle elements, and where they are."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from autotape.engine.dtypes import from_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.tensor import Tensor
from autotape.ops._dims import Dims, dim_names, normalize_dim, normalize_dims
from autotape.ops._reduce import (
    Array,
    Shape,
    ValuesIndices,
    kept_shape,
    place_along,
    refuse_complex,
    refuse_empty,
    shares,
    take_along,
)
from autotape.ops._rules import array_of

__all__ = ["amax", "amin", "argmax", "argmin", "max", "median", "min"]

methods = __all__
in_place: list[str] = []


# --- over all elements, or over several dimensions: ties share the gradient ---------------------------------


def _shared_rule(g: Any, y: Any, x: Any, dims: Shape, _keepdim: bool) -> Any:
    kept = kept_shape(x.shape, dims)
    elements, value = array_of(x), array_of(y).reshape(kept)
    hit = elements == value
    if np.isnan(value).any():
        hit |= np.isnan(elements) & np.isnan(value)
    return g.reshape(kept) * shares(hit, dims, elements.dtype)


def _reducing(name: str, ufunc: Any) -> Operation:
    # ufunc.reduce skips the Python layer of ndarray.max.
    return Operation(
        name, lambda x, dims, keepdim: ufunc.reduce(x, axis=dims, keepdims=keepdim), _shared_rule
    )


_MAX, _MIN = _reducing("max", np.maximum), _reducing("min", np.minimum)
_AMAX, _AMIN = _reducing("amax", np.maximum), _reducing("amin", np.minimum)


def _extremum(operation: Operation, input: Any, dim: Dims, keepdim: bool) -> Tensor:
    name = operation.name
    input = tensor_input(input, "input", name)
    x = input._array
    refuse_complex(name, x)
    if not x.size:
        if dim is None or dim == () or dim == []:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                f"reduction dim with the 'dim' argument (the input has shape {list(x.shape)})."
            )
        refuse_empty(name, x.shape, normalize_dims(dim, x.ndim))
    return apply(operation, (input,), normalize_dims(dim, x.ndim), keepdim)  # type: ignore[no-any-return]


@implements((np.maximum, "reduce"))
@dim_names
def amax(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The largest element over ``dim`` (an int, a tuple, or None: all dimensions); NaN if there is one.

    The gradient is shared equally among the elements that attain it. Errors: IndexError for a dimension of
    size 0, RuntimeError for an empty input without ``dim``.

    >>> import autotape as at
    >>> x = at.tensor([[1.0, 3.0, 3.0]], requires_grad=True)
    >>> x.amax(1).backward(); x.grad
    tensor([[0.0000, 0.5000, 0.5000]])
    """
    return _extremum(_AMAX, input, dim, keepdim)


@implements((np.minimum, "reduce"))
@dim_names
def amin(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The smallest element over ``dim``: see :func:`amax`.

    >>> import autotape as at
    >>> at.tensor([[1.0, 3.0], [5.0, 2.0]]).amin(dim=0)
    tensor([1., 2.])
    """
    return _extremum(_AMIN, input, dim, keepdim)


# --- along one dimension, with the index: the gradient goes to the element chosen ---------------------------


def _chosen_rule(g: Any, _y: Any, _x: Any, dim: int, _keepdim: bool, index: Array, shape: Shape) -> Any:
    return place_along(g.reshape(index.shape), index, dim, shape)


def _choosing(name: str, ufunc: Any) -> Operation:
    def forward(x: Array, dim: int, keepdim: bool, _index: Array, _shape: Shape) -> Any:
        return ufunc.reduce(x, axis=dim, keepdims=keepdim)  # cheaper than to pick at the index

    return Operation(name, forward, _chosen_rule)


def _median_along_forward(x: Array, dim: int, keepdim: bool, index: Array, _shape: Shape) -> Any:
    y = take_along(x, index, dim)
    return y if keepdim else y.squeeze(dim)


_MAX_ALONG, _MIN_ALONG = _choosing("max", np.maximum), _choosing("min", np.minimum)
_MEDIAN_ALONG = Operation("median", _median_along_forward, _chosen_rule)


def _along(operation: Operation, arg: Any, input: Any, dim: Any, keepdim: bool) -> ValuesIndices:
    name = operation.name
    x = input._array
    refuse_complex(name, x)
    if isinstance(dim, (tuple, list)):
        raise TypeError(
            f"{name}(): argument 'dim' must be an int, not {dim!r}; a{name}() takes several dimensions"
        )
    dim = normalize_dim(dim, x.ndim)
    if not x.ndim:
        return ValuesIndices(*[t.reshape(()) for t in _along(operation, arg, input.reshape(1), 0, keepdim)])
    refuse_empty(name, x.shape, (dim,))
    index = arg(x, dim, keepdims=True)
    values = apply(operation, (input,), dim, keepdim, index, x.shape)
    return ValuesIndices(values, Tensor._wrap(index if keepdim else index.squeeze(dim)))


def _two(ufunc: Any, name: str, a: Any, b: Any) -> Tensor:
    if not isinstance(b, (Tensor, np.ndarray)):
        raise TypeError(
            f"{name}(): argument 'other' must be a Tensor, not {type(b).__name__}; or give dim= as an int"
        )
    return ufunc(a, b)  # type: ignore[no-any-return]


@overload
def max(input: Tensor) -> Tensor: ...
@overload
def max(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def max(input: Tensor, dim: Tensor) -> Tensor: ...
@dim_names
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """The largest element, NaN if there is one, in PyTorch's three forms.

    ``max(input)``: of all elements, a 0-d tensor; equal elements share the gradient. ``max(input, dim,
    keepdim)``: along one dimension, a named tuple ``(values, indices)``; the gradient goes to the element
    at the index, the first of equals. ``max(input, other)``: elementwise :func:`maximum` of two tensors.
    Errors: as :func:`amax`.

    >>> import autotape as at
    >>> x = at.tensor([[1.0, 4.0], [3.0, 2.0]])
    >>> x.max(), x.max(dim=1).indices
    (tensor(4.), tensor([1, 0]))
    """
    input = tensor_input(input, "input", "max")
    if other is not None or isinstance(dim, (Tensor, np.ndarray)):
        return _two(np.maximum, "max", input, dim if other is None else other)
    if dim is None:
        return _extremum(_MAX, input, None, keepdim)
    return _along(_MAX_ALONG, np.ndarray.argmax, input, dim, keepdim)


@overload
def min(input: Tensor) -> Tensor: ...
@overload
def min(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def min(input: Tensor, dim: Tensor) -> Tensor: ...
@dim_names
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """The smallest element in the three forms of :func:`max`.

    >>> import autotape as at
    >>> at.tensor([[1.0, 4.0], [3.0, 2.0]]).min(0).values
    tensor([1., 2.])
    """
    input = tensor_input(input, "input", "min")
    if other is not None or isinstance(dim, (Tensor, np.ndarray)):
        return _two(np.minimum, "min", input, dim if other is None else other)
    if dim is None:
        return _extremum(_MIN, input, None, keepdim)
    return _along(_MIN_ALONG, np.ndarray.argmin, input, dim, keepdim)


# --- where --------------------------------------------------------------------------------------------------


def _arg(name: str, input: Any, dim: int | None, keepdim: bool) -> Tensor:
    x = tensor_input(input, "input", name)._array
    refuse_complex(name, x)
    if not x.size and dim is None:
        raise IndexError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0 (the input has shape "
            f"{list(x.shape)})."
        )
    axis = None if dim is None else normalize_dim(dim, x.ndim)
    if not x.ndim:
        axis = None
    elif axis is not None:
        refuse_empty(name, x.shape, (axis,))
    return Tensor._wrap(np.asarray(getattr(x, name)(axis, keepdims=keepdim)))


@dim_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The int64 index of the largest element along ``dim`` (None: of all), the first of equals.

    NaN counts as the largest. Errors: IndexError for a dimension of size 0.

    >>> import autotape as at
    >>> at.tensor([[1.0, 4.0], [3.0, 2.0]]).argmax(dim=1)
    tensor([1, 0])
    """
    return _arg("argmax", input, dim, keepdim)


@dim_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The int64 index of the smallest element along ``dim``: see :func:`argmax`.

    >>> import autotape as at
    >>> at.tensor([[1.0, 4.0], [3.0, 2.0]]).argmin()
    tensor(0)
    """
    return _arg("argmin", input, dim, keepdim)


# --- median -------------------------------------------------------------------------------------------------


def _median_forward(x: Array, _dims: Shape, _keepdim: bool) -> Any:
    if not x.size:
        return np.full((), np.nan, x.dtype)
    middle = (x.size - 1) // 2
    ordered = np.partition(x.ravel(), (middle, x.size - 1))  # NaN sorts last
    return ordered[-1] if x.dtype.kind == "f" and np.isnan(ordered[-1]) else ordered[middle]


_MEDIAN = Operation("median", _median_forward, _shared_rule)


def _argmedian(x: Array, dim: int, keepdims: bool) -> Array:
    middle = (x.shape[dim] - 1) // 2
    index = x.argsort(dim, kind="stable").take([middle], dim)
    if x.dtype.kind == "f":
        nan = np.isnan(x)
        index = np.where(nan.any(dim, keepdims=True), nan.argmax(dim, keepdims=True), index)
    return index


@overload
def median(input: Tensor) -> Tensor: ...
@overload
def median(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@dim_names
def median(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The median: of an even number of elements the lower of the two middle ones; NaN if there is one.

    ``median(input)``: of all elements, a 0-d tensor; equal elements share the gradient. ``median(input,
    dim, keepdim)``: along one dimension, a named tuple ``(values, indices)``; the gradient goes to the
    element at the index. Errors: IndexError for a dimension of size 0; the median of no elements at all is
    NaN.

    >>> import autotape as at
    >>> at.tensor([4.0, 1.0, 3.0, 2.0]).median()
    tensor(2.)
    """
    input = tensor_input(input, "input", "median")
    x = input._array
    if x.dtype.kind == "b":
        raise NotImplementedError(f"median() is not implemented for {from_numpy_dtype(x.dtype)}")
    if dim is not None:
        return _along(_MEDIAN_ALONG, _argmedian, input, dim, keepdim)
    refuse_complex("median", x)
    if not x.size and x.dtype.kind != "f":
        raise RuntimeError(f"median(): no elements, and NaN is not a number of {from_numpy_dtype(x.dtype)}")
    return apply(_MEDIAN, (input,), tuple(range(x.ndim)), False)
