"""Averages of weights: optim.swa_utils."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import nn
from autotape.optim import swa_utils


def _models(count: int = 4) -> list[nn.Module]:
    rng = np.random.default_rng(0)
    models = []
    for _ in range(count):
        model = nn.Linear(3, 2)
        model.register_buffer("seen", at.tensor(rng.normal(size=2), dtype=at.float32))
        with at.no_grad():
            for p in model.parameters():
                p.copy_(at.tensor(rng.normal(size=tuple(p.shape))))
        models.append(model)
    return models


def _values(model: Any) -> list[np.ndarray[Any, Any]]:
    return [p.detach().numpy().astype(np.float64) for p in model.parameters()]


@pytest.mark.parametrize(
    "options",
    [{}, {"avg_fn": swa_utils.get_swa_avg_fn()}, {"multi_avg_fn": swa_utils.get_swa_multi_avg_fn()}],
)
def test_mean_of_the_models(options: Any) -> None:
    models = _models()
    averaged = swa_utils.AveragedModel(models[0], **options)
    for model in models:
        averaged.update_parameters(model)
    for found, *expected in zip(_values(averaged.module), *map(_values, models)):
        np.testing.assert_allclose(found, np.mean(expected, axis=0), rtol=1e-5, atol=1e-6)
    assert averaged.n_averaged.item() == 4
    assert averaged.module.seen.tolist() == models[-1].seen.tolist()  # type: ignore[union-attr]
    x = at.ones(1, 3)
    assert averaged(x).tolist() == averaged.module(x).tolist()


@pytest.mark.parametrize(
    "options",
    [{"avg_fn": swa_utils.get_ema_avg_fn(0.8)}, {"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.8)}],
)
def test_exponential_moving_average(options: Any) -> None:
    models = _models()
    averaged = swa_utils.AveragedModel(models[1], **options, use_buffers=True)
    for model in models:
        averaged.update_parameters(model)
    for found, first, *rest in zip(_values(averaged.module), *map(_values, models)):
        for value in rest:
            first = 0.8 * first + 0.2 * value
        np.testing.assert_allclose(found, first, rtol=1e-5, atol=1e-6)
    seen = models[0].seen.numpy()  # type: ignore[union-attr]
    for model in models[1:]:
        seen = 0.8 * seen + 0.2 * model.seen.numpy()  # type: ignore[union-attr]
    np.testing.assert_allclose(averaged.module.seen.numpy(), seen, rtol=1e-5)  # type: ignore[union-attr]


def test_the_model_stays_as_it_was_and_the_state_is_saved() -> None:
    model = _models(1)[0]
    before = _values(model)
    averaged = swa_utils.AveragedModel(model)
    averaged.update_parameters(model)
    averaged.update_parameters(_models(2)[1])
    for a, b in zip(before, _values(model)):
        np.testing.assert_array_equal(a, b)
    assert list(averaged.state_dict()) == ["n_averaged", "module.weight", "module.bias", "module.seen"]
    other = swa_utils.AveragedModel(model)
    other.load_state_dict(averaged.state_dict())
    assert other.n_averaged.item() == 2


def test_integers_are_averaged_too() -> None:
    for function in (swa_utils.get_swa_multi_avg_fn(), swa_utils.get_ema_multi_avg_fn(0.5)):
        average, current = at.tensor([2, 4]), at.tensor([6, 8])
        function([average], [current], 1)
        assert average.tolist() == [4, 6]


@pytest.mark.parametrize("decay", [-0.1, 1.1, math.nan])
def test_refused(decay: float) -> None:
    for make in (swa_utils.get_ema_avg_fn, swa_utils.get_ema_multi_avg_fn):
        with pytest.raises(ValueError, match="Invalid decay value"):
            make(decay)
    function = swa_utils.get_swa_avg_fn()
    with pytest.raises(AssertionError, match="Only one"):
        swa_utils.AveragedModel(nn.Linear(1, 1), None, function, swa_utils.get_swa_multi_avg_fn())


class _Norm(nn.Module):
    """What update_bn needs of a batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.momentum: float | None = 0.1
        self.register_buffer("running_mean", at.ones(3))
        self.register_buffer("num_batches_tracked", at.tensor(5))

    def reset_running_stats(self) -> None:
        self.running_mean.zero_()
        self.num_batches_tracked.zero_()

    def forward(self, x: at.Tensor) -> at.Tensor:
        assert self.training
        assert self.momentum is None
        self.num_batches_tracked += 1
        self.running_mean += (x.mean(0) - self.running_mean) / self.num_batches_tracked
        return x


def test_update_bn_takes_the_mean_over_all_batches() -> None:
    rng = np.random.default_rng(0)
    batches = [at.tensor(rng.normal(size=(4, 3)), dtype=at.float32) for _ in range(5)]
    model = nn.Sequential(_Norm())
    model.eval()
    swa_utils.update_bn([batches[0], (batches[1], "label"), [batches[2]], *batches[3:]], model)
    norm: Any = model[0]
    np.testing.assert_allclose(norm.running_mean.numpy(), np.mean(batches, axis=(0, 1)), rtol=1e-5, atol=1e-7)
    assert norm.momentum == 0.1
    assert not model.training
    swa_utils.update_bn([3], nn.Linear(1, 1))  # nothing to do: the data is not touched
