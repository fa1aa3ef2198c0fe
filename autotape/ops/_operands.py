"""Operands that share a dtype: promotion of several, and the error where shapes do not broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import promote_arrays, rank, scalar_dtype
from autotape.engine.operands import as_operand, mismatch
from autotape.engine.operation import Operation, record
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]


def result_dtype(*operands: Any) -> DType:
    """PyTorch's result type of Tensors and Python numbers.

    Tensors with dimensions decide; a 0-d tensor, and after it a number, counts only if its category (bool,
    integer, floating, complex) is higher.
    """
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
    arrays = tuple(
        [
            v._array.astype(dtype, copy=False) if isinstance(v, Tensor) else np.asarray(v).astype(dtype)
            for v in operands
        ]
    )
    try:
        y = quietly(operation.forward, *arrays, *constants)
    except ValueError as error:
        for a in arrays:
            for b in arrays:
                if not _broadcast(a, b):
                    raise mismatch(operation.name, a, b, error) from None
        raise
    return record(operation, y, arrays, tuple([getattr(v, "_node", None) for v in operands]), constants)


def operand(function: str, name: str, value: Any) -> Any:
    """A Tensor or number as it is, a Tensor of an array; TypeError, naming the argument, for the rest."""
    kind = value.__class__
    if kind is Tensor or kind is float or kind is int:
        return value
    return as_operand(value, name=f"{function}(): argument '{name}'")


def _broadcast(a: Array, b: Array) -> bool:
    pairs = zip(reversed(a.shape), reversed(b.shape), strict=False)
    return all(n == m or 1 in (n, m) for n, m in pairs)
