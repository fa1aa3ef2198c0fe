"""Replaying the tape in reverse: the one loop behind ``backward()`` and ``grad()``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from heapq import heapify, heappop, heappush, heappushpop
from typing import Any

import numpy as np

from autotape.engine.batched import again, is_batched, wholly
from autotape.engine.conform import conform
from autotape.engine.gradient_hooks import run_hooks
from autotape.engine.levels import BatchingError
from autotape.engine.operation import PICK, Operation, picked
from autotape.engine.row_gradient import Rows
from autotape.engine.tape import (
    Entry,
    Node,
    quietly,
    run_quietly,
    source_of,
    tick,
    writes,
)
from autotape.engine.tensor import Tensor, new_tensor

__all__ = ["add_to", "anomaly", "as_tensors", "reachable", "replay", "replayed_twice"]

Array = np.ndarray[Any, Any]


class _Anomaly:
    """Whether backward looks for NaN (``autograd.set_detect_anomaly``); process-wide, as in PyTorch."""

    enabled = False
    check_nan = True


anomaly = _Anomaly()


def replay(
    roots: Sequence[tuple[Node, Any]],
    retain_graph: bool,
    create_graph: bool,
    capture: frozenset[Node] = frozenset(),
    within: frozenset[Node] | None = None,
) -> tuple[dict[Node, Any], set[Node]]:
    """Visit the entries that ``roots`` depend on, in decreasing index.

    Returns the gradients of the leaves and of the nodes in ``capture``, and the set of those nodes whose
    gradient may share memory with another array. ``within`` restricts the visit to some nodes. Gradients are
    ndarrays, or Tensors under ``create_graph``.
    """
    pending: dict[Node, Any] = {}  # gradients of entries still to be visited
    done: dict[Node, Any] = {}  # gradients of leaves and captured entries
    shared: set[Node] = set()  # those whose array somebody else may see
    summed: set[Node] = set()  # those whose pending array is a sum of ours, free to add to in place
    heap: list[tuple[int, Any]] = []  # entries by decreasing index ...
    ahead: Any = None  # ... and one beside it: the next of a chain needs no heap
    last_write = writes.last
    run = run_quietly
    array_type = np.ndarray
    looking = anomaly.enabled and anomaly.check_nan

    for node, g in roots:
        if node.index:
            if node in pending:
                pending[node] = _sum(pending[node], g)
            else:
                pending[node] = g
                heap.append((-node.index, node))
        else:
            done[node] = _sum(done[node], g) if node in done else g
            shared.add(node)
    heapify(heap)

    while heap or ahead is not None:
        if ahead is None:
            entry = heappop(heap)[1]
        else:
            entry = heappushpop(heap, (-ahead.index, ahead))[1] if heap else ahead
            ahead = None
        g = pending.pop(entry)
        saved, parents = entry.saved, entry.parents
        if entry.hooks is not None or entry.retained is not None:
            g = run_hooks(entry, g, create_graph, done, partial(_reached, roots, within))
        if capture and entry in capture:
            done[entry] = g
            shared.add(entry)
            if within is not None and not any(p in within for p in parents):
                continue  # nothing below it is wanted: it is not replayed, and stays for a later backward
        if saved is None:
            if entry.packed is None:
                raise replayed_twice(entry)
            saved = entry.packed.unpack()
            if not retain_graph:
                entry.packed = None
        operation = entry.operation
        if entry.index < last_write:
            writes.check(entry)
        masked = operation.masks or entry.masked
        if masked:
            since = tick()
        if create_graph:
            saved = as_tensors(entry, saved)
            rules: Any = operation.vjps
            joint = operation.joint
        else:
            rules = operation.raw
            joint = operation.raw_joint
        if joint is not None:
            needs = [p is not None for p in parents]
            if entry.outputs is not None:
                g = tuple(g)
            direct = create_graph or operation.python
            rules = joint(g, needs, *saved) if direct else _joint_rules(operation, g, needs, saved)
        for parent, rule in zip(parents, rules):
            if parent is None or rule is None or (within is not None and parent not in within):
                continue
            if joint is not None:
                gi = rule
            elif create_graph:
                gi = rule(g, *saved)
            else:
                try:
                    gi = run(rule, g, *saved)
                except RuntimeError:
                    gi = _slow_rule(operation, rule, g, saved)
            if masked:
                gi = _below_mask(entry, g, gi, parent, since)
            if parent.outputs is not None:  # the gradient of one of several outputs
                i, gi = gi
                shape, dtype = parent.outputs[i]
                if type(gi) is not array_type or gi.shape != shape or gi.dtype is not dtype:
                    gi = conform(gi, shape, dtype, entry)
                parts = pending.get(parent)
                if parts is None:
                    pending[parent] = parts = [None] * len(parent.outputs)
                    heappush(heap, (-parent.index, parent))
                parts[i] = gi if parts[i] is None else _sum(parts[i], gi)
                continue
            if type(gi) is not array_type or gi.shape != parent.shape or gi.dtype is not parent.dtype:
                if gi.__class__ is not Rows:
                    gi = conform(gi, parent.shape, parent.dtype, entry)
                elif (
                    looking
                    or capture
                    or parent.index
                    or parent in done
                    or parent.hooks
                    or parent.grad is not None
                ):
                    gi = gi.whole()  # only a leaf's first gradient, which nobody waits for, stays a few rows
            if looking:
                _look_for_nan(gi, entry)
            if parent.index:
                before = pending.get(parent)
                if before is None:
                    if parent.operation is PICK and not (capture or parent.hooks or parent.retained):
                        maker = parent.parents[0]  # at once: a pick takes its gradient there and no more
                        if parent.masked:
                            maker.masked = 1
                        parts = pending.get(maker)
                        if parts is None:
                            pending[maker] = parts = [None] * len(maker.outputs)
                            heappush(heap, (-maker.index, maker))
                        i = parent.number
                        parts[i] = gi if parts[i] is None else _sum(parts[i], gi)
                        continue
                    pending[parent] = gi
                    if ahead is None:
                        ahead = parent
                    else:
                        heappush(heap, (-parent.index, parent))
                    continue
                gradients = pending
            else:
                before = done.get(parent)
                if before is None:
                    done[parent] = gi
                    if gi is g or gi.__class__ is not array_type or gi.base is not None:
                        shared.add(parent)
                    continue
                gradients = done
                shared.discard(parent)
                if before.__class__ is Rows:
                    before = before.whole()
            if parent in summed and type(gi) is array_type:
                quietly(add_to, before, gi)
            elif create_graph:
                gradients[parent] = before + gi
            else:
                total = quietly(np.add, before, gi)
                gradients[parent] = total if total.__class__ is array_type else np.asarray(total)
                summed.add(parent)
        if not retain_graph:
            entry.saved = None
    return done, shared


def _slow_rule(operation: Operation, rule: Any, g: Any, saved: tuple[Any, ...]) -> Any:
    """A rule run from any thread, or on batches: the plain one where a raw one can't do that."""
    try:
        return again(operation.elementwise, rule, g, *saved)
    except BatchingError:
        plain = operation.vjps[operation.raw.index(rule)]
        if plain is rule or plain is None:
            raise
        return again(operation.elementwise, plain, g, *saved)


def _joint_rules(operation: Operation, g: Any, needs: Any, saved: tuple[Any, ...]) -> Any:
    try:
        return quietly(operation.raw_joint, g, needs, *saved)  # type: ignore[arg-type]
    except BatchingError:
        assert operation.joint is not None
        return again(False, operation.joint, g, needs, *saved)


def add_to(total: Array, g: Array) -> None:
    """Add a gradient to a sum of ours, in place."""
    np.add(total, g, out=total)


def _sum(a: Any, b: Any) -> Any:
    """The sum of two gradients, Tensors or ndarrays."""
    if isinstance(a, Tensor):
        return a + b
    total = quietly(np.add, a, b)
    return total if isinstance(total, np.ndarray) else np.asarray(total)


def _below_mask(entry: Entry, g: Any, gi: Any, parent: Node, since: int) -> Any:
    """``gi``, with zeros where a rule made NaN of a zero in ``g``: 0 * inf below a ``where``.

    The branch that ``where`` did not choose then contributes nothing, not even NaN. In the entries that a
    rule records under ``create_graph`` the zero can be the other factor too.
    """
    if parent.index and not parent.masked:  # type: ignore[union-attr]
        parent.masked = 1  # type: ignore[union-attr]
    if gi.__class__ is tuple or g.__class__ is tuple:
        return gi
    if gi.__class__ is Rows:
        gi = gi.whole()
    if isinstance(gi, Tensor):
        pending = [gi._node]
        while pending:
            node = pending.pop()
            if isinstance(node, Entry) and node.index > since and node.masked < 2:
                node.masked = 2
                pending.extend(node.parents)
        array, seed = gi._array, g._array
    else:
        array, seed = gi, g
    total = quietly(np.add.reduce, array, None)  # NaN if an element is, or if infinities cancel
    if wholly(total == total):
        return gi
    if entry.operation.elementwise and seed.shape == array.shape:
        zero = (seed == 0) | np.isinf(seed) if entry.masked == 2 else seed == 0
        return np.where(np.isnan(array) & zero, 0, gi)
    if is_batched(seed):
        return np.where(np.isnan(array) & ~seed.any(), 0, gi)
    return gi if seed.any() else np.where(np.isnan(array), 0, gi)


def as_tensors(entry: Entry, saved: tuple[Any, ...]) -> tuple[Any, ...]:
    """The saved output and inputs as Tensors at their places on the tape, for a gradient that is recorded."""
    count = 1 + len(entry.parents)
    values = list(saved)
    if entry.outputs is not None and values[0] is not None:
        values[0] = tuple(_at(y, picked(entry, i)) for i, y in enumerate(values[0]))
    elif values[0] is not None:
        values[0] = _at(values[0], entry)
    for i in range(1, count):
        if isinstance(values[i], np.ndarray):
            values[i] = _at(values[i], entry.parents[i - 1])
    return tuple(values)


def _at(array: Array, node: Node | None) -> Tensor:
    out = new_tensor(Tensor)
    out._array = array
    out._node = node
    return out


def _look_for_nan(g: Any, entry: Entry) -> None:
    array = g._array if isinstance(g, Tensor) else g
    # A sum is NaN if an element is (or if infinities cancel: then look closer); one pass, no temporary.
    if not wholly(~np.isnan(quietly(np.add.reduce, array, None))) and np.isnan(array).any():
        raise RuntimeError(
            f"Function '{entry.name()}' returned nan values in its gradient. The operation was recorded "
            f"at {source_of(entry)}" + (f" in {entry.module_path}" if entry.modules else "")
        )


def replayed_twice(entry: Entry) -> RuntimeError:
    """The error for an entry whose saved arrays are gone."""
    return RuntimeError(
        "Trying to backward through the graph a second time (or to use saved values after they were freed): "
        f"the arrays saved by {source_of(entry)} are released when backward() has replayed them. "
        "Specify retain_graph=True in the first backward() or grad() call if you need the graph again."
    )


def reachable(roots: Iterable[Node]) -> list[Node]:
    """The nodes that ``roots`` depend on, in decreasing index (leaves left out)."""
    heap = [(-n.index, n) for n in set(roots) if n.index]
    heapify(heap)
    seen = {n for _, n in heap}
    order: list[Node] = []
    while heap:
        node = heappop(heap)[1]
        order.append(node)
        for p in node.parents:
            if p is not None and p.index and p not in seen:
                seen.add(p)
                heappush(heap, (-p.index, p))
    return order


def _reached(roots: Sequence[tuple[Node, Any]], within: frozenset[Node] | None) -> set[Node]:
    """The nodes whose gradient the replay of ``roots`` computes."""
    nodes = set(reachable(n for n, _ in roots))
    nodes.update([p for n in nodes for p in n.parents if p is not None])
    nodes.update([n for n, _ in roots])
    return nodes if within is None else nodes & within
