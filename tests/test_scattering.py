"""scatter_reduce, put and take, functions of slices, masks and indices, select_scatter and its kin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal

REDUCE = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}
INDEX = np.array([[0, 2, 2, 0], [1, 1, 1, 1]])


def reduced(x: Any, index: Any, src: Any, dim: int, how: str, include_self: bool) -> Any:
    """What scatter_reduce means, place by place."""
    found: dict[Any, list[Any]] = {}
    for place in np.ndindex(*index.shape):
        there = (*place[:dim], index[place], *place[dim + 1 :])
        found.setdefault(there, [x[there]] if include_self else []).append(src[place])
    out = x.copy()
    for there, values in found.items():
        out[there] = REDUCE[how](np.array(values))
    return out


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("how", REDUCE)
def test_scatter_reduce_by_its_definition(how: str, include_self: bool) -> None:
    for dim, index in ((0, INDEX), (1, INDEX), (-1, INDEX[:, :1]), (0, INDEX[:0])):
        x, src = normal(3, 4), normal(3, 4, seed=1)
        want = reduced(x, index, src, dim % 2, how, include_self)
        i = at.from_numpy(index)

        def f(t: Any, s: Any) -> Any:
            return t.scatter_reduce(dim, i, s, how, include_self=include_self)  # noqa: B023

        got = f(at.tensor(x), at.tensor(src))
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-13)
        check(lambda t, s: f(t, s) ** 2, x, src)
        t = at.tensor(x)
        assert t.scatter_reduce_(dim, i, at.tensor(src), how, include_self=include_self) is t
        np.testing.assert_array_equal(t.numpy(), got.numpy())


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("how", list(REDUCE)[1:])
def test_index_reduce_by_its_definition(how: str, include_self: bool) -> None:
    x, source, rows = normal(3, 4), normal(5, 4, seed=1), np.array([2, 0, 2, 2, 0])
    spread = np.broadcast_to(rows[:, None], source.shape)
    want = reduced(x, spread, source, 0, how, include_self)

    def f(t: Any, s: Any) -> Any:
        return at.index_reduce(t, 0, at.tensor(rows), s, how, include_self=include_self)

    np.testing.assert_allclose(f(at.tensor(x), at.tensor(source)).numpy(), want, rtol=1e-13)
    check(lambda t, s: f(t, s) ** 2, x, source)
    got = at.tensor(x.T).index_reduce(1, at.tensor(rows), at.tensor(source.T), how, include_self=include_self)
    np.testing.assert_allclose(got.numpy(), want.T, rtol=1e-13)


def test_products_with_zeros_differentiate_to_any_order() -> None:
    index = at.tensor([0, 0, 1, 1])
    for zeros in ([0], [0, 1], [2, 3], []):
        x, src = normal(2), normal(4, seed=1)
        src[zeros] = 0
        check(lambda t, s: t.scatter_reduce(0, index, s, "prod"), x, src, order=3)
        x[0] = 0
        check(lambda t, s: t.scatter_reduce(0, index, s, "prod"), x, src, order=2)


def test_equal_extremes_share_the_gradient() -> None:
    for how in ("amax", "amin"):
        x = at.tensor([2.0, 5.0], requires_grad=True)
        s = at.tensor([2.0, 2.0, 5.0, 5.0], requires_grad=True)
        index = at.tensor([0, 0, 1, 1])
        x.scatter_reduce(0, index, s, how).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), [1 / 3, 1 / 3])
        np.testing.assert_allclose(s.grad.numpy(), [1 / 3] * 4)
        x.grad = s.grad = None
        x.scatter_reduce(0, index, s, how, include_self=False).sum().backward()
        assert x.grad.tolist() == [0, 0]
        assert s.grad.tolist() == [0.5] * 4
    assert at.tensor([1.0]).scatter_reduce(0, at.tensor([0]), at.tensor([at.nan]), "amax").isnan().item()


def test_scatter_reduce_of_integers_and_errors() -> None:
    x, index, src = at.tensor([7, 8, 9]), at.tensor([0, 0, 1]), at.tensor([-8, 5, -20])
    assert x.scatter_reduce(0, index, src, "mean").tolist() == [1, -6, 9]  # rounded down
    assert x.scatter_reduce(0, index, src, "mean", include_self=False).tolist() == [-2, -20, 9]
    assert x.scatter_reduce(0, index, src, "prod").tolist() == [-280, -160, 9]
    assert x.scatter_reduce(0, index, src, "amin", include_self=False).tolist() == [-8, -20, 9]
    flags = at.tensor([True, False])
    assert flags.scatter_reduce(0, at.tensor([0]), at.tensor([False]), "amin").tolist() == [False, False]
    assert at.tensor(2.0).scatter_reduce(0, at.tensor([0, 0]), at.tensor([3.0, 4.0]), "sum").item() == 9
    out = at.empty(3, dtype=at.int64)
    assert at.scatter_reduce(x, 0, index, src, "sum", out=out) is out
    for wrong, error, message in (
        (lambda: x.scatter_reduce(0, index, src, "max"), RuntimeError, "reduce argument"),
        (lambda: x.scatter_reduce(0, index, src.float(), "sum"), RuntimeError, "dtype"),
        (lambda: x.scatter_reduce(0, at.tensor([3]), src, "sum"), RuntimeError, "out of bounds"),
        (lambda: x.index_reduce(0, index, src, "sum"), RuntimeError, "prod, mean, amax or amin"),
        (lambda: x.index_reduce(0, index[:2], src, "prod"), IndexError, "Number of indices"),
    ):
        with pytest.raises(error, match=message):
            wrong()


def test_take_and_put() -> None:
    x, places = normal(3, 4), np.array([[0, -1, 5], [5, -12, 11]])
    i, s = at.tensor(places), normal(2, 3, seed=1)
    np.testing.assert_array_equal(at.tensor(x).take(i).numpy(), x.take(places))
    np.testing.assert_array_equal(at.tensor(x.T).mT.take(i).numpy(), x.take(places))
    check(lambda t: t.take(i) ** 2, x)
    check(lambda t: t.mT.take(at.tensor(-1)) ** 2, x)
    assert at.tensor(3.0).take(at.tensor([0, 0])).tolist() == [3, 3]
    assert at.zeros(0).take(at.zeros(0, dtype=at.int64)).shape == (0,)
    t = at.tensor([1.0, 2.0])
    assert t.take(at.tensor(0)).data_ptr() != t.data_ptr()

    put, added = x.copy(), x.copy()
    np.put(put, places, s)
    np.add.at(added.reshape(-1), places, s)
    np.testing.assert_array_equal(at.put(at.tensor(x), i, at.tensor(s)).numpy(), put)
    np.testing.assert_allclose(at.tensor(x).put_(i, at.tensor(s), accumulate=True).numpy(), added, rtol=1e-14)
    check(lambda t, s: t.put(i, s) ** 2, x, s)
    check(lambda t, s: t.put(i, s.reshape(-1), accumulate=True) ** 2, x, s)
    for wrong, error, message in (
        (lambda: t.take(at.tensor([2])), IndexError, "out of range"),
        (lambda: t.take(at.tensor([-3])), IndexError, "out of range"),
        (lambda: t.take(at.tensor([0.0])), RuntimeError, "long"),
        (lambda: t.take(2), TypeError, "index"),
        (lambda: at.zeros(0).take(at.tensor([0])), IndexError, "empty"),
        (lambda: t.put(at.tensor([0]), t), IndexError, "same number of elements"),
        (lambda: t.put(at.tensor([0]), at.tensor([1])), RuntimeError, "same dtype"),
        (lambda: t.put(at.tensor([5]), t[:1]), IndexError, "out of range"),
    ):
        with pytest.raises(error, match=message):
            wrong()


def test_functions_of_slices() -> None:
    x, source, rows = normal(3, 4), normal(2, 4, seed=1), at.tensor([2, 0])
    want = x.copy()
    want[[2, 0]] = source
    np.testing.assert_array_equal(at.tensor(x).index_copy(0, rows, at.tensor(source)).numpy(), want)
    np.testing.assert_array_equal(at.tensor(x.T).index_copy_(1, rows, at.tensor(source.T)).numpy(), want.T)
    check(lambda t, s: t.index_copy(0, rows, s) ** 2, x, source)
    check(lambda t, s: (t * 1).mT.index_copy_(-1, rows, s) ** 2, x, source.T)
    assert at.tensor(1.0).index_copy(0, at.tensor([0]), at.tensor([2.0])).item() == 2

    want = x.copy()
    want[:, [1, 3]] = 5
    for index in ([1, 3], [1, -1, 1]):
        np.testing.assert_array_equal(at.tensor(x).index_fill(1, at.tensor(index), 5).numpy(), want)
    np.testing.assert_array_equal(at.tensor(x).index_fill_(1, at.tensor([1, 3]), at.tensor(5)).numpy(), want)
    check(lambda t, v: t.index_fill(1, at.tensor([1, 3]), v) ** 2, x, np.array(2.0))
    assert at.tensor(1.0).index_fill(0, at.tensor(0), 2).item() == 2
    for wrong, error, message in (
        (lambda: at.zeros(2).index_fill(0, at.tensor([2]), 1), IndexError, "out of range"),
        (lambda: at.zeros(2).index_fill(0, at.tensor([0.0]), 1), IndexError, "int64"),
        (lambda: at.zeros(2).index_fill(0, at.tensor([0]), at.ones(1)), RuntimeError, "0-dimensional"),
        (lambda: at.zeros(2).index_fill(0, at.tensor([0]), 1j), RuntimeError, "overflow"),
        (lambda: at.zeros(2).index_copy(0, at.tensor([0]), at.ones(2)), IndexError, "Number of indices"),
        (lambda: at.zeros(2).index_copy(0, at.tensor([2]), at.ones(1)), IndexError, "out of range"),
        (lambda: at.zeros(2, 2).index_copy(0, at.tensor([0]), at.ones(1, 3)), RuntimeError, "slice shapes"),
        (lambda: at.zeros(2).index_copy(0, at.tensor([0]), at.tensor([1])), RuntimeError, "dtype"),
    ):
        with pytest.raises(error, match=message):
            wrong()


def test_masked_scatter() -> None:
    x, mask, source = normal(3, 4), normal(3, 4, seed=1) > 0, normal(4, 4, seed=2)
    want = x.copy()
    want[mask] = source.reshape(-1)[: mask.sum()]
    m = at.tensor(mask)
    np.testing.assert_array_equal(at.tensor(x).masked_scatter(m, at.tensor(source)).numpy(), want)
    np.testing.assert_array_equal(at.tensor(x.T).mT.masked_scatter_(m, at.tensor(source)).numpy(), want)
    check(lambda t, s: t.masked_scatter(m, s) ** 2, x, source)
    check(lambda t, s: t.masked_scatter(m[0], s.mT) ** 2, x, source)
    check(lambda t, s: t[:1].masked_scatter(m, s) ** 2, x, source)
    for wrong, message in (
        (lambda: at.zeros(2).masked_scatter(at.tensor([True, True]), at.ones(1)), "Number of elements"),
        (lambda: at.zeros(2).masked_scatter(at.tensor([1, 1]), at.ones(2)), "boolean"),
        (lambda: at.zeros(2).masked_scatter(at.tensor([True, True]), at.tensor([1, 1])), "same dtypes"),
        (lambda: at.zeros(2).masked_scatter(at.tensor([True] * 3), at.ones(3)), "broadcast"),
    ):
        with pytest.raises(RuntimeError, match=message):
            wrong()


@pytest.mark.parametrize("indices", [
    ([0, 2],), ([0, 2, 0], [1, 1, 1]), (None, [3, 3]), ([[0], [1]], [[2, 3]]), ([True, False, True],), ([1],),
])  # fmt: skip
def test_index_put(indices: Any) -> None:
    x = normal(3, 4)
    index = tuple([slice(None) if i is None else np.array(i) for i in indices])
    ours = tuple([None if i is None else at.tensor(i) for i in indices])
    value = normal(*x[index].shape, seed=1)
    put, added = x.copy(), x.copy()
    put[index] = value
    np.add.at(added, index, value)
    np.testing.assert_array_equal(at.tensor(x).index_put(ours, at.tensor(value)).numpy(), put)
    np.testing.assert_allclose(
        at.tensor(x).index_put_(ours, at.tensor(value), True).numpy(), added, rtol=1e-14
    )
    check(lambda t, v: t.index_put(ours, v) ** 2, x, value)
    check(lambda t, v: t.index_put(ours, v, accumulate=True) ** 2, x, value)
    check(lambda t, v: (t * 1).index_put_(ours, v, accumulate=True) ** 2, x, np.array(2.0))


def test_index_put_errors() -> None:
    x = at.zeros(3)
    for wrong, error, message in (
        (lambda: x.index_put((at.tensor([3]),), at.ones(1)), IndexError, "out of"),
        (lambda: x.index_put((at.tensor([0]),), at.tensor([1])), RuntimeError, "dtypes match"),
        (lambda: x.index_put((at.tensor([0]),), at.ones(2)), RuntimeError, "expanded size"),
    ):
        with pytest.raises(error, match=message):
            wrong()


def test_select_scatter_and_slice_scatter() -> None:
    x, row, part = normal(3, 4), normal(4, seed=1), normal(3, 2, seed=2)
    want = x.copy()
    want[-1] = row
    np.testing.assert_array_equal(at.select_scatter(at.tensor(x), at.tensor(row), 0, -1).numpy(), want)
    check(lambda t, s: t.select_scatter(s, 0, 2) ** 2, x, row)
    for start, end, step in ((0, 2, 1), (None, None, 2), (1, 99, 2), (-2, None, 1)):
        want = x.copy()
        want[:, start:end:step] = part
        got = at.tensor(x.T).mT.slice_scatter(at.tensor(part), 1, start, end, step)
        np.testing.assert_array_equal(got.numpy(), want)
        check(lambda t, s: at.slice_scatter(t, s, -1, start, end, step) ** 2, x, part)  # noqa: B023
    assert at.zeros(2, dtype=at.int64).select_scatter(at.tensor(1.5), 0, 0).tolist() == [1, 0]
    for wrong, error, message in (
        (lambda: at.zeros(2, 2).select_scatter(at.ones(3), 0, 0), RuntimeError, "size equal"),
        (lambda: at.zeros(2, 2).select_scatter(at.ones(2), 0, 2), IndexError, "out of range"),
        (lambda: at.zeros(()).select_scatter(at.ones(()), 0, 0), IndexError, "0-dim"),
        (lambda: at.zeros(4).slice_scatter(at.ones(3), 0, 0, 2), RuntimeError, "size equal"),
        (lambda: at.zeros(4).slice_scatter(at.ones(2), 0, 0, 2, 0), RuntimeError, "step"),
    ):
        with pytest.raises(error, match=message):
            wrong()


def test_positions() -> None:
    x = at.tensor([[1, 0], [0, 2]])
    assert x.argwhere().tolist() == [[0, 0], [1, 1]]
    assert at.argwhere(at.tensor(3.0)).shape == (1, 0)
    places = at.tensor([[0, 5], [-1, 3]])
    want = np.unravel_index(np.array([[0, 5], [5, 3]]), (2, 3))
    for got, w in zip(at.unravel_index(places, (2, 3)), want, strict=True):
        np.testing.assert_array_equal(got.numpy(), w)
    assert at.unravel_index(at.tensor(5, dtype=at.uint8), 600)[0].item() == 5
    for wrong, error in (
        (lambda: at.unravel_index(at.tensor([1.0]), (2, 3)), TypeError),
        (lambda: at.unravel_index(at.tensor([6]), (2, 3)), ValueError),
        (lambda: at.unravel_index(at.tensor([0]), (2, -3)), ValueError),
        (lambda: at.unravel_index(at.tensor([0]), "a"), TypeError),
    ):
        with pytest.raises(error):
            wrong()


def test_a_fill_value_that_does_not_fit() -> None:
    mask = at.tensor([True, False])
    for x, value in ((at.ones(2), 1j), (at.ones(2), at.tensor(1j)), (at.arange(2), at.tensor(1j)),
                     (at.ones(2, dtype=at.uint8), 300), (at.ones(2, dtype=at.float16), 1e5)):  # fmt: skip
        with pytest.raises(RuntimeError, match="without overflow"):
            x.masked_fill(mask, value)
    assert at.arange(2).masked_fill(mask, at.tensor(1.5)).tolist() == [1, 1]
