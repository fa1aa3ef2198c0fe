"""In-place methods that are not the twin of a function: zero_, fill_, copy_."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.operands import as_operand, mismatch
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, write

__all__: list[str] = []
methods = ["copy_", "fill_", "zero_"]
in_place: list[str] = []

# The adjoint of a broadcast and of a cast is what the replay does to every gradient.
_COPY = Operation(
    "copy",
    lambda x, shape, dtype: np.broadcast_to(x, shape).astype(dtype),
    lambda g, _y, _x, _shape, _dtype: g,
)


def _overwrite(self: Tensor, value: Tensor, name: str) -> Tensor:
    target = self._array
    if value._array.dtype.kind == "c" and target.dtype.kind != "c":
        raise RuntimeError(f"{name}: a complex value would lose its imaginary part in a {self.dtype} tensor")
    check_writable(self, name)
    try:
        result = apply(_COPY, (value,), target.shape, target.dtype)
    except ValueError as error:
        raise mismatch(name, target, value._array, error) from None
    if target.dtype.kind not in "fc":
        result = result.detach()
    return write(self, result, name)


def zero_(self: Tensor) -> Tensor:
    """Fill this tensor with zeros.

    >>> import autotape as at
    >>> at.ones(2).zero_()
    tensor([0., 0.])
    """
    return _overwrite(self, Tensor._wrap(np.zeros((), self._array.dtype)), "zero_")


def fill_(self: Tensor, value: Any) -> Tensor:
    """Fill this tensor with a number or a 0-d tensor, whose gradient is then the sum of this one's.

    >>> import autotape as at
    >>> at.zeros(2).fill_(3)
    tensor([3., 3.])
    """
    operand = as_operand(value, name="fill_(): argument 'value'")
    if not isinstance(operand, Tensor):
        operand = Tensor._wrap(np.asarray(operand))
    if operand._array.ndim:
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {operand.ndim} dimensions"
        )
    return _overwrite(self, operand, "fill_")


def copy_(self: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """Copy the elements of ``src`` into this tensor, broadcast to its shape and cast to its dtype.

    The gradient of this tensor goes on to ``src``. Errors: RuntimeError if ``src`` does not broadcast to it.

    >>> import autotape as at
    >>> at.zeros(2, 2).copy_(at.tensor([1, 2]))
    tensor([[1., 2.],
            [1., 2.]])
    """
    operand = as_operand(src, name="copy_(): argument 'src'")
    if not isinstance(operand, Tensor):
        operand = Tensor._wrap(np.asarray(operand))
    return _overwrite(self, operand, "copy_")
