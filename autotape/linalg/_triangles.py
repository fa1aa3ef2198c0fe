"""Solutions that rules and functions share: of general and of triangular systems, on arrays and Tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.ops._reduce import Array, conj

__all__ = ["SOLVE", "adjoint", "solve_any", "solve_lower", "solve_triangles", "solve_upper"]


def adjoint(x: Any) -> Any:
    """The conjugate transpose of matrices."""
    return conj(x).mT


# --- general ------------------------------------------------------------------------------------------------


def _solve_forward(a: Array, b: Array, strict: bool) -> Array:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        if strict:
            raise
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = np.broadcast_to(a, batch + a.shape[-2:]), np.broadcast_to(b, batch + b.shape[-2:])
    x = np.full(b.shape, np.nan, np.result_type(a, b))
    for index in np.ndindex(*batch):
        try:
            x[index] = np.linalg.solve(a[index], b[index])
        except np.linalg.LinAlgError:
            continue
    return x


def _solve_joint(g: Any, needs: Any, y: Any, a: Any, _b: Any, _strict: bool) -> Any:
    h = solve_any(adjoint(a), g)
    return -(h @ adjoint(y)) if needs[0] else None, h


# Giles (2008), 2.3.1: the gradient of B is A^-H g, that of A is -(A^-H g) X^H.
SOLVE = Operation("linalg.solve", _solve_forward, joint=_solve_joint)


def solve_any(a: Any, b: Any) -> Any:
    """``A^-1 B`` in a rule: NaN where A is singular."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return apply(SOLVE, (_tensor(a), _tensor(b)), False)
    return _solve_forward(a, b, False)


def _tensor(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor._wrap(x)


# --- triangular ---------------------------------------------------------------------------------------------


def _triangle(a: Array, upper: bool, unit: bool) -> Array:
    part = np.triu(a, int(unit)) if upper else np.tril(a, -int(unit))
    return part + np.eye(a.shape[-1], dtype=a.dtype) if unit else part


def _triangles_forward(a: Array, b: Array, upper: bool, unit: bool) -> Array:
    a = _triangle(a, upper, unit)
    if not upper:  # an upper triangular matrix with rows and columns in reverse order
        a, b = a[..., ::-1, ::-1], b[..., ::-1, :]
    try:
        x = _substitute(a, b, _BLOCK)
    except np.linalg.LinAlgError:  # a zero on a diagonal: infinite as in trsm, not an error
        x = _substitute(a, b, 1)
    return x if upper else x[..., ::-1, :]


_BLOCK = 64  # 15 ms without blocks, 1 ms with them, for a 500x500 matrix and 8 right sides


def _substitute(a: Array, b: Array, block: int) -> Array:
    """Back substitution by blocks of rows, for the whole batch.

    LU with partial pivoting leaves an upper triangular block as it is (every multiplier is 0), so LAPACK's
    general solver only substitutes back in it: as accurate as trsm, at the price of an idle elimination.
    """
    n = a.shape[-1]
    if n <= block != 1:
        return np.linalg.solve(a, b)
    x = np.empty(np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + b.shape[-2:], np.result_type(a, b))
    for stop in range(n, 0, -block):
        start = max(stop - block, 0)
        right = b[..., start:stop, :]
        if stop < n:
            right = right - a[..., start:stop, stop:] @ x[..., stop:, :]
        diagonal = a[..., start:stop, start:stop]
        x[..., start:stop, :] = right / diagonal if block == 1 else np.linalg.solve(diagonal, right)
    return x


def _triangles_joint(g: Any, needs: Any, y: Any, a: Any, _b: Any, upper: bool, unit: bool) -> Any:
    h = solve_triangles(adjoint(a), g, not upper, unit)
    if not needs[0]:
        return None, h
    product = -(h @ adjoint(y))
    return np.triu(product, int(unit)) if upper else np.tril(product, -int(unit)), h


TRIANGLES = Operation("linalg.solve_triangular", _triangles_forward, joint=_triangles_joint)


def solve_triangles(a: Any, b: Any, upper: bool, unit: bool = False) -> Any:
    """``A^-1 B`` of triangular matrices, whose other triangle (and, if unit, diagonal) is not looked at."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return apply(TRIANGLES, (_tensor(a), _tensor(b)), upper, unit)
    return _triangles_forward(a, b, upper, unit)


def solve_upper(a: Any, b: Any) -> Any:
    """``A^-1 B`` of upper triangular matrices."""
    return solve_triangles(a, b, True)


def solve_lower(a: Any, b: Any) -> Any:
    """``A^-1 B`` of lower triangular matrices."""
    return solve_triangles(a, b, False)
