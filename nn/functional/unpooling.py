"""The partial inverse of max pooling: values put back where the maxima were."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from autotape.engine.batched import somewhere
from autotape.engine.operands import tensor_input
from autotape.engine.operation import apply
from autotape.engine.tensor import Tensor
from autotape.nn.functional._windows import per_dim
from autotape.ops.selecting import GATHER_ADJOINT

__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]

Shape = tuple[int, ...]


def _unpooled_size(
    shape: Shape, kernel: Shape, stride: Shape, padding: Shape, output_size: Sequence[int] | None
) -> Shape:
    """The size asked for, if max pooling can map it to the input's, or the smallest such."""
    n = len(kernel)
    default = tuple([(i - 1) * s + k - 2 * p for i, k, s, p in zip(shape[-n:], kernel, stride, padding)])
    if output_size is None:
        return default
    size = tuple(output_size)
    if len(size) == n + 2:
        size = size[2:]
    if len(size) != n:
        raise ValueError(
            f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a length of "
            f"'{len(size)}'"
        )
    for d, (wanted, middle, s) in enumerate(zip(size, default, stride)):
        if not middle - s < wanted < middle + s:
            raise ValueError(
                f'invalid output_size "{size}" (dim {d} must be between {middle - s} and {middle + s})'
            )
    return size


def _max_unpool(
    n: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    name = f"max_unpool{n}d"
    input, indices = tensor_input(input, "input", name), tensor_input(indices, "indices", name)
    shape, at = input._array.shape, indices._array
    kernel = per_dim(name, "kernel_size", kernel_size, n)
    step = kernel if stride is None else per_dim(name, "stride", stride, n)
    before = per_dim(name, "padding", padding, n)
    if len(shape) not in (n + 1, n + 2):
        raise RuntimeError(
            f"Input to {name} should be a {n + 1}d or {n + 2}d Tensor, but got a tensor with {len(shape)} "
            "dimensions."
        )
    size = _unpooled_size(shape, kernel, step, before, output_size)
    if at.dtype != np.int64:
        raise RuntimeError(f"{name}(): elements in indices should be type int64 but got: {indices.dtype}")
    if at.shape != shape:
        raise RuntimeError(
            f"{name}(): Expected shape of indices to be same as that of the input tensor ({list(shape)}) but "
            f"got indices tensor with shape: {list(at.shape)}"
        )
    if min(step) <= 0:
        raise RuntimeError(f"{name}(): strides should be greater than zero, but got stride: {list(step)}")
    if 0 in shape[len(shape) - n - 1 :] or min(size) <= 0:
        raise RuntimeError(
            f"{name}(): Expected input to have non-zero size for non-batch dimensions and a positive output "
            f"size, but got input {list(shape)} and output {list(size)}"
        )
    plane = prod(size)
    # Read as unsigned, a negative index is a very large one.
    if at.size and somewhere(np.maximum.reduce(at.view(np.uint64), axis=None) >= plane):
        wrong = at[(at < 0) | (at >= plane)][0]
        raise RuntimeError(
            f"Found an invalid max index: {wrong} (output volumes are of size {'x'.join(map(str, size))})"
        )
    lead = shape[: len(shape) - n]
    first = np.arange(0, prod(lead) * plane, plane).reshape(*lead, *[1] * n)
    # Not added up: of equal places (overlapping windows) the last one stays, and each gets the gradient.
    return apply(GATHER_ADJOINT, (input,), at + first, True, (*lead, *size))  # type: ignore[no-any-return]


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Zeros with the elements of ``input`` in their places over one dimension; see :func:`max_unpool2d`.

    Shapes: input and indices (n, c, L) or (c, L).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.max_unpool1d(*F.max_pool1d(at.tensor([[1.0, 3.0, 5.0, 2.0]]), 2, return_indices=True), 2)
    tensor([[0., 3., 5., 0.]])
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Zeros with the elements of ``input`` in the places ``indices`` that :func:`max_pool2d` found them in.

    Args:
        input, indices: (n, c, H, W) or (c, H, W); indices (int64) count in a flattened plane of the result.
        kernel_size, stride, padding: those of the max pooling.
        output_size: the size before it, as several sizes are pooled to one; by default
            ``(H - 1) * stride - 2 * padding + kernel_size``.

    The derivative is g in those places. Errors: RuntimeError for an index out of range and for shapes or
    dtypes that do not fit, ValueError for an impossible output_size.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.max_unpool2d(at.tensor([[[7.0]]]), at.tensor([[[2]]]), 2)
    tensor([[[0., 0.],
             [7., 0.]]])
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Zeros with the elements of ``input`` in their places in volumes; see :func:`max_unpool2d`.

    Shapes: input and indices (n, c, D, H, W) or (c, D, H, W).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.max_unpool3d(*F.max_pool3d(at.ones(1, 4, 4, 4), 2, return_indices=True), 2).sum()
    tensor(8.)
    """
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
