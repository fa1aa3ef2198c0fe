"""Reductions: sums, products, means, variances, logical reductions and log-sum-exp over dimensions."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike, default_dtype, from_numpy_dtype, to_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._dims import Dims, dim_names, normalize_dims
from autotape.ops._reduce import (
    Array,
    Shape,
    away_from_zero,
    conj,
    count,
    half,
    in_dtype,
    kept_shape,
    refuse_complex,
    single,
    spread,
    sum_over,
)
from autotape.ops._rules import array_of

__all__ = ["all", "any", "count_nonzero", "logsumexp", "mean", "prod", "std", "sum", "var"]

methods = __all__
in_place: list[str] = []

_INT64 = np.dtype(np.int64)


# --- sum and mean -------------------------------------------------------------------------------------------


def _sum_forward(x: Array, dims: Shape, keepdim: bool, dtype: np.dtype[Any], _shape: Shape) -> Any:
    if dtype == half:  # a float16 accumulator stops counting at 2048
        return sum_over(x, axis=dims, dtype=single, keepdims=keepdim).astype(half)
    return sum_over(x, dims, dtype, None, keepdim)


def _sum_rule(g: Any, _y: Any, _x: Any, dims: Shape, _keepdim: bool, _dtype: Any, shape: Shape) -> Any:
    return spread(g, dims, shape)


_SUM = Operation("sum", _sum_forward, _sum_rule)


def _accumulator(input: Tensor, dtype: DTypeLike | None) -> tuple[Tensor, np.dtype[Any]]:
    """The input and the dtype to accumulate it in: int64 for integers.

    A float is first truncated to an integer ``dtype``, as in PyTorch.
    """
    x = input._array
    if dtype is None:
        return input, _INT64 if x.dtype.kind in "biu" else x.dtype
    to = to_numpy_dtype(dtype)
    return in_dtype(input, to) if to.kind in "biu" or x.dtype.kind == "c" else input, to


@implements((np.add, "reduce"))
@dim_names
def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """Sum of the elements over ``dim`` (an int, a tuple, or None: all dimensions).

    Integers and booleans are summed in int64; ``dtype`` converts before the sum. The derivative spreads the
    gradient over the summed dimensions. An empty sum is 0.

    >>> import autotape as at
    >>> x = at.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x.sum(), x.sum(dim=0), x.sum(1, keepdim=True)
    (tensor(10.), tensor([4., 6.]), tensor([[3.],
            [7.]]))
    """
    input, to = _accumulator(tensor_input(input, "input", "sum"), dtype)
    shape = input._array.shape
    return apply(_SUM, (input,), normalize_dims(dim, len(shape)), keepdim, to, shape)  # type: ignore[no-any-return]


def _mean_forward(x: Array, dims: Shape, keepdim: bool, n: int, _shape: Shape) -> Any:
    if x.dtype == half:
        return (sum_over(x, axis=dims, dtype=single, keepdims=keepdim) / single.type(n)).astype(half)
    return sum_over(x, axis=dims, keepdims=keepdim) / x.dtype.type(n)


_MEAN = Operation(
    "mean",
    _mean_forward,
    lambda g, _y, _x, dims, _keepdim, n, shape: spread(g / n, dims, shape),
)


@dim_names
def mean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """Arithmetic mean over ``dim`` (an int, a tuple, or None: all dimensions); NaN where there is no element.

    ``dtype`` converts first. Errors: RuntimeError for integers and booleans without a floating ``dtype``.

    >>> import autotape as at
    >>> at.tensor([[1.0, 2.0], [3.0, 5.0]]).mean(dim=1)
    tensor([1.5000, 4.0000])
    """
    input = tensor_input(input, "input", "mean")
    to = input._array.dtype if dtype is None else to_numpy_dtype(dtype)
    if to.kind not in "fc":
        raise RuntimeError(
            f"mean(): could not infer output dtype. {'Input' if dtype is None else 'Optional'} dtype must be "
            f"either a floating point or complex dtype. Got: {from_numpy_dtype(to)}"
        )
    input = in_dtype(input, dtype)
    shape = input._array.shape
    dims = normalize_dims(dim, len(shape))
    return apply(_MEAN, (input,), dims, keepdim, count(shape, dims), shape)  # type: ignore[no-any-return]


# --- prod ---------------------------------------------------------------------------------------------------


def _prod_rule(g: Any, y: Any, x: Any, dim: int | None, _keepdim: bool, _dtype: Any) -> Any:
    shape = x.shape
    if dim is None:
        x, dim = x.reshape((-1,)), 0
    kept = kept_shape(x.shape, (dim,))
    g, y = g.reshape(kept), y.reshape(kept)
    product = array_of(y)
    if (np.isfinite(product) & (product != 0)).all():
        others = y / x
    else:  # no division where a factor, or a product that underflowed, is 0
        others = products_of_others(x.swapaxes(0, dim)).swapaxes(0, dim)
    return (g * conj(others)).reshape(tuple(shape))


def products_of_others(x: Any) -> Any:
    """Along the first dimension, the product of all elements but each: those before times those after."""
    ones: Any = np.ones((1, *x.shape[1:]), array_of(x).dtype)
    if isinstance(x, Tensor):
        ones = Tensor._wrap(ones)
    if not x.shape[0]:
        return x
    before = np.concatenate((ones, np.cumprod(x[:-1], 0)))
    after = np.flip(np.concatenate((ones, np.cumprod(np.flip(x[1:], (0,)), 0))), (0,))
    return before * after


_PROD = Operation(
    "prod",
    lambda x, dim, keepdim, dtype: np.multiply.reduce(x, axis=dim, dtype=dtype, keepdims=keepdim),
    _prod_rule,
)


@implements((np.multiply, "reduce"))
@dim_names
def prod(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """Product of the elements over ``dim`` (an int, a tuple, or None: all dimensions).

    Integers and booleans are multiplied in int64; ``dtype`` converts first. The derivative by an element is
    the product of the others, also where some are 0. An empty product is 1.

    >>> import autotape as at
    >>> x = at.tensor([0.0, 2.0, 3.0], requires_grad=True)
    >>> x.prod().backward(); x.grad
    tensor([6., 0., 0.])
    """
    input, to = _accumulator(tensor_input(input, "input", "prod"), dtype)
    shape = input._array.shape
    dims = normalize_dims(dim, len(shape))
    if len(dims) == len(shape):
        axis = None
    elif len(dims) == 1:
        axis = dims[0]
    else:  # the reduced dimensions as one
        rest = [i for i in range(len(shape)) if i not in dims]
        joined = input.permute(*rest, *dims).reshape([shape[i] for i in rest] + [count(shape, dims)])
        y: Tensor = prod(joined, -1, dtype=to)
        return y.reshape(kept_shape(shape, dims)) if keepdim else y
    return apply(_PROD, (input,), axis, keepdim, to)  # type: ignore[no-any-return]


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
) -> Tensor:
    """Standard deviation ``sqrt(sum((x - mean)^2) / (n - correction))``, arguments as :func:`var`.

    Where it is 0 (all elements equal) the gradient is 0.

    >>> import autotape as at
    >>> at.tensor([[1.0, 3.0], [2.0, 2.0]]).std(dim=1)
    tensor([1.4142, 0.0000])
    """
    return _spread_of(_STD, input, dim, unbiased, keepdim, correction)


# --- logsumexp ----------------------------------------------------------------------------------------------


def _top(x: Array, dims: Shape) -> Array:
    top = np.maximum.reduce(x, axis=dims, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(top), top, 0).astype(x.dtype, copy=False)  # not inf - inf


def _logsumexp_forward(x: Array, dims: Shape, keepdim: bool) -> Any:
    if x.dtype == half:
        return _logsumexp_forward(x.astype(single), dims, keepdim).astype(half)
    top = _top(x, dims)
    total = np.log(sum_over(np.exp(x - top), axis=dims, keepdims=True)) + top
    return total if keepdim else total.reshape([n for i, n in enumerate(x.shape) if i not in dims])


def _logsumexp_rule(g: Any, _y: Any, x: Any, dims: Shape, _keepdim: bool) -> Any:
    # The softmax from x alone: exp(x - y) loses the digits that y has before the point.
    e = np.exp(x - _top(array_of(x), dims))
    return g.reshape(kept_shape(x.shape, dims)) * (e / e.sum(axis=dims, keepdims=True))


_LOGSUMEXP = Operation("logsumexp", _logsumexp_forward, _logsumexp_rule)


@dim_names
def logsumexp(input: Tensor, dim: int | tuple[int, ...], keepdim: bool = False) -> Tensor:
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
    refuse_complex("logsumexp", input._array)
    if input._array.dtype.kind != "f":
        input = in_dtype(input, default_dtype())
    return apply(_LOGSUMEXP, (input,), normalize_dims(dim, input._array.ndim), keepdim)  # type: ignore[no-any-return]


# --- logical and counting -----------------------------------------------------------------------------------


def _logical(ufunc: Any, input: Any, dim: Dims, keepdim: bool, name: str) -> Tensor:
    x = tensor_input(input, "input", name)._array
    dims = () if dim == () or dim == [] else normalize_dims(dim, x.ndim)
    y = np.asarray(quietly(lambda: ufunc.reduce(x, axis=dims, dtype=bool, keepdims=keepdim)))
    return Tensor._wrap(y.astype(np.uint8) if x.dtype == np.uint8 else y)


@implements((np.logical_and, "reduce"))
@dim_names
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether all elements over ``dim`` (an int, a tuple, or None: all dimensions) are nonzero.

    The result is boolean (uint8 for uint8). Over no elements: True.

    >>> import autotape as at
    >>> at.tensor([[True, True], [True, False]]).all(dim=1)
    tensor([ True, False])
    """
    return _logical(np.logical_and, input, dim, keepdim, "all")


@implements((np.logical_or, "reduce"))
@dim_names
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether any element over ``dim`` (an int, a tuple, or None: all dimensions) is nonzero.

    The result is boolean (uint8 for uint8). Over no elements: False.

    >>> import autotape as at
    >>> at.tensor([[0, 0], [0, 2]]).any(dim=1)
    tensor([False,  True])
    """
    return _logical(np.logical_or, input, dim, keepdim, "any")


@dim_names
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """The number of nonzero elements over ``dim`` (an int, a tuple, or None: all dimensions), as int64.

    >>> import autotape as at
    >>> at.count_nonzero(at.tensor([[0, 1], [2, 3]]), dim=0)
    tensor([1, 2])
    """
    x = tensor_input(input, "input", "count_nonzero")._array
    return Tensor._wrap(
        np.asarray(np.count_nonzero(x, axis=normalize_dims(dim, x.ndim))).astype(np.int64, copy=False)
    )
