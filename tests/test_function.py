"""autograd.Function: operations with a backward of the user's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.autograd import Function, grad, gradcheck, gradgradcheck
from autotape.autograd.function import FunctionCtx, once_differentiable
from tests.tape_tools import Cube, SumAndProduct, function, leaf

# --- what it computes ---------------------------------------------------------------------------------------


def test_first_and_second_derivative() -> None:
    x = leaf(1.0, -2.0)
    assert gradcheck(Cube.apply, x)
    assert gradgradcheck(Cube.apply, x)
    y = Cube.apply(x)
    for wanted in ([3.0, 12.0], [6.0, -12.0], [6.0, 6.0]):
        (y,) = grad(y.sum(), x, create_graph=True)
        assert y.tolist() == wanted


def test_several_inputs_and_outputs_with_setup_context() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, -4.0)
    a, b = SumAndProduct.apply(x, y)
    assert a.tolist() == [4.0, -2.0]
    assert b.tolist() == [3.0, -8.0]
    assert gradcheck(lambda x, y: SumAndProduct.apply(x, y, 2.0), (x, y))
    assert gradgradcheck(lambda x, y: SumAndProduct.apply(x, y, 2.0), (x, y))
    for i in range(2):  # one output alone
        assert gradcheck(lambda x, y, i=i: SumAndProduct.apply(x, y)[i], (x, y))
        assert gradgradcheck(lambda x, y, i=i: SumAndProduct.apply(x, y)[i], (x, y))


def test_keyword_arguments_and_defaults() -> None:
    x, y = leaf(1.0), leaf(2.0)
    assert SumAndProduct.apply(x, scale=10.0, y=y)[0].item() == 30.0
    assert function(lambda ctx, g: (g * 5, None)).apply(x, k=5).item() == 5.0
    with pytest.raises(TypeError, match="missing a required argument"):
        SumAndProduct.apply(x)


def test_forward_runs_without_recording_and_sees_its_arguments() -> None:
    seen: list[Any] = []

    def forward(ctx: FunctionCtx, x: at.Tensor, k: Any, constant: at.Tensor) -> at.Tensor:
        seen.extend([at.is_grad_enabled(), ctx.needs_input_grad, x.requires_grad, k])
        return x * 2

    x = leaf(1.0)
    with at.Tape() as tape:
        y = function(lambda ctx, g: (g * 2, None, None), forward).apply(x, "text", at.ones(1))
    assert seen == [False, (True, False, False), True, "text"]
    assert [e.operation.name for e in tape] == ["Made"]
    assert y.grad_fn.name() == "MadeBackward"
    assert at.is_grad_enabled()


def test_backward_runs_without_recording_unless_create_graph() -> None:
    seen: list[tuple[bool, bool]] = []

    def backward(ctx: FunctionCtx, g: at.Tensor) -> Any:
        seen.append((at.is_grad_enabled(), g.requires_grad))
        return g * 2, None

    x = leaf(1.0)
    made = function(backward)
    made.apply(x, 2).backward()
    grad(made.apply(x * x, 2), x, create_graph=True)
    assert seen == [(False, False), (True, False)]


def test_without_gradients_nothing_is_recorded() -> None:
    x = leaf(1.0)
    before = len(at.current_tape())
    with at.no_grad():
        y = Cube.apply(x)
    z = Cube.apply(at.ones(1))
    assert y.grad_fn is None
    assert z.grad_fn is None
    assert not y.requires_grad
    assert len(at.current_tape()) == before
    with at.no_grad():  # an input that comes back: a tensor of its own
        out = function(lambda ctx, g: (g, None), lambda ctx, x, k: x).apply(x, 1)
    assert out is not x
    assert not out.requires_grad


def test_gradients_of_unused_outputs_are_zeros_or_none() -> None:
    seen: list[Any] = []

    def forward(ctx: FunctionCtx, x: at.Tensor, materialize: bool) -> Any:
        ctx.set_materialize_grads(materialize)
        return x * 2, at.ones(2, 3, dtype=at.float32), 7, None

    def backward(ctx: FunctionCtx, *grads: Any) -> Any:
        seen.append(grads)
        return grads[0] * 2, None

    x = leaf(1.0, 2.0)
    a, _, seven, none = function(backward, forward).apply(x, True)
    assert (seven, none) == (7, None)
    a.sum().backward()
    g, h, i, j = seen[-1]
    assert g.tolist() == [1.0, 1.0]
    assert h.tolist() == [[0.0] * 3] * 2
    assert h.dtype is at.float32
    assert i is j is None
    function(backward, forward).apply(x, False)[0].sum().backward()
    assert seen[-1][1:] == (None, None, None)


def test_integer_and_marked_outputs_have_no_gradient() -> None:
    def forward(ctx: FunctionCtx, x: at.Tensor, k: int) -> Any:
        y, z = x * k, x * 3
        ctx.mark_non_differentiable(z)
        return y, z, at.tensor([1, 2])

    def backward(ctx: FunctionCtx, g: at.Tensor, h: at.Tensor, i: at.Tensor) -> Any:
        assert h.tolist() == [0.0, 0.0]
        assert i.dtype is at.int64
        return g * 2, None

    x = leaf(1.0, 2.0)
    y, z, i = function(backward, forward).apply(x, 2)
    assert [t.requires_grad for t in (y, z, i)] == [True, False, False]
    (y * z).sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]


def test_all_outputs_not_differentiable() -> None:
    def forward(ctx: FunctionCtx, x: at.Tensor, k: int) -> at.Tensor:
        y = x * k
        ctx.mark_non_differentiable(y)
        return y

    y = function(lambda ctx, g: (g, None), forward).apply(leaf(1.0), 2)
    assert not y.requires_grad


def test_a_tuple_of_one_and_a_list() -> None:
    x = leaf(1.0)
    (y,) = function(lambda ctx, g: (g * 2, None), lambda ctx, x, k: (x * k,)).apply(x, 2)
    y.backward()
    assert x.grad.item() == 2.0
    made = function(lambda ctx, g: (g, None), lambda ctx, x, k: [x * k]).apply(x, 2)
    assert isinstance(made, list)  # no tuple: an output that is no tensor, as in PyTorch
    assert not made[0].requires_grad


def test_the_same_tensor_returned_twice() -> None:
    def forward(ctx: FunctionCtx, x: at.Tensor, k: int) -> Any:
        y = x * k
        return y, y

    x = leaf(1.0)
    a, b = function(lambda ctx, g, h: (g * 2 + h * 5, None), forward).apply(x, 2)
    (a * 10 + b).backward()
    assert x.grad.item() == 25.0


def test_gradients_are_summed_to_the_inputs_shape_and_cast_to_its_dtype() -> None:
    x = leaf(1.0, 2.0, dtype=np.float32)
    made = function(lambda ctx, g: (at.tensor(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])), None))
    made.apply(x, 2).sum().backward()
    assert x.grad.tolist() == [9.0, 12.0]
    assert x.grad.dtype is at.float32


def test_none_gradients_leave_grad_none() -> None:
    x = leaf(1.0)
    function(lambda ctx, g: (None, None)).apply(x, 2).backward()
    assert x.grad is None
    function(lambda ctx, g: (g, None, None, None)).apply(x, 2).backward()  # more Nones than arguments
    assert x.grad.item() == 1.0


def test_a_gradient_that_goes_through_both_a_function_and_operations() -> None:
    x = leaf(2.0)
    (Cube.apply(x) * x + Cube.apply(Cube.apply(x))).backward()
    assert x.grad.item() == 4 * 2.0**3 + 9 * 2.0**8


def test_broadcast_and_empty_and_0d_inputs() -> None:
    for value in (np.zeros((0, 3)), np.array(2.0), np.ones((2, 1, 3))):
        x = at.tensor(value, requires_grad=True)
        Cube.apply(x).sum().backward()
        assert x.grad.shape == x.shape
        assert np.array_equal(x.grad.numpy(), 3 * value**2)


# --- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (lambda g: g, r"expected 2, got 1"),
        (lambda g: [g, None], r"expected 2, got 1"),
        (lambda g: (g, None, g), r"expected 2, got 3"),
        (lambda g: (g, g), r"different than None at position 2"),
        (lambda g: (3.0, None), r"expected Variable or None \(got float\)"),
        (lambda g: (g.numpy(), None), r"expected Variable or None \(got ndarray\)"),
        (lambda g: (g[:1], None), r"index 0 - got \[1\] but expected shape compatible with \[2\]"),
        (lambda g: (g.sum(), None), r"index 0 - got \[\] but expected shape compatible with \[2\]"),
        (lambda g: (at.ones(3), None), r"index 0 - got \[3\] but expected shape compatible with \[2\]"),
    ],
)
@pytest.mark.parametrize("create_graph", [False, True])
def test_wrong_gradients_are_refused(returned: Any, text: str, create_graph: bool) -> None:
    x = leaf(1.0, 2.0)
    y = function(lambda ctx, g: returned(g)).apply(x, 2).sum()
    with pytest.raises(RuntimeError, match=text) as caught:
        y.backward(create_graph=create_graph)
    assert "MadeBackward" in str(caught.value)
    assert __file__ in str(caught.value)
    assert x.grad is None


def test_errors_of_the_users_backward_name_the_call() -> None:
    y = function(lambda ctx, g: 1 / 0).apply(leaf(1.0), 2)  # the line that is named
    with pytest.raises(ZeroDivisionError) as caught:
        y.backward()
    assert "the line that is named" in caught.value.__notes__[0]


def test_missing_methods() -> None:
    class Nothing(Function):
        pass

    class Forward(Function):
        @staticmethod
        def forward(ctx: Any, x: at.Tensor) -> at.Tensor:
            return x * 1

    with pytest.raises(NotImplementedError, match="forward"):
        Nothing.apply(leaf(1.0))
    y = Forward.apply(leaf(1.0))
    with pytest.raises(NotImplementedError, match="backward"):
        y.backward()
    with pytest.raises(RuntimeError, match=r"Cube\.apply"):
        Cube()(leaf(1.0))


def test_an_error_in_forward_leaves_recording_on() -> None:
    with pytest.raises(RuntimeError, match=r"size of tensor|shape|broadcast"):
        function(lambda ctx, g: (g, None), lambda ctx, x, k: x + at.ones(3)).apply(leaf(1.0, 2.0), 2)
    assert at.is_grad_enabled()
    assert (leaf(1.0) * 2).requires_grad


# --- once_differentiable ------------------------------------------------------------------------------------


class SquareInNumPy(Function):
    @staticmethod
    def forward(ctx: Any, x: at.Tensor) -> at.Tensor:
        ctx.save_for_backward(x)
        return at.tensor(np.square(x.detach().numpy()))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: at.Tensor) -> at.Tensor:
        assert not at.is_grad_enabled()
        (x,) = ctx.saved_tensors
        return at.tensor(2 * g.detach().numpy() * x.detach().numpy())


def test_once_differentiable() -> None:
    x = leaf(1.0, 3.0)
    assert gradcheck(SquareInNumPy.apply, x)
    (g,) = grad(SquareInNumPy.apply(x).sum(), x, create_graph=True)
    assert g.tolist() == [2.0, 6.0]
    with pytest.raises(RuntimeError, match=r"differentiate twice.*once_differentiable.*SquareInNumPy"):
        g.sum().backward()
    # Also where only the incoming gradient, or nothing, would depend on something.
    seed = at.ones(2, dtype=at.float64, requires_grad=True)
    (g,) = grad(SquareInNumPy.apply(x), x, seed, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad(g.sum(), seed)
