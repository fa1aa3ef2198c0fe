"""Random programs of views, in-place operations and reads, and an oracle that knows their gradients.

A program is a list of instructions on numbered tensors. ``run`` executes one with any library that has
PyTorch's names (autotape, or PyTorch itself); ``Oracle`` executes it in plain NumPy in the most naive way: a
tensor is an array of positions in a storage, and a storage holds its values together with their dense
Jacobian by all leaf elements. A view is other positions, a write replaces values and rows of the Jacobian:
nothing to rebase, nothing saved. What is written while gradients are off, or through a tensor without them,
changes the values only.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass
class Storage:
    values: Array  # shared with the storages of detached tensors
    jacobian: Array
    of_leaf: bool = False


@dataclass
class Item:
    """One tensor of a program, as the oracle sees it."""

    storage: Storage
    places: Array  # positions in the storage, made by the same NumPy views as the tensor itself
    blind: bool = False  # a view taken while gradients were off: a constant to read


@dataclass
class Oracle:
    leaves: int  # the number of all leaf elements
    items: list[Item] = field(default_factory=list)

    def new(self, values: Array, jacobian: Array, of_leaf: bool = False) -> None:
        jacobian = np.broadcast_to(jacobian, (*values.shape, self.leaves))
        storage = Storage(values.reshape(-1).copy(), jacobian.reshape(-1, self.leaves).copy(), of_leaf)
        self.items.append(Item(storage, np.arange(values.size).reshape(values.shape)))

    def read(self, n: int) -> tuple[Array, Array]:
        t = self.items[n]
        return t.storage.values[t.places], t.storage.jacobian[t.places] * (not t.blind)

    def step(self, instruction: tuple[Any, ...]) -> None:
        kind, grad, n, *args = instruction
        t = self.items[n]
        if kind in VIEWS:
            places = VIEWS[kind](t.places, *args)
            for part in places if isinstance(places, (list, tuple)) else (places,):
                if np.shares_memory(part, t.places) or not part.size:
                    self.items.append(Item(t.storage, part, t.blind or not grad))
                else:  # a reshape that had to copy
                    values, jacobian = self.read(n)
                    self.new(values.reshape(part.shape), jacobian.reshape(*part.shape, self.leaves) * grad)
        elif kind == "detach":
            constant = Storage(t.storage.values, np.zeros_like(t.storage.jacobian))
            self.items.append(Item(constant, t.places))
        elif kind in RESHAPES:
            t.places = RESHAPES[kind](t.places, *args)
        elif kind in WRITES:
            places = t.places if kind != "setitem" else t.places[args[0]]
            old, old_jacobian = t.storage.values[places], t.storage.jacobian[places]
            operands = [self.read(args[-1])] if kind in BINARY else [args[-1]]
            values, jacobian = WRITES[kind](old, old_jacobian, *operands)
            t.storage.values[places] = values
            if grad:
                t.storage.jacobian[places] = jacobian
        else:
            a = self.read(n)
            values, jacobian = COMPUTE[kind](*a, *([self.read(args[0])] if kind in BINARY else args))
            self.new(values, jacobian * grad)


def _index(a: Any, dim: int, what: Any) -> Any:
    return (
        a[(slice(None),) * dim + (what,)]
        if not isinstance(what, int)
        else a[(slice(None),) * dim + (what, ...)]
    )


# Each on the oracle's positions (ndarrays); the libraries' forms are in _library below.
VIEWS: dict[str, Any] = {
    "select": lambda p, dim, i: _index(p, dim, i),
    "slice": lambda p, dim, s: _index(p, dim, s),
    "transpose": lambda p, a, b: p.swapaxes(a, b),
    "flatten": lambda p: p.reshape(-1),
    "unsqueeze": lambda p, dim: np.expand_dims(p, dim),
    "squeeze": lambda p: p.squeeze(),
    "expand": lambda p, n: np.broadcast_to(p, (n, *p.shape)),
    "diagonal": lambda p: p.diagonal(),
    "unbind": lambda p: [p[(i, ...)] for i in range(len(p))],
    "chunk": lambda p, n: [p[i : i - (-len(p) // n)] for i in range(0, len(p), -(-len(p) // n))],
}
RESHAPES: dict[str, Any] = {
    "unsqueeze_": lambda p, dim: np.expand_dims(p, dim),
    "squeeze_": lambda p: p.squeeze(),
    "transpose_": lambda p, a, b: p.swapaxes(a, b),
}
BINARY = {"mul", "add_", "mul_", "copy_", "sub_", "setitem_tensor"}
COMPUTE: dict[str, Any] = {
    "scale": lambda v, j, c: (v * c, j * c),
    "mul": lambda v, j, other: (v * other[0], j * other[0][..., None] + other[1] * v[..., None]),
    "tanh": lambda v, j: (np.tanh(v), j * (1 - np.tanh(v) ** 2)[..., None]),
    "clone": lambda v, j: (v, j),
    "take": lambda v, j, index: (v[index], j[index]),
}
WRITES: dict[str, Any] = {
    "scale_": lambda v, j, c: (v * c, j * c),
    "tanh_": lambda v, j, _: (np.tanh(v), j * (1 - np.tanh(v) ** 2)[..., None]),
    "zero_": lambda v, j, _: (v * 0, j * 0),
    "fill_": lambda v, j, c: (v * 0 + c, j * 0),
    "setitem": lambda v, j, c: (v * 0 + c, j * 0),
    "add_": lambda v, j, other: (v + other[0], j + other[1]),
    "sub_": lambda v, j, other: (v - other[0], j - other[1]),
    "mul_": lambda v, j, other: (v * other[0], j * other[0][..., None] + other[1] * v[..., None]),
    "copy_": lambda v, j, other: (np.broadcast_to(other[0], v.shape), np.broadcast_to(other[1], j.shape)),
}


def _library(kind: str, t: Any, args: list[Any]) -> Any:
    """The instruction on a tensor of a library."""
    if kind == "select":
        return t.select(*args)
    if kind == "slice":
        return _index(t, *args)
    if kind == "expand":
        return t.expand(args[0], *t.shape)
    if kind in ("scale", "mul"):
        return (t * args[0]).contiguous()  # as the oracle's: whether flatten() copies depends on it
    if kind == "take":
        return t[args[0].tolist()]
    if kind in ("tanh", "clone"):
        return getattr(t, kind)().contiguous()
    if kind == "scale_":
        return t.mul_(args[0])
    if kind in ("tanh_", "zero_", "squeeze_"):
        return getattr(t, kind)()
    if kind == "setitem":
        t[args[0] if not isinstance(args[0], np.ndarray) else args[0].tolist()] = args[1]
        return None
    return getattr(t, kind)(*args)


class Stopped(Exception):  # noqa: N818 - not an error: where a program ended
    """A library refused an instruction, or the backward pass."""

    def __init__(self, step: int, error: Exception) -> None:
        super().__init__(step, error)
        self.step = step
        self.error = error


def run(
    library: Any, leaves: list[Array], program: list[tuple[Any, ...]], weights: list[Array], **how: Any
) -> tuple[list[Array], list[Array]]:
    """The values of all tensors and the leaves' gradients; Stopped where the library raises RuntimeError."""
    items = [library.from_numpy(x.copy()).requires_grad_() for x in leaves]
    roots = list(items)
    for step, (kind, grad, n, *args) in enumerate(program):
        operands = [items[a] if kind in BINARY and i == 0 else a for i, a in enumerate(args)]
        try:
            with nullcontext() if grad else library.no_grad():
                out = _library(kind, items[n], operands)
        except RuntimeError as error:
            raise Stopped(step, error) from None
        if kind not in WRITES and kind not in RESHAPES:
            items += out if isinstance(out, (list, tuple)) else [out]
    values = [t.detach().numpy() for t in items]
    try:
        terms = [(t * library.from_numpy(w)).sum() for t, w in zip(items, weights, strict=True)]
        loss = sum(terms[1:], terms[0])
        loss.backward(**how)
    except RuntimeError as error:
        raise Stopped(len(program), error) from None
    grads = [None if t.grad is None else t.grad.detach().numpy() for t in roots]
    return values, [
        np.zeros_like(x) if g is None else g.reshape(x.shape) for x, g in zip(leaves, grads, strict=True)
    ]


def expected(oracle: Oracle, leaves: list[Array], weights: list[Array]) -> tuple[list[Array], list[Array]]:
    """What ``run`` must give: the same, from the oracle."""
    values = [t.storage.values[t.places] for t in oracle.items]
    total = np.zeros(oracle.leaves)
    for n, w in enumerate(weights):
        total += (w[..., None] * oracle.read(n)[1]).reshape(-1, oracle.leaves).sum(0)
    ends = np.cumsum([x.size for x in leaves])
    return values, [part.reshape(x.shape) for part, x in zip(np.split(total, ends[:-1]), leaves, strict=True)]


def program_of(seed: int, length: int = 12) -> tuple[list[Array], list[tuple[Any, ...]], list[Array], Oracle]:
    """A random program that PyTorch mostly allows, the weights of its loss, and the oracle that ran it."""
    rng = np.random.default_rng(seed)
    shapes = [tuple(rng.integers(1, 4, rng.integers(0, 4)).tolist()) for _ in range(2)]
    leaves = [np.asarray(rng.uniform(0.5, 1.5, s)) for s in shapes]
    count = sum(x.size for x in leaves)
    oracle = Oracle(count)
    start = 0
    for x in leaves:
        oracle.new(x, np.eye(count)[start : start + x.size].reshape(*x.shape, count), of_leaf=True)
        start += x.size
    program: list[tuple[Any, ...]] = []

    def add(*instruction: Any) -> None:
        oracle.step(instruction)
        program.append(instruction)

    for n in range(len(leaves)):
        add("scale", True, n, 2.0)
    for _ in range(length):
        n = int(rng.integers(len(oracle.items)))
        t = oracle.items[n]
        shape = t.places.shape
        grad = bool(rng.random() > 0.1)
        if rng.random() < 0.45:
            _add_view(rng, add, n, shape, grad)
            continue
        same = [i for i, o in enumerate(oracle.items) if o.places.shape == shape]
        other = int(rng.choice(same))
        if rng.random() < 0.25:
            _add_compute(rng, add, n, other, shape, grad)
        elif _writable(t, grad):
            _add_write(rng, add, n, other, shape, grad)
    weights = [np.asarray(rng.uniform(0.5, 1.5, o.places.shape)) for o in oracle.items]
    return leaves, program, weights, oracle


def _writable(t: Item, grad: bool) -> bool:
    """Whether PyTorch allows it: not on expanded memory, nor, recorded, on a leaf's or a blind view."""
    return len(np.unique(t.places)) == t.places.size and not (grad and (t.storage.of_leaf or t.blind))


def _add_view(rng: Any, add: Any, n: int, shape: tuple[int, ...], grad: bool) -> None:
    ndim = len(shape)
    dim = int(rng.integers(max(ndim, 1)))
    kinds = ["unsqueeze", "squeeze", "detach", "expand"]
    if ndim != 1:
        kinds += ["flatten"]  # of one dimension it gives the tensor itself
    if ndim:
        kinds += ["select", "slice", "slice", "transpose", "unbind", "chunk"]
    if ndim == 2:
        kinds += ["diagonal"]
    kind = str(rng.choice(kinds))
    if kind == "select":
        add(kind, grad, n, dim, int(rng.integers(shape[dim])))
    elif kind == "slice":
        start = int(rng.integers(shape[dim]))
        add(kind, grad, n, dim, slice(start, None, int(rng.integers(1, 3))))
    elif kind == "transpose":
        add(kind, grad, n, dim, int(rng.integers(ndim)))
    elif kind == "unsqueeze":
        add(kind, grad, n, int(rng.integers(ndim + 1)))
    elif kind in ("expand", "chunk"):
        add(kind, grad, n, int(rng.integers(1, 3)))
    else:
        add(kind, grad, n)


def _add_compute(rng: Any, add: Any, n: int, other: int, shape: tuple[int, ...], grad: bool) -> None:
    kind = str(rng.choice(["scale", "mul", "tanh", "clone"] + (["take"] if shape else [])))
    if kind == "scale":
        add(kind, grad, n, 0.5)
    elif kind == "mul":
        add(kind, grad, n, other)
    elif kind == "take":
        add(kind, grad, n, rng.integers(0, shape[0], 3))
    else:
        add(kind, grad, n)


def _add_write(rng: Any, add: Any, n: int, other: int, shape: tuple[int, ...], grad: bool) -> None:
    kinds = ["scale_", "tanh_", "zero_", "fill_", "add_", "sub_", "mul_", "copy_", "unsqueeze_", "squeeze_"]
    if shape:
        kinds += ["setitem", "setitem", "transpose_"]
    kind = str(rng.choice(kinds))
    if kind in BINARY:
        add(kind, grad, n, other)
    elif kind == "setitem":
        i = int(rng.integers(shape[0]))
        add(kind, grad, n, [i, slice(i, None), np.array([i, 0])][rng.integers(3)], 0.75)
    elif kind == "unsqueeze_":
        add(kind, grad, n, int(rng.integers(len(shape) + 1)))
    elif kind == "transpose_":
        add(kind, grad, n, 0, len(shape) - 1)
    elif kind == "squeeze_":
        add(kind, grad, n)
    else:
        add(kind, grad, n, 1.25)
