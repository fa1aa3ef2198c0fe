"""Resizing: values by hand and by definition, derivatives, infinities, errors, modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from autotape.nn.functional._taps import Taps, taps_of
from tests import oracle

Array = np.ndarray[Any, Any]
LINE = np.array([[[0.0, 4.0, 8.0]]])


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"size": 6}, [0, 0, 4, 4, 8, 8]),
        ({"size": 2}, [0, 4]),
        ({"size": 2, "mode": "nearest-exact"}, [0, 8]),
        ({"scale_factor": 2.0, "mode": "linear"}, [0, 1, 3, 5, 7, 8]),
        ({"size": 5, "mode": "linear", "align_corners": True}, [0, 2, 4, 6, 8]),
        ({"size": 2, "mode": "area"}, [2, 6]),
        ({"size": 1, "mode": "area"}, [4]),
        ({"size": 1, "mode": "linear", "align_corners": True}, [0]),
        ({"scale_factor": 0.9, "mode": "linear"}, [10 / 9 * 4 * 0.05, 4 * (1.5 / 0.9 - 0.5)]),
        ({"scale_factor": 0.9, "mode": "linear", "recompute_scale_factor": True}, [1, 7]),
    ],
)
def test_by_hand(options: dict[str, Any], wanted: list[float]) -> None:
    np.testing.assert_allclose(F.interpolate(at.tensor(LINE), **options).numpy()[0, 0], wanted, rtol=1e-12)


MODES: list[tuple[str, dict[str, Any], int]] = [
    ("nearest", {}, 1), ("nearest", {}, 2), ("nearest", {}, 3), ("nearest-exact", {}, 2), ("area", {}, 1),
    ("area", {}, 2), ("area", {}, 3), ("linear", {}, 1), ("linear", {"align_corners": True}, 1),
    ("bilinear", {}, 2), ("bilinear", {"align_corners": True}, 2), ("bilinear", {"antialias": True}, 2),
    ("bicubic", {}, 2), ("bicubic", {"align_corners": True}, 2), ("bicubic", {"antialias": True}, 2),
    ("lanczos", {"antialias": True}, 2), ("trilinear", {}, 3), ("trilinear", {"align_corners": True}, 3),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(MODES)))
@pytest.mark.parametrize("sizes", [(5, 3, 4), (2, 7, 3), (3, 4, 5)])
def test_derivatives_and_constants(case: int, sizes: tuple[int, ...]) -> None:
    mode, options, spatial = MODES[case]
    x = oracle.normal(2, 2, *(3, 4, 5)[:spatial])
    size = sizes[:spatial]
    oracle.check(lambda t: F.interpolate(t, size, mode=mode, **options) ** 2, x)
    constant = F.interpolate(at.full(x.shape, 2.5, dtype=at.float64), size, mode=mode, **options)
    np.testing.assert_allclose(constant.numpy(), 2.5, rtol=1e-12)
    assert F.interpolate(at.tensor(x), tuple(x.shape[2:]), mode=mode, **options).allclose(at.tensor(x))


@pytest.mark.parametrize("case", range(len(MODES)))
def test_a_product_with_the_matrix_equals_the_taps(case: int) -> None:
    mode, options, _ = MODES[case]
    antialias = options.get("antialias", False)
    taps = taps_of(mode, 100, 37, options.get("align_corners", False), None, antialias, False)
    assert taps is not None
    x = oracle.normal(3, 100, 2)
    dense = np.einsum("oi,nik->nok", taps.matrix(np.dtype(float)), x)
    weight = np.ones(taps.index.shape) if taps.weight is None else taps.weight
    np.testing.assert_allclose((x[:, taps.index] * weight[..., None]).sum(2), dense, atol=1e-12)
    back = taps.transposed
    np.testing.assert_allclose(back.matrix(np.dtype(float)), taps.matrix(np.dtype(float)).T, atol=1e-15)
    assert np.array_equal(back.transposed.matrix(np.dtype(float)), taps.matrix(np.dtype(float)))


def test_an_infinity_stays_where_it_is() -> None:
    x = np.zeros((1, 1, 8))
    x[..., 0], x[..., 7] = np.inf, np.nan
    for size in (16, 4):
        y = F.interpolate(at.tensor(x), size, mode="linear").numpy()[0, 0]
        outside = np.arange(size) * 8 / size
        assert np.isfinite(y[(outside > 2) & (outside < 5)]).all()
        assert np.isinf(y[0])
        assert np.isnan(y[-1])
    t = at.zeros(x.shape, dtype=at.float64, requires_grad=True)
    (
        F.interpolate(t, 16, mode="linear") * at.tensor(np.where(np.arange(16) == 0, np.inf, 1.0))
    ).sum().backward()
    assert t.grad is not None
    assert np.isfinite(t.grad.numpy()[0, 0, 2:]).all()


def test_large_sizes_take_element_by_element() -> None:
    x = oracle.normal(1, 2, 700)
    y = F.interpolate(at.tensor(x), 1399, mode="linear", align_corners=True).numpy()
    np.testing.assert_allclose(y[..., ::2], x, rtol=1e-12)
    np.testing.assert_allclose(y[..., 1::2], (x[..., 1:] + x[..., :-1]) / 2, rtol=1e-9)
    t = at.tensor(x, requires_grad=True)
    F.interpolate(t, 1399, mode="linear", align_corners=True).sum().backward()
    assert t.grad is not None
    np.testing.assert_allclose(t.grad.numpy()[0, 0, 1:-1], 2.0)


def test_other_memory_orders_and_dtypes() -> None:
    x = oracle.normal(5, 4, 3, 2)
    view = at.from_numpy(x).permute(3, 2, 1, 0)
    y = F.interpolate(view, (7, 3), mode="bilinear")
    assert y.equal(F.interpolate(view.contiguous(), (7, 3), mode="bilinear"))
    half = F.interpolate(view.half(), (7, 3), mode="bilinear")
    assert half.dtype == at.float16
    np.testing.assert_allclose(half.numpy(), y.numpy(), atol=1e-2)
    assert F.interpolate(view.float(), (7, 3), mode="bilinear").dtype == at.float32


def test_bytes() -> None:
    x = at.tensor([[[[0, 255], [255, 0]]]], dtype=at.uint8)
    assert F.interpolate(x, 3, mode="bilinear", align_corners=True)[0, 0].tolist() == [
        [0, 128, 255],
        [128, 128, 128],
        [255, 128, 0],
    ]
    assert F.interpolate(x, 4)[0, 0, 0].tolist() == [0, 0, 255, 255]
    y = F.interpolate(x, 9, mode="bicubic")
    assert y.dtype == at.uint8
    assert y.max() == 255
    assert y.min() == 0


def test_the_same_sizes_give_a_copy() -> None:
    x = at.randn(1, 1, 3)
    y = F.interpolate(x, 3, mode="linear")
    y.zero_()
    assert x.abs().sum() > 0


x3, x4, x5 = at.zeros(1, 2, 3), at.zeros(1, 2, 3, 4), at.zeros(1, 1, 2, 2, 2)
ERRORS: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (x4, {}, ValueError, "either size or scale_factor"),
    (x4, {"size": 2, "scale_factor": 2}, ValueError, "only one of"),
    (x4, {"size": (2,)}, ValueError, "spatial dimensions"),
    (x4, {"scale_factor": (2.0,)}, ValueError, "spatial dimensions"),
    (x4, {"size": 6, "mode": "sharp"}, NotImplementedError, "sharp"),
    (x4, {"size": 6, "mode": "linear"}, NotImplementedError, "3D"),
    (x3, {"size": 6, "mode": "bilinear"}, NotImplementedError, "4D"),
    (x5, {"size": 6, "mode": "bicubic"}, NotImplementedError, "bicubic"),
    (x4, {"size": 6, "align_corners": True}, ValueError, "align_corners"),
    (x4, {"size": 6, "antialias": True}, ValueError, "Anti-alias"),
    (x4, {"size": 6, "mode": "lanczos"}, ValueError, "antialias"),
    (x4, {"size": 6, "recompute_scale_factor": True}, ValueError, "recompute_scale_factor"),
    (x4, {"size": 0}, RuntimeError, "greater than 0"),
    (x4, {"scale_factor": 0.1}, RuntimeError, "greater than 0"),
    (x4, {"size": (6.5, 3)}, TypeError, "float"),
    (at.zeros(2, 3), {"size": 3}, NotImplementedError, "2D"),
    (at.zeros(2, 0, 3, 3), {"size": 3}, RuntimeError, "Non-empty"),
    (at.zeros(2, 1, 0, 3), {"size": 3}, RuntimeError, "greater than 0"),
    (x4.long(), {"size": 6}, NotImplementedError, "int64"),
    (x4.byte(), {"size": 6, "mode": "area"}, NotImplementedError, "uint8"),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case: int) -> None:
    x, options, error, match = ERRORS[case]
    with pytest.raises(error, match=match):
        F.interpolate(x, **options)


def test_an_empty_batch() -> None:
    assert F.interpolate(at.zeros(0, 2, 3, 3), 5, mode="bilinear").shape == (0, 2, 5, 5)
    assert F.interpolate(at.zeros(0, 2, 3, 3), 5).shape == (0, 2, 5, 5)


def test_modules() -> None:
    x = at.tensor(oracle.normal(1, 2, 3, 4))
    assert nn.Upsample((5, 6), mode="bicubic")(x).equal(F.interpolate(x, (5, 6), mode="bicubic"))
    assert nn.UpsamplingNearest2d(scale_factor=2)(x).equal(F.interpolate(x, scale_factor=2))
    bilinear = nn.UpsamplingBilinear2d((5, 6))
    assert bilinear(x).equal(F.interpolate(x, (5, 6), mode="bilinear", align_corners=True))
    assert repr(bilinear) == "UpsamplingBilinear2d(size=(5, 6), mode='bilinear')"
    assert repr(nn.Upsample(scale_factor=(2, 3))) == "Upsample(scale_factor=(2.0, 3.0), mode='nearest')"
    with pytest.warns(UserWarning, match="deprecated"):
        F.upsample(x, 4)


def test_a_window_of_neighbours() -> None:
    taps = Taps.window(4, 3)
    np.testing.assert_allclose(
        taps.matrix(np.dtype(float)) * 3, [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]
    )
