"""Random programs on the tape and on a naive engine."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autotape as at
from autotape.autograd import grad

Array = np.ndarray[Any, Any]


def leaf(*values: Any, dtype: Any = np.float64) -> at.Tensor:
    return at.tensor(np.array(values, dtype), requires_grad=True)


def constant(*values: Any, dtype: Any = np.float64) -> at.Tensor:
    return at.tensor(np.array(values, dtype))


@pytest.fixture
def no_gc() -> Iterator[None]:
    """Reference counts alone must free everything."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


Array = np.ndarray[Any, Any]


class Node:
    """The naive engine: a value, how it was made, and gradients as a sum over all paths."""

    def __init__(
        self, value: Array, parents: list[tuple[Node, Callable[[Array], Array]]], leaf: bool = False
    ) -> None:
        self.value = value
        self.parents = [(p, f) for p, f in parents if p.tracked]
        self.leaf = leaf
        self.tracked = leaf or bool(self.parents)
        self.grad: Array | None = None
        self.released = False

    def paths(self, g: Array, into: dict[Node, Array]) -> None:
        if self.leaf:
            into[self] = into.get(self, 0.0) + g
        for parent, rule in self.parents:
            parent.paths(rule(g), into)

    def ancestors(self) -> set[Node]:
        found = {self}
        for parent, _ in self.parents:
            found |= parent.ancestors()
        return found


def unbroadcast(shape: tuple[int, ...]) -> Callable[[Array], Array]:
    def rule(g: Array) -> Array:
        g = g.sum(tuple(range(g.ndim - len(shape))))
        return g.sum(tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1), keepdims=True)

    return rule


class Program:
    """The same random steps on autotape and on the naive engine."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pairs: list[tuple[at.Tensor, Node]] = []
        for _ in range(3):
            self.new_leaf(True)
        self.new_leaf(False)

    def array(self, shape: tuple[int, ...]) -> Array:
        # Small integers: every order of summation gives the same bits.
        return np.array([self.random.randint(-3, 3) for _ in range(int(np.prod(shape)))], np.float64).reshape(
            shape
        )

    def new_leaf(self, tracked: bool) -> None:
        value = self.array(self.random.choice([(2, 3), (3,), (2, 1), ()]))
        self.pairs.append((at.tensor(value, requires_grad=tracked), Node(value, [], leaf=tracked)))

    def pick(self) -> tuple[at.Tensor, Node]:
        return self.random.choice(self.pairs[-8:])

    def step(self) -> None:
        kind = self.random.choices(
            [
                "mul",
                "add",
                "sub",
                "neg",
                "sum",
                "detach",
                "no_grad",
                "backward",
                "free",
                "grad",
                "reset",
                "leaf",
                "inputs",
            ],
            [6, 6, 3, 2, 2, 1, 1, 4, 2, 3, 2, 1, 1],
        )[0]
        getattr(self, "do_" + kind)()
        for t, node in self.pairs:
            if node.leaf:
                assert (t.grad is None) == (node.grad is None)
                if node.grad is not None:
                    np.testing.assert_array_equal(t.grad.numpy(), node.grad)

    def made(self, t: at.Tensor, node: Node) -> None:
        np.testing.assert_array_equal(t.detach().numpy(), node.value)
        assert t.requires_grad == node.tracked
        if np.abs(node.value).max(initial=0) < 1e4:  # keep the numbers exact
            self.pairs.append((t, node))

    def do_leaf(self) -> None:
        self.new_leaf(self.random.random() < 0.7)

    def do_mul(self) -> None:
        (a, m), (b, n) = self.pick(), self.pick()
        value = m.value * n.value
        ra, rb = unbroadcast(m.value.shape), unbroadcast(n.value.shape)
        self.made(a * b, Node(value, [(m, lambda g: ra(g * n.value)), (n, lambda g: rb(g * m.value))]))

    def do_add(self) -> None:
        (a, m), (b, n) = self.pick(), self.pick()
        node = Node(m.value + n.value, [(m, unbroadcast(m.value.shape)), (n, unbroadcast(n.value.shape))])
        self.made(a + b, node)

    def do_sub(self) -> None:
        (a, m), (b, n) = self.pick(), self.pick()
        rb = unbroadcast(n.value.shape)
        self.made(a - b, Node(m.value - n.value, [(m, unbroadcast(m.value.shape)), (n, lambda g: -rb(g))]))

    def do_neg(self) -> None:
        a, m = self.pick()
        self.made(-a, Node(-m.value, [(m, lambda g: -g)]))

    def do_sum(self) -> None:
        a, m = self.pick()
        self.made(
            a.sum(), Node(np.asarray(m.value.sum()), [(m, lambda g: np.broadcast_to(g, m.value.shape))])
        )

    def do_detach(self) -> None:
        a, m = self.pick()
        self.made(a.detach(), Node(m.value, []))

    def do_no_grad(self) -> None:
        a, m = self.pick()
        with at.no_grad():
            t = a * 2
        self.made(t, Node(m.value * 2, []))

    def do_reset(self) -> None:
        t, node = self.pick()
        if node.leaf:
            t.grad, node.grad = None, None

    def do_backward(self, retain: bool = True) -> None:
        t, node = self.pick()
        seed = self.array(node.value.shape)
        released = any(n.released for n in node.ancestors())
        if not node.tracked or released:
            with pytest.raises(RuntimeError):
                t.backward(at.tensor(seed), retain_graph=retain)
            if released and not retain:
                self.pairs = [
                    (u, n) for u, n in self.pairs if n.leaf or not n.tracked
                ]  # half released: not modelled
            return
        t.backward(at.tensor(seed), retain_graph=retain)
        found: dict[Node, Array] = {}
        node.paths(seed, found)
        for n, g in found.items():
            n.grad = g if n.grad is None else n.grad + g
        if not retain:
            for n in node.ancestors():
                n.released = not n.leaf

    def do_free(self) -> None:
        self.do_backward(retain=False)

    def do_inputs(self) -> None:
        t, node = self.pick()
        leaves = [(u, n) for u, n in self.pairs if n.leaf]
        u, n = self.random.choice(leaves)
        if not node.tracked or any(m.released for m in node.ancestors()):
            return
        seed = self.array(node.value.shape)
        t.backward(at.tensor(seed), inputs=[u], retain_graph=True)
        found: dict[Node, Array] = {}
        node.paths(seed, found)
        if n in found:
            n.grad = found[n] if n.grad is None else n.grad + found[n]

    def do_grad(self) -> None:
        t, node = self.pick()
        leaves = [(u, n) for u, n in self.pairs if n.leaf]
        if not node.tracked or any(n.released for n in node.ancestors()):
            return
        seed = self.array(node.value.shape)
        create_graph = self.random.random() < 0.5
        got = grad(t, [u for u, _ in leaves], at.tensor(seed), True, create_graph, allow_unused=True)
        found: dict[Node, Array] = {}
        node.paths(seed, found)
        for g, (_, n) in zip(got, leaves, strict=True):
            assert (g is None) == (n not in found)
            if g is not None:
                np.testing.assert_array_equal(g.detach().numpy(), found[n])


@settings(max_examples=500)
@given(st.integers(0, 2**32))
def test_random_programs_against_a_naive_engine(seed: int) -> None:
    """PROMISES row 11: 500 random programs: accumulation, reset, unused leaves, kept and released graphs."""
    program = Program(seed)
    for _ in range(25):
        program.step()
