"""Making tensors like another tensor: ``zeros_like(x)`` in its shape, ``x.new_zeros(...)`` in its dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.arrays import from_data, kept_order
from autotape.engine.dtypes import DTypeLike
from autotape.engine.operation import implements
from autotape.engine.tensor import Tensor
from autotape.ops.creation import dtype_or, empty, fill_array, finish, full, ones, warn_of_copy, zeros

__all__ = ["empty_like", "full_like", "ones_like", "zeros_like"]

methods = ["new_empty", "new_full", "new_ones", "new_tensor", "new_zeros"]
in_place: list[str] = []


def tensor_argument(value: Any, function: str) -> Tensor:
    """The ``input`` of the functions that make a tensor like another."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{function}(): argument 'input' (position 1) must be Tensor, not {type(value).__name__}"
        )
    return value


@implements(np.zeros_like)
def zeros_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Zeros in the shape, dtype and memory order of ``input`` (``memory_format`` is accepted and ignored).

    >>> import autotape as at
    >>> at.zeros_like(at.tensor([1, 2]))
    tensor([0, 0])
    """
    x = tensor_argument(input, "zeros_like")._array
    return finish(np.zeros_like(x, dtype_or(dtype, x.dtype), kept_order(x)), device, requires_grad)


@implements(np.ones_like)
def ones_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Ones in the shape, dtype and memory order of ``input``.

    >>> import autotape as at
    >>> at.ones_like(at.tensor([1.5, 2.5]), dtype=at.int64)
    tensor([1, 1])
    """
    x = tensor_argument(input, "ones_like")._array
    return finish(np.ones_like(x, dtype_or(dtype, x.dtype), kept_order(x)), device, requires_grad)


@implements(np.empty_like)
def empty_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Whatever the memory holds, in the shape, dtype and memory order of ``input``.

    >>> import autotape as at
    >>> at.empty_like(at.ones(2, 3)).shape
    autotape.Size([2, 3])
    """
    x = tensor_argument(input, "empty_like")._array
    return finish(np.empty_like(x, dtype_or(dtype, x.dtype), kept_order(x)), device, requires_grad)


@implements(np.full_like)
def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """``fill_value`` everywhere, in the shape, dtype and memory order of ``input``.

    >>> import autotape as at
    >>> at.full_like(at.tensor([1.5, 2.5]), 7)
    tensor([7., 7.])
    """
    x = tensor_argument(input, "full_like")._array
    value = fill_array(fill_value, "full_like", dtype_or(dtype, x.dtype))
    return finish(np.full_like(x, value, value.dtype, kept_order(x)), device, requires_grad)


def new_tensor(
    input: Tensor,
    data: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """:func:`autotape.tensor` with this tensor's dtype as the default.

    >>> import autotape as at
    >>> at.ones(1, dtype=at.float64).new_tensor([1, 2])
    tensor([1., 2.], dtype=autotape.float64)
    """
    if isinstance(data, Tensor):
        warn_of_copy("tensor.new_tensor")
        data = data._array
    return finish(from_data(data, dtype_or(dtype, input._array.dtype)), device, requires_grad)


def new_zeros(
    input: Tensor,
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """:func:`autotape.zeros` with this tensor's dtype as the default.

    >>> import autotape as at
    >>> at.tensor([1, 2]).new_zeros(3)
    tensor([0, 0, 0])
    """
    return zeros(
        *shape,
        size=size,
        dtype=input.dtype if dtype is None else dtype,
        device=device,
        requires_grad=requires_grad,
    )


def new_ones(
    input: Tensor,
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """:func:`autotape.ones` with this tensor's dtype as the default.

    >>> import autotape as at
    >>> at.tensor([1, 2]).new_ones(3)
    tensor([1, 1, 1])
    """
    return ones(
        *shape,
        size=size,
        dtype=input.dtype if dtype is None else dtype,
        device=device,
        requires_grad=requires_grad,
    )


def new_empty(
    input: Tensor,
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """:func:`autotape.empty` with this tensor's dtype as the default.

    >>> import autotape as at
    >>> at.tensor([1, 2]).new_empty(3).dtype
    autotape.int64
    """
    return empty(
        *shape,
        size=size,
        dtype=input.dtype if dtype is None else dtype,
        device=device,
        requires_grad=requires_grad,
    )


def new_full(
    input: Tensor,
    size: Any,
    fill_value: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """:func:`autotape.full` with this tensor's dtype as the default.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0]).new_full((3,), 7)
    tensor([7., 7., 7.])
    """
    return full(
        size,
        fill_value,
        dtype=input.dtype if dtype is None else dtype,
        device=device,
        requires_grad=requires_grad,
    )
