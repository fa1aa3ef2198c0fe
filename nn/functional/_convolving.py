"""The three operations of convolution, each linear in its two tensors, whose derivatives are the other two.

They are the convolution of an input x with a weight w; its transpose, of w and what the convolution gives: an
x; and the weight's derivative, of x and what the convolution gives: a w.

All are GEMMs with the windows of x as columns (im2col; Chellapilla, Puri and Simard 2006). The columns are
made a few samples at a time in a buffer of 1 to 4 MB (float32): memory does not grow with the kernel's size.
The tape keeps the input and the weight alone.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from autotape.engine.batched import again
from autotape.engine.operation import Operation, apply, record
from autotape.engine.tape import run_quietly
from autotape.engine.tensor import Tensor
from autotape.nn.functional._windows import (
    Windows,
    add_windows,
    blocks,
    columns,
    in_single,
    only_rows,
    pieces,
    plain,
    samples_first,
    samples_last,
)
from autotape.ops._reduce import conj

__all__ = ["CONVOLVE", "TRANSPOSE", "run"]

Array = np.ndarray[Any, Any]

# With fewer places per sample than this, the samples of a block share one GEMM: one each would be a thin one.
_FEW = 128


def _matrix(weight: Array, groups: int) -> Array:
    """The weight as (groups, out channels of one, rows of its columns)."""
    return weight.reshape(groups, weight.shape[0] // groups, prod(weight.shape[1:]))


def _ordinary(a: Array, b: Array) -> bool:
    return type(a) is np.ndarray and type(b) is np.ndarray  # not batched by vmap


def _merges(n: int, w: Windows) -> bool:
    return n > 1 and prod(w.counts) < _FEW


def _product(a: Array, b: Array) -> Array:
    """``a @ b``; NumPy's is 4 times as slow as a multiplication where one channel is summed over."""
    return a * b if a.shape[-1] == 1 else np.matmul(a, b)


def _rows(g: Array) -> Array:
    """(b, groups, out channels of one, places) as (groups, out channels of one, places * b)."""
    b, groups, out, places = g.shape
    return samples_last(g).reshape(groups, out, places * b)


@in_single
def _convolve(x: Array, weight: Array, bias: Array | None, w: Windows, groups: int) -> Array:
    """y[n, o] = sum over c, k of weight[o, c, k] * (element k of the windows of x[n, c]) + bias[o]."""
    n, out, places = x.shape[0], weight.shape[0], prod(w.counts)
    matrix = _matrix(weight, groups)
    column = None if bias is None else bias.reshape(groups, out // groups, 1)
    if not _ordinary(x, weight):
        y: Array = np.matmul(matrix, columns(x, w, groups))
        return (y if column is None else y + column).reshape(n, out, *w.counts)
    merged = _merges(n, w)
    y = np.empty((n, groups, out // groups, places), x.dtype)
    for piece, x_columns in blocks(x, w, groups, merged):
        into = y[piece.samples, :, :, piece.places]
        z = np.matmul(matrix, x_columns, out=None if merged else into)
        if column is not None:
            z += column
        if merged:
            into[...] = samples_first(z.reshape(groups, out // groups, places, len(into)))
    return y.reshape(n, out, *w.counts)


@in_single
def _transpose(g: Array, weight: Array, bias: Array | None, w: Windows, groups: int) -> Array:
    """The adjoint of :func:`_convolve` in x: each g[n, o] * weight[o, c] added at its window's elements."""
    n, out, places = g.shape[0], weight.shape[0], prod(w.counts)
    c = weight.shape[1] * groups
    matrix = _matrix(weight, groups).swapaxes(-1, -2)
    g = g.reshape(n, groups, out // groups, places)
    if not _ordinary(g, weight) or plain(w):
        parts = _product(matrix, g).reshape(n, c, *w.kernel, *w.counts)
        x = parts.reshape(n, c, *w.size) if plain(w) else add_windows(parts, w)
    else:
        x = np.zeros((n, c, *w.size), g.dtype)
        merged = _merges(n, w)
        for piece in pieces(n, w, c * prod(w.kernel), merged):
            some = g[piece.samples, :, :, piece.places]
            if merged:
                parts = _product(matrix, _rows(some)).reshape(c, *w.kernel, *w.counts, len(some))
                x[piece.samples] = samples_first(add_windows(parts, w, 1))
            elif piece.places == slice(0, places):
                parts = _product(matrix, some).reshape(len(some), c, *w.kernel, *w.counts)
                x[piece.samples] = add_windows(parts, w)
            else:
                part, reached = only_rows(w, piece.rows)
                parts = _product(matrix, some).reshape(len(some), c, *w.kernel, *part.counts)
                x[piece.samples, :, reached] += add_windows(parts, part)
    if bias is not None:
        x += bias.reshape(c, *[1] * len(w.size))
    return x


@in_single
def _weight_gradient(x: Array, g: Array, w: Windows, groups: int) -> Array:
    """The adjoint of :func:`_convolve` in the weight: sum over n of g[n, o] * (windows of x[n, c])."""
    n, c = x.shape[:2]
    out, places = g.shape[1], prod(w.counts)
    shape = (out, c // groups, *w.kernel)
    g = g.reshape(n, groups, out // groups, places)
    if not _ordinary(x, g):
        product = np.matmul(g, columns(x, w, groups).swapaxes(-1, -2))
        total: Array = np.add.reduce(product, 0)
        return total.reshape(shape)
    total = np.zeros((groups, out // groups, prod(shape[1:])), x.dtype)
    merged = _merges(n, w)
    for piece, x_columns in blocks(x, w, groups, merged):
        some = g[piece.samples, :, :, piece.places]
        if merged:
            total += np.matmul(_rows(some), x_columns.swapaxes(-1, -2))
        else:
            total += np.add.reduce(np.matmul(some, x_columns.swapaxes(-1, -2)), 0)
    return total.reshape(shape)


def run(operation: Operation, a: Any, weight: Any, bias: Any, w: Windows, groups: int) -> Any:
    """Run ``CONVOLVE`` or ``TRANSPOSE``: ``apply``, where the bias may be None."""
    if not isinstance(a, Tensor):
        return operation.forward(a, weight, bias, w, groups)
    arrays = (a._array, weight._array, None if bias is None else bias._array)
    nodes = (a._node, weight._node, None if bias is None else bias._node)
    try:
        y = run_quietly(operation.forward, *arrays, w, groups)
    except RuntimeError:
        y = again(False, operation.forward, *arrays, w, groups)
    return record(operation, y, arrays, nodes, (w, groups))


def _correlate(x: Any, g: Any, w: Windows, groups: int) -> Any:
    return apply(_WEIGHT, (x, g), w, groups) if isinstance(x, Tensor) else _weight_gradient(x, g, w, groups)


def _bias_rule(g: Any, _y: Any, _a: Any, _weight: Any, _bias: Any, _w: Any, _groups: Any) -> Any:
    return g.sum(axis=(0, *range(2, g.ndim)))


def _convolve_x_rule(g: Any, _y: Any, _x: Any, weight: Any, _bias: Any, w: Windows, groups: int) -> Any:
    return run(TRANSPOSE, g, conj(weight), None, w, groups)


CONVOLVE = Operation(
    "convolution",
    _convolve,
    _convolve_x_rule,
    lambda g, _y, x, _weight, _bias, w, groups: _correlate(conj(x), g, w, groups),
    _bias_rule,
)
TRANSPOSE = Operation(
    "convolution_transpose",
    _transpose,
    lambda h, _x, _g, weight, _bias, w, groups: run(CONVOLVE, h, conj(weight), None, w, groups),
    lambda h, _x, g, _weight, _bias, w, groups: _correlate(h, conj(g), w, groups),
    _bias_rule,
)
_WEIGHT = Operation(
    "convolution_weight",
    _weight_gradient,
    lambda h, _weight, _x, g, w, groups: run(TRANSPOSE, conj(g), h, None, w, groups),
    lambda h, _weight, x, _g, w, groups: run(CONVOLVE, conj(x), h, None, w, groups),
)
