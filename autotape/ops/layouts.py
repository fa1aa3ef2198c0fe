"""How a tensor lies in memory: layout and memory formats, contiguity, strides."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.arrays import kept_order
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tape import owner_of
from autotape.engine.tensor import Tensor
from autotape.ops._dims import normalize_dim

__all__ = [
    "channels_last",
    "channels_last_3d",
    "contiguous_format",
    "layout",
    "memory_format",
    "preserve_format",
    "strided",
]

methods = ["contiguous", "dim_order", "is_contiguous", "storage_offset", "stride"]
in_place: list[str] = []

Array = np.ndarray[Any, Any]


class _Named:
    """One of a fixed set of objects, known by its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"autotape.{self._name}"

    def __reduce__(self) -> str:
        return self._name


class layout(_Named):
    """The type of ``autotape.strided``, the only layout there is: elements at regular steps in memory."""


class memory_format(_Named):
    """The order in which a tensor's dimensions lie in memory: the type of ``autotape.channels_last`` ..."""


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")

_ORDERS = {channels_last: (0, 2, 3, 1), channels_last_3d: (0, 2, 3, 4, 1)}


def layout_of(input: Tensor) -> layout:
    """``autotape.strided``: what the attribute ``x.layout`` of every tensor is."""
    return strided


# --- memory formats -----------------------------------------------------------------------------------------


def in_format(x: Array, format: Any) -> bool:
    """Whether an array lies in memory as ``format`` says."""
    order = _ORDERS.get(format)
    if order is None:
        return x.flags.c_contiguous
    return x.ndim == len(order) and x.transpose(order).flags.c_contiguous


def copied(x: Array, format: Any) -> Array:
    """A copy that lies in memory as ``format`` says; None or ``preserve_format`` keeps the order."""
    if format is None or format is preserve_format:
        return x.copy(order=kept_order(x))
    if format is contiguous_format:
        return x.copy()
    order = _ORDERS.get(format)
    if order is None:
        raise TypeError(f"memory_format must be an autotape.memory_format, not {type(format).__name__}")
    if x.ndim != len(order):
        raise RuntimeError(
            f"required rank {len(order)} tensor to use {format._name} format, got shape {list(x.shape)}"
        )
    return x.transpose(order).copy().transpose([order.index(d) for d in range(x.ndim)])


_CONTIGUOUS = Operation("contiguous", copied, lambda g, _y, _x, _format: g)


def formatted(input: Tensor, format: Any) -> Tensor:
    """What ``x.to(memory_format=format)`` gives: the tensor itself if it lies so already."""
    if format is None or format is preserve_format:
        return input
    x = input._array
    if format is contiguous_format:
        lies = not any(in_format(x, f) for f in _ORDERS) or in_format(x, format)
    else:
        lies = in_format(x, format)
    return input if lies else apply(_CONTIGUOUS, (input,), format)


def contiguous(input: Tensor, memory_format: Any = contiguous_format) -> Tensor:
    """The tensor itself if its memory is in row-major order (or in ``memory_format``), otherwise such a copy.

    ``channels_last`` puts the dimensions (N, C, H, W) in memory as N, H, W, C; the shape stays.

    >>> import autotape as at
    >>> at.ones(2, 3).mT.contiguous().stride()
    (2, 1)
    >>> at.ones(1, 2, 3, 4).contiguous(memory_format=at.channels_last).stride()
    (24, 1, 8, 2)
    """
    if memory_format is preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    return input if in_format(input._array, memory_format) else apply(_CONTIGUOUS, (input,), memory_format)


def is_contiguous(input: Tensor, memory_format: Any = contiguous_format) -> bool:
    """Whether the elements lie in memory in row-major order (or in ``memory_format``) without gaps.

    >>> import autotape as at
    >>> at.ones(2, 3).mT.is_contiguous()
    False
    """
    return bool(in_format(input._array, memory_format))


# --- strides ------------------------------------------------------------------------------------------------


def stride(input: Tensor, dim: int | None = None) -> Any:
    """How many elements apart in memory neighbours along each dimension (or along ``dim``) are.

    >>> import autotape as at
    >>> at.ones(2, 3).stride(), at.ones(2, 3).stride(0)
    ((3, 1), 3)
    """
    x = input._array
    if dim is None:
        return tuple([s // x.itemsize for s in x.strides])
    return x.strides[normalize_dim(dim, x.ndim)] // x.itemsize


def storage_offset(input: Tensor) -> int:
    """How many elements after the beginning of its memory the tensor's first element lies.

    >>> import autotape as at
    >>> at.arange(6)[2:].storage_offset()
    2
    """
    return memory(input._array)[1] // input._array.itemsize


def dim_order(input: Tensor, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions from the outermost to the innermost in memory.

    >>> import autotape as at
    >>> at.ones(2, 3).dim_order(), at.ones(2, 3).mT.dim_order()
    ((0, 1), (1, 0))
    """
    strides = tensor_input(input, "input", "dim_order")._array.strides
    return tuple(sorted(range(len(strides)), key=lambda d: -abs(strides[d])))


def memory(x: Array) -> tuple[Array, int]:
    """The whole memory that an array lies in, as one row of elements, and the byte where the array begins."""
    owner = owner_of(x)
    order = sorted(range(owner.ndim), key=lambda d: -abs(owner.strides[d]))
    flat = owner.transpose(order).reshape(-1)
    if not (flat.flags.c_contiguous and np.may_share_memory(flat, owner)):  # the user's array has gaps
        owner = x.base if isinstance(x.base, np.ndarray) and x.base.flags.c_contiguous else x
        flat = owner.reshape(-1) if owner.flags.c_contiguous else _span(x)
    start: int = x.__array_interface__["data"][0] - flat.__array_interface__["data"][0]
    return flat, start if flat.size else 0


def _span(x: Array) -> Array:
    """The memory from the first to the last element of an array with gaps, as one row of elements."""
    first = x[tuple(slice(-1, None) if s < 0 else slice(0, 1) for s in x.strides)]
    count = 1 + sum((n - 1) * abs(s) for n, s in zip(x.shape, x.strides)) // x.itemsize if x.size else 0
    return np.lib.stride_tricks.as_strided(first, (count,), (x.itemsize,))
