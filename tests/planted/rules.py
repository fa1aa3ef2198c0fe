"""Mistakes in the rules of operations."""

from __future__ import annotations

from typing import Any

import numpy as np

import autotape as at
import autotape.nn.functional as F
from tests.planted.mutate import (
    Mistake,
    mutant,
    negative,
    normal,
    positive,
    shifted,
    times,
    turned,
    zero,
)

X, Y, S = normal(3, 4), normal(3, 4, seed=1), normal(4, 4, seed=2)
ROW = normal(4, seed=3)
P = positive(3, 4)
DUPLICATES = np.array([0, 2, 0, 1, 0])
SPD = S @ S.T + 4 * np.eye(4)


def last_use(_r: Any, g: Any, *_: Any) -> Any:
    """The gradient of x[DUPLICATES] by assignment instead of addition."""
    return at.stack([g[4], g[3], g[1]]) if isinstance(g, at.Tensor) else np.stack([g[4], g[3], g[1]])


def first_row(r: Any, *_: Any) -> Any:
    return r[:1]


def mean_row(r: Any, *_: Any) -> Any:
    return r.mean(0)


def wrong_axis(r: Any, *_: Any) -> Any:
    return r.sum(1)


def only(where: Any, change: Any) -> Any:
    """A change where a condition on the incoming gradient or a saved value holds."""
    return lambda r, g, *rest: change(r, g, *rest) if where(g, *rest) else r


def is_float32(g: Any, *_: Any) -> bool:
    return str(g.dtype).endswith("float32")


def strided(x: Any) -> bool:
    array = x.detach().numpy() if isinstance(x, at.Tensor) else x
    return not array.flags.c_contiguous


MISTAKES: list[Mistake] = [
    # a constant factor
    mutant("exp twice", "exp", lambda x: x.exp(), (X,), times(2.0), "factor"),
    mutant("sin by 0.1 %", "sin", lambda x: x.sin().sum(), (X,), times(1.001), "factor"),
    mutant("sin by 1e-5", "sin", lambda x: (x * 2).sin().exp(), (X,), times(1 + 1e-5), "factor"),
    mutant("log without ln", "log", lambda x: x.log().sum(0), (P,), times(0.4342944819), "factor"),
    mutant("mean without 1/n", "mean", lambda x: x.mean(1).exp(), (X,), times(4.0), "factor"),
    mutant("var by n", "var", lambda x: x.var(1), (X,), times(0.75), "factor"),
    mutant("square without 2", "pow", lambda x: (x**2).sum(), (X,), times(0.5), "factor"),
    mutant("avg_pool without 1/4", "avg_pool", lambda x: F.avg_pool2d(x, 2), (normal(1, 2, 4, 4),),
           times(4.0),
           "factor"),
    mutant("gelu", "gelu", lambda x: F.gelu(x), (X,), times(1.01), "factor"),
    mutant("conv weight", "convolution", lambda x, w: F.conv2d(x, w), (normal(2, 2, 5, 5), normal(3, 2, 3,
           3)),
           times(2.0), "factor", which=1),
    mutant("matmul by 1.1", "matmul", lambda a, b: a @ b, (X, S), times(1.1), "factor"),
    mutant("logsumexp", "logsumexp", lambda x: x.logsumexp(1), (X,), times(3.0), "factor"),
    mutant("cross entropy", "cross_entropy", lambda x: F.cross_entropy(x, at.tensor([0, 3, 1])), (X,),
           times(3.0),
           "factor"),
    mutant("layer_norm", "layer_norm", lambda x, w: F.layer_norm(x, (4,), w), (X, ROW), times(0.9), "factor"),
    # a sign
    mutant("cos", "cos", lambda x: x.cos(), (X,), negative, "sign"),
    mutant("tanh", "tanh", lambda x: (x.tanh() * 2).sum(), (X,), negative, "sign"),
    mutant("subtrahend", "sub", lambda a, b: a - b, (X, Y), negative, "sign", which=1),
    mutant("divisor", "div", lambda a, b: a / b, (X, P), negative, "sign", which=1),
    mutant("reciprocal", "reciprocal", lambda x: x.reciprocal(), (P,), negative, "sign"),
    mutant("inverse", "linalg.inv", at.linalg.inv, (SPD,), negative, "sign"),
    mutant("norm", "norm", lambda x: at.linalg.vector_norm(x, dim=1), (X,), negative, "sign"),
    # zero
    mutant("sqrt", "sqrt", lambda x: x.sqrt(), (P,), zero, "zero"),
    mutant("atan2, second", "atan2", at.atan2, (X, P), zero, "zero", which=1),
    mutant("softplus", "softplus", lambda x: F.softplus(x), (X,), zero, "zero"),
    mutant("tiny and zero", "mul", lambda x: x * 1e-6, (X,), zero, "zero"),
    mutant("cumsum", "cumsum", lambda x: x.cumsum(0), (X,), zero, "zero"),
    # transposed
    mutant("matmul, first", "matmul", lambda a, b: a @ b, (S, S + 1), turned, "transpose"),
    mutant("matmul, second", "matmul", lambda a, b: (a @ b).exp(), (S / 4, S / 8), turned, "transpose",
           which=1),
    mutant("linear weight", "linear", lambda x, w: F.linear(x, w), (X, S), turned, "transpose", which=1),
    mutant("det", "linalg.det", at.linalg.det, (SPD + np.triu(S),), turned, "transpose"),
    mutant("transpose itself", "transpose", lambda x: x.mT * at.tensor(Y.T), (X,),
           lambda r, *_: r.swapaxes(0, 1).reshape(3, 4), "transpose"),
    mutant("einsum", "einsum", lambda a, b: at.einsum("ij,jk->ik", a, b), (S, S + 1), turned, "transpose"),
    mutant("triangle", "tril", lambda x: x.tril(), (S,), turned, "transpose", "index"),
    # a missing or wrong sum over broadcast axes
    mutant("bias, first row", "add", lambda x, b: x + b, (X, ROW), first_row, "broadcast", which=1),
    mutant("bias, mean", "add", lambda x, b: (x + b).exp(), (X, ROW), mean_row, "broadcast", which=1),
    mutant("scale, wrong axis", "mul", lambda x, b: x * b, (S, ROW), wrong_axis, "broadcast", which=1),
    mutant("column, first", "mul", lambda x, c: x * c, (X, normal(3, 1)), lambda r, *_: r[:, :1], "broadcast",
           which=1),
    mutant("linear bias, mean", "linear", lambda x, w, b: F.linear(x, w, b), (X, S, ROW),
           lambda r, *_: r / 3, "broadcast", which=2),
    mutant("expand", "expand", lambda b: b.expand(3, 4), (ROW,), first_row, "broadcast"),
    mutant("broadcast only", "mul", lambda x, b: x * b, (X, ROW),
           only(lambda g, _y, a, b: g.shape != (4,), lambda r, *_: r * 2), "factor", which=1),
    mutant("broadcast, last", "maximum", lambda x, b: at.maximum(x, b), (X + 3, normal(1, 4, seed=5) + 3),
           lambda r, *_: r[-1:], "broadcast", which=1),
    # a missing accumulation
    mutant("index, last use", "index", lambda x: x[DUPLICATES], (X,), last_use, "accumulation"),
    mutant("repeat, first", "repeat", lambda x: x.repeat(2, 1), (X,),
           lambda r, g, *_: g[:3], "accumulation", "broadcast"),
    mutant("matmul, one sample", "matmul", lambda a, b: a @ b, (X, S),
           lambda r, g, _y, a, *_: a[-1:].swapaxes(0, 1) @ g[-1:], "accumulation", which=1),
    mutant("sum over time", "linear", lambda x, w: F.linear(x, w), (normal(2, 3, 4), S),
           lambda r, g, _y, x, *_: g[-1].swapaxes(0, 1) @ x[-1], "accumulation", which=1),
    # off by one
    mutant("softmax", "softmax", lambda x: x.softmax(1), (X,), shifted(), "index"),
    mutant("cumsum by one", "cumsum", lambda x: x.cumsum(1), (X,), shifted(1), "index"),
    mutant("slice", "getitem", lambda x: x[1:] * 2, (X,), shifted(0), "index"),
    mutant("roll back", "roll", lambda x: x.roll(1, 1), (X,), shifted(1, 2), "index"),
    mutant("flip", "flip", lambda x: x.flip(1), (X,), lambda r, *_: np.flip(r, 1), "index"),
    mutant("max_pool", "max_pool", lambda x: F.max_pool1d(x, 2), (normal(1, 2, 6),), shifted(), "index"),
    mutant("convolution", "convolution", lambda x, w: F.conv1d(x, w), (normal(1, 2, 6), normal(2, 2, 3)),
           shifted(), "index"),
    mutant("gather", "gather", lambda x: x.gather(1, at.tensor([[0, 2], [1, 3], [2, 0]])), (X,), shifted(),
           "index"),
    mutant("stack order", "stack", lambda a, b: at.stack([a, b]) * at.tensor([[[1.0]], [[3.0]]]), (X, Y),
           lambda r, g, *_: g[1], "index", "factor"),
    mutant("sort", "sort", lambda x: x.sort(1)[0], (X,), shifted(), "index"),
    mutant("cat offset", "cat", lambda a, b: at.cat([a, b], 1), (X, Y), lambda r, g, *_: g[:, 3:7], "index",
           "factor", which=1),
    mutant("pad", "pad", lambda x: F.pad(x, (1, 1), mode="reflect"), (normal(1, 2, 5),), shifted(), "index"),
    # a stale or wrong saved value
    mutant("stale exp", "exp", lambda x: x.exp(), (X,), lambda r, g, y, *_: g * (y + 0.1)),
    mutant("stale product", "mul", lambda a, b: a * b, (X, Y), lambda r, g, _y, a, b: g * (b * 0 + 1) * b[0,
           0]),
    mutant("softmax without the sum", "softmax", lambda x: x.softmax(1), (X,), lambda r, g, y, *_: g * y),
    mutant("one entry of many", "tanh", lambda x: x.tanh(), (normal(20, 50),),
           lambda r, *_: r * (1 + 0.1 * (np.arange(1000).reshape(20, 50) == 617)), "factor"),
    mutant("one entry of many, all of it", "exp", lambda x: x.exp(), (normal(1000),),
           lambda r, *_: r * (np.arange(1000) != 333), "zero"),
    # the second derivative only
    mutant("detached factor", "sin", lambda x: x.sin(), (X,),
           lambda r, *_: r.detach() if isinstance(r, at.Tensor) else r, "second-order", order=2),
    mutant("second derivative by 2", "tanh", lambda x: x.tanh().sum(), (X,),
           lambda r, g, y, *_: r + (g * y - (g * y).detach()) if isinstance(r, at.Tensor) else r,
           "second-order",
           order=2),
    mutant("Tensor rule differs", "exp", lambda x: x.exp(), (X,),
           lambda r, *_: r * 1.5 if isinstance(r, at.Tensor) else r, "second-order", order=2),
    # only in a layout, only in a precision
    mutant("gradient not contiguous", "exp", lambda x: x.exp(), (X,),
           only(lambda g, *_: strided(g), times(2.0)), "factor"),
    mutant("input not contiguous", "mul", lambda x, y: x * y, (X.T, P.T),
           only(lambda g, _y, a, b: strided(b), negative), "sign"),
    mutant("contiguous given, strided wrong", "sqrt", lambda x: x.sqrt(), (P,),
           only(lambda g, y, *_: strided(y), negative), "sign"),
    mutant("float32 only", "exp", lambda x: x.exp(), (X.astype(np.float32),), only(is_float32, times(1.1)),
           "factor"),
    mutant("float32 only, zero", "matmul", lambda a, b: a @ b, (X.astype(np.float32), S.astype(np.float32)),
           only(is_float32, zero), "zero", which=1),
    mutant("float32 through float16", "sin", lambda x: x.sin(), (X.astype(np.float32),),
           lambda r, *_: r.astype(np.float16) if isinstance(r, np.ndarray) and r.dtype == np.float32 else r),
]  # fmt: skip
