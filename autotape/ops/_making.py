"""What all functions that make a tensor share: sizes, dtypes, memory order, and the finished leaf."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.arrays import from_data, kept_order
from autotape.engine.basics import on_cpu
from autotape.engine.dtypes import DTypeLike, default_dtype, from_numpy_dtype, to_numpy_dtype
from autotape.engine.out import store
from autotape.engine.tensor import Tensor, new_tensor

__all__ = [
    "arranged",
    "check_layout",
    "checked_size",
    "count_of",
    "fill_array",
    "finish",
    "in_order",
    "integer",
    "number",
    "sampled_dtype",
    "size_of",
    "target_dtype",
    "tensor_argument",
]

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]


# --- sizes --------------------------------------------------------------------------------------------------


def size_of(size: tuple[Any, ...], keyword: Any, function: str) -> tuple[int, ...]:
    """The sizes given as ``f(2, 3)``, ``f((2, 3))`` or ``f(size=(2, 3))``."""
    if keyword is not None:
        if size:
            raise TypeError(f"{function}() got multiple values for argument 'size'")
        return checked_size(keyword, function)
    if len(size) == 1 and (isinstance(size[0], (tuple, list)) or not hasattr(size[0], "__index__")):
        return checked_size(size[0], function)
    if not size:
        raise TypeError(
            f'{function}() missing 1 required positional arguments: "size"; size=() makes a 0-d tensor'
        )
    return checked_size(size, function)


def checked_size(size: Any, function: str, name: str = "size") -> tuple[int, ...]:
    """A tuple or list of integers >= 0 as a tuple of ints."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"{function}(): argument '{name}' must be tuple of ints, not {type(size).__name__}")
    for n in size:
        if n.__class__ is not int or n < 0:
            break
    else:
        return tuple(size)
    for position, n in enumerate(size):
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(
                f"{function}(): argument '{name}' must be tuple of ints, but found element of type "
                f"{type(n).__name__} at pos {position}"
            )
    sides = tuple([n.__index__() for n in size])
    if any(n < 0 for n in sides):
        raise RuntimeError(f"{function}: Dimension {name} must be non-negative, got {list(sides)}")
    return sides


def integer(value: Any, function: str, name: str) -> int:
    """An int argument; TypeError for anything else."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{function}(): argument '{name}' must be int, not {type(value).__name__}")
    index: int = value.__index__()
    return index


def count_of(value: Any, function: str, name: str) -> int:
    """An int argument >= 0; RuntimeError for a negative one."""
    count = integer(value, function, name)
    if count < 0:
        raise RuntimeError(f"{function}: {name} must be greater or equal to 0, got {count}")
    return count


# --- dtypes and values --------------------------------------------------------------------------------------


def target_dtype(dtype: DTypeLike | None, default: DType, out: Any = None) -> DType:
    """The NumPy dtype to compute in: that of ``out``, or of the ``dtype=`` argument, or the default."""
    given = default if dtype is None else to_numpy_dtype(dtype)
    if not isinstance(out, Tensor):
        return given
    if dtype is not None and given != out._array.dtype:
        raise RuntimeError(
            f"dtype {from_numpy_dtype(given)} does not match dtype of out parameter ({out.dtype})"
        )
    return np.dtype(out._array.dtype)


def sampled_dtype(dtype: DTypeLike | None, out: Any, function: str) -> DType:
    """:func:`target_dtype` of a function with fractional values."""
    to = target_dtype(dtype, default_dtype(), out)
    if to.kind not in "fc":
        raise RuntimeError(
            f"{function} requires a floating point or complex dtype, got {from_numpy_dtype(to)}"
        )
    if to.kind == "c":
        raise NotImplementedError(f"{function} is not implemented for {from_numpy_dtype(to)}")
    return to


def number(value: Any, function: str, name: str) -> Any:
    """A Python number from a number, a NumPy scalar or a 0-d tensor that does not require grad."""
    kind = value.__class__
    if kind is int or kind is float:
        return value
    if isinstance(value, Tensor) and value._array.ndim == 0 and value._node is None:
        return value.item()
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, (int, float, complex)):
        hint = (
            " that requires grad; use detach()" if isinstance(value, Tensor) and value.requires_grad else ""
        )
        raise TypeError(f"{function}(): argument '{name}' must be Number, not {type(value).__name__}{hint}")
    return value


def fill_array(value: Any, function: str, dtype: DType | None, name: str = "fill_value") -> Array:
    """The 0-d array of a ``fill_value``; RuntimeError if ``dtype`` can't hold it."""
    value = number(value, function, name)
    if dtype is not None and dtype.kind == "f" and isinstance(value, complex):
        if value.imag:
            raise RuntimeError(
                f"value cannot be converted to type {dtype.name} without overflow: {function}() of {value}"
            )
        value = value.real
    array = from_data(value, dtype)
    if array.dtype.kind in "fc" and np.isinf(array) and not np.isinf(value):
        raise RuntimeError(
            f"value cannot be converted to type {array.dtype.name} without overflow: {function}() of {value}"
        )
    return array


def tensor_argument(value: Any, function: str) -> Tensor:
    """The ``input`` of the functions that make a tensor like another."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{function}(): argument 'input' (position 1) must be Tensor, not {type(value).__name__}"
        )
    return value


# --- memory order -------------------------------------------------------------------------------------------

_CHANNELS_LAST = {"channels_last": 4, "channels_last_3d": 5}


def _format_name(memory_format: Any) -> str:
    return str(memory_format).rpartition(".")[2]


def in_order(sides: tuple[int, ...], dtype: DType, memory_format: Any) -> Array:
    """An empty array of the shape whose memory has the order of an explicit ``memory_format``."""
    name = _format_name(memory_format)
    if name in _CHANNELS_LAST:
        rank = _CHANNELS_LAST[name]
        if len(sides) != rank:
            raise RuntimeError(f"required rank {rank} tensor to use {name} format, got shape {list(sides)}")
        return np.moveaxis(np.empty((sides[0], *sides[2:], sides[1]), dtype), -1, 1)
    if name != "contiguous_format":
        raise RuntimeError(f"unsupported memory format {memory_format!r}")
    return np.empty(sides, dtype)


def arranged(like: Array, dtype: DType, memory_format: Any = None) -> Array:
    """An empty array in the shape of ``like``, and in its memory order unless ``memory_format`` says else."""
    if memory_format is None or _format_name(memory_format) == "preserve_format":
        return np.empty_like(like, dtype, kept_order(like))
    return in_order(like.shape, dtype, memory_format)


def check_layout(layout: Any, function: str) -> None:
    """NotImplementedError unless a ``layout=`` is the one there is."""
    if layout is not None and _format_name(layout) != "strided":
        raise NotImplementedError(
            f"{function}() is implemented for strided tensors only, got: {layout}; there are no others"
        )


# --- the result ---------------------------------------------------------------------------------------------


def finish(
    array: Array,
    device: Any,
    requires_grad: bool,
    out: Tensor | None = None,
    function: str = "",
    layout: Any = None,
) -> Tensor:
    """A new leaf on ``array``; or ``out``, with the values written into it."""
    if device is not None:
        on_cpu(device)
    if layout is not None:
        check_layout(layout, function)
    made = new_tensor(Tensor)
    made._array = array
    made._node = None
    if out is not None:
        target = getattr(out, "_array", array)  # store() refuses what is no tensor
        if target.shape != array.shape:  # resized without the warning of store()
            out._array = np.empty(array.shape, target.dtype)
        made = store(out, made, function)
    if requires_grad:
        made.requires_grad = True
    return made
