"""Systems of linear equations: square, triangular, and of least squares."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.batched import wholly
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.linalg._checks import apply_or_explain, matrices, same_dtype, square
from autotape.linalg._triangles import SOLVE, TRIANGLES, adjoint
from autotape.linalg.inverses import inv
from autotape.linalg.singular import matrix_rank, pinv_rule, pseudoinverse, svdvals
from autotape.ops._reduce import Array
from autotape.ops._rules import array_of

__all__ = ["lstsq", "solve", "solve_triangular", "tensorinv", "tensorsolve"]


class Lstsq(NamedTuple):
    """The result of :func:`lstsq`."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def _check_batches(name: str, a: Array, b: Array) -> None:
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise RuntimeError(
            f"{name}: The batch dimensions of A and B must broadcast, but A has shape {list(a.shape)} and B "
            f"{list(b.shape)}"
        ) from None


@takes_out
def solve(A: Tensor, B: Tensor, *, left: bool = True, out: Tensor | None = None) -> Tensor:
    """The solution X of ``A @ X = B`` with square matrices A; of ``X @ A = B`` if not ``left``.

    A is ``(..., n, n)``; B is a vector ``(n,)``, a batch of vectors ``(..., n)`` (where its shape is that of
    A without the last dimension) or matrices ``(..., n, k)``; batches broadcast. Derivatives (Giles 2008):
    with gradient g, ``gB = solve(A.mH, g)`` and ``gA = -gB @ X.mH``. Errors: LinAlgError for a singular
    matrix; RuntimeError for shapes or dtypes that do not fit.

    >>> import autotape as at
    >>> at.linalg.solve(at.tensor([[2.0, 0.0], [0.0, 4.0]]), at.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    name = "linalg.solve"
    A, B = square(name, A), tensor_input(B, "B", name)
    same_dtype(name, A=A, B=B)
    a, b = A._array, B._array
    vector = b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])
    if vector:
        if not left:
            raise RuntimeError(
                f"{name}: Vector broadcasting of the left hand side is not supported for left=False. In this "
                f"case {name} is equivalent to B / A.squeeze(-1)"
            )
        if b.shape[-1] != a.shape[-1]:
            raise RuntimeError(_unfit(name, a, b, left))
        return solve(A, B.unsqueeze(-1)).squeeze(-1)
    if b.ndim < 2 or b.shape[-2 if left else -1] != a.shape[-1]:
        raise RuntimeError(_unfit(name, a, b, left))
    _check_batches(name, a, b)
    what = "The solver failed because the input matrix is singular."
    if not left:
        return apply_or_explain(name, what, SOLVE, (A.mT, B.mT), True).mT  # type: ignore[no-any-return]
    return apply_or_explain(name, what, SOLVE, (A, B), True)  # type: ignore[no-any-return]


def _unfit(name: str, a: Array, b: Array, left: bool) -> str:
    product = "AX = B" if left else "XA = B"
    return (
        f"{name}: Incompatible shapes of A and B for the equation {product} "
        f"({a.shape[-2]}x{a.shape[-1]} and {'x'.join(map(str, b.shape[-2:])) or 'a 0-d tensor'}; A has shape "
        f"{list(a.shape)}, B {list(b.shape)})"
    )


@takes_out
def solve_triangular(
    A: Tensor,
    B: Tensor,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """The solution X of ``A @ X = B`` with triangular A ``(..., n, n)``; of ``X @ A = B`` if not ``left``.

    Only the upper (or lower) triangle of A is looked at, and not its diagonal if ``unitriangular``: ones
    stand for it. A zero on the diagonal gives infinities, no error. Accurate as substitution is (Higham,
    "Accuracy and Stability of Numerical Algorithms", 2002, 8.2); NumPy has none, so it costs a solution with
    LU. Batches broadcast. Derivatives: ``gB = A^-H g`` and ``gA``, the triangle of ``-gB @ X.mH``.

    >>> import autotape as at
    >>> A = at.tensor([[2.0, 9.0], [4.0, 1.0]])
    >>> at.linalg.solve_triangular(A, at.tensor([[2.0], [5.0]]), upper=False)
    tensor([[1.],
            [1.]])
    """
    name = "linalg.solve_triangular"
    A, B = square(name, A), matrices(name, B, "B")
    same_dtype(name, A=A, B=B)
    a, b = A._array, B._array
    if b.shape[-2 if left else -1] != a.shape[-1]:
        raise RuntimeError(_unfit(name, a, b, left))
    _check_batches(name, a, b)
    if not left:
        return apply(TRIANGLES, (A.mT, B.mT), not upper, unitriangular).mT  # type: ignore[no-any-return]
    return apply(TRIANGLES, (A, B), upper, unitriangular)  # type: ignore[no-any-return]


# --- least squares ------------------------------------------------------------------------------------------


def _lstsq_forward(a: Array, b: Array, rcond: Array) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    inverted = _inverted(s, rcond)
    return adjoint(vh) @ (inverted[..., None] * (adjoint(u) @ b))


def _inverted(s: Array, rcond: Array) -> Any:
    keep = s > rcond[..., None] * s.max(-1, keepdims=True, initial=0)
    return np.where(keep, 1 / np.where(keep, s, 1), 0).astype(s.dtype, copy=False)


def _lstsq_joint(g: Any, needs: Any, _y: Any, a: Any, b: Any, rcond: Array) -> Any:
    p = pseudoinverse(a, np.zeros((), rcond.dtype), rcond, False)
    g_a = pinv_rule(g @ adjoint(b), p, a, None, None, None) if needs[0] else None
    return g_a, adjoint(p) @ g


_LSTSQ = Operation("linalg.lstsq", _lstsq_forward, joint=_lstsq_joint)
_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def lstsq(A: Tensor, B: Tensor, rcond: float | Tensor | None = None, *, driver: str | None = None) -> Lstsq:
    """The X of least norm that minimises ``|A @ X - B|``: the solution by least squares.

    A is ``(..., m, n)``, B ``(..., m, k)`` or ``(..., m)``. Returns ``(solution, residuals, rank,
    singular_values)``. The residuals are the squared norms of the columns of ``A @ X - B`` where m > n and
    every matrix has full rank, else empty. ``rcond``: singular values up to ``rcond`` times the largest count
    as 0 (default: eps * max(m, n)). All drivers solve by the SVD; as in PyTorch ``"gels"`` leaves the rank
    empty (and takes A to have full rank), and only ``"gelsd"`` and ``"gelss"`` give singular values; the
    default is ``"gelsy"``. Derivative: that of ``pinv(A) @ B``, as :func:`pinv` (Golub and Pereyra 1973).

    >>> import autotape as at
    >>> A = at.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> X = at.linalg.lstsq(A, at.tensor([[1.0], [3.0], [5.0]])).solution
    >>> at.allclose(X, at.tensor([[1.0], [2.0]]))
    True
    """
    name = "linalg.lstsq"
    A, B = matrices(name, A), tensor_input(B, "B", name)
    same_dtype(name, A=A, B=B)
    if driver is not None and driver not in _DRIVERS:
        raise RuntimeError(f"{name}: parameter `driver` should be one of {_DRIVERS}, got {driver!r}")
    a, b = A._array, B._array
    vector = b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])
    right = B.unsqueeze(-1) if vector else B
    if right._array.ndim < 2 or right._array.shape[-2] != a.shape[-2]:
        raise RuntimeError(
            f"{name}: A and B must have as many rows, but A has shape {list(a.shape)} and B {list(b.shape)}"
        )
    _check_batches(name, a, right._array)
    m, n = a.shape[-2:]
    real = a.real.dtype
    default = np.finfo(real).eps * max(m, n) if rcond is None else rcond
    cut = np.asarray(array_of(default), real)
    x = apply_or_explain(name, "The algorithm did not converge.", _LSTSQ, (A, right), cut)
    rank = matrix_rank(A.detach(), rtol=Tensor._wrap(cut))
    residuals = x.real.reshape(-1)[:0] if x._node is not None else Tensor._wrap(np.empty(0, real))
    if m > n and (
        driver == "gels" or (driver != "gelsy" and driver is not None and wholly((rank._array == n).all()))
    ):
        difference = (A @ x - right).abs()
        residuals = (difference * difference).sum(-2)
    return Lstsq(
        x.squeeze(-1) if vector else x,
        residuals,
        Tensor._wrap(np.empty(0, np.int64)) if driver == "gels" else rank,
        svdvals(A.detach()) if driver in ("gelsd", "gelss") else Tensor._wrap(np.empty(0, real)),
    )


# --- tensors as matrices ------------------------------------------------------------------------------------


@implements(np.linalg.tensorinv)
@takes_out
def tensorinv(A: Tensor, ind: int = 2, *, out: Tensor | None = None) -> Tensor:
    """The inverse of the map that ``tensordot(A, X, dims=X.ndim)`` is.

    The product of the first ``ind`` sizes of A must equal that of the others: as a matrix of that shape A is
    inverted; the result has shape ``A.shape[ind:] + A.shape[:ind]``. Derivative: as :func:`inv`. Errors:
    LinAlgError for a singular map, RuntimeError for other shapes.

    >>> import autotape as at
    >>> at.linalg.tensorinv(at.eye(6).reshape(2, 3, 6)).shape
    autotape.Size([6, 2, 3])
    """
    name = "linalg.tensorinv"
    A = tensor_input(A, "A", name)
    if ind <= 0:
        raise RuntimeError(f"{name}: expected a strictly positive integer for ind, got {ind}")
    shape = A._array.shape
    rows, columns = prod(shape[ind:]), prod(shape[:ind])
    if rows != columns:
        raise RuntimeError(
            f"{name}: Expected self to satisfy the requirement prod(A.shape[ind:]) == prod(A.shape[:ind]), "
            f"but got {rows} != {columns} (A of shape {list(shape)}, ind={ind})"
        )
    return inv(A.reshape(columns, rows)).reshape(shape[ind:] + shape[:ind])


@implements(np.linalg.tensorsolve)
@takes_out
def tensorsolve(
    A: Tensor, B: Tensor, dims: tuple[int, ...] | None = None, *, out: Tensor | None = None
) -> Tensor:
    """The solution X of ``tensordot(A, X, dims=X.ndim) == B``.

    A has shape ``B.shape + X.shape``, with as many elements in one as in the other; ``dims`` of A are moved
    last first. Derivatives: as :func:`solve`. Errors: LinAlgError for a singular map, RuntimeError for other
    shapes.

    >>> import autotape as at
    >>> at.linalg.tensorsolve(at.eye(6).reshape(2, 3, 6), at.ones(2, 3)).shape
    autotape.Size([6])
    """
    name = "linalg.tensorsolve"
    A, B = tensor_input(A, "A", name), tensor_input(B, "B", name)
    if dims is not None:
        last = [d % A.ndim for d in dims]
        A = A.permute([d for d in range(A.ndim) if d not in last] + last)
    shape = A._array.shape[B.ndim :]
    if prod(shape) != B._array.size or prod(A._array.shape[: B.ndim]) != prod(shape):
        raise RuntimeError(
            f"{name}: Expected self to satisfy the requirement prod(A.shape[B.ndim:]) == "
            f"prod(A.shape[:B.ndim]), but got {prod(shape)} != {prod(A._array.shape[: B.ndim])} (A of shape "
            f"{list(A._array.shape)}, B of shape {list(B._array.shape)})"
        )
    return solve(A.reshape(B._array.size, prod(shape)), B.reshape(-1)).reshape(shape)
