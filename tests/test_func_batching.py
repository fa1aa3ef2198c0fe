"""vmap itself: dimensions, structures, chunks, randomness, writes, and what it refuses."""

import doctest
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import autotape as at
from autotape.engine.batched import BatchedArray
from autotape.engine.levels import Level
from autotape.func import grad, vmap


class Pair(NamedTuple):
    first: Any
    second: Any


X = at.arange(12.0).reshape(3, 4)


def test_dimensions() -> None:
    assert vmap(lambda x: x.sum(), in_dims=1)(X).tolist() == X.sum(0).tolist()
    assert vmap(lambda x: x * 2, in_dims=1, out_dims=1)(X).tolist() == (X * 2).tolist()
    assert vmap(lambda x: x[None] * 2, out_dims=-1)(X).shape == (1, 4, 3)
    assert vmap(lambda x, y: x + y, in_dims=(0, None))(X, at.ones(4)).tolist() == (X + 1).tolist()
    assert vmap(lambda x: (x, x.sum()), out_dims=(1, 0))(X)[0].shape == (4, 3)


def test_structures() -> None:
    tree = {"a": X, "b": [X.T, (at.ones(2),)]}
    result = vmap(
        lambda t, k: Pair(t["a"] + t["b"][0], [t["b"][1][0].sum() * k]),
        in_dims=({"a": 0, "b": [1, (None,)]}, None),
    )(tree, 2)
    assert isinstance(result, Pair)
    assert result.first.tolist() == (2 * X).tolist()
    assert result.second[0].tolist() == [4.0, 4.0, 4.0]
    ordered = vmap(lambda x: OrderedDict(z=x, y=x + 1))(X)
    assert list(ordered) == ["z", "y"]
    assert isinstance(vmap(lambda x: [x])(X), list)


def test_same_for_all() -> None:
    assert vmap(lambda x: at.ones(2))(X).shape == (3, 2)
    assert vmap(lambda x: at.ones(2), out_dims=None)(X).shape == (2,)
    assert vmap(lambda x, k=1: x * k)(X, k=3).tolist() == (3 * X).tolist()
    assert vmap(lambda x: x + 1)(X[:0]).shape == (0, 4)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_chunks(size: int) -> None:
    result = vmap(lambda x, y: (x * y, x.sum()), (0, 1), (1, 0), chunk_size=size)(X, X.T)
    assert result[0].tolist() == (X * X).T.tolist()
    assert result[1].tolist() == X.sum(1).tolist()


def test_views_and_writes() -> None:
    x = X.clone()
    vmap(lambda r: r.mul_(2))(x)
    assert x.tolist() == (2 * X).tolist()  # an example is a view
    leaf = X.clone().requires_grad_()

    def f(r: at.Tensor) -> at.Tensor:
        z = r.clone()
        z[1:3] *= r[0]
        z.t_() if z.ndim == 2 else z
        view = z[:2]
        view += r[2:]
        return z

    actual = at.autograd.grad((vmap(f)(leaf) ** 2).sum(), leaf)[0]
    expected = at.autograd.grad((at.stack([f(r) for r in leaf]) ** 2).sum(), leaf)[0]
    assert actual.tolist() == expected.tolist()
    # one write to what all examples share is one write
    shared = at.zeros(2)
    vmap(lambda r: shared.add_(1) + r[0])(X)
    assert shared.tolist() == [1.0, 1.0]
    assert vmap(lambda r: r.new_zeros(4).add_(r))(X).tolist() == X.tolist()
    y = X.clone().requires_grad_() * 1
    z = vmap(lambda r: (r * r).sum())(y).sum()
    y += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.sum().item(), r"calling .item\(\) on a Tensor"),
        (lambda x: float(x[0]), r"\.item\(\)"),
        (lambda x: x.tolist(), r"\.item\(\)"),
        (lambda x: x if x.sum() > 0 else -x, "data-dependent control flow"),
        (lambda x: x if (x > 0).any() else -x, "data-dependent control flow"),
        (lambda x: x.nonzero(), "shape that depends on the data"),
        (lambda x: x[x > 0], "shape that depends on the data"),
        (lambda x: x.masked_select(x > 0), "shape that depends on the data"),
        (lambda x: x.unique(), "shape that depends on the data"),
        (lambda x: at.zeros(4).add_(x), "add_.self, .extra_args. is not possible"),
        (lambda x: at.zeros(4).copy_(x), "is not possible because there exists a Tensor `other`"),
        (lambda x: at.zeros(4).__setitem__(0, x[0]), "is not possible because there exists a Tensor"),
        (lambda x: x.numpy(), "no batching rule for Tensor.numpy"),
        (lambda x: np.asarray(x), "no batching rule"),
        (lambda x: x.sum().backward(), r"backward\(\) called inside a functorch transform"),
        (lambda x: at.rand(2), "called random operation while in randomness error mode"),
        (lambda x: x.as_strided((2,), (1,)), "no batching rule"),
        (lambda x: at.isin(x, x), "no batching rule for np.isin of batched test elements, used by isin"),
    ],
)
def test_refused(function: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        vmap(function)(X)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: vmap(lambda: 1)(), ValueError, "got no inputs"),
        (lambda: vmap(at.sin)(3.0), ValueError, "We cannot vmap over non-Tensor arguments"),
        (lambda: vmap(at.sin, 2)(X), ValueError, "Got in_dim=2 for some input"),
        (lambda: vmap(at.sin, (0, 0))(X), ValueError, "not compatible with the structure"),
        (lambda: vmap(at.sin, None)(X), ValueError, "expected `in_dims` to be int or"),
        (lambda: vmap(at.sin, ("a",))(X), ValueError, "must be either an integer dimension or None"),
        (lambda: vmap(at.add)(X, X[:2]), ValueError, "same size in the mapped dimension, got sizes"),
        (lambda: vmap(lambda x: 3)(X), ValueError, "must only return Tensors"),
        (lambda: vmap(at.sin, out_dims=(0, 0))(X), ValueError, "out_dims is not compatible"),
        (lambda: vmap(at.sin, out_dims=5)(X), IndexError, "Dimension out of range"),
        (lambda: vmap(at.sin, out_dims=None)(X), ValueError, "can not return a BatchedTensor"),
        (lambda: vmap(at.sin, randomness="x"), RuntimeError, "Only allowed values for randomness"),
        (lambda: vmap(at.sin, chunk_size=0), ValueError, "chunk_size should be None or greater than 0"),
        (lambda: vmap(lambda x: x @ at.ones(5))(X), RuntimeError, r"\[4\]"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        vmap(lambda x: 1 / 0)(X)
    X.clone().requires_grad_().sum().backward()
    assert at.rand(2).shape == (2,)


def test_outer_tensor_inside() -> None:
    """What the examples were taken from can't be differentiated by while they run."""
    x = X.clone().requires_grad_()
    with pytest.raises(RuntimeError, match="outside of vmap"):
        vmap(lambda r: at.autograd.grad((r * r).sum(), x)[0])(x)


def test_captured_inside() -> None:
    w = at.ones(4, requires_grad=True)
    rows = vmap(lambda r: at.autograd.grad((r * w).sum(), w)[0])(X)
    assert rows.tolist() == X.tolist()


# --- random numbers -----------------------------------------------------------------------------------------


def test_different() -> None:
    at.manual_seed(0)
    drawn = vmap(lambda x: at.rand(2), randomness="different")(X)
    assert drawn.shape == (3, 2)
    assert len(set(drawn.flatten().tolist())) == 6
    assert vmap(lambda x: at.randn(()), randomness="different", chunk_size=2)(X).unique().numel() == 3
    pairs = vmap(lambda r: vmap(lambda e: at.rand(()), randomness="different")(r), randomness="different")(X)
    assert pairs.unique().numel() == 12
    mixed = vmap(lambda r: vmap(lambda e: at.rand(()), randomness="same")(r), randomness="different")(X)
    assert (mixed == mixed[:, :1]).all()
    assert mixed.unique().numel() == 3
    orders = vmap(lambda x: at.randperm(8), randomness="different")(X)
    assert orders.sort(1).values.tolist() == [list(range(8))] * 3
    kept = vmap(lambda x: at.nn.functional.dropout(x), randomness="different")(at.ones(3, 64))
    assert len({tuple(r) for r in kept.tolist()}) == 3


def test_same() -> None:
    drawn = vmap(lambda x: at.rand(2), randomness="same")(X)
    assert (drawn == drawn[0]).all()
    at.manual_seed(3)
    chunked = vmap(lambda x: x[:2] * 0 + at.rand(2), randomness="same", chunk_size=1)(X)
    assert (chunked == chunked[0]).all()
    kept = vmap(lambda x: at.nn.functional.dropout(x), randomness="same")(at.ones(3, 64))
    assert (kept == kept[0]).all()


# --- the array ----------------------------------------------------------------------------------------------


def test_array_of_one_example() -> None:
    x = BatchedArray(Level(3), np.arange(24.0).reshape(3, 2, 4))
    assert (x.shape, x.ndim, x.size, x.strides, x.dtype) == ((2, 4), 2, 8, (32, 8), np.float64)
    assert isinstance(x, np.ndarray)
    assert type(x) is BatchedArray
    assert x.flags.c_contiguous
    assert not x.T.flags.c_contiguous
    for leak in (np.asarray, np.array, float, memoryview, np.linalg.lstsq, lambda a: np.ones(2)[a]):
        with pytest.raises((RuntimeError, TypeError)):
            leak(x)


def test_printing() -> None:
    seen: list[str] = []
    vmap(lambda x: seen.append(repr(x)) or x)(X[:, :1])
    assert seen[0].startswith("BatchedTensor(lvl=")
    assert "[8.]" in seen[0]


def test_masked_gradient_per_example() -> None:
    """Below a where, an example whose gradient is zero gets no NaN, whatever the others get."""
    x = at.tensor([[-1.0, 4.0], [1.0, 4.0]], requires_grad=True)

    def f(r: at.Tensor) -> at.Tensor:
        return at.where(r.amin() > 0, r.sqrt().sum(), 0.0)

    per = vmap(grad(f))(x)
    assert per.tolist() == [[0.0, 0.0], [0.5, 0.25]]


def test_the_page_is_true() -> None:
    page = Path(__file__).parents[1] / "docs" / "func.md"
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testfile(str(page), module_relative=False, optionflags=flags).failed == 0
