"""Initial values of parameters. Every function fills its tensor in place, unrecorded, and returns it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from autotape.autograd.modes import no_grad
from autotape.engine.tensor import Tensor
from autotape.left_out import missing
from autotape.ops.generator import source

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

Array = np.ndarray[Any, Any]

_LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights before a nonlinearity are scaled up to keep the variance of its output.

    1 for linear maps and "sigmoid", 5/3 for "tanh", sqrt(2) for "relu", sqrt(2 / (1 + param^2)) for
    "leaky_relu" of slope ``param`` (0.01), 3/4 for "selu"; ValueError for another name.

    >>> calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    if nonlinearity in _LINEAR or nonlinearity == "sigmoid":
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if param is None:
            param = 0.01
        elif isinstance(param, bool) or not isinstance(param, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + param**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Of a weight (out, in, *kernel): the inputs that an output depends on, and the outputs of an input."""
    shape = tensor.shape
    if len(shape) < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from U(a, b).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.init.uniform_(at.empty(3, 5), 2.0, 2.0).unique()
    tensor([2.])
    """
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from N(mean, std^2).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.init.normal_(at.empty(3, 5)).shape
    autotape.Size([3, 5])
    """
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Fill with draws from N(mean, std^2) restricted to [a, b].

    >>> import autotape as at
    >>> from autotape import nn
    >>> bool((nn.init.trunc_normal_(at.empty(100), std=3.0).abs() <= 2).all())
    True
    """
    if not a <= b:
        raise ValueError(f"trunc_normal_: the bounds must be in order, got a={a}, b={b}")
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    draws = _truncated((a - mean) / std, (b - mean) / std, tensor.numel(), source(generator))
    values = np.clip(draws * std + mean, a, b).reshape(tuple(tensor.shape))
    with no_grad():
        return tensor.copy_(Tensor._wrap(values))


def _truncated(low: float, high: float, count: int, random: np.random.Generator) -> Array:
    """Draws from the standard normal distribution within [low, high], by rejection."""
    share = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
    kept = [np.empty(0)]
    missing = count
    while missing:
        if share > 0.1:
            draws = random.standard_normal(int(1.2 * missing / share) + 16)
            good = draws[(draws >= low) & (draws <= high)]
        else:
            # A narrow piece, or a tail: uniform draws, kept in proportion to the density; cut off where that
            # has fallen by e^-40 from its peak in the interval.
            peak = min(max(low, 0.0), high)
            reach = math.sqrt(peak * peak + 80)
            draws = random.uniform(max(low, -reach), min(high, reach), 16 * missing + 16)
            good = draws[random.random(draws.size) < np.exp((peak * peak - draws * draws) / 2)]
        kept.append(good[:missing])
        missing -= len(kept[-1])
    return np.concatenate(kept)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.init.constant_(at.empty(2), 0.3)
    tensor([0.3000, 0.3000])
    """
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill a tensor with ones, in place, and return it."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill a tensor with zeros, in place, and return it."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Make a matrix the identity: ones on its diagonal, zeros elsewhere.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.init.eye_(at.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with no_grad():
        return tensor.copy_(Tensor._wrap(np.eye(*tensor.shape)))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Make the weight of a convolution (out, in, *kernel) pass on its input channels unchanged.

    Output channel d of each group is input channel d of that group: a one in the middle of its kernel, zeros
    elsewhere. ValueError unless there are 3 to 5 dimensions and ``groups`` divides the first.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.init.dirac_(at.empty(2, 2, 3)).tolist()
    [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    values = np.zeros(tensor.shape)
    if values.size:
        channels = tensor.shape[0] // groups
        same = np.arange(min(channels, tensor.shape[1]))
        middle = tuple([size // 2 for size in tensor.shape[2:]])
        for first in range(0, tensor.shape[0], channels):
            values[(first + same, same, *middle)] = 1
    with no_grad():
        return tensor.copy_(Tensor._wrap(values))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Fill a matrix with draws from N(0, std^2), a share of each column with zeros: ceil(sparsity * rows).

    Source: Martens, Deep learning via Hessian-free optimization (2010).

    >>> import autotape as at
    >>> from autotape import nn
    >>> (nn.init.sparse_(at.empty(10, 3), sparsity=0.25) == 0).sum(0).tolist()
    [3, 3, 3]
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    normal_(tensor, 0.0, std, generator)
    order = source(generator).random((rows, columns)).argsort(0)  # in each column a permutation of the rows
    with no_grad():
        return tensor.masked_fill_(Tensor._wrap(order < zeros), 0)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from U(-a, a), a = gain * sqrt(6 / (fan_in + fan_out)).

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks
    (2010).

    >>> import autotape as at
    >>> from autotape import nn
    >>> w = nn.init.xavier_uniform_(at.empty(3, 5), gain=nn.init.calculate_gain("relu"))
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    bound = gain * math.sqrt(6.0 / (fan_in + fan_out)) if fan_in + fan_out else 0.0
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from N(0, s^2), s = gain * sqrt(2 / (fan_in + fan_out)).

    Source: Glorot and Bengio (2010), as :func:`xavier_uniform_`.
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / (fan_in + fan_out)) if fan_in + fan_out else 0.0
    return normal_(tensor, 0.0, std, generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan = _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]
    gain = calculate_gain(nonlinearity, a)
    return gain / math.sqrt(fan) if fan else 0.0


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Fill with draws from U(-b, b), b = gain * sqrt(3 / fan).

    ``fan`` is the number of inputs (``mode="fan_in"``) or of outputs (``"fan_out"``); ``a`` the negative
    slope where the nonlinearity is "leaky_relu" (see :func:`calculate_gain`).

    Source: He et al., Delving deep into rectifiers (2015).

    >>> import autotape as at
    >>> from autotape import nn
    >>> w = nn.init.kaiming_uniform_(at.empty(3, 5), mode="fan_in", nonlinearity="relu")
    """
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Fill with draws from N(0, s^2), s = gain / sqrt(fan); arguments as of :func:`kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Fill with ``gain`` times a random matrix with orthonormal rows or columns, whichever are fewer.

    Dimensions after the first count as columns; ValueError for fewer than two dimensions.

    Source: Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks (2013).

    >>> import autotape as at
    >>> from autotape import nn
    >>> w = nn.init.orthogonal_(at.empty(3, 5))
    >>> at.allclose(w @ w.T, at.eye(3), atol=1e-6)
    True
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    draws = source(generator).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(draws)
    q *= np.sign(np.diag(r))  # makes the distribution uniform
    matrix = (q.T if rows < columns else q) * gain
    with no_grad():
        return tensor.copy_(Tensor._wrap(np.ascontiguousarray(matrix).reshape(tuple(tensor.shape))))


def _superseded(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function under PyTorch's first name of it, without the underscore; it warns, as there."""
    name = function.__name__

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(
            f"nn.init.{name[:-1]} is now deprecated in favor of nn.init.{name}", FutureWarning, stacklevel=2
        )
        return function(*args, **kwargs)

    return call


uniform = _superseded(uniform_)
normal = _superseded(normal_)
constant = _superseded(constant_)
eye = _superseded(eye_)
dirac = _superseded(dirac_)
sparse = _superseded(sparse_)
orthogonal = _superseded(orthogonal_)
xavier_uniform = _superseded(xavier_uniform_)
xavier_normal = _superseded(xavier_normal_)
kaiming_uniform = _superseded(kaiming_uniform_)
kaiming_normal = _superseded(kaiming_normal_)


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise missing("nn.init", name, __all__)
