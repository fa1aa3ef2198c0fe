"""Normalisation over layers and groups of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autotape.engine.dtypes import DTypeLike
from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn import init
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter
from autotape.ops.creation import empty

__all__ = ["GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


class _Affine(Module):
    """A weight and a bias that start as 1 and 0."""

    weight: Parameter | None
    bias: Parameter | None

    def _add_parameters(
        self, shape: tuple[int, ...], device: Any, dtype: DTypeLike | None, **wanted: bool
    ) -> None:
        for name, there in wanted.items():
            values = Parameter(empty(shape, device=device, dtype=dtype)) if there else None
            self.register_parameter(name, values)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        for name, parameter in self._parameters.items():
            if parameter is not None:
                init.constant_(parameter, float(name == "weight"))


def _shape(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)


class LayerNorm(_Affine):
    """``(x - mean) / sqrt(var + eps) * weight + bias`` with mean and variance over the last dimensions.

    Args:
        normalized_shape: the sizes of the dimensions normalised together; a number for the last alone.
        elementwise_affine: whether there are ``weight`` and ``bias`` (unless ``bias=False``) of that shape.

    Source: Ba et al., Layer normalization (2016).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.LayerNorm(2)(at.tensor([[1.0, 3.0], [100.0, 0.0]])).round(decimals=2).tolist()
    [[-1.0, 1.0], [1.0, -1.0]]
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._add_parameters(
            self.normalized_shape, device, dtype, weight=elementwise_affine, bias=elementwise_affine and bias
        )

    def forward(self, input: Tensor) -> Tensor:
        """The input with mean 0 and variance 1, times weight, plus bias."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """``x / sqrt(mean(x^2) + eps) * weight`` with the mean over the last dimensions.

    Args:
        normalized_shape: the sizes of the dimensions normalised together; a number for the last alone.
        eps: by default the machine epsilon of the input's dtype.
        elementwise_affine: whether there is a ``weight`` of that shape; it starts as 1.

    Source: Zhang and Sennrich, Root mean square layer normalization (2019).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.RMSNorm(2)(at.tensor([[1.0, 7.0]])).detach()
    tensor([[0.2000, 1.4000]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._add_parameters(self.normalized_shape, device, dtype, weight=elementwise_affine)

    def forward(self, x: Tensor) -> Tensor:
        """The input with root mean square 1, times weight."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """``(x - mean) / sqrt(var + eps) * weight + bias`` over each group of channels of (N, C, *).

    Args:
        num_groups: how many groups the channels are divided into.
        num_channels: C, a multiple of it; ValueError if it is not.
        affine: whether there are ``weight`` and ``bias`` (unless ``bias=False``), one per channel.

    Source: Wu and He, Group normalization (2018).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.GroupNorm(2, 4)(at.tensor([[1.0, 3.0, 80.0, 0.0]])).round(decimals=2).tolist()
    [[-1.0, 1.0, 1.0, -1.0]]
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._add_parameters((num_channels,), device, dtype, weight=affine, bias=affine and bias)

    def forward(self, input: Tensor) -> Tensor:
        """The input with every group normalised, times weight, plus bias."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """``x / (k + alpha / size * sum(x^2))^beta``, the sum over ``size`` neighbouring channels of (N, C, *).

    Source: Krizhevsky et al., ImageNet classification with deep convolutional neural networks (2012).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.LocalResponseNorm(2)(at.ones(1, 4, 5, 5)).shape
    autotape.Size([1, 4, 5, 5])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        """The input divided by the response of its neighbours."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
