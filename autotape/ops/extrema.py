"""Extrema: the largest and smallest elements, and where they are."""

from __future__ import annotations

from typing import Any, NamedTuple, overload

import numpy as np

from autotape.engine.arrays import as_array
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
)
from autotape.ops._rules import array_of

__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]

methods = __all__
in_place: list[str] = []


# --- over all elements, or over several dimensions: ties share the gradient ---------------------------------


def shared_rule(g: Any, y: Any, x: Any, dims: Shape, _keepdim: bool) -> Any:
    kept = kept_shape(x.shape, dims)
    elements, value = array_of(x), array_of(y).reshape(kept)
    hit = elements == value
    if np.isnan(value).any():
        hit |= np.isnan(elements) & np.isnan(value)
    return g.reshape(kept) * shares(hit, dims, elements.dtype)


def _reducing(name: str, ufunc: Any) -> Operation:
    # ufunc.reduce skips the Python layer of ndarray.max.
    return Operation(name, lambda x, dims, keepdim: ufunc.reduce(x, axis=dims, keepdims=keepdim), shared_rule)


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
def amax(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
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
def amin(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The smallest element over ``dim``: see :func:`amax`.

    >>> import autotape as at
    >>> at.tensor([[1.0, 3.0], [5.0, 2.0]]).amin(dim=0)
    tensor([1., 2.])
    """
    return _extremum(_AMIN, input, dim, keepdim)


# --- along one dimension, with the index: the gradient goes to the element chosen ---------------------------


def chosen_rule(g: Any, _y: Any, _x: Any, dim: int, _keepdim: bool, index: Array, shape: Shape) -> Any:
    return place_along(g.reshape(index.shape), index, dim, shape)


def _choosing(name: str, ufunc: Any) -> Operation:
    def forward(x: Array, dim: int, keepdim: bool, _index: Array, _shape: Shape) -> Any:
        return ufunc.reduce(x, axis=dim, keepdims=keepdim)  # cheaper than to pick at the index

    return Operation(name, forward, chosen_rule)


_MAX_ALONG, _MIN_ALONG = _choosing("max", np.maximum), _choosing("min", np.minimum)


def along_dim(operation: Operation, arg: Any, input: Any, dim: Any, keepdim: bool) -> ValuesIndices:
    name = operation.name
    x = input._array
    refuse_complex(name, x)
    if isinstance(dim, (tuple, list)):
        raise TypeError(
            f"{name}(): argument 'dim' must be an int, not {dim!r}; a{name}() takes several dimensions"
        )
    dim = normalize_dim(dim, x.ndim)
    if not x.ndim:
        return ValuesIndices(
            *[t.reshape(()) for t in along_dim(operation, arg, input.reshape(1), 0, keepdim)]
        )
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
def max(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def max(
    input: Tensor, dim: int, keepdim: bool = False, *, out: tuple[Tensor, Tensor] | None = None
) -> ValuesIndices: ...
@overload
def max(input: Tensor, other: Tensor, /, *, out: Tensor | None = None) -> Tensor: ...
@overload
def max(input: Tensor, *, other: Tensor, out: Tensor | None = None) -> Tensor: ...
@dim_names
def max(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None, out: Any = None
) -> Any:
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
    return along_dim(_MAX_ALONG, np.argmax, input, dim, keepdim)


@overload
def min(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def min(
    input: Tensor, dim: int, keepdim: bool = False, *, out: tuple[Tensor, Tensor] | None = None
) -> ValuesIndices: ...
@overload
def min(input: Tensor, other: Tensor, /, *, out: Tensor | None = None) -> Tensor: ...
@overload
def min(input: Tensor, *, other: Tensor, out: Tensor | None = None) -> Tensor: ...
@dim_names
def min(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None, out: Any = None
) -> Any:
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
    return along_dim(_MIN_ALONG, np.argmin, input, dim, keepdim)


class MinMax(NamedTuple):
    """The result of :func:`aminmax`."""

    min: Tensor
    max: Tensor


@dim_names
def aminmax(
    input: Tensor,
    *,
    dim: int | None = None,
    keepdim: bool = False,
    out: tuple[Tensor, Tensor] | None = None,
) -> MinMax:
    """The smallest and the largest element along ``dim`` (None: of all), a named tuple ``(min, max)``.

    NaN where there is one. Equal elements share the gradient. Errors: as :func:`amax`.

    >>> import autotape as at
    >>> at.aminmax(at.tensor([3.0, 1.0, 2.0]))
    MinMax(min=tensor(1.), max=tensor(3.))
    """
    input = tensor_input(input, "input", "aminmax")
    if not input._array.size and dim is None:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity (the "
            f"input has shape {list(input._array.shape)})"
        )
    if isinstance(dim, (tuple, list)):
        raise TypeError(
            f"aminmax(): argument 'dim' must be an int, not {dim!r}; amin() and amax() take several"
        )
    return MinMax(_extremum(_AMIN, input, dim, keepdim), _extremum(_AMAX, input, dim, keepdim))


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
    return Tensor._wrap(as_array(getattr(x, name)(axis, keepdims=keepdim)))


@dim_names
def argmax(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Tensor | None = None
) -> Tensor:
    """The int64 index of the largest element along ``dim`` (None: of all), the first of equals.

    NaN counts as the largest. Errors: IndexError for a dimension of size 0.

    >>> import autotape as at
    >>> at.tensor([[1.0, 4.0], [3.0, 2.0]]).argmax(dim=1)
    tensor([1, 0])
    """
    return _arg("argmax", input, dim, keepdim)


@dim_names
def argmin(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Tensor | None = None
) -> Tensor:
    """The int64 index of the smallest element along ``dim``: see :func:`argmax`.

    >>> import autotape as at
    >>> at.tensor([[1.0, 4.0], [3.0, 2.0]]).argmin()
    tensor(0)
    """
    return _arg("argmin", input, dim, keepdim)
