"""Smooth activation functions, and those along a dimension; rectifiers.py has the ones linear in pieces."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.nn.functional._common import both, floating_input, run, run_any
from autotape.nn.functional._stable import log1p_exp
from autotape.ops import activations
from autotape.ops._dims import normalize_dim
from autotape.ops.likes import zeros_like
from autotape.special import error_functions
from autotape.special._erf import ScaledErf, blocks

__all__ = [
    "gelu",
    "glu",
    "gumbel_softmax",
    "log_softmax",
    "logsigmoid",
    "mish",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "tanhshrink",
]

Array = np.ndarray[Any, Any]


_sigmoid = both(activations.sigmoid)
_erf = both(error_functions.erf)


# --- gelu ---------------------------------------------------------------------------------------------------


_half_erf = ScaledErf(math.sqrt(0.5), 0.5)


def _distribution(x: Array, out: Array) -> None:
    """The standard normal distribution function of a block into ``out``."""
    _half_erf(x, out)
    out += 0.5


def _slope(x: Array, out: Array) -> None:
    """The derivative of gelu on a block into ``out``: the distribution function plus x times the density."""
    _distribution(x, out)
    density = x * x
    density *= -0.5
    np.exp(density, out=density)
    density *= x
    density *= 1 / math.sqrt(2 * math.pi)
    out += density


def _gelu_in_blocks(kernel: Callable[[Array, Array], None], x: Array, factor: Array) -> Array:
    """``kernel(x) * factor``; all passes over a block are made while it is in the cache."""
    if x.dtype.itemsize == 2:
        wide = _gelu_in_blocks(kernel, x.astype(np.float32), factor.astype(np.float32))
        return wide.astype(x.dtype)
    if x.shape != factor.shape:  # one of them batched
        x, factor = np.broadcast_arrays(x, factor)
    y = np.empty(x.shape, x.dtype)
    flat, factors, out = x.reshape(-1), factor.reshape(-1), y.reshape(-1)
    for block in blocks(flat.size):
        part = out[block]
        kernel(flat[block], part)
        part *= factors[block]
    return y


def _gelu_rule(g: Any, _y: Any, x: Any) -> Any:
    distribution = (1 + _erf(x * math.sqrt(0.5))) * 0.5
    return g * (distribution + x * (np.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))))


_GELU = Operation(
    "gelu",
    lambda x: _gelu_in_blocks(_distribution, x, x),
    _gelu_rule,
    raw=(lambda g, _y, x: _gelu_in_blocks(_slope, x, g),),
    elementwise=True,
)

_K, _CUBIC = math.sqrt(2 / math.pi), 0.044715


def _gelu_tanh_rule(g: Any, _y: Any, x: Any) -> Any:
    square = x * x
    t = np.tanh(x * (square * _CUBIC + 1) * _K)
    return g * ((1 + t) * 0.5 + x * (1 - t * t) * (square * (3 * _CUBIC) + 1) * (0.5 * _K))


_GELU_TANH = Operation(
    "gelu",
    lambda x: 0.5 * x * (1 + np.tanh(x * (x * x * _CUBIC + 1) * _K)),
    _gelu_tanh_rule,
    elementwise=True,
)


@takes_out
def gelu(input: Tensor, approximate: str = "none", *, out: Tensor | None = None) -> Tensor:
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
    return run(_GELU if approximate == "none" else _GELU_TANH, input, False)


# --- made of sigmoid, softplus and tanh ---------------------------------------------------------------------


def _silu_rule(g: Any, _y: Any, x: Any) -> Any:
    s = _sigmoid(x)
    return g * (s * (x * (1 - s) + 1)).conj()


_SILU = Operation("silu", lambda x: x * activations.logistic(x), _silu_rule, elementwise=True)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * sigmoid(input)``, elementwise, also of complex numbers.

    Derivative: s * (1 + input * (1 - s)) with s = sigmoid(input).

    Source: Ramachandran et al., Searching for activation functions (2017), called swish there.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.silu(at.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """
    input = tensor_input(input, "input", "silu")
    if input._array.dtype.kind != "c":
        input = floating_input(input, "silu")
    return run_any(_SILU, input, inplace)


def _mish_parts(x: Any) -> tuple[Any, Any]:
    """Return e = exp(x) and n = e (e + 2): tanh(softplus(x)) is n / (n + 2)."""
    e = np.exp(np.minimum(x, 5 if x.dtype == np.float16 else 20))
    return e, e * (e + 2)


def _mish(x: Array) -> Any:
    _, n = _mish_parts(x)
    return x * (n / (n + 2))


def _mish_rule(g: Any, _y: Any, x: Any) -> Any:
    e, n = _mish_parts(x)
    rest = 2 / (n + 2)  # 1 - tanh(softplus(x))
    t = n / (n + 2)
    return g * (t + x * (e / (e + 1)) * (rest * (1 + t)))


_MISH = Operation("mish", _mish, _mish_rule, elementwise=True)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * tanh(softplus(input))``, elementwise.

    Derivative: t + input * sigmoid(input) * (1 - t^2) with t = tanh(softplus(input)).

    Source: Misra, Mish: a self regularized non-monotonic activation function (2019).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.mish(at.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """
    return run(_MISH, input, inplace)


def _softplus(x: Array, beta: float, threshold: float) -> Any:
    z = x if beta == 1 else x * beta
    y = np.maximum(z, 0) + log1p_exp(z)
    if beta != 1:
        y = y / beta
    linear = z > threshold
    return np.where(linear, x, y) if linear.any() else y


def _softplus_rule(g: Any, _y: Any, x: Any, beta: float, threshold: float) -> Any:
    z = x * beta
    return np.where(z > threshold, g, g * _sigmoid(z))


def _softplus_raw_rule(g: Array, _y: Any, x: Array, beta: float, threshold: float) -> Any:
    z = x if beta == 1 else x * beta
    linear = z > threshold
    gx = g * activations.logistic(z)
    return np.where(linear, g, gx) if linear.any() else gx


_SOFTPLUS = Operation("softplus", _softplus, _softplus_rule, raw=(_softplus_raw_rule,), elementwise=True)


@takes_out
def softplus(input: Tensor, beta: float = 1, threshold: float = 20, *, out: Tensor | None = None) -> Tensor:
    """``log(1 + exp(beta * input)) / beta``, and ``input`` itself where ``beta * input > threshold``.

    Derivative: sigmoid(beta * input), and 1 there.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.softplus(at.tensor([-1.0, 2.0, 1000.0]))
    tensor([3.1326e-01, 2.1269e+00, 1.0000e+03])
    """
    return run(_SOFTPLUS, input, False, float(beta), float(threshold))


_LOG_SIGMOID = Operation(
    "log_sigmoid",
    lambda x: np.minimum(x, 0) - log1p_exp(x),
    lambda g, _y, x: g * _sigmoid(-x),
    elementwise=True,
)


@takes_out
def logsigmoid(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``log(sigmoid(input))``, elementwise, without overflow. Derivative: sigmoid(-input).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.logsigmoid(at.tensor([-1000.0, 2.0]))
    tensor([-1.0000e+03, -1.2693e-01])
    """
    return run(_LOG_SIGMOID, input, False)


def softsign(input: Tensor) -> Tensor:
    """``input / (1 + |input|)``, elementwise. Derivative: 1 / (1 + |input|)^2.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.softsign(at.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    input = tensor_input(input, "input", "softsign")
    return input / (input.abs() + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """``input - tanh(input)``, elementwise. Derivative: tanh(input)^2.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.tanhshrink(at.tensor([-1.0, 2.0]))
    tensor([-0.2384,  1.0360])
    """
    input = tensor_input(input, "input", "tanhshrink")
    return input - input.tanh()


# --- along a dimension --------------------------------------------------------------------------------------


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


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> Tensor:
    """``softmax(-input)`` along ``dim``.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.softmin(at.tensor([0.0, 1.0]), dim=0)
    tensor([0.7311, 0.2689])
    """
    input = tensor_input(input, "input", "softmin")
    return activations.softmax(-input, _softmax_dim("softmin", dim, input.ndim, _stacklevel), dtype)


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


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A sample of the Gumbel-softmax distribution: ``softmax((logits + gumbel noise) / tau)`` along ``dim``.

    ``hard``: the sample is one-hot, its gradient that of the soft one. The draws are those of the global
    generator (:func:`autotape.manual_seed`). ``eps`` has no effect.

    Source: Jang et al., Categorical reparameterization with Gumbel-softmax (2016).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.gumbel_softmax(at.zeros(4, 3), hard=True).sum(dim=1)
    tensor([1., 1., 1., 1.])
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    logits = floating_input(logits, "gumbel_softmax", "logits")
    noise = -Tensor._wrap(np.empty_like(logits._array)).exponential_().log()
    soft = activations.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    constant = soft.detach()
    one_hot = zeros_like(constant).scatter_(dim, constant.argmax(dim, keepdim=True), 1.0)
    return one_hot - constant + soft
