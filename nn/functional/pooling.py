"""Pooling: the maximum, the average or the p-norm of the windows of a signal, an image or a volume."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import apply
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.nn.functional._pooling import AVERAGE, max_pool, no_values, pooling_windows, regular_plan
from autotape.nn.functional._windows import Windows, spatial

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
]

Array = np.ndarray[Any, Any]


# --- maximum ------------------------------------------------------------------------------------------------


def _max_pool(
    n: int, input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, indices: bool
) -> Any:
    name = f"max_pool{n}d"
    input = tensor_input(input, "input", name)
    if input._array.dtype.kind not in "fiu":
        raise NotImplementedError(f'"{name}" not implemented for {input.dtype}; convert it first')

    def call(x: Tensor) -> Any:
        w = pooling_windows(name, n, x._array.shape, kernel, stride, padding, dilation, ceil_mode)
        return max_pool(x, regular_plan(w), indices)

    return spatial(input, n, call, lambda: no_values(name, n, input._array.shape))


def max_pool1d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of every window over one dimension; see :func:`max_pool2d`.

    Shapes: input (n, c, L) or (c, L).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.max_pool1d(at.tensor([[1.0, 3.0, 2.0, 5.0]]), 2)
    tensor([[3., 5.]])
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """:func:`max_pool1d` with ``return_indices=True``: (maxima, indices)."""
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, True)  # type: ignore[no-any-return]


def max_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of every window of each channel of images.

    Args:
        input: (n, c, H, W), or (c, H, W) for one image.
        kernel_size: the size of a window; stride: the step from one to the next, by default kernel_size.
        padding: so many elements on either side, at most half a window, count as minus infinity.
        dilation: the step between the elements of a window.
        ceil_mode: also a window that is partly beyond the end, if it begins before it.
        return_indices: also give the places of the maxima in their flattened H * W plane (int64).

    The result is (n, c, H', W'), ``H' = (H + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``.
    Of equal elements the first is the maximum, and it gets the gradient; a NaN counts as the greatest. The
    tape keeps one index per window.

    Errors: RuntimeError for sizes that do not fit, NotImplementedError for bool and complex.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.max_pool2d(at.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """:func:`max_pool2d` with ``return_indices=True``: (maxima, indices)."""
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, True)  # type: ignore[no-any-return]


def max_pool3d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of every window over three dimensions; see :func:`max_pool2d`.

    Shapes: input (n, c, D, H, W) or (c, D, H, W).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.max_pool3d(at.ones(2, 3, 4, 4, 4), 2).shape
    autotape.Size([2, 3, 2, 2, 2])
    """
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """:func:`max_pool3d` with ``return_indices=True``: (maxima, indices)."""
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, True)  # type: ignore[no-any-return]


# --- average ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _divisor(w: Windows, include_padding: bool, dtype: np.dtype[Any]) -> Any:
    """The number of elements of every window: of the padded input, or of the input alone."""
    counts: Any = 1
    for i, c, k, s, b in zip(w.size, w.counts, w.kernel, w.stride, w.before):
        start = np.arange(c) * s - b
        end = np.minimum(start + k, i + b)
        inside = end - start if include_padding else np.minimum(end, i) - np.maximum(start, 0)
        counts = np.multiply.outer(counts, inside)
    if (counts == prod(w.kernel)).all():
        return float(prod(w.kernel))
    counts = counts.astype(dtype if dtype.kind == "f" else np.float64)
    counts.flags.writeable = False
    return counts


def _avg_pool(
    n: int, input: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, include: bool, divisor: Any
) -> Any:
    name = f"avg_pool{n}d"
    input = tensor_input(input, "input", name)
    dtype = input._array.dtype
    if dtype.kind != "f" and dtype != np.int64:
        raise NotImplementedError(f'"{name}" not implemented for {input.dtype}; convert it first')
    if divisor == 0:
        raise RuntimeError(f"{name}(): divisor must be not zero")

    def call(x: Tensor) -> Any:
        w = pooling_windows(name, n, x._array.shape, kernel, stride, padding, 1, ceil_mode)
        by = _divisor(w, include, dtype) if divisor is None else float(divisor)
        return apply(AVERAGE, (x,), w, by)

    return spatial(input, n, call, lambda: no_values(name, n, input._array.shape))


def avg_pool1d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The average of every window over one dimension; see :func:`avg_pool2d`.

    Shapes: input (n, c, L) or (c, L).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.avg_pool1d(at.tensor([[1.0, 3.0, 2.0, 5.0]]), 2)
    tensor([[2.0000, 3.5000]])
    """
    return _avg_pool(  # type: ignore[no-any-return]
        1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None
    )


@takes_out
def avg_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The average of every window of each channel of images.

    Args:
        input: (n, c, H, W) or (c, H, W), of floating dtype or int64 (rounded towards zero).
        kernel_size, stride, padding, ceil_mode: as of :func:`max_pool2d`; the padding is zeros.
        count_include_pad: whether those zeros count as elements of the window.
        divisor_override: divide the sums by this instead of the number of elements.

    The derivative gives each element of a window g divided by the same number; the tape keeps nothing.

    Errors: RuntimeError for sizes that do not fit, NotImplementedError for other dtypes.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.avg_pool2d(at.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    return _avg_pool(  # type: ignore[no-any-return]
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@takes_out
def avg_pool3d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The average of every window over three dimensions; see :func:`avg_pool2d`.

    Shapes: input (n, c, D, H, W) or (c, D, H, W).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.avg_pool3d(at.ones(2, 3, 4, 4, 4), 2).shape
    autotape.Size([2, 3, 2, 2, 2])
    """
    return _avg_pool(  # type: ignore[no-any-return]
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


# --- p-norm -------------------------------------------------------------------------------------------------


def _lp_pool(n: int, input: Any, p: float, kernel: Any, stride: Any, ceil_mode: bool) -> Any:
    name = f"lp_pool{n}d"
    input = tensor_input(input, "input", name)
    w = pooling_windows(name, n, input._array.shape, kernel, stride, 0, 1, ceil_mode)
    # A window over the end is short, and the mean that of the elements it has: as in PyTorch it is multiplied
    # by the size of a whole one.
    mean = _avg_pool(n, input**p, kernel, stride, 0, ceil_mode, True, None)
    return (mean.sign() * mean.abs().relu() * prod(w.kernel)) ** (1.0 / p)


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The power average ``(sum of x ** p) ** (1 / p)`` of every window over one dimension, p = ``norm_type``.

    Shapes: input (n, c, L) or (c, L).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.lp_pool1d(at.tensor([[3.0, 4.0, 6.0, 8.0]]), 2, 2)
    tensor([[ 5., 10.]])
    """
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)  # type: ignore[no-any-return]


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The power average ``(sum of x ** p) ** (1 / p)`` of every window of images, p = ``norm_type``.

    Shapes: input (n, c, H, W) or (c, H, W).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.lp_pool2d(at.tensor([[[3.0, 0.0], [0.0, 4.0]]]), 2, 2)
    tensor([[[5.]]])
    """
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)  # type: ignore[no-any-return]
