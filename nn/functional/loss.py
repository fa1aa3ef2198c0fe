"""Losses of the difference of input and target; those of probabilities are in likelihood.py.

``reduction`` is "mean" (of all elements), "sum" or "none"; ``size_average`` and ``reduce`` are PyTorch's
older spelling of it. RuntimeError where the shapes of input and target do not broadcast.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.elementwise import binary
from autotape.engine.operands import mismatch, tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.nn.functional._common import floating_input, reduced, reduction_of

__all__ = [
    "huber_loss",
    "l1_loss",
    "mse_loss",
    "smooth_l1_loss",
]

Array = np.ndarray[Any, Any]


def _pair(function: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Both as Tensors, with a warning where they broadcast, which is rarely meant."""
    input, target = tensor_input(input, "input", function), tensor_input(target, "target", function)
    if input._array.shape != target._array.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )
        try:
            np.broadcast_shapes(input.shape, target.shape)
        except ValueError as error:
            message = str(mismatch(function, input._array, target._array, error))
            raise RuntimeError(message.replace("other of shape", "target of shape")) from None
    return input, target


def _weighted(losses: Tensor, weight: Tensor | None, reduction: str, shape: Any) -> Tensor:
    """The reduced losses, each times its weight; their mean is divided by the sum of the weights."""
    if weight is None:
        return reduced(losses, reduction)
    if weight.shape != shape:
        raise ValueError(f"Weights and input must have the same size, got {weight.shape} and {shape}.")
    losses = losses * weight
    return losses.sum() / weight.sum() if reduction == "mean" else reduced(losses, reduction)


@binary(
    lambda a, b: np.square(a - b),
    lambda g, _y, a, b: g * ((a - b) * 2),
    lambda g, _y, a, b: g * ((b - a) * 2),
    name="mse_loss",
)
def _squared_error(input: Tensor, other: Tensor) -> Tensor:
    """``(input - other)^2``."""


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The squared error ``(input - target)^2``, reduced. ``weight``: a factor for each element.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.mse_loss(at.tensor([1.0, 2.0]), at.tensor([1.0, 4.0]))
    tensor(2.)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = _pair("mse_loss", input, target)
    losses = floating_input(_squared_error(input, target), "mse_loss")
    return _weighted(losses, weight, reduction, input.shape)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The absolute error ``|input - target|``, reduced. ``weight``: a factor for each element.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.l1_loss(at.tensor([1.0, 2.0]), at.tensor([1.0, 4.0]))
    tensor(1.)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = _pair("l1_loss", input, target)
    return _weighted((input - target).abs(), weight, reduction, input.shape)


# The part of the difference d within a limit, c, gives both losses: c (d - c / 2) is the Huber loss and c its
# derivative. np.where on the choices of a batch of data takes five times as long.


def _within(d: Array, limit: float) -> Array:
    c = as_array(np.maximum(d, -limit))
    return np.minimum(c, limit, out=c)


def _huber(d: Array, delta: float) -> Any:
    c = _within(d, delta)
    y = as_array(c * -0.5)
    y += d
    y *= c
    return y


_SMOOTH_L1 = Operation(
    "smooth_l1_loss",
    lambda d, beta: _huber(d, beta) / beta,
    lambda g, _y, d, beta: g * np.where(np.abs(d) < beta, d * (1 / beta), np.sign(d)),
    raw=(lambda g, _y, d, beta: g * (_within(d, beta) / beta),),
    elementwise=True,
)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """``d^2 / (2 beta)`` where ``d = |input - target| < beta``, else ``d - beta / 2``; reduced.

    ``beta=0`` gives :func:`l1_loss`; RuntimeError if it is negative.

    Source: Girshick, Fast R-CNN (2015).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.smooth_l1_loss(at.tensor([1.0, 2.0]), at.tensor([1.5, 5.0])).item()
    1.3125
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}.")
    input, target = _pair("smooth_l1_loss", input, target)
    difference = floating_input(input - target, "smooth_l1_loss")
    losses = apply(_SMOOTH_L1, (difference,), float(beta)) if beta else difference.abs()
    return reduced(losses, reduction)


_HUBER = Operation(
    "huber_loss",
    _huber,
    lambda g, _y, d, delta: g * np.where(np.abs(d) <= delta, d, np.sign(d) * delta),
    raw=(lambda g, _y, d, delta: g * _within(d, delta),),
    elementwise=True,
)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """``d^2 / 2`` where ``d = |input - target| <= delta``, else ``delta * (d - delta / 2)``; reduced.

    ``weight``: a factor for each element (the mean is over the number of elements). RuntimeError unless
    ``delta > 0``.

    Source: Huber, Robust estimation of a location parameter (1964).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.huber_loss(at.tensor([1.0, 2.0]), at.tensor([1.5, 5.0]), delta=2.0).item()
    2.0625
    """
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}.")
    input, target = _pair("huber_loss", input, target)
    difference = floating_input(input - target.to(input.dtype), "huber_loss")
    losses: Tensor = apply(_HUBER, (difference,), float(delta))
    if weight is None:
        return reduced(losses, reduction)
    if weight.shape != input.shape:
        raise ValueError(f"Weights and input must have the same size, got {weight.shape} and {input.shape}.")
    return reduced(losses * weight, reduction)
