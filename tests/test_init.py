"""Initialisation: distributions, bounds, shapes, seeds, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import nn
from autotape.nn import init

SHAPE = (60, 20, 3, 3)
FAN_IN, FAN_OUT = 180, 540

UNIFORM: dict[str, tuple[Callable[..., Any], float]] = {
    "xavier": (init.xavier_uniform_, math.sqrt(6 / (FAN_IN + FAN_OUT))),
    "xavier gain": (lambda t: init.xavier_uniform_(t, gain=2.0), 2 * math.sqrt(6 / (FAN_IN + FAN_OUT))),
    "kaiming": (init.kaiming_uniform_, math.sqrt(6 / FAN_IN)),
    "kaiming a": (lambda t: init.kaiming_uniform_(t, a=math.sqrt(5)), 1 / math.sqrt(FAN_IN)),
    "kaiming out": (
        lambda t: init.kaiming_uniform_(t, mode="fan_out", nonlinearity="relu"),
        math.sqrt(6 / FAN_OUT),
    ),
    "plain": (lambda t: init.uniform_(t, -3.0, 3.0), 3.0),
}
NORMAL: dict[str, tuple[Callable[..., Any], float, float]] = {
    "plain": (init.normal_, 0.0, 1.0),
    "moved": (lambda t: init.normal_(t, 2.0, 3.0), 2.0, 3.0),
    "xavier": (init.xavier_normal_, 0.0, math.sqrt(2 / (FAN_IN + FAN_OUT))),
    "kaiming": (lambda t: init.kaiming_normal_(t, nonlinearity="relu"), 0.0, math.sqrt(2 / FAN_IN)),
    "kaiming tanh": (
        lambda t: init.kaiming_normal_(t, mode="fan_out", nonlinearity="tanh"),
        0.0,
        5 / 3 / math.sqrt(FAN_OUT),
    ),
}  # fmt: skip


def phi(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def check_distribution(values: Any, distribution: Callable[[float], float]) -> None:
    """The Kolmogorov-Smirnov statistic; 2.2 is passed by chance about once in 10,000."""
    x = np.sort(np.ravel(values).astype(np.float64))
    exact = np.array([distribution(v) for v in x])
    steps = np.arange(len(x) + 1) / len(x)
    gap = max(np.abs(exact - steps[1:]).max(), np.abs(exact - steps[:-1]).max())
    assert gap * math.sqrt(len(x)) < 2.2


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_bounds(name: str) -> None:
    fill, bound = UNIFORM[name]
    at.manual_seed(0)
    t = at.empty(*SHAPE)
    assert fill(t) is t
    assert t.abs().max().item() <= bound
    check_distribution(t._array, lambda v: (v / bound + 1) / 2)


@pytest.mark.parametrize("name", NORMAL)
def test_normal_moments(name: str) -> None:
    fill, mean, std = NORMAL[name]
    at.manual_seed(0)
    t = at.empty(*SHAPE)
    assert fill(t) is t
    check_distribution(t._array, lambda v: phi((v - mean) / std))


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [
        (0.0, 1.0, -2.0, 2.0), (0.0, 0.02, -2.0, 2.0), (1.0, 2.0, -1.0, 6.0), (0.0, 1.0, 1.5, 4.0),
        (0.0, 1.0, -9.0, -1.5), (0.0, 1.0, -0.01, 0.01), (0.0, 1.0, 1.9, math.inf),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [at.float32, at.float64])
def test_truncated_normal(mean: float, std: float, a: float, b: float, dtype: Any) -> None:
    at.manual_seed(0)
    t = init.trunc_normal_(at.empty(100, 80, dtype=dtype), mean, std, a, b)
    low, high = phi((a - mean) / std), phi((b - mean) / std)
    assert np.float64(t.min().item()) >= a - 1e-7
    assert np.float64(t.max().item()) <= b + 1e-7
    check_distribution(t._array, lambda v: (phi((v - mean) / std) - low) / (high - low))


def test_truncated_normal_far_out() -> None:
    with pytest.warns(UserWarning, match="more than 2 std"):
        t = init.trunc_normal_(at.empty(2000, dtype=at.float64), a=30.0, b=31.0)
    assert t.min().item() >= 30
    assert t.max().item() <= 31
    assert t.mean().item() == pytest.approx(30 + 1 / 30, abs=0.005)
    assert init.trunc_normal_(at.empty(3), a=1.0, b=1.0).tolist() == [1.0] * 3
    assert init.trunc_normal_(at.empty(0, 3)).shape == (0, 3)
    with pytest.raises(ValueError, match=r"a=1.0, b=-1.0"):
        init.trunc_normal_(at.empty(3), a=1.0, b=-1.0)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (4, 3, 2, 2), (1, 7), (7, 1)])
@pytest.mark.parametrize("dtype", [at.float32, at.float64])
def test_orthogonal(shape: tuple[int, ...], dtype: Any) -> None:
    t = at.empty(*shape, dtype=dtype)
    assert init.orthogonal_(t, gain=2.0) is t
    w = t._array.reshape(shape[0], -1).astype(np.float64) / 2
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-6 if dtype == at.float32 else 1e-14)


def test_orthogonal_matrices_have_no_preferred_sign() -> None:
    at.manual_seed(0)
    signs = [np.sign(np.linalg.det(init.orthogonal_(at.empty(3, 3))._array)) for _ in range(200)]
    assert 60 < sum(s > 0 for s in signs) < 140
    assert init.orthogonal_(at.empty(0, 3)).shape == (0, 3)


def test_constants_and_identity() -> None:
    assert init.ones_(at.empty(2)).tolist() == [1.0, 1.0]
    assert init.zeros_(at.empty(2)).tolist() == [0.0, 0.0]
    assert init.constant_(at.empty(2), 0.5).tolist() == [0.5, 0.5]
    assert init.eye_(at.empty(2, 3)).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert init.eye_(at.empty(0, 3)).shape == (0, 3)


def test_filling_a_parameter_is_not_recorded_and_keeps_its_dtype() -> None:
    for fill in (
        init.uniform_,
        init.ones_,
        init.eye_,
        init.orthogonal_,
        init.trunc_normal_,
        init.xavier_normal_,
    ):
        p = nn.Parameter(at.empty(3, 4, dtype=at.float64))
        assert fill(p) is p
        assert p.is_leaf
        assert p.requires_grad
        assert p.dtype == at.float64
    view = at.zeros(4, 6)[::2, ::3]
    init.ones_(view)
    assert view.tolist() == [[1.0, 1.0]] * 2


def test_generators_and_seeds() -> None:
    for fill in (init.uniform_, init.normal_, init.trunc_normal_, init.orthogonal_, init.kaiming_uniform_):
        a, b = (fill(at.empty(4, 5), generator=at.Generator().manual_seed(3)) for _ in range(2))
        assert at.equal(a, b)
        at.manual_seed(3)
        c = fill(at.empty(4, 5))
        at.manual_seed(3)
        assert at.equal(c, fill(at.empty(4, 5)))
        assert not at.equal(c, fill(at.empty(4, 5)))


def test_gain_and_fans() -> None:
    assert (
        init.calculate_gain("linear") == init.calculate_gain("conv2d") == init.calculate_gain("sigmoid") == 1
    )
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))
    assert init.calculate_gain("selu") == 0.75
    with pytest.raises(ValueError, match="Unsupported nonlinearity swish"):
        init.calculate_gain("swish")
    for bad in ("a", True):
        with pytest.raises(ValueError, match="not a valid number"):
            init.calculate_gain("leaky_relu", bad)  # type: ignore[arg-type]
    assert init._calculate_fan_in_and_fan_out(at.empty(*SHAPE)) == (FAN_IN, FAN_OUT)
    assert init._calculate_fan_in_and_fan_out(at.empty(4, 5)) == (5, 4)


@pytest.mark.parametrize(
    "fill", [init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_, init.kaiming_normal_]
)
def test_fans_need_two_dimensions(fill: Callable[..., Any]) -> None:
    for shape in ((), (3,)):
        with pytest.raises(ValueError, match="fewer than 2 dimensions"):
            fill(at.empty(shape))
    assert fill(at.empty(0, 3)).shape == (0, 3)
    assert fill(at.empty(3, 0)).shape == (3, 0)


def test_other_errors() -> None:
    with pytest.raises(ValueError, match="Mode fan_up not supported"):
        init.kaiming_uniform_(at.empty(3, 3), mode="fan_up")
    with pytest.raises(ValueError, match="Unsupported nonlinearity"):
        init.kaiming_normal_(at.empty(3, 3), nonlinearity="swish")
    with pytest.raises(ValueError, match="2 dimensions"):
        init.eye_(at.empty(3))
    with pytest.raises(ValueError, match="2 or more dimensions"):
        init.orthogonal_(at.empty(3))


# --- what modules start from --------------------------------------------------------------------------------


def test_modules_start_as_documented() -> None:
    at.manual_seed(0)
    linear, bilinear, table = nn.Linear(50, 400), nn.Bilinear(20, 10, 100), nn.Embedding(100, 200)
    for p, fan in ((linear.weight, 50), (linear.bias, 50), (bilinear.weight, 20), (bilinear.bias, 20)):
        bound = 1 / math.sqrt(fan)
        assert p is not None
        values = p.detach()._array
        assert np.abs(values).max() <= bound
        check_distribution(values, lambda v, bound=bound: (v / bound + 1) / 2)
    check_distribution(table.weight.detach()._array, phi)
    assert nn.PReLU(2).weight.tolist() == [0.25, 0.25]


def test_modules_without_elements() -> None:
    assert nn.Linear(0, 2).bias.tolist() == [0.0, 0.0]  # type: ignore[union-attr]
    assert nn.Linear(2, 0)(at.ones(3, 2)).shape == (3, 0)
    assert nn.Embedding(0, 3).weight.shape == (0, 3)
