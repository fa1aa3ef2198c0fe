"""Distances and similarities of vectors, and the losses made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.nn.functional._common import reduced, reduction_of
from autotape.ops.choices import minimum, where

__all__ = [
    "cosine_embedding_loss",
    "cosine_similarity",
    "pairwise_distance",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """``x1 . x2 / (max(|x1|, eps) * max(|x2|, eps))`` along ``dim``; the others broadcast.

    Errors: RuntimeError for integers and shapes that do not broadcast; IndexError for a dim out of range.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.cosine_similarity(at.tensor([[1.0, 0.0]]), at.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    x1, x2 = tensor_input(x1, "x1", "cosine_similarity"), tensor_input(x2, "x2", "cosine_similarity")
    product = x1 * x2  # broadcasts and promotes
    if product._array.dtype.kind not in "fc":
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {product.dtype}")
    return (_unit(x1, product, dim, eps) * _unit(x2, product, dim, eps)).sum(dim)


def _unit(x: Tensor, like: Tensor, dim: int, eps: float) -> Tensor:
    """Divide x by its norm; one below ``eps`` counts as ``eps``, also where its derivative is taken."""
    x = x.to(like.dtype).expand(like.shape)
    length = x.norm(2, dim, True)
    short = Tensor._wrap(np.maximum(eps - length.detach()._array, 0).astype(length._array.dtype, copy=False))
    return x / (length + short)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of ``x1 - x2 + eps`` along the last dimension: (N, D), (N, D) -> (N); they broadcast.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.pairwise_distance(at.tensor([[3.0, 0.0]]), at.tensor([[0.0, 4.0]]))
    tensor([5.])
    """
    x1, x2 = tensor_input(x1, "x1", "pairwise_distance"), tensor_input(x2, "x2", "pairwise_distance")
    return (x1 - x2 + eps).norm(p, -1, keepdim)


# --- losses -------------------------------------------------------------------------------------------------

_EPSILON = 1e-12  # PyTorch's, added to the squares


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``1 - cos(input1, input2)`` where ``target`` is 1, ``max(0, cos - margin)`` where it is -1; reduced.

    Inputs (N, D) with targets (N), or (D) with a target (). RuntimeError for other shapes.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> x = at.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> F.cosine_embedding_loss(x, at.tensor([[1.0, 0.0], [0.0, 1.0]]), at.tensor([1, 1]), reduction="none")
    tensor([0., 1.])
    """
    reduction = reduction_of(reduction, size_average, reduce)
    names = ("input1", "input2", "target")
    x1, x2, target = (
        tensor_input(t, n, "cosine_embedding_loss") for t, n in zip((input1, input2, target), names)
    )
    dims = target.ndim
    if dims > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if x1.ndim != dims + 1 or x2.ndim != dims + 1:
        raise RuntimeError(
            f"{dims}D target tensor expects {dims + 1}D input tensors, but found inputs with sizes "
            f"{list(x1.shape)} and {list(x2.shape)}."
        )
    products = (x1 * x2).sum(dims)
    squares = ((x1 * x1).sum(dims) + _EPSILON) * ((x2 * x2).sum(dims) + _EPSILON)
    cos = products / squares.sqrt()
    alike = where(target == 1, 1 - cos, 0.0)
    return reduced(alike + where(target == -1, (cos - margin).clamp_min(0), 0.0), reduction)


def _triplet(
    function: str,
    distance: Callable[[Tensor, Tensor], Tensor],
    tensors: tuple[Any, Any, Any],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    anchor, positive, negative = (
        tensor_input(t, n, function) for t, n in zip(tensors, ("anchor", "positive", "negative"))
    )
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            f"{function}: The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced((near - far + margin).clamp_min(0), reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)``, reduced, d the p-norm distance.

    ``swap``: the distance of positive and negative counts where it is smaller than d(anchor, negative). See
    :func:`pairwise_distance`.
    Errors: RuntimeError for different numbers of dimensions; ValueError unless ``margin > 0``.

    Source: Balntas et al., Learning shallow convolutional feature descriptors with triplet losses (2016).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.triplet_margin_loss(at.tensor([[0.0]]), at.tensor([[2.0]]), at.tensor([[2.5]]))
    tensor(0.5000)
    """
    reduction = reduction_of(reduction, size_average, reduce)

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return pairwise_distance(a, b, p, eps)

    tensors = (anchor, positive, negative)
    return _triplet("triplet_margin_loss", distance, tensors, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """:func:`triplet_margin_loss` with a distance of one's own (default: :func:`pairwise_distance`).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> def d(a, b):
    ...     return (a - b).abs().sum(-1)
    >>> x, y, z = at.zeros(1, 2), at.ones(1, 2), at.ones(1, 2) * 2
    >>> F.triplet_margin_with_distance_loss(x, y, z, distance_function=d, margin=3.0)
    tensor(1.)
    """
    distance = pairwise_distance if distance_function is None else distance_function
    tensors = (anchor, positive, negative)
    return _triplet("triplet_margin_with_distance_loss", distance, tensors, margin, swap, reduction)
