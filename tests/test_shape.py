"""Reshaping, reordering, repeating, joining and taking apart."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.oracle import check, normal


def layouts(x):
    """The same numbers in several memory layouts."""
    yield x
    yield np.asfortranarray(x)
    if x.ndim:
        big = np.zeros((*x.shape[:-1], 2 * x.shape[-1]))
        big[..., ::2] = x
        yield big[..., ::2]
        yield np.flip(np.flip(x).copy())


# Each on an array of shape (2, 3, 4) and on a tensor: what NumPy calls it, and PyTorch.
SAME = {
    "reshape": (lambda x: x.reshape(4, 6), lambda t: t.reshape(4, 6)),
    "reshape -1": (lambda x: x.reshape(-1, 2), lambda t: at.reshape(t, (-1, 2))),
    "flatten": (lambda x: x.reshape(2, 12), lambda t: t.flatten(1)),
    "flatten start": (lambda x: x.reshape(6, 4), lambda t: t.flatten(0, -2)),
    "ravel": (np.ravel, lambda t: t.ravel()),
    "unflatten": (lambda x: x.reshape(2, 3, 2, 2), lambda t: t.unflatten(-1, (2, -1))),
    "unsqueeze": (lambda x: x[:, None], lambda t: t.unsqueeze(1)),
    "unsqueeze end": (lambda x: x[..., None], lambda t: at.unsqueeze(t, axis=-1)),
    "squeeze": (lambda x: x[:1, :, :1].squeeze(), lambda t: t[:1, :, :1].squeeze()),
    "squeeze dim": (lambda x: x[:1, :, :1].squeeze(0), lambda t: t[:1, :, :1].squeeze(0)),
    "squeeze kept": (lambda x: x[:1], lambda t: t[:1].squeeze((1, 2))),
    "transpose": (lambda x: x.swapaxes(0, 2), lambda t: t.transpose(0, -1)),
    "swapaxes": (lambda x: x.swapaxes(0, 1), lambda t: at.swapaxes(t, 0, 1)),
    "permute": (lambda x: x.transpose(2, 0, 1), lambda t: t.permute(2, 0, 1)),
    "permute tuple": (lambda x: x.transpose(1, 2, 0), lambda t: at.permute(t, dims=(1, -1, 0))),
    "movedim": (lambda x: np.moveaxis(x, 0, 2), lambda t: t.movedim(0, 2)),
    "movedim several": (lambda x: np.moveaxis(x, (0, 1), (1, -1)), lambda t: t.movedim((0, 1), (1, -1))),
    "t": (lambda x: x[0].T, lambda t: t[0].t()),
    "T": (lambda x: x[0].T, lambda t: t[0].T),
    "mT": (lambda x: x.mT, lambda t: t.mT),
    "expand": (lambda x: np.broadcast_to(x[:, :1], (5, 2, 3, 4)), lambda t: t[:, :1].expand(5, -1, 3, -1)),
    "broadcast_to": (lambda x: np.broadcast_to(x, (2, 2, 3, 4)), lambda t: t.broadcast_to((2, 2, 3, 4))),
    "expand_as": (lambda x: np.broadcast_to(x[:1], x.shape), lambda t: t[:1].expand_as(t)),
    "contiguous": (lambda x: x.mT.copy(), lambda t: t.mT.contiguous()),
    "repeat": (lambda x: np.tile(x, (2, 1, 3, 1)), lambda t: t.repeat(2, 1, 3, 1)),
    "repeat 0": (lambda x: np.tile(x, (1, 0, 2)), lambda t: t.repeat((1, 0, 2))),
    "tile": (lambda x: np.tile(x, (2, 3)), lambda t: t.tile(2, 3)),
    "tile more": (lambda x: np.tile(x, (2, 1, 1, 2)), lambda t: at.tile(t, (2, 1, 1, 2))),
    "repeat_interleave": (lambda x: np.repeat(x, 3), lambda t: t.repeat_interleave(3)),
    "repeat_interleave dim": (lambda x: np.repeat(x, 2, 1), lambda t: t.repeat_interleave(2, dim=1)),
    "repeat_interleave tensor": (
        lambda x: np.repeat(x, [1, 0, 2], 1),
        lambda t: t.repeat_interleave(at.tensor([1, 0, 2]), 1),
    ),
    "roll": (lambda x: np.roll(x, 5), lambda t: t.roll(5)),
    "roll dims": (lambda x: np.roll(x, (1, -2), (0, 2)), lambda t: t.roll((1, -2), (0, 2))),
    "roll dim twice": (lambda x: np.roll(x, (1, 1), (1, 1)), lambda t: at.roll(t, (1, 1), (1, 1))),
    "flip": (lambda x: np.flip(x, (0, 2)), lambda t: t.flip(0, 2)),
    "flip none": (lambda x: x, lambda t: t.flip(())),
    "tril": (lambda x: np.tril(x, -1), lambda t: t.tril(-1)),
    "triu": (lambda x: np.triu(x, 1), lambda t: at.triu(t, diagonal=1)),
    "diagonal": (lambda x: x.diagonal(1, 2, 0), lambda t: t.diagonal(1, 2, 0)),
    "diagonal empty": (lambda x: x.diagonal(9), lambda t: t.diagonal(9)),
    "diag of matrix": (lambda x: np.diag(x[0], 1), lambda t: t[0].diag(1)),
    "diag of vector": (lambda x: np.diag(x[0, 0], -2), lambda t: at.diag(t[0, 0], -2)),
    "cat": (lambda x: np.concatenate([x, x[:, :1]], 1), lambda t: at.cat([t, t[:, :1]], 1)),
    "cat one": (lambda x: np.concatenate([x]), lambda t: at.concat((t,))),
    "cat empty": (lambda x: x, lambda t: at.concatenate((at.zeros(0, dtype=at.float64), t), dim=2)),
    "stack": (lambda x: np.stack([x, 2 * x], 3), lambda t: at.stack([t, 2 * t], dim=-1)),
    "hstack": (lambda x: np.hstack([x, x]), lambda t: at.hstack([t, t])),
    "hstack 1-D": (lambda x: np.hstack([x[0, 0], x[0, 1]]), lambda t: at.hstack([t[0, 0], t[0, 1]])),
    "vstack": (lambda x: np.vstack([x, x]), lambda t: at.vstack([t, t])),
    "vstack 1-D": (lambda x: np.vstack([x[0, 0], x[0]]), lambda t: at.vstack([t[0, 0], t[0]])),
    "split": (lambda x: np.split(x, [2], 1)[1], lambda t: t.split(2, dim=1)[1]),
    "split sizes": (lambda x: x[:, 1:], lambda t: at.split(t, [1, 2], 1)[1]),
    "chunk": (lambda x: x[..., 2:4], lambda t: t.chunk(2, -1)[1]),
    "unbind": (lambda x: x[:, 2], lambda t: t.unbind(1)[2]),
    "narrow": (lambda x: x[:, 1:3], lambda t: at.narrow(t, 1, -2, 2)),
    "select": (lambda x: x[:, :, -1], lambda t: t.select(2, -1)),
    "meshgrid": (
        lambda x: np.meshgrid(x[0, 0], x[0, :, 0])[0],
        lambda t: at.meshgrid(t[0, 0], t[0, :, 0], indexing="xy")[0],
    ),
    "meshgrid ij": (
        lambda x: np.meshgrid(x[0, 0], x[0, :, 0], indexing="ij")[1],
        lambda t: at.meshgrid(t[0, 0], t[0, :, 0])[1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_values_equal_numpy_in_every_layout(name):
    numpys, ours = SAME[name]
    want = numpys(normal(2, 3, 4))
    for x in layouts(normal(2, 3, 4)):
        got = ours(at.from_numpy(x))
        assert got.dtype == at.float64
        np.testing.assert_array_equal(got.numpy(), want, strict=True)


@pytest.mark.parametrize("name", SAME)
def test_derivatives(name):
    check(SAME[name][1], normal(2, 3, 4))


@pytest.mark.parametrize("name", SAME)
def test_integers_keep_their_dtype(name):
    x = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
    if name != "cat empty":
        np.testing.assert_array_equal(SAME[name][1](at.from_numpy(x)).numpy(), SAME[name][0](x), strict=True)


@pytest.mark.parametrize(
    "fn",
    [
        lambda t: t.split([1, 0, 2], 1),
        lambda t: t.split(2, 1)[:1],
        lambda t: t.chunk(3, 2)[1:],
        lambda t: t.unbind(0),
        lambda t: t.unbind(2)[3],
        lambda t: [p * q for p, q in zip(t.unbind(1), t.unbind(1)[::-1], strict=True)],
        lambda t: at.cat([t, at.ones(2, 1, 4, dtype=at.float64), t.exp()], 1),
        lambda t: at.stack([at.ones(4, dtype=at.float64), t[0, 0], t[1, 1], t[0, 0]]),
        lambda t: at.cat(t.split(1, 2)[::-1], 2) * t,
        lambda t: at.stack(t.unbind(1), 0) ** 2,
        lambda t: at.meshgrid(t[0, 0], t[0, 1], t[1, 1]),
    ],
)
def test_derivatives_of_several_outputs_and_inputs(fn):
    check(fn, normal(2, 3, 4))


@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (2, 0, 3), (1, 1)])
@pytest.mark.parametrize(
    "fn",
    [
        lambda t: t.reshape(-1),
        lambda t: t.flatten(),
        lambda t: t.squeeze(),
        lambda t: t.unsqueeze(0),
        lambda t: t.transpose(0, -1),
        lambda t: t.movedim(0, -1),
        lambda t: t.expand(2, *t.shape),
        lambda t: t.repeat(*(2,) * max(t.ndim, 1)),
        lambda t: t.tile(3),
        lambda t: t.roll(1),
        lambda t: t.roll(1, 0) if t.ndim else t.roll(1),
        lambda t: t.flip(0),
        lambda t: t.repeat_interleave(2),
        lambda t: at.stack([t, t]),
        lambda t: at.hstack([t, t]),
        lambda t: at.vstack([t, t]),
        lambda t: t.contiguous() * 2,
    ],
)
def test_edge_shapes(shape, fn):
    check(fn, normal(*shape))


def test_large():
    x = at.randn(700, 800)
    np.testing.assert_array_equal(x.T.flatten().numpy(), x.numpy().T.reshape(-1))
    assert at.cat([x] * 9).shape == (6300, 800)
    assert at.cat([at.ones(1)] * 5000).sum().item() == 5000


def test_derivatives_of_complex_numbers():
    x = normal(2, 3) + 1j * normal(2, 3, seed=1)
    check(lambda t: at.cat([t.mT.flip(0), t.mT], 1).roll(1, 0).tril(), x)
    check(lambda t: t.repeat(2, 1)[[0, 0, 1], :, None].expand(-1, -1, 2), x)


def test_dtypes_are_promoted_in_cat_and_stack():
    parts = [at.ones(2, dtype=at.int64), at.ones(2, dtype=at.float16), at.ones(2, dtype=at.bool)]
    assert at.cat(parts).dtype == at.stack(parts).dtype == at.float16
    x = at.ones(2, requires_grad=True)
    at.cat([x, at.ones(2, dtype=at.float64)]).sum().backward()
    assert x.grad.dtype == at.float32


@given(
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    to=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
    order=st.randoms(use_true_random=False),
)
def test_reshape_is_a_view_exactly_where_numpy_needs_no_copy(shape, to, order):
    dims = list(range(len(shape)))
    order.shuffle(dims)
    x = np.arange(float(np.prod(shape))).reshape(shape).transpose(dims)
    t = at.from_numpy(x)
    if np.prod(shape) != np.prod(to):
        with pytest.raises(RuntimeError, match="is invalid for input of size"):
            t.reshape(to)
        with pytest.raises(RuntimeError, match="is invalid for input of size"):
            t.view(to)
        return
    got = t.reshape(to)
    np.testing.assert_array_equal(got.numpy(), x.reshape(to))
    if x.size == 0:
        assert t.view(to).shape == to
    elif np.shares_memory(x.reshape(to), x):
        assert np.shares_memory(got, t)
        assert got._is_view
        assert np.shares_memory(t.view(to), t)
    else:
        assert not np.shares_memory(got, t)
        assert not got._is_view
        with pytest.raises(RuntimeError, match=r"Use .reshape\(...\) instead"):
            t.view(to)


def test_view_as_another_dtype_shares_the_bytes():
    x = at.tensor([1.0, -2.0])
    bits = x.view(at.int32)
    assert bits.tolist() == [0x3F800000, -0x40000000]
    bits[0] = 0
    assert x.tolist() == [0.0, -2.0]
    assert x.view(at.uint8).shape == (8,)
    assert x.view(dtype=at.float64).shape == (1,)
    x.requires_grad_()
    assert not x.view(at.float32).requires_grad
    assert not x.view(at.int32).requires_grad
    with pytest.raises(RuntimeError, match="element sizes"):
        at.tensor(1.0).view(at.float64)
    with pytest.raises(RuntimeError, match="float32 as float64"):
        at.ones(3).view(at.float64)
    with pytest.raises(RuntimeError, match="view"):
        at.ones(2, 2).mT.view(at.float64)


def test_a_write_through_another_dtype_is_noticed_by_backward():
    x = at.ones(2, requires_grad=True)
    y = x * 2
    z = y * y
    y.view(at.int32).zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_memory_questions():
    x = at.ones(2, 3)
    assert x.stride() == (3, 1)
    assert x.mT.stride() == (1, 3)
    assert x.mT.stride(-1) == 3
    assert x.is_contiguous()
    assert not x.mT.is_contiguous()
    assert x.contiguous() is x
    assert not np.shares_memory(x.mT.contiguous(), x)
    assert x.expand(4, 2, 3).stride() == (0, 3, 1)
    flat = at.ones(3)
    assert flat.flatten() is flat


ERRORS = [
    (lambda t: t.reshape(5, -1), RuntimeError, r"shape '\[5, -1\]' is invalid for input of size 24"),
    (lambda t: t.reshape(-1, -1), RuntimeError, "only one dimension can be inferred"),
    (lambda t: t.reshape(-2, 12), RuntimeError, "invalid shape dimension -2 at index 0"),
    (lambda t: t.reshape(), TypeError, "missing"),
    (lambda t: t.reshape("a"), TypeError, "must be ints, not str"),
    (lambda t: t.reshape(2.0, 12), TypeError, "must be ints, not float"),
    (lambda t: at.zeros(0, 3).reshape(-1, 0), RuntimeError, "is ambiguous"),
    (lambda t: t.view(), TypeError, "shape or a dtype"),
    (lambda t: t.flatten(2, 1), RuntimeError, "start_dim cannot come after end_dim"),
    (lambda t: t.flatten(3), IndexError, "out of range"),
    (lambda t: t.unflatten(2, (3, 2)), RuntimeError, r"Provided sizes \[3, 2\] don't multiply up"),
    (lambda t: t.unflatten(2, (-1, 3)), RuntimeError, "don't multiply"),
    (lambda t: t.unflatten(2, ()), RuntimeError, "non-empty"),
    (lambda t: t.unsqueeze(4), IndexError, r"\[-4, 3\], but got 4"),
    (lambda t: t.squeeze(3), IndexError, r"\[-3, 2\], but got 3"),
    (lambda t: t.transpose(0, 3), IndexError, r"\[-3, 2\], but got 3"),
    (lambda t: t.t(), RuntimeError, "t.. expects a tensor with <= 2 dimensions, but self is 3D"),
    (lambda t: t[0, 0].mT, RuntimeError, "matrices or batches of matrices. Got 1-D"),
    (lambda t: t.permute(0, 1), RuntimeError, "does not match the length"),
    (lambda t: t.permute(0, 0, 1), RuntimeError, "duplicate dims"),
    (lambda t: t.movedim((0, 0), (1, 2)), RuntimeError, "repeated dim in `source`"),
    (lambda t: t.movedim((0, 1), 2), RuntimeError, "same number of dims"),
    (lambda t: t.expand(2, 4), RuntimeError, "must be greater or equal to the number of dimensions"),
    (lambda t: t.expand(2, 3, 5), RuntimeError, r"of the tensor \(5\) must match the existing size \(4\)"),
    (lambda t: t.expand(-1, 2, 3, 4), RuntimeError, "leading, non-existing dimension 0"),
    (lambda t: t.repeat(2), RuntimeError, "repeat dims can not be smaller than number of dimensions"),
    (lambda t: t.repeat(-1, 1, 1), RuntimeError, "negative"),
    (lambda t: t.repeat_interleave(at.tensor([1, 2]), 1), RuntimeError, "same size as input along dim"),
    (lambda t: t.repeat_interleave(at.tensor([1, -1, 1]), 1), RuntimeError, "negative"),
    (lambda t: t.repeat_interleave(-1), RuntimeError, "non-negative"),
    (lambda t: t.repeat_interleave(at.tensor([1.0])), RuntimeError, "Long or Int"),
    (lambda t: t.repeat_interleave(2, 0, output_size=3), RuntimeError, "output_size=3"),
    (lambda t: t.roll((1, 1)), RuntimeError, "shifts: 2, dims:0"),
    (lambda t: t.roll(1, (0, 1)), RuntimeError, "shifts: 1, dims:2"),
    (lambda t: t.flip(0, 0), RuntimeError, "multiple times"),
    (lambda t: t.flip(), TypeError, "dims"),
    (lambda t: t[0, 0].tril(), RuntimeError, "at least 2 dimensions"),
    (lambda t: t[0, 0].triu(), RuntimeError, "at least 2 dimensions"),
    (lambda t: t.diag(), RuntimeError, r"Supports 1D or 2D tensors. Got 3D"),
    (lambda t: t.diagonal(dim1=1, dim2=-2), RuntimeError, "cannot be identical"),
    (lambda t: t.narrow(1, 2, 2), RuntimeError, r"start \(2\) \+ length \(2\) exceeds dimension size \(3\)"),
    (lambda t: t.narrow(1, 0, -1), RuntimeError, "non-negative"),
    (lambda t: t.narrow(1, 4, 0), IndexError, "start out of range"),
    (lambda t: t.select(1, 3), IndexError, "index 3 out of range for tensor of size"),
    (lambda t: at.tensor(1.0).select(0, 0), IndexError, "0-dim"),
    (lambda t: at.cat([]), ValueError, "non-empty"),
    (lambda t: at.cat(t), TypeError, "must be tuple of Tensors, not Tensor"),
    (lambda t: at.cat([t, 3]), TypeError, r"tensors\[1\]"),
    (lambda t: at.cat([t, t[:, :2]]), RuntimeError, "Expected size 3 but got size 2 for tensor number 1"),
    (lambda t: at.cat([t, t[0]]), RuntimeError, "got 3 and 2"),
    (lambda t: at.cat([at.tensor(1.0)]), RuntimeError, "zero-dimensional"),
    (lambda t: at.stack([t, t[0]]), RuntimeError, r"equal size, but got \[2, 3, 4\] at entry 0 and \[3, 4\]"),
    (lambda t: at.stack([t], 4), IndexError, "out of range"),
    (lambda t: t.split(0), RuntimeError, "split_size can only be 0"),
    (lambda t: t.split(-1), RuntimeError, "non-negative"),
    (lambda t: t.split([1, 2]), RuntimeError, "sum exactly to 2"),
    (lambda t: at.tensor(1.0).split(1), RuntimeError, "at least a 1-dimensional"),
    (lambda t: t.chunk(0), RuntimeError, "greater than 0"),
    (lambda t: at.tensor(1.0).unbind(), IndexError, "no dimensions"),
    (lambda t: at.meshgrid(t[0]), RuntimeError, "0D or 1D"),
    (lambda t: at.meshgrid(t[0, 0], at.arange(2)), RuntimeError, "same dtype"),
    (lambda t: at.meshgrid(t[0, 0], indexing="zz"), RuntimeError, "indexing"),
]  # fmt: skip


@pytest.mark.parametrize(("fn", "kind", "message"), ERRORS)
def test_errors(fn, kind, message):
    t = at.from_numpy(normal(2, 3, 4)).requires_grad_()
    with pytest.raises(kind, match=message):
        fn(t)
    t.sum().backward()  # an error leaves nothing behind
    assert t.grad.tolist() == np.ones((2, 3, 4)).tolist()


def test_deprecated_transpose_warns():
    with pytest.warns(UserWarning, match=r"permute\(2, 1, 0\)"):
        assert at.ones(2, 3, 4).T.shape == (4, 3, 2)
    assert at.ones(3).T.shape == (3,)


# --- NumPy's functions --------------------------------------------------------------------------------------

NUMPY = [
    lambda x: np.reshape(x, (4, 6)),
    lambda x: np.reshape(x, shape=(-1, 2), copy=True),
    lambda x: np.ravel(x),
    lambda x: np.transpose(x),
    lambda x: np.transpose(x, axes=(2, 0, 1)),
    lambda x: np.swapaxes(x, axis1=0, axis2=-1),
    lambda x: np.matrix_transpose(x),
    lambda x: np.moveaxis(x, source=0, destination=-1),
    lambda x: np.expand_dims(x, axis=(0, -1)),
    lambda x: np.squeeze(np.expand_dims(x, 1), axis=1),
    lambda x: np.squeeze(x[:1]),
    lambda x: np.atleast_1d(x),
    lambda x: np.atleast_2d(x[0, 0]),
    lambda x: np.broadcast_to(x, shape=(2, 2, 3, 4)),
    lambda x: np.copy(x),
    lambda x: np.concatenate((x, x), axis=1),
    lambda x: np.concatenate([x, x], axis=None),
    lambda x: np.concatenate([x, np.ones((1, 3, 4))]),
    lambda x: np.stack([x, x], axis=-1),
    lambda x: np.hstack((x, x)),
    lambda x: np.vstack((x, x)),
    lambda x: np.split(x, 2, axis=2)[1],
    lambda x: np.split(x, [1, 3], axis=2)[1],
    lambda x: np.array_split(x, 3, axis=2)[0],
    lambda x: np.meshgrid(x[0, 0], x[0, 1])[0],
    lambda x: np.tile(x, (2, 1)),
    lambda x: np.tile(x, reps=2),
    lambda x: np.repeat(x, 2),
    lambda x: np.repeat(x, [1, 2, 0], axis=1),
    lambda x: np.roll(x, 1),
    lambda x: np.roll(x, shift=2, axis=(0, 2)),
    lambda x: np.flip(x),
    lambda x: np.flip(x, axis=(0, 2)),
    lambda x: np.tril(x, k=-1),
    lambda x: np.triu(x, 1),
    lambda x: np.diagonal(x, offset=1, axis1=1, axis2=2),
    lambda x: np.diag(x[0], k=1),
    lambda x: np.take(x, [3, 0, 3], axis=2),
    lambda x: np.take(x, 5),
    lambda x: np.take_along_axis(x, np.array([[[0], [-1], [1]]]), axis=2),
    lambda x: np.zeros_like(x),
    lambda x: np.ones_like(x, dtype=np.float32),
    lambda x: np.full_like(x, 7.0),
    lambda x: np.zeros_like(x, shape=(2, 2)),
]


@pytest.mark.parametrize("fn", NUMPY)
def test_numpys_functions_take_tensors_with_numpys_arguments(fn):
    x = normal(2, 3, 4)
    got = fn(at.from_numpy(x))
    assert isinstance(got, at.Tensor)
    np.testing.assert_array_equal(got.numpy(), fn(x), strict=True)
    t = at.from_numpy(x).requires_grad_()
    assert fn(t).requires_grad == (fn not in NUMPY[-4:])


def test_numpys_questions_about_a_tensor():
    t = at.ones(2, 3, requires_grad=True)
    assert np.shape(t) == (2, 3)
    assert np.ndim(t) == 2
    assert np.size(t) == 6
    assert np.size(t, 1) == 3
    assert np.result_type(t, np.float64) == np.float64
    assert np.can_cast(t, np.float64)
    assert np.shares_memory(t, t.mT)
    assert not np.may_share_memory(t, t + 1)
    assert np.array_equal(t, np.ones((2, 3)))
    assert np.empty_like(t).shape == (2, 3)
    assert [i.tolist() for i in np.nonzero(at.tensor([0, 2]))] == [[1]]
    assert np.argwhere(at.tensor([0, 2])).tolist() == [[1]]
    assert np.broadcast_shapes(np.shape(t), (4, 1, 1)) == (4, 2, 3)


def test_numpys_arguments_that_have_no_meaning_here_are_refused():
    t = at.ones(2, 3)
    with pytest.raises(TypeError, match="order='F'"):
        np.reshape(t, 6, order="F")
    with pytest.raises(TypeError, match="order='F'"):
        np.ravel(t, "F")
    with pytest.raises(ValueError, match="not equal to one"):
        np.squeeze(t, axis=0)
    with pytest.raises(ValueError, match="equal division"):
        np.split(t, 2, axis=1)
    with pytest.raises(TypeError, match="mode"):
        np.take(t, 0, mode="clip")
    with pytest.raises(TypeError, match="sparse"):
        np.meshgrid(t[0], t[1], sparse=True)
    with pytest.raises(ValueError, match="non-negative"):
        np.broadcast_to(t, (-1, 3))


def test_threads():
    x = at.from_numpy(normal(2, 3, 4)).requires_grad_()
    want = [SAME[name][1](x).tolist() for name in SAME]
    failures = []

    def work():
        for _ in range(20):
            if [SAME[name][1](x).tolist() for name in SAME] != want:
                failures.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
