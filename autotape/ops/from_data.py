"""Making tensors from what there is: Python data, NumPy arrays, buffers, and arrays of other libraries."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autotape.engine.arrays import from_data
from autotape.engine.basics import on_cpu
from autotape.engine.dtypes import DTypeLike, default_dtype, from_numpy_dtype, to_numpy_dtype
from autotape.engine.tensor import Tensor
from autotape.ops._making import fill_array, finish, target_dtype

__all__ = [
    "as_tensor",
    "asarray",
    "from_dlpack",
    "from_numpy",
    "frombuffer",
    "scalar_tensor",
    "tensor",
    "to_dlpack",
]

Array = np.ndarray[Any, Any]


def tensor(
    data: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor holding a copy of ``data``: a number, nested sequences of numbers, or an array.

    Python floats get the default dtype (float32), integers int64, booleans bool, complex numbers complex64;
    arrays and NumPy scalars keep theirs. Of a Tensor it copies the values only: with a warning, as
    ``detach().clone()`` says better what is meant.

    Errors: ValueError for sequences that are not rectangular, TypeError or RuntimeError for what is no number
    (both name the place), RuntimeError for a number that an integer ``dtype`` can't hold.

    >>> import autotape as at
    >>> at.tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    >>> at.tensor([1, 2], dtype=at.float64, requires_grad=True)
    tensor([1., 2.], dtype=autotape.float64, requires_grad=True)
    """
    if isinstance(data, Tensor):
        warn_of_copy("autotape.tensor")
        data = data._array
    return finish(from_data(data, None if dtype is None else to_numpy_dtype(dtype)), device, requires_grad)


def warn_of_copy(function: str) -> None:
    """The UserWarning of a function that was given a tensor to copy."""
    warnings.warn(
        "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
        f"sourceTensor.detach().clone().requires_grad_(True), rather than {function}(sourceTensor).",
        UserWarning,
        stacklevel=3,
    )


def as_tensor(data: Any, dtype: DTypeLike | None = None, device: Any = None) -> Tensor:
    """``data`` as a tensor, without a copy where possible.

    A Tensor of this dtype is returned itself and otherwise converted, on the tape; an ndarray's memory is
    shared if its dtype and byte order can be kept; anything else is copied, as by :func:`tensor`.

    >>> import autotape as at, numpy as np
    >>> a = np.zeros(2)
    >>> at.as_tensor(a).add_(1); a
    tensor([1., 1.], dtype=autotape.float64)
    array([1., 1.])
    """
    on_cpu(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    to = None if dtype is None else to_numpy_dtype(dtype)
    if isinstance(data, np.ndarray) and (to is None or data.dtype == to):
        return Tensor._from_array(data)
    return Tensor._wrap(from_data(data, to))


def from_numpy(ndarray: Array) -> Tensor:
    """A tensor on the memory of an ndarray: changes are seen by both.

    A read-only array makes a tensor whose in-place operations raise.

    Errors: TypeError for what is no ndarray or has elements that a tensor can't hold; ValueError for a byte
    order or strides that a tensor can't share.

    >>> import autotape as at, numpy as np
    >>> a = np.arange(3)
    >>> t = at.from_numpy(a)
    >>> a[0] = 10
    >>> t
    tensor([10,  1,  2])
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    from_numpy_dtype(ndarray.dtype.newbyteorder("="))
    if not ndarray.dtype.isnative:
        raise ValueError(
            f"given numpy array has byte order different from the native byte order ({ndarray.dtype.str}); "
            "its memory can't be shared. Use autotape.tensor(array) for a copy"
        )
    if any(stride % ndarray.itemsize for stride in ndarray.strides):
        raise ValueError(
            f"given numpy array strides {ndarray.strides} are not a multiple of the element byte size "
            f"{ndarray.itemsize}. Use autotape.tensor(array) for a copy"
        )
    return Tensor._from_array(ndarray)


def asarray(
    obj: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """``obj`` as a tensor that shares its memory where it can: the array API standard's function.

    A Tensor, an ndarray, an array with ``__dlpack__`` and a buffer are shared if their dtype is kept, a
    number or nested sequences are copied. ``copy``: True always copies, False raises where it would have to.
    A Tensor stays on the tape, unless ``requires_grad`` is False.

    Errors: ValueError for ``copy=False`` where a copy is needed.

    >>> import autotape as at, numpy as np
    >>> a = np.zeros(2)
    >>> at.asarray(a).add_(1); a
    tensor([1., 1.], dtype=autotape.float64)
    array([1., 1.])
    """
    on_cpu(device)
    to = None if dtype is None else to_numpy_dtype(dtype)
    if isinstance(obj, Tensor):
        shared: Tensor | None = obj
    else:
        shared = _shared(obj, to)
    if shared is None:
        if copy is False:
            raise ValueError(f"can't alias arbitrary sequence ({type(obj).__name__}) into a tensor.")
        return finish(from_data(obj, to), None, bool(requires_grad))
    if to is not None and to != shared._array.dtype:
        if copy is False:
            raise ValueError(
                f"can't alias tensor with dtype '{shared.dtype}' into dtype '{from_numpy_dtype(to)}'."
            )
        shared = shared.to(to)
    elif copy:
        shared = shared.clone()
    if requires_grad is False and shared.requires_grad:
        return shared.detach()
    if requires_grad and not shared.requires_grad:
        shared = shared.detach() if shared is obj else shared
        shared.requires_grad = True
    return shared


def _shared(obj: Any, to: np.dtype[Any] | None) -> Tensor | None:
    """A tensor on the memory of ``obj``; None if it has none to share."""
    if isinstance(obj, np.ndarray):
        return Tensor._from_array(obj)
    if isinstance(obj, np.generic):
        return None
    if hasattr(obj, "__dlpack__"):
        return from_dlpack(obj)
    try:
        return frombuffer(obj, dtype=default_dtype() if to is None else to)
    except TypeError:
        return None


def frombuffer(
    buffer: Any,
    *,
    dtype: DTypeLike,
    count: int = -1,
    offset: int = 0,
    requires_grad: bool = False,
) -> Tensor:
    """A 1-d tensor on the memory of an object with Python's buffer protocol (``bytearray``, ``mmap``...).

    ``count`` elements (-1: all) of ``dtype``, from the byte ``offset`` on. Read-only memory makes a tensor
    whose in-place operations raise.

    Errors: TypeError for what is no buffer; ValueError where the memory does not hold the elements.

    >>> import autotape as at
    >>> at.frombuffer(bytearray([1, 2, 3]), dtype=at.uint8)
    tensor([1, 2, 3], dtype=autotape.uint8)
    """
    to = to_numpy_dtype(dtype)
    try:
        length = memoryview(buffer).nbytes
    except TypeError:
        raise _NotABufferError(
            f"object does not implement Python buffer protocol: frombuffer() of {type(buffer).__name__}"
        ) from None
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} "
            "bytes) minus 1"
        )
    size = to.itemsize
    if count < 0 and (length - offset) % size:
        raise ValueError(
            f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple of "
            f"element size ({size})"
        )
    if count > 0 and offset + count * size > length:
        raise ValueError(
            f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must not be "
            f"greater than actual buffer length ({length} bytes)"
        )
    return finish(np.frombuffer(buffer, to, max(count, -1), offset), None, requires_grad)


class _NotABufferError(TypeError, ValueError):
    """Python says TypeError for it, PyTorch ValueError."""


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor on the memory of another library's array, through the DLPack protocol (``__dlpack__``).

    A capsule that :func:`to_dlpack` made is accepted too, once. ``copy=True`` copies.

    Errors: TypeError for what has no ``__dlpack__``, BufferError for memory that is not the CPU's.

    >>> import autotape as at, numpy as np
    >>> at.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    on_cpu(device)
    if type(ext_tensor).__name__ == "PyCapsule":
        ext_tensor = _Capsule(ext_tensor)
    elif not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(
            f"from_dlpack() needs an array with __dlpack__, not {type(ext_tensor).__name__}; "
            "autotape.tensor(...) copies Python data"
        )
    array = np.from_dlpack(ext_tensor)
    return Tensor._from_array(array.copy() if copy else array)


class _Capsule:
    """What NumPy takes for an array on a DLPack capsule, which lies on the CPU."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack__(self, **_options: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def to_dlpack(tensor: Tensor) -> Any:
    """A DLPack capsule on the tensor's memory, for libraries that take one. It can be used once.

    Libraries with a ``from_dlpack`` take the tensor itself. Errors: BufferError for a tensor that requires
    grad.

    >>> import autotape as at
    >>> at.from_dlpack(at.to_dlpack(at.ones(2)))
    tensor([1., 1.])
    """
    return tensor.__dlpack__()


def scalar_tensor(
    s: Any,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """A 0-d tensor that holds the number ``s``, in the default dtype unless ``dtype`` is given.

    >>> import autotape as at
    >>> at.scalar_tensor(1)
    tensor(1.)
    """
    to = target_dtype(dtype, default_dtype())
    return finish(
        fill_array(s, "scalar_tensor", to, "s"), device, requires_grad, None, "scalar_tensor", layout
    )
