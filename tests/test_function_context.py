"""What the ctx of an autograd.Function keeps, in-place changes, and how long anything lives."""

from __future__ import annotations

import gc
import warnings
import weakref
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.autograd import Function, grad, gradcheck, gradgradcheck
from autotape.autograd.function import FunctionCtx
from tests.tape_tools import Cube, SumAndProduct, function, leaf

# --- what ctx keeps -----------------------------------------------------------------------------------------


def test_attributes_of_any_kind_and_their_absence() -> None:
    def forward(ctx: Any, x: at.Tensor, k: Any) -> at.Tensor:
        ctx.k, ctx.table = k, {"factor": 3}
        return x * k

    def backward(ctx: Any, g: at.Tensor) -> Any:
        assert not hasattr(ctx, "missing")
        with pytest.raises(AttributeError, match="ctx of Made has no attribute 'missing'"):
            _ = ctx.missing
        return g * ctx.k * ctx.table["factor"], None

    x = leaf(1.0)
    function(backward, forward).apply(x, 2).backward()
    assert x.grad.item() == 6.0


def test_saved_tensors_keep_their_place_on_the_tape() -> None:
    """An input, an output, an intermediate result and None."""
    seen: list[Any] = []

    def forward(ctx: FunctionCtx, x: at.Tensor, k: int) -> at.Tensor:
        y = x * k
        ctx.save_for_backward(x, None, y, at.ones(1))
        return y

    def backward(ctx: FunctionCtx, g: at.Tensor) -> Any:
        seen.append(ctx.saved_tensors)
        return g, None

    x = leaf(1.0)
    y = function(backward, forward).apply(x * 1, 2)
    entry = y.grad_fn
    y.backward()
    a, b, c, d = seen[0]
    assert a.grad_fn.name() == "MulBackward0"
    assert b is None
    assert c.grad_fn is entry
    assert not d.requires_grad


def test_second_derivative_through_a_saved_output_and_an_output_attribute() -> None:
    class Square(Function):
        @staticmethod
        def forward(ctx: Any, x: at.Tensor, y: at.Tensor) -> Any:
            square, root = x * x, y * 1
            ctx.save_for_backward(square)
            ctx.root = root
            ctx.negative = (y < 0).detach()
            return square, root

        @staticmethod
        def backward(ctx: Any, g: at.Tensor, h: at.Tensor) -> Any:
            (square,) = ctx.saved_tensors
            return g * 2 * (square**0.5), h * ctx.root / ctx.root

    x, y = leaf(2.0, 3.0), leaf(4.0, 5.0)
    assert gradcheck(Square.apply, (x, y))
    assert gradgradcheck(Square.apply, (x, y))


def test_the_gradient_of_one_output_reached_through_a_saved_tensor() -> None:
    """autograd.grad by an output finds what flows back through ctx.saved_tensors too."""

    class Square(Function):
        @staticmethod
        def forward(ctx: Any, x: at.Tensor) -> Any:
            y = x * x
            ctx.save_for_backward(x, y)
            return y, x * 1

        @staticmethod
        def backward(ctx: Any, g: at.Tensor, h: at.Tensor) -> at.Tensor:
            x, y = ctx.saved_tensors
            return g * 2 * y / x + h

    x = leaf(2.0)
    y, _ = Square.apply(x)
    (gx,) = grad(y, x, create_graph=True)  # 2 y / x
    (by_output,) = grad(gx, y, retain_graph=True)
    assert by_output.item() == 1.0
    seen: list[float] = []
    y.register_hook(lambda g: seen.append(g.item()))
    gx.backward()
    assert seen == [1.0]


def test_saved_tensors_are_released_and_say_so() -> None:
    contexts: list[Any] = []

    def backward(ctx: Any, g: at.Tensor) -> Any:
        contexts.append(ctx)
        return g * ctx.saved_tensors[0], None

    def forward(ctx: Any, x: at.Tensor, k: int) -> at.Tensor:
        ctx.save_for_backward(x)
        ctx.y = y = x * k
        return y

    x = leaf(1.0)
    y = function(backward, forward).apply(x, 2)
    y.backward(retain_graph=True)
    assert contexts[0].saved_tensors[0].item() == 1.0
    assert contexts[0].y.item() == 2.0
    y.backward()
    for name in ("saved_tensors", "y"):
        with pytest.raises(RuntimeError, match=r"after they were freed.*retain_graph=True"):
            getattr(contexts[0], name)
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_saving_something_else_is_refused() -> None:
    def forward(ctx: FunctionCtx, x: at.Tensor, k: int) -> at.Tensor:
        ctx.save_for_backward(x, k)  # type: ignore[arg-type]
        return x * k

    with pytest.raises(TypeError, match="argument 1 is of type int"):
        function(lambda ctx, g: (g, None), forward).apply(leaf(1.0), 2)


# --- in-place -----------------------------------------------------------------------------------------------


def test_in_place_change_of_a_saved_tensor_is_found() -> None:
    for change in (lambda x, y: x.mul_(2), lambda x, y: y.add_(1)):
        x = leaf(1.0, 2.0) * 1
        y = SumAndProduct.apply(x, at.ones(2))[1]
        change(x, y)
        with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*SumAndProduct"):
            y.sum().backward()


def test_in_place_change_of_an_output_that_is_not_saved() -> None:
    x = leaf(1.0, 2.0)
    y = Cube.apply(x)
    y.mul_(10)
    y.sum().backward()
    assert x.grad.tolist() == [30.0, 120.0]


class Double(Function):
    """Doubles its argument in place."""

    @staticmethod
    def forward(ctx: Any, x: at.Tensor) -> at.Tensor:
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx: Any, g: at.Tensor) -> at.Tensor:
        return g * 2


def test_a_dirty_input_becomes_the_output() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    part, before = y[0], y._version
    z = Double.apply(y)
    assert z is y
    assert y.grad_fn.name() == "DoubleBackward"
    assert y._version > before
    assert part.item() == 2.0
    (y.sum() + part).backward()
    assert x.grad.tolist() == [4.0, 2.0]


def test_a_dirty_view_changes_its_base() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    Double.apply(y[:1])
    y.sum().backward()
    assert y.tolist() == [2.0, 2.0]
    assert x.grad.tolist() == [2.0, 1.0]


def test_a_dirty_saved_output() -> None:
    def forward(ctx: FunctionCtx, x: at.Tensor, k: int) -> at.Tensor:
        x.mul_(x)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    made = function(lambda ctx, g: (g * 2 * ctx.saved_tensors[0] ** 0.5, None), forward)
    x = leaf(2.0, 3.0)
    made.apply(x * 1, 0).sum().backward()
    assert x.grad.tolist() == [4.0, 6.0]
    y = x * 1
    z = made.apply(y, 0)
    z.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_wrong_use_of_mark_dirty() -> None:
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        Double.apply(leaf(1.0))

    def not_returned(ctx: FunctionCtx, x: at.Tensor, k: int) -> at.Tensor:
        ctx.mark_dirty(x)
        return x * k

    with pytest.raises(RuntimeError, match="not returned as output"):
        function(lambda ctx, g: (g, None), not_returned).apply(leaf(1.0) * 1, 2)

    def not_input(ctx: FunctionCtx, x: at.Tensor, k: int) -> at.Tensor:
        y = x * k
        ctx.mark_dirty(y)
        return y

    with pytest.warns(UserWarning, match="not an input"):
        function(lambda ctx, g: (g, None), not_input).apply(leaf(1.0) * 1, 2)


def test_an_input_returned_as_it_is() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    made = function(lambda ctx, g: (g * 7, None), lambda ctx, x, k: x)
    z = made.apply(y, 1)
    assert z is not y
    assert np.shares_memory(z._array, y._array)
    z.sum().backward()
    assert x.grad.tolist() == [7.0, 7.0]
    z = made.apply(y := x * 1, 1)
    with pytest.raises(RuntimeError, match="inplace"):
        z.mul_(2)
    z = made.apply(y, 1)
    y.mul_(2)  # the place of z could not follow
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation|inplace"):
        z.sum().backward()


def test_a_view_of_an_input_is_never_silently_wrong() -> None:
    x = leaf(1.0, 2.0, 3.0)
    made = function(lambda ctx, g: (at.cat([g, g[:1] * 0]), None), lambda ctx, x, k: x[:2])
    made.apply(x, 0).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 0.0]
    y = x * 1
    view = made.apply(y, 0)
    with pytest.raises(RuntimeError, match="inplace"):
        view.mul_(2)
    y.mul_(2)
    with pytest.raises(RuntimeError, match="inplace"):
        view.sum().backward()


def test_the_incoming_gradient_cannot_be_overwritten() -> None:
    """PROMISES row 33: PyTorch lets backward change its caller's seed (issue 81417); here it is an error."""
    x, seed = leaf(1.0, 2.0), at.ones(2, dtype=at.float64)
    with pytest.raises(RuntimeError, match="read-only"):
        function(lambda ctx, g: (g.mul_(5), None)).apply(x, 2).backward(seed)
    assert seed.tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        function(lambda ctx, g: (np.multiply(g.numpy(), 2, out=g.numpy()), None)).apply(x, 2).backward(seed)
    function(lambda ctx, g: (g.clone().mul_(5), None)).apply(x, 2).backward(seed)
    assert x.grad.tolist() == [5.0, 5.0]


# --- lifetime (row 12) --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_gc")
@pytest.mark.parametrize("replayed", [False, True])
def test_no_cycles_through_saved_outputs(replayed: bool) -> None:
    """PROMISES row 12: outputs in save_for_backward or as attributes keep nothing alive."""
    contexts: list[weakref.ref[Any]] = []

    def forward(ctx: Any, x: at.Tensor, k: int) -> Any:
        y, z = x * k, x * x
        ctx.save_for_backward(x, y, z)
        ctx.y, ctx.z, ctx.x = y, z, x
        contexts.append(weakref.ref(ctx))
        return y, z

    def backward(ctx: Any, g: at.Tensor, h: at.Tensor) -> Any:
        x, y, z = ctx.saved_tensors
        return g * ctx.y / x + h * ctx.z / ctx.x * 2 + 0 * y * z, None

    made = function(backward, forward)
    x = leaf(2.0)
    before = len(at.current_tape())
    y, z = made.apply(x * 1, 3)
    entry = weakref.ref(y.grad_fn)
    if replayed:
        (y + z).sum().backward()
        assert x.grad.item() == 7.0
        assert contexts[0]() is None  # released with the entry's arrays
    del y, z
    assert contexts[0]() is None
    assert entry() is None
    assert len(at.current_tape()) == before


@pytest.mark.usefixtures("no_gc")
def test_no_cycles_in_a_second_derivative() -> None:
    x = leaf(2.0, 3.0)
    before = len(at.current_tape())
    (g,) = grad(Cube.apply(x).sum(), x, create_graph=True)
    (h,) = grad(g.sum(), x)
    assert h.tolist() == [12.0, 18.0]
    del g
    assert len(at.current_tape()) == before
    assert gc.collect() == 0


def test_a_deep_chain_of_functions() -> None:
    class Next(Function):
        @staticmethod
        def forward(ctx: Any, x: at.Tensor) -> at.Tensor:
            return x + 1

        @staticmethod
        def backward(ctx: Any, g: at.Tensor) -> at.Tensor:
            return g

    y = x = leaf(0.0)
    for _ in range(20_000):
        y = Next.apply(y)
    y.backward()
    assert x.grad.item() == 1.0


def test_backward_inside_backward() -> None:
    """Checkpointing: recompute with gradients enabled inside of backward."""

    class Checkpoint(Function):
        @staticmethod
        def forward(ctx: Any, f: Any, x: at.Tensor) -> Any:
            ctx.f = f
            ctx.save_for_backward(x)
            return f(x)

        @staticmethod
        def backward(ctx: Any, g: at.Tensor) -> Any:
            (x,) = ctx.saved_tensors
            with at.enable_grad():
                fresh = x.detach().requires_grad_()
                y = ctx.f(fresh)
            at.autograd.backward(y, g)
            return None, fresh.grad

    x = leaf(2.0)
    y = Checkpoint.apply(lambda t: t * t * t, x * 1)
    (y * 10).backward()
    assert x.grad.item() == 120.0


def test_a_function_inside_a_function() -> None:
    class Sixth(Function):
        @staticmethod
        def forward(ctx: Any, x: at.Tensor) -> at.Tensor:
            ctx.save_for_backward(x)
            y = Cube.apply(x)
            assert not y.requires_grad
            return y * y

        @staticmethod
        def backward(ctx: Any, g: at.Tensor) -> at.Tensor:
            (x,) = ctx.saved_tensors
            return g * 6 * Cube.apply(x) * x * x

    x = leaf(1.5)
    assert gradcheck(Sixth.apply, x)
    assert gradgradcheck(Sixth.apply, x)


def test_no_warning_in_ordinary_use() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = leaf(1.0, 2.0)
        (SumAndProduct.apply(x, x)[0] + Cube.apply(x)).sum().backward()
    assert x.grad.tolist() == [5.0, 14.0]
