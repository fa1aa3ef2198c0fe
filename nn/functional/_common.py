"""What several families of functions share."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor

__all__ = ["both", "floating_input", "reduced", "reduction_of"]


def both(function: Any) -> Callable[[Any], Any]:
    """An elementwise function for use in rules: itself on Tensors, its NumPy forward on ndarrays."""
    forward = function.operation.forward
    return lambda x: function(x) if isinstance(x, Tensor) else forward(x)


def floating_input(value: Any, function: str, name: str = "input") -> Tensor:
    """``value`` as a floating Tensor; TypeError or NotImplementedError for anything else."""
    tensor = tensor_input(value, name, function)
    if tensor._array.dtype.kind != "f":
        raise NotImplementedError(
            f'"{function}" not implemented for {name} of {tensor.dtype}; '
            "convert it first, for example with .float()"
        )
    return tensor


def reduction_of(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> str:
    """The reduction asked for, also in PyTorch's older spelling."""
    if size_average is None and reduce is None:
        return reduction
    mean = size_average is None or size_average
    reduction = "none" if reduce is False else "mean" if mean else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
        stacklevel=3,
    )
    return reduction


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The losses, their mean or their sum; ValueError for another reduction."""
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise ValueError(f"{reduction} is not a valid value for reduction; it must be 'none', 'mean' or 'sum'")
