"""Fresh places on the tape: what a function is differentiated by, and what of the results outlives that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autotape.engine.backward import gradients
from autotape.engine.operation import Operation, place
from autotape.engine.tape import Node, Tape, current_tape, on_tape, recording, start_tape
from autotape.engine.tensor import Tensor
from autotape.func._trees import Spec, flatten, unflatten

__all__: list[str] = []

_VARIABLE = Operation("variable", lambda x: x, lambda g, _y, _x: g)


def _recording_tape() -> Tape | None:
    try:
        return recording.get()
    except LookupError:
        return start_tape()


def same_place(x: Tensor) -> Tensor:
    """Another tensor on the memory and at the place of ``x``."""
    out = Tensor._wrap(x._array)
    out._node = x._node
    return out


class Places:
    """The fresh places that one call of a transform differentiates by.

    Each is an entry of its own, so derivatives taken inside of others never mix. What depends on nothing else
    that requires grad leaves the transform without a place.
    """

    def __init__(self) -> None:
        self.outer = _recording_tape() is not None
        self.own: set[Node] = set()
        self.running = False  # while the function runs: others see its tensors as requiring grad

    def variable(self, x: Tensor) -> Tensor:
        """The tensor, on the same memory, at a place of its own; RuntimeError unless it is floating point."""
        if x._array.dtype.kind not in "fc":
            raise RuntimeError(
                f"only Tensors of floating point and complex dtype can require gradients, not {x.dtype}"
            )
        out = Tensor._wrap(x._array)
        node = x._node if self.outer else None
        out._node = entry = place(current_tape(), _VARIABLE, x._array, (node,), (None, None))
        entry.transform = self  # type: ignore[attr-defined]
        self.own.add(entry)
        return out

    def variables(self, tree: Any) -> tuple[Any, list[Tensor], Spec]:
        """The tree with fresh tensors, others at the same places (a write moves the first), the structure."""
        leaves, spec = flatten(tree)
        for x in leaves:
            if not isinstance(x, Tensor):
                raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
        fresh = [self.variable(x) for x in leaves]
        return unflatten(list(fresh), spec), [same_place(x) for x in fresh], spec

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call ``function`` with gradients on."""
        self.running = True
        try:
            return on_tape(current_tape(), lambda: function(*args, **kwargs))
        finally:
            self.running = False

    def escapes(self, tensors: Sequence[Tensor | None]) -> bool:
        """Whether one of the tensors depends on something outside that requires grad."""
        pending = [t._node for t in tensors if t is not None and t._node is not None]
        seen = set(pending)
        while pending:
            node = pending.pop()
            parents = [p for p in node.parents if p is not None]
            if not parents and node not in self.own:
                transform = getattr(node, "transform", None)
                if transform is None or transform.running:
                    return True
            for p in parents:
                if p not in seen:
                    seen.add(p)
                    pending.append(p)
        return False

    def leave(self, x: Any) -> Any:
        """A tensor as it is seen outside: without its place if that is one of this call's only."""
        if not isinstance(x, Tensor) or x._node is None:
            return x
        return x if self.outer and self.escapes((x,)) else x.detach()

    def gradients(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor],
        seeds: Sequence[Tensor | None],
        create_graph: bool | None = None,
    ) -> tuple[Tensor, ...]:
        """The products of ``seeds`` with the derivatives of ``outputs`` by ``inputs``; recorded if asked for.

        By default they are recorded, and keep their places, where something outside requires grad.
        """
        pairs = [(y, s) for y, s in zip(outputs, seeds, strict=True) if y._node is not None]
        graph = create_graph
        if graph is None:
            graph = _recording_tape() is not None and self.escapes([t for pair in pairs for t in pair])
        ys, given = [y for y, _ in pairs], [s for _, s in pairs]
        found = gradients(ys, inputs, given, True, graph, True, True)
        if create_graph:
            return found  # type: ignore[return-value]
        return tuple([self.leave(g) for g in found])
