"""Logarithms of sums of exponentials, computed without overflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import default_dtype, from_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.ops._dims import Dims, dim_names, normalize_dim, normalize_dims
from autotape.ops._recurrence import following, recurrence
from autotape.ops._reduce import Array, Shape, conj, half, in_dtype, kept_shape, single, sum_over
from autotape.ops._rules import array_of

__all__ = ["logcumsumexp", "logsumexp"]

methods = __all__
in_place: list[str] = []


# --- logsumexp ----------------------------------------------------------------------------------------------


def _top(x: Array, dims: Shape) -> Array:
    """The largest (real part) over ``dims``, 0 where it is not finite: there inf - inf would be NaN."""
    top = np.maximum.reduce(x.real, axis=dims, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(top), top, 0).astype(x.real.dtype, copy=False)


def _logsumexp_forward(x: Array, dims: Shape, keepdim: bool) -> Any:
    if x.dtype == half:
        return _logsumexp_forward(x.astype(single), dims, keepdim).astype(half)
    top = _top(x, dims)
    total = np.log(sum_over(np.exp(x - top), axis=dims, keepdims=True)) + top
    return total if keepdim else total.reshape([n for i, n in enumerate(x.shape) if i not in dims])


def _logsumexp_rule(g: Any, _y: Any, x: Any, dims: Shape, _keepdim: bool) -> Any:
    # The softmax from x alone: exp(x - y) loses the digits that y has before the point.
    e = np.exp(x - _top(array_of(x), dims))
    return g.reshape(kept_shape(x.shape, dims)) * conj(e / e.sum(axis=dims, keepdims=True))


_LOGSUMEXP = Operation("logsumexp", _logsumexp_forward, _logsumexp_rule)


@dim_names
def logsumexp(
    input: Tensor, dim: int | tuple[int, ...], keepdim: bool = False, *, out: Tensor | None = None
) -> Tensor:
    """``log(sum(exp(x)))`` over ``dim``, without overflow: the maximum is taken out first.

    Integers are computed in the default dtype. A line of -inf gives -inf (its gradient is NaN, as in
    PyTorch). The derivative is the softmax over ``dim``.

    >>> import autotape as at
    >>> at.tensor([1000.0, 0.0]).logsumexp(0)
    tensor(1000.)
    """
    input = tensor_input(input, "input", "logsumexp")
    if dim is None:
        raise TypeError("logsumexp(): argument 'dim' must be an int or a tuple of ints, not None")
    if input._array.dtype.kind not in "fc":
        input = in_dtype(input, default_dtype())
    dims: Dims = dim
    return apply(_LOGSUMEXP, (input,), normalize_dims(dims, input._array.ndim), keepdim)  # type: ignore[no-any-return]


# --- logcumsumexp -------------------------------------------------------------------------------------------


def _logcumsumexp_forward(x: Array, dim: int) -> Array:
    if not x.ndim:
        return x.copy()
    if x.dtype == half:
        return _logcumsumexp_forward(x.astype(single), dim).astype(half)
    if x.dtype.kind == "f":
        return np.logaddexp.accumulate(x, dim)
    lines = np.moveaxis(x, dim, 0)
    y = np.empty_like(lines)
    for k, line in enumerate(lines):
        y[k] = line if k == 0 else _add_exponentials(y[k - 1], line)
    return np.moveaxis(y, 0, dim)


def _add_exponentials(a: Array, b: Array) -> Any:
    """``log(exp(a) + exp(b))`` of complex numbers."""
    swap = a.real < b.real
    high, low = np.where(swap, b, a), np.where(swap, a, b)
    gap = low - high
    total = high + np.log1p(np.exp(gap))
    total = np.where(np.isneginf(high.real), high, total)
    return np.where(np.isnan(a) | np.isnan(b), complex(np.nan, np.nan), total)


def _logcumsumexp_rule(g: Any, y: Any, x: Any, dim: int) -> Any:
    if not x.ndim:
        return g
    # dL/dx[k] = exp(x[k] - y[k]) * r[k] with r[k] = g[k] + exp(y[k] - y[k+1]) * r[k+1]: no factor above 1.
    lowest = array_of(y).real == -np.inf
    if lowest.any():  # the sum of nothing: every step from it has the weight 0
        y = np.where(lowest, 0, y)
        step = np.where(lowest, 0, np.exp(y - following(y, dim)))
    else:
        step = np.exp(y - following(y, dim))
    return recurrence(conj(step), g, dim) * conj(np.exp(x - y))


_LOGCUMSUMEXP = Operation("logcumsumexp", _logcumsumexp_forward, _logcumsumexp_rule)


@dim_names
def logcumsumexp(input: Tensor, dim: int, *, out: Tensor | None = None) -> Tensor:
    """Running ``log(sum(exp(x)))`` along ``dim``: ``y[k] = log(exp(x[0]) + ... + exp(x[k]))``.

    Never overflows. Derivative: dy[k]/dx[i] = exp(x[i] - y[k]) for i <= k.
    Errors: NotImplementedError for integers.

    >>> import autotape as at
    >>> at.logcumsumexp(at.tensor([0.0, 0.0, 1000.0]), 0)
    tensor([0.0000e+00, 6.9315e-01, 1.0000e+03])
    """
    input = tensor_input(input, "input", "logcumsumexp")
    x = input._array
    if x.dtype.kind not in "fc":
        raise NotImplementedError(
            f"logcumsumexp() is not implemented for {from_numpy_dtype(x.dtype)}; convert it first, for "
            "example with .float()"
        )
    return apply(_LOGCUMSUMEXP, (input,), normalize_dim(dim, x.ndim))  # type: ignore[no-any-return]
