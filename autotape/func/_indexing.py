"""Indexing of batched arrays: by what all examples share, and by indices of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.batched import BatchedArray, aligned, batches, is_batched, spread, top
from autotape.engine.levels import Level, data_dependent, not_into_unbatched

__all__: list[str] = []

Shape = tuple[int, ...]


def _indices(index: Any, shape: Shape) -> list[Any]:
    """The items of an index, without Ellipsis, one for each dimension that is indexed."""
    items: list[Any] = list(index) if isinstance(index, tuple) else [index]
    items = [np.asarray(i) if isinstance(i, (list, np.bool_)) else i for i in items]
    used = 0
    for i in items:
        if isinstance(i, np.ndarray) and i.dtype.kind == "b":
            if is_batched(i):
                raise data_dependent("indexing with a mask")
            used += i.ndim
        elif i is not None and i is not Ellipsis:
            used += 1
    if used > len(shape):
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, but {used} were indexed"
        )
    fill = [slice(None)] * (len(shape) - used)
    for k, i in enumerate(items):
        if i is Ellipsis:
            return items[:k] + fill + items[k + 1 :]
    return items + fill


def _physical_index(x: Any, index: Any, level: Level) -> tuple[tuple[Any, ...], tuple[int, int, int] | None]:
    """The index of the physical array, and (how many dimensions, from, to) to move in its result, if any.

    The dimensions are those of the index arrays, with the batch dimension in front or behind of them.
    """
    items = _indices(index, x.shape)
    arrays: list[Any] = [i for i in items if isinstance(i, np.ndarray)]
    if not arrays:
        return (slice(None), *items), None
    advanced = [k for k, i in enumerate(items) if isinstance(i, (np.ndarray, int, np.integer))]
    together = advanced[-1] - advanced[0] + 1 == len(advanced)
    width = max([1 if a.dtype.kind == "b" else a.ndim for a in arrays])
    if not any(type(a) is BatchedArray and a.level is level for a in arrays):
        # NumPy puts the dimensions of separated arrays in front, before the batch dimension.
        return (slice(None), *items), None if together else (width, 0, 1)
    numbers = np.arange(level.size).reshape((-1,) + (1,) * width)
    physical = (numbers, *[aligned(i, level, width) for i in items])
    if not together or advanced[0] == 0:
        return physical, None
    return physical, (width, 1, 1 + advanced[0])


def _moved(y: Any, move: tuple[int, int, int] | None, back: bool = False) -> Any:
    if move is None:
        return y
    width, source, target = move
    if back:
        source, target = target, source
    return np.moveaxis(y, range(source, source + width), range(target, target + width))


@batches("getitem")
def get_item(x: Any, index: Any) -> Any:
    """``x[index]``, where x or arrays in the index are batched."""
    level = top((x, *index) if isinstance(index, tuple) else (x, index))
    if type(x) is not BatchedArray or x.level is not level:
        x = BatchedArray(level, spread(x, level))
    physical, move = _physical_index(x, index, level)
    return BatchedArray(level, _moved(x.physical[physical], move))


def place_values(x: Any, index: Any, values: tuple[Any, ...]) -> tuple[Any, list[Any]]:
    """The index and the values with which a batch is written; an error if the examples share the memory."""
    level = top((x, *values, *index) if isinstance(index, tuple) else (x, *values, index))
    if type(x) is not BatchedArray or x.level is not level:
        raise not_into_unbatched()
    physical, move = _physical_index(x, index, level)
    region = x.physical[physical]
    placed = []
    for value in values:
        if move is not None:
            shape = _moved(region, move).shape
            value = np.broadcast_to(aligned(value, level, len(shape) - 1), shape)
            value = _moved(value, move, back=True)
        elif type(value) is BatchedArray and value.level is level:
            extra = value.ndim - (region.ndim - 1)
            if extra > 0 and value.shape[:extra] == (1,) * extra:  # NumPy drops leading dimensions of size 1
                value = value.reshape(value.shape[extra:])
            value = aligned(value, level, region.ndim - 1)
        placed.append(value)
    return physical, placed


@batches("setitem")
def set_item(x: Any, index: Any, value: Any) -> None:
    """``x[index] = value``."""
    physical, (placed,) = place_values(x, index, (value,))
    x.physical[physical] = placed
