"""The frequencies of a spectrum's entries, and their order."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike
from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.fft._arguments import Dims
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops._making import count_of, finish, sampled_dtype
from autotape.ops.arranging import roll

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]


def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequencies of the n entries of :func:`fft`, of samples at the distance ``d``.

    ``[0, 1, ..., (n - 1) // 2, -(n // 2), ..., -1] / (n d)``, in the default dtype. Errors: RuntimeError for
    a negative n or an integer ``dtype``.

    >>> import autotape as at
    >>> at.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    count, to = count_of(n, "fftfreq", "n"), sampled_dtype(dtype, out, "fftfreq")
    k = np.concatenate((np.arange((count + 1) // 2), np.arange(-(count // 2), 0)))
    return finish(_scaled(k, n, d, to), device, requires_grad, out, "fftfreq", layout)


def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequencies of the n // 2 + 1 entries of :func:`rfft`: ``[0, 1, ..., n // 2] / (n d)``.

    >>> import autotape as at
    >>> at.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    count, to = count_of(n, "rfftfreq", "n"), sampled_dtype(dtype, out, "rfftfreq")
    return finish(
        _scaled(np.arange(count // 2 + 1), n, d, to), device, requires_grad, out, "rfftfreq", layout
    )


def _scaled(k: Any, n: int, d: float, dtype: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.asarray(k * (np.float64(1) / (np.float64(n) * d))).astype(dtype)


@dim_names
def fftshift(input: Tensor, dim: Dims | None = None) -> Tensor:
    """The entry of frequency 0 moved from the beginning to the middle, n // 2, along ``dim`` (or all).

    >>> import autotape as at
    >>> at.fft.fftshift(at.fft.fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    return _shifted(input, dim, "fftshift", 0)


@dim_names
def ifftshift(input: Tensor, dim: Dims | None = None) -> Tensor:
    """The inverse of :func:`fftshift`: the entry of frequency 0 from the middle to the beginning.

    >>> import autotape as at
    >>> at.fft.ifftshift(at.fft.fftshift(at.arange(5)))
    tensor([0, 1, 2, 3, 4])
    """
    return _shifted(input, dim, "ifftshift", 1)


def _shifted(input: Tensor, dim: Any, name: str, up: int) -> Tensor:
    x = tensor_input(input, "input", name)
    ndim = x._array.ndim
    dims = range(ndim) if dim is None else dim if isinstance(dim, (tuple, list)) else (dim,)
    along = [normalize_dim(d, ndim) for d in dims]
    if not ndim or not along:
        raise RuntimeError(f"{name}(): `shifts` required: there is no dimension to shift along")
    return roll(x, tuple([(x._array.shape[d] + up) // 2 for d in along]), tuple(along))
