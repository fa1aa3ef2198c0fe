"""Every kind of dropout: what is dropped, moments, modes, derivatives, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from tests import oracle

LOWEST = -1.7580993408473766  # SELU's limit at -infinity
KINDS: list[tuple[Any, Any, tuple[int, ...]]] = [
    (F.dropout, nn.Dropout, (40, 30)),
    (F.dropout1d, nn.Dropout1d, (20, 30, 5)),
    (F.dropout1d, nn.Dropout1d, (600, 5)),
    (F.dropout2d, nn.Dropout2d, (20, 30, 3, 2)),
    (F.dropout3d, nn.Dropout3d, (20, 30, 2, 3, 2)),
    (F.dropout3d, nn.Dropout3d, (600, 2, 3, 2)),
    (F.alpha_dropout, nn.AlphaDropout, (40, 30)),
    (F.feature_alpha_dropout, nn.FeatureAlphaDropout, (20, 30, 5)),
]
case = pytest.mark.parametrize(("fn", "module", "shape"), KINDS)


@pytest.fixture(autouse=True)
def _seed() -> None:
    at.manual_seed(0)


@case
def test_without_training_nothing_happens(fn: Any, module: Any, shape: tuple[int, ...]) -> None:
    x = at.randn(shape)
    assert fn(x, 0.5, False).equal(x)
    assert fn(x, 0.0, True).equal(x)
    assert module(0.5).eval()(x).equal(x)


@case
def test_everything_dropped(fn: Any, module: Any, shape: tuple[int, ...]) -> None:
    assert not fn(at.ones(shape), 1.0, True).any()
    assert not module(1.0)(at.ones(shape)).any()


@case
@pytest.mark.parametrize("p", [0.3, 0.8])
def test_what_is_dropped(fn: Any, module: Any, shape: tuple[int, ...], p: float) -> None:
    x = at.ones(shape, dtype=at.float64)
    y = fn(x, p, True).numpy()
    low, high = 0.0, 1 / (1 - p)
    if "alpha" in fn.__name__:
        a = ((1 - p) * (1 + p * LOWEST**2)) ** -0.5
        low, high = (a * LOWEST * (1 - p), a * (1 - p * LOWEST))
    assert np.isclose(y, low).sum() + np.isclose(y, high).sum() == y.size
    whole = len(shape) in (2, 4) and shape[0] == 600  # without a batch dimension: a channel is the first
    if fn is F.dropout or fn is F.alpha_dropout:
        draws = y.reshape(-1)
    else:
        lines = y.reshape(shape[0] if whole else shape[0] * shape[1], -1)
        assert (lines == lines[:, :1]).all()
        draws = lines[:, 0]
    assert abs(np.isclose(draws, low).mean() - p) < 0.1
    assert not np.array_equal(y, module(p)(x).numpy())


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    y = F.alpha_dropout(at.randn(400, 400), 0.3, True)
    assert abs(y.mean().item()) < 0.02
    assert abs(y.var().item() - 1) < 0.02


@case
def test_derivatives(fn: Any, module: Any, shape: tuple[int, ...]) -> None:
    def same_draws(x: Any) -> Any:
        at.manual_seed(3)
        return fn(x, 0.4, True) * x

    oracle.check(same_draws, oracle.normal(*[min(n, 4) for n in shape]))


@case
def test_in_place(fn: Any, module: Any, shape: tuple[int, ...]) -> None:
    x = at.randn(shape)
    at.manual_seed(1)
    wanted = fn(x, 0.5, True)
    at.manual_seed(1)
    y = fn(x, 0.5, True, True)
    assert y is x
    assert x.allclose(wanted)


@case
def test_errors(fn: Any, module: Any, shape: tuple[int, ...]) -> None:
    for p in (-0.1, 1.5):
        with pytest.raises(ValueError, match="between 0 and 1"):
            fn(at.ones(shape), p, True)
        with pytest.raises(ValueError, match="between 0 and 1"):
            module(p)
    with pytest.raises(RuntimeError, match="floating"):
        fn(at.ones(shape).long(), 0.5, True)


def test_dimensions() -> None:
    with pytest.raises(RuntimeError, match="2D or 3D"):
        F.dropout1d(at.ones(2, 3, 4, 5))
    with pytest.raises(RuntimeError, match="2 dimensions"):
        F.feature_alpha_dropout(at.ones(3), 0.5, True)
    with pytest.warns(UserWarning, match="3D input"):
        F.dropout2d(at.ones(2, 3, 4))
    with pytest.warns(UserWarning, match="2-D input"):
        F.dropout2d(at.ones(2, 3))
    with pytest.warns(UserWarning, match="3-D input"):
        F.dropout3d(at.ones(2, 3, 4))


def test_empty() -> None:
    for fn, _, shape in KINDS:
        assert fn(at.ones(0, *shape[1:]), 0.5, True).shape == (0, *shape[1:])
