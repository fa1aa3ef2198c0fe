"""Samples whose distribution is given by tensors, and tensors filled with samples in place.

Samples are not differentiable: gradients through them are zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autotape.engine.dtypes import DTypeLike, default_dtype, from_numpy_dtype
from autotape.engine.operands import mismatch, tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, write
from autotape.ops._drawing import (
    check_std,
    draw_integers,
    draw_normal,
    draw_uniform,
    int64_bound,
    largest_integer,
    not_for,
    stretched,
)
from autotape.ops.creation import checked_size, dtype_or, finish, number
from autotape.ops.generator import Generator, source

if TYPE_CHECKING:
    from numpy.random import Generator as NumPyGenerator

__all__ = ["bernoulli", "multinomial", "normal"]

methods = ["bernoulli", "bernoulli_", "multinomial", "normal_", "random_", "uniform_"]
in_place: list[str] = []

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]


# --- normal -------------------------------------------------------------------------------------------------


def _zero(g: Any, _y: Any, _mean: Any, _std: Any, _random: Any) -> Any:
    return np.zeros_like(g)


def _normal_forward(mean: Array, std: Array, random: NumPyGenerator) -> Array:
    # The dtype of the tensor argument, of mean where both are: a number came as a 0-d array of that dtype.
    shape = np.broadcast_shapes(mean.shape, std.shape)
    return (draw_normal(shape, mean.dtype, random) * std + mean).astype(mean.dtype, copy=False)


_NORMAL = Operation("normal", _normal_forward, _zero, _zero)


def normal(
    mean: Tensor | float,
    std: Tensor | float = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
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
        sample = draw_normal(checked_size(size, "normal"), dtype_or(dtype, default_dtype()), random)
        return finish(quietly(stretched, sample, scale, shift), device, requires_grad)
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
        return apply(_NORMAL, (means, deviations), random)  # type: ignore[no-any-return]
    except ValueError as error:
        raise mismatch("normal", means._array, deviations._array, error) from None


# --- discrete distributions ---------------------------------------------------------------------------------


def _flip(p: Any, shape: tuple[int, ...], dtype: DType, random: NumPyGenerator) -> Array:
    """1 with probability p; drawn in float64, as 24 bits are too coarse for a small p."""
    return np.asarray(random.random(shape) < p, dtype)


def _check_p(p: Any, name: str) -> None:
    if not isinstance(p, np.ndarray):
        if not 0 <= p <= 1:
            raise RuntimeError(f"{name} expects p to be in [0, 1], but got p={p}")
        return
    if p.dtype.kind != "f":
        raise not_for("Bernoulli samples with probabilities", p.dtype)
    if not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError(
            f"Expected p_in >= 0 && p_in <= 1 to be true: the probabilities of {name} must be in [0, 1]"
        )


_BERNOULLI = Operation(
    "bernoulli",
    lambda p, random: _flip(p, p.shape, p.dtype, random),
    lambda g, _y, _p, _random: np.zeros_like(g),
)


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability in ``input`` (or with probability ``p`` everywhere) and else 0, in its dtype.

    Errors: RuntimeError for a probability outside of [0, 1]; NotImplementedError for integer probabilities.

    >>> import autotape as at
    >>> at.bernoulli(at.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    x = tensor_input(input, "input", "bernoulli")
    random = source(generator)
    _check_p(x._array if p is None else p, "bernoulli")
    if p is None:
        return apply(_BERNOULLI, (x,), random)  # type: ignore[no-any-return]
    return Tensor._wrap(_flip(p, x._array.shape, x._array.dtype, random))


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
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
    if isinstance(num_samples, bool) or not hasattr(num_samples, "__index__"):
        raise TypeError(
            f"multinomial(): argument 'num_samples' must be int, not {type(num_samples).__name__}"
        )
    count = num_samples.__index__()
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
        return Tensor._wrap(np.empty((0, count), np.int64))
    draw = _with_replacement if replacement else _without_replacement
    weights = np.atleast_2d(x).astype(np.float64)
    return Tensor._wrap(quietly(draw, weights, count, source(generator)).reshape(*x.shape[:-1], count))


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


# --- in place -----------------------------------------------------------------------------------------------


def _overwrite(input: Tensor, sample: Array, name: str) -> Tensor:
    return write(input, Tensor._wrap(sample.astype(input._array.dtype, copy=False)), name)


def normal_(
    input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with samples of the normal distribution, in place.

    >>> import autotape as at
    >>> at.zeros(2).normal_(5.0, 0.0)
    tensor([5., 5.])
    """
    check_writable(input, "normal_")
    shift, scale = number(mean, "normal_", "mean"), number(std, "normal_", "std")
    check_std(scale)
    x = input._array
    sample = draw_normal(x.shape, x.dtype, source(generator))
    return _overwrite(input, quietly(stretched, sample, scale, shift), "normal_")


def uniform_(
    input: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with samples of the uniform distribution on [from, to), in place.

    >>> import autotape as at
    >>> at.zeros(2).uniform_(3.0, 3.0)
    tensor([3., 3.])
    """
    check_writable(input, "uniform_")
    x = input._array
    start, end = number(from_, "uniform_", "from"), number(to, "uniform_", "to")
    if x.dtype.kind == "f":
        limit = float(np.finfo(x.dtype).max)
        for name, bound in (("from", start), ("to", end)):
            if not -limit <= bound <= limit:
                raise RuntimeError(f"{name} is out of bounds for {x.dtype.name}: {bound}")
        if start > end:
            raise RuntimeError(
                f"uniform_ expects to return a [from, to) range, but found from={start} > to={end}"
            )
        if end - start > limit:
            raise RuntimeError(f"uniform_ expects to-from <= {limit}, but found from={start} and to={end}")
    sample = draw_uniform(x.shape, x.dtype, source(generator))
    return _overwrite(input, quietly(stretched, sample, end - start, start), "uniform_")


def random_(
    input: Tensor, from_: Any = None, to: Any = None, *, generator: Generator | None = None
) -> Tensor:
    """Fill with integers, in place: ``random_(to)`` in [0, to), ``random_(from, to)`` in [from, to).

    ``random_()`` fills with integers in [0, max] of an integer dtype, in [0, 2**mantissa] of a floating one.

    >>> import autotape as at
    >>> at.zeros(2).random_(1)
    tensor([0., 0.])
    """
    check_writable(input, "random_")
    x = input._array
    if from_ is None and to is None:
        least, end = 0, largest_integer(x.dtype) + 1
    elif to is None:
        least, end = 0, int64_bound(from_)
    else:
        least, end = int64_bound(0 if from_ is None else from_), int64_bound(to)
    return _overwrite(input, draw_integers(least, end, x.shape, x.dtype, source(generator)), "random_")


def bernoulli_(input: Tensor, p: Tensor | float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with 1, with probability ``p`` (a number, or a tensor that broadcasts), and 0, in place.

    >>> import autotape as at
    >>> at.zeros(2).bernoulli_(at.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    check_writable(input, "bernoulli_")
    x = input._array
    value = p._array if isinstance(p, Tensor) else p
    _check_p(value, "bernoulli_")
    try:
        value = np.broadcast_to(value, x.shape)
    except ValueError:
        raise RuntimeError(
            f"bernoulli_: p of shape {list(np.shape(value))} does not broadcast to the shape {list(x.shape)}"
        ) from None
    return _overwrite(input, _flip(value, x.shape, x.dtype, source(generator)), "bernoulli_")
