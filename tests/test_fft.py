"""at.fft: values against NumPy and against the sum itself, derivatives against differences."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal

NORMS = (None, "backward", "forward", "ortho")
A_HALF: Any = 0.5


def spectrum(*shape: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


# name, real input, hermitian (the last size is of the output)
ONE = (("fft", False), ("ifft", False), ("rfft", True), ("irfft", False), ("hfft", False), ("ihfft", True))
MANY = (
    ("fftn", False), ("ifftn", False), ("rfftn", True), ("irfftn", False),
    ("fft2", False), ("ifft2", False), ("rfft2", True), ("irfft2", False),
)  # fmt: skip


# --- values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "real"), ONE)
@pytest.mark.parametrize("norm", NORMS)
def test_values_are_those_of_numpy(name: str, real: bool, norm: Any) -> None:
    theirs = getattr(np.fft, name)
    ours = getattr(at.fft, name)
    for shape, n, dim in itertools.product([(5,), (2, 6), (3, 1, 4)], [None, 1, 3, 4, 9], [-1, 0]):
        x = normal(*shape) if real else spectrum(*shape)
        if n is None and shape[dim] == 1:
            continue
        for array in (x, x[..., ::-1], np.asfortranarray(x), x.astype("f4" if real else "c8")):
            wanted = theirs(array, n, dim, norm)
            got = ours(at.from_numpy(array), n, dim, norm)
            assert got.numpy().dtype == wanted.dtype
            rtol = 1e-12 if array.dtype.itemsize in (8, 16) and array.dtype != np.complex64 else 1e-4
            np.testing.assert_allclose(got.numpy(), wanted, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("name", "real"), MANY)
@pytest.mark.parametrize("norm", NORMS)
def test_values_over_several_dimensions_are_those_of_numpy(name: str, real: bool, norm: Any) -> None:
    x = normal(3, 4, 5) if real else spectrum(3, 4, 5)
    for s, dim in (
        (None, (0, 1)), (None, (1, 0)), (None, (-1, 0)), ((2, 6), (-1, 1)),
        ((5, 3), (0, 2)), ((1, 4), (2, 0)),
    ):  # fmt: skip
        wanted = getattr(np.fft, name)(x, s, dim, norm)
        got = getattr(at.fft, name)(at.from_numpy(x), s, dim, norm)
        np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "shape", [(1,), (2,), (3,), (4,), (1, 1), (1, 2), (2, 1), (3, 4), (4, 3), (2, 3, 5), (3, 1, 2)]
)
@pytest.mark.parametrize("inverse", [False, True])
def test_real_numbers_have_the_spectrum_of_complex_ones(shape: tuple[int, ...], inverse: bool) -> None:
    x = at.from_numpy(normal(*shape))
    f = at.fft.ifftn if inverse else at.fft.fftn
    np.testing.assert_allclose(f(x).numpy(), f(x + 0j).numpy(), rtol=1e-12, atol=1e-12)
    for norm in NORMS:
        np.testing.assert_allclose(
            f(x, dim=0, norm=norm).numpy(), f(x + 0j, dim=0, norm=norm).numpy(), rtol=1e-12, atol=1e-12
        )


def test_the_transform_is_the_sum_it_is_said_to_be() -> None:
    x = spectrum(5)
    k = np.arange(5)
    matrix = np.exp(-2j * np.pi * np.outer(k, k) / 5)
    np.testing.assert_allclose(at.fft.fft(at.from_numpy(x)).numpy(), matrix @ x, rtol=1e-13)
    np.testing.assert_allclose(at.fft.ifft(at.from_numpy(x)).numpy(), matrix.conj() @ x / 5, rtol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize("norm", NORMS)
def test_each_transform_has_its_inverse(n: int, norm: Any) -> None:
    x, z = at.from_numpy(normal(3, n)), at.from_numpy(spectrum(3, n))
    for back in (
        at.fft.irfft(at.fft.rfft(x, norm=norm), n, norm=norm),
        at.fft.hfft(at.fft.ihfft(x, norm=norm), n, norm=norm),
        at.fft.irfftn(at.fft.rfftn(x, norm=norm), (3, n), norm=norm),
        at.fft.hfftn(at.fft.ihfftn(x, norm=norm), (3, n), norm=norm),
        at.fft.irfft2(at.fft.rfft2(x, norm=norm), (3, n), norm=norm),
        at.fft.hfft2(at.fft.ihfft2(x, norm=norm), (3, n), norm=norm),
    ):
        assert back.dtype == at.float64
        np.testing.assert_allclose(back.numpy(), x.numpy(), atol=1e-14)
    for back in (
        at.fft.ifft(at.fft.fft(z, norm=norm), norm=norm),
        at.fft.ifftn(at.fft.fftn(z, norm=norm), norm=norm),
    ):
        np.testing.assert_allclose(back.numpy(), z.numpy(), atol=1e-14)


def test_hfftn_is_the_transform_of_the_whole_hermitian_signal() -> None:
    whole = np.fft.ifftn(normal(4, 6))  # Hermitian, as its spectrum is real
    half = at.from_numpy(whole[:, :4].copy())
    np.testing.assert_allclose(at.fft.hfftn(half).numpy(), np.fft.fftn(whole).real, atol=1e-14)
    np.testing.assert_allclose(at.fft.hfft2(half).numpy(), np.fft.fftn(whole).real, atol=1e-14)
    np.testing.assert_allclose(
        at.fft.ihfftn(at.from_numpy(np.fft.fftn(whole).real)).numpy(), half.numpy(), atol=1e-15
    )


@pytest.mark.parametrize("dtype", [at.float32, at.int64, at.int8, at.bool, at.complex64])
def test_dtypes(dtype: Any) -> None:
    x = at.ones(4, dtype=dtype)
    assert at.fft.fft(x).dtype == at.fft.ifftn(x).dtype == at.complex64
    assert at.fft.irfft(x).dtype == at.fft.hfft(x).dtype == at.float32
    if dtype.is_complex:
        for f in (at.fft.rfft, at.fft.ihfft, at.fft.rfftn, at.fft.ihfft2):
            with pytest.raises(RuntimeError, match=r"real input tensor, but got autotape\.complex64"):
                f(x)
    else:
        assert at.fft.rfft(x).dtype == at.fft.ihfft(x).dtype == at.complex64
    with pytest.raises(RuntimeError, match="Half"):
        at.fft.fft(at.ones(2, dtype=at.float16))


def test_the_default_dtype_counts_for_integers() -> None:
    at.set_default_dtype(at.float64)
    try:
        assert at.fft.fft(at.arange(3)).dtype == at.complex128
        assert at.fft.fftfreq(3).dtype == at.float64
    finally:
        at.set_default_dtype(at.float32)


def test_empty_batches_have_empty_spectra() -> None:
    assert at.fft.fft(at.zeros(0, 4)).shape == (0, 4)
    assert at.fft.rfft(at.zeros(0, 4)).shape == (0, 3)
    assert at.fft.irfft(at.zeros(3, 0, 4)).shape == (3, 0, 6)
    assert at.fft.fft2(at.zeros(0, 2, 3)).shape == (0, 2, 3)
    assert at.fft.fft(at.zeros(0), 4).tolist() == [0, 0, 0, 0]
    check(lambda z: at.fft.fft(z, 2), np.zeros((0, 3)))


def test_no_dimension_is_a_copy_in_a_complex_dtype() -> None:
    x = at.ones(2, requires_grad=True)
    y = at.fft.fftn(x, dim=())
    assert y.dtype == at.complex64
    assert at.fft.ifftn(at.ones(())).shape == ()
    z = at.ones(2, dtype=at.complex64)
    assert not np.shares_memory(at.fft.fftn(z, dim=()).numpy(), z.numpy())
    y.real.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 1]


def test_inputs_are_left_alone_and_nan_stays_in_its_row() -> None:
    x = np.ones((2, 4), np.complex128)
    x[0, 1] = np.nan
    before = x.copy()
    y = at.fft.fft(at.from_numpy(x))
    np.testing.assert_array_equal(x, before)
    assert np.isnan(y.numpy()[0]).all()
    assert y.numpy()[1].tolist() == [4, 0, 0, 0]


def test_out_and_numpys_names_of_arguments() -> None:
    x = at.from_numpy(spectrum(3, 4))
    out = at.empty(3, 4, dtype=at.complex128)
    by_axis: Any = at.fft.fft
    assert by_axis(x, axis=0, out=out) is out
    np.testing.assert_array_equal(out.numpy(), np.fft.fft(x.numpy(), axis=0))
    with pytest.raises(RuntimeError, match="can't be cast"):
        at.fft.fft(x, out=at.empty(3, 4))


# --- derivatives --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "real"), ONE)
@pytest.mark.parametrize("norm", NORMS)
def test_derivatives(name: str, real: bool, norm: Any) -> None:
    f = getattr(at.fft, name)
    for n in (None, 1, 3, 6) if norm is None else (None, 3):
        for x in (normal(2, 4), spectrum(5), normal(4, 3).T):
            if real and x.dtype.kind == "c":
                continue

            def loss(t: at.Tensor, n: Any = n) -> Any:
                y = f(t, n, norm=norm)
                return y * y * y.conj() if y.is_complex() else y * y * y

            check(loss, x)


@pytest.mark.parametrize(
    ("name", "real"), [*MANY, ("hfftn", False), ("ihfftn", True), ("hfft2", False), ("ihfft2", True)]
)
def test_derivatives_over_several_dimensions(name: str, real: bool) -> None:
    f = getattr(at.fft, name)
    for s, dim, norm in ((None, (1, 2), "ortho"), ((3, 2), (2, 0), None), ((4, 5), (0, -1), "forward")):

        def loss(t: at.Tensor, s: Any = s, dim: Any = dim, norm: Any = norm) -> Any:
            y = f(t, s, dim, norm)
            return y * y

        check(loss, normal(2, 3, 4))
        if not real:
            check(loss, spectrum(2, 3, 4))


def test_third_derivatives_and_repeated_inputs() -> None:
    check(lambda x: at.fft.irfft(at.fft.rfft(x) ** 3, 5), normal(5), order=3)
    check(lambda x: at.fft.fft(x) * at.fft.ifft(x), spectrum(4))
    check(lambda x: at.fft.rfft(x.expand(3, 4)).abs(), normal(4))
    check(lambda x, y: at.fft.irfft(at.fft.rfft(x, 8) * at.fft.rfft(y, 8), 8), normal(5), normal(2, 4))


def test_convolution_is_a_product_of_spectra() -> None:
    a, b = normal(6), normal(4, seed=1)
    x = at.from_numpy(a).requires_grad_()
    y = at.fft.irfft(at.fft.rfft(x, 9) * at.fft.rfft(at.from_numpy(b), 9), 9)
    np.testing.assert_allclose(y.detach().numpy(), np.convolve(a, b), atol=1e-14)
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), np.full(6, b.sum()), atol=1e-14)


# --- frequencies and shifts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 10])
def test_frequencies_and_shifts_are_those_of_numpy(n: int) -> None:
    np.testing.assert_allclose(
        at.fft.fftfreq(n, 0.3, dtype=at.float64).numpy(), np.fft.fftfreq(n, 0.3), rtol=1e-15
    )
    np.testing.assert_allclose(
        at.fft.rfftfreq(n, 0.3, dtype=at.float64).numpy(), np.fft.rfftfreq(n, 0.3), rtol=1e-15
    )
    x = normal(n, 3)
    for dim in (None, 0, 1, (0, 1), (-1,)):
        np.testing.assert_array_equal(at.fft.fftshift(at.from_numpy(x), dim).numpy(), np.fft.fftshift(x, dim))
        np.testing.assert_array_equal(
            at.fft.ifftshift(at.from_numpy(x), dim).numpy(), np.fft.ifftshift(x, dim)
        )
    check(lambda t: at.fft.fftshift(t) ** 2, x)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: at.fft.fft(x, 0), RuntimeError, r"Invalid number of data points \(0\)"),
        (lambda x: at.fft.fft(x, A_HALF), TypeError, "'n' must be int"),
        (lambda x: at.fft.fftn(x, (A_HALF,)), TypeError, "must be int"),
        (lambda x: at.fft.fft(x, norm="orthogonal"), RuntimeError, "Invalid normalization mode"),
        (lambda x: at.fft.fft(x, dim=2), IndexError, "out of range"),
        (lambda x: at.fft.fftn(x, dim=(0, -2)), RuntimeError, "must be unique"),
        (lambda x: at.fft.fftn(x, (2,), (0, 1)), RuntimeError, "must have the same length"),
        (lambda x: at.fft.fftn(x, (2, 2, 2)), RuntimeError, "3 values but input tensor only has 2 dim"),
        (lambda x: at.fft.rfftn(x, dim=()), RuntimeError, "rfftn must transform at least one axis"),
        (lambda x: at.fft.irfft(x[:, :1]), RuntimeError, r"data points \(0\) specified: irfft"),
        (lambda x: at.fft.fft(x[0, 0]), IndexError, "no dimensions"),
        (lambda x: at.fft.fft(A_HALF), TypeError, "must be a Tensor"),
        (lambda x: at.fft.fftfreq(-1), RuntimeError, "greater or equal to 0"),
        (lambda x: at.fft.fftshift(x[0, 0]), RuntimeError, "required"),
    ],
)  # fmt: skip
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(at.ones(2, 3))
