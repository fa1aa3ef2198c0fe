"""LU decomposition with partial pivoting on NumPy, vectorised over the batch, with its derivative."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from autotape.engine.batched import BatchedArray
from autotape.engine.operation import Operation
from autotape.linalg._triangles import adjoint, solve_triangles, solve_upper
from autotape.ops._reduce import Array
from autotape.ops._rules import array_of

__all__ = ["LU", "permutation_matrix", "permutation_of"]

_BLOCK = 32


def _lu_forward(x: Any) -> tuple[Any, Any]:
    """The compact factors and the 1-based pivots, by blocks of columns (Golub and Van Loan, 3.2.11, 3.4)."""
    if type(x) is BatchedArray:  # a batch more
        factors, places = _lu_forward(x.physical)
        return BatchedArray(x.level, factors), BatchedArray(x.level, places)
    rows, columns = x.shape[-2:]
    k = min(rows, columns)
    a = x.reshape((prod(x.shape[:-2]), rows, columns)).copy()
    pivots = np.empty((len(a), k), np.int32)
    for start in range(0, k, _BLOCK):
        stop = min(start + _BLOCK, k)
        _eliminate(a, pivots, start, stop)
        if stop < columns:
            block = a[:, start:stop, start:stop]
            a[:, start:stop, stop:] = solve_triangles(block, a[:, start:stop, stop:], False, True)
            a[:, stop:, stop:] -= a[:, stop:, start:stop] @ a[:, start:stop, stop:]
    return a.reshape(x.shape), pivots.reshape((*x.shape[:-2], k))


def _eliminate(a: Array, pivots: Array, start: int, stop: int) -> None:
    """Factor columns ``start`` to ``stop``; whole rows are swapped."""
    every = np.arange(len(a))
    for j in range(start, stop):
        column = a[:, j:, j]
        # LAPACK compares complex numbers by |Re| + |Im|.
        size = np.abs(column.real) + np.abs(column.imag) if a.dtype.kind == "c" else np.abs(column)
        row = j + size.argmax(-1)
        pivots[:, j] = row + 1
        swapped = a[every, row]
        a[every, row] = a[:, j]
        a[:, j] = swapped
        pivot = a[:, j, j, None]
        a[:, j + 1 :, j] /= np.where(pivot == 0, 1, pivot)
        a[:, j + 1 :, j + 1 : stop] -= a[:, j + 1 :, j, None] * a[:, j, None, j + 1 : stop]


def permutation_of(pivots: Any, rows: int) -> Any:
    """The permutation p of rows with ``A[p] = L @ U``."""
    if type(pivots) is BatchedArray:
        return BatchedArray(pivots.level, permutation_of(pivots.physical, rows))
    flat = pivots.reshape((prod(pivots.shape[:-1]), pivots.shape[-1]))
    p = np.tile(np.arange(rows), (len(flat), 1))
    every = np.arange(len(flat))
    for i in range(flat.shape[-1]):
        other = flat[:, i] - 1
        p[every, i], p[every, other] = p[every, other], p[every, i]
    return p.reshape((*pivots.shape[:-1], rows))


def permutation_matrix(p: Array, dtype: Any) -> Any:
    """The matrices P with ``A = P @ L @ U``: column i has its 1 in row p[i]."""
    return (np.arange(p.shape[-1])[:, None] == p[..., None, :]).astype(dtype)


def _lu_joint(g: Any, _needs: Any, y: Any, _x: Any) -> Any:
    """With A = P L U: dL = L tril(H, -1), dU = triu(H) U for H = L^-1 P^T dA U^-1 of a square A.

    What a tall or wide A has beyond its square is solved for from it, and adds to the gradients of the
    square.
    """
    grad, compact = g[0], y[0]
    p = permutation_of(array_of(y[1]), compact.shape[-2])
    rows, columns = compact.shape[-2:]
    k = min(rows, columns)
    square = compact[..., :k, :k]
    below, right = compact[..., k:, :], compact[..., :, k:]
    lower = np.tril(square, -1) + np.eye(k, dtype=array_of(compact).dtype)
    upper = np.triu(square)
    g_square = grad[..., :k, :k]
    g_lower, g_upper = np.tril(g_square, -1), np.triu(g_square)
    g_rest: Any = None
    if rows > k:  # L2 = A2 U^-1
        g_rest = adjoint(solve_upper(upper, adjoint(grad[..., k:, :])))
        g_upper = g_upper - adjoint(below) @ g_rest
    elif columns > k:  # U2 = L^-1 A2
        g_rest = solve_triangles(adjoint(lower), grad[..., :, k:], True, True)
        g_lower = g_lower - g_rest @ adjoint(right)
    h = np.tril(adjoint(lower) @ g_lower, -1) + np.triu(g_upper @ adjoint(upper))
    h = solve_triangles(adjoint(lower), h, True, True)
    result = adjoint(solve_upper(upper, adjoint(h)))
    if rows > k:
        result = np.concatenate((result, g_rest), axis=-2)
    elif columns > k:
        result = np.concatenate((result, g_rest), axis=-1)
    return (permutation_matrix(p, array_of(compact).dtype) @ result,)


LU = Operation("linalg.lu", _lu_forward, joint=_lu_joint)
