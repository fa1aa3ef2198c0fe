"""The three transforms that all Fourier operations are made of, and the operations that resize and cut.

Each transform is linear, so its derivative is its adjoint, which is again one of the three: the same sum with
the conjugate exponent. ``norm`` is NumPy's; the adjoint of a transform that divides by n is one that divides
by n as well, which under the opposite direction has the other name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.batched import fresh
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor

__all__ = ["DUAL", "c2c", "c2r", "frames", "overlap_add", "r2c", "resized"]

Array = np.ndarray[Any, Any]
Dims = tuple[int, ...]

DUAL = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _run(operation: Operation, x: Any, *constants: Any) -> Any:
    return apply(operation, (x,), *constants) if isinstance(x, Tensor) else operation.forward(x, *constants)


# --- complex to complex -------------------------------------------------------------------------------------


def _c2c_forward(x: Array, dims: Dims, inverse: bool, norm: Any) -> Array:
    transform = np.fft.ifft if inverse else np.fft.fft
    for dim in reversed(dims):
        x = transform(x, None, dim, norm)
    return x


def _c2c_rule(g: Any, _y: Any, _x: Any, dims: Dims, inverse: bool, norm: Any) -> Any:
    return c2c(g, dims, not inverse, DUAL[norm])


_C2C = Operation("fft_c2c", _c2c_forward, _c2c_rule)


def c2c(x: Any, dims: Dims, inverse: bool, norm: str) -> Any:
    """``y[k] = sum_j x[j] exp(-+2 pi i j k / n)`` along each of ``dims``, of complex or real numbers."""
    return _run(_C2C, x, dims, inverse, norm)


# --- real to complex and back -------------------------------------------------------------------------------


def _weighted(x: Any, dim: int, n: int, weight: float) -> Any:
    """The half spectrum of n numbers, times ``weight`` where an entry stands for its mirror image as well."""
    weights = np.full(n // 2 + 1, weight, x.real.dtype if isinstance(x, np.ndarray) else x._array.real.dtype)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return x * weights.reshape((-1,) + (1,) * (x.ndim - 1 - dim))


def _r2c_forward(x: Array, dims: Dims, norm: Any) -> Array:
    x = np.fft.rfft(x, None, dims[-1], norm)
    for dim in reversed(dims[:-1]):
        x = np.fft.fft(x, None, dim, norm)
    return x


def _r2c_rule(g: Any, _y: Any, _x: Any, dims: Dims, norm: Any, n: int) -> Any:
    return c2r(_weighted(g, dims[-1], n, 0.5), dims, DUAL[norm], n)


_R2C = Operation("fft_r2c", lambda x, dims, norm, _n: _r2c_forward(x, dims, norm), _r2c_rule)


def r2c(x: Any, dims: Dims, norm: str) -> Any:
    """The first n // 2 + 1 entries along the last of ``dims`` of the spectrum of real numbers."""
    return _run(_R2C, x, dims, norm, x.shape[dims[-1]])


def _c2r_forward(x: Array, dims: Dims, norm: Any, n: int) -> Array:
    for dim in dims[:-1]:
        x = np.fft.ifft(x, None, dim, norm)
    return np.fft.irfft(x, n, dims[-1], norm)


def _c2r_rule(g: Any, _y: Any, _x: Any, dims: Dims, norm: Any, n: int) -> Any:
    return _weighted(r2c(g, dims, DUAL[norm]), dims[-1], n, 2)


_C2R = Operation("fft_c2r", _c2r_forward, _c2r_rule)


def c2r(x: Any, dims: Dims, norm: str, n: int) -> Any:
    """The n real numbers along the last of ``dims`` whose half spectrum (n // 2 + 1 entries) is given."""
    return _run(_C2R, x, dims, norm, n)


# --- sizes --------------------------------------------------------------------------------------------------


def _resize_forward(x: Array, dims: Dims, sizes: Dims) -> Array:
    for dim, size in zip(dims, sizes):
        lacking = size - x.shape[dim]
        if lacking > 0:
            x = np.concatenate((x, np.zeros((*x.shape[:dim], lacking, *x.shape[dim + 1 :]), x.dtype)), dim)
        elif lacking < 0:
            x = x[(*(slice(None),) * dim, slice(size))]
    return x


def _resize_rule(g: Any, _y: Any, _x: Any, dims: Dims, _sizes: Dims, given: Dims) -> Any:
    return resized(g, dims, given)


_RESIZE = Operation("resize", lambda x, dims, sizes, _given: _resize_forward(x, dims, sizes), _resize_rule)


def resized(x: Any, dims: Dims, sizes: Dims) -> Any:
    """Cut at the end, or filled up with zeros, to ``sizes`` along ``dims``; ``x`` itself if it fits."""
    given = tuple([x.shape[d] for d in dims])
    return x if given == sizes else _run(_RESIZE, x, dims, sizes, given)


# --- frames -------------------------------------------------------------------------------------------------


def _frames_forward(x: Array, size: int, hop: int, _length: int) -> Array:
    return np.lib.stride_tricks.sliding_window_view(x, size, -1)[..., ::hop, :]


def _frames_rule(g: Any, _y: Any, _x: Any, _size: int, hop: int, length: int) -> Any:
    return overlap_add(g, hop, length)


_FRAMES = Operation("frames", _frames_forward, _frames_rule)


def frames(x: Any, size: int, hop: int) -> Any:
    """``y[..., t, k] = x[..., t * hop + k]``: (..., length) -> (..., frames, size)."""
    return _run(_FRAMES, x, size, hop, x.shape[-1])


def _overlap_forward(x: Array, hop: int, length: int, _size: int) -> Array:
    count, size = x.shape[-2:]
    y: Array = fresh((*x.shape[:-2], length), x)
    if size <= count:  # the shorter of the two loops
        for k in range(size):
            y[..., k : k + hop * (count - 1) + 1 : hop] += x[..., k]
    else:
        for t in range(count):
            y[..., t * hop : t * hop + size] += x[..., t, :]
    return y


def _overlap_rule(g: Any, _y: Any, _x: Any, hop: int, _length: int, size: int) -> Any:
    return frames(g, size, hop)


_OVERLAP = Operation("overlap_add", _overlap_forward, _overlap_rule)


def overlap_add(x: Any, hop: int, length: int) -> Any:
    """The adjoint of :func:`frames`: frames ``hop`` apart added up, (..., frames, size) -> (..., length)."""
    return _run(_OVERLAP, x, hop, length, x.shape[-1])
