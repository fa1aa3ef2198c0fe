"""Padding: a frame around the last one, two or three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn.module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


def _sides(padding: int | Sequence[int], dimensions: int) -> tuple[int, ...]:
    """The same number for all sides, or one for each."""
    if isinstance(padding, Sequence):
        return tuple(padding)
    return (padding,) * (2 * dimensions)


class _Pad(Module):
    """``padding``: one number for all sides, or (left, right, top, bottom, front, back) as far as they go."""

    _dimensions: ClassVar[int]
    _mode: ClassVar[str]

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        self.padding = _sides(padding, self._dimensions)

    def forward(self, input: Tensor) -> Tensor:
        """The input with its frame."""
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """The amounts."""
        return f"{self.padding}"


class _ConstantPad(Module):
    _dimensions: ClassVar[int]

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__()
        self.padding = _sides(padding, self._dimensions)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """The input with its frame."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The amounts and the value."""
        return f"padding={self.padding}, value={self.value}"


class _CircularPad(_Pad):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        """The input with its frame; ValueError for another number of dimensions."""
        n = self._dimensions
        if input.ndim not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.ndim}D input)")
        return super().forward(input)


class ConstantPad1d(_ConstantPad):
    """``value`` around the last dimension of (N, C, W) or (C, W).

    ``padding``: one number for all sides, or (left, right).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ConstantPad1d((1, 2), 9)(at.arange(4).reshape(1, 1, 4)).tolist()
    [[[9, 0, 1, 2, 3, 9, 9]]]
    """

    _dimensions = 1


class ConstantPad2d(_ConstantPad):
    """``value`` around the last two dimensions of (N, C, H, W) or (C, H, W).

    ``padding``: one number for all sides, or (left, right, top, bottom).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ConstantPad2d((1, 0, 2, 0), 9.0)(at.ones(1, 1, 4, 4)).shape
    autotape.Size([1, 1, 6, 5])
    """

    _dimensions = 2


class ConstantPad3d(_ConstantPad):
    """``value`` around the last three dimensions of (N, C, D, H, W) or (C, D, H, W).

    ``padding``: one number for all sides, or (left, right, top, bottom, front, back).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ConstantPad3d((1, 0, 2, 0, 1, 1), 9.0)(at.ones(1, 1, 4, 4, 4)).shape
    autotape.Size([1, 1, 6, 6, 5])
    """

    _dimensions = 3


class ZeroPad1d(ConstantPad1d):
    """Zeros around the last dimension of (N, C, W) or (C, W).

    ``padding``: one number for all sides, or (left, right).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ZeroPad1d((1, 2))(at.arange(4).reshape(1, 1, 4)).tolist()
    [[[0, 0, 1, 2, 3, 0, 0]]]
    """

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The amounts."""
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Zeros around the last two dimensions of (N, C, H, W) or (C, H, W).

    ``padding``: one number for all sides, or (left, right, top, bottom).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ZeroPad2d((1, 0, 2, 0))(at.ones(1, 1, 4, 4)).shape
    autotape.Size([1, 1, 6, 5])
    """

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The amounts."""
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Zeros around the last three dimensions of (N, C, D, H, W) or (C, D, H, W).

    ``padding``: one number for all sides, or (left, right, top, bottom, front, back).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ZeroPad3d((1, 0, 2, 0, 1, 1))(at.ones(1, 1, 4, 4, 4)).shape
    autotape.Size([1, 1, 6, 6, 5])
    """

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The amounts."""
        return f"{self.padding}"


class ReflectionPad1d(_Pad):
    """A mirror image of the inner elements around the last dimension of (N, C, W) or (C, W).

    ``padding``: one number for all sides, or (left, right).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ReflectionPad1d((1, 2))(at.arange(4).reshape(1, 1, 4)).tolist()
    [[[1, 0, 1, 2, 3, 2, 1]]]
    """

    _dimensions = 1
    _mode = "reflect"


class ReflectionPad2d(_Pad):
    """A mirror image of the inner elements around the last two dimensions of (N, C, H, W) or (C, H, W).

    ``padding``: one number for all sides, or (left, right, top, bottom).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ReflectionPad2d((1, 0, 2, 0))(at.ones(1, 1, 4, 4)).shape
    autotape.Size([1, 1, 6, 5])
    """

    _dimensions = 2
    _mode = "reflect"


class ReflectionPad3d(_Pad):
    """A mirror image of the inner elements around the last three dimensions of (N, C, D, H, W).

    ``padding``: one number for all sides, or (left, right, top, bottom, front, back).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ReflectionPad3d((1, 0, 2, 0, 1, 1))(at.ones(1, 1, 4, 4, 4)).shape
    autotape.Size([1, 1, 6, 6, 5])
    """

    _dimensions = 3
    _mode = "reflect"


class ReplicationPad1d(_Pad):
    """The outermost element repeated around the last dimension of (N, C, W) or (C, W).

    ``padding``: one number for all sides, or (left, right).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ReplicationPad1d((1, 2))(at.arange(4).reshape(1, 1, 4)).tolist()
    [[[0, 0, 1, 2, 3, 3, 3]]]
    """

    _dimensions = 1
    _mode = "replicate"


class ReplicationPad2d(_Pad):
    """The outermost element repeated around the last two dimensions of (N, C, H, W) or (C, H, W).

    ``padding``: one number for all sides, or (left, right, top, bottom).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ReplicationPad2d((1, 0, 2, 0))(at.ones(1, 1, 4, 4)).shape
    autotape.Size([1, 1, 6, 5])
    """

    _dimensions = 2
    _mode = "replicate"


class ReplicationPad3d(_Pad):
    """The outermost element repeated around the last three dimensions of (N, C, D, H, W) or (C, D, H, W).

    ``padding``: one number for all sides, or (left, right, top, bottom, front, back).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ReplicationPad3d((1, 0, 2, 0, 1, 1))(at.ones(1, 1, 4, 4, 4)).shape
    autotape.Size([1, 1, 6, 6, 5])
    """

    _dimensions = 3
    _mode = "replicate"


class CircularPad1d(_CircularPad):
    """The elements of the other end around the last dimension of (N, C, W) or (C, W).

    ``padding``: one number for all sides, or (left, right).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.CircularPad1d((1, 2))(at.arange(4).reshape(1, 1, 4)).tolist()
    [[[3, 0, 1, 2, 3, 0, 1]]]
    """

    _dimensions = 1


class CircularPad2d(_CircularPad):
    """The elements of the other end around the last two dimensions of (N, C, H, W) or (C, H, W).

    ``padding``: one number for all sides, or (left, right, top, bottom).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.CircularPad2d((1, 0, 2, 0))(at.ones(1, 1, 4, 4)).shape
    autotape.Size([1, 1, 6, 5])
    """

    _dimensions = 2


class CircularPad3d(_CircularPad):
    """The elements of the other end around the last three dimensions of (N, C, D, H, W) or (C, D, H, W).

    ``padding``: one number for all sides, or (left, right, top, bottom, front, back).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.CircularPad3d((1, 0, 2, 0, 1, 1))(at.ones(1, 1, 4, 4, 4)).shape
    autotape.Size([1, 1, 6, 6, 5])
    """

    _dimensions = 3
