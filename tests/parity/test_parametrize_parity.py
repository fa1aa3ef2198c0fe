"""Parametrizations give PyTorch's values, derivatives, names and errors."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from tests.parity.module_pairs import compare, linear_pair, text, train


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (1, 3)])
@pytest.mark.parametrize("orthogonal_map", [None, "matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("use_trivialization", [True, False])
def test_orthogonal(shape: tuple[int, int], orthogonal_map: str | None, use_trivialization: bool) -> None:
    def run(m: Any, layer: Any) -> Any:
        make = m.nn.utils.parametrizations.orthogonal
        q = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
        if shape[0] != shape[1] and not use_trivialization:
            q = np.eye(4)  # what completes a rectangular matrix is drawn at random
        layer.weight.data = m.from_numpy(q[: shape[1], : shape[0]].copy())
        if shape[0] == shape[1]:
            layer.weight.data = m.from_numpy(np.linalg.qr(q[:3, :3])[0])
        make(layer, orthogonal_map=orthogonal_map, use_trivialization=use_trivialization)
        if not use_trivialization:
            start = np.random.default_rng(2).normal(size=tuple(layer.parametrizations.weight.original.shape))
            if orthogonal_map == "householder":
                np.fill_diagonal(start, 1.0)
            if orthogonal_map is not None:
                layer.parametrizations.weight.original.data = m.from_numpy(start)
        if use_trivialization and shape[0] != shape[1]:
            return layer.weight, list(layer.state_dict())
        return train(m, layer)

    compare(run, linear_pair(*shape), 1e-7)


def test_orthogonal_from_any_matrix_and_assignment() -> None:
    def run(m: Any, layer: Any) -> Any:
        m.nn.utils.parametrizations.orthogonal(layer)
        before = layer.weight
        layer.weight = m.from_numpy(np.linalg.qr(np.arange(9.0).reshape(3, 3) ** 2)[0])
        return before, layer.weight, layer.state_dict()

    compare(run, linear_pair(3, 3))

    def run_householder(m: Any, layer: Any) -> Any:
        m.nn.utils.parametrizations.orthogonal(layer, orthogonal_map="householder", use_trivialization=False)
        return layer.weight, layer.state_dict()

    compare(run_householder, linear_pair(3, 5))
    compare(run_householder, linear_pair(5, 3))


@pytest.mark.parametrize("dim", [0, 1, None, -1])
def test_weight_norm(dim: int | None) -> None:
    # PyTorch's second derivatives for dims 0 and 1 fail its own gradgradcheck: they are left out.
    def run(m: Any, layer: Any) -> Any:
        new = m.nn.utils.parametrizations.weight_norm(copy.deepcopy(layer), dim=dim)
        old = m.nn.utils.weight_norm(layer, dim=dim)
        return [train(m, net, second_order=dim in (None, -1)) for net in (new, old)]

    compare(run, linear_pair(3, 2))


def test_weight_norm_loads_the_older_names_and_is_removed() -> None:
    def run(m: Any, layer: Any) -> Any:
        old = m.nn.utils.weight_norm(copy.deepcopy(layer))
        new = m.nn.utils.parametrizations.weight_norm(m.nn.Linear(3, 2, dtype=m.float64))
        new.load_state_dict(old.state_dict())
        names = list(old.state_dict()), list(new.state_dict())
        weight = new.weight
        m.nn.utils.remove_weight_norm(old)
        m.nn.utils.parametrize.remove_parametrizations(new, "weight")
        return names, weight, old.state_dict(), new.state_dict(), [n for n, _ in new.named_parameters()]

    compare(run, linear_pair(3, 2))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("old", [True, False])
def test_spectral_norm(training: bool, old: bool) -> None:
    def run(m: Any, layer: Any) -> Any:
        u = m.nn.utils if old else m.nn.utils.parametrizations
        u.spectral_norm(layer, n_power_iterations=2)
        holder = layer if old else layer.parametrizations.weight[0]
        names = ("weight_u", "weight_v") if old else ("_u", "_v")
        for name, size in zip(names, (2, 3), strict=True):
            getattr(holder, name).data.copy_(m.from_numpy(np.arange(1.0, 1 + size)) / 4)
        layer.train(training)
        return train(m, layer)

    compare(run, linear_pair(3, 2))


def test_spectral_norm_of_other_shapes_and_removal() -> None:
    def run(m: Any, layer: Any) -> Any:
        s = m.nn.utils.parametrizations.spectral_norm(layer, "bias")
        norm = (s.bias**2).sum()
        m.nn.utils.parametrize.remove_parametrizations(s, "bias")
        old = m.nn.utils.spectral_norm(layer)
        names = list(old.state_dict())
        return norm, names, list(m.nn.utils.remove_spectral_norm(old).state_dict()), old.bias

    compare(run, linear_pair(3, 2))


def parametrized(m: Any) -> Any:
    class Double(m.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return 2 * x

        def right_inverse(self, x: Any) -> Any:
            return x / 2

    class Sum(m.nn.Module):  # type: ignore[misc]
        def forward(self, a: Any, b: Any) -> Any:
            return a + b

        def right_inverse(self, x: Any) -> Any:
            return x / 4, 3 * x / 4

    class Bare(m.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x + 1

    class Narrow(m.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x[:1]

    return Double, Sum, Bare, Narrow


def test_register_and_remove_parametrizations() -> None:
    def run(m: Any, layer: Any) -> Any:
        p = m.nn.utils.parametrize
        double, add, bare, _ = parametrized(m)
        original = layer.weight
        seen: list[Any] = []
        p.register_parametrization(layer, "weight", double())
        seen += [repr(layer), layer.parametrizations.weight.original is original, layer.weight, original]
        layer.weight = layer.weight + 1
        p.register_parametrization(layer, "weight", double())
        seen += [layer.weight, original, len(layer.parametrizations.weight)]
        p.register_parametrization(layer, "bias", add())
        seen += [layer.bias, list(layer.state_dict()), [n for n, _ in layer.named_parameters()]]
        twin = copy.deepcopy(layer)
        layer.weight = layer.weight * 3
        seen += [repr(twin), twin.weight, twin.bias, list(twin.state_dict())]
        seen += [p.is_parametrized(layer), p.is_parametrized(layer, "weight"), p.is_parametrized(twin, "x")]
        seen += [p.type_before_parametrizations(layer).__name__, type(layer).__name__]
        p.remove_parametrizations(layer, "weight")
        seen += [layer.weight, layer.weight is original, list(layer.state_dict())]
        other = p.register_parametrization(m.nn.Linear(3, 2, dtype=m.float64), "weight", bare())
        p.transfer_parametrizations_and_params(layer, other, "bias")
        seen += [repr(other), other.bias, other.parametrizations.bias.original0]
        return seen

    compare(run, linear_pair(3, 2))


PARAMETRIZE = {
    "no such name": lambda m, p, c, net: p.register_parametrization(net, "nothing", c[0]()),
    "narrow": lambda m, p, c, net: p.register_parametrization(net, "weight", c[3]()),
    "narrow, unsafe": lambda m, p, c, net: (
        p.register_parametrization(net, "weight", c[3](), unsafe=True).weight.shape
    ),
    "narrow second": lambda m, p, c, net: p.register_parametrization(
        p.register_parametrization(net, "weight", c[0]()), "weight", c[3]()
    ),
    "not parametrized": lambda m, p, c, net: p.remove_parametrizations(net, "weight"),
    "several": lambda m, p, c, net: p.remove_parametrizations(
        p.register_parametrization(net, "weight", c[1]()), "weight", leave_parametrized=False
    ),
    "no inverse": lambda m, p, c, net: setattr(
        p.register_parametrization(net, "weight", c[2]()), "weight", m.ones(2, 3)
    ),
    "assign a parameter": lambda m, p, c, net: setattr(
        p.register_parametrization(net, "weight", c[0]()), "weight", m.nn.Parameter(m.ones(2, 3))
    ),
    "pickle": lambda m, p, c, net: p.register_parametrization(net, "weight", c[0]()).__getstate__(),
    "cached": lambda m, p, c, net: cached(p, p.register_parametrization(net, "weight", c[0]())),
    "orthogonal bias": lambda m, p, c, net: m.nn.utils.parametrizations.orthogonal(net, "bias"),
    "orthogonal nothing": lambda m, p, c, net: m.nn.utils.parametrizations.orthogonal(net, "nothing"),
    "orthogonal map": lambda m, p, c, net: m.nn.utils.parametrizations.orthogonal(net, orthogonal_map="x"),
    "orthogonal assign": lambda m, p, c, net: setattr(
        m.nn.utils.parametrizations.orthogonal(net, orthogonal_map="cayley", use_trivialization=False),
        "weight",
        m.ones(2, 3),
    ),
    "spectral dim": lambda m, p, c, net: m.nn.utils.parametrizations.spectral_norm(net, dim=2),
    "spectral steps": lambda m, p, c, net: m.nn.utils.parametrizations.spectral_norm(
        net, n_power_iterations=0
    ),
    "weight norm twice": lambda m, p, c, net: m.nn.utils.weight_norm(m.nn.utils.weight_norm(net)),
    "no weight norm": lambda m, p, c, net: m.nn.utils.remove_weight_norm(net),
    "no spectral norm": lambda m, p, c, net: m.nn.utils.remove_spectral_norm(net),
    "weight norm of nothing": lambda m, p, c, net: m.nn.utils.weight_norm(net, "nothing"),
    "lazy": lambda m, p, c, net: m.nn.utils.weight_norm(m.nn.LazyLinear(2)),
    "reprs": lambda m, p, c, net: [
        m.nn.utils.parametrizations.weight_norm(m.nn.Linear(2, 2)),
        m.nn.utils.parametrizations.spectral_norm(m.nn.Linear(2, 2)),
        m.nn.utils.parametrizations.orthogonal(m.nn.Linear(2, 2)),
        m.nn.utils.weight_norm(m.nn.Linear(2, 2)),
    ],
}


def cached(p: Any, net: Any) -> list[bool]:
    same = [net.weight is net.weight]
    with p.cached():
        first = net.weight
        same.append(first is net.weight)
        with p.cached():
            same.append(first is net.weight)
        same.append(first is net.weight)
    return [*same, first is net.weight]


@pytest.mark.parametrize("case", PARAMETRIZE)
def test_parametrize_says_the_same(case: str) -> None:
    def run(m: Any) -> Any:
        return PARAMETRIZE[case](m, m.nn.utils.parametrize, parametrized(m), m.nn.Linear(3, 2))

    ours, theirs = text(run)
    assert ours == theirs
