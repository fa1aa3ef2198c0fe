"""Negative logarithms of probabilities as losses; those of class indices are in cross_entropy.py.

``reduction`` is "mean" (of all elements), "sum" or "none"; ``size_average`` and ``reduce`` are PyTorch's
older spelling of it.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from autotape.engine.batched import somewhere, wholly
from autotape.engine.elementwise import binary, unary
from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.nn.functional._common import both, floating_input, reduced, reduction_of
from autotape.nn.functional._stable import log1p_exp
from autotape.nn.functional.activation import logsigmoid
from autotape.ops import activations
from autotape.ops.choices import where
from autotape.ops.likes import full_like

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "gaussian_nll_loss",
    "kl_div",
    "poisson_nll_loss",
]

Array = np.ndarray[Any, Any]

_sigmoid = both(activations.sigmoid)


# --- of two outcomes ----------------------------------------------------------------------------------------


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
    if values.size and not (
        wholly(np.minimum.reduce(values, None) >= 0) and wholly(np.maximum.reduce(values, None) <= 1)
    ):
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
    return np.maximum(x, 0) - x * t + log1p_exp(x)


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


# --- of normal and of Poisson distributions -----------------------------------------------------------------


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """``(log(v) + (input - target)^2 / v) / 2``, ``v = max(var, eps)``: -log of a normal density.

    Args:
        input: the means.
        target: the samples.
        var: the variances: a number, of the input's shape, or with a last dimension of 1 or none.
        full: add the constant log(2 pi) / 2.

    Reduced. The cut-off at ``eps`` does not count in the derivative. Errors: ValueError for a variance that
    is negative or of another shape.

    Source: Nix and Weigend, Estimating the mean and variance of the target probability distribution (1994).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.gaussian_nll_loss(at.tensor([0.0, 1.0]), at.tensor([2.0, 1.0]), at.tensor([4.0, 1.0]))
    tensor(0.5966)
    """
    input = tensor_input(input, "input", "gaussian_nll_loss")
    target = tensor_input(target, "target", "gaussian_nll_loss")
    if isinstance(var, (int, float)):
        var = full_like(input, float(var))
    var = tensor_input(var, "var", "gaussian_nll_loss")
    if var._array.dtype.kind == "c":
        raise NotImplementedError(f"gaussian_nll_loss: var must be real, got {var.dtype}")
    if var._array.size and somewhere((var._array < 0).any()):
        raise ValueError("var has negative entry/entries")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid; reduction must be 'none', 'mean' or 'sum'")
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif not _fits(var.shape, input.shape):
            raise ValueError(f"var is of incorrect size: {list(var.shape)} for input {list(input.shape)}")
    short = Tensor._wrap(np.maximum(eps - var.detach()._array, 0).astype(var._array.dtype, copy=False))
    var = var + short
    losses = (var.log() + (input - target).square() / var) * 0.5
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduced(losses, reduction)


def _fits(var: tuple[int, ...], input: tuple[int, ...]) -> bool:
    """Whether variances of shape ``var`` are one for each row, or one number for each place of a row."""
    return (
        len(var) == len(input)
        and sum(a != b for a, b in zip(var, input)) <= 1
        and all(a in (1, b) for a, b in zip(var, input))
    )


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``exp(input) - target * input``: -log of a Poisson probability of counts, up to a constant; reduced.

    ``log_input=False``: the input is the rate itself, ``input - target * log(input + eps)``. ``full``: add
    Stirling's approximation of the constant log(target!) where the target is above 1.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.poisson_nll_loss(at.tensor([0.0, 1.0]), at.tensor([1.0, 3.0]))
    tensor(0.3591)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input = tensor_input(input, "input", "poisson_nll_loss")
    target = tensor_input(target, "target", "poisson_nll_loss")
    losses = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        above = target > 1
        count = where(above, target, 1.0)
        stirling = count * count.log() - count + 0.5 * (2 * math.pi * count).log()
        losses = losses + where(above, stirling, 0.0)
    return reduced(losses, reduction)
