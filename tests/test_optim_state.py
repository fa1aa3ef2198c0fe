"""The state of optimizers: copied, saved, refused, and resumed bit for bit."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import nn, optim
from autotape.optim import lr_scheduler
from autotape.optim import lr_scheduler as S
from autotape.optim.swa_utils import SWALR
from tests.optimizers import (
    MATRICES,
    MINIMIZERS,
    OPTIMIZERS,
    Options,
    every_optimizer,
    really_every_optimizer,
)


def _bits(tree: Any) -> str:
    """A hash of a nest of containers down to the last bit, type and dtype."""
    digest = hashlib.sha256()

    def visit(value: Any) -> None:
        digest.update(type(value).__name__.encode())
        if isinstance(value, at.Tensor):
            array = value.detach().numpy()
            digest.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
        elif isinstance(value, dict):
            for k, v in value.items():
                visit(k)
                visit(v)
        elif isinstance(value, (list, tuple)):
            for v in value:
                visit(v)
        else:
            digest.update(repr(value).encode())

    visit(tree)
    return digest.hexdigest()


SCHEDULES: dict[str, Callable[[optim.Optimizer], lr_scheduler.LRScheduler]] = {
    "StepLR": lambda o: S.StepLR(o, 3, 0.5),
    "LambdaLR": lambda o: S.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "CosineAnnealingLR": lambda o: S.CosineAnnealingLR(o, 7, 1e-4),
    "MultiplicativeLR": lambda o: S.MultiplicativeLR(o, lambda epoch: 0.9),
    "MultiStepLR": lambda o: S.MultiStepLR(o, [2, 5, 5], 0.5),
    "ExponentialLR": lambda o: S.ExponentialLR(o, 0.9),
    "LinearLR": lambda o: S.LinearLR(o, total_iters=6),
    "ConstantLR": lambda o: S.ConstantLR(o, total_iters=6),
    "PolynomialLR": lambda o: S.PolynomialLR(o, 30),
    "CosineAnnealingWarmRestarts": lambda o: S.CosineAnnealingWarmRestarts(o, 2, 2),
    "CyclicLR": lambda o: S.CyclicLR(o, 1e-3, 0.1, 3, mode="triangular2", cycle_momentum=_has_momentum(o)),
    "OneCycleLR": lambda o: S.OneCycleLR(o, 0.1, 24, cycle_momentum=_has_momentum(o)),
    "ReduceLROnPlateau": lambda o: S.ReduceLROnPlateau(o, patience=1, factor=0.5),
    "SequentialLR": lambda o: S.SequentialLR(o, [S.ConstantLR(o, 0.1, 9), S.ExponentialLR(o, 0.9)], [5]),
    "ChainedScheduler": lambda o: S.ChainedScheduler([S.ExponentialLR(o, 0.9), S.StepLR(o, 3, 0.5)]),
    "SWALR": lambda o: SWALR(o, 1e-3, 5),
}
EVERY_KIND = [*{kind: (kind, options) for kind, options in [*OPTIMIZERS, *MINIMIZERS, *MATRICES]}.values()]


def _has_momentum(optimizer: optim.Optimizer) -> bool:
    return "betas" in optimizer.defaults or bool(optimizer.defaults.get("momentum"))


class Run:
    """Training with everything that a checkpoint has to hold: weights, moments, rates and drawn numbers."""

    def __init__(self, seed: int, kind: type[optim.Optimizer], options: Options, schedule: Any) -> None:
        at.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.2), nn.Linear(4, 2))
        params = [p for p in self.model.parameters() if kind is not optim.Muon or p.ndim == 2]
        groups: Any = [{"params": params[:2]}, {"params": params[2:], "lr": 0.03}]
        self.optimizer = kind(params if kind in (optim.LBFGS, optim.Muon) else groups, **options)
        self.schedule = schedule(self.optimizer)
        self.epoch = 0

    def train(self, epochs: int) -> Run:
        for _ in range(epochs):
            for _ in range(2):
                x = at.randn(5, 3)

                def closure(x: at.Tensor = x) -> at.Tensor:
                    loss = ((self.model(x) - x[:, :2].sin()) ** 2).mean()
                    self.optimizer.zero_grad()
                    loss.backward()
                    return loss

                loss = self.optimizer.step(closure)
            if isinstance(self.schedule, S.ReduceLROnPlateau):
                self.schedule.step(loss.item())
            else:
                self.schedule.step()
            self.epoch += 1
        return self

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(), "epoch": self.epoch, "generator": at.get_rng_state(),
        }  # fmt: skip

    def load(self, state: dict[str, Any]) -> Run:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.epoch = state["epoch"]
        at.set_rng_state(state["generator"])
        return self


def test_every_schedule_is_resumed() -> None:
    run = Run(0, optim.Adam, {}, SCHEDULES["StepLR"])
    kinds = {getattr(S, name) for name in S.__all__} - {S.LRScheduler}
    assert kinds | {SWALR} == {type(build(run.optimizer)) for build in SCHEDULES.values()}


@really_every_optimizer
def test_resumed_training_is_bit_for_bit_the_uninterrupted_one(
    kind: type[optim.Optimizer], options: Options
) -> None:
    """PROMISES row 28: every optimizer, cut at each of 20 epochs."""
    schedule = SCHEDULES["CosineAnnealingLR"]
    whole = Run(0, kind, options, schedule)
    cuts = []
    for _ in range(20):
        cuts.append(copy.deepcopy(whole.state()))
        whole.train(1)
    expected = _bits(whole.state())
    for cut in cuts:
        resumed = Run(99, kind, options, schedule).load(copy.deepcopy(cut)).train(20 - cut["epoch"])
        assert _bits(resumed.state()) == expected


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
@pytest.mark.parametrize(("kind", "options"), EVERY_KIND, ids=[kind.__name__ for kind, _ in EVERY_KIND])
def test_every_optimizer_with_every_schedule(
    kind: type[optim.Optimizer], options: Options, schedule: Any, tmp_path: Path
) -> None:
    """PROMISES row 28, through a checkpoint file, cut at three epochs of seven."""
    whole = Run(0, kind, options, schedule)
    for cut in (0, 2, 5):
        whole.train(cut - whole.epoch)
        at.save(whole.state(), tmp_path / str(cut))
    expected = _bits(whole.train(2).state())
    for cut in (0, 2, 5):
        resumed = Run(99, kind, options, schedule).load(at.load(tmp_path / str(cut)))
        assert _bits(resumed.train(7 - cut).state()) == expected


@really_every_optimizer
def test_a_copy_of_the_whole_run_goes_on_alike(kind: type[optim.Optimizer], options: Options) -> None:
    run = Run(0, kind, options, SCHEDULES["StepLR"]).train(3)
    copied = copy.deepcopy(run)
    generator = at.get_rng_state()
    expected = _bits(run.train(3).state())
    at.set_rng_state(generator)
    assert _bits(copied.train(3).state()) == expected


@every_optimizer
def test_the_same_seed_gives_the_same_bits(kind: type[optim.Optimizer], options: Options) -> None:
    """PROMISES row 27."""
    found = {_bits(Run(3, kind, options, SCHEDULES["LambdaLR"]).train(4).state()) for _ in range(10)}
    assert len(found) == 1
    assert _bits(Run(4, kind, options, SCHEDULES["LambdaLR"]).train(4).state()) not in found


@every_optimizer
def test_a_loaded_state_is_a_copy(kind: type[optim.Optimizer], options: Options) -> None:
    p, q = (at.ones(2, requires_grad=True) for _ in range(2))
    first, second = kind([p], **{**options, "lr": at.tensor(0.1)}), kind([q], **options)
    for _ in range(2):
        p.grad = at.ones(2)
        first.step()
    state = first.state_dict()
    before = _bits(state)
    second.load_state_dict(state)
    assert _bits(state) == before
    q.grad = at.ones(2)
    second.step()
    second.param_groups[0]["lr"].fill_(7.0)
    assert _bits(first.state_dict()) == _bits(state) == before


def test_adamw_reads_a_state_that_adam_saved() -> None:
    """As in PyTorch: options come from the state, that the decay is decoupled comes from the class."""
    p = at.ones(1, requires_grad=True)
    optimizer = optim.AdamW([p], lr=9.0)
    optimizer.load_state_dict(optim.Adam([p], lr=0.5, weight_decay=0.2).state_dict())
    p.grad = at.zeros(1)
    optimizer.step()
    assert p.item() == pytest.approx(0.9)


def test_loading_keeps_the_parameters_and_their_memory() -> None:
    p = at.ones(2, requires_grad=True)
    optimizer = optim.Adam([p])
    p.grad = at.ones(2)
    optimizer.step()
    values = p.tolist()
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert optimizer.param_groups[0]["params"][0] is p
    assert list(optimizer.state) == [p]
    assert p.tolist() == values


def test_state_of_a_transposed_weight_keeps_its_order() -> None:
    """The moments lie in memory as the parameter does, also after loading: a step runs over both at once."""
    p = at.from_numpy(np.asfortranarray(np.ones((3, 4)))).requires_grad_()
    p.grad = at.from_numpy(np.arange(12.0).reshape(3, 4))
    optimizer = optim.Adam([p])
    optimizer.step()
    state = {k: {n: t.clone() for n, t in s.items()} for k, s in optimizer.state_dict()["state"].items()}
    expected = _bits(state)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    assert optimizer.state[p]["exp_avg"].numpy().flags.f_contiguous
    assert _bits(optimizer.state_dict()["state"]) == expected


@every_optimizer
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(
    kind: type[optim.Optimizer], options: Options
) -> None:
    p, q = at.ones(2, requires_grad=True), at.ones(1, requires_grad=True)
    optimizer = kind([p, q], **options)
    p.grad, q.grad = at.ones(2), at.ones(1)
    optimizer.step()
    before = copy.deepcopy(optimizer.state_dict())
    one = before["param_groups"][0]
    for state, message in (
        ({"state": {}, "param_groups": []}, "number of parameter groups: 0 for 1"),
        (
            {"state": {}, "param_groups": [{**one, "params": [0]}]},
            "group 0 has 1 parameters, 2 here",
        ),
        ({"state": {7: {}}, "param_groups": [one]}, "state of a parameter 7 that no group lists"),
    ):
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(state)
        assert _bits(optimizer.state_dict()) == _bits(before)
