"""Channels traded for resolution, and dealt anew."""

from __future__ import annotations

from math import prod

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor

__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]


def _at_least_three(function: str, input: Tensor) -> None:
    if input._array.ndim < 3:
        raise RuntimeError(
            f"{function} expects input to have at least 3 dimensions, but got input with {input._array.ndim} "
            "dimension(s)"
        )


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels moved into space: (*, C * r^2, H, W) -> (*, C, H * r, W * r) with r = ``upscale_factor``.

    Source: Shi et al., Real-time single image and video super-resolution (2016).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.pixel_shuffle(at.arange(4.0).reshape(4, 1, 1), 2)
    tensor([[[0., 1.],
             [2., 3.]]])
    """
    input = tensor_input(input, "input", "pixel_shuffle")
    _at_least_three("pixel_shuffle", input)
    r = upscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *batch, channels, height, width = input._array.shape
    if channels % r**2:
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            f"upscale_factor, but input.size(-3)={channels} is not divisible by {r**2}"
        )
    c, b = channels // r**2, len(batch)
    y = input.reshape(*batch, c, r, r, height, width).permute(*range(b), b, b + 3, b + 1, b + 4, b + 2)
    return y.reshape(*batch, c, height * r, width * r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Space moved into channels: (*, C, H * r, W * r) -> (*, C * r^2, H, W); undoes :func:`pixel_shuffle`.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.pixel_unshuffle(at.arange(4.0).reshape(1, 2, 2), 2).reshape(4)
    tensor([0., 1., 2., 3.])
    """
    input = tensor_input(input, "input", "pixel_unshuffle")
    _at_least_three("pixel_unshuffle", input)
    r = downscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *batch, c, height, width = input._array.shape
    for name, at, n in (("height", -2, height), ("width", -1, width)):
        if n % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({at})={n} is not divisible by {r}"
            )
    height, width, b = height // r, width // r, len(batch)
    y = input.reshape(*batch, c, height, r, width, r).permute(*range(b), b, b + 2, b + 4, b + 1, b + 3)
    return y.reshape(*batch, c * r**2, height, width)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels dealt anew: of g groups of k, the first of each, then the second of each, and so on.

    Shape: (N, C, *), C = g * k. Source: Zhang et al., ShuffleNet (2018).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.channel_shuffle(at.arange(6).reshape(1, 6, 1), 2).reshape(6)
    tensor([0, 3, 1, 4, 2, 5])
    """
    input = tensor_input(input, "input", "channel_shuffle")
    shape = input._array.shape
    if len(shape) < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(shape)}"
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    n, channels = shape[:2]
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups."
        )
    rest = prod(shape[2:])
    return input.reshape(n, groups, channels // groups, rest).swapaxes(1, 2).reshape(shape)
