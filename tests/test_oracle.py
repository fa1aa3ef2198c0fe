"""The numeric oracle finds wrong derivatives, and does not cry wolf."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from tests.oracle import check, normal, uniform

Rule = Callable[..., Any]


def function(
    forward: Callable[..., Any], *rules: Rule, raw: tuple[Rule, ...] | None = None
) -> Callable[..., Tensor]:
    operation = Operation("faulty", forward, *rules, raw=raw)
    return lambda *tensors: apply(operation, tensors)  # type: ignore[no-any-return]


def one_wrong(g: Any, y: Any, _x: Any) -> Any:
    """The gradient of exp with one element of a thousand off by 1 %."""
    factor = np.ones(1000)
    factor[567] = 1.01
    return g * y * factor


def overwrite(g: Any, _y: Any, _x: Any) -> Any:
    g *= 3
    return g + 0


@pytest.mark.parametrize(
    ("fn", "arrays", "message"),
    [
        (function(np.exp, lambda g, y, _x: g * y * 1.0001), [normal(3)], "derivative 1.*backward gives"),
        (function(np.sin, lambda g, _y, x: -g * np.cos(x)), [normal(3)], "derivative 1.*backward gives"),
        (function(np.exp, one_wrong), [normal(1000)], "derivative 1.*backward gives"),
        (function(lambda x: x * 1e-6, lambda g, _y, _x: g * 0), [normal(3)], "derivative 1.*backward gives"),
        (
            function(lambda x: 3 * x, lambda g, _y, _x: 3 * g.T),
            [normal(3, 3)],
            "derivative 1.*backward gives",
        ),
        (function(lambda x: x + x, lambda g, _y, _x: g), [normal(3)], "derivative 1.*backward gives"),
        (lambda x: x * x.detach(), [normal(3)], "derivative 1.*backward gives"),
        (lambda x: x * x * (x * x).detach(), [normal(3)], "derivative 1.*backward gives"),
        (function(lambda x: 3 * x, overwrite), [normal(3)], "the seed was modified"),
        (at.abs, [np.array([0.0, 1.0])], "is there a kink"),
        (at.floor, [np.array([0.3, 2.0])], "is there a kink"),
        (at.sqrt, [np.array([0.3, 1e-6])], "is there a kink"),
        # Right for ndarrays, wrong for Tensors: only the gradient under create_graph shows it.
        (
            function(np.exp, lambda g, y, _x: g * y * 2, raw=(lambda g, y, _x: g * y,)),
            [normal(3)],
            "differs under create_graph",
        ),
        # The first derivative is right, but does not know that it depends on x.
        (
            function(
                lambda x: x**3,
                lambda g, _y, x: g * (3 * x.detach() ** 2),
                raw=(lambda g, _y, x: g * (3 * x**2),),
            ),
            [normal(3)],
            "derivative 2.*backward gives",
        ),
    ],
)
def test_faults_are_found(fn: Any, arrays: list[Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check(fn, *arrays)


def test_inputs_that_are_modified_are_found() -> None:
    def fn(x: Tensor) -> Tensor:
        with at.no_grad():
            x += 1
        return x * 2

    with pytest.raises(AssertionError, match="was modified"):
        check(fn, normal(3))


def test_what_can_not_be_checked_is_said() -> None:
    with pytest.raises(AssertionError, match="needs a float64"):
        check(at.exp, normal(3).astype(np.float32))
    with pytest.raises(AssertionError, match="differences need float64"):
        check(lambda x: x.float(), normal(3))
    with pytest.raises(AssertionError, match="no floating-point tensor"):
        check(lambda x: x > 0, normal(3))


def test_right_derivatives_pass_at_any_seed_and_scale() -> None:
    for seed in range(25):
        check(
            lambda x, y: (x @ y).tanh().sum(0),
            normal(3, 4, seed=seed),
            normal(4, 2, seed=seed + 1),
            seed=seed,
        )
        check(lambda x: (x / 1e6).exp() * 1e6, uniform(-1, 1, 5, seed=seed) * 1e3, seed=seed)
        check(lambda x: x * x, normal(5, seed=seed) * 1e-4, seed=seed)
    check(lambda x: (x.exp(), x * 2, (x > 0)), normal(3), order=3)
    check(lambda i, x, scale: x[i] * scale, np.array([0, 0, 2]), normal(3), 2.5)
