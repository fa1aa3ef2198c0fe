"""gradcheck and gradgradcheck: right gradients pass, wrong ones fail with a message that says where."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.autograd import Function, GradcheckError, gradcheck, gradgradcheck


def leaf(*values: Any, dtype: Any = np.float64) -> at.Tensor:
    return at.tensor(np.array(values, dtype), requires_grad=True)


def normal(*shape: int, dtype: Any = np.float64, seed: int = 0) -> at.Tensor:
    rng = np.random.default_rng(seed)
    value = rng.standard_normal(shape) + (
        1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else 0
    )
    return at.tensor(np.asarray(value).astype(dtype), requires_grad=True)


def faulty(change: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> Callable[..., Any]:
    """x * x * x with a gradient that ``change`` falsifies."""

    class Faulty(Function):
        @staticmethod
        def forward(ctx: Any, x: at.Tensor) -> at.Tensor:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, g: at.Tensor) -> at.Tensor:
            (x,) = ctx.saved_tensors
            right = (g * 3 * x * x).detach().numpy().copy()
            return at.tensor(np.asarray(change(right)))

    return Faulty.apply


# --- right gradients ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    ("func", "inputs"),
    [
        (lambda x: x * x * x, [normal(2, 3)]),
        (lambda x, y: x * y, [normal(2, 3), normal(3, seed=1)]),
        (lambda x, y: (x + y, x * y, x.sum()), [normal(3), normal(3, seed=1)]),
        (lambda x: [x * 2, x * 3], [normal(3)]),
        (lambda x: x * 2, [at.tensor(np.zeros((0, 2)), requires_grad=True)]),
        (lambda x: x * x, [at.tensor(np.array(1.5), requires_grad=True)]),
        (
            lambda x, y, k: x * k,
            [normal(2), normal(2, seed=1), 3.0],
        ),  # an unused input, one that is no tensor
        (lambda x, c: x * c, [normal(2), at.ones(2)]),  # a constant in float32
        (lambda x: x.clone().mul_(2), [normal(2)]),
        (lambda x: x[0], [normal(2, 3)]),
        (lambda x: x.detach() * 0 + 1.0, [normal(2)]),  # constant, and says so
        (lambda x: at.ones(2), [normal(2)]),
        (lambda x: (x * 2, at.tensor([1, 2])), [normal(2)]),  # an output of integers
        (lambda x: x * x, [normal(2) * 2]),  # an input that is not a leaf
        (lambda x: x * x, [at.tensor(np.ones(6)).requires_grad_()[::2]]),  # not contiguous
        (lambda z: z * z, [normal(2, dtype=np.complex128)]),
        (lambda z, x: z * x, [normal(2, dtype=np.complex128), normal(2)]),
        (lambda x: x * (1 + 2j), [normal(2)]),
    ],
)
def test_right_gradients_pass(func: Any, inputs: list[Any], fast: bool) -> None:
    before = [t.detach().numpy().copy() for t in inputs if isinstance(t, at.Tensor)]
    assert gradcheck(func, inputs, fast_mode=fast) is True
    after = [t.detach().numpy() for t in inputs if isinstance(t, at.Tensor)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_parameters_of_a_closure_can_be_checked() -> None:
    """The inputs are varied in place, so a function that reads them elsewhere is checked too."""
    w = normal(3)
    assert gradcheck(lambda _: w * w * w, w)


def test_float32_with_wide_tolerances() -> None:
    x = normal(3, dtype=np.float32)
    with pytest.warns(UserWarning, match="Input #0 requires gradient and is not a double precision"):
        assert gradcheck(lambda x: x * x, x, eps=1e-2, atol=1e-2, rtol=1e-2)
    with pytest.warns(UserWarning, match="float32"):
        assert not gradcheck(lambda x: x * x, x, raise_exception=False)


def test_batched_gradients_and_dtypes() -> None:
    assert gradcheck(lambda x, y: (x * y, x + y), [normal(3), normal(3, seed=1)], check_batched_grad=True)
    assert gradcheck(lambda x: x * x, normal(3), check_grad_dtypes=True)


# --- wrong gradients ----------------------------------------------------------------------------------------


def one_wrong(g: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    g[..., 1] *= 1.1
    return g


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("scaled by 1 %", lambda g: g * 1.01),
        ("one element by 10 %", one_wrong),
        ("sign", lambda g: -g),
        ("zero", lambda g: g * 0),
        ("reversed", lambda g: g[..., ::-1].copy()),
        ("shifted", lambda g: g + 1e-3),
        ("not a number", lambda g: g * np.nan),
        ("infinite", lambda g: np.where(g == 0, 0, np.inf)),
    ],
)
@pytest.mark.parametrize("fast", [False, True])
def test_wrong_gradients_fail(name: str, change: Any, fast: bool) -> None:
    x = normal(2, 3)
    with pytest.raises(GradcheckError, match=r"(?s)output 0.*input 0"):
        gradcheck(faulty(change), x, fast_mode=fast)
    assert gradcheck(faulty(change), x, fast_mode=fast, raise_exception=False) is False


def test_a_message_names_input_worst_element_and_both_values() -> None:
    x = leaf([1.0, 2.0], [3.0, 4.0])
    c = leaf(5.0, 6.0)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda c, x: (c + 1, x * x * x.detach()), (c, x))
    message = str(caught.value)
    assert "Jacobian mismatch for output 1 with respect to input 1" in message
    assert "worst at d output[1, 1] / d input[1, 1]: analytical 32, numerical 48" in re.sub(
        r"48?\.?0*\d* |47\.9\d+", "48", message
    )
    assert "4 of 16 elements differ" in message


def test_a_message_for_an_output_that_forgot_its_graph() -> None:
    with pytest.raises(GradcheckError, match="does not require grad, so its gradient should be zero"):
        gradcheck(lambda x: x.detach() * 2, normal(2))


def test_complex_mistakes_are_named_by_part() -> None:
    with pytest.raises(GradcheckError, match=r"the (real|imaginary) part of output 0"):
        gradcheck(lambda z: z * z.detach(), normal(2, dtype=np.complex128))


def test_fast_mode_names_the_element() -> None:
    with pytest.raises(GradcheckError, match=r"worst at d output\[\d, 1\] / d input\[\d, 1\]"):
        gradcheck(faulty(one_wrong), normal(2, 3), fast_mode=True)


def test_fast_mode_is_deterministic_and_leaves_the_global_generator() -> None:
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert gradcheck(lambda x: x * x, normal(5), fast_mode=True)
    assert gradgradcheck(lambda x: x * x, normal(5))
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


# --- not a number -------------------------------------------------------------------------------------------


def test_nan_in_an_input_is_named() -> None:
    with pytest.raises(GradcheckError, match=r"input 1 is nan at index \(0, 1\) \(shape \[1, 2\]\)"):
        gradcheck(lambda x, y: x * 2, (leaf(1.0), leaf([1.0, np.nan])))
    assert gradcheck(lambda x: x * 2, leaf(np.nan), raise_exception=False) is False


def test_nan_in_an_output_is_named() -> None:
    with pytest.raises(GradcheckError, match=r"output 1 is nan at index \(2,\)"):
        gradcheck(lambda x: (x * 2, x / x), leaf(1.0, 2.0, 0.0))


def test_a_function_that_is_not_finite_beside_the_input() -> None:
    with pytest.raises(GradcheckError, match="numerical value is not finite"):
        gradcheck(lambda x: x**0.5, leaf(0.0))


# --- misuse -------------------------------------------------------------------------------------------------


def test_inputs_that_cannot_be_checked() -> None:
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda x: x * 2, at.ones(2))
    with pytest.raises(RuntimeError, match="stride 0"):
        gradcheck(lambda x: x * 2, leaf(1.0).expand(3))
    fixed = np.ones(2)
    fixed.flags.writeable = False
    with pytest.raises(RuntimeError, match="read-only"):
        gradcheck(lambda x: x * 2, at.Tensor._from_array(fixed).requires_grad_())
    with pytest.raises(TypeError, match="must return a Tensor"):
        gradcheck(lambda x: 3, leaf(1.0))
    with pytest.raises(AssertionError, match="check_backward_ad"):
        gradcheck(lambda x: x * 2, leaf(1.0), check_backward_ad=False)
    with pytest.raises(NotImplementedError, match="forward-mode"):
        gradcheck(lambda x: x * 2, leaf(1.0), check_forward_ad=True)
    with pytest.raises(NotImplementedError, match="forward-mode"):
        gradgradcheck(lambda x: x * 2, leaf(1.0), check_fwd_over_rev=True)
    with pytest.raises(AssertionError, match="check_rev_over_rev"):
        gradgradcheck(lambda x: x * 2, leaf(1.0), check_rev_over_rev=False)


def test_errors_of_the_function_itself_come_through_and_inputs_are_put_back() -> None:
    x, calls = leaf(1.0, 2.0), 0

    def sometimes(x: at.Tensor) -> at.Tensor:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise ZeroDivisionError("injected")
        return x * 2

    with pytest.raises(ZeroDivisionError, match="injected"):
        gradcheck(sometimes, x, raise_exception=False)
    assert x.tolist() == [1.0, 2.0]


def test_functions_that_are_not_deterministic_are_reported() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(GradcheckError, match="output 0 differs between two calls"):
        gradcheck(lambda x: x * rng.uniform(), leaf(1.0))


def test_a_backward_that_is_not_reentrant_is_reported() -> None:
    count = 0

    def drift(g: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        nonlocal count
        count += 1
        return g * (1 + 1e-9 * count)

    with pytest.raises(GradcheckError, match=r"Backward is not reentrant.*nondeterminism was 0.0"):
        gradcheck(faulty(drift), leaf(1.0, 2.0))
    assert gradcheck(faulty(drift), leaf(1.0, 2.0), nondet_tol=1e-6)


def test_a_backward_that_ignores_the_incoming_gradient_is_reported() -> None:
    class Ignores(Function):
        @staticmethod
        def forward(ctx: Any, x: at.Tensor) -> at.Tensor:
            return x.sum()

        @staticmethod
        def backward(ctx: Any, g: at.Tensor) -> at.Tensor:
            return at.ones(3, dtype=at.float64)

    with pytest.raises(GradcheckError, match=r"not multiplied by grad_output.*index"):
        gradcheck(Ignores.apply, normal(3))


def test_a_backward_that_mishandles_unused_outputs_is_reported() -> None:
    class Mishandles(Function):
        @staticmethod
        def forward(ctx: Any, x: at.Tensor) -> Any:
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            if g is None:
                return h * 3
            return g * 2  # forgets h where both are given

    with pytest.raises(GradcheckError, match=r"undefined output grads.*input 0"):
        gradcheck(Mishandles.apply, normal(2))
    assert gradcheck(Mishandles.apply, normal(2), check_undefined_grad=False)


# --- second derivatives -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    ("func", "inputs"),
    [
        (lambda x: x * x * x, [normal(2, 2)]),
        (lambda x: x * 2, [normal(3)]),  # linear: its gradient depends on grad_outputs alone
        (lambda x, y: (x * y * y, x + y), [normal(2), normal(2, seed=1)]),
        (lambda x, c: x * x * c, [normal(2), at.ones(2)]),
        (lambda x: x.detach() * 0, [normal(2)]),
    ],
)
def test_right_second_derivatives_pass(func: Any, inputs: list[Any], fast: bool) -> None:
    assert gradgradcheck(func, inputs, fast_mode=fast)
    assert gradgradcheck(func, inputs, gen_non_contig_grad_outputs=True)


def test_wrong_second_derivatives_fail() -> None:
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
        gradgradcheck(lambda x: x * x * x.detach(), normal(3))
    assert not gradgradcheck(lambda x: x * x * x.detach(), normal(3), raise_exception=False)
    assert not gradgradcheck(faulty(lambda g: g), normal(3), raise_exception=False)  # right, but not recorded


def test_given_grad_outputs() -> None:
    x = normal(3)
    assert gradgradcheck(lambda x: x * x * x, x, at.ones(3, dtype=at.float64))
    assert gradgradcheck(lambda x: (x * x, x.sum()), x, [leaf(1.0, 2.0, 3.0), at.tensor(np.array(2.0))])
