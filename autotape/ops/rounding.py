"""Rounding: piecewise constant functions, whose derivative is 0, and the fraction that is cut off."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.elementwise import unary
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.out import store
from autotape.engine.tensor import Tensor
from autotape.ops._rules import zero

__all__ = [
    "ceil",
    "fix",
    "floor",
    "frac",
    "round",
    "trunc",
]

methods = __all__
in_place = __all__

Array = np.ndarray[Any, Any]


def _rounding(ufunc: Callable[[Array], Any]) -> Callable[[Array], Any]:
    """A rounding function that returns integers as they are (NumPy 2.0 makes float64 of them)."""

    def rounded(x: Array) -> Any:
        kind = x.dtype.kind
        if kind == "b":
            raise NotImplementedError("rounding is not implemented for bool tensors; convert them first")
        return x.copy() if kind in "iu" else ufunc(x)

    return rounded


@implements(np.floor)
@unary(_rounding(np.floor), zero, floating=False)
def floor(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The largest integer not above each element, in the input's dtype. Derivative: 0.

    >>> import autotape as at
    >>> at.floor(at.tensor([1.5, -1.5]))
    tensor([ 1., -2.])
    """


@implements(np.ceil)
@unary(_rounding(np.ceil), zero, floating=False)
def ceil(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The smallest integer not below each element, in the input's dtype. Derivative: 0.

    >>> import autotape as at
    >>> at.ceil(at.tensor([1.5, -1.5]))
    tensor([ 2., -1.])
    """


@implements(np.trunc, np.fix)
@unary(_rounding(np.trunc), zero, floating=False)
def trunc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Each element rounded towards zero, in the input's dtype. Derivative: 0.

    >>> import autotape as at
    >>> at.trunc(at.tensor([1.5, -1.5]))
    tensor([ 1., -1.])
    """


fix = trunc


def _fraction(x: Array) -> Any:
    if x.dtype.kind != "f":
        raise NotImplementedError(f'"frac" not implemented for {x.dtype.name} tensors; convert them first')
    return x - np.trunc(x)


@unary(_fraction, lambda g, _y, _x: g, floating=False)
def frac(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The part after the point, ``input - trunc(input)``, with the sign of ``input``. Derivative: 1.

    Errors: NotImplementedError for integers and complex tensors.

    >>> import autotape as at
    >>> at.frac(at.tensor([1.5, -1.25]))
    tensor([ 0.5000, -0.2500])
    """


@implements(np.rint)
@unary(_rounding(np.rint), zero, floating=False, name="round")
def _to_nearest(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The nearest integer, halves to the even one."""


def _to_decimals(x: Array, decimals: int) -> Any:
    places = decimals if decimals > 0 else -decimals
    scale = 10.0**places if places <= 308 else math.inf
    return np.rint(x * scale) / scale if decimals > 0 else np.rint(x / scale) * scale


_ROUND_DECIMALS = Operation("round", _to_decimals, zero, elementwise=True)


def round(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Each element rounded to ``decimals`` places (negative: to tens, hundreds, ...), halves to even.

    The derivative is 0. Errors: NotImplementedError for integers with ``decimals``.

    >>> import autotape as at
    >>> at.round(at.tensor([0.5, 1.5, 2.345])), at.round(at.tensor([2.345]), decimals=2)
    (tensor([0., 2., 2.]), tensor([2.3400]))
    """
    if decimals == 0:
        return _to_nearest(input, out=out)
    if out is not None:
        return store(out, round(input, decimals=decimals), "round")  # type: ignore[no-any-return]
    input = tensor_input(input, "input", "round")
    if input._array.dtype.kind not in "f":
        raise NotImplementedError(
            f'"round" with decimals is not implemented for {input._array.dtype.name} tensors'
        )
    return apply(_ROUND_DECIMALS, (input,), decimals)  # type: ignore[no-any-return]


@implements(np.round)
def _numpy_round(a: Tensor, decimals: int = 0) -> Tensor:
    return round(a, decimals=decimals)
