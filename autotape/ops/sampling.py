"""Samples whose distribution is given by tensors.

Samples are not differentiable: gradients through them are zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autotape.engine.dtypes import DTypeLike, default_dtype, from_numpy_dtype
from autotape.engine.operands import mismatch, tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.out import store, takes_out
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._drawing import check_probability, check_std, draw_normal, flip, not_for, stretched
from autotape.ops._making import checked_size, finish, integer, number, target_dtype
from autotape.ops._rules import zero
from autotape.ops.generator import Generator, source

if TYPE_CHECKING:
    from numpy.random import Generator as NumPyGenerator

__all__ = ["bernoulli", "binomial", "multinomial", "normal", "poisson"]

methods = ["bernoulli", "multinomial"]
in_place: list[str] = []

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]


# --- normal -------------------------------------------------------------------------------------------------


def _normal_forward(mean: Array, std: Array, random: NumPyGenerator) -> Array:
    # The dtype of the tensor argument, of mean where both are: a number came as a 0-d array of that dtype.
    shape = np.broadcast_shapes(mean.shape, std.shape)
    return (draw_normal(shape, mean.dtype, random) * std + mean).astype(mean.dtype, copy=False)


_NORMAL = Operation("normal", _normal_forward, zero, zero)


def normal(
    mean: Tensor | float,
    std: Tensor | float = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Normal samples, each of its own mean and standard deviation.

    ``mean`` and ``std`` are tensors that broadcast, or one of them is a number. With two numbers ``size`` is
    needed, and ``dtype``, ``device`` and ``requires_grad`` apply.

    Errors: RuntimeError if ``std`` is negative somewhere or the shapes do not broadcast.

    >>> import autotape as at
    >>> at.normal(at.zeros(3), at.tensor([0.0, 1.0, 10.0])).shape, at.normal(5.0, 0.0, (2,))
    (autotape.Size([3]), tensor([5., 5.]))
    """
    random = source(generator)
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError("normal() with two numbers needs size=: normal(mean, std, size)")
        shift, scale = number(mean, "normal", "mean"), number(std, "normal", "std")
        check_std(scale)
        sample = draw_normal(checked_size(size, "normal"), target_dtype(dtype, default_dtype(), out), random)
        return finish(quietly(stretched, sample, scale, shift), device, requires_grad, out, "normal", layout)
    if size is not None or dtype is not None or device is not None or requires_grad:
        raise TypeError(
            "normal() with a Tensor as mean or std takes its shape and dtype from it, and no such arguments"
        )
    to = (mean if isinstance(mean, Tensor) else std)._array.dtype  # type: ignore[union-attr]
    if to.kind not in "fc":
        raise not_for("normal samples", to)
    means = mean if isinstance(mean, Tensor) else Tensor._wrap(np.array(mean, to))
    deviations = std if isinstance(std, Tensor) else Tensor._wrap(np.array(std, to))
    check_std(deviations._array if isinstance(std, Tensor) else std)
    try:
        sample = apply(_NORMAL, (means, deviations), random)
    except ValueError as error:
        raise mismatch("normal", means._array, deviations._array, error) from None
    return sample if out is None else store(out, sample, "normal")  # type: ignore[no-any-return]


# --- discrete distributions ---------------------------------------------------------------------------------


_BERNOULLI = Operation("bernoulli", lambda p, random: flip(p, p.shape, p.dtype, random), zero)


@takes_out
def bernoulli(
    input: Tensor,
    p: float | None = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """1 with the probability in ``input`` (or with probability ``p`` everywhere) and else 0, in its dtype.

    Errors: RuntimeError for a probability outside of [0, 1]; NotImplementedError for integer probabilities.

    >>> import autotape as at
    >>> at.bernoulli(at.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    x = tensor_input(input, "input", "bernoulli")
    random = source(generator)
    check_probability(x._array if p is None else p, "bernoulli")
    if p is None:
        return apply(_BERNOULLI, (x,), random)  # type: ignore[no-any-return]
    return Tensor._wrap(flip(p, x._array.shape, x._array.dtype, random))


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Indices drawn with probabilities proportional to the weights in each row of ``input``.

    Shapes: (n,) -> (num_samples,), (m, n) -> (m, num_samples); int64. Without replacement an
    index is drawn at most once, in the order of successive draws: those of the smallest among independent
    exponential times with the weights as rates (Efraimidis and Spirakis 2006).

    Errors: RuntimeError for weights that are negative, infinite or NaN, or a row of zeros; for more samples
    than there are nonzero weights without replacement.

    >>> import autotape as at
    >>> at.multinomial(at.tensor([0.0, 1.0, 0.0]), 3, replacement=True)
    tensor([1, 1, 1])
    """
    x = tensor_input(input, "input", "multinomial")._array
    if isinstance(out, Tensor) and out._array.dtype != np.int64:
        raise RuntimeError(f"multinomial expects an int64 tensor as out, got: {out.dtype}")
    count = integer(num_samples, "multinomial", "num_samples")
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {from_numpy_dtype(x.dtype)}"
        )
    if x.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got shape {list(x.shape)}")
    if count <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples, got num_samples={count}")
    categories = x.shape[-1]
    if not replacement and count > categories:
        raise RuntimeError(
            f"cannot sample n_sample > prob_dist.size(-1) samples without replacement: {count} > {categories}"
        )
    if not (np.isfinite(x) & (x >= 0)).all():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    nonzero = np.count_nonzero(x, axis=-1)
    if not np.all(nonzero):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    if not replacement and not np.all(nonzero >= count):
        raise RuntimeError(
            "invalid multinomial distribution (with replacement=False, not enough non-negative category to "
            f"sample): {count} samples of {int(np.min(nonzero))} nonzero weights"
        )
    if not x.size:  # no rows
        return finish(np.empty((0, count), np.int64), None, False, out, "multinomial")
    draw = _with_replacement if replacement else _without_replacement
    weights = np.atleast_2d(x).astype(np.float64)
    drawn = quietly(draw, weights, count, source(generator)).reshape(*x.shape[:-1], count)
    return finish(drawn, None, False, out, "multinomial")


def _with_replacement(weights: Array, count: int, random: NumPyGenerator) -> Array:
    scaled = weights / weights.max(axis=1, keepdims=True)  # so that the sum is finite
    ends = np.cumsum(scaled, axis=1)
    points = random.random((len(weights), count)) * ends[:, -1:]
    drawn = np.empty((len(weights), count), np.int64)
    for row, (end, point) in enumerate(zip(ends, points, strict=True)):
        drawn[row] = np.searchsorted(end, np.minimum(point, np.nextafter(end[-1], 0)), side="right")
    return drawn


def _without_replacement(weights: Array, count: int, random: NumPyGenerator) -> Array:
    times = np.log(random.standard_exponential(weights.shape)) - np.log(weights)
    return np.argsort(times, axis=1, kind="stable")[:, :count].astype(np.int64)


# --- counts -------------------------------------------------------------------------------------------------


def _poisson_forward(rate: Array, random: NumPyGenerator) -> Array:
    if not (rate >= 0).all():
        raise ValueError(f"invalid Poisson rate, expected rate to be non-negative, got {np.min(rate)}")
    return np.asarray(random.poisson(rate)).astype(rate.dtype)


_POISSON = Operation("poisson", _poisson_forward, zero)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Samples of the Poisson distribution, ``P(k) = rate**k exp(-rate) / k!``, with the rates in ``input``.

    In the input's shape and dtype. Errors: RuntimeError for a negative rate or NaN, NotImplementedError for
    rates that are not floating.

    >>> import autotape as at
    >>> at.poisson(at.zeros(2))
    tensor([0., 0.])
    """
    x = tensor_input(input, "input", "poisson")
    if x._array.dtype.kind != "f":
        raise not_for("Poisson samples", x._array.dtype)
    try:
        return apply(_POISSON, (x,), source(generator))  # type: ignore[no-any-return]
    except ValueError as error:
        raise RuntimeError(str(error)) from None


def _binomial_forward(count: Array, p: Array, random: NumPyGenerator) -> Array:
    count, p = np.broadcast_arrays(count, p)
    inside = (count > 0) & (p > 0) & (p < 1)
    drawn = random.binomial(np.where(inside, count, 0).astype(np.int64), np.where(inside, p, 0))
    certain = np.where((p >= 1) & (count > 0), count, 0)
    unknown = np.isnan(count) | np.isnan(p)
    return np.where(unknown, np.nan, np.where(inside, drawn, certain)).astype(count.dtype)


_BINOMIAL = Operation("binomial", _binomial_forward, zero, zero)


def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """How many of ``count`` independent trials succeed, each with probability ``prob``; both broadcast.

    A probability below 0 counts as 0, one above 1 as 1. Errors: ValueError for arguments that are not
    floating, RuntimeError for different dtypes or shapes that do not broadcast.

    >>> import autotape as at
    >>> at.binomial(at.tensor([5.0, 5.0]), at.tensor([0.0, 1.0]))
    tensor([0., 5.])
    """
    n, p = tensor_input(count, "count", "binomial"), tensor_input(prob, "prob", "binomial")
    for name, x in (("count", n), ("prob", p)):
        if x._array.dtype.kind != "f":
            raise ValueError(f"binomial only supports floating-point dtypes for {name}, got: {x.dtype}")
    if n._array.dtype != p._array.dtype:
        raise RuntimeError(f"binomial: Found dtype {p.dtype} of prob but expected {n.dtype}, that of count")
    try:
        return apply(_BINOMIAL, (n, p), source(generator))  # type: ignore[no-any-return]
    except ValueError as error:
        raise mismatch("binomial", n._array, p._array, error) from None
