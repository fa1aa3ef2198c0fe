"""Choices between elements: maximum and minimum, clamp, where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.elementwise import binary
from autotape.engine.operands import mismatch, operands, tensor_input
from autotape.engine.operation import Operation, apply, implements, record
from autotape.engine.out import store
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._operands import apply_as, operand, result_dtype
from autotape.ops._rules import array_of, masked
from autotape.ops.comparison import ordered

__all__ = ["clamp", "clamp_max", "clamp_min", "clip", "fmax", "fmin", "maximum", "minimum", "where"]

methods = [name for name in __all__ if name != "where"]
in_place = ["clamp", "clamp_max", "clamp_min", "clip"]

Array = np.ndarray[Any, Any]


def _extreme_rule(wins: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The gradient goes to the chosen operand, half to each at a tie, and to both where one is NaN."""

    def rule(g: Any, _y: Any, mine: Any, other: Any) -> Any:
        mine, other = array_of(mine), array_of(other)
        tie = np.equal(mine, other)
        if tie.any():
            g = np.where(tie, g * 0.5, g)
        return masked(g, ~wins(other, mine))

    return rule


_larger, _smaller = _extreme_rule(np.greater), _extreme_rule(np.less)


@implements(np.maximum)
@binary(ordered(np.maximum), _larger, lambda g, _y, a, b: _larger(g, None, b, a))
def maximum(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The larger of two elements, with broadcasting; NaN if one of them is NaN.

    The gradient goes to the larger one, half to each where they are equal.

    >>> import autotape as at
    >>> at.maximum(at.tensor([1.0, 5.0]), at.tensor([3.0, 2.0]))
    tensor([3., 5.])
    """


@implements(np.minimum)
@binary(ordered(np.minimum), _smaller, lambda g, _y, a, b: _smaller(g, None, b, a))
def minimum(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The smaller of two elements, with broadcasting; NaN if one of them is NaN.

    The gradient goes to the smaller one, half to each where they are equal.

    >>> import autotape as at
    >>> at.minimum(at.tensor([1.0, 5.0]), at.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """


def _fmax_rule(wins: Callable[[Any, Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The gradient goes to the chosen operand: the first at a tie, and where both are NaN."""

    def first(a: Any, b: Any) -> Any:
        a, b = array_of(a), array_of(b)
        return wins(a, b) | (b != b)

    return (
        lambda g, _y, a, b: masked(g, first(a, b)),
        lambda g, _y, a, b: masked(g, ~first(a, b)),
    )


@implements(np.fmax)
@binary(ordered(np.fmax), *_fmax_rule(np.greater_equal))
def fmax(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The larger of two elements, with broadcasting; that which is not NaN if the other one is.

    The gradient goes to the chosen one, to ``input`` where they are equal or both NaN.

    >>> import autotape as at
    >>> at.fmax(at.tensor([1.0, at.nan]), at.tensor([3.0, 2.0]))
    tensor([3., 2.])
    """


@implements(np.fmin)
@binary(ordered(np.fmin), *_fmax_rule(np.less_equal))
def fmin(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The smaller of two elements, with broadcasting; that which is not NaN if the other one is.

    The gradient goes to the chosen one, to ``input`` where they are equal or both NaN.

    >>> import autotape as at
    >>> at.fmin(at.tensor([1.0, at.nan]), at.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """


# --- clamp --------------------------------------------------------------------------------------------------


def _clamp(x: Array, low: Any, high: Any) -> Any:
    if low is not None:
        x = np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def _clamp_rule(g: Any, _y: Any, x: Any, low: Any, high: Any) -> Any:
    x = array_of(x)
    if low is None:
        return masked(g, x <= high)
    return masked(g, x >= low if high is None else (x >= low) & (x <= high))


def _inside(x: Any, low: Any, high: Any) -> Any:
    x = array_of(x)
    return (x >= array_of(low)) & (x <= array_of(high))


def _at_low(x: Any, low: Any, high: Any) -> Any:
    low = array_of(low)
    return (array_of(x) < low) & (low < array_of(high))


def _at_high(x: Any, low: Any, high: Any) -> Any:
    high = array_of(high)
    return (array_of(x) > high) | (high < array_of(low))


_CLAMP = Operation("clamp", _clamp, _clamp_rule, elementwise=True)
_CLAMP_BETWEEN = Operation(
    "clamp",
    _clamp,
    lambda g, _y, x, low, high: masked(g, _inside(x, low, high)),
    lambda g, _y, x, low, high: masked(g, _at_low(x, low, high)),
    lambda g, _y, x, low, high: masked(g, _at_high(x, low, high)),
    elementwise=True,
)
_CLAMP_LOW = Operation(
    "clamp",
    np.maximum,
    lambda g, _y, x, low: masked(g, array_of(x) >= array_of(low)),
    lambda g, _y, x, low: masked(g, array_of(x) < array_of(low)),
    elementwise=True,
)
_CLAMP_HIGH = Operation(
    "clamp",
    np.minimum,
    lambda g, _y, x, high: masked(g, array_of(x) <= array_of(high)),
    lambda g, _y, x, high: masked(g, array_of(x) > array_of(high)),
    elementwise=True,
)
_NUMBERS = (type(None), float, int)


def clamp(input: Tensor, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
    """Each element limited to [``min``, ``max``]: ``minimum(maximum(input, min), max)``.

    The bounds are numbers or tensors (broadcasting); None leaves a side open. Where ``min > max`` the result
    is ``max``; NaN stays NaN. The derivative is 1 within the bounds and at them, 0 outside; there it goes to
    the bound if that is a tensor. Errors: RuntimeError without any bound; NotImplementedError for complex
    tensors.

    >>> import autotape as at
    >>> at.clamp(at.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if out is not None:
        return store(out, clamp(input, min, max), "clamp")  # type: ignore[no-any-return]
    input = tensor_input(input, "input", "clamp")
    if min is None and max is None:
        raise RuntimeError("clamp: at least one of 'min' or 'max' must not be None")
    if input._array.dtype.kind == "f" and min.__class__ in _NUMBERS and max.__class__ in _NUMBERS:
        return _between_numbers(input, min, max)
    low = None if min is None else operand("clamp", "min", min)
    high = None if max is None else operand("clamp", "max", max)
    bounds = [b for b in (low, high) if b is not None]
    dtype = result_dtype(input, *bounds)
    given = any(isinstance(b, Tensor) for b in bounds)
    if dtype.kind == "c" or (dtype.kind == "b" and not given):
        raise NotImplementedError(f"clamp is not implemented for {dtype.name} tensors; convert them first")
    if given:
        if len(bounds) == 2:
            return apply_as(dtype, _CLAMP_BETWEEN, (input, low, high))
        return apply_as(dtype, _CLAMP_LOW if high is None else _CLAMP_HIGH, (input, *bounds))
    if input._array.dtype != dtype:
        return apply_as(dtype, _CLAMP, (input,), low, high)
    return _between_numbers(input, low, high)


def _between_numbers(input: Tensor, low: Any, high: Any) -> Tensor:
    try:
        return apply(_CLAMP, (input,), low, high)  # type: ignore[no-any-return]
    except OverflowError:
        raise RuntimeError(
            f"clamp: min={low} or max={high} cannot be converted to type {input._array.dtype.name} without "
            "overflow"
        ) from None


clip = clamp


def clamp_min(input: Tensor, min: Any, *, out: Tensor | None = None) -> Tensor:
    """Each element, but at least ``min``, a number or a tensor: :func:`clamp` with one bound.

    >>> import autotape as at
    >>> at.clamp_min(at.tensor([-2.0, 0.5]), 0)
    tensor([0.0000, 0.5000])
    """
    return clamp(input, min, out=out)


def clamp_max(input: Tensor, max: Any, *, out: Tensor | None = None) -> Tensor:
    """Each element, but at most ``max``, a number or a tensor: :func:`clamp` with one bound.

    >>> import autotape as at
    >>> at.clamp_max(at.tensor([-2.0, 0.5]), 0)
    tensor([-2.,  0.])
    """
    return clamp(input, None, max, out=out)


@implements(np.clip)
def _numpy_clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Tensor:
    return clamp(a, min if a_min is None else a_min, max if a_max is None else a_max)


# --- where --------------------------------------------------------------------------------------------------

_WHERE = Operation(
    "where",
    lambda a, b, condition: np.where(condition, a, b),
    lambda g, _y, _a, _b, condition: masked(g, condition),
    lambda g, _y, _a, _b, condition: masked(g, ~condition),
    elementwise=True,
    masks=True,
)


@implements(np.where)
def where(condition: Any, input: Any = None, other: Any = None, *, out: Tensor | None = None) -> Any:
    """``input`` where ``condition`` is True, else ``other``; elementwise with broadcasting.

    ``input`` and ``other`` are tensors or numbers and are promoted to one dtype. The gradient goes to the
    chosen one alone: the other gets exactly 0, even through a function that is infinite or NaN there.
    ``where(condition)`` gives the indices of its nonzero elements, one tensor per dimension.
    Errors: RuntimeError for a condition that is not boolean, or shapes that do not broadcast.

    >>> import autotape as at
    >>> x = at.tensor([-1.0, 4.0], requires_grad=True)
    >>> y = at.where(x > 0, at.sqrt(x), 0.0)
    >>> y.sum().backward(); y.detach(), x.grad
    (tensor([0., 2.]), tensor([0.0000, 0.2500]))
    """
    if out is not None:
        return store(out, where(condition, input, other), "where")
    if isinstance(condition, np.bool_):  # NumPy's own comparison of 0-d arrays
        condition = np.asarray(condition)
    condition = tensor_input(condition, "condition", "where")
    chosen = condition._array
    if input is None and other is None:
        found = np.atleast_1d(chosen).nonzero()
        return tuple([Tensor._wrap(index) for index in found])
    if input is None or other is None:
        raise TypeError("where() takes a condition alone, or a condition with both input and other")
    if chosen.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    if not (isinstance(input, Tensor) or isinstance(other, Tensor)):
        input, other = operand("where", "input", input), operand("where", "other", other)
        return apply_as(result_dtype(input, other), _WHERE, (input, other), chosen)
    a, node_a, b, node_b = operands(input, other)
    try:
        y = quietly(np.where, chosen, a, b)
    except ValueError as error:
        raise _misfit(chosen, a, b, error) from None
    return record(_WHERE, y, (a, b), (node_a, node_b), (chosen,))


def _misfit(condition: Array, a: Any, b: Any, error: Exception) -> Exception:
    """The error for those two of condition, input and other that do not broadcast."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            return mismatch("where", a, b, error)
    for value in (a, b):
        if isinstance(value, np.ndarray):
            try:
                np.broadcast_shapes(condition.shape, value.shape)
            except ValueError:
                return mismatch("where", condition, value, error)
    return error


def choose_where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """The method ``x.where(condition, other)``: :func:`where` with x as ``input``."""
    return where(condition, self, other)  # type: ignore[no-any-return]
