"""NumPy's shaping, joining and indexing functions on Tensors, with NumPy's argument names and defaults.

Also those that only ask about an array (``np.shape``, ``np.result_type``, ``np.shares_memory``, ...).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import implements
from autotape.engine.tensor import Tensor
from autotape.ops import arranging, combining, diagonals, joining, ordering, selecting, stacking
from autotape.ops import shape as shaping
from autotape.ops._dims import normalize_dim
from autotape.ops.conversion import clone
from autotape.ops.indexing import getitem

__all__: list[str] = []
methods: list[str] = []
in_place: list[str] = []


def _row_major(function: str, order: Any) -> None:
    if order not in ("C", "K", None):
        raise TypeError(f"np.{function} of a Tensor: order={order!r} is not supported, only 'C'")


def _axes(axis: Any) -> tuple[int, ...]:
    return tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)


# --- shape
# ------------------------------------------------------------------------------------------------------


@implements(np.reshape)
def _reshape(a: Tensor, /, shape: Any, order: str = "C", *, copy: bool | None = None) -> Tensor:
    _row_major("reshape", order)
    if copy is None:
        return shaping.reshape(a, shape)
    return shaping.reshape(clone(a), shape) if copy else shaping.view(a, shape)


@implements(np.ravel)
def _ravel(a: Tensor, order: str = "C") -> Tensor:
    _row_major("ravel", order)
    return shaping.ravel(a)


@implements(np.transpose)
def _transpose(a: Tensor, axes: Any = None) -> Tensor:
    return ordering.permute(a, tuple(range(a.ndim))[::-1] if axes is None else tuple(axes))


@implements(np.swapaxes)
def _swapaxes(a: Tensor, axis1: int, axis2: int) -> Tensor:
    return ordering.transpose(a, axis1, axis2)


@implements(np.matrix_transpose)
def _matrix_transpose(x: Tensor, /) -> Tensor:
    return ordering.matrix_transpose(x)


@implements(np.moveaxis)
def _moveaxis(a: Tensor, source: Any, destination: Any) -> Tensor:
    return ordering.movedim(a, source, destination)


@implements(np.expand_dims)
def _expand_dims(a: Tensor, axis: Any) -> Tensor:
    axes = _axes(axis)
    ndim = a.ndim + len(axes)
    for d in sorted(normalize_dim(d, ndim, "axis") for d in axes):
        a = shaping.unsqueeze(a, d)
    return a


@implements(np.squeeze)
def _squeeze(a: Tensor, axis: Any = None) -> Tensor:
    if axis is None:
        return shaping.squeeze(a)
    for d in _axes(axis):
        if a.shape[d] != 1:
            raise ValueError(
                f"cannot select an axis to squeeze out which has size not equal to one: axis {d} of {a.shape}"
            )
    return shaping.squeeze(a, _axes(axis))


@implements(np.atleast_1d)
def _atleast_1d(*arys: Tensor) -> Any:
    return stacking.atleast_1d(*arys)


@implements(np.atleast_2d)
def _atleast_2d(*arys: Tensor) -> Any:
    return stacking.atleast_2d(*arys)


@implements(np.atleast_3d)
def _atleast_3d(*arys: Tensor) -> Any:
    return stacking.atleast_3d(*arys)


@implements(np.broadcast_arrays)
def _broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Tensor, ...]:
    return combining.broadcast_tensors(*args)


@implements(np.broadcast_to)
def _broadcast_to(array: Tensor, shape: Any, subok: bool = False) -> Tensor:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(n < 0 for n in shape):
        raise ValueError(f"all elements of broadcast shape must be non-negative, got {shape}")
    return shaping.broadcast_to(array, shape)


@implements(np.copy)
def _copy(a: Tensor, order: str = "K", subok: bool = False) -> Tensor:
    _row_major("copy", order)
    return clone(a)


# --- joining and splitting
# --------------------------------------------------------------------------------------


@implements(np.concatenate)
def _concatenate(
    arrays: Any, /, axis: int | None = 0, *, dtype: Any = None, casting: str | None = None
) -> Tensor:
    if axis is None:
        arrays, axis = [shaping.ravel(tensor_input(a)) for a in arrays], 0
    out = joining.cat(arrays, axis)
    return out if dtype is None else out.to(dtype)


@implements(np.stack)
def _stack(arrays: Any, axis: int = 0, *, dtype: Any = None, casting: str | None = None) -> Tensor:
    out = joining.stack(arrays, axis)
    return out if dtype is None else out.to(dtype)


@implements(np.hstack)
def _hstack(tup: Any, *, dtype: Any = None, casting: str | None = None) -> Tensor:
    out = stacking.hstack(tup)
    return out if dtype is None else out.to(dtype)


@implements(np.vstack)
def _vstack(tup: Any, *, dtype: Any = None, casting: str | None = None) -> Tensor:
    out = stacking.vstack(tup)
    return out if dtype is None else out.to(dtype)


@implements(np.dstack)
def _dstack(tup: Any) -> Tensor:
    return stacking.dstack(tup)


@implements(np.column_stack)
def _column_stack(tup: Any) -> Tensor:
    return stacking.column_stack(tup)


@implements(np.array_split)
def _array_split(ary: Tensor, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    dim = normalize_dim(axis, ary.ndim, "axis")
    # NumPy knows where the parts of n numbers begin and end.
    parts = np.array_split(np.arange(ary.shape[dim]), indices_or_sections)
    if isinstance(indices_or_sections, int):
        return list(joining.split(ary, [len(p) for p in parts], dim))
    before = (slice(None),) * dim
    ends = [*indices_or_sections, ary.shape[dim]]
    return [getitem(ary, (*before, slice(a, b))) for a, b in zip([0, *indices_or_sections], ends)]


@implements(np.split)
def _split(ary: Tensor, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    n = ary.shape[axis]
    if isinstance(indices_or_sections, int) and n % indices_or_sections:
        raise ValueError(
            f"array split does not result in an equal division: {n} in {indices_or_sections} parts"
        )
    return _array_split(ary, indices_or_sections, axis)


@implements(np.meshgrid)
def _meshgrid(
    *xi: Tensor, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Tensor, ...]:
    if sparse:
        raise TypeError("np.meshgrid of Tensors does not take sparse=True")
    grids = combining.meshgrid(*xi, indexing=indexing)
    return tuple([clone(g) for g in grids]) if copy else grids


# --- another arrangement
# ----------------------------------------------------------------------------------------


@implements(np.tile)
def _tile(A: Tensor, reps: Any) -> Tensor:  # noqa: N803 - NumPy's name
    return arranging.tile(A, reps)


@implements(np.repeat)
def _repeat(a: Tensor, repeats: Any, axis: int | None = None) -> Tensor:
    if isinstance(repeats, (list, tuple)):
        repeats = np.asarray(repeats)
    return arranging.repeat_interleave(a, repeats, axis)


@implements(np.roll)
def _roll(a: Tensor, shift: Any, axis: Any = None) -> Tensor:
    if axis is not None:
        shifts, axes = np.broadcast_arrays(np.asarray(_axes(shift)), np.asarray(_axes(axis)))
        return arranging.roll(a, tuple(shifts.tolist()), tuple(axes.tolist()))
    return arranging.roll(a, sum(_axes(shift)))


@implements(np.flip)
def _flip(m: Tensor, axis: Any = None) -> Tensor:
    return arranging.flip(m, tuple(range(m.ndim)) if axis is None else _axes(axis))


@implements(np.fliplr)
def _fliplr(m: Tensor) -> Tensor:
    return arranging.fliplr(m)


@implements(np.flipud)
def _flipud(m: Tensor) -> Tensor:
    return arranging.flipud(m)


@implements(np.rot90)
def _rot90(m: Tensor, k: int = 1, axes: Any = (0, 1)) -> Tensor:
    return arranging.rot90(m, k, axes)


@implements(np.tril)
def _tril(m: Tensor, k: int = 0) -> Tensor:
    return diagonals.tril(m, k)


@implements(np.triu)
def _triu(m: Tensor, k: int = 0) -> Tensor:
    return diagonals.triu(m, k)


@implements(np.diagonal)
def _diagonal(a: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    return diagonals.diagonal(a, offset, axis1, axis2)


@implements(np.diag)
def _diag(v: Tensor, k: int = 0) -> Tensor:
    return diagonals.diag(v, k)


@implements(np.diagflat)
def _diagflat(v: Tensor, k: int = 0) -> Tensor:
    return diagonals.diagflat(v, k)


# --- indexing
# ---------------------------------------------------------------------------------------------------


@implements(np.take)
def _take(a: Tensor, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Tensor:
    if out is not None or mode != "raise":
        raise TypeError("np.take of a Tensor takes neither out= nor mode=")
    if axis is None:
        return getitem(shaping.ravel(a), indices)
    dim = normalize_dim(axis, a.ndim, "axis")
    return getitem(a, (*(slice(None),) * dim, indices))


@implements(np.take_along_axis)
def _take_along_axis(arr: Tensor, indices: Any, axis: int | None = -1) -> Tensor:
    return selecting.take_along_dim(arr, indices, axis)


@implements(np.nonzero)
def _nonzero(a: Tensor) -> tuple[Tensor, ...]:
    return selecting.nonzero(a, as_tuple=True)  # type: ignore[no-any-return]


@implements(np.argwhere)
def _argwhere(a: Tensor) -> Tensor:
    return selecting.argwhere(a)


# --- questions about an array, and constants of its shape: nothing to differentiate
# -----------------------------


def _plain(value: Any) -> Any:
    return value._array if isinstance(value, Tensor) else value


@implements(np.shape)
def _shape(a: Tensor) -> tuple[int, ...]:
    return tuple(a._array.shape)


@implements(np.ndim)
def _ndim(a: Tensor) -> int:
    return a._array.ndim


@implements(np.size)
def _size(a: Tensor, axis: Any = None) -> int:
    return int(np.size(a._array, axis))


@implements(np.result_type)
def _result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    return np.result_type(*[_plain(a) for a in arrays_and_dtypes])


@implements(np.can_cast)
def _can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    return np.can_cast(from_._array.dtype if isinstance(from_, Tensor) else from_, to, casting)


@implements(np.may_share_memory)
def _may_share_memory(a: Any, b: Any, /, max_work: Any = 0) -> bool:
    return np.may_share_memory(_plain(a), _plain(b), max_work)


@implements(np.shares_memory)
def _shares_memory(a: Any, b: Any, /, max_work: Any = -1) -> bool:
    return np.shares_memory(_plain(a), _plain(b), max_work)


@implements(np.array_equal)
def _array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    return np.array_equal(_plain(a1), _plain(a2), equal_nan)


def _filled_like(function: Any) -> Any:
    def like(
        a: Tensor,
        *value: Any,
        dtype: Any = None,
        order: Any = None,
        subok: Any = None,
        shape: Any = None,
        **fill: Any,
    ) -> Tensor:
        if function is not np.full_like and value:  # np.zeros_like(a, dtype)
            dtype, value = value[0], ()
        keywords = fill if shape is None else {**fill, "shape": shape}
        return Tensor._wrap(
            function(a._array, *[_plain(v) for v in value], dtype=dtype, order="C", **keywords)
        )

    return like


for _function in (np.zeros_like, np.ones_like, np.empty_like, np.full_like):
    implements(_function)(_filled_like(_function))
