"""Declared graphs: what is computed, how they learn, what is refused, and how they are drawn."""

from __future__ import annotations

import dataclasses
import re
from functools import partial
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn, optim
from autotape.dataflow import Network, Node, add, matmul, node, placeholder, relu, softmax, variable


def skip_network(optimizer: Any = None) -> Network:
    """x -> a1 -> a2, with a1 added to what follows a2."""
    x = placeholder("x", (None, 4))
    a1 = relu("a1", add("b", matmul("z1", x, variable("w1", (4, 6))), variable("bias", (6,), nn.init.zeros_)))
    a2 = relu("a2", matmul("z2", a1, variable("w2", (6, 6))))
    out = softmax("out", matmul("z3", add("skip", a1, a2), variable("w3", (6, 3))))
    return Network(out, optimizer)


def by_hand(net: Network, x: at.Tensor) -> at.Tensor:
    w = net.variables
    a1 = (x @ w["w1"] + w["bias"]).relu()
    return (a1 + (a1 @ w["w2"]).relu()) @ w["w3"]


# --- computing ----------------------------------------------------------------------------------------------


def test_values_are_those_of_the_same_code() -> None:
    net, x = skip_network(), at.randn(5, 4)
    expected = by_hand(net, x).detach()
    assert at.equal(net.predict("z3", {"x": x}), expected)
    assert at.equal(net.predict("out", {"x": x}), expected.softmax(-1))
    assert not net.predict("out", {"x": x}).requires_grad
    assert net.predict("a1", {"x": np.ones((2, 4), np.float32)}).shape == (2, 6)
    assert net.predict("a1", {"x": [[1.0, 2.0, 3.0, 4.0]]}).shape == (1, 6)


def test_only_ancestors_are_computed_and_each_once() -> None:
    calls: list[str] = []

    def counted(name: str, *parents: Node) -> Node:
        def function(*values: at.Tensor) -> at.Tensor:
            calls.append(name)
            return sum(values)  # type: ignore[return-value]

        return node(name, function, *parents)

    a, b = placeholder("a"), placeholder("b")
    left = counted("left", a, a)
    diamond = counted("diamond", counted("one", left), counted("two", left))
    net = Network(counted("root", diamond, counted("right", b)))
    assert net.predict("diamond", {"a": 1.0}).item() == 4.0  # b is not fed
    assert calls == ["left", "one", "two", "diamond"]
    calls.clear()
    assert net.predict("root", {"a": 1.0, "b": 3.0}).item() == 7.0
    assert sorted(calls) == ["diamond", "left", "one", "right", "root", "two"]
    calls.clear()
    assert net.predict("b", {"b": 2.0}).item() == 2.0
    assert calls == []


def test_a_deep_graph_needs_no_recursion() -> None:
    last = placeholder("x")
    for i in range(3000):
        last = add(f"n{i}", last, last) if i < 3 else relu(f"n{i}", last)
    assert Network(last).predict(last, {"x": 1.0}).item() == 8.0


def test_any_function_of_tensors_is_a_node() -> None:
    a, b = placeholder("a"), placeholder("b")
    joined = node("joined", lambda a, b: at.cat([a, b]).exp(), a, b)
    net = Network(node("norm", at.linalg.vector_norm, joined))
    a1, b1 = at.tensor([0.0]), at.tensor([1.0, 2.0])
    expected = at.linalg.vector_norm(at.cat([a1, b1]).exp())
    assert at.equal(net.predict("norm", {"a": a1, "b": b1}), expected)


# --- learning -----------------------------------------------------------------------------------------------


def test_a_step_is_that_of_the_same_code() -> None:
    net = skip_network(partial(optim.SGD, lr=0.1))
    twins = {name: w.detach().clone().requires_grad_() for name, w in net.variables.items()}
    x, y = at.randn(5, 4), at.tensor([0, 2, 1, 1, 0])
    loss = net.fit("out", y, {"x": x})

    twin = skip_network()
    twin.variables = twins
    expected = F.cross_entropy(by_hand(twin, x), y)
    expected.backward()
    optim.SGD(twins.values(), lr=0.1).step()
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    for name, w in net.variables.items():
        np.testing.assert_allclose(w.detach().numpy(), twins[name].detach().numpy(), rtol=1e-5, err_msg=name)


def test_one_hot_truth_and_class_numbers_are_the_same() -> None:
    x, y = at.randn(5, 4), at.tensor([0, 2, 1, 1, 0])
    at.manual_seed(1)
    first = skip_network(partial(optim.SGD, lr=0.0)).fit("out", y, {"x": x})
    at.manual_seed(1)
    second = skip_network(partial(optim.SGD, lr=0.0)).fit("out", F.one_hot(y, 3).float(), {"x": x})
    assert first == pytest.approx(second, rel=1e-6)


def test_a_variable_of_one_name_is_one_weight() -> None:
    x = placeholder("x", (None, 3))
    first = matmul("first", x, variable("w", (3, 3)))
    net = Network(matmul("second", first, variable("w", (3, 3))), partial(optim.SGD, lr=0.5))
    assert list(net.variables) == ["w"]
    w = net.variables["w"]
    value, truth = w.detach().clone().requires_grad_(), at.zeros(2, 3)
    net.fit("second", truth, {"x": at.ones(2, 3)})
    (at.ones(2, 3) @ value @ value).square().mean().backward()
    np.testing.assert_allclose(w.detach().numpy(), (value.detach() - 0.5 * value.grad).numpy(), rtol=1e-5)


def test_a_loss_of_its_own() -> None:
    x, w = placeholder("x"), variable("w", (), nn.init.ones_)
    product = node("product", lambda x, w: x * w, x, w, loss=lambda truth, y, x, w: (truth - y).abs().sum())
    net = Network(product, partial(optim.SGD, lr=0.25))
    assert net.fit(product, [4.0, 0.0], {"x": [2.0, 1.0]}) == 3.0
    assert net.variables["w"].item() == 1.25


def test_it_learns_spirals_through_two_heads() -> None:
    """Seed 002's second network, on arms that are half as long."""
    at.manual_seed(0)
    r, k = at.linspace(0, 1, 40).repeat(3), at.arange(3).repeat_interleave(40)
    t = 2.0 * k + 2 * r
    points = at.stack([r * t.sin(), r * t.cos()], 1)
    x = placeholder("x", (None, 2))
    ones = placeholder("ones", (None, 1))
    a = relu(
        "a", add("z", matmul("xw", x, variable("w", (2, 25))), matmul("b", ones, variable("b0", (1, 25))))
    )
    heads = add(
        "sum", relu("r", matmul("h1", a, variable("w1", (25, 3)))), matmul("h2", a, variable("w2", (25, 3)))
    )
    net = Network(softmax("out", heads), partial(optim.Adam, lr=0.02))
    feed = {"x": points, "ones": at.ones(120, 1)}
    for _ in range(150):
        net.fit("out", k, feed)
    assert (net.predict("out", feed).argmax(1) == k).float().mean().item() > 0.9


# --- what is refused ----------------------------------------------------------------------------------------


def test_feeds() -> None:
    net = skip_network()
    with pytest.raises(ValueError, match=r"input 'x' is not fed; the feed has \[\]"):
        net.predict("out", {})
    with pytest.raises(ValueError, match=r"no node 'y'; it has \['x', 'w1'"):
        net.predict("out", {"x": at.ones(1, 4), "y": 1.0})
    with pytest.raises(ValueError, match="only placeholders are fed, and w1 = variable"):
        net.predict("out", {"x": at.ones(1, 4), "w1": at.ones(4, 6)})
    with pytest.raises(ValueError, match=r"'x' has shape \(\?, 4\), but \(2, 5\) is fed"):
        net.predict("out", {"x": at.ones(2, 5)})
    with pytest.raises(ValueError, match="no node 'end'"):
        net.predict("end", {})
    with pytest.raises(RuntimeError, match="learns with an optimizer"):
        net.fit("out", at.tensor([0]), {"x": at.ones(1, 4)})


def test_a_shape_mismatch_names_the_node() -> None:
    net = Network(matmul("z9", placeholder("x"), variable("w", (4, 2))), partial(optim.SGD, lr=0.1))
    with pytest.raises(RuntimeError, match=r"in node z9 = matmul\(x, w\), with shapes \(2, 3\), \(4, 2\)"):
        net.predict("z9", {"x": at.ones(2, 3)})
    with pytest.raises(ValueError, match=r"truth has shape \(3,\), the output \(2, 2\) -- in node z9"):
        net.fit("z9", at.ones(3), {"x": at.ones(2, 4)})
    with pytest.raises(ValueError, match="must be class numbers"):
        skip_network(partial(optim.SGD, lr=0.1)).fit("out", at.ones(2), {"x": at.ones(2, 4)})


def test_an_error_of_another_kind_gets_a_note() -> None:
    def broken(x: at.Tensor) -> at.Tensor:
        raise KeyError("lost", 3)

    with pytest.raises(KeyError) as caught:
        Network(node("bad", broken, placeholder("x"))).predict("bad", {"x": 1.0})
    assert caught.value.args == ("lost", 3)
    assert caught.value.__notes__ == ["in node bad = broken(x), with shapes ()"]


@pytest.mark.parametrize(
    "make",
    [
        lambda x: add("sum", x, relu("x", x)),
        lambda x: add("sum", relu("r", x), relu("r", x)),
        lambda x: add("sum", x, placeholder("x", (3,))),
        lambda x: add("sum", matmul("a", x, variable("w", (2, 2))), matmul("b", x, variable("w", (2, 3)))),
        lambda x: add("sum", variable("w", (2,), nn.init.zeros_), variable("w", (2,), nn.init.ones_)),
        lambda x: add("sum", variable("x", ()), x),
    ],
)
def test_a_name_of_two_things(make: Any) -> None:
    with pytest.raises(ValueError, match="stands for two things"):
        Network(make(placeholder("x")))


def test_a_graph_can_have_no_cycle() -> None:
    a = relu("a", placeholder("x"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        a.parents = (relu("b", a),)  # type: ignore[misc]
    with pytest.raises(TypeError, match="parents of node 'a' must be nodes, not str"):
        relu("a", "x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs a name"):
        placeholder("")


# --- drawing ------------------------------------------------------------------------------------------------


def test_dot_has_every_node_and_edge_once() -> None:
    net = skip_network()
    lines = net.to_dot({"x": at.ones(7, 4)}).splitlines()
    assert lines[0] == "digraph {"
    assert lines[-1] == "}"
    named = dict(re.findall(r'^  "(\w+)" \[label="(.*)" shape=', "\n".join(lines), re.MULTILINE))
    assert set(named) == set(net.nodes)
    assert named["x"] == r"x\nplaceholder (7, 4)"
    assert named["skip"] == r"skip\nadd (7, 6)"
    assert r'"x" [label="x\nplaceholder (?, 4)" shape=oval]' in net.to_dot()
    edges = re.findall(r'^  "(\w+)" -> "(\w+)"$', "\n".join(lines), re.MULTILINE)
    assert len(edges) == len(set(edges)) == sum(len(n.parents) for n in net.nodes.values())
    assert ("a1", "skip") in edges
    assert len(lines) == 2 + len(named) + len(edges)


def test_dot_quotes_names() -> None:
    text = Network(relu('say "hi"', placeholder("back\\slash -> 1"))).to_dot()
    assert r'"back\\slash -> 1" -> "say \"hi\""' in text
    assert r'"say \"hi\"" [label="say \"hi\"\nrelu" shape=plain]' in text
