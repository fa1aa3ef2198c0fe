"""Elementwise operations against PyTorch: values, dtypes, errors, two gradients, hard points."""

import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.ops import (
    activations,
    arithmetic,
    choices,
    comparison,
    complexes,
    exponentials,
    floats,
    integers,
    powers,
    rounding,
    signs,
    trigonometry,
)

torch = pytest.importorskip("torch", reason="PyTorch is not importable: nothing to compare with")

DTYPES = ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]
RTOL = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-12, "complex64": 1e-5, "complex128": 1e-12}

UNARY = {
    "abs": (-3, 3), "neg": (-3, 3), "exp": (-3, 3), "expm1": (-3, 3), "log": (0.1, 5), "log1p": (-0.9, 5),
    "log2": (0.1, 5), "log10": (0.1, 5), "sqrt": (0.1, 5), "rsqrt": (0.1, 5), "square": (-3, 3),
    "reciprocal": (0.2, 3), "sin": (-7, 7), "cos": (-7, 7), "tan": (-1.5, 1.5), "asin": (-0.95, 0.95),
    "acos": (-0.95, 0.95), "atan": (-5, 5), "sinh": (-3, 3), "cosh": (-3, 3), "tanh": (-3, 3),
    "sigmoid": (-30, 5), "relu": (-3, 3), "erf": (-3, 3), "sign": (-3, 3), "floor": (-9, 9),
    "ceil": (-9, 9), "round": (-9, 9), "isnan": (-3, 3), "isinf": (-3, 3), "isfinite": (-3, 3),
    "logical_not": (-3, 3), "nan_to_num": (-3, 3), "bitwise_not": (-3, 3), "acosh": (1.1, 5),
    "asinh": (-5, 5), "atanh": (-0.95, 0.95), "exp2": (-3, 3), "trunc": (-9, 9), "frac": (-9, 9),
    "deg2rad": (-90, 90), "rad2deg": (-3, 3), "sgn": (-3, 3), "signbit": (-3, 3), "angle": (-3, 3),
    "isposinf": (-3, 3), "isneginf": (-3, 3), "isreal": (-3, 3), "positive": (-3, 3), "hardshrink": (-3, 3),
    "conj_physical": (-3, 3),
}  # fmt: skip
HOLOMORPHIC = [
    "exp", "log", "sqrt", "rsqrt", "square", "reciprocal", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "sigmoid", "neg", "expm1", "log1p", "log2", "log10", "asinh", "acosh", "atanh",
    "exp2", "conj_physical", "positive", "resolve_conj", "resolve_neg",
]  # fmt: skip
BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "floor_divide": "floordiv",
    "remainder": "mod", "pow": "pow", "eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge",
    "bitwise_and": "and_", "bitwise_or": "or_", "bitwise_xor": "xor", "bitwise_left_shift": "lshift",
    "bitwise_right_shift": "rshift",
}  # fmt: skip
TENSORS_ONLY = [
    "atan2", "maximum", "minimum", "logical_and", "logical_or", "logical_xor", "fmod", "hypot", "copysign",
    "fmax", "fmin", "logaddexp", "logaddexp2", "nextafter", "heaviside", "gcd", "lcm", "float_power",
]  # fmt: skip
DIFFERENTIABLE = [
    "add", "sub", "mul", "div", "pow", "atan2", "maximum", "minimum", "remainder", "fmod", "hypot",
    "copysign", "fmax", "fmin", "logaddexp", "logaddexp2", "ldexp", "nextafter", "float_power", "rsub",
]  # fmt: skip

# What PyTorch refuses and autotape computes, as NumPy does.
WIDER = {("abs", "bool"), ("absolute", "bool"), ("remainder", "bool"), ("floor_divide", "bool")}
INTEGERS_TOO = ("hypot", "logaddexp", "logaddexp2")  # computed in the default dtype


def outcome(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result, or the exception."""
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return error


def assert_same(ours: Any, theirs: Any, rtol: float | None = None, atol: float = 0) -> None:
    """Equal results, or errors of one family."""
    if isinstance(theirs, Exception):
        assert isinstance(ours, type(theirs)) or (
            isinstance(theirs, NotImplementedError) and isinstance(ours, RuntimeError)
        ), f"PyTorch raises {theirs!r}, autotape gives {ours!r}"
        return
    if isinstance(ours, Exception):
        raise AssertionError(f"PyTorch gives {theirs!r}") from ours
    if not isinstance(theirs, torch.Tensor):
        assert type(ours) is type(theirs)
        assert ours == theirs
        return
    assert str(ours.dtype).removeprefix("autotape.") == str(theirs.dtype).removeprefix("torch.")
    assert tuple(ours.shape) == tuple(theirs.shape)
    name = ours.dtype.name
    tolerance = rtol or RTOL.get(name, 0)
    small = {"float16": 1e-5, "float32": 1e-9, "float64": 1e-15}.get(name, 0)
    ours, theirs = ours.detach().numpy(), theirs.detach().resolve_conj().numpy()
    atol = max(atol, tolerance * small)
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=atol, equal_nan=True)


def sample(
    dtype: str, shape: tuple[int, ...] = (2, 3), seed: int = 0, low: float = -3, high: float = 3
) -> Any:
    values = np.asarray(np.random.default_rng(seed).uniform(low, high, shape))
    if dtype == "bool":
        return np.asarray(values > 0)
    return np.asarray(np.abs(values) if dtype == "uint8" else values).astype(dtype)


def pair(array: Any, requires_grad: bool = False) -> tuple[Any, Any]:
    if not isinstance(array, np.ndarray):
        return array, array
    ours, theirs = at.tensor(array), torch.tensor(array)
    if requires_grad:
        ours.requires_grad_()
        theirs.requires_grad_()
    return ours, theirs


# --- values, dtypes, errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_unary_values_and_dtypes(name: str, dtype: str) -> None:
    low, high = UNARY[name]
    ours, theirs = pair(sample(dtype, low=low, high=high))
    expected = outcome(getattr(torch, name), theirs)
    got = outcome(getattr(at, name), ours)
    if (name, dtype) in WIDER and isinstance(expected, Exception):
        return
    assert_same(got, expected)
    assert_same(outcome(getattr(ours, name)), expected)


TWINS = ["abs", "absolute", "float_power"] + [
    name
    for family in (
        activations,
        arithmetic,
        choices,
        comparison,
        complexes,
        exponentials,
        floats,
        integers,
        powers,
        rounding,
        signs,
        trigonometry,
    )
    for name in family.in_place
    if name not in ("clamp", "clip", "clamp_min", "clamp_max", "ldexp")
]


@pytest.mark.parametrize("name", TWINS)
def test_in_place_values_dtypes_and_errors(name: str) -> None:
    for dtype in DTYPES:
        x = sample(dtype, low=0.5, high=0.9 if name in ("asin", "acos") else 3)
        arguments: list[tuple[Any, ...]] = [()]
        if name in BINARY or name in TENSORS_ONLY:
            arguments = [(sample(other, seed=7, low=0.5),) for other in DTYPES]
            arguments += [(2,), (2.5,)] if name in BINARY else []
        for given in arguments:
            pairs = [pair(a) for a in given]
            (ours, theirs) = pair(x)
            expected = outcome(getattr(theirs, name + "_"), *[p[1] for p in pairs])
            got = outcome(getattr(ours, name + "_"), *[p[0] for p in pairs])
            if isinstance(expected, Exception) and ((name, dtype) in WIDER or name in INTEGERS_TOO):
                continue
            assert_same(got, expected)


SCALARS = [True, 2, -1, 2.5]


def operand_pairs() -> list[tuple[Any, Any]]:
    kinds = []
    for a, b in itertools.product(DTYPES, DTYPES):
        x, y = sample(a, seed=1), sample(b, seed=2)
        kinds += [(x, y), (x, sample(b, (), seed=3)), (sample(a, (), seed=4), y)]
    for a, number in itertools.product(DTYPES, SCALARS):
        kinds += [(sample(a, seed=1), number), (number, sample(a, seed=1)), (sample(a, (), seed=5), number)]
    return kinds


@pytest.mark.parametrize("name", BINARY)
def test_binary_promotion_values_and_errors(name: str) -> None:
    function = getattr(operator, BINARY[name])
    for x, y in operand_pairs():
        (a, ta), (b, tb) = pair(x), pair(y)
        expected = outcome(function, ta, tb)
        got = outcome(function, a, b)
        kinds = {np.asarray(v).dtype.name for v in (x, y)}
        if isinstance(expected, Exception) and (name, "bool") in WIDER and kinds == {"bool"}:
            continue
        assert_same(got, expected)


@pytest.mark.parametrize("name", TENSORS_ONLY)
def test_binary_functions_of_tensors(name: str) -> None:
    for x, y in operand_pairs():
        if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
            (a, ta), (b, tb) = pair(x), pair(y)
            expected = outcome(getattr(torch, name), ta, tb)
            if not (isinstance(expected, Exception) and name in INTEGERS_TOO):
                assert_same(outcome(getattr(at, name), a, b), expected)


def test_compositions_and_choices_promote_alike() -> None:
    condition = np.array([True, False, True])
    for x, y in operand_pairs():
        (a, ta), (b, tb), (c, tc) = pair(x), pair(y), pair(condition)
        assert_same(outcome(at.where, c, a, b), outcome(torch.where, tc, ta, tb))
        wraps = isinstance(x, np.ndarray) and x.dtype == np.uint8 and np.ndim(y) == 0 and y < 0
        if (
            isinstance(x, np.ndarray) and not wraps
        ):  # PyTorch takes a bound of -1 for 255; here it is an error
            assert_same(outcome(at.clamp, a, min=b), outcome(torch.clamp, ta, min=tb))
            assert_same(outcome(at.clamp, a, max=b), outcome(torch.clamp, ta, max=tb))
            for mode in ("floor", "trunc"):
                expected = outcome(torch.div, ta, tb, rounding_mode=mode)
                got = outcome(at.div, a, b, rounding_mode=mode)
                assert_same(got, expected)
        if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
            for f in ("addcmul", "addcdiv"):
                got = outcome(getattr(at, f), a, b, b, value=2)
                assert_same(got, outcome(getattr(torch, f), ta, tb, tb, value=2))
        for alpha in (2, -3, 0.5):
            assert_same(outcome(at.add, a, b, alpha=alpha), outcome(torch.add, ta, tb, alpha=alpha))
            assert_same(outcome(at.sub, a, b, alpha=alpha), outcome(torch.sub, ta, tb, alpha=alpha))


# --- gradients ----------------------------------------------------------------------------------------------


def gradients(module: Any, y: Any, inputs: list[Any], g: Any, create_graph: bool = False) -> list[Any]:
    """The gradients of y by the inputs, zeros where one was not used."""
    kwargs = {"create_graph": create_graph, "retain_graph": True, "allow_unused": True}
    found = module.autograd.grad(y, inputs, g, **kwargs)
    return [module.zeros_like(x) if d is None else d for x, d in zip(inputs, found, strict=True)]


def compare_gradients(
    function: Callable[[Any], Callable[..., Any]], *arrays: Any, order: int = 2, atol: float = 0
) -> None:
    """First and second gradients of ``function(at)`` and ``function(torch)``, with the same random seeds."""
    pairs = [pair(a, requires_grad=True) for a in arrays]
    states = []
    for module, side in ((at, 0), (torch, 1)):
        leaves = [p[side] for p in pairs]
        states.append((module, leaves, [function(module)(*leaves)]))
    for nth in range(order):
        seeds = [np.random.default_rng(nth).standard_normal(tuple(y.shape)) for y in states[0][2]]
        following = []
        for module, leaves, ys in states:
            grads = [module.zeros_like(x) for x in leaves]
            for y, seed in zip(ys, seeds, strict=True):
                if y.requires_grad:  # a gradient that is constant may or may not
                    seed_tensor = module.tensor(seed.astype(y.detach().numpy().dtype))
                    each = gradients(module, y, leaves, seed_tensor, create_graph=nth + 1 < order)
                    grads = [total + part for total, part in zip(grads, each, strict=True)]
            following.append((module, leaves, grads))
        for ours, theirs in zip(following[0][2], following[1][2], strict=True):
            assert_same(ours, theirs, rtol=1e-10, atol=atol)
        states = following


def named(name: str, *args: Any, **kwargs: Any) -> Callable[[Any], Callable[..., Any]]:
    return lambda module: lambda *tensors: getattr(module, name)(*tensors, *args, **kwargs)


@pytest.mark.parametrize("name", [n for n in UNARY if not n.startswith(("is", "logical", "bitwise"))])
def test_unary_gradients(name: str) -> None:
    low, high = UNARY[name]
    compare_gradients(named(name), sample("float64", (3, 4), low=low, high=high))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_complex_values_and_gradients(name: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    z = (rng.uniform(0.2, 0.9, (3, 4)) + 1j * rng.uniform(0.1, 0.8, (3, 4))).astype(dtype)
    ours, theirs = pair(z)
    assert_same(
        getattr(at, name)(ours), getattr(torch, name)(theirs), rtol=1e-4 if dtype == "complex64" else 1e-11
    )
    if dtype == "complex128":
        compare_gradients(named(name), z)


@pytest.mark.parametrize(
    "function",
    [
        lambda m: lambda z, w: m.logaddexp(z, w),
        lambda m: lambda z, w: m.ldexp(z, w),
        lambda m: lambda z, w: m.float_power(z, w),
        lambda m: lambda z, w: m.lerp(z, w, 0.3 + 0.8j),
        lambda m: lambda z, w: m.lerp(z, w, w),
        lambda m: lambda z, w: m.addcmul(z, w, w, value=2 - 1j),
        lambda m: lambda z, w: m.addcdiv(z, w, z, value=-2),
        lambda m: lambda z, w: m.where(m.tensor([True, False, True]), z, w),
        lambda m: lambda z, w: m.angle(z) * w,
        lambda m: lambda z, w: m.view_as_real(z)[:, 1] * w.abs()[:, :2],
        lambda m: lambda z, w: m.sgn(z * w) * z,
        lambda m: lambda z, w: m.rsub(z, w, alpha=1j),
        lambda m: lambda z, w: z.real * w.imag,
    ],
)
def test_gradients_of_complex_expressions(function: Any) -> None:
    rng = np.random.default_rng(0)
    z, w = (rng.uniform(0.2, 2, (2, 3)) + 1j * rng.uniform(0.1, 2, (2, 3)) for _ in range(2))
    compare_gradients(function, z, w, atol=1e-15)


@pytest.mark.parametrize("name", ["abs", "angle", "sgn"])
def test_complex_gradients_at_zero(name: str) -> None:
    compare_gradients(named(name), np.array([0j, 1j, -1 + 0j, 0j]), order=1, atol=1e-15)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
def test_complex_binary_gradients(name: str) -> None:
    rng = np.random.default_rng(0)
    z, w = (rng.uniform(0.2, 2, (2, 3)) + 1j * rng.uniform(0.1, 2, (2, 3)) for _ in range(2))
    compare_gradients(named(name), z, w)
    compare_gradients(named(name), z, w.real)
    compare_gradients(named(name), z.real, w)
    compare_gradients(named(name, 2.5), z)
    compare_gradients(named(name, 1 - 2j), z)


def test_gradient_of_the_squared_size_of_a_complex_number() -> None:
    compare_gradients(lambda module: lambda z: module.abs(z) ** 2, np.array([1 + 2j, -0.5 + 1j]), order=1)
    compare_gradients(lambda module: lambda z: z * z.conj(), np.array([1 + 2j, 0.0j]))


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@pytest.mark.parametrize("shapes", [((2, 3), (2, 3)), ((2, 1), (3,)), ((), (2, 2)), ((0, 2), (2,)), ((), ())])
def test_binary_gradients(name: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a, b = sample("float64", shapes[0], 1, 0.3, 3), sample("float64", shapes[1], 2, 0.3, 3)
    compare_gradients(named(name), a, b, atol=1e-15)


@pytest.mark.parametrize(
    "function",
    [
        lambda m: lambda x: x**2,
        lambda m: lambda x: x**3,
        lambda m: lambda x: x**0.5,
        lambda m: lambda x: x**-1,
        lambda m: lambda x: x**-2,
        lambda m: lambda x: x**-0.5,
        lambda m: lambda x: x**2.5,
        lambda m: lambda x: x**0,
        lambda m: lambda x: x**1,
        lambda m: lambda x: 2**x,
        lambda m: lambda x: 2.5**x,
        lambda m: lambda x: x % 0.7,
        lambda m: lambda x: 3.0 / x,
        lambda m: lambda x: 3 - x,
        lambda m: lambda x: x / 3,
        lambda m: lambda x: -x + x * 2,
        lambda m: lambda x: m.clamp(x, 0.5, 1.5),
        lambda m: lambda x: m.clamp(x, min=1.0),
        lambda m: lambda x: m.clamp(x, max=1.0),
        lambda m: lambda x: m.where(x > 1, x * x, m.exp(x)),
        lambda m: lambda x: m.where(x > 1, x, 0.0),
        lambda m: lambda x: x.where(x > 1, x.sin()),
        lambda m: lambda x: m.softmax(x, 0),
        lambda m: lambda x: m.softmax(x, -1) * x,
        lambda m: lambda x: m.log_softmax(x, 1) * x,
        lambda m: lambda x: m.softmax(x, 0, dtype=m.float64),
        lambda m: lambda x: m.lerp(x, x * x, 0.3),
        lambda m: lambda x: m.lerp(x, x * x, x),
        lambda m: lambda x: m.addcmul(x, x, x, value=2),
        lambda m: lambda x: m.addcdiv(x, x * x, x + 1, value=0.5),
        lambda m: lambda x: m.add(x, x * x, alpha=3),
        lambda m: lambda x: m.sub(x, x * x, alpha=0.5),
        lambda m: lambda x: m.div(x, x * x, rounding_mode="floor") * x,
        lambda m: lambda x: m.round(x, decimals=1) * x,
        lambda m: lambda x: m.maximum(x, x),
        lambda m: lambda x: (x * 1).sigmoid_().mul(x).mul_(x),
        lambda m: lambda x: (x * 1).copy_(x * x),
        lambda m: lambda x: (x * 1).fill_(2.0) * x,
        lambda m: lambda x: (x * 1).zero_() + x,
        lambda m: lambda x: m.fill(x, 2.0) * x,
        lambda m: lambda x: m.clamp_min(x, 1.0) * m.clamp_max(x, 1.5),
        lambda m: lambda x: m.fmod(x, 0.7),
        lambda m: lambda x: m.rsub(x, x * x, alpha=0.5),
        lambda m: lambda x: m.float_power(x, 2.5) + m.float_power(2, x),
        lambda m: lambda x: m.frexp(x)[0] * x,
        lambda m: lambda x: m.copysign(x, -1.0),
        lambda m: lambda x: m.prelu(x - 1, x[0]),
        lambda m: lambda x: m.nn.functional.prelu(x - 1, x[0, :1]),
        lambda m: lambda x: m.hardshrink(x - 1, 0.3),
        lambda m: lambda x: m.complex(x, x * x).abs(),
        lambda m: lambda x: m.view_as_real(m.polar(x, x * x)),
        lambda m: lambda x: m.view_as_complex(x.reshape(3, 2, 2)).angle(),
        lambda m: lambda x: m.complex(x, x * x).sgn().imag,
    ],
)
def test_gradients_of_expressions(function: Any) -> None:
    compare_gradients(function, sample("float64", (3, 4), 1, 0.2, 2), atol=1e-15)


# --- hard points --------------------------------------------------------------------------------------------

INF, NAN = float("inf"), float("nan")
POINTS = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 2.5, 30.0, -30.0, 800.0, -800.0, INF, -INF, NAN]
)


@pytest.mark.parametrize("name", [n for n in UNARY if not n.startswith(("logical", "bitwise"))])
def test_unary_values_at_hard_points(name: str) -> None:
    ours, theirs = pair(POINTS)
    assert_same(getattr(at, name)(ours), getattr(torch, name)(theirs))


@pytest.mark.parametrize("name", [n for n in UNARY if not n.startswith(("is", "logical", "bitwise"))])
def test_unary_gradients_at_hard_points(name: str) -> None:
    points = POINTS
    if name == "hardshrink":
        points = points[:-1]  # at NaN PyTorch has 0 or 1 by where the element lies in its vectors
    if name == "sigmoid":
        points = points[points != 30]  # y * (1 - y) of a y next to 1 is rounding alone, on both sides
    compare_gradients(named(name), points, order=1)


@pytest.mark.parametrize("name", [*BINARY, *TENSORS_ONLY])
def test_binary_values_at_hard_points(name: str) -> None:
    if name in integers.methods:
        return
    a, b = (v.ravel() for v in np.meshgrid(POINTS, POINTS))
    (x, tx), (y, ty) = pair(a), pair(b)
    atol = 1e-16 if name == "logaddexp2" else 0  # of a result that is 0 but for rounding
    assert_same(getattr(at, name)(x, y), getattr(torch, name)(tx, ty), atol=atol)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_binary_gradients_at_hard_points(name: str) -> None:
    a, b = (v.ravel() for v in np.meshgrid(POINTS, POINTS))
    compare_gradients(named(name), a, b, order=1)


def test_clamp_gradients_at_hard_points() -> None:
    compare_gradients(named("clamp", 0.0, 1.0), POINTS, order=1)
    compare_gradients(named("clamp", 1.0, 0.0), POINTS, order=1)
    x, low, high = (v.ravel() for v in np.meshgrid(POINTS[:8], POINTS[:8], POINTS[:8]))
    compare_gradients(named("clamp"), x, low, high, order=1)
