"""Windows of images as columns, and back."""

from __future__ import annotations

from collections.abc import Sequence

from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn.module import Module

__all__ = ["Fold", "Unfold"]

Sizes = int | Sequence[int]


class Fold(Module):
    """Adds columns up to images of ``output_size``: ``functional.fold``, the adjoint of :class:`Unfold`.

    Shapes: input (n, c * kH * kW, L) or (c * kH * kW, L), output (n, c, H, W) or (c, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Fold(output_size=(4, 5), kernel_size=(2, 2))(at.ones(1, 3 * 2 * 2, 12)).shape
    autotape.Size([1, 3, 4, 5])
    """

    def __init__(
        self,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes = 1,
        padding: Sizes = 0,
        stride: Sizes = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """The images."""
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


class Unfold(Module):
    """The windows of images as columns: ``functional.unfold``.

    Shapes: input (n, c, H, W) or (c, H, W), output (n, c * kH * kW, L) or (c * kH * kW, L) with L windows.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Unfold(kernel_size=(2, 3))(at.ones(2, 5, 3, 4)).shape
    autotape.Size([2, 30, 4])
    """

    def __init__(
        self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """The columns."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )
