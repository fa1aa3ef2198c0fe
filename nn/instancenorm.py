"""Instance normalisation: batch normalisation of each example by itself."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from autotape.engine.dtypes import DTypeLike
from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn.batchnorm import ChannelNorm, LazyChannelNorm

__all__ = [
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
]


class _InstanceNorm(ChannelNorm):
    _unbatched: ClassVar[int]  # the dimensions of an input without batch

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """The input with every channel of every example normalised."""
        self._check_input(input, self._unbatched, self._unbatched + 1)
        dim = input.ndim - self._unbatched
        if input.shape[dim] != self.num_features:
            if self.affine:
                raise ValueError(
                    f"expected input's size at dim={dim} to match num_features ({self.num_features}), but "
                    f"got: {input.shape[dim]}."
                )
            warnings.warn(
                f"input's size at dim={dim} does not match num_features. You can silence this warning by not "
                "passing in num_features, which is not used because affine=False",
                stacklevel=2,
            )
        y = F.instance_norm(
            input if dim else input.unsqueeze(0),
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum or 0.0,
            self.eps,
        )
        return y if dim else y.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """``(x - mean) / sqrt(var + eps) * weight + bias`` for each channel of each example, (N, C, L) or (C, L).

    Args:
        num_features: C.
        momentum: how much a batch moves the running statistics.
        affine: whether there are ``weight`` and ``bias`` (unless ``bias=False``), which start as 1 and 0.
        track_running_stats: whether there are running statistics, to be used in evaluation.

    Source: Ulyanov et al., Instance normalization: the missing ingredient for fast stylization (2016).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.InstanceNorm1d(1)(at.tensor([[[1.0, 3.0]]])).round(decimals=2).tolist()
    [[[-1.0, 1.0]]]
    """

    _unbatched = 2


class InstanceNorm2d(_InstanceNorm):
    """:class:`InstanceNorm1d` for (N, C, H, W) or (C, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.InstanceNorm2d(3, affine=True)(at.randn(2, 3, 4, 4)).shape
    autotape.Size([2, 3, 4, 4])
    """

    _unbatched = 3


class InstanceNorm3d(_InstanceNorm):
    """:class:`InstanceNorm1d` for (N, C, D, H, W) or (C, D, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.InstanceNorm3d(3)(at.randn(2, 3, 2, 4, 4)).shape
    autotape.Size([2, 3, 2, 4, 4])
    """

    _unbatched = 4


class LazyInstanceNorm1d(LazyChannelNorm, InstanceNorm1d):
    """An :class:`InstanceNorm1d` that takes ``num_features`` from its first input (dimension 1).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.LazyInstanceNorm1d()(at.randn(2, 3, 4)).shape
    autotape.Size([2, 3, 4])
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(LazyChannelNorm, InstanceNorm2d):
    """An :class:`InstanceNorm2d` that takes ``num_features`` from its first input (dimension 1).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.LazyInstanceNorm2d()(at.randn(2, 3, 4, 4)).shape
    autotape.Size([2, 3, 4, 4])
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(LazyChannelNorm, InstanceNorm3d):
    """An :class:`InstanceNorm3d` that takes ``num_features`` from its first input (dimension 1).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.LazyInstanceNorm3d()(at.randn(2, 3, 2, 4, 4)).shape
    autotape.Size([2, 3, 2, 4, 4])
    """

    cls_to_become = InstanceNorm3d
