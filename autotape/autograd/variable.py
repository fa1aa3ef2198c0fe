"""``Variable``: PyTorch's old name of a tensor that takes part in differentiation."""

from __future__ import annotations

import warnings
from typing import Any

from autotape.engine.tensor import Tensor

__all__ = ["Variable"]


class _TensorByAnotherName(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_TensorByAnotherName):
    """``Variable(data, requires_grad)``: a detached tensor on ``data``'s memory. Every Tensor is a Variable.

    >>> import autotape as at
    >>> at.autograd.Variable(at.ones(2), requires_grad=True).requires_grad
    True
    """

    def __new__(cls, data: Tensor, requires_grad: bool = False, volatile: bool | None = None) -> Any:
        """A Tensor; TypeError if ``data`` is none. ``volatile`` changes nothing, as in PyTorch."""
        if volatile is not None:
            warnings.warn("volatile was removed and now has no effect. Use `with no_grad():`", stacklevel=2)
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)
