"""Variance, standard deviation, covariance and correlation."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from autotape.engine.dtypes import from_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.ops._dims import Dims, dim_names, normalize_dims
from autotape.ops._reduce import Array, Shape, away_from_zero, count, half, kept_shape, single, sum_over
from autotape.ops.choices import clamp
from autotape.ops.reductions import mean

__all__ = ["corrcoef", "cov", "std", "std_mean", "var", "var_mean"]

methods = ["corrcoef", "cov", "std", "var"]
in_place: list[str] = []


# --- var and std --------------------------------------------------------------------------------------------


def _variance(x: Array, dims: Shape, keepdim: bool, n: int, freedom: float) -> Any:
    if x.dtype == half:
        return _variance(x.astype(single), dims, keepdim, n, freedom).astype(half)
    d = x - sum_over(x, axis=dims, keepdims=True) / x.dtype.type(n)
    square = d * d if x.dtype.kind == "f" else d.real * d.real + d.imag * d.imag
    return sum_over(square, axis=dims, keepdims=keepdim) / square.dtype.type(freedom)


def _centered(x: Any, dims: Shape, n: int) -> Any:
    return x - x.sum(axis=dims, keepdims=True) / n


def _var_rule(g: Any, _y: Any, x: Any, dims: Shape, _keepdim: bool, n: int, freedom: float) -> Any:
    scale = 2 / freedom if freedom else math.inf
    return g.reshape(kept_shape(x.shape, dims)) * _centered(x, dims, n) * scale


def _std_rule(g: Any, y: Any, x: Any, dims: Shape, _keepdim: bool, n: int, freedom: float) -> Any:
    kept = kept_shape(x.shape, dims)
    g, y = away_from_zero(g.reshape(kept), y.reshape(kept))
    return g / y * _centered(x, dims, n) * (1 / freedom if freedom else math.inf)


_VAR = Operation("var", _variance, _var_rule)
_STD = Operation("std", lambda x, *constants: np.sqrt(_variance(x, *constants)), _std_rule)


def _spread_of(
    operation: Operation, input: Any, dim: Any, unbiased: bool | None, keepdim: bool, correction: float | None
) -> Tensor:
    name = operation.name
    input = tensor_input(input, "input", name)
    if dim is True or dim is False:  # PyTorch's form var(input, unbiased)
        dim, unbiased = None, dim
    if unbiased is not None:
        if correction is not None:
            raise TypeError(f"{name}(): give unbiased or correction, not both")
        correction = 1 if unbiased else 0
    elif correction is None:
        correction = 1
    x = input._array
    if x.dtype.kind not in "fc":
        raise RuntimeError(
            f"{name}(): std and var only support floating point and complex dtypes, got "
            f"{from_numpy_dtype(x.dtype)}"
        )
    dims = normalize_dims(dim, x.ndim)
    n = count(x.shape, dims)
    if n - correction <= 0:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction "
            f"factor (elements reduced: {n}, correction: {correction})",
            UserWarning,
            stacklevel=4,
        )
    freedom = n - correction
    return apply(operation, (input,), dims, keepdim, n, freedom if freedom > 0 else 0)  # type: ignore[no-any-return]


@dim_names
def var(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Variance ``sum((x - mean)^2) / (n - correction)`` over ``dim`` (an int, a tuple, or None: all).

    ``correction`` is 1 (Bessel's); ``unbiased=False`` means 0. With no degree of freedom left the result is
    NaN or inf, with a UserWarning. Errors: RuntimeError for integers.

    >>> import autotape as at
    >>> x = at.tensor([1.0, 2.0, 4.0])
    >>> x.var(), x.var(correction=0)
    (tensor(2.3333), tensor(1.5556))
    """
    return _spread_of(_VAR, input, dim, unbiased, keepdim, correction)


@dim_names
def std(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Standard deviation ``sqrt(sum((x - mean)^2) / (n - correction))``, arguments as :func:`var`.

    Where it is 0 (all elements equal) the gradient is 0.

    >>> import autotape as at
    >>> at.tensor([[1.0, 3.0], [2.0, 2.0]]).std(dim=1)
    tensor([1.4142, 0.0000])
    """
    return _spread_of(_STD, input, dim, unbiased, keepdim, correction)


def _mean_beside(input: Any, dim: Any, keepdim: bool) -> Tensor:
    return mean(input, None if dim is True or dim is False else dim, keepdim)


@dim_names
def var_mean(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """The pair (:func:`var`, :func:`mean`) over ``dim``; arguments as :func:`var`.

    >>> import autotape as at
    >>> at.var_mean(at.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    return _spread_of(_VAR, input, dim, unbiased, keepdim, correction), _mean_beside(input, dim, keepdim)


@dim_names
def std_mean(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """The pair (:func:`std`, :func:`mean`) over ``dim``; arguments as :func:`var`.

    >>> import autotape as at
    >>> at.std_mean(at.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    return _spread_of(_STD, input, dim, unbiased, keepdim, correction), _mean_beside(input, dim, keepdim)


# --- covariance ---------------------------------------------------------------------------------------------


def _weights(name: str, value: Any, kinds: str, n: int) -> Tensor:
    weights = tensor_input(value, name, "cov")
    w = weights._array
    if w.ndim > 1:
        raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {w.ndim}")
    if w.dtype.kind not in kinds:
        raise RuntimeError(
            f"cov(): expected {name} to have {'an integral' if 'i' in kinds else 'a floating point'} dtype "
            f"but got {from_numpy_dtype(w.dtype)}"
        )
    if w.size != n:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input but got "
            f"{w.size} != {n}"
        )
    if (w < 0).any():
        raise RuntimeError(f"cov(): {name} cannot be negative")
    return weights


def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """Covariance matrix ``sum_k w_k (x_ik - mean_i) conj(x_jk - mean_j) / norm`` of the rows of ``input``.

    ``input``: a matrix of variables (rows) and observations (columns), or one variable (1-d or 0-d: then the
    result is 0-d). ``fweights`` are integer counts, ``aweights`` floating weights, one per observation.
    ``norm`` is ``sum(w) - correction`` (with aweights ``sum(w) - correction * sum(w * aweights) / sum(w)``);
    where it is not positive, a UserWarning and a division by 0. Differentiable by input and aweights.
    Errors: RuntimeError for more than two dimensions or for unfit weights.

    >>> import autotape as at
    >>> at.cov(at.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    input = tensor_input(input, "input", "cov")
    x = input._array
    if x.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got {x.ndim}")
    if x.dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    if x.ndim < 2:
        input = input.reshape(1, x.size)
    n = input.shape[1]
    weights: Any = None
    if fweights is not None:
        weights = _weights("fweights", fweights, "iu", n)
    if aweights is not None:
        aweights = _weights("aweights", aweights, "f", n)
        weights = aweights if weights is None else weights * aweights
    total: Any
    if weights is None:
        total = n
        average = input.sum(1, True) / n if n else input.sum(1, True) * math.nan
        norm: Any = n - correction
    else:
        total = weights.sum()
        if n and not total._array.any():
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        average = (input * weights).sum(1, True) / total
        norm = total - correction
        if aweights is not None and correction:
            norm = total - correction * (weights * aweights).sum() / total
    if (norm.item() if isinstance(norm, Tensor) else norm) <= 0:
        warnings.warn("cov(): degrees of freedom is <= 0", UserWarning, stacklevel=2)
        norm = 0
    centered = input - average
    product = centered @ (centered if weights is None else centered * weights).T.conj()
    result: Tensor = (product / norm).squeeze()
    return result


def corrcoef(input: Tensor) -> Tensor:
    """Correlation coefficients ``C_ij / sqrt(C_ii C_jj)`` of the rows of ``input``, C their covariance.

    ``input``: a matrix of variables (rows) and observations (columns), or one variable. The real and the
    imaginary part are cut to [-1, 1]. Differentiable by input. Errors: as :func:`cov`.

    >>> import autotape as at
    >>> at.corrcoef(at.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if tensor_input(input, "input", "corrcoef")._array.ndim > 2:
        raise RuntimeError(f"corrcoef(): expected input to have two or fewer dimensions but got {input.ndim}")
    c = cov(input)
    if not c._array.ndim:
        return c / c
    scale = c.diagonal()
    if c._array.dtype.kind == "c":
        scale = scale.real.sqrt()
        c = c / scale[:, None] / scale
        return clamp(c.real, -1, 1) + 1j * clamp(c.imag, -1, 1)
    scale = scale.sqrt()
    return clamp(c / scale[:, None] / scale, -1, 1)
