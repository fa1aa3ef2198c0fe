"""The regularized incomplete gamma functions in NumPy."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from autotape.special._erf import erfcx_positive
from autotape.special._gamma import binet, lgamma_1p
from autotape.special._series import Polynomial, assign, in_double

Array = np.ndarray[Any, Any]

_EPSILON = 2.0**-54
_MOST_TERMS = 1000  # of a series or fraction: a tenth of it is used
_NEAR = 0.3  # how far x / a is from 1 where the uniform expansion is used, for a > 20
_ROWS, _COLUMNS = 14, 20  # of its table: powers of 1/a, and of eta, at which 2**-56 is left of it

# Both functions come from the smaller of the two, which alone is computed: the power series for P, and for Q
# the continued fraction, or a power series too for small a and x. Where these converge slowly, at large a
# and x near a, both come from Temme's uniform expansion. The cases as in A. Gil, J. Segura and N. M. Temme,
# "Efficient and accurate algorithms for the computation and inversion of the incomplete gamma function
# ratios", SIAM Journal on Scientific Computing 34 (2012).


def lower(a: Array, x: Array) -> Array:
    """P(a, x): the integral of t**(a - 1) exp(-t) from 0 to x, divided by gamma(a)."""
    return _incomplete(a, x, upper=False)


def upper(a: Array, x: Array) -> Array:
    """Q(a, x) = 1 - P(a, x)."""
    return _incomplete(a, x, upper=True)


@in_double
def _incomplete(a: Array, x: Array, upper: bool) -> Array:
    y = np.full(a.shape, np.nan)
    inside = (a > 0) & (x > 0) & (a < np.inf) & (x < np.inf)
    near = inside & (a > 20) & (np.abs(x - a) < _NEAR * a)
    power = np.where(x < 0.5, -0.4 / np.log(x), x / 1.1)  # for greater a, P is not near 1
    small_p = np.where(x <= 1.1, a > power, x <= a)
    small_q = ~small_p & (x <= 1.1)

    def assign_sides(where: Array, function: Any, gives_upper: bool) -> None:
        assign(y, where, function if upper == gives_upper else lambda a, x: 1 - function(a, x), a, x)

    assign(y, near, lambda a, x: _uniform(a, x, upper), a, x)
    rest = inside & ~near
    assign_sides(rest & small_p, _lower_series, False)
    # Next to 0, P is accurate from its own series only.
    assign(y, rest & small_q, _upper_series if upper else _lower_series, a, x)
    assign_sides(rest & ~small_p & ~small_q, _upper_fraction, True)
    none = ((a > 0) & (x == 0)) | ((a == np.inf) & (x >= 0) & (x < np.inf))
    all_ = ((a == 0) & (x > 0)) | ((x == np.inf) & (a >= 0) & (a < np.inf))
    y[none] = float(upper)
    y[all_] = float(not upper)
    return y


def _excess(a: Array, x: Array) -> tuple[Array, Array]:
    """``u = x / a - 1`` and ``u - log(1 + u)``, the latter relative to its zero at u = 0."""
    u = (x - a) / a
    excess = u - np.log(x / a)
    assign(excess, np.abs(u) < 0.4, _excess_near, u)
    return u, excess


def _excess_near(u: Array) -> Any:
    z = u / (2 + u)  # log(1 + u) = 2 artanh(z)
    square = z * z
    return u * z - 2 * z * square * _ARTANH_REST(square)


_ARTANH_REST = Polynomial(*[1 / (2 * k + 3) for k in range(16, -1, -1)])


def _density(a: Array, x: Array) -> Array:
    """x**a exp(-x) / gamma(a + 1)."""
    y = np.empty_like(a)

    def large(a: Array, x: Array) -> Any:
        return np.exp(-a * _excess(a, x)[1] - binet(a)) / np.sqrt(2 * math.pi * a)

    def medium(a: Array, x: Array) -> Array:
        return _power(x / a, a, a - x - binet(a)) / np.sqrt(2 * math.pi * a)

    def small(a: Array, x: Array) -> Array:
        return _power(x, a, -x - lgamma_1p(a - 1)) / a

    assign(y, a > 20, large, a, x)
    assign(y, (a >= 2.5) & (a <= 20), medium, a, x)
    assign(y, (a >= 1) & (a < 2.5), small, a, x)
    assign(y, a < 1, lambda a, x: _power(x, a, -x - lgamma_1p(a)), a, x)
    return y


def _power(base: Array, a: Array, exponent: Array) -> Array:
    """``base**a * exp(exponent)`` for a <= 20: more exact than one exp, and no factor underflows alone."""
    half = np.exp(0.5 * exponent)
    return np.minimum(base, 1e15) ** a * half * half


def _lower_series(a: Array, x: Array) -> Array:
    """P by DLMF 8.7.1."""
    total = np.ones_like(a)
    term = np.ones_like(a)
    for n in range(1, _MOST_TERMS):
        term *= x / (a + n)
        total += term
        if not np.any(term > _EPSILON * total):
            break
    return _density(a, x) * total


def _upper_series(a: Array, x: Array) -> Any:
    """Q for small a and x: 1 - x**a / gamma(a + 1), and the rest of the power series DLMF 8.7.3."""
    power = a * np.log(x) - lgamma_1p(a)
    total = np.zeros_like(a)
    term = np.ones_like(a)
    for n in range(1, 20):
        term *= -x / n
        total += term / (a + n)
    return -np.expm1(power) - np.exp(power) * a * total


def _upper_fraction(a: Array, x: Array) -> Array:
    """Q by the continued fraction DLMF 8.9.2 in its even form, evaluated by Lentz' method."""
    b = x + 1 - a
    c = np.full(a.shape, 1e300)
    d = 1 / b
    h = d.copy()
    for n in range(1, _MOST_TERMS):
        numerator = n * (a - n)
        b += 2
        d = 1 / (b + numerator * d)
        c = b + numerator / c
        change = c * d
        h *= change
        if not np.any(np.abs(change - 1) > 8 * _EPSILON):
            break
    return _density(a, x) * a * h


# --- the uniform expansion ----------------------------------------------------------------------------------


def _uniform(a: Array, x: Array, upper: bool) -> Any:
    """By DLMF 8.12.3, 8.12.4 and 8.12.7: half erfc, and a series in 1/a with coefficients smooth at x = a.

    N. M. Temme, "The asymptotic expansion of the incomplete gamma functions", SIAM Journal on Mathematical
    Analysis 10 (1979).
    """
    u, excess = _excess(a, x)
    eta = np.copysign(np.sqrt(2 * excess), u)
    rest = np.zeros_like(a)
    for row in reversed(_temme_table()):
        rest = rest / a + row(eta)
    rest /= np.sqrt(2 * math.pi * a)
    if not upper:
        eta, rest = -eta, -rest
    side = np.sqrt(a * excess)
    scale = np.exp(-a * excess)
    tail = scale * (0.5 * erfcx_positive(side) + np.where(eta < 0, -rest, rest))
    return np.where(eta < 0, 1 - tail, tail)


@cache
def _temme_table() -> list[Polynomial]:
    """The coefficients of powers of 1/a, polynomials in eta: DLMF 8.12.11 and 8.12.12, in exact fractions."""
    from fractions import Fraction  # 4 ms of import, and rarely needed

    size = _COLUMNS + 2 * _ROWS + 2
    alpha = [Fraction(0), Fraction(1)]  # x / a - 1 in powers of eta
    for n in range(2, size + 1):
        known = sum((j * alpha[j] * alpha[n + 1 - j] for j in range(2, n)), Fraction(0))
        alpha.append((alpha[n - 1] - known) / (n + 1))
    first = [Fraction(-1, 3)] + [(n + 2) * alpha[n + 2] for n in range(1, size - 1)]
    rows, row, odd = [], first, 1
    for k in range(_ROWS):
        if k:
            odd *= 2 * k + 1
            stirling = (-1) ** k * odd * alpha[2 * k + 1]
            row = [stirling * first[n] + (n + 2) * row[n + 2] for n in range(len(row) - 2)]
        rows.append(Polynomial(*[float(c) for c in reversed(row[:_COLUMNS])]))
    return rows
