"""Replaying the tape in reverse: the one loop behind ``backward()`` and ``grad()``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from autotape.engine.batched import again, batched, is_batched, unbatched, wholly
from autotape.engine.levels import BatchedShape, BatchingError, levels, over_levels
from autotape.engine.operation import CAST, Operation, apply, picked
from autotape.engine.tape import (
    Entry,
    Node,
    current_tape,
    on_tape,
    quietly,
    recording,
    run_quietly,
    source_of,
    tick,
    writes,
)
from autotape.engine.tensor import Tensor, new_tensor

__all__ = ["backward", "backward_of", "gradients", "replay"]

Array = np.ndarray[Any, Any]


class _Anomaly:
    """Whether backward looks for NaN (``autograd.set_detect_anomaly``); process-wide, as in PyTorch."""

    enabled = False
    check_nan = True


anomaly = _Anomaly()
# Whether the gradients of some tensors only are computed: a reentrant checkpoint can't tell which those are.
restricted: ContextVar[bool] = ContextVar("autotape.restricted", default=False)
_deposit_lock = threading.Lock()  # two threads may accumulate into one leaf
_ONES = {np.dtype(d): np.ones((), d) for d in (np.float16, np.float32, np.float64)}
for _one in _ONES.values():
    _one.flags.writeable = False


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
    heap: list[tuple[int, Any]] = []  # entries by decreasing index
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

    while heap:
        entry = heappop(heap)[1]
        g = pending.pop(entry)
        saved, parents = entry.saved, entry.parents
        if entry.hooks is not None or entry.retained is not None:
            g = _run_hooks(entry, g, create_graph, done, partial(_reached, roots, within))
        if capture and entry in capture:
            done[entry] = g
            shared.add(entry)
            if within is not None and not any(p in within for p in parents):
                continue  # nothing below it is wanted: it is not replayed, and stays for a later backward
        if saved is None:
            if entry.packed is None:
                raise _replayed_twice(entry)
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
            saved = _as_tensors(entry, saved)
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
                gi = conform(gi, parent.shape, parent.dtype, entry)
            if looking:
                _look_for_nan(gi, entry)
            if parent.index:
                before = pending.get(parent)
                if before is None:
                    pending[parent] = gi
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
            if parent in summed and type(gi) is array_type:
                quietly(_add_to, before, gi)
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


def _add_to(total: Array, g: Array) -> None:
    np.add(total, g, out=total)


def _sum(a: Any, b: Any) -> Any:
    """The sum of two gradients, Tensors or ndarrays."""
    if isinstance(a, Tensor):
        return a + b
    total = quietly(np.add, a, b)
    return total if isinstance(total, np.ndarray) else np.asarray(total)


def _sum_over(g: Array, axes: tuple[int, ...]) -> Array:
    # add.reduce skips the Python layer of ndarray.sum (1.5 us of 3).
    return np.add.reduce(g, axis=axes, keepdims=True)


def _below_mask(entry: Entry, g: Any, gi: Any, parent: Node, since: int) -> Any:
    """``gi``, with zeros where a rule made NaN of a zero in ``g``: 0 * inf below a ``where``.

    The branch that ``where`` did not choose then contributes nothing, not even NaN. In the entries that a
    rule records under ``create_graph`` the zero can be the other factor too.
    """
    if parent.index and not parent.masked:  # type: ignore[union-attr]
        parent.masked = 1  # type: ignore[union-attr]
    if gi.__class__ is tuple or g.__class__ is tuple:
        return gi
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


def conform(g: Any, shape: tuple[int, ...], dtype: np.dtype[Any], entry: Entry) -> Any:
    """Undo broadcasting and promotion: the gradient in its input's shape and dtype."""
    if isinstance(g, Tensor):
        if is_batched(g._array) or shape.__class__ is BatchedShape:
            g = _on_levels(g, shape)
        if g._array.shape != shape:
            g = sum_to(g, shape, entry)
        if g._array.dtype is not dtype:
            if dtype.kind != "c" and g._array.dtype.kind == "c":
                g = g.real
            g = apply(CAST, (g,), dtype)
        return g
    if not isinstance(g, np.ndarray):
        g = np.asarray(g)
    if is_batched(g) or shape.__class__ is BatchedShape:
        g = _on_levels(g, shape)
    if g.shape != shape:
        g = sum_to(g, shape, entry)
    if g.dtype is not dtype:
        if dtype.kind != "c" and g.dtype.kind == "c":
            g = g.real
        g = quietly(g.astype, dtype)
    return g


# A value that all examples of a vmap share was broadcast to them: its gradient is the sum over the batch.


def _sum_batch(g: Any, level: Any) -> Any:
    total = np.add.reduce(unbatched(g, level), axis=0)
    return total if isinstance(total, np.ndarray) else np.asarray(total)


def _repeat_batch(g: Any, level: Any) -> Any:
    return batched(np.broadcast_to(g, (level.size, *g.shape)), level)


_SUM_BATCH = Operation("sum_batch", _sum_batch, lambda g, _y, _x, level: _share(g, level))
_REPEAT_BATCH = Operation("repeat_batch", _repeat_batch, lambda g, _y, _x, level: _total(g, level))


def _total(g: Any, level: Any) -> Any:
    return apply(_SUM_BATCH, (g,), level) if isinstance(g, Tensor) else quietly(_sum_batch, g, level)


def _share(g: Any, level: Any) -> Any:
    return apply(_REPEAT_BATCH, (g,), level) if isinstance(g, Tensor) else _repeat_batch(g, level)


def _on_levels(g: Any, shape: tuple[int, ...]) -> Any:
    """The gradient, batched at those levels at which its value (of that shape) is.

    While a vmap is running, a gradient is that of each example, and stays so.
    """
    wanted = over_levels(shape)
    found = over_levels(g._array if isinstance(g, Tensor) else g)
    for level in found:
        if level not in wanted and not level.active:
            g = _total(g, level)
    for level in wanted:
        if level not in found and not level.active:
            g = _share(g, level)
    return g


def sum_to(g: Any, shape: tuple[int, ...], entry: Entry) -> Any:
    """The adjoint of broadcasting from ``shape``: the sum over the dimensions that were stretched."""
    extra = g.ndim - len(shape)
    stretched = (
        tuple(i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1)
        if extra >= 0
        else ()
    )
    if extra >= 0 and all(n in (1, g.shape[i + extra]) for i, n in enumerate(shape)):
        if isinstance(g, Tensor):
            return g.sum(tuple(range(extra)) + stretched, keepdim=True).reshape(shape)
        axes = tuple(range(extra)) + stretched
        return quietly(_sum_over, g, axes).reshape(shape)
    if extra <= 0 and all(n in (1, m) for n, m in zip(reversed(g.shape), reversed(shape))):
        return (
            g + Tensor._wrap(np.zeros(shape, g._array.dtype))
            if isinstance(g, Tensor)
            else np.broadcast_to(g, shape)
        )
    raise RuntimeError(
        f"Function {entry.name()} returned an invalid gradient: got shape {list(g.shape)} but expected a "
        "shape compatible "
        f"with {list(shape)} ({source_of(entry)})"
    )


def _as_tensors(entry: Entry, saved: tuple[Any, ...]) -> tuple[Any, ...]:
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


def _tensor(g: Any) -> Tensor:
    return g if isinstance(g, Tensor) else Tensor._wrap(g)


def _run_hooks(
    node: Node, g: Any, create_graph: bool, run: dict[Node, Any], reached: Callable[[], set[Node]]
) -> Any:
    """Hooks on a tensor's gradient, then ``retain_grad``.

    A hook on several tensors is also told the replay ``run`` and, when it asks, the nodes it reaches.
    """
    for hook in list(node.hooks or ()):
        if hook is not None:
            # A hook may write into what it is given.
            value = _tensor(g.copy() if isinstance(g, np.ndarray) else g)
            several = getattr(hook, "seen", None)
            if several is not None:
                _call(several, create_graph, value, node, run, reached)
                continue
            result = _call(hook, create_graph, value)
            if result is not None:
                g = _checked(result, node, hook)
                g = g if create_graph else g._array
    cell = node.retained if isinstance(node, Entry) else None
    if cell is not None:
        kept = _own(g)
        cell.grad = kept if cell.grad is None else cell.grad + kept
    return g


def _call(hook: Callable[..., Any], create_graph: bool, *args: Any) -> Any:
    """Call a hook; what it computes is recorded under ``create_graph`` only."""
    return hook(*args) if create_graph else on_tape(None, hook, *args)


def _checked(result: Any, node: Node, hook: Callable[..., Any]) -> Tensor:
    """What a hook returned, if it can stand for the gradient of ``node``."""
    name = getattr(hook, "__name__", type(hook).__name__)
    if not isinstance(result, Tensor):
        raise TypeError(f"hook '{name}' must return a Tensor or None, not {type(result).__name__}")
    if result._array.shape != node.shape:
        raise RuntimeError(
            f"hook '{name}' has changed the size of the gradient: {list(result._array.shape)} for "
            f"{list(node.shape)}"
        )
    if result._array.dtype != node.dtype:
        raise RuntimeError(
            f"hook '{name}' has changed the type of the gradient: {result._array.dtype} for {node.dtype}"
        )
    return result


def _own(g: Any) -> Tensor:
    """A gradient in memory of its own; one that is on the tape is copied by a recorded operation."""
    if isinstance(g, Tensor):
        return apply(CAST, (g,), g._array.dtype)  # type: ignore[no-any-return]
    return Tensor._wrap(g.copy())


def _look_for_nan(g: Any, entry: Entry) -> None:
    array = g._array if isinstance(g, Tensor) else g
    # A sum is NaN if an element is (or if infinities cancel: then look closer); one pass, no temporary.
    if not wholly(~np.isnan(quietly(np.add.reduce, array, None))) and np.isnan(array).any():
        raise RuntimeError(
            f"Function '{entry.name()}' returned nan values in its gradient. The operation was recorded "
            f"at {source_of(entry)}" + (f" in {entry.module_path}" if entry.modules else "")
        )


def _replayed_twice(entry: Entry) -> RuntimeError:
    return RuntimeError(
        "Trying to backward through the graph a second time (or to use saved values after they were freed): "
        f"the arrays saved by {source_of(entry)} are released when backward() has replayed them. "
        "Specify retain_graph=True in the first backward() or grad() call if you need the graph again."
    )


def _seed(output: Tensor, gradient: Any, create_graph: bool, where: str) -> Any:
    """The gradient that starts the replay at ``output``."""
    array = output._array
    if gradient is None:
        if array.size != 1:
            raise RuntimeError(
                f"grad can be implicitly created only for scalar outputs: {where} was called on a tensor "
                "of shape "
                f"{list(array.shape)}; call .sum() or .mean() first, or pass gradient= of that shape"
            )
        if array.dtype.kind == "c":
            raise RuntimeError(
                f"grad can be implicitly created only for real scalar outputs but got {output.dtype}; "
                "pass gradient="
            )
        one = _ONES.get(array.dtype)
        g = one if one is not None and array.ndim == 0 else np.ones_like(array)
        return Tensor._wrap(g) if create_graph else g
    if not isinstance(gradient, Tensor):
        if not isinstance(gradient, np.ndarray):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
        gradient = Tensor._from_array(gradient)
    if gradient._array.shape != array.shape:
        raise RuntimeError(
            f"Mismatch in shape: gradient has a shape of {list(gradient._array.shape)} and the output has "
            "a shape of "
            f"{list(array.shape)}"
        )
    if gradient._array.dtype.kind == "c" and array.dtype.kind != "c":
        raise RuntimeError(f"gradient is {gradient.dtype} but the output is {output.dtype}")
    if gradient._array.dtype != array.dtype:
        gradient = apply(CAST, (gradient,), array.dtype)
    return gradient if create_graph else gradient._array


def _roots(
    outputs: Sequence[Tensor], gradients: Sequence[Any], create_graph: bool, where: str
) -> list[tuple[Node, Any]]:
    if len(outputs) != len(gradients):
        raise RuntimeError(f"{where}: got {len(outputs)} tensors and {len(gradients)} gradients")
    roots: list[tuple[Node, Any]] = []
    for output, gradient in zip(outputs, gradients):
        if output._node is None:
            raise _no_graph(len(roots))
        roots.append((output._node, _seed(output, gradient, create_graph, where)))
    return roots


def _no_graph(position: int) -> RuntimeError:
    return RuntimeError(
        f"element {position} of tensors does not require grad and does not have a grad_fn"
        + ("" if _grad_enabled() else " (gradients are off: it may have been computed under no_grad)")
    )


def _inside_vmap() -> RuntimeError:
    return RuntimeError(
        "backward() called inside a functorch transform. This is not supported, please use "
        "autotape.func.grad or autotape.func.vjp instead or call backward() outside of the transform."
    )


def _grad_enabled() -> bool:
    try:
        return recording.get() is not None
    except LookupError:
        return True


def _with_recording(create_graph: bool, call: Callable[[], Any]) -> Any:
    """Run a replay that is itself recorded, also when gradients are off outside."""
    if not create_graph or _grad_enabled():
        return call()
    return on_tape(current_tape(), call)


def backward(
    self: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Accumulate the gradient of this tensor into the ``.grad`` of the leaves it was computed from.

    The tape is replayed in reverse: with y this tensor, every leaf x gets ``x.grad += gradient * dy/dx``.

    Args:
        gradient: dL/dself, of this tensor's shape; needed unless the tensor has one element (then 1).
        retain_graph: keep the saved arrays for another backward (default: ``create_graph``).
        create_graph: record the gradient computation itself, for higher derivatives.
        inputs: accumulate into these tensors only.

    >>> import autotape as at
    >>> x = at.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward(); x.grad
    tensor([2., 4.])
    """
    if levels.stack:
        raise _inside_vmap()
    if inputs is None and not create_graph:
        # The common call, without the generality of backward_of: 2 us less on a step of 50.
        node = self._node
        if node is None:
            raise _no_graph(0)
        array = self._array
        if gradient is None and not array.ndim and array.dtype in _ONES:
            seed = _ONES[array.dtype]
        else:
            seed = _seed(self, gradient, False, "backward()")
        done, shared = replay(((node, seed),), bool(retain_graph), False)
        _deposit(done, shared, False)
    else:
        backward_of((self,), (gradient,), retain_graph, create_graph, inputs, "backward()")


def backward_of(
    tensors: Sequence[Tensor],
    gradients: Sequence[Any],
    retain_graph: bool | None,
    create_graph: bool,
    inputs: Tensor | Sequence[Tensor] | None,
    where: str,
) -> None:
    """:func:`backward` from several tensors at once."""
    if levels.stack:
        raise _inside_vmap()
    keep = create_graph if retain_graph is None else retain_graph
    roots = _roots(tensors, gradients, create_graph, where)
    capture: frozenset[Node] = frozenset()
    within = None
    if inputs is not None:
        wanted = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        if not wanted:
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        for t in wanted:
            if isinstance(t._node, Entry) and t._node.retained is None:
                t.retain_grad()
        capture = frozenset(t._node for t in wanted if t._node is not None)
        within = _leading_to(capture, roots)
        roots = [(n, g) for n, g in roots if n in within]
    token = restricted.set(inputs is not None)
    try:
        done, shared = _with_recording(
            create_graph, lambda: replay(roots, keep, create_graph, capture, within)
        )
    finally:
        restricted.reset(token)
    _with_recording(create_graph, lambda: _deposit(done, shared, create_graph))


def _deposit(gradients: dict[Any, Any], shared: set[Node], create_graph: bool) -> None:
    """Accumulate into the leaves: all of them, after the whole replay went well."""
    hooked = False
    for leaf in gradients:
        if leaf.index:
            hooked = True
            continue
        if leaf.hooks is not None:
            gradients[leaf] = _run_hooks(
                leaf, gradients[leaf], create_graph, gradients, lambda: set(gradients)
            )
            shared.add(leaf)
        if leaf.post_hooks is not None:
            hooked = True
    with _deposit_lock:
        for leaf, g in gradients.items():
            if hooked and leaf.index:
                continue  # captured on the way, with retain_grad
            before = leaf.grad
            if before is None:
                if leaf in shared or g.__class__ is Tensor:
                    leaf.grad = _own(g)
                    continue
                out = new_tensor(Tensor)  # Tensor._wrap, written out
                out._array = g
                out._node = None
                leaf.grad = out
            elif create_graph or before._node is not None:
                leaf.grad = (before if create_graph else before.detach()) + _tensor(g)
            else:
                quietly(_add_to, before._array, g)
                writes.note(before._array, "gradient accumulation")
    if hooked:
        for leaf in gradients:
            for hook in [] if leaf.index else list(leaf.post_hooks or ()):
                _call(hook, create_graph)


def _reachable(roots: Iterable[Node]) -> list[Node]:
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
    nodes = set(_reachable(n for n, _ in roots))
    nodes.update([p for n in nodes for p in n.parents if p is not None])
    nodes.update([n for n, _ in roots])
    return nodes if within is None else nodes & within


def _leading_to(targets: frozenset[Node], roots: Sequence[tuple[Node, Any]]) -> frozenset[Node]:
    """The nodes on a path from the roots to a target: what ``grad()`` has to visit."""
    leading = set(targets)
    for node in reversed(_reachable(n for n, _ in roots)):
        if any(p in leading for p in node.parents if p is not None):
            leading.add(node)
    return frozenset(leading)


def gradients(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    seeds: Sequence[Any],
    retain_graph: bool,
    create_graph: bool,
    allow_unused: bool,
    materialize: bool,
) -> tuple[Tensor | None, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``; what ``autograd.grad`` calls."""
    nodes: list[Node] = []
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor):
            raise TypeError(f"grad: inputs[{i}] must be a Tensor, not {type(x).__name__}")
        if x._node is None:
            raise RuntimeError(
                f"One of the differentiated Tensors does not require grad (inputs[{i}], {x.dtype} "
                f"{list(x.shape)})"
            )
        nodes.append(x._node)
    roots = _roots(outputs, seeds, create_graph, "grad()")
    capture = frozenset(nodes)
    within = _leading_to(capture, roots)
    roots = [(n, g) for n, g in roots if n in within]
    token = restricted.set(True)
    try:
        done, shared = _with_recording(
            create_graph, lambda: replay(roots, retain_graph, create_graph, capture, within)
        )
    finally:
        restricted.reset(token)
    results: list[Tensor | None] = []
    handed: set[Node] = set()
    for i, (x, node) in enumerate(zip(inputs, nodes)):
        g = done.get(node)
        if g is None:
            if not (allow_unused or materialize):
                raise RuntimeError(
                    f"One of the differentiated Tensors appears to not have been used in the graph "
                    f"(inputs[{i}], shape "
                    f"{list(x.shape)}). Set allow_unused=True if this is the desired behavior."
                )
            results.append(Tensor._wrap(np.zeros_like(x._array)) if materialize else None)
            continue
        if node.index == 0 and node.hooks is not None:
            g = _run_hooks(node, g, create_graph, done, lambda: set(done))
            shared.add(node)
        if not isinstance(g, Tensor):
            g = Tensor._wrap(g.copy() if node in shared or node in handed else g)
        handed.add(node)
        results.append(g)
    return tuple(results)
