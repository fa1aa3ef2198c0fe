"""Learning rate schedules: each sets ``lr`` of the optimizer's parameter groups when ``step()`` is called."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from autotape.engine.tensor import Tensor
from autotape.optim.optimizer import Optimizer

__all__ = ["CosineAnnealingLR", "LRScheduler", "LambdaLR", "StepLR"]

Rate = Any  # a float, or a 1-element Tensor where the optimizer was given one


class LRScheduler:
    """The base: counts epochs in ``last_epoch`` and writes what ``get_lr()`` returns into the groups' ``lr``.

    A rate that is a Tensor is written in place. Call ``step()`` after the optimizer's: UserWarning otherwise.

    Args:
        optimizer: whose groups to change; each group's first rate is kept as its ``initial_lr``.
        last_epoch: -1 to start; to resume, the epoch reached (the groups then need ``initial_lr``).
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _value(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    f"last_epoch >= 0"
                )
        self.optimizer = optimizer
        self.base_lrs: list[Rate] = [_value(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def get_lr(self) -> list[Rate]:
        """The rates of the groups at ``last_epoch``."""
        raise NotImplementedError

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
        if epoch is None:
            self.last_epoch += 1
            rates = self.get_lr()
        else:
            warnings.warn(
                "The epoch parameter in `scheduler.step()` is deprecated: use `scheduler.step()` to go on by "
                "one epoch, and `load_state_dict()` to resume.",
                UserWarning,
                stacklevel=2,
            )
            self.last_epoch = epoch
            rates = self._get_closed_form_lr()
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(float(lr))
            else:
                group["lr"] = lr
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


class StepLR(LRScheduler):
    """Multiply the rate by ``gamma`` every ``step_size`` epochs.

    >>> import autotape as at
    >>> opt = at.optim.SGD([at.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedule = StepLR(opt, step_size=2, gamma=0.1)
    >>> for _ in range(2): opt.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.1]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The current rates, times ``gamma`` at each multiple of ``step_size``."""
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return self._rates()
        return [lr * self.gamma for lr in self._rates()]

    def _get_closed_form_lr(self) -> list[Rate]:
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class LambdaLR(LRScheduler):
    """The initial rate times ``lr_lambda(epoch)``: one function, or one per group.

    >>> import autotape as at
    >>> opt = at.optim.SGD([at.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedule = LambdaLR(opt, lambda epoch: 0.5 ** epoch)
    >>> opt.step(); schedule.step(); schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(optimizer.param_groups)
        lambdas = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * groups
        if len(lambdas) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lambdas)}")
        self.lr_lambdas: list[Any] = lambdas
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """``base_lr * lr_lambda(last_epoch)`` of each group."""
        return [base * f(self.last_epoch) for f, base in zip(self.lr_lambdas, self.base_lrs)]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and plain functions; a callable object gives its ``__dict__``."""
        state = {k: v for k, v in self.__dict__.items() if k not in ("optimizer", "lr_lambdas")}
        state["lr_lambdas"] = [dict(vars(f)) if not hasattr(f, "__code__") else None for f in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave; plain functions stay as they are."""
        state = dict(state_dict)
        for f, values in zip(self.lr_lambdas, state.pop("lr_lambdas")):
            if values is not None:
                f.__dict__.update(values)
        self.__dict__.update(state)


class CosineAnnealingLR(LRScheduler):
    r"""From the initial rate to ``eta_min`` along a cosine of ``T_max`` epochs (Loshchilov and Hutter 2017).

    :math:`\eta_t = \eta_\text{min} + (\eta_0 - \eta_\text{min}) (1 + \cos(\pi t / T_\text{max})) / 2`,
    computed from the current rate step by step, so that it composes with other schedules as in PyTorch.

    >>> import autotape as at
    >>> opt = at.optim.SGD([at.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedule = CosineAnnealingLR(opt, T_max=2)
    >>> opt.step(); schedule.step(); round(schedule.get_last_lr()[0], 6)
    0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:  # noqa: N803
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The next point on the cosine, from the current rates."""
        if self._is_initial:
            return self._rates()
        t, period, low = self.last_epoch, self.T_max, self.eta_min
        if (t - 1 - period) % (2 * period) == 0:  # at the bottom the quotient below is 0 / 0
            return [
                lr + (base - low) * (1 - math.cos(math.pi / period)) / 2
                for base, lr in zip(self.base_lrs, self._rates(), strict=True)
            ]
        ratio = (1 + math.cos(math.pi * t / period)) / (1 + math.cos(math.pi * (t - 1) / period))
        return [ratio * (lr - low) + low for lr in self._rates()]

    def _get_closed_form_lr(self) -> list[Rate]:
        part = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * part for base in self.base_lrs]
