"""quantile and nanquantile."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.oracle import check, normal

nan, inf = math.nan, math.inf
MODES = ["linear", "lower", "higher", "midpoint", "nearest"]


@st.composite
def cases(draw):
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=5))
    a = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.0, -2.0, 3.5, nan])))
    dims = st.integers(-len(shape), len(shape) - 1) if shape else st.just(0)
    q = draw(st.one_of(st.floats(0, 1), st.lists(st.floats(0, 1), min_size=1, max_size=3)))
    return a, draw(st.one_of(st.none(), dims)), q


@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
@settings(max_examples=40)
@given(case=cases(), mode=st.sampled_from(MODES), keepdim=st.booleans())
@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_against_numpy(name, case, mode, keepdim):
    a, dim, q = case
    ours = at.tensor(q, dtype=at.float64) if isinstance(q, list) else q
    got = getattr(at, name)(at.tensor(a), ours, dim, keepdim, interpolation=mode)
    axis = dim if a.ndim else None
    want = getattr(np, name)(a, q, axis=axis, keepdims=keepdim, method=mode)
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_derivatives(mode):
    a = np.random.default_rng(0).permutation(24).reshape(2, 3, 4) * 0.1
    check(lambda t: t.quantile(0.37, interpolation=mode) ** 2, a)
    check(
        lambda t: t.quantile(at.tensor([0.1, 0.6, 0.6], dtype=at.float64), 2, interpolation=mode), a[:, ::-1]
    )
    holes = a.copy()
    holes[0, 1, 2] = nan
    check(lambda t: at.nanquantile(t, 0.3, 1, interpolation=mode), a)
    x = at.tensor(holes, requires_grad=True)
    at.nanquantile(x, 0.3, interpolation=mode).backward()
    assert x.grad[0, 1, 2].item() == 0
    assert x.grad.sum().item() == pytest.approx(1)


def test_derivative_by_q():
    a = normal(5)
    check(lambda t, q: t.quantile(q), a, np.array([0.3, 0.55]))


def test_infinities_and_nan():
    assert at.tensor([1.0, inf]).quantile(0.0).item() == 1
    assert at.tensor([1.0, nan, 2.0]).quantile(0.0).isnan().item()
    assert at.tensor([1.0, nan, 2.0]).nanquantile(1.0).item() == 2
    assert at.tensor([nan]).nanquantile(0.5).isnan().item()


def test_out_and_names():
    out = at.empty(2)
    assert at.quantile(at.tensor([[1.0, 3.0], [2.0, 4.0]]), 0.5, axis=1, out=out) is out
    assert out.tolist() == [2, 3]
    assert at.tensor([1.0, 3.0]).quantile(0.5).dtype == at.float32


@pytest.mark.parametrize("f", [at.quantile, at.nanquantile])
def test_errors(f):
    x = at.ones(3)
    for args, message in (
        ((at.tensor([1, 2]), 0.5), "float or double"),
        ((at.zeros(0), 0.5), "non-empty"),
        ((x, 1.5), r"range \[0, 1\]"),
        ((x, nan), r"range \[0, 1\]"),
        ((x, at.tensor([[0.5]])), "scalar or 1D"),
        ((x, at.tensor(0.5, dtype=at.float64)), "same dtype"),
    ):
        with pytest.raises(RuntimeError, match=message):
            f(*args)
    with pytest.raises(RuntimeError, match="interpolation"):
        f(x, 0.5, interpolation="cubic")
    with pytest.raises(IndexError):
        f(x, 0.5, 1)
