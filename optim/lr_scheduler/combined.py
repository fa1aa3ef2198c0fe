"""Schedules made of schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from autotape.optim.lr_scheduler.base import LRScheduler, set_rate
from autotape.optim.lr_scheduler.plateau import ReduceLROnPlateau
from autotape.optim.optimizer import Optimizer

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Combined(LRScheduler):
    """What the schedules share that hold others."""

    _schedulers: Sequence[LRScheduler]

    def _check(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler]) -> None:
        name = type(self).__name__
        for i, scheduler in enumerate(schedulers):
            kind = type(scheduler).__name__
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(
                    f"{name} at index {i} should have `optimizer` as its attribute, but is a {kind}"
                )
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} does not support `ReduceLROnPlateau`, whose `step` needs a metric, but got one "
                    f"at index {i}: step it by itself"
                )
            if optimizer is not scheduler.optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer, but the {kind} at index "
                    f"{i} belongs to another {type(scheduler.optimizer).__name__}"
                )

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, with the states of the schedules as ``_schedulers``."""
        state = super().state_dict()
        del state["_schedulers"]  # which comes last, as in PyTorch
        state["_schedulers"] = [scheduler.state_dict() for scheduler in self._schedulers]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave."""
        state = dict(state_dict)
        for scheduler, values in zip(self._schedulers, state.pop("_schedulers"), strict=True):
            scheduler.load_state_dict(values)
        super().load_state_dict(state)


class SequentialLR(_Combined):
    """One schedule after another: the next begins, at its epoch 0, at each of the epochs ``milestones``.

    >>> import autotape as at
    >>> opt = at.optim.SGD([at.zeros(1, requires_grad=True)], lr=1.0)
    >>> warm = at.optim.lr_scheduler.ConstantLR(opt, factor=0.1, total_iters=2)
    >>> decay = at.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
    >>> schedule = SequentialLR(opt, [warm, decay], milestones=[2]); rates = schedule.get_last_lr()
    >>> for _ in range(3): opt.step(); schedule.step(); rates += schedule.get_last_lr()
    >>> rates
    [0.1, 0.1, 1.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        if len(schedulers) < 1:
            raise ValueError("SequentialLR expects at least one scheduler, but got no scheduler.")
        self._check(optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "SequentialLR expects one scheduler more than milestones, but got "
                f"{len(schedulers)} schedulers and {len(milestones)} milestones"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # The schedules have made their first steps one upon the other: undo them, and make that of the first.
        for group in optimizer.param_groups:
            set_rate(group, group["initial_lr"])
        self._undo(self)
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def _undo(self, schedule: LRScheduler) -> None:
        if isinstance(schedule, _Combined):
            for scheduler in schedule._schedulers:
                self._undo(scheduler)
        else:
            schedule.last_epoch -= 1

    def step(self) -> None:  # type: ignore[override]
        """Go to the next epoch, with the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Combined):
    """Several schedules at once: a step is one of each, in order.

    >>> import autotape as at
    >>> opt = at.optim.SGD([at.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedules = [at.optim.lr_scheduler.ExponentialLR(opt, gamma) for gamma in (0.5, 0.1)]
    >>> schedule = ChainedScheduler(schedules)
    >>> opt.step(); schedule.step(); schedule.get_last_lr()
    [0.05]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if len(schedulers) < 1:
            raise ValueError(
                "ChainedScheduler expects at least one scheduler to be chained, but got no scheduler."
            )
        optimizer = optimizer or schedulers[0].optimizer
        self._check(optimizer, schedulers)
        self._schedulers = schedulers
        self.optimizer = optimizer
        self._last_lr = self._rates()

    def step(self) -> None:  # type: ignore[override]
        """A step of each schedule."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._rates()
