"""Stacking, combining and splitting: against NumPy, with derivatives, views and errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal

SHAPES: list[tuple[int, ...]] = [(), (1,), (3,), (0,), (2, 3), (2, 3, 2)]


def three_dims(x: Any) -> Any:
    return np.atleast_3d(x)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["hstack", "vstack", "dstack", "column_stack", "row_stack"])
def test_stacking_is_numpys(name: str, shape: tuple[int, ...]) -> None:
    x, y = normal(*shape), normal(*shape, seed=1)
    like = np.vstack if name == "row_stack" else getattr(np, name)
    function = getattr(at, name)
    np.testing.assert_array_equal(function([at.tensor(x), at.tensor(y)]).numpy(), like([x, y]))
    check(lambda a, b: function([a, b, a]), x, y)
    if name != "row_stack":
        np.testing.assert_array_equal(like([at.tensor(x), at.tensor(y)]).numpy(), like([x, y]))
    out = at.empty(0, dtype=at.float64)
    assert function([at.tensor(x), at.tensor(y)], out=out) is out
    np.testing.assert_array_equal(out.numpy(), like([x, y]))


@pytest.mark.parametrize("name", ["hstack", "vstack", "dstack", "column_stack", "stack"])
def test_nothing_to_stack(name: str) -> None:
    with pytest.raises(RuntimeError, match="non-empty"):
        getattr(at, name)([])
    with pytest.raises(TypeError, match="tensors"):
        getattr(at, name)(at.ones(2))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_at_least(ndim: int, shape: tuple[int, ...]) -> None:
    x = normal(*shape)
    function, like = getattr(at, f"atleast_{ndim}d"), getattr(np, f"atleast_{ndim}d")
    t = at.tensor(x)
    out = function(t)
    np.testing.assert_array_equal(out.numpy(), like(x))
    assert out.data_ptr() == t.data_ptr()
    assert [o.shape for o in function(t, t)] == [like(x).shape] * 2
    assert isinstance(function([t]), tuple)
    assert function() == ()
    check(function, x)


def test_block_diag() -> None:
    blocks = [normal(2, 3), normal(3, seed=1), normal(seed=2), normal(0, 2), normal(1, 1, seed=3)]
    out = at.block_diag(*[at.tensor(b) for b in blocks]).numpy()
    assert out.shape == (5, 10)
    np.testing.assert_array_equal(out[:2, :3], blocks[0])
    np.testing.assert_array_equal(out[2, 3:6], blocks[1])
    assert out[3, 6] == blocks[2]
    assert np.count_nonzero(out) == 6 + 3 + 1 + 1
    check(lambda a, b, c: at.block_diag(a, b, c, a), *blocks[:3])
    assert at.block_diag(at.tensor([1]), at.tensor([0.5])).dtype is at.float32
    assert at.block_diag().shape == (1, 0)
    with pytest.raises(RuntimeError, match="2 or fewer dimensions"):
        at.block_diag(at.ones(1, 1, 1))


def test_broadcasting() -> None:
    x, y = normal(3, 1), normal(2)
    a, b = at.broadcast_tensors(at.tensor(x), at.tensor(y))
    assert a.shape == b.shape == (3, 2)
    assert a.stride() == (1, 0)
    check(lambda a, b: [p * q for p, q in [at.broadcast_tensors(a, b)]], x, y)
    assert [t.shape for t in np.broadcast_arrays(at.tensor(x), at.tensor(y))] == [(3, 2)] * 2
    assert at.broadcast_shapes((2, 1), 3, (1,)) == (2, 3)
    assert isinstance(at.broadcast_shapes(), at.Size)
    with pytest.raises(RuntimeError, match="broadcast"):
        at.broadcast_shapes((2,), (3,))
    with pytest.raises(RuntimeError, match="negative"):
        at.broadcast_shapes((2,), (-1,))


@pytest.mark.parametrize(("n", "r", "again"), list(itertools.product([0, 1, 4], [1, 2, 3], [False, True])))
def test_combinations(n: int, r: int, again: bool) -> None:
    x = normal(n)
    choose = itertools.combinations_with_replacement if again else itertools.combinations
    want = np.array(list(choose(x, r))).reshape(-1, r)
    np.testing.assert_array_equal(at.combinations(at.tensor(x), r, again).numpy(), want)
    if n:
        check(lambda t: at.combinations(t, r, again) ** 2, x)


def test_combinations_further() -> None:
    assert at.combinations(at.ones(3), 0).shape == (0,)
    for wrong in (at.ones(2, 2), at.ones(())):
        with pytest.raises(RuntimeError, match="1-D"):
            at.combinations(wrong)
    with pytest.raises(RuntimeError, match="non-negative"):
        at.combinations(at.ones(2), -1)


def test_cartesian_prod() -> None:
    x, y, z = normal(2), normal(3, seed=1), normal(1, seed=2)
    want = np.array(list(itertools.product(x, y, z)))
    np.testing.assert_array_equal(at.cartesian_prod(*map(at.tensor, (x, y, z))).numpy(), want)
    assert at.cartesian_prod(at.tensor(x)).tolist() == x.tolist()
    check(lambda a, b: at.cartesian_prod(a, b, a), x, y)
    with pytest.raises(RuntimeError, match="1-D"):
        at.cartesian_prod(at.ones(2, 2), at.ones(2))
    with pytest.raises(RuntimeError, match="non-empty"):
        at.cartesian_prod()


@pytest.mark.parametrize("where", [1, 2, 3, 7, [1], [0, 2], (1, 1, 4), [-1], [9], [3, 1], []])
@pytest.mark.parametrize("dim", [0, -1])
def test_tensor_split_is_numpys(where: Any, dim: int) -> None:
    x = normal(4, 5)
    want = np.array_split(x, where, dim)
    t = at.tensor(x)
    got = t.tensor_split(where, dim)
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a.numpy(), b)
        assert a._is_view
    check(lambda t: [p * p for p in t.tensor_split(where, dim)], x)
    if where:
        index = at.tensor(where)
        assert [p.shape for p in at.tensor_split(t, index, dim)] == [w.shape for w in want]


def test_split_kin() -> None:
    x = normal(2, 4, 6)
    t = at.tensor(x)
    for name, axis in (("hsplit", 1), ("vsplit", 0), ("dsplit", 2)):
        for where in (2, [1, 3]):
            want = np.array_split(x, where, axis)
            got = getattr(t, name)(where)
            assert [g.tolist() for g in got] == [w.tolist() for w in want]
            check(lambda t: getattr(at, name)(t, where)[0] ** 2, x)  # noqa: B023
        with pytest.raises(RuntimeError, match="not divisible"):
            getattr(t, name)(5)
        with pytest.raises(RuntimeError, match="at least"):
            getattr(at.ones(()), name)(1)
    assert [p.shape for p in at.arange(4).hsplit(2)] == [(2,), (2,)]
    assert [p.tolist() for p in at.arange(5).split_with_sizes([1, 4])] == [[0], [1, 2, 3, 4]]
    with pytest.raises(RuntimeError, match="sum exactly"):
        at.arange(5).split_with_sizes([1, 1])
    for wrong in (0, -1):
        with pytest.raises(RuntimeError, match="larger than 0"):
            t.tensor_split(wrong)
    with pytest.raises(RuntimeError, match="long"):
        t.tensor_split(at.tensor([1.0]))
    with pytest.raises(RuntimeError, match="at least a 1-dimensional"):
        at.ones(()).tensor_split(1)
    with pytest.raises(TypeError, match="indices_or_sections"):
        t.tensor_split()


def test_a_write_to_a_part_is_seen() -> None:
    x = at.zeros(5)
    x.tensor_split((1, 3))[1].fill_(2)
    assert x.tolist() == [0, 2, 2, 0, 0]
    a = at.ones(4, requires_grad=True)
    b = a * 1
    b.tensor_split((2, 1))[2].mul_(3)  # parts that overlap
    b.sum().backward()
    assert a.grad.tolist() == [1, 3, 3, 3]
