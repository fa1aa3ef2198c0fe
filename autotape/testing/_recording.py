"""A tape that also keeps the value of every entry, so that rules can be checked one by one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from autotape.engine.operation import picked
from autotape.engine.replay import replay
from autotape.engine.tape import AccumulateGrad, Entry, Node, Tape
from autotape.engine.tensor import Tensor
from autotape.func._trees import flatten
from autotape.testing._problems import laid_out

__all__: list[str] = []

Array = np.ndarray[Any, Any]

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PACKAGE = os.path.dirname(os.path.dirname(_HERE)) + os.sep


@dataclass
class Step:
    """An entry, the values of its outputs when it was recorded, and what the operation was given."""

    entry: Entry
    parents: tuple[Node | None, ...]
    values: list[Array]
    arrays: tuple[Any, ...] | None  # the forward function's, where they are known
    arguments: tuple[Any, ...] | None  # of a Function's apply
    used: frozenset[int] | None = None  # of several outputs
    unseen: dict[str, Array] = field(default_factory=dict)  # arguments of the user's call not on the tape

    @property
    def several(self) -> bool:
        """Whether the operation has several outputs."""
        return self.entry.outputs is not None

    def uses(self, i: int) -> bool:
        """Whether output ``i`` of several counts."""
        return self.used is None or i in self.used

    def roots(self, weights: Sequence[Array]) -> list[tuple[Node, Any]]:
        """Where a replay with these gradients of the outputs starts."""
        if not self.several:
            return [(self.entry, weights[0])]
        return [
            (picked(self.entry, i), w)
            for i, w in enumerate(weights)
            if self.uses(i) and self.values[i].dtype.kind in "fc"
        ]

    def pull(self, weights: Sequence[Array], parent: Node) -> Array:
        """What the entry's rule makes of these gradients of its outputs, for one parent."""
        roots = self.roots(weights)
        within = frozenset([self.entry, parent, *[node for node, _ in roots]])
        found, _ = replay(roots, True, False, frozenset([parent]), within)
        g = found.get(parent)
        return np.zeros(parent.shape, parent.dtype) if g is None else np.array(g)


class _Steps(list[Any]):
    """The log of a private tape: the engine appends (entry, parents)."""

    def append(self, item: tuple[Entry, tuple[Node | None, ...]]) -> None:
        entry, parents = item
        placing = sys._getframe(1)
        caller = placing.f_back
        assert caller is not None
        local = caller.f_locals
        values, arguments = [placing.f_locals["y"]], None
        if caller.f_code.co_name == "_record_several":
            values = list(local["ys"])
        elif "ctx" in local and "results" in local:  # autograd.Function
            arguments = local["args"]
            values = [r._array if isinstance(r, Tensor) else np.zeros(()) for r in local["results"]]
            if len(values) > 1 and not isinstance(local["result"], tuple):
                values = values[:1]
        arrays = local.get("arrays")
        if arrays is None and "a" in local and "b" in local:
            arrays = (local["a"], local["b"])
        elif arrays is None and "x" in local and len(parents) == 1:
            arrays = (local["x"],)
        kept = None if arrays is None else tuple([_copy(a) for a in arrays])
        step = Step(entry, parents, [_copy(np.asarray(v)) for v in values], kept, arguments)
        step.unseen = _unseen(caller, values)
        super().append(step)


class Recorder(Tape):
    """A private tape whose log is a list of steps."""

    def __init__(self) -> None:
        super().__init__()
        self._log = self.steps = _Steps()


def _copy(a: Any) -> Any:
    return laid_out(a, a) if isinstance(a, np.ndarray) else a


def _unseen(frame: FrameType, results: list[Array]) -> dict[str, Array]:
    """The numbers among the arguments of the user's own call that are not on the tape."""
    while frame.f_back is not None:
        file = frame.f_back.f_code.co_filename
        if not file.startswith(_PACKAGE) or file.startswith(_HERE):
            break
        frame = frame.f_back
    code, local = frame.f_code, frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    found: dict[str, Array] = {}
    for name in code.co_varnames[:count]:
        for leaf in flatten(local.get(name))[0]:
            if isinstance(leaf, Tensor) and leaf._node is None:
                leaf = leaf._array
            if any(leaf is r for r in results):
                continue  # a parameter named out already holds the result
            if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc":
                found[f"{name}.{len(found)}"] = leaf.copy()
            elif isinstance(leaf, (float, complex, np.floating)):
                found[f"{name}.{len(found)}"] = np.asarray(leaf)
    return found


def value_of(node: Node | None, steps: dict[Entry, Step], leaves: dict[Node, Array]) -> Array | None:
    """The value at a place of the tape; None if it was there before the function ran."""
    if node is None or isinstance(node, AccumulateGrad):
        return None if node is None else leaves.get(node)
    step = steps.get(node)
    if step is not None:
        return step.values[0]
    first = node.parents[0] if node.parents else None
    step = steps.get(first) if isinstance(first, Entry) else None
    return step.values[node.number] if step is not None and step.several else None
