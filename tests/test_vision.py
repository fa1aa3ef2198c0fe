"""Sampling on grids, affine grids, and channels traded for resolution."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from tests import oracle

Array = np.ndarray[Any, Any]
IDENTITY = np.array([[[1.0, 0, 0], [0, 1, 0]]])


@pytest.mark.parametrize(
    ("mode", "padding", "corners"),
    [*itertools.product(["bilinear", "bicubic"], ["zeros", "border", "reflection"], [True, False])],
)
def test_derivatives_in_two_dimensions(mode: str, padding: str, corners: bool) -> None:
    x, grid = oracle.normal(2, 3, 4, 5), oracle.uniform(-1.6, 1.6, 2, 3, 4, 2, seed=5)
    oracle.check(lambda t, g: F.grid_sample(t, g, mode, padding, corners), x, grid)


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_derivatives_in_three_dimensions(padding: str) -> None:
    x, grid = oracle.normal(2, 2, 3, 4, 3), oracle.uniform(-1.4, 1.4, 2, 2, 3, 2, 3, seed=7)
    oracle.check(lambda t, g: F.grid_sample(t, g, "bilinear", padding, False), x, grid)


def test_the_nearest_element_has_no_derivative_by_the_grid() -> None:
    x = at.tensor(oracle.normal(1, 2, 3, 3), requires_grad=True)
    grid = at.tensor(oracle.uniform(-1, 1, 1, 4, 4, 2), requires_grad=True)
    F.grid_sample(x, grid, "nearest", align_corners=True).sum().backward()
    assert grid.grad is not None
    assert not grid.grad.any()
    assert x.grad is not None
    assert x.grad.sum().item() == 32


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("corners", [True, False])
def test_the_identity_gives_the_image(mode: str, corners: bool) -> None:
    x = at.tensor(oracle.normal(1, 2, 4, 5))
    grid = F.affine_grid(at.tensor(IDENTITY), (1, 2, 4, 5), align_corners=corners)
    np.testing.assert_allclose(F.grid_sample(x, grid, mode, "border", corners).numpy(), x.numpy(), atol=1e-12)


def test_outside_is_zero_also_next_to_infinity() -> None:
    x = at.full((1, 1, 2, 2), float("inf"))
    assert F.grid_sample(x, at.full((1, 1, 1, 2), 5.0), align_corners=True).item() == 0


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_places_that_are_no_numbers(mode: str) -> None:
    grid = at.tensor([[[[np.inf, 0.0], [-np.inf, 0.0], [np.nan, 0.0], [0.0, 0.0]]]], requires_grad=True)
    x = at.arange(4.0).reshape(1, 1, 2, 2)
    y = F.grid_sample(x, grid, mode, "zeros", True)
    assert y[..., :3].tolist() == [[[[0, 0, 0]]]]
    y.sum().backward()
    assert grid.grad is not None
    assert grid.grad[..., 3, :].isfinite().all()
    if mode != "bicubic":
        border = F.grid_sample(x, grid, mode, "border", True)
        assert border.isfinite().all()
        assert border[..., 0] > border[..., 1]


@pytest.mark.parametrize("shape", [(0, 2, 2, 2), (2, 0, 2, 2)])
def test_empty(shape: tuple[int, ...]) -> None:
    x = at.zeros(shape, requires_grad=True)
    y = F.grid_sample(x, at.zeros(shape[0], 3, 1, 2), align_corners=False)
    assert y.shape == (*shape[:2], 3, 1)
    y.sum().backward()
    assert F.grid_sample(at.zeros(1, 2, 2, 2), at.zeros(1, 0, 3, 2), align_corners=False).shape == (
        1,
        2,
        0,
        3,
    )


x4, x5, g4 = at.zeros(1, 2, 3, 4), at.zeros(1, 1, 2, 2, 2), at.zeros(1, 2, 2, 2)
IMAGE: dict[str, Any] = {"align_corners": True}
ERRORS: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.grid_sample(x4, g4, "cubic"), ValueError, "cubic"),
    (lambda: F.grid_sample(x4, g4, padding_mode="wrap"), ValueError, "wrap"),
    (lambda: F.grid_sample(x4, at.zeros(2, 2, 2, 2), **IMAGE), RuntimeError, "same batch size"),
    (lambda: F.grid_sample(x4, at.zeros(1, 2, 2, 3), **IMAGE), RuntimeError, "size 2 in last"),
    (lambda: F.grid_sample(at.zeros(1, 2, 3), at.zeros(1, 2, 1), **IMAGE), RuntimeError, "4D or 5D"),
    (lambda: F.grid_sample(at.zeros(1, 1, 0, 3), g4, **IMAGE), RuntimeError, "non-empty"),
    (lambda: F.grid_sample(x4.double(), g4, **IMAGE), RuntimeError, "same dtype"),
    (lambda: F.grid_sample(x4.long(), g4.long(), **IMAGE), NotImplementedError, "int64"),
    (lambda: F.grid_sample(x5, at.zeros(1, 1, 1, 1, 3), "bicubic", **IMAGE), RuntimeError, "4D"),
    (lambda: F.affine_grid(at.zeros(1, 2, 3), (1, 2, 3), False), NotImplementedError, "4D and 5D"),
    (lambda: F.affine_grid(at.zeros(1, 2, 2), (1, 2, 3, 3), False), ValueError, "2x3"),
    (lambda: F.affine_grid(at.zeros(1, 2, 3).long(), (1, 2, 3, 3), False), ValueError, "floating"),
    (lambda: F.affine_grid(at.zeros(1, 2, 3), (1, 2, 0, 3), False), ValueError, "positive"),
    (lambda: F.affine_grid(at.zeros(1, 2, 3), (2, 2, 3, 3), False), RuntimeError, "batch"),
    (lambda: F.pixel_shuffle(at.zeros(3, 2, 2), 2), RuntimeError, "divisible by the square"),
    (lambda: F.pixel_shuffle(at.zeros(2, 2), 2), RuntimeError, "3 dimensions"),
    (lambda: F.pixel_shuffle(at.zeros(4, 2, 2), 0), RuntimeError, "positive"),
    (lambda: F.pixel_unshuffle(at.zeros(4, 2, 3), 2), RuntimeError, "width"),
    (lambda: F.pixel_unshuffle(at.zeros(4, 3, 2), 2), RuntimeError, "height"),
    (lambda: F.pixel_unshuffle(at.zeros(4, 2, 2), -1), RuntimeError, "positive"),
    (lambda: F.channel_shuffle(at.zeros(1, 4, 2, 2), 3), RuntimeError, "divisible by groups"),
    (lambda: F.channel_shuffle(at.zeros(4, 2), 2), RuntimeError, "> 2 dims"),
    (lambda: F.channel_shuffle(at.zeros(1, 4, 2), 0), RuntimeError, "positive"),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case: int) -> None:
    call, error, match = ERRORS[case]
    with pytest.raises(error, match=match):
        call()


def test_the_default_of_align_corners_warns() -> None:
    with pytest.warns(UserWarning, match="align_corners=False"):
        F.grid_sample(x4, g4)
    with pytest.warns(UserWarning, match="align_corners=False"):
        F.affine_grid(at.tensor(IDENTITY), (1, 1, 2, 2))
    with pytest.warns(UserWarning, match="unit-size grids"):
        F.affine_grid(at.tensor(IDENTITY), (1, 1, 1, 2), align_corners=True)


def test_affine_grids() -> None:
    theta = oracle.normal(2, 3, 4)
    oracle.check(lambda t: F.affine_grid(t, (2, 1, 2, 3, 4), align_corners=False), theta)
    y = F.affine_grid(at.tensor(theta), (2, 1, 2, 3, 4), align_corners=True).numpy()
    np.testing.assert_allclose(y[1, 0, 2, 3], theta[1] @ [1, 1, -1, 1])
    single = F.affine_grid(at.tensor(IDENTITY).float(), (1, 1, 2, 2), align_corners=False)
    assert single.dtype == at.float32
    assert single[0, 0, 0].tolist() == [-0.5, -0.5]


def test_shuffles() -> None:
    x = oracle.normal(2, 8, 3, 4)
    y = F.pixel_shuffle(at.tensor(x), 2).numpy()
    for c, i, j in itertools.product(range(2), range(2), range(2)):
        np.testing.assert_array_equal(y[:, c, i::2, j::2], x[:, c * 4 + i * 2 + j])
    assert F.pixel_unshuffle(at.tensor(y), 2).equal(at.tensor(x))
    z = F.channel_shuffle(at.tensor(x), 4).numpy()
    np.testing.assert_array_equal(z, x[:, [0, 2, 4, 6, 1, 3, 5, 7]])
    oracle.check(lambda t: F.pixel_shuffle(t, 2), x)
    oracle.check(lambda t: F.channel_shuffle(t, 2) * t, x)
    assert F.pixel_shuffle(at.zeros(0, 4, 2, 2), 2).shape == (0, 1, 4, 4)
    assert F.pixel_shuffle(at.zeros(4, 2, 2), 2).shape == (1, 4, 4)
    assert nn.PixelShuffle(2)(at.tensor(x)).equal(at.tensor(y))
    assert nn.PixelUnshuffle(2)(at.tensor(y)).equal(at.tensor(x))
    assert nn.ChannelShuffle(4)(at.tensor(x)).equal(at.tensor(z))
