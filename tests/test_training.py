"""Trainer: the loop equals the code written out, resumes to the bit, and reports what it did."""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn, optim
from autotape.metrics import Accuracy, MeanSquaredError
from autotape.training import Trainer
from autotape.utils.data import DataLoader, TensorDataset


def data(count: int = 50) -> tuple[at.Tensor, at.Tensor]:
    x = at.randn(count, 4, generator=at.Generator().manual_seed(1))
    return x, (x[:, 0] > 0).long()


def trainer(seed: int = 0, **options: Any) -> Trainer:
    at.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2)
    return Trainer(model, nn.CrossEntropyLoss(), optimizer, scheduler, progress=False, **options)


def weights(t: Trainer) -> list[Any]:
    return [value.tolist() for value in t.model.state_dict().values()]


def test_it_is_the_loop_written_out() -> None:
    x, y = data()
    t = trainer()
    history = t.fit((x, y), epochs=3, batch_size=16, metrics={"accuracy": Accuracy()})

    twin = trainer()
    for epoch in range(3):
        total = right = 0.0
        order = at.randperm(50)
        for start in range(0, 50, 16):
            batch = order[start : start + 16]
            output = twin.model(x[batch])
            loss = F.cross_entropy(output, y[batch])
            twin.optimizer.zero_grad()
            loss.backward()
            twin.optimizer.step()
            total += loss.item() * len(batch)
            right += (output.argmax(1) == y[batch]).sum().item()
        assert twin.scheduler is not None
        twin.scheduler.step()
        assert history[epoch]["loss"] == total / 50
        assert history[epoch]["accuracy"] == right / 50
    assert weights(t) == weights(twin)
    assert [row["epoch"] for row in history] == [0, 1, 2]
    assert [row["lr"] for row in history] == pytest.approx([0.01, 0.01, 0.001])


def test_a_run_resumes_to_the_bit() -> None:
    whole, first = trainer(), trainer()
    at.manual_seed(5)
    whole.fit(data(), epochs=5, batch_size=8, validation=data(20))
    at.manual_seed(5)
    first.fit(data(), epochs=2, batch_size=8, validation=data(20))
    file = io.BytesIO()
    first.save(file)
    second = trainer(seed=99)
    at.randn(100)
    file.seek(0)
    second.load(file)
    assert second.epoch == 2
    second.fit(data(), epochs=3, batch_size=8, validation=data(20))
    assert weights(second) == weights(whole)
    assert second.history == whole.history
    assert len(whole.history) == whole.epoch == 5


def test_a_checkpoint_of_a_run_without_a_scheduler_is_refused() -> None:
    file = io.BytesIO()
    trainer().save(file)
    file.seek(0)
    other = trainer()
    other.scheduler = None
    with pytest.raises(ValueError, match="whether there is a scheduler"):
        other.load(file)


def test_evaluate_and_predict_keep_modes_and_record_nothing() -> None:
    x, y = data()
    t = trainer()
    t.model[1].eval()  # type: ignore[index]
    modes = [module.training for module in t.model.modules()]
    before = weights(t)
    row = t.evaluate((x, y), batch_size=7, metrics={"accuracy": Accuracy()})
    output = t.predict(x, batch_size=7)
    assert [module.training for module in t.model.modules()] == modes
    assert weights(t) == before
    assert not output.requires_grad
    t.model.eval()
    np.testing.assert_allclose(output.numpy(), t.model(x).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert row["loss"] == pytest.approx(F.cross_entropy(output, y).item(), rel=1e-5)
    assert row["accuracy"] == (output.argmax(1) == y).double().mean().item()


def test_modes_return_after_an_error() -> None:
    t = trainer()
    with pytest.raises(RuntimeError):
        t.predict(at.ones(2, 5))
    assert t.model.training
    assert at.is_grad_enabled()


def test_any_iterable_of_batches() -> None:
    x, y = data()
    t = trainer()
    rows = t.fit([(x[:30], y[:30]), (x[30:], y[30:])], epochs=2, validation=[(x, y)])
    assert set(rows[0]) == {"epoch", "lr", "loss", "val_loss"}
    loader = DataLoader(TensorDataset(x, y), batch_size=20, shuffle=True)
    assert t.fit(loader, epochs=2, validation=loader)[-1]["val_loss"] > 0
    used_up = iter([(x, y)])
    with pytest.raises(ValueError, match="gives no batch"):
        t.fit(used_up, epochs=2)
    with pytest.raises(ValueError, match="gives no batch"):
        t.evaluate((x[:0], y[:0]))
    with pytest.raises(ValueError, match="x has 50 samples, y has 3"):
        t.fit((x, y[:3]), epochs=1)


def test_callbacks_see_each_epoch_and_may_end_the_training() -> None:
    t, seen = trainer(), []

    def watch(who: Trainer, row: dict[str, float]) -> bool:
        assert who is t
        seen.append(row["epoch"])
        return row["epoch"] == 1

    assert len(t.fit(data(), epochs=10, callbacks=[watch, lambda who, row: None])) == 2
    assert seen == [0, 1]
    t.fit(data(), epochs=1)
    assert t.epoch == 3


def test_regression_with_a_function_as_loss() -> None:
    model = nn.Linear(4, 1)
    x = data()[0]
    y = x @ at.tensor([[1.0], [-2.0], [0.5], [0.0]])
    t = Trainer(model, F.mse_loss, optim.SGD(model.parameters(), lr=0.1), progress=False)
    rows = t.fit((x, y), epochs=30, metrics={"mse": MeanSquaredError()}, validation=(x, y))
    assert rows[-1]["val_mse"] < 1e-4
    assert rows[-1]["val_mse"] == pytest.approx(rows[-1]["val_loss"], rel=1e-4)


@pytest.mark.parametrize("installed", [True, False])
def test_progress(
    installed: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []

    class Module:
        @staticmethod
        def tqdm(batches: Any, text: str, total: int, leave: bool) -> Any:
            shown.append((text, total))
            return batches

    def find(name: str) -> Any:
        if name != "tqdm" or not installed:
            raise ImportError(name)
        return Module

    t = trainer()
    t.progress = True
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(importlib, "import_module", find)
    t.fit(data(), epochs=2, batch_size=16)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "  loss 0." in lines[0]
    assert shown == ([("epoch 1/2", 4), ("epoch 2/2", 4)] if installed else [])
    assert len(t.history) == 2
