"""A tensor with whole slices along a dimension replaced, added to or reduced, by a 1-D index."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import apply
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.ops import arithmetic
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops._places import flat_places, vector_index
from autotape.ops.assigning import SETITEM
from autotape.ops.filling import filler
from autotape.ops.indexing import add_along
from autotape.ops.scattering import reduced_into
from autotape.ops.shape import reshape

__all__ = ["index_add", "index_copy", "index_fill", "index_reduce"]

methods = in_place = __all__

Array = np.ndarray[Any, Any]

_FULL = slice(None)


@takes_out
@dim_names
def index_add(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    *,
    alpha: float = 1,
    out: Tensor | None = None,
) -> Tensor:
    """``input`` with ``alpha * source[i]`` added to its slice ``index[i]`` along ``dim``; repeats add up.

    Errors: RuntimeError if source's other sizes, its dtype or the number of indices do not fit.

    >>> import autotape as at
    >>> at.zeros(3).index_add(0, at.tensor([0, 0, 2]), at.tensor([1.0, 2.0, 3.0]))
    tensor([3., 0., 3.])
    """
    input = tensor_input(input, "input", "index_add")
    source = tensor_input(source, "source", "index_add")
    if source._array.dtype != input._array.dtype:
        raise RuntimeError(
            f"index_add_(): self ({input.dtype}) and source ({source.dtype}) must have the same scalar type"
        )
    shape = input._array.shape or (1,)
    dim = normalize_dim(dim, len(shape))
    a = vector_index("index_add", index, shape[dim], RuntimeError)
    given = source._array.shape or (1,)
    if len(given) != len(shape) or any(n != m for d, (n, m) in enumerate(zip(shape, given)) if d != dim):
        raise RuntimeError(
            f"source tensor shape must match self tensor shape, excluding the specified dimension. Got "
            f"self.shape = {list(input._array.shape)} source.shape = {list(source._array.shape)}"
        )
    if a.size != given[dim]:
        raise RuntimeError(
            f"index_add_(): Number of indices ({a.size}) should be equal to source.size(dim): "
            f"({given[dim]}), for dim: {dim}"
        )
    added = add_along(source if source._array.ndim else reshape(source, given), a, dim, shape)
    return arithmetic.add(input, added if input._array.ndim else reshape(added, ()), alpha=alpha)


def _slices(
    function: str, input: Tensor, dim: int, index: Any, source: Tensor
) -> tuple[Tensor, Tensor, int, Array]:
    """What a function of slices works on, checked: tensors of a dimension at least, the index in range."""
    if source._array.dtype != input._array.dtype:
        raise RuntimeError(
            f"{function}(): self and source expected to have the same dtype, but got (self) {input.dtype} "
            f"and (source) {source.dtype}"
        )
    shape = input._array.shape or (1,)
    given = source._array.shape or (1,)
    dim = normalize_dim(dim, len(shape))
    a = tensor_input(index, "index", function)._array
    if a.ndim < 2 and a.size != (given[dim] if dim < len(given) else 1):
        raise IndexError(
            f"{function}(): Number of indices ({a.size}) should be equal to source.size(dim) "
            f"({given[dim] if dim < len(given) else 1})"
        )
    a = vector_index(function, index, shape[dim], IndexError)
    if len(given) != len(shape) or any(n != m for d, (n, m) in enumerate(zip(shape, given)) if d != dim):
        raise RuntimeError(
            f"{function}(): Source/destination tensor must have same slice shapes. Destination slice shape: "
            f"{list(input._array.shape)} and source slice shape: {list(source._array.shape)}, apart from "
            f"dimension {dim}."
        )
    return reshape(input, shape), reshape(source, given), dim, a


@takes_out
@dim_names
def index_copy(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, out: Tensor | None = None
) -> Tensor:
    """``input`` with its slice ``index[i]`` along ``dim`` replaced by ``source[i]``.

    Where a slice is named twice the last one stays, and only it gets a gradient.

    Errors: RuntimeError if source's other sizes or its dtype do not fit, IndexError for the number of indices
    or one out of range.

    >>> import autotape as at
    >>> at.zeros(3).index_copy(0, at.tensor([2, 0]), at.tensor([1.0, 2.0]))
    tensor([2., 0., 1.])
    """
    input = tensor_input(input, "input", "index_copy")
    source = tensor_input(source, "source", "index_copy")
    whole, part, dim, a = _slices("index_copy_", input, dim, index, source)
    copied = apply(SETITEM, (whole, part), None, (None, (_FULL,) * dim + (a,), dim, False))
    return reshape(copied, input._array.shape)


@dim_names
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """``input`` with ``value``, a number or a 0-d tensor, in the slices along ``dim`` that ``index`` names.

    Negative indices count from the end. The gradient of ``input`` is 0 there, that of ``value`` the sum.

    Errors: IndexError for an index out of range, RuntimeError for a value that input's dtype can't hold.

    >>> import autotape as at
    >>> at.zeros(2, 3).index_fill(1, at.tensor([0, 2]), 5)
    tensor([[5., 0., 5.],
            [5., 0., 5.]])
    """
    input = tensor_input(input, "input", "index_fill")
    dim = normalize_dim(dim, input._array.ndim)
    number = filler("index_fill_", value, input._array.dtype)
    a = tensor_input(index, "index", "index_fill")._array
    if a.dtype.kind not in "iu":
        raise IndexError(f"index_fill_(): Expected dtype int64 for index, got {a.dtype.name}")
    if a.ndim > 1:
        raise IndexError(f"index_fill_(): Index has to be a vector/scalar, got shape {list(a.shape)}")
    whole = reshape(input, input._array.shape or (1,))
    n = whole._array.shape[dim]
    if a.size and (a.min() < -n or a.max() >= n):
        raise IndexError(f"index_fill_(): index out of range for dimension {dim} with size {n}")
    slices = np.unique(np.where(a < 0, a + n, a).reshape(-1))
    filled = apply(SETITEM, (whole, number), None, (None, (_FULL,) * dim + (slices,), dim, False))
    return reshape(filled, input._array.shape)


@takes_out
@dim_names
def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
    out: Tensor | None = None,
) -> Tensor:
    """``input`` where each slice that ``index`` names is the reduction of slices of ``source``.

    ``source[i]`` goes to slice ``index[i]`` along ``dim``; ``reduce`` is "prod", "mean", "amax" or "amin".
    The slice itself counts as one of them, unless ``include_self`` is False. Derivative and errors are those
    of :func:`scatter_reduce`.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0]).index_reduce(0, at.tensor([0, 0]), at.tensor([5.0, 3.0]), "prod")
    tensor([15.,  2.])
    """
    input = tensor_input(input, "input", "index_reduce")
    source = tensor_input(source, "source", "index_reduce")
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}."
        )
    whole, part, dim, a = _slices("index_reduce_", input, dim, index, source)
    given = part._array.shape
    along = np.broadcast_to(a.reshape((-1,) + (1,) * (len(given) - dim - 1)), given)
    places = flat_places("index_reduce", whole._array.shape, dim, along)
    return reshape(reduced_into(whole, part, places, reduce, include_self), input._array.shape)
