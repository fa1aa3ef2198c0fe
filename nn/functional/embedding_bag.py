"""Looking up bags of rows and reducing each bag to one row."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autotape.engine.batched import fresh
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.nn.functional.embedding import embedding, shorten

__all__ = ["embedding_bag"]

Array = np.ndarray[Any, Any]


# --- sums of bags of rows, and the same row for all of a bag: each the adjoint of the other -----------------


def _sum_bags(x: Array, starts: Array, bags: Array, count: int) -> Array:
    """``starts`` of the bags that are not empty; ``bags`` says for each row of x which one it is in."""
    out: Array = fresh((count, x.shape[1]), x)
    if type(x) is not np.ndarray:
        np.add.at(out, bags, x)
    elif starts.size:
        out[bags[starts]] = np.add.reduceat(x, starts, axis=0)
    return out


def _sum_bags_rule(g: Any, _y: Any, _x: Any, starts: Array, bags: Array, count: int) -> Any:
    if isinstance(g, Tensor):
        return apply(_SPREAD_BAGS, (g,), starts, bags, count)
    return g.take(bags, 0)


def _spread_bags_rule(g: Any, _y: Any, _x: Any, starts: Array, bags: Array, count: int) -> Any:
    if isinstance(g, Tensor):
        return apply(_SUM_BAGS, (g,), starts, bags, count)
    return _sum_bags(g, starts, bags, count)


_SUM_BAGS = Operation("sum_bags", _sum_bags, _sum_bags_rule)
_SPREAD_BAGS = Operation("spread_bags", lambda x, _starts, bags, _count: x.take(bags, 0), _spread_bags_rule)


def _largest(weight: Tensor, index: Array, starts: Array, bags: Array, count: int) -> Tensor:
    """The largest elements of each bag (the first of equal ones); 0 for an empty bag."""
    size = weight.shape[1]
    places = np.zeros((count, size), np.int64)
    empty = np.ones((count, 1), bool)
    if starts.size:
        rows = weight._array.take(index, 0)
        filled = bags[starts]
        top = np.zeros((count, size), rows.dtype)
        top[filled] = np.maximum.reduceat(rows, starts, axis=0)
        found = (rows == top[bags]) | (rows != rows)
        first = np.where(found, np.arange(len(rows))[:, None], len(rows))
        places[filled] = index[np.minimum.reduceat(first, starts, axis=0)] * size + np.arange(size)
        empty[filled] = False
    elif not weight._array.size:
        return weight.sum() + Tensor._wrap(np.zeros((count, size), weight._array.dtype))
    taken = weight.reshape(-1)[Tensor._wrap(places)]
    return taken.masked_fill(Tensor._wrap(empty), 0)


# --- the function -------------------------------------------------------------------------------------------


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of each bag of rows of ``weight``: (bags, size), 0 for an empty bag.

    Args:
        input: integers: (B, N), B bags of N indices each; or (N,) with ``offsets``.
        weight: the table (rows, size).
        offsets: where each bag starts in a 1-D ``input``: (B,), from 0 on, not decreasing.
        max_norm: first scale the named rows down, in place, to at most this ``norm_type``-norm.
        scale_grad_by_freq: divide a row's gradient by how often ``input`` names the row; not for "max".
        mode: "sum", "mean" or "max" (whose gradient goes to the first of equal elements).
        sparse: accepted; the gradient is dense all the same.
        per_sample_weights: factors of the rows, of input's shape; for "sum" only.
        include_last_offset: the last of ``offsets`` is the end of the last bag.
        padding_idx: indices of this row do not count.

    Backward needs the indices; of "sum" with ``per_sample_weights`` the rows too.
    Errors: ValueError for shapes and modes, NotImplementedError for weights of other modes, RuntimeError for
    dtypes, offsets and indices out of range.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> table = at.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> F.embedding_bag(at.tensor([0, 2, 1]), table, at.tensor([0, 2]))
    tensor([[3., 4.],
            [3., 4.]])
    """
    name = "embedding_bag"
    input, weight = tensor_input(input, "input", name), tensor_input(weight, "weight", name)
    if weight._array.dtype.kind in "iu" and input._array.dtype.kind == "f":
        warnings.warn(
            "Argument order of nn.functional.embedding_bag was changed: (input, weight, offsets=None, ...); "
            "give them by name",
            stacklevel=2,
        )
        input, weight = weight, input
    factors = (
        None if per_sample_weights is None else tensor_input(per_sample_weights, "per_sample_weights", name)
    )
    index, bounds = _bags(input, weight, offsets, factors, include_last_offset)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"mode has to be one of sum, mean or max, got {mode!r}")
    if mode == "max" and (scale_grad_by_freq or sparse):
        what = "scaling the gradient by the frequency" if scale_grad_by_freq else "sparse weights"
        raise ValueError(f"max mode does not support {what}")
    rows = weight.shape[0]
    _check(index, weight, factors, mode)
    index = index.astype(np.int64, copy=False)
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise RuntimeError(
            f"padding_idx must be within the number of embeddings, -{rows} through {rows - 1}, but got "
            f"{padding_idx}"
        )
    if max_norm is not None:
        shorten(weight, np.unique(index), max_norm, norm_type)
    bags = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    if len(bags) != len(index):  # behind the last bag
        index = index[: len(bags)]
        factors = None if factors is None else factors.reshape(-1)[: len(bags)]
    if padding_idx is not None:
        kept = np.flatnonzero(index != padding_idx % rows)
        index, bags = index[kept], bags[kept]
        factors = None if factors is None else factors.reshape(-1)[Tensor._wrap(kept)]
    count = len(bounds) - 1
    starts = np.flatnonzero(np.diff(bags, prepend=-1))
    if mode == "max":
        return _largest(weight, index, starts, bags, count)
    taken = embedding(Tensor._wrap(index), weight, scale_grad_by_freq=scale_grad_by_freq)
    if factors is not None:
        taken = taken * factors.reshape(-1, 1)
    sums: Tensor = apply(_SUM_BAGS, (taken,), starts, bags, count)
    if mode == "sum":
        return sums
    sizes = np.maximum(np.bincount(bags, minlength=count), 1)
    return sums / Tensor._wrap(sizes.astype(weight._array.dtype)[:, None])


def _bags(
    input: Tensor, weight: Tensor, offsets: Tensor | None, factors: Tensor | None, include_last_offset: bool
) -> tuple[Array, Array]:
    """The indices in one row, and where in it the bags start and the last one ends."""
    if factors is not None and factors.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({factors.shape}) is not None, then it must have the same "
            f"shape as the input ({input.shape})"
        )
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    index = input._array.reshape(-1)
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed "
                f"length sequences. However, found offsets of type {type(offsets)}"
            )
        return index, np.arange(input.shape[0] + 1) * input.shape[1]
    if input.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    bounds = tensor_input(offsets, "offsets", "embedding_bag")._array
    if bounds.ndim != 1:
        raise ValueError(f"offsets has to be a 1D Tensor, but got {bounds.ndim} dimensions")
    if bounds.dtype.kind not in "iu":
        raise RuntimeError(f"embedding_bag: offsets must be integers, got {offsets.dtype}")
    if include_last_offset and not bounds.size:
        raise RuntimeError("include_last_offset: number of offset should be at least 1")
    if bounds.size:
        if bounds[0] != 0:
            raise RuntimeError(
                "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
                f"position 0. However, got {bounds[0]}"
            )
        if bounds[-1] > index.size:
            raise RuntimeError(
                f"offsets[-1] can not be greater than input's length {index.size} but got offsets[-1] of "
                f"{bounds[-1]}"
            )
        if (bounds[1:] < bounds[:-1]).any():
            raise RuntimeError(f"embedding_bag: offsets must not decrease, got {bounds.tolist()}")
    if not include_last_offset:
        bounds = np.append(bounds, index.size if bounds.size else 0)
    return index, bounds


def _check(index: Array, weight: Tensor, factors: Tensor | None, mode: str) -> None:
    if index.dtype.kind not in "iu":
        raise RuntimeError(f"embedding_bag: input must be integers, got {index.dtype.name}")
    if weight._array.dtype.kind != "f":
        raise RuntimeError(f"embedding_bag: weight must be floating, got {weight.dtype}")
    if factors is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for "
            f"mode='sum' (got mode='{mode}')."
        )
    if factors is not None and factors.dtype != weight.dtype:
        raise RuntimeError(
            "embedding_bag: expected weight and per_sample_weights of one dtype, but got "
            f"{weight.dtype} and {factors.dtype}"
        )
    wrong = index[(index < 0) | (index >= weight.shape[0])]
    if wrong.size:
        raise RuntimeError(
            f"embedding_bag: index {wrong[0]} of input is not in the valid range [0, {weight.shape[0]})"
        )
