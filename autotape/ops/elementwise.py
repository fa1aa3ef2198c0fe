"""Functions of one tensor: exponentials, roots, trigonometry and rounding (and ``atan2``)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.elementwise import binary, unary
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.tensor import Tensor
from autotape.ops._rules import array_of, masked, zero

__all__ = [
    "acos",
    "asin",
    "atan",
    "atan2",
    "ceil",
    "cos",
    "cosh",
    "exp",
    "expm1",
    "floor",
    "log",
    "log10",
    "log1p",
    "log2",
    "nan_to_num",
    "round",
    "rsqrt",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
]

methods = __all__
in_place = __all__

Array = np.ndarray[Any, Any]

# As in PyTorch, integers and booleans are computed in the default dtype, the result outside of a function's
# domain is NaN, and an unbounded derivative is infinite at its pole.

# --- exponentials and logarithms ----------------------------------------------------------------------------


@unary(np.exp, lambda g, y, _x: g * y.conj())
def exp(input: Tensor) -> Tensor:
    """``e ** input``, elementwise. Derivative: the result itself.

    >>> import autotape as at
    >>> at.exp(at.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """


@unary(np.expm1, lambda g, y, _x: g * (y + 1).conj())
def expm1(input: Tensor) -> Tensor:
    """``exp(input) - 1``, elementwise, accurate near 0. Derivative: exp(input).

    >>> import autotape as at
    >>> at.expm1(at.tensor([0.0, 1.0]))
    tensor([0.0000, 1.7183])
    """


@unary(np.log, lambda g, _y, x: g / x.conj())
def log(input: Tensor) -> Tensor:
    """The natural logarithm, elementwise: -inf at 0, NaN below. Derivative: 1 / input.

    >>> import autotape as at
    >>> at.log(at.tensor([1.0, 10.0]))
    tensor([0.0000, 2.3026])
    """


@unary(np.log1p, lambda g, _y, x: g / (x + 1).conj())
def log1p(input: Tensor) -> Tensor:
    """``log(1 + input)``, elementwise, accurate near 0. Derivative: 1 / (1 + input).

    >>> import autotape as at
    >>> at.log1p(at.tensor([0.0, 1.0]))
    tensor([0.0000, 0.6931])
    """


@unary(np.log2, lambda g, _y, x: g / (x * math.log(2)).conj())
def log2(input: Tensor) -> Tensor:
    """The logarithm to base 2, elementwise. Derivative: 1 / (input * log(2)).

    >>> import autotape as at
    >>> at.log2(at.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """


@unary(np.log10, lambda g, _y, x: g / (x * math.log(10)).conj())
def log10(input: Tensor) -> Tensor:
    """The logarithm to base 10, elementwise. Derivative: 1 / (input * log(10)).

    >>> import autotape as at
    >>> at.log10(at.tensor([1.0, 100.0]))
    tensor([0., 2.])
    """


@unary(np.sqrt, lambda g, y, _x: g / (2 * y).conj())
def sqrt(input: Tensor) -> Tensor:
    """The square root, elementwise: NaN below 0. Derivative: 1 / (2 * input**0.5), infinite at 0.

    >>> import autotape as at
    >>> at.sqrt(at.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """


@unary(lambda x: np.reciprocal(np.sqrt(x)), lambda g, y, _x: g * (-0.5 * y * y * y).conj())
def rsqrt(input: Tensor) -> Tensor:
    """``1 / sqrt(input)``, elementwise. Derivative: -1 / (2 * input**1.5).

    >>> import autotape as at
    >>> at.rsqrt(at.tensor([4.0, 16.0]))
    tensor([0.5000, 0.2500])
    """


# --- trigonometric and hyperbolic ---------------------------------------------------------------------------


@unary(np.sin, lambda g, _y, x: g * np.cos(x).conj())
def sin(input: Tensor) -> Tensor:
    """The sine of angles in radians, elementwise. Derivative: cos(input).

    >>> import autotape as at
    >>> at.sin(at.tensor([0.0, at.pi / 2]))
    tensor([0., 1.])
    """


@unary(np.cos, lambda g, _y, x: -g * np.sin(x).conj())
def cos(input: Tensor) -> Tensor:
    """The cosine of angles in radians, elementwise. Derivative: -sin(input).

    >>> import autotape as at
    >>> at.cos(at.tensor([0.0, at.pi]))
    tensor([ 1., -1.])
    """


@unary(np.tan, lambda g, y, _x: g * (1 + y * y).conj())
def tan(input: Tensor) -> Tensor:
    """The tangent of angles in radians, elementwise. Derivative: 1 + y**2 at the result y.

    >>> import autotape as at
    >>> at.tan(at.tensor([0.0, at.pi / 4]))
    tensor([0., 1.])
    """


@unary(np.arcsin, lambda g, _y, x: g / np.sqrt(1 - x * x).conj())
def asin(input: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is ``input``. Derivative: 1 / sqrt(1 - input**2).

    >>> import autotape as at
    >>> at.asin(at.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """


@unary(np.arccos, lambda g, _y, x: -g / np.sqrt(1 - x * x).conj())
def acos(input: Tensor) -> Tensor:
    """The angle in [0, pi] whose cosine is ``input``. Derivative: -1 / sqrt(1 - input**2).

    >>> import autotape as at
    >>> at.acos(at.tensor([1.0, 0.0]))
    tensor([0.0000, 1.5708])
    """


@unary(np.arctan, lambda g, _y, x: g / (1 + x * x).conj())
def atan(input: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] whose tangent is ``input``. Derivative: 1 / (1 + input**2).

    >>> import autotape as at
    >>> at.atan(at.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """


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
def atan2(input: Tensor, other: Any) -> Tensor:
    """The angle in [-pi, pi] of the points with y = ``input`` and x = ``other``, with broadcasting.

    Derivative: d/dinput = other / (input**2 + other**2), d/dother = -input / (input**2 + other**2); 0 at the
    origin.

    >>> import autotape as at
    >>> at.atan2(at.tensor([1.0, 1.0]), at.tensor([1.0, -1.0]))
    tensor([0.7854, 2.3562])
    """


@unary(np.sinh, lambda g, _y, x: g * np.cosh(x).conj())
def sinh(input: Tensor) -> Tensor:
    """The hyperbolic sine ``(exp(x) - exp(-x)) / 2``, elementwise. Derivative: cosh(input).

    >>> import autotape as at
    >>> at.sinh(at.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """


@unary(np.cosh, lambda g, _y, x: g * np.sinh(x).conj())
def cosh(input: Tensor) -> Tensor:
    """The hyperbolic cosine ``(exp(x) + exp(-x)) / 2``, elementwise. Derivative: sinh(input).

    >>> import autotape as at
    >>> at.cosh(at.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """


@unary(np.tanh, lambda g, y, _x: g * (1 - y * y).conj())
def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent, elementwise, in (-1, 1). Derivative: 1 - y**2 at the result y.

    >>> import autotape as at
    >>> at.tanh(at.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """


# --- rounding: piecewise constant, so the derivative is 0 ---------------------------------------------------


def _rounding(ufunc: Callable[[Array], Any]) -> Callable[[Array], Any]:
    """A rounding function that returns integers as they are (NumPy 2.0 makes float64 of them)."""

    def rounded(x: Array) -> Any:
        kind = x.dtype.kind
        if kind == "b":
            raise NotImplementedError("rounding is not implemented for bool tensors; convert them first")
        return x.copy() if kind in "iu" else ufunc(x)

    return rounded


@implements(np.floor)
@unary(_rounding(np.floor), zero, floating=False)
def floor(input: Tensor) -> Tensor:
    """The largest integer not above each element, in the input's dtype. Derivative: 0.

    >>> import autotape as at
    >>> at.floor(at.tensor([1.5, -1.5]))
    tensor([ 1., -2.])
    """


@implements(np.ceil)
@unary(_rounding(np.ceil), zero, floating=False)
def ceil(input: Tensor) -> Tensor:
    """The smallest integer not below each element, in the input's dtype. Derivative: 0.

    >>> import autotape as at
    >>> at.ceil(at.tensor([1.5, -1.5]))
    tensor([ 2., -1.])
    """


@implements(np.rint)
@unary(_rounding(np.rint), zero, floating=False, name="round")
def _to_nearest(input: Tensor) -> Tensor:
    """The nearest integer, halves to the even one."""


def _to_decimals(x: Array, decimals: int) -> Any:
    scale = 10.0 ** (decimals if decimals > 0 else -decimals)
    return np.rint(x * scale) / scale if decimals > 0 else np.rint(x / scale) * scale


_ROUND_DECIMALS = Operation("round", _to_decimals, zero, elementwise=True)


def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Each element rounded to ``decimals`` places (negative: to tens, hundreds, ...), halves to even.

    The derivative is 0. Errors: RuntimeError for integers with ``decimals``.

    >>> import autotape as at
    >>> at.round(at.tensor([0.5, 1.5, 2.345])), at.round(at.tensor([2.345]), decimals=2)
    (tensor([0., 2., 2.]), tensor([2.3400]))
    """
    if decimals == 0:
        return _to_nearest(input)
    input = tensor_input(input, "input", "round")
    if input._array.dtype.kind not in "f":
        raise NotImplementedError(
            f'"round" with decimals is not implemented for {input._array.dtype.name} tensors'
        )
    return apply(_ROUND_DECIMALS, (input,), decimals)  # type: ignore[no-any-return]


@implements(np.round)
def _numpy_round(a: Tensor, decimals: int = 0) -> Tensor:
    return round(a, decimals=decimals)


# --- other --------------------------------------------------------------------------------------------------


def _nan_to_num_rule(g: Any, _y: Any, x: Any, _nan: Any, _posinf: Any, _neginf: Any) -> Any:
    return masked(g, np.isfinite(array_of(x)))


_NAN_TO_NUM = Operation(
    "nan_to_num",
    lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    _nan_to_num_rule,
    elementwise=True,
    masks=True,
)


@implements(np.nan_to_num)
def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """``input`` with NaN, inf and -inf replaced, unless given by 0 and the dtype's greatest and least.

    The derivative is 1 where nothing was replaced, 0 elsewhere.

    >>> import autotape as at
    >>> at.nan_to_num(at.tensor([at.nan, 1.0, at.inf]), posinf=9.0)
    tensor([0., 1., 9.])
    """
    input = tensor_input(input, "input", "nan_to_num")
    replacements = (0.0 if nan is None else nan, posinf, neginf)
    return apply(_NAN_TO_NUM, (input,), *replacements)  # type: ignore[no-any-return]
