"""Learning rate schedules set PyTorch's rates."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape
from tests.parity.twins import parameter, same_tree, torch, translated


class _Halving:
    """A factor with state of its own, as LambdaLR saves it."""

    def __init__(self, every: int) -> None:
        self.every = every

    def __call__(self, epoch: int) -> float:
        return 0.5 ** (epoch // self.every)


SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "StepLR": lambda s, o: s.StepLR(o, 7, gamma=0.7),
    "StepLR-every": lambda s, o: s.StepLR(o, step_size=1),
    "StepLR-up": lambda s, o: s.StepLR(o, 30, 2),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda e: 0.95**e),
    "LambdaLR-each": lambda s, o: s.LambdaLR(o, [lambda e: 1 / (1 + e), lambda e: 1 + e % 3]),
    "LambdaLR-object": lambda s, o: s.LambdaLR(o, (_Halving(5), _Halving(9))),
    "Cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=100),
    "Cosine-beyond": lambda s, o: s.CosineAnnealingLR(o, T_max=13, eta_min=0.003),
    "Cosine-1": lambda s, o: s.CosineAnnealingLR(o, 1, 0.01),
    "Cosine-2": lambda s, o: s.CosineAnnealingLR(o, 2),
    "MultiStep": lambda s, o: s.MultiStepLR(o, [3, 30, 30, 80], 0.5),
    "Exponential": lambda s, o: s.ExponentialLR(o, gamma=0.95),
    "Linear": lambda s, o: s.LinearLR(o),
    "Linear-down": lambda s, o: s.LinearLR(o, 1.0, 0.1, 30),
    "Constant": lambda s, o: s.ConstantLR(o, 0.3, 9),
    "Polynomial": lambda s, o: s.PolynomialLR(o, 30, 0.9),
    "Restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 7, eta_min=0.001),
    "Restarts-longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2),
    "Multiplicative": lambda s, o: s.MultiplicativeLR(o, [lambda e: 0.95, lambda e: 1 - 1 / (9 + e)]),
    "Cyclic": lambda s, o: s.CyclicLR(o, 0.1, [1.0, 2.0], 7, 4),
    "Cyclic-2": lambda s, o: s.CyclicLR(o, [0.1, 0.2], 1.0, 9, mode="triangular2", base_momentum=0.5),
    "Cyclic-exp": lambda s, o: s.CyclicLR(o, 0.1, 1.0, 9, mode="exp_range", gamma=0.98, cycle_momentum=False),
    "Cyclic-own": lambda s, o: s.CyclicLR(o, 0.1, 1.0, 9, scale_fn=_Halving(3), scale_mode="iterations"),
    "OneCycle": lambda s, o: s.OneCycleLR(o, 1.0, 130),
    "OneCycle-linear": lambda s, o: s.OneCycleLR(
        o, [1.0, 2.0], epochs=13, steps_per_epoch=10, anneal_strategy="linear"
    ),
    "OneCycle-three": lambda s, o: s.OneCycleLR(
        o, 1.0, 120, pct_start=0.2, three_phase=True, cycle_momentum=False
    ),
    "Sequential": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=10), s.ExponentialLR(o, 0.9), s.StepLR(o, 7)], [10, 40]
    ),
    "Sequential-nested": lambda s, o: s.SequentialLR(
        o,
        [s.SequentialLR(o, [s.ConstantLR(o, 0.5, 4), s.StepLR(o, 3)], [5]), s.CosineAnnealingLR(o, 20)],
        milestones=[30],
    ),
    "Chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 5), s.ExponentialLR(o, 0.9)]),
    "Swa": lambda s, o: _swa(s).SWALR(o, [0.05, 0.1], 12),
    "Swa-linear": lambda s, o: _swa(s).SWALR(o, 0.05, 4, "linear"),
    "Swa-now": lambda s, o: _swa(s).SWALR(o, 0.05, 0),
}
BY_EPOCH = [
    n
    for n in SCHEDULES
    if not n.startswith(("Sequential", "Chained", "Swa", "Restarts", "Cosine", "OneCycle"))
]


def _swa(schedulers: Any) -> Any:
    return (torch if schedulers is torch.optim.lr_scheduler else autotape).optim.swa_utils


@pytest.fixture(autouse=True)
def _without_warnings_of_torchs_own() -> Any:
    """SequentialLR steps the schedules that it holds before the optimizer's first step."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
        yield


def _scheduled(m: Any, *, tensor: bool = False) -> Any:
    rates = (m.tensor(0.5, dtype=m.float64), m.tensor([0.02], dtype=m.float64)) if tensor else (0.5, 0.02)
    return m.optim.SGD(
        [{"params": [parameter(m)], "lr": rates[0]}, {"params": [parameter(m)], "lr": rates[1]}], momentum=0.9
    )


def _numbers(rates: list[Any]) -> list[float]:
    return [float(r) for r in rates]


def _rates(optimizer: Any, schedules: list[Any], epochs: int = 100) -> list[list[float]]:
    found = [_numbers([g["lr"] for g in optimizer.param_groups])]
    for _ in range(epochs):
        optimizer.step()
        for schedule in schedules:
            schedule.step()
        found.append(_numbers([g["lr"] for g in optimizer.param_groups]))
        assert _numbers(schedules[-1].get_last_lr()) == found[-1]
    return found


@pytest.mark.parametrize("tensor", [False, True])
@pytest.mark.parametrize("build", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_a_hundred_epochs(build: Callable[[Any, Any], Any], tensor: bool) -> None:
    ours, theirs = _scheduled(autotape, tensor=tensor), _scheduled(torch, tensor=tensor)
    schedules = build(autotape.optim.lr_scheduler, ours), build(torch.optim.lr_scheduler, theirs)
    held = ours.param_groups[0]["lr"]
    np.testing.assert_allclose(
        _rates(ours, [schedules[0]]), _rates(theirs, [schedules[1]]), rtol=1e-12, atol=1e-16
    )
    assert not tensor or ours.param_groups[0]["lr"] is held
    state, expected = schedules[0].state_dict(), schedules[1].state_dict()
    if "milestones" in expected:
        expected["milestones"] = dict(expected["milestones"])  # a Counter there, which no checkpoint holds
    same_tree({k: state[k] for k in expected}, expected)
    assert set(state) == set(expected)
    same_tree(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize(
    "names", [*itertools.permutations(["StepLR", "LambdaLR-each", "Cosine-beyond", "Cosine"], 2)]
)
def test_several_schedules_of_one_optimizer(names: tuple[str, str]) -> None:
    found = []
    for m in (autotape, torch):
        optimizer = _scheduled(m)
        schedules = [SCHEDULES[n](m.optim.lr_scheduler, optimizer) for n in names]
        found.append(_rates(optimizer, schedules))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12, atol=1e-16)


RESUMED: dict[str, Callable[[Any, Any, int], Any]] = {
    "StepLR": lambda s, o, last: s.StepLR(o, 4, 0.7, last_epoch=last),
    "LambdaLR": lambda s, o, last: s.LambdaLR(o, lambda e: 0.9**e, last_epoch=last),
    "Cosine": lambda s, o, last: s.CosineAnnealingLR(o, 13, 0.001, last_epoch=last),
}


@pytest.mark.parametrize("last", [0, 1, 3, 4, 11, 12, 13, 14, 26])
@pytest.mark.parametrize("build", RESUMED.values(), ids=RESUMED.keys())
def test_resumed_with_last_epoch(build: Callable[[Any, Any, int], Any], last: int) -> None:
    """As PyTorch advises: a new optimizer that has its initial_lr, and the epoch reached."""
    found = []
    for m in (autotape, torch):
        first = _scheduled(m)
        _rates(first, [build(m.optim.lr_scheduler, first, -1)], last)
        second = _scheduled(m)
        second.load_state_dict(first.state_dict())
        found.append(_rates(second, [build(m.optim.lr_scheduler, second, last)]))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("build", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_state_of_a_schedule_goes_from_torch_to_ours(build: Callable[[Any, Any], Any]) -> None:
    theirs = _scheduled(torch)
    schedule = build(torch.optim.lr_scheduler, theirs)
    _rates(theirs, [schedule], 17)
    ours = _scheduled(autotape)
    resumed = build(autotape.optim.lr_scheduler, ours)
    resumed.load_state_dict(schedule.state_dict())
    ours.load_state_dict(translated(theirs.state_dict(), autotape.from_numpy))
    np.testing.assert_allclose(_rates(ours, [resumed]), _rates(theirs, [schedule]), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("name", BY_EPOCH)
def test_step_to_an_epoch(name: str) -> None:
    found = []
    for m in (autotape, torch):
        optimizer = _scheduled(m)
        schedule = SCHEDULES[name](m.optim.lr_scheduler, optimizer)
        optimizer.step()
        rates = []
        for epoch in (3, 7, 40, 12):
            with pytest.warns(UserWarning, match="epoch parameter"):
                schedule.step(epoch)
            rates.append(schedule.get_last_lr())
        schedule.step()
        found.append([*rates, schedule.get_last_lr()])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12, atol=1e-16)


def test_a_schedule_of_the_users_own() -> None:
    found = []
    for m in (autotape, torch):

        class Warmup(m.optim.lr_scheduler.LRScheduler):  # type: ignore[misc,name-defined]
            def get_lr(self) -> list[float]:
                return [base * min(1, (self.last_epoch + 1) / 10) for base in self.base_lrs]

        optimizer = _scheduled(m)
        found.append(_rates(optimizer, [Warmup(optimizer)]))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-15)


@pytest.mark.parametrize("name", ["Restarts", "Restarts-longer"])
def test_restarts_at_any_part_of_an_epoch(name: str) -> None:
    found = []
    for m in (autotape, torch):
        optimizer = _scheduled(m)
        schedule = SCHEDULES[name](m.optim.lr_scheduler, optimizer)
        rates = []
        for epoch in (0, 0.5, 2.9, 3, 3.25, 8.75, 21, 50.5, None, None):
            schedule.step(epoch)
            rates.append([*schedule.get_last_lr(), schedule.T_cur, schedule.T_i, schedule.last_epoch])
        found.append(rates)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"patience": 1, "cooldown": 2, "factor": 0.5},
        {"mode": "max", "patience": 0, "threshold": 0.1},
        {"patience": 2, "threshold_mode": "abs", "threshold": 0.05, "min_lr": [0.1, 0.001]},
        {"mode": "max", "threshold_mode": "abs", "patience": 0, "eps": 0.01},
    ],
)
def test_plateau(options: Any) -> None:
    metrics = np.random.default_rng(0).normal(size=80) / np.arange(1, 81)
    found = []
    for m in (autotape, torch):
        schedule = m.optim.lr_scheduler.ReduceLROnPlateau(_scheduled(m), **options)
        rates = []
        for metric in metrics:
            schedule.step(m.tensor(metric))
            rates.append(_numbers(schedule.get_last_lr()))
        state = schedule.state_dict()
        assert state.pop("_last_lr") == rates[-1]
        found.append((rates, state))
    assert found[0] == found[1]
