"""Tables of taps: of which input elements, with which weights, an element of a resized line is made."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

__all__ = ["FILTERS", "Taps", "cubic_weights", "taps_of"]

Array = np.ndarray[Any, Any]


class Taps:
    """The elements that make up each output element: ``y[o] = sum_k weight[o, k] * x[index[o, k]]``.

    ``weight`` None: one tap of weight 1. A tap of weight 0 only fills a row and takes nothing.
    """

    def __init__(self, index: Array, weight: Array | None, size: int) -> None:
        self.index = index
        self.weight = weight
        self.size = size  # of the input

    @cached_property
    def transposed(self) -> Taps:
        """The taps of the adjoint: where each input element went to."""
        outputs, count = self.index.shape
        weight = np.ones((outputs, count)) if self.weight is None else self.weight
        used = np.flatnonzero(weight)
        used = used[np.argsort(self.index.reshape(-1)[used], kind="stable")]
        to = self.index.reshape(-1)[used]
        uses = np.bincount(to, minlength=self.size)
        starts = np.concatenate(((0,), np.cumsum(uses)[:-1]))
        column = np.arange(len(to)) - starts[to]
        shape = (self.size, int(uses.max(initial=1)))
        index, weights = np.zeros(shape, np.intp), np.zeros(shape)
        index[to, column] = used // count
        weights[to, column] = weight.reshape(-1)[used]
        return Taps(index, weights, outputs)

    @cached_property
    def fixed_point(self) -> tuple[Taps, int]:
        """The weights as whole numbers of 16 bits, and by how many bits they are shifted: for bytes."""
        assert self.weight is not None
        largest, shift = float(self.weight.max()), 0
        while shift < 22 and int(0.5 + largest * 2 ** (shift + 1)) < 2**15:
            shift += 1
        scaled = self.weight * 2**shift
        return Taps(self.index, np.trunc(scaled + np.copysign(0.5, scaled)), self.size), shift

    @cached_property
    def _matrices(self) -> dict[np.dtype[Any], Array]:
        return {}

    def matrix(self, dtype: np.dtype[Any]) -> Array:
        """The table as a matrix (outputs, inputs)."""
        if dtype not in self._matrices:
            full = np.zeros((len(self.index), self.size))
            weight = np.ones(self.index.shape) if self.weight is None else self.weight
            np.add.at(full, (np.arange(len(self.index))[:, None], self.index), weight)
            self._matrices[dtype] = full.astype(dtype)
        return self._matrices[dtype]

    @staticmethod
    @lru_cache(maxsize=64)
    def window(size: int, width: int) -> Taps:
        """Means over ``width`` neighbours from ``width // 2`` before on; what lies outside counts as 0."""
        near = np.arange(size)[:, None] + np.arange(width) - width // 2
        inside = (near >= 0) & (near < size)
        return Taps(np.where(inside, near, 0), inside / width, size)


# --- the tables ---------------------------------------------------------------------------------------------


def _step(size: int, out: int, corners: bool, scale: float | None) -> float:
    """How far apart in the input neighbouring output elements are."""
    if corners:
        return (size - 1) / (out - 1) if out > 1 else 0.0
    return 1 / scale if scale is not None and scale > 0 else size / out


def _sources(size: int, out: int, corners: bool, scale: float | None) -> Array:
    """Where in the input each output element lies."""
    step = _step(size, out, corners, scale)
    places = np.arange(out)
    return places * step if corners else (places + 0.5) * step - 0.5


def _nearest(size: int, out: int, scale: float | None, single: bool, exact: bool) -> Taps:
    # In the precision that PyTorch computes in: at a border between two elements it decides.
    real: Any = np.float32 if single else np.float64
    places = np.arange(out, dtype=real) + real(0.5 if exact else 0)
    index = np.floor(places * real(_step(size, out, False, scale))).astype(np.intp)
    return Taps(np.minimum(index, size - 1)[:, None], None, size)


def _linear(size: int, out: int, corners: bool, scale: float | None) -> Taps:
    source = np.maximum(_sources(size, out, corners, scale), 0)
    low = np.minimum(source.astype(np.intp), size - 1)
    part = np.clip(source - low, 0, 1)
    index = np.stack([low, np.minimum(low + 1, size - 1)], 1)
    return Taps(index, np.stack([1 - part, part], 1), size)


def cubic_weights(t: Any, a: float = -0.75) -> tuple[Any, Any, Any, Any]:
    """Keys's cubic convolution weights of the elements at -1, 0, 1 and 2, for a place ``t`` in [0, 1)."""

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return far(t + 1), near(t), near(1 - t), far(2 - t)


def _cubic(size: int, out: int, corners: bool, scale: float | None) -> Taps:
    source = _sources(size, out, corners, scale)
    low = np.floor(source).astype(np.intp)
    index = np.clip(low[:, None] + np.arange(-1, 3), 0, size - 1)
    return Taps(index, np.stack(cubic_weights(np.clip(source - low, 0, 1)), 1), size)


def _area(size: int, out: int) -> Taps:
    places = np.arange(out)
    first, last = places * size // out, -(-(places + 1) * size // out)
    near = first[:, None] + np.arange(int((last - first).max(initial=1)))
    inside = near < last[:, None]
    return Taps(np.where(inside, near, 0), inside / (last - first)[:, None], size)


def _triangle(x: Array) -> Array:
    return np.maximum(1 - np.abs(x), 0)  # type: ignore[no-any-return]


def _keys(x: Array) -> Array:
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x * x + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, inner, np.where(x < 2, outer, 0))


def _lanczos(x: Array) -> Array:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


FILTERS: dict[str, tuple[Callable[[Array], Array], float]] = {
    "bilinear": (_triangle, 1),
    "bicubic": (_keys, 2),
    "lanczos": (_lanczos, 3),
}


def _antialiased(mode: str, size: int, out: int, corners: bool, scale: float | None) -> Taps:
    """A filter as wide as the step, so that no input element is left out where the output is smaller."""
    kernel, reach = FILTERS[mode]
    step = _step(size, out, corners, scale)
    wide = max(step, 1.0)
    centre = step * (np.arange(out) + 0.5)
    first = np.maximum((centre - reach * wide + 0.5).astype(np.intp), 0)
    last = np.minimum((centre + reach * wide + 0.5).astype(np.intp), size)
    near = first[:, None] + np.arange(int((last - first).max(initial=1)))
    inside = near < last[:, None]
    weight = np.where(inside, kernel((near - centre[:, None] + 0.5) / wide), 0)
    total = weight.sum(1, keepdims=True)
    return Taps(np.where(inside, near, 0), weight / np.where(total == 0, 1, total), size)


@lru_cache(maxsize=256)
def taps_of(
    mode: str, size: int, out: int, corners: bool, scale: float | None, antialias: bool, single: bool
) -> Taps | None:
    """The table of a mode; None where nothing changes."""
    if mode in ("nearest", "nearest-exact"):
        return _nearest(size, out, scale, single, mode == "nearest-exact")
    if mode == "bicubic" and not antialias:
        return _cubic(size, out, corners, scale)
    if size == out:
        return None
    if antialias:
        return _antialiased(mode, size, out, corners, scale)
    return _area(size, out) if mode == "area" else _linear(size, out, corners, scale)
