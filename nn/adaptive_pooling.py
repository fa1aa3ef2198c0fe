"""Pooling to a given size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn.module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
]

OutputSize = int | Sequence[int | None] | None


class _AdaptiveAvgPool(Module):
    """What the adaptive average poolings share."""

    def __init__(self, output_size: OutputSize) -> None:
        super().__init__()
        self.output_size: Any = output_size

    def extra_repr(self) -> str:
        """The size of the result."""
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(Module):
    """What the adaptive max poolings share."""

    def __init__(self, output_size: OutputSize, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size: Any = output_size
        self.return_indices = return_indices

    def extra_repr(self) -> str:
        """The size of the result."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The averages of windows that cover a signal evenly, as ``functional.adaptive_avg_pool1d``.

    ``output_size``: the size of the result, an int.
    Shapes: input (n, c, L) or (c, L).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.AdaptiveAvgPool1d(5)(at.ones(2, 3, 9)).shape
    autotape.Size([2, 3, 5])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The averages."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The maxima of windows that cover a signal evenly, as ``functional.adaptive_max_pool1d``.

    ``output_size``: the size of the result, an int.
    Shapes: input (n, c, L) or (c, L).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.AdaptiveMaxPool1d(5)(at.ones(2, 3, 9)).shape
    autotape.Size([2, 3, 5])
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and with ``return_indices`` their places."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The averages of windows that cover images evenly, as ``functional.adaptive_avg_pool2d``.

    ``output_size``: the size of the result, an int or 2, where None keeps the size of the input.
    Shapes: input (n, c, H, W) or (c, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.AdaptiveAvgPool2d((5, None))(at.ones(2, 3, 9, 8)).shape
    autotape.Size([2, 3, 5, 8])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The averages."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The maxima of windows that cover images evenly, as ``functional.adaptive_max_pool2d``.

    ``output_size``: the size of the result, an int or 2, where None keeps the size of the input.
    Shapes: input (n, c, H, W) or (c, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.AdaptiveMaxPool2d((5, None))(at.ones(2, 3, 9, 8)).shape
    autotape.Size([2, 3, 5, 8])
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and with ``return_indices`` their places."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The averages of windows that cover volumes evenly, as ``functional.adaptive_avg_pool3d``.

    ``output_size``: the size of the result, an int or 3, where None keeps the size of the input.
    Shapes: input (n, c, D, H, W) or (c, D, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.AdaptiveAvgPool3d((5, 4, None))(at.ones(2, 3, 9, 8, 7)).shape
    autotape.Size([2, 3, 5, 4, 7])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The averages."""
        return F.adaptive_avg_pool3d(input, self.output_size)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The maxima of windows that cover volumes evenly, as ``functional.adaptive_max_pool3d``.

    ``output_size``: the size of the result, an int or 3, where None keeps the size of the input.
    Shapes: input (n, c, D, H, W) or (c, D, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.AdaptiveMaxPool3d((5, 4, None))(at.ones(2, 3, 9, 8, 7)).shape
    autotape.Size([2, 3, 5, 4, 7])
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and with ``return_indices`` their places."""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)
