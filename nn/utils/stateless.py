"""Calling a module with other parameters, under PyTorch's older name."""

from __future__ import annotations

from typing import Any

from autotape.engine.tensor import Tensor
from autotape.func import modules
from autotape.nn.module import Module

__all__ = ["functional_call"]


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with these tensors in place of its parameters and buffers of these names.

    The older name of :func:`autotape.func.functional_call`, which says more.

    >>> import autotape as at
    >>> from autotape.nn.utils.stateless import functional_call
    >>> functional_call(at.nn.Linear(2, 1, bias=False), {"weight": at.ones(1, 2)}, at.tensor([1.0, 2.0]))
    tensor([3.])
    """
    return modules.functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )
