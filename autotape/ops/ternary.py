"""Functions of three operands: ``addcmul``, ``addcdiv`` and linear interpolation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.operands import mismatch, tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.out import store, takes_out
from autotape.engine.tensor import Tensor
from autotape.ops._operands import apply_as, factor, number_first, operand, result_dtype

__all__ = ["addcdiv", "addcmul", "lerp"]

methods = __all__
in_place = __all__

Array = np.ndarray[Any, Any]


def _rounded_once(forward: Callable[..., Any]) -> Callable[..., Any]:
    """float16 is computed in float32, as PyTorch does: several roundings would cost a digit of three."""

    def compute(a: Array, b: Array, c: Any, *value: Any) -> Any:
        if a.dtype != np.float16:
            return forward(a, b, c, *value)
        c = c.astype(np.float32) if isinstance(c, np.ndarray) else c
        return forward(a.astype(np.float32), b.astype(np.float32), c, *value).astype(np.float16)

    return compute


_ADDCMUL = Operation(
    "addcmul",
    _rounded_once(lambda a, b, c, value: a + value * b * c),
    lambda g, _y, _a, _b, _c, _value: g,
    lambda g, _y, _a, _b, c, value: g * (value * c).conj(),
    lambda g, _y, _a, b, _c, value: g * (value * b).conj(),
    elementwise=True,
)
_ADDCDIV = Operation(
    "addcdiv",
    _rounded_once(lambda a, b, c, value: a + value * (b / c)),
    lambda g, _y, _a, _b, _c, _value: g,
    lambda g, _y, _a, _b, c, value: g * (value / c).conj(),
    lambda g, _y, _a, b, c, value: -g * (value * b / (c * c)).conj(),
    elementwise=True,
)


@takes_out
def addcmul(
    input: Tensor, tensor1: Any, tensor2: Any, *last: Any, value: float = 1, out: Tensor | None = None
) -> Tensor:
    """``input + value * tensor1 * tensor2``, elementwise with broadcasting, in the promoted dtype.

    Derivative: d/dinput = 1, d/dtensor1 = value * tensor2, d/dtensor2 = value * tensor1.

    >>> import autotape as at
    >>> at.addcmul(at.tensor([1.0, 2.0]), at.tensor([3.0]), at.tensor([10.0]), value=0.5)
    tensor([16., 17.])
    """
    if last:
        number_first("addcmul", "value", len(last))
        value, tensor1, tensor2 = tensor1, tensor2, last[0]
    operands = [operand("addcmul", *pair) for pair in _named(input, tensor1, tensor2)]
    dtype = result_dtype(*operands)
    if dtype.kind == "b":
        raise NotImplementedError('"addcmul" not implemented for bool tensors; convert them first')
    return apply_as(dtype, _ADDCMUL, tuple(operands), factor(value, dtype))


@takes_out
def addcdiv(
    input: Tensor, tensor1: Any, tensor2: Any, *last: Any, value: float = 1, out: Tensor | None = None
) -> Tensor:
    """``input + value * tensor1 / tensor2``, elementwise with broadcasting, in the promoted dtype.

    Derivative: d/dinput = 1, d/dtensor1 = value / tensor2, d/dtensor2 = -value * tensor1 / tensor2**2.
    Errors: RuntimeError if ``tensor1`` and ``tensor2`` are both integers (divide them as you mean it first).

    >>> import autotape as at
    >>> at.addcdiv(at.tensor([1.0, 2.0]), at.tensor([3.0]), at.tensor([2.0]))
    tensor([2.5000, 3.5000])
    """
    if last:
        number_first("addcdiv", "value", len(last))
        value, tensor1, tensor2 = tensor1, tensor2, last[0]
    operands = [operand("addcdiv", *pair) for pair in _named(input, tensor1, tensor2)]
    if result_dtype(*operands[1:]).kind in "biu":
        raise RuntimeError(
            "addcdiv: integer division of tensor1 by tensor2 is not supported; convert them to floating "
            "point, or use input + value * autotape.div(tensor1, tensor2, rounding_mode=...)"
        )
    return apply_as(result_dtype(*operands), _ADDCDIV, tuple(operands), value)


def _named(input: Any, tensor1: Any, tensor2: Any) -> list[tuple[str, Any]]:
    return [("input", input), ("tensor1", tensor1), ("tensor2", tensor2)]


# --- interpolation ------------------------------------------------------------------------------------------
# Computed from the nearer end, so that both ends are met exactly.


def _lerp(a: Array, b: Array, weight: Array) -> Any:
    way = b - a
    return np.where(np.abs(weight) < 0.5, a + weight * way, b - way * (1 - weight))


def _lerp_number(a: Array, b: Array, weight: Any) -> Any:
    return a + weight * (b - a) if abs(weight) < 0.5 else b - (b - a) * (1 - weight)


_LERP = Operation(
    "lerp",
    _rounded_once(_lerp),
    lambda g, _y, _a, _b, weight: g * (1 - weight).conj(),
    lambda g, _y, _a, _b, weight: g * weight.conj(),
    lambda g, _y, a, b, _weight: g * (b - a).conj(),
    elementwise=True,
)
_LERP_NUMBER = Operation(
    "lerp",
    _rounded_once(_lerp_number),
    lambda g, _y, _a, _b, weight: g * (1 - weight).conjugate(),
    lambda g, _y, _a, _b, weight: g * weight.conjugate(),
    elementwise=True,
)


def lerp(input: Tensor, end: Tensor, weight: Any, *, out: Tensor | None = None) -> Tensor:
    """Linear interpolation ``input + weight * (end - input)``, elementwise; ``weight`` a number or a tensor.

    Derivative: d/dinput = 1 - weight, d/dend = weight, d/dweight = end - input.
    Errors: RuntimeError unless input, end and weight have one floating or complex dtype, or for a complex
    number as the weight of real tensors.

    >>> import autotape as at
    >>> at.lerp(at.tensor([0.0, 10.0]), at.tensor([1.0, 20.0]), 0.25)
    tensor([ 0.2500, 12.5000])
    """
    if out is not None:
        return store(out, lerp(input, end, weight), "lerp")  # type: ignore[no-any-return]
    input = tensor_input(input, "input", "lerp")
    end = tensor_input(end, "end", "lerp")
    weight = operand("lerp", "weight", weight)
    dtype = input._array.dtype
    if dtype.kind not in "fc":
        raise NotImplementedError(f'"lerp" not implemented for {dtype.name} tensors')
    if end._array.dtype != dtype:
        raise RuntimeError(f"lerp: expected dtype {dtype.name} for `end` but got {end._array.dtype.name}")
    if isinstance(weight, Tensor):
        if weight._array.dtype != dtype and weight._array.ndim:
            raise RuntimeError(
                f"lerp: expected dtype {dtype.name} for `weight` but got {weight._array.dtype.name}"
            )
        return apply_as(dtype, _LERP, (input, end, weight))
    if isinstance(weight, complex) and dtype.kind == "f":
        raise RuntimeError(f"lerp: weight {weight} cannot be converted to {dtype.name} without overflow")
    try:
        return apply(_LERP_NUMBER, (input, end), weight)  # type: ignore[no-any-return]
    except ValueError as error:
        raise mismatch("lerp", input._array, end._array, error) from None
