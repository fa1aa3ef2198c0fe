"""The singular value decomposition, and what is made of it: pinv, matrix_rank, cond."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.operation import Operation, apply
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.linalg._checks import apply_or_explain, eigen_symmetric, matrices, square
from autotape.linalg._triangles import adjoint
from autotape.ops._reduce import Array
from autotape.ops._rules import array_of

__all__ = ["matrix_rank", "pinv", "svd", "svdvals"]


class SVD(NamedTuple):
    """The result of :func:`svd`."""

    U: Tensor
    S: Tensor
    Vh: Tensor


NO_PHASE = (
    "the {} are specified up to multiplication by a phase exp(i phi) each. The specified loss function "
    "depends on this quantity, so it is ill-defined"
)


def depends_on_phase(turned: Any) -> bool:
    """Whether a gradient has a component along the phases of the vectors: beyond rounding."""
    return not bool((np.abs(array_of(turned)) <= 1e-2).all())


def diagonal_of(x: Any) -> Any:
    """The diagonals of matrices."""
    return x.diagonal(0, -2, -1)


# --- svd ----------------------------------------------------------------------------------------------------
# Townsend, "Differentiating the singular value decomposition" (2016); the complex case after Wan and Zhang,
# "Automatic differentiation for complex valued SVD" (2019): its extra term is the imaginary diagonal.


def _svd_forward(x: Array, full_matrices: bool) -> tuple[Array, Array, Array]:
    u, s, vh = np.linalg.svd(x, full_matrices)
    return u, s, vh


def _svd_joint(g: Any, _needs: Any, y: Any, _x: Any, _full_matrices: bool) -> Any:
    (g_u, g_s, g_vh), (u, s, vh) = g, y
    k = s.shape[-1]
    rows, columns = u.shape[-2], vh.shape[-1]
    # The further vectors of full_matrices are any basis of what is left: they have no gradient.
    u, vh = u[..., :k], vh[..., :k, :]
    if g_u is None and g_vh is None:
        return ((u * g_s[..., None, :]) @ vh,)
    complex_ = array_of(u).dtype.kind == "c"
    row, column = s[..., :, None], s[..., None, :]
    one = np.eye(k, dtype=array_of(s).dtype)
    gaps = (column - row) * (column + row) + one
    inner = 0 if g_s is None else g_s[..., None] * one
    phase = 0
    if g_u is not None:
        g_u = g_u[..., :k]
        along = adjoint(u) @ g_u
        inner = inner + (along - adjoint(along)) * (1 - one) / gaps * column
        if complex_:
            turn = diagonal_of(along).imag
            phase = phase + turn
            inner = inner + 1j * (turn / s)[..., None] * one
    if g_vh is not None:
        g_vh = g_vh[..., :k, :]
        along = vh @ adjoint(g_vh)
        inner = inner + row * ((along - adjoint(along)) * (1 - one) / gaps)
        if complex_:
            phase = phase + diagonal_of(along).imag
    if complex_ and depends_on_phase(phase):
        raise RuntimeError(f"svd_backward: {NO_PHASE.format('singular vectors in the complex case')}")
    grad = u @ inner @ vh
    if g_u is not None and rows > k:
        outside = g_u / column
        grad = grad + (outside - u @ (adjoint(u) @ outside)) @ vh
    if g_vh is not None and columns > k:
        outside = g_vh / row
        grad = grad + u @ (outside - (outside @ adjoint(vh)) @ vh)
    return (grad,)


_SVD = Operation("linalg.svd", _svd_forward, joint=_svd_joint)
_DIVERGED = "The algorithm failed to converge because the input matrix contained non-finite values."


def _check_driver(name: str, driver: str | None) -> None:
    if driver not in (None, "gesvd", "gesvdj", "gesvda"):
        raise RuntimeError(f"{name}: unknown svd driver {driver!r}; there are 'gesvd', 'gesvdj', 'gesvda'")


@takes_out
def svd(
    A: Tensor,
    full_matrices: bool = True,
    *,
    driver: str | None = None,
    out: tuple[Tensor, Tensor, Tensor] | None = None,
) -> SVD:
    """Singular value decomposition ``A = U @ diag(S) @ Vh`` of matrices ``(..., m, n)``: ``(U, S, Vh)``.

    S ``(..., min(m, n))`` is real, not negative, in descending order. ``full_matrices``: U is ``(..., m, m)``
    and Vh ``(..., n, n)``, else only the first min(m, n) columns and rows. ``driver`` (a choice of CUDA
    kernels) is accepted; LAPACK's gesdd computes. Derivative (Townsend 2016): defined for the first min(m, n)
    vectors only, infinite or NaN where two singular values are equal, and for vectors outside a square where
    one is 0; :func:`svdvals` has one everywhere. Errors: LinAlgError for infinities and NaN; RuntimeError in
    backward if a loss depends on the free phase of complex vectors.

    >>> import autotape as at
    >>> A = at.tensor([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
    >>> U, S, Vh = at.linalg.svd(A, full_matrices=False)
    >>> S, at.allclose(U @ at.diag(S) @ Vh, A)
    (tensor([4., 3.]), True)
    """
    _check_driver("linalg.svd", driver)
    return SVD(*apply_or_explain("linalg.svd", _DIVERGED, _SVD, (matrices("linalg.svd", A),), full_matrices))


@takes_out
def svdvals(A: Tensor, *, driver: str | None = None, out: Tensor | None = None) -> Tensor:
    """The singular values of matrices ``(..., m, n)`` in descending order ``(..., min(m, n))``, real.

    Derivative: with gradient g, ``U @ diag(g) @ Vh``, also where singular values are equal. Errors: as
    :func:`svd`.

    >>> import autotape as at
    >>> at.linalg.svdvals(at.tensor([[3.0, 0.0], [0.0, -4.0]]))
    tensor([4., 3.])
    """
    name = "linalg.svdvals"
    _check_driver(name, driver)
    A = matrices(name, A)
    if A._node is None:
        return apply_or_explain(name, _DIVERGED, _SVDVALS, (A,))  # type: ignore[no-any-return]
    return apply_or_explain(name, _DIVERGED, _SVD, (A,), False)[1]  # type: ignore[no-any-return]


_SVDVALS = Operation("linalg.svdvals", lambda x: np.linalg.svd(x, compute_uv=False))


# --- pinv ---------------------------------------------------------------------------------------------------
# Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
# variables separate" (1973), (4.12): dP = -P dA P + P P^H dA^H (1 - A P) + (1 - P A) dA^H P^H P.


def _pinv_forward(x: Array, atol: Array, rtol: Array, hermitian: bool) -> Any:
    if not x.size:
        return np.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    if hermitian:
        s, u = eigen_symmetric(x)
        vh = adjoint(u)
    else:
        u, s, vh = np.linalg.svd(x, full_matrices=False)
    keep = _above(s, atol, rtol)
    inverted = np.where(keep, 1 / np.where(keep, s, 1), 0).astype(s.dtype, copy=False)
    return adjoint(vh) @ (inverted[..., None] * adjoint(u))


def _above(s: Array, atol: Array, rtol: Array) -> Any:
    """Which singular values (or eigenvalues) count as nonzero."""
    size = np.abs(s)
    largest = size.max(-1, keepdims=True, initial=0)
    return size > np.maximum(atol[..., None], rtol[..., None] * largest)


def pinv_rule(g: Any, p: Any, a: Any, _atol: Any, _rtol: Any, _hermitian: Any) -> Any:
    """The gradient of A where ``p = pinv(A)`` has gradient ``g``."""
    ph, gh = adjoint(p), adjoint(g)
    left, right = gh @ (p @ ph), (ph @ p) @ gh
    return left - a @ (p @ left) + right - (right @ p) @ a - ph @ g @ ph


_PINV = Operation("linalg.pinv", _pinv_forward, pinv_rule)


def pseudoinverse(a: Any, atol: Array, rtol: Array, hermitian: bool) -> Any:
    """:func:`pinv` in a rule."""
    if isinstance(a, Tensor):
        return apply(_PINV, (a,), atol, rtol, hermitian)
    return _pinv_forward(a, atol, rtol, hermitian)


def _tolerances(x: Array, atol: Any, rtol: Any) -> tuple[Array, Array]:
    """Both as arrays; the default relative one is eps times the larger size, or 0 if an absolute is given."""
    real = x.real.dtype

    def array(value: Any) -> Array:
        return as_array(array_of(value) if isinstance(value, Tensor) else value, real)

    absolute = array(0 if atol is None else atol)
    if rtol is not None:
        return absolute, array(rtol)
    default = np.asarray(np.finfo(real).eps * max(x.shape[-2:]), real)
    return absolute, default if atol is None else np.where(absolute > 0, 0, default).astype(real)


@takes_out
def pinv(
    A: Tensor,
    rcond: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The Moore-Penrose pseudoinverse of matrices: ``(..., m, n) -> (..., n, m)``.

    Singular values up to ``max(atol, rtol * largest)`` count as 0; the default of ``rtol`` (or of its older
    name ``rcond``) is ``eps * max(m, n)``, or 0 if ``atol`` is positive. ``hermitian``: the lower triangle of
    an A that equals its conjugate transpose, by eigenvalues. Derivative (Golub and Pereyra 1973, for constant
    rank): ``-P^H g P^H + (1 - A P) g^H P P^H + P^H P g^H (1 - P A)``.

    >>> import autotape as at
    >>> at.linalg.pinv(at.tensor([[2.0, 0.0], [0.0, 0.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.0000]])
    """
    name = "linalg.pinv"
    A = square(name, A) if hermitian else matrices(name, A)
    absolute, relative = _tolerances(A._array, atol, rcond if rtol is None else rtol)
    return apply_or_explain(name, _DIVERGED, _PINV, (A,), absolute, relative, hermitian)  # type: ignore[no-any-return]


def _rank_forward(x: Array, atol: Array, rtol: Array, hermitian: bool) -> Any:
    s = eigen_symmetric(x)[0] if hermitian else np.linalg.svd(x, compute_uv=False)
    return _above(s, atol, rtol).sum(-1)


_RANK = Operation("linalg.matrix_rank", _rank_forward)


@takes_out
def matrix_rank(
    A: Tensor,
    tol: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The rank of matrices ``(..., m, n) -> (...)``, int64: how many singular values are not small.

    Singular values up to ``max(atol, rtol * largest)`` count as 0, with the defaults of :func:`pinv`; ``tol``
    is an older name of ``atol`` with ``rtol=0``. ``hermitian``: by the absolute eigenvalues of the lower
    triangle. Not differentiable.

    >>> import autotape as at
    >>> at.linalg.matrix_rank(at.ones(3, 3))
    tensor(1)
    """
    name = "linalg.matrix_rank"
    A = square(name, A) if hermitian else matrices(name, A)
    absolute, relative = _tolerances(A._array, tol if atol is None else atol, 0 if tol is not None else rtol)
    return apply_or_explain(name, _DIVERGED, _RANK, (A.detach(),), absolute, relative, hermitian)  # type: ignore[no-any-return]
