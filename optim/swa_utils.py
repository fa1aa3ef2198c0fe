"""Averages of weights along a training run, and the schedule and batch statistics that go with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from autotape.autograd.modes import no_grad
from autotape.engine.tensor import Tensor
from autotape.nn.module import Module
from autotape.optim.lr_scheduler.base import LRScheduler, Rate, per_group
from autotape.optim.optimizer import Optimizer

__all__ = [
    "AveragedModel",
    "SWALR",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Tensor, Tensor, Any], Tensor]
Averages = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def _check_decay(decay: float) -> None:
    if not 0 <= decay <= 1:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The function ``decay * average + (1 - decay) * current`` for :class:`AveragedModel`'s ``avg_fn``."""
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return ema_param.mul(decay).add(current_param, alpha=1 - decay)

    return ema_update


def get_swa_avg_fn() -> Average:
    """The function ``average + (current - average) / (n + 1)`` for :class:`AveragedModel`'s ``avg_fn``."""

    @no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        part: Tensor = (current_param - averaged_param) / (num_averaged + 1)
        return averaged_param + part

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averages:
    """:func:`get_ema_avg_fn` in place on lists of tensors, for ``multi_avg_fn``."""
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_params: Sequence[Tensor], current_params: Sequence[Tensor], num_averaged: Any) -> None:
        for average, current in zip(ema_params, current_params, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> Averages:
    """:func:`get_swa_avg_fn` in place on lists of tensors, for ``multi_avg_fn``."""

    @no_grad()
    def swa_update(
        averaged_params: Sequence[Tensor], current_params: Sequence[Tensor], num_averaged: Any
    ) -> None:
        part = 1 / (float(num_averaged) + 1)
        for average, current in zip(averaged_params, current_params, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(current, part)
            else:
                average.copy_(average + (current - average) * part)

    return swa_update


class AveragedModel(Module):
    r"""A copy of a model whose parameters are averages of those that ``update_parameters()`` was given.

    The mean of all by default (stochastic weight averaging, Izmailov et al. 2018); with
    ``multi_avg_fn=get_ema_multi_avg_fn(0.999)`` the exponential moving average.

    Args:
        model: copied; the copy is ``self.module``.
        device: where the copy goes.
        avg_fn: ``avg_fn(average, current, n)`` gives the new average of one tensor.
        multi_avg_fn: in its place: ``multi_avg_fn(averages, currents, n)`` updates a list in place.
        use_buffers: average the buffers too; otherwise they are those of the last model.

    The buffer ``n_averaged`` counts the models.

    >>> import autotape as at
    >>> model = at.nn.Linear(1, 1, bias=False)
    >>> averaged = AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = at.nn.init.constant_(model.weight, value); averaged.update_parameters(model)
    >>> averaged.module.weight.item()
    3.0
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: Averages | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", Tensor._wrap(np.zeros((), np.int64)))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model computes."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the model's parameters into the averages."""
        pairs = list(zip(self._averaged(self.module), self._averaged(model)))
        if not self.n_averaged.item():
            for average, current in pairs:
                average.copy_(current)
        elif self.avg_fn is None:
            function = self.multi_avg_fn or get_swa_multi_avg_fn()
            for dtype in dict.fromkeys(average.dtype for average, _ in pairs):
                of_dtype = [pair for pair in pairs if pair[0].dtype is dtype]
                function([a for a, _ in of_dtype], [c for _, c in of_dtype], self.n_averaged)
        else:
            for average, current in pairs:
                average.copy_(self.avg_fn(average, current, self.n_averaged))
        if not self.use_buffers:
            for average, current in zip(self.module.buffers(), model.buffers(), strict=True):
                average.detach().copy_(current.detach())
        self.n_averaged += 1

    def _averaged(self, model: Module) -> Iterable[Tensor]:
        tensors = chain(model.parameters(), model.buffers()) if self.use_buffers else model.parameters()
        return (tensor.detach() for tensor in tensors)


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of the batch norms of a model anew, in one pass over the data.

    Args:
        loader: gives batches: a tensor, or a list or tuple that begins with it.
        model: called on each batch in training mode; its mode is put back.
        device: where the batches go first.
    """
    momenta = {
        module: module.momentum  # type: ignore[attr-defined]
        for module in model.modules()
        if hasattr(module, "reset_running_stats") and hasattr(module, "num_batches_tracked")
    }
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.reset_running_stats()
        module.momentum = None  # a plain mean over the batches
    for batch in loader:
        x = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(x if device is None else x.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """From the current rate to ``swa_lr`` in ``anneal_epochs`` epochs, and there it stays.

    Args:
        optimizer: whose groups to change.
        swa_lr: the last rate, or a list with that of each group.
        anneal_epochs: 0 or more.
        anneal_strategy: ``"cos"`` or ``"linear"``.

    >>> import autotape as at
    >>> opt = at.optim.SGD([at.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedule = SWALR(opt, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> opt.step(); schedule.step(); schedule.get_last_lr()
    [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for group, lr in zip(optimizer.param_groups, per_group("swa_lr", optimizer, swa_lr), strict=True):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if type(anneal_epochs) is not int or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The next point on the way, from the current rates."""
        self._check_caller()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._done(step - 1), self._done(step)
        rates = []
        for group, lr in zip(self.optimizer.param_groups, self._rates(), strict=True):
            last = group["swa_lr"]
            start = last if before == 1 else (lr - before * last) / (1 - before)
            rates.append(last * now + start * (1 - now))
        return rates

    def _done(self, step: int) -> float:
        """Which part of the way is gone after ``step`` steps."""
        t = max(0, min(1, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2
