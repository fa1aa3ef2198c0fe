"""Products of vectors and of several matrices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import implements
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.linalg._checks import same_dtype
from autotape.ops import reductions
from autotape.ops._dims import dim_names
from autotape.ops.diagonals import diagonal as diagonal_view
from autotape.ops.products import matmul
from autotape.ops.tensor_products import cross_along, vandermonde

__all__ = ["cross", "diagonal", "multi_dot", "vander", "vecdot"]


@takes_out
@dim_names
def cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """The cross product of 3-vectors along ``dim``; the other dimensions broadcast.

    Derivatives: with gradient g, ``cross(other, g)`` and ``cross(g, input)``. Errors: RuntimeError unless
    both have size 3 there and as many dimensions.

    >>> import autotape as at
    >>> at.linalg.cross(at.tensor([1.0, 0.0, 0.0]), at.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    return cross_along("linalg.cross", input, other, dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """A view of the diagonals of the matrices in ``dim1`` and ``dim2``, in a new last dimension.

    ``offset``: above the main diagonal if positive, below it if negative.

    >>> import autotape as at
    >>> at.linalg.diagonal(at.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    return diagonal_view(A, offset, dim1, dim2)


@takes_out
def multi_dot(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The product of two or more matrices, multiplied in the order that takes the fewest multiplications.

    The first and the last may be vectors, a row and a column. The order is found by dynamic programming
    (Cormen et al., "Introduction to Algorithms", 15.2). Errors: RuntimeError for fewer than two and for other
    shapes.

    >>> import autotape as at
    >>> at.linalg.multi_dot([at.ones(2, 3), at.ones(3, 4), at.ones(4)])
    tensor([12., 12.])
    """
    name = "multi_dot"
    chain = [tensor_input(t, f"tensors[{i}]", name) for i, t in enumerate(tensors)]
    if len(chain) < 2:
        raise RuntimeError(f"{name}(): expected at least 2 tensors but got {len(chain)}")
    for i, t in enumerate(chain):
        ends = i in (0, len(chain) - 1)
        if t._array.ndim != 2 and not (ends and t._array.ndim == 1):
            raise RuntimeError(
                f"{name}(): tensor {i} must be {'1D or ' if ends else ''}2D but got {t._array.ndim}D"
            )
    row, column = chain[0]._array.ndim == 1, chain[-1]._array.ndim == 1
    if row:
        chain[0] = chain[0].unsqueeze(0)
    if column:
        chain[-1] = chain[-1].unsqueeze(-1)
    sizes = tuple([t._array.shape[0] for t in chain] + [chain[-1]._array.shape[1]])
    for i, (t, rows) in enumerate(zip(chain, sizes[1:])):
        if t._array.shape[1] != rows:
            raise RuntimeError(
                f"{name}(): tensors {i} and {i + 1} with shapes {list(t._array.shape)} and "
                f"{list(chain[i + 1]._array.shape)} cannot be multiplied"
            )
    y = _multiplied(chain, _splits(sizes), 0, len(chain) - 1)
    if row:
        y = y.squeeze(0)
    return y.squeeze(-1) if column else y


@lru_cache(maxsize=128)
def _splits(sizes: tuple[int, ...]) -> dict[tuple[int, int], int]:
    """Where to split the product of matrices i to j: the cheapest place."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    best = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            best[i, j] = min(
                range(i, j),
                key=lambda k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1],
            )
            k = best[i, j]
            cost[i, j] = cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
    return best


def _multiplied(chain: list[Tensor], best: dict[tuple[int, int], int], i: int, j: int) -> Tensor:
    if i == j:
        return chain[i]
    k = best[i, j]
    return matmul(_multiplied(chain, best, i, k), _multiplied(chain, best, k + 1, j))


def vander(x: Tensor, N: int | None = None) -> Tensor:
    """The Vandermonde matrices ``y[..., i, j] = x[..., i] ** j`` with N columns (default: the size of x).

    Integers in int64. Derivative: ``j * x^(j-1)``. Errors: RuntimeError for N below 1.

    >>> import autotape as at
    >>> at.linalg.vander(at.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    x = tensor_input(x, "x", "linalg.vander")
    if not x._array.ndim:
        x = x.reshape(1)
    columns = x._array.shape[-1] if N is None else N
    if N is not None and N < 1:
        raise RuntimeError(f"linalg.vander: N must be greater than 0, got {N}")
    return vandermonde(x, columns)


@implements(np.vecdot, np.linalg.vecdot)
@takes_out
@dim_names
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """The inner products ``sum(x.conj() * y)`` of vectors along ``dim``; the other dimensions broadcast.

    Derivatives: with gradient g, ``g.conj() * y`` and ``g * x``. Errors: RuntimeError for different dtypes.

    >>> import autotape as at
    >>> at.linalg.vecdot(at.tensor([[1.0, 2.0], [3.0, 4.0]]), at.tensor([1.0, 10.0]))
    tensor([21., 43.])
    """
    name = "linalg.vecdot"
    x, y = tensor_input(x, "x", name), tensor_input(y, "y", name)
    same_dtype(name, x=x, y=y)
    product: Any = x.conj() * y
    return reductions.sum(product, dim, dtype=x.dtype)
