"""Loss functions of numbers and of probabilities; those of class indices are in cross_entropy.py.

``reduction`` is "mean" (of all elements), "sum" or "none"; ``size_average`` and ``reduce`` are PyTorch's
older spelling of it. RuntimeError where the shapes of input and target do not broadcast.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autotape.engine.elementwise import binary, unary
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.nn.functional._common import both, floating_input, reduced, reduction_of
from autotape.nn.functional.activation import logsigmoid
from autotape.ops import activations

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "smooth_l1_loss",
]

Array = np.ndarray[Any, Any]

_sigmoid = both(activations.sigmoid)


# --- of the difference of input and target ------------------------------------------------------------------


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


def _smooth_l1(d: Array, beta: float) -> Array:
    size = np.abs(d)
    return np.where(size < beta, d * d * (0.5 / beta), size - 0.5 * beta)


_SMOOTH_L1 = Operation(
    "smooth_l1_loss",
    _smooth_l1,
    lambda g, _y, d, beta: g * np.where(np.abs(d) < beta, d * (1 / beta), np.sign(d)),
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


def _huber(d: Array, delta: float) -> Array:
    size = np.abs(d)
    return np.where(size <= delta, d * d * 0.5, (size - 0.5 * delta) * delta)


_HUBER = Operation(
    "huber_loss",
    _huber,
    lambda g, _y, d, delta: g * np.where(np.abs(d) <= delta, d, np.sign(d) * delta),
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


# --- of probabilities ---------------------------------------------------------------------------------------


def _logs(p: Any) -> tuple[Any, Any]:
    """log(p) and log(1 - p), finite also at 0 and 1."""
    return np.maximum(np.log(p), -100), np.maximum(np.log1p(-p), -100)


def _binary_cross_entropy(p: Array, t: Array) -> Any:
    log_p, log_not_p = _logs(p)
    return (t - 1) * log_not_p - t * log_p


def _target_rule(g: Any, _y: Any, p: Any, _t: Any) -> Any:
    log_p, log_not_p = _logs(p)
    return g * (log_not_p - log_p)


@binary(
    _binary_cross_entropy,
    lambda g, _y, p, t: g * ((p - t) / np.maximum((1 - p) * p, 1e-12)),
    _target_rule,
    name="binary_cross_entropy",
)
def _cross_entropy_of(input: Tensor, other: Tensor) -> Tensor:
    """``-other * log(input) - (1 - other) * log(1 - input)``, the logarithms at least -100."""


def _check_probabilities(p: Tensor, name: str) -> None:
    values = p._array
    if values.size and not (np.minimum.reduce(values, None) >= 0 and np.maximum.reduce(values, None) <= 1):
        raise RuntimeError(f"binary_cross_entropy: all elements of {name} should be between 0 and 1")


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``-target * log(input) - (1 - target) * log(1 - input)``, reduced; both between 0 and 1.

    Logarithms are cut off at -100, so that the loss at 0 and 1 is finite;
    :func:`binary_cross_entropy_with_logits` is more accurate. ``weight`` is a factor that broadcasts to the
    input. Errors: ValueError for different shapes, RuntimeError for different dtypes and for values outside
    of [0, 1].

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.binary_cross_entropy(at.tensor([0.5, 0.5]), at.tensor([0.0, 1.0]))
    tensor(0.6931)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input = floating_input(input, "binary_cross_entropy")
    target = tensor_input(target, "target", "binary_cross_entropy")
    if input.shape != target.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is "
            "deprecated. Please ensure they have the same size."
        )
    if input.dtype != target.dtype:
        raise RuntimeError(
            f"binary_cross_entropy: Found dtype {target.dtype} of target but expected {input.dtype}, "
            "as of input"
        )
    _check_probabilities(input, "input")
    _check_probabilities(target, "target")
    losses = _cross_entropy_of(input, target)
    return reduced(losses if weight is None else losses * weight, reduction)


def _with_logits(x: Array, t: Array) -> Any:
    return np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))


@binary(
    _with_logits,
    lambda g, _y, x, t: g * (_sigmoid(x) - t),
    lambda g, _y, x, _t: -g * x,
    name="binary_cross_entropy_with_logits",
)
def _cross_entropy_of_logits(input: Tensor, other: Tensor) -> Tensor:
    """``-other * log(sigmoid(input)) - (1 - other) * log(1 - sigmoid(input))``."""


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """``-pos_weight * target * log(p) - (1 - target) * log(1 - p)`` with ``p = sigmoid(input)``, reduced.

    Computed as ``max(x, 0) - x * target + log(1 + exp(-|x|))``: accurate and finite for every input.
    ``weight`` and ``pos_weight`` are factors that broadcast to the input. ValueError for different shapes.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.binary_cross_entropy_with_logits(at.tensor([0.0, 1000.0]), at.tensor([0.0, 1.0]))
    tensor(0.3466)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input = floating_input(input, "binary_cross_entropy_with_logits")
    target = floating_input(target, "binary_cross_entropy_with_logits", "target")
    if input.shape != target.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    losses = _cross_entropy_of_logits(input, target)
    if pos_weight is not None:
        losses = losses - (pos_weight - 1) * target * logsigmoid(input)
    return reduced(losses if weight is None else losses * weight, reduction)


@unary(
    lambda t: np.where(t == 0, 0, t * np.log(t)),
    lambda g, _y, t: g * (np.log(t) + 1),
    name="xlogx",
)
def _x_log_x(input: Tensor) -> Tensor:
    """``input * log(input)``, 0 at 0."""


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """The Kullback-Leibler divergence ``target * (log(target) - input)`` of log probabilities, reduced.

    ``reduction="batchmean"``, the sum divided by the size of dimension 0, is the one with this mathematical
    meaning; "mean" divides by the number of elements, with a warning. ``log_target``: the target is a
    logarithm too.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> p, q = at.tensor([[0.5, 0.5]]), at.tensor([[0.25, 0.75]])
    >>> F.kl_div(p.log(), q, reduction="batchmean")
    tensor(0.1308)
    """
    if size_average is None and reduce is None and reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition.",
            stacklevel=2,
        )
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = tensor_input(input, "input", "kl_div"), tensor_input(target, "target", "kl_div")
    for tensor, name in ((input, "input"), (target, "target")):
        if tensor._array.dtype.kind != "f":
            raise RuntimeError(f"kl_div: Integral inputs not supported; {name} is {tensor.dtype}.")
    losses = target.exp() * (target - input) if log_target else _x_log_x(target) - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0] if input.ndim else losses.sum()
    return reduced(losses, reduction)
