"""The usual loop: a model is trained over epochs, evaluated, saved, and goes on where it stopped."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from autotape.autograd.modes import no_grad
from autotape.engine.tensor import Tensor
from autotape.metrics.metric import Metric
from autotape.ops.generator import get_rng_state, set_rng_state
from autotape.ops.joining import cat
from autotape.ops.random import randperm
from autotape.serialization.checkpoint import load, save

if TYPE_CHECKING:
    from autotape.nn.module import Module
    from autotape.optim.lr_scheduler.base import LRScheduler
    from autotape.optim.optimizer import Optimizer
    from autotape.serialization.safetensors_format import File

__all__ = ["Trainer"]

Row = dict[str, float]
Metrics = Mapping[str, Metric]
Data = tuple[Tensor, Tensor] | Iterable[tuple[Any, Any]]


class Trainer:
    """A model, its loss and its optimizer, with the loop around them.

    Data is a pair of tensors ``(x, y)``, cut into batches and shuffled anew in each epoch by the global
    generator; or anything that gives batches ``(x, y)`` each time it is iterated over, as a DataLoader does.
    ``loss(model(x), y)`` is the mean over a batch; means over an epoch count each batch by its length.

    Args:
        model: the module that is trained.
        loss: a function or module of predictions and targets.
        optimizer: of the model's parameters.
        scheduler: its ``step()`` is called after each epoch.
        progress: show the progress on standard error: a bar for each epoch where tqdm is installed, and a
            line after it.

    Attributes:
        epoch: how many epochs have been trained.
        history: a row for each: ``epoch`` (from 0), ``lr``, ``loss`` and the metrics over the training
            batches, as they came, and those of the validation data with ``val_`` before their names.

    >>> import autotape as at
    >>> from autotape import nn, optim
    >>> from autotape.metrics import Accuracy
    >>> from autotape.training import Trainer
    >>> (x, y), test = at.datasets.digits()
    >>> model = nn.Linear(64, 10)
    >>> optimizer = optim.Adam(model.parameters(), lr=0.01)
    >>> trainer = Trainer(model, nn.CrossEntropyLoss(), optimizer, progress=False)
    >>> history = trainer.fit((x, y), epochs=5, validation=test, metrics={"accuracy": Accuracy()})
    >>> history[-1]["val_accuracy"] > 0.9
    True
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Tensor],
        optimizer: Optimizer,
        scheduler: LRScheduler | None = None,
        *,
        progress: bool = True,
    ) -> None:
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.progress = progress
        self.epoch = 0
        self.history: list[Row] = []

    def fit(
        self,
        data: Data,
        epochs: int,
        batch_size: int = 32,
        *,
        validation: Data | None = None,
        metrics: Metrics | None = None,
        callbacks: Sequence[Callable[[Trainer, Row], object]] = (),
    ) -> list[Row]:
        """Train for so many epochs more; returns the whole history.

        Args:
            data: the pairs that are trained on.
            epochs: how many epochs, beside those of earlier calls.
            batch_size: of a pair of tensors.
            validation: data that is evaluated after each epoch.
            metrics: :class:`autotape.metrics.Metric` objects by name; they are reset.
            callbacks: each is called as ``callback(trainer, row)`` after an epoch; True ends the training.

        Errors: ValueError if the data gives no batch.
        """
        stop = self.epoch + epochs
        while self.epoch < stop:
            row: Row = {"epoch": self.epoch, "lr": float(self.optimizer.param_groups[0]["lr"])}
            self.model.train()
            row |= self._pass(self._shown(data, batch_size, stop), metrics or {}, self._step)
            if validation is not None:
                measured = self.evaluate(validation, batch_size, metrics=metrics)
                row |= {f"val_{name}": value for name, value in measured.items()}
            if self.scheduler is not None:
                self.scheduler.step()
            self.epoch += 1
            self.history.append(row)
            if self.progress:
                values = "  ".join(f"{k} {v:.4g}" for k, v in row.items() if k != "epoch")
                sys.stderr.write(f"epoch {self.epoch}/{stop}  {values}\n")
            answers = [callback(self, row) for callback in callbacks]
            if any(answer is True for answer in answers):
                break
        return self.history

    def evaluate(self, data: Data, batch_size: int = 32, *, metrics: Metrics | None = None) -> Row:
        """The mean loss and the metrics over the data, in evaluation mode and without gradients."""
        with _evaluating(self.model):
            return self._pass(_batches(data, batch_size, False), metrics or {}, self._loss)

    def predict(self, x: Tensor, batch_size: int = 32) -> Tensor:
        """The model's outputs, computed batch by batch in evaluation mode and without gradients."""
        with _evaluating(self.model):
            return cat([self.model(part) for part in x.split(batch_size)])

    def save(self, f: File) -> None:
        """Save what is needed to go on to the bit: all states, the history, the global random generator."""
        save({
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "epoch": self.epoch,
            "history": self.history,
            "random": get_rng_state(),
        }, f)  # fmt: skip

    def load(self, f: File) -> None:
        """Go back to what :meth:`save` saved, with a model, optimizer and scheduler made in the same way.

        Errors: RuntimeError or ValueError if they were made otherwise.
        """
        state = load(f)
        if (state["scheduler"] is None) != (self.scheduler is None):
            raise ValueError("the checkpoint and this trainer differ in whether there is a scheduler")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        self.epoch = state["epoch"]
        self.history = state["history"]
        set_rng_state(state["random"])

    # --- one pass over the data ----------------------------------------------------------------------------

    def _pass(
        self,
        batches: Iterable[tuple[Any, Any]],
        metrics: Metrics,
        run: Callable[[Any, Any], tuple[Any, Tensor]],
    ) -> Row:
        for metric in metrics.values():
            metric.reset()
        total, count = 0.0, 0
        for x, y in batches:
            output, loss = run(x, y)
            total += float(loss.item()) * len(y)
            count += len(y)
            for metric in metrics.values():
                metric.update(output, y)
        if not count:
            raise ValueError("the data gives no batch: it is empty, or an iterator that was used up")
        return {"loss": total / count} | {name: metric.compute() for name, metric in metrics.items()}

    def _loss(self, x: Any, y: Any) -> tuple[Any, Tensor]:
        output = self.model(x)
        return output, self.loss(output, y)

    def _step(self, x: Any, y: Any) -> tuple[Any, Tensor]:
        output, loss = self._loss(x, y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return output, loss

    def _shown(self, data: Data, batch_size: int, stop: int) -> Iterable[tuple[Any, Any]]:
        """The batches of an epoch, with a bar around them if there is something to show it."""
        batches = _batches(data, batch_size, True)
        if not (self.progress and sys.stderr.isatty()):
            return batches
        try:
            bar: Any = importlib.import_module("tqdm").tqdm
        except ImportError:
            return batches
        count = -(-len(data[0]) // batch_size) if _is_pair(data) else getattr(data, "__len__", lambda: None)()
        shown: Iterable[tuple[Any, Any]] = bar(batches, f"epoch {self.epoch + 1}/{stop}", count, leave=False)
        return shown


def _is_pair(data: Any) -> TypeGuard[tuple[Tensor, Tensor]]:
    return isinstance(data, tuple) and len(data) == 2 and all(isinstance(part, Tensor) for part in data)


def _batches(data: Any, batch_size: int, shuffle: bool) -> Iterator[tuple[Any, Any]]:
    if not _is_pair(data):
        yield from data
        return
    x, y = data
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} samples, y has {len(y)}")
    order = randperm(len(x)) if shuffle else None
    for start in range(0, len(x), batch_size):
        batch = slice(start, start + batch_size) if order is None else order[start : start + batch_size]
        yield x[batch], y[batch]


class _evaluating:
    """The model in evaluation mode and without gradients, each module back in its own mode afterwards."""

    def __init__(self, model: Module) -> None:
        self._modes = [(module, module.training) for module in model.modules()]
        self._model = model
        self._no_grad = no_grad()

    def __enter__(self) -> None:
        self._model.eval()
        self._no_grad.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._no_grad.__exit__(*error)
        for module, training in self._modes:
            module.training = training
