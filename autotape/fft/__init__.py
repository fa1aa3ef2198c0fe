"""Discrete Fourier transforms, differentiable to any order: each is linear, and its rule is its adjoint.

Computed by NumPy's pocketfft in the precision of the input.
"""

from __future__ import annotations

from autotape.fft.frequencies import fftfreq, fftshift, ifftshift, rfftfreq
from autotape.fft.hermitian import hfft, hfft2, hfftn, ihfft, ihfft2, ihfftn
from autotape.fft.real import irfft, irfft2, irfftn, rfft, rfft2, rfftn
from autotape.fft.standard import fft, fft2, fftn, ifft, ifft2, ifftn

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "hfft2",
    "hfftn",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "ihfft2",
    "ihfftn",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]
