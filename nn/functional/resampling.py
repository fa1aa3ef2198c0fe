"""Resizing: every output element is a weighted sum of a few input elements along each dimension.

The methods differ in the table of :class:`Taps` only. A dimension is resized by a product with the table as a
matrix (the fastest up to a few hundred elements) or by one `take` per tap; the derivative is the same
operation with the transposed table. Nothing but the table is kept for backward.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from autotape.engine.batched import is_batched
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.nn.functional._taps import FILTERS, Taps, taps_of

__all__ = ["interpolate", "resample", "upsample"]

Array = np.ndarray[Any, Any]

_DENSE = 64  # a product with the matrix costs less than `take` up to so many elements per tap


def _resample(x: Array, taps: Taps, dim: int) -> Array:
    if taps.weight is None:
        return x.take(taps.index[:, 0], axis=dim)
    count = taps.index.shape[1]
    if not is_batched(x) and taps.size <= _DENSE * count:
        before, after = x.shape[:dim], x.shape[dim + 1 :]
        matrix = taps.matrix(x.dtype)
        if not after:
            y = x.reshape(-1, x.shape[dim]).dot(matrix.T)
        else:
            y = np.matmul(matrix, x.reshape(prod(before), x.shape[dim], prod(after)))
        # Infinity and NaN would spread over the whole row: 0 * inf is NaN.
        if math.isfinite(np.add.reduce(y, axis=None)):
            return y.reshape(*before, len(matrix), *after)  # type: ignore[no-any-return]
    shape = (-1, *[1] * (x.ndim - dim - 1))
    total: Any = None
    for k in range(count):
        weight = taps.weight[:, k].astype(x.dtype)
        part = x.take(taps.index[:, k], axis=dim)
        if (weight != 1).any():
            part = part * weight.reshape(shape)
            if not weight.all():  # a tap that takes nothing: nor does it take infinity or NaN
                part = np.where(weight.reshape(shape) != 0, part, 0)
        total = part if total is None else total + part
    return total  # type: ignore[no-any-return]


def _resample_rule(g: Any, _y: Any, _x: Any, taps: Taps, dim: int) -> Any:
    back = taps.transposed
    return apply(_RESAMPLE, (g,), back, dim) if isinstance(g, Tensor) else _resample(g, back, dim)


_RESAMPLE = Operation("resample", _resample, _resample_rule)


def resample(input: Tensor, taps: Taps, dim: int) -> Tensor:
    """The input with the dimension ``dim`` replaced by the weighted sums that ``taps`` names."""
    return apply(_RESAMPLE, (input,), taps, dim)  # type: ignore[no-any-return]


def _resample_bytes(x: Array, taps: Taps, dim: int) -> Array:
    """Bytes in PyTorch's (and Pillow's) fixed-point arithmetic, rounded after each dimension."""
    if taps.weight is None:
        return _resample(x, taps, dim)
    exact, shift = taps.fixed_point
    y = _resample(x.astype(np.float64), exact, dim)
    return np.clip(np.floor((y + 2 ** (shift - 1)) / 2**shift), 0, 255).astype(np.uint8)  # type: ignore[no-any-return]


_RESAMPLE_BYTES = Operation("resample_bytes", _resample_bytes, None)


# --- interpolate --------------------------------------------------------------------------------------------

_NEEDS = {"linear": 3, "bilinear": 4, "bicubic": 4, "lanczos": 4, "trilinear": 5}
_MODES = ("nearest", "linear", "bilinear", "bicubic", "trilinear", "lanczos", "area", "nearest-exact")


def _given(value: Any, spatial: Sequence[int], name: str, what: str) -> list[Any]:
    """One number for all dimensions or one for each, as a list."""
    if not isinstance(value, (tuple, list)):
        return [value] * len(spatial)
    if len(value) != len(spatial):
        raise ValueError(
            f"Input and {name} must have the same number of spatial dimensions, but got input with spatial "
            f"dimensions of {list(spatial)} and {what} {tuple(value)}. Please provide input tensor in "
            f"(N, C, d1, d2, ..., dK) format and one number per spatial dimension, or one for all."
        )
    return list(value)


def _sizes(spatial: Sequence[int], size: Any, scale_factor: Any) -> tuple[list[int], list[float | None]]:
    """The output's sizes and the scale factors that give them."""
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if scale_factor is not None:
        scales = [float(s) for s in _given(scale_factor, spatial, "scale_factor", "scale_factor of shape")]
        return [math.floor(n * s) for n, s in zip(spatial, scales, strict=True)], list(scales)
    sizes = _given(size, spatial, "output size", "output size of")
    if not all(hasattr(n, "__index__") for n in sizes):
        raise TypeError(
            "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], but "
            f"got size with types {[type(n) for n in sizes]}"
        )
    return [n.__index__() for n in sizes], [None] * len(spatial)


def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """The input at another resolution: (N, C, *sizes) -> (N, C, *new sizes).

    Args:
        size, scale_factor: the new sizes, or how many times the old ones; one number or one per dimension.
        mode: "nearest", "nearest-exact" (as image libraries round), "area" (means), "linear" (of a 3-D
            input), "bilinear" and "bicubic" (4-D), "trilinear" (5-D), "lanczos" (4-D, with ``antialias``).
        align_corners: of the linear and cubic modes: the centres of the corner elements stay where they are,
            not their outer edges.
        recompute_scale_factor: use (new size / old size) instead of ``scale_factor`` itself.
        antialias: of "bilinear", "bicubic" and "lanczos": filter over all elements when the output is
            smaller.

    The derivative is the transposed linear map. uint8 is computed in fixed point.
    Errors: ValueError and NotImplementedError for arguments that do not go together, RuntimeError for an
    empty input or output.

    Source: Keys, Cubic convolution interpolation for digital image processing (1981), with a = -0.75, and
    -0.5 with ``antialias``.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.interpolate(at.tensor([[[0.0, 2.0]]]), scale_factor=2, mode="linear")
    tensor([[[0.0000, 0.5000, 1.5000, 2.0000]]])
    """
    input = tensor_input(input, "input", "interpolate")
    x = input._array
    if mode in ("nearest", "area", "nearest-exact") and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic "
            "| trilinear"
        )
    corners = bool(align_corners)
    spatial = x.shape[2:]
    sizes, scales = _sizes(spatial, size, scale_factor)
    if recompute_scale_factor is not None and recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if recompute_scale_factor:
        scales = [None] * len(scales)
    elif mode == "nearest" and len(spatial) == 2:  # as in PyTorch, what keeps its size is not moved
        scales = [None if n == m else s for n, m, s in zip(spatial, sizes, scales, strict=True)]
    if antialias and not (mode in FILTERS and x.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D "
            "tensor as input"
        )
    _check_interpolate(input, mode, sizes, corners, antialias)
    dtype = x.dtype
    # The dimension that shrinks most first: the least work. Of bytes the last first, as PyTorch rounds them.
    order = sorted(range(len(spatial)), key=lambda d: (dtype.kind == "f" and sizes[d] / spatial[d], -d))
    single = dtype != np.float64
    tables = [
        (d + 2, taps_of(mode, spatial[d], sizes[d], corners, scales[d], antialias, single)) for d in order
    ]
    used = [(dim, taps) for dim, taps in tables if taps is not None]
    if not used:
        return input.clone()
    if dtype.kind == "u":
        for dim, taps in used:
            input = apply(_RESAMPLE_BYTES, (input,), taps, dim)
        return input
    y = input.float() if dtype == np.float16 else input
    for dim, taps in used:
        y = resample(y, taps, dim)
    return y.half() if dtype == np.float16 else y


def _check_interpolate(
    input: Tensor, mode: str, sizes: Sequence[int], corners: bool, antialias: bool
) -> None:
    shape, kind = input._array.shape, input._array.dtype
    needed = _NEEDS.get(mode)
    if (
        mode not in _MODES
        or len(shape) not in (3, 4, 5)
        or (needed == 4 and mode != "bilinear" and len(shape) != 4)
    ):
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported"
            f" (got {len(shape)}D) for the modes: {' | '.join(_MODES)} (got {mode})"
        )
    if needed is not None and len(shape) != needed:
        raise NotImplementedError(f"Got {len(shape)}D input, but {mode} mode needs {needed}D input")
    if mode == "lanczos" and (corners or not antialias):
        raise ValueError("Lanczos mode requires antialias=True and does not support align_corners=True")
    if not shape[1]:
        raise RuntimeError(
            f"Non-empty {len(shape)}D data tensor expected but got a tensor with sizes {list(shape)}"
        )
    if min(*shape[2:], *sizes) <= 0:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(shape[2:])} output "
            f"{list(sizes)}"
        )
    bytes_too = kind == np.uint8 and mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "lanczos")
    if kind.kind != "f" and not bytes_too:
        raise NotImplementedError(
            f'"interpolate" with mode "{mode}" is not implemented for {input.dtype}; convert it first, for '
            "example with .float()"
        )


def upsample(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """The older name of :func:`interpolate`; warns.

    >>> import autotape as at, warnings
    >>> import autotape.nn.functional as F
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     F.upsample(at.ones(1, 1, 2), 4).shape
    autotape.Size([1, 1, 4])
    """
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, mode, align_corners)
