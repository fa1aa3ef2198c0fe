"""Lazy modules do and say what PyTorch's do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.parity.module_pairs import text
from tests.parity.twins import torch

LAZY: dict[str, Callable[[Any, Any], Any]] = {
    "repr": lambda m, net: (net, net.weight, net.bias, m.nn.LazyLinear(3, bias=False)),
    "types": lambda m, net: (net(m.ones(2, 3)).shape, type(net).__name__, type(net.weight).__name__, net),
    "dtype": lambda m, net: (net.double().weight.dtype, net(m.ones(2, 3, dtype=m.float64)).dtype),
    "made in float64": lambda m, net: m.nn.LazyLinear(2, dtype=m.float64).weight.dtype,
    "shape": lambda m, net: net.weight.shape,
    "use": lambda m, net: net.weight + 1,
    "names": lambda m, net: (
        [n for n, _ in net.named_parameters()],
        list(net.state_dict()),
        net.state_dict()["weight"],
    ),
    "copy": lambda m, net: copy.deepcopy(net)(m.ones(1, 3)).shape,
    "uninitialized": lambda m, net: net.has_uninitialized_params(),
    "wrong second input": lambda m, net: (net(m.ones(1, 3)), net(m.ones(1, 4))),
    "load": lambda m, net: (
        net.load_state_dict(m.nn.Linear(3, 2).state_dict()),
        net.weight.shape,
        net(m.ones(1, 3)).shape,
        net,
    ),
    "load a lazy one": lambda m, net: (net.load_state_dict(m.nn.LazyLinear(2).state_dict()), net),
    "load lazy into ready": lambda m, net: m.nn.Linear(3, 2).load_state_dict(net.state_dict()),
    "assign": lambda m, net: (
        net.load_state_dict(m.nn.Linear(3, 2).state_dict(), assign=True),
        net.weight.shape,
    ),
    "no initialize": lambda m, net: type(
        "L", (m.nn.modules.lazy.LazyModuleMixin if m is torch else m.nn.lazy.LazyModuleMixin, m.nn.Module), {}
    )()(1),
    "materialize": lambda m, net: (
        net.weight.materialize((2, 3)),
        net.weight.shape,
        net.weight.requires_grad,
        net.weight.is_leaf,
    ),
    "buffer": lambda m, net: (
        (b := m.nn.UninitializedBuffer()) is b
        and (b.requires_grad, b.materialize((2,)), type(b).__name__, b.shape)
    ),
    "parameter": lambda m, net: (
        m.nn.UninitializedParameter(requires_grad=False, dtype=m.float64).requires_grad
    ),
    "in a sequence": lambda m, net: m.nn.Sequential(net, m.nn.ReLU(), m.nn.LazyLinear(1))(m.ones(4, 3)).shape,
    "hooks afterwards": lambda m, net: (net(m.ones(1, 3)).shape, len(net._forward_pre_hooks)),
}


@pytest.mark.parametrize("case", LAZY)
def test_lazy_says_the_same(case: str) -> None:
    ours, theirs = text(lambda m: LAZY[case](m, m.nn.LazyLinear(2)))
    assert ours == theirs
