"""Tensors filled with samples in place: ``x.normal_()`` and its kin.

Each takes ``generator=`` (default: the global one) and returns the tensor; what was there gets a gradient of
zero.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, write
from autotape.ops._drawing import (
    check_probability,
    check_std,
    draw_integers,
    draw_normal,
    draw_uniform,
    flip,
    int64_bound,
    largest_integer,
    not_for,
    stretched,
)
from autotape.ops._making import number
from autotape.ops.generator import Generator, source

__all__: list[str] = []

methods = [
    "bernoulli_",
    "cauchy_",
    "exponential_",
    "geometric_",
    "log_normal_",
    "normal_",
    "random_",
    "uniform_",
]
in_place: list[str] = []

Array = np.ndarray[Any, Any]


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
    check_probability(value, "bernoulli_")
    try:
        value = np.broadcast_to(value, x.shape)
    except ValueError:
        raise RuntimeError(
            f"bernoulli_: p of shape {list(np.shape(value))} does not broadcast to the shape {list(x.shape)}"
        ) from None
    return _overwrite(input, flip(value, x.shape, x.dtype, source(generator)), "bernoulli_")


# --- other distributions ------------------------------------------------------------------------------------


def _continuous(input: Tensor, name: str) -> Array:
    """The array to fill with samples of a continuous distribution: a real floating one."""
    check_writable(input, name)
    x = input._array
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"{name}: a continuous probability distribution. dtype must be a floating point but you "
            f"specified {input.dtype}"
        )
    return x


def _positive(value: Any, function: str, name: str) -> float:
    given = number(value, function, name)
    if not given > 0:
        raise RuntimeError(f"{function} expects {name} > 0.0, but found {name}={given}")
    return float(given)


def exponential_(input: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with samples of the exponential distribution, density ``lambd exp(-lambd x)`` for x > 0, in place.

    Errors: RuntimeError unless ``lambd`` > 0 and the dtype is floating.

    >>> import autotape as at
    >>> bool((at.zeros(100).exponential_() > 0).all())
    True
    """
    x = _continuous(input, "exponential_")
    rate = _positive(lambd, "exponential_", "lambda")
    random = source(generator)
    sample = np.asarray(random.standard_exponential(x.shape) / rate)
    return _overwrite(input, sample if rate == math.inf else _above_zero(sample, x.dtype), "exponential_")


def _above_zero(sample: Any, dtype: Any) -> Any:
    """Samples of a positive distribution in a dtype in which the smallest of them may round to 0."""
    return np.maximum(np.asarray(sample, dtype), np.finfo(dtype).smallest_subnormal)


def geometric_(input: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Fill with samples of the geometric distribution, in place: ``P(k) = (1 - p)**(k - 1) p``, k = 1, 2, ...

    k is the number of trials up to the first success.

    Errors: RuntimeError unless 0 < p < 1; NotImplementedError for booleans and complex numbers.

    >>> import autotape as at
    >>> bool((at.zeros(100, dtype=at.int64).geometric_(0.5) >= 1).all())
    True
    """
    check_writable(input, "geometric_")
    x = input._array
    chance = number(p, "geometric_", "p")
    if x.dtype.kind in "bc":
        raise not_for("geometric samples", x.dtype)
    if not 0 < chance < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={chance}")
    return _overwrite(input, np.asarray(source(generator).geometric(chance, x.shape)), "geometric_")


def cauchy_(
    input: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with samples of the Cauchy distribution, in place.

    The density is ``sigma / (pi (sigma**2 + (x - median)**2))``.

    Errors: RuntimeError unless ``sigma`` > 0 and the dtype is floating.

    >>> import autotape as at
    >>> at.zeros(2, 3).cauchy_().shape
    autotape.Size([2, 3])
    """
    x = _continuous(input, "cauchy_")
    scale, middle = _positive(sigma, "cauchy_", "sigma"), number(median, "cauchy_", "median")
    sample = source(generator).standard_cauchy(x.shape)
    return _overwrite(input, quietly(_cast, sample * scale + middle, x.dtype), "cauchy_")


def _cast(sample: Any, dtype: Any) -> Array:
    return np.asarray(sample, dtype)


def log_normal_(
    input: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with ``exp(z)`` of samples z of the normal distribution (``mean``, ``std``), in place.

    Errors: RuntimeError unless ``std`` > 0; NotImplementedError unless the dtype is floating.

    >>> import autotape as at
    >>> bool((at.zeros(100).log_normal_() > 0).all())
    True
    """
    check_writable(input, "log_normal_")
    x = input._array
    shift, scale = number(mean, "log_normal_", "mean"), _positive(std, "log_normal_", "std")
    if x.dtype.kind != "f":
        raise not_for("log-normal samples", x.dtype)
    sample = source(generator).standard_normal(x.shape)
    return _overwrite(input, quietly(_exponential_of, sample, scale, shift, x.dtype), "log_normal_")


def _exponential_of(sample: Any, scale: float, shift: float, dtype: Any) -> Array:
    return np.asarray(np.exp(sample * scale + shift), dtype)
