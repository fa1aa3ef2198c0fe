"""Normalisation of channels: mean 0 and variance 1 over a batch, an example, a group of channels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, note_write
from autotape.nn.functional._common import floating_input
from autotape.nn.functional._standardize import Layout, check_dtypes, standardized

__all__ = ["batch_norm", "group_norm", "instance_norm"]


def _values_per_channel(shape: Sequence[int]) -> None:
    """ValueError where a variance would be that of one value."""
    if len(shape) > 0 and prod(shape) // max(shape[1], 1) == 1 and shape[1]:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"autotape.Size({list(shape)})"
        )


def _check_channels(channels: int, **parameters: Tensor | None) -> None:
    for name, p in parameters.items():
        if p is not None and p._array.shape != (channels,):
            raise RuntimeError(
                f"{name} should contain {channels} elements not {p._array.size} "
                f"(one per channel; its shape is {list(p._array.shape)})"
            )


def _check_running(running_mean: Tensor | None, running_var: Tensor | None) -> None:
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")


def _update(running: Tensor, value: Any, momentum: float, name: str) -> None:
    """``running = (1 - momentum) * running + momentum * value`` in its memory."""
    check_writable(running, name)
    target = running._array
    target *= 1 - momentum
    target += momentum * value
    note_write(running, name)


def _unbiased(stats: list[Any], count: int) -> Any:
    return stats[1] * (count / (count - 1)) if count > 1 else stats[1]


def _with_statistics(
    input: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """Normalise by given statistics per channel: an affine map of each channel."""
    dtype = input._array.dtype
    scale = (var + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale
    if bias is not None:
        shift = shift + bias
    shape = (-1, *[1] * (input.ndim - 2))
    y = input * scale.reshape(shape) + shift.reshape(shape)
    return y if y._array.dtype == dtype else y.to(input.dtype)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` for each channel, the dimension 1.

    Args:
        input: (N, C, *).
        running_mean, running_var: (C,); used instead of the input's own statistics without ``training``, and
            updated in place with it: ``(1 - momentum) * running + momentum * new``, with the unbiased
                variance.
        weight, bias: (C,) or None.

    In training mean and (biased) variance are those over all dimensions but the channels, and derivatives go
    through them. Errors: ValueError if that is one value per channel, RuntimeError for sizes that do not fit.

    Source: Ioffe and Szegedy, Batch normalization (2015).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> x = at.tensor([[1.0, 0.0], [3.0, 8.0]])
    >>> F.batch_norm(x, None, None, training=True, eps=1e-9)
    tensor([[-1., -1.],
            [ 1.,  1.]])
    >>> F.batch_norm(x, at.tensor([1.0, 0.0]), at.tensor([1.0, 4.0]), eps=0.0)
    tensor([[0., 0.],
            [2., 4.]])
    """
    input = floating_input(input, "batch_norm")
    shape = input._array.shape
    if shape == (0,):
        return input.clone()
    if training:
        if len(shape) < 2:
            raise IndexError(
                f"Dimension out of range: batch_norm needs an input (N, C, *), but got shape {list(shape)}"
            )
        _values_per_channel(shape)
        _check_running(running_mean, running_var)
        if eps <= 0:
            raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    elif running_mean is None or running_var is None:
        missing = "running_mean" if running_mean is None else "running_var"
        raise RuntimeError(f"{missing} must be defined in evaluation mode")
    channels = shape[1] if len(shape) > 1 else 1
    _check_channels(channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    check_dtypes("batch_norm", input, running_mean, running_var)
    if not training:
        check_dtypes("batch_norm", input, weight, bias)
        assert running_mean is not None
        assert running_var is not None
        return _with_statistics(input, running_mean, running_var, weight, bias, eps)
    layout = Layout((shape[0], channels, 1, prod(shape[2:])), (0, 3), (1, channels, 1, 1), (channels,), eps)
    y, stats = standardized("batch_norm", input, weight, bias, layout)
    if running_mean is not None and running_var is not None and layout.values:
        _update(running_mean, stats[0].reshape(channels), momentum, "batch_norm")
        _update(running_var, _unbiased(stats, layout.values).reshape(channels), momentum, "batch_norm")
    return y


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` for each channel of each example.

    Args:
        input: (N, C, *).
        running_mean, running_var: (C,); used instead of the input's own statistics without
            ``use_input_stats``, else updated in place with the mean of the examples' statistics.
        weight, bias: (C,) or None.

    Errors: ValueError if there is one value per channel only, RuntimeError for sizes that do not fit.

    Source: Ulyanov et al., Instance normalization: the missing ingredient for fast stylization (2016).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.instance_norm(at.tensor([[[1.0, 3.0], [8.0, 0.0]]]), eps=1e-9)
    tensor([[[-1.,  1.],
             [ 1., -1.]]])
    """
    input = floating_input(input, "instance_norm")
    shape = input._array.shape
    if use_input_stats and prod(shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size autotape.Size({list(shape)})"
        )
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when use_input_stats is false"
        )
    _check_running(running_mean, running_var)
    channels = shape[1]
    _check_channels(channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    check_dtypes("instance_norm", input, running_mean, running_var)
    if not use_input_stats:
        assert running_mean is not None
        assert running_var is not None
        return _with_statistics(input, running_mean, running_var, weight, bias, eps)
    layout = Layout((shape[0], channels, 1, prod(shape[2:])), (3,), (1, channels, 1, 1), (channels,), eps)
    y, stats = standardized("instance_norm", input, weight, bias, layout)
    if running_mean is not None and running_var is not None and input._array.size:
        examples = max(shape[0], 1)
        means = np.add.reduce(stats[0], axis=0) / examples
        variances = np.add.reduce(_unbiased(stats, layout.values), axis=0) / examples
        _update(running_mean, means.reshape(channels), momentum, "instance_norm")
        _update(running_var, variances.reshape(channels), momentum, "instance_norm")
    return y


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` with mean and variance over each group of channels.

    Args:
        input: (N, C, *).
        num_groups: how many groups the channels are divided into; divides C.
        weight, bias: (C,) or None.

    Source: Wu and He, Group normalization (2018).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.group_norm(at.tensor([[1.0, 3.0, 8.0, 0.0]]), 2, eps=0.0)
    tensor([[-1.,  1.,  1., -1.]])
    """
    input = floating_input(input, "group_norm")
    shape = input._array.shape
    if len(shape) < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {len(shape)}")
    if num_groups < 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    examples, channels = shape[:2]
    inside = channels // num_groups
    if examples * inside * prod(shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(shape)}"
        )
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(shape)} and num_groups={num_groups}"
        )
    for name, p in (("weight", weight), ("bias", bias)):
        if p is not None and p._array.shape != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got "
                f"{name} of shape {list(p._array.shape)} and input of shape {list(shape)}"
            )
    view = (examples, num_groups, inside, prod(shape[2:]))
    layout = Layout(view, (2, 3), (1, num_groups, inside, 1), (channels,), eps)
    return standardized("group_norm", input, weight, bias, layout)[0]
