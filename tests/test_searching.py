"""searchsorted and bucketize."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at


@given(
    hnp.arrays(np.float64, st.integers(0, 6), elements=st.integers(-3, 3)),
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, min_side=0, max_side=4), elements=st.integers(-4, 4)),
    st.booleans(),
)
def test_of_one_sequence(s, values, right):
    s = np.sort(s)
    want = np.searchsorted(s, values, "right" if right else "left")
    for got in (
        at.searchsorted(at.tensor(s), at.tensor(values), right=right),
        at.searchsorted(at.tensor(s), at.tensor(values), side="right" if right else "left"),
        at.bucketize(at.tensor(values), at.tensor(s), right=right),
    ):
        assert got.dtype == at.int64
        np.testing.assert_array_equal(got.numpy(), want)


@pytest.mark.parametrize("right", [False, True])
def test_of_many_sequences(right):
    rng = np.random.default_rng(0)
    s, values = np.sort(rng.integers(0, 9, (2, 3, 5)), -1), rng.integers(0, 9, (2, 3, 4))
    got = at.searchsorted(at.tensor(s), at.tensor(values), right=right, out_int32=True)
    assert got.dtype == at.int32
    for i in np.ndindex(2, 3):
        np.testing.assert_array_equal(
            got.numpy()[i], np.searchsorted(s[i], values[i], "right" if right else "left")
        )
    order = rng.permuted(np.broadcast_to(np.arange(5), s.shape), axis=-1)
    shuffled = np.empty_like(s)
    np.put_along_axis(shuffled, order, s, -1)
    again = at.searchsorted(at.tensor(shuffled), at.tensor(values), right=right, sorter=at.tensor(order))
    np.testing.assert_array_equal(again.numpy(), got.numpy())


def test_numbers_dtypes_and_out():
    s = at.tensor([1, 3, 5])
    assert at.searchsorted(s, 3).item() == 1
    assert at.searchsorted(s, 3.5).item() == 2
    assert at.bucketize(9, s).shape == ()
    assert at.searchsorted(at.tensor([0.1, 0.2]), 0.1).item() == 0  # in float32, as the sequence
    assert at.bucketize(at.tensor([2, 4]), at.tensor([1.0, 3.0])).tolist() == [1, 2]
    assert at.searchsorted(at.tensor([1.0, 2.0]), at.tensor([math.nan, math.inf])).tolist() == [2, 2]
    out = at.empty(1, dtype=at.int64)
    assert at.searchsorted(s, at.tensor([4]), out=out) is out
    assert at.bucketize(at.tensor([4]), s, out=out).tolist() == [2]
    assert not at.bucketize(at.ones(2, requires_grad=True), at.ones(1)).requires_grad


def test_errors():
    s, x = at.tensor([1.0, 2.0]), at.ones(2, 3)
    for call, message in (
        (lambda: at.searchsorted(at.tensor(1.0), x), "1 dimension"),
        (lambda: at.searchsorted(at.ones(3, 2), x), "must match"),
        (lambda: at.searchsorted(s, x, side="up"), "side"),
        (lambda: at.searchsorted(s, x, side="left", right=True), "opposites"),
        (lambda: at.searchsorted(s, x, sorter=at.tensor([0])), "sorter"),
        (lambda: at.searchsorted(s, x, sorter=at.tensor([0, 2])), "out of range"),
        (lambda: at.searchsorted(s, x, sorter=at.tensor([0.0, 1.0])), "sorter"),
        (lambda: at.bucketize(x, x), "1 dimension"),
    ):
        with pytest.raises(RuntimeError, match=message):
            call()
    with pytest.raises(NotImplementedError, match="bool"):
        at.bucketize(at.tensor([True]), at.tensor([True]))
    with pytest.raises(TypeError, match="boundaries"):
        at.bucketize(x, [1.0, 2.0])
