"""Batching rules of NumPy functions that change the shape or the order of elements, or join arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from autotape.engine.batched import BatchedArray, aligned, axes_in, axis_in, batches, rules, spread, top
from autotape.engine.levels import no_rule

__all__: list[str] = []

_function: Any

Shape = tuple[int, ...]


def _like(a: Any, physical: Any) -> BatchedArray:
    return BatchedArray(a.level, physical)


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


# --- shapes -------------------------------------------------------------------------------------------------


@batches(np.reshape)
def _reshape(a: Any, /, shape: Any = None, order: Any = "C", *, copy: Any = None) -> Any:
    return a.reshape(shape, order=order)


batches(np.ravel)(lambda a, order="C": a.ravel())
batches(np.transpose, np.permute_dims)(lambda a, axes=None: a.transpose(axes))
batches(np.swapaxes)(lambda a, axis1, axis2: a.swapaxes(axis1, axis2))
batches(np.matrix_transpose, np.linalg.matrix_transpose)(lambda x, /: x.swapaxes(-1, -2))
batches(np.squeeze)(lambda a, axis=None: a.squeeze(axis))


@batches(np.moveaxis)
def _moveaxis(a: Any, source: Any, destination: Any) -> BatchedArray:
    return _like(a, np.moveaxis(a.physical, axes_in(source, a.ndim), axes_in(destination, a.ndim)))


@batches(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> BatchedArray:
    axes = _tuple(axis)
    return _like(a, np.expand_dims(a.physical, axes_in(axes, a.ndim + len(axes))))


@batches(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> BatchedArray:
    sides = _tuple(shape)
    physical = aligned(array, array.level, len(sides))
    return _like(array, np.broadcast_to(physical, (array.level.size, *sides)))


@batches(np.broadcast_arrays)
def _broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    shape = np.broadcast_shapes(*[x.shape for x in args])
    return tuple([np.broadcast_to(x, shape) for x in args])


def _at_least(function: Callable[..., Any], ndim: int) -> None:
    def one(a: Any) -> Any:
        if not isinstance(a, np.ndarray) or type(a) is np.ndarray:
            return function(a)
        if a.ndim >= ndim:
            return a
        if ndim == 3 and a.ndim:  # (n,) -> (1, n, 1) and (m, n) -> (m, n, 1)
            return a.reshape((1, *a.shape, 1) if a.ndim == 1 else (*a.shape, 1))
        return a.reshape((1,) * (ndim - a.ndim) + tuple(a.shape))

    def rule(*arys: Any) -> Any:
        return one(arys[0]) if len(arys) == 1 else tuple([one(a) for a in arys])

    rules[function] = rule


for _function, _ndim in ((np.atleast_1d, 1), (np.atleast_2d, 2), (np.atleast_3d, 3)):
    _at_least(_function, _ndim)


# --- order --------------------------------------------------------------------------------------------------


@batches(np.flip)
def _flip(m: Any, axis: Any = None) -> BatchedArray:
    return _like(m, np.flip(m.physical, axes_in(axis, m.ndim)))


@batches(np.roll)
def _roll(a: Any, shift: Any, axis: Any = None) -> BatchedArray:
    if type(a) is not BatchedArray or type(shift) is BatchedArray:
        raise no_rule("np.roll by batched shifts")
    if axis is None:
        rolled = np.roll(a.physical.reshape((a.level.size, a.size)), shift, 1)
        return _like(a, rolled.reshape(a.physical.shape))
    return _like(a, np.roll(a.physical, shift, axes_in(axis, a.ndim)))


@batches(np.rot90)
def _rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> BatchedArray:
    first, second = axes_in(axes, m.ndim)
    return _like(m, np.rot90(m.physical, k, (first, second)))


def _matrix_part(function: Callable[..., Any]) -> None:
    def rule(m: Any, k: int = 0) -> BatchedArray:
        if m.ndim < 2:
            raise no_rule(f"np.{function.__name__} of a vector")
        return _like(m, function(m.physical, k))

    rules[function] = rule


_matrix_part(np.tril)
_matrix_part(np.triu)


def _diagonal_like(function: Callable[..., Any]) -> None:
    def rule(
        a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, *args: Any, **kwargs: Any
    ) -> BatchedArray:
        first, second = axis_in(axis1, a.ndim), axis_in(axis2, a.ndim)
        return _like(a, function(a.physical, offset, first, second, *args, **kwargs))

    rules[function] = rule


_diagonal_like(np.diagonal)
_diagonal_like(np.trace)


@batches(np.diag)
def _diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:
        return v.diagonal(k).copy()
    n = v.shape[0] + abs(k)
    out = np.zeros_like(v, shape=(n, n))
    i = np.arange(v.shape[0])
    out[i + max(-k, 0), i + max(k, 0)] = v
    return out


@batches(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    joined = [x for x in (prepend, a, append) if x is not np._NoValue]
    if len(joined) > 1:
        raise no_rule("np.diff(prepend=, append=)")
    return _like(a, np.diff(a.physical, n, axis_in(axis, a.ndim)))


# --- repeating ----------------------------------------------------------------------------------------------


@batches(np.repeat)
def _repeat(a: Any, repeats: Any, axis: int | None = None) -> BatchedArray:
    if type(a) is not BatchedArray or type(repeats) is BatchedArray:
        raise no_rule("np.repeat by batched counts")
    if axis is None:
        a, axis = a.reshape(-1), 0
    return _like(a, np.repeat(a.physical, repeats, axis_in(axis, a.ndim)))


@batches(np.tile)
def _tile(a: Any, reps: Any) -> BatchedArray:
    times = _tuple(reps)
    ndim = max(a.ndim, len(times))
    return _like(a, np.tile(aligned(a, a.level, ndim), (1,) * (ndim - len(times) + 1) + times))


@batches(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> BatchedArray:
    if type(array) is not BatchedArray or any(np.ndim(v) for v in kwargs.values() if not isinstance(v, str)):
        raise no_rule("np.pad with other values along every axis")
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    return _like(array, np.pad(array.physical, [[0, 0], *widths], mode, **kwargs))


@batches(sliding_window_view)
def _sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> BatchedArray:
    axes = axes_in(axis, x.ndim)
    return _like(x, sliding_window_view(x.physical, window_shape, axes, writeable=writeable))


# --- joining and taking apart -------------------------------------------------------------------------------


@batches(np.concatenate)
def _concatenate(arrays: Any, axis: int | None = 0, out: Any = None, **kwargs: Any) -> BatchedArray:
    if out is not None:
        raise no_rule("np.concatenate(out=)")
    if axis is None:
        arrays, axis = [np.ravel(a) for a in arrays], 0
    level = top(arrays)
    shapes = [np.shape(a) for a in arrays]
    if () in shapes:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    joined = np.concatenate([spread(a, level) for a in arrays], axis_in(axis, len(shapes[0])), **kwargs)
    return BatchedArray(level, joined)


@batches(np.stack)
def _stack(arrays: Any, axis: int = 0, out: Any = None, **kwargs: Any) -> BatchedArray:
    arrays = list(arrays)
    level = top(arrays)
    return BatchedArray(
        level, np.stack([spread(a, level) for a in arrays], axis_in(axis, np.ndim(arrays[0]) + 1), **kwargs)
    )


def _splitting(function: Callable[..., Any]) -> None:
    def rule(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[BatchedArray]:
        parts = function(ary.physical, indices_or_sections, axis_in(axis, ary.ndim))
        return [_like(ary, p) for p in parts]

    rules[function] = rule


_splitting(np.split)
_splitting(np.array_split)
