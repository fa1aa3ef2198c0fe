"""Pooling to a given size: the windows are chosen to fit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import apply
from autotape.engine.tensor import Tensor
from autotape.nn.functional._pooling import (
    ADAPTIVE_SUM,
    AVERAGE,
    adaptive_bounds,
    adaptive_plan,
    max_pool,
)
from autotape.nn.functional._windows import Windows, spatial

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def _pooled(name: str, n: int, input: Any, output_size: Any, pool: Any) -> Any:
    """``pool(x, to)`` of the checked input and sizes; None stands for the input's own size."""
    input = tensor_input(input, "input", name)
    shape = input._array.shape
    if input._array.dtype.kind != "f":
        raise NotImplementedError(f'"{name}" not implemented for {input.dtype}; convert it first')

    def wrong() -> RuntimeError:
        return RuntimeError(f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got {list(shape)}")

    if not isinstance(output_size, (tuple, list)):
        output_size = (output_size,) * n
    elif 1 < n >= len(shape):
        raise ValueError(f"{name}(): Input dimension should be at least {n + 1}, but got {list(shape)}")
    if len(shape) not in (n + 1, n + 2):
        raise wrong()
    if len(output_size) != n:
        raise RuntimeError(f"{name}(): output_size must be {n} values, but got {list(output_size)}")
    if n == 1 and output_size[0] is None:
        raise TypeError(f"{name}(): argument 'output_size' must be int or tuple of ints, not NoneType")
    to = tuple([s if m is None else m for m, s in zip(output_size, shape[-n:])])
    for m in to:
        if not isinstance(m, (int, np.integer)):
            raise TypeError(f"{name}(): output_size must be ints or None, not {type(m).__name__}")
        if m < 0:
            raise RuntimeError(
                f"{name}(): elements of output_size must be greater than or equal to 0 but received "
                f"{list(to)}"
            )
    if 0 in shape[-n - 1 :]:
        raise RuntimeError(
            f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes "
            f"{list(shape)}"
        )
    return spatial(input, n, lambda x: pool(x, to), wrong)


# --- average ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _counts(size: Shape, to: Shape, dtype: np.dtype[Any]) -> Array:
    counts: Any = 1
    for n, m in zip(size, to):
        start, end = adaptive_bounds(n, m)
        counts = np.multiply.outer(counts, end - start)
    array: Array = np.asarray(counts, dtype)
    array.flags.writeable = False
    return array


def _average(x: Tensor, to: Shape) -> Any:
    size = x._array.shape[2:]
    if max(to) == 1 == min(to):
        return x.mean(dim=tuple(range(-len(to), 0)), keepdim=True)
    if all(m and s % m == 0 for s, m in zip(size, to)):
        kernel = tuple([s // m for s, m in zip(size, to)])
        none, one = (0,) * len(to), (1,) * len(to)
        return apply(AVERAGE, (x,), Windows(size, to, kernel, kernel, none, one), float(prod(kernel)))
    return apply(ADAPTIVE_SUM, (x,), to, size) / Tensor._wrap(_counts(size, to, x._array.dtype))


def adaptive_avg_pool1d(input: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """The averages of ``output_size`` windows over one dimension; see :func:`adaptive_avg_pool2d`.

    Shapes: input (n, c, L) or (c, L).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.adaptive_avg_pool1d(at.tensor([[1.0, 2.0, 3.0]]), 2)
    tensor([[1.5000, 2.5000]])
    """
    return _pooled("adaptive_avg_pool1d", 1, input, output_size, _average)  # type: ignore[no-any-return]


def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    """The averages of windows that cover images evenly, so many that the result has ``output_size``.

    Of H rows the window i of H' has those from floor(i * H / H') to ceil((i + 1) * H / H'). ``output_size``
    is an int or a pair; None keeps the size. Shapes: input (n, c, H, W) or (c, H, W). The derivative gives
    each element of a window g divided by their number; the tape keeps nothing.

    Errors: RuntimeError for shapes that do not fit, NotImplementedError for dtypes that are not floating.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.adaptive_avg_pool2d(at.ones(8, 64, 9, 7), (5, None)).shape
    autotape.Size([8, 64, 5, 7])
    """
    return _pooled("adaptive_avg_pool2d", 2, input, output_size, _average)  # type: ignore[no-any-return]


def adaptive_avg_pool3d(input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    """The averages of windows that cover volumes evenly; see :func:`adaptive_avg_pool2d`.

    Shapes: input (n, c, D, H, W) or (c, D, H, W).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.adaptive_avg_pool3d(at.ones(2, 3, 4, 5, 6), 1).shape
    autotape.Size([2, 3, 1, 1, 1])
    """
    return _pooled("adaptive_avg_pool3d", 3, input, output_size, _average)  # type: ignore[no-any-return]


# --- maximum ------------------------------------------------------------------------------------------------


def _maximum(n: int, input: Any, output_size: Any, indices: bool) -> Any:
    def pool(x: Tensor, to: Shape) -> Any:
        return max_pool(x, adaptive_plan(x._array.shape[2:], to), indices)

    return _pooled(f"adaptive_max_pool{n}d", n, input, output_size, pool)


def adaptive_max_pool1d(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False) -> Any:
    """The maxima of ``output_size`` windows over one dimension; see :func:`adaptive_max_pool2d`.

    Shapes: input (n, c, L) or (c, L).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.adaptive_max_pool1d(at.tensor([[1.0, 3.0, 2.0]]), 2)
    tensor([[3., 3.]])
    """
    return _maximum(1, input, output_size, return_indices)


def adaptive_max_pool1d_with_indices(
    input: Tensor, output_size: int | Sequence[int], return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`adaptive_max_pool1d` with ``return_indices=True``: (maxima, indices)."""
    return _maximum(1, input, output_size, True)  # type: ignore[no-any-return]


def adaptive_max_pool2d(
    input: Tensor, output_size: int | Sequence[int | None] | None, return_indices: bool = False
) -> Any:
    """The maxima of windows that cover images evenly, so many that the result has ``output_size``.

    The windows are those of :func:`adaptive_avg_pool2d`. ``return_indices``: also give the places of the
    maxima in their flattened H * W plane. The first of equal elements gets the gradient.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.adaptive_max_pool2d(at.arange(9.0).reshape(1, 3, 3), 2)
    tensor([[[4., 5.],
             [7., 8.]]])
    """
    return _maximum(2, input, output_size, return_indices)


def adaptive_max_pool2d_with_indices(
    input: Tensor, output_size: int | Sequence[int | None] | None, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`adaptive_max_pool2d` with ``return_indices=True``: (maxima, indices)."""
    return _maximum(2, input, output_size, True)  # type: ignore[no-any-return]


def adaptive_max_pool3d(
    input: Tensor, output_size: int | Sequence[int | None] | None, return_indices: bool = False
) -> Any:
    """The maxima of windows that cover volumes evenly; see :func:`adaptive_max_pool2d`.

    Shapes: input (n, c, D, H, W) or (c, D, H, W).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.adaptive_max_pool3d(at.ones(2, 3, 4, 5, 6), (2, None, 3)).shape
    autotape.Size([2, 3, 2, 5, 3])
    """
    return _maximum(3, input, output_size, return_indices)


def adaptive_max_pool3d_with_indices(
    input: Tensor, output_size: int | Sequence[int | None] | None, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`adaptive_max_pool3d` with ``return_indices=True``: (maxima, indices)."""
    return _maximum(3, input, output_size, True)  # type: ignore[no-any-return]
