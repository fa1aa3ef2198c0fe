"""autograd.Function beside PyTorch: the same program in both, the same numbers or the same type of error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.parity.programs import compare, leaf, plain, programs_in

torch = pytest.importorskip("torch", reason="PyTorch is not importable: install the extra 'parity'")


def made(t: Any, backward: Any, forward: Any = None) -> Any:
    forward = forward or (lambda ctx, x, k: x * k)
    return type(
        "Made",
        (t.autograd.Function,),
        {
            "forward": staticmethod(forward),
            "backward": staticmethod(backward),
        },
    )


def function_with_everything(t: Any) -> Any:
    seen = []

    def forward(ctx: Any, x: Any, y: Any, k: Any) -> Any:
        seen.append((ctx.needs_input_grad, t.is_grad_enabled(), x.requires_grad))
        out, extra = x * y * k, x * 7
        ctx.save_for_backward(x, y, out)
        ctx.k = k
        ctx.mark_non_differentiable(extra)
        return out, extra, "text", t.tensor([1, 2])

    def backward(ctx: Any, *grads: Any) -> Any:
        _, y, out = ctx.saved_tensors
        seen.append([plain(g) for g in grads])
        return grads[0] * y * ctx.k, grads[0] * out / y, None

    x, y = leaf(t, 1.0, 2.0), leaf(t, 3.0, 4.0)
    out, extra, text, ints = made(t, backward, forward).apply(x, y, 2)
    gx, gy = t.autograd.grad((out * out).sum(), [x, y], create_graph=True)
    second = t.autograd.grad((gx * gy).sum(), [x, y])
    return seen, out.requires_grad, extra.requires_grad, text, ints, gx, gy, second


def function_name(t: Any) -> Any:
    return made(t, lambda ctx, g: (g, None)).apply(leaf(t, 1.0), 2).grad_fn.name()


def function_materialize(t: Any) -> Any:
    seen = []

    def run(materialize: bool) -> None:
        def forward(ctx: Any, x: Any, k: Any) -> Any:
            ctx.set_materialize_grads(materialize)
            return x * 2, x * 3

        def backward(ctx: Any, g: Any, h: Any) -> Any:
            seen.append((plain(g), plain(h)))
            return h, None

        made(t, backward, forward).apply(leaf(t, 1.0), 0)[1].backward()

    run(True)
    run(False)
    return seen


def function_dirty(t: Any) -> Any:
    def forward(ctx: Any, x: Any, k: Any) -> Any:
        x.mul_(k)
        ctx.mark_dirty(x)
        return x

    x = leaf(t, 1.0, 2.0)
    y = x * 1
    part = y[0]
    z = made(t, lambda ctx, g: (g * 2, None), forward).apply(y, 2)
    (y.sum() + part * 10).backward()
    return z is y, y, part, x.grad


def function_dirty_view(t: Any) -> Any:
    def forward(ctx: Any, x: Any, k: Any) -> Any:
        x.mul_(k)
        ctx.mark_dirty(x)
        return x

    x = leaf(t, 1.0, 2.0)
    y = x * 1
    made(t, lambda ctx, g: (g * 2, None), forward).apply(y[:1], 2)
    y.sum().backward()
    return y, x.grad


def function_dirty_leaf(t: Any) -> Any:
    def forward(ctx: Any, x: Any, k: Any) -> Any:
        x.mul_(k)
        ctx.mark_dirty(x)
        return x

    made(t, lambda ctx, g: (g, None), forward).apply(leaf(t, 1.0), 2)


def function_identity(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    identity = made(t, lambda ctx, g: (g * 7, None), lambda ctx, x, k: x)
    y = identity.apply(x, 1)
    y.sum().backward()
    with t.no_grad():
        z = identity.apply(x, 1)
    return y is x, z is x, z.requires_grad, x.grad


def function_identity_in_place(t: Any) -> Any:
    y = leaf(t, 1.0) * 1
    made(t, lambda ctx, g: (g, None), lambda ctx, x, k: x).apply(y, 1).mul_(2)


def function_view_whose_base_changed(t: Any) -> Any:
    y = leaf(t, 1.0, 2.0) * 1
    view = made(t, lambda ctx, g: (t.cat([g, g]), None), lambda ctx, x, k: x[:1]).apply(y, 1)
    y.mul_(2)
    view.sum().backward()


def function_twice_the_same(t: Any) -> Any:
    def forward(ctx: Any, x: Any, k: Any) -> Any:
        y = x * k
        return y, y

    x = leaf(t, 1.0)
    a, b = made(t, lambda ctx, g, h: (g + h, None), forward).apply(x, 2)
    (a + b).backward()
    return x.grad


def returning(value: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def program(t: Any) -> Any:
        x = leaf(t, 1.0, 2.0)
        made(t, lambda ctx, g: value(t, g)).apply(x, 2).sum().backward()
        return x.grad

    return program


def once(t: Any) -> Any:
    backward = t.autograd.function.once_differentiable(lambda ctx, g: (g * 2, None))
    x = leaf(t, 1.0)
    seed = leaf(t, 1.0)
    (g,) = t.autograd.grad(made(t, backward).apply(x, 2), x, seed, create_graph=True)
    t.autograd.grad(g.sum(), seed)


def saved_number(t: Any) -> Any:
    made(t, lambda ctx, g: (g, None), lambda ctx, x, k: ctx.save_for_backward(k)).apply(leaf(t, 1.0), 2)


def saved_then_changed(t: Any) -> Any:
    def forward(ctx: Any, x: Any, k: Any) -> Any:
        ctx.save_for_backward(x)
        return x * k

    y = leaf(t, 1.0) * 1
    z = made(t, lambda ctx, g: (g * ctx.saved_tensors[0], None), forward).apply(y, 2)
    y.add_(1)
    z.backward()


PROGRAMS = programs_in(globals())


@pytest.mark.parametrize("program", PROGRAMS, ids=[p.__name__ for p in PROGRAMS])
def test_programs(program: Any) -> None:
    compare(program, torch)


RETURNS: dict[str, Callable[[Any, Any], Any]] = {
    "too few": lambda t, g: g,
    "too many": lambda t, g: (g, None, g),
    "more Nones": lambda t, g: (g, None, None, None),
    "a list": lambda t, g: [g, None],
    "a gradient for a number": lambda t, g: (g, g),
    "a number": lambda t, g: (3, None),
    "an array": lambda t, g: (g.numpy(), None),
    "None": lambda t, g: (None, None),
    "another shape": lambda t, g: (t.ones(3), None),
    "a broadcast shape": lambda t, g: (t.ones(4, 2), None),
    "a scalar": lambda t, g: (g.sum(), None),
    "another dtype": lambda t, g: (t.ones(2, dtype=t.float32), None),
}


@pytest.mark.parametrize("name", RETURNS)
def test_what_backward_may_return(name: str) -> None:
    compare(returning(RETURNS[name]), torch)
