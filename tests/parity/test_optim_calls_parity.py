"""Optimizers and schedules are called as PyTorch's: closures, modes, errors, subclasses."""

from __future__ import annotations

import io
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape
from tests.parity.twins import parameter, torch

# --- closures, gradients, modes -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_closure(name: str) -> None:
    found = []
    for m in (autotape, torch):
        p = m.tensor([1.0, -2.0], dtype=m.float64, requires_grad=True)
        optimizer = getattr(m.optim, name)([p], lr=0.1)
        modes = []

        def closure(m: Any = m, p: Any = p, optimizer: Any = optimizer, modes: list[bool] = modes) -> Any:
            modes.append(m.is_grad_enabled())
            optimizer.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            return loss

        losses = []
        for mode in (m.no_grad, m.enable_grad):
            with mode():
                losses.append(optimizer.step(closure).item())
                losses.append(optimizer.step(closure=closure).item())
        assert optimizer.step() is None
        found.append((p.tolist(), losses, modes))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-12)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-12)
    assert found[0][2] == found[1][2] == [True] * 4


@pytest.mark.parametrize("set_to_none", [False, True])
def test_zero_grad(set_to_none: bool) -> None:
    found = []
    for m in (autotape, torch):
        p, q, r = (m.tensor([1.0, 2.0], requires_grad=True) for _ in range(3))
        optimizer = m.optim.SGD([p, q, r], lr=0.1)
        (p**3).sum().backward()
        (q**3).sum().backward(create_graph=m is autotape)
        held = p.grad
        optimizer.zero_grad(set_to_none=set_to_none)
        found.append((held.tolist(), p.grad is held, *(str(t.grad) for t in (p, q, r))))
        (p * 2).sum().backward()
        found[-1] += (p.grad.tolist(), p.grad is held, held.tolist())
    assert found[0] == found[1]


def test_modes_and_flags_after_a_step() -> None:
    for m in (autotape, torch):
        for mode in (m.no_grad, m.enable_grad, m.inference_mode):
            p = m.ones(2, requires_grad=True)
            p.grad = m.ones(2)
            optimizer = m.optim.SGD([p], lr=0.5)
            with mode():
                enabled = m.is_grad_enabled()
                optimizer.step()
                assert m.is_grad_enabled() == enabled
            assert (p.tolist(), p.requires_grad, p.is_leaf, p.grad.tolist()) == (
                [0.5, 0.5],
                True,
                True,
                [1.0, 1.0],
            )
            assert p._version == 1


# --- errors -------------------------------------------------------------------------------------------------


def _with_grad(m: Any) -> Any:
    p = parameter(m)
    p.grad = m.ones(3)
    return p


def _lists(m: Any, state: Any) -> None:
    m.optim.SGD([parameter(m)]).load_state_dict(state)


def _twice(m: Any) -> Any:
    p = parameter(m)
    return m.optim.SGD([{"params": [p]}, {"params": [p]}])


def _added(m: Any, group: Any, first: Any = None) -> Any:
    optimizer = m.optim.SGD([parameter(m)] if first is None else first)
    optimizer.add_param_group(group)
    return optimizer


def _expanded(m: Any) -> None:
    p = m.zeros(1).expand(3).requires_grad_()
    optimizer = m.optim.SGD([p], lr=0.1)
    p.grad = m.ones(3)
    optimizer.step()


def _with_schedule(m: Any, build: Callable[[Any, Any], Any], use: Callable[[Any, Any], Any]) -> Any:
    optimizer = m.optim.SGD([parameter(m)], lr=0.1)
    return use(optimizer, build(m.optim.lr_scheduler, optimizer))


def _without_lr(m: Any) -> None:
    optimizer = m.optim.SGD([_with_grad(m)])
    del optimizer.param_groups[0]["lr"]
    optimizer.step()


def _late_amsgrad(m: Any) -> None:
    optimizer = m.optim.Adam([_with_grad(m)])
    optimizer.step()
    optimizer.param_groups[0]["amsgrad"] = True
    optimizer.step()


CALLS: list[Callable[[Any], Any]] = [
    lambda m: m.optim.SGD(parameter(m)),
    lambda m: m.optim.SGD([]),
    lambda m: m.optim.SGD(None),
    lambda m: m.optim.SGD("ab"),
    lambda m: m.optim.SGD([1]),
    lambda m: m.optim.SGD([np.ones(3)]),
    lambda m: m.optim.SGD({parameter(m)}),
    lambda m: m.optim.SGD(iter([parameter(m)])),
    lambda m: m.optim.SGD({"a": parameter(m)}.values()),
    lambda m: m.optim.SGD({"a": parameter(m)}),
    lambda m: m.optim.SGD([m.tensor([1, 2])]),
    lambda m: m.optim.SGD([m.tensor([1.0])]),
    lambda m: m.optim.SGD([parameter(m) * 2]),
    lambda m: m.optim.SGD([("a", parameter(m)), parameter(m)]),
    lambda m: m.optim.SGD([parameter(m), ("a", parameter(m))]),
    lambda m: m.optim.SGD([("a",)]),
    lambda m: m.optim.SGD([{"params": [("a", parameter(m))]}, {"params": [parameter(m)]}]),
    lambda m: m.optim.SGD([{"params": {parameter(m)}}]),
    lambda m: m.optim.SGD([{"params": []}]),
    lambda m: m.optim.SGD([{"params": [parameter(m)]}, parameter(m)]),
    lambda m: m.optim.SGD([{"lr": 1}]),
    lambda m: m.optim.SGD([{"params": parameter(m), "unknown": 1}]),
    lambda m: m.optim.SGD([parameter(m)], unknown=1),
    lambda m: m.optim.SGD([parameter(m)], lr=-1),
    lambda m: m.optim.SGD([parameter(m)], lr=m.tensor(-1.0)),
    lambda m: m.optim.SGD([parameter(m)], lr="a"),
    lambda m: m.optim.SGD([parameter(m)], lr=None),
    lambda m: m.optim.SGD([parameter(m)], lr=m.ones(2)),
    lambda m: m.optim.SGD([parameter(m)], momentum=-1),
    lambda m: m.optim.SGD([parameter(m)], weight_decay=-1),
    lambda m: m.optim.SGD([parameter(m)], nesterov=True),
    lambda m: m.optim.SGD([parameter(m)], nesterov=True, momentum=0.9, dampening=0.1),
    lambda m: m.optim.SGD([parameter(m)], 0.1, 0.9, 0, 0, True),
    lambda m: m.optim.SGD([parameter(m)], 0.1, 0.9, 0, 0, True, True),
    lambda m: m.optim.Adam([parameter(m)], 0.1, (0.9, 0.99), 1e-8, 0, True),
    lambda m: m.optim.Adam([parameter(m)], 0.1, (0.9, 0.99), 1e-8, 0, True, True),
    lambda m: m.optim.Adam([parameter(m)], lr=-1),
    lambda m: m.optim.Adam([parameter(m)], lr=m.ones(2)),
    lambda m: m.optim.Adam([parameter(m)], eps=-1),
    lambda m: m.optim.Adam([parameter(m)], weight_decay=-1),
    lambda m: m.optim.Adam([parameter(m)], betas=(1.0, 0.9)),
    lambda m: m.optim.Adam([parameter(m)], betas=(0.9, 1.0)),
    lambda m: m.optim.Adam([parameter(m)], betas=(-0.1, 0.9)),
    lambda m: m.optim.Adam([parameter(m)], betas=(0.9,)),
    lambda m: m.optim.Adam([parameter(m)], betas=0.9),
    lambda m: m.optim.AdamW([parameter(m)], betas=(0.9, 2.0)),
    lambda m: m.optim.AdamW([parameter(m)], decoupled_weight_decay=True),
    lambda m: m.optim.RMSprop([parameter(m)], lr=-1),
    lambda m: m.optim.RMSprop([parameter(m)], lr=m.ones(2)),
    lambda m: m.optim.RMSprop([parameter(m)], alpha=-1),
    lambda m: m.optim.RMSprop([parameter(m)], eps=-1),
    lambda m: m.optim.RMSprop([parameter(m)], momentum=-1),
    lambda m: m.optim.RMSprop([parameter(m)], weight_decay=-1),
    lambda m: m.optim.RMSprop([parameter(m)], 0.1, 0.9, 1e-8, 0, 0.9, True, False, None, True, False),
    _twice,
    lambda m: _added(m, [parameter(m)]),
    lambda m: _added(m, {"params": [("a", parameter(m))]}),
    lambda m: _added(m, {"params": [parameter(m)]}, [("a", parameter(m))]),
    lambda m: _added(m, {"params": [parameter(m) + 1]}),
    lambda m: _added(m, {"params": parameter(m)}),
    _expanded,
    lambda m: _lists(m, {"state": {}}),
    lambda m: _lists(m, {"param_groups": [{"params": [0]}]}),
    lambda m: _lists(m, {"state": {}, "param_groups": []}),
    lambda m: _lists(m, {"state": {}, "param_groups": [{"params": [0, 1]}]}),
    lambda m: _lists(m, {"state": {}, "param_groups": [{"params": [0]}, {"params": [1]}]}),
    lambda m: m.optim.Optimizer([_with_grad(m)], {}).step(),
    lambda m: m.optim.SGD([_with_grad(m)]).step(lambda: 1 / 0),
    lambda m: m.optim.SGD([_with_grad(m)]).step(3),
    _without_lr,
    _late_amsgrad,
    lambda m: m.optim.lr_scheduler.LRScheduler(m.optim.SGD([parameter(m)])),
    lambda m: m.optim.lr_scheduler.StepLR(parameter(m), 3),
    lambda m: m.optim.lr_scheduler.LambdaLR(parameter(m), lambda e: 1.0),
    lambda m: m.optim.lr_scheduler.CosineAnnealingLR(None, 3),
    lambda m: _with_schedule(m, lambda s, o: s.StepLR(o, 3, last_epoch=2), lambda o, s: s),
    lambda m: _with_schedule(m, lambda s, o: s.LambdaLR(o, lambda e: 1.0, 2), lambda o, s: s),
    lambda m: _with_schedule(m, lambda s, o: s.LambdaLR(o, [lambda e: 1.0] * 2), lambda o, s: s),
    lambda m: _with_schedule(m, lambda s, o: s.LambdaLR(o, 3), lambda o, s: s),
    lambda m: _with_schedule(m, lambda s, o: s.CosineAnnealingLR(o, 3, 0.0, 2), lambda o, s: s),
    lambda m: _with_schedule(m, lambda s, o: s.StepLR(o, 0), lambda o, s: (o.step(), s.step())),
    lambda m: _with_schedule(m, lambda s, o: s.CosineAnnealingLR(o, 0), lambda o, s: (o.step(), s.step())),
    lambda m: _with_schedule(m, lambda s, o: s.StepLR(o, 3), lambda o, s: s.step()),
    lambda m: _with_schedule(m, lambda s, o: s.StepLR(o, 3), lambda o, s: (o.step(), s.step())),
    lambda m: _with_schedule(m, lambda s, o: s.StepLR(o, 3), lambda o, s: (o.step(), s.step(5))),
    lambda m: _with_schedule(
        m,
        lambda s, o: s.LambdaLR(o, lambda e: 1.0),
        lambda o, s: (o.add_param_group({"params": parameter(m)}), s.step()),
    ),
]


def _outcome(call: Callable[[Any], Any], m: Any) -> tuple[str, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call(m)
        except Exception as error:
            return type(error).__name__, []
    return "fine", [w.category.__name__ for w in caught]


@pytest.mark.parametrize("call", CALLS)
def test_what_a_call_raises(call: Callable[[Any], Any]) -> None:
    assert _outcome(call, autotape) == _outcome(call, torch)


def test_an_optimizer_of_the_users_own() -> None:
    found = []
    for m in (autotape, torch):

        class Signs(m.optim.Optimizer):  # type: ignore[misc,name-defined]
            def __init__(self, params: Any, lr: float = 0.1, *, m: Any = m) -> None:
                super().__init__(params, {"lr": lr})
                self.m = m

            def step(self, closure: Any = None) -> None:
                with self.m.no_grad():
                    for group in self.param_groups:
                        for p in group["params"]:
                            state = self.state[p]
                            state["count"] = state.get("count", 0) + 1
                            p.add_(p.grad.sign(), alpha=-group["lr"] / state["count"])

        p = m.tensor([1.0, -2.0], dtype=m.float64, requires_grad=True)
        optimizer = Signs([p])
        for _ in range(3):
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
        found.append((p.tolist(), repr(optimizer), optimizer.state_dict()))
    assert found[0] == found[1]


def test_torch_reads_a_pickled_state_of_plain_numbers() -> None:
    """The containers of a state dict are plain ones: another program unpickles them without autotape."""
    optimizer = autotape.optim.SGD([_with_grad(autotape)], lr=0.1)
    optimizer.step()
    data = pickle.dumps(optimizer.state_dict())
    assert b"autotape" not in data
    other = torch.optim.SGD([parameter(torch)], lr=1.0)
    other.load_state_dict(pickle.load(io.BytesIO(data)))
    assert other.param_groups[0]["lr"] == 0.1
