"""The recorded graph in the user's hands: nodes, edges, hooks on saved tensors and on several gradients."""

from __future__ import annotations

import contextlib
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar, Token
from typing import Any, Literal, NamedTuple

import numpy as np

from autotape.engine.packing import HookPair, SavedHooks, saving, watch
from autotape.engine.tape import AccumulateGrad, Entry, writes
from autotape.engine.tensor import RemovableHandle, Tensor

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


# --- nodes and edges ----------------------------------------------------------------------------------------


class Node(ABC):
    """A node of the recorded graph, as ``tensor.grad_fn`` gives it: an entry of the tape, or a leaf's end.

    >>> import autotape as at
    >>> x = at.ones(2, requires_grad=True)
    >>> node = (x * 2).grad_fn
    >>> isinstance(node, at.autograd.graph.Node), node.name(), node.next_functions[0][0].name()
    (True, 'MulBackward0', 'AccumulateGrad')
    """

    @abstractmethod
    def name(self) -> str:
        """PyTorch's name of the node: ``MulBackward0``."""

    @property
    @abstractmethod
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """For each input its node (None: no gradient) and the number of that node's output."""

    @property
    @abstractmethod
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for the user's notes."""

    @abstractmethod
    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_inputs, grad_outputs)`` after the node's gradients were computed.

        A tuple that it returns replaces ``grad_inputs``.
        """

    @abstractmethod
    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_outputs)`` before; a tuple that it returns replaces ``grad_outputs``."""


Node.register(Entry)
Node.register(AccumulateGrad)


class GradientEdge(NamedTuple):
    """A place where a gradient flows: ``inputs`` of ``autograd.grad`` may be edges instead of tensors."""

    node: Any
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge at which the gradient of ``tensor`` is computed; the tensor itself may be given up.

    RuntimeError if it does not require grad.

    >>> import autotape as at
    >>> x = at.ones(2, requires_grad=True)
    >>> edge = at.autograd.graph.get_gradient_edge(x)
    >>> at.autograd.grad((x * 3).sum(), edge)
    (tensor([3., 3.]),)
    """
    if tensor._node is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    return GradientEdge(tensor._node, tensor._node.number)


def edge_tensor(edge: GradientEdge) -> Tensor:
    """A tensor of no memory at the place of an edge."""
    out = Tensor._wrap(np.broadcast_to(np.zeros((), edge.node.dtype), edge.node.shape))
    out._node = edge.node
    return out


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Tell autograd that the memory of ``tensor`` (or of several) was changed behind its back.

    >>> import autotape as at
    >>> x = at.ones(2)
    >>> at.autograd.graph.increment_version(x); x._version
    1
    """
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        writes.note(t._array, "increment_version")


# --- hooks on saved tensors ---------------------------------------------------------------------------------

_disabled: ContextVar[str | None] = ContextVar("autotape.saved_tensors_hooks_disabled", default=None)


class Saving:
    """Sets a pair of hooks for the time of a ``with`` block."""

    def __init__(self, hooks: SavedHooks) -> None:
        self._hooks = hooks
        self._tokens: list[Token[SavedHooks | None]] = []

    def __enter__(self) -> None:
        message = _disabled.get()
        if message is not None:
            raise RuntimeError(message)
        self._tokens.append(saving.set(self._hooks))
        watch(1)

    def __exit__(self, *exc: object) -> None:
        watch(-1)
        saving.reset(self._tokens.pop())


class saved_tensors_hooks(Saving):
    """Inside the ``with`` block, hand every tensor saved for backward to a pair of functions of yours.

    ``pack_hook(tensor)`` returns anything; the tape keeps that in the tensor's place. ``unpack_hook(value)``
    returns the tensor, with the same values, when backward needs it. Both run without recording. The
    innermost pair counts. A pack hook must not change its argument, and should copy what it keeps if that is
    written in place later (else backward raises).

    >>> import autotape as at
    >>> x = at.tensor([1.0, 2.0], requires_grad=True)
    >>> with at.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(force=True).tolist(), at.tensor):
    ...     y = (x * x).sum()
    >>> y.backward(); x.grad
    tensor([2., 4.])
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        for name, hook in (("pack_hook", pack_hook), ("unpack_hook", unpack_hook)):
            if not callable(hook):
                raise TypeError(f"saved_tensors_hooks: {name} must be callable, not {type(hook).__name__}")
        super().__init__(HookPair(pack_hook, unpack_hook))


class save_on_cpu(Saving):
    """Keep saved tensors as copies on the CPU. Here they lie there anyway: only the copying remains.

    >>> import autotape as at
    >>> x = at.tensor([3.0], requires_grad=True)
    >>> with at.autograd.graph.save_on_cpu():
    ...     y = x * x
    >>> y.backward(); x.grad
    tensor([6.])
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cpu") -> None:
        super().__init__(HookPair(lambda t: t._array.copy(), Tensor._wrap))


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """Inside, tensors may be changed in place after they were saved: the tape keeps copies of all of them.

    (PyTorch copies when the change comes; here everything saved is copied at once, which takes its memory.)

    >>> import autotape as at
    >>> x = at.ones(2, requires_grad=True)
    >>> with at.autograd.graph.allow_mutation_on_saved_tensors():
    ...     y = x * 1
    ...     z = (y * y).sum()
    ...     _ = y.add_(10)
    ...     z.backward()
    >>> x.grad
    tensor([2., 2.])
    """
    with save_on_cpu():
        yield


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Inside, setting saved_tensors_hooks is a RuntimeError with this message.

    >>> import autotape as at
    >>> with at.autograd.graph.disable_saved_tensors_hooks("not in here"):
    ...     at.autograd.graph.save_on_cpu().__enter__()
    Traceback (most recent call last):
        ...
    RuntimeError: not in here
    """
    if saving.get() is not None:
        raise RuntimeError(error_message)
    token = _disabled.set(error_message)
    try:
        yield
    finally:
        _disabled.reset(token)


# --- hooks on several gradients -----------------------------------------------------------------------------


class _MultiHook:
    """The hook that each of several tensors gets; see :meth:`seen`."""

    def __init__(self, nodes: list[Any], fn: Callable[..., Any], mode: str) -> None:
        self._nodes = [weakref.ref(n) for n in nodes]  # they hold this hook
        self._fn = fn
        self._mode = mode
        self._now = threading.local()  # a backward runs in one thread

    def seen(self, grad: Tensor, node: Any, run: dict[Any, Any], reached: Callable[[], set[Any]]) -> None:
        """The gradient of ``node`` is known in the replay ``run``, which reaches the nodes ``reached()``."""
        now = self._now
        if getattr(now, "run", None) is not run:
            now.run = run
            wanted = reached()
            now.missing = {n for ref in self._nodes if (n := ref()) in wanted} | {node}
            now.grads = {}
            if self._mode == "any":
                self._fn(grad)
        now.grads[node] = grad
        now.missing.discard(node)
        if not now.missing:
            grads = [now.grads.get(ref()) for ref in self._nodes]
            now.run = now.grads = None
            if self._mode == "all":
                self._fn(grads)


class _Handles:
    """Removes a hook from all its tensors."""

    def __init__(self, handles: list[RemovableHandle]) -> None:
        self._handles = handles

    def remove(self) -> None:
        """Take the hook away."""
        for handle in self._handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[..., None], *, mode: Literal["all", "any"] = "all"
) -> Any:
    """Call ``fn`` once per backward, with the gradients of several tensors.

    ``mode="all"``: ``fn(grads)`` when all those that this backward computes are known, a list with None for
    the others. ``mode="any"``: ``fn(grad)`` with the first one. Returns a handle to remove the hook.

    >>> import autotape as at
    >>> a, b = at.ones(1, requires_grad=True), at.ones(1, requires_grad=True)
    >>> handle = at.autograd.graph.register_multi_grad_hook((a, b), print)
    >>> (a * 2 + b * 3).backward()
    [tensor([2.]), tensor([3.])]
    >>> handle.remove()
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    for i, t in enumerate(tensors):
        if t._node is None:
            raise RuntimeError(
                f"cannot register a hook on a tensor that doesn't require gradient: tensors[{i}]"
            )
    hook = _MultiHook([t._node for t in tensors], fn, mode)
    return _Handles([t.register_hook(_for_one(hook)) for t in tensors])


def _for_one(hook: _MultiHook) -> Any:
    """The hook for one tensor: the replay gives it what it needs by ``seen``."""

    def call(grad: Tensor) -> None:
        raise AssertionError("called by the replay through seen")

    call.seen = hook.seen  # type: ignore[attr-defined]
    return call
