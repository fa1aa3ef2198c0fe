"""Derivatives by differences, with an estimate of their own error: what the gradient checkers stand on.

Functions are followed along a line, ``y(t) = f(x + t d)``, as flat float64 vectors (a complex number is two
real ones), and ``weights`` (one row for each; None: the elements themselves) make numbers of them. Central
differences are extrapolated (Richardson); how well successive extrapolations agree says how far the
derivative can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "Line",
    "Sides",
    "extrapolated",
    "flat",
    "near_step",
    "place_of",
    "quick",
    "sides",
    "signed",
    "sweep",
    "unflat",
]

Array = np.ndarray[Any, Any]

STEPS = 16  # of a sweep: 4, 1, 1/4 ... 4e-9
SAFETY = 8.0  # how many ulp of the terms a value may be off


class Line:
    """``y(t)`` along a line through the point t = 0; every value is computed once.

    ``precision`` is the relative rounding error of the values.
    """

    def __init__(self, function: Callable[[float], Array], precision: float = 2.0**-52) -> None:
        self._function = function
        self._known: dict[float, Array] = {}
        self.precision = precision

    def at(self, t: float) -> Array:
        """``y(t)``."""
        y = self._known.get(t)
        if y is None:
            y = self._known[t] = self._function(t)
        return y

    def central(self, h: float) -> Array:
        """``(y(h) - y(-h)) / 2h``."""
        up, down = self.at(h), self.at(-h)
        with np.errstate(all="ignore"):
            return (up - down) / (2 * h)

    def noise(self, weights: Array | None, h: float) -> Array:
        """What rounding can do to a difference with the step ``h``."""
        with np.errstate(all="ignore"):
            size = np.fmax(np.abs(self.at(h)), np.abs(self.at(-h)))
            if weights is not None:
                size = np.abs(weights) @ size
        return np.asarray(SAFETY * self.precision * size / h)


def _weighed(weights: Array | None, y: Array) -> Array:
    return y if weights is None else np.asarray(weights @ y)


def quick(line: Line, weights: Array, h: float) -> tuple[Array, Array]:
    """``weights @ y'(0)`` from the steps h and h/2, and what rounding can do to it: four values in all."""
    with np.errstate(all="ignore"):
        far, near = weights @ line.central(h), weights @ line.central(h / 2)
        return np.asarray((4 * near - far) / 3), line.noise(weights, h / 2)


def extrapolated(line: Line, weights: Array | None, h: float) -> tuple[Array, Array]:
    """``weights @ y'(0)`` from the steps h, h/2, h/4, and the error of each (inf: not finite)."""
    with np.errstate(all="ignore"):
        d = [_weighed(weights, line.central(h / 2**k)) for k in range(3)]
        first, second = (4 * d[1] - d[0]) / 3, (4 * d[2] - d[1]) / 3
        value = (16 * second - first) / 15
        error = np.abs(value - second) + line.noise(weights, h / 4)
    return value, np.where(np.isfinite(error), error, np.inf)


def sweep(line: Line, weights: Array | None, largest: float = 4.0) -> tuple[Array, Array, float]:
    """The same from many steps: the extrapolation that its neighbours confirm best, its error, its step."""
    steps = [largest / 4**j for j in range(STEPS)]
    with np.errstate(all="ignore"):
        d = np.array([_weighed(weights, line.central(h)) for h in steps])
        once = (16 * d[1:] - d[:-1]) / 15
        twice = (256 * once[1:] - once[:-1]) / 255
        apart = np.abs(np.diff(twice, axis=0))
        # Two neighbours must agree with it: one alone can do so by chance.
        error = np.maximum(apart[1:], apart[:-1])
        noise = np.array([line.noise(weights, h) for h in steps[3:-1]])
        # The rounding inside the function shows at the smallest steps: a typical jump of the value there.
        jumps = np.sort(np.abs(np.diff(d, axis=0))[-6:] * np.array(steps[-6:])[:, None], axis=0)[3]
        noise = noise + 4 * np.nan_to_num(jumps) / np.array(steps[3:-1])[:, None]
    error = np.where(np.isfinite(error), error, np.inf) + np.where(np.isfinite(noise), noise, np.inf)
    best = error.argmin(axis=0)
    column = np.arange(len(best))
    # extrapolated() goes to a quarter of its step: it starts at the largest of those that count here
    return twice[1:-1][best, column], error[best, column], steps[int(best.max(initial=0)) + 1]


@dataclass(frozen=True)
class Sides:
    """The derivatives of the weighted sums from the two sides, and what they tell about the point.

    ``low`` and ``high`` bound the derivative, term by term of the sum. ``kink``: they differ at any step.
    ``jump``: the value itself does. ``infinite``: the slope grows without bound as the step shrinks.
    ``edge``: the function exists on one side only.
    """

    low: Array
    high: Array
    kink: Array
    jump: Array
    infinite: Array
    edge: bool


def near_step(line: Line, weights: Array, gap: float) -> float:
    """The smallest useful step of :func:`sides`, where derivatives that differ by ``gap`` are told apart."""
    size = float((np.abs(weights) @ np.abs(line.at(0.0))).max(initial=0))
    needed = 400 * SAFETY * line.precision * size / gap if gap > 0 else 1.0
    return min(max(needed, 2.0**-30), 2.0**-6)


def sides(line: Line, weights: Array, step: float = 2.0**-24) -> Sides:
    """One-sided derivatives at t = 0; where the function exists on one side only, that side's."""
    zero, one = line.at(0.0), np.abs(weights)
    lows, highs, changes = [], [], []
    with np.errstate(all="ignore"):
        for h in (256 * step, 16 * step, step):
            ahead, behind = (line.at(h) - zero) / h, (zero - line.at(-h)) / h
            edge = not (np.isfinite(ahead).all() and np.isfinite(behind).all())
            ahead, behind = (
                np.where(np.isfinite(ahead), ahead, behind),
                np.where(np.isfinite(behind), behind, ahead),
            )
            lows.append(np.minimum(weights * ahead, weights * behind).sum(axis=1))
            highs.append(np.maximum(weights * ahead, weights * behind).sum(axis=1))
            changes.append(np.maximum(np.abs(ahead), np.abs(behind)) * h)
        wide, narrow = highs[0] - lows[0], highs[2] - lows[2]
        noise = 2 * SAFETY * line.precision * (one @ np.abs(zero)) / step
        size = np.maximum(np.abs(lows[-1]), np.abs(highs[-1]))
        kink = (narrow > 0.3 * wide) & (narrow > 4 * noise) & (narrow > 1e-5 * size)
        # Of the terms, those that count: a jump does not shrink with the step, a root's slope grows.
        moved = [one @ c for c in changes]
        jump = kink & (moved[2] > 0.5 * moved[0]) & (moved[2] > 4 * noise * step)
        grown = np.maximum(np.abs(lows[-1]), np.abs(highs[-1])) / np.maximum(
            np.maximum(np.abs(lows[0]), np.abs(highs[0])), 1e-300
        )
        infinite = ~jump & (grown > 3) & (size > 16 * noise)
        if edge and not infinite.any():
            # Towards the edge a slope may settle as slowly as a root does: extrapolate a power of the step.
            lows[-1], highs[-1] = _aitken(*lows), _aitken(*highs)
    return Sides(lows[-1], highs[-1], kink, jump, infinite, edge)


def _aitken(a: Array, b: Array, c: Array) -> Array:
    """Where a sequence that approaches its limit by a constant ratio ends."""
    change = (c - b) - (b - a)
    return np.where(np.abs(change) > 1e-9 * np.abs(c), c - (c - b) ** 2 / np.where(change == 0, 1, change), c)


def signed(rng: np.random.Generator, size: int) -> Array:
    """A random vector with entries of size 0.5 to 1.5 and random signs: no entry counts little."""
    return np.asarray(rng.uniform(0.5, 1.5, size) * rng.choice((-1.0, 1.0), size))


def place_of(position: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The index of an element by its number."""
    return tuple(int(i) for i in np.unravel_index(position, shape))


def flat(array: Array) -> Array:
    """The elements as a float64 vector; a complex one as two."""
    if array.dtype.kind == "c":
        return np.ascontiguousarray(array, np.complex128).reshape(-1).view(np.float64)
    return np.ascontiguousarray(array, np.float64).reshape(-1)


def unflat(vector: Array, like: Array) -> Array:
    """The array of the shape and dtype of ``like`` that :func:`flat` made a vector of."""
    if like.dtype.kind == "c":
        vector = np.ascontiguousarray(vector).view(np.complex128)
    return vector.reshape(like.shape).astype(like.dtype)
