"""Fourier transforms with the roles exchanged: a Hermitian signal, given by one half, has a real spectrum."""

from __future__ import annotations

from autotape.engine.tensor import Tensor
from autotape.fft._arguments import Dims, checked_norm, operand
from autotape.fft.real import half_spectrum, one, real_numbers
from autotape.ops._dims import dim_names
from autotape.ops._fourier import DUAL
from autotape.ops.complexes import conj

__all__ = ["hfft", "hfft2", "hfftn", "ihfft", "ihfft2", "ihfftn"]


@dim_names
def hfft(
    input: Tensor,
    n: int | None = None,
    dim: int = -1,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The real spectrum of n numbers of which the entries 0 ... n // 2 are given, the others conjugate.

    ``n`` defaults to 2 * (input's size - 1). It is :func:`irfft` of the conjugate, with the scaling of
    :func:`fft`.

    >>> import autotape as at
    >>> at.fft.hfft(at.tensor([1.0, 1j, 0.0]))
    tensor([ 1.,  3.,  1., -1.])
    """
    s, dims = one(input, n, dim, "hfft")
    return real_numbers(conj(operand(input, "hfft")), s, dims, DUAL[checked_norm(norm)], "hfft")


@dim_names
def ihfft(
    input: Tensor,
    n: int | None = None,
    dim: int = -1,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The inverse of :func:`hfft`: the entries 0 ... n // 2 of the signal whose spectrum is real.

    It is the conjugate of :func:`rfft`, divided by n. Errors: RuntimeError for complex input.

    >>> import autotape as at
    >>> at.fft.ihfft(at.tensor([1.0, 3.0, 1.0, -1.0])).imag
    tensor([-0.,  1., -0.])
    """
    s, dims = one(input, n, dim, "ihfft")
    return conj(half_spectrum(input, s, dims, DUAL[checked_norm(norm)], "ihfft"))


@dim_names
def hfft2(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """:func:`hfftn` over the last two dimensions, or over ``dim``.

    >>> import autotape as at
    >>> at.fft.hfft2(at.ones(2, 3)).shape
    autotape.Size([2, 4])
    """
    return real_numbers(conj(operand(input, "hfft2")), s, dim, DUAL[checked_norm(norm)], "hfft2")


@dim_names
def ihfft2(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """:func:`ihfftn` over the last two dimensions, or over ``dim``: the inverse of :func:`hfft2`.

    >>> import autotape as at
    >>> at.fft.ihfft2(at.ones(2, 4)).shape
    autotape.Size([2, 3])
    """
    return conj(half_spectrum(input, s, dim, DUAL[checked_norm(norm)], "ihfft2"))


@dim_names
def hfftn(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The real spectrum, over several dimensions, of a Hermitian signal given by one half along the last.

    ``s``, ``dim`` and ``norm`` as for :func:`fftn`; the last size in ``s``, that of the result, defaults to
    2 * (input's - 1).

    >>> import autotape as at
    >>> at.fft.hfftn(at.ones(1, 2))
    tensor([[2., 0.]])
    """
    return real_numbers(conj(operand(input, "hfftn")), s, dim, DUAL[checked_norm(norm)], "hfftn")


@dim_names
def ihfftn(
    input: Tensor,
    s: Dims | None = None,
    dim: Dims | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The inverse of :func:`hfftn`: one half, along the last dimension, of the signal with a real spectrum.

    >>> import autotape as at
    >>> at.fft.ihfftn(at.tensor([[2.0, 0.0]])).real
    tensor([[1., 1.]])
    """
    return conj(half_spectrum(input, s, dim, DUAL[checked_norm(norm)], "ihfftn"))
