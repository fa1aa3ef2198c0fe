"""Fourier transforms with the whole spectrum: fft and ifft over one, two and several dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.operation import CAST, apply
from autotape.engine.tensor import Tensor
from autotape.fft._arguments import Dims, along, check_one, checked_norm, operand, ready
from autotape.ops._dims import dim_names
from autotape.ops._fourier import c2c

__all__ = ["fft", "fft2", "fftn", "ifft", "ifft2", "ifftn"]


def _one(input: Any, n: Any, dim: int, norm: Any, name: str, inverse: bool) -> Tensor:
    x = operand(input, name)
    norm, dim = checked_norm(norm), along(dim, x._array.ndim)
    x, dims, _ = ready(x, None if n is None else check_one(n, name), (dim,), name)
    return c2c(x, dims, inverse, norm)  # type: ignore[no-any-return]


def _many(input: Any, s: Any, dim: Any, norm: Any, name: str, inverse: bool) -> Tensor:
    x = operand(input, name)
    norm = checked_norm(norm)
    x, dims, _ = ready(x, s, dim, name, needs_one=False)
    if not dims:
        to = np.result_type(x._array.dtype, np.complex64)
        return apply(CAST, (x,), to)  # type: ignore[no-any-return]
    return c2c(x, dims, inverse, norm)  # type: ignore[no-any-return]


@dim_names
def fft(
    input: Tensor,
    n: int | None = None,
    dim: int = -1,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The discrete Fourier transform: ``y[k] = sum_j x[j] exp(-2 pi i j k / n)`` along ``dim``.

    ``n`` cuts the input, or fills it up with zeros, first. ``norm``: ``"backward"`` (or None) as above,
    ``"forward"`` divides by n, ``"ortho"`` by sqrt(n), which makes the transform unitary. Result: complex64
    for float32 and for integers and booleans (in the default dtype), complex128 for float64. :func:`rfft`
    computes one half of a real input's spectrum, which tells all, in half the time.

    The derivative is the adjoint, an unscaled :func:`ifft` of the gradient. Errors: RuntimeError for float16
    or n < 1.

    >>> import autotape as at
    >>> at.fft.fft(at.tensor([1.0, 2.0, 3.0, 4.0]))
    tensor([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j])
    """
    return _one(input, n, dim, norm, "fft", inverse=False)


@dim_names
def ifft(
    input: Tensor,
    n: int | None = None,
    dim: int = -1,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The inverse of :func:`fft`: ``y[j] = 1/n sum_k x[k] exp(2 pi i j k / n)`` along ``dim``.

    Arguments and dtypes as for :func:`fft`; ``norm="forward"`` does not divide by n, ``"ortho"`` divides by
    sqrt(n). The derivative is the adjoint, :func:`fft` of the gradient divided by n.

    >>> import autotape as at
    >>> at.fft.ifft(at.fft.fft(at.tensor([1.0, 2.0, 4.0, 8.0]))).real
    tensor([1., 2., 4., 8.])
    """
    return _one(input, n, dim, norm, "ifft", inverse=True)


@dim_names
def fft2(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """:func:`fftn` over the last two dimensions, or over ``dim``.

    >>> import autotape as at
    >>> at.fft.fft2(at.eye(2))
    tensor([[2.+0.j, 0.+0.j],
            [0.+0.j, 2.+0.j]])
    """
    return _many(input, s, dim, norm, "fft2", inverse=False)


@dim_names
def ifft2(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """:func:`ifftn` over the last two dimensions, or over ``dim``: the inverse of :func:`fft2`.

    >>> import autotape as at
    >>> at.fft.ifft2(at.fft.fft2(at.eye(2))).real
    tensor([[1., 0.],
            [0., 1.]])
    """
    return _many(input, s, dim, norm, "ifft2", inverse=True)


@dim_names
def fftn(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The Fourier transform over several dimensions: :func:`fft` along each of ``dim``.

    ``s`` holds the sizes to which the input is cut or filled up with zeros, -1 for the input's own. ``dim``
    defaults to all dimensions, or to the last ``len(s)``. ``norm`` divides by the product n of the sizes
    (``"forward"``), by sqrt(n) (``"ortho"``) or not at all (``"backward"``, None).

    The derivative is the adjoint, an unscaled :func:`ifftn` of the gradient. Errors: RuntimeError for
    repeated dimensions, sizes < 1, or a number of sizes that is not that of the dimensions.

    >>> import autotape as at
    >>> at.fft.fftn(at.ones(2, 3)).real
    tensor([[6., 0., 0.],
            [0., 0., 0.]])
    """
    return _many(input, s, dim, norm, "fftn", inverse=False)


@dim_names
def ifftn(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The inverse of :func:`fftn`: :func:`ifft` along each of ``dim``; arguments as there.

    >>> import autotape as at
    >>> at.fft.ifftn(at.tensor([[6.0, 0.0], [0.0, 2.0]])).real
    tensor([[2., 1.],
            [1., 2.]])
    """
    return _many(input, s, dim, norm, "ifftn", inverse=True)
