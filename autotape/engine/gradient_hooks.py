"""Hooks on the gradients of tensors, as the replay and the accumulation in leaves call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.operation import CAST, apply
from autotape.engine.tape import Entry, Node, on_tape
from autotape.engine.tensor import Tensor

__all__ = ["as_tensor", "call_hook", "own", "run_hooks"]


def as_tensor(g: Any) -> Tensor:
    """A gradient as a hook gets it."""
    return g if isinstance(g, Tensor) else Tensor._wrap(g)


def run_hooks(
    node: Node, g: Any, create_graph: bool, run: dict[Node, Any], reached: Callable[[], set[Node]]
) -> Any:
    """Hooks on a tensor's gradient, then ``retain_grad``.

    A hook on several tensors is also told the replay ``run`` and, when it asks, the nodes it reaches.
    """
    for hook in list(node.hooks or ()):
        if hook is not None:
            # A hook may write into what it is given.
            value = as_tensor(g.copy() if isinstance(g, np.ndarray) else g)
            several = getattr(hook, "seen", None)
            if several is not None:
                call_hook(several, create_graph, value, node, run, reached)
                continue
            result = call_hook(hook, create_graph, value)
            if result is not None:
                g = _checked(result, node, hook)
                g = g if create_graph else g._array
    cell = node.retained if isinstance(node, Entry) else None
    if cell is not None:
        kept = own(g)
        cell.grad = kept if cell.grad is None else cell.grad + kept
    return g


def call_hook(hook: Callable[..., Any], create_graph: bool, *args: Any) -> Any:
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


def own(g: Any) -> Tensor:
    """A gradient in memory of its own; one that is on the tape is copied by a recorded operation."""
    if isinstance(g, Tensor):
        return apply(CAST, (g,), g._array.dtype)  # type: ignore[no-any-return]
    return Tensor._wrap(g.copy())
