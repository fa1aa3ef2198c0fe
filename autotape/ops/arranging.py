"""Elements in another arrangement: repeated, rolled, flipped, turned."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autotape.engine.batched import fresh
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.ops._dims import dim_names, normalize_dim, normalize_dims
from autotape.ops.indexing import take_along
from autotape.ops.shape import ravel, sizes

__all__ = [
    "flip",
    "fliplr",
    "flipud",
    "repeat_interleave",
    "roll",
    "rot90",
    "tile",
]

methods = [*__all__, "repeat"]
in_place: list[str] = []

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


# --- repeating ----------------------------------------------------------------------------------------------


def _repeat_forward(
    x: Array, apart: Shape, repeated: Shape, _axes: Shape, after: Shape, _before: Shape
) -> Array:
    out = np.empty(repeated, x.dtype) if type(x) is np.ndarray else fresh(repeated, x)
    out[...] = x.reshape(apart)
    return out.reshape(after)


def _repeat_rule(
    g: Any, _y: Any, _x: Any, _apart: Shape, repeated: Shape, axes: Shape, _after: Shape, before: Shape
) -> Any:
    return g.reshape(repeated).sum(axis=axes).reshape(before)


_REPEAT = Operation("repeat", _repeat_forward, _repeat_rule)
"""``apart`` has a size 1 wherever ``repeated`` has a number of times."""


def _repeated(input: Tensor, times: Shape, function: str) -> Tensor:
    before = input._array.shape
    if any(n < 0 for n in times):
        raise RuntimeError(f"{function}: the repeats can't be negative, got {list(times)}")
    padded = (1,) * (len(times) - len(before)) + before
    apart = tuple([m for n in padded for m in (1, n)])
    repeated = tuple([m for t, n in zip(times, padded) for m in (t, n)])
    after = tuple([t * n for t, n in zip(times, padded)])
    axes = tuple(range(0, len(repeated), 2))
    return apply(_REPEAT, (input,), apart, repeated, axes, after, before)  # type: ignore[no-any-return]


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """A copy repeated ``repeats[i]`` times along dimension i; more numbers than dimensions add leading ones.

    Not NumPy's ``repeat``: that is :func:`repeat_interleave`. Errors: RuntimeError for fewer numbers than
    dimensions.

    >>> import autotape as at
    >>> at.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    input = tensor_input(input, "input", "repeat")
    times = sizes(repeats, "repeat", "repeats")
    if len(times) < input._array.ndim:
        raise RuntimeError(
            f"Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: "
            f"got {list(times)} for shape {list(input._array.shape)}"
        )
    return _repeated(input, times, "repeat")


def tile(input: Tensor, *dims: Any) -> Tensor:
    """:meth:`Tensor.repeat`, where fewer numbers than dimensions count from the last dimension.

    >>> import autotape as at
    >>> at.tile(at.tensor([[1], [2]]), (2,))
    tensor([[1, 1],
            [2, 2]])
    """
    input = tensor_input(input, "input", "tile")
    times = sizes(dims, "tile", "dims")
    return _repeated(input, (1,) * (input._array.ndim - len(times)) + times, "tile")


@dim_names
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element (or slice along ``dim``) repeated ``repeats`` times, the i-th ``repeats[i]`` by a tensor.

    Without ``dim`` the tensor is flattened. ``repeat_interleave(repeats)`` alone gives i repeated
    ``repeats[i]`` times.
    Errors: RuntimeError for negative repeats, or not one per slice.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]).repeat_interleave(2)
    tensor([1, 1, 2, 2, 3, 3])
    >>> at.tensor([1, 2, 3]).repeat_interleave(at.tensor([0, 1, 2]))
    tensor([2, 3, 3])
    """
    input = tensor_input(input, "input", "repeat_interleave")
    if repeats is None:
        counts = _counts(input._array)
        return Tensor._wrap(np.repeat(np.arange(counts.size), counts))
    if dim is None:
        input, dim = ravel(input), 0
    shape = input._array.shape or (1,)
    dim = normalize_dim(dim, len(shape))
    n = shape[dim]
    if isinstance(repeats, (Tensor, np.ndarray)):
        counts = _counts(repeats._array if isinstance(repeats, Tensor) else repeats)
        if counts.size not in (1, n):
            raise RuntimeError(
                f"repeats must have the same size as input along dim, but got repeats.size(0) = "
                f"{counts.size} and input.size({dim}) = {n}"
            )
        out = take_along(input, np.repeat(np.arange(n), counts), dim)
    else:
        times = operator.index(repeats)
        if times < 0:
            raise RuntimeError(f"Repeats must be non-negative, got {times}")
        apart = (*shape[: dim + 1], 1, *shape[dim + 1 :])
        repeated = (*shape[: dim + 1], times, *shape[dim + 1 :])
        after = (*shape[:dim], n * times, *shape[dim + 1 :])
        out = apply(_REPEAT, (input,), apart, repeated, (dim + 1,), after, input._array.shape)
    if output_size is not None and output_size != out._array.shape[dim]:
        raise RuntimeError(
            f"allocated size does not match required size: output_size={output_size}, got "
            f"{out._array.shape[dim]}"
        )
    return out


def _counts(repeats: Array) -> Array:
    if repeats.ndim > 1:
        raise RuntimeError(f"repeats must be 0-dim or 1-dim tensor, got shape {list(repeats.shape)}")
    if repeats.dtype.kind not in "iu":
        raise RuntimeError(f"repeats has to be Long or Int tensor, got {repeats.dtype.name}")
    if repeats.size and repeats.min() < 0:
        raise RuntimeError("repeats can not be negative")
    return repeats


# --- rolling and flipping -----------------------------------------------------------------------------------


def _roll_rule(g: Any, _y: Any, _x: Any, shifts: Shape, dims: Shape | None) -> Any:
    back = tuple([-s for s in shifts])
    return apply(_ROLL, (g,), back, dims) if isinstance(g, Tensor) else _roll_forward(g, back, dims)


def _roll_forward(x: Array, shifts: Shape, dims: Shape | None) -> Array:
    return np.roll(x, shifts[0] if dims is None else shifts, dims)


_ROLL = Operation("roll", _roll_forward, _roll_rule)


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The elements shifted by ``shifts`` along ``dims``; what leaves at the end comes in at the beginning.

    Without ``dims`` the tensor is rolled flattened. Errors: RuntimeError unless there is one shift per
    dimension.

    >>> import autotape as at
    >>> at.arange(5).roll(2)
    tensor([3, 4, 0, 1, 2])
    """
    input = tensor_input(input, "input", "roll")
    by = sizes((shifts,), "roll", "shifts")
    along = None if dims is None or dims == () else sizes((dims,), "roll", "dims")
    if len(by) != (1 if along is None else len(along)):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(along or ())}")
    if along is not None:
        if input._array.ndim == 0:
            raise IndexError(f"Dimension specified as {along[0]} but tensor has no dimensions")
        along = tuple([normalize_dim(d, input._array.ndim, "dims") for d in along])
    return apply(_ROLL, (input,), by, along)  # type: ignore[no-any-return]


def _flip_rule(g: Any, _y: Any, _x: Any, index: Any) -> Any:
    return apply(_FLIP, (g,), index) if isinstance(g, Tensor) else g[index]


_FLIP = Operation("flip", lambda x, index: x[index].copy(), _flip_rule)


def flip(input: Tensor, *dim: Any, dims: Any = None) -> Tensor:
    """The elements in reverse order along ``dims``, as ``flip(0, 1)`` or ``flip((0, 1))``; a copy.

    Errors: RuntimeError if a dimension is named twice.

    >>> import autotape as at
    >>> at.arange(3).flip(0)
    tensor([2, 1, 0])
    """
    input = tensor_input(input, "input", "flip")
    if dims is None and not dim:
        raise TypeError("flip() missing 1 required argument: 'dims'")
    given = sizes(dim if dims is None else (dims,), "flip", "dims")
    ndim = input._array.ndim
    chosen = normalize_dims(given, ndim) if given else ()
    index = tuple([slice(None, None, -1) if d in chosen else slice(None) for d in range(ndim)])
    return apply(_FLIP, (input,), (*index, ...))  # type: ignore[no-any-return]


def fliplr(input: Tensor) -> Tensor:
    """The elements in reverse order along dimension 1; a copy. RuntimeError for fewer than two dimensions.

    >>> import autotape as at
    >>> at.tensor([[1, 2], [3, 4]]).fliplr()
    tensor([[2, 1],
            [4, 3]])
    """
    input = tensor_input(input, "input", "fliplr")
    if input._array.ndim < 2:
        raise RuntimeError(f"fliplr: input must be >= 2-d, got shape {list(input._array.shape)}")
    return flip(input, 1)


def flipud(input: Tensor) -> Tensor:
    """The elements in reverse order along dimension 0; a copy. RuntimeError for a 0-d tensor.

    >>> import autotape as at
    >>> at.tensor([[1, 2], [3, 4]]).flipud()
    tensor([[3, 4],
            [1, 2]])
    """
    input = tensor_input(input, "input", "flipud")
    if input._array.ndim < 1:
        raise RuntimeError("flipud: input must be >= 1-d, got a 0-d tensor")
    return flip(input, 0)


def _turned(x: Any, k: int, dims: tuple[int, int]) -> Any:
    return np.rot90(x, k, dims).copy(order="K")


def _rot90_rule(g: Any, _y: Any, _x: Any, k: int, dims: tuple[int, int]) -> Any:
    return apply(_ROT90, (g,), -k, dims) if isinstance(g, Tensor) else _turned(g, -k, dims)


_ROT90 = Operation("rot90", _turned, _rot90_rule)


def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned ``k`` times by 90 degrees in the plane of two dimensions, from the first towards the second.

    A copy; a negative ``k`` turns the other way. The derivative turns back.

    Errors: RuntimeError for fewer than two dimensions, or unless ``dims`` names two different ones.

    >>> import autotape as at
    >>> at.tensor([[1, 2], [3, 4]]).rot90()
    tensor([[2, 4],
            [1, 3]])
    """
    input = tensor_input(input, "input", "rot90")
    ndim = input._array.ndim
    given = sizes((dims,), "rot90", "dims")
    if len(given) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(given)}")
    if ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {ndim}")
    first, second = normalize_dim(given[0], ndim, "dims"), normalize_dim(given[1], ndim, "dims")
    if first == second:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {given[0]} and dim1 = {given[1]}"
        )
    return apply(_ROT90, (input,), operator.index(k) % 4, (first, second))  # type: ignore[no-any-return]
