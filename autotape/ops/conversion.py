"""How a tensor changes its type: ``to`` and its short forms, ``type``, ``clone``, ``real``, ``imag``."""

# PyTorch's method names float, int, bool, type hide Python's in this file: those are builtins.float ...
from __future__ import annotations

import builtins
import warnings
from typing import Any

import numpy as np

from autotape.engine import dtypes
from autotape.engine.arrays import cast, kept_order
from autotape.engine.basics import device, on_cpu
from autotape.engine.dtypes import DTypeLike, to_numpy_dtype, type_names
from autotape.engine.operands import tensor_input
from autotape.engine.operation import CAST, Operation, apply, implements
from autotape.engine.tensor import Tensor
from autotape.ops.layouts import copied, formatted
from autotape.ops.legacy import TensorType

__all__ = ["clone", "imag", "real"]

methods = [
    "bfloat16", "bool", "byte", "cdouble", "cfloat", "char", "clone", "cpu", "cuda", "double", "float",
    "half", "int", "long", "short", "to", "type", "type_as",
]  # fmt: skip
in_place: list[str] = []


# --- conversion ---------------------------------------------------------------------------------------------


def _converted(input: Tensor, dtype: np.dtype[Any], copy: builtins.bool = False) -> Tensor:
    x = input._array
    if x.dtype == dtype and not copy:
        return input
    if input._node is None or dtype.kind not in "fc":  # integers carry no gradient
        return Tensor._wrap(x.copy(order=kept_order(x)) if x.dtype == dtype else cast(x, dtype))
    if x.dtype.kind == "c" and dtype.kind == "f":
        warnings.warn("Casting complex values to real discards the imaginary part", UserWarning, stacklevel=3)
        input = real(input)
    out: Tensor = apply(CAST, (input,), dtype)
    return out


def to(
    input: Tensor,
    *args: Any,
    device: Any = None,
    dtype: DTypeLike | None = None,
    non_blocking: builtins.bool = False,
    copy: builtins.bool = False,
    memory_format: Any = None,
) -> Tensor:
    """The tensor in another dtype: ``to(dtype)``, ``to(device)``, ``to(device, dtype)`` or ``to(other)``.

    Itself where nothing changes, unless ``copy``. Differentiable between floating and complex dtypes; the
    gradient comes back in the tensor's own. ``memory_format`` (``autotape.channels_last`` ...) is the order
    in memory; ``non_blocking`` is accepted and ignored.

    Errors: RuntimeError for another device than the CPU.

    >>> import autotape as at
    >>> x = at.tensor([1.7, -1.7])
    >>> x.to(at.int64), x.to("cpu") is x, x.to(at.ones(1, dtype=at.float64)).dtype
    (tensor([ 1, -1]), True, autotape.float64)
    """
    names = ["non_blocking", "copy"]
    if args:
        first = args[0]
        if isinstance(first, Tensor):
            args = (first.dtype, *args[1:])
            names.insert(0, "dtype")
        elif first is None or isinstance(first, (str, builtins.int, _Device)):
            names[:0] = ["device", "dtype"]
        else:
            names.insert(0, "dtype")
        if len(args) > len(names):
            raise TypeError(
                f"to() takes at most {len(names)} positional arguments after the tensor, got {len(args)}"
            )
        given = dict(zip(names, args, strict=False))
        if ("dtype" in given and dtype is not None) or ("device" in given and device is not None):
            raise TypeError("to() got device or dtype twice, by position and by keyword")
        device = given.get("device", device)
        dtype = given.get("dtype", dtype)
        copy = given.get("copy", copy)
    on_cpu(device)
    out = _converted(input, input._array.dtype if dtype is None else to_numpy_dtype(dtype), copy)
    return out if memory_format is None else formatted(out, memory_format)


_Device = device


def type(input: Tensor, dtype: Any = None, non_blocking: builtins.bool = False) -> Any:
    """Without ``dtype`` the name of the tensor's type; else the tensor converted to it.

    ``dtype`` may be a dtype, a tensor type (``autotape.LongTensor``) or its name, also in PyTorch's spelling.

    >>> import autotape as at
    >>> at.ones(1).type(), at.ones(1).type("torch.LongTensor"), at.ones(1).type(at.LongTensor)
    ('autotape.FloatTensor', tensor([1]), tensor([1]))
    """
    if dtype is None:
        numpy = input._array.dtype
        return f"autotape.{type_names.get(numpy, f'UInt{8 * numpy.itemsize}')}Tensor"
    if isinstance(dtype, str):
        dtype = _dtype_of_name(dtype)
    elif isinstance(dtype, TensorType):
        dtype = dtype.dtype
    return _converted(input, to_numpy_dtype(dtype))


def _dtype_of_name(name: str) -> np.dtype[Any]:
    library, _, kind = name.rpartition(".")
    for numpy, prefix in type_names.items():
        if kind == f"{prefix}Tensor":
            if library in ("torch", "autotape"):
                return numpy
            if library in ("torch.cuda", "autotape.cuda"):
                on_cpu("cuda")
    raise ValueError(f"invalid type: {name!r}; a type is named like 'autotape.FloatTensor'")


def type_as(input: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype of ``other``.

    >>> import autotape as at
    >>> at.ones(1).type_as(at.arange(3))
    tensor([1])
    """
    return _converted(input, tensor_input(other, "other", "type_as")._array.dtype)


def cpu(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor on the CPU, where it is: itself."""
    return formatted(input, memory_format)


def cuda(
    input: Tensor, device: Any = None, non_blocking: builtins.bool = False, memory_format: Any = None
) -> Tensor:
    """RuntimeError: there is only the CPU (``autotape.cuda.is_available()`` is False)."""
    on_cpu("cuda" if device is None else device)
    return input


def float(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor in float32; itself if it is already. So also ``double``, ``half``, ``long``, ``int`` ...

    >>> import autotape as at
    >>> at.tensor([1, 2]).float(), at.tensor([1.5, -1.5]).long()
    (tensor([1., 2.]), tensor([ 1, -1]))
    """
    return formatted(_converted(input, np.dtype(np.float32)), memory_format)


def double(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor in float64."""
    return formatted(_converted(input, np.dtype(np.float64)), memory_format)


def half(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor in float16."""
    return formatted(_converted(input, np.dtype(np.float16)), memory_format)


def bfloat16(input: Tensor, memory_format: Any = None) -> Tensor:
    """NotImplementedError: NumPy has no such type; the message says what to use."""
    return formatted(_converted(input, to_numpy_dtype(dtypes.bfloat16)), memory_format)


def cfloat(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor in complex64."""
    return formatted(_converted(input, np.dtype(np.complex64)), memory_format)


def cdouble(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor in complex128."""
    return formatted(_converted(input, np.dtype(np.complex128)), memory_format)


def bool(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor in bool: True where it is not zero (NaN is not zero).

    >>> import autotape as at
    >>> at.tensor([0.0, 0.5]).bool()
    tensor([False,  True])
    """
    return formatted(_converted(input, np.dtype(np.bool_)), memory_format)


def byte(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor in uint8."""
    return formatted(_converted(input, np.dtype(np.uint8)), memory_format)


def char(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor in int8."""
    return formatted(_converted(input, np.dtype(np.int8)), memory_format)


def short(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor in int16."""
    return formatted(_converted(input, np.dtype(np.int16)), memory_format)


def int(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor in int32; fractions are cut off."""
    return formatted(_converted(input, np.dtype(np.int32)), memory_format)


def long(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor in int64; fractions are cut off."""
    return formatted(_converted(input, np.dtype(np.int64)), memory_format)


_CLONE = Operation("clone", copied, lambda g, _y, _x, _format: g)


@implements(np.copy)
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy on memory of its own, in the same memory order (or in ``memory_format``); differentiable.

    >>> import autotape as at
    >>> x = at.ones(2, requires_grad=True)
    >>> x.clone()
    tensor([1., 1.], grad_fn=<CloneBackward0>)
    """
    out: Tensor = apply(_CLONE, (tensor_input(input, "input", "clone"),), memory_format)
    return out


# --- parts of complex numbers -------------------------------------------------------------------------------

_REAL = Operation("real", lambda x: x.real, lambda g, _y, _x: g, view=True)
_IMAG = Operation("imag", lambda x: x.imag, lambda g, _y, _x: g * 1j, view=True)


@implements(np.real)
def real(input: Tensor) -> Tensor:
    """The real part, a view; a real tensor itself. Also the attribute ``x.real``.

    >>> import autotape as at
    >>> at.tensor([1 + 2j]).real
    tensor([1.])
    """
    x = tensor_input(input, "input", "real")
    if x._array.dtype.kind != "c":
        return x
    out: Tensor = apply(_REAL, (x,))
    return out


@implements(np.imag)
def imag(input: Tensor) -> Tensor:
    """The imaginary part, a view; RuntimeError for a real tensor. Also the attribute ``x.imag``.

    >>> import autotape as at
    >>> at.tensor([1 + 2j]).imag
    tensor([2.])
    """
    x = tensor_input(input, "input", "imag")
    if x._array.dtype.kind != "c":
        raise RuntimeError(f"imag is not implemented for tensors with non-complex dtypes, got {x.dtype}")
    out: Tensor = apply(_IMAG, (x,))
    return out
