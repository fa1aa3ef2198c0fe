"""How an operation is declared, run and recorded.

An operation is plain NumPy twice: a forward function and VJP rules. A rule is called as

    rule(g, y, *inputs, *constants)

with the gradient of the output, the output, the inputs and the constants, and returns the gradient of one
input. The replay hands it ndarrays, or Tensors when the gradient itself is to be differentiated. A parameter
whose name starts with an underscore is one the rule does not use: it receives None, and nothing is kept for
it.
Broadcasting and type promotion are undone after the rule, in one place (``conform.py``), so a rule may
return a gradient of the broadcast shape.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.batched import again
from autotape.engine.packing import pack_entry
from autotape.engine.tape import (
    Entry,
    Node,
    Tape,
    get_frame,
    modules_running,
    outside,
    recording,
    run_quietly,
    start_tape,
    tick,
    user_frame,
)
from autotape.engine.tensor import Tensor, new_tensor, numpy_functions

__all__ = ["CAST", "Operation", "apply", "implements", "record"]

Array = np.ndarray[Any, Any]
F = TypeVar("F", bound=Callable[..., Any])
Rule = Callable[..., Any]


class Operation:
    """A differentiable operation: its name, NumPy forward function and VJP rules.

    ``vjps`` has one rule per input (None: no gradient); ``joint`` instead computes all of them together:
    ``joint(g, needs, y, *inputs, *constants) -> sequence``, ``needs[i]`` saying whether input i wants one.
    ``raw`` (or ``raw_joint``) is an optional second, faster set of the same rules for ndarrays only. ``view``
    marks an operation whose output can share its input's memory, ``elementwise`` one whose gradients depend
    on the output's gradient at the same place only, ``masks`` one that gives some elements a gradient of
    exactly 0: below it (towards the inputs) such a zero stays zero. An operation whose forward returns a
    tuple has several outputs; its joint rule gets a tuple of gradients, None where an output was not used.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        *vjps: Rule | None,
        joint: Rule | None = None,
        raw: tuple[Rule | None, ...] | None = None,
        raw_joint: Rule | None = None,
        view: bool = False,
        elementwise: bool = False,
        masks: bool = False,
        python: bool = False,
    ) -> None:
        self.name = name
        self.forward = forward
        self.vjps = vjps
        self.joint = joint
        self.raw = vjps if raw is None else raw
        self.raw_joint = joint if raw_joint is None else raw_joint
        self.view = view
        self.elementwise = elementwise
        self.masks = masks
        self.python = python  # the rule runs the user's own code: not inside run_quietly
        self._keeps: dict[tuple[bool, ...], tuple[bool, ...]] = {}

    def keeps(self, needs: tuple[bool, ...]) -> tuple[bool, ...]:
        """Which of (output, *inputs) the rules of the inputs in ``needs`` use."""
        try:
            return self._keeps[needs]
        except KeyError:
            size = 1 + len(needs)
            if self.joint is not None:
                rules = [(self.joint, 2)] + (
                    [(self.raw_joint, 2)] if self.raw_joint is not self.joint else []
                )
            else:
                rules = [(r, 1) for pair in zip(self.vjps, self.raw, needs) if pair[2] for r in pair[:2]]
            flags = [False] * size
            for rule, skip in rules:
                for i, used in enumerate(_used(rule, skip, size)):
                    flags[i] |= used
            self._keeps[needs] = result = tuple(flags)
            return result

    @cached_property
    def keeps_one(self) -> tuple[bool, ...]:
        """:meth:`keeps` of the only input."""
        return self.keeps((True,))

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


def _used(rule: Rule | None, skip: int, size: int) -> list[bool]:
    """For each of (output, *inputs): whether the rule's parameter for it is a used one."""
    if rule is None:
        return [False] * size
    code = rule.__code__
    names = list(code.co_varnames[skip : code.co_argcount])
    if code.co_flags & 0x04:  # *inputs: one name for all the rest
        rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
        names += [rest] * (size - len(names))
    return [not name.startswith("_") for name in names[:size]]


def record(
    operation: Operation,
    y: Array,
    arrays: tuple[Any, ...],
    nodes: tuple[Node | None, ...],
    constants: tuple[Any, ...] = (),
    depth: int = 3,
) -> Tensor:
    """The result ``y`` of an operation as a Tensor, with its entry on the tape if any input has a node."""
    if y.__class__ is not np.ndarray:
        y = np.asarray(y)
    out = new_tensor(Tensor)
    out._array = y
    out._node = None
    if nodes.count(None) != len(nodes):
        try:
            tape = recording.get()
        except LookupError:
            tape = start_tape()
        if tape is not None:
            saved = kept(operation, y, arrays, nodes, constants)
            out._node = place(tape, operation, y, nodes, saved, depth)
    return out


def record_entry(
    tape: Tape,
    operation: Operation,
    y: Array,
    arrays: tuple[Any, ...],
    nodes: tuple[Node | None, ...],
    constants: tuple[Any, ...],
) -> Entry:
    """A new entry that keeps what its rules use."""
    return place(tape, operation, y, nodes, kept(operation, y, arrays, nodes, constants))


def kept(
    operation: Operation,
    y: Any,
    arrays: tuple[Any, ...],
    nodes: tuple[Node | None, ...],
    constants: tuple[Any, ...],
) -> tuple[Any, ...]:
    """(output, *inputs, *constants), with None for the arrays that no rule in use needs."""
    if len(nodes) == 1:
        keep = operation.keeps_one
        return (y if keep[0] else None, arrays[0] if keep[1] else None, *constants)
    if len(nodes) == 2:
        keep = operation.keeps((nodes[0] is not None, nodes[1] is not None))
        return (
            y if keep[0] else None,
            arrays[0] if keep[1] else None,
            arrays[1] if keep[2] else None,
            *constants,
        )
    keep = operation.keeps(tuple([n is not None for n in nodes]))
    return (y if keep[0] else None, *[a if k else None for a, k in zip(arrays, keep[1:])], *constants)


def place(
    tape: Tape,
    operation: Operation,
    y: Array,
    parents: tuple[Node | None, ...],
    saved: tuple[Any, ...],
    depth: int = 2,
) -> Entry:
    """A new entry on the tape.

    The line it comes from is looked for from ``depth`` frames up: a user's frame is never nearer, and each
    frame that is not looked at saves 0.1 us.
    """
    entry = Entry()
    entry.operation = operation
    entry.parents = parents
    entry.saved = saved
    entry.shape = y.shape
    entry.dtype = y.dtype
    entry.index = tick()
    frame = get_frame(depth)
    if frame.f_code.co_filename not in outside:
        frame = user_frame(frame)
    entry.where = (frame.f_code, frame.f_lasti)
    if tape._detailed:
        if Tape._modules or tape._log is not None:
            entry.modules = modules_running()
        pack_entry(entry)
        if tape._log is not None:
            tape._log.append((entry, parents))
            return entry
    entry.tape = tape  # last: who finds an entry by its tape finds it complete
    return entry


def apply(operation: Operation, inputs: Sequence[Tensor], *constants: Any) -> Any:
    """Run ``operation.forward(*arrays, *constants)`` on the inputs and record it.

    Several outputs come back as a tuple of Tensors; a view shares its input's memory.
    """
    if len(inputs) == 1:  # most operations: 0.5 us less than the comprehensions
        first = inputs[0]
        arrays: tuple[Any, ...] = (first._array,)
        nodes: tuple[Node | None, ...] = (first._node,)
    elif len(inputs) == 2:
        first, second = inputs
        arrays = (first._array, second._array)
        nodes = (first._node, second._node)
    else:
        arrays = tuple([t._array for t in inputs])
        nodes = tuple([t._node for t in inputs])
    try:
        y = run_quietly(operation.forward, *arrays, *constants)
    except RuntimeError:
        y = again(operation.elementwise, operation.forward, *arrays, *constants)
    if y.__class__ is tuple:
        return _record_several(operation, y, arrays, nodes, constants)
    out = record(operation, y, arrays, nodes, constants, 4)
    if operation.view:
        base = out._array.base
        if base is not None and (
            base is arrays[0] or base is arrays[0].base
        ):  # not that of a copy made on the way
            register_view(out, inputs[0], operation, constants)
    return out


def _pick_rule(g: Any, _y: Any, _ys: Any, i: int) -> Any:
    return i, g


PICK = Operation("pick", lambda ys, i: ys[i], _pick_rule)


def _record_several(
    operation: Operation,
    ys: tuple[Array, ...],
    arrays: tuple[Any, ...],
    nodes: tuple[Node | None, ...],
    constants: tuple[Any, ...],
) -> tuple[Tensor, ...]:
    ys = tuple([y if y.__class__ is np.ndarray else as_array(y) for y in ys])
    outs = []
    for y in ys:
        out = new_tensor(Tensor)
        out._array = y
        out._node = None
        outs.append(out)
    if nodes.count(None) != len(nodes):
        try:
            tape = recording.get()
        except LookupError:
            tape = start_tape()
        if tape is not None:
            saved = kept(operation, ys, arrays, nodes, constants)
            entry = place(tape, operation, ys[0], nodes, saved, 3)
            entry.outputs = [(y.shape, y.dtype) for y in ys]
            entry.picks = {}
            for i, out in enumerate(outs):
                if out._array.dtype.kind in "fc":
                    out._node = _pick(entry, i)
    return tuple(outs)


def picked(entry: Entry, i: int) -> Entry:
    """The place on the tape of an entry's output ``i`` of several: the same one while it is alive."""
    if entry.picks is None:
        entry.picks = {}
    known = entry.picks.get(i)
    pick = None if known is None else known()
    return _pick(entry, i) if pick is None else pick


def _pick(entry: Entry, i: int) -> Entry:
    pick = Entry()
    entry.picks[i] = weakref.ref(pick)  # type: ignore[index]
    pick.operation = PICK
    pick.parents = (entry,)
    pick.saved = (None, None, i)
    pick.number = i
    pick.shape, pick.dtype = entry.outputs[i]  # type: ignore[index]
    pick.index = tick()
    pick.where = entry.where
    pick.tape = entry.tape
    return pick


def implements(*functions: Any) -> Callable[[F], F]:
    """Decorator: ``np.f(...)`` on a Tensor calls this function."""

    def register(function: F) -> F:
        for f in functions:
            numpy_functions[f] = function
        return function

    return register


# --- views --------------------------------------------------------------------------------------------------


def register_view(view: Tensor, base: Tensor, operation: Operation, constants: tuple[Any, ...]) -> None:
    """Make ``view`` known to its base, so that an in-place write to one gives the other its new place.

    A view taken while gradients are off has no recipe: what a recorded write to it would mean is not clear.
    """
    try:
        tape = recording.get()
    except LookupError:
        tape = start_tape()
    if tape is None:
        if base._base is not None:
            base = base._base  # views of views in a long loop would keep each other alive
    else:
        view._recipe = (operation, constants)
    view._base = base
    base._add_view(view)


def _cast_rule(g: Any, _y: Any, _x: Any, _dtype: Any) -> Any:
    return g  # the replay casts every gradient to its input's dtype


CAST = Operation("to", lambda x, dtype: x.astype(dtype), _cast_rule)
