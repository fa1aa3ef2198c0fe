"""Arithmetic: the operators ``+ - * / // %`` and their functions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.elementwise import binary, unary
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, implements
from autotape.engine.out import store
from autotape.engine.tensor import Tensor
from autotape.ops._operands import apply_as, factor, number_first, operand, result_dtype
from autotape.ops._rules import zero

__all__ = [
    "add",
    "div",
    "divide",
    "floor_divide",
    "fmod",
    "mul",
    "multiply",
    "neg",
    "negative",
    "positive",
    "reciprocal",
    "remainder",
    "rsub",
    "sub",
    "subtract",
    "true_divide",
]

methods = [name for name in __all__ if name != "rsub"]
in_place = [name for name in methods if name != "positive"]

Array = np.ndarray[Any, Any]

# --- sums ---------------------------------------------------------------------------------------------------


@binary(np.add, lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: g, name="add")
def plus(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
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
def minus(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
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
    return apply_as(dtype, operation, (input, other), factor(alpha, dtype))


def add(input: Tensor, other: Any, *last: Any, alpha: float = 1, out: Tensor | None = None) -> Tensor:
    """Sum ``input + alpha * other``, elementwise with broadcasting; booleans give their logical or.

    The result has the promoted dtype. Derivative: d/dinput = 1, d/dother = alpha.
    Errors: RuntimeError for shapes that do not broadcast, or a fractional alpha for integers.

    >>> import autotape as at
    >>> at.add(at.tensor([1.0, 2.0]), at.tensor([[1.0], [10.0]]), alpha=2)
    tensor([[ 3.,  4.],
            [21., 22.]])
    """
    if last:
        number_first("add", "alpha", len(last))
        alpha, other = other, last[0]
    if out is not None:
        return (
            plus(input, other, out=out) if alpha == 1 else store(out, add(input, other, alpha=alpha), "add")
        )
    return plus(input, other) if alpha == 1 else _with_alpha(_ADD_SCALED, input, other, alpha)


def sub(input: Tensor, other: Any, *last: Any, alpha: float = 1, out: Tensor | None = None) -> Tensor:
    """Difference ``input - alpha * other``, elementwise with broadcasting.

    The result has the promoted dtype. Derivative: d/dinput = 1, d/dother = -alpha.
    Errors: RuntimeError for shapes that do not broadcast, or for booleans (use ``^``, or ``~`` to invert).

    >>> import autotape as at
    >>> at.sub(at.tensor([1.0, 2.0]), 1)
    tensor([0., 1.])
    """
    if last:
        number_first("sub", "alpha", len(last))
        alpha, other = other, last[0]
    if out is not None:
        return (
            minus(input, other, out=out) if alpha == 1 else store(out, sub(input, other, alpha=alpha), "sub")
        )
    if alpha == 1:
        return minus(input, other)
    _refuse_booleans(input, other)
    return _with_alpha(_SUB_SCALED, input, other, alpha)


subtract = sub


def rsub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """The reverse of :func:`sub`: ``other - alpha * input``, elementwise with broadcasting.

    Derivative: d/dinput = -alpha, d/dother = 1. Errors: RuntimeError for booleans.

    >>> import autotape as at
    >>> at.rsub(at.tensor([1.0, 2.0]), 10, alpha=2)
    tensor([8., 6.])
    """
    return sub(other, input, alpha=alpha)


@unary(np.negative, lambda g, _y, _x: -g, floating=False)
def neg(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The negative ``-input``, elementwise. Errors: RuntimeError for booleans (use ``~``).

    >>> import autotape as at
    >>> -at.tensor([1.0, -2.0])
    tensor([-1.,  2.])
    """


negative = neg


def positive(input: Tensor) -> Tensor:
    """``+input``: the tensor itself. Errors: RuntimeError for booleans.

    >>> import autotape as at
    >>> at.positive(at.tensor([1.0, -2.0]))
    tensor([ 1., -2.])
    """
    input = tensor_input(input, "input", "positive")
    if input._array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported; convert it first")
    return input


implements(np.positive)(positive)

# --- products and quotients ---------------------------------------------------------------------------------
# A number operand arrives in its rule as the Python number it is, and has conjugate() too.


@binary(
    np.multiply,
    lambda g, _y, _a, b: g * b.conjugate(),
    lambda g, _y, a, _b: g * a.conjugate(),
)
def mul(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Product ``input * other``, elementwise with broadcasting; booleans give their logical and.

    The result has the promoted dtype. Derivative: d/dinput = other, d/dother = input.

    >>> import autotape as at
    >>> at.mul(at.tensor([1.0, 2.0]), 3)
    tensor([3., 6.])
    """


multiply = mul


@binary(
    np.true_divide,
    lambda g, _y, _a, b: g / b.conjugate(),
    lambda g, _y, a, b: -g * (a / b / b).conjugate(),  # not by the output, which may then be written in place
    floating=True,
    name="div",
)
def true_divide(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Quotient ``input / other``: the operator ``/``, and :func:`div` without a rounding mode.

    >>> import autotape as at
    >>> at.true_divide(at.tensor([3, 4]), 2)
    tensor([1.5000, 2.0000])
    """


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
def floor_divide(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Quotient rounded down, ``floor(input / other)``: the operator ``//``. Its derivative is 0.

    Integers stay integers. Errors: RuntimeError (ZeroDivisionError) for integers divided by zero.

    >>> import autotape as at
    >>> at.tensor([7, -7]) // 2, at.tensor([7.0, -7.0]) // 2
    (tensor([ 3, -4]), tensor([ 3., -4.]))
    """


@binary(_truncated_quotient, zero, zero, name="div")
def _truncated_divide(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The quotient rounded towards zero."""


_ROUNDED = {None: true_divide, "floor": floor_divide, "trunc": _truncated_divide}


def div(input: Tensor, other: Any, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Tensor:
    """Quotient ``input / other``, elementwise with broadcasting; integers divide in the default dtype.

    ``rounding_mode="trunc"`` rounds towards zero, ``"floor"`` down; both keep integers and have derivative 0.
    Derivative: d/dinput = 1 / other, d/dother = -input / other**2.
    Errors: RuntimeError for another rounding mode, and (ZeroDivisionError) for integers rounded by zero.

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
    return function(input, other, out=out)


divide = div


def _remainder(a: Any, b: Any) -> Any:
    _integral("remainder", a, b)
    return np.remainder(a, b)


def _remainder_other_rule(g: Any, _y: Any, a: Any, b: Any) -> Any:
    return -g * (a // b)


@implements(np.remainder)
@binary(_remainder, lambda g, _y, _a, _b: g, _remainder_other_rule)
def remainder(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """``input - floor(input / other) * other``: the operator ``%``; has the sign of ``other``.

    Derivative: d/dinput = 1, d/dother = -floor(input / other).
    Errors: RuntimeError (ZeroDivisionError) for integers divided by zero; floats give NaN.

    >>> import autotape as at
    >>> at.tensor([5, -5]) % 3
    tensor([2, 1])
    """


def _fmod(a: Any, b: Any) -> Any:
    _integral("fmod", a, b)
    return np.fmod(a, b)


def _fmod_other_rule(g: Any, _y: Any, a: Any, b: Any) -> Any:
    return -g * np.trunc(a / b)


@implements(np.fmod)
@binary(_fmod, lambda g, _y, _a, _b: g, _fmod_other_rule)
def fmod(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """``input - trunc(input / other) * other``, C's remainder; has the sign of ``input``.

    Derivative: d/dinput = 1, d/dother = -trunc(input / other).
    Errors: RuntimeError (ZeroDivisionError) for integers divided by zero; floats give NaN.

    >>> import autotape as at
    >>> at.fmod(at.tensor([5, -5]), 3)
    tensor([ 2, -2])
    """


@unary(np.reciprocal, lambda g, y, _x: -g * (y * y).conj())
def reciprocal(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``1 / input``, elementwise; integers are computed in the default dtype. Derivative: -1 / input**2.

    >>> import autotape as at
    >>> at.reciprocal(at.tensor([2.0, 4.0]))
    tensor([0.5000, 0.2500])
    """
