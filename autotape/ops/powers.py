"""Powers: the operator ``**`` and its functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.elementwise import binary
from autotape.engine.operands import tensor_input, with_number
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._rules import array_of, zero

__all__ = ["pow", "square"]

methods = __all__
in_place = __all__

Array = np.ndarray[Any, Any]

_FAST_POWERS: dict[float, Callable[[Array], Any]] = {
    0: np.ones_like,
    0.5: np.sqrt,
    1: np.copy,
    2: np.square,
    3: lambda x: x * x * x,  # np.power takes 40 times as long
    -0.5: lambda x: 1 / np.sqrt(x),
    -1: np.reciprocal,
    -2: lambda x: np.reciprocal(x * x),
}


def _power(base: Any, exponent: Any) -> Any:
    dtype = np.result_type(base, exponent)
    if dtype.kind == "b":
        raise NotImplementedError('"pow" not implemented for bool tensors; convert them first')
    if dtype.kind not in "iu":
        return np.power(base, exponent)
    # Integers: what NumPy refuses, a negative exponent, PyTorch computes as a truncated quotient.
    power = np.power(base, np.maximum(exponent, 0))
    if np.any(np.less(exponent, 0)):
        odd = np.where(np.remainder(exponent, 2) == 0, 1, base)
        negative = np.where(np.equal(base, 1), 1, np.where(np.equal(base, -1), odd, 0))
        power = np.where(np.less(exponent, 0), negative, power).astype(power.dtype)
    return power


def _power_base_rule(g: Any, _y: Any, base: Any, exponent: Any) -> Any:
    return np.where(exponent == 0, 0, g * (exponent * base ** (exponent - 1)).conj())


def _power_exponent_rule(g: Any, y: Any, base: Any, exponent: Any) -> Any:
    number = isinstance(base, complex | float | int)
    log = quietly(np.log, np.asarray(base)).item() if number else np.log(base)
    if array_of(y).dtype.kind == "c":
        return np.where(base == 0, 0, g * (y * log).conj())
    return np.where((base == 0) & (exponent >= 0), 0, g * (y * log))


@binary(_power, _power_base_rule, _power_exponent_rule, name="pow")
def _pow(input: Any, exponent: Any) -> Tensor:
    """A power whose exponent is a tensor."""


def _power_number(x: Array, exponent: Any) -> Any:
    fast = _FAST_POWERS.get(exponent)
    return np.power(x, exponent) if fast is None else fast(x)


def _power_number_rule(g: Any, _y: Any, x: Any, exponent: Any) -> Any:
    if exponent == 0:
        return zero(g)
    if exponent == 1:
        return g
    if exponent == 2:
        return g * (2 * x).conj()
    lower = exponent - 1
    return g * (exponent * (x**lower if isinstance(x, Tensor) else _power_number(x, lower))).conj()


def _prepared(base: Tensor, exponent: Any) -> Tensor:
    """The base in the dtype of the result; RuntimeError for what has no power in it."""
    array, _ = with_number(base._array, exponent)
    if array.dtype.kind in "iu" and exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed; convert them first")
    out = Tensor._wrap(array)
    out._node = base._node
    return out


_POW_NUMBER = Operation("pow", _power_number, _power_number_rule, elementwise=True)


@implements(np.power)
def pow(input: Any, exponent: Any) -> Tensor:
    """``input ** exponent``, elementwise with broadcasting; either operand may be a number.

    Derivative: d/dinput = exponent * input**(exponent - 1), 0 where the exponent is 0;
    d/dexponent = result * log(input), 0 where input is 0 and the exponent is not negative.
    Errors: RuntimeError for integers to the power of a negative number.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0, 3.0]) ** 2, 2 ** at.tensor([1, 2, 3])
    (tensor([1., 4., 9.]), tensor([2, 4, 8]))
    """
    if isinstance(exponent, np.generic):
        exponent = exponent.item()
    if isinstance(exponent, complex | float | int) and isinstance(input, Tensor):
        base = input
        if input._array.dtype.kind != "f" or isinstance(exponent, complex):
            base = _prepared(input, exponent)
        return apply(_POW_NUMBER, (base,), exponent)  # type: ignore[no-any-return]
    return _pow(input, exponent)


def square(input: Tensor) -> Tensor:
    """The square ``input ** 2``, elementwise. Derivative: 2 * input.

    >>> import autotape as at
    >>> at.square(at.tensor([1.0, -3.0]))
    tensor([1., 9.])
    """
    return pow(tensor_input(input, "input", "square"), 2)


implements(np.square)(square)
