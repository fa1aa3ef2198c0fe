"""Functions of square matrices: the exponential and integer powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.batched import largest
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.linalg._checks import square
from autotape.linalg._triangles import adjoint
from autotape.linalg.inverses import inv
from autotape.ops._reduce import Array
from autotape.ops._rules import array_of, zero

__all__ = ["matrix_exp", "matrix_power"]


# --- the exponential ----------------------------------------------------------------------------------------
# Higham, "The scaling and squaring method for the matrix exponential revisited" (2005): Pade approximants of
# degree 13 (double precision) and 7 (single), good for 1-norms up to theta.

_PADE_13 = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
_PADE_7 = (17297280.0, 8648640.0, 1995840.0, 277200.0, 25200.0, 1512.0, 56.0, 1.0)
_THETA_13, _THETA_7 = 5.371920351148152, 3.925724783138660


def _exp_forward(x: Array) -> Array:
    if not x.size:
        return x.copy()
    double = x.real.dtype.itemsize == 8
    norm = np.abs(x).sum(-2).max(-1)
    ratio = norm / (_THETA_13 if double else _THETA_7)
    scale = np.where((ratio > 1) & np.isfinite(ratio), np.ceil(np.log2(np.maximum(ratio, 1))), 0)
    x = x / np.exp2(scale).astype(x.real.dtype)[..., None, None]
    odd, even = _pade(x, _PADE_13 if double else _PADE_7)
    y = _quotient(even - odd, even + odd)
    for i in range(int(largest(scale))):
        y = np.where((scale > i)[..., None, None], y @ y, y)
    return y


def _pade(x: Array, b: tuple[float, ...]) -> tuple[Array, Array]:
    """The odd and the even part of the numerator, in few products."""
    one = np.eye(x.shape[-1], dtype=x.dtype)
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    odd = b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * one
    even = b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * one
    if len(b) > 8:
        odd = odd + x6 @ (b[13] * x6 + b[11] * x4 + b[9] * x2)
        even = even + x6 @ (b[12] * x6 + b[10] * x4 + b[8] * x2)
    return x @ odd, even


def _quotient(denominator: Array, numerator: Array) -> Array:
    try:
        return np.linalg.solve(denominator, numerator)
    except np.linalg.LinAlgError:  # only with infinities in it
        return np.full_like(numerator, np.nan)


def _exp_rule(g: Any, _y: Any, x: Any) -> Any:
    # Mathias (1996), and Al-Mohy and Higham (2009): the upper right block of exp([[A, E], [0, A]]) is the
    # derivative of exp at A along E; the adjoint of that derivative is the one at A^H.
    a = adjoint(x)
    n = a.shape[-1]
    zeros = np.zeros(a.shape, array_of(a).dtype)
    rows = (np.concatenate((a, g), axis=-1), np.concatenate((zeros, a), axis=-1))
    block: Any = np.concatenate(rows, axis=-2)
    y = apply(_EXP, (block,)) if isinstance(block, Tensor) else _exp_forward(block)
    return y[..., :n, n:]


_EXP = Operation("linalg.matrix_exp", _exp_forward, _exp_rule)


def matrix_exp(input: Tensor) -> Tensor:
    """The exponential of square matrices ``(..., n, n)``: ``1 + A + A^2 / 2 + A^3 / 6 + ...``.

    Scaling and squaring with a Pade approximant (Higham 2005). Derivative (Mathias 1996; Al-Mohy and Higham
    2009): with gradient g, the upper right block of ``exp([[A^H, g], [0, A^H]])``. Errors: RuntimeError for
    matrices that are not square and for integers.

    >>> import autotape as at
    >>> at.matrix_exp(at.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    return apply(_EXP, (square("linalg.matrix_exp", input),))  # type: ignore[no-any-return]


# --- powers -------------------------------------------------------------------------------------------------


_IDENTITIES = Operation(
    "linalg.matrix_power", lambda x: np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape).copy(), zero
)


@implements(np.linalg.matrix_power)
@takes_out
def matrix_power(input: Tensor, n: int, *, out: Tensor | None = None) -> Tensor:
    """The n-th power of square matrices ``(..., m, m)``, of the inverse if n is negative.

    By repeated squaring; ``n=0`` gives identities. Derivative: that of the products. Errors: LinAlgError for
    a negative power of a singular matrix, RuntimeError for matrices that are not square and for integers.

    >>> import autotape as at
    >>> at.linalg.matrix_power(at.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    name = "linalg.matrix_power"
    input = square(name, input)
    if n == 0:
        return apply(_IDENTITIES, (input,))  # type: ignore[no-any-return]
    base = inv(input) if n < 0 else input
    n = abs(n)
    power: Tensor | None = None
    while True:
        if n & 1:
            power = base if power is None else power @ base
        n >>= 1
        if not n:
            return power.clone() if power is input else power  # type: ignore[return-value]
        base = base @ base
