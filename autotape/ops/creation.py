"""Making tensors: from Python data and NumPy arrays, filled, and in sequences.

Common arguments: ``dtype`` (default as each function says), ``device`` (there is only the CPU; another one is
an error), ``requires_grad`` (floating and complex tensors only). Sizes are integers, ``zeros(2, 3)``, or one
tuple or list of them, ``zeros((2, 3))``.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from autotape.engine.arrays import cast, from_data
from autotape.engine.basics import on_cpu
from autotape.engine.dtypes import DTypeLike, default_dtype, from_numpy_dtype, scalar_dtype, to_numpy_dtype
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor

__all__ = [
    "arange",
    "as_tensor",
    "empty",
    "eye",
    "from_numpy",
    "full",
    "linspace",
    "ones",
    "tensor",
    "zeros",
]

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]


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


def checked_size(size: Any, function: str) -> tuple[int, ...]:
    """A tuple or list of integers >= 0 as a tuple of ints."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"{function}(): argument 'size' must be tuple of ints, not {type(size).__name__}")
    for position, n in enumerate(size):
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(
                f"{function}(): argument 'size' must be tuple of ints, but found element of type "
                f"{type(n).__name__} at pos {position}"
            )
    sides = tuple([n.__index__() for n in size])
    if any(n < 0 for n in sides):
        raise RuntimeError(f"{function}: Dimension size must be non-negative, got {list(sides)}")
    return sides


def finish(array: Array, device: Any, requires_grad: bool) -> Tensor:
    """A new leaf on ``array``."""
    on_cpu(device)
    out = Tensor._wrap(array)
    if requires_grad:
        out.requires_grad = True
    return out


def dtype_or(dtype: DTypeLike | None, default: DType) -> DType:
    """The NumPy dtype of a ``dtype=`` argument."""
    return default if dtype is None else to_numpy_dtype(dtype)


# --- from data ----------------------------------------------------------------------------------------------


def tensor(
    data: Any, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False
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


# --- filled -------------------------------------------------------------------------------------------------


def number(value: Any, function: str, name: str) -> Any:
    """A Python number from a number, a NumPy scalar or a 0-d tensor that does not require grad."""
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


def fill_array(value: Any, function: str, dtype: DType | None) -> Array:
    """The 0-d array of a ``fill_value``; RuntimeError if ``dtype`` can't hold it."""
    value = number(value, function, "fill_value")
    array = from_data(value, dtype)
    if array.dtype.kind in "fc" and np.isinf(array) and not np.isinf(value):
        raise RuntimeError(
            f"value cannot be converted to type {array.dtype.name} without overflow: {function}() of {value}"
        )
    return array


def zeros(
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of zeros, in the default dtype unless ``dtype`` is given.

    >>> import autotape as at
    >>> at.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    sides = size_of(shape, size, "zeros")
    return finish(np.zeros(sides, dtype_or(dtype, default_dtype())), device, requires_grad)


def ones(
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of ones, in the default dtype unless ``dtype`` is given.

    >>> import autotape as at
    >>> at.ones((2,), dtype=at.int64)
    tensor([1, 1])
    """
    sides = size_of(shape, size, "ones")
    return finish(np.ones(sides, dtype_or(dtype, default_dtype())), device, requires_grad)


def empty(
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of whatever the memory holds, in the default dtype unless ``dtype`` is given.

    >>> import autotape as at
    >>> at.empty(2, 3).shape
    autotape.Size([2, 3])
    """
    sides = size_of(shape, size, "empty")
    return finish(np.empty(sides, dtype_or(dtype, default_dtype())), device, requires_grad)


def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of shape ``size`` (a tuple) that holds ``fill_value`` everywhere, in the dtype of that number.

    Errors: RuntimeError if ``dtype`` can't hold the value.

    >>> import autotape as at
    >>> at.full((2,), 3.5), at.full((2,), 7)
    (tensor([3.5000, 3.5000]), tensor([7, 7]))
    """
    sides = checked_size(size, "full")
    value = fill_array(fill_value, "full", None if dtype is None else to_numpy_dtype(dtype))
    return finish(np.full(sides, value), device, requires_grad)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The (n, m) matrix with ones on the diagonal and zeros elsewhere; ``m`` defaults to ``n``.

    >>> import autotape as at
    >>> at.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    rows, columns = (_count(v, "eye", name) for v, name in ((n, "n"), (n if m is None else m, "m")))
    return finish(np.eye(rows, columns, dtype=dtype_or(dtype, default_dtype())), device, requires_grad)


def _count(value: Any, function: str, name: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{function}(): argument '{name}' must be int, not {type(value).__name__}")
    count: int = value.__index__()
    if count < 0:
        raise RuntimeError(f"{name} must be greater or equal to 0, got {count}")
    return count


# --- sequences ----------------------------------------------------------------------------------------------


def _not_for(function: str, dtype: DType) -> NotImplementedError:
    return NotImplementedError(
        f"{function} is not implemented for {from_numpy_dtype(dtype)}; give another dtype"
    )


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers ``start, start + step, ...`` below ``end`` (above, for a negative step).

    Called as ``arange(end)``, ``arange(start, end)`` or ``arange(start, end, step)``. There are
    ceil((end - start) / step) of them; int64 if all three are integers, else the default dtype.

    Errors: RuntimeError for step 0, an infinite range, or a step that leads away from ``end``.

    >>> import autotape as at
    >>> at.arange(3), at.arange(1, 2, 0.25)
    (tensor([0, 1, 2]), tensor([1.0000, 1.2500, 1.5000, 1.7500]))
    """
    if end is None:
        if start is None:
            raise TypeError('arange() missing 1 required positional arguments: "end"')
        start, end = 0, start
    elif start is None:
        start = 0
    first, last, by = (number(v, "arange", n) for v, n in ((start, "start"), (end, "end"), (step, "step")))
    if any(isinstance(v, complex) for v in (first, last, by)):
        raise RuntimeError(f"arange: start, end and step must be real numbers, got {first}, {last}, {by}")
    integers = all(isinstance(v, int) for v in (first, last, by))
    to = dtype_or(dtype, np.dtype(np.int64) if integers else default_dtype())
    if to.kind in "bc":
        raise _not_for("arange", to)
    if not (math.isfinite(first) and math.isfinite(last)):
        raise RuntimeError(f"unsupported range: {first} -> {last}")
    if to == np.int64:
        first, last, by = int(first), int(last), int(by)
    if by == 0 or (to.kind in "iu" and int(by) == 0):
        raise RuntimeError("step must be nonzero")
    if (last - first) * by < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: start={first}, end={last}, step={by}"
        )
    # Exact for integers of any size; a quotient of floats is rounded up as it is.
    count = (
        -((first - last) // by)
        if isinstance(first, int) and isinstance(last, int) and isinstance(by, int)
        else (math.ceil((last - first) / by))
    )
    if to.kind in "iu":
        array = int(first) + int(by) * np.arange(count, dtype=np.int64)
    else:
        array = first + by * np.arange(count, dtype=np.float64)
    return finish(quietly(array.astype, to), device, requires_grad)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` numbers at equal distances from ``start`` to ``end``, both included; in the default dtype.

    Errors: RuntimeError for a negative number of steps.

    >>> import autotape as at
    >>> at.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    bounds = []
    for name, value in (("start", start), ("end", end)):
        if isinstance(value, Tensor):
            if value._array.ndim:
                raise RuntimeError(
                    f"linspace only supports 0-dimensional start and end tensors, but got {name} with "
                    f"{value._array.ndim} dimension(s)."
                )
            value = value._scalar(real=False)  # warns if the tensor requires grad
        bounds.append(number(value, "linspace", name))
    first, last = bounds
    if isinstance(steps, bool) or not hasattr(steps, "__index__"):
        raise TypeError(f"linspace(): argument 'steps' must be int, not {type(steps).__name__}")
    count = steps.__index__()
    if count < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {count}")
    is_complex = isinstance(first, complex) or isinstance(last, complex)
    to = dtype_or(dtype, scalar_dtype(1j) if is_complex else default_dtype())
    if to.kind == "b":
        raise _not_for("linspace", to)
    return finish(quietly(_spaced, first, last, count, to), device, requires_grad)


def _spaced(first: Any, last: Any, count: int, dtype: DType) -> Array:
    """Counted from the nearer end, so that both ends are exact."""
    position = np.arange(count)
    step = (last - first) / (count - 1) if count > 1 else 0
    array = np.where(
        position < count // 2 + count % 2 * (count == 1),
        first + step * position,
        last - step * (count - 1 - position),
    )
    return cast(array, dtype)
