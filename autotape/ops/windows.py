"""Window functions: numbers that fall off towards both ends, with which a piece of a signal is multiplied.

``periodic`` windows are one period of a function that repeats, as spectra want it: the symmetric window of
one more number, without the last.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike, default_dtype, from_numpy_dtype
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._making import finish, integer, target_dtype

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]

Array = np.ndarray[Any, Any]


# --- shapes: functions of the position k = 0 ... last -------------------------------------------------------


def cosines(k: Array, last: float, *a: float) -> Array:
    """``sum_i (-1)**i a[i] cos(2 pi i k / last)``."""
    w = np.full(k.shape, a[0])
    for i, factor in enumerate(a[1:], 1):
        w += (-1) ** i * factor * np.cos(2 * math.pi * i / last * k)
    return w


def triangle(k: Array, last: float) -> Array:
    """From 0 up to 1 in the middle and down to 0."""
    return 1 - np.abs(2 * k / last - 1)


def kaiser(k: Array, last: float, beta: float) -> Array:
    """``i0(beta sqrt(1 - (2 k / last - 1)**2)) / i0(beta)``."""
    inside = np.maximum(1 - (2 * k / last - 1) ** 2, 0)
    return np.asarray(np.i0(beta * np.sqrt(inside)) / np.i0(beta))


def sampled(count: int, periodic: bool, shape: Callable[..., Array], *parameters: float) -> Array:
    """The ``count`` numbers of a window in float64; a single one is 1."""
    if count < 2:
        return np.ones(count)
    return np.asarray(quietly(shape, np.arange(count), count - (not periodic), *parameters))


def _window(
    function: str,
    window_length: Any,
    periodic: bool,
    dtype: Any,
    layout: Any,
    device: Any,
    requires_grad: bool,
    shape: Callable[..., Array],
    *parameters: float,
) -> Tensor:
    count = integer(window_length, function, "window_length")
    if count < 0:
        raise RuntimeError(
            f"{function} requires non-negative window_length, got window_length={window_length}"
        )
    to = target_dtype(dtype, default_dtype())
    if to.kind != "f":
        error = NotImplementedError if to.kind == "c" else RuntimeError
        raise error(f"{function} expects floating point dtypes, got: {from_numpy_dtype(to)}")
    array = sampled(count, periodic, shape, *parameters).astype(to)
    return finish(array, device, requires_grad, None, function, layout)


# --- PyTorch's windows --------------------------------------------------------------------------------------


def hann_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """The Hann window ``(1 - cos(2 pi k / N)) / 2``, where N is the length (of a symmetric one: less 1).

    >>> import autotape as at
    >>> at.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window(
        "hann_window", window_length, periodic, dtype, layout, device, requires_grad, cosines, 0.5, 0.5
    )


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """The Hamming window ``alpha - beta cos(2 pi k / N)``.

    >>> import autotape as at
    >>> at.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    return _window(
        "hamming_window", window_length, periodic, dtype, layout, device, requires_grad, cosines, alpha, beta
    )


def blackman_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """The Blackman window ``0.42 - 0.5 cos(2 pi k / N) + 0.08 cos(4 pi k / N)``.

    >>> import autotape as at
    >>> at.blackman_window(4)[1:]
    tensor([0.3400, 1.0000, 0.3400])
    """
    return _window(
        "blackman_window",
        window_length,
        periodic,
        dtype,
        layout,
        device,
        requires_grad,
        cosines,
        0.42,
        0.5,
        0.08,
    )


def bartlett_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """The Bartlett window, a triangle: ``1 - abs(2 k / N - 1)``.

    >>> import autotape as at
    >>> at.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window("bartlett_window", window_length, periodic, dtype, layout, device, requires_grad, triangle)


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """The Kaiser window ``i0(beta sqrt(1 - (2 k / N - 1)**2)) / i0(beta)``: the larger beta, the narrower.

    ``i0`` is the modified Bessel function of the first kind of order 0.

    >>> import autotape as at
    >>> at.kaiser_window(3, periodic=False, beta=0.0)
    tensor([1., 1., 1.])
    """
    return _window(
        "kaiser_window", window_length, periodic, dtype, layout, device, requires_grad, kaiser, beta
    )
