"""The base of all schedules of the learning rate."""

from __future__ import annotations

import warnings
from typing import Any

from autotape.engine.tensor import Tensor
from autotape.optim.optimizer import Optimizer

__all__ = ["LRScheduler"]

Rate = Any  # a float, or a 1-element Tensor where the optimizer was given one


class LRScheduler:
    """The base: counts epochs in ``last_epoch`` and writes what ``get_lr()`` returns into the groups' ``lr``.

    A rate that is a Tensor is written in place. Call ``step()`` after the optimizer's: UserWarning otherwise.

    Args:
        optimizer: whose groups to change; each group's first rate is kept as its ``initial_lr``.
        last_epoch: -1 to start; to resume, the epoch reached (the groups then need ``initial_lr``).
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _value(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    f"last_epoch >= 0"
                )
        if not optimizer._is_scheduled:  # steps before the first schedule do not count
            optimizer._is_scheduled = True
            optimizer._stepped = False
        self.optimizer = optimizer
        self.base_lrs: list[Rate] = [_value(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``, for ``step()`` to call; to look at them, ``get_last_lr()``."""
        raise NotImplementedError

    def _check_caller(self) -> None:
        """Warn if ``get_lr()`` is not called by ``step()``."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def _get_closed_form_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``, whatever the current ones are: for ``step(epoch)``."""
        return self.get_lr()

    def get_last_lr(self) -> list[Rate]:
        """The rates set by the last ``step()``."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to ``epoch``, and set its rates."""
        if self._step_count == 1 and not self.optimizer._stepped:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first value of the "
                "learning rate schedule is skipped. Call `optimizer.step()` before `lr_scheduler.step()`.",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is not None:
            warn_of_epoch()
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                rates = self.get_lr()
            else:
                self.last_epoch = epoch
                rates = self._get_closed_form_lr()
        finally:
            self._get_lr_called_within_step = False
        self._set(rates)

    def _set(self, rates: list[Rate]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, lr)
        self._last_lr = self._rates()

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, for a checkpoint."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave."""
        self.__dict__.update(state_dict)

    def _rates(self) -> list[Rate]:
        return [_value(group["lr"]) for group in self.optimizer.param_groups]


def _value(lr: Rate) -> Rate:
    """The rate, not sharing memory with the group's."""
    return lr.detach().clone() if isinstance(lr, Tensor) else lr


def set_rate(group: dict[str, Any], lr: Rate) -> None:
    """Set the rate of a group; one in a tensor is written in place."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(float(lr))
    else:
        group["lr"] = lr


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value for each group of parameters: those of a list, or the same for all."""
    groups = len(optimizer.param_groups)
    if isinstance(value, (list, tuple)):
        if len(value) != groups:
            raise ValueError(
                f"{name} must have the same length as optimizer.param_groups: {name} has {len(value)} "
                f"values, param_groups has {groups}"
            )
        return [_value(v) for v in value]
    return [_value(value) for _ in range(groups)]


def check_optimizer(optimizer: Any) -> None:
    """TypeError unless it is an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def warn_of_epoch() -> None:
    """The warning for ``step(epoch)``."""
    warnings.warn(
        "The epoch parameter in `scheduler.step()` is deprecated: use `scheduler.step()` to go on by one "
        "epoch, and `load_state_dict()` to resume.",
        UserWarning,
        stacklevel=3,
    )
