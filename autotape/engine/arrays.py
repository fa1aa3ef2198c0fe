"""Arrays from Python data, casts as PyTorch makes them, and copies that keep shared memory shared."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal, NoReturn

import numpy as np

from autotape.engine.basics import Size
from autotape.engine.batched import is_batched
from autotape.engine.dtypes import default_dtype, from_numpy_dtype, promote_arrays, scalar_dtype
from autotape.engine.tape import quietly

__all__ = ["as_array", "cast", "copy_array", "from_data", "kept_order", "legacy_array", "native"]

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]

_NUMBERS = frozenset({bool, int, float, complex})
_MAX_DIMENSIONS = 64  # NumPy's


def as_array(value: Any, dtype: DType | None = None) -> Array:
    """A NumPy scalar as a 0-d array, in ``dtype``; an array of any kind as it is."""
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    return array if dtype is None else array.astype(dtype, copy=False)


def cast(array: Array, dtype: DType) -> Array:
    """The array in another dtype (itself if it has it); a UserWarning where imaginary parts are lost."""
    if array.dtype == dtype:
        return array
    if array.dtype.kind == "c" and dtype.kind in "iuf":
        warnings.warn("Casting complex values to real discards the imaginary part", UserWarning, stacklevel=3)
        array = array.real
    return quietly(array.astype, dtype)  # type: ignore[no-any-return]


def from_data(value: Any, dtype: DType | None = None) -> Array:
    """A new array of numbers, nested sequences of numbers, arrays and one-element tensors, or of an array.

    Without ``dtype``: Python numbers get the default dtypes, arrays and NumPy scalars keep theirs, a mixture
    is promoted. Numbers that an integer ``dtype`` can't hold are refused; arrays are cast, as PyTorch does.
    """
    kind = type(value)
    if kind in _NUMBERS:
        return _from_numbers(value, {kind}, dtype)
    if kind is list or kind is tuple:
        types: set[type] = set()
        _leaf_types(value, types, 1)
        if types <= _NUMBERS:
            try:
                return _from_numbers(value, types, dtype)
            except (TypeError, ValueError) as error:
                _explain(value, error)
    elif is_batched(value):
        return (value if dtype is None else cast(value, dtype)).copy()
    elif isinstance(value, np.ndarray):
        array = native(value)
        return np.array(array if dtype is None else cast(array, dtype))
    dtypes: set[DType] = set()
    plain = _plain(value, dtypes, "data", 0)
    try:
        array = np.asarray(plain)
    except ValueError as error:
        _explain(plain, error)
    if dtype is None:
        for found in dtypes:
            dtype = found if dtype is None else promote_arrays(dtype, found)
        return np.array(array, dtype or default_dtype())
    if isinstance(plain, np.ndarray):  # the array of an object that has one
        return np.array(cast(plain, dtype))
    return _checked(array, dtype)


def legacy_array(data: tuple[Any, ...], dtype: DType) -> Array:
    """What ``Tensor(2, 3)`` (uninitialised) and ``Tensor([1.0, 2.0])`` hold."""
    if len(data) == 1 and not _is_integer(data[0]):
        value = data[0]
        if not isinstance(value, Size):
            if isinstance(value, (bool, float, complex)) or not hasattr(value, "__len__"):
                raise TypeError(f"new(): data must be a sequence (got {type(value).__name__})")
            return from_data(value, dtype)
        data = value
    for position, size in enumerate(data, 1):
        if not _is_integer(size):
            raise TypeError(
                f"new(): argument 'size' must be integers, not {type(size).__name__} (position {position})"
            )
        if size < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {size}: {list(data)}")
    return np.zeros((0,), dtype) if not data else np.empty(tuple([int(n) for n in data]), dtype)


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def native(array: Array) -> Array:
    """The array in native byte order (itself if it has it); TypeError for elements no tensor can hold."""
    dtype = array.dtype
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
    from_numpy_dtype(array.dtype)
    return array


def kept_order(array: Array) -> Literal["C", "K"]:
    """The ``order=`` with which a copy keeps the order of dimensions; row-major for an expanded array."""
    return "C" if 0 in array.strides else "K"


def _leaf_types(value: Any, found: set[type], depth: int) -> None:
    """Collect the types of what the nested lists and tuples contain."""
    if depth > _MAX_DIMENSIONS:
        raise ValueError(f"too many dimensions: a tensor has at most {_MAX_DIMENSIONS}")
    types = set(map(type, value))
    if list in types or tuple in types:
        for v in value:
            if type(v) is list or type(v) is tuple:
                _leaf_types(v, found, depth + 1)
        types -= {list, tuple}
    found |= types


def _from_numbers(value: Any, types: set[type], dtype: DType | None) -> Array:
    """The array of (nested lists of) Python numbers of the given types."""
    if dtype is None:
        widest = next((t for t in (complex, float, int, bool) if t in types), float)
        dtype = scalar_dtype(widest())
        if widest is int:
            try:
                return np.array(value, dtype)
            except OverflowError:
                raise ValueError(
                    "Overflow when unpacking long long: an integer in data does not fit into int64; "
                    "pass dtype=autotape.float64 or uint64"
                ) from None
    if dtype.kind in "iu":
        if complex in types:
            raise TypeError("'complex' object cannot be interpreted as an integer")
        if float in types:
            return _checked(np.array(value, np.float64), dtype)
        try:
            return _checked(np.array(value, np.uint64 if dtype == np.uint64 else np.int64), dtype)
        except OverflowError:
            raise _overflow(dtype) from None
    if complex in types and dtype.kind == "f":
        raise TypeError("must be real number, not complex")
    return quietly(np.array, value, dtype)  # type: ignore[no-any-return]


def _checked(array: Array, dtype: DType) -> Array:
    """Numbers in an explicit dtype; RuntimeError where an integer type does not hold them.

    A negative integer wraps around in an unsigned type, as in PyTorch.
    """
    if dtype.kind in "iu":
        if array.dtype.kind == "c":
            raise TypeError("'complex' object cannot be interpreted as an integer")
        info = np.iinfo(dtype)
        if array.dtype.kind == "f":
            # max + 1 is a power of two, exact in float64 where max of int64 is not.
            fits = (array < float(info.max + 1) if info.bits == 64 else array <= info.max) & (
                array >= info.min
            )
        else:
            least = -info.max if dtype.kind == "u" and info.bits < 64 else info.min
            fits = (array >= least) & (array <= info.max)
        if not fits.all():
            raise _overflow(dtype)
        if array.dtype.kind == "f" and dtype != np.uint64:
            array = array.astype(np.int64)
    elif dtype.kind == "f" and array.dtype.kind == "c":
        raise TypeError("must be real number, not complex")
    return np.array(quietly(array.astype, dtype))


def _overflow(dtype: DType) -> RuntimeError:
    info = np.iinfo(dtype)
    return RuntimeError(
        f"value cannot be converted to type {dtype.name} without overflow: it holds {info.min} to {info.max}"
    )


def _plain(value: Any, dtypes: set[DType], place: str, depth: int) -> Any:
    """``value`` as numbers, arrays and lists of them; ``dtypes`` collects the dtypes of the elements."""
    kind = type(value)
    if kind in _NUMBERS:
        dtypes.add(scalar_dtype(value))
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        array = native(np.asarray(value))
        dtypes.add(array.dtype)
        return array[()] if isinstance(value, np.generic) else array
    if isinstance(value, (int, float, complex)):  # subclasses: members of an IntEnum
        number = value.real if isinstance(value, (int, float)) else complex(value)
        dtypes.add(scalar_dtype(number))
        return number
    if isinstance(value, (str, bytes)):
        if place != "data" and set(place[4:]) <= set("[0]"):
            raise ValueError(f"too many dimensions {kind.__name__!r}: {place} is {value[:60]!r}")
        raise TypeError(f"new(): invalid data type {kind.__name__!r}: {place} is {value[:60]!r}")
    if hasattr(value, "_scalar"):  # a tensor
        if value._array.size != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars: "
                f"{place} has shape {list(value._array.shape)}; use autotape.stack to join tensors"
            )
        dtypes.add(value._array.dtype)
        return value._scalar(real=False)
    if hasattr(value, "__array__"):
        return _plain(np.asarray(value), dtypes, place, depth)
    if isinstance(value, Mapping) or not (hasattr(value, "__len__") and hasattr(value, "__getitem__")):
        raise RuntimeError(
            f"Could not infer dtype of {kind.__name__}: {place} is {str(value)[:60]!r}; a tensor is made "
            "from numbers, nested sequences of numbers, and arrays"
        )
    if depth == _MAX_DIMENSIONS:
        raise ValueError(f"too many dimensions: a tensor has at most {_MAX_DIMENSIONS}")
    return [_plain(value[i], dtypes, f"{place}[{i}]", depth + 1) for i in range(len(value))]


def _explain(value: Any, error: Exception) -> NoReturn:
    """Raise PyTorch's error for a sequence that is not rectangular, with the place; or the error itself."""
    sides: list[int] = []
    first = value
    while isinstance(first, (list, tuple)):
        sides.append(len(first))
        if not first:
            break
        first = first[0]
    if isinstance(first, np.ndarray):
        sides += first.shape
    _check_sides(value, sides, 0, "data")
    raise error


def _check_sides(value: Any, sides: list[int], dim: int, place: str) -> None:
    is_array = isinstance(value, np.ndarray) and value.ndim > 0
    if not is_array and not isinstance(value, (list, tuple)):
        if dim < len(sides):
            raise TypeError(
                f"not a sequence: {place} is the number {value!r}, where a sequence of length {sides[dim]} "
                "was expected"
            )
        return
    if dim == len(sides):
        raise TypeError(
            f"must be a number, not {type(value).__name__}: {place}, as the element before it is a number"
        )
    if len(value) != sides[dim]:
        raise ValueError(f"expected sequence of length {sides[dim]} at dim {dim} (got {len(value)}): {place}")
    for i, element in enumerate(value):
        _check_sides(element, sides, dim + 1, f"{place}[{i}]")


def copy_array(array: Array, memo: dict[int, Any]) -> Array:
    """A copy for ``deepcopy``: arrays on one memory get copies on one memory, in the same layout."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    order = sorted(range(owner.ndim), key=lambda d: -owner.strides[d])
    flat = owner.transpose(order)
    if not array.size or not flat.flags.c_contiguous:  # nothing to share, or memory with gaps
        return array.copy(order="K")
    copied: Array | None = memo.get(id(owner))
    if copied is None:
        copied = memo[id(owner)] = flat.reshape(-1).copy()
        memo[id(copied)] = owner  # keeps the owner alive while its id is a key
    start = array.__array_interface__["data"][0] - flat.__array_interface__["data"][0]
    return np.ndarray(array.shape, array.dtype, copied, start, array.strides)
