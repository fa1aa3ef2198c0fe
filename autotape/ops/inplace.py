"""In-place methods that are not the twin of a function: zero_, fill_, copy_, apply_, map_; and fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.operands import as_operand, mismatch, tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, note_write, rebase, write

__all__ = ["fill"]
methods = ["apply_", "copy_", "fill_", "map_", "zero_"]
in_place: list[str] = []

Array = np.ndarray[Any, Any]

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
    if value._node is None and value._array.shape == target.shape:  # nothing to record: no copy on the way
        quietly(np.copyto, target, value._array, "unsafe")
        note_write(self, name)
        rebase(self, None)
        return self
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


def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor of the shape and dtype of ``input``, filled with a number or a 0-d tensor.

    The gradient of ``value`` is the sum of the result's, that of ``input`` is 0.

    >>> import autotape as at
    >>> at.fill(at.zeros(2), 3)
    tensor([3., 3.])
    """
    return tensor_input(input, "input", "fill").clone().fill_(value)


# --- a Python function of each element ----------------------------------------------------------------------


def _call_on_each(self: Tensor, name: str, function: Callable[..., Any], *others: Array) -> Tensor:
    if not callable(function):
        raise TypeError(f"{name}: argument 'callable' must be callable, not {type(function).__name__}")
    if self.requires_grad:
        raise RuntimeError(
            f"Can't call {name}() on a tensor that requires grad. Use x.detach().{name}() instead"
        )
    check_writable(self, name)
    array = self._array
    columns = [a.ravel().tolist() for a in (array, *others)]
    kind = bool if array.dtype.kind == "b" else int if array.dtype.kind in "iu" else None
    results = [function(*row) for row in zip(*columns, strict=True)]
    if kind is not None:
        results = [kind(value) for value in results]
    return write(self, Tensor._wrap(np.array(results, array.dtype).reshape(array.shape)), name)


def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element by ``callable(element)``, a Python function of a Python number. Slow.

    Errors: RuntimeError for a tensor that requires grad.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0]).apply_(lambda x: x + 0.5)
    tensor([1.5000, 2.5000])
    """
    return _call_on_each(self, "apply_", callable)


def map_(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by ``callable(element, element of tensor)``, with ``tensor`` broadcast. Slow.

    Errors: RuntimeError for a tensor that requires grad; TypeError for another dtype.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0]).map_(at.tensor([10.0, 20.0]), lambda x, y: x + y)
    tensor([11., 22.])
    """
    other = tensor_input(tensor, "tensor", "map_")
    if other._array.dtype != self._array.dtype:
        raise TypeError(f"map_(): expected {self.dtype} for argument 'tensor', got {other.dtype}")
    if other.requires_grad:
        raise RuntimeError("Can't call map_() with a tensor that requires grad. Use tensor.detach() instead")
    try:
        values = np.broadcast_to(other._array, self._array.shape)
    except ValueError as error:
        raise mismatch("map_", self._array, other._array, error) from None
    return _call_on_each(self, "map_", callable, values)
