"""Views by strides, memory formats, resize_."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal

windows = np.lib.stride_tricks.sliding_window_view


@pytest.mark.parametrize(
    ("dim", "size", "step"), [(0, 1, 1), (0, 3, 1), (1, 2, 2), (-1, 4, 3), (1, 0, 2), (0, 3, 9)]
)
@pytest.mark.parametrize(
    "layout", [lambda x: x, lambda x: x.mT.contiguous().mT, lambda x: x[::1].expand(3, 5)]
)
def test_unfold(dim: int, size: int, step: int, layout: Any) -> None:
    x = normal(3, 5)
    t = layout(at.tensor(x))
    d = dim % 2
    index: Any = (slice(None),) * d + (slice(None, None, step),)
    want = windows(x, size, d)[index] if size else np.zeros([n // step + 1 if i == d else n for i, n in
                                                            enumerate(x.shape)] + [0])  # fmt: skip
    got = t.unfold(dim, size, step)
    np.testing.assert_array_equal(got.numpy(), want)
    if size:
        assert np.shares_memory(got.numpy(), t.numpy())
        assert got._is_view
        check(lambda t: layout(t).unfold(dim, size, step) ** 2, x)
        check(lambda t: layout(t * 1).unfold(dim, size, step).unfold(0, 1, 1), x)


def test_unfold_further() -> None:
    x = at.arange(6.0)
    y = x.unfold(0, 2, 2)
    y[1, 0] = 9  # windows that do not overlap can be written
    assert x.tolist() == [0, 1, 9, 3, 4, 5]
    a = at.ones(6, requires_grad=True)
    b = a * 1
    b.unfold(0, 2, 2)[1].mul_(5)
    b.sum().backward()
    assert a.grad.tolist() == [1, 1, 5, 5, 1, 1]
    c = a * 1
    with pytest.raises(RuntimeError, match="single memory location"):
        c.unfold(0, 3, 1).mul_(2)
    assert at.tensor(5.0).unfold(0, 1, 1).tolist() == [5]
    assert at.tensor(5.0).unfold(0, 0, 1).shape == (0,)
    assert at.from_numpy(np.arange(4)[::-1]).unfold(0, 2, 1).tolist() == [[3, 2], [2, 1], [1, 0]]
    for arguments, message in (((0, 7, 1), "maximum size"), ((0, 2, 0), "step"), ((0, -1, 1), "size is -1")):
        with pytest.raises(RuntimeError, match=message):
            x.unfold(*arguments)
    with pytest.raises(IndexError):
        x.unfold(1, 1, 1)


STRIDED: list[tuple[Any, ...]] = [
    ((2, 2), (1, 2)), ((3, 2), (1, 1)), ((4,), (0,)), ((2, 2, 2), (0, 4, 1), 3), ((), (), 5),
    ((0, 2), (1, 1)), ((12,), (1,), 0),
]  # fmt: skip


@pytest.mark.parametrize("arguments", STRIDED)
def test_as_strided(arguments: Any) -> None:
    x = normal(3, 4)
    size, stride, *offset = arguments
    start = x.reshape(-1)[offset[0] if offset else 0 :]
    want = np.lib.stride_tricks.as_strided(start, size, [8 * s for s in stride])
    t = at.tensor(x)
    got = t.as_strided(*arguments)
    np.testing.assert_array_equal(got.numpy(), want)
    assert got.size() == size
    assert got.storage_offset() == (offset or [0])[0]
    check(lambda t: t.as_strided(*arguments) ** 2, x)
    check(lambda t: (t * 1).mT.as_strided(*arguments) * 2, x)  # of the whole memory, in its own order


def test_as_strided_of_views() -> None:
    a = at.arange(12.0, requires_grad=True)
    b = a * 1
    part = b.view(3, 4)[1:]
    got = part.as_strided((2, 2), (4, 1))  # from the view's own beginning
    assert got.tolist() == [[4, 5], [8, 9]]
    assert part.as_strided((2,), (1,), 0).tolist() == [0, 1]  # what the view does not cover
    got.mul_(10)
    (b * b).sum().backward()
    want = 2 * np.arange(12.0)
    want[[4, 5, 8, 9]] *= 100
    np.testing.assert_array_equal(a.grad.numpy(), want)
    x = at.zeros(2, 3)
    x.as_strided((2,), (4,)).fill_(1)
    assert x.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert at.zeros(4).detach()[1:].as_strided((2,), (2,)).storage_offset() == 1


def test_as_strided_of_a_tensor_with_gaps() -> None:
    # An expanded input: each of the elements that are one place gets an equal share, as in PyTorch.
    a = at.ones(1, requires_grad=True)
    leaf = at.ones(1).expand(4).requires_grad_()
    leaf.as_strided((2,), (0,)).sum().backward()
    assert leaf.grad.tolist() == [0.5] * 4
    gaps = at.from_numpy(np.arange(6.0)[::2]).requires_grad_()
    out = gaps.as_strided((2, 2), (2, 2))
    assert out.tolist() == [[0, 2], [2, 4]]
    out.sum().backward()
    assert gaps.grad.tolist() == [1, 2, 1]
    with at.no_grad(), pytest.raises(RuntimeError, match="read-only"):
        out.fill_(1)
    assert a.grad is None


@pytest.mark.parametrize(("arguments", "message"), [
    (((2, 2), (1,)), "mismatch"), (((2, 2), (-1, 1)), "Negative"), (((20,), (1,)), "out of bounds"),
    (((2,), (1,), 5), "out of bounds"), (((2,), (1,), -1), "out of bounds"),
])  # fmt: skip
def test_as_strided_errors(arguments: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        at.ones(6).as_strided(*arguments)


def test_memory_formats() -> None:
    x = at.from_numpy(normal(2, 3, 4, 5))
    y = x.to(memory_format=at.channels_last)
    assert y.stride() == (60, 1, 15, 3)
    assert y.tolist() == x.tolist()
    assert y.is_contiguous(memory_format=at.channels_last)
    assert not y.is_contiguous()
    assert not x.is_contiguous(memory_format=at.channels_last)
    assert y.dim_order() == (0, 2, 3, 1)
    assert y.contiguous(memory_format=at.channels_last) is y
    assert y.to(memory_format=at.channels_last) is y
    assert y.clone().stride() == y.stride()
    assert y.clone(memory_format=at.contiguous_format).is_contiguous()
    assert y.contiguous().stride() == x.stride()
    assert y.to(memory_format=at.contiguous_format).is_contiguous()
    assert x.mT.to(memory_format=at.contiguous_format).stride() == x.mT.stride()
    assert x.float(memory_format=at.channels_last).stride() == y.stride()
    assert x.clone(memory_format=at.preserve_format).stride() == x.stride()
    assert at.ones(1, 2, 3, 4, 5).contiguous(memory_format=at.channels_last_3d).stride() == (
        120,
        1,
        40,
        10,
        2,
    )
    for call in (x[0].contiguous, x[0].clone, x[0].to, x[0].double):
        with pytest.raises(RuntimeError, match="rank 4"):
            call(memory_format=at.channels_last)
    assert not x[0].is_contiguous(memory_format=at.channels_last)
    with pytest.raises(RuntimeError, match="preserve"):
        x.contiguous(memory_format=at.preserve_format)
    with pytest.raises(TypeError, match="memory_format"):
        x.clone(memory_format="channels_last")
    for name in ("contiguous", "clone", "to"):
        check(lambda t: getattr(t, name)(memory_format=at.channels_last) ** 2, normal(1, 2, 3, 2))  # noqa: B023


def test_formats_are_single_objects() -> None:
    assert repr(at.channels_last) == "autotape.channels_last"
    assert repr(at.strided) == "autotape.strided"
    assert at.ones(1).layout is at.strided
    assert isinstance(at.strided, at.layout)
    assert isinstance(at.preserve_format, at.memory_format)
    for one in (at.strided, at.contiguous_format):
        assert copy.deepcopy(one) is one
        assert pickle.loads(pickle.dumps(one)) is one


def test_storage_offset() -> None:
    x = at.arange(12).reshape(3, 4)
    assert x.storage_offset() == 0
    assert x[1, 2:].storage_offset() == 6
    assert x.mT[1:].storage_offset() == 1
    assert x[1:].clone().storage_offset() == 0
    assert at.zeros(0).storage_offset() == 0


def test_resize() -> None:
    x = at.arange(6)
    assert x.resize_(2, 2) is x
    assert x.tolist() == [[0, 1], [2, 3]]
    assert x.resize_((2, 3)).tolist() == [[0, 1, 2], [3, 4, 5]]  # the memory is still there
    assert x.resize_(9).tolist()[:6] == [0, 1, 2, 3, 4, 5]
    assert x.resize_(0).shape == (0,)
    y = at.arange(6).reshape(2, 3).mT
    assert y.resize_(3, 2).stride() == (1, 3)  # its shape already
    assert y.resize_(6).tolist() == [0, 1, 2, 3, 4, 5]
    assert at.zeros(1, 2, 3, 4).resize_(1, 3, 2, 2, memory_format=at.channels_last).stride() == (12, 1, 6, 3)
    for wrong in (at.ones(2, requires_grad=True), at.ones(2, requires_grad=True) * 2):
        with pytest.raises(RuntimeError, match="require grad"):
            wrong.resize_(3)
    with pytest.raises(RuntimeError, match="negative"):
        x.resize_(-1)
