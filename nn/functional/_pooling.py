"""What pooling functions share: their windows, the places of maxima, sums over windows and the adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.batched import again, copy_for, fresh, somewhere
from autotape.engine.operation import Operation, apply, record
from autotape.engine.tape import run_quietly
from autotape.engine.tensor import Tensor
from autotape.nn.functional._windows import Windows, in_single, per_dim, spans
from autotape.ops.selecting import GATHER_ADJOINT

__all__ = [
    "ADAPTIVE_SUM",
    "AVERAGE",
    "Plan",
    "adaptive_bounds",
    "adaptive_plan",
    "max_pool",
    "no_values",
    "pooling_windows",
    "regular_plan",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


# --- windows ------------------------------------------------------------------------------------------------


def pooling_windows(
    name: str, n: int, shape: Shape, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Windows:
    """The windows of a pooling call on (..., *size); RuntimeError for what PyTorch refuses."""
    k = _sizes(name, "kernel_size", kernel, n)
    empty = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    s = k if empty else _sizes(name, "stride", stride, n)
    p, d = _sizes(name, "padding", padding, n), _sizes(name, "dilation", dilation, n)
    size = shape[-n:]
    if min(k) <= 0:
        raise RuntimeError(f"{name}(): kernel size should be greater than zero, but got {list(k)}")
    if min(s) <= 0:
        raise RuntimeError(f"{name}(): stride should not be zero, but got {list(s)}; it must be positive")
    if min(d) <= 0:
        raise RuntimeError(f"{name}(): dilation should be greater than zero, but got {list(d)}")
    if min(p) < 0:
        raise RuntimeError(f"{name}(): pad must be non-negative, but got pad: {min(p)}")
    reach = [dd * (kk - 1) + 1 for kk, dd in zip(k, d)]
    if any(pp > r // 2 for pp, r in zip(p, reach)):
        raise RuntimeError(
            f"{name}(): pad should be at most half of effective kernel size, but got pad={list(p)}, "
            f"kernel_size={list(k)} and dilation={list(d)}"
        )
    if 0 in shape[len(shape) - n - 1 :]:
        raise RuntimeError(
            f"{name}(): Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got: {list(shape)}"
        )
    count = []
    for i, pp, r, ss in zip(size, p, reach, s):
        c = (i + 2 * pp - r + (ss - 1 if ceil_mode else 0)) // ss + 1
        count.append(c - 1 if ceil_mode and (c - 1) * ss >= i + pp else c)  # none beyond the input
    if min(count) < 1:
        channels = shape[-n - 1]
        raise RuntimeError(
            f"{name}(): Given input size: ({'x'.join(map(str, (channels, *size)))}). Calculated output size: "
            f"({'x'.join(map(str, (channels, *count)))}). Output size is too small"
        )
    return Windows(size, tuple(count), k, s, p, d)


def _sizes(name: str, what: str, value: Any, n: int) -> Shape:
    if isinstance(value, (tuple, list)) and len(value) not in (1, n):
        raise RuntimeError(
            f"{name}: {what} must either be a single int, or a tuple of {n} ints, but got {list(value)}"
        )
    return per_dim(name, what, value, n)


def no_values(name: str, n: int, shape: Shape) -> RuntimeError:
    """The error for an input of the wrong number of dimensions."""
    return RuntimeError(
        f"{name}(): non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input, but got "
        f"{list(shape)}"
    )


class Plan(NamedTuple):
    """How to go through the windows of a maximum, dimension by dimension."""

    steps: tuple[Any, ...]  # per dimension, for each k: (k, which windows have an element k, where it stands)
    kernel: Shape
    counts: Shape
    places: Array  # of element k of window y, in one plane; k and y counted in row-major order
    disjoint: bool  # no element is in two windows


@lru_cache(maxsize=256)
def regular_plan(w: Windows) -> Plan:
    """The plan for windows of one size."""
    steps = tuple([spans(w, d) for d in range(len(w.size))])
    at = [
        np.clip(np.arange(c) * s + (np.arange(k) * d)[:, None] - b, 0, i - 1) for i, c, k, s, b, d in zip(*w)
    ]
    disjoint = all(s >= d * (k - 1) + 1 for k, s, d in zip(w.kernel, w.stride, w.dilation))
    return Plan(steps, w.kernel, w.counts, _places(at, w.size), disjoint)


@lru_cache(maxsize=256)
def adaptive_plan(size: Shape, to: Shape) -> Plan:
    """The plan for ``to`` windows, from floor(i * size / to) to ceil((i + 1) * size / to)."""
    steps, at = [], []
    for n, m in zip(size, to):
        start, end = adaptive_bounds(n, m)
        longest = int((end - start).max(initial=1))
        # A shorter window has its last element again: never greater than the maximum so far.
        where = np.minimum(start + np.arange(longest)[:, None], end - 1)
        at.append(where)
        steps.append(tuple([(k, slice(0, m), where[k]) for k in range(longest)]))
    disjoint = all(n % m == 0 for n, m in zip(size, to) if m)
    return Plan(tuple(steps), tuple([len(where) for where in at]), to, _places(at, size), disjoint)


def adaptive_bounds(size: int, to: int) -> tuple[Array, Array]:
    """Where adaptive windows begin and end."""
    i = np.arange(to)
    return i * size // max(to, 1), -(-(i + 1) * size // max(to, 1))


def _places(at: Sequence[Array], size: Shape) -> Array:
    n = len(size)
    places = np.zeros((1,) * (2 * n), np.intp)
    for d, where in enumerate(at):
        shape = [1] * (2 * n)
        shape[d], shape[n + d] = where.shape
        places = places + where.reshape(shape) * prod(size[d + 1 :])
    places = places.reshape(-1)
    places.flags.writeable = False
    return places


# --- maxima -------------------------------------------------------------------------------------------------


def _maxima(x: Array, plan: Plan, nan: bool = False) -> tuple[Array, Array]:
    """The maxima of all windows, and their places in the plane: of equals the first, of NaNs the last.

    One dimension after the other, the last one first: so the first of equals is the first in row-major order.
    """
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    small = np.min_scalar_type(prod(plan.kernel)).type
    codes: Any = None  # which element of its window the maximum is, as the plan counts them
    top = x
    for d in range(len(plan.counts) - 1, -1, -1):
        index = (slice(None),) * (2 + d)
        every = small(prod(plan.kernel[d + 1 :]))
        steps = plan.steps[d]
        if steps and steps[0][:2] == (0, slice(0, plan.counts[d])):
            best = top[(*index, steps[0][2])].copy()
            chosen = (
                np.zeros_like(best, dtype=small) if codes is None else codes[(*index, steps[0][2])].copy()
            )
            steps = steps[1:]
        else:
            best = fresh((*x.shape[: 2 + d], *plan.counts[d:]), x) + x.dtype.type(lowest)
            chosen = np.zeros_like(best, dtype=small)
        for k, which, at in steps:
            v, b, c = top[(*index, at)], best[(*index, which)], chosen[(*index, which)]
            better = np.greater(v, b)
            if nan:
                better |= v != v
            number = small(k) * every
            # Later elements have greater codes, so a maximum writes them: 10 times as fast as np.where.
            np.maximum(c, better * (number if codes is None else codes[(*index, at)] + number), out=c)
            np.maximum(b, v, out=b)
        top, codes = best, chosen
    if not nan and x.dtype.kind == "f" and somewhere(np.isnan(top).any()):
        return _maxima(x, plan, True)
    numbers = np.arange(prod(plan.counts)).reshape(plan.counts)
    places = copy_for(plan.places, codes)  # itself, outside of vmap
    return top, places.take(codes.astype(np.intp) * numbers.size + numbers)


def _maxima_only(x: Array, plan: Plan) -> Array:
    """The maxima alone: less than half of the work."""
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    top = x
    for d in range(len(plan.counts) - 1, -1, -1):
        index = (slice(None),) * (2 + d)
        best = fresh((*x.shape[: 2 + d], *plan.counts[d:]), x) + x.dtype.type(lowest)
        for _, which, at in plan.steps[d]:
            b = best[(*index, which)]
            np.maximum(b, top[(*index, at)], out=b)
        top = best
    return top


def _max_rule(g: Any, _y: Any, _x: Any, places: Array, disjoint: bool, shape: Shape) -> Any:
    if isinstance(g, Tensor):
        return apply(GATHER_ADJOINT, (g,), places, disjoint, shape)
    return GATHER_ADJOINT.forward(g, places, disjoint, shape)


_MAX_POOL = Operation("max_pool", lambda x, places, _disjoint, _shape: x.take(places), _max_rule)


def max_pool(input: Tensor, plan: Plan, indices: bool) -> Any:
    """The maxima of a batch (n, c, *size), and with ``indices`` their places in their planes."""
    x = input._array
    if input._node is None and not indices:
        return Tensor._wrap(_run(_maxima_only, x, plan))
    y, at = _run(_maxima, x, plan)
    planes = x.shape[0] * x.shape[1]
    size = prod(x.shape[2:])
    first = np.arange(0, planes * size, max(size, 1)).reshape(*x.shape[:2], *[1] * len(plan.counts))
    out = record(_MAX_POOL, y, (x,), (input._node,), (at + first, plan.disjoint, x.shape))
    return (out, Tensor._wrap(at)) if indices else out


def _run(function: Any, *args: Any) -> Any:
    try:
        return run_quietly(function, *args)
    except RuntimeError:
        return again(False, function, *args)


# --- sums ---------------------------------------------------------------------------------------------------


def _divided(x: Array, divisor: Any) -> Array:
    if x.dtype.kind != "f":
        return np.trunc(x / divisor).astype(x.dtype)  # type: ignore[no-any-return]
    x /= divisor
    return x


@in_single
def _average(x: Array, w: Windows, divisor: Any) -> Array:
    """The sum over every window, divided."""
    for d in range(len(w.size)):
        index = (slice(None),) * (2 + d)
        total = fresh((*x.shape[: 2 + d], w.counts[d], *x.shape[3 + d :]), x)
        for _, which, at in spans(w, d):
            total[(*index, which)] += x[(*index, at)]
        x = total
    return _divided(x, divisor)


@in_single
def _spread(g: Array, w: Windows, divisor: Any) -> Array:
    """The adjoint of :func:`_average`."""
    g = g / divisor
    for d in range(len(w.size) - 1, -1, -1):
        index = (slice(None),) * (2 + d)
        total = fresh((*g.shape[: 2 + d], w.size[d], *g.shape[3 + d :]), g)
        for _, which, at in spans(w, d):
            total[(*index, at)] += g[(*index, which)]
        g = total
    return g


def _average_rule(g: Any, _y: Any, _x: Any, w: Windows, divisor: Any) -> Any:
    return apply(_SPREAD, (g,), w, divisor) if isinstance(g, Tensor) else _spread(g, w, divisor)


def _spread_rule(g: Any, _y: Any, _x: Any, w: Windows, divisor: Any) -> Any:
    return apply(AVERAGE, (g,), w, divisor) if isinstance(g, Tensor) else _average(g, w, divisor)


AVERAGE = Operation("avg_pool", _average, _average_rule)
_SPREAD = Operation("avg_pool_adjoint", _spread, _spread_rule)


@in_single
def _adaptive_sum(x: Array, to: Shape, _size: Shape) -> Array:
    """The sums over adaptive windows, dimension by dimension."""
    for d, m in enumerate(to):
        index: tuple[Any, ...] = (slice(None),) * (2 + d)
        start, end = adaptive_bounds(x.shape[2 + d], m)
        total = x[(*index, start)]
        for k in range(1, int((end - start).max(initial=1))):
            longer = np.flatnonzero(start + k < end)
            total[(*index, longer)] += x[(*index, start[longer] + k)]
        x = total
    return x


def _adaptive_rule(g: Any, _y: Any, _x: Any, to: Shape, size: Shape) -> Any:
    # Element p is in window i if and only if i is in window p of the windows the other way round.
    return apply(ADAPTIVE_SUM, (g,), size, to) if isinstance(g, Tensor) else _adaptive_sum(g, size, to)


ADAPTIVE_SUM = Operation("adaptive_sum", _adaptive_sum, _adaptive_rule)
