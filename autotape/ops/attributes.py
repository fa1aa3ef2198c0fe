"""What a tensor is: its kind, sizes, dtype and place in memory; questions about tensors and dtypes."""

# PyTorch's names hide Python's in the classes and modules that use these: builtins.bool ...
from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from autotape.engine.basics import Size
from autotape.engine.dtypes import DType, from_numpy_dtype, promote_arrays, rank, scalar_dtype, type_names
from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.ops._dims import normalize_dim

__all__ = [
    "get_device",
    "is_complex",
    "is_floating_point",
    "is_inference",
    "is_nonzero",
    "is_same_size",
    "is_signed",
    "is_tensor",
    "numel",
    "result_type",
    "typename",
]

methods = [
    "data_ptr", "dim", "element_size", "get_device", "is_complex", "is_floating_point", "is_inference",
    "is_nonzero", "is_pinned", "is_same_size", "is_set_to", "is_signed", "ndimension", "nelement", "numel",
    "size",
]  # fmt: skip
in_place: list[str] = []


# --- sizes and memory ---------------------------------------------------------------------------------------


def is_tensor(obj: object) -> builtins.bool:
    """Whether ``obj`` is a Tensor.

    >>> import autotape as at
    >>> at.is_tensor(at.ones(1)), at.is_tensor(1.0)
    (True, False)
    """
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> builtins.int:
    """The number of elements.

    >>> import autotape as at
    >>> at.numel(at.ones(2, 3))
    6
    """
    return tensor_input(input, "input", "numel")._array.size


def nelement(input: Tensor) -> builtins.int:
    """The number of elements; :func:`autotape.numel`."""
    return input._array.size


def dim(input: Tensor) -> builtins.int:
    """The number of dimensions.

    >>> import autotape as at
    >>> at.ones(2, 3).dim()
    2
    """
    return input._array.ndim


def ndimension(input: Tensor) -> builtins.int:
    """The number of dimensions; :meth:`Tensor.dim`."""
    return input._array.ndim


def size(input: Tensor, dim: builtins.int | None = None) -> Any:
    """The shape, or the size of one dimension.

    >>> import autotape as at
    >>> at.ones(2, 3).size(), at.ones(2, 3).size(-1)
    (autotape.Size([2, 3]), 3)
    """
    shape = input._array.shape
    if dim is None:
        return Size(shape)
    if not shape:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return shape[normalize_dim(dim, len(shape))]


def element_size(input: Tensor) -> builtins.int:
    """The bytes of one element.

    >>> import autotape as at
    >>> at.ones(2).element_size()
    4
    """
    return input._array.itemsize


def data_ptr(input: Tensor) -> builtins.int:
    """The address of the first element."""
    pointer: builtins.int = input._array.__array_interface__["data"][0]
    return pointer


def get_device(input: Tensor) -> builtins.int:
    """The number of the accelerator that holds the tensor: -1, the CPU."""
    return -1


def is_floating_point(input: Tensor) -> builtins.bool:
    """Whether the dtype is a floating one (complex ones are not).

    >>> import autotape as at
    >>> at.is_floating_point(at.ones(1)), at.is_floating_point(at.arange(3))
    (True, False)
    """
    return builtins.bool(tensor_input(input, "input", "is_floating_point")._array.dtype.kind == "f")


def is_complex(input: Tensor) -> builtins.bool:
    """Whether the dtype is a complex one.

    >>> import autotape as at
    >>> at.is_complex(at.tensor(1j))
    True
    """
    return builtins.bool(tensor_input(input, "input", "is_complex")._array.dtype.kind == "c")


def is_signed(input: Tensor) -> builtins.bool:
    """Whether the dtype has negative numbers."""
    return input._array.dtype.kind in "ifc"


def is_nonzero(input: Tensor) -> builtins.bool:
    """Whether the single element is not 0; RuntimeError for more elements or none.

    >>> import autotape as at
    >>> at.is_nonzero(at.tensor([0.5]))
    True
    """
    return builtins.bool(tensor_input(input, "input", "is_nonzero"))


def is_inference(input: Tensor) -> builtins.bool:
    """False: what is made inside ``inference_mode`` is an ordinary tensor without gradient."""
    return False


def is_pinned(input: Tensor, device: Any = None) -> builtins.bool:
    """False: there is no device to pin memory for."""
    return False


def is_elsewhere(input: Tensor) -> builtins.bool:
    """False: what ``x.is_sparse``, ``x.is_quantized`` and ``x.is_meta`` of every tensor are."""
    return False


def is_same_size(input: Tensor, other: Tensor) -> builtins.bool:
    """Whether two tensors have the same shape.

    >>> import autotape as at
    >>> at.is_same_size(at.ones(2), at.zeros(2))
    True
    """
    return builtins.bool(input._array.shape == tensor_input(other, "other", "is_same_size")._array.shape)


def is_set_to(input: Tensor, tensor: Tensor) -> builtins.bool:
    """Whether two tensors are the same elements in memory: the same place, sizes and strides.

    >>> import autotape as at
    >>> x = at.ones(2)
    >>> x.is_set_to(x.detach()), x.is_set_to(x.clone())
    (True, False)
    """
    a, b = input._array, tensor._array
    return data_ptr(input) == data_ptr(tensor) and (a.shape, a.strides) == (b.shape, b.strides)


# --- types --------------------------------------------------------------------------------------------------


def result_type(tensor1: Any, tensor2: Any) -> DType:
    """The dtype of an arithmetic operation on two tensors or numbers.

    A 0-d tensor or a number does not widen a tensor of the same category (bool, integer, floating, complex).

    >>> import autotape as at
    >>> at.result_type(at.tensor([1, 2], dtype=at.int32), 1.0)
    autotape.float32
    """
    found: builtins.list[tuple[builtins.int, np.dtype[Any]]] = []
    for value in (tensor1, tensor2):
        if isinstance(value, Tensor):
            found.append((2 if value._array.ndim else 1, value._array.dtype))
        elif isinstance(value, (builtins.int, builtins.float, builtins.complex)):
            found.append((0, scalar_dtype(value)))
        else:
            raise TypeError(f"result_type(): expected Tensors or numbers, got {type(value).__name__}")
    (first, a), (second, b) = sorted(found, key=lambda pair: -pair[0])
    if first > second and rank(b) <= rank(a):
        return from_numpy_dtype(a)
    return from_numpy_dtype(promote_arrays(a, b))


def typename(obj: Any) -> str:
    """The name of a tensor's type, or of an object's class with its module.

    >>> import autotape as at
    >>> at.typename(at.ones(1)), at.typename(at.nn.Linear(1, 1)), at.typename(3)
    ('autotape.FloatTensor', 'autotape.nn.linear.Linear', 'int')
    """
    if isinstance(obj, Tensor):
        return f"autotape.{type_names[obj._array.dtype]}Tensor"
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(obj, "__module__", None)
    return named.__qualname__ if module in (None, "builtins") else f"{module}.{named.__qualname__}"
