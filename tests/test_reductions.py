"""Sums, products, means, variances, log-sum-exp, logical reductions."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.oracle import check, normal, uniform


def leaf(values, dtype=np.float64):
    return at.tensor(np.array(values, dtype), requires_grad=True)


def gradient(f, values):
    x = leaf(values)
    f(x).sum().backward()
    return x.grad.tolist()


@st.composite
def cases(draw, min_side=0):
    """A shape and dimensions to reduce: none given, one, several, negative ones."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=min_side, max_side=4))
    if not shape:
        return shape, draw(st.sampled_from([None, 0, -1, ()]))
    axes = hnp.valid_tuple_axes(len(shape), min_size=1)
    one = st.integers(-len(shape), len(shape) - 1)
    return shape, draw(st.one_of(st.none(), one, axes, axes.map(list)))


def axis_of(shape, dim):
    """NumPy's axis for the same reduction."""
    if not shape or dim is None or dim in ((), []):
        return None
    return tuple(dim) if isinstance(dim, list) else dim


REDUCTIONS = {
    "sum": (at.sum, np.sum),
    "mean": (at.mean, np.mean),
    "prod": (at.prod, np.prod),
    "var": (at.var, lambda x, **k: np.var(x, ddof=1, **k)),
    "std": (at.std, lambda x, **k: np.std(x, ddof=1, **k)),
    "all": (at.all, np.all),
    "any": (at.any, np.any),
    "norm": (lambda x, **k: at.norm(x, **k), lambda x, **k: np.sqrt(np.sum(x * x, **k))),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@given(case=cases(), keepdim=st.booleans(), seed=st.integers(0, 9))
def test_values_equal_numpy(name, case, keepdim, seed):
    shape, dim = case
    ours, numpys = REDUCTIONS[name]
    if dim in ((), []) and name in ("all", "any"):
        dim = None  # torch: no reduction at all; tested below
    x = np.round(normal(*shape, seed=seed) * 2)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        want = numpys(x, axis=axis_of(shape, dim), keepdims=keepdim)
        got = ours(at.tensor(x), dim=dim, keepdim=keepdim)
        same = ours(at.tensor(x), axis=dim, keepdims=keepdim)
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-300)
    np.testing.assert_array_equal(got.numpy(), same.numpy())


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var", "std", "norm"])
@settings(max_examples=25)
@given(case=cases(min_side=2), keepdim=st.booleans(), seed=st.integers(0, 3))
def test_derivatives(name, case, keepdim, seed):
    shape, dim = case
    if name in ("var", "std") and not shape:
        return
    ours = REDUCTIONS[name][0]
    x = uniform(0.5, 1.5, *shape, seed=seed) * np.where(normal(*shape, seed=seed) > 0, 1, -1)
    if name == "std":  # away from its kink, where all elements are equal
        x = x + 3.0 * np.arange(x.size).reshape(x.shape)
    check(lambda t: ours(t, dim=dim, keepdim=keepdim), np.asarray(x))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (1,), (1, 1), ()])
@pytest.mark.parametrize("name", ["sum", "mean", "prod", "norm"])
def test_derivatives_of_small_shapes(name, shape):
    if 0 in shape:  # the mean of no elements is NaN: only the gradient's shape is to be checked
        x = leaf(np.zeros(shape))
        REDUCTIONS[name][0](x).backward()
        assert x.grad.shape == shape
    else:
        check(lambda t: REDUCTIONS[name][0](t) * 2, normal(*shape))


@pytest.mark.parametrize(
    "x", [normal(4, 6)[:, ::2], normal(3, 4).T, normal(5)[::-1], np.broadcast_to(normal(3), (4, 3))]
)
@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var", "std", "norm"])
def test_strided_inputs(name, x):
    check(lambda t: REDUCTIONS[name][0](t, dim=-1), x)


# --- dtypes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8, np.int16, np.int32, np.int64])
@pytest.mark.parametrize("f", [at.sum, at.prod])
def test_integers_accumulate_in_int64(f, dtype):
    x = at.tensor(np.ones((200, 2), dtype))
    assert f(x).dtype == at.int64
    assert f(x, 0).tolist() == ([200, 200] if f is at.sum else [1, 1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("f", [at.sum, at.prod, at.mean])
def test_floating_dtypes_stay(f, dtype):
    assert f(at.tensor(np.ones(3, dtype))).dtype == dtype


@pytest.mark.parametrize("f", [at.mean, at.var, at.std, at.norm])
@pytest.mark.parametrize("dtype", [np.int64, np.bool_])
def test_integers_have_no_mean(f, dtype):
    with pytest.raises(RuntimeError, match="floating point"):
        f(at.tensor(np.ones(3, dtype)))


def test_dtype_converts_first():
    assert at.tensor([1, 2]).mean(dtype=at.float64).item() == 1.5
    assert at.tensor([1.7, 2.9]).sum(dtype=at.int64).tolist() == 3
    assert at.tensor([2.0, 2.0]).sum(dtype=at.bool).item() is True
    assert at.tensor([1e30, 1e30], dtype=at.float32).prod(dtype=at.float64).item() == pytest.approx(1e60)
    assert at.tensor([3.0, 4.0], dtype=at.float32).norm(dtype=at.float64).dtype == at.float64
    x = leaf([1.0, 2.0], np.float32)
    x.sum(dtype=at.float64).backward()
    assert x.grad.dtype == at.float32
    for f in (at.sum, at.prod):
        with pytest.raises(RuntimeError, match="Autograd does not support dtype"):
            f(x, dtype=at.int64)
        with at.no_grad():
            assert not f(x, dtype=at.int64).requires_grad
    with pytest.raises(RuntimeError, match="Optional dtype"):
        x.mean(dtype=at.int64)


def test_half_precision_accumulates_in_single():
    x = at.tensor(np.ones(5000, np.float16))
    assert x.sum().item() == 5000
    assert x.mean().item() == 1
    assert at.tensor(np.full((3000, 2), 60000, np.float16)).mean(0).tolist() == [60000.0, 60000.0]
    assert at.tensor(np.full(4, 300, np.float16)).norm().item() == 600


@pytest.mark.parametrize("f", [at.sum, at.mean, at.prod, at.var, at.norm])
def test_complex_derivatives(f):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((3, 2)) + 1j * rng.standard_normal((3, 2))
    check(lambda t: f(t, dim=0), z)


# --- conventions at hard points (PROMISES rows 19 to 21, table A3) ------------------------------------------


@pytest.mark.parametrize(
    ("x", "want"),
    [
        ([0.0, 2.0, 3.0], [6, 0, 0]),
        ([0.0, 0.0, 3.0], [0, 0, 0]),
        ([2.0], [1]),
        ([0.0], [1]),
        ([1e-200, 1e-200], [1e-200, 1e-200]),
    ],
)
def test_prod_of_zeros(x, want):
    assert gradient(at.prod, x) == want
    if min(x) in (0, 2):
        check(at.prod, np.array(x), order=3)


def test_prod_of_zeros_along_dimensions():
    x = normal(3, 4, 2)
    x[0, 1] = 0
    x[2, [0, 3]] = 0
    x[1, 2, 1] = 0
    for dim in (0, 1, -1, (0, 2)):
        check(lambda t, d=dim: at.prod(t, d), x)
    x = normal(2, 3)
    x[1, 1] = 0
    for dim in (None, (0, 1), (1, 0)):
        check(lambda t, d=dim: at.prod(t, d), x)


def test_prod_that_overflows_has_finite_derivatives():
    assert gradient(at.prod, [1e200, 1e200]) == [1e200, 1e200]


def test_std_of_equal_elements_has_zero_gradient():
    assert gradient(lambda x: x.std(correction=0), [5.0]) == [0]
    assert gradient(at.std, [2.0, 2.0, 2.0]) == [0, 0, 0]
    assert gradient(at.var, [2.0, 2.0, 2.0]) == [0, 0, 0]
    x = leaf([[2.0, 2.0], [1.0, 3.0]])
    g = at.autograd.grad(x.std(1).sum(), x, create_graph=True)[0]
    assert np.isfinite(at.autograd.grad(g.sum(), x)[0].numpy()).all()


@pytest.mark.parametrize("f", [at.var, at.std])
def test_no_degrees_of_freedom_is_nan_with_a_warning(f):
    for x, kwargs in (([5.0], {}), ([], {}), ([1.0, 2.0], {"correction": 2})):
        t = leaf(x)
        with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
            y = f(t, **kwargs)
        assert not math.isfinite(y.item())
        y.backward()
        assert not np.isfinite(t.grad.numpy()).any()


def test_variance_arguments():
    x = at.tensor([[1.0, 2.0, 4.0], [0.0, 0.0, 3.0]], dtype=at.float64)
    a = x.numpy()
    for call, want in (
        (x.var(False), a.var()),
        (x.var(unbiased=True), a.var(ddof=1)),
        (x.var(1, False), a.var(1)),
        (x.var(1, True, True), a.var(1, ddof=1, keepdims=True)),
        (x.std(dim=(0, 1), correction=0.5), a.std(ddof=0.5)),
        (x.std(None, True), a.std(ddof=1)),
    ):
        np.testing.assert_allclose(call.numpy(), want, rtol=1e-13)
    with pytest.raises(TypeError, match="unbiased or correction"):
        x.var(unbiased=False, correction=0)


def test_variance_does_not_cancel():
    x = at.tensor(np.array([1e8, 1e8 + 1, 1e8 + 2]))
    assert x.var().item() == 1


# --- logsumexp ----------------------------------------------------------------------------------------------


@given(case=cases(), keepdim=st.booleans())
def test_logsumexp(case, keepdim):
    shape, dim = case
    dim = 0 if dim is None and not shape else tuple(range(len(shape))) if dim is None else dim
    x = normal(*shape)
    with np.errstate(divide="ignore"):
        want = np.log(np.sum(np.exp(x), axis=axis_of(shape, dim), keepdims=keepdim))
    got = at.logsumexp(at.tensor(x), dim, keepdim)
    assert got.shape == want.shape
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dim", [0, -1, (0, 1)])
def test_logsumexp_derivatives(dim):
    check(lambda t: at.logsumexp(t, dim), normal(3, 4) * 3)
    check(lambda t: at.logsumexp(t, dim, keepdim=True), normal(3, 4) + 1000)


@pytest.mark.parametrize("size", [1e4, -1e4, 1e300, -1e300])
def test_logsumexp_does_not_overflow(size):
    """PROMISES row 21."""
    with np.errstate(all="raise"):
        x = leaf([size, size])
        y = x.logsumexp(0)
        y.backward()
    assert y.item() == size + math.log(2)
    assert x.grad.tolist() == [0.5, 0.5]


def test_logsumexp_of_infinities():
    inf = math.inf
    assert at.tensor([-inf, -inf]).logsumexp(0).item() == -inf
    assert at.tensor([inf, 1.0]).logsumexp(0).item() == inf
    assert at.tensor([inf, -inf]).logsumexp(0).item() == inf
    assert math.isnan(at.tensor([math.nan, 1.0]).logsumexp(0).item())
    assert at.zeros(0, 3).logsumexp(0).tolist() == [-inf] * 3
    assert gradient(lambda x: x.logsumexp(0), [-inf, 0.0]) == [0, 1]
    assert at.tensor([1, 2]).logsumexp(0).item() == pytest.approx(2.3132617)
    with pytest.raises(TypeError, match="dim"):
        at.ones(2).logsumexp(None)


# --- logical reductions and counts --------------------------------------------------------------------------


def test_all_any():
    assert at.tensor([]).all().item() is True
    assert at.tensor([]).any().item() is False
    assert at.tensor([math.nan]).any().item() is True
    assert at.tensor([1, 0], dtype=at.uint8).any().dtype == at.uint8
    assert at.tensor([[1.0, 0.0]]).all(()).tolist() == [[True, False]]  # torch: an empty dim reduces nothing
    assert not leaf([1.0, 2.0]).all().requires_grad
    assert at.tensor([[1j, 0j]]).all().item() is False


def test_count_nonzero():
    x = at.tensor([[0.0, 1.0, math.nan], [2.0, 0.0, 0.0]])
    assert x.count_nonzero().tolist() == 3
    assert x.count_nonzero(0).tolist() == [1, 1, 1]
    assert x.count_nonzero((0, 1)).tolist() == 3
    assert x.count_nonzero(-1).dtype == at.int64
    assert at.zeros(0, 2).count_nonzero(0).tolist() == [0, 0]


# --- errors and calling conventions -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f", [at.sum, at.mean, at.prod, at.var, at.all, at.norm, at.amax, at.count_nonzero, at.logsumexp]
)
def test_dimension_errors(f):
    x = at.ones(2, 3)
    kwargs = {"p": 2} if f is at.norm else {}
    with pytest.raises(IndexError, match=r"\[-2, 1\].*2"):
        f(x, dim=2, **kwargs)
    with pytest.raises(RuntimeError, match="appears multiple times"):
        f(x, dim=(0, -2), **kwargs)
    with pytest.raises(TypeError):
        f([1.0, 2.0], dim=0, **kwargs)


def test_numpy_forms():
    a = normal(3, 4, 2)
    t = at.tensor(a, requires_grad=True)
    for name in ("sum", "mean", "prod", "max", "min", "var", "std", "amax", "amin", "median"):
        f = getattr(np, name)
        for args, kwargs in (
            ((), {}),
            ((1,), {}),
            ((), {"axis": (0, 2)}),
            ((), {"axis": -1, "keepdims": True}),
        ):
            got = f(t, *args, **kwargs)
            assert isinstance(got, at.Tensor)
            assert got.requires_grad
            np.testing.assert_allclose(got.detach().numpy(), f(a, *args, **kwargs), rtol=1e-12)
    for name in ("all", "any", "argmax", "argmin", "count_nonzero"):
        f = getattr(np, name)
        for kwargs in ({}, {"axis": 1}, {"axis": 1, "keepdims": True}):
            np.testing.assert_array_equal(f(t, **kwargs).numpy(), f(a, **kwargs))
    for name in ("cumsum", "cumprod"):
        f = getattr(np, name)
        np.testing.assert_allclose(f(t).detach().numpy(), f(a), rtol=1e-12)
        np.testing.assert_allclose(f(t, 1).detach().numpy(), f(a, 1), rtol=1e-12)
    np.testing.assert_allclose(np.var(t, 0, ddof=1).detach().numpy(), a.var(0, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(
        np.std(t, 0, None, None, 1, True).detach().numpy(), a.std(0, ddof=1, keepdims=True), rtol=1e-12
    )
    assert np.sum(t, 0, np.float32).dtype == at.float32
    assert np.mean(at.tensor([1, 2])).item() == 1.5
    for ufunc in (np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or):
        np.testing.assert_allclose(ufunc.reduce(t).detach().numpy(), ufunc.reduce(a), rtol=1e-12)
        np.testing.assert_allclose(
            ufunc.reduce(t, axis=(1, 2)).detach().numpy(), ufunc.reduce(a, axis=(1, 2)), rtol=1e-12
        )
    for bad in ({"out": np.zeros(2)}, {"where": a > 0}, {"initial": 3.0}, {"axis": ()}):
        with pytest.raises(TypeError, match=r"np\.sum of a Tensor"):
            np.sum(t, **bad)


@pytest.mark.parametrize("shape", [(5,), (6,), (3, 4), (2, 3, 3)])
def test_numpy_median_is_the_mean_of_the_middle(shape):
    a = normal(*shape)
    check(lambda t: np.median(t, -1, keepdims=True), a)
    a[..., 0] = math.nan
    assert np.isnan(np.median(at.tensor(a), -1).numpy()).all()


@pytest.mark.parametrize(
    ("order", "axis"),
    [(o, a) for o in (None, "fro", 1, -1, math.inf, -math.inf) for a in ((0, 1), (1, 0), (-1, 0))]
    + [(o, a) for o in (None, 2, 1, 0, 3, 0.5, math.inf, -math.inf) for a in (0, -1)]
    + [(None, None)],
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_numpy_norm(order, axis, keepdims):
    a = normal(3, 4, 2)
    got = np.linalg.norm(at.tensor(a), order, axis, keepdims)
    want = np.linalg.norm(a, order, axis, keepdims)
    assert got.shape == want.shape
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-13)


def test_numpy_norm_refuses_what_it_does_not_compute():
    assert np.linalg.norm(at.tensor([[3.0], [4.0]])).item() == 5
    assert np.linalg.norm(at.tensor([[3.0, 1.0], [4.0, 1.0]]), 1).item() == 7
    with pytest.raises(ValueError, match="Invalid norm order"):
        np.linalg.norm(at.ones(2, 2, 2), 2)


def test_sums_keep_nothing_for_backward():
    x = at.ones(3, 4, requires_grad=True)
    with at.Tape() as tape:
        y = x.sum(0).mean()
    assert [entry.nbytes for entry in tape] == [0, 0]
    y.backward()


def test_gradient_is_contiguous_and_its_own():
    x = at.ones(3, 4, requires_grad=True)
    x.sum(0).backward(at.ones(4))
    assert x.grad.numpy().flags.c_contiguous
    x.grad.mul_(2)
    assert x.grad.tolist() == [[2.0] * 4] * 3


# --- sums and means that leave out NaN ----------------------------------------------------------------------


@given(case=cases(min_side=1), keepdim=st.booleans(), seed=st.integers(0, 5), holes=st.floats(0, 1))
def test_nansum_and_nanmean(case, keepdim, seed, holes):
    shape, dim = case
    x = normal(*shape, seed=seed)
    x = np.where(np.random.default_rng(seed).random(shape) < holes, math.nan, x)
    axis = axis_of(shape, dim)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for f, numpys in ((at.nansum, np.nansum), (at.nanmean, np.nanmean)):
            want = numpys(x, axis=axis, keepdims=keepdim)
            got = f(at.tensor(x), dim, keepdim)
            assert got.shape == np.shape(want)
            np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-12)


def test_gradient_of_nansum_and_nanmean():
    for f, wanted in ((at.nansum, 1), (at.nanmean, 0.5)):
        assert gradient(f, [1.0, math.nan, 3.0]) == [wanted, 0, wanted]
        check(lambda t, f=f: f(t, (0, 2)) ** 2, normal(2, 3, 2))
    assert gradient(at.nansum, [math.nan]) == [0]
    check(at.nanmean, normal(3) + 1j * normal(3, seed=1))


def test_dtypes_of_nansum_and_nanmean():
    assert at.nansum(at.tensor([1, 2], dtype=at.int32)).dtype == at.int64
    assert at.nansum(at.tensor([1.5, math.nan]), dtype=at.float64).dtype == at.float64
    assert at.nansum(at.tensor(np.ones(4000, np.float16))).item() == 4000
    assert at.nansum(at.tensor([math.inf, -math.inf])).isnan().item()
    with pytest.raises(RuntimeError, match="complex"):
        at.nansum(at.tensor([1j]))
    with pytest.raises(RuntimeError, match="int64"):
        at.nanmean(at.tensor([1]))


# --- out= ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        *(at.sum, at.mean, at.prod, at.var, at.std, at.nansum, at.nanmean, at.logsumexp),
        *(at.all, at.any, at.amax, at.amin, at.argmax, at.argmin, at.cumsum, at.cumprod, at.logcumsumexp),
        *(at.softmax, at.log_softmax, at.diff),
    ],
)
def test_out(f):
    x = at.tensor(normal(3, 4))
    want = f(x, dim=1)
    out = at.empty_like(want)
    assert f(x, dim=1, out=out) is out
    assert f(x, dim=1, out=None).tolist() == out.tolist() == want.tolist()
    leaf = x.clone().requires_grad_()
    if f(leaf, dim=1).requires_grad:
        with pytest.raises(RuntimeError, match="out="):
            f(leaf, dim=1, out=out)
    with pytest.raises(TypeError, match="out"):
        f(x, dim=1, out=[1.0])
    if want.dtype != at.bool:
        with pytest.raises(RuntimeError, match="cast"):
            f(x, dim=1, out=at.empty(3, dtype=at.bool))


def test_long_products():
    x = 1 + normal(5003) * 1e-3
    assert at.prod(at.tensor(x)).item() == pytest.approx(np.prod(x), rel=1e-11)
    assert at.tensor(x).reshape(5003, 1).prod(None, True).shape == (1, 1)


def test_logsumexp_of_complex_numbers():
    z = normal(3, 4) + 1j * normal(3, 4, seed=1)
    np.testing.assert_allclose(at.logsumexp(at.tensor(z), 1).numpy(), np.log(np.exp(z).sum(1)), rtol=1e-13)
    check(lambda t: t.logsumexp((0, 1)), z)
    assert at.logsumexp(at.tensor(np.array([1000 + 1j, 0])), 0).item() == 1000 + 1j
