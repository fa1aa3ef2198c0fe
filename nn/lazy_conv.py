"""Convolutions that take the number of their input's channels from their first input."""

from __future__ import annotations

from typing import Any

from autotape.engine.dtypes import DTypeLike
from autotape.engine.tensor import Tensor
from autotape.nn.conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    Sizes,
    _Conv,
    _ConvNd,
    _ConvTranspose,
)
from autotape.nn.lazy import LazyModuleMixin, UninitializedParameter

__all__ = ["LazyConv1d", "LazyConv2d", "LazyConv3d", "LazyConvTranspose1d", "LazyConvTranspose2d"]


class _LazyConvNd(LazyModuleMixin, _ConvNd):
    """What the lazy convolutions share."""

    weight: UninitializedParameter
    bias: UninitializedParameter | None

    def _wait(self, out_channels: int, bias: bool, device: Any, dtype: DTypeLike | None) -> None:
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, once they have shapes."""
        if self.in_channels != 0 and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Give the parameters the shapes that the input asks for."""
        n = self._n
        if input.ndim not in (n + 1, n + 2):
            raise RuntimeError(
                f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {type(self).__name__}, but "
                f"got input of size: {list(input.shape)}"
            )
        channels = input.shape[-n - 1]
        if self.has_uninitialized_params():
            if channels % self.groups:
                raise ValueError(
                    f"in_channels must be divisible by groups, but got {channels} and {self.groups}"
                )
            self.in_channels = channels
            first, second = (
                (channels, self.out_channels) if self.transposed else (self.out_channels, channels)
            )
            self.weight.materialize((first, second // self.groups, *self.kernel_size))
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()
        elif self.in_channels == 0:  # loaded from a state dict
            shape = self.weight.shape
            self.in_channels = shape[0] if self.transposed else shape[1] * self.groups


class _LazyConv(_LazyConvNd, _Conv):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: str | Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode)
        self._wait(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyConvNd, _ConvTranspose):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode
        )
        self._wait(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, Conv1d):
    """A :class:`Conv1d` that takes ``in_channels`` from its first input.

    >>> import autotape as at
    >>> from autotape import nn
    >>> layer = nn.LazyConv1d(8, 3)
    >>> layer(at.ones(2, 3, 9)).shape, layer.in_channels
    (autotape.Size([2, 8, 7]), 3)
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A :class:`Conv2d` that takes ``in_channels`` from its first input.

    >>> import autotape as at
    >>> from autotape import nn
    >>> layer = nn.LazyConv2d(8, 3)
    >>> layer(at.ones(2, 3, 9, 9)).shape, layer.in_channels
    (autotape.Size([2, 8, 7, 7]), 3)
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """A :class:`Conv3d` that takes ``in_channels`` from its first input.

    >>> import autotape as at
    >>> from autotape import nn
    >>> layer = nn.LazyConv3d(8, 3)
    >>> layer(at.ones(2, 3, 9, 9, 9)).shape, layer.in_channels
    (autotape.Size([2, 8, 7, 7, 7]), 3)
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """A :class:`ConvTranspose1d` that takes ``in_channels`` from its first input.

    >>> import autotape as at
    >>> from autotape import nn
    >>> layer = nn.LazyConvTranspose1d(8, 3)
    >>> layer(at.ones(2, 3, 9)).shape, layer.in_channels
    (autotape.Size([2, 8, 11]), 3)
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """A :class:`ConvTranspose2d` that takes ``in_channels`` from its first input.

    >>> import autotape as at
    >>> from autotape import nn
    >>> layer = nn.LazyConvTranspose2d(8, 3)
    >>> layer(at.ones(2, 3, 9, 9)).shape, layer.in_channels
    (autotape.Size([2, 8, 11, 11]), 3)
    """

    cls_to_become = ConvTranspose2d
