"""Conversion, attributes and leaving the tape; compared with PyTorch in parity/test_conversion_parity.py."""

from __future__ import annotations

import io
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import nn
from tests.oracle import check, normal

FLOATING = [at.float16, at.float32, at.float64]
INTEGERS = [at.bool, at.int8, at.int16, at.int32, at.int64, at.uint8, at.uint16, at.uint32, at.uint64]
COMPLEX = [at.complex64, at.complex128]


# --- to -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", FLOATING + INTEGERS + COMPLEX)
@pytest.mark.parametrize("source", FLOATING + INTEGERS)
def test_every_pair_of_types(source: Any, target: Any) -> None:
    x = at.tensor([[0, 1], [2, 3]]).to(source)
    y = x.to(target)
    assert y.dtype == target
    assert (y is x) == (source == target)
    np.testing.assert_array_equal(y.numpy(), x.numpy().astype(target.numpy))
    transposed = x.transpose(0, 1).to(target, copy=True)
    np.testing.assert_array_equal(transposed.numpy(), y.numpy().T)
    assert not np.shares_memory(transposed.numpy(), x.numpy())


def test_the_forms_of_to() -> None:
    x = at.ones(2)
    double = at.ones(1, dtype=at.float64)
    for same in (
        x.to("cpu"),
        x.to(at.device("cpu")),
        x.to(at.float32),
        x.to(at.ones(1)),
        x.to(None),
        x.to(),
        x.to("cpu", at.float32),
        x.to(device="cpu"),
        x.to(dtype=at.float32),
        x.cpu(),
        x.float(),
    ):
        assert same is x
    for other in (
        x.to(at.float64),
        x.to("cpu", at.float64),
        x.to(double),
        x.to(float),
        x.to(np.float64),
        x.to(device="cpu", dtype=at.float64),
        x.to("cpu", dtype=at.float64),
        x.double(),
        x.type_as(double),
    ):
        assert other.dtype == at.float64
    for copied in (
        x.to(at.float32, False, True),
        x.to("cpu", at.float32, False, True),
        x.to(x, copy=True),
        x.to(copy=True),
        x.to("cpu", copy=True, non_blocking=True),
    ):
        assert copied is not x
        assert not np.shares_memory(copied.numpy(), x.numpy())
    for wrong in (
        lambda: x.to(at.float64, dtype=at.float32),
        lambda: x.to("cpu", device="cpu"),
        lambda: x.to(at.float32, False, False, 3),
        lambda: x.to(1.5),
        lambda: x.to("float64, please"),
    ):
        with pytest.raises((TypeError, RuntimeError)):
            wrong()
    for elsewhere in (
        lambda: x.to("cuda"),
        lambda: x.cuda(),
        lambda: x.cuda(1),
        lambda: x.to(0),
        lambda: x.to(at.device("mps"), at.float64),
        lambda: x.type("torch.cuda.FloatTensor"),
    ):
        with pytest.raises(RuntimeError, match="CPU only"):
            elsewhere()
    with pytest.raises(NotImplementedError, match="use autotape"):
        x.bfloat16()


def test_type_and_its_names() -> None:
    x = at.ones(2)
    assert x.type() == "autotape.FloatTensor"
    assert at.zeros(1, dtype=at.uint16).type() == "autotape.UInt16Tensor"
    for name in ("torch.LongTensor", "autotape.LongTensor", at.LongTensor, at.int64):
        assert x.type(name).dtype == at.int64
    for kind in (at.FloatTensor, at.DoubleTensor, at.BoolTensor, at.ByteTensor):
        assert x.type(x.type(kind).type()).dtype == kind.dtype
    for bad in ("LongTensor", "torch.Nothing", "numpy.LongTensor"):
        with pytest.raises(ValueError, match="invalid type"):
            x.type(bad)


@pytest.mark.parametrize(
    ("method", "dtype"),
    [
        ("float", "float32"),
        ("double", "float64"),
        ("half", "float16"),
        ("cfloat", "complex64"),
        ("cdouble", "complex128"),
        ("bool", "bool"),
        ("byte", "uint8"),
        ("char", "int8"),
        ("short", "int16"),
        ("int", "int32"),
        ("long", "int64"),
    ],
)
def test_short_forms(method: str, dtype: str) -> None:
    x = at.tensor([0.0, 1.5], requires_grad=True)
    y = getattr(x, method)()
    assert y.dtype == getattr(at, dtype)
    assert getattr(y, method)() is y
    assert y.requires_grad == (y.is_floating_point() or y.is_complex())


def test_casts_are_differentiable() -> None:
    check(lambda x: x.to(at.float64, copy=True) ** 3, normal(3, 4))
    check(lambda x: x.clone() ** 3, normal(3, 4))
    check(lambda x: (x.to(at.complex128) * (1 + 2j)).to(at.complex128).abs(), normal(3))
    x = at.tensor([1.0, 2.0], requires_grad=True)
    (x.half() * x.double()).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == at.float32  # PROMISES row 22
    assert x.grad.tolist() == [2, 4]


def test_complex_to_real_warns_and_keeps_the_gradient() -> None:
    z = at.tensor([1 + 2j], requires_grad=True)
    with pytest.warns(UserWarning, match="discards the imaginary part"):
        y = z.to(at.float64)
    (y * 3).sum().backward()
    assert z.grad is not None
    assert z.grad.tolist() == [3 + 0j]
    for discard in (
        lambda: z.detach().float(),
        lambda: z.long(),
        lambda: at.tensor(np.array([1j]), dtype=at.int8),
    ):
        with pytest.warns(UserWarning, match="discards the imaginary part"):
            discard()
    assert at.tensor([0j, 1j]).bool().tolist() == [False, True]


def test_parts_of_complex_tensors() -> None:
    z = at.tensor([1 + 2j, 3 - 4j])
    z.imag.fill_(7)
    assert z.tolist() == [1 + 7j, 3 + 7j]  # views
    assert np.shares_memory(z.real.numpy(), z.numpy())
    x = at.ones(2)
    assert x.real is x
    with pytest.raises(RuntimeError, match="non-complex"):
        _ = x.imag
    check(lambda z: z.real * z.imag**2, normal(3) + 1j * normal(3, seed=1))


# --- attributes ---------------------------------------------------------------------------------------------


def test_attributes() -> None:
    x = at.zeros(2, 3, 4, dtype=at.float64)
    assert x.size() == x.shape == (2, 3, 4)
    assert isinstance(x.size(), at.Size)
    assert (x.size(0), x.size(-1), x.size(dim=1)) == (2, 4, 3)
    assert (x.dim(), x.ndim) == (3, 3)
    assert x.numel() == x.nelement() == at.numel(x) == 24
    assert (x.element_size(), x.itemsize, x.nbytes) == (8, 8, 192)
    assert x[1].data_ptr() - x.data_ptr() == 96
    assert not x.is_cuda
    assert x.get_device() == -1
    assert x.is_floating_point()
    assert x.is_signed()
    assert not x.is_complex()
    assert not at.ones(1, dtype=at.uint8).is_signed()
    assert not at.is_floating_point(at.tensor(1j))
    assert at.is_complex(at.tensor(1j))
    assert at.is_tensor(x)
    assert not at.is_tensor(x.numpy())
    assert at.is_tensor(nn.Parameter(x))
    with pytest.raises(IndexError, match=r"expected dim in range|expected dim in \[-3, 2\]"):
        x.size(3)
    with pytest.raises(IndexError, match="no dimensions"):
        at.tensor(1.0).size(0)
    with pytest.raises(TypeError, match="must be a Tensor"):
        at.numel([1, 2])  # type: ignore[arg-type]


def test_clone_keeps_values_order_and_tape() -> None:
    x = at.arange(6.0).reshape(2, 3).transpose(0, 1).requires_grad_()
    y = x.clone()
    assert y.stride() == x.stride()
    assert not np.shares_memory(y.detach().numpy(), x.detach().numpy())
    assert isinstance(np.copy(x), at.Tensor)
    y.mul_(2)
    (y * y).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 8 * x.detach().numpy())  # type: ignore[union-attr]


# --- numbers ------------------------------------------------------------------------------------------------


def test_numbers() -> None:
    assert (float(at.tensor([[2.5]])), int(at.tensor(2.7)), complex(at.tensor(1j))) == (2.5, 2, 1j)
    assert float(at.tensor(True)) == 1.0
    assert operator.index(at.tensor([[3]])) == 3
    assert [10, 20, 30][at.tensor(1)] == 20
    assert list(range(5))[at.tensor(1) : at.tensor(3)] == [1, 2]
    assert math.exp(at.tensor(0.0)) == 1.0
    assert f"{at.tensor(3.14159):.2f} {at.tensor(7):03d} {at.tensor(2.5)}" == "3.14 007 2.5"
    assert operator.mod("%.1f", at.tensor(0.25)) == "0.2"
    assert isinstance(at.tensor(1.5).item(), float)
    assert isinstance(at.tensor(True).item(), bool)
    assert at.tensor([[1, 2]]).tolist() == [[1, 2]]


def test_numbers_refuse_more_or_less_than_one_element() -> None:
    for t in (at.zeros(0), at.zeros(2)):
        for convert in (float, int, complex):
            with pytest.raises(ValueError, match="only one element tensors can be converted"):
                convert(t)
        with pytest.raises(RuntimeError, match="cannot be converted to Scalar"):
            t.item()
        with pytest.raises(RuntimeError, match="is ambiguous"):
            bool(t)
        with pytest.raises(TypeError, match="integer tensors of a single element"):
            operator.index(t)
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{at.zeros(2):.2f}"
    with pytest.raises(RuntimeError, match="cannot be converted to a real number"):
        float(at.tensor(1j))
    assert float(at.tensor(2 + 0j)) == 2.0


def test_containers() -> None:
    x = at.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert len(x) == 2
    assert [row.tolist() for row in x] == x.tolist()
    assert 3 in x
    assert 5.0 not in x
    assert at.tensor(2.0) in x
    for zero_d in (lambda: len(x[0, 0]), lambda: iter(x[0, 0])):
        with pytest.raises(TypeError, match="0-d tensor"):
            zero_d()
    for odd in ("a", None, [1.0]):
        with pytest.raises(RuntimeError, match="only supports Tensor or scalar"):
            _ = odd in x
    with pytest.raises(RuntimeError, match="does not broadcast"):
        _ = at.zeros(3) in x
    assert {x: 1}[x] == 1
    assert hash(x) != hash(x.clone())


# --- leaving the tape is never silent (PROMISES row 24) -----------------------------------------------------


def _assign(index: Any, value: Any) -> None:
    np.zeros(2)[index] = value


S = at.tensor(3.0, requires_grad=True)
V = at.tensor([1.0, 2.0], requires_grad=True)


@pytest.mark.parametrize(
    "leave",
    [
        lambda: float(S),
        lambda: float(S * 2),
        lambda: int(S),
        lambda: complex(S),
        lambda: math.exp(S),
        lambda: math.fsum([S]),
        lambda: operator.mod("%.2f", S),
        lambda: _assign(0, S),
        lambda: at.tensor([S, S]),
        lambda: at.tensor([1.0, S * 2]),
        lambda: at.tensor(V),
        lambda: at.zeros(1).new_tensor(V),
    ],
)
def test_numbers_from_the_tape_warn_and_name_the_remedy(leave: Callable[[], Any]) -> None:
    with pytest.warns(UserWarning, match=r"detach\(\)"):
        leave()


@pytest.mark.parametrize(
    "leave",
    [
        lambda: np.asarray(V),
        lambda: np.array(V),
        lambda: np.array(V * 2, dtype=np.float64),
        lambda: np.array([V, V]),
        lambda: np.stack([np.asarray(V)]),
        lambda: V.numpy(),
        lambda: (V * 2).numpy(),
        lambda: V.__array__(),
        lambda: np.full(2, V),
        lambda: _assign(slice(None), V),
        lambda: np.float32(S),
        lambda: np.asarray([S]),
        lambda: np.ones(2).dot(V),
        lambda: np.add.at(np.zeros(2), [0, 1], V),
        lambda: np.add(V, 1, out=np.zeros(2)),
        lambda: operator.iadd(np.zeros(2), V),
        lambda: np.histogram(V),
        lambda: np.spacing(V),
        lambda: np.add.reduceat(V, [0]),
        lambda: np.fft.fft(V),
        lambda: np.polyfit(V, V, 1),
        lambda: np.from_dlpack(V),
        lambda: np.convolve(V, V * 2),
        lambda: np.save(io.BytesIO(), V),
        lambda: np.savetxt(io.StringIO(), V),
        lambda: np.frompyfunc(abs, 1, 1)(V),
        lambda: np.vectorize(abs)(V),
        lambda: np.random.default_rng(0).normal(V),
        lambda: np.copyto(np.zeros(2), V),
        lambda: at.zeros(2).normal_(S, 1.0),
        lambda: at.zeros(2).uniform_(0, S),
    ],
)
def test_arrays_from_the_tape_are_refused_and_the_remedy_named(leave: Callable[[], Any]) -> None:
    with pytest.raises((RuntimeError, TypeError, BufferError), match=r"detach|out-of-place") as caught:
        leave()
    assert caught.value.__cause__ is None or "detach" in str(caught.value)


def test_what_needs_no_gradient_goes_to_numpy_freely() -> None:
    x = at.tensor([1.0, 2.0])
    for a in (np.asarray(x), x.numpy(), x.__array__(), np.from_dlpack(x), np.asarray(x, copy=False)):
        assert isinstance(a, np.ndarray)
        assert np.shares_memory(a, x.numpy())
    assert not np.shares_memory(np.array(x), x.numpy())
    assert np.asarray(x, dtype=np.int8).dtype == np.int8
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, dtype=np.int8, copy=False)
    assert V.detach().numpy().tolist() == V.numpy(force=True).tolist() == V.tolist()
    assert x.__dlpack_device__()[0] == 1


def test_control_flow_and_text_stay_silent() -> None:
    assert bool(S > 2)
    assert S.item() == 3.0
    assert f"{S:.1f} {S}" == "3.0 3.0"


# --- small namespaces ---------------------------------------------------------------------------------------


def test_scripts_that_ask_for_a_gpu_run_on() -> None:
    device = at.device(
        "cuda" if at.cuda.is_available() else "mps" if at.backends.mps.is_available() else "cpu"
    )
    assert device == at.device("cpu")
    assert at.cuda.device_count() == 0
    assert not at.cuda.is_initialized()
    at.cuda.manual_seed(0)
    at.cuda.manual_seed_all(0)
    at.cuda.synchronize()
    at.cuda.empty_cache()
    at.cuda.reset_peak_memory_stats()
    assert at.cuda.memory_allocated() == at.cuda.max_memory_allocated() == 0
    with pytest.raises(RuntimeError, match="is_available"):
        at.cuda.get_device_name(0)
    before = at.backends.cudnn.benchmark
    at.backends.cudnn.benchmark = not before
    assert at.backends.cudnn.benchmark is not before
    at.backends.cudnn.benchmark = before
    at.backends.cudnn.deterministic = at.backends.cudnn.deterministic
    assert not at.backends.cudnn.is_available()
    assert at.backends.cudnn.version() is None
    assert not at.backends.cuda.matmul.allow_tf32


def test_names_of_types_and_numbers() -> None:
    assert (at.float, at.double, at.half) == (at.float32, at.float64, at.float16)
    assert (at.long, at.int, at.short, at.cfloat, at.cdouble) == (
        at.int64,
        at.int32,
        at.int16,
        at.complex64,
        at.complex128,
    )
    assert at.zeros(2, dtype=at.long).dtype == at.int64
    assert (at.pi, at.e, at.inf) == (math.pi, math.e, math.inf)
    assert math.isnan(at.nan)
