"""Lazy modules: what waits for its shape, and how it gets one."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import pytest

import autotape as at
from autotape import nn
from autotape.engine.tensor import Tensor
from autotape.nn.lazy import LazyModuleMixin, is_lazy


class Scale(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(at.ones(size))
        self.register_buffer("mean", at.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.scale


class LazyScale(LazyModuleMixin, Scale):
    cls_to_become = Scale

    def __init__(self) -> None:
        super().__init__(0)
        self.scale = nn.UninitializedParameter()
        self.mean = nn.UninitializedBuffer()

    def initialize_parameters(self, x: Tensor) -> None:
        if self.has_uninitialized_params():
            for t in (self.scale, self.mean):
                t.materialize((x.shape[-1],))
            self.scale.fill_(2.0)
            self.mean.fill_(1.0)


def test_the_first_call_gives_shapes_and_the_class() -> None:
    net = nn.Sequential(LazyScale(), nn.LazyLinear(3))
    weight, scale = net[1].weight, net[0].scale
    assert all(map(is_lazy, net.parameters()))
    assert is_lazy(net[0].mean)
    y = net(at.ones(2, 5))
    assert y.shape == (2, 3)
    assert (type(net[0]), type(net[1])) == (Scale, nn.Linear)
    assert net[1].weight is weight
    assert (type(weight), type(scale), type(net[0].mean)) == (nn.Parameter, nn.Parameter, Tensor)
    assert not any(map(is_lazy, net.parameters()))
    assert scale.tolist() == [2.0] * 5
    y.sum().backward()
    assert weight.grad is not None
    assert weight.grad.shape == (3, 5)
    assert net[0]._forward_pre_hooks == []
    net(at.ones(2, 5))
    assert "_has_hooks" not in net[0].__dict__


def test_what_waits_can_be_converted_copied_and_frozen() -> None:
    net = nn.LazyLinear(2).double()
    for other in (
        net,
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(net)),
        copy.deepcopy(net).half().double(),
    ):
        assert repr(other.weight) == "<UninitializedParameter>"
        assert other.weight.dtype == at.float64
        assert other(at.ones(1, 4, dtype=at.float64)).dtype == at.float64
        assert type(other) is nn.Linear
    net = nn.LazyLinear(2)
    twin = copy.deepcopy(net)
    net(at.ones(1, 4))
    assert is_lazy(twin.weight)
    twin.weight.requires_grad_(False)
    assert not twin(at.ones(1, 3)).grad_fn.parents[1:2][0]  # type: ignore[union-attr]
    again = nn.LazyLinear(2)
    again.bias.requires_grad = False  # type: ignore[union-attr]
    again.bias.requires_grad = True  # type: ignore[union-attr]
    again(at.ones(1, 2)).sum().backward()
    assert again.bias.grad is not None
    assert again.bias.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "use", [lambda p: p + 1, lambda p: p.sum(), lambda p: p.fill_(1), lambda p: p.numpy(force=True)]
)
def test_values_that_are_not_there_are_an_error_that_helps(use: Any) -> None:
    with pytest.raises(ValueError, match=r"uninitialized parameter\. Call the lazy module's forward"):
        use(nn.UninitializedParameter())
    with pytest.raises(ValueError, match="uninitialized buffer"):
        use(nn.UninitializedBuffer())


def test_an_optimizer_may_be_made_before_the_first_call() -> None:
    net = nn.Sequential(nn.LazyLinear(2), nn.Tanh(), nn.LazyLinear(1))
    optimizers = [kind(net.parameters(), lr=0.1) for kind in (at.optim.SGD, at.optim.Adam)]
    net(at.ones(3, 4)).sum().backward()
    before = net[0].weight.detach().clone()
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    assert not at.equal(net[0].weight, before)


def test_a_shape_that_is_not_there() -> None:
    with pytest.raises(RuntimeError, match="Can't access the shape"):
        _ = nn.UninitializedParameter().shape
    with pytest.raises(RuntimeError, match="Can't access the shape"):
        nn.Linear(3, 2).load_state_dict(nn.LazyLinear(2).state_dict())


def test_a_state_dict_gives_the_shapes() -> None:
    ready = nn.Sequential(Scale(4), nn.Linear(4, 2))
    for assign in (False, True):
        net = nn.Sequential(LazyScale(), nn.LazyLinear(2))
        net.load_state_dict(ready.state_dict(), assign=assign)
        assert at.equal(net[1].weight, ready[1].weight)
        assert at.equal(net(at.ones(3, 4)), ready(at.ones(3, 4)))
        assert repr(net) == repr(ready)
    lazy = nn.Sequential(LazyScale(), nn.LazyLinear(2))
    assert lazy.load_state_dict(nn.Sequential(LazyScale(), nn.LazyLinear(2)).state_dict()).missing_keys == []


def test_an_initialisation_that_fails_or_is_missing() -> None:
    class Forgets(LazyScale):
        def initialize_parameters(self, x: Tensor) -> None:
            pass

    with pytest.raises(RuntimeError, match="Forgets has not been fully initialized"):
        Forgets()(at.ones(2))

    class Bare(LazyModuleMixin, nn.Identity):
        pass

    with pytest.raises(NotImplementedError, match="Bare"):
        Bare()(1)
    net = nn.LazyLinear(2)
    with pytest.raises(RuntimeError):
        net(at.ones(2, 3).long())
    assert net(at.ones(2, 3)).shape == (2, 2)


def test_inputs_by_name_and_other_hooks_stay() -> None:
    seen: list[str] = []
    net = LazyScale()
    net.register_forward_hook(lambda module, args, output: seen.append(type(module).__name__))
    net(x=at.ones(2))
    net(at.ones(2))
    assert seen == ["Scale", "Scale"]


def test_lazy_modules_die_without_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        net = nn.LazyLinear(2)
        waiting = weakref.ref(net)
        del net
        net = nn.LazyLinear(2)
        net(at.ones(1, 2))
        ready = weakref.ref(net)
        del net
        assert waiting() is None
        assert ready() is None
    finally:
        gc.enable()
