"""Exponentials and logarithms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.elementwise import binary, unary
from autotape.engine.operation import implements
from autotape.engine.tensor import Tensor
from autotape.ops.activations import logistic, sigmoid

__all__ = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logaddexp2",
]

methods = __all__
in_place = [name for name in __all__ if not name.startswith("logaddexp")]

Array = np.ndarray[Any, Any]

# As in PyTorch, integers and booleans are computed in the default dtype, the result outside of a function's
# domain is NaN, and an unbounded derivative is infinite at its pole.


@unary(np.exp, lambda g, y, _x: g * y.conj())
def exp(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``e ** input``, elementwise. Derivative: the result itself.

    >>> import autotape as at
    >>> at.exp(at.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """


@unary(np.exp2, lambda g, y, _x: g * (y * math.log(2)).conj())
def exp2(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``2 ** input``, elementwise. Derivative: log(2) times the result.

    >>> import autotape as at
    >>> at.exp2(at.tensor([0.0, 3.0, -1.0]))
    tensor([1.0000, 8.0000, 0.5000])
    """


@unary(np.expm1, lambda g, y, _x: g * (y + 1).conj())
def expm1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``exp(input) - 1``, elementwise, accurate near 0. Derivative: exp(input).

    >>> import autotape as at
    >>> at.expm1(at.tensor([0.0, 1.0]))
    tensor([0.0000, 1.7183])
    """


@unary(np.log, lambda g, _y, x: g / x.conj())
def log(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The natural logarithm, elementwise: -inf at 0, NaN below. Derivative: 1 / input.

    >>> import autotape as at
    >>> at.log(at.tensor([1.0, 10.0]))
    tensor([0.0000, 2.3026])
    """


@unary(np.log1p, lambda g, _y, x: g / (x + 1).conj())
def log1p(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``log(1 + input)``, elementwise, accurate near 0. Derivative: 1 / (1 + input).

    >>> import autotape as at
    >>> at.log1p(at.tensor([0.0, 1.0]))
    tensor([0.0000, 0.6931])
    """


@unary(np.log2, lambda g, _y, x: g / (x * math.log(2)).conj())
def log2(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The logarithm to base 2, elementwise. Derivative: 1 / (input * log(2)).

    >>> import autotape as at
    >>> at.log2(at.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """


@unary(np.log10, lambda g, _y, x: g / (x * math.log(10)).conj())
def log10(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The logarithm to base 10, elementwise. Derivative: 1 / (input * log(10)).

    >>> import autotape as at
    >>> at.log10(at.tensor([1.0, 100.0]))
    tensor([0., 2.])
    """


# --- logarithms of sums -------------------------------------------------------------------------------------


def _share(difference: Any) -> Any:
    """``exp(a) / (exp(a) + exp(b))`` of ``a - b``: the derivative by a."""
    return sigmoid(difference) if isinstance(difference, Tensor) else logistic(as_array(difference))


def _log_add_exp(a: Any, b: Any) -> Any:
    if np.result_type(a, b).kind != "c":
        return np.logaddexp(a, b)
    larger, smaller = np.where(a.real >= b.real, a, b), np.where(a.real >= b.real, b, a)
    y = larger + np.log1p(np.exp(smaller - larger))
    infinite = ~np.isfinite(smaller.real) & (smaller.real == larger.real)  # the difference is NaN
    return np.where(infinite, np.where(larger.real < 0, larger, np.log(np.exp(a) + np.exp(b))), y)


@implements(np.logaddexp)
@binary(
    _log_add_exp,
    lambda g, _y, a, b: g * _share(a - b).conj(),
    lambda g, _y, a, b: g * _share(b - a).conj(),
    floating=True,
)
def logaddexp(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """``log(exp(input) + exp(other))``, elementwise with broadcasting, without overflow.

    Derivative: d/dinput = sigmoid(input - other), d/dother = sigmoid(other - input).

    >>> import autotape as at
    >>> at.logaddexp(at.tensor([1.0, 1000.0]), at.tensor([1.0, 1000.0]))
    tensor([   1.6931, 1000.6932])
    """


@binary(
    np.logaddexp2,
    lambda g, _y, a, b: g * _share((a - b) * math.log(2)),
    lambda g, _y, a, b: g * _share((b - a) * math.log(2)),
    floating=True,
)
def logaddexp2(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """``log2(2**input + 2**other)``, elementwise with broadcasting, without overflow.

    Derivative: d/dinput = 1 / (1 + 2**(other - input)), d/dother = 1 / (1 + 2**(input - other)).

    >>> import autotape as at
    >>> at.logaddexp2(at.tensor([3.0, 1000.0]), at.tensor([3.0, 1000.0]))
    tensor([   4., 1001.])
    """
