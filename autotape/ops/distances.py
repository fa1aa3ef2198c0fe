"""Distances between the rows of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.ops._reduce import Array, away_from_zero
from autotape.ops.norms import p_norm

__all__ = ["cdist", "pdist"]

methods: list[str] = []
in_place: list[str] = []


# --- by the product of the matrices: |a - b|^2 = |a|^2 + |b|^2 - 2 ab ---------------------------------------


def _euclidean_forward(a: Array, b: Array) -> Any:
    squares = (a * a).sum(-1)[..., :, None] + (b * b).sum(-1)[..., None, :]
    return np.sqrt(np.maximum(squares - 2 * (a @ b.mT), 0))


def _euclidean_joint(g: Any, needs: Any, y: Any, a: Any, b: Any) -> Any:
    g, y = away_from_zero(g, y)
    weight = g / y
    by_a = a * weight.sum(-1)[..., None] - weight @ b if needs[0] else None
    return by_a, b * weight.sum(-2)[..., None] - weight.mT @ a if needs[1] else None


_EUCLIDEAN = Operation("cdist", _euclidean_forward, joint=_euclidean_joint)
_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


def cdist(
    x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    """The p-norm distances between rows: ``(..., n, k), (..., m, k) -> (..., n, m)``; batches broadcast.

    ``y[i, j] = sum(|x1[i] - x2[j]|^p)^(1/p)``; p = 0 counts differences, inf takes the largest. For p = 2 and
    more than 25 rows a matrix product does most of the work, less accurately for close rows;
    ``compute_mode="donot_use_mm_for_euclid_dist"`` forbids that, ``"use_mm_for_euclid_dist"`` always does it.
    All other cases hold n * m * k differences in memory. The gradient is 0 where a distance is. Errors:
    RuntimeError for rows of different sizes, integers and negative p.

    >>> import autotape as at
    >>> at.cdist(at.tensor([[0.0, 0.0]]), at.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """
    x1, x2 = tensor_input(x1, "x1", "cdist"), tensor_input(x2, "x2", "cdist")
    a, b = x1._array, x2._array
    if a.ndim < 2 or b.ndim < 2:
        raise RuntimeError(
            f"cdist only supports at least 2D tensors, got x1 of shape {list(a.shape)} and x2 of shape "
            f"{list(b.shape)}"
        )
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {a.shape[-1]} X2: {b.shape[-1]}"
        )
    if a.dtype.kind != "f" or b.dtype.kind != "f":
        raise RuntimeError(f"cdist only supports floating-point dtypes, got {x1.dtype} and {x2.dtype}")
    if not p >= 0:
        raise RuntimeError(f"cdist only supports non-negative p values, got {p}")
    if compute_mode not in _MODES:
        raise ValueError(
            f"{compute_mode} is not a valid value for compute_mode; there are {', '.join(_MODES)}"
        )
    large = a.shape[-2] > 25 or b.shape[-2] > 25
    if p == 2 and (compute_mode == _MODES[1] or (compute_mode == _MODES[0] and large)):
        return apply(_EUCLIDEAN, (x1, x2))  # type: ignore[no-any-return]
    difference = x1.unsqueeze(-2) - x2.unsqueeze(-3)
    if not a.shape[-1]:
        return difference.sum(-1)
    return p_norm("cdist", difference, float(p), -1)


def pdist(input: Tensor, p: float = 2) -> Tensor:
    """The p-norm distances of all pairs of rows ``(n, k) -> (n * (n - 1) / 2,)``.

    In the order of the upper triangle of ``cdist(input, input)``, row by row. The gradient is 0 where a
    distance is. Errors: RuntimeError for other than 2-d tensors, integers and negative p.

    >>> import autotape as at
    >>> at.pdist(at.tensor([[0.0], [1.0], [3.0]]))
    tensor([1., 3., 2.])
    """
    input = tensor_input(input, "input", "pdist")
    x = input._array
    if x.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {x.ndim}D")
    if x.dtype.kind != "f":
        raise RuntimeError(f"pdist only supports floating-point dtypes, got {input.dtype}")
    if not p >= 0:
        raise RuntimeError(f"pdist only supports non-negative p values, got {p}")
    first, second = (Tensor._wrap(i) for i in np.triu_indices(len(x), 1))
    difference = input[first] - input[second]
    if not x.shape[1]:
        return difference.sum(-1)
    return p_norm("pdist", difference, float(p), -1)
