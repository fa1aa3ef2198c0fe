"""Small things that the tests of the tape and of autograd share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autotape as at


def constant(*values: Any, dtype: Any = np.float64) -> at.Tensor:
    """A 1-d tensor."""
    return at.tensor(np.array(values, dtype))


def leaf(*values: Any, dtype: Any = np.float64) -> at.Tensor:
    """A 1-d tensor that requires a gradient."""
    return at.tensor(np.array(values, dtype), requires_grad=True)


def function(
    backward: Callable[..., Any], forward: Callable[..., Any] | None = None
) -> type[at.autograd.Function]:
    """A Function from two lambdas; by default ``forward`` multiplies a tensor by a number."""
    return type(
        "Made",
        (at.autograd.Function,),
        {
            "forward": staticmethod(forward or (lambda ctx, x, k: x * k)),
            "backward": staticmethod(backward),
        },
    )


class Cube(at.autograd.Function):
    """x^3."""

    @staticmethod
    def forward(ctx: Any, x: at.Tensor) -> at.Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, g: at.Tensor) -> at.Tensor:
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


class SumAndProduct(at.autograd.Function):
    """Two outputs, in the style with setup_context; saves an input and an output."""

    @staticmethod
    def forward(x: at.Tensor, y: at.Tensor, scale: float = 1.0) -> tuple[at.Tensor, at.Tensor]:
        return (x + y) * scale, x * y

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[at.Tensor, at.Tensor]) -> None:
        x, y, ctx.scale = inputs
        ctx.save_for_backward(x, y, output[1])

    @staticmethod
    def backward(ctx: Any, g: at.Tensor, h: at.Tensor) -> Any:
        x, y, product = ctx.saved_tensors
        return g * ctx.scale + h * product / x, g * ctx.scale + h * product / y, None


class Greedy(at.autograd.Function):
    """Returns the incoming gradient, and a saved array, as gradients."""

    @staticmethod
    def forward(ctx: Any, a: at.Tensor, b: at.Tensor) -> at.Tensor:
        ctx.save_for_backward(a, b)
        return a + b

    @staticmethod
    def backward(ctx: Any, g: at.Tensor) -> Any:
        a, _ = ctx.saved_tensors
        return g, a
