"""Activation functions that are linear in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.nn.functional._common import floating_input, run, run_any
from autotape.nn.functional._stable import either
from autotape.ops import activations
from autotape.ops._rules import array_of, masked
from autotape.ops.generator import source

__all__ = [
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "leaky_relu",
    "leaky_relu_",
    "relu",
    "relu6",
    "relu_",
    "rrelu",
    "rrelu_",
    "softshrink",
    "threshold",
    "threshold_",
]

Array = np.ndarray[Any, Any]


# --- one slope above, another below -------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """``max(0, input)``, elementwise. Derivative: 1 above 0, else 0.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.relu(at.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else activations.relu(input)


def relu_(input: Tensor) -> Tensor:
    """In-place version of :func:`relu`."""
    return relu(input, True)


def _leaky_relu(x: Array, slope: float) -> Any:
    if 0 < slope <= 1:
        return np.maximum(x, x * slope)
    return np.where(x > 0, x, x * slope)


_LEAKY_RELU = Operation(
    "leaky_relu",
    _leaky_relu,
    lambda g, _y, x, slope: np.where(array_of(x) > 0, g, g * slope),
    raw=(lambda g, _y, x, slope: g * either(x > 0, slope, g.dtype),),
    elementwise=True,
)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, else ``negative_slope * input``. Derivative at 0: ``negative_slope``.

    Source: Maas et al., Rectifier nonlinearities improve neural network acoustic models (2013).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.leaky_relu(at.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return run(_LEAKY_RELU, input, inplace, float(negative_slope))


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """In-place version of :func:`leaky_relu`."""
    return leaky_relu(input, negative_slope, True)


_RRELU = Operation(
    "rrelu", lambda x, slopes: x * slopes, lambda g, _y, _x, slopes: g * slopes, elementwise=True
)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """:func:`leaky_relu` with slopes drawn evenly from ``lower`` to ``upper``, one for each element.

    Without ``training`` the slope is their mean. The draws are those of the global generator
    (:func:`autotape.manual_seed`). Errors: RuntimeError if ``lower > upper``.

    Source: Xu et al., Empirical evaluation of rectified activations in convolutional network (2015).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.rrelu(at.tensor([-1.0, 2.0]), 0.1, 0.3)
    tensor([-0.2000,  2.0000])
    """
    input = floating_input(input, "rrelu")
    if lower > upper:
        raise RuntimeError(
            f"rrelu: Lower bound should be less than or equal to the upper bound, got {lower} and {upper}"
        )
    if not training:
        return run(_LEAKY_RELU, input, inplace, (lower + upper) / 2)
    x = input._array
    drawn = source(None).uniform(lower, upper, x.shape)
    return run_any(_RRELU, input, inplace, np.where(x > 0, 1, drawn).astype(x.dtype))


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """In-place version of :func:`rrelu`."""
    return rrelu(input, lower, upper, training, True)


# --- cut off ------------------------------------------------------------------------------------------------


def _hardtanh_rule(g: Any, _y: Any, x: Any, low: float, high: float) -> Any:
    x = array_of(x)
    return masked(g, ~((x <= low) | (x >= high)))


_HARDTANH = Operation(
    "hardtanh", lambda x, low, high: np.minimum(np.maximum(x, low), high), _hardtanh_rule, elementwise=True
)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` cut off at ``min_val`` and ``max_val``. Derivative: 1 between them, 0 elsewhere and at them.

    Errors: ValueError if ``min_val > max_val``; RuntimeError for booleans, and for unsigned integers with a
    negative limit.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.hardtanh(at.tensor([-3.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """
    if min_val > max_val:
        raise ValueError(f"min_val cannot be greater than max_val, got {min_val} and {max_val}")
    return _cut(tensor_input(input, "input", "hardtanh"), min_val, max_val, inplace)


def _cut(input: Tensor, low: float, high: float, inplace: bool) -> Tensor:
    kind = input._array.dtype.kind
    if kind in "bc":
        raise RuntimeError(f"{input.dtype} inputs not supported for hardtanh")
    if kind == "u" and (low < 0 or high < 0):
        raise RuntimeError(
            f"cannot do hardtanh on an unsigned type with negative limits: {input.dtype} with {low}, {high}"
        )
    if kind in "iu":
        low, high = int(low), int(high)
    return run_any(_HARDTANH, input, inplace, low, high)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """In-place version of :func:`hardtanh`."""
    return hardtanh(input, min_val, max_val, True)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """``min(max(0, input), 6)``. Derivative: 1 between 0 and 6, 0 elsewhere and at them.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.relu6(at.tensor([-1.0, 2.0, 8.0]))
    tensor([0., 2., 6.])
    """
    return _cut(tensor_input(input, "input", "relu6"), 0, 6, inplace)


def _hardsigmoid_rule(g: Any, _y: Any, x: Any) -> Any:
    x = array_of(x)
    return masked(g * (1 / 6), (x > -3) & (x < 3))


_HARDSIGMOID = Operation(
    "hardsigmoid",
    lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6,
    _hardsigmoid_rule,
    elementwise=True,
)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """``min(max(0, input + 3), 6) / 6``. Derivative: 1/6 between -3 and 3, 0 elsewhere and at them.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.hardsigmoid(at.tensor([-4.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """
    return run(_HARDSIGMOID, input, inplace)


def _hardswish_rule(g: Any, _y: Any, x: Any) -> Any:
    a = array_of(x)
    return np.where(a >= 3, g, masked(g * (x * (1 / 3) + 0.5), ~(a <= -3)))


def _hardswish_raw_rule(g: Array, _y: Any, x: Array) -> Any:
    slope = as_array(np.minimum(np.maximum(x, -3), 3))
    slope *= 1 / 3
    slope += 0.5
    slope *= ~((x <= -3) | (x >= 3))
    slope += x >= 3
    return slope * g


_HARDSWISH = Operation(
    "hardswish",
    lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6,
    _hardswish_rule,
    raw=(_hardswish_raw_rule,),
    elementwise=True,
)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * hardsigmoid(input)``. Derivative: 0 up to -3, input / 3 + 1/2 up to 3, 1 from there on.

    Source: Howard et al., Searching for MobileNetV3 (2019).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.hardswish(at.tensor([-4.0, 1.5, 4.0])).tolist()
    [-0.0, 1.125, 4.0]
    """
    return run(_HARDSWISH, input, inplace)


_SOFTSHRINK = Operation(
    "softshrink",
    lambda x, lambd: x - np.minimum(np.maximum(x, -lambd), lambd),
    lambda g, _y, x, lambd: masked(g, ~(np.abs(array_of(x)) <= lambd)),
    elementwise=True,
)


@takes_out
def softshrink(input: Tensor, lambd: float = 0.5, *, out: Tensor | None = None) -> Tensor:
    """``input`` moved by ``lambd`` towards 0, and 0 where that is nearer. Derivative: 0 there, else 1.

    Errors: RuntimeError if ``lambd`` is negative.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.softshrink(at.tensor([-2.0, 0.3, 1.0]))
    tensor([-1.5000,  0.0000,  0.5000])
    """
    input = floating_input(input, "softshrink")
    if not 0 <= lambd <= np.finfo(input._array.dtype).max:
        limit = float(np.finfo(input._array.dtype).max)
        raise RuntimeError(
            f"softshrink: lambda must be in range [0, {limit:g}] for input dtype {input.dtype}, "
            f"but found {lambd}"
        )
    return run(_SOFTSHRINK, input, False, float(lambd))


_THRESHOLD = Operation(
    "threshold",
    lambda x, threshold, value: np.where(x <= threshold, np.asarray(value).astype(x.dtype), x),
    lambda g, _y, x, threshold, _value: masked(g, ~(array_of(x) <= threshold)),
    elementwise=True,
)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """``input`` where it is above ``threshold``, else ``value``. Derivative: 1 above the threshold, else 0.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.threshold(at.tensor([0.1, 0.5]), 0.2, -1.0)
    tensor([-1.0000,  0.5000])
    """
    input = tensor_input(input, "input", "threshold")
    if input._array.dtype.kind in "bc":
        raise NotImplementedError(f'"threshold" not implemented for {input.dtype}; convert it first')
    return run_any(_THRESHOLD, input, inplace, threshold, value)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """In-place version of :func:`threshold`."""
    return run_any(_THRESHOLD, input, True, threshold, value)
