"""Eigenvalues and eigenvectors of symmetric (Hermitian) and of general matrices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autotape.engine.operation import Operation
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.linalg._checks import LinAlgError, apply_or_explain, eigen_symmetric, square
from autotape.linalg._triangles import adjoint, solve_any
from autotape.linalg.singular import NO_PHASE, depends_on_phase, diagonal_of
from autotape.ops._reduce import Array
from autotape.ops._rules import array_of

__all__ = ["eig", "eigh", "eigvals", "eigvalsh"]


class Eig(NamedTuple):
    """The result of :func:`eig` and :func:`eigh`."""

    eigenvalues: Tensor
    eigenvectors: Tensor


# --- symmetric ----------------------------------------------------------------------------------------------
# Giles (2008), 3.1: for A = V diag(L) V^H, dL = diag(V^H dA V) and dV = V (F * (V^H dA V)) with
# F_ij = 1 / (L_j - L_i).


def _eigh_joint(g: Any, _needs: Any, y: Any, _x: Any, _uplo: str) -> Any:
    (g_values, g_vectors), (values, vectors) = g, y
    if g_vectors is None:
        return ((vectors * g_values[..., None, :]) @ adjoint(vectors),)
    one = np.eye(values.shape[-1], dtype=array_of(values).dtype)
    along = adjoint(vectors) @ g_vectors
    if array_of(vectors).dtype.kind == "c" and depends_on_phase(diagonal_of(along).imag):
        raise RuntimeError(f"linalg_eigh_backward: {NO_PHASE.format('eigenvectors in the complex case')}")
    skew = (along - adjoint(along)) / 2  # so that the gradient is Hermitian, as A is
    inner = skew * (1 - one) / (values[..., None, :] - values[..., :, None] + one)
    if g_values is not None:
        inner = inner + g_values[..., None] * one
    return (vectors @ inner @ adjoint(vectors),)


_EIGH = Operation("linalg.eigh", eigen_symmetric, joint=_eigh_joint)


def _eigvalsh_forward(x: Array, uplo: str) -> Array:
    values: Array = np.linalg.eigvalsh(x, uplo)  # type: ignore[call-overload]
    if np.isnan(values).any():
        raise np.linalg.LinAlgError("Eigenvalues did not converge")
    return values


_EIGVALSH = Operation("linalg.eigvalsh", _eigvalsh_forward)
_DIVERGED = "The algorithm failed to converge because the input matrix contained non-finite values."


def _triangle(UPLO: str) -> str:
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper()


@takes_out
def eigh(A: Tensor, UPLO: str = "L", *, out: tuple[Tensor, Tensor] | None = None) -> Eig:
    """Eigenvalues and eigenvectors of symmetric or Hermitian matrices ``(..., n, n)``: ``A = V diag(L) V^H``.

    Returns ``(eigenvalues, eigenvectors)``: L real and ascending, V with orthonormal columns, each free in
    its sign or phase. Only the lower (``UPLO="L"``) or upper (``"U"``) triangle of A is looked at. Derivative
    (Giles 2008): the Hermitian part of ``V (diag(gL) + F * (V^H gV)) V^H`` with ``F_ij = 1 / (L_j - L_i)``
    off the diagonal: infinite or NaN for equal eigenvalues, where :func:`eigvalsh` still has one. Errors:
    LinAlgError for infinities and NaN; RuntimeError for matrices that are not square, and in backward if a
    loss depends on the free phase of complex vectors.

    >>> import autotape as at
    >>> at.linalg.eigh(at.tensor([[0.0, 1.0], [1.0, 0.0]])).eigenvalues
    tensor([-1.,  1.])
    """
    name = "linalg.eigh"
    return Eig(*apply_or_explain(name, _DIVERGED, _EIGH, (square(name, A),), _triangle(UPLO)))


@takes_out
def eigvalsh(A: Tensor, UPLO: str = "L", *, out: Tensor | None = None) -> Tensor:
    """The eigenvalues of symmetric or Hermitian matrices, real and ascending: ``(..., n, n) -> (..., n)``.

    Derivative: ``V diag(g) V^H``, also for equal eigenvalues. Arguments and errors: as :func:`eigh`.

    >>> import autotape as at
    >>> at.linalg.eigvalsh(at.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.])
    """
    name = "linalg.eigvalsh"
    A, uplo = square(name, A), _triangle(UPLO)
    if A._node is None:
        return apply_or_explain(name, _DIVERGED, _EIGVALSH, (A,), uplo)  # type: ignore[no-any-return]
    return apply_or_explain(name, _DIVERGED, _EIGH, (A,), uplo)[0]  # type: ignore[no-any-return]


# --- general ------------------------------------------------------------------------------------------------
# Boeddeker et al., "On the computation of complex-valued gradients with application to statistically optimum
# beamforming" (2017), (4.77), for vectors of norm 1: the part of gV along each vector is taken out.


def _eig_forward(x: Array) -> tuple[Array, Array]:
    values, vectors = np.linalg.eig(x)
    to = np.result_type(x, np.complex64)
    return values.astype(to, copy=False), vectors.astype(to, copy=False)


def _eig_joint(g: Any, _needs: Any, y: Any, _x: Any) -> Any:
    (g_values, g_vectors), (values, vectors) = g, y
    vh = adjoint(vectors)
    if g_vectors is None:
        return (solve_any(vh, g_values[..., None] * vh),)
    one = np.eye(values.shape[-1], dtype=array_of(values).real.dtype)
    along = vh @ g_vectors
    own = diagonal_of(along)
    if depends_on_phase(own.imag):
        raise RuntimeError(f"linalg_eig_backward: {NO_PHASE.format('eigenvectors in the complex case')}")
    inner = along - (vh @ vectors) * own.real[..., None, :]
    gaps = values[..., None, :] - values[..., :, None]
    inner = inner * (1 - one) / (gaps.conj() + one)
    if g_values is not None:
        inner = inner + g_values[..., None] * one
    return (solve_any(vh, inner @ vh),)


_EIG = Operation("linalg.eig", _eig_forward, joint=_eig_joint)
_EIGVALS = Operation("linalg.eigvals", lambda x: _complex(np.linalg.eigvals(x)))


def _complex(values: Array) -> Array:
    return values.astype(np.result_type(values, np.complex64), copy=False)


def _finite_square(name: str, value: Any) -> Tensor:
    A = square(name, value)
    if not np.isfinite(A._array).all():
        raise LinAlgError(f"{name}: input tensor should not contain infs or NaNs.")
    return A


@takes_out
def eig(A: Tensor, *, out: tuple[Tensor, Tensor] | None = None) -> Eig:
    """Eigenvalues and eigenvectors of square matrices ``(..., n, n)``: ``A = V diag(L) V^-1``, both complex.

    Returns ``(eigenvalues, eigenvectors)``; the columns of V have norm 1 and are free in their phase, the
    order is LAPACK's. Derivative (Boeddeker et al. 2017): ``V^-H (diag(gL) + E) V^H`` with ``E_ij = (V^H gV -
    V^H V diag(Re V^H gV))_ij / conj(L_j - L_i)`` off the diagonal: infinite or NaN for equal eigenvalues.
    Errors: RuntimeError for infinities and NaN, for matrices that are not square, and in backward if a loss
    depends on the free phase.

    >>> import autotape as at
    >>> at.linalg.eig(at.tensor([[0.0, 1.0], [-1.0, 0.0]])).eigenvalues.imag
    tensor([ 1., -1.])
    """
    name = "linalg.eig"
    return Eig(*apply_or_explain(name, _DIVERGED, _EIG, (_finite_square(name, A),)))


@takes_out
def eigvals(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The eigenvalues of square matrices, complex, in LAPACK's order: ``(..., n, n) -> (..., n)``.

    Derivative: ``V^-H diag(g) V^H``, also for equal eigenvalues where V is regular. Errors: as :func:`eig`.

    >>> import autotape as at
    >>> at.linalg.eigvals(at.tensor([[2.0, 1.0], [0.0, 3.0]])).real
    tensor([2., 3.])
    """
    name = "linalg.eigvals"
    A = _finite_square(name, A)
    if A._node is None:
        return apply_or_explain(name, _DIVERGED, _EIGVALS, (A,))  # type: ignore[no-any-return]
    return apply_or_explain(name, _DIVERGED, _EIG, (A,))[0]  # type: ignore[no-any-return]
