"""Norms: values, derivatives, conventions."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal

inf = math.inf
ORDERS = ["fro", None, 2, 1, inf, -inf, 0, 3, 2.5, 1.5, 0.5, -1, -2.5]


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("keepdim", [False, True])
def test_values(p, keepdim):
    a = normal(3, 4)
    order = 2 if p in ("fro", None) else p
    want = np.stack([np.linalg.norm(row, order) for row in a])
    got = at.norm(at.tensor(a), p, 1, keepdim)
    np.testing.assert_allclose(got.numpy(), want[:, None] if keepdim else want, rtol=1e-13)
    whole = at.norm(at.tensor(a.T), p, keepdim=keepdim)
    assert whole.shape == ((1, 1) if keepdim else ())
    np.testing.assert_allclose(
        whole.numpy(), np.full(whole.shape, np.linalg.norm(a.ravel(), order)), rtol=1e-13
    )


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("dim", [None, 0, (0, 2), -1])
def test_derivatives(p, dim):
    check(lambda t: at.norm(t, p, dim), normal(2, 3, 2) + np.where(normal(2, 3, 2) > 0, 0.1, -0.1))


@pytest.mark.parametrize(
    ("p", "order"), [(2, 3), (4, 3), (3, 1), (2.5, 1)]
)  # |x|^p has no p-th derivative at 0
def test_derivatives_where_some_elements_are_zero(p, order):
    check(lambda t: at.norm(t, p, 1), np.array([[0.0, 2.0, -1.0], [3.0, 0.0, 0.0]]), order=order)


@pytest.mark.parametrize("p", ORDERS)
def test_gradient_at_the_zero_vector_is_zero(p):
    """PROMISES row 20, at every order."""
    x = at.zeros(2, dtype=at.float64, requires_grad=True)
    y = at.norm(x, p)
    (g,) = at.autograd.grad(y, x, create_graph=True)
    assert g.tolist() == [0, 0]
    if g.requires_grad:
        (h,) = at.autograd.grad(g.sum(), x, allow_unused=True)
        assert h is None or h.tolist() == [0, 0]


@pytest.mark.parametrize("p", [1.5, 0.5])
def test_second_derivative_is_finite_where_an_element_is_zero(p):
    x = at.tensor([0.0, 2.0], dtype=at.float64, requires_grad=True)
    (g,) = at.autograd.grad(x.norm(p), x, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), [0, 1], rtol=1e-14)
    assert np.isfinite(at.autograd.grad(g.sum(), x)[0].numpy()).all()


@pytest.mark.parametrize(
    ("p", "x", "want"),
    [
        (inf, [1.0, -1.0], [0.5, -0.5]),
        (-inf, [1.0, -1.0], [0.5, -0.5]),
        (inf, [3.0, -4.0], [0, -1]),
        (1, [0.0, -2.0], [0, -1]),
        (0, [0.0, -2.0], [0, 0]),
    ],
)
def test_kinks(p, x, want):
    t = at.tensor(x, requires_grad=True)
    t.norm(p).backward()
    assert t.grad.tolist() == want


def test_large_elements_have_finite_derivatives():
    x = at.tensor([1e100, 1e100], dtype=at.float64, requires_grad=True)
    x.norm(3).backward()
    np.testing.assert_allclose(x.grad.numpy(), [2 ** (-2 / 3)] * 2, rtol=1e-12)


def test_empty():
    assert at.zeros(0).norm().item() == 0
    assert at.zeros(0).norm(0).item() == 0
    assert at.zeros(0, 2).norm(inf, dim=1).shape == (0,)
    for p in (inf, -inf, -1):
        with pytest.raises(RuntimeError, match="identity"):
            at.zeros(0, 2).norm(p, dim=0)


def test_complex():
    z = normal(3, 2) + 1j * normal(3, 2, seed=1)
    for p in (2, 1, 3, inf):
        np.testing.assert_allclose(at.norm(at.tensor(z), p, 0).numpy(), np.linalg.norm(z, p, 0), rtol=1e-13)
        check(lambda t, p=p: at.norm(t, p, 0), z)


def test_errors():
    x = at.ones(2, 2)
    with pytest.raises(RuntimeError, match="'abc'"):
        x.norm("abc")
    with pytest.raises(RuntimeError, match="nuclear"):
        x[0].norm("nuc")
    with pytest.raises(RuntimeError, match="int64"):
        at.tensor([1, 2]).norm()


def test_nuclear():
    a = normal(3, 4)
    assert at.norm(at.tensor(a), "nuc").item() == pytest.approx(np.linalg.norm(a, "nuc"), rel=1e-13)
    check(lambda t: t.norm("nuc"), a)
    check(lambda t: t.norm("nuc", (2, 0)), normal(2, 3, 3))


# --- dist and renorm ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [2, 1, inf, -inf, 3, 0.5])
def test_dist(p):
    a, b = normal(3, 4), normal(4, seed=1)
    want = np.linalg.norm((a - b).ravel(), p)
    assert at.dist(at.tensor(a), at.tensor(b), p).item() == pytest.approx(want, rel=1e-13)
    check(lambda x, y: at.dist(x, y, p), a, b)


def test_dist_at_zero_and_of_complex_numbers():
    x = at.ones(3, requires_grad=True)
    x.dist(at.ones(3)).backward()
    assert x.grad.tolist() == [0, 0, 0]
    check(lambda x, y: at.dist(x, y, 3), normal(3) + 1j * normal(3, seed=1), normal(3, seed=2))
    with pytest.raises(RuntimeError):
        at.dist(at.tensor([1]), at.tensor([2]))


@pytest.mark.parametrize("p", [1, 2, 3.5, inf])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_renorm(p, dim):
    a = normal(3, 4, 2)
    y = at.renorm(at.tensor(a), p, dim, 1.5)
    before = np.linalg.norm(np.moveaxis(a, dim, 0).reshape(a.shape[dim], -1), p, 1)
    after = np.linalg.norm(np.moveaxis(y.numpy(), dim, 0).reshape(a.shape[dim], -1), p, 1)
    np.testing.assert_allclose(after, np.minimum(before, 1.5), rtol=1e-6)
    check(lambda t: at.renorm(t, p, dim, 1.5), a)


def test_renorm_leaves_short_slices_alone_and_works_in_place():
    x = at.tensor([[3.0, 4.0], [0.0, 1.0], [0.0, 0.0]])
    assert x.renorm_(2, 0, 1.0) is x
    np.testing.assert_allclose(x.numpy(), [[0.6, 0.8], [0, 1], [0, 0]], rtol=1e-6)
    assert at.zeros(0, 3).renorm(2, 0, 1.0).shape == (0, 3)
    z = at.tensor(np.array([[3j, 4.0], [0, 1]]))
    np.testing.assert_allclose(z.renorm(2, 0, 1.0).numpy(), [[0.6j, 0.8], [0, 1]], rtol=1e-6)
    for bad in ((0, 0, 1.0), (2, 0, -1.0), (-1, 0, 1.0)):
        with pytest.raises(RuntimeError, match="renorm"):
            at.ones(2, 2).renorm(*bad)
    with pytest.raises(RuntimeError, match="2 dimensions"):
        at.ones(2).renorm(2, 0, 1.0)
