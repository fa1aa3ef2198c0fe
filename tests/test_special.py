"""Special functions: values against 50-digit ones (special_tables.npz), conventions, derivatives."""

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autotape as at
from tests.elementwise_table import same
from tests.oracle import check, uniform

Array = np.ndarray[Any, Any]
INF, NAN = math.inf, math.nan

special = at.special
TABLES = np.load(Path(__file__).with_name("special_tables.npz"))

# name in the tables: (function, bound of the error in units in the last place, whether the bound is for each
# unit of 1 + condition: what the rounding of the argument alone changes the value by)
FUNCTIONS: dict[str, tuple[Callable[..., Any], float, bool]] = {
    "erf": (at.erf, 4, False),
    "erfc": (at.erfc, 6, False),
    "erfcx": (special.erfcx, 6, False),
    "erfinv": (at.erfinv, 4, False),
    "ndtr": (special.ndtr, 6, False),
    "ndtri": (special.ndtri, 6, False),
    "log_ndtr": (special.log_ndtr, 6, False),
    "lgamma": (at.lgamma, 6, False),
    "lgamma of negatives": (at.lgamma, 4, True),
    "digamma": (at.digamma, 4, False),
    "digamma of negatives": (at.digamma, 2, True),
    "polygamma(1)": (lambda x: at.polygamma(1, x), 3, True),
    "polygamma(2)": (lambda x: at.polygamma(2, x), 3, True),
    "polygamma(3)": (lambda x: at.polygamma(3, x), 3, True),
    "polygamma(10)": (lambda x: at.polygamma(10, x), 3, True),
    "zeta": (special.zeta, 4, True),
    "igamma": (at.igamma, 6, True),
    "igammac": (at.igammac, 8, True),
    "i0": (at.i0, 4, False),
    "i1": (special.i1, 4, False),
    "i0e": (special.i0e, 4, False),
    "i1e": (special.i1e, 4, False),
    "logit": (at.logit, 4, False),
    "sinc": (at.sinc, 4, False),
    "entr": (special.entr, 4, True),
}


def table(name: str) -> tuple[list[Array], Array, Array]:
    inputs = [TABLES[f"{name}/{i}"] for i in range(2) if f"{name}/{i}" in TABLES]
    return inputs, TABLES[f"{name}/value"], TABLES[f"{name}/condition"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy_in_float64(name: str) -> None:
    function, bound, relative = FUNCTIONS[name]
    inputs, exact, condition = table(name)
    y = function(*[at.from_numpy(x) for x in inputs]).numpy()
    error = np.abs(y - exact) / np.spacing(np.abs(exact))
    if relative:
        error /= 1 + condition
    worst = int(np.argmax(error))
    assert error[worst] <= bound, f"{error[worst]:.3g} at {[x[worst] for x in inputs]}"


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_narrow_dtypes_are_the_rounded_float64(name: str, dtype: str) -> None:
    function, _, _ = FUNCTIONS[name]
    with np.errstate(over="ignore", under="ignore"):
        inputs = [x.astype(dtype) for x in table(name)[0]]
    narrow = function(*[at.from_numpy(x) for x in inputs]).numpy()
    wide = function(*[at.from_numpy(x.astype(np.float64)) for x in inputs]).numpy()
    assert narrow.dtype == dtype
    with np.errstate(over="ignore", under="ignore"):
        expected = wide.astype(dtype)
    if name in ("erf", "entr"):  # computed in float32
        np.testing.assert_allclose(narrow, expected, rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)
    else:
        np.testing.assert_array_equal(narrow, expected)


# --- conventions --------------------------------------------------------------------------------------------

POINTS = [-INF, -2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, INF, NAN]
UNARY: dict[str, list[float]] = {
    "erf": [-1, math.erf(-2), math.erf(-1), math.erf(-0.5), 0, 0, math.erf(0.5), math.erf(1), 1, NAN],
    "erfc": [2, math.erfc(-2), math.erfc(-1), math.erfc(-0.5), 1, 1, math.erfc(0.5), math.erfc(1), 0, NAN],
    "erfinv": [NAN, NAN, -INF, -0.4769362762044699, 0, 0, 0.4769362762044699, INF, NAN, NAN],
    "special.ndtri": [NAN, NAN, NAN, NAN, -INF, -INF, 0, INF, NAN, NAN],
    "lgamma": [INF, INF, INF, 1.2655121234846454, INF, INF, math.lgamma(0.5), 0, INF, NAN],
    "digamma": [
        NAN,
        NAN,
        NAN,
        0.03648997397857652,
        INF,
        -INF,
        -1.9635100260214235,
        -0.5772156649015329,
        INF,
        NAN,
    ],
    "special.entr": [-INF, -INF, -INF, -INF, 0, 0, 0.5 * math.log(2), 0, -INF, NAN],
    "logit": [NAN, NAN, NAN, NAN, -INF, -INF, 0, INF, NAN, NAN],
    "sinc": [NAN, 0, 0, 2 / math.pi, 1, 1, 2 / math.pi, 0, NAN, NAN],
}


@pytest.mark.parametrize("name", UNARY)
def test_poles_edges_and_nan(name: str) -> None:
    function = getattr(special, name[8:]) if "." in name else getattr(at, name)
    y = function(at.tensor(POINTS, dtype=at.float64)).numpy()
    np.testing.assert_allclose(y, UNARY[name], rtol=1e-14)


def test_values_at_infinity() -> None:
    x = at.tensor([-INF, INF], dtype=at.float64)
    for function, expected in (
        (special.erfcx, [INF, 0]), (special.ndtr, [0, 1]), (special.log_ndtr, [-INF, 0]), (at.i0, [INF, INF]),
        (special.i1, [-INF, INF]), (special.i0e, [0, 0]), (special.i1e, [0, 0]),
    ):  # fmt: skip
        same(function(x).tolist(), expected)


def test_signed_zeros() -> None:
    x = at.tensor([0.0, -0.0], dtype=at.float64)
    for function in (at.erf, at.erfinv, special.i1, special.i1e):
        assert np.signbit(function(x).numpy()).tolist() == [False, True]


def test_poles_of_polygamma_and_zeta() -> None:
    x = at.tensor([0.0, -1.0, -2.0, INF], dtype=at.float64)
    same(at.polygamma(1, x).tolist(), [INF, INF, INF, 0])
    same(at.polygamma(2, x).tolist(), [-INF, -INF, -INF, 0])
    s = at.tensor([1, 0.5, 2, 2, 2.5, INF, NAN, 2], dtype=at.float64)
    q = at.tensor([1, 1, 0, -1, -0.5, 2, 1, INF], dtype=at.float64)
    same(special.zeta(s, q).tolist(), [INF, NAN, INF, INF, NAN, 0, NAN, 0])
    # beyond the factorials that fit: 179!/2**180 of the sum's first term
    y = at.polygamma(179, at.tensor([2.0], dtype=at.float64)).item()
    assert y == pytest.approx(math.exp(math.lgamma(180) - 180 * math.log(2)), rel=1e-11)


def test_edges_of_incomplete_gamma() -> None:
    a = at.tensor([0, 0, 0, 1, 1, INF, INF, -1, 1, NAN, 2], dtype=at.float64)
    x = at.tensor([0, 1, INF, 0, INF, 1, INF, 1, -1, 1, -0.0], dtype=at.float64)
    p = [NAN, 1, 1, 0, 1, 0, NAN, NAN, NAN, NAN, 0]
    same(at.igamma(a, x).tolist(), p)
    same(at.igammac(a, x).tolist(), [1 - v for v in p])


def test_incomplete_gamma_far_out() -> None:
    a = at.tensor([1e-300, 1e300, 1e10, 1e-10, 5.0, 1e8, 15.8, 2.0], dtype=at.float64)
    x = at.tensor([1e300, 1e-300, 1e10, 1e-300, 1e5, 2e8, 6e125, 1e200], dtype=at.float64)
    p, q = at.igamma(a, x).numpy(), at.igammac(a, x).numpy()
    np.testing.assert_allclose(p + q, 1, rtol=1e-15)
    np.testing.assert_allclose(q[[0, 4, 5, 6, 7]], 0, atol=1e-300)
    np.testing.assert_allclose(p[1], 0, atol=1e-300)
    # P(a, a) is 1/2 + 1 / (3 sqrt(2 pi a)); Q(a, x) for a -> 0 is a (-log(x) - Euler's constant)
    np.testing.assert_allclose(p[2], 0.5 + 1 / (3 * math.sqrt(2 * math.pi * 1e10)), rtol=1e-14)
    np.testing.assert_allclose(q[3], 1e-10 * (300 * math.log(10) - 0.5772156649015329), rtol=1e-7)


def test_products_with_logarithms_at_zero() -> None:
    x = at.tensor([0, 0, 0, 1, 1, NAN, 0, 0, 0], dtype=at.float64, requires_grad=True)
    y = at.tensor([0, -1, NAN, 0, 2, 1, INF, 2, -2], dtype=at.float64, requires_grad=True)
    z = at.xlogy(x, y)
    same(z.tolist(), [0, 0, NAN, -INF, math.log(2), NAN, 0, 0, 0])
    z.sum().backward()
    same(x.grad.tolist(), [0, 0, NAN, -INF, math.log(2), 0, INF, math.log(2), 0])
    z = special.xlog1py(x, y)
    same(z.tolist(), [0, 0, NAN, 0, math.log1p(2), NAN, 0, 0, 0])
    same(at.xlogy(0, at.tensor([0.0, NAN])).tolist(), [0, NAN])
    same(at.xlogy(at.tensor([0, 2]), 1).tolist(), [0, 0])


def test_logit_is_clamped() -> None:
    x = at.tensor([-1, 0.05, 0.1, 0.5, 0.95, 2, NAN], dtype=at.float64, requires_grad=True)
    y = at.logit(x, eps=0.1)
    low = math.log(0.1 / 0.9)
    np.testing.assert_allclose(y.detach().numpy(), [low, low, low, 0, -low, -low, NAN], rtol=1e-15)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0, 0, 1 / 0.09, 4, 0, 0, 0], rtol=1e-15)
    x = at.tensor([-1.0, 0.0, 1.0, 2.0], requires_grad=True)
    at.logit(x).sum().backward()
    same(x.grad.tolist(), [NAN, INF, INF, NAN])


def test_mvlgamma() -> None:
    x = at.tensor([[1.5, 3.0]], dtype=at.float64)
    expected = [sum(math.lgamma(v - j / 2) for j in range(3)) + 1.5 * math.log(math.pi) for v in (1.5, 3.0)]
    np.testing.assert_allclose(at.mvlgamma(x, 3).numpy(), [expected], rtol=1e-15)
    assert at.mvlgamma(at.ones(0, 2), 2).shape == (0, 2)


# --- derivatives --------------------------------------------------------------------------------------------

DERIVATIVES: dict[str, tuple[Callable[..., Any], tuple[Array, ...]]] = {
    "erf": (at.erf, (uniform(-2, 2, 7),)),
    "erfc": (at.erfc, (uniform(-2, 2, 7),)),
    "erfcx": (special.erfcx, (uniform(-1, 3, 7),)),
    "erfcx far out": (special.erfcx, (uniform(31, 60, 5),)),
    "erfinv": (at.erfinv, (uniform(-0.9, 0.9, 7),)),
    "ndtr": (special.ndtr, (uniform(-2, 2, 7),)),
    "ndtri": (special.ndtri, (uniform(0.1, 0.9, 7),)),
    "log_ndtr": (special.log_ndtr, (uniform(-4, 4, 7),)),
    "lgamma": (at.lgamma, (uniform(0.3, 9, 7),)),
    "lgamma of negatives": (at.lgamma, (uniform(-2.7, -2.3, 4),)),
    "digamma": (at.digamma, (uniform(0.3, 9, 7),)),
    "polygamma": (lambda x: at.polygamma(2, x), (uniform(0.5, 9, 7),)),
    "mvlgamma": (lambda x: at.mvlgamma(x, 3), (uniform(1.5, 9, 2, 3),)),
    "i0": (at.i0, (uniform(-10, 10, 9),)),
    "i1": (special.i1, (uniform(-10, 10, 9),)),
    "i0e": (special.i0e, (uniform(0.2, 10, 9),)),
    "i1e": (special.i1e, (uniform(-10, -0.2, 9),)),
    "sinc": (at.sinc, (np.concatenate([uniform(-4, 4, 7), [0.0, 1.0]]),)),
    "sinc of complex numbers": (at.sinc, (uniform(-2, 2, 5) + 1j * uniform(-1, 1, 5, seed=1),)),
    "logit": (at.logit, (uniform(0.1, 0.9, 7),)),
    "logit, clamped": (lambda x: at.logit(x, 0.2), (uniform(0.25, 0.75, 7),)),
    "entr": (special.entr, (uniform(0.1, 3, 7),)),
    "xlogy": (at.xlogy, (uniform(-3, 3, 2, 3), uniform(0.2, 3, 3))),
    "xlog1py": (special.xlog1py, (uniform(-3, 3, 2, 1), uniform(-0.8, 3, 3))),
    "zeta": (lambda q: special.zeta(3.5, q), (uniform(0.3, 5, 7),)),
    "igamma": (lambda x: at.igamma(at.tensor(2.5, dtype=at.float64), x), (uniform(0.3, 9, 7),)),
    "igammac": (lambda x: at.igammac(at.tensor([[0.5], [30.0]], dtype=at.float64), x), (uniform(20, 40, 5),)),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives(name: str) -> None:
    function, inputs = DERIVATIVES[name]
    check(function, *inputs, rtol=1e-6)


def test_one_operand_twice() -> None:
    check(lambda x: at.xlogy(x, x), uniform(0.3, 2, 5))
    check(lambda x: special.xlog1py(x, x), uniform(0.3, 2, 5))


def nth_derivative(function: Callable[..., Any], x: float, n: int) -> float:
    t = at.tensor(x, dtype=at.float64, requires_grad=True)
    y = function(t)
    for _ in range(n):
        (y,) = at.autograd.grad(y, t, create_graph=True)
    return float(y.item())


def test_derivatives_at_zero_to_any_order() -> None:
    pi = math.pi
    series = [1, 0, -(pi**2) / 3, 0, pi**4 / 5, 0, -(pi**6) / 7]
    for n, expected in enumerate(series):
        assert nth_derivative(at.sinc, 0.0, n) == pytest.approx(expected, rel=1e-14)
    for n, expected in enumerate([1, 0, 1 / 2, 0, 3 / 8, 0, 5 / 16]):
        assert nth_derivative(at.i0, 0.0, n) == pytest.approx(expected, rel=1e-14)
    for n, expected in enumerate([0, 1 / 2, 0, 3 / 8, 0, 5 / 16]):
        assert nth_derivative(special.i1, 0.0, n) == pytest.approx(expected, rel=1e-14)


def test_higher_derivatives() -> None:
    for n in range(5):  # lgamma's at 1: zeta values times factorials
        zeta = special.zeta(at.tensor(n + 2.0, dtype=at.float64), 1.0).item()
        expected = (-1) ** n * math.factorial(n + 1) * zeta
        assert nth_derivative(at.lgamma, 1.0, n + 2) == pytest.approx(expected, rel=1e-14)
    # d5 erf / dx5 by the Hermite polynomial of order 4
    x = 0.7
    hermite = 16 * x**4 - 48 * x**2 + 12
    expected = 2 / math.sqrt(math.pi) * hermite * math.exp(-x * x)
    assert nth_derivative(at.erf, x, 5) == pytest.approx(expected, rel=1e-12)


def test_derivative_by_the_order_is_refused_only_when_asked_for() -> None:
    x = at.tensor([2.0], requires_grad=True)
    for function in (at.igamma, at.igammac, special.zeta):
        a = at.tensor([3.0], requires_grad=True)
        with pytest.raises(NotImplementedError, match="derivative"):
            function(a, x).sum().backward()
        at.autograd.grad(function(a, x).sum(), x)


# --- dtypes, layouts, errors --------------------------------------------------------------------------------

ONE = ["erf", "erfc", "erfinv", "lgamma", "digamma", "i0", "logit", "sinc"]
ONLY_SPECIAL = ["erfcx", "ndtr", "ndtri", "log_ndtr", "i0e", "i1", "i1e", "entr"]


@pytest.mark.parametrize("name", ONE + ONLY_SPECIAL)
def test_shapes_layouts_dtypes_and_out(name: str) -> None:
    function = getattr(special, {"lgamma": "gammaln"}.get(name, name))
    x = uniform(0.1, 0.9, 4, 6)
    expected = function(at.from_numpy(x)).numpy()
    for view in (
        lambda a: a.T,
        lambda a: a[::-1, ::2],
        lambda a: a[1, 2],
        lambda a: a[:0],
        lambda a: a[:, None],
    ):
        y = function(at.from_numpy(x)[...] if view is None else at.from_numpy(np.array(view(x))))
        np.testing.assert_array_equal(y.numpy(), view(expected))
    tensor = at.from_numpy(x)
    np.testing.assert_array_equal(function(tensor.T).numpy(), expected.T)
    assert function(at.tensor([0, 1])).dtype == at.float32
    assert function(at.tensor([True])).dtype == at.float32
    out = at.empty(4, 6, dtype=at.float64)
    assert function(tensor, out=out) is out
    np.testing.assert_array_equal(out.numpy(), expected)
    np.testing.assert_array_equal(tensor.numpy(), x)


@pytest.mark.parametrize("name", ONE)
def test_methods_and_in_place_twins(name: str) -> None:
    x = at.tensor([0.25, 0.5], dtype=at.float64)
    expected = getattr(at, name)(x)
    same(getattr(x, name)().tolist(), expected.tolist())
    y = x.clone()
    assert getattr(y, name + "_")() is y
    same(y.tolist(), expected.tolist())


def test_methods_of_two_arguments() -> None:
    x, y = at.tensor([0.5, 2.0]), at.tensor([1.0, 3.0])
    for name in ("igamma", "igammac", "xlogy"):
        expected = getattr(at, name)(x, y).tolist()
        assert getattr(x, name)(y).tolist() == expected
        assert getattr(x.clone(), name + "_")(y).tolist() == expected
    assert x.polygamma(1).tolist() == at.polygamma(1, x).tolist() == x.clone().polygamma_(1).tolist()
    assert y.mvlgamma(2).tolist() == y.clone().mvlgamma_(2).tolist() == special.multigammaln(y, 2).tolist()
    assert x.logit(0.1).tolist() == x.clone().logit_(0.1).tolist()


def test_blocks_do_not_change_values() -> None:
    x = uniform(0.01, 30, 20000)
    for function in (at.erf, at.erfc, at.lgamma, at.digamma, at.i0, lambda t: at.igamma(t, t)):
        whole = function(at.from_numpy(x)).numpy()
        np.testing.assert_array_equal(whole[8190:8195], function(at.from_numpy(x[8190:8195])).numpy())


def test_wrong_dtypes_and_arguments() -> None:
    for function in (at.erf, at.erfc, at.lgamma, at.i0, at.logit, special.entr):
        with pytest.raises(NotImplementedError):
            function(at.tensor([1j]))
        with pytest.raises(TypeError):
            function("x")
    with pytest.raises(NotImplementedError):
        at.igamma(at.tensor([1]), at.tensor([2]))
    with pytest.raises(RuntimeError, match="negative"):
        at.polygamma(-1, at.ones(1))
    with pytest.raises(TypeError, match="'n'"):
        at.polygamma(1.5, at.ones(1))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="p has to be"):
        at.mvlgamma(at.ones(1), 0)
    with pytest.raises(RuntimeError, match="size of tensor"):
        at.xlogy(at.ones(2), at.ones(3))


def test_names_of_the_namespace() -> None:
    for name in special.__all__:
        assert inspect.getdoc(getattr(special, name))
    assert special.gammaln is at.lgamma
    assert special.expit is at.sigmoid
    np.testing.assert_array_equal(np.sinc(at.tensor([0.5])).numpy(), at.sinc(at.tensor([0.5])).numpy())
