"""Vector norms over dimensions, and what is made of them: distances, renormalisation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike, from_numpy_dtype, to_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.ops._dims import Dims, dim_names, normalize_dim, normalize_dims
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
from autotape.ops.choices import where

__all__ = ["dist", "renorm"]

methods = __all__
in_place = ["renorm"]


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


def p_norm(
    function: str,
    input: Tensor,
    p: float,
    dim: Dims = None,
    keepdim: bool = False,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """``sum(|x|^p)^(1/p)`` over ``dim``, real, in ``dtype`` if given; errors name the ``function``.

    inf and -inf give the largest and smallest ``|x|``, 0 counts the nonzero elements. The gradient at the
    zero vector is 0; where p is inf or -inf, equal elements share it.
    """
    require_floating(function, input._array)
    if dtype is not None:
        kind, given = to_numpy_dtype(dtype).kind, input._array.dtype
        if kind not in "fc" or (kind == "f" and given.kind == "c"):
            raise RuntimeError(
                f"{function}(): the dtype of the input {from_numpy_dtype(given)} should be convertible "
                f"without narrowing to the specified dtype {dtype}"
            )
        input = in_dtype(input, dtype)
    x = input._array
    dims = normalize_dims(dim, x.ndim)
    if (p < 0 or p == math.inf) and any(not x.shape[d] for d in dims):
        raise RuntimeError(
            f"{function}(): cannot compute the {p:g} norm over an empty dimension, because the operation "
            f"does not have an identity (input of shape {list(x.shape)}, dim={dim})"
        )
    if x.dtype.kind == "c" and p != 2:
        input = input.abs()
    return apply(_NORM, (input,), p, dims, keepdim)  # type: ignore[no-any-return]


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The distance ``sum(|input - other|^p)^(1/p)`` over all elements; the shapes broadcast.

    Special values of p as for :func:`norm`. The gradient is 0 where the two are equal.
    Errors: RuntimeError for integers, and for shapes that do not broadcast.

    >>> import autotape as at
    >>> at.dist(at.tensor([3.0, 4.0]), at.zeros(2))
    tensor(5.)
    """
    input = tensor_input(input, "input", "dist")
    return p_norm("dist", input - tensor_input(other, "other", "dist"), float(p))


_EPSILON = 1e-7  # PyTorch's: the scaled norm is a little below maxnorm


@dim_names
def renorm(input: Tensor, p: float, dim: int, maxnorm: float, *, out: Tensor | None = None) -> Tensor:
    """``input`` with every slice along ``dim`` whose p-norm is above ``maxnorm`` scaled down to that norm.

    The factor is ``maxnorm / (norm + 1e-7)``. The derivative is that of ``x * factor(x)``, the identity for
    the slices left alone. Errors: RuntimeError for one dimension only, p <= 0 or a negative maxnorm.

    >>> import autotape as at
    >>> at.renorm(at.tensor([[3.0, 4.0], [0.0, 1.0]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.0000, 1.0000]])
    """
    input = tensor_input(input, "input", "renorm")
    x = input._array
    require_floating("renorm", x)
    if isinstance(p, complex) or p <= 0:
        raise RuntimeError(f"renorm(): non-positive-norm not supported, p={p}")
    if isinstance(maxnorm, complex) or maxnorm < 0:
        raise RuntimeError(f"renorm(): expected maxnorm to be >= 0 but got {maxnorm}")
    if x.ndim < 2:
        raise RuntimeError(f"renorm(): input needs at least 2 dimensions, got {x.ndim} dimensions")
    dim = normalize_dim(dim, x.ndim)
    if not x.size:
        return input.clone()
    size = p_norm("renorm", input, float(p), [d for d in range(x.ndim) if d != dim], True)
    factor = where(Tensor._wrap(size._array > maxnorm), maxnorm / (size + _EPSILON), 1.0)
    return input * factor  # type: ignore[no-any-return]
