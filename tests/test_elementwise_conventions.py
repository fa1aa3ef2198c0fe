"""Elementwise operations: conventions at hard points, dtypes, shapes, overflow, errors."""

import itertools
import math
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from tests.elementwise_table import BINARY, FLOATING, UNARY, grad, leaf, same
from tests.oracle import normal

INF, NAN = math.inf, math.nan


# --- conventions at hard points (PROMISES A3) ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "point", "expected"),
    [
        (at.abs, [0.0, -2.0], [0, -1]),
        (at.relu, [0.0, -1.0, 2.0], [0, 0, 1]),
        (lambda x: at.maximum(x, 0), [0.0], [0.5]),
        (lambda x: at.maximum(x, at.tensor([1.0, 2.0])), [1.0, 1.0], [0.5, 0]),
        (lambda x: at.minimum(x, at.tensor([1.0, 2.0])), [1.0, 1.0], [0.5, 1]),
        (lambda x: at.clip(x, 0, 1), [0.0, 1.0, -1.0, 2.0], [1, 1, 0, 0]),
        (at.sign, [0.0, 3.0], [0, 0]),
        (at.floor, [0.5], [0]),
        (at.sqrt, [0.0], [INF]),
        (lambda x: x**0.5, [0.0], [INF]),
        (lambda x: at.where(x > 0, at.sqrt(x), 0), [0.0, -1.0, 4.0], [0, 0, 0.25]),
        (lambda x: at.where(x != 0, 1 / x, 0), [0.0, 2.0], [0, -0.25]),
        (lambda x: at.softmax(x, 0) * at.tensor([1.0, 2.0]), [0.0, -INF], [0, 0]),
        (lambda x: at.softmax(x, 0), [-INF, -INF], [NAN, NAN]),
        (lambda x: at.log_softmax(x, 0)[0], [0.0, -INF], [0, 0]),
        (at.sigmoid, [-800.0], [0]),
        (lambda x: x * at.log(x), [0.0], [NAN]),
        (lambda x: x ** at.zeros(1), [0.0], [0]),
        (lambda x: at.zeros(1) ** x, [0.0], [0]),
        (lambda x: x**3, [-2.0], [12]),
        (lambda x: at.tensor([-2.0]) ** x, [3.0], [NAN]),
        (lambda x: at.zeros(1) ** x, [2.0], [0]),
        (lambda x: x**0, [0.0], [0]),
        (lambda x: x**1, [0.0], [1]),
        (lambda x: at.atan2(x, at.zeros(1)), [0.0], [0]),
        (lambda x: at.atan2(at.zeros(1), x), [0.0], [0]),
        (at.acos, [1.0], [-INF]),
        (at.acosh, [1.0, 0.5], [INF, NAN]),
        (at.abs, [NAN], [0]),
        (lambda x: at.fmod(x, at.tensor([3.0, 0.0])), [5.0, -5.0], [1, 1]),
        (lambda x: at.fmod(at.tensor([5.0, -5.0, INF]), x), [3.0, 3.0, 2.0], [-1, 1, -INF]),
        (lambda x: at.remainder(at.tensor([5.0, -5.0]), x), [3.0, 3.0], [-1, 2]),
        (lambda x: at.copysign(x, at.tensor([-1.0, -0.0, 0.0])), [0.0, -2.0, -3.0], [0, 1, -1]),
        (lambda x: at.copysign(at.ones(2), x), [0.0, -2.0], [0, 0]),
        (lambda x: at.hypot(x, at.zeros(2)), [0.0, -3.0], [NAN, -1]),
        (lambda x: at.fmax(x, at.tensor([1.0, 1.0, NAN, NAN])), [1.0, NAN, 2.0, NAN], [1, 0, 1, 1]),
        (lambda x: at.fmax(at.tensor([1.0, 1.0, NAN, NAN]), x), [1.0, NAN, 2.0, NAN], [0, 0, 1, 0]),
        (lambda x: at.fmin(x, at.tensor([1.0, 2.0])), [1.0, 3.0], [1, 0]),
        (lambda x: at.logaddexp(x, at.tensor([INF, -INF, 1.0])), [INF, -INF, -INF], [NAN, NAN, 0]),
        (lambda x: at.logaddexp2(x, at.tensor([-1e5, 1e5])), [1e5, -1e5], [1, 0]),
        (at.angle, [-1.0, 0.0, NAN], [0, 0, 0]),
        (at.frac, [1.5, -1.5], [1, 1]),
        (lambda x: at.frexp(x)[0], [1.5, 0.0, INF], [0.5, 1, 1]),
        (lambda x: at.prelu(x, at.tensor(0.25).double()), [0.0, -2.0, 3.0, NAN], [0.25, 0.25, 1, 0.25]),
        (lambda x: at.prelu(at.tensor([[0.0, -2.0], [3.0, INF]]).double(), x), [1.0, 1.0], [0, -2]),
        (at.hardshrink, [0.5, -0.5, 0.6, NAN, 0.0, INF], [0, 0, 1, 1, 0, 1]),
        (lambda x: at.clamp(x, at.tensor([1.0, 0.5]), at.tensor([0.0, 0.5])), [0.5, 0.5], [0, 1]),
        (lambda x: at.clamp(at.tensor([0.3]), at.tensor([0.5]), x), [0.5], [0]),
        (lambda x: at.clamp(at.tensor([0.5]), at.tensor([1.0]), x), [0.0], [1]),
        (lambda x: at.clamp_min(x, at.tensor([1.0, 1.0, NAN])), [NAN, 1.0, 0.0], [0, 1, 0]),
        (lambda x: at.float_power(x, 3), [0.0, 2.0], [0, 12]),
        (at.asin, [1.0], [INF]),
    ],
)
def test_conventions_at_hard_points(function: Any, point: list[float], expected: list[float]) -> None:
    for create_graph in (False, True):
        x = leaf(point)
        (g,) = at.autograd.grad(function(x).sum(), x, create_graph=create_graph)
        same(g.detach().numpy(), expected)


# --- PROMISES row 18: an unselected branch of where contributes exactly zero --------------------------------

EDGES = [
    0.0, -0.0, 1.0, -1.0, 1 + 1e-16, 2.0, -2.0, 0.5, -0.5, 1e-320, -1e-320, 1e-200, 1e200, -1e200, 710.0,
    800.0, -800.0, math.pi / 2, INF, -INF, NAN, 1e308,
]  # fmt: skip
PARTIAL: dict[str, Callable[[at.Tensor], at.Tensor]] = {
    **{name: getattr(at, name) for name in FLOATING},
    "abs": at.abs, "square": at.square, "relu": at.relu, "x*log(x)": lambda x: x * at.log(x),
    "1/x": lambda x: 1 / x, "x/x": lambda x: x / x, "x**0.5": lambda x: x**0.5, "x**1.5": lambda x: x**1.5,
    "x**-2": lambda x: x**-2, "x**x": lambda x: x**x, "2**x": lambda x: 2**x, "0**x": lambda x: 0**x,
    "sqrt(x*x)": lambda x: at.sqrt(x * x), "log(sqrt(x))": lambda x: at.log(at.sqrt(x)),
    "exp(x)*exp(x)": lambda x: at.exp(x) * at.exp(x), "exp(x)/exp(x)": lambda x: at.exp(x) / at.exp(x),
    "atan2(x, x)": lambda x: at.atan2(x, x), "x % x": lambda x: x % x, "x - x": lambda x: x - x,
    "clamp(sqrt(x))": lambda x: at.clamp(at.sqrt(x), 0, 1), "maximum(1/x, x)": lambda x: at.maximum(1 / x, x),
    "log(1 - x)": lambda x: at.log(1 - x), "rsqrt(1 - x*x)": lambda x: at.rsqrt(1 - x * x),
    "addcdiv": lambda x: at.addcdiv(x, x, x), "lerp": lambda x: at.lerp(x, 1 / x, 0.5),
    "nested where": lambda x: at.where(x > 1, at.log(x - 1), at.sqrt(x)),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTIAL)
def test_row_18_unselected_branch_contributes_exactly_zero(name: str) -> None:
    f = PARTIAL[name]
    rng = np.random.default_rng(0)
    points = np.concatenate([EDGES, rng.uniform(-2, 2, 100 - len(EDGES))])
    chosen = at.tensor(rng.random(points.size) < 0.3)
    w = rng.uniform(1, 2, points.size)

    plain = leaf(points)
    (f(plain) * at.tensor(w)).sum().backward()
    assert plain.grad is not None
    for create_graph in (False, True):
        for first in (True, False):  # the choice as input or as other
            x = leaf(points)
            y = at.where(chosen, f(x), 0.0) if first else at.where(~chosen, 0.0, f(x))
            (g,) = at.autograd.grad((y * at.tensor(w)).sum(), x, create_graph=create_graph)
            same(g.detach()[~chosen].numpy(), np.zeros(int((~chosen).sum())))
            expected = plain.grad[chosen].numpy()
            known = ~np.isnan(expected)  # where f alone has NaN from 0 * inf, below a where 0 may win
            np.testing.assert_allclose(g.detach()[chosen].numpy()[known], expected[known], rtol=1e-12)
        if create_graph and g.requires_grad:  # the second derivative keeps the zeros
            (second,) = at.autograd.grad((g * at.tensor(w)).sum(), x, allow_unused=True)
            if second is not None:
                same(second[~chosen].numpy(), np.zeros(int((~chosen).sum())))


def test_row_18_holds_below_reductions_and_reshapes() -> None:
    x = leaf([[0.0, 4.0], [-1.0, 9.0]])
    roots = at.sqrt(x).reshape(4).unsqueeze(0).expand(2, 4).sum(0)
    y = at.where(at.tensor([False, True, False, True]), roots, 0.0).sum()
    assert grad(y, x) == [[[0, 0.5], [0, 1 / 3]]]
    x = leaf([-1.0, 2.0])
    y = at.where(at.tensor(False), at.log(x).sum(), 0.0)  # the whole of it is not chosen
    assert grad(y, x) == [[0, 0]]


def test_a_selected_infinite_derivative_stays() -> None:
    x = leaf([0.0, 0.0])
    y = at.where(at.tensor([True, False]), at.sqrt(x), 0.0)
    assert grad(y, x) == [[INF, 0]]


# --- PROMISES row 21: no overflow ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_row_21_no_overflow_in_sigmoid_and_softmax(dtype: str) -> None:
    rng = np.random.default_rng(0)
    for function in (at.sigmoid, lambda x: at.softmax(x, 1), lambda x: at.log_softmax(x, 1)):
        for scale in np.repeat([1.0, 100.0, 1e4], 112):  # 336 x 3 samples
            x = (rng.uniform(-1, 1, (3, 5)) * scale).astype(dtype)
            x[0, 0], x[1, 1] = scale, -scale
            g = rng.uniform(-1, 1, x.shape).astype(dtype)
            input = at.tensor(x, requires_grad=True)
            with np.errstate(all="raise"), warnings.catch_warnings(action="error"):
                y = function(input)
                y.backward(at.tensor(g))
            assert y.isfinite().all()
            assert input.grad.isfinite().all()
            assert y._array.dtype == dtype


def test_sigmoid_is_accurate_in_its_tail() -> None:
    x = at.tensor([-20.0, -80.0], dtype=at.float32)
    np.testing.assert_allclose(at.sigmoid(x).numpy(), np.exp([-20.0, -80.0]), rtol=1e-6)


# --- PROMISES row 22: dtypes --------------------------------------------------------------------------------

SCALARS = [
    True,
    2,
    2.5,
    np.float64(2.5),
    np.float32(2.5),
    np.int64(2),
    np.array(2.5),
    at.tensor(2.5, dtype=at.float64),
]


@pytest.mark.parametrize("dtype", [at.float16, at.float32, at.float64])
@pytest.mark.parametrize("name", BINARY)
def test_row_22_gradients_have_the_dtype_of_their_tensor(name: str, dtype: at.dtype) -> None:
    for scalar in SCALARS[name == "sub" :]:
        for f in (lambda x, s: getattr(at, name)(x, s), lambda x, s: getattr(at, name)(s, x)):
            x = leaf([0.5, 1.5], dtype)
            y = f(x, scalar)
            assert y.dtype == dtype, scalar
            y.backward(at.ones_like(y))
            assert x.grad is not None
            assert x.grad.dtype == dtype
    for other in (at.float16, at.float32, at.float64):
        x, z = leaf([0.5, 1.5], dtype), leaf([1.0, 2.0], other)
        y = getattr(at, name)(x, z)
        assert y.dtype == at.promote_types(dtype, other)
        y.sum().backward()
        assert x.grad is not None
        assert z.grad is not None
        assert (x.grad.dtype, z.grad.dtype) == (dtype, other)


@pytest.mark.parametrize("dtype", [at.float16, at.float32, at.float64])
@pytest.mark.parametrize("name", [*UNARY, "softmax", "log_softmax"])
def test_row_22_unary_functions_keep_the_dtype(name: str, dtype: at.dtype) -> None:
    x = leaf([0.25, 0.75], dtype)
    y = getattr(at, name)(x, 0) if "softmax" in name else getattr(at, name)(x)
    assert y.dtype == dtype
    y.backward(at.ones_like(y))
    assert x.grad is not None
    assert x.grad.dtype == dtype


@pytest.mark.parametrize("dtype", [at.bool, at.uint8, at.int32, at.int64])
def test_integers_through_floating_functions_give_the_default_dtype(dtype: at.dtype) -> None:
    x = at.tensor([0, 1], dtype=dtype)
    for name in FLOATING:
        assert getattr(at, name)(x).dtype == at.float32
    assert (x / 2).dtype == at.float32
    assert at.atan2(x, x).dtype == at.float32
    at.set_default_dtype(at.float64)
    try:
        assert at.exp(x).dtype == at.float64
        assert (x / 2).dtype == at.float64
    finally:
        at.set_default_dtype(at.float32)


# --- PROMISES row 23: shapes --------------------------------------------------------------------------------

SMALL_SHAPES = [s for n in range(4) for s in itertools.product((0, 1, 2), repeat=n)]


def broadcastable(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(a), reversed(b), strict=False))


@pytest.mark.parametrize("name", [*BINARY, "where"])
def test_row_23_gradients_have_the_shape_of_their_tensor(name: str) -> None:
    function: Any = getattr(at, name)
    if name == "where":
        function = lambda a, b: at.where(at.tensor(True), a, b)  # noqa: E731
    for a, b in itertools.product(SMALL_SHAPES, SMALL_SHAPES):
        x, y = at.ones(a, requires_grad=True), at.ones(b, requires_grad=True)
        if not broadcastable(a, b):
            with pytest.raises(RuntimeError):
                function(x, y)
            continue
        z = function(x, y)
        assert z.shape == np.broadcast_shapes(a, b)
        z.backward(at.ones_like(z))
        assert x.grad is not None
        assert y.grad is not None
        assert (x.grad.shape, y.grad.shape) == (a, b)


def test_large_and_odd_shapes() -> None:
    x = leaf(normal(1000, 33))
    at.sigmoid(x * 2).sum().backward()
    s = 1 / (1 + np.exp(-2 * x.detach().numpy()))
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), 2 * s * (1 - s), rtol=1e-10, atol=1e-15)
    assert at.erf(at.zeros(3, 0, 2)).shape == (3, 0, 2)
    assert at.softmax(at.zeros(0, 3), 0).shape == (0, 3)
    assert at.softmax(at.tensor(5.0), 0).item() == 1


# --- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: at.ones(2, 3) + at.ones(4),
            RuntimeError,
            r"size of tensor a \(3\).*tensor b \(4\).*dimension 1",
        ),
        (lambda: at.where(at.tensor([True, False]), at.ones(3), 0), RuntimeError, "where"),
        (lambda: at.where(at.tensor([True, False]), at.ones(3), at.ones(2)), RuntimeError, "where"),
        (lambda: at.clamp(at.ones(2), at.ones(3)), RuntimeError, "clamp"),
        (lambda: at.tensor([True]) - at.tensor([True]), RuntimeError, "two bool tensors"),
        (lambda: at.tensor([True]) - 1, RuntimeError, "invert a mask"),
        (lambda: 1 - at.tensor([True]), RuntimeError, "invert a mask"),
        (lambda: at.tensor([1.0]) - at.tensor([True]), RuntimeError, "invert a mask"),
        (lambda: -at.tensor([True]), RuntimeError, "neg"),
        (lambda: +at.tensor([True]), RuntimeError, "bool"),
        (lambda: ~at.tensor([1.0]), TypeError, "integer and Boolean"),
        (lambda: at.tensor([1.0]) & at.tensor([1.0]), RuntimeError, "not implemented"),
        (lambda: at.tensor([1.0]) << 1, RuntimeError, "not implemented"),
        (lambda: at.tensor([1]) // 0, RuntimeError, "ZeroDivisionError"),
        (lambda: at.tensor([1]) % at.tensor([0]), RuntimeError, "ZeroDivisionError"),
        (lambda: at.div(at.tensor([1]), 0, rounding_mode="trunc"), RuntimeError, "ZeroDivisionError"),
        (lambda: at.div(at.ones(1), 1, rounding_mode="up"), RuntimeError, "rounding_mode.*'up'"),
        (lambda: at.tensor([2]) ** -1, RuntimeError, "negative integer powers"),
        (lambda: at.add(at.tensor([1]), at.tensor([1]), alpha=0.5), RuntimeError, "alpha"),
        (lambda: at.exp(1.0), TypeError, "input.*Tensor.*float"),
        (lambda: at.exp([1.0]), TypeError, "input.*Tensor.*list"),
        (lambda: operator.add(at.ones(1), [1.0]), TypeError, "other.*list"),
        (lambda: at.ones(1) + None, TypeError, "other.*NoneType"),
        (lambda: at.ones(1) * "a", TypeError, "other.*str"),
        (lambda: at.ones(1) < None, TypeError, "NoneType"),
        (lambda: at.clamp(at.ones(1)), RuntimeError, "At least one|at least one"),
        (lambda: at.where(at.tensor([1, 0]), 1, 2), RuntimeError, "boolean.*int64"),
        (lambda: at.where(at.tensor([True]), 1), TypeError, "both input and other"),
        (lambda: at.softmax(at.tensor([1, 2]), 0), RuntimeError, "softmax.*int64"),
        (lambda: at.softmax(at.ones(2), 1), IndexError, "Dimension out of range"),
        (lambda: at.round(at.tensor([15]), decimals=-1), RuntimeError, "round"),
        (lambda: at.floor(at.tensor([True])), RuntimeError, "bool"),
        (lambda: at.relu(at.tensor([True])), RuntimeError, "relu"),
        (lambda: at.lerp(at.ones(1), at.ones(1, dtype=at.float64), 0.5), RuntimeError, "`end`"),
        (lambda: at.lerp(at.tensor([1]), at.tensor([1]), 0.5), RuntimeError, "lerp"),
        (lambda: at.addcdiv(at.ones(1), at.tensor([1]), at.tensor([2])), RuntimeError, "integer division"),
        (lambda: at.isclose(at.ones(1), at.ones(1, dtype=at.float64)), RuntimeError, "float32.*float64"),
        (lambda: at.isclose(at.ones(1), at.ones(1), rtol=-1), RuntimeError, "rtol"),
        (lambda: at.allclose(at.ones(2), at.ones(3)), RuntimeError, "size of tensor"),
        (lambda: at.equal(at.ones(1), 1.0), TypeError, "other"),
        (lambda: at.tensor([1j]) < at.tensor([2j]), RuntimeError, "complex"),
        (lambda: at.maximum(at.tensor([1j]), at.tensor([2j])), RuntimeError, "complex"),
        (lambda: at.clamp(at.tensor([1j]), 0), RuntimeError, "complex"),
        (lambda: at.floor(at.tensor([1j])), RuntimeError, "floor"),
        (lambda: np.add(np.ones(2), at.ones(2), out=np.ones(2)), TypeError, "out"),
        (lambda: at.heaviside(at.ones(1), at.tensor([1])), RuntimeError, "float32.*int64"),
        (lambda: at.heaviside(leaf([1.0]), leaf([1.0])).sum().backward(), NotImplementedError, "heaviside"),
        (lambda: at.heaviside(at.ones(2), at.ones(3)), RuntimeError, "size of tensor"),
        (lambda: at.sign(at.tensor([1j])), NotImplementedError, "sgn"),
        (lambda: at.signbit(at.tensor([1j])), NotImplementedError, "signbit"),
        (lambda: at.isposinf(at.tensor([1j])), RuntimeError, "complex"),
        (lambda: at.deg2rad(at.tensor([1j])), RuntimeError, "complex|not implemented"),
        (lambda: at.frac(at.tensor([1])), NotImplementedError, "frac.*int64"),
        (lambda: at.frexp(at.tensor([1])), RuntimeError, "floating-point"),
        (lambda: at.fmod(at.tensor([1]), 0), RuntimeError, "ZeroDivisionError"),
        (lambda: at.gcd(at.ones(1), at.ones(1)), NotImplementedError, "gcd.*float32"),
        (lambda: at.nextafter(at.tensor([1]), 2), NotImplementedError, "nextafter.*int64"),
        (lambda: at.fmax(at.tensor([1j]), 2), RuntimeError, "complex"),
        (lambda: at.rsub(at.tensor([True]), 1), RuntimeError, "bool"),
        (lambda: at.positive(at.tensor([True])), RuntimeError, "bool"),
        (lambda: at.isin(1, 2), TypeError, "Tensor"),
        (lambda: at.isin(at.tensor([True]), True), RuntimeError, "bool"),
        (lambda: at.is_nonzero(at.ones(2)), RuntimeError, "ambiguous"),
        (lambda: at.prelu(at.ones(2, 3), at.ones(2)), RuntimeError, "= 2.*channel size = 3"),
        (lambda: at.prelu(at.ones(2), at.ones(1, 1)), RuntimeError, "1D tensor"),
        (lambda: at.prelu(at.ones(2), at.ones(1).double()), RuntimeError, "one dtype"),
        (lambda: at.prelu(at.ones(2), 0.5), TypeError, "weight.*float"),
        (lambda: at.hardshrink(at.tensor([1])), NotImplementedError, "hardshrink.*int64"),
        (lambda: at.lerp(at.ones(1), at.ones(1), 1j), RuntimeError, "weight"),
        (lambda: at.lerp(at.ones(2), at.ones(3), 0.5), RuntimeError, "size of tensor"),
        (lambda: at.float_power(2, 3), TypeError, "Tensor"),
    ],
)
def test_errors(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_equality_with_what_is_no_number() -> None:
    x = at.ones(2)
    assert (x == None) is False  # noqa: E711
    assert (x != "a") is True
    assert (x == [1.0, 1.0]) is False
    assert x in [x]


def test_errors_leave_operands_and_modes_as_they_were() -> None:
    x, y = leaf([1.0, 2.0]), leaf([1.0, 2.0, 3.0])
    for function in (at.add, at.mul, at.maximum, at.atan2, at.pow):
        with pytest.raises(RuntimeError):
            function(x, y)
    assert (x + 1).requires_grad
    assert grad(x * 2, x) == [[2, 2]]


def test_no_floating_point_warning_reaches_the_user() -> None:
    with np.errstate(all="raise"):
        x = leaf([0.0, -1.0, 1e308, INF, NAN])
        for name in FLOATING:
            getattr(at, name)(x).sum().backward()
        (x / 0 + x**-1 + x * 1e308 - at.log(x) // x).sum().backward()


def test_subclass_tensors_and_numpy_scalars_are_operands() -> None:
    class Special(at.Tensor):
        pass

    x = Special([1.0, 2.0])
    assert (x + np.float64(1)).dtype == at.float32
    assert (np.float64(2) * x).tolist() == [2.0, 4.0]
    assert (x * x).tolist() == [1.0, 4.0]
