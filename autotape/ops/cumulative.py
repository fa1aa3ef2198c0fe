"""Cumulative sums and products along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops._reduce import Array, conj, half, in_dtype, single
from autotape.ops._rules import array_of

__all__ = ["cumprod", "cumsum"]

methods = __all__
in_place = __all__


def _accumulate(ufunc: np.ufunc, x: Array, dim: int) -> Array:
    if not x.ndim:
        return x.copy()
    if x.dtype == half:
        return ufunc.accumulate(x, dim, dtype=single).astype(half)
    return ufunc.accumulate(x, dim)


def _cumsum_forward(x: Array, dim: int, reverse: bool) -> Array:
    if reverse and x.ndim:
        return np.flip(_accumulate(np.add, np.flip(x, dim), dim), dim)
    return _accumulate(np.add, x, dim)


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
    g, y, x = g.swapaxes(0, dim), conj(y).swapaxes(0, dim), conj(x).swapaxes(0, dim)
    parts: list[Any] = []
    s = None
    for k in reversed(range(x.shape[0])):
        s = g[k] if s is None else g[k] + x[k + 1] * s
        parts.append(s * y[k - 1] if k else s)
    return np.stack(parts[::-1]).swapaxes(0, dim) if parts else g.swapaxes(0, dim)


_CUMPROD = Operation("cumprod", lambda x, dim: _accumulate(np.multiply, x, dim), _cumprod_rule)


def _prepared(name: str, input: Any, dim: Any, dtype: DTypeLike | None) -> tuple[Tensor, int]:
    input = tensor_input(input, "input", name)
    if dtype is None and input._array.dtype.kind in "biu":
        dtype = np.int64
    return in_dtype(input, dtype), normalize_dim(dim, input._array.ndim)


@dim_names
def cumsum(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
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
def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
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
