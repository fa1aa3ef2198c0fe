"""Sequences of numbers at equal distances, and powers with equally spaced exponents."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.engine.arrays import cast
from autotape.engine.dtypes import DTypeLike, default_dtype, from_numpy_dtype, scalar_dtype
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._making import finish, integer, number, target_dtype

__all__ = ["arange", "linspace", "logspace"]

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]

_INT64 = np.dtype(np.int64)


def _not_for(function: str, dtype: DType) -> NotImplementedError:
    return NotImplementedError(
        f"{function} is not implemented for {from_numpy_dtype(dtype)}; give another dtype"
    )


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
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
    first, last, by = (
        number(start, "arange", "start"),
        number(end, "arange", "end"),
        number(step, "arange", "step"),
    )
    kinds = {first.__class__, last.__class__, by.__class__}
    if complex in kinds:
        raise RuntimeError(f"arange: start, end and step must be real numbers, got {first}, {last}, {by}")
    to = target_dtype(dtype, default_dtype() if float in kinds else _INT64, out)
    if to.kind in "bc":
        raise _not_for("arange", to)
    if not (math.isfinite(first) and math.isfinite(last)):
        raise RuntimeError(f"unsupported range: {first} -> {last}")
    if to == _INT64:
        first, last, by = int(first), int(last), int(by)
    if by == 0 or (to.kind in "iu" and int(by) == 0):
        raise RuntimeError("step must be nonzero")
    if (last - first) * by < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: start={first}, end={last}, step={by}"
        )
    # Exact for integers of any size; a quotient of floats is rounded up as it is.
    exact = isinstance(first, int) and isinstance(last, int) and isinstance(by, int)
    count = -((first - last) // by) if exact else math.ceil((last - first) / by)
    return finish(quietly(_steps, first, by, count, to), device, requires_grad, out, "arange", layout)


def _steps(first: Any, by: Any, count: int, dtype: DType) -> Array:
    array: Array
    if dtype.kind in "iu":
        array = np.arange(count, dtype=np.int64)
        first, by = int(first), int(by)
    else:
        array = np.arange(count, dtype=np.float64)
    if by != 1:
        array *= by
    if first:
        array += first
    return array.astype(dtype, copy=False)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """``steps`` numbers at equal distances from ``start`` to ``end``, both included; in the default dtype.

    ``start`` and ``end`` are numbers or 0-d tensors. Errors: RuntimeError for a negative number of steps.

    >>> import autotape as at
    >>> at.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    first, last, count, to = _bounds(start, end, steps, dtype, out, "linspace")
    return finish(quietly(_spaced, first, last, count, to), device, requires_grad, out, "linspace", layout)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """``steps`` powers of ``base``, whose exponents go from ``start`` to ``end`` at equal distances.

    In the default dtype. Errors: RuntimeError for a negative number of steps.

    >>> import autotape as at
    >>> at.logspace(0, 3, 4)
    tensor([   1.,   10.,  100., 1000.])
    """
    by = number(base, "logspace", "base")
    if isinstance(by, complex):
        raise TypeError(f"logspace(): argument 'base' must be float, not complex: {by}")
    first, last, count, to = _bounds(start, end, steps, dtype, out, "logspace")
    return finish(
        quietly(_powers, by, first, last, count, to), device, requires_grad, out, "logspace", layout
    )


def _bounds(
    start: Any, end: Any, steps: Any, dtype: Any, out: Any, function: str
) -> tuple[Any, Any, int, DType]:
    """Both ends, in integers for an integer dtype, the number of steps and the dtype."""
    bounds = []
    for name, value in (("start", start), ("end", end)):
        if isinstance(value, Tensor):
            if value._array.ndim:
                raise RuntimeError(
                    f"{function} only supports 0-dimensional start and end tensors, but got {name} with "
                    f"{value._array.ndim} dimension(s)."
                )
            value = value._scalar(real=False)  # warns if the tensor requires grad
        bounds.append(number(value, function, name))
    first, last = bounds
    count = integer(steps, function, "steps")
    if count < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {count}")
    is_complex = isinstance(first, complex) or isinstance(last, complex)
    to = target_dtype(dtype, scalar_dtype(1j) if is_complex else default_dtype(), out)
    if to.kind == "b":
        raise _not_for(function, to)
    if to.kind in "iu" and not is_complex:
        first, last = int(first), int(last)
    return first, last, count, to


def _spaced(first: Any, last: Any, count: int, dtype: DType) -> Array:
    """Counted from the nearer end, so that both ends are exact."""
    is_complex = isinstance(first, complex) or isinstance(last, complex)
    within = np.dtype(np.complex128 if is_complex else np.float64)
    if dtype.itemsize > 2 and dtype.kind == within.kind:
        within = dtype
    if count < 2:
        return cast(np.full(count, first, within), dtype)
    half = count // 2
    step = (last - first) / (count - 1)
    array: Array = np.empty(count, within)
    position = np.arange(count - half, dtype=within)
    position *= step
    np.add(position[:half], first, array[:half])
    np.subtract(last, position[::-1], array[half:])
    return cast(array, dtype)


def _powers(base: Any, first: Any, last: Any, count: int, dtype: DType) -> Array:
    exponents = _spaced(first, last, count, np.dtype(np.complex128 if dtype.kind == "c" else np.float64))
    return cast(np.power(float(base), exponents), dtype)
