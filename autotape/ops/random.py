"""Random tensors: uniform and normal numbers, integers, permutations.

All take ``generator=`` (default: the global one, :func:`autotape.manual_seed`). float32 samples are drawn as
float32, which halves their cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike, default_dtype
from autotape.engine.tensor import Tensor
from autotape.ops._drawing import EXACT, draw_integers, draw_normal, draw_uniform, int64_bound, not_for
from autotape.ops._making import (
    arranged,
    checked_size,
    count_of,
    finish,
    size_of,
    target_dtype,
    tensor_argument,
)
from autotape.ops.generator import Generator, source

__all__ = ["rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"]

Array = np.ndarray[Any, Any]

_INT64 = np.dtype(np.int64)


# --- uniform and normal -------------------------------------------------------------------------------------


def rand(
    *shape: Any,
    size: Any = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Samples of the uniform distribution on [0, 1), in the default dtype unless ``dtype`` is given.

    >>> import autotape as at
    >>> x = at.rand(2, 3)
    >>> x.shape, bool((x >= 0).all() and (x < 1).all())
    (autotape.Size([2, 3]), True)
    """
    sides = size_of(shape, size, "rand")
    sample = draw_uniform(sides, target_dtype(dtype, default_dtype(), out), source(generator))
    return finish(sample, device, requires_grad, out, "rand", layout)


def randn(
    *shape: Any,
    size: Any = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Samples of the standard normal distribution, in the default dtype unless ``dtype`` is given.

    >>> import autotape as at
    >>> at.randn(2, 3).shape
    autotape.Size([2, 3])
    """
    sides = size_of(shape, size, "randn")
    sample = draw_normal(sides, target_dtype(dtype, default_dtype(), out), source(generator))
    return finish(sample, device, requires_grad, out, "randn", layout)


def rand_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    generator: Generator | None = None,
    pin_memory: bool = False,
) -> Tensor:
    """:func:`rand` in the shape and dtype of ``input``.

    >>> import autotape as at
    >>> at.rand_like(at.ones(2, dtype=at.float64)).dtype
    autotape.float64
    """
    x = tensor_argument(input, "rand_like")._array
    sample = draw_uniform(x.shape, target_dtype(dtype, x.dtype), source(generator))
    return finish(_ordered(sample, x, memory_format), device, requires_grad, None, "rand_like", layout)


def randn_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    generator: Generator | None = None,
    pin_memory: bool = False,
) -> Tensor:
    """:func:`randn` in the shape and dtype of ``input``.

    >>> import autotape as at
    >>> at.randn_like(at.ones(2, 3)).shape
    autotape.Size([2, 3])
    """
    x = tensor_argument(input, "randn_like")._array
    sample = draw_normal(x.shape, target_dtype(dtype, x.dtype), source(generator))
    return finish(_ordered(sample, x, memory_format), device, requires_grad, None, "randn_like", layout)


def _ordered(sample: Array, like: Array, memory_format: Any) -> Array:
    """The sample in the memory order of ``like``, or in the one that was asked for."""
    array = arranged(like, sample.dtype, memory_format)
    if array.strides == sample.strides:
        return sample
    array[...] = sample
    return array


# --- integers -----------------------------------------------------------------------------------------------


def randint(
    *bounds: Any,
    low: Any = None,
    high: Any = None,
    size: Any = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Integers in [low, high), all equally likely; int64.

    Called as ``randint(high, size)`` or ``randint(low, high, size)``.

    Errors: TypeError unless ``size`` is a tuple; RuntimeError for an empty range, or one that ``dtype``
    can't hold.

    >>> import autotape as at
    >>> x = at.randint(3, 10, (100,))
    >>> x.dtype, bool((x >= 3).all() and (x < 10).all())
    (autotape.int64, True)
    """
    given = list(bounds)
    if size is None:
        if not given:
            raise TypeError("randint() needs a size: randint(high, size) or randint(low, high, size)")
        size = given.pop()
    if high is None and given:
        high = given.pop()
    if low is None:
        low = given.pop() if given else 0
    if given or high is None:
        raise TypeError("randint() takes (high, size) or (low, high, size), where size is a tuple")
    sides = checked_size(size, "randint")
    to = target_dtype(dtype, _INT64, out)
    sample = draw_integers(int64_bound(low), int64_bound(high), sides, to, source(generator))
    return finish(sample, device, requires_grad, out, "randint", layout)


def randint_like(
    input: Tensor,
    low: Any = None,
    high: Any = None,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    generator: Generator | None = None,
    pin_memory: bool = False,
) -> Tensor:
    """:func:`randint` in the shape and dtype of ``input``.

    Called as ``randint_like(x, high)`` or ``randint_like(x, low, high)``.

    >>> import autotape as at
    >>> at.randint_like(at.ones(2), 5).dtype
    autotape.float32
    """
    x = tensor_argument(input, "randint_like")._array
    if high is None:
        low, high = 0, low
    least, end = int64_bound(0 if low is None else low), int64_bound(high)
    sample = draw_integers(least, end, x.shape, target_dtype(dtype, x.dtype), source(generator))
    return finish(_ordered(sample, x, memory_format), device, requires_grad, None, "randint_like", layout)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The integers 0 ... n-1 in random order, int64; all orders equally likely.

    >>> import autotape as at
    >>> at.randperm(4).sort().values
    tensor([0, 1, 2, 3])
    """
    count = count_of(n, "randperm", "n")
    to = target_dtype(dtype, _INT64, out)
    if to.kind in "bc":
        raise not_for("permutations", to)
    limit = EXACT[to] if to.kind == "f" else np.iinfo(to).max
    if count - 1 > limit:
        raise RuntimeError(f"n cannot be greater than {limit + 1} for {to.name}, got {count}")
    sample = source(generator).permutation(count).astype(to, copy=False)
    return finish(sample, device, requires_grad, out, "randperm", layout)
