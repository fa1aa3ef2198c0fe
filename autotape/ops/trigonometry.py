"""Trigonometric and hyperbolic functions, and their inverses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.engine.elementwise import binary, unary
from autotape.engine.operation import implements
from autotape.engine.tensor import Tensor
from autotape.ops._rules import array_of

__all__ = [
    "acos",
    "acosh",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "hypot",
    "rad2deg",
    "sin",
    "sinh",
    "tan",
    "tanh",
]

methods = __all__
in_place = __all__

# --- trigonometric ------------------------------------------------------------------------------------------


@unary(np.sin, lambda g, _y, x: g * np.cos(x).conj())
def sin(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The sine of angles in radians, elementwise. Derivative: cos(input).

    >>> import autotape as at
    >>> at.sin(at.tensor([0.0, at.pi / 2]))
    tensor([0., 1.])
    """


@unary(np.cos, lambda g, _y, x: -g * np.sin(x).conj())
def cos(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The cosine of angles in radians, elementwise. Derivative: -sin(input).

    >>> import autotape as at
    >>> at.cos(at.tensor([0.0, at.pi]))
    tensor([ 1., -1.])
    """


@unary(np.tan, lambda g, y, _x: g * (1 + y * y).conj())
def tan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The tangent of angles in radians, elementwise. Derivative: 1 + y**2 at the result y.

    >>> import autotape as at
    >>> at.tan(at.tensor([0.0, at.pi / 4]))
    tensor([0., 1.])
    """


@unary(np.arcsin, lambda g, _y, x: g / np.sqrt(1 - x * x).conj())
def asin(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is ``input``. Derivative: 1 / sqrt(1 - input**2).

    >>> import autotape as at
    >>> at.asin(at.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """


arcsin = asin


@unary(np.arccos, lambda g, _y, x: -g / np.sqrt(1 - x * x).conj())
def acos(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The angle in [0, pi] whose cosine is ``input``. Derivative: -1 / sqrt(1 - input**2).

    >>> import autotape as at
    >>> at.acos(at.tensor([1.0, 0.0]))
    tensor([0.0000, 1.5708])
    """


arccos = acos


@unary(np.arctan, lambda g, _y, x: g / (1 + x * x).conj())
def atan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The angle in [-pi/2, pi/2] whose tangent is ``input``. Derivative: 1 / (1 + input**2).

    >>> import autotape as at
    >>> at.atan(at.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """


arctan = atan


def _radius(a: Any, b: Any) -> Any:
    """``a**2 + b**2``, with 1 in place of 0: the derivative of the angle at the origin is taken as 0."""
    square = a * a + b * b
    return np.where(square == 0, 1, square)


@binary(
    np.arctan2,
    lambda g, _y, a, b: g * (b / _radius(a, b)),
    lambda g, _y, a, b: g * (-a / _radius(a, b)),
    floating=True,
)
def atan2(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The angle in [-pi, pi] of the points with y = ``input`` and x = ``other``, with broadcasting.

    Derivative: d/dinput = other / (input**2 + other**2), d/dother = -input / (input**2 + other**2); 0 at the
    origin.

    >>> import autotape as at
    >>> at.atan2(at.tensor([1.0, 1.0]), at.tensor([1.0, -1.0]))
    tensor([0.7854, 2.3562])
    """


arctan2 = atan2


@binary(
    np.hypot,
    lambda g, y, a, _b: g * (a / y),
    lambda g, y, _a, b: g * (b / y),
    floating=True,
)
def hypot(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The hypotenuse ``sqrt(input**2 + other**2)``, elementwise with broadcasting, without overflow.

    Derivative: d/dinput = input / result, d/dother = other / result; NaN at the origin.

    >>> import autotape as at
    >>> at.hypot(at.tensor([3.0, 5.0]), at.tensor([4.0, 12.0]))
    tensor([ 5., 13.])
    """


@implements(np.radians)
@unary(np.deg2rad, lambda g, _y, _x: g * (math.pi / 180))
def deg2rad(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Angles in degrees converted to radians: ``input * pi / 180``, elementwise. Derivative: pi / 180.

    >>> import autotape as at
    >>> at.deg2rad(at.tensor([0.0, 180.0]))
    tensor([0.0000, 3.1416])
    """


@implements(np.degrees)
@unary(np.rad2deg, lambda g, _y, _x: g * (180 / math.pi))
def rad2deg(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Angles in radians converted to degrees: ``input * 180 / pi``, elementwise. Derivative: 180 / pi.

    >>> import autotape as at
    >>> at.rad2deg(at.tensor([0.0, at.pi]))
    tensor([  0., 180.])
    """


# --- hyperbolic ---------------------------------------------------------------------------------------------


@unary(np.sinh, lambda g, _y, x: g * np.cosh(x).conj())
def sinh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The hyperbolic sine ``(exp(x) - exp(-x)) / 2``, elementwise. Derivative: cosh(input).

    >>> import autotape as at
    >>> at.sinh(at.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """


@unary(np.cosh, lambda g, _y, x: g * np.sinh(x).conj())
def cosh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The hyperbolic cosine ``(exp(x) + exp(-x)) / 2``, elementwise. Derivative: sinh(input).

    >>> import autotape as at
    >>> at.cosh(at.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """


@unary(np.tanh, lambda g, y, _x: g * (1 - y * y).conj())
def tanh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The hyperbolic tangent, elementwise, in (-1, 1). Derivative: 1 - y**2 at the result y.

    >>> import autotape as at
    >>> at.tanh(at.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """


@unary(np.arcsinh, lambda g, _y, x: g / np.sqrt(x * x + 1).conj())
def asinh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of sinh, ``log(x + sqrt(x**2 + 1))``, elementwise. Derivative: 1 / sqrt(input**2 + 1).

    >>> import autotape as at
    >>> at.asinh(at.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """


arcsinh = asinh


def _acosh_rule(g: Any, _y: Any, x: Any) -> Any:
    if array_of(x).dtype.kind == "c":  # sqrt(x**2 - 1) would have other branches than acosh
        return g / (np.sqrt(x - 1) * np.sqrt(x + 1)).conj()
    return g / np.sqrt(x * x - 1)


@unary(np.arccosh, _acosh_rule)
def acosh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of cosh, elementwise: not negative, NaN below 1. Derivative: 1 / sqrt(input**2 - 1).

    >>> import autotape as at
    >>> at.acosh(at.tensor([1.0, 2.0]))
    tensor([0.0000, 1.3170])
    """


arccosh = acosh


@unary(np.arctanh, lambda g, _y, x: g / (1 - x * x).conj())
def atanh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of tanh, elementwise: infinite at -1 and 1, NaN beyond. Derivative: 1 / (1 - input**2).

    >>> import autotape as at
    >>> at.atanh(at.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5493])
    """


arctanh = atanh
