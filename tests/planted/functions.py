"""Mistakes in what users write: autograd.Function, plain NumPy derivatives, paths that leave the tape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autotape as at
from autotape.testing import check_grad, check_gradients, check_module, check_vjp
from tests.planted.mutate import Mistake, normal, positive

X, S, ROW = normal(3, 4), normal(4, 4, seed=2), normal(4, seed=3)


def function(forward: Callable[..., Any], backward: Callable[..., Any], name: str = "Mine") -> Any:
    """A Function of tensors that keeps its inputs: backward(g, *inputs)."""

    class Mine(at.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *xs: Any) -> Any:
            ctx.save_for_backward(*xs)
            return forward(*xs)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return backward(g, *ctx.saved_tensors)

    Mine._operation.name = name
    return Mine.apply


def gradients(fn: Callable[..., Any], *inputs: Any, order: int = 1) -> Callable[[], None]:
    return lambda: check_gradients(fn, *inputs, order=order)


def vjp(f: Callable[..., Any], rule: Callable[..., Any], *arrays: Any) -> Callable[[], None]:
    return lambda: check_vjp(f, rule, *arrays)


class Overwritten(at.autograd.Function):
    """Keeps an array that it then overwrites."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        work = x.detach().numpy().copy()
        ctx.kept = work
        y = at.tensor(work * work)
        work += 1.0
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 2 * at.tensor(ctx.kept)


class Scale(at.nn.Module):
    """A layer whose bias gets no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = at.nn.Parameter(at.randn(4))
        self.bias = at.nn.Parameter(at.randn(4))

    def forward(self, x: Any) -> Any:
        return x * self.weight + self.bias.detach()


cube = function(lambda x: x * x * x, lambda g, x: g * 2 * x * x, "Cube")
hypotenuse = function(
    lambda a, b: (a * a + b * b).sqrt(),
    lambda g, a, b: (g * a / (a * a + b * b).sqrt(), -g * b / (a * a + b * b).sqrt()),
    "Hypotenuse",
)
product = function(lambda a, b: a @ b, lambda g, a, b: (g @ b, a.mT @ g), "Product")
shift = function(lambda x, b: x + b, lambda g, x, b: (g, g[0]), "Shift")
square = function(lambda x: x * x, lambda g, x: g * 2 * x.detach(), "Square")
ignoring = function(lambda x: x.sum(), lambda g, x: at.ones_like(x), "Ignoring")
reverse = function(lambda x: x.flip(0), lambda g, x: g, "Reverse")


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max())
    return e / e.sum()


def convolve(x: Any, k: Any) -> Any:
    return np.convolve(x, k, "valid")


MISTAKES: list[Mistake] = [
    Mistake("Function, factor", gradients(lambda x: cube(x).sum(), X), ("factor",), "Cube"),
    Mistake("Function, sign", gradients(lambda a, b: hypotenuse(a.exp(), b), X, X + 1), ("sign",),
           "Hypotenuse"),
    Mistake("Function, transpose", gradients(lambda a, b: product(a, b), S, S + 1), ("transpose",),
           "Product"),
    Mistake("Function, broadcast", gradients(lambda x, b: shift(x, b).tanh(), X, ROW), ("broadcast",),
           "Shift"),
    Mistake("Function, second", gradients(lambda x: square(x).sum(), X, order=2), ("second-order",),
           "Square"),
    Mistake("Function, ignores g", gradients(lambda x: ignoring(x) * 3, X), (), "Ignoring"),
    Mistake("Function, order", gradients(lambda x: reverse(x * 2), X), ("index",), "Reverse"),
    Mistake("Function, overwritten", gradients(lambda x: Overwritten.apply(x), X), (), "Overwritten"),
    Mistake("detached factor", gradients(lambda x: x * x.detach(), X), ("accumulation",)),
    Mistake("detached sum", gradients(lambda x: (x + x.detach().sin()).exp(), X), ("accumulation",)),
    Mistake("NumPy in the middle", gradients(lambda x: at.tensor(np.sin(x.detach().numpy())) + x, X),
            ("accumulation",)),
    Mistake("all of it detached", gradients(lambda x: x.detach().sin(), X), ("zero",)),
    Mistake("item()", gradients(lambda x: x * x.sum().item(), X), ("accumulation",)),
    Mistake("module, bias detached", lambda: check_module(Scale(), at.tensor(X)), ("zero",)),
    Mistake("softmax, diagonal only", vjp(softmax, lambda g, x: g * softmax(x), ROW)),
    Mistake("softmax, factor", vjp(softmax, lambda g, y, x: 2 * y * (g - (g * y).sum()), ROW), ("factor",)),
    Mistake("product, first transposed", vjp(np.matmul, lambda g, a, b: (g @ b, a.T @ g), S, S + 1),
            ("transpose",)),
    Mistake("bias not summed", vjp(np.add, lambda g, x, b: (g, g), X, ROW), ("broadcast",)),
    Mistake("bias, mean", vjp(np.add, lambda g, x, b: (g, g.mean(0)), X, ROW), ("broadcast",)),
    Mistake("take, assigned", vjp(lambda x: x[[0, 0, 1]], lambda g, x: np.array([g[1], g[2], 0, 0]), ROW),
            ("accumulation",)),
    Mistake("difference, off by one", vjp(np.cumsum, lambda g, x: np.cumsum(g[::-1])[::-1] - g, ROW),
           ("index",)),
    Mistake("kernel not reversed", vjp(convolve, lambda g, x, k: (np.convolve(g, k, "full"),
            np.convolve(x, g[::-1], "valid")), normal(7), normal(3))),
    Mistake("least squares, factor", lambda: check_grad(lambda w: ((S @ w - ROW) ** 2).sum(),
            lambda w: S.T @ (S @ w - ROW), normal(4)), ("factor",)),
    Mistake("Rosenbrock, sign", lambda: check_grad(
            lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2,
            lambda x: np.array([-400 * x[0] * (x[1] - x[0] ** 2) + 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)]),
            np.array([0.4, 1.3]))),
    Mistake("Jacobian, transposed", lambda: check_grad(lambda x: S @ x, lambda x: S.T, normal(4)),
           ("transpose",)),
    Mistake("zero of size 1e-6", vjp(lambda x: 1e-6 * np.sin(x), lambda g, x: 0 * g, X), ("zero",)),
    Mistake("float32 only", vjp(np.exp, lambda g, y, x: g * y * (1.02 if x.dtype == np.float32 else 1.0),
            X.astype(np.float32)), ("factor",)),
    Mistake("NumPy, not contiguous", vjp(np.sqrt, lambda g, y, x: g / (2 * y).ravel("K").reshape(y.shape),
            positive(3, 4).T)),
]  # fmt: skip
