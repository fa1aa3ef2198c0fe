"""Pooling, unpooling, unfold and fold against their definitions written as loops, and their derivatives."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from tests.oracle import check, normal

Array = np.ndarray[Any, Any]

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
UNPOOL = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}
ADAPTIVE_AVG = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}

# sizes, kernel, stride, padding, dilation, ceil_mode
CASES = [
    ((7,), (2,), (2,), (0,), (1,), False),
    ((7,), (3,), (2,), (1,), (2,), True),
    ((1,), (1,), (1,), (0,), (1,), False),
    ((8, 6), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((7, 9), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((7, 9), (2, 2), (2, 2), (0, 0), (1, 1), True),
    ((6, 7), (3, 2), (1, 2), (1, 1), (1, 1), False),
    ((6, 7), (3, 3), (2, 2), (1, 1), (1, 1), True),
    ((9, 8), (2, 3), (3, 1), (1, 0), (2, 3), False),
    ((5, 5), (5, 5), (1, 1), (0, 0), (1, 1), False),
    ((3, 4), (1, 4), (2, 5), (0, 2), (1, 1), True),
    ((4, 5, 6), (2, 3, 2), (2, 1, 2), (1, 1, 0), (1, 1, 1), True),
]


def number_of_windows(i: int, k: int, s: int, p: int, d: int, ceil_mode: bool) -> int:
    """So many windows: with ceil_mode also partial ones that begin in the input or the padding before it."""
    n, reach = 0, d * (k - 1) + 1
    while n * s + reach <= i + 2 * p or (ceil_mode and n * s < i + p and (n - 1) * s + reach < i + 2 * p):
        n += 1
    return n


def the_windows(size: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:
    """For every window: its place, and the places in the input of its elements, in row-major order."""
    counts = [
        number_of_windows(*v, ceil_mode) for v in zip(size, kernel, stride, padding, dilation, strict=True)
    ]
    for place in itertools.product(*map(range, counts)):
        elements = []
        for offset in itertools.product(*map(range, kernel)):
            where = [y * s + k * d - p for y, s, k, d, p in
                     zip(place, stride, offset, dilation, padding, strict=True)]  # fmt: skip
            if all(0 <= v < n for v, n in zip(where, size, strict=True)):
                elements.append(tuple(where))
        yield place, elements


def max_by_loops(x: Array, *case: Any) -> tuple[Array, Array]:
    found = {}
    for place, elements in the_windows(x.shape[2:], *case):
        flat = [np.ravel_multi_index(e, x.shape[2:]) for e in elements]
        values = x.reshape(*x.shape[:2], -1)[..., flat]
        best = values.argmax(-1)
        found[place] = (values.max(-1), np.asarray(flat)[best])
    shape = (*x.shape[:2], *[1 + max(v) for v in zip(*found, strict=True)])
    y, index = np.zeros(shape, x.dtype), np.zeros(shape, np.int64)
    for place, (value, where) in found.items():
        y[(..., *place)], index[(..., *place)] = value, where
    return y, index


@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_pool_is_its_definition(case: Any) -> None:
    size, *settings = case
    kernel, stride, padding, dilation, ceil_mode = settings
    n = len(size)
    for x in (normal(2, 3, *size), np.random.default_rng(0).integers(0, 3, (2, 3, *size))):
        y, index = max_by_loops(x, *settings)
        arguments = (kernel, stride, padding, dilation, ceil_mode)
        found, where = MAX[n](at.tensor(x), *arguments, return_indices=True)
        np.testing.assert_array_equal(found.numpy(), y)
        np.testing.assert_array_equal(where.numpy(), index)
        np.testing.assert_array_equal(MAX[n](at.tensor(x), *arguments).numpy(), y)  # without indices
        alone = MAX[n](at.tensor(x[0]), *arguments)
        np.testing.assert_array_equal(alone.numpy(), y[0])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_avg_pool_is_its_definition(case: Any) -> None:
    size, kernel, stride, padding, _, ceil_mode = case
    n = len(size)
    if any(p > k // 2 for p, k in zip(padding, kernel, strict=True)):
        return
    x = normal(2, 3, *size)
    for include in (True, False):
        y = AVG[n](at.tensor(x), kernel, stride, padding, ceil_mode, include).numpy()
        for place, elements in the_windows(size, kernel, stride, padding, (1,) * n, ceil_mode):
            ends = [
                min(v * s - p + k, i + p) - (v * s - p)
                for v, s, p, k, i in zip(place, stride, padding, kernel, size, strict=True)
            ]
            total = sum([x[(..., *e)] for e in elements])
            expected = total / (np.prod(ends) if include else len(elements))
            np.testing.assert_allclose(y[(..., *place)], expected, rtol=1e-12, atol=1e-14)
        check(lambda x, include=include: AVG[n](x, kernel, stride, padding, ceil_mode, include), x)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_pool_derivatives(case: Any) -> None:
    size, *arguments = case
    x = np.random.default_rng(0).permutation(6 * int(np.prod(size))).reshape(2, 3, *size) / 10.0
    check(lambda x: MAX[len(size)](x, *arguments) ** 2, x)


def test_ties_and_nan() -> None:
    x = at.tensor([[[0.0, 5.0, 1.0], [5.0, 5.0, 1.0]]], requires_grad=True)
    y, index = F.max_pool2d(x, 2, 1, return_indices=True)
    assert index.tolist() == [[[1, 1]]]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]]
    x = at.tensor([[np.nan, 1.0, np.nan, 2.0, -np.inf, -np.inf]])
    y, index = F.max_pool1d(x, 3, 1, 1, return_indices=True)
    assert np.isnan(y.numpy()[0, :4]).all()
    assert index.tolist() == [[0, 2, 2, 2, 3, 4]]
    y, index = F.max_pool1d(at.full((1, 3), -np.inf), 3, 1, 1, return_indices=True)
    assert y.tolist() == [[-np.inf] * 3]
    assert index.tolist() == [[0, 0, 1]]
    assert F.max_pool2d(x.reshape(1, 2, 3), 2).isnan().all()


def test_gradient_of_infinity_stays_in_its_window() -> None:
    x = at.tensor([[1.0, 2.0, 3.0, 4.0]], requires_grad=True)
    F.max_pool1d(x, 2).backward(at.tensor([[np.inf, 1.0]]))
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, np.inf, 0.0, 1.0]]


@pytest.mark.parametrize("kernel", [300, 256, 255])
def test_windows_of_more_elements_than_a_byte_counts(kernel: int) -> None:
    x = np.arange(600.0)[None] % 301
    y, index = F.max_pool1d(at.tensor(x), kernel, return_indices=True)
    parts = x[:, : kernel * y.shape[-1]].reshape(-1, kernel)
    np.testing.assert_array_equal(index.numpy()[0], parts.argmax(1) + kernel * np.arange(len(parts)))
    assert F.max_pool2d(at.ones(1, 16, 16), (16, 16), return_indices=True)[1].tolist() == [[[0]]]


@pytest.mark.parametrize(
    "to", [(1,), (2,), (3,), (5,), (7,), (11,), (1, 1), (3, 4), (6, 3), (9, 2), (4, 7, 2)]
)
def test_adaptive_pooling_is_its_definition(to: Any) -> None:
    size = (6, 7, 5)[: len(to)]
    x = np.random.default_rng(0).permutation(6 * int(np.prod(size))).reshape(2, 3, *size) / 10.0
    n = len(to)
    average = ADAPTIVE_AVG[n](at.tensor(x), to if n > 1 else to[0])
    greatest, index = ADAPTIVE_MAX[n](at.tensor(x), to, True)
    for place in itertools.product(*map(range, to)):
        window = tuple(
            [slice(i * s // m, -(-(i + 1) * s // m)) for i, s, m in zip(place, size, to, strict=True)]
        )
        part = x[(..., *window)].reshape(2, 3, -1)
        np.testing.assert_allclose(average.numpy()[(..., *place)], part.mean(-1), rtol=1e-12)
        np.testing.assert_array_equal(greatest.numpy()[(..., *place)], part.max(-1))
    taken = np.take_along_axis(x.reshape(2, 3, -1), index.numpy().reshape(2, 3, -1), -1)
    np.testing.assert_array_equal(taken, greatest.numpy().reshape(2, 3, -1))
    check(lambda x: ADAPTIVE_AVG[n](x, to), x)
    check(lambda x: ADAPTIVE_MAX[n](x, to) ** 2, x)


def test_adaptive_sizes() -> None:
    x = at.ones(2, 3, 4, 5)
    assert F.adaptive_avg_pool2d(x, (None, 2)).shape == (2, 3, 4, 2)
    assert F.adaptive_max_pool2d(x, (2, None)).shape == (2, 3, 2, 5)
    assert F.adaptive_avg_pool2d(x, 0).shape == (2, 3, 0, 0)
    assert F.adaptive_max_pool2d(x, 0).shape == (2, 3, 0, 0)
    assert F.adaptive_avg_pool2d(x[:0], 3).shape == (0, 3, 3, 3)
    spread = F.adaptive_avg_pool1d(at.tensor([[np.inf, 1.0, 1.0, 1.0, 1.0]]), 3).tolist()
    assert spread == [[np.inf, 1.0, 1.0]]


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_lp_pool(p: float) -> None:
    x = np.abs(normal(2, 3, 6, 8)) + 0.1
    expected = (x**p).reshape(2, 3, 3, 2, 4, 2).sum((3, 5)) ** (1 / p)
    np.testing.assert_allclose(F.lp_pool2d(at.tensor(x), p, 2).numpy(), expected, rtol=1e-12)
    check(lambda x: F.lp_pool2d(x, p, (2, 3), 1), x)
    check(lambda x: F.lp_pool1d(x, p, 3, 2, True), x[0])


def test_lp_pool_of_zeros_has_the_gradient_zero() -> None:
    x = at.zeros(1, 2, 2, requires_grad=True)
    F.lp_pool2d(x, 2, 2).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[[0.0, 0.0], [0.0, 0.0]]]


@pytest.mark.parametrize("size", [(8,), (7, 9), (4, 6, 5)])
def test_unpool_undoes_the_places(size: Any) -> None:
    n = len(size)
    x = normal(2, 3, *size)
    y, index = MAX[n](at.tensor(x), 2, return_indices=True)
    back = UNPOOL[n](y, index, 2, output_size=size)
    assert back.shape == x.shape
    kept = back.numpy() != 0
    np.testing.assert_array_equal(back.numpy()[kept], x[kept])
    assert kept.sum() == y.numel()
    check(lambda y: UNPOOL[n](y, index, 2, output_size=size) ** 2, y.numpy())
    assert UNPOOL[n](y, index % 2, 2).shape == (2, 3, *[2 * (s // 2) for s in size])


# --- unfold and fold ----------------------------------------------------------------------------------------

FOLDS = [
    ((5, 6), 2, 1, 0, 1), ((5, 6), (2, 3), 1, 0, (2, 1)), ((4, 7), 3, (1, 2), (1, 2), 2),
    ((3, 3), 1, 1, 0, 1), ((3, 4), 1, 1, 1, 2),
]  # fmt: skip


@pytest.mark.parametrize("case", FOLDS, ids=str)
def test_unfold_and_fold(case: Any) -> None:
    size, kernel, dilation, padding, stride = case
    k, d, p, s = [v if isinstance(v, tuple) else (v, v) for v in (kernel, dilation, padding, stride)]
    x = normal(2, 3, *size)
    columns = F.unfold(at.tensor(x), kernel, dilation, padding, stride)
    padded = np.pad(x, ((0, 0), (0, 0), (p[0], p[0]), (p[1], p[1])))
    counts = [
        (n + 2 * pp - dd * (kk - 1) - 1) // ss + 1 for n, pp, dd, kk, ss in zip(size, p, d, k, s, strict=True)
    ]
    expected = np.stack([
        padded[:, :, i * s[0] : i * s[0] + d[0] * (k[0] - 1) + 1 : d[0],
               j * s[1] : j * s[1] + d[1] * (k[1] - 1) + 1 : d[1]].reshape(2, -1)
        for i in range(counts[0]) for j in range(counts[1])
    ], -1)  # fmt: skip
    np.testing.assert_array_equal(columns.numpy(), expected)
    assert not np.shares_memory(columns.numpy(), x)
    np.testing.assert_array_equal(
        F.unfold(at.tensor(x[1]), kernel, dilation, padding, stride).numpy(), expected[1]
    )
    g = normal(*expected.shape, seed=1)
    back = F.fold(at.tensor(g), size, kernel, dilation, padding, stride)
    np.testing.assert_allclose((back.numpy() * x).sum(), (g * expected).sum(), rtol=1e-11)
    check(lambda x: F.unfold(x, kernel, dilation, padding, stride), x)
    check(lambda g: F.fold(g, size, kernel, dilation, padding, stride), g)
    check(lambda z: F.unfold(z, kernel, dilation, padding, stride), x + 1j * x[::-1])


# --- dtypes, layouts, errors --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtypes(dtype: str) -> None:
    x = np.arange(32, dtype=dtype).reshape(2, 4, 4)
    for y in (
        F.max_pool2d(at.tensor(x), 2), F.avg_pool2d(at.tensor(x), 3, 1, 1),
        F.adaptive_avg_pool2d(at.tensor(x), 3),
        F.adaptive_max_pool2d(at.tensor(x), 3), F.lp_pool2d(at.tensor(x), 2, 2), F.unfold(at.tensor(x), 2),
    ):  # fmt: skip
        assert y.numpy().dtype == dtype
    assert F.avg_pool1d(at.tensor([[-1, -2, 4, 9]]), 2).tolist() == [[-1, 6]]


def test_layouts_that_are_not_contiguous() -> None:
    x = normal(6, 5, 3, 2).transpose(3, 2, 0, 1)[:, ::-1, :, ::-1]
    assert not x.flags.c_contiguous
    for pool in (
        lambda x: F.max_pool2d(x, 2), lambda x: F.avg_pool2d(x, 3, 2, 1),
        lambda x: F.adaptive_max_pool2d(x, 4), lambda x: F.adaptive_avg_pool2d(x, 4),
        lambda x: F.unfold(x, 2),
    ):  # fmt: skip
        np.testing.assert_array_equal(pool(at.from_numpy(x)).numpy(), pool(at.tensor(x.copy())).numpy())
    check(lambda x: F.max_pool2d(x.mT, 2) ** 2 + F.avg_pool2d(x.mT, 2), x)


def test_out_and_memory() -> None:
    x = at.ones(1, 2, 4, 4, requires_grad=True)
    out = at.empty(1, 2, 2, 2)
    assert F.avg_pool2d(x.detach(), 2, out=out) is out
    assert out.tolist() == [[[[1.0, 1.0], [1.0, 1.0]]] * 2]
    y = F.avg_pool2d(x, 2)
    assert not any(isinstance(a, np.ndarray) for a in y._node.saved)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: F.max_pool2d(x, 3, padding=2), RuntimeError, "at most half"),
        (lambda x: F.max_pool2d(x, 9), RuntimeError, "Output size is too small"),
        (lambda x: F.max_pool2d(x, 0), RuntimeError, "greater than zero"),
        (lambda x: F.max_pool2d(x, 2, 0), RuntimeError, "stride should not be zero"),
        (lambda x: F.max_pool2d(x, 2, dilation=0), RuntimeError, "dilation"),
        (lambda x: F.max_pool2d(x, 2, padding=-1), RuntimeError, "non-negative"),
        (lambda x: F.max_pool2d(x, (1, 2, 3)), RuntimeError, "kernel_size"),
        (lambda x: F.max_pool2d(x, 2.5), TypeError, "kernel_size"),
        (lambda x: F.max_pool2d(x[0, 0], 2), RuntimeError, "non-empty 3D or 4D"),
        (lambda x: F.max_pool2d(x[:, :0], 2), RuntimeError, "optional 0 dim batch size"),
        (lambda x: F.max_pool2d(x.bool(), 2), NotImplementedError, "bool"),
        (lambda x: F.avg_pool2d(x, 3, padding=2), RuntimeError, "at most half"),
        (lambda x: F.avg_pool2d(x, 2, divisor_override=0), RuntimeError, "divisor"),
        (lambda x: F.avg_pool2d(x.int(), 2), NotImplementedError, "int32"),
        (lambda x: F.adaptive_avg_pool2d(x, -1), RuntimeError, "greater than or equal to 0"),
        (lambda x: F.adaptive_avg_pool2d(x, 3.5), TypeError, "output_size"),
        (lambda x: F.adaptive_avg_pool2d(x, (1, 2, 3)), RuntimeError, "output_size"),
        (lambda x: F.adaptive_avg_pool2d(x[0, 0], 2), RuntimeError, "Expected 3D or 4D"),
        (lambda x: F.adaptive_avg_pool2d(x[0, 0], (2, 2)), ValueError, "at least 3"),
        (lambda x: F.adaptive_max_pool2d(x[..., :0], 2), RuntimeError, "non-zero size"),
        (lambda x: F.adaptive_avg_pool1d(x[0], None), TypeError, "output_size"),
        (lambda x: F.unfold(x, 9), RuntimeError, "at least one"),
        (lambda x: F.unfold(x, (3,)), RuntimeError, "kernel_size equals to 2"),
        (lambda x: F.unfold(x.long(), 3), NotImplementedError, "int64"),
        (lambda x: F.unfold(x, 3, stride=0), RuntimeError, "greater than zero"),
        (lambda x: F.unfold(x, 3, padding=-1), RuntimeError, "non-negative"),
        (lambda x: F.fold(at.ones(2, 8, 8), 4, 2), RuntimeError, "3 \\* 3 = 9"),
        (lambda x: F.fold(at.ones(2, 7, 9), 4, 2), RuntimeError, "divisible"),
        (lambda x: F.fold(at.ones(9), 4, 2), RuntimeError, "2D or 3D"),
        (lambda x: F.max_unpool2d(x, at.full(x.shape, 1000), 2), RuntimeError, "invalid max index"),
        (lambda x: F.max_unpool2d(x, at.full(x.shape, -1), 2), RuntimeError, "invalid max index"),
        (lambda x: F.max_unpool2d(x, at.zeros(x.shape).int(), 2), RuntimeError, "int64"),
        (lambda x: F.max_unpool2d(x, at.zeros(2, 4, 8, 7).long(), 2), RuntimeError, "shape of indices"),
        (lambda x: F.max_unpool2d(x, x.long(), 2, output_size=(3, 3)), ValueError, "dim 0 must be between"),
        (lambda x: F.max_unpool2d(x, x.long(), 2, output_size=(17,)), ValueError, "2 or 4 elements"),
        (lambda x: F.max_unpool2d(x[0, 0], x[0, 0].long(), 2), RuntimeError, "3d or 4d"),
    ],
)  # fmt: skip
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(at.ones(2, 4, 8, 8))


def test_modules() -> None:
    x = at.tensor(normal(2, 3, 6, 6))
    pool, unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
    y, index = pool(x)
    assert unpool(y, index).shape == x.shape
    assert repr(nn.AvgPool1d(2)) == "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))"
    assert repr(nn.AdaptiveAvgPool2d((None, 3))) == "AdaptiveAvgPool2d(output_size=(None, 3))"
    fold, unfold = nn.Fold((6, 6), 2, stride=2), nn.Unfold(2, stride=2)
    np.testing.assert_array_equal(fold(unfold(x)).numpy(), x.numpy())


def test_vmap() -> None:
    x = normal(4, 2, 3, 6, 7)
    for pool in (
        lambda x: F.max_pool2d(x, 3, 2, 1), lambda x: F.avg_pool2d(x, 3, 2, 1), lambda x: F.unfold(x, 2),
        lambda x: F.adaptive_max_pool2d(x, (4, 3)), lambda x: F.adaptive_avg_pool2d(x, (4, 3)),
    ):  # fmt: skip

        def slope(x: Any, pool: Any = pool) -> Any:
            return at.func.grad(lambda x: (pool(x) ** 2).sum())(x)

        for f in (pool, slope):
            expected = np.stack([f(at.tensor(a)).numpy() for a in x])
            np.testing.assert_allclose(at.func.vmap(f)(at.tensor(x)).numpy(), expected, rtol=1e-12)
