"""Complex numbers: their parts, and tensors made of them."""

import math
from typing import Any

import numpy as np
import pytest

import autotape as at
from tests.elementwise_table import leaf
from tests.oracle import check, normal

INF, NAN = math.inf, math.nan
Z = np.array([[1 + 2j, -3j, 0], [-1, 2.5 - 1j, 1e-3j]])
LAYOUTS = {
    "contiguous": Z,
    "transposed": Z.T,
    "reversed": Z[::-1, ::-1],
    "strided": np.repeat(Z, 2, axis=1)[:, ::2],
    "0-d": Z[0, 0],
    "empty": Z[:0],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_view_as_real_and_back_share_memory(layout: str) -> None:
    z = np.asarray(LAYOUTS[layout])
    x = at.from_numpy(z)
    pairs = at.view_as_real(x)
    assert pairs.dtype == at.float64
    np.testing.assert_array_equal(pairs.numpy(), np.stack([z.real, z.imag], -1))
    back = at.view_as_complex(pairs)
    assert back.dtype == at.complex128
    np.testing.assert_array_equal(back.numpy(), z)
    if z.size:
        assert np.shares_memory(pairs.numpy(), z)
        assert np.shares_memory(back.numpy(), z)


def test_a_write_to_the_parts_is_one_to_the_number() -> None:
    z = at.tensor([1 + 2j, 3 + 4j])
    pairs = at.view_as_real(z)
    pairs[:, 1] = 0
    assert z.tolist() == [1, 3]
    z.mul_(2j)
    assert pairs.tolist() == [[0, 2], [0, 6]]

    def written(z: at.Tensor) -> at.Tensor:
        w = z * 1
        at.view_as_real(w)[..., 0].mul_(3)
        return w * w

    check(written, Z)
    check(lambda x: at.view_as_complex(x * 1).mul_(1j) * at.view_as_complex(x), normal(2, 3, 2))
    z = at.tensor([1 + 2j], dtype=at.complex128, requires_grad=True)
    w = z * 1
    at.view_as_real(w).zero_()
    assert at.autograd.grad(w.abs().sum(), z)[0].tolist() == [0]


def test_the_gradient_of_a_view_may_have_any_strides() -> None:
    x = leaf(normal(3, 2))
    z = at.view_as_complex(x)
    g = at.view_as_real(z.mT if z.ndim > 1 else z).flip(1)
    (found,) = at.autograd.grad(g, x, at.tensor(np.asfortranarray(normal(3, 2, seed=1))))
    np.testing.assert_array_equal(found.numpy(), np.flip(normal(3, 2, seed=1), 1))


@pytest.mark.parametrize(("dtype", "wide"), [(at.float32, at.complex64), (at.float64, at.complex128)])
def test_numbers_made_of_parts(dtype: at.dtype, wide: at.dtype) -> None:
    a, b = at.tensor([[1.0], [INF]], dtype=dtype), at.tensor([0.0, NAN, -INF], dtype=dtype)
    z = at.complex(a, b)
    assert (z.dtype, z.shape) == (wide, (2, 3))
    np.testing.assert_array_equal(z.real.numpy(), np.broadcast_to(a.numpy(), (2, 3)))
    np.testing.assert_array_equal(z.imag.numpy(), np.broadcast_to(b.numpy(), (2, 3)))
    size, angle = at.tensor([2.0, 0.0, 1.0], dtype=dtype), at.tensor([[0.5], [-3.0]], dtype=dtype)
    z = at.polar(size, angle)
    assert (z.dtype, z.shape) == (wide, (2, 3))
    expected = size.numpy() * np.exp(1j * angle.numpy())
    np.testing.assert_allclose(z.numpy(), expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(at.angle(z[:, 0]).numpy(), angle.numpy()[:, 0], rtol=1e-6)
    out = at.empty(0, dtype=wide)
    assert at.complex(a, b, out=out) is out


def test_conjugates_and_flags() -> None:
    z, x = at.tensor([1 + 2j]), at.tensor([1.0])
    assert z.conj().tolist() == z.conj_physical().tolist() == [1 - 2j]
    assert z.conj_physical_() is z
    assert z.tolist() == [1 - 2j]
    assert at.conj(x) is at.conj_physical(x) is at.resolve_conj(x) is at.resolve_neg(x) is x
    assert z.conj().is_conj() is False
    assert at.is_neg(z.conj().imag) is False
    assert at.real(x) is x
    assert np.shares_memory(z.real.numpy(), z.numpy())
    assert np.conj(z).tolist() == [1 + 2j]


def test_angles_of_real_numbers() -> None:
    x = at.tensor([2.0, -2.0, 0.0, -0.0, -INF, NAN])
    np.testing.assert_array_equal(at.angle(x).numpy(), np.float32([0, np.pi, 0, 0, np.pi, NAN]))
    assert at.angle(at.tensor([3, -3])).dtype == at.float32
    assert at.angle(at.tensor([1 + 1j], dtype=at.complex128)).dtype == at.float64


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: at.complex(at.ones(1), at.ones(1).double()), RuntimeError, "float32.*float64"),
        (lambda: at.complex(at.tensor([1]), at.tensor([1])), RuntimeError, "int64"),
        (lambda: at.complex(at.ones(1).half(), at.ones(1).half()), RuntimeError, "float16"),
        (lambda: at.complex(at.ones(1), 2.0), TypeError, "imag.*float"),  # type: ignore[arg-type]
        (lambda: at.polar(at.ones(2), at.ones(3)), RuntimeError, "size of tensor"),
        (lambda: at.view_as_real(at.ones(2)), RuntimeError, "complex tensors.*float32"),
        (lambda: at.view_as_complex(at.ones(2, 3)), RuntimeError, r"size 2.*\[2, 3\]"),
        (lambda: at.view_as_complex(at.tensor(1.0)), RuntimeError, "one or more dimensions"),
        (lambda: at.view_as_complex(at.ones(2, 4)[:, ::2]), RuntimeError, "stride 1"),
        (lambda: at.view_as_complex(at.ones(2, 2).T), RuntimeError, "stride 1"),
        (lambda: at.view_as_complex(at.ones(2).long()), RuntimeError, "int64"),
    ],
)
def test_errors(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
