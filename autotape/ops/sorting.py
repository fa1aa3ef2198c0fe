"""Sorting, the k largest, distinct values and their counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.out import store
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops._reduce import Array, ValuesIndices, picking, put_along, refuse_complex, take_along

__all__ = ["argsort", "bincount", "msort", "sort", "topk", "unique", "unique_consecutive"]

methods = __all__
in_place: list[str] = []


# --- sort and topk ------------------------------------------------------------------------------------------

_SORT = picking("sort")
_TOPK = picking("topk")


def _order(x: Array, dim: int, descending: bool) -> Array:
    """The stable order along ``dim``, NaN counting as the largest."""
    if descending:  # flipped twice, so that equal elements keep their order
        order = np.flip(np.flip(x, dim).argsort(dim, kind="stable"), dim)
        return as_array(x.shape[dim] - 1 - order)
    return x.argsort(dim, kind="stable")


@dim_names
def sort(
    input: Tensor,
    dim: int = -1,
    descending: bool = False,
    stable: bool = False,
    *,
    out: tuple[Tensor, Tensor] | None = None,
) -> ValuesIndices:
    """The elements in order along ``dim``, and where they come from: a named tuple ``(values, indices)``.

    Equal elements always keep their order (``stable`` is accepted for PyTorch's sake); NaN counts as the
    largest. The gradient goes back through the permutation.

    >>> import autotape as at
    >>> values, indices = at.tensor([3.0, 1.0, 2.0]).sort()
    >>> values, indices
    (tensor([1., 2., 3.]), tensor([1, 2, 0]))
    """
    input = tensor_input(input, "input", "sort")
    x = input._array
    refuse_complex("sort", x)
    dim = normalize_dim(dim, x.ndim)
    if not x.ndim:
        return ValuesIndices(*[t.reshape(()) for t in sort(input.reshape(1), 0)])
    order = _order(x, dim, descending)
    return ValuesIndices(apply(_SORT, (input,), order, dim, x.shape), Tensor._wrap(order))


@dim_names
def argsort(
    input: Tensor,
    dim: int = -1,
    descending: bool = False,
    stable: bool = False,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The int64 indices that sort along ``dim``: ``sort(...).indices``.

    >>> import autotape as at
    >>> at.tensor([3.0, 1.0, 2.0]).argsort(descending=True)
    tensor([0, 2, 1])
    """
    x = tensor_input(input, "input", "argsort")._array
    refuse_complex("argsort", x)
    dim = normalize_dim(dim, x.ndim)
    return Tensor._wrap(_order(x, dim, descending) if x.ndim else np.zeros((), np.int64))


def msort(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements in order along the first dimension: ``sort(input, 0).values``.

    >>> import autotape as at
    >>> at.msort(at.tensor([[3.0, 1.0], [2.0, 4.0]]))
    tensor([[2., 1.],
            [3., 4.]])
    """
    values = sort(input, 0).values
    return values if out is None else store(out, values, "msort")


_SHORT, _FEW = (
    32,
    8,
)  # the length of a line up to which it is sorted; the k up to which it is searched k times


def _largest(x: Array, k: int, dim: int, largest: bool, ordered: bool) -> Array:
    """The indices of the k largest (or smallest) elements; of equals, the first where n or k is small."""
    n = x.shape[dim]
    before = (slice(None),) * dim
    index = None
    if 0 < k <= _FEW and n > _SHORT and type(x) is np.ndarray:  # it looks at values: not under vmap
        index = _picked_one_by_one(x, k, dim, largest)
    elif k in (0, n) or n <= _SHORT:
        index = _order(x, dim, largest)[(*before, slice(k))].copy()
    if index is not None:
        return index if ordered else np.sort(index, dim)
    part = x.argpartition(n - k if largest else k - 1, dim)[
        (*before, slice(n - k, n) if largest else slice(k))
    ]
    index = np.sort(part, dim)
    return take_along(index, _order(take_along(x, index, dim), dim, largest), dim) if ordered else index


def _picked_one_by_one(x: Array, k: int, dim: int, largest: bool) -> Array | None:
    """The indices of the k extremes by k searches; None where the value that marks a used one occurs."""
    if x.dtype.kind == "b":
        return None
    if x.dtype.kind == "f":
        used = -np.inf if largest else np.inf
        if not largest and np.isnan(np.minimum.reduce(x, axis=None, initial=np.inf)):
            return None  # argmin would find NaN first
    else:
        used = np.iinfo(x.dtype).min if largest else np.iinfo(x.dtype).max
    arg = np.ndarray.argmax if largest else np.ndarray.argmin
    rest = x.copy()
    found = []
    for _ in range(k):
        index = arg(rest, dim, keepdims=True)
        if (take_along(rest, index, dim) == used).any():
            return None
        put_along(rest, index, dim, used)
        found.append(index)
    return np.concatenate(found, dim)


@dim_names
def topk(
    input: Tensor,
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,
    *,
    out: tuple[Tensor, Tensor] | None = None,
) -> ValuesIndices:
    """The ``k`` largest (or smallest) elements along ``dim``, in order: a named tuple ``(values, indices)``.

    ``sorted=False`` leaves them in the order of the input. NaN counts as the largest. The gradient goes to
    the elements chosen. Errors: RuntimeError for k out of range.

    >>> import autotape as at
    >>> at.tensor([1.0, 4.0, 2.0, 3.0]).topk(2).values
    tensor([4., 3.])
    """
    input = tensor_input(input, "input", "topk")
    x = input._array
    refuse_complex("topk", x)
    dim = normalize_dim(dim, x.ndim)
    size = x.shape[dim] if x.ndim else 1
    k = k.__index__()
    if not 0 <= k <= size:
        raise RuntimeError(f"topk(): selected index k out of range: k={k}, but dim {dim} has size {size}")
    if not x.ndim:
        return ValuesIndices(*[t.reshape(()) if k else t for t in topk(input.reshape(1), k)])
    index = _largest(x, k, dim, largest, sorted)
    return ValuesIndices(apply(_TOPK, (input,), index, dim, x.shape), Tensor._wrap(index))


# --- distinct values ----------------------------------------------------------------------------------------


def _unique_rule(_g: Any, _y: Any, _x: Any, _values: Any) -> Any:
    raise NotImplementedError(
        "the derivative of unique is not implemented; index the tensor instead (x[indices])"
    )


_UNIQUE = Operation("unique", lambda _x, values: values, _unique_rule)


def unique_values(input: Tensor, values: Array) -> Tensor:
    """The distinct values found in ``input``, recorded so that backward through them is an error."""
    return apply(_UNIQUE, (input,), values)  # type: ignore[no-any-return]


@dim_names
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements in increasing order, or the distinct slices along ``dim``.

    With ``return_inverse`` also the index into them of every element (of the input's shape, or 1-d with
    ``dim``), with ``return_counts`` also how often each occurs: then a tuple. Every NaN is distinct. There
    is no derivative: backward through it is a NotImplementedError, as in PyTorch.

    >>> import autotape as at
    >>> at.tensor([3, 1, 3]).unique(return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    input = tensor_input(input, "input", "unique")
    x = input._array
    if dim is not None:
        if not x.ndim:
            raise IndexError(f"unique(): Dimension specified as {dim} but tensor has no dimensions")
        dim = normalize_dim(dim, x.ndim)
        if 0 in x.shape[:dim] + x.shape[dim + 1 :]:
            raise RuntimeError(
                f"unique(): There are 0 sized dimensions in {list(x.shape)}, and they aren't selected, so "
                "unique cannot be applied"
            )
    values, inverse, counts = quietly(lambda: np.unique(x, False, True, True, dim, equal_nan=False))
    outputs = [unique_values(input, values)]
    if return_inverse:
        outputs.append(Tensor._wrap(inverse.reshape(x.shape if dim is None else -1)))
    if return_counts:
        outputs.append(Tensor._wrap(counts))
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


@dim_names
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The first of every group of equal neighbours, of all elements in order or of the slices along ``dim``.

    ``return_inverse`` and ``return_counts`` as for :func:`unique`; no derivative either.

    >>> import autotape as at
    >>> at.unique_consecutive(at.tensor([1, 1, 2, 2, 1]), return_counts=True)
    (tensor([1, 2, 1]), tensor([2, 2, 1]))
    """
    input = tensor_input(input, "input", "unique_consecutive")
    x = input._array
    axis = 0
    if dim is None:
        lines = x.reshape(-1)
    else:
        if not x.ndim:
            raise IndexError(
                f"unique_consecutive(): Dimension specified as {dim} but tensor has no dimensions"
            )
        axis = normalize_dim(dim, x.ndim)
        lines = np.moveaxis(x, axis, 0)
        if not lines.size and lines.shape[0]:
            raise RuntimeError(
                f"unique_consecutive(): There are 0 sized dimensions in {list(x.shape)}, and they aren't "
                "selected, so unique cannot be applied"
            )
    n = lines.shape[0]
    differs = (lines[1:] != lines[:-1]).reshape(max(n - 1, 0), lines[:1].size).any(1)
    fresh = np.concatenate((np.ones(min(n, 1), bool), differs))
    first = np.flatnonzero(fresh)
    outputs = [unique_values(input, np.moveaxis(lines[first], 0, axis))]
    if return_inverse:
        inverse = np.cumsum(fresh) - 1
        outputs.append(Tensor._wrap(inverse.reshape(x.shape) if dim is None else inverse))
    if return_counts:
        outputs.append(Tensor._wrap(np.diff(first, append=n)))
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


# --- counts -------------------------------------------------------------------------------------------------


def _bincount_forward(weights: Array, index: Array, minlength: int) -> Array:
    return np.bincount(index, weights, minlength).astype(weights.dtype)


_BINCOUNT = Operation("bincount", _bincount_forward, lambda g, _y, _w, index, _minlength: g[index])


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, ... max(input) occurs, or the sum of the ``weights`` at its occurrences.

    ``input`` is 1-d, of non-negative integers. The result has at least ``minlength`` elements and is int64;
    with weights it is float32 for float32 weights, else float64, and differentiable by the weights.

    >>> import autotape as at
    >>> at.tensor([1, 0, 1]).bincount(), at.tensor([1, 0, 1]).bincount(at.tensor([0.5, 2.0, 1.0]))
    (tensor([1, 2]), tensor([2.0000, 1.5000]))
    """
    x = tensor_input(input, "input", "bincount")._array
    if x.dtype.kind not in "iu" or x.ndim != 1 or (x.size and x.min() < 0):
        raise RuntimeError(
            f"bincount only supports 1-d non-negative integral inputs, got {x.dtype.name} of shape "
            f"{list(x.shape)}" + (" with negative elements" if x.dtype.kind == "i" else "")
        )
    if minlength < 0:
        raise RuntimeError(f"bincount(): minlength should be >= 0, got {minlength}")
    index = x.astype(np.int64, copy=False)
    if weights is None:
        return Tensor._wrap(np.bincount(index, minlength=minlength).astype(np.int64, copy=False))
    weights = tensor_input(weights, "weights", "bincount")
    if weights._array.shape != x.shape:
        raise RuntimeError(
            "bincount(): weights should be 1-d and have the same length as input, got weights of shape "
            f"{list(weights._array.shape)} for input of shape {list(x.shape)}"
        )
    if weights._array.dtype not in (np.float32, np.float64):
        weights = weights.to(np.float64)
    return apply(_BINCOUNT, (weights,), index, minlength)  # type: ignore[no-any-return]
