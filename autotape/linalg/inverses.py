"""Inverses, determinants and their like of square matrices, alone or in batches."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autotape.engine.operation import Operation, apply, implements
from autotape.engine.out import takes_out
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.linalg._checks import apply_or_explain, square
from autotape.linalg._triangles import adjoint, solve_any
from autotape.ops import choices
from autotape.ops._reduce import Array, conj
from autotape.ops._rules import array_of

__all__ = ["det", "inv", "inv_ex", "slogdet"]


class InverseInfo(NamedTuple):
    """The result of :func:`inv_ex`."""

    inverse: Tensor
    info: Tensor


class SignLogabsdet(NamedTuple):
    """The result of :func:`slogdet`."""

    sign: Tensor
    logabsdet: Tensor


# --- inverse ------------------------------------------------------------------------------------------------
# Giles, "An extended collection of matrix derivative results for forward and reverse mode automatic
# differentiation" (2008), 2.2.3: with y = inverse(x), the gradient of x is -y^H g y^H.


def _inverse_rule(g: Any, y: Any, _x: Any) -> Any:
    factor = adjoint(y)
    return -(factor @ g @ factor)


_INVERSE = Operation("linalg.inv", np.linalg.inv, _inverse_rule)


def _inverse_or_nan(x: Array) -> Array:
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        return np.stack([_one_inverse(m) for m in x.reshape((-1, *x.shape[-2:]))]).reshape(x.shape)


def _one_inverse(matrix: Array) -> Array:
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return np.full_like(matrix, np.nan)


_INVERSE_OR_NAN = Operation("linalg.inv_ex", _inverse_or_nan, _inverse_rule)
_SINGULAR = "the inversion could not be completed because the input matrix is singular"


@takes_out
def inv(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of square matrices ``(..., n, n)``.

    Derivative (Giles 2008): with gradient g, ``-inv.mH @ g @ inv.mH``. Prefer :func:`solve` to a product with
    the inverse: it is faster and more accurate. Errors: LinAlgError (a RuntimeError) for a singular matrix,
    with its place in the batch; RuntimeError for matrices that are not square and for integers.

    >>> import autotape as at
    >>> at.linalg.inv(at.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return apply_or_explain("linalg.inv", _SINGULAR, _INVERSE, (square("linalg.inv", A),))  # type: ignore[no-any-return]


@takes_out
def inv_ex(A: Tensor, *, check_errors: bool = False, out: tuple[Tensor, Tensor] | None = None) -> InverseInfo:
    """The inverse of square matrices, without an error for singular ones: ``(inverse, info)``.

    ``info`` (int32, one per matrix) is 0, or the 1-based number of the first zero pivot; that matrix's
    inverse is NaN. ``check_errors=True`` raises as :func:`inv` does. Derivative: as :func:`inv`.

    >>> import autotape as at
    >>> at.linalg.inv_ex(at.zeros(2, 2)).info
    tensor(1, dtype=autotape.int32)
    """
    if check_errors:
        inverse = inv(A)
        return InverseInfo(inverse, Tensor._wrap(np.zeros(inverse._array.shape[:-2], np.int32)))
    inverse = apply(_INVERSE_OR_NAN, (square("linalg.inv_ex", A),))
    x = A._array
    info = np.zeros(x.shape[:-2], np.int32)
    for index in np.ndindex(*x.shape[:-2]):
        if x.shape[-1] and np.isnan(inverse._array[index]).all() and not np.isnan(x[index]).any():
            info[index] = _zero_pivot(x[index])
    return InverseInfo(inverse, Tensor._wrap(info))


def _zero_pivot(matrix: Array) -> int:
    """The 1-based column at which elimination with partial pivoting finds only zeros."""
    u = matrix.copy()
    n = len(u)
    for k in range(n):
        pivot = k + int(np.argmax(np.abs(u[k:, k])))
        if u[pivot, k] == 0:
            return k + 1
        u[[k, pivot]] = u[[pivot, k]]
        u[k + 1 :, k:] -= np.outer(u[k + 1 :, k] / u[k, k], u[k, k:])
    return n


# --- det ----------------------------------------------------------------------------------------------------
# Giles (2008), 2.2.4: the gradient of x is g det(x) x^-T. That product is the matrix of cofactors, which
# exists for singular matrices too; there it is computed without the inverse.


def _det_rule(g: Any, y: Any, x: Any) -> Any:
    return g[..., None, None] * conj(_cofactors(y, x))


def _cofactors(y: Any, x: Any) -> Any:
    """The derivatives of det(x) by the elements of x."""
    # The inverse loses the digits of the condition number; the recurrence loses more on large matrices.
    if _well_conditioned(array_of(y), array_of(x), -0.75 if isinstance(x, Tensor) else -0.5):
        return y[..., None, None] * np.linalg.inv(x).mT
    return _cofactors_by_recurrence(x) if isinstance(x, Tensor) else _cofactors_by_svd(x)


def _well_conditioned(y: Array, x: Array, power: float) -> bool:
    """Whether all condition numbers are below eps ** power."""
    if not (y != 0).all():
        return False
    if not x.size or not np.isfinite(x).all():
        return True  # nothing to save; and the SVD would not converge
    condition = quietly(np.linalg.cond, x, 1)
    return bool((condition < np.finfo(x.dtype).eps ** power).all())


def _cofactors_by_svd(x: Array) -> Array:
    """With x = u s v^H: det(u) det(v^H) u diag(product of the other singular values) v^H."""
    u, s, vh = np.linalg.svd(x)
    before = np.cumprod(np.concatenate((np.ones_like(s[..., :1]), s[..., :-1]), -1), -1)
    after = np.cumprod(np.concatenate((np.ones_like(s[..., :1]), s[..., :0:-1]), -1), -1)[..., ::-1]
    sign = np.linalg.det(u) * np.linalg.det(vh)
    product = (u * (before * after)[..., None, :]) @ vh
    return np.asarray(sign[..., None, None] * product.conj(), x.dtype)


def _cofactors_by_recurrence(x: Tensor) -> Tensor:
    """The transposed adjugate by the Faddeev-LeVerrier recurrence.

    A polynomial in the elements, so differentiable to any order where the inverse does not exist.
    """
    n = x.shape[-1]
    identity = np.eye(n, dtype=x._array.dtype)
    m: Any = x * 0 + identity
    for k in range(1, n):
        product = x @ m
        c = -product.diagonal(0, -2, -1).sum(-1) / k
        m = product + c[..., None, None] * identity
    return (m if n % 2 else -m).mT  # type: ignore[no-any-return]


_DET = Operation("linalg.det", np.linalg.det, _det_rule)


@implements(np.linalg.det)
@takes_out
def det(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The determinant of square matrices ``(..., n, n) -> (...)``.

    The derivative is the matrix of cofactors, ``det(A) * inv(A).mT`` where the inverse exists and right where
    it does not. Errors: RuntimeError for matrices that are not square and for integers.

    >>> import autotape as at
    >>> at.linalg.det(at.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    return apply(_DET, (square("linalg.det", A),))  # type: ignore[no-any-return]


# --- slogdet ------------------------------------------------------------------------------------------------
# d log det(x) = tr(x^-1 dx) (Giles 2008, 2.2.4); its real part is that of logabsdet, its imaginary part turns
# the sign of a complex determinant.


def _slogdet_forward(x: Array) -> tuple[Array, Array]:
    sign, logabsdet = np.linalg.slogdet(x)
    return sign, logabsdet


def _slogdet_joint(g: Any, _needs: Any, y: Any, x: Any) -> Any:
    g_sign, g_log = g
    turn: Any = None
    if g_sign is not None and array_of(x).dtype.kind == "c":
        turn = (g_sign.conj() * y[0]).imag * -1j
    if g_log is None and turn is None:
        return (x * 0,)
    total: Any = turn if g_log is None else g_log if turn is None else g_log + turn
    n = x.shape[-1]
    return (total[..., None, None] * solve_any(adjoint(x), np.eye(n, dtype=array_of(x).dtype)),)


_SLOGDET = Operation("linalg.slogdet", _slogdet_forward, joint=_slogdet_joint)


@takes_out
def slogdet(A: Tensor, *, out: tuple[Tensor, Tensor] | None = None) -> SignLogabsdet:
    """Sign and logarithm of the absolute value of the determinant of square matrices: ``(sign, logabsdet)``.

    ``det(A) == sign * exp(logabsdet)`` without overflow; the sign of a complex determinant has absolute value
    1; a singular matrix has 0 and -inf. Derivative of ``logabsdet``: ``inv(A).mH``; the sign of a real matrix
    has none. Errors: RuntimeError for matrices that are not square and for integers.

    >>> import autotape as at
    >>> sign, logabsdet = at.linalg.slogdet(at.tensor([[0.0, 2.0], [1.0, 0.0]]))
    >>> sign, logabsdet.exp()
    (tensor(-1.), tensor(2.))
    """
    return SignLogabsdet(*apply(_SLOGDET, (square("linalg.slogdet", A),)))


def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant of square matrices; NaN where it is negative, -inf where it is 0.

    Derivative: ``inverse(input).mH``. Errors: as :func:`det`.

    >>> import autotape as at
    >>> at.logdet(at.eye(3) * 2).exp()
    tensor(8.)
    """
    sign, logabsdet = slogdet(square("logdet", input, "input"))
    if sign._array.dtype.kind == "c":
        return sign.log() + logabsdet
    return choices.where(Tensor._wrap(sign._array < 0), float("nan"), logabsdet)  # type: ignore[no-any-return]
