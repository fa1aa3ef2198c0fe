"""Normalisation of layers: mean 0 and variance 1 over the last dimensions; vectors of unit size."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, write
from autotape.nn.functional._common import floating_input
from autotape.nn.functional._standardize import Layout, standardized
from autotape.nn.functional._taps import Taps
from autotape.nn.functional.resampling import resample
from autotape.ops.shape import sizes

__all__ = [
    "layer_norm",
    "local_response_norm",
    "normalize",
    "rms_norm",
]

Array = np.ndarray[Any, Any]


# --- the last dimensions ------------------------------------------------------------------------------------


def _last_dimensions(
    name: str,
    input: Tensor,
    normalized_shape: Sequence[int],
    parameters: dict[str, Tensor | None],
    eps: float,
    centred: bool,
) -> Layout:
    """How layer and RMS normalisation view their input; errors for shapes that do not fit."""
    if not isinstance(normalized_shape, (tuple, list)):
        raise TypeError(
            f"{name}(): argument 'normalized_shape' must be tuple of ints, not "
            f"{type(normalized_shape).__name__}"
        )
    last, shape = sizes((normalized_shape,), name, "normalized_shape"), input._array.shape
    if not last:
        raise RuntimeError(
            f"{name}: Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, but got normalized_shape = []"
        )
    for kind, p in parameters.items():
        if p is not None and p._array.shape != last:
            raise RuntimeError(
                f"Expected {kind} to be of same shape as normalized_shape, but got {kind} of shape "
                f"{list(p._array.shape)} and normalized_shape = {list(last)}"
            )
    if shape[-len(last) :] != last:
        raise RuntimeError(
            f"Given normalized_shape={list(last)}, expected input with shape [*, "
            f"{', '.join(map(str, last))}], but got input of size{list(shape)}"
        )
    size = prod(last)
    return Layout((prod(shape[: -len(last)]), 1, 1, size), (3,), (1, 1, 1, size), last, eps, centred)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` with mean and variance over the last dimensions.

    Args:
        normalized_shape: the sizes of the dimensions normalised together, the input's last.
        weight, bias: of that shape, or None.

    The variance is the biased one. Derivative, with h the standardised input and u = weight * g:
    (u - mean(u) - h * mean(u * h)) / sqrt(var + eps).

    Source: Ba et al., Layer normalization (2016).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.layer_norm(at.tensor([[1.0, 3.0], [10.0, 0.0]]), (2,), eps=0.0)
    tensor([[-1.,  1.],
            [ 1., -1.]])
    """
    input = floating_input(input, "layer_norm")
    parameters = {"weight": weight, "bias": bias}
    layout = _last_dimensions("layer_norm", input, normalized_shape, parameters, eps, True)
    return standardized("layer_norm", input, weight, bias, layout)[0]


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """``x / sqrt(mean(x^2) + eps) * weight`` with the mean over the last dimensions.

    Args:
        normalized_shape: the sizes of the dimensions normalised together, the input's last.
        weight: of that shape, or None.
        eps: by default the machine epsilon of the dtype.

    Source: Zhang and Sennrich, Root mean square layer normalization (2019).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.rms_norm(at.tensor([[1.0, 7.0]]), (2,))
    tensor([[0.2000, 1.4000]])
    """
    input = tensor_input(input, "input", "rms_norm")
    kind = input._array.dtype.kind
    if kind not in "fc":
        raise NotImplementedError(f'"rms_norm" not implemented for {input.dtype}; convert it with .float()')
    if eps is None:
        eps = float(np.finfo(np.float32 if input._array.dtype == np.float16 else input._array.dtype).eps)
    layout = _last_dimensions("rms_norm", input, normalized_shape, {"weight": weight}, eps, False)
    if kind == "c" or (weight is not None and weight._array.dtype != input._array.dtype):
        dims = tuple(range(-len(normalized_shape), 0))
        y = input * ((input * input).mean(dims, keepdim=True) + eps).rsqrt()
        return y if weight is None else (y * weight).to(input.dtype)
    return standardized("rms_norm", input, weight, None, layout)[0]


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """``x / (k + alpha / size * sum(x^2))^beta``, the sum over ``size`` neighbouring channels.

    Channel c is divided by those from c - size // 2 to c + (size - 1) // 2; ones that are not there count as
    0.

    Source: Krizhevsky et al., ImageNet classification with deep convolutional neural networks (2012).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.local_response_norm(at.ones(1, 2, 1), 2, alpha=1.0, beta=1.0).reshape(2)
    tensor([0.6667, 0.5000])
    """
    input = tensor_input(input, "input", "local_response_norm")
    shape, whole = input._array.shape, input._array.dtype.kind in "iu"
    if len(shape) < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality                          input (got {len(shape)} "
            "dimensions)"
        )
    if size <= 0:
        raise RuntimeError(f"local_response_norm: size should be greater than zero, but got {size}")
    if not input._array.size:
        return input
    squares = input * input
    mean = resample(squares.double() if whole else squares, Taps.window(shape[1], size), 1)
    if whole:  # PyTorch's mean of whole numbers is whole
        mean = mean.floor().to(input.dtype)
    return input / (mean * alpha + k) ** beta


# --- vectors ------------------------------------------------------------------------------------------------


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """``input / max(norm, eps)`` with the ``p``-norm along ``dim``: vectors of length 1.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.normalize(at.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    input = tensor_input(input, "input", "normalize")
    result = input / input.norm(p, dim, keepdim=True).clamp(min=eps)
    if out is None:
        return result
    check_writable(out, "normalize")
    return write(out, result, "normalize")
