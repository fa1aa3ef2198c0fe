"""Arithmetic: the operators ``+ - * / // %``, their functions, and what is built of them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.elementwise import binary, unary
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, implements
from autotape.engine.tensor import Tensor
from autotape.ops._operands import apply_as, operand, result_dtype
from autotape.ops._rules import array_of, zero

__all__ = [
    "abs",
    "add",
    "addcdiv",
    "addcmul",
    "conj",
    "div",
    "floor_divide",
    "lerp",
    "mul",
    "neg",
    "reciprocal",
    "remainder",
    "sign",
    "sub",
]

methods = __all__
in_place = [name for name in __all__ if name != "conj"]

Array = np.ndarray[Any, Any]

# --- sums ---------------------------------------------------------------------------------------------------


@binary(np.add, lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: g, name="add")
def plus(input: Tensor, other: Any) -> Tensor:
    """``input + other``: the operator, and the core of :func:`add`."""


def _refuse_booleans(*operands: Any) -> None:
    found = [isinstance(x, bool) or (isinstance(x, Tensor) and x._array.dtype.kind == "b") for x in operands]
    if all(found):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead."
        )
    if any(found):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. "
            "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
        )


@binary(
    np.subtract,
    lambda g, _y, _a, _b: g,
    lambda g, _y, _a, _b: -g,
    check=_refuse_booleans,
    name="sub",
)
def minus(input: Tensor, other: Any) -> Tensor:
    """``input - other``: the operator, and the core of :func:`sub`."""


def _scaled(name: str, combine: Callable[[Any, Any], Any], sign: int) -> Operation:
    return Operation(
        name,
        lambda a, b, alpha: combine(a, alpha * b),
        lambda g, _y, _a, _b, _alpha: g,
        lambda g, _y, _a, _b, alpha: g * (sign * alpha.conjugate()),
        elementwise=True,
    )


_ADD_SCALED = _scaled("add", operator.add, 1)
_SUB_SCALED = _scaled("sub", operator.sub, -1)


def _with_alpha(operation: Operation, input: Any, other: Any, alpha: Any) -> Tensor:
    input, other = operand(operation.name, "input", input), operand(operation.name, "other", other)
    dtype = result_dtype(input, other)
    alpha = alpha.item() if isinstance(alpha, np.generic) else alpha
    if dtype.kind in "biu" and not isinstance(alpha, int):
        raise RuntimeError(
            f"{operation.name}: for integral input tensors, argument alpha must not be a floating "
            f"point number (alpha={alpha}, result dtype {dtype.name})"
        )
    return apply_as(dtype, operation, (input, other), _factor(alpha, dtype))


def _factor(value: Any, dtype: np.dtype[Any]) -> Any:
    """A number that multiplies tensors of an integer dtype, in that dtype as PyTorch converts it."""
    return np.asarray(value).astype(dtype)[()] if dtype.kind in "biu" else value


def add(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """Sum ``input + alpha * other``, elementwise with broadcasting; booleans give their logical or.

    The result has the promoted dtype. Derivative: d/dinput = 1, d/dother = alpha.
    Errors: RuntimeError for shapes that do not broadcast, or a fractional alpha for integers.

    >>> import autotape as at
    >>> at.add(at.tensor([1.0, 2.0]), at.tensor([[1.0], [10.0]]), alpha=2)
    tensor([[ 3.,  4.],
            [21., 22.]])
    """
    return plus(input, other) if alpha == 1 else _with_alpha(_ADD_SCALED, input, other, alpha)


def sub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """Difference ``input - alpha * other``, elementwise with broadcasting.

    The result has the promoted dtype. Derivative: d/dinput = 1, d/dother = -alpha.
    Errors: RuntimeError for shapes that do not broadcast, or for booleans (use ``^``, or ``~`` to invert).

    >>> import autotape as at
    >>> at.sub(at.tensor([1.0, 2.0]), 1)
    tensor([0., 1.])
    """
    if alpha == 1:
        return minus(input, other)
    _refuse_booleans(input, other)
    return _with_alpha(_SUB_SCALED, input, other, alpha)


@unary(np.negative, lambda g, _y, _x: -g, floating=False)
def neg(input: Tensor) -> Tensor:
    """The negative ``-input``, elementwise. Errors: RuntimeError for booleans (use ``~``).

    >>> import autotape as at
    >>> -at.tensor([1.0, -2.0])
    tensor([-1.,  2.])
    """


# --- products and quotients ---------------------------------------------------------------------------------
# A number operand arrives in its rule as the Python number it is, and has conjugate() too.


@binary(
    np.multiply,
    lambda g, _y, _a, b: g * b.conjugate(),
    lambda g, _y, a, _b: g * a.conjugate(),
)
def mul(input: Tensor, other: Any) -> Tensor:
    """Product ``input * other``, elementwise with broadcasting; booleans give their logical and.

    The result has the promoted dtype. Derivative: d/dinput = other, d/dother = input.

    >>> import autotape as at
    >>> at.mul(at.tensor([1.0, 2.0]), 3)
    tensor([3., 6.])
    """


@binary(
    np.true_divide,
    lambda g, _y, _a, b: g / b.conjugate(),
    lambda g, _y, a, b: -g * (a / b / b).conjugate(),  # not by the output, which may then be written in place
    floating=True,
    name="div",
)
def divided(input: Tensor, other: Any) -> Tensor:
    """``input / other``: the operator, and the core of :func:`div`."""


def _integral(name: str, a: Any, b: Any) -> bool:
    """Whether a quotient is one of integers; RuntimeError for a zero divisor or booleans, as in PyTorch."""
    dtype = np.result_type(a, b)
    if dtype.kind == "b":
        raise NotImplementedError(
            f'"{name}" not implemented for bool tensors; convert them with .long() first'
        )
    if dtype.kind not in "iu":
        return False
    if not np.all(b):
        raise RuntimeError(f"ZeroDivisionError: {name} of {dtype.name} tensors by zero")
    return True


def _floor_quotient(a: Any, b: Any) -> Any:
    _integral("floor_divide", a, b)
    return np.floor_divide(a, b)


def _truncated_quotient(a: Any, b: Any) -> Any:
    if not _integral("div", a, b):
        return np.trunc(np.true_divide(a, b))
    quotient = np.floor_divide(a, b)
    inexact = quotient * b != a
    return quotient + (inexact & ((a < 0) != (b < 0)))


@implements(np.floor_divide)
@binary(_floor_quotient, zero, zero)
def floor_divide(input: Tensor, other: Any) -> Tensor:
    """Quotient rounded down, ``floor(input / other)``: the operator ``//``. Its derivative is 0.

    Integers stay integers. Errors: RuntimeError (ZeroDivisionError) for integers divided by zero.

    >>> import autotape as at
    >>> at.tensor([7, -7]) // 2, at.tensor([7.0, -7.0]) // 2
    (tensor([ 3, -4]), tensor([ 3., -4.]))
    """


@binary(_truncated_quotient, zero, zero, name="div")
def _truncated_divide(input: Tensor, other: Any) -> Tensor:
    """The quotient rounded towards zero."""


_ROUNDED = {None: divided, "floor": floor_divide, "trunc": _truncated_divide}


def div(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Quotient ``input / other``, elementwise with broadcasting; integers divide in the default dtype.

    ``rounding_mode="trunc"`` rounds towards zero, ``"floor"`` down; both keep integers and have derivative 0.
    Derivative: d/dinput = 1 / other, d/dother = -input / other**2.

    >>> import autotape as at
    >>> at.div(at.tensor([1.0, 2.0]), 4), at.div(at.tensor([-7]), 2, rounding_mode="trunc")
    (tensor([0.2500, 0.5000]), tensor([-3]))
    """
    try:
        function = _ROUNDED[rounding_mode]
    except KeyError:
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found {rounding_mode!r}"
        ) from None
    return function(input, other)


def _remainder(a: Any, b: Any) -> Any:
    _integral("remainder", a, b)
    return np.remainder(a, b)


def _remainder_other_rule(g: Any, _y: Any, a: Any, b: Any) -> Any:
    return -g * (a // b)


@implements(np.remainder)
@binary(_remainder, lambda g, _y, _a, _b: g, _remainder_other_rule)
def remainder(input: Tensor, other: Any) -> Tensor:
    """``input - floor(input / other) * other``: the operator ``%``; has the sign of ``other``.

    Derivative: d/dinput = 1, d/dother = -floor(input / other).
    Errors: RuntimeError (ZeroDivisionError) for integers divided by zero; floats give NaN.

    >>> import autotape as at
    >>> at.tensor([5, -5]) % 3
    tensor([2, 1])
    """


@unary(np.reciprocal, lambda g, y, _x: -g * (y * y).conj())
def reciprocal(input: Tensor) -> Tensor:
    """``1 / input``, elementwise; integers are computed in the default dtype. Derivative: -1 / input**2.

    >>> import autotape as at
    >>> at.reciprocal(at.tensor([2.0, 4.0]))
    tensor([0.5000, 0.2500])
    """


# --- sign and size ------------------------------------------------------------------------------------------


def _abs_rule(g: Any, _y: Any, x: Any) -> Any:
    if array_of(x).dtype.kind == "c":
        size = np.absolute(x)
        return g * (x / np.where(size == 0, 1, size))
    return g * np.sign(x)


@unary(np.absolute, _abs_rule, floating=False)
def abs(input: Tensor) -> Tensor:
    """The absolute value ``|input|``, elementwise; of a complex number its magnitude.

    Derivative: the sign, 0 at 0 (the subgradient of least size).

    >>> import autotape as at
    >>> at.abs(at.tensor([-1.5, 2.0]))
    tensor([1.5000, 2.0000])
    """


def _sign(x: Array) -> Any:
    if x.dtype.kind == "c":
        raise NotImplementedError("sign is not implemented for complex tensors")
    return x.copy() if x.dtype.kind == "b" else np.subtract(x > 0, x < 0, dtype=x.dtype)


@unary(_sign, zero, floating=False)
def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1 by the sign of each element; 0 for NaN. Derivative: 0.

    >>> import autotape as at
    >>> at.sign(at.tensor([-2.0, 0.0, 3.0]))
    tensor([-1.,  0.,  1.])
    """


implements(np.sign)(sign)


@unary(np.conjugate, lambda g, _y, _x: g.conj(), floating=False, name="conj")
def _conjugated(input: Tensor) -> Tensor:
    """The complex conjugate of complex numbers."""


@implements(np.conjugate)
def conj(input: Tensor) -> Tensor:
    """The complex conjugate, elementwise; a real tensor is returned as it is.

    >>> import autotape as at
    >>> at.conj(at.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    input = tensor_input(input, "input", "conj")
    return _conjugated(input) if input._array.dtype.kind == "c" else input


def positive(input: Tensor) -> Tensor:
    """``+input``: the tensor itself. Errors: RuntimeError for booleans."""
    if input._array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported; convert it first")
    return input


implements(np.positive)(positive)

# --- several operands ---------------------------------------------------------------------------------------

_ADDCMUL = Operation(
    "addcmul",
    lambda a, b, c, value: a + value * b * c,
    lambda g, _y, _a, _b, _c, _value: g,
    lambda g, _y, _a, _b, c, value: g * (value * c).conj(),
    lambda g, _y, _a, b, _c, value: g * (value * b).conj(),
    elementwise=True,
)
_ADDCDIV = Operation(
    "addcdiv",
    lambda a, b, c, value: a + value * (b / c),
    lambda g, _y, _a, _b, _c, _value: g,
    lambda g, _y, _a, _b, c, value: g * (value / c).conj(),
    lambda g, _y, _a, b, c, value: -g * (value * b / (c * c)).conj(),
    elementwise=True,
)


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """``input + value * tensor1 * tensor2``, elementwise with broadcasting, in the promoted dtype.

    Derivative: d/dinput = 1, d/dtensor1 = value * tensor2, d/dtensor2 = value * tensor1.

    >>> import autotape as at
    >>> at.addcmul(at.tensor([1.0, 2.0]), at.tensor([3.0]), at.tensor([10.0]), value=0.5)
    tensor([16., 17.])
    """
    operands = [operand("addcmul", *pair) for pair in _named(input, tensor1, tensor2)]
    dtype = result_dtype(*operands)
    if dtype.kind == "b":
        raise NotImplementedError('"addcmul" not implemented for bool tensors; convert them first')
    return apply_as(dtype, _ADDCMUL, tuple(operands), _factor(value, dtype))


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """``input + value * tensor1 / tensor2``, elementwise with broadcasting, in the promoted dtype.

    Derivative: d/dinput = 1, d/dtensor1 = value / tensor2, d/dtensor2 = -value * tensor1 / tensor2**2.
    Errors: RuntimeError if ``tensor1`` and ``tensor2`` are both integers (divide them as you mean it first).

    >>> import autotape as at
    >>> at.addcdiv(at.tensor([1.0, 2.0]), at.tensor([3.0]), at.tensor([2.0]))
    tensor([2.5000, 3.5000])
    """
    operands = [operand("addcdiv", *pair) for pair in _named(input, tensor1, tensor2)]
    if result_dtype(*operands[1:]).kind in "biu":
        raise RuntimeError(
            "addcdiv: integer division of tensor1 by tensor2 is not supported; convert them to floating "
            "point, or use input + value * autotape.div(tensor1, tensor2, rounding_mode=...)"
        )
    return apply_as(result_dtype(*operands), _ADDCDIV, tuple(operands), value)


def _named(input: Any, tensor1: Any, tensor2: Any) -> list[tuple[str, Any]]:
    return [("input", input), ("tensor1", tensor1), ("tensor2", tensor2)]


def _lerp(a: Array, b: Array, weight: Array) -> Any:
    near_a = np.abs(weight) < 0.5  # computed from the nearer end, so that both ends are met exactly
    return np.where(near_a, a + weight * (b - a), b - (b - a) * (1 - weight))


_LERP = Operation(
    "lerp",
    _lerp,
    lambda g, _y, _a, _b, weight: g * (1 - weight).conj(),
    lambda g, _y, _a, _b, weight: g * weight.conj(),
    lambda g, _y, a, b, _weight: g * (b - a).conj(),
    elementwise=True,
)


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """Linear interpolation ``input + weight * (end - input)``, elementwise; ``weight`` a number or a tensor.

    Derivative: d/dinput = 1 - weight, d/dend = weight, d/dweight = end - input.
    Errors: RuntimeError unless input, end and weight have one floating dtype.

    >>> import autotape as at
    >>> at.lerp(at.tensor([0.0, 10.0]), at.tensor([1.0, 20.0]), 0.25)
    tensor([ 0.2500, 12.5000])
    """
    input = tensor_input(input, "input", "lerp")
    end = tensor_input(end, "end", "lerp")
    weight = operand("lerp", "weight", weight)
    dtype = input._array.dtype
    if dtype.kind not in "fc":
        raise NotImplementedError(f'"lerp" not implemented for {dtype.name} tensors')
    for name, value in (("end", end), ("weight", weight)):
        if isinstance(value, Tensor) and value._array.dtype != dtype and (name == "end" or value._array.ndim):
            raise RuntimeError(
                f"lerp: expected dtype {dtype.name} for `{name}` but got {value._array.dtype.name}"
            )
    return apply_as(dtype, _LERP, (input, end, weight))
