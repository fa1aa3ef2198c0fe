"""Activation functions. Each is one operation with one rule, right to any order."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, write
from autotape.nn.functional._common import both, floating_input
from autotape.ops import activations
from autotape.ops._dims import normalize_dim

__all__ = [
    "elu",
    "gelu",
    "glu",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "prelu",
    "relu",
    "silu",
    "softmax",
    "softplus",
]

Array = np.ndarray[Any, Any]


_sigmoid = both(activations.sigmoid)
_erf = both(activations.erf)


def _run(operation: Operation, input: Any, inplace: bool, *constants: Any) -> Tensor:
    input = floating_input(input, operation.name)
    if not inplace:
        return apply(operation, (input,), *constants)  # type: ignore[no-any-return]
    name = operation.name + "_"
    check_writable(input, name)
    return write(input, apply(operation, (input,), *constants), name)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """``max(0, input)``, elementwise. Derivative: 1 above 0, else 0.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.relu(at.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else activations.relu(input)


_LEAKY_RELU = Operation(
    "leaky_relu",
    lambda x, slope: np.where(x > 0, x, x * slope),
    lambda g, _y, x, slope: np.where(x > 0, g, g * slope),
)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, else ``negative_slope * input``. Derivative at 0: ``negative_slope``.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.leaky_relu(at.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return _run(_LEAKY_RELU, input, inplace, float(negative_slope))


_PRELU = Operation(
    "prelu",
    lambda x, weight: np.where(x > 0, x, weight * x),
    lambda g, _y, x, weight: np.where(x > 0, g, g * weight),
    lambda g, _y, x, _weight: np.where(x >= 0, 0, g * x),
)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """``input`` where it is positive, else ``weight * input``.

    ``weight`` has one element, or one per channel (dimension 1 of the input). Derivative at 0: ``weight``.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.prelu(at.tensor([[-1.0, -1.0]]), at.tensor([0.5, 0.25])).tolist()
    [[-0.5, -0.25]]
    """
    input = floating_input(input, "prelu")
    weight = floating_input(weight, "prelu", "weight")
    x, w = input._array, weight._array
    if x.dtype != w.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}")
    if w.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.ndim}")
    shape = [1] * x.ndim
    if w.size != 1:
        channels = x.shape[1] if x.ndim > 1 else 1
        if w.size != channels:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{w.size} and channel size = {channels}."
            )
        shape[1] = channels
    return apply(_PRELU, (input, weight.reshape(shape)))  # type: ignore[no-any-return]


def _elu_rule(g: Any, _y: Any, x: Any, alpha: float) -> Any:
    return np.where(x <= 0, g * (alpha * np.exp(np.where(x >= 0, 0, x))), g)  # no exp(x) that overflows


_ELU = Operation("elu", lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)), _elu_rule)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, else ``alpha * (exp(input) - 1)``. Derivative at 0: ``alpha``.

    Source: Clevert et al., Fast and accurate deep network learning by exponential linear units (2015).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.elu(at.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return _run(_ELU, input, inplace, float(alpha))


def _distribution(x: Any) -> Any:
    """The standard normal distribution function."""
    return (1 + _erf(x * math.sqrt(0.5))) * 0.5


def _gelu_rule(g: Any, _y: Any, x: Any) -> Any:
    return g * (_distribution(x) + x * (np.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))))


_GELU = Operation("gelu", lambda x: x * _distribution(x), _gelu_rule)

_K, _CUBIC = math.sqrt(2 / math.pi), 0.044715


def _gelu_tanh_rule(g: Any, _y: Any, x: Any) -> Any:
    square = x * x
    t = np.tanh(x * (square * _CUBIC + 1) * _K)
    return g * ((1 + t) * 0.5 + x * (1 - t * t) * (square * (3 * _CUBIC) + 1) * (0.5 * _K))


_GELU_TANH = Operation(
    "gelu", lambda x: 0.5 * x * (1 + np.tanh(x * (x * x * _CUBIC + 1) * _K)), _gelu_tanh_rule
)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``input * Phi(input)``, Phi the standard normal distribution function.

    ``approximate="tanh"``: x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) instead.

    Source: Hendrycks and Gimpel, Gaussian error linear units (2016).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.gelu(at.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate!r}.")
    return _run(_GELU if approximate == "none" else _GELU_TANH, input, False)


def _silu_rule(g: Any, _y: Any, x: Any) -> Any:
    s = _sigmoid(x)
    return g * (s * (x * (1 - s) + 1))


_SILU = Operation("silu", lambda x: x * _sigmoid(x), _silu_rule)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * sigmoid(input)``, elementwise.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.silu(at.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """
    return _run(_SILU, input, inplace)


def _softplus(x: Array, beta: float, threshold: float) -> Array:
    z = x * beta
    return np.where(z > threshold, x, (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))) / beta)


def _softplus_rule(g: Any, _y: Any, x: Any, beta: float, threshold: float) -> Any:
    z = x * beta
    return np.where(z > threshold, g, g * _sigmoid(z))


_SOFTPLUS = Operation("softplus", _softplus, _softplus_rule)


def softplus(input: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    """``log(1 + exp(beta * input)) / beta``, and ``input`` itself where ``beta * input > threshold``.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.softplus(at.tensor([-1.0, 2.0, 1000.0]))
    tensor([3.1326e-01, 2.1269e+00, 1.0000e+03])
    """
    return _run(_SOFTPLUS, input, False, float(beta), float(threshold))


_LOG_SIGMOID = Operation(
    "log_sigmoid",
    lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
    lambda g, _y, x: g * _sigmoid(-x),
)


def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(input))``, elementwise, without overflow.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.logsigmoid(at.tensor([-1000.0, 2.0]))
    tensor([-1.0000e+03, -1.2693e-01])
    """
    return _run(_LOG_SIGMOID, input, False)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """``a * sigmoid(b)``, with a and b the two halves of ``input`` along ``dim``.

    Source: Dauphin et al., Language modeling with gated convolutional networks (2016).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.glu(at.tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5000, 1.0000])
    """
    input = floating_input(input, "glu")
    shape = input._array.shape
    if not shape:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    at = normalize_dim(dim, len(shape))
    if shape[at] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {at} is size {shape[at]}")
    half = shape[at] // 2
    return input.narrow(at, 0, half) * input.narrow(at, half, half).sigmoid()


def _softmax_dim(name: str, dim: int | None, ndim: int, stacklevel: int) -> int:
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> Tensor:
    """``exp(input) / sum(exp(input))`` along ``dim``; :func:`autotape.softmax`.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.softmax(at.tensor([[0.0, 0.0]]), dim=1)
    tensor([[0.5000, 0.5000]])
    """
    input = tensor_input(input, "input", "softmax")
    return activations.softmax(input, _softmax_dim("softmax", dim, input.ndim, _stacklevel), dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> Tensor:
    """``log(softmax(input, dim))`` without overflow; :func:`autotape.log_softmax`.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.log_softmax(at.tensor([[0.0, 0.0]]), dim=1)
    tensor([[-0.6931, -0.6931]])
    """
    input = tensor_input(input, "input", "log_softmax")
    return activations.log_softmax(input, _softmax_dim("log_softmax", dim, input.ndim, _stacklevel), dtype)
