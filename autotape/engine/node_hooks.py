"""Hooks on a node of the tape: ``grad_fn.register_hook`` and ``grad_fn.register_prehook``.

The hooked entry gets an operation of its own whose rule calls the hooks around the original's rules, so an
entry without hooks pays nothing.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from autotape.engine.conform import conform
from autotape.engine.operation import Operation
from autotape.engine.tape import AccumulateGrad, Entry, on_tape, quietly
from autotape.engine.tensor import RemovableHandle, Tensor

__all__ = ["HookedOperation", "hook_leaf", "hooks_of"]

Hook = Callable[..., Any]


class HookedOperation(Operation):
    """An operation whose rule calls hooks before and after the rules of ``inner``."""

    def __init__(self, entry: Entry) -> None:
        inner = entry.operation
        super().__init__(
            inner.name,
            inner.forward,
            joint=partial(_rule_of, weakref.ref(self)),
            view=inner.view,
            elementwise=inner.elementwise,
            masks=inner.masks,
            python=True,
        )
        self.inner = inner
        self.before: list[Hook | None] = []
        self.after: list[Hook | None] = []
        self._entry = weakref.ref(entry)  # the entry holds this operation

    def rule(self, g: Any, needs: Sequence[bool], *saved: Any) -> list[Any]:
        """The joint rule: hooks, the rules of ``inner``, hooks."""
        entry = self._entry()
        assert entry is not None
        several = entry.outputs is not None
        parts = tuple(g) if several else (g,)
        recorded = any(isinstance(p, Tensor) for p in parts)
        outputs = tuple([_tensor(p) for p in parts])
        for hook in list(self.before):
            result = _call(hook, recorded, outputs)
            if result is not None:
                outputs = _replacement(result, outputs, hook, entry)
        parts = outputs if recorded else tuple([None if t is None else t._array for t in outputs])
        g = parts if several else parts[0]
        inputs = tuple(
            [
                None if p is None or gi is None else _tensor(conform(gi, p.shape, p.dtype, entry))
                for p, gi in zip(entry.parents, self._gradients(g, needs, saved, recorded), strict=False)
            ]
        )
        for hook in list(self.after):
            result = _call(hook, recorded, inputs, outputs)
            if result is not None:
                inputs = _replacement(result, inputs, hook, entry)
        # A view tells the replay that somebody else may hold the memory.
        return [None if t is None else t if recorded else t._array.view() for t in inputs]

    def _gradients(self, g: Any, needs: Sequence[bool], saved: Any, recorded: bool) -> Sequence[Any]:
        inner = self.inner
        joint = inner.joint if recorded else inner.raw_joint
        if joint is not None:
            direct = recorded or inner.python
            return (  # type: ignore[no-any-return]
                joint(g, needs, *saved) if direct else quietly(joint, g, needs, *saved)
            )
        rules = inner.vjps if recorded else inner.raw
        return [
            None if rule is None or not needed else rule(g, *saved) if recorded else quietly(rule, g, *saved)
            for rule, needed in zip(rules, needs, strict=False)
        ]


def _rule_of(operation: weakref.ref[HookedOperation], *args: Any) -> list[Any]:
    found = operation()
    assert found is not None  # it is being replayed
    return found.rule(*args)


def _tensor(g: Any) -> Tensor | None:
    return g if g is None or isinstance(g, Tensor) else Tensor._wrap(g)


def _call(hook: Hook | None, recorded: bool, *args: Any) -> Any:
    if hook is None:
        return None
    return hook(*args) if recorded else on_tape(None, hook, *args)


def _replacement(result: Any, old: tuple[Tensor | None, ...], hook: Any, entry: Entry) -> Any:
    """What a hook returned, if it can stand for the gradients ``old``."""
    new = result if isinstance(result, tuple) else (result,)
    name = getattr(hook, "__name__", type(hook).__name__)
    if len(new) != len(old):
        raise RuntimeError(
            f"hook '{name}' of {entry.name()} has returned an incorrect number of values (got {len(new)}, "
            f"but expected {len(old)})"
        )
    for a, b in zip(new, old, strict=True):
        if a is None:
            continue
        if not isinstance(a, Tensor):
            raise TypeError(f"hook '{name}' of {entry.name()} must return Tensors, not {type(a).__name__}")
        if b is not None and a._array.shape != b._array.shape:
            raise RuntimeError(
                f"hook '{name}' of {entry.name()} has changed the size of a gradient: "
                f"{list(a._array.shape)} for {list(b._array.shape)}"
            )
        if b is not None and a._array.dtype != b._array.dtype:
            raise RuntimeError(
                f"hook '{name}' of {entry.name()} has changed the type of a gradient: {a.dtype} for {b.dtype}"
            )
    return new


def hooks_of(entry: Entry) -> HookedOperation:
    """The operation of ``entry`` with hooks, made if it has none yet."""
    if not isinstance(entry.operation, HookedOperation):
        entry.operation = HookedOperation(entry)
    return entry.operation


def hook_leaf(node: AccumulateGrad, hook: Hook) -> RemovableHandle:
    """Call ``hook((), (grad,))`` after ``grad`` was accumulated into a leaf."""
    arrived: list[Tensor] = []
    if node.hooks is None:
        node.hooks = []
    if node.post_hooks is None:
        node.post_hooks = []

    def after() -> None:
        hook((), (arrived.pop(),))

    first = RemovableHandle(node.hooks, lambda g: arrived.__setitem__(slice(None), [g]))
    return _Both(node.post_hooks, after, first)


class _Both(RemovableHandle):
    """A handle that removes another one too."""

    def __init__(self, hooks: list[Hook | None], hook: Hook, other: RemovableHandle) -> None:
        super().__init__(hooks, hook)
        self._other = other

    def remove(self) -> None:
        """Take both hooks away."""
        super().remove()
        self._other.remove()
