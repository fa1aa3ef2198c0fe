"""Operands that share a dtype: promotion of several, and the error where shapes do not broadcast."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autotape.engine.batched import again
from autotape.engine.dtypes import promote_arrays, rank, scalar_dtype
from autotape.engine.operands import as_operand, mismatch
from autotape.engine.operation import Operation, record
from autotape.engine.tensor import Tensor

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]


def result_dtype(*operands: Any) -> DType:
    """PyTorch's result type of Tensors and Python numbers.

    Tensors with dimensions decide; a 0-d tensor, and after it a number, counts only if its category (bool,
    integer, floating, complex) is higher.
    """
    first = getattr(operands[0], "_array", None)
    if first is not None:
        for value in operands:
            if value.__class__ is not Tensor or value._array.dtype is not first.dtype:
                break
        else:  # what most calls have: 2 us less
            return first.dtype  # type: ignore[no-any-return]
    strongest: list[DType | None] = [None, None, None]  # with dimensions, 0-d, numbers
    for value in operands:
        if isinstance(value, Tensor):
            level, dtype = (0 if value._array.ndim else 1), value._array.dtype
        else:
            level, dtype = 2, scalar_dtype(value)
        known = strongest[level]
        strongest[level] = dtype if known is None else promote_arrays(known, dtype)
    result: DType | None = None
    for weak in strongest:
        if result is None:
            result = weak
        elif weak is not None and rank(weak) > rank(result):
            result = promote_arrays(result, weak)
    assert result is not None
    return result


def apply_as(dtype: DType, operation: Operation, operands: tuple[Any, ...], *constants: Any) -> Tensor:
    """Run and record an elementwise operation on Tensors and Python numbers, all converted to ``dtype``."""
    arrays = tuple([_in_dtype(v, dtype) for v in operands])
    try:
        y = again(operation.elementwise, operation.forward, *arrays, *constants)
    except ValueError as error:
        for a in arrays:
            for b in arrays:
                if not _broadcast(a, b):
                    raise mismatch(operation.name, a, b, error) from None
        raise
    return record(operation, y, arrays, tuple([getattr(v, "_node", None) for v in operands]), constants)


def _in_dtype(value: Any, dtype: DType) -> Array:
    if not isinstance(value, Tensor):
        return np.asarray(value).astype(dtype)
    array = value._array
    return array if array.dtype is dtype else array.astype(dtype, copy=False)


def factor(value: Any, dtype: DType) -> Any:
    """A number that multiplies tensors of an integer dtype, in that dtype as PyTorch converts it."""
    return np.asarray(value).astype(dtype)[()] if dtype.kind in "biu" else value


def operand(function: str, name: str, value: Any) -> Any:
    """A Tensor or number as it is, a Tensor of an array; TypeError, naming the argument, for the rest."""
    kind = value.__class__
    if kind is Tensor or kind is float or kind is int:
        return value
    return as_operand(value, name=f"{function}(): argument '{name}'")


def _broadcast(a: Array, b: Array) -> bool:
    pairs = zip(reversed(a.shape), reversed(b.shape), strict=False)
    return all(n == m or 1 in (n, m) for n, m in pairs)


def number_first(name: str, keyword: str, count: int) -> None:
    """Warn of PyTorch's older order of arguments; TypeError for more arguments than it has."""
    if count != 1:
        raise TypeError(f"{name}() takes one positional argument less, but {count} more were given")
    warnings.warn(
        f"{name}(input, {keyword}, ...) is PyTorch's older form: give {keyword} by name, at the end",
        FutureWarning,
        stacklevel=3,
    )
