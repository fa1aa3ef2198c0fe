"""The numbers as the machine has them: mantissas and exponents, neighbours, NaN and infinities."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.elementwise import binary
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply, implements, record
from autotape.engine.out import store, takes_out
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._rules import array_of, masked, zero

__all__ = [
    "frexp",
    "ldexp",
    "nan_to_num",
    "nextafter",
]

methods = __all__
in_place = ["ldexp", "nan_to_num", "nextafter"]

Array = np.ndarray[Any, Any]

# --- mantissa and exponent ----------------------------------------------------------------------------------


class MantissaExponent(NamedTuple):
    """What :func:`frexp` gives."""

    mantissa: Tensor
    exponent: Tensor


_MANTISSA = Operation(
    "frexp",
    lambda x, _scale: np.frexp(x)[0],
    lambda g, _y, _x, scale: g / scale,
    elementwise=True,
)


@implements(np.frexp)
@takes_out
def frexp(input: Tensor, *, out: tuple[Tensor, Tensor] | None = None) -> MantissaExponent:
    """The mantissas and the int32 exponents with ``input = mantissa * 2**exponent``, elementwise.

    Mantissas are in (-1, -0.5] and [0.5, 1); those of 0, infinity and NaN are these themselves. Derivative of
    the mantissa: 2**-exponent. Errors: RuntimeError unless ``input`` is floating-point.

    >>> import autotape as at
    >>> mantissa, exponent = at.frexp(at.tensor([1.0, -6.0]))
    >>> mantissa, exponent
    (tensor([ 0.5000, -0.7500]), tensor([1, 3], dtype=autotape.int32))
    """
    input = tensor_input(input, "input", "frexp")
    x = input._array
    if x.dtype.kind != "f":
        raise RuntimeError(f"frexp() only supports floating-point dtypes, got {input.dtype}")
    mantissa, exponent = quietly(np.frexp, x)
    scale = as_array(quietly(np.exp2, as_array(exponent, x.dtype)))
    result = record(_MANTISSA, mantissa, (x,), (input._node,), (scale,))
    return MantissaExponent(result, Tensor._wrap(as_array(exponent, np.dtype(np.int32))))


def _ldexp(a: Any, b: Any) -> Any:
    if isinstance(b, int | float | complex):  # np.exp2 of a number is a float64, which would widen the result
        b = np.asarray(b, a.dtype)
    return a * np.exp2(b)


@implements(np.ldexp)
@binary(
    _ldexp,
    lambda g, _y, _a, b: g * np.exp2(b).conj(),
    lambda g, y, _a, _b: g * (y * math.log(2)).conj(),
    floating=True,
)
def ldexp(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """``input * 2**other``, elementwise with broadcasting; the inverse of :func:`frexp`.

    Two integers are computed in the default dtype.
    Derivative: d/dinput = 2**other, d/dother = log(2) times the result.

    >>> import autotape as at
    >>> at.ldexp(at.tensor([1.0, 0.75]), at.tensor([2, 3]))
    tensor([4., 6.])
    """


def _nextafter(a: Any, b: Any) -> Any:
    dtype = np.result_type(a, b)
    if dtype.kind != "f":
        raise NotImplementedError(f'"nextafter" not implemented for {dtype.name} tensors; convert them first')
    return np.nextafter(a, b)


@implements(np.nextafter)
@binary(_nextafter, lambda g, _y, a, b: masked(g, array_of(a) != array_of(b)), zero)
def nextafter(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The floating-point number next to ``input`` in the direction of ``other``, with broadcasting.

    Derivative: d/dinput = 1, 0 where they are equal; d/dother = 0.
    Errors: NotImplementedError for integers and complex tensors.

    >>> import autotape as at
    >>> at.nextafter(at.tensor([1.0]), at.tensor([2.0])) - 1 == at.finfo(at.float32).eps
    tensor([True])
    """


# --- NaN and infinities -------------------------------------------------------------------------------------


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
    input: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """``input`` with NaN, inf and -inf replaced, unless given by 0 and the dtype's greatest and least.

    The derivative is 1 where nothing was replaced, 0 elsewhere.

    >>> import autotape as at
    >>> at.nan_to_num(at.tensor([at.nan, 1.0, at.inf]), posinf=9.0)
    tensor([0., 1., 9.])
    """
    if out is not None:
        return store(out, nan_to_num(input, nan, posinf, neginf), "nan_to_num")  # type: ignore[no-any-return]
    input = tensor_input(input, "input", "nan_to_num")
    replacements = (0.0 if nan is None else nan, posinf, neginf)
    return apply(_NAN_TO_NUM, (input,), *replacements)  # type: ignore[no-any-return]
