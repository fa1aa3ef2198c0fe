"""Histograms. They count: nothing here has a derivative."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.dtypes import from_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.out import takes_out
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor

__all__ = ["histc", "histogram", "histogramdd"]

methods = ["histc", "histogram"]
in_place: list[str] = []

Array = np.ndarray[Any, Any]


class Histogram(NamedTuple):
    """The result of :func:`histogram`."""

    hist: Tensor
    bin_edges: Tensor


class HistogramDD(NamedTuple):
    """The result of :func:`histogramdd`."""

    hist: Tensor
    bin_edges: tuple[Tensor, ...]


def _floating_input(function: str, input: Any) -> Array:
    x = tensor_input(input, "input", function)._array
    if x.dtype.kind != "f":
        raise NotImplementedError(
            f"{function}() is not implemented for {from_numpy_dtype(x.dtype)}; convert it first, for example "
            "with .float()"
        )
    return x


def _limits(
    function: str, x: Array, low: float, high: float, given: bool, margin: float
) -> tuple[float, float]:
    """The range of the bins: the given one or that of the data, widened by the margin if it has no width."""
    if not given and x.size:
        low, high = float(x.min()), float(x.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{function}(): range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{function}(): max must be larger than min, got min={low}, max={high}")
    return (low - margin, high + margin) if low == high else (low, high)


@takes_out
def histc(
    input: Tensor, bins: int = 100, min: float = 0, max: float = 0, *, out: Tensor | None = None
) -> Tensor:
    """How many elements fall into each of ``bins`` equal bins between ``min`` and ``max``.

    With min = max = 0 the range is that of the data; where it has no width it is widened by 1 on both sides.
    The last bin holds its upper edge; elements outside, and NaN, are not counted. The counts have the dtype
    of the input. Errors: NotImplementedError for integers; RuntimeError for bins < 1, min > max or a range
    that is not finite.

    >>> import autotape as at
    >>> at.histc(at.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    x = _floating_input("histc", input)
    if bins <= 0:
        raise RuntimeError(f"histc(): bins must be > 0, but got {bins}")
    low, high = _limits("histc", x, min, max, min != max, 1.0)
    x = x[(x >= low) & (x <= high)]
    kind = x.dtype.type
    place = quietly(lambda: (x - kind(low)) * kind(bins) / kind(high - low)).astype(np.int64)
    counts = np.bincount(np.minimum(place, bins - 1), minlength=bins)
    return Tensor._wrap(counts.astype(x.dtype))


def _edges(function: str, x: Array, bins: Any, low: float, high: float, given: bool) -> Array:
    if isinstance(bins, (Tensor, np.ndarray)):
        edges = tensor_input(bins, "bins", function)._array
        if edges.ndim != 1 or not edges.size:
            raise RuntimeError(
                f"{function}(): bins tensor should have one dimension and at least one element, but got "
                f"shape {list(edges.shape)}"
            )
        if edges.dtype != x.dtype:
            raise RuntimeError(
                f"{function}(): input tensor and bins tensors should have the same dtype, but got input with "
                f"dtype {from_numpy_dtype(x.dtype)} and bins with dtype {from_numpy_dtype(edges.dtype)}"
            )
        return edges
    if bins <= 0:
        raise RuntimeError(f"{function}(): bins must be > 0, but got {bins}")
    if not given and not x.size:
        low, high = 0.0, 1.0
    low, high = _limits(function, x, low, high, given, 0.5)
    return np.linspace(low, high, bins + 1, dtype=x.dtype)


def _counted(function: str, points: Array, edges: list[Array], weight: Any, density: bool) -> Array:
    """The counts of (or weight at) the rows of ``points`` in the product of the bins of each column."""
    shape = [e.size - 1 for e in edges]
    inside = np.ones(points.shape[0], bool)
    places = np.zeros(points.shape[0], np.int64)
    for column, edge in zip(points.T, edges, strict=True):
        place = edge.searchsorted(column, "right") - 1
        place[column == edge[-1]] = edge.size - 2  # the last bin holds its upper edge
        inside &= (place >= 0) & (place < edge.size - 1)
        places = places * (edge.size - 1) + place
    weights = None
    if weight is not None:
        w = tensor_input(weight, "weight", function)._array
        if w.dtype != points.dtype or w.size != points.shape[0]:
            raise RuntimeError(
                f"{function}(): weight must have the dtype and number of points of the input, but got "
                f"{from_numpy_dtype(w.dtype)} of shape {list(w.shape)} for {points.shape[0]} points of "
                f"{from_numpy_dtype(points.dtype)}"
            )
        weights = w.reshape(-1)[inside]
    hist = np.bincount(places[inside], weights, prod(shape)).astype(points.dtype).reshape(shape)
    if density:
        hist = hist / hist.sum()
        for d, edge in enumerate(edges):
            hist = hist / np.diff(edge).reshape([-1 if i == d else 1 for i in range(len(edges))])
    return hist


@takes_out
def histogram(
    input: Tensor,
    bins: int | Tensor = 100,
    *,
    range: tuple[float, float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
    out: tuple[Tensor, Tensor] | None = None,
) -> Histogram:
    """A histogram of all elements: a named tuple ``(hist, bin_edges)``.

    ``bins`` is a number of equal bins over ``range`` (default: the range of the data) or an increasing 1-d
    tensor of edges. Each bin holds its left edge, the last one both. ``weight`` (of the input's shape) is
    summed in place of counting; ``density`` divides by the total and the widths.
    Errors: NotImplementedError for integers; RuntimeError for bins, ranges and weights that do not fit.

    >>> import autotape as at
    >>> at.histogram(at.tensor([1.0, 2.0, 1.0]), bins=4, range=(0.0, 3.0)).hist
    tensor([0., 2., 1., 0.])
    """
    x = _floating_input("histogram", input)
    low, high = range or (0.0, 0.0)
    edges = _edges("histogram", x, bins, low, high, range is not None)
    hist = quietly(_counted, "histogram", x.reshape(-1, 1), [edges], weight, density)
    return Histogram(Tensor._wrap(hist), Tensor._wrap(edges.copy()))


def histogramdd(
    input: Tensor,
    bins: int | Sequence[int] | Sequence[Tensor],
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> HistogramDD:
    """A histogram of points, the rows of ``input`` (..., N): a named tuple ``(hist, bin_edges)``.

    ``bins``: a number of bins for every coordinate, N of them, or N tensors of edges; ``range``: 2 N numbers
    (default: the range of each coordinate); the rest as :func:`histogram`. ``hist`` has N dimensions.

    >>> import autotape as at
    >>> at.histogramdd(at.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [2.0, 2.0]]), bins=[3, 3]).hist
    tensor([[0., 1., 0.],
            [1., 0., 0.],
            [0., 1., 1.]])
    """
    x = _floating_input("histogramdd", input)
    if x.ndim < 2:
        raise RuntimeError(f"histogramdd(): input tensor should have at least 2 dimensions, but got {x.ndim}")
    n = x.shape[-1]
    points = x.reshape(prod(x.shape[:-1]), n)
    every: Sequence[Any] = [bins] * n if isinstance(bins, int) else bins
    if len(every) != n:
        raise RuntimeError(
            f"histogramdd(): The size of bins must be equal to the innermost dimension of the input: "
            f"{len(every)} for {n}"
        )
    if range is not None and len(range) != 2 * n:
        raise RuntimeError(f"histogramdd(): range should have {2 * n} elements, but got {len(range)}")
    limits = [(0.0, 0.0)] * n if range is None else list(zip(range[::2], range[1::2], strict=True))
    edges = [
        _edges("histogramdd", points[:, i], b, *limit, range is not None)
        for i, (b, limit) in enumerate(zip(every, limits, strict=True))
    ]
    hist = quietly(_counted, "histogramdd", points, edges, weight, density)
    return HistogramDD(Tensor._wrap(hist), tuple([Tensor._wrap(e.copy()) for e in edges]))
