"""The modified Bessel functions of the first kind in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.special._series import Polynomial, assign, in_double

Array = np.ndarray[Any, Any]

# sqrt(x) exp(-x) I(x) in 1/x mapped to [-1, 1], for x >= 8 and the orders 0 and 1: Chebyshev interpolants
# computed for this file with 45 digits and cut off below 2**-58 of the largest coefficient.
_I0E_LARGE = Polynomial(
    -6.067631570603006e-11,
    -2.0260604287413626e-11,
    4.577087631643623e-10,
    1.5279202694981569e-10,
    -1.618980683624682e-09,
    -5.715843864202709e-10,
    3.6379546359011143e-09,
    1.5200816953924232e-09,
    -5.95356943826489e-09,
    -3.505966530879332e-09,
    7.430464650325426e-09,
    7.552583062123384e-09,
    -5.404771567579958e-09,
    -1.340891754008974e-08,
    -6.747657956107524e-09,
    7.554691881248808e-09,
    2.1548377974791598e-08,
    3.932584334552952e-08,
    8.872219737904054e-08,
    2.9735985885673923e-07,
    1.4838475658279249e-06,
    1.1143033790932038e-05,
    0.0001362160743919305,
    0.0033605519836678614,
    0.4021765094450081,
)
_I1E_LARGE = Polynomial(
    6.305965197150057e-11,
    1.8515118828852956e-11,
    -4.758818838703853e-10,
    -1.4011625179770627e-10,
    1.6848984479705146e-09,
    5.295625441161261e-10,
    -3.794670896208339e-09,
    -1.4387250533041013e-09,
    6.242741219786445e-09,
    3.4262341490077958e-09,
    -7.888351507862078e-09,
    -7.64239413436356e-09,
    5.974437608040264e-09,
    1.4034238782067183e-08,
    6.734464815301592e-09,
    -8.427766093735185e-09,
    -2.337392820814264e-08,
    -4.312917729178349e-08,
    -1.0001288294864884e-07,
    -3.483855761044295e-07,
    -1.8349101326980946e-06,
    -1.5038547200567216e-05,
    -0.00021923576383388928,
    -0.009749577193235737,
    0.38939845902587233,
)


def bessel_i(x: Array, order: int, scaled: bool) -> Array:
    """I of an integer order >= 0; ``scaled``: times exp(-|x|)."""
    return _bessel_i(x, n=order, scaled=scaled)


@in_double
def _bessel_i(x: Array, n: int, scaled: bool) -> Array:
    size = np.abs(x)
    split = max(8, n * n)
    y = np.full(x.shape, np.nan)
    assign(y, size <= split, lambda x: _power_series(x, n, scaled), size)
    assign(y, size > split, lambda x: _large(x, n, scaled), size)
    return np.copysign(y, x) if n % 2 else y


def _power_series(x: Array, n: int, scaled: bool) -> Array:
    """DLMF 10.25.2: all terms are positive, so that none cancels."""
    square = (0.5 * x) ** 2
    factors: list[float] = []
    term, largest = 1.0, (0.5 * max(8, n * n)) ** 2
    while term > 2.0**-60:
        k = len(factors) + 1
        factors.append(1.0 / (k * (k + n)))
        term *= largest * factors[-1]
    total = np.ones_like(x)
    for factor in reversed(factors):
        total = 1 + total * (square * factor)
    total *= (0.5 * x) ** n / math.factorial(n)
    return total * np.exp(-x) if scaled else total


def _large(x: Array, n: int, scaled: bool) -> Any:
    """Orders 0 and 1 by their expansions, higher ones by recurrence (x is above the square of the order)."""
    t = 16 / x - 1
    root = np.sqrt(x)
    y = (_I1E_LARGE if n else _I0E_LARGE)(t) / root
    if n > 1:
        below = _I0E_LARGE(t) / root
        for k in range(1, n):
            below, y = y, below - (2 * k / x) * y
    if scaled:
        return y
    half = np.exp(0.5 * x)  # exp(x) overflows before the result does
    return np.where(x == np.inf, np.inf, half * y * half)
