"""Elements in another arrangement: repeated, rolled, flipped, triangles and diagonals."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.engine.views import view_of
from autotape.ops._dims import dim_names, normalize_dim, normalize_dims
from autotape.ops.indexing import take_along
from autotape.ops.shape import ravel, sizes

__all__ = [
    "diag",
    "diagonal",
    "flip",
    "repeat_interleave",
    "roll",
    "tile",
    "tril",
    "triu",
]

methods = [*__all__, "repeat"]
in_place = ["tril", "triu"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


# --- repeating ----------------------------------------------------------------------------------------------


def _repeat_forward(
    x: Array, apart: Shape, repeated: Shape, _axes: Shape, after: Shape, _before: Shape
) -> Array:
    out = np.empty(repeated, x.dtype)
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
        along = tuple([normalize_dim(d, input._array.ndim, "dims") for d in along])
        if input._array.ndim == 0:
            along, by = None, by[:1]
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


# --- triangles and diagonals --------------------------------------------------------------------------------


def _tril_rule(g: Any, _y: Any, _x: Any, k: int) -> Any:
    return tril(g, k) if isinstance(g, Tensor) else np.tril(g, k)


def _triu_rule(g: Any, _y: Any, _x: Any, k: int) -> Any:
    return triu(g, k) if isinstance(g, Tensor) else np.triu(g, k)


_TRIL = Operation("tril", np.tril, _tril_rule)
_TRIU = Operation("triu", np.triu, _triu_rule)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of the last two dimensions, up to a diagonal (0: the main one); zeros above it.

    Errors: RuntimeError for fewer than two dimensions.

    >>> import autotape as at
    >>> at.ones(2, 3).tril()
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    input = tensor_input(input, "input", "tril")
    if input._array.ndim < 2:
        raise RuntimeError(f"tril: input tensor must have at least 2 dimensions, got {input._array.ndim}")
    return apply(_TRIL, (input,), operator.index(diagonal))  # type: ignore[no-any-return]


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of the last two dimensions, from a diagonal on (0: the main one); zeros below it.

    Errors: RuntimeError for fewer than two dimensions.

    >>> import autotape as at
    >>> at.ones(2, 3).triu(1)
    tensor([[0., 1., 1.],
            [0., 0., 1.]])
    """
    input = tensor_input(input, "input", "triu")
    if input._array.ndim < 2:
        raise RuntimeError(f"triu: input tensor must have at least 2 dimensions, got {input._array.ndim}")
    return apply(_TRIU, (input,), operator.index(diagonal))  # type: ignore[no-any-return]


def _diagonal_view(x: Array, offset: int, dim1: int, dim2: int, _shape: Shape) -> Array:
    out = x.diagonal(offset, dim1, dim2)
    if x.flags.writeable:
        out.flags.writeable = True  # NumPy's is read-only by default
    return out


def _into_diagonal(g: Array, offset: int, dim1: int, dim2: int, shape: Shape) -> Array:
    out = np.zeros(shape, g.dtype)
    _diagonal_view(out, offset, dim1, dim2, shape)[...] = g
    return out


def _diagonal_rule(g: Any, _y: Any, _x: Any, offset: int, dim1: int, dim2: int, shape: Shape) -> Any:
    if isinstance(g, Tensor):
        return apply(_DIAGONAL_ADJOINT, (g,), offset, dim1, dim2, shape)
    return _into_diagonal(g, offset, dim1, dim2, shape)


def _diagonal_adjoint_rule(g: Any, _y: Any, _x: Any, offset: int, dim1: int, dim2: int, shape: Shape) -> Any:
    if isinstance(g, Tensor):
        return apply(_DIAGONAL, (g,), offset, dim1, dim2, shape)
    return g.diagonal(offset, dim1, dim2)


_DIAGONAL = Operation("diagonal", _diagonal_view, _diagonal_rule, view=True)
_DIAGONAL_ADJOINT = Operation("diagonal_adjoint", _into_diagonal, _diagonal_adjoint_rule)
_DIAG = Operation("diag", lambda x, *constants: _diagonal_view(x, *constants).copy(), _diagonal_rule)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The elements whose index along ``dim2`` is that along ``dim1`` plus ``offset``, as the last dimension.

    A view.

    >>> import autotape as at
    >>> at.arange(6).reshape(2, 3).diagonal(1)
    tensor([1, 5])
    """
    input = tensor_input(input, "input", "diagonal")
    shape = input._array.shape
    first, second = normalize_dim(dim1, len(shape), "dim1"), normalize_dim(dim2, len(shape), "dim2")
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return view_of(_DIAGONAL, input, operator.index(offset), first, second, shape)


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix (a copy), or the matrix with a 1-D tensor on its diagonal and zeros elsewhere.

    Errors: RuntimeError for other numbers of dimensions.

    >>> import autotape as at
    >>> at.diag(at.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    input = tensor_input(input, "input", "diag")
    shape = input._array.shape
    offset = operator.index(diagonal)
    if len(shape) == 1:
        n = shape[0] + abs(offset)
        return apply(_DIAGONAL_ADJOINT, (input,), offset, 0, 1, (n, n))  # type: ignore[no-any-return]
    if len(shape) != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {len(shape)}D")
    return apply(_DIAG, (input,), offset, 0, 1, shape)  # type: ignore[no-any-return]
