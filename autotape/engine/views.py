"""Views and in-place operations: what a write to shared memory does to the places on the tape.

A view knows its base and the operation that took it (its recipe). When one of them is written in place, the
base becomes "the base with this value in the view's place" and every view becomes a view of that, down the
whole tree: all of them see the write, and so do their gradients.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import numpy as np

from autotape.engine.dtypes import can_cast_numpy
from autotape.engine.levels import BatchingError, not_into_unbatched
from autotape.engine.operation import CAST, Operation, apply, place, record_entry, register_view
from autotape.engine.tape import (
    AccumulateGrad,
    Entry,
    Node,
    Tape,
    current_tape,
    get_frame,
    owner_of,
    recording,
    start_tape,
    user_frame,
    writes,
)
from autotape.engine.tensor import Tensor, new_tensor

__all__ = [
    "InPlaceTwin",
    "check_writable",
    "in_place",
    "note_write",
    "rebase",
    "recording_tape",
    "reshape_in_place",
    "view_of",
    "write",
]

Array = np.ndarray[Any, Any]


# --- taking views -------------------------------------------------------------------------------------------


def view_of(operation: Operation, input: Tensor, *constants: Any) -> Tensor:
    """:func:`apply` for a view operation whose rule needs no array: 1 us less of 3."""
    x = input._array
    y = operation.forward(x, *constants)
    out = new_tensor(Tensor)
    out._array = y
    try:
        tape = recording.get()
    except LookupError:
        tape = start_tape()
    node = input._node
    if node is None or tape is None:
        out._node = None
    else:
        out._node = place(tape, operation, y, (node,), (None, None, *constants), 3)
    base = y.base
    if base is not None and (base is x or base is x.base):  # not that of a copy which reshape made on the way
        register_view(out, input, operation, constants)
    return out


# --- operations of the tape's own ---------------------------------------------------------------------------


def _scatter_forward(base: Array, value: Array, operation: Operation, constants: tuple[Any, ...]) -> Array:
    out = base.copy(order="K")  # as_strided views depend on it
    operation.forward(out, *constants)[...] = value
    return out


def _scatter_base_rule(
    g: Any, _y: Any, _base: Any, _value: Any, operation: Operation, constants: tuple[Any, ...]
) -> Any:
    nothing = np.zeros((), np.bool_)  # of the least dtype: a view may be real where g is complex
    if isinstance(g, Tensor):
        return apply(VIEW_SCATTER, (g, Tensor._wrap(nothing)), operation, constants)
    return _scatter_forward(g, nothing, operation, constants)


def _scatter_value_rule(
    g: Any, _y: Any, _base: Any, _value: Any, operation: Operation, constants: tuple[Any, ...]
) -> Any:
    return apply(operation, (g,), *constants) if isinstance(g, Tensor) else operation.forward(g, *constants)


VIEW_SCATTER = Operation("view_scatter", _scatter_forward, _scatter_base_rule, _scatter_value_rule)
"""The base of a view after the view was overwritten: ``base`` with ``value`` in the view's place."""


def _zeros_rule(g: Any, _y: Any, _x: Any) -> Any:
    return Tensor._wrap(np.zeros_like(g._array)) if isinstance(g, Tensor) else np.zeros_like(g)


OVERWRITE = Operation("overwrite", lambda x: x, _zeros_rule)
"""A tensor whose values were all replaced by ones without gradient: it still requires grad, and gets 0."""


def _stale_rule(_g: Any, _y: Any, _x: Any) -> Any:
    raise RuntimeError(
        "A view was created in no_grad mode and its base or another view of its base has been modified "
        "inplace with grad mode enabled: what its gradient should be is ambiguous. Take the view again after "
        "the in-place operation, or do both inside or both outside of the no_grad block."
    )


STALE = Operation("stale_view", lambda x: x, _stale_rule)


# --- what may be written ------------------------------------------------------------------------------------


def _may_overlap(array: Array) -> bool:
    """Whether two elements may be one place in memory; False where strides that nest prove the contrary."""
    if array.flags.forc or array.size <= 1:
        return False
    end = array.itemsize
    for stride, n in sorted((abs(s), n) for s, n in zip(array.strides, array.shape) if n > 1):
        if stride < end:
            return True
        end += stride * (n - 1)
    return False


def recording_tape() -> Tape | None:
    """The tape that operations are recorded on; None while gradients are off."""
    try:
        return recording.get()
    except LookupError:
        return start_tape()


def check_writable(x: Tensor, name: str, tracked: bool = False, region: Array | None = None) -> bool:
    """Whether the coming in-place write must be recorded; RuntimeError where PyTorch forbids it.

    ``tracked``: what is written requires grad; ``region``: the part of x's memory that is written, if not
    all.
    """
    array = x._array if region is None else region
    if not array.flags.writeable:
        raise RuntimeError(
            f"{name}: the tensor's memory is read-only (made from a read-only NumPy array); clone() it first"
        )
    if (
        0 in array.strides
        and array.size
        and any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape))
    ):
        raise _refers_to_one_place(name, array)
    if recording_tape() is None:
        return False
    if x._base is not None or x._node is not None or tracked:
        chain = _bases(x)
        _check_leaves(chain, name)
        if tracked or any(t._node is not None for t in chain):
            for t in chain:
                if t._base is not None and t._recipe is None:
                    raise RuntimeError(
                        f"{name}: a view was created in no_grad mode and is being modified inplace with grad "
                        f"mode "
                        "enabled. Take the view with gradients enabled, or modify it under no_grad too"
                    )
                if _may_overlap(
                    t._array
                ):  # one write would change elements whose gradient knows nothing of it
                    raise _refers_to_one_place(name, t._array)
    return True


def _refers_to_one_place(name: str, array: Array) -> RuntimeError:
    return RuntimeError(
        f"{name}: unsupported operation: more than one element of the written-to tensor of shape "
        f"{list(array.shape)} refers to a single memory location (it was expanded). Please clone() the "
        f"tensor "
        "before performing the operation."
    )


def _bases(x: Tensor) -> list[Tensor]:
    """x, its base, the base of that, and so on."""
    chain = [x]
    while (base := chain[-1]._base) is not None:
        chain.append(base)
    return chain


def _check_leaves(chain: list[Tensor], name: str) -> None:
    for t in chain:
        if isinstance(t._node, AccumulateGrad):
            raise RuntimeError(
                f"{name}: a {'view of a ' if len(chain) > 1 else ''}leaf Variable that requires grad is "
                f"being used "
                "in an in-place operation; do it under autotape.no_grad(), or on a clone()"
            )


# --- writing ------------------------------------------------------------------------------------------------


def note_write(x: Tensor, name: str) -> None:
    """Count an in-place write to x's memory, with the source line of the user's that made it."""
    frame = user_frame(get_frame(1))
    writes.note(x._array, name, (frame.f_code, frame.f_lasti))


def write(x: Tensor, result: Tensor, name: str) -> Tensor:
    """Store ``result`` (computed from x) into x's memory: the second half of every in-place operation."""
    target, value = x._array, result._array
    if value.shape != target.shape:
        raise RuntimeError(
            f"{name}: output with shape {list(target.shape)} doesn't match the broadcast shape "
            f"{list(value.shape)}"
        )
    if value.dtype is not target.dtype:
        if not can_cast_numpy(value.dtype, target.dtype):
            raise RuntimeError(
                f"{name}: result type {value.dtype.name} can't be cast to the desired output type "
                f"{target.dtype.name}"
            )
        result = apply(CAST, (result,), target.dtype)
    node = result._node
    if node is not None and x._node is None:
        check_writable(x, name, tracked=True)
    if isinstance(node, Entry) and node.saved is not None:
        # The entry keeps the old values of this memory where its rule needs them.
        owner = owner_of(target)
        node.saved = tuple(
            [a.copy() if isinstance(a, np.ndarray) and owner_of(a) is owner else a for a in node.saved]
        )
    elif isinstance(node, Entry) and node.packed is not None:
        node.packed.rescue(owner_of(target))
    try:
        target[...] = result._array
    except BatchingError:
        raise not_into_unbatched(name) from None
    note_write(x, name)
    rebase(x, node)
    return x


def rebase(x: Tensor, node: Node | None) -> None:
    """``x``'s memory holds a new value with place ``node``: give x, its bases and all their views new places.

    Nothing happens while gradients are off.
    """
    if node is None and x._node is None and x._base is None and x._views is None:
        return
    tape = recording_tape()
    if tape is None:
        return
    if node is None and x._node is not None:
        node = place(tape, OVERWRITE, x._array, (x._node,), (None, None))
    _move(x, node)
    while x._base is not None and x._recipe is not None:
        base = x._base
        if base._node is not None or x._node is not None:
            _move(
                base,
                record_entry(tape, VIEW_SCATTER, base._array, (None, None), (base._node, x._node), x._recipe),
            )
        x = base
    _refresh_views(x, tape)


def _move(x: Tensor, node: Node | None) -> None:
    """Give x a new place; ``retain_grad`` moves along."""
    before = x._node
    if (
        isinstance(before, Entry)
        and before.retained is not None
        and before.retained is x._cell
        and isinstance(node, Entry)
    ):
        before.retained, node.retained = None, before.retained
    x._node = node


def _refresh_views(root: Tensor, tape: Tape) -> None:
    pending = [root]
    while pending:
        base = pending.pop()
        for view in base._live_views():
            if base._node is None:
                if isinstance(view._node, Entry):  # the base was detached
                    view._node = None
            elif view._recipe is None:
                view._node = place(tape, STALE, view._array, (base._node,), (None, None))
            else:
                operation, constants = view._recipe
                _move(
                    view, record_entry(tape, operation, view._array, (base._array,), (base._node,), constants)
                )
            pending.append(view)


def in_place(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The in-place twin of an operation: computes it and stores the result in the first operand's memory."""
    name = function.__name__ + "_"

    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_writable(self, name)
        return write(self, function(self, *args, **kwargs), name)

    update_wrapper(call, function)
    call.__name__ = name
    call.__qualname__ = f"Tensor.{name}"
    signature = inspect.signature(function)
    parameters = [p for p in signature.parameters.values() if p.name != "out"]
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    formula = (function.__doc__ or "").strip().split("\n\n")[0]
    call.__doc__ = (
        f"In-place version of :func:`autotape.{function.__name__}`: writes the result into this tensor.\n\n"
        f"    {formula}\n\n"
        "    Errors: RuntimeError for a leaf that requires grad, and where this tensor has not the result's\n"
        "    shape or can't hold its dtype.\n"
    )
    return call


class InPlaceTwin:
    """:func:`in_place` of an operation, made when first asked for: all of them would be 5 ms of an import."""

    def __init__(self, name: str, function: Callable[..., Tensor]) -> None:
        self.name = name
        self.function = function

    def __get__(self, instance: Tensor | None, owner: type[Tensor]) -> Any:
        twin: Any = in_place(self.function)
        setattr(Tensor, self.name, twin)
        return twin if instance is None else twin.__get__(instance)


def reshape_in_place(x: Tensor, name: str, view: Callable[[Tensor], Tensor], order: bool = False) -> Tensor:
    """Make x what ``view(x)`` is, on the same memory: what ``unsqueeze_`` and its like do.

    ``order``: the view changes the order of the dimensions, which is refused for a leaf that requires grad: a
    gradient for its old shape would still be accepted.
    """
    leaf = x._node if isinstance(x._node, AccumulateGrad) else None
    if recording_tape() is not None:
        _check_leaves(_bases(x), name)
    elif leaf is not None and order:
        raise RuntimeError(
            f"{name}: the dimensions of a leaf that requires grad can't be reordered in place; assign x.data "
            f"instead"
        )
    token = recording.set(current_tape())  # what a tensor became is on the tape also under no_grad
    try:
        out = view(x)
    finally:
        recording.reset(token)
    node: Node | None = out._node
    others = [v for v in x._live_views() if v is not out]
    if leaf is not None:
        node, leaf.shape = leaf, out._array.shape
    if x._base is None and not others:
        x._array, x._node, x._views = out._array, node, None
        return x
    # Others are views of x as it was, or x is a view: that tensor goes on existing, as the base of x.
    before = Tensor._wrap(x._array)
    before._node, before._base, before._recipe = x._node, x._base, x._recipe
    for v in others:
        v._base = before
        before._add_view(v)
    if before._base is not None:
        before._base._add_view(before)
    x._array, x._base, x._recipe, x._views = out._array, before, out._recipe, None
    _move(x, node)
    before._add_view(x)
    return x
