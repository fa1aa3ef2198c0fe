"""Triangles and diagonals."""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import Any

import numpy as np

from autotape.engine.basics import on_cpu
from autotape.engine.batched import fresh
from autotape.engine.dtypes import DTypeLike, int64, to_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, view_of, write
from autotape.ops._dims import normalize_dim
from autotape.ops.filling import masked_fill, put_into_view
from autotape.ops.shape import ravel

__all__ = [
    "diag",
    "diag_embed",
    "diagflat",
    "diagonal",
    "diagonal_scatter",
    "tril",
    "tril_indices",
    "triu",
    "triu_indices",
]

methods = ["diag", "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "fill_diagonal_", "tril", "triu"]
in_place = ["tril", "triu"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


# --- triangles ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _kept_bits(rows: int, columns: int, k: int, upper: bool, itemsize: int) -> Array:
    """All bits of the elements of a triangle as integers of that size, none of the others."""
    mask = np.tri(rows, columns, k - upper, dtype=bool)
    return -(mask ^ upper).astype(f"i{itemsize}")


def _triangle(x: Any, k: int, upper: bool) -> Any:
    """The triangle of an array. Masking bits takes a quarter of np.tril's time, and NaN becomes 0 too."""
    itemsize = x.dtype.itemsize
    rows, columns = x.shape[-2:]
    if x.__class__ is not np.ndarray or itemsize > 8 or rows * columns > 2**16:
        return np.triu(x, k) if upper else np.tril(x, k)
    return (x.view(f"i{itemsize}") & _kept_bits(rows, columns, k, upper, itemsize)).view(x.dtype)


def _triangle_rule(g: Any, _y: Any, _x: Any, k: int, upper: bool) -> Any:
    return (
        apply(_TRIU if upper else _TRIL, (g,), k, upper) if isinstance(g, Tensor) else _triangle(g, k, upper)
    )


_TRIL = Operation("tril", _triangle, _triangle_rule)
_TRIU = Operation("triu", _triangle, _triangle_rule)


@takes_out
def tril(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The lower triangle of the last two dimensions, up to a diagonal (0: the main one); zeros above it.

    Errors: RuntimeError for fewer than two dimensions.

    >>> import autotape as at
    >>> at.ones(2, 3).tril()
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    input = tensor_input(input, "input", "tril")
    if input._array.ndim < 2:
        raise RuntimeError(f"tril: input tensor must have at least 2 dimensions, got {input._array.ndim}")
    return apply(_TRIL, (input,), operator.index(diagonal), False)  # type: ignore[no-any-return]


@takes_out
def triu(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The upper triangle of the last two dimensions, from a diagonal on (0: the main one); zeros below it.

    Errors: RuntimeError for fewer than two dimensions.

    >>> import autotape as at
    >>> at.ones(2, 3).triu(1)
    tensor([[0., 1., 1.],
            [0., 0., 1.]])
    """
    input = tensor_input(input, "input", "triu")
    if input._array.ndim < 2:
        raise RuntimeError(f"triu: input tensor must have at least 2 dimensions, got {input._array.ndim}")
    return apply(_TRIU, (input,), operator.index(diagonal), True)  # type: ignore[no-any-return]


def _indices(name: str, numbers: Any, row: int, col: int, offset: int, dtype: DTypeLike) -> Tensor:
    for argument, n in (("row", row), ("col", col)):
        if n < 0:
            raise RuntimeError(f"{name}(): {argument} must be non-negative, got {n}")
    to = to_numpy_dtype(dtype)
    if to not in (np.int32, np.int64):
        raise NotImplementedError(f'"{name}" not implemented for {to.name}; use int64 or int32')
    return Tensor._wrap(np.stack(numbers(row, offset, col)).astype(to, copy=False))


def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: DTypeLike = int64,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The indices of the elements of :func:`tril` of a (row, col) matrix: row numbers, then column numbers.

    An int64 (or int32) tensor of shape (2, number of elements), by rows.

    >>> import autotape as at
    >>> at.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    on_cpu(device)
    return _indices("tril_indices", np.tril_indices, row, col, offset, dtype)


def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: DTypeLike = int64,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The indices of the elements of :func:`triu` of a (row, col) matrix: row numbers, then column numbers.

    >>> import autotape as at
    >>> at.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    on_cpu(device)
    return _indices("triu_indices", np.triu_indices, row, col, offset, dtype)


# --- diagonals ----------------------------------------------------------------------------------------------


def _diagonal_view(x: Array, offset: int, dim1: int, dim2: int, _shape: Shape) -> Array:
    out = x.diagonal(offset, dim1, dim2)
    if x.flags.writeable:
        out.flags.writeable = True  # NumPy's is read-only by default
    return out


def _into_diagonal(g: Array, offset: int, dim1: int, dim2: int, shape: Shape) -> Array:
    out: Array = fresh(shape, g)
    _diagonal_view(out, offset, dim1, dim2, shape)[...] = g
    return out


def _diagonal_rule(g: Any, _y: Any, _x: Any, offset: int, dim1: int, dim2: int, shape: Shape) -> Any:
    if isinstance(g, Tensor):
        return apply(_DIAGONAL_ADJOINT, (g,), offset, dim1, dim2, shape)
    return _into_diagonal(g, offset, dim1, dim2, shape)


def _diagonal_adjoint_rule(g: Any, _y: Any, _x: Any, offset: int, dim1: int, dim2: int, shape: Shape) -> Any:
    if isinstance(g, Tensor):
        return apply(_DIAGONAL, (g,), offset, dim1, dim2, shape)
    return g.diagonal(offset, dim1, dim2)


_DIAGONAL = Operation("diagonal", _diagonal_view, _diagonal_rule, view=True)
_DIAGONAL_ADJOINT = Operation("diagonal_adjoint", _into_diagonal, _diagonal_adjoint_rule)
_DIAG = Operation("diag", lambda x, *constants: _diagonal_view(x, *constants).copy(), _diagonal_rule)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The elements whose index along ``dim2`` is that along ``dim1`` plus ``offset``, as the last dimension.

    A view.

    >>> import autotape as at
    >>> at.arange(6).reshape(2, 3).diagonal(1)
    tensor([1, 5])
    """
    input = tensor_input(input, "input", "diagonal")
    shape = input._array.shape
    first, second = normalize_dim(dim1, len(shape), "dim1"), normalize_dim(dim2, len(shape), "dim2")
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return view_of(_DIAGONAL, input, operator.index(offset), first, second, shape)


@takes_out
def diag(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The diagonal of a matrix (a copy), or the matrix with a 1-D tensor on its diagonal and zeros elsewhere.

    Errors: RuntimeError for other numbers of dimensions.

    >>> import autotape as at
    >>> at.diag(at.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    input = tensor_input(input, "input", "diag")
    shape = input._array.shape
    offset = operator.index(diagonal)
    if len(shape) == 1:
        n = shape[0] + abs(offset)
        return apply(_DIAGONAL_ADJOINT, (input,), offset, 0, 1, (n, n))  # type: ignore[no-any-return]
    if len(shape) != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {len(shape)}D")
    return apply(_DIAG, (input,), offset, 0, 1, shape)  # type: ignore[no-any-return]


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the last dimension of ``input`` on a diagonal and zeros elsewhere.

    (..., n) gives (..., n + |offset|, n + |offset|), the two new dimensions at the places ``dim1`` and
    ``dim2`` of the result. The derivative is :func:`diagonal`, of which this is the adjoint.

    Errors: RuntimeError if the two dimensions are the same one.

    >>> import autotape as at
    >>> at.diag_embed(at.tensor([[1, 2], [3, 4]])).shape
    autotape.Size([2, 2, 2])
    """
    input = tensor_input(input, "input", "diag_embed")
    before = input._array.shape
    if not before:
        raise IndexError("diag_embed(): Dimension specified as -1 but tensor has no dimensions")
    ndim = len(before) + 1
    first, second = normalize_dim(dim1, ndim, "dim1"), normalize_dim(dim2, ndim, "dim2")
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    offset = operator.index(offset)
    shape = list(before[:-1])
    for d in sorted((first, second)):
        shape.insert(d, before[-1] + abs(offset))
    return apply(_DIAGONAL_ADJOINT, (input,), offset, first, second, tuple(shape))  # type: ignore[no-any-return]


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with all elements of ``input``, in row-major order, on a diagonal and zeros elsewhere.

    >>> import autotape as at
    >>> at.diagflat(at.tensor([[1], [2]]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag(ravel(tensor_input(input, "input", "diagflat")), offset)


def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of ``input`` with ``src`` in place of its :func:`diagonal`, whose shape ``src`` must have.

    The gradient of ``src`` is that of the diagonal, the gradient of ``input`` is zero there. Errors:
    RuntimeError for another shape.

    >>> import autotape as at
    >>> at.zeros(2, 2).diagonal_scatter(at.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    input = tensor_input(input, "input", "diagonal_scatter")
    src = tensor_input(src, "src", "diagonal_scatter")
    shape = input._array.shape
    first, second = normalize_dim(dim1, len(shape), "dim1"), normalize_dim(dim2, len(shape), "dim2")
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    place = (operator.index(offset), first, second, shape)
    return put_into_view("diagonal_scatter", input, src, _DIAGONAL, place)


def fill_diagonal_(input: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write a number (or a 0-d tensor) on the main diagonal, in place.

    ``wrap``: in a matrix with more rows than columns the diagonal begins again, one row further down. Of more
    than two dimensions, all of one size, it is the elements whose indices are all equal.

    Errors: RuntimeError for fewer than two dimensions, or for more of different sizes.

    >>> import autotape as at
    >>> at.zeros(2, 3).fill_diagonal_(5)
    tensor([[5., 0., 0.],
            [0., 5., 0.]])
    """
    shape = input._array.shape
    if len(shape) < 2:
        raise RuntimeError(f"fill_diagonal_: dimensions must be larger than 1, got shape {list(shape)}")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError(
            f"fill_diagonal_: all dimensions of input must be of equal length, got {list(shape)}"
        )
    check_writable(input, "fill_diagonal_")
    mask = np.zeros(shape, bool)
    if mask.size:
        np.fill_diagonal(mask, True, wrap)
    return write(input, masked_fill(input, Tensor._wrap(mask), fill_value), "fill_diagonal_")
