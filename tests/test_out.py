"""``out=``: where the result goes, and when it can't."""

import inspect

import numpy as np
import pytest

import autotape as at
from tests.elementwise_table import BINARY, COMPARISONS, FLOATING, KEEPING

WITH_OUT = [n for n in FLOATING | KEEPING if "out" in inspect.signature(getattr(at, n)).parameters]
PAIRS = [n for n in BINARY | COMPARISONS if "out" in inspect.signature(getattr(at, n)).parameters]


def fresh(shape: tuple[int, ...] = (2, 3), seed: int = 0) -> at.Tensor:
    return at.from_numpy(np.random.default_rng(seed).uniform(0.2, 0.8, shape))


def test_most_operations_take_out() -> None:
    assert len(WITH_OUT) >= 25
    assert len(PAIRS) >= 15


@pytest.mark.parametrize("name", WITH_OUT)
def test_a_function_of_one_tensor_writes_into_out(name: str) -> None:
    function, x = getattr(at, name), fresh()
    expected = function(x)
    out = at.empty_like(expected)
    memory = out.numpy()
    assert function(x, out=out) is out
    np.testing.assert_array_equal(memory, expected.numpy())


@pytest.mark.parametrize("name", PAIRS)
def test_a_function_of_two_tensors_writes_into_out(name: str) -> None:
    function, a, b = getattr(at, name), fresh(), fresh((3,), 1)
    expected = function(a, b)
    out = at.empty_like(expected)
    memory = out.numpy()
    assert function(a, b, out=out) is out
    np.testing.assert_array_equal(memory, expected.numpy())


def test_out_may_be_an_input_or_a_view_of_another_tensor() -> None:
    x = fresh()
    expected = at.exp(x)
    assert at.equal(at.exp(x, out=x), expected)
    whole = at.zeros(4, 3, dtype=at.float64)
    at.mul(expected, 2, out=whole[::2])
    np.testing.assert_array_equal(whole.numpy()[[0, 2]], expected.numpy() * 2)
    np.testing.assert_array_equal(whole.numpy()[[1, 3]], 0)
    shifted = fresh((6,))
    before = shifted.numpy().copy()
    at.add(shifted[:-1], shifted[1:], out=shifted[1:])  # overlapping memory
    np.testing.assert_array_equal(shifted.numpy()[1:], before[:-1] + before[1:])


def test_out_converts_to_a_dtype_that_holds_the_result() -> None:
    wide = at.empty(2, dtype=at.complex128)
    assert at.neg(at.tensor([1.0, 2.0]), out=wide).tolist() == [-1, -2]
    narrow = at.empty(2, dtype=at.float16)
    assert at.neg(at.tensor([1.0, 2.0]), out=narrow).tolist() == [-1, -2]
    with pytest.raises(RuntimeError, match=r"exp\(\): result type float32 can't be cast .* int64"):
        at.exp(at.ones(2), out=at.empty(2, dtype=at.int64))


def test_out_of_another_shape_is_resized_with_a_warning_and_an_empty_one_without() -> None:
    x = fresh()
    empty = at.empty(0, dtype=at.float64)
    assert at.equal(at.sqrt(x, out=empty), at.sqrt(x))
    assert empty.shape == (2, 3)
    other = at.zeros(5, dtype=at.float64)
    with pytest.warns(UserWarning, match=r"sqrt\(\): an output .* was resized since it had shape \[5\]"):
        at.sqrt(x, out=other)
    assert at.equal(other, at.sqrt(x))


def test_out_is_refused_where_a_gradient_is_wanted() -> None:
    w, out = fresh().requires_grad_(), at.empty(2, 3, dtype=at.float64)
    with pytest.raises(RuntimeError, match=r"exp\(\): functions with out=.* don't support automatic diff"):
        at.exp(w, out=out)
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        at.exp(out, out=w)
    with at.no_grad():
        assert at.equal(at.exp(w, out=out), at.exp(w))


def test_a_write_into_out_is_seen_by_a_backward_that_needs_the_old_value() -> None:
    w, saved = fresh().requires_grad_(), fresh()
    y = (w * saved).sum()
    at.exp(saved, out=saved)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_out_must_be_a_tensor_that_can_be_written() -> None:
    with pytest.raises(TypeError, match=r"argument 'out' must be a Tensor, not ndarray"):
        at.exp(fresh(), out=np.empty((2, 3)))  # type: ignore[arg-type]
    expanded = at.zeros(3, dtype=at.float64).expand(2, 3)
    with pytest.raises(RuntimeError, match="single memory location"):
        at.exp(fresh(), out=expanded)
