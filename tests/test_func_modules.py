"""Modules as functions: functional_call, ensembles, per-example gradients."""

from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from autotape.func import functional_call, grad, jacrev, stack_module_state, vmap


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def detached(net: nn.Module) -> dict[str, at.Tensor]:
    return {name: p.detach() for name, p in net.named_parameters()}


def test_replaces_and_restores() -> None:
    net = mlp()
    before = dict(net.named_parameters())
    x = at.randn(2, 4)
    zeros = {name: at.zeros_like(p) for name, p in before.items()}
    assert functional_call(net, zeros, x).abs().max().item() == 0
    assert functional_call(net, {"2.weight": zeros["2.weight"]}, (x,)).tolist() == [net[2].bias.tolist()] * 2
    assert dict(net.named_parameters()) == before
    assert all(a is b for a, b in zip(net.parameters(), before.values(), strict=True))
    with pytest.raises(RuntimeError):
        functional_call(net, zeros, at.randn(2, 7))
    assert all(a is b for a, b in zip(net.parameters(), before.values(), strict=True))


def test_names_and_dicts() -> None:
    net = mlp()
    state = detached(net)
    x = at.randn(2, 4)
    first = {k: v for k, v in state.items() if k.startswith("0")}
    rest = {k: v for k, v in state.items() if k not in first}
    assert functional_call(net, (first, rest), x).tolist() == net(x).tolist()
    with pytest.raises(ValueError, match="multiple dictionaries"):
        functional_call(net, (state, first), x)
    with pytest.raises(ValueError, match="all elements"):
        functional_call(net, (state, 3), x)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="to be a dict"):
        functional_call(net, 3, x)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r"Missing key\(s\): '2.weight'"):
        functional_call(net, {**first, "2.bias": state["2.bias"]}, x, strict=True)
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\): 'other'"):
        functional_call(net, {**state, "other": x}, x, strict=True)
    with pytest.raises(AttributeError):
        functional_call(net, {"7.weight": x}, x)


def test_keywords() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(at.ones(2))
            self.register_buffer("count", at.zeros(()))

        def forward(self, x: at.Tensor, *, k: float = 1.0) -> at.Tensor:
            self.count.add_(1)
            return x * self.w * k

    net = Scaled()
    count = at.zeros(())
    given = {"w": at.tensor([2.0, 3.0]), "count": count}
    assert functional_call(net, given, at.ones(2), {"k": 2.0}).tolist() == [4.0, 6.0]
    assert count.item() == 1  # written in place: the tensor that was given
    assert net.count.item() == 0


def test_tied() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(2, 2, bias=False)
            self.b = nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: at.Tensor) -> at.Tensor:
            return self.b(self.a(x))

    net, x, two = Tied(), at.ones(2), 2 * at.eye(2)
    assert functional_call(net, {"a.weight": two}, x).tolist() == [4.0, 4.0]
    assert functional_call(net, {"a.weight": two}, x, strict=True).tolist() == [4.0, 4.0]
    single = functional_call(net, {"a.weight": two}, x, tie_weights=False)
    np.testing.assert_allclose(single.detach(), 2 * net.b(x).detach())
    with pytest.raises(ValueError, match="which are tied"):
        functional_call(net, {"a.weight": two, "b.weight": at.eye(2)}, x)


def test_per_example_gradients() -> None:
    net = mlp().double()
    state = detached(net)
    x, y = at.randn(6, 4, dtype=at.float64), at.tensor([0, 2, 1, 1, 0, 2])

    def loss(state: dict[str, at.Tensor], x: at.Tensor, y: at.Tensor) -> at.Tensor:
        return F.cross_entropy(functional_call(net, state, x[None]), y[None])

    rows = vmap(grad(loss), in_dims=(None, 0, 0))(state, x, y)
    for i in range(6):
        net.zero_grad()
        F.cross_entropy(net(x[i : i + 1]), y[i : i + 1]).backward()
        for name, p in net.named_parameters():
            assert p.grad is not None
            np.testing.assert_allclose(rows[name][i], p.grad, rtol=1e-10, atol=1e-14)
    chunked = vmap(grad(loss), in_dims=(None, 0, 0), chunk_size=4)(state, x, y)
    np.testing.assert_allclose(chunked["0.weight"], rows["0.weight"])
    norms = grad(lambda s: sum((g**2).sum() for g in vmap(grad(loss), (None, 0, 0))(s, x, y).values()))(state)
    assert norms["2.bias"].shape == (3,)


def test_ensemble() -> None:
    models = [mlp() for _ in range(3)]
    parameters, buffers = stack_module_state(models)
    assert buffers == {}
    assert all(p.requires_grad and p.is_leaf for p in parameters.values())
    base, x = mlp(), at.randn(5, 4)

    def call(parameters: Any, buffers: Any, x: at.Tensor) -> at.Tensor:
        return functional_call(base, (parameters, buffers), (x,))

    shared = vmap(call, in_dims=(0, 0, None))(parameters, buffers, x)
    np.testing.assert_allclose(
        shared.detach(), at.stack([m(x) for m in models]).detach(), rtol=1e-5, atol=1e-6
    )
    own = vmap(call)(parameters, buffers, at.stack([x, 2 * x, 3 * x]))
    np.testing.assert_allclose(own[2].detach(), models[2](3 * x).detach(), rtol=1e-5, atol=1e-6)
    shared.sum().backward()
    models[1](x).sum().backward()
    stacked = parameters["0.weight"].grad
    assert stacked is not None
    np.testing.assert_allclose(stacked[1], models[1][0].weight.grad, rtol=1e-4, atol=1e-5)  # type: ignore[index]
    for wrong, message in (
        ([], "at least one model"),
        ([mlp(), mlp().eval()], "training/eval mode"),
        ([mlp(), nn.Linear(2, 2)], "same class"),
    ):
        with pytest.raises(RuntimeError, match=message):
            stack_module_state(wrong)


def test_jacobian_by_parameters() -> None:
    net = nn.Linear(2, 3).double()
    x = at.tensor([1.0, 2.0], dtype=at.float64)
    jacobian = jacrev(lambda s: functional_call(net, s, x))(detached(net))
    assert jacobian["bias"].tolist() == at.eye(3).tolist()
    assert jacobian["weight"][1].tolist() == [[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]]
