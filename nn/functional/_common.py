"""What several families of functions share."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, write

__all__ = ["both", "check_reduction", "floating_input", "reduced", "reduction_of", "run", "run_any"]


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


def run(operation: Operation, input: Any, inplace: bool, *constants: Any) -> Tensor:
    """``operation`` on a floating tensor, written into it if ``inplace``."""
    return run_any(operation, floating_input(input, operation.name), inplace, *constants)


def run_any(operation: Operation, input: Tensor, inplace: bool, *constants: Any) -> Tensor:
    """The same on a tensor of any dtype."""
    if not inplace:
        return apply(operation, (input,), *constants)  # type: ignore[no-any-return]
    name = operation.name + "_"
    check_writable(input, name)
    return write(input, apply(operation, (input,), *constants), name)


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
    check_reduction(reduction)
    return losses


def check_reduction(reduction: str) -> None:
    """ValueError unless ``reduction`` is one."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            f"{reduction} is not a valid value for reduction; it must be 'none', 'mean' or 'sum'"
        )
