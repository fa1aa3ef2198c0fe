"""Windows over the last dimensions of an array: their geometry, as views, and added up in their places."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from autotape.engine.batched import fresh

__all__ = [
    "Piece",
    "Windows",
    "add_windows",
    "blocks",
    "columns",
    "only_rows",
    "per_dim",
    "pieces",
    "plain",
    "samples_first",
    "samples_last",
    "spans",
    "spatial",
    "windows",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

_HALF = np.dtype(np.float16)
# Elements of the buffer that windows are copied into, a few samples at a time, so that it stays in the cache;
# where a GEMM is shared by all samples of a block, more of them make up for that. One sample too may take as
# much.
_BLOCK, _SHARED = 1 << 18, 1 << 20


class Windows(NamedTuple):
    """``counts`` windows of ``kernel`` elements along each of the last dimensions of sizes ``size``.

    The element k of window y stands at ``y * stride + k * dilation - before``: outside of the array it is 0.
    """

    size: Shape
    counts: Shape
    kernel: Shape
    stride: Shape
    before: Shape
    dilation: Shape


def plain(w: Windows) -> bool:
    """Whether the windows are the single elements."""
    return w.size == w.counts and max(w.kernel) == max(w.stride) == 1 and not any(w.before)


@lru_cache(maxsize=512)
def spans(w: Windows, dim: int) -> tuple[tuple[int, slice, slice], ...]:
    """For each k along a dimension: (k, the windows whose element k is inside, where those elements are)."""
    size, count, kernel, stride, before, dilation = [values[dim] for values in w]
    found = []
    for k in range(kernel):
        first = max(0, -((k * dilation - before) // stride))
        last = min(count - 1, (size - 1 + before - k * dilation) // stride)
        if first <= last:
            at = k * dilation - before
            found.append(
                (k, slice(first, last + 1), slice(first * stride + at, last * stride + at + 1, stride))
            )
    return tuple(found)


def windows(x: Array, w: Windows, lead: int = 2) -> Array:
    """All windows of ``x`` (lead, *size, rest) as views (lead, *kernel, *counts, rest), or of a padded copy.

    ``lead`` dimensions come before the windows' and any number after them.
    """
    n = len(w.size)
    reach = [(y - 1) * s + d * (k - 1) + 1 for y, k, s, d in zip(w.counts, w.kernel, w.stride, w.dilation)]
    after = [max(0, r - i - b) for r, i, b in zip(reach, w.size, w.before)]
    padded = any(after) or any(w.before)
    if type(x) is not np.ndarray:
        return _batched_windows(x, w, lead, after if padded else None)
    if padded:  # as np.pad does, in 40 us
        sizes = [b + i + a for b, i, a in zip(w.before, w.size, after)]
        inside = [slice(b, b + i) for b, i in zip(w.before, w.size)]
        inner, x = x, np.zeros((*x.shape[:lead], *sizes, *x.shape[lead + n :]), x.dtype)
        x[(*(slice(None),) * lead, *inside)] = inner
    steps = x.strides[lead : lead + n]
    return as_strided(
        x,
        (*x.shape[:lead], *w.kernel, *w.counts, *x.shape[lead + n :]),
        (
            *x.strides[:lead],
            *[s * d for s, d in zip(steps, w.dilation)],
            *[s * t for s, t in zip(steps, w.stride)],
            *x.strides[lead + n :],
        ),
    )


def _batched_windows(x: Any, w: Windows, lead: int, after: list[int] | None) -> Array:
    """:func:`windows` by functions of NumPy that ``vmap`` has rules for."""
    n = len(w.size)
    rest = x.ndim - lead - n
    if after is not None:
        none = ((0, 0),)
        x = np.pad(x, (*none * lead, *zip(w.before, after), *none * rest))
    extent = tuple([d * (k - 1) + 1 for k, d in zip(w.kernel, w.dilation)])
    view = sliding_window_view(x, extent, tuple(range(lead, lead + n)))
    starts = [slice(0, (y - 1) * s + 1, s) for y, s in zip(w.counts, w.stride)]
    every = (slice(None),)
    view = view[(*every * lead, *starts, *every * rest, *[slice(None, None, d) for d in w.dilation])]
    out: Array = view.transpose(*range(lead), *range(x.ndim, x.ndim + n), *range(lead, x.ndim))
    return out


def columns(x: Array, w: Windows, groups: int) -> Array:
    """The windows of all samples at once: (n, groups, c / groups * kernel, counts)."""
    n, c = x.shape[:2]
    view = x if plain(w) else windows(x, w)
    return view.reshape(n, groups, c // groups * prod(w.kernel), prod(w.counts))


class Piece(NamedTuple):
    """A part of the work: some samples, with all windows or (of large images) some rows of windows."""

    samples: slice
    rows: slice  # windows along the first dimension
    places: slice  # those windows, counted in row-major order


def pieces(n: int, w: Windows, rows: int, merged: bool) -> Iterator[Piece]:
    """The windows of ``n`` samples, of ``rows`` elements each, as many at a time as fit into a block."""
    across = prod(w.counts[1:])
    each = max(1, rows * across)
    step = max(1, (_SHARED if merged else _BLOCK) // (each * max(1, w.counts[0])))
    height = w.counts[0] if merged else max(1, min(w.counts[0], _SHARED // each))
    for start in range(0, n, step):
        for y in range(0, w.counts[0], max(1, height)):
            end = min(y + height, w.counts[0])
            yield Piece(slice(start, min(start + step, n)), slice(y, end), slice(y * across, end * across))


def samples_last(x: Array) -> Array:
    """(n, ...) as (..., n)."""
    return x.transpose(*range(1, x.ndim), 0)


def samples_first(x: Array) -> Array:
    """(..., n) as (n, ...)."""
    return x.transpose(x.ndim - 1, *range(x.ndim - 1))


def blocks(x: Array, w: Windows, groups: int, merged: bool) -> Iterator[tuple[Piece, Array]]:
    """The :func:`columns` of a piece at a time, in one reused buffer.

    ``merged``: the samples of a piece come last: (groups, c / groups * kernel, counts * b).
    """
    n, c = x.shape[:2]
    rows = c // groups * prod(w.kernel)
    if plain(w) and not merged:
        yield Piece(slice(0, n), slice(0, w.counts[0]), slice(0, prod(w.counts))), columns(x, w, groups)
        return
    view = x if merged else windows(x, w)
    every = (slice(None),) * (1 + len(w.kernel))
    buffer = None
    for piece in pieces(n, w, groups * rows, merged):
        if merged:
            source = windows(np.ascontiguousarray(samples_last(x[piece.samples])), w, 1)
            shape: Shape = (groups, rows, prod(w.counts) * source.shape[-1])
        else:
            source = view[(piece.samples, *every, piece.rows)]
            shape = (len(source), groups, rows, piece.places.stop - piece.places.start)
        if buffer is None:
            buffer = np.empty(source.size, x.dtype)
        filled = buffer[: source.size]
        np.copyto(filled.reshape(source.shape), source)
        yield piece, filled.reshape(shape)


def only_rows(w: Windows, rows: slice) -> tuple[Windows, slice]:
    """The windows of some rows alone, and the rows of the array that they reach."""
    size, stride, before = w.size[0], w.stride[0], w.before[0]
    first = rows.start * stride - before
    last = (rows.stop - 1) * stride - before + (w.kernel[0] - 1) * w.dilation[0]
    low, high = max(0, min(first, size)), max(0, min(last + 1, size))
    part = w._replace(
        size=(max(high - low, 0), *w.size[1:]),
        counts=(rows.stop - rows.start, *w.counts[1:]),
        before=(low - first, *w.before[1:]),
    )
    return part, slice(low, high)


def add_windows(x: Array, w: Windows, lead: int = 2) -> Array:
    """The adjoint of :func:`windows`: (lead, *kernel, *counts, rest) added up in zeros (lead, *size, rest).

    One dimension after the other: the sum, not the product, of the kernel's sizes is the number of passes.
    """
    n = len(w.size)
    rest = x.shape[lead + 2 * n :]
    first: tuple[Any, ...] = (slice(None),) * lead
    before: tuple[Any, ...] = (slice(None),) * (lead + n - 1)
    for d in range(n):
        shape = (*x.shape[:lead], *w.kernel[d + 1 :], *w.size[: d + 1], *w.counts[d + 1 :], *rest)
        total: Array = fresh(shape, x)
        for k, which, at in spans(w, d):
            total[(*before, at)] += x[(*first, k)][(*before, which)]
        x = total
    return x


def in_single(forward: Callable[..., Array]) -> Callable[..., Array]:
    """Decorator: float16 arrays are computed in float32, as in PyTorch; NumPy has no GEMM for them."""

    def call(*args: Any) -> Array:
        if args[0].dtype != _HALF:
            return forward(*args)
        wide = [a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in args]
        return forward(*wide).astype(_HALF)

    return call


# --- arguments ----------------------------------------------------------------------------------------------


def per_dim(function: str, name: str, value: Any, n: int) -> Shape:
    """An int, or a sequence of 1 or ``n`` of them, as ``n`` ints; RuntimeError for another length."""
    if isinstance(value, (tuple, list)):
        if len(value) not in (1, n):
            raise RuntimeError(
                f"{function}(): expected {name} to be a single integer value or a list of {n} values, "
                f"but got {name}={list(value)}"
            )
        values = [_int(function, name, v) for v in value]
        return tuple(values * (n if len(values) == 1 else 1))
    return (_int(function, name, value),) * n


def _int(function: str, name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{function}(): argument '{name}' must be an int or a tuple of ints, not {type(value).__name__}"
        ) from None


def spatial(x: Any, n: int, call: Callable[[Any], Any], error: Callable[[], Exception]) -> Any:
    """``call`` on a batch (n, c, *size) of which ``x`` may be one sample; ``error`` for other dimensions."""
    ndim = x._array.ndim
    if ndim == n + 2:
        return call(x)
    if ndim != n + 1:
        raise error()
    result = call(x.unsqueeze(0))
    return tuple([r.squeeze(0) for r in result]) if isinstance(result, tuple) else result.squeeze(0)
