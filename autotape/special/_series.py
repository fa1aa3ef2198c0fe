"""What the functions here are computed with: float64 arrays of one dimension, polynomials, cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor

Array = np.ndarray[Any, Any]

BLOCK = 8192  # elements at a time: the passes over them stay in the cache
_SIDE_BY_SIDE = 512  # elements up to which NumPy's calls take longer than its arithmetic


def in_double(kernel: Callable[..., Any]) -> Callable[..., Array]:
    """Decorator: the kernel, of float64 vectors of equal length, as a function of floating-point arrays.

    They are broadcast and converted, and the result is rounded once, to the dtype they promote to. Constants
    go by name. Errors: NotImplementedError for integer and complex arrays.
    """

    @wraps(kernel)
    def forward(*inputs: Any, **constants: Any) -> Any:
        dtype = np.result_type(*inputs)
        if dtype.kind != "f":
            name = kernel.__name__.strip("_")
            raise NotImplementedError(
                f'"{name}" not implemented for {dtype} tensors; convert the dtype first'
            )
        wide = [np.asarray(x, np.float64) for x in inputs]
        if len(wide) > 1:
            wide = list(np.broadcast_arrays(*wide))
        shape = wide[0].shape
        flat = [w.reshape(-1) for w in wide]
        size = flat[0].size
        if size <= BLOCK:
            y = kernel(*flat, **constants)
        else:
            y = np.empty(size)
            for start in range(0, size, BLOCK):
                y[start : start + BLOCK] = kernel(*[f[start : start + BLOCK] for f in flat], **constants)
        return y.reshape(shape).astype(dtype, copy=False)

    return forward


class Polynomial:
    """A polynomial from its coefficients, that of the highest power first.

    It is cut into about sqrt(n) polynomials of low degree, which Horner's rule evaluates side by side and
    then combines: the arithmetic of one Horner rule in a third of the NumPy calls. Long vectors
    are evaluated in the same order, one polynomial after the other, in less memory.
    """

    def __init__(self, *coefficients: float) -> None:
        count = len(coefficients)
        self.width = math.isqrt(count - 1) + 1
        rows = -(-count // self.width)
        padded = np.zeros(rows * self.width)
        padded[padded.size - count :] = coefficients
        # columns[j] holds, for each row, the coefficient of the j-th highest power in it.
        self.columns = np.ascontiguousarray(padded.reshape(rows, self.width).T)[:, :, None]
        self.rows = padded.reshape(rows, self.width).tolist()

    def __call__(self, x: Array) -> Any:
        step = x * x
        for _ in range(self.width - 2):
            step *= x  # np.power takes 20 times as long
        if x.size > _SIDE_BY_SIDE:
            value = None
            for first, *middle, last in self.rows:
                part = x * first
                for coefficient in middle:
                    part += coefficient
                    part *= x
                part += last
                value = (
                    part if value is None else np.add(np.multiply(value, step, out=value), part, out=value)
                )
            return value
        parts = self.columns[0] * x
        for column in self.columns[1:-1]:
            parts += column
            parts *= x
        parts += self.columns[-1]
        value = parts[0]
        for part in parts[1:]:
            value *= step
            value += part
        return value


def assign(y: Array, where: Array, function: Callable[..., Any], *inputs: Array) -> None:
    """``y[where] = function(*inputs)``, computed there alone."""
    if where.all():
        y[...] = function(*inputs)
    elif where.any():
        y[where] = function(*[x[where] for x in inputs])


def both(function: Any) -> Callable[..., Any]:
    """An elementwise function for use in rules: itself on Tensors, its NumPy forward on ndarrays."""
    forward = function.operation.forward
    return lambda *inputs: (
        function(*inputs) if any(isinstance(x, Tensor) for x in inputs) else forward(*inputs)
    )


def sin_pi(x: Array) -> Array:
    """``sin(pi * x)``, to the last bits also next to its zeros; those are 0.0."""
    nearest = np.rint(x)
    s = np.sin(math.pi * (x - nearest))
    return np.where(np.fmod(nearest, 2) == 0, s, -s) + 0.0
