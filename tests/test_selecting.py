"""gather and scatter, index_select and index_add, masks; and how repeated places are added up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from autotape.ops._accumulate import add_at, add_elements, add_rows, distinct, last_writers
from tests.oracle import check, normal


@st.composite
def gathers(draw):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    dim = draw(st.integers(0, len(shape) - 1))
    own = [draw(st.integers(0, 5 if d == dim else n)) for d, n in enumerate(shape)]
    return shape, dim, draw(hnp.arrays(np.int64, own, elements=st.integers(0, shape[dim] - 1)))


@settings(max_examples=60)
@given(case=gathers(), seed=st.integers(0, 5))
def test_gather_and_scatter_by_their_definitions(case, seed):
    shape, dim, index = case
    x, src = normal(*shape, seed=seed), normal(*index.shape, seed=seed + 1)
    gathered, put, added = np.zeros(index.shape), x.copy(), x.copy()
    for place in np.ndindex(*index.shape):
        there = (*place[:dim], index[place], *place[dim + 1 :])
        gathered[place] = x[there]
        put[there] = src[place]
        added[there] += src[place]
    t, i, s = at.from_numpy(x), at.from_numpy(index), at.from_numpy(src)
    np.testing.assert_array_equal(t.gather(dim, i).numpy(), gathered)
    np.testing.assert_array_equal(t.scatter(dim - len(shape), i, s).numpy(), put)
    np.testing.assert_allclose(t.scatter_add(dim, i, s).numpy(), added, rtol=1e-12)
    np.testing.assert_allclose(at.scatter(t, dim, i, s, reduce="add").numpy(), added, rtol=1e-12)
    check(lambda t: t.gather(dim, i), x)
    check(lambda t, s: t.scatter(dim, i, s), x, src)
    check(lambda t, s: t.scatter_add(dim, i, s), x, src)


def test_gather_and_scatter_further():
    x = normal(3, 4)
    i = at.tensor([[0, 3], [1, 1]])
    check(lambda t: t.mT.gather(0, at.tensor([[3, 3, 0]])), x)
    check(lambda t, s: t.scatter(1, i, s), x, normal(3, 3))  # a larger src: its first part is used
    check(lambda t, s: t.scatter_add(1, i, s), x, normal(3, 3))
    check(lambda t: t.scatter(1, i, 2.5), x)
    check(lambda t: t.scatter(1, i, 2.5, reduce="add"), x)
    check(lambda t: t.scatter(1, i, value=1) * t, x)
    check(lambda t: (t * 1).scatter_(1, i, 1.0), x)
    check(lambda t, s: (t * 1).scatter_add_(0, at.tensor([[0, 0], [2, 2]]), s), x, normal(2, 2))
    times = at.tensor([[1.0, 2.0]]).scatter(1, at.tensor([[1, 1]]), 3.0, reduce="multiply")
    assert times.tolist() == [[1, 18]]
    assert at.tensor(5.0).gather(0, at.tensor([0, 0])).tolist() == [5, 5]
    assert at.tensor(5.0).gather(0, at.tensor(0)).item() == 5
    assert at.tensor([1, 2]).scatter_add(0, at.tensor([1, 1]), at.tensor([5, 2**60])).tolist() == [
        1,
        2**60 + 7,
    ]
    assert at.zeros(2, 0).gather(1, at.zeros(2, 0, dtype=at.int64)).shape == (2, 0)


def test_take_along_dim():
    x = normal(3, 4)
    for indices, dim in (([[0], [1], [1]], 1), ([[-1, 0]], 1), ([[1, -2, 0, 0]], 0)):
        want = np.take_along_axis(x, np.array(indices), dim)
        np.testing.assert_array_equal(at.tensor(x).take_along_dim(at.tensor(indices), dim).numpy(), want)
        check(lambda t: t.take_along_dim(at.tensor(indices), dim=dim), x)  # noqa: B023
    check(lambda t: t.take_along_dim(at.tensor([5, 5, -1])), x)
    check(lambda t: t[:1].take_along_dim(at.tensor([[0], [1]]), 1), x)
    order = at.tensor(x).argsort(1)
    np.testing.assert_array_equal(at.take_along_dim(at.tensor(x), order, 1).numpy(), np.sort(x, 1))


def test_index_select_and_index_add():
    x = normal(3, 4)
    i = at.tensor([2, 0, 2, 2])
    check(lambda t: t.index_select(1, i), x)
    check(lambda t: t.index_select(0, at.tensor(1)), x)
    check(lambda t, s: t.index_add(1, i, s, alpha=-2.0), x, normal(3, 4, seed=1))
    check(lambda t, s: (t * 1).index_add_(0, at.tensor([1, 1]), s), x, normal(2, 4))
    assert at.tensor(5.0).index_select(0, at.tensor([0])).item() == 5
    assert at.tensor(5.0).index_add(0, at.tensor([0]), at.tensor(1.0)).item() == 6
    got = at.zeros(2, 2, dtype=at.int64).index_add(0, at.tensor([1, 1]), at.tensor([[1, 2**60], [1, 1]]))
    assert got.tolist() == [[0, 0], [2, 2**60 + 1]]


def test_masks():
    x = normal(3, 4)
    mask = at.tensor(x > 0)
    rows = at.tensor([[True], [False], [True]])
    check(lambda t: t.masked_fill(mask, 2.0), x)
    check(lambda t, v: t.masked_fill(rows, v), x, normal())
    check(lambda t: t[0].masked_fill(mask, -1.0), x)
    check(lambda t: (t * 1).masked_fill_(rows, 2.0), x)
    check(lambda t: t.masked_select(mask), x)
    check(lambda t: t.masked_select(rows), x)
    check(lambda t: t[0].masked_select(mask), x)
    assert at.tensor(1.0).masked_select(at.tensor(True)).shape == (1,)
    assert at.zeros(2, dtype=at.int64).masked_fill(at.tensor([True, False]), 2.5).tolist() == [2, 0]
    # An infinite gradient of a filled element leaves no trace.
    y = at.tensor([1.0, 2.0], requires_grad=True)
    (y.masked_fill(at.tensor([True, False]), -at.inf) * at.tensor([at.inf, 1.0])).sum().backward()
    assert y.grad.tolist() == [0, 1]


def test_nonzero():
    x = np.array([[0, 2], [3, 0]])
    assert at.tensor(x).nonzero().tolist() == [[0, 1], [1, 0]]
    assert [i.tolist() for i in at.nonzero(at.tensor(x), as_tuple=True)] == [[0, 1], [1, 0]]
    assert at.tensor(1.0).nonzero().shape == (1, 0)
    assert at.tensor(0.0).nonzero().shape == (0, 0)
    assert at.tensor(3).nonzero(as_tuple=True)[0].tolist() == [0]
    assert at.tensor(x)[at.tensor(x).nonzero(as_tuple=True)].tolist() == [2, 3]


L = at.zeros(2, 3, dtype=at.int64)
CALL_ERRORS = [
    (lambda t: t.gather(0, at.tensor([[2, 0, 0]])), RuntimeError, "index 2 is out of bounds for dimension 0"),
    (lambda t: t.gather(0, at.tensor([[-1, 0, 0]])), RuntimeError, "index -1 is out of bounds"),
    (lambda t: t.gather(0, at.tensor([0])), RuntimeError, "same number of dimensions"),
    (lambda t: t.gather(0, at.zeros(1, 5, dtype=at.int64)), RuntimeError, "no larger than self"),
    (lambda t: t.gather(0, at.zeros(1, 1)), RuntimeError, "Expected dtype int32/int64 for index"),
    (lambda t: t.gather(2, L), IndexError, "out of range"),
    (lambda t: t.scatter(1, L, at.ones(1, 1)), RuntimeError, r"no larger size than src \[1, 1\]"),
    (lambda t: t.scatter(1, L, at.ones(2, 3, dtype=at.int64)), RuntimeError, "equal to src.dtype"),
    (lambda t: t.scatter(1, L), TypeError, "src or value"),
    (lambda t: t.scatter(1, L, 1.0, reduce="max"), RuntimeError, "either add or multiply"),
    (lambda t: t.scatter(1, L, 2.0, reduce="multiply"), RuntimeError, "not implemented"),
    (lambda t: t.scatter_add(1, L, 1.0), TypeError, "'src' must be a Tensor"),
    (lambda t: t.index_select(0, at.tensor([-1])), IndexError, "index out of range in self"),
    (lambda t: t.index_select(0, at.tensor([[1]])), IndexError, "supposed to be a vector"),
    (lambda t: at.tensor(5.0).index_select(0, at.tensor([0, 0])), RuntimeError, "Index to scalar"),
    (lambda t: t.index_add(0, at.tensor([1, 1]), at.ones(3, 3)), RuntimeError, r"Number of indices \(2\)"),
    (lambda t: t.index_add(0, at.tensor([1, 1]), at.ones(2, 2)), RuntimeError, "tensor shape must match"),
    (lambda t: t.index_add(0, at.tensor([2]), at.ones(1, 3)), RuntimeError, "index 2"),
    (lambda t: t.index_add(0, at.tensor([1]), at.ones(1, 3).double()), RuntimeError, "same scalar type"),
    (lambda t: t.masked_fill(L, 0), RuntimeError, "boolean masks"),
    (lambda t: t.masked_fill(at.tensor([True, False]), 0), RuntimeError, "broadcast"),
    (lambda t: t.masked_fill(t > 2, at.ones(1)), RuntimeError, "0-dimensional value"),
    (lambda t: t.masked_fill(t > 2, 1e40), RuntimeError, "float32 without overflow"),
    (lambda t: L.masked_fill(L == 0, at.nan), RuntimeError, "int64 without overflow"),
    (lambda t: t.masked_select(L), RuntimeError, "boolean masks"),
    (lambda t: t.masked_select(at.tensor([True, False])), RuntimeError, "broadcast"),
    (lambda t: t.take_along_dim(at.tensor([0]), 1), RuntimeError, "same number of dimensions"),
    (lambda t: t.take_along_dim(at.tensor([0.5])), RuntimeError, "should be Long"),
    (lambda t: t.take_along_dim(at.tensor([6])), RuntimeError, "index 6 is out of bounds"),
]  # fmt: skip


@pytest.mark.parametrize(("fn", "kind", "message"), CALL_ERRORS)
def test_errors(fn, kind, message):
    t = at.ones(2, 3, requires_grad=True)
    with pytest.raises(kind, match=message):
        fn(t)


# --- adding up ----------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(
    rows=st.integers(1, 40),
    width=st.sampled_from([1, 2, 7, 300]),
    count=st.sampled_from([0, 1, 5, 60, 400]),
    skew=st.booleans(),
    dtype=st.sampled_from([np.float64, np.float32, np.complex128, np.int64]),
    seed=st.integers(0, 99),
)
def test_add_rows_is_add_at(rows, width, count, skew, dtype, seed):
    rng = np.random.default_rng(seed)
    index = np.zeros(count, int) if skew else rng.integers(0, rows, count)
    values = rng.integers(-9, 9, (count, width)).astype(dtype)  # exact in every order
    want = rng.integers(-9, 9, (rows, width)).astype(dtype)
    got, strided = want.copy(), np.zeros((rows, 2 * width), dtype)
    strided[:, ::2] = want
    np.add.at(want, index, values)
    add_rows(got, index, values)
    np.testing.assert_array_equal(got, want, strict=True)
    add_rows(strided[:, ::2], index, values)
    np.testing.assert_array_equal(strided[:, ::2], want)
    assert not strided[:, 1::2].any()


def test_adding_up_keeps_infinities_apart():
    for width in (1, 3, 5000):
        g = np.ones((3, width), np.float32)
        g[1] = np.inf
        out = np.zeros((3, width), np.float32)
        add_rows(out, np.array([0, 1, 0]), g)
        assert out[0].tolist() == [2] * width
        assert np.isinf(out[1]).all()
        assert not out[2].any()


def test_add_elements_and_add_at_on_other_layouts():
    for dtype in (np.float32, np.float64, np.complex64, np.int32):
        out = np.ones((2, 3), dtype)
        add_elements(out, np.array([[5, 5], [0, 1]]), np.array([[1, 2], [3, 4]], dtype))
        assert out.tolist() == [[4, 5, 1], [1, 1, 4]]
    for base in (np.zeros((4, 5)), np.zeros((5, 4)).T, np.zeros((4, 10))[:, ::2]):
        add_at(base, (slice(None), np.array([[0, -1], [4, 2]])), 1, np.ones((4, 2, 2)))
        assert base.tolist() == [[1, 0, 1, 0, 2]] * 4


def test_distinct_and_last_writers():
    assert distinct((np.array([0, 2, 3]),))
    assert distinct((np.array([5, 5, 1]), slice(None), np.array([0, 2, 3])))
    assert not distinct((np.array([0, 2, 2]),))
    assert not distinct((np.array([-1, 0, 2]),))  # -1 may be the last one
    assert not distinct((np.array([0, 2, 3]), np.array([[0], [0]])))
    assert not distinct((np.array([True, True]), np.array([0, 1])))
    assert last_writers((4, 2), (np.array([1, 1, 3]),)).tolist() == [[False], [True], [True]]
    assert last_writers((2, 3), (slice(None), np.array([[0, -3], [1, 1]]))).tolist() == [
        [[False, True], [False, True]]
    ]
