"""Linear algebra outside the namespace ``linalg``: root functions and methods, some of an older form."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.linalg import decompositions, inverses, singular
from autotape.linalg._checks import matrices, same_dtype, square
from autotape.linalg.decompositions import QR
from autotape.linalg.inverses import SignLogabsdet, det, logdet
from autotape.linalg.matrix_functions import matrix_exp, matrix_power
from autotape.linalg.products import multi_dot
from autotape.linalg.solving import solve_triangular

__all__ = [
    "chain_matmul",
    "cholesky",
    "cholesky_inverse",
    "cholesky_solve",
    "det",
    "inverse",
    "logdet",
    "matrix_exp",
    "matrix_power",
    "pinverse",
    "qr",
    "slogdet",
    "svd",
    "triangular_solve",
]

methods = [name for name in __all__ if name != "chain_matmul"]
in_place: list[str] = []


class USV(NamedTuple):
    """The result of :func:`svd`."""

    U: Tensor
    S: Tensor
    V: Tensor


class TriangularSolve(NamedTuple):
    """The result of :func:`triangular_solve`."""

    solution: Tensor
    cloned_coefficient: Tensor


@takes_out
def inverse(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of square matrices: :func:`autotape.linalg.inv`.

    >>> import autotape as at
    >>> at.inverse(at.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return inverses.inv(input)


def slogdet(input: Tensor) -> SignLogabsdet:
    """Sign and logarithm of the absolute determinant of square matrices: :func:`autotape.linalg.slogdet`.

    >>> import autotape as at
    >>> at.slogdet(at.eye(2)).sign
    tensor(1.)
    """
    return inverses.slogdet(input)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """The pseudoinverse of matrices, :func:`autotape.linalg.pinv`: ``rcond`` is its ``rtol``.

    >>> import autotape as at
    >>> at.pinverse(at.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    return singular.pinv(input, rtol=rcond)


# --- decompositions -----------------------------------------------------------------------------------------


@takes_out
def cholesky(input: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The Cholesky factor of symmetric positive definite matrices: :func:`autotape.linalg.cholesky`.

    >>> import autotape as at
    >>> at.cholesky(at.tensor([[4.0, 2.0], [2.0, 5.0]]), upper=True)
    tensor([[2., 1.],
            [0., 2.]])
    """
    return decompositions.cholesky(input, upper=upper)


@takes_out
def qr(input: Tensor, some: bool = True, *, out: tuple[Tensor, Tensor] | None = None) -> QR:
    """QR decomposition of matrices, :func:`autotape.linalg.qr`: "reduced" if ``some``, else "complete".

    >>> import autotape as at
    >>> at.qr(at.ones(3, 2)).R.shape
    autotape.Size([2, 2])
    """
    return decompositions.qr(input, "reduced" if some else "complete")


@takes_out
def svd(
    input: Tensor,
    some: bool = True,
    compute_uv: bool = True,
    *,
    out: tuple[Tensor, Tensor, Tensor] | None = None,
) -> USV:
    """Singular value decomposition ``A = U @ diag(S) @ V.mH`` of matrices ``(..., m, n)``: ``(U, S, V)``.

    ``some`` is the opposite of ``full_matrices`` of :func:`autotape.linalg.svd`, whose Vh is ``V.mH``;
    ``compute_uv=False`` gives zeros for U ``(..., m, m)`` and V ``(..., n, n)``.

    >>> import autotape as at
    >>> U, S, V = at.svd(at.tensor([[3.0, 0.0], [0.0, 4.0]]))
    >>> S
    tensor([4., 3.])
    """
    if compute_uv:
        u, s, vh = singular.svd(input, not some)
        return USV(u, s, vh.mH)
    input = matrices("svd", input, "input")
    *batch, rows, columns = input._array.shape
    zeros = [Tensor._wrap(np.zeros((*batch, n, n), input._array.dtype)) for n in (rows, columns)]
    return USV(zeros[0], singular.svdvals(input), zeros[1])


# --- solutions ----------------------------------------------------------------------------------------------


@takes_out
def triangular_solve(
    input: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
    *,
    out: tuple[Tensor, Tensor] | None = None,
) -> TriangularSolve:
    """The solution X of ``A @ X = input`` with triangular A, and a copy of A.

    ``transpose``: of ``A.mT @ X = input``. The newer form is :func:`autotape.linalg.solve_triangular`.

    >>> import autotape as at
    >>> at.triangular_solve(at.tensor([[2.0]]), at.tensor([[4.0]])).solution
    tensor([[0.5000]])
    """
    input, A = matrices("triangular_solve", input, "b"), square("triangular_solve", A)
    coefficient, above = (A.mT, not upper) if transpose else (A, upper)
    solution = solve_triangular(coefficient, input, upper=above, unitriangular=unitriangular)
    shape = (*solution._array.shape[:-2], *A._array.shape[-2:])
    return TriangularSolve(solution, A.expand(shape).clone())


@takes_out
def cholesky_solve(input: Tensor, L: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The solution X of ``A @ X = input`` by the Cholesky factor L of A, ``A = L @ L.mH``.

    ``upper``: L is the upper factor, ``A = L.mH @ L``. Derivatives: those of two triangular solutions.
    Errors: RuntimeError for shapes or dtypes that do not fit.

    >>> import autotape as at
    >>> at.cholesky_solve(at.tensor([[8.0]]), at.tensor([[2.0]]))
    tensor([[2.]])
    """
    name = "cholesky_solve"
    input, L = matrices(name, input, "b"), square(name, L, "L")
    same_dtype(name, b=input, L=L)
    if upper:
        L = L.mH
    half = solve_triangular(L, input, upper=False)
    return solve_triangular(L.mH, half, upper=True)


@takes_out
def cholesky_inverse(input: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The inverse of A by its Cholesky factor, ``A = L @ L.mH`` (``upper``: ``A = L.mH @ L``).

    >>> import autotape as at
    >>> at.cholesky_inverse(at.tensor([[2.0]]))
    tensor([[0.2500]])
    """
    input = square("cholesky_inverse", input, "L")
    identity = Tensor._wrap(np.eye(input._array.shape[-1], dtype=input._array.dtype))
    return cholesky_solve(identity, input, upper)


def chain_matmul(*matrices: Any, out: Tensor | None = None) -> Tensor:
    """The product of matrices in the cheapest order: :func:`autotape.linalg.multi_dot` of its arguments.

    >>> import autotape as at
    >>> at.chain_matmul(at.ones(1, 2), at.ones(2, 3), at.ones(3, 1))
    tensor([[6.]])
    """
    if len(matrices) == 1:
        return matrices[0]  # type: ignore[no-any-return]
    return multi_dot(matrices, out=out)
