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
