"""Cumulative sums, products and extrema along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops._recurrence import following, recurrence
from autotape.ops._reduce import Array, ValuesIndices, conj, half, in_dtype, refuse_complex, single
from autotape.ops._rules import array_of
from autotape.ops.selecting import gather

__all__ = ["cummax", "cummin", "cumprod", "cumsum"]

methods = __all__
in_place = ["cumprod", "cumsum"]


# From this many elements in all and in a line, a call per line takes a third of ufunc.accumulate's time.
_MANY, _LONG = 4096, 128


def _accumulate(ufunc: np.ufunc, x: Array, dim: int, reverse: bool = False) -> Array:
    """``ufunc.accumulate`` along ``dim``, in x's dtype; ``reverse``: from the end."""
    if not x.ndim:
        return x.copy()
    if x.itemsize == 2 and x.dtype == half:
        return _accumulate(ufunc, x.astype(single), dim, reverse).astype(half)
    if x.size > _MANY and dim < x.ndim - 1 and x.size >= _LONG * x.shape[dim]:
        lines = np.moveaxis(x, dim, 0)
        out = np.empty_like(x)
        rows = np.moveaxis(out, dim, 0)
        order = range(len(lines) - 1, -1, -1) if reverse else range(len(lines))
        last = rows[order[0]]
        last[...] = lines[order[0]]
        for k in order[1:]:
            last = ufunc(last, lines[k], out=rows[k], dtype=x.dtype)
        return out
    if reverse:
        return np.flip(ufunc.accumulate(np.flip(x, dim), dim, x.dtype), dim)
    return ufunc.accumulate(x, dim, x.dtype)


def _cumsum_forward(x: Array, dim: int, reverse: bool) -> Array:
    return _accumulate(np.add, x, dim, reverse)


def _cumsum_rule(g: Any, _y: Any, _x: Any, dim: int, reverse: bool) -> Any:
    return _cumsum(g, dim, not reverse)


_CUMSUM = Operation("cumsum", _cumsum_forward, _cumsum_rule)


def _cumsum(x: Any, dim: int, reverse: bool) -> Any:
    return apply(_CUMSUM, (x,), dim, reverse) if isinstance(x, Tensor) else _cumsum_forward(x, dim, reverse)


def _cumprod_rule(g: Any, y: Any, x: Any, dim: int) -> Any:
    if not x.ndim:
        return g
    products = array_of(y)
    if (np.isfinite(products) & (products != 0)).all():
        return _cumsum(g * conj(y), dim, True) / conj(x)
    return _cumprod_rule_with_zeros(g, y, x, dim)


def _cumprod_rule_with_zeros(g: Any, y: Any, x: Any, dim: int) -> Any:
    # dL/dx[k] = y[k-1] * s[k] with s[k] = g[k] + x[k+1] * s[k+1]: no division, so exact and differentiable
    # at 0.
    if not x.shape[dim]:
        return g
    before = (slice(None),) * dim
    s = recurrence(following(conj(x), dim), g, dim)
    ones: Any = np.ones_like(array_of(y)[(*before, slice(0, 1))])
    if isinstance(y, Tensor):
        ones = Tensor._wrap(ones)
    return s * np.concatenate((ones, conj(y)[(*before, slice(0, x.shape[dim] - 1))]), dim)


_CUMPROD = Operation("cumprod", lambda x, dim: _accumulate(np.multiply, x, dim), _cumprod_rule)


def _prepared(name: str, input: Any, dim: Any, dtype: DTypeLike | None) -> tuple[Tensor, int]:
    input = tensor_input(input, "input", name)
    if dtype is None and input._array.dtype.kind in "biu":
        dtype = np.int64
    return in_dtype(input, dtype), normalize_dim(dim, input._array.ndim)


@dim_names
def cumsum(input: Tensor, dim: int, *, dtype: DTypeLike | None = None, out: Tensor | None = None) -> Tensor:
    """Running sum along ``dim``: ``y[k] = x[0] + ... + x[k]``.

    Integers and booleans are summed in int64; ``dtype`` converts first. The derivative is the running sum
    of the gradient from the end.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0, 3.0]).cumsum(0)
    tensor([1., 3., 6.])
    """
    input, dim = _prepared("cumsum", input, dim, dtype)
    return apply(_CUMSUM, (input,), dim, False)  # type: ignore[no-any-return]


@dim_names
def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None, out: Tensor | None = None) -> Tensor:
    """Running product along ``dim``: ``y[k] = x[0] * ... * x[k]``.

    Integers and booleans are multiplied in int64; ``dtype`` converts first. The derivative is right also
    where elements are 0.

    >>> import autotape as at
    >>> x = at.tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> y = x.cumprod(0); y.sum().backward(); y, x.grad
    (tensor([2., 0., 0.], grad_fn=<CumprodBackward0>), tensor([1., 8., 0.]))
    """
    input, dim = _prepared("cumprod", input, dim, dtype)
    return apply(_CUMPROD, (input,), dim)  # type: ignore[no-any-return]


# --- cummax and cummin --------------------------------------------------------------------------------------


def _running(ufunc: np.ufunc, input: Any, dim: int, name: str) -> ValuesIndices:
    input = tensor_input(input, "input", name)
    x = input._array
    refuse_complex(name, x)
    dim = normalize_dim(dim, x.ndim)
    if not x.size or not x.ndim:
        return ValuesIndices(input.clone(), Tensor._wrap(np.zeros(x.shape, np.int64)))
    best = quietly(_accumulate, ufunc, x, dim)
    hit = (x == best) | np.isnan(x) if x.dtype.kind == "f" else x == best
    steps = np.arange(x.shape[dim]).reshape([-1 if d == dim else 1 for d in range(x.ndim)])
    index = Tensor._wrap(np.maximum.accumulate(np.where(hit, steps, 0), dim))
    return ValuesIndices(Tensor._wrap(best) if input._node is None else gather(input, dim, index), index)


@dim_names
def cummax(input: Tensor, dim: int, *, out: tuple[Tensor, Tensor] | None = None) -> ValuesIndices:
    """Running maximum along ``dim`` and where it is: a named tuple ``(values, indices)``.

    Of equal elements the index is the last one's; from a NaN on the values are NaN. The gradient goes to
    the elements at the indices. Errors: NotImplementedError for complex numbers.

    >>> import autotape as at
    >>> at.cummax(at.tensor([1.0, 3.0, 2.0, 3.0]), 0)
    ValuesIndices(values=tensor([1., 3., 3., 3.]), indices=tensor([0, 1, 1, 3]))
    """
    return _running(np.maximum, input, dim, "cummax")


@dim_names
def cummin(input: Tensor, dim: int, *, out: tuple[Tensor, Tensor] | None = None) -> ValuesIndices:
    """Running minimum along ``dim`` and where it is: see :func:`cummax`.

    >>> import autotape as at
    >>> at.cummin(at.tensor([2.0, 3.0, 1.0]), 0).values
    tensor([2., 2., 1.])
    """
    return _running(np.minimum, input, dim, "cummin")
