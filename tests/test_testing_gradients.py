"""check_gradients, check_module, check_vjp, check_grad: what they accept, what they raise, what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.testing import GradientError, check_grad, check_gradients, check_module, check_vjp


class AbsoluteValue(at.autograd.Function):
    """|x| with a derivative at 0 that is none of its subgradients."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.abs()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * at.where(x == 0, 5.0, x.sign())


class Doubled(at.autograd.Function):
    """exp with twice its derivative."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * g * x.exp()


def failure(fn: Any, *inputs: Any, **kwargs: Any) -> GradientError:
    with pytest.raises(GradientError) as caught:
        check_gradients(fn, *inputs, **kwargs)
    return caught.value


# --- what is checked ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.complex128])
def test_right_gradients_pass_in_every_dtype(dtype: Any) -> None:
    x = (np.arange(6).reshape(2, 3) / 4 + 0.3).astype(dtype)
    check_gradients(lambda x: (x * x * 0.5 + x).sum(0), x)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0, 3), (70,), (3, 1, 2)])
def test_shapes(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
    check_gradients(lambda x: x.sin() * x, x, order=2)
    if x.size:
        assert failure(lambda x: x.sin() * x.detach(), x).input == "x"


def test_inputs_may_be_nested_and_only_those_that_require_grad_are_checked() -> None:
    x, y = at.tensor([1.0, 2.0]), at.tensor([3.0, 4.0], requires_grad=True)
    check_gradients(lambda pair, scale: pair["a"][0] * pair["b"] * scale, {"a": [y], "b": x}, 2.0)
    check_gradients(lambda x, y: x.detach() * y, x, y)
    error = failure(lambda pair: pair["a"][0] * pair["b"].detach(), {"a": [x], "b": x})
    assert error.input == "pair['b']"
    assert failure(lambda x, y: x * y.detach(), x, y, names=["first", "second"]).input == "second"


def test_inputs_are_left_alone() -> None:
    x = at.tensor([1.0, 2.0], requires_grad=True)
    x.grad = at.ones(2)
    check_gradients(lambda x: x * x, x)
    assert x.tolist() == [1.0, 2.0]
    assert x.grad.tolist() == [1.0, 1.0]
    fixed = np.ones(3)
    fixed.flags.writeable = False
    check_gradients(lambda x: x * x, fixed)
    check_gradients(lambda x: x * x, at.ones(1).expand(3))


def test_functions_that_ask_for_gradients_themselves() -> None:
    def penalty(x: Any) -> Any:
        (g,) = at.autograd.grad((x**3).sum(), x, create_graph=True)
        return g.square().sum()

    check_gradients(penalty, np.array([0.5, 1.0]), order=2)


def test_a_float32_constant_inside_falls_back_to_float32() -> None:
    weight = at.tensor(np.eye(3, dtype=np.float32) * 2)
    x = np.ones((2, 3), np.float32)
    check_gradients(lambda x: x @ weight, x)
    assert failure(lambda x: Doubled.apply(x @ weight), x).kind == "factor"


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="floating point"):
        check_gradients(lambda x: x, at.tensor([1, 2]))
    with pytest.raises(TypeError, match="must return a floating point Tensor"):
        check_gradients(lambda x: 3, np.ones(2))
    with pytest.raises(ValueError, match="order"):
        check_gradients(lambda x: x, np.ones(2), order=0)
    with pytest.raises(ValueError, match="kinks"):
        check_gradients(lambda x: x, np.ones(2), kinks="ignore")
    with pytest.raises(ValueError, match="1 names for 2"):
        check_gradients(lambda x, y: x, np.ones(2), np.ones(2), names=["x"])
    with pytest.raises(ZeroDivisionError):
        check_gradients(lambda x: x * (1 // 0), np.ones(2))


# --- what a failure says ------------------------------------------------------------------------------------


def test_a_failure_explains_itself() -> None:
    def fn(x: Any, scale: Any) -> Any:
        return (Doubled.apply(x) * scale).sum(0)

    error = failure(fn, np.array([[0.0, 1.0], [0.5, 2.0]]), np.array([1.0, 3.0]))
    assert isinstance(error, AssertionError)
    assert (error.input, error.kind) == ("x", "factor")
    assert error.index is not None
    assert error.analytic == pytest.approx(2 * error.numeric)
    assert error.entry is not None
    assert error.entry.startswith("Doubled (")
    assert "return (Doubled.apply(x) * scale).sum(0)" in error.entry
    for part in (
        "by 'x' is wrong",
        "worst",
        "2 times the right one",
        "verdict     a mistake",
        "step",
        "seed",
    ):
        assert part in str(error)


def test_no_entry_is_blamed_for_a_path_that_the_tape_does_not_see() -> None:
    error = failure(lambda x: x * x.detach().sin(), np.array([1.0, 2.0]))
    assert (error.kind, error.entry) == ("accumulation", None)
    assert "a path that the tape does not see" in str(error)
    assert "argument 'other' of mul" in str(error)


def test_second_order_mistakes_name_the_operation() -> None:
    class Square(at.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2 * ctx.saved_tensors[0].detach()

    fn, x = lambda x: Square.apply(x.sin()).sum(), np.array([0.3, 1.0])
    check_gradients(fn, x)
    error = failure(fn, x, order=2)
    assert error.kind == "second-order"
    assert error.entry is not None
    assert error.entry.startswith("Square (")


def test_one_wrong_entry_in_a_ten_thousand_is_found() -> None:
    n = 10_000

    class OneWrong(at.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            wrong = np.ones(n)
            wrong[7_777] = 1.5
            return g * 3 * at.tensor(wrong)

    error = failure(OneWrong.apply, np.ones(n))
    assert error.index == (7_777,)
    assert error.analytic == pytest.approx(4.5)


def test_forward_mode_and_batches() -> None:
    class WrongTangent(at.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

        @staticmethod
        def jvp(ctx: Any, t: Any) -> Any:
            return t * 3

    x = np.array([1.0, 2.0])
    check_gradients(lambda x: x.sin() * x, x, forward=True, batched=True)
    check_gradients(WrongTangent.apply, x)
    with pytest.raises(GradientError, match="forward mode and backward disagree"):
        check_gradients(WrongTangent.apply, x, forward=True)


# --- kinks, chance and state --------------------------------------------------------------------------------


def test_kinks_are_reported_as_such() -> None:
    x = np.array([0.0, 1.0, -1.0])
    error = failure(lambda x: AbsoluteValue.apply(x) * 2, x)
    assert (error.kind, error.index) == ("nondifferentiable", (0,))
    assert error.entry is not None
    assert error.entry.startswith("AbsoluteValue (")
    check_gradients(lambda x: x.abs(), x)
    assert failure(lambda x: x.abs(), x, kinks="raise").kind == "nondifferentiable"
    check_gradients(lambda x: x.abs(), x + 0.5, kinks="raise")
    # The function is smooth, but the chain rule goes through two kinks.
    assert failure(lambda x: x.relu() - (-x).relu(), x).kind == "nondifferentiable"


def test_points_without_a_value() -> None:
    with pytest.raises(GradientError, match="output is nan") as caught:
        check_gradients(lambda x: x.log(), np.array([-1.0]))
    assert caught.value.kind == "nondifferentiable"
    assert failure(lambda x: (x * 0).sqrt(), np.array([1.0])).kind == "nondifferentiable"


def test_what_is_not_a_function_is_reported() -> None:
    calls = 0

    def counts(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return x * calls

    def remembers(x: Any, kept: list[Any] = []) -> Any:  # noqa: B006 - the point
        kept.append(x.detach().clone())
        return x * kept[max(len(kept) - 2, 0)]

    def depends_on_mode(x: Any) -> Any:
        calls_backward[0] += 1
        return x * 2

    calls_backward = [0]

    class Drifting(at.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            calls_backward[0] += 1
            return g * (2 + 1e-6 * calls_backward[0])

    x = np.array([1.0, 2.0])
    for fn in (counts, remembers, lambda x: x * at.rand(2), Drifting.apply):
        assert failure(fn, x).kind == "nondeterministic"
    check_gradients(depends_on_mode, x)


def test_a_function_that_writes_into_its_input_is_reported() -> None:
    def f(x: Any) -> Any:
        x += 1
        return x * x

    with pytest.raises(GradientError, match="changes its input 'x' in place") as caught:
        check_vjp(f, lambda g, x: 2 * g * x, np.ones(2))
    assert caught.value.kind == "nondeterministic"


# --- modules ------------------------------------------------------------------------------------------------


def test_modules_in_both_modes_and_nothing_changes() -> None:
    net = at.nn.Sequential(at.nn.Linear(4, 3), at.nn.BatchNorm1d(3), at.nn.Dropout(0.3), at.nn.Linear(3, 1))
    x = at.randn(6, 4)
    before = {k: v.tolist() for k, v in net.state_dict().items()}
    state = at.get_rng_state().tolist()
    check_module(net, x, order=2)
    assert {k: v.tolist() for k, v in net.state_dict().items()} == before
    assert at.get_rng_state().tolist() == state
    assert all(p.grad is None for p in net.parameters())
    assert net.training


def test_a_wrong_parameter_is_named() -> None:
    class Layer(at.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = at.nn.Parameter(at.ones(3))
            self.frozen = at.nn.Parameter(at.ones(3), requires_grad=False)

        def forward(self, x: Any) -> Any:
            return x * self.frozen.detach() + (
                Doubled.apply(self.weight) if not self.training else self.weight
            )

    with pytest.raises(GradientError, match="in evaluation mode") as caught:
        check_module(at.nn.Sequential(Layer()), at.ones(2, 3))
    assert caught.value.input == "0.weight"
    assert caught.value.kind == "factor"


# --- plain NumPy --------------------------------------------------------------------------------------------


def test_vjps_of_several_arrays_and_outputs() -> None:
    a, b = np.ones((2, 3)), np.full(3, 2.0)
    check_vjp(lambda a, b: (a * b, a.sum()), lambda g, a, b: (g[0] * b + g[1], (g[0] * a).sum(0)), a, b)
    with pytest.raises(GradientError, match=r"gradient by 'b' has the shape \[2, 3\]") as caught:
        check_vjp(lambda a, b: a * b, lambda g, a, b: (g * b, g * a), a, b)
    assert caught.value.kind == "broadcast"
    with pytest.raises(ValueError, match="1 gradients for 2 arrays"):
        check_vjp(lambda a, b: a * b, lambda g, a, b: (g * b,), a, b)
    with pytest.raises(TypeError, match="arrays of numbers"):
        check_vjp(np.exp, lambda g, x: g, np.array(["a"]))


def test_gradients_and_jacobians_for_scipy() -> None:
    x = np.array([0.4, 1.3, -0.7])
    check_grad(lambda x: (x**4).sum(), lambda x: 4 * x**3, x)
    check_grad(np.sin, lambda x: np.diag(np.cos(x)), x)
    check_grad(lambda x: (x**2).sum(), lambda x: [2 * v for v in x], [1, 2, 3])
    with pytest.raises(GradientError, match="by 'x' is wrong") as caught:
        check_grad(lambda x: (x**4).sum(), lambda x: 4 * x**2, x)
    assert caught.value.analytic != pytest.approx(caught.value.numeric)
    with pytest.raises(ValueError, match="Jacobian of shape"):
        check_grad(np.sin, np.cos, x)
    with pytest.raises(TypeError, match="several outputs"):
        check_grad(lambda x: (x, x), lambda x: x, x)
