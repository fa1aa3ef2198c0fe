"""diff, gradient, trapezoid, cumulative_trapezoid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.oracle import check, normal

STEPS = np.array([0.0, 0.5, 1.5, 1.75, 3.0])


@given(
    hnp.arrays(np.int64, hnp.array_shapes(max_dims=3, min_side=0, max_side=5), elements=st.integers(-9, 9)),
    st.integers(0, 6),
    st.data(),
)
def test_diff(a, n, data):
    dim = data.draw(st.integers(-a.ndim, a.ndim - 1))
    np.testing.assert_array_equal(at.diff(at.tensor(a), n, dim).numpy(), np.diff(a, n, dim))
    if n:
        got = at.diff(at.tensor(a), n, dim, at.tensor(a), at.tensor(a))
        np.testing.assert_array_equal(got.numpy(), np.diff(a, n, dim, a, a))


def test_diff_of_booleans_and_copies():
    assert at.diff(at.tensor([True, False, False])).tolist() == [True, False]
    x = at.ones(3)
    assert x.diff(0) is not x
    assert x.diff(0).data_ptr() != x.data_ptr()
    check(lambda t: t.diff(2, 0) ** 2, normal(4, 3))
    check(lambda t, u: at.diff(t, prepend=u, append=t) ** 2, normal(2, 3), normal(2, 1, seed=1))
    check(lambda t: t.diff(n=7), normal(3), order=1)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("spacing", [None, 2.0, (0.5, -1.0), (STEPS, np.arange(4.0) ** 2)])
def test_gradient(order, spacing):
    a = normal(5, 4)
    ours = spacing
    numpys = (1.0,) if spacing is None else (spacing,) if isinstance(spacing, float) else spacing
    if isinstance(spacing, tuple):
        ours = tuple(at.tensor(s) if isinstance(s, np.ndarray) else s for s in spacing)
    got = at.gradient(at.tensor(a), spacing=ours, edge_order=order)
    for mine, want in zip(got, np.gradient(a, *numpys, edge_order=order), strict=True):
        np.testing.assert_allclose(mine.numpy(), want, rtol=1e-12, atol=1e-12)
    check(lambda t: [g**2 for g in at.gradient(t, spacing=ours, edge_order=order)], a)
    one = at.gradient(
        at.tensor(a), spacing=ours[1:] if isinstance(ours, tuple) else ours, dim=-1, edge_order=order
    )
    np.testing.assert_array_equal(one[0].numpy(), got[1].numpy())


def test_gradient_by_coordinates_and_of_integers():
    check(lambda t, s: at.gradient(t, spacing=(s,), dim=1, edge_order=2)[0], normal(2, 5), STEPS)
    assert at.gradient(at.tensor([1, 4, 9]))[0].tolist() == [3, 4, 5]
    assert at.gradient(at.tensor([1.0, 4.0]), spacing=at.tensor(2.0))[0].tolist() == [1.5, 1.5]
    z = normal(4) + 1j * normal(4, seed=1)
    np.testing.assert_allclose(at.gradient(at.tensor(z))[0].numpy(), np.gradient(z), rtol=1e-13)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_trapezoid(dim):
    y, x = normal(5, 5), normal(5, 5, seed=1)
    for arguments, numpys in (
        ({}, {}),
        ({"dx": 0.5}, {"dx": 0.5}),
        ({"x": STEPS}, {"x": STEPS}),
        ({"x": x}, {"x": x}),
    ):
        ours = {k: at.tensor(v) if isinstance(v, np.ndarray) else v for k, v in arguments.items()}
        want = np.trapezoid(y, axis=dim, **numpys)
        np.testing.assert_allclose(at.trapezoid(at.tensor(y), dim=dim, **ours).numpy(), want, rtol=1e-12)
        running = at.cumulative_trapezoid(at.tensor(y), dim=dim, **ours)
        np.testing.assert_allclose(running.select(dim, -1).numpy(), want, rtol=1e-12)
        assert running.shape[dim] == 4
    check(lambda t, u: at.trapezoid(t, u, dim=dim) ** 2, y, x)
    check(lambda t, u: at.cumulative_trapezoid(t, u, dim=dim) ** 2, y, STEPS)


def test_trapezoid_of_integers_and_little():
    assert at.trapz is at.trapezoid
    assert at.trapezoid(at.tensor([1, 5, 10])).item() == 10.5
    assert at.trapezoid(at.zeros(0)).item() == 0
    assert at.trapezoid(at.ones(1)).item() == 0
    assert at.cumulative_trapezoid(at.zeros(0)).shape == (0,)
    assert at.trapezoid(at.ones(2, 3), at.ones(2, 1, 3)).shape == (2, 2)


def test_errors():
    x = at.ones(2, 3)
    for call, message in (
        (lambda: at.diff(at.tensor(1.0)), "one-dimensional"),
        (lambda: x.diff(-1), "non-negative"),
        (lambda: x.diff(prepend=at.ones(3)), "prepend"),
        (lambda: x.diff(dim=0, append=at.ones(1, 2)), "append"),
        (lambda: at.gradient(x, edge_order=3), "edge_order"),
        (lambda: at.gradient(x, edge_order=2), r"edge_order\+1"),
        (lambda: at.gradient(x, spacing=(1.0,)), "spacing"),
        (lambda: at.gradient(x, spacing=(at.ones(4),), dim=1), "coordinates"),
        (lambda: at.trapezoid(at.tensor([True, False])), "bool"),
        (lambda: at.trapezoid(x, at.ones(2)), "sample point"),
    ):
        with pytest.raises(RuntimeError, match=message):
            call()
    for call in (lambda: x.diff(dim=2), lambda: at.gradient(x, dim=2), lambda: at.trapezoid(at.tensor(1.0))):
        with pytest.raises(IndexError):
            call()
    with pytest.raises(TypeError, match="not both"):
        at.trapezoid(x, x, dx=1.0)
