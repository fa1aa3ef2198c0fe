"""Convolutions against the definition written as loops, their derivatives, and the modules."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from autotape.nn.functional import _convolving, _windows
from tests.oracle import check, normal

Array = np.ndarray[Any, Any]

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSES = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}

# dimensions, batch, channels in, out, sizes, kernel, stride, padding, dilation, groups
CASES = [
    (1, 2, 3, 4, (7,), (3,), 1, 0, 1, 1),
    (1, 1, 2, 2, (5,), (5,), 3, 2, 1, 2),
    (1, 3, 1, 1, (1,), (1,), 1, 0, 1, 1),
    (2, 2, 3, 4, (6, 5), (3, 2), 1, 1, 1, 1),
    (2, 3, 4, 6, (7, 8), (2, 3), (2, 3), (0, 1), (3, 2), 2),
    (2, 2, 4, 4, (5, 5), (3, 3), 2, 2, 1, 4),
    (2, 1, 2, 3, (4, 4), (1, 1), 1, 0, 1, 1),
    (2, 2, 2, 3, (5, 4), (1, 1), 2, 1, 1, 1),
    (2, 2, 2, 4, (12, 12), (2, 2), 1, 0, 1, 2),  # 121 places: one GEMM for all samples
    (2, 2, 2, 2, (13, 13), (2, 2), 1, 0, 1, 1),  # 144: one each
    (3, 2, 2, 2, (4, 3, 5), (2, 3, 2), (1, 2, 2), (1, 1, 0), 1, 1),
]


def per_dim(value: Any, n: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,) * n


def by_loops(x: Array, w: Array, n: int, stride: Any, padding: Any, dilation: Any, groups: int) -> Array:
    """The definition of the convolution."""
    s, p, d = per_dim(stride, n), per_dim(padding, n), per_dim(dilation, n)
    x = np.pad(x, ((0, 0), (0, 0), *[(v, v) for v in p]))
    size = [
        (i - dd * (k - 1) - 1) // ss + 1 for i, dd, k, ss in zip(x.shape[2:], d, w.shape[2:], s, strict=True)
    ]
    y = np.zeros((x.shape[0], w.shape[0], *size))
    inside, outside = w.shape[1], w.shape[0] // groups
    for o in range(w.shape[0]):
        channels = slice(o // outside * inside, (o // outside + 1) * inside)
        for place in itertools.product(*map(range, size)):
            at_ = [slice(i * ss, i * ss + dd * (k - 1) + 1, dd)
                   for i, ss, dd, k in zip(place, s, d, w.shape[2:], strict=True)]  # fmt: skip
            part = x[(slice(None), channels, *at_)]
            y[(slice(None), o, *place)] = (part * w[o]).reshape(len(x), -1).sum(1)
    return y


@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution_is_its_definition(case: Any) -> None:
    n, batch, c, out, size, kernel, stride, padding, dilation, groups = case
    x, w, b = normal(batch, c, *size), normal(out, c // groups, *kernel, seed=1), normal(out, seed=2)
    expected = by_loops(x, w, n, stride, padding, dilation, groups)
    arguments = (stride, padding, dilation, groups)
    y = CONVOLUTIONS[n](at.tensor(x), at.tensor(w), at.tensor(b), *arguments)
    np.testing.assert_allclose(y.numpy(), expected + b.reshape(-1, *[1] * n), rtol=1e-12, atol=1e-12)
    assert y.is_contiguous()
    alone = CONVOLUTIONS[n](at.tensor(x[0]), at.tensor(w), None, *arguments)
    np.testing.assert_allclose(alone.numpy(), expected[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_transpose_is_the_adjoint(case: Any) -> None:
    n, batch, c, out, size, kernel, stride, padding, dilation, groups = case
    x, w = normal(batch, c, *size), normal(out, c // groups, *kernel, seed=1)
    y = by_loops(x, w, n, stride, padding, dilation, groups)
    g = normal(*y.shape, seed=2)
    s, p, d = per_dim(stride, n), per_dim(padding, n), per_dim(dilation, n)
    least = [(v - 1) * ss - 2 * pp + dd * (k - 1) + 1
             for v, ss, pp, dd, k in zip(y.shape[2:], s, p, d, kernel, strict=True)]  # fmt: skip
    extra = tuple(i - v for i, v in zip(size, least, strict=True))
    b = normal(c, seed=3)
    back = TRANSPOSES[n](
        at.tensor(g), at.tensor(w), at.tensor(b), stride, padding, extra, groups=groups, dilation=dilation
    )
    assert back.shape == x.shape
    found = ((back.numpy() - b.reshape(-1, *[1] * n)) * x).sum()
    np.testing.assert_allclose(found, (g * y).sum(), rtol=1e-11)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives(case: Any) -> None:
    n, batch, c, out, size, kernel, stride, padding, dilation, groups = case
    x, w, b = normal(batch, c, *size), normal(out, c // groups, *kernel, seed=1), normal(out, seed=2)
    check(lambda x, w, b: CONVOLUTIONS[n](x, w, b, stride, padding, dilation, groups), x, w, b)
    if batch > 1:
        g, weight = normal(batch, out, *size, seed=3), normal(out, c // groups, *kernel, seed=4)
        padding = tuple(min(p, dd * (k - 1) // 2) for p, dd, k in
                        zip(per_dim(padding, n), per_dim(dilation, n), kernel, strict=True))  # fmt: skip
        check(lambda g, w: TRANSPOSES[n](g, w, None, stride, padding, 0, groups, dilation), g, weight)


def test_third_derivative_and_repeated_input() -> None:
    x = normal(2, 2, 3, 3)
    check(lambda x: F.conv2d(x, x[:, :, :2, :2]), x, order=3)
    check(lambda x: F.conv_transpose2d(x, x), x)


def test_complex() -> None:
    x, w = (normal(2, 2, 4, seed=s) + 1j * normal(2, 2, 4, seed=s + 1) for s in (0, 2))
    w = w[:, :, :3]
    check(lambda x, w: F.conv1d(x, w, stride=2, padding=1), x, w)
    check(lambda x, w: F.conv_transpose1d(x, w, stride=2), x, w)
    y = F.conv1d(at.tensor(x), at.tensor(w)).numpy()
    assert np.allclose(y, by_loops_complex(x, w))


def by_loops_complex(x: Array, w: Array) -> Array:
    parts = [[by_loops(a, b, 1, 1, 0, 1, 1) for b in (w.real, w.imag)] for a in (x.real, x.imag)]
    return parts[0][0] - parts[1][1] + 1j * (parts[0][1] + parts[1][0])


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (2, 1), (3, 1), (4, 1), (2, 3), (3, 2)])
def test_same_padding_keeps_the_size_with_the_odd_zero_at_the_end(kernel: int, dilation: int) -> None:
    x, w = normal(1, 1, 6), normal(1, 1, kernel, seed=1)
    total = dilation * (kernel - 1)
    padded = np.pad(x, ((0, 0), (0, 0), (total // 2, total - total // 2)))
    y = F.conv1d(at.tensor(x), at.tensor(w), padding="same", dilation=dilation)
    np.testing.assert_allclose(y.numpy(), by_loops(padded, w, 1, 1, 0, dilation, 1), rtol=1e-12)
    check(lambda x, w: F.conv1d(x, w, padding="same", dilation=dilation), x, w)
    valid = F.conv1d(at.tensor(x), at.tensor(w), padding="valid", dilation=dilation)
    np.testing.assert_array_equal(
        valid.numpy(), F.conv1d(at.tensor(x), at.tensor(w), dilation=dilation).numpy()
    )


def test_layouts_that_are_not_contiguous() -> None:
    x, w = normal(4, 5, 6, 6)[::2, ::-1, :, ::-1], normal(3, 3, 5, 2).transpose(1, 2, 0, 3)[:, :, ::-1]
    expected = by_loops(x, w, 2, 1, 0, 1, 1)
    y = F.conv2d(at.from_numpy(x.copy())[:], at.tensor(w))
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12, atol=1e-12)
    check(lambda x, w: F.conv2d(x.flip(3)[:, :, ::2], w.mT, padding=1), normal(2, 5, 6, 6), w)


@pytest.mark.parametrize("block", [1, 100, 1000])
@pytest.mark.parametrize("few", [0, 1000])
def test_any_number_of_samples_in_a_block(block: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_windows, "_BLOCK", block)
    monkeypatch.setattr(_windows, "_SHARED", block)
    monkeypatch.setattr(_convolving, "_FEW", few)
    x, w, b = normal(5, 4, 6, 5), normal(6, 2, 3, 2, seed=1), normal(6, seed=2)
    expected = by_loops(x, w, 2, (2, 1), 1, 1, 2) + b.reshape(-1, 1, 1)
    leaves = [at.tensor(a, requires_grad=True) for a in (x, w, b)]
    y = F.conv2d(*leaves, (2, 1), 1, 1, 2)
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    check(lambda x, w, b: F.conv2d(x, w, b, (2, 1), 1, 1, 2), x, w, b, order=1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_large_images_in_pieces_of_some_rows(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    n, batch, c, out, size, kernel, stride, padding, dilation, groups = case
    x, w = normal(batch, c, *size), normal(out, c // groups, *kernel, seed=1)

    def both(x: Any, w: Any) -> list[Array]:
        leaves = [at.tensor(x, requires_grad=True), at.tensor(w, requires_grad=True)]
        y = CONVOLUTIONS[n](*leaves, None, stride, padding, dilation, groups)
        g = at.tensor(normal(*y.shape, seed=2))
        return [t.detach().numpy() for t in (y, *at.autograd.grad(y, leaves, g))]

    expected = both(x, w)
    monkeypatch.setattr(_convolving, "_FEW", 0)
    monkeypatch.setattr(_windows, "_BLOCK", 1)
    for elements in (1, 60, 300):
        monkeypatch.setattr(_windows, "_SHARED", elements)
        for a, b in zip(both(x, w), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64", "int32", "uint8"])
def test_dtypes(dtype: str) -> None:
    x, w = (np.random.default_rng(s).integers(0, 4, (2, 2, 4, 4)).astype(dtype) for s in (0, 1))
    y = F.conv2d(at.tensor(x), at.tensor(w[:, :, :2, :2]))
    assert y.numpy().dtype == dtype
    expected = by_loops(x.astype(float), w[:, :, :2, :2].astype(float), 2, 1, 0, 1, 1)
    np.testing.assert_array_equal(y.numpy(), expected.astype(dtype))


def test_empty_batch_and_no_channels() -> None:
    x = at.zeros(0, 2, 5, 5, requires_grad=True)
    w = at.ones(3, 2, 3, 3, requires_grad=True)
    y = F.conv2d(x, w, at.ones(3))
    assert y.shape == (0, 3, 3, 3)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
    assert w.grad is not None
    assert not w.grad.numpy().any()
    assert F.conv_transpose2d(at.zeros(0, 2, 5, 5), at.ones(2, 3, 3, 3)).shape == (0, 3, 7, 7)
    none = F.conv2d(at.zeros(2, 0, 5, 5), at.zeros(3, 0, 3, 3), at.ones(3))
    np.testing.assert_array_equal(none.numpy(), np.ones((2, 3, 3, 3)))


def test_nan_and_infinity_stay_in_their_windows() -> None:
    x = np.zeros((1, 1, 6))
    x[0, 0, 0], x[0, 0, 5] = np.nan, np.inf
    y = F.conv1d(at.tensor(x), at.ones(1, 1, 2, dtype=at.float64)).numpy()[0, 0]
    assert np.isnan(y[0])
    assert np.isinf(y[4])
    assert not y[1:4].any()


def test_the_tape_keeps_input_and_weight_only() -> None:
    x, w = at.ones(2, 3, 8, 8, requires_grad=True), at.ones(4, 3, 3, 3, requires_grad=True)
    y = F.conv2d(x, w, at.ones(4, requires_grad=True))
    assert y._node is not None
    kept = [a for a in y._node.saved if isinstance(a, np.ndarray)]  # type: ignore[union-attr]
    assert len(kept) == 2
    assert kept[0] is x._array
    assert kept[1] is w._array


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x, w: F.conv2d(x, w[:, :3]), RuntimeError, "to have 3 channels, but got 4"),
        (lambda x, w: F.conv2d(x[0, 0], w), RuntimeError, r"Expected 3D .* input to conv2d"),
        (lambda x, w: F.conv2d(x, w[0]), RuntimeError, "4 dimensions"),
        (lambda x, w: F.conv2d(x, w, groups=3), RuntimeError, "12 channels"),
        (lambda x, w: F.conv2d(x, w, groups=0), RuntimeError, "non-positive groups"),
        (lambda x, w: F.conv2d(x, w, at.zeros(5)), RuntimeError, "6 elements"),
        (lambda x, w: F.conv2d(x, w.double()), RuntimeError, "should be the same"),
        (lambda x, w: F.conv2d(x, w, stride=0), RuntimeError, "non-positive stride"),
        (lambda x, w: F.conv2d(x, w, padding=-1), RuntimeError, "negative padding"),
        (lambda x, w: F.conv2d(x, w, dilation=0), RuntimeError, "non-positive dilation"),
        (lambda x, w: F.conv2d(x, w, stride=(1, 2, 3)), RuntimeError, "list of 2 values"),
        (lambda x, w: F.conv2d(x, w, stride=1.5), TypeError, "stride"),
        (lambda x, w: F.conv2d(x, w, padding="full"), RuntimeError, "Invalid padding string"),
        (lambda x, w: F.conv2d(x, w, padding="same", stride=2), RuntimeError, "strided"),
        (lambda x, w: F.conv2d(x, w, dilation=5), RuntimeError, "11 x 11"),
        (lambda x, w: F.conv2d(x, w[:0]), RuntimeError, "dimension 0"),
        (lambda x, w: F.conv2d(x.bool(), w.bool()), NotImplementedError, "bool"),
        (lambda x, w: F.conv2d(x, 3), TypeError, "weight"),
        (lambda x, w: F.conv_transpose2d(x, w), RuntimeError, "6 channels"),
        (lambda x, w: F.conv_transpose2d(x, w[:4], output_padding=1), RuntimeError, "output padding"),
        (lambda x, w: F.conv_transpose2d(x, w[:4], output_padding=-1), RuntimeError, "negative"),
        (lambda x, w: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels"),
        (lambda x, w: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels"),
        (lambda x, w: nn.Conv2d(4, 4, 3, groups=0), ValueError, "positive"),
        (lambda x, w: nn.Conv2d(4, 4, 3, padding="full"), ValueError, "padding string"),
        (lambda x, w: nn.Conv2d(4, 4, 3, padding="same", stride=2), ValueError, "strided"),
        (lambda x, w: nn.Conv2d(4, 4, 3, padding_mode="mirror"), ValueError, "padding_mode"),
        (lambda x, w: nn.ConvTranspose2d(4, 4, 3, padding_mode="reflect"), ValueError, "zeros"),
        (lambda x, w: nn.ConvTranspose2d(4, 4, 3, 2)(x, (2, 2)), ValueError, "requested an output size"),
        (lambda x, w: nn.ConvTranspose2d(4, 4, 3, 2)(x, (18,)), ValueError, "2 or 4 elements"),
        (lambda x, w: nn.LazyConv2d(4, 3)(x[0, 0]), RuntimeError, "LazyConv2d"),
        (lambda x, w: nn.LazyConv2d(6, 3, groups=3)(x), ValueError, "divisible by groups"),
    ],
)  # fmt: skip
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(at.ones(2, 4, 8, 8), at.ones(6, 4, 3, 3))


# --- modules ------------------------------------------------------------------------------------------------


def test_parameters_start_in_their_bounds() -> None:
    at.manual_seed(0)
    layer = nn.Conv2d(8, 16, (3, 5), groups=2)
    bound = 1 / np.sqrt(4 * 15)
    assert layer.weight.shape == (16, 4, 3, 5)
    assert layer.bias is not None
    for p in (layer.weight, layer.bias):
        assert 0.8 * bound < np.abs(p.detach().numpy()).max() <= bound
    up = nn.ConvTranspose2d(8, 16, 3, groups=2, dtype=at.float64)
    assert up.weight.shape == (8, 8, 3, 3)
    assert up.weight.dtype == at.float64
    assert np.abs(up.weight.detach().numpy()).max() <= 1 / np.sqrt(8 * 9)


@pytest.mark.parametrize(
    ("mode", "numpy_mode"), [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")]
)
@pytest.mark.parametrize("padding", [(2, 1), "same"])
def test_padding_modes(mode: str, numpy_mode: Any, padding: Any) -> None:
    layer = nn.Conv2d(2, 3, (3, 4), padding=padding, padding_mode=mode, dtype=at.float64)
    x = normal(2, 2, 6, 7)
    pads = ((1, 1), (1, 2)) if padding == "same" else ((2, 2), (1, 1))
    assert layer.bias is not None
    w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    expected = by_loops(np.pad(x, ((0, 0), (0, 0), *pads), numpy_mode), w, 2, 1, 0, 1, 1) + b.reshape(
        -1, 1, 1
    )
    np.testing.assert_allclose(layer(at.tensor(x)).detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def test_lazy_layers_become_ordinary_ones() -> None:
    layer = nn.LazyConv2d(8, 3, padding=1, groups=2, bias=False)
    assert repr(layer) == (
        "LazyConv2d(0, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=2, bias=False)"
    )
    assert layer(at.ones(1, 4, 5, 5)).shape == (1, 8, 5, 5)
    assert type(layer) is nn.Conv2d
    assert layer.in_channels == 4
    assert layer.weight.shape == (8, 2, 3, 3)
    up = nn.LazyConvTranspose1d(6, 2)
    up.load_state_dict(nn.ConvTranspose1d(3, 6, 2).state_dict())
    assert up(at.ones(3, 5)).shape == (6, 6)
    assert up.in_channels == 3


def test_output_size_of_a_transposed_convolution() -> None:
    down, up = nn.Conv2d(2, 3, 3, stride=2), nn.ConvTranspose2d(3, 2, 3, stride=2)
    for size in ((11, 12), (12, 11)):
        assert up(down(at.ones(1, 2, *size)), output_size=size).shape == (1, 2, *size)


def test_vmap_with_input_or_weight_batched() -> None:
    x, w = normal(3, 2, 4, 6, 5), normal(3, 4, 2, 3, 2, seed=1)

    def convolve(x: Any, w: Any) -> Any:
        return F.conv2d(x, w, stride=2, padding=1, groups=2)

    expected = [convolve(at.tensor(a), at.tensor(b)).numpy() for a, b in zip(x, w, strict=True)]
    np.testing.assert_allclose(
        at.func.vmap(convolve)(at.tensor(x), at.tensor(w)).numpy(), expected, rtol=1e-12
    )
    shared = at.func.vmap(convolve, in_dims=(None, 0))(at.tensor(x[0]), at.tensor(w)).numpy()
    np.testing.assert_allclose(shared[1], convolve(at.tensor(x[0]), at.tensor(w[1])).numpy(), rtol=1e-12)
