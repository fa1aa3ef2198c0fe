"""Powers and roots: the operator ``**`` and its functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.elementwise import binary, unary
from autotape.engine.operands import tensor_input, with_number
from autotape.engine.operation import CAST, Operation, apply, implements
from autotape.engine.out import store, takes_out
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, write
from autotape.ops._operands import operand, result_dtype
from autotape.ops._rules import array_of, zero

__all__ = ["float_power", "pow", "rsqrt", "sqrt", "square"]

methods = [*__all__, "float_power_"]
in_place = ["pow", "rsqrt", "sqrt", "square"]

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
def _pow(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
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
def pow(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """``input ** exponent``, elementwise with broadcasting; either operand may be a number.

    Derivative: d/dinput = exponent * input**(exponent - 1), 0 where the exponent is 0;
    d/dexponent = result * log(input), 0 where input is 0 and the exponent is not negative.
    Errors: RuntimeError for integers to the power of a negative number.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0, 3.0]) ** 2, 2 ** at.tensor([1, 2, 3])
    (tensor([1., 4., 9.]), tensor([2, 4, 8]))
    """
    if out is not None:
        return store(out, pow(input, exponent), "pow")  # type: ignore[no-any-return]
    if isinstance(exponent, np.generic):
        exponent = exponent.item()
    if isinstance(exponent, complex | float | int) and isinstance(input, Tensor):
        base = input
        if input._array.dtype.kind != "f" or isinstance(exponent, complex):
            base = _prepared(input, exponent)
        return apply(_POW_NUMBER, (base,), exponent)  # type: ignore[no-any-return]
    return _pow(input, exponent)


def square(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The square ``input ** 2``, elementwise. Derivative: 2 * input.

    >>> import autotape as at
    >>> at.square(at.tensor([1.0, -3.0]))
    tensor([1., 9.])
    """
    return pow(tensor_input(input, "input", "square"), 2, out=out)


implements(np.square)(square)


def _in_double(value: Any, dtype: np.dtype[Any]) -> Any:
    if not isinstance(value, Tensor):
        return dtype.type(value).item()
    return value if value._array.dtype == dtype else apply(CAST, (value,), dtype)


@implements(np.float_power)
@takes_out
def float_power(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """``input ** exponent`` computed in float64 (complex128 if one of them is complex), with broadcasting.

    Either operand may be a number. Derivatives: those of :func:`pow`.

    >>> import autotape as at
    >>> at.float_power(at.tensor([2, 4]), -2)
    tensor([0.2500, 0.0625], dtype=autotape.float64)
    """
    input, exponent = operand("float_power", "input", input), operand("float_power", "exponent", exponent)
    dtype = np.dtype(np.complex128 if result_dtype(input, exponent).kind == "c" else np.float64)
    return pow(_in_double(input, dtype), _in_double(exponent, dtype))


def float_power_(self: Tensor, exponent: Any) -> Tensor:
    """In-place version of :func:`autotape.float_power`; RuntimeError unless the tensor has its dtype."""
    check_writable(self, "float_power_")
    result = float_power(self, exponent)
    if result._array.dtype != self._array.dtype:
        raise RuntimeError(
            f"float_power_: the result has dtype {result.dtype}, which a {self.dtype} tensor can't hold"
        )
    return write(self, result, "float_power_")


# --- roots --------------------------------------------------------------------------------------------------


@unary(np.sqrt, lambda g, y, _x: g / (2 * y).conj())
def sqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The square root, elementwise: NaN below 0. Derivative: 1 / (2 * input**0.5), infinite at 0.

    >>> import autotape as at
    >>> at.sqrt(at.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """


@unary(lambda x: np.reciprocal(np.sqrt(x)), lambda g, y, _x: g * (-0.5 * y * y * y).conj())
def rsqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``1 / sqrt(input)``, elementwise. Derivative: -1 / (2 * input**1.5).

    >>> import autotape as at
    >>> at.rsqrt(at.tensor([4.0, 16.0]))
    tensor([0.5000, 0.2500])
    """
