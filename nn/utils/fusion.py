"""A convolution and the batch norm after it as one convolution."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from autotape.autograd.modes import no_grad
from autotape.engine.tensor import Tensor
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights"]

C = TypeVar("C", bound=Module)


def fuse_conv_bn_eval(conv: C, bn: Any, transpose: bool = False) -> C:
    """A copy of a convolution that does what ``bn(conv(x))`` does, in evaluation mode.

    ``transpose``: whether the convolution is a transposed one. AssertionError in training mode, where the
    batch norm depends on its batch.
    """
    if conv.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")
    fused: Any = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused  # type: ignore[no-any-return]


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the fused convolution: ``w s`` and ``(b - mean) s + beta``.

    The scale is ``s = gamma / sqrt(var + eps)`` with the batch norm's weight gamma and bias beta.

    >>> import autotape as at
    >>> from autotape.nn.utils import fuse_conv_bn_weights
    >>> one = at.ones(1)
    >>> w, b = fuse_conv_bn_weights(at.ones(1, 1, 2), one, 3 * one, 0.25 * one, 0.0, None, 5 * one)
    >>> w.tolist(), b.tolist()
    ([[[2.0, 2.0]]], [1.0])
    """
    with no_grad():
        scale = (bn_rv + bn_eps).rsqrt()
        if bn_w is not None:
            scale = scale * bn_w
        bias = ((0 if conv_b is None else conv_b) - bn_rm) * scale
        if bn_b is not None:
            bias = bias + bn_b
        shape = [1] * conv_w.ndim
        shape[1 if transpose else 0] = -1
        weight = (conv_w * scale.reshape(shape)).to(conv_w.dtype)
    return (
        Parameter(weight, conv_w.requires_grad),
        Parameter(
            bias.to((conv_w if conv_b is None else conv_b).dtype), conv_b is None or conv_b.requires_grad
        ),
    )
