"""utils.checkpoint: the same numbers with less memory, by computing again in backward."""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import autotape as at
from autotape.utils.checkpoint import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
    set_checkpoint_debug_enabled,
    set_checkpoint_early_stop,
)
from tests.tape_tools import Cube, SumAndProduct, leaf

W = leaf(0.3, 0.7, -0.2, 1.1)


def block(x: Any, k: float = 2.0) -> Any:
    """Views, in-place operations, several outputs, a Function, random numbers and a closed-over parameter."""
    y = (x * W).sin() * 1
    y.mul_(x)
    z = y.exp() * y * k
    a, b = z.split(2)
    a = Cube.apply(a) + sum(SumAndProduct.apply(a, b))
    return at.nn.functional.dropout(a.sum() * b, 0.5)


def again(inner: Callable[[Any], Any], reentrant: bool) -> Callable[[Any], Any]:
    return lambda x: checkpoint(inner, x, use_reentrant=reentrant)


WAYS: dict[str, Callable[[Any], Any]] = {
    "plain": again(block, False),
    "whole": lambda x: checkpoint(block, x, use_reentrant=False, early_stop=False),
    "keyword": lambda x: checkpoint(block, x, k=2.0, use_reentrant=False),
    "reentrant": again(block, True),
    "nested": again(lambda x: again(block, False)(x * 1) * 1, False),
    "nested three times": again(
        lambda x: again(lambda x: again(block, False)(x.exp().log()) * 1, False)(x * 1) * 1, False
    ),
    "nested reentrant": again(lambda x: again(block, True)(x) * 1, True),
    "reentrant inside": again(lambda x: again(block, True)(x * 1) * 1, False),
    "reentrant outside": again(lambda x: again(block, False)(x * 1) * 1, True),
}


def run(function: Callable[[Any], Any], x: Any) -> list[Any]:
    x.grad = W.grad = None
    at.manual_seed(3)
    y = function(x)
    number = at.rand(1).item()  # the generator goes on as without a checkpoint
    y.sum().backward()
    return [y.tolist(), number, x.grad.tolist(), W.grad.tolist(), at.rand(1).item()]


@pytest.mark.parametrize("way", WAYS)
def test_same_numbers(way: str) -> None:
    x = leaf(0.5, -0.4, 1.2, 0.9)
    plain, checkpointed = run(block, x), run(WAYS[way], x)
    assert checkpointed[:2] == plain[:2]
    assert checkpointed[4] == plain[4]
    for a, b in zip(checkpointed[2:4], plain[2:4], strict=True):
        assert a == pytest.approx(b, rel=1e-12)


def test_nothing_is_kept_in_between() -> None:
    x = at.randn(1000, requires_grad=True)

    def deep(t: Any) -> Any:
        for _ in range(20):
            t = t.sin().exp()
        return t

    before = sum(e.nbytes for e in at.current_tape())
    y = deep(x)
    plain = sum(e.nbytes for e in at.current_tape()) - before
    del y
    y = checkpoint(deep, x, use_reentrant=False)
    assert plain >= 40 * 4000
    assert sum(e.nbytes for e in at.current_tape()) == before
    y.sum().backward()


def test_a_nested_one_keeps_its_arguments_in_the_outer_one() -> None:
    count = [0]

    def part(t: Any) -> Any:
        count[0] += 1
        return t.sin().exp()

    def both(t: Any) -> Any:
        return checkpoint(part, checkpoint(part, t, use_reentrant=False), use_reentrant=False)

    x = at.randn(100, requires_grad=True)
    with at.Tape() as tape:
        y = checkpoint(both, x, use_reentrant=False)
        assert sum(e.nbytes for e in tape) == 0
    y.sum().backward()
    assert count == [5]  # two forward; one for the argument of the second; one for each backward
    assert at.allclose(x.grad, at.autograd.grad(part(part(x)).sum(), x)[0])


@pytest.mark.usefixtures("no_gc")
def test_no_cycles() -> None:
    x = leaf(0.5, -0.4, 1.2, 0.9)
    gc.collect()
    y = WAYS["nested"](x)
    y.sum().backward()
    del y
    y = WAYS["plain"](x)  # never replayed
    del y
    assert gc.collect() == 0


def test_second_derivatives_and_grad() -> None:
    x = leaf(0.5, -0.4, 1.2, 0.9)

    def program(function: Callable[[Any], Any]) -> list[Any]:
        at.manual_seed(5)
        (g,) = at.autograd.grad(function(x).sum(), x, create_graph=True)
        return [h.tolist() for h in at.autograd.grad((g * g).sum(), [x, W])]

    for a, b in zip(program(block), program(WAYS["nested"]), strict=True):
        assert a == pytest.approx(b, rel=1e-12)


def test_twice_with_retain_graph() -> None:
    x = leaf(0.5, 1.5)
    calls = [0]

    def f(t: Any) -> Any:
        calls[0] += 1
        return t.sin().exp()

    y = checkpoint(f, x, use_reentrant=False).sum()
    y.backward(retain_graph=True)
    first = x.grad.clone()
    y.backward()
    assert x.grad.tolist() == (first * 2).tolist()
    assert calls == [3]
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_early_stop() -> None:
    x, reached = leaf(1.0), [0]

    def f(t: Any) -> Any:
        y = t.exp()
        reached[0] += 1
        return y

    checkpoint(f, x, use_reentrant=False).backward()
    assert reached == [1]
    with set_checkpoint_early_stop(False):
        checkpoint(f, x, use_reentrant=False).backward()
    assert reached == [3]


def test_a_backward_inside() -> None:
    """A gradient penalty within the checkpointed function."""
    x = leaf(0.5, -0.4, 1.2, 0.9)

    def penalty(t: Any) -> Any:
        (g,) = at.autograd.grad((t * W).sin().sum(), t, create_graph=True)
        return (g * g).sum()

    plain = at.autograd.grad(penalty(x), [x, W])
    found = at.autograd.grad(checkpoint(penalty, x, use_reentrant=False), [x, W])
    assert [g.tolist() for g in found] == [g.tolist() for g in plain]


def test_without_gradients_it_is_the_plain_call() -> None:
    x, calls = leaf(1.0), [0]

    def f(t: Any) -> Any:
        calls[0] += 1
        return t.exp(), {"other": 1}

    with at.no_grad():
        y, other = checkpoint(f, x, use_reentrant=False)
    assert not y.requires_grad
    assert other == {"other": 1}
    assert calls == [1]


def test_contexts() -> None:
    seen: list[str] = []

    @contextlib.contextmanager
    def note(name: str) -> Any:
        seen.append(name)
        yield

    x = leaf(1.0)
    y = checkpoint(at.exp, x, use_reentrant=False, context_fn=lambda: (note("first"), note("second")))
    assert seen == ["first"]
    y.backward()
    assert seen == ["first", "second"]


def changing(first: Callable[[Any], Any], second: Callable[[Any], Any]) -> Callable[[Any], Any]:
    calls = [0]

    def f(t: Any) -> Any:
        calls[0] += 1
        return (first if calls[0] == 1 else second)(t)

    return f


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (lambda t: (t[:1] * t[:1]).sin(), r"different metadata(.|\n)*saved metadata: shape \[2\], float64"),
        (lambda t: (t.float() * t.float()).sin(), r"recomputed metadata: shape \[2\], float32"),
        (lambda t: t.exp(), "A different number of tensors was saved"),
    ],
)
def test_another_computation_is_an_error(second: Any, message: str) -> None:
    x = leaf(1.0, 2.0)
    y = checkpoint(changing(lambda t: (t * t).sin(), second), x, use_reentrant=False)
    with pytest.raises(CheckpointError, match=message):
        y.sum().backward()
    assert x.grad is None
    assert at.Tape._detailed == 0


def test_determinism_check_none() -> None:
    x = leaf(1.0, 2.0)
    f = changing(lambda t: t.sin(), lambda t: t.double().float().sin())
    y = checkpoint(f, x, use_reentrant=False, determinism_check="none")
    y.sum().backward()


def test_changed_arguments_and_values_are_errors() -> None:
    x = leaf(1.0, 2.0)
    z = x * 1
    y = checkpoint(at.exp, z, use_reentrant=False)
    z.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()

    def overwrites(t: Any) -> Any:
        y = t * 1
        z = y * y
        y.add_(1)
        return z

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        checkpoint(overwrites, x, use_reentrant=False, early_stop=False).sum().backward()
    checkpoint(overwrites, x, use_reentrant=False).sum().backward()  # stops before the change
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 4.0]


def test_an_exception_in_the_function_leaves_everything_as_it_was() -> None:
    x = leaf(1.0)

    def fail(t: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        checkpoint(fail, x, use_reentrant=False)
    y = checkpoint(changing(at.exp, fail), x, use_reentrant=False)
    with pytest.raises(KeyError, match="mine"):
        y.backward()
    state = at.get_rng_state()
    assert at.equal(state, at.get_rng_state())
    assert at.Tape._detailed == 0
    assert x.grad is None


def test_reentrant_rules() -> None:
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match=r"incompatible with \.grad"):
        at.autograd.grad(checkpoint(at.exp, x, use_reentrant=True), x)
    with pytest.raises(RuntimeError, match=r"incompatible with \.grad"):
        checkpoint(at.exp, x, use_reentrant=True).backward(inputs=[x])
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        checkpoint(at.exp, x.detach(), use_reentrant=True)
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        checkpoint(at.exp, x)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: foo"):
        checkpoint(at.exp, x, use_reentrant=True, foo=1)
    with pytest.raises(RuntimeError, match="none of output has requires_grad=True"):
        checkpoint(lambda t: t.detach(), x, use_reentrant=True).backward()
    with pytest.raises(ValueError, match="determinism_check"):
        checkpoint(at.exp, x, use_reentrant=False, determinism_check="all")
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(at.exp, x, use_reentrant=True, debug=True)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("segments", [1, 2, 3])
def test_sequential(segments: int, reentrant: bool) -> None:
    net = at.nn.Sequential(*[at.nn.Linear(3, 3) for _ in range(3)], at.nn.Tanh())
    x = at.randn(5, 3, requires_grad=True)
    net(x).sum().backward()
    expected = [p.grad.clone() for p in [x, *net.parameters()]]
    for p in [x, *net.parameters()]:
        p.grad = None
    with warnings.catch_warnings(), set_checkpoint_debug_enabled(True):
        checkpoint_sequential(net, segments, x, use_reentrant=reentrant).sum().backward()
    for p, g in zip([x, *net.parameters()], expected, strict=True):
        assert at.allclose(p.grad, g)
    with pytest.raises(ValueError, match="segments must be between 1 and 4"):
        checkpoint_sequential(net, 5, x, use_reentrant=reentrant)


def test_under_the_hooks_of_the_user() -> None:
    """The arguments are what a checkpoint saves: hooks around it get them."""
    packed: list[Any] = []
    x = leaf(1.0, 2.0)
    with at.autograd.graph.saved_tensors_hooks(lambda t: (packed.append(t.tolist()), t)[1], lambda t: t):
        y = checkpoint(lambda t: t.sin().exp(), x, use_reentrant=False)
    assert packed == [[1.0, 2.0]]
    y.sum().backward()
    assert x.grad is not None
