"""Joining tensors as rows, columns and blocks; and the dimensions that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autotape.engine.batched import fresh
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.ops.joining import cat, several
from autotape.ops.shape import reshape

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "column_stack",
    "dstack",
    "hstack",
    "row_stack",
    "vstack",
]

methods: list[str] = []
in_place: list[str] = []

Array = np.ndarray[Any, Any]


# --- as many dimensions -------------------------------------------------------------------------------------


def _one_dim(t: Tensor) -> Tensor:
    return t if t._array.ndim else reshape(t, (1,))


def _two_dims(t: Tensor) -> Tensor:
    shape = t._array.shape
    return t if len(shape) > 1 else reshape(t, (1,) * (2 - len(shape)) + shape)


def _three_dims(t: Tensor) -> Tensor:
    shape = t._array.shape
    if len(shape) > 2:
        return t
    return reshape(t, (*shape, 1) if len(shape) == 2 else (1, *(shape or (1,)), 1))


def _each(function: Any, tensors: tuple[Any, ...], name: str) -> Any:
    if len(tensors) == 1 and not isinstance(tensors[0], (tuple, list)):
        return function(tensor_input(tensors[0], "tensors", name))
    if len(tensors) == 1:
        tensors = tuple(tensors[0])
    return tuple([function(tensor_input(t, f"tensors[{i}]", name)) for i, t in enumerate(tensors)])


def atleast_1d(*tensors: Any) -> Any:
    """A 0-d tensor as one of shape (1,), any other itself; of several tensors (or a sequence) a tuple. Views.

    >>> import autotape as at
    >>> at.atleast_1d(at.tensor(2.0))
    tensor([2.])
    """
    return _each(_one_dim, tensors, "atleast_1d")


def atleast_2d(*tensors: Any) -> Any:
    """With leading dimensions of size 1 up to two dimensions; of several tensors a tuple. Views.

    >>> import autotape as at
    >>> at.atleast_2d(at.ones(3)).shape
    autotape.Size([1, 3])
    """
    return _each(_two_dims, tensors, "atleast_2d")


def atleast_3d(*tensors: Any) -> Any:
    """With dimensions of size 1 up to three: (n,) becomes (1, n, 1), (m, n) becomes (m, n, 1). Views.

    Of several tensors (or a sequence) a tuple.

    >>> import autotape as at
    >>> at.atleast_3d(at.ones(3)).shape, at.atleast_3d(at.ones(2, 3)).shape
    (autotape.Size([1, 3, 1]), autotape.Size([2, 3, 1]))
    """
    return _each(_three_dims, tensors, "atleast_3d")


# --- joined -------------------------------------------------------------------------------------------------


@takes_out
def hstack(tensors: Any, *, out: Tensor | None = None) -> Tensor:
    """The tensors joined side by side: along dimension 1, or 0 if they are 1-D or 0-d.

    >>> import autotape as at
    >>> at.hstack([at.zeros(2, 1), at.ones(2, 2)]).shape
    autotape.Size([2, 3])
    """
    found = [_one_dim(t) for t in several(tensors, "hstack")]
    return cat(found, 0 if found[0]._array.ndim == 1 else 1)


@takes_out
def vstack(tensors: Any, *, out: Tensor | None = None) -> Tensor:
    """The tensors joined below each other: along dimension 0, 1-D tensors as rows. Also ``row_stack``.

    >>> import autotape as at
    >>> at.vstack([at.zeros(3), at.ones(2, 3)]).shape
    autotape.Size([3, 3])
    """
    return cat([_two_dims(t) for t in several(tensors, "vstack")], 0)


row_stack = vstack


@takes_out
def dstack(tensors: Any, *, out: Tensor | None = None) -> Tensor:
    """The tensors joined in depth: along dimension 2, after :func:`atleast_3d`.

    >>> import autotape as at
    >>> at.dstack([at.zeros(3), at.ones(3)]).shape
    autotape.Size([1, 3, 2])
    """
    return cat([_three_dims(t) for t in several(tensors, "dstack")], 2)


@takes_out
def column_stack(tensors: Any, *, out: Tensor | None = None) -> Tensor:
    """1-D tensors as the columns of a matrix; tensors of more dimensions are joined along dimension 1.

    >>> import autotape as at
    >>> at.column_stack([at.arange(2), at.ones(2, 2)])
    tensor([[0., 1., 1.],
            [1., 1., 1.]])
    """
    found = several(tensors, "column_stack")
    shapes = [t._array.shape for t in found]
    return cat([t if len(s) > 1 else reshape(t, ((s or (1,))[0], 1)) for t, s in zip(found, shapes)], 1)


# --- block_diag ---------------------------------------------------------------------------------------------


def _corners(shapes: Sequence[tuple[int, int]]) -> list[tuple[slice, slice]]:
    corners, row, column = [], 0, 0
    for rows, columns in shapes:
        corners.append((slice(row, row + rows), slice(column, column + columns)))
        row, column = row + rows, column + columns
    return corners


def _block_forward(*arguments: Any) -> Array:
    *blocks, shapes = arguments
    out: Array = fresh(tuple(np.sum(shapes, axis=0).tolist()), blocks[0])
    for corner, block in zip(_corners(shapes), blocks):
        out[corner] = block
    return out


def _block_rule(g: Any, needs: Sequence[bool], _y: Any, *_inputs: Any) -> Any:
    return [g[corner] if n else None for n, corner in zip(needs, _corners(_inputs[-1]))]


_BLOCK_DIAG = Operation("block_diag", _block_forward, joint=_block_rule)


def block_diag(*tensors: Any) -> Tensor:
    """The matrix with the given ones on its diagonal and zeros elsewhere.

    1-D and 0-d tensors are rows. The result has the promoted dtype; each block's gradient is its part of the
    gradient.

    Errors: RuntimeError for a tensor of more than two dimensions.

    >>> import autotape as at
    >>> at.block_diag(at.tensor([[1, 2], [3, 4]]), at.tensor([5, 6]))
    tensor([[1, 2, 0, 0],
            [3, 4, 0, 0],
            [0, 0, 5, 6]])
    """
    found = several(list(tensors) or [Tensor._wrap(np.zeros((1, 0), np.float32))], "block_diag")
    for i, t in enumerate(found):
        if t._array.ndim > 2:
            raise RuntimeError(
                f"block_diag(): Input tensors must have 2 or fewer dimensions. Input {i} has "
                f"{t._array.ndim} dimensions"
            )
    found = [_two_dims(t) for t in found]
    return apply(_BLOCK_DIAG, found, tuple([t._array.shape for t in found]))  # type: ignore[no-any-return]
