"""Taking tensors apart at given places: tensor_split and its kin, all of them views."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops.indexing import getitem
from autotape.ops.joining import split, split_views

__all__ = ["dsplit", "hsplit", "split_with_sizes", "tensor_split", "vsplit"]

methods = __all__
in_place: list[str] = []


@dim_names
def split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """:func:`split` by a list of sizes: views of consecutive parts along ``dim``.

    Errors: RuntimeError if the sizes do not sum to the dimension's.

    >>> import autotape as at
    >>> at.arange(5).split_with_sizes([1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """
    return split(input, list(split_sizes), dim)


@dim_names
def tensor_split(
    input: Tensor, indices_or_sections: Any = None, dim: int = 0, *, indices: Any = None, sections: Any = None
) -> tuple[Tensor, ...]:
    """Views of parts along ``dim``: so many of nearly equal size (the first are larger), or cut at indices.

    ``indices_or_sections`` is an int, a tuple of ints, or a 0-d or 1-D int64 tensor. An index counts as in a
    slice: past the end it gives an empty part. The derivative puts the parts' gradients together again.

    Errors: RuntimeError for a 0-d input, for a number of sections that is not positive, and for a tensor of
    another dtype or number of dimensions.

    >>> import autotape as at
    >>> at.arange(5).tensor_split(2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    >>> at.arange(5).tensor_split((1, 3))
    (tensor([0]), tensor([1, 2]), tensor([3, 4]))
    """
    input = tensor_input(input, "input", "tensor_split")
    where = next((w for w in (indices_or_sections, indices, sections) if w is not None), None)
    if where is None:
        raise TypeError("tensor_split() missing 1 required argument: 'indices_or_sections'")
    if isinstance(where, (Tensor, np.ndarray)):
        array = tensor_input(where)._array
        if array.dtype != np.int64:
            raise RuntimeError(
                f"tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
                f"{array.dtype.name}"
            )
        if array.ndim > 1:
            raise RuntimeError(
                f"tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
                f"one-dimensional tensor, but got a tensor with {array.ndim} dims"
            )
        where = array.tolist()
    shape = input._array.shape
    if not shape:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a 0-d one")
    dim = normalize_dim(dim, len(shape))
    n = shape[dim]
    if isinstance(where, (tuple, list)):
        cuts = [slice(operator.index(i)).indices(n)[1] for i in where]
        bounds = tuple(zip([0, *cuts], [*cuts, n]))
        if cuts != sorted(cuts):  # parts that overlap
            before = (slice(None),) * dim
            return tuple([getitem(input, (*before, slice(a, b))) for a, b in bounds])
        return split_views(input, dim, bounds)
    count = operator.index(where)
    if count <= 0:
        raise RuntimeError(f"number of sections must be larger than 0, got {count}")
    size, larger = divmod(n, count)
    return split(input, [size + 1] * larger + [size] * (count - larger), dim)


def _along(input: Tensor, where: Any, name: str, dim: int, least: int) -> tuple[Tensor, ...]:
    input = tensor_input(input, "input", name)
    shape = input._array.shape
    if len(shape) < least:
        raise RuntimeError(
            f"{name} requires a tensor with at least {least} dimension{'s' * (least > 1)}, but got a tensor "
            f"with {len(shape)} dimensions!"
        )
    if not isinstance(where, (tuple, list)):
        count = operator.index(where)
        if count <= 0 or shape[dim] % count:
            raise RuntimeError(
                f"{name} attempted to split along dimension {dim}, but the size of the dimension "
                f"{shape[dim]} is not divisible by the split_size {count}!"
            )
    return tensor_split(input, where, dim)


def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """:func:`tensor_split` side by side: along dimension 1, or 0 of a 1-D tensor.

    A number of sections must divide the dimension's size. Errors: RuntimeError for a 0-d tensor and for
    sections that do not divide.

    >>> import autotape as at
    >>> at.arange(4).reshape(2, 2).hsplit(2)
    (tensor([[0],
            [2]]), tensor([[1],
            [3]]))
    """
    return _along(input, indices_or_sections, "hsplit", 0 if input.ndim == 1 else 1, 1)


def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """:func:`tensor_split` along dimension 0 of a tensor of two dimensions or more; as :func:`hsplit`.

    >>> import autotape as at
    >>> at.arange(4).reshape(2, 2).vsplit([1])
    (tensor([[0, 1]]), tensor([[2, 3]]))
    """
    return _along(input, indices_or_sections, "vsplit", 0, 2)


def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """:func:`tensor_split` along dimension 2 of a tensor of three dimensions or more; as :func:`hsplit`.

    >>> import autotape as at
    >>> [part.shape for part in at.ones(1, 2, 4).dsplit(2)]
    [autotape.Size([1, 2, 2]), autotape.Size([1, 2, 2])]
    """
    return _along(input, indices_or_sections, "dsplit", 2, 3)
