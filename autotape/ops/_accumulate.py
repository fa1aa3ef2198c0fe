"""Adding many values into few places: the adjoint of taking elements more than once.

``np.add.at`` is exact but slow on rows. Measured (float32, one thread; V rows of D, N values, microseconds):

    V, D, N              np.add.at   bincount   sorted + add.reduceat   passes
    27, 10, 32                   7          7                      15       48
    1000, 32, 256               99         38                      72       64
    65, 64, 512                359        313                      88      172
    65, 384, 4096            24783       5345                    6156     1977
    1000, 128, 2048           2893        643                    1540      420
    50000, 256, 8192         28549      35113                   25112    10387

"passes" adds the first occurrence of every index at once, then the second, and so on. A product with a
one-hot matrix (33 where 65, 64, 256 takes 240) spreads a NaN or infinity over its whole column, so its sum is
looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.batched import BatchedArray, fresh
from autotape.engine.row_gradient import set_rows

__all__ = ["add_at", "add_elements", "add_rows", "distinct", "last_writers", "sum_equal_rows", "sum_rows"]

Array = np.ndarray[Any, Any]

_SMALL = 8192  # elements up to which bincount is the fastest
_FEW_ROWS, _ONE_PRODUCT = 128, 2**18  # rows, and elements of the values, up to which a product is the fastest
_PASSES = 8


def add_elements(out: Array, places: Array, values: Array) -> None:
    """``out.flat[places] += values`` for a contiguous ``out``; a place named more than once adds up."""
    flat = out.reshape(-1)
    places, values = places.reshape(-1), values.reshape(-1)
    if type(flat) is np.ndarray and flat.dtype.kind == "f" and places.size:  # summed in float64
        flat += np.bincount(places, values, flat.size).astype(flat.dtype, copy=False)
    else:
        np.add.at(flat, places, values)


def add_rows(out: Array, rows: Array, values: Array) -> None:
    """``out[rows] += values`` for 1-D ``rows`` (not negative), 2-D ``out`` and ``values``; repeats add up."""
    count, width = values.shape
    if values.size == 0:
        return
    if type(out) is not np.ndarray:
        np.add.at(out, rows, values)
        return
    small = width == 1 or (values.size <= _SMALL and out.size <= 16 * _SMALL)
    if small and out.dtype.kind == "f" and out.flags.c_contiguous:
        add_elements(out, rows if width == 1 else rows[:, None] * width + np.arange(width), values)
        return
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    first = np.flatnonzero(np.concatenate(((True,), ordered[1:] != ordered[:-1])))
    repeats = np.diff(first, append=count)
    most = int(repeats.max())
    if most * 1000 > values.size and out.dtype.kind != "b":
        out[ordered[first]] += np.add.reduceat(values.take(order, 0), first, axis=0)
        return
    for k in range(most):
        out[ordered[first]] += values[order[first + k]]
        more = repeats > k + 1
        first, repeats = first[more], repeats[more]


def sum_rows(rows: Array, values: Array, count: int) -> Array:
    """Zeros of ``count`` rows with ``values`` (2-D) added to ``rows`` (1-D, not negative); repeats add up."""
    number, width = values.shape
    out: Array = fresh((count, width), values)
    if values.size == 0:
        return out
    if type(out) is not np.ndarray or type(rows) is not np.ndarray:
        np.add.at(out, rows, values)
        return out
    places = np.arange(number)
    if count <= _FEW_ROWS and values.size <= _ONE_PRODUCT and out.dtype.kind == "f" and out.itemsize > 2:
        hot = np.zeros((count, number), out.dtype)
        hot[rows, places] = 1
        total: Array = hot.dot(values)
        if np.isfinite(np.add.reduce(total, None)):
            return total
    set_rows(out, rows, np.ascontiguousarray(values))  # of repeats the last one stays
    last = np.empty(count, np.intp)
    last[rows] = places
    rest = np.flatnonzero(last[rows] != places)
    for _ in range(_PASSES):
        if not rest.size:
            return out
        at = rows[rest]
        last[at] = rest
        now = last[at] == rest
        out[at[now]] += values[rest[now]]
        rest = rest[~now]
    add_rows(out, rows[rest], values[rest])
    return out


def sum_equal_rows(rows: Array, values: Array, count: int) -> tuple[Array, Array]:
    """The distinct ones of ``rows`` (1-D, less than ``count``), and the sums of their ``values``, a copy."""
    last = np.empty(count, np.intp)
    last[rows] = places = np.arange(rows.size)
    kept = np.flatnonzero(last[rows] == places)
    if kept.size == rows.size:
        return rows, values.copy()
    distinct_rows = rows[kept]
    last[distinct_rows] = np.arange(kept.size)
    return distinct_rows, sum_rows(last[rows], values, kept.size)


def add_at(out: Array, index: tuple[Any, ...], axis: int | None, values: Array) -> None:
    """``np.add.at(out, index, values)``; ``axis``: where the only array stands, if it is of integers."""
    if values.size == 0:
        return
    if type(out) is not np.ndarray:
        np.add.at(out, index, values)
        return
    if distinct(index):
        out[index] = values
        return
    if axis is None:
        np.add.at(out, index, values)
        return
    rows = index[axis]
    size = out.shape[axis]
    target = np.moveaxis(out, axis, 0)
    source = np.moveaxis(values, range(axis, axis + rows.ndim), range(rows.ndim))
    matrix = target.reshape(size, -1)  # of out itself where its memory allows
    add_rows(matrix, np.where(rows < 0, rows + size, rows).reshape(-1), source.reshape(rows.size, -1))
    if not np.may_share_memory(matrix, out):
        target[...] = matrix.reshape(target.shape)


def distinct(index: tuple[Any, ...]) -> bool:
    """Whether it is plain that no element is named twice: one of the integer arrays increases strictly."""
    arrays = [i for i in index if isinstance(i, np.ndarray)]
    if any(a.dtype.kind == "b" or a.ndim != 1 or type(a) is not np.ndarray for a in arrays):
        return False
    longest = max(a.size for a in arrays)
    return any(
        a.size == longest and bool(a[0] >= 0) and bool((a[1:] > a[:-1]).all()) for a in arrays if a.size
    )


def last_writers(shape: tuple[int, ...], index: tuple[Any, ...]) -> Array:
    """For each element of ``x[index]``, x of that shape: whether ``x[index] = v`` leaves its value there.

    Where an element is named more than once the last value stays.
    """
    short = [1] * len(shape)  # a dimension that is taken whole needs no numbers of its own
    dim = 0
    for item in index:
        step = item.ndim if isinstance(item, np.ndarray) and item.dtype.kind == "b" else 1
        if isinstance(item, np.ndarray):
            short[dim : dim + step] = shape[dim : dim + step]
        dim += step
    batched = [item for item in index if type(item) is BatchedArray]
    order = fresh(tuple(short), batched[0]) if batched else np.empty(short, np.intp)
    numbers = np.arange(order[index].size).reshape(order[index].shape)
    order[index] = numbers
    return order[index] == numbers  # type: ignore[no-any-return]
