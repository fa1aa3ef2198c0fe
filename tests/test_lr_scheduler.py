"""Learning rate schedules against their closed formulas; order of calls, state, errors."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import autotape as at
from autotape import optim
from autotape.optim import lr_scheduler
from autotape.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, StepLR

BASES = (0.5, 0.02)


def _optimizer(*, tensor: bool = False) -> optim.Optimizer:
    rates: list[Any] = [at.tensor(b, dtype=at.float64) for b in BASES] if tensor else [*BASES]
    return optim.SGD([{"params": [at.zeros(1, requires_grad=True)], "lr": lr} for lr in rates])


def _cosine(base: float, t: int, period: int, low: float) -> float:
    return low + (base - low) * (1 + math.cos(math.pi * t / period)) / 2


CASES: list[tuple[str, Callable[[Any], LRScheduler], Callable[[float, int], float]]] = [
    ("StepLR", lambda o: StepLR(o, 7, 0.7), lambda b, t: b * 0.7 ** (t // 7)),
    ("StepLR-1", lambda o: StepLR(o, step_size=1), lambda b, t: b * 0.1**t),
    ("StepLR-never", lambda o: StepLR(o, 1000), lambda b, t: b),
    ("LambdaLR", lambda o: LambdaLR(o, lambda t: 1 / (1 + t)), lambda b, t: b / (1 + t)),
    ("Cosine", lambda o: CosineAnnealingLR(o, 100), lambda b, t: _cosine(b, t, 100, 0.0)),
    ("Cosine-beyond", lambda o: CosineAnnealingLR(o, 9, 0.003), lambda b, t: _cosine(b, t, 9, 0.003)),
    ("Cosine-1", lambda o: CosineAnnealingLR(o, T_max=1, eta_min=0.3), lambda b, t: _cosine(b, t, 1, 0.3)),
]
every_schedule = pytest.mark.parametrize(
    ("build", "formula"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)


def test_every_schedule_is_tested() -> None:
    kinds = {getattr(lr_scheduler, name) for name in lr_scheduler.__all__} - {LRScheduler}
    assert {k for k in kinds if inspect.isclass(k)} == {type(build(_optimizer())) for _, build, _ in CASES}


@pytest.mark.parametrize("tensor", [False, True])
@every_schedule
def test_closed_formula(build: Callable[[Any], LRScheduler], formula: Any, tensor: bool) -> None:
    optimizer = _optimizer(tensor=tensor)
    held = [group["lr"] for group in optimizer.param_groups]
    schedule = build(optimizer)
    for epoch in range(101):
        expected = [pytest.approx(formula(b, epoch), rel=1e-9, abs=1e-12) for b in BASES]
        assert [float(group["lr"]) for group in optimizer.param_groups] == expected
        assert [float(lr) for lr in schedule.get_last_lr()] == expected
        assert schedule.last_epoch == epoch
        optimizer.step()
        schedule.step()
    if tensor:  # a rate in a tensor is written in place, and what get_last_lr() gives is no alias of it
        assert all(group["lr"] is t for group, t in zip(optimizer.param_groups, held, strict=True))
        assert all(a is not b for a, b in zip(schedule.get_last_lr(), held, strict=True))
        assert [float(t) for t in schedule.base_lrs] == list(BASES)


@every_schedule
def test_step_to_an_epoch(build: Callable[[Any], LRScheduler], formula: Any) -> None:
    optimizer = _optimizer()
    schedule = build(optimizer)
    optimizer.step()
    for epoch in (11, 3):
        with pytest.warns(UserWarning, match=r"epoch parameter in `scheduler.step\(\)`"):
            schedule.step(epoch)
        expected = [pytest.approx(formula(b, epoch), rel=1e-12, abs=1e-15) for b in BASES]
        assert schedule.get_last_lr() == expected


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
@every_schedule
def test_resumed_from_its_state(build: Callable[[Any], LRScheduler], formula: Any, copied: Any) -> None:
    for cut in range(20):
        optimizer, other = _optimizer(), _optimizer()
        schedule = build(optimizer)
        for _ in range(cut):
            optimizer.step()
            schedule.step()
        resumed = build(other)
        resumed.load_state_dict(copied(schedule.state_dict()))
        other.load_state_dict(copied(optimizer.state_dict()))
        for _ in range(20):
            for o, s in ((optimizer, schedule), (other, resumed)):
                o.step()
                s.step()
            assert resumed.get_last_lr() == schedule.get_last_lr()
            assert resumed.last_epoch == schedule.last_epoch
            assert [g["lr"] for g in other.param_groups] == schedule.get_last_lr()


class _Factor:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, epoch: int) -> float:
        return self.factor**epoch


def test_lambda_state_holds_objects_and_leaves_functions_out() -> None:
    schedule = LambdaLR(_optimizer(), [_Factor(0.5), lambda epoch: 1.0])
    state = copy.deepcopy(schedule.state_dict())
    assert state["lr_lambdas"] == [{"factor": 0.5}, None]
    optimizer = _optimizer()
    other = LambdaLR(optimizer, (_Factor(0.1), lambda epoch: 2.0))
    other.load_state_dict(state)
    assert state["lr_lambdas"] == [{"factor": 0.5}, None]
    optimizer.step()
    other.step()
    assert other.get_last_lr() == [0.25, 0.04]


def test_two_schedules_multiply() -> None:
    optimizer = _optimizer()
    schedules = [StepLR(optimizer, 2, 0.5), StepLR(optimizer, 3, 0.1)]
    for epoch in range(1, 13):
        optimizer.step()
        for schedule in schedules:
            schedule.step()
        expected = [pytest.approx(b * 0.5 ** (epoch // 2) * 0.1 ** (epoch // 3)) for b in BASES]
        assert [group["lr"] for group in optimizer.param_groups] == expected


def test_a_step_uses_the_rate() -> None:
    p = at.zeros(1, requires_grad=True)
    optimizer = optim.SGD([p], lr=1.0)
    schedule = StepLR(optimizer, 1, 0.5)
    for _ in range(4):
        p.grad = at.ones(1)
        optimizer.step()
        schedule.step()
    assert p.item() == -(1 + 0.5 + 0.25 + 0.125)


def test_rates_are_stepped_after_the_optimizer() -> None:
    optimizer = _optimizer()
    schedule = StepLR(optimizer, 3)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        schedule.step()
    schedule.step()  # it says so once
    optimizer = _optimizer()
    schedule = StepLR(optimizer, 3)
    optimizer.step()
    schedule.step()
    schedule.step()


@pytest.mark.parametrize("last", [0, 1, 6, 7, 20])
@every_schedule
def test_resumed_with_last_epoch(build: Callable[[Any], LRScheduler], formula: Any, last: int) -> None:
    """As PyTorch does it: the constructor goes to the epoch after ``last_epoch``."""
    optimizer = _optimizer()
    schedule = build(optimizer)
    arguments = {
        StepLR: ("step_size", "gamma"), LambdaLR: ("lr_lambdas",), CosineAnnealingLR: ("T_max", "eta_min"),
    }[type(schedule)]  # fmt: skip
    values = [getattr(schedule, name) for name in arguments]
    resumed = type(schedule)(optimizer, *values, last_epoch=last)
    assert resumed.last_epoch == last + 1
    assert resumed.base_lrs == list(BASES)
    rates = [g["lr"] for g in optimizer.param_groups]
    if isinstance(schedule, LambdaLR):
        assert rates == pytest.approx([formula(b, last + 1) for b in BASES])
    elif isinstance(schedule, CosineAnnealingLR) or (last + 1) % schedule.step_size:
        assert rates == list(BASES)
    else:
        assert rates == [b * schedule.gamma for b in BASES]


def test_resuming_needs_the_initial_rate() -> None:
    with pytest.raises(
        KeyError, match=r"'initial_lr' is not specified in param_groups\[0\].*last_epoch >= 0"
    ):
        StepLR(_optimizer(), 3, last_epoch=4)


def test_refused() -> None:
    with pytest.raises(TypeError, match="float is not an Optimizer"):
        StepLR(0.1, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Expected 2 lr_lambdas, but got 1"):
        LambdaLR(_optimizer(), [lambda epoch: 1.0])
    with pytest.raises(NotImplementedError):
        LRScheduler(_optimizer())


def test_a_group_added_later() -> None:
    """StepLR takes it along; LambdaLR has no initial rate of it."""
    for build, error in (
        (lambda o: StepLR(o, 1, 0.5), None),
        (lambda o: LambdaLR(o, lambda e: 0.5), ValueError),
    ):
        optimizer = _optimizer()
        schedule = build(optimizer)
        optimizer.add_param_group({"params": [at.zeros(1, requires_grad=True)], "lr": 8.0})
        optimizer.step()
        if error is None:
            schedule.step()
            assert schedule.get_last_lr() == [0.25, 0.01, 4.0]
        else:
            with pytest.raises(error):
                schedule.step()
