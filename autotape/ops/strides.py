"""Views by strides: windows (unfold), as_strided, and resize_."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from autotape.engine.batched import fresh
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply, register_view
from autotape.engine.tape import AccumulateGrad
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable
from autotape.ops._dims import normalize_dim
from autotape.ops.layouts import copied, memory
from autotape.ops.shape import sizes

__all__ = ["as_strided"]

methods = ["as_strided", "resize_", "unfold"]
in_place: list[str] = []

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Geometry = tuple[Shape, Shape, int]
"""Sizes, strides and the first element's place, in elements of the memory."""


# --- windows ------------------------------------------------------------------------------------------------


def _windows(x: Array, dim: int, size: int, step: int, _shape: Shape) -> Array:
    if type(x) is not np.ndarray:  # a batch
        return sliding_window_view(x, size, dim)[(*(slice(None),) * dim, slice(None, None, step))]
    flat, start = (x, 0) if x.flags.c_contiguous else memory(x)
    shape, strides = list(x.shape), list(x.strides)
    shape[dim : dim + 1], along = [(shape[dim] - size) // step + 1], strides[dim]
    strides[dim] *= step
    return np.ndarray((*shape, size), x.dtype, flat, start, (*strides, along))


def _add_windows(g: Array, dim: int, size: int, step: int, shape: Shape) -> Array:
    out: Array = fresh(shape, g)
    before: tuple[Any, ...] = (slice(None),) * dim
    count = g.shape[dim]
    if count < size:
        for i in range(count):
            out[(*before, slice(i * step, i * step + size))] += np.moveaxis(g[(*before, i)], -1, dim)
    else:
        for k in range(size):
            out[(*before, slice(k, k + step * count, step))] += g[..., k]
    return out


def _unfold_rule(g: Any, _y: Any, _x: Any, dim: int, size: int, step: int, shape: Shape) -> Any:
    if isinstance(g, Tensor):
        return apply(_UNFOLD_ADJOINT, (g,), dim, size, step, shape)
    return _add_windows(g, dim, size, step, shape)


def _unfold_adjoint_rule(g: Any, _y: Any, _x: Any, dim: int, size: int, step: int, shape: Shape) -> Any:
    if isinstance(g, Tensor):
        return apply(_UNFOLD, (g,), dim, size, step, shape)
    return _windows(g, dim, size, step, shape)


_UNFOLD = Operation("unfold", _windows, _unfold_rule)
_UNFOLD_ADJOINT = Operation("unfold_adjoint", _add_windows, _unfold_adjoint_rule)


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """All windows of ``size`` elements along a dimension, ``step`` apart: a view.

    A dimension of n elements becomes one of (n - size) // step + 1 windows; what is in them is a new last
    dimension. The derivative adds up where windows overlap.

    Errors: RuntimeError if the window is larger than the dimension, or the step is not positive.

    >>> import autotape as at
    >>> at.arange(5).unfold(0, 3, 1)
    tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    """
    shape = input._array.shape
    dim = normalize_dim(dimension, len(shape), "dimension")
    size, step = operator.index(size), operator.index(step)
    n = shape[dim] if shape else 1
    if size < 0:
        raise RuntimeError(f"unfold: size is {size} but must be >= 0")
    if size > n:
        raise RuntimeError(f"unfold: maximum size for tensor at dimension {dim} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"unfold: step is {step} but must be > 0")
    if not shape:
        return input.reshape(1)[:size]
    out: Tensor = apply(_UNFOLD, (input,), dim, size, step, shape)
    register_view(out, input, _UNFOLD, (dim, size, step, shape))
    return out


# --- as_strided ---------------------------------------------------------------------------------------------
#
# Where places in memory are counted, they are counted from the beginning of the storage. The derivative knows
# the memory that the input covers: what lies outside has no gradient, and where several elements of the input
# are one place (it was expanded), each gets an equal share, as in PyTorch.


def _places(geometry: Geometry, origin: int) -> Array:
    shape, strides, start = geometry
    places = np.array(start - origin)
    for n, s in zip(shape, strides):
        places = places[..., None] + np.arange(n) * s
    return places


def _carry(x: Array, source: Geometry, target: Geometry, share: bool) -> Array:
    """The elements of ``x`` added up in the memory ``source`` says, read as ``target`` says.

    ``share``: places of the source that are several elements' get their mean, or (not ``share``) elements of
    the target that are one place each get their part.
    """
    origin = min(source[2], target[2])
    to, at = _places(source, origin).reshape(-1), _places(target, origin)
    size = 1 + max(int(to.max(initial=0)), int(at.max(initial=0)))
    covered = np.bincount(to if share else at.reshape(-1), minlength=size)
    buffer = np.zeros(size, x.dtype)
    values = x.reshape(-1)
    if covered.max(initial=0) > 1:
        parts = np.maximum(covered, 1).astype(x.real.dtype)
        np.add.at(buffer, to, values / parts[to] if share else values)
        return buffer[at] if share else buffer[at] / parts[at]
    np.add.at(buffer, to, values)
    return buffer[at]


def _strided_view(x: Array, target: Geometry, source: Geometry) -> Array:
    if x.shape == source[0] and _strides(x) == _varying(source):
        flat, start = memory(x)
        start += (target[2] - source[2]) * x.itemsize
        if start >= 0 and start + _reach(target) * x.itemsize <= flat.nbytes:
            return np.ndarray(target[0], x.dtype, flat, start, tuple([s * x.itemsize for s in target[1]]))
    return _carry(x, source, target, True)


def _as_strided_rule(g: Any, _y: Any, _x: Any, target: Geometry, source: Geometry) -> Any:
    return (
        apply(_CARRY, (g,), target, source, False)
        if isinstance(g, Tensor)
        else _carry(g, target, source, False)
    )


def _carry_rule(g: Any, _y: Any, _x: Any, source: Geometry, target: Geometry, share: bool) -> Any:
    if isinstance(g, Tensor):
        return apply(_CARRY, (g,), target, source, not share)
    return _carry(g, target, source, not share)


_AS_STRIDED = Operation("as_strided", _strided_view, _as_strided_rule)
_CARRY = Operation("as_strided_adjoint", _carry, _carry_rule)


def _strides(x: Array) -> Shape:
    return tuple([s // x.itemsize for s, n in zip(x.strides, x.shape) if n > 1])


def _varying(geometry: Geometry) -> Shape:
    return tuple([s for n, s in zip(geometry[0], geometry[1]) if n > 1])


def _reach(geometry: Geometry) -> int:
    """How many elements from the first place to the last."""
    shape, strides, _ = geometry
    return 0 if 0 in shape else 1 + sum((n - 1) * s for n, s in zip(shape, strides))


def _geometry(x: Array) -> Geometry:
    return x.shape, tuple([s // x.itemsize for s in x.strides]), memory(x)[1] // x.itemsize


def _covers(x: Array, target: Geometry) -> bool:
    """Whether the array fills its part of the memory without gaps, and the target lies in it."""
    source = _geometry(x)
    begin, end = source[2], source[2] + x.size
    dense = _reach(source) == x.size and min(source[1], default=1) >= 0
    return dense and begin <= target[2] and target[2] + _reach(target) <= end


def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of the tensor's memory with the given sizes, strides and first element (counted in elements).

    Elements may be one place in memory: the derivative adds up there. It reaches what the tensor itself (or
    the one it is a view of) covers of the memory. Prefer :func:`reshape`, slices and :meth:`Tensor.unfold`.

    Errors: RuntimeError for negative strides, for as many strides as sizes are not, and for a view outside of
    the memory.

    >>> import autotape as at
    >>> at.arange(6).as_strided((2, 2), (1, 2))
    tensor([[0, 2],
            [1, 3]])
    """
    input = tensor_input(input, "input", "as_strided")
    shape, strides = sizes((size,), "as_strided", "size"), sizes((stride,), "as_strided", "stride")
    if len(shape) != len(strides):
        raise RuntimeError(
            f"as_strided: mismatch in length of strides ({len(strides)}) and shape ({len(shape)})"
        )
    if min(strides, default=0) < 0 or min(shape, default=0) < 0:
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: {list(strides)}, "
            f"sizes: {list(shape)}"
        )
    x = input._array
    flat, start = memory(x)
    target: Geometry = (shape, strides, start // x.itemsize if storage_offset is None else storage_offset)
    if target[2] < 0 or (target[2] + _reach(target)) * x.itemsize > flat.nbytes:
        raise RuntimeError(
            f"setStorage: sizes {list(shape)}, strides {list(strides)}, storage offset {target[2]} and "
            f"itemsize {x.itemsize} are out of bounds for storage of size {flat.nbytes}"
        )
    base: Tensor | None = input
    while base is not None and not _covers(base._array, target):
        outer = None if base._recipe is None or isinstance(input._node, AccumulateGrad) else base._base
        base = outer if outer is not None and outer._array.dtype == x.dtype else None
    source = _geometry(x if base is None else base._array)
    out: Tensor = apply(_AS_STRIDED, (input if base is None else base,), target, source)
    if base is not None:
        register_view(out, base, _AS_STRIDED, (target, source))
    elif out._node is not None:
        out._array.flags.writeable = False  # what a write would mean for the gradient is not known
    return out


# --- another size -------------------------------------------------------------------------------------------


def resize_(input: Tensor, *size: Any, memory_format: Any = None) -> Tensor:
    """Give this tensor another shape, in place: on the same memory if that suffices, else on a larger one.

    Elements keep their places in memory; what is new has undefined values. Use :func:`reshape` for the same
    elements in another shape.

    Errors: RuntimeError if the tensor requires grad.

    >>> import autotape as at
    >>> at.arange(6).resize_(2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    shape = sizes(size, "resize_", "size")
    if min(shape, default=0) < 0:
        raise RuntimeError(f"resize_: Trying to create tensor with negative dimension: {list(shape)}")
    if input._node is not None:
        raise RuntimeError("cannot resize variables that require grad")
    x = input._array
    if x.shape == shape:
        return input
    check_writable(input, "resize_")
    flat, start = memory(x)
    count = math.prod(shape)
    if start + count * x.itemsize > flat.nbytes:
        larger = np.empty(start // x.itemsize + count, x.dtype)
        larger[: flat.nbytes // x.itemsize] = flat.view(x.dtype)
        flat = larger
    input._base = input._recipe = None
    input._array = np.ndarray(shape, x.dtype, flat, start)
    if memory_format is not None:
        input._array = copied(input._array, memory_format)
    return input
