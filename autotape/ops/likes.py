"""Making tensors like another tensor: ``zeros_like(x)`` in its shape, ``x.new_zeros(...)`` in its dtype.

``*_like`` functions keep the memory order of the input, unless ``memory_format`` asks for another
(``contiguous_format``, ``channels_last``). The other arguments are those of :mod:`autotape.ops.creation`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.arrays import from_data
from autotape.engine.batched import copy_for
from autotape.engine.dtypes import DTypeLike
from autotape.engine.levels import in_transform
from autotape.engine.operation import implements
from autotape.engine.tensor import Tensor
from autotape.ops._making import arranged, fill_array, finish, target_dtype, tensor_argument
from autotape.ops.creation import empty, empty_strided, full, ones, zeros
from autotape.ops.from_data import warn_of_copy

__all__ = ["empty_like", "full_like", "ones_like", "zeros_like"]

methods = ["new_empty", "new_empty_strided", "new_full", "new_ones", "new_tensor", "new_zeros"]
in_place: list[str] = []


def _like(
    function: str,
    input: Tensor,
    value: Any,
    dtype: Any,
    layout: Any,
    device: Any,
    requires_grad: bool,
    memory_format: Any,
) -> Tensor:
    """A tensor like ``input`` that holds ``value``, or what the memory holds for None."""
    x = tensor_argument(input, function)._array
    array = arranged(x, x.dtype if dtype is None else target_dtype(dtype, x.dtype), memory_format)
    if value is not None:
        array.fill(value)
    return finish(array, device, requires_grad, None, function, layout)


def _for_examples(made: Tensor, like: Tensor) -> Tensor:
    """In vmap, a tensor with memory for every example of ``like``: the examples may write into it."""
    if in_transform() and made._node is None:
        made._array = copy_for(made._array, like._array)
    return made


@implements(np.zeros_like)
def zeros_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Zeros in the shape, dtype and memory order of ``input``.

    >>> import autotape as at
    >>> at.zeros_like(at.tensor([1, 2]))
    tensor([0, 0])
    """
    return _like("zeros_like", input, 0, dtype, layout, device, requires_grad, memory_format)


@implements(np.ones_like)
def ones_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Ones in the shape, dtype and memory order of ``input``.

    >>> import autotape as at
    >>> at.ones_like(at.tensor([1.5, 2.5]), dtype=at.int64)
    tensor([1, 1])
    """
    return _like("ones_like", input, 1, dtype, layout, device, requires_grad, memory_format)


@implements(np.empty_like)
def empty_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Whatever the memory holds, in the shape, dtype and memory order of ``input``.

    >>> import autotape as at
    >>> at.empty_like(at.ones(2, 3)).shape
    autotape.Size([2, 3])
    """
    return _like("empty_like", input, None, dtype, layout, device, requires_grad, memory_format)


@implements(np.full_like)
def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """``fill_value`` everywhere, in the shape, dtype and memory order of ``input``.

    Errors: RuntimeError if the dtype can't hold the value.

    >>> import autotape as at
    >>> at.full_like(at.tensor([1.5, 2.5]), 7)
    tensor([7., 7.])
    """
    to = target_dtype(dtype, tensor_argument(input, "full_like")._array.dtype)
    value = fill_array(fill_value, "full_like", to)
    return _like("full_like", input, value, to, layout, device, requires_grad, memory_format)


def new_tensor(
    input: Tensor,
    data: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """:func:`autotape.tensor` with this tensor's dtype as the default.

    >>> import autotape as at
    >>> at.ones(1, dtype=at.float64).new_tensor([1, 2])
    tensor([1., 2.], dtype=autotape.float64)
    """
    if isinstance(data, Tensor):
        warn_of_copy("tensor.new_tensor")
        data = data._array
    return finish(
        from_data(data, target_dtype(dtype, input._array.dtype)),
        device,
        requires_grad,
        None,
        "new_tensor",
        layout,
    )


def new_zeros(
    input: Tensor,
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """:func:`autotape.zeros` with this tensor's dtype as the default.

    >>> import autotape as at
    >>> at.tensor([1, 2]).new_zeros(3)
    tensor([0, 0, 0])
    """
    to = target_dtype(dtype, input._array.dtype)
    made = zeros(*shape, size=size, dtype=to, layout=layout, device=device, requires_grad=requires_grad)
    return _for_examples(made, input)


def new_ones(
    input: Tensor,
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """:func:`autotape.ones` with this tensor's dtype as the default.

    >>> import autotape as at
    >>> at.tensor([1, 2]).new_ones(3)
    tensor([1, 1, 1])
    """
    to = target_dtype(dtype, input._array.dtype)
    made = ones(*shape, size=size, dtype=to, layout=layout, device=device, requires_grad=requires_grad)
    return _for_examples(made, input)


def new_empty(
    input: Tensor,
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """:func:`autotape.empty` with this tensor's dtype as the default.

    >>> import autotape as at
    >>> at.tensor([1, 2]).new_empty(3).dtype
    autotape.int64
    """
    to = target_dtype(dtype, input._array.dtype)
    made = empty(*shape, size=size, dtype=to, layout=layout, device=device, requires_grad=requires_grad)
    return _for_examples(made, input)


def new_empty_strided(
    input: Tensor,
    size: Any,
    stride: Any,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """:func:`autotape.empty_strided` with this tensor's dtype as the default.

    >>> import autotape as at
    >>> at.ones(1).new_empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    to = target_dtype(dtype, input._array.dtype)
    return empty_strided(size, stride, dtype=to, layout=layout, device=device, requires_grad=requires_grad)


def new_full(
    input: Tensor,
    size: Any,
    fill_value: Any,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """:func:`autotape.full` with this tensor's dtype as the default.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0]).new_full((3,), 7)
    tensor([7., 7., 7.])
    """
    to = target_dtype(dtype, input._array.dtype)
    made = full(size, fill_value, dtype=to, layout=layout, device=device, requires_grad=requires_grad)
    return _for_examples(made, input)
