"""at.fft, at.signal, windows and stft say what PyTorch says: values, dtypes, types of errors and warnings.

Each line is evaluated with ``m`` once autotape and once PyTorch. Values, derivatives and ``out=`` are what
PyTorch's own table of operators compares (``tests.parity.opinfo``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape
from tests.parity.expressions import said

torch = pytest.importorskip(
    "torch", reason="PyTorch is not importable: the tests of the extra `parity` are left out"
)

SAME = """
m.fft.fft(m.ones(()))
m.fft.fftn(m.ones(()))
m.fft.fftn(m.ones(3), dim=())
m.fft.rfftn(m.ones(3), dim=())
m.fft.rfftn(m.ones(()))
m.fft.irfftn(m.ones(3), dim=())
m.fft.hfftn(m.ones(3), dim=())
m.fft.ihfftn(m.ones(3), dim=())
m.fft.fft(m.ones(3), 0)
m.fft.fft(m.ones(3), -1)
m.fft.fft(m.ones(0))
m.fft.fft(m.ones(0, 3), dim=0)
m.fft.fft(m.ones(0, 3), n=2, dim=0).shape
m.fft.fftn(m.ones(3, 4), (2,), None)
m.fft.fftn(m.ones(3, 4), 2).shape
m.fft.fftn(m.ones(3, 4), (2, 2, 2))
m.fft.fftn(m.ones(3, 4), (2,), (0, 1))
m.fft.fftn(m.ones(3, 4), (2, -1), (0, 1)).shape
m.fft.fftn(m.ones(3, 4), (2, -2), (0, 1))
m.fft.fftn(m.ones(3, 4), dim=(0, 0))
m.fft.fftn(m.ones(3, 4), dim=(0, -2))
m.fft.fftn(m.ones(3, 4), dim=5)
m.fft.fftn(m.ones(3, 4), dim=0).shape
m.fft.fft(m.ones(3, 4), norm='x')
m.fft.fft(m.ones(3, dtype=m.float16))
m.fft.fft(m.ones(3, dtype=m.int32)).dtype
m.fft.fft(m.ones(3, dtype=m.bool)).dtype
m.fft.fft(m.ones(3, dtype=m.float64)).dtype
m.fft.rfft(m.ones(3) * 1j)
m.fft.ihfft(m.ones(3) * 1j)
m.fft.irfft(m.ones(3)).dtype
m.fft.irfft(m.ones(1))
m.fft.irfft(m.ones(1), 1)
m.fft.irfft(m.ones(0))
m.fft.irfft(m.ones(0), 4)
m.fft.irfft(m.ones(3, dtype=m.int64)).dtype
m.fft.hfft(m.ones(1))
m.fft.irfftn(m.ones(3, 1))
m.fft.irfftn(m.ones(3, 3), (-1, -1)).shape
m.fft.irfftn(m.ones(3, 3), (2,), (0,)).shape
m.fft.fft2(m.ones(3))
m.fft.fft2(m.ones(3, 4), dim=0).shape
m.fft.fft2(m.ones(3, 4), dim=()).dtype
m.fft.fft2(m.ones(3, 4, 5), dim=(0, 1, 2)).shape
m.fft.fft2(m.ones(3, 4, 5), s=(2, 2, 2), dim=(0, 1, 2)).shape
m.fft.fft2(m.ones(3, 4, 5), s=(2,))
m.fft.rfft2(m.ones(3, 4), dim=(0, 0))
m.fft.fft(3)
m.fft.fft([1.0])
m.fft.fft(m.ones(3), n=2.0)
m.fft.fft(m.ones(3), dim=None)
m.fft.fft(m.ones(3), out=m.empty(3))
m.fft.rfft(m.ones(3), out=m.empty(2, dtype=m.complex128)).dtype
m.fft.fft(x.detach()).requires_grad
m.fft.fft(x).requires_grad
m.fft.fftfreq(5)
m.fft.fftfreq(4, 0.1)
m.fft.fftfreq(0)
m.fft.fftfreq(-1)
m.fft.fftfreq(2.5)
m.fft.fftfreq(5, dtype=m.int64)
m.fft.fftfreq(5, dtype=m.complex64)
m.fft.fftfreq(5, dtype=m.float64)
m.fft.rfftfreq(0)
m.fft.rfftfreq(5, out=m.empty(0))
m.fft.rfftfreq(5, out=m.empty(0, dtype=m.int64))
m.fft.rfftfreq(5, out=m.empty(0, dtype=m.float64))
m.fft.fftshift(m.ones(()))
m.fft.fftshift(m.arange(12).reshape(3, 4))
m.fft.ifftshift(m.arange(15).reshape(3, 5))
m.fft.fftshift(m.arange(12).reshape(3, 4), dim=0)
m.fft.fftshift(m.ones(3, 4), dim=())
m.fft.fftshift(m.arange(12).reshape(3, 4), dim=(0, 0))
m.fft.fftshift(m.ones(3, 4), dim=5)
m.hann_window(5)
m.hann_window(5, False)
m.hann_window(0)
m.hann_window(1)
m.hann_window(-1)
m.hann_window(5.0)
m.hann_window(5, dtype=m.int64)
m.hann_window(5, dtype=m.float16).dtype
m.hann_window(5, dtype=m.complex64)
m.hann_window(5, requires_grad=True).requires_grad
m.hamming_window(5, True, 0.5, 0.4)
m.hamming_window(5, periodic=False, alpha=0.5)
m.blackman_window(6)[1:]
m.bartlett_window(7)
m.bartlett_window(6, periodic=False)
m.kaiser_window(5)
m.kaiser_window(1)
m.kaiser_window(5, False, 12)
m.kaiser_window(5, False, beta=-1)
m.signal.windows.hann(5)
m.signal.windows.hann(5, sym=False)
m.signal.windows.hann(0)
m.signal.windows.hann(1)
m.signal.windows.hann(-1)
m.signal.windows.hann(5, dtype=m.int64)
m.signal.windows.hann(5, dtype=m.float16)
m.signal.windows.hann(5, dtype=m.complex64)
m.signal.windows.hann(5, dtype=m.bfloat16)
m.signal.windows.hann(5.0)
m.signal.windows.cosine(5)
m.signal.windows.nuttall(6)
m.signal.windows.exponential(5, center=1.0)
m.signal.windows.exponential(5, sym=False, tau=2.0)
m.signal.windows.exponential(5, sym=False, center=1.0)
m.signal.windows.exponential(5, tau=0)
m.signal.windows.gaussian(5, std=0)
m.signal.windows.gaussian(6, std=0.9)
m.signal.windows.general_cosine(5, a=[0.5])
m.signal.windows.general_cosine(5, a=[])
m.signal.windows.general_cosine(5, a=3)
m.signal.windows.general_hamming(5, alpha=0.7)
m.signal.windows.kaiser(5)
m.signal.windows.kaiser(5, beta=-1)
m.arange(40.0).stft(8, window=m.hann_window(8), return_complex=True).shape
m.stft(m.arange(40.0), 8, window=m.hann_window(8))
m.stft(m.arange(40.0), 8, return_complex=True).shape
m.stft(m.arange(40.0) * 1j, 8, window=m.ones(8)).shape
m.stft(m.arange(40.0), 8, window=m.ones(8) * 1j, onesided=True)
m.stft(m.arange(40.0), 8, window=m.ones(8), return_complex=True, center=False, align_to_window=True).shape
m.stft(m.arange(40.0), 8, 3, 4, m.ones(4), False, return_complex=True, align_to_window=True).shape
m.stft(m.arange(40.0), 8, 3, 4, m.ones(4), False, return_complex=True, align_to_window=False).shape
m.stft(m.arange(40.0), 8, window=m.ones(8), return_complex=True, align_to_window=True)
m.stft(m.arange(7.0), 8, window=m.ones(8), return_complex=True, center=False)
m.stft(m.arange(3.0), 8, window=m.ones(8), return_complex=True)
m.stft(m.arange(5.0), 8, window=m.ones(8), return_complex=True, pad_mode='circular').shape
m.stft(m.arange(5.0), 8, window=m.ones(8), return_complex=True, pad_mode='foo')
m.stft(m.arange(40), 8, window=m.ones(8), return_complex=True)
m.stft(m.arange(40.0), 8, window=m.ones(8, dtype=m.float64), return_complex=True).dtype
m.stft(m.arange(40.0), 8, hop_length=0, window=m.ones(8), return_complex=True)
m.stft(m.arange(40.0), 8, win_length=9, window=m.ones(8), return_complex=True)
m.stft(m.arange(40.0), 8, win_length=6, window=m.ones(8), return_complex=True)
m.stft(m.arange(40.0), 0, window=m.ones(8), return_complex=True)
m.stft(m.ones(1, 1, 40), 8, window=m.ones(8), return_complex=True)
m.stft(m.ones(()), 8, window=m.ones(8), return_complex=True)
m.ones(5, 6, dtype=m.complex64).istft(8, window=m.ones(8)).shape
m.istft(m.ones(5, 6, dtype=m.complex64), 8).shape
m.istft(m.ones(5, 6, dtype=m.complex64), 8, window=m.ones(8), length=7).shape
m.istft(m.ones(5, 6, dtype=m.complex64), 8, window=m.ones(8), length=50).shape
m.istft(m.ones(5, 6, dtype=m.complex64), 8, window=m.ones(8), length=0)
m.istft(m.ones(5, 6, dtype=m.complex64), 8, window=m.zeros(8))
m.istft(m.ones(5, 6, dtype=m.complex64), 8, window=m.ones(8), hop_length=9)
m.istft(m.ones(5, 6, dtype=m.complex64), 8, win_length=4, window=m.ones(4), hop_length=5)
m.istft(m.ones(4, 6, dtype=m.complex64), 8, window=m.ones(8))
m.istft(m.ones(5, 6, dtype=m.complex64), 8, window=m.ones(8), return_complex=True)
m.istft(m.ones(8, 6, dtype=m.complex64), 8, window=m.ones(8), return_complex=True).dtype
m.istft(m.ones(5, 6, dtype=m.complex64), 8, window=m.ones(8) * 1j)
m.istft(m.ones(5, 6), 8, window=m.ones(8))
""".strip().splitlines()


@pytest.fixture(autouse=True)
def _always_warn() -> Any:
    """PyTorch warns once in a process, unless told so."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


@pytest.mark.parametrize("expression", SAME)
def test_says_what_pytorch_says(expression: str) -> None:
    assert said(expression, autotape) == said(expression, torch)


@pytest.mark.parametrize("seed", range(8))
def test_stft_and_back_equal_those_of_pytorch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, 50))
    size = int(rng.integers(4, 12))
    width = int(rng.integers(max(2, size // 2), size + 1))
    hop = int(rng.integers(1, max(2, width // 2)))
    window = rng.random(width) + 0.1
    options = {
        "hop_length": hop,
        "win_length": width,
        "normalized": bool(rng.random() < 0.5),
        "center": width == size and bool(rng.random() < 0.5),
        "onesided": bool(rng.random() < 0.5),
    }
    mode = str(rng.choice(["reflect", "constant", "replicate", "circular"]))
    results = []
    for m in (autotape, torch):
        signal, weights = m.from_numpy(x.copy()).requires_grad_(), m.from_numpy(window).requires_grad_()
        y = m.stft(signal, size, window=weights, pad_mode=mode, return_complex=True, **options)
        loss = (y * y.conj()).real.sum()
        results.append([y, *m.autograd.grad(loss, [signal, weights], create_graph=True)])
        if width == size:
            back = m.istft(y, size, window=weights, **options)
            results[-1] += [back, *m.autograd.grad((back**3).sum(), [signal, weights], create_graph=True)]
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-9)
