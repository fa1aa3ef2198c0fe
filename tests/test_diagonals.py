"""Triangles and diagonals: against NumPy, with derivatives, views and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal


@pytest.mark.parametrize("offset", [-2, -1, 0, 1, 3])
@pytest.mark.parametrize("dims", [(-2, -1), (0, 1), (1, 0), (0, 2), (2, -3)])
def test_diag_embed_is_the_inverse_of_diagonal(offset: int, dims: tuple[int, int]) -> None:
    x = normal(2, 3)
    out = at.diag_embed(at.tensor(x), offset, *dims)
    np.testing.assert_array_equal(np.diagonal(out.numpy(), offset, *dims), x)
    assert np.count_nonzero(out.numpy()) == x.size
    check(lambda t: at.diag_embed(t, offset, *dims) ** 2, x)


def test_diag_embed_and_diagflat_further() -> None:
    x = normal(2, 2)
    np.testing.assert_array_equal(at.tensor(x).mT.diagflat(1).numpy(), np.diagflat(x.T, 1))
    np.testing.assert_array_equal(np.diagflat(at.tensor(x)).numpy(), np.diagflat(x))
    assert at.diagflat(at.tensor(2.0)).tolist() == [[2]]
    check(lambda t: at.diagflat(t, -1) * 2, x)
    assert at.zeros(0).diag_embed().shape == (0, 0)
    with pytest.raises(RuntimeError, match="identical"):
        at.ones(2).diag_embed(0, 0, -2)
    with pytest.raises(IndexError):
        at.ones(2).diag_embed(0, 0, 2)
    with pytest.raises(IndexError):
        at.ones(()).diag_embed()


@pytest.mark.parametrize("offset", [-1, 0, 1, 5])
def test_diagonal_scatter(offset: int) -> None:
    x = normal(2, 3, 4)
    for dims in ((0, 1), (2, 0)):
        want = x.copy()
        part = np.diagonal(want, offset, *dims)
        part.flags.writeable = True
        src = normal(*part.shape, seed=1)
        part[...] = src
        got = at.diagonal_scatter(at.tensor(x), at.tensor(src), offset, *dims)
        np.testing.assert_array_equal(got.numpy(), want)
        check(lambda t, s: at.diagonal_scatter(t, s, offset, *dims) ** 2, x, src)  # noqa: B023
    with pytest.raises(RuntimeError, match="size equal"):
        at.zeros(2, 2).diagonal_scatter(at.ones(3))
    with pytest.raises(RuntimeError, match="identical"):
        at.zeros(2, 2).diagonal_scatter(at.ones(2), 0, 1, -1)


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (5, 2), (7, 2), (3, 3, 3), (0, 2)])
def test_fill_diagonal(shape: tuple[int, ...], wrap: bool) -> None:
    x = normal(*shape)
    want = x.copy()
    if x.size:
        np.fill_diagonal(want, 7, wrap)
    t = at.tensor(x)
    assert t.fill_diagonal_(7, wrap) is t
    np.testing.assert_array_equal(t.numpy(), want)
    if x.size:
        check(lambda t, v: (t * 1).fill_diagonal_(v, wrap) ** 2, x, np.array(3.0))


def test_fill_diagonal_further() -> None:
    x = at.zeros(3, 3)
    x.mT[:2, :2].fill_diagonal_(1)
    assert x.diagonal().tolist() == [1, 1, 0]
    for wrong in (at.zeros(3), at.zeros(2, 2, 3)):
        with pytest.raises(RuntimeError, match="dimensions"):
            wrong.fill_diagonal_(1)
    with pytest.raises(RuntimeError, match="0-dimensional"):
        x.fill_diagonal_(at.ones(1))
    with pytest.raises(RuntimeError, match="leaf"):
        at.zeros(2, 2, requires_grad=True).fill_diagonal_(1)


@pytest.mark.parametrize("name", ["tril_indices", "triu_indices"])
@pytest.mark.parametrize("arguments", [(3, 3), (2, 4, 1), (4, 2, -1), (0, 3), (2, 0), (3, 3, 9), (3, 3, -9)])
def test_triangle_indices(name: str, arguments: Any) -> None:
    row, col, *offset = arguments
    want = np.stack(getattr(np, name)(row, *(offset or [0]), col))
    got = getattr(at, name)(*arguments)
    np.testing.assert_array_equal(got.numpy(), want)
    assert got.dtype is at.int64
    assert getattr(at, name)(*arguments, dtype=at.int32).dtype is at.int32
    with pytest.raises(RuntimeError, match="non-negative"):
        getattr(at, name)(-1, 2)
    with pytest.raises(NotImplementedError, match="float32"):
        getattr(at, name)(2, 2, dtype=at.float32)


@pytest.mark.parametrize("k", [-3, -1, 0, 1, 4])
def test_triangles_keep_what_is_not_finite_out(k: int) -> None:
    x = np.full((2, 3, 4), np.nan)
    for name in ("tril", "triu"):
        for a in (x, x[:, ::-1, ::-1], x.astype(np.complex64), x.astype(np.float16), x > 0, x[:, :0]):
            got = getattr(at, name)(at.from_numpy(a.copy(order="K")), k).numpy()
            want = getattr(np, name)(a, k)
            np.testing.assert_array_equal(got, want)
            assert got.dtype == want.dtype
    check(lambda t: at.tril(t, k) * at.triu(t, -k), normal(2, 3, 4))
    out = at.empty(2, 2)
    assert at.tril(at.ones(2, 2), out=out) is out
    assert out.tolist() == [[1, 0], [1, 1]]
