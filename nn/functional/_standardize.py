"""Subtracting a mean and dividing by a deviation: the operation behind every normalisation.

All of them view the input as (N, G, K, S): N examples of G groups of K channels with S values each. They
differ in the dimensions that a mean is taken over: (0, 3) for batch normalisation, (2, 3) for groups, 3 for
instances (K = 1) and for layers, where the place in the row has a weight instead of the channel.

Only the input, the weight and the statistics are kept for backward: the standardised values are computed
again, one pass more over memory instead of a copy of the input. Sums are BLAS products with ones or `vecdot`,
which take a quarter of the time of `add.reduce` along the last dimension.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.batched import again, is_batched
from autotape.engine.operation import Operation, record
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor

__all__ = ["Layout", "check_dtypes", "standardized"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

_BLOCK = 1 << 16  # elements
_HALF, _SINGLE = np.dtype(np.float16), np.dtype(np.float32)
_FEW = 64  # values in a row below which a product and one BLAS sum of all rows beat a `vecdot` per row


class Layout(NamedTuple):
    """How an input is viewed, what is averaged, where the weight stands."""

    view: Shape  # (N, G, K, S)
    dims: Shape  # those that a mean is taken over
    weight: Shape  # how weight and bias are viewed, to broadcast with it
    given: Shape  # their own shape
    eps: float
    centred: bool = True  # whether the mean is subtracted

    @property
    def values(self) -> int:
        """How many values a mean is taken of."""
        return prod([self.view[d] for d in self.dims])


Statistics = list[Any]  # [mean or None, variance, 1 / sqrt(variance + eps)] over the view, dims kept


def _standardize_rule(
    g: Any, needs: Any, _y: Any, x: Any, w: Any, _b: Any, layout: Layout, _stats: Statistics
) -> tuple[Any, Any, Any]:
    """The gradients by x, weight and bias from x alone, so that they can be differentiated again."""
    view, dims, shape, given, eps, centred = layout
    count = max(layout.values, 1)
    before = x.shape
    x, g = x.reshape(view), g.reshape(view)
    d = x - x.sum(axis=dims, keepdims=True) / count if centred else x
    r = ((d * d).sum(axis=dims, keepdims=True) / count + eps) ** -0.5
    h = d * r
    gx = gw = gb = None
    others = tuple([i for i, n in enumerate(shape) if n == 1])
    if needs[1]:
        gw = (g * h).sum(axis=others).reshape(given)
    if needs[2]:
        gb = g.sum(axis=others).reshape(given)
    if needs[0]:
        g = g if w is None else g * w.reshape(shape)
        gx = g - h * ((g * h).sum(axis=dims, keepdims=True) / count)
        if centred:
            gx = gx - g.sum(axis=dims, keepdims=True) / count
        gx = (gx * r).reshape(before)
    return gx, gw, gb


# --- rows that are averaged whole and have a weight per place (layer and RMS normalisation) -----------------


@lru_cache(maxsize=64)
def _filled(size: int, value: float, dtype: np.dtype[Any]) -> Array:
    array = np.full(size, value, dtype)
    array.flags.writeable = False
    return array


def _rows_forward(x: Array, w: Array | None, b: Array | None, layout: Layout, stats: Statistics) -> Array:
    if is_batched(x) or is_batched(w) or is_batched(b):
        return _plain_forward(x, w, b, layout, stats)  # type: ignore[no-any-return]
    shape, (rows, _, _, size) = x.shape, layout.view
    x = x.reshape(rows, size)
    mean = None
    if layout.centred:
        mean = x.dot(_filled(size, 1 / max(size, 1), x.dtype))[:, None]
        x = y = x - mean
    else:
        y = np.empty_like(x)
    scale = np.vecdot(x, x)[:, None]
    scale *= 1 / max(size, 1)
    scale += layout.eps
    np.divide(1, np.sqrt(scale, out=scale), out=scale)
    np.multiply(x, scale, out=y)
    if w is not None:
        y *= w.reshape(-1)
    if b is not None:
        y += b.reshape(-1)
    stats += (mean, None, scale)
    return y.reshape(shape)  # type: ignore[no-any-return]


def _blocks(rows: int, size: int) -> list[slice]:
    """Rows that stay in the cache together: the rule takes 0.77 of the time on 4096 rows of 512."""
    step = max(_BLOCK // max(size, 1), 1)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def _rows_raw_rule(
    g: Array, needs: Any, _y: Any, x: Array, w: Array | None, _b: Any, layout: Layout, stats: Statistics
) -> tuple[Any, Any, Any]:
    if is_batched(g) or is_batched(x) or is_batched(w):
        return _standardize_rule(g, needs, None, x, w, None, layout, stats)
    before, (rows, _, _, size) = x.shape, layout.view
    mean, _, scale = stats
    x, g = x.reshape(rows, size), g.reshape(rows, size)
    by = _filled(size, 1, x.dtype) if w is None else w.reshape(-1)
    share = 1 / max(size, 1)
    gx = np.empty_like(x) if needs[0] else None
    gw, gb = (np.zeros(size, x.dtype) if need else None for need in needs[1:])
    for block in _blocks(rows, size):
        part, seed, r = x[block], g[block], scale[block]
        d = part if mean is None else part - mean[block]
        product = seed * d
        if gb is not None:
            gb += _filled(len(seed), 1, x.dtype).dot(seed)
        if gw is not None:
            gw += r[:, 0].dot(product)
        if gx is not None:
            along = product.dot(by)[:, None]
            along *= r * r
            along *= share
            d = np.multiply(d, along, out=product)
            if mean is not None:
                average = seed.dot(by)[:, None]
                average *= share
                d += average
            out = np.multiply(seed, by, out=gx[block])
            out -= d
            out *= r
    return (
        None if gx is None else gx.reshape(before),
        None if gw is None else gw.reshape(layout.given),
        None if gb is None else gb.reshape(layout.given),
    )


# --- channels that have a weight (batch, group and instance normalisation) ----------------------------------


def _sum_values(a: Array, b: Array | None = None) -> Array:
    """The sum over the last dimension, of ``a`` or of ``a * b``."""
    size = a.shape[3]
    if size == 1:
        return (a if b is None else a * b)[..., 0]
    if b is None:
        return a.reshape(prod(a.shape[:3]), size).dot(_filled(size, 1, a.dtype)).reshape(a.shape[:3])  # type: ignore[no-any-return]
    if size < _FEW:
        return _sum_values(a * b)
    return np.vecdot(a, b)  # type: ignore[no-any-return]


def _mean(values: Array, layout: Layout) -> Array:
    """From sums over S, the mean over the dimensions of the layout, with all four dimensions."""
    dims = tuple([d for d in layout.dims if d < 3])
    total = np.add.reduce(values, axis=dims, keepdims=True) / max(layout.values, 1)
    return total[..., None]


def _channels_forward(x: Array, w: Array | None, b: Array | None, layout: Layout, stats: Statistics) -> Array:
    if is_batched(x) or is_batched(w) or is_batched(b):
        return _plain_forward(x, w, b, layout, stats)  # type: ignore[no-any-return]
    shape = x.shape
    x = x.reshape(layout.view)
    mean = _mean(_sum_values(x), layout)
    y = x - mean
    variance = _mean(_sum_values(y, y), layout)
    scale = 1 / np.sqrt(variance + layout.eps)
    y *= scale if w is None else scale * w.reshape(layout.weight)
    if b is not None:
        y += b.reshape(layout.weight)
    stats += (mean, variance, scale)
    return y.reshape(shape)


def _channels_raw_rule(
    g: Array, needs: Any, _y: Any, x: Array, w: Array | None, _b: Any, layout: Layout, stats: Statistics
) -> tuple[Any, Any, Any]:
    if is_batched(g) or is_batched(x) or is_batched(w):
        return _standardize_rule(g, needs, None, x, w, None, layout, stats)
    before = x.shape
    mean, _, scale = stats
    x, g = x.reshape(layout.view), g.reshape(layout.view)
    d = x - mean
    sums = _sum_values(g)
    products = _sum_values(g, d)
    gx = gw = gb = None
    if needs[1]:
        gw = np.add.reduce(products * scale[..., 0], axis=0).reshape(layout.given)
    if needs[2]:
        gb = np.add.reduce(sums, axis=0).reshape(layout.given)
    if needs[0]:
        factor = scale
        if w is not None:
            weight = w.reshape(layout.weight)
            factor = scale * weight
            sums, products = sums * weight[..., 0], products * weight[..., 0]
        d *= _mean(products, layout) * scale**3
        d += _mean(sums, layout) * scale
        gx = np.multiply(g, factor)
        gx -= d
        gx = gx.reshape(before)
    return gx, gw, gb


def _plain_forward(x: Any, w: Any, b: Any, layout: Layout, stats: Statistics) -> Any:
    """The same in NumPy calls that batches (of vmap) understand."""
    shape, count = x.shape, max(layout.values, 1)
    x = x.reshape(layout.view)
    mean = np.add.reduce(x, axis=layout.dims, keepdims=True) / count if layout.centred else None
    y = x if mean is None else x - mean
    variance = np.add.reduce(y * y, axis=layout.dims, keepdims=True) / count
    scale = 1 / np.sqrt(variance + layout.eps)
    y = y * scale
    y = y if w is None else y * w.reshape(layout.weight)
    y = y if b is None else y + b.reshape(layout.weight)
    stats += (mean, variance, scale)
    return y.reshape(shape)


def _operation(name: str, forward: Any, raw: Any) -> Operation:
    return Operation(name, forward, joint=_standardize_rule, raw_joint=raw)


_OPERATIONS = {
    "layer_norm": _operation("layer_norm", _rows_forward, _rows_raw_rule),
    "rms_norm": _operation("rms_norm", _rows_forward, _rows_raw_rule),
    "batch_norm": _operation("batch_norm", _channels_forward, _channels_raw_rule),
    "group_norm": _operation("group_norm", _channels_forward, _channels_raw_rule),
    "instance_norm": _operation("instance_norm", _channels_forward, _channels_raw_rule),
}


def _standardize(
    name: str, input: Tensor, weight: Tensor | None, bias: Tensor | None, layout: Layout
) -> tuple[Tensor, Statistics]:
    """``(x - mean) / sqrt(variance + eps) * weight + bias`` over the view, and the statistics."""
    operation = _OPERATIONS[name]
    tensors = (input, weight, bias)
    arrays = tuple([None if t is None else t._array for t in tensors])
    nodes = tuple([None if t is None else t._node for t in tensors])
    stats: Statistics = []
    if is_batched(input._array):
        y = again(False, operation.forward, *arrays, layout, stats)
        del stats[:-3]  # a first try may have come as far as to leave its own
    else:
        y = quietly(operation.forward, *arrays, layout, stats)
    return record(operation, y, arrays, nodes, (layout, stats)), stats


def standardized(
    name: str, input: Tensor, weight: Tensor | None, bias: Tensor | None, layout: Layout
) -> tuple[Tensor, list[Any]]:
    """The normalised input and the statistics; float16 computed in float32, and dtypes checked."""
    dtype = input._array.dtype
    check_dtypes(name, input, weight, bias)
    if dtype != _HALF:
        return _standardize(name, input, weight, bias, layout)
    weight = None if weight is None else weight.float()
    bias = None if bias is None else bias.float()
    y, stats = _standardize(name, input.float(), weight, bias, layout)
    return y.half(), stats


def check_dtypes(name: str, input: Tensor, *parameters: Tensor | None) -> None:
    """RuntimeError unless the parameters have the input's dtype; float16 takes float32 ones as well."""
    dtype = input._array.dtype
    for p in parameters:
        if p is not None and p._array.dtype != dtype and not (dtype == _HALF and p._array.dtype == _SINGLE):
            raise RuntimeError(
                f"{name}: mixed dtype: expect parameter to have scalar type of {input.dtype} as the input, "
                f"but got {p.dtype}; convert one with .to(dtype)"
            )
