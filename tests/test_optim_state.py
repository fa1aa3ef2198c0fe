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
from tests.optimizers import Options, every_optimizer


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


SCHEDULES: list[Callable[[optim.Optimizer], lr_scheduler.LRScheduler]] = [
    lambda o: lr_scheduler.StepLR(o, 3, 0.5),
    lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    lambda o: lr_scheduler.CosineAnnealingLR(o, 7, 1e-4),
]


class Run:
    """Training with everything that a checkpoint has to hold: weights, moments, rates and drawn numbers."""

    def __init__(self, seed: int, kind: type[optim.Optimizer], options: Options, schedule: Any) -> None:
        at.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.2), nn.Linear(4, 2))
        first, last = list(self.model.parameters())[:2], list(self.model.parameters())[2:]
        self.optimizer = kind([{"params": first}, {"params": last, "lr": 0.03}], **options)
        self.schedule = schedule(self.optimizer)
        self.epoch = 0

    def train(self, epochs: int) -> Run:
        for _ in range(epochs):
            for _ in range(2):
                x = at.randn(5, 3)
                loss = ((self.model(x) - x[:, :2].sin()) ** 2).mean()
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
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


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["StepLR", "LambdaLR", "CosineAnnealingLR"])
@every_optimizer
def test_resumed_training_is_bit_for_bit_the_uninterrupted_one(
    kind: type[optim.Optimizer], options: Options, schedule: Any
) -> None:
    """PROMISES row 28: every optimizer with every schedule, cut at each of 20 epochs."""
    whole = Run(0, kind, options, schedule)
    cuts = []
    for _ in range(20):
        cuts.append(copy.deepcopy(whole.state()))
        whole.train(1)
    expected = _bits(whole.state())
    for cut in cuts:
        resumed = Run(99, kind, options, schedule).load(copy.deepcopy(cut)).train(20 - cut["epoch"])
        assert _bits(resumed.state()) == expected


@every_optimizer
def test_resumed_from_a_file(kind: type[optim.Optimizer], options: Options, tmp_path: Path) -> None:
    """PROMISES row 28, through at.save and at.load."""
    whole = Run(0, kind, options, SCHEDULES[2]).train(4)
    at.save(whole.state(), tmp_path / "checkpoint")
    expected = _bits(whole.train(4).state())
    resumed = Run(99, kind, options, SCHEDULES[2]).load(at.load(tmp_path / "checkpoint"))
    assert _bits(resumed.train(4).state()) == expected


@every_optimizer
def test_a_copy_of_the_whole_run_goes_on_alike(kind: type[optim.Optimizer], options: Options) -> None:
    run = Run(0, kind, options, SCHEDULES[0]).train(3)
    copied = copy.deepcopy(run)
    generator = at.get_rng_state()
    expected = _bits(run.train(3).state())
    at.set_rng_state(generator)
    assert _bits(copied.train(3).state()) == expected


@every_optimizer
def test_the_same_seed_gives_the_same_bits(kind: type[optim.Optimizer], options: Options) -> None:
    """PROMISES row 27."""
    found = {_bits(Run(3, kind, options, SCHEDULES[1]).train(4).state()) for _ in range(10)}
    assert len(found) == 1
    assert _bits(Run(4, kind, options, SCHEDULES[1]).train(4).state()) not in found


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
