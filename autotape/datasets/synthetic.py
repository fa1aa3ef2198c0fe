"""Points drawn from a formula: spirals, moons and a linear toy problem."""

from __future__ import annotations

import math

import numpy as np

from autotape.engine.dtypes import default_dtype
from autotape.engine.tensor import Tensor
from autotape.ops.generator import Generator, source

__all__ = ["moons", "spiral", "toy_sequence"]


def spiral(
    points: int = 100, classes: int = 3, noise: float = 0.2, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Points on the arms of a spiral, one arm a class: ``x`` of shape (classes * points, 2), ``y`` int64.

    Point i of class k has the radius ``r = i / (points - 1)`` and the angle
    ``t = 4 k + 4 r + noise * N(0, 1)``, and lies at ``(r sin t, r cos t)``. The classes follow one another.

    Source: A. Karpathy, CS231n, Putting it together: minimal neural network case study.

    >>> x, y = spiral(points=50)
    >>> x.shape, y[::50]
    (autotape.Size([150, 2]), tensor([0, 1, 2]))
    """
    _check(points, noise, classes)
    radius = np.tile(np.linspace(0, 1, points), classes)
    label = np.repeat(np.arange(classes), points)
    angle = 4 * label + 4 * radius + noise * source(generator).standard_normal(len(label))
    return _tensor(np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1)), Tensor._wrap(label)


def moons(points: int = 100, noise: float = 0.1, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
    """Points on two half circles that reach into one another: ``x`` of shape (2 * points, 2), ``y`` int64.

    With ``t = pi i / (points - 1)``, point i of class 0 is ``(cos t, sin t)`` and that of class 1 is
    ``(1 - cos t, 1/2 - sin t)``; ``noise * N(0, 1)`` is added to each coordinate. The classes follow one
    another.

    >>> x, y = moons(3, noise=0)
    >>> x[3:], y
    (tensor([[ 0.0000,  0.5000],
            [ 1.0000, -0.5000],
            [ 2.0000,  0.5000]]), tensor([0, 0, 0, 1, 1, 1]))
    """
    _check(points, noise)
    t = np.linspace(0, math.pi, points)
    upper = np.stack([np.cos(t), np.sin(t)], 1)
    lower = np.stack([1 - np.cos(t), 0.5 - np.sin(t)], 1)
    x = np.concatenate([upper, lower])
    x += noise * source(generator).standard_normal(x.shape)
    return _tensor(x), Tensor._wrap(np.repeat(np.arange(2), points))


def toy_sequence(
    points: int = 100, noise: float = 0.1, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """A linear problem with a known answer: ``y = 2 x1 + 3 x2 + noise * N(0, 1)``.

    ``x`` is of shape (points, 2), uniform on [0, 1); ``y`` of shape (points, 1).

    >>> x, y = toy_sequence(4, noise=0)
    >>> import autotape as at
    >>> at.allclose(y, x @ at.tensor([[2.0], [3.0]]))
    True
    """
    _check(points, noise)
    numbers = source(generator)
    x = numbers.random((points, 2))
    y = x @ np.array([[2.0], [3.0]]) + noise * numbers.standard_normal((points, 1))
    return _tensor(x), _tensor(y)


def _check(points: int, noise: float, classes: int = 1) -> None:
    if points < 1 or classes < 1:
        raise ValueError(f"points and classes must be at least 1, got {points} and {classes}")
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise must be a finite number from 0 on, got {noise}")


def _tensor(x: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Tensor:
    return Tensor._wrap(x.astype(default_dtype()))
