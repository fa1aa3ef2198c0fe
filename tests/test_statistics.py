"""std_mean, var_mean, cov, corrcoef."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal, uniform

COMPLEX = normal(3, 5) + 1j * normal(3, 5, seed=1)


@pytest.mark.parametrize("dim", [None, 0, -1, (0, 2), []])
@pytest.mark.parametrize("keepdim", [False, True])
def test_pairs(dim, keepdim):
    x = at.tensor(normal(2, 3, 4))
    for pair, spread in ((at.var_mean, at.var), (at.std_mean, at.std)):
        first, second = pair(x, dim, keepdim=keepdim, correction=0)
        np.testing.assert_array_equal(first.numpy(), spread(x, dim, keepdim=keepdim, correction=0).numpy())
        np.testing.assert_array_equal(second.numpy(), x.mean(dim, keepdim).numpy())


def test_pairs_unbiased_and_out():
    x = at.tensor([1.0, 2.0, 4.0])
    assert at.var_mean(x, False)[0].item() == pytest.approx(14 / 9)
    assert at.std_mean(x, True)[1].item() == pytest.approx(7 / 3)
    out = at.zeros(()), at.zeros(())
    assert at.var_mean(x, 0, out=out)[0] is out[0]
    assert out[0].item() == pytest.approx(7 / 3)
    for f in (at.var_mean, at.std_mean):
        check(lambda t, f=f: f(t, 1)[0] * f(t, 1)[1], normal(3, 4))
        check(lambda t, f=f: f(t, 0)[0], COMPLEX)
        with pytest.warns(UserWarning, match="degrees of freedom"):
            f(at.ones(1))
        with pytest.raises(RuntimeError):
            f(at.tensor([1, 2]))


@pytest.mark.parametrize(
    "x", [normal(3, 5), normal(5), COMPLEX, normal(1, 4), np.arange(12).reshape(3, 4) ** 2]
)
@pytest.mark.parametrize("correction", [0, 1, 2])
def test_cov(x, correction):
    n = x.shape[-1]
    f = np.arange(n) % 3 + 1
    a = uniform(0.5, 2, n)
    for weights in ({}, {"fweights": f}, {"aweights": a}, {"fweights": f, "aweights": a}):
        want = np.cov(x, ddof=correction, **weights)
        if x.dtype.kind == "i" and "aweights" in weights:
            continue  # PyTorch: float32 there
        got = at.cov(at.tensor(x), correction=correction, **{k: at.tensor(w) for k, w in weights.items()})
        rtol = 1e-5 if x.dtype.kind == "i" else 1e-12
        np.testing.assert_allclose(got.numpy(), want, rtol=rtol, atol=rtol)


def test_cov_derivatives():
    check(lambda t: t.cov(), normal(3, 4))
    check(lambda t: t.cov(correction=0), normal(4)[::-1])
    check(lambda t: t.cov(), COMPLEX)
    check(lambda t, w: t.cov(aweights=w, fweights=at.tensor([1, 0, 2, 3])), normal(3, 4), uniform(0.5, 2, 4))
    check(lambda t: t.corrcoef(), normal(3, 5))
    check(lambda t: t.corrcoef(), COMPLEX)


def test_corrcoef():
    for x in (normal(3, 5), COMPLEX, np.array([[0, 1, 2], [2, 1, 0]])):
        rtol = 1e-6 if x.dtype.kind == "i" else 1e-12
        got = at.corrcoef(at.tensor(x)).numpy()
        np.testing.assert_allclose(got, np.corrcoef(x), rtol=rtol, atol=rtol)
    assert at.corrcoef(at.tensor([1.0, 2.0])).item() == 1
    assert at.corrcoef(at.tensor(normal(4, 2))).abs().max().item() <= 1


def test_cov_of_too_little():
    with pytest.warns(UserWarning, match="degrees of freedom"):
        assert np.isnan(at.cov(at.zeros(2, 0)).numpy()).all()
    with pytest.warns(UserWarning, match="degrees of freedom"):
        assert np.isnan(at.cov(at.tensor(3.0)).item())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert at.cov(at.ones(2, 3)).tolist() == [[0, 0], [0, 0]]


def test_errors():
    x = at.ones(2, 3)
    for weights, message in (
        ({"fweights": at.ones(3)}, "integral"),
        ({"aweights": at.tensor([1, 2, 3])}, "floating"),
        ({"fweights": at.tensor([1, 2])}, "numel"),
        ({"fweights": at.tensor([[1, 2, 3]])}, "dimensions"),
        ({"fweights": at.tensor([1, -2, 3])}, "negative"),
        ({"aweights": at.zeros(3)}, "sum to zero"),
    ):
        with pytest.raises(RuntimeError, match=message):
            at.cov(x, **weights)
    for f in (at.cov, at.corrcoef):
        with pytest.raises(RuntimeError, match="two or fewer"):
            f(at.ones(2, 2, 2))
    with pytest.raises(RuntimeError, match="bool"):
        at.cov(at.ones(2, 2, dtype=at.bool))
