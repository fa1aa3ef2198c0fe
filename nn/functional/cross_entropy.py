"""Losses of class indices: the negative log likelihood and the cross entropy."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.batched import is_batched, wholly
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.nn.functional._common import floating_input, reduced, reduction_of
from autotape.ops import activations
from autotape.ops._rules import array_of
from autotape.ops.fused import softmax_cross_entropy

__all__ = ["cross_entropy", "nll_loss"]

Array = np.ndarray[Any, Any]
_INT64 = np.dtype(np.int64)


def _targets(function: str, input: Tensor, target: Tensor) -> Array:
    """The class indices as int64, after a look at dtype and shape."""
    x, t = input._array, target._array
    if x.ndim == 0:
        raise ValueError(f"{function}: Expected 1 or more dimensions (got 0)")
    if t.dtype not in (np.int64, np.uint8):
        raise RuntimeError(f"{function}: expected target dtype to be int64 or uint8, but got {target.dtype}")
    if x.ndim == 1:
        expected: tuple[int, ...] = ()
        if t.shape == (1,):
            t = t.reshape(())
    else:
        expected = (x.shape[0], *x.shape[2:])
        if t.ndim and t.shape[0] != expected[0]:
            raise ValueError(
                f"{function}: Expected input batch_size ({expected[0]}) to match target batch_size "
                f"({t.shape[0]})."
            )
    if t.shape != expected:
        if x.ndim <= 2:
            raise RuntimeError(
                f"{function}: 0D or 1D target tensor expected, multi-target not supported "
                f"(input {list(x.shape)}, target {list(t.shape)})"
            )
        raise RuntimeError(
            f"{function}: Expected target size {list(expected)}, got {list(t.shape)} (input {list(x.shape)})"
        )
    return t.astype(np.int64, copy=False)


def _weights(function: str, weight: Tensor | None, input: Tensor, classes: int) -> Array | None:
    """The weights of the classes, after a look at dtype and shape."""
    if weight is None:
        return None
    w = tensor_input(weight, "weight", function)._array
    if w.shape != (classes,):
        raise RuntimeError(
            f"{function}: weight tensor should be defined either for all {classes} classes or no classes "
            f"but got weight tensor of shape: {list(w.shape)}"
        )
    if w.dtype != input._array.dtype:
        raise RuntimeError(
            f"{function}: expected weight of dtype {input.dtype}, as of input, but found {weight.dtype}"
        )
    return w


def _counted(target: Array, classes: int, ignore_index: int) -> Array | None:
    """Which targets count, None for all of them; IndexError for one that is no class."""
    # Read as unsigned, a negative index is a very large one: one pass finds both.
    if target.size == 0:
        return None
    ignores_a_class = 0 <= ignore_index < classes
    if not ignores_a_class and wholly(np.maximum.reduce(target.view(np.uint64), None) < classes):
        return None
    counted = as_array(target != ignore_index)
    wrong = counted & ((target < 0) | (target >= classes))
    if wrong.any():
        raise IndexError(f"Target {target[wrong][0]} is out of bounds: it is not in [0, {classes}).")
    return None if counted.all() else counted


def _not_a_number(like: Tensor) -> Tensor:
    """The mean over no targets: NaN, whose gradient is zero."""
    return (like * 0).sum() + np.nan


def _without(losses: Tensor, counted: Array) -> Tensor:
    """The losses with zeros where they do not count, also where they are infinite."""
    return losses.masked_fill(Tensor._wrap(np.logical_not(counted, out=np.empty_like(counted))), 0)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative log likelihood ``-weight[t] * input[t]`` of class indices t, reduced.

    Args:
        input: log probabilities (C), (N, C) or (N, C, d1, d2, ...) of C classes.
        target: class indices (), (N) or (N, d1, d2, ...), int64 or uint8.
        weight: a factor for each class (C); "mean" divides by the sum of the factors used.
        ignore_index: targets of this value do not count; the mean of none is NaN.

    Errors: IndexError for a target that is no class; ValueError or RuntimeError for shapes and dtypes.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.nll_loss(at.tensor([[-0.5, -1.0], [-2.0, -0.1]]), at.tensor([1, 0]))
    tensor(1.5000)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input = floating_input(input, "nll_loss")
    target = tensor_input(target, "target", "nll_loss")
    return _nll("nll_loss", input, target, weight, ignore_index, reduction)


# The sum of factor[i] * x[at[i]], at flat places of x, divided by a constant: one pass each way.


def _picked(x: Array, at: Array, factor: Any, scale: float) -> Any:
    found = x.reshape(-1).take(at)
    return (found.sum() if factor is None else found.dot(factor)) * scale


def _picked_rule(g: Any, _y: Any, x: Any, at: Array, factor: Any, scale: float) -> Any:
    weights = np.zeros(x.shape, array_of(x).dtype)
    weights.reshape(-1)[at] = scale if factor is None else factor * scale
    return g * weights


def _picked_raw_rule(g: Array, _y: Any, x: Array, at: Array, factor: Any, scale: float) -> Any:
    gx = np.zeros(x.shape, x.dtype)
    gx.reshape(-1)[at] = g * scale if factor is None else factor * (g * scale)
    return gx


_PICKED = Operation("nll_loss", _picked, _picked_rule, raw=(_picked_raw_rule,))


def _flat_places(t: Array, shape: tuple[int, ...]) -> Array:
    """The places of the elements [i, t[i, j...], j...] in a row-major array."""
    if len(shape) == 1:
        return t.reshape(1)
    rows, classes = shape[:2]
    inner = prod(shape[2:])
    at = np.arange(rows)[:, None] * classes + t.reshape(rows, inner)
    return (at if inner == 1 else at * inner + np.arange(inner)).reshape(-1)


def _nll(
    function: str, input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    t = _targets(function, input, target)
    x = input._array
    dim = 0 if x.ndim == 1 else 1
    classes = x.shape[dim]
    w = _weights(function, weight, input, classes)
    counted = _counted(t, classes, ignore_index)
    if reduction in ("mean", "sum") and x.size and not (is_batched(x) or is_batched(t) or is_batched(w)):
        used = t if counted is None else t[counted]
        if used.size or reduction == "sum":
            at = _flat_places(t, x.shape)
            if counted is not None:
                at = at[counted.reshape(-1)]
            factor = None if w is None else w.take(used.reshape(-1))
            total = used.size if factor is None else float(factor.sum(dtype=np.float64))
            scale = -1.0 if reduction == "sum" else -1 / total if total else -np.inf
            return apply(_PICKED, (input,), at, factor, scale)  # type: ignore[no-any-return]
    safe = t if counted is None else np.where(counted, t, 0)
    if safe.size == 0 or classes == 0:
        picked = input.sum(dim)
    else:
        picked = input.gather(dim, Tensor._wrap(np.expand_dims(safe, dim))).squeeze(dim)
    if counted is None and w is None:
        return reduced(-picked, reduction)
    factor = as_array(np.ones(t.shape, x.dtype) if w is None else np.take(w, safe))
    if counted is not None:
        if reduction == "mean" and not counted.any():
            return _not_a_number(picked)
        factor = as_array(np.where(counted, factor, 0))
        picked = _without(picked, counted)
    losses = picked * Tensor._wrap(np.negative(factor, dtype=factor.dtype, out=factor))
    if reduction == "mean":
        total = factor.sum(dtype=np.float64)
        return losses.sum() / -(float(total) if type(factor) is np.ndarray else Tensor._wrap(total))
    return reduced(losses, reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross entropy of softmax(input) and class indices or class probabilities, without overflow.

    Of class indices t: ``-weight[t] * log softmax(input)[t]``; of probabilities q (a target of the input's
    shape): ``-sum_c weight[c] * q[c] * log softmax(input)[c]``; reduced.

    Args:
        input: logits (C), (N, C) or (N, C, d1, d2, ...) of C classes.
        target: class indices (), (N) or (N, d1, d2, ...), int64 or uint8; or floating, of the input's shape.
        weight: a factor for each class (C); "mean" divides by the sum of the factors used by indices.
        ignore_index: target indices of this value do not count; the mean of none is NaN.
        label_smoothing: the share s in [0, 1] of a uniform distribution in the target: (1 - s) q + s / C.

    Errors: IndexError for a target that is no class; ValueError or RuntimeError for shapes and dtypes.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.cross_entropy(at.tensor([[0.0, 1.0]]), at.tensor([1])), F.cross_entropy(at.zeros(2), at.ones(2) / 2)
    (tensor(0.3133), tensor(0.6931))
    """
    plain = weight is None and size_average is None and reduce is None and reduction == "mean"
    if plain and not label_smoothing and ignore_index < 0:
        # The common call, without the generality below: 2 us less on a step of 50 (benchmarks/small_step.py).
        try:
            x, t = input._array, target._array
            if (
                x.dtype.kind == "f"
                and t.dtype is _INT64
                and x.ndim == 2
                and t.shape == x.shape[:1]
                and x.size
            ):
                return softmax_cross_entropy(input, t)
        except (AttributeError, ValueError):  # not Tensors; targets that are ignored or no classes
            pass
    reduction = reduction_of(reduction, size_average, reduce)
    input = floating_input(input, "cross_entropy")
    target = tensor_input(target, "target", "cross_entropy")
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    x, t = input._array, target._array
    if x.shape == t.shape and x.ndim:
        return _of_probabilities(input, target, weight, ignore_index, reduction, label_smoothing)
    if label_smoothing:
        return _smoothed(input, target, weight, ignore_index, reduction, label_smoothing)
    if x.ndim == 2 and x.size and reduction in ("mean", "sum"):
        t = _targets("cross_entropy", input, target)
        if _counted(t, x.shape[1], ignore_index) is None:
            w = _weights("cross_entropy", weight, input, x.shape[1])
            return softmax_cross_entropy(input, t, w, reduction == "mean")
    if x.ndim == 0:
        raise ValueError("cross_entropy: Expected 1 or more dimensions (got 0)")
    logs = activations.log_softmax(input, 0 if x.ndim == 1 else 1)
    return _nll("cross_entropy", logs, target, weight, ignore_index, reduction)


def _class_shape(input: Tensor, dim: int) -> list[int]:
    shape = [1] * input.ndim
    shape[dim] = input.shape[dim]
    return shape


def _of_probabilities(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    if target._array.dtype.kind != "f":
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {target.dtype}"
        )
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    dim = 0 if input.ndim == 1 else 1
    classes = input._array.shape[dim]
    w = _weights("cross_entropy", weight, input, classes)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    terms = activations.log_softmax(input, dim) * target
    if w is not None:
        terms = terms * Tensor._wrap(w.reshape(_class_shape(input, dim)))
    if reduction == "mean":
        return -terms.sum() / (input.numel() / classes) if input.numel() else _not_a_number(terms)
    return reduced(-terms.sum(dim), reduction)


def _smoothed(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    t = _targets("cross_entropy", input, target)
    dim = 0 if input.ndim == 1 else 1
    classes = input._array.shape[dim]
    w = _weights("cross_entropy", weight, input, classes)
    counted = _counted(t, classes, ignore_index)
    logs = activations.log_softmax(input, dim)
    at_target = _nll("cross_entropy", logs, target, weight, ignore_index, reduction)
    if w is not None:
        logs = logs * Tensor._wrap(w.reshape(_class_shape(input, dim)))
    everywhere: Tensor = -logs.sum(dim)
    if counted is not None:
        everywhere = _without(everywhere, counted)
    if reduction == "mean":
        if t.size == 0 or (counted is not None and not counted.any()):
            everywhere = _not_a_number(everywhere)
        else:
            used = t if counted is None else t[counted]
            total = used.size if w is None else float(w[used].sum(dtype=np.float64))
            everywhere = everywhere.sum() / total
    else:
        everywhere = reduced(everywhere, reduction)
    smoothed: Tensor = at_target * (1 - label_smoothing) + everywhere * (label_smoothing / classes)
    return smoothed
