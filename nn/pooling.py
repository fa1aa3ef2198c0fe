"""Pooling: the maximum, the average or the p-norm of windows, and the partial inverse of the maximum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn.module import Module

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "LPPool1d",
    "LPPool2d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]

Sizes = int | Sequence[int]


def _sizes(value: Any, n: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * n


class _MaxPool(Module):
    """What the max poolings share."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def _settings(self) -> tuple[Any, ...]:
        return self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The maximum of every window over one dimension: ``functional.max_pool1d``; see :class:`MaxPool2d`.

    Shapes: input (n, c, L) or (c, L).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.MaxPool1d(3, stride=2)(at.ones(20, 16, 50)).shape
    autotape.Size([20, 16, 24])
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and with ``return_indices`` their places."""
        return F.max_pool1d(input, *self._settings())


class MaxPool2d(_MaxPool):
    """The maximum of every window of images: ``functional.max_pool2d``.

    Args:
        kernel_size: the size of a window; stride: the step between windows, by default kernel_size.
        padding: elements on either side that count as minus infinity, at most half a window.
        dilation: the step between the elements of a window.
        return_indices: also give the places of the maxima, for :class:`MaxUnpool2d`.
        ceil_mode: also windows that are partly beyond the end.

    Shapes: input (n, c, H, W) or (c, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.MaxPool2d((3, 2), stride=(2, 1))(at.ones(20, 16, 50, 32)).shape
    autotape.Size([20, 16, 24, 31])
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and with ``return_indices`` their places."""
        return F.max_pool2d(input, *self._settings())


class MaxPool3d(_MaxPool):
    """The maximum of every window over volumes: ``functional.max_pool3d``; see :class:`MaxPool2d`.

    Shapes: input (n, c, D, H, W) or (c, D, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.MaxPool3d(2, stride=2)(at.ones(20, 16, 10, 12, 8)).shape
    autotape.Size([20, 16, 5, 6, 4])
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and with ``return_indices`` their places."""
        return F.max_pool3d(input, *self._settings())


class _MaxUnpool(Module):
    """What the max unpoolings share."""

    _n = 0

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__()
        self.kernel_size = _sizes(kernel_size, self._n)
        self.stride = _sizes(stride if stride is not None else kernel_size, self._n)
        self.padding = _sizes(padding, self._n)

    def extra_repr(self) -> str:
        """The settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Puts maxima back where they were over one dimension: ``functional.max_unpool1d``.

    Shapes: input and indices (n, c, L) or (c, L).

    >>> import autotape as at
    >>> from autotape import nn
    >>> pool, unpool = nn.MaxPool1d(2, return_indices=True), nn.MaxUnpool1d(2)
    >>> unpool(*pool(at.ones(1, 1, 4))).shape
    autotape.Size([1, 1, 4])
    """

    _n = 1

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Zeros with the input in the places of ``indices``; ``output_size`` as before the pooling."""
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool2d(_MaxUnpool):
    """Puts maxima back where they were in images: ``functional.max_unpool2d``.

    Shapes: input and indices (n, c, H, W) or (c, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> pool, unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
    >>> unpool(*pool(at.ones(1, 1, 4, 4))).shape
    autotape.Size([1, 1, 4, 4])
    """

    _n = 2

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Zeros with the input in the places of ``indices``; ``output_size`` as before the pooling."""
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool3d(_MaxUnpool):
    """Puts maxima back where they were in volumes: ``functional.max_unpool3d``.

    Shapes: input and indices (n, c, D, H, W) or (c, D, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> pool, unpool = nn.MaxPool3d(2, return_indices=True), nn.MaxUnpool3d(2)
    >>> unpool(*pool(at.ones(1, 1, 4, 4, 4))).shape
    autotape.Size([1, 1, 4, 4, 4])
    """

    _n = 3

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Zeros with the input in the places of ``indices``; ``output_size`` as before the pooling."""
        return F.max_unpool3d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class AvgPool1d(Module):
    """The average of every window over one dimension: ``functional.avg_pool1d``; see :class:`AvgPool2d`.

    Shapes: input (n, c, L) or (c, L).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.AvgPool1d(3, stride=2)(at.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]))
    tensor([[2., 4.]])
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = _sizes(kernel_size, 1)
        self.stride = _sizes(stride if stride is not None else kernel_size, 1)
        self.padding = _sizes(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """The averages."""
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        """The settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(Module):
    """What the average poolings of images and volumes share."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def _settings(self) -> tuple[Any, ...]:
        return (
            self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPool):
    """The average of every window of images: ``functional.avg_pool2d``.

    Args:
        kernel_size, stride, ceil_mode: as of :class:`MaxPool2d`.
        padding: zeros on either side, at most half a window.
        count_include_pad: whether they count.
        divisor_override: divide the sums by this instead.

    Shapes: input (n, c, H, W) or (c, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.AvgPool2d((3, 2), stride=(2, 1))(at.ones(20, 16, 50, 32)).shape
    autotape.Size([20, 16, 24, 31])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The averages."""
        return F.avg_pool2d(input, *self._settings())


class AvgPool3d(_AvgPool):
    """The average of every window of volumes: ``functional.avg_pool3d``; see :class:`AvgPool2d`.

    Shapes: input (n, c, D, H, W) or (c, D, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.AvgPool3d(2)(at.ones(2, 3, 4, 6, 8)).shape
    autotape.Size([2, 3, 2, 3, 4])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The averages."""
        return F.avg_pool3d(input, *self._settings())


class _LPPool(Module):
    """What the power-average poolings share."""

    def __init__(
        self, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """The power average of every window over one dimension: ``functional.lp_pool1d``.

    ``(sum of x ** p) ** (1 / p)`` with p = ``norm_type``. Shapes: input (n, c, L) or (c, L).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.LPPool1d(2, 3, stride=2)(at.ones(20, 16, 50)).shape
    autotape.Size([20, 16, 24])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The power averages."""
        return F.lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPool):
    """The power average of every window of images: ``functional.lp_pool2d``.

    ``(sum of x ** p) ** (1 / p)`` with p = ``norm_type``. Shapes: input (n, c, H, W) or (c, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.LPPool2d(2, 3, stride=2)(at.ones(20, 16, 50, 50)).shape
    autotape.Size([20, 16, 24, 24])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The power averages."""
        return F.lp_pool2d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)
