"""histc, histogram and histogramdd."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.oracle import normal, uniform

VALUES = st.sampled_from([-1.0, 0.0, 0.3, 0.5, 1.0, 1.75, 2.0, 3.0])


@given(hnp.arrays(np.float64, st.integers(0, 20), elements=VALUES), st.integers(1, 8))
def test_whole_range(x, bins):
    hist, edges = at.histogram(at.tensor(x), bins)
    want, want_edges = np.histogram(x, bins)
    np.testing.assert_allclose(edges.numpy(), want_edges, atol=1e-15)
    np.testing.assert_array_equal(hist.numpy(), want)
    assert int(at.histc(at.tensor(x), bins).sum().item()) == x.size


@given(
    hnp.arrays(np.float64, (3, 4), elements=VALUES),
    st.lists(st.floats(-1, 3), min_size=2, max_size=5, unique=True).map(sorted),
    st.booleans(),
)
def test_edges_weights_density(x, edges, density):
    weight = uniform(0.5, 2, 3, 4)
    got = at.histogram(
        at.tensor(x), at.tensor(edges, dtype=at.float64), weight=at.tensor(weight), density=density
    )
    with np.errstate(all="ignore"):
        want, _ = np.histogram(x, edges, weights=weight, density=density)
    np.testing.assert_allclose(got.hist.numpy(), want, rtol=1e-12)
    assert got.bin_edges.tolist() == edges


def test_histc():
    x = at.tensor([0.0, 1.0, 2.0, 3.0, -1.0, 4.0])
    assert x.histc(3, 0, 3).tolist() == [1, 1, 2]
    assert x.histc(bins=5).tolist() == [1, 1, 1, 1, 2]
    assert at.tensor([2.0, 2.0]).histc(4).tolist() == [0, 0, 2, 0]
    assert at.tensor([1.0, math.nan]).histc(2, 0, 2).tolist() == [0, 1]
    assert x.histc(3, 0, 3).dtype == at.float32
    out = at.empty(3)
    assert at.histc(x, 3, 0, 3, out=out) is out
    a = normal(1000)
    np.testing.assert_array_equal(at.histc(at.tensor(a), 16, -2, 2).numpy(), np.histogram(a, 16, (-2, 2))[0])


@pytest.mark.parametrize("density", [False, True])
def test_histogramdd(density):
    points, weight = normal(200, 3), uniform(0.5, 2, 200)
    for bins, ranges in (([2, 3, 4], None), (3, [-1, 1, -2, 2, -3, 3.0]), ([2, 2, 2], [-1, 1, -1, 1, -1, 1])):
        pairs = None if ranges is None else list(zip(ranges[::2], ranges[1::2], strict=True))
        for w in (None, weight):
            got = at.histogramdd(
                at.tensor(points).reshape(20, 10, 3),
                bins,
                range=ranges,
                weight=None if w is None else at.tensor(w).reshape(20, 10),
                density=density,
            )
            want, edges = np.histogramdd(points, bins, pairs, weights=w, density=density)
            np.testing.assert_allclose(got.hist.numpy(), want, rtol=1e-12)
            for a, b in zip(got.bin_edges, edges, strict=True):
                np.testing.assert_allclose(a.numpy(), b, atol=1e-14)
    given_edges = [at.tensor([-1.0, 0.0, 1.0], dtype=at.float64)] * 3
    got = at.histogramdd(at.tensor(points), given_edges).hist
    np.testing.assert_array_equal(got.numpy(), np.histogramdd(points, [[-1, 0, 1]] * 3)[0])


def test_edges_share_no_memory():
    edges = at.tensor([0.0, 1.0, 2.0])
    at.histogram(at.ones(2), edges).bin_edges.zero_()
    assert edges.tolist() == [0, 1, 2]


def test_errors():
    x = at.ones(3)
    for call, message in (
        (lambda: at.histc(x, 0), "bins must be > 0"),
        (lambda: at.histc(x, 3, 2, 1), "max must be larger"),
        (lambda: at.histc(at.tensor([math.inf])), "not finite"),
        (lambda: at.histogram(x, 0), "bins must be > 0"),
        (lambda: at.histogram(x, 2, range=(2.0, 1.0)), "max must be larger"),
        (lambda: at.histogram(at.tensor([math.nan]), 2), "not finite"),
        (lambda: at.histogram(x, at.ones(2, 2)), "one dimension"),
        (lambda: at.histogram(x, at.tensor([1, 2])), "same dtype"),
        (lambda: at.histogram(x, 2, weight=at.ones(2)), "weight"),
        (lambda: at.histogramdd(x, [2]), "2 dimensions"),
        (lambda: at.histogramdd(at.ones(2, 2), [2]), "size of bins"),
        (lambda: at.histogramdd(at.ones(2, 2), 2, range=[0.0, 1.0]), "4 elements"),
    ):
        with pytest.raises(RuntimeError, match=message):
            call()
    for f in (at.histc, at.histogram, lambda t: at.histogramdd(t.reshape(1, 2), 2)):
        with pytest.raises(NotImplementedError, match="int64"):
            f(at.tensor([1, 2]))
