"""Forward-mode differentiation: dual tensors, a value together with a tangent.

A dual tensor lies on the tape, and what is computed from it is recorded like everything else. Its tangent is
computed when it is asked for, by one pass over the recorded operations in the order of their creation: each
one's derivative is the transpose of its VJP rule, which differentiating the rule gives exactly.

Differences from PyTorch: what is computed from a dual tensor requires grad, it must not be computed under
``no_grad``, and the tape keeps what it saved until the results are gone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autotape.autograd.function import Function
from autotape.engine.backward import gradients
from autotape.engine.conform import conform
from autotape.engine.operation import Operation, apply
from autotape.engine.replay import as_tensors, reachable, replayed_twice
from autotape.engine.tape import AccumulateGrad, Entry, Node, current_tape, on_tape, writes
from autotape.engine.tensor import Tensor

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]


class UnpackedDualTensor(NamedTuple):
    """What :func:`unpack_dual` returns: the value and its tangent (None: it depends on no dual tensor)."""

    primal: Tensor
    tangent: Tensor | None


class _Level:
    """The dual tensors made since ``enter_dual_level``."""

    def __init__(self) -> None:
        self.tangents: dict[Node, Tensor] = {}
        self.leaves: set[Node] = set()  # made here, below the duals whose primal did not require grad


_levels: list[_Level] = []


def enter_dual_level() -> int:
    """Begin forward-mode differentiation; returns the level. There is one level at a time."""
    if _levels:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _levels.append(_Level())
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End it: dual tensors become plain ones."""
    if not _levels:
        raise RuntimeError("Trying to exit a forward AD level but none was entered: use dual_level()")
    if level not in (None, 0):
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created.")
    _levels.pop()


@contextlib.contextmanager
def dual_level() -> Iterator[int]:
    """The ``with`` block inside which dual tensors live.

    >>> import autotape as at
    >>> import autotape.autograd.forward_ad as fwAD
    >>> x, direction = at.tensor([1.0, 2.0]), at.tensor([1.0, 0.0])
    >>> with fwAD.dual_level():
    ...     y = (fwAD.make_dual(x, direction) ** 3).sum()
    ...     fwAD.unpack_dual(y).tangent
    tensor(3.)
    """
    level = enter_dual_level()
    try:
        yield level
    finally:
        exit_dual_level(level=level)


_DUAL = Operation("make_dual", lambda x: x, lambda g, _y, _x: g)


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """``tensor`` with a direction of change: what is computed from it has a tangent too.

    RuntimeError outside of :func:`dual_level` or if the shapes differ, ValueError for integers.
    """
    if not _levels:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for name, t in (("primal", tensor), ("tangent", tangent)):
        if not isinstance(t, Tensor):
            raise TypeError(f"make_dual: {name} must be a Tensor, not {type(t).__name__}")
        if t._array.dtype.kind not in "fc":
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {t.dtype}")
    if tensor._array.shape != tangent._array.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, "
            f"this is not supported. Tensor is of size {list(tensor._array.shape)} while the given forward "
            f"gradient is of size {list(tangent._array.shape)}."
        )
    if tensor._array.dtype.kind != "c" and tangent._array.dtype.kind == "c":
        raise RuntimeError(f"Expected a real tangent for a primal of {tensor.dtype}, but got {tangent.dtype}")
    level_now = _levels[-1]
    if tensor._node is None:
        tensor = tensor.detach().requires_grad_()
        assert tensor._node is not None
        level_now.leaves.add(tensor._node)
    dual = on_tape(current_tape(), apply, _DUAL, (tensor,))
    level_now.tangents[dual._node] = tangent.to(dual.dtype)
    return dual  # type: ignore[no-any-return]


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value of a tensor and its tangent: for y = f(x), the Jacobian of f times the tangent of x.

    The tangent is None where the tensor depends on no dual tensor, and outside of :func:`dual_level`. Both
    are on the tape where what they were computed from required grad besides.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"unpack_dual: expected a Tensor, not {type(tensor).__name__}")
    if not _levels:
        return UnpackedDualTensor(tensor, None)
    level_now = _levels[-1]
    tangent = None
    if isinstance(tensor._node, Entry):
        tangent = on_tape(current_tape(), pushforward, tensor._node, level_now.tangents)
    return UnpackedDualTensor(
        _without_level(tensor, level_now), None if tangent is None else _without_level(tangent, level_now)
    )


def _without_level(tensor: Tensor, level: _Level) -> Tensor:
    """The tensor; off the tape if it is there only because of dual tensors."""
    node = tensor._node
    if node is None:
        return tensor
    leaves = {p for n in reachable([node]) for p in n.parents if p is not None and not p.index}
    if not node.index:
        leaves.add(node)
    return tensor.detach() if leaves <= level.leaves else tensor


def pushforward(output: Entry, tangents: dict[Node, Tensor]) -> Tensor | None:
    """The tangent of ``output`` from those of some nodes it was computed from; None if it depends on none."""
    found: dict[Node, Any] = dict(tangents)
    for entry in reversed(reachable([output])):
        if entry in found:
            continue
        assert isinstance(entry, Entry)
        given = [None if p is None else found.get(p) for p in entry.parents]
        if any(t is not None for t in given):
            found[entry] = _tangents(entry, given)
    return found.get(output)


def _tangents(entry: Entry, given: list[Any]) -> Any:
    """The tangent of an entry's output (a list for several) from those of its inputs."""
    first = entry.parents[0]
    if isinstance(first, Entry) and first.outputs is not None:  # one of several outputs
        return given[0][entry.number]
    saved = entry.saved
    if saved is None:
        if entry.packed is None:
            raise replayed_twice(entry)
        saved = entry.packed.unpack()
    writes.check(entry)
    operation = getattr(entry.operation, "inner", entry.operation)
    if operation.python and isinstance(found := _of_function(entry, saved, given), list):
        return found if entry.outputs is not None else found[0]
    forms = entry.outputs or [(entry.shape, entry.dtype)]
    seeds = [_zeros(shape, dtype) if dtype.kind in "fc" else None for shape, dtype in forms]
    g: Any = tuple(seeds) if entry.outputs is not None else seeds[0]
    saved = as_tensors(entry, saved)
    if operation.joint is not None:
        grads = operation.joint(g, [t is not None for t in given], *saved)
    else:
        grads = [
            None if t is None or rule is None else rule(g, *saved)
            for t, rule in zip(given, operation.vjps, strict=False)
        ]
    pairs = [
        (y, t)
        for p, gi, t in zip(entry.parents, grads, given, strict=False)
        if p is not None
        and gi is not None
        and t is not None
        and isinstance(y := conform(gi, p.shape, p.dtype, entry), Tensor)
        and y._node is not None
    ]
    wanted = [s for s in seeds if s is not None]
    results: Any = [None] * len(wanted)
    if pairs:
        results = gradients([y for y, _ in pairs], wanted, [t for _, t in pairs], False, True, True, False)
    result = iter(results)
    out = []
    for seed in seeds:
        tangent = None if seed is None else next(result)
        out.append(None if seed is None else seed.detach() if tangent is None else tangent)
    return out if entry.outputs is not None else out[0]


def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Tensor:
    """The gradient that a rule is differentiated at: a rule is linear in it, so any value would do."""
    out = Tensor._wrap(np.zeros(shape, dtype))
    out._node = AccumulateGrad(shape, dtype)
    return out


def _of_function(entry: Entry, saved: tuple[Any, ...], given: list[Any]) -> list[Any] | None:
    """The tangents by the ``jvp`` of a user's Function; None if it has none."""
    ctx = saved[-3]
    function = getattr(ctx, "_function", None)
    if function is None or function.jvp is Function.jvp:
        return None
    ctx._in_jvp = True
    try:
        returned = function.jvp(ctx, *given)
    finally:
        ctx._in_jvp = False
    results = list(returned) if isinstance(returned, tuple) else [returned]
    forms = entry.outputs or [(entry.shape, entry.dtype)]
    if len(results) != len(forms):
        raise RuntimeError(
            f"{entry.name()}: jvp must return one tangent for each of the {len(forms)} outputs, got "
            f"{len(results)}"
        )
    for i, (t, (shape, _)) in enumerate(zip(results, forms, strict=True)):
        if t is None:
            results[i] = Tensor._wrap(np.zeros(*forms[i]))
        elif not isinstance(t, Tensor):
            raise TypeError(f"{entry.name()}: jvp must return Tensors or None, not {type(t).__name__}")
        elif t._array.shape != shape:
            raise RuntimeError(
                f"{entry.name()}: jvp returned a tangent of shape {list(t._array.shape)} for output {i} of "
                f"shape {list(shape)}"
            )
    return results
