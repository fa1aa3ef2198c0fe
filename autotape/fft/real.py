"""Fourier transforms between real numbers and one half of their spectrum: rfft, irfft in 1, 2, n dimensions.

The spectrum of real numbers is Hermitian, ``y[-k] = conj(y[k])``, so that the entries 0 ... n // 2 along the
last dimension tell all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.fft._arguments import HERMITIAN, Dims, along, check_one, checked_norm, operand, ready
from autotape.ops._dims import dim_names
from autotape.ops._fourier import c2r, r2c

__all__ = ["irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftn"]


def half_spectrum(input: Any, s: Any, dim: Any, norm: str, name: str) -> Tensor:
    """:func:`rfftn` under another function's name."""
    x, dims, _ = ready(operand(input, name, real=True), s, dim, name)
    return r2c(x, dims, norm)  # type: ignore[no-any-return]


def real_numbers(input: Any, s: Any, dim: Any, norm: str, name: str) -> Tensor:
    """:func:`irfftn` under another function's name."""
    x, dims, last = ready(operand(input, name), s, dim, name, HERMITIAN)
    return c2r(x, dims, norm, last)  # type: ignore[no-any-return]


def one(input: Any, n: Any, dim: int, name: str) -> tuple[Any, tuple[int]]:
    """``s`` and ``dim`` of the transform over several dimensions from ``n`` and ``dim`` of that over one."""
    return None if n is None else check_one(n, name), (along(dim, np.ndim(input)),)


@dim_names
def rfft(
    input: Tensor,
    n: int | None = None,
    dim: int = -1,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The entries 0 ... n // 2 of the Fourier transform of real numbers along ``dim``.

    ``y[k] = sum_j x[j] exp(-2 pi i j k / n)``; the others are the conjugates of these. ``n`` cuts the input,
    or fills it up with zeros, first. ``norm``: ``"backward"`` (or None) as above, ``"forward"`` divides by
    n, ``"ortho"`` by sqrt(n).

    The derivative is the real part of the adjoint: an unscaled :func:`irfft` of the gradient with its inner
    entries halved. Errors: RuntimeError for complex input.

    >>> import autotape as at
    >>> at.fft.rfft(at.tensor([1.0, 2.0, 3.0, 4.0]))
    tensor([10.+0.j, -2.+2.j, -2.+0.j])
    """
    return half_spectrum(input, *one(input, n, dim, "rfft"), checked_norm(norm), "rfft")


@dim_names
def irfft(
    input: Tensor,
    n: int | None = None,
    dim: int = -1,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The inverse of :func:`rfft`: n real numbers from the entries 0 ... n // 2 of their spectrum.

    ``n`` defaults to the even size 2 * (input's - 1): give it to get an odd one back. The imaginary part
    of entry 0, and of the last one of an even n, is not looked at. ``norm`` as for :func:`ifft`.

    The derivative is the adjoint: :func:`rfft` of the gradient divided by n, its inner entries doubled.

    >>> import autotape as at
    >>> at.fft.irfft(at.fft.rfft(at.tensor([1.0, 2.0, 4.0])), n=3)
    tensor([1., 2., 4.])
    """
    return real_numbers(input, *one(input, n, dim, "irfft"), checked_norm(norm), "irfft")


@dim_names
def rfft2(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """:func:`rfftn` over the last two dimensions, or over ``dim``.

    >>> import autotape as at
    >>> at.fft.rfft2(at.ones(2, 4)).shape
    autotape.Size([2, 3])
    """
    return half_spectrum(input, s, dim, checked_norm(norm), "rfft2")


@dim_names
def irfft2(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """:func:`irfftn` over the last two dimensions, or over ``dim``: the inverse of :func:`rfft2`.

    >>> import autotape as at
    >>> at.fft.irfft2(at.fft.rfft2(at.eye(2)))
    tensor([[1., 0.],
            [0., 1.]])
    """
    return real_numbers(input, s, dim, checked_norm(norm), "irfft2")


@dim_names
def rfftn(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The Fourier transform of real numbers over several dimensions, one half of it along the last.

    :func:`rfft` along the last of ``dim``, then :func:`fft` along the others. ``s``, ``dim`` and ``norm``
    as for :func:`fftn`. Errors: RuntimeError for complex input or no dimension.

    >>> import autotape as at
    >>> at.fft.rfftn(at.ones(2, 4)).real
    tensor([[8., 0., 0.],
            [0., 0., 0.]])
    """
    return half_spectrum(input, s, dim, checked_norm(norm), "rfftn")


@dim_names
def irfftn(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The inverse of :func:`rfftn`: real numbers from one half of their spectrum.

    The last size in ``s``, that of the result, defaults to 2 * (input's - 1).

    >>> import autotape as at
    >>> at.fft.irfftn(at.fft.rfftn(at.ones(2, 3)), s=(2, 3))
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    return real_numbers(input, s, dim, checked_norm(norm), "irfftn")
