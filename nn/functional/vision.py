"""Sampling of images at any places."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from autotape.engine.batched import fresh, wholly
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.nn.functional._common import floating_input
from autotape.nn.functional._taps import cubic_weights
from autotape.ops._accumulate import add_elements
from autotape.ops._rules import zero
from autotape.ops.joining import stack
from autotape.ops.shape import sizes

__all__ = ["affine_grid", "grid_sample"]

Array = np.ndarray[Any, Any]

# --- weighted sums of elements at given places --------------------------------------------------------------
#
#   sum_k w[n, k, p] * x[n, c, place[n, k, p]]
#
# is linear in x and in w, and each of its two adjoints is linear in two of (x, w, g): three operations that
# are the rules of one another. A place outside is the number S of elements: every line ends in a zero.


def _lines(x: Array) -> Array:
    """(N, C, S) with a zero after each line, flat."""
    n, c, _ = x.shape
    flat: Array = np.concatenate((x, fresh((n, c, 1), x)), 2).reshape(-1)
    return flat


def _in_lines(place: Array, k: int, channels: int, size: int) -> Array:
    """Where the k-th places (N, K, P) stand in the flat lines: (N, C, P)."""
    n = place.shape[0]
    starts = np.arange(n * channels).reshape(n, channels, 1) * (size + 1)
    places: Array = place[:, k, None] + starts
    return places


def _gather(x: Array, w: Array, place: Array, size: int) -> Array:
    flat, channels = _lines(x), x.shape[1]
    total: Any = 0
    for k in range(place.shape[1]):
        total = total + flat.take(_in_lines(place, k, channels, size)) * w[:, k, None]
    return total  # type: ignore[no-any-return]


def _scatter(g: Array, w: Array, place: Array, size: int) -> Array:
    n, channels, _ = g.shape
    out: Array = fresh((n, channels, size + 1), g)
    for k in range(place.shape[1]):
        add_elements(out, _in_lines(place, k, channels, size), g * w[:, k, None])
    return out[..., :size].copy()


def _correlate(g: Array, x: Array, place: Array, size: int) -> Array:
    flat, channels = _lines(x), x.shape[1]
    parts = [flat.take(_in_lines(place, k, channels, size)) * g for k in range(place.shape[1])]
    return np.stack([np.add.reduce(part, axis=1) for part in parts], 1)


def _run(operation: Operation, a: Any, b: Any, place: Array, size: int) -> Any:
    if isinstance(a, Tensor):
        return apply(operation, (a, b), place, size)
    return operation.forward(a, b, place, size)


_GATHER: Operation = Operation(
    "grid_gather",
    _gather,
    lambda g, _y, _x, w, place, size: _run(_SCATTER, g, w, place, size),
    lambda g, _y, x, _w, place, size: _run(_CORRELATE, g, x, place, size),
)
_SCATTER: Operation = Operation(
    "grid_scatter",
    _scatter,
    lambda g, _y, _g, w, place, size: _run(_GATHER, g, w, place, size),
    lambda g, _y, h, _w, place, size: _run(_CORRELATE, h, g, place, size),
)
_CORRELATE: Operation = Operation(
    "grid_correlate",
    _correlate,
    lambda g, _y, _g, x, place, size: _run(_GATHER, x, g, place, size),
    lambda g, _y, h, _x, place, size: _run(_SCATTER, h, g, place, size),
)


# --- grid_sample --------------------------------------------------------------------------------------------


def _reflected(p: Array, size: int, corners: bool) -> tuple[Array, Array]:
    """Coordinates mirrored into the image, and the sign of their derivative."""
    low, span = (0.0, float(size - 1)) if corners else (-0.5, float(size))
    if not span:
        return np.zeros_like(p), np.zeros_like(p)
    away = np.abs(p - low)
    sign = np.where(p < low, -np.ones_like(p), np.ones_like(p))
    turns = np.floor(away / span)
    rest = away - turns * span
    odd = turns % 2 == 1
    return np.where(odd, span - rest, rest) + low, np.where(odd, -sign, sign)


def _inside(p: Array, size: int, padding: str, corners: bool) -> tuple[Array, Array]:
    """Coordinates brought into the image as the padding mode says, and their derivative (1, -1 or 0)."""
    if padding == "zeros":
        return np.where(np.isfinite(p), p, _FAR), np.isfinite(p).astype(p.dtype)
    sign = np.ones_like(p)
    if padding == "reflection":
        p, sign = _reflected(p, size, corners)
    sign = sign * ((p > 0) & (p < size - 1))
    return np.clip(np.where(np.isnan(p), 0, p), 0, size - 1), sign


_FAR = -100.0  # a coordinate outside of every image, for those that are not finite


def _places(p: Array, size: int, mode: str, padding: str, corners: bool) -> tuple[list[Array], Any, Any]:
    """The elements that coordinates ``p`` lie between; slope and shift of the share of the second."""
    if mode == "bicubic":
        low = np.floor(np.where(np.isfinite(p), p, _FAR))
        return [_index(_inside(low + k, size, padding, corners)[0], size) for k in range(-1, 3)], 1, -low
    moved, slope = _inside(p, size, padding, corners)
    if mode == "nearest":
        return [_index(np.rint(moved), size)], None, None
    low = np.floor(moved)
    shift = moved - np.where(np.isfinite(p), slope * p, slope * _FAR) - low
    return [_index(low, size), _index(low + 1, size)], slope, shift


_WHOLE = Operation("whole", np.ones_like, zero)  # the share of the nearest element: 1, with a derivative of 0


def _taps(p: Tensor, size: int, mode: str, padding: str, corners: bool) -> tuple[list[Array], list[Any]]:
    """Along one dimension, the elements that coordinates ``p`` take part of, and their shares of the sum."""
    found, slope, shift = quietly(_places, p._array, size, mode, padding, corners)
    if mode == "nearest":
        return found, [apply(_WHOLE, (p,))]
    finite = quietly(np.isfinite, p._array)
    if not wholly(np.logical_and.reduce(finite, axis=None)):
        p = np.where(finite, p, _FAR)  # type: ignore[assignment]  # np.where of a Tensor is one
    t = p * (Tensor._wrap(slope) if isinstance(slope, np.ndarray) else slope) + Tensor._wrap(shift)
    return found, list(cubic_weights(t)) if mode == "bicubic" else [1 - t, t]


def _index(p: Array, size: int) -> Array:
    """Whole coordinates as indices, ``size`` for those outside."""
    return np.where((p >= 0) & (p < size), p, size).astype(np.intp)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The input's values at the places that ``grid`` names, interpolated.

    Args:
        input: (N, C, H, W) or (N, C, D, H, W).
        grid: (N, *out, 2) or (N, *out, 3): places (x, y) or (x, y, z); -1 and 1 are the image's edges.
        mode: "bilinear" (trilinear for 5-D), "nearest" or "bicubic" (4-D).
        padding_mode: outside of the image are "zeros", the nearest element of the "border", or its
            "reflection".
        align_corners: whether -1 and 1 are the centres of the corner elements, not their outer edges.

    The result is (N, C, *out). Derivatives by both, of any order ("nearest": 0 by the grid); kept for them
    are the input, and an index and a weight per place and tap (4, 8 or 16).

    Source: Jaderberg et al., Spatial transformer networks (2015).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> x = at.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    >>> F.grid_sample(x, at.tensor([[[[0.0, 0.0], [1.0, 1.0]]]]), align_corners=True)
    tensor([[[[1.5000, 3.0000]]]])
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: "
            f"'{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', "
            f"but got: '{padding_mode}'"
        )
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
            "Please specify align_corners=True if the old behavior is desired. See the documentation of "
            "grid_sample for details.",
            stacklevel=2,
        )
    input, grid = floating_input(input, "grid_sample"), floating_input(grid, "grid_sample", "grid")
    _check_grid(input, grid, mode)
    shape = input._array.shape
    spatial, out = shape[2:], grid._array.shape[1:-1]
    if input._array.dtype == np.float16:
        return grid_sample(input.float(), grid.float(), mode, padding_mode, bool(align_corners)).half()
    corners = bool(align_corners)
    count, points, size = shape[0], prod(out), prod(spatial)
    coordinates = grid.reshape(count, points, len(spatial))
    index: Array = np.zeros((count, 1, points), np.intp)
    weight: Any = None
    for d, n in enumerate(spatial):  # the last coordinate belongs to the first dimension
        u = coordinates[..., len(spatial) - 1 - d]
        p = (u + 1) * ((n - 1) / 2) if corners else ((u + 1) * n - 1) * 0.5
        places, shares = _taps(p, n, mode, padding_mode, corners)
        stacked = np.stack(places, 1)[:, None]
        known = index[:, :, None]
        index = np.where((known < size) & (stacked < n), known * n + stacked, size)
        index = index.reshape(count, known.shape[1] * stacked.shape[2], points)
        share = stack(shares, 1)
        weight = share if weight is None else (weight[:, :, None] * share[:, None]).reshape(index.shape)
    y: Tensor = apply(_GATHER, (input.reshape(count, shape[1], size), weight), index, size)
    return y.reshape(count, shape[1], *out)


def _check_grid(input: Tensor, grid: Tensor, mode: str) -> None:
    a, b = input._array.shape, grid._array.shape
    if not a or not b or a[0] != b[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{list(a)} and grid with sizes {list(b)}"
        )
    if b[-1] != len(a) - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {len(a) - 2} in last dimension, but got grid with "
            f"sizes {list(b)}"
        )
    if len(a) not in (4, 5) or len(a) != len(b):
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input "
            f"with sizes {list(a)} and grid with sizes {list(b)}"
        )
    if 0 in a[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
            f"{list(a)}"
        )
    if mode == "bicubic" and len(a) != 4:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if input._array.dtype != grid._array.dtype:
        raise RuntimeError(
            f"grid_sample: input and grid must have the same dtype, but got {input.dtype} and {grid.dtype}"
        )


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The places for :func:`grid_sample` that an affine map of the output's coordinates gives.

    Args:
        theta: (N, 2, 3) for ``size`` (N, C, H, W), (N, 3, 4) for (N, C, D, H, W): matrix and shift.
        align_corners: whether -1 and 1 are the centres of the corner elements, not their outer edges.

    The result is (N, H, W, 2) or (N, D, H, W, 3).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.affine_grid(at.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    theta = tensor_input(theta, "theta", "affine_grid")
    size = sizes((tuple(size),), "affine_grid", "size")
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
            "Please specify align_corners=True if the old behavior is desired. See the documentation of "
            "grid_sample for details.",
            stacklevel=2,
        )
    if theta._array.dtype.kind != "f":
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    dims = len(size) - 2
    if dims not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got "
            f"size {size}."
        )
    if theta._array.shape[-2:] != (dims, dims + 1) or theta._array.ndim != 3:
        raise ValueError(
            f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size {size}. Got "
            f"{theta.shape}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if align_corners and min(size[2:]) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when "
            "align_corners=True. This is not an intended use case of affine_grid. See the documentation of "
            "affine_grid for details.",
            stacklevel=2,
        )
    if theta._array.shape[0] != size[0]:
        raise RuntimeError(f"affine_grid: theta is a batch of {theta._array.shape[0]}, but size is {size}")
    lines = [_line(n, bool(align_corners)).astype(theta._array.dtype) for n in reversed(size[2:])]
    base = np.ones((*size[2:], dims + 1), theta._array.dtype)
    for d, line in enumerate(lines):
        base[..., d] = line.reshape([-1 if i == dims - 1 - d else 1 for i in range(dims)])
    return (Tensor._wrap(base.reshape(-1, dims + 1)) @ theta.mT).reshape(size[0], *size[2:], dims)


def _line(n: int, corners: bool) -> Array:
    """The centres of n elements between -1 and 1; or all the way."""
    if n <= 1:
        return np.zeros(1)
    return np.linspace(-1, 1, n) * (1 if corners else (n - 1) / n)
