"""Vector norms over dimensions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.ops._dims import Dims, dim_names, normalize_dims
from autotape.ops._reduce import (
    Array,
    Shape,
    away_from_zero,
    half,
    in_dtype,
    kept_shape,
    require_floating,
    shares,
    single,
    sum_over,
)
from autotape.ops._rules import array_of

__all__ = ["norm"]

methods = __all__
in_place: list[str] = []


def _forward(x: Array, p: float, dims: Shape, keepdim: bool) -> Any:
    if x.dtype == half:
        return _forward(x.astype(single), p, dims, keepdim).astype(half)
    if p == 2:
        if x.dtype.kind == "c":
            return np.sqrt(sum_over(x.real * x.real + x.imag * x.imag, axis=dims, keepdims=keepdim))
        if len(dims) == x.ndim:  # one pass without a temporary
            flat = x.ravel(order="K")
            y = np.sqrt(flat.dot(flat))
            return y.reshape((1,) * x.ndim) if keepdim else y
        return np.sqrt(sum_over(x * x, axis=dims, keepdims=keepdim))
    if p == 0:
        return sum_over(x != 0, axis=dims, dtype=x.dtype, keepdims=keepdim)
    size = np.abs(x)
    if p == 1:
        return sum_over(size, axis=dims, keepdims=keepdim)
    if math.isinf(p):
        extremum: Any = np.maximum if p > 0 else np.minimum
        return extremum.reduce(size, axis=dims, keepdims=keepdim)
    return sum_over(size**p, axis=dims, keepdims=keepdim) ** (1 / p)


def _rule(g: Any, y: Any, x: Any, p: float, dims: Shape, _keepdim: bool) -> Any:
    kept = kept_shape(x.shape, dims)
    g, y = g.reshape(kept), y.reshape(kept)
    if p == 2:
        g, y = away_from_zero(g, y)
        return x * (g / y)
    elements = array_of(x)
    sign = np.sign(elements)  # constant wherever it has a derivative
    if p == 0:
        return g * np.zeros_like(elements)
    if p == 1:
        return g * sign
    if math.isinf(p):
        return g * (sign * shares(np.abs(elements) == array_of(y), dims, elements.dtype))
    g, y = away_from_zero(g, y)
    zero = elements == 0  # |x|^(p-1) has no derivative there; its sign makes the gradient 0 to all orders
    size = x * sign + zero.astype(elements.dtype)
    return g * sign * (size / y) ** (p - 1)


_NORM = Operation("norm", _forward, _rule)


def _order(p: Any) -> float:
    if p is None or p == "fro":
        return 2.0
    if p == "nuc":
        raise NotImplementedError(
            "norm(): the nuclear norm (p='nuc') is not there yet; p is a number or 'fro'"
        )
    if isinstance(p, str):
        raise RuntimeError(f"norm(): order {p!r} is not supported; p is a number, 'fro' or None")
    return float(p)


@dim_names
def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The vector norm ``sum(|x|^p)^(1/p)`` over ``dim`` (an int, a tuple, or None: all dimensions).

    ``p="fro"`` and None mean 2; inf and -inf the largest and smallest ``|x|``; 0 counts the nonzero
    elements. The gradient at the zero vector is 0; where p is inf or -inf, equal elements share it.
    ``dtype`` converts first. Errors: RuntimeError for integers, and for an empty dimension with p negative
    or inf.

    >>> import autotape as at
    >>> x = at.tensor([3.0, -4.0])
    >>> x.norm(), x.norm(1), x.norm(float("inf"))
    (tensor(5.), tensor(7.), tensor(4.))
    """
    input = in_dtype(tensor_input(input, "input", "norm"), dtype)
    order = _order(p)
    x = input._array
    require_floating("norm", x)
    dims = normalize_dims(dim, x.ndim)
    if (order < 0 or order == math.inf) and any(not x.shape[d] for d in dims):
        raise RuntimeError(
            f"norm(): cannot compute the {order:g} norm over an empty dimension, because the operation does "
            f"not have an identity (input of shape {list(x.shape)}, dim={dim})"
        )
    if x.dtype.kind == "c" and order != 2:
        return norm(input.abs(), order, dim, keepdim)
    return apply(_NORM, (input,), order, dims, keepdim)  # type: ignore[no-any-return]
