"""Joining tensors along a dimension and taking them apart."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import Any

import numpy as np

from autotape.engine.batched import fresh
from autotape.engine.dtypes import promote_arrays
from autotape.engine.operands import tensor_input
from autotape.engine.operation import CAST, Operation, apply, register_view
from autotape.engine.out import store
from autotape.engine.tensor import Tensor
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops.indexing import GETITEM

__all__ = [
    "cat",
    "chunk",
    "concat",
    "concatenate",
    "split",
    "stack",
    "unbind",
]

methods = ["chunk", "split", "unbind"]
in_place: list[str] = []

Array = np.ndarray[Any, Any]


def several(tensors: Any, function: str, error: type[Exception] = RuntimeError) -> list[Tensor]:
    """The tensors of a sequence, in their common dtype; ``error`` if there is none."""
    if isinstance(tensors, Tensor) or not isinstance(tensors, Sequence):
        if isinstance(tensors, (Tensor, np.ndarray)) or not hasattr(tensors, "__iter__"):
            raise TypeError(
                f"{function}(): argument 'tensors' must be tuple of Tensors, not {type(tensors).__name__}"
            )
        tensors = list(tensors)
    found = list(tensors)
    if not all(t.__class__ is Tensor for t in found):
        found = [tensor_input(t, f"tensors[{i}]", function) for i, t in enumerate(found)]
    if not found:
        raise error(f"{function}() expects a non-empty list of Tensors")
    dtype = found[0]._array.dtype
    if all(t._array.dtype is dtype for t in found):
        return found
    dtype = reduce(promote_arrays, [t._array.dtype for t in found])
    return [t if t._array.dtype == dtype else apply(CAST, (t,), dtype) for t in found]


# --- cat and split ------------------------------------------------------------------------------------------


def _joined(arrays: Sequence[Any], dim: int) -> Any:
    """``np.concatenate``, in row-major order: NumPy's keeps that of transposed arrays."""
    y = np.concatenate(arrays, axis=dim)
    return y.copy() if y.__class__ is np.ndarray and not y.flags.c_contiguous else y


def _cat_forward(*arguments: Any) -> Array:
    *arrays, dim, _ = arguments
    return _joined(arrays, dim)  # type: ignore[no-any-return]


def _cat_rule(g: Any, needs: Sequence[bool], _y: Any, *_inputs: Any) -> Any:
    dim, bounds = _inputs[-2:]
    if isinstance(g, Tensor):
        return split_views(g, dim, bounds)
    before = (slice(None),) * dim
    return [g[(*before, slice(a, b))] if n else None for n, (a, b) in zip(needs, bounds)]


_CAT = Operation("cat", _cat_forward, joint=_cat_rule)


def _bounds(lengths: Sequence[int]) -> tuple[tuple[int, int], ...]:
    ends = []
    start = 0
    for n in lengths:
        ends.append((start, start + n))
        start += n
    return tuple(ends)


@dim_names
def cat(tensors: Any, dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The tensors joined along dimension ``dim``; all their other sizes must be the same.

    The result has the promoted dtype. An empty 1-D tensor is left out, as in PyTorch. The derivative is
    :func:`split`.

    Errors: RuntimeError for 0-d tensors and for sizes that differ, ValueError if there is no tensor.

    >>> import autotape as at
    >>> at.cat([at.zeros(1, 3), at.ones(2, 3)]).shape
    autotape.Size([3, 3])
    """
    if out is not None:
        return store(out, cat(tensors, dim), "cat")  # type: ignore[no-any-return]
    found = several(tensors, "cat", ValueError)
    shapes = [t._array.shape for t in found]
    if () in shapes:
        raise RuntimeError(
            f"zero-dimensional tensor (at position {shapes.index(())}) cannot be concatenated; use stack()"
        )
    if (0,) in shapes and any(shape != (0,) for shape in shapes):
        found = [t for t in found if t._array.shape != (0,)]
        shapes = [t._array.shape for t in found]
    dim = normalize_dim(dim, len(shapes[0]))
    ends = []
    start = 0
    try:
        for shape in shapes:
            ends.append((start, start + shape[dim]))
            start += shape[dim]
        return apply(_CAT, found, dim, tuple(ends))  # type: ignore[no-any-return]
    except (ValueError, IndexError):
        raise _cat_mismatch(shapes, dim) from None


def _cat_mismatch(shapes: list[tuple[int, ...]], dim: int) -> RuntimeError:
    first = shapes[0]
    for i, shape in enumerate(shapes):
        if len(shape) != len(first):
            return RuntimeError(
                f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)} (tensor "
                f"number {i})"
            )
        if any(n != m for d, (n, m) in enumerate(zip(first, shape)) if d != dim):
            break
    d = next(d for d, (n, m) in enumerate(zip(first, shape)) if n != m and d != dim)
    return RuntimeError(
        f"Sizes of tensors must match except in dimension {dim}. Expected size {first[d]} but got size "
        f"{shape[d]} for tensor number {i} in the list (in dimension {d}: shapes {list(first)} and "
        f"{list(shape)})."
    )


concat = concatenate = cat


@lru_cache(maxsize=256)
def _equal(n: int, size: int) -> tuple[tuple[int, int], ...]:
    """The bounds of parts of one size; the last may be smaller."""
    return tuple([(i, min(i + size, n)) for i in range(0, n, size or 1)]) or ((0, 0),)


@lru_cache(maxsize=256)
def _indices(dim: int, bounds: tuple[tuple[int, int], ...]) -> tuple[tuple[slice, ...], ...]:
    before = (slice(None),) * dim
    return tuple([(*before, slice(a, b)) for a, b in bounds])


def _split_forward(x: Array, dim: int, bounds: tuple[tuple[int, int], ...]) -> tuple[Array, ...]:
    return tuple([x[index] for index in _indices(dim, bounds)])


def _split_rule(
    g: Sequence[Any],
    _needs: Any,
    _y: Any,
    _x: Any,
    dim: int,
    bounds: tuple[tuple[int, int], ...],
    shape: tuple[int, ...],
) -> Any:
    parts = _filled(g, [(*shape[:dim], b - a, *shape[dim + 1 :]) for a, b in bounds])
    return [cat(parts, dim) if isinstance(parts[0], Tensor) else np.concatenate(parts, axis=dim)]


def _filled(g: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """The gradients of several outputs, zeros for those that were not used."""
    known = next(part for part in g if part is not None)
    if isinstance(known, Tensor):
        dtype = known._array.dtype
        return [Tensor._wrap(np.zeros(s, dtype)) if part is None else part for part, s in zip(g, shapes)]
    return [fresh(s, known) if part is None else part for part, s in zip(g, shapes)]


_SPLIT = Operation("split", lambda x, dim, bounds, _shape: _split_forward(x, dim, bounds), joint=_split_rule)


def split_views(input: Tensor, dim: int, bounds: tuple[tuple[int, int], ...]) -> tuple[Tensor, ...]:
    """Views of the parts of ``input`` along ``dim`` between ``bounds``."""
    shape = input._array.shape
    parts: tuple[Tensor, ...] = apply(_SPLIT, (input,), dim, bounds, shape)
    for part, index in zip(parts, _indices(dim, bounds)):
        register_view(part, input, GETITEM, (index, shape))
    return parts


@dim_names
def split(input: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts along ``dim``: of one size (the last may be smaller), or of those in a list.

    Errors: RuntimeError if a list does not sum to the dimension's size.

    >>> import autotape as at
    >>> at.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> at.arange(5).split([1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """
    input = tensor_input(input, "input", "split")
    shape = input._array.shape
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = normalize_dim(dim, len(shape))
    n = shape[dim]
    if isinstance(split_size_or_sections, (tuple, list)):
        lengths = [operator.index(s) for s in split_size_or_sections]
        if sum(lengths) != n or min(lengths, default=0) < 0:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
                f"dimension {dim}), but got split_sizes={lengths}"
            )
        return split_views(input, dim, _bounds(lengths)) if lengths else ()
    size = operator.index(split_size_or_sections)
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and n:
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}")
    return split_views(input, dim, _equal(n, size))


@dim_names
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of at most ``chunks`` parts along ``dim``, all of size ceil(n / chunks) but the last.

    >>> import autotape as at
    >>> at.arange(5).chunk(2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    input = tensor_input(input, "input", "chunk")
    shape = input._array.shape
    if not shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    dim = normalize_dim(dim, len(shape))
    n = shape[dim]
    return split_views(input, dim, _equal(n, -(-n // chunks)) if n else ((0, 0),) * chunks)


# --- stack and unbind ---------------------------------------------------------------------------------------


def _stack_forward(*arguments: Any) -> Array:
    *arrays, dim = arguments
    new = (slice(None),) * dim + (None,)
    return _joined([a[new] for a in arrays], dim)  # type: ignore[no-any-return]


def _stack_rule(g: Any, needs: Sequence[bool], _y: Any, *_inputs: Any) -> Any:
    dim = _inputs[-1]
    if isinstance(g, Tensor):
        return unbind(g, dim)
    before = (slice(None),) * dim
    return [g[(*before, i, ...)] if n else None for i, n in enumerate(needs)]


_STACK = Operation("stack", _stack_forward, joint=_stack_rule)


@dim_names
def stack(tensors: Any, dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The tensors, all of one shape, joined along a new dimension ``dim``.

    The derivative is :func:`unbind`. Errors: RuntimeError if the shapes differ, or if there is no tensor.

    >>> import autotape as at
    >>> at.stack([at.zeros(3), at.ones(3)], dim=1).shape
    autotape.Size([3, 2])
    """
    if out is not None:
        return store(out, stack(tensors, dim), "stack")  # type: ignore[no-any-return]
    found = several(tensors, "stack")
    shape = found[0]._array.shape
    dim = normalize_dim(dim, len(shape) + 1)
    for i, t in enumerate(found):
        if t._array.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and "
                f"{list(t._array.shape)} at entry {i}"
            )
    return apply(_STACK, found, dim)  # type: ignore[no-any-return]


def _unbind_forward(x: Array, dim: int, _shape: tuple[int, ...]) -> tuple[Array, ...]:
    before: tuple[Any, ...] = (slice(None),) * dim
    return tuple([x[(*before, i, ...)] for i in range(x.shape[dim])])


def _unbind_rule(g: Sequence[Any], _needs: Any, _y: Any, _x: Any, dim: int, shape: tuple[int, ...]) -> Any:
    parts = _filled(g, [shape[:dim] + shape[dim + 1 :]] * shape[dim])
    return [stack(parts, dim) if isinstance(parts[0], Tensor) else _stack_forward(*parts, dim)]


_UNBIND = Operation("unbind", _unbind_forward, joint=_unbind_rule)


@dim_names
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along ``dim``, without that dimension, as a tuple of views.

    >>> import autotape as at
    >>> at.arange(4).reshape(2, 2).unbind()
    (tensor([0, 1]), tensor([2, 3]))
    """
    input = tensor_input(input, "input", "unbind")
    shape = input._array.shape
    if not shape:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    dim = normalize_dim(dim, len(shape))
    if shape[dim] == 0:
        return ()
    parts: tuple[Tensor, ...] = apply(_UNBIND, (input,), dim, shape)
    before = (slice(None),) * dim
    for i, part in enumerate(parts):
        register_view(part, input, GETITEM, ((*before, i), shape))
    return parts
