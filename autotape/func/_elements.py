"""Batching rules of NumPy functions that work on elements, and of those that reduce or order them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.batched import (
    BatchedArray,
    aligned,
    axes_in,
    axis_in,
    batches,
    lifted,
    rules,
    spread,
    top,
)
from autotape.engine.levels import data_dependent, no_rule, not_into_unbatched
from autotape.func._indexing import get_item, place_values, set_item

__all__: list[str] = []

_function: Any

# --- elementwise --------------------------------------------------------------------------------------------


def _elementwise(function: Callable[..., Any]) -> None:
    def rule(*args: Any, **kwargs: Any) -> Any:
        names = list(kwargs)
        count = len(args)

        def call(*values: Any) -> Any:
            return function(*values[:count], **dict(zip(names, values[count:], strict=True)))

        return lifted(call, *args, *kwargs.values())

    rules[function] = rule


for _function in (
    np.clip, np.nan_to_num, np.round, np.around, np.isclose, np.real, np.imag, np.angle, np.sinc, np.fix,
    np.isposinf, np.isneginf, np.iscomplex, np.isreal, np.i0, np.copy,
):  # fmt: skip
    _elementwise(_function)


@batches(np.where)
def _where(condition: Any, *choices: Any) -> Any:
    if not choices:
        raise data_dependent("where(condition)")
    return lifted(np.where, condition, *choices)


@batches(np.copyto)
def _copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    level = top((dst, src, where))
    if type(dst) is not BatchedArray or dst.level is not level:
        raise not_into_unbatched()
    ndim = dst.ndim
    np.copyto(dst.physical, aligned(src, level, ndim), casting, where=aligned(where, level, ndim))


def _filled(function: Callable[..., Any]) -> None:
    def rule(
        a: Any, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, **_kwargs: Any
    ) -> BatchedArray:
        given = a.shape if shape is None else shape if hasattr(shape, "__len__") else (shape,)
        # Row-major, so that what reshapes the result (of an example in that order) writes into a view of it.
        return BatchedArray(a.level, function(a.physical, dtype, "C", shape=(a.level.size, *given)))

    rules[function] = rule


for _function in (np.zeros_like, np.ones_like, np.empty_like):
    _filled(_function)


@batches(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> BatchedArray:
    level = top((a, fill_value))
    given = kwargs.get("shape")
    shape = a.shape if given is None else given if hasattr(given, "__len__") else (given,)
    out = np.empty((level.size, *shape), a.dtype if dtype is None else dtype)
    if type(getattr(a, "physical", out)) is BatchedArray:
        out = np.empty_like(a.physical, out.dtype, shape=out.shape)
    out[...] = aligned(fill_value, level, len(shape))
    return BatchedArray(level, out)


# --- attributes ---------------------------------------------------------------------------------------------

batches(np.shape)(lambda a: a.shape)
batches(np.ndim)(lambda a: a.ndim)
batches(np.iscomplexobj)(lambda x: x.dtype.kind == "c")
batches(np.isrealobj)(lambda x: x.dtype.kind != "c")


@batches(np.size)
def _size(a: Any, axis: int | None = None) -> int:
    return int(a.size if axis is None else a.shape[axis])


@batches(np.result_type)
def _result_type(*values: Any) -> np.dtype[Any]:
    return np.result_type(*[v.dtype if type(v) is BatchedArray else v for v in values])


def _memory(function: Callable[..., bool]) -> None:
    def rule(a: Any, b: Any, *args: Any, **kwargs: Any) -> bool:
        a, b = [x.physical if type(x) is BatchedArray else x for x in (a, b)]
        return function(a, b, *args, **kwargs)

    rules[function] = rule


_memory(np.may_share_memory)
_memory(np.shares_memory)


# --- reductions ---------------------------------------------------------------------------------------------


def _over_all(
    function: Callable[..., Any], a: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> BatchedArray:
    """A reduction that takes one axis only, over all elements of each example."""
    keepdims = kwargs.pop("keepdims", False)
    y = function(a.physical.reshape((a.level.size, a.size)), 1, *args, **kwargs)
    return BatchedArray(a.level, y.reshape((a.level.size,) + (1,) * a.ndim) if keepdims is True else y)


def _reduction(function: Callable[..., Any], every: bool | None = None) -> None:
    def rule(a: Any, axis: Any = None, *args: Any, **kwargs: Any) -> BatchedArray:
        if type(a) is not BatchedArray or kwargs.get("out") is not None:
            raise no_rule(f"np.{function.__name__} with these arguments")
        return BatchedArray(a.level, function(a.physical, axes_in(axis, a.ndim), *args, **kwargs), every)

    rules[function] = rule


for _function in (
    np.sum, np.prod, np.max, np.amax, np.min, np.amin, np.mean, np.std, np.var, np.count_nonzero,
    np.nansum, np.nanprod, np.nanmax, np.nanmin, np.nanmean, np.nanstd, np.nanvar,
):  # fmt: skip
    _reduction(_function)
_reduction(np.any, False)
_reduction(np.all, True)


def _one_axis(function: Callable[..., Any], position: int = 0) -> None:
    """A function whose axis is one dimension, or None for all elements; ``position`` of it after ``a``."""

    def rule(a: Any, *args: Any, **kwargs: Any) -> BatchedArray:
        extra = list(args)
        axis = extra.pop(position) if len(extra) > position else kwargs.pop("axis", None)
        if type(a) is not BatchedArray or any(type(x) is BatchedArray for x in (*extra, *kwargs.values())):
            raise no_rule(f"np.{function.__name__} with these arguments")
        before, after = extra[:position], extra[position:]
        if axis is None or (isinstance(axis, tuple) and not a.ndim):
            call = lambda p, axis, **k: function(p, *before, axis, *after, **k)  # noqa: E731
            return _over_all(call, a, (), kwargs)
        axis = axes_in(axis, a.ndim) if isinstance(axis, (tuple, list)) else axis_in(axis, a.ndim)
        return BatchedArray(a.level, function(a.physical, *before, axis, *after, **kwargs))

    rules[function] = rule


for _function in (np.argmax, np.argmin, np.median, np.nanmedian, np.nanargmax, np.nanargmin, np.ptp):
    _one_axis(_function)
for _function in (np.cumsum, np.cumprod, np.nancumsum, np.nancumprod):
    _one_axis(_function)
for _function in (np.quantile, np.percentile, np.nanquantile, np.nanpercentile):
    _one_axis(_function, 1)


@batches("reduce")
def _reduce(ufunc: np.ufunc, a: Any, axis: Any = 0, **kwargs: Any) -> BatchedArray:
    """``ufunc.reduce``."""
    where = kwargs.pop("where", True)
    out = kwargs.pop("out", None)
    if type(a) is not BatchedArray or (out is not None and out != (None,)):
        raise no_rule(f"np.{ufunc.__name__}.reduce with these arguments")
    if where is not True:
        kwargs["where"] = aligned(where, a.level, a.ndim)
    combining: dict[Any, bool] = {np.logical_and: True, np.logical_or: False}
    every = combining.get(ufunc)
    return BatchedArray(a.level, ufunc.reduce(a.physical, axis=axes_in(axis, a.ndim), **kwargs), every)


@batches("accumulate")
def _accumulate(ufunc: np.ufunc, a: Any, axis: int = 0, **kwargs: Any) -> BatchedArray:
    """``ufunc.accumulate``."""
    return BatchedArray(a.level, ufunc.accumulate(a.physical, axis_in(axis, a.ndim), **kwargs))


@batches("reduceat")
def _reduceat(ufunc: np.ufunc, a: Any, indices: Any, axis: int = 0, **kwargs: Any) -> BatchedArray:
    """``ufunc.reduceat``."""
    if type(indices) is BatchedArray:
        raise no_rule(f"np.{ufunc.__name__}.reduceat of batched indices")
    return BatchedArray(a.level, ufunc.reduceat(a.physical, indices, axis_in(axis, a.ndim), **kwargs))


@batches("at")
def _at(ufunc: np.ufunc, a: Any, indices: Any, *values: Any) -> None:
    """``ufunc.at``."""
    index, placed = place_values(a, indices, values)
    ufunc.at(a.physical, index, *placed)


# --- order --------------------------------------------------------------------------------------------------


def _ordering(function: Callable[..., Any], before: int = 0) -> None:
    """``f(a, *before, axis=-1, ...)``."""

    def rule(a: Any, *args: Any, **kwargs: Any) -> BatchedArray:
        extra = list(args)
        axis = extra.pop(before) if len(extra) > before else kwargs.pop("axis", -1)
        if type(a) is not BatchedArray:
            raise no_rule(f"np.{function.__name__} with these arguments")
        if axis is None:
            a, axis = a.reshape(-1), 0
        extra.insert(before, axis_in(axis, a.ndim))
        return BatchedArray(a.level, function(a.physical, *extra, **kwargs))

    rules[function] = rule


_ordering(np.sort)
_ordering(np.argsort)
_ordering(np.partition, 1)
_ordering(np.argpartition, 1)


@batches(np.searchsorted)
def _searchsorted(a: Any, v: Any, side: Any = "left", sorter: Any = None) -> BatchedArray:
    level = top((a, v))
    if (type(a) is BatchedArray and a.level is level) or sorter is not None:
        raise no_rule("np.searchsorted of batched sorted values")
    return BatchedArray(level, np.searchsorted(a, v.physical, side))


@batches(np.isin)
def _isin(element: Any, test_elements: Any, *args: Any, **kwargs: Any) -> BatchedArray:
    level = top((element, test_elements))
    if type(test_elements) is BatchedArray and test_elements.level is level:
        raise no_rule("np.isin of batched test elements")
    return BatchedArray(level, np.isin(element.physical, test_elements, *args, **kwargs))


def _dynamic(function: Callable[..., Any]) -> None:
    def rule(*_args: Any, **_kwargs: Any) -> Any:
        raise data_dependent(function.__name__)

    rules[function] = rule


for _function in (
    np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract, np.trim_zeros,
    np.unique_values, np.unique_counts, np.unique_inverse, np.unique_all, np.union1d, np.setdiff1d,
):  # fmt: skip
    _dynamic(_function)


# --- picking and counting -----------------------------------------------------------------------------------


@batches(np.take)
def _take(
    a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise"
) -> BatchedArray:
    level = top((a, indices))
    if axis is None:
        a, axis = a.reshape(-1), 0
    if type(indices) is BatchedArray and indices.level is level:
        if mode != "raise":
            raise no_rule(f"np.take(mode={mode!r})")
        axis = axis_in(axis, a.ndim) - 1
        return get_item(a, (slice(None),) * axis + (indices,))  # type: ignore[no-any-return]
    return BatchedArray(level, np.take(a.physical, indices, axis_in(axis, a.ndim), mode=mode))  # type: ignore[call-overload]


@batches(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> BatchedArray:
    level = top((arr, indices))
    if axis is None:
        arr, axis = arr.reshape(-1), 0
    return BatchedArray(
        level, np.take_along_axis(spread(arr, level), spread(indices, level), axis_in(axis, arr.ndim))
    )


@batches(np.put_along_axis)
def _put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    level = top((arr, indices, values))
    if type(arr) is not BatchedArray or arr.level is not level:
        raise not_into_unbatched()
    if axis is None:
        raise no_rule("np.put_along_axis(axis=None)")
    np.put_along_axis(
        arr.physical, spread(indices, level), aligned(values, level, arr.ndim), axis_in(axis, arr.ndim)
    )


@batches(np.bincount)
def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> BatchedArray:
    level = top((x, weights))
    places, count = spread(x, level), int(minlength)
    if type(places) is not np.ndarray:
        raise no_rule("np.bincount in nested vmaps")
    if places.size and int(places.max()) >= count:
        raise data_dependent("bincount (unless minlength exceeds all values)")
    places = (places + np.arange(level.size)[:, None] * count).reshape(-1)
    given = None if weights is None else spread(weights, level).reshape(-1)
    return BatchedArray(level, np.bincount(places, given, level.size * count).reshape(level.size, count))


batches(np.put)(lambda a, ind, v, mode="raise": set_item(a.reshape(-1), ind, v))
