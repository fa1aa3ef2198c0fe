"""Exponential linear units: ``scale * x`` above 0, else ``factor * (exp(x * inside) - 1)``."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.operation import Operation
from autotape.engine.tensor import Tensor
from autotape.nn.functional._common import run
from autotape.nn.functional._stable import either, expm1_of_negative
from autotape.ops._rules import array_of

__all__ = ["celu", "celu_", "elu", "elu_", "selu", "selu_"]

Array = np.ndarray[Any, Any]


def _elu(x: Array, factor: float, scale: float, inside: float) -> Any:
    low = as_array(np.minimum(x, 0))
    if inside != 1:
        low *= inside
    low = as_array(expm1_of_negative(low))
    if factor != 1:
        low *= factor
    high = as_array(np.maximum(x, 0))
    if scale != 1:
        high *= scale
    high += low
    return high


def _elu_rule(g: Any, _y: Any, x: Any, factor: float, scale: float, inside: float) -> Any:
    values = array_of(x)
    # No exp(x) that overflows; and at 0 the slope is a constant, as in PyTorch: a second derivative of 0.
    slope = np.exp(np.where(values < 0, x, 0) * inside) * (factor * inside)
    return g * np.where(values <= 0, slope, scale)  # so that a NaN counts as positive, as in PyTorch


def _elu_raw_rule(g: Array, _y: Any, x: Array, factor: float, scale: float, inside: float) -> Any:
    slope = as_array(np.fmin(x, 0))
    if inside != 1:
        slope *= inside
    np.exp(slope, out=slope)
    if scale != 1:
        slope *= scale
    below = factor * inside / scale
    if below != 1:
        slope *= either(~(x <= 0), below, slope.dtype)
    return slope * g


_ELU, _SELU, _CELU = (
    Operation(name, _elu, _elu_rule, raw=(_elu_raw_rule,), elementwise=True)
    for name in ("elu", "selu", "celu")
)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, else ``alpha * (exp(input) - 1)``. Derivative at 0: ``alpha``.

    Source: Clevert et al., Fast and accurate deep network learning by exponential linear units (2015).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.elu(at.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return run(_ELU, input, inplace, float(alpha), 1.0, 1.0)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place version of :func:`elu`."""
    return elu(input, alpha, True)


_ALPHA, _SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """``scale * elu(input, alpha)``, with scale 1.0507 and alpha 1.6733: activations keep mean 0, variance 1.

    Source: Klambauer et al., Self-normalizing neural networks (2017).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.selu(at.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return run(_SELU, input, inplace, _ALPHA * _SCALE, _SCALE, 1.0)


def selu_(input: Tensor) -> Tensor:
    """In-place version of :func:`selu`."""
    return selu(input, True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, else ``alpha * (exp(input / alpha) - 1)``: smooth for every ``alpha``.

    Errors: RuntimeError for ``alpha=0``.

    Source: Barron, Continuously differentiable exponential linear units (2017).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.celu(at.tensor([-1.0, 2.0]), alpha=2.0)
    tensor([-0.7869,  2.0000])
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return run(_CELU, input, inplace, float(alpha), 1.0, 1 / float(alpha))


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place version of :func:`celu`."""
    return celu(input, alpha, True)
