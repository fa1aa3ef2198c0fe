"""Functions that networks are made of: sigmoid, relu and its like, softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.dtypes import DTypeLike, to_numpy_dtype
from autotape.engine.elementwise import unary
from autotape.engine.operands import number, tensor_input
from autotape.engine.operation import CAST, Operation, apply
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops._rules import array_of, masked

__all__ = ["hardshrink", "log_softmax", "prelu", "relu", "sigmoid", "softmax"]

methods = __all__
in_place = ["relu", "sigmoid"]

Array = np.ndarray[Any, Any]


def logistic(x: Array) -> Any:
    """1 / (1 + exp(-x)); where exp overflows, that is the 0 it should be."""
    if x.dtype.itemsize == 2:  # float16 has numbers for what is below 1 / its largest exp
        e = np.exp(np.minimum(x, number(10, x.dtype)))
        return e / (e + number(1, x.dtype))
    one = number(1, x.dtype)
    e = as_array(np.negative(x))
    np.exp(e, out=e)
    np.add(e, one, out=e)
    return np.divide(one, e, out=e)


@unary(logistic, lambda g, y, _x: g * (y * (1 - y)).conj())
def sigmoid(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The logistic function ``1 / (1 + exp(-input))``, elementwise, without overflow.

    Derivative: sigmoid(input) * (1 - sigmoid(input)).

    >>> import autotape as at
    >>> at.sigmoid(at.tensor([0.0, 2.0, -1e4]))
    tensor([0.5000, 0.8808, 0.0000])
    """


def _relu(x: Array) -> Any:
    if x.dtype.kind not in "fiu":
        raise RuntimeError(f"relu: {x.dtype.name} inputs are not supported; convert them first")
    return np.maximum(x, 0)


# The output is positive, zero or NaN; through NaN the gradient goes on, as in PyTorch.
@unary(_relu, lambda g, y, _x: masked(g, y != 0), floating=False)
def relu(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The rectifier ``max(input, 0)``, elementwise. Derivative: 1 above 0, else 0.

    >>> import autotape as at
    >>> at.relu(at.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """


_PRELU = Operation(
    "prelu",
    lambda x, weight: np.where(x > 0, x, weight * x),
    lambda g, _y, x, weight: np.where(array_of(x) > 0, g, g * weight),
    lambda g, _y, x, _weight: masked(g * x, ~(array_of(x) > 0)),
    elementwise=True,
)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """``input`` where it is positive, ``weight * input`` elsewhere.

    ``weight`` has one element, or one for each channel (dim 1 of ``input``). Derivative: d/dinput = 1 above
    0, else ``weight``; d/dweight = the sum of the elements of ``input`` that are not positive.
    Errors: RuntimeError for another number of weights, or two dtypes.

    >>> import autotape as at
    >>> at.prelu(at.tensor([-2.0, 3.0]), at.tensor([0.25]))
    tensor([-0.5000,  3.0000])
    """
    input, weight = tensor_input(input, "input", "prelu"), tensor_input(weight, "weight", "prelu")
    x, w = input._array, weight._array
    if x.dtype != w.dtype:
        raise RuntimeError(
            f"prelu: input and weight must have one dtype, but are {x.dtype.name} and {w.dtype.name}"
        )
    if x.dtype.kind != "f":
        raise NotImplementedError(f'"prelu" not implemented for {x.dtype.name} tensors; convert them first')
    if w.ndim > 1:
        raise RuntimeError(f"prelu: expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.ndim}")
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.size != 1 and w.size != channels:
        raise RuntimeError(
            f"prelu: mismatch of parameter numbers and input channel size. Found parameter numbers = "
            f"{w.size} and channel size = {channels} (dim 1 of the input of shape {list(x.shape)})"
        )
    if w.ndim == 1:
        weight = weight.reshape([w.size if i == 1 else 1 for i in range(x.ndim)])
    return apply(_PRELU, (input, weight))  # type: ignore[no-any-return]


_HARDSHRINK = Operation(
    "hardshrink",
    lambda x, lambd: np.where(np.abs(x) <= lambd, 0, x).astype(x.dtype, copy=False),
    lambda g, _y, x, lambd: masked(g, ~(np.abs(array_of(x)) <= lambd)),
    elementwise=True,
)


@takes_out
def hardshrink(input: Tensor, lambd: float = 0.5, *, out: Tensor | None = None) -> Tensor:
    """``input`` with 0 in place of the elements in [``-lambd``, ``lambd``]. Derivative: 0 there, else 1.

    Errors: NotImplementedError for integers and complex tensors.

    >>> import autotape as at
    >>> at.hardshrink(at.tensor([-0.7, 0.3, 0.6]))
    tensor([-0.7000,  0.0000,  0.6000])
    """
    input = tensor_input(input, "input", "hardshrink")
    if input._array.dtype.kind != "f":
        raise NotImplementedError(f'"hardshrink" not implemented for {input._array.dtype.name} tensors')
    return apply(_HARDSHRINK, (input,), lambd)  # type: ignore[no-any-return]


# --- softmax ------------------------------------------------------------------------------------------------
# The largest element is subtracted first: no exponential overflows.


def _softmax(x: Array, dim: int) -> Array:
    if not x.size:
        return x.copy()
    y = as_array(x - np.maximum.reduce(x, axis=dim, keepdims=True))
    np.exp(y, out=y)
    y /= np.add.reduce(y, axis=dim, keepdims=True)
    return y


def _log_softmax(x: Array, dim: int) -> Array:
    if not x.size:
        return x.copy()
    y = as_array(x - np.maximum.reduce(x, axis=dim, keepdims=True))
    y -= np.log(np.add.reduce(np.exp(y), axis=dim, keepdims=True))
    return y


def _softmax_rule(g: Any, y: Any, _x: Any, dim: int) -> Any:
    weighted = g * y
    return weighted - y * weighted.sum(axis=dim, keepdims=True)


def _log_softmax_rule(g: Any, y: Any, _x: Any, dim: int) -> Any:
    return g - np.exp(y) * g.sum(axis=dim, keepdims=True)


_SOFTMAX = Operation("softmax", _softmax, _softmax_rule)
_LOG_SOFTMAX = Operation("log_softmax", _log_softmax, _log_softmax_rule)


def _along(operation: Operation, input: Any, dim: int, dtype: DTypeLike | None) -> Any:
    input = tensor_input(input, "input", operation.name)
    if dtype is not None:
        to = to_numpy_dtype(dtype)
        if to != input._array.dtype:
            input = apply(CAST, (input,), to)
    array = input._array
    if array.dtype.kind != "f":
        raise NotImplementedError(
            f'"{operation.name}" not implemented for {array.dtype.name} tensors; give dtype=autotape.float32'
        )
    if array.ndim == 0:
        normalize_dim(dim, 0)
        return apply(operation, (input.reshape(1),), 0).reshape(())
    return apply(operation, (input,), normalize_dim(dim, array.ndim))


@dim_names
def softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None, *, out: Tensor | None = None) -> Tensor:
    """``exp(input) / sum(exp(input))`` along ``dim``: positive numbers that sum to 1, without overflow.

    ``dtype`` converts the input first. Derivative: y * (g - sum(g * y)) for the gradient g of the result y.
    Errors: RuntimeError for integers without ``dtype``; IndexError for a dim out of range.

    >>> import autotape as at
    >>> at.softmax(at.tensor([[1.0, 1.0], [0.0, 1e4]]), dim=1)
    tensor([[0.5000, 0.5000],
            [0.0000, 1.0000]])
    """
    return _along(_SOFTMAX, input, dim, dtype)  # type: ignore[no-any-return]


@dim_names
def log_softmax(
    input: Tensor, dim: int, dtype: DTypeLike | None = None, *, out: Tensor | None = None
) -> Tensor:
    """``log(softmax(input, dim))``, computed accurately: ``input - logsumexp(input)`` along ``dim``.

    ``dtype`` converts the input first. Derivative: g - exp(y) * sum(g) for the gradient g of the result y.
    Errors: RuntimeError for integers without ``dtype``; IndexError for a dim out of range.

    >>> import autotape as at
    >>> at.log_softmax(at.tensor([0.0, 1e4]), dim=0)
    tensor([-10000.,      0.])
    """
    return _along(_LOG_SOFTMAX, input, dim, dtype)  # type: ignore[no-any-return]
