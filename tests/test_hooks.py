"""Hooks on gradients, retain_grad and hooks after accumulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.autograd import grad
from tests.tape_tools import constant, leaf

Array = np.ndarray[Any, Any]


def test_hooks_run_in_order_and_replace_the_gradient() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    seen: list[tuple[str, list[float]]] = []
    y.register_hook(lambda g: seen.append(("first", g.tolist())))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(("third", g.tolist())))
    x.register_hook(lambda g: seen.append(("leaf", g.tolist())))
    x.register_hook(lambda g: g + 1)
    y.sum().backward()
    assert seen == [("first", [1.0, 1.0]), ("third", [10.0, 10.0]), ("leaf", [20.0, 20.0])]
    assert x.grad.tolist() == [21.0, 21.0]


def test_a_removed_hook_does_not_run() -> None:
    x = leaf(1.0)
    calls: list[str] = []
    a = x.register_hook(lambda g: calls.append("a"))
    with x.register_hook(lambda g: calls.append("b")):
        (x * 1).backward()
    a.remove()
    a.remove()
    (x * 1).backward()
    assert calls == ["a", "b"]


def test_a_hook_may_remove_itself() -> None:
    x = leaf(1.0)
    calls: list[int] = []

    def once(g: at.Tensor) -> None:
        calls.append(1)
        handle.remove()

    handle = x.register_hook(once)
    x.register_hook(lambda g: calls.append(2))
    for _ in range(2):
        (x * 1).backward()
    assert calls == [1, 2, 2]


def test_a_hook_sees_the_whole_gradient_once() -> None:
    x = leaf(1.0)
    y = x * 2
    calls: list[float] = []
    y.register_hook(lambda g: calls.append(g.item()))
    x.register_hook(lambda g: calls.append(g.item()))
    (y * 3 + y * 4 + x).backward()
    assert calls == [7.0, 15.0]


def test_a_hook_may_write_into_what_it_is_given_without_effect_on_others() -> None:
    x, w = leaf(1.0, 1.0), leaf(1.0, 1.0)
    seed = constant(1.0, 1.0)

    def wipe(g: at.Tensor) -> None:
        g._array[...] = 0

    x.register_hook(wipe)
    (x + w).backward(seed)
    assert seed.tolist() == [1.0, 1.0]
    assert w.grad.tolist() == [1.0, 1.0]


def test_wrong_hooks_are_refused() -> None:
    for result, error, text in [
        (lambda g: g[:1], RuntimeError, "changed the size"),
        (lambda g: at.tensor(g.detach().numpy().astype(np.float32)), RuntimeError, "changed the type"),
        (lambda g: 3.0, TypeError, "float"),
    ]:
        x = leaf(1.0, 2.0)
        x.register_hook(result)
        with pytest.raises(error, match=text):
            (x * x).sum().backward()
        assert x.grad is None
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        constant(1.0).register_hook(lambda g: None)


def test_hooks_do_not_record_unless_create_graph() -> None:
    x = leaf(2.0)
    seen: list[tuple[bool, bool]] = []
    x.register_hook(lambda g: seen.append((at.is_grad_enabled(), g.requires_grad)))
    (x * x).backward()
    grad(x * x, x, create_graph=True)
    assert seen == [(False, False), (True, True)]


def test_a_hook_is_part_of_the_second_derivative() -> None:
    x = leaf(3.0)
    y = x * x
    with y.register_hook(lambda g: g * g):
        (g,) = grad(y * y, x, create_graph=True)  # (2 x^2)^2 * 2 x = 8 x^5
    (second,) = grad(g, x)
    assert g.item() == 8 * 3.0**5
    assert second.item() == 40 * 3.0**4


def test_retain_grad_keeps_and_accumulates_the_final_gradient() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    assert y.retains_grad
    y.register_hook(lambda g: g * 10)  # registered later, yet seen
    z = (y * y).sum()
    z.backward(retain_graph=True)
    assert y.grad.tolist() == [40.0, 80.0]
    z.backward()
    assert y.grad.tolist() == [80.0, 160.0]
    assert not np.shares_memory(y.grad._array, x.grad._array)
    with pytest.raises(RuntimeError, match="requires_grad=False"):
        constant(1.0).retain_grad()
    x.retain_grad()  # nothing to do for a leaf
    assert not x.retains_grad


def test_retain_grad_follows_an_in_place_change() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    assert y.retains_grad
    (y * y).sum().backward()
    assert y.grad.tolist() == [12.0, 24.0]
    assert x.grad.tolist() == [72.0, 144.0]


def test_post_accumulate_hooks_see_the_new_grad() -> None:
    x = leaf(1.0, 2.0)
    seen: list[Any] = []
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append((p is x, p.grad.tolist())))
    x.register_post_accumulate_grad_hook(lambda p: seen.append("second"))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert seen == [(True, [2.0, 2.0]), "second", (True, [4.0, 4.0]), "second"]
    handle.remove()
    grad((x * 2).sum(), x)  # accumulates nothing
    assert len(seen) == 4
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(lambda p: None)


def test_an_optimizer_step_in_a_post_accumulate_hook() -> None:
    x = leaf(1.0, 2.0)

    def step(p: at.Tensor) -> None:
        with at.no_grad():
            p.sub_(p.grad)
        p.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * x).sum().backward()
    assert x.tolist() == [-1.0, -2.0]
    assert x.grad is None
