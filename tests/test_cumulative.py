"""Cumulative sums and products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.oracle import check, normal


@st.composite
def cases(draw):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
    return shape, draw(st.integers(-len(shape), len(shape) - 1))


@pytest.mark.parametrize(("f", "numpys"), [(at.cumsum, np.cumsum), (at.cumprod, np.cumprod)])
@settings(max_examples=30)
@given(case=cases(), zeros=st.booleans(), seed=st.integers(0, 5))
def test_against_numpy_and_differences(f, numpys, case, zeros, seed):
    shape, dim = case
    x = normal(*shape, seed=seed)
    if zeros:
        x[np.abs(x) < 0.5] = 0
    np.testing.assert_allclose(f(at.tensor(x), dim).numpy(), numpys(x, dim), rtol=1e-13)
    check(lambda t: f(t, dim), x)


@pytest.mark.parametrize(
    "x", [[2.0, 0.0, 3.0], [0.0, 0.0, 1.0], [2.0, 0.0, 3.0, 0.0, 4.0], [0.0], [1e-200, 1e-200, 1e200]]
)
def test_cumprod_with_zeros(x):
    check(lambda t: t.cumprod(0), np.array(x), order=1 if max(x) > 1e9 else 3 if len(x) > 1 else 2)


def test_cumprod_gradient_with_a_zero():
    x = at.tensor([2.0, 0.0, 3.0], requires_grad=True)
    x.cumprod(0).sum().backward()
    assert x.grad.tolist() == [1, 8, 0]


@pytest.mark.parametrize("f", [at.cumsum, at.cumprod])
def test_dtypes_and_0d(f):
    for dtype in (np.bool_, np.int8, np.int32, np.uint8):
        assert f(at.tensor(np.ones(3, dtype)), 0).dtype == at.int64
    assert f(at.tensor([1.5, 2.5]), 0, dtype=at.int64).dtype == at.int64
    assert f(at.tensor([1, 2]), 0, dtype=at.float32).dtype == at.float32
    assert f(at.tensor(3.0), 0).tolist() == 3
    assert f(at.tensor(3.0), -1).shape == ()
    check(lambda t: f(t, 0), normal())
    with pytest.raises(IndexError, match="Dimension out of range"):
        f(at.ones(2), 1)
    with pytest.raises(TypeError):
        f(at.ones(2))


def test_half_precision_accumulates_in_single():
    assert at.tensor(np.ones(4000, np.float16)).cumsum(0)[-1].item() == 4000


def test_complex():
    z = normal(3, 2) + 1j * normal(3, 2, seed=1)
    check(lambda t: t.cumprod(0), z)
    z[1] = 0
    check(lambda t: t.cumprod(0), z)
    check(lambda t: t.prod(0), z)
    check(lambda t: t.cumsum(0), z)


def test_in_place():
    x = at.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.cumsum_(0) is x
    assert x.tolist() == [[1, 2], [4, 6]]
    assert x.cumprod_(1).tolist() == [[1, 2], [4, 24]]


@pytest.mark.parametrize("f", [at.cumsum, at.cumprod, at.logcumsumexp])
def test_long_lines_and_both_ends(f):
    x = normal(3, 5, 300) * 0.1 + 1
    want = {at.cumsum: np.cumsum, at.cumprod: np.cumprod, at.logcumsumexp: np.logaddexp.accumulate}[f]
    for dim in range(3):
        np.testing.assert_allclose(f(at.tensor(x), dim).numpy(), want(x, dim), rtol=1e-12)
    view = np.transpose(x, (2, 0, 1))[::-1]
    t = at.tensor(view, requires_grad=True)
    f(t, 1).sum().backward()
    other = at.tensor(np.ascontiguousarray(view), requires_grad=True)
    f(other, 1).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), other.grad.numpy(), rtol=1e-12)


# --- logcumsumexp -------------------------------------------------------------------------------------------


@given(case=cases(), scale=st.sampled_from([1.0, 30.0, 1000.0]), seed=st.integers(0, 3))
def test_logcumsumexp(case, scale, seed):
    shape, dim = case
    x = normal(*shape, seed=seed) * scale
    want = np.logaddexp.accumulate(x, dim)
    np.testing.assert_allclose(at.logcumsumexp(at.tensor(x), dim).numpy(), want, rtol=1e-13)
    t = at.tensor(x, requires_grad=True)
    t.logcumsumexp(dim).sum().backward()
    assert np.isfinite(t.grad.numpy()).all()
    np.testing.assert_allclose(t.grad.sum().item(), x.size, rtol=1e-12)  # each line of shares sums to 1


def test_derivatives_of_logcumsumexp():
    check(lambda t: t.logcumsumexp(1), normal(2, 4, 3), order=3)
    check(lambda t: t.logcumsumexp(0), normal(1))
    check(lambda t: t.logcumsumexp(0) * 2, normal())
    z = normal(4, 2) + 1j * normal(4, 2, seed=1)
    check(lambda t: t.logcumsumexp(0), z)
    np.testing.assert_allclose(
        np.exp(at.tensor(z).logcumsumexp(0).numpy()), np.cumsum(np.exp(z), 0), rtol=1e-13
    )


def test_logcumsumexp_of_infinities():
    inf = np.inf
    x = at.tensor([-inf, -inf, 1.0, 2.0], requires_grad=True)
    y = x.logcumsumexp(0)
    np.testing.assert_allclose(y.detach().numpy(), [-inf, -inf, 1, 2.3132617], rtol=1e-6)
    y[2:].sum().backward()
    assert x.grad.tolist()[:2] == [0, 0]
    assert at.tensor([0.0, inf, 1.0]).logcumsumexp(0).tolist() == [0, inf, inf]
    with pytest.raises(NotImplementedError, match="int64"):
        at.tensor([1, 2]).logcumsumexp(0)


# --- cummax and cummin --------------------------------------------------------------------------------------


@given(case=cases(), largest=st.booleans(), data=st.data())
def test_running_extrema(case, largest, data):
    shape, dim = case
    a = data.draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.0, -2.0, np.nan, np.inf])))
    f, numpys = (at.cummax, np.maximum) if largest else (at.cummin, np.minimum)
    values, indices = f(at.tensor(a), dim)
    np.testing.assert_array_equal(values.numpy(), numpys.accumulate(a, dim))
    np.testing.assert_array_equal(values.numpy(), np.take_along_axis(a, indices.numpy(), dim))
    assert indices.dtype == at.int64
    assert (np.diff(indices.numpy(), axis=dim) >= 0).all()


def test_ties_and_derivatives_of_running_extrema():
    assert at.tensor([3, 1, 3, 2]).cummax(0).indices.tolist() == [0, 0, 2, 2]
    assert at.tensor([True, False]).cummin(0).values.tolist() == [True, False]
    x = at.tensor([1.0, 1.0, 0.0], requires_grad=True)
    x.cummax(0).values.sum().backward()
    assert x.grad.tolist() == [1, 2, 0]
    a = np.random.default_rng(0).permutation(12).reshape(3, 4) * 0.1
    check(lambda t: t.cummax(1)[0] ** 2, a)
    check(lambda t: t.cummin(0)[0] ** 2, a[::-1, ::2])
    check(lambda t: t.cummin(0)[0] ** 2, normal())
    out = at.empty(2), at.empty(2, dtype=at.int64)
    assert at.cummax(at.tensor([1.0, 2.0]), 0, out=out).values is out[0]
    for f in (at.cummax, at.cummin):
        with pytest.raises(NotImplementedError, match="complex"):
            f(at.tensor([1j]), 0)


def test_accumulating_in_a_small_dtype_wraps():
    x = at.tensor(np.array([200, 100], np.uint8))
    y = x.cumsum(0, dtype=at.uint8)
    assert (y.dtype, y.tolist()) == (at.uint8, [200, 44])
