"""Operands: Python numbers, arrays and type promotion, and the errors for operands that do not fit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from autotape.engine.dtypes import default_dtype, promote_arrays, rank, scalar_dtype
from autotape.engine.tape import Node
from autotape.engine.tensor import Tensor

__all__ = [
    "as_operand",
    "mismatch",
    "number",
    "operands",
    "promoted",
    "tensor_input",
    "to_floating",
    "unsupported",
    "with_number",
]

Array = np.ndarray[Any, Any]


def as_operand(value: Any, name: str = "other") -> Any:
    """A Tensor for arrays, lists and NumPy scalars; a Python number stays as it is."""
    if isinstance(value, Tensor):
        return value
    kind = value.__class__
    if kind is float or kind is int or kind is bool or kind is complex:
        return value
    if isinstance(value, np.generic):
        return value.item()  # weak, as the Python number it stands for
    if isinstance(value, np.ndarray):
        return Tensor._from_array(value)
    if isinstance(value, (int, float, complex)):
        return value
    raise TypeError(
        f"{name} must be a Tensor, a NumPy array or a number, not {kind.__name__}"
        + ("; make a tensor of it first: autotape.tensor(...)" if isinstance(value, (list, tuple)) else "")
    )


def promoted(a: Array, b: Array, floating: bool = False) -> tuple[Array, Array]:
    """Both arrays in PyTorch's result type: a 0-d one widens another only across categories.

    ``floating``: integers are left to the caller, who computes in the default dtype (so -2 is not 254 for
    uint8).
    """
    da, db = a.dtype, b.dtype
    if da == db or (floating and da.kind in "biu" and db.kind in "biu"):
        return a, b
    if bool(a.ndim) == bool(b.ndim):
        to = promote_arrays(da, db)
    else:
        strong, weak = (da, db) if a.ndim else (db, da)
        to = strong if rank(weak) <= rank(strong) else promote_arrays(strong, weak)
    return (a if da is to else a.astype(to)), (b if db is to else b.astype(to))


def with_number(a: Array, number: Any) -> tuple[Array, Any]:
    """An array and a Python number (weak: it widens only across categories), ready for a ufunc."""
    of_number = scalar_dtype(number)
    if rank(of_number) > rank(a.dtype):
        to = promote_arrays(a.dtype, of_number)
        a = a.astype(to)
    elif a.dtype.kind in "iu" and isinstance(number, int):
        # NumPy refuses a Python integer that does not fit; PyTorch wraps it around.
        number = np.asarray(number).astype(a.dtype)[()] if not _fits(number, a.dtype) else number
    return a, number


@lru_cache(maxsize=256)
def number(value: float, dtype: np.dtype[Any]) -> Array:
    """A number as a 0-d array: a ufunc takes it 0.4 us faster than a Python float."""
    array = np.asarray(value, dtype)
    array.flags.writeable = False
    return array


def _fits(number: int, dtype: np.dtype[Any]) -> bool:
    info = np.iinfo(dtype)
    return bool(info.min <= number <= info.max)


def operands(input: Any, other: Any, floating: bool = False) -> tuple[Any, Node | None, Any, Node | None]:
    """The slow path of a binary operation: arrays (or weak numbers) in a common type, and nodes."""
    input, other = as_operand(input, name="input"), as_operand(other)
    a_is, b_is = isinstance(input, Tensor), isinstance(other, Tensor)
    if a_is and b_is:
        a, b = promoted(input._array, other._array, floating)
        return a, input._node, b, other._node
    if floating:
        input, other = _floated(input), _floated(other)
    if a_is:
        a, number = with_number(input._array, other)
        return a, input._node, number, None
    if b_is:
        b, number = with_number(other._array, input)
        return number, None, b, other._node
    raise TypeError("input and other are both Python numbers; at least one must be a Tensor")


def _floated(operand: Any) -> Any:
    if not isinstance(operand, Tensor):
        return to_floating(operand)
    out = Tensor._wrap(to_floating(operand._array))
    out._node = operand._node
    return out


def to_floating(a: Any) -> Any:
    """An integer or boolean array in the default dtype, as functions with fractional values compute."""
    if isinstance(a, np.ndarray):
        return a.astype(default_dtype()) if a.dtype.kind in "biu" else a
    return float(a) if isinstance(a, (int, bool)) else a


def tensor_input(value: Any, name: str = "input", function: str = "") -> Tensor:
    """``value`` as a Tensor; a plain number or list is refused, as PyTorch does."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray):
        return Tensor._from_array(value)
    where = f"{function}(): " if function else ""
    raise TypeError(f"{where}argument '{name}' must be a Tensor, not {type(value).__name__}")


def mismatch(name: str, a: Any, b: Any, error: Exception) -> Exception:
    """PyTorch's RuntimeError for operands that do not broadcast, or the error itself if it is another."""
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        return RuntimeError(f"{name}: {error}")
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        pass
    else:
        return RuntimeError(f"{name}: {error}")
    for back in range(1, min(a.ndim, b.ndim) + 1):
        if a.shape[-back] != b.shape[-back] and 1 not in (a.shape[-back], b.shape[-back]):
            break
    dim = max(a.ndim, b.ndim) - back
    return RuntimeError(
        f"The size of tensor a ({a.shape[-back]}) must match the size of tensor b ({b.shape[-back]}) at "
        f"non-singleton dimension {dim}: {name}(input of shape {list(a.shape)}, "
        f"other of shape {list(b.shape)}). Sizes must be equal or 1, counted from the last dimension"
    )


def unsupported(name: str, error: Exception, *operands: Any) -> Exception:
    """PyTorch's error for dtypes that a ufunc has no loop for, or the error itself if it is another."""
    if "ufunc" not in str(error) and "numpy" not in str(error):
        return error
    dtypes = " and ".join([x.dtype.name if isinstance(x, np.ndarray) else type(x).__name__ for x in operands])
    return NotImplementedError(f'"{name}" not implemented for {dtypes}; convert the dtype first')
