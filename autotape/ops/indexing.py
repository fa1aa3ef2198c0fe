"""Indexing: ``x[index]`` with PyTorch's meaning.

An index is first split in two (:func:`normalise`): a *basic* part of integers, slices, None and Ellipsis,
which takes a view, and an *advanced* part of integer arrays and masks, which copies. Each is an operation
whose adjoint (``.._adjoint``: the gradient put or added into zeros) is an operation too, with indexing as its
rule.
"""

from __future__ import annotations

import operator
import warnings
from types import EllipsisType
from typing import Any

import numpy as np

from autotape.engine.batched import fresh
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.engine.views import view_of
from autotape.ops._accumulate import add_at
from autotape.ops._dims import dim_names, normalize_dim

__all__ = ["narrow", "select"]

methods = __all__
in_place: list[str] = []

Array = np.ndarray[Any, Any]
How = tuple[Any, tuple[Any, ...], int | None, bool]
"""An advanced index: the basic index applied first (or None), the index of what that gives, the dimension of
its only integer array (or None), and whether it names no element twice."""

_FULL = slice(None)
_INT64 = np.dtype(np.int64)


# --- what an index means ------------------------------------------------------------------------------------


def is_basic(index: Any) -> bool:
    """Whether NumPy takes the index as it is, and as a view: the quick answer, True only where it is sure."""
    kind = index.__class__
    if kind is int:
        return True
    if kind is tuple:
        for item in index:
            kind = item.__class__
            if kind is slice:
                if not _plain_slice(item):
                    return False
            elif kind is not int and item is not None and item is not Ellipsis:
                return False
        return True
    if kind is slice:
        return _plain_slice(index)
    return index is None or index is Ellipsis


def _plain_slice(s: slice) -> bool:
    start, stop, step = s.start, s.stop, s.step
    return (
        (step is None or (step.__class__ is int and step > 0))
        and (start is None or start.__class__ is int)
        and (stop is None or stop.__class__ is int)
    )


def _slice(s: slice) -> slice:
    """The slice with Python integers; ValueError for a step that is not positive."""
    if s.step is not None and operator.index(s.step) <= 0:
        raise ValueError(
            f"step must be greater than zero, got {operator.index(s.step)}"
            + ("; use flip() to reverse a dimension" if operator.index(s.step) < 0 else "")
        )
    return slice(*(None if v is None else operator.index(v) for v in (s.start, s.stop, s.step)))


_WRONG_KIND = (
    "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
    "(got {})"
)


def _array_index(item: Any) -> Array | int:
    """An index array (integers or a mask) or an integer from a Tensor, an array, a list or a number."""
    if isinstance(item, Tensor):
        a = item._array
    elif isinstance(item, (np.ndarray, np.generic)):
        a = np.array(item)  # a copy: the caller may change his before backward
    elif isinstance(item, (list, tuple, range)):
        try:
            a = np.array([x._array if isinstance(x, Tensor) else x for x in item])
        except ValueError as error:
            raise IndexError(
                f"an index list must be a rectangular nest of integers or bools: {error}"
            ) from None
        if a.size == 0:
            a = a.astype(np.int64)
    elif hasattr(item, "__index__"):
        return operator.index(item)
    elif isinstance(item, str):
        raise TypeError(f"a tensor has no fields: invalid index {item!r}")
    else:
        raise IndexError(_WRONG_KIND.format(type(item).__name__))
    if a.dtype == np.uint8:
        warnings.warn(
            "indexing with dtype autotape.uint8 is now deprecated, please use a dtype autotape.bool instead.",
            UserWarning,
            stacklevel=5,
        )
        return np.not_equal(a, 0)
    if a.dtype.kind not in "iub":
        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors (got {a.dtype.name})"
        )
    return int(a) if a.ndim == 0 and a.dtype.kind != "b" and type(a) is np.ndarray else a


def _ambiguous(index: Any) -> bool:
    return index.__class__ is list and any(
        isinstance(i, (list, tuple, range, slice, Tensor, EllipsisType)) or i is None for i in index
    )


def _parsed(index: Any) -> list[Any]:
    """The items of an index: int, slice, None, Ellipsis, array; ``(mask,)`` for a bool, a new dimension."""
    if _ambiguous(index):
        raise IndexError(
            "a list that holds sequences, slices, None or tensors is not a clear index: use x[tuple(index)] "
            "to index several dimensions, or make a tensor of it"
        )
    items: list[Any] = []
    for item in index if isinstance(index, tuple) else (index,):
        if item is None or item is Ellipsis or item.__class__ is int:
            items.append(item)
        elif isinstance(item, slice):
            items.append(_slice(item))
        elif isinstance(item, bool):
            items.append((np.array([item]),))
        else:
            item = _array_index(item)
            if isinstance(item, np.ndarray) and item.ndim == 0 and item.dtype.kind == "b":
                items.append((item.reshape(1),))
            else:
                items.append(item)
    return items


def normalise(index: Any, shape: tuple[int, ...], check: bool = False) -> tuple[Any, How | None]:
    """``(basic, None)`` for an index that takes a view, else ``(None, how)``; IndexError for a wrong one.

    NumPy itself finds integers that are out of range; ``check`` looks for them to name them.
    """
    items = _parsed(index)
    if sum(item is Ellipsis for item in items) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    ndim = len(shape)
    used = 0
    for item in items:
        if isinstance(item, np.ndarray) and item.dtype.kind == "b":
            used += item.ndim
        elif isinstance(item, (int, slice, np.ndarray)):
            used += 1
    if used > ndim:
        if ndim == 0:
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a Python "
                "number"
            )
        raise IndexError(f"too many indices for tensor of dimension {ndim} (got {used})")
    basic: list[Any] = []
    advanced: list[Any] = []
    dim = 0
    for item in items:
        if item is Ellipsis:
            count = ndim - used
            basic += [_FULL] * count
            advanced += [_FULL] * count
            dim += count
        elif item is None:
            basic.append(None)
            advanced.append(_FULL)
        elif isinstance(item, tuple):
            basic.append(None)
            advanced.append(item[0])
        elif isinstance(item, int):
            if check and not -shape[dim] <= item < shape[dim]:
                raise _out_of_range(item, dim, shape)
            basic.append(item)
            dim += 1
        elif isinstance(item, slice):
            basic.append(item)
            advanced.append(_FULL)
            dim += 1
        elif item.dtype.kind == "b":
            if item.shape != shape[dim : dim + item.ndim]:
                raise IndexError(
                    f"The shape of the mask {list(item.shape)} at index {dim} does not match the shape of "
                    f"the indexed tensor {list(shape)} at index {dim}"
                )
            basic += [_FULL] * item.ndim
            advanced.append(item)
            dim += item.ndim
        else:
            if check:
                wrong = item[(item < -shape[dim]) | (item >= shape[dim])]
                if wrong.size:
                    raise _out_of_range(int(wrong[0]), dim, shape)
            basic.append(_FULL)
            advanced.append(item)
            dim += 1
    arrays = [a for a in advanced if a is not _FULL]
    if not arrays:
        return tuple(basic), None
    while advanced[-1] is _FULL:
        advanced.pop()
    first = None if all(b is _FULL for b in basic) else tuple(basic)
    axis = len(advanced) - 1 if len(arrays) == 1 and arrays[0].dtype.kind != "b" else None
    unique = (len(arrays) == 1 and arrays[0].dtype.kind == "b") or all(a.size <= 1 for a in arrays)
    return None, (first, tuple(advanced), axis, unique)


def _out_of_range(index: int, dim: int, shape: tuple[int, ...]) -> IndexError:
    return IndexError(
        f"index {index} is out of bounds for dimension {dim} with size {shape[dim]} (the tensor's shape is "
        f"{list(shape)})"
    )


def explained(error: IndexError, index: Any, shape: tuple[int, ...]) -> IndexError:
    """NumPy's IndexError in the tensor's own terms."""
    try:
        _, how = normalise(index, shape, check=True)
    except IndexError as better:
        return better
    if how is not None:
        shapes = [
            list((np.flatnonzero(a) if a.dtype.kind == "b" else a).shape) for a in how[1] if a is not _FULL
        ]
        return IndexError(
            "shape mismatch: indexing tensors could not be broadcast together with shapes "
            + ", ".join(map(str, shapes))
        )
    return error


# --- basic: a view ------------------------------------------------------------------------------------------


def take_view(x: Array, index: Any, _shape: tuple[int, ...]) -> Array:
    y: Array = x[index]
    if y.__class__ is not np.ndarray:  # a NumPy scalar
        y = x[(*index, ...) if index.__class__ is tuple else (index, ...)]
    return y


def _put_into_zeros(g: Array, index: Any, shape: tuple[int, ...]) -> Array:
    out: Array = fresh(shape, g)
    out[index] = g
    return out


def _getitem_rule(g: Any, _y: Any, _x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(g, Tensor):
        return apply(_GETITEM_ADJOINT, (g,), index, shape)
    return _put_into_zeros(g, index, shape)


GETITEM = Operation("getitem", take_view, _getitem_rule, view=True)
_GETITEM_ADJOINT = Operation(
    "getitem_adjoint", _put_into_zeros, lambda g, _y, _x, index, _shape: g[index] if g.ndim else g
)


# --- advanced: a copy ---------------------------------------------------------------------------------------


def take_copy(x: Array, how: How, _shape: tuple[int, ...]) -> Array:
    first, advanced, axis, _ = how
    if first is not None:
        x = x[first]
    y: Array = x[advanced] if axis is None else x.take(advanced[axis], axis)
    return y if y.flags.c_contiguous else y.copy()  # as PyTorch's


def _add_into_zeros(g: Array, how: How, shape: tuple[int, ...]) -> Array:
    first, advanced, axis, unique = how
    out: Array = fresh(shape, g)
    part = out if first is None else out[first]
    if unique:
        part[advanced] = g
    else:
        add_at(part, advanced, axis, g)
    return out


def _index_rule(g: Any, _y: Any, _x: Any, how: How, shape: tuple[int, ...]) -> Any:
    return apply(INDEX_ADJOINT, (g,), how, shape) if isinstance(g, Tensor) else _add_into_zeros(g, how, shape)


def _index_adjoint_rule(g: Any, _y: Any, _x: Any, how: How, shape: tuple[int, ...]) -> Any:
    return apply(INDEX, (g,), how, shape) if isinstance(g, Tensor) else take_copy(g, how, shape)


INDEX = Operation("index", take_copy, _index_rule)
INDEX_ADJOINT = Operation("index_adjoint", _add_into_zeros, _index_adjoint_rule)


def take_along(input: Tensor, index: Array, dim: int) -> Tensor:
    """The slices of ``input`` along ``dim`` named by an integer array, which takes that dimension's place."""
    how = (None, (_FULL,) * dim + (index,), dim, False)
    return apply(INDEX, (input,), how, input._array.shape)  # type: ignore[no-any-return]


def add_along(source: Tensor, index: Array, dim: int, shape: tuple[int, ...]) -> Tensor:
    """The adjoint of :func:`take_along`: the slices of ``source`` added up into zeros of ``shape``."""
    how = (None, (_FULL,) * dim + (index,), dim, False)
    return apply(INDEX_ADJOINT, (source,), how, shape)  # type: ignore[no-any-return]


def getitem(input: Tensor, index: Any) -> Tensor:
    """``input[index]``: a view for integers, slices, None and Ellipsis, a copy for index tensors and masks.

    As in PyTorch: integers are taken first, the dimensions of several index arrays come where they stand if
    they stand together and in front otherwise; a mask selects the elements where it is True. The derivative
    puts the gradient in the elements' places, adding up where one was taken more than once.

    Errors: IndexError for an index out of range or too many of them, ValueError for a step that is not
    positive.

    >>> import autotape as at
    >>> x = at.arange(6).reshape(2, 3)
    >>> x[1, ::2], x[:, [0, 0, 2]], x[x > 3]
    (tensor([3, 5]), tensor([[0, 0, 2],
            [3, 3, 5]]), tensor([4, 5]))
    """
    shape = input._array.shape
    how: How | None = None
    basic = index
    if index.__class__ is Tensor and index._array.dtype is _INT64 and index._array.ndim and shape:
        how = (None, (index._array,), 0, False)  # the common index tensor: 3 us less
    elif not is_basic(index):
        basic, how = normalise(index, shape)
    try:
        if how is None:
            return view_of(GETITEM, input, basic, shape)
        return apply(INDEX, (input,), how, shape)  # type: ignore[no-any-return]
    except IndexError as error:
        raise explained(error, index, shape) from None


# --- by position --------------------------------------------------------------------------------------------


@dim_names
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The slice at ``index`` of dimension ``dim``, without that dimension: a view.

    >>> import autotape as at
    >>> at.arange(6).reshape(2, 3).select(1, 2)
    tensor([2, 5])
    """
    input = tensor_input(input, "input", "select")
    shape = input._array.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = normalize_dim(dim, len(shape))
    index = operator.index(index)
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}"
        )
    return view_of(GETITEM, input, (_FULL,) * dim + (index,), shape)


@dim_names
def narrow(input: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """``length`` elements of dimension ``dim`` from ``start`` on: a view.

    Errors: RuntimeError if they exceed the dimension.

    >>> import autotape as at
    >>> at.arange(6).narrow(0, 2, 3)
    tensor([2, 3, 4])
    """
    input = tensor_input(input, "input", "narrow")
    shape = input._array.shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    dim = normalize_dim(dim, len(shape))
    if isinstance(start, Tensor) and (start._array.ndim or start._array.dtype.kind not in "iu"):
        raise RuntimeError(f"narrow(): start must be an 0-dim integral Tensor, got shape {list(start.shape)}")
    start, length = operator.index(start), operator.index(length)
    size = shape[dim]
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}")
    if not -size <= start <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got {start})"
        )
    if start < 0:
        start += size
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return view_of(GETITEM, input, (_FULL,) * dim + (slice(start, start + length),), shape)
