"""Absolute value and sign."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine import views
from autotape.engine.elementwise import binary, unary
from autotape.engine.operands import mismatch, tensor_input
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.ops._rules import array_of, zero

__all__ = ["abs", "absolute", "copysign", "heaviside", "sgn", "sign", "signbit"]

methods = [*__all__, "abs_", "absolute_"]
in_place = ["copysign", "heaviside", "sgn", "sign"]

Array = np.ndarray[Any, Any]

# --- absolute value -----------------------------------------------------------------------------------------


def _abs_rule(g: Any, _y: Any, x: Any) -> Any:
    if array_of(x).dtype.kind == "c":
        size = np.absolute(x)
        return g * (x / np.where(size == 0, 1, size))
    return g * _sign(array_of(x))


@unary(np.absolute, _abs_rule, floating=False)
def abs(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The absolute value ``|input|``, elementwise; of a complex number its magnitude.

    Derivative: the sign, 0 at 0 (the subgradient of least size).

    >>> import autotape as at
    >>> at.abs(at.tensor([-1.5, 2.0]))
    tensor([1.5000, 2.0000])
    """


absolute = abs
_abs_in_place = views.in_place(abs)


def abs_(self: Tensor) -> Tensor:
    """In-place version of :func:`autotape.abs`; RuntimeError for complex tensors: the result is real."""
    if self._array.dtype.kind == "c":
        raise RuntimeError("abs_: In-place abs is not supported for complex tensors; use abs()")
    return _abs_in_place(self)


absolute_ = abs_

# --- sign ---------------------------------------------------------------------------------------------------


def _sign(x: Array) -> Any:
    if x.dtype.kind == "c":
        raise NotImplementedError("sign is not implemented for complex tensors; use sgn, z / |z|")
    return x.copy() if x.dtype.kind == "b" else np.subtract(x > 0, x < 0, dtype=x.dtype)


@unary(_sign, zero, floating=False)
def sign(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-1, 0 or 1 by the sign of each element; 0 for NaN. Derivative: 0.

    >>> import autotape as at
    >>> at.sign(at.tensor([-2.0, 0.0, 3.0]))
    tensor([-1.,  0.,  1.])
    """


implements(np.sign)(sign)


def _sgn(x: Array) -> Any:
    if x.dtype.kind != "c":
        return _sign(x)
    size = np.absolute(x)
    return x / np.where(size == 0, 1, size)


def _sgn_rule(g: Any, y: Any, x: Any) -> Any:
    if array_of(x).dtype.kind != "c":
        return zero(g)
    size = np.absolute(x)
    at_zero = array_of(size) == 0
    across = g - (g * y.conj()).real * y  # what of g changes the angle
    return np.where(at_zero, 0, across / np.where(at_zero, 1, size))


@unary(_sgn, _sgn_rule, floating=False)
def sgn(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``input / |input|``, the complex number of size 1 in its direction, 0 at 0; of a real one its sign.

    Derivative: 0 for real tensors; for complex ones the gradient is ``(g - real(g * conj(y)) * y) / |input|``
    at the result y, 0 at 0.

    >>> import autotape as at
    >>> at.sgn(at.tensor([3 + 4j, 0j])), at.sgn(at.tensor([-2.0, 0.0]))
    (tensor([0.6000+0.8000j, 0.0000+0.0000j]), tensor([-1.,  0.]))
    """


@unary(np.signbit, None, floating=False)
def signbit(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether each element's sign bit is set: it is negative, or -0.0.

    >>> import autotape as at
    >>> at.signbit(at.tensor([-1.0, 0.0, -0.0]))
    tensor([ True, False,  True])
    """


def _copysign_rule(g: Any, y: Any, x: Any, _other: Any) -> Any:
    x = array_of(x)
    return g * np.where(x == 0, 0, array_of(y) / np.where(x == 0, 1, x))


@binary(np.copysign, _copysign_rule, zero, floating=True)
def copysign(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The size of ``input`` with the sign of ``other`` (that of -0.0 is negative), with broadcasting.

    Integers are computed in the default dtype. Derivative: d/dinput = result / input, so 1 where the sign was
    kept and -1 where it changed, 0 where ``input`` is 0; d/dother = 0.

    >>> import autotape as at
    >>> at.copysign(at.tensor([1.0, -2.0]), at.tensor([-0.0, 3.0]))
    tensor([-1.,  2.])
    """


def _heaviside(x: Array, values: Array) -> Any:
    return np.where(x == 0, values, (x > 0).astype(x.dtype))


def _no_derivative(_g: Any, _y: Any, *_inputs: Any) -> Any:
    raise NotImplementedError("the derivative of heaviside is not implemented; detach its arguments")


_HEAVISIDE = Operation("heaviside", _heaviside, _no_derivative, _no_derivative, elementwise=True)


@implements(np.heaviside)
@takes_out
def heaviside(input: Tensor, values: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The step function: 0 where ``input < 0``, ``values`` where it is 0, 1 above; with broadcasting.

    NaN gives 0. It has no derivative: going backward through it raises NotImplementedError.
    Errors: RuntimeError for complex tensors, or two different dtypes.

    >>> import autotape as at
    >>> at.heaviside(at.tensor([-1.5, 0.0, 2.0]), at.tensor([0.5]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    input = tensor_input(input, "input", "heaviside")
    values = tensor_input(values, "values", "heaviside")
    x, v = input._array, values._array
    if x.dtype.kind == "c" or v.dtype.kind == "c":
        raise RuntimeError("heaviside is not yet implemented for complex tensors")
    if x.dtype != v.dtype:
        raise RuntimeError(
            "heaviside is not yet implemented for tensors with different dtypes: input is "
            f"{x.dtype.name}, values {v.dtype.name}"
        )
    try:
        return apply(_HEAVISIDE, (input, values))  # type: ignore[no-any-return]
    except ValueError as error:
        raise mismatch("heaviside", x, v, error) from None
