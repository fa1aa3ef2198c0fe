"""Finite differences and the integrals that undo them: diff, gradient and the trapezoidal rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.ops._dims import Dims, dim_names, normalize_dim, normalize_dims
from autotape.ops.joining import cat

__all__ = ["cumulative_trapezoid", "diff", "gradient", "trapezoid", "trapz"]

methods = ["diff"]
in_place: list[str] = []


def _part(x: Tensor, dim: int, start: int, stop: int | None) -> Tensor:
    return x[(*(slice(None),) * dim, slice(start, stop))]


# --- diff ---------------------------------------------------------------------------------------------------


@dim_names
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The n-th forward difference along ``dim``: ``x[i+1] - x[i]``, taken ``n`` times.

    ``prepend`` and ``append`` are put before and after the input first; they have its shape except along
    ``dim``. Differences of booleans are exclusive ors. Linear: the derivative is the backward difference of
    the gradient. Errors: RuntimeError for a 0-d input or a negative n.

    >>> import autotape as at
    >>> at.diff(at.tensor([1, 3, 2]))
    tensor([ 2, -1])
    """
    input = tensor_input(input, "input", "diff")
    x = input._array
    if not x.ndim:
        raise RuntimeError("diff(): expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"diff(): order must be non-negative but got {n}")
    dim = normalize_dim(dim, x.ndim)
    parts = [input]
    for name, part in (("prepend", prepend), ("append", append)):
        if part is None:
            continue
        part = tensor_input(part, name, "diff")
        shape = part._array.shape
        if len(shape) != x.ndim or any(m != k for i, (m, k) in enumerate(zip(shape, x.shape)) if i != dim):
            raise RuntimeError(
                f"diff(): {name} must have the shape of input except along dim {dim}: got {list(shape)} for "
                f"an input of shape {list(x.shape)}"
            )
        parts.insert(0, part) if name == "prepend" else parts.append(part)
    if n == 0:
        return input.clone()
    y = cat(parts, dim) if len(parts) > 1 else input
    for _ in range(min(n, y._array.shape[dim])):
        size = y._array.shape[dim]
        later, earlier = _part(y, dim, 1, None), _part(y, dim, 0, max(size - 1, 0))
        y = later ^ earlier if y._array.dtype.kind == "b" else later - earlier
    return y.clone() if y is input else y


# --- gradient -----------------------------------------------------------------------------------------------


def _by_step(f: Tensor, dim: int, step: Any, order: int) -> Tensor:
    """The estimate for values at equal steps."""
    inner = (_part(f, dim, 2, None) - _part(f, dim, 0, -2)) / (2 * step)
    first, second = _part(f, dim, 0, 1), _part(f, dim, 1, 2)
    last, before = _part(f, dim, -1, None), _part(f, dim, -2, -1)
    if order == 1:
        return cat([(second - first) / step, inner, (last - before) / step], dim)
    third, earlier = _part(f, dim, 2, 3), _part(f, dim, -3, -2)
    start = (second * 2 - first * 1.5 - third * 0.5) / step
    return cat([start, inner, (earlier * 0.5 - before * 2 + last * 1.5) / step], dim)


def _by_coordinates(f: Tensor, dim: int, places: Tensor, order: int) -> Tensor:
    """The estimate for values at the 1-d coordinates ``places``."""
    n = f._array.shape[dim]
    if places._array.ndim != 1 or places._array.size != n:
        raise RuntimeError(
            f"gradient(): expected spacing along dim {dim} to be a 1-d tensor of {n} coordinates, got shape "
            f"{list(places._array.shape)}"
        )
    h = diff(places).reshape([n - 1] + [1] * (f._array.ndim - dim - 1))  # the steps, along dim of f

    def three(left: Any, right: Any, at: int) -> tuple[Any, Any, Any]:
        """The weights of three neighbours for the slope at the first, middle or last of them."""
        both = left + right
        if at == 0:
            return -(left + both) / (left * both), both / (left * right), -left / (right * both)
        if at == 1:
            return -right / (left * both), (right - left) / (left * right), left / (right * both)
        return right / (left * both), -both / (left * right), (right + both) / (right * both)

    a, b, c = three(h[: n - 2], h[1:], 1)
    inner = a * _part(f, dim, 0, -2) + b * _part(f, dim, 1, -1) + c * _part(f, dim, 2, None)
    first, second = _part(f, dim, 0, 1), _part(f, dim, 1, 2)
    last, before = _part(f, dim, -1, None), _part(f, dim, -2, -1)
    if order == 1:
        return cat([(second - first) / h[:1], inner, (last - before) / h[-1:]], dim)
    a, b, c = three(h[:1], h[1:2], 0)
    start = a * first + b * second + c * _part(f, dim, 2, 3)
    a, b, c = three(h[-2:-1], h[-1:], 2)
    return cat([start, inner, a * _part(f, dim, -3, -2) + b * before + c * last], dim)


@dim_names
def gradient(
    input: Tensor,
    *,
    spacing: float | Sequence[float] | Sequence[Tensor] | None = None,
    dim: Dims = None,
    edge_order: int = 1,
) -> tuple[Tensor, ...]:
    """Estimates of the partial derivatives of a sampled function along each ``dim`` (None: all): a tuple.

    Inside, second-order accurate central differences ``(f[i+1] - f[i-1]) / (2 h)`` (with their weights for
    unequal steps); at the two ends one-sided ones of order ``edge_order`` (1 or 2). ``spacing``: the step h,
    a step per dimension, or a 1-d tensor of coordinates per dimension. Differentiable by input and
    coordinates. Errors: RuntimeError where a dimension has fewer than edge_order + 1 elements.

    >>> import autotape as at
    >>> x = at.tensor([-2.0, -1.0, 1.0, 4.0])
    >>> at.gradient(x * x, spacing=(x,))
    (tensor([-3., -2.,  2.,  5.]),)
    """
    input = tensor_input(input, "input", "gradient")
    x = input._array
    if edge_order not in (1, 2):
        raise RuntimeError(f"gradient(): only supports edge_order=1 and edge_order=2, got {edge_order}")
    dims = tuple(range(x.ndim)) if dim is None else normalize_dims(dim, x.ndim)
    if isinstance(spacing, (list, tuple)):
        steps: list[Any] = list(spacing)
        if len(steps) == 1 and isinstance(dim, int):
            steps = steps * len(dims)
    else:
        steps = [1 if spacing is None else spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError(
            f"gradient(): expected spacing to be unspecified, a number or a list of one item per dimension: "
            f"got {len(steps)} for dimensions {list(dims)}"
        )
    for d in dims:
        if x.shape[d] < edge_order + 1:
            raise RuntimeError(
                f"gradient(): expected each dimension size to be at least edge_order+1: dimension {d} of "
                f"{list(x.shape)} with edge_order={edge_order}"
            )
    return tuple(
        [
            _by_coordinates(input, d, tensor_input(h, "spacing", "gradient"), edge_order)
            if isinstance(h, (Tensor, np.ndarray)) and h.ndim
            else _by_step(input, d, h, edge_order)
            for d, h in zip(dims, steps, strict=True)
        ]
    )


# --- the trapezoidal rule -----------------------------------------------------------------------------------


def _trapezoids(name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Tensor, int]:
    """Twice the area of each trapezoid, and the dimension they lie along."""
    y = tensor_input(y, "y", name)
    if x is not None and dx is not None:
        raise TypeError(f"{name}(): give x or dx, not both")
    dim = normalize_dim(dim, y._array.ndim)
    widths: Any = 1 if dx is None else dx
    if x is not None:
        x = tensor_input(x, "x", name)
    for part in (y, x):
        if part is not None and part._array.dtype.kind == "b":
            raise RuntimeError(f"{name}(): received a bool input for `x` or `y`, but bool is not supported")
    if not y._array.ndim:
        raise IndexError(f"{name}(): Dimension specified as {dim} but tensor has no dimensions")
    ndim, n = y._array.ndim, y._array.shape[dim]
    if x is not None:
        if x._array.ndim == 1:
            if x._array.size != n:
                raise RuntimeError(
                    f"{name}(): There must be one `x` value for each sample point: got {x._array.size} for "
                    f"the {n} along dim {dim} of y"
                )
            widths = diff(x).reshape([max(n - 1, 0)] + [1] * (ndim - dim - 1))
        else:
            widths = diff(x, 1, dim - ndim)
    return (_part(y, dim, 1, None) + _part(y, dim, 0, max(n - 1, 0))) * widths, dim


@dim_names
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """The integral of ``y`` along ``dim`` by the trapezoidal rule: ``sum((y[i] + y[i-1]) / 2 * width[i])``.

    The widths are ``dx`` (1), or the differences of the coordinates ``x``: 1-d along ``dim``, or of a shape
    that broadcasts with y. Differentiable by y and x. Errors: RuntimeError for booleans or unfit x.

    >>> import autotape as at
    >>> at.trapezoid(at.tensor([1, 5, 10]), at.tensor([1, 3, 6]))
    tensor(28.5000)
    """
    areas, dim = _trapezoids("trapezoid", y, x, dx, dim)
    return areas.sum(dim) / 2


trapz = trapezoid


@dim_names
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1
) -> Tensor:
    """The running integral of ``y`` along ``dim`` by the trapezoidal rule: see :func:`trapezoid`.

    The result has one element less along ``dim``.

    >>> import autotape as at
    >>> at.cumulative_trapezoid(at.tensor([1, 5, 10]))
    tensor([ 3.0000, 10.5000])
    """
    areas, dim = _trapezoids("cumulative_trapezoid", y, x, dx, dim)
    return areas.cumsum(dim) / 2
