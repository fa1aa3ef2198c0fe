"""The gamma function's logarithm, its derivatives and Hurwitz' zeta function in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.special._series import Polynomial, assign, in_double, sin_pi

Array = np.ndarray[Any, Any]

# The polynomials are Chebyshev interpolants of their functions, computed for this file with 45 digits and cut
# off below 2**-58 of the largest coefficient. Each is in its variable mapped to [-1, 1].

# lgamma(x) / ((x - 1) (x - 2)) for x from 0.75 to 2.5.
_LGAMMA_MIDDLE = Polynomial(
    1.5678666397279852e-09,
    -2.7690449962460076e-09,
    -6.863451801293711e-09,
    1.1410876794196483e-08,
    2.077174355527538e-08,
    -3.4000900914160417e-08,
    -2.3928171242873048e-08,
    3.415478861046221e-08,
    5.860323548319595e-08,
    -9.747685584996339e-08,
    6.74083874040652e-08,
    -1.4589471613129093e-07,
    3.6981977875112547e-07,
    -7.124670253724189e-07,
    1.3515288251841204e-06,
    -2.659544551729333e-06,
    5.258288417317622e-06,
    -1.0402662239495317e-05,
    2.0670288322590812e-05,
    -4.1293830632439904e-05,
    8.299893411142164e-05,
    -0.0001680526078696555,
    0.0003433590213660248,
    -0.0007096266366983168,
    0.0014887756326751995,
    -0.003187960055724473,
    0.007029440969898759,
    -0.016208382218219474,
    0.040256123200019825,
    -0.11513161737597971,
    0.46580963736232694,
)

# x times Binet's function, the remainder of Stirling's formula, in 1 / x**2 for x >= 2.5.
_BINET = Polynomial(
    -7.774594662345437e-15,
    1.812178715010938e-14,
    -1.566459167748505e-14,
    5.5035081049399335e-14,
    -2.355884316629916e-13,
    7.795760458005403e-13,
    -2.811680421660421e-12,
    1.1544443706802414e-11,
    -5.385004938006763e-11,
    2.938996889181191e-10,
    -1.9580115894541077e-09,
    1.6923492052102178e-08,
    -2.0868323233989212e-07,
    4.326175143309089e-06,
    -0.00021286406858162053,
    0.0831159151616548,
)

# digamma(x) / (x - root) for x from 1 to 2; the root is the sum of the two numbers.
_DIGAMMA_MIDDLE = Polynomial(
    2.918622732168261e-11,
    -8.50550766013261e-11,
    8.734528429142953e-11,
    -2.7580994814377e-10,
    1.2469984616707403e-09,
    -3.7083753242807277e-09,
    1.0527692435026686e-08,
    -3.162911147408454e-08,
    9.543298288278275e-08,
    -2.863161166883193e-07,
    8.589060721930695e-07,
    -2.578093954045772e-06,
    7.741234508636364e-06,
    -2.3258242519113285e-05,
    6.995018825112794e-05,
    -0.00021074841138175561,
    0.0006368880303865817,
    -0.0019350666648613071,
    0.005936795278301761,
    -0.018550615381735008,
    0.06013562106019684,
    -0.2118137106407303,
    0.9510558760318328,
)
_ROOT, _ROOT_REST = 1.4616321449683622, 9.549995429965697e-17

# x**2 (log(x) - 1 / (2 x) - digamma(x)) in 1 / x**2 for x >= 2.
_DIGAMMA_TAIL = Polynomial(
    -3.457753069071584e-13,
    5.274971782836343e-13,
    9.87162417778941e-13,
    -1.2963329457248861e-12,
    -2.396990561311858e-12,
    3.4723091347975263e-12,
    -2.3669628342989e-13,
    2.4576378308385836e-12,
    -1.2105382924890577e-11,
    2.750648587622778e-11,
    -6.580944664105944e-11,
    1.7777303815860672e-10,
    -5.141572129632068e-10,
    1.6106575187697543e-09,
    -5.576308584059213e-09,
    2.1829630390865033e-08,
    -9.975971601993746e-08,
    5.576415363753422e-07,
    -4.099379365093756e-06,
    4.483905295275083e-05,
    -0.0009367704342562866,
    0.08234693724440534,
)


def binet(x: Array) -> Any:
    """lgamma(x) - ((x - 0.5) log(x) - x + log(2 pi) / 2), for x >= 2.5."""
    return _BINET(12.5 / (x * x) - 1) / x


def lgamma_1p(x: Array) -> Any:
    """lgamma(1 + x) for x from -0.25 to 1.5, relative to its zero at 0."""
    return x * (x - 1) * _LGAMMA_MIDDLE((x - 0.625) / 0.875) + 0.0  # not -0.0


def _lgamma_positive(x: Array) -> Array:
    y = np.full(x.shape, np.nan)
    offset = 0.5 * math.log(2 * math.pi) - 0.5
    assign(y, x >= 2.5, lambda x: (x - 0.5) * (np.log(x) - 1) + offset + binet(x), x)
    assign(y, (x >= 0.75) & (x < 2.5), lambda x: lgamma_1p(x - 1), x)
    assign(y, x < 0.75, lambda x: lgamma_1p(x) - np.log(x), x)
    return y


def _lgamma_negative(x: Array) -> Array:
    """By reflection: |gamma(x) gamma(-x)| is pi / |x sin(pi x)|."""
    size = -x
    y = np.log(math.pi / np.abs(size * sin_pi(x))) - _lgamma_positive(size)
    assign(y, size < 1e-100, lambda size: -np.log(size), size)
    return np.where(size == np.inf, np.inf, y)


@in_double
def lgamma(x: Array) -> Array:
    """The logarithm of |gamma(x)|."""
    y = _lgamma_positive(np.abs(x))
    assign(y, x < 0, _lgamma_negative, x)
    return y


def _digamma_middle(x: Array) -> Any:
    return (x - _ROOT - _ROOT_REST) * _DIGAMMA_MIDDLE(2 * x - 3)


def _digamma_positive(x: Array) -> Array:
    y = np.full(x.shape, np.nan)
    assign(y, x >= 2, lambda x: np.log(x) - (0.5 + _DIGAMMA_TAIL(8 / (x * x) - 1) / x) / x, x)
    assign(y, (x >= 1) & (x < 2), _digamma_middle, x)
    assign(y, x < 1, lambda x: _digamma_middle(1 + x) - 1 / x, x)
    return y


def _digamma_negative(x: Array) -> Array:
    """By reflection: digamma(1 - x) - digamma(x) is pi / tan(pi x)."""
    rest = x - np.rint(x)
    y = _digamma_positive(1 - x) - math.pi / np.tan(math.pi * rest)
    return np.where((rest == 0) | (x == -np.inf), np.nan, y)


@in_double
def digamma(x: Array) -> Array:
    """The derivative of lgamma."""
    y = _digamma_positive(x)
    assign(y, x < 0, _digamma_negative, x)
    return y


# --- Hurwitz' zeta function ---------------------------------------------------------------------------------

_TERMS = 10  # summed one by one; the rest by the Euler-Maclaurin formula
# B(2k) / (2k)!, from k = 1
_BERNOULLI = [
    b / math.factorial(2 * k)
    for k, b in enumerate(
        (
            1 / 6,
            -1 / 30,
            1 / 42,
            -1 / 30,
            5 / 66,
            -691 / 2730,
            7 / 6,
            -3617 / 510,
            43867 / 798,
            -174611 / 330,
        ),
        1,
    )
]


def _zeta_positive(s: Array, q: Array) -> Array:
    """For s > 1 and q > 0: the Euler-Maclaurin formula, DLMF 25.11.5 with more of its terms."""
    total = q**-s
    for k in range(1, _TERMS):
        total += (q + k) ** -s
    a = q + _TERMS
    rest = 1 / (s - 1) + 0.5 / a
    factor = s / (a * a)
    for k, coefficient in enumerate(_BERNOULLI):
        rest += coefficient * factor
        factor *= ((s + (2 * k + 1)) / a) * ((s + (2 * k + 2)) / a)
    power = a ** (1 - s)
    return total + np.where(power == 0, 0, power * rest)


def _zeta_negative(s: Array, q: Array) -> Array:
    """For q < 0 and an integer s: the terms on both sides of 0 are sums of their own, whose ends cancel."""
    up, down = q - np.floor(q), np.ceil(q) - q
    beyond = _zeta_positive(s, down) - _zeta_positive(s, 1 - q)
    y = _zeta_positive(s, up) + np.where(np.fmod(s, 2) == 0, beyond, -beyond)
    return np.where(down == 0, np.inf, np.where(s == np.rint(s), y, np.nan))


def _zeta(s: Array, q: Array) -> Array:
    y = np.full(s.shape, np.nan)
    assign(y, (s > 1) & (q > 0), _zeta_positive, s, q)
    assign(y, (s > 1) & (q < 0) & (q > -np.inf), _zeta_negative, s, q)
    y[(s > 1) & (q == 0)] = np.inf
    y[s == 1] = np.inf
    return y


@in_double
def zeta(s: Array, q: Array) -> Array:
    """The sum of (q + k)**-s over k = 0, 1, ..."""
    return _zeta(s, q)


def polygamma(x: Array, n: int) -> Array:
    """The n-th derivative of digamma."""
    return _polygamma(x, n=n) if n else digamma(x)


@in_double
def _polygamma(x: Array, n: int) -> Array:
    value = _zeta(np.full(x.shape, n + 1.0), x)
    if n <= 170:
        value *= math.factorial(n)
    else:  # the factorial alone overflows
        value = np.sign(value) * np.exp(math.lgamma(n + 1) + np.log(np.abs(value)))
    return value if n % 2 else -value
