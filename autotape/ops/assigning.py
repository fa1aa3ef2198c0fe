"""``x[index] = value``: a write into x's memory, recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.levels import BatchingError, not_into_unbatched
from autotape.engine.operation import Operation, apply, record_entry
from autotape.engine.tape import Node, quietly, recording
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, note_write, rebase
from autotape.ops._accumulate import distinct, last_writers
from autotape.ops._rules import masked
from autotape.ops.indexing import GETITEM, INDEX, How, explained, is_basic, normalise, take_copy, take_view

__all__: list[str] = []
methods: list[str] = []
in_place: list[str] = []

Array = np.ndarray[Any, Any]


def _store(x: Array, value: Any, index: Any, how: How | None) -> None:
    if how is None:
        x[index] = value
    elif how[0] is None:
        x[how[1]] = value
    else:
        x[how[0]][how[1]] = value


def _setitem_forward(x: Array, value: Array, index: Any, how: How | None) -> Array:
    out = x.copy()
    _store(out, value, index, how)
    return out


def _setitem_input_rule(g: Any, _y: Any, _x: Any, _value: Any, index: Any, how: How | None) -> Any:
    if isinstance(g, Tensor):
        return apply(SETITEM, (g, Tensor._wrap(np.zeros((), g._array.dtype))), index, how)
    return _setitem_forward(g, np.zeros((), g.dtype), index, how)


def _setitem_value_rule(g: Any, _y: Any, _x: Any, _value: Any, index: Any, how: How | None) -> Any:
    shape = g.shape
    if how is None:
        return apply(GETITEM, (g,), index, shape) if isinstance(g, Tensor) else g[index]
    part = apply(INDEX, (g,), how, shape) if isinstance(g, Tensor) else take_copy(g, how, shape)
    first, advanced, _, unique = how
    if unique or distinct(advanced):
        return part
    # PyTorch gives every value of a place named twice the place's gradient; only the last one is in the
    # result.
    inner = shape if first is None else np.empty(shape, bool)[first].shape
    return masked(part, last_writers(inner, advanced))


SETITEM = Operation("setitem", _setitem_forward, _setitem_input_rule, _setitem_value_rule)


def _value_for(x: Tensor, value: Any) -> Tensor:
    """What is assigned, as a tensor; RuntimeError if x's dtype can't hold it."""
    dtype = x._array.dtype
    if isinstance(value, Tensor):
        tensor = value
    else:
        try:
            tensor = Tensor._from_value(value, dtype)
        except (OverflowError, ValueError, TypeError):
            if not isinstance(value, (int, float, complex)):
                raise
            raise RuntimeError(
                f"value cannot be converted to type {dtype.name} without overflow: {value}"
            ) from None
    if tensor._array.dtype.kind == "c" and dtype.kind != "c":
        raise RuntimeError(
            f"a {tensor._array.dtype.name} value can't be assigned to a {dtype.name} tensor: it would lose "
            "its imaginary part"
        )
    return tensor if dtype.kind in "fc" else tensor.detach()


def assign_item(x: Tensor, index: Any, value: Any) -> None:
    """``x[index] = value``: written into x's memory, seen by its views, and recorded.

    The value is broadcast to the place (leading dimensions of size 1 are dropped) and cast to x's dtype. It
    may be a part of x itself. Where an index names an element twice, the last value stays, and only it gets a
    gradient.
    """
    name = "__setitem__"
    value = _value_for(x, value)
    target = x._array
    how: How | None = None
    basic = index
    if not is_basic(index):
        basic, how = normalise(index, target.shape)
    try:
        region = take_view(target, basic, ()) if how is None else target if how[0] is None else target[how[0]]
    except IndexError as error:
        raise explained(error, index, target.shape) from None
    recorded = check_writable(x, name, value._node is not None, region)
    ndim = region.ndim if how is None else _result_ndim(region.ndim, how[1])
    extra = value._array.ndim - ndim
    if extra > 0 and value._array.shape[:extra] == (1,) * extra:
        value = value.reshape(value._array.shape[extra:])
    array = value._array
    if np.may_share_memory(array, target):
        array = array.copy()
    try:
        quietly(_store, region, array, ..., None if how is None else (None, *how[1:]))
    except BatchingError:
        raise not_into_unbatched(name) from None
    except IndexError as error:
        raise explained(error, index, target.shape) from None
    except (ValueError, TypeError):  # TypeError: a value of several dimensions for a mask
        shape = region.shape if how is None else take_copy(target, how, ()).shape
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(array.shape)} cannot be broadcast to indexing "
            f"result of shape {list(shape)}"
        ) from None
    note_write(x, name)
    if recorded:
        node: Node | None = None
        if x._node is not None or value._node is not None:
            nodes = (x._node, value._node)
            tape = recording.get()
            assert tape is not None  # check_writable said so
            node = record_entry(tape, SETITEM, target, (None, None), nodes, (basic, how))
        rebase(x, node)


def delete_item(x: Tensor, index: Any) -> None:
    """``del x[index]``: TypeError; a tensor has a fixed size."""
    raise TypeError("Tensor does not support deleting items; select those to keep with an index or a mask")


def _result_ndim(ndim: int, advanced: tuple[Any, ...]) -> int:
    """The number of dimensions of the indexing result."""
    most = 0
    for a in advanced:
        if isinstance(a, np.ndarray):
            mask = a.dtype.kind == "b"
            ndim -= a.ndim if mask else 1
            most = max(most, 1 if mask else a.ndim)
    return ndim + most
