"""Activations: options, drawn slopes, dtypes, raw rules against plain ones, in-place functions, accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from autotape.nn.functional import _stable
from tests import oracle

Array = np.ndarray[Any, Any]
INF, NAN = math.inf, math.nan


# --- the pieces ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_stable_pieces_are_accurate(dtype: Any) -> None:
    x = np.concatenate([-np.logspace(-6, 2, 2000), [-0.0, -INF]]).astype(dtype)
    eps, unit = np.finfo(dtype).eps, float(np.finfo(dtype).smallest_subnormal)
    with np.errstate(all="ignore"):
        expected = np.expm1(x.astype(np.float64))
        np.testing.assert_allclose(_stable.expm1_of_negative(x), expected, rtol=8 * eps, atol=unit)
        if dtype != np.float16:
            expected = np.log1p(np.exp(-np.abs(x.astype(np.float64))))
            tiny = float(np.finfo(dtype).tiny)
            for z in (x, -x):
                np.testing.assert_allclose(_stable.log1p_exp(z), expected, rtol=8 * eps, atol=tiny)


@pytest.mark.parametrize("below", [0.0, 0.01, 1.0, 1.7, -0.5])
def test_either_is_exact(below: float) -> None:
    above = np.array([True, False, True])
    found = _stable.either(above, below, np.dtype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.where(above, 1, np.float32(below)))


RULES: dict[str, Callable[[Any], Any]] = {
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "elu 0.3": lambda x: F.elu(x, 0.3),
    "elu 3": lambda x: F.elu(x, 3.0),
    "selu": F.selu,
    "celu 2": lambda x: F.celu(x, 2.0),
    "gelu": F.gelu,
    "hardswish": F.hardswish,
    "huber_loss": lambda x: F.huber_loss(x, at.zeros_like(x), "none", 0.7),
    "smooth_l1_loss": lambda x: F.smooth_l1_loss(x, at.zeros_like(x), reduction="none", beta=0.7),
    "softplus": F.softplus,
    "softplus 3, 1": lambda x: F.softplus(x, 3.0, 1.0),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_fast_rules_equal_the_differentiable_ones(name: str, dtype: Any) -> None:
    for x in (np.linspace(-30, 30, 25_001), np.zeros((0, 3)), np.array(-0.7), oracle.normal(3, 4).T):
        t = at.tensor(x.astype(dtype), requires_grad=True)
        y = RULES[name](t)
        g = at.tensor(oracle.normal(*x.shape, seed=3).astype(dtype))
        (plain,) = at.autograd.grad(y, t, g, create_graph=True)
        (raw,) = at.autograd.grad(y, t, g)
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(raw.numpy(), plain.detach().numpy(), rtol=16 * eps, atol=4 * eps)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gelu_is_accurate_across_blocks_and_at_infinity(dtype: Any) -> None:
    x = np.linspace(-9, 9, 30_001).astype(dtype)
    exact = np.array([float(v) * 0.5 * math.erfc(-float(v) / math.sqrt(2)) for v in x])
    eps = float(np.finfo(dtype).eps)
    y = F.gelu(at.tensor(x)).numpy()
    np.testing.assert_allclose(y, exact, rtol=4 * eps, atol=8 * (eps if dtype != np.float16 else 1e-4))
    ends = at.tensor(np.array([INF, 0.0, NAN], dtype), requires_grad=True)
    np.testing.assert_array_equal(F.gelu(ends).detach().numpy(), np.array([INF, 0, NAN], dtype))
    single = F.gelu(at.tensor(x[17:18])).numpy()
    np.testing.assert_array_equal(single, y[17:18])  # a value does not depend on its neighbours


# --- options ------------------------------------------------------------------------------------------------


def test_rrelu_draws_slopes_in_training() -> None:
    at.manual_seed(3)
    x = at.full((1000,), -1.0, dtype=at.float64, requires_grad=True)
    y = F.rrelu(x, 0.1, 0.3, training=True)
    slopes = -y.detach().numpy()
    assert 0.1 <= slopes.min() < 0.12
    assert 0.28 < slopes.max() <= 0.3
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), slopes)
    at.manual_seed(3)
    np.testing.assert_array_equal(F.rrelu(x, 0.1, 0.3, True).detach().numpy(), -slopes)
    assert F.rrelu(at.tensor([2.0]), training=True).tolist() == [2.0]
    with pytest.raises(RuntimeError, match="Lower bound should be less"):
        F.rrelu(x, 0.5, 0.1)
    module = nn.RReLU(0.1, 0.3)
    assert module.eval()(at.tensor([-1.0])).item() == pytest.approx(-0.2)


@pytest.mark.parametrize("dtype", [at.int8, at.int64])
def test_integers_are_cut_off_as_integers(dtype: Any) -> None:
    x = at.tensor([-3, 1, 9], dtype=dtype)
    for y, expected in (
        (F.relu6(x), [0, 1, 6]),
        (F.hardtanh(x, -1.5, 2.5), [-1, 1, 2]),
        (F.threshold(x, 0.5, 2.7), [2, 1, 9]),
    ):
        assert y.dtype == dtype
        assert y.tolist() == expected


def test_errors_of_options() -> None:
    x = at.tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="min_val cannot be greater than max_val"):
        F.hardtanh(x, 2, 1)
    with pytest.raises(RuntimeError, match="unsigned type with negative limits"):
        F.hardtanh(at.tensor([1], dtype=at.uint8))
    with pytest.raises(RuntimeError, match="inputs not supported for hardtanh"):
        F.relu6(at.tensor([True]))
    with pytest.raises(NotImplementedError, match="threshold"):
        F.threshold(at.tensor([True]), 0, 1)
    with pytest.raises(RuntimeError, match="alpha cannot be 0"):
        F.celu(x, 0.0)
    with pytest.raises(RuntimeError, match="lambda must be in range"):
        F.softshrink(x, -1.0)
    with pytest.raises(RuntimeError, match="either none or tanh"):
        F.gelu(x, "erf")
    with pytest.raises(ValueError, match="expected input to be 3D or 4D, got 2D"):
        nn.Softmax2d()(at.ones(2, 2))
    with pytest.raises(AssertionError, match="must be greater than min_val"):
        nn.Hardtanh(2, 1)
    with pytest.warns(FutureWarning, match="`min_value` is deprecated"):
        assert nn.Hardtanh(min_value=-2.0).min_val == -2.0


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (F.silu, lambda x: x / (1 + np.exp(-x))),
        (F.softsign, lambda x: x / (1 + np.abs(x))),
        (F.tanhshrink, lambda x: x - np.tanh(x)),
    ],
)
def test_complex_activations(fn: Callable[[Any], Any], expected: Callable[[Any], Any]) -> None:
    x = oracle.normal(5) + 1j * oracle.normal(5, seed=1)
    np.testing.assert_allclose(fn(at.tensor(x)).numpy(), expected(x))
    oracle.check(fn, x)


IN_PLACE: dict[str, tuple[Any, ...]] = {
    "relu_": (), "leaky_relu_": (0.3,), "rrelu_": (0.1, 0.3), "elu_": (0.7,), "selu_": (), "celu_": (2.0,),
    "hardtanh_": (-0.5, 0.5), "threshold_": (0.2, 7.0),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
def test_functions_that_write_their_input(name: str) -> None:
    x = oracle.normal(3, 4)
    expected = getattr(F, name[:-1])(at.tensor(x), *IN_PLACE[name])
    t = at.tensor(x)
    assert getattr(F, name)(t, *IN_PLACE[name]) is t
    np.testing.assert_array_equal(t.numpy(), expected.numpy())
    oracle.check(lambda t: getattr(F, name)(t * 1, *IN_PLACE[name]), x)
    with pytest.raises(RuntimeError, match="leaf"):
        getattr(F, name)(at.tensor(x, requires_grad=True), *IN_PLACE[name])


@pytest.mark.parametrize(
    "module",
    [nn.ReLU6, nn.RReLU, nn.SELU, nn.CELU, nn.Mish, nn.SiLU, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish],
)
def test_modules_in_place(module: Any) -> None:
    x = at.tensor(oracle.normal(3, 4))
    expected = module().eval()(x.clone())
    assert module(inplace=True).eval()(x) is x
    np.testing.assert_array_equal(x.numpy(), expected.numpy())


def test_out() -> None:
    x, out = at.tensor([-1.0, 2.0]), at.empty(2)
    for fn in (F.gelu, F.softplus, F.logsigmoid, F.softshrink):
        assert fn(x, out=out) is out
        assert out.tolist() == fn(x).tolist()


# --- along a dimension --------------------------------------------------------------------------------------


def test_softmin_and_softmax2d() -> None:
    x = oracle.normal(2, 3, 4, 5)
    np.testing.assert_allclose(F.softmin(at.tensor(x), 1).numpy(), F.softmax(at.tensor(-x), 1).numpy())
    np.testing.assert_allclose(nn.Softmax2d()(at.tensor(x)).sum(1).numpy(), np.ones((2, 4, 5)))
    np.testing.assert_allclose(nn.Softmax2d()(at.tensor(x[0])).sum(0).numpy(), np.ones((4, 5)))
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmin"):
        nn.Softmin()(at.tensor(x[0, 0]))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_gumbel_softmax(dim: int) -> None:
    at.manual_seed(0)
    logits = at.tensor(oracle.normal(4, 5), requires_grad=True)
    soft = F.gumbel_softmax(logits, tau=0.5, dim=dim)
    np.testing.assert_allclose(soft.sum(dim).detach().numpy(), 1)
    at.manual_seed(0)
    hard = F.gumbel_softmax(logits, tau=0.5, hard=True, dim=dim)
    np.testing.assert_array_equal(hard.detach().argmax(dim).numpy(), soft.detach().argmax(dim).numpy())
    np.testing.assert_allclose(np.sort(hard.detach().numpy(), dim).sum(dim), 1)
    weights = at.tensor(oracle.normal(4, 5, seed=2))
    (a,) = at.autograd.grad((soft * weights).sum(), logits)
    (b,) = at.autograd.grad((hard * weights).sum(), logits)
    np.testing.assert_allclose(a.numpy(), b.numpy())
    with pytest.warns(UserWarning, match="has no effect"):
        F.gumbel_softmax(logits, eps=1e-3)


def test_gumbel_softmax_samples_the_distribution() -> None:
    at.manual_seed(1)
    p = np.array([0.1, 0.2, 0.7])
    samples = F.gumbel_softmax(at.tensor(np.log(p)).expand(20_000, 3), hard=True)
    np.testing.assert_allclose(samples.mean(0).numpy(), p, atol=0.015)


# --- in transforms ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RULES)
def test_batched_and_shared_inputs(name: str) -> None:
    x = at.tensor(oracle.normal(3, 4))
    fn = RULES[name]
    np.testing.assert_allclose(at.func.vmap(fn)(x).numpy(), fn(x).numpy(), rtol=1e-14)
    each = at.func.vmap(at.func.grad(lambda x: fn(x).sum()))(x)
    together = at.func.grad(lambda x: fn(x).sum())(x)
    np.testing.assert_allclose(each.numpy(), together.numpy(), rtol=1e-14)
    jacobian = at.func.jacrev(fn)(x[0])  # the gradients are batched, x is not
    np.testing.assert_allclose(jacobian.numpy(), np.diag(together.numpy()[0]), rtol=1e-14)
