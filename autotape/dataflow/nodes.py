"""The nodes of a declared network: inputs, variables, and functions of other nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autotape.engine.tensor import Tensor
from autotape.ops import activations, arithmetic, products
from autotape.ops.selecting import gather

__all__ = ["Node", "add", "matmul", "node", "placeholder", "relu", "softmax", "variable"]

Shape = tuple[int | None, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """A named part of a network; made by :func:`placeholder`, :func:`variable`, :func:`node` and the others.

    It can't be changed, and its parents are there before it: so there is no cycle.
    """

    name: str
    op: str
    """What it does, for people: "placeholder", "variable" or the name of the function."""
    parents: tuple[Node, ...] = ()
    function: Callable[..., Tensor] | None = None
    loss: Callable[..., Tensor] | None = None
    """``loss(truth, value, *values of the parents)``: a number that :meth:`Network.fit` makes smaller."""
    shape: Shape | None = None
    init: Callable[[Tensor], object] | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a node needs a name")
        for parent in self.parents:
            if not isinstance(parent, Node):
                raise TypeError(
                    f"the parents of node {self.name!r} must be nodes, not {type(parent).__name__}"
                )

    @property
    def is_variable(self) -> bool:
        """Whether it is a tensor that is trained."""
        return self.init is not None

    @property
    def is_placeholder(self) -> bool:
        """Whether its value is fed."""
        return self.init is None and self.function is None

    def __repr__(self) -> str:
        if self.parents:
            return f"{self.name} = {self.op}({', '.join(parent.name for parent in self.parents)})"
        return f"{self.name} = {self.op}" + ("" if self.shape is None else f" {self.shape}")


def placeholder(name: str, shape: Sequence[int | None] | None = None) -> Node:
    """An input, whose value is fed. ``shape`` is checked then; None in it stands for any size."""
    return Node(name, "placeholder", shape=None if shape is None else tuple(shape))


def variable(name: str, shape: Sequence[int], init: Callable[[Tensor], object] | None = None) -> Node:
    """A tensor that is trained.

    ``init`` fills it in place, as the functions of :mod:`autotape.nn.init` do; by default with draws from
    N(0, 2 / shape[0]), which keeps the size of values through ``relu(x @ w)`` (He et al., 2015).
    """
    return Node(name, "variable", shape=tuple(shape), init=init or _he_normal)


def _he_normal(tensor: Tensor) -> None:
    rows = tensor.shape[0] if tensor.ndim else 1
    tensor.normal_(0.0, math.sqrt(2 / max(rows, 1)))


def node(
    name: str,
    function: Callable[..., Tensor],
    *parents: Node,
    loss: Callable[..., Tensor] | None = None,
) -> Node:
    """Any function of the values of other nodes.

    ``loss(truth, value, *values of the parents)`` is what :meth:`Network.fit` makes smaller when this node is
    the output; without one it is the mean squared error.

    >>> import autotape as at
    >>> a, b = placeholder("a"), placeholder("b")
    >>> node("c", lambda a, b: at.cat([a, b]).exp(), a, b).parents
    (a = placeholder, b = placeholder)
    """
    return Node(name, getattr(function, "__name__", type(function).__name__), parents, function, loss)


def add(name: str, x: Node, y: Node) -> Node:
    """``x + y``."""
    return Node(name, "add", (x, y), arithmetic.add)


def matmul(name: str, x: Node, y: Node) -> Node:
    """The matrix product ``x @ y``."""
    return Node(name, "matmul", (x, y), products.matmul)


def relu(name: str, x: Node) -> Node:
    """``max(x, 0)``."""
    return Node(name, "relu", (x,), activations.relu)


def softmax(name: str, x: Node) -> Node:
    """Probabilities ``exp(x) / sum exp(x)`` over the last dimension.

    Its loss is the cross entropy in nats, averaged over samples; the truth is class numbers, or probabilities
    of the shape of the output.
    """
    return Node(name, "softmax", (x,), _probabilities, _cross_entropy)


def _probabilities(x: Tensor) -> Tensor:
    return activations.softmax(x, -1)


def _cross_entropy(truth: Tensor, value: Tensor, x: Tensor) -> Tensor:
    logs = activations.log_softmax(x, -1)  # of x itself: the logarithm of a probability of 0 would be lost
    if truth.shape == value.shape:
        return -(truth * logs).sum(-1).mean()
    if truth.is_floating_point() or truth.shape != value.shape[:-1]:
        raise ValueError(
            f"the truth must be class numbers of shape {tuple(value.shape[:-1])} or probabilities of shape "
            f"{tuple(value.shape)}, got {truth.dtype} of shape {tuple(truth.shape)}"
        )
    return -gather(logs, -1, truth.unsqueeze(-1)).mean()


def squared_error(truth: Tensor, value: Tensor, *_parents: Any) -> Tensor:
    """The loss of a node without one of its own: the mean of ``(value - truth)^2``."""
    if truth.shape != value.shape:
        raise ValueError(f"the truth has shape {tuple(truth.shape)}, the output {tuple(value.shape)}")
    return (value - truth).square().mean()
