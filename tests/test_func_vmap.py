"""vmap runs every operation of the table as a loop over the examples would."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.func import grad, vmap
from tests.batching_table import INTEGERS, TABLE, arguments

BATCH = 3


def tensors(value: Any) -> list[at.Tensor]:
    return [value] if isinstance(value, at.Tensor) else [t for v in value for t in tensors(v)]


def loop(function: Callable[..., Any], dims: list[int | None], args: list[at.Tensor]) -> list[at.Tensor]:
    """The results of single calls, stacked."""
    rows = [
        tensors(function(*[x if d is None else x.select(d, i) for x, d in zip(args, dims, strict=True)]))
        for i in range(BATCH)
    ]
    return [at.stack(column) for column in zip(*rows, strict=True)]


def same(actual: list[at.Tensor], expected: list[at.Tensor]) -> None:
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == e.dtype
        assert a.shape == e.shape
        np.testing.assert_allclose(a.detach().numpy(), e.detach().numpy(), rtol=1e-9, atol=1e-11)


def mixes(count: int) -> list[list[int | None]]:
    """Where the arguments have their batch: at 0, 1 and -1, and not all of them have one."""
    plain: list[list[int | None]] = [[0] * count, [1] + [-1] * (count - 1)]
    if count > 1:
        plain += [[None] + [0] * (count - 1), [-1] + [None] * (count - 1)]
    return plain


def placed(args: list[at.Tensor], dims: list[int | None]) -> list[at.Tensor]:
    out = []
    for x, d in zip(args, dims, strict=True):
        out.append(x[0] if d is None else x if x.ndim == 1 else x.movedim(0, d).contiguous())
    return out


def dims_for(args: list[at.Tensor], dims: list[int | None]) -> list[int | None]:
    return [d if x.ndim > 1 or d is None else 0 for x, d in zip(args, dims, strict=True)]


@pytest.mark.parametrize("name", TABLE)
def test_values(name: str) -> None:
    function, shapes = TABLE[name]
    args = arguments(shapes, BATCH)
    for mix in mixes(len(args)):
        dims = dims_for(args, mix)
        xs = placed(args, dims)
        same(tensors(vmap(function, tuple(dims))(*xs)), loop(function, dims, xs))


def weighted(outputs: list[at.Tensor]) -> at.Tensor:
    """A scalar that every element of the floating outputs changes, not linearly."""
    rng = np.random.default_rng(0)
    total = at.zeros((), dtype=at.float64)
    for y in outputs:
        if y.dtype.is_floating_point and y.requires_grad:
            w = at.from_numpy(rng.uniform(0.5, 1.5, y.shape))
            total = total + (w * y).sum() + (y * y).sum() / 2
    return total


def derivatives(outputs: list[at.Tensor], xs: list[at.Tensor]) -> list[at.Tensor]:
    """First and second derivatives."""
    total = weighted(outputs)
    if not total.requires_grad:
        return []
    first = at.autograd.grad(total, xs, create_graph=True, allow_unused=True, materialize_grads=True)
    raw = at.autograd.grad(total, xs, retain_graph=True, allow_unused=True, materialize_grads=True)
    again = sum((g * g).sum() for g in first)
    found = [*first, *raw]
    if again.requires_grad:
        found += at.autograd.grad(again, xs, allow_unused=True, materialize_grads=True)
    return found


@pytest.mark.parametrize("name", TABLE)
def test_derivatives_through(name: str) -> None:
    """grad(vmap(f)): what all examples share gets the sum."""
    function, shapes = TABLE[name]
    for mix in mixes(len(shapes))[::2]:
        args = arguments(shapes, BATCH)
        dims = dims_for(args, mix)
        xs = [x.detach().requires_grad_() for x in placed(args, dims)]
        actual = derivatives(tensors(vmap(function, tuple(dims))(*xs)), xs)
        same(actual, derivatives(loop(function, dims, xs), xs))


@pytest.mark.parametrize("name", TABLE)
def test_derivatives_inside(name: str) -> None:
    """vmap(grad(f)): each example has its own, also by what all examples share."""
    function, shapes = TABLE[name]
    numbers = tuple(range(len(shapes)))

    def scalar(*xs: at.Tensor) -> at.Tensor:
        return weighted(tensors(function(*xs)))

    def penalty(*xs: at.Tensor) -> at.Tensor:
        total = sum((g * g).sum() for g in grad(scalar, numbers)(*xs))
        return total + 0 * xs[0].sum()

    for mix in mixes(len(shapes))[:3]:
        args = arguments(shapes, BATCH)
        dims = dims_for(args, mix)
        xs = placed(args, dims)
        for transformed in (grad(scalar, numbers), grad(penalty, numbers)):
            same(tensors(vmap(transformed, tuple(dims))(*xs)), loop(transformed, dims, xs))


@pytest.mark.parametrize("name", TABLE)
def test_nested(name: str) -> None:
    function, shapes = TABLE[name]
    outer = [at.stack([x, x * 1.01]) for x in arguments(shapes, BATCH)]
    one = vmap(vmap(function))(*outer)
    two = [vmap(function)(*[x[i] for x in outer]) for i in range(2)]
    same(tensors(one), [at.stack(c) for c in zip(*[tensors(t) for t in two], strict=True)])
    # one level for each argument
    if len(shapes) == 2:
        x, y = (x[0] for x in outer)
        pairs = vmap(vmap(function, (None, 0)), (0, None))(x, y)
        rows = [at.stack(c) for c in zip(*[loop(function, [None, 0], [v, y]) for v in x], strict=True)]
        same(tensors(pairs), rows)


@pytest.mark.parametrize("name", INTEGERS)
def test_integers(name: str) -> None:
    x, y = at.arange(12).reshape(3, 4), at.arange(4).flip(0)
    result = vmap(INTEGERS[name], (0, None))(x, y)
    same([result], loop(INTEGERS[name], [0, None], [x, y]))


def test_nested_derivatives() -> None:
    """Gradients on both sides of both vmaps, and through what only one level has."""
    x, w = arguments(((4,), (4,)), BATCH)

    def f(a: at.Tensor, b: at.Tensor) -> at.Tensor:
        return (a * b).sin().sum() * b.exp()[0]

    def total(a: at.Tensor, b: at.Tensor) -> at.Tensor:
        return (vmap(vmap(f, (None, 0)), (0, None))(a, b) ** 2).sum()

    def by_loop(a: at.Tensor, b: at.Tensor) -> at.Tensor:
        return (at.stack([f(p, q) for p in a for q in b]) ** 2).sum()

    same(tensors(grad(total, (0, 1))(x, w)), tensors(grad(by_loop, (0, 1))(x, w)))
    inner = vmap(vmap(grad(f, (0, 1)), (None, 0)), (0, None))(x, w)
    pairs = [at.stack([at.stack([grad(f, (0, 1))(p, q)[k] for q in w]) for p in x]) for k in (0, 1)]
    same(tensors(inner), pairs)

    def second(a: at.Tensor, b: at.Tensor) -> at.Tensor:
        return sum((g * g).sum() for g in vmap(grad(f, (0, 1)), (0, None))(a, b))

    def second_by_loop(a: at.Tensor, b: at.Tensor) -> at.Tensor:
        return sum((g * g).sum() for p in a for g in grad(f, (0, 1))(p, b))

    b = w[0]
    same(tensors(grad(second, 1)(x, b)), tensors(grad(second_by_loop, 1)(x, b)))


def test_vmap_over_vmap_of_captured() -> None:
    """A captured tensor that requires grad gets the sum over all examples."""
    w = at.tensor([1.0, 2.0], dtype=at.float64, requires_grad=True)
    x = at.arange(6.0, dtype=at.float64).reshape(3, 2)
    y = vmap(lambda r: vmap(lambda e: (e * w).sum())(r))(x)
    y.sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [15.0, 15.0]


def test_half_shared_sum() -> None:
    """An unbatched gradient of a batched value counts once for every example."""
    w = at.ones(2, dtype=at.float64, requires_grad=True)
    x = at.zeros(3, 2, dtype=at.float64)
    (g,) = at.autograd.grad(vmap(lambda r: r + w)(x).sum(), w, create_graph=True)
    assert g.tolist() == [3.0, 3.0]
