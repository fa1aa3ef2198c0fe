"""Convolutions and transposed convolutions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autotape.engine.dtypes import DTypeLike
from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn import init
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter
from autotape.ops.creation import empty

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

Sizes = int | Sequence[int]
_MODES = ("circular", "reflect", "replicate", "zeros")


class _ConvNd(Module):
    """What convolutions and transposed convolutions over ``_n`` dimensions share: parameters and settings."""

    _n = 0
    transposed = False
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes,
        padding: str | Sizes,
        dilation: Sizes,
        output_padding: Sizes,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: DTypeLike | None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError(f"in_channels must be divisible by groups, but got {in_channels} and {groups}")
        if out_channels % groups:
            raise ValueError(f"out_channels must be divisible by groups, but got {out_channels} and {groups}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = self._sizes(kernel_size)
        self.stride = self._sizes(stride)
        self.padding = padding if isinstance(padding, str) else self._sizes(padding)
        self.dilation = self._sizes(dilation)
        self.output_padding = self._sizes(output_padding)
        self.groups = groups
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}")
            if self.padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in _MODES:
            raise ValueError(f"padding_mode must be one of {set(_MODES)}, but got {padding_mode=}")
        self.padding_mode = padding_mode
        channels = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (channels[0], channels[1] // groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty((out_channels,), device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _sizes(self, value: Any) -> tuple[int, ...]:
        return tuple(value) if isinstance(value, (tuple, list)) else (value,) * self._n

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        if self.weight.numel():
            init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # the bound is then 1 / sqrt(fan_in)
        if self.bias is not None:
            fan_in = math.prod(self.weight.shape[1:])
            if fan_in:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """The settings, those that are not the defaults."""
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0,) * len(self.padding):
            text += f", padding={self.padding}"
        if self.dilation != (1,) * len(self.dilation):
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * len(self.output_padding):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Conv(_ConvNd):
    """A convolution over ``_n`` dimensions."""

    def __init__(
        self,
        in_channels: int,
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
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode,
            device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        """The convolution of the input with the weight, plus the bias."""
        convolve = (F.conv1d, F.conv2d, F.conv3d)[self._n - 1]
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._pads(), mode=self.padding_mode), 0
        return convolve(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _pads(self) -> list[int]:
        """What ``functional.pad`` adds: (before, after) for each dimension, the last one first."""
        pads = []
        for d in range(self._n - 1, -1, -1):
            if isinstance(self.padding, str):
                total = self.dilation[d] * (self.kernel_size[d] - 1) if self.padding == "same" else 0
                pads += [total // 2, total - total // 2]
            else:
                pads += [self.padding[d % len(self.padding)]] * 2
        return pads


class Conv1d(_Conv):
    """Convolution over one dimension; see :class:`Conv2d`.

    Shapes: input (n, in_channels, L) or (in_channels, L), weight (out_channels, in_channels / groups, k).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Conv1d(16, 33, 3, stride=2)(at.ones(20, 16, 50)).shape
    autotape.Size([20, 33, 24])
    """

    _n = 1


class Conv2d(_Conv):
    """Convolution of images: ``functional.conv2d`` with its own weight and bias.

    Args:
        in_channels, out_channels: how many channels come in and go out.
        kernel_size, stride, dilation: an int, or one per dimension.
        padding: so many zeros on either side, or "same" or "valid".
        groups: both kinds of channels are in so many groups, each connected in itself.
        bias: whether there is a bias.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Shapes: input (n, in_channels, H, W) or (in_channels, H, W). ``weight`` (out_channels,
    in_channels / groups, kH, kW) and ``bias`` (out_channels,) start as U(-k, k) with
    k = 1 / sqrt(in_channels / groups * kH * kW). The tape keeps input and weight.

    Errors: ValueError for settings that do not fit.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Conv2d(16, 33, (3, 5), stride=(2, 1), padding=(4, 2))(at.ones(20, 16, 50, 100)).shape
    autotape.Size([20, 33, 28, 100])
    """

    _n = 2


class Conv3d(_Conv):
    """Convolution over three dimensions; see :class:`Conv2d`.

    Shapes: input (n, in_channels, D, H, W) or (in_channels, D, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Conv3d(3, 8, 2)(at.ones(2, 3, 4, 5, 6)).shape
    autotape.Size([2, 8, 3, 4, 5])
    """

    _n = 3


class _ConvTranspose(_ConvNd):
    """A transposed convolution over ``_n`` dimensions."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
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
        if padding_mode != "zeros":
            name = type(self).__name__
            raise ValueError(f'Only "zeros" padding mode is supported for {name}, but got {padding_mode!r}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The transposed convolution; ``output_size``, if given, decides on the output padding."""
        extra = self.output_padding if output_size is None else self._output_padding(input, output_size)
        transpose = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self._n - 1]
        padding: Any = self.padding
        return transpose(
            input, self.weight, self.bias, self.stride, padding, extra, self.groups, self.dilation
        )

    def _output_padding(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """What is missing to ``output_size``; ValueError if no output padding gives it."""
        n, given = self._n, tuple(output_size)
        lead = input.ndim - n
        if len(given) == input.ndim:
            given = given[lead:]
        if len(given) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.ndim}D input, output_size must have {n} or {input.ndim} "
                f"elements (got {len(given)})"
            )
        padding: Any = self.padding
        settings = zip(input.shape[lead:], self.stride, padding, self.dilation, self.kernel_size)
        least = [(i - 1) * s - 2 * p + d * (k - 1) + 1 for i, s, p, d, k in settings]
        most = [m + s - 1 for m, s in zip(least, self.stride)]
        if any(not low <= wanted <= high for low, wanted, high in zip(least, given, most)):
            raise ValueError(
                f"requested an output size of {given}, but valid sizes range from {least} to {most} (for an "
                f"input of {list(input.shape[lead:])})"
            )
        return tuple([wanted - low for wanted, low in zip(given, least)])


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution over one dimension; see :class:`ConvTranspose2d`.

    Shapes: input (n, in_channels, L) or (in_channels, L), weight (in_channels, out_channels / groups, k).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ConvTranspose1d(16, 33, 3, stride=2)(at.ones(20, 16, 24)).shape
    autotape.Size([20, 33, 49])
    """

    _n = 1


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution of images: ``functional.conv_transpose2d`` with its own weight and bias.

    Args:
        in_channels, out_channels: how many channels come in and go out.
        kernel_size, stride, padding, dilation: those of the convolution that it is the transpose of.
        output_padding: so much larger is the result at one end.
        groups, bias: as of :class:`Conv2d`.

    Shapes: input (n, in_channels, H, W) or (in_channels, H, W). ``weight`` (in_channels,
    out_channels / groups, kH, kW) and ``bias`` (out_channels,) start as U(-k, k) with
    k = 1 / sqrt(out_channels / groups * kH * kW).
    ``forward(input, output_size)`` chooses the output padding that gives this size.

    Errors: ValueError for settings or an output size that do not fit.

    >>> import autotape as at
    >>> from autotape import nn
    >>> up = nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1)
    >>> up(at.ones(1, 16, 6, 6), output_size=(12, 12)).shape
    autotape.Size([1, 8, 12, 12])
    """

    _n = 2


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution over three dimensions; see :class:`ConvTranspose2d`.

    Shapes: input (n, in_channels, D, H, W) or (in_channels, D, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ConvTranspose3d(3, 8, 2)(at.ones(2, 3, 4, 5, 6)).shape
    autotape.Size([2, 8, 5, 6, 7])
    """

    _n = 3
