# ruff: noqa: N803 - M is PyTorch's name
"""Window functions of M numbers, symmetric unless ``sym=False`` asks for one period of a repeating function.

Of the default dtype, or of ``dtype``: float32 or float64. Below, k = 0 ... M - 1 and N = M - 1 (M, where
``sym`` is False). Errors: ValueError for a negative M, another dtype or a parameter out of its range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike, default_dtype, from_numpy_dtype
from autotape.engine.tensor import Tensor
from autotape.ops import windows
from autotape.ops._making import check_layout, finish, integer, target_dtype

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]

Array = np.ndarray[Any, Any]


def _window(
    name: str,
    M: Any,
    sym: bool,
    dtype: Any,
    layout: Any,
    device: Any,
    requires_grad: bool,
    shape: Callable[..., Array],
    *parameters: float,
) -> Tensor:
    count = integer(M, name, "M")
    if count < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={count}")
    try:
        check_layout(layout, name)
        to = target_dtype(dtype, default_dtype())
    except NotImplementedError as error:
        raise ValueError(str(error)) from None
    if to.kind != "f" or to.itemsize < 4:
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {from_numpy_dtype(to)}")
    array = windows.sampled(count, not sym, shape, *parameters)
    return finish(array.astype(to), device, requires_grad)


def _positive(value: float, what: str) -> float:
    if not value > 0:
        raise ValueError(f"{what} must be positive, got: {value} instead.")
    return value


def bartlett(
    M: int,
    *,
    sym: bool = True,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A triangle: ``1 - abs(2 k / N - 1)``.

    >>> import autotape as at
    >>> at.signal.windows.bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _window("bartlett", M, sym, dtype, layout, device, requires_grad, windows.triangle)


def blackman(
    M: int,
    *,
    sym: bool = True,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``0.42 - 0.5 cos(2 pi k / N) + 0.08 cos(4 pi k / N)``.

    >>> import autotape as at
    >>> at.signal.windows.blackman(5)[1:-1]
    tensor([0.3400, 1.0000, 0.3400])
    """
    return _window("blackman", M, sym, dtype, layout, device, requires_grad, windows.cosines, 0.42, 0.5, 0.08)


def _cosine(k: Array, last: float) -> Array:
    return np.sin(np.pi * (k + 0.5) / (last + 1))


def cosine(
    M: int,
    *,
    sym: bool = True,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Half a wave: ``sin(pi (k + 1/2) / (N + 1))``.

    >>> import autotape as at
    >>> at.signal.windows.cosine(3)
    tensor([0.5000, 1.0000, 0.5000])
    """
    return _window("cosine", M, sym, dtype, layout, device, requires_grad, _cosine)


def _exponential(k: Array, last: float, center: float, tau: float) -> Array:
    return np.exp(-np.abs(k - center) / tau)


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``exp(-abs(k - center) / tau)``; the centre is N / 2 unless given (for ``sym=False`` only).

    >>> import autotape as at
    >>> at.signal.windows.exponential(3)
    tensor([0.3679, 1.0000, 0.3679])
    """
    _positive(tau, "Tau")
    if center is None:
        center = (M - 1 if sym else M) / 2
    elif sym:
        raise ValueError("Center must be None for symmetric windows")
    return _window("exponential", M, sym, dtype, layout, device, requires_grad, _exponential, center, tau)


def _gaussian(k: Array, last: float, std: float) -> Array:
    return np.exp(-0.5 * ((k - last / 2) / std) ** 2)


def gaussian(
    M: int,
    *,
    std: float = 1.0,
    sym: bool = True,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``exp(-((k - N / 2) / std)**2 / 2)``.

    >>> import autotape as at
    >>> at.signal.windows.gaussian(3)
    tensor([0.6065, 1.0000, 0.6065])
    """
    _positive(std, "Standard deviation")
    return _window("gaussian", M, sym, dtype, layout, device, requires_grad, _gaussian, std)


def general_cosine(
    M: int,
    *,
    a: Iterable[float],
    sym: bool = True,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``a[0] - a[1] cos(2 pi k / N) + a[2] cos(4 pi k / N) - ...``.

    >>> import autotape as at
    >>> at.signal.windows.general_cosine(3, a=[0.5, 0.25])
    tensor([0.2500, 0.7500, 0.2500])
    """
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    factors = tuple(a)
    if not factors:
        raise ValueError("Coefficients cannot be empty")
    return _window("general_cosine", M, sym, dtype, layout, device, requires_grad, windows.cosines, *factors)


def general_hamming(
    M: int,
    *,
    alpha: float = 0.54,
    sym: bool = True,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``alpha - (1 - alpha) cos(2 pi k / N)``.

    >>> import autotape as at
    >>> at.signal.windows.general_hamming(3, alpha=0.75)
    tensor([0.5000, 1.0000, 0.5000])
    """
    return _window(
        "general_hamming", M, sym, dtype, layout, device, requires_grad, windows.cosines, alpha, 1.0 - alpha
    )


def hamming(
    M: int,
    *,
    sym: bool = True,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``0.54 - 0.46 cos(2 pi k / N)``.

    >>> import autotape as at
    >>> at.signal.windows.hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return _window("hamming", M, sym, dtype, layout, device, requires_grad, windows.cosines, 0.54, 0.46)


def hann(
    M: int,
    *,
    sym: bool = True,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``(1 - cos(2 pi k / N)) / 2``.

    >>> import autotape as at
    >>> at.signal.windows.hann(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _window("hann", M, sym, dtype, layout, device, requires_grad, windows.cosines, 0.5, 0.5)


def kaiser(
    M: int,
    *,
    beta: float = 12.0,
    sym: bool = True,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``i0(beta sqrt(1 - (2 k / N - 1)**2)) / i0(beta)``: the larger beta, the narrower.

    >>> import autotape as at
    >>> at.signal.windows.kaiser(3, beta=0.0)
    tensor([1., 1., 1.])
    """
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _window("kaiser", M, sym, dtype, layout, device, requires_grad, windows.kaiser, beta)


def nuttall(
    M: int,
    *,
    sym: bool = True,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Nuttall's: :func:`general_cosine` with 0.3635819, 0.4891775, 0.1365995, 0.0106411 (Nuttall 1981).

    >>> import autotape as at
    >>> at.signal.windows.nuttall(3)[1]
    tensor(1.)
    """
    a = (0.3635819, 0.4891775, 0.1365995, 0.0106411)
    return _window("nuttall", M, sym, dtype, layout, device, requires_grad, windows.cosines, *a)
