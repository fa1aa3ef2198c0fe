"""The modified Bessel functions of the first kind, and sinc, the spherical one of order 0."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.engine.elementwise import unary
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.tensor import Tensor
from autotape.special._bessel import bessel_i
from autotape.special._series import Array, assign, in_double, sin_pi

__all__ = ["i0", "sinc"]

methods = __all__
in_place = __all__

# --- modified Bessel functions: the functions of all integer orders are closed under differentiation --------


def _bessel(x: Any, order: int, scaled: bool) -> Any:
    order = abs(order)
    return apply(_BESSEL, (x,), order, scaled) if isinstance(x, Tensor) else bessel_i(x, order, scaled)


def _bessel_rule(g: Any, y: Any, x: Any, order: int, scaled: bool) -> Any:
    slope = 0.5 * (_bessel(x, order - 1, scaled) + _bessel(x, order + 1, scaled))
    return g * (slope - np.sign(x) * y if scaled else slope)


_BESSEL = Operation("bessel_i", bessel_i, _bessel_rule, elementwise=True)


@implements(np.i0)
@unary(lambda x: bessel_i(x, 0, False), lambda g, _y, x: g * _bessel(x, 1, False))
def i0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The modified Bessel function of the first kind and order 0, elementwise: even, 1 at 0.

    Up to 8 by its power series (DLMF 10.25.2), above by a fitted expansion in 1 / input. Derivative:
    i1(input).

    >>> import autotape as at
    >>> at.i0(at.tensor([0.0, 1.0, 5.0]))
    tensor([ 1.0000,  1.2661, 27.2399])
    """


@unary(lambda x: bessel_i(x, 0, True), lambda g, y, x: _bessel_rule(g, y, x, 0, True))
def i0e(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``exp(-abs(input)) * i0(input)``, elementwise, without overflow.

    Derivative: i1e(input) - sign(input) * i0e(input).

    >>> import autotape as at
    >>> at.special.i0e(at.tensor([0.0, 1.0, 1000.0]))
    tensor([1.0000, 0.4658, 0.0126])
    """


@unary(lambda x: bessel_i(x, 1, False), lambda g, _y, x: _bessel_rule(g, None, x, 1, False))
def i1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The modified Bessel function of the first kind and order 1, elementwise: odd, 0 at 0.

    See :func:`i0`. Derivative: i0(input) - i1(input) / input, which is 1/2 at 0.

    >>> import autotape as at
    >>> at.special.i1(at.tensor([0.0, 1.0, 5.0]))
    tensor([ 0.0000,  0.5652, 24.3356])
    """


@unary(lambda x: bessel_i(x, 1, True), lambda g, y, x: _bessel_rule(g, y, x, 1, True))
def i1e(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``exp(-abs(input)) * i1(input)``, elementwise, without overflow.

    Derivative: i0e(input) - i1e(input) * (sign(input) + 1 / input), which is 1/2 at 0.

    >>> import autotape as at
    >>> at.special.i1e(at.tensor([0.0, 1.0, 1000.0]))
    tensor([0.0000, 0.2079, 0.0126])
    """


# --- sinc: its derivatives are operations too, so that they are right at 0 ----------------------------------


def _sinc(x: Array, n: int) -> Array:
    """The n-th derivative of sin(pi x) / (pi x)."""
    if x.dtype.kind == "c":
        return _sinc_complex(x, n).astype(x.dtype, copy=False)
    return _sinc_real(x, n=n)


@in_double
def _sinc_real(x: Array, n: int) -> Array:
    y = np.full(x.shape, np.nan)
    z = math.pi * x
    near = np.abs(z) < max(n, 1)
    assign(y, near, lambda z: _sinc_series(z, n), z)
    assign(y, ~near & np.isfinite(x), lambda z, x: _sinc_recurrence(z, n, sin_pi(x), _cos_pi(x)), z, x)
    return y * math.pi**n


def _sinc_complex(x: Array, n: int) -> Array:
    z = math.pi * x.astype(np.complex128)
    y = np.asarray(_sinc_recurrence(z, n, np.sin(z), np.cos(z)))
    assign(y, np.abs(z) < max(n, 1), lambda z: _sinc_series(z, n), z)
    return y * math.pi**n


def _cos_pi(x: Array) -> Array:
    return sin_pi(0.5 - np.fmod(np.abs(x), 2))


def _sinc_recurrence(z: Array, n: int, sin: Array, cos: Array) -> Array:
    """By z f[k] = sin(z + k pi / 2) - k f[k - 1], the derivatives of z f[0] = sin(z)."""
    y = sin / z
    for k in range(1, n + 1):
        y = ((sin, cos, -sin, -cos)[k % 4] - k * y) / z
    return y


def _sinc_series(z: Array, n: int) -> Array:
    """The power series, differentiated term by term, for |z| < max(n, 1)."""
    square = z * z
    first = n + n % 2  # the lowest power that is left
    total = np.zeros_like(z)
    for power in range(first + 24 + 2 * n, first - 1, -2):
        sign = (-1) ** (power // 2)
        total = total * square + sign / ((power + 1) * math.factorial(power - n))
    return total * z if n % 2 else total


def _sinc_derivative(x: Any, n: int) -> Any:
    return apply(_SINC, (x,), n) if isinstance(x, Tensor) else _sinc(x, n)


_SINC = Operation("sinc", _sinc, lambda g, _y, x, n: g * _sinc_derivative(x, n + 1).conj(), elementwise=True)


@implements(np.sinc)
@unary(lambda x: _sinc(x, 0), lambda g, _y, x: g * _sinc_derivative(x, 1).conj())
def sinc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``sin(pi * input) / (pi * input)``, elementwise, 1 at 0, and exactly 0 at the other integers.

    Complex inputs too. Derivative: (cos(pi * input) - sinc(input)) / input, 0 at 0; right there to any order.

    >>> import autotape as at
    >>> at.sinc(at.tensor([0.0, 0.5, 1.0]))
    tensor([1.0000, 0.6366, 0.0000])
    """
