"""Determinant and inverse of square matrices, alone or in batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import from_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._reduce import Array, conj, half, require_floating
from autotape.ops._rules import array_of

__all__ = ["det", "inverse"]

methods = __all__
in_place: list[str] = []


class LinAlgError(RuntimeError, np.linalg.LinAlgError):
    """A matrix that an algorithm can't treat (singular, ...): PyTorch's and NumPy's error in one."""


def _square(name: str, value: Any) -> Tensor:
    input = tensor_input(value, "input", name)
    x = input._array
    require_floating(name, x)
    if x.dtype == half:
        raise NotImplementedError(
            f"{name}() is not implemented for {from_numpy_dtype(x.dtype)}; convert it with .float()"
        )
    if x.ndim < 2:
        raise RuntimeError(
            f"{name}(): The input tensor must have at least 2 dimensions, got shape {list(x.shape)}."
        )
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"{name}(): input must be batches of square matrices, but they are {x.shape[-2]} by "
            f"{x.shape[-1]} matrices (shape {list(x.shape)})"
        )
    return input


# --- inverse ------------------------------------------------------------------------------------------------
# Giles, "An extended collection of matrix derivative results for forward and reverse mode automatic
# differentiation" (2008), 2.2.3: with y = inverse(x), the gradient of x is -y^T g y^T.


def _inverse_rule(g: Any, y: Any, _x: Any) -> Any:
    adjoint = conj(y).mT
    return -(adjoint @ g @ adjoint)


_INVERSE = Operation("inverse", np.linalg.inv, _inverse_rule)


def inverse(input: Tensor) -> Tensor:
    """The inverse of square matrices ``(..., n, n)``.

    Derivative: with gradient g, ``-inv.mT @ g @ inv.mT``. Errors: RuntimeError for a singular matrix (also
    NumPy's ``LinAlgError``), for matrices that are not square and for integers.

    >>> import autotape as at
    >>> at.inverse(at.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    input = _square("inverse", input)
    try:
        return apply(_INVERSE, (input,))  # type: ignore[no-any-return]
    except np.linalg.LinAlgError:
        singular = np.argwhere(quietly(np.linalg.det, input._array) == 0).tolist()
        where = f" at batch index {tuple(singular[0])}" if singular and singular[0] else ""
        raise LinAlgError(
            f"inverse(): the inversion could not be completed because the input matrix is singular{where} "
            f"(input of shape {list(input._array.shape)})"
        ) from None


# --- det
# ---------------------------------------------------------------------------------------------------- Giles
# (2008), 2.2.4: the gradient of x is g det(x) x^-T. That product is the matrix of cofactors, which exists
# for singular matrices too; there it is computed without the inverse.


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


_DET = Operation("det", np.linalg.det, _det_rule)


def det(input: Tensor) -> Tensor:
    """The determinant of square matrices ``(..., n, n) -> (...)``.

    The derivative is the matrix of cofactors, ``det(x) * inverse(x).mT`` where the inverse exists and right
    where it does not. Errors: RuntimeError for matrices that are not square and for integers.

    >>> import autotape as at
    >>> at.det(at.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    return apply(_DET, (_square("det", input),))  # type: ignore[no-any-return]
