"""Quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import from_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops.selecting import gather
from autotape.ops.sorting import sort
from autotape.ops.ternary import lerp

__all__ = ["nanquantile", "quantile"]

methods = __all__
in_place: list[str] = []

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(
    name: str, input: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool
) -> Tensor:
    input = tensor_input(input, "input", name)
    x = input._array
    if not x.size:
        raise RuntimeError(f"{name}() input tensor must be non-empty, got shape {list(x.shape)}")
    if x.dtype not in (np.float32, np.float64):
        raise RuntimeError(
            f"{name}() input tensor must be either float or double dtype, got {from_numpy_dtype(x.dtype)}"
        )
    if not isinstance(q, (Tensor, np.ndarray)):
        q = Tensor._wrap(np.asarray(q, x.dtype))
    q = tensor_input(q, "q", name)
    places = q._array
    if places.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor, got shape {list(places.shape)}")
    if places.dtype != x.dtype:
        raise RuntimeError(
            f"{name}() q tensor must be same dtype as the input: q is {from_numpy_dtype(places.dtype)}, "
            f"the input {from_numpy_dtype(x.dtype)}"
        )
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
            f"{interpolation!r}"
        )
    if not ((places >= 0) & (places <= 1)).all():
        raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {places.tolist()}")
    if dim is None:
        axis, lines, kept = 0, input.reshape(x.size), [1] * x.ndim
    else:
        axis = normalize_dim(dim, x.ndim)
        lines = input.reshape(1) if not x.ndim else input
        kept = [1 if i == axis else n for i, n in enumerate(x.shape)]
    y = _at_ranks(sort(lines, axis).values.movedim(axis, -1), q, interpolation, skip_nan)
    if places.ndim:  # the quantiles first
        return y.movedim(-1, 0).reshape([places.size, *kept]) if keepdim else y.movedim(-1, 0)
    return y.reshape(kept) if keepdim else y.squeeze(-1)


def _at_ranks(ordered: Tensor, q: Tensor, interpolation: str, skip_nan: bool) -> Tensor:
    """The values at the fractions ``q`` of the last dimension, which is in order, NaN last."""
    values = ordered._array
    nan = np.isnan(values)
    last = values.shape[-1] - 1
    if skip_nan:
        numbers = np.maximum(np.count_nonzero(~nan, axis=-1, keepdims=True) - 1, 0).astype(values.dtype)
        ranks = q.reshape(-1) * Tensor._wrap(numbers)
    else:
        found = nan[..., last:]
        ranks = q.reshape(-1) * last
        if found.any():
            ranks = ranks.masked_fill(Tensor._wrap(found), last)
    ranks = ranks.expand(*values.shape[:-1], q._array.size)
    place = ranks._array
    low = np.floor(place)

    def picked(where: np.ndarray[Any, Any]) -> Tensor:
        return gather(ordered, -1, Tensor._wrap(where.astype(np.int64)))

    if interpolation == "lower":
        return picked(low)
    if interpolation == "higher":
        return picked(np.ceil(place))
    if interpolation == "nearest":
        return picked(np.round(place))
    weight: Any = 0.5 if interpolation == "midpoint" else ranks - Tensor._wrap(low)
    return lerp(picked(low), picked(np.ceil(place)), weight)


@dim_names
def quantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Tensor | None = None,
) -> Tensor:
    """The value below which the fraction ``q`` of the elements along ``dim`` (None: of all) lies.

    In sorted order the place is ``q * (n - 1)``; between two elements a < b at the fraction f of the way,
    ``interpolation`` gives "linear": a + (b - a) * f, "lower": a, "higher": b, "midpoint": (a + b) / 2,
    "nearest": the nearer one (round half to even). With a 1-d ``q`` the result's first dimension counts the
    quantiles. NaN where there is one. Differentiable by input (the gradient goes to a and b) and by q.
    Errors: RuntimeError for an empty input, q outside [0, 1], or dtypes other than float32 and float64.

    >>> import autotape as at
    >>> at.quantile(at.tensor([0.0, 1.0, 2.0, 3.0]), at.tensor([0.5, 0.6]))
    tensor([1.5000, 1.8000])
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@dim_names
def nanquantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Tensor | None = None,
) -> Tensor:
    """The :func:`quantile` of the elements that are not NaN; NaN where there is none.

    >>> import autotape as at
    >>> at.nanquantile(at.tensor([0.0, float("nan"), 2.0]), 0.5)
    tensor(1.)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)
