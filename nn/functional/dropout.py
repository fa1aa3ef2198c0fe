"""Dropout: elements or whole channels set to zero at random."""

from __future__ import annotations

import math
import warnings

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.ops.generator import source

__all__ = [
    "alpha_dropout",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
]


def _check_probability(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _dropped(
    function: str, input: Tensor, p: float, training: bool, inplace: bool, channels: bool, alpha: bool
) -> Tensor:
    """The input with elements, or whole ``channels``, dropped; ``alpha``: to SELU's lowest value."""
    _check_probability(p)
    input = tensor_input(input, "input", function)
    x = input._array
    if not training or p == 0 or x.size == 0:
        return input
    if x.dtype.kind not in "fc":
        raise RuntimeError(
            f"{function}: the input must be floating, got {input.dtype}; its result would have fractions"
        )
    if channels and x.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    shape = x.shape[:2] + (1,) * (x.ndim - 2) if channels else x.shape
    kept = source(None).random(shape, np.float32) >= p
    if not alpha or p == 1:
        mask = Tensor._wrap(np.multiply(kept, 1 / (1 - p) if p < 1 else 0, dtype=x.dtype))
        return input.mul_(mask) if inplace else input * mask
    scale = 1 / math.sqrt((_LOWEST**2 * p + 1) * (1 - p))
    mask = Tensor._wrap(np.multiply(kept, scale, dtype=x.dtype))
    # The dropped ones are set to the lowest value, then all are moved so that the mean stays 0.
    shift = Tensor._wrap((_LOWEST * scale * (~kept - p)).astype(x.dtype))
    return input.mul_(mask).add_(shift) if inplace else input * mask + shift


_LOWEST = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717  # SELU's limit at -infinity


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability ``p`` and scale the others by 1 / (1 - p).

    Without ``training`` the result is ``input``. The draws are those of the global generator
    (:func:`autotape.manual_seed`). ValueError for p outside of [0, 1].

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting (2014).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.dropout(at.ones(3), p=0.0), F.dropout(at.ones(3), p=1.0)
    (tensor([1., 1., 1.]), tensor([0., 0., 0.]))
    """
    return _dropped("dropout", input, p, training, inplace, False, False)


def _warn_shape(function: str, given: int) -> None:
    warnings.warn(
        f"{function}: Received a {given}-D input to {function}, which is deprecated and will result in an "
        "error in a future release. To retain the behavior and silence this warning, please use dropout "
        f"instead. Note that {function} exists to provide channel-wise dropout on inputs with {function[7]} "
        "spatial dimensions, a channel dimension, and an optional batch dimension.",
        stacklevel=3,
    )


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each channel of (N, C, L) or (C, L) with probability ``p`` and scale the others by 1 / (1 - p).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.dropout1d(at.ones(1, 2), p=1.0)
    tensor([[0., 0.]])
    """
    _check_probability(p)
    input = tensor_input(input, "input", "dropout1d")
    ndim = input._array.ndim
    if ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {ndim}D input. Note that dropout1d exists "
            "to provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an "
            "optional batch dimension (i.e. 2D or 3D inputs)."
        )
    return _of_channels("dropout1d", input, p, training, inplace, ndim == 2)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each channel of (N, C, H, W) with probability ``p`` and scale the others by 1 / (1 - p).

    As in PyTorch a 3-D input is taken for (N, C, L), with a warning: use :func:`dropout1d` for that.

    Source: Tompson et al., Efficient object localization using convolutional networks (2015).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.dropout2d(at.ones(1, 1, 1, 2), p=1.0)
    tensor([[[[0., 0.]]]])
    """
    _check_probability(p)
    input = tensor_input(input, "input", "dropout2d")
    ndim = input._array.ndim
    if ndim not in (3, 4):
        _warn_shape("dropout2d", ndim)
    elif ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior "
            "is desired - input is interpreted as shape (N, C, L), where C is the channel dim. This behavior "
            "will change in a future release to interpret the input as one without a batch dimension, i.e. "
            "shape (C, H, W). To maintain the 1D channel-wise dropout behavior, please switch to using "
            "dropout1d instead.",
            stacklevel=2,
        )
    return _of_channels("dropout2d", input, p, training, inplace, False)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each channel of (N, C, D, H, W) or (C, D, H, W) with probability ``p``; scale the others.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.dropout3d(at.ones(1, 1, 1, 2), p=1.0)
    tensor([[[[0., 0.]]]])
    """
    _check_probability(p)
    input = tensor_input(input, "input", "dropout3d")
    ndim = input._array.ndim
    if ndim not in (4, 5):
        _warn_shape("dropout3d", ndim)
    return _of_channels("dropout3d", input, p, training, inplace, ndim == 4)


def _of_channels(
    function: str, input: Tensor, p: float, training: bool, inplace: bool, unbatched: bool
) -> Tensor:
    if not unbatched:
        return _dropped(function, input, p, training, inplace, True, False)
    y = _dropped(function, input.unsqueeze(0), p, training, inplace, True, False)
    return input if inplace else y.squeeze(0)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Set each element to SELU's lowest value with probability ``p``, and scale and shift all.

    Inputs with mean 0 and variance 1 keep them.

    Source: Klambauer et al., Self-normalizing neural networks (2017).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.alpha_dropout(at.ones(3))
    tensor([1., 1., 1.])
    """
    return _dropped("alpha_dropout", input, p, training, inplace, False, True)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """:func:`alpha_dropout` of whole channels: of (N, C, *) each (n, c) with probability ``p``.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.feature_alpha_dropout(at.ones(1, 2, 3), p=1.0, training=True)
    tensor([[[0., 0., 0.],
             [0., 0., 0.]]])
    """
    return _dropped("feature_alpha_dropout", input, p, training, inplace, True, True)
