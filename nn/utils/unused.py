"""Parameters that a backward pass did not reach."""

from __future__ import annotations

from autotape.engine.tape import AccumulateGrad, Entry
from autotape.engine.tensor import Tensor
from autotape.nn.module import Module

__all__ = ["unused_parameters"]


def unused_parameters(net: Module, output: Tensor | None = None) -> dict[str, str]:
    """The parameters that have no gradient after ``backward()``: why, by name.

    Frozen parameters are left out. Given the tensor that ``backward`` was called on, the tape says whether it
    depends on each of them; it says so before backward as well.

    >>> import autotape as at
    >>> from autotape import nn
    >>> net = nn.ModuleDict({"used": nn.Linear(2, 1), "forgotten": nn.Linear(2, 1, bias=False)})
    >>> loss = net["used"](at.ones(2)).sum()
    >>> loss.backward()
    >>> nn.utils.unused_parameters(net, loss)
    {'forgotten.weight': 'the output does not depend on it'}
    >>> list(nn.utils.unused_parameters(net))
    ['forgotten.weight']
    """
    named = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    bare = [(name, p) for name, p in named if p.grad is None]
    if output is None:
        if len(bare) == len(named):
            why = "no parameter has a gradient: backward() has not run, or zero_grad() came after it"
        else:
            why = "no gradient came from backward()"
        return {name: why for name, _ in bare}
    if output._node is None:
        why = "the output does not require a gradient: it was computed under no_grad, or detached"
        return {name: why for name, _ in bare}
    reached = _leaves(output)
    return {
        name: "the output depends on it, but backward() has not run, or zero_grad() came after it"
        if id(p._cell) in reached
        else "the output does not depend on it"
        for name, p in bare
    }


def _leaves(output: Tensor) -> set[int]:
    """The ids of the leaves' places on the tape that the output was computed from."""
    reached: set[int] = set()
    seen: set[int] = set()
    waiting = [output._node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, AccumulateGrad):
            reached.add(id(node))
        elif isinstance(node, Entry) and id(node) not in seen:
            seen.add(id(node))
            waiting += node.parents
    return reached
