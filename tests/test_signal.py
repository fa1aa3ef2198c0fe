"""Windows, stft and istft: values against the formulas, derivatives against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal, uniform

# --- windows ------------------------------------------------------------------------------------------------

NUMPYS = {"hann": np.hanning, "hamming": np.hamming, "blackman": np.blackman, "bartlett": np.bartlett}


@pytest.mark.parametrize("name", NUMPYS)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 8, 9])
def test_windows_are_those_of_numpy(name: str, count: int) -> None:
    wanted = NUMPYS[name](count)
    window = getattr(at, f"{name}_window")
    modern = getattr(at.signal.windows, name)
    for got in (window(count, False, dtype=at.float64), modern(count, dtype=at.float64)):
        np.testing.assert_allclose(got.numpy(), wanted, atol=1e-15)
    if count > 1:
        periodic = NUMPYS[name](count + 1)[:-1]
        for got in (window(count, dtype=at.float64), modern(count, sym=False, dtype=at.float64)):
            np.testing.assert_allclose(got.numpy(), periodic, atol=1e-15)


def test_kaiser_windows_are_those_of_numpy() -> None:
    for beta in (0.0, 1.0, 12.0, 30.0):
        wanted = np.kaiser(7, beta)
        for got in (
            at.kaiser_window(7, False, beta, dtype=at.float64),
            at.signal.windows.kaiser(7, beta=beta, dtype=at.float64),
        ):
            np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-13)
        np.testing.assert_allclose(
            at.kaiser_window(6, beta=beta, dtype=at.float64).numpy(), wanted[:-1], rtol=1e-13
        )


def test_other_windows_are_their_formulas() -> None:
    k = np.arange(6)
    w = at.signal.windows
    for got, wanted in (
        (w.cosine(6, dtype=at.float64), np.sin(np.pi * (k + 0.5) / 6)),
        (w.cosine(6, sym=False, dtype=at.float64), np.sin(np.pi * (k + 0.5) / 7)),
        (w.exponential(6, tau=2.0, dtype=at.float64), np.exp(-np.abs(k - 2.5) / 2)),
        (w.exponential(6, center=1.0, sym=False, dtype=at.float64), np.exp(-np.abs(k - 1.0))),
        (w.gaussian(6, std=1.5, dtype=at.float64), np.exp(-(((k - 2.5) / 1.5) ** 2) / 2)),
        (w.gaussian(6, sym=False, dtype=at.float64), np.exp(-((k - 3.0) ** 2) / 2)),
        (w.general_hamming(6, alpha=0.7, dtype=at.float64), 0.7 - 0.3 * np.cos(2 * np.pi * k / 5)),
        (
            w.general_cosine(6, a=(0.6, 0.3, 0.1), dtype=at.float64),
            0.6 - 0.3 * np.cos(2 * np.pi * k / 5) + 0.1 * np.cos(4 * np.pi * k / 5),
        ),
        (at.hamming_window(6, alpha=0.6, beta=0.3, dtype=at.float64), 0.6 - 0.3 * np.cos(2 * np.pi * k / 6)),
    ):
        np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-14, atol=1e-15)
    assert float(w.nuttall(7)[3]) == 1


@pytest.mark.parametrize("name", at.signal.windows.__all__)
def test_every_window_has_the_common_arguments(name: str) -> None:
    window = getattr(at.signal.windows, name)
    options = {"a": [0.5, 0.5]} if name == "general_cosine" else {}
    for count in (0, 1, 2, 5):
        made = window(count, **options, requires_grad=True)
        assert made.shape == (count,)
        assert made.dtype == at.float32
        assert made.requires_grad
    assert window(1, **options).tolist() == [1]
    full = window(6, **options, dtype=at.float64).numpy()
    np.testing.assert_allclose(full, full[::-1], atol=1e-15)
    for bad in ({"dtype": at.int64}, {"dtype": at.float16}, {"dtype": at.bfloat16}, {"layout": "sparse"}):
        with pytest.raises(ValueError, match=r"float32 or float64|strided|bfloat16"):
            window(3, **options, **bad)
    with pytest.raises(ValueError, match="non-negative"):
        window(-1, **options)


def test_windows_refuse_what_they_are_not() -> None:
    with pytest.raises(RuntimeError, match="floating point dtypes"):
        at.hann_window(3, dtype=at.int64)
    with pytest.raises(TypeError, match="must be int"):
        at.hann_window(3.0)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="strided tensors only"):
        at.hann_window(3, layout="sparse_coo")


# --- stft and istft -----------------------------------------------------------------------------------------


def pieces_of(x: Any, size: int, hop: int) -> Any:
    return np.stack([x[..., t : t + size] for t in range(0, x.shape[-1] - size + 1, hop)], -2)


@pytest.mark.parametrize("mode", ["reflect", "constant", "replicate", "circular"])
@pytest.mark.parametrize("shape", [(20,), (3, 17)])
def test_stft_is_the_spectrum_of_padded_pieces(mode: str, shape: tuple[int, ...]) -> None:
    x, w = normal(*shape), uniform(0.5, 1, 8)
    by_numpy = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)
    padded = np.pad(x, [(0, 0)] * (len(shape) - 1) + [(4, 4)], by_numpy)  # type: ignore[call-overload]
    signal, window = at.from_numpy(x), at.from_numpy(w)
    for normalized in (False, True):
        scale = 8**-0.5 if normalized else 1
        wanted = np.fft.fft(pieces_of(padded, 8, 3) * w).swapaxes(-1, -2) * scale
        y = signal.stft(
            8, 3, window=window, pad_mode=mode, normalized=normalized, onesided=False, return_complex=True
        )
        np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-12, atol=1e-12)
        half = at.stft(signal, 8, 3, window=window, pad_mode=mode, normalized=normalized, return_complex=True)
        np.testing.assert_allclose(half.numpy(), wanted[..., :5, :], rtol=1e-12, atol=1e-12)
        pairs = at.stft(
            signal, 8, 3, window=window, pad_mode=mode, normalized=normalized, return_complex=False
        )
        np.testing.assert_array_equal(pairs.numpy()[..., 1], half.numpy().imag)


def test_a_short_window_stands_in_the_middle() -> None:
    x = at.from_numpy(normal(30))
    w = uniform(0.5, 1, 5)
    wide = np.concatenate((np.zeros(1), w, np.zeros(2)))
    a = at.stft(x, 8, 2, 5, at.from_numpy(w), center=False, return_complex=True)
    b = at.stft(x, 8, 2, 8, at.from_numpy(wide), center=False, return_complex=True)
    np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_align_to_window_counts_the_pieces_by_the_window() -> None:
    x, w = normal(21), uniform(0.5, 1, 4)
    y = at.stft(at.from_numpy(x), 8, 3, 4, at.from_numpy(w), False, return_complex=True, align_to_window=True)
    wanted = np.abs(np.fft.rfft(pieces_of(x, 4, 3) * w, 8)).T  # but for a phase
    np.testing.assert_allclose(np.abs(y.numpy()), wanted, rtol=1e-12)


@pytest.mark.parametrize("onesided", [True, False])
@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("shape", [(24,), (2, 24)])
def test_istft_undoes_stft(shape: tuple[int, ...], normalized: bool, onesided: bool) -> None:
    x, window = at.from_numpy(normal(*shape)), at.from_numpy(uniform(0.5, 1, 8))
    options: dict[str, Any] = {"window": window, "normalized": normalized, "onesided": onesided}
    y = at.stft(x, 8, return_complex=True, **options)
    np.testing.assert_allclose(at.istft(y, 8, **options).numpy(), x.numpy(), atol=1e-13)
    y = at.stft(x, 8, center=False, return_complex=True, **options)
    np.testing.assert_allclose(y.istft(8, center=False, **options).numpy(), x.numpy(), atol=1e-13)
    z = at.istft(y, 8, center=False, length=10, **options)
    np.testing.assert_allclose(z.numpy(), x.numpy()[..., :10], atol=1e-13)
    with pytest.warns(UserWarning, match="shorter than the length"):
        z = at.istft(y, 8, center=False, length=30, **options)
    np.testing.assert_allclose(z.numpy(), np.pad(x.numpy(), [(0, 0)] * (x.ndim - 1) + [(0, 6)]), atol=1e-13)


def test_a_complex_signal_comes_back() -> None:
    x = at.from_numpy(normal(20) + 1j * normal(20, seed=1))
    window = at.from_numpy(uniform(0.5, 1, 8) * np.exp(0j))
    y = at.stft(x, 8, window=at.hann_window(8, dtype=at.float64))
    assert y.shape == (8, 11)
    z = at.istft(y, 8, window=at.hann_window(8, dtype=at.float64), return_complex=True)
    np.testing.assert_allclose(z.numpy(), x.numpy(), atol=1e-13)
    assert at.stft(x.real, 8, window=window).dtype == at.complex128


@pytest.mark.parametrize("hop", [1, 3, 8, 11])
@pytest.mark.parametrize("mode", ["reflect", "constant", "replicate", "circular"])
def test_derivatives_of_stft(hop: int, mode: str) -> None:
    def loss(x: at.Tensor, w: at.Tensor) -> at.Tensor:
        y = at.stft(x, 6, hop, 5, w, pad_mode=mode, return_complex=True)
        return y * y.conj()

    check(loss, normal(2, 14), uniform(0.5, 1, 5))


def test_derivatives_of_istft() -> None:
    y = normal(5, 4) + 1j * normal(5, 4, seed=1)
    check(lambda y, w: at.istft(y, 8, 3, window=w) ** 2, y, uniform(0.5, 1, 8))
    check(lambda y, w: at.istft(y, 8, 3, window=w, center=False, length=7) ** 2, y, uniform(0.5, 1, 8))
    whole = normal(2, 4, 5) + 1j * normal(2, 4, 5, seed=1)
    check(lambda y, w: at.istft(y, 4, window=w, return_complex=True).abs(), whole, uniform(0.5, 1, 4))
    check(lambda y: at.istft(y, 4, 2, window=at.ones(4, dtype=at.float64)) ** 2, whole)


def test_no_window_is_a_window_of_ones_and_a_warning() -> None:
    x = at.from_numpy(normal(20))
    ones = at.ones(8, dtype=at.float64)
    with pytest.warns(UserWarning, match="hann_window"):
        y = at.stft(x, 8, return_complex=True)
    np.testing.assert_array_equal(y.numpy(), at.stft(x, 8, window=ones, return_complex=True).numpy())
    with pytest.warns(UserWarning, match="rectangular window"):
        z = at.istft(y, 8)
    np.testing.assert_allclose(z.numpy(), x.numpy(), atol=1e-13)
    with pytest.warns(UserWarning, match="rectangular window"):
        at.stft(x, 8, win_length=6, return_complex=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "return_complex parameter be given"),
        ({"n_fft": 0, "return_complex": True}, "n_fft > 0"),
        ({"hop_length": 0, "return_complex": True}, "hop_length > 0"),
        ({"win_length": 9, "return_complex": True}, "win_length <= n_fft=8"),
        ({"win_length": 5, "return_complex": True}, r"win_length=5, but got window with size \[8\]"),
        ({"align_to_window": True, "return_complex": True}, "center = false"),
        ({"input": at.ones(6), "center": False, "return_complex": True}, "0 < n_fft <= 6"),
        ({"input": at.ones(3), "return_complex": True}, "Padding size should be less"),
        ({"input": at.ones(3), "pad_mode": "circular", "return_complex": True}, "more than once"),
        ({"input": at.arange(20), "return_complex": True}, "floating point or complex"),
        ({"input": at.ones(1, 1, 20), "return_complex": True}, "1 or 2 dimensions"),
        ({"window": at.ones(8) * 1j, "onesided": True}, "onesided output"),
    ],
)
def test_errors_of_stft(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        at.stft(**{"input": at.ones(20), "n_fft": 8, "window": at.ones(8), **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input": at.ones(5, 6)}, "complex-valued input"),
        ({"input": at.ones(6) * 1j}, "2 or 3 dimensions"),
        ({"input": at.ones(4, 6) * 1j}, "frequency dimension"),
        ({"window": at.zeros(8)}, "uncovered"),
        ({"hop_length": 9}, "hop_length <= win_length"),
        ({"return_complex": True}, "cannot have onesided"),
        ({"window": at.ones(8) * 1j}, "Complex windows"),
        ({"length": 0}, "no place"),
    ],
)
def test_errors_of_istft(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        at.istft(**{"input": at.ones(5, 6) * 1j, "n_fft": 8, "window": at.ones(8), **options})


def test_an_unknown_padding_is_named() -> None:
    with pytest.raises(NotImplementedError, match="Unrecognised padding mode foo"):
        at.stft(at.ones(20), 8, window=at.ones(8), pad_mode="foo", return_complex=True)
