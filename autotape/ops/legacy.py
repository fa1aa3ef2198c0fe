"""Types of tensors of one dtype, as older scripts use them: ``FloatTensor(2, 3)``."""

from __future__ import annotations

from typing import Any

from autotape.engine import dtypes
from autotape.engine.arrays import legacy_array
from autotape.engine.basics import on_cpu
from autotape.engine.dtypes import DType, to_numpy_dtype
from autotape.engine.tensor import Tensor

__all__ = [
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
]

methods = ["new"]
in_place: list[str] = []


class TensorType(type):
    """The class of those below: calling one makes a Tensor; a Tensor of its dtype is its instance."""

    dtype: DType

    def __call__(cls, *data: Any, device: Any = None) -> Tensor:
        if len(data) == 1 and isinstance(data[0], Tensor):
            if data[0].dtype != cls.dtype:
                raise TypeError(
                    f"expected a tensor of {cls.dtype} (got one of {data[0].dtype}); use tensor.to(dtype)"
                )
            return Tensor(data[0], device=device)
        on_cpu(device)
        return Tensor._wrap(legacy_array(data, to_numpy_dtype(cls.dtype)))

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype


class FloatTensor(metaclass=TensorType):
    """``FloatTensor(2, 3)`` (uninitialised, by shape) or ``FloatTensor([1.0, 2.0])``: a float32 tensor.

    >>> import autotape as at
    >>> x = at.FloatTensor([1, 2])
    >>> x, isinstance(x, at.FloatTensor), isinstance(x, at.LongTensor)
    (tensor([1., 2.]), True, False)
    """

    dtype = dtypes.float32


class DoubleTensor(metaclass=TensorType):
    """As :class:`FloatTensor`, of float64."""

    dtype = dtypes.float64


class HalfTensor(metaclass=TensorType):
    """As :class:`FloatTensor`, of float16."""

    dtype = dtypes.float16


class LongTensor(metaclass=TensorType):
    """As :class:`FloatTensor`, of int64.

    >>> import autotape as at
    >>> at.LongTensor([1, 2])
    tensor([1, 2])
    """

    dtype = dtypes.int64


class IntTensor(metaclass=TensorType):
    """As :class:`FloatTensor`, of int32."""

    dtype = dtypes.int32


class ShortTensor(metaclass=TensorType):
    """As :class:`FloatTensor`, of int16."""

    dtype = dtypes.int16


class CharTensor(metaclass=TensorType):
    """As :class:`FloatTensor`, of int8."""

    dtype = dtypes.int8


class ByteTensor(metaclass=TensorType):
    """As :class:`FloatTensor`, of uint8."""

    dtype = dtypes.uint8


class BoolTensor(metaclass=TensorType):
    """As :class:`FloatTensor`, of bool."""

    dtype = dtypes.bool


def new(input: Tensor, *data: Any, device: Any = None) -> Tensor:
    """A tensor of this one's dtype, made as the older types are: by shape (uninitialised) or from data.

    Superseded by ``new_empty``, ``new_zeros`` and ``new_tensor``, in PyTorch too.

    >>> import autotape as at
    >>> x = at.ones(1, dtype=at.int64)
    >>> x.new(2, 3).zero_().shape, x.new([1, 2])
    (autotape.Size([2, 3]), tensor([1, 2]))
    """
    on_cpu(device)
    if len(data) == 1 and isinstance(data[0], Tensor):
        return data[0].detach()
    return Tensor._wrap(legacy_array(data, input._array.dtype))
