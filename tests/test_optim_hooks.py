"""Hooks of optimizers: around steps, around state dicts."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import autotape as at
from autotape import optim
from autotape.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook


def _optimizer(kind: Any = optim.SGD) -> Any:
    p = at.ones(2, requires_grad=True)
    p.grad = at.ones(2)
    return kind([p], lr=0.5)


def test_step_hooks_run_in_order_and_can_be_removed() -> None:
    optimizer, seen = _optimizer(), []
    handles = [
        register_optimizer_step_pre_hook(lambda o, args, kwargs: seen.append("every pre")),
        register_optimizer_step_post_hook(lambda o, args, kwargs: seen.append("every post")),
        optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("pre")),
        optimizer.register_step_post_hook(
            lambda o, args, kwargs: seen.append(o.param_groups[0]["params"][0][0].item())
        ),
    ]
    optimizer.step()
    assert seen == ["every pre", "pre", 0.5, "every post"]
    _optimizer().step()
    assert seen[4:] == ["every pre", "every post"]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(seen) == 6


def test_a_pre_hook_may_replace_the_arguments() -> None:
    optimizer, calls = _optimizer(), []

    def replace(o: Any, args: Any, kwargs: Any) -> Any:
        assert o is args[0] is optimizer
        assert args[1:] == ()
        return (o, lambda: calls.append("closure") or 7.0), kwargs

    optimizer.register_step_pre_hook(replace)
    assert optimizer.step() == 7.0
    assert calls == ["closure"]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="None or a tuple"):
        optimizer.step()


def test_a_step_of_the_users_own_has_hooks_too_and_only_once() -> None:
    class Twice(optim.SGD):
        def step(self, closure: Any = None) -> Any:
            super().step(closure)
            return super().step(closure)

    optimizer, seen = _optimizer(Twice), []
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(1))
    optimizer.step()
    assert seen == [1]
    assert optimizer.param_groups[0]["params"][0].tolist() == [0.0, 0.0]
    assert optimizer._stepped


def test_a_step_that_fails_leaves_the_hooks_working() -> None:
    optimizer, seen = _optimizer(), []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(1))
    with pytest.raises(ZeroDivisionError):
        optimizer.step(lambda: 1 / 0)
    optimizer.step()
    assert seen == [1, 1]


def test_state_dict_hooks() -> None:
    optimizer, seen = _optimizer(optim.Adam), []
    optimizer.step()
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("second"))
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("first"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "version": 2})
    optimizer.register_state_dict_post_hook(lambda o, state: seen.append(state["version"]))
    state = optimizer.state_dict()
    assert seen == ["first", "second", 2]
    assert set(state) == {"state", "param_groups", "version"}


def test_load_state_dict_hooks() -> None:
    source, optimizer, seen = _optimizer(optim.Adam), _optimizer(optim.Adam), []
    source.step()
    state = source.state_dict()

    def change(o: Any, given: dict[str, Any]) -> dict[str, Any]:
        given["param_groups"] = [{**given["param_groups"][0], "lr": 9.0}]
        return given

    optimizer.register_load_state_dict_pre_hook(change)
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append(o.param_groups[0]["lr"]))
    optimizer.load_state_dict(state)
    assert seen == [9.0]
    assert state["param_groups"][0]["lr"] == 0.5


def test_copies_have_no_hooks() -> None:
    """As in PyTorch."""
    optimizer, seen = _optimizer(), []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(1))
    copied = copy.deepcopy(optimizer)
    copied.step()
    assert seen == []
    copied.register_step_pre_hook(lambda o, args, kwargs: seen.append(2))
    optimizer.step()
    assert seen == [1]


def test_state_of_another_key_is_kept() -> None:
    optimizer = _optimizer()
    optimizer.state["rounds"] = {"count": 3}
    state = optimizer.state_dict()
    assert state["state"]["rounds"] == {"count": 3}
    other = _optimizer()
    other.load_state_dict(state)
    assert other.state["rounds"] == {"count": 3}
