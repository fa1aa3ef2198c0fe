"""max, min, amax, amin, argmax, argmin, median: values, ties, NaN, empty inputs, derivatives."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.oracle import check, normal

nan = math.nan


def leaf(values):
    return at.tensor(np.array(values, np.float64), requires_grad=True)


def gradient(f, values):
    x = leaf(values)
    f(x).sum().backward()
    return x.grad.tolist()


def distinct(*shape, seed=0):
    """Numbers at least 0.1 apart: no tie within reach of the differences."""
    size = math.prod(shape)
    return np.asarray(np.random.default_rng(seed).permutation(size) * 0.1 - size * 0.03).reshape(shape)


@st.composite
def cases(draw):
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=4))
    return shape, draw(st.integers(-max(1, len(shape)), max(0, len(shape) - 1)))


@pytest.mark.parametrize(("f", "arg", "numpys"), [(at.max, at.argmax, np.max), (at.min, at.argmin, np.min)])
@given(case=cases(), keepdim=st.booleans(), data=st.data())
def test_along_a_dimension(f, arg, numpys, case, keepdim, data):
    shape, dim = case
    a = data.draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.0, -2.0, nan, math.inf])))
    x = at.tensor(a)
    values, indices = result = f(x, dim, keepdim)
    np.testing.assert_array_equal(values.numpy(), numpys(a, axis=dim if shape else None, keepdims=keepdim))
    np.testing.assert_array_equal(indices.numpy(), arg(x, dim, keepdim).numpy())
    assert result.values is values
    assert result.indices is indices
    assert indices.dtype == at.int64
    index = indices.numpy() if keepdim or not shape else np.expand_dims(indices.numpy(), dim)
    picked = np.take_along_axis(a, index, dim) if shape else a
    np.testing.assert_array_equal(picked.reshape(values.shape), values.numpy())


@pytest.mark.parametrize("name", ["max", "min"])
@given(case=cases(), keepdim=st.booleans(), seed=st.integers(0, 3))
def test_amax_amin(name, case, keepdim, seed):
    shape, dim = case
    a = normal(*shape, seed=seed)
    f, numpys = getattr(at, "a" + name), getattr(np, name)
    np.testing.assert_array_equal(
        f(at.tensor(a), dim, keepdim).numpy(), numpys(a, axis=dim if shape else None, keepdims=keepdim)
    )
    np.testing.assert_array_equal(f(at.tensor(a)).numpy(), numpys(a))
    np.testing.assert_array_equal(getattr(at, name)(at.tensor(a)).numpy(), numpys(a))
    dims = tuple(range(0, len(shape), 2))
    np.testing.assert_array_equal(f(at.tensor(a), dims).numpy(), numpys(a, axis=dims or None))


@pytest.mark.parametrize(
    "f",
    [
        at.max,
        at.min,
        at.amax,
        at.median,
        lambda t: at.amin(t, (0, 2)),
        lambda t: at.amax(t, 1, keepdim=True),
        lambda t: at.max(t, 1).values,
        lambda t: at.min(t, -1, keepdim=True).values,
        lambda t: at.median(t, 1)[0],
        lambda t: at.median(t, 0, True)[0],
        lambda t: t.max(0).values ** 3 * t.min(0)[0],
    ],
)
def test_derivatives(f):
    check(f, distinct(3, 4, 2))
    check(f, distinct(3, 8, 2, seed=1)[:, ::2])


@pytest.mark.parametrize(
    "f", [at.max, at.median, lambda t: at.max(t, 0).values, lambda t: at.median(t, -1).values]
)
def test_derivatives_of_0d(f):
    check(f, normal())


@pytest.mark.parametrize(
    ("f", "x", "want"),
    [
        (at.max, [1.0, 3.0, 3.0], [0, 0.5, 0.5]),
        (at.amax, [1.0, 3.0, 3.0], [0, 0.5, 0.5]),
        (at.min, [1.0, 1.0, 3.0], [0.5, 0.5, 0]),
        (lambda t: t.max(0).values, [1.0, 3.0, 3.0], [0, 1, 0]),
        (lambda t: t.min(0).values, [3.0, 1.0, 1.0], [0, 1, 0]),
        (lambda t: t.amax((0, 1)), [[2.0, 2.0], [2.0, 2.0]], [[0.25, 0.25], [0.25, 0.25]]),
        (at.max, [nan, 1.0], [1, 0]),
        (at.max, [nan, 3.0, nan], [0.5, 0, 0.5]),
        (lambda t: t.amax(1), [[nan, 3.0], [1.0, 2.0]], [[1, 0], [0, 1]]),
        (lambda t: t.max(0).values, [1.0, nan, 3.0, nan], [0, 1, 0, 0]),
        (at.median, [1.0, 2.0, 2.0, 5.0], [0, 0.5, 0.5, 0]),
        (at.median, [1.0, nan, 2.0, 5.0], [0, 1, 0, 0]),
        (lambda t: t.median(0).values, [1.0, 2.0, 2.0, 5.0], [0, 1, 0, 0]),
    ],
)
def test_ties_and_nan(f, x, want):
    """Table A3 of PROMISES: over all elements ties share, along a dimension the index decides."""
    assert gradient(f, x) == want


@given(
    hnp.arrays(np.float64, st.integers(1, 6), elements=st.sampled_from([0.0, 1.0, 2.0])),
    st.lists(st.floats(-3, 3), min_size=6),
)
def test_max_has_a_valid_subgradient(a, other):
    """PROMISES row 19: f(y) >= f(x) + g (y - x)."""
    y = np.array(other[: len(a)])
    for f in (at.max, at.amax, lambda t: t.max(0).values, lambda t: t.norm(math.inf), lambda t: t.norm(1)):
        x = leaf(a)
        value = f(x)
        value.backward()
        assert f(at.tensor(y)).item() >= value.item() + x.grad.numpy() @ (y - a) - 1e-12


def test_two_tensors():
    a, b = at.tensor([1.0, 5.0]), at.tensor([2.0, 4.0])
    assert at.max(a, b).tolist() == [2, 5]
    assert a.min(other=b).tolist() == [1, 4]
    with pytest.raises(TypeError, match="other"):
        at.max(a, other=3.0)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int32, np.int64, np.float16, np.float32])
def test_dtypes(dtype):
    x = at.tensor(np.array([0, 1, 0], dtype))
    assert x.max().dtype == dtype
    assert x.max(0).values.dtype == dtype
    assert x.argmax().item() == 1
    if dtype is np.bool_:
        with pytest.raises(NotImplementedError, match="bool"):
            x.median()
    else:
        assert x.median().dtype == dtype


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 10])
def test_median_is_the_lower_middle(n):
    a = distinct(n)
    x = at.tensor(a)
    want = np.sort(a)[(n - 1) // 2]
    assert x.median().item() == want
    values, index = x.median(0)
    assert values.item() == want == a[index.item()]
    assert x.median(0, keepdim=True).values.shape == (1,)


def test_empty():
    empty = at.zeros(0, 3)
    for f in (at.max, at.min, at.amax, at.amin):
        with pytest.raises(RuntimeError, match=r"numel\(\) == 0"):
            f(empty)
        with pytest.raises(IndexError, match="reduction dim 0"):
            f(empty, 0)
    for f in (at.argmax, at.argmin):
        with pytest.raises(IndexError, match=r"numel\(\) == 0"):
            f(empty)
        with pytest.raises(IndexError, match="reduction dim 0"):
            f(empty, 0)
        assert f(empty, 1).shape == (0,)
    with pytest.raises(IndexError, match="reduction dim 0"):
        empty.median(0)
    assert math.isnan(empty.median().item())
    assert empty.median(1).values.shape == (0,)
    assert empty.max(1).indices.shape == (0,)
    assert empty.amax(1, keepdim=True).shape == (0, 1)
    assert gradient(lambda t: t.max(1).values, np.zeros((0, 3))) == []
    with pytest.raises(RuntimeError, match="NaN is not a number"):
        at.tensor(np.zeros(0, np.int64)).median()


def test_errors():
    x = at.ones(2, 3)
    for f in (at.max, at.argmax, at.median, at.min):
        with pytest.raises(IndexError, match="Dimension out of range"):
            f(x, 2)
    with pytest.raises(TypeError, match="amax"):
        at.max(x, (0, 1))
    z = at.tensor(np.array([1j]))
    for f in (at.max, at.amax, at.argmax, at.median):
        with pytest.raises(NotImplementedError, match="complex"):
            f(z)


def test_argmax_keepdim():
    assert at.ones(2, 3).argmax(keepdim=True).shape == (1, 1)
    assert at.ones(2, 3).argmax(1, keepdim=True).shape == (2, 1)
    assert at.tensor(3.0).argmax(0).item() == 0


def test_writing_to_the_indices_before_backward_is_an_error():
    x = leaf([[1.0, 3.0], [4.0, 2.0]])
    values, indices = x.max(1)
    indices.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        values.sum().backward()


def test_named_result_is_a_tuple():
    result = at.tensor([1.0, 3.0]).max(0)
    assert isinstance(result, tuple)
    assert result._fields == ("values", "indices")
    assert type(pickle.loads(pickle.dumps(result))) is type(result)
    assert "values=tensor(3.)" in repr(result)


# --- aminmax, out= ------------------------------------------------------------------------------------------


@given(case=cases(), keepdim=st.booleans(), data=st.data())
def test_aminmax(case, keepdim, data):
    shape, dim = case
    a = data.draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.0, -2.0, nan, math.inf])))
    result = at.aminmax(at.tensor(a), dim=dim, keepdim=keepdim)
    axis = dim if shape else None
    np.testing.assert_array_equal(result.min.numpy(), np.min(a, axis=axis, keepdims=keepdim))
    np.testing.assert_array_equal(result.max.numpy(), np.max(a, axis=axis, keepdims=keepdim))


def test_aminmax_shares_and_refuses():
    x = leaf([1.0, 2.0, 2.0, 0.0, 0.0])
    low, high = x.aminmax()
    (low + 10 * high).backward()
    assert x.grad.tolist() == [0, 5, 5, 0.5, 0.5]
    check(lambda t: t.aminmax(dim=1)[0] * t.aminmax(dim=1)[1], distinct(3, 4))
    with pytest.raises(RuntimeError, match="no identity"):
        at.zeros(0).aminmax()
    with pytest.raises(IndexError, match="non-zero size"):
        at.zeros(0, 2).aminmax(dim=0)
    with pytest.raises(TypeError, match="dim"):
        at.ones(2, 2).aminmax(dim=(0, 1))


def test_out():
    x = at.tensor([[1.0, 4.0], [3.0, 2.0]])
    for f in (at.max, at.min):
        out = at.empty(2), at.empty(2, dtype=at.int64)
        result = f(x, 1, out=out)
        assert result.values is out[0]
        assert result.indices is out[1]
        assert result.indices.tolist() == f(x, 1).indices.tolist()
        whole = at.empty(())
        assert f(x, out=whole) is whole
        assert f(x, x.T, out=at.empty(2, 2)).tolist() == f(x, x.T).tolist()
    out = at.empty(2), at.empty(2)
    assert at.aminmax(x, dim=0, out=out).max is out[1]
