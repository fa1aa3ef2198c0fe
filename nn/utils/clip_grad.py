"""Limits on gradients: of their common norm, of each value."""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from autotape.autograd.modes import no_grad
from autotape.engine.dtypes import promote_arrays
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.linalg.norms import vector_norm
from autotape.ops.from_data import tensor

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Array = np.ndarray[Any, Any]


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of several tensors as of one long vector: ``(sum |x|^p)^(1/p)``, a 0-d tensor.

    Args:
        tensors: the tensors, or one.
        norm_type: p, which may be ``inf``.
        error_if_nonfinite: RuntimeError if the norm is NaN or infinite.
        foreach: accepted, without effect.

    >>> import autotape as at
    >>> from autotape.nn.utils import get_total_norm
    >>> get_total_norm([at.tensor([3.0]), at.tensor([[4.0]])])
    tensor(5.)
    """
    given = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not given:
        return tensor(0.0)
    total = _norm(given, norm_type)
    if error_if_nonfinite and not np.isfinite(total._array):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
            "cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


def _norm(tensors: list[Tensor], p: float) -> Tensor:
    if p == 2.0:
        arrays = [t._array for t in tensors]
        squares = quietly(lambda: [_square(a) for a in arrays])
        dtype = arrays[0].real.dtype
        for a in arrays[1:]:
            dtype = promote_arrays(dtype, a.real.dtype)
        return Tensor._wrap(np.asarray(quietly(np.sqrt, sum(squares)), dtype))
    with no_grad():
        norms = [vector_norm(t, p) for t in tensors]
        return vector_norm(Tensor._wrap(np.stack([n._array for n in norms])), p)


def _square(array: Array) -> Any:
    """The sum of the squares: one BLAS call, a tenth of the time of ``norm`` on a small array."""
    flat = array.reshape(-1)
    if flat.dtype == np.float16:
        flat = flat.astype(np.float32)
    return np.vdot(flat, flat).real


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Multiply the gradients in place by ``max_norm / (total_norm + 1e-6)`` where that is less than 1.

    >>> import autotape as at
    >>> from autotape.nn.utils import clip_grads_with_norm_
    >>> p = at.ones(2, requires_grad=True)
    >>> (4 * p).sum().backward()
    >>> clip_grads_with_norm_(p, 1.0, at.tensor(8.0)); p.grad
    tensor([0.5000, 0.5000])
    """
    grads = _gradients(parameters)
    if not grads:
        return
    factor = float(max_norm) / (total_norm.detach() + 1e-6)
    if factor._array >= 1.0:  # multiplying by 1 would change nothing
        return
    with no_grad():
        for grad in grads:
            grad.mul_(factor)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients in place so that their common norm is at most ``max_norm``; returns the old norm.

    Args:
        parameters: the tensors whose ``.grad`` is scaled (None is passed over), or one tensor.
        max_norm: the largest norm.
        norm_type: p of the norm, see :func:`get_total_norm`.
        error_if_nonfinite: RuntimeError if the norm is NaN or infinite; otherwise it scales all the same.
        foreach: accepted, without effect.

    Source: Pascanu et al., On the difficulty of training recurrent neural networks (2013).

    >>> import autotape as at
    >>> from autotape import nn
    >>> layer = nn.Linear(2, 1)
    >>> layer(at.tensor([[30.0, 40.0]])).sum().backward()
    >>> norm = nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    >>> layer.weight.grad
    tensor([[0.5999, 0.7998]])
    """
    if not isinstance(parameters, Tensor):
        is_generator = isinstance(parameters, types.GeneratorType)
        parameters = list(parameters)
        if is_generator and not parameters:
            warnings.warn(
                "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2
            )
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clamp every value of the gradients in place to ``[-clip_value, clip_value]``.

    >>> import autotape as at
    >>> from autotape import nn
    >>> p = at.ones(2, requires_grad=True)
    >>> (p * at.tensor([3.0, -0.5])).sum().backward()
    >>> nn.utils.clip_grad_value_(p, 1.0); p.grad
    tensor([ 1.0000, -0.5000])
    """
    limit = float(clip_value)
    with no_grad():
        for grad in _gradients(parameters):
            grad.clamp_(-limit, limit)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [grad for grad in [p.grad for p in given] if grad is not None]


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """:func:`clip_grad_norm_` under PyTorch's first name of it; it warns, as there."""
    warnings.warn(
        "nn.utils.clip_grad_norm is now deprecated in favor of nn.utils.clip_grad_norm_",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)
