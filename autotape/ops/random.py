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
from autotape.ops.creation import checked_size, dtype_or, finish, size_of
from autotape.ops.generator import Generator, source
from autotape.ops.likes import tensor_argument

__all__ = ["rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"]


# --- uniform and normal -------------------------------------------------------------------------------------


def rand(
    *shape: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Samples of the uniform distribution on [0, 1), in the default dtype unless ``dtype`` is given.

    >>> import autotape as at
    >>> x = at.rand(2, 3)
    >>> x.shape, bool((x >= 0).all() and (x < 1).all())
    (autotape.Size([2, 3]), True)
    """
    sides = size_of(shape, size, "rand")
    return finish(
        draw_uniform(sides, dtype_or(dtype, default_dtype()), source(generator)), device, requires_grad
    )


def randn(
    *shape: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Samples of the standard normal distribution, in the default dtype unless ``dtype`` is given.

    >>> import autotape as at
    >>> at.randn(2, 3).shape
    autotape.Size([2, 3])
    """
    sides = size_of(shape, size, "randn")
    return finish(
        draw_normal(sides, dtype_or(dtype, default_dtype()), source(generator)), device, requires_grad
    )


def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """:func:`rand` in the shape and dtype of ``input``.

    >>> import autotape as at
    >>> at.rand_like(at.ones(2, dtype=at.float64)).dtype
    autotape.float64
    """
    x = tensor_argument(input, "rand_like")._array
    return finish(draw_uniform(x.shape, dtype_or(dtype, x.dtype), source(generator)), device, requires_grad)


def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """:func:`randn` in the shape and dtype of ``input``.

    >>> import autotape as at
    >>> at.randn_like(at.ones(2, 3)).shape
    autotape.Size([2, 3])
    """
    x = tensor_argument(input, "randn_like")._array
    return finish(draw_normal(x.shape, dtype_or(dtype, x.dtype), source(generator)), device, requires_grad)


# --- integers -----------------------------------------------------------------------------------------------


def randint(
    *bounds: Any,
    low: Any = None,
    high: Any = None,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
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
    to = dtype_or(dtype, np.dtype(np.int64))
    return finish(
        draw_integers(int64_bound(low), int64_bound(high), sides, to, source(generator)),
        device,
        requires_grad,
    )


def randint_like(
    input: Tensor,
    low: Any = None,
    high: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
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
    return finish(
        draw_integers(
            int64_bound(0 if low is None else low),
            int64_bound(high),
            x.shape,
            dtype_or(dtype, x.dtype),
            source(generator),
        ),
        device,
        requires_grad,
    )


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The integers 0 ... n-1 in random order, int64; all orders equally likely.

    >>> import autotape as at
    >>> at.randperm(4).sort().values
    tensor([0, 1, 2, 3])
    """
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"randperm(): argument 'n' must be int, not {type(n).__name__}")
    count = n.__index__()
    if count < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {count}: [{count}]")
    to = dtype_or(dtype, np.dtype(np.int64))
    if to.kind in "bc":
        raise not_for("permutations", to)
    limit = EXACT[to] if to.kind == "f" else np.iinfo(to).max
    if count - 1 > limit:
        raise RuntimeError(f"n cannot be greater than {limit + 1} for {to.name}, got {count}")
    return finish(source(generator).permutation(count).astype(to), device, requires_grad)
