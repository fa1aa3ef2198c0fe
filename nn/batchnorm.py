"""Batch normalisation, and what it shares with instance normalisation: parameters and running statistics."""

from __future__ import annotations

from typing import Any

from autotape.engine.dtypes import DTypeLike
from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn import init
from autotape.nn.lazy import LazyModuleMixin, UninitializedBuffer, UninitializedParameter
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter
from autotape.ops.creation import empty, ones, zeros
from autotape.ops.from_data import tensor

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
]


class ChannelNorm(Module):
    """A weight, a bias and running statistics for each channel."""

    _version = 2
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            values = Parameter(empty((num_features,), device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, values)
        tracks = track_running_stats
        self.register_buffer(
            "running_mean", zeros(num_features, device=device, dtype=dtype) if tracks else None
        )
        self.register_buffer(
            "running_var", ones(num_features, device=device, dtype=dtype) if tracks else None
        )
        self.register_buffer("num_batches_tracked", tensor(0, device=device) if tracks else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the batches seen: mean 0, variance 1."""
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, no batches seen."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _check_input(self, input: Tensor, *allowed: int) -> None:
        if input.ndim not in allowed:
            wanted = " or ".join([f"{n}D" for n in allowed])
            raise ValueError(f"expected {wanted} input (got {input.ndim}D input)")

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *lists: Any
    ) -> None:
        # Before version 2 the number of batches was not saved.
        if local_metadata.get("version") is None or local_metadata["version"] < 2:
            count = self.num_batches_tracked
            if count is not None:
                state_dict.setdefault(prefix + "num_batches_tracked", count)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *lists)


class LazyChannelNorm(LazyModuleMixin, ChannelNorm):
    """Takes ``num_features`` from its first input."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = tensor(0, device=device)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, no batches seen, once the parameters have shapes."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Give the parameters and statistics one element per channel of the input."""
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for part in (self.weight, self.bias, self.running_mean, self.running_var):
                if isinstance(part, (UninitializedParameter, UninitializedBuffer)):
                    part.materialize((self.num_features,))
            self.reset_parameters()
        elif self.num_features == 0:  # loaded from a state dict
            self.num_features = input.shape[1]


class _BatchNorm(ChannelNorm):
    def forward(self, input: Tensor) -> Tensor:
        """The input, normalised by its own statistics in training, by the running ones in evaluation."""
        self._check_dimensions(input)
        factor = self.momentum or 0.0
        tracking = self.training and self.track_running_stats
        if tracking and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # the mean of all batches
                factor = 1 / float(self.num_batches_tracked)
        used = tracking or not self.training
        return F.batch_norm(
            input,
            self.running_mean if used else None,
            self.running_var if used else None,
            self.weight,
            self.bias,
            self.training or (self.running_mean is None and self.running_var is None),
            factor,
            self.eps,
        )

    def _check_dimensions(self, input: Tensor) -> None:
        raise NotImplementedError


class BatchNorm1d(_BatchNorm):
    """``(x - mean) / sqrt(var + eps) * weight + bias`` for each channel of (N, C) or (N, C, L).

    Args:
        num_features: C.
        momentum: how much a batch moves the running statistics; None: they are the mean over all batches.
        affine: whether there are ``weight`` and ``bias`` (unless ``bias=False``), which start as 1 and 0.
        track_running_stats: whether there are running statistics; in evaluation they are used if there are.

    In training mean and (biased) variance are the batch's. See :func:`autotape.nn.functional.batch_norm`.
    Buffers: ``running_mean``, ``running_var`` (unbiased), ``num_batches_tracked``.

    Source: Ioffe and Szegedy, Batch normalization (2015).

    >>> import autotape as at
    >>> from autotape import nn
    >>> layer = nn.BatchNorm1d(2)
    >>> layer(at.tensor([[1.0, 0.0], [3.0, 8.0]])).round(decimals=2).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    >>> layer.running_mean
    tensor([0.2000, 0.4000])
    """

    def _check_dimensions(self, input: Tensor) -> None:
        self._check_input(input, 2, 3)


class BatchNorm2d(_BatchNorm):
    """:class:`BatchNorm1d` for each channel of (N, C, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.BatchNorm2d(3)(at.randn(2, 3, 4, 4)).shape
    autotape.Size([2, 3, 4, 4])
    """

    def _check_dimensions(self, input: Tensor) -> None:
        self._check_input(input, 4)


class BatchNorm3d(_BatchNorm):
    """:class:`BatchNorm1d` for each channel of (N, C, D, H, W).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.BatchNorm3d(3)(at.randn(2, 3, 2, 4, 4)).shape
    autotape.Size([2, 3, 2, 4, 4])
    """

    def _check_dimensions(self, input: Tensor) -> None:
        self._check_input(input, 5)


class LazyBatchNorm1d(LazyChannelNorm, BatchNorm1d):
    """A :class:`BatchNorm1d` that takes ``num_features`` from its first input.

    >>> import autotape as at
    >>> from autotape import nn
    >>> layer = nn.LazyBatchNorm1d()
    >>> layer(at.randn(4, 3)).shape, layer.num_features
    (autotape.Size([4, 3]), 3)
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(LazyChannelNorm, BatchNorm2d):
    """A :class:`BatchNorm2d` that takes ``num_features`` from its first input.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.LazyBatchNorm2d()(at.randn(2, 3, 4, 4)).shape
    autotape.Size([2, 3, 4, 4])
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(LazyChannelNorm, BatchNorm3d):
    """A :class:`BatchNorm3d` that takes ``num_features`` from its first input.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.LazyBatchNorm3d()(at.randn(2, 3, 2, 4, 4)).shape
    autotape.Size([2, 3, 2, 4, 4])
    """

    cls_to_become = BatchNorm3d
