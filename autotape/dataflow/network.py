"""A declared graph that computes, learns and draws itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from autotape.autograd.modes import no_grad
from autotape.dataflow.nodes import Node, squared_error
from autotape.engine.tensor import Tensor
from autotape.ops.creation import empty
from autotape.ops.from_data import as_tensor

if TYPE_CHECKING:
    from autotape.optim.optimizer import Optimizer

__all__ = ["Network"]

_PLAIN_ERRORS = (RuntimeError, TypeError, ValueError, IndexError)


class Network:
    """The graph that ends in a node, with values for its variables.

    Nodes are asked for by name or as :class:`Node`. Two variables, or two placeholders, of one name and the
    same options are one; that is how weights are shared. Any other name is of one node only.

    Args:
        root: the last node; all that it depends on belongs to the network.
        optimizer: makes the optimizer of the list of variables, as ``partial(optim.Adam, lr=1e-3)`` does.

    Attributes:
        nodes: the nodes by name, parents first.
        variables: the tensors that are trained, by name; ``at.save(network.variables, f)`` saves them.

    Errors: ValueError if a name stands for two things.
    """

    def __init__(self, root: Node, optimizer: Callable[[list[Tensor]], Optimizer] | None = None) -> None:
        self._root = root
        self.nodes: dict[str, Node] = {}
        for node in _parents_first(root):
            known = self.nodes.setdefault(node.name, node)
            if known is not node and not _is_same(known, node):
                raise ValueError(f"the name {node.name!r} stands for two things: {known!r} and {node!r}")
        self.variables = {name: _initial(node) for name, node in self.nodes.items() if node.is_variable}
        self.optimizer = None if optimizer is None else optimizer(list(self.variables.values()))

    def predict(self, node: str | Node, feed: Mapping[str, Any]) -> Tensor:
        """The value of a node. Only what it depends on is computed, each node once, and only that is fed.

        Errors: ValueError, naming the node, for a missing input or one of another shape; what a node's
        function raises, with the node's name.
        """
        with no_grad():
            return self._values(self._node(node), feed)[self._node(node).name]

    def fit(self, node: str | Node, truth: Any, feed: Mapping[str, Any]) -> float:
        """Take one step of the optimizer towards the truth at a node; returns the loss before it."""
        if self.optimizer is None:
            raise RuntimeError(
                "a network learns with an optimizer: Network(root, partial(optim.SGD, lr=0.1))"
            )
        output = self._node(node)
        values = self._values(output, feed)
        parents = [values[parent.name] for parent in output.parents]
        loss = _named(output, output.loss or squared_error, as_tensor(truth), values[output.name], *parents)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.item())

    def to_dot(self, feed: Mapping[str, Any] | None = None) -> str:
        r"""The graph in the DOT language of Graphviz; ``dot -Tsvg`` draws it.

        A label has the name, the function and the shape; of computed nodes the shape of their value for
        ``feed``, if there is one.

        >>> from autotape.dataflow import matmul, placeholder, variable
        >>> print(Network(matmul("z", placeholder("x"), variable("w", (4, 2)))).to_dot())
        digraph {
          "x" [label="x\nplaceholder" shape=oval]
          "w" [label="w\nvariable (4, 2)" shape=box]
          "z" [label="z\nmatmul" shape=plain]
          "x" -> "z"
          "w" -> "z"
        }
        """
        shapes = {name: node.shape for name, node in self.nodes.items()}
        if feed is not None:
            with no_grad():
                values = self._values(self._root, feed)
            shapes = {name: tuple(value.shape) for name, value in values.items()}
        lines = ["digraph {"]
        for name, node in self.nodes.items():
            shape = shapes[name]
            label = f"{name}\n{node.op}" + ("" if shape is None else f" {_sizes(shape)}")
            form = "box" if node.is_variable else "oval" if node.is_placeholder else "plain"
            lines.append(f"  {_quoted(name)} [label={_quoted(label)} shape={form}]")
        for name, node in self.nodes.items():
            lines += [f"  {_quoted(parent.name)} -> {_quoted(name)}" for parent in node.parents]
        return "\n".join([*lines, "}"])

    def _node(self, node: str | Node) -> Node:
        name = node.name if isinstance(node, Node) else node
        if name not in self.nodes:
            raise ValueError(f"the network has no node {name!r}; it has {list(self.nodes)}")
        return self.nodes[name]

    def _values(self, output: Node, feed: Mapping[str, Any]) -> dict[str, Tensor]:
        """The values of a node and all that it depends on."""
        for name in feed:
            if not self._node(name).is_placeholder:
                raise ValueError(f"only placeholders are fed, and {self.nodes[name]!r} is none")
        values: dict[str, Tensor] = {}
        for node in _parents_first(output):
            if node.name in values:  # a variable or a placeholder that was declared twice
                continue
            if node.is_variable:
                values[node.name] = self.variables[node.name]
            elif node.function is None:
                values[node.name] = _fed(node, feed)
            else:
                parents = [values[parent.name] for parent in node.parents]
                values[node.name] = _named(node, node.function, *parents)
        return values


def _parents_first(root: Node) -> list[Node]:
    """The node and all that it depends on, each once, after its parents; deep graphs take no recursion."""
    ordered: dict[Node, None] = {}
    waiting = [(root, False)]
    while waiting:
        node, is_ready = waiting.pop()
        if is_ready:
            ordered[node] = None
        elif node not in ordered:
            waiting.append((node, True))
            waiting += [(parent, False) for parent in reversed(node.parents)]
    return list(ordered)


def _is_same(a: Node, b: Node) -> bool:
    """Whether two nodes of one name are one input or one variable, declared twice."""
    is_leaf = a.function is None and b.function is None
    return is_leaf and (a.shape, a.init) == (b.shape, b.init)


def _initial(node: Node) -> Tensor:
    assert node.shape is not None
    assert node.init is not None
    value = empty(tuple(node.shape))
    with no_grad():
        node.init(value)
    return value.requires_grad_()


def _fed(node: Node, feed: Mapping[str, Any]) -> Tensor:
    if node.name not in feed:
        raise ValueError(f"the input {node.name!r} is not fed; the feed has {list(feed)}")
    value = as_tensor(feed[node.name])
    wanted, given = node.shape, tuple(value.shape)
    if wanted is not None and (
        len(wanted) != len(given) or any(w not in (None, g) for w, g in zip(wanted, given))
    ):
        raise ValueError(f"the input {node.name!r} has shape {_sizes(wanted)}, but {given} is fed")
    return value


def _named(node: Node, function: Callable[..., Tensor], *args: Tensor) -> Tensor:
    """``function(*args)``; its error says in which node."""
    try:
        return function(*args)
    except Exception as error:
        where = f"in node {node!r}, with shapes {', '.join(str(tuple(a.shape)) for a in args)}"
        # An error that is all message gets a longer one; any other keeps its arguments and gets a note.
        if type(error) in _PLAIN_ERRORS and len(error.args) == 1 and isinstance(error.args[0], str):
            error.args = (f"{error.args[0]} -- {where}",)
        else:
            error.add_note(where)
        raise


def _sizes(shape: tuple[int | None, ...]) -> str:
    return str(tuple(shape)).replace("None", "?")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
