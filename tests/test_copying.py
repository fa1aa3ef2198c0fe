"""copy, deepcopy and pickle of tensors."""

from __future__ import annotations

import copy
import pickle
import weakref
from collections.abc import Callable

import numpy as np
import pytest

import autotape as at
from autotape import nn


def _pair(x: at.Tensor) -> tuple[at.Tensor, at.Tensor]:
    return x, x.reshape(-1)[1:3]


@pytest.mark.parametrize(
    "make",
    [
        lambda: _pair(at.arange(6.0).reshape(2, 3)),
        lambda: _pair(at.arange(6.0).reshape(2, 3))[::-1],
        lambda: (lambda t: (t, t.transpose(0, 1)))(at.arange(6.0).reshape(2, 3)),
        lambda: (lambda t: (t[1:], t[:, ::2]))(
            at.from_numpy(np.asfortranarray(np.arange(12.0).reshape(3, 4)))
        ),
        lambda: (lambda a: (at.from_numpy(a[::-1]), at.from_numpy(a[1:])))(np.arange(5)),
        lambda: (lambda a: (at.from_numpy(a), at.from_numpy(a.view(np.int8))))(np.arange(5)),
        lambda: (lambda t: (t, t.detach()))(at.ones(())),
        lambda: (lambda t: (t, t.expand(3, 4)))(at.ones(4)),
        lambda: (lambda t: (t.real, t.imag, t))(at.tensor([1 + 2j, 3 - 1j])),
    ],
)
def test_deepcopy_keeps_shared_memory_shared(make: Callable[[], tuple[at.Tensor, ...]]) -> None:
    tensors = make()
    before = [t.numpy().copy() for t in tensors]
    copies = copy.deepcopy({"first": tensors, "again": tensors[0]})
    assert copies["again"] is copies["first"][0]
    for t, c, values in zip(tensors, copies["first"], before, strict=True):
        assert c.stride() == t.stride()
        np.testing.assert_array_equal(c.numpy(), values)
        assert not any(np.shares_memory(c.numpy(), other.numpy()) for other in tensors)
    for i, a in enumerate(copies["first"]):
        for j, b in enumerate(copies["first"]):
            assert np.shares_memory(a.numpy(), b.numpy()) == np.shares_memory(
                tensors[i].numpy(), tensors[j].numpy()
            )
    with at.no_grad():  # written through one copy, seen by the others, and noted for all of them
        version = copies["first"][1]._version
        copies["first"][0].fill_(9) if copies["first"][0].is_contiguous() else copies["first"][0].copy_(
            copies["first"][0] * 0 + 9
        )
    if np.shares_memory(tensors[0].numpy(), tensors[1].numpy()):
        assert copies["first"][1]._version > version
        assert not np.array_equal(copies["first"][1].numpy(), before[1])
    for t, values in zip(tensors, before, strict=True):
        np.testing.assert_array_equal(t.numpy(), values)


def test_deepcopy_of_memory_without_an_owner_or_elements() -> None:
    whole = np.frombuffer(bytearray(range(16)), np.uint8)
    for array in (
        whole[2:9:3],
        np.zeros((0, 3)),
        np.zeros((3, 0))[1:],
        np.lib.stride_tricks.as_strided(np.arange(9), (3, 3), (8, 16)),
    ):
        t = at.from_numpy(array)
        c = copy.deepcopy(t)
        np.testing.assert_array_equal(c.numpy(), array)
        assert not np.shares_memory(c.numpy(), array)


def test_deepcopy_keeps_class_gradient_and_attributes() -> None:
    x = at.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    x.note = ["mine"]  # type: ignore[attr-defined]
    y = copy.deepcopy(x)
    assert y.requires_grad
    assert y.is_leaf
    assert y.note == ["mine"]  # type: ignore[attr-defined]
    assert y.note is not x.note  # type: ignore[attr-defined]
    assert y.grad is not None
    assert x.grad is not None
    assert y.grad.tolist() == [2, 4]
    assert not np.shares_memory(y.grad.numpy(), x.grad.numpy())
    (y * 3).sum().backward()
    assert (y.grad.tolist(), x.grad.tolist()) == ([5, 7], [2, 4])
    parameter = nn.Parameter(at.ones(2))
    buffer = nn.Buffer(at.ones(2))
    tied = copy.deepcopy([parameter, parameter, buffer])
    assert type(tied[0]) is nn.Parameter
    assert tied[0] is tied[1]
    assert type(tied[2]) is nn.Buffer
    with pytest.raises(RuntimeError, match=r"graph leaves\)(.|\n)*MulBackward0(.|\n)*detach\(\)\.clone\(\)"):
        copy.deepcopy(x * 2)


def test_an_attribute_may_lead_back_to_the_tensor() -> None:
    x = at.ones(2)
    x.me = [x]  # type: ignore[attr-defined]
    y = copy.deepcopy(x)
    assert y.me[0] is y  # type: ignore[attr-defined]
    z = pickle.loads(pickle.dumps(at.ones(1)))
    assert z.tolist() == [1]


def test_copy_is_another_leaf_on_the_same_memory() -> None:
    x = at.ones(2, requires_grad=True)
    y = copy.copy(x * 2)
    assert y.is_leaf
    assert y.requires_grad
    z = copy.copy(x)
    with at.no_grad():
        z.fill_(5)
    assert x.tolist() == [5, 5]
    assert type(copy.copy(nn.Parameter(at.ones(1)))) is nn.Parameter


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_holds_values_class_and_requires_grad(protocol: int) -> None:
    for t in (
        at.tensor(1.5),
        at.zeros(0, 3),
        at.arange(6).reshape(2, 3).transpose(0, 1),
        at.ones(1).expand(4),
        at.tensor([1j]),
        at.ones(2, requires_grad=True),
        nn.Parameter(at.ones(2)),
        at.tensor([True]),
    ):
        back = pickle.loads(pickle.dumps(t, protocol))
        assert type(back) is type(t)
        assert (back.dtype, back.shape, back.requires_grad) == (t.dtype, t.shape, t.requires_grad)
        np.testing.assert_array_equal(back.detach().numpy(), t.detach().numpy())
        with at.no_grad():
            back.fill_(0)  # its memory is its own
    view = pickle.dumps(at.zeros(1_000_000)[:2], protocol)
    assert len(view) < 1000


def test_neither_pickle_nor_copy_walks_the_tape() -> None:  # PROMISES row 15
    x = at.ones(2, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    data = pickle.dumps(y)
    assert len(data) == len(pickle.dumps(y.detach().requires_grad_()))
    back = pickle.loads(data)
    assert back.is_leaf
    assert back.requires_grad
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(y)
    # The copies hold nothing of the tape.
    entry = weakref.ref(y.grad_fn)
    other = copy.copy(y)
    del y
    assert entry() is None
    assert other.tolist() == [1, 1]
