"""The windows of images as columns, and columns added up to images."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.nn.functional._windows import Windows, add_windows, windows

__all__ = ["fold", "unfold"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def _columns(x: Array, w: Windows) -> Array:
    n, c = x.shape[:2]
    out: Array = windows(x, w).reshape(n, c * prod(w.kernel), prod(w.counts))
    return out.copy() if type(out) is np.ndarray and np.may_share_memory(out, x) else out


def _added(columns: Array, w: Windows) -> Array:
    n, rows = columns.shape[:2]
    return add_windows(columns.reshape(n, rows // prod(w.kernel), *w.kernel, *w.counts), w)


def _unfold_rule(g: Any, _y: Any, _x: Any, w: Windows) -> Any:
    return apply(_FOLD, (g,), w) if isinstance(g, Tensor) else _added(g, w)


def _fold_rule(g: Any, _y: Any, _x: Any, w: Windows) -> Any:
    return apply(_UNFOLD, (g,), w) if isinstance(g, Tensor) else _columns(g, w)


_UNFOLD = Operation("im2col", _columns, _unfold_rule)
_FOLD = Operation("col2im", _added, _fold_rule)


def _pair(name: str, what: str, value: Any, least: int) -> Shape:
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise RuntimeError(f"{name}(): It is expected {what} equals to 2, but got size {len(pair)}")
    if not all(isinstance(v, (int, np.integer)) for v in pair):
        raise TypeError(f"{name}(): {what} must be an int or a pair of ints, but got {value!r}")
    if min(pair) < least:
        raise RuntimeError(
            f"{name}(): {what} should be {'greater than zero' if least else 'non-negative'}, but got "
            f"{list(pair)}"
        )
    return pair


def _windows(name: str, size: Shape, kernel: Any, dilation: Any, padding: Any, stride: Any) -> Windows:
    k, d = _pair(name, "kernel_size", kernel, 1), _pair(name, "dilation", dilation, 1)
    p, s = _pair(name, "padding", padding, 0), _pair(name, "stride", stride, 1)
    count = tuple([(i + 2 * pp - dd * (kk - 1) - 1) // ss + 1 for i, kk, dd, pp, ss in zip(size, k, d, p, s)])
    if min(count) < 1:
        raise RuntimeError(
            f"{name}(): Given spatial size {size}, kernel_size={k}, dilation={d}, padding={p}, stride={s}, "
            f"calculated shape of the array of sliding blocks as {count}, but its components must be at "
            "least one."
        )
    return Windows(size, count, k, s, p, d)


def _floating(value: Any, name: str, dims: tuple[int, int], empty: int) -> Tensor:
    """The input, checked: ``dims`` dimensions, of a batch or one sample, and nothing empty but the batch."""
    input = tensor_input(value, "input", name)
    shape = input._array.shape
    if input._array.dtype.kind not in "fcb":
        raise NotImplementedError(f'"{name}" not implemented for {input.dtype}; convert it first')
    if len(shape) not in dims or 0 in shape[len(shape) - empty :]:
        raise RuntimeError(
            f"{name}(): Expected {dims[0]}D or {dims[1]}D (batch mode) tensor with possibly 0 batch size and "
            f"other non-zero dimensions for input, but got: {list(shape)}"
        )
    return input


def unfold(
    input: Tensor,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """The windows of images as columns (im2col).

    Args:
        input: (n, c, H, W) or (c, H, W), of floating, complex or bool dtype.
        kernel_size, dilation, padding, stride: of the windows, as of :func:`conv2d`; an int or a pair.

    The result is (n, c * kH * kW, L) with the L windows in row-major order: its product with a weight
    (out, c * kH * kW) is a convolution. The derivative is :func:`fold`.

    Errors: RuntimeError for sizes that do not fit.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.unfold(at.arange(6.0).reshape(1, 2, 3), 2)
    tensor([[0., 1.],
            [1., 2.],
            [3., 4.],
            [4., 5.]])
    """
    input = _floating(input, "unfold", (3, 4), 3)
    w = _windows("unfold", input._array.shape[-2:], kernel_size, dilation, padding, stride)
    if input._array.ndim == 3:
        return apply(_UNFOLD, (input.unsqueeze(0),), w).squeeze(0)  # type: ignore[no-any-return]
    return apply(_UNFOLD, (input,), w)  # type: ignore[no-any-return]


def fold(
    input: Tensor,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """Images of the columns that :func:`unfold` makes (col2im): where windows overlap they add up.

    Args:
        input: (n, c * kH * kW, L) or (c * kH * kW, L), as many columns as there are windows.
        output_size: (H, W) of the result (n, c, H, W); an int for both.
        kernel_size, dilation, padding, stride: those of unfold.

    The derivative is :func:`unfold`. Errors: RuntimeError for sizes that do not fit.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.fold(at.ones(4, 2), (2, 3), 2)
    tensor([[[1., 2., 1.],
             [1., 2., 1.]]])
    """
    input = _floating(input, "fold", (2, 3), 2)
    shape = input._array.shape
    size = _pair("fold", "output_size", output_size, 1)
    w = _windows("fold", size, kernel_size, dilation, padding, stride)
    if shape[-2] % prod(w.kernel):
        raise RuntimeError(
            "fold(): Expected size of input's dimension 1 to be divisible by the product of kernel_size, but "
            f"got input.size(1)={shape[-2]} and kernel_size={w.kernel}."
        )
    if shape[-1] != prod(w.counts):
        raise RuntimeError(
            f"fold(): Given output_size={size}, kernel_size={w.kernel}, dilation={w.dilation}, "
            f"padding={w.before}, stride={w.stride}, expected size of input's dimension 2 to match the "
            f"calculated number of sliding blocks {' * '.join(map(str, w.counts))} = {prod(w.counts)}, but "
            f"got input.size(2)={shape[-1]}."
        )
    if len(shape) == 2:
        return apply(_FOLD, (input.unsqueeze(0),), w).squeeze(0)  # type: ignore[no-any-return]
    return apply(_FOLD, (input,), w)  # type: ignore[no-any-return]
