"""Machine numbers, rounding and membership: values that are exact."""

import math

import numpy as np
import pytest

import autotape as at
from tests.elementwise_table import leaf, same

INF, NAN = math.inf, math.nan
DTYPES = [at.float16, at.float32, at.float64]


@pytest.mark.parametrize("dtype", DTYPES)
def test_frexp_and_ldexp_are_inverses(dtype: at.dtype) -> None:
    limits = at.finfo(dtype)
    x = at.tensor([0.0, -0.0, 1.0, -6.0, 0.1, limits.max, limits.tiny, INF, -INF, NAN], dtype=dtype)
    mantissa, exponent = at.frexp(x)
    expected = np.frexp(x.numpy())
    same(mantissa.numpy(), expected[0])
    np.testing.assert_array_equal(exponent.numpy(), expected[1])
    assert (mantissa.dtype, exponent.dtype) == (dtype, at.int32)
    same(at.ldexp(mantissa, exponent - 1).numpy() * 2, x.numpy())
    named = x.frexp()
    assert named.mantissa.tolist()[:4] == [0, 0, 0.5, -0.75]
    out = at.empty(0, dtype=dtype), at.empty(0, dtype=at.int32)
    assert at.frexp(x, out=out)[0] is out[0]
    same(out[1].numpy(), expected[1])
    assert [t.dtype for t in np.frexp(x)] == [dtype, at.int32]


def test_ldexp_dtypes_and_range() -> None:
    assert at.ldexp(at.tensor([1.0], dtype=at.float64), at.tensor([1000])).tolist() == [2.0**1000]
    assert at.ldexp(at.tensor([1]), at.tensor([-1])).tolist() == [0.5]
    assert at.ldexp(at.tensor([3.0]), 2).tolist() == [12]
    assert at.ldexp(at.tensor([3.0], dtype=at.float16), at.tensor([2])).dtype == at.float16
    assert at.tensor([3.0]).ldexp_(at.tensor([2])).tolist() == [12]


@pytest.mark.parametrize("dtype", DTYPES)
def test_nextafter(dtype: at.dtype) -> None:
    a = np.array([0.0, 1.0, -1.0, INF, NAN, 2.0], dtype.numpy)
    b = np.array([1.0, 0.0, -2.0, 0.0, 1.0, 2.0], dtype.numpy)
    y = at.nextafter(at.tensor(a), at.tensor(b))
    assert y.dtype == dtype
    same(y.numpy(), np.nextafter(a, b))
    x = leaf(a[:3], dtype)
    at.nextafter(x, at.tensor(b[:3])).backward(at.ones(3, dtype=dtype))
    assert x.grad is not None
    assert x.grad.tolist() == [1, 1, 1]


def test_signs() -> None:
    x = at.tensor([1.0, -2.0, 0.0, NAN])
    same(at.copysign(x, at.tensor([-0.0, 1.0, -1.0, 1.0])).numpy(), [-1, 2, 0, NAN])
    assert at.signbit(at.copysign(x, -3)).tolist()[:3] == [True, True, True]
    assert at.copysign(at.tensor([3]), -1).tolist() == [-3.0]
    same(at.heaviside(x, at.tensor(0.5)).numpy(), [1, 0, 0.5, 0])
    assert at.heaviside(at.tensor([-1, 0, 3]), at.tensor([7])).tolist() == [0, 7, 1]
    assert at.heaviside(at.tensor([True, False]), at.tensor([True])).tolist() == [True, True]
    assert at.sgn(at.tensor([True, False])).tolist() == [True, False]
    assert at.sgn(at.tensor([3 - 4j, 0j])).tolist() == pytest.approx([0.6 - 0.8j, 0])


def test_truncation_and_fraction() -> None:
    x = at.tensor([1.75, -1.75, 0.0, INF, NAN])
    same(at.trunc(x).numpy(), [1, -1, 0, INF, NAN])
    same(at.frac(x).numpy(), [0.75, -0.75, 0, NAN, NAN])
    assert at.trunc(at.tensor([3, -2])).dtype == at.int64
    assert at.fmod(at.tensor([7, -7]), at.tensor([3, -3])).tolist() == [1, -1]
    same(at.fmod(at.tensor([7.5, -7.5, 1.0]), at.tensor([2.0, 2.0, 0.0])).numpy(), [1.5, -1.5, NAN])
    same(at.round(at.tensor([1.26, NAN]), decimals=400).numpy(), [NAN, NAN])


def test_extremes_that_ignore_nan() -> None:
    a, b = at.tensor([1.0, NAN, 3.0, NAN]), at.tensor([2.0, 2.0, NAN, NAN])
    same(at.fmax(a, b).numpy(), [2, 2, 3, NAN])
    same(at.fmin(a, b).numpy(), [1, 2, 3, NAN])
    assert at.fmax(at.tensor([1, 5]), at.tensor(2.5)).tolist() == [2.5, 5]


@pytest.mark.parametrize("dtype", DTYPES)
def test_logaddexp_does_not_overflow(dtype: at.dtype) -> None:
    a, b = [-1e4, 1e4, -INF, INF, 0.0], [1e4, 1e4, -INF, -INF, NAN]
    x, y = leaf(a, dtype), leaf(b, dtype)
    for function, log2 in ((at.logaddexp, math.log(2)), (at.logaddexp2, 1.0)):
        z = function(x, y)
        np.testing.assert_allclose(z.detach().numpy(), [1e4, 1e4 + log2, -INF, INF, NAN], rtol=1e-3)
        (g,) = at.autograd.grad(z, x, at.ones(5, dtype=dtype), create_graph=True)
        same(g.detach().numpy(), [0, 0.5, NAN, 1, NAN])
        (second,) = at.autograd.grad(g, x, at.ones(5, dtype=dtype))
        np.testing.assert_allclose(second.numpy()[:2], [0, log2 / 4 if log2 == 1 else 0.25], rtol=0.4)


def test_float_power_computes_in_double() -> None:
    assert at.float_power(at.tensor([2.0]), 0.5).tolist() == [math.sqrt(2)]
    assert at.float_power(2, at.tensor([-1, 3])).tolist() == [0.5, 8]
    assert at.float_power(at.tensor([4], dtype=at.int32), at.tensor([0.5])).dtype == at.float64
    assert at.float_power(at.tensor([2j]), 2).dtype == at.complex128
    x = leaf([2.0, 3.0], at.float32)
    at.float_power(x, 2).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == at.float32
    assert x.grad.tolist() == [4, 6]
    assert at.tensor([3.0], dtype=at.float64).float_power_(2).tolist() == [9]
    assert np.float_power(at.tensor([3]), 2).dtype == at.float64


def test_membership() -> None:
    x = at.tensor([[1, 2], [3, 4]])
    assert at.isin(x, at.tensor([2, 3])).tolist() == [[False, True], [True, False]]
    assert at.isin(x, at.tensor([2, 3]), invert=True).tolist() == [[True, False], [False, True]]
    assert at.isin(x, 4).tolist() == [[False, False], [False, True]]
    assert at.isin(2.0, at.tensor([1.0, 2.0])).tolist() is True
    assert at.isin(at.tensor([1, 2]), at.tensor([1.5, 2.0]), assume_unique=True).tolist() == [False, True]
    assert at.isin(at.tensor([NAN]), at.tensor([NAN])).tolist() == [False]
    assert at.isin(x, at.zeros(0)).tolist() == [[False, False], [False, False]]
    assert at.isin(at.zeros(0), x).shape == (0,)
    assert np.isin(x, np.array([1])).tolist() == [[True, False], [False, False]]


def test_prelu_weights_by_channel() -> None:
    x, w = normal_channels(), at.tensor([0.5, 2.0, -1.0], dtype=at.float64)
    expected = np.where(x > 0, x, x * w.numpy()[:, None])
    np.testing.assert_array_equal(at.prelu(at.tensor(x), w).numpy(), expected)
    np.testing.assert_array_equal(at.prelu(at.tensor(x), w[:1]).numpy(), np.where(x > 0, x, x * 0.5))
    assert at.prelu(at.tensor(-1.0), at.tensor([0.5])).tolist() == -0.5
    assert at.prelu(at.zeros(0, 3), at.ones(3)).shape == (0, 3)


def normal_channels() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(np.random.default_rng(0).standard_normal((2, 3, 4)))
