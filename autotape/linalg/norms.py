"""Norms of vectors and of matrices, and the condition number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike
from autotape.engine.operands import tensor_input
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.linalg._checks import square
from autotape.linalg.inverses import inv_ex
from autotape.linalg.singular import svdvals
from autotape.ops import choices, reductions
from autotape.ops._dims import Dims, dim_names, normalize_dim
from autotape.ops._reduce import in_dtype, require_floating
from autotape.ops.norms import p_norm

__all__ = ["cond", "matrix_norm", "norm", "vector_norm"]

Order = float | str | None


def _vector(name: str, x: Any, ord: Any, dim: Dims, keepdim: bool, dtype: DTypeLike | None) -> Tensor:
    if isinstance(ord, (str, complex)):
        raise RuntimeError(f"{name}: order {ord!r} is not supported for vectors; it is a real number")
    return p_norm(name, tensor_input(x, "x", name), float(ord), dim, keepdim, dtype)


@takes_out
@dim_names
def vector_norm(
    x: Tensor,
    ord: float = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The vector norm ``sum(|x|^ord)^(1/ord)`` over ``dim`` (an int, a tuple, or None: all dimensions), real.

    inf and -inf give the largest and smallest ``|x|``; 0 counts the nonzero elements. The gradient at the
    zero vector is 0; where ord is inf or -inf, equal elements share it. ``dtype`` converts first. Errors:
    RuntimeError for integers, and for an empty dimension with a negative or infinite order.

    >>> import autotape as at
    >>> at.linalg.vector_norm(at.tensor([3.0, -4.0])), at.linalg.vector_norm(at.tensor([3.0, -4.0]), ord=1)
    (tensor(5.), tensor(7.))
    """
    return _vector("linalg.vector_norm", x, ord, dim, keepdim, dtype)


@takes_out
@dim_names
def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: tuple[int, ...] | list[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """A norm of the matrices in the two dimensions ``dim``, real.

    ``ord``: ``"fro"`` the root of the sum of squares; ``"nuc"`` the sum of the singular values, 2 (-2) the
    largest (smallest); inf (-inf) the largest (smallest) sum of a row's absolute values, 1 (-1) of a
    column's. Derivatives: those of the sums, and of :func:`svdvals`; equal largest ones share the gradient,
    and at the zero matrix that of "fro" is 0. Errors: RuntimeError for integers and other orders.

    >>> import autotape as at
    >>> A = at.tensor([[1.0, -2.0], [3.0, 4.0]])
    >>> at.linalg.matrix_norm(A, 1), at.linalg.matrix_norm(A, float("inf"))
    (tensor(6.), tensor(7.))
    """
    name = "linalg.matrix_norm"
    A = tensor_input(A, "A", name)
    require_floating(name, A._array)
    A = in_dtype(A, dtype)
    ndim = A._array.ndim
    if ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions, got shape {list(A._array.shape)}."
        )
    if len(dim) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple of dimensions, got {dim}")
    row, column = (normalize_dim(d, ndim) for d in dim)
    if row == column:
        raise RuntimeError(f"{name}: dims must be different, got {tuple(dim)}")
    if ord == "fro":
        return p_norm(name, A, 2.0, (row, column), keepdim)
    if ord in ("nuc", 2, -2):
        s = svdvals(A.movedim((row, column), (-2, -1)))
        y = reductions.sum(s, -1) if ord == "nuc" else _largest(s, -1) if ord == 2 else s.amin(-1)
    elif isinstance(ord, str) or abs(ord) not in (1, math.inf):
        raise RuntimeError(f"{name}: Order {ord} not supported.")
    else:
        sums = p_norm(name, A, 1.0, row if abs(ord) == 1 else column, True)
        y = _largest(sums, (row, column)) if ord > 0 else sums.amin((row, column))
    if keepdim:
        for d in sorted((row, column)):
            y = y.unsqueeze(d)
    return y


def _largest(x: Tensor, dim: int | tuple[int, int]) -> Tensor:
    """The maximum of what is not negative: 0 of nothing."""
    dims = (dim,) if isinstance(dim, int) else dim
    empty = 0 in [x._array.shape[d] for d in dims]
    return reductions.sum(x, dim) if empty else x.amax(dim)


@takes_out
@dim_names
def norm(
    A: Tensor,
    ord: Order = None,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """A vector or matrix norm, by what is given.

    ``ord=None``: the 2-norm of all elements, or over ``dim``. Else :func:`matrix_norm` where ``dim`` has two
    dimensions, or is None and A is a matrix; and :func:`vector_norm` where ``dim`` is one, or is None and A
    has one dimension. Errors: RuntimeError for what fits neither, and for integers.

    >>> import autotape as at
    >>> A = at.tensor([[3.0, 0.0], [0.0, 4.0]])
    >>> at.linalg.norm(A), at.linalg.norm(A, 2), at.linalg.norm(A, 1, dim=0)
    (tensor(5.), tensor(4.), tensor([3., 4.]))
    """
    name = "linalg.norm"
    A = tensor_input(A, "A", name)
    ndim = A._array.ndim
    if ord is None:
        return _vector("linalg.vector_norm", A, 2, dim, keepdim, dtype)
    if dim is None:
        if ndim not in (1, 2):
            raise RuntimeError(
                f"{name}: If dim is not specified but ord is, the input must be 1D or 2D. Got {ndim}D."
            )
        dims: tuple[int, ...] = tuple(range(ndim))
    else:
        dims = (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dims) not in (1, 2):
        raise RuntimeError(f"{name}: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    if len(dims) == 1:
        if isinstance(ord, str):
            raise RuntimeError(
                f"{name}: order {ord!r} is that of a matrix norm, but dim={dim} is one dimension"
            )
        return _vector("linalg.vector_norm", A, ord, dims, keepdim, dtype)
    return matrix_norm(A, ord, dims, keepdim, dtype=dtype)


@takes_out
def cond(A: Tensor, p: Order = None, *, out: Tensor | None = None) -> Tensor:
    """The condition number ``norm(A) * norm(inv(A))`` of matrices, in the norm ``p`` of :func:`matrix_norm`.

    None and 2: the largest singular value over the smallest, -2 the smallest over the largest, for matrices
    of any shape; other norms are for square ones. A singular matrix has infinity. Errors: RuntimeError for
    integers and other norms.

    >>> import autotape as at
    >>> at.linalg.cond(at.tensor([[4.0, 0.0], [0.0, 2.0]]))
    tensor(2.)
    """
    name = "linalg.cond"
    A = tensor_input(A, "A", name)
    if A._array.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor must have at least 2 dimensions, got shape {list(A._array.shape)}."
        )
    if p is None or p in (2, -2):
        if not A._array.size:  # as PyTorch has it
            return Tensor._wrap(np.zeros(A._array.shape[:-2], A._array.real.dtype))
        s = svdvals(A)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    A = square(name, A)
    inverse, info = inv_ex(A)
    y = matrix_norm(A, p) * matrix_norm(inverse, p)
    singular = info._array != 0
    return choices.where(Tensor._wrap(singular), math.inf, y) if singular.any() else y
