"""Making tensors by their shape: zeros, ones, one number, uninitialised, the identity matrix.

Common arguments: ``dtype`` (default as each function says), ``device`` (there is only the CPU; another one is
an error), ``requires_grad`` (floating and complex tensors only), ``out`` (a tensor that takes the values, and
whose dtype then counts), ``layout`` (there is only ``autotape.strided``); ``pin_memory`` has no effect. Sizes
are integers, ``zeros(2, 3)``, or one tuple or list of them, ``zeros((2, 3))``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike, default_dtype
from autotape.engine.tensor import Tensor
from autotape.ops._making import (
    checked_size,
    count_of,
    fill_array,
    finish,
    in_order,
    integer,
    size_of,
    target_dtype,
)

__all__ = ["empty", "empty_permuted", "empty_strided", "eye", "full", "ones", "zeros"]

Array = np.ndarray[Any, Any]


def zeros(
    *shape: Any,
    size: Any = None,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of zeros, in the default dtype unless ``dtype`` is given.

    >>> import autotape as at
    >>> at.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    sides = size_of(shape, size, "zeros")
    to = target_dtype(dtype, default_dtype(), out)
    return finish(np.zeros(sides, to), device, requires_grad, out, "zeros", layout)


def ones(
    *shape: Any,
    size: Any = None,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of ones, in the default dtype unless ``dtype`` is given.

    >>> import autotape as at
    >>> at.ones((2,), dtype=at.int64)
    tensor([1, 1])
    """
    array = np.empty(size_of(shape, size, "ones"), target_dtype(dtype, default_dtype(), out))
    array.fill(1)
    return finish(array, device, requires_grad, out, "ones", layout)


def empty(
    *shape: Any,
    size: Any = None,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of whatever the memory holds, in the default dtype unless ``dtype`` is given.

    >>> import autotape as at
    >>> at.empty(2, 3).shape
    autotape.Size([2, 3])
    """
    sides = size_of(shape, size, "empty")
    to = target_dtype(dtype, default_dtype(), out)
    array = np.empty(sides, to) if memory_format is None else in_order(sides, to, memory_format)
    return finish(array, device, requires_grad, out, "empty", layout)


def full(
    size: Any,
    fill_value: Any,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of shape ``size`` (a tuple) that holds ``fill_value`` everywhere, in the dtype of that number.

    Errors: RuntimeError if ``dtype`` can't hold the value.

    >>> import autotape as at
    >>> at.full((2,), 3.5), at.full((2,), 7)
    (tensor([3.5000, 3.5000]), tensor([7, 7]))
    """
    sides = checked_size(size, "full")
    no_default: Any = None  # the dtype of the value
    value = fill_array(fill_value, "full", target_dtype(dtype, no_default, out))
    return finish(np.full(sides, value), device, requires_grad, out, "full", layout)


def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of whatever the memory holds, whose elements lie ``stride`` (counted in elements) apart.

    Errors: RuntimeError for negative strides, or as many strides as dimensions.

    >>> import autotape as at
    >>> at.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    sides = checked_size(size, "empty_strided")
    steps = checked_size(stride, "empty_strided", "stride")
    if len(sides) != len(steps):
        raise RuntimeError(
            f"dimensionality of sizes ({len(sides)}) must match dimensionality of strides ({len(steps)})"
        )
    to = target_dtype(dtype, default_dtype())
    length = 1 + sum([(n - 1) * step for n, step in zip(sides, steps)]) if 0 not in sides else 0
    strides = tuple([step * to.itemsize for step in steps])
    array: Array = np.ndarray(sides, to, np.empty(length, to), 0, strides)
    return finish(array, device, requires_grad, None, "empty_strided", layout)


def empty_permuted(
    size: Any,
    physical_layout: Any,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of whatever the memory holds, whose dimensions lie there in the order ``physical_layout``.

    ``(0, 2, 3, 1)`` makes a batch of images with the channels last. Errors: RuntimeError unless it names each
    dimension once, counted from the front.

    >>> import autotape as at
    >>> at.empty_permuted((2, 3, 5), (0, 2, 1)).stride()
    (15, 1, 3)
    """
    sides = checked_size(size, "empty_permuted")
    order = [integer(d, "empty_permuted", "physical_layout") for d in physical_layout]
    if sorted(order) != list(range(len(sides))):
        raise RuntimeError(
            f"physical_layout {order} must name each of the {len(sides)} dimensions of size {list(sides)} "
            "once, counted from the front: Dimension out of range, missing or Duplicate dim not allowed"
        )
    array = np.empty([sides[d] for d in order], target_dtype(dtype, default_dtype()))
    return finish(
        array.transpose([order.index(d) for d in range(len(order))]),
        device,
        requires_grad,
        None,
        "empty_permuted",
        layout,
    )


def eye(
    n: int,
    m: int | None = None,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The (n, m) matrix with ones on the diagonal and zeros elsewhere; ``m`` defaults to ``n``.

    >>> import autotape as at
    >>> at.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    rows, columns = count_of(n, "eye", "n"), count_of(n if m is None else m, "eye", "m")
    array = np.eye(rows, columns, dtype=target_dtype(dtype, default_dtype(), out))
    return finish(array, device, requires_grad, out, "eye", layout)
