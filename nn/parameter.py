"""Tensors that belong to a module: parameters, which are trained, and buffers, which are not."""

from __future__ import annotations

from typing import Any

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A tensor that a :class:`Module` registers as one of its parameters when it is assigned as an attribute.

    It shares the memory of ``data``. What is computed from a Parameter is an ordinary Tensor.

    Args:
        data: a tensor of floating or complex dtype (any dtype with ``requires_grad=False``); default empty.
        requires_grad: whether backward computes its gradient.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Parameter(at.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        if data is None:
            super().__init__()
        else:
            self._array = tensor_input(data, "data", "Parameter")._array
            self._node = None
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        known = id(self) in memo
        out = super().__deepcopy__(memo)
        if not known:
            out.grad = None  # as in PyTorch, a copied model starts without gradients
        return out


class Buffer(Tensor):
    """A tensor that a :class:`Module` registers as one of its buffers when it is assigned as an attribute.

    Buffers are state that is not trained (running statistics, masks): ``Module.to`` converts them and
    ``state_dict`` lists them, unless ``persistent=False``. It shares the memory of ``data``.

    >>> import autotape as at
    >>> from autotape import nn
    >>> net = nn.Module()
    >>> net.mean = nn.Buffer(at.zeros(2))
    >>> list(net.state_dict())
    ['mean']
    """

    persistent: bool

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        requires_grad = False
        if data is None:
            super().__init__()
        else:
            data = tensor_input(data, "data", "Buffer")
            self._array = data._array
            self._node = None
            requires_grad = data.requires_grad
        self.requires_grad = requires_grad
        self.persistent = persistent
