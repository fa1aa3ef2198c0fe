"""Elementwise operations: values by NumPy, first and second derivatives by the oracle."""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.elementwise_table import ALIASES, BINARY, BITWISE, COMPARISONS, TESTS, UNARY, grad, leaf, same
from tests.oracle import check, normal, uniform

Array = np.ndarray[Any, Any]
INF, NAN = math.inf, math.nan

LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": lambda a: a,
    "reversed": lambda a: np.flip(np.flip(a).copy()) if a.ndim else a,
    "transposed": lambda a: a.T.copy().T,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
}
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
layouts = st.sampled_from(sorted(LAYOUTS))
seeds = st.integers(0, 2**32 - 1)


def values(shape: tuple[int, ...], low: float, high: float, seed: int, layout: str = "contiguous") -> Array:
    return LAYOUTS[layout](uniform(low, high, *shape, seed=seed))


@st.composite
def broadcast_pairs(draw: st.DrawFn) -> tuple[Array, Array]:
    """Two positive arrays of shapes that broadcast, in any layout; all their elements differ."""
    a, b = draw(
        hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3)
    ).input_shapes
    seed = draw(seeds)
    return values(a, 0.5, 1.4, seed, draw(layouts)), values(b, 1.6, 2.5, seed + 1, draw(layouts))


# --- values and derivatives ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", UNARY)
@settings(max_examples=25)
@given(shape=shapes, layout=layouts, seed=seeds)
def test_unary_values(name: str, shape: tuple[int, ...], layout: str, seed: int) -> None:
    numpy, low, high = UNARY[name]
    x = values(shape, low, high, seed, layout)
    y = getattr(at, name)(at.from_numpy(x))
    assert y.dtype == at.float64
    assert y.shape == shape
    np.testing.assert_allclose(y.numpy(), numpy(x), rtol=1e-14)
    np.testing.assert_array_equal(getattr(at.from_numpy(x), name)().numpy(), y.numpy())


@pytest.mark.parametrize("name", UNARY)
@settings(max_examples=4)
@given(shape=shapes, layout=layouts, seed=seeds)
def test_unary_derivatives(name: str, shape: tuple[int, ...], layout: str, seed: int) -> None:
    _, low, high = UNARY[name]
    check(getattr(at, name), values(shape, low, high, seed, layout))


def test_fifth_derivative_of_tanh() -> None:
    x = leaf(np.linspace(-1, 1, 7))
    y = at.tanh(x)
    for _ in range(5):
        (y,) = at.autograd.grad(y.sum(), x, create_graph=True)
    t = np.tanh(x.detach().numpy())
    expected = (1 - t**2) * (16 - 120 * t**2 + 120 * t**4)  # d5 tanh / dx5
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=25)
@given(pair=broadcast_pairs())
def test_binary_values(name: str, pair: tuple[Array, Array]) -> None:
    numpy, symbol = BINARY[name]
    a, b = pair
    x, y = at.from_numpy(a), at.from_numpy(b)
    expected = numpy(a, b)
    results = [getattr(at, name)(x, y), getattr(x, name)(y), numpy(x, y), numpy(a, y), numpy(x, b)]
    if symbol:
        results += [f(p, q) for f in [getattr(operator, symbol)] for p, q in ((x, y), (a, y), (x, b))]
    for result in results:
        assert isinstance(result, at.Tensor)
        np.testing.assert_array_equal(result.numpy(), expected)


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=6)
@given(pair=broadcast_pairs())
def test_binary_derivatives(name: str, pair: tuple[Array, Array]) -> None:
    check(getattr(at, name), *pair)
    check(lambda b, a: getattr(at, name)(a, b), *reversed(pair))


@pytest.mark.parametrize("name", ALIASES)
def test_aliases(name: str) -> None:
    assert getattr(at, name) is getattr(at, ALIASES[name])
    assert getattr(at.Tensor, name) is getattr(at.Tensor, ALIASES[name])
    x, y = at.tensor([0.25, 0.5]), at.tensor([0.25, 0.5])
    two = ALIASES[name] in (*BINARY, *COMPARISONS)
    arguments = (0.5,) if two or name == "clip" else ()
    getattr(x, name + "_")(*arguments)
    getattr(y, ALIASES[name] + "_")(*arguments)
    same(x.tolist(), y.tolist())


@pytest.mark.parametrize("name", [n for n in BINARY if n not in ("maximum", "minimum")])
def test_an_operand_used_twice(name: str) -> None:
    check(lambda x: getattr(at, name)(x, x), uniform(0.5, 2, 2, 3))
    check(lambda x: getattr(at, name)(x, x.reshape(3, 1)), uniform(0.5, 2, 3))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x**2,
        lambda x: x**3,
        lambda x: x**0.5,
        lambda x: x**-1,
        lambda x: x**-2.5,
        lambda x: x**1,
        lambda x: x**0,
        lambda x: 2**x,
        lambda x: 0.5**x,
        lambda x: x + 2,
        lambda x: 2 - x,
        lambda x: 3 * x,
        lambda x: 3.0 / x,
        lambda x: x / 3,
        lambda x: -x,
        lambda x: +x,
        abs,
        lambda x: x % 0.13,
        lambda x: 2.0 % x,
        lambda x: x // 0.13,
        lambda x: at.div(x, 0.13, rounding_mode="trunc"),
        lambda x: at.clamp(x, 0.7, 1.3),
        lambda x: at.clamp(x, max=1.3),
        lambda x: at.clip(x, 0.7),
        lambda x: at.round(x, decimals=1),
        lambda x: at.where(x > 1, x * x, 0),
        lambda x: x.where(x > 1, x.exp()),
        lambda x: at.softmax(x, 0),
        lambda x: at.softmax(x, -1),
        lambda x: at.log_softmax(x, 0),
        lambda x: at.log_softmax(x, axis=1),
        lambda x: at.add(x, x * x, alpha=3),
        lambda x: at.sub(2, x, alpha=3),
        lambda x: at.lerp(x, x * x, 0.3),
        lambda x: at.lerp(x, x * x, x),
        lambda x: at.addcmul(x, x, x, value=2),
        lambda x: at.addcdiv(x, x, x * x, value=-2),
        lambda x: np.clip(x, 0.7, 1.3),
        lambda x: at.clamp_min(x, 0.7),
        lambda x: at.clamp_max(x, 0.7),
        lambda x: at.fmod(x, 0.13),
        lambda x: at.fmod(2.0, x),
        lambda x: at.rsub(x, x * x, alpha=3),
        lambda x: at.float_power(x, x),
        lambda x: at.float_power(2, x),
        lambda x: at.frexp(x).mantissa,
        lambda x: at.nextafter(x, x * 2),
        lambda x: at.ldexp(x, at.tensor([1, 2, 3])),
        lambda x: at.copysign(x, -1),
        lambda x: at.prelu(x - 1, x[:1, 0]),
        lambda x: at.prelu(x - 1, at.arange(3.0).double()),
        lambda x: at.hardshrink(x - 1, 0.3),
        lambda x: at.fill(x, 2.0) * x,
        lambda x: at.logaddexp(x, 100 * x),
        lambda x: np.sqrt(x) * np.sin(x),
    ],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_derivatives_of_expressions(function: Any, layout: str) -> None:
    x = np.array([[0.56, 0.68, 1.21], [1.02, 1.92, 1.58]])
    check(function, LAYOUTS[layout](x))


def test_derivatives_with_tensor_bounds_and_weights() -> None:
    x, low, high = np.array([0.1, 0.5, 0.9, 0.5]), np.array([0.3, 0.2, 0.1, 0.8]), np.array([[0.75], [0.35]])
    check(at.clamp, x, low, high)
    check(lambda x, low: at.clamp(x, min=low), x, low)
    check(lambda x, high: at.clamp(x, None, high), x, high)
    check(at.lerp, normal(2, 1), normal(3, seed=1), uniform(0, 1, 2, 3, seed=2))
    check(lambda c, a, b: at.where(c, a, b), np.array([[True], [False]]), normal(3), normal(2, 1))
    check(lambda a, b, c: at.addcdiv(a, b, c, value=2), normal(2, 1), normal(3), uniform(1, 2, 2, 3))


@pytest.mark.parametrize(
    "name",
    [
        "exp",
        "exp2",
        "expm1",
        "log",
        "log1p",
        "log2",
        "log10",
        "sqrt",
        "rsqrt",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "asinh",
        "acosh",
        "atanh",
        "reciprocal",
        "square",
        "sigmoid",
        "abs",
        "sgn",
        "angle",
        "neg",
        "positive",
        "conj",
        "conj_physical",
        "nan_to_num",
        "real",
        "imag",
        "view_as_real",
    ],
)
def test_derivatives_of_complex_functions(name: str) -> None:
    check(getattr(at, name), uniform(0.3, 1, 2, 3) + 1j * uniform(0.2, 0.9, 2, 3, seed=1))


def test_derivatives_of_complex_numbers_and_their_parts() -> None:
    x, y = uniform(0.3, 1, 2, 3), uniform(0.2, 0.9, 3, seed=1)
    check(at.complex, x, y)
    check(at.polar, x, y)
    check(at.view_as_complex, uniform(0, 1, 3, 2))
    check(lambda x: at.view_as_complex(x) * at.view_as_complex(x.clone()), uniform(0, 1, 2, 3, 2))
    z, w = x + 1j * y, y - 0.4j
    check(lambda z: at.view_as_real(z.mT).flip(0), z)
    check(at.logaddexp, z, w)
    check(at.ldexp, z, w)
    check(at.float_power, z, w)
    check(lambda z, w: at.lerp(z, w, 0.3 + 0.1j), z, w)
    check(at.lerp, z, w, w * w)
    check(lambda z, w: at.addcmul(z, w, w, value=2 - 1j), z, w)  # type: ignore[arg-type]
    check(lambda z, w: at.addcdiv(z, w, w * w, value=-2), z, w)
    check(lambda z, w: at.where(at.tensor([True, False, True]), z, w), z, w)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "rsub", "float_power", "ldexp"])
def test_derivatives_of_complex_and_real_operands(name: str) -> None:
    z, x = uniform(0.3, 1, 3) + 1j * uniform(0.2, 0.9, 3, seed=1), uniform(0.5, 1, 2, 3)
    check(getattr(at, name), z, x)
    check(getattr(at, name), x, z)
    check(lambda z: getattr(at, name)(z, 1 - 2j), z)


@pytest.mark.parametrize("name", COMPARISONS)
@settings(max_examples=10)
@given(pair=broadcast_pairs(), seed=seeds)
def test_comparisons_and_logic(name: str, pair: tuple[Array, Array], seed: int) -> None:
    numpy, symbol = COMPARISONS[name]
    a, b = (np.round(v) - 1 for v in pair)  # with ties and zeros
    x, y = leaf(a), leaf(b)
    for result in [getattr(at, name)(x, y), getattr(x, name)(y), numpy(x, y), numpy(a, y), numpy(x, 1)][:5]:
        assert result.dtype == at.bool
        assert not result.requires_grad
    np.testing.assert_array_equal(getattr(at, name)(x, y).numpy(), numpy(a, b))
    np.testing.assert_array_equal(getattr(at, name)(x, 1).numpy(), numpy(a, 1))
    if symbol:
        np.testing.assert_array_equal(getattr(operator, symbol)(x, y).numpy(), numpy(a, b))
        np.testing.assert_array_equal(getattr(operator, symbol)(1, y).numpy(), numpy(1, b))


@pytest.mark.parametrize("name", TESTS)
def test_tests_of_single_elements(name: str) -> None:
    for x in (np.array([0.0, -1, INF, -INF, NAN]), np.array([[0, 1]]), np.array(True), np.zeros((0, 2))):
        result = getattr(at, name)(at.tensor(x))
        assert result.dtype == at.bool
        np.testing.assert_array_equal(result.numpy(), TESTS[name](x))
        np.testing.assert_array_equal(TESTS[name](at.tensor(x)).numpy(), result.numpy())


@pytest.mark.parametrize("name", BITWISE)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64"])
def test_bitwise_operators(name: str, dtype: str) -> None:
    numpy, symbol = BITWISE[name]
    a, b = np.arange(6, dtype=dtype).reshape(2, 3), np.array([0, 1, 3], dtype=dtype)
    x, y = at.tensor(a), at.tensor(b)
    for result in (
        getattr(at, name)(x, y),
        getattr(operator, symbol)(x, y),
        getattr(operator, symbol)(a, y),
        numpy(x, b),
    ):
        np.testing.assert_array_equal(result.numpy(), numpy(a, b))
        assert result.dtype == dtype
    np.testing.assert_array_equal(getattr(operator, symbol)(x, 2).numpy(), numpy(a, 2))
    np.testing.assert_array_equal(getattr(operator, symbol)(6, y).numpy(), numpy(6, b))
    np.testing.assert_array_equal((~x).numpy(), ~a)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64"])
def test_common_divisors_and_multiples(dtype: str) -> None:
    a, b = np.array([[0, 4, 12], [7, 0, 9]], dtype), np.array([0, 6, 6], dtype)
    x, y = at.tensor(a), at.tensor(b)
    for function, numpy in ((at.gcd, np.gcd), (at.lcm, np.lcm)):
        assert function(x, y).dtype == dtype
        np.testing.assert_array_equal(function(x, y).numpy(), numpy(a, b))
        np.testing.assert_array_equal(numpy(x, b).numpy(), numpy(a, b))
        np.testing.assert_array_equal(getattr(x, numpy.__name__)(6).numpy(), numpy(a, 6))
    assert at.gcd(at.tensor([-12]), at.tensor([18])).tolist() == [6]


def test_bitwise_operators_on_booleans() -> None:
    a, b = at.tensor([True, True, False]), at.tensor([True, False, False])
    assert (a & b).tolist() == [True, False, False]
    assert (a | b).tolist() == [True, True, False]
    assert (a ^ True).tolist() == [False, False, True]
    assert (~a).tolist() == [False, False, True]
    assert (a & at.tensor([3, 2, 1])).tolist() == [1, 0, 0]


def test_division_with_rounding() -> None:
    a, b = at.tensor([7, -7, 7, -7]), at.tensor([2, 2, -2, -2])
    assert at.div(a, b, rounding_mode="floor").tolist() == (a // b).tolist() == [3, -4, -4, 3]
    assert at.div(a, b, rounding_mode="trunc").tolist() == [3, -3, -3, 3]
    assert at.div(a.double(), b, rounding_mode="trunc").tolist() == [3.0, -3.0, -3.0, 3.0]
    assert (a % b).tolist() == [1, 1, -1, -1]
    assert (a / b).dtype == at.float32
    assert (at.tensor([4], dtype=at.uint8) / -2).tolist() == [-2.0]
    assert (7 // at.tensor([2.0, -2.0])).tolist() == [3.0, -4.0]
    assert (at.tensor([1.0, -1.0, 0.0]) // 0).tolist()[:2] == [INF, -INF]


def test_integer_powers() -> None:
    assert (at.tensor([2, -1, 1, 0]) ** at.tensor([-1, -1, -1, -1])).tolist() == [0, -1, 1, 0]
    assert (at.tensor([-1, -1, 3]) ** at.tensor([-2, -3, 2])).tolist() == [1, -1, 9]
    assert (2 ** at.tensor([0, 3])).tolist() == [1, 8]
    assert (at.tensor([2, 3]) ** 2.0).dtype == at.float32
    assert (at.tensor([True, False]) ** 2).tolist() == [1, 0]


def test_rounding_halves_and_decimals() -> None:
    assert at.round(at.tensor([0.5, 1.5, 2.5, -0.5])).tolist() == [0, 2, 2, 0]
    np.testing.assert_allclose(at.round(leaf([2.345, -17.5]), decimals=1).tolist(), [2.3, -17.5])
    np.testing.assert_allclose(at.round(leaf([2345.0, 15.0]), decimals=-1).tolist(), [2340, 20])
    assert np.round(at.tensor([1.26]), 1).tolist() == pytest.approx([1.3])
    for name in ("floor", "ceil", "round"):
        assert getattr(at, name)(at.tensor([3, -2])).tolist() == [3, -2]


def test_clamp_bounds() -> None:
    x = at.tensor([-2.0, 0.5, NAN, 2.0])
    same(at.clamp(x, -1, 1).tolist(), [-1, 0.5, NAN, 1])
    same(at.clamp(x, 1, -1).tolist(), [-1, -1, NAN, -1])
    same(at.clamp(x, min=at.tensor([0.0, 1.0, 0.0, NAN])).tolist(), [0, 1, NAN, NAN])
    assert at.clamp(at.tensor([1, 5]), max=2.5).tolist() == [1.0, 2.5]
    assert at.clamp(at.tensor([1, 5]), max=2).dtype == at.int64
    assert np.clip(at.tensor([1.0, 5.0]), None, 2).tolist() == [1.0, 2.0]


def test_where_forms() -> None:
    condition = at.tensor([True, False])
    assert at.where(condition, 1, 2).dtype == at.int64
    assert at.where(condition, 1.0, 2).dtype == at.float32
    assert at.where(condition, at.tensor([1, 2]), 0.5).dtype == at.float32
    assert at.where(condition, at.zeros(2, dtype=at.float64), at.tensor(1.0)).dtype == at.float64
    assert at.where(condition, at.zeros(3, 1), 1).tolist() == [[0.0, 1.0]] * 3
    assert [t.tolist() for t in at.where(at.tensor([[0, 1], [2, 0]]))] == [[0, 1], [1, 0]]
    assert at.where(np.array([True, False]), at.tensor([1.0, 2.0]), 0.0).tolist() == [1.0, 0.0]


def test_closeness() -> None:
    a, b = at.tensor([1.0, INF, NAN, 1.0]), at.tensor([1.0 + 1e-6, INF, NAN, 1.1])
    assert at.isclose(a, b).tolist() == [True, True, False, False]
    assert at.isclose(a, b, equal_nan=True, rtol=0.2).tolist() == [True, True, True, True]
    assert at.isclose(at.tensor([1]), at.tensor([2]), rtol=0.5).tolist() == [True]
    assert not at.allclose(a, b)
    assert at.allclose(a[:2], b[:2]) is True
    assert at.allclose(at.zeros(0), at.zeros(0))
    assert at.equal(a[:2], a[:2].clone()) is True
    assert not at.equal(a, a)
    assert not at.equal(at.zeros(2), at.zeros(2, 1))


def test_nan_to_num() -> None:
    x = leaf([NAN, INF, -INF, 1.5])
    limit = np.finfo(np.float64).max
    same(at.nan_to_num(x).tolist(), [0, limit, -limit, 1.5])
    same(at.nan_to_num(x, 7.0, 8.0, 9.0).tolist(), [7, 8, 9, 1.5])
    assert grad(at.nan_to_num(x, 7.0, 8.0, 9.0) * 2, x) == [[0, 0, 0, 2]]


def test_erf_is_accurate_to_a_few_units_in_the_last_place() -> None:
    x = np.concatenate(
        [np.linspace(-6.5, 6.5, 20001), [1e-300, -1e-9, 0.46875, np.nextafter(0.46875, 1), 30.0]]
    )
    exact = np.array([math.erf(v) for v in x])
    assert np.max(np.abs(at.erf(at.tensor(x)).numpy() - exact) / np.spacing(np.abs(exact))) <= 6
    single = x.astype(np.float32)
    exact = np.array([math.erf(v) for v in single])
    error = np.abs(at.erf(at.tensor(single)).numpy().astype(float) - exact)
    assert np.max(error / np.spacing(np.abs(exact).astype(np.float32))) <= 6
    same(at.erf(leaf([INF, -INF, NAN, 0.0])).tolist(), [1, -1, NAN, 0])
