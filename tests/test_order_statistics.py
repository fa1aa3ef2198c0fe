"""median, nanmedian, kthvalue, mode."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.oracle import check, normal

nan, inf = math.nan, math.inf


@st.composite
def cases(draw):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5))
    if draw(st.booleans()):
        shape = (*shape[:-1], 40)  # longer than what is sorted whole
    values = st.sampled_from([0.0, 1.0, -2.0, 3.5, inf, *([nan] if draw(st.booleans()) else [])])
    return draw(hnp.arrays(np.float64, shape, elements=values)), draw(
        st.integers(-len(shape), len(shape) - 1)
    )


def lines(a, dim):
    return np.moveaxis(a, dim, -1).reshape(-1, a.shape[dim]).tolist()


@given(case=cases(), keepdim=st.booleans(), data=st.data())
def test_along_a_dimension(case, keepdim, data):
    a, dim = case
    x, n = at.tensor(a), a.shape[dim]
    k = data.draw(st.integers(1, n))
    for values, indices in (
        x.median(dim, True),
        x.nanmedian(dim, True),
        x.kthvalue(k, dim, True),
        x.mode(dim, True),
    ):
        np.testing.assert_array_equal(values.numpy(), np.take_along_axis(a, indices.numpy(), dim))
    order = np.argsort(a, dim, kind="stable")
    np.testing.assert_array_equal(
        x.kthvalue(k, dim, keepdim).indices.numpy(), np.take(order, [k - 1] if keepdim else k - 1, dim)
    )
    for line, median, middle in zip(
        lines(a, dim),
        x.median(dim)[0].numpy().ravel(),
        x.nanmedian(dim)[0].numpy().ravel(),
        strict=True,
    ):
        numbers = sorted(v for v in line if v == v)
        lower = numbers[(len(numbers) - 1) // 2] if numbers else nan
        np.testing.assert_equal(middle, lower)
        np.testing.assert_equal(median, lower if len(numbers) == n else nan)
    for line, (value, index) in zip(
        lines(a, dim), zip(*[t.numpy().ravel() for t in x.mode(dim)], strict=True), strict=True
    ):
        counts = Counter(v for v in line if v == v)
        most = max([*counts.values(), 1 if nan in line else 0])
        if counts and counts[min(counts, key=lambda v: (-counts[v], v))] == most:
            assert value == min(counts, key=lambda v: (-counts[v], v))
            assert index == max(i for i, v in enumerate(line) if v == value)


def test_of_all_elements():
    x = at.tensor([[4.0, nan], [1.0, 3.0]], requires_grad=True)
    assert x.median().isnan().item()
    y = x.nanmedian()
    y.backward()
    assert (y.item(), x.grad.tolist()) == (3, [[0, 0], [0, 1]])
    ties = at.tensor([2.0, 1.0, 2.0, 5.0], requires_grad=True)
    ties.nanmedian().backward()
    assert ties.grad.tolist() == [0.5, 0, 0.5, 0]
    assert at.tensor([nan, nan]).nanmedian().isnan().item()
    assert at.zeros(0).nanmedian().isnan().item()


@pytest.mark.parametrize(
    "f",
    [
        lambda t: t.median(1)[0] ** 2,
        lambda t: t.nanmedian(0, True).values,
        lambda t: t.nanmedian() * t.median(),
        lambda t: t.kthvalue(2, 0)[0] * t.kthvalue(3)[0].sum(),
        lambda t: t.mode(1)[0] ** 3,
    ],
)
def test_derivatives(f):
    a = np.random.default_rng(0).permutation(12).reshape(3, 4) * 0.1
    check(f, a)
    check(f, np.repeat(a, 2, 1)[::-1, ::2])


def test_0d_empty_and_integers():
    for f in (at.median, at.nanmedian, at.mode, lambda t, d=0: at.kthvalue(t, 1, d)):
        values, indices = f(at.tensor(3.0), 0)
        assert (values.item(), indices.item(), indices.shape) == (3, 0, ())
        assert f(at.zeros(2, 0), 0)[0].shape == (0,)
        with pytest.raises(IndexError, match="non-zero size"):
            f(at.zeros(2, 0), 1)
        assert f(at.tensor([3, 1, 3]), 0)[0].dtype == at.int64
        with pytest.raises(NotImplementedError, match="complex"):
            f(at.tensor([1j]), 0)
    assert at.tensor([True, False, True]).mode().values.item() is True
    check(lambda t: t.mode(0)[0] * t.kthvalue(1)[0] * t.median(0)[0], normal())


def test_errors():
    x = at.tensor([3.0, 1.0])
    for k in (0, 3, -1):
        with pytest.raises(RuntimeError, match=f"k={k}"):
            x.kthvalue(k)
    for f in (at.median, at.nanmedian, lambda t: at.kthvalue(t, 1)):
        with pytest.raises(NotImplementedError):
            f(at.tensor([True]))
    with pytest.raises(TypeError, match="dim"):
        x.mode((0,))


def test_out():
    x = at.tensor([[3.0, 1.0, 2.0]])
    for f in (at.median, at.nanmedian, at.mode, lambda t, d, out: at.kthvalue(t, 2, d, out=out)):
        out = at.empty(1), at.empty(1, dtype=at.int64)
        result = f(x, 1, out=out)
        assert result.values is out[0]
        assert result.indices is out[1]
        assert out[0].tolist() == f(x, 1, out=None)[0].tolist()
