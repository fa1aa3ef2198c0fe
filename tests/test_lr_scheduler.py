"""Learning rate schedules against their closed formulas; order of calls, state, errors."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import autotape as at
from autotape import optim
from autotape.optim import lr_scheduler
from autotape.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, StepLR
from autotape.optim.swa_utils import SWALR

BASES = (0.5, 0.02)


def _optimizer(*, tensor: bool = False, momentum: float = 0) -> optim.Optimizer:
    rates: list[Any] = [at.tensor(b, dtype=at.float64) for b in BASES] if tensor else [*BASES]
    return optim.SGD(
        [{"params": [at.zeros(1, requires_grad=True)], "lr": lr} for lr in rates], momentum=momentum
    )


def _cosine(base: float, t: int, period: int, low: float) -> float:
    return low + (base - low) * (1 + math.cos(math.pi * t / period)) / 2


def _triangle(base: float, t: int, up: int, down: int, top: float, scale: float = 1.0) -> float:
    t %= up + down
    return base + (top - base) * scale * (t / up if t <= up else (up + down - t) / down)


def _restarts(base: float, t: int, first: int, factor: int, low: float) -> float:
    period = first
    while t >= period:
        t -= period
        period *= factor
    return _cosine(base, t, period, low)


def _one_cycle(base: float, t: int, total: int, part: float, top: float) -> float:
    rise = part * total - 1
    start, end = top / 25, top / 25 / 1e4
    return _cosine(start, t, rise, top) if t <= rise else _cosine(top, t - rise, total - 1 - rise, end)


S = lr_scheduler
CASES: list[tuple[str, Callable[[Any], LRScheduler], Callable[[float, int], float]]] = [
    ("StepLR", lambda o: StepLR(o, 7, 0.7), lambda b, t: b * 0.7 ** (t // 7)),
    ("StepLR-1", lambda o: StepLR(o, step_size=1), lambda b, t: b * 0.1**t),
    ("StepLR-never", lambda o: StepLR(o, 1000), lambda b, t: b),
    ("LambdaLR", lambda o: LambdaLR(o, lambda t: 1 / (1 + t)), lambda b, t: b / (1 + t)),
    ("Cosine", lambda o: CosineAnnealingLR(o, 100), lambda b, t: _cosine(b, t, 100, 0.0)),
    ("Cosine-beyond", lambda o: CosineAnnealingLR(o, 9, 0.003), lambda b, t: _cosine(b, t, 9, 0.003)),
    ("Cosine-1", lambda o: CosineAnnealingLR(o, T_max=1, eta_min=0.3), lambda b, t: _cosine(b, t, 1, 0.3)),
    (
        "MultiStep", lambda o: S.MultiStepLR(o, [3, 8, 8], 0.5),
        lambda b, t: b * 0.5 ** ((t >= 3) + 2 * (t >= 8)),
    ),
    ("Exponential", lambda o: S.ExponentialLR(o, 0.9), lambda b, t: b * 0.9**t),
    ("Linear", lambda o: S.LinearLR(o, 0.25, 0.75, 10), lambda b, t: b * (0.25 + 0.05 * min(t, 10))),
    ("Constant", lambda o: S.ConstantLR(o, 0.25, 7), lambda b, t: b * (0.25 if t < 7 else 1)),
    ("Polynomial", lambda o: S.PolynomialLR(o, 9, 2.0), lambda b, t: b * (1 - min(t, 9) / 9) ** 2),
    ("Restarts", lambda o: S.CosineAnnealingWarmRestarts(o, 4), lambda b, t: _restarts(b, t, 4, 1, 0)),
    (
        "Restarts-longer", lambda o: S.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
        lambda b, t: _restarts(b, t, 3, 2, 0.01),
    ),
]  # fmt: skip
OTHERS: list[tuple[str, Callable[[Any], LRScheduler], Callable[[float, int], float]]] = [
    # These can't go to an epoch by formula, or do not start from the optimizer's rates.
    ("Multiplicative", lambda o: S.MultiplicativeLR(o, lambda t: 0.9), lambda b, t: b * 0.9**t),
    (
        "Cyclic", lambda o: S.CyclicLR(o, [*BASES], 1.0, 4, 6, cycle_momentum=False),
        lambda b, t: _triangle(b, t, 4, 6, 1.0),
    ),
    (
        "Cyclic-2", lambda o: S.CyclicLR(o, [*BASES], 1.0, 4, mode="triangular2"),
        lambda b, t: _triangle(b, t, 4, 4, 1.0, 0.5 ** (t // 8)),
    ),
    (
        "Cyclic-exp", lambda o: S.CyclicLR(o, [*BASES], [1.0, 1.0], 4, mode="exp_range", gamma=0.99),
        lambda b, t: _triangle(b, t, 4, 4, 1.0, 0.99**t),
    ),
    (
        "Cyclic-own",
        lambda o: S.CyclicLR(o, [*BASES], 1.0, 4, scale_fn=lambda i: 1 / (i + 1), scale_mode="iterations"),
        lambda b, t: _triangle(b, t, 4, 4, 1.0, 1 / (t + 1)),
    ),
    ("OneCycle", lambda o: S.OneCycleLR(o, 0.8, 101), lambda b, t: _one_cycle(b, t, 101, 0.3, 0.8)),
    (
        "Sequential", lambda o: S.SequentialLR(o, [S.ConstantLR(o, 0.1, 100), S.ExponentialLR(o, 0.9)], [6]),
        lambda b, t: b * (0.1 if t < 6 else 0.9 ** (t - 6)),
    ),
    (
        "Chained", lambda o: S.ChainedScheduler([S.ConstantLR(o, 0.1, 5), S.ExponentialLR(o, 0.9)], o),
        lambda b, t: b * (0.1 if t < 5 else 1) * 0.9**t,
    ),
    ("SWA", lambda o: SWALR(o, 0.05, 10), lambda b, t: _cosine(b, min(t, 10), 10, 0.05)),
    (
        "SWA-linear", lambda o: SWALR(o, [0.05, 0.1], 4, "linear"),
        lambda b, t: b + ({0.5: 0.05, 0.02: 0.1}[b] - b) * min(t, 4) / 4,
    ),
]  # fmt: skip
every_schedule = pytest.mark.parametrize(
    ("build", "formula"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)


def test_every_schedule_is_tested() -> None:
    kinds = {getattr(lr_scheduler, name) for name in lr_scheduler.__all__} - {LRScheduler}
    tested = {type(build(_optimizer(momentum=0.9))) for _, build, _ in [*CASES, *OTHERS]}
    assert kinds | {SWALR} == tested | {S.ReduceLROnPlateau}


really_every_schedule = pytest.mark.parametrize(
    ("build", "formula"), [c[1:] for c in [*CASES, *OTHERS]], ids=[c[0] for c in [*CASES, *OTHERS]]
)


@pytest.mark.parametrize("tensor", [False, True])
@really_every_schedule
def test_closed_formula(build: Callable[[Any], LRScheduler], formula: Any, tensor: bool) -> None:
    optimizer = _optimizer(tensor=tensor, momentum=0.9)
    held = [group["lr"] for group in optimizer.param_groups]
    schedule = build(optimizer)
    for epoch in range(101):
        expected = [pytest.approx(formula(b, epoch), rel=1e-9, abs=1e-12) for b in BASES]
        assert [float(group["lr"]) for group in optimizer.param_groups] == expected
        assert [float(lr) for lr in schedule.get_last_lr()] == expected
        assert getattr(schedule, "last_epoch", epoch) == epoch
        optimizer.step()
        schedule.step()
    if tensor:  # a rate in a tensor is written in place, and what get_last_lr() gives is no alias of it
        assert all(group["lr"] is t for group, t in zip(optimizer.param_groups, held, strict=True))
        assert all(a is not b for a, b in zip(schedule.get_last_lr(), held, strict=True))
        if type(schedule) in {type(build(_optimizer())) for _, build, _ in CASES}:
            assert [float(t) for t in schedule.base_lrs] == list(BASES)


@every_schedule
def test_step_to_an_epoch(build: Callable[[Any], LRScheduler], formula: Any) -> None:
    optimizer = _optimizer()
    schedule = build(optimizer)
    optimizer.step()
    for epoch in (11, 3):
        if isinstance(schedule, S.CosineAnnealingWarmRestarts):
            schedule.step(epoch)  # as it is meant to be called
        else:
            with pytest.warns(UserWarning, match=r"epoch parameter in `scheduler.step\(\)`"):
                schedule.step(epoch)
        expected = [pytest.approx(formula(b, epoch), rel=1e-12, abs=1e-15) for b in BASES]
        assert schedule.get_last_lr() == expected


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
@really_every_schedule
def test_resumed_from_its_state(build: Callable[[Any], LRScheduler], formula: Any, copied: Any) -> None:
    for cut in range(20):
        optimizer, other = _optimizer(momentum=0.9), _optimizer(momentum=0.9)
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
            assert copied(resumed.state_dict()) == copied(schedule.state_dict())
            assert [g["lr"] for g in other.param_groups] == schedule.get_last_lr()
            assert [g["momentum"] for g in other.param_groups] == [
                g["momentum"] for g in optimizer.param_groups
            ]


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
    }.get(type(schedule))  # fmt: skip
    if arguments is None:
        return  # against PyTorch, in the parity tests
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


def test_plateau() -> None:
    """Reduced after more than patience bad epochs; then a cooldown; never below the minimum."""
    optimizer = _optimizer()
    schedule = S.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=2, min_lr=[0.2, 0.0])
    rates = []
    for metric in (1.0, 0.9, 0.9, at.tensor(0.95), 0.9, 0.9, 0.9, 0.9, 0.8, 0.9, 0.9):
        schedule.step(metric)
        rates.append(schedule.get_last_lr()[0])
    assert rates == [0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2]
    assert schedule.best == 0.8
    resumed = S.ReduceLROnPlateau(_optimizer())
    resumed.load_state_dict(copy.deepcopy(schedule.state_dict()))
    assert resumed.state_dict() == schedule.state_dict()


@pytest.mark.parametrize(
    ("mode", "threshold_mode", "metrics", "bad"),
    [
        ("min", "rel", (1.0, 0.95, 0.89), 0),
        ("min", "abs", (1.0, 0.91, 0.95), 2),
        ("max", "rel", (1.0, 1.05, 1.11), 0),
        ("max", "abs", (1.0, 1.05, math.nan), 2),
    ],
)
def test_plateau_thresholds(mode: str, threshold_mode: str, metrics: Any, bad: int) -> None:
    schedule = S.ReduceLROnPlateau(_optimizer(), mode, threshold=0.1, threshold_mode=threshold_mode)
    for metric in metrics:
        schedule.step(metric)
    assert schedule.num_bad_epochs == bad


def test_momentum_moves_the_other_way() -> None:
    p = at.zeros(1, requires_grad=True)
    for optimizer, momentum in (
        (optim.SGD([p], lr=0.1, momentum=0.5), lambda g: g["momentum"]),
        (optim.Adam([p], lr=0.1), lambda g: g["betas"][0]),
    ):
        schedule: LRScheduler = S.CyclicLR(optimizer, 0.1, 1.0, 2, base_momentum=0.8, max_momentum=0.9)
        found = []
        for _ in range(5):
            found.append(momentum(optimizer.param_groups[0]))
            optimizer.step()
            schedule.step()
        assert found == pytest.approx([0.9, 0.85, 0.8, 0.85, 0.9])
        schedule = S.OneCycleLR(optimizer, 1.0, 10, anneal_strategy="linear")
        assert momentum(optimizer.param_groups[0]) == pytest.approx(0.95)
        for _ in range(2):
            schedule.step()
        assert momentum(optimizer.param_groups[0]) == pytest.approx(0.85)


def test_get_lr_is_for_step_alone() -> None:
    for build in (lambda o: StepLR(o, 3), lambda o: SWALR(o, 0.1), lambda o: S.OneCycleLR(o, 1.0, 9)):
        schedule = build(_optimizer(momentum=0.9))
        with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
            schedule.get_lr()


def test_only_steps_since_the_first_schedule_count() -> None:
    optimizer = _optimizer()
    optimizer.step()
    schedule = StepLR(optimizer, 3)
    with pytest.warns(UserWarning, match=r"before `optimizer.step\(\)`"):
        schedule.step()
    optimizer.step()
    other = StepLR(optimizer, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.step()


REFUSED: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda o: S.LinearLR(o, start_factor=0), ValueError, "Starting multiplicative factor.*got 0"),
    (lambda o: S.LinearLR(o, end_factor=1.5), ValueError, "Ending multiplicative factor.*got 1.5"),
    (lambda o: S.ConstantLR(o, factor=-1), ValueError, "between 0 and 1, but got -1"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 0), ValueError, "positive integer T_0, but got 0"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 1.5), ValueError, "positive integer T_0"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 1, 0), ValueError, "T_mult >= 1"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 1, 1, "a"), ValueError, "eta_min"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 1).step(-1), ValueError, "non-negative epoch"),
    (lambda o: S.CyclicLR(o, 0.1, 1.0, mode="up"), ValueError, "mode 'up' is invalid"),
    (lambda o: S.CyclicLR(o, [0.1], 1.0), ValueError, "base_lr has 1 values, param_groups has 2"),
    (
        lambda o: S.CyclicLR(optim.Rprop([at.zeros(1, requires_grad=True)]), 0.1, 1),
        ValueError,
        "support momentum",
    ),
    (lambda o: S.OneCycleLR(o, 1.0), ValueError, "either total_steps OR"),
    (lambda o: S.OneCycleLR(o, 1.0, 0), ValueError, "positive integer total_steps, but got 0"),
    (lambda o: S.OneCycleLR(o, 1.0, None, 3, 0), ValueError, "positive integer steps_per_epoch, but got 0"),
    (lambda o: S.OneCycleLR(o, 1.0, 9, pct_start=1), ValueError, "pct_start, but got 1"),
    (lambda o: S.OneCycleLR(o, 1.0, 9, anneal_strategy="up"), ValueError, "anneal_strategy.*got up"),
    (lambda o: S.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor should be < 1.0"),
    (lambda o: S.ReduceLROnPlateau(o, "up"), ValueError, "mode up is unknown"),
    (lambda o: S.ReduceLROnPlateau(o, threshold_mode="up"), ValueError, "threshold mode up is unknown"),
    (lambda o: S.ReduceLROnPlateau(o, min_lr=[1.0]), ValueError, "expected 2 min_lrs, got 1"),
    (lambda o: S.ReduceLROnPlateau(3.0), TypeError, "float is not an Optimizer"),  # type: ignore[arg-type]
    (lambda o: S.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
    (lambda o: S.SequentialLR(o, [StepLR(o, 1)], [3]), ValueError, "1 schedulers and 1 milestones"),
    (lambda o: S.SequentialLR(o, [StepLR(_optimizer(), 1)], []), ValueError, "the same optimizer"),
    (lambda o: S.SequentialLR(o, [S.ReduceLROnPlateau(o)], []), ValueError, "does not support `Reduce"),
    (lambda o: S.ChainedScheduler([]), ValueError, "at least one scheduler"),
    (lambda o: S.ChainedScheduler([StepLR(o, 1), 3]), TypeError, "index 1 should have `optimizer`"),  # type: ignore[list-item]
    (lambda o: SWALR(o, 0.1, anneal_strategy="up"), ValueError, "anneal_strategy.*got up"),
    (lambda o: SWALR(o, 0.1, anneal_epochs=-1), ValueError, "anneal_epochs.*got -1"),
    (lambda o: SWALR(o, [0.1]), ValueError, "swa_lr has 1 values"),
]


@pytest.mark.parametrize(("build", "kind", "message"), REFUSED)
def test_what_schedules_refuse(build: Callable[[Any], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        build(_optimizer(momentum=0.9))


def test_one_cycle_ends() -> None:
    optimizer = _optimizer(momentum=0.9)
    schedule = S.OneCycleLR(optimizer, 1.0, 3)
    optimizer.step()
    for _ in range(3):
        schedule.step()
    with pytest.raises(ValueError, match="Tried to step 4 times"):
        schedule.step()


def test_a_group_added_to_a_plateau() -> None:
    optimizer = _optimizer()
    fixed = S.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.1, 0.1])
    free = S.ReduceLROnPlateau(optimizer, patience=0)
    optimizer.add_param_group({"params": [at.zeros(1, requires_grad=True)], "lr": 8.0})
    for schedule in (fixed, free):
        schedule.step(1.0)
    free.step(1.0)
    assert free.get_last_lr() == [0.05, 0.002, 0.8]
    with pytest.raises(RuntimeError, match="3 param groups, and min_lrs 2 values"):
        fixed.step(1.0)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="did you mean 'RMSprop'"):
        _ = optim.RMSProp
    with pytest.raises(AttributeError, match="use Adam"):
        _ = optim.SparseAdam
