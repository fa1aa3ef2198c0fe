"""Making tensors. The common cases are compared with PyTorch in parity/test_creation_parity.py."""

from __future__ import annotations

import array
import enum
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at

DTYPES = [
    at.float16, at.float32, at.float64, at.complex64, at.complex128, at.bool,
    at.int8, at.int16, at.int32, at.int64, at.uint8, at.uint16, at.uint32, at.uint64,
]  # fmt: skip


# --- from data ----------------------------------------------------------------------------------------------


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int64, np.bool_, np.complex128]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    )
)
def test_tensor_holds_the_numbers_of_nested_lists_and_arrays(a: Any) -> None:
    from_array = at.tensor(a)
    np.testing.assert_array_equal(from_array.numpy(), a)
    assert from_array.numpy().dtype == a.dtype
    if a.size:  # lists know no sizes inside of an empty dimension
        from_lists = at.tensor(a.tolist(), dtype=a.dtype)
        np.testing.assert_array_equal(from_lists.numpy(), a)
        weak = {"f": np.float32, "c": np.complex64}.get(a.dtype.kind, a.dtype)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(at.tensor(a.tolist()).numpy(), a.astype(weak))
        assert at.tensor(a.tolist()).numpy().dtype == weak


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensor_is_always_a_copy_in_the_dtype_of_an_array(dtype: Any) -> None:
    a = np.ones((2, 3), dtype.numpy)
    for source in (a, a.T, a[::-1, ::2], np.broadcast_to(a[0], (4, 3)), a.astype(a.dtype.newbyteorder())):
        t = at.tensor(source)
        assert t.dtype == dtype
        assert t.shape == source.shape
        assert t.numpy().dtype.isnative
        assert not np.shares_memory(t.numpy(), source)
        assert t.numpy().flags.writeable


def test_tensor_of_a_tensor_copies_the_values_and_warns() -> None:
    x = at.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match=r"sourceTensor\.detach\(\)\.clone\(\)"):
        y = at.tensor(x)
    assert not y.requires_grad
    assert not np.shares_memory(x.detach().numpy(), y.numpy())
    with pytest.warns(UserWarning, match=r"rather than tensor\.new_tensor"):
        assert at.arange(2).new_tensor(x).dtype == at.int64


def test_mixtures_are_promoted_as_their_dtypes() -> None:
    half, long = at.tensor(1.0, dtype=at.float16), at.tensor(1)
    assert at.tensor([half, 1]).dtype == at.float16
    assert at.tensor([half, 1.5]).dtype == at.float32
    assert at.tensor([half, np.float64(1)]).dtype == at.float64
    assert at.tensor([long, True]).dtype == at.int64
    assert at.tensor([np.arange(2), (half, half)]).dtype == at.float16
    assert at.tensor([[long], [1j]]).dtype == at.complex64
    assert at.tensor([np.uint8(200), np.int8(-1)]).tolist() == [200, -1]


def test_sequences_of_any_kind() -> None:
    class Colour(enum.IntEnum):
        RED = 3

    assert at.tensor(range(3)).tolist() == [0, 1, 2]
    assert at.tensor([range(2), (5, 6)]).tolist() == [[0, 1], [5, 6]]
    assert at.tensor(array.array("d", [1.5])).dtype == at.float32  # its elements are Python floats
    assert at.tensor(memoryview(b"ab")).tolist() == [97, 98]
    assert at.tensor([Colour.RED, 1]).tolist() == [3, 1]
    assert at.tensor(Colour.RED).dtype == at.int64
    assert at.tensor(at.ones(2, 3).shape).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([[1, 2], [3]], ValueError, r"length 2 at dim 1 \(got 1\): data\[1\]"),
        ([[[1.0]], [[2.0, 3.0]]], ValueError, r"length 1 at dim 2 \(got 2\): data\[1\]\[0\]"),
        ([[], [1]], ValueError, r"length 0 at dim 1 \(got 1\): data\[1\]"),
        ([[1], 5], TypeError, r"not a sequence: data\[1\] is the number 5"),
        ([5, [1]], TypeError, r"must be a number, not list: data\[1\]"),
        ([np.ones(2), [1.0]], ValueError, r"length 2 at dim 1 \(got 1\): data\[1\]"),
        ([[1, 2], [3, "four"]], TypeError, r"'str': data\[1\]\[1\] is 'four'"),
        (["four"], ValueError, r"too many dimensions 'str': data\[0\] is 'four'"),
        ([1, None], RuntimeError, r"Could not infer dtype of NoneType: data\[1\]"),
        ([{"a": 1}], RuntimeError, r"Could not infer dtype of dict: data\[0\]"),
        (object(), RuntimeError, r"Could not infer dtype of object: data is"),
        ([1, 2**63], ValueError, r"does not fit into int64"),
        (np.array(["a"]), TypeError, r"can't hold elements of type numpy\.str"),
        (np.array([None]), TypeError, r"can't hold elements of type numpy\.object"),
        ([np.array(["a"])], TypeError, r"can't hold elements of type numpy\.str"),
    ],
)
def test_bad_data_is_refused_by_its_place(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        at.tensor(data)


def test_tensors_in_lists_have_one_element() -> None:
    assert at.tensor([at.ones(1), 2]).tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"data\[0\] has shape \[2\]; use autotape\.stack"):
        at.tensor([at.ones(2), at.ones(2)])


def test_a_list_that_contains_itself_ends() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="too many dimensions"):
        at.tensor(endless)
    deep: Any = 1
    for _ in range(65):
        deep = [deep]
    with pytest.raises(ValueError, match="too many dimensions"):
        at.tensor(deep)
    assert at.tensor(deep[0]).ndim == 64


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d.numpy.kind in "iu"])
def test_integer_types_refuse_what_they_cannot_hold(dtype: Any) -> None:
    info = at.iinfo(dtype)
    assert at.tensor([info.min, info.max], dtype=dtype).tolist() == [info.min, info.max]
    for bad in (info.max + 1, math.inf, math.nan, 2.0**65, 10**30):
        with pytest.raises((RuntimeError, ValueError), match=r"overflow|Overflow"):
            at.tensor(bad, dtype=dtype)
        with pytest.raises((RuntimeError, ValueError), match=r"overflow|Overflow"):
            at.tensor([bad], dtype=dtype)
    with pytest.raises(TypeError, match="complex"):
        at.tensor([1j], dtype=dtype)
    assert at.tensor([2.9, 0.5], dtype=dtype).tolist() == [2, 0]


def test_numbers_in_arrays_wrap_around_as_arrays_do() -> None:
    assert at.tensor(np.array([300, -1]), dtype=at.uint8).tolist() == [44, 255]


def test_leaving_the_tape_through_data_warns() -> None:  # PROMISES row 24
    s = at.tensor(3.0, requires_grad=True)
    for make in (lambda: at.tensor([s, s]), lambda: at.as_tensor([1.0, s]), lambda: at.linspace(s, 1, 2)):
        with pytest.warns(UserWarning, match="leaves the tape"):
            assert not make().requires_grad
    for refuse in (lambda: at.full((2,), s), lambda: at.arange(s), lambda: at.full_like(s, s)):
        with pytest.raises(TypeError, match="requires grad; use detach"):
            refuse()


def test_from_numpy_shares_memory_both_ways() -> None:
    a = np.arange(6.0).reshape(2, 3)
    for b in (a, a.T, a[:, ::-2], np.zeros((0, 3)), np.array(1.5)):
        t = at.from_numpy(b)
        assert t.numpy() is b
        assert t.shape == b.shape
    t = at.from_numpy(a)
    t.add_(1)
    a[0, 0] = 50
    assert t.tolist() == [[50, 2, 3], [4, 5, 6]]
    assert a[1, 2] == 6


def test_from_numpy_of_read_only_memory_refuses_writes() -> None:
    a = np.arange(3.0)
    a.flags.writeable = False
    t = at.from_numpy(a)
    with pytest.raises(RuntimeError, match="read-only"):
        t.add_(1)
    assert (t + 1).tolist() == [1, 2, 3]


def test_from_numpy_refuses_what_it_cannot_share() -> None:
    with pytest.raises(TypeError, match="expected np"):
        at.from_numpy([1, 2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="byte order"):
        at.from_numpy(np.ones(2, np.dtype("f4").newbyteorder()))
    with pytest.raises(ValueError, match="strides"):
        at.from_numpy(np.zeros(2, [("a", "i1"), ("b", "f4")])["b"])
    with pytest.raises(TypeError, match="can't hold"):
        at.from_numpy(np.array(["a"]))


def test_as_tensor_copies_only_where_it_must() -> None:
    a = np.ones(2)
    x = at.ones(2, requires_grad=True)
    assert at.as_tensor(a).numpy() is a
    assert at.as_tensor(a, dtype=at.float64).numpy() is a
    assert not np.shares_memory(at.as_tensor(a, dtype=at.float32).numpy(), a)
    assert at.as_tensor(x) is x
    at.as_tensor(x, dtype=at.float64).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == at.float32
    swapped = at.as_tensor(a.astype(a.dtype.newbyteorder()))
    assert swapped.numpy().dtype.isnative
    assert swapped.tolist() == [1, 1]


# --- filled -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [(), (0,), (3,), (2, 0, 3), (2, 1, 3)])
def test_filled_tensors(size: tuple[int, ...], dtype: Any) -> None:
    like = at.empty(size, dtype=dtype)
    for value, made in (
        (0, [at.zeros(size, dtype=dtype), at.zeros_like(like), like.new_zeros(size), np.zeros_like(like)]),
        (
            1,
            [at.ones(size, dtype=dtype), at.ones_like(like), like.new_ones(*size, size=None if size else ())],
        ),
        (
            1,
            [
                at.full(size, 1, dtype=dtype),
                at.full_like(like, 1),
                like.new_full(size, 1),
                np.full_like(like, 1),
            ],
        ),
    ):
        for t in made:
            assert isinstance(t, at.Tensor)
            assert t.shape == size
            assert t.dtype == dtype
            assert not t.requires_grad
            np.testing.assert_array_equal(t.numpy(), np.full(size, value, dtype.numpy))
    assert like.new_empty(size).dtype == dtype


def test_the_default_dtype_is_used_and_can_be_changed() -> None:
    at.set_default_dtype(at.float64)
    try:
        for t in (
            at.zeros(1),
            at.ones(1),
            at.empty(1),
            at.eye(1),
            at.full((1,), 1.5),
            at.arange(1.0),
            at.tensor(1.5),
            at.linspace(0, 1, 2),
            at.rand(1),
            at.randn(1),
            at.Tensor(1),
            at.Tensor([1]),
            at.normal(0, 1, (1,)),
        ):
            assert t.dtype == at.float64
        assert at.tensor(1j).dtype == at.complex128
        assert at.FloatTensor([1]).dtype == at.float32
    finally:
        at.set_default_dtype(at.float32)


def test_requires_grad_makes_leaves() -> None:
    for t in (
        at.ones(2, requires_grad=True),
        at.tensor([1.0], requires_grad=True),
        at.eye(2, requires_grad=True),
        at.zeros_like(at.arange(2.0), requires_grad=True),
        at.rand(2, requires_grad=True),
        at.full((2,), 1.5, requires_grad=True),
        at.linspace(0, 1, 2, requires_grad=True),
    ):
        assert t.requires_grad
        assert t.is_leaf
    with pytest.raises(RuntimeError, match="floating point and complex dtype can require gradients"):
        at.arange(3, requires_grad=True)


def test_another_device_is_a_clear_error() -> None:
    for make in (
        lambda: at.tensor([1.0], device="cuda"),
        lambda: at.zeros(2, device="cuda:0"),
        lambda: at.ones_like(at.ones(1), device=at.device("mps")),
        lambda: at.rand(2, device=0),
        lambda: at.as_tensor([1.0], device="cuda"),
        lambda: at.Tensor([1.0], device="cuda"),
        lambda: at.Generator("cuda"),
    ):
        with pytest.raises(RuntimeError, match="CPU only"):
            make()
    assert at.zeros(2, device="cpu").device == at.device("cpu")


def test_sizes_must_be_integers() -> None:
    assert at.zeros(np.int64(2), at.tensor(3)).shape == (2, 3)
    for bad in (2.0, "a", None, True, (2, 1.5), (True,)):
        with pytest.raises(TypeError, match="size"):
            at.zeros(bad)
    with pytest.raises(TypeError, match="missing"):
        at.zeros()
    with pytest.raises(TypeError, match="multiple values"):
        at.zeros(2, size=(2,))
    with pytest.raises(RuntimeError, match="non-negative"):
        at.ones(2, -1)
    with pytest.raises(TypeError, match="tuple of ints"):
        at.full(2, 1.0)


def test_layout_of_like_tensors_follows_the_input() -> None:
    x = at.ones(2, 3).transpose(0, 1)
    for like in (at.zeros_like(x), at.ones_like(x), at.empty_like(x), at.full_like(x, 2), x.clone()):
        assert like.stride() == (1, 3)
    wide = at.ones(1, 3).expand(2, 3)
    for like in (at.zeros_like(wide), wide.clone(), at.empty_like(wide)):
        assert like.stride() == (3, 1)


# --- sequences ----------------------------------------------------------------------------------------------


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-7, 7).filter(bool))
def test_arange_of_integers_is_range(start: int, end: int, step: int) -> None:
    if (end - start) * step < 0:
        with pytest.raises(RuntimeError, match="inconsistent with step sign"):
            at.arange(start, end, step)
        return
    assert at.arange(start, end, step).tolist() == list(range(start, end, step))
    assert at.arange(start, end, step, dtype=at.float64).tolist() == list(range(start, end, step))


@given(st.floats(-10, 10), st.floats(0.01, 10), st.floats(0.01, 3))
def test_arange_of_floats(start: float, length: float, step: float) -> None:
    x = at.arange(start, start + length, step, dtype=at.float64)
    assert len(x) == math.ceil((start + length - start) / step)
    np.testing.assert_allclose(x.numpy(), start + step * np.arange(len(x)), rtol=1e-15)


def test_arange_of_large_integers_is_exact() -> None:
    assert at.arange(2**62, 2**62 + 3).tolist() == [2**62, 2**62 + 1, 2**62 + 2]
    assert at.arange(2**53, 2**53 + 2).tolist() == [2**53, 2**53 + 1]


@given(st.floats(-100, 100), st.floats(-100, 100), st.integers(0, 50))
def test_linspace(start: float, end: float, steps: int) -> None:
    x = at.linspace(start, end, steps, dtype=at.float64).numpy()
    np.testing.assert_allclose(x, np.linspace(start, end, steps), rtol=1e-12, atol=1e-13)
    if steps > 1:
        assert (x[0], x[-1]) == (start, end)


def test_eye() -> None:
    for n, m in [(0, 0), (1, 3), (3, 1), (2, 2)]:
        np.testing.assert_array_equal(at.eye(n, m).numpy(), np.eye(n, m))


# --- the constructor and the types of old -------------------------------------------------------------------


def test_the_constructor() -> None:
    assert at.Tensor(2, 3).shape == (2, 3)
    assert at.Tensor().shape == (0,)
    assert at.Tensor([[1, 2]]).dtype == at.float32
    assert at.Tensor((2, 3)).tolist() == [2, 3]
    assert at.Tensor(at.Size([2, 3])).shape == (2, 3)
    with pytest.raises(TypeError, match="data must be a sequence"):
        at.Tensor(2.5)
    with pytest.raises(RuntimeError, match="negative dimension -1"):
        at.Tensor(2, -1)
    with pytest.raises(TypeError, match="position 2"):
        at.Tensor(2, "a")


def test_the_constructor_of_a_tensor_shares_its_memory_and_its_place_on_the_tape() -> None:
    plain = at.arange(3)
    assert np.shares_memory(at.Tensor(plain).numpy(), plain.numpy())
    x = at.ones(2, requires_grad=True)
    (at.Tensor(x) * at.FloatTensor(x * 3)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6, 6]


def test_a_subclass_is_made_as_itself() -> None:
    class Mine(at.Tensor):
        pass

    assert type(Mine([1.0, 2.0])) is Mine
    assert type(Mine(at.ones(2))) is Mine
    assert Mine(2, 3).shape == (2, 3)


def test_types_of_old() -> None:
    assert at.LongTensor([1, 2]).dtype == at.int64
    assert at.DoubleTensor(2, 3).shape == (2, 3)
    assert type(at.FloatTensor([1])) is at.Tensor
    for kind in (
        at.FloatTensor,
        at.DoubleTensor,
        at.HalfTensor,
        at.LongTensor,
        at.IntTensor,
        at.ShortTensor,
        at.CharTensor,
        at.ByteTensor,
        at.BoolTensor,
    ):
        made = kind([1, 0])
        assert made.dtype == kind.dtype
        assert isinstance(made, kind)
        assert not isinstance(made.numpy(), kind)
    assert not isinstance(at.ones(1), at.LongTensor)
    assert not issubclass(at.FloatTensor, at.Tensor)
    with pytest.raises(TypeError, match=r"expected a tensor of autotape\.float64"):
        at.DoubleTensor(at.ones(1))


# --- the other ways to make a tensor ------------------------------------------------------------------------


def test_out_takes_the_values_in_its_dtype() -> None:
    for make in (
        lambda out: at.zeros(2, 3, out=out),
        lambda out: at.ones((2, 3), out=out),
        lambda out: at.full((2, 3), 7, out=out),
        lambda out: at.eye(2, 3, out=out),
        lambda out: at.arange(6, out=out),
        lambda out: at.linspace(0, 5, 6, out=out),
        lambda out: at.logspace(0, 2, 3, 2, out=out),
        lambda out: at.randint(5, (2,), out=out),
        lambda out: at.randperm(5, out=out),
        lambda out: at.fft.fftfreq(4, 0.25, out=out),
    ):
        for dtype in (at.float64, at.float32):
            out = at.empty(0, dtype=dtype)
            assert make(out) is out
            assert out.dtype == dtype
            assert make(at.empty(7, dtype=dtype)).shape == out.shape  # resized without a warning
    view = at.zeros(2, 3)
    at.ones(3, out=view[1])
    assert view.tolist() == [[0, 0, 0], [1, 1, 1]]
    with pytest.raises(RuntimeError, match="does not match dtype of out"):
        at.zeros(2, out=at.empty(2), dtype=at.float64)
    with pytest.raises(TypeError, match="'out' must be a Tensor"):
        at.zeros(2, out=np.zeros(2))  # type: ignore[arg-type]


def test_layouts_and_memory_formats() -> None:
    x = at.ones(2, 3, 4, 5)
    assert at.empty_like(x, memory_format=at.channels_last).stride() == (60, 1, 15, 3)
    assert at.zeros_like(x.mT, memory_format=at.contiguous_format).stride() == (60, 20, 4, 1)
    assert at.ones_like(x.mT, memory_format=at.preserve_format).stride() == x.mT.stride()
    assert at.rand_like(x.mT).stride() == at.randn_like(x.mT).stride() == x.mT.stride()
    assert at.randint_like(x, 5, memory_format=at.channels_last).stride() == (60, 1, 15, 3)
    assert at.empty(1, 2, 3, 4, 5, memory_format=at.channels_last_3d).stride() == (120, 1, 40, 10, 2)
    assert at.zeros(2, layout=at.strided, pin_memory=True).tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="required rank 4"):
        at.zeros_like(at.ones(2, 3), memory_format=at.channels_last)
    with pytest.raises(RuntimeError, match="unsupported memory format"):
        at.empty(2, memory_format=at.preserve_format)
    for make in (lambda: at.zeros(2, layout="sparse_coo"), lambda: at.ones_like(x, layout="sparse_csr")):
        with pytest.raises(NotImplementedError, match="strided tensors only"):
            make()


def test_strided_and_permuted() -> None:
    for size, stride in [
        ((2, 3), (1, 2)),
        ((2, 3), (0, 1)),
        ((2, 3), (10, 1)),
        ((2, 2), (1, 1)),
        ((), ()),
        ((0, 3), (7, 2)),
    ]:
        x = at.empty_strided(size, stride, dtype=at.float64)
        assert x.shape == size
        assert x.stride() == stride
        assert at.ones(1, dtype=at.int16).new_empty_strided(size, stride).dtype == at.int16
    x = at.empty_permuted((2, 3, 5), (0, 2, 1))
    assert x.stride() == (15, 1, 3)
    assert x.shape == (2, 3, 5)
    x.fill_(1)
    assert x.sum() == 30
    with pytest.raises(RuntimeError, match="must match dimensionality"):
        at.empty_strided((2, 3), (1,))
    with pytest.raises(RuntimeError, match="non-negative"):
        at.empty_strided((2,), (-1,))
    for order in ((0, 1), (0, 1, 1), (0, 1, 3), (0, 1, -1)):
        with pytest.raises(RuntimeError, match="once, counted from the front"):
            at.empty_permuted((2, 3, 5), order)


def test_asarray_copies_where_it_must_or_is_told_to() -> None:
    a = np.ones(2)
    assert np.shares_memory(at.asarray(a).numpy(), a)
    assert not np.shares_memory(at.asarray(a, copy=True).numpy(), a)
    assert not np.shares_memory(at.asarray(a, dtype=at.float32).numpy(), a)
    b = bytearray(b"\1\2")
    shared = at.asarray(b, dtype=at.uint8)
    b[0] = 9
    assert shared.tolist() == [9, 2]
    assert at.asarray(np.float64(2)).dtype == at.float64
    assert at.asarray([1, 2.5]).dtype == at.float32
    for bad in ([1.0], 2.5, np.float64(1)):
        with pytest.raises(ValueError, match="can't alias"):
            at.asarray(bad, copy=False)
    with pytest.raises(ValueError, match="can't alias tensor with dtype"):
        at.asarray(a, dtype=at.float32, copy=False)
    x = at.ones(2, requires_grad=True)
    assert at.asarray(x) is x
    assert not at.asarray(x, requires_grad=False).requires_grad
    at.asarray(x * 2, dtype=at.float64, copy=True).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 2]
    leaf = at.asarray(a, requires_grad=True)
    assert leaf.is_leaf
    assert leaf.requires_grad
    plain = at.ones(2)
    assert at.asarray(plain, requires_grad=True).requires_grad
    assert not plain.requires_grad


def test_frombuffer_shares_the_memory_it_names() -> None:
    b = bytearray(np.arange(4, dtype=np.int32).tobytes())
    x = at.frombuffer(b, dtype=at.int32, count=2, offset=4)
    assert x.tolist() == [1, 2]
    x.fill_(7)
    assert np.frombuffer(b, np.int32).tolist() == [0, 7, 7, 3]
    with pytest.raises(RuntimeError, match="read-only"):
        at.frombuffer(bytes(4), dtype=at.int32).add_(1)
    with pytest.raises(TypeError, match="buffer protocol"):
        at.frombuffer([1], dtype=at.int32)
    for options, message in (
        ({"count": 5}, "greater than actual"),
        ({"offset": 3}, "multiple of element size"),
        ({"offset": 16}, "no greater than"),
        ({"offset": -1}, "non-negative"),
        ({"count": 0}, "must not be 0"),
    ):
        with pytest.raises(ValueError, match=message):
            at.frombuffer(b, dtype=at.int32, **dict[str, Any](options))


@pytest.mark.parametrize("dtype", [at.float32, at.int64, at.complex128, at.uint8, at.bool])
def test_dlpack_shares_the_memory(dtype: Any) -> None:
    a = np.zeros((2, 3), dtype.numpy)
    for x in (at.from_dlpack(a), at.from_dlpack(at.from_numpy(a))):
        assert np.shares_memory(x.numpy(), a)
        assert x.dtype == dtype
    x = at.from_dlpack(at.to_dlpack(at.from_numpy(a)))
    a[0, 1] = 1
    assert x.tolist() == a.tolist()
    assert not np.shares_memory(at.from_dlpack(a, copy=True).numpy(), a)
    assert np.shares_memory(np.from_dlpack(at.from_numpy(a)), a)
    with pytest.raises(TypeError, match="__dlpack__"):
        at.from_dlpack([1])
    with pytest.raises(BufferError, match="require grad"):
        at.to_dlpack(at.ones(1, requires_grad=True))


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(0, 20), st.sampled_from([2.0, 10.0, 0.5]))
def test_logspace(start: float, end: float, steps: int, base: float) -> None:
    x = at.logspace(start, end, steps, base, dtype=at.float64).numpy()
    np.testing.assert_allclose(x, np.logspace(start, end, steps, base=base), rtol=1e-12)


def test_ends_of_sequences_may_be_tensors() -> None:
    assert at.linspace(at.tensor(1), at.tensor(3.0, dtype=at.float64), 3).tolist() == [1, 2, 3]
    assert at.logspace(at.tensor(0), 2, 3).tolist() == [1, 10, 100]
    assert at.linspace(at.tensor(1j), 1, 2).dtype == at.complex64
    assert at.linspace(0, 9.9, 4, dtype=at.int64).tolist() == [0, 3, 6, 9]
    assert at.logspace(0, 2.5, 4, dtype=at.int64).tolist() == [1, 4, 21, 100]
    for f in (at.linspace, at.logspace):
        with pytest.raises(RuntimeError, match="0-dimensional"):
            f(at.ones(2), 1, 3)
        with pytest.raises(RuntimeError, match="non-negative"):
            f(0, 1, -1)
        with pytest.raises(NotImplementedError, match="bool"):
            f(0, 1, 2, dtype=at.bool)


def test_scalar_tensor() -> None:
    assert at.scalar_tensor(True).dtype == at.float32
    assert at.scalar_tensor(2.7, dtype=at.int64).item() == 2
    assert at.scalar_tensor(1j, dtype=at.complex64).item() == 1j
    with pytest.raises(RuntimeError, match="overflow"):
        at.scalar_tensor(1j)
    with pytest.raises(TypeError, match="'s' must be Number"):
        at.scalar_tensor([1])
