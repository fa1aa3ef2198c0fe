"""sort, argsort, topk, unique, bincount."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.oracle import check, normal

nan = math.nan


@st.composite
def cases(draw, min_side=0):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=min_side, max_side=5))
    values = st.sampled_from([0.0, 1.0, -2.0, 3.5, nan, math.inf])
    return draw(hnp.arrays(np.float64, shape, elements=values)), draw(
        st.integers(-len(shape), len(shape) - 1)
    )


def lines(a, dim):
    """The values along ``dim``, list by list."""
    return np.moveaxis(a, dim, -1).reshape(math.prod(a.shape) // max(1, a.shape[dim]), a.shape[dim]).tolist()


@given(case=cases(), descending=st.booleans())
def test_sort_is_stable_and_puts_nan_last(case, descending):
    a, dim = case
    values, indices = at.tensor(a).sort(dim, descending)
    places = range(a.shape[dim])
    for row, order in zip(lines(a, dim), lines(indices.numpy(), dim), strict=True):
        rank = sorted({(v != v, 0 if v != v else v) for v in row}, reverse=descending)
        assert order == sorted(
            places, key=lambda i: rank.index((row[i] != row[i], 0 if row[i] != row[i] else row[i]))
        )
    np.testing.assert_array_equal(values.numpy(), np.take_along_axis(a, indices.numpy(), dim))
    np.testing.assert_array_equal(at.argsort(at.tensor(a), dim, descending).numpy(), indices.numpy())
    assert indices.dtype == at.int64


@given(case=cases(min_side=1), largest=st.booleans(), ordered=st.booleans(), data=st.data())
def test_topk(case, largest, ordered, data):
    a, dim = case
    k = data.draw(st.integers(0, a.shape[dim]))
    values, indices = at.tensor(a).topk(k, dim, largest, ordered)
    np.testing.assert_array_equal(values.numpy(), np.take_along_axis(a, indices.numpy(), dim))
    want = np.take(at.tensor(a).sort(dim, descending=largest).values.numpy(), range(k), dim)
    got = values.numpy() if ordered else np.sort(values.numpy(), dim)
    np.testing.assert_array_equal(got, want if ordered else np.sort(want, dim))
    assert all(len(set(line)) == k for line in lines(indices.numpy(), dim))


@pytest.mark.parametrize(
    "f",
    [
        lambda t: t.sort(0).values,
        lambda t: t.sort(-1, descending=True).values,
        lambda t: t.topk(2).values,
        lambda t: t.topk(2, 1, largest=False)[0],
        lambda t: t.topk(3, 0, sorted=False).values ** 2,
        lambda t: np.sort(t, 1) * np.sort(t, None).reshape(3, 4, 2),
    ],
)
def test_derivatives(f):
    a = np.random.default_rng(0).permutation(24).reshape(3, 4, 2) * 0.1
    check(f, a, order=3)
    check(f, np.repeat(a, 2, 1)[:, ::2])


def test_ties_keep_their_order_in_the_gradient():
    x = at.tensor([2.0, 1.0, 1.0], requires_grad=True)
    (x.sort().values * at.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [3, 1, 2]


def test_0d_and_empty():
    assert at.tensor(3.0).sort()[0].item() == 3
    assert at.tensor(3.0).sort().indices.shape == ()
    assert at.tensor(3.0).argsort().item() == 0
    assert at.tensor(3.0).topk(1).values.shape == ()
    assert at.tensor(3.0).topk(0).values.shape == (0,)
    assert at.zeros(2, 0).sort().values.shape == (2, 0)
    assert at.zeros(2, 0).topk(0).values.shape == (2, 0)
    check(lambda t: t.sort().values * 2, normal())


def test_errors():
    x = at.tensor([3.0, 1.0])
    for k in (3, -1):
        with pytest.raises(RuntimeError, match=f"k={k}"):
            x.topk(k)
    for f in (at.sort, at.argsort, lambda t, d: at.topk(t, 1, d)):
        with pytest.raises(IndexError, match="Dimension out of range"):
            f(x, 1)
        with pytest.raises(NotImplementedError, match="complex"):
            f(at.tensor(np.array([1j])), 0)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float16, np.float32])
def test_dtypes(dtype):
    values, _ = at.tensor(np.array([1, 0, 1], dtype)).sort()
    assert values.dtype == dtype
    assert values.tolist() == [0, 1, 1]


def test_numpy_forms():
    a = normal(3, 4)
    t = at.tensor(a)
    for args in ((), (0,), (None,)):
        np.testing.assert_array_equal(np.sort(t, *args).numpy(), np.sort(a, *args))
        np.testing.assert_array_equal(np.argsort(t, *args).numpy(), np.argsort(a, *args))
    i = np.array([3, 1, 3])
    np.testing.assert_array_equal(np.bincount(at.tensor(i), minlength=6).numpy(), np.bincount(i, minlength=6))
    np.testing.assert_array_equal(np.bincount(i, at.tensor([1.0, 2.0, 3.0])).numpy(), [0, 2, 0, 4])
    for outputs, wanted in ((np.unique(at.tensor(i), True, True, True), np.unique(i, True, True, True)),):
        for got, want in zip(outputs, wanted, strict=True):
            np.testing.assert_array_equal(got.numpy(), want)
    assert np.unique(at.tensor(i)).tolist() == [1, 3]


# --- unique -------------------------------------------------------------------------------------------------


@given(
    hnp.arrays(
        np.int64,
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        elements=st.integers(-2, 2),
    )
)
def test_unique(a):
    values, inverse, counts = at.tensor(a).unique(return_inverse=True, return_counts=True)
    assert values.tolist() == sorted(set(a.ravel().tolist()))
    assert inverse.shape == a.shape
    np.testing.assert_array_equal(values.numpy()[inverse.numpy()], a)
    assert int(counts.numpy().sum()) == a.size
    assert at.unique(at.tensor(a)).tolist() == values.tolist()


def test_unique_along_a_dimension():
    x = at.tensor([[1, 2], [1, 2], [0, 3]])
    values, inverse, counts = x.unique(dim=0, return_inverse=True, return_counts=True)
    assert (values.tolist(), inverse.tolist(), counts.tolist()) == ([[0, 3], [1, 2]], [1, 1, 0], [1, 2])
    assert x.unique(dim=-1).tolist() == [[1, 2], [1, 2], [0, 3]]
    assert at.zeros(0, 2).unique(dim=0).shape == (0, 2)
    with pytest.raises(RuntimeError, match="0 sized dimensions"):
        at.zeros(2, 0).unique(dim=0)
    with pytest.raises(IndexError, match="no dimensions"):
        at.tensor(3).unique(dim=0)


def test_unique_keeps_every_nan_and_has_no_derivative():
    x = at.tensor([nan, 1.0, nan], requires_grad=True)
    values = x.unique()
    assert values.shape == (3,)
    with pytest.raises(NotImplementedError, match="derivative of unique"):
        values.sum().backward()


@given(
    hnp.arrays(
        np.int64,
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4),
        elements=st.integers(0, 1),
    ),
    st.data(),
)
def test_unique_consecutive(a, data):
    dim = data.draw(st.one_of(st.none(), st.integers(-a.ndim, a.ndim - 1)))
    values, inverse, counts = at.unique_consecutive(at.tensor(a), True, True, dim)
    axis = 0 if dim is None else dim
    whole = a.ravel() if dim is None else a
    np.testing.assert_array_equal(np.repeat(values.numpy(), counts.numpy(), axis), whole)
    np.testing.assert_array_equal(np.take(values.numpy(), inverse.numpy().ravel(), axis), whole)
    lines = np.moveaxis(values.numpy(), axis, 0)
    assert all((x != y).any() for x, y in zip(lines[1:], lines[:-1], strict=True))
    assert inverse.shape == (a.shape if dim is None else (a.shape[dim],))


def test_unique_consecutive_of_little():
    assert at.tensor(3).unique_consecutive().tolist() == [3]
    assert at.zeros(0).unique_consecutive(return_counts=True)[1].tolist() == []
    assert at.zeros(0, 2).unique_consecutive(dim=0).shape == (0, 2)
    assert at.tensor([nan, nan]).unique_consecutive().shape == (2,)
    with pytest.raises(RuntimeError, match="0 sized"):
        at.zeros(2, 0).unique_consecutive(dim=0)
    with pytest.raises(IndexError, match="no dimensions"):
        at.tensor(3).unique_consecutive(dim=0)
    with pytest.raises(NotImplementedError, match="derivative"):
        at.ones(2, requires_grad=True).unique_consecutive().sum().backward()


# --- bincount -----------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(0, 12))
def test_bincount(items, minlength):
    x = at.tensor(np.array(items, np.int32))
    got = x.bincount(minlength=minlength)
    assert got.dtype == at.int64
    np.testing.assert_array_equal(got.numpy(), np.bincount(np.array(items, np.int64), minlength=minlength))


def test_bincount_weights():
    x = at.tensor([1, 0, 1])
    assert x.bincount(at.tensor([1, 2, 3])).dtype == at.float64
    assert x.bincount(at.tensor([1.0, 2.0, 3.0])).dtype == at.float32
    check(lambda w: x.bincount(w, 4) ** 2, normal(3))


def test_bincount_errors():
    for bad in ([-1, 0], [[1]], [1.0], [True]):
        with pytest.raises(RuntimeError, match="1-d non-negative integral"):
            at.tensor(bad).bincount()
    with pytest.raises(RuntimeError, match="minlength"):
        at.tensor([1]).bincount(minlength=-1)
    with pytest.raises(RuntimeError, match="same length"):
        at.tensor([1]).bincount(at.tensor([1.0, 2.0]))


# --- msort, long lines, out= --------------------------------------------------------------------------------


def test_msort():
    a = normal(3, 4)
    np.testing.assert_array_equal(at.msort(at.tensor(a)).numpy(), np.sort(a, 0))
    check(lambda t: t.msort() ** 2, a)
    assert at.msort(at.tensor(3.0)).item() == 3


@pytest.mark.parametrize("k", [1, 3, 8, 9, 49])
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("special", [[], [nan], [math.inf, -math.inf], [nan, -math.inf] * 9])
def test_topk_of_long_lines(k, largest, special):
    a = np.round(normal(2, 50, 3) * 2)
    a[:, : len(special), 1] = special
    for x in (a, a[:, ::-1], np.nan_to_num(a, posinf=127, neginf=-128).astype(np.int8)):
        values, indices = at.tensor(x).topk(k, 1, largest)
        want = at.tensor(x).sort(1, descending=largest).values.numpy()[:, :k]
        np.testing.assert_array_equal(values.numpy(), want)
        np.testing.assert_array_equal(values.numpy(), np.take_along_axis(x, indices.numpy(), 1))
        assert all(len(set(line)) == k for line in lines(indices.numpy(), 1))


def test_out():
    x = at.tensor([3.0, 1.0, 2.0])
    for f in (at.sort, lambda t, out: at.topk(t, 2, out=out), lambda t, out: at.max(t, 0, out=out)):
        out = at.empty(0), at.empty(0, dtype=at.int64)
        values, indices = f(x, out=out)
        assert values is out[0]
        assert indices is out[1]
    assert out[0].item() == 3
    out = at.empty(3, dtype=at.int64)
    assert at.argsort(x, out=out) is out
    assert at.msort(x, out=x[:]).tolist() == [1, 2, 3]
    with pytest.raises(TypeError, match="tuple of 2"):
        at.sort(x, out=x)
