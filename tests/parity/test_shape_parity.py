"""Shape, joining, indexing, in-place writes and views against PyTorch: values, errors, gradients, memory."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autotape as at
from tests.view_programs import RESHAPES, Stopped, program_of, run

torch = pytest.importorskip(
    "torch", reason="PyTorch is not importable: the tests of the extra `parity` are left out"
)

X = np.arange(24.0).reshape(2, 3, 4) / 8


def same(library, x):
    """A tensor of the library on a copy of the array, in its memory layout."""
    return library.from_numpy(np.array(x, order="K"))


def shares(library, a, b):
    if library is at:
        return np.shares_memory(a, b)
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr() and a.numel() > 0


def tensors(y):
    return (
        [t for part in y for t in tensors(part)]
        if isinstance(y, (list, tuple)) and not hasattr(y, "numel")
        else [y]
    )


def outcome(library, fn, x):
    """Per result of a call its value, dtype, strides and whether it shares memory; or the error's type."""
    t = same(library, x)
    try:
        results = tensors(fn(library, t))
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        return type(error).__mro__[-4].__name__, str(error)
    found = []
    for y in results:
        if not isinstance(y, library.Tensor):
            found.append(y)
            continue
        strides = tuple(s for s, n in zip(y.stride(), y.shape, strict=True) if n > 1)
        value = y.detach().numpy()
        found.append(
            (value.tolist(), value.shape, value.dtype, strides if y.numel() else (), shares(library, y, t))
        )
    return found, t.tolist(), t._version


CALLS = [
    lambda m, t: t.reshape(4, 6),
    lambda m, t: t.reshape(-1),
    lambda m, t: t.reshape((2, -1)),
    lambda m, t: t.reshape(shape=(6, 4)),
    lambda m, t: m.reshape(t, (24,)),
    lambda m, t: t.mT.reshape(-1),
    lambda m, t: t.mT.reshape(2, 2, 2, 3),
    lambda m, t: t.transpose(0, 1).reshape(3, 8),
    lambda m, t: t.reshape(5, 5),
    lambda m, t: t.reshape(-1, -1),
    lambda m, t: t.reshape(-3, 8),
    lambda m, t: t.reshape(2.0, 12),
    lambda m, t: t[:0].reshape(-1, 0),
    lambda m, t: t[:0].reshape(0, 7),
    lambda m, t: t.view(24),
    lambda m, t: t.view(2, 3, 2, -1),
    lambda m, t: t.view(m.int64),
    lambda m, t: t.view(m.int16),
    lambda m, t: t.view(m.float64),
    lambda m, t: t.view(dtype=m.float32),
    lambda m, t: t.mT.view(24),
    lambda m, t: t.mT.view(m.int32),
    lambda m, t: t.mT.view(2, 2, 2, 3),
    lambda m, t: t[:, :1].view(2, 4),
    lambda m, t: t[:, :2].view(2, 8),
    lambda m, t: t[:, :2].view(-1),
    lambda m, t: t.view(),
    lambda m, t: t.view_as(m.zeros(4, 6)),
    lambda m, t: t.flatten(),
    lambda m, t: t.flatten(1),
    lambda m, t: t.flatten(0, 1),
    lambda m, t: t.mT.flatten(),
    lambda m, t: t.mT.flatten(0, 1),
    lambda m, t: t.flatten(2, 0),
    lambda m, t: t[0, 0, 0].flatten(),
    lambda m, t: t.ravel(),
    lambda m, t: t.mT.ravel(),
    lambda m, t: t.unflatten(2, (2, 2)),
    lambda m, t: t.unflatten(-1, (-1, 2)),
    lambda m, t: t.mT.unflatten(1, (2, 2)),
    lambda m, t: t.unflatten(2, (3, 2)),
    lambda m, t: t[:1].squeeze(),
    lambda m, t: t[:1].squeeze(0),
    lambda m, t: t.squeeze(0),
    lambda m, t: t[:1, :, :1].squeeze((0, 2)),
    lambda m, t: t.squeeze(4),
    lambda m, t: t.unsqueeze(0),
    lambda m, t: t.unsqueeze(-1),
    lambda m, t: t.unsqueeze(5),
    lambda m, t: t.transpose(0, 2),
    lambda m, t: t.transpose(-1, -2),
    lambda m, t: t.transpose(0, 3),
    lambda m, t: t.swapaxes(1, 2),
    lambda m, t: t.permute(2, 0, 1),
    lambda m, t: m.permute(t, (1, 0, 2)),
    lambda m, t: t.permute(0, 1),
    lambda m, t: t.permute(0, 0, 1),
    lambda m, t: t.movedim(0, 2),
    lambda m, t: t.movedim((0, 1), (2, 0)),
    lambda m, t: t.movedim((0, 0), (2, 0)),
    lambda m, t: t[0].t(),
    lambda m, t: t[0, 0].t(),
    lambda m, t: t.t(),
    lambda m, t: t[0].T,
    lambda m, t: t.mT,
    lambda m, t: t[0, 0].mT,
    lambda m, t: t.expand(5, 2, 3, 4),
    lambda m, t: t[:1].expand(6, -1, -1),
    lambda m, t: t.expand(2, 3, 5),
    lambda m, t: t.expand(3, 4),
    lambda m, t: t.expand(-1, 2, 3, 4),
    lambda m, t: m.broadcast_to(t, (1, 2, 3, 4)),
    lambda m, t: t[0, 0, 0].expand(3, 2),
    lambda m, t: t[0].expand_as(t),
    lambda m, t: t.contiguous(),
    lambda m, t: t.mT.contiguous(),
    lambda m, t: (t.is_contiguous(), t.mT.is_contiguous()),
    lambda m, t: (t.stride(), t.mT.stride(), t.stride(1), t.stride(-1)),
    lambda m, t: t.repeat(2, 1, 1),
    lambda m, t: t.repeat(2, 1, 1, 2),
    lambda m, t: t.repeat(1, 1, 1),
    lambda m, t: t.repeat(2),
    lambda m, t: t.repeat(0, 1, 1),
    lambda m, t: t.tile(2),
    lambda m, t: m.tile(t, (2, 1, 1, 1)),
    lambda m, t: t.repeat_interleave(2),
    lambda m, t: t.repeat_interleave(2, 1),
    lambda m, t: t.repeat_interleave(m.tensor([0, 1, 2]), 1),
    lambda m, t: t.repeat_interleave(m.tensor([3]), 1),
    lambda m, t: t.repeat_interleave(m.tensor([0, 1]), 1),
    lambda m, t: t.repeat_interleave(-1),
    lambda m, t: m.repeat_interleave(m.tensor([0, 1, 2])),
    lambda m, t: t.roll(1),
    lambda m, t: t.roll(-5),
    lambda m, t: t.roll((1, 2), (0, 2)),
    lambda m, t: t.roll(1, -1),
    lambda m, t: t.roll((1, 2)),
    lambda m, t: t.flip(0),
    lambda m, t: t.flip((0, -1)),
    lambda m, t: t.flip(0, 0),
    lambda m, t: m.flip(t, [1]),
    lambda m, t: t.tril(),
    lambda m, t: t.triu(-1),
    lambda m, t: t[0, 0].tril(),
    lambda m, t: t[0].diag(),
    lambda m, t: t[0].diag(-1),
    lambda m, t: t[0, 0].diag(2),
    lambda m, t: t.diag(),
    lambda m, t: t.diagonal(),
    lambda m, t: t.diagonal(1, 1, 2),
    lambda m, t: t.diagonal(-1, 2, 0),
    lambda m, t: t.diagonal(7),
    lambda m, t: t.diagonal(0, 1, 1),
    lambda m, t: m.cat([t, t], 1),
    lambda m, t: m.cat((t, t.mT[:, :, :2].mT[:, :2]), -2),
    lambda m, t: m.cat((t, m.zeros(0, dtype=m.float64)), 2),
    lambda m, t: m.cat((t, m.ones(2, 3, 1, dtype=m.int64)), 2),
    lambda m, t: m.cat((t, t[0])),
    lambda m, t: m.cat((t, t[:, :1]), 0),
    lambda m, t: m.cat([t[0, 0, 0]]),
    lambda m, t: m.cat(t),
    lambda m, t: m.cat([]),
    lambda m, t: m.cat([t], 3),
    lambda m, t: m.concatenate([t, t], axis=2),
    lambda m, t: m.stack([t, t]),
    lambda m, t: m.stack([t, t], -1),
    lambda m, t: m.stack([t, t.long()], 1),
    lambda m, t: m.stack([t, t[0]]),
    lambda m, t: m.hstack([t, t]),
    lambda m, t: m.hstack([t[0, 0], t[0, 0, 0]]),
    lambda m, t: m.vstack([t[0, 0], t[0]]),
    lambda m, t: t.split(2, 1),
    lambda m, t: t.split([1, 3], dim=2),
    lambda m, t: t.split([1, 1], dim=2),
    lambda m, t: t.split(0),
    lambda m, t: t.split(-1),
    lambda m, t: t[0, 0, 0].split(1),
    lambda m, t: t[:0].split(2),
    lambda m, t: m.split(t, 9),
    lambda m, t: t.chunk(3, 2),
    lambda m, t: t.chunk(5, 2),
    lambda m, t: t.chunk(0),
    lambda m, t: t[:0].chunk(2),
    lambda m, t: t.unbind(1),
    lambda m, t: t[0, 0, 0].unbind(),
    lambda m, t: t[:0].unbind(),
    lambda m, t: m.meshgrid(t[0, 0], t[0, :, 0], indexing="ij"),
    lambda m, t: m.meshgrid(t[0, 0], t[0, :, 0], t[0, 0, 0], indexing="xy"),
    lambda m, t: m.meshgrid(t, indexing="ij"),
    lambda m, t: t.narrow(1, 1, 2),
    lambda m, t: t.narrow(2, -3, 2),
    lambda m, t: t.narrow(2, 3, 2),
    lambda m, t: t.narrow(2, 4, 0),
    lambda m, t: t.select(1, 2),
    lambda m, t: t.select(1, 3),
    lambda m, t: t.gather(1, m.tensor([[[0, 2, 1, 1]]])),
    lambda m, t: t.gather(2, m.tensor([[[0], [3], [1]]])),
    lambda m, t: t.gather(2, m.tensor([[[4]]])),
    lambda m, t: t.gather(2, m.tensor([[[-1]]])),
    lambda m, t: t.gather(2, m.tensor([0])),
    lambda m, t: t.gather(0, m.zeros(1, 4, 4, dtype=m.int64)),
    lambda m, t: t.scatter(2, m.tensor([[[0], [3], [1]]]), 5.0),
    lambda m, t: t.scatter(2, m.tensor([[[0], [3], [1]]]), t * 2),
    lambda m, t: t.scatter(2, m.tensor([[[0], [3], [1]]]), 5.0, reduce="add"),
    lambda m, t: t.scatter(2, m.tensor([[[0], [3], [1]]]), 5.0, reduce="multiply"),
    lambda m, t: t.scatter_(1, m.tensor([[[0, 2]]]), 5.0),
    lambda m, t: t.scatter(2, m.tensor([[[0], [3], [1]]]), m.ones(1, 1, 1).double()),
    lambda m, t: t.scatter(2, m.tensor([[[0], [3], [1]]]), m.ones(1, 3, 1)),
    lambda m, t: t.scatter_add(1, m.tensor([[[0, 0, 0], [2, 0, 1]]]), t),
    lambda m, t: t.scatter_add_(1, m.tensor([[[0, 0, 0], [2, 0, 1]]]), t * 1),
    lambda m, t: t.index_select(2, m.tensor([3, 0, 3])),
    lambda m, t: t.index_select(2, m.tensor([-1])),
    lambda m, t: t.index_select(2, m.tensor([[1]])),
    lambda m, t: t.index_add(1, m.tensor([2, 2]), t[:, :2], alpha=3),
    lambda m, t: t.index_add_(1, m.tensor([2, 2]), t[:, :2] * 1),
    lambda m, t: t.index_add(1, m.tensor([2, 2]), t),
    lambda m, t: t.masked_fill(t > 1, -m.inf),
    lambda m, t: t.masked_fill_(t[0] > 1, 0),
    lambda m, t: t.masked_fill(t[..., :1] > 1, m.tensor(3)),
    lambda m, t: t.masked_fill(t.long(), 0),
    lambda m, t: t.masked_fill(t > 1, m.ones(1)),
    lambda m, t: t.float().masked_fill(t > 1, 1e40),
    lambda m, t: t[0].masked_fill(t > 1, 9.0),
    lambda m, t: t.masked_select(t > 1),
    lambda m, t: t.masked_select(t[0, 0] > 0.1),
    lambda m, t: t.nonzero(as_tuple=True),
    lambda m, t: t[0, 0, 1].nonzero(as_tuple=True),
    lambda m, t: t.take_along_dim(m.tensor([[[3], [-1], [0]]]), 2),
    lambda m, t: t.take_along_dim(m.tensor([3, 23])),
    lambda m, t: t.take_along_dim(m.tensor([3, 24])),
    lambda m, t: t.unsqueeze_(0),
    lambda m, t: t[:1].squeeze_(),
    lambda m, t: t.transpose_(0, 1),
    lambda m, t: t[0].t_(),
    lambda m, t: t.detach(),
    lambda m, t: t.data,
]  # fmt: skip


def calls_agree(fn):
    """The same value, dtype, memory layout and sharing of memory, or the same type of error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = outcome(torch, fn, X)
    got = outcome(at, fn, X)
    if isinstance(want[0], str):
        assert got[0] == want[0], (got, want)
        return
    if "_" in fn.__code__.co_names[0] or any(name.endswith("_") for name in fn.__code__.co_names):
        got, want = got[:2], want[:2]  # autotape does not count an in-place reshape as a write
    assert got == want


def gradients_agree(fn):
    """The same gradient, where PyTorch has one."""

    def gradient(library):
        x = same(library, X).requires_grad_()
        t = x * 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                results = [
                    y for y in tensors(fn(library, t)) if isinstance(y, library.Tensor) and y.requires_grad
                ]
                loss = sum(((y * y).sum() * (i + 1) for i, y in enumerate(results)), (x * 0).sum())
                loss.backward()
            except (RuntimeError, IndexError, ValueError, TypeError):
                return None
        return np.nan_to_num(x.grad.numpy())

    want, got = gradient(torch), gradient(at)
    if want is not None:
        np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_calls(number):
    calls_agree(CALLS[number])
    gradients_agree(CALLS[number])


# --- indexing -----------------------------------------------------------------------------------------------

ITEMS = st.sampled_from(
    [
        0, -1, 1, 5, slice(None), slice(1, None), slice(0, 2), slice(None, None, 2), slice(None, None, -1),
        None, ...,
        [0, 1], [1, 1, 0], [-1], [], [True, False], [[0], [1]], [7], True, False, 1.5, "a",
        np.array([0, 1]), np.array(1), np.array([[True, False, True], [False, True, True]]), range(2),
    ]
)  # fmt: skip


def converted(library, item):
    return library.from_numpy(item) if isinstance(item, np.ndarray) else item


@settings(max_examples=400)
@given(
    items=st.lists(ITEMS, max_size=4),
    single=st.booleans(),
    value=st.sampled_from([0.5, (1,), (2,), (3,), (4,), (1, 1, 1, 4)]),
)
def test_indexing(items, single, value):
    """The same part of the tensor or an error, the same sharing of memory; the same after an assignment."""
    if sum(i is ... for i in items) > 1 or (single and repr(items) == "[[[0], [1]]]"):
        return  # errors here: two ellipses, and a list of lists, whose meaning PyTorch is changing
    results = []
    for library in (torch, at):
        index = tuple(converted(library, i) for i in items)
        index = index[0] if single and len(items) == 1 else index
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got = outcome(library, lambda m, t: t[index], X)  # noqa: B023
            v = value if isinstance(value, float) else same(library, np.ones(value))

            def assign(m, t):
                t[index] = v  # noqa: B023
                return t

            results.append(
                (got, outcome(library, assign, X)[:2])
            )  # an assignment to nothing counts here as a write
    for want, got in zip(*results, strict=True):
        if isinstance(want[0], str):
            assert isinstance(got[0], str), (want, got)
        elif not (isinstance(got[0], str) and any(i is False for i in items)):
            # To x[False] PyTorch assigns a value of any shape: nothing. Here its shape must fit.
            assert got == want


@settings(max_examples=100)
@given(items=st.lists(ITEMS, max_size=3))
def test_indexing_gradients(items):
    grads = []
    for library in (torch, at):
        index = tuple(converted(library, i) for i in items)
        x, v = (
            same(library, X).requires_grad_(),
            library.tensor(0.5, dtype=library.float64, requires_grad=True),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                y = x[index]
                z = x * 2
                z[index] = v
            except (RuntimeError, IndexError, ValueError, TypeError):
                return
        (y * y).sum().backward()
        first = x.grad.numpy().copy()
        (z * same(library, X)).sum().backward()
        # Of a place named twice PyTorch counts every value's gradient, autotape the last one's.
        places = library.arange(24).reshape(2, 3, 4)[index].reshape(-1).tolist()
        grads.append((first, x.grad.numpy(), v.grad.item() if len(set(places)) == len(places) else 0))
    for a, b in zip(*grads, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


# --- views and in-place operations --------------------------------------------------------------------------


@pytest.mark.parametrize("length", [8, 16, 30])
def test_random_programs(length):
    """Where PyTorch runs a program of views and writes, autotape gives the same, or an error."""
    both = refused = 0
    for seed in range(5000 * length, 5000 * length + 150):
        leaves, program, weights, _ = program_of(seed, length)
        if any(kind in RESHAPES and not grad for kind, grad, *_ in program):
            continue  # PyTorch forgets it in the gradient, which then has the wrong shape or order
        try:
            values, gradients = run(torch, leaves, program, weights)
        except Stopped:
            continue
        try:
            got, grads = run(at, leaves, program, weights)
        except Stopped:
            refused += 1
            continue
        both += 1
        for a, b in zip(got, values, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, err_msg=str(program))
        for a, b in zip(grads, gradients, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=str(program))
    assert both > 10
    assert refused <= both / 10
