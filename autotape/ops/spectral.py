"""The short-time Fourier transform: spectra of overlapping pieces of a signal, and back."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.ops._fourier import c2c, c2r, frames, overlap_add, r2c, resized
from autotape.ops._making import integer
from autotape.ops.complexes import view_as_real
from autotape.ops.joining import cat

__all__ = ["istft", "stft"]

methods = __all__
in_place: list[str] = []


def _sizes(function: str, n_fft: Any, hop_length: Any, win_length: Any) -> tuple[int, int, int]:
    size = integer(n_fft, function, "n_fft")
    hop = size // 4 if hop_length is None else integer(hop_length, function, "hop_length")
    width = size if win_length is None else integer(win_length, function, "win_length")
    if size < 1:
        raise RuntimeError(f"{function}: expected n_fft > 0, but got n_fft={size}")
    if hop < 1:
        raise RuntimeError(f"{function}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < width <= size:
        raise RuntimeError(f"{function}: expected 0 < win_length <= n_fft={size}, but got win_length={width}")
    return size, hop, width


def _window(function: str, window: Tensor | None, size: int, width: int, dtype: Any) -> Any:
    """The window, zeros on both sides up to ``size``; None stands for ones."""
    if window is None:
        warnings.warn(
            "A window was not provided. A rectangular window will be applied, which is known to cause "
            f"spectral leakage; give {function}(window=autotape.hann_window(...)), or ones to have it "
            "without a warning.",
            UserWarning,
            stacklevel=3,
        )
        if width == size:
            return None
        window = Tensor._wrap(np.ones(width, dtype))
    window = tensor_input(window, "window", function)
    if window._array.shape != (width,):
        raise RuntimeError(
            f"{function}: expected a 1D window tensor of size equal to win_length={width}, but got window "
            f"with size {list(window.shape)}"
        )
    before = (size - width) // 2
    if width == size:
        return window
    kind = window._array.dtype
    parts = [Tensor._wrap(np.zeros(n, kind)) for n in (before, size - width - before)]
    return cat([parts[0], window, parts[1]])


def _padded(x: Tensor, pad: int, mode: str) -> Tensor:
    """``pad`` numbers more at both ends of the last dimension."""
    length = x._array.shape[-1]
    if mode == "constant":
        edge = Tensor._wrap(np.zeros((*x._array.shape[:-1], pad), x._array.dtype))
        ends = edge, edge
    elif mode == "reflect":
        if pad >= length:
            raise RuntimeError(
                "Padding size should be less than the corresponding input dimension, but got: padding "
                f"({pad}, {pad}) at dimension -1 of input {list(x.shape)}"
            )
        ends = x[..., 1 : pad + 1].flip(-1), x[..., length - 1 - pad : length - 1].flip(-1)
    elif mode == "replicate":
        sides = (*x._array.shape[:-1], pad)
        ends = x[..., :1].expand(sides), x[..., -1:].expand(sides)
    elif mode == "circular":
        if pad > length:
            raise RuntimeError(f"Padding value causes wrapping around more than once: {pad} > {length}")
        ends = x[..., length - pad :], x[..., :pad]
    else:
        raise NotImplementedError(
            f"Unrecognised padding mode {mode}; it is constant, reflect, replicate or circular"
        )
    return cat([ends[0], x, ends[1]], -1)


def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """The short-time Fourier transform: the spectra of pieces of the signal, ``hop_length`` apart.

    ``y[w, m] = sum_k window[k] x[m hop_length + k] exp(-2 pi i w k / n_fft)``: (L,) or (B, L) gives
    (B, frequencies, frames). ``hop_length`` defaults to n_fft // 4, ``win_length`` to n_fft; a shorter
    ``window`` gets zeros on both sides, None stands for ones (with a warning). ``center`` puts n_fft // 2
    numbers before and after the signal, as ``pad_mode`` says (reflect, constant, replicate, circular), so
    that piece m is centred at m hop_length. ``normalized`` divides by sqrt(n_fft). ``onesided`` (default
    where all is real) gives the frequencies 0 ... n_fft // 2 only. ``return_complex`` has to be given for
    real input; False gives real and imaginary parts in a last dimension.

    Differentiable in the signal and the window. Errors: RuntimeError for sizes that do not fit.

    >>> import autotape as at
    >>> x = at.arange(16.0)
    >>> at.stft(x, 8, window=at.hann_window(8), return_complex=True).shape
    autotape.Size([5, 9])
    """
    x = tensor_input(input, "input", "stft")
    is_complex = x._array.dtype.kind == "c" or (window is not None and window._array.dtype.kind == "c")
    if return_complex is None:
        if not is_complex:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will further "
                "require that return_complex=True in a future release"
            )
        return_complex = True
    if onesided is None:
        onesided = not is_complex
    size, hop, width = _sizes("stft", n_fft, hop_length, win_length)
    if x._array.dtype.kind not in "fc" or x._array.ndim not in (1, 2):
        raise RuntimeError(
            f"stft: expected a tensor of floating point or complex values with 1 or 2 dimensions, got "
            f"{x.dtype} of shape {list(x.shape)}"
        )
    if onesided and is_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if align_to_window is not None and center:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    weights = _window("stft", window, size, width, x._array.dtype)
    if center:
        x = _padded(x, size // 2, pad_mode)
    length = x._array.shape[-1]
    if size > length:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {length}, the signal's length, but got n_fft={size}")
    if align_to_window:
        # The first piece begins where the window does, and the pieces are counted by its width.
        before = (size - width) // 2
        edges = [Tensor._wrap(np.zeros((*x._array.shape[:-1], n), x._array.dtype)) for n in (before, size)]
        count = 1 + (length - width) // hop
        x = cat([edges[0], x, edges[1]], -1)[..., : (count - 1) * hop + size]
    pieces = frames(x, size, hop)
    if weights is not None:
        pieces = pieces * weights
    dims, norm = (pieces._array.ndim - 1,), "ortho" if normalized else "backward"
    y = (r2c(pieces, dims, norm) if onesided else c2c(pieces, dims, False, norm)).mT
    return y if return_complex else view_as_real(y)


def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The inverse of :func:`stft`: the signal whose spectra come nearest to those given, by least squares.

    ``x[t] = sum_m window[t - m hop] y_m[t - m hop] / sum_m window[t - m hop]**2`` with y_m the inverse
    transform of piece m (Griffin and Lim 1984). Arguments as for :func:`stft`; (B, frequencies, frames)
    gives (B, length). ``length`` cuts the signal, or fills it up with zeros; by default it is what the pieces
    cover, without the n_fft // 2 numbers at each end of centred ones.

    Differentiable in the spectra and the window. Errors: RuntimeError for sizes that do not fit, or windows
    that leave a place of the signal uncovered.

    >>> import autotape as at
    >>> x, w = at.arange(16.0), at.hann_window(8)
    >>> y = at.stft(x, 8, window=w, return_complex=True)
    >>> at.allclose(at.istft(y, 8, window=w), x, atol=1e-5)
    True
    """
    y = tensor_input(input, "input", "istft")
    if y._array.dtype.kind != "c":
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            f"return_complex=True, got {y.dtype}"
        )
    if y._array.ndim not in (2, 3) or not y._array.size:
        raise RuntimeError(
            f"istft: expected a tensor with 2 or 3 dimensions that is not empty, got shape {list(y.shape)}"
        )
    size, hop, width = _sizes("istft", n_fft, hop_length, win_length)
    frequencies, count = y._array.shape[-2:]
    if onesided is None:
        onesided = frequencies != size
    if frequencies != (size // 2 + 1 if onesided else size):
        raise RuntimeError(
            "istft: expected the frequency dimension (3rd to the last) of the input tensor to match "
            f"n_fft / 2 + 1 when onesided=True, else n_fft; got {frequencies} for n_fft={size}, "
            f"onesided={onesided}"
        )
    if hop > width:
        raise RuntimeError(f"istft: expected 0 < hop_length <= win_length={width}, but got hop_length={hop}")
    if return_complex and onesided:
        raise RuntimeError("istft: cannot have onesided input if return_complex is true")
    if not return_complex and window is not None and window._array.dtype.kind == "c":
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    real = y._array.real.dtype
    weights = _window("istft", window, size, width, real)
    if weights is None:
        weights = Tensor._wrap(np.ones(size, real))
    dims = (y._array.ndim - 1,)
    norm = "ortho" if normalized else "backward"
    if return_complex:
        pieces = c2c(y.mT, dims, True, norm)
    else:  # of a whole spectrum one half is looked at, as PyTorch does
        half = y.mT if onesided else y.mT[..., : size // 2 + 1]
        pieces = c2r(half, dims, norm, size)
    covered = (count - 1) * hop + size
    signal = overlap_add(pieces * weights, hop, covered)
    weight = overlap_add((weights * weights).expand(count, size), hop, covered)
    start = size // 2 if center else 0
    end = covered - start if length is None else min(start + length, covered)
    if end <= start:
        raise RuntimeError(f"istft: no place of the signal is left with length={length}, center={center}")
    weight = weight[start:end]
    if not (np.abs(weight._array) > 1e-11).all():
        raise RuntimeError(
            "istft: window overlap add min: 1e-11: the windows leave a place of the signal uncovered"
        )
    signal = signal[..., start:end] / weight
    if length is not None and length > end - start:
        warnings.warn(
            "The length of signal is shorter than the length parameter. Result is being padded with zeros in "
            "the tail. Please check your center and hop_length settings.",
            UserWarning,
            stacklevel=2,
        )
        signal = resized(signal, (signal._array.ndim - 1,), (length,))
    return signal  # type: ignore[no-any-return]
