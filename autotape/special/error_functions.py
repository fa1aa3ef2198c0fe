"""The error function, the normal distribution's probabilities, and their inverses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.elementwise import unary
from autotape.engine.tensor import Tensor
from autotape.special import _erf
from autotape.special._series import both

__all__ = ["erf", "erfc", "erfinv"]

methods = __all__
in_place = __all__

# Computed in float64 and rounded, to a few units in the last place of float64 for every argument (the bounds:
# tests/test_special.py); erf of float32 has a faster way of its own. erfc, erfcx and the normal tail come
# from one Chebyshev expansion of (1 + 2 x) erfcx(x).


@unary(_erf.erf, lambda g, _y, x: g * (2 / math.sqrt(math.pi) * np.exp(-x * x)))
def erf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The error function: 2/sqrt(pi) times the integral of exp(-t**2) from 0 to ``input``, elementwise.

    Accurate to a few units in the last place. Derivative: 2/sqrt(pi) * exp(-input**2).

    >>> import autotape as at
    >>> at.erf(at.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8427])
    """


@unary(_erf.erfc, lambda g, _y, x: g * (-2 / math.sqrt(math.pi) * np.exp(-x * x)))
def erfc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The complementary error function ``1 - erf(input)``, elementwise, accurate also where it is tiny.

    Derivative: -2/sqrt(pi) * exp(-input**2).

    >>> import autotape as at
    >>> at.erfc(at.tensor([0.0, 3.0]))
    tensor([1.0000e+00, 2.2090e-05])
    """


@unary(_erf.erfinv, lambda g, y, _x: g * (0.5 * math.sqrt(math.pi) * np.exp(y * y)))
def erfinv(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of erf, elementwise: the y with ``erf(y) = input``.

    Infinite at -1 and 1, NaN beyond. Derivative: sqrt(pi)/2 * exp(y**2) at the result y.

    >>> import autotape as at
    >>> at.erfinv(at.tensor([0.0, 0.5, 1.0]))
    tensor([0.0000, 0.4769,    inf])
    """


_FAR = (
    30.0  # from here on the difference in the derivative of erfcx cancels, and its asymptotic series is exact
)
_FAR_SERIES = [-math.prod(range(1 - 2 * k, 0, 2)) * (2 * k + 1) / 2**k / math.sqrt(math.pi) for k in range(8)]


def _erfcx_rule(g: Any, y: Any, x: Any) -> Any:
    large = np.maximum(x, _FAR)
    inverse = 1 / (large * large)
    series = 0.0
    for coefficient in reversed(_FAR_SERIES):
        series = series * inverse + coefficient
    return g * np.where(x > _FAR, series * inverse, 2 * x * y - 2 / math.sqrt(math.pi))


@unary(_erf.erfcx, _erfcx_rule)
def erfcx(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The scaled complementary error function ``exp(input**2) * erfc(input)``, elementwise.

    It falls like 1 / (sqrt(pi) * input) where erfc underflows. Derivative:
    2 * input * y - 2/sqrt(pi) at the result y.

    >>> import autotape as at
    >>> at.special.erfcx(at.tensor([0.0, 1.0, 100.0]))
    tensor([1.0000, 0.4276, 0.0056])
    """


@unary(_erf.ndtr, lambda g, _y, x: g * (math.sqrt(0.5 / math.pi) * np.exp(-0.5 * x * x)))
def ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The standard normal distribution function, elementwise: the probability of a value up to ``input``.

    ``erfc(-input / sqrt(2)) / 2``, accurate also in the left tail. Derivative: the normal density
    exp(-input**2 / 2) / sqrt(2 * pi).

    >>> import autotape as at
    >>> at.special.ndtr(at.tensor([-1.0, 0.0, 1.0]))
    tensor([0.1587, 0.5000, 0.8413])
    """


@unary(_erf.ndtri, lambda g, y, _x: g * (math.sqrt(2 * math.pi) * np.exp(0.5 * y * y)))
def ndtri(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The quantiles of the standard normal distribution, elementwise: the y with ``ndtr(y) = input``.

    Infinite at 0 and 1, NaN beyond. Derivative: sqrt(2 * pi) * exp(y**2 / 2) at the result y.

    >>> import autotape as at
    >>> at.special.ndtri(at.tensor([0.025, 0.5, 1.0]))
    tensor([-1.9600,  0.0000,     inf])
    """


@unary(_erf.log_ndtr, lambda g, _y, x: g * (math.sqrt(2 / math.pi) / _erfcx(x * -math.sqrt(0.5))))
def log_ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of :func:`ndtr`, elementwise, accurate where ndtr underflows or is nearly 1.

    Derivative: sqrt(2 / pi) / erfcx(-input / sqrt(2)), the density divided by the probability.

    >>> import autotape as at
    >>> at.special.log_ndtr(at.tensor([-100.0, 0.0]))
    tensor([-5.0055e+03, -6.9315e-01])
    """


_erfcx: Callable[..., Any] = both(erfcx)
