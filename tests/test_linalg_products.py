"""Products beyond matmul: addmm and its like, tensordot, kron, cross, Vandermonde, distances; out= of all."""

from __future__ import annotations

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal

L = at.linalg
F64 = at.float64


def test_beta_zero_does_not_look_at_the_input():
    nan = at.full((2, 2), float("nan"))
    assert at.addmm(nan, at.eye(2), at.eye(2), beta=0).tolist() == [[1, 0], [0, 1]]
    x = at.zeros(2, 2)
    assert x.addmm_(at.eye(2), at.eye(2), alpha=2) is x
    assert x.tolist() == [[2, 0], [0, 2]]
    v = at.zeros(2)
    v.addmv_(at.eye(2), at.ones(2)).add_(1)
    assert v.tolist() == [2, 2]
    assert at.zeros(2, 2).addr_(at.ones(2), at.ones(2)).sum().item() == 4


def test_integers():
    i = at.tensor([[1, 2], [3, 4]])
    assert at.addmm(i, i, i).tolist() == [[8, 12], [18, 26]]
    assert at.kron(i, at.tensor([1, 2])).dtype == at.int64
    assert at.cross(at.tensor([1, 0, 0]), at.tensor([0, 1, 0])).tolist() == [0, 0, 1]
    assert at.vander(at.tensor([1, 2, 3]), increasing=True).tolist() == [[1, 1, 1], [1, 2, 4], [1, 3, 9]]
    assert at.ger is at.outer
    assert L.matmul is at.matmul
    assert at.tensordot(i, i, 2).item() == 30
    assert at.inner(at.tensor(2.0), at.ones(3)).tolist() == [2, 2, 2]


def test_vander_at_zero_and_one_dimension_less():
    check(lambda x: L.vander(x, 4), np.array([0.0, 1.5, -2.0]))
    assert L.vander(at.tensor(2.0), 3).tolist() == [[1, 2, 4]]


def test_strict_products_take_out():
    a, v = at.from_numpy(normal(2, 2)), at.from_numpy(normal(2))
    for f, x, y in (
        (at.mm, a, a),
        (at.mv, a, v),
        (at.dot, v, v),
        (at.outer, v, v),
        (at.matmul, a, v),
        (at.bmm, a[None], a[None]),
        (at.vdot, v, v),
    ):
        out = at.empty(0, dtype=F64)
        assert f(x, y, out=out) is out
        np.testing.assert_array_equal(out.numpy(), f(x, y).numpy())


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, np.inf])
@pytest.mark.parametrize("mode", ["use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"])
def test_distances(p, mode):
    a, b = normal(2, 4, 3), normal(5, 3, seed=1)
    got = at.cdist(at.from_numpy(a), at.from_numpy(b), p, compute_mode=mode)
    want = np.linalg.norm(a[:, :, None] - b, p, axis=-1)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-10)
    check(lambda x, y: at.cdist(x, y, p, compute_mode=mode), a, b, rtol=1e-6)
    check(lambda x: at.pdist(x, p), b, rtol=1e-6)
    first, second = np.triu_indices(5, 1)
    np.testing.assert_allclose(
        at.pdist(at.from_numpy(b), p).numpy(), np.linalg.norm(b[first] - b[second], p, axis=-1)
    )


@pytest.mark.parametrize("mode", ["use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"])
def test_the_gradient_at_a_distance_of_zero_is_zero(mode):
    x = at.ones(2, 3, requires_grad=True)
    (g,) = at.autograd.grad(at.cdist(x, at.ones(1, 3), compute_mode=mode).sum(), x)
    assert (g.numpy() == 0).all()
    assert at.cdist(at.ones(0, 3), at.ones(2, 3)).shape == (0, 2)
    assert at.cdist(at.ones(4, 0), at.ones(2, 0)).tolist() == [[0, 0]] * 4
    assert at.pdist(at.ones(1, 3)).shape == (0,)
