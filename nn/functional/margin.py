"""Losses that ask for a margin between classes or between inputs.

``reduction`` is "mean", "sum" or "none"; ``size_average`` and ``reduce`` are PyTorch's older spelling of it.
Each is made of other operations, and differentiable as often as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.batched import wholly
from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.nn.functional._common import check_reduction, floating_input, reduced, reduction_of
from autotape.nn.functional.activation import logsigmoid, softplus
from autotape.ops.choices import where

__all__ = [
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
]


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``log(1 + exp(-target * input))`` of targets 1 and -1, reduced; without overflow.

    Derivative by the input: -target * sigmoid(-target * input).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.soft_margin_loss(at.tensor([0.0, 1000.0]), at.tensor([1.0, -1.0]))
    tensor(500.3466)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input = floating_input(input, "soft_margin_loss")
    target = tensor_input(target, "target", "soft_margin_loss")
    _check_broadcast("soft_margin_loss", input, target)
    return reduced(softplus(-(input * target.to(input.dtype)), threshold=np.inf), reduction)


def _check_broadcast(function: str, input: Tensor, target: Tensor) -> None:
    """RuntimeError unless the target broadcasts to the input."""
    pairs = zip(input.shape[::-1], target.shape[::-1])
    if target.ndim > input.ndim or any(b not in (a, 1) for a, b in pairs):
        raise RuntimeError(
            f"{function}: target of shape {list(target.shape)} does not broadcast to input of shape "
            f"{list(input.shape)}"
        )


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``input`` where ``target`` is 1, ``max(0, margin - input)`` where it is -1; reduced.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.hinge_embedding_loss(at.tensor([0.5, 0.25]), at.tensor([1, -1]), reduction="none")
    tensor([0.5000, 0.7500])
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input = floating_input(input, "hinge_embedding_loss")
    target = tensor_input(target, "target", "hinge_embedding_loss")
    apart = where(target != 1, (margin - input).clamp_min(0), 0.0)
    return reduced(apart + where(target != -1, input, 0.0), reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, -target * (input1 - input2) + margin)``: target 1 if input1 is to be larger, else -1; reduced.

    Errors: RuntimeError for different numbers of dimensions.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.margin_ranking_loss(at.tensor([1.0, 2.0]), at.tensor([0.0, 5.0]), at.tensor([1, 1]))
    tensor(1.5000)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    names = ("input1", "input2", "target")
    input1, input2, target = (
        tensor_input(t, n, "margin_ranking_loss") for t, n in zip((input1, input2, target), names)
    )
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape}"
        )
    return reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


# --- between the classes of one input -----------------------------------------------------------------------


def _rows(function: str, input: Tensor) -> Tensor:
    """(N, C), or one row of them; RuntimeError for other shapes."""
    x = input._array
    if x.ndim > 2 or (x.ndim and not x.shape[-1]):
        raise RuntimeError(
            f"{function}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(x.shape)}"
        )
    return input if x.ndim == 2 else input.reshape(1, -1)


def _class_indices(function: str, target: Any) -> Tensor:
    indices = tensor_input(target, "target", function)
    if indices._array.dtype != np.int64:
        raise RuntimeError(f"{function}: expected target of int64 (long), but found {indices.dtype}")
    return indices


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``sum over i != t of weight[t] * max(0, margin - input[t] + input[i])^p / C``, reduced.

    Args:
        input: scores (N, C) or (C).
        target: class indices t (N) or ().
        p: 1 or 2.
        weight: a factor for each class (C).

    Errors: RuntimeError for shapes that do not fit and targets that are no class; ValueError for another p.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.multi_margin_loss(at.tensor([[0.1, 0.2, 0.4, 0.8]]), at.tensor([3]))
    tensor(0.3250)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    check_reduction(reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"weight must be one-dimensional, got shape {list(weight.shape)}")
    given = floating_input(input, "multi_margin_loss")
    input, target = _rows("multi_margin_loss", given), _class_indices("multi_margin_loss", target)
    count, classes = input.shape
    if target.ndim > 1 or target.numel() != count:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples "
            f"(batch size). Expected target size [{count}], but got {list(target.shape)}. Input has shape "
            f"{list(given.shape)}."
        )
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(
            f"multi_margin_loss: inconsistent weight size, expected {classes} but got {list(weight.shape)}"
        )
    t = target._array
    if t.size and not wholly(((t >= 0) & (t < classes)).all()):
        raise RuntimeError(f"multi_margin_loss: target out of range: it must be in [0, {classes})")
    column = target.reshape(count, 1)
    excess = (input - input.gather(1, column) + margin).relu()
    if p == 2:
        excess = excess * excess
    if weight is not None:
        excess = excess * weight[target.reshape(count)].reshape(count, 1)
    others = np.arange(classes) != column._array
    losses = where(Tensor._wrap(others), excess, 0.0).sum(1) / classes
    return reduced(losses if target.ndim or given.ndim == 2 else losses.reshape(()), reduction)


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``sum over i, j of max(0, 1 - input[t_j] + input[i]) / C``, reduced; the classes i are no targets.

    Args:
        input: scores (N, C) or (C).
        target: of the same shape: the indices t of the target classes, up to the first -1 in a row.

    Needs memory for N x C x (the largest number of targets). Errors: RuntimeError for different shapes and
    for targets that are no class.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.multilabel_margin_loss(at.tensor([[0.1, 0.2, 0.4, 0.8]]), at.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    check_reduction(reduction)
    name = "multilabel_margin_loss"
    given, target = floating_input(input, name), _class_indices(name, target)
    input = _rows(name, given)
    if target.shape != given.shape and not (given.ndim < 2 and target.numel() == given.numel()):
        raise RuntimeError(
            f"{name}: inconsistent target size: {list(target.shape)} for input of size: {list(given.shape)}"
        )
    count, classes = input.shape
    t = target._array.reshape(count, classes)
    if t.size and not wholly(((t >= -1) & (t < classes)).all()):
        raise RuntimeError(f"{name}: argument 'target' is out of range: it must be in [-1, {classes})")
    counts = np.logical_and.accumulate(t >= 0, axis=1)
    most = int(counts.sum(axis=1).max(initial=0))
    t, counts = t[:, :most], counts[:, :most]
    others = np.ones((count, classes), np.bool_)
    rows, places = np.nonzero(counts)
    others[rows, t[rows, places]] = False
    pairs = Tensor._wrap(counts[:, :, None] & others[:, None, :])
    at_targets = input.gather(1, Tensor._wrap(np.where(counts, t, 0)))
    excess = (1 - at_targets.unsqueeze(2) + input.unsqueeze(1)).relu()
    losses = where(pairs, excess, 0.0).sum((1, 2)) / classes
    return reduced(losses if given.ndim == 2 else losses.reshape(()), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of ``-target * log(p) - (1 - target) * log(1 - p)``; reduced; p = sigmoid(input).

    Classes are the last dimension. ``weight``: a factor for each class (C).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.multilabel_soft_margin_loss(at.zeros(2, 3), at.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]))
    tensor(0.6931)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input = floating_input(input, "multilabel_soft_margin_loss")
    target = tensor_input(target, "target", "multilabel_soft_margin_loss")
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        losses = losses * weight
    return reduced(losses.mean(-1), reduction)
