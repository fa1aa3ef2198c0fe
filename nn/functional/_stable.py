"""Functions of ndarrays that the activations and losses share, where NumPy's own are slow or inaccurate.

Measured on 65,536 elements of float32 without AVX-512: ``expm1`` and ``log1p`` take 15 ns each, ``exp`` and
``log`` 2, ``tanh`` 3, an ordinary pass 0.2; ``where`` on a mask without a pattern 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.arrays import as_array

__all__ = ["either", "expm1_of_negative", "log1p_exp"]

Array = np.ndarray[Any, Any]


def either(above: Array, below: float, dtype: np.dtype[Any]) -> Any:
    """1 where ``above`` holds, else ``below``."""
    if 0 <= below <= 1:
        return np.maximum(above, below, dtype=dtype)
    if below > 1:
        return np.maximum(np.multiply(~above, below, dtype=dtype), 1)
    return np.where(above, 1, below).astype(dtype)


def expm1_of_negative(x: Array) -> Any:
    """``exp(x) - 1`` for x <= 0, accurate also near 0: 2 t / (1 - t) with t = tanh(x / 2)."""
    if x.dtype.itemsize == 8:
        return np.expm1(x)  # in float64 as fast as tanh
    t = as_array(np.multiply(x, 0.5))
    np.tanh(t, out=t)
    rest = 1 - t
    t += t
    t /= rest
    return t


def log1p_exp(x: Array) -> Any:
    """``log(1 + exp(-|x|))``, accurate also where it is tiny."""
    u = as_array(np.abs(x))
    np.negative(u, out=u)
    np.exp(u, out=u)
    w = as_array(u + 1)
    lost = as_array(w - 1)  # u - lost is what the sum above rounded off
    np.subtract(u, lost, out=u)
    u /= w
    np.log(w, out=w)
    w += u
    return w
