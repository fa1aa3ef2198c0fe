"""Channels traded for resolution, and dealt anew."""

from __future__ import annotations

from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn.module import Module

__all__ = ["ChannelShuffle", "PixelShuffle", "PixelUnshuffle"]


class PixelShuffle(Module):
    """Channels moved into space: (*, C * r^2, H, W) -> (*, C, H * r, W * r) with r = ``upscale_factor``.

    Source: Shi et al., Real-time single image and video super-resolution (2016).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.PixelShuffle(3)(at.ones(1, 9, 4, 4)).shape
    autotape.Size([1, 1, 12, 12])
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """The input with fewer channels and more pixels."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Space moved into channels: (*, C, H * r, W * r) -> (*, C * r^2, H, W) with r = ``downscale_factor``.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.PixelUnshuffle(3)(at.ones(1, 1, 12, 12)).shape
    autotape.Size([1, 9, 4, 4])
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """The input with more channels and fewer pixels."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """The channels of (N, C, *) dealt anew: the first of each of ``groups`` groups, then the second ones ...

    Source: Zhang et al., ShuffleNet: an extremely efficient convolutional neural network (2018).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ChannelShuffle(2)(at.arange(4).reshape(1, 4, 1)).tolist()
    [[[0], [2], [1], [3]]]
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """The input with its channels in another order."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The number of groups."""
        return f"groups={self.groups}"
