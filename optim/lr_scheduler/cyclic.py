"""Schedules that let the rate rise and fall, and a momentum the other way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autotape.optim.lr_scheduler.base import LRScheduler, Rate, check_optimizer, per_group, set_rate
from autotape.optim.optimizer import Optimizer

__all__ = ["CyclicLR", "OneCycleLR"]


class _WithMomentum(LRScheduler):
    """What the schedules share that also change the momentum, or Adam's first beta."""

    cycle_momentum: bool
    use_beta1: bool

    def _start_momentum(self, base: Any, most: Any, last_epoch: int) -> None:
        """Check and spread the momenta; a new schedule puts them and the greatest into the groups."""
        defaults = self.optimizer.defaults
        if "momentum" not in defaults and "betas" not in defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        self.use_beta1 = "betas" in defaults
        self._base_and_max = (
            per_group("base_momentum", self.optimizer, base),
            per_group("max_momentum", self.optimizer, most),
        )
        if last_epoch == -1:
            for group, low, high in zip(self.optimizer.param_groups, *self._base_and_max, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"] = high
                group["base_momentum"] = low

    def _set_momentum(self, group: dict[str, Any], momentum: Any) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_WithMomentum):
    """The rate rises from ``base_lr`` to ``max_lr`` and falls again, over and over (Smith 2017).

    Args:
        optimizer: whose groups to change. Step after each batch.
        base_lr, max_lr: the ends of a cycle, or lists with those of each group.
        step_size_up, step_size_down: batches of the rising and the falling half; the same if None.
        mode: ``"triangular"``, ``"triangular2"`` (the height is halved each cycle) or ``"exp_range"`` (it is
            scaled by ``gamma ** iterations``).
        gamma: of ``"exp_range"``.
        scale_fn, scale_mode: a function in place of ``mode``, of the number of the ``"cycle"`` (from 1) or of
            the ``"iterations"``.
        cycle_momentum: move the momentum (Adam's first beta) the other way, from ``max_momentum`` to
            ``base_momentum``.

    >>> import autotape as at
    >>> opt = at.optim.SGD([at.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    >>> schedule = CyclicLR(opt, base_lr=0.0, max_lr=1.0, step_size_up=2)
    >>> opt.step(); schedule.step(); schedule.get_last_lr(), round(opt.param_groups[0]["momentum"], 4)
    ([0.5], 0.85)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        base_lrs = per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs):
                set_rate(group, lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(
                f"mode {mode!r} is invalid and scale_fn is None: use 'triangular', 'triangular2' or "
                "'exp_range'"
            )
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = (
            scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        )
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._start_momentum(base_momentum, max_momentum, last_epoch)
            self.base_momentums, self.max_momentums = self._base_and_max
            del self._base_and_max
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """How much of its height the cycle ``x``, or the iteration, has."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return 0.5 ** (x - 1) if self.mode == "triangular2" else float(self.gamma**x)

    def get_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``, counted in batches; also sets the momenta."""
        self._check_caller()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(
                self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True
            ):
                self._set_momentum(group, high - (high - low) * height * scale)
        return [
            low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and a plain function; a callable object gives its ``__dict__``."""
        state = super().state_dict()
        function = state["_scale_fn_custom"]
        is_object = function is not None and not hasattr(function, "__code__")
        state["_scale_fn_custom"] = dict(vars(function)) if is_object else None
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave; a plain function stays as it is."""
        state = dict(state_dict)
        values = state.pop("_scale_fn_custom")
        if values is not None:
            vars(self._scale_fn_custom).update(values)
        super().load_state_dict(state)


class OneCycleLR(_WithMomentum):
    """The rate rises to ``max_lr`` once and falls far below where it began (Smith and Topin 2019).

    It begins at ``max_lr / div_factor`` and ends at that over ``final_div_factor``, after ``total_steps``
    batches in all; step after each batch.

    Args:
        optimizer: whose groups to change.
        max_lr: the top, or a list with that of each group.
        total_steps: or ``epochs`` and ``steps_per_epoch``, whose product it is.
        pct_start: the part of the steps during which the rate rises, a float.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        cycle_momentum: move the momentum (Adam's first beta) the other way, from ``max_momentum`` to
            ``base_momentum`` and back.
        three_phase: fall to where it began as fast as it rose, and then to the end.

    >>> import autotape as at
    >>> opt = at.optim.SGD([at.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    >>> schedule = OneCycleLR(opt, max_lr=1.0, total_steps=10); round(schedule.get_last_lr()[0], 4)
    0.04
    >>> for _ in range(2): opt.step(); schedule.step()
    >>> schedule.get_last_lr(), opt.param_groups[0]["momentum"]
    ([1.0], 0.85)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if type(pct_start) is not float or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._schedule_phases = _phases(float(pct_start * self.total_steps), self.total_steps, three_phase)
        self._anneal_func_type = anneal_strategy
        highest = per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, highest):
                group["initial_lr"] = lr / div_factor
                group["max_lr"] = lr
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._start_momentum(base_momentum, max_momentum, last_epoch)
            del self._base_and_max
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``, counted in batches; also sets the momenta."""
        self._check_caller()
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. The specified number of total steps is {self.total_steps}"
            )
        start = 0.0
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            start = phase["end_step"]
        part = (step - start) / (phase["end_step"] - start)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                low, high = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._set_momentum(group, self._between(low, high, part))
        return rates

    def _between(self, start: Any, end: Any, part: float) -> Any:
        if self._anneal_func_type == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)


def _total_steps(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    given = {"total_steps": total_steps} if total_steps is not None else {
        "epochs": epochs, "steps_per_epoch": steps_per_epoch
    }  # fmt: skip
    product = 1
    for name, value in given.items():
        if value is None:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if type(value) is not int or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
        product *= value
    return product


def _phases(rise: float, total: int, three_phase: bool) -> list[dict[str, Any]]:
    """Where each phase ends, and which of a group's entries it goes from and to; the names are PyTorch's."""
    middle, last = ("initial_lr", "max_momentum"), ("min_lr", "max_momentum")
    ends: list[tuple[float, tuple[str, str]]] = [(rise - 1, ("max_lr", "base_momentum"))]
    ends += [(2 * rise - 2, middle), (total - 1, last)] if three_phase else [(total - 1, last)]
    phases = []
    start = middle
    for step, end in ends:
        phases.append(
            {
                "end_step": step, "start_lr": start[0], "end_lr": end[0], "start_momentum": start[1],
                "end_momentum": end[1],
            }
        )  # fmt: skip
        start = end
    return phases
