"""Reductions over dimensions: sums, means, products, logical reductions and counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.dtypes import DTypeLike, from_numpy_dtype, to_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._dims import Dims, dim_names, normalize_dims
from autotape.ops._reduce import (
    Array,
    Shape,
    conj,
    count,
    half,
    in_dtype,
    kept_shape,
    single,
    spread,
    sum_over,
)
from autotape.ops._rules import array_of, masked

__all__ = ["all", "any", "count_nonzero", "mean", "nanmean", "nansum", "prod", "sum"]

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
def sum(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
    out: Tensor | None = None,
) -> Tensor:
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
def mean(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
    out: Tensor | None = None,
) -> Tensor:
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


def _nansum_rule(g: Any, _y: Any, x: Any, dims: Shape, _keepdim: bool, _dtype: Any) -> Any:
    return masked(spread(g, dims, x.shape), ~np.isnan(array_of(x)))


def _nansum_forward(x: Array, dims: Shape, keepdim: bool, dtype: np.dtype[Any]) -> Any:
    y = _sum_forward(x, dims, keepdim, dtype, x.shape)
    if np.isnan(y).any():  # else nothing has to be left out
        return _sum_forward(np.where(np.isnan(x), x.dtype.type(0), x), dims, keepdim, dtype, x.shape)
    return y


_NANSUM = Operation("nansum", _nansum_forward, _nansum_rule)


@dim_names
def nansum(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Sum of the elements that are not NaN over ``dim`` (an int, a tuple, or None: all dimensions).

    Arguments and dtypes as for :func:`sum`. The derivative is that of the sum, and 0 at a NaN.
    Errors: RuntimeError for complex numbers.

    >>> import autotape as at
    >>> at.nansum(at.tensor([1.0, float("nan"), 4.0]))
    tensor(5.)
    """
    input = tensor_input(input, "input", "nansum")
    kind = input._array.dtype.kind
    if kind == "c":
        raise RuntimeError("nansum(): does not support complex inputs; use where(isnan(x), 0, x).sum()")
    if kind != "f":
        return sum(input, dim, keepdim, dtype=dtype)
    input, to = _accumulator(input, dtype)
    if input._array.dtype.kind != "f":  # truncated to integers: no NaN is left
        return sum(input, dim, keepdim)
    return apply(_NANSUM, (input,), normalize_dims(dim, input._array.ndim), keepdim, to)  # type: ignore[no-any-return]


@dim_names
def nanmean(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Mean of the elements that are not NaN over ``dim``; NaN where there is none. See :func:`mean`.

    Derivative: 1 / n for the n elements that count, 0 at a NaN. Errors: RuntimeError for integers.

    >>> import autotape as at
    >>> at.nanmean(at.tensor([1.0, float("nan"), 4.0]))
    tensor(2.5000)
    """
    input = tensor_input(input, "input", "nanmean")
    x = input._array
    if x.dtype.kind not in "fc":
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got "
            f"{from_numpy_dtype(x.dtype)}"
        )
    numbers = Tensor._wrap(as_array(~np.isnan(x)))
    if x.dtype.kind == "c":
        return sum(input.masked_fill(~numbers, 0), dim, keepdim, dtype=dtype) / sum(numbers, dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / sum(numbers, dim, keepdim)


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


def _prod_forward(x: Array, dim: int | None, keepdim: bool, dtype: np.dtype[Any]) -> Any:
    multiply: Any = np.multiply.reduce
    if x.itemsize == 2 and dtype == half:
        return multiply(x, dim, single, None, keepdim).astype(half)
    if dim is None and x.size >= 4096 and x.flags.c_contiguous:  # 256 products side by side: 3 times as fast
        flat = x.reshape(-1)
        whole = flat.size - flat.size % 256
        y = multiply(multiply(flat[:whole].reshape(-1, 256), 0, dtype)) * multiply(flat[whole:], 0, dtype)
        return y.reshape((1,) * x.ndim) if keepdim else y
    return multiply(x, dim, dtype, None, keepdim)


_PROD = Operation("prod", _prod_forward, _prod_rule)


@implements((np.multiply, "reduce"))
@dim_names
def prod(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
    out: Tensor | None = None,
) -> Tensor:
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


# --- logical and counting -----------------------------------------------------------------------------------


def _logical(ufunc: Any, input: Any, dim: Dims, keepdim: bool, name: str) -> Tensor:
    x = tensor_input(input, "input", name)._array
    dims = () if dim == () or dim == [] else normalize_dims(dim, x.ndim)
    y = as_array(quietly(lambda: ufunc.reduce(x, axis=dims, dtype=bool, keepdims=keepdim)))
    return Tensor._wrap(y.astype(np.uint8) if x.dtype == np.uint8 else y)


@implements((np.logical_and, "reduce"))
@dim_names
def all(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Whether all elements over ``dim`` (an int, a tuple, or None: all dimensions) are nonzero.

    The result is boolean (uint8 for uint8). Over no elements: True.

    >>> import autotape as at
    >>> at.tensor([[True, True], [True, False]]).all(dim=1)
    tensor([ True, False])
    """
    return _logical(np.logical_and, input, dim, keepdim, "all")


@implements((np.logical_or, "reduce"))
@dim_names
def any(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
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
        as_array(np.count_nonzero(x, axis=normalize_dims(dim, x.ndim))).astype(np.int64, copy=False)
    )
