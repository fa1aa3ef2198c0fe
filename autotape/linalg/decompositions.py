"""The decompositions by elimination and reflection: Cholesky, QR and LU."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autotape.engine.batched import somewhere
from autotape.engine.dtypes import from_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.out import takes_out
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.linalg._checks import LinAlgError, matrices, same_dtype, square
from autotape.linalg._lu import LU as _LU
from autotape.linalg._lu import permutation_matrix, permutation_of
from autotape.linalg._triangles import TRIANGLES, adjoint, solve_upper
from autotape.ops._reduce import Array
from autotape.ops._rules import array_of

__all__ = ["cholesky", "cholesky_ex", "lu", "lu_factor", "lu_solve", "qr"]


class CholeskyInfo(NamedTuple):
    """The result of :func:`cholesky_ex`."""

    L: Tensor
    info: Tensor


class QR(NamedTuple):
    """The result of :func:`qr`."""

    Q: Tensor
    R: Tensor


class PLU(NamedTuple):
    """The result of :func:`lu`."""

    P: Tensor
    L: Tensor
    U: Tensor


class LUFactor(NamedTuple):
    """The result of :func:`lu_factor`."""

    LU: Tensor
    pivots: Tensor


# --- Cholesky -----------------------------------------------------------------------------------------------
# Murray, "Differentiation of the Cholesky decomposition" (2016), (8): L^-H N L^-1 with N Hermitian, made of
# the lower triangle of L^H g.


def _cholesky_rule(g: Any, y: Any, _x: Any, _upper: bool) -> Any:
    product = adjoint(y) @ g
    n = (np.tril(product) + adjoint(np.tril(product, -1))) / 2
    factor = adjoint(y)
    return solve_upper(factor, adjoint(solve_upper(factor, adjoint(n))))


def _cholesky_forward(x: Array, upper: bool) -> Array:
    return np.linalg.cholesky(adjoint(x) if upper else x)  # it looks at the lower triangle only


_CHOLESKY = Operation("linalg.cholesky", _cholesky_forward, _cholesky_rule)
_INDEFINITE = (
    "The factorization could not be completed because the input is not positive-definite (the leading minor "
    "of order {} is not positive-definite)."
)


@takes_out
def cholesky(A: Tensor, *, upper: bool = False, out: Tensor | None = None) -> Tensor:
    """The lower triangular L of ``A = L @ L.mH``; ``upper``: the upper triangular R of ``A = R.mH @ R``.

    A ``(..., n, n)`` is symmetric or Hermitian and positive definite; only its lower (``upper``: its upper)
    triangle is looked at. Derivative (Murray 2016; Seeger et al. 2017): the Hermitian ``L^-H N L^-1``, N made
    of the lower triangle of ``L^H g``. Errors: LinAlgError if A is not
    positive definite, with the place in the batch.

    >>> import autotape as at
    >>> at.linalg.cholesky(at.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    A = square("linalg.cholesky", A)
    try:
        lower = apply(_CHOLESKY, (A,), upper)
    except np.linalg.LinAlgError:
        order, index = _first_minor(adjoint(A._array) if upper else A._array)
        where = f"at batch index {index}: " if index else ""
        raise LinAlgError(f"linalg.cholesky: {where}{_INDEFINITE.format(order)}") from None
    return adjoint(lower) if upper else lower  # type: ignore[no-any-return]


def _first_minor(x: Array) -> tuple[int, tuple[int, ...]]:
    for index in np.ndindex(*x.shape[:-2]):
        if order := _indefinite_minor(x[index]):
            return order, index
    return 0, ()


def _indefinite_minor(matrix: Array) -> int:
    """The order of the first leading minor that is not positive definite, 0 if there is none."""
    for order in range(1, len(matrix) + 1):
        try:
            quietly(np.linalg.cholesky, matrix[:order, :order])
        except np.linalg.LinAlgError:
            return order
    return 0


def _cholesky_or_nan(x: Array, upper: bool) -> Array:
    try:
        return _cholesky_forward(x, upper)
    except np.linalg.LinAlgError:
        x = adjoint(x) if upper else x
        y = np.full_like(x, np.nan)
        for index in np.ndindex(*x.shape[:-2]):
            if not _indefinite_minor(x[index]):
                y[index] = np.linalg.cholesky(x[index])
        return y


_CHOLESKY_OR_NAN = Operation("linalg.cholesky_ex", _cholesky_or_nan, _cholesky_rule)


@takes_out
def cholesky_ex(
    A: Tensor,
    *,
    upper: bool = False,
    check_errors: bool = False,
    out: tuple[Tensor, Tensor] | None = None,
) -> CholeskyInfo:
    """:func:`cholesky` without an error for matrices that are not positive definite: ``(L, info)``.

    ``info`` (int32, one per matrix) is 0, or the order of the first leading minor that is not positive
    definite; that matrix's L is NaN. ``check_errors=True`` raises as :func:`cholesky` does.

    >>> import autotape as at
    >>> at.linalg.cholesky_ex(at.tensor([[1.0, 2.0], [2.0, 1.0]])).info
    tensor(2, dtype=autotape.int32)
    """
    A = square("linalg.cholesky_ex", A)
    if check_errors:
        cholesky(A, upper=upper)
    lower = apply(_CHOLESKY_OR_NAN, (A,), upper)
    source = adjoint(A._array) if upper else A._array
    info = np.zeros(A._array.shape[:-2], np.int32)
    for index in np.ndindex(*info.shape):
        if np.isnan(lower._array[index]).any():
            info[index] = _indefinite_minor(source[index])
    return CholeskyInfo(adjoint(lower) if upper else lower, Tensor._wrap(info))


# --- QR -----------------------------------------------------------------------------------------------------
# Seeger et al., "Auto-differentiating linear algebra" (2017), for m >= n; Roberts and Roberts, "QR and LQ
# decomposition matrix backpropagation algorithms for square, wide, and deep matrices" (2020), for m < n. The
# diagonal of R is real (LAPACK's is), so a complex M contributes the real part of its diagonal.


def _qr_forward(x: Array, mode: str) -> tuple[Array, Array]:
    q, r = np.linalg.qr(x, mode=mode)  # type: ignore[call-overload]
    return q, r


def _qr_joint(g: Any, _needs: Any, y: Any, _x: Any, mode: str) -> Any:
    (g_q, g_r), (q, r) = g, y
    rows, columns = q.shape[-2], r.shape[-1]
    if mode == "complete" and rows > columns:
        raise RuntimeError(
            "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."
        )
    wide = rows < columns
    g_rest = None
    if wide:  # A = [X Y] = Q [U Z]: Z = Q^H Y adds Y gZ^H to the gradient of Q
        g_rest = None if g_r is None else g_r[..., rows:]
        if g_rest is not None:
            extra = (q @ r[..., rows:]) @ adjoint(g_rest)
            g_q = extra if g_q is None else g_q + extra
            g_r = g_r[..., :rows]
        r = r[..., :rows]
    m: Any = 0
    if g_r is not None:
        m = r @ adjoint(g_r)
    if g_q is not None:
        m = m - adjoint(g_q) @ q
    lower = np.tril(m, -1)
    one = np.eye(r.shape[-1], dtype=array_of(r).dtype)
    diagonal = m.diagonal(0, -2, -1)
    diagonal = diagonal.real if array_of(m).dtype.kind == "c" else diagonal
    n = lower + adjoint(lower) + diagonal[..., None] * one
    total = q @ n if g_q is None else g_q + q @ n
    grad = adjoint(solve_upper(r, adjoint(total)))  # total @ R^-H
    if wide:
        rest = q @ g_rest if g_rest is not None else None
        if rest is None:
            rest = grad[..., :1] * np.zeros(columns - rows, array_of(r).dtype)
        grad = np.concatenate((grad, rest), axis=-1)
    return (grad,)


_QR = Operation("linalg.qr", _qr_forward, joint=_qr_joint)


def _r_only_rule(_g: Any, _y: Any, _x: Any) -> Any:
    raise RuntimeError(
        "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
        "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr."
    )


_R_ONLY = Operation("linalg.qr", lambda x: np.linalg.qr(x, mode="r"), _r_only_rule)


@takes_out
def qr(A: Tensor, mode: str = "reduced", *, out: tuple[Tensor, Tensor] | None = None) -> QR:
    """QR decomposition ``A = Q @ R`` of matrices ``(..., m, n)``: Q orthogonal (unitary), R upper triangular.

    ``mode``: ``"reduced"`` gives Q ``(..., m, k)`` and R ``(..., k, n)`` with k = min(m, n); ``"complete"`` Q
    ``(..., m, m)`` and R ``(..., m, n)``; ``"r"`` an empty Q and the R of "reduced". Derivative (Seeger et
    al. 2017, m >= n; Roberts and Roberts 2020, m < n): ``(gQ + Q N) R^-H`` with N Hermitian, made of the
    lower triangle of ``R gR^H - gQ^H Q``; the first min(m, n) columns of A must be independent. Errors:
    RuntimeError for another mode, and in backward for "r", and for "complete" where m > n.

    >>> import autotape as at
    >>> Q, R = at.linalg.qr(at.tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> R.abs()
    tensor([[5.0000, 2.2000],
            [0.0000, 0.4000]])
    """
    A = matrices("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode {mode!r} but expected one of 'reduced' (default), 'r', or "
            "'complete'"
        )
    if mode == "r":
        return QR(Tensor._wrap(np.empty(0, A._array.dtype)), apply(_R_ONLY, (A,)))
    return QR(*apply(_QR, (A,), mode))


# --- LU -----------------------------------------------------------------------------------------------------


def _with_lu(name: str, A: Any, pivot: bool) -> tuple[Tensor, Tensor, Array]:
    """The compact factors, the pivots and the permutation of rows."""
    input = tensor_input(A, "A", name)
    if input._array.ndim < 2:
        raise RuntimeError(
            f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(input._array.shape)} instead"
        )
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")
    if input._array.dtype.kind not in "fc":
        raise NotImplementedError(f"{name} is not implemented for {from_numpy_dtype(input._array.dtype)}")
    compact, pivots = apply(_LU, (matrices(name, input),))
    return compact, pivots, permutation_of(pivots._array, input._array.shape[-2])


@takes_out
def lu_factor(A: Tensor, *, pivot: bool = True, out: tuple[Tensor, Tensor] | None = None) -> LUFactor:
    """LU decomposition with partial pivoting of matrices ``(..., m, n)``, in LAPACK's compact form.

    Returns ``(LU, pivots)``: U in the upper triangle, L below the diagonal (its own ones are left out);
    ``pivots`` ``(..., min(m, n))``, int32: row i was swapped with row ``pivots[i]``, counted from 1.
    Derivative: as :func:`lu`. Cost: NumPy has no LU, so this one goes in blocks of columns over the whole
    batch, in about min(m, n) Python steps. Errors: RuntimeError for a zero on the diagonal of U.

    >>> import autotape as at
    >>> at.linalg.lu_factor(at.tensor([[1.0, 2.0], [4.0, 4.0]]))
    LUFactor(LU=tensor([[4.0000, 4.0000],
            [0.2500, 1.0000]]), pivots=tensor([2, 2], dtype=autotape.int32))
    """
    compact, pivots, _ = _with_lu("linalg.lu_factor", A, pivot)
    diagonal = compact._array.diagonal(0, -2, -1)
    if somewhere((diagonal == 0).any()):
        *batch, i = np.argwhere(diagonal == 0)[0].tolist()
        where = f"at batch index {tuple(batch)}: " if batch else ""
        raise LinAlgError(
            f"linalg.lu_factor: {where}U[{i + 1},{i + 1}] is zero and using it on lu_solve would result in a "
            "division by zero. If you still want to perform the factorization, consider calling linalg.lu(A)"
        )
    return LUFactor(compact, pivots)


@takes_out
def lu(A: Tensor, *, pivot: bool = True, out: tuple[Tensor, Tensor, Tensor] | None = None) -> PLU:
    """LU decomposition with partial pivoting ``A = P @ L @ U`` of matrices ``(..., m, n)``: ``(P, L, U)``.

    P is a permutation matrix ``(..., m, m)``, L ``(..., m, k)`` lower triangular with ones on its diagonal, U
    ``(..., k, n)`` upper triangular, k = min(m, n). Derivative for a regular leading block (m = n):
    ``P L^-H (tril(L^H gL, -1) + triu(gU U^H)) U^-H``. Cost: see :func:`lu_factor`.

    >>> import autotape as at
    >>> P, L, U = at.linalg.lu(at.tensor([[1.0, 2.0], [4.0, 4.0]]))
    >>> L @ U
    tensor([[4., 4.],
            [1., 2.]])
    """
    compact, _, permutation = _with_lu("linalg.lu", A, pivot)
    rows, columns = compact._array.shape[-2:]
    k = min(rows, columns)
    dtype = compact._array.dtype
    p = Tensor._wrap(permutation_matrix(permutation, dtype))
    lower = compact[..., :k].tril(-1) + Tensor._wrap(np.eye(rows, k, dtype=dtype))
    return PLU(p, lower, compact[..., :k, :].triu())


@takes_out
def lu_solve(
    LU: Tensor,
    pivots: Tensor,
    B: Tensor,
    *,
    left: bool = True,
    adjoint: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """The solution X of ``A @ X = B`` (``X @ A = B`` if not ``left``) from ``LU, pivots = lu_factor(A)``.

    ``adjoint``: with ``A.mH`` for A. Batches broadcast. Derivatives: those of the two triangular solutions it
    consists of (:func:`solve_triangular`). Errors: RuntimeError for shapes or dtypes that do not fit.

    >>> import autotape as at
    >>> LU, pivots = at.linalg.lu_factor(at.tensor([[1.0, 2.0], [4.0, 4.0]]))
    >>> at.linalg.lu_solve(LU, pivots, at.tensor([[3.0], [8.0]]))
    tensor([[1.],
            [1.]])
    """
    name = "linalg.lu_solve"
    LU, B = square(name, LU, "LU"), matrices(name, B, "B")
    pivots = tensor_input(pivots, "pivots", name)
    same_dtype(name, LU=LU, B=B)
    if pivots._array.dtype != np.int32:
        raise RuntimeError(
            f"{name}: pivots should be a Tensor of scalar type torch.int32, got {pivots.dtype}"
        )
    if pivots._array.shape != LU._array.shape[:-1]:
        raise RuntimeError(
            f"{name}: Number of pivots per batch should be same as the dimension of the matrix: pivots has "
            f"shape {list(pivots._array.shape)}, LU {list(LU._array.shape)}"
        )
    n = LU._array.shape[-1]
    if B._array.shape[-2 if left else -1] != n:
        raise RuntimeError(
            f"{name}: Incompatible shapes of LU {list(LU._array.shape)} and B {list(B._array.shape)}"
        )
    if not left:  # X A = B is A^H X^H = B^H
        return lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH
    p = Tensor._wrap(permutation_matrix(permutation_of(pivots._array, n), LU._array.dtype))
    if adjoint:
        y = apply(TRIANGLES, (LU.mH, B), False, False)
        return p @ apply(TRIANGLES, (LU.mH, y), True, True)  # type: ignore[no-any-return]
    y = apply(TRIANGLES, (LU, p.mT @ B), False, True)
    return apply(TRIANGLES, (LU, y), True, False)  # type: ignore[no-any-return]
